"""A plain client of a vendor's usage API, as somebody would write it after its manual: it logs in, asks for a window, follows pages,
reports and links, and returns rows. It shares no code with the simulator that it is used against.

It trusts nothing to be right, repairs nothing, and retries nothing.
"""
import base64
import csv
import datetime
import gzip
import hashlib
import hmac
import http.client
import io
import json
import re
import types
import unittest.mock
import urllib.parse
import xml.etree.ElementTree
import zipfile
import zoneinfo
from collections import namedtuple
from decimal import Decimal

try:
    import zstandard
except ImportError:
    zstandard = None

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
US = datetime.timedelta(microseconds=1)
PAGES_MAX = 200
BODY_MAX = 4 << 20
S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"

Usage = namedtuple("Usage", "id account start_us quantity plan region")


class Wrong(Exception):
    """What a reader can see to be wrong: its first word is the kind of it."""


class Reply:
    def __init__(self, answer):
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read(None if answer.length else BODY_MAX)
        if len(self.body) == BODY_MAX:
            raise Wrong(f"more than {BODY_MAX} bytes")
        coding = self.headers.get("Content-Encoding")
        if coding == "gzip":
            self.body = gzip.decompress(self.body)
        elif coding == "zstd":
            self.body = zstandard.ZstdDecompressor().decompressobj().decompress(self.body)

    def json(self):
        return json.loads(self.body, parse_float=Decimal, parse_int=Decimal, parse_constant=refuse_constant)


def refuse_constant(text):
    raise ValueError(f"{text} is no JSON")


def fetch(url, method="GET", body=None, headers=None, timeout=10):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body=body,
                           headers={"Accept-Encoding": "gzip, zstd", **(headers or {})})
        return Reply(connection.getresponse())
    finally:
        connection.close()


def instant(text):
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // US


class Reader:
    """dialect: what the manual says. secrets: name of a file → content."""

    def __init__(self, base, dialect, secrets, now=None):
        self.base, self.dialect, self.secrets, self.now = base, dialect, secrets, now
        self.secret = secrets.get(f"{dialect.name}.secret", "")
        self.refresh = secrets.get(f"{dialect.name}.refresh")
        self.bearer = None
        self.pages = []     # their bytes, of the last reading
        self.nonces = 0
        self.timeout = 10
        self.page_rows = dialect.page_rows

    # Asking

    def send(self, url, method="GET", body=None, headers=None, is_own=True):
        url = urllib.parse.urljoin(self.base + "/", url)
        headers = {**(headers or {}), **(self.login(url, method, body or b"") if is_own else {})}
        if is_own and self.dialect.auth == "query":
            url += f"{'&' if '?' in url else '?'}api_key={urllib.parse.quote(self.secret, safe='')}"
        reply = fetch(url, method, body, headers, self.timeout)
        if reply.status >= 300:
            raise Wrong(f"status {reply.status} {reply.body[:300]!r}")
        return reply

    def ask(self, path, parameters):
        if self.dialect.method == "POST":
            if self.dialect.body == "json":
                return self.send(self.base + path, "POST", json.dumps(parameters).encode(), {"Content-Type": "application/json"})
            form = urllib.parse.urlencode(parameters).encode()
            return self.send(self.base + path, "POST", form, {"Content-Type": "application/x-www-form-urlencoded"})
        return self.send(f"{self.base}{path}?{urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)}")

    def login(self, url, method, body):
        kind = self.dialect.auth
        if kind == "basic":
            return {"Authorization": "Basic " + base64.b64encode(f"meterd:{self.secret}".encode()).decode()}
        if kind == "basic_key":
            return {"Authorization": "Basic " + base64.b64encode(f"{self.secret}:".encode()).decode()}
        if kind == "header":
            return {"Authorization": f"Bearer {self.secret}"}
        if kind in ("oauth2", "oauth2_refresh", "login"):
            self.bearer = self.bearer or (self.keystone() if kind == "login" else self.oauth2())
            return {"X-Auth-Token": self.bearer} if kind == "login" else {"Authorization": f"Bearer {self.bearer}"}
        if kind == "aws_sigv4":
            return self.aws(url, method, body)
        return self.hmac(url, method, body) if kind == "hmac" else {}

    def oauth2(self):
        form = {"grant_type": "client_credentials", "client_id": "client-1", "client_secret": self.secret, "scope": "usage"}
        if self.refresh:
            form = {"grant_type": "refresh_token", "refresh_token": self.refresh}
        pair = f"client-1:{urllib.parse.quote_plus(self.secret)}".encode()
        basic = {"Authorization": "Basic " + base64.b64encode(pair).decode()} if self.refresh else {}
        reply = fetch(f"{self.base}/oauth/token", "POST", urllib.parse.urlencode(form).encode(),
                      {"Content-Type": "application/x-www-form-urlencoded", **basic})
        if reply.status != 200:
            raise Wrong(f"status {reply.status} of the token {reply.body!r}")
        self.refresh = reply.json().get("refresh_token", self.refresh)
        return reply.json()["access_token"]

    def keystone(self):
        user = {"name": "meterd", "domain": {"id": "default"}, "password": self.secret}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
        reply = fetch(f"{self.base}/v3/auth/tokens", "POST", json.dumps(body).encode(), {"Content-Type": "application/json"})
        if reply.status != 201:
            raise Wrong(f"status {reply.status} of the token {reply.body!r}")
        assert instant(reply.json()["token"]["expires_at"]) > 0
        return reply.headers["X-Subject-Token"]

    def aws(self, url, method, body):
        """By botocore: not by whoever wrote the verifier."""
        import botocore.auth
        import botocore.awsrequest
        import botocore.credentials
        request = botocore.awsrequest.AWSRequest(method, url, data=body)
        credentials = botocore.credentials.Credentials("AKIAMETERD0000000001", self.secret)
        clock = types.SimpleNamespace(datetime=types.SimpleNamespace(utcnow=lambda: self.now().replace(tzinfo=None)))
        with unittest.mock.patch("botocore.auth.datetime", clock):
            botocore.auth.S3SigV4Auth(credentials, "s3", "eu-west-1").add_auth(request)
        return dict(request.headers.items())

    def hmac(self, url, method, body):
        parts = urllib.parse.urlsplit(url)
        self.nonces += 1
        query = "&".join(sorted(part if "=" in part else part + "=" for part in parts.query.split("&") if part))
        at, nonce = self.now().isoformat().replace("+00:00", "Z"), f"nonce-{self.nonces}"
        text = "\n".join([method, parts.path, query, hashlib.sha256(body).hexdigest(), at, nonce])
        signature = base64.b64encode(hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
        return {"X-Date": at, "X-Nonce": nonce, "X-Signature": signature}

    # A window

    def time(self, at_us, style=None, zone=None):
        style = style or self.dialect.time_style
        moment = (EPOCH + at_us * US).astimezone(zoneinfo.ZoneInfo(zone or self.dialect.zone))
        if style == "rfc3339":
            return moment.isoformat()
        return str(at_us // {"unix": 1000000, "unix_ms": 1000}[style]) if style.startswith("unix") else \
            moment.strftime("%Y-%m" if style == "month" else style)

    def window(self, from_us, to_us, account=None):
        dialect = self.dialect
        if dialect.length == "periods":
            return {"period": "current"}
        if dialect.format == "prometheus":
            return {"query": f"usage[{(to_us - from_us) // 1000000}s]", "time": self.time(to_us, "unix")}
        if dialect.format == "prometheus_vector":
            return {"query": "usage", "time": self.time(from_us, "unix")}
        if dialect.border == "inclusive":
            to_us -= 12 * 3600 * 1000000 if dialect.time_style == "%Y-%m-%d" else 1000000
        window = {dialect.from_name: self.time(from_us), dialect.to_name: self.time(to_us)}
        return {**window, "account": account} if account else window

    def read(self, from_us, to_us, account=None):
        """All rows of a window, as they came."""
        self.pages = []
        dialect, window = self.dialect, self.window(from_us, to_us, account)
        if dialect.job:
            return self.report(window)
        if dialect.paging == "s3_list":
            return self.listed(f"usage/{self.time(from_us, '%Y%m%dT%H%M%S', 'UTC')}-{self.time(to_us, '%Y%m%dT%H%M%S', 'UTC')}/")
        if dialect.paging == "parts":
            return self.parts(self.ask("/manifest", window).json())
        path = "/api/v1/query" if dialect.format.startswith("prometheus") else "/usage"
        try:
            return self.whole(path, window) if dialect.paging == "none" else self.paged(path, window)
        except Wrong as wrong:
            if str(wrong).startswith({"status": "status 404", "cause": "status 400"}.get(dialect.absent, "-")) and "no usage" in str(wrong):
                return []
            raise

    def whole(self, path, window):
        reply = self.ask(path, window)
        return self.take(reply.body)

    def take(self, data):
        """The rows of a page, which must be a new one."""
        if data in self.pages:
            raise Wrong("loop: a page that came before")
        self.pages.append(data)
        if len(self.pages) > PAGES_MAX:
            raise Wrong("loop: more pages than there could be")
        return self.rows(data)

    def paged(self, path, window):
        rows, page = [], self.ask(path, self.begin(window))
        tokens = set()
        while True:
            new = self.take(page.body)
            rows += new
            token = self.following(page, new, rows)
            if token is None:
                return rows
            if token in tokens:
                raise Wrong(f"loop: {token} came before")
            tokens.add(token)
            page = self.go_on(path, window, token)

    def begin(self, window):
        size = self.page_rows
        return {**window, **{"page": {"size": size}, "offset": {"limit": size}, "after_id": {"limit": size}}.get(self.dialect.paging, {})}

    def following(self, page, new, rows):
        """The token of the next page, or its number, or its address."""
        dialect = self.dialect
        if dialect.paging == "link_header":
            match = re.search(r'<([^>]*)>; rel="next"', page.headers.get("Link", ""))
            return match and match.group(1)
        document = page.json() if dialect.format == "json" else {}
        if dialect.has_more and not document["has_more"]:
            return None
        if dialect.paging == "cursor":
            return document["meta"].get("next") or None
        if dialect.paging == "next_url":
            return document.get("@odata.nextLink")
        if dialect.paging == "after_id":
            return new[-1].id
        if dialect.totals and len(rows) >= document["meta"]["total"] or not new:
            return None
        return str(len(self.pages) + 1 if dialect.paging == "page" else len(rows))

    def go_on(self, path, window, token):
        dialect = self.dialect
        if dialect.paging in ("next_url", "link_header"):
            if not urllib.parse.urljoin(self.base, token).startswith(self.base):
                raise Wrong(f"link: {token} leads away")
            return self.send(token)
        name = {"page": "page", "offset": "offset", "cursor": "cursor", "after_id": "starting_after"}[dialect.paging]
        return self.ask(path, {**self.begin(window), name: token})

    # Reports and parts

    def report(self, window):
        reply = self.send(f"{self.base}/reports", "POST", json.dumps(window).encode(), {"Content-Type": "application/json"})
        assert reply.status == 202, reply.status
        by = {"path": lambda: f"{self.base}/reports/{reply.json()['id']}", "Location": lambda: reply.headers["Location"],
              "Operation-Location": lambda: reply.headers["Operation-Location"]}
        url = by[self.dialect.job_id]()
        for _ in range(self.dialect.polls + 1):
            page = self.send(url)
            status = page.json()["status"]
            if status not in ("notStarted", "running"):
                break
            assert int(page.headers["Retry-After"]) >= 0
        if status == "failed":
            raise Wrong(f"failed: {page.body!r}")
        rows = [] if status == "noData" else self.result(page)
        assert self.send(url, "DELETE").status == 204
        return rows

    def result(self, page):
        if self.dialect.job == "rows":
            return self.take(page.body)
        if self.dialect.job == "url":
            return self.take(self.send(page.json()["url"], is_own=False).body)
        return self.parts(self.send(page.json()["resourceLocation"]).json())

    def parts(self, manifest):
        rows = []
        if len(manifest["blobs"]) != manifest["blobCount"]:
            raise Wrong("incomplete: parts are missing")
        for blob in manifest["blobs"]:
            data = self.send(blob["url"], is_own=False).body
            if len(data) != blob["size"] or base64.b64encode(hashlib.md5(data).digest()).decode() != blob["md5"]:
                raise Wrong(f"torn: {blob['name']} has {len(data)} bytes of {blob['size']}")
            rows += self.take(data)
        return rows

    def listed(self, prefix):
        rows, token = [], None
        while True:
            query = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
            tree = xml.etree.ElementTree.fromstring(self.ask("/bucket", query).body)
            for item in tree.iter(f"{S3}Contents"):
                data = self.send(f"{self.base}/bucket/{item.findtext(f'{S3}Key')}").body
                if f'"{hashlib.md5(data).hexdigest()}"' != item.findtext(f"{S3}ETag") or len(data) != int(item.findtext(f"{S3}Size")):
                    raise Wrong("torn: an object is not what the listing says")
                rows += self.take(data)
            token = tree.findtext(f"{S3}NextContinuationToken")
            if not token:
                return rows

    # Rows

    def rows(self, data):
        """What the bytes say; a Wrong when they cannot be read."""
        try:
            return self.rows_of(self.unpacked(data))
        except (ValueError, KeyError, ArithmeticError, EOFError, OSError, zipfile.BadZipFile, TypeError) as fault:
            raise Wrong(f"bytes: {fault!r}") from fault

    def unpacked(self, data):
        packing = self.dialect.packing
        if packing == "gzip":
            return gzip.decompress(data)
        if packing == "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(data)
        if packing == "zip":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return archive.read(next(name for name in archive.namelist() if name.startswith("usage-")))
        return data

    def rows_of(self, data):
        dialect = self.dialect
        if dialect.format == "csv":
            reader = csv.DictReader(io.StringIO(data.decode(dialect.encoding)), delimiter=dialect.delimiter)
            return [self.usage(one, one["accountId"]) for one in reader]
        if dialect.format == "ndjson":
            return [self.usage(self.parse(line), self.parse(line)["accountId"]) for line in data.splitlines()]
        document = self.parse(data)
        if dialect.format == "json_list":
            return [self.usage(one, one["accountId"]) for one in document]
        if document.get("warnings"):
            raise Wrong(f"warning: {document['warnings']}")
        if dialect.format.startswith("prometheus"):
            return [Usage(None, one["metric"]["account"], int(at * 1000000), Decimal(value), one["metric"]["plan"], one["metric"]["region"])
                    for one in document["data"]["result"] for at, value in one.get("values") or [one["value"]]]
        rows = [self.usage(one, group["account"]["id"]) for group in document["data"] for one in group["items"]]
        self.check_totals(document, rows)
        return rows

    def parse(self, text):
        return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=refuse_constant)

    def usage(self, one, account):
        names = {"lineId", "accountId", "usageStart", "amount", "plan", "region"}
        if set(one) - {"created", "accountId"} != names - {"accountId"}:
            raise Wrong(f"drift: {sorted(set(one) ^ names)}")
        text = str(one["amount"]).replace(",", "." if self.dialect.comma and self.dialect.format == "csv" else ",")
        quantity = Decimal(text).scaleb(-2 * self.dialect.cents)
        if not quantity.is_finite():
            raise Wrong("refused: no number")
        return Usage(one["lineId"], account, self.start(one["usageStart"]), quantity, one["plan"], one["region"])

    def start(self, value):
        style = self.dialect.row_style
        if style == "rfc3339":
            return instant(value)
        if style.startswith("unix"):
            return int(value) * {"unix": 1000000, "unix_ms": 1000}[style]
        return (datetime.datetime.strptime(value, style).replace(tzinfo=zoneinfo.ZoneInfo(self.dialect.zone)) - EPOCH) // US

    def check_totals(self, document, rows):
        """Where one page is all there is."""
        if self.dialect.totals and self.dialect.paging == "none":
            if len(rows) != document["meta"]["total"]:
                raise Wrong("incomplete: fewer rows than the total")
            if sum((row.quantity for row in rows), Decimal(0)).scaleb(2 * self.dialect.cents) != Decimal(document["meta"]["quantity"]):
                raise Wrong("incomplete: another sum")
