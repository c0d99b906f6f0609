"""What the commands say of sources, what HTTP says, and what the metrics count are one and the same."""
import json
import re

from daily import DAYS, Vendor, catalog, row, source, windows_of
from harness import Daemon, wait_until

ODD = {"type": "=vm.hour", "subject": "account", "time": "when", "data": {"quantity": "amount"}}  # a time that no row has


def told(daemon, *words):
    """Numbers as the API's JSON has them too: as they are written."""
    return json.loads(daemon.command("source", *words, "--json").stdout, parse_int=str, parse_float=str)


def served(daemon, path):
    return json.loads(daemon.call("GET", path).body, parse_int=str, parse_float=str)


def same(what, of_command, of_api):
    """A source is tried again meanwhile: what the API said before and after is one, and between them the command says it."""
    def looks():
        before, said, after = of_api(), of_command(), of_api()
        assert before != after or said == before, (what, said, before)
        return before == after
    wait_until(f"two answers that are one: {what}", looks)


def metrics(daemon):
    text = daemon.call("GET", "/metrics", port=daemon.admin_port).body.decode()
    return {name + (labels or ""): int(value) for name, labels, value in re.findall(r"^(meterd_sources?_\w+)(\{[^}]*\})? (\d+)$", text, re.M)}


def check_commands(daemon):
    names = [one["source"] for one in daemon.get("/v1/sources")["sources"]]
    same("list", lambda: told(daemon, "list"), lambda: served(daemon, "/v1/sources"))
    for name in names:
        path = f"/v1/sources/windows?source={name}"
        same(path, lambda path=path: told(daemon, "windows", path.rpartition("=")[2]), lambda path=path: served(daemon, path))
        same(name, lambda name=name: told(daemon, "show", name), lambda name=name: served(daemon, f"/v1/sources/{name}"))
        same(f"{name} in the list", lambda name=name: [one for one in served(daemon, "/v1/sources")["sources"] if one["source"] == name],
             lambda name=name: [served(daemon, f"/v1/sources/{name}")["now"]])
        shown = served(daemon, f"/v1/sources/{name}")
        windows = windows_of(daemon, name)
        counts = {state: str(sum(window["state"] == state for window in windows)) for state in
                  ("partial", "open", "incomplete", "suspect", "complete", "settled")}
        assert {state: shown["windows"][state] for state in counts} == counts and shown["windows"]["refused"] == str(
            sum(window["refused"] for window in windows)), (name, shown)
        table = daemon.command("source", "show", name).stdout
        assert all(f"alarm        {alarm['alarm']} ({alarm['requests']} request{'' if str(alarm['requests']) == '1' else 's'}, since {alarm['since']}): {alarm['problem']}" in table
                   for alarm in shown["now"]["alarms"]), (name, table)
    listed = daemon.command("source", "list").stdout
    assert all(one["alarms"][0]["problem"] in listed for one in daemon.get("/v1/sources")["sources"] if one["alarms"]), listed


def at_one_moment(daemon):
    while True:
        before, sources, after = metrics(daemon), daemon.get("/v1/sources")["sources"], metrics(daemon)
        if before == after:
            return before, sources


def check_metrics(daemon):
    counted, sources = at_one_moment(daemon)
    alarms = {}
    for one in sources:
        for alarm in one["alarms"]:
            alarms[alarm["alarm"]] = alarms.get(alarm["alarm"], 0) + alarm["requests"]
    gauges = {re.search(r'alarm="(\w+)"', name).group(1): value for name, value in counted.items() if name.startswith("meterd_source_alarms")}
    assert {alarm: count for alarm, count in gauges.items() if count} == alarms, (gauges, alarms)
    assert {"refused", "failing"} <= set(alarms) and alarms["failing"] == 2, alarms
    assert counted["meterd_sources_paused"] == sum(one["state"] == "paused" for one in sources) == 1, counted
    for name, metric in {"readings": 'meterd_source_readings_total{outcome="taken"}', "failures": 'meterd_source_readings_total{outcome="failed"}',
                         "rows": "meterd_source_rows_total", "changes": "meterd_source_changes_total"}.items():
        assert counted[metric] == sum(one[name] for one in sources), (name, counted, sources)


vendor = Vendor()
port = vendor.server_address[1]
for day in DAYS:
    vendor.rows[day, None] = [row(f"{day}-{i}", day) for i in range(3)]
EACH = {"for_each": {"values": ["a", "b"]}, "request": {"path": "/usage", "query": {"day": "{from:%Y-%m-%d}", "site": "{each.value}"}}, "format": {"json": {"rows": "nothing[]"}}}
with Daemon({"poller": {"allow_loopback": True}}) as at_work:
    at_work.apply(catalog())
    at_work.apply({"sources": [source("well", port), source("odd", port, map=ODD), source("away", port, **EACH), source("rest", port)]})
    wait_until("all readings", lambda: all(len(windows_of(at_work, name)) == len(DAYS) for name in ("well", "odd", "rest")))
    at_work.command("source", "pause", "rest")
    wait_until("both requests whose answers have no rows", lambda: any(
        alarm["alarm"] == "failing" and alarm["requests"] == 2 for one in at_work.get("/v1/sources")["sources"] for alarm in one["alarms"]))
    at_work.apply({"sources": [source("never", port, disabled=True)]})
    at_work.settle()
    check_commands(at_work)
    check_metrics(at_work)
vendor.shutdown()
print("commands, HTTP and metrics agree")
