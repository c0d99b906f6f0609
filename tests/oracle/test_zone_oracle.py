#!/usr/bin/python3
"""Zones against Python's zoneinfo, which shares no code with ours but the tzdata files.

Offsets at random instants of 1970-2199 and around every transition found; hours; local times in gaps and overlaps.
"""
import os
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ZONES = ["UTC", "Asia/Kolkata", "America/Sao_Paulo", "Australia/Lord_Howe", "Europe/Moscow", "America/New_York", "Pacific/Apia",
         "Africa/Casablanca", "Asia/Kathmandu", "Europe/Dublin", "America/St_Johns", "Pacific/Chatham", "Asia/Gaza", "America/Godthab",
         "Antarctica/Troll", "Africa/Monrovia"]
SEED = int(os.environ.get("METERD_SEED", "20260329"))
END = 7258118400
EPOCH = datetime(1970, 1, 1)
BUILD = os.environ.get("METERD_BUILD", "build/dev")
DRIVER = os.path.join(BUILD, "tests", "zone_driver")


def offset(zone, instant):
    delta = datetime.fromtimestamp(instant, timezone.utc).astimezone(zone).utcoffset()
    return delta.days * 86400 + delta.seconds


def transitions(zone):
    """Every change of offset in 1970-2199, by bisection between daily probes."""
    found, before = [], offset(zone, 0)
    step = 86400 * 2
    for day in range(step, END, step):
        after = offset(zone, day)
        if after == before:
            continue
        low, high = day - step, day
        while high - low > 1:
            middle = (low + high) // 2
            if offset(zone, middle) == before:
                low = middle
            else:
                high = middle
        found.append((high, before, after))
        before = after
    return found


def expected_hour(zone, instant, changes):
    o = offset(zone, instant)
    start = instant - (instant + o) % 3600
    end = start + 3600
    for at, _, _ in changes:
        if start < at <= instant:
            start = at
        if instant < at < end:
            end = at
    return start, end


def expected_instant(zone, local):
    """The first instant that shows this local time; in a gap the instant at which it ends."""
    naive = EPOCH + timedelta(seconds=local)
    candidates = sorted(local - int(naive.replace(tzinfo=zone, fold=fold).utcoffset().total_seconds()) for fold in (0, 1))
    for instant in candidates:
        if instant + offset(zone, instant) == local:
            return instant
    low, high = min(candidates) - 1, max(candidates) + 1  # in a gap: bisect the jump over `local`
    while high - low > 1:
        middle = (low + high) // 2
        if middle + offset(zone, middle) < local:
            low = middle
        else:
            high = middle
    return high


def check_zone(name, rng):
    zone = ZoneInfo(name)
    changes = transitions(zone)
    instants = [rng.randrange(END) for _ in range(600)]
    locals_ = [rng.randrange(100000, END - 100000) for _ in range(200)]
    for at, before, after in changes:
        instants += [at - 3601, at - 1801, at - 1, at, at + 1, at + 1799, at + 3600]
        low, high = sorted((at + before, at + after))
        locals_ += [low - 1, low, (low + high) // 2, high - 1, high, high + 1]
    instants = [i for i in instants if 0 <= i < END]
    locals_ = [i for i in locals_ if 90000 <= i < END - 90000]
    questions, answers = [f"zone {name}"], ["ok"]
    near = {i: [c for c in changes if abs(c[0] - i) <= 7200] for i in instants}
    for i in instants:
        questions += [f"at {i}", f"hour {i}"]
        answers += [offset(zone, i), "%d %d" % expected_hour(zone, i, near[i])]
    for local in locals_:
        c = EPOCH + timedelta(seconds=local)
        questions.append(f"civil {c.year} {c.month} {c.day} {c.hour} {c.minute} {c.second}")
        answers.append(str(expected_instant(zone, local)))
    return changes, questions, answers


def main():
    rng = random.Random(SEED)
    total = 0
    for name in ZONES:
        changes, questions, answers = check_zone(name, rng)
        run = subprocess.run([DRIVER], input="\n".join(questions) + "\n", capture_output=True, text=True, check=True)
        given = run.stdout.splitlines()
        assert len(given) == len(answers), (name, len(given), len(answers))
        borders = {at for at, _, _ in changes}
        for question, answer, got in zip(questions, answers, given):
            if question.startswith("at "):
                got_offset, start, end = map(int, got.split())
                instant = int(question.split()[1])
                ok = got_offset == answer and start <= instant < end
                ok = ok and (start <= 0 or start in borders) and (end >= END or end in borders)
            else:
                ok = got == answer
            if not ok:
                print(f"{name}: {question}: expected {answer}, got {got} (seed {SEED})")
                return 1
        total += len(questions)
    print(f"{len(ZONES)} zones, {total} questions agree (seed {SEED})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
