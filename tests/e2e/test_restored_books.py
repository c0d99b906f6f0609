"""Backup, more work, restore, go on: the books of whoever was told agree with meterd, whichever way they are kept.

Five keep books: receivers of webhooks by charge id and by message id, the demo's receiver, a client that pulls with a cursor of its own, and a consumer
whose cursor is meterd's. What was made between the backup and the restore they have, and meterd has not. Whatever happens, no charge id, number or message id
comes with other content than it had before.

By a seed: how often what is put back, whether it is the newest backup, what was on its way to the receivers at the time, what comes again first.
"""
import base64
import http.server
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from fractions import Fraction

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, end_process, free_port, wait_until  # noqa: E402

SEED = int(os.environ.get("METERD_SEED") or random.SystemRandom().randrange(1 << 32))
ROUNDS = int(os.environ.get("METERD_SEEDS") or 2)
SETTINGS = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"},
            "rater": {"grace": "0s", "draft_every": "0s"},
            "outbox": {"allow_loopback": True, "backoff_min": "1ms", "backoff_max": "20ms"}}
SUBSCRIPTIONS = 4


def catalog(destinations):
    return {
        "vendors": [{"key": "acme"}],
        "services": [{"key": "compute", "vendor": "acme"}],
        "meters": [{"key": "hours", "service": "compute", "event_type": "vm", "aggregation": "sum", "value": "hours"}],
        "tariffs": [{"key": "t", "currency": "EUR", "versions": [
            {"from": "2020-01-01", "components": [{"key": "hours", "meter": "hours", "per_unit": "0.25"}]}]}],
        "subscriptions": [{"key": f"s{i}", "service": "compute", "customer": "c", "tariff": "t", "start": "2025-12-01"}
                          for i in range(SUBSCRIPTIONS)],
        "destinations": destinations,
    }


def said(charge):
    return {name: value for name, value in charge.items() if name != "number"}


class Ever:
    """All that was ever told, by whichever way: one id, one content; one number, one id."""

    def __init__(self):
        self.ids, self.numbers, self.messages = {}, {}, {}

    def charge(self, charge):
        known = self.ids.setdefault(charge["id"], charge)
        assert known == charge, ("one id, two charges", known, charge)
        number = self.numbers.setdefault(charge["number"], charge["id"])
        assert number == charge["id"], ("one number, two charges", charge["number"], number, charge["id"])

    def message(self, name, body):
        known = self.messages.setdefault(name, body)
        assert known == body, ("one message id, two contents", name)


class Receiver:
    """Of webhooks. `knows`: it answers notices as docs/guide-billing.md says. Else it takes whatever comes, as one of before there were any."""

    def __init__(self, root, key, ever, knows):
        self.key, self.ever, self.knows = key, ever, knows
        self.by_message, self.by_charge, self.notices, self.problems = {}, {}, [], []
        self.lock, self.closed = threading.Lock(), False
        self.port = free_port()
        self.secret = os.path.join(root, f"{key}.secret")
        with open(self.secret, "w") as f:
            f.write("whsec_" + base64.b64encode(b"k" * 32).decode())
        os.chmod(self.secret, 0o600)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status, answer = receiver.take(self.headers["webhook-id"], body)
                except AssertionError as error:
                    receiver.problems.append(error)
                    status, answer = 400, {}
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def document(self):
        return {"key": self.key, "kind": "http", "url": f"http://127.0.0.1:{self.port}/", "secret_files": [self.secret], "drafts": True,
                "batch_max": 3, "timeout": "5s"}

    def take(self, name, body):
        with self.lock:
            self.ever.message(name, body)
            if self.closed:
                return 503, {}
            message = json.loads(body)
            if message["type"] == "restored" and self.knows:
                return 200, self.reconcile(message["data"])
            if message["type"] == "restored":
                self.notices.append(message["data"])
            if name in self.by_message:
                return 200, {}
            self.by_message[name] = message["data"]["charges"]
            for charge in message["data"]["charges"]:
                self.ever.charge(charge)
                assert charge["id"] not in self.by_charge, ("a charge in two messages", charge)
                self.by_charge[charge["id"]] = charge
            return 200, {}

    def reconcile(self, data):
        self.notices.append(data)
        self.take_back(data["valid_up_to"])
        return {"reconciled": data["epoch"], "up_to": max([c["number"] for c in self.by_charge.values()], default=0)}

    def take_back(self, valid_up_to):
        self.by_message = {m: charges for m, charges in self.by_message.items() if not charges or charges[-1]["number"] <= valid_up_to}
        self.by_charge = {charge["id"]: charge for charges in self.by_message.values() for charge in charges}  # whole messages

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Demo:
    """config/demo/receiver.py, which keeps totals."""

    def __init__(self, root):
        self.port, self.totals = free_port(), os.path.join(root, "totals.json")
        self.secret = os.path.join(root, "demo.secret")
        with open(self.secret, "w") as f:
            f.write("whsec_" + base64.b64encode(b"d" * 32).decode())
        os.chmod(self.secret, 0o600)
        self.process = subprocess.Popen([sys.executable, "config/demo/receiver.py", "--port", str(self.port), "--secret-file", self.secret,
                                         "--totals", self.totals, "--stumble", "3"])
        wait_until("the demo's receiver", lambda: os.path.exists(self.totals))

    def document(self):
        return {"key": "demo", "kind": "http", "url": f"http://127.0.0.1:{self.port}/", "secret_files": [self.secret], "drafts": False, "batch_max": 3,
                "timeout": "5s"}

    def booked(self):
        with open(self.totals) as f:
            totals = json.load(f)
        assert not totals["refused"], totals
        return sum((Fraction(amount) for row in totals["booked"].values() for amount in row.values()), Fraction(0))


class Puller:
    """`consumer`: meterd keeps its cursor."""

    def __init__(self, ever, consumer=None):
        self.ever, self.consumer, self.booked, self.lost = ever, consumer, {}, 0

    def cursor(self):
        return max(self.booked, default=0)

    def pull(self, daemon):
        while True:
            where = f"consumer={self.consumer}" if self.consumer else f"after={self.cursor()}"
            answer = daemon.call("GET", f"/v1/charges?limit=5&{where}")
            page = answer.json()
            if answer.status == 409:
                self.take_back(daemon, page)
                continue
            assert answer.status == 200, answer.body
            for charge in page["charges"]:
                self.ever.charge(charge)
                assert self.booked.setdefault(charge["number"], charge) == charge
            if self.consumer and page["charges"]:
                answer = daemon.call("POST", "/v1/charges/ack", body={"consumer": self.consumer, "up_to": page["next_after"]})
                assert answer.status == 200 and answer.json() == {"up_to": page["next_after"]}, answer.body
            if not page["has_more"]:
                return

    def take_back(self, daemon, problem):
        assert problem["code"] == "request.cursor.lost", problem
        self.lost += 1
        self.booked = {number: charge for number, charge in self.booked.items() if number <= problem["valid_up_to"]}
        if self.consumer:
            body = {"consumer": self.consumer, "epoch": problem["epoch"], "up_to": self.cursor()}
            answer = daemon.call("POST", "/v1/charges/ack", body=body)
            assert answer.status == 200, answer.body


def sums(charges):
    lines = {}
    for charge in charges:
        line = charge["subscription"], charge["period_start"]
        lines[line] = lines.get(line, 0) + Fraction(charge["amount"])
    return {line: amount for line, amount in lines.items() if amount}


class World:
    def __init__(self, daemon, rng):
        self.daemon, self.rng, self.ever, self.counted = daemon, rng, Ever(), {}
        self.key, self.sent, self.backups = None, [], []
        self.receiver = Receiver(daemon.root, "erp", self.ever, True)
        self.older = Receiver(daemon.root, "older", self.ever, False)
        self.demo = Demo(daemon.root)
        self.pullers = [Puller(self.ever), Puller(self.ever, "books")]
        daemon.apply(catalog([self.receiver.document(), self.older.document(), self.demo.document()]))
        self.key = daemon.vendor_key("acme")

    def send(self, events):
        answer = self.daemon.call("POST", "/v1/events", body=events, key=self.key)
        assert answer.status == 200 and answer.json()["invalid"] == 0, answer.body
        self.daemon.settle()

    def work(self, steps):
        for _ in range(steps):
            events = [{"id": f"e{len(self.sent)}-{i}", "type": "vm", "subject": f"s{self.rng.randrange(SUBSCRIPTIONS)}",
                       "time": f"2026-0{self.rng.randrange(1, 4)}-{self.rng.randrange(1, 28):02}T10:00:00Z", "data": {"hours": self.rng.randrange(1, 100)}}
                      for i in range(self.rng.randrange(1, 5))]
            self.sent.append(events)
            self.send(events)
            if self.rng.random() < 0.5:
                self.rng.choice(self.pullers).pull(self.daemon)

    def expected(self):
        lines = {}
        for event in (event for events in self.sent for event in events):
            line = event["subject"], event["time"][:7]
            lines[line] = lines.get(line, 0) + Fraction(event["data"]["hours"], 4)
        return lines

    def charges(self):
        return list(self.daemon.listed("/v1/charges", "charges"))

    def delivered(self):
        last = self.daemon.status()["rater"]["last_charge"]

        def has_all():
            for receiver in (self.receiver, self.older):
                assert not receiver.problems, receiver.problems
                if max([c["number"] for c in receiver.by_charge.values()], default=0) != last:
                    return False
            return not any(self.daemon.get(f"/v1/outbox?state={state}")["messages"] for state in ("pending", "attempted"))
        wait_until("all charges at the receivers", has_all)

    def agree(self):
        self.daemon.settle()
        self.delivered()
        for puller in self.pullers:
            puller.pull(self.daemon)
        ours = sums(self.charges())
        wanted = {(s, t): a for (s, t), a in self.expected().items()}
        assert {(s, t[:7]): a for (s, t), a in ours.items()} == wanted, (ours, wanted)
        books = {
            "pull": [c for c in self.pullers[0].booked.values()],
            "consumer": [c for c in self.pullers[1].booked.values()],
            **{f"{r.key} by charge": list(r.by_charge.values()) for r in (self.receiver, self.older)},
            **{f"{r.key} by message": [c for charges in r.by_message.values() for c in charges] for r in (self.receiver, self.older)},
        }
        for how, booked in books.items():
            assert sums(booked) == ours, (how, sums(booked), ours)
        wait_until("the demo's totals", lambda: self.demo.booked() == sum(ours.values()))

    def hold(self, is_closed):
        for receiver in (self.receiver, self.older):
            with receiver.lock:
                receiver.closed = is_closed

    def back_up(self):
        target = os.path.join(self.daemon.root, f"backup-{len(self.backups)}")
        self.daemon.command("backup", target)
        self.backups.append(target)

    def put_back(self, backup):
        self.daemon.kill() if self.rng.random() < 0.5 else self.daemon.stop()
        shutil.rmtree(self.daemon.data)
        shutil.copytree(backup, self.daemon.data)
        if self.rng.random() < 0.5:  # killed once the epoch has begun, maybe before the directory is no copy any more: then another one begins
            said, before = "these stores were put back from a copy", self.stderr()
            self.daemon.start(wait=False)
            wait_until("the epoch", lambda: self.stderr().count(said) > before.count(said))
            self.daemon.kill()
        self.daemon.start()

    def stderr(self):
        with open(self.daemon.stderr_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def only_notices(self, had):
        """What the older receiver got since: a notice, and nothing else until somebody says what it has."""
        notice = wait_until("the notice that waits for an operator", lambda: [
            m for m in self.daemon.get("/v1/outbox?destination=older&state=rejected")["messages"] if m["type"] == "restored"])[-1]
        assert set(self.older.by_charge) == had, "a charge went out before its receiver was reconciled"
        self.older.take_back(notice["valid_up_to"])
        done = self.daemon.command("charges", "--delivered", notice["id"], check=False)
        assert done.returncode == 1 and "the number of the last charge that the receiver still has" in done.stderr, done
        while True:
            has = max([c["number"] for c in self.older.by_charge.values()], default=0)
            done = self.daemon.command("charges", "--delivered", notice["id"], "--up-to", str(has), check=False)
            if done.returncode == 0:
                break
            self.older.take_back(int(re.search(r"behind number (\d+) is to be taken back", done.stderr)[1]))
        settled = self.daemon.get("/v1/outbox?destination=older&limit=10000")["messages"]
        for message in settled:
            if message["state"] == "unknown":
                self.daemon.command("charges", "--retry", message["id"])


def check(seed):
    rng = random.Random(seed)
    with Daemon(SETTINGS) as daemon:
        world = World(daemon, rng)
        try:
            go(world, rng)
        finally:
            world.receiver.close()
            world.older.close()
            end_process(world.demo.process)


def go(world, rng):
    world.work(3)
    world.agree()
    epochs, lost = [0], 0
    for _ in range(3):
        world.hold(rng.random() < 0.5)  # then messages wait in the backup that are delivered after it
        world.work(rng.randrange(1, 3))
        world.back_up()
        world.hold(False)
        world.work(rng.randrange(2, 5))
        world.delivered()
        had, booked = set(world.older.by_charge), world.pullers[0].cursor()
        world.put_back(rng.choice(world.backups[-2:]))
        epochs.append(world.daemon.status()["rater"]["epoch"])
        assert epochs[-1] > epochs[-2], epochs
        world.work(rng.randrange(0, 2))  # something new comes before what was lost comes again
        world.only_notices(had)
        for events in world.sent:
            if rng.random() < 0.7:
                world.send(events)
        for events in world.sent:
            world.send(events)
        world.agree()
        assert world.receiver.notices[-1]["epoch"] == epochs[-1], world.receiver.notices
        lost += booked > int(re.findall(r"handed out behind number (\d+) are void", world.stderr())[-1])
        world.daemon.stop()
        world.daemon.start()
        assert world.daemon.status()["rater"]["epoch"] == epochs[-1], "a start of its own directory is no restore"
    assert [puller.lost for puller in world.pullers] == [lost, 3], (lost, [puller.lost for puller in world.pullers])
    done = world.daemon.command("audit", "--log", check=False)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    world.daemon.stop()
    os.remove(os.path.join(world.daemon.data, "life"))  # as whoever puts a snapshot of the file system back says it
    world.daemon.start()
    assert world.daemon.status()["rater"]["epoch"] > epochs[-1]


def main():
    print(f"seed {SEED}")
    for i in range(ROUNDS):
        check(SEED + i)
    print("books by charge, by message, by pull and by consumer agree after each restore; no id and no number is of two charges")


main()
