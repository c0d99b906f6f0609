"""Stores that do not belong together: refused with a sentence, or made again, never silently wrong."""
import os
import shutil
import sys
from fractions import Fraction

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, in_mid_month, wait_until  # noqa: E402

in_mid_month()

CATALOG = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "compute", "vendor": "acme"}],
    "meters": [{"key": "hours", "service": "compute", "event_type": "vm", "aggregation": "sum", "value": "hours"}],
    "tariffs": [{"key": "t", "currency": "EUR",
                 "versions": [{"from": "2020-01-01", "components": [{"key": "hours", "meter": "hours", "per_unit": "0.10"}]}]}],
    "subscriptions": [{"key": "s1", "service": "compute", "customer": "c1", "tariff": "t", "start": "2020-01-01"}],
}


def send(daemon, key, ids):
    events = [{"id": i, "type": "vm", "subject": "s1", "data": {"hours": 1}} for i in ids]
    answer = daemon.call("POST", "/v1/events", body=events, key=key)
    assert answer.status == 200 and answer.json()["accepted"] == len(ids), answer.body


def charges(daemon):
    return [(c["id"], c["amount"]) for c in daemon.get("/v1/charges?limit=1000")["charges"]]


def refused(daemon, sentence):
    daemon.start(wait=False)
    assert daemon.process.wait(120) == 1, daemon.log_lines()
    daemon.stderr.close()
    assert sentence in daemon.log_lines(), daemon.log_lines()


def copy(daemon, name, kept):
    shutil.copytree(os.path.join(daemon.data, name), os.path.join(daemon.root, kept))


def put_back(daemon, name, kept):
    shutil.rmtree(os.path.join(daemon.data, name))
    shutil.copytree(os.path.join(daemon.root, kept), os.path.join(daemon.data, name))


def without_marks(daemon):
    """As a program of before left it, or an operator who settles with billing what was handed out since."""
    for store in ("log", "rollups", "charges", "catalog"):
        mark = os.path.join(daemon.data, store, "mark")
        if os.path.exists(mark):
            os.remove(mark)


def total(daemon):
    return sum(Fraction(amount) for _, amount in charges(daemon))


def audited(daemon, code, sentence):
    done = daemon.command("audit", check=False)
    assert done.returncode == code and sentence in done.stdout + done.stderr, (done.returncode, done.stdout, done.stderr)


def hours_on(daemon, key, events):
    rows = [{"id": i, "type": "vm", "subject": "s1", "time": time, "data": {"hours": 1}} for i, time in events]
    answer = daemon.call("POST", "/v1/events", body=rows, key=key).json()
    assert answer["invalid"] == 0, answer
    daemon.settle()


def check_older_copies():
    """Rollups from before the charges: what is folded anew is charged, though its changes get numbers that the rater has seen. Charges from before
    what was handed out, a catalog from before them: refused. And an audit of stores that have still to be folded says so, exit 75, until they are."""
    wide = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"}, "rater": {"grace": "0s", "draft_every": "0s"}}
    with Daemon(wide) as daemon:
        daemon.apply(CATALOG)
        key = daemon.vendor_key("acme")
        daemon.settle()
        daemon.stop()
        copy(daemon, "rollups", "rollups-empty")
        copy(daemon, "catalog", "catalog-first")
        daemon.start()
        for i in range(6):
            hours_on(daemon, key, [(f"a{i}", f"2026-01-15T10:{i * 10:02}:00Z")])
        daemon.stop()
        copy(daemon, "charges", "charges-middle")
        daemon.start()
        hours_on(daemon, key, [(f"b{i}", f"2026-01-{i + 1:02}T10:00:00Z") for i in range(8)])
        assert total(daemon) == Fraction("1.40")
        daemon.stop()
        put_back(daemon, "rollups", "rollups-empty")
        put_back(daemon, "charges", "charges-middle")
        refused(daemon, "may have been handed out when the store log was last written: the charges are older; put back the newer copy")
        without_marks(daemon)
        audited(daemon, 75, "the live rollups are 14 events behind the log; let the daemon fold them first")
        daemon.start()
        daemon.settle()
        assert "the rollups are older than the charges" in daemon.log_lines()
        assert total(daemon) == Fraction("1.40"), charges(daemon)
        daemon.stop()
        audited(daemon, 0, "each line's sum is its price")

        # A version inside an hour that has use: cells from before it wait to be cut.
        copy(daemon, "rollups", "rollups-uncut")
        daemon.start()
        dearer = {"from": "2026-01-15T10:35:00.000001Z", "components": [{"key": "hours", "meter": "hours", "per_unit": "10"}]}
        daemon.apply({"tariffs": [{**CATALOG["tariffs"][0], "versions": CATALOG["tariffs"][0]["versions"] + [dearer]}]})
        daemon.settle()
        assert total(daemon) == Fraction("21.20"), charges(daemon)
        daemon.stop()
        put_back(daemon, "rollups", "rollups-uncut")
        audited(daemon, 75, "cells that the catalog cuts anew, or gives to another subscription, are not folded yet; let the daemon fold them first")
        daemon.start()
        daemon.settle()
        assert total(daemon) == Fraction("21.20"), charges(daemon)
        daemon.stop()
        audited(daemon, 0, "each line's sum is its price")

        copy(daemon, "catalog", "catalog-last")
        put_back(daemon, "catalog", "catalog-first")
        refused(daemon, "the catalog is older than the one that was charged with: restore all stores from one backup")
        put_back(daemon, "catalog", "catalog-last")
        daemon.start()
        daemon.settle()
        assert total(daemon) == Fraction("21.20"), charges(daemon)


def check_removed_log():
    """What retention has removed is said to be that, and no damage: charges are still checked, rollups cannot be made again."""
    settings = {"log": {"segment_events_max": 1024}, "rater": {"grace": "0s", "draft_every": "0s"}}
    with Daemon(settings) as daemon:
        daemon.apply(CATALOG)
        key = daemon.vendor_key("acme")
        for part in range(3):
            send(daemon, key, [f"e{part}-{i}" for i in range(1000)])
        daemon.settle()
        hour = daemon.get("/v1/events?limit=1")["events"][0]["received_at"][:13]
        daemon.stop()
        audited(daemon, 0, "log      3000 events folded again")
        daemon.settings["log"]["retention"] = "1s"
        daemon.settings["intake"] = {"lateness": "1s", "dedup_window": "1s", "future": "0s"}
        daemon.start()
        wait_until("retention", lambda: daemon.get("/v1/events?limit=1")["events"][0]["seq"] > 1)
        audited(daemon, 0, "log      2000 events removed after log.retention, 1000 kept")
        assert '"events_removed":2000,"rollups_equal":null,' in daemon.command("audit", "--json").stdout
        for begin, status in ((f"{hour}:00:00.000001Z", 422), (f"{hour}:00:00Z", 200)):
            dearer = {**CATALOG["tariffs"][0]["versions"][0], "from": begin}
            answer = daemon.call("PUT", "/v1/catalog?dry_run=true", body={"tariffs": [{**CATALOG["tariffs"][0], "versions": [*CATALOG["tariffs"][0]["versions"], dearer]}]})
            assert answer.status == status, answer.body
            gone = [finding["text"] for finding in answer.json()["findings"] if finding["code"] == "catalog.change.log_gone"]
            assert gone == ([f"usage of the hour of {hour}:00:00.000001+00:00 of subscription `s1` can be divided there no more, since the log no longer has "
                             "its events: take a full hour"] if status == 422 else []), gone
        daemon.stop()
        audited(daemon, 0, "each line's sum is its price")
        said = "the log begins at event 2001: those before it were removed after log.retention, so rollups cannot be folded from the first event on"
        for words in (("rebuild",), ("rebuild", "--verify")):
            done = daemon.command(*words, check=False)
            assert done.returncode == 1 and said in done.stderr and "[store.log_removed]" in done.stderr and "damaged" not in done.stderr, done
        copy(daemon, "rollups", "rollups-kept")
        shutil.rmtree(os.path.join(daemon.data, "rollups"))
        refused(daemon, said)
        put_back(daemon, "rollups", "rollups-kept")
        daemon.start()
        daemon.settle()


def main():
    settings = {"rater": {"draft_every": "0s"}}
    daemon = Daemon(settings).start()
    try:
        daemon.apply(CATALOG)
        key = daemon.vendor_key("acme")
        send(daemon, key, ["a", "b"])
        daemon.settle()
        daemon.stop()
        old_log = os.path.join(daemon.root, "old-log")
        shutil.copytree(os.path.join(daemon.data, "log"), old_log)

        daemon.start()
        send(daemon, key, ["c"])
        daemon.settle()
        before = charges(daemon)
        assert before
        daemon.stop()

        # The log alone from an older copy.
        new_log = os.path.join(daemon.root, "new-log")
        shutil.move(os.path.join(daemon.data, "log"), new_log)
        shutil.copytree(old_log, os.path.join(daemon.data, "log"))
        refused(daemon, "the log ends at event 2, but the rollups hold events up to 3")
        shutil.rmtree(os.path.join(daemon.data, "log"))
        shutil.move(new_log, os.path.join(daemon.data, "log"))

        # Charges gone.
        kept = os.path.join(daemon.root, "charges")
        shutil.move(os.path.join(daemon.data, "charges"), kept)
        refused(daemon, "charges is missing, but usage was folded already")
        assert not os.path.exists(os.path.join(daemon.data, "charges")), "a refused start made a store"
        shutil.move(kept, os.path.join(daemon.data, "charges"))

        # Rollups gone: made again; nothing is charged twice, and what comes next is charged.
        shutil.rmtree(os.path.join(daemon.data, "rollups"))
        daemon.start()
        daemon.settle()
        assert charges(daemon) == before
        send(daemon, key, ["d"])
        daemon.settle()
        after = charges(daemon)
        assert after[:len(before)] == before and sum(Fraction(a) for _, a in after) == Fraction("0.40"), after
        daemon.stop()
        assert '"rollups_equal":true' in daemon.command("audit", "--json").stdout
    except BaseException:
        print(daemon.log_lines(), file=sys.stderr)
        raise
    finally:
        if daemon.process.poll() is None:
            daemon.kill()
        shutil.rmtree(daemon.root, ignore_errors=True)
    check_older_copies()
    check_removed_log()
    print("stores that do not belong together are refused; rollups that are gone or old are made again")


main()
