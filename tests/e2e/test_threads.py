"""Every thread of the daemon at once: posts, queries, pulls, catalog changes, health checks and metrics from many clients for some seconds,
then SIGTERM in the middle of it; and a log that cannot go on under load. What was acknowledged is there after the next start.

Run under the thread sanitizer it finds races: the sanitizer's report makes the daemon's exit code another one.
"""
import http.client
import json
import os
import random
import resource
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__))
from harness import WAIT_S, Daemon, wait_until  # noqa: E402

HAMMER_S = float(os.environ.get("METERD_HAMMER_S", "6"))
CATALOG = """
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, value: n, aggregation: sum, unit: call, group_by: [region]}]
tariffs:
  - key: standard
    currency: EUR
    versions: [{from: 2020-01-01, components: [{key: calls, meter: calls, per_unit: '0.01'}, {key: base, recurring: {amount: %d}}]}]
subscriptions: [%s]
"""
SUBSCRIPTIONS = ["{key: s%d, service: compute, customer: c%d, tariff: standard, start: 2025-01-01}" % (i, i % 3) for i in range(8)]


class Hammer:
    """Clients that go on until told to stop; a connection that ends is theirs to bear, an answer that is no answer is not."""

    def __init__(self, daemon, key):
        self.daemon, self.key = daemon, key
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.acknowledged, self.wrong, self.answers = [], [], {}
        self.threads = []

    def run(self, name, call):
        def loop():
            rng = random.Random(name)
            while not self.stop.is_set():
                try:
                    call(rng, name)
                except (OSError, http.client.HTTPException):
                    if self.daemon.process.poll() is not None:
                        return
        thread = threading.Thread(target=loop, name=name)
        self.threads.append(thread)
        thread.start()

    def note(self, what, answer, allowed):
        with self.lock:
            self.answers[what, answer.status] = self.answers.get((what, answer.status), 0) + 1
            if answer.status not in allowed:
                self.wrong.append((what, answer.status, answer.body[:300]))

    def post(self, rng, name):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        ids = [f"{name}-{rng.getrandbits(60)}" for _ in range(rng.choice([1, 20, 700]))]
        events = [{"specversion": "1.0", "id": i, "source": "t", "type": "call", "subject": f"s{rng.randrange(8)}", "time": now,
                   "data": {"n": 1, "region": rng.choice(["eu", "us"])}} for i in ids]
        answer = self.daemon.call("POST", "/v1/events", body=json.dumps(events), key=self.key, headers={"Content-Type": "application/cloudevents-batch+json"})
        self.note("post", answer, (200, 503))
        if answer.status == 200:
            with self.lock:
                self.acknowledged.extend(ids)

    def read(self, rng, name):
        path = rng.choice(["/v1/usage?window=total", "/v1/usage?group_by=region", "/v1/charges?limit=5", "/v1/status", "/v1/held", "/v1/quarantine",
                           "/v1/outbox", "/v1/openapi.json", "/v1/catalog/tariff"])
        self.note("read", self.daemon.call("GET", path), (200, 503))

    def watch(self, rng, name):
        path = rng.choice(["/healthz", "/readyz", "/metrics"])
        self.note("watch", self.daemon.call("GET", path, port=self.daemon.admin_port), (200, 503))

    def change(self, rng, name):
        self.stop.wait(0.05)  # the load's pace: each change is a version of the catalog
        text = CATALOG % (rng.randrange(1, 9), ", ".join(SUBSCRIPTIONS[:rng.randrange(6, 9)]))
        self.note("change", self.daemon.call("PUT", "/v1/catalog?correct_closed_periods=true", body=text, headers={"Content-Type": "application/yaml"}), (200, 503))

    def ack(self, rng, name):
        self.note("ack", self.daemon.call("POST", "/v1/charges/ack", body={"consumer": name, "up_to": 1}), (200, 400, 503))

    def start(self):
        for i in range(4):
            self.run(f"post{i}", self.post)
        for name in ("read", "watch", "change", "ack"):
            self.run(name, getattr(self, name))
            self.run(f"{name}-too", getattr(self, name))
        return self

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(2 * WAIT_S)
            assert not thread.is_alive(), thread.name
        assert not self.wrong, self.wrong[:5]


def settings():
    return {"log": {"segment_bytes": "16MiB", "segment_events_max": 4096}, "rater": {"draft_every": "1s", "grace": "1s"},
            "outbox": {"allow_loopback": True}}


def open_world(daemon):
    daemon.apply(CATALOG % (1, ", ".join(SUBSCRIPTIONS[:6])))
    daemon.apply({"destinations": [{"key": "nobody", "kind": "http", "url": "http://127.0.0.1:9/charges", "drafts": True, "timeout": "1s"}]})
    wait_until("a charge that can be acknowledged", lambda: daemon.get("/v1/charges?limit=1")["charges"])
    return daemon.vendor_key("acme")


def check_acknowledged(daemon, ids):
    """Everything acknowledged is counted or held. More may be: requests whose answer did not arrive."""
    daemon.settle()
    counted = sum(row["events"] for row in daemon.get("/v1/usage?window=total&group_by=meter")["rows"])
    held = daemon.get("/v1/held?limit=10000")
    assert held["has_more"] or counted + len(held["events"]) >= len(ids), (counted, len(held["events"]), len(ids))


def test_stop_under_load():
    with Daemon(settings()) as daemon:
        hammer = Hammer(daemon, open_world(daemon)).start()
        for _ in range(4):
            time.sleep(HAMMER_S / 4)  # the load's length, not a wait for something
            daemon.process.send_signal(signal.SIGHUP)
        wait_until("some answers", lambda: hammer.acknowledged and hammer.answers.get(("read", 200)))
        daemon.process.send_signal(signal.SIGTERM)
        code = daemon.process.wait(WAIT_S)
        hammer.end()
        assert code == 0, (code, daemon.log_lines())
        daemon.start()
        check_acknowledged(daemon, hammer.acknowledged)
        daemon.stop()
        print(f"ok: stopped under load, {len(hammer.acknowledged)} events acknowledged, {sorted(hammer.answers.items())}")


def test_log_fails():
    """The next segment's name is taken: the writer fails, everybody is answered or cut off, the daemon leaves with 1."""
    with Daemon(settings()) as daemon:
        key = open_world(daemon)
        in_the_way = [os.path.join(daemon.data, "log", f"{number:06}") for number in (3, 4, 5, 6)]
        for path in in_the_way:
            open(path, "w").close()
        hammer = Hammer(daemon, key).start()
        code = daemon.process.wait(WAIT_S)
        hammer.end()
        assert code == 1, (code, daemon.log_lines())
        for path in in_the_way:
            os.unlink(path)
        daemon.start()
        check_acknowledged(daemon, hammer.acknowledged)
        daemon.stop()
        print(f"ok: ended by an error, {len(hammer.acknowledged)} acknowledged events are there, {sorted(hammer.answers.items())}")


def idle_connections(daemon, count):
    connections = []
    for _ in range(count):
        try:
            connections.append(socket.create_connection(("127.0.0.1", daemon.port), timeout=5))
        except OSError:
            break
    return connections


def test_idle_crowd():
    """More idle connections than files may be open at first: the log still rolls from segment to segment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))  # the daemon inherits it
    daemon = Daemon(settings())
    try:
        daemon.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        hammer = Hammer(daemon, open_world(daemon))
        crowd = idle_connections(daemon, 300)
        rng = random.Random(1)
        while len(hammer.acknowledged) < 15000:
            hammer.post(rng, "crowd")
        assert not hammer.wrong, hammer.wrong
        for connection in crowd:
            connection.close()
        check_acknowledged(daemon, hammer.acknowledged)
        daemon.stop()
        print(f"ok: {len(crowd)} idle connections beside {len(hammer.acknowledged)} events")
    finally:
        daemon.__exit__(sys.exc_info()[0], None, None)


if __name__ == "__main__":
    tests = {"stop": test_stop_under_load, "fail": test_log_fails, "crowd": test_idle_crowd}
    for name in sys.argv[1:] or tests:
        tests[name]()
