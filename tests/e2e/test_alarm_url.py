#!/usr/bin/python3
"""Alarms of sources are POSTed to poller.alarm_url when they begin and when they are over: signed, in their order, again where the receiver is out of
order, and without anything waiting for it."""
import base64
import datetime
import hashlib
import hmac
import http.server
import json
import os
import re
import tempfile
import threading

from harness import Daemon, in_mid_month, wait_until

in_mid_month()

KEY = b"0123456789abcdef0123456789abcdef"
TODAY = datetime.datetime.now(datetime.timezone.utc).date()


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.status, self.got, self.asked = 200, [], 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A daemon that ends is no error of ours."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Vendor(Handler):
    def do_GET(self):
        self.server.asked += 1
        self.answer(self.server.status, b'{"data":[]}' if self.server.status == 200 else b"no")


class Receiver(Handler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        if self.server.status == 200:
            self.server.got.append((dict(self.headers), body))
        self.answer(self.server.status)


def sources(port):
    return {"vendors": [{"key": "acme"}], "sources": [{
        "key": key, "vendor": "acme", "base_url": f"http://127.0.0.1:{port}", "schedule": {"every": "1s"}, "auth": "none",
        "window": {"length": "day", "start": TODAY.isoformat(), "open": "1s"}, "request": {"path": f"/{key}", "query": {"day": "{from:%Y-%m-%d}"}},
        "format": {"json": {"rows": "data[]"}}, "identity": {"id": "id"}, "map": {"type": "=t", "subject": "s", "time": "at"}} for key in ("a", "b")]}


def check_signature(headers, body):
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == expected, headers


def events(receiver):
    return [json.loads(body) for _, body in receiver.got]


def outcomes(daemon):
    text = daemon.call("GET", "/metrics", port=daemon.admin_port).body.decode()
    return {name: int(n) for name, n in re.findall(r'^meterd_alarm_messages_total\{outcome="(\w+)"\} (\d+)$', text, re.M)}


vendor, receiver = Server(Vendor), Server(Receiver)
with tempfile.TemporaryDirectory() as folder:
    secret = os.path.join(folder, "secret")
    with open(secret, "w", encoding="ascii") as f:
        f.write("whsec_" + base64.b64encode(KEY).decode() + "\n")
    url = f"http://127.0.0.1:{receiver.server_address[1]}/alarms"
    with Daemon({"poller": {"allow_loopback": True, "alarm_url": url, "alarm_secret_file": secret}}) as d:
        vendor.status, receiver.status = 400, 503
        d.apply(sources(vendor.server_address[1]))
        wait_until("the receiver is asked, and asked again", lambda: receiver.asked > 1)
        receiver.status = 200
        wait_until("both alarms came", lambda: len(receiver.got) >= 2)
        for headers, body in receiver.got:
            assert headers["content-type"] == "application/cloudevents+json", headers
            check_signature(headers, body)
        raised = events(receiver)[:2]
        assert sorted(event["subject"] for event in raised) == ["a", "b"], raised
        for event in raised:
            assert event["specversion"] == "1.0" and event["type"] == "meterd.source.alarm.raised" and event["source"] == "meterd", event
            data = event["data"]
            assert data["vendor"] == "acme" and data["alarm"] == "failing" and "400" in data["problem"] and data["since"] == event["time"], event
        vendor.status = 200
        wait_until("both are over", lambda: len(receiver.got) >= 4)
        cleared = events(receiver)[2:]
        assert sorted((event["subject"], event["type"]) for event in cleared) == [
            (key, "meterd.source.alarm.cleared") for key in ("a", "b")], cleared
        assert all("problem" not in event["data"] and event["data"]["since"] < event["time"] for event in cleared), cleared
        assert len({event["id"] for event in events(receiver)}) == 4
        said = outcomes(d)
        assert said["delivered"] == 4 and said["retried"] >= 1 and said["dropped"] == 0, said
        receiver.status = 422  # what it does not want is not repeated
        vendor.status, before = 400, receiver.asked
        wait_until("both are refused", lambda: outcomes(d)["dropped"] == 2)
        assert receiver.asked == before + 2 and "poller.alarm_url refuses an alarm: it answers 422" in d.log_lines()
        os.remove(secret)
        receiver.status, vendor.status = 200, 200
        wait_until("it says that it cannot sign", lambda: "poller.alarm_secret_file cannot be read" in d.log_lines())
        asked = vendor.asked
        wait_until("sources are read meanwhile", lambda: vendor.asked > asked + 3)
        d.stop()  # with messages that wait

# More alarms than are kept, at a receiver that is down: the newest 256 of them come when it is there again, the others are counted.
vendor.status, receiver.status, receiver.got = 400, 503, []
with Daemon({"poller": {"allow_loopback": True, "alarm_url": url}}) as d:
    document = sources(vendor.server_address[1])
    many = [f"v{i}" for i in range(300)]
    document["sources"] = [{**document["sources"][0], "for_each": {"values": many}, "request": {"path": "/{each.value}", "query": {"day": "{from:%Y-%m-%d}"}}}]
    d.apply(document)
    wait_until("some are dropped", lambda: outcomes(d)["dropped"] == 300 - 256)
    row = d.get("/v1/sources")["sources"][0]
    assert row["alarm"] == "failing" and row["alarms"][0]["requests"] == 300 and len(row["alarms"]) == 1, row
    receiver.status = 200
    wait_until("the others come", lambda: len(receiver.got) == 256)
    assert len({event["data"]["each"] for event in events(receiver)}) == 256
    assert all("webhook-signature" not in headers for headers, _ in receiver.got)
vendor.shutdown()
receiver.shutdown()
print("alarms are told")
