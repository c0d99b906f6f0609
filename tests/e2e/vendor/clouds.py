"""More vendors of config/sources, beside those of examples.py: samples of Prometheus, measures of Gnocchi behind Keystone, and the exports of
Partner Center, with the members and addresses that these publish.

Of what is measured a row of the truth is one sample; whatever is asked for behind the last one stands still, so that no hour is without any.
"""
import gzip
import hashlib
import json
import re

from . import spelling
from .examples import COST_OF_UNIT, Example, etag_of
from .gate import Gate, Login, OAuth2
from .message import Answer, refuse

HOUR_US, STEP_US = 3600 * 1000000, 300 * 1000000


def series_of(rows):
    """Rows by account and dimensions: {start: quantity}"""
    out = {}
    for row in rows:
        out.setdefault((row.account, row.dimensions), {})[row.start_us] = row.quantity
    return out


class Prometheus(Example):
    """Raw samples of a range selector, which is closed at both ends, as of version 2: of counters, each at its last value from its last sample on."""
    gate_kind = Gate
    QUERY = 'node_network_transmit_bytes_total{job="node",device!="lo"}[1h]'

    def own_routes(self):
        return {"api": self.query}

    def query(self, request):
        self.only(request, "/api/v1/query")
        if request.query.get("query") != self.QUERY or request.query.get("partial_response") != "false":
            return Answer.of_json({"status": "error", "errorType": "bad_data", "error": f"parse error: {request.target}"}, 400)
        to_us = spelling.read_time(request.query["time"], "unix")
        series = series_of(self.truth.rows(0, to_us, borders="[]"))
        result = [{"metric": {"__name__": "node_network_transmit_bytes_total", "instance": account, "job": "node", **dict(labels)},
                   "values": self.samples(points, to_us - HOUR_US, to_us)} for (account, labels), points in sorted(series.items())]
        return Answer.of_json({"status": "success", "data": {"resultType": "matrix", "result": [one for one in result if one["values"]]}})

    def samples(self, points, from_us, to_us):
        last_us = max(points)
        still = range(last_us + STEP_US, to_us + 1, STEP_US)
        return [[at_us // 1000000, spelling.write_number(points.get(at_us, points[last_us]))]
                for at_us in [*sorted(points), *still] if from_us <= at_us <= to_us]


class ApplicationCredential(Login):
    """Keystone's, by the id that the example has."""
    ID = "5d1a2f0c"

    def token(self, request):
        try:
            identity = json.loads(request.body)["auth"]["identity"]
            given = identity["application_credential"]
            is_known = identity["methods"] == ["application_credential"] and given["id"] == self.ID
            is_right = given["secret"] == self.secret
        except (ValueError, KeyError, TypeError):
            return Answer.problem(400, "BadRequest", "no such body")
        if not is_known or request.path != f"/{self.name}/v3/auth/tokens":
            return Answer.problem(404, "NotFound", "Could not find Application Credential")
        if not is_right:
            return Answer.problem(401, "Unauthorized", "The request you have made requires authentication.")
        ends = spelling.write_time(self.clock.now_us() + self.ttl_us, "%Y-%m-%dT%H:%M:%S.000000Z")
        return Answer.of_json({"token": {"methods": ["application_credential"], "expires_at": ends}}, 201, X_Subject_Token=self.issue())


class Gnocchi(Example):
    """Means of 300 seconds of one instance's metric, without the last instant; behind the last measure it idles."""
    gate_kind = ApplicationCredential

    def own_routes(self):
        return {"v1": self.measures}

    def measures(self, request):
        account = re.fullmatch(f"/{self.dialect.name}/v1/resource/instance/([^/]+)/metric/cpu/measures", request.path)
        wanted = {"granularity": "300", "aggregation": "mean", "refresh": "true"}
        if not account or {name: request.query.get(name) for name in wanted} != wanted:
            refuse(400, "BadRequest", request.target)
        from_us, to_us = (spelling.instant(request.query[name]) for name in ("start", "stop"))
        rows = self.truth.rows(0, to_us, account[1])
        if not rows:
            refuse(404, "NotFound", "Resource does not exist")
        points = {row.start_us: row.quantity for row in rows}
        idle = range(max(points) + STEP_US, to_us, STEP_US)
        lines = [f'["{spelling.write_time(at_us, "%Y-%m-%dT%H:%M:%S")}+00:00",300.0,{spelling.write_number(points[at_us]) if at_us in points else "0.0"}]'
                 for at_us in [*sorted(points), *idle] if at_us >= from_us]
        return Answer(200, f"[{','.join(lines)}]".encode(), {"Content-Type": "application/json"}, rows=len(lines))


class Tenant(OAuth2):
    """Microsoft's token endpoint of one tenant."""
    client = "11111111-1111-1111-1111-111111111111"
    PATH = "/00000000-0000-0000-0000-000000000000/oauth2/v2.0/token"

    def grant(self, form):
        if form.get("scope") != "https://graph.microsoft.com/.default":
            return Answer.of_json({"error": "invalid_scope"}, 400)
        return super().grant(form)


class PartnerCenter(Example):
    """Unbilled usage of the month that runs and of the one before. A job that is done links its manifest as OData does; what it has no rows
    for has failed, with 200. Files are elsewhere, behind a signature, and nobody's token may come there."""
    gate_kind = Tenant
    ROOT, BLOB_ROWS, METERS = "/v1.0/reports/partners/billing", 60, ("b1", "s1")

    def __init__(self, dialect, truth, simulator):
        super().__init__(dialect, truth, simulator)
        self.jobs_of_it, self.manifests, self.blobs_sent = {}, {}, 0

    def own_routes(self):
        return {"v1.0": self.graph}

    def route(self, request, question):
        if request.path == f"/{self.dialect.name}{Tenant.PATH}":
            return self.token(request, question)
        if request.words[1:2] == ["files"]:
            return self.blob(request)
        return super().route(request, question)

    def graph(self, request):
        what = request.path.partition(f"/{self.dialect.name}{self.ROOT}/")[2]
        kind, _, key = what.partition("/")
        if (request.method, what) == ("POST", "usage/unbilled/export"):
            return self.export(json.loads(request.body))
        if request.method != "GET" or kind not in ("operations", "manifests"):
            refuse(404, "NotFound", request.target)
        return self.operation(key) if kind == "operations" else self.manifest(key)

    def link(self, what):
        return f"{self.pager.origin}/{self.dialect.name}{self.ROOT}/{what}"

    def export(self, asked):
        if set(asked) != {"currencyCode", "attributeSet", "billingPeriod"} or asked["attributeSet"] != "full":
            refuse(400, "badRequest", json.dumps(asked))
        months = {"current": 0, "last": -1}
        key = f"operation-{len(self.jobs_of_it) + 1}"
        self.jobs_of_it[key] = {"month": spelling.month_of(self.clock.now_us(), "UTC", months[asked["billingPeriod"]]), "asked": 0}
        return Answer(202, b"", {"Location": self.link(f"operations/{key}"), "Retry-After": "1"})

    def operation(self, key):
        job = self.jobs_of_it.get(key) or refuse(404, "NotFound", key)
        job["asked"] += 1
        told = {"@odata.type": "#microsoft.graph.partners.billing.runningOperation", "id": key, "status": "running"}
        if job["asked"] == 1:
            return Answer.of_json(told, Retry_After="1")
        rows = self.truth.rows(*job["month"])
        if not rows:
            return Answer.of_json({**told, "status": "failed", "error": {"message": "No data available", "code": "5000"}})
        self.manifests[key] = [gzip.compress("".join(self.line(row) for row in rows[at:at + self.BLOB_ROWS]).encode(), 6, mtime=0)
                               for at in range(0, len(rows), self.BLOB_ROWS)]
        return Answer.of_json({**told, "status": "succeeded", "resourceLocation@odata.navigationLink": self.link(f"manifests/{key}")})

    def line(self, row):
        """Some have the same key as others, and count beside them."""
        cost = spelling.write_number(row.quantity * COST_OF_UNIT)
        text = {"SubscriptionId": row.account, "MeterId": self.METERS[int(row.id[-1]) % 2],
                "ResourceURI": f"/subscriptions/{row.account}/{'shared' if row.id[-1] in '46' else row.id}",
                "UsageDate": spelling.write_time(row.start_us, "%Y-%m-%dT00:00:00Z"), "Tags": '{"team": "a,b"}', "AdditionalInfo": "",
                "MeterRegion": dict(row.dimensions)["region"], "Unit": "1 Hour", "@odata.etag": "W/1"}
        return f'{json.dumps(text)[:-1]}, "Quantity": {spelling.write_number(row.quantity)}, "BillingPreTaxTotal": {cost}}}\n'

    def manifest(self, key):
        blobs = self.manifests.get(key) or refuse(404, "NotFound", key)
        names = [{"name": f"part-{number:05}.c000.json.gz", "partitionValue": "default"} for number in range(len(blobs))]
        etag = hashlib.md5(b"".join(etag_of(data).encode() for data in blobs)).hexdigest()
        return Answer.of_json({"id": key, "schemaVersion": "2", "dataFormat": "compressedJSON", "eTag": etag, "partitionType": "default",
                               "rootDirectory": f"{self.parts.files_origin}/{self.dialect.name}/files/{key}", "sasToken": f"sp=rl&sig={self.signature(key)}",
                               "blobCount": len(blobs), "blobs": names})

    def signature(self, key):
        return hashlib.sha256(f"{self.dialect.name} {key}".encode()).hexdigest()[:16]

    def blob(self, request):
        """/NAME/files/KEY/part-N.c000.json.gz"""
        key, name = request.words[2:4]
        if request.query.get("sig") != self.signature(key) or "authorization" in request.headers:
            refuse(403, "AuthenticationFailed", request.target)
        self.blobs_sent += 1
        return Answer(200, self.manifests[key][int(name[len("part-"):].partition(".")[0])], {"Content-Type": "application/octet-stream"})


CLOUDS = {"prometheus": Prometheus, "gnocchi": Gnocchi, "partner-center": PartnerCenter}
