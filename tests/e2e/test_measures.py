"""Meters that keep more than sums, through the daemon: a level that holds into days without events, windows of a percentile, events priced one by
one, and a quantity spread over hours. Bills of days, queries, audit and pricing on request must say the same.
"""
import datetime
import os
import sys
from fractions import Fraction

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, in_mid_month, wait_until  # noqa: E402

in_mid_month()

FIRST = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=7)).replace(hour=0, minute=0, second=0, microsecond=0)
METERS = [
    {"key": "gib", "event_type": "volume", "value": "gib", "aggregation": "time_weighted", "group_by": ["disk"]},
    {"key": "port", "event_type": "traffic", "value": "mbit", "aggregation": "percentile", "percentile": "95", "window": "1h"},
    {"key": "paid", "event_type": "payment", "value": "amount", "keep_events": True},
    {"key": "energy", "event_type": "charged", "value": "kwh", "spread_over": "seconds"},
    {"key": "bytes", "event_type": "interface", "value": "octets", "aggregation": "counter", "factor": "0.001"},
]
COMPONENTS = [
    {"key": "gib", "meter": "gib", "per_unit": "0.01"},
    {"key": "port", "meter": "port", "per_unit": "1"},
    {"key": "paid", "meter": "paid", "scope": "event", "percentage": {"rate": "1", "minimum": "0.50", "maximum": "2"}},
    {"key": "bytes", "meter": "bytes", "per_unit": "0.1"},
    {"key": "energy", "meter": "energy", "scope": "hour", "graduated": [{"up_to": 2, "unit": "0.10"}, {"unit": "0.30"}]},
]
CATALOG = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "cloud", "vendor": "acme"}],
    "meters": [{**meter, "service": "cloud"} for meter in METERS],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": COMPONENTS}]}],
    "subscriptions": [{"key": "s1", "service": "cloud", "customer": "c1", "tariff": "t", "billing": {"every": "day"},
                       "start": FIRST.strftime("%Y-%m-%d")}],
}
COMPLETE_DAYS = 6  # those that are over


def moment(day, hour=0, minute=0):
    return (FIRST + datetime.timedelta(days=day, hours=hour, minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def send(daemon, key, events):
    rows = [{"id": name, "type": kind, "subject": "s1", "time": time, "data": data} for name, kind, time, data in events]
    answer = daemon.call("POST", "/v1/events", body=rows, key=key).json()
    assert answer["accepted"] + answer["late"] + answer["voided"] == len(rows), answer
    daemon.settle()


def bills(daemon):
    """{day: {component: amount}} of the days that are over, without zeros."""
    sums = {}
    for charge in daemon.get("/v1/charges?limit=10000")["charges"]:
        if charge["status"] == "draft":
            continue
        day = (datetime.datetime.fromisoformat(charge["period_start"].replace("Z", "+00:00")) - FIRST).days
        lines = sums.setdefault(day, {})
        lines[charge["component"]] = lines.get(charge["component"], Fraction(0)) + Fraction(charge["amount"])
    return {day: {key: amount for key, amount in lines.items() if amount} for day, lines in sums.items() if day < COMPLETE_DAYS and any(lines.values())}


def usage(daemon, meter, window="day"):
    path = f"/v1/usage?meter={meter}&window={window}&from={moment(0)}&to={moment(COMPLETE_DAYS)}&group_by=meter"
    return [(row["start"][:13], Fraction(row["quantity"]), row["events"]) for row in daemon.get(path)["rows"]]


def amounts(**components):
    return {key: Fraction(amount) for key, amount in components.items()}


def expect_bills(daemon, expected):
    wait_until(f"the bills are {expected}, not {bills(daemon)}", lambda: bills(daemon) == expected)


def main():
    with Daemon({"rater": {"draft_every": "0s", "grace": "0s"}}) as daemon:
        daemon.apply(CATALOG)
        key = daemon.vendor_key("acme")
        busy = [(f"t{day}.{hour}", "traffic", moment(day, hour, 30), {"mbit": 7 if hour else 9}) for day, hours in ((1, 2), (2, 1)) for hour in range(hours)]
        send(daemon, key, busy + [
            ("v1", "volume", moment(1, 6), {"gib": 10, "disk": "a"}),
            ("v2", "volume", moment(3), {"gib": 4, "disk": "a"}),
            ("p1", "payment", moment(1, 9), {"amount": "40"}),
            ("p2", "payment", moment(1, 9), {"amount": "900"}),
            ("p3", "payment", moment(4, 9), {"amount": "100"}),
            ("e1", "charged", moment(4, 22), {"kwh": 9, "seconds": 10800}),  # an hour of it is the next day's
        ])
        # 18 hours at 10, a day at 10, then 4; of a day's 24 windows the 23rd is 7 on the day with two, and 0 on the other
        level = {1: "1.80", 2: "2.40", 3: "0.96", 4: "0.96", 5: "0.96"}
        expected = {day: amounts(gib=amount) for day, amount in level.items()}
        expected[1].update(amounts(port="7", paid="2.50"))
        expected[4].update(amounts(paid="1", energy="1"))  # 3 kWh in each hour: 0.20 + 0.30
        expected[5].update(amounts(energy="0.50"))
        expect_bills(daemon, expected)
        assert [row[1:] for row in usage(daemon, "gib")] == [(180, 1), (240, 0), (96, 1), (96, 0), (96, 0)], usage(daemon, "gib")
        assert [row[1:] for row in usage(daemon, "energy", "hour")] == [(3, 1)] * 3, usage(daemon, "energy", "hour")
        assert [row[1:] for row in usage(daemon, "port")] == [(7, 2), (0, 1)], usage(daemon, "port")

        # Late: from noon of the second day on 20, until the next report. Taken back: the report of the fourth day, so that 20 goes on.
        send(daemon, key, [("v3", "volume", moment(2, 12), {"gib": 20, "disk": "a"})])
        expected[2].update(amounts(gib="3.60"))
        expect_bills(daemon, expected)
        send(daemon, key, [("void", "meterd.void", moment(6), {"id": "v2"})])
        for day in (3, 4, 5):
            expected[day].update(amounts(gib="4.80"))
        expect_bills(daemon, expected)

        # A counter: nothing for its first reading, 20 in the day of the second, then a reset; the day without readings is told by the next.
        send(daemon, key, [(f"c{day}", "interface", moment(day, 3), {"octets": octets}) for day, octets in ((0, 1000), (1, 21000), (2, 5000), (4, 25000))])
        for day, amount in ((1, "2"), (2, "0.50"), (4, "2")):
            expected[day].update(amounts(bytes=amount))
        expect_bills(daemon, expected)
        assert [row[1:] for row in usage(daemon, "bytes")] == [(0, 1), (20, 1), (5, 1), (20, 1)], usage(daemon, "bytes")
        rows = daemon.get(f"/v1/usage?meter=bytes&window=day&from={moment(0)}&to={moment(COMPLETE_DAYS)}")["rows"]
        assert [(row.get("resets"), row.get("gaps")) for row in rows] == [(None, None), (None, None), (1, None), (None, 1)], rows
        send(daemon, key, [("c3", "interface", moment(3, 3), {"octets": 17000}), ("void-c1", "meterd.void", moment(6), {"id": "c1"})])
        del expected[1]["bytes"]
        expected[2].update(amounts(bytes="0.40"))  # 1000, then 5000
        expected[3].update(amounts(bytes="1.20"))
        expected[4].update(amounts(bytes="0.80"))
        expect_bills(daemon, expected)
        daemon.command("audit", "--log")

        # The same rows on request, under the stored tariff and its meters.
        rows = [{"time": moment(1, 6), "component": "gib", "quantity": "10", "dimensions": {"disk": "a"}},
                {"time": moment(2, 12), "component": "gib", "quantity": "20", "dimensions": {"disk": "a"}},
                {"time": moment(COMPLETE_DAYS), "component": "gib", "quantity": "0", "dimensions": {"disk": "a"}}]
        answer = daemon.call("POST", "/v1/price", body={"tariff": "t", "usage": rows}).json()
        quantity = sum(Fraction(line["quantity"]) for line in answer["lines"])
        assert quantity == sum(row[1] for row in usage(daemon, "gib")), (answer, usage(daemon, "gib"))

        # What a subscription begins with: a level until its first report, and what its counter stands at.
        daemon.apply({"subscriptions": [{"key": "s2", "service": "cloud", "customer": "c1", "tariff": "t", "start": moment(2, 12), "opening": [
            {"meter": "gib", "value": "5", "dimensions": {"disk": "a"}}, {"meter": "gib", "value": "2", "dimensions": {"disk": "b"}}, {"meter": "bytes", "value": "7"}]}]})
        rows = [{"id": "o1", "type": "volume", "subject": "s2", "time": moment(3, 12), "data": {"gib": 0, "disk": "a"}},
                {"id": "o2", "type": "interface", "subject": "s2", "time": moment(4), "data": {"octets": 9000}}]
        daemon.call("POST", "/v1/events", body=rows, key=key)
        daemon.settle()
        begun = daemon.get(f"/v1/usage?subscription=s2&window=day&from={moment(2)}&to={moment(5)}&group_by=meter")["rows"]
        assert [(row["meter"], row["quantity"]) for row in begun] == [
            ("gib", "84"), ("gib", "108"), ("gib", "48"), ("bytes", "2")], begun  # 7 × 12; 7 × 12 + 2 × 12; 2 × 24; 9 - 7
        daemon.command("audit", "--log")
        refused = daemon.call("PUT", "/v1/catalog/subscription/s2", body={"service": "cloud", "customer": "c1", "tariff": "t", "start": moment(2, 12)})
        assert refused.status == 422 and b"opening" in refused.body, refused.body
    print("bills, queries, audit and prices of levels, windows, events, spans and counters agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
