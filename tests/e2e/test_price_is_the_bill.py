#!/usr/bin/python3
"""What meterd price says of rows is what the daemon charges for them as events, at every instant at which something begins or ends."""
import json
import os
import re
import sys

from harness import Daemon, in_mid_month, wait_until

in_mid_month()

WIDE = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d", "segment_bytes": "16MiB"},
        "rater": {"grace": "0s", "draft_every": "0s"}}
TYPES = {"calls": ("t", "q"), "span": ("l", "q"), "odo": ("o", "q"), "seats": ("h", "q")}
CATALOG = """
vendors: [{key: v}]
services: [{key: s, vendor: v}]
meters:
  - {key: calls, service: s, event_type: t, value: q}
  - {key: span, service: s, event_type: l, value: q, spread_over: sec}
  - {key: odo, service: s, event_type: o, value: q, aggregation: counter}
  - {key: seats, service: s, event_type: h, value: q, aggregation: time_weighted, per: hour}
tariffs:
  - key: flat
    currency: EUR
    versions:
      - from: 2026-01-01
        components:
          - {key: c, meter: calls, graduated: [{up_to: 2, unit: 4}, {unit: 3}]}
          - {key: seat, meter: seats, per_unit: 0.01}
          - {key: km, meter: odo, per_unit: 2}
          - {key: fee, recurring: {amount: 31, prorate: second}}
  - key: dollars
    currency: USD
    versions:
      - from: 2026-01-01
        minimum: 50
        components:
          - {key: c, meter: calls, per_unit: 7}
          - {key: seat, meter: seats, per_unit: 0.02}
          - {key: km, meter: odo, per_unit: 5}
  - key: buy
    currency: EUR
    versions: [{from: 2026-01-01, components: [{key: c, meter: calls, per_unit: 0.5}, {key: seat, meter: seats, per_unit: 0.001}]}]
  - key: p
    currency: EUR
    versions:
      - from: 2026-01-01
        components:
          - {key: c, meter: calls, per_unit: 1}
          - {key: sp, meter: span, per_unit: 1}
          - {key: km, meter: odo, per_unit: 1}
      - from: "2026-10-10T10:30:00.000001Z"
        components:
          - {key: c, meter: calls, per_unit: 3}
          - {key: sp, meter: span, per_unit: 2}
          - {key: km, meter: odo, per_unit: 4}
        overrides:
          - {customer: acme, components: [{key: c, per_unit: 5}]}
          - {subscription: own, components: [{key: c, per_unit: 7}]}
"""
TEN = "2026-10-10T10:%sZ"
MOMENTS = "".join(f"{TEN % t},calls,1,\n" for t in ("30:00", "30:00.000001", "44:59.999999", "45:00"))
# 10 by the first version's last microsecond, then 5 and, after a reset, 12 and half of one
READINGS = ("2026-10-10T10:50:00Z,odo,12.5,\n2026-10-02T00:00:00Z,odo,90,\n2026-10-10T10:40:00Z,odo,12,\n2026-10-10T10:30:00Z,odo,100,\n"
            "2026-10-10T10:30:00.000001Z,odo,105,\n")
# subscription, its document's other members, rows of time, meter, quantity, seconds; the options that say the same of its term
CASES = (
    ("hands", 'customer: x, start: 2026-10-01, end: 2026-11-01, changes: [{from: "2026-10-10T10:45:00Z", customer: acme}]', MOMENTS,
     ("--start", "2026-10-01", "--end", "2026-11-01"), "12.00"),
    ("back", 'customer: acme, start: 2026-10-01, end: 2026-11-01, changes: [{from: "2026-10-10T10:44:59.999999Z", customer: x}, '
     '{from: "2026-10-10T10:45:00Z", customer: acme}]', MOMENTS, ("--start", "2026-10-01", "--end", "2026-11-01"), "14.00"),
    ("own", 'customer: x, start: 2026-10-01, end: 2026-11-01, changes: [{from: "2026-10-10T10:45:00Z", customer: acme}]', MOMENTS,
     ("--start", "2026-10-01", "--end", "2026-11-01"), "22.00"),
    ("ends", 'customer: x, zone: Asia/Kolkata, start: 2026-09-01, end: "2026-10-10T10:20:00+05:30"', "2026-10-10T10:00:00+05:30,span,3600,3600\n",
     ("--start", "2026-09-01", "--end", "2026-10-10T10:20:00+05:30", "--zone", "Asia/Kolkata"), "1200.00"),
    ("starts", 'customer: x, start: "2026-10-10T10:20:00.000001Z", end: 2026-11-01', "2026-10-10T10:10:00Z,span,1200,1200\n",
     ("--start", "2026-10-10T10:20:00.000001Z", "--end", "2026-11-01"), "600.00"),
    ("both", 'customer: x, zone: Asia/Kathmandu, start: "2026-10-10T10:20:00Z", end: "2026-10-10T10:50:00Z"', "2026-10-10T10:00:00Z,span,3600,3600\n",
     ("--start", "2026-10-10T10:20:00Z", "--end", "2026-10-10T10:50:00Z", "--zone", "Asia/Kathmandu"), "3000.00"),
    ("moved", 'customer: x, start: 2026-10-01, end: 2026-11-01, changes: [{from: "2026-10-10T10:15:00Z", customer: acme}]',
     "2026-10-10T10:00:00Z,span,3600,3600\n", ("--start", "2026-10-01", "--end", "2026-11-01"), "5400.00"),
    ("read", "customer: x, start: 2026-10-01, end: 2026-11-01", READINGS, ("--start", "2026-10-01", "--end", "2026-11-01"), "80.00"),
)

# Priced as they are: the whole document is tried, from a file and as it is stored.
LEVELS = "2026-10-05T00:30:00Z,seats,5,\n2026-10-20T00:00:00Z,seats,1,\n"
COUNTED = "2026-10-03T00:00:00Z,odo,110,\n2026-10-12T11:00:00Z,odo,3,\n2026-10-25T00:00:00Z,odo,4.25,\n"
WHOLE = (
    ("taken", "customer: x, tariff: flat, start: 2026-10-01, end: 2026-11-01, opening: [{meter: seats, value: 12}, {meter: odo, value: 100}]", LEVELS + COUNTED),
    ("quiet", "customer: x, tariff: flat, cost_tariff: buy, zone: Asia/Kathmandu, start: 2026-10-03, end: 2026-10-20, opening: [{meter: seats, value: 3}]", ""),
    ("grown", 'customer: x, tariff: flat, start: 2026-09-20, end: 2026-11-01, opening: [{meter: odo, value: 100}], '
     'changes: [{from: "2026-10-12T10:30:00.5Z", tariff: dollars, currency: USD}, {from: "2026-10-20T00:00:00Z", tariff: p, currency: EUR, customer: acme}]',
     MOMENTS + LEVELS + COUNTED + "2026-10-12T10:30:00.499999Z,calls,1,\n2026-10-12T10:30:00.5Z,calls,1,\n2026-10-20T00:00:00Z,calls,1,\n"),
    ("tried", "customer: x, tariff: flat, start: 2026-10-04, end: 2026-11-04, billing: {anchor: anniversary}, trial: {days: 7, tariff: p}, "
     "changes: [{from: 2026-10-21, billing: {every: week, anchor: anniversary}}]", MOMENTS + "2026-10-22T00:00:00Z,calls,9,\n2026-10-29T00:00:00Z,calls,9,\n"),
    ("within", 'customer: x, tariff: flat, start: 2026-09-20, end: 2026-11-01, opening: [{meter: odo, value: 100}], '
     'changes: [{from: "2026-10-01T00:00:00.5Z", customer: acme}, {from: "2026-10-12T10:30:00.25Z", tariff: p}, '
     '{from: "2026-10-12T10:30:00.5Z", tariff: flat, customer: x}]',
     MOMENTS + LEVELS + COUNTED + "".join(f"2026-10-{time}Z,calls,1,\n" for time in (
         "01T00:00:00.499999", "01T00:00:00.5", "12T10:30:00.249999", "12T10:30:00.25", "12T10:30:00.499999", "12T10:30:00.5"))),
    ("paid", 'customer: rich, tariff: flat, start: 2026-10-01, end: 2026-11-01, changes: [{from: "2026-10-10T10:45:00Z", customer: poor}]', MOMENTS),
)
CREDITS = """
credits:
  - {key: own, subscription: paid, currency: EUR, amount: 5, from: 2026-10-01}
  - {key: shared, customer: poor, currency: EUR, amount: 9, from: 2026-10-01, priority: 1}
"""


def events_of(subject, rows):
    for number, row in enumerate(rows.splitlines()):
        time, meter, quantity, seconds = row.split(",")
        kind, value = TYPES[meter]
        data = {value: quantity, **({"sec": int(seconds)} if seconds else {})}
        yield {"id": f"{subject}-{number}", "source": "s", "type": kind, "subject": subject, "time": time, "data": data}


def line_of(row):
    """Of a counter the value is a reading."""
    time, meter, value, seconds = row.split(",")
    return f"{time},{meter},,{seconds},{value}\n" if meter == "odo" else f"{row},\n"


def charged(d, subscription):
    """What was charged in sum, by the part's start, the component and the currency."""
    sums = {}
    for charge in d.listed("/v1/charges", "charges"):
        if charge["subscription"] == subscription:
            add(sums, charge.get("part_start") or charge["period_start"], charge["component"], charge["currency"], charge["amount"])
    return {key: cents for key, cents in sums.items() if cents}


def add(sums, start, component, currency, amount):
    key = (start.replace("Z", "+00:00"), component, currency)
    sums[key] = sums.get(key, 0) + round(float(amount) * 100)


def priced(answer):
    """The same of a quote. Its credits have the keys of the daemon's."""
    currencies = {period["from"]: period["currency"] for period in answer["periods"]}
    sums = {}
    for line in answer["lines"]:
        add(sums, line["from"], line["component"], currencies[line["from"]], line["amount"])
    return {key: cents for key, cents in sums.items() if cents}


def settled(d):
    def idle():
        status = d.get("/v1/status")
        return status["log"]["last_seq"] + 1 == status["aggregator"]["next_seq"] and status["aggregator"]["idle"] and status["rater"]["idle"]
    return idle


def subscriptions(early):
    """All of them; early: they start before the events, and the start moves to its place behind them."""
    lines = [f"  - {{key: {key}, service: s, tariff: p, {members}}}\n" for key, members, *_ in CASES]
    return "subscriptions:\n" + "".join(re.sub(r"start: [^,]+", "start: 2026-09-01", line) if early else line for line in lines)


def whole_subscriptions():
    return "".join(f"  - {{key: {key}, service: s, {members}}}\n" for key, members, *_ in WHOLE)


def check_whole(d):
    """Stored, from a file that holds all of it, and from documents in the place of what is stored."""
    whole, drafted, same = (os.path.join(d.root, name) for name in ("whole.yaml", "drafted.yaml", "same.yaml"))
    with open(same, "w", encoding="utf-8") as file:
        file.write(CATALOG)
    with open(whole, "w", encoding="utf-8") as file:
        file.write(CATALOG + subscriptions(early=False) + whole_subscriptions() + CREDITS)
    with open(drafted, "w", encoding="utf-8") as file:
        file.write("subscriptions:\n" + whole_subscriptions().replace("key: ", "key: new-", len(WHOLE)) + CREDITS.replace("paid", "new-paid"))
    for key, members, rows in WHOLE:
        series = ("--series", os.path.join(d.root, key + ".csv")) if rows else ()
        stored = json.loads(d.command("price", "--subscription", key, *series, "--json").stdout)
        lines = priced(stored)
        assert lines, stored
        wait_until(f"the bill of {key} to be {lines}, not {charged(d, key)}", lambda: lines == charged(d, key))
        assert json.loads(d.command("price", whole, "--subscription", key, *series, "--json").stdout) == stored, key
        tried = d.command("price", "--subscription", "new-" + key, "--documents", drafted, *series, "--json").stdout
        assert json.loads(tried) == stored, key
        assert json.loads(d.command("price", "--subscription", key, "--documents", same, *series, "--json").stdout) == stored, key


def main():
    with Daemon(WIDE) as d:
        d.apply(CATALOG + subscriptions(early=True) + whole_subscriptions() + CREDITS)
        d.command("key", "v-key", "--vendor", "v", "--scope", "ingest", "--out", os.path.join(d.root, "v.key"))
        for key, _, rows, *_ in CASES + WHOLE:
            path = os.path.join(d.root, key)
            with open(path + ".ndjson", "w", encoding="utf-8") as file:
                file.writelines(json.dumps(event) + "\n" for event in events_of(key, rows))
            with open(path + ".csv", "w", encoding="utf-8") as file:
                file.write("time,meter,quantity,seconds,reading\n" + "".join(line_of(row) for row in rows.splitlines()))
            d.command("send", "--key-file", os.path.join(d.root, "v.key"), path + ".ndjson")
        wait_until("charges", settled(d))
        with open(os.path.join(d.root, "moved.yaml"), "w", encoding="utf-8") as file:
            file.write(subscriptions(early=False))
        d.command("apply", "--correct-closed-periods", os.path.join(d.root, "moved.yaml"))
        wait_until("charges of what moved", settled(d))
        for key, _, _, options, total in CASES:
            answer = json.loads(d.command("price", "p", "--subscription", key, "--series", os.path.join(d.root, key + ".csv"), *options, "--json").stdout)
            lines = priced(answer)
            assert answer["total"] == total, (key, total, answer)
            wait_until(f"the bill of {key} to be {lines}, not {charged(d, key)}", lambda: lines == charged(d, key))
        check_whole(d)
    print("price is the bill:", ", ".join(key for key, *_ in CASES + WHOLE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
