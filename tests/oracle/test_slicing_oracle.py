#!/usr/bin/python3
"""Slicing against the same rules written down with fractions: seeded uses of every aggregation and scope, over a part of a period that may have
another before it, in zones whose clocks change.

METERD_SEEDS=N tries more cases (default 300 of each aggregation).
"""
import datetime
import json
import math
import os
import random
import subprocess
import sys
import zoneinfo
from fractions import Fraction

DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "slicing_driver")
SEEDS = int(os.environ.get("METERD_SEEDS", "300"))
ZONES = ("UTC", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Berlin", "America/St_Johns")
US = 1000000
BEGIN = int(datetime.datetime(2026, 3, 27, tzinfo=datetime.timezone.utc).timestamp())  # clocks change on 29 March and 4 April
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class Clock:
    """Local hours and days of a zone; an hour ends early where the offset changes within it."""

    def __init__(self, name):
        self.zone = zoneinfo.ZoneInfo(name)

    def offset(self, second):
        return int(datetime.datetime.fromtimestamp(second, self.zone).utcoffset().total_seconds())

    def hour(self, second):
        offset = self.offset(second)
        start = (second + offset) // 3600 * 3600 - offset
        end = start + 3600
        while self.offset(start) != offset:
            start += 60
        while self.offset(end - 1) != offset:
            end -= 60
        return start, end

    def day(self, second):
        date = datetime.datetime.fromtimestamp(second, self.zone).date()
        return tuple(int(datetime.datetime.combine(date + datetime.timedelta(days=add), datetime.time(), self.zone).timestamp()) for add in (0, 1))


def decimal(value):
    value = Fraction(value)
    scaled = value * 10**12
    assert scaled.denominator == 1
    digits = str(abs(scaled.numerator)).rjust(13, "0")
    return ("-" if value < 0 else "") + digits[:-12] + "." + digits[-12:]


def nearest(value):
    """To 12 digits, ties to even."""
    return Fraction(round(value * 10**12), 10**12)


def slice_of(case, clock, second):
    if case["scope"] == "hour":
        return clock.hour(second)
    if case["scope"] == "day":
        return clock.day(second)
    return case["from"], case["until"]


def windows_in(clock, length, start, end):
    found, at = [], start
    while at < end:
        first, last = clock.hour(at)
        found += [second for second in range(first, last, length) if start <= second < end]
        at = last
    return found


def measure(case, clock, uses, bounds):
    """Of the uses that are placed in [start, end); None without any."""
    start, end = bounds
    inside = [use for use in uses if start <= use["placed"] < end]
    if not inside:
        return None
    kind = case["meter"]["aggregation"]
    values = [use["value"] for use in inside]
    if kind in ("sum", "count"):
        return sum(values)
    if kind in ("min", "max"):
        return {"min": min, "max": max}[kind](values)
    if kind == "last":
        return max(inside, key=lambda use: (use["time_us"], use["seq"]))["value"]
    length = int(case["meter"]["window"][:-1]) * 60
    sums = {second: Fraction(0) for second in windows_in(clock, length, start, end)}
    for use in inside:
        first, _ = clock.hour(use["placed"])
        sums[first + (use["placed"] - first) // length * length] += use["value"]
    rank = math.ceil(len(sums) * Fraction(case["meter"]["percentile"]) / 100)
    return sorted(sums.values())[rank - 1]


def rows_of_uses(case, clock, group, uses):
    if case["scope"] == "event":
        ordered = sorted(uses, key=lambda use: (use["time_us"], use["seq"]))
        return [(group, use["time_us"], use["time_us"], use["value"], use["placed"] < case["own"]) for use in ordered]
    rows, done = [], set()
    for use in uses:
        first, last = slice_of(case, clock, use["placed"])
        if first in done:
            continue
        done.add(first)
        start, end = max(first, case["from"]), min(last, case["until"])
        before = measure(case, clock, uses, (start, min(end, case["own"])))
        whole = measure(case, clock, uses, (start, end))
        has_own = any(max(start, case["own"]) <= other["placed"] < end for other in uses)
        change = whole - (before or 0)
        if before is not None:
            rows.append((group, first * US, first * US, before, True))
        if has_own or (case["meter"]["aggregation"] == "percentile" and case["own"] < end and change):
            time_us = max(first, case["own"]) * US
            rows.append((group, time_us, time_us, change, False))
    return rows


def rows_of_changes(case, clock, group, changes):
    def level_at(time_us):
        return sum(change["value"] for change in changes if change["time_us"] <= time_us)

    def level_time(until_us):
        return sum(change["value"] * (until_us - max(change["time_us"], case["from"] * US)) for change in changes if change["time_us"] < until_us)

    rows = []
    if case["scope"] == "level":
        cuts = {case["from"] * US, case["own"] * US, case["until"] * US}
        cuts |= {change["time_us"] for change in changes if case["from"] * US < change["time_us"] < case["until"] * US}
        cuts = sorted(cuts)
        for start, end in zip(cuts, cuts[1:]):
            level, earlier = level_at(start), start < case["own"] * US
            joins = rows and rows[-1][2] == start and rows[-1][3] == level and rows[-1][4] == earlier
            if joins:
                rows[-1] = (group, rows[-1][1], end, level, earlier)
            elif level:
                rows.append((group, start, end, level, earlier))
        return rows
    per = case["whole"][1] - case["whole"][0] if case["meter"]["per"] == "period" else SECONDS[case["meter"]["per"]]
    at, before = case["from"], Fraction(0)
    while at < case["until"]:
        end = min(slice_of(case, clock, at)[1], case["until"])
        if at < case["own"] < end:
            end = case["own"]
        after = nearest(level_time(end * US) / US / per)
        if after != before:
            rows.append((group, at * US, end * US, after - before, at < case["own"]))
        at, before = end, after
    return rows


def make_meter(source, kind):
    meter = {"key": "m", "service": "s", "event_type": "t", "aggregation": kind}
    if kind != "count":
        meter["value"] = "v"
    if kind == "percentile":
        meter.update(percentile=source.choice(("95", "50", "99.9", "100", "0.5")), window=source.choice(("5m", "20m", "60m")))
    if kind == "time_weighted":
        meter["per"] = source.choice(("second", "minute", "hour", "day", "period"))
    return meter


def make_case(source, kind):
    days = source.randint(1, 5)
    start = BEGIN + source.randint(0, 7) * 86400
    case = {"zone": source.choice(ZONES), "meter": make_meter(source, kind), "whole": [start, start + 31 * 86400]}
    scopes = ["period", "hour", "day", "term"] + ({"time_weighted": ["level"] * 3, "sum": ["event"] * 2, "count": ["event"]}.get(kind, []))
    if case["meter"].get("per") == "period":
        scopes.remove("term")
    case["scope"] = source.choice(scopes)
    clock = Clock(case["zone"])
    case["from"] = clock.day(start)[0]
    case["until"] = clock.day(start + days * 86400)[0] + source.choice((0, 0, 36000, 12345))
    case["own"] = source.choice((case["from"], clock.hour(source.randint(case["from"], case["until"]))[0], source.randint(case["from"], case["until"])))
    case["own"] = min(max(case["own"], case["from"]), case["until"])
    return case, clock


def make_value(source):
    return Fraction(source.choice((1, 2, 5, 7, 12, 100, -3, 1000))) / source.choice((1, 4, 10, 10**12))


def add_changes(source, case):
    changes = []
    for _ in range(source.randint(0, 12)):
        time_us = source.randint((case["from"] - 7200) * US, (case["until"] + 7200) * US)
        if changes and source.random() < 0.2:
            time_us = changes[-1]["time_us"]
        changes.append({"group": source.choice("ab"), "time_us": time_us, "value": make_value(source)})
    return changes


def add_uses(source, case, clock):
    uses = []
    for seq in range(1, source.randint(1, 40)):
        time_us = source.randint(case["from"] * US, case["until"] * US - 1)
        placed = time_us // US
        if case["meter"]["aggregation"] == "percentile":
            length, first = int(case["meter"]["window"][:-1]) * 60, clock.hour(placed)[0]
            placed = first + (placed - first) // length * length
        elif source.random() < 0.5:
            placed = clock.hour(placed)[0]  # as an hour cell
        if placed < case["from"]:
            continue
        value = Fraction(1) if case["meter"]["aggregation"] == "count" else make_value(source)
        uses.append({"group": source.choice("ab"), "placed": placed, "time_us": time_us, "seq": seq, "value": value})
    return sorted(uses, key=lambda use: use["placed"]) if uses else add_uses(source, case, clock)


def check(process, source, kind):
    case, clock = make_case(source, kind)
    rows_of, name = (rows_of_changes, "changes") if kind == "time_weighted" else (rows_of_uses, "uses")
    given = add_changes(source, case) if kind == "time_weighted" else add_uses(source, case, clock)
    value_key = "change" if kind == "time_weighted" else "quantity"
    sent = [{**{key: value for key, value in row.items() if key != "value"}, value_key: decimal(row["value"])} for row in given]
    process.stdin.write(json.dumps({**case, name: sent}) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    assert answer.startswith("["), (case, answer)
    got = [(row["group"], row["time_us"], row["until_us"], Fraction(row["quantity"]), row["earlier"]) for row in json.loads(answer)]
    expected = []
    for group in sorted({row["group"] for row in given}):
        expected += rows_of(case, clock, group, [row for row in given if row["group"] == group])
    if case["scope"] != "event":  # events are in order already
        expected.sort(key=lambda row: (row[0], row[1], not row[4]))
    if got != expected:
        print(f"case: {json.dumps({**case, name: sent})}\nexpected {[(g, t, u, str(q), e) for g, t, u, q, e in expected]}\n"
              f"got      {[(g, t, u, str(q), e) for g, t, u, q, e in got]}")
        return False
    return True


def main():
    with subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for kind in ("sum", "count", "min", "max", "last", "percentile", "time_weighted"):
            for seed in range(1, SEEDS + 1):
                if not check(process, random.Random(f"{kind} {seed}"), kind):
                    print(f"FAILED: {kind}, seed {seed}")
                    return 1
        process.stdin.close()
    print(f"{SEEDS} cases of each aggregation agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
