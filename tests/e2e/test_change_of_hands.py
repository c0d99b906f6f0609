"""A subscription that is told of a month late takes over what was counted for the one before: piece by piece, while events come and are taken back, with
kills in between. In the end the bill is that of a daemon that knew it from the start, and on the way nothing is charged of hours that are neither's."""
import os
import random
import sys
from fractions import Fraction

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, wait_until  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", str(random.SystemRandom().randrange(1 << 32))))
SETTINGS = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"}, "aggregator": {"step_events_max": 40},
            "rater": {"grace": "0s", "draft_every": "0s"}}
FIRST = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "compute", "vendor": "acme"}],
    "meters": [{"key": "hours", "service": "compute", "event_type": "vm", "aggregation": "sum", "value": "hours", "group_by": ["region"]},
               {"key": "seats", "service": "compute", "event_type": "vm", "aggregation": "time_weighted", "value": "seats", "group_by": ["region"]},
               {"key": "users", "service": "compute", "event_type": "vm", "aggregation": "unique", "value": "user"}],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
        {"key": "hours", "meter": "hours", "group_by": ["region"], "per_unit": "0.10"}, {"key": "seats", "meter": "seats", "per_unit": "0.013"},
        {"key": "users", "meter": "users", "per_unit": "1"}]}]}],
    "subscriptions": [{"key": "s1", "service": "compute", "subject": "s", "customer": "c1", "tariff": "t", "zone": "Asia/Kolkata", "start": "2026-01-01"}],
}
SECOND = {"subscriptions": [{**FIRST["subscriptions"][0], "end": "2026-02-03T10:20:30.5Z"},
                            {"key": "s2", "service": "compute", "subject": "s", "customer": "c2", "tariff": "t", "start": "2026-02-03T10:20:30.5Z"}]}


def rows(chance, first, count):
    for i in range(first, first + count):
        if i > 20 and chance.random() < 0.1:
            yield {"id": f"v{i}", "type": "meterd.void", "subject": "s", "data": {"id": f"e{chance.randrange(i)}"}}
            continue
        time = f"2026-{chance.choice((1, 2, 3)):02}-{chance.randrange(1, 29):02}T{chance.randrange(24):02}:{chance.randrange(60):02}:30.25Z"
        yield {"id": f"e{i}", "type": "vm", "subject": "s", "time": time,
               "data": {"hours": chance.randrange(9), "seats": chance.randrange(5), "user": f"u{chance.randrange(40)}", "region": chance.choice(("eu", "us"))}}


def send(daemon, key, events):
    answer = daemon.call("POST", "/v1/events", body=events, key=key)
    assert answer.status == 200, answer.body
    return answer.json()


def sums(daemon):
    lines = {}
    for c in daemon.listed("/v1/charges", "charges"):
        line = tuple(c[name] for name in ("subscription", "customer", "component", "period_start", "part_start")), str(c["dimensions"])
        amount, quantity = lines.get(line, (0, 0))
        lines[line] = amount + Fraction(c["amount"]), quantity + Fraction(c["quantity_delta"])
    return {line: both for line, both in lines.items() if any(both)}


def check_audit(daemon):
    done = daemon.command("audit", "--log", check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)


def known_from_the_start(before, after):
    with Daemon(SETTINGS) as daemon:
        daemon.apply(FIRST)
        daemon.apply(SECOND)
        key = daemon.vendor_key("acme")
        for events in (before, after):
            send(daemon, key, events)
        daemon.settle()
        check_audit(daemon)
        return sums(daemon)


def told_late(before, after, chance):
    with Daemon(SETTINGS) as daemon:
        daemon.apply(FIRST)
        key = daemon.vendor_key("acme")
        send(daemon, key, before)
        daemon.settle()
        charged = sums(daemon)
        daemon.apply(SECOND)
        kills, seen = 0, 0
        for at in range(0, len(after), 25):
            send(daemon, key, after[at:at + 25])
            if kills < 8:
                daemon.kill()
                daemon.start()
                kills += 1
            elif not daemon.status()["aggregator"]["idle"]:
                seen += 1
        daemon.settle()
        wait_until("an idle rater", lambda: daemon.status()["rater"]["idle"])
        check_audit(daemon)
        result = sums(daemon)
        assert result != charged
        print(f"{kills} kills; {seen} requests were answered while use moved")
        return result


def main():
    print(f"METERD_SEED={SEED}", flush=True)
    chance = random.Random(SEED)
    before, after = list(rows(chance, 0, 3000)), list(rows(chance, 3000, 500))
    expected, found = known_from_the_start(before, after), told_late(before, after, chance)
    wrong = [(line, found.get(line), expected.get(line)) for line in found.keys() | expected.keys() if found.get(line) != expected.get(line)]
    assert not wrong, wrong[:5]
    assert {line[0][0] for line in expected} == {"s1", "s2"}


main()
