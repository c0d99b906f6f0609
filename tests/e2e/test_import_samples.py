"""Exports as their vendors publish them, whole files through the mappings that ship: each row is an event or is skipped, none is a problem, and what is
counted of them is the sum of their quantities, to the digit. What that sum is says Python's csv and decimal, from the mapping's own words.

Files are looked for in METERD_SHARED/data and, where it is set, in METERD_SAMPLES; they are not ours to ship. Which mapping is for a file its header says.
Where there is none for a mapping, the others are run, and the test counts as skipped.
"""
import collections
import csv
import decimal
import glob
import gzip
import json
import os
import sys

import yaml

from harness import SHARED, Daemon, skip, wait_until

decimal.getcontext().prec = 80
# What a header has that no other's has. Of FOCUS no extra columns are asked for.
MARKS = {"aws-cur": "lineItem/UsageAmount", "azure": "MeterCategory", "gcp": "usage.amount_in_pricing_units", "oci": "usage/billedQuantity",
         "kubernetes": "pod_usage_cpu_core_seconds", "focus": "PricingQuantity"}
SETTINGS = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d"}, "rater": {"grace": "0s", "draft_every": "0s"}}


def opened(path):
    return gzip.open(path, "rt", encoding="utf-8-sig", newline="") if path.endswith(".gz") else open(path, encoding="utf-8-sig", newline="")


def mapping_for(path):
    with opened(path) as f:
        header = next(csv.reader(f), [])
    return next((name for name, mark in MARKS.items() if mark in header), None)


def found():
    """(mapping, file)"""
    folders = [os.path.join(SHARED, "data"), *filter(None, [os.environ.get("METERD_SAMPLES")])]
    paths = sorted(path for folder in folders for path in glob.glob(os.path.join(folder, "**", "*.csv*"), recursive=True))
    return [(name, path) for path in paths if path.endswith((".csv", ".csv.gz")) for name in [mapping_for(path)] if name]


def column(value):
    return value if isinstance(value, str) else value.get("column", value.get("path"))


def read(path, mapping):
    """Of a file: how many rows, how many of them are skipped, and quantity by subject of those that are not."""
    nulls, skips = {"", *mapping.get("null", [])}, mapping.get("skip", {})
    measured = next(value for value in mapping["data"].values() if isinstance(value, dict) and "round" in value)
    step = decimal.Decimal(1).scaleb(-measured["round"]["digits"])
    sums, known, rows, skipped = collections.Counter(), set(), 0, 0
    with opened(path) as f:
        for row in csv.DictReader(f):
            rows += 1
            if any(row[name] in values for name, values in skips.items()):
                skipped += 1
                continue
            identity = mapping["id"]
            if isinstance(identity, dict) and not identity.get("multiset"):  # equal ones count once
                key = tuple(row[name] for name in identity["hash"])
                if key in known:
                    continue
                known.add(key)
            text = row[column(measured)]
            if text not in nulls:
                sums[row[column(mapping["subject"])]] += decimal.Decimal(text).quantize(step, decimal.ROUND_HALF_EVEN)
    return rows, skipped, {subject: quantity for subject, quantity in sums.items() if quantity}


def catalog(name, number, mapping, subjects):
    field = next(key for key, value in mapping["data"].items() if isinstance(value, dict) and "round" in value)
    vendor = f"{name}-{number}"
    return {"vendors": [{"key": vendor}], "services": [{"key": f"{vendor}-cloud", "vendor": vendor}],
            "meters": [{"key": f"{vendor}-use", "service": f"{vendor}-cloud", "event_type": mapping["type"].removeprefix("="), "value": field}],
            "tariffs": [{"key": f"{vendor}-list", "currency": "USD", "versions": [
                {"from": "2000-01-01", "components": [{"key": "use", "meter": f"{vendor}-use", "per_unit": "1"}]}]}],
            "subscriptions": [{"key": f"{vendor}-{n}", "service": f"{vendor}-cloud", "subject": subject, "customer": "c", "tariff": f"{vendor}-list",
                               "start": "2000-01-01"} for n, subject in enumerate(subjects)]}


def counted(daemon, vendor):
    sums = collections.Counter()
    for row in daemon.get(f"/v1/usage?meter={vendor}-use&window=month&zone=UTC&from=2000-01-01&to=2100-01-01&group_by=subscription")["rows"]:
        sums[row["subscription"]] += decimal.Decimal(row["quantity"])
    return sums


def check(daemon, number, name, path):
    with open(f"config/import-{name}.yaml", encoding="utf-8") as f:
        mapping = yaml.safe_load(f)
    rows, skipped, sums = read(path, mapping)
    shown = daemon.command("import", "--map", f"config/import-{name}.yaml", "--dry-run", path, check=False)
    said = f"{rows - skipped} event{'s' * (rows - skipped != 1)}, {skipped} row{'s' * (skipped != 1)} skipped, 0 problems; nothing sent"
    assert shown.returncode == 0 and said in shown.stderr, (path, shown.stderr[-2000:])
    vendor = f"{name}-{number}"
    daemon.apply(catalog(name, number, mapping, sorted(sums)))
    daemon.vendor_key(vendor)
    key = os.path.join(daemon.root, f"{vendor}.key")
    done = json.loads(daemon.command("import", "--map", f"config/import-{name}.yaml", "--key-file", key, "--json", path).stdout)
    assert done["events"] == rows - skipped and not done.get("invalid") and not done.get("conflict"), (path, done)
    wanted = {f"{vendor}-{n}": sums[subject] for n, subject in enumerate(sorted(sums))}
    wait_until(f"all of {path}", lambda: daemon.settle() and counted(daemon, vendor) == wanted)
    print(f"{name}: {os.path.basename(path)}: {rows} rows, {skipped} of them skipped, {sum(sums.values())} of {len(sums)} subjects")


def main():
    files = found()
    absent = [f"config/import-{name}.yaml" for name in MARKS if name not in {name for name, _ in files}]
    if files:
        with Daemon(SETTINGS) as daemon:
            for number, (name, path) in enumerate(files):
                check(daemon, number, name, path)
            daemon.command("audit", "--log")
    if absent:  # all that is here went through; what is not is no success
        skip(f"no published export is here (METERD_SHARED/data, METERD_SAMPLES) for {', '.join(absent)}")


if __name__ == "__main__":
    sys.exit(main())
