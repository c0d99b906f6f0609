"""meterd price DRAFT --what-if of drafts that move a subscription: its end, start, trial, customer, billing, and a change at any microsecond. What is told
of each period is what is charged of it once the draft is applied, to each customer; and what was charged of it before.
"""
import datetime
import decimal
import json
import os
import random

from harness import Daemon
from test_cli import run, write

SETTINGS = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"}, "rater": {"grace": "0s", "draft_every": "0s"}}
SEED = int(os.environ.get("METERD_SEED", "20261129"))
MARCH = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)


def tariff(key, call, level, base):
    return {"key": key, "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
        {"key": "calls", "meter": "calls", "graduated": [{"up_to": 40, "unit": call}, {"unit": "0.01"}]},
        {"key": "seats", "meter": "seats", "per_unit": level},
        {"key": "base", "recurring": {"amount": base, "in": "arrears", "prorate": "second"}}],
        "minimum": "20", "allowances": [{"key": "included", "components": ["calls"], "quantity": "9", "rollover": 1}]}]}


CATALOG = {
    "vendors": [{"key": "v"}],
    "services": [{"key": "s", "vendor": "v"}],
    "meters": [
        {"key": "calls", "service": "s", "event_type": "call", "aggregation": "count"},
        {"key": "seats", "service": "s", "event_type": "seat", "value": "n", "aggregation": "time_weighted"}],
    "tariffs": [tariff("p", "0.11", "0.01", "31"), tariff("q", "0.37", "0.02", "62")],
}


def instant(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def second(text):
    """Periods are named by the second in which they start: all that a charge knows of one that is no more."""
    return datetime.datetime.fromisoformat(text).replace(microsecond=0)


class World:
    def __init__(self, daemon):
        self.daemon, self.random = daemon, random.Random(SEED)
        self.sub = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "zone": "Asia/Kolkata", "start": "2026-02-27T10:20:30.000007Z"}
        other = {**self.sub, "key": "s2", "zone": "UTC"}
        run(daemon, 0, "apply", write(daemon, "catalog.json", json.dumps({**CATALOG, "subscriptions": [self.sub, other]})))
        rows = [{"id": f"e{i}", "type": self.random.choice(["call", "call", "seat"]), "subject": self.random.choice(["s1", "s2"]),
                 "time": instant(self.time()), "data": {"n": self.random.randrange(1, 9)}} for i in range(400)]
        run(daemon, 0, "send", stdin="".join(json.dumps(row) + "\n" for row in rows), env={"METERD_KEY": daemon.vendor_key("v")})
        daemon.settle()

    def time(self, first=0, last=120):
        """At any microsecond of these days since the first of March."""
        return MARCH + datetime.timedelta(microseconds=self.random.randrange(first * 86400 * 10**6, last * 86400 * 10**6))

    def charged(self):
        """What was charged of each period, by subscription, customer and start."""
        sums = {}
        for charge in self.daemon.get("/v1/charges?limit=10000")["charges"]:
            line = charge["subscription"], charge["customer"], second(charge["period_start"])
            sums[line] = sums.get(line, 0) + decimal.Decimal(charge["amount"])
        return {line: amount for line, amount in sums.items() if amount}

    def told(self, path, column):
        page = json.loads(run(self.daemon, 0, "price", path, "--what-if", "--json").stdout)
        return page, {(p["subscription"], p["customer"], second(p["from"])): decimal.Decimal(p[column])
                      for p in page["periods"] if decimal.Decimal(p[column])}

    def try_draft(self, what, **fields):
        """The whole cycle, after which the draft is what is stored."""
        sub = {key: value for key, value in {**self.sub, **fields}.items() if value is not None}
        path = write(self.daemon, "draft.json", json.dumps({"subscriptions": [sub]}))
        page, draft = self.told(path, "draft")
        before = {line: amount for line, amount in self.charged().items() if line[0] == "s1"}
        assert self.told(path, "stored")[1] == self.told(path, "emitted")[1] == before, (what, before, page)
        assert {p["subscription"] for p in page["periods"]} == {"s1"} and not any(p["by_charges"] or p["uncovered"] for p in page["periods"]), (what, page)
        run(self.daemon, 0, "apply", "--correct-closed-periods", path)
        self.daemon.settle()
        after = {line: amount for line, amount in self.charged().items() if line[0] == "s1"}
        assert after == draft, (what, SEED, sorted(after.items()), sorted(draft.items()))
        assert before != after, (what, before)
        run(self.daemon, 0, "audit")
        self.sub = sub
        return page


def main():
    with Daemon(SETTINGS) as daemon:
        world = World(daemon)
        end = world.time(60, 90)
        ended = world.try_draft("an end", end=instant(end))
        assert {p["exists"] for p in ended["periods"]} == {"both", "stored"}, ended
        world.try_draft("an end that moves back", end=instant(end - datetime.timedelta(days=9, microseconds=1)))
        world.try_draft("an end that moves forth", end=instant(end + datetime.timedelta(days=17, microseconds=1)))
        gone = world.try_draft("no end", end=None)
        assert {p["exists"] for p in gone["periods"]} == {"both", "draft"} and gone["periods"][-1]["status"] == "running", gone
        world.try_draft("a change of tariff", changes=[{"from": instant(world.time(40, 70)), "tariff": "q"}])
        changes = [{"from": instant(world.time(40, 60)), "tariff": "q"}, {"from": instant(world.time(61, 80)), "customer": "c2"}]
        world.try_draft("a change that moves, and one of the customer", changes=changes)
        weekly = {"from": instant(world.time(81, 100)), "billing": {"every": "month", "anchor": "anniversary"}}
        world.try_draft("a change of the billing anchor", changes=[*changes, weekly])
        world.try_draft("another customer from the start", customer="c3")
        world.try_draft("no changes", changes=None)
        world.try_draft("another billing", billing={"every": "month", "anchor": "anniversary"})
        world.try_draft("a trial", trial={"days": 41})
        world.try_draft("a trial that frees units", trial={"days": 50, "quantity": {"calls": "33"}})
        world.try_draft("a trial under a tariff, which stops", trial={"end": instant(world.time(70, 90)), "tariff": "q", "then": "stop"})
        world.try_draft("no trial", trial=None)
        world.try_draft("a start that moves on", start=instant(world.time(20, 50)))
        world.try_draft("a start that moves back", start=instant(world.time(0, 10)))
        world.try_draft("all of it", start="2026-03-05", end=instant(world.time(90, 110)), customer="c4", tariff="q", billing={"every": "week"},
                        trial={"days": 9}, changes=[{"from": instant(world.time(40, 70)), "customer": "c5", "billing": {"every": "month"}}])
        print("ok")


if __name__ == "__main__":
    main()
