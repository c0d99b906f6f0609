"""What a dry run of a source says of money is what is charged once the same run was made, to the last digit, and nobody else is charged.

Rows are restated, vanish and come late into closed days; tiers are of one subscription's rows and of a customer's subscriptions together; there
are two currencies, and rows of accounts that nobody has.
"""
import datetime
import json
import os
import random
from collections import defaultdict
from decimal import Decimal

from daily import DAYS, TODAY, Vendor, source
from harness import Daemon, wait_until

SEED = int(os.environ.get("METERD_SEED", "1"))
ROUNDS = int(os.environ.get("METERD_ROUNDS", "6"))
SITES = ("north", "south", "west")
ACCOUNTS = ("s1", "s2", "s3", "s4", "nobody")
FAR = {"schedule": {"every": "30d"}}  # nothing but an order reads a window again
MAP = {"type": "=vm.hour", "subject": "account", "time": "at", "data": {"quantity": "amount", "site": "site"}}
TIERS = [{"up_to": "10", "unit": "0.5"}, {"up_to": "40", "unit": "0.37"}, {"unit": "0.0123"}]


def catalog():
    def version(*components, **more):
        return [{"from": "2020-01-01", "components": list(components), **more}]

    usage = {"key": "c", "meter": "m", "graduated": TIERS}
    more = ({"key": "peak", "meter": "peak", "per_unit": "0.07"}, {"key": "sites", "meter": "sites", "per_unit": "0.11"},
            {"key": "fee", "recurring": {"amount": "1.5"}})
    rank = {"key": "rank", "meter": "rank", "per_unit": "0.009"}  # of days that are over: a period that runs goes on meanwhile
    tariffs = [{"key": "t", "service": "vm", "currency": "EUR", "versions": version(usage, *more, minimum="3")},
               {"key": "u", "service": "vm", "currency": "USD", "versions": version({**usage, "group_by": ["site"]}, *more, rank)},
               {"key": "w", "service": "vm", "currency": "EUR", "versions": version({**usage, "across": "customer"})}]
    meters = [{"key": "m", "service": "vm", "event_type": "vm.hour", "value": "quantity", "group_by": ["site"]},
              {"key": "peak", "service": "vm", "event_type": "vm.hour", "value": "quantity", "aggregation": "max"},
              {"key": "sites", "service": "vm", "event_type": "vm.hour", "value": "site", "aggregation": "unique"},
              {"key": "rank", "service": "vm", "event_type": "vm.hour", "value": "quantity", "aggregation": "percentile", "window": "15m"}]
    of = {"service": "vm", "start": DAYS[0][:8] + "01"}
    return {"vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}], "meters": meters, "tariffs": tariffs,
            "subscriptions": [{"key": "s1", "customer": "c1", "tariff": "t", **of},  # by the month
                              {"key": "s2", "customer": "c2", "tariff": "u", "billing": {"every": "day"}, **of},
                              {"key": "s3", "customer": "c3", "tariff": "w", "billing": {"every": "day"}, **of},
                              {"key": "s4", "customer": "c3", "tariff": "w", "billing": {"every": "day"}, **of}]}


class Bench:
    def __init__(self, daemon):
        self.daemon, self.vendor, self.random, self.rows = daemon, Vendor(), random.Random(SEED), 0
        daemon.apply(catalog())
        for day in DAYS:
            self.vendor.rows[day, None] = [self.row(day) for _ in range(30)]
        daemon.apply({"sources": [source("usage", self.vendor.server_address[1], map=MAP, **FAR)]})
        wait_until("the first readings", lambda: daemon.command("source", "run", "usage", *self.windows(), check=False).returncode == 0)
        daemon.settle()

    def row(self, day):
        self.rows += 1
        at = f"{day}T{self.random.randrange(24):02d}:{self.random.randrange(60):02d}:00Z"
        return {"id": f"r{self.rows}", "account": self.random.choice(ACCOUNTS), "at": at, "amount": self.amount(), "site": self.random.choice(SITES)}

    def amount(self):
        return self.random.randrange(1, 400) / 100

    def go_on(self):
        """Another edition: rows are restated, go, and come late."""
        for day in DAYS:
            rows = self.vendor.rows[day, None]
            for row in self.random.sample(rows, 4):
                row[self.random.choice(("amount", "site"))] = self.amount() if self.random.random() < 0.6 else self.random.choice(SITES)
            for row in rows:
                row["amount"] = row["amount"] if isinstance(row["amount"], float) else self.amount()
                row["site"] = row["site"] if isinstance(row["site"], str) else "west"
            for row in self.random.sample(rows, self.random.randrange(3)):
                rows.remove(row)
            rows += [self.row(day) for _ in range(self.random.randrange(4))]

    def windows(self):
        return "--from", DAYS[0], "--to", after(DAYS[-1])

    def dry(self, *words):
        return json.loads(self.daemon.command("source", "run", "usage", *(words or self.windows()), "--dry-run", "--json").stdout)["bill"]

    def charged(self):
        """(subscription, period, currency) → what was charged so far."""
        sums = defaultdict(Decimal)
        for charge in self.daemon.get("/v1/charges?limit=10000&drafts=true")["charges"]:
            sums[charge["subscription"], charge["period_start"], charge["currency"]] += Decimal(charge["amount"])
        return sums

    def corrections(self):
        return sum(charge["status"] == "correction" for charge in self.daemon.get("/v1/charges?limit=10000")["charges"])


def after(day):
    return (datetime.date.fromisoformat(day) + datetime.timedelta(1)).isoformat()


def check_sums(bill):
    sums = defaultdict(lambda: [0, Decimal(), Decimal(), Decimal()])
    for period in bill["periods"]:
        before, later, difference = (Decimal(period[name]) for name in ("before", "after", "difference"))
        assert later - before == difference, period
        row = sums[period["currency"]]
        row[:] = [row[0] + 1, row[1] + before, row[2] + later, row[3] + difference]
    told = {row["currency"]: [row["periods"], *(Decimal(row[name]) for name in ("before", "after", "difference"))] for row in bill["sums"]}
    assert told == dict(sums) and bill["complete"] and not bill["further"] and bill["priced"] >= len(bill["periods"]), bill


def check_true(bench, bill, before):
    """Behind the run: what was told was charged."""
    bench.daemon.settle()
    now = bench.charged()
    charged = {key: now[key] - before.get(key, 0) for key in now if now[key] != before.get(key, 0)}
    told = {(row["subscription"], row["from"], row["currency"]): Decimal(row["difference"]) for row in bill["periods"]}
    assert charged == {key: value for key, value in told.items() if value}, (charged, told)
    for row in bill["periods"]:
        assert now[row["subscription"], row["from"], row["currency"]] == Decimal(row["after"]), row
    return charged


def check_run(bench):
    """Round by round: the dry run, then the run."""
    daemon, seen = bench.daemon, defaultdict(int)
    for _ in range(ROUNDS):
        bench.go_on()
        before, end, corrections = bench.charged(), daemon.status()["log"]["last_seq"], bench.corrections()
        bill = bench.dry()
        check_sums(bill)
        assert bench.charged() == before and daemon.status()["log"]["last_seq"] == end, "a dry run stores nothing"
        daemon.command("source", "run", "usage", *bench.windows())
        charged = check_true(bench, bill, before)
        for row in bill["periods"]:
            seen[row["status"]] += 1
            seen[row["currency"]] += 1
            seen[row["subscription"]] += 1
        assert (bench.corrections() > corrections) == any(row["status"] == "closed" and Decimal(row["difference"]) for row in bill["periods"])
        assert charged
        empty = bench.dry()
        assert not empty["periods"] and not empty["sums"] and empty["complete"], empty
    runs = ["open"] if DAYS[2][:7] == TODAY.isoformat()[:7] else []
    assert all(seen[name] for name in (*runs, "closed", "EUR", "USD", "s1", "s2", "s3", "s4")), dict(seen)


def check_unknown(bench):
    """Rows of an account that nobody has: they are held, and no money is told."""
    bench.vendor.rows[DAYS[1], None] += [{"id": f"x{i}", "account": "nobody", "at": DAYS[1] + "T10:00:00Z", "amount": 2.5, "site": "north"} for i in range(3)]
    done = json.loads(bench.daemon.command("source", "run", "usage", *bench.windows(), "--dry-run", "--json").stdout)
    assert sum(window["held"] for window in done["tried"]) == 3 and not done["bill"]["periods"] and done["bill"]["complete"], done
    before = bench.charged()
    bench.daemon.command("source", "run", "usage", *bench.windows())
    check_true(bench, done["bill"], before)


def check_moved(bench):
    """A row that goes to another day's window is one row, though each window tells of it."""
    row = next(row for row in bench.vendor.rows[DAYS[0], None] if row["account"] == "s2")
    bench.vendor.rows[DAYS[0], None].remove(row)
    bench.vendor.rows[DAYS[2], None].append({**row, "at": DAYS[2] + row["at"][10:], "amount": 77.0})
    before, bill = bench.charged(), bench.dry()
    check_sums(bill)
    assert {period["from"][:10] for period in bill["periods"]} == {DAYS[0], DAYS[2]}, bill
    bench.daemon.command("source", "run", "usage", *bench.windows())
    check_true(bench, bill, before)


def check_table(bench):
    bench.go_on()
    shown = bench.daemon.command("source", "run", "usage", *bench.windows(), "--dry-run")
    lines = shown.stdout.splitlines()
    bill = bench.dry()
    assert any(line.split()[:4] == ["CUSTOMER", "SUBSCRIPTION", "PERIOD", "FROM"] for line in lines), shown
    for period in bill["periods"]:
        assert any({period["subscription"], period["from"], period["status"], period["difference"], period["currency"]} <= set(line.split())
                   for line in lines), (period, shown)
    for row in bill["sums"]:
        assert any(line.split()[:2] == [row["currency"], str(row["periods"])] and row["difference"] in line.split() for line in lines), (row, shown)
    assert f"{bill['looked_at']} billing periods looked at, {bill['priced']} priced" in shown.stderr, shown
    bench.daemon.command("source", "run", "usage", *bench.windows())
    bench.daemon.settle()
    same = bench.daemon.command("source", "run", "usage", *bench.windows(), "--dry-run")
    assert "no bill would be another" in same.stderr and "CUSTOMER" not in same.stdout, same


def check_replay(bench):
    """The map was wrong: what its replay would bill is what it bills."""
    daemon = bench.daemon
    scaled = {**MAP, "data": {**MAP["data"], "quantity": {"column": "amount", "scale": 3}}}
    daemon.apply({"sources": [source("usage", bench.vendor.server_address[1], map=scaled, **FAR)]})
    words = ("source", "replay", "usage", "--from", DAYS[1], "--to", DAYS[2], "--json", "--accept")
    before = bench.charged()
    told = json.loads(daemon.command(*words, "--dry-run").stdout)["windows"]
    assert len(told) == 1 and told[0]["changed"], told
    check_sums(told[0]["bill"])
    assert told[0]["bill"]["periods"] and bench.charged() == before
    done = json.loads(daemon.command(*words).stdout)["windows"]
    assert "bill" not in done[0], done
    check_true(bench, told[0]["bill"], before)
    check_replay_of_all(bench)


def check_replay_of_all(bench):
    """Several windows: their bills are joined, since one window's rows fill the tiers of another's."""
    daemon = bench.daemon
    scaled = {**MAP, "data": {**MAP["data"], "quantity": {"column": "amount", "scale": 9}}}
    daemon.apply({"sources": [source("usage", bench.vendor.server_address[1], map=scaled, **FAR)]})
    words, before = ("source", "replay", "usage", "--from", DAYS[0], "--accept"), bench.charged()
    told = json.loads(daemon.command(*words, "--dry-run", "--json").stdout)["windows"]
    assert [window["bill"]["windows"] for window in told] == [1, 2, 3], told
    alone = json.loads(daemon.command(*words, "--to", DAYS[1], "--dry-run", "--json").stdout)["windows"]
    for window in (alone[0], told[0]):
        del window["bill"]["as_of"]
    assert alone == told[:1], (alone, told)
    shown = daemon.command(*words, "--dry-run")
    for row in told[-1]["bill"]["sums"]:
        assert any(line.split()[:2] == [row["currency"], str(row["periods"])] and row["difference"] in line.split()
                   for line in shown.stdout.splitlines()), (row, shown)
    assert "not of all windows" not in shown.stderr and bench.charged() == before, shown
    daemon.command(*words)
    check_sums(told[-1]["bill"])
    assert check_true(bench, told[-1]["bill"], before)


def check_file(bench):
    """A file by hand."""
    daemon = bench.daemon
    by_hand = {"key": "files", "vendor": "acme", "by_hand": True, "window": {"length": "day"}, "format": {"csv": {}}, "identity": {"id": "id"},
               "map": {"type": "=vm.hour", "subject": "who", "time": "at", "data": {"quantity": "amount", "site": "=east"}}}
    daemon.apply({"sources": [by_hand]})
    path = os.path.join(daemon.root, "day.csv")
    with open(path, "w", encoding="utf-8") as f:
        f.write("id,who,at,amount\n" + "".join(f"f{i},s{1 + i % 4},{DAYS[1]}T0{i}:00:00Z,{i}.5\n" for i in range(8)))
    before = bench.charged()
    told = json.loads(daemon.command("import", "--source", "files", "--dry-run", "--json", path).stdout)["bill"]
    check_sums(told)
    shown = daemon.command("import", "--source", "files", "--dry-run", path)
    assert "CUSTOMER" in shown.stdout and "8 new" in shown.stdout, shown
    daemon.command("import", "--source", "files", path)
    assert len(check_true(bench, told, before)) >= 4


def check_kept(daemon):
    """It is priced once for each catalog, however often somebody asks."""
    def asked():
        return daemon.get("/v1/sources/usage/reads")["bill"]

    first = asked()
    assert first["periods"] and asked() == first == asked(), first
    daemon.apply({"vendors": [{"key": "other"}]})
    again = asked()
    assert again["as_of"] > first["as_of"], (first, again)
    assert {**again, "as_of": None} == {**first, "as_of": None} and asked() == again, (first, again)


def check_forgotten(bench):
    """Rows of the last dry run alone are kept; what was ordered in earnest has none."""
    bench.vendor.rows[DAYS[0], None].append(bench.row(DAYS[0]))
    bench.dry()
    check_kept(bench.daemon)
    bench.daemon.command("source", "run", "usage", *bench.windows())
    assert "bill" not in bench.daemon.get("/v1/sources/usage/reads")


print(f"seed {SEED}")
with Daemon({"poller": {"allow_loopback": True}, "rater": {"grace": "0s", "draft_every": "0s"}}) as running:
    at_work = Bench(running)
    check_run(at_work)
    check_unknown(at_work)
    check_moved(at_work)
    check_table(at_work)
    check_file(at_work)
    check_replay(at_work)
    check_forgotten(at_work)
    assert running.command("audit", "--log")
print("what dry runs told was charged")
