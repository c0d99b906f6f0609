"""The poller against a vendor's API of a few lines: days in pages, restated, taken away and brought back; outages and broken answers; kill -9,
and the ledger of windows deleted. What is billed is what was last published, to the row."""
import datetime
import json
import os
import random
import shutil

from harness import Daemon, in_mid_month, wait_until
from small_vendor import SmallVendor

in_mid_month()

DAYS = 4
SEED = int(os.environ.get("METERD_SEED", "1"))
KILLS = int(os.environ.get("METERD_KILLS", "4"))


class Vendor(SmallVendor):
    """Rows by day; `fault` spoils the answers as long as it is set."""

    def __init__(self):
        self.rows, self.fault, self.asked = {}, None, 0
        super().__init__()

    def answer(self, path, query, headers):
        rows, at, fault = list(self.rows.get(query["day"], [])), int(query.get("cursor", 0)), self.fault
        self.asked += 1
        page = {"data": rows[at:at + 3], "meta": {"total": len(rows), "next": str(at + 3) if at + 3 < len(rows) else None}}
        body = json.dumps(page).encode()
        if fault == "loop":
            page["meta"]["next"] = "0"
        elif fault == "short":  # a page is skipped: the vendor's own count says so
            page["meta"] = {"total": len(rows) + 1, "next": None}
        return {"500": (500, b"oops"), "429": (429, b"", {"Retry-After": "1"}), "torn": body[:len(body) // 2],
                "hang up": self.HANG_UP}.get(fault, page)


def catalog(port, start):
    return {
        "vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}],
        "meters": [{"key": "m", "service": "vm", "event_type": "vm.hour", "value": "quantity"}],
        "tariffs": [{"key": "t", "service": "vm", "currency": "EUR",
                     "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "0.5"}]}]}],
        "subscriptions": [{"key": "s1", "service": "vm", "customer": "c1", "tariff": "t", "start": "2020-01-01"}],
        "sources": [{
            "key": "usage", "vendor": "acme", "base_url": f"http://127.0.0.1:{port}/v2", "schedule": {"every": "1s"},
            "window": {"length": "day", "start": start, "rereads": ["10d"], "open": "1s"}, "auth": "none", "guard": {"every": "1s"},
            "request": {"path": "/usage", "query": {"day": "{from:%Y-%m-%d}"}}, "paging": {"cursor": {"path": "meta.next", "send": "query.cursor"}},
            "format": {"json": {"rows": "data[]"}}, "complete": {"count": "meta.total"}, "identity": {"id": "id"},
            "map": {"type": "=vm.hour", "subject": "account", "time": "at", "data": {"quantity": "amount"}}}]}


def billed(daemon):
    """Events that count, by the row's own id."""
    rows = {event["seq"]: event for event in daemon.listed("/v1/events", "events")}
    voided = {event["target_seq"] for event in rows.values() if event["disposition"] == "void"}
    live = [e for seq, e in rows.items() if e["disposition"] == "normal" and seq not in voided]
    counted = sorted((e["id"].rsplit("#", 1)[0], e["data"]["quantity"]) for e in live)
    assert len({key for key, _ in counted}) == len(counted), "a row counts twice"
    return counted


def published(vendor):
    return sorted((row["id"], row["amount"]) for rows in vendor.rows.values() for row in rows)


def agree(daemon, vendor, what):
    wait_until(what, lambda: billed(daemon) == published(vendor))
    daemon.settle()
    total = sum(amount for _, amount in published(vendor))
    usage = daemon.get("/v1/usage?window=total&from=2020-01-01&to=2199-01-01")["rows"]
    assert sum(int(row["quantity"]) for row in usage) == total, (usage, total)


def restate(vendor, day, chance):
    rows = {row["id"]: row for row in vendor.rows[day]}
    for _ in range(chance.randrange(1, 5)):
        key = f"{day}-{chance.randrange(12)}"
        if key in rows and chance.random() < 0.3:
            del rows[key]
        else:
            rows[key] = {"id": key, "account": "s1", "at": day + "T00:00:01Z", "amount": chance.randrange(1, 4)}
    vendor.rows[day] = list(rows.values())


def main():
    vendor, chance = Vendor(), random.Random(SEED)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    days = [(today - datetime.timedelta(days=i)).isoformat() for i in range(DAYS, -1, -1)]
    print(f"seed {SEED}")
    for day in days:
        vendor.rows[day] = [{"id": f"{day}-{i}", "account": "s1", "at": day + "T00:00:01Z", "amount": i + 1} for i in range(7)]
    with Daemon({"poller": {"allow_loopback": True}, "rater": {"draft_every": "0s"}}) as daemon:
        daemon.apply(catalog(vendor.server_address[1], days[0]))
        agree(daemon, vendor, "all days are in the log")
        for fault, alarm in (("500", "failing"), ("torn", "failing"), ("loop", "loop"), ("short", "incomplete"), ("hang up", "failing"), ("429", None)):
            before = billed(daemon)
            vendor.fault, asked = fault, vendor.asked
            restate(vendor, days[-1], chance)
            wait_until(f"{fault}: it is asked", lambda asked=asked: vendor.asked > asked + 1)
            if alarm in ("loop", "incomplete"):
                wait_until(f"{fault}: the alarm", lambda alarm=alarm: f"source=usage {alarm}: " in daemon.log_lines())
            assert billed(daemon) == before, f"{fault}: what cannot be read changes nothing"
            vendor.fault = None
            agree(daemon, vendor, f"after {fault}")
        for round_ in range(KILLS):
            restate(vendor, days[-1], chance)
            asked = vendor.asked
            wait_until("it is asked", lambda asked=asked: vendor.asked > asked)
            daemon.kill()
            if round_ % 2:
                shutil.rmtree(os.path.join(daemon.data, "intake"))
            daemon.start()
            agree(daemon, vendor, f"after kill {round_}")
        seq = daemon.status()["log"]["last_seq"]
        asked = vendor.asked
        wait_until("it is asked again", lambda: vendor.asked > asked + 9)
        notes = daemon.get(f"/v1/events?limit=1000&after={seq}")["events"]
        assert all(event["disposition"] == "note" for event in notes), "nothing has changed: receipts are all that is written"
        daemon.stop()
    vendor.shutdown()
    print(f"{vendor.asked} requests, {KILLS} kills")


main()
