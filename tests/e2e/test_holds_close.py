#!/usr/bin/python3
"""A billing period that a source feeds waits with its closing until the source's windows are complete, and says so; at_most behind its end it closes
as it stands, and says that, too. Drafts go on meanwhile, and what comes later is a correction."""
import datetime
import re

from harness import Daemon, in_mid_month, wait_until
from small_vendor import SmallVendor

in_mid_month()

TODAY = datetime.datetime.now(datetime.timezone.utc).date()
DAYS = [(TODAY - datetime.timedelta(days=i)).isoformat() for i in range(3, -1, -1)]


class Vendor(SmallVendor):
    """A row a day; days that are down are refused."""

    def __init__(self):
        self.down, self.asked = set(), []
        super().__init__()

    def answer(self, path, query, headers):
        day, name = query.get("day"), path.rsplit("/", 1)[1]
        self.asked.append(day)
        rows = [{"id": day, "account": "s1", "at": f"{day}T05:00:00Z", "amount": 4}]
        if name == "accounts":
            rows = [{"id": account} for account in ("a", "b")]
        elif name != "usage":
            rows = [{"id": f"{name}-{day}", "account": "s1", "at": f"{day}T05:00:00Z", "amount": 4}]
        return 400 if day in self.down or name in self.down else 200, {"data": rows}


def catalog(port):
    return {
        "vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}],
        "meters": [{"key": "m", "service": "vm", "event_type": "vm.hour", "value": "quantity"}],
        "tariffs": [{"key": "t", "service": "vm", "currency": "EUR",
                     "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "0.5"}, {"key": "base", "recurring": {
                         "amount": "7", "in": "arrears"}}]}]}],
        "subscriptions": [{"key": "s1", "service": "vm", "customer": "c1", "tariff": "t", "start": DAYS[0], "billing": {"every": "day"}}],
        "sources": [{
            "key": "usage", "vendor": "acme", "base_url": f"http://127.0.0.1:{port}", "schedule": {"every": "1s"}, "holds_close": {"at_most": "2d"},
            "window": {"length": "day", "start": DAYS[0], "rereads": ["10d"]}, "auth": "none",
            "request": {"path": "/usage", "query": {"day": "{from:%Y-%m-%d}"}},
            "format": {"json": {"rows": "data[]"}}, "identity": {"id": "id"},
            "map": {"type": "=vm.hour", "subject": "account", "time": "at", "data": {"quantity": "amount"}}}]}


def catalog_of_accounts(port):
    """Usage of each account of a list; yesterday's period is the only one that is over."""
    bundle = catalog(port)
    bundle["subscriptions"][0]["start"] = DAYS[2]
    usage = bundle["sources"][0]
    usage["window"]["start"] = DAYS[2]
    accounts = {**usage, "key": "accounts", "window": {"periods": ["current"]}, "request": {"path": "/accounts"},
                "map": {"type": "=meterd.item", "subject": "id", "data": {}}}
    del accounts["holds_close"]
    usage |= {"for_each": {"rows": {"of": "accounts", "as": "account"}},
              "request": {"path": "/usage/{each.account}", "query": {"day": "{from:%Y-%m-%d}"}}}
    bundle["sources"] = [accounts, usage]
    return bundle


def periods(daemon):
    """What was charged of each day, by status."""
    told = {}
    for charge in daemon.get("/v1/charges?limit=1000")["charges"]:
        told.setdefault(charge["period_start"][:10], set()).add(charge["status"])
    return told


def released(daemon):
    text = daemon.call("GET", "/metrics", port=daemon.admin_port).body.decode()
    return int(re.search(r"^meterd_periods_released_total (\d+)$", text, re.M).group(1))


vendor = Vendor()
vendor.down = {DAYS[0], DAYS[2]}
with Daemon({"poller": {"allow_loopback": True}, "rater": {"draft_every": "0s", "grace": "0s"}}) as d:
    d.apply(catalog(vendor.server_address[1]))
    # The first day's time is over, it closes without its usage; the second is whole; yesterday waits.
    wait_until("what can close has", lambda: "final" in periods(d).get(DAYS[0], ()) and "final" in periods(d).get(DAYS[1], ()))
    row = wait_until("yesterday waits", lambda: d.get("/v1/charges/waiting")["periods"])[0]
    assert row["reason"] == "incomplete_source" and row["code"] == "rating.source" and row["over"], row
    assert row["period_start"][:10] == DAYS[2] and f"window of source usage that begins at {DAYS[2]}T00:00:00Z is not complete" in row["problem"], row
    assert f"it closes at {TODAY + datetime.timedelta(days=2)}T00:00:00Z at the latest" in row["problem"], row
    assert d.status()["rater"]["waiting"]["incomplete_source"] == 1
    assert "cannot be closed: incomplete_source" in d.call("GET", "/readyz?verbose", port=d.admin_port).body.decode()
    assert "final" not in periods(d).get(DAYS[2], set()), periods(d)
    assert released(d) == 1
    assert f"the period of subscription s1 that starts at {DAYS[0]}T00:00:00+00:00 has closed by `holds_close.at_most`" in d.log_lines(), d.log_lines()
    assert d.command("audit").returncode == 0
    d.kill()
    d.start()
    assert "final" not in periods(d).get(DAYS[2], set())
    vendor.down = set()
    d.apply({"vendors": [{"key": "acme", "name": "Acme"}]})  # any change: what failed is tried in its own time
    wait_until("yesterday closes", lambda: "final" in periods(d).get(DAYS[2], ()))
    assert d.get("/v1/charges/waiting")["periods"] == []
    finals = [c for c in d.get("/v1/charges?limit=1000")["charges"] if c["status"] == "final" and c["period_start"][:10] == DAYS[2]]
    assert sorted(c["amount_total"] for c in finals) == ["2.00", "7.00"], finals  # its usage was in when it closed
    wait_until("the first day is corrected", lambda: "correction" in periods(d)[DAYS[0]])
    d.settle()
    assert "correction" not in periods(d)[DAYS[2]]
    assert d.command("audit").returncode == 0
# Of a list each account is waited for, also one that was never read.
vendor.down = {"b"}
with Daemon({"poller": {"allow_loopback": True}, "rater": {"draft_every": "0s", "grace": "0s"}}) as d:
    d.apply(catalog_of_accounts(vendor.server_address[1]))
    wait_until("a is read", lambda: any(w["state"] == "complete" for w in d.get("/v1/sources/windows?source=usage")["windows"]))
    row = wait_until("yesterday waits for b", lambda: [p for p in d.get("/v1/charges/waiting")["periods"] if "1 of 2 windows" in p["problem"]])[0]
    assert f"1 of 2 windows of source usage that begin at {DAYS[2]}T00:00:00Z are not complete" in row["problem"], row
    assert "final" not in periods(d).get(DAYS[2], set()), periods(d)
    vendor.down = set()
    wait_until("yesterday closes", lambda: "final" in periods(d).get(DAYS[2], ()))
    finals = [c for c in d.get("/v1/charges?limit=1000")["charges"] if c["status"] == "final" and c["period_start"][:10] == DAYS[2]]
    assert sorted(c["amount_total"] for c in finals) == ["4.00", "7.00"], finals
    assert released(d) == 0
vendor.shutdown()
print("periods close with their windows")
