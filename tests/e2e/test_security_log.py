#!/usr/bin/python3
"""The security log of a real daemon: each kind of line, what a flood leaves of itself, who notices a change, and a disk that takes nothing."""
import glob
import http.client
import json
import os
import shutil
import socket
import subprocess
import time

from harness import Daemon, wait_until
from pages import CATALOG, SETTINGS, ago, cpu

FLOOD = 10000
A_MINUTE_MAX = 10  # lines of one kind and one network, and one with a count


def lines(d, *words, may_fail=False):
    done = d.command("security", "--json", *words, check=False)
    assert may_fail or done.returncode == 0, (words, done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def of_kind(d, kind, may_fail=False, **wanted):
    return [line for line in lines(d, "--kind", kind, may_fail=may_fail) if all(line.get(name) == value for name, value in wanted.items())]


def told(d, kind, **wanted):
    """Written a moment after the call."""
    return wait_until(f"{kind} {wanted}", lambda: of_kind(d, kind, True, **wanted))


def metric(d, name):
    text = d.call("GET", "/metrics", port=d.admin_port).body.decode()
    return sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name) and line[len(name)] in " {")


def whole_text(d):
    text = ""
    for path in sorted(glob.glob(os.path.join(d.data, "security", "*.ndjson"))):
        assert os.stat(path).st_mode & 0o777 == 0o600, path
        with open(path, encoding="utf-8") as f:
            text += f.read()
    return text


# ---- each kind ----

def check_refusals(d, vendor):
    assert d.call("GET", "/v1/usage", headers={"Authorization": "Basic x"}).status == 401
    assert d.call("GET", "/v1/usage", key="mtr_nobody").status == 401
    told(d, "authentication_failed", reason="unknown", operation="getUsage", address="127.0.0.1", status=401)
    connection = http.client.HTTPConnection("127.0.0.1", d.port)
    connection.request("GET", "/v1/status")
    assert connection.getresponse().status == 401
    connection.close()
    told(d, "authentication_failed", reason="missing", operation="getStatus")
    gone = d.vendor_key("acme", ("query",), "gone")
    d.command("key", "gone", "--disable")
    assert d.call("GET", "/v1/usage", key=gone).status == 401
    told(d, "authentication_failed", reason="disabled", key="gone")
    assert d.call("GET", "/v1/catalog/vendor", key=vendor).status == 403
    told(d, "authorization_refused", key="acme-key", operation="listDocuments", status=403)
    both = d.vendor_key("acme", ("query",), "reads")
    assert d.call("GET", "/v1/usage?vendor=other&from=2026-01-01", key=both).status == 403  # by its handler
    told(d, "authorization_refused", key="reads", operation="getUsage")
    operators = d.command("key", "no-vendor", "--scope", "query", "--json")
    assert d.call("POST", "/v1/events", body=[], key=json.loads(operators.stdout)["secret"]).status == 403
    assert metric(d, "meterd_authentication_failures_total") == 4 and metric(d, "meterd_authorization_refusals_total") == 3
    assert "warning security: 401 to 127.0.0.1 (getUsage): its API key is unknown" in d.log_lines(), d.log_lines()
    assert "403 to 127.0.0.1 (listDocuments), API key 'acme-key'" in d.log_lines(), d.log_lines()


def check_addresses(d, vendor):
    """Known by the first use; behind a proxy on this machine it is who the proxy names last."""
    told(d, "key_new_address", key="admin", address="127.0.0.1")
    for forwarded in ("203.0.113.9", "10.0.0.1, 203.0.113.9", "2001:db8:1:2::7", "2001:db8:1:2::8", "2001:db8:1:3::7", "nonsense", ""):
        assert d.call("GET", "/v1/usage", key=vendor, headers={"X-Forwarded-For": forwarded}).status in (200, 403)
    told(d, "key_new_address", key="acme-key", address="2001:db8:1:3::7")
    seen = [line["address"] for line in of_kind(d, "key_new_address", key="acme-key")]
    assert seen == ["127.0.0.1", "203.0.113.9", "2001:db8:1:2::7", "2001:db8:1:3::7"], seen


def check_other_machine():
    """From elsewhere the header is anybody's word."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))  # nothing is sent
            own = s.getsockname()[0]
        except OSError:
            own = "127.0.0.1"
    if own.startswith("127."):
        print("this machine has no address but loopback: calls from elsewhere are left out")
        return
    with Daemon({"listen": {"address": "0.0.0.0"}}) as d:
        connection = http.client.HTTPConnection(own, d.port)
        connection.request("GET", "/v1/usage", headers={"Authorization": "Bearer x", "X-Forwarded-For": "203.0.113.1"})
        assert connection.getresponse().status == 401
        connection.close()
        assert told(d, "authentication_failed")[0]["address"] == own


def check_acts(d, vendor):
    d.apply({"vendors": [{"key": "late"}], "services": [{"key": "late-service", "vendor": "late"}]})
    change = told(d, "catalog_change", object="vendor/late, service/late-service", key="admin", status=200)[0]
    assert change["detail"].startswith("version=") and "created=2" in change["detail"], change
    count = len(of_kind(d, "catalog_change"))
    assert d.call("PUT", "/v1/catalog/vendor/dry?dry_run=true", body={"key": "dry"}).status == 200  # changes nothing
    assert d.call("PUT", "/v1/catalog/vendor/wrong", body={"colour": 1}).status == 422
    told(d, "catalog_change", object="vendor/wrong", status=422)
    assert len(of_kind(d, "catalog_change")) == count + 1
    d.call("DELETE", "/v1/catalog/service/late-service")
    told(d, "catalog_change", object="service/late-service", operation="deleteDocument", status=200)
    many = {"vendors": [{"key": f"v{i}"} for i in range(100)],
            "api_keys": [{"key": "hidden", "scopes": ["admin"], "sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]}
    d.apply(many)
    wait_until("the API key first", lambda: [line for line in of_kind(d, "catalog_change") if line["object"].startswith("api_key/hidden, vendor/v0, ") and line["object"].endswith(" more")])
    assert d.call("POST", "/v1/sources/none", body={"action": "pause"}).status == 404
    told(d, "admin_act", operation="controlSource", object="none", status=404)
    wall = d.get("/v1/clock")["wall"]
    d.call("POST", "/v1/clock", body={"wall": wall})
    told(d, "clock_accepted", operation="acceptClock", key="admin")
    assert d.call("POST", "/v1/events", body=[cpu("e-1")], key=vendor).status == 200
    d.settle()
    last = d.get("/v1/charges?limit=100")["charges"][-1]["number"]
    assert d.call("POST", "/v1/charges/ack", body={"consumer": "erp", "up_to": last}).status == 200
    told(d, "acknowledgement", object="erp", detail=f"up_to={last}", status=200)
    with open(d.root + "/hook.secret", "w", encoding="utf-8") as f:
        f.write("whsec_" + "QUJD" * 8 + "\n")
    d.apply({"destinations": [{"key": "crm", "kind": "http", "url": "https://127.0.0.1:1/", "secret_files": [d.root + "/hook.secret"], "drafts": True}]})
    message = wait_until("a message", lambda: d.get("/v1/outbox")["messages"])[0]["id"]
    d.call("POST", f"/v1/outbox/{message}", body={"action": "retry"})
    told(d, "settlement", object=message, detail="retry", key="admin")


def check_words(d):
    done = d.command("security", "--kind", "colour", check=False)
    assert done.returncode == 64 and "authentication_failed" in done.stderr, done
    assert d.command("security", "--since", "monday", check=False).returncode == 64
    assert d.command("security", "--verify", "--head", "12", check=False).returncode == 64
    assert lines(d, "--since", ago(hours=-1)) == [] and len(lines(d, "--since", ago(hours=1))) == len(lines(d))
    text = d.command("security", "--kind", "started").stdout
    assert text.startswith("2 ") and ' started detail="meterd ' in text, text
    verdict = json.loads(d.command("security", "--verify", "--json").stdout)
    assert verdict["faults"] == 0 and verdict["lines"] >= 20, verdict


def check_secrets(d, *secrets):
    text = whole_text(d)
    for secret in secrets:
        assert secret not in text and secret not in d.log_lines(), "a secret is in a log"


# ---- a flood ----

def check_flood(d):
    before, said = metric(d, "meterd_authentication_failures_total"), d.log_lines().count("401 to")
    told_before = len(of_kind(d, "authentication_failed"))
    connection, began = http.client.HTTPConnection("127.0.0.1", d.port), time.monotonic()
    for i in range(FLOOD):
        connection.request("GET", "/v1/usage", headers={"Authorization": f"Bearer mtr_{i:064x}"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 401
        if i % 1000 == 0:
            d.get("/v1/status")
    connection.close()
    assert metric(d, "meterd_authentication_failures_total") == before + FLOOD
    assert metric(d, "meterd_security_dropped_total") == 0
    d.stop()  # what was counted is a line
    found = of_kind(d, "authentication_failed")[told_before:]
    minutes = 2 + int(time.monotonic() - began) // 60  # that were begun
    assert len(found) <= (A_MINUTE_MAX + 1) * minutes, len(found)
    counted = sum(line.get("count", 0) for line in found)
    plain = sum("count" not in line for line in found)
    assert counted + plain >= FLOOD and counted > FLOOD - A_MINUTE_MAX * minutes, (counted, plain)
    assert d.log_lines().count("401 to") - said <= len(found), d.log_lines()
    assert d.command("security", "--verify").returncode == 0


# ---- who notices ----

def check_tampering(d):
    """Of a stopped daemon, on copies; the head that was kept is that of before."""
    head = json.loads(d.command("security", "--verify", "--json").stdout)["head"]
    last = sorted(glob.glob(os.path.join(d.data, "security", "*.ndjson")))[-1]
    with open(last, "rb") as f:
        rows = f.read().splitlines(keepends=True)
    middle = len(rows) // 2
    changes = {
        "changed": rows[:middle] + [rows[middle].replace(b'"status":401', b'"status":200', 1) if b'"status":401' in rows[middle] else rows[middle].replace(b'"time":"2', b'"time":"1', 1)]
                   + rows[middle + 1:],
        "removed": rows[:middle] + rows[middle + 1:],
        "the end": rows[:-1],
        "all": [],
        "reordered": rows[:middle] + [rows[middle + 1], rows[middle]] + rows[middle + 2:],
        "twice": rows[:middle] + [rows[middle]] + rows[middle:],
    }
    for what, other in changes.items():
        with open(last, "wb") as f:
            f.write(b"".join(other))
        done = d.command("security", "--verify", "--head", head, check=False)
        assert done.returncode == 1 and "[trail.broken]" in done.stderr, (what, done)
        assert d.command("security", check=False).returncode == 1, what  # also who only reads is told
    with open(last, "wb") as f:
        f.write(b"".join(rows))
    done = d.command("security", "--verify", "--head", head)
    assert "each is the one that was written" in done.stdout and f"head {head}" in done.stdout, done.stdout
    # All of it made anew, the head as well: only who kept one knows.
    kept = os.path.join(d.root, "kept")
    shutil.move(os.path.join(d.data, "security"), kept)
    d.start()
    d.stop()
    assert d.command("security", "--verify").returncode == 0
    done = d.command("security", "--verify", "--head", head, check=False)
    assert done.returncode == 1 and "was kept as the head: those behind are missing" in done.stderr, done.stderr
    shutil.rmtree(os.path.join(d.data, "security"))
    shutil.move(kept, os.path.join(d.data, "security"))


def check_backup(d):
    """A backup has the log, and a start on it goes on."""
    target = os.path.join(d.root, "copy")
    d.start()
    d.command("backup", target, "--verify")
    d.stop()
    copy = ["-c", "/dev/null", "--set", f"data.directory={target}"]
    assert json.loads(d.command(*copy, "security", "--verify", "--json").stdout)["faults"] == 0
    d.command(*copy, "key", "--renew-admin")
    assert "by uid" in d.command(*copy, "security", "--kind", "admin_key_made").stdout.splitlines()[-1]
    assert d.command("security", "--verify").returncode == 0


def check_crash(d):
    """A line that a crash cut is told, and is no fault; one that somebody cut is both."""
    d.start()
    d.kill()
    last = sorted(glob.glob(os.path.join(d.data, "security", "*.ndjson")))[-1]
    with open(last, "ab") as f:
        f.write(b'{"sequence":99999,"time":"20')
    assert d.command("security", "--verify").returncode == 0
    d.start()
    told(d, "line_torn", bytes=28)
    assert "a crash cut the last line" in d.log_lines(), d.log_lines()
    d.stop()
    assert d.command("security", "--verify").returncode == 0
    os.truncate(last, os.path.getsize(last) - 10)
    d.start()
    told(d, "lines_missing")
    assert "somebody else was at the security log: 1 lines are missing at its end" in d.log_lines(), d.log_lines()
    d.stop()
    done = d.command("security", "--verify", check=False)
    assert done.returncode == 1 and "is missing" in done.stderr, done.stderr


def check_renewal(d):
    d.command("key", "--renew-admin")
    made = of_kind(d, "admin_key_made", True)
    assert made[0]["detail"] == "by the first start" and made[-1]["detail"] == f"anew, without a daemon, by uid {os.getuid()}", made


# ---- a disk that takes nothing ----

def check_unwritable():
    """The daemon starts, answers and ends; once it can write again, what waited is there."""
    with Daemon() as d:
        d.stop()
        shutil.rmtree(os.path.join(d.data, "security"))
        with open(os.path.join(d.data, "security"), "w", encoding="utf-8"):
            pass
        d.start()
        assert d.call("GET", "/v1/usage", key="mtr_nobody").status == 401
        wait_until("the gauge", lambda: metric(d, "meterd_security_unwritten") == 1)
        assert "no line can be written to" in d.log_lines(), d.log_lines()
        d.apply({"vendors": [{"key": "acme"}]})
        os.remove(os.path.join(d.data, "security"))
        told(d, "catalog_change", object="vendor/acme")
        assert of_kind(d, "authentication_failed", reason="unknown") and metric(d, "meterd_security_unwritten") == 0
        assert d.command("security", "--verify").returncode == 0
        d.stop()
        os.rename(os.path.join(d.data, "security"), os.path.join(d.data, "elsewhere"))
        with open(os.path.join(d.data, "security"), "w", encoding="utf-8"):
            pass
        d.start()
        d.stop()  # and it ends though nothing is written
        assert "lines are lost" in d.log_lines(), d.log_lines()


def check_full_disk():
    """No room for a while: what the queue holds comes, what it does not hold is counted and told."""
    d = Daemon()
    path = os.path.join(d.data, "security")
    os.makedirs(path, mode=0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path], capture_output=True, check=False).returncode:
        print("no tmpfs can be mounted: the full disk is left out")
        shutil.rmtree(d.root)
        return
    try:
        d.start()
        for i in range(900):
            d.apply({"vendors": [{"key": f"v{i}"}]})
            if i == 899 or (i % 20 == 0 and metric(d, "meterd_security_unwritten")):
                break
            if i % 110 == 109:  # more a minute are counted: another key
                d.key = json.loads(d.command("key", f"boss{i}", "--scope", "admin", "--scope", "query", "--json").stdout)["secret"]
        assert metric(d, "meterd_security_unwritten") == 1, "it was not filled"
        d.get("/v1/status")
        subprocess.run(["mount", "-o", "remount,size=8m", path], check=True)
        wait_until("room", lambda: metric(d, "meterd_security_unwritten") == 0)
        told(d, "catalog_change", object=f"vendor/v{i}")
        assert metric(d, "meterd_security_dropped_total") == 0
        d.stop()
        assert d.command("security", "--verify").returncode == 0
        assert "is written again" in d.log_lines(), d.log_lines()
    finally:
        if d.process.poll() is None:
            d.kill()
        subprocess.run(["umount", path], check=True)
    shutil.rmtree(d.root)


def main():
    with Daemon({**SETTINGS, "limits": {"unauthenticated_per_second": 0}}) as d:  # the flood is to come through
        d.apply(CATALOG)
        vendor = d.vendor_key("acme")
        told(d, "started")
        told(d, "admin_key_made", detail="by the first start")
        check_refusals(d, vendor)
        check_addresses(d, vendor)
        check_acts(d, vendor)
        check_words(d)
        check_secrets(d, d.key, vendor, "mtr_nobody")
        check_flood(d)
        check_tampering(d)
        check_backup(d)
        check_crash(d)
        check_renewal(d)
    check_other_machine()
    check_unwritable()
    check_full_disk()
    print("the security log has each kind, and who changes it is noticed")


if __name__ == "__main__":
    main()
