#!/usr/bin/python3
"""Prices against a naive reference in fractions that shares no code: seeded tariffs and quantities, many on tier borders and ties.

Some are priced in parts. With equal versions the reference of a part is the whole period's price up to its end less that up to its begin; with
a version that changes it is what the use so far costs under the part's version, less what the use before costs under it.

METERD_SEED repeats a run, METERD_CASES changes the number of cases.
"""
import itertools
import json
import os
import random
import subprocess
import sys
import time
from fractions import Fraction

SEED = int(os.environ.get("METERD_SEED", time.time_ns() % 2**32))
CASES = int(os.environ.get("METERD_CASES", "100000"))
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "price_driver")
AMOUNT_MAX = Fraction(2**127, 10**18)
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


def grid(value, tariff):
    """As the tariff rounds: to steps, or to digits."""
    if tariff["step"]:
        return rounded(value / tariff["step"], 0, tariff["mode"]) * tariff["step"]
    return rounded(value, tariff["digits"], tariff["mode"])


def limit(value, tariff):
    """An amount that bounds rounded ones has no more digits than they."""
    return grid(value, {**tariff, "mode": "down"})


def money(digits):
    return Fraction(rng.choice([0, 5, 1, 25, rng.randrange(10**4), rng.randrange(10**7)]), 10 ** rng.randrange(digits + 1))


class Below(Fraction):
    """A bound that belongs to the upper tier."""


def holds(bound, q):
    """Does a tier with that bound have the quantity?"""
    return bound is None or q < bound or (q == bound and not isinstance(bound, Below))


def bound_document(bound):
    return {} if bound is None else {"below" if isinstance(bound, Below) else "up_to": plain(bound, 3)}


def make_tiers():
    tiers, bound = [], Fraction(0)
    for _ in range(rng.randrange(5)):
        bound += Fraction(rng.randrange(1, 2000), rng.choice([1, 1, 10, 1000]))
        tiers.append((rng.choice([Fraction, Fraction, Below])(bound), money(6), money(2) if rng.random() < 0.4 else Fraction(0)))
    return tiers + [(None, money(6), money(2) if rng.random() < 0.4 else Fraction(0))]


def divided(value):
    """What divisions end with: 30 digits."""
    return rounded(value, 30, "half_even")


TIERED = {"graduated", "volume", "graduated_percentage", "stairstep"}
SCOPES = ["period", "period", "period", "term", "event", "hour", "day"]
PERIOD_S = 31 * 86400
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


def make_commitment(tariff):
    return {"amount": limit(Fraction(rng.randrange(10**5), 100), tariff), "overage": Fraction(rng.choice([0, 50, 80, 100, 120, 133, 200]), 100),
            "true_up": rng.random() < 0.7, "prorate": rng.random() < 0.5}


def make_event_bounds():
    bounds = {}
    if rng.random() < 0.5:
        bounds["minimum"] = money(2)
    if rng.random() < 0.5:
        bounds["maximum"] = bounds.get("minimum", Fraction(0)) + money(2)
    if rng.random() < 0.4:
        bounds["free_events"] = Fraction(rng.randrange(4))
    if rng.random() < 0.4:
        bounds["free_amount"] = Fraction(rng.randrange(3000), 10)
    return bounds


def make_component(index, tariff):
    kind = rng.choice(KINDS)
    c = {"key": f"c{index}", "kind": kind, "group": rng.random() < 0.25, "free": None, "cap": None, "minimum": None, "line_minimum": None, "zero": False,
         "convert": None, "discount": None, "markup": None, "commitment": None, "minimum_prorate": False, "scope": rng.choice(SCOPES),
         "events": {}, "each": {}}
    if kind in ("per_unit", "graduated", "volume") and rng.random() < 0.3:
        c["scope"] = "level"
    if kind in ("per_unit", "dynamic"):
        c["tiers"] = [(None, money(9), Fraction(0))]
    elif kind == "percentage":
        c["tiers"] = [(None, money(6) / 100, money(2))]
        if c["scope"] == "event":
            c["events"] = make_event_bounds()
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
        c["zero"] = not c["group"] and c["scope"] in ("period", "level") and rng.random() < 0.3
    if c["scope"] in ("hour", "day") or (c["scope"] == "event" and kind != "percentage"):
        if rng.random() < 0.3:
            c["each"]["minimum"] = money(3)
        if rng.random() < 0.3:
            c["each"]["maximum"] = c["each"].get("minimum", Fraction(0)) + money(3)
    if rng.random() < 0.3 and not {"free_events", "free_amount"} & set(c["events"]):
        c["free"] = Fraction(rng.randrange(2000), rng.choice([1, 10]))
    if rng.random() < 0.3:
        c["minimum"] = limit(Fraction(rng.randrange(10**5), 100), tariff)
    if c["group"] and rng.random() < 0.5:
        c["line_minimum"] = limit(Fraction(rng.randrange(10**4), 100), tariff)
    if rng.random() < 0.3:
        c["cap"] = max(c["minimum"] or 0, c["line_minimum"] or 0) + limit(Fraction(rng.randrange(10**5), 100), tariff)
    c["minimum_prorate"] = (c["minimum"] or c["line_minimum"]) is not None and rng.random() < 0.3
    if rng.random() < 0.25:
        c["convert"] = make_convert()
    if rng.random() < 0.25:
        c["discount"] = Fraction(rng.randrange(10001), 100)
    if rng.random() < 0.2:
        c["markup"] = Fraction(rng.randrange(20000), 100)
    if rng.random() < 0.25:
        c["commitment"] = make_commitment(tariff)
        c["commitment"]["true_up"] &= c["minimum"] is None
        if c["cap"] is not None:
            c["cap"] += c["commitment"]["amount"]
    return c


def commitment_document(commitment):
    return {"amount": plain(commitment["amount"], 3), "overage": plain(commitment["overage"], 2), "true_up": commitment["true_up"],
            "prorate": "second" if commitment["prorate"] else "none"}


def around_document(c):
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
    if c["each"]:
        d["each"] = {name: plain(value, 3) for name, value in c["each"].items()}
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
    d = {"key": c["key"], "meter": "m", "scope": c["scope"], **around_document(c)}
    if c["kind"] == "per_unit":
        d["per_unit"] = plain(c["tiers"][0][1], 9)
    elif c["kind"] == "dynamic":
        d["dynamic"] = {"multiplier": plain(c["tiers"][0][1], 9)}
    elif c["kind"] == "percentage":
        d["percentage"] = {"rate": plain(c["tiers"][0][1] * 100, 6), "fixed": plain(c["tiers"][0][2], 2),
                           **{name: plain(value, 2) for name, value in c["events"].items() if name != "free_events"}}
        if "free_events" in c["events"]:
            d["percentage"]["free_events"] = int(c["events"]["free_events"])
    elif c["kind"] in ("blocks", "increments"):
        d[c["kind"]] = rows_document(c)
    elif c["kind"] == "stairstep":
        d["stairstep"] = [{**bound_document(bound), "amount": plain(flat, 9)} for bound, _, flat in c["tiers"]]
        d["flat_at_zero"] = c["zero"]
    elif c["kind"] == "package":
        d["package"] = {"size": plain(c["size"], 1), "price": plain(c["tiers"][0][1], 9), "rounding": c["rounding"]}
    else:
        key, factor = ("rate", 100) if c["kind"] == "graduated_percentage" else ("unit", 1)
        d[c["kind"]] = [
            {**bound_document(bound), key: plain(unit * factor, 9), "flat": plain(flat, 9)}
            for bound, unit, flat in c["tiers"]
        ]
        d["flat_at_zero"] = c["zero"]
    if c["group"]:
        d["group_by"] = ["r"]
    for name, key in (("free", "free_units"), ("minimum", "minimum"), ("line_minimum", "line_minimum"), ("cap", "cap")):
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
        _, unit, flat = next(t for t in tiers if holds(t[0], q))
        return q * unit + flat
    total, lower = Fraction(0), Fraction(0)
    for bound, unit, flat in tiers:
        total += (q if holds(bound, q) else bound) * unit - lower * unit + flat
        if holds(bound, q):
            return total
        lower = bound


def slices_of(c, rows):
    """Quantities in order of time. Rows are (at_s, until_s, quantity)."""
    rows = sorted(rows, key=lambda row: row[0])
    if c["scope"] == "event":
        return [q for _, _, q in rows]
    if c["scope"] in ("hour", "day"):
        length, sums = (3600 if c["scope"] == "hour" else 86400), {}
        for at, _, q in rows:
            sums[at // length] = sums.get(at // length, 0) + q
        return [sums[at] for at in sorted(sums)]
    return [sum((q for _, _, q in rows), Fraction(0))]


def events_cost(c, amounts):
    """A percentage of each event, in order of time."""
    (_, rate, fixed), bounds = c["tiers"][0], c["events"]
    total, events, freed, over = Fraction(0), 0, Fraction(0), not {"free_events", "free_amount"} & set(bounds)
    for amount in amounts:
        if amount <= 0:
            total += amount * rate
            continue
        over = over or events >= bounds.get("free_events", events + 1)
        if not over:
            left = bounds["free_amount"] - freed if "free_amount" in bounds else amount
            if amount <= left:
                events, freed = events + 1, freed + amount
                continue
            over, amount = True, amount - left
        cost = max(amount * rate + fixed, bounds.get("minimum", Fraction(-10**30)))
        total += min(cost, bounds.get("maximum", cost))
    return total


def without_free(c, q):
    return max(q - c["free"], Fraction(0)) if c["free"] is not None and q > 0 else q


def levels_cost(c, rows):
    """The mean of the curve over the period, and the flats of the greatest level."""
    bare = {**c, "tiers": [(bound, unit, Fraction(0)) for bound, unit, _ in c["tiers"]], "zero": False}
    mean = sum((curve(bare, without_free(c, converted(c, q))) * (until - at) for at, until, q in rows), Fraction(0)) / PERIOD_S
    greatest = without_free(c, converted(c, max([q for _, _, q in rows] + [Fraction(0)])))
    return divided(mean) + curve(c, greatest) - curve(bare, greatest)


def use_cost(c, rows):
    """Everything from convert to markup."""
    if c["scope"] == "level":
        return adjusted(c, levels_cost(c, rows))
    left, billed = c["free"] or Fraction(0), []
    for q in slices_of(c, rows):
        use = converted(c, q)
        taken = min(left, use) if use > 0 else Fraction(0)
        left -= taken
        billed.append(use - taken)
    if c["kind"] == "percentage" and c["scope"] == "event":
        return adjusted(c, events_cost(c, billed))
    return adjusted(c, sum((bounded(c["each"], curve(c, q)) if q > 0 else curve(c, q) for q in billed), Fraction(0)))


def bounded(bounds, cost):
    cost = max(cost, bounds.get("minimum", cost))
    return min(cost, bounds.get("maximum", cost))


def is_due(c, rows):
    if c["scope"] in ("period", "term"):
        return sum(q for _, _, q in rows) != 0 or c["zero"]
    return any(q != 0 for _, _, q in rows) or c["zero"]


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


def lines_of(c, index, usage):
    """Rows of each combination of dimensions; a component without rows has one line of none."""
    lines = {}
    for row in usage:
        if row[0] == index:
            lines.setdefault(row[1], []).append(row[2:])
    return sorted(lines.items()) or [("", [])]


def reference(tariff, components, usage, whole, closing, share):
    """Lines (key, dimensions, kind, amount) and the total."""
    in_total, unit = tariff["place"] == "total", tariff["unit"]
    lines = []

    def value(exact):
        return exact if in_total or unit else grid(exact, tariff)

    for index, c in enumerate(components):
        mine = []
        for dimensions, rows in lines_of(c, index, usage):
            if is_due(c, rows):
                mine.append([c["key"], dimensions, "usage", value(use_cost(c, rows))])
        prorated = share if c["minimum_prorate"] else 1
        if closing and c["line_minimum"] is not None:
            least = divided(c["line_minimum"] * prorated)
            mine += [[*line[:2], "minimum", value(least - line[3])] for line in mine if line[3] < least]
        if c["commitment"]:
            overage, _ = true_up_and_overage(c["commitment"], sum(line[3] for line in mine), share, closing)
            if overage:
                mine.append([c["key"], "", "overage", value(overage)])
        apply_cap(mine, c["cap"])
        least = divided((c["minimum"] or 0) * prorated)
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
        total = grid(divided(total * unit) if unit else total, tariff)
        for line in lines:
            line[3] = rounded(divided(line[3] * unit) if unit else line[3], 18, "half_even")
    elif unit:
        for line in lines:
            line[3] = grid(divided(line[3] * unit), tariff)
        total = sum((line[3] for line in lines), Fraction(0))
    return lines, total


def unit_document(price):
    """Prices in a unit of the seller's own."""
    return {} if price is None else {"pricing_currency": {"name": "CREDITS", "price": plain(price, 8)}}


def make_case():
    currency = rng.choice(list(DIGITS))
    tariff = {"digits": DIGITS[currency], "mode": rng.choice(["half_even", "half_up", "up", "down", "ceiling", "floor"]),
              "place": rng.choice(["line", "line", "total"]), "step": None, "unit": None}
    if rng.random() < 0.25:
        tariff["unit"] = Fraction(rng.randrange(1, 10**rng.randrange(1, 8)), 10**rng.randrange(0, 9))
    if rng.random() < 0.3:
        tariff["step"] = rng.choice([Fraction(5, 100), Fraction(1, 2), Fraction(1), Fraction(25), Fraction(3, 1000)])
    components = [make_component(i, tariff) for i in range(rng.choice([1, 1, 2, 3]))]
    whole = {"minimum": None, "commitment": None, "cap": None}
    if rng.random() < 0.3:
        whole["minimum"] = limit(Fraction(rng.randrange(10**5), 100), tariff)
    elif rng.random() < 0.3:
        whole["commitment"] = make_commitment(tariff)
    if rng.random() < 0.2:
        least = max(whole["minimum"] or 0, whole["commitment"]["amount"] if whole["commitment"] else 0)
        whole["cap"] = least + limit(Fraction(rng.randrange(10**5), 100), tariff)
    days, way = rng.choice([31, 31, rng.randrange(1, 31)]), rng.random()
    if way < 0.2 and tariff["place"] == "line" and any(limits["cap"] is not None for limits in [whole, *components]):
        tariff["unit"] = None  # a cap may cut other lines in parts than in one, and each is rounded when it is money
    version = {"from": "2026-01-01", "components": [document_of(c) for c in components], **unit_document(tariff["unit"])}
    if whole["minimum"] is not None:
        version["minimum"] = plain(whole["minimum"], 3)
    if whole["cap"] is not None:
        version["cap"] = plain(whole["cap"], 3)
    if whole["commitment"]:
        version["commitment"] = commitment_document(whole["commitment"])
    rounding = {"mode": tariff["mode"], "place": tariff["place"], **({"step": plain(tariff["step"], 3)} if tariff["step"] else {})}
    document = {"key": "t", "currency": currency, "rounding": rounding, "versions": [version]}
    usage = make_usage(components)
    if way < 0.2:
        return equal_parts(document, tariff, components, usage, whole)
    if way < 0.4:
        return other_versions(document, tariff, usage, components)
    closing = rng.random() < 0.7
    line = json.dumps({"tariff": document, "usage": usage_document(usage), "closing": closing, "runs_days": days})
    return line, reference(tariff, components, usage, whole, closing, Fraction(days, 31)), differs


def make_usage(components):
    """Rows (component, dimensions, at_s, until_s, quantity), in no order."""
    usage = []
    for index, c in enumerate(components):
        for dimensions in rng.sample(["r=a", "r=b", "r=c"], rng.randrange(4)) if c["group"] else [""]:
            times = rng.sample(range(PERIOD_S - 1), rng.choice([1, 1, 1, 2, 5]))
            for at in times if len(times) > 1 else [0]:
                until = rng.randrange(at + 1, PERIOD_S + 1) if c["scope"] == "level" else at
                usage.append((index, dimensions, at, until, make_quantity(c)))
    rng.shuffle(usage)
    return usage


def usage_document(usage, begin=0):
    return [{"component": i, "dimensions": d, "from_us": at * 10**6, "until_us": until * 10**6, "quantity": plain(q, 12), "earlier": at < begin}
            for i, d, at, until, q in usage]


def up_to(components, usage, border, cut=0):
    """What was used before the border; levels are cut there, and at `cut` in two."""
    rows = []
    for i, d, at, until, q in usage:
        if at >= border:
            continue
        if components[i]["scope"] != "level" or not at < cut < until:
            rows.append((i, d, at, min(until, border) if components[i]["scope"] == "level" else until, q))
            continue
        rows += [(i, d, at, cut, q), (i, d, cut, min(until, border), q)]
    return rows


def make_borders():
    return [0] + sorted(rng.sample(range(1, PERIOD_S), rng.randrange(1, 4))) + [PERIOD_S]


def parts_document(components, usage, borders, versions):
    return [{"version": version, "from_s": begin, "to_s": end, "usage": usage_document(up_to(components, usage, end, begin), begin)}
            for begin, end, version in zip(borders, borders[1:], versions)]


def by_component(lines):
    sums = {}
    for key, _, _, amount in lines:
        sums[key] = sums.get(key, 0) + amount
    return {key: amount for key, amount in sums.items() if amount}


def equal_parts(document, tariff, components, usage, whole):
    """The whole so far, less the whole before."""
    borders, expected, before = make_borders(), [], ([], Fraction(0))
    for end in borders[1:]:
        so_far = reference(tariff, components, up_to(components, usage, end), whole, end == PERIOD_S, Fraction(1))
        sums = by_component(so_far[0] + [[*line[:3], -line[3]] for line in before[0]])
        expected.append((sums, so_far[1] - before[1]))
        before = so_far
    parts = parts_document(components, usage, borders, [0] * (len(borders) - 1))
    in_whole = whole["cap"] is None and tariff["place"] == "line"  # a cap of the tariff may cut others in parts than in one
    return json.dumps({"tariff": document, "parts": parts}), (expected, in_whole), differs_in_parts


def charged(costs):
    """Money of amounts in units, one behind the other, each with the price of a unit then (None: it is money): those of one price are one sum."""
    return sum((divided(total * unit) if unit else total
                for unit, total in ((unit, sum(cost for _, cost in of_one)) for unit, of_one in itertools.groupby(costs, key=lambda c: c[0]))), Fraction(0))


def other_versions(document, tariff, usage, components):
    """Versions of other prices: use so far under the part's version, less use before under it; lines are rounded as one over the parts."""
    borders, versions = make_borders(), [[{**c, "cap": None, "minimum": None, "line_minimum": None, "commitment": None, "minimum_prorate": False, "zero": False}
                                          for c in components]]
    for _ in borders[2:]:
        again = [{**make_component(i, tariff), "cap": None, "minimum": None, "line_minimum": None, "commitment": None, "minimum_prorate": False, "zero": False}
                 for i, _ in enumerate(components)]
        versions.append([c if c["group"] == old["group"] and (c["scope"] == "level") == (old["scope"] == "level") else old
                         for c, old in zip(again, versions[0])])
    units = [tariff["unit"] and tariff["unit"] * rng.choice([1, 2, 10]) for _ in versions]
    document["versions"] = [{"from": f"2026-01-{index + 1:02}", "components": [document_of(c) for c in version], **unit_document(units[index])}
                            for index, version in enumerate(versions)]
    exact, in_order, amounts, expected = {}, [], {}, []
    for version, unit, begin, end in zip(versions, units, borders, borders[1:]):
        sums, total = {}, Fraction(0)
        for index, c in enumerate(version):
            for dimensions, rows in lines_of(c, index, up_to(version, usage, end, begin)):
                name = (c["key"], dimensions)
                before, own = [row for row in rows if row[0] < begin], [row for row in rows if row[0] >= begin]
                if not is_due(c, own):
                    continue
                own_cost = use_cost(c, rows) - (use_cost(c, before) if before else 0)
                exact.setdefault(name, []).append((unit, own_cost))
                in_order.append((unit, own_cost))
                so_far = grid(charged(exact[name]), tariff)
                sums[c["key"]] = sums.get(c["key"], 0) + so_far - amounts.get(name, 0)
                amounts[name] = so_far
        total_so_far = sum(amounts.values()) if tariff["place"] == "line" else grid(charged(in_order), tariff)
        expected.append(({key: amount for key, amount in sums.items() if amount}, total_so_far - sum(t for _, t in expected)))
    parts = parts_document(versions[0], usage, borders, range(len(versions)))
    return json.dumps({"tariff": document, "parts": parts}), (expected, tariff["place"] == "line"), differs_in_parts


def is_too_large(answer, amounts):
    """Refused, since one of them is beyond what an amount may be."""
    return answer.startswith("EOVERFLOW") and any(abs(amount) > AMOUNT_MAX for amount in amounts)


def differs_in_parts(answer, expected):
    if is_too_large(answer, (amount for sums, total in expected[0] for amount in [*sums.values(), total])):
        return None
    if not answer.startswith("["):
        return "an error"
    for index, (part, (sums, total)) in enumerate(zip(json.loads(answer), expected[0])):
        got = by_component([[line["component"], "", "", Fraction(line["amount"])] for line in part["lines"]])
        if Fraction(part["total"]) != total:
            return f"part {index}: total {total}, by component {sums}"
        if expected[1] and got != sums:
            return f"part {index}: by component {sums}"
    return None


def differs(answer, expected):
    if is_too_large(answer, [line[3] for line in expected[0]] + [expected[1]]):
        return None
    if not answer.startswith("{"):
        return "an error"
    got, (lines, total) = json.loads(answer), expected
    got_lines = [[g["component"], ",".join(map("=".join, g.get("dimensions", {}).items())), g["kind"], Fraction(g["amount"])] for g in got["lines"]]
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
    run = subprocess.run([DRIVER], input="".join(line + "\n" for line, _, _ in cases), stdout=subprocess.PIPE, text=True, check=True)
    answers = run.stdout.splitlines()
    assert len(answers) == len(cases), (len(answers), len(cases))
    failed = 0
    for (line, expected, compare), answer in zip(cases, answers):
        wrong = compare(answer, expected)
        failed += wrong is not None
        if wrong and failed <= 5:
            print(f"FAILED: {line}\n  got      {answer}\n  expected {wrong}")
    print(f"{CASES - failed} of {CASES} agree; METERD_SEED={SEED} repeats this run")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
