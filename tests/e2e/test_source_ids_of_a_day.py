"""A vendor whose ids are unique within a day alone, and whose days each end with the same line that cannot be read: no day takes the rows of
another one away, the alarm says what to do, and with what tells rows apart in `identity` all are billed."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from daily import DAYS, TODAY, Vendor, catalog, row, source, windows_of  # noqa: E402
from harness import Daemon, wait_until  # noqa: E402

PLAN = {"window": {"length": "day", "start": DAYS[0], "rereads": ["1d", "5d", "10d"]}, "guard": {"every": "1s"}}


def live(daemon, disposition):
    events = {event["seq"]: event for event in daemon.listed("/v1/events", "events")}
    voided = {event["target_seq"] for event in events.values() if event["disposition"] == "void"}
    return [event for seq, event in events.items() if event["disposition"] == disposition and seq not in voided]


def main():
    vendor = Vendor()
    for day in DAYS:
        vendor.rows[day, None] = [row(str(i), day) for i in range(10)] + [{"id": "total", "amount": 10}]
    with Daemon({"poller": {"allow_loopback": True}}) as daemon:
        daemon.apply(catalog())
        document = source("usage", vendor.server_address[1], **PLAN)
        daemon.apply({"sources": [document]})

        def run():
            return daemon.command("source", "run", "usage", "--from", DAYS[0], "--to", TODAY.isoformat(), check=False)

        def states():
            return [window["state"] for window in windows_of(daemon, "usage")]

        wait_until("the days are read", lambda: len(states()) == 3)
        for _ in range(2):
            assert run().returncode != 0
            assert sorted(states()) == ["complete", "suspect", "suspect"] and len(live(daemon, "normal")) == 10, states()
        alarm = next(a for a in daemon.get("/v1/sources")["sources"][0]["alarms"] if a["alarm"] == "suspect")
        assert "10 of the 10 rows of the window of" in alarm["problem"] and "`identity`" in alarm["problem"], alarm
        daemon.apply({"sources": [{**document, "identity": {"hash": ["id", "at"]}}]})
        wait_until("all are taken", lambda: run() and states() == ["complete"] * 3)
        daemon.settle()
        assert sorted(event["time"][:10] for event in live(daemon, "normal")) == sorted(DAYS * 10)
        assert [window["refused"] for window in windows_of(daemon, "usage")] == [1, 1, 1] and len(live(daemon, "refused")) == 3
        before = daemon.status()["log"]["last_seq"]
        assert run().returncode == 1, "each day has a row in quarantine"
        rows = [event for event in daemon.listed("/v1/events", "events") if event["seq"] > before and event["disposition"] != "note"]
        assert not rows, rows
        daemon.stop()


main()
