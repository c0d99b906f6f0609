"""Held events and retention: they keep no segment, are carried forward before theirs is removed, and count once whenever the catalog learns of them, whatever
was killed meanwhile, and in a copy."""
import os
import random
import sys

sys.path.insert(0, os.path.dirname(__file__))
from harness import METERD, Daemon, wait_until  # noqa: E402
from pages import CATALOG, ago, cpu  # noqa: E402

SETTINGS = {"rater": {"grace": "0s", "draft_every": "0s"}, "intake": {"dedup_window": "2s", "lateness": "2s", "future": "0s"},
            "log": {"segment_bytes": "8MiB", "segment_events_max": 1024, "segment_age": "1s", "retention": "2s"}}
SEED = int(os.environ.get("METERD_SEED", random.SystemRandom().randrange(1 << 32)))


class Short(Daemon):
    """Its log goes back a few seconds."""

    def begin(self, catalog=CATALOG):
        self.apply(catalog)
        self.acme = self.vendor_key("acme")
        self.sent = 0
        return self

    def send(self, *events):
        answer = self.call("POST", "/v1/events", body=[{name: value for name, value in event.items() if name != "time"} for event in events], key=self.acme)
        assert answer.status == 200, answer.body
        return answer.json()

    def segments(self):
        return sorted(int(name) for name in os.listdir(os.path.join(self.data, "log")) if name.isdigit())

    def goes_on(self):
        """An event that counts."""
        self.sent += 1
        assert self.send(cpu(f"u{self.sent}"))["held"] == 0

    def age(self):
        """Usage comes until the segment that is open now is gone. A start makes the windows of sources know the log, which else is once a minute."""
        number = self.segments()[-1]
        def has_grown():
            self.goes_on()
            return self.segments()[-1] > number + 4
        def is_gone():
            self.goes_on()
            return self.segments()[0] > number
        wait_until("segments to be rolled", has_grown)
        self.kill()
        self.start()
        wait_until(f"segment {number} to be removed", is_gone)

    def metric(self, name):
        text = self.call("GET", "/metrics", port=self.admin_port).body.decode()
        return next(float(line.split()[-1]) for line in text.splitlines() if line.rsplit(" ", 1)[0] == name)

    def held(self):
        return [row["seq"] for row in self.listed("/v1/held", "events")]

    def reasons(self):
        return [row["reason"] for row in self.listed("/v1/quarantine", "events")]

    def know(self, subject):
        self.apply({"subscriptions": [{**CATALOG["subscriptions"][0], "key": subject, "subject": subject}]})
        self.settle()

    def used(self, subject, meter="vcpu_hours"):
        rows = self.get(f"/v1/usage?subscription={subject}&meter={meter}&window=total&from=2020-01-01")["rows"]
        return sum(float(row["quantity"]) for row in rows)


def a_held_event_keeps_no_segment():
    with Short(SETTINGS) as d:
        d.begin()
        answer = d.send(cpu("a", 4, subject="late"), cpu("n"), cpu("b", 8, subject="late"), cpu("c", 16, subject="late"), {**cpu("g"), "type": "vm.gpu"})
        assert answer["held"] == 4, answer
        d.sent += 1
        d.settle()
        rows = {row["seq"]: row for row in d.listed("/v1/events", "events")}
        d.age()
        d.age()
        assert d.held() == [1, 3, 4, 5] and d.metric("meterd_held_carried_events") == 4
        assert len(d.segments()) < 12, d.segments()
        # They are as they were, beside a log that begins behind them.
        now = list(d.listed("/v1/events", "events"))
        assert [row for row in now if row["seq"] <= 5] == [rows[seq] for seq in (1, 3, 4, 5)] and now[4]["seq"] > 6, now[:6]
        assert d.get("/v1/events?after=2&limit=1")["events"] == [rows[3]]
        assert d.metric("meterd_held_oldest_seconds") >= 0
        d.command("audit", "--log")
        # A meter for the one, a subscription for the others; one is dropped before.
        assert "1 held event is dropped" in d.command("held", "drop", "--type", "vm.gpu", "--reason", "never sold", "--yes").stdout
        d.kill()
        d.start()
        d.know("late")
        assert d.used("late") == 28 and d.held() == [] and d.reasons() == ["dropped"], (d.used("late"), d.held(), d.reasons())
        d.apply({"meters": [{"key": "again", "service": "compute", "event_type": "vm.cpu", "value": "hours"}]})
        d.settle()
        assert d.used("late", "again") == 28
        assert sum(float(row["quantity"]) for row in d.get("/v1/usage?meter=vcpu_hours&window=total&from=2020-01-01")["rows"]) == 28 + 1 + d.sent - 1
        d.command("audit", "--log")


def what_is_beyond_a_quota_is_carried():
    meters = [{**CATALOG["meters"][0], "dimension_values_max": 1}, *CATALOG["meters"][1:]]
    with Short(SETTINGS) as d:
        d.begin({**CATALOG, "meters": meters})
        d.send(cpu("a", 1, "eu"), cpu("b", 2, "us"), cpu("c", 4, "us"))
        d.age()
        assert d.held() == [2, 3] and d.metric("meterd_held_carried_events") == 2
        d.apply({"meters": [{**meters[0], "dimension_values_max": 9}]})
        d.settle()
        assert d.used("sub-1") == 7 + d.sent and d.reasons() == []


def a_copy_has_what_was_carried():
    with Short(SETTINGS) as d:
        d.begin()
        d.send(cpu("a", 4, subject="late"), cpu("b", 8, subject="late"))
        d.age()
        backup = os.path.join(d.root, "backup")
        d.command("backup", backup)
        d.command("backup", "--verify", backup)
        d.know("late")
        assert d.used("late") == 12
        end = d.status()["log"]["last_seq"]
        d.age()
        other = Short(SETTINGS, directory=os.path.join(d.root, "other"))
        os.makedirs(other.root)
        d.command("restore", backup, other.data)
        with other:
            other.settle()
            assert other.held() == [1, 2], other.held()
            other.know("late")
            assert other.used("late") == 12 and not other.reasons() and end > 2


def killed_at_any_moment():
    rng = random.Random(SEED)
    with Short(SETTINGS) as d:
        d.begin()
        expected = 0
        for life in range(6):
            for i in range(rng.randrange(2, 6)):
                batch = [cpu(f"h{life}.{i}.{k}", 1 << rng.randrange(8), subject="late" if k % 3 else "sub-1") for k in range(rng.randrange(1, 400))]
                d.send(*batch)
                expected += sum(event["data"]["hours"] for event in batch if event["subject"] == "late")
            wait_until("some segments", lambda last=d.segments()[-1]: d.goes_on() or d.segments()[-1] > last + 1)
            d.kill()
            d.start()  # what is due is carried and removed now
            for _ in range(rng.randrange(20)):
                d.goes_on()
            d.kill()
            d.start()
        d.age()
        d.know("late")
        assert d.used("late") == expected and not d.reasons() and not d.held(), (d.used("late"), expected, d.reasons()[:3])
        d.command("audit", "--log")


print(f"METERD_SEED={SEED}")
for check in (a_held_event_keeps_no_segment, what_is_beyond_a_quota_is_carried, a_copy_has_what_was_carried, killed_at_any_moment):
    check()
    print(f"{check.__name__}: ok")
