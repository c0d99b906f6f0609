#!/usr/bin/python3
"""meterd price from outside: one quantity, a series, a curve. Needs no daemon and no store."""
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from fractions import Fraction

from harness import METERD

TARIFF = """key: t
currency: EUR
versions:
  - from: 2026-01-01
    components:
      - {key: cpu, meter: m, graduated: [{up_to: 100, unit: "0.05"}, {unit: "0.04", flat: 2}], group_by: [region], cap: 20}
  - from: 2026-02-15
    components:
      - {key: cpu, meter: m, per_unit: 1, cap: 20}
"""
SERIES = """time,region,quantity,component
2026-02-20T00:00:00Z,eu,18,cpu
2026-01-05T00:00:00Z,eu,100.5,
2026-01-31T23:59:59.999Z,us,20,cpu
2026-02-14T23:00:00Z,eu,100,cpu
"""


def run(*arguments, code=0, text=None):
    done = subprocess.run([METERD, "price", *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stderr if code else done.stdout


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def test_series(folder, tariff):
    answer = json.loads(run(tariff, "--series", write(folder, "s.csv", SERIES), "--json"))
    got = [(line["from"][:10], line["to"][:10], line.get("dimensions"), line["amount"]) for line in answer["lines"]]
    assert got == [("2026-01-01", "2026-02-01", {"region": "eu"}, "7.02"), ("2026-01-01", "2026-02-01", {"region": "us"}, "1.00"),
                   ("2026-02-01", "2026-02-15", {"region": "eu"}, "5.00"), ("2026-02-15", "2026-03-01", None, "15.00")], got  # capped at 20 in all
    assert answer["total"] == "28.02" and answer["currency"] == "EUR", answer
    traced = json.loads(run(tariff, "--series", os.path.join(folder, "s.csv"), "--json", "--trace"))
    rounded = {step["line"]: step["output"] for step in traced["trace"] if step["part"].startswith("round ")}
    assert [rounded[i] for i in range(3)] == ["7.02", "1", "5"] and traced["trace"][-1]["line"] == 3, traced["trace"]  # over all parts
    rows = list(csv.DictReader(io.StringIO(SERIES)))
    lines = "".join(json.dumps({k: v for k, v in row.items() if v}) + "\n" for row in rows)
    assert json.loads(run(tariff, "--series", write(folder, "s.ndjson", lines), "--json")) == answer
    table = run(tariff, "--series", os.path.join(folder, "s.csv"))
    assert "FROM" in table and "region=us" in table and table.endswith("total 28.02 EUR\n"), table
    untimed = json.loads(run(tariff, "--at", "2026-01-05", "--series", write(folder, "u.csv", "quantity,region\n50,eu\n60,eu\n"), "--json"))
    assert untimed["total"] == "7.40" and "periods" not in untimed, untimed
    huge = write(folder, "h.csv", "time,quantity,region\n2026-01-05T00:00:00Z,100000000000000000000000000,eu\n")
    said = run(tariff, "--series", huge, code=1)
    assert said.startswith(huge + ": error: component ") and "out of range" in said, said  # nobody gave a --quantity


CHANGING = """key: t
currency: EUR
versions:
  - from: 2026-01-01
    components: [{{key: a, meter: m, {0}}}]
  - from: 2026-01-16
{1}    components: [{{key: a, meter: m, {2}}}]
"""


def test_positions(folder):
    """A version that begins inside a month goes on where the one before it ended, unless it resets; a term goes on from month to month."""
    series = write(folder, "p.csv", "time,quantity\n2026-01-02T00:00:00Z,1400\n2026-01-20T00:00:00Z,1300\n2026-02-02T00:00:00Z,300\n")
    thousands, tiers = "per_unit: 1, convert: {divide: 1000, rounding: ceiling, digits: 0}", "graduated: [{up_to: 2000, unit: 1}, {unit: 0}]"
    for before, reset, after, expected in (
            (thousands, "", thousands, ["2.00", "1.00", "1.00"]), (thousands, "    reset: true\n", thousands, ["2.00", "2.00", "1.00"]),
            (tiers, "", tiers, ["1400.00", "600.00", "300.00"]), (tiers, "    reset: true\n", tiers, ["1400.00", "1300.00", "300.00"]),
            (tiers + ", scope: term", "", tiers + ", scope: term", ["1400.00", "600.00", "0.00"]),
            ("per_unit: 2", "", tiers, ["2800.00", "600.00", "300.00"]),  # the position is of use, not of money
            ("package: {size: 1000, price: 1}, scope: day", "", "package: {size: 1000, price: 1}, scope: day", ["2.00", "2.00", "1.00"])):
        tariff = write(folder, "c.yaml", CHANGING.format(before, reset, after))
        answer = json.loads(run(tariff, "--series", series, "--json"))
        got = [period["total"] for period in answer["periods"]]
        assert got == expected, (before, reset, after, got)
DAY_AND_NIGHT = """key: t
currency: EUR
versions:
  - from: 2026-01-01
    calendar: {night: {hours: "22:00-06:00"}}
    components:
      - {key: day, meter: kwh, when: {not: night}, per_unit: "0.30"}
      - {key: night, meter: kwh, when: night, per_unit: "0.10"}
      - {key: base, recurring: {amount: 10}}
"""


def test_rows_of_a_meter(folder):
    """A row that names no component is of all that price its meter; a month without rows has its fee."""
    tariff = write(folder, "n.yaml", DAY_AND_NIGHT)
    rows = "time,quantity\n2026-01-05T12:00:00Z,10\n2026-01-05T23:00:00Z,7\n2026-03-05T12:00:00Z,1\n"
    lines = json.loads(run(tariff, "--series", write(folder, "n.csv", rows), "--json"))["lines"]
    assert [(line["from"][:7], line["component"], line["amount"]) for line in lines] == [
        ("2026-01", "day", "3.00"), ("2026-01", "night", "0.70"), ("2026-01", "base", "10.00"), ("2026-02", "base", "10.00"),
        ("2026-03", "day", "0.30"), ("2026-03", "base", "10.00")], lines
    named = rows.replace("time,quantity", "time,quantity,meter").replace("\n2", ",kwh\n2").replace("time,quantity,meter,kwh", "time,quantity,meter")
    assert json.loads(run(tariff, "--series", write(folder, "m.csv", named.rstrip() + ",kwh\n"), "--json"))["lines"] == lines
    two = write(folder, "two.yaml", DAY_AND_NIGHT.replace("{key: base, recurring: {amount: 10}}", "{key: gas, meter: gas, per_unit: 1}"))
    assert "several meters" in run(two, "--series", os.path.join(folder, "n.csv"), code=1)


BUNDLE = """
meters:
  - {key: gib, service: s, event_type: e, value: v, aggregation: time_weighted, group_by: [disk]}
  - {key: port, service: s, event_type: e, value: v, aggregation: percentile, percentile: 100, window: 1h}
  - {key: paid, service: s, event_type: e, value: v, keep_events: true}
  - {key: peak, service: s, event_type: e, value: v, aggregation: max}
tariffs:
  - key: other
    currency: EUR
    versions: [{from: 2026-01-01, components: [{key: a, meter: gib, per_unit: 1}]}]
  - key: measured
    currency: EUR
    versions:
      - from: 2026-01-01
        components:
          - {key: gib, meter: gib, per_unit: "0.01"}
          - {key: port, meter: port, per_unit: 1}
          - {key: paid, meter: paid, scope: event, percentage: {rate: 1, minimum: "0.50", maximum: "2"}}
          - {key: peak, meter: peak, per_unit: 1}
          - {key: plain, meter: unknown, scope: hour, package: {size: 10, price: 1}}
"""
MEASURED = """time,component,quantity,disk,seconds
2026-01-01T00:00:00+01:00,gib,10,a,
2026-01-11T00:00:00+01:00,gib,5,b,
2026-01-21T00:00:00+01:00,gib,0,a,
2026-01-05T10:10:00Z,port,3,,
2026-01-05T10:50:00Z,port,4,,
2026-01-05T11:00:00Z,port,6,,
2026-01-06T00:00:00Z,paid,10,,
2026-01-06T00:00:00Z,paid,100,,
2026-01-07T00:00:00Z,paid,1000,,
2026-01-08T00:00:00Z,peak,3,,
2026-01-09T00:00:00Z,peak,2,,
2026-01-10T08:30:00Z,plain,20,,5400
2026-03-01T00:00:00+01:00,gib,5,b,
"""


def test_measured_series(folder):
    """10 GiB for 20 days, 5 more from the 11th on: 480 × 10 + 504 × 5 GiB-hours; both go on into February, which has no rows."""
    bundle, series = write(folder, "bundle.yaml", BUNDLE), write(folder, "measured.csv", MEASURED)
    answer = json.loads(run(bundle, "--tariff", "measured", "--series", series, "--zone", "Europe/Berlin", "--json"))
    got = [(line["from"], line["component"], line["quantity"], line["amount"]) for line in answer["lines"]]
    january, february, march = (f"2026-0{month}-01T00:00:00+01:00" for month in (1, 2, 3))
    assert got == [(january, "gib", "7320", "73.20"), (january, "port", "7", "7.00"), (january, "paid", "1110", "3.50"), (january, "peak", "3", "3.00"),
                   (january, "plain", "20", "3.00"),  # 30 and 60 of 90 minutes: 6.67 and 13.33, 1 and 2 packages
                   (february, "gib", "3360", "33.60"), (march, "gib", "3715", "37.15")], got  # a day of 23 hours
    assert answer["total"] == "160.45", answer["total"]
    assert "--tariff" in run(bundle, "--series", series, code=64)
    assert "no time zone" in run(bundle, "--tariff", "measured", "--series", series, "--zone", "Mars/Olympus", code=1)
    span = write(folder, "span.csv", "time,component,quantity,seconds\n2026-01-01,gib,1,60\n")
    assert "leave its seconds out" in run(bundle, "--tariff", "measured", "--series", span, code=1)
    long = write(folder, "long.csv", "time,component,quantity,seconds\n2026-01-01,plain,1,2764801\n")
    assert "32 days" in run(bundle, "--tariff", "measured", "--series", long, code=1)


def test_refusals(folder, tariff):
    for name, text, sentence in (
        ("a.csv", "time,amount\n2026-01-01,1\n", "no column `quantity`"),
        ("b.csv", "quantity\n1\n2,3\n", ":3: error: has more cells"),
        ("c.csv", 'quantity\n"1\n', "c.csv:"),
        ("d.csv", "time,quantity\n2026-01-01,1\n,2\n", "d.csv:3: error: time: is missing: some rows have a time and some have none"),
        ("e.csv", "time,quantity\n2026-01-03,1\n2025-12-31,1\n", "e.csv:3: error: time: lies before the first version of the tariff, which begins at 2026-01-01"),
        ("f.csv", "quantity\nmany\n", "f.csv:2: error: quantity: a number is expected, as 12 or 0.05, not `many`"),
        ("j.csv", "time,quantity\n2026-01-05,1\n2026-13-05,1\n", "j.csv:3: error: time: a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `2026-13-05`: there is no such day [field.time]"),
        ("n.csv", "time,quantity\n2026-01-03T24:00:00Z,1\n", "n.csv:2: error: time: a date or an instant is expected"),
        ("o.csv", "time,quantity\n2026-01-03T24:00:00Z,1\n", "no hour 24: write 00:00:00 of the next day [field.time]"),
        ("p.csv", "time,quantty\n2026-01-03,1\n", "p.csv:1: error: the header has no column `quantity`, but `quantty` [field.missing]"),
        ("q.csv", "time;quantity\n2026-01-03;1\n", "q.csv:1: error: the header has no column `quantity`: a comma stands between columns"),
        ("r.csv", "quantity\n1e30\n", "r.csv:2: error: quantity: `1e30` is too large: at most 1.7 × 10^26 [field.range]"),
        ("s.csv", "quantity\n1.0000000000001\n", "s.csv:2: error: quantity: `1.0000000000001` has more than 12 digits after the point [field.digits]"),
        ("t.csv", "", "t.csv:1: error: is empty: a header with `quantity` is expected"),
        ("u.csv", "quantity,meter\n1,cpu_hour\n", "u.csv:2: error: meter: the tariff does not price the meter cpu_hour [quote.name.unknown]"),
        ("g.ndjson", '{"quantity": [1]}\n', ":1: error: a member is a list"),
        ("h.ndjson", '{"quantity": 1}\n{"quantity"\n', ":2: error:"),
        ("k.csv", 'quantity\n"1,50"\n', "k.csv:2: error: quantity: `1,50` is no number: write 1.50 (a decimal point)"),
        ("m.csv", "quantity,reigon\n1,eu\n", "m.csv:1: error: dimensions: nothing is priced by `reigon`; did you mean `region`? [quote.name.unknown]"),
        ("v.csv", "\ntimee,quantity\n2026-01-05,1\n", "v.csv:2: error: dimensions: nothing is priced by `timee`; did you mean `time`? [quote.name.unknown]"),
        ("w.csv", "quantity,x\n1,\n1,eu\n", "w.csv:1: error: dimensions: nothing is priced by `x` [quote.name.unknown]"),
        ("m.ndjson", '{"quantity":1}\n{"quantity":1,"componnet":"cpu"}\n', "m.ndjson:2: error: dimensions: nothing is priced by `componnet`; did you mean `component`?"),
        ("i.csv", "quantity,component\n1,cpu\n1,gpu\n", "i.csv:3: error: component: the tariff has no component gpu"),
    ):
        error = run(tariff, "--series", write(folder, name, text), code=1)
        assert sentence in error, (name, error)
    for options, sentence in ((("-q", "1,50"), "meterd price: --quantity: `1,50` is no number: write 1.50 (a decimal point)"),
                              (("-q", "1", "--dim", "reigon=eu"), "meterd price: --dim: nothing is priced by `reigon`; did you mean `region`?"),
                              (("-q", "1", "--component", "gpu"), "meterd price: --component: the tariff has no component gpu"),
                              (("-q", "1", "--at", "soon"), "meterd price: --at: a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `soon`"),
                              (("-q", "1", "--zone", "Mars"), "meterd price: --zone: there is no time zone Mars"),
                              (("-q", "1", "--credit", "$5"), "meterd price: --credit: amount: `$5` is no number: write 5 (no currency)")):
        error = run(tariff, *options, code=1)
        assert sentence in error and "request" not in error, (options, error)
    wrong = write(folder, "wrong.yaml", "key: c\ncurrency: EUR\nversions:\n- {from: 2026-01-01, components: [{key: cpu, meter: m, per_unit: 5 %}]}\n")
    assert f"{wrong}:4:66: error: versions[0].components[0].per_unit: `5 %` is no number: write 5 (no percent sign)" in run(tariff, "-q", "1", "--cost", wrong, code=78)
    rates = write(folder, "rates.yaml", "rates:\n- {source: ecb, base: EUR, date: 2026-01-02, quotes: {USD: '1,1'}}\n")
    assert f"{rates}:2:" in run(tariff, "-q", "1", "--rates", rates, code=78)
    assert "leave out --series" in run(tariff, "--curve", "--series", "x", code=64)
    rows = write(folder, "rows.csv", "time,quantity\n2026-01-03,1\n")
    for options, left_out in ((("--series", rows, "--component", "cpu"), "--component"), (("--series", rows, "--dim", "region=eu"), "--dim"),
                              (("--series", rows, "--csv"), "--csv"), (("-q", "1", "--csv"), "--csv"), (("--curve", "--trial", "2026-02-01"), "--trial"),
                              (("--curve", "--json"), "--json"), (("--what-if", "--start", "2026-01-01"), "--start"), (("-q", "1", "--vendor", "v"), "--vendor")):
        assert f"leave out {left_out}" in run(tariff, *options, code=64), options
    run(tariff, "--series", write(folder, "untimed.csv", "quantity,region\n1,eu\n"), "-q", "1", "--component", "cpu", "--dim", "region=eu", "--at", "2026-01-05")
    for options, sentence in ((("--component", "gpu"), "meterd price: --component: the tariff has no component gpu"),
                              (("--quantity", "1,5"), "meterd price: --quantity: `1,5` is no number: write 1.5 (a decimal point)"),
                              (("--dim", "reigon=eu"), "meterd price: --dim: nothing is priced by `reigon`; did you mean `region`?"),
                              (("--at", "soon"), "meterd price: --at: a date or an instant is expected")):
        assert sentence in run(tariff, "--curve", *options, code=1), options
    assert "above 0" in run(tariff, "--curve", "--quantity", "-5", code=1)
    assert "--at: no version of the tariff is in force yet: the first begins at 2026-01-01" in run(tariff, "-q", "1", "--at", "2025-01-01", code=1)
    assert "in force yet: the first begins at 2026-01-01" in run(tariff, "--curve", "--at", "2025-01-01", code=1)


EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "config", "tariffs")


def total(*arguments):
    return json.loads(run(*arguments, "--json"))["total"]


def test_several_meters(folder):
    capacity, tier_by = os.path.join(EXAMPLES, "capacity.yaml"), os.path.join(EXAMPLES, "tier-by.yaml")
    assert total(capacity, "--quantity", "vcpu=2", "--quantity", "memory_gb=5") == "35.00"
    assert total(capacity, "--quantity", "9") == "100.00"  # of the first meter
    assert total(tier_by, "--component", "seats", "--quantity", "seat_months=198.6", "--quantity", "seats=300") == "238.67"
    series = write(folder, "meters.csv", "time,meter,quantity\n2026-01-05,vcpu,1\n2026-01-06,vcpu,1\n2026-01-07,memory_gb,5\n")
    assert total(capacity, "--series", series) == "35.00"
    assert "does not price the meter disk" in run(capacity, "--quantity", "disk=2", code=1)
    assert "does not price the meter disk" in run(capacity, "--component", "plan", "--quantity", "disk=2", code=1)
    assert "one number, or METER=N" in run(capacity, "--quantity", "vcpu=2", "--quantity", "5", code=64)
    assert "neither --series nor --curve" in run(capacity, "--quantity", "vcpu=2", "--curve", code=64)
    borders = [row for row in csv.DictReader(io.StringIO(run(capacity, "--curve", "--csv"))) if row["border"] == "true"]
    assert [(row["quantity"], row["amount"]) for row in borders] == [("2", "10.00"), ("8", "35.00")], borders


def test_selection(folder):
    matrix, clock = os.path.join(EXAMPLES, "matrix.yaml"), os.path.join(EXAMPLES, "time-of-day.yaml")
    assert total(matrix, "--quantity", "1200", "--dim", "region=eu", "--dim", "sku=large") == "350.00"
    assert "border at 1000: 300.00" in run(matrix, "--curve", "--dim", "region=eu", "--dim", "sku=large")
    assert "border" not in run(matrix, "--curve", "--dim", "region=eu", "--dim", "sku=small")
    assert "counts by the hour" in run(clock, "--component", "night", "--quantity", "5", code=1)
    assert "counts by the hour" in run(clock, "--component", "night", "--curve", code=1)
    assert total(clock, "--component", "night", "--quantity", "5", "--at", "2026-01-05T23:00:00Z") == "0.50"
    assert total(clock, "--component", "night", "--quantity", "5", "--at", "2026-01-05T12:00:00Z") == "0.00"
    series = write(folder, "clock.csv", "time,component,quantity\n2026-01-05T12:00:00Z,night,5\n2026-01-05T23:00:00Z,night,5\n")
    assert total(clock, "--series", series) == "0.50"
    chain = json.loads(run(os.path.join(EXAMPLES, "partner-chain.yaml"), "--component", "compute", "--quantity", "100", "--json"))
    assert chain["lines"][0]["tax_code"] == "S-19" and chain["lines"][0]["amount"] == "103.95", chain


def test_curve(tariff):
    points = list(csv.DictReader(io.StringIO(run(tariff, "--curve", "--csv", "--at", "2026-01-05", "--quantity", "300"))))
    quantities = [Fraction(p["quantity"]) for p in points]
    assert quantities == sorted(set(quantities)) and quantities[0] == 0 and quantities[-1] == 300
    assert [p["quantity"] for p in points if p["border"] == "true"] == ["100"]
    for point, q in zip(points, quantities):
        assert Fraction(point["amount"]) == (q * 5 if q <= 100 else 700 + (q - 100) * 4) / 100, point
    plot = run(tariff, "--curve", "--at", "2026-01-05")
    assert "cpu of t in EUR, from 0 to 125" in plot and "border at 100: 5.00" in plot, plot
    rows = [line for line in plot.split("\n") if "│" in line]
    assert len(rows) == 16 and all("┊" in row or "•" in row for row in rows), plot


def test_curve_of_slices(folder):
    """A point is one event, hour or day; a level holds for the whole month."""
    tariff = write(folder, "l.yaml", TARIFF.split("versions:")[0] + """versions:
  - from: 2026-01-01
    components:
      - {key: seats, meter: m, scope: level, graduated: [{up_to: 5, unit: 10}, {unit: 5}]}
      - {key: cards, meter: m, scope: event, percentage: {rate: 1, free_amount: 40, maximum: 2}}
      - {key: day, meter: m, scope: day, package: {size: 10, price: 1}}
""")
    for component, expected in (("seats", {"10": "75.00", "5": "50.00"}), ("cards", {"40": "0.00", "100": "0.60", "1000": "2.00"}), ("day", {"100": "10.00"})):
        for quantity, amount in expected.items():
            rows = list(csv.DictReader(io.StringIO(run(tariff, "--component", component, "--curve", "--csv", "--quantity", quantity))))
            assert rows[-1]["amount"] == amount, (component, quantity, rows[-1])
    borders = [row["quantity"] for row in csv.DictReader(io.StringIO(run(tariff, "--component", "cards", "--curve", "--csv"))) if row["border"] == "true"]
    assert borders == ["40"], borders


ROLLOVER = os.path.join("config", "tariffs", "rollover.yaml")
PREPAID = os.path.join("config", "tariffs", "prepaid.yaml")


def test_pools(folder):
    series = write(folder, "pools.csv", "time,quantity\n2026-01-10,400\n2026-02-10,900\n2026-04-10,3500\n")
    answer = json.loads(run(ROLLOVER, "--series", series, "--json"))
    draws = [(line["from"][:7], line["dimensions"], line["quantity"]) for line in answer["lines"] if line["kind"] == "draw"]
    assert draws == [("2026-01", {"grant": "2026-01-01"}, "400"), ("2026-02", {"grant": "2026-01-01"}, "600"), ("2026-02", {"grant": "2026-02-01"}, "300"),
                     ("2026-04", {"grant": "2026-02-01"}, "700"), ("2026-04", {"grant": "2026-03-01"}, "1000"), ("2026-04", {"grant": "2026-04-01"}, "1000")], draws
    assert answer["total"] == "40.00", answer["total"]
    # credits: the lower number first, an expired one not at all, what is left goes on into the next month
    calls = write(folder, "calls.csv", "time,quantity\n2026-01-10,3000\n2026-02-10,3000\n2026-03-10,3000\n")
    answer = json.loads(run(PREPAID, "--series", calls, "--credit", "40", "--credit", "35:1:2026-02-01", "--json"))
    paid = [(line["from"][:7], line["component"], line["amount"]) for line in answer["lines"] if line["kind"] == "credit"]
    assert paid == [("2026-01", "credit-2", "-30.00"), ("2026-02", "credit-1", "-30.00"), ("2026-03", "credit-1", "-10.00")], paid
    assert answer["total"] == "20.00", answer["total"]
    trace = run(PREPAID, "-q", "9000", "--at", "2026-01-05", "--credit", "50", "--trace")
    assert "credit-1" in trace and "total 40.00 EUR" in trace and "balance" in trace, trace
    assert "priority" in run(PREPAID, "-q", "1", "--credit", "50:soon", code=1)
    assert "negative" in run(PREPAID, "-q", "1", "--credit=-5", code=1)


RATED = """key: rated
currency: EUR
exchange: {source: ecb}
versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]
"""


def test_rates(folder):
    """What is wrong with rates stands at the document, or at the --rate; a currency of one day is there once."""
    asked = [write(folder, "rated.yaml", RATED), "-q", "5", "--at", "2026-01-31", "--currency", "USD"]
    one, two, wrong = (write(folder, name, text) for name, text in (
        ("one.yaml", "rates:\n- {date: 2026-01-30, quotes: {USD: 2}}\n- {date: 2026-01-30, quotes: {JPY: 150}}\n"),
        ("two.yaml", "rates:\n- {date: 2026-01-29, quotes: {USD: 2}}\n- date: 2026-01-30\n  quotes: {CHF: 1, USD: 3}\n"),
        ("day.yaml", "rates:\n- {date: 2026-01-30, quotes: {USD: 2}}\n- date: 2026-01-32\n  quotes: {USD: 3}\n")))
    assert total(*asked, "--rates", one) == "10.00"
    assert total(*asked, "--rate", "USD=2@2026-01-30", "--rate", "JPY=150@2026-01-30") == "10.00"
    assert f"{two}:3:3: error: quotes: USD: that source has it for that day already [rates.repeated]" in run(*asked, "--rates", one, "--rates", two, code=1)
    assert f"{wrong}:3:9: error: rates[1].date: a date is expected, as 2026-11-20, not `2026-01-32`" in run(*asked, "--rates", wrong, code=78)
    for rates, sentence in ((("USD=2@2026-01-30", "USD=3@2026-01-30"), "meterd price: --rate: USD: that source has it for that day already"),
                            (("USD=0@2026-01-30",), "meterd price: --rate: USD: a rate is above zero"), (("EUR=1@2026-01-30",), "meterd price: --rate: EUR: is the base itself")):
        assert sentence in run(*asked, *(word for rate in rates for word in ("--rate", rate)), code=1), rates


TERMS = """
tariffs:
  - key: taste
    currency: EUR
    versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: "0.10", cap: 2}]}]
  - key: api
    currency: EUR
    versions:
      - from: 2026-01-01
        components:
          - {key: calls, meter: calls, per_unit: 1, free_units: 5}
          - {key: base, recurring: {amount: 31, prorate: second}}
"""


ECONOMY = """
meters: [{key: kwh, service: s, event_type: e, value: v, cell: 30m}]
tariffs:
  - key: economy
    currency: EUR
    versions:
      - from: 2026-01-01
        calendar: {night: {hours: "00:30-07:30", zone: UTC}, summer: {months: apr-sep}}
        components:
          - {key: night, meter: kwh, when: night, per_unit: "0.10"}
          - {key: day, meter: kwh, when: {not: night}, weights: {summer: "0.5"}, per_unit: "0.30"}
"""


def test_windows(folder):
    """Cells of half an hour; a span is cut where they end: of 4 kWh from 23:30 to 01:30 half is of the night."""
    tariff = write(folder, "economy.yaml", ECONOMY)
    series = write(folder, "economy.csv", "time,quantity,seconds\n2026-01-10T23:30:00Z,4,7200\n2026-07-10T23:30:00Z,4,7200\n2026-07-20T07:30:00Z,10,\n")
    answer = json.loads(run(tariff, "--series", series, "--zone", "Europe/London", "--json"))
    assert [(line["component"], line["quantity"], line["amount"]) for line in answer["lines"]] == [
        ("night", "2", "0.20"), ("day", "2", "0.60"), ("night", "2", "0.20"), ("day", "12", "1.80")], answer["lines"]
    hours = write(folder, "hours.yaml", ECONOMY.replace(", cell: 30m", ""))
    assert "give a new meter `cell: 30m`" in run(hours, "--series", series, code=1)


def test_terms(folder):
    """Start, end, billing and trial of the subscription that is priced, as the daemon has them."""
    tariff = write(folder, "terms.yaml", TERMS)
    series = write(folder, "terms.csv", "time,quantity\n2026-01-12T00:00:00Z,30\n2026-01-30T00:00:00Z,12\n2026-02-03T00:00:00Z,7\n")
    given = [tariff, "--tariff", "api", "--series", series, "--json"]

    def lines(*options):
        answer = json.loads(run(*given, *options))
        return [(line["from"][:10], line["component"], line["amount"]) for line in answer["lines"]]

    assert lines() == [("2026-01-01", "calls", "37.00"), ("2026-01-01", "base", "31.00"), ("2026-02-01", "calls", "2.00"), ("2026-02-01", "base", "31.00")]
    assert lines("--start", "2026-01-11", "--end", "2026-03-08") == [
        ("2026-01-11", "calls", "37.00"), ("2026-01-11", "base", "21.00"), ("2026-02-01", "calls", "2.00"), ("2026-02-01", "base", "31.00"),
        ("2026-03-01", "base", "7.00")]
    assert lines("--start", "2026-01-11", "--trial", "{days: 10, tariff: taste}") == [
        ("2026-01-11", "calls", "2.00"), ("2026-01-21", "calls", "7.00"), ("2026-01-21", "base", "11.00"), ("2026-02-01", "calls", "2.00"),
        ("2026-02-01", "base", "31.00")]
    assert lines("--start", "2026-01-11", "--trial", "2026-01-21")[0] == ("2026-01-21", "calls", "7.00")
    assert lines("--start", "2026-01-11", "--trial", "{end: 2026-02-01, then: stop}") == []
    assert lines("--billing", "year") == [("2026-01-01", "calls", "44.00"), ("2026-01-01", "base", "31.00")]
    assert lines("--start", "2026-01-11", "--billing", "{every: month, anchor: anniversary}") == [("2026-01-11", "calls", "44.00"), ("2026-01-11", "base", "31.00")]
    zoned = lines("--start", "2026-01-11", "--zone", "America/New_York")
    assert zoned[0] == ("2026-01-11", "calls", "37.00") and zoned[1] == ("2026-01-11", "base", "21.00"), zoned
    alone = json.loads(run(tariff, "--tariff", "api", "--start", "2026-01-11", "--end", "2026-02-15", "--json"))
    assert alone["total"] == "36.50" and len(alone["periods"]) == 2, alone
    one = json.loads(run(tariff, "--tariff", "api", "--start", "2026-01-11", "--at", "2026-01-20", "--quantity", "9", "--json"))
    assert one["total"] == "25.00" and "periods" not in one, one
    for options, said in ((("--start", "2026-01-13"), "before the start"), (("--end", "2026-02-01"), "behind the end"), (("--trial", "{dais: 3}"), "`days`"),
                          (("--trial", "{days: 3, tariff: tast}"), "meterd price: --trial: " + tariff + " has no tariff `tast`; did you mean `taste`?"),
                          (("--cost", "tast"), "meterd price: --cost: " + tariff + " has no tariff `tast`; did you mean `taste`?"),
                          (("--end", "2026-02-03"), "terms.csv:4: error: time: lies behind the end of the subscription, 2026-02-03T00:00:00+00:00 [quote.time]"),
                          (("--billing", "fortnight"), "fortnight"), (("--start", "soon"), "a date or an instant"), (("--trial", "{a: [}"), "--trial")):
        stated = subprocess.run([METERD, "price", *given, *options], capture_output=True, text=True, check=False)
        assert stated.returncode and said in stated.stderr, (options, stated.returncode, stated.stderr)
    for options in ("--end", "2026-02-01"), ("--trial", "2026-02-01"):
        stated = run(tariff, "--tariff", "api", "-q", "1", "--at", "2026-03-05", *options, code=1)
        assert options[0] in stated and "--start: is not given, so it is that of the billing period of the first use: 2026-03-01T00:00:00Z" in stated, stated
    assert "did you mean `calls`?" in run(tariff, "--tariff", "api", "-q", "1", "--start", "2026-01-01", "--at", "2026-01-01", "--trial", "{quantity: {cals: 5}}", code=1)
    dollars = write(folder, "dollars.yaml", TERMS.replace("key: taste\n    currency: EUR", "key: taste\n    currency: USD"))
    for options in ("--cost", "taste"), ("--trial", "{days: 3, tariff: taste}"):
        stated = run(dollars, "--tariff", "api", "-q", "1", "--start", "2026-01-01", "--at", "2026-01-01", *options, code=1)
        assert f"meterd price: {options[0]}: its tariff has neither prices nor an exchange for EUR" in stated, stated
    assert f"--tariff: {tariff} has no tariff `apii`; did you mean `api`?" in run(tariff, "--tariff", "apii", "-q", "1", code=64)
    spans = write(folder, "spans.csv", "time,quantity,seconds\n2026-01-31T21:00:00Z,48,86400\n")
    cut = json.loads(run(tariff, "--tariff", "api", "--series", spans, "--end", "2026-02-01", "--json"))["lines"]
    assert [(line["quantity"], line["amount"]) for line in cut if line["component"] == "calls"] == [("6", "1.00")], cut  # 3 of 24 hours, 5 units free
    cut = json.loads(run(tariff, "--tariff", "api", "--series", spans, "--start", "2026-02-01", "--json"))["lines"]
    assert [(line["quantity"], line["amount"]) for line in cut if line["component"] == "calls"] == [("42", "37.00")], cut
    assert "spans.csv:2: error: time: lies behind the end" in run(tariff, "--tariff", "api", "--series", spans, "--start", "2026-01-01", "--end", "2026-01-31T21:00:00Z", code=1)
    assert "spans.csv:2: error: time: lies before the start" in run(tariff, "--tariff", "api", "--series", spans, "--start", "2026-02-01T21:00:00Z", code=1)
    broken = write(folder, "broken.yaml", TERMS.replace('per_unit: "0.10", cap: 2', 'per_unit: "0,10"'))
    assert f"{broken}:5:" in run(broken, "--tariff", "api", "--start", "2026-01-01", "--trial", "{days: 3, tariff: taste}", code=78)
    twice = write(folder, "twice.yaml", TERMS.replace("key: taste", "key: api\n    service: a") + "    service: b\n")
    assert "has several tariffs `api`: name it SERVICE/KEY" in run(twice, "--tariff", "api", "-q", "1", code=64)
    assert total(twice, "--tariff", "a/api", "-q", "1", "--at", "2026-01-05") == "0.10"


def test_yearly_commitment(folder):
    """The years of config/tariffs/yearly-commitment.yaml."""
    for end, use, expected in (
            ("2027-01-01", {"01": 900, "06": 500, "12": 10}, ["01 usage 900.00", "06 usage 500.00", "06 overage -40.00", "12 usage 10.00", "12 overage -2.00"]),
            ("2027-01-01", {"03": 300}, ["03 usage 300.00", "12 commitment 900.00"]),
            ("2026-07-01", {"03": 300}, ["03 usage 300.00", "06 commitment 295.07"])):
        series = write(folder, "year.csv", "time,quantity\n" + "".join(f"2026-{month}-12T00:00:00Z,{quantity}\n" for month, quantity in use.items()))
        answer = json.loads(run("config/tariffs/yearly-commitment.yaml", "--start", "2026-01-01", "--end", end, "--series", series, "--json"))
        assert [f'{line["from"][5:7]} {line["kind"]} {line["amount"]}' for line in answer["lines"]] == expected, answer["lines"]


def test_parties(folder):
    """Whose prices these are: a name that no override has would change nothing."""
    tariff = "config/tariffs/override.yaml"
    given = ("--component", "vcpu", "-q", "150", "--at", "2026-01-05")
    assert run(tariff, *given).splitlines()[-1] == "total 10.00 EUR"
    assert run(tariff, *given, "--customer", "acme").splitlines()[-1] == "total 6.00 EUR"
    run(tariff, *given, "--subscription", "backup-7")
    said = run(tariff, *given, "--customer", "acmee", code=64)
    assert "--customer: no override of config/tariffs/override.yaml is for the customer `acmee`, so it changes nothing; did you mean `acme`?" in said, said
    said = run(tariff, *given, "--subscription", "backup7", code=64)
    assert "for the subscription `backup7`, so it changes nothing; did you mean `backup-7`? [quote.name.unknown]" in said, said
    both = write(folder, "both.yaml", WHOLE)
    run(both, "--tariff", "p", "--customer", "x", "-q", "1", "--at", "2026-02-01")
    assert "did you mean `x`" not in run(both, "--tariff", "p", "--customer", "somebody", "-q", "1", code=64)


WHOLE = """vendors: [{key: v}]
services: [{key: s, vendor: v}]
meters: [{key: calls, service: s, event_type: t, value: q}]
tariffs: [{key: p, currency: EUR, versions: [{from: 2026-01-01, components: [{key: c, meter: calls, per_unit: 2}]}]},
  {key: d, currency: USD, versions: [{from: 2026-01-01, components: [{key: c, meter: calls, per_unit: 3}]}]}]
subscriptions:
- {key: a, service: s, customer: x, tariff: p, start: 2026-01-10, end: 2026-03-01, changes: [{from: 2026-02-01, tariff: d, currency: USD}]}
"""


def test_whole(folder):
    """A subscription of a file as it is; what is wrong in it at its own place."""
    whole, series = write(folder, "whole.yaml", WHOLE), write(folder, "whole.csv", "time,quantity\n2026-01-12,10\n2026-02-03,1\n")
    table = run(whole, "--subscription", "a", "--series", series).splitlines()
    assert table[0].split()[-1] == "CURRENCY" and table[-2:] == ["total 20.00 EUR", "total 3.00 USD"], table
    assert json.loads(run(whole, "--subscription", "a", "--series", series, "--json"))["totals"][1] == {"currency": "USD", "total": "3.00", "residue": "0"}
    assert run(whole, "--subscription", "a", "-q", "4", "--at", "2026-02-10").splitlines()[-1] == "total 12.00 USD"
    assert run(whole, "--tariff", "p", "--subscription", "a", "-q", "4", "--at", "2026-02-10").splitlines()[-1] == "total 8.00 EUR"
    assert "leave out --end [quote.subscription]" in run(whole, "--subscription", "a", "--end", "2026-02-01", code=64)
    assert "a TARIFF is missing" in run("-q", "1", code=64)
    assert "leave out --documents" in run(whole, "--subscription", "a", "--documents", whole, code=64)
    assert "--at: lies behind the end of the subscription, 2026-03-01T00:00:00" in run(whole, "--subscription", "a", "--at", "2026-03-01", "-q", "1", code=1)
    broken = write(folder, "broken.yaml", WHOLE.replace("tariff: d,", "tariff: dd,").replace("end: 2026-03-01", "end: 2026-01-01"))
    said = run(broken, "--subscription", "a", code=1)
    assert "broken.yaml:7:72: error: end: end must be after start" in said and "request" not in said, said
    broken = write(folder, "broken.yaml", WHOLE.replace("tariff: d,", "tariff: dd,"))
    assert "broken.yaml:7:94: error: changes: unknown tariff `dd`; did you mean `d`?" in run(broken, "--subscription", "a", code=1)


def main():
    with tempfile.TemporaryDirectory() as folder:
        tariff = write(folder, "tariff.yaml", TARIFF)
        assert json.loads(run("-", "-q", "110", "--at", "2026-01-05", "--json", text=TARIFF))["total"] == "7.40"
        test_series(folder, tariff)
        test_positions(folder)
        test_rows_of_a_meter(folder)
        test_measured_series(folder)
        test_refusals(folder, tariff)
        test_curve(tariff)
        test_curve_of_slices(folder)
        test_several_meters(folder)
        test_selection(folder)
        test_pools(folder)
        test_rates(folder)
        test_terms(folder)
        test_windows(folder)
        test_yearly_commitment(folder)
        test_whole(folder)
        test_parties(folder)
    print("price: quantity, series, positions, refusals, curve, meters, selection and pools agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
