#!/usr/bin/python3
"""A meter counts so many different values of its dimensions for a subject, the first of the log. What is beyond is told in status, metric, readiness,
lists and commands, is counted by other meters, and is billed when the quota is raised; audits are clean and a rebuild is the same at every moment."""
import datetime
import json
import re
import subprocess

from harness import METERD, Daemon, in_mid_month, wait_until

in_mid_month()

DAY = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=2)).date()
CALLS = {"key": "calls", "service": "compute", "event_type": "call", "value": "n", "group_by": ["host"], "dimension_values_max": 3}
CATALOG = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "compute", "vendor": "acme"}],
    "meters": [CALLS, {"key": "all_calls", "service": "compute", "event_type": "call", "value": "n"}],
    "tariffs": [{"key": "standard", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
        {"key": "calls", "meter": "calls", "group_by": ["host"], "per_unit": "1"}]}]}],
    "subscriptions": [
        {"key": key, "service": "compute", "customer": "c", "tariff": "standard", "start": str(DAY), "billing": {"every": "day"},
         "end": str(DAY + datetime.timedelta(days=1))} for key in ("s1", "s2")],
}


def send(d, *uses):
    """(id, subject, host, n): an event for each."""
    events = [{"id": i, "source": "s", "type": "call", "subject": s, "time": f"{DAY}T12:00:00Z", "data": {"n": n, "host": host}} for i, s, host, n in uses]
    answer = d.call("POST", "/v1/events", body=events, key=send.key)
    assert answer.status == 200 and answer.json()["late"] == len(events), answer.body
    d.settle()


def quota(d, values_max):
    d.apply({"meters": [{**CALLS, "dimension_values_max": values_max}]})
    d.settle()


def check_said(d, full, held):
    """Status, metrics and readiness agree."""
    assert d.status()["aggregator"]["dimension_quotas"] == {"full": full, "held": held}, d.status()
    text = d.call("GET", "/metrics", port=d.admin_port).body.decode()
    found = {name: int(value) for name, value in re.findall(r"^meterd_dimension_(\w+) (\d+)$", text, re.M)}
    assert found == {"quotas_full": full, "quota_held_events": held}, found
    lines = d.call("GET", "/readyz?verbose", port=d.admin_port).body.decode().splitlines()
    told = f"{held} event{' is' if held == 1 else 's are'} held beyond {full} quota{'' if full == 1 else 's'} of dimension values"
    assert lines == ["ready", *([told] if full else [])], lines
    audit = d.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def held(d):
    return [(row["seq"], row["waits_for"], row["subject"], row["type"], row.get("meter")) for row in d.get("/v1/held")["events"]]


def used(d, meter, *groups):
    rows = d.get(f"/v1/usage?meter={meter}&from={DAY}&window=total" + "".join(f"&group_by={g}" for g in ("subscription", *groups)))["rows"]
    return {tuple([r["subscription"], *(r["dimensions"][g] for g in groups)]): r["quantity"] for r in rows}


def charged(d):
    """What was charged by line, and the statuses of its charges."""
    lines = {}
    for charge in d.get("/v1/charges?limit=1000")["charges"]:
        if charge["component"] == "calls":
            line = lines.setdefault((charge["subscription"], charge["dimensions"].get("host")), {})
            line["total"] = charge["amount_total"]
            line.setdefault("statuses", []).append(charge["status"])
    return {key: (line["total"], line["statuses"][-1]) for key, line in lines.items()}


def test_what_is_beyond_waits(d):
    check_said(d, 0, 0)
    send(d, *((f"1-{i}", "s1", f"h{i}", 1) for i in range(1, 6)), ("1-h", "s1", "h1", 10), ("1-f", "s1", "h4", 20), ("2-1", "s2", "h5", 5))
    check_said(d, 1, 3)
    assert held(d) == [(seq, "dimensions", "s1", "call", "calls") for seq in (4, 5, 7)], held(d)
    assert used(d, "calls", "host") == {("s1", "h1"): "11", ("s1", "h2"): "1", ("s1", "h3"): "1", ("s2", "h5"): "5"}
    assert used(d, "all_calls") == {("s1",): "35", ("s2",): "5"}
    events = {row["seq"]: row.get("waits_for") for row in d.get("/v1/events?limit=100")["events"]}
    assert events == {seq: "dimensions" if seq in (4, 5, 7) else None for seq in range(1, 9)}, events
    table = d.command("events").stdout
    assert "WAITS FOR" in table and table.count("dimensions") == 3, table
    page = d.get("/v1/held?limit=2")
    assert [row["seq"] for row in page["events"]] == [4, 5] and page["has_more"], page
    page = d.get(f"/v1/held?limit=2&after={page['next_after']}")
    assert [row["seq"] for row in page["events"]] == [7] and not page["has_more"], page
    wait_until("the bill", lambda: len(charged(d)) == 4)
    assert charged(d)[("s1", "h1")] == ("11.00", "correction") and ("s1", "h4") not in charged(d), charged(d)


def test_it_is_not_lowered_below_what_counts(d):
    refused = d.command("apply", "-", stdin=json.dumps({"meters": [{**CALLS, "dimension_values_max": 2}]}), check=False)
    assert refused.returncode and "the meter counts 3 different values for `s1` already" in refused.stdout + refused.stderr, refused
    lone = {"key": "m", "service": "compute", "event_type": "call", "dimension_values_max": 2}
    refused = d.command("apply", "-", stdin=json.dumps({"meters": [lone]}), check=False)
    assert refused.returncode and "belongs to a meter with group_by" in refused.stdout + refused.stderr, refused
    for outside in (0, 1000000001, 1.5, "many"):
        refused = d.command("apply", "-", stdin=json.dumps({"meters": [{**CALLS, "dimension_values_max": outside}]}), check=False)
        assert refused.returncode and "dimension_values_max" in refused.stdout + refused.stderr, refused
    check_said(d, 1, 3)


def test_after_a_restart(d):
    d.stop()
    d.start()
    check_said(d, 1, 3)


def test_it_flows(d):
    """By one value: the first that waits, with all of its events. The period is closed, so it is corrected."""
    quota(d, 4)
    check_said(d, 1, 1)
    assert held(d) == [(5, "dimensions", "s1", "call", "calls")], held(d)
    assert used(d, "calls", "host")[("s1", "h4")] == "21"
    wait_until("the correction", lambda: charged(d).get(("s1", "h4")) == ("21.00", "correction"))
    d.call("POST", "/v1/events", body=[{"id": "v", "source": "s", "type": "meterd.void", "subject": "s1", "data": {"source": "s", "id": "1-5"}}], key=send.key)
    d.settle()
    check_said(d, 1, 1)  # it waits on, and counts nothing when it flows
    quota(d, 100)
    check_said(d, 0, 0)
    assert held(d) == [] and ("s1", "h5") not in used(d, "calls", "host")
    assert used(d, "calls") == {("s1",): "34", ("s2",): "5"}


def test_a_rebuild_is_the_same(d):
    quota(d, 5)  # lowered to what counts
    send(d, ("1-6", "s1", "h6", 1), ("1-7", "s1", "h4", 1))
    before = used(d, "calls", "host"), held(d)
    check_said(d, 1, 1)
    d.stop()
    d.command("rebuild")
    d.start()
    d.settle()
    check_said(d, 1, 1)
    assert before == (used(d, "calls", "host"), held(d)) and before[0][("s1", "h4")] == "22", before


def test_pages_of_what_several_hold():
    """An event that two meters hold stands at the end of a page, and another meter holds one before it: behind a page with `has_more` there is another."""
    jobs = [{"key": key, "service": "compute", "event_type": kind, "aggregation": "count", "group_by": ["host"], "dimension_values_max": 1}
            for key, kind in (("jobs", "job"), ("jobs_too", "job"), ("tasks", "task"))]
    with Daemon() as d:
        d.apply({**CATALOG, "meters": [*CATALOG["meters"], *jobs]})
        send.key = d.vendor_key("acme")
        uses = [("job", "nobody", "h1"), ("task", "s2", "h1"), ("task", "s2", "h2"), ("job", "s1", "h1"), ("job", "s1", "h2")]
        events = [{"id": str(i), "source": "s", "type": t, "subject": s, "time": f"{DAY}T12:00:00Z", "data": {"host": h}} for i, (t, s, h) in enumerate(uses)]
        d.call("POST", "/v1/events", body=events, key=send.key)
        d.settle()
        rows = [(1, None), (3, "tasks"), (5, "jobs"), (5, "jobs_too")]
        for limit in (1, 2, 3, 4, 5, 100):
            found, after, more = [], 0, True
            while more:
                page = d.get(f"/v1/held?limit={limit}&after={after}")
                assert page["events"], (limit, after, found)
                found += [(row["seq"], row.get("meter")) for row in page["events"]]
                after, more = page.get("next_after"), page["has_more"]
            assert found == rows, (limit, found)


def test_the_default():
    printed = subprocess.run([METERD, "reference", "catalog", "meter"], check=True, capture_output=True, text=True).stdout
    assert "| `dimension_values_max` | whole number | `100000` |" in printed, printed


with Daemon({"rater": {"grace": "0s", "draft_every": "0s"}}) as daemon:
    daemon.apply(CATALOG)
    send.key = daemon.vendor_key("acme")
    test_what_is_beyond_waits(daemon)
    test_it_is_not_lowered_below_what_counts(daemon)
    test_after_a_restart(daemon)
    test_it_flows(daemon)
    test_a_rebuild_is_the_same(daemon)
test_pages_of_what_several_hold()
test_the_default()
print("what is beyond a quota is told, and flows")
