"""Stores that do not belong together: refused with a sentence, or made again, never silently wrong."""
import os
import shutil
import sys
from fractions import Fraction

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon  # noqa: E402

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
    assert daemon.process.wait(60) == 1, daemon.log_lines()
    daemon.stderr.close()
    assert sentence in daemon.log_lines(), daemon.log_lines()


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
    print("stores that do not belong together are refused; rollups that are gone are made again")


main()
