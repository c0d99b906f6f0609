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


def divided(value):
    """What divisions end with: 30 digits."""
    return rounded(value, 30, "half_even")


TIERED = {"graduated", "volume", "graduated_percentage", "stairstep"}
KINDS = ["per_unit", "graduated", "graduated", "volume", "volume", "package", "percentage", "graduated_percentage", "dynamic", "stairstep",
         "blocks", "increments"]
MODES = ["half_even", "half_up", "up", "down", "ceiling", "floor"]


def make_increments():
    rows, start = [], Fraction(0)
    for _ in range(rng.randrange(1, 4)):
        step = Fraction(rng.randrange(1, 100), rng.choice([1, 1, 10]))
        rows.append((start, money(4), Fraction(rng.choice([1, 60, 3, 7, 1000]), rng.choice([1, 10])), step))
        start += step * rng.randrange(1, 20)
    return rows


def make_blocks():
    rows = [(Fraction(rng.randrange(1, 2000), rng.choice([1, 10])), rng.randrange(1, 20), money(4)) for _ in range(rng.randrange(4))]
    return rows + [(Fraction(rng.randrange(1, 2000)), None, money(4))]


def make_convert():
    convert = {"multiply": Fraction(rng.randrange(1, 5000), 100), "divide": Fraction(rng.choice([1000, 3, 7, 60, 1024, rng.randrange(1, 10**6)])),
               "rounding": rng.choice(MODES), "digits": None, "step": None}
    convert[rng.choice(["digits", "step"])] = rng.choice([0, 1, 2, 12])
    if convert["step"] is not None:
        convert["step"] = Fraction(rng.randrange(1, 200), rng.choice([1, 4]))
    return convert


def make_commitment(digits):
    return {"amount": rounded(Fraction(rng.randrange(10**5), 100), digits, "down"), "overage": Fraction(rng.choice([0, 50, 80, 100, 120, 133, 200]), 100),
            "true_up": rng.random() < 0.7, "prorate": rng.random() < 0.5}


def make_component(index, digits):
    kind = rng.choice(KINDS)
    c = {"key": f"c{index}", "kind": kind, "group": rng.random() < 0.25, "free": None, "cap": None, "minimum": None, "zero": False,
         "convert": None, "discount": None, "markup": None, "commitment": None, "minimum_prorate": False}
    if kind in ("per_unit", "dynamic"):
        c["tiers"] = [(None, money(9), Fraction(0))]
    elif kind == "percentage":
        c["tiers"] = [(None, money(6) / 100, money(2))]
    elif kind == "package":
        c["tiers"] = [(None, money(4), Fraction(0))]
        c["size"] = Fraction(rng.randrange(1, 5000), rng.choice([1, 10]))
        c["rounding"] = rng.choice(["up", "down", "half_up", "half_even", "none"])
    elif kind == "increments":
        c["tiers"], c["connect"], c["rows"] = [], money(2), make_increments()
    elif kind == "blocks":
        c["tiers"], c["mode"], c["rows"] = [], rng.choice(["graduated", "volume"]), make_blocks()
    else:
        c["tiers"] = make_tiers()
        if kind == "graduated_percentage":
            c["tiers"] = [(bound, unit / 100, flat) for bound, unit, flat in c["tiers"]]
        if kind == "stairstep":
            c["tiers"] = [(bound, Fraction(0), flat) for bound, _, flat in c["tiers"]]
        c["zero"] = not c["group"] and rng.random() < 0.3
    if rng.random() < 0.3:
        c["free"] = Fraction(rng.randrange(2000), rng.choice([1, 10]))
    if rng.random() < 0.3:
        c["minimum"] = rounded(Fraction(rng.randrange(10**5), 100), digits, "down")
    if rng.random() < 0.3:
        c["cap"] = (c["minimum"] or 0) + rounded(Fraction(rng.randrange(10**5), 100), digits, "down")
    c["minimum_prorate"] = c["minimum"] is not None and rng.random() < 0.3
    if rng.random() < 0.25:
        c["convert"] = make_convert()
    if rng.random() < 0.25:
        c["discount"] = Fraction(rng.randrange(10001), 100)
    if rng.random() < 0.2:
        c["markup"] = Fraction(rng.randrange(20000), 100)
    if rng.random() < 0.25:
        c["commitment"] = make_commitment(digits)
        c["commitment"]["true_up"] &= c["minimum"] is None
        if c["cap"] is not None:
            c["cap"] += c["commitment"]["amount"]
    return c


def commitment_document(commitment):
    return {"amount": plain(commitment["amount"], 3), "overage": plain(commitment["overage"], 2), "true_up": commitment["true_up"],
            "prorate": "second" if commitment["prorate"] else "none"}


def parts_document(c):
    d = {}
    if c["convert"]:
        d["convert"] = {"multiply": plain(c["convert"]["multiply"], 2), "divide": plain(c["convert"]["divide"], 0), "rounding": c["convert"]["rounding"]}
        if c["convert"]["digits"] is not None:
            d["convert"]["digits"] = c["convert"]["digits"]
        else:
            d["convert"]["step"] = plain(c["convert"]["step"], 2)
    for name in ("discount", "markup"):
        if c[name] is not None:
            d[name] = {"percent": plain(c[name], 2)}
    if c["commitment"]:
        d["commitment"] = commitment_document(c["commitment"])
    if c["minimum_prorate"]:
        d["minimum_prorate"] = "second"
    return d


def rows_document(c):
    if c["kind"] == "increments":
        return {"connect": plain(c["connect"], 2), "steps": [
            {"from": plain(start, 1), "price": plain(price, 4), "per": plain(per, 1), "step": plain(step, 1)} for start, price, per, step in c["rows"]]}
    return {"mode": c["mode"], "tiers": [{"size": plain(size, 1), "price": plain(price, 4), **({} if blocks is None else {"blocks": blocks})}
                                         for size, blocks, price in c["rows"]]}


def document_of(c):
    d = {"key": c["key"], "meter": "m", **parts_document(c)}
    if c["kind"] == "per_unit":
        d["per_unit"] = plain(c["tiers"][0][1], 9)
    elif c["kind"] == "dynamic":
        d["dynamic"] = {"multiplier": plain(c["tiers"][0][1], 9)}
    elif c["kind"] == "percentage":
        d["percentage"] = {"rate": plain(c["tiers"][0][1] * 100, 6), "fixed": plain(c["tiers"][0][2], 2)}
    elif c["kind"] in ("blocks", "increments"):
        d[c["kind"]] = rows_document(c)
    elif c["kind"] == "stairstep":
        d["stairstep"] = [{**({} if bound is None else {"up_to": plain(bound, 3)}), "amount": plain(flat, 9)} for bound, _, flat in c["tiers"]]
        d["flat_at_zero"] = c["zero"]
    elif c["kind"] == "package":
        d["package"] = {"size": plain(c["size"], 1), "price": plain(c["tiers"][0][1], 9), "rounding": c["rounding"]}
    else:
        key, factor = ("rate", 100) if c["kind"] == "graduated_percentage" else ("unit", 1)
        d[c["kind"]] = [
            {**({} if bound is None else {"up_to": plain(bound, 3)}), key: plain(unit * factor, 9), "flat": plain(flat, 9)}
            for bound, unit, flat in c["tiers"]
        ]
        d["flat_at_zero"] = c["zero"]
    if c["group"]:
        d["group_by"] = ["r"]
    for name, key in (("free", "free_units"), ("minimum", "minimum"), ("cap", "cap")):
        if c[name] is not None:
            d[key] = plain(c[name], 3)
    return d


def blocks_cost(c, q):
    rows = c["rows"]
    if q <= 0:
        return rounded(q / rows[0][0], 0, "up") * rows[0][2]
    if c["mode"] == "volume":
        rest = q
        for size, blocks, price in rows:
            if blocks is None or rest <= size * blocks:
                return rounded(q / size, 0, "up") * price
            rest -= size * blocks
    total, rest = Fraction(0), q
    for size, blocks, price in rows:
        count = rounded(rest / size, 0, "up")
        count = count if blocks is None else min(count, blocks)
        total += count * price
        rest = max(rest - count * size, Fraction(0))
    return total


def increments_cost(c, q):
    total = c["connect"] if q > 0 else Fraction(0)
    for index, (start, price, per, step) in enumerate(c["rows"]):
        if index and q <= start:
            break
        end = c["rows"][index + 1][0] if index + 1 < len(c["rows"]) else None
        width = (q if end is None else min(q, end)) - start
        total += divided(rounded(width / step, 0, "up") * step * price / per)
    return total


def converted(c, q):
    convert = c["convert"]
    if not convert:
        return q
    value = q * convert["multiply"] / convert["divide"]
    if convert["step"] is not None:
        return rounded(value / convert["step"], 0, convert["rounding"]) * convert["step"]
    return rounded(value, convert["digits"], convert["rounding"])


def adjusted(c, amount):
    for name, sign in (("discount", -1), ("markup", 1)):
        if c[name] is not None:
            amount = divided(amount * (100 + sign * c[name]) / 100)
    return amount


def curve(c, q):
    """What the billed quantity costs."""
    tiers = c["tiers"]
    if c["kind"] in ("per_unit", "dynamic"):
        return q * tiers[0][1]
    if c["kind"] == "blocks":
        return blocks_cost(c, q)
    if c["kind"] == "increments":
        return increments_cost(c, q)
    if c["kind"] == "package" and c["rounding"] == "none":
        return divided(q * tiers[0][1] / c["size"])
    if c["kind"] == "package":
        return rounded(q / c["size"], 0, c["rounding"]) * tiers[0][1]
    if q < 0:
        return q * tiers[0][1]
    if q == 0:
        return tiers[0][2] if c["zero"] else Fraction(0)
    if c["kind"] in ("volume", "stairstep"):
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
    if c["kind"] == "increments":
        bounds += [row[0] for row in c["rows"]]
    if c["kind"] == "blocks":
        bounds += [sum(row[0] * row[1] for row in c["rows"][:n]) for n in range(len(c["rows"]))]
    q = rng.choice(
        [Fraction(0), rng.choice(bounds), rng.choice(bounds) + Fraction(1, 10**12), rng.choice(bounds) - Fraction(1, 10**12)]
        + [Fraction(rng.randrange(10**7), 10 ** rng.randrange(6)) for _ in range(3)]
        + [sum(bounds), -Fraction(rng.randrange(10**4), 10)]
    )
    return q


def true_up_and_overage(commitment, use, share, closing):
    """What the factor adds beyond the commitment, and what is missing up to it."""
    committed = divided(commitment["amount"] * share) if commitment["prorate"] else commitment["amount"]
    overage = divided((use - committed) * (commitment["overage"] - 1)) if use > committed else Fraction(0)
    missing = committed - use if closing and commitment["true_up"] and use < committed else Fraction(0)
    return overage, missing


def apply_cap(lines, cap):
    """From the last line on: the first ones fill the cap."""
    excess = sum(line[3] for line in lines) - cap if cap is not None else Fraction(0)
    for line in reversed(lines):
        if excess > 0 and line[3] > 0:
            cut = min(line[3], excess)
            line[3] -= cut
            excess -= cut


def reference(tariff, components, usage, whole, closing, share):
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
            use = converted(c, q)
            billed = max(use - c["free"], Fraction(0)) if c["free"] is not None and use > 0 else use
            mine.append([c["key"], dimensions, "usage", value(adjusted(c, curve(c, billed)))])
        if c["commitment"]:
            overage, _ = true_up_and_overage(c["commitment"], sum(line[3] for line in mine), share, closing)
            if overage:
                mine.append([c["key"], "", "overage", value(overage)])
        apply_cap(mine, c["cap"])
        least = divided((c["minimum"] or 0) * (share if c["minimum_prorate"] else 1))
        missing = least - sum(line[3] for line in mine)
        if closing and c["minimum"] is not None and missing > 0:
            mine.append([c["key"], "", "minimum", value(missing)])
        if c["commitment"]:
            _, missing = true_up_and_overage(c["commitment"], sum(line[3] for line in mine if line[2] != "overage"), share, closing)
            if missing:
                mine.append([c["key"], "", "commitment", value(missing)])
        lines += mine
    if whole["commitment"]:
        overage, _ = true_up_and_overage(whole["commitment"], sum(line[3] for line in lines), share, closing)
        lines += [["tariff.commitment", "", "overage", value(overage)]] if overage else []
    apply_cap(lines, whole["cap"])
    if whole["commitment"]:
        use = sum(line[3] for line in lines if (line[0], line[2]) != ("tariff.commitment", "overage"))
        _, missing = true_up_and_overage(whole["commitment"], use, share, closing)
        lines += [["tariff.commitment", "", "commitment", value(missing)]] if missing else []
    missing = (whole["minimum"] or 0) - sum(line[3] for line in lines)
    if closing and whole["minimum"] is not None and missing > 0:
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
    whole = {"minimum": None, "commitment": None, "cap": None}
    if rng.random() < 0.3:
        whole["minimum"] = rounded(Fraction(rng.randrange(10**5), 100), tariff["digits"], "down")
    elif rng.random() < 0.3:
        whole["commitment"] = make_commitment(tariff["digits"])
    if rng.random() < 0.2:
        least = max(whole["minimum"] or 0, whole["commitment"]["amount"] if whole["commitment"] else 0)
        whole["cap"] = least + rounded(Fraction(rng.randrange(10**5), 100), tariff["digits"], "down")
    days = rng.choice([31, 31, rng.randrange(1, 31)])
    usage = []
    for index, c in enumerate(components):
        for dimensions in rng.sample(["r=a", "r=b", "r=c"], rng.randrange(4)) if c["group"] else [""]:
            usage.append((index, dimensions, make_quantity(c)))
    closing = rng.random() < 0.7
    version = {"from": "2026-01-01", "components": [document_of(c) for c in components]}
    if whole["minimum"] is not None:
        version["minimum"] = plain(whole["minimum"], 3)
    if whole["cap"] is not None:
        version["cap"] = plain(whole["cap"], 3)
    if whole["commitment"]:
        version["commitment"] = commitment_document(whole["commitment"])
    rng.shuffle(usage)
    line = json.dumps({
        "tariff": {"key": "t", "currency": currency, "rounding": {"mode": tariff["mode"], "place": tariff["place"]}, "versions": [version]},
        "usage": [{"component": i, "dimensions": d, "quantity": plain(q, 12)} for i, d, q in usage],
        "closing": closing,
        "runs_days": days,
    })
    return line, reference(tariff, components, usage, whole, closing, Fraction(days, 31))


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
