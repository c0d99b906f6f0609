"""From events to balances: allowances that roll over, a credit that a customer's subscriptions share, the query of what is left, and the audit."""
import json

from harness import Daemon
from pages import SETTINGS, problem

CATALOG = """
vendors: [{key: acme}]
services: [{key: edge, vendor: acme}]
meters: [{key: calls, service: edge, event_type: call, aggregation: count}]
tariffs:
  - key: plan
    currency: EUR
    versions:
      - from: 2026-01-01
        components: [{key: calls, meter: calls, per_unit: 1}, {key: base, recurring: {amount: 3}}]
        allowances: [{key: included, components: [calls], quantity: 10, rollover: 1}]
subscriptions:
  - {key: s1, service: edge, customer: c1, tariff: plan, start: 2026-01-01, end: 2026-03-01}
  - {key: s2, service: edge, customer: c1, tariff: plan, start: 2026-01-01, end: 2026-03-01}
  - {key: s3, service: edge, customer: c2, tariff: plan, start: 2026-02-01, end: 2026-02-02}
credits:
  - {key: topup, customer: c1, amount: 20, currency: EUR, from: 2026-01-01}
  - {key: other, customer: c2, amount: 1, currency: EUR, from: 2026-01-01, expires: 2026-01-02}
  - {key: old, subscription: s2, quantity: 5, meter: calls, from: 2025-01-01, expires: 2026-01-01}
"""


def events(subject, day, count):
    return [{"id": f"{subject}-{day}-{i}", "source": "s", "type": "call", "subject": subject, "time": f"2026-{day}T10:00:00Z", "data": {}}
            for i in range(count)]


def balances(d, question):
    rows = d.get(f"/v1/credits?{question}")["credits"]
    return {(r["subscription"], r["key"], r["grant"]): (r["granted"], r["drawn"], r["balance"], r["expired"]) for r in rows}


def check_balances(d):
    got = balances(d, "customer=c1&at=2026-02-10T00:00:00Z")
    assert got == {
        (None, "topup", "credit=2026-01-01"): ("20.00", "17.00", "3.00", "0.00"),
        ("s1", "included", "grant=2026-01-01"): ("10", "10", "0", "0"),
        ("s1", "included", "grant=2026-02-01"): ("10", "10", "0", "0"),
        ("s2", "included", "grant=2026-01-01"): ("10", "0", "10", "0"),
        ("s2", "included", "grant=2026-02-01"): ("10", "0", "10", "0"),
        ("s2", "old", "credit=2025-01-01"): ("5", "0", "0", "5"),
    }, got
    only = balances(d, "subscription=s2&at=2026-03-10T00:00:00Z")  # after its end: what was prepaid, no allowance
    assert set(only) == {(None, "topup", "credit=2026-01-01"), ("s2", "old", "credit=2025-01-01")}, only
    # what a customer's subscriptions share is told with the first of them, whichever page that is on
    assert (None, "topup", "credit=2026-01-01") not in balances(d, "customer=c1&after=1")
    assert (None, "other", "credit=2026-01-01") in balances(d, "customer=c2&after=2")
    problem(d.call("GET", "/v1/credits"), 400, "subscription")
    problem(d.call("GET", "/v1/credits?subscription=nobody"), 404, "nobody")
    text = d.command("credits", "--customer", "c1", "--at", "2026-02-10T00:00:00Z").stdout
    assert "topup" in text and "17.00" in text and "grant=2026-02-01" in text, text
    assert json.loads(d.command("credits", "-s", "s1", "--json").stdout)["credits"]


def check_charges(d):
    charges = d.get("/v1/charges?limit=10000")["charges"]
    draws = [c for c in charges if c["kind"] == "draw" and c["subscription"] == "s1" and c["period_start"].startswith("2026-02")]
    assert {c["dimensions"]["grant"] for c in draws} == {"2026-01-01", "2026-02-01"}, draws
    credit = [c for c in charges if c["kind"] == "credit"]
    assert all(c["component"] == "topup" and c["dimensions"] == {"credit": "2026-01-01"} for c in credit), credit
    text = d.command("explain", credit[-1]["id"]).stdout
    assert "balance" in text and "topup" in text, text


def check_late_use(d, key):
    """Two calls of January come late: February has two less to take over, and pays for them."""
    assert d.call("POST", "/v1/events", body=events("s1", "01-09", 2), key=key).status == 200
    d.settle()
    got = balances(d, "customer=c1&at=2026-02-10T00:00:00Z")
    assert got[(None, "topup", "credit=2026-01-01")] == ("20.00", "19.00", "1.00", "0.00"), got
    assert got[("s1", "included", "grant=2026-01-01")] == ("10", "10", "0", "0"), got


def main():
    settings = {**SETTINGS, "intake": {"lateness": "3000d", "dedup_window": "3000d"}, "log": {"retention": "3000d"}}
    with Daemon(settings) as d:
        d.apply(CATALOG)
        key = d.vendor_key("acme")
        # s1: 4 in January, 21 in February (6 rolled over, 10 of its own, 5 paid); fees of 3 in each month of both
        answer = d.call("POST", "/v1/events", body=events("s1", "01-03", 4) + events("s1", "02-03", 21), key=key)
        assert answer.status == 200, answer.body
        d.settle()
        check_balances(d)
        check_charges(d)
        check_late_use(d, key)
        d.command("audit")
        d.stop()
    print("pools: balances, charges, explanation and late use agree")


if __name__ == "__main__":
    main()
