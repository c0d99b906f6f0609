#!/usr/bin/python3
"""Charges in other currencies against fractions: random rates as banks write them, direct, inverse and cross; tiers, caps and fees in a month, and
day by day at each day's rate.

METERD_SEED repeats a run, METERD_CASES changes the number of cases.
"""
import datetime
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from math import floor

METERD = os.path.abspath(os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "meterd"))
SEED = int(os.environ.get("METERD_SEED", time.time_ns() % 2**32))
CASES = int(os.environ.get("METERD_CASES", "250"))
MONEY_MAX = Fraction(2**127 - 1, 10**18)
DIGITS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3, "RUB": 2, "CLF": 4, "VND": 0}
CURRENCIES = sorted(DIGITS)
DAYS = [datetime.date(2026, 1, day) for day in range(1, 32)]
MODES = ("half_even", "half_up", "up", "down", "ceiling", "floor")
rng = random.Random(SEED)


def rounded(value, digits, mode):
    scaled = value * 10**digits
    low = floor(scaled)
    rest = scaled - low
    if rest == 0:
        up = False
    elif mode in ("half_even", "half_up"):
        up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (low % 2 == 1 if mode == "half_even" else scaled > 0))
    else:
        up = {"ceiling": True, "floor": False, "up": scaled > 0, "down": scaled < 0}[mode]
    return Fraction(low + up, 10**digits)


def text(value):
    """A decimal that ends."""
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    whole = f"{abs(value.numerator) * 10**digits // value.denominator:0{digits + 1}d}"
    return ("-" if value < 0 else "") + (whole[:-digits] + "." + whole[-digits:] if digits else whole)


def make_rates(day):
    """A rates document, and how much of each currency 1 base is."""
    base, quotes, per_base = rng.choice(CURRENCIES), {}, {}
    per_base[base] = Fraction(1)
    for code in CURRENCIES:
        if code == base:
            continue
        value = Fraction(rng.randrange(1, 10**rng.randrange(1, 10)), 10**rng.randrange(0, 8))
        if rng.random() < 0.5:
            quotes[code] = text(value)
            per_base[code] = value
        else:
            nominal = rng.choice((1, 10, 100, 10000))
            quotes[code] = {"nominal": nominal, "value": text(value)}
            per_base[code] = nominal / value
    return {"key": f"r-{day}", "source": "bank", "date": str(day), "base": base, "quotes": quotes}, per_base


def make_tiers():
    bounds = sorted(rng.sample(range(1, 200), rng.randrange(0, 3)))
    return [(Fraction(bound), Fraction(rng.randrange(0, 5000), 10**rng.randrange(2, 7)), Fraction(rng.randrange(0, 300), 100)) for bound in bounds + [10**15]]


def tiers_cost(tiers, quantity):
    cost, low = Fraction(0), Fraction(0)
    for bound, unit, flat in tiers:
        if quantity <= low:
            break
        cost += (min(quantity, bound) - low) * unit + flat
        low = bound
    return cost


def make_tariff(at):
    tiers, fee = make_tiers(), Fraction(rng.randrange(0, 10000), 100)
    rows = [{"up_to": text(bound), "unit": text(unit), "flat": text(flat)} for bound, unit, flat in tiers]
    del rows[-1]["up_to"]
    mode, steps = rng.choice(MODES), {code: rng.choice(("0.05", "10", "0.0003", "1000")) for code in CURRENCIES if rng.random() < 0.3}
    document = {"key": "t", "currency": rng.choice(CURRENCIES), "exchange": {"source": "bank", "at": at, "max_age_days": 0},
                "rounding": {"mode": mode, "place": rng.choice(("line", "total")), "step": steps},
                "versions": [{"from": "2026-01-01", "components": [{"key": "use", "meter": "m", "graduated": rows},
                                                                   {"key": "fee", "recurring": {"amount": text(fee)}}]}]}
    if rng.random() < 0.3:  # prices in a unit of the seller's own
        document["versions"][0]["pricing_currency"] = {"name": "POINTS", "price": text(Fraction(rng.randrange(1, 10**6), 10**rng.randrange(0, 8)))}
    return document, tiers, fee


def price(folder, document, rates, currency, *words):
    path = os.path.join(folder, "bundle.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"tariffs": [document], "rates": rates}, file)
    done = subprocess.run([METERD, "price", path, "--currency", currency, "--json", *words], capture_output=True, text=True, check=False)
    if "1.7 × 10^20" in done.stderr:
        return None
    assert done.returncode == 0, (done.stderr, document, rates)
    return json.loads(done.stdout)


def ratio(per_base, document, currency):
    return per_base[currency] / per_base[document["currency"]]


def price_of_unit(document):
    return Fraction(document["versions"][0].get("pricing_currency", {"price": 1})["price"])


def grid(value, document, currency):
    """As what is charged in the currency is rounded: to its step, or to its digits."""
    mode, step = document["rounding"]["mode"], Fraction(document["rounding"]["step"].get(currency, 0))
    return rounded(value / step, 0, mode) * step if step else rounded(value, DIGITS[currency], mode)


def charged(costs):
    """What is charged of amounts, one behind the other, each with the ratio that it is converted at: those of one ratio are one sum."""
    return sum((rounded(sum(cost for _, cost in of_one) * at, 30, "half_even") for at, of_one in itertools.groupby(costs, key=lambda c: c[0])), Fraction(0))


def check_lines(lines, exact, ledger, document, currency):
    """exact: the lines in the tariff's currency; ledger: of each line, and of all under None, what it came to in all parts (ratio, exact), and is charged."""
    place, unit = document["rounding"]["place"], price_of_unit(document)
    for line in lines:
        key, rate = line["component"], Fraction(int(line["exchange"]["numerator"]), int(line["exchange"]["denominator"]))
        assert Fraction(line["exchange"]["amount"]) == rounded(exact[key] * unit, 30, "half_even"), (key, line, exact)
        assert "pricing" not in line or Fraction(line["pricing"]["amount"]) == exact[key], (key, line, exact)
        now = (unit * rate, exact[key])
        costs, amount = ledger.get(key, ([], Fraction(0)))
        costs = costs + [now]
        expected = grid(charged(costs), document, currency) - amount if place == "line" else rounded(charged([now]), 18, "half_even")
        assert Fraction(line["amount"]) == expected, (key, line["amount"], text(expected))
        ledger[key] = (costs, amount + expected)
        of_all, amount = ledger.get(None, ([], Fraction(0)))
        ledger[None] = (of_all + [now], amount + expected)


def check_total(answer, ledger, document, currency):
    costs, amount = ledger.get(None, ([], Fraction(0)))
    total = amount if document["rounding"]["place"] == "line" else grid(charged(costs), document, currency)
    assert Fraction(answer["total"]) == total, (answer["total"], text(total))
    assert amount + Fraction(answer["residue"]) == total, (answer["residue"], text(amount), text(total))


def check_month(folder):
    document, tiers, fee = make_tariff("period_end")
    rates, per_base = make_rates(DAYS[-1])
    currency = rng.choice([code for code in CURRENCIES if code != document["currency"]])
    quantity = Fraction(rng.randrange(1, 10**6), 10**rng.randrange(0, 5))
    answer = price(folder, document, [rates], currency, "--quantity", text(quantity), "--at", "2026-01-05")
    expected = ratio(per_base, document, currency)
    if answer is None:
        assert (tiers_cost(tiers, quantity) + fee) * price_of_unit(document) * expected > MONEY_MAX, (document, rates)
        return
    for line in answer["lines"]:
        exchange = line["exchange"]
        assert Fraction(int(exchange["numerator"]), int(exchange["denominator"])) == expected, (exchange, expected)
        assert exchange["rate"] is None or Fraction(exchange["rate"]) == rounded(expected, 18, "half_even"), exchange
        derivation = "direct" if document["currency"] == rates["base"] else "inverse" if currency == rates["base"] else "cross"
        assert exchange["derivation"] == derivation and exchange["date"] == str(DAYS[-1]), exchange
    ledger = {}
    check_lines(answer["lines"], {"use": tiers_cost(tiers, quantity), "fee": fee}, ledger, document, currency)
    check_total(answer, ledger, document, currency)


def check_days(folder):
    document, tiers, fee = make_tariff("usage_day")
    rates = {day: make_rates(day) for day in DAYS}
    currency = rng.choice([code for code in CURRENCIES if code != document["currency"]])
    use = {day: Fraction(rng.randrange(0, 10**4), 10**rng.randrange(0, 4)) for day in DAYS if rng.random() < 0.4}
    use[DAYS[0]] = Fraction(1)
    path = os.path.join(folder, "series.csv")
    with open(path, "w", encoding="utf-8") as file:
        file.write("time,quantity\n" + "".join(f"{day}T12:00:00Z,{text(quantity)}\n" for day, quantity in use.items()))
    answer = price(folder, document, [pair[0] for pair in rates.values()], currency, "--series", path)
    ledger, before = {}, Fraction(0)
    if answer is None:
        assert (tiers_cost(tiers, sum(use.values())) + fee) * price_of_unit(document) * max(ratio(pair[1], document, currency) for pair in rates.values()) > MONEY_MAX, document
        return
    for day in DAYS:
        lines = [line for line in answer["lines"] if line["from"] == f"{day}T00:00:00Z"]
        after = before + use.get(day, 0)
        exact = {"use": tiers_cost(tiers, after) - tiers_cost(tiers, before), "fee": fee}
        for line in lines:
            assert Fraction(int(line["exchange"]["numerator"]), int(line["exchange"]["denominator"])) == ratio(rates[day][1], document, currency), line
        assert ("fee" in [line["component"] for line in lines]) == (day == DAYS[0]) and (use.get(day, 0) == 0 or "use" in [line["component"] for line in lines])
        check_lines(lines, exact, ledger, document, currency)
        before = after
    check_total(answer, ledger, document, currency)


with tempfile.TemporaryDirectory() as scratch:
    for number in range(CASES):
        try:
            check_month(scratch)
            if number % 5 == 0:
                check_days(scratch)
        except AssertionError:
            print(f"case {number} of METERD_SEED={SEED}", file=sys.stderr)
            raise
print(f"{CASES} months and {(CASES + 4) // 5} months of days, METERD_SEED={SEED}")
