"""A dialect as a document of meterd's kind `source`: what its author would write, by docs/reference/catalog.md.

    document = source_document(vendor.services["acme"], directory, vendor="acme", start="2026-10-01")
    daemon.apply({"sources": [document]})

Secrets go to files of mode 0600 in the directory. Members of `more` replace those of the document; a map is merged.
"""
import os

from . import jobs
from .gate import CLIENT, REGION, SERVICE, USER
from .listener import HANG_S

EVENT_TYPE = "vm.hour"
S3_STYLE = "%Y%m%dT%H%M%S|zone=UTC"
PROMETHEUS_RANGE_S = {"hour": 3600 + 3600, "day": 86400 + 3600, "month": 31 * 86400 + 3600}


def write_secrets(gate, directory):
    """Name of a file → its path. They are whole at any time: whoever reads them may do so while a document is made again."""
    paths = {}
    for name, content in gate.files.items():
        paths[name] = os.path.join(directory, name)
        with open(os.open(paths[name] + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(content + "\n")
        os.replace(paths[name] + ".new", paths[name])
    return paths


def auth_of(service, directory, base):
    kind, gate = service.dialect.auth, service.gate
    if kind == "none":
        return "none"
    paths = write_secrets(gate, directory)
    secret = paths[f"{gate.name}.secret"]
    if kind == "basic":
        return {"basic": {"user": USER, "secret_file": secret}}
    if kind == "basic_key":
        return {"basic": {"user_secret_file": secret, "secret": ""}}
    if kind == "header":
        return {"header": {"name": "Authorization", "value": "Bearer {secret}", "secret_file": secret}}
    if kind == "query":
        return {"query": {"name": "api_key", "secret_file": secret}}
    if kind == "oauth2":
        return {"oauth2": {"token_url": f"{base}/oauth/token", "grant": "client_credentials", "client_id": CLIENT, "secret_file": secret,
                           "scopes": ["usage"]}}
    if kind == "oauth2_refresh":
        return {"oauth2": {"token_url": f"{base}/oauth/token", "grant": "refresh_token", "client_id": CLIENT, "secret_file": secret,
                           "refresh_token_file": paths[f"{gate.name}.refresh"], "send": "basic"}}
    if kind == "login":
        user = {"name": USER, "domain": {"id": "default"}, "password": "{secret}"}
        login = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
        return {"login": {"request": {"method": "POST", "path": "/v3/auth/tokens", "body": {"json": login}}, "secret_file": secret,
                          "token": {"header": "X-Subject-Token"}, "expires": {"path": "token.expires_at"},
                          "send": {"header": "X-Auth-Token", "value": "{token}"}}}
    if kind == "aws_sigv4":
        return {"aws_sigv4": {"region": REGION, "service": SERVICE, "access_key": gate.access_key, "secret_file": secret}}
    return {"hmac": {"algorithm": "sha256", "secret_file": secret, "sign": "{method}\n{path}\n{query}\n{body_hash}\n{time}\n{nonce}",
                     "encode": "base64", "headers": {"X-Date": "{time}", "X-Nonce": "{nonce}", "X-Signature": "{signature}"}}}


def time_template(name, dialect):
    if dialect.time_style == "rfc3339":
        return f"{{{name}}}"
    zone = f"|zone={dialect.zone}" if dialect.zone != "UTC" and "%" in dialect.time_style else ""
    return f"{{{name}:{dialect.time_style}{zone}}}"


def parameters_of(dialect):
    """What a request says of its window."""
    if dialect.length == "cursor":
        return {}
    if dialect.length == "periods":
        return {"period": "{period}"}
    if dialect.is_prometheus:
        whole = f"usage[{PROMETHEUS_RANGE_S[dialect.length]}s]"
        return {"query": "usage", "time": "{from:unix}"} if dialect.format == "prometheus_vector" else {"query": whole, "time": "{to:unix}"}
    last = "last" if dialect.border == "inclusive" else "to"
    out = {dialect.from_name: time_template("from", dialect), dialect.to_name: time_template(last, dialect)}
    return {**out, "account": "{each.value}"} if dialect.each else out


def request_of(dialect):
    unit = "1d" if dialect.time_style == "%Y-%m-%d" else "1s"
    common = {"unit": unit, "timeout": f"{min(10, HANG_S // 2)}s"}
    if dialect.paging == "s3_list":
        prefix = f"usage/{{from:{S3_STYLE}}}-{{to:{S3_STYLE}}}/"
        return {"path": "/bucket", "query": {"list-type": "2", "prefix": prefix}, **common}
    path = "/manifest" if dialect.paging == "parts" else "/api/v1/query" if dialect.is_prometheus else "/usage"
    parameters = parameters_of(dialect)
    if dialect.method == "POST":
        return {"method": "POST", "path": path, "body": {dialect.body or "form": parameters}, **common}
    return {"path": path, "query": parameters, **common}


def paging_of(dialect):
    place = "body" if dialect.body else "query"
    limit = {"send": f"{place}.limit", "value": dialect.page_rows}
    more = {"has_more": "has_more"} if dialect.has_more else {}
    total = {"total": "meta.total"} if dialect.totals else {}
    rows = {
        "none": "none",
        "page": {"page": {"send": f"{place}.page", "first": 1, "limit": {**limit, "send": f"{place}.size"}, **total, **more}},
        "offset": {"offset": {"send": f"{place}.offset", "limit": limit, **total, **more}},
        "cursor": {"cursor": {"path": "meta.next", "send": f"{place}.cursor", **more}},
        "next_url": {"next_url": {"path": '["@odata.nextLink"]'}},
        "link_header": {"link_header": {"rel": "next"}},
        "after_id": {"after_id": {"send": "query.starting_after", "id": "lineId", "has_more": "has_more", "newest_first": True,
                                  "time": "created", "since": "query.created[gte]"}},
        "parts": {"parts": {"list": "blobs[]", "url": "url", "size": "size", "md5": "md5", "count": "blobCount", "etag": "eTag",
                            "expired": [403, 410]}},
        "s3_list": {"parts": {"s3_list": True, "token": "NextContinuationToken", "send": "query.continuation-token",
                              "url": "/bucket/{item}"}},
    }
    return rows[dialect.paging]


def job_of(dialect):
    parameters = parameters_of(dialect)
    found = {"path": "id"} if dialect.job_id == "path" else {"header": dialect.job_id}
    poll = {"path": "/reports/{job.id}"} if dialect.job_id == "path" else {"url": "{job.id}"}
    result = {"rows": "data[].items[]"} if dialect.job == "rows" else {dialect.job: {"path": "url" if dialect.job == "url" else "resourceLocation"}}
    out = {"submit": {"method": "POST", "path": "/reports", "body": {"json": parameters}}, "id": found,
           "poll": {**poll, "every": f"{jobs.POLL_AFTER_S}s"}, "status": {"path": "status", **jobs.WORDS}, "result": result, "timeout": "1h",
           "delete": {"method": "DELETE", "path": "/reports/{job.id}"} if dialect.job_id == "path" else {"method": "DELETE", "url": "{job.id}"}}
    if dialect.job_id == "path":
        out["list"] = {"path": "/reports", "rows": "reports[]", "id": "id", "match": parameters}
    return out


def format_of(dialect):
    packed = {"compression": dialect.packing} if dialect.packing else {}
    if dialect.packing == "zip":
        packed["entry"] = f"usage-*.{dialect.format}"
    if dialect.format == "csv":
        return {"csv": {"delimiter": dialect.delimiter, "header": True, "encoding": dialect.encoding, **packed}}
    if dialect.is_prometheus:
        return {"prometheus": {}}
    if dialect.format == "ndjson":
        return {"ndjson": packed}
    return {"json": {"rows": "[]" if dialect.format == "json_list" else "data[].items[]", **packed}}


def time_of(dialect, path):
    style = {"unix": "unix_s"}.get(dialect.row_style, dialect.row_style)
    return {"path": path, "format": style, **({"zone": dialect.zone} if "%" in style else {})}


def map_of(dialect):
    if dialect.is_prometheus:
        return {"type": f"={EVENT_TYPE}", "subject": "account", "time": time_of(dialect, "timestamp"),
                "data": {"quantity": {"path": "value", "as": "number"}, "region": "region", "plan": "plan"}}
    quantity = {"path": "amount", "as": "number"}
    if dialect.comma and dialect.format == "csv":
        quantity["decimal"] = ","
    if dialect.cents:
        quantity["scale"] = "0.01"
    return {"type": f"={EVENT_TYPE}", "subject": "^.account.id" if dialect.format == "json" else "accountId",
            "time": time_of(dialect, "usageStart"),
            "data": {"quantity": quantity, "region": "region", "plan": "plan", "row": {"path": "lineId", "as": "text"}}}


def answer_of(dialect):
    out = {"bytes_max": "1MiB"}
    if dialect.is_prometheus or dialect.format == "json" and not dialect.job and not dialect.has_parts:
        out.update({"ok": {"path": "status", "equals": "success"}, "warnings": {"path": "warnings", "then": "incomplete"}})
    if dialect.absent:
        out["absent"] = [{"status": 404}] if dialect.absent == "status" else \
            [{"status": 400, "path": "error.code", "equals": "Metrics not found"}]
    if dialect.cap_is_told:
        out["limit"] = [{"status": 400, "path": "error.code", "equals": "too_many_rows"}]
    elif dialect.rows_cap:
        out["rows_limit"] = dialect.rows_cap
    return out


def limits_of(dialect):
    rate = {"rate": f"{dialect.rate // 2}/1s"} if dialect.rate else {}
    return {"key": f"{dialect.name}-bucket", "concurrency": 2, **rate}


def merged(document, more):
    for name, value in more.items():
        is_map = isinstance(value, dict) and isinstance(document.get(name), dict)
        document[name] = merged(dict(document[name]), value) if is_map else value
    return document


def window_of(dialect, start):
    if dialect.length == "periods":
        return {"periods": ["current", "last"]}
    out = {"length": dialect.length, "zone": dialect.zone, "start": start}
    return {**out, "split": "1h"} if dialect.rows_cap else out


def list_key(dialect):
    return f"{dialect.name}-accounts"


def list_document(service, vendor):
    """The source that lists the accounts."""
    return {"key": list_key(service.dialect), "vendor": vendor, "base_url": f"{service.pager.origin}/{service.dialect.name}", "schedule": {"every": "1s"},
            "window": {"periods": ["current"]}, "auth": "none", "request": {"path": "/accounts"}, "format": {"json": {"rows": "data[]"}},
            "identity": {"id": "id"}, "guard": {"every": "1s"}, "map": {"type": "=meterd.item", "subject": "id"}}


def source_document(service, directory, vendor, start, **more):
    """start: of the window, a date or an instant."""
    dialect, base = service.dialect, f"{service.pager.origin}/{service.dialect.name}"
    document = {
        "key": dialect.name, "vendor": vendor, "base_url": base, "hosts": [service.parts.files_origin.removeprefix("http://")], "schedule": {"every": "1s"},
        "window": window_of(dialect, start), "delivery": "append" if dialect.length == "cursor" else "overwrite",
        "auth": auth_of(service, directory, base), "paging": paging_of(dialect), "answer": answer_of(dialect),
        "format": format_of(dialect), "map": map_of(dialect), "limits": limits_of(dialect), "guard": {"every": "1s"},
        "identity": {"hash": ["account", "plan", "region", "timestamp"]} if dialect.is_prometheus else {"id": "lineId"},
    }
    if dialect.job:
        document["job"] = job_of(dialect)
    else:
        document["request"] = request_of(dialect)
    if dialect.totals:
        agree = {"agree": 2} if dialect.moving else {}
        document["complete"] = {"count": "meta.total", "sum": {"path": "meta.quantity", "of": "quantity"}, "flag": "recency.complete", **agree}
    if dialect.each == "list":
        document["for_each"] = {"rows": {"of": list_key(dialect)}}
    elif dialect.each:
        document["for_each"] = {"values": sorted({row.account for row in service.truth.rows(0, 1 << 62)})}
    return merged(document, more)
