#!/usr/bin/python3
"""A billing period that cannot be rated does not stop in silence: metric, status, readiness and a list say so, with the sentence of the rating,
until it can be."""
import datetime
import json
import re

from harness import Daemon, in_mid_month, wait_until

in_mid_month()

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = (NOW - datetime.timedelta(days=2)).date()
CATALOG = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "compute", "vendor": "acme"}],
    "meters": [{"key": "calls", "service": "compute", "event_type": "call", "value": "n"}],
    "tariffs": [
        {"key": "euro", "currency": "EUR", "exchange": {"source": "ecb", "max_age_days": 0}, "versions": [
            {"from": "2020-01-01", "components": [{"key": "calls", "meter": "calls", "per_unit": "0.005"}]}]},
        {"key": "dear", "currency": "EUR", "versions": [
            {"from": "2020-01-01", "components": [{"key": "calls", "meter": "calls", "per_unit": "1000000"}]}]}],
    "subscriptions": [
        {"key": "s-usd", "service": "compute", "customer": "dora", "tariff": "euro", "currency": "USD", "start": str(DAY), "zone": "Asia/Kolkata",
         "billing": {"every": "day"}, "end": str(DAY + datetime.timedelta(days=1))},
        {"key": "s-gbp", "service": "compute", "customer": "gus", "tariff": "euro", "currency": "GBP", "start": str(DAY), "billing": {"every": "day"},
         "end": str(DAY + datetime.timedelta(days=1))},
        {"key": "s-dear", "service": "compute", "customer": "rich", "tariff": "dear", "start": str(DAY), "billing": {"every": "day"}},
        {"key": "s-well", "service": "compute", "customer": "well", "tariff": "euro", "start": str(DAY), "billing": {"every": "day"}}],
}


def waiting_metric(d):
    text = d.call("GET", "/metrics", port=d.admin_port).body.decode()
    return {reason: int(value) for reason, value in re.findall(r'^meterd_periods_waiting\{reason="(\w+)"\} (\d+)$', text, re.M)}


def counts(**told):
    return {**dict.fromkeys(("missing_rate", "out_of_range", "too_large", "other", "incomplete_source"), 0), **told}


def check_said(d, expected):
    """Metric, status and readiness agree."""
    assert waiting_metric(d) == expected, waiting_metric(d)
    assert d.status()["rater"]["waiting"] == expected, d.status()
    lines = [f"{n} billing period{'' if n == 1 else 's'} cannot be rated: {reason}" for reason, n in expected.items() if n]
    answer = d.call("GET", "/readyz?verbose", port=d.admin_port)
    assert answer.status == 200 and answer.body.decode().splitlines() == ["ready", *lines], answer.body
    assert d.call("GET", "/readyz", port=d.admin_port).body == b"ready\n"


def test_waiting(d):
    check_said(d, counts())
    assert d.get("/v1/charges/waiting") == {"periods": [], "next_after": 0, "has_more": False}
    assert "no period waits" in d.command("charges", "--waiting").stderr
    events = [{"id": f"{s}-1", "source": "s", "type": "call", "subject": s, "time": f"{DAY}T12:00:00Z", "data": {"n": n}}
              for s, n in (("s-usd", 100), ("s-gbp", 100), ("s-dear", 10**15), ("s-well", 100))]
    assert d.call("POST", "/v1/events", body=events, key=d.vendor_key("acme")).status == 200
    d.settle()
    check_said(d, counts(missing_rate=2, out_of_range=1))
    page = d.get("/v1/charges/waiting")
    by_key = {row["subscription"]: row for row in page["periods"]}
    assert list(by_key) == ["s-usd", "s-gbp", "s-dear"] and not page["has_more"], page
    row = by_key["s-usd"]
    assert (row["customer"], row["vendor"], row["service"], row["tariff"], row["over"]) == ("dora", "acme", "compute", "euro", True), row
    assert row["period_start"] == f"{DAY}T00:00:00+05:30" and row["period_end"] == f"{DAY + datetime.timedelta(days=1)}T00:00:00+05:30", row
    assert row["reason"] == "missing_rate" and f"no rate of ecb from EUR to USD for {DAY}" in row["problem"], row
    assert by_key["s-dear"]["reason"] == "out_of_range" and row["since"] <= row["retry_at"], by_key
    first = d.get("/v1/charges/waiting?limit=1")
    assert [r["subscription"] for r in first["periods"]] == ["s-usd"] and first["has_more"]
    second = d.get(f"/v1/charges/waiting?limit=1&after={first['next_after']}")
    assert [r["subscription"] for r in second["periods"]] == ["s-gbp"] and second["has_more"]
    assert [r["subscription"] for r in d.get("/v1/charges/waiting?subscription=s-dear")["periods"]] == ["s-dear"]
    assert d.get("/v1/charges/waiting?subscription=s-well")["periods"] == []
    table = d.command("charges", "--waiting").stdout
    assert all(word in table for word in ("dora", "gus", "rich", str(DAY), "missing_rate", row["problem"])), table
    assert row["problem"] in d.command("charges", "--waiting", "--csv", "-s", "s-usd").stdout
    audit = d.command("audit", check=False)
    assert audit.returncode == 1 and f" cannot be rated: {row['problem']}" in audit.stderr and "expected" not in audit.stderr, audit
    assert "each line's sum is its price" in audit.stdout and "3 periods cannot be rated (meterd charges --waiting)" in audit.stdout, audit
    assert f"that starts at {DAY}T" in d.log_lines(), d.log_lines()


def test_it_flows(d):
    """The rate comes: what waited is charged, and is told no more."""
    since = d.get("/v1/charges/waiting?subscription=s-gbp")["periods"][0]["since"]
    d.apply({"rates": [{"key": f"ecb-{DAY}", "source": "ecb", "base": "EUR", "date": str(DAY), "quotes": {"USD": "1.2"}}]})
    wait_until("the dollar bill", lambda: [c for c in d.get("/v1/charges?limit=1000")["charges"] if c["subscription"] == "s-usd"])
    check_said(d, counts(missing_rate=1, out_of_range=1))
    row = d.get("/v1/charges/waiting?subscription=s-gbp")["periods"][0]
    assert row["since"] == since and "GBP" in row["problem"], row  # it was tried again, and waits as long as before
    tariff = json.loads(json.dumps(CATALOG["tariffs"][1]))
    tariff["versions"][0]["components"][0]["per_unit"] = "1"
    d.apply({"tariffs": [tariff]})
    wait_until("the dear bill", lambda: [c for c in d.get("/v1/charges?limit=1000")["charges"] if c["subscription"] == "s-dear"])
    check_said(d, counts(missing_rate=1))


def test_after_a_restart(d):
    d.stop()
    d.start()
    check_said(d, counts(missing_rate=1))


with Daemon({"rater": {"grace": "0s", "draft_every": "0s"}}) as daemon:
    daemon.apply(CATALOG)
    test_waiting(daemon)
    test_it_flows(daemon)
    test_after_a_restart(daemon)
print("what waits is told")
