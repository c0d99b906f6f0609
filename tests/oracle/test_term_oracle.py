#!/usr/bin/python3
"""Limits over terms against a naive reference in fractions that shares no code: seeded tariffs of up to three versions, terms of months, quarters and
years, one or several of them, that begin anywhere, starts, ends, use and time zones, billed by the month, the week and the day.

The reference knows nothing of running sums: it cuts the subscription's time into parts by hand, prices each by itself under the limits of its month,
and then looks at each part's place in its term: what the whole term up to its end comes to under the part's limits, less the same up to its begin.

METERD_SEED repeats a run, METERD_CASES changes the number of cases.
"""
import calendar
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from fractions import Fraction

SEED = int(os.environ.get("METERD_SEED", time.time_ns() % 2**32))
CASES = int(os.environ.get("METERD_CASES", "400"))
METERD = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "meterd")
DAY = datetime.timedelta(days=1)
rng = random.Random(SEED)


def cents(value):
    """Half even."""
    scaled = value * 100
    floor = scaled.numerator // scaled.denominator
    rest = scaled - floor
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and floor % 2)
    return Fraction(floor + up, 100)


def add_months(day, months):
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def period_of(day, unit, anchor, count=1):
    """The period [start, end) that holds a day, or so many in a row; anchor None: by the calendar."""
    if unit == "day":
        return day, day + DAY
    if unit == "week":
        start = day - (day - (anchor or datetime.date(1970, 1, 5))) % (7 * count * DAY)
        return start, start + 7 * count * DAY
    months, first = {"month": 1, "quarter": 3, "year": 12}[unit] * count, anchor or datetime.date(1970, 1, 1)
    index = ((day.year - first.year) * 12 + day.month - first.month) // months
    while add_months(first, months * index) > day:
        index -= 1
    while add_months(first, months * (index + 1)) <= day:
        index += 1
    return add_months(first, months * index), add_months(first, months * (index + 1))


def make_limits(scale):
    limits = {"components": rng.choice(["calls", ["calls", "base"], ["base"]])} if rng.random() < 0.3 else {}
    kind = rng.choice(["commitment", "commitment", "minimum", "none"])
    if kind == "commitment":
        limits["commitment"] = {"amount": rng.randrange(20, 400) * scale, "overage": rng.choice(["1", "1.5", "1.333", "0.8"]),
                                "true_up": rng.random() < 0.8, "prorate": rng.choice(["none", "day"])}
    if kind == "minimum":
        limits["minimum"] = rng.randrange(20, 400) * scale
        limits["minimum_prorate"] = rng.choice(["none", "day"])
    if kind == "none" or rng.random() < 0.4:
        limits["cap"] = rng.randrange(400, 800) * scale
    return limits


def make_length():
    """Half a year, five weeks, three years; by the calendar what makes a year."""
    every, count = rng.choice([("quarter", 1), ("quarter", 1), ("year", 1), ("year", 1), ("month", 6), ("month", 4), ("quarter", 2), ("month", 5), ("month", 18),
                               ("year", 2), ("year", 3), ("week", 5), ("week", 13)])
    is_of_calendar = every != "week" and 12 % ({"month": 1, "quarter": 3, "year": 12}[every] * count) == 0
    return {"every": every, "anchor": rng.choice(["anniversary", "anniversary", "calendar" if is_of_calendar else "anniversary"]),
            **({"count": count} if count > 1 or rng.random() < 0.1 else {})}


def make_case():
    start = datetime.date(2026, 1, 1) + rng.randrange(120) * DAY
    end = start + rng.choice([rng.randrange(20, 500), rng.randrange(20, 1300)]) * DAY
    versions, day = [], datetime.date(2026, 1, 1)
    for index in range(rng.choice([1, 1, 2, 3])):
        versions.append({"from": day, "unit": Fraction(rng.randrange(1, 400), 100), "fee": rng.choice([0, 0, 7]), "reset": index > 0 and rng.random() < 0.3,
                         "cap": rng.choice([None, None, 60]), "minimum": rng.choice([None, None, 9]),
                         "term": {**make_length(), **make_limits(rng.choice([1, 3]))} if rng.random() < 0.9 else None})
        day += rng.randrange(5, 200) * DAY
    use = [(start + rng.randrange((end - start).days) * DAY, rng.randrange(1, 40)) for _ in range(rng.randrange(1, 40))]
    return {"start": start, "end": end, "versions": versions, "use": use, "zone": rng.choice(["UTC", "Europe/Berlin", "America/New_York"]),
            "billing": rng.choice(["month", "month", "month", "week", "day"])}


def document_of(case):
    def version(v):
        found = {"from": str(v["from"]), "components": [{"key": "calls", "meter": "calls", "per_unit": str(float(v["unit"]))},
                                                        {"key": "base", "recurring": {"amount": v["fee"], "prorate": "none"}}]}
        found.update({name: v[name] for name in ("cap", "minimum") if v[name] is not None})
        if v["reset"]:
            found["reset"] = True
        if v["term"]:
            found["term"] = v["term"]
        return found

    return {"key": "t", "currency": "EUR", "versions": [version(v) for v in case["versions"]]}


# ---- the reference ----

def version_at(case, day):
    return [v for v in case["versions"] if v["from"] <= day][-1]


def term_of(case, version, day):
    """(start, end, runs from, runs to) of the term that holds a day."""
    resets = [v["from"] for v in case["versions"] if v["reset"] and v["from"] > case["start"]]
    first = max([case["start"]] + [r for r in resets if r <= day])
    start, end = period_of(day, version["term"]["every"], None if version["term"]["anchor"] == "calendar" else first,
                           version["term"].get("count", 1))
    return start, end, max(start, case["start"]), min([end, case["end"]] + [r for r in resets if r > day])


def parts_of(case):
    """Days in a row of one billing period, version and term."""
    parts, day = [], case["start"]
    while day < case["end"]:
        version, period = version_at(case, day), period_of(day, case["billing"], None)
        term = term_of(case, version, day) if version["term"] else None
        name = (period, id(version), term[0] if term else None)
        if parts and parts[-1]["name"] == name:
            parts[-1]["end"] = day + DAY
        else:
            parts.append({"name": name, "start": day, "end": day + DAY, "version": version, "period": period, "term": term})
        day += DAY
    return parts


def price_alone(case, parts):
    """What each part comes to under the limits of its billing period."""
    for index, part in enumerate(parts):
        version, siblings = part["version"], [p for p in parts[:index] if p["period"] == part["period"]]
        used = sum(quantity for day, quantity in case["use"] if part["start"] <= day < part["end"])
        lines = {"calls": used * version["unit"], "base": Fraction(0 if siblings else version["fee"])}
        before = sum(p["alone"] for p in siblings)
        if version["cap"] is not None:
            left = max(version["cap"] - before, 0)
            for key in ("calls", "base"):  # the first lines fill the cap
                lines[key] = min(lines[key], left)
                left -= lines[key]
        own = sum(lines.values())
        is_last = index + 1 == len(parts) or parts[index + 1]["period"] != part["period"]
        missing = max(version["minimum"] - before - own, 0) if version["minimum"] is not None and is_last else 0
        part["alone"] = own + missing
        counted = version["term"] and version["term"].get("components")
        part["counted"] = sum(lines[key] for key in ([counted] if isinstance(counted, str) else counted)) if counted else part["alone"]


def share(amount, prorate, term):
    start, end, runs_from, runs_to = term
    return Fraction(amount) if prorate == "none" else Fraction(amount) * (runs_to - runs_from).days / (end - start).days


def comes_to(limits, term, total, is_end):
    """What a term is charged whose lines come to so much."""
    commitment = limits.get("commitment")
    if commitment:
        committed = share(commitment["amount"], commitment["prorate"], term)
        charged = total + cents(max(total - committed, 0) * (Fraction(commitment["overage"]) - 1))
    else:
        charged = total
    if "cap" in limits:
        charged = min(charged, limits["cap"])
    if not is_end:
        return charged
    if commitment and commitment["true_up"]:
        charged += cents(max(committed - charged, 0))
    if "minimum" in limits:
        charged += cents(max(share(limits["minimum"], limits["minimum_prorate"], term) - charged, 0))
    return charged


def reference(case):
    parts = parts_of(case)
    price_alone(case, parts)
    totals = []
    for index, part in enumerate(parts):
        total = part["alone"]
        if part["term"]:
            before = sum(p["counted"] for p in parts[:index] if p["term"] and p["term"][0] == part["term"][0])
            after = comes_to(part["version"]["term"], part["term"], before + part["counted"], part["end"] == part["term"][3])
            total += after - comes_to(part["version"]["term"], part["term"], before, False) - part["counted"]
        totals.append((part["start"], part["end"], total))
    return totals


# ---- meterd ----

def answer_of(case, folder):
    tariff, series = os.path.join(folder, "t.json"), os.path.join(folder, "s.csv")
    with open(tariff, "w", encoding="utf-8") as file:
        json.dump(document_of(case), file)
    with open(series, "w", encoding="utf-8") as file:
        file.write("time,quantity\n" + "".join(f"{day}T12:00:00Z,{quantity}\n" for day, quantity in case["use"]))
    done = subprocess.run([METERD, "price", tariff, "--series", series, "--start", str(case["start"]), "--end", str(case["end"]), "--zone", case["zone"],
                           "--billing", case["billing"], "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (SEED, case, done.stderr)
    answer = json.loads(done.stdout)
    return [(datetime.date.fromisoformat(p["from"][:10]), datetime.date.fromisoformat(p["to"][:10]), Fraction(p["total"])) for p in answer["periods"]]


def main():
    seen = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(CASES):
            case = make_case()
            expected, got = reference(case), answer_of(case, folder)
            assert got == expected, (SEED, number, json.dumps(document_of(case)), case, [pair for pair in zip(expected, got) if pair[0] != pair[1]][:3])
            seen += sum(1 for part in parts_of(case) if part["term"] and part["end"] == part["term"][3])
    assert seen > CASES // 2, seen
    print(f"{CASES} cases, {seen} ends of terms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
