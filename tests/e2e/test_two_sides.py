"""From events to margins: what use costs beside what is charged for it, in charges, queries, log, metrics and prices on request."""
import json

from harness import Daemon
from pages import SETTINGS, problem

WITH_A_FREE_TRIAL = """
tariffs:
  - key: sale
    currency: EUR
    versions:
      - from: 2026-01-01
        components:
          - {key: calls, meter: calls, per_unit: {EUR: "0.50", USD: "0.60"}}
          - {key: disk, meter: disk, per_unit: {EUR: "1", USD: "1.20"}, group_by: [region]}
          - {key: base, recurring: {amount: {EUR: "20", USD: "24"}}}
        overrides:
          - {customer: c2, components: [{key: calls, per_unit: {EUR: "0.25", USD: "0.30"}}]}
subscriptions:
  - {key: s2, service: edge, customer: c2, tariff: sale, currency: USD, start: 2026-01-01}
  - {key: s3, service: edge, customer: c1, tariff: sale, cost_tariff: carrier, start: 2026-01-01, trial: {days: 20}}
"""


def call(number, subject, time):
    return {"id": f"call-{subject}-{number}", "source": "s", "type": "call", "subject": subject, "time": time, "data": {}}


def margin(rows, component, kind="usage"):
    found = [(r["amount"], r["cost"], r["margin"]) for r in rows if r["component"] == component and r["kind"] == kind]
    assert len(found) == 1, (component, rows)
    return found[0]


def check_margins(d):
    rows = d.get("/v1/margins?subscription=s1")["margins"]
    january = [r for r in rows if r["period_start"].startswith("2026-01-01")]
    assert margin(january, "calls") == ("10.00", "10.00", "0.00"), january
    assert margin(january, "disk") == ("8.00", "2.00", "6.00"), january
    assert margin(january, "tariff.minimum", "minimum") == ("0.00", "13.00", "-13.00"), january
    losses = d.get("/v1/margins?losses=true&customer=c1")
    assert losses["margins"] and all(r["margin"].startswith("-") for r in losses["margins"]) and not losses["has_more"], losses
    free = [r for r in losses["margins"] if r["subscription"] == "s3" and r["component"] == "calls"]
    assert [(r["amount"], r["cost"], r["quantity"]) for r in free] == [("0.00", "0.60", "2")], losses
    first = d.get("/v1/margins?limit=1")
    assert first["next_after"] == 1 and first["has_more"] and {r["subscription"] for r in first["margins"]} == {"s1"}, first
    rest = d.get("/v1/margins?after=1")
    assert {r["subscription"] for r in rest["margins"]} == {"s3"} and not rest["has_more"], rest
    assert d.get("/v1/margins?from=2100-01-01")["margins"] == []
    problem(d.call("GET", "/v1/margins?subscription=nobody"), 404, "nobody")
    problem(d.call("GET", "/v1/margins?loses=true"), 400, "loses")


def check_charges(d):
    charges = d.get("/v1/charges?limit=10000")["charges"]
    own = [c for c in charges if c["subscription"] == "s1" and c["component"] == "disk"][-1]
    assert (own["amount_total"], own["cost_total"], own["margin_total"]) == ("8.00", "2.00", "6.00"), own
    assert all("cost" not in c for c in charges if c["subscription"] == "s2"), charges
    dollars = [c for c in charges if c["subscription"] == "s2" and c["component"] == "calls"][-1]
    assert (dollars["amount_total"], dollars["currency"]) == ("0.60", "USD"), dollars
    parts = d.get(f"/v1/charges/{own['id']}")["price"]
    assert [p["tariff"] for p in parts if p.get("cost")] == ["carrier"], parts
    text = d.command("explain", own["id"]).stdout
    assert "Cost from 2026-01-01" in text and "margin now" in text, text
    assert "lines at a loss" in d.log_lines(), d.log_lines()
    metrics = d.call("GET", "/metrics", port=d.admin_port).body.decode()
    assert any(l.startswith("meterd_losses_total ") and float(l.split()[1]) >= 2 for l in metrics.splitlines()), metrics


def check_commands(d):
    text = d.command("margins", "--losses", "--subscription", "s1").stdout
    assert "tariff.minimum" in text and "-13.00" in text and "disk" not in text, text
    assert json.loads(d.command("margins", "--json").stdout)["margins"]
    done = json.loads(d.command("price", "sale", "--component", "calls", "--quantity", "20", "--cost", "carrier", "--json").stdout)
    assert (done["total"], done["cost"], done["margin"]) == ("30.00", "25.00", "5.00"), done
    text = d.command("price", "sale", "--component", "calls", "--quantity", "20", "--subscription", "s2").stdout
    assert "6.00" in text and "30.00 USD" in text, text
    text = d.command("price", "sale", "--component", "calls", "--quantity", "20", "--customer", "c2").stdout
    assert "5.00" in text and "25.00 EUR" in text, text
    problem(d.call("POST", "/v1/price", body={"tariff": "sale", "currency": "GBP", "quantity": "1", "component": "calls"}), 422, "GBP")
    problem(d.call("POST", "/v1/price", body={"tariff": "sale", "subscription": "s9", "quantity": "1", "component": "calls"}), 422, "s9")
    problem(d.call("POST", "/v1/price", body={"tariff": "sale", "cost": "nothing", "quantity": "1", "component": "calls"}), 422, "nothing")


def query_key(d):
    path = f"{d.root}/query.key"
    d.command("key", "analyst", "--scope", "query", "--out", path)
    with open(path) as f:
        return f.read().strip()


OWN = {"key": "own", "currency": "EUR", "versions": [{"from": "2026-01-01", "components": [{"key": "calls", "meter": "calls", "per_unit": "1"}]}]}


def check_who_may(d):
    """What use costs the seller, and what single customers pay, is told to keys that may see charges and margins alone."""
    key, use = query_key(d), {"component": "calls", "quantity": "20"}
    assert d.call("POST", "/v1/price", body={"tariff": "sale", **use}, key=key).json()["total"] == "30.00"  # what everybody pays
    assert d.call("POST", "/v1/price", body={"tariff": OWN, **use, "cost": OWN}, key=key).json()["cost"] == "20.00"
    for wanted in ({"tariff": "carrier"}, {"tariff": "sale", "cost": "carrier"}, {"tariff": OWN, "cost": "sale"},
                   {"tariff": "sale", "customer": "c2"}, {"tariff": "sale", "subscription": "s2"}, {"subscription": "s3"},
                   {"tariff": "sale", "start": "2026-01-01", "trial": {"days": 14, "tariff": "carrier"}},
                   {"subscription": "x", "documents": {"subscriptions": [{"key": "x", "service": "edge", "customer": "c2", "tariff": "sale",
                                                                          "cost_tariff": "carrier", "start": "2026-01-01"}]}}):
        problem(d.call("POST", "/v1/price", body={**use, **wanted}, key=key), 403, "billing")
    both = f"{d.root}/both.key"
    d.command("key", "biller", "--scope", "query", "--scope", "billing", "--out", both)
    with open(both) as f:
        assert d.call("POST", "/v1/price", body={"tariff": "sale", "cost": "carrier", **use}, key=f.read().strip()).json()["cost"] == "25.00"


def main():
    settings = {**SETTINGS, "intake": {"lateness": "3000d", "dedup_window": "3000d"}, "log": {"retention": "3000d"}}
    with Daemon(settings) as d:
        with open("config/tariffs/two-sided.yaml", encoding="utf-8") as example:
            d.apply(example.read())
        d.apply(WITH_A_FREE_TRIAL)
        key = d.vendor_key("acme")
        events = [call(i, "s1", "2026-01-03T10:00:00Z") for i in range(20)] + [call(i, "s2", "2026-01-03T10:00:00Z") for i in range(2)]
        events += [call(i, "s3", "2026-01-03T10:00:00Z") for i in range(2)]
        events.append({"id": "disk-1", "source": "s", "type": "disk", "subject": "s1", "time": "2026-01-04T10:00:00Z",
                       "data": {"gib": 8, "region": "eu"}})
        answer = d.call("POST", "/v1/events", body=events, key=key)
        assert answer.status == 200, answer.body
        d.settle()
        for check in (check_margins, check_charges, check_commands, check_who_may):
            check(d)
            print(check.__name__, "ok")
        d.command("audit")
        d.stop()


if __name__ == "__main__":
    main()
