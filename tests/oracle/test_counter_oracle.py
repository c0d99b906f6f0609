#!/usr/bin/python3
"""Counters in a map against the same rules in Python: seeded samples of several series, restarts, holes, repeated and unordered samples, numbers of many
digits. The laws beside: the windows of a day, read one by one with what stands before each, add up to what the day comes to in one; and what a series
grew by, is its last value less its first one where it never restarted. METERD_SEEDS=N tries more (default 30).
"""
import decimal
import os
import random
import subprocess
import sys

SEED = int(os.environ.get("METERD_SEED", "20260330"))
COUNT = int(os.environ.get("METERD_SEEDS", "30"))
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "counter_driver")
START = 1772323200
decimal.getcontext().prec = 60


def text(value):
    value = value.normalize()
    return f"{value:f}" if value else "0"


def run(rows, since, before):
    lines = "".join(f"{a};{b};{at};{text(v).replace('.', ',')}\n" for a, b, at, v in rows)
    out = subprocess.run([DRIVER], input=f"{since} {before}\n{lines}", check=True, capture_output=True, text=True).stdout.splitlines()
    words = out[-1].split()
    return out[:-1], words[0], dict(zip(words[1::2], map(int, words[2::2])))


def expected(rows, since, before):
    last, lines, counts = {}, [], {"opened": 0, "resets": 0, "holes": 0, "skipped": 0}
    for a, b, at, value in rows:
        if value < 0:
            lines.append("refused")
            continue
        was = last.get((a, b))
        if was and (at < was[0] or (at == was[0] and value != was[1])):
            return lines + ["ended"], "over", counts
        inside = at >= since
        if was and at == was[0]:
            counts["skipped"] += 1
            continue
        last[a, b] = (at, value)
        if inside and was and at - was[0] > before:
            counts["holes"] += 1
        if not was or not inside:
            counts["opened"] += inside and not was
            counts["skipped"] += 1
            continue
        counts["resets"] += value < was[1]
        lines.append(f"{at} {a} {b} {text(value if value < was[1] else value - was[1])}")
    return lines, "whole", counts


def check(what, rows, since, before):
    lines, end, counts = run(rows, since, before)
    theirs, their_end, their_counts = expected(rows, since, before)
    ours = [line if line[0].isdigit() else line.split()[0] for line in lines]
    if (ours, end, counts) != (theirs, their_end, their_counts):
        sys.exit(f"METERD_SEED={SEED} {what}: {rows}\nfrom {since}, before {before}:\n{lines} {end} {counts}\nexpected\n{theirs} {their_end} {their_counts}")
    return lines


def samples(chance, restarts):
    """Of a day and the hour before it, series by series or all by their time."""
    rows = []
    for i in range(chance.randrange(1, 5)):
        value, at = decimal.Decimal(chance.randrange(10 ** chance.randrange(1, 24))) / 10 ** chance.randrange(7), START - 3600 + chance.randrange(600)
        while at < START + 86400:
            rows.append(("abcd"[i], chance.choice(["x"]) if i % 2 else "", at, value))
            at += chance.choice([60, 300, 900, 3000])
            value = decimal.Decimal(chance.randrange(50)) / 10 if restarts and chance.random() < 0.05 else value + decimal.Decimal(
                chance.randrange(0, 10 ** chance.randrange(1, 9))) / 100
    if chance.random() < 0.5:
        rows.sort(key=lambda row: row[2])
    return rows


def spoiled(chance, rows):
    rows = list(rows)
    for _ in range(chance.randrange(3)):
        at = chance.randrange(len(rows))
        kind = chance.randrange(4)
        if kind == 0:
            rows.insert(at, rows[at])  # again
        elif kind == 1:
            rows[at] = (*rows[at][:3], -rows[at][3] - 1)
        elif kind == 2:
            rows.insert(chance.randrange(len(rows)), rows[at])  # out of order, mostly
        else:
            del rows[at]
    return rows


def used(lines):
    sums = {}
    for line in lines:
        _, series, *_, difference = line.split()
        sums[series] = sums.get(series, 0) + decimal.Decimal(difference)
    return sums


def check_windows(chance, rows, restarts):
    """The day in one, and in windows that are each asked for with an hour before them, as a vendor answers: what lies in the range."""
    whole = used(check("a day", rows, START, 3600))
    for length in (3600, 6 * 3600):
        sums = {}
        for since in range(START, START + 86400, length):
            part = [row for row in rows if since - 3600 <= row[2] < since + length]
            for series, n in used(check("a window", part, since, 3600)).items():
                sums[series] = sums.get(series, 0) + n
        assert sums == whole, (SEED, sums, whole)
    if restarts:
        return
    for series, n in whole.items():
        mine = [row for row in rows if row[0] == series]
        first = [row for row in mine if row[2] < START][-1:] or mine[:1]
        assert n == mine[-1][3] - first[0][3], (SEED, series)


random_ = random.Random(SEED)
for number in range(COUNT):
    has_restarts = number % 2 == 0
    good = samples(random_, has_restarts)
    check_windows(random_, good, has_restarts)
    check("spoiled", spoiled(random_, good), START, random_.choice([300, 3600]))
print(f"{COUNT} days of counters")
