#!/usr/bin/python3
"""for_each: subscription asks for the days that a subscription has a part in, and as long behind its end as windows are read again: no others are asked
for, none is missing, and billing periods close. A start that goes back, and an end that goes forth, bill what they have come to have. The vendor has
usage of each day, whoever pays for it."""
import datetime

from harness import Daemon, in_mid_month, wait_until
from small_vendor import SmallVendor

in_mid_month()

TODAY = datetime.datetime.now(datetime.timezone.utc).date()


def day(back):
    return (TODAY - datetime.timedelta(days=back)).isoformat()


def days(first, last):
    """From so many days back to so many days back, both included."""
    return {day(back) for back in range(last, first + 1)}


class Vendor(SmallVendor):
    def __init__(self):
        self.asked = {}
        super().__init__()

    def answer(self, path, query, headers):
        account = path.rsplit("/", 1)[1]
        self.asked.setdefault(account, set()).add((query["day"], query["key"]))
        return [{"id": f"{account}-{query['day']}", "account": account, "at": f"{query['day']}T05:00:00Z", "amount": 1}]


def subscription(key, account, start, end=None):
    return {"key": key, "service": "vm", "subject": account, "customer": "c", "tariff": "t", "start": day(start), "billing": {"every": "day"},
            **({} if end is None else {"end": day(end)})}


def catalog(port):
    return {
        "vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}],
        "meters": [{"key": "m", "service": "vm", "event_type": "vm.hour", "value": "quantity"}],
        "tariffs": [{"key": "t", "service": "vm", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
            {"key": "c", "meter": "m", "per_unit": "0.5"}]}]}],
        "subscriptions": [subscription("old", "a", 40, 30), subscription("again", "a", 10, 8), subscription("new", "b", 5)],
        "sources": [{
            "key": "usage", "vendor": "acme", "base_url": f"http://127.0.0.1:{port}", "schedule": {"every": "1s"}, "holds_close": {"at_most": "90d"},
            "for_each": {"subscription": {"service": "vm"}}, "window": {"length": "day", "start": day(60), "rereads": ["2d"]}, "auth": "none",
            "request": {"path": "/{each.subject}", "query": {"day": "{from:%Y-%m-%d}", "key": "{each.key}"}}, "format": {"json": {"rows": "[]"}},
            "identity": {"id": "id"}, "map": {"type": "=vm.hour", "subject": "account", "time": "at", "data": {"quantity": "amount"}}}]}


def asked(vendor, account):
    return {date for date, _ in vendor.asked.get(account, ())}


def finals(daemon, key):
    rows = daemon.get(f"/v1/charges?subscription={key}&limit=1000")["charges"]
    return {row["period_start"][:10] for row in rows if row["status"] == "final"}


def progress(daemon):
    return daemon.get("/v1/sources/usage/progress")


def windows(daemon, account):
    return [row for row in daemon.get("/v1/sources/windows?source=usage")["windows"] if row["each"] == account]


def check_rest(daemon, count):
    wait_until("all windows are read", lambda: (now := progress(daemon)) and now["windows"] == now["read"] == now["complete"] == count)
    daemon.settle()
    assert {alarm["alarm"] for alarm in daemon.get("/v1/sources/usage")["now"].get("alarms", [])} <= {"after_end"}, daemon.get("/v1/sources/usage")
    wait_until("no period waits", lambda: daemon.get("/v1/charges/waiting")["periods"] == [])


vendor = Vendor()
with Daemon({"poller": {"allow_loopback": True, "readings_max": 8}, "rater": {"draft_every": "0s", "grace": "0s"}}) as d:
    d.apply(catalog(vendor.server_address[1]))
    check_rest(d, 10 + 2 + 5)
    wait_until("what is behind the ends, too", lambda: asked(vendor, "a") == days(40, 29) | days(10, 7))
    assert asked(vendor, "b") == days(5, 1), vendor.asked
    assert {key for date, key in vendor.asked["a"] if date <= day(29)} == {"old"} and (day(9), "again") in vendor.asked["a"], vendor.asked["a"]
    wait_until("all periods close", lambda: finals(d, "old") == days(40, 31) and finals(d, "again") == days(10, 9) and finals(d, "new") == days(5, 1))
    d.kill()
    d.start()
    d.apply({"subscriptions": [subscription("old", "a", 44, 25)]})
    check_rest(d, 19 + 2 + 5)
    wait_until("what is behind the ends, too", lambda: asked(vendor, "a") == days(44, 24) | days(10, 7))
    wait_until("what came with it closes", lambda: finals(d, "old") == days(44, 26))
    wait_until("what no subscription has is open", lambda: {row["start"][:10] for row in windows(d, "a") if row["state"] == "open"} ==
               days(25, 24) | days(8, 7))
    assert all(row["refused"] == (row["state"] == "open") for row in windows(d, "a")), windows(d, "a")
    before = progress(d)["rows"]
    d.apply({"subscriptions": [subscription("old", "a", 44, 35)]})  # what was read stays
    d.settle()
    assert progress(d)["rows"] == before == 19 + 2 + 5, progress(d)
    assert d.command("audit").returncode == 0
    d.stop()
