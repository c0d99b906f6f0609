"""The wall clock is put forward by days while nothing is due, and an operator says that it is right, as on a machine that learns the time late: what
is due by the new time is asked for within seconds, not when the timer of before would have ended."""
from daily import TODAY, Vendor, catalog, row, source
from harness import wait_until
from test_clock import DAY, Clocked


def main():
    vendor = Vendor()
    today = TODAY.isoformat()
    vendor.rows[today, None] = [{**row("a", today), "account": "vm-1"}]
    machines = catalog()
    machines["subscriptions"][0].update(key="vm-1", subject="vm-1")
    with Clocked({"poller": {"allow_loopback": True}}) as d:
        d.apply(machines)
        d.apply({"sources": [source("daily", vendor.server_address[1], window={"length": "day", "start": today, "lateness": "30h"})]})
        d.settle()
        d.set_clock(3 * DAY)
        d.wait_for("ahead")
        d.work(6)
        assert not vendor.asked, "a clock that is not believed makes nothing due"
        assert d.command("clock", "accept").stdout.startswith("accepted: ")
        wait_until("what is due now is asked for", lambda: today in vendor.days)
        wait_until("and counts", lambda: [e for e in d.get("/v1/events?limit=100")["events"] if e["type"] == "vm.hour"])
        d.stop()
    vendor.shutdown()


if __name__ == "__main__":
    main()
