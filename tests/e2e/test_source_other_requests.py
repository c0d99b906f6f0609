"""A vendor that does not heed whom it is asked for gives the rows of all accounts to each request of `for_each`. None is taken, whatever is said again,
until the vendor heeds it; then each counts once."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from daily import DAYS, TODAY, billed, catalog, row, source, windows_of  # noqa: E402
from harness import Daemon, wait_until  # noqa: E402
from small_vendor import SmallVendor  # noqa: E402

ACCOUNTS = ("s1", "s2", "s3")
PLAN = {"window": {"length": "day", "start": DAYS[0], "rereads": ["1d", "5d", "10d"]}, "guard": {"every": "1s"}, "for_each": {"subscription": {"service": "vm"}}}


class Vendor(SmallVendor):
    def __init__(self):
        self.heeds = False
        super().__init__()

    def answer(self, path, query, headers):
        day = query["day"]
        rows = [{**row(f"{day}-{i}", day, i + 1), "account": ACCOUNTS[i % 3]} for i in range(9)]
        return {"data": [one for one in rows if not self.heeds or one["account"] == query["account"]]}


def main():
    vendor = Vendor()
    catalog_of_three = catalog()
    first = catalog_of_three["subscriptions"][0]
    catalog_of_three["subscriptions"] = [{**first, "key": account, "customer": f"c-{account}"} for account in ACCOUNTS]
    with Daemon({"poller": {"allow_loopback": True}}) as daemon:
        daemon.apply(catalog_of_three)
        document = source("usage", vendor.server_address[1], **PLAN)
        document["request"]["query"]["account"] = "{each.subject}"
        daemon.apply({"sources": [document]})

        def states():
            return sorted(window["state"] for window in windows_of(daemon, "usage"))

        def run():
            daemon.command("source", "run", "usage", "--from", DAYS[0], "--to", TODAY.isoformat(), check=False)
            daemon.settle()

        wait_until("all are read", lambda: len(states()) == 9)
        for _ in range(2):
            assert states() == ["suspect"] * 9 and not billed(daemon), states()
            run()
        alarm = next(one for one in daemon.get("/v1/sources")["sources"][0]["alarms"] if one["alarm"] == "suspect")
        assert "which another request of `for_each` asks for" in alarm["problem"], alarm
        vendor.heeds = True
        wait_until("each has its own", lambda: run() or states() == ["complete"] * 9)
        assert sorted(billed(daemon)) == sorted(f"{day}-{i}" for day in DAYS for i in range(9))
        wait_until("nothing is told", lambda: not daemon.get("/v1/sources")["sources"][0]["alarms"])
        daemon.stop()


main()
