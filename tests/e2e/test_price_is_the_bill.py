#!/usr/bin/python3
"""What meterd price says of rows is what the daemon charges for them as events, at every instant at which something begins or ends."""
import json
import os
import re
import sys

from harness import Daemon, wait_until

WIDE = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d", "segment_bytes": "16MiB"},
        "rater": {"grace": "0s", "draft_every": "0s"}}
TYPES = {"calls": ("t", "q"), "span": ("l", "q"), "odo": ("o", "q")}
CATALOG = """
vendors: [{key: v}]
services: [{key: s, vendor: v}]
meters:
  - {key: calls, service: s, event_type: t, value: q}
  - {key: span, service: s, event_type: l, value: q, spread_over: sec}
  - {key: odo, service: s, event_type: o, value: q, aggregation: counter}
tariffs:
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
    """What was charged in sum, by the part's start and the component."""
    sums, after = {}, 0
    while True:
        page = d.get(f"/v1/charges?limit=1000&after={after}")
        for charge in page["charges"]:
            if charge["subscription"] == subscription and charge["kind"] == "usage":
                key = (charge.get("part_start") or charge["period_start"], charge["component"])
                sums[key] = sums.get(key, 0) + round(float(charge["amount"]) * 100)
        after = page["next_after"]
        if not page["has_more"]:
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


def main():
    with Daemon(WIDE) as d:
        d.apply(CATALOG + subscriptions(early=True))
        d.command("key", "v-key", "--vendor", "v", "--scope", "ingest", "--out", os.path.join(d.root, "v.key"))
        for key, _, rows, *_ in CASES:
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
            lines = {}
            for line in answer["lines"]:
                at = (line["from"].replace("Z", "+00:00"), line["component"])
                lines[at] = lines.get(at, 0) + round(float(line["amount"]) * 100)
            lines = {at: cents for at, cents in lines.items() if cents}
            assert answer["total"] == total, (key, total, answer)
            wait_until(f"the bill of {key} to be {lines}, not {charged(d, key)}", lambda: lines == charged(d, key))
    print("price is the bill:", ", ".join(key for key, *_ in CASES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
