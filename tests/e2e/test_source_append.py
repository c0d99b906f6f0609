"""Rows of an append delivery are known as long as `intake.dedup_window` says. Behind that they are not asked for again, and none counts twice:
not by a feed's overlap, nor by rereads, `run` or `replay`. What would ask for them is refused where it is written, and so is another name for rows
that are just being read."""
import json
import threading

from daily import DAYS, TODAY, catalog, row, source, windows_of
from harness import Daemon, wait_until
from small_vendor import SmallVendor


class Vendor(SmallVendor):
    def __init__(self):
        self.rows, self.asked, self.held = [], [], threading.Event()
        self.held.set()
        super().__init__()

    def answer(self, path, query, headers):
        since = query.get("since")
        rows = [r for r in self.rows if (r["at"] >= since if since else r["at"].startswith(query["day"]))]
        page = {"data": [{**r, "id": f"{path}-{r['id']}"} for r in rows], "next": None}
        self.asked.append((path, since or query["day"]))
        self.held.wait()
        return page


def days(port, **more):
    return source("days", port, delivery="append", window={"length": "day", "start": DAYS[0], "rereads": ["10d"]}, **more)


def feed(port, overlap="10d"):
    return source("feed", port, window={"length": "cursor", "start": DAYS[0], "overlap": overlap}, paging={"cursor": {"path": "next", "send": "query.cursor"}},
                  request={"path": "/feed", "query": {"since": "{from}"}})


def total(daemon):
    daemon.settle()
    return [int(r["quantity"]) for r in daemon.get("/v1/usage?window=total&from=2020-01-01&to=2199-01-01")["rows"]]


def put(daemon, *sources):
    return daemon.call("PUT", "/v1/catalog", body=json.dumps({"sources": sources}), headers={"Content-Type": "application/yaml"})


def named_while_it_is_read(vendor):
    """The first answer is on its way: its rows have the ids of the document that has asked, and nothing of it is in the log."""
    port = vendor.server_address[1]
    vendor.held.clear()
    with Daemon({"poller": {"allow_loopback": True}}) as daemon:
        daemon.apply(catalog())
        daemon.apply({"sources": [days(port)]})
        wait_until("it is asked", lambda: vendor.asked)
        other = days(port, identity={"id": "{account}-{id}"})
        try:
            for _ in range(2):
                refused = put(daemon, other)
                assert refused.status == 422 and b"cannot change once rows of an `append` delivery were read" in refused.body, refused.body
            gone = daemon.call("DELETE", "/v1/catalog/source/days")
            assert gone.status == 422 and b"usage is being read by it" in gone.body, gone.body
            assert put(daemon, days(port, schedule={"every": "2s"})).status == 200
        finally:
            vendor.held.set()
        wait_until("all is read", lambda: [w["state"] for w in windows_of(daemon, "days")] == ["complete"] * 3)
        assert put(daemon, other).status == 422
        assert total(daemon) == [12]


def main():
    vendor = Vendor()
    port = vendor.server_address[1]
    vendor.rows = [row(f"{day}-{i}", day) for day in DAYS for i in range(4)]
    named_while_it_is_read(vendor)
    vendor.asked.clear()
    settings = {"poller": {"allow_loopback": True}, "log": {"segment_events_max": 1024}, "rater": {"grace": "0s", "draft_every": "0s"}}
    with Daemon(settings) as daemon:
        daemon.apply(catalog())
        long = put(daemon, feed(port, "36d"))
        assert long.status == 422 and b"of which a reading may need 86400 s, and `overlap`" in long.body, long.body
        daemon.apply({"sources": [days(port), feed(port)]})
        wait_until("all is read", lambda: [w["state"] for w in windows_of(daemon, "days")] == ["complete"] * 3 and total(daemon) == [24])
        daemon.command("source", "run", "days", "--from", DAYS[0], "--to", TODAY.isoformat())
        assert total(daemon) == [24]  # they are known
        daemon.stop()
        daemon.settings["intake"] = {"lateness": "1s", "dedup_window": "1s", "future": "0s"}
        daemon.start()
        key = daemon.vendor_key("acme")
        def push(*ids):
            events = [{"id": i, "type": "vm.hour", "subject": "s1", "data": {"quantity": 1}} for i in ids]
            return daemon.call("POST", "/v1/events", body=events, key=key).json()["accepted"]
        assert sum(push(*(f"e{part}-{i}" for i in range(1000))) for part in range(3)) == 3000
        def forgotten():  # what was pushed behind the rows is
            daemon.stop()
            daemon.start()
            return push("e0-0")
        wait_until("what was read is no longer known", forgotten)
        looks = len(vendor.asked)
        wait_until("the feed goes on", lambda: sum(path.endswith("/feed") for path, _ in vendor.asked[looks:]) >= 3)
        assert all(since > DAYS[2] for path, since in vendor.asked[looks + 1:] if path.endswith("/feed")), vendor.asked[looks:]
        for verb in (("run", "days", "--from", DAYS[0], "--to", TODAY.isoformat()), ("replay", "days", "--from", DAYS[0])):
            refused = daemon.command("source", *verb, check=False)
            assert refused.returncode and "they would count twice" in refused.stdout + refused.stderr, refused
        assert total(daemon) == [24 + 3001] and not any(path.endswith("/usage") for path, _ in vendor.asked[looks:]), vendor.asked[looks:]
    vendor.shutdown()


main()
