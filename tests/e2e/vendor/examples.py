"""The vendors of config/sources: what the example of a preset is written for, served as its document asks for it, with columns,
logins and spellings of its own. Beside the dialects, which have one spelling for all.

    vendor.add(Dialect("rest", auth="header"), truth, Rest)     → /rest/v2/usage

Each shows its truth as its API would: `region` and `plan` of a row under whatever name it has there.
"""
import csv
import gzip
import hashlib
import io
import json
from decimal import Decimal
from xml.sax.saxutils import escape

from . import sigv4, spelling
from .gate import BasicKey, Gate, Header
from .message import Answer, refuse
from .service import Service

DAY_US = 86400 * 1000000
MOSCOW = "Europe/Moscow"
COST_OF_UNIT = Decimal("0.0031")
PAGE_ROWS, FILE_ROWS, KEYS_MAX = 4, 30, 2


def day_of(text, zone="UTC"):
    """From and to of the day that is written so."""
    try:
        from_us = spelling.read_time(text, "%Y-%m-%d", zone)
    except ValueError:
        refuse(400, "bad_data", f"no such day: {text}")
    noon_after = spelling.write_time(from_us + 36 * 3600 * 1000000, "%Y-%m-%d", zone)
    return from_us, spelling.read_time(noon_after, "%Y-%m-%d", zone)


class Example(Service):
    gate_kind = Gate

    def __init__(self, dialect, truth, simulator):
        super().__init__(dialect, truth, simulator)
        self.gate = self.gate_kind(dialect.name, simulator.clock)
        self.routes = self.own_routes()

    def only(self, request, path):
        """What has no other address."""
        if request.path != f"/{self.dialect.name}{path}":
            refuse(404, "NotFound", request.path)


class Rest(Example):
    """Days of Moscow, both named; lines of accounts, a page of few, after a token; a comma, and lines that are only tests."""
    gate_kind = Header

    def own_routes(self):
        return {"v2": self.usage}

    def lines(self, query):
        rows = self.truth.rows(day_of(query["from"], MOSCOW)[0], day_of(query["to"], MOSCOW)[1])
        rows = sorted(rows, key=lambda row: (row.account, row.start_us, row.id))
        return [(row, status) for row in rows for status in (["billed", "test"] if row.id.endswith("7") else ["billed"])]

    def usage(self, request):
        self.only(request, "/v2/usage")
        if int(request.query.get("size", 0)) != 500:
            refuse(400, "bad_data", "size")
        lines, place = self.lines(request.query), int(request.query.get("after", 0))
        if not lines:
            refuse(404, "NotFound", "there is no usage")
        records = []
        for row, status in lines[place:place + PAGE_ROWS]:
            if not records or records[-1]["accountId"] != row.account:
                records.append({"accountId": row.account, "items": []})
            records[-1]["items"].append({"lineId": f"{row.id}{'/test' * (status == 'test')}", "status": status,
                                         "usageStart": spelling.write_time(row.start_us, "%d.%m.%Y %H:%M", MOSCOW),
                                         "amount": spelling.write_number(row.quantity, comma=True), "region": dict(row.dimensions)["region"]})
        following = {"next": str(place + PAGE_ROWS)} if place + PAGE_ROWS < len(lines) else {}
        return Answer.of_json({"status": "success", "meta": {"total": len(lines), **following}, "data": records})


class BucketGate(Gate):
    """Of the example's region and key."""
    region, access_key = "eu-central-1", "AKIAEXAMPLE"

    @property
    def files(self):
        return {f"{self.name}.secret": self.secret.replace(" ", "")}

    def check(self, request):
        sigv4.verify(request, self.access_key, self.files[f"{self.name}.secret"], self.region, "s3", self.clock.now_us())


def files_of(records, folder):
    """Key → bytes: plain and packed ones, by turns."""
    out = {}
    for at in range(0, len(records), FILE_ROWS):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(records[0]))
        writer.writeheader()
        writer.writerows(records[at:at + FILE_ROWS])
        data, number = text.getvalue().encode(), at // FILE_ROWS + 1
        packed = (gzip.compress(data, 6, mtime=0), ".gz") if number % 2 else (data, "")
        out[f"{folder}/acme-{number:05}.csv{packed[1]}"] = packed[0]
    return out


def etag_of(data):
    return f'"{hashlib.md5(data).hexdigest()}"'


class Focus(Example):
    """Files of a billing period in a bucket: a listing of two keys at a time, and the marker of a folder that a console made.
    Tax and credits stand among the usage."""
    gate_kind = BucketGate
    FOLDER = "focus/data/BILLING_PERIOD="

    def own_routes(self):
        return {"acme-billing": self.bucket}

    def bucket(self, request):
        key = "/".join(request.words[2:])
        return self.file(key) if key else self.listing(request)

    def records(self, month):
        first_us = spelling.read_time(month, "month")
        rows = self.truth.rows(*spelling.month_of(first_us, "UTC"))
        out = []
        for number, row in enumerate(rows):
            style = "%Y-%m-%d %H:%M:%S" if row.id[-1] in "02468" else "%Y-%m-%dT%H:%M:%SZ"
            of_row = {"BillingPeriodStart": f"{month}-01T00:00:00Z", "ChargePeriodStart": spelling.write_time(row.start_us, style),
                      "ChargePeriodEnd": spelling.write_time(row.start_us + 3600 * 1000000, style), "ProviderName": "AWS",
                      "SubAccountId": row.account, "ResourceId": f"arn:aws:{row.id}", "SkuPriceId": "NULL" if row.id.endswith("3") else "SKU.1",
                      "RegionId": dict(row.dimensions)["region"], "ChargeDescription": 'per "hour", and more', "PricingUnit": "Hours",
                      "PricingQuantity": spelling.write_number(row.quantity), "EffectiveCost": spelling.write_number(row.quantity * COST_OF_UNIT),
                      "ChargeCategory": "Usage"}
            out.append(of_row)
            if number % 10 == 0:
                out += [{**of_row, "ChargeCategory": category, "ResourceId": "NULL"} for category in ("Tax", "Credit")]
        return out

    def files(self, month):
        return {f"{self.FOLDER}{month}/": b"", **files_of(self.records(month), f"{self.FOLDER}{month}")}

    def listing(self, request):
        prefix, place = request.query.get("prefix", ""), int(request.query.get("continuation-token") or 0)
        month = prefix.removeprefix(self.FOLDER).removesuffix("/")
        if request.query.get("list-type") != "2" or prefix != f"{self.FOLDER}{month}/":
            refuse(400, "InvalidArgument", request.target)
        files = list(self.files(month).items())
        shown, following = files[place:place + KEYS_MAX], place + KEYS_MAX
        contents = "".join(f"<Contents><Key>{escape(key)}</Key><ETag>{escape(etag_of(data))}</ETag><Size>{len(data)}</Size></Contents>"
                           for key, data in shown)
        is_cut = following < len(files)
        tail = f"<NextContinuationToken>{following}</NextContinuationToken>" * is_cut
        text = (f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<IsTruncated>{str(is_cut).lower()}</IsTruncated>{contents}{tail}</ListBucketResult>")
        return Answer(200, text.encode(), {"Content-Type": "application/xml"})

    def file(self, key):
        month = key.removeprefix(self.FOLDER).partition("/")[0]
        data = self.files(month).get(key) or refuse(404, "NoSuchKey", key)
        return Answer(200, data, {"Content-Type": "binary/octet-stream", "ETag": etag_of(data)})


class Manifests(Focus):
    """The same as AWS's data exports write it: a manifest for each period, which names the files of its newest version by their whole
    addresses. A version is a folder, and those before it stay where they are."""
    METADATA, DATA = "exports/acme/metadata/BILLING_PERIOD=", "exports/acme/data/BILLING_PERIOD="
    LIST, VERSION = "dataFiles", "executionId"

    def __init__(self, dialect, truth, simulator):
        super().__init__(dialect, truth, simulator)
        self.objects = {}

    def bucket(self, request):
        key = "/".join(request.words[2:])
        if key.endswith("-Manifest.json"):
            return self.manifest(self.month_of(key))
        data = self.objects.get(key) or refuse(404, "NoSuchKey", key)
        return Answer(200, data, {"Content-Type": "binary/octet-stream", "ETag": etag_of(data)})

    def month_of(self, key):
        month = key.removeprefix(self.METADATA).removesuffix("/acme-Manifest.json")
        return month if key == f"{self.METADATA}{month}/acme-Manifest.json" else refuse(404, "NoSuchKey", key)

    def folder(self, month, version):
        return f"{self.DATA}{month}/{version}"

    def address(self, key):
        return f"s3://acme-billing/{key}"

    def manifest(self, month):
        version = f"2026-{self.truth.edition:012}"
        files = files_of(self.records(month), self.folder(month, version))
        self.objects.update(files)
        return Answer.of_json({self.VERSION: version, "columns": [{"name": "ChargePeriodStart"}], self.LIST: [self.address(key) for key in files],
                               "additionalOutputFiles": []})


class CostAndUsage(Manifests):
    """A cost and usage report: keys below the bucket, and columns of its own."""
    LIST, VERSION = "reportKeys", "assemblyId"

    def month_of(self, key):
        first, _, after = key.removeprefix("cur/acme/").removesuffix("/acme-Manifest.json").partition("-")
        month = f"{first[:4]}-{first[4:6]}"
        end_us = spelling.month_of(spelling.read_time(month, "month"), "UTC")[1]
        return month if (first[6:], after) == ("01", spelling.write_time(end_us, "%Y%m%d")) else refuse(404, "NoSuchKey", key)

    def folder(self, month, version):
        return f"cur/acme/{month}/{version}"

    def address(self, key):
        return key

    def records(self, month):
        out = []
        for number, row in enumerate(self.truth.rows(*spelling.month_of(spelling.read_time(month, "month"), "UTC"))):
            start, end = (spelling.write_time(at_us, "rfc3339") for at_us in (row.start_us, row.start_us + 3600 * 1000000))
            of_row = {"identity/LineItemId": f"{self.truth.edition}-{number}", "identity/TimeInterval": f"{start}/{end}", "bill/PayerAccountId": "999",
                      "lineItem/UsageAccountId": row.account, "lineItem/LineItemType": "Usage", "lineItem/UsageStartDate": start,
                      "lineItem/ProductCode": "AmazonEC2", "lineItem/UsageType": "EUC1-BoxUsage", "lineItem/Operation": "RunInstances",
                      "lineItem/UsageAmount": spelling.write_number(row.quantity), "lineItem/LineItemDescription": f"per hour, {row.id}",
                      "lineItem/UnblendedCost": spelling.write_number(row.quantity * COST_OF_UNIT), "lineItem/AvailabilityZone": dict(row.dimensions)["region"]}
            out += [of_row] + [{**of_row, "lineItem/LineItemType": kind} for kind in ("Tax", "Credit") if number % 10 == 0]
        return out


class StripeList(Example):
    """All changes of the truth, newest first."""
    gate_kind = BasicKey

    def own_routes(self):
        return {"v1": self.records}

    def records(self, request):
        self.only(request, "/v1/usage_records")
        since_us = int(request.query.get("created[gte]") or 0) * 1000000
        changes = [change for _, change in reversed(self.truth.feed()) if change.row.start_us // 1000000 * 1000000 >= since_us]
        changes.sort(key=lambda change: change.row.start_us, reverse=True)
        ids, after = [change.id for change in changes], request.query.get("starting_after")
        if after and after not in ids:
            refuse(400, "resource_missing", f"No such usage record: {after}")
        changes, size = changes[ids.index(after) + 1 if after else 0:], int(request.query["limit"])
        data = "".join(f'{"," * (number > 0)}{{"id":{json.dumps(change.id)},"object":"usage_record","customer":"{change.row.account}","livemode":true,'
                       f'"created":{change.row.start_us // 1000000},"quantity":{spelling.write_number(change.row.quantity)}}}'
                       for number, change in enumerate(changes[:size]))
        text = f'{{"object":"list","url":"/v1/usage_records","has_more":{str(len(changes) > size).lower()},"data":[{data}]}}'
        return Answer(200, text.encode(), {"Content-Type": "application/json"}, rows=len(changes[:size]))


class CloudEvents(Example):
    """Lines in the order in which they became known, behind an id."""
    gate_kind = Header

    def own_routes(self):
        return {"v2": self.usage}

    def usage(self, request):
        self.only(request, "/v2/usage")
        changes = [change for _, change in self.truth.feed()]
        ids, after = [change.id for change in changes], request.query.get("after")
        if after and after not in ids:
            refuse(400, "unknown_id", after)
        changes = changes[ids.index(after) + 1 if after else 0:][:int(request.query["limit"])]
        lines = "".join(f'{{"specversion":"1.0","id":{json.dumps(change.id)},"source":"/nimbus/eu","type":"cpu.hours","subject":"{change.row.account}",'
                        f'"time":"{spelling.write_time(change.row.start_us, "rfc3339")}","datacontenttype":"application/json",'
                        f'"data":{{"quantity":{spelling.write_number(change.row.quantity)},"region":"{dict(change.row.dimensions)["region"]}"}}}}\n'
                        for change in changes)
        return Answer(200, lines.encode(), {"Content-Type": "application/x-ndjson"}, rows=len(changes))


class ApiToken(Gate):
    def check(self, request):
        if request.headers.get("x-api-token") != self.secret:
            refuse(401, "Unauthorized", "X-Api-Token")


class ActivePlatform(Example):
    """Seats of one subscription, of the days that a POST names, the last one included: one figure for a resource and day."""
    gate_kind = ApiToken

    def own_routes(self):
        return {"api": self.consumption}

    def consumption(self, request):
        self.only(request, "/api/subscription/consumption")
        asked = json.loads(request.body)
        rows = self.truth.rows(day_of(asked["date_from"])[0], day_of(asked["date_to"])[1], asked["external_id"])
        sums = {}
        for row in rows:
            key = (spelling.write_time(row.start_us, "%Y-%m-%d"), dict(row.dimensions)["region"])
            sums[key] = sums.get(key, 0) + row.quantity
        text = ",".join(f'{{"resource":"{resource}","date":"{day}","amount":{spelling.write_number(amount)},"unit":"seat"}}'
                        for (day, resource), amount in sorted(sums.items()))
        return Answer(200, f'{{"resources":[{text}]}}'.encode(), {"Content-Type": "application/json"}, rows=len(sums))


EXAMPLES = {"rest": Rest, "focus": Focus, "focus-manifest": Manifests, "aws-cur": CostAndUsage, "stripe-list": StripeList, "cloudevents": CloudEvents, "activeplatform": ActivePlatform}
