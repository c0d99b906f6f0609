"""What changes in a subscription's life, through the daemon: the same bill whatever came first, and a clean audit.
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon  # noqa: E402

WIDE = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"}, "rater": {"grace": "0s", "draft_every": "0s"}}
CATALOG = {
    "vendors": [{"key": "v"}],
    "services": [{"key": "s", "vendor": "v"}],
    "meters": [{"key": "m", "service": "s", "event_type": "t", "value": "q"}],
    "tariffs": [{"key": "p", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "1"}]}]}],
}


def apply(daemon, **lists):
    answer = daemon.call("PUT", "/v1/catalog", body=lists)
    assert answer.status == 200, answer.body
    daemon.settle()
    return answer.json()


def send(daemon, key, *events):
    rows = [{"id": name, "type": "t", "subject": subject, "time": time, "data": {"q": quantity}} for name, subject, time, quantity in events]
    answer = daemon.call("POST", "/v1/events", body=rows, key=key).json()
    daemon.settle()
    return answer


def bill(daemon):
    """{(subscription, customer, start of the period): amount}, without zeros."""
    sums = {}
    for charge in daemon.get("/v1/charges?limit=10000")["charges"]:
        line = charge["subscription"], charge["customer"], charge["period_start"][:10]
        sums[line] = sums.get(line, 0) + float(charge["amount"])
    return {line: amount for line, amount in sums.items() if amount}


def audit(daemon, notes=0):
    page = json.loads(daemon.command("audit", "--json").stdout)
    assert page["rollups_equal"] and (page["findings"], page["notes"], page["pending"]) == (0, notes, 0), page


def check_end_before_usage():
    """An end that is moved back before usage: it is taken off the bill, and told as a note."""
    with Daemon(WIDE) as daemon:
        subscription = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "start": "2026-10-01"}
        apply(daemon, **CATALOG, subscriptions=[subscription])
        key = daemon.vendor_key("v")
        send(daemon, key, ("1", "s1", "2026-10-10T10:10:00Z", 1), ("2", "s1", "2026-10-12T10:50:00Z", 10))
        apply(daemon, subscriptions=[{**subscription, "end": "2026-10-11"}])
        assert bill(daemon) == {("s1", "c1", "2026-10-01"): 1}
        audit(daemon, notes=1)
        said = daemon.command("audit")
        assert "each line's sum is its price" in said.stdout and "note: s1 2026-10-12T10:00:00Z m: usage of 1 hour cells" in said.stderr, said
        apply(daemon, subscriptions=[subscription])
        assert bill(daemon) == {("s1", "c1", "2026-10-01"): 11}
        audit(daemon)


check_end_before_usage()
