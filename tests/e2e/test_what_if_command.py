"""meterd price DRAFT --what-if beside a daemon at work: both prices of stored usage, in words, JSON and CSV; and no store that changed.

The figures are counted here again, from the events that were sent and from `meterd charges`.
"""
import csv
import decimal
import hashlib
import io
import json
import os

from harness import Daemon
from pages import CATALOG, SETTINGS, ago, cpu
from test_cli import run, write

EVENTS = 60
STORED, DRAFT = decimal.Decimal("0.05"), decimal.Decimal("0.07")
COLUMNS = "subscription,customer,from,to,status,exists,currency,emitted,as_emitted,stored,draft,difference,stored_cost,draft_cost,uncovered,problem"


def draft_text(price=DRAFT, key="compute", start="2020-01-01"):
    return json.dumps({"key": key, "currency": "EUR", "versions": [{"from": start, "components": [
        {"key": "vcpu", "meter": "vcpu_hours", "group_by": ["region"], "per_unit": str(price)},
        {"key": "calls", "meter": "calls", "per_unit": "0.25"}]}]})


def stores(d):
    """Every file of every store but LMDB's lock, by its hash."""
    hashes = {}
    for folder, _, names in os.walk(d.data):
        for name in names:
            if name == "lock.mdb":
                continue
            with open(os.path.join(folder, name), "rb") as f:
                hashes[os.path.join(folder, name)] = hashlib.sha256(f.read()).hexdigest()
    return hashes


def charges(d):
    return d.get("/v1/charges?limit=10000")["charges"]


def fill(d):
    run(d, 0, "apply", write(d, "catalog.json", json.dumps(CATALOG)))
    key = d.vendor_key("acme")
    lines = "".join(json.dumps(cpu(f"e{i}", hours=i, time=ago(days=30, hours=i))) + "\n" for i in range(EVENTS))
    run(d, 0, "send", stdin=lines, env={"METERD_KEY": key})
    d.settle()


def check_table(d):
    draft = write(d, "draft.json", draft_text())
    hours = sum(range(EVENTS))
    done = run(d, 0, "price", draft, "--what-if", "--from", "2020-01-01", says=[
        f"total {hours * STORED:.2f} EUR as stored, {hours * DRAFT:.2f} EUR under the draft: +{hours * (DRAFT - STORED):.2f} (+40 %)"])
    head, *rows = done.stdout.splitlines()
    assert head.split() == "SUBSCRIPTION CUSTOMER PERIODS EMITTED STORED DRAFT DIFFERENCE CURRENCY".split(), done.stdout
    assert rows[0].split()[:2] == ["sub-1", "contoso"] and rows[0].split()[-1] == "EUR", done.stdout
    assert rows[0].split()[3] == rows[0].split()[4] == f"{hours * STORED:.2f}" and len(rows) == 3, done.stdout
    assert rows[2].endswith("charged as the stored tariff prices them") and done.stderr == "", (done.stdout, done.stderr)


def check_json(d):
    draft = write(d, "draft.json", draft_text())
    page = json.loads(run(d, 0, "price", draft, "--what-if", "--json").stdout)
    total, = page["totals"]
    assert total["periods"] == len(page["periods"]) == total["as_emitted"] and total["problems"] == total["uncovered"] == 0, total
    assert total["emitted"] == total["stored"] == str(sum(decimal.Decimal(c["amount"]) for c in charges(d))), total
    for name in ("emitted", "stored", "draft", "difference"):
        assert decimal.Decimal(total[name]) == sum(decimal.Decimal(p[name]) for p in page["periods"]), (name, page)
    used = [p for p in page["periods"] if p["stored"] != "0.00"]
    assert used and all(decimal.Decimal(p["draft"]) * STORED == decimal.Decimal(p["stored"]) * DRAFT for p in used), used
    assert {p["subscription"] for p in page["periods"]} == {"sub-1"} and page["components"] == 4 * total["periods"], page["components"]
    assert all(p["from"].endswith("T00:00:00+05:30") for p in page["periods"]), page["periods"][0]
    assert [p["status"] for p in page["periods"]] == ["over"] * (len(page["periods"]) - 1) + ["running"], page["periods"][-1]


def check_csv(d):
    draft = write(d, "draft.json", draft_text())
    text = run(d, 0, "price", draft, "--what-if", "--csv").stdout
    assert text.splitlines()[0] == COLUMNS, text
    page = json.loads(run(d, 0, "price", draft, "--what-if", "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [[r[k] for k in ("from", "stored", "draft")] for r in rows] == [[p[k] for k in ("from", "stored", "draft")] for p in page["periods"]]
    assert {r["as_emitted"] for r in rows} == {"yes"} and {r["problem"] for r in rows} == {""}, rows


def check_choices(d):
    draft = write(d, "draft.json", draft_text())
    one = used_period(d, draft)
    page = json.loads(run(d, 0, "price", draft, "--what-if", "--json", "--from", one["from"][:10], "--to", one["to"][:10]).stdout)
    assert page["periods"] == [one], page
    for words in (("--customer", "contoso"), ("--vendor", "acme"), ("--subscription", "sub-1")):
        assert json.loads(run(d, 0, "price", draft, "--what-if", "--json", *words).stdout)["periods"], words
    run(d, 0, "price", draft, "--what-if", "--customer", "fabrikam", says=["no billing period"])
    same = write(d, "same.yaml", run(d, 0, "get", "tariff", "compute").stdout)
    run(d, 0, "price", same, "--what-if", says=["the draft is as it is stored: name a tariff with --tariff"])
    assert json.loads(run(d, 0, "price", same, "--what-if", "--json", "--tariff", "compute").stdout)["periods"]
    run(d, 1, "price", draft, "--what-if", "--customer", "contosso", says=["no subscription has the customer 'contosso'; did you mean `contoso`?"])
    run(d, 0, "price", draft, "--what-if", "--vendor", "other", says=["no billing period"])
    for option in ("--vendor", "--subscription"):
        run(d, 1, "price", draft, "--what-if", option, "nobody", says=["nobody"])
    other = write(d, "other.json", draft_text(key="spring"))
    run(d, 1, "price", other, "--what-if", says=["no stored tariff 'spring'", "--tariff"])
    placed = json.loads(run(d, 0, "price", other, "--what-if", "--json", "--tariff", "compute").stdout)
    assert placed == json.loads(run(d, 0, "price", draft, "--what-if", "--json").stdout), placed["totals"]
    late = write(d, "late.json", draft_text(start="2100-01-01"))
    run(d, 0, "price", late, "--what-if", says=["--at TIME", "0.00 EUR under the draft"])
    same = json.loads(run(d, 0, "price", late, "--what-if", "--json", "--at", "2100-01-01").stdout)
    assert same["totals"] == placed["totals"], same["totals"]
    bundle = write(d, "bundle.json", json.dumps({"tariffs": [json.loads(draft_text())]}))
    assert json.loads(run(d, 0, "price", bundle, "--what-if", "--json").stdout)["totals"] == placed["totals"]


def check_margin(d):
    """A seller's cost tariff is drafted onto the subscription, by itself and beside a new price."""
    cost = json.loads(draft_text(price="0.03", key="cost"))
    sub = {**CATALOG["subscriptions"][0], "cost_tariff": "cost"}
    hours = sum(range(EVENTS))
    both = write(d, "both.json", json.dumps({"tariffs": [json.loads(draft_text()), cost], "subscriptions": [sub]}))
    run(d, 0, "price", both, "--what-if", says=[
        f"margin {hours * STORED:.2f} EUR as stored, {hours * (DRAFT - decimal.Decimal('0.03')):.2f} EUR under the draft"])
    total, = json.loads(run(d, 0, "price", both, "--what-if", "--json").stdout)["totals"]
    assert [decimal.Decimal(total[k]) for k in ("stored_cost", "draft_cost")] == [0, hours * decimal.Decimal("0.03")], total
    draft = write(d, "draft.json", draft_text())
    total, = json.loads(run(d, 0, "price", draft, "--what-if", "--json").stdout)["totals"]
    assert total["stored_cost"] is None and total["draft_cost"] is None, total


def used_period(d, draft):
    page = json.loads(run(d, 0, "price", draft, "--what-if", "--json").stdout)
    return next(p for p in page["periods"] if p["stored"] != "0.00")


def check_errors(d):
    draft = write(d, "draft.json", draft_text())
    run(d, 64, "price", draft, "--what-if", "--quantity", "1", says=["leave out --quantity"])
    run(d, 64, "price", draft, "--what-if", "--csv", "--json", says=["not both"])
    run(d, 64, "price", draft, "--what-if", "--from", "yesterday", says=["--from", "yesterday"])
    run(d, 64, "price", draft, "--what-if", "--from", "2026-02-01", "--to", "2026-01-01", says=["before --to"])
    run(d, 1, "price", "/nonexistent", "--what-if", says=["/nonexistent"])
    wrong = write(d, "wrong.yaml", "key: compute\ncurrency: EUR\nversions:\n- from: 2020-01-01\n  components:\n  - {key: v, meter: mails, per_unit: 1}\n")
    run(d, 78, "price", wrong, "--what-if", says=["wrong.yaml", "mail"])
    wrong = write(d, "wrong.yaml", "key: compute\ncurrency: EUX\nversions: [{from: 2020-01-01, components: [{key: v, meter: vcpu_hours, per_unit: 1}]}]\n")
    run(d, 78, "price", wrong, "--what-if", says=["wrong.yaml:2:11: error", "EUX"])
    foreign = write(d, "foreign.json", draft_text().replace("EUR", "USD"))
    run(d, 78, "price", foreign, "--what-if", says=["EUR", "USD"])
    vast = write(d, "vast.json", draft_text(price="100000000000000000000"))
    done = run(d, 1, "price", vast, "--what-if", says=["cannot be priced under the draft", "the price of", "is out of range", "left out of the totals"])
    assert "sub-1" in done.stdout, done.stdout


def cut_draft(time):
    """Under a price of 1 up to that time, and of 2 from then on."""
    versions = [{"from": start, "components": [{"key": "vcpu", "meter": "vcpu_hours", "per_unit": price}]} for start, price in (("2020-01-01", "1"), (time, "2"))]
    return json.dumps({"key": "compute", "currency": "EUR", "versions": versions})


def check_instants(d):
    """A version of the draft holds from its own microsecond: events at it and behind are under it, those before are not."""
    for first, at in ((7, ago(days=30, hours=7)), (6, ago(days=30, hours=7).replace("Z", ".000001Z")), (40, ago(days=30, hours=40))):
        draft = write(d, "cut.json", cut_draft(at))
        total, = json.loads(run(d, 0, "price", draft, "--what-if", "--json").stdout)["totals"]
        assert decimal.Decimal(total["draft"]) == sum(range(EVENTS)) + sum(range(first + 1)), (at, total)  # event i is i hours back
    d.stop()
    os.rename(os.path.join(d.data, "log"), os.path.join(d.root, "log"))
    run(d, 1, "price", draft, "--what-if", says=["of subscription 'sub-1' cannot be cut", "full hours"])
    run(d, 0, "price", write(d, "draft.json", draft_text()), "--what-if")
    os.rename(os.path.join(d.root, "log"), os.path.join(d.data, "log"))
    d.start()


def check_moves(d):
    """What a subscription says may move, too: periods that one side alone has are told, and each customer of both sides."""
    sub = CATALOG["subscriptions"][0]
    ended = write(d, "ended.json", json.dumps({"subscriptions": [{**sub, "end": ago(days=30, hours=20), "customer": "tailspin"}]}))
    table = [line.split() for line in run(d, 0, "price", ended, "--what-if", "--from", "2026-01-01").stdout.splitlines()]
    hours, rows = sum(range(EVENTS)), {row[1]: row[3:7] for row in table if row[0] == "sub-1"}
    left = sum(range(21, EVENTS)) * STORED  # event i is i hours back, and an end holds from its own microsecond
    assert rows == {"contoso": [f"{hours * STORED:.2f}", f"{hours * STORED:.2f}", "0.00", f"{-hours * STORED:.2f}"],
                    "tailspin": ["0.00", "0.00", f"{left:.2f}", f"{left:.2f}"]}, table
    alone = json.loads(run(d, 0, "price", ended, "--what-if", "--json", "--customer", "tailspin").stdout)
    assert {p["exists"] for p in alone["periods"]} == {"draft"} and alone["totals"][0]["in_draft_alone"] == len(alone["periods"]), alone
    new = write(d, "new.json", json.dumps({"subscriptions": [{**sub, "key": "sub-9", "start": ago(days=40)}, {**sub, "end": ago(days=31)}]}))
    run(d, 0, "price", new, "--what-if", says=["sub-9 ", "of the draft alone"])
    trial = write(d, "trial.json", json.dumps({"subscriptions": [{**sub, "trial": {"end": ago(days=30, hours=20)}}]}))
    total, = json.loads(run(d, 0, "price", trial, "--what-if", "--json").stdout)["totals"]
    assert decimal.Decimal(total["draft"]) == sum(range(21)) * STORED and total["uncovered"] == 0, total


def check_subjects(d):
    """A subject that comes again: use from its start on is the second one's, also where the store has it with the first."""
    at = ago(days=30, hours=20)
    first, second = {**CATALOG["subscriptions"][0], "end": at}, {**CATALOG["subscriptions"][0], "key": "sub-3", "subject": "sub-1", "customer": "tailspin", "start": at}
    over = write(d, "over.json", json.dumps({"subscriptions": [first, second]}))
    done = run(d, 0, "price", over, "--what-if", "--from", "2026-01-01")
    rows = {row.split()[0]: row.split()[3:7] for row in done.stdout.splitlines() if row.startswith("sub-")}
    hours, moved = sum(range(EVENTS)), sum(range(21)) * STORED
    assert rows == {"sub-1": [f"{hours * STORED:.2f}", f"{hours * STORED:.2f}", f"{hours * STORED - moved:.2f}", f"{-moved:.2f}"],
                    "sub-3": ["0.00", "0.00", f"{moved:.2f}", f"{moved:.2f}"]} and done.stderr == "", done
    d.stop()
    os.rename(os.path.join(d.data, "log"), os.path.join(d.root, "log"))
    run(d, 1, "price", over, "--what-if", says=["usage of `sub-1` can go from one subscription to another no more, since the log no longer has its events"])
    os.rename(os.path.join(d.root, "log"), os.path.join(d.data, "log"))
    d.start()


def check_customers(d):
    """Where the customer changes, the table has a row for each with his periods, as the CSV has them and as it is for him alone."""
    sub = {**CATALOG["subscriptions"][0], "changes": [{"from": ago(days=30, hours=20), "customer": "tailspin"}]}
    run(d, 0, "apply", write(d, "changes.json", json.dumps({"subscriptions": [sub]})))
    d.settle()
    draft = write(d, "draft.json", draft_text())
    table = [line.split() for line in run(d, 0, "price", draft, "--what-if").stdout.splitlines()]
    rows = {row[1]: row for row in table if row[0] == "sub-1"}
    assert list(rows) == ["contoso", "tailspin"], table
    periods = list(csv.DictReader(io.StringIO(run(d, 0, "price", draft, "--what-if", "--csv").stdout)))
    for customer, row in rows.items():
        own = [p for p in periods if p["customer"] == customer]
        sums = [str(sum(decimal.Decimal(p[name]) for p in own)) for name in ("emitted", "stored", "draft", "difference")]
        assert row == ["sub-1", customer, str(len(own)), *sums, "EUR"] and decimal.Decimal(sums[1]) > 0, (row, sums)
        alone = run(d, 0, "price", draft, "--what-if", "--customer", customer).stdout.splitlines()[1].split()
        assert alone == row, (alone, row)
    assert table[-1][:5] == [str(len(periods)), "periods", "of", "1", "subscription:"], table[-1]


def check_nothing_is_written(d):
    """With the daemon stopped, so that nobody else writes: every byte of every store stays."""
    draft = write(d, "draft.json", draft_text())
    beside = run(d, 0, "price", draft, "--what-if", "--json").stdout
    before = charges(d)
    d.stop()
    hashes = stores(d)
    assert len(hashes) > 5, hashes
    assert run(d, 0, "price", draft, "--what-if", "--json").stdout == beside
    assert stores(d) == hashes
    d.start()
    d.settle()
    assert charges(d) == before
    run(d, 0, "audit")


def main():
    with Daemon(SETTINGS) as d:
        fill(d)
        for check in (check_table, check_json, check_csv, check_choices, check_margin, check_errors, check_instants, check_moves, check_subjects, check_customers, check_nothing_is_written):
            check(d)
            print(check.__name__, "ok")


if __name__ == "__main__":
    main()
