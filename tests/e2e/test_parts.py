#!/usr/bin/python3
"""A large request is stored in parts: killed between any two of them, what was stored is a beginning of it, and the same request again finds that as
duplicates, beside another key's events that came in between.
"""
import http.client
import json
import os
import random
import threading
import time

from harness import Daemon

CATALOG = {
    "vendors": [{"key": "acme"}, {"key": "other"}], "services": [{"key": "vm", "vendor": "acme"}, {"key": "disk", "vendor": "other"}],
    "meters": [{"key": "cpu", "service": "vm", "event_type": "cpu", "value": "n"}, {"key": "gib", "service": "disk", "event_type": "gib", "value": "n"}],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "base", "recurring": {"amount": "1"}}]}]}],
    "subscriptions": [{"key": "s1", "service": "vm", "customer": "c1", "tariff": "t", "start": "2020-01-01"},
                      {"key": "s2", "service": "disk", "customer": "c2", "tariff": "t", "start": "2020-01-01"}],
}
MANY, ROUNDS = 40_000, int(os.environ.get("METERD_KILLS", "4"))
TYPE = {"Content-Type": "application/x-ndjson"}
USAGE = "/v1/usage?window=total&from=2020-01-01&to=2199-01-01"


def batch(number, at):
    return "\n".join(json.dumps({"id": f"{number}-{i}", "type": "cpu", "subject": "s1", "time": at, "data": {"n": 1}}) for i in range(MANY))


def main():
    seed = int(os.environ.get("METERD_SEED", time.time_ns() % 2**32))
    print(f"METERD_SEED={seed}")
    source, cut, small = random.Random(seed), 0, 0
    with Daemon({"intake": {"commit_events_max": 1000}}) as d:
        d.apply(CATALOG)
        large, other = d.vendor_key("acme"), d.vendor_key("other")
        for number in range(ROUNDS):
            at = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(time.time() - 7200))
            body, before = batch(number, at), d.status()["log"]["last_seq"]
            answered = []

            def send():
                try:
                    answered.append(d.call("POST", "/v1/events", body, TYPE, key=large).json())
                except (OSError, http.client.HTTPException):
                    pass  # it was killed

            sender = threading.Thread(target=send)
            sender.start()
            wanted = before + source.randrange(1, MANY)  # a kill once so many are stored, wherever that is
            while not answered and d.status()["log"]["last_seq"] < wanted:
                event = {"id": f"o{small}", "type": "gib", "subject": "s2", "time": at, "data": {"n": 1}}
                assert d.call("POST", "/v1/events", json.dumps(event), TYPE, key=other).json()["accepted"] == 1
                small += 1
            d.kill()
            sender.join()
            d.start()
            rows = d.listed("/v1/events", "events")
            stored = [row["id"] for row in rows if row["id"].startswith(f"{number}-")]
            assert stored == [f"{number}-{i}" for i in range(len(stored))], "what is stored is no beginning of it"
            assert not answered or len(stored) == MANY, (answered, len(stored))
            cut += 0 < len(stored) < MANY
            again = d.call("POST", "/v1/events", body, TYPE, key=large).json()
            assert (again["duplicate"], again["accepted"]) == (len(stored), MANY - len(stored)), (again["duplicate"], again["accepted"], len(stored))
        d.settle()
        used = {row["subscription"]: row["events"] for row in d.get(USAGE)["rows"]}
        assert used == {"s1": MANY * ROUNDS, "s2": small} or not small, used
        d.command("audit", "--log")
    assert cut, "no kill was between two parts"
    print(f"{ROUNDS} requests of {MANY} events killed, {cut} of them between two parts, beside {small} events of another key")


main()
