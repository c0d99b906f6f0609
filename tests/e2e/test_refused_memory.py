#!/usr/bin/python3
"""Memory that is refused, here and there, while a daemon starts and while it works. At the start it says so and ends, or goes on; at work it goes
on. Who sends events is told 200 or 503 and nothing else; what was acknowledged is in the log once, is billed once, and reaches the receiver once.

METERD_ALLOCATIONS: so many are refused at work, and a twentieth of it at starts.
"""
import base64
import datetime
import http.client
import http.server
import json
import mmap
import os
import random
import struct
import sys
import threading
from decimal import Decimal

from daily import DAYS, Vendor, billed, published, row, source
from harness import BUILD, WAIT_S, Daemon, skip, wait_until

SHIM = os.path.abspath(os.path.join(BUILD, "tests", "memory_shim.so"))
SEED = int(os.environ.get("METERD_SEED", str(random.SystemRandom().randrange(1, 1 << 32))))
REFUSALS = int(os.environ.get("METERD_ALLOCATIONS", "300"))
GAP = 60  # so many allocations lie between two that are refused, at most
ANSWER_S = 10
SUBJECTS = 4
PRICE = Decimal("0.05")
NOW = datetime.datetime.now(datetime.timezone.utc)
MONTH = DAYS[0][:8] + "01"


class Plan:
    """What is refused: the memory that the shim and the test share."""
    FIELDS = ("asked", "next", "gap", "seed", "refused")

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(bytes(8 * len(self.FIELDS)))
        with open(path, "r+b") as f:
            self.bytes = mmap.mmap(f.fileno(), 0)

    def get(self, field):
        return struct.unpack_from("Q", self.bytes, 8 * self.FIELDS.index(field))[0]

    def set(self, field, value):
        struct.pack_into("Q", self.bytes, 8 * self.FIELDS.index(field), value)

    def refuse(self, number, gap=0):
        """The one of that number from now on, and others behind it; 0: none."""
        self.set("gap", gap)
        self.set("next", self.get("asked") + number if number else 0)


class Receiver(http.server.ThreadingHTTPServer):
    """Counts each charge once, by its id."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Hook)
        self.charges = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def total(self):
        return sum(Decimal(charge["amount"]) for charge in list(self.charges.values()))


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for charge in json.loads(self.rfile.read(int(self.headers["content-length"])))["data"]["charges"]:
            known = self.server.charges.setdefault(charge["id"], charge)
            assert known == charge, (known, charge)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def catalog(receiver, secret, vendor):
    start = (NOW - datetime.timedelta(days=3)).date().isoformat()
    return {
        "vendors": [{"key": "acme"}], "services": [{"key": "svc", "vendor": "acme"}],
        "meters": [{"key": "use", "service": "svc", "event_type": "use", "value": "amount", "group_by": ["region"]},
                   {"key": "m", "service": "svc", "event_type": "vm.hour", "value": "quantity"},
                   {"key": "users", "service": "svc", "event_type": "use", "aggregation": "unique", "value": "user"}],
        "tariffs": [{"key": "std", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
            {"key": "use", "meter": "use", "group_by": ["region"], "per_unit": str(PRICE)}, {"key": "m", "meter": "m", "per_unit": "1"}]}]}],
        "sources": [source("polled", vendor.server_port, window={"length": "month", "start": MONTH, "open": "1s", "rereads": ["40d"]})],
        "subscriptions": [{"key": f"s{i}", "service": "svc", "subject": f"sub{i}", "customer": "c", "tariff": "std", "start": start,
                           **({"billing": {"every": "day"}} if i % 2 else {})} for i in range(SUBJECTS)],
        "destinations": [{"key": "hook", "kind": "http", "url": f"http://127.0.0.1:{receiver.server_port}/", "secret_files": [secret],
                          "drafts": True, "timeout": "2s"}],
    }


class World:
    def __init__(self):
        self.random = random.Random(SEED)
        self.receiver, self.vendor = Receiver(), Vendor()
        self.daemon = Daemon({"log": {"segment_bytes": "8MiB", "segment_events_max": 4096}, "rater": {"draft_every": "0s"},
                              "outbox": {"allow_loopback": True, "backoff_min": "5ms", "backoff_max": "100ms"}, "poller": {"allow_loopback": True}})
        self.plan = Plan(os.path.join(self.daemon.root, "plan"))
        self.daemon.preload(SHIM, METERD_MEMORY_FILE=os.path.join(self.daemon.root, "plan"))
        self.sent, self.number = {}, 0
        self.ends, self.wrong, self.said = 0, 0, set()
        self.ends_at_start = 0
        self.is_over = False

    def open(self):
        secret = os.path.join(self.daemon.root, "secret")
        with open(secret, "w", encoding="utf-8") as f:
            f.write("whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode())
        os.chmod(secret, 0o600)
        self.daemon.start()
        self.catalog = catalog(self.receiver, secret, self.vendor)
        self.daemon.apply(self.catalog)
        self.key = self.daemon.vendor_key("acme")

    def batch(self):
        """New events, some of before, some of a subject that nobody has."""
        events = []
        for _ in range(self.random.choice((1, 20, 200))):
            self.number += 1
            subject = f"sub{self.random.randrange(SUBJECTS)}" if self.random.random() > 0.05 else "nobody"
            at = NOW - datetime.timedelta(seconds=self.random.randrange(60, 60 * 3600))
            events.append({"id": f"e{self.number}", "source": "s", "type": "use", "subject": subject, "time": at.isoformat(),
                           "data": {"amount": f"{self.random.randrange(1, 400)}", "user": f"u{self.number % 50}", "region": f"r{self.random.randrange(5)}"}})
        again = self.random.sample(sorted(self.sent), min(len(self.sent), self.random.choice((0, 0, 3, 40))))
        return events, events + [self.sent[name] for name in again]

    def ask(self, method, path, body=None, key=None):
        """The answer, or None where the connection broke; who ended is started again, in peace."""
        try:
            answer = self.daemon.call(method, path, body, key=key, timeout=ANSWER_S)
        except TimeoutError:
            self.wrong += 1
            self.said.add((0, f"{method} {path}: no answer"))
            answer = None
        except (OSError, http.client.HTTPException):
            answer = None
        if answer and answer.status not in (200, 503):
            self.wrong += 1
            self.said.add((answer.status, f"{method} {path}: {answer.body.decode()}"))
        return answer

    def note_end(self):
        if self.daemon.process.poll() is None:
            return
        self.ends += 1
        self.said.add((self.daemon.process.returncode, self.daemon.log_lines().splitlines()[-2][-160:]))
        gap = self.plan.get("gap")
        self.plan.refuse(0)
        self.daemon.stderr.close()
        self.daemon.start()
        self.plan.refuse(GAP, gap)

    def send(self):
        new, events = self.batch()
        while True:
            answer = self.ask("POST", "/v1/events", events, self.key)
            self.note_end()
            if answer and answer.status == 200:
                break
        counts = answer.json()
        assert sum(counts[result] for result in ("accepted", "duplicate", "held", "late")) == len(events), answer.body
        self.sent.update({event["id"]: event for event in new})

    def work(self, refusals):
        self.plan.set("seed", SEED)
        before = self.plan.get("refused")
        self.plan.refuse(GAP, GAP)
        round_number = 0
        reader = threading.Thread(target=self.read)
        reader.start()
        while self.plan.get("refused") - before < refusals:
            round_number += 1
            self.send()
            self.restate()
            if round_number % 8 == 0:
                self.catalog["tariffs"][0]["name"] = f"after {round_number}"
                self.ask("PUT", "/v1/catalog", json.dumps(self.catalog))
        self.is_over = True
        reader.join()
        self.plan.refuse(0)
        try:
            self.daemon.settle()
        except (OSError, http.client.HTTPException, AssertionError):
            self.daemon.process.wait(WAIT_S)
            self.note_end()

    def restate(self):
        """What the vendor publishes of the month that is not over: some rows are new, or say something else."""
        self.vendor.rows[(MONTH, None)] = [{**row(f"row-{i}", DAYS[i % 3], 10 + self.random.randrange(3)), "account": f"sub{i % SUBJECTS}"}
                                           for i in range(self.random.randrange(18, 21))]

    def read(self):
        """What others ask meanwhile."""
        rng = random.Random(SEED)
        while not self.is_over:
            self.ask("GET", rng.choice(("/v1/usage?window=day", "/v1/charges?limit=200", "/v1/status", "/v1/held", "/v1/events?limit=100", "/v1/outbox",
                                        "/v1/quarantine", "/v1/credits?customer=c", "/v1/margins", "/v1/catalog/tariffs", "/v1/clock", "/v1/charges/waiting")))

    def starts(self, count):
        """One start for each, of which one allocation is refused."""
        self.daemon.stop()
        begun = self.plan.get("asked")
        self.daemon.start()
        most = self.plan.get("asked") - begun
        for _ in range(count):
            self.daemon.kill()
            size = os.path.getsize(self.daemon.stderr_path)
            self.plan.refuse(self.random.randrange(1, most))
            self.daemon.start(wait=False)
            try:
                wait_until("readiness", self.daemon.ready)
            except AssertionError:
                code = self.daemon.process.poll()
                with open(self.daemon.stderr_path, encoding="utf-8") as f:
                    said = f.read()[size:]
                assert (code, "cannot start: " in said) == (1, True) or (code, "out of memory" in said) == (78, True), (code, said)
                self.ends_at_start += 1
                self.plan.refuse(0)
                self.daemon.stderr.close()
                self.daemon.start()
            self.plan.refuse(0)
        return most

    def check(self):
        for verb in ("pause", "resume"):  # a reading that has failed waits for longer each time
            self.daemon.command("source", verb, "polled")
        wait_until("what is published", lambda: billed(self.daemon) == published(self.vendor))
        self.daemon.settle()
        counted = sum(Decimal(e["data"]["amount"]) for e in self.sent.values() if e["subject"] != "nobody")
        stored = {event["id"]: event for event in self.daemon.listed("/v1/events", "events")}
        log = [event["id"] for event in self.daemon.listed("/v1/events", "events") if event["source"] == "s"]
        assert sorted(log) == sorted(self.sent), (len(log), len(self.sent), set(log) ^ set(self.sent))
        assert all(stored[name]["data"] == {k: str(v) for k, v in e["data"].items()} for name, e in self.sent.items())
        charged = sum(Decimal(charge["amount"]) for charge in self.daemon.listed("/v1/charges", "charges"))
        polled = sum(published(self.vendor).values())
        assert charged == counted * PRICE + polled, (charged, counted * PRICE, polled)
        wait_until("the receiver has all", lambda: self.receiver.total() == charged)
        self.daemon.command("audit", "--log")


def main():
    if any(name in BUILD for name in ("asan", "tsan")):
        skip("the sanitizers have an allocator of their own")
    print(f"METERD_SEED={SEED}", flush=True)
    world = World()
    try:
        world.open()
        for _ in range(6):
            world.send()
        world.check()
        world.work(REFUSALS)
        refused = world.plan.get("refused")
        world.check()
        starts = max(20, REFUSALS // 20)
        most = world.starts(starts)
        world.check()
        print(f"{refused} refused at work: {world.ends} ended the daemon, {world.wrong} made a wrong answer; {starts} at one of a start's {most}: "
              f"{world.ends_at_start} ended it with a sentence; {len(world.sent)} events", flush=True)
        assert not world.ends and not world.wrong, sorted(world.said)
        world.daemon.stop()
    except BaseException:
        print(world.daemon.log_lines(), file=sys.stderr)
        if world.daemon.process.poll() is None:
            world.daemon.kill()
        raise


main()
