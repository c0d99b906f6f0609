"""A source whose document leads elsewhere is asked there: a reading that waits for the old vendor for half an hour, one whose answer does not come, and
a report that the old vendor makes are dropped. What the old vendor had said by then counts for nothing."""
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__))
from daily import DAYS, billed, catalog, row, source  # noqa: E402
from harness import Daemon, wait_until  # noqa: E402
from small_vendor import SmallVendor  # noqa: E402

ONCE = {"schedule": {"every": "1s"}, "window": {"length": "day", "start": DAYS[2]}}  # one window, which is read once
PAGES = {**ONCE, "paging": {"cursor": {"path": "next", "send": "query.after"}}}
REPORTS = {**ONCE, "job": {"submit": {"method": "GET", "path": "/submit"}, "id": {"header": "Operation-Location"}, "poll": {"url": "{job.id}", "every": "1s"},
                          "status": {"path": "status", "running": ["running"], "done": ["done"]}, "result": {"rows": "data[]"}, "timeout": "2h"}}


class Old(SmallVendor):
    def __init__(self):
        self.asked, self.released = set(), threading.Event()
        super().__init__()

    def answer(self, path, query, headers):
        self.asked.add((path, query.get("after")))
        if "hangs" in path:
            self.released.wait()
        if path.endswith("/submit"):
            return 202, {}, {"Operation-Location": f"http://{headers['Host']}/reports/1"}
        if path.startswith("/reports"):
            return {"status": "running"}
        if query.get("after"):
            return 429, {}, {"Retry-After": "1800"}
        return {"data": [row("old", DAYS[2], 7)], "next": "2"}


class New(SmallVendor):
    def answer(self, path, query, headers):
        if path.endswith("/submit"):
            return 202, {}, {"Operation-Location": f"http://{headers['Host']}/reports/2"}
        return {"status": "done", "data": [row(path.split("/")[1], DAYS[2])]}


def document(key, host, vendor, **more):
    one = {**source(key, vendor.server_address[1], **more), "base_url": f"http://{host}:{vendor.server_address[1]}/{key}"}
    if "job" in more:
        del one["request"]
    return one


def main():
    old, new = Old(), New()
    with Daemon({"poller": {"allow_loopback": True}}) as daemon:
        daemon.apply(catalog())
        hangs = {"limits": {"key": "hangs"}}
        daemon.apply({"sources": [document("hangs", "localhost", old, **PAGES, **hangs), document("reports", "localhost", old, **REPORTS)]})
        wait_until("one hangs", lambda: ("/hangs/usage", None) in old.asked)
        wait_until("a report is made", lambda: ("/reports/1", None) in old.asked)
        daemon.apply({"sources": [document("parked", "localhost", old, **PAGES)]})
        wait_until("one is parked", lambda: "lets nobody in" in str(daemon.get("/v1/sources")))
        assert not billed(daemon)
        daemon.apply({"sources": [document(key, "127.0.0.1", new, **what)
                                  for key, what in (("hangs", {**PAGES, **hangs}), ("parked", PAGES), ("reports", REPORTS))]})
        wait_until("they are read where they are now", lambda: set(billed(daemon)) == {"hangs", "parked", "reports"})
        wait_until("nothing is told of them", lambda: not any(one["alarms"] for one in daemon.get("/v1/sources")["sources"]))
        old.released.set()
        daemon.settle()
        daemon.stop()


main()
