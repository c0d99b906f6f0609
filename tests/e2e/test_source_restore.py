"""The ledger of windows beside a log of another moment: a backup that was put back under a newer ledger, and a log whose beginning retention
has removed. Nothing is lost, and nothing counts twice."""
import os
import shutil

from daily import DAYS, TODAY, Vendor, billed, catalog, published, row, source, windows_of
from harness import Daemon, wait_until

STORES = ["log", "rollups", "charges", "catalog", "event.key", "admin.key"]
WINDOW = {"length": "day", "start": DAYS[0], "rereads": ["10d"], "open": "1s"}
GUARD = {"shrink": "100%", "jump": 0}  # usage comes and goes as the test wants it


def agree(daemon, vendor, what):
    wait_until(what, lambda: billed(daemon) == published(vendor))


def publish(vendor, count, amount):
    day = TODAY.isoformat()
    vendor.rows[day, None] = [row(f"{day}-{i}", day, amount + i) for i in range(count)]


def put_back(daemon, backup):
    for name in STORES:
        path, kept = os.path.join(daemon.data, name), os.path.join(backup, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
            shutil.copytree(kept, path)
        else:
            shutil.copy(kept, path)


def state_of(daemon, key):
    return next(s["state"] for s in daemon.get("/v1/sources?limit=10000")["sources"] if s["source"] == key)


def newer_ledger():
    """All of a backup but its ledger: what the newer ledger knows of and the log has lost is asked for again, at once and also where the log has
    grown past the place at which that ledger stands. A source that was paused since stays paused until somebody resumes it."""
    vendor = Vendor()
    for day in DAYS:
        vendor.rows[day, None] = [row(f"{day}-{i}", day) for i in range(4)]
    publish(vendor, 5, 1)
    with Daemon({"poller": {"allow_loopback": True}}) as daemon:
        intake, backup, newer = (os.path.join(path, name) for path, name in ((daemon.data, "intake"), (daemon.root, "backup"), (daemon.root, "newer")))
        daemon.apply(catalog())
        rest = [source(key, 9, window=WINDOW) for key in ("rests", "rested")]
        daemon.apply({"sources": [source("usage", vendor.server_address[1], window=WINDOW, guard=GUARD), *rest]})
        agree(daemon, vendor, "the first rows")
        for verb in ("pause", "resume"):  # of which the log that comes back knows
            daemon.command("source", verb, "rests")
            daemon.command("source", verb, "rested")
        daemon.command("backup", backup)
        daemon.command("source", "pause", "rests")
        assert os.path.isdir(os.path.join(backup, "intake"))
        publish(vendor, 9, 10)
        agree(daemon, vendor, "restated rows")
        daemon.stop()
        shutil.copytree(intake, newer)
        for grows in (False, True):
            put_back(daemon, backup)
            shutil.rmtree(intake)
            if grows:
                daemon.start()
                for count in range(6, 12):
                    publish(vendor, count, 20 + count)
                    agree(daemon, vendor, "the log grows")
                daemon.stop()
                shutil.rmtree(intake)
            shutil.copytree(newer, intake)
            publish(vendor, 9, 10)  # what that ledger knows
            daemon.start()
            agree(daemon, vendor, f"nothing is lost: {grows}")
            assert state_of(daemon, "rests") == "paused"
            wait_until("the other does not rest", lambda: state_of(daemon, "rested") == "reading")
            daemon.command("source", "resume", "rests")
            wait_until("none rests", lambda: state_of(daemon, "rests") == "reading")
            assert daemon.log_lines().count("the ledger of windows (intake/) is newer than the log, or of another log") == 1 + grows
            daemon.stop()
    vendor.shutdown()


def removed_beginning():
    """Windows whose readings the log has lost to retention stand as they are, when the ledger is made anew."""
    vendor = Vendor()
    for day in DAYS:
        vendor.rows[day, None] = [row(f"{day}-{i}", day) for i in range(4)]
    settings = {"poller": {"allow_loopback": True}, "log": {"segment_events_max": 1024}, "rater": {"grace": "0s", "draft_every": "0s"}}
    with Daemon(settings) as daemon:
        daemon.apply(catalog())
        daemon.apply({"sources": [source("usage", vendor.server_address[1], window={"length": "day", "start": DAYS[0]})]})
        wait_until("settled windows", lambda: [w["state"] for w in windows_of(daemon, "usage")] == ["settled"] * len(DAYS))
        key = daemon.vendor_key("acme")
        for part in range(3):
            events = [{"id": f"e{part}-{i}", "type": "vm.hour", "subject": "s1", "data": {"quantity": 1}} for i in range(1000)]
            answer = daemon.call("POST", "/v1/events", body=events, key=key).json()
            assert answer["accepted"] == 1000, answer
        daemon.settle()
        usage = daemon.get("/v1/usage?window=total&from=2020-01-01&to=2199-01-01")["rows"]
        daemon.stop()
        daemon.settings["log"]["retention"] = "1s"
        daemon.settings["intake"] = {"lateness": "1s", "dedup_window": "1s", "future": "0s"}
        daemon.start()
        wait_until("retention", lambda: daemon.get("/v1/events?limit=1")["events"][0]["seq"] > 1000)
        daemon.stop()
        shutil.rmtree(os.path.join(daemon.data, "intake"))
        asked = vendor.asked
        daemon.start()
        daemon.apply({"sources": [source("another", vendor.server_address[1], window={"length": "day", "start": DAYS[2]})]})
        wait_until("one that is younger than the log is read", lambda: [w["state"] for w in windows_of(daemon, "another")] == ["settled"])
        daemon.settle()
        assert vendor.days[asked:] == [DAYS[2]] and not windows_of(daemon, "usage"), vendor.days[asked:]
        more = daemon.get("/v1/usage?window=total&from=2020-01-01&to=2199-01-01")["rows"]
        assert [int(r["quantity"]) for r in more] == [int(r["quantity"]) + 4 for r in usage], (usage, more)
        daemon.stop()
    vendor.shutdown()


def main():
    newer_ledger()
    removed_beginning()


main()
