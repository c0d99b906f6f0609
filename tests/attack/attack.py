"""A flood of one key beside the calls of another, on one daemon: what each of them waits for, and what the daemon holds.

Nothing is judged by a clock alone: machines differ, and others work on them. How long the other key waits is held against how long the flood's own
requests take in the same seconds: who waits in one line with the flood waits as long as it does.
"""
import json
import os
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from harness import Daemon  # noqa: E402

CATALOG = {
    "vendors": [{"key": "loud"}, {"key": "quiet"}],
    "services": [{"key": "loud-vm", "vendor": "loud"}, {"key": "quiet-vm", "vendor": "quiet"}],
    "meters": [{"key": "loud-cpu", "service": "loud-vm", "event_type": "loud.cpu", "value": "n", "group_by": ["region"]},
               {"key": "quiet-cpu", "service": "quiet-vm", "event_type": "quiet.cpu", "value": "n"}],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "base", "recurring": {"amount": "1"}}]}]}],
    "subscriptions": [{"key": "loud-1", "service": "loud-vm", "customer": "l", "tariff": "t", "start": "2020-01-01"},
                      {"key": "quiet-1", "service": "quiet-vm", "customer": "q", "tariff": "t", "start": "2020-01-01"}],
}
SECONDS = float(os.environ.get("METERD_ATTACK_SECONDS", "6"))
FLOODS = int(os.environ.get("METERD_FLOODS", "8"))


class Client:
    """One kept connection, and plain bytes: it costs little beside what it measures."""

    def __init__(self, port, key=None):
        self.port, self.key, self.socket = port, key, None

    def call(self, method, path, body=b"", headers=()):
        """Status and seconds; the status is 0 where the connection broke."""
        begun = time.monotonic()
        try:
            if not self.socket:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=120)
            lines = [f"{method} {path} HTTP/1.1", "Host: meterd", f"Content-Length: {len(body)}", *headers]
            if self.key:
                lines.append(f"Authorization: Bearer {self.key}")
            self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            status = self.answer()
        except OSError:
            self.close()
            status = 0
        return status, time.monotonic() - begun

    def answer(self):
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += self.more()
        head, rest = seen.split(b"\r\n\r\n", 1)
        lower = head.lower()
        if b"content-length:" in lower:
            left = int(lower.split(b"content-length:")[1].split(b"\r\n")[0]) - len(rest)
            while left > 0:
                left -= len(self.more())
        else:
            while not rest.endswith(b"0\r\n\r\n"):
                rest = rest[-4:] + self.more()
        if b"connection: close" in lower:
            self.close()
        return int(head[9:12])

    def more(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise OSError("it was closed")
        return piece

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


class Answers:
    def __init__(self):
        self.seconds, self.statuses = [], {}

    def add(self, status, seconds):
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.seconds.append(seconds)

    def at(self, share):
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]

    def __str__(self):
        return f"{len(self.seconds)} answers {self.statuses}, p50 {self.at(.5) * 1000:.1f} ms, p99 {self.at(.99) * 1000:.1f} ms"


class Flood:
    """`work(number)` again and again on several connections, in a process of its own; what it says are statuses and seconds."""

    def __init__(self, work, count):
        self.reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(writer)
            return
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        answers, lock = Answers(), threading.Lock()

        def run(number):
            for status, seconds in work(number, stop):
                with lock:
                    answers.add(status, seconds)

        threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
        for thread in threads:
            thread.start()
        while not stop.wait(.1):
            pass
        with lock, os.fdopen(writer, "w") as out:
            json.dump([answers.statuses, answers.seconds], out)
        os._exit(0)

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        with os.fdopen(self.reader) as said:
            statuses, seconds = json.load(said)
        os.waitpid(self.pid, 0)
        answers = Answers()
        answers.statuses = {int(status): count for status, count in statuses.items()}
        answers.seconds = seconds
        return answers


def calls(client, method, path, body=b"", headers=()):
    """A flood's work: the same call again and again."""
    def work(number, stop):
        del number
        own = Client(client.port, client.key)
        while not stop.is_set():
            yield own.call(method, path, body, headers)
    return work


class Bench:
    """The daemon, the keys, and what the quiet one asks for."""

    def __init__(self, settings=None):
        self.daemon = Daemon(settings)

    def __enter__(self):
        self.daemon.__enter__()
        self.daemon.apply(CATALOG)
        scopes = ("ingest", "query")
        self.loud = Client(self.daemon.port, self.daemon.vendor_key("loud", scopes, "loud"))
        self.quiet = Client(self.daemon.port, self.daemon.vendor_key("quiet", scopes, "quiet"))
        self.number = 0
        return self

    def __exit__(self, *raised):
        return self.daemon.__exit__(*raised)

    def peak_bytes(self):
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

    def event(self):
        self.number += 1
        body = json.dumps([{"id": f"q{self.number}", "type": "quiet.cpu", "subject": "quiet-1", "data": {"n": 1}}]).encode()
        return self.quiet.call("POST", "/v1/events", body, ["Content-Type: application/json"])

    def ask(self, seconds=SECONDS):
        """What the quiet key, the operator and a probe wait for: by name."""
        operator, probe = Client(self.daemon.port, self.daemon.key), Client(self.daemon.admin_port)
        usage = Client(self.daemon.port, self.quiet.key)
        asked = {"event": self.event, "usage": lambda: usage.call("GET", "/v1/usage"),
                 "status": lambda: operator.call("GET", "/v1/status"), "healthz": lambda: probe.call("GET", "/healthz")}
        answers = {name: Answers() for name in asked}

        def run(name):
            end = time.monotonic() + seconds
            while time.monotonic() < end or len(answers[name].seconds) < 20:
                answers[name].add(*asked[name]())
                time.sleep(.01)

        threads = [threading.Thread(target=run, args=(name,)) for name in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def beside(self, what, work, count=FLOODS):
        """Asks while that flood goes on; both answers, printed."""
        quiet = self.ask(1)
        flood = Flood(work, count)
        beside = self.ask()
        own = flood.end()
        print(f"{what}: {count} floods, {own}" if own.seconds else f"{what}: {count} floods")
        for name, answers in beside.items():
            print(f"  {name}: {answers}; without it p99 {quiet[name].at(.99) * 1000:.1f} ms", flush=True)
            assert set(answers.statuses) == {200}, (what, name, answers.statuses)
        return beside, own
