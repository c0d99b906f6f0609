"""A dialect: all that differs between one vendor's usage API and another's, as values.

`Dialect(name="acme", paging="cursor", auth="oauth2")` is served under /acme/…; fields that are not given are plain:
JSON, RFC 3339, half-open windows, no login. `fault` says why two of them do not go together, `every_dialect` has one
of each kind and those pairs that differ in more than their sum, and `any_dialect` draws one of all that there could be.
"""
from dataclasses import dataclass, replace

PAGINGS = ("none", "page", "offset", "cursor", "next_url", "link_header", "after_id", "parts", "s3_list")
JOBS = (None, "rows", "url", "manifest")
AUTHS = ("none", "basic", "basic_key", "header", "query", "oauth2", "oauth2_refresh", "login", "aws_sigv4", "hmac")
FORMATS = ("json", "json_list", "ndjson", "csv", "prometheus", "prometheus_vector")
PACKINGS = (None, "gzip", "zstd", "zip")  # of a file
CODINGS = (None, "gzip", "zstd")  # of HTTP
TOKENS_IN_BODY = ("cursor", "next_url")
TIME_STYLES = ("rfc3339", "unix", "unix_ms", "%Y-%m-%d", "%d.%m.%Y", "%Y%m%dT%H%M%S")
ROW_STYLES = ("rfc3339", "unix", "unix_ms", "%d.%m.%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z")
ZONES = ("UTC", "Europe/Moscow", "Asia/Kolkata", "America/Sao_Paulo", "Asia/Kathmandu")  # without summer time today
UNIT_US = {"%Y-%m-%d": 86400 * 1000000, "month": 0}


@dataclass(frozen=True)
class Dialect:
    name: str
    paging: str = "none"
    page_rows: int = 50
    page_cap: int = 0            # offset: so many rows come, whatever is asked for
    moving: bool = False         # page and offset: each page is of the newest edition, not of the first page's
    has_more: bool = False       # says whether there is another page
    last_token: str = "absent"   # absent, null, empty: the token of a last page
    job: str = None
    job_id: str = "Operation-Location"  # Location, or path: where the job's id is
    polls: int = 2               # a job is done with this poll
    no_data: str = "word"        # error: a job without rows is `failed`, with 200 and the code 5000, as Partner Center's
    auth: str = "none"
    format: str = "json"
    packing: str = None
    coding: str = None           # gzip, zstd: Content-Encoding, when the request allows it
    delimiter: str = ","
    encoding: str = "utf-8"
    comma: bool = False          # decimal comma
    cents: bool = False          # quantities are in hundredths
    method: str = "GET"
    body: str = None             # of a POST: json or form; None: parameters are in the query
    time_style: str = "rfc3339"  # of the parameters
    row_style: str = "rfc3339"   # of the rows
    zone: str = "UTC"            # of both
    from_name: str = "from"
    to_name: str = "to"
    border: str = "half_open"    # inclusive: `to` is the last day or second; closed: rows at both ends
    length: str = "day"          # of a window: hour, day, month, 6h, …; cursor: a feed; periods: current and last
    each: str = None             # values: one request an account; list: of those that another source lists; None: all of them
    totals: bool = False         # count, sum and a flag that all is there
    rows_cap: int = 0            # more rows than this are not answered: cut, or
    cap_is_told: bool = False    # … refused with 400
    points_cap: int = 0          # prometheus: steps of a range
    url_style: str = "absolute"  # relative: of links in answers
    absent: str = None           # of a window without rows: status (404), or cause (400, Metrics not found)
    rate: int = 0                # more requests than these in a second are answered 429

    @property
    def unit_us(self):
        """The smallest step of `to` where it is inclusive."""
        return UNIT_US.get(self.time_style, 1000000)

    @property
    def is_prometheus(self):
        return self.format.startswith("prometheus")

    @property
    def has_parts(self):
        return self.paging in ("parts", "s3_list") or self.job in ("url", "manifest")

    def fault(self):  # a rule a line
        """Why there is no such API; None: there is."""
        bare = self.format in ("json_list", "ndjson", "csv")
        if self.paging == "s3_list" and (self.job or self.body or self.each):
            return "a listing is asked for by its prefix alone"
        if self.job and self.paging not in ("none", "parts"):
            return "a report has no pages"
        if (self.job == "manifest") != (self.job is not None and self.paging == "parts"):
            return "a manifest goes with parts"
        if bare and not self.has_parts and self.paging in TOKENS_IN_BODY:
            return "rows alone have no room for a token"
        if bare and not self.has_parts and (self.totals or self.has_more or self.job):
            return "rows alone have no room for totals"
        if self.format in ("csv", "prometheus", "prometheus_vector") and self.paging == "after_id":
            return "the id stands in a row of JSON"
        if self.is_prometheus and (self.paging != "none" or self.job or self.packing or self.totals or self.comma):
            return "Prometheus has neither pages nor reports"
        if self.method == "GET" and self.body or self.method == "POST" and not self.body:
            return "parameters are in the query of a GET and in the body of a POST"
        if self.method == "POST" and (self.is_prometheus or self.job or self.paging not in ("none", "page", "offset", "cursor")):
            return "a link has no body"
        if self.border == "inclusive" and self.time_style in ("month", "%d.%m.%Y"):
            return "a last day is written as %Y-%m-%d"
        if self.format != "csv" and (self.encoding != "utf-8" or self.delimiter != "," or self.comma):
            return "this is of CSV"
        if self.comma and self.delimiter == ",":
            return "a decimal comma is no delimiter"
        if self.packing and self.coding:
            return "packed once is enough"
        if self.packing and self.format in ("json", "json_list") and not self.has_parts:
            return "a page of JSON is packed by HTTP"
        if self.has_parts and (self.totals or self.has_more):
            return "a file has no totals"
        if self.is_prometheus and (self.time_style, self.row_style) != ("unix", "unix"):
            return "Prometheus knows unix times"
        if "%H" not in self.time_style and "%" in self.time_style and self.border == "closed":
            return "a day has no instant in two windows"
        if self.absent and (self.has_parts or self.job or self.length == "cursor"):
            return "a report says itself that there is nothing"
        if (self.length == "cursor") != (self.paging == "after_id") and (self.length, self.paging) != ("cursor", "cursor"):
            return "a feed goes on by a token or an id"
        return None


def every_dialect():
    """One of each kind, and the pairs that matter: name → dialect."""
    plain = Dialect("")
    rows = {
        "none": {}, "page": {"paging": "page", "totals": True}, "page-bare": {"paging": "page", "format": "json_list"},
        "offset": {"paging": "offset", "totals": True}, "offset-capped": {"paging": "offset", "page_cap": 20, "totals": True},
        "offset-moving": {"paging": "offset", "moving": True, "totals": True},
        "cursor": {"paging": "cursor", "totals": True}, "cursor-null": {"paging": "cursor", "last_token": "null"},
        "cursor-empty": {"paging": "cursor", "last_token": "empty", "has_more": True},
        "cursor-body": {"paging": "cursor", "method": "POST", "body": "json"},
        "cursor-form": {"paging": "cursor", "method": "POST", "body": "form"},
        "next": {"paging": "next_url", "totals": True}, "next-relative": {"paging": "next_url", "url_style": "relative"},
        "link": {"paging": "link_header", "format": "json_list"}, "link-csv": {"paging": "link_header", "format": "csv"},
        "after": {"paging": "after_id", "has_more": True, "time_style": "unix", "row_style": "unix", "length": "cursor"},
        "feed": {"paging": "cursor", "length": "cursor", "has_more": True},
        "parts": {"paging": "parts", "format": "ndjson", "packing": "gzip"},
        "parts-zstd": {"paging": "parts", "format": "csv", "packing": "zstd"},
        "s3": {"paging": "s3_list", "format": "csv", "packing": "gzip", "auth": "aws_sigv4"},
        "job-rows": {"job": "rows", "totals": True}, "job-url": {"job": "url", "format": "csv", "packing": "zip", "job_id": "path"},
        "job-manifest": {"job": "manifest", "paging": "parts", "format": "ndjson", "packing": "gzip", "job_id": "Location"},
        "periods": {"length": "periods", "job": "manifest", "paging": "parts", "format": "ndjson", "packing": "gzip"},
        "ndjson": {"format": "ndjson", "coding": "gzip"}, "list": {"format": "json_list", "coding": "zstd"},
        "csv-ru": {"format": "csv", "delimiter": ";", "encoding": "windows-1251", "comma": True, "row_style": "%d.%m.%Y %H:%M:%S",
                   "zone": "Europe/Moscow", "time_style": "%d.%m.%Y", "border": "half_open"},
        "csv-zip": {"format": "csv", "packing": "zip", "cents": True},
        "prometheus": {"format": "prometheus", "time_style": "unix", "row_style": "unix", "border": "half_open"},
        "prometheus-closed": {"format": "prometheus", "time_style": "unix", "row_style": "unix", "border": "closed"},
        "vector": {"format": "prometheus_vector", "time_style": "unix", "row_style": "unix", "length": "hour"},
        "inclusive": {"border": "inclusive", "time_style": "%Y-%m-%d"}, "closed": {"border": "closed"},
        "india": {"zone": "Asia/Kolkata", "time_style": "%Y-%m-%d", "row_style": "%Y-%m-%d %H:%M:%S"},
        "berlin": {"zone": "Europe/Berlin", "time_style": "%Y-%m-%d", "border": "inclusive"},
        "months": {"length": "month", "time_style": "month"}, "millis": {"time_style": "unix_ms", "row_style": "unix_ms"},
        "capped": {"rows_cap": 40}, "capped-told": {"rows_cap": 40, "cap_is_told": True}, "each": {"each": "values"}, "each-list": {"each": "list"},
        "absent": {"absent": "status", "each": "values"}, "absent-cause": {"absent": "cause", "length": "hour"}, "rate": {"rate": 20},
    }
    rows.update({f"auth-{auth.replace('_', '-')}": {"auth": auth, "paging": "cursor"} for auth in AUTHS[1:]})
    return {name: replace(plain, name=name, **fields) for name, fields in rows.items()}


def any_dialect(random, name):
    """Drawn of all windows of days, pages, reports, logins, formats."""
    while True:
        dialect = Dialect(
            name, paging=random.choice(PAGINGS), page_rows=random.choice([1, 7, 50]), page_cap=random.choice([0, 0, 5]),
            has_more=random.random() < 0.3, last_token=random.choice(["absent", "null", "empty"]), job=random.choice(JOBS),
            job_id=random.choice(["Operation-Location", "Location", "path"]), polls=random.randint(1, 3), auth=random.choice(AUTHS),
            format=random.choice(FORMATS[:-1]), packing=random.choice(PACKINGS), coding=random.choice(CODINGS),
            delimiter=random.choice([",", ";", "\t"]), encoding=random.choice(["utf-8", "windows-1251"]), comma=random.random() < 0.3,
            cents=random.random() < 0.3, **random.choice([{}, {}, {"method": "POST", "body": "json"}, {"method": "POST", "body": "form"}]),
            time_style=random.choice(TIME_STYLES), row_style=random.choice(ROW_STYLES), zone=random.choice(ZONES),
            border=random.choice(["half_open", "half_open", "inclusive", "closed"]), each=random.choice([None, None, "values"]),
            totals=random.random() < 0.5, absent=random.choice([None, None, "status", "cause"]), url_style=random.choice(["absolute", "relative"]))
        if not dialect.fault():
            return dialect
