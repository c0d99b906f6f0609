"""Held events: listed, dropped by an operator, dropped by their age; and what the log, the quarantine and the rollups say of it."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from harness import METERD, Daemon, wait_until  # noqa: E402
from pages import CATALOG, SETTINGS, ago, cpu, problem  # noqa: E402

DAY = 86400


class Holding(Daemon):
    def begin(self):
        self.apply(CATALOG)
        self.acme = self.vendor_key("acme")
        return self

    def send(self, events):
        answer = self.call("POST", "/v1/events", body=events, key=self.acme).json()
        self.settle()
        return answer

    def metric(self, name):
        text = self.call("GET", "/metrics", port=self.admin_port).body.decode()
        return next(float(line.split()[-1]) for line in text.splitlines() if line.rsplit(" ", 1)[0] == name)

    def held(self):
        return list(self.listed("/v1/held", "events"))

    def quarantine(self, reason):
        return [row for row in self.listed("/v1/quarantine", "events") if row["reason"] == reason]

    def drop(self, *words, **kw):
        return self.command("held", "drop", *words, **kw)

    def know(self, subject):
        self.apply({"subscriptions": [{**CATALOG["subscriptions"][0], "key": subject, "subject": subject}]})
        self.settle()

    def used(self, subject):
        rows = self.get(f"/v1/usage?subscription={subject}&meter=vcpu_hours&window=total&from=2020-01-01")["rows"]
        return sum(float(row["quantity"]) for row in rows)


def an_operator_drops():
    with Holding(SETTINGS) as d:
        d.begin()
        gone = [cpu(f"g{i}", subject="gone", time=ago(hours=2 + i)) for i in range(5)]
        assert d.send(gone + [cpu(f"n{i}", subject="new") for i in range(3)] + [{**cpu("t"), "type": "vm.gpu"}, cpu("u")])["held"] == 9
        assert d.command("held", "list").stdout.count("gone") == 5
        shown = d.drop("--subject", "gone").stdout
        assert "5 held events would be dropped" in shown and "vm.cpu" in shown and ago(hours=6) in shown and len(d.held()) == 9, shown
        assert d.drop("--subject", "gone", "--yes", check=False).returncode == 64  # it says why
        assert "5 held events are dropped" in d.drop("--subject", "gone", "--reason", "a test account", "--yes").stdout
        d.settle()
        assert {row.get("subject") for row in d.held()} == {"new", None}
        kept = d.quarantine("dropped")
        assert [row["seq"] for row in kept] == [1, 2, 3, 4, 5] and {row["text"] for row in kept} == {"a test account"}, kept
        note = [row for row in d.listed("/v1/events", "events") if row["type"] == "meterd.held"]
        assert len(note) == 1 and note[0]["disposition"] == "note" and note[0]["vendor"] == "meterd", note
        said = note[0]["data"]
        assert (said["by"], said["meterd.reason"], said["subject"], str(said["events"])) == ("admin", "a test account", "gone", "5"), said
        voids = [row for row in d.listed("/v1/events", "events") if row["type"] == "meterd.drop"]
        assert [row["target_seq"] for row in voids] == [1, 2, 3, 4, 5], voids
        assert d.metric("meterd_held_events") == 4 and d.metric('meterd_held_dropped_total{why="dropped"}') == 5
        wait_until("metrics by what is waited for", lambda: d.metric('meterd_held_waiting_events{waits_for="subscription"}') == 3)
        assert d.metric('meterd_held_waiting_events{waits_for="meter"}') == 1
        assert all("waits_for" not in row for row in d.listed("/v1/events", "events") if row["subject"] == "gone")
        # It never counts, whatever the catalog learns; the others do; sent again it is known.
        d.know("gone")
        d.know("new")
        assert (d.used("gone"), d.used("new")) == (0, 3)
        assert d.send(gone)["duplicate"] == 5
        d.command("audit", "--log")
        before = d.get("/v1/usage?window=total&from=2020-01-01&to=2199-01-01")["rows"]
        d.stop()
        d.command("rebuild")
        d.start()
        d.settle()
        after = d.get("/v1/usage?window=total&from=2020-01-01&to=2199-01-01")["rows"]
        assert after == before, (before, after)
        assert d.quarantine("dropped") == kept, (kept, d.quarantine("dropped"))
        assert "0 held events would be dropped" in d.drop("--subject", "gone").stdout


def what_is_meant_must_be_said():
    with Holding(SETTINGS) as d:
        d.begin()
        d.send([cpu("a", subject="x")])
        order = lambda **body: d.call("POST", "/v1/held", body=body)
        problem(order(reason="r"), 400, "all")
        problem(order(subject="x"), 400, "reason")
        problem(order(subject="x", reason="r" * 241), 400, "240")
        problem(order(subject="", reason="r"), 400, "empty")
        problem(order(subjet="x", reason="r", all=True), 400, "subjet")
        problem(order(subject="x", reason="r", dry_run="yes"), 400, "true or false")
        problem(order(received_before="yesterday", reason="r"), 400, "received_before")
        problem(d.call("POST", "/v1/held", body={"all": True, "reason": "r"}, key=d.acme), 403)
        assert len(d.held()) == 1
        assert order(subject="y", reason="r").json()["events"] == 0
        assert order(received_before=ago(days=1), reason="r").json()["events"] == 0
        assert order(type="vm.cpu", vendor="other", reason="r").json()["events"] == 0
        assert order(type="vm.cpu", vendor="acme", subject="x", received_before=ago(days=-9), reason="r").json()["events"] == 1
        assert order(all=True, reason="again", dry_run=False).json()["events"] == 0


def many_are_dropped_piece_by_piece():
    """Killed between two pieces, the rest is dropped by the next order: none twice, none left."""
    with Holding(SETTINGS) as d:
        d.begin()
        for first in range(0, 20000, 5000):
            d.send([cpu(f"m{i}", subject=f"s{i % 7}") for i in range(first, first + 5000)])
        words = [METERD, "-c", d.config, "held", "drop", "--all", "--reason", "all of it", "--yes"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as dropping:
            wait_until("a piece in the log", lambda: d.status()["log"]["last_seq"] > 20000)
            d.kill()
            dropping.wait()
        d.start()
        d.settle()
        left = len(d.held())
        assert left < 20000, left
        d.drop("--all", "--reason", "the rest", "--yes")
        d.settle()
        assert not d.held() and sorted(row["seq"] for row in d.quarantine("dropped")) == list(range(1, 20001))
        assert not d.quarantine("void_twice") and not d.quarantine("conflict")
        notes = [row["data"] for row in d.listed("/v1/events", "events") if row["type"] == "meterd.held"]
        assert sum(int(note["events"]) for note in notes) == 20000 and {note["meterd.reason"] for note in notes} >= {"all of it"}, notes
        d.know("s1")
        assert d.used("s1") == 0
        d.command("audit", "--log")


def age_drops():
    with Holding({**SETTINGS, "intake": {"held_max_age": "2s"}}) as d:
        d.begin()
        d.send([cpu("a", subject="x"), cpu("b")])
        wait_until("an end of the waiting", lambda: not d.held())
        d.settle()
        kept = d.quarantine("held_too_long")
        assert [row["seq"] for row in kept] == [1] and "intake.held_max_age" in kept[0]["text"], kept
        assert d.metric('meterd_held_dropped_total{why="held_too_long"}') == 1
        d.know("x")
        assert d.used("x") == 0 and d.used("sub-1") == 1
        d.command("audit", "--log")


def a_leap_of_the_clock_drops_nothing():
    with Holding({**SETTINGS, "intake": {"held_max_age": "1h"}}) as d:
        d.stop()
        d.set_clock(0)
        d.start()
        d.begin()
        d.send([cpu("a", subject="x")])
        for days in (2, 500):
            d.set_clock(days * DAY)
            wait_until("a clock that is not believed", lambda: d.get("/v1/clock")["state"] == "ahead")
            d.stop()
            d.start()  # the first step looks,
            d.settle()
            d.send([cpu(f"after-{days}")])  # and another one is behind it
            d.command("clock", "accept") if days == 500 else None
        d.stop()
        d.start()
        d.settle()
        d.send([cpu("last")])
        assert len(d.held()) == 1 and not d.quarantine("held_too_long")


for check in (an_operator_drops, what_is_meant_must_be_said, many_are_dropped_piece_by_piece, age_drops, a_leap_of_the_clock_drops_nothing):
    check()
    print(f"{check.__name__}: ok")
