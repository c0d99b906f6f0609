"""Rows that would count nothing take nothing away, however often they are said: values in another spelling, of all rows or of the one that is most of the
money; values that are gone; types that no meter knows; accounts of another vendor. What is billed meanwhile is what was, and is again once the vendor is well."""
import copy
import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from daily import DAYS, TODAY, Vendor, billed, catalog, row, source, windows_of  # noqa: E402
from harness import Daemon, wait_until  # noqa: E402

PLAN = {"window": {"length": "day", "start": DAYS[0], "rereads": ["1d", "5d", "10d"]}, "schedule": {"every": "1h"}, "guard": {"every": "1s"}}
AMOUNTS = (*range(1, 10), 1234)
WRONG = {
    "spelt": lambda one: one.update(amount=f"{one['amount']},5 h"),
    "thousands": lambda one: one.update(amount="1,234.0") if one["amount"] == 1234 else None,
    "empty": lambda one: one.update(amount=""),
    "gone": lambda one: one.pop("amount"),
    "a type of no meter": lambda one: one.update(kind="VM.HOUR"),
    "another vendor's": lambda one: one.update(account="theirs"),
}


def catalog_of_two():
    two = catalog()
    two["vendors"].append({"key": "other"})
    two["services"].append({"key": "disk", "vendor": "other"})
    two["meters"].append({"key": "d", "service": "disk", "event_type": "disk.hour", "value": "quantity"})
    two["tariffs"].append({**two["tariffs"][0], "key": "o", "service": "disk", "versions": [
        {"from": "2020-01-01", "components": [{"key": "c", "meter": "d", "per_unit": "0.5"}]}]})
    two["subscriptions"].append({**two["subscriptions"][0], "key": "theirs", "service": "disk", "tariff": "o"})
    return two


def run(daemon):
    done = daemon.command("source", "run", "usage", "--from", DAYS[0], "--to", TODAY.isoformat(), check=False)
    daemon.settle()
    return done.returncode, {window["state"] for window in windows_of(daemon, "usage")}


def main():
    vendor = Vendor()
    for day in DAYS:
        vendor.rows[day, None] = [{**row(f"{day}-{i}", day, amount), "kind": "vm.hour"} for i, amount in enumerate(AMOUNTS)]
    well = copy.deepcopy(vendor.rows)
    with Daemon({"poller": {"allow_loopback": True}}) as daemon:
        daemon.apply(catalog_of_two())
        document = source("usage", vendor.server_address[1], **PLAN)
        document["map"]["type"] = "kind"
        daemon.apply({"sources": [document]})
        wait_until("the days are read", lambda: len(billed(daemon)) == len(DAYS) * len(AMOUNTS))
        before = billed(daemon)
        for name, spoil in WRONG.items():
            for rows in vendor.rows.values():
                for one in rows:
                    spoil(one)
            end, said = time.monotonic() + 2.1, 0
            while said < 3 or time.monotonic() < end:  # three times, and for longer than they have to lie apart
                status, states = run(daemon)
                said += 1
                assert status == 1 and states <= {"suspect", "incomplete"} and billed(daemon) == before, (name, status, states)
            assert states == {"suspect"}, (name, states)
            vendor.rows = copy.deepcopy(well)
            assert run(daemon) == (0, {"complete"}) and billed(daemon) == before, name
        daemon.command("audit", "--log")
        daemon.stop()


main()
