"""The power fails: a real daemon's writes, names and syncs are recorded, and disks are made of that as they may be when it fails at some moment
(power.py). The real daemon starts on each. What it had answered by then is there: events count once, also when all are sent again; the catalog is what
was said; charges that were handed out are as they were; amounts are what Python makes of the events; a backup that was made is whole, and so is what was
restored of it; the audit finds nothing.

The law must see it when something is not synced: the same recording with one class of syncs left out has to fail.

METERD_STATES: how many states are tried, about (250). METERD_SEED: of all that is random.
"""
import functools
import hashlib
import http.client
import json
import os
import queue
import random
import sys
import threading
import time
from fractions import Fraction

sys.path.insert(0, os.path.dirname(__file__))
import power  # noqa: E402
from harness import WAIT_S, Daemon  # noqa: E402
from powered import Recording, State, broken, check_all  # noqa: E402

SEED = int(os.environ.get("METERD_SEED") or random.SystemRandom().randrange(1 << 32))
STATES = int(os.environ.get("METERD_STATES") or 250)
CONTROL_STATES = 100  # one of a few shows it
SETTINGS = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d", "segment_bytes": "8MiB", "segment_events_max": 1024},
            "rater": {"grace": "0s", "draft_every": "0s"}}
SECRET = "mtr_" + "5" * 64
BATCH, SUBJECTS = 64, 4
STORED = ("accepted", "late")


def subscription(key):
    return {"key": key, "service": "compute", "customer": "c", "tariff": "t", "start": "2025-12-01"}


CATALOG = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "compute", "vendor": "acme"}],
    "meters": [{"key": "hours", "service": "compute", "event_type": "vm", "aggregation": "sum", "value": "hours"}],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "hours", "meter": "hours", "per_unit": "0.25"}]}]}],
    "subscriptions": [subscription(f"s{i}") for i in range(SUBJECTS)],
    "api_keys": [{"key": "acme", "vendor": "acme", "sha256": hashlib.sha256(SECRET.encode()).hexdigest(), "scopes": ["ingest"]}],
}


@functools.cache
def batch(number):
    rng = random.Random(number)
    return [{"id": f"e{number}-{i}", "type": "vm", "subject": f"s{rng.randrange(SUBJECTS)}",
             "time": f"2026-0{rng.randrange(1, 4)}-{rng.randrange(1, 28):02}T10:00:00Z", "data": {"hours": rng.randrange(1, 100)}} for i in range(BATCH)]


@functools.cache
def all_of(batches):
    return json.dumps([event for number in range(batches) for event in batch(number)])


@functools.cache
def lines_of(batches):
    lines = {}
    for event in (event for number in range(batches) for event in batch(number)):
        line = event["subject"], event["time"][:7]
        lines[line] = lines.get(line, 0) + Fraction(event["data"]["hours"], 4)
    return lines


def results(answer):
    found = ["accepted"] * BATCH
    for row in answer["results"]:
        found[row["index"]] = row["result"]
    return found


# ---- the recording ----

class Life(Recording):
    def __init__(self, daemon):
        super().__init__(daemon)
        self.batches, self.subscriptions, self.pulled, self.answered, self.after_death = 0, 0, [], set(), []

    def push(self, numbers, senders=3):
        """From several connections at once, until all are answered or the daemon is dead."""
        waiting, problems = queue.SimpleQueue(), []
        for number in numbers:
            waiting.put(number)
        self.batches = max([self.batches, *(number + 1 for number in numbers)])

        def send():
            connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=WAIT_S)
            try:
                while True:
                    number = waiting.get_nowait()
                    said = set(results(self.ask(f"batch {number}", "POST", "/v1/events", batch(number), SECRET, connection)))
                    if not (said <= set(STORED) or said == {"duplicate"}):
                        problems.append((number, said))
                    self.answered.add(number)
            except (queue.Empty, OSError, http.client.HTTPException):
                connection.close()
            except AssertionError as error:
                problems.append(error)
        threads = [threading.Thread(target=send) for _ in range(senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems, problems

    def push_until_dead(self):
        while self.daemon.process.poll() is None:
            self.push(range(self.batches, self.batches + 3))
            assert self.batches < 500, "it does not die"
        self.wait_for_death()

    def push_unanswered(self):
        """What nobody answered before it died: of some the daemon may find that it has them, and nobody may have synced them."""
        left = sorted(set(range(self.batches)) - self.answered)
        self.after_death += left
        self.push(left, 1)

    def look_and_add(self):
        self.ask(f"subscription {self.subscriptions}", "PUT", f"/v1/catalog/subscription/n{self.subscriptions}", subscription(f"n{self.subscriptions}"))
        self.subscriptions += 1
        self.daemon.settle()
        self.pulled.append(self.ask(f"pull {len(self.pulled)}", "GET", "/v1/charges?limit=10000")["charges"])

    def live(self):
        """A first start, segments that roll, a death between the manifest's new name and its sync, a rebuild, a death in the sync of a commit, a backup, and
        a restore of it."""
        self.start()
        self.ask("catalog", "PUT", "/v1/catalog", CATALOG)
        for first in (0, 6, 12):
            self.push(range(first, first + 6))
            self.look_and_add()
        self.daemon.stop()
        self.start(dies="6:/log/0000:/log/manifest:1")
        self.push_until_dead()
        self.start()
        self.push_unanswered()
        self.look_and_add()
        self.daemon.stop()
        self.command("rebuild")
        self.start(dies="2:/log/0000:/log/0000:5")
        self.push_until_dead()
        self.start()
        self.push_unanswered()
        self.push(range(self.batches, self.batches + 4))
        self.look_and_add()
        self.command("backup", os.path.join(self.disk, "backup"))
        self.command("restore", os.path.join(self.disk, "backup"), os.path.join(self.disk, "restored"))
        self.push(range(self.batches, self.batches + 2))
        self.daemon.stop()


# ---- the law ----

class Law(State):
    def check(self):
        daemon = self.daemon.start()
        assert daemon.status()["rater"]["epoch"] == 0, "it takes its own disk for a copy"
        self.check_catalog(daemon)
        self.check_events(daemon)
        self.check_charges(daemon)
        daemon.kill()
        self.check_command("audit", "--log")
        self.check_command("security", "--verify")  # what a crash left of it accuses nobody
        if "backup" in self.answered:
            self.check_command("backup", "--verify", os.path.join(self.disk, "backup"))
        if "restore" in self.answered:
            self.check_command("--set", f"data.directory={os.path.join(self.disk, 'restored')}", "repair", "--dry-run")

    def check_catalog(self, daemon):
        known = {row["key"] for row in daemon.get("/v1/catalog/subscription")["documents"]}
        said = {f"n{what.split()[1]}" for what in self.answered if what.startswith("subscription")}
        said |= {row["key"] for row in CATALOG["subscriptions"]} if "catalog" in self.answered else set()
        assert said <= known, ("documents are lost", said - known)
        everything = CATALOG["subscriptions"] + [subscription(f"n{i}") for i in range(self.recording.subscriptions)]
        daemon.apply({**CATALOG, "subscriptions": everything})

    def check_events(self, daemon):
        """All is sent again, in one request."""
        batches = self.recording.batches
        answer = daemon.call("POST", "/v1/events", body=all_of(batches), headers={"Content-Type": "application/json"}, key=SECRET)
        assert answer.status == 200, answer.body
        found = ["accepted"] * (batches * BATCH)
        for row in answer.json()["results"]:
            found[row["index"]] = row["result"]
        for number in range(batches):
            said, what = set(found[number * BATCH:(number + 1) * BATCH]), f"batch {number}"
            may = [{"duplicate"}] if what in self.answered else [{"duplicate"}, set(STORED)] if what in self.sent else [set(STORED)]
            assert any(said <= results for results in may), (what, said, "was answered" if what in self.answered else "was not answered")
        last = daemon.settle()["log"]["last_seq"]
        assert last == batches * BATCH, ("events are in the log twice", last, batches * BATCH)

    def check_charges(self, daemon):
        charges, lines = {row["number"]: row for row in daemon.listed("/v1/charges", "charges")}, {}
        for charge in charges.values():
            line = charge["subscription"], charge["period_start"][:7]
            lines[line] = lines.get(line, 0) + Fraction(charge["amount"])
        lines, wanted = {line: amount for line, amount in lines.items() if amount}, lines_of(self.recording.batches)
        assert lines == wanted, ("amounts", lines, wanted)
        for number, pulled in enumerate(self.recording.pulled):
            for charge in pulled if f"pull {number}" in self.answered else ():
                assert charges.get(charge["number"]) == charge, ("a charge that was handed out", charge, charges.get(charge["number"]))


# ---- states, and controls ----

def is_of(name, beside=None):
    def check(path, is_directory, is_own):
        return not is_directory and os.path.basename(path).startswith(name) and (beside is None or os.path.basename(os.path.dirname(path)) == beside)
    return check


MADE = "a segment is not synced when it is made"
CONTROLS = {
    "NOSYNC": is_of("data.mdb"),
    "NOMETASYNC": lambda path, is_directory, is_own: is_own and path.endswith("/data.mdb"),
    "no directory is synced": lambda path, is_directory, is_own: is_directory,
    "the manifest is not synced": is_of("manifest"),
    MADE: is_of("data.mdb", "spare.new"),  # it is synced again when it is opened: what is lost is a start between that and its name
}


def check_states(recording, records):
    rng, began = random.Random(SEED), time.monotonic()
    disk = power.Disk(recording.disk, records)
    answered = recording.times(disk)[1]
    assert {f"batch {number}" for number in range(recording.batches)} <= set(answered), "a batch was never answered"
    behind_answers = sorted(index + 1 for what, index in answered.items() if what.startswith("batch"))
    always = [(at, "nothing", 0) for at in rng.sample(behind_answers, min(20, STATES // 10))] + [(disk.end, "nothing", 0), (disk.end, "all", 0)]
    always += [(answered[f"batch {number}"] + 1, "nothing", 0) for number in recording.after_death]
    always += [(index + 1, "sectors", rng.randrange(1 << 32)) for index, path in disk.renamed for _ in range(4 if path.endswith("/data.mdb") else 1)]
    tried = always + power.moments(rng, disk, max(STATES - len(always), STATES // 2))
    check_all(Law, recording, disk, tried)
    print(f"{len(tried)} states of {disk.end} records, {len(disk.sends)} answers, {len(disk.names_at)} names: {time.monotonic() - began:.1f} s")


def check_control(name, recording, records):
    """Behind syncs that are left out, states are lost."""
    rng, disk = random.Random(SEED), power.Disk(recording.disk, records, CONTROLS[name])
    times = recording.times(disk)
    assert disk.left, f"{name}: nothing of that kind is synced"
    ways = ("nothing", "nothing", "sectors", "writes")
    behind = [index for index, path in disk.renamed if "/log/0000" in path] if name == MADE else disk.left
    tried = sorted((min(rng.choice(behind) + rng.randrange(1, 10 if name == MADE else 40), disk.end), rng.choice(ways), rng.randrange(1 << 32))
                   for _ in range(CONTROL_STATES))
    for count, moment in enumerate(tried, 1):
        wrong = broken(Law, recording, disk, times, moment)
        if wrong:
            print(f"{name}: seen in state {count}: {wrong.splitlines()[0][:160]}")
            return
    raise AssertionError(f"{name}: {CONTROL_STATES} states are right without it")


def main():
    print(f"seed {SEED}")
    with Life(Daemon(SETTINGS)) as recording:
        recording.live()
        records = recording.read()
        check_states(recording, records)
        for name in CONTROLS:
            check_control(name, recording, records)


if __name__ == "__main__":
    main()
