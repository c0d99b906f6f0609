"""What a source cannot read, and why: each has its named alarm in `source list`, in the API and in the metric, and none of them harms the source beside
it, whose usage goes on to be billed. When the reason is gone, so is the alarm.
"""
import datetime
import http.server
import json
import os
import re
import socket
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(__file__))
import certificates  # noqa: E402
from harness import Daemon, free_port, in_mid_month, wait_until  # noqa: E402

if __name__ == "__main__":  # test_source_pages takes of this
    in_mid_month()

NOW = datetime.datetime.now(datetime.timezone.utc)
HOUR = NOW.replace(minute=0, second=0, microsecond=0) - datetime.timedelta(hours=1)
SETTINGS = {"poller": {"allow_loopback": True}, "rater": {"grace": "0s", "draft_every": "0s"}}


class Rows(http.server.BaseHTTPRequestHandler):
    """/NAME: the rows that the server has of that name, to whoever shows the right token; /-/slow a byte at a time."""
    protocol_version = "HTTP/1.1"
    rows, asked, token, lock = {}, {}, None, threading.Lock()

    def log_message(self, *_):
        pass

    def do_GET(self):
        name = self.path.split("?")[0].strip("/")
        with self.lock:
            self.asked[name] = self.asked.get(name, 0) + 1
        body = json.dumps(self.rows.get(name, [])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not name.startswith("drip"):
            self.wfile.write(body)
            return
        gone = threading.Event()
        for at in range(len(body)):
            self.wfile.write(body[at:at + 1])
            if gone.wait(0.2):
                break

    def handle(self):
        try:
            super().handle()
        except OSError:
            self.close_connection = True


def row(number, subject, quantity=1):
    return {"id": f"{subject}-{number}", "who": subject, "at": (HOUR + datetime.timedelta(minutes=number)).isoformat(), "amount": quantity}


def document(key, url, **more):
    return {"key": key, "vendor": "acme", "base_url": url, "schedule": {"every": "1s"}, "guard": {"every": "1s"},
            "window": {"length": "hour", "start": HOUR.isoformat().replace("+00:00", "Z"), "rereads": ["2d"], "open": "1s"},
            "request": {"path": f"/{key}", "query": {"from": "{from}"}, "timeout": "2s"}, "auth": "none", "format": {"json": {"rows": "[]"}},
            "identity": {"id": "id"}, "map": {"type": "=use", "subject": "who", "time": "at", "data": {"quantity": "amount"}}, **more}


def catalog(*subjects):
    return {"vendors": [{"key": "acme"}], "services": [{"key": "cloud", "vendor": "acme"}],
            "meters": [{"key": "use", "service": "cloud", "event_type": "use", "value": "quantity"}],
            "tariffs": [{"key": "list", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
                {"key": "use", "meter": "use", "per_unit": "0.25"}]}]}],
            "subscriptions": [subscription(subject) for subject in subjects]}


def subscription(subject, **more):
    return {"key": subject, "service": "cloud", "customer": "c", "tariff": "list", "start": "2020-01-01", **more}


def sources(daemon):
    return {one["source"]: one for one in daemon.get("/v1/sources?limit=1000")["sources"]}


def alarms(daemon, key):
    return {alarm["alarm"]: alarm["problem"] for alarm in sources(daemon)[key].get("alarms", [])}


def gauge(daemon, alarm):
    text = daemon.call("GET", "/metrics", port=daemon.admin_port).body.decode()
    found = re.search(rf'^meterd_source_alarms\{{alarm="{alarm}"\}} (\d+)$', text, re.M)
    return int(found.group(1)) if found else 0


def billed(daemon, subject):
    return sum(float(charge["amount"]) for charge in daemon.get("/v1/charges?limit=10000")["charges"] if charge["subscription"] == subject)


def serve_rows(address="127.0.0.1"):
    server = certificates.Server((address, 0), Rows)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return f"http://{address}:{server.server_address[1]}"


class Beside:
    """The source that nothing happens to: each of its looks finds a row more."""

    def __init__(self, daemon, url):
        self.daemon, self.count = daemon, 0
        self.go_on()
        daemon.apply({"sources": [document("beside", url)]})
        self.check()

    def go_on(self):
        self.count += 4
        Rows.rows["beside"] = [row(number, "neighbour") for number in range(self.count)]

    def check(self):
        wait_until(f"{self.count} rows of the source beside", lambda: billed(self.daemon, "neighbour") == self.count * 0.25)
        assert not alarms(self.daemon, "beside"), alarms(self.daemon, "beside")
        self.go_on()


def silent(address):
    """Accepts, and never says a word."""
    listener = socket.create_server((address, 0), backlog=64)
    held = []

    def take():
        while True:
            held.append(listener.accept())

    threading.Thread(target=take, daemon=True).start()
    return f"http://{address}:{listener.getsockname()[1]}"


def check_what_cannot_be_read(daemon, beside, url):
    """No secret, no host, no answer."""
    secret = os.path.join(daemon.root, "secret")
    missing = {"header": {"name": "X-Token", "secret_file": secret}}
    open_to_all = os.path.join(daemon.root, "open.secret")
    with open(open_to_all, "w", encoding="ascii") as f:
        f.write("x")
    os.chmod(open_to_all, 0o644)
    given = os.path.join(daemon.root, "given.secret")
    with open(os.open(given, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
        f.write("x")
    cases = {
        "no-secret": (document("no-secret", url, auth=missing), "auth", "secret"),
        "open-secret": (document("open-secret", url, auth={"header": {"secret_file": open_to_all}}), "auth", "chmod 600"),
        "no-host": (document("no-host", "http://nobody.invalid"), "failing", "nobody.invalid"),
        "no-port": (document("no-port", f"http://127.0.0.2:{free_port()}"), "failing", "refused"),
        "hang": (document("hang", silent("127.0.0.3")), "failing", "in time"),
        "no-token": (document("no-token", url, auth={"oauth2": {"token_url": f"http://127.0.0.5:{free_port()}/token", "client_id": "c",
                                                                "secret_file": given}}), "failing", "cannot get a token"),
        "drip": (document("drip", serve_rows("127.0.0.4")), "failing", "in time"),
    }
    Rows.rows["drip"] = [row(number, "neighbour", 1000) for number in range(4)]
    daemon.apply({"sources": [case[0] for case in cases.values()]})
    beside.check()
    for key, (_, alarm, words) in cases.items():
        found = wait_until(f"the alarm of {key}", lambda key=key: alarms(daemon, key))
        assert set(found) == {alarm} and words in found[alarm], (key, found)
    beside.check()
    listed = daemon.command("source", "list").stdout
    for key, (_, alarm, _) in cases.items():
        assert re.search(rf"^{key}\s.*\b{alarm}\b", listed, re.M), listed
    assert (gauge(daemon, "auth"), gauge(daemon, "failing")) == (2, 5)
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
        f.write("here it is")
    wait_until("the secret is there", lambda: not alarms(daemon, "no-secret"))
    assert gauge(daemon, "auth") == 1
    daemon.apply({"sources": [{**case[0], "disabled": True} for case in cases.values()]})
    wait_until("what asks nobody has no alarm", lambda: gauge(daemon, "failing") == 0)


def check_subjects(daemon, beside, url):
    """Whose usage it is: not known yet, or no more."""
    Rows.rows["strange"] = [row(number, "stranger") for number in range(3)]
    Rows.rows["late"] = [row(number, "leaver") for number in (1, 50)]
    ended = (HOUR + datetime.timedelta(minutes=30)).isoformat().replace("+00:00", "Z")
    daemon.apply({"subscriptions": [subscription("leaver", end=ended)]})
    daemon.apply({"sources": [document("strange", url), document("late", url)]})
    for key, alarm in (("strange", "unknown_subject"), ("late", "after_end")):
        wait_until(f"the alarm of {key}", lambda key=key, alarm=alarm: set(alarms(daemon, key)) == {alarm})
        assert gauge(daemon, alarm) == 1 and re.search(rf"^{key}\s.*\b{alarm}\b", daemon.command("source", "list").stdout, re.M)
    wait_until("what was in time is billed", lambda: billed(daemon, "leaver") == 0.25)
    beside.check()
    daemon.apply({"subscriptions": [subscription("stranger")]})
    wait_until("the rows that were held flow", lambda: billed(daemon, "stranger") == 0.75)
    wait_until("everybody is known", lambda: not alarms(daemon, "strange"))
    assert gauge(daemon, "unknown_subject") == 0
    daemon.apply({"sources": [{**document(key, url), "disabled": True} for key in ("strange", "late")]})


def check_restated(daemon, beside, url):
    """Rows of an append delivery come once: another content under the same id is kept in quarantine and told, as long as the vendor gives it."""
    daemon.apply({"subscriptions": [subscription("once")]})
    Rows.rows["append"] = [row(number, "once") for number in range(3)]
    daemon.apply({"sources": [document("append", url, delivery="append")]})
    wait_until("three rows", lambda: billed(daemon, "once") == 0.75)
    assert not alarms(daemon, "append")
    Rows.rows["append"] = [row(0, "once"), row(1, "once", 7), row(2, "once", 9), row(3, "once")]
    wait_until("a row more", lambda: billed(daemon, "once") == 1)
    told = wait_until("what was restated is told", lambda: alarms(daemon, "append"))
    assert told.keys() == {"refused"} and told["refused"].startswith("2 rows in quarantine"), told
    kept = [one["reason"] for one in daemon.get("/v1/quarantine?limit=1000")["events"] if one["reason"] == "conflict"]
    assert kept == ["conflict"] * 2, kept
    beside.check()
    Rows.rows["append"] = [row(number, "once") for number in range(5)]
    wait_until("it is as it was", lambda: not alarms(daemon, "append"))
    wait_until("five rows, each once", lambda: billed(daemon, "once") == 1.25)
    daemon.apply({"sources": [{**document("append", url, delivery="append"), "disabled": True}]})


def check_daily(daemon, beside, url):
    """So many requests in a day, and none more: those behind wait for the next day, and say so."""
    daemon.apply({"sources": [document("few", url, limits={"key": "few", "daily": 3})]})
    wait_until("three of them", lambda: Rows.asked.get("few", 0) == 3)
    beside.check()
    told = wait_until("it is told", lambda: alarms(daemon, "few"))
    assert told.keys() == {"failing"} and "`limits.daily` is used up: the vendor is asked again at 20" in told["failing"], told
    assert Rows.asked["few"] == 3
    daemon.apply({"sources": [{**document("few", url), "disabled": True}]})


def check_certificates(directory):
    """Whom nobody trusted signed, what has ended, what is of another host; and one that is right, to a client that shows one."""
    if certificates.missing() or not certificates.can_trust():
        print("skipped: certificates:", certificates.missing() or "no mount namespace may be made here")
        return
    authority = certificates.Authority(directory)
    hosts = [f"127.0.1.{number}" for number in range(1, 12)]  # of a vendor each: what one does at its host is not the others'
    names = ",".join(f"IP:{host}" for host in hosts)
    right = authority.sign("right", names)
    of_servers = {
        "self-signed": (certificates.by_itself(directory, "itself", names), "signed by itself"),
        "expired": (authority.sign("expired", names, ends="20210101000000Z"), "expired"),
        "another-host": (authority.sign("another", "DNS:another.example"), "subject name"),
        "no-authority": (certificates.Authority(tempfile.mkdtemp(dir=directory)).sign("stranger", names), "no authority"),
    }
    mine, keyless, strangers = authority.sign("client", "DNS:meterd"), authority.sign("keyless", "DNS:meterd"), certificates.by_itself(directory, "client2", "DNS:meterd")
    def https(identity, *of_clients):
        server = certificates.serve(Rows, identity, hosts.pop(), *of_clients)
        return f"https://{server.server_address[0]}:{server.server_address[1]}"
    urls = {key: https(identity) for key, (identity, _) in of_servers.items()}
    def mtls(identity):
        return {"mtls": {"certificate_file": identity.certificate, "key_file": identity.key}}
    documents = [document(key, url) for key, url in urls.items()]
    documents += [document("shows", https(right, authority), auth=mtls(mine)), document("presigned", https(right), auth="presigned"),
                  document("shows-another", https(right, authority), auth=mtls(strangers)), document("shows-none", https(right, authority)),
                  document("no-key", https(right, authority), auth=mtls(keyless))]
    Rows.rows["shows"], Rows.rows["presigned"] = [row(1, "shows", 3)], [row(number, "presigned", 5) for number in range(2)]
    os.remove(keyless.key)
    with Daemon(SETTINGS) as daemon:
        daemon.stop()
        daemon.before = certificates.trusting(authority.certificate)
        daemon.start()
        daemon.apply(catalog("neighbour", "shows", "presigned"))
        beside = Beside(daemon, serve_rows())
        daemon.apply({"sources": documents})
        words = {key: word for key, (_, word) in of_servers.items()}
        words.update({"shows-another": "does not know who signed the client certificate", "shows-none": "it wants a client certificate",
                      "no-key": "does not exist"})
        for key, word in words.items():
            found = wait_until(f"the alarm of {key}", lambda key=key: alarms(daemon, key))
            assert set(found) == {"auth" if key == "no-key" else "failing"} and word in "".join(found.values()), (key, found)
        wait_until("who trusts and is trusted reads", lambda: (billed(daemon, "shows"), billed(daemon, "presigned")) == (0.75, 2.5))
        assert not alarms(daemon, "shows") and not alarms(daemon, "presigned")
        beside.check()
        listed = daemon.command("source", "list").stdout
        assert all(re.search(rf"^{key}\s.*\b{'auth' if key == 'no-key' else 'failing'}\b", listed, re.M) for key in words), listed
        assert (gauge(daemon, "failing"), gauge(daemon, "auth")) == (len(words) - 1, 1)
        daemon.stop()


def main():
    url = serve_rows()
    with Daemon(SETTINGS) as daemon:
        daemon.apply(catalog("neighbour"))
        beside = Beside(daemon, url)
        for check in (check_what_cannot_be_read, check_subjects, check_restated, check_daily):
            check(daemon, beside, url)
        daemon.stop()
    with tempfile.TemporaryDirectory() as directory:
        check_certificates(directory)


if __name__ == "__main__":
    main()
