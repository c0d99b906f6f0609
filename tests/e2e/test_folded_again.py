"""Rollups that are lost are folded again from the log, with other numbers for their changes: the rater looks at all of them, also at those whose number it
has seen. The log has events that were never charged, as behind a crash or with charges of an earlier copy; each is charged now, and once.
"""
import os
import shutil
import sys
from fractions import Fraction

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon  # noqa: E402

SETTINGS = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"}, "rater": {"grace": "0s", "draft_every": "0s"}}
CATALOG = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "compute", "vendor": "acme"}],
    "meters": [{"key": "hours", "service": "compute", "event_type": "vm", "aggregation": "sum", "value": "hours"}],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "hours", "meter": "hours", "per_unit": "0.10"}]}]}],
    # each day is a period of its own, and closed for long
    "subscriptions": [{"key": "s1", "service": "compute", "customer": "c1", "tariff": "t", "start": "2026-01-01", "end": "2026-02-01",
                       "billing": {"every": "day"}}],
}
DAYS = range(11, 16)


def tell(daemon, key, name, days):
    events = [{"id": f"{name}{day}", "type": "vm", "subject": "s1", "time": f"2026-01-{day}T12:00:00Z", "data": {"hours": 10}} for day in days]
    assert daemon.call("POST", "/v1/events", body=events, key=key).json()["invalid"] == 0
    daemon.settle()


def by_day(daemon):
    days = {}
    for charge in daemon.get("/v1/charges?limit=10000&after=0")["charges"]:
        days[charge["period_start"][:10]] = days.get(charge["period_start"][:10], 0) + Fraction(charge["amount"])
    return {day: amount for day, amount in days.items() if amount}


def lose(daemon, store, copy=None):
    for name in ("log", "rollups", "charges", "catalog"):  # what stands beside them is of the store that was lost
        path = os.path.join(daemon.data, name, "mark")
        if os.path.exists(path):
            os.remove(path)
    shutil.rmtree(os.path.join(daemon.data, store))
    if copy:
        shutil.copytree(copy, os.path.join(daemon.data, store))


def main():
    with Daemon(SETTINGS) as daemon:
        daemon.apply(CATALOG)
        key = daemon.vendor_key("acme")
        for i in range(len(DAYS)):
            tell(daemon, key, f"a{i}-", [10])  # as many changes of one day as there will be of several
        daemon.stop()
        copy = os.path.join(daemon.root, "charges-before")
        shutil.copytree(os.path.join(daemon.data, "charges"), copy)
        daemon.start()
        tell(daemon, key, "b", DAYS)
        expected = by_day(daemon)
        assert expected == {"2026-01-10": len(DAYS), **{f"2026-01-{day}": 1 for day in DAYS}}, expected
        daemon.stop()
        lose(daemon, "charges", copy)
        lose(daemon, "rollups")
        daemon.start()
        daemon.settle()
        assert by_day(daemon) == expected, (by_day(daemon), expected)
        done = daemon.command("audit", "--log", check=False)
        assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    print("rollups that are folded again are rated again, each event once")


main()
