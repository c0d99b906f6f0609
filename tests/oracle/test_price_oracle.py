#!/usr/bin/python3
"""Prices against a naive reference in fractions that shares no code: seeded tariffs and quantities, many on tier borders and ties.

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
CASES = int(os.environ.get("METERD_CASES", "20000"))
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "price_driver")
DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}
rng = random.Random(SEED)


def plain(value, digits):
    """A Fraction with at most `digits` decimals, as text."""
    scaled = Fraction(value) * 10**digits
    assert scaled.denominator == 1
    sign, text = ("-" if scaled < 0 else ""), str(abs(scaled.numerator)).rjust(digits + 1, "0")
    return sign + text[: len(text) - digits] + ("." + text[-digits:] if digits else "")


def rounded(value, digits, mode):
    scaled = value * 10**digits
    low = scaled.numerator // scaled.denominator
    rest = scaled - low
    if rest:
        upward = {
            "floor": False, "ceiling": True, "down": scaled < 0, "up": scaled > 0,
            "half_up": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and scaled > 0),
            "half_even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1),
        }[mode]
        low += upward
    return Fraction(low, 10**digits)


def money(digits):
    return Fraction(rng.choice([0, 5, 1, 25, rng.randrange(10**4), rng.randrange(10**7)]), 10 ** rng.randrange(digits + 1))


def make_tiers():
    tiers, bound = [], Fraction(0)
    for _ in range(rng.randrange(5)):
        bound += Fraction(rng.randrange(1, 2000), rng.choice([1, 1, 10, 1000]))
        tiers.append((bound, money(6), money(2) if rng.random() < 0.4 else Fraction(0)))
    return tiers + [(None, money(6), money(2) if rng.random() < 0.4 else Fraction(0))]


def make_component(index, digits):
    kind = rng.choice(["per_unit", "graduated", "graduated", "volume", "volume", "package"])
    c = {"key": f"c{index}", "kind": kind, "group": rng.random() < 0.25, "free": None, "cap": None, "minimum": None, "zero": False}
    if kind == "per_unit":
        c["tiers"] = [(None, money(9), Fraction(0))]
    elif kind == "package":
        c["tiers"] = [(None, money(4), Fraction(0))]
        c["size"], c["rounding"] = Fraction(rng.randrange(1, 5000), rng.choice([1, 10])), rng.choice(["up", "down", "half_up", "half_even"])
    else:
        c["tiers"] = make_tiers()
        c["zero"] = not c["group"] and rng.random() < 0.3
    if rng.random() < 0.3:
        c["free"] = Fraction(rng.randrange(2000), rng.choice([1, 10]))
    if rng.random() < 0.3:
        c["minimum"] = rounded(Fraction(rng.randrange(10**5), 100), digits, "down")
    if rng.random() < 0.3:
        c["cap"] = (c["minimum"] or 0) + rounded(Fraction(rng.randrange(10**5), 100), digits, "down")
    return c


def document_of(c):
    d = {"key": c["key"], "meter": "m"}
    if c["kind"] == "per_unit":
        d["per_unit"] = plain(c["tiers"][0][1], 9)
    elif c["kind"] == "package":
        d["package"] = {"size": plain(c["size"], 1), "price": plain(c["tiers"][0][1], 9), "rounding": c["rounding"]}
    else:
        d[c["kind"]] = [
            {**({} if bound is None else {"up_to": plain(bound, 3)}), "unit": plain(unit, 9), "flat": plain(flat, 9)}
            for bound, unit, flat in c["tiers"]
        ]
        d["flat_at_zero"] = c["zero"]
    if c["group"]:
        d["group_by"] = ["r"]
    for name, key in (("free", "free_units"), ("minimum", "minimum"), ("cap", "cap")):
        if c[name] is not None:
            d[key] = plain(c[name], 3)
    return d


def curve(c, q):
    """What the billed quantity costs."""
    tiers = c["tiers"]
    if c["kind"] == "per_unit":
        return q * tiers[0][1]
    if c["kind"] == "package":
        return rounded(q / c["size"], 0, c["rounding"]) * tiers[0][1]
    if q < 0:
        return q * tiers[0][1]
    if q == 0:
        return tiers[0][2] if c["zero"] else Fraction(0)
    if c["kind"] == "volume":
        _, unit, flat = next(t for t in tiers if t[0] is None or q <= t[0])
        return q * unit + flat
    total, lower = Fraction(0), Fraction(0)
    for bound, unit, flat in tiers:
        if q <= lower:
            break
        total += (q if bound is None else min(q, bound)) * unit - lower * unit + flat
        lower = bound
    return total


def make_quantity(c):
    bounds = [t[0] for t in c["tiers"] if t[0] is not None] + [c["free"] or Fraction(0), c.get("size", Fraction(1))]
    q = rng.choice(
        [Fraction(0), rng.choice(bounds), rng.choice(bounds) + Fraction(1, 10**12), rng.choice(bounds) - Fraction(1, 10**12)]
        + [Fraction(rng.randrange(10**7), 10 ** rng.randrange(6)) for _ in range(3)]
        + [sum(bounds), -Fraction(rng.randrange(10**4), 10)]
    )
    return q


def reference(tariff, components, usage, minimum, closing):
    """Lines (key, dimensions, kind, amount) and the total."""
    digits, mode, in_total = tariff["digits"], tariff["mode"], tariff["place"] == "total"
    lines, exacts = [], []

    def value(exact):
        return exact if in_total else rounded(exact, digits, mode)

    for index, c in enumerate(components):
        rows = sorted((d, q) for i, d, q in usage if i == index) or [("", Fraction(0))]
        mine = []
        for dimensions, q in rows:
            if q == 0 and not c["zero"]:
                continue
            billed = max(q - c["free"], Fraction(0)) if c["free"] is not None and q > 0 else q
            mine.append([c["key"], dimensions, "usage", value(curve(c, billed))])
        if c["cap"] is not None:
            excess = sum(line[3] for line in mine) - c["cap"]
            for line in reversed(mine):
                if excess > 0 and line[3] > 0:
                    cut = min(line[3], excess)
                    line[3] -= cut
                    excess -= cut
        missing = (c["minimum"] or 0) - sum(line[3] for line in mine)
        if closing and c["minimum"] is not None and missing > 0:
            mine.append([c["key"], "", "minimum", missing])
        lines += mine
    missing = (minimum or 0) - sum(line[3] for line in lines)
    if closing and minimum is not None and missing > 0:
        lines.append(["tariff.minimum", "", "minimum", missing])
    total = sum((line[3] for line in lines), Fraction(0))
    if in_total:
        total = rounded(total, digits, mode)
        for line in lines:
            line[3] = rounded(line[3], 18, "half_even")
    return lines, total


def make_case():
    currency = rng.choice(list(DIGITS))
    tariff = {"digits": DIGITS[currency], "mode": rng.choice(["half_even", "half_up", "up", "down", "ceiling", "floor"]),
              "place": rng.choice(["line", "line", "total"])}
    components = [make_component(i, tariff["digits"]) for i in range(rng.choice([1, 1, 2, 3]))]
    minimum = rounded(Fraction(rng.randrange(10**5), 100), tariff["digits"], "down") if rng.random() < 0.3 else None
    usage = []
    for index, c in enumerate(components):
        for dimensions in rng.sample(["r=a", "r=b", "r=c"], rng.randrange(4)) if c["group"] else [""]:
            usage.append((index, dimensions, make_quantity(c)))
    closing = rng.random() < 0.7
    version = {"from": "2026-01-01", "components": [document_of(c) for c in components]}
    if minimum is not None:
        version["minimum"] = plain(minimum, 3)
    rng.shuffle(usage)
    line = json.dumps({
        "tariff": {"key": "t", "currency": currency, "rounding": {"mode": tariff["mode"], "place": tariff["place"]}, "versions": [version]},
        "usage": [{"component": i, "dimensions": d, "quantity": plain(q, 12)} for i, d, q in usage],
        "closing": closing,
    })
    return line, reference(tariff, components, usage, minimum, closing)


def differs(answer, expected):
    if not answer.startswith("{"):
        return "an error"
    got, (lines, total) = json.loads(answer), expected
    got_lines = [[g["component"], g.get("dimensions", ""), g["kind"], Fraction(g["amount"])] for g in got["lines"]]
    if got_lines != lines:
        return f"lines {[(*line[:3], str(line[3])) for line in lines]}"
    if Fraction(got["total"]) != total:
        return f"total {total}"
    if sum((line[3] for line in got_lines), Fraction(got["residue"])) != total:
        return "lines and residue that make the total"
    return None


def main():
    print(f"seed {SEED}, {CASES} cases")
    cases = [make_case() for _ in range(CASES)]
    run = subprocess.run([DRIVER], input="".join(line + "\n" for line, _ in cases), stdout=subprocess.PIPE, text=True, check=True)
    answers = run.stdout.splitlines()
    assert len(answers) == len(cases), (len(answers), len(cases))
    failed = 0
    for (line, expected), answer in zip(cases, answers):
        wrong = differs(answer, expected)
        failed += wrong is not None
        if wrong and failed <= 5:
            print(f"FAILED: {line}\n  got      {answer}\n  expected {wrong}")
    print(f"{CASES - failed} of {CASES} agree; METERD_SEED={SEED} repeats this run")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
