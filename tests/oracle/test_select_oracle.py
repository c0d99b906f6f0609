#!/usr/bin/python3
"""What chooses a price against a naive reference in fractions: matrices, masks and weights, capacities, tiers chosen by another meter, fixed
and chained discounts and markups; whole periods, and periods in parts of equal versions.

METERD_SEED repeats a run, METERD_CASES changes the number of cases.
"""
import datetime
import json
import os
import subprocess
import sys
from fractions import Fraction

import test_price_oracle as base
from test_price_oracle import divided, plain, rng, rounded

CASES = int(os.environ.get("METERD_CASES", "10000"))
HOUR_S, QUARTER_S, PERIOD_S = 3600, 900, 31 * 86400
BEGIN = datetime.datetime(2026, 1, 1)
CALENDAR = {"peak": {"not": "off"}, "off": {"any": ["night", "weekend", "feast"]}, "night": {"hours": "22:00-06:00"},
            "weekend": {"days": ["sat", "sun"]}, "feast": {"dates": ["2026-01-01", "2026-01-06"]}, "noon": {"hours": "12:00-13:00", "days": "mon"},
            "half": {"hours": "00:30-07:15", "zone": "UTC"}, "work": {"days": ["tue-thu", "sat-mon"], "months": "dec-jan", "zone": "standard"},
            "closed": {"dates": ["2026-01-10..2026-01-12", "12-24..01-03", "2026-01-12..2026-01-14"]}, "spring": {"months": ["mar-may", "nov"]}}
TARIFF = {"digits": 2, "step": None, "mode": "half_even"}
SIMPLE = {"per_unit", "graduated", "volume", "package", "stairstep", "blocks", "increments", "percentage", "graduated_percentage", "dynamic"}


def holds(mask, at_s):
    now = BEGIN + datetime.timedelta(seconds=at_s)
    return {
        "night": now.hour >= 22 or now.hour < 6,
        "weekend": now.isoweekday() >= 6,
        "feast": (now.month, now.day) in ((1, 1), (1, 6)),
        "noon": now.hour == 12 and now.isoweekday() == 1,
        "half": (0, 30) <= (now.hour, now.minute) < (7, 15),
        "work": now.isoweekday() != 5,
        "closed": now.day <= 3 or 10 <= now.day <= 14,
        "spring": False,
        "off": any(holds(part, at_s) for part in ("night", "weekend", "feast")) if mask in ("off", "peak") else False,
        "peak": not holds("off", at_s) if mask == "peak" else False,
    }[mask]


def make_curve():
    """A curve of the other oracle, as members of its component."""
    while True:
        c = base.make_component(0, TARIFF)
        if c["kind"] in SIMPLE and not c["events"]:
            return {**c, "scope": "period", "zero": False, "free": None, "convert": None, "discount": None, "markup": None}


def curve_document(c):
    document = base.document_of({**c, "cap": None, "minimum": None, "commitment": None, "minimum_prorate": False, "group": False})
    return {c["kind"]: document[c["kind"]]}


def make_adjustments():
    def one(sign):
        if rng.random() < 0.5:
            return (sign, "amount", Fraction(rng.randrange(3000), 100), rng.choice(["", "p"]))
        return (sign, "percent", Fraction(rng.randrange(10001), 100), rng.choice(["", "p"]))

    discount = [one(-1)] if rng.random() < 0.4 else []
    return discount + [one(1) for _ in range(rng.choice([0, 0, 1, 2, 3]))]


def adjustments_document(adjustments):
    def one(sign, name, value, party):
        return {name: plain(value, 2), **({"party": party} if party and sign > 0 else {})}

    document = {}
    for adjustment in adjustments:
        if adjustment[0] < 0:
            document["discount"] = one(*adjustment)
        else:
            document.setdefault("markup", []).append(one(*adjustment))
    if len(document.get("markup", [])) == 1 and rng.random() < 0.5:
        document["markup"] = document["markup"][0]
    return document


def adjusted(c, amount):
    for sign, name, value, _ in c["adjust"]:
        if name == "percent":
            amount = divided(amount * (100 + sign * value) / 100)
        elif sign > 0:
            amount += value
        elif amount > 0:
            amount = max(amount - value, Fraction(0))
    return amount


def make_matrix():
    rows = [({name: rng.sample(values, rng.randrange(1, len(values))) for name, values in (("r", ["a", "b", "c"]), ("s", ["x", "7"]))
              if rng.random() < 0.7}, make_curve()) for _ in range(rng.randrange(4))]
    taken, kept = [], []
    for match, curve in rows:  # the linter refuses rows that are never reached
        within = any(all(name in match and set(match[name]) <= set(values) for name, values in before.items()) for before in taken)
        if match and not within:
            taken.append(match)
            kept.append((match, curve))
    return kept + [({}, make_curve())]


def make_component(index):
    form = rng.choice(["matrix", "curve", "curve", "capacity", "tier_by"])
    c = {"key": f"c{index}", "form": form, "adjust": make_adjustments(), "when": None, "weights": [], "group": form == "matrix",
         "inputs": 2 if form in ("capacity", "tier_by") else 1, "scope": "period"}
    if form == "matrix":
        c["rows"] = make_matrix()
    elif form == "capacity":
        bounds = sorted((rng.randrange(100), rng.randrange(100)) for _ in range(rng.randrange(1, 4)))
        bounds = [bound for i, bound in enumerate(bounds) if not any(bound[0] <= b[0] and bound[1] <= b[1] for b in bounds[:i])]
        amounts = sorted(rng.randrange(1000) for _ in range(len(bounds) + 1))
        c["steps"] = list(zip(bounds + [None], amounts))
    else:
        c["curve"] = make_curve()
        while form == "tier_by" and c["curve"]["kind"] != "volume":
            c["curve"] = make_curve()
        if form == "curve":
            c["scope"] = rng.choice(["period", "period", "event", "hour", "day"])
    if form != "capacity" and rng.random() < 0.6:
        c["when"] = rng.choice([(mask, sense) for mask in CALENDAR for sense in (True, False)])
    if form != "capacity" and rng.random() < 0.6:
        c["weights"] = [(mask, Fraction(rng.choice([0, 50, 80, 133, 200, 1]), 100)) for mask in rng.sample(list(CALENDAR), rng.randrange(1, 4))]
    return c


def document_of(c):
    d = {"key": c["key"], **adjustments_document(c["adjust"])}
    if c["form"] == "capacity":
        return {**d, "capacity": [{**({} if bound is None else {"up_to": {"m": bound[0], "n": bound[1]}}), "amount": amount}
                                  for bound, amount in c["steps"]]}
    d["meter"], d["scope"] = "m", c["scope"]
    if c["when"]:
        d["when"] = c["when"][0] if c["when"][1] else {"not": c["when"][0]}
    if c["weights"]:
        d["weights"] = {mask: plain(factor, 2) for mask, factor in c["weights"]}
    if c["form"] == "matrix":
        d["group_by"] = ["r", "s"]
        d["matrix"] = [{**({"match": {name: values[0] if len(values) == 1 else values for name, values in match.items()}} if match else {}),
                        **curve_document(curve)} for match, curve in c["rows"]]
        return d
    return {**d, **({"tier_by": "n"} if c["form"] == "tier_by" else {}), **curve_document(c["curve"])}


def masked(c, rows):
    """Rows (input, at_s, until_s, quantity) of one line: (measured, weighted), at the times that count and split where masks may change."""
    pieces = []
    for which, at, until, q in rows:
        if until == at or c["scope"] == "event":
            pieces.append((which, at, q))
            continue
        borders = [at] + [s for s in range(at - at % QUARTER_S + QUARTER_S, until, QUARTER_S)] + [until]
        spans = []
        for begin, end in zip(borders, borders[1:]):  # quarters of an hour with the same masks are one piece
            if spans and spans[-1][2] == judged(c, begin) and c["scope"] == "period":
                spans[-1][1] = end
            else:
                spans.append([begin, end, judged(c, begin)])
        used = Fraction(0)
        for begin, end, _ in spans:
            so_far = rounded(q * (end - at) / (until - at), 12, "half_even")
            pieces.append((which, begin, so_far - used))
            used = so_far
    pieces = [piece for piece in pieces if judged(c, piece[1]) is not None]
    weighted, sums = [], {}
    for which, at, q in sorted(pieces, key=lambda piece: piece[:2]):
        factor = judged(c, at)
        name = (which, factor[0])
        before = sums.get(name, Fraction(0))
        sums[name] = before + q
        weighted.append((which, at, rounded(sums[name] * factor[1], 12, "half_even") - rounded(before * factor[1], 12, "half_even")))
    return pieces, weighted


def judged(c, at_s):
    """None when the moment does not count, else which weight it has: (index, factor)."""
    if c["when"] and holds(c["when"][0], at_s) != c["when"][1]:
        return None
    for index, (mask, factor) in enumerate(c["weights"]):
        if holds(mask, at_s):
            return index, factor
    return len(c["weights"]), Fraction(1)


def total_of(pieces, which=0):
    return sum((q for i, _, q in pieces if i == which), Fraction(0))


def is_line(c, measured, weighted):
    if c["form"] == "tier_by":
        return total_of(weighted) != 0 or total_of(measured) != 0
    if c["form"] == "capacity" or c["scope"] != "period":
        return any(q != 0 for _, _, q in weighted) or total_of(measured) != 0
    return total_of(weighted) != 0 or total_of(measured) != 0


def chosen(c, dimensions):
    if c["form"] != "matrix":
        return c.get("curve")
    values = dict(pair.split("=") for pair in dimensions.split(","))
    return next(curve for match, curve in c["rows"] if all(values[name] in wanted for name, wanted in match.items()))


def slices_of(c, pieces):
    if c["scope"] == "event":
        return [q for _, _, q in pieces]
    length, sums = {"hour": HOUR_S, "day": 86400, "period": 10**9}[c["scope"]], {}
    for _, at, q in sorted(pieces, key=lambda piece: piece[1]):
        sums[at // length] = sums.get(at // length, Fraction(0)) + q
    return list(sums.values()) or [Fraction(0)]


def price(c, dimensions, rows):
    """Of one line; no line costs nothing."""
    measured, weighted = masked(c, rows)
    if not is_line(c, measured, weighted):
        return Fraction(0)
    if c["form"] == "capacity":
        used = (total_of(weighted), total_of(weighted, 1))
        fits = next(amount for bound, amount in c["steps"] if bound is None or (used[0] <= bound[0] and used[1] <= bound[1]))
        return adjusted(c, Fraction(fits) if max(used) > 0 else Fraction(0))
    if c["form"] == "tier_by":
        q, by = total_of(weighted), total_of(weighted, 1)
        _, unit, flat = next(tier for tier in c["curve"]["tiers"] if tier[0] is None or by <= tier[0])
        return adjusted(c, q * unit + (flat if q > 0 else 0))
    curve = chosen(c, dimensions)
    return adjusted(c, sum((base.curve(curve, q) for q in slices_of(c, weighted)), Fraction(0)))


def make_usage(components, with_spans):
    """Rows (component, dimensions, input, at_s, until_s, quantity)."""
    usage = []
    for index, c in enumerate(components):
        combinations = rng.sample([f"r={r},s={s}" for r in ("a", "b", "c", "") for s in ("x", "7", "z")], rng.randrange(4)) if c["group"] else [""]
        for dimensions in combinations:
            for which in range(c["inputs"]):
                for at in rng.sample(range(PERIOD_S - 1), rng.randrange(6)):
                    spans = with_spans and c["scope"] != "event" and (c["when"] or c["weights"]) and rng.random() < 0.2
                    until = rng.randrange(at + 1, min(PERIOD_S, at + 5 * 86400) + 1) if spans else at
                    q = rng.choice([Fraction(rng.randrange(10**5), 1000), Fraction(rng.randrange(120)), -Fraction(rng.randrange(1000), 10),
                                    Fraction(rng.randrange(1, 10), 10**12)])
                    usage.append((index, dimensions, which, at, until, q))
    rng.shuffle(usage)
    return usage


def usage_document(usage, begin):
    return [{"component": i, "dimensions": d, "input": which, "from_us": at * 10**6, "until_us": until * 10**6, "quantity": plain(q, 12),
             "earlier": at < begin} for i, d, which, at, until, q in usage]


def lines_so_far(components, usage, end):
    lines = {}
    for i, d, which, at, until, q in usage:
        if at < end:
            lines.setdefault((i, d), []).append((which, at, until, q))
    return {name: price(components[name[0]], name[1], rows) for name, rows in lines.items()}


def make_case():
    components = [make_component(i) for i in range(rng.choice([1, 1, 2]))]
    mode = rng.choice(base.MODES)
    in_parts = rng.random() < 0.5
    usage = make_usage(components, not in_parts)
    borders = [0] + (sorted(rng.sample(range(1, PERIOD_S), rng.randrange(1, 4))) if in_parts else []) + [PERIOD_S]
    document = {"key": "t", "currency": "EUR", "rounding": {"mode": mode},
                "versions": [{"from": "2026-01-01", "calendar": CALENDAR, "components": [document_of(c) for c in components]}]}
    parts, expected, before = [], [], {}
    for begin, end in zip(borders, borders[1:]):
        so_far = {name: rounded(exact, 2, mode) for name, exact in lines_so_far(components, usage, end).items()}
        sums = {}
        for (i, _), amount in so_far.items():
            sums[f"c{i}"] = sums.get(f"c{i}", 0) + amount
        for (i, _), amount in before.items():
            sums[f"c{i}"] = sums.get(f"c{i}", 0) - amount
        expected.append({key: amount for key, amount in sums.items() if amount})
        parts.append({"version": 0, "from_s": begin, "to_s": end, "usage": usage_document([row for row in usage if row[3] < end], begin)})
        before = so_far
    return json.dumps({"tariff": document, "parts": parts}), expected


def difference(answer, expected):
    if not answer.startswith("["):
        return "a price"
    for index, (part, sums) in enumerate(zip(json.loads(answer), expected)):
        got = base.by_component([[line["component"], "", "", Fraction(line["amount"])] for line in part["lines"]])
        if got != sums or Fraction(part["total"]) != sum(sums.values()):
            return f"part {index}: { {key: str(amount) for key, amount in sums.items()} }"
    return None


def main():
    print(f"seed {base.SEED}, {CASES} cases")
    cases = [make_case() for _ in range(CASES)]
    run = subprocess.run([base.DRIVER], input="".join(line + "\n" for line, _ in cases), stdout=subprocess.PIPE, text=True, check=True)
    answers = run.stdout.splitlines()
    assert len(answers) == len(cases), (len(answers), len(cases))
    failed = 0
    for (line, expected), answer in zip(cases, answers):
        wrong = difference(answer, expected)
        failed += wrong is not None
        if wrong and failed <= 5:
            print(f"FAILED: {line}\n  got      {answer}\n  expected {wrong}")
    print(f"{CASES - failed} of {CASES} agree; METERD_SEED={base.SEED} repeats this run")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
