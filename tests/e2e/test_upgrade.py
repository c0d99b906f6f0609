#!/usr/bin/python3
"""A data directory of each earlier version (tests/golden/data_v*), opened by today's meterd: it tells what that version told of it, audits clean, knows
again what it was sent, and goes on: new use is billed, what waited flows, and what was not delivered is. So it is where the upgrade is killed in its
middle, before any of its syncs.

METERD_KILLS: how many of these moments are tried, drawn by METERD_SEED.
"""
import base64
import glob
import http.server
import json
import os
import random
import shutil
import struct
import sys
import tarfile
import threading
from decimal import Decimal

import former
from harness import BUILD, CLOCK_SHIM, Daemon, skip, wait_until

KILL_SHIM = os.path.abspath(os.path.join(BUILD, "tests", "kill_shim.so"))
SEED = int(os.environ.get("METERD_SEED", str(random.SystemRandom().randrange(1, 1 << 32))))
KILLS = int(os.environ.get("METERD_KILLS", "12"))
NOW = "2026-04-02T13:00:00Z"


class Receiver(http.server.ThreadingHTTPServer):
    """Takes messages, and counts each once by its id."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Hook)
        self.messages = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def got(self, key):
        return {name for name, (path, _) in list(self.messages.items()) if path == "/" + key}


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        said = self.path, self.rfile.read(int(self.headers["content-length"]))
        assert self.server.messages.setdefault(self.headers["webhook-id"], said) == said
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Former(Daemon):
    """A daemon on a directory of an earlier version, an hour after that one ended."""

    def __init__(self, golden):
        super().__init__(former.SETTINGS)
        with tarfile.open(os.path.join(golden, "data.tar.xz")) as tar:
            tar.extractall(self.root)
        with open(os.path.join(golden, "expected.json"), encoding="utf-8") as f:
            self.expected = json.load(f)
        self.set_time(NOW)
        self.calm = self.before
        self.made_anew = former.MADE_ANEW[os.path.basename(golden)]
        self.last = self.expected["told"]["charges"][-1]["number"]

    def start_until(self, sync):
        """Starts it, to be killed before that sync, or when it has nothing more to do; 0: never. How many there were."""
        path = os.path.join(self.root, "kill")
        with open(path, "wb") as f:
            f.write(struct.pack("QQ", 0, sync))
        self.preload(f"{KILL_SHIM}:{CLOCK_SHIM}", METERD_KILL_FILE=path, METERD_CLOCK_FILE=os.path.join(self.root, "clock_moved"))
        self.start(wait=not sync)
        if sync:
            wait_until("its end", self.is_over)
            self.kill()
        else:
            self.settle()
        self.before = self.calm
        with open(path, "rb") as f:
            return struct.unpack("QQ", f.read())[0]

    def is_over(self):
        if self.process.poll() is not None:
            assert self.process.returncode == -9, self.log_lines()
            return True
        try:
            with open(os.path.join(self.data, "admin.key"), encoding="utf-8") as f:
                self.key = f.read().strip()
            s = self.status()
            return s["ready"] and s["log"]["last_seq"] + 1 == s["aggregator"]["next_seq"] and s["aggregator"]["idle"] and s["rater"]["idle"]
        except (OSError, AssertionError):
            return False

    def check_told(self):
        self.settle()
        taken_back = {event["target_seq"] for event in self.expected["told"]["events"] if event["disposition"] == "void"}
        self.expected["told"]["held"] = [row for row in self.expected["told"]["held"] if row["seq"] not in taken_back]  # 0.1.0 listed them, too
        found = former.differences(self.expected["told"], former.told(self, self.last))
        assert not found, "\n".join(found[:20])
        new = [charge for charge in self.listed("/v1/charges", "charges") if charge["number"] > self.last]
        assert all(Decimal(charge["amount"]) == 0 for charge in new), new
        assert {(charge["subscription"], charge["component"], charge["period_start"][:7]) for charge in new} == self.made_anew, new
        self.command("audit", "--log")

    def send(self, events, vendor="acme"):
        answer = self.call("POST", "/v1/events", body=events, key=self.expected["keys"][vendor])
        assert answer.status == 200, (answer.status, answer.body)
        return {name: count for name, count in answer.json().items() if name != "results" and count}

    def charged(self, subscription, component, month):
        """The sum of the line's charges, by region."""
        sums = {}
        for charge in self.listed("/v1/charges", "charges"):
            if (charge["subscription"], charge["component"], charge["period_start"][:7]) == (subscription, component, month):
                region = charge["dimensions"].get("region", "")
                sums[region] = sums.get(region, Decimal(0)) + Decimal(charge["amount"])
        return sums


def nothing_counts_again(d):
    known = {name: count for name, count in d.expected["again"][0].items() if count}
    assert d.send(former.again()) == known, known
    assert d.send(former.mails(), "other") == {"duplicate": len(former.mails())}
    d.settle()
    found = former.differences(d.expected["told"]["usage"], former.told(d)["usage"])
    assert not found, found[:5]


def it_goes_on(d):
    """New use of a month that is open, more for one that is closed, and a subscription for events that have waited."""
    april, march = d.charged("grown", "vcpu", "2026-04"), d.charged("grown", "vcpu", "2026-03")
    new = [former.event("x1", "vm.cpu", "grown", "2026-04-02T08:00:00Z", hours="20", region="eu"),
           former.event("x2", "vm.cpu", "grown", "2026-03-21T08:00:00Z", hours="10", region="us")]
    assert d.send(new) == {"accepted": 1, "late": 1}
    d.settle()
    assert april == {"eu": Decimal("0.20")}, april  # 14 hours, of which 10 are free
    assert d.charged("grown", "vcpu", "2026-04") == {"eu": Decimal("1.20")}
    grown = d.charged("grown", "vcpu", "2026-03")
    assert march["us"] == Decimal("0.12") and grown == {**march, "us": Decimal("0.62")}, (march, grown)  # 12.5, now 22.5
    d.apply({"subscriptions": [{"key": "stranger", "service": "compute", "customer": "late", "tariff": "graduated", "start": "2026-03-01"}]})
    d.settle()
    wait_until("what was held", lambda: d.charged("stranger", "vcpu", "2026-03") == {"eu": Decimal("0.20")})  # 7 of 3 events, of which one is taken back
    assert not [event for event in d.get("/v1/held?limit=10000")["events"] if event.get("subject") == "stranger"]
    d.settle()
    d.command("audit", "--log")


def all_is_delivered(d):
    """What waited, each message once; what was refused, when an operator says so."""
    receiver = Receiver()
    secret = os.path.join(d.root, "secret")
    with open(secret, "w", encoding="utf-8") as f:
        f.write("whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode())
    os.chmod(secret, 0o600)
    before = former.told(d)["outbox"]
    d.apply({"destinations": [{"key": key, "kind": "http", "url": f"http://127.0.0.1:{receiver.server_port}/{key}", "secret_files": [secret],
                               "batch_max": 20, "drafts": key == "well"} for key in ("well", "bad", "torn", "down", "off")]})
    rejected = [message["id"] for message in before if message["destination"] == "bad" and message["state"] == "rejected"]
    assert rejected
    for name in rejected:
        assert d.call("POST", f"/v1/outbox/{name}", body={"action": "retry"}).status == 200
    wait_until("deliveries", lambda: all(m["state"] in ("acked", "unknown") for m in former.told(d)["outbox"]))
    after = former.told(d)["outbox"]
    for key in ("bad", "down", "off"):
        assert receiver.got(key) == {m["id"] for m in after if m["destination"] == key}, key
        numbers = sorted(charge["number"] for path, body in receiver.messages.values() if path == "/" + key for charge in json.loads(body)["data"]["charges"])
        assert numbers == sorted(c["number"] for c in d.listed("/v1/charges", "charges") if c["status"] != "draft"), key
    was_acked = {m["id"] for m in d.expected["told"]["outbox"] if m["state"] == "acked"}
    assert was_acked and not was_acked & set(receiver.messages)
    receiver.shutdown()
    receiver.server_close()


def opened_and_used(golden):
    with Former(golden) as d:
        d.check_told()
        d.stop()
        d.start()  # once more, as a directory of today
        d.check_told()
        nothing_counts_again(d)
        it_goes_on(d)
        all_is_delivered(d)
        d.settle()
        d.command("audit", "--log")
        d.stop()


def killed_in_the_middle(golden, rng):
    d = Former(golden)
    syncs = d.start_until(0)
    d.kill()
    shutil.rmtree(d.root)
    assert syncs > 30
    for sync in sorted(rng.sample(range(1, syncs), min(KILLS, syncs - 1))):
        d = Former(golden)
        d.start_until(sync)
        if sync % 2 and d.start_until(0):  # the first start went so far; this one is the second, and is killed as it is ready
            d.kill()
        with d:
            d.check_told()
            nothing_counts_again(d)
            d.stop()
    return syncs


def main():
    if not os.path.exists(CLOCK_SHIM) or "tsan" in BUILD:
        skip("a shim cannot be put before the daemon")
    print(f"METERD_SEED={SEED}", flush=True)
    goldens = sorted(glob.glob("tests/golden/data_v*"))
    assert goldens
    for golden in goldens:
        opened_and_used(golden)
        syncs = killed_in_the_middle(golden, random.Random(SEED))
        print(f"{os.path.basename(golden)}: as it was, and goes on; killed before {min(KILLS, syncs - 1)} of the {syncs} syncs of its first start", file=sys.stderr)


main()
