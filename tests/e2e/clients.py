"""Vendors and receivers around a daemon that is killed again and again, and their own records: the oracle's only source.

A vendor sends batches one after the other, and keeps each until it has its 200, byte for byte. What every event must be answered with is
known before it is sent. Nothing here reads what meterd keeps.
"""
import base64
import datetime
import gzip
import hashlib
import hmac
import http.client
import http.server
import json
import random
import threading
import time
from fractions import Fraction

import oracle

try:
    import msgpack
except ImportError:
    msgpack = None
try:
    import zstandard
except ImportError:
    zstandard = None

DAY_US = 86400 * 1000000
OK_RESULTS = ("accepted", "held", "late", "voided", "duplicate")
COUNTS = ("accepted", "duplicate", "held", "late", "voided", "conflict", "expired", "future", "invalid", "not_active", "not_authorized",
          "unprocessed")


class Number(str):
    """A number as it is written on the wire."""


def to_json(value):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k) + ":" + to_json(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(to_json(v) for v in value) + "]"
    return json.dumps(value)


def plain(value):
    """For msgpack, whose batches hold whole numbers only: others would be floats there."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return int(value) if isinstance(value, Number) else value


def time_text(time_us, offset_minutes=0):
    zone = datetime.timezone(datetime.timedelta(minutes=offset_minutes))
    moment = datetime.datetime(1970, 1, 1, tzinfo=oracle.UTC) + datetime.timedelta(microseconds=time_us)
    return moment.astimezone(zone).isoformat(timespec="microseconds")


def canonical(event, vendor):
    """Content, compared by value: how a number or an instant was written does not matter."""
    data = frozenset((k, "number" if isinstance(v, (Number, int, Fraction)) and not isinstance(v, bool) else type(v).__name__,
                      Fraction(v) if isinstance(v, (Number, int, Fraction)) and not isinstance(v, bool) else v)
                     for k, v in event.get("data", {}).items())
    at = oracle.instant_us(event["time"]) if event.get("time") else None
    return vendor, event.get("source", vendor), event["id"], event["type"], event["subject"], at, data


class Sent:
    """One event of a batch: what it is, what it must be answered with, and what it was."""

    def __init__(self, event, vendor, may, stored_as=None, shares=None):
        self.event, self.vendor = event, vendor
        self.may = may              # results of the first answer
        self.stored_as = stored_as  # disposition in the log, when it is stored
        self.shares = shares        # an earlier Sent with the same content: stored once for both
        self.result = None          # first definite result
        self.was_stored = False

    def again(self):
        """What the same bytes are answered with after they were answered once."""
        if self.stored_as in ("normal", "void"):
            return {"duplicate"} if self.was_stored else {self.result}
        return {self.result}


class Batch:
    def __init__(self, events, body, headers):
        self.events, self.body, self.headers = events, body, headers
        self.tries = 0
        self.before_us = None


def results_are_repeats(batch, results):
    return any(r == "duplicate" for s, r in zip(batch.events, results) if s.stored_as in ("normal", "void") and not s.shares)


class Vendor(threading.Thread):
    """Sends until told to end; then until its last batch is answered."""

    def __init__(self, world, name, vendor, key, subjects, seed):
        super().__init__(name=name, daemon=True)
        self.world, self.vendor, self.key, self.subjects = world, vendor, key, subjects
        self.random = random.Random(seed)
        self.source = name
        self.counter = 0
        self.known = []     # Sent of stored usage, with its first batch answered
        self.own_voids = []
        self.answered = []
        self.connection = None
        self.life = 0
        self.failure = None
        self.counts = dict.fromkeys(COUNTS, 0)
        self.events_sent = 0
        self.unanswered = 0

    # ---- events ----

    def next_id(self):
        self.counter += 1
        return f"{self.name}/{self.counter}"

    def usage(self, **changes):
        r = self.random
        event = {"id": self.next_id(), "source": self.source, "type": r.choice(("cpu", "cpu", "calls", "storage", "jobs", "gpu", "odd")),
                 "subject": r.choice(self.subjects)}
        back_us = r.choice((r.randrange(600 * 10 ** 6, 3600 * 10 ** 6), r.randrange(600 * 10 ** 6, 28 * DAY_US)))
        event["time"] = time_text(int(time.time() * 10 ** 6) - back_us, r.choice((0, 60, 330, -300)))
        amount = r.choice((str(r.randrange(0, 400)), f"{r.randrange(0, 90)}.{r.randrange(1, 10 ** 6):06}", f"-{r.randrange(1, 9)}.5"))
        value = Number(amount) if r.random() < 0.7 else amount
        event["data"] = {"amount": value, "region": r.choice(("eu", "us", "ap")), "user": f"u{r.randrange(40)}", "spot": r.random() < 0.5,
                         "seconds": r.choice((0, r.randrange(1, 900), r.randrange(1, 20000)))}
        if r.random() < 0.1:
            del event["data"]["region"]
        if r.random() < 0.02:
            del event["time"]
        event.update(changes)
        return event

    def fresh(self):
        event = self.usage()
        if event["type"] == "gpu" and self.random.random() < 0.1:
            event["data"]["amount"] = "many"  # no number: refused once the meter is known, in quarantine for it before
            return Sent(event, self.vendor, {"held", "invalid"}, "normal")
        return Sent(event, self.vendor, {"accepted", "held", "late"}, "normal")

    def pick(self, here):
        """Stored usage of this batch, or of an earlier one."""
        return self.random.choice(here if here and (not self.known or self.random.random() < 0.3) else self.known)

    def repeat(self, here):
        choice = self.pick(here)
        return Sent(choice.event, self.vendor, {"duplicate"}, "normal", shares=choice)

    def conflict(self, here):
        choice = self.pick(here)
        event = dict(choice.event, data=dict(choice.event["data"], amount=Number(str(100000 + self.counter)), note="other"))
        self.counter += 1
        return Sent(event, self.vendor, {"conflict"}, "conflict")

    def void(self, here):
        choice = self.pick(here)
        event = {"id": self.next_id(), "source": self.source, "type": "meterd.void", "subject": choice.event["subject"],
                 "time": time_text(int(time.time() * 10 ** 6)), "data": {"id": choice.event["id"]}}
        sent = Sent(event, self.vendor, {"voided"}, "void")
        sent.target = choice
        return sent

    def odd_time(self):
        days, result = self.random.choice(((-60, "expired"), (2, "future")))
        event = self.usage(time=time_text(int(time.time() * 10 ** 6) + days * DAY_US))
        return Sent(event, self.vendor, {result}, result)

    def refused(self):
        kind = self.random.randrange(5)
        now_us = int(time.time() * 10 ** 6)
        if kind == 0:
            return Sent(self.usage(type="cpu", subject=self.subjects[0], data={"amount": "lots"}), self.vendor, {"invalid"})
        if kind == 1:
            return Sent(self.usage(type="meterd.void", data={"id": "never-sent"}, time=time_text(now_us)), self.vendor, {"invalid"})
        if kind == 2:
            return Sent(self.usage(type="cpu", subject=self.subjects[0], data={"amount": Number("0.0000000000001")}), self.vendor, {"invalid"})
        if kind == 3:
            return Sent(self.usage(type="cpu", subject=self.world.foreign[self.vendor]), self.vendor, {"not_authorized"})
        early = time_text(self.world.start_us - self.random.randrange(1, 2 * DAY_US))
        return Sent(self.usage(type="cpu", subject=self.subjects[0], time=early), self.vendor, {"not_active"})

    def next_batch(self):
        r = self.random
        events = []
        for _ in range(r.choice((1, 3, 20, 20, 60, 60, 150, 150, 1000))):
            here = [s for s in events if s.stored_as == "normal" and not s.shares and s.event.get("time") and s.event["data"]["amount"] != "many"]
            dice = r.random()
            if dice < 0.80 or not (here or self.known):
                events.append(self.fresh())
            elif dice < 0.86:
                events.append(self.repeat(here))
            elif dice < 0.89:
                events.append(self.conflict(here))
            elif dice < 0.94:
                events.append(self.void(here))
            elif dice < 0.96:
                events.append(self.odd_time())
            else:
                events.append(self.refused())
        return Batch(events, *self.encode([s.event for s in events]))

    def encode(self, events):
        r = self.random
        whole = all("." not in v for e in events for v in e["data"].values() if isinstance(v, Number))
        form = r.choice(("json", "ndjson", "msgpack", "rows"))
        if form in ("msgpack", "rows") and (msgpack is None or not whole):
            form = "json"
        headers = {"Content-Type": "application/json"}
        if form == "json":
            body = (to_json(events) if len(events) > 1 else to_json(events[0])).encode()
        elif form == "ndjson":
            headers["Content-Type"] = "application/x-ndjson"
            body = "".join(to_json(e) + "\n" for e in events).encode()
        elif form == "msgpack":
            headers["Content-Type"] = "application/msgpack"
            body = msgpack.packb([plain(e) for e in events])
        else:
            headers["Content-Type"] = "application/msgpack"
            names = sorted({k for e in events for k in e["data"]})
            fields = ["id", "source", "type", "subject", "time"]
            rows = [[e.get(f) for f in fields] + [plain(e["data"].get(n)) for n in names] for e in events]
            body = msgpack.packb({"fields": fields + [f"data.{n}" for n in names], "rows": rows})
        coding = r.choice((None, None, "gzip", "zstd"))
        if coding == "gzip":
            body = gzip.compress(body, 1)
        if coding == "zstd" and zstandard:
            body = zstandard.ZstdCompressor(level=1).compress(body)
        if coding == "gzip" or coding == "zstd" and zstandard:
            headers["Content-Encoding"] = coding
        return body, headers

    # ---- delivery ----

    def post(self, batch):
        """The answer, or None when what became of the batch is not known."""
        try:
            if self.connection is None:
                self.life = self.world.life
                self.connection = http.client.HTTPConnection("127.0.0.1", self.world.daemon.port, timeout=120)
            self.connection.request("POST", "/v1/events", batch.body, {**batch.headers, "Authorization": f"Bearer {self.key}"})
            self.world.note_sent()
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            self.world.wait_life(self.life + 1)
            return None
        assert answer.status in (200, 503), (answer.status, body)
        if answer.status == 200:
            return json.loads(body)
        self.world.pause.wait(0.02)  # "send it again": it is stopping, or its queue is full
        return None

    def deliver(self, batch):
        while True:
            batch.tries += 1
            batch.before_us = batch.before_us or int(time.time() * 10 ** 6)
            answer = self.post(batch)
            if answer is not None:
                return answer
            self.unanswered += 1
            assert batch.tries < 1000, "a batch is never answered"

    def results_of(self, batch, answer):
        results = ["accepted"] * len(batch.events)
        for row in answer["results"]:
            results[row["index"]] = row["result"]
        for name in COUNTS:
            assert answer[name] == results.count(name), (name, answer)
            self.counts[name] += answer[name]
        assert sum(answer[name] for name in COUNTS) == len(batch.events), answer
        self.events_sent += len(batch.events)
        return results

    def take_first(self, batch, results):
        """All of a batch's new usage was stored by an earlier try that was not answered, or nothing of it."""
        after_us = int(time.time() * 10 ** 6)
        new = [(s, r) for s, r in zip(batch.events, results) if s.stored_as in ("normal", "void") and not s.shares and r != "invalid"]
        repeated = [r == "duplicate" for _, r in new]
        assert all(repeated) or not any(repeated), ("a batch was stored in part", results)
        assert batch.tries > 1 or not any(repeated), ("duplicate at the first try", results)
        for sent, result in zip(batch.events, results):
            allowed = set(sent.may) | ({"duplicate"} if batch.tries > 1 and sent.stored_as in ("normal", "void") else set())
            assert result in allowed, (sent.event, result, allowed)
            sent.result = result
            sent.was_stored = result in OK_RESULTS or result in ("conflict", "expired", "future")
            if sent.stored_as == "normal" and not sent.shares and result in ("accepted", "late"):
                self.check_late(sent, result, batch.before_us, after_us)
        self.known += [s for s, r in new if s.stored_as == "normal" and s.event.get("time") and s.event["data"]["amount"] != "many"]

    def check_late(self, sent, result, before_us, after_us):
        if not sent.event.get("time"):
            return
        ends = self.world.period_ends(sent.event["subject"], oracle.instant_us(sent.event["time"]))
        closes_us = [end + self.world.grace_us for end in ends]
        if ends and max(closes_us) < before_us - 10 ** 6:
            assert result == "late", sent.event
        if ends and min(closes_us) > after_us + 10 ** 6:
            assert result == "accepted", sent.event

    def deliver_twice(self, batch):
        """The same batch over two connections at once, as a sender does that gave up too early: stored by one of them, if by any answered one."""
        twin, answers = Vendor(self.world, self.name, self.vendor, self.key, self.subjects, 0), []
        thread = threading.Thread(target=lambda: answers.append(twin.post(batch)))
        thread.start()
        answer = self.deliver(batch)
        thread.join(120)
        if twin.connection:
            twin.connection.close()
        results = self.results_of(batch, answer)
        if not answers or not answers[0]:
            batch.tries += 1  # it may have stored the batch all the same
            return results
        other = self.results_of(batch, answers[0])
        for sent, one, two in zip(batch.events, results, other):
            if sent.stored_as in ("normal", "void") and not sent.shares and "invalid" not in (one, two):
                assert "duplicate" in (one, two), ("stored twice", sent.event)
                assert batch.tries > 1 or one != two, ("stored by neither", sent.event)
        return other if batch.tries == 1 and results_are_repeats(batch, results) else results

    def run(self):
        try:
            while not self.world.ending:
                batch = self.next_batch()
                twice = self.random.random() < 0.1
                results = self.deliver_twice(batch) if twice else self.results_of(batch, self.deliver(batch))
                self.take_first(batch, results)
                self.answered.append(batch)
                if self.random.random() < 0.2:
                    self.resend(self.random.choice(self.answered[-40:]))
        except BaseException as error:  # told to the main thread, which ends the test
            self.failure = error
            self.world.failed.set()

    def resend(self, batch):
        results = self.results_of(batch, self.deliver(batch))
        for sent, result in zip(batch.events, results):
            assert result in sent.again(), ("sent again", sent.event, sent.result, result)


# ---- receivers ----

class Receiver:
    """A billing backend: takes each webhook-id once, checks every signature, and misbehaves by a seed."""

    def __init__(self, seed, fault_share):
        self.random, self.fault_share = random.Random(seed), fault_share
        self.secret = bytes(self.random.randrange(256) for _ in range(32))
        self.mutex = threading.Lock()
        self.calm = False
        self.taken = {}  # webhook-id: body
        self.errors = []
        self.faults = dict.fromkeys(("stall", "500", "500 taken", "cut", "409"), 0)
        self.released = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.take(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a sender that was killed in the middle of a request

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/charges"

    def secret_text(self):
        return "whsec_" + base64.b64encode(self.secret).decode()

    def check(self, headers, body):
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.new(self.secret, signed, hashlib.sha256).digest()).decode()
        if wanted not in headers["webhook-signature"].split(" "):
            self.errors.append("wrong signature")
        if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
            self.errors.append("stale timestamp")

    def take(self, handler, body):
        message = handler.headers["webhook-id"]
        with self.mutex:
            self.check(handler.headers, body)
            repeated = message in self.taken
            if repeated and self.taken[message] != body:
                self.errors.append(f"{message} came with other bytes")
            fault = None
            if not self.calm and self.random.random() < self.fault_share:
                fault = self.random.choice(("stall", "500", "500 taken", "cut"))
            if repeated and fault is None and self.random.random() < 0.5:
                fault = "409"
            if fault:
                self.faults[fault] += 1
            if fault != "500":
                self.taken[message] = body
        try:
            if fault == "stall":
                self.released.wait(1)  # longer than the destination's timeout: it was taken, the sender does not know
                handler.close_connection = True
            elif fault == "cut":
                handler.close_connection = True
            else:
                handler.send_response({"500": 500, "500 taken": 500, "409": 409}.get(fault, 204))
                handler.send_header("Content-Length", "0")
                handler.end_headers()
        except OSError:
            pass  # the sender was killed

    def charges(self):
        with self.mutex:
            return [c for body in self.taken.values() for c in json.loads(body)["data"]["charges"]]

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class Puller(threading.Thread):
    """A consumer of GET /v1/charges: what it acknowledged must never come again, everything must come once at least."""

    def __init__(self, world, seed):
        super().__init__(daemon=True)
        self.world, self.random = world, random.Random(seed)
        self.got = {}
        self.acked = set()
        self.failure = None

    def step(self):
        """One page and its acknowledgement. False when there was nothing, None when the daemon did not answer."""
        daemon = self.world.daemon
        try:
            answer = daemon.call("GET", "/v1/charges?consumer=books&limit=200")
            if answer.status != 200:
                return None
            page = json.loads(answer.body)["charges"]
            for charge in page:
                assert charge["id"] not in self.acked, ("came again after its acknowledgement was answered", charge)
                assert self.got.setdefault(charge["id"], charge) == charge, "a charge changed"
            if not page:
                return False
            if self.random.random() < 0.5:
                body, done = {"consumer": "books", "up_to": page[-1]["number"]}, page
            else:
                done = self.random.sample(page, max(1, len(page) // 2))
                body = {"consumer": "books", "ids": [c["id"] for c in done]}
            answer = daemon.call("POST", "/v1/charges/ack", body=body)
            if answer.status != 200:
                return None
            self.acked |= {c["id"] for c in done}
            return True
        except (OSError, http.client.HTTPException):
            return None

    def run(self):
        try:
            while not self.world.ending:
                life = self.world.life
                found = self.step()
                if found is None:
                    self.world.wait_life(life + 1)
                if found is False:
                    self.world.pause.wait(0.05)  # nothing to pull right now
        except BaseException as error:
            self.failure = error
            self.world.failed.set()
