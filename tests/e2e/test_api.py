"""Every route of the API, asked by a real client: who may, what comes back, and what a wrong request is told."""
import csv
import gzip
import http.client
import io
import json
import os
import shutil
import socket
import tempfile

import msgpack
import zstandard

from harness import Daemon, free_port, wait_until
from pages import CATALOG, SETTINGS, ago, cpu, problem


def send(daemon, events, key=None, **headers):
    answer = daemon.call("POST", "/v1/events", body=events, key=key or daemon.acme,
                         headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store", (answer.status, answer.headers, answer.body)
    return answer.json()


# ---- who may ----

def check_credentials(d):
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer mtr_" + "0" * 64},
                    {"Authorization": "Bearer " + d.key[:-1]}):
        answer = raw_call(d, "GET", "/v1/usage", headers)
        problem(answer, 401, "API key")
        assert answer.headers["WWW-Authenticate"] == "Bearer", answer.headers
    calls = {"ingest": ("POST", "/v1/events"), "query": ("GET", "/v1/usage"), "billing": ("GET", "/v1/charges"),
             "admin": ("GET", "/v1/catalog/vendor")}
    for scope in calls:
        key = d.vendor_key("acme", (scope,), f"only-{scope}") if scope in ("ingest", "query") else operator_key(d, scope)
        for other, (method, path) in calls.items():
            answer = d.call(method, path, body=[] if method == "POST" else None, key=key)
            if other == scope:
                assert answer.status == 200, (scope, path, answer.body)
            else:
                problem(answer, 403, f"only-{scope}", "scope")
    d.command("key", "only-query", "--disable")
    with open(f"{d.root}/only-query.key") as f:
        problem(d.call("GET", "/v1/usage", key=f.read().strip()), 401, "disabled")


def operator_key(d, scope):
    path = f"{d.root}/only-{scope}.key"
    d.command("key", f"only-{scope}", "--scope", scope, "--out", path)
    with open(path) as f:
        return f.read().strip()


def raw_call(d, method, path, headers):
    """Without the harness' own key."""
    from harness import Answer
    connection = http.client.HTTPConnection("127.0.0.1", d.port, timeout=120)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    result = Answer(answer.status, answer.headers, answer.read())
    connection.close()
    return result


def check_vendor_binding(d):
    send(d, [{"id": "m1", "type": "mail.sent", "subject": "sub-2", "time": ago(hours=1), "data": {"count": 7}}], key=d.other)
    answer = send(d, [{"id": "theft", "type": "mail.sent", "subject": "sub-2", "time": ago(hours=1), "data": {"count": 7}}])
    d.settle()
    assert answer["held"] + answer["not_authorized"] == 1, answer  # acme's sub-2 is not other's
    all_scopes = d.vendor_key("other", ("ingest", "query", "billing", "admin"), "other-all")
    for path in ("/v1/charges", "/v1/outbox", "/v1/catalog/tariff", "/v1/quarantine", "/v1/held", "/v1/events"):
        problem(d.call("GET", path, key=all_scopes), 403, "other-all", "vendor")  # these show what other vendors sold
    problem(d.call("PUT", "/v1/catalog", body="{}", key=all_scopes), 403, "vendor")
    own = d.vendor_key("other", ("query",), "other-query")
    rows = d.call("GET", "/v1/usage?window=total", key=own).json()["rows"]
    assert {r["vendor"] for r in rows} == {"other"} and sum(int(r["quantity"]) for r in rows) == 7, rows
    status = d.call("GET", "/v1/status", key=own).json()  # how much all others send is not for a vendor
    assert status["ready"] is True and set(status["aggregator"]) == {"idle", "watermark"} and not {"log", "catalog"} & set(status), status
    assert set(status["rater"]) == {"idle", "waits_for_fold"}, status
    problem(d.call("GET", "/v1/usage?vendor=acme", key=own), 403, "other")
    for name, value in (("subscription", "sub-1"), ("meter", "calls")):
        problem(d.call("GET", f"/v1/usage?{name}={value}", key=own), 404, value)
    problem(d.call("POST", "/v1/price", body={"tariff": "compute", "component": "vcpu", "quantity": "1"}, key=own), 422, "no tariff")
    problem(d.call("POST", "/v1/events", body=[], key=d.key), 403)


# ---- wrong requests ----

def check_wrong_requests(d):
    problem(d.call("GET", "/v1/nothing"), 404, "/v1/nothing")
    problem(d.call("GET", "/"), 404)
    problem(d.call("GET", "/v1/catalog/animal"), 404, "animal")
    problem(d.call("GET", "/v1/catalog/vendor/nobody"), 404, "nobody")
    problem(d.call("GET", "/v1/charges/999999"), 404)
    problem(d.call("GET", "/v1/usage?subscription=nobody"), 404, "nobody")
    answer = d.call("DELETE", "/v1/usage")
    problem(answer, 405, "DELETE")
    assert answer.headers.get("Allow") == "GET, HEAD", answer.headers
    assert d.call("POST", "/v1/catalog/vendor/acme").headers.get("Allow") == "GET, HEAD, PUT, DELETE"
    for path in ("/v1/usage", "/v1/charges"):
        problem(d.call("GET", path, headers={"Accept": "image/png"}), 406, "text/csv")
    problem(d.call("POST", "/v1/events", body="x", headers={"Content-Type": "text/plain"}, key=d.acme), 415, "text/plain")
    problem(d.call("POST", "/v1/events", body="[]", headers={"Content-Type": "application/json", "Content-Encoding": "br"}, key=d.acme),
            415, "br")
    problem(d.call("POST", "/v1/events", body=b"[" + b" " * (3 << 20) + b"]", headers={"Content-Type": "application/json"}, key=d.acme),
            413)
    problem(d.call("POST", "/v1/events", body=[cpu(f"many-{i}") for i in range(501)], key=d.acme), 413, "500")
    for path, word in (("/v1/usage?from=yesterday", "from"), ("/v1/usage?from=2026-02-30", "from"), ("/v1/usage?window=week", "window"),
                       ("/v1/usage?zone=Mars/Olympus", "zone"), ("/v1/usage?limit=0", "limit"),
                       ("/v1/usage?from=2026-02-01&to=2026-01-01", "before"),
                       ("/v1/charges?after=-1", "after"), ("/v1/charges?limit=10001", "limit"),
                       ("/v1/charges?consumer=" + "c" * 65, "consumer"),
                       ("/v1/usage?from=%zz", "escape"), ("/v1/quarantine?limit=x", "limit"), ("/v1/outbox?state=lost", "state"),
                       ("/v1/usage?subscriptoin=sub-1", "subscriptoin"), ("/v1/charges?drafts=maybe", "drafts")):
        problem(d.call("GET", path), 400, word)
    for path in ("/v1/charges/ack", "/v1/price", "/v1/outbox/msg_0"):
        page = problem(d.call("POST", path, body='{"a": 1,\n "b" 2}', headers={"Content-Type": "application/json"}),
                       400 if path != "/v1/price" else 422)
        assert "2" in page["detail"] or page["findings"][0]["line"] == 2, page
    problem(d.call("POST", "/v1/charges/ack", body={"up_to": 1}), 400, "consumer")
    problem(d.call("POST", "/v1/charges/ack", body={"consumer": "c", "up_to": 10**9}), 409, "charges behind number 1 that were told before are no more")
    problem(d.call("POST", "/v1/outbox/msg_00000000000000000000000000000000", body={"action": "retry"}), 404)


# ---- usage ----

def check_usage(d):
    send(d, [cpu("u1", "1.5", "eu", "2026-01-10T18:15:00Z"), cpu("u2", 2, "us", "2026-01-10T18:45:00Z"),
             cpu("u3", "0.25", "eu", "2026-02-01T00:30:00Z")])
    d.settle()
    base = "/v1/usage?subscription=sub-1&from=2026-01-01&to=2026-03-01&meter=vcpu_hours"
    month = d.get(base + "&window=month")["rows"]
    assert [(r["start"], r["quantity"]) for r in month] == [("2026-01-01T00:00:00+05:30", "3.5"),
                                                            ("2026-02-01T00:00:00+05:30", "0.25")], month
    # 18:45 UTC is already the 11th in Kolkata.
    assert [(r["start"][:10], r["quantity"]) for r in d.get(base + "&window=day")["rows"]] == [("2026-01-10", "1.5"), ("2026-01-11", "2"),
                                                                                               ("2026-02-01", "0.25")]
    assert [(r["start"], r["quantity"]) for r in d.get(base + "&window=hour")["rows"]][0] == ("2026-01-10T23:00:00+05:30", "1.5")
    assert d.get(base + "&window=total")["rows"][0]["quantity"] == "3.75"
    by_region = {r["dimensions"]["region"]: r["quantity"] for r in d.get(base + "&window=total&group_by=region")["rows"]}
    assert by_region == {"eu": "1.75", "us": "2"}, by_region
    # Cells are hours of Kolkata; windows of another zone, and times inside an hour, cut them.
    utc = d.get(base + "&window=month&zone=UTC")["rows"]
    assert [(r["start"][:10], r["quantity"]) for r in utc] == [("2026-01-01", "3.5"), ("2026-02-01", "0.25")], utc
    assert d.get(base + "&window=total")["rows"][0]["start"] == "2026-01-01T00:00:00+05:30"
    cut = d.get("/v1/usage?meter=vcpu_hours&window=month&from=2026-01-10T18:30:00Z&to=2026-02-01")["rows"]
    assert [(r["start"], r["quantity"]) for r in cut] == [("2026-01-11T00:00:00+05:30", "2")], cut
    hours = d.get("/v1/usage?meter=vcpu_hours&window=hour&zone=UTC&from=2026-01-10T18:00:00Z&to=2026-01-10T19:00:00Z")["rows"]
    assert [(r["start"], r["end"], r["quantity"]) for r in hours] == [("2026-01-10T18:00:00+00:00", "2026-01-10T19:00:00+00:00", "3.5")], hours
    for start, end, quantities in (("18:10", "18:20", ["1.5"]), ("18:15", "18:45", ["1.5"]), ("18:15:00.000001", "18:45:00.000001", ["2"]),
                                   ("18:16", "18:45", []), ("18:00", "18:15", [])):
        rows = d.get(f"/v1/usage?meter=vcpu_hours&window=total&from=2026-01-10T{start}{'' if '.' in start else ':00'}Z"
                     f"&to=2026-01-10T{end}{'' if '.' in end else ':00'}Z")["rows"]
        assert [r["quantity"] for r in rows] == quantities, (start, end, rows)
    lines = d.call("GET", base + "&window=month", headers={"Accept": "application/x-ndjson"})
    assert lines.headers["Content-Type"] == "application/x-ndjson" and [json.loads(l) for l in lines.body.splitlines()] == month
    twice = d.call("GET", base + "&window=total&group_by=region,region&group_by=region").body
    assert twice.count(b'"region":"eu"') == twice.count(b'"region":"us"') == 1, twice  # named twice is once
    sheet = d.call("GET", base + "&window=month&group_by=subscription,region", headers={"Accept": "text/csv;q=0.9, application/xml"})
    rows = list(csv.DictReader(io.StringIO(sheet.body.decode(), newline="")))
    assert sheet.headers["Content-Type"].startswith("text/csv") and [r["region"] for r in rows] == ["eu", "us", "eu"], rows
    assert d.call("GET", base, headers={"Accept": "text/csv;q=0.1, application/json"}).headers["Content-Type"] == "application/json"
    problem(d.call("GET", base + "&window=hour&limit=1"), 400, "1")


# ---- charges ----

def all_charges(d):
    return d.get("/v1/charges?limit=10000")["charges"]


def check_charges(d):
    charges = all_charges(d)
    assert len(charges) >= 4 and [c["number"] for c in charges] == list(range(1, len(charges) + 1)), charges
    first = d.get("/v1/charges?limit=2&consumer=erp")
    assert [c["number"] for c in first["charges"]] == [1, 2] and first["has_more"] and first["next_after"] == 2
    assert d.call("POST", "/v1/charges/ack", body={"consumer": "erp", "up_to": 1}).json() == {"up_to": 1}
    assert [c["number"] for c in d.get("/v1/charges?limit=2&consumer=erp")["charges"]] == [2, 3]
    assert d.call("POST", "/v1/charges/ack", body={"consumer": "erp", "ids": [charges[2]["id"]]}).json() == {"up_to": 1}  # 2 is still open
    assert [c["number"] for c in d.get("/v1/charges?limit=2&consumer=erp")["charges"]] == [2, 4]
    assert d.call("POST", "/v1/charges/ack", body={"consumer": "erp", "ids": [charges[1]["id"]]}).json() == {"up_to": 3}
    assert d.get("/v1/charges?after=0&limit=2&consumer=erp")["charges"] == charges[:2]  # replay
    assert d.get("/v1/charges?limit=1")["charges"] == charges[:1]                       # nobody acknowledged for others
    assert {c["subscription"] for c in d.get("/v1/charges?subscription=sub-2")["charges"]} == {"sub-2"}
    assert "draft" not in {c["status"] for c in d.get("/v1/charges?drafts=false&limit=10000")["charges"]}
    lines = d.call("GET", "/v1/charges?limit=10000", headers={"Accept": "application/x-ndjson"})
    assert [json.loads(l) for l in lines.body.splitlines()] == charges
    sheet = d.call("GET", "/v1/charges?limit=10000", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(sheet.body.decode(), newline="")))
    assert [(r["id"], r["amount"]) for r in rows] == [(c["id"], c["amount"]) for c in charges], rows
    # A page that ends before the feed does says so, whatever its format.
    for accept in ("text/csv", "application/x-ndjson"):
        cut = d.call("GET", "/v1/charges?limit=2", headers={"Accept": accept})
        assert cut.headers.get("Meterd-Next-After") == "2" and cut.headers.get("Meterd-Has-More") == "true", cut.headers
    for name in (charges[0]["id"], "1"):
        explained = d.get(f"/v1/charges/{name}")
        assert explained["charge"] == charges[0] and explained["difference"] and explained["price"], explained


# ---- outbox ----

def check_outbox(d):
    secret = d.root + "/hook.secret"
    with open(secret, "w") as f:
        f.write("whsec_" + "QUJD" * 8 + "\n")
    d.apply({"destinations": [{"key": "erp", "kind": "http", "url": f"http://127.0.0.1:{free_port()}/in", "secret_files": [secret],
                               "timeout": "1s",
                               "drafts": True}]})
    message = wait_until("a message", lambda: d.get("/v1/outbox?destination=erp")["messages"])[0]
    assert message["destination"] == "erp" and message["charges"] >= 1, message
    assert d.get("/v1/outbox?state=rejected")["messages"] == []
    wait_until("an attempt", lambda: d.get("/v1/outbox")["messages"][0]["attempts"] >= 1)
    problem(d.call("GET", "/v1/outbox?destination=nobody"), 404, "nobody")
    problem(d.call("POST", f"/v1/outbox/{message['id']}", body={"action": "forget"}), 400, "retry")
    answer = d.call("POST", f"/v1/outbox/{message['id']}", body={"action": "delivered"})
    assert answer.status in (200, 409), answer.body
    if answer.status == 200:
        assert answer.json()["state"] == "acked", answer.body
    d.apply({"destinations": [{"key": "erp", "kind": "http", "url": "http://127.0.0.1:1/in", "secret_files": [secret], "disabled": True}]})
    d.apply({"destinations": [{"key": "typo", "kind": "http", "url": "http://[::1:80/in", "drafts": True}]})
    wait_until("what can never be sent is an operator's", lambda: d.get("/v1/outbox?destination=typo&state=rejected")["messages"])
    check_secret_files(d, secret)


def check_secret_files(d, secret):
    """What documents name is opened only where it is a file, in its place, and none of the daemon's own: nothing waits for a pipe, and no store loses its locks."""
    elsewhere = tempfile.mkdtemp(prefix="meterd-e2e-")
    os.mkfifo(d.root + "/pipe")
    shutil.copy(secret, elsewhere + "/hook.secret")
    os.symlink(d.data + "/charges/lock.mdb", d.root + "/lock")
    words = {d.root + "/pipe": "is no file", elsewhere + "/hook.secret": "is not below outbox.secrets_directory", "/dev/zero": "`/dev/zero` is no file",
             d.root + "/lock": "is in meterd's own directory", d.root + "/absent": "does not exist"}
    for number, (path, said) in enumerate(words.items()):
        d.apply({"destinations": [{"key": f"hook-{number}", "kind": "http", "url": "http://127.0.0.1:1/in", "secret_files": [path], "drafts": True}]})
        wait_until(said, lambda: any(f"destination=hook-{number} " in line and said in line for line in d.log_lines().splitlines()))
        d.apply({"destinations": [{"key": f"hook-{number}", "kind": "http", "url": "http://127.0.0.1:1/in", "disabled": True}]})
    shutil.rmtree(elsewhere)


# ---- catalog and price ----

def check_catalog(d):
    before = d.get("/v1/catalog/vendor/acme")
    dry = d.call("PUT", "/v1/catalog/vendor/acme?dry_run", body={"name": "Acme"}).json()
    assert dry["dry_run"] is True and dry["updated"] == 1 and d.get("/v1/catalog/vendor/acme") == before, dry
    done = d.call("PUT", "/v1/catalog/vendor/acme", body="name: Acme\n", headers={"Content-Type": "application/yaml"}).json()
    assert (done["created"], done["updated"], done["unchanged"]) == (0, 1, 0), done
    same = d.call("PUT", "/v1/catalog/vendor/acme", body={"name": "Acme"}).json()
    assert (same["updated"], same["unchanged"], same["version"]) == (0, 1, done["version"]), same
    assert d.get("/v1/catalog/vendor/acme")["revision"] == 2
    assert d.get("/v1/catalog/vendor/acme?revision=1") == before
    assert [r["revision"] for r in d.get("/v1/catalog/vendor/acme?revisions=true")["documents"]] in ([1, 2], [2, 1])
    problem(d.call("GET", "/v1/catalog/vendor/acme?revision=9"), 404, "revision")
    assert {x["key"] for x in d.get("/v1/catalog/vendor")["documents"]} == {"acme", "other"}
    page = problem(d.call("PUT", "/v1/catalog", body="vendors:\n  - key: x\n    nmae: X\nservices:\n  - {key: s, vendor: nobody}\n"), 422)
    places = {(f["line"], f["severity"]) for f in page["findings"]}
    assert (3, "error") in places and all(f["column"] for f in page["findings"]) and "name" in page["findings"][0]["text"], page
    many = "vendors:\n" + "".join(f"- {{key: x{i}, nmae: x}}\n" for i in range(300))
    page = problem(d.call("PUT", "/v1/catalog", body=many), 422)
    assert len(page["findings"]) == 200 and page["detail"].endswith("; 200 of its 300 findings are listed"), page["detail"]
    problem(d.call("GET", "/v1/catalog/vendor/x"), 404)  # nothing of it was applied
    problem(d.call("PUT", "/v1/catalog/vendor/acme", body={"key": "other"}), 422)


def check_price(d):
    stored = d.call("POST", "/v1/price", body={"tariff": "compute", "component": "vcpu", "quantity": "10",
                                               "dimensions": {"region": "eu"}}).json()
    assert stored["total"] == "0.50" and stored["currency"] == "EUR" and stored["trace"], stored
    given = d.call("POST", "/v1/price", body={"trace": False, "quantity": "3", "tariff": {"key": "t", "currency": "JPY", "versions": [
        {"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "10.4"}]}]}}).json()
    assert given["total"] == "31" and "trace" not in given, given
    problem(d.call("POST", "/v1/price", body={"tariff": "nobody", "quantity": "1"}), 422, "nobody")
    problem(d.call("POST", "/v1/price", body={"tariff": "compute", "component": "vcpu", "quantity": "0.0000000000001"}), 422, "quantity")
    problem(d.call("POST", "/v1/price", body={"tariff": "compute", "quantity": "1"}), 422, "component")
    problem(d.call("POST", "/v1/price", body={"tariff": "compute", "component": "vcpu", "quantity": "1e26"}), 422, "out of range")


# ---- events in every shape ----

def check_shapes(d):
    count = lambda answer: answer["accepted"] + answer["late"]
    assert count(send(d, cpu("one"))) == 1
    assert count(send(d, [cpu("a1"), cpu("a2")])) == 2
    assert count(send(d, "\n".join(json.dumps(cpu(f"n{i}")) for i in range(3)) + "\n\n", Content_Type="application/x-ndjson")) == 3
    assert count(send(d, msgpack.packb([cpu("p1"), cpu("p2")]), Content_Type="application/msgpack")) == 2
    rows = {"fields": ["id", "source", "type", "subject", "time", "data.hours", "data.region"],
            "rows": [["r1", "s", "vm.cpu", "sub-1", ago(hours=1), "1.25", "eu"], ["r2", "s", "vm.cpu", "sub-1", ago(hours=1), 2, "us"]]}
    assert count(send(d, msgpack.packb(rows), Content_Type="application/msgpack")) == 2
    packed = json.dumps([cpu("z1")]).encode()
    assert count(send(d, gzip.compress(packed), Content_Type="application/json", Content_Encoding="gzip")) == 1
    assert send(d, zstandard.compress(packed), Content_Type="application/json", Content_Encoding="zstd")["duplicate"] == 1
    cloud = {"specversion": "1.0", "datacontenttype": "application/json", **cpu("ce1")}
    assert count(send(d, json.dumps(cloud), Content_Type="application/cloudevents+json; charset=utf-8")) == 1
    assert count(send(d, json.dumps([{**cloud, "id": "ce2"}]), Content_Type="application/cloudevents-batch+json")) == 1
    assert count(send(d, json.dumps(cloud["data"]), Content_Type="application/json", ce_specversion="1.0", ce_id="ce3", ce_source="s",
                      ce_type="vm.cpu",
                      ce_subject="sub-1", ce_time=ago(hours=1))) == 1
    again = send(d, json.dumps([{**cloud, "id": "ce2"}]), Content_Type="application/cloudevents-batch+json")
    assert again["duplicate"] == 1 and again["results"][0]["seq"] > 0, again
    changed = send(d, [{**cpu("a1"), "data": {"hours": 99, "region": "eu"}}])
    assert changed["conflict"] == 1 and changed["results"][0]["class"] == "fix", changed
    held = send(d, [{**cpu("h1"), "subject": "sub-new"}, {**cpu("h2"), "type": "vm.gpu"}])
    assert held["held"] == 2, held
    future = send(d, [cpu("f1", time=ago(days=-1))])
    assert future["future"] == 1, future
    taken = send(d, [{"id": "v1", "source": "s", "type": "meterd.void", "subject": "sub-1", "time": ago(hours=1), "data": {"id": "a2"}}])
    assert taken["voided"] == 1, taken
    d.settle()
    waiting = d.get("/v1/held")["events"]
    assert {(w["waits_for"], w.get("subject"), w.get("type")) for w in waiting} >= {("subscription", "sub-new", None),
                                                                                    ("meter", None, "vm.gpu")}, waiting
    kept = d.get("/v1/quarantine")["events"]
    assert len(kept) == 2 and {k["reason"] for k in kept} == {"conflict", "future"}, kept
    assert d.get(f"/v1/quarantine?after={kept[0]['seq']}")["events"] == kept[1:]
    assert d.get("/v1/quarantine?limit=1") == {"events": kept[:1], "next_after": kept[0]["seq"], "has_more": True}
    d.apply({"subscriptions": [{"key": "sub-new", "service": "compute", "customer": "contoso", "tariff": "compute",
                                "start": "2020-01-01"}]})
    wait_until("the held event to flow", lambda: len(d.get("/v1/held")["events"]) == len(waiting) - 1)


# ---- lists ----

LISTS = {"/v1/events?limit=10000": "events", "/v1/usage?window=hour&group_by=subscription,region": "rows", "/v1/charges?limit=10000": "charges",
         "/v1/credits?customer=contoso": "credits", "/v1/margins": "margins", "/v1/outbox?limit=10000": "messages", "/v1/quarantine": "events",
         "/v1/held": "events", "/v1/catalog/tariff": "documents", "/v1/schemas": "schemas"}


def check_lists(d):
    """Every list comes as JSON, NDJSON and CSV with the same rows, also when it leaves in many pieces; and page by page it is the same."""
    for first in range(0, 1350, 450):
        send(d, [cpu(f"l{i}", region=f"r{i % 7}", time=ago(hours=1 + i % 40)) for i in range(first, first + 450)])
    d.settle()
    for path, member in LISTS.items():
        page = d.get(path)
        rows = page[member]
        lines = d.call("GET", path, headers={"Accept": "application/x-ndjson"})
        assert [json.loads(line) for line in lines.body.splitlines()] == rows, path
        sheet = list(csv.reader(io.StringIO(d.call("GET", path, headers={"Accept": "text/csv"}).body.decode(), newline="")))
        assert len(sheet) == len(rows) + 1 and len({len(cells) for cells in sheet}) == 1, path
        for name in {"seq", "id", "number", "quantity", "key"} & set(sheet[0]):
            column = sheet[0].index(name)
            assert [cells[column] for cells in sheet[1:]] == [str(row[name]) for row in rows], (path, name)
        if "next_after" in page and len(rows) > 2 and "limit" in path:
            assert lines.headers["meterd-next-after"] == str(page["next_after"]) and lines.headers["meterd-has-more"] == "false", lines.headers
            first = path.split("?")[0]
            after, paged, more = 0, [], True
            while more:
                part = d.get(f"{first}?after={after}&limit=97")
                paged, after, more = paged + part[member], part["next_after"], part["has_more"]
            assert paged == rows, path
    assert len(json.dumps(d.get("/v1/events?limit=10000"))) > 128 << 10  # some pieces of 64 KiB


# ---- HTTP itself ----

def check_http(d):
    auth = {"Authorization": "Bearer " + d.key}
    connection = http.client.HTTPConnection("127.0.0.1", d.port, timeout=120)
    connection.connect()
    local = connection.sock.getsockname()
    for _ in range(3):  # keep-alive
        connection.request("GET", "/v1/status", headers=auth)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200 and connection.sock.getsockname() == local
    assert json.loads(body)["ready"] is True and json.loads(body)["log"]["last_seq"] > 0
    connection.request("HEAD", "/v1/catalog/vendor", headers=auth)
    answer = connection.getresponse()
    assert answer.status == 200 and answer.read() == b"" and int(answer.headers["Content-Length"]) > 10
    connection.close()
    with socket.create_connection(("127.0.0.1", d.port), timeout=120) as s:
        body = json.dumps(cpu("expect")).encode()
        s.sendall(f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {d.acme}\r\nContent-Type: application/json\r\n"
                  f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n".encode())
        assert s.recv(1000).startswith(b"HTTP/1.1 100 ")
        s.sendall(body)
        answer = b"".join(iter(lambda: s.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ") and b'"accepted":1' in answer, answer
    with socket.create_connection(("127.0.0.1", d.port), timeout=120) as s:  # refused before the body is asked for
        s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert s.recv(1000).startswith(b"HTTP/1.1 401 ")
    with socket.create_connection(("127.0.0.1", d.port), timeout=120) as s:  # pipelined: both answers, in order
        line = f"Host: x\r\nAuthorization: Bearer {d.key}\r\n"
        s.sendall(f"GET /v1/status HTTP/1.1\r\n{line}\r\nGET /v1/nothing HTTP/1.1\r\n{line}Connection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: s.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"HTTP/1.1 404 ") == 1, answer


def check_backpressure():
    """A queue that takes one small request at a time: what does not fit is told when to come back, and then goes through."""
    with Daemon({**SETTINGS, "intake": {"queue_requests_max": 1}}) as d:
        d.apply(CATALOG)
        key = d.vendor_key("acme")
        pending = {f"b{i}" for i in range(64)}
        refused = rounds = 0
        while pending:
            rounds += 1
            assert rounds < 200, pending
            sockets = {}
            for name in pending:
                s = socket.create_connection(("127.0.0.1", d.port), timeout=120)
                body = json.dumps(cpu(name)).encode()
                s.sendall(f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
                          f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
                sockets[name] = s
            for name, s in sockets.items():
                answer = b"".join(iter(lambda: s.recv(65536), b""))
                s.close()
                if answer.startswith(b"HTTP/1.1 503 "):
                    assert b"\r\nretry-after: 1\r\n" in answer.lower() and b"problem+json" in answer, answer
                    refused += 1
                else:
                    assert answer.startswith(b"HTTP/1.1 200 "), answer
                    pending.discard(name)
        assert refused > 0, "the queue never filled"
        d.settle()
        rows = d.get("/v1/usage?window=total&meter=vcpu_hours")["rows"]
        assert [r["events"] for r in rows] == [64], rows
        d.stop()


def check_pieces():
    """A list goes on where its last piece ended, also inside one billing period."""
    catalog = {"vendors": [{"key": "a"}], "services": [{"key": "s", "vendor": "a", "cost_tariff": "cost"}],
               "meters": [{"key": "m", "service": "s", "event_type": "e", "aggregation": "count", "group_by": ["d"]}],
               "tariffs": [{"key": key, "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
                   {"key": "x", "meter": "m", "group_by": ["d"], "per_unit": price}]}]} for key, price in (("price", "1"), ("cost", "2"))],
               "subscriptions": [{"key": "u", "service": "s", "customer": "k", "tariff": "price", "start": "2020-01-01"}]}
    with Daemon(SETTINGS) as d:
        d.apply(catalog)
        names = [f"name-{i}" for i in range(1500)]
        sent = [{"id": name, "type": "e", "subject": "u", "time": ago(hours=3), "data": {"d": name}} for name in names]
        assert d.call("POST", "/v1/events", body=sent, key=d.vendor_key("a")).status == 200
        d.settle()
        margins = d.get("/v1/margins?limit=10000&losses=true")["margins"]
        assert sorted(m["dimensions"]["d"] for m in margins) == sorted(names) and {m["margin"] for m in margins} == {"-1.00"}
        assert len(json.dumps(margins)) > 256 << 10  # four pieces
        d.stop()


def main():
    settings = {**SETTINGS, "listen": {"body_bytes_max": "2MiB", "decoded_bytes_max": "4MiB"}, "outbox": {"allow_loopback": True},
                "intake": {"request_events_max": 500, "lateness": "3000d", "dedup_window": "3000d"}, "log": {"retention": "3000d"}}
    with Daemon(settings) as d:
        d.apply(CATALOG)
        d.acme, d.other = d.vendor_key("acme"), d.vendor_key("other")
        for check in (check_credentials, check_vendor_binding, check_wrong_requests, check_usage, check_charges, check_outbox,
                      check_catalog, check_price,
                      check_shapes, check_lists, check_http):
            check(d)
            print(check.__name__, "ok")
        d.command("audit")
        d.stop()
    check_backpressure()
    check_pieces()


if __name__ == "__main__":
    main()
