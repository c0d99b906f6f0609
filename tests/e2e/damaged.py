"""A data directory whose files are damaged, and put back: with charges that were sent, and others whose messages wait."""
import glob
import http.server
import json
import os
import re
import shutil
import threading
from fractions import Fraction

from harness import Daemon, in_mid_month, wait_until

in_mid_month()  # no month ends while it runs, whose fee would come beside

SETTINGS = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d", "segment_bytes": "8MiB"},
            "rater": {"grace": "0s", "draft_every": "0s"}, "outbox": {"allow_loopback": True}}


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes what is sent, or answers 503."""
    takes = True
    charges = {}  # by id: a message may come twice

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])), parse_float=str)
        if self.takes:
            self.charges.update((charge["id"], charge) for charge in body["data"]["charges"])
        self.send_response(204 if self.takes else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def catalog(root, port):
    return {
        "vendors": [{"key": "acme"}],
        "services": [{"key": "compute", "vendor": "acme"}],
        "meters": [{"key": "hours", "service": "compute", "event_type": "vm", "aggregation": "sum", "value": "hours"}],
        "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
            {"key": "hours", "meter": "hours", "per_unit": "0.10"}, {"key": "base", "recurring": {"amount": 3}}]}]}],
        "subscriptions": [{"key": f"s{i}", "service": "compute", "customer": f"c{i}", "tariff": "t", "start": "2025-12-01"} for i in range(4)],
        "destinations": [{"key": "erp", "kind": "http", "url": f"http://127.0.0.1:{port}/erp", "secret_files": [root + "/hook.secret"], "drafts": True, "timeout": "2s"}],
    }


def events(prefix, days):
    return [{"id": f"{prefix}{day}-{i}", "type": "vm", "subject": f"s{i}", "time": f"2026-01-{day:02}T10:29:59Z", "data": {"hours": 7 + i}}
            for day in days for i in range(4)]


BEFORE, AFTER = events("a", range(2, 28)), events("b", range(5, 9))


def tell(d, key, what):
    answer = d.call("POST", "/v1/events", body=what, key=key)
    assert answer.status == 200 and answer.json()["invalid"] == 0, answer.body


def amounts(charges):
    """What the charges of each line add up to."""
    lines = {}
    for charge in charges:
        line = tuple(charge[name] for name in ("subscription", "component", "kind", "period_start"))
        lines[line] = lines.get(line, 0) + Fraction(charge["amount"])
    return lines


def pulled(d):
    return d.get("/v1/charges?limit=10000&after=0")["charges"]


def make(port):
    """A data directory with charges that were sent, and others whose messages wait."""
    d = Daemon(SETTINGS)
    d.start()
    with open(d.root + "/hook.secret", "w") as f:
        f.write("whsec_" + "A" * 43 + "=\n")
    d.apply(catalog(d.root, port))
    key = d.vendor_key("acme")
    tell(d, key, BEFORE[:len(BEFORE) // 2])
    d.settle()
    wait_until("what is sent", lambda: len(Receiver.charges) == len(pulled(d)))
    Receiver.takes = False
    tell(d, key, BEFORE[len(BEFORE) // 2:])
    d.settle()
    wait_until("a message that waits", lambda: any(m["attempts"] for m in d.get("/v1/outbox?state=pending")["messages"]))
    before = pulled(d)
    assert len(Receiver.charges) < len(before), "all was sent"
    d.stop()
    return d, key, before


def files(directory):
    return {os.path.relpath(os.path.join(at, name), directory) for at, _, names in os.walk(directory) for name in names if name != "lock.mdb"}


def put_back(d):
    """The bytes as they were, into the files that were there: this is no restore of a backup."""
    whole = d.data + ".whole"
    if not os.path.exists(whole):
        shutil.copytree(d.data, whole, ignore=shutil.ignore_patterns("lock.mdb"))
    for lock in glob.glob(d.data + "/**/lock.mdb", recursive=True):
        os.remove(lock)  # of processes that had it open
    for path in files(d.data) - files(whole):
        os.remove(os.path.join(d.data, path))
    for path in files(whole):
        to = os.path.join(d.data, path)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        with open(os.path.join(whole, path), "rb") as f, open(to, "r+b" if os.path.exists(to) else "wb") as out:
            out.write(f.read())
            out.truncate()
    os.truncate(d.stderr_path, 0)


def fault(d):
    """The last error that it tells, once it has ended as it does when it cannot go on: not by a signal."""
    d.process.wait(120)
    d.stderr.close()
    assert d.process.returncode == 1, (d.process.returncode, d.log_lines())
    said = [line for line in d.log_lines().splitlines() if " error " in line]
    assert said, d.log_lines()
    return said[0]


def start(d):
    """None, or the sentence with which it does not."""
    d.start(wait=False)
    while d.process.poll() is None:
        try:
            if d.ready():
                with open(os.path.join(d.data, "admin.key")) as f:
                    d.key = f.read().strip()
                return None
        except AssertionError:
            break
    return fault(d)


def flip_digit(text):
    """One bit of the last digit, which stays one."""
    at = max(i for i, byte in enumerate(text) if chr(byte).isdigit())
    return text[:at] + bytes([text[at] ^ 1]) + text[at + 1:]


def edit(path, pattern, change):
    """In place, so that who has the file mapped sees it."""
    with open(path, "r+b") as f:
        data = f.read()
        found = list(re.finditer(pattern, data, re.DOTALL))
        assert found, (path, pattern)
        for match in found:
            f.seek(match.start())
            f.write(change(match.group()))


def cell(hours):
    return (hours * 10 ** 12).to_bytes(16, "big") + (1).to_bytes(8, "big")


def serve():
    """A receiver; its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port
