#!/usr/bin/python3
"""Fees by local days against Python's zoneinfo: a day's place is its date's rank among the dates that the zone really had.

Months of zones that left out a date (Apia, Fakaofo, Kiritimati, Kwajalein), and random ones; the subscription runs between random moments.
METERD_SEED repeats a run, METERD_CASES changes the number of cases.
"""
import json
import os
import random
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from zoneinfo import ZoneInfo

SEED = int(os.environ.get("METERD_SEED", time.time_ns() % 2**32))
CASES = min(int(os.environ.get("METERD_CASES", "500")), 500)
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "price_driver")
LEFT_OUT = [("Pacific/Apia", 2011, 12), ("Pacific/Fakaofo", 2011, 12), ("Pacific/Kiritimati", 1994, 12), ("Pacific/Kiritimati", 1995, 1),
            ("Pacific/Kanton", 1994, 12), ("Pacific/Kwajalein", 1993, 8)]
ZONES = ["UTC", "Asia/Kolkata", "America/Sao_Paulo", "Australia/Lord_Howe", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "America/Havana"]
QUARTER_S = 900
rng = random.Random(SEED)


def date_at(zone, instant):
    return datetime.fromtimestamp(instant, timezone.utc).astimezone(zone).date()


def month(zone, year, number):
    """Its quarter hours, and the local date of each; it begins where its first date does."""
    first = int(datetime(year, number, 1, tzinfo=timezone.utc).timestamp()) - 2 * 86400
    dates = {at: date_at(zone, at) for at in range(first, first + 36 * 86400, QUARTER_S)}
    own = [at for at, date in dates.items() if (date.year, date.month) == (year, number)]
    return own[0], own[-1] + QUARTER_S, dates


def divided(value):
    with localcontext() as context:
        context.prec = 80
        return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal(1).scaleb(-30), ROUND_HALF_EVEN)


def make_case():
    name, year, number = rng.choice(LEFT_OUT) if rng.random() < 0.5 else (rng.choice(ZONES), rng.randrange(1990, 2030), rng.randrange(1, 13))
    start, end, dates = month(ZoneInfo(name), year, number)
    had = sorted(set(dates.values()))
    begin, until = sorted(rng.sample(range(start, end + 1, QUARTER_S), 2))
    if rng.random() < 0.2:
        begin, until = start, end
    rank = {date: index for index, date in enumerate(had)}
    place = {at: rank[dates[at]] - rank[dates[start]] for at in (begin, until, end)}
    amount = rng.randrange(1, 10**6)
    fee = divided(Fraction(amount * place[until], place[end])) - divided(Fraction(amount * place[begin], place[end]))
    fee = fee.quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    document = {"key": "t", "currency": "EUR", "rounding": {"mode": "half_even", "place": "line"},
                "versions": [{"from": "1970-01-01", "components": [{"key": "c", "recurring": {"amount": str(amount), "prorate": "day"}}]}]}
    when = {"zone": name, "start_s": start, "end_s": end, "from_s": begin, "to_s": until}
    return json.dumps({"tariff": document, "when": when}), fee


def main():
    print(f"seed {SEED}, {CASES} cases")
    assert timedelta(days=30) == timedelta(seconds=month(ZoneInfo("Pacific/Apia"), 2011, 12)[1] - month(ZoneInfo("Pacific/Apia"), 2011, 12)[0])
    cases = [make_case() for _ in range(CASES)]
    run = subprocess.run([DRIVER], input="".join(line + "\n" for line, _ in cases), stdout=subprocess.PIPE, text=True, check=True)
    failed = 0
    for (line, fee), answer in zip(cases, run.stdout.splitlines(), strict=True):
        got = Decimal(json.loads(answer)["total"]) if answer.startswith("{") else answer
        failed += got != fee
        if got != fee and failed <= 5:
            print(f"FAILED: {line}\n  got      {got}\n  expected {fee}")
    print(f"{CASES - failed} of {CASES} agree; METERD_SEED={SEED} repeats this run")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
