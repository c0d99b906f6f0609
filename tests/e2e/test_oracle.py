#!/usr/bin/python3
"""Killed at any moment, meterd loses nothing, doubles nothing and makes nothing up.

Rounds of: start, vendors send from several threads, kill -9 under load (sometimes during recovery, too), start on the same data; every
unanswered batch is sent again byte for byte. The catalog grows and its prices change on the way. At the end the log, the usage, the charges
and what the receivers took must be exactly what an independent computation makes of the vendors' own records. And a quote of what a closed
month used, asked for over the API, must be what was charged of the month.

METERD_KILLS: rounds (25). METERD_SEED: of everything random here.
"""
import copy
import datetime
import http.client
import json
import os
import random
import sys
import threading
import time
from fractions import Fraction

import clients
import harness
import oracle

ROUNDS = max(2, int(os.environ.get("METERD_KILLS", "25")))  # the catalog grows in one and has other prices from a later one on
SEED = int(os.environ.get("METERD_SEED", str(random.SystemRandom().randrange(1 << 32))))
GRACE_US = 3600 * 10 ** 6
FIRST_DAY = datetime.datetime.now(oracle.UTC).date() - datetime.timedelta(days=30)
INSTANTS = random.Random(SEED + 2 ** 33)  # of what begins and ends


def instant(day):
    """Any microsecond of a day of the run, often one beside a quarter of an hour, or in the day's first second."""
    time_us = INSTANTS.randrange(10 ** 6 if INSTANTS.random() < 0.3 else 86400 * 10 ** 6)
    if INSTANTS.random() < 0.4:
        time_us = max(0, time_us // (900 * 10 ** 6) * 900 * 10 ** 6 + INSTANTS.choice((-1, 0, 1)))
    clock = datetime.datetime.combine(FIRST_DAY, datetime.time()) + datetime.timedelta(days=day, microseconds=time_us)
    return clock.isoformat(timespec="microseconds") + "Z"


def beside(text):
    """Some microseconds later, mostly in the same second."""
    clock = datetime.datetime.fromisoformat(text.rstrip("Z")) + datetime.timedelta(microseconds=INSTANTS.choice((1, 1000, 400000)))
    return clock.isoformat(timespec="microseconds") + "Z"


SPLIT_TIME = instant(24)
SECOND_SPLIT_TIME = instant(INSTANTS.randrange(3, 23))
CHANGE_DAY = FIRST_DAY + datetime.timedelta(days=17)
CHANGE_TIME = instant(17)
SECOND_CHANGE_TIME = beside(CHANGE_TIME)
END_TIME = instant(26)
FIRST_MONTH = (FIRST_DAY.replace(day=1) - datetime.timedelta(days=1)).replace(day=1)  # the whole month before FIRST_DAY's


def meter(key, event_type, aggregation="sum", value="amount", **more):
    return {"key": key, "service": "cloud", "event_type": event_type, "aggregation": aggregation,
            **({} if aggregation == "count" else {"value": value}), **more}


def subscription(key, service="cloud", **more):
    return {"key": key, "service": service, "subject": f"sub-{key}", "customer": "c1", "tariff": "standard", "start": FIRST_DAY.isoformat(), **more}


def components(cpu_price):
    return [
        {"key": "cpu", "meter": "cpu", "group_by": ["region"], "free_units": 10,
         "graduated": [{"up_to": 100, "unit": cpu_price}, {"up_to": 1000, "unit": "0.04", "flat": "2"}, {"unit": "0.0301"}]},
        {"key": "calls", "meter": "calls", "per_unit": "0.013"},
        {"key": "storage", "meter": "storage", "volume": [{"up_to": 100, "unit": "0.05"}, {"unit": "0.049", "flat": "0.5"}]},
        {"key": "jobs", "meter": "jobs", "package": {"size": 70, "price": "1.50"}},
        {"key": "extra", "meter": "jobs", "per_unit": "0.1", "cap": "10", "minimum": "4"},
        {"key": "driven", "meter": "odometer", "group_by": ["region"], "per_unit": "0.003"},
        {"key": "base", "recurring": {"amount": "20", "prorate": "second"}},
        {"key": "support", "recurring": {"amount": "3.10", "in": "arrears"}},
    ]


def levels(price, seats_scope="level"):
    """Each level by the share of the period for which it held: by region, of changes that hold from midnight, of a mean, and of one that ends. Seats may
    be of the whole period under another version."""
    return [
        {"key": "disk-levels", "meter": "disk", "scope": "level", "group_by": ["region"], "per_unit": price},
        {"key": "seats", "meter": "held", "scope": seats_scope, "free_units": "2.5", "graduated": [
            {"up_to": 40, "unit": "1.1", "flat": "0.5"}, {"up_to": 200, "unit": "0.7", "flat": "2"}, {"unit": price}]},
        {"key": "mean-levels", "meter": "mean", "scope": "level", "cap": "90", "volume": [{"up_to": 60, "unit": "0.9"}, {"unit": price, "flat": "3"}]},
        {"key": "gone-levels", "meter": "gone-disk", "scope": "level", "minimum": "4", "graduated": [{"up_to": 25, "unit": price}, {"unit": "0.4", "flat": 1}]},
    ]


def measured(price, seats_scope="level"):
    """What is more than a sum: levels, percentiles, and quantities that are spread over a length."""
    return [
        {"key": "disk", "meter": "disk", "group_by": ["region"], "per_unit": price},
        {"key": "held", "meter": "held", "per_unit": "0.31"},
        {"key": "mean", "meter": "mean", "graduated": [{"up_to": 40, "unit": "1.5"}, {"unit": price}]},
        {"key": "gone", "meter": "gone-disk", "per_unit": "0.07"},
        *levels(price, seats_scope),
        {"key": "p95", "meter": "p95", "group_by": ["region"], "per_unit": "2.3"},
        {"key": "p50", "meter": "gone-p50", "per_unit": "1.9"},
        {"key": "runs", "meter": "runs", "group_by": ["region"], "per_unit": price},
        {"key": "length", "meter": "length", "package": {"size": 3600, "price": "0.25"}},
        {"key": "ran", "meter": "gone-runs", "per_unit": "0.013"},
        {"key": "calls", "meter": "gone-calls", "per_unit": "0.17"},
        {"key": "base", "recurring": {"amount": "12.40", "prorate": "second"}},
    ]


def measured_version(since, price, seats_scope="level", **more):
    """With overrides of a customer and a subscription: the price of one, another curve of another."""
    return {"from": since, "components": measured(price, seats_scope), **more, "overrides": [
        {"customer": "c2", "components": [{"key": "disk", "per_unit": "0.011"}, {"key": "length", "per_unit": "0.0003"}]},
        {"subscription": "m-kolkata", "components": [{"key": "runs", "graduated": [{"up_to": 50, "unit": "1"}, {"unit": "0.2"}]},
                                                     {"key": "base", "recurring": {"amount": "3.10"}}]}]}


def time_meters():
    def retired():
        return {"retired": instant(INSTANTS.randrange(4, 28))}
    level = {"aggregation": "time_weighted"}
    return [
        meter("disk", "storage", group_by=["region"], **level), meter("held", "storage", reports="change", per="day", holds_from="day", **level),
        meter("mean", "jobs", per="period", group_by=["spot"], **level), meter("gone-disk", "storage", **retired(), **level),
        meter("p95", "cpu", "percentile", window="15m", group_by=["region"]),
        meter("gone-p50", "cpu", "percentile", percentile=50, window="60m", filter={"amount": {"gte": 0}}, **retired()),
        meter("runs", "jobs", spread_over="seconds", group_by=["region"]), meter("gone-runs", "jobs", spread_over="seconds", **retired()),
        {"key": "length", "service": "cloud", "event_type": "calls", "aggregation": "sum", "spread_over": "seconds"}, meter("gone-calls", "calls", "count", **retired()),
    ]


FIRST_CATALOG = {
    "vendors": [{"key": "acme"}, {"key": "globex"}],
    "services": [{"key": "cloud", "vendor": "acme"}, {"key": "other", "vendor": "globex"}],
    "meters": [meter("cpu", "cpu", group_by=["region"]), meter("calls", "calls", "count"), meter("storage", "storage"),
               meter("jobs", "jobs", group_by=["spot"]),
               meter("long", "jobs", filter={"amount": {"gt": 15, "lte": 300}, "region": {"not": ["us"]}, "spot": {"in": [True]}}),
               meter("refunds", "storage", filter={"amount": {"lt": 0}}, factor="0.001", min="-0.009"),
               meter("odometer", "jobs", "counter", filter={"amount": {"gte": 0}}, group_by=["region"]), {**meter("g-cpu", "cpu"), "service": "other"},
               *time_meters()],
    "tariffs": [{"key": "standard", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": components("0.05")}]},
                {"key": "plain", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
                    {"key": "g", "meter": "g-cpu", "per_unit": "0.005"}]}]},
                {"key": "measured", "currency": "EUR", "versions": [measured_version("2020-01-01", "0.02")]}],
    "subscriptions": [subscription("utc"), subscription("berlin", zone="Europe/Berlin", opening=[
        {"meter": "odometer", "value": "42.5", "dimensions": {"region": "eu"}}, {"meter": "odometer", "value": "1000"}]),
                      subscription("kolkata", zone="Asia/Kolkata", billing={"every": "day"}),
                      subscription("york", zone="America/New_York", billing={"every": "day"}),
                      subscription("months", zone="Europe/Berlin", start=FIRST_MONTH.isoformat()),
                      subscription("m-nepal", tariff="measured", zone="Asia/Kathmandu", billing={"every": "day"}),
                      subscription("m-berlin", tariff="measured", zone="Europe/Berlin", opening=[
                          {"meter": "disk", "value": "12.25", "dimensions": {"region": "eu"}}, {"meter": "held", "value": "-3"}]),
                      subscription("m-kolkata", tariff="measured", zone="Asia/Kolkata", start=instant(1)),
                      subscription("g1", "other", tariff="plain")],
}


def grown(catalog):
    """A subject and types that events waited for, and a second meter over events that were counted already."""
    catalog = copy.deepcopy(catalog)
    catalog["meters"] += [meter("gpu", "gpu", group_by=["region", "user"]), meter("peak", "cpu", "max"), meter("users", "calls", "unique", "user")]
    catalog["subscriptions"].append(subscription("new", zone="Europe/Berlin"))
    catalog["tariffs"][0]["versions"][0]["components"] += [{"key": "gpu", "meter": "gpu", "group_by": ["region"], "per_unit": "0.7"}]
    return catalog


def repriced(catalog):
    """Another price for what was charged, and a version that begins inside an hour."""
    catalog = copy.deepcopy(catalog)
    versions = catalog["tariffs"][0]["versions"]
    versions[0]["components"][0]["graduated"][0]["unit"] = "0.06"
    second = copy.deepcopy(versions[0])
    second["from"] = SPLIT_TIME
    second["components"][0]["graduated"][1]["unit"] = "0.033"
    second["components"] += [{"key": "peak", "meter": "peak", "per_unit": "0.25"}]
    versions.append(second)
    other = next(t for t in catalog["tariffs"] if t["key"] == "measured")
    other["versions"] += [measured_version(SECOND_SPLIT_TIME, "0.05", "period"), measured_version(SPLIT_TIME, "0.03", reset=True)]
    return changed(catalog)


def changed(catalog):
    """What subscriptions become from a time on that usage has passed: another tariff, customer (whose override counts then) and billing, and
    accounts that end and subscribe again."""
    other = {"key": "dear", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": components("0.11")}]}
    for s in catalog["subscriptions"]:
        if s["key"] == "utc":
            s["end"] = CHANGE_TIME
        if s["key"] == "berlin":
            s["changes"] = [{"from": CHANGE_DAY.isoformat(), "tariff": "dear"}]
        if s["key"] == "york":
            s["changes"] = [{"from": CHANGE_TIME, "customer": "c2"}, {"from": SECOND_CHANGE_TIME, "tariff": "dear"},
                            {"from": SPLIT_TIME, "tariff": "standard", "customer": "c3"}]
        if s["key"] == "m-nepal":
            s["changes"] = [{"from": CHANGE_TIME, "billing": {"every": "month"}}]
        if s["key"] == "m-berlin":
            s["changes"] = [{"from": CHANGE_TIME, "customer": "c3"}, {"from": SECOND_CHANGE_TIME, "customer": "c2"}]
        if s["key"] == "m-kolkata":
            s["end"] = END_TIME
    catalog["tariffs"].append(other)
    catalog["subscriptions"] += [{**subscription("utc-again"), "subject": "sub-utc", "customer": "c4", "start": CHANGE_TIME},
                                 {**subscription("m-kolkata-again", tariff="measured", zone="Asia/Kolkata"), "subject": "sub-m-kolkata", "customer": "c2",
                                  "start": END_TIME}]
    return catalog


class World:
    """What clients and rounds share."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.catalog = self.former_catalog = self.coming_catalog = FIRST_CATALOG
        self.grace_us = GRACE_US
        self.start_us = min(oracle.moment_us(s, FIRST_DAY.isoformat()) for s in FIRST_CATALOG["subscriptions"])
        self.foreign = {"acme": "sub-g1", "globex": "sub-utc"}
        self.failed, self.pause = threading.Event(), threading.Event()
        self.ending = False
        self.sent = 0
        self.life = 0  # starts that became ready
        self.changed = threading.Condition()

    def period_ends(self, subject, time_us):
        """When the billing period of that time ends, by the catalog, the one before it, and one that is on its way: which of them an event met is not
        known."""
        catalogs = self.catalog, self.former_catalog, self.coming_catalog
        found = [[s for s in catalog["subscriptions"] if s["subject"] == subject] for catalog in catalogs]
        return [oracle.period_end(oracle.serving(subscriptions, time_us), time_us) for subscriptions in found if subscriptions]

    def begin_life(self):
        with self.changed:
            self.life += 1
            self.changed.notify_all()

    def wait_life(self, number):
        """After a connection of the life before broke: the next one comes, or the daemon ended by itself, which is a failure."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.life >= number or self.failed.is_set(), harness.WAIT_S), "a connection broke without a kill"
        assert not self.failed.is_set(), "another thread failed"

    def note_sent(self):
        with self.changed:
            self.sent += 1
            self.changed.notify_all()

    def wait_sent(self, more):
        with self.changed:
            target = self.sent + more
            assert self.changed.wait_for(lambda: self.sent >= target or self.failed.is_set(), harness.WAIT_S), "clients stand still"


# ---- rounds ----

def apply(world, catalog):
    """The whole catalog as one change, also of prices without a date; when the daemon was killed meanwhile, once more after its start: the same documents
    are no change."""
    world.coming_catalog = catalog
    if world.daemon.call("PUT", "/v1/catalog?correct_closed_periods=true", body=json.dumps(catalog), headers={"Content-Type": "application/json"}).status != 200:
        raise AssertionError(world.daemon.apply(catalog))
    world.former_catalog, world.catalog = world.catalog, catalog


def apply_while_killed(world, catalog, chance):
    """A change of the catalog that races the kill."""
    def put():
        try:
            apply(world, catalog)
        except (OSError, http.client.HTTPException):
            pass
    thread = threading.Thread(target=put)
    thread.start()
    world.pause.wait(chance.random() * 0.05)
    return thread


def one_round(world, chance, number, tally):
    daemon = world.daemon
    world.wait_sent(chance.choice((2, 5, 20, 40, 80)))
    thread = None
    changes = {ROUNDS // 4: grown, max(ROUNDS // 2, ROUNDS // 4 + 1): repriced}  # the second is made of the first; one round has one change
    wanted = changes[number](world.catalog) if number in changes else None
    if wanted:
        thread = apply_while_killed(world, wanted, chance)
    world.pause.wait(chance.random() * 0.03)  # a moment between any two instructions of a commit
    if chance.random() < 0.1:
        daemon.stop()  # the drain under load: exit 0
        tally["stopped"] += 1
    else:
        daemon.kill()
    if thread:
        thread.join(harness.WAIT_S)
    while chance.random() < 0.3:
        daemon.start(wait=False)
        world.pause.wait(chance.random() * 0.6)
        daemon.kill()
        tally["in recovery"] += 1
    daemon.start()
    if wanted:
        apply(world, wanted)
    world.begin_life()


# ---- checks ----

def stored_rows(daemon):
    rows, after = [], 0
    while True:
        answer = daemon.call("GET", f"/v1/events?after={after}&limit=10000")
        assert answer.status == 200, answer.body
        page = json.loads(answer.body, parse_float=Fraction)
        rows += page["events"]
        after = page["next_after"]
        if not page["has_more"]:
            return rows


def row_content(row):
    event = dict(row)
    if not row["time_given"]:
        event["time"] = None
    return clients.canonical(event, row["vendor"])


def check_log(rows, sent):
    """Every stored event once and equal, nothing else, in one unbroken numbering. Fills in each Sent's row."""
    expected = {}
    for s in sent:
        if s.was_stored and not s.shares:
            key = s.stored_as, clients.canonical(s.event, s.vendor)
            assert key not in expected, ("the test sent it twice", key)
            expected[key] = s
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1)), "sequence numbers have gaps"
    for row in rows:
        s = expected.pop((row["disposition"], row_content(row)), None)
        assert s is not None, ("in the log, but never sent, or twice, or changed", row)
        s.row = row
    assert not expected, (f"{len(expected)} acknowledged events are not in the log", next(iter(expected)))
    for s in sent:
        if s.stored_as == "void" and s.was_stored:
            assert s.row["target_seq"] == s.target.row["seq"], (s.row, s.target.row)


def contributions(catalog, sent):
    """(what counts, the held, the quarantine), by the vendors' records: each stored event is in exactly one, or taken back."""
    services = {(oracle.vendor_of(catalog, s), s["subject"]): s["service"] for s in catalog["subscriptions"]}
    types = {(m["service"], m["event_type"]) for m in catalog["meters"]}
    taken_back, held, quarantine, counting = {}, set(), set(), []
    stored = sorted((s for s in sent if s.was_stored and not s.shares), key=lambda s: s.row["seq"])
    for s in stored:
        if s.stored_as == "void":
            if s.target.row["seq"] in taken_back:
                quarantine.add((s.row["seq"], "void_twice"))
            taken_back[s.target.row["seq"]] = s
        elif s.stored_as != "normal":
            quarantine.add((s.row["seq"], s.stored_as))
    for s in stored:
        seq = s.row["seq"]
        if s.stored_as != "normal":
            continue
        if (services.get((s.vendor, s.event["subject"])), s.event["type"]) not in types:
            held |= {seq} - set(taken_back)
        elif s.event["data"].get("amount") == "many":
            quarantine.add((seq, "invalid"))
        elif seq not in taken_back:
            counting.append((s.vendor, s.event, oracle.instant_us(s.row["time"])))
    return counting, held, quarantine


def check_aside(daemon, held, quarantine):
    found = {e["seq"] for e in daemon.listed("/v1/held", "events")}
    assert found == held, (f"{len(found)} held, {len(held)} expected", sorted(found ^ held)[:5])
    rows = [(e["seq"], e["reason"]) for e in daemon.listed("/v1/quarantine", "events")]
    assert set(rows) == quarantine and len(rows) == len(quarantine), (set(rows) ^ quarantine)


def check_usage(daemon, catalog, hours, until_us):
    """What is measured over time (levels, percentiles) is compared where time is over; of a quantity that is spread its events are not told."""
    found = {}
    now = int(time.time())
    for m in catalog["meters"]:
        names = m.get("group_by", [])
        groups = "".join(f"&group_by={name}" for name in ["subscription", *names])
        path = f"/v1/usage?meter={m['key']}&window=hour&from={clients.time_text((now - 70 * 86400) * 10**6)[:10]}"
        for row in daemon.get(path + f"&to={clients.time_text((now + 3 * 86400) * 10**6)[:10]}{groups}")["rows"]:
            key = row["subscription"], m["key"], oracle.instant_us(row["start"]), tuple(row["dimensions"].get(n, "") for n in names)
            assert key not in found, key
            if oracle.is_over_time(m) and key[2] >= until_us:
                continue
            spread = "spread_over" in m
            if Fraction(row["quantity"]) or (row["events"] and not spread):
                found[key] = Fraction(row["quantity"]), None if spread else row["events"]
    wrong = [(k, found.get(k), hours.get(k)) for k in found.keys() | hours.keys() if found.get(k) != hours.get(k)]
    assert not wrong, (f"{len(wrong)} hours differ", sorted(wrong, key=str)[:5])


def sums(charges):
    result = {}
    for c in charges:
        key = (c["subscription"], c["customer"], oracle.instant_us(c["period_start"]), oracle.instant_us(c["part_start"]), c["component"],
               c["kind"], frozenset((k, v) for k, v in c["dimensions"].items() if v))
        result[key] = result.get(key, Fraction(0)) + Fraction(c["amount"])
    return {key: amount for key, amount in result.items() if amount}


def check_charges(daemon, catalog, used):
    """Σ charges = price of the usage, line by line. Ratings may wait for draft_every and for the watermark, so it is waited for, with a bound."""
    state = {}

    def equal():
        state["found"] = sums(list(daemon.listed("/v1/charges", "charges")))
        state["expected"] = oracle.charges(catalog, used, time.time_ns() // 1000, GRACE_US)
        return state["found"] == state["expected"]
    try:
        harness.wait_until("charges that are the oracle's", equal)
    except AssertionError:
        found, expected = state["found"], state["expected"]
        wrong = [(k, found.get(k), expected.get(k)) for k in found.keys() | expected.keys() if found.get(k) != expected.get(k)]
        raise AssertionError(f"{len(wrong)} lines differ: (line, charged, expected) {wrong[:5]}") from None
    charges = list(daemon.listed("/v1/charges", "charges"))
    assert [c["number"] for c in charges] == list(range(1, len(charges) + 1))
    return charges


def query_time(time_us):
    return clients.time_text(time_us).replace("+00:00", "Z")


def month_rows(daemon, catalog, subscription, start, end):
    """What the month used, as rows of a request: the hours of GET /v1/usage, cut where a version begins, for the meters that it prices."""
    versions = next(t for t in catalog["tariffs"] if t["key"] == subscription["tariff"])["versions"]
    starts = [oracle.moment_us(subscription, v["from"]) for v in versions] + [oracle.NEVER_US]
    rows = [{"time": query_time(start), "component": "calls", "quantity": "0"}]  # a month without use has its fees, too
    for version, since, until in zip(versions, starts, starts[1:]):
        first, last = max(since, start), min(until, end)
        for m in catalog["meters"] if first < last else []:
            if not any(c.get("meter") == m["key"] for c in version["components"]):
                continue
            path = f"/v1/usage?meter={m['key']}&subscription={subscription['key']}&window=hour&from={query_time(first)}&to={query_time(last)}"
            for row in daemon.get(path + "".join(f"&group_by={name}" for name in m.get("group_by", [])))["rows"]:
                at = query_time(max(oracle.instant_us(row["start"]), first))
                rows.append({"time": at, "meter": m["key"], "quantity": row["quantity"], "dimensions": row["dimensions"]})
    return rows


def quoted(daemon, subscription, rows):
    request = {"tariff": subscription["tariff"], "subscription": subscription["key"], "zone": subscription.get("zone", "UTC"), "usage": rows}
    answer = daemon.call("POST", "/v1/price", body=json.dumps(request), headers={"Content-Type": "application/json"})
    assert answer.status == 200, answer.body
    result = {}
    for line in json.loads(answer.body)["lines"]:
        dimensions = frozenset((k, v) for k, v in line.get("dimensions", {}).items() if v)
        key = oracle.instant_us(line["from"]), line["component"], line["kind"], dimensions
        result[key] = result.get(key, Fraction(0)) + Fraction(line["amount"])
    return {key: amount for key, amount in result.items() if amount}


def check_quotes(daemon, catalog, charges):
    """A quote of a period's own rows is what was charged of it. A request can say what a subscription is that bills by calendar months from the
    first of one on. It cannot say that a month is still running beside use with times, other billing periods, a start within a period, trials,
    pools shared by a customer, what other subscriptions came to, or the values behind a count of unique ones: of these the simulation asks the
    rater itself (tests/scenario/scenario_quote.c)."""
    subscription = next(s for s in catalog["subscriptions"] if s["key"] == "months")
    now_us, count = time.time_ns() // 1000, 0
    for start, end, _ in oracle.periods(subscription, now_us):
        if now_us < end + GRACE_US:
            continue
        charged = {key[3:]: amount for key, amount in sums(charges).items() if (key[0], key[2]) == ("months", start)}
        rows = month_rows(daemon, catalog, subscription, start, end)
        found = quoted(daemon, subscription, rows)
        wrong = [(k, found.get(k), charged.get(k)) for k in found.keys() | charged.keys() if found.get(k) != charged.get(k)]
        assert charged and not wrong, (f"of {len(rows)} rows {len(wrong)} lines differ: (line, quoted, charged)", wrong[:5])
        count += 1
    assert count, "no month is over"


def check_receivers(daemon, charges, receivers, puller):
    """The same charges arrive by push and by pull, each once."""
    by_id = {c["id"]: c for c in charges}
    assert len(by_id) == len(charges)

    def delivered():
        return not any(daemon.get(f"/v1/outbox?state={state}")["messages"] for state in ("pending", "attempted"))
    harness.wait_until("an empty outbox", delivered)
    for state in ("rejected", "unknown"):
        assert not daemon.get(f"/v1/outbox?state={state}")["messages"], state
    for drafts, receiver in receivers:
        assert not receiver.errors, receiver.errors[:5]
        taken = receiver.charges()
        wanted = {i: c for i, c in by_id.items() if drafts or c["status"] != "draft"}
        assert len(taken) == len(wanted) and {c["id"]: json.loads(json.dumps(c)) for c in taken} == wanted
    harness.wait_until("all charges pulled", lambda: puller.step() is False)
    assert puller.got == by_id
    without_drafts = {}
    for c in receivers[1][1].charges():  # who takes no drafts books a final's amount_total and the corrections after it
        key = tuple(sums([dict(c, amount="1")]))[0]
        without_drafts[key] = without_drafts.get(key, Fraction(0)) + Fraction(c["amount_total"] if c["status"] == "final" else c["amount"])
    closed = sums([c for c in charges if tuple(sums([dict(c, amount="1")]))[0] in without_drafts])
    assert {k: v for k, v in without_drafts.items() if v} == closed


def audit(daemon):
    """The same from every audit: the laws hold, nothing waits."""
    def settled():
        found = json.loads(daemon.command("audit", "--log", "--json").stdout)
        assert found["rollups_equal"] is True and found["log_verified"] is True and found["findings"] == 0, found
        return found if not found["pending"] else None
    return harness.wait_until("an audit without pending periods", settled)


def check_all(world, sent, receivers, puller):
    daemon = world.daemon
    daemon.settle()
    rows = stored_rows(daemon)
    check_log(rows, sent)
    counting, held, quarantine = contributions(world.catalog, sent)
    check_aside(daemon, held, quarantine)
    used = oracle.uses(world.catalog, counting)
    until_us = (time.time_ns() // 1000 // 10 ** 6 - 3 * 3600) * 10 ** 6
    hours = oracle.hours(world.catalog, used, until_us)
    check_usage(daemon, world.catalog, hours, until_us)
    charges = check_charges(daemon, world.catalog, used)
    check_quotes(daemon, world.catalog, charges)
    check_receivers(daemon, charges, receivers, puller)
    return rows, (hours, until_us), charges


def check_rebuild(world, hours):
    """The rollups folded again from the log are the same, and nothing is charged because of it."""
    daemon = world.daemon
    before = audit(daemon)
    charges = list(daemon.listed("/v1/charges", "charges"))
    daemon.stop()
    daemon.command("rebuild")
    after = json.loads(daemon.command("audit", "--log", "--json").stdout)
    assert dict(before, pending=0) == dict(after, pending=0), (before, after)  # the rater is going to look at every period again
    daemon.start()
    daemon.settle()
    assert audit(daemon) == before
    check_usage(daemon, world.catalog, *hours)
    assert list(daemon.listed("/v1/charges", "charges")) == charges


def main():
    print(f"METERD_SEED={SEED} METERD_KILLS={ROUNDS}", flush=True)
    chance = random.Random(SEED)
    began = time.monotonic()
    tally = {"in recovery": 0, "stopped": 0}
    settings = {"log": {"segment_bytes": "8MiB", "segment_events_max": 4096}, "rater": {"draft_every": "500ms"},
                "outbox": {"allow_loopback": True, "backoff_min": "20ms", "backoff_max": "200ms"}}
    with harness.Daemon(settings) as daemon:
        world = World(daemon)
        receivers = [(True, clients.Receiver(SEED, 0.2)), (False, clients.Receiver(SEED + 1, 0.2))]
        destinations = []
        for drafts, receiver in receivers:
            path = os.path.join(daemon.root, f"secret-{drafts}")
            with open(path, "w") as f:
                f.write(receiver.secret_text() + "\n")
            destinations.append({"key": f"push-{drafts}".lower(), "kind": "http", "url": receiver.url, "secret_files": [path], "timeout": "300ms",
                                 "drafts": drafts, "batch_max": 20})
        apply(world, {**FIRST_CATALOG, "destinations": destinations})
        keys = {vendor: daemon.vendor_key(vendor) for vendor in ("acme", "globex")}
        subjects = {"acme": ["sub-utc", "sub-berlin", "sub-kolkata", "sub-york", "sub-months", "sub-new", "sub-m-nepal", "sub-m-berlin", "sub-m-kolkata",
                             "nobody"], "globex": ["sub-g1", "nobody"]}
        vendors = [clients.Vendor(world, f"v{i}", name, keys[name], subjects[name], SEED + i)
                   for i, name in enumerate(("acme", "acme", "acme", "globex"))]
        puller = clients.Puller(world, SEED)
        world.begin_life()
        for thread in (*vendors, puller):
            thread.start()
        for number in range(ROUNDS):
            one_round(world, chance, number, tally)
            if world.failed.is_set():
                break
        world.ending = True
        for thread in (*vendors, puller):
            thread.join(harness.WAIT_S)
            assert not thread.is_alive(), "a client does not end"
        failures = [thread.failure for thread in (*vendors, puller) if thread.failure]
        for failure in sorted(failures, key=lambda f: "another thread failed" in str(f)):
            raise failure  # the one that the others ended for
        for _, receiver in receivers:
            receiver.calm = True
        loaded = time.monotonic() - began
        sent = [s for v in vendors for b in v.answered for s in b.events]
        rows, hours, charges = check_all(world, sent, receivers, puller)
        check_rebuild(world, hours)
        counts = {name: sum(v.counts[name] for v in vendors) for name in clients.COUNTS if any(v.counts[name] for v in vendors)}
        print(f"{ROUNDS - tally['stopped']} kills and {tally['in recovery']} during recovery, {tally['stopped']} stops; {sum(v.unanswered for v in vendors)} tries without answer; "
              f"{sum(v.events_sent for v in vendors)} events answered: {counts}")
        print(f"{len(rows)} events in the log, {len(hours[0])} hours, {len(charges)} charges; receivers' faults {[r.faults for _, r in receivers]}; "
              f"{loaded:.0f} s of load, {time.monotonic() - began:.0f} s in all")
        for _, receiver in receivers:
            receiver.close()


if __name__ == "__main__":
    main()
    sys.exit(0)
