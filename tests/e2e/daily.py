"""A vendor of a few lines, with rows by day and site, and the catalog and sources to ask it: for tests of what is done with sources, where
the vendor itself does nothing odd."""
import datetime
import urllib.parse

from harness import in_mid_month
from small_vendor import SmallVendor

in_mid_month()  # what it sells is of days around now
TODAY = datetime.datetime.now(datetime.timezone.utc).date()
DAYS = [(TODAY - datetime.timedelta(days=i)).isoformat() for i in range(3, 0, -1)]


class Vendor(SmallVendor):
    """Rows by day and site."""

    def __init__(self):
        self.rows, self.asked, self.days = {}, 0, []  # days: in the order they were asked for
        super().__init__()

    def answer(self, path, query, headers):
        self.asked += 1
        self.days.append(query["day"])
        return {"data": self.rows.get((query["day"], query.get("site")), [])}


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def catalog():
    return {
        "vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}],
        "meters": [{"key": "m", "service": "vm", "event_type": "vm.hour", "value": "quantity"}],
        "tariffs": [{"key": "t", "service": "vm", "currency": "EUR",
                     "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "0.5"}]}]}],
        "subscriptions": [{"key": "s1", "service": "vm", "customer": "c1", "tariff": "t", "start": "2020-01-01"}]}


def source(key, port, **more):
    return {"key": key, "vendor": "acme", "base_url": f"http://127.0.0.1:{port}/v2", "schedule": {"every": "1s"},
            "window": {"length": "day", "start": DAYS[0], "rereads": ["10d"]}, "auth": "none",
            "request": {"path": "/usage", "query": {"day": "{from:%Y-%m-%d}"}}, "paging": "none",
            "format": {"json": {"rows": "data[]"}}, "identity": {"id": "id"},
            "map": {"type": "=vm.hour", "subject": "account", "time": "at", "data": {"quantity": "amount"}}, **more}


def windows_of(daemon, key, **more):
    return daemon.get("/v1/sources/windows?" + urllib.parse.urlencode({"source": key, **more}))["windows"]


def row(key, day, amount=1):
    return {"id": key, "account": "s1", "at": day + "T00:00:01Z", "amount": amount}


def billed(daemon):
    """The quantity of each row that counts, by the row's own id; none counts twice."""
    events = {event["seq"]: event for event in daemon.listed("/v1/events", "events")}
    voided = {event["target_seq"] for event in events.values() if event["disposition"] == "void"}
    live = [(e["id"].rsplit("#", 1)[0], e["data"]["quantity"]) for seq, e in events.items()
            if e["disposition"] == "normal" and seq not in voided and "#" in e["id"]]
    assert len(dict(live)) == len(live), live
    return dict(live)


def published(vendor):
    return {r["id"]: r["amount"] for rows in vendor.rows.values() for r in rows}
