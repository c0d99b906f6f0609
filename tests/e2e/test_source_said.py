"""What a vendor says beside a status that is no good one stands in the alarm: its beginning, in one line, without what was sent as a secret. So it is of a good
answer that says something in the place of its rows. A page in HTML, which a proxy or a login gives with any status, is called that."""
import base64
import json
import os
import re
from urllib.parse import quote

from daily import catalog
from harness import Daemon, wait_until
from small_vendor import SmallVendor

SECRET = 'to"ken/+=&%'
BASIC = base64.b64encode(f"meterd:{SECRET}".encode()).decode()
PAGE = b"<!DOCTYPE html>\n<html><head><title>\n Sign &amp; in </title></head><body><form></form></body></html>\n"


def echoed(headers):
    return headers.get("Authorization", "")


def body(**members):
    return json.dumps({"data": []} | members).encode()


def job(name):
    return {"job": {"submit": {"method": "GET", "path": f"/{name}"}, "id": {"path": "id"}, "poll": {"path": f"/{name}", "query": {"of": "{job.id}"}, "every": "1s"},
                    "status": {"path": "report", "done": ["OK"], "failed": ["BAD"]}, "result": {"url": {"path": "link"}}}}


# What the document says beside that.
MORE = {"failed": {"answer": {"ok": {"path": "state", "equals": "ok"}}}, "warned": {"answer": {"warnings": {"path": "hint", "then": "incomplete"}}},
        "report": job("report"), "word": job("word")}


# name: how one logs in, what is answered (status, body, type), and what is said of it
HEADER = {"header": {"secret_file": "token"}}
SAID = {
    "json": (HEADER, lambda sent: (400, f'{{"error":"no such\n\tplan","sent":"{echoed(sent)}"}}'.encode(), "application/json"),
             'the vendor answers 400 Bad Request; it says: {"error":"no such plan","sent":"***"}'),
    "escaped": (HEADER, lambda sent: (400, b'{"sent":"to\\"ken/+=&%"}', "application/json"), 'it says: {"sent":"***"}'),
    "basic": ({"basic": {"user": "meterd", "secret_file": "token"}}, lambda sent: (403, f"no: {echoed(sent)}".encode(), "text/plain"), "it says: no: ***"),
    "links": (HEADER, lambda sent: (404, b"see https://files.example/a?sig=abcdef", "text/plain"), "it says: see https://files.example/a?sig=***1"),
    "controls": (HEADER, lambda sent: (404, "one\x1b[31m\u009b2Jtwo\x00 three\r\n".encode(), "text/plain"), "it says: one [31m 2Jtwo three"),
    "long": (HEADER, lambda sent: (400, b"x" * 300000, "text/plain"), f"it says: {'x' * 160}…"),
    "binary": (HEADER, lambda sent: (400, b"\xff\xfe\x00", "application/octet-stream"), "the vendor answers 400 Bad Request"),
    "page": (HEADER, lambda sent: (403, PAGE, "text/html; charset=utf-8"), "; it says, in HTML: Sign &amp; in"),
    "bare": (HEADER, lambda sent: (400, b"<html><body>no</body></html>", "text/html"), "the vendor answers 400 Bad Request; it says, in HTML"),
    "login": (HEADER, lambda sent: (200, PAGE, "Text/HTML"), "page 1: line 1: is no JSON: it begins with `<`, as HTML and XML do"
              " (the answer is HTML: a page where one logs in, or of somebody in between?)"),
    "elsewhere": (HEADER, lambda sent: (200, f'{{"error":{{"message":"quota exceeded","for":"{echoed(sent).replace(chr(34), chr(92) + chr(34))}"}}}}'.encode(), "application/json"),
                  'nothing stands there; it says: {"error":{"message":"quota exceeded","for":"***"}}'),
    "failed": (HEADER, lambda sent: (200, body(state=f"no such key: {echoed(sent)} nor {quote(SECRET).lower()}"), "application/json"),
               "at `state` stands `no such key: *** nor ***`"),
    "warned": (HEADER, lambda sent: (200, body(state="ok", hint=f"the key {echoed(sent)} ends soon"), "application/json"), "the vendor warns: the key *** ends soon"),
    "report": (HEADER, lambda sent: (200, body(id="r1", report="BAD", message=f"{'x' * 150} {SECRET} may not"), "application/json"),
               f"the vendor could not make the report: {'x' * 150} *** may not"),
    "word": (HEADER, lambda sent: (200, body(id="r1", report=SECRET), "application/json"), "the report is `***`, which is none of the words"),
    "silent": (HEADER, lambda sent: (400, b"", "text/plain"), "the vendor answers 400 Bad Request"),
}


class Vendor(SmallVendor):
    def answer(self, path, query, headers):
        status, body, kind = SAID[path.strip("/")][1](headers)
        return status, body, {"Content-Type": kind}


def placed(auth, path):
    return {kind: {name: path if name == "secret_file" else value for name, value in keys.items()} for kind, keys in auth.items()}


def main():
    vendor = Vendor()
    with Daemon({"poller": {"allow_loopback": True}}) as daemon:
        token = os.path.join(daemon.root, "token")
        with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write(SECRET)
        daemon.apply(catalog())
        daemon.apply({"sources": [
            {"key": name, "vendor": "acme", "base_url": vendor.url(), "schedule": {"every": "1s"}, "window": {"periods": ["current"]},
             "auth": placed(auth, token), "format": {"json": {"rows": "data[]"}}, "identity": {"id": "id"},
             "map": {"type": "=t", "subject": "s", "time": "at"}} | MORE.get(name, {}) | ({} if "job" in MORE.get(name, {}) else {"request": {"path": f"/{name}"}})
            for name, (auth, _, _) in SAID.items()]})

        def problems():
            return {one["source"]: one["alarms"][0]["problem"] for one in daemon.get("/v1/sources")["sources"] if one["alarms"]}

        wait_until("an alarm of each", lambda: set(problems()) == set(SAID))
        told = problems()
        for name, (_, _, wanted) in SAID.items():
            assert wanted in told[name], (name, told[name])
            assert "it says" in wanted or name in MORE or "it says" not in told[name], told[name]
        shown = daemon.call("GET", "/v1/sources").body.decode() + daemon.command("source", "list").stdout + open(daemon.stderr_path, encoding="utf-8").read()
        assert not re.search(r"to\\*\"ken|" + re.escape(BASIC), shown) and "\x1b[31m" not in shown, shown
        daemon.stop()
    vendor.shutdown()
    print(f"{len(SAID)} answers")


main()
