#!/usr/bin/python3
"""Windows, ticks and what is due against the rules written down with Python's zoneinfo: clocks are walked minute by minute, dates are counted, and a
plan is a sorted list. Near changes of clocks and on ordinary days.

METERD_SEEDS=N tries N rounds of questions for each zone (default 40); METERD_SEED repeats one.
"""
import os
import random
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ZONES = ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Europe/Moscow", "America/New_York", "America/Sao_Paulo",
         "Antarctica/Troll", "Africa/Casablanca"]
# Clocks change: Lord Howe, Apia's lost day and its later summers, Moscow's last change, New York, São Paulo at midnight.
NEAR = ["2026-04-04T15:00", "2026-10-03T15:30", "2011-12-30T10:00", "2014-10-25T22:00", "2026-03-08T07:00", "2026-11-01T06:00", "2018-02-18T02:00",
        "2018-11-04T03:00", "2026-03-29T01:00", "2026-02-15T02:00", "2026-03-22T02:00"]
PIECES = {"1m": 60, "15m": 900, "30m": 1800, "hour": 3600, "6h": 21600, "12h": 43200}
DAYS = {"day": 1, "2d": 2, "7d": 7, "10d": 10}
ELAPSED = {"7h": 25200, "36h": 129600}  # by no clock
EPOCH = date(1970, 1, 1)
SEED = int(os.environ.get("METERD_SEED", "20260329"))
ROUNDS = int(os.environ.get("METERD_SEEDS", "40"))
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "window_driver")
HOUR, DAY, SLACK = 3600, 86400, 600
LENGTHS = list(PIECES) + list(DAYS) + list(ELAPSED) + ["month"]


class Clock:
    def __init__(self, name):
        self.zone, self.cache = ZoneInfo(name), {}

    def local(self, instant):
        """What the zone's clock shows, as seconds since 1970-01-01 of its own."""
        if instant not in self.cache:
            shown = datetime.fromtimestamp(instant, timezone.utc).astimezone(self.zone)
            self.cache[instant] = instant + int(shown.utcoffset().total_seconds())
        return self.cache[instant]

    def day(self, instant):
        return self.local(instant) // DAY

    def first(self, wanted):
        """The first instant at which the clock shows `wanted` or later, behind which it stays there but for changes back."""
        instant = wanted - 15 * HOUR
        while self.local(instant) < wanted:
            instant += 60
        return instant

    def midnight(self, day):
        return self.first(day * DAY)


def piece(clock, seconds, instant):
    shown = clock.local(instant) // seconds
    low = instant - instant % 60
    while clock.local(low - 60) // seconds == shown:
        low -= 60
    high = instant - instant % 60 + 60
    while clock.local(high) // seconds == shown:
        high += 60
    return low, high


def window(clock, length, instant):
    if length in PIECES:
        return piece(clock, PIECES[length], instant)
    if length in ELAPSED:
        begin = instant // ELAPSED[length] * ELAPSED[length]
        return begin, begin + ELAPSED[length]
    if length in ("month", "periods"):
        shown = EPOCH + timedelta(days=clock.day(instant))
        months = shown.year * 12 + shown.month - 1
        while midnight_of_month(clock, months) > instant:
            months -= 1
        while midnight_of_month(clock, months + 1) <= instant:
            months += 1
        return midnight_of_month(clock, months), midnight_of_month(clock, months + 1)
    count = DAYS[length]
    day = clock.day(instant)
    while clock.midnight(day) > instant:
        day -= 1
    while clock.midnight(day + 1) <= instant:
        day += 1
    monday = 4 if count % 7 == 0 else 0
    first = monday + (day - monday) // count * count
    return clock.midnight(first), clock.midnight(first + count)


def midnight_of_month(clock, months):
    return clock.midnight((date(months // 12, months % 12 + 1, 1) - EPOCH).days)


def tick(clock, every, at, instant):
    """The least of all ticks of the days around that is not before."""
    if every == 0:
        return instant
    if every > DAY and every % DAY:
        first = clock.first(at)
        return first + -(-(instant - first) // every) * every
    step = max(every // DAY, 1)
    monday = 4 if step % 7 == 0 else 0
    today = clock.day(instant)
    found = []
    first = monday + (today - 2 * step - monday) // step * step
    for day in range(first, today + 3 * step + 1, step):
        begin, end = clock.first(day * DAY + at), clock.first((day + step) * DAY + at)
        found += range(begin, max(end, begin + 1), every) if every < DAY else [begin]
    return min(moment for moment in found if moment >= instant)


def last(clock, length, instant, unit):
    begin, end = window(clock, length, instant)
    if unit % DAY:
        return max(begin, end - unit)
    shown = clock.local(end)
    return max(begin, clock.first(shown - unit))


def due(clock, plan, instant, read, now):
    length, every, at, lateness, open_, keeps, names, rereads = plan
    begin, end = window(clock, length, instant)
    following = window(clock, length, end)[1]
    gone = [begin + keeps] if keeps else []
    gone += [following] if "l" in names else [end] if "c" in names else []
    forgotten = min(gone, default=1 << 60)
    if read > now + SLACK:
        read = 0
    if length == "periods":
        return named_due(clock, plan, (begin, end, forgotten), read, now)
    month_end = window(clock, "month", end - 1)[1]
    first = end + lateness
    moments = {first} | {month_end + after if of_month else end + after for of_month, after in rereads}
    moments = sorted(moment for moment in moments if first <= moment < forgotten)
    left = [moment for moment in moments if moment > read]
    if moments and not left:
        return "settled"
    if now >= forgotten:
        return "forgotten"
    if open_ and now < end:
        drafts = [moment for moment in range(begin + open_, end, open_) if moment > read]
        if drafts:
            return f"read {drafts[0]} 2 1 0"
    if not moments:
        return "forgotten"
    moment = tick(clock, every, at, left[0])
    if moment >= forgotten:
        moment = left[0]
    order = 1 if left[0] > moments[0] else 3 if following + lateness <= now else 0
    return f"read {moment} {order} 0 {int(max(moment, now) >= moments[-1])}"


def named_due(clock, plan, limits, read, now):
    """Current and last: each tick while the name holds; in microseconds behind the last reading, so a tick at that second is past."""
    begin, end, forgotten = limits
    _, every, at, _, _, _, names, _ = plan
    moment = tick(clock, every, at, max(read + 1, begin if "c" in names else end))
    if moment >= forgotten and "l" in names and read < end:
        moment = end
    if now >= forgotten or moment >= forgotten:
        return "settled" if read >= end else "forgotten"
    is_draft = max(moment, now) < end
    return f"read {moment} {2 if is_draft else 0 if read < end else 1} {int(is_draft)} 0"


def draw_plan(rng, clock):
    length = rng.choice(LENGTHS + ["periods"] * 3)
    every = rng.choice([900, HOUR, HOUR, 5 * HOUR, DAY, DAY, 3 * DAY, 7 * DAY, 36 * HOUR, 40 * DAY])
    rereads = [(rng.random() < 0.2, rng.choice([0, HOUR, 6 * HOUR, DAY, 3 * DAY, 10 * DAY])) for _ in range(rng.randrange(6))]
    open_ = rng.choice([0, 0, 300, HOUR, 6 * HOUR])
    names = rng.choice(["c", "l", "cl"]) if length == "periods" else "-"
    keeps = rng.choice([0, 0, 2 * DAY, 90 * DAY])
    return length, every, rng.randrange(1440) * 60, rng.choice([0, 600, 6 * HOUR, 2 * DAY]), open_, keeps, names, rereads


def spell(reread):
    of_month, after = reread
    return f"month_end+{after}s" if of_month else f"{after}s"


def draw_instant(rng):
    if rng.random() < 0.6:
        near = datetime.fromisoformat(rng.choice(NEAR)).replace(tzinfo=timezone.utc)
        return int(near.timestamp()) + rng.randrange(-30 * HOUR, 30 * HOUR)
    return rng.randrange(1200000000, 1900000000)


def questions(rng, clock):
    for _ in range(ROUNDS):
        instant = draw_instant(rng)
        length = rng.choice(LENGTHS)
        yield f"window {length} {instant}", "%d %d" % window(clock, length, instant)
        unit = rng.choice([1, 300, HOUR, DAY, DAY, 2 * DAY])
        yield f"last {length} {instant} {unit}", str(last(clock, length, instant, unit))
        every, at = rng.choice([1, 60, 900, HOUR, 5 * HOUR, 7 * HOUR, DAY, 2 * DAY, 7 * DAY, 36 * HOUR, 100 * DAY]), rng.randrange(1440) * 60
        yield f"tick {every} {at} {instant}", str(tick(clock, every, at, instant))
        plan = draw_plan(rng, clock)
        end = window(clock, plan[0], instant)[1]
        now = instant + rng.choice([0, 60, 7 * HOUR, 2 * DAY, 20 * DAY, 50 * DAY])
        read = rng.choice([0, now, now - 60, now + 60, now + DAY, end, end + plan[3], end + plan[3] + DAY, instant])
        rereads = ",".join(map(spell, plan[7])) or "-"
        numbers = " ".join(map(str, plan[1:6]))
        yield f"due {plan[0]} {numbers} {plan[6]} {read} {now} {instant} {rereads}", due(clock, plan, instant, read, now)


def main():
    rng, total = random.Random(SEED), 0
    for name in ZONES:
        clock = Clock(name)
        asked = [(f"zone {name}", "ok")] + list(questions(rng, clock))
        run = subprocess.run([DRIVER], input="".join(f"{question}\n" for question, _ in asked), capture_output=True, text=True, check=True)
        given = run.stdout.splitlines()
        assert len(given) == len(asked), (name, len(given), len(asked))
        for (question, answer), got in zip(asked, given):
            if got != answer:
                print(f"{name}: {question}: expected {answer}, got {got} (METERD_SEED={SEED})")
                return 1
        total += len(asked)
    print(f"{len(ZONES)} zones, {total} questions agree (METERD_SEED={SEED})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
