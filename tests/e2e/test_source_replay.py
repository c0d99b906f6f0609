"""meterd source replay: what was refused flows from the pages that were kept, once, and the vendor is not asked; what is newer stays.

Law: after a replay the window has what its last reading said, mapped by the document and the catalog of now; a dry run says the same and writes nothing.
"""
import datetime
import json
import os
import random
import shutil
import subprocess
import time

from daily import DAYS, Vendor, billed, catalog, published, row, source, windows_of
from harness import METERD, Daemon, wait_until

SEED = int(os.environ.get("METERD_SEED", "1"))
KILLS = int(os.environ.get("METERD_KILLS", "4"))
COUNTS = ("rows", "same", "added", "changed", "gone")
ODD = {"type": "=vm.hour", "subject": "account", "time": "when", "data": {"quantity": "amount"}}  # a time that no row has
WELL = {"type": "=vm.hour", "subject": "account", "time": "at", "data": {"quantity": "amount"}}


class Bench:
    def __init__(self, daemon):
        self.daemon, self.vendor = daemon, Vendor()

    def apply(self, key, **more):
        self.daemon.apply({"sources": [source(key, self.vendor.server_address[1], **more)]})

    def publish(self, key, rows=4, amount=1, day=None):
        for at in [day] if day else DAYS:
            self.vendor.rows[at, None] = [row(f"{key}-{at}-{i}", at, amount) for i in range(rows)]

    def read(self, key, day=None):
        """Windows are read now, whatever the schedule says."""
        return self.daemon.command("source", "run", key, "--from", day or DAYS[0], "--to", after(day) if day else after(DAYS[-1]), check=False)

    def windows(self, key):
        return {window["start"][:10]: window for window in windows_of(self.daemon, key)}

    def begin(self, key, **more):
        self.apply(key, **more)
        wait_until(f"the first readings of {key}", lambda: {window["state"] for window in self.windows(key).values()} in ({"complete"}, {"settled"})
                   and len(self.windows(key)) == len(DAYS))

    def replay(self, key, *words, code=0):
        done = self.daemon.command("source", "replay", key, "--json", *words, check=False)
        assert done.returncode == code, done
        return json.loads(done.stdout)["windows"]

    def log_end(self):
        return self.daemon.status()["log"]["last_seq"]



def after(day):
    return (datetime.date.fromisoformat(day) + datetime.timedelta(days=1)).isoformat()


def sums(windows):
    assert all("rows" in window for window in windows), windows
    return tuple(sum(window[name] for window in windows) for name in COUNTS)


def refused_flow(bench):
    """A map that fits no row; then the one that does."""
    bench.publish("flow")
    bench.begin("flow", map=ODD)
    assert [window["refused"] for window in bench.windows("flow").values()] == [4, 4, 4] and not billed(bench.daemon)
    assert sums(bench.replay("flow", code=1)) == (12, 12, 0, 0, 0), "the same map says the same"
    bench.apply("flow", map=WELL)
    bench.daemon.settle()  # what it would bill is told of what is folded
    asked, end = bench.vendor.asked, bench.log_end()
    dry = bench.replay("flow", "--dry-run")
    assert sums(dry) == (12, 0, 12, 0, 12) and all(window["taken"] and not window["problems"] + window["refused"] for window in dry), dry
    assert bench.log_end() == end and not billed(bench.daemon), "a dry run writes nothing"
    before = bench.windows("flow")
    told = bench.replay("flow")
    assert all(window.pop("bill")["complete"] for window in dry), dry  # what it would bill is in dry runs alone
    assert [{**window, "dry_run": True} for window in told] == [{**window, "reading": told[i]["reading"]} for i, window in enumerate(dry)], (dry, told)
    assert billed(bench.daemon) == published(bench.vendor) and bench.vendor.asked == asked, "nobody was asked"
    for day, window in bench.windows("flow").items():
        kept = ("state", "readings", "first_read_at", "last_read_at", "rows")
        assert window["refused"] == 0 and [window[name] for name in kept] == [before[day][name] for name in kept], (before[day], window)
    assert bench.replay("flow") == [], "no window has rows in quarantine"
    end = bench.log_end()
    assert sums(bench.replay("flow", "--from", DAYS[0])) == (12, 12, 0, 0, 0)
    assert bench.log_end() == end + len(DAYS) and billed(bench.daemon) == published(bench.vendor), "receipts alone"
    table = bench.daemon.command("source", "replay", "flow", "--from", DAYS[1], "--to", DAYS[2]).stdout
    terminal, its_end = os.openpty()
    subprocess.run([METERD, "-c", bench.daemon.config, "source", "replay", "flow", "--from", DAYS[0]], stderr=its_end, stdout=subprocess.DEVNULL, check=True)
    os.close(its_end)
    told = os.read(terminal, 4096).decode()
    os.close(terminal)
    assert told.startswith("\r0 windows replayed, ") and told.endswith("\r\x1b[K"), ("a terminal is told how far it is", told)
    assert "taken" in table and DAYS[1] in table and DAYS[2] not in table.replace(f"{DAYS[2]}T00:00:00Z", ""), table
    bench.daemon.settle()
    events = bench.daemon.get("/v1/events?limit=10000")["events"]
    marks = {event["data"]["replays"]: event["data"]["reading"] for event in events if event["type"] == "meterd.reading" and "replays" in event["data"]}
    assert marks and all(int(reading) > int(replays) for replays, reading in marks.items()), marks


def guarded(bench):
    """A map that leaves out too much is the likeliest mistake: told, and not taken, however often it is said; unless that is meant."""
    bench.apply("flow", map={**WELL, "skip": {"account": ["s1"]}})
    before, end, was = bench.windows("flow"), bench.log_end(), billed(bench.daemon)
    for words in ((), ("--dry-run",), ()):
        windows = bench.replay("flow", "--from", DAYS[0], *words, code=1)
        assert all(window["alarm"] == "suspect" and "4 rows would go" in window["problem"] and not window["taken"] and window["acceptable"] for window in windows), windows
        assert bench.log_end() == end and bench.windows("flow") == before and billed(bench.daemon) == was
    assert sums(bench.replay("flow", "--from", DAYS[0], "--accept")) == (12, 0, 0, 0, 12) and not billed(bench.daemon)
    bench.apply("flow", map=WELL)
    assert sums(bench.replay("flow", "--from", DAYS[0])) == (12, 0, 12, 0, 0), "its pages are what it had"
    assert billed(bench.daemon) == published(bench.vendor)


def newer_stays(bench):
    """Pages of before a restatement are never what is replayed; those of a window whose newest reading was not taken, neither."""
    last = DAYS[-1]
    bench.publish("flow", amount=5, day=last)
    bench.read("flow", last)
    assert sums(bench.replay("flow", "--from", last)) == (4, 4, 0, 0, 0) and billed(bench.daemon) == published(bench.vendor)
    del bench.vendor.rows[last, None][3]  # all that this reading brings is that a row is gone
    assert bench.daemon.command("source", "run", "flow", "--from", last, "--to", after(last), check=False).returncode == 1
    suspect = bench.windows("flow")[last]
    assert suspect["state"] == "suspect", suspect
    why = bench.replay("flow", "--from", last, code=1)[0]
    assert "was not taken, and is newer than its pages" in why["problem"] and bench.windows("flow")[last] == suspect, why
    head, row = bench.daemon.command("source", "replay", "flow", "--from", last, check=False).stdout.splitlines()
    assert head.index("RESULT") == row.index("its last reading was not taken"), (head, row)
    bench.daemon.command("source", "accept", "flow")
    wait_until("it is taken", lambda: billed(bench.daemon) == published(bench.vendor))
    bench.read("flow", last)  # it is the same once more
    assert sums(bench.replay("flow", "--from", last)) == (3, 3, 0, 0, 0) and billed(bench.daemon) == published(bench.vendor), "gone is gone"


def moved(bench):
    """A row that the vendor moved to another day: the pages of the day that it has left say more than that has."""
    row_moved = bench.vendor.rows[DAYS[0], None].pop()
    bench.vendor.rows[DAYS[1], None].append({**row_moved, "at": DAYS[1] + "T05:00:00Z"})
    bench.read("flow", DAYS[1])
    assert bench.windows("flow")[DAYS[1]]["state"] == "suspect", "it is a quarter of what the other day has"
    bench.daemon.command("source", "accept", "flow")
    wait_until("it is taken", lambda: billed(bench.daemon) == published(bench.vendor))
    why = bench.replay("flow", "--from", DAYS[0], "--to", DAYS[1], code=1)[0]
    assert "have moved to another window" in why["problem"] and "source run" in why["problem"], why
    assert sums(bench.replay("flow", "--from", DAYS[1], "--to", DAYS[2])) == (5, 5, 0, 0, 0) and billed(bench.daemon) == published(bench.vendor)


def of_the_catalog(bench):
    """Rows that the intake refused: the subscription began later. Once it is right they flow, also of windows that are settled."""
    bench.publish("term")
    late = {"key": "s2", "service": "vm", "customer": "c2", "tariff": "t", "start": after(DAYS[1]) + "T00:00:00Z", "subject": "two"}
    bench.daemon.apply({"subscriptions": [late]})
    for rows in bench.vendor.rows.values():
        for one in rows:
            one["account"] = "two"
    bench.begin("term", window={"length": "day", "start": DAYS[0], "rereads": ["1s"]})
    windows = bench.windows("term")
    assert [windows[day]["refused"] for day in DAYS] == [4, 4, 0] and {window["state"] for window in windows.values()} == {"settled"}, windows
    again = bench.replay("term", code=1)
    assert sums(again) == (8, 8, 0, 0, 0) and [window["not_active"] for window in again] == [4, 4], again
    assert [(window["refused"], window["rows"]) for window in bench.windows("term").values()] == [(4, 4), (4, 4), (0, 4)]
    bench.daemon.apply({"subscriptions": [{**late, "start": "2020-01-01"}]})
    dry = bench.replay("term", "--dry-run")
    assert [window["not_active"] for window in dry] == [0, 0], dry
    bench.replay("term")
    windows = bench.windows("term")
    assert billed(bench.daemon) == published(bench.vendor) and [windows[day]["refused"] for day in DAYS] == [0, 0, 0], windows
    assert {window["state"] for window in windows.values()} == {"settled"}
    bench.vendor.rows[DAYS[0], None][0]["amount"] = 9
    end = bench.log_end()
    dry = json.loads(bench.daemon.command("source", "run", "term", "--from", DAYS[0], "--to", DAYS[2], "--dry-run", "--json").stdout)["tried"]
    assert sums(dry) == (8, 7, 0, 1, 0) and bench.log_end() == end, "settled windows are held against the log, by a dry run too"
    bench.read("term")
    assert billed(bench.daemon) == published(bench.vendor)


def each_of_them(bench):
    """Requests of for_each have windows, and pages, of their own."""
    sites = ["east", "west"]
    bench.vendor.rows = {(day, site): [row(f"{site}-{day}-{i}", day) for i in range(2)] for day in DAYS for site in sites}
    ask = {"path": "/usage", "query": {"day": "{from:%Y-%m-%d}", "site": "{each.value}"}}
    more = {"for_each": {"values": sites}, "request": ask}
    bench.apply("sites", map=ODD, **more)
    wait_until("all windows", lambda: len(windows_of(bench.daemon, "sites")) == len(DAYS) * len(sites))
    bench.apply("sites", map=WELL, **more)
    only = bench.replay("sites", "--each", "west")
    assert [window["each"] for window in only] == ["west"] * 3 and sums(only) == (6, 0, 6, 0, 6), only
    assert {key.split("-")[0] for key in billed(bench.daemon)} == {"west"}
    assert sums(bench.replay("sites")) == (6, 0, 6, 0, 6) and billed(bench.daemon) == published(bench.vendor)
    unknown = bench.daemon.call("POST", "/v1/sources/sites/replays", {"start": DAYS[0], "each": "north"})
    assert unknown.status == 409 and unknown.json()["code"] == "request.replay" and "no request of the source" in unknown.json()["detail"], unknown.body


def pages_gone(bench):
    """Nothing is kept, or no more: said, with what there is to do."""
    bench.publish("bare")
    bench.begin("bare", map=ODD, pages={"keep": 0})
    why = bench.replay("bare", code=1)
    assert len(why) == 3 and all("were not kept (`pages.keep` was 0)" in window["problem"] and "source run" in window["problem"] for window in why), why
    bench.publish("late")
    bench.begin("late", map=ODD)
    pages = os.path.join(bench.daemon.data, "pages")
    held = {path: os.path.join(pages, path) for path in os.listdir(pages)}
    for directory in held.values():
        for file in os.listdir(directory):
            os.remove(os.path.join(directory, file))
    why = bench.replay("late", code=1)
    assert len(why) == 3 and all("are not kept any more" in window["problem"] for window in why), why
    table = bench.daemon.command("source", "replay", "late", check=False)
    assert table.returncode == 1 and "are not kept any more" in table.stdout, table


def said_wrong(bench):
    daemon = bench.daemon
    daemon.apply({"sources": [source("feed", bench.vendor.server_address[1], window={"length": "cursor"}, delivery="append",
                                     paging={"cursor": {"path": "next", "send": "query.cursor"}}, request={"path": "/usage", "query": {"day": DAYS[0]}})]})
    feed = daemon.call("POST", "/v1/sources/feed/replays", {"start": DAYS[0]})
    assert feed.status == 409 and "a feed has no windows" in feed.json()["detail"], feed.body
    assert daemon.call("POST", "/v1/sources/nobody/replays", {"start": DAYS[0]}).status == 404
    for body in ({}, {"start": "yesterday"}):
        assert daemon.call("POST", "/v1/sources/flow/replays", body).status == 400, body
    never = daemon.call("POST", "/v1/sources/flow/replays", {"start": "2001-01-01"})
    assert never.status == 409 and "was not read yet" in never.json()["detail"], never.body
    unread = daemon.command("source", "replay", "flow", "--from", "2001-01-01", "--to", "2001-02-01", check=False)
    assert unread.returncode == 1 and "no window that was read begins there" in unread.stderr, unread
    wrong = daemon.command("source", "replay", "flow", "--from", "yesterday", check=False)
    assert wrong.returncode == 64 and "--from: " in wrong.stderr, wrong
    assert daemon.command("source", "replay", "nobody", check=False).returncode == 1


def killed(bench):
    """kill -9 in the middle, at any time: replayed once more all is as if nothing had been, also with a ledger that is made anew."""
    dice = random.Random(f"replay {SEED}")
    bench.publish("kill", rows=6000)
    bench.begin("kill", map=ODD)
    for i in range(KILLS):
        bench.apply("kill", map=WELL if i % 2 == 0 else ODD)
        running = subprocess.Popen([METERD, "-c", bench.daemon.config, "source", "replay", "kill", "--from", DAYS[0], "--accept", "--json"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.random() * 0.25)
        bench.daemon.kill()
        running.wait()
        if i == 1:
            shutil.rmtree(os.path.join(bench.daemon.data, "intake"))
        bench.daemon.start()
        wait_until("the ledger is folded", lambda: len(bench.windows("kill")) == len(DAYS))
    asked = bench.vendor.asked
    bench.apply("kill", map=WELL)
    bench.replay("kill", "--from", DAYS[0], "--accept")
    assert billed(bench.daemon) == published(bench.vendor) and bench.vendor.asked == asked
    assert all(window["refused"] == 0 and window["state"] == "complete" for window in bench.windows("kill").values()), bench.windows("kill")


SETTINGS = {"rater": {"grace": "0s", "draft_every": "0s"}, "poller": {"allow_loopback": True}}


def with_daemon(*checks):
    with Daemon(SETTINGS) as daemon:
        daemon.apply(catalog())
        bench = Bench(daemon)
        for check in checks:
            check(bench)
        daemon.settle()
        daemon.command("audit", "--log")
        bench.vendor.shutdown()


print(f"seed {SEED}")
with_daemon(refused_flow, guarded, newer_stays, moved, said_wrong)
with_daemon(of_the_catalog)
with_daemon(each_of_them)
with_daemon(pages_gone)
with_daemon(killed)
print("pages were gone through once more")
