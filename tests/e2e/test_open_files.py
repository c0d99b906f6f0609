#!/usr/bin/python3
"""Where no more files may be open, usage is answered 503 with a sentence, and folded later; nothing ends, nothing is lost, and all goes on once they
may. Soft limits are raised at the start.
"""
import http.client
import json
import re
import resource
import sys

from harness import BUILD, Daemon, skip

if "asan" in BUILD:
    skip("the sanitizer of undefined behaviour opens a pipe to look at an object, and says without one that it is none")

CATALOG = {
    "vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}],
    "meters": [{"key": "cpu", "service": "vm", "event_type": "cpu", "value": "seconds"}],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "cpu", "per_unit": "0.1"}]}]}],
    "subscriptions": [{"key": "s1", "service": "vm", "customer": "c1", "tariff": "t", "start": "2020-01-01"}],
}
SEGMENT_EVENTS = 1024


class Sender:
    """Over one connection, which is there before: a new one would want a file, too."""

    def __init__(self, daemon):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=120)
        self.key = daemon.vendor_key("acme")
        self.sent = 0

    def send(self, count):
        events = [{"id": f"e{self.sent + i}", "type": "cpu", "subject": "s1", "data": {"seconds": 1}} for i in range(count)]
        self.connection.request("POST", "/v1/events", body=json.dumps(events),
                                headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        body = json.loads(answer.read())
        if answer.status == 200:
            assert body["accepted"] == count, body
            self.sent += count
        return answer.status, body


def limits(daemon):
    return resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)


def allow(daemon, files):
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (files, limits(daemon)[1]))


def starve(daemon):
    """It may open nothing any more: the numbers below that are taken."""
    allow(daemon, 3)


soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))  # the daemon inherits it
daemon = Daemon({"log": {"segment_bytes": "8MiB", "segment_events_max": SEGMENT_EVENTS}, "intake": {"commit_events_max": SEGMENT_EVENTS}})
daemon.start()
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    assert limits(daemon) == (hard, hard), limits(daemon)
    daemon.apply(CATALOG)
    sender = Sender(daemon)
    for _ in range(5):
        assert sender.send(SEGMENT_EVENTS)[0] == 200
        daemon.settle()
        starve(daemon)
        for _ in range(20):  # what nobody uses is given back first
            status, body = sender.send(SEGMENT_EVENTS)
            if status != 200:
                break
        assert status == 503 and "too many open files" in body["detail"] and body["code"] == "program.files", (status, body)
        assert daemon.process.poll() is None
        allow(daemon, hard)
        assert sender.send(SEGMENT_EVENTS)[0] == 200
        daemon.settle()
    told = re.findall(r"error \w+: too many open files: raise LimitNOFILE.*", daemon.log_lines())
    assert len(told) == 1 and "disk failed" not in daemon.log_lines(), daemon.log_lines()  # once a minute
    daemon.stop()
    daemon.start()
    assert daemon.status()["log"]["last_seq"] == sender.sent
    assert daemon.command("audit", "--log").returncode == 0
    daemon.stop()
finally:
    daemon.__exit__(*sys.exc_info())
print("a lack of open files passes")
