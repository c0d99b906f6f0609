"""The load generator's batches, read by decoders that know nothing of ours: every format carries the same events.

The generator talks to a server of this file, which keeps what it was sent and accepts it.
"""
import datetime
import http.server
import json
import os
import subprocess
import tempfile
import threading
import time

import msgpack

from harness import BUILD, WAIT_S

LOADGEN = os.path.abspath(os.path.join(BUILD, "bench", "loadgen"))
EVENTS = 50


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies = []

    def do_POST(self):
        assert self.headers["Authorization"] == "Bearer secret", self.headers
        Receiver.bodies.append((self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"]))))
        answer = json.dumps({"accepted": EVENTS}, separators=(",", ":")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def generate(port, key_file, form):
    """One batch of that format, with the seed that all share."""
    Receiver.bodies.clear()
    done = subprocess.run([LOADGEN, "--url", f"http://127.0.0.1:{port}", "--key-file", key_file, "--format", form, "--batch", str(EVENTS),
                           "--events", str(EVENTS), "--connections", "1", "--seed", "7"],
                          capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"] == EVENTS, done.stdout
    assert len(Receiver.bodies) == 1
    return Receiver.bodies[0]


def from_rows(body):
    batch = msgpack.unpackb(body)
    assert list(batch) == ["fields", "rows"], batch
    assert batch["fields"] == ["id", "type", "subject", "time", "data.amount", "data.region"], batch
    return [{"id": i, "type": t, "subject": s, "time": at, "data": {"amount": amount, "region": region}}
            for i, t, s, at, amount, region in batch["rows"]]


def read_json(text):
    return json.loads(text, parse_float=str, parse_int=str)


READERS = {
    "msgpack": ("application/msgpack", from_rows),
    "msgpack-maps": ("application/msgpack", msgpack.unpackb),
    "ndjson": ("application/x-ndjson", lambda body: [read_json(line) for line in body.splitlines()]),
    "json": ("application/json", read_json),
}


def take_time(event):
    """The event happened in the hour before; when exactly is each run's own. msgpack has microseconds since 1970."""
    at = event.pop("time")
    at_s = at / 1e6 if isinstance(at, int) else datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()
    assert 0 <= time.time() - at_s <= 3600 + WAIT_S, at


def main():
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    events = {}
    with tempfile.NamedTemporaryFile("w", suffix=".key") as key_file:
        key_file.write("secret\n")
        key_file.flush()
        for form, (content_type, read) in READERS.items():
            kind, body = generate(server.server_port, key_file.name, form)
            assert kind == content_type, (form, kind)
            events[form] = read(body)
            for event in events[form]:
                take_time(event)
    server.shutdown()
    for form, found in events.items():
        assert found == events["json"], (form, found[:1], events["json"][:1])
    ids = {event["id"] for event in events["json"]}
    assert len(ids) == EVENTS and all(len(i) == 36 for i in ids), ids
    print("the load generator's formats agree")


if __name__ == "__main__":
    main()
