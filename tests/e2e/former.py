"""A data directory of an earlier version: what was sent to it, and what it tells. Shared by the scripts that make one
(tests/golden/data_v*/make.py) and by the test that opens it with today's meterd (test_upgrade.py).

A catalog that version 0.1.0 takes. February is over when it begins, March closes while the daemon rests, April is open when it ends.
"""
import json

FIRST, SECOND = "2026-03-10T12:00:00Z", "2026-04-02T12:00:00Z"  # what time it is for the daemon, in its two lives
SETTINGS = {"log": {"segment_bytes": "8MiB"}, "rater": {"draft_every": "0s"},
            "outbox": {"allow_loopback": True, "backoff_min": "20ms", "backoff_max": "50ms"}}
NOBODY = "http://127.0.0.1:9/"  # where nobody listens

CATALOG = """
vendors: [{key: acme, name: Acme}, {key: other}]
services: [{key: compute, vendor: acme}, {key: office, vendor: acme}, {key: mail, vendor: other, cost_tariff: carrier}]
meters:
  - {key: vcpu, service: compute, event_type: vm.cpu, value: hours, unit: hours, group_by: [region]}
  - {key: calls, service: compute, event_type: api.call, aggregation: count, keep_events: true}
  - {key: peak, service: compute, event_type: vm.cpu, aggregation: max, value: hours}
  - {key: port, service: compute, event_type: traffic, value: mbit, aggregation: percentile, percentile: 95, window: 5m}
  - {key: disk, service: compute, event_type: disk, value: gib_hours, spread_over: seconds}
  - {key: seats, service: office, event_type: seat, value: change, aggregation: time_weighted, reports: change}
  - {key: users, service: office, event_type: login, aggregation: unique, value: user}
  - {key: mails, service: mail, event_type: mail.sent, value: count}
tariffs:
  - key: graduated
    currency: EUR
    versions:
      - from: 2026-01-01
        components:
          - {key: vcpu, meter: vcpu, group_by: [region], free_units: 10, graduated: [{up_to: 100, unit: "0.05"}, {unit: "0.04", flat: "2"}]}
          - {key: calls, meter: calls, package: {size: 10, price: "0.30"}}
          - {key: base, recurring: {amount: "20", prorate: day}}
        minimum: "30"
      - from: 2026-03-09
        components:
          - {key: vcpu, meter: vcpu, group_by: [region], free_units: 10, graduated: [{up_to: 100, unit: "0.05"}, {unit: "0.04", flat: "2"}]}
          - {key: calls, meter: calls, package: {size: 10, price: "0.31"}}
          - {key: base, recurring: {amount: "20", prorate: day}}
        cap: "1000"
  - key: clock
    currency: EUR
    rounding: {mode: half_up, place: total}
    versions:
      - from: 2026-01-01
        calendar: {night: {hours: "22:00-06:00"}}
        components:
          - {key: day, meter: vcpu, when: {not: night}, per_unit: "0.305"}
          - {key: night, meter: vcpu, when: night, per_unit: "0.101"}
          - {key: peak, meter: peak, volume: [{up_to: 5, unit: "1"}, {unit: "0.9"}]}
          - {key: port, meter: port, per_unit: "2"}
          - {key: disk, meter: disk, per_unit: "0.01", cap: "3"}
        overrides: [{customer: fabrikam, components: [{key: day, per_unit: "0.25"}]}]
  - key: dollars
    currency: EUR
    exchange: {source: ecb, max_age_days: 40}
    versions:
      - from: 2026-01-01
        components:
          - {key: vcpu, meter: vcpu, per_unit: "0.05", discount: {percent: 10}}
          - {key: base, recurring: {amount: "20"}}
        commitment: {amount: "25"}
  - key: pools
    currency: EUR
    versions:
      - from: 2026-01-01
        components: [{key: calls, meter: calls, per_unit: "1"}, {key: base, recurring: {amount: "3"}}]
        allowances: [{key: included, components: [calls], quantity: 4, rollover: 1}]
  - key: seats
    currency: EUR
    versions:
      - from: 2026-01-01
        components:
          - {key: seats, meter: seats, scope: level, graduated: [{up_to: 10, unit: "20"}, {unit: "15"}]}
          - {key: users, meter: users, per_unit: "2"}
  - key: mail
    currency: USD
    versions: [{from: 2026-01-01, components: [{key: mails, meter: mails, per_unit: "0.01", tax_code: T1}]}]
  - key: carrier
    currency: USD
    versions: [{from: 2026-01-01, components: [{key: mails, meter: mails, per_unit: "0.012"}]}]
rates:
  - {key: ecb-february, source: ecb, date: 2026-02-27, base: EUR, quotes: {USD: "1.0842"}}
  - {key: ecb-march, source: ecb, date: 2026-03-30, base: EUR, quotes: {USD: "1.0911"}}
subscriptions:
  - {key: grown, service: compute, customer: contoso, tariff: graduated, zone: Asia/Kolkata, start: 2026-02-05, labels: {tier: gold}}
  - {key: daily, service: compute, customer: fabrikam, tariff: clock, zone: Europe/Berlin, billing: {every: day}, start: 2026-03-08, end: 2026-03-11}
  - {key: abroad, service: compute, customer: globex, tariff: dollars, currency: USD, zone: America/New_York, start: 2026-02-10}
  - {key: first, service: compute, customer: shared, tariff: pools, start: 2026-02-05}
  - {key: second, service: compute, customer: shared, tariff: pools, start: 2026-02-05, trial: {days: 10}}
  - {key: team, service: office, customer: contoso, tariff: seats, zone: Europe/Berlin, start: 2026-02-05}
  - {key: letters, service: mail, subject: "letters/1", customer: fabrikam, tariff: mail, start: 2026-02-05}
credits:
  - {key: topup, customer: shared, amount: "5", currency: EUR, from: 2026-01-01}
"""


def event(name, kind, subject, time, **data):
    return {"id": name, "source": "s", "type": kind, "subject": subject, "time": time, "data": data}


def void(name, target, time):
    return {**event(name, "meterd.void", "grown", time), "data": {"id": target}}


def first_events():
    """What Acme sends in the first life."""
    use = [event(f"v{day}", "vm.cpu", "grown", f"2026-02-{day:02}T20:00:00Z", hours=f"{day}.25", region="eu" if day % 3 else "us") for day in range(6, 28, 3)]
    use += [event(f"w{day}", "vm.cpu", "grown", f"2026-03-{day:02}T09:30:00Z", hours="30", region="eu") for day in (2, 5, 9)]
    use += [event(f"c{day}", "api.call", "grown", f"2026-03-{day:02}T10:00:00Z") for day in range(1, 10)]
    use += [event(f"d{hour}", "vm.cpu", "daily", f"2026-03-{8 + hour // 24:02}T{hour % 24:02}:30:00Z", hours="1.5") for hour in range(1, 58, 4)]
    use += [event(f"t{minute}", "traffic", "daily", f"2026-03-09T12:{minute:02}:00Z", mbit=str(10 + minute)) for minute in range(0, 60, 5)]
    use += [event("disk1", "disk", "daily", "2026-03-09T20:00:00Z", gib_hours="96", seconds=14400)]
    use += [event(f"a{day}", "vm.cpu", "abroad", f"2026-02-{day:02}T03:00:00Z", hours="100", region="") for day in (11, 20, 28)]
    use += [event(f"p{day}{name}", "api.call", name, f"2026-02-{day:02}T11:00:00Z") for day in (8, 9, 10, 20, 21, 22, 23) for name in ("first", "second")]
    use += [event("seat1", "seat", "team", "2026-02-05T08:00:00Z", change=8), event("seat2", "seat", "team", "2026-02-20T08:00:00Z", change=4),
            event("seat3", "seat", "team", "2026-03-05T08:00:00Z", change=-2)]
    use += [event(f"u{i}", "login", "team", f"2026-02-1{i}T08:00:00Z", user=f"user{i % 3}") for i in range(6)]
    held = [event(f"h{i}", "vm.cpu", "stranger", f"2026-03-0{i + 1}T08:00:00Z", hours="7", region="eu") for i in range(3)]
    held += [event(f"k{i}", "vm.gpu", "grown", f"2026-03-0{i + 1}T08:00:00Z", hours="2") for i in range(2)]
    return use + held


def odd_events():
    """What is not plainly taken: conflict, expired, future, invalid, not active, another vendor's, doubles, voids."""
    return [event("v6", "vm.cpu", "grown", "2026-02-06T20:00:00Z", hours="99", region="eu"),
            event("old", "vm.cpu", "grown", "2026-01-02T08:00:00Z", hours="1", region="eu"),
            event("soon", "vm.cpu", "grown", "2026-03-12T08:00:00Z", hours="1", region="eu"),
            event("word", "vm.cpu", "grown", "2026-03-09T08:00:00Z", hours="many", region="eu"),
            event("early", "vm.cpu", "abroad", "2026-02-07T08:00:00Z", hours="1"),
            event("theirs", "mail.sent", "letters/1", "2026-03-02T08:00:00Z", count=4),
            event("c1", "api.call", "grown", "2026-03-01T10:00:00Z"),
            void("void1", "w5", "2026-03-10T08:00:00Z"), void("void2", "h2", "2026-03-10T08:00:00Z")]


def mails():
    return [event(f"m{day}", "mail.sent", "letters/1", f"2026-0{2 + day // 28}-{day % 28 + 1:02}T08:00:00Z", count=day) for day in range(8, 34, 5)]


def second_events():
    """In the second life: late for March, which is closed by then, and of April."""
    late = [event("late1", "vm.cpu", "grown", "2026-03-20T08:00:00Z", hours="12.5", region="us"), void("void3", "w9", "2026-03-20T08:00:00Z")]
    return late + [event("n1", "vm.cpu", "grown", "2026-04-01T08:00:00Z", hours="14", region="eu"), event("n2", "api.call", "first", "2026-04-01T09:00:00Z"),
                   event("n3", "seat", "team", "2026-04-01T09:00:00Z", change=1), event("n4", "vm.cpu", "abroad", "2026-04-01T22:00:00Z", hours="3")]


def again():
    """All of Acme once more, but for what was ahead of its time and is not any more."""
    return [sent for sent in first_events() + odd_events() + second_events() if sent["id"] != "soon"]


def delivery(message):
    """What does not change while it is tried again."""
    state = "pending" if message["state"] == "attempted" else message["state"]
    return {**{name: message[name] for name in ("id", "destination", "number", "first_charge", "last_charge", "charges", "created_at")}, "state": state}


def told(daemon, up_to=1 << 62):
    """All that a daemon tells of what it has, and that does not change with the time of day; of charges those up to that number."""
    every = "limit=10000"
    usage = [{"window": window, "rows": daemon.get(f"/v1/usage?window={window}&from=2026-02-01T00:00:00Z&to=2026-04-02T00:00:00Z")["rows"]}
             for window in ("day", "month")]
    pulls = {name: [charge["number"] for charge in daemon.get(f"/v1/charges?consumer={name}&{every}")["charges"] if charge["number"] <= up_to]
             for name in ("books", "bits", "nobody")}
    credits = {at: daemon.get(f"/v1/credits?customer=shared&at={at}T00:00:00Z")["credits"] for at in ("2026-02-20", "2026-03-20", "2026-04-02")}
    margins = [{name: value for name, value in line.items() if name != "dimensions"}  # which were one text once
               for line in daemon.get(f"/v1/margins?{every}")["margins"]]
    return {
        "usage": usage, "pulls": pulls, "credits": credits,
        "charges": [charge for charge in daemon.listed("/v1/charges", "charges") if charge["number"] <= up_to], "events": list(daemon.listed("/v1/events", "events")),
        "held": daemon.get(f"/v1/held?{every}")["events"], "quarantine": daemon.get(f"/v1/quarantine?{every}")["events"],
        "outbox": [delivery(message) for message in daemon.get(f"/v1/outbox?{every}")["messages"] if message["first_charge"] <= up_to], "margins": margins,
        "catalog": {kind: daemon.get(f"/v1/catalog/{kind}")["documents"] for kind in ("meters", "tariffs", "subscriptions", "credits", "rates", "api_keys")},
    }


def differences(old, new, path=""):
    """Where what is told now is not what was told then; more may be told."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [line for key, value in old.items() for line in differences(value, new.get(key), f"{path}.{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [line for i, value in enumerate(old) for line in differences(value, new[i], f"{path}[{i}]")]
    return [] if old == new else [f"{path}: {json.dumps(old)[:300]} is {json.dumps(new)[:300]}"]


# What a version makes anew of the data of before, by a rule of its own: subscription, component and month, and why. It costs nobody anything.
MADE_ANEW = {
    "data_v0.1.0": {("first", "calls", "2026-04"), ("second", "calls", "2026-02")},  # use that costs nothing is told since: a charge of amount 0
}
