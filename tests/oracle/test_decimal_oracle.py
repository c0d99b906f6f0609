#!/usr/bin/python3
"""Decimal arithmetic against Python's decimal and fractions: seeded cases with forced ties, extremes and hostile text.

METERD_SEED repeats a run, METERD_CASES changes the number of cases.
"""
import decimal
import os
import random
import re
import subprocess
import sys
import time
from fractions import Fraction

SEED = int(os.environ.get("METERD_SEED", time.time_ns() % 2**32))
CASES = int(os.environ.get("METERD_CASES", "120000"))
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "decimal_driver")

I128_MAX = 2**127 - 1
I128_MIN = -(2**127)
Q, M, E = 12, 18, 30
MODES = ["half_even", "half_up", "up", "down", "ceiling", "floor"]
PY_MODES = {
    "half_even": decimal.ROUND_HALF_EVEN, "half_up": decimal.ROUND_HALF_UP, "up": decimal.ROUND_UP,
    "down": decimal.ROUND_DOWN, "ceiling": decimal.ROUND_CEILING, "floor": decimal.ROUND_FLOOR,
}
rng = random.Random(SEED)


def text_of(integer, scale):
    """Canonical text of integer * 10^-scale."""
    digits = str(abs(integer)).rjust(scale + 1, "0")
    whole, fraction = (digits[:-scale], digits[-scale:].rstrip("0")) if scale else (digits, "")
    return ("-" if integer < 0 else "") + whole + ("." + fraction if fraction else "")


def round_int(value, mode):
    """A Fraction to an integer. Where the fraction is a finite decimal, Python's decimal must agree with the definition."""
    low = value.numerator // value.denominator
    rest = value - low
    if rest == 0:
        return low
    away = low if value < 0 else low + 1
    toward = low + 1 if value < 0 else low
    near = {-1: low, 1: low + 1}.get((rest > Fraction(1, 2)) - (rest < Fraction(1, 2)))
    result = {
        "up": away, "down": toward, "ceiling": low + 1, "floor": low,
        "half_up": away if near is None else near,
        "half_even": (low if low % 2 == 0 else low + 1) if near is None else near,
    }[mode]
    denominator = value.denominator
    while denominator % 10 == 0:
        denominator //= 10
    if denominator == 1:
        finite = decimal.Decimal(value.numerator) / decimal.Decimal(value.denominator)
        assert int(finite.quantize(decimal.Decimal(1), rounding=PY_MODES[mode])) == result
    return result


def fixed(value, scale, digits, mode):
    """A Fraction rounded to `digits`, as an integer of 10^-scale inside 128 bits, or the error."""
    result = round_int(value * 10**digits, mode) * 10 ** (scale - digits)
    return text_of(result, scale) if I128_MIN <= result <= I128_MAX else "EOVERFLOW"


def wide(value):
    return text_of(value, E) if -(2**255) <= value < 2**255 else "EOVERFLOW"


def integer():
    """128-bit integers, with the ends, powers of ten, their neighbours and ties more often than chance."""
    kind = rng.randrange(8)
    if kind == 0:
        value = rng.choice([0, 1, -1, 2, 5, I128_MAX, I128_MIN, I128_MAX - 1, I128_MIN + 1])
    elif kind == 1:
        value = rng.choice([1, -1]) * (10 ** rng.randrange(39) + rng.choice([-1, 0, 1]))
    elif kind == 2:
        value = rng.choice([1, -1]) * (rng.randrange(10**6) * 10 + 5) * 10 ** rng.randrange(20)
    elif kind == 3:
        value = rng.choice([1, -1]) * (2 ** rng.randrange(127) + rng.choice([-1, 0, 1]))
    else:
        value = rng.getrandbits(rng.randrange(1, 128)) * rng.choice([1, -1])
    return max(I128_MIN, min(I128_MAX, value))


def digits_text(count):
    return "".join(rng.choice("0000123456789") for _ in range(count))


def number_text():
    """JSON numbers and near misses."""
    if rng.random() < 0.08:
        return rng.choice(["+1", "01", "1.", ".1", "1e", "e1", "-", "1e+", "0x1", "1..2", "NaN", "inf", "1_0", "1-", "00",
                           "-00.1", "1e1.5"])
    whole = rng.choice(["0", rng.choice("123456789") + digits_text(rng.choice([0, 1, 3, 10, 17, 18, 19, 20, 26, 37, 38, 39, 45]))])
    text = rng.choice(["", "", "-"]) + whole
    if rng.random() < 0.7:
        text += "." + digits_text(rng.choice([1, 2, 6, 11, 12, 13, 17, 18, 19, 30, 38, 39, 50])) + "0" * rng.choice([0, 0, 3, 40])
    if rng.random() < 0.3:
        text += rng.choice("eE") + rng.choice(["", "+", "-"]) + str(rng.choice([0, 1, 5, 12, 18, 19, 38, 39, 60, 10**20]))
    return text


def is_json_number(text):
    return re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", text) is not None


def expect_parse(text, scale):
    """The set of right answers. scale None: mtr_decimal (38 digits). A text at fault twice may get either error."""
    if not is_json_number(text):
        return {"EINVALID"}
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    number, shift = int(whole + fraction), int(exponent or "0") - len(fraction)
    if whole.startswith("-"):
        number = -abs(number)
    if number == 0:
        return {"0"}
    while number % 10 == 0:
        number, shift = number // 10, shift + 1
    errors = set()
    scale_max = 38 if scale is None else scale
    if -shift > scale_max:
        errors.add("EPRECISION")
    magnitude_digits = len(str(abs(number)))
    if scale is None:
        if magnitude_digits + shift > 38:
            errors.add("EOVERFLOW")
        elif -shift > 0 and magnitude_digits > 38:
            errors.add("EPRECISION")
    elif magnitude_digits + shift > 60 or (
        magnitude_digits + shift > 0 and not I128_MIN <= Fraction(number) * Fraction(10) ** (shift + scale) <= I128_MAX
    ):
        errors.add("EOVERFLOW")
    return errors or {text_of(number * 10 ** max(shift, 0), max(-shift, 0))}


def decimal_38():
    """(mantissa, scale) of up to 38 digits."""
    digits = rng.randrange(1, 38)
    return rng.choice([1, -1]) * rng.randrange(10**digits), rng.randrange(39)


def make_case():
    """(line, set of right answers)"""
    name = rng.choice(NAMES)
    mode = rng.choice(MODES)
    a, b, c, d = integer(), integer(), integer(), integer()
    if name in ("parse_decimal", "parse_quantity", "parse_money"):
        text = number_text()
        return f"{name} {text}", expect_parse(text, {"parse_decimal": None, "parse_quantity": Q, "parse_money": M}[name])
    if name == "decimal_to_quantity":
        text = number_text()
        if len(expect_parse(text, None)) != 1 or not next(iter(expect_parse(text, None))).lstrip("-")[0].isdigit():
            text = "12.5"
        return f"{name} {text}", expect_parse(text, Q)
    if name == "quantity_from_product":
        value = decimal_38()
        factor = rng.choice([b, rng.choice([1, -1]) * 10 ** rng.randrange(25), rng.randrange(1, 10**6) * 10 ** rng.randrange(13)])
        product = Fraction(value[0] * factor, 10 ** value[1])  # of 10^-12
        whole = abs(product.numerator) // product.denominator * (1 if product >= 0 else -1)
        answer = "EOVERFLOW" if not I128_MIN <= whole <= I128_MAX else text_of(whole, Q) if whole == product else "EPRECISION"
        return f"{name} {text_of(*value)} {text_of(factor, Q)}", {answer}
    if name == "decimal_compare":
        a, b = decimal_38(), decimal_38()
        if rng.random() < 0.4:  # the same value with more digits, or its neighbour in the last of them
            more = rng.randrange(max(1, 38 - max(a[1], len(str(abs(a[0]))))))
            b = a[0] * 10**more + rng.choice([0, 0, 1, -1]), a[1] + more
        x, y = Fraction(a[0], 10 ** a[1]), Fraction(b[0], 10 ** b[1])
        return f"{name} {text_of(*a)} {text_of(*b)}", {str((x > y) - (x < y))}
    if name in ("quantity_add", "quantity_sub", "money_add", "money_sub"):
        scale = Q if name.startswith("quantity") else M
        result = a + b if name.endswith("add") else a - b
        answer = text_of(result, scale) if I128_MIN <= result <= I128_MAX else "EOVERFLOW"
        return f"{name} {text_of(a, scale)} {text_of(b, scale)}", {answer}
    if name == "money_round":
        digits = rng.randrange(M + 1)
        if digits < M and rng.random() < 0.3:  # a forced tie, or one step beside it
            unit = 10 ** (M - digits)
            a = rng.choice([1, -1]) * (rng.getrandbits(30) * unit + unit // 2 + rng.choice([0, 0, 1, -1]))
        return f"{name} {text_of(a, M)} {digits} {mode}", {fixed(Fraction(a, 10**M), M, digits, mode)}
    if name == "quantity_scale":
        digits = rng.randrange(Q + 1)
        if rng.random() < 0.4:
            a, b, c = (rng.getrandbits(40) * rng.choice([1, -1]) for _ in range(3))
        answer = "EINVALID" if c == 0 else fixed(Fraction(a, 10**Q) * b / c, Q, digits, mode)
        return f"{name} {text_of(a, Q)} {text_of(b, Q)} {text_of(c, Q)} {digits} {mode}", {answer}
    if name == "quantity_blocks":
        size = max(1, min(I128_MAX, abs(b)))
        if rng.random() < 0.5:
            size = rng.randrange(1, 10**4) * 10 ** rng.randrange(14)
            a = size * rng.randrange(-1000, 1000) + rng.choice([0, 1, -1, size // 2])
        return f"{name} {text_of(a, Q)} {text_of(size, Q)} {mode}", {fixed(Fraction(a, size), Q, 0, mode)}
    if name in ("quantity_compare", "money_compare"):
        b = rng.choice([a, b])
        scale = Q if name.startswith("quantity") else M
        return f"{name} {text_of(a, scale)} {text_of(b, scale)}", {str((a > b) - (a < b))}
    if name == "money_format_min":
        digits = rng.randrange(M + 1)
        text = text_of(a, M)
        whole, _, fraction = text.partition(".")
        fraction = fraction.ljust(digits, "0")
        return f"{name} {text} {digits}", {whole + ("." + fraction if fraction else "")}
    if name == "exact_product":
        return f"{name} {text_of(a, Q)} {text_of(b, M)}", {wide(a * b)}
    if name == "exact_from_money":
        return f"{name} {text_of(a, M)}", {wide(a * 10**12)}
    four = f"{name} {text_of(a, Q)} {text_of(b, M)} {text_of(c, Q)} {text_of(d, M)}"
    if name == "exact_add":
        return four, {wide(a * b + c * d)}
    if name == "exact_sub":
        return four, {wide(a * b - 2 * c * d)}
    if name == "exact_compare":
        return four, {str((a * b > c * d) - (a * b < c * d))}
    if name == "exact_scale":
        answer = "EINVALID" if d == 0 else wide(round_int(Fraction(a * b * c, d), mode))
        return f"{name} {text_of(a, Q)} {text_of(b, M)} {text_of(c, Q)} {text_of(d, Q)} {mode}", {answer}
    if name == "exact_divide":
        divisor = rng.choice([1, 60, 3600, 86400, 2678400, rng.randrange(1, 2**40)])
        if rng.random() < 0.7:
            a, b = rng.getrandbits(rng.randrange(1, 90)) * rng.choice([1, -1]), rng.getrandbits(rng.randrange(1, 80))
        if rng.random() < 0.3:  # ties: a whole number of halves of the last digit
            b = divisor * 10**6 // 2 * rng.randrange(1, 1000)
        return f"{name} {text_of(a, Q)} {text_of(b, M)} {divisor} {mode}", {fixed(Fraction(a * b, 10**E * divisor), Q, Q, mode)}
    if name == "exact_scale_money":  # ratios as those of exchange rates
        numerator, denominator = (rng.randrange(1, 10 ** rng.randrange(1, 37)) for _ in range(2))
        a, b, c = (rng.getrandbits(rng.randrange(1, 80)) * rng.choice([1, -1]) for _ in range(3))
        answers = {wide(round_int(Fraction(a * b * c * numerator, 10**18 * denominator), mode))}
        if abs(a * b * c * numerator) >= 2**384:
            answers = {"EOVERFLOW"}
        return (f"{name} {text_of(a, Q)} {text_of(b, M)} {text_of(c, M)} {text_of(numerator, Q)} {text_of(denominator, Q)} {mode}", answers)
    if name == "exact_round_step":
        step = rng.choice([5 * 10**16, 10**18, 25 * 10**15, 1, 3, max(1, min(I128_MAX, abs(c))), rng.randrange(1, 10**6) * 10 ** rng.randrange(18)])
        if rng.random() < 0.5:
            a, b = rng.getrandbits(rng.randrange(1, 90)) * rng.choice([1, -1]), rng.getrandbits(rng.randrange(1, 70))
        if rng.random() < 0.3:  # ties: a whole number of half steps
            a, b = rng.choice([1, -1, 3, -7]) * 10**Q // 2, min(step * rng.randrange(1, 100), I128_MAX)
        multiple = round_int(Fraction(a * b, 10**12 * step), mode) * step
        answer = text_of(multiple, M) if I128_MIN <= multiple <= I128_MAX else "EOVERFLOW"
        return f"{name} {text_of(a, Q)} {text_of(b, M)} {text_of(step, M)} {mode}", {answer}
    assert name == "exact_round"
    digits = rng.randrange(M + 1)
    if rng.random() < 0.5:
        a, b = rng.getrandbits(rng.randrange(1, 90)) * rng.choice([1, -1]), rng.getrandbits(rng.randrange(1, 70))
    if rng.random() < 0.3:  # product with a tie at `digits`: a whole quantity of a price that ends in 5 one digit later
        a = rng.choice([1, -1, 3, -7]) * 10**Q
        b = (rng.getrandbits(20) * 10 + 5) * 10 ** max(0, M - digits - 1)
    return f"{name} {text_of(a, Q)} {text_of(b, M)} {digits} {mode}", {fixed(Fraction(a * b, 10**E), M, digits, mode)}


NAMES = """parse_decimal parse_quantity parse_money decimal_to_quantity quantity_from_product decimal_compare quantity_add quantity_sub
quantity_scale quantity_blocks quantity_compare money_add money_sub money_round money_compare
money_format_min exact_product exact_from_money exact_add exact_sub exact_compare exact_scale exact_divide exact_round
exact_round exact_round_step exact_scale_money money_round quantity_scale""".split()


def main():
    decimal.getcontext().prec = 400
    print(f"seed {SEED}, {CASES} cases")
    cases = [make_case() for _ in range(CASES)]
    sent = "".join(line + "\n" for line, _ in cases)
    run = subprocess.run([DRIVER], input=sent, stdout=subprocess.PIPE, text=True, check=True)
    answers = run.stdout.splitlines()
    assert len(answers) == len(cases), (len(answers), len(cases))
    wrong = [(line, right, got) for (line, right), got in zip(cases, answers) if got not in right]
    for line, right, got in wrong[:10]:
        print(f"FAILED: {line}\n  expected {' or '.join(sorted(right))}\n  got      {got}")
    print(f"{len(cases) - len(wrong)} of {len(cases)} agree; METERD_SEED={SEED} repeats this run")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
