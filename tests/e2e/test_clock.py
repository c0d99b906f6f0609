#!/usr/bin/python3
"""A real daemon whose wall clock leaps: nothing counts twice, is deleted, billed before its time or put off for it; no event is refused; it heals by
itself once the clock is right, or when an operator says that it is."""
import datetime
import http.server
import json
import os
import shutil
import threading
from decimal import Decimal

from harness import Daemon, in_mid_month, wait_until

in_mid_month()  # no day and no month ends while it runs

DAY, EVENTS = 86400, 3000
SETTINGS = {"log": {"segment_bytes": "16MiB", "segment_events_max": 1024}, "rater": {"draft_every": "0s"}}
CATALOG = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "svc", "vendor": "acme"}],
    "meters": [{"key": "use", "service": "svc", "event_type": "use", "value": "amount"}],
    "tariffs": [{"key": "std", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
        {"key": "use", "meter": "use", "per_unit": "0.05"}, {"key": "base", "recurring": {"amount": "20"}}]}]}],
}


class Clocked(Daemon):
    """A daemon under a wall clock that is moved."""

    def __init__(self, settings=None, **catalog):
        super().__init__({**SETTINGS, **(settings or {})})
        self.set_clock(0)
        self.catalog = catalog

    def __enter__(self):
        super().__enter__()
        start = (now() - datetime.timedelta(days=33)).date().isoformat()
        subscriptions = [{"key": f"s{i}", "service": "svc", "subject": f"sub{i}", "customer": "c", "tariff": "std", "start": start,
                          **({"billing": {"every": "day"}} if i % 2 else {})} for i in range(4)]
        self.apply({**CATALOG, "subscriptions": subscriptions, **self.catalog})
        self.vendor = self.vendor_key("acme")
        return self

    def send(self, events, result="accepted"):
        for at in range(0, len(events), 500):
            answer = self.call("POST", "/v1/events", events[at:at + 500], key=self.vendor)
            assert answer.status == 200, (answer.status, answer.body)
            counts = {name: count for name, count in answer.json().items() if name != "results" and count}
            assert counts == {result: len(events[at:at + 500])}, (counts, result, answer.body[:400])

    def charges(self):
        rows, after = [], 0
        while True:
            page = self.get(f"/v1/charges?after={after}&limit=1000")
            rows, after = rows + page["charges"], page["next_after"]
            if not page["has_more"]:
                return rows

    def sums(self):
        """What was charged of each component of each period."""
        sums = {}
        for row in self.charges():
            line = row["subscription"], row["period_start"], row["component"]
            sums[line] = sums.get(line, Decimal(0)) + Decimal(row["amount"])
        return {line: amount for line, amount in sums.items() if amount}

    def used(self):
        return sum(amount for (_, _, component), amount in self.sums().items() if component == "use")

    def clock(self):
        return self.get("/v1/clock")

    def wait_for(self, state):
        return wait_until(f"a clock that is {state}", lambda: self.clock()["state"] == state and self.clock())

    def work(self, seconds=2.5):
        """Until all stages have stepped for so long by the trusted clock."""
        begin = instant(self.clock()["trusted"])
        wait_until("time to pass", lambda: (instant(self.clock()["trusted"]) - begin).total_seconds() >= seconds)

    def metric(self, name):
        lines = self.call("GET", "/metrics", port=self.admin_port).body.decode().splitlines()
        return int(next(line.split(" ")[1] for line in lines if line.startswith(name + " ")))

    def told(self):
        return self.call("GET", "/readyz?verbose", port=self.admin_port).body.decode()

    def segments(self):
        return sorted(name for name in os.listdir(os.path.join(self.data, "log")) if name.isdigit())


class Receiver:
    """Answers deliveries with a status."""

    def __init__(self, status):
        self.status, self.count = status, 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                receiver.count += 1
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def events(count, name, base=None):
    base = base or now()
    return [{"id": f"{name}-{i}", "source": "x", "type": "use", "subject": f"sub{i % 4}", "time": (base - datetime.timedelta(seconds=60 + i % 60)).isoformat(),
             "data": {"amount": "2"}} for i in range(count)]


def audit(d):
    d.settle()
    d.command("audit", "--log")


def a_leap_deletes_and_doubles_nothing():
    """36 days ahead, then 500, across a restart: identities are known, the log is whole, and so is what it comes to."""
    with Clocked() as d:
        sent = events(EVENTS, "a")
        d.send(sent)
        d.settle()
        before, segments = d.sums(), d.segments()
        assert len(segments) >= 3
        for days in (36, 500):
            d.set_clock(days * DAY)
            d.wait_for("ahead")
            d.work()
        d.stop()
        d.start()  # while the clock is wrong
        d.wait_for("ahead")
        d.settle()
        d.work()
        d.set_clock(0)
        d.wait_for("believed")
        d.work()
        assert d.segments()[:len(segments)] == segments, (segments, d.segments())
        d.send(sent, "duplicate")
        d.settle()
        assert d.sums() == before
        audit(d)


def a_year_ahead_bills_nothing_before_its_time():
    with Clocked() as d:
        d.send(events(600, "a"))
        d.settle()
        before = d.sums()
        for days in (366, 63000):
            d.set_clock(days * DAY)
            held = d.wait_for("ahead")
            assert (instant(held["wall"]) - instant(held["trusted"])).days in (days - 1, days), held
            d.work()
            d.send(events(40, f"b{days}"))  # of the right time
            d.settle()
        assert d.metric("meterd_clock_held") == 1 and d.metric("meterd_clock_difference_seconds") > 62999 * DAY
        assert "is not believed" in d.told() and d.told().startswith("ready\n"), d.told()
        d.set_clock(0)
        d.wait_for("believed")
        assert d.metric("meterd_clock_held") == 0 and d.told() == "ready\n"
        d.send(events(40, "c"))
        d.settle()
        wait_until("what was used to be billed", lambda: d.used() == 720 * Decimal("0.1"))
        assert {line for line in d.sums() if line[2] == "base"} == {line for line in before if line[2] == "base"}
        audit(d)


def no_event_is_refused_for_the_clock():
    """Ahead, back, at a restart: what is sent at the right time gets in, at the trusted time, and the next one, too."""
    with Clocked() as d:
        for i, days in enumerate((366, 0, -0.1, -40, 0)):
            d.set_clock(days * DAY)
            d.wait_for("ahead" if days > 0 else "back" if days else "believed")
            d.send(events(8, f"a{i}"))
            d.stop()
            d.start()
            d.send(events(8, f"b{i}"))
            d.send([{name: value for name, value in event.items() if name != "time"} for event in events(4, f"c{i}")])
        d.settle()
        rows = d.get("/v1/events?limit=1000")["events"]
        assert len(rows) == 100 and {row["disposition"] for row in rows} == {"normal"}
        assert all(abs((instant(row["received_at"]) - now()).total_seconds()) < 600 for row in rows), rows[0]
        assert all(abs((instant(row["time"]) - now()).total_seconds()) < 1200 for row in rows)
        wait_until("what was used to be billed", lambda: d.used() == 100 * Decimal("0.1"))
        audit(d)


def a_delivery_is_not_put_off_for_the_clock():
    receiver = Receiver(503)
    with Clocked({"outbox": {"allow_loopback": True, "backoff_min": "100ms", "backoff_max": "300ms"}},
                 destinations=[{"key": "hook", "kind": "http", "url": receiver.url(), "drafts": True}]) as d:
        d.set_clock(30 * DAY)
        d.wait_for("ahead")
        d.send(events(8, "a"))
        wait_until("a delivery that fails", lambda: receiver.count > 1)
        d.set_clock(0)
        d.wait_for("believed")
        receiver.status = 200
        wait_until("the delivery", lambda: d.metric('meterd_outbox_messages{state="acked"}') > 0 and d.metric('meterd_outbox_messages{state="pending"}') == 0)
    receiver.server.shutdown()


def an_operator_has_the_last_word():
    """The clock is right, and was wrong before: what is accepted is in force, in the log, and after a restart; a wrong word can be taken back."""
    with Clocked() as d:
        sent = events(EVENTS, "a")
        d.send(sent)
        d.settle()
        before = d.sums()
        d.set_clock(40 * DAY)
        d.wait_for("ahead")
        ahead = events(40, "b", now() + datetime.timedelta(days=40))
        d.send(ahead)  # of a time that is still to come, if the clock is wrong
        d.settle()
        assert d.sums() == before
        shown = d.command("clock").stdout
        assert "not believed" in shown and "meterd clock accept" in shown, shown
        refused = d.call("POST", "/v1/clock", {"wall": (now() + datetime.timedelta(days=39)).isoformat()})
        assert refused.status == 409 and refused.json()["code"] == "request.clock", refused.body
        assert d.call("POST", "/v1/clock", {"wall": "soon"}).status == 400
        assert d.call("POST", "/v1/clock", {"wall": d.clock()["wall"]}, key=d.vendor).status == 403
        assert d.command("clock", "later", check=False).returncode == 64
        assert d.command("clock", "accept").stdout.startswith("accepted: it was ")
        assert d.clock()["state"] == "believed" and d.command("clock").stdout.startswith("believed: ") and d.told() == "ready\n"
        note = next(row for row in d.get("/v1/events?limit=10000")["events"] if row["type"] == "meterd.clock")
        assert note["disposition"] == "note" and note["data"]["by"] == "admin" and (instant(note["data"]["accepted"]) - instant(note["data"]["was"])).days in (39, 40), note
        wait_until("the days that are over to be billed", lambda: d.used() == (EVENTS + 40) * Decimal("0.1") and len(d.sums()) > len(before) + 70)
        d.kill()
        d.start()
        assert d.clock()["state"] == "believed"
        d.work()
        d.send(ahead, "duplicate")  # nothing was forgotten across the step
        d.call("POST", "/v1/events", sent[:4], key=d.vendor)
        d.settle()
        assert d.used() == (EVENTS + 40) * Decimal("0.1")
        audit(d)
        d.set_clock(0)
        d.wait_for("back")
        d.send(events(8, "c"), "late")  # the month was closed
        assert json.loads(d.command("clock", "accept", "--json").stdout)["state"] == "believed"
        assert abs((instant(d.clock()["trusted"]) - now()).total_seconds()) < 60
        d.send(events(8, "d"), "late")
        d.stop()
        d.start()
        assert d.clock()["state"] == "believed"
        d.settle()
        wait_until("all to be billed", lambda: d.used() == (EVENTS + 56) * Decimal("0.1"))
        audit(d)


def without_its_record_it_begins_anew():
    """The file of trusted time is gone, or damaged: it starts, says so, and forgets nothing for it."""
    with Clocked() as d:
        sent = events(2000, "a")
        d.send(sent)
        d.settle()
        d.stop()
        path = os.path.join(d.data, "clock")
        with open(path, "r+b") as f:
            f.write(b"x" * 1024)
        d.set_clock(50 * DAY)
        d.start()
        assert d.clock()["state"] == "believed" and "clock cannot be read" in d.log_lines()
        d.work()
        d.call("POST", "/v1/events", sent[:500], key=d.vendor)
        d.settle()
        assert d.used() == 2000 * Decimal("0.1")
        d.set_clock(0)
        d.wait_for("back")
        d.command("clock", "accept")
        d.send(sent, "duplicate")


def a_restore_under_a_wrong_clock_closes_nothing():
    """A backup is put back where the clock is a year ahead: what was trusted when it was made is trusted on, so no fee of the coming year is billed."""
    with Clocked() as d:
        sent = events(200, "a")
        d.send(sent)
        d.settle()
        before, backup = d.sums(), os.path.join(d.root, "backup")
        d.command("backup", backup)
        d.stop()
        shutil.rmtree(d.data)
        shutil.copytree(backup, d.data)
        d.set_clock(366 * DAY)
        d.start()
        d.wait_for("ahead")
        d.work()
        d.send(events(40, "b"))
        d.settle()
        assert {line for line in d.sums() if line[2] == "base"} == {line for line in before if line[2] == "base"}
        d.set_clock(0)
        d.wait_for("believed")
        d.send(sent, "duplicate")
        wait_until("what was used to be billed", lambda: d.used() == 240 * Decimal("0.1"))
        audit(d)


def a_time_that_cannot_be_starts_nothing():
    """Without a record nothing speaks against the clock: where it says a time of another century, nothing is begun by it. With one it is not believed."""
    for days in (100 * 366, -30 * 366):
        with Clocked() as d:
            d.stop()
            shutil.rmtree(d.data)
            d.set_clock(days * DAY)
            d.start(wait=False)
            assert d.process.wait(120) == 1
            assert "there is no record of what time was trusted: set the clock, and start again" in d.log_lines(), d.log_lines()
            assert not os.path.exists(os.path.join(d.data, "clock")), "it would be trusted from then on"
            d.set_clock(0)
            d.start()
            d.stop()
            d.set_clock(days * DAY)
            d.start()
            d.wait_for("ahead" if days > 0 else "back")


def main():
    for case in (a_leap_deletes_and_doubles_nothing, a_year_ahead_bills_nothing_before_its_time, no_event_is_refused_for_the_clock,
                 a_delivery_is_not_put_off_for_the_clock, an_operator_has_the_last_word, without_its_record_it_begins_anew,
                 a_restore_under_a_wrong_clock_closes_nothing, a_time_that_cannot_be_starts_nothing):
        case()
        print(case.__name__.replace("_", " "))


if __name__ == "__main__":
    main()
