"""Each store from an earlier or a later moment, in all sixteen mixtures: refused with a sentence, or brought to the state of one that was never
restored. Whatever happens, an id that a billing service may have got is never that of another charge.

Copies of before there were marks are refused where the stores themselves tell, and come out right where they start.

The earlier moment is an online backup (or a copy of the stopped directory), the later one a copy (or a backup, too) behind more events, a dearer price, another
subscription, and charges of all that. A mixture that starts is told something new first, then all that came between the two moments once more, as
vendors and operators would after a restore.
"""
import itertools
import os
import shutil
import sys
from fractions import Fraction

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, in_mid_month  # noqa: E402

in_mid_month()

STORES = ("log", "rollups", "charges", "catalog")
SETTINGS = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"}, "aggregator": {"step_events_max": 3},
            "rater": {"grace": "0s", "draft_every": "0s"}}


def tariff(dearer=()):
    return {"key": "t", "currency": "EUR", "versions": [
        {"from": "2020-01-01", "components": [{"key": "hours", "meter": "hours", "per_unit": "0.10"},
                                              {"key": "base", "recurring": {"amount": 3}}]}, *dearer]}


DEARER = {"from": "2026-01-20T10:30:00.000001Z", "components": [{"key": "hours", "meter": "hours", "per_unit": "0.25"},
                                                                {"key": "base", "recurring": {"amount": 3}}]}
EARLIER = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "compute", "vendor": "acme"}],
    "meters": [{"key": "hours", "service": "compute", "event_type": "vm", "aggregation": "sum", "value": "hours"}],
    "tariffs": [tariff()],
    "subscriptions": [{"key": "s1", "service": "compute", "customer": "c1", "tariff": "t", "start": "2025-12-01"}],
}
LATER = {
    "tariffs": [tariff([DEARER])],
    "subscriptions": [{"key": "s2", "service": "compute", "customer": "c2", "tariff": "t", "start": "2026-01-05"}],
}


def rows(prefix, subject, days, hours):
    return [{"id": f"{prefix}{day}", "type": "vm", "subject": subject, "time": f"2026-01-{day:02}T10:29:59Z", "data": {"hours": hours}}
            for day in days]


BEFORE = [rows("a", "s1", range(10, 14), 5)]
BETWEEN = [rows("b", "s1", range(10, 13), 7), rows("c", "s2", range(11, 30), 1), rows("d", "s1", range(19, 24), 2)]
AFTER = rows("e", "s1", (12, 21, 25), 11) + rows("f", "s2", (20, 21), 13)


def tell(daemon, key, events):
    answer = daemon.call("POST", "/v1/events", body=events, key=key).json()
    assert answer["invalid"] == 0, answer
    daemon.settle()


def between(daemon, key):
    tell(daemon, key, BETWEEN[0])
    daemon.apply(LATER)
    daemon.settle()
    for events in BETWEEN[1:]:
        tell(daemon, key, events)


def charges(daemon):
    return daemon.get("/v1/charges?limit=10000&after=0")["charges"]


def sums(of):
    """What the charges of each line add up to."""
    lines = {}
    for charge in of:
        line = tuple(charge[name] for name in ("subscription", "customer", "component", "kind", "period_start", "part_start"))
        amount, quantity = lines.get(line, (0, 0))
        lines[line] = amount + Fraction(charge["amount"]), quantity + Fraction(charge["quantity_delta"])
    return {line: both for line, both in lines.items() if any(both)}


def said(charge):
    """What a billing service books of it."""
    return {name: value for name, value in charge.items() if name not in ("number", "created_at", "seq_first", "seq_last")}


class Billing:
    """A billing service: it books each id once, and keeps the numbers. What it has under numbers that are no more is of charges that were lost with the
    stores (docs/guide-billing.md). `ever`: all that it ever got."""

    def __init__(self):
        self.ever, self.numbers, self.booked = {}, {}, []

    def copy(self):
        other = Billing()
        other.ever, other.numbers, other.booked = self.ever, self.numbers, list(self.booked)
        return other

    def take(self, daemon):
        there = charges(daemon)
        for charge in there:
            known = self.ever.setdefault(charge["id"], said(charge))
            assert known == said(charge), ("one id, two charges", known, charge)
            assert self.numbers.setdefault(charge["number"], charge["id"]) == charge["id"], ("one number, two charges", charge)
        self.booked = [charge for charge in self.booked if charge["number"] in {c["number"] for c in there}]
        self.booked += there[len(self.booked):]


def put(daemon, mixture, with_marks):
    for store, moment in zip(STORES, mixture):
        shutil.rmtree(os.path.join(daemon.data, store), ignore_errors=True)
        shutil.copytree(os.path.join(moment, store), os.path.join(daemon.data, store), ignore=None if with_marks else shutil.ignore_patterns("mark"))


def starts(daemon):
    """Or the sentence with which it does not."""
    open(daemon.stderr_path, "w").close()
    daemon.start(wait=False)
    while daemon.process.poll() is None:
        try:
            if daemon.ready():
                return None
        except AssertionError:
            break
    daemon.process.wait(120)
    daemon.stderr.close()
    assert daemon.process.returncode == 1, (daemon.process.returncode, daemon.log_lines())
    return daemon.log_lines()


def goes_on(daemon, key, billing, expected):
    """Something else comes before what was lost comes again."""
    daemon.settle()
    billing.take(daemon)
    tell(daemon, key, AFTER[:3])
    billing.take(daemon)
    between(daemon, key)
    tell(daemon, key, AFTER)
    billing.take(daemon)
    assert sums(charges(daemon)) == expected, (sums(charges(daemon)), expected)
    assert sums(billing.booked) == expected, "the books differ"
    done = daemon.command("audit", "--log", check=False)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)


def folded_again(daemon, emitted):
    """Killed while it may be at it, and started again: no charge comes of rollups that are on their way."""
    for _ in range(3):
        daemon.kill()
        assert starts(daemon) is None
        assert charges(daemon) == emitted
    daemon.settle()
    assert charges(daemon) == emitted


# Copies of before there were marks: charges that are older than the log are not told by it, and come out right.
NOT_KNOWN = (("earlier", "earlier"), ("earlier", "later"), ("later", "later"))
SENTENCES = ("the log ends at event", "the charges end at", "the catalog is at version", "restore all stores from one backup")


def check_mixtures(how):
    with Daemon(SETTINGS) as daemon:
        daemon.apply(EARLIER)
        key = daemon.vendor_key("acme")
        for events in BEFORE:
            tell(daemon, key, events)
        earlier, later = os.path.join(daemon.root, "earlier"), os.path.join(daemon.root, "later")
        if "backup" in how:
            daemon.command("backup", earlier)
        else:
            daemon.stop()
            shutil.copytree(daemon.data, earlier)
            daemon.start()
        billing = Billing()
        between(daemon, key)
        billing.take(daemon)
        emitted = charges(daemon)
        if how == "two backups":
            daemon.command("backup", later)
        else:
            daemon.stop()
            shutil.copytree(daemon.data, later)
            daemon.start()
        tell(daemon, key, AFTER)
        expected = sums(charges(daemon))
        daemon.stop()
        started = []
        for mixture in itertools.product((earlier, later), repeat=4):
            name = " ".join(f"{store}:{os.path.basename(moment)}" for store, moment in zip(STORES, mixture))
            put(daemon, mixture, how != "without marks")
            sentence = starts(daemon)
            if os.environ.get("METERD_TELL"):
                print(name, sentence and sentence.split("cannot start: ")[-1].strip())
            if sentence:
                assert "error daemon: cannot start: " in sentence and any(s in sentence for s in SENTENCES), (name, sentence)
                continue
            started.append(name)
            try:
                if mixture[2] == later:
                    folded_again(daemon, emitted)
                goes_on(daemon, key, billing.copy(), expected)
                daemon.stop()
            except AssertionError as error:
                raise AssertionError(name) from error
        whole = {" ".join(f"{store}:{moment}" for store in STORES) for moment in ("earlier", "later")}
        assert whole <= set(started), started
        folded_on = {"log:later rollups:earlier charges:later catalog:later"}
        assert set(started) == whole | folded_on | ({f"log:later rollups:{r} charges:earlier catalog:{c}" for r, c in NOT_KNOWN} | {
            "log:earlier rollups:earlier charges:earlier catalog:later"} if how == "without marks" else set()), started


def main():
    for how in ("backup", "two backups", "copy", "without marks"):
        check_mixtures(how)
    print("stores of two moments: refused, or brought to the same state; no id is of two charges")


main()
