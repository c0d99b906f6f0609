"""A vendor that spells all its accounts in another way takes nothing away: the windows are suspect until the catalog knows the accounts, or somebody
says that it is meant. What is billed meanwhile is what was."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from daily import DAYS, TODAY, Vendor, billed, catalog, row, source, windows_of  # noqa: E402
from harness import Daemon, wait_until  # noqa: E402

PLAN = {"window": {"length": "day", "start": DAYS[0], "rereads": ["1d", "5d", "10d"]}, "guard": {"every": "1s"}}


def states(daemon):
    return {window["start"][:10]: window["state"] for window in windows_of(daemon, "usage")}


def main():
    vendor = Vendor()
    for day in DAYS:
        vendor.rows[day, None] = [row(f"{day}-{i}", day, i + 1) for i in range(10)]
    with Daemon({"poller": {"allow_loopback": True}}) as daemon:
        daemon.apply(catalog())
        daemon.apply({"sources": [source("usage", vendor.server_address[1], **PLAN)]})
        wait_until("the days are read", lambda: len(billed(daemon)) == 30)
        before = billed(daemon)
        for rows in vendor.rows.values():
            for one in rows:
                one["account"] = "S-0001"

        def run():
            return daemon.command("source", "run", "usage", "--from", DAYS[0], "--to", TODAY.isoformat(), check=False)

        for _ in range(3):  # as often as it says so
            done = run()
            assert done.returncode != 0, done
            assert set(states(daemon).values()) == {"suspect"} and billed(daemon) == before, states(daemon)
        alarm = daemon.get("/v1/sources")["sources"][0]["alarms"][0]
        assert alarm["alarm"] == "suspect" and "10 of 10 rows are of accounts or types that the catalog does not know, where 10 counted" in alarm["problem"], alarm
        daemon.kill()
        daemon.start()
        assert billed(daemon) == before
        daemon.command("source", "accept", "usage", "--from", DAYS[0] + "T12:00:00Z")
        wait_until("the day that is meant is taken", lambda: states(daemon)[DAYS[0]] != "suspect")
        daemon.settle()
        assert sum(event["subject"] == "S-0001" for event in live(daemon)) == 10 and set(states(daemon).values()) > {"suspect"}, states(daemon)
        known = {**catalog()["subscriptions"][0], "key": "respelt", "subject": "S-0001"}
        daemon.apply({"subscriptions": [known]})
        assert run().returncode == 0
        wait_until("all are taken", lambda: "suspect" not in states(daemon).values())
        daemon.settle()
        assert billed(daemon) == before
        assert {event["subject"] for event in live(daemon)} == {"S-0001"}
        wait_until("nothing is told", lambda: not daemon.get("/v1/sources")["sources"][0]["alarms"])
        daemon.stop()


def live(daemon):
    events = {event["seq"]: event for event in daemon.listed("/v1/events", "events")}
    voided = {event["target_seq"] for event in events.values() if event["disposition"] == "void"}
    return [event for seq, event in events.items() if event["disposition"] == "normal" and seq not in voided]


main()
