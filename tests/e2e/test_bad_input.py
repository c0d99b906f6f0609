"""Bad input of every kind: a clear error that says where, and nothing of it stored, billed or lost.

After every case the log's end and the usage are compared with what was good so far: a refusal leaves no trace, and one bad event takes
none of its neighbours along.
"""
import gzip
import json
import socket

import msgpack
import zstandard

from harness import Daemon
from pages import CATALOG, SETTINGS, ago, cpu, problem

BODY_MAX = 1 << 20


class Bench:
    """The daemon, and what it must hold."""

    def __init__(self, daemon):
        self.d, self.key, self.good, self.stored, self.number = daemon, daemon.vendor_key("acme"), 0, 0, 0

    def name(self):
        self.number += 1
        return f"g{self.number}"

    def post(self, body, content_type="application/json", **headers):
        headers = {"Content-Type": content_type, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.d.call("POST", "/v1/events", body=body, key=self.key, headers=headers)

    def unreadable(self, status, words, body, content_type="application/json", **headers):
        """Refused as a whole, with a problem that holds the words; and nothing moved."""
        page = problem(self.post(body, content_type, **headers), status, *words)
        assert self.d.status()["log"]["last_seq"] == self.stored, page
        return page

    def invalid(self, body, content_type="application/json", field=None, words=(), result="invalid", index=1, stored=0):
        """A body of good, bad, good: the bad one is named by index and field, its neighbours count."""
        answer = self.post(body, content_type)
        assert answer.status == 200, answer.body
        page = answer.json()
        assert page["accepted"] == 2 and page[result] == 1, page
        row = page["results"][0]
        assert row["index"] == index and row["result"] == result and row["class"] == "fix", row
        assert field is None or row["field"] == field, row
        for word in words:
            assert word in row["reason"], (word, row)
        self.good += 2
        self.stored += 2 + stored
        assert self.d.status()["log"]["last_seq"] == self.stored, page
        return row

    def between(self, bad):
        """A bad event between two good ones, as a JSON text; `bad` is text, or an event."""
        good = [json.dumps(cpu(self.name())) for _ in range(2)]
        return "[" + good[0] + "," + (bad if isinstance(bad, str) else json.dumps(bad)) + "," + good[1] + "]"

    def check(self):
        """Exactly the good events are in the usage."""
        self.d.settle()
        rows = self.d.get("/v1/usage?window=total&meter=vcpu_hours")["rows"]
        assert sum(r["events"] for r in rows) == self.good and sum(int(r["quantity"]) for r in rows) == self.good, (rows, self.good)


def check_envelopes(b):
    b.unreadable(400, ["byte 1"], "[}")
    b.unreadable(400, ["byte"], '[{"id": "x",')
    b.unreadable(400, ["byte"], json.dumps(cpu("x")) + " trailing")
    b.unreadable(400, [], "")
    b.unreadable(400, ["byte"], "\xff\xfe".encode("latin-1"))
    b.unreadable(400, ["byte"], "42")
    b.unreadable(400, ["byte"], "[" * 100000)
    good = msgpack.packb([cpu("x"), cpu("y")])
    b.unreadable(400, ["msgpack", "byte", "too early"], good[:-1], "application/msgpack")
    b.unreadable(400, ["msgpack", f"byte {len(good)}"], good + b"\x00", "application/msgpack")
    b.unreadable(400, ["msgpack"], b"\xc1", "application/msgpack")
    b.unreadable(400, ["msgpack"], b"\xdf\xff\xff\xff\xff", "application/msgpack")
    b.unreadable(400, ["msgpack", "fields"], msgpack.packb({"fields": ["id"]}), "application/msgpack")
    packed = zstandard.compress(json.dumps([cpu("x")] * 50).encode())
    b.unreadable(400, ["zstd", "byte"], packed[:-5], Content_Encoding="zstd")
    b.unreadable(400, ["zstd", "byte 0"], b"not zstd at all", Content_Encoding="zstd")
    b.unreadable(400, ["gzip", "byte"], gzip.compress(b"[]" * 500)[:-9], Content_Encoding="gzip")
    b.unreadable(400, ["gzip", "byte"], b"\x1f\x8bnonsense", Content_Encoding="gzip")
    b.unreadable(413, [], b" " * (BODY_MAX + 1))
    b.unreadable(413, ["decompressed"], zstandard.compress(b" " * (64 << 20)), Content_Encoding="zstd")
    b.unreadable(413, ["decompressed"], gzip.compress(b" " * (16 << 20)), Content_Encoding="gzip")
    b.unreadable(415, ["gzip"], b"[]", Content_Encoding="deflate")
    b.unreadable(415, ["image/png"], b"[]", "image/png")


def check_events(b):
    event = cpu("bad")
    for name in ("id", "type", "subject"):
        b.invalid(b.between({**event, name: ""}), field=name, words=["empty"])
        b.invalid(b.between({k: v for k, v in event.items() if k != name}), field=name, words=["missing"])
        b.invalid(b.between({**event, name: 7}), field=name)
    for data in ({"region": "a\0b"}, {"note": "\0"}):  # a dimension, or what no meter looks at
        b.invalid(b.between({**event, "data": {"hours": 1, **data}}), field="data." + list(data)[0], words=["must not hold the character U+0000"])
    b.invalid(b.between({**event, "id": "x" * 257}), field="id", words=["256"])
    b.invalid(b.between({**event, "subject": "x" * 129}), field="subject", words=["128"])
    for when in ("yesterday", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01", "2026-01-01T24:01:00Z",
                 "2026-01-01T00:00:00.1234567", "", 1735689600):
        b.invalid(b.between({**event, "time": when}), field="time")
    b.invalid(b.between({**event, "data": {"hours": "1.0000000000001", "region": "eu"}}), field="data.hours", words=["12 digits"])
    b.invalid(b.between(json.dumps(event).replace('"hours": 1', '"hours": 1e-13')), field="data.hours", words=["12 digits"])
    b.invalid(b.between(json.dumps(event).replace('"hours": 1', '"hours": 1e30')), field="data.hours", words=["larger"])
    for text in ("NaN", "Infinity", "1e999"):
        b.invalid(b.between({**event, "data": {"hours": text, "region": "eu"}}), field="data.hours")
    b.invalid(b.between({**event, "data": {"region": "eu"}}), field="data.hours", words=["missing", "vcpu_hours"])
    b.invalid(b.between({**event, "data": {"hours": True}}), field="data.hours", words=["number"])
    b.invalid(b.between({**event, "data": {"hours": [1]}}), field="data.hours")
    b.invalid(b.between({**event, "data": [1]}), field="data")
    b.invalid(b.between({**event, "data": {f"p{i}": i for i in range(65)}}), words=["64"])
    b.invalid(b.between({**event, "data": {"hours": 1, "region": "x" * 1025}}), field="data.region", words=["1024"])
    b.invalid(b.between(json.dumps(event).replace('"id"', '"id": "twice", "id"')), words=["twice"])
    b.invalid(b.between(json.dumps(event).replace('"hours": 1', '"hours": 2, "hours": 1')), words=["twice"])
    b.invalid(b.between(json.dumps(event)[:-1] + ', "speed": 1, "speed": 2}'), field="speed", words=["twice"])
    b.invalid(b.between({**event, "type": "meterd.void", "data": {}}), field="data.id", words=["missing"])
    b.invalid(b.between("null"))
    b.invalid(b.between('{"id": ' + '{"a":' * 20 + "1" + "}" * 21))
    b.invalid(b.between(json.dumps(event).replace('"hours": 1', '"hours": NaN')), field="data.hours", words=["finite"])
    lines = "\n".join([json.dumps(cpu(b.name())), '{"id": "half', json.dumps(cpu(b.name()))])
    b.invalid(lines, "application/x-ndjson", words=["column"])
    binary = [cpu(b.name()), {**event, "data": {"hours": float("nan")}}, cpu(b.name())]
    b.invalid(msgpack.packb(binary), "application/msgpack", field="data.hours")
    # Kept, visibly, and not billed.
    b.invalid(b.between(cpu("old", time=ago(days=400))), field="time", words=["quarantine"], result="expired", stored=1)
    b.invalid(b.between(cpu("ahead", time=ago(days=-3))), field="time", words=["quarantine"], result="future", stored=1)
    b.invalid(b.between({**cpu("g1"), "data": {"hours": 5, "region": "eu"}}), result="conflict", stored=1)
    b.invalid(b.between(cpu("early", subject="sub-late")), field="time", words=["starts"], result="not_active")


def check_strangers(b):
    answer = b.post([cpu(b.name()), {"id": "theft", "type": "mail.sent", "subject": "sub-2", "time": ago(hours=1),
                                     "data": {"count": 1}}]).json()
    b.good += 1
    b.stored += 1 + answer["held"]
    assert answer["accepted"] == 1 and answer["not_authorized"] == 1, answer
    assert answer["results"][0]["field"] == "subject" and "another vendor" in answer["results"][0]["reason"], answer
    b.d.settle()
    assert b.d.get("/v1/usage?window=total&vendor=other")["rows"] == []
    for key in ("mtr_" + "0" * 64, "nonsense", "mtr_\u00e9".encode().decode("latin-1")):
        problem(b.d.call("POST", "/v1/events", body=[cpu("x")], key=key), 401)


def check_documents(b):
    d = b.d
    version = d.status()["catalog"]["version"]

    def refused(text, line, *words):
        page = problem(d.call("PUT", "/v1/catalog", body=text, headers={"Content-Type": "application/yaml"}), 422)
        finding = page["findings"][0]
        assert finding["line"] == line and finding["column"] > 0, (page, line)
        for word in words:
            assert word in finding["text"] or word in finding["field"], (word, finding)

    tariff = 'tariffs:\n- key: t\n  currency: EUR\n  versions:\n  - from: 2026-01-01\n    components:\n    - key: c\n      meter: calls\n'
    refused("vendors: [\n  {key: a},\n  {key: }b\n", 3)
    refused("vendors:\n- key: a\n  key: b\n", 3, "key")
    refused("vendors:\n- key: a\n- key: a\n", 3, "a")
    refused("vendors:\n\t- key: a\n", 2)
    refused(tariff + "      graduated: [{up_to: 10, unit: 1},\n        {up_to: 10, unit: 2},\n        {unit: 3}]\n", 10)
    refused(tariff + "      graduated: [{up_to: 10, unit: 1},\n        {up_to: 5, unit: 2},\n        {unit: 3}]\n", 10)
    refused(tariff + "      per_unit: 0.0000000000000000001\n", 9, "per_unit")
    refused(tariff + "      per_unit: .nan\n", 9, "per_unit")
    refused(tariff.replace("EUR", "EUX") + "      per_unit: 1\n", 3, "EUX")
    refused("subscriptions:\n- key: x\n  service: compute\n  customer: c\n  tariff: compute\n  start: 2026-01-01\n"
            "  zone: Europe/Berlyn\n", 7, "Berlyn")
    refused("subscriptions:\n- key: x\n  service: nowhere\n  customer: c\n  tariff: compute\n  start: 2026-01-01\n", 3, "nowhere")
    refused("subscriptions:\n- key: x\n  service: compute\n  customer: c\n  tariff: compute\n  start: 2026-13-01\n", 6)
    refused("vendors: &a\n- key: x\nservices: *a\n", 1)
    refused("vendors:\n- {key: " + "[" * 40 + "]" * 40 + "}\n", 2)
    assert d.status()["catalog"]["version"] == version


def recv_all(s):
    try:
        return b"".join(iter(lambda: s.recv(65536), b""))
    except ConnectionResetError:
        return b"reset"


def check_connections(b):
    """Half-open, slow and rude clients are answered or closed in time, hold up nobody, and store nothing."""
    address = ("127.0.0.1", b.d.port)
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {b.key}\r\nContent-Type: application/json\r\n"
    body = json.dumps([cpu("slow")])
    silent = [socket.create_connection(address, timeout=120) for _ in range(50)]
    half_head = socket.create_connection(address, timeout=120)
    half_head.sendall(head.encode())
    half_body = socket.create_connection(address, timeout=120)
    half_body.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body[:9]}".encode())
    gone = socket.create_connection(address, timeout=120)
    gone.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body[:9]}".encode())
    gone.close()
    assert b.d.call("GET", "/v1/status").status == 200  # others are served meanwhile
    assert recv_all(half_head).startswith(b"HTTP/1.1 408 ") and recv_all(half_body).startswith(b"HTTP/1.1 408 ")
    for s in silent:
        assert recv_all(s) == b"", "a silent connection is closed without a word"
    for request, status in ((b"GET /v1/status HTTP/1.1\r\n\r\n", 400), (b"nonsense\r\n\r\n", 501),
                            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
                            (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20000 + b"\r\n\r\n", 431),
                            (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
                            (b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400)):
        with socket.create_connection(address, timeout=120) as s:
            s.sendall(request)
            answer = recv_all(s)
            assert answer.startswith(f"HTTP/1.1 {status} ".encode()), (request[:60], answer)
            assert b"problem+json" in answer and b'"detail"' in answer, answer
    assert b.d.status()["log"]["last_seq"] == b.stored


def main():
    settings = {**SETTINGS, "listen": {"body_bytes_max": BODY_MAX, "decoded_bytes_max": "4MiB", "header_timeout": "5s",
                                       "body_timeout": "5s", "idle_timeout": "5s"}}
    with Daemon(settings) as d:
        d.apply({**CATALOG, "subscriptions": [*CATALOG["subscriptions"], {"key": "sub-late", "service": "compute", "customer": "c",
                                                                          "tariff": "compute",
                                                                        "start": "2099-01-01"}]})
        b = Bench(d)
        for check in (check_envelopes, check_events, check_strangers, check_documents, check_connections):
            check(b)
            b.check()
            print(check.__name__, "ok")
        reasons = sorted(e["reason"] for e in d.get("/v1/quarantine")["events"])
        assert reasons == ["conflict", "expired", "future"], reasons
        d.command("audit", "--log")
        d.stop()


if __name__ == "__main__":
    main()
