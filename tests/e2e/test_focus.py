"""Real bills through the whole pipeline: FOCUS 1.0 rows are imported as usage, list prices become per-unit tariffs, and what meterd
charges for a row must be what the bill says, to the last digit.

    subscription = SubAccountId      meter = SkuPriceId (SkuId where the vendor gives none)      row = the row's Id, a dimension

The expected amounts come from the file alone, in Python's decimal: rows whose PricingQuantity × ListUnitPrice equals their ListCost, and
beside them rows whose bill shows that product rounded. The amounts compared are the pipeline's charges, summed by line.
"""
import collections
import csv
import decimal
import json
import os

from harness import Daemon, shared, wait_until

EXACT_ROWS_MIN = 180  # the sample has 182; fewer means that the test reads it wrongly
decimal.getcontext().prec = 80
Row = collections.namedtuple("Row", "id vendor subject sku quantity price cost")


def money(text):
    return decimal.Decimal(text)


def read_rows(path):
    """Usage rows with a list price."""
    rows = []
    with open(path, newline="") as f:
        for r in csv.DictReader(f):
            if r["ChargeCategory"] == "Usage":
                sku = r["SkuId"] if r["SkuPriceId"] in ("", "NULL") else r["SkuPriceId"]
                rows.append(Row(r["Id"], r["ProviderName"], r["SubAccountId"], sku, money(r["PricingQuantity"]), money(r["ListUnitPrice"]),
                                money(r["ListCost"])))
    return rows


def catalog_of(rows):
    """Documents for what stands in the rows, and nothing else."""
    vendors = sorted({r.vendor for r in rows})
    skus = {(r.vendor, r.sku): r.price for r in rows}
    meter_keys = {sku: f"{sku[0]}.{number}" for number, sku in enumerate(sorted(skus))}
    accounts = sorted({(r.vendor, r.subject) for r in rows})
    documents = {
        "vendors": [{"key": v, "name": v} for v in vendors],
        "services": [{"key": f"{v}-cloud", "vendor": v} for v in vendors],
        "meters": [], "tariffs": [],
        "subscriptions": [{"key": f"account-{n}", "service": f"{v}-cloud", "subject": subject, "customer": "focus", "tariff": f"{v}-list",
                           "start": "2024-01-01"} for n, (v, subject) in enumerate(accounts)],
    }
    for vendor in vendors:
        # Oracle's rows name no SkuPriceId; their meters look at the SkuId.
        of_vendor = [sku for sku in skus if sku[0] == vendor]
        components = []
        for sku in of_vendor:
            key = meter_keys[sku]
            name = "sku_id" if vendor == "Oracle" else "sku"
            documents["meters"].append({"key": key, "service": f"{vendor}-cloud", "event_type": "cloud.usage", "value": "quantity",
                                        "group_by": ["row"], "filter": {name: sku[1]}})
            components.append({"key": key, "meter": key, "per_unit": format(skus[sku], "f"), "group_by": ["row"]})
        documents["tariffs"].append({"key": f"{vendor}-list", "currency": "USD", "rounding": {"digits": 18, "place": "line"},
                                     "versions": [{"from": "2024-01-01", "components": components}]})
    return documents, meter_keys, vendors


def mapping_of(vendor, vendors):
    """The shipped mapping; plus the row's number and the SkuId as dimensions, and only one vendor's rows (a key belongs to one vendor)."""
    with open("config/import-focus.yaml") as f:
        text = f.read()
    others = ", ".join(v for v in vendors if v != vendor)
    for old, new in (("\ndata:\n", "\ndata:\n  row: {column: Id, as: text}\n  sku_id: {column: SkuId, as: text}\n"),
                     ("skip: {", f"skip: {{ProviderName: [{others}], ")):
        assert text.count(old) == 1, f"config/import-focus.yaml changed its shape: {old!r}"
        text = text.replace(old, new)
    return text


def import_rows(daemon, path, vendors):
    counts = collections.Counter()
    for vendor in vendors:
        key = os.path.join(daemon.root, f"{vendor}.key")
        if not os.path.exists(key):
            daemon.vendor_key(vendor)
        mapping = os.path.join(daemon.root, f"{vendor}.map.yaml")
        with open(mapping, "w") as f:
            f.write(mapping_of(vendor, vendors))
        done = daemon.command("import", "--map", mapping, "--key-file", key, "--batch", "300", "--json", path)
        page = json.loads(done.stdout)
        assert page.pop("not_counted") == {}, page  # by meter
        counts.update(page)
    return counts


def charges(daemon):
    """Sum of the charges by (subscription, component, row)."""
    sums = collections.defaultdict(decimal.Decimal)
    for c in daemon.listed("/v1/charges", "charges"):
        assert c["currency"] == "USD", c
        sums[c["subscription"], c["component"], c["dimensions"]["row"]] += money(c["amount"])
    return sums


def main():
    path = shared("data/focus-1.0-sample.csv")
    rows = read_rows(path)
    documents, meter_keys, vendors = catalog_of(rows)
    subscription_keys = {(s["service"][:-len("-cloud")], s["subject"]): s["key"] for s in documents["subscriptions"]}
    wide = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"},
            "rater": {"grace": "0s", "draft_every": "0s"}}
    with Daemon(wide) as daemon:
        shown = daemon.command("import", "--map", "config/import-focus.yaml", "--dry-run", path)
        assert "997 events, 3 rows skipped, 0 problems; nothing sent" in shown.stderr, shown.stderr
        daemon.apply(documents)
        counts = import_rows(daemon, path, vendors)
        assert counts["events"] == len(rows) == counts["accepted"] + counts["late"], counts
        again = import_rows(daemon, path, vendors)
        assert again["duplicate"] == len(rows) == again["events"], again
        priced = [r for r in rows if r.quantity and r.price]
        wait_until("a charge for every row", lambda: daemon.settle() and len(charges(daemon)) >= len(priced))
        rated = charges(daemon)

        exact = rounded = 0
        for r in rows:
            line = (subscription_keys[r.vendor, r.subject], meter_keys[r.vendor, r.sku], r.id)
            amount = rated.pop(line, decimal.Decimal(0))
            assert amount == r.quantity * r.price, (r, amount)
            if r.cost and r.quantity * r.price == r.cost:
                assert amount == r.cost, (r, amount)
                exact += 1
            elif r.cost and (r.quantity * r.price).quantize(r.cost, decimal.ROUND_HALF_UP) == r.cost:
                rounded += 1
        assert not any(rated.values()), ("charges for no row", rated)
        assert exact >= EXACT_ROWS_MIN, exact
        daemon.command("audit", "--log")
        daemon.stop()
    print(f"{len(rows)} usage rows rated; {exact} ListCosts met to the last digit, {rounded} more as the bill rounds them")


if __name__ == "__main__":
    main()
