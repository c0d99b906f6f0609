"""meterd price DRAFT --what-if, and what `apply` tells of closed periods, for drafts that move a subscription: its end, start, trial, customer, billing, a
change, and use that goes from one subscription of a subject to another, at any microsecond. What is told of each period is what is charged of it once the
draft is applied, to each customer; and what was charged of it before. Also of subscriptions that share a credit or an account with those that move, and of no
other.
"""
import datetime
import decimal
import json
import os
import random
import re

from harness import Daemon, in_mid_month
from test_cli import run, write

in_mid_month()

SETTINGS = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"}, "rater": {"grace": "0s", "draft_every": "0s"}}
SEED = int(os.environ.get("METERD_SEED", "20261129"))
MARCH = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)


def tariff(key, call, level, base, **more):
    return {"key": key, "currency": "EUR", "versions": [{"from": "2020-01-01", **more, "components": [
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
    "tariffs": [tariff("p", "0.11", "0.01", "31"), tariff("q", "0.37", "0.02", "62"),
                tariff("shared", "0.2", "0.01", "40", account={"minimum": "150", "cap": "190"})],
}
SHARED = {
    "subscriptions": [{"key": f"a{i}", "service": "s", "customer": "all", "tariff": "shared", "zone": "Asia/Kolkata", "start": "2026-02-27"} for i in (1, 2, 3)],
    "credits": [{"key": "top", "customer": "all", "amount": "300", "currency": "EUR", "from": "2026-02-27", "expires": "2026-05-10"},
                {"key": "pack", "customer": "all", "quantity": "50", "meter": "calls", "from": "2026-03-01"}]}


def instant(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def second(text):
    """Periods are named by the second in which they start: all that a charge knows of one that is no more."""
    return datetime.datetime.fromisoformat(text).replace(microsecond=0)


class World:
    def __init__(self, daemon):
        self.daemon, self.random, self.tried, self.moved = daemon, random.Random(SEED), 0, 0
        self.sub = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "zone": "Asia/Kolkata", "start": "2026-02-27T10:20:30.000007Z"}
        self.other = other = {**self.sub, "key": "s2", "zone": "UTC"}
        run(daemon, 0, "apply", write(daemon, "catalog.json", json.dumps({**CATALOG, **SHARED, "subscriptions": [self.sub, other, *SHARED["subscriptions"]]})))
        rows = [{"id": f"e{i}", "type": self.random.choice(["call", "call", "seat"]), "subject": self.random.choice(["s1", "s2", "a1", "a2", "a3"]),
                 "time": instant(self.time()), "data": {"n": self.random.randrange(1, 9)}} for i in range(800)]
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

    def of(self, keys, sums):
        return {line: amount for line, amount in sums.items() if line[0] in keys}

    def reviewed(self, bundle):
        """What a dry run tells of each closed period: {(subscription, customer, start): (before, after)}."""
        answer = self.daemon.call("PUT", "/v1/catalog?dry_run=true&correct_closed_periods=true", body=bundle)
        assert answer.status == 200, answer.body
        texts = [finding["text"] for finding in answer.json()["findings"]]
        told = [re.fullmatch(r"(\S+) of (\S+) from (\S+): (\S+) becomes (\S+) EUR", text) for text in texts]
        assert not any("further" in text or "others" in text for text in texts), texts
        return {(m[1], m[2], second(m[3])): (decimal.Decimal(m[4]), decimal.Decimal(m[5])) for m in told if m}

    def try_bundle(self, what, subs, **documents):
        """The whole cycle, after which the draft is what is stored."""
        bundle = {"subscriptions": subs, **documents}
        path = write(self.daemon, "draft.json", json.dumps(bundle))
        page, draft = self.told(path, "draft")
        keys = {p["subscription"] for p in page["periods"]}
        all_before = self.charged()
        before = self.of(keys, all_before)
        reviewed = self.reviewed(bundle)
        assert self.told(path, "stored")[1] == self.told(path, "emitted")[1] == before, (what, before, page)
        assert {sub["key"] for sub in subs} <= keys and not any(p["uncovered"] for p in page["periods"]), (what, page)
        run(self.daemon, 0, "apply", "--correct-closed-periods", path)
        self.daemon.settle()
        all_after = self.charged()
        after = self.of(keys, all_after)
        assert after == draft, (what, SEED, sorted(after.items()), sorted(draft.items()))
        self.tried, self.moved = self.tried + 1, self.moved + (before != after)
        assert {**all_before, **after}.items() - before.items() == all_after.items() - before.items(), (what, SEED)
        for line, told in reviewed.items():
            assert told == (before.get(line, 0), after.get(line, 0)), (what, SEED, line, told, before.get(line), after.get(line))
        run(self.daemon, 0, "audit")
        return page, reviewed

    def try_draft(self, what, **fields):
        sub = {key: value for key, value in {**self.sub, **fields}.items() if value is not None}
        moved = self.moved
        page, reviewed = self.try_bundle(what, [sub])
        assert reviewed or self.moved == moved, (what, page)
        self.sub = sub
        return page

    def try_subject(self):
        """s2's account ends and comes again, in another zone, and the second begins earlier, later, and before the first."""
        first = self.other
        second = {**first, "key": "s3", "subject": "s2", "customer": "c9", "tariff": "q", "zone": "Asia/Kathmandu"}
        for begin, until in (10, 60), (60, 110), (10, 110):
            at, gap = self.time(begin, until), datetime.timedelta(days=self.random.randrange(2) * 3)
            _, reviewed = self.try_bundle("a subject that comes again", [{**first, "end": instant(at)}, {**second, "start": instant(at + gap)}])
            assert {line[0] for line in reviewed} == {"s2", "s3"}, reviewed
        at = self.time(10, 110)
        self.try_bundle("the second goes before the first", [{**first, "start": instant(at)}, {**second, "start": "2026-02-20", "end": instant(at)}])


    def try_shared(self):
        """One of three that share a credit and an account moves, or the credit does: the others are told, too."""
        first, second, third = SHARED["subscriptions"]
        page, reviewed = self.try_bundle("an end of one that shares", [{**first, "end": instant(self.time(40, 80))}])
        assert {p["subscription"] for p in page["periods"]} >= {line[0] for line in reviewed} > {"a1"}, (page, reviewed)
        self.try_bundle("another tariff of one that shares", [{**second, "tariff": "q"}])
        self.try_bundle("one more that shares", [{**second, "start": instant(self.time(5, 30))}, {**self.sub, "customer": "all", "tariff": "shared"}])
        _, reviewed = self.try_bundle("a credit of one", [], credits=[{"key": "top", "subscription": "a3", "amount": "300", "currency": "EUR", "from": "2026-02-27"}])
        assert len({line[0] for line in reviewed}) > 1, reviewed
        self.try_bundle("units of one that moves", [{**third, "customer": "c5"}])


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
        world.try_subject()
        world.try_shared()
        assert 2 * world.moved > world.tried, (world.moved, world.tried)  # where a move lies among the use, and whether it is money, is chance
        print(f"{world.moved} of {world.tried} drafts moved money")


if __name__ == "__main__":
    main()
