"""Rows as bytes: JSON of every shape, CSV, answers of Prometheus; and what packs them. Equal rows are equal bytes."""
import base64
import csv
import gzip
import hashlib
import io
import json
import zipfile

from . import spelling

try:
    import zstandard
except ImportError:
    zstandard = None

CONTENT_TYPES = {"json": "application/json", "json_list": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv",
                 "prometheus": "application/json", "prometheus_vector": "application/json"}
EXTENSIONS = {"json": "json", "json_list": "json", "ndjson": "ndjson", "csv": "csv"}


class Number(str):
    """A number as it is written."""


def to_json(value):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k) + ":" + to_json(v) for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(to_json(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def record(row, dialect, faults=(), created=None):
    """A row under the vendor's names. Faults of the whole reading show here: jump, new_column, missing_column, empty_column,
    other_zone, nan."""
    zone = "Asia/Tokyo" if "other_zone" in faults and dialect.row_style == "rfc3339" else dialect.zone
    digits = 2 * dialect.cents + 2 * ("jump" in faults)
    amount = spelling.write_number(row.quantity, digits, dialect.comma and dialect.format == "csv")
    start = spelling.write_time(row.start_us, dialect.row_style, zone)
    out = {"lineId": row.id, "accountId": row.account,
           "usageStart": Number(start) if dialect.row_style in ("unix", "unix_ms") and dialect.format != "csv" else start,
           "amount": Number("NaN" if "nan" in faults else amount), **dict(row.dimensions)}
    if created:
        out["created"] = created[row.id] // 1000000
    if "missing_column" in faults:
        out.pop("region", None)
    if "empty_column" in faults:
        out["region"] = None
    if "new_column" in faults:
        out["surcharge"] = "0"
    return out


def write_csv(rows, dialect, faults):
    out = io.StringIO()
    names = list(record(rows[0], dialect, faults)) if rows else ["lineId", "accountId", "usageStart", "amount", "plan", "region"]
    writer = csv.DictWriter(out, names, delimiter=dialect.delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({k: "" if v is None else str(v) for k, v in record(row, dialect, faults).items()} for row in rows)
    return out.getvalue().encode(dialect.encoding, errors="replace")


def write_prometheus(rows, dialect, faults):
    """A series for each account, plan and region; samples in the order of time, values as text. Rows of one series and instant
    are one sample: their sum."""
    series = {}
    for row in rows:
        samples = series.setdefault((("__name__", "usage"), ("account", row.account), *row.dimensions), {})
        samples[row.start_us] = samples.get(row.start_us, 0) + row.quantity
    result = []
    for labels, samples in sorted(series.items()):
        values = [[Number(spelling.write_time(at_us, "unix")),
                   "NaN" if "nan" in faults else spelling.write_number(samples[at_us], 2 * ("jump" in faults))]
                  for at_us in sorted(samples)]
        one = {"value": values[-1]} if dialect.format == "prometheus_vector" else {"values": values}
        result.append({"metric": dict(labels), **one})
    return {"resultType": "vector" if dialect.format == "prometheus_vector" else "matrix", "result": result}


def by_account(records):
    """data[].items[]: the account stands in the record around."""
    groups = []
    for one in records:
        account = one.pop("accountId")
        if not groups or groups[-1]["account"]["id"] != account:
            groups.append({"account": {"id": account}, "items": []})
        groups[-1]["items"].append(one)
    return groups


def write_rows(rows, dialect, around=None, faults=(), created=None):
    """The bytes of one page or part. around: members of the document beside the rows, where it has such. created: of a feed, by id."""
    if dialect.format == "csv":
        return write_csv(rows, dialect, faults)
    if dialect.is_prometheus:
        document = {"status": "success", "data": write_prometheus(rows, dialect, faults), **(around or {})}
        return to_json(document).encode()
    records = [record(row, dialect, faults, created) for row in rows]
    if dialect.format == "ndjson":
        return "".join(to_json(one) + "\n" for one in records).encode()
    if dialect.format == "json_list":
        return to_json(records).encode()
    return to_json({"status": "success", **(around or {}), "data": by_account(records)}).encode()


def pack(data, packing, name="usage"):
    """The same bytes for the same data, always."""
    if packing == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if packing == "zstd":
        return zstandard.ZstdCompressor().compress(data)
    if packing == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in (("README.txt", b"usage\n"), (name, data)):
                archive.writestr(zipfile.ZipInfo(entry, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
        return out.getvalue()
    return data


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()
