"""The life of what the catalog holds: meters, tariffs, services and keys that are retired, or deleted, before and after usage came."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon  # noqa: E402
from pages import CATALOG, SETTINGS, ago, cpu, problem  # noqa: E402

VCPU = CATALOG["meters"][0]


def send(d, events):
    answer = d.call("POST", "/v1/events", body=events, key=d.acme).json()
    d.settle()
    return [row["result"] for row in answer["results"]] if "results" in answer else [], answer


def put(d, kind, document):
    return d.call("PUT", f"/v1/catalog/{kind}/{document['key']}", body=document)


def quantity(d, meter):
    rows = d.get(f"/v1/usage?meter={meter}&window=total&group_by=meter&from=2020-01-01")["rows"]
    return sum(float(row["quantity"]) for row in rows)


def check_meter(d):
    """Its date decides by the event's own time, and moves only where it decides of nothing that was counted."""
    send(d, [cpu("a", 1, time=ago(hours=3)), cpu("b", 2, time=ago(minutes=90))])
    problem(put(d, "meter", {**VCPU, "retired": ago(hours=2)}), 422, "counted usage of " + ago(minutes=90), "sub-1")
    assert put(d, "meter", {**VCPU, "retired": ago(minutes=80)}).status == 200  # of that very hour, behind what came
    results, answer = send(d, [cpu("c", 4, time=ago(minutes=80)), cpu("d", 8, time=ago(minutes=81)), cpu("e", 16, time=ago(days=2))])
    assert answer["not_active"] == 1 and answer["accepted"] + answer["late"] == 2, answer
    refused = next(row for row in answer["results"] if row["result"] == "not_active")
    assert "vcpu_hours was retired from " + ago(minutes=80) in refused["reason"], refused
    assert quantity(d, "vcpu_hours") == 27
    # Nothing came at or after it that was accepted: it may go on.
    assert put(d, "meter", {**VCPU, "retired": ago(minutes=70)}).status == 200
    # Accepted while nobody knew the subject, and too late for the meter when somebody does.
    _, answer = send(d, [cpu("f", 32, time=ago(minutes=60), subject="sub-3"), cpu("g", 64, time=ago(minutes=75), subject="sub-3")])
    assert answer["held"] == 2, answer
    d.apply({"subscriptions": [{**CATALOG["subscriptions"][0], "key": "sub-3"}]})
    d.settle()
    assert quantity(d, "vcpu_hours") == 27 + 64
    held = d.get("/v1/held")["events"]
    assert [(row["waits_for"], row["type"]) for row in held] == [("meter", "vm.cpu")], held
    assert b"\nmeterd_held_events 1\n" in d.call("GET", "/metrics", port=d.admin_port).body
    problem(put(d, "meter", VCPU), 422, "cannot move on", "were not counted")
    # A meter that is made later takes what is held, and reads the rest of the log.
    d.apply({"meters": [{**VCPU, "key": "vcpu_hours_2"}]})
    d.settle()
    assert quantity(d, "vcpu_hours_2") == 27 + 64 + 32 and quantity(d, "vcpu_hours") == 27 + 64
    assert d.get("/v1/held")["events"] == []
    assert b"\nmeterd_held_events 0\n" in d.call("GET", "/metrics", port=d.admin_port).body


def check_tariff_and_service(d):
    tariff, service = CATALOG["tariffs"][1], CATALOG["services"][1]
    assert put(d, "tariff", {**tariff, "retired": "2026-01-01"}).status == 200
    late = {**CATALOG["subscriptions"][1], "key": "late", "start": "2026-01-01"}
    problem(put(d, "subscription", late), 422, "tariff `mail` is retired from 2026-01-01 on")
    assert put(d, "subscription", {**late, "key": "early", "start": "2025-12-31"}).status == 200
    problem(put(d, "service", {**service, "retired": "2025-12-31"}), 422, "service `mail` is retired", "early")
    assert put(d, "service", {**service, "retired": "2026-01-01"}).status == 200
    assert put(d, "tariff", tariff).status == 200
    problem(put(d, "subscription", late), 422, "service `mail` is retired from 2026-01-01 on")


def check_key(d):
    secret = d.vendor_key("acme", ("query",), "passing")
    document = d.get("/v1/catalog/api_key/passing")["document"]
    assert put(d, "api_key", {**document, "retired": ago(hours=-1)}).status == 200
    d.get("/v1/usage", key=secret)
    assert put(d, "api_key", {**document, "retired": ago(seconds=1)}).status == 200
    problem(d.call("GET", "/v1/usage", key=secret), 401, "retired")


def delete(d, kind, key):
    return d.call("DELETE", f"/v1/catalog/{kind}/{key}")


def check_deletion(d):
    """What was used stays; what was not goes, is told by its revisions, and comes again as another."""
    problem(delete(d, "meter", "vcpu_hours"), 422, "vcpu_hours", "in the stored tariff `compute`")
    problem(delete(d, "meter", "vcpu_hours_2"), 422, "usage was folded with it")
    problem(delete(d, "tariff", "compute"), 422, "may have priced charges", "sub-1")
    problem(delete(d, "vendor", "other"), 422, "a vendor cannot be deleted")
    problem(delete(d, "meter", "nothing"), 404, "nothing")
    wrong = {"key": "wrong", "service": "compute", "event_type": "wrong", "value": "minutes"}
    assert put(d, "meter", wrong).status == 200
    assert delete(d, "meter", "wrong?dry_run=true").json()["deleted"] == 1
    assert d.command("delete", "meter", "wrong").stdout.startswith("meter wrong is deleted; catalog version ")
    problem(d.call("GET", "/v1/catalog/meter/wrong"), 404, "wrong")
    assert "wrong" not in [row["key"] for row in d.get("/v1/catalog/meter")["documents"]]
    assert put(d, "meter", {**wrong, "event_type": "right"}).status == 200
    revisions = d.get("/v1/catalog/meter/wrong?revisions=true")["documents"]
    assert [row["deleted"] for row in revisions] == [False, True, False] and "document" not in revisions[1], revisions
    # A meter without cells, but whose type came: without it these events would wait.
    skipping = {"key": "skipping", "service": "mail", "event_type": "letter", "aggregation": "count", "filter": {"kind": "air"}}
    assert put(d, "meter", skipping).status == 200
    other = d.vendor_key("other")
    letter = {"id": "l", "type": "letter", "subject": "sub-2", "time": ago(hours=1), "data": {"kind": "sea"}}
    assert d.call("POST", "/v1/events", body=[letter], key=other).json()["accepted"] == 1
    d.settle()
    problem(delete(d, "meter", "skipping"), 422, "events of its type were folded")
    # A line names its meter, also of nothing.
    assert put(d, "meter", {**wrong, "key": "charged"}).status == 200
    component = {"key": "c", "meter": "charged", "per_unit": "1"}
    tariff = {"key": "charged", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [component]}]}
    assert put(d, "tariff", tariff).status == 200
    assert put(d, "subscription", {**CATALOG["subscriptions"][0], "key": "s-charged", "tariff": "charged"}).status == 200
    d.settle()
    assert put(d, "tariff", {**tariff, "versions": [{"from": "2020-01-01", "components": [{"key": "c", "recurring": {"amount": "1"}}]}]}
               ).status in (200, 422)
    problem(delete(d, "meter", "charged"), 422, "charged")
    secret = d.vendor_key("acme", ("query",), "leaving")
    assert delete(d, "api_key", "leaving").status == 200
    problem(d.call("GET", "/v1/usage", key=secret), 401, "unknown")
    for key, can_go in (("other-key", False), ("idle", True)):
        if can_go:
            d.vendor_key("other", name=key)
        answer = delete(d, "api_key", key)
        assert answer.status == 200 if can_go else b"events were sent with it: retire it from a date on" in answer.body, answer.body
    failed = d.command("delete", "meter", "vcpu_hours_2", check=False)
    assert failed.returncode != 0 and "usage was folded with it" in failed.stderr, failed


def same_keys(vendor, price):
    """A vendor's service, with keys that another one has, too."""
    name = f"{vendor}-cloud"
    return {
        "vendors": [{"key": vendor}],
        "services": [{"key": name, "vendor": vendor}],
        "meters": [{"key": "cpu", "service": name, "event_type": "cpu", "value": "hours"}],
        "tariffs": [{"key": "standard", "service": name, "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
            {"key": "cpu", "meter": "cpu", "per_unit": price}]}]}],
        "subscriptions": [{"key": f"at-{vendor}", "service": name, "customer": "c", "tariff": "standard", "start": "2020-01-01"}],
    }


def check_same_keys():
    """Two vendors with a meter `cpu` and a tariff `standard`: each is counted and priced by its own."""
    with Daemon(SETTINGS) as d:
        d.apply(same_keys("east", "2"))
        assert d.get("/v1/usage?meter=cpu")["rows"] == []  # there is one
        d.apply(same_keys("west", "5"))
        for vendor in ("east", "west"):
            event = {"id": "1", "type": "cpu", "subject": f"at-{vendor}", "time": ago(hours=1), "data": {"hours": 3}}
            key = d.vendor_key(vendor, ("ingest", "query"), vendor)
            assert d.call("POST", "/v1/events", body=[event], key=key).json()["accepted"] == 1
            d.settle()
            rows = d.get("/v1/usage?meter=cpu&window=total", key=key)["rows"]
            assert [(row["service"], row["meter"], row["quantity"]) for row in rows] == [(f"{vendor}-cloud", "cpu", "3")], rows
            rows = d.get(f"/v1/usage?meter={vendor}-cloud/cpu&window=total")["rows"]
            assert [row["subscription"] for row in rows] == [f"at-{vendor}"], rows
        problem(d.call("GET", "/v1/usage?meter=cpu"), 400, "which of east-cloud/cpu, west-cloud/cpu?")
        assert len(d.get("/v1/usage?meter=cpu&subscription=at-west")["rows"]) == 1
        charges = {row["subscription"]: row for row in d.get("/v1/charges?drafts=true")["charges"] if row["quantity"] != "0"}
        assert {name: (row["meter"], row["tariff"]["key"], row["amount"]) for name, row in charges.items()} == {
            "at-east": ("cpu", "standard", "6.00"), "at-west": ("cpu", "standard", "15.00")}, charges
        problem(d.call("GET", "/v1/catalog/meter/cpu"), 400, "which of east-cloud/cpu, west-cloud/cpu?")
        problem(d.call("DELETE", "/v1/catalog/tariff/standard"), 400, "which of east-cloud/standard, west-cloud/standard?")
        assert d.get("/v1/catalog/meter/west-cloud%2Fcpu")["document"]["service"] == "west-cloud"
        rows = d.get("/v1/catalog/tariff")["documents"]
        assert [(row["service"], row["key"]) for row in rows] == [("east-cloud", "standard"), ("west-cloud", "standard")], rows
        tariff = d.get("/v1/catalog/tariff/east-cloud%2Fstandard")["document"]
        assert d.call("PUT", "/v1/catalog/tariff/east-cloud%2Fstandard", body={**tariff, "name": "East"}).json()["updated"] == 1
        problem(d.call("PUT", "/v1/catalog/tariff/west-cloud%2Fstandard", body=tariff), 422, "service in the path")
        listed = [line.split()[:2] for line in d.command("get", "meters").stdout.splitlines()]
        assert listed == [["KEY", "SERVICE"], ["cpu", "east-cloud"], ["cpu", "west-cloud"]], listed
        shown = d.command("get", "meter", "west-cloud/cpu").stdout
        assert "service: west-cloud" in shown, shown
        assert "at-east" in d.command("usage", "-m", "east-cloud/cpu").stdout
        failed = d.command("usage", "-m", "cpu", check=False)
        assert failed.returncode and "which of east-cloud/cpu, west-cloud/cpu?" in failed.stderr, failed
        d.stop()
        d.command("audit", "--log")


def main():
    check_same_keys()
    with Daemon(SETTINGS) as d:
        d.apply(CATALOG)
        d.acme = d.vendor_key("acme")
        for check in (check_meter, check_tariff_and_service, check_key, check_deletion):
            check(d)
            print(check.__name__, "ok")
        d.stop()
        d.command("audit", "--log")
        d.start()  # numbers of what is gone are gaps
        d.stop()


if __name__ == "__main__":
    main()
