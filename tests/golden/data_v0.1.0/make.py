#!/usr/bin/python3
"""Makes data.tar.xz and expected.json: what the binary of version 0.1.0 has of what it is sent here, and what it tells of it. From the project's root,
with today's tests built (the clock shim is theirs):

    METERD_BUILD=build/dev /usr/bin/python3 tests/golden/data_v0.1.0/make.py PATH-OF-THE-BINARY-OF-0.1.0
"""
import base64
import http.server
import json
import os
import shutil
import sys
import tarfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "e2e"))
import former  # noqa: E402
import harness  # noqa: E402
from harness import wait_until  # noqa: E402

ROOT = "/tmp/meterd-data-v0.1.0"  # its documents name files there


class Receiver(http.server.BaseHTTPRequestHandler):
    """/well takes all, /bad refuses all, /torn says nothing."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/torn":
            self.close_connection = True
            return
        self.send_response(200 if self.path == "/well" else 410)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def send(daemon, key, events):
    answer = daemon.call("POST", "/v1/events", body=events, key=key)
    assert answer.status == 200, (answer.status, answer.body)
    return {name: count for name, count in answer.json().items() if name != "results"}


def destinations(url, secret):
    return [{"key": key, "kind": "http", "url": to, "secret_files": [secret], "batch_max": 20, "timeout": "2s", **more}
            for key, to, more in (("well", url + "/well", {"drafts": True}), ("bad", url + "/bad", {}), ("torn", url + "/torn", {}),
                                  ("down", former.NOBODY, {}), ("off", former.NOBODY, {"disabled": True}))]


def is_sent(daemon):
    """Each destination has had its turn, whatever came of it."""
    by_key = {}
    for message in daemon.get("/v1/outbox?limit=10000")["messages"]:
        by_key.setdefault(message["destination"], []).append(message)
    last = max(charge["number"] for charge in daemon.listed("/v1/charges", "charges"))
    return (len(by_key) >= 4 and by_key["well"][-1]["last_charge"] == last and all(m["state"] == "acked" for m in by_key["well"]) and all(m["state"] == "rejected" for m in by_key["bad"])
            and all(any(m["attempts"] for m in by_key[key]) for key in ("torn", "down")))


def first_life(daemon, url):
    with open(daemon.root + "/secret", "w", encoding="utf-8") as f:
        f.write("whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode())
    os.chmod(daemon.root + "/secret", 0o600)
    daemon.set_time(former.FIRST)
    daemon.start()
    daemon.apply(former.CATALOG)
    daemon.apply({"destinations": destinations(url, daemon.root + "/secret")})
    keys = {vendor: daemon.vendor_key(vendor) for vendor in ("acme", "other")}
    answers = [send(daemon, keys["acme"], former.first_events()), send(daemon, keys["other"], former.mails()), send(daemon, keys["acme"], former.odd_events())]
    daemon.settle()
    charges = list(daemon.listed("/v1/charges", "charges"))
    for body in ({"consumer": "books", "up_to": len(charges) // 2}, {"consumer": "bits", "ids": [charge["id"] for charge in charges[1:9:2]]}):
        assert daemon.call("POST", "/v1/charges/ack", body=body).status == 200
    wait_until("deliveries", lambda: is_sent(daemon))
    daemon.stop()
    return keys, answers


def second_life(daemon, keys):
    daemon.set_time(former.SECOND)
    daemon.start()
    daemon.settle()
    answers = [send(daemon, keys["acme"], former.second_events())]
    daemon.settle()
    wait_until("deliveries", lambda: is_sent(daemon))
    told = former.told(daemon)
    again = [send(daemon, keys["acme"], former.again()), send(daemon, keys["other"], former.mails())]
    daemon.settle()
    found = former.differences(told["usage"], former.told(daemon)["usage"])
    assert not found, found
    daemon.command("audit", "--log")
    told = former.told(daemon)
    daemon.stop()
    return answers, again, told


def text_of(value, depth=0):
    """JSON with a row on a line."""
    if depth < 3 and isinstance(value, dict) and value:
        return "{" + ",\n".join(f"{json.dumps(key)}: {text_of(item, depth + 1)}" for key, item in value.items()) + "}"
    if depth < 4 and isinstance(value, list) and value:
        return "[\n" + ",\n".join(text_of(item, depth + 2) for item in value) + "]"
    return json.dumps(value)


def pack(directory):
    def plain(member):
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return member
    with tarfile.open(os.path.join(HERE, "data.tar.xz"), "w:xz", preset=9) as tar:
        tar.add(directory, arcname="data", filter=plain)


def main():
    harness.METERD = os.path.abspath(sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shutil.rmtree(ROOT, ignore_errors=True)
    os.mkdir(ROOT)
    daemon = harness.Daemon(former.SETTINGS, directory=ROOT)
    keys, first = first_life(daemon, f"http://127.0.0.1:{server.server_port}")
    second, again, told = second_life(daemon, keys)
    with open(os.path.join(HERE, "expected.json"), "w", encoding="utf-8") as f:
        f.write(text_of({"keys": keys, "answers": first + second, "again": again, "told": told}) + "\n")
    pack(daemon.data)
    shutil.rmtree(ROOT)


main()
