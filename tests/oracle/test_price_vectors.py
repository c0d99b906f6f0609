#!/usr/bin/python3
"""Expected amounts gathered from the public tests of two open systems, against the price function.

A part of a period is priced as everywhere in meterd: price(usage so far) - what was billed before. Cases of parts that the tariff
language does not have are counted and named, never passed in silence.
"""
import json
import os
import subprocess
import sys
from fractions import Fraction

SHARED = os.environ.get("METERD_SHARED", "../shared")
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "price_driver")


class Skip(Exception):
    """The case needs something that is not there; the text says what."""


class Driver:
    def __init__(self):
        self.process = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def price(self, component, rounding, quantity, **flags):
        """The total of one component at a quantity, as a Fraction."""
        tariff = {"key": "t", "currency": "USD", "rounding": rounding, "versions": [{"from": "2026-01-01", "components": [component]}]}
        recurring = "recurring" in component
        usage = [] if recurring else [{"component": 0, "quantity": text(quantity)}]
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


def tiers_of(price, flat_at_zero):
    tiers = []
    for tier in price["tiers"]:
        if "percent" in tier:
            raise Skip("percentage tiers")
        row = {"unit": tier.get("unit") or "0", "flat": tier.get("flat") or "0"}
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
    elif model in ("graduated", "volume"):
        component.update(tiers_of(price, flat_at_zero))
    elif model == "package":
        component["package"] = {"size": price["package_size"], "price": price["package_price"], "rounding": price.get("round", "up")}
        if price.get("free_units"):
            component["free_units"] = price["free_units"]
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


def free_units_of(case, component):
    discounts = case.get("discounts") or {}
    for name in discounts:
        if name != "free_quantity":
            raise Skip(f"discount {name}")
    if "free_quantity" in discounts:
        component["free_units"] = discounts["free_quantity"]


HALF_UP = {"mode": "half_up", "place": "line"}  # openmeter: every line total, to the currency's digits
UNROUNDED = {"mode": "half_even", "place": "total", "digits": 18}  # lago: not by the charge model


def single_line(driver, case):
    price, position = case["price"], case["position"]
    component = component_of(price, flat_at_zero=True)
    free_units_of(case, component)
    if "unit_conversion" in case:
        raise Skip("unit conversion")
    options = case.get("options", [])
    if "credits" in case and "credits_mutator_off" not in options:
        raise Skip("prepaid credits")
    before = Fraction(case.get("quantity_already_billed_in_period", "0"))
    closing = position != "middle_split" and "ignore_minimum" not in options
    flags = {"continues_earlier": position != "whole_period", "continued_later": position == "middle_split"}
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
    free_units_of(case, component)
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
    with_line = driver.price(component, HALF_UP, before + line) - driver.price(component, HALF_UP, before)
    return line - with_line, Fraction(case["expect_discount"])


def free_split(driver, case):
    """Free units are taken from the first use: what a later part pays for is a difference too."""
    component = {"key": "usage", "meter": "m", "per_unit": "1", "free_units": case["free_quantity"]}
    before = Fraction(case["quantity_already_billed"])
    prior = driver.price(component, HALF_UP, before)
    net = driver.price(component, HALF_UP, before + Fraction(case["quantity"])) - prior
    return (net, prior), (Fraction(case["expect_net_quantity"]), Fraction(case["expect_net_prior_quantity"]))


def charge_minimum(driver, case):
    if case["days_billed"] != case["days_in_period"]:
        raise Skip("prorated minimum")
    component = {"key": "usage", "meter": "m", "per_unit": "0.01", "minimum": text(Fraction(case["minimum_cents"]) / 100)}
    used = Fraction(case["used_cents"])
    return driver.price(component, HALF_UP, used) * 100 - used, Fraction(case["expect_true_up_cents"])


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
