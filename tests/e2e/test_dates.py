"""What changes in a subscription's life, through the daemon: the same bill whatever came first, and a clean audit.
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon  # noqa: E402

WIDE = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"}, "rater": {"grace": "0s", "draft_every": "0s"}}
CATALOG = {
    "vendors": [{"key": "v"}],
    "services": [{"key": "s", "vendor": "v"}],
    "meters": [{"key": "m", "service": "s", "event_type": "t", "value": "q"}],
    "tariffs": [{"key": "p", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "1"}]}]}],
}


def world():
    """It is late in November: which months are over does not hang on when this runs."""
    daemon = Daemon(WIDE)
    daemon.set_time("2026-11-28T12:00:00Z")
    return daemon


def apply(daemon, **lists):
    answer = daemon.call("PUT", "/v1/catalog", body=lists)
    assert answer.status == 200, answer.body
    daemon.settle()
    return answer.json()


def send(daemon, key, *events):
    rows = [{"id": name, "type": "t", "subject": subject, "time": time, "data": {"q": quantity}} for name, subject, time, quantity in events]
    answer = daemon.call("POST", "/v1/events", body=rows, key=key).json()
    daemon.settle()
    return answer


def bill(daemon):
    """{(subscription, customer, start of the period): amount}, without zeros."""
    sums = {}
    for charge in daemon.get("/v1/charges?limit=10000")["charges"]:
        line = charge["subscription"], charge["customer"], charge["period_start"][:10]
        sums[line] = sums.get(line, 0) + float(charge["amount"])
    return {line: amount for line, amount in sums.items() if amount}


def audit(daemon, notes=0):
    page = json.loads(daemon.command("audit", "--json").stdout)
    assert page["rollups_equal"] and (page["findings"], page["notes"], page["pending"]) == (0, notes, 0), page


def check_end_before_usage():
    """An end that is moved back before usage: it is taken off the bill, and told as a note."""
    with world() as daemon:
        subscription = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "start": "2026-10-01"}
        apply(daemon, **CATALOG, subscriptions=[subscription])
        key = daemon.vendor_key("v")
        send(daemon, key, ("1", "s1", "2026-10-10T10:10:00Z", 1), ("2", "s1", "2026-10-12T10:50:00Z", 10))
        apply(daemon, subscriptions=[{**subscription, "end": "2026-10-11"}])
        assert bill(daemon) == {("s1", "c1", "2026-10-01"): 1}
        audit(daemon, notes=1)
        said = daemon.command("audit")
        assert "each line's sum is its price" in said.stdout and "note: s1 2026-10-12T10:00:00Z m: usage of 1 cell" in said.stderr, said
        apply(daemon, subscriptions=[subscription])
        assert bill(daemon) == {("s1", "c1", "2026-10-01"): 11}
        audit(daemon)


def check_end_in_any_order():
    """An end inside an hour holds from its own microsecond, whatever came first."""
    subscription = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "start": "2026-10-01"}
    ended = {**subscription, "end": "2026-10-10T10:30:00.000001Z"}
    events = [("1", "s1", "2026-10-10T10:30:00Z", 1), ("2", "s1", "2026-10-10T10:30:00.000001Z", 10)]
    for known_before in True, False:
        with world() as daemon:
            apply(daemon, **CATALOG, subscriptions=[ended if known_before else subscription])
            key = daemon.vendor_key("v")
            answer = send(daemon, key, *events)
            assert answer["not_active"] == (1 if known_before else 0), answer
            if not known_before:
                assert bill(daemon) == {("s1", "c1", "2026-10-01"): 11}
                apply(daemon, subscriptions=[ended])
            assert bill(daemon) == {("s1", "c1", "2026-10-01"): 1}, bill(daemon)
            audit(daemon, notes=0 if known_before else 1)


def check_start_in_any_order():
    """A start holds from its own microsecond, for readings and spans too, whether the subscription was there, came later or moved: of a counter that was
    read before, nothing is its use before its first reading, or before what it takes over; of a span the share behind it is."""
    own = {"service": "s", "event_type": "t"}
    meters = [{"key": "m", **own, "value": "q"}, {"key": "odo", **own, "aggregation": "counter", "value": "stand"},
              {"key": "span", **own, "value": "used", "spread_over": "seconds"}]
    components = [{"key": "c", "meter": "m", "per_unit": "1"}, {"key": "km", "meter": "odo", "per_unit": "100"}, {"key": "sp", "meter": "span", "per_unit": "10000"}]
    tariffs = [{**CATALOG["tariffs"][0], "versions": [{"from": "2020-01-01", "components": components}]}]
    events = [{"id": name, "type": "t", "subject": "s1", "time": time, "data": data} for name, time, data in (
        ("1", "2026-09-10T10:00:00Z", {"q": 5, "stand": 100}), ("2", "2026-09-10T10:00:00Z", {"q": 7, "used": "7200", "seconds": 7200}),
        ("3", "2026-09-10T12:00:00Z", {"stand": 130}), ("4", "2026-09-12T00:00:00Z", {"stand": 4}))]
    for opening, driven in ([], 4), ([{"meter": "odo", "value": "120"}], 14):
        moved = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "zone": "Asia/Kathmandu", "start": "2026-09-10T10:45:00.000001Z", "opening": opening}
        for first in moved["start"], "2026-09-01", "2026-09-11", None:
            with world() as daemon:
                apply(daemon, **{**CATALOG, "meters": meters, "tariffs": tariffs})
                if first:
                    apply(daemon, subscriptions=[{**moved, "start": first}])
                key = daemon.vendor_key("v")
                answer = daemon.call("POST", "/v1/events", body=events, key=key).json()
                daemon.settle()
                if first == moved["start"]:  # what begins before is taken for the span alone
                    assert (answer["not_active"], answer["late"]) == (1, 3), answer
                    assert [row.get("not_counted") for row in answer["results"]][1] == ["m", "odo"], answer
                path = os.path.join(daemon.root, "moved.json")
                with open(path, "w") as f:
                    json.dump({"subscriptions": [moved]}, f)
                drafted = {row["from"][:10]: row["draft"] for row in json.loads(daemon.command("price", path, "--what-if", "--json").stdout)["periods"]} if first else None
                assert daemon.call("PUT", "/v1/catalog?correct_closed_periods=true", body={"subscriptions": [moved]}).status == 200
                daemon.call("POST", "/v1/events", body=events, key=key)  # what was refused before its start was known
                daemon.settle()
                expected = round(driven * 100 + 44999999.99, 2)  # 7200 s less 45 minutes and a microsecond, at 10000
                assert bill(daemon) == {("s1", "c1", "2026-09-10"): expected}, (first, bill(daemon), expected)
                used = {row["meter"]: row["quantity"] for row in daemon.get("/v1/usage?window=total&from=2026-09-01&to=2026-10-01")["rows"]}
                assert used == {"odo": str(driven), "span": "4499.999999"}, used
                if first == "2026-09-01":
                    assert float(drafted["2026-09-10"]) == expected, drafted
                page = json.loads(daemon.command("audit", "--json").stdout)
                assert page["rollups_equal"] and (page["findings"], page["pending"]) == (0, 0), page
                if first == moved["start"]:
                    check_taken_back(daemon, moved)


def check_taken_back(daemon, moved):
    """What takes a period back says its start as the charges did that it takes back: to the microsecond, also of the same second."""
    for start, told in ("2026-09-10T10:45:00.25Z", "2026-09-10T16:30:00.250+05:45"), ("2026-09-10T10:46:07Z", "2026-09-10T16:31:07+05:45"):
        apply(daemon, subscriptions=[{**moved, "start": start}])
        sums = {}
        for c in daemon.get("/v1/charges?limit=10000")["charges"]:
            sums[c["period_start"]] = sums.get(c["period_start"], 0) + round(float(c["amount"]) * 100)
        assert [key for key, cents in sums.items() if cents] == [told], sums


def check_review_of_both_sides():
    """A period that another customer pays, or in another currency, is told of both: what one gets back, and what the other one is charged."""
    dollars = {"key": "d", "currency": "USD", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "7"}]}]}
    base = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "start": "2026-09-01"}
    stored = {**base, "changes": [{"from": "2026-09-10T10:10:10.5Z", "tariff": "d", "currency": "USD", "customer": "c2"}]}
    with world() as daemon:
        apply(daemon, **{**CATALOG, "tariffs": [*CATALOG["tariffs"], dollars]}, subscriptions=[stored])
        send(daemon, daemon.vendor_key("v"), ("1", "s1", "2026-09-05T00:00:00Z", 1), ("2", "s1", "2026-09-15T00:00:00Z", 2), ("3", "s1", "2026-09-25T00:00:00Z", 3))
        later = {**stored, "changes": [{**stored["changes"][0], "from": "2026-09-20"}]}
        first = [told(daemon, "/v1/catalog?dry_run=true", subscriptions=[later])] + [told(daemon, subscriptions=[later])]
        assert first == 2 * [(200, [
            "1 closed period of 1 subscription is rated again: 1.00 becomes 3.00 EUR", "2 closed periods of 1 subscription are rated again: 35.00 becomes 21.00 USD",
            "s1 of c1 from 2026-09-01T00:00:00+00:00: 1.00 becomes 3.00 EUR", "s1 of c2 from 2026-09-10T10:10:10.500+00:00: 35.00 becomes 0.00 USD",
            "s1 of c2 from 2026-09-20T00:00:00+00:00: 0.00 becomes 21.00 USD"])], first
        assert bill(daemon) == {("s1", "c1", "2026-09-01"): 3, ("s1", "c2", "2026-09-20"): 21}, bill(daemon)
        assert told(daemon, subscriptions=[{**later, "customer": "c3"}]) == (422, [
            "1 closed period of 1 subscription is rated again: 3.00 becomes 3.00 EUR. Say from when the change holds, or ask for it with correct_closed_periods",
            "s1 of c1 from 2026-09-01T00:00:00+00:00: 3.00 becomes 0.00 EUR", "s1 of c3 from 2026-09-01T00:00:00+00:00: 0.00 becomes 3.00 EUR"])


def check_subscribe_again():
    """A subject that comes again after an end, known before its usage or after it: the same bill; and a second service of its own types."""
    first = {"key": "s1", "service": "s", "subject": "acct-1", "customer": "c1", "tariff": "p", "start": "2026-09-01"}
    ended = {**first, "end": "2026-10-16T12:00:00Z"}
    again = {"key": "s2", "service": "s", "subject": "acct-1", "customer": "c2", "tariff": "p", "start": "2026-10-16T12:00:00Z"}
    events = [("1", "acct-1", "2026-09-10T00:00:00Z", 1), ("2", "acct-1", "2026-10-16T11:59:59.999999Z", 10),
              ("3", "acct-1", "2026-10-16T12:00:00Z", 100), ("4", "acct-1", "2026-11-02T00:00:00Z", 1000)]
    expected = {("s1", "c1", "2026-09-01"): 1, ("s1", "c1", "2026-10-01"): 10, ("s2", "c2", "2026-10-16"): 100, ("s2", "c2", "2026-11-01"): 1000}
    for known_before in True, False:
        with world() as daemon:
            apply(daemon, **CATALOG, subscriptions=[ended, again] if known_before else [first])
            key = daemon.vendor_key("v")
            answer = send(daemon, key, *events)
            assert answer["accepted"] + answer["late"] == 4, answer
            if not known_before:
                assert bill(daemon)[("s1", "c1", "2026-11-01")] == 1000
                refused = daemon.call("PUT", "/v1/catalog", body={"subscriptions": [again]})
                assert refused.status == 422 and b"is the subject of subscription `s1` already, from 2026-09-01T00:00:00Z on" in refused.body, refused.body
                last = daemon.get("/v1/charges?limit=10000")["charges"][-1]["number"]
                told_twice = [told(daemon, path, subscriptions=[ended, again]) for path in ("/v1/catalog?dry_run=true", "/v1/catalog")]
                assert told_twice == 2 * [(200, [
                    "2 closed periods of 2 subscriptions are rated again: 110.00 becomes 110.00 EUR", "s1 of c1 from 2026-10-01T00:00:00+00:00: 110.00 becomes 10.00 EUR",
                    "s2 of c2 from 2026-10-16T12:00:00+00:00: 0.00 becomes 100.00 EUR"])], told_twice
                corrections = {}
                for c in daemon.get(f"/v1/charges?limit=10000&after={last}")["charges"]:
                    if c["period_start"] < "2026-11":
                        corrections[c["subscription"]] = corrections.get(c["subscription"], 0) + float(c["amount"])
                assert corrections == {"s1": -100, "s2": 100}, corrections
            assert bill(daemon) == expected, bill(daemon)
            audit(daemon)

            services = [{"key": "z", "vendor": "v"}]
            meters = [{"key": "n", "service": "z", "event_type": "t2", "value": "q"}]
            tariffs = [{"key": "p2", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "n", "per_unit": "3"}]}]}]
            other = {"key": "s3", "service": "z", "subject": "acct-1", "customer": "c1", "tariff": "p2", "start": "2026-09-01"}
            early = {"id": "5", "type": "t2", "subject": "acct-1", "time": "2026-10-20T00:00:00Z", "data": {"q": 7}}
            assert daemon.call("POST", "/v1/events", body=[early], key=key).json()["held"] == 1
            apply(daemon, services=services, meters=meters, tariffs=tariffs)
            apply(daemon, subscriptions=[other])
            expected_of_both = {**expected, ("s3", "c1", "2026-10-01"): 21}
            assert bill(daemon) == expected_of_both, bill(daemon)
            audit(daemon)
            for subscription, ids in ("s1", ["1", "2"]), ("s2", ["3", "4"]), ("s3", ["5"]):  # each sees its own events
                assert [e["id"] for e in daemon.get(f"/v1/events?subscription={subscription}")["events"]] == ids, subscription
            refused = daemon.call("PUT", "/v1/catalog", body={"meters": [{"key": "n2", "service": "z", "event_type": "t", "value": "q"}]})
            assert refused.status == 422 and b"an event of it would be of both" in refused.body, refused.body


def check_gap():
    """Between two terms a subject is not active, and is told when it will be."""
    with world() as daemon:
        base = {"service": "s", "subject": "acct-1", "customer": "c1", "tariff": "p"}
        apply(daemon, **CATALOG, subscriptions=[{"key": "s1", **base, "start": "2026-09-01", "end": "2026-10-01"}, {"key": "s2", **base, "start": "2026-10-11"}])
        answer = send(daemon, daemon.vendor_key("v"), ("1", "acct-1", "2026-10-05T00:00:00Z", 1))
        assert answer["not_active"] == 1, answer
        said = answer["events"][0]["reason"] if "events" in answer else json.dumps(answer)
        assert "the subscription ended at 2026-10-01T00:00:00Z, and the next of this subject starts at 2026-10-11T00:00:00Z" in said, said


def check_closed_periods():
    """A change without a date is refused where closed periods would be rated again, and says what it does to each; one that is dated says it, too."""
    with world() as daemon:
        subscription = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "start": "2026-09-01"}
        other = {"key": "q", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "2"}]}]}
        apply(daemon, **{**CATALOG, "tariffs": [*CATALOG["tariffs"], other]}, subscriptions=[subscription])
        send(daemon, daemon.vendor_key("v"), ("1", "s1", "2026-09-10T00:00:00Z", 100), ("2", "s1", "2026-10-10T00:00:00Z", 50))
        before = {("s1", "c1", "2026-09-01"): 100, ("s1", "c1", "2026-10-01"): 50}
        assert bill(daemon) == before
        anew = {**CATALOG["tariffs"][0], "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "2"}]}]}
        for what in {"subscriptions": [{**subscription, "tariff": "q"}]}, {"tariffs": [anew]}:
            for path in "/v1/catalog", "/v1/catalog?dry_run=true":
                refused = daemon.call("PUT", path, body=what)
                texts = [finding["text"] for finding in refused.json()["findings"] if finding["line"] == 0]
                assert refused.status == 422 and texts == [
                    "2 closed periods of 1 subscription are rated again: 150.00 becomes 300.00 EUR. Say from when the change holds, or ask for it with "
                    "correct_closed_periods",
                    "s1 of c1 from 2026-09-01T00:00:00+00:00: 100.00 becomes 200.00 EUR",
                    "s1 of c1 from 2026-10-01T00:00:00+00:00: 50.00 becomes 100.00 EUR"], texts
        dear = {**anew, "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "3000000000000000000"}]}]}
        status, texts = told(daemon, tariffs=[dear])
        assert status == 422 and texts[1] == (
            "s1 of c1 from 2026-09-01T00:00:00+00:00: its price cannot be told: component c: the price of 100 is out of range, per_unit "
            "100 × 3000000000000000000: an amount is at most 1.7 × 10^20, a quantity 1.7 × 10^26"), texts
        refused = daemon.call("PUT", "/v1/catalog", body={"subscriptions": [{**subscription, "customer": "c2"}]})
        assert refused.status == 422 and b"2 closed periods of 1 subscription are rated again: 150.00 becomes 150.00 EUR" in refused.body, refused.body
        daemon.settle()
        assert bill(daemon) == before

        # Nothing is said of what changes no closed period, and a version that is new has its date.
        assert not apply(daemon, subscriptions=[{**subscription, "labels": {"team": "blue"}}])["findings"]
        later = {"from": "2190-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "9"}]}
        assert not apply(daemon, tariffs=[{**CATALOG["tariffs"][0], "versions": [*CATALOG["tariffs"][0]["versions"], later]}])["findings"]
        past = {"from": "2026-10-01", "components": [{"key": "c", "meter": "m", "per_unit": "3"}]}
        change = apply(daemon, tariffs=[{**CATALOG["tariffs"][0], "versions": [*CATALOG["tariffs"][0]["versions"], past, later]}])
        assert [finding["severity"] for finding in change["findings"]] == ["warning"] * 3, change
        assert change["findings"][1]["text"] == "1 closed period of 1 subscription is rated again: 50.00 becomes 150.00 EUR", change
        assert bill(daemon) == {**before, ("s1", "c1", "2026-10-01"): 150}

        # Asked for by name it is done, after it was shown.
        path = os.path.join(daemon.root, "moved.yaml")
        with open(path, "w") as f:
            json.dump({"subscriptions": [{**subscription, "tariff": "q"}]}, f)
        shown = daemon.command("apply", "--dry-run", "--correct-closed-periods", path)
        assert "would be: 0 created, 1 updated" in shown.stdout and "warning: 2 closed periods of 1 subscription are rated again: 250.00 becomes 300.00 EUR [periods.closed.rated]\n" in shown.stderr, shown
        assert daemon.command("apply", path, check=False).returncode == 1
        daemon.command("apply", "--correct-closed-periods", path)
        daemon.settle()
        assert bill(daemon) == {("s1", "c1", "2026-09-01"): 200, ("s1", "c1", "2026-10-01"): 100}
        audit(daemon)


def told(daemon, path="/v1/catalog", **lists):
    answer = daemon.call("PUT", path, body=lists)
    daemon.settle()
    return answer.status, [finding["text"] for finding in answer.json()["findings"] if finding["line"] == 0]


def check_pools_and_new_meters():
    """Closed periods draw on a credit in their order, one after the other; one that goes to somebody else is a change of the past. And what a new
    meter is going to count is not told, but said."""
    with world() as daemon:
        subscriptions = [{"key": k, "service": "s", "customer": f"c-{k}", "tariff": "p", "start": "2026-09-01"} for k in ("s1", "s2")]
        apply(daemon, **CATALOG, subscriptions=subscriptions)
        send(daemon, daemon.vendor_key("v"), ("1", "s1", "2026-09-10T00:00:00Z", 5), ("2", "s1", "2026-10-10T00:00:00Z", 7))
        credit = {"key": "top", "subscription": "s1", "amount": "6", "currency": "EUR", "from": "2026-09-01"}
        assert told(daemon, credits=[credit]) == (200, [
            "2 closed periods of 1 subscription are rated again: 12.00 becomes 6.00 EUR",
            "s1 of c-s1 from 2026-09-01T00:00:00+00:00: 5.00 becomes 0.00 EUR", "s1 of c-s1 from 2026-10-01T00:00:00+00:00: 7.00 becomes 6.00 EUR"])
        assert bill(daemon) == {("s1", "c-s1", "2026-10-01"): 6}, bill(daemon)
        status, texts = told(daemon, credits=[{**credit, "subscription": "s2"}])
        assert status == 422 and texts[0].startswith("2 closed periods of 1 subscription are rated again: 6.00 becomes 12.00 EUR. Say"), (status, texts)
        assert bill(daemon) == {("s1", "c-s1", "2026-10-01"): 6}, bill(daemon)

        meter = {"key": "n", "service": "s", "event_type": "t", "aggregation": "count"}
        priced = {"from": "2026-10-01", "components": [*CATALOG["tariffs"][0]["versions"][0]["components"], {"key": "k", "meter": "n", "per_unit": "100"}]}
        tariff = {**CATALOG["tariffs"][0], "versions": [*CATALOG["tariffs"][0]["versions"], priced]}
        said = "meter `n` is new and priced in the past: what it counts of stored events is not in these sums. Apply it first, then the tariff"
        assert told(daemon, "/v1/catalog?dry_run=true", meters=[meter], tariffs=[tariff]) == (200, [said])
        assert told(daemon, meters=[meter]) == (200, [])
        assert told(daemon, tariffs=[tariff])[1][0] == "1 closed period of 1 subscription is rated again: 6.00 becomes 106.00 EUR"
        assert bill(daemon) == {("s1", "c-s1", "2026-10-01"): 106}, bill(daemon)
        audit(daemon)


def check_shared_credit():
    """What others draw of a credit that they share is told of them, too; and who loses a credit is told with who has it then."""
    with world() as daemon:
        pair = [{"key": k, "service": "s", "customer": "both", "tariff": "p", "start": "2026-09-01", "end": "2026-10-01"} for k in ("s1", "s2")]
        credit = {"key": "top", "customer": "both", "amount": "1", "currency": "EUR", "from": "2026-09-01"}
        apply(daemon, **CATALOG, subscriptions=pair, credits=[credit])
        send(daemon, daemon.vendor_key("v"), ("1", "s1", "2026-09-10T00:00:00Z", 5), ("2", "s2", "2026-09-10T00:00:00Z", 7))
        ended = {**pair[0], "end": "2026-09-05"}
        of_pair = {"s1": "s1 of both from 2026-09-01T00:00:00+00:00: ", "s2": "s2 of both from 2026-09-01T00:00:00+00:00: "}
        said = told(daemon, "/v1/catalog?dry_run=true", subscriptions=[ended])
        assert said == (200, ["2 closed periods of 2 subscriptions are rated again: 11.00 becomes 6.00 EUR", of_pair["s1"] + "4.00 becomes 0.00 EUR",
                              of_pair["s2"] + "7.00 becomes 6.00 EUR"]), said
        assert bill(daemon) == {("s1", "both", "2026-09-01"): 4, ("s2", "both", "2026-09-01"): 7}, bill(daemon)
        own = {"key": "top", "subscription": "s2", "amount": "1", "currency": "EUR", "from": "2026-09-01"}
        status, texts = told(daemon, credits=[own])
        assert status == 422 and texts[1:] == [of_pair["s1"] + "4.00 becomes 5.00 EUR", of_pair["s2"] + "7.00 becomes 6.00 EUR"], (status, texts)
        told(daemon, "/v1/catalog?correct_closed_periods=true", credits=[own])
        assert bill(daemon) == {("s1", "both", "2026-09-01"): 5, ("s2", "both", "2026-09-01"): 6}, bill(daemon)
        audit(daemon)


def check_held():
    """Events of a subject that is not known wait for it; what they come to in periods that are over is told before it is, and charged then."""
    with world() as daemon:
        apply(daemon, **CATALOG)
        send(daemon, daemon.vendor_key("v"), ("1", "s1", "2026-09-10T00:00:00Z", 5), ("2", "s1", "2026-10-10T00:00:00Z", 7), ("3", "s2", "2026-10-10T00:00:00Z", 7))
        new = [{"key": "s1", "service": "s", "customer": "c", "tariff": "p", "start": "2026-09-01"},
               {"key": "idle", "service": "s", "customer": "c", "tariff": "p", "start": "2026-09-01"}]
        status, texts = told(daemon, "/v1/catalog?dry_run=true", subscriptions=new)
        assert status == 200 and texts[1:3] == ["s1 of c from 2026-09-01T00:00:00+00:00: 0.00 becomes 5.00 EUR",
                                                "s1 of c from 2026-10-01T00:00:00+00:00: 0.00 becomes 7.00 EUR"], (status, texts)
        assert not any("idle" in text for text in texts), texts
        apply(daemon, subscriptions=new)
        assert bill(daemon) == {("s1", "c", "2026-09-01"): 5, ("s1", "c", "2026-10-01"): 7}, bill(daemon)
        audit(daemon)


def check_start_inside_a_second():
    """A period of which a change is told begins when it does, to the microsecond."""
    with world() as daemon:
        starts = {"s1": "2026-09-10T10:20:00.25Z", "s2": "2026-09-10T10:20:00.000001Z", "s3": "2026-09-10T10:20:00Z"}
        apply(daemon, **CATALOG, subscriptions=[{"key": k, "service": "s", "customer": "c", "tariff": "p", "start": start} for k, start in starts.items()])
        send(daemon, daemon.vendor_key("v"), *((k, k, "2026-09-10T11:00:00Z", 5) for k in starts))
        component = {**CATALOG["tariffs"][0]["versions"][0]["components"][0], "per_unit": "2"}
        tariff = {**CATALOG["tariffs"][0], "versions": [{**CATALOG["tariffs"][0]["versions"][0], "components": [component]}]}
        status, texts = told(daemon, "/v1/catalog?correct_closed_periods=true&dry_run=true", tariffs=[tariff])
        assert status == 200 and texts[1:] == [f"{k} of c from 2026-09-10T10:20:00{fraction}+00:00: 5.00 becomes 10.00 EUR"
                                               for k, fraction in (("s1", ".250"), ("s2", ".000001"), ("s3", ""))], (status, texts)


def check_end_inside_an_hour():
    """An end that moves into an hour that is used and charged: what is told before it is done is what comes of it; and a query is cut there, too, and
    tells nothing of what lies behind the end."""
    with world() as daemon:
        subscription = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "start": "2026-09-01"}
        apply(daemon, **CATALOG, subscriptions=[subscription])
        send(daemon, daemon.vendor_key("v"), ("1", "s1", "2026-10-10T10:10:00Z", 1), ("2", "s1", "2026-10-10T10:50:00Z", 10))
        period = ("s1", "c1", "2026-10-01")
        assert bill(daemon)[period] == 11
        ends = {**subscription, "end": "2026-10-10T10:30:00Z"}
        for path in "/v1/catalog?dry_run=true", "/v1/catalog":
            told = daemon.call("PUT", path, body={"subscriptions": [ends]}).json()["findings"]
            assert [finding["text"] for finding in told] == ["1 closed period of 1 subscription is rated again: 11.00 becomes 1.00 EUR",
                                                             "s1 of c1 from 2026-10-01T00:00:00+00:00: 11.00 becomes 1.00 EUR"], told
        daemon.settle()
        assert bill(daemon)[period] == 1
        given_back = daemon.get("/v1/charges?limit=10000")["charges"][-1]
        explained = json.dumps(daemon.get(f"/v1/charges/{given_back['number']}"))
        assert given_back["amount"] == "-10.00" and "2026-10-10T10:30:00" in explained, explained
        parts = ("10:00", "10:30"), ("10:30", "11:00"), ("10:10", "10:50"), ("10:11", "10:51"), ("10:00", "11:00")
        def used():
            rows = [daemon.get(f"/v1/usage?window=hour&from=2026-10-10T{start}:00Z&to=2026-10-10T{end}:00Z")["rows"] for start, end in parts]
            return [sum(int(row["quantity"]) for row in part) for part in rows]
        assert used() == [1, 0, 1, 0, 1], used()
        audit(daemon, notes=1)
        apply(daemon, subscriptions=[{**subscription, "end": "2026-10-10T10:50:00.000001Z"}])
        assert used() == [1, 10, 1, 10, 11] and bill(daemon)[period] == 11, used()
        audit(daemon)


def check_changes():
    """Another tariff and another customer from a time on: closed months keep what they had, corrections go to who was charged, use is of the customer of its time."""
    base = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "start": "2026-09-01"}
    changed = {**base, "changes": [{"from": "2026-11-05", "tariff": "q"}, {"from": "2026-11-15T12:00:00Z", "customer": "c2"}]}
    other = {"key": "q", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "2"}]}]}
    events = [("1", "s1", "2026-09-10T00:00:00Z", 100), ("2", "s1", "2026-11-04T23:59:59Z", 10), ("3", "s1", "2026-11-05T00:00:00Z", 20),
              ("4", "s1", "2026-11-15T11:59:59Z", 1), ("5", "s1", "2026-11-15T12:00:00Z", 5)]
    for known_before in True, False:
        with world() as daemon:
            apply(daemon, **{**CATALOG, "tariffs": [*CATALOG["tariffs"], other]}, subscriptions=[changed if known_before else base])
            key = daemon.vendor_key("v")
            send(daemon, key, *events)
            if not known_before:
                assert bill(daemon) == {("s1", "c1", "2026-09-01"): 100, ("s1", "c1", "2026-11-01"): 36}
                change = apply(daemon, subscriptions=[changed])
                assert all(finding["severity"] == "warning" for finding in change["findings"]), change
            assert bill(daemon) == {("s1", "c1", "2026-09-01"): 100, ("s1", "c1", "2026-11-01"): 10, ("s1", "c1", "2026-11-05"): 42, ("s1", "c2", "2026-11-15"): 10}, bill(daemon)
            send(daemon, key, ("6", "s1", "2026-11-06T00:00:00Z", 3), ("7", "s1", "2026-11-20T00:00:00Z", 4))
            assert bill(daemon)[("s1", "c1", "2026-11-05")] == 48 and bill(daemon)[("s1", "c2", "2026-11-15")] == 18, bill(daemon)
            usage = {row["customer"]: float(row["quantity"]) for row in daemon.get("/v1/usage?window=total&group_by=customer&group_by=meter&from=2026-09-01&to=2026-12-01")["rows"]}
            assert usage == {"c1": 134, "c2": 9}, usage
            for former in ("/v1/usage?customer=c1&from=2026-11-20", "/v1/margins?customer=c1", "/v1/credits?customer=c1"):
                daemon.get(former)
            mine = daemon.get("/v1/usage?window=total&customer=c2&from=2026-09-01&to=2026-12-01")["rows"]
            assert [float(row["quantity"]) for row in mine] == [9], mine
            audit(daemon)
            gone = daemon.call("PUT", "/v1/catalog", body={"subscriptions": [base]})
            assert gone.status == 422 and b"2 closed periods of 1 subscription are rated again: 58.00 becomes 43.00 EUR" in gone.body, gone.body


def check_changes_of_one_second():
    """Changes in the second in which a month begins, known before use, told behind it, and taken out again: each period has its use, its margins and its
    charges, no two of them one id, and what is told of closed periods is what comes of it."""
    base = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "start": "2026-09-01", "cost_tariff": "k"}
    changed = {**base, "changes": [{"from": "2026-10-01T00:00:00.5Z", "tariff": "q"}, {"from": "2026-10-01T00:00:00.75Z", "customer": "c2"}]}
    version = CATALOG["tariffs"][0]["versions"][0]
    others = [{"key": key, "currency": "EUR", "versions": [{**version, "components": [{**version["components"][0], "per_unit": price}]}]}
              for key, price in (("q", "2"), ("k", "0.5"))]
    events = [(str(i), "s1", f"2026-{time}Z", 10 ** i) for i, time in enumerate(
        ["09-30T23:59:59.999999", "10-01T00:00:00", "10-01T00:00:00.5", "10-01T00:00:00.75", "10-20T10:00:00"])]
    starts = [f"2026-{start}+00:00" for start in ("09-01T00:00:00", "10-01T00:00:00", "10-01T00:00:00.500", "10-01T00:00:00.750")]
    plain = {(starts[0], "c1"): 1, (starts[1], "c1"): 11110}
    apart = {(starts[0], "c1"): 1, (starts[1], "c1"): 10, (starts[2], "c1"): 200, (starts[3], "c2"): 22000}

    def sums(daemon):
        charges = daemon.get("/v1/charges?limit=10000")["charges"]
        assert len({charge["id"] for charge in charges}) == len(charges)
        found = {}
        for charge in charges:
            period = charge["period_start"], charge["customer"]
            found[period] = found.get(period, 0) + float(charge["amount"])
        return {period: amount for period, amount in found.items() if amount}

    for known_before in True, False:
        with world() as daemon:
            apply(daemon, **{**CATALOG, "tariffs": [*CATALOG["tariffs"], *others]}, subscriptions=[changed if known_before else base])
            send(daemon, daemon.vendor_key("v"), *events)
            if not known_before:
                assert sums(daemon) == plain, sums(daemon)
                status, texts = told(daemon, "/v1/catalog?dry_run=true", subscriptions=[changed])
                assert status == 200 and texts[0] == "3 closed periods of 1 subscription are rated again: 11110.00 becomes 22210.00 EUR", texts
                apply(daemon, subscriptions=[changed])
            assert sums(daemon) == apart, sums(daemon)
            margins = {row["period_start"]: float(row["cost"]) for row in daemon.get("/v1/margins")["margins"] if float(row["amount"])}
            assert [margins[start] for start in starts] == [0.5, 5, 50, 5500], margins
            later = daemon.get("/v1/margins?from=2026-10-01T00:00:00.5Z")["margins"]
            assert {row["period_start"] for row in later if float(row["amount"])} == set(starts[2:]), later
            audit(daemon)
            apply_named = daemon.call("PUT", "/v1/catalog?correct_closed_periods=true", body={"subscriptions": [base]})
            assert apply_named.status == 200, apply_named.body
            daemon.settle()
            assert sums(daemon) == plain, sums(daemon)
            audit(daemon)
            apply(daemon, subscriptions=[changed])
            assert sums(daemon) == apart, sums(daemon)
            audit(daemon)


def check_currency_from_a_time():
    """Another currency from a time on is dated: closed months before it keep theirs, and only a price that is written anew beside it is refused."""
    def tariff(eur, usd):
        return {"key": "p", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": {"EUR": eur, "USD": usd}}]}]}

    base = {"key": "s1", "service": "s", "customer": "c1", "tariff": "p", "start": "2026-09-01"}
    changed = {**base, "changes": [{"from": "2026-10-15T12:30:00.000001Z", "currency": "USD"}]}
    with world() as daemon:
        apply(daemon, **{**CATALOG, "tariffs": [tariff("1", "2")]}, subscriptions=[base])
        send(daemon, daemon.vendor_key("v"), ("1", "s1", "2026-09-10T00:00:00Z", 100), ("2", "s1", "2026-10-15T12:30:00Z", 10), ("3", "s1", "2026-10-15T12:30:00.000001Z", 5))
        status, texts = told(daemon, "/v1/catalog?dry_run=true", subscriptions=[changed], tariffs=[tariff("7", "2")])
        assert status == 422 and texts[0].startswith("2 closed periods of 1 subscription are rated again: 115.00 becomes 770.00 EUR. Say from when"), texts
        status, texts = told(daemon, subscriptions=[changed])
        assert status == 200 and texts == ["1 closed period of 1 subscription is rated again: 15.00 becomes 10.00 EUR",
                                           "1 closed period of 1 subscription is rated again: 0.00 becomes 10.00 USD",
                                           "s1 of c1 from 2026-10-01T00:00:00+00:00: 15.00 becomes 10.00 EUR",
                                           "s1 of c1 from 2026-10-15T12:30:00.000001+00:00: 0.00 becomes 10.00 USD"], texts
        assert bill(daemon) == {("s1", "c1", "2026-09-01"): 100, ("s1", "c1", "2026-10-01"): 10, ("s1", "c1", "2026-10-15"): 10}, bill(daemon)
        status, texts = told(daemon, "/v1/catalog?dry_run=true", tariffs=[tariff("1", "3")])
        assert status == 422 and texts[0].startswith("1 closed period of 1 subscription is rated again: 10.00 becomes 15.00 USD. Say from when"), texts
        audit(daemon)


check_end_before_usage()
check_end_in_any_order()
check_start_in_any_order()
check_changes()
check_changes_of_one_second()
check_currency_from_a_time()
check_closed_periods()
check_held()
check_start_inside_a_second()
check_pools_and_new_meters()
check_shared_credit()
check_end_inside_an_hour()
check_review_of_both_sides()
check_subscribe_again()
check_gap()
