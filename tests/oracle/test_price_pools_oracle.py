#!/usr/bin/python3
"""Pools of units and of money against a naive reference in fractions that shares no code: seeded tariffs, pools and use, in up to three parts.

The reference draws units by hand, part after part, component after component, and prices what is left once, for the whole period; money is shared
out once, over what the period comes to. The parts' lines have to add up to that, and what each pool gave too.

METERD_SEED repeats a run, METERD_CASES changes the number of cases.
"""
import json
import os
import random
import subprocess
import sys
import time
from fractions import Fraction

SEED = int(os.environ.get("METERD_SEED", time.time_ns() % 2**32))
CASES = int(os.environ.get("METERD_CASES", "4000"))
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "price_driver")
MONTH_S = 31 * 86400
rng = random.Random(SEED)


def plain(value):
    digits = str(abs(int(value * 10**6))).rjust(7, "0")
    return f"{'-' if value < 0 else ''}{digits[:-6]}.{digits[-6:]}"


def cents(value):
    """Half up, away from zero."""
    scaled = abs(value) * 100 + Fraction(1, 2)
    return Fraction(scaled.numerator // scaled.denominator, 100) * (-1 if value < 0 else 1)


def make_component(index):
    tiers, bound = [], Fraction(0)
    for _ in range(rng.randrange(3)):
        bound += Fraction(rng.randrange(1, 500), rng.choice([1, 2, 10]))
        tiers.append((bound, Fraction(rng.randrange(500), 1000)))
    tiers.append((None, Fraction(rng.randrange(500), 1000)))
    return {"key": f"c{index}", "tiers": tiers, "free": Fraction(rng.choice([0, 0, 7, 50])), "minimum": rng.choice([None, None, Fraction(20)])}


def document(component):
    tiers = [{"unit": plain(unit), **({"up_to": plain(bound)} if bound is not None else {})} for bound, unit in component["tiers"]]
    found = {"key": component["key"], "meter": "m", "graduated": tiers, "free_units": plain(component["free"])}
    return {**found, "minimum": plain(component["minimum"])} if component["minimum"] is not None else found


def curve(component, units):
    cost, low = Fraction(0), Fraction(0)
    for bound, unit in component["tiers"]:
        high = units if bound is None else min(units, bound)
        cost += max(high - low, 0) * unit
        low = max(low, high)
    return cost


def make_pool(index, components):
    covered = [c["key"] for c in components if rng.random() < 0.5]
    return {"key": f"p{index}", "money": rng.random() < 0.5, "size": Fraction(rng.randrange(20000), 100), "priority": rng.randrange(3),
            "expires": rng.randrange(3), "components": covered}


def pool_document(pool):
    return {"key": pool["key"], "money" if pool["money"] else "units": plain(pool["size"]), "priority": pool["priority"],
            "expires": pool["expires"], "components": pool["components"]}


def covers(pool, key):
    return not pool["components"] or key in pool["components"]


def reference(components, pools, parts):
    """(amount by component, drawn by pool)"""
    order = sorted(pools, key=lambda p: (p["priority"], p["expires"], p["key"]))
    drawn = {p["key"]: Fraction(0) for p in pools}
    use, billed = [Fraction(0)] * len(components), [Fraction(0)] * len(components)
    for part in parts:
        for i, component in enumerate(components):
            more = max(use[i] + part[i] - component["free"], 0) - max(use[i] - component["free"], 0)
            use[i] += part[i]
            for pool in order:
                if not pool["money"] and covers(pool, component["key"]):
                    taken = min(more, pool["size"] - drawn[pool["key"]])
                    drawn[pool["key"]] += taken
                    more -= taken
            billed[i] += more
    amounts = {}
    for i, component in enumerate(components):
        amounts[component["key"]] = max(cents(curve(component, billed[i])), component["minimum"] or 0)
    due = dict(amounts)
    for pool in order:
        if not pool["money"]:
            continue
        for key in due:
            if covers(pool, key):
                taken = min(due[key], pool["size"] - drawn[pool["key"]])
                drawn[pool["key"]] += taken
                due[key] -= taken
    return amounts, drawn


def make_case():
    components = [make_component(i) for i in range(rng.randrange(1, 4))]
    pools = [make_pool(i, components) for i in range(rng.randrange(5))]
    parts = [[Fraction(rng.randrange(4000), 10) if rng.random() < 0.8 else Fraction(0) for _ in components] for _ in range(rng.randrange(1, 4))]
    return components, pools, parts


def usage_of(parts, index):
    rows = []
    for number, part in enumerate(parts[: index + 1]):
        for component, quantity in enumerate(part):
            rows.append({"component": component, "quantity": plain(quantity), "from_us": number * 10**6, "earlier": number < index})
    return rows


def case_document(components, pools, parts):
    tariff = {"key": "t", "currency": "EUR", "rounding": {"mode": "half_up", "place": "line"},
              "versions": [{"from": "2026-01-01", "components": [document(c) for c in components]}]}
    step = MONTH_S // len(parts)
    pieces = [{"version": 0, "from_s": i * step, "to_s": MONTH_S if i + 1 == len(parts) else (i + 1) * step, "usage": usage_of(parts, i)}
              for i in range(len(parts))]
    return {"tariff": tariff, "parts": pieces, "pools": [pool_document(p) for p in pools]}


def compare(components, pools, parts, answer):
    amounts, drawn = reference(components, pools, parts)
    got_amounts, got_drawn = dict.fromkeys(amounts, Fraction(0)), dict.fromkeys(drawn, Fraction(0))
    total = Fraction(0)
    for price in answer:
        total += Fraction(price["total"])
        for line in price["lines"]:
            if line["kind"] == "draw":
                got_drawn[line["component"]] += Fraction(line["quantity"])
            elif line["kind"] == "credit":
                got_drawn[line["component"]] -= Fraction(line["amount"])
            else:
                got_amounts[line["component"]] += Fraction(line["amount"])
    assert got_amounts == amounts, ("amounts", got_amounts, amounts)
    assert got_drawn == drawn, ("drawn", got_drawn, drawn)
    money = sum(drawn[p["key"]] for p in pools if p["money"])
    assert total == sum(amounts.values()) - money, ("total", total)


def main():
    print(f"seed {SEED}, {CASES} cases")
    driver = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    for number in range(CASES):
        components, pools, parts = make_case()
        question = case_document(components, pools, parts)
        driver.stdin.write(json.dumps(question) + "\n")
        answer = driver.stdout.readline()
        try:
            compare(components, pools, parts, json.loads(answer))
        except (AssertionError, ValueError) as error:
            print(f"case {number} of seed {SEED}: {error}\n{json.dumps(question)}\n{answer}")
            return 1
    driver.stdin.close()
    driver.wait()
    print("all agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
