#!/usr/bin/python3
"""Expected amounts gathered from the public tests of two open systems, against the price function.

A part of a period is priced as everywhere in meterd: price(usage so far) - what was billed before. Cases of parts that the tariff
language does not have are counted and named, never passed in silence.
"""
import datetime
import json
import os
import subprocess
import sys
from fractions import Fraction

SHARED = os.environ.get("METERD_SHARED", "../shared")
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "price_driver")


SLICING_DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "slicing_driver")


class Skip(Exception):
    """The case needs something that is not there; the text says what."""


class Driver:
    def __init__(self):
        self.process = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def price(self, component, rounding, quantity, **flags):
        """The total of one component at a quantity, as a Fraction."""
        return self.price_all([component], rounding, {0: quantity} if "recurring" not in component else {}, **flags)

    def price_all(self, components, rounding, quantities, version=None, **flags):
        return self.price_rows(components, rounding, [{"component": index, "quantity": quantity} for index, quantity in quantities.items()],
                               version, **flags)

    def price_rows(self, components, rounding, rows, version=None, **flags):
        """Rows may have "from_us" and "until_us", counted from the start of the period, and "earlier"."""
        tariff = {"key": "t", "currency": "USD", "rounding": rounding,
                  "versions": [{"from": "2026-01-01", "components": components, **(version or {})}]}
        usage = [{**row, "quantity": text(row["quantity"])} for row in rows]
        self.process.stdin.write(json.dumps({"tariff": tariff, "usage": usage, **flags}) + "\n")
        answer = self.process.stdout.readline()
        if not answer.startswith("{"):
            raise Skip(f"refused by the linter: {answer.split(' ', 1)[1].strip()}")
        return Fraction(json.loads(answer)["total"])


def text(value):
    """A Fraction with a finite decimal, as a plain decimal."""
    value = Fraction(value)
    scaled = value * 10**12
    assert scaled.denominator == 1
    digits = str(abs(scaled.numerator)).rjust(13, "0")
    return ("-" if value < 0 else "") + digits[:-12] + "." + digits[-12:]


def half_up(value, digits):
    scaled = abs(value) * 10**digits + Fraction(1, 2)
    return Fraction(scaled.numerator // scaled.denominator, 10**digits) * (-1 if value < 0 else 1)


def tiers_of(price, flat_at_zero):
    tiers = []
    for tier in price["tiers"]:
        row = {"flat": tier.get("flat") or "0"}
        if "percent" in tier:
            row["rate"] = tier["percent"]
        else:
            row["unit"] = tier.get("unit") or "0"
        bound = tier.get("up_to_inclusive", tier.get("to_inclusive"))
        if bound is not None:
            row["up_to"] = bound
        tiers.append(row)
    return {price["model"]: tiers, "flat_at_zero": flat_at_zero}


def component_of(price, flat_at_zero):
    model = price["model"]
    component = {"key": "usage", "meter": "m"}
    if model == "unit":
        component["per_unit"] = price["unit_price"]
    elif model in ("graduated", "volume", "graduated_percentage"):
        component.update(tiers_of(price, flat_at_zero))
    elif model == "package":
        component["package"] = {"size": price["package_size"], "price": price["package_price"], "rounding": price.get("round", "up")}
        if price.get("free_units"):
            component["free_units"] = price["free_units"]
    elif model == "dynamic_multiplier":
        component["dynamic"] = {"multiplier": "1" if price["multiplier"] == "DecimalOne" else price["multiplier"]}
    elif model == "flat":
        if price["term"] not in ("advance", "arrears"):
            raise Skip(f"flat term {price['term']}")
        return {"key": "fee", "recurring": {"amount": price["amount"], "in": price["term"]}}
    else:
        raise Skip(f"model {model}")
    if price.get("min_amount"):
        component["minimum"] = price["min_amount"]
    if price.get("max_amount"):
        component["cap"] = price["max_amount"]
    return component


def discounts_of(case, component):
    discounts = case.get("discounts") or {}
    for name in discounts:
        if name not in ("free_quantity", "percent_off"):
            raise Skip(f"discount {name}")
    if "free_quantity" in discounts:
        component["free_units"] = discounts["free_quantity"]
    if "percent_off" in discounts:
        component["discount"] = {"percent": discounts["percent_off"]}


HALF_UP = {"mode": "half_up", "place": "line"}  # openmeter: every line total, to the currency's digits
UNROUNDED = {"mode": "half_even", "place": "total", "digits": 18}  # lago: not by the charge model


def single_line(driver, case):
    price, position = case["price"], case["position"]
    component = component_of(price, flat_at_zero=True)
    discounts_of(case, component)
    conversion = case.get("unit_conversion")
    if conversion and conversion["enabled"] == "true":
        component["convert"] = {conversion["op"]: conversion["factor"], "rounding": conversion["rounding"], "digits": 0}
    options = case.get("options", [])
    before = Fraction(case.get("quantity_already_billed_in_period", "0"))
    closing = position != "middle_split" and "ignore_minimum" not in options
    credits = [] if "credits_mutator_off" in options else case.get("credits", [])
    flags = {"pools": [{"key": f"credit-{i}", "money": amount, "priority": i} for i, amount in enumerate(credits)],
             "continues_earlier": position != "whole_period", "continued_later": position == "middle_split"}
    total = driver.price(component, HALF_UP, before + Fraction(case["quantity"]), closing=closing, **flags)
    billed = Fraction(0)
    deferred = price["model"] in ("volume", "flat")  # that system rates these only once in the period
    if price["model"] == "volume" and position == "middle_split":
        total = Fraction(0)
    elif "quantity_already_billed_in_period" not in case and "amount_already_billed_in_period" in case:
        billed = Fraction(case["amount_already_billed_in_period"])
    elif position != "whole_period" and not deferred:
        billed = driver.price(component, HALF_UP, before, closing=False)
    return total - billed, Fraction(case["expect_total"])


def phases(driver, case):
    component = component_of(case["price"], flat_at_zero=False)
    discounts_of(case, component)
    emitted, expected, got = Fraction(0), [], []
    for index, phase in enumerate(case["phases"]):
        quantity = phase.get("cumulative_quantity") or phase["cumulative_quantity_at_end_of_each_period"][-1]
        minimum_due = any(line["component"] == "minimum_true_up" for line in phase["expect_lines"]) or index == len(case["phases"]) - 1
        total = driver.price(component, HALF_UP, quantity, closing=minimum_due)
        got.append(str(total - emitted))
        emitted = total
        expected.append(str(Fraction(phase["expect_total"])))
    return got, expected


def amount(driver, case):
    component = component_of(case["price"], flat_at_zero=True)
    return driver.price(component, UNROUNDED, case["quantity"]), Fraction(case["expect_amount"])


def total_of(driver, case):
    return driver.price(component_of(case["price"], flat_at_zero=True), HALF_UP, case["quantity"]), Fraction(case["expect_total"])


def package_count(driver, case):
    component = {"key": "usage", "meter": "m", "package": {"size": case["package_size"], "price": "1"}}
    return driver.price(component, HALF_UP, case["quantity"]), Fraction(case["expect_packages"])


def max_spend(driver, case):
    """A line after another of the same component, under a cap: what the cap takes off the second."""
    before, line = Fraction(case["billed_before_line"]), Fraction(case["line_quantity"]) * Fraction(case["line_unit_price"])
    component = {"key": "usage", "meter": "m", "per_unit": "1", "cap": case["max_spend"]}
    fine = {**HALF_UP, "digits": 5}  # amounts and cap are finer than the currency; what comes out is rounded to it
    with_line = driver.price(component, fine, before + line) - driver.price(component, fine, before)
    return half_up(line - with_line, case["currency_digits"]), Fraction(case["expect_discount"])


def free_split(driver, case):
    """Free units are taken from the first use: what a later part pays for is a difference too."""
    component = {"key": "usage", "meter": "m", "per_unit": "1", "free_units": case["free_quantity"]}
    before = Fraction(case["quantity_already_billed"])
    prior = driver.price(component, HALF_UP, before)
    net = driver.price(component, HALF_UP, before + Fraction(case["quantity"])) - prior
    return (net, prior), (Fraction(case["expect_net_quantity"]), Fraction(case["expect_net_prior_quantity"]))


def days_of(case):
    return {"runs_days": case["days_billed"], "period_days": case["days_in_period"]}


def cents(value):
    return text(Fraction(value) / 100)


def charge_minimum(driver, case):
    component = {"key": "usage", "meter": "m", "per_unit": "0.01", "minimum": cents(case["minimum_cents"]), "minimum_prorate": "second"}
    used = Fraction(case["used_cents"])
    got = [driver.price(component, HALF_UP, used, **days_of(case)) * 100 - used]
    expected = [Fraction(case["expect_true_up_cents"])]
    if "expect_precise_cents" in case:  # written with 13 digits
        got.append(half_up((driver.price(component, UNROUNDED, used, **days_of(case)) * 100 - used), 13))
        expected.append(Fraction(case["expect_precise_cents"]))
    return got, expected


def commitment_proration(driver, case):
    component = {"key": "usage", "meter": "m", "per_unit": "1", "commitment": {"amount": cents(case["commitment_cents"]), "prorate": "second"}}
    return driver.price(component, HALF_UP, 0, **days_of(case)) * 100, Fraction(case["expect_cents"])


def plan_commitment(driver, case):
    """A commitment of the whole tariff, against fees of several components."""
    fees = [Fraction(fee) / 100 for fee in case["fees_in_period_cents"]]
    components = [{"key": f"fee{i}", "recurring": {"amount": text(fee)}} for i, fee in enumerate(fees)]
    components = components or [{"key": "usage", "meter": "m", "per_unit": "1"}]
    total = driver.price_all(components, HALF_UP, {}, version={"commitment": {"amount": cents(case["commitment_cents"])}})
    return (total - sum(fees)) * 100, Fraction(case["expect_true_up_cents"])


def price_events(driver, price, events):
    keys = {"percent": "rate", "fixed_per_event": "fixed", "free_events": "free_events", "free_amount": "free_amount", "min_per_event": "minimum",
            "max_per_event": "maximum"}
    curve = {keys[name]: value for name, value in price.items() if name in keys and value is not None}
    component = {"key": "usage", "meter": "m", "scope": "event", "percentage": curve}
    return driver.price_rows([component], UNROUNDED, [{"component": 0, "from_us": at, "quantity": value} for at, value in enumerate(events)])


def percentage(driver, case):
    """Without a free part, what is due per event may be a second component, on the number of events. A free part needs the events, which
    the running totals of the first ones tell; the rest is what the total lacks."""
    price, total = case["price"], Fraction(case["total"])
    if price["free_events"] is not None or price["free_amount"] is not None:
        running = [Fraction(value) for value in case["running_totals_of_first_events"] if Fraction(value) <= total]
        events = [after - before for before, after in zip([Fraction(0)] + running, running + [total])]
        return price_events(driver, price, events), Fraction(case["expect_amount"])
    components = [{"key": "share", "meter": "m", "percentage": {"rate": price["percent"]}},
                  {"key": "events", "meter": "n", "per_unit": price["fixed_per_event"]}]
    return driver.price_all(components, UNROUNDED, {0: total, 1: case["event_count"]}), Fraction(case["expect_amount"])


def percentage_per_event(driver, case):
    return price_events(driver, case["price"], [Fraction(value) for value in case["event_values"]]), Fraction(case["expect_amount"])


DAY_US = 86400 * 10**6


def level_component(price, flat_at_zero):
    """Tiers that are written from 0 to 5 and from 6 on: up to 5, and what is above. A level below zero, which is a credit here, costs nothing
    there, and not less in all: that is a minimum of 0."""
    tiers = [{"unit": tier["unit"], "flat": tier["flat"], **({"up_to": tier["to_inclusive"]} if tier["to_inclusive"] else {})} for tier in price["tiers"]]
    return {"key": "usage", "meter": "m", "scope": "level", "graduated": tiers, "flat_at_zero": flat_at_zero, "minimum": "0"}


def price_levels(driver, component, period_us, changes):
    """Changes are (time, by how much); the level holds until the next one, or the end of the period. Where the next one is listed later and was
    earlier, the stretch between them is taken off: what each change costs for its own share of the period comes to the same."""
    rows, back, level = [], [], Fraction(0)
    for (at, change), until in zip(changes, [at for at, _ in changes[1:]] + [period_us]):
        level += change
        (rows if at <= until else back).append({"component": 0, "from_us": min(at, until), "until_us": max(at, until), "quantity": level})
    amount = driver.price_rows([component], UNROUNDED, rows, period_days=period_us // DAY_US)
    if back:
        without_flats = {**component, "graduated": [{**tier, "flat": "0"} for tier in component["graduated"]]}
        amount -= driver.price_rows([without_flats], UNROUNDED, back, period_days=period_us // DAY_US)
    return half_up(amount, 2)


def prorated_graduated(driver, case):
    """A change and its prorated form tell from when on it holds: a change of 5 that counts as 3.5 holds for 0.7 of the period."""
    period = 30 * DAY_US
    changes = [(period - int(half_up(Fraction(change["prorated"]) / Fraction(change["full"]) * 30, 0)) * DAY_US, Fraction(change["full"]))
               for change in case["changes"]]
    return price_levels(driver, level_component(case["price"], False), period, changes), Fraction(case["expect_amount_rounded_2"])


def prorated_graduated_recurring(driver, case):
    """The day of a change counts as held, so levels change at midnight; the next period begins at the level that this one ended with."""
    got, expected, changes, days = [], [], [], 30
    for step in case["steps"]:
        if step.get("next_period"):
            changes, days = [(0, sum(change for _, change in changes))], 31
        elif step["add_event"]:
            changes.append(((int(step["add_event"]["at"][8:10]) - 1) * DAY_US, Fraction(step["add_event"]["value"])))
        got.append(str(price_levels(driver, level_component(case["price"], True), days * DAY_US, changes)))
        expected.append(str(Fraction(step["expect_amount"])))
    return got, expected


def dynamic(driver, case):
    component = {"key": "usage", "meter": "m", "dynamic": {"multiplier": "0.01"}}  # the events carry cents
    return driver.price(component, UNROUNDED, case["sum_of_event_cents"]), Fraction(case["expect_amount"])


def volume_prorated(driver, case):
    """The tier is chosen by one quantity and prices another."""
    component = {**component_of(case["price"], flat_at_zero=True), "tier_by": "n"}
    rows = [{"component": 0, "quantity": case["quantity"]}, {"component": 0, "input": 1, "quantity": case["tier_selecting_quantity"]}]
    return driver.price_rows([component], UNROUNDED, rows), Fraction(case["expect_amount"])


def quantity_rounding(driver, case):
    digits = case["digits"]
    place = {"digits": digits} if digits >= 0 else {"step": str(10**-digits)}
    component = {"key": "usage", "meter": "m", "per_unit": "1", "convert": {"rounding": case["rounding"], **place}}
    return driver.price(component, UNROUNDED, case["quantity"]), Fraction(case["expect_quantity"])


def seconds_of(time):
    """Of a date or an instant in UTC; a period that ends a millisecond before midnight ends at midnight."""
    moment = datetime.datetime.fromisoformat(time.replace("Z", "+00:00"))
    if not moment.tzinfo:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp() + 0.5)


def mean_level(first, end, changes):
    """The mean of a level over a period, as a meter of changes with `per: period` has it."""
    meter = {"key": "m", "service": "s", "event_type": "t", "value": "v", "aggregation": "time_weighted", "reports": "change", "per": "period"}
    case = {"zone": "UTC", "scope": "period", "meter": meter, "from": first, "own": first, "until": end, "whole": [first, end],
            "changes": [{"group": "", "time_us": time * 1000000, "change": text(change)} for time, change in changes]}
    answer = subprocess.run([SLICING_DRIVER], input=json.dumps(case) + "\n", capture_output=True, text=True, check=True).stdout
    return sum((Fraction(row["quantity"]) for row in json.loads(answer)), Fraction(0))


def time_weighted_sum(_driver, case):
    first, end = seconds_of(case["period"][0]), seconds_of(case["period"][1])
    changes = [(first - 86400, Fraction(case["initial_level"]))] + [(seconds_of(row["at"]), Fraction(row["delta"])) for row in case["deltas"]]
    return half_up(mean_level(first, end, changes), 5), Fraction(case["expect_rounded_5"])


def prorated_sum(_driver, case):
    """The day of a change counts as held, and the last day of the period is in it."""
    first, end = seconds_of(case["period"][0]), seconds_of(case["period"][1]) + 86400
    changes = [(first - 86400 if row["at"] == "before" else seconds_of(row["at"]), Fraction(row["value"])) for row in case["changes"]]
    return half_up(mean_level(first, end, changes), 8), Fraction(case["exact_expect"])


KINDS = {
    "single_line": single_line,
    "successive_cumulative_snapshots_corrections_booked_on_current_period": phases,
    "late_usage_corrections_kept_on_original_period": phases,
    "package_count": package_count,
    "graduated_total": total_of,
    "max_spend_discount": max_spend,
    "usage_discount_split": free_split,
    "per_unit": amount,
    "graduated": amount,
    "volume": amount,
    "package": amount,
    "charge_minimum": charge_minimum,
    "graduated_percentage": amount,
    "commitment_proration": commitment_proration,
    "plan_commitment_true_up": plan_commitment,
    "percentage": percentage,
    "percentage_per_event": percentage_per_event,
    "prorated_graduated": prorated_graduated,
    "prorated_sum": prorated_sum,
    "time_weighted_sum": time_weighted_sum,
    "prorated_graduated_recurring": prorated_graduated_recurring,
    "dynamic": dynamic,
    "quantity_rounding": quantity_rounding,
    "volume_prorated": volume_prorated,
}


def main():
    paths = [os.path.join(SHARED, "vectors", name) for name in ("lago.json", "openmeter.json")]
    if not all(os.path.exists(path) for path in paths):
        print(f"skipped: no vectors in {SHARED}/vectors (METERD_SHARED names another folder)")
        return 77
    driver, passed, failed, skipped = Driver(), 0, 0, {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)["cases"]
        for case in cases:
            try:
                if case["kind"] not in KINDS:
                    raise Skip(f"kind {case['kind']}")
                got, expected = KINDS[case["kind"]](driver, case)
            except Skip as reason:
                skipped.setdefault(str(reason), []).append(case["id"])
                continue
            if got == expected:
                passed += 1
            else:
                failed += 1
                print(f"FAILED {case['id']}: {case['description']}\n  expected {expected}\n  got      {got}")
    for reason, names in sorted(skipped.items()):
        print(f"skipped {len(names)}, not in the tariff language yet: {reason}: {' '.join(names)}")
    print(f"{passed} vectors agree, {failed} differ, {sum(map(len, skipped.values()))} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
