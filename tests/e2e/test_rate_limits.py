#!/usr/bin/python3
"""Rates that API keys keep within, of a real daemon: what is over is answered 429 and leaves nothing, who waits as it is told loses nothing, and nobody else notices.

Rates are one a second or less beside bursts that a test uses up at once: what comes back meanwhile is little, however long the machine takes.
"""
import http.client
import hashlib
import json
import os
import re
import signal
import socket

from harness import Daemon, wait_until
from pages import CATALOG, SETTINGS, cpu

ONE_BATCH = 100
CATALOG_OF_TWO = {**CATALOG, "vendors": [*CATALOG["vendors"], {"key": "rival"}]}


def settings(**limits):
    return {**SETTINGS, "limits": limits, "listen": {"send_timeout": "10m"}}


def reload(d, **limits):
    """By SIGHUP, and only that."""
    before = d.log_lines().count("reloaded the configuration")
    d.settings["limits"] = limits
    d.write_config()
    d.process.send_signal(signal.SIGHUP)
    wait_until("the reload", lambda: d.log_lines().count("reloaded the configuration") > before)


def fields(text):
    """A list of structured fields (RFC 9651), as of RateLimit: {name: {parameter: value}}."""
    found = {}
    for member in text.split(", "):
        name, *parameters = member.split(";")
        assert re.fullmatch(r'"[a-z]+"', name), text
        found[name.strip('"')] = dict(re.fullmatch(r'([a-z]+)="?([a-z0-9-]+)"?', p).groups() for p in parameters)
    return found


def rates(answer):
    return fields(answer.headers["RateLimit-Policy"]), fields(answer.headers["RateLimit"])


def send(d, key, first, count=ONE_BATCH, headers=None):
    return d.call("POST", "/v1/events", body=[cpu(f"e{i}") for i in range(first, first + count)], key=key, headers=headers)


def check_limited(answer, limit, setting, wait_max):
    assert answer.status == 429, (answer.status, answer.body)
    problem = answer.json()
    assert problem["code"] == "request.limited" and f"limits.{setting}" in problem["detail"], problem
    wait = int(answer.headers["Retry-After"])
    assert 1 <= wait <= wait_max, wait
    policy, state = rates(answer)
    assert limit in policy and state[limit].get("t", str(wait)) == str(wait), (policy, state, wait)
    return state


def metric(d, limit):
    text = d.call("GET", "/metrics", port=d.admin_port).body.decode()
    return int(re.search(rf'^meterd_requests_limited_total{{limit="{limit}"}} (\d+)$', text, re.M)[1])


def stored(d):
    return d.status()["log"]["last_seq"]


# ---- events ----

def check_events(d, vendor, rival):
    answer = send(d, vendor, 0, 250)
    assert answer.status == 200
    policy, state = rates(answer)
    assert policy == {"events": {"q": "300", "w": "300", "qu": "events"}}, policy
    assert int(state["events"]["r"]) >= 50 and 1 <= int(state["events"]["t"]) <= 250, state
    last = stored(d)
    state = check_limited(send(d, vendor, 250, 290), "events", "events_per_second", 240)  # whole
    assert int(state["events"]["r"]) >= 50 and stored(d) == last, state
    assert send(d, vendor, 250, 50).status == 200  # what was refused has cost nothing
    check_limited(send(d, vendor, 300, 280), "events", "events_per_second", 280)
    check_limited(d.call("POST", "/v1/events?dry_run=true", body=[cpu(f"d{i}") for i in range(280)], key=vendor), "events", "events_per_second", 280)
    assert send(d, rival, 0, 300).status == 200  # it has its own
    assert d.call("GET", "/v1/usage", key=vendor).status == 200
    assert metric(d, "events") == 3 and "429 to API key 'acme-key': more than limits.events_per_second" in d.log_lines(), d.log_lines()


def check_reload(d, vendor):
    reload(d, events_per_second=0)
    answer = send(d, vendor, 300, 500)
    assert answer.status == 200 and "RateLimit" not in answer.headers, answer.headers
    reload(d, events_per_second=1, event_burst=10)
    fresh = d.vendor_key("acme", ("ingest", "query"), "fresh")
    assert send(d, fresh, 800, 150).status == 200  # more than the burst, of a full one: it owes
    check_limited(send(d, fresh, 950, 1), "events", "events_per_second", 141)
    for body, headers in ((b"[{", {}), (b"x", {"Content-Encoding": "gzip"})):
        assert d.call("POST", "/v1/events", body=body, key=d.vendor_key("acme", ("ingest",), f"bad{len(body)}"),
                      headers={"Content-Type": "application/json", **headers}).status == 400


def check_sender(d, lost):
    """The command waits as it is told."""
    reload(d, events_per_second=200, event_burst=100, requests_per_second=3, request_burst=3, bytes_per_second=50000, byte_burst=20000)
    before = {limit: metric(d, limit) for limit in ("events", "requests", "bytes")}
    secret = d.vendor_key("acme", ("ingest",), "sender")
    path = os.path.join(d.root, "sender.key")
    lines = "".join(json.dumps(cpu(f"s{i}")) + "\n" for i in range(600))
    done = d.command("send", "--batch", "100", "--compress", "none", "--key-file", path, "--attempts", "100", stdin=lines)
    assert secret and done.stdout == "600 events, 600 accepted\n", (done.stdout, done.stderr)
    assert sum(metric(d, limit) - count for limit, count in before.items()) >= 1
    lost(d, 600)


# ---- requests, bytes, calls ----

def check_requests(d, vendor, rival):
    reload(d, requests_per_second=1, request_burst=20)
    answers = [d.call("GET", "/v1/usage", key=vendor) for _ in range(20)]
    assert [a.status for a in answers] == [200] * 20
    policy, state = rates(answers[0])
    assert policy == {"requests": {"q": "20", "w": "20", "qu": "requests"}} and state["requests"] == {"r": "19", "t": "1"}, (policy, state)
    flood(d, vendor)
    assert d.call("GET", "/v1/usage", key=rival).status == 200
    for _ in range(50):  # who administers is let in
        answer = d.call("GET", "/v1/status")
        assert answer.status == 200 and "RateLimit" not in answer.headers, answer.headers
    reload(d)
    assert d.call("GET", "/v1/usage", key=vendor).status == 200


def flood(d, vendor):
    """More than comes back meanwhile: 200 requests on one connection, of which few are let through."""
    connection = http.client.HTTPConnection("127.0.0.1", d.port)
    statuses = []
    for _ in range(200):
        connection.request("GET", "/v1/usage", headers={"Authorization": f"Bearer {vendor}"})
        answer = connection.getresponse()
        statuses.append(answer.status)
        if answer.status == 429:
            assert int(answer.headers["Retry-After"]) == 1, answer.headers
        answer.read()
    connection.close()
    assert set(statuses) <= {200, 429} and statuses.count(429) >= 100, statuses


def raw(d, head, body=b""):
    """One request, byte by byte as it is; head and body of the answer."""
    with socket.create_connection(("127.0.0.1", d.port)) as s:
        s.sendall(head.encode() + body)
        s.settimeout(60)
        answer = b""
        while piece := s.recv(65536):
            answer += piece
    return answer


def check_bytes(d):
    reload(d, bytes_per_second=1, byte_burst="64KiB")
    key = d.vendor_key("acme", ("ingest",), "bytes")
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    body = json.dumps([cpu(f"b{i}") for i in range(1000)]).encode()
    assert len(body) > 65536
    assert raw(d, f"{head}Content-Length: {len(body)}\r\n\r\n", body).startswith(b"HTTP/1.1 200")  # it owes
    last = stored(d)
    answer = raw(d, f"{head}Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n")  # before the body is sent
    assert answer.startswith(b"HTTP/1.1 429") and b"limits.bytes_per_second" in answer, answer
    assert raw(d, f"{head}Content-Length: {len(body)}\r\n\r\n", body).startswith(b"HTTP/1.1 429") and stored(d) == last
    chunked = d.vendor_key("acme", ("ingest",), "chunked")
    head = head.replace(key, chunked) + "Transfer-Encoding: chunked\r\n\r\n"
    body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    assert raw(d, head, body).startswith(b"HTTP/1.1 200")  # nobody knew
    assert raw(d, head).startswith(b"HTTP/1.1 429")         # it counts all the same
    assert metric(d, "bytes") >= 3


def check_queries(d, vendor, rival):
    """One that nobody reads is under way for as long."""
    reader = d.command("key", "reader", "--scope", "query", "--json")
    reader = json.loads(reader.stdout)["secret"]
    reload(d)
    many = [cpu(f"q{i}", region=f"{i}-{'x' * 200}") for i in range(10000)]
    assert d.call("POST", "/v1/events", body=many, key=vendor).status == 200
    d.settle()
    reload(d, queries_max=1)
    with socket.create_connection(("127.0.0.1", d.port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(f"GET /v1/usage?window=total&group_by=region HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {reader}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += slow.recv(1024)
        assert head.startswith(b"HTTP/1.1 200") and b'\r\nRateLimit: "queries";r=0\r\n' in head, head
        check_limited(d.call("GET", "/v1/usage", key=reader), "queries", "queries_max", 1)
        assert d.call("GET", "/v1/usage", key=vendor).status == 200 and d.call("GET", "/v1/usage", key=rival).status == 200
    wait_until("the end of the one before", lambda: d.call("GET", "/v1/usage", key=reader).status == 200)
    wait_until("an end of each", lambda: [d.call("GET", "/v1/usage", key=reader).status for _ in range(10)] == [200] * 10)


def check_own(d):
    """What a key's own document says comes first."""
    secrets = {name: f"mtr_{name}" for name in ("small", "free", "root")}
    limits = {"small": {"events_per_second": 1, "event_burst": 5}, "free": {"events_per_second": 0}, "root": {"requests_per_second": 1, "request_burst": 2}}
    d.apply({"api_keys": [{"key": name, "sha256": hashlib.sha256(secret.encode()).hexdigest(), "limits": limits[name],
                           **({"scopes": ["admin"]} if name == "root" else {"scopes": ["ingest"], "vendor": "acme"})} for name, secret in secrets.items()]})
    for config in ({"events_per_second": 1, "event_burst": 7}, {}):
        reload(d, **config)
        policy, _ = rates(send(d, secrets["small"], 2000, 1))
        assert policy["events"] == {"q": "5", "w": "5", "qu": "events"}, policy
        answer = send(d, secrets["free"], 3000, 1000)
        assert answer.status == 200 and "RateLimit" not in answer.headers, answer.headers
    assert 429 in [d.call("GET", "/v1/catalog/vendor", key=secrets["root"]).status for _ in range(50)]
    d.command("key", "small", "--disable")
    assert d.get("/v1/catalog/api_key/small")["document"]["limits"]["event_burst"] == 5
    wrong = d.call("PUT", "/v1/catalog/api_key/small", body={"key": "small", "limits": {"event_per_second": 1}})
    assert wrong.status == 422 and b"did you mean `events_per_second`" in wrong.body, wrong.body


# ---- without a key ----

def check_strangers(d, vendor):
    reload(d, unauthenticated_per_second=1)
    statuses = [d.call("GET", "/v1/usage", key="mtr_wrong").status for _ in range(200)]
    assert statuses[:10] == [401] * 10 and set(statuses) == {401, 429} and statuses.count(429) >= 100, statuses
    check_limited(d.call("GET", "/v1/openapi.json", key="mtr_wrong"), "unauthenticated", "unauthenticated_per_second", 1)
    assert [d.call("GET", "/v1/usage", key=vendor).status for _ in range(50)] == [200] * 50  # of the same address
    elsewhere = {"X-Forwarded-For": "203.0.113.7"}  # whom a proxy on this machine names
    assert d.call("GET", "/v1/openapi.json", headers=elsewhere).status == 200
    assert d.call("GET", "/v1/usage", key="mtr_wrong", headers=elsewhere).status == 401
    assert "429 to address 127.0.0.1: more than limits.unauthenticated_per_second" in d.log_lines(), d.log_lines()
    reload(d, unauthenticated_per_second=0)
    assert [d.call("GET", "/v1/usage", key="mtr_wrong").status for _ in range(50)] == [401] * 50


def check_defaults():
    """Nothing of a key, and much of an address."""
    with Daemon(SETTINGS) as d:
        d.apply(CATALOG)
        answer = send(d, d.vendor_key("acme"), 0)
        assert answer.status == 200 and "RateLimit" not in answer.headers, answer.headers
        policy, _ = rates(d.call("GET", "/v1/openapi.json"))
        assert policy == {"unauthenticated": {"q": "1000", "w": "10", "qu": "requests"}}, policy


def main():
    check_defaults()
    with Daemon(settings(events_per_second=1, event_burst=300)) as d:
        d.apply(CATALOG_OF_TWO)
        vendor, rival = d.vendor_key("acme", ("ingest", "query")), d.vendor_key("rival", ("ingest", "query"))

        def lost(d, count):
            d.settle()
            assert len([e for e in d.listed("/v1/events", "events") if e["id"].startswith("s")]) == count

        check_events(d, vendor, rival)
        check_reload(d, vendor)
        check_sender(d, lost)
        check_requests(d, vendor, rival)
        check_bytes(d)
        check_queries(d, vendor, rival)
        check_own(d)
        check_strangers(d, vendor)
        d.stop()


if __name__ == "__main__":
    main()
