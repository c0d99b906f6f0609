"""Files of vendors as they come: packed, of other line ends, without a header, with a bad row among good ones, with equal rows; what is no text is
refused by its name. What an import says is what it did: accepted events are compared with the usage.
"""
import bz2
import calendar
import gzip
import io
import json
import os
import subprocess
import time
import zipfile

import zstandard

from harness import METERD, Daemon
from pages import CATALOG, SETTINGS, ago

MAP = "id: Id\ntype: =vm.cpu\nsubject: Sub\ntime: {column: At, format: utc}\ndata: {hours: {column: Hours, as: number}}\n"


class Bench:
    def __init__(self, daemon):
        self.d, self.key, self.number, self.hours = daemon, ("--key-file", os.path.join(daemon.root, "v.key")), 0, 0
        daemon.vendor_key("acme", name="v")
        self.day = ago(days=2)[:10]

    def write(self, name, data):
        path = os.path.join(self.d.root, name)
        with open(path, "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)
        return path

    def rows(self, count, **how):
        """CSV of good rows, each of one hour, with ids that never came."""
        end = how.get("end", "\n")
        lines = ["Id,Sub,At,Hours"]
        for _ in range(count):
            self.number += 1
            lines.append(f"r{self.number},sub-1,{self.day} 10:00,1")
        return end.join(lines) + end

    def run(self, path, code=0, says=(), mapping=MAP, more=(), stdin=None):
        done = subprocess.run([METERD, "import", "--url", f"http://127.0.0.1:{self.d.port}", *self.key, "--map", self.write("map.yaml", mapping), *more, path],
                              input=stdin, capture_output=True)
        text = (done.stdout + done.stderr).decode(errors="replace")
        assert done.returncode == code, (path, done.returncode, text)
        for word in says:
            assert word in text, (word, text)
        return text

    def counted(self, hours):
        """So many more hours are used by now."""
        self.hours += hours
        self.d.settle()
        rows = self.d.call("GET", f"/v1/usage?meter=vcpu_hours&group_by=subscription&from={ago(days=4)[:10]}").json()["rows"]
        assert sum(float(row["quantity"]) for row in rows) == self.hours, rows


def check_packings(b):
    for name, pack in (("a.csv", bytes), ("a.csv.gz", gzip.compress), ("a.csv.zst", zstandard.compress)):
        b.run(b.write(name, pack(b.rows(3).encode())), says=["3 accepted"])
        b.counted(3)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        for part in ("usage-1.csv", "usage-2.csv"):
            z.writestr(part, b.rows(2))
        z.writestr("readme.txt", "hello")
    several = b.write("b.zip", archive.getvalue())
    b.run(several, 1, says=["b.zip:1: is a zip of several files: name one with `entry`"])
    b.counted(0)
    b.run(several, says=["2 accepted"], mapping=MAP + "format: {csv: {entry: usage-2.csv}}\n")
    b.counted(2)
    b.run("-", says=["2 accepted"], mapping=MAP + "format: {csv: {entry: usage-1.csv}}\n", stdin=archive.getvalue())
    b.counted(2)
    b.run("-", says=["1 accepted"], stdin=gzip.compress(b.rows(1).encode()))
    b.counted(1)
    ndjson = "".join(f'{{"Id":"n{i}","Sub":"sub-1","At":"{b.day}T10:00Z","Hours":"1"}}\r\n' for i in range(2))
    b.run(b.write("c.ndjson.gz", gzip.compress(ndjson.encode())), says=["2 accepted"])
    b.counted(2)


def check_bytes_that_are_no_text(b):
    text = b.rows(1)
    for name, data, word in (("u.csv", text.encode("utf-16"), "is UTF-16"), ("v.csv", text.encode("utf-16-le"), "is UTF-16"),
                             ("w.csv.bz2", bz2.compress(text.encode()), "bzip2"), ("x.parquet", b"PAR1\x15\x04\x15", "is Parquet"),
                             ("y.csv.gz", gzip.compress(text.encode())[:-5], "not whole"), ("z.csv.gz", gzip.compress(gzip.compress(text.encode())), "packed twice"),
                             ("empty.csv", b"", "the file is empty"), ("latin.csv", text.replace("sub-1", "süb").encode("latin-1"), "not valid UTF-8")):
        said = b.run(b.write(name, data), 1, says=[word])
        assert name in said, said
    b.counted(1)  # what stood before the end of the short gzip is good: nothing but its last bytes is missing
    named = MAP + "format: {csv: {encoding: utf-16}}\n"
    b.run(b.write("u16.csv.gz", gzip.compress(b.rows(2).encode("utf-16"))), says=["2 accepted"], mapping=named)
    cyrillic = MAP.replace("column: Hours", "column: Часы") + "format: {csv: {encoding: windows-1251}}\n"
    b.run(b.write("ru1251.csv", b.rows(1).replace("Hours", "Часы").encode("windows-1251")), says=["1 accepted"], mapping=cyrillic)
    b.run(b.write("bad1251.csv", b.rows(1).replace("Hours", "Часы").encode("windows-1251").replace(b"sub", b"\x98")), 1,
          says=["is not the mapping's encoding windows-1251, at byte"], mapping=cyrillic)
    b.counted(3)
    b.run(b.d.root, 1, says=["Is a directory"])
    b.run(os.path.join(b.d.root, "nothing.csv"), 1, says=["no such file"])
    b.counted(0)


def check_lines(b):
    b.run(b.write("cr.csv", b.rows(2, end="\r")), says=["2 accepted"])
    b.run(b.write("bom.csv", b"\xef\xbb\xbf" + b.rows(2, end="\r\n").encode()), says=["2 accepted"])
    b.counted(4)
    good = b.rows(4).splitlines()
    good[2] = good[2].replace("sub-1", 'su"b')
    good[3] = good[3].replace(",1", ',"1')
    said = b.run(b.write("bad.csv", "\n".join(good) + "\n"), 1, says=["2 accepted", "bad.csv:3: a quote in the middle", "bad.csv:4: the quote that opens here is not closed"])
    assert said.count("bad.csv:") == 2, said
    b.counted(2)
    numbered = MAP.replace("Id", "'1'").replace("Sub", "'2'").replace("column: At", "column: '3'").replace("column: Hours", "column: '4'")
    b.run(b.write("bare.csv", b.rows(2).split("\n", 1)[1]), says=["2 accepted"], mapping=numbered)
    b.counted(2)
    b.run(b.write("twice.csv", "Id,Sub,At,Hours,Hours\n1,sub-1,x,1,2\n"), 1, says=["twice.csv:1: the mapping's column 'Hours' stands in the header twice"])


def check_equal_rows(b):
    hashed = MAP.replace("id: Id", "id: {hash: [Sub, At, Hours]}")
    text = f"Sub,At,Hours\nsub-1,{b.day} 11:00,1\nsub-1,{b.day} 11:00,1\nsub-1,{b.day} 11:00,1\n"
    path = b.write("equal.csv", text)
    b.run(path, says=["1 accepted", "2 duplicate", "equal.csv:3: 2 rows have the id of an earlier row of the file", "[import.repeated]"], mapping=hashed)
    b.counted(1)
    multiset = hashed.replace("]}", "], multiset: true}", 1)
    b.run(path, says=["2 accepted", "1 duplicate"], mapping=multiset)
    b.counted(2)
    b.run(path, says=["3 duplicate"], mapping=multiset)
    b.counted(0)


def check_numbers_and_times(b):
    mapping = ("id: Id\ntype: =vm.cpu\nsubject: Sub\ntime: {path: At, format: '%d.%m.%Y %H:%M', zone: Europe/Moscow}\n"
               "data: {hours: {path: Hours, decimal: ',', scale: '0.5', round: {digits: 3}}}\nformat: {csv: {delimiter: ;}}\n")
    at = ".".join(reversed(b.day.split("-"))) + " 12:00"
    path = b.write("ru.csv", f"Id;Sub;At;Hours\nm1;sub-1;{at};4,0000000000000001\nm2;sub-1;{at};1.5\nm3;sub-1;{b.day};2\n")
    b.run(path, 1, says=[f'"time":"{b.day}T09:00:00Z","data":{{"hours":2}}', "ru.csv:3: data.hours: `1.5` is no number with the decimal sign `,`",
                               f"ru.csv:4: time: `{b.day}` is no time in the mapping's format: %d.%m.%Y %H:%M", "1 event, 1 accepted", "nothing was stored"],
                mapping=mapping, more=["--dry-run"])
    b.counted(0)
    b.run(path, 1, says=["1 accepted"], mapping=mapping)
    b.counted(2)
    fine = b.write("fine.csv", f"Id,Sub,At,Hours\nf1,sub-1,{b.day} 10:00,0.1234567890123\n")
    for more in (["--dry-run"], []):  # both say the same
        b.run(fine, 1, says=["has more than 12 digits behind the point", "round: {digits: 9}"], more=more)
    b.counted(0)


def check_dry_runs(b):
    """With a key the daemon says what it would do, and then does just that."""
    text = b.rows(2) + f"r{b.number},sub-1,{b.day} 10:00,1\nx1,nobody,{b.day} 10:00,1\nx2,sub-1,{b.day} 10:00,1e30\nx3,sub-1,2001-01-01,1\n"
    path = b.write("dry.csv", text)
    end, said = b.d.status()["log"]["last_seq"], []
    for more in (["--dry-run"], []):
        said.append(b.run(path, 1, says=["6 events, 2 accepted, 1 duplicate, 1 held, 1 expired, 1 invalid", "dry.csv:6: data.hours: invalid: larger than 10^16"], more=more))
        assert b.d.status()["log"]["last_seq"] == end + (0 if more else 4), more
    assert "nothing was stored: this is what the run would do" in said[0] and '{"id":"r' in said[0], said[0]
    b.counted(2)
    local = subprocess.run([METERD, "import", "--dry-run", "--map", b.write("map.yaml", MAP), path], capture_output=True, text=True,
                           env={k: v for k, v in os.environ.items() if k != "METERD_KEY"})
    assert local.returncode == 0 and "6 events, 0 rows skipped, 0 problems; nothing sent, and the daemon not asked" in local.stderr, local
    event = '{"id":"d1","type":"vm.cpu","subject":"sub-1","data":{"hours":1,"region":"eu"}}'
    key = open(b.key[1]).read().strip()
    refusals = {"?dryrun=true": ("parameter.unknown", "did you mean `dry_run`?"), "?dry_run=maybe": ("parameter.value", "'maybe' is not one of"),
                "?dry_run=1&dry_run=1": ("parameter.repeated", "dry_run is given twice"), "?x=%2": ("http", "broken escape")}
    for query in ("?dry_run=true", "?dry_run", *refusals):
        answer = b.d.call("POST", "/v1/events" + query, body=event, key=key, headers={"Content-Type": "application/json"})
        said = answer.json()
        if query in refusals:
            code, text = refusals[query]
            assert (answer.status, said["code"]) == (400, "request." + code) and text in said["detail"], (query, answer.body)
        else:
            assert answer.status == 200 and said["accepted"] == 1 and said["dry_run"] is True, (query, answer.body)
    b.counted(0)
    done = subprocess.run([METERD, "send", "--dry-run", "--url", f"http://127.0.0.1:{b.d.port}", *b.key], input=event + "\n", capture_output=True, text=True)
    assert done.returncode == 0 and "1 event, 1 accepted" in done.stdout and "nothing was stored" in done.stderr, done
    b.counted(0)


GCP = {"subject": "p-1", "time": "2026-10-01T23:00:00Z", "quantity": 0.000023198314, "unit": "gibibyte"}
PUBLISHED = {  # mapping: header and one row as the vendor writes it, and the event of it
    "gcp": ("billing_account_id,service.id,service.description,sku.id,sku.description,usage_start_time,usage_end_time,project.id,labels,location.location,"
            "location.region,export_time,cost,usage.amount,usage.amount_in_pricing_units,usage.pricing_unit,credits,cost_type",
            "B-1,S-1,Logs,K-1,Ingest,2026-10-01 23:00:00+00:00,2026-10-02 00:00:00+00:00,p-1,[],global,,2026-10-02 05:49:32.199000+00:00,5e-06,24909.0,"
            "2.3198314011096954e-05,gibibyte,\"[{'name': 'Trial, one', 'amount': -5e-06}]\",regular", GCP),
    "kubernetes": ("report_period_start,report_period_end,pod,namespace,node,resource_id,interval_start,interval_end,pod_usage_cpu_core_seconds,"
                   "pod_request_cpu_core_seconds,pod_usage_memory_byte_seconds,pod_request_memory_byte_seconds,pod_labels",
                   "2026-10-01 00:00:00 +0000 UTC,2026-11-01 00:00:00 +0000 UTC,web-1,shop,n-1,i-1,2026-10-01 05:00:00 +0000 UTC,2026-10-01 06:00:00 +0000 UTC,"
                   "1172.8799999999999,18000,482946476940.0,7200,label_a:b|label_c:d",
                   {"subject": "shop", "time": "2026-10-01T05:00:00Z", "cpu_core_seconds": 1172.88, "memory_byte_seconds": 482946476940}),
    "aws-cur": ("identity/TimeInterval,bill/PayerAccountId,lineItem/UsageAccountId,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/ProductCode,"
                "lineItem/UsageType,lineItem/Operation,lineItem/UsageAmount,lineItem/LineItemDescription,lineItem/AvailabilityZone",
                "2026-10-01T00:00:00Z/2026-10-01T01:00:00Z,1,2,Usage,2026-10-01T00:00:00Z,AmazonS3,EU-Requests,PutObject,0.000023198314011096954,PUT,eu-west-1a",
                {"subject": "2", "time": "2026-10-01T00:00:00Z", "quantity": 0.000023198314}),
    "azure": ("SubscriptionId,ResourceId,MeterId,Date,ChargeType,PricingModel,Quantity,AdditionalInfo,MeterCategory,ResourceLocation,UnitOfMeasure",
              's-1,/r/1,m-1,9/2/2026,Usage,OnDemand,0.027265128,"{""a"": ""b, c""}",Storage,CentralUS,1 GB',
              {"subject": "s-1", "time": "2026-09-02T00:00:00Z", "quantity": 0.027265128}),
    "oci": ("lineItem/referenceNo,lineItem/intervalUsageStart,product/compartmentId,product/region,usage/billedQuantity,cost/productSku,cost/skuUnitDescription",
            "ref,2026-10-01T10:00Z,ocid1.c,us-1,0.083333333333000000,B92911,Hours",
            {"subject": "ocid1.c", "time": "2026-10-01T10:00:00Z", "quantity": 0.083333333333}),
    "focus": ("ProviderName,SubAccountId,ResourceId,SkuPriceId,ChargePeriodStart,ChargePeriodEnd,ChargeDescription,PricingQuantity,RegionId,PricingUnit,ChargeCategory",
              "p,acc,NULL,k,2026-10-01T00:00:00Z,2026-10-02T00:00:00Z,d,1.5,eu,h,Usage", {"subject": "acc", "time": "2026-10-01T00:00:00Z", "quantity": 1.5}),
}


# The same of JSON.
ANSWERS = [
    ("gcp", "gcp.ndjson", json.dumps({
        "billing_account_id": "B-1", "service": {"id": "S-1", "description": "Logs"}, "sku": {"id": "K-1"}, "usage_start_time": "2026-10-01 23:00:00 UTC",
        "usage_end_time": "2026-10-02 00:00:00 UTC", "project": {"id": "p-1", "labels": []}, "labels": [{"key": "a", "value": "b"}], "location": {"location": "global"},
        "export_time": "2026-10-02 05:49:32.199 UTC", "cost": 5e-06, "usage": {"amount": 24909.0, "amount_in_pricing_units": 2.3198314011096954e-05, "pricing_unit": "gibibyte"},
        "credits": [{"amount": -5e-06}], "cost_type": "regular"}), GCP),
    ("opencost", "allocation.json", json.dumps({"code": 200, "data": [{"__idle__": {"name": "__idle__", "properties": {"cluster": "c"}}, "shop": {
        "name": "shop", "properties": {"cluster": "c", "namespace": "shop"}, "window": {"start": "2026-10-01T05:00:00Z", "end": "2026-10-01T06:00:00Z"},
        "minutes": 60.0, "cpuCoreHours": 0.013333, "gpuHours": 0, "ramByteHours": 135396181.33333, "pvByteHours": 0, "networkTransferBytes": 797941.832389,
        "pvs": None}}]}), {"subject": "shop", "time": "2026-10-01T05:00:00Z", "cpu_core_hours": 0.013333, "sent_bytes": 797941.832389}),
]


def check_documents(b):
    """JSON whose rows stand inside, answers of Prometheus and S3: what is in them counts, once, and what is not whole says so."""
    nested = MAP.replace("subject: Sub", "subject: ^.sub").replace("column: At", "path: ^^.at") + "format: {json: {rows: 'data[].items[]'}}\n"
    page = json.dumps({"data": [{"items": [{"Id": "j1", "Hours": 1.5}, {"Id": "j2", "Hours": "0.5"}], "sub": "sub-1"}, {"sub": "sub-1", "items": [
        {"Id": "j3", "Hours": 1}, {"Id": "j4", "Hours": [1]}, 7]}], "at": f"{b.day} 10:00"}, indent=1)
    path = b.write("page.json.gz", gzip.compress(page.encode()))
    b.run(path, 1, mapping=nested, says=["3 accepted", "page.json.gz:23:5: a mapped column holds a list", "page.json.gz:29:5: a row must be a map, or a list"])
    b.counted(3)
    b.run(path, 1, mapping=nested, says=["3 duplicate"])
    b.counted(0)
    b.run(path, 1, mapping=nested.replace("^^.at", "^^^.at"), says=["map.yaml:4:14: error: path: climbs out of the document"])
    samples = MAP.replace("id: Id", 'id: "{pod}/{timestamp}"').replace("subject: Sub", "subject: pod").replace("{column: At, format: utc}", "timestamp").replace("Hours", "value")
    seconds = calendar.timegm(time.strptime(b.day, "%Y-%m-%d")) + 36000
    answer = {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {"pod": "sub-1"}, "values": [[seconds + 0.5, "2"], [seconds + 60, "NaN"]]}]}}
    b.run(b.write("answer.json", json.dumps(answer)), 1, mapping=samples + "format: {prometheus: {}}\n", says=["1 accepted", "the sample is NaN"])
    b.counted(2)
    answer["warnings"] = ["no store matched for this query"]
    b.run(b.write("answer.json", json.dumps(answer)), 1, mapping=samples + "format: {prometheus: {}}\n",
          says=["1 duplicate", 'answer.json:1: warnings: samples may be missing: ["no store matched'])
    b.run(b.write("answer.json", '{"status":"error","error":"query timed out"}'), 1, mapping=samples + "format: {prometheus: {}}\n",
          says=["the answer is an error: query timed out"])
    listed = "id: Key\ntype: =vm.cpu\nsubject: =sub-1\ntime: LastModified\ndata: {hours: Size}\nformat: {s3_list: {}}\n"
    objects = f"<ListBucketResult><Contents><Key>o</Key><LastModified>{b.day}T10:00:00.000Z</LastModified><Size>3</Size></Contents></ListBucketResult>"
    b.run(b.write("list.xml", objects), mapping=listed, says=["1 accepted"])
    b.counted(3)
    b.run(b.write("list.xml", "<!DOCTYPE a>" + objects), 1, mapping=listed, says=["list.xml:1:", "has a DOCTYPE"])
    b.counted(0)


def check_mappings_that_ship(b):
    files = [(name, f"{name}.csv.gz", gzip.compress(f"{header}\n{row}\n".encode()), event) for name, (header, row, event) in PUBLISHED.items()]
    for name, file, data, event in files + ANSWERS:
        path = b.write(file, data)
        done = subprocess.run([METERD, "import", "--dry-run", "--map", f"config/import-{name}.yaml", path], capture_output=True, text=True,
                              env={k: v for k, v in os.environ.items() if k != "METERD_KEY"})
        made = json.loads(done.stdout)
        assert done.returncode == 0 and {k: made.get(k, made["data"].get(k)) for k in event} == event, (name, made, done.stderr)


with Daemon(SETTINGS) as daemon:
    daemon.apply(CATALOG)
    bench = Bench(daemon)
    for check in (check_packings, check_bytes_that_are_no_text, check_lines, check_equal_rows, check_numbers_and_times, check_dry_runs, check_documents, check_mappings_that_ship):
        check(bench)
print("files of every kind: read, or refused by name")
