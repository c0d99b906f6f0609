"""Vendors that answer as no vendor should, and documents that change while one of them is asked: each ends in its named alarm, nobody else's
readings wait for it, and the daemon goes on.
"""
import datetime
import http.server
import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, in_mid_month, wait_until  # noqa: E402

in_mid_month()

READINGS_MAX = 4


class Vendor:
    """Answers by path. /hold/… waits until it is let go on; whatever is given to `say` is sent as it stands."""

    def __init__(self):
        vendor = self
        self.asked, self.said, self.keys, self.gate, self.lock = {}, {}, [], threading.Event(), threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                name = self.path.split("?")[0] + ("?page=2" if "page=2" in self.path else "")
                with vendor.lock:
                    vendor.asked[name] = vendor.asked.get(name, 0) + 1
                    vendor.keys.append(self.headers["X-Key"])
                if name.startswith("/hold/"):
                    vendor.gate.wait()
                self.wfile.write(vendor.said.get(name, answer("200 OK", b"[]")))
                self.close_connection = True

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 64

        self.server = Server(("0.0.0.0", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def say(self, path, text):
        self.said[path] = text

    def count(self, path):
        with self.lock:
            return self.asked.get(path, 0)


def answer(status, body, *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def source(key, vendor, path, host="127.0.0.1", rows="[]", **more):
    hour = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:00:00Z")
    return {"key": key, "vendor": "acme", "base_url": f"http://{host}:{vendor.port}", "schedule": {"every": "1s"},
            "window": {"length": "hour", "start": hour, "open": "1s"}, "request": {"path": path, "query": {"from": "{from}"}, "timeout": "20m"},
            "auth": "none", "format": {"json": {"rows": rows}}, "identity": {"id": "id"}, "map": {"type": "=t", "subject": "s", "time": "at"},
            **more}


def daemon_of(**poller):
    return Daemon({"poller": {"allow_loopback": True, **poller}})


def alarms(daemon, key):
    return next(one for one in daemon.get("/v1/sources")["sources"] if one["source"] == key).get("alarms", [])


def check_places():
    """Each of many hosts says that nobody may come for an hour: their readings give their places to those that may."""
    vendor = Vendor()
    with daemon_of(readings_max=READINGS_MAX) as daemon:
        daemon.apply({"vendors": [{"key": "acme"}]})
        closed = [f"closed-{n}" for n in range(2 * READINGS_MAX)]
        for name in closed:
            vendor.say(f"/{name}", answer("429 Too Many Requests", b"", "Retry-After: 3600"))
        daemon.apply({"sources": [source(name, vendor, f"/{name}", f"127.0.0.{n + 2}") for n, name in enumerate(closed)]})
        wait_until("each of them was asked", lambda: all(vendor.count(f"/{name}") for name in closed))
        daemon.apply({"sources": [source("open", vendor, "/open")]})
        wait_until("another is read, time and again", lambda: vendor.count("/open") > 2)
        alarm = alarms(daemon, "closed-0")[0]
        assert alarm["alarm"] == "failing" and "lets nobody in before 20" in alarm["problem"], alarm
        assert all(vendor.count(f"/{name}") == 1 for name in closed), vendor.asked
        daemon.stop()


def check_pages():
    """The same behind a first page: such readings wait outside of the places, with an alarm; a file behind one of them is told so."""
    vendor = Vendor()
    with daemon_of(readings_max=READINGS_MAX) as daemon:
        daemon.apply({"vendors": [{"key": "acme"}]})
        held = [f"held-{n}" for n in range(2 * READINGS_MAX)]
        for name in held:
            vendor.say(f"/{name}", answer("200 OK", b'[{"id":"1","s":"a","at":"2026-01-01T00:00:00Z"}]'))
            vendor.say(f"/{name}?page=2", answer("429 Too Many Requests", b"", "Retry-After: 3000"))
        daemon.apply({"sources": [source(name, vendor, f"/{name}", f"127.0.0.{n + 2}", paging={"page": {"send": "query.page"}})
                                  for n, name in enumerate(held)]})
        wait_until("each has a page", lambda: all(vendor.count(f"/{name}?page=2") for name in held))
        daemon.apply({"sources": [source("open", vendor, "/open")]})
        wait_until("another is read, time and again", lambda: vendor.count("/open") > 2)
        alarm = alarms(daemon, "held-0")[0]
        assert alarm["alarm"] == "failing" and "lets nobody in before 20" in alarm["problem"], alarm
        daemon.stop()


def check_answers():
    """A part of an answer, a length that no number holds, no list where a list belongs: none of them means that there was no usage."""
    said = {
        "part": ("[]", answer("206 Partial Content", b"[]", "Content-Range: bytes 0-1/4000"), "206"),
        "endless": ("[]", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\nConnection: close\r\n\r\n[]", ""),
        "null": ("data[]", answer("200 OK", b"null"), "data"),
        "inner-null": ("data.rows[]", answer("200 OK", b'{"data":null}'), "data"),
    }
    vendor = Vendor()
    with daemon_of() as daemon:
        daemon.apply({"vendors": [{"key": "acme"}]})
        for name, (_, text, _) in said.items():
            vendor.say(f"/{name}", text)
        vendor.say("/empty-null", answer("200 OK", b'{"data":null}'))
        daemon.apply({"sources": [source(name, vendor, f"/{name}", rows=rows) for name, (rows, _, _) in said.items()] +
                      [source("empty-null", vendor, "/empty-null", rows="data[]")]})
        for name, (_, _, word) in said.items():
            wait_until(f"the alarm of {name}", lambda: alarms(daemon, name))
            alarm = alarms(daemon, name)[0]
            assert alarm["alarm"] in ("failing", "truncated") and word in alarm["problem"], (name, alarm)
        wait_until("a list that is null is an empty one", lambda: vendor.count("/empty-null") > 2)
        assert not alarms(daemon, "empty-null")
        daemon.stop()


def check_credentials():
    """Credentials are changed twice while the vendor thinks about an answer, and then it wants to be asked again."""
    vendor = Vendor()
    with daemon_of() as daemon:
        daemon.apply({"vendors": [{"key": "acme"}]})
        secrets = []
        for name in ("first", "second"):
            secrets.append(os.path.join(daemon.root, name))
            with open(secrets[-1], "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
                f.write(name)
        auth = [{"header": {"name": "X-Key", "value": "{secret}", "secret_file": path}} for path in secrets]
        vendor.say("/hold/it", answer("503 Service Unavailable", b""))
        daemon.apply({"sources": [source("held", vendor, "/hold/it", auth=auth[0])]})
        wait_until("it is asked", lambda: vendor.count("/hold/it"))
        daemon.apply({"sources": [source("held", vendor, "/hold/it", auth=auth[0], schedule={"every": "2s"})]})
        daemon.apply({"sources": [source("held", vendor, "/hold/it", auth=auth[1])]})
        daemon.apply({"sources": [source("another", vendor, "/another")]})
        wait_until("the catalog of then is gone", lambda: vendor.count("/another") > 1)
        vendor.gate.set()
        wait_until("the same is asked again", lambda: vendor.count("/hold/it") > 1)
        assert [key for key in vendor.keys if key][:2] == ["first", "first"], vendor.keys
        vendor.say("/hold/it", answer("200 OK", b"[]"))
        wait_until("the new credentials are used", lambda: "second" in vendor.keys)
        daemon.stop()


check_places()
check_pages()
check_answers()
check_credentials()
print("every hostile vendor was named")
