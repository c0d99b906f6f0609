"""A real S3 server (moto, which computes each signature anew with botocore), with reports in the manner of AWS: the example config/source-aws-cur.yaml
polls them by their manifest, with only bucket, key and first month replaced. A restated report is a new folder, whose manifest takes the place of
the one before, and the old parts stay: whoever lists them bills twice. Then a listing of a folder of its own, by the example of focus.

(Installed by scripts/setup test into METERD_VENDORS, by default ~/.cache/meterd-vendors; else skipped.)
"""
import csv
import gzip
import http.client
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal

import yaml

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, free_port, in_mid_month, skip, wait_until  # noqa: E402

in_mid_month()  # the month before is over, and its report is due

from vendor.spelling import month_of, write_time  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
VENDORS = os.environ.get("METERD_VENDORS", os.path.expanduser("~/.cache/meterd-vendors"))
MOTO = os.path.join(VENDORS, "bin", "moto_server")
BUCKET, REGION, ROWS, PARTS = "acme-billing", "eu-central-1", 3000, 3
PICO = Decimal("0.000000000001")
HEADER = ["identity/LineItemId", "identity/TimeInterval", "bill/PayerAccountId", "lineItem/UsageAccountId", "lineItem/LineItemType", "lineItem/UsageStartDate",
          "lineItem/ProductCode", "lineItem/UsageType", "lineItem/Operation", "lineItem/AvailabilityZone", "lineItem/UsageAmount", "lineItem/UnblendedCost",
          "lineItem/LineItemDescription"]


class Server:
    """moto, and a publisher. The store is in memory."""

    def __init__(self):
        self.port = free_port()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([MOTO, "-H", "127.0.0.1", "-p", str(self.port)], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_until("moto", self.is_ready)
        self.key, self.secret = self.make_user("poller", ["s3:GetObject", "s3:ListBucket"])
        self.publisher = self.make_user("publisher", ["s3:*"])
        self.s3 = self.client("s3", *self.publisher)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        assert self.call("POST", "/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}) == 200  # from here on each request is checked

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self):
        assert self.process.poll() is None, "moto has ended"
        try:
            return self.call("GET", "/moto-api/data.json") == 200
        except OSError:
            return False

    def call(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers or {})
            return connection.getresponse().status
        finally:
            connection.close()

    def client(self, service, key, secret):
        return botocore.session.get_session().create_client(service, endpoint_url=self.url(), region_name=REGION, aws_access_key_id=key,
                                                            aws_secret_access_key=secret, config=Config(s3={"addressing_style": "path"}))

    def make_user(self, name, actions):
        iam = self.client("iam", "test", "test")
        iam.create_user(UserName=name)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        iam.put_user_policy(UserName=name, PolicyName="it", PolicyDocument=json.dumps(policy))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    def put(self, key, data):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


class Report:
    """Of one month: its rows, and editions of it."""

    def __init__(self, server, chance, first_us, to_us):
        self.server, self.chance, self.first_us, self.to_us = server, chance, first_us, to_us
        self.edition, self.rows = 0, {}
        for number in range(ROWS):
            self.rows[number] = self.new_row(number)

    def new_row(self, number):
        hour = self.first_us + self.chance.randrange((self.to_us - self.first_us) // 3600000000) * 3600000000
        quantity = Decimal(self.chance.randrange(1, 10**13)).scaleb(-self.chance.choice([6, 9, 13]))
        return {"account": f"{self.chance.randrange(7):012}", "at_us": hour, "quantity": quantity, "cost": quantity * Decimal("0.0031"), "number": number,
                "kind": self.chance.choice(["Usage"] * 9 + ["Tax"])}

    def restate(self):
        numbers = sorted(self.rows)
        for number in self.chance.sample(numbers, ROWS // 100):
            self.rows[number]["quantity"] += Decimal("1.0000000001")
        for number in self.chance.sample(numbers, ROWS // 100):
            del self.rows[number]
        for number in range(max(numbers) + 1, max(numbers) + 1 + ROWS // 100):
            self.rows[number] = self.new_row(number)

    def line(self, row):
        start, end = (write_time(at_us, "rfc3339") for at_us in (row["at_us"], row["at_us"] + 3600000000))
        return [f"{self.edition}-{row['number']}", f"{start}/{end}", "999", row["account"], row["kind"], start, "AmazonEC2", "EUC1-BoxUsage:t3.large",
                'Run "it", all', "eu-central-1a", f"{row['quantity']:f}", f"{row['cost']:f}", f"line {row['number']}\nof ü"]

    def publish(self):
        self.edition += 1
        after_us = month_of(self.first_us, "UTC")[1]
        folder = f"cur/acme/{write_time(self.first_us, '%Y%m%d')}-{write_time(after_us, '%Y%m%d')}"
        assembly = f"{self.edition:08}-aaaa bb+cc=d"  # with what must be escaped
        keys = [f"{folder}/{assembly}/acme-{part + 1:05}.csv.gz" for part in range(PARTS)]
        rows = list(self.rows.values())
        for part, key in enumerate(keys):
            text = io.StringIO()
            csv.writer(text).writerows([HEADER, *(self.line(row) for row in rows[part::PARTS])])
            self.server.put(key, gzip.compress(text.getvalue().encode(), mtime=0))
        manifest = {"assemblyId": assembly, "compression": "GZIP", "bucket": BUCKET, "reportKeys": keys, "columns": [], "additionalArtifactKeys": []}
        self.server.put(f"{folder}/acme-Manifest.json", json.dumps(manifest, indent=1).encode())

    def published(self):
        sums = Counter()
        for row in self.rows.values():
            if row["kind"] == "Usage":
                sums["quantity", row["account"]] += row["quantity"].quantize(PICO, ROUND_HALF_EVEN)
                sums["cost", row["account"]] += row["cost"].quantize(PICO, ROUND_HALF_EVEN)
        return sums


def catalog(start):
    meters = [{"key": value, "service": "cloud", "event_type": "aws.usage", "value": value} for value in ("quantity", "cost")]
    components = [{"key": meter["key"], "meter": meter["key"], "per_unit": "0.5"} for meter in meters]
    return {"services": [{"key": "cloud", "vendor": "aws"}], "meters": meters,
            "tariffs": [{"key": "list", "currency": "USD", "rounding": {"digits": 18, "place": "line"},
                         "versions": [{"from": "2020-01-01", "components": components}]}],
            "subscriptions": [{"key": f"a{number}", "subject": f"{number:012}", "service": "cloud", "customer": "c", "tariff": "list", "start": start}
                              for number in range(7)]}


def charged(daemon):
    sums = Counter()
    for charge in daemon.listed("/v1/charges", "charges"):
        sums[charge["component"], f"{int(charge['subscription'][1:]):012}"] += Decimal(charge["amount"])
    return Counter({key: amount for key, amount in sums.items() if amount})


def agree(daemon, reports, what):
    wanted = Counter()
    for report in reports:
        wanted.update(report.published())
    wanted = Counter({key: quantity * Decimal("0.5") for key, quantity in wanted.items()})
    wait_until(what, lambda: charged(daemon) == wanted)
    print(f"{what}: {sum(wanted.values())} USD")


def documents(server, daemon, start, key=None):
    with open(os.path.join("config", "source-aws-cur.yaml"), encoding="utf-8") as text:
        written = yaml.safe_load(text)
    source = written["sources"][0]
    path = os.path.join(daemon.root, "aws.secret")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
        f.write(server.secret)
    source["base_url"], source["window"]["start"] = server.url(), start
    source["auth"]["aws_sigv4"].update({"access_key": key or server.key, "secret_file": path})
    return written


def main():
    print(f"seed {SEED}")
    with Daemon({"poller": {"allow_loopback": True}, "rater": {"grace": "0s", "draft_every": "0s"}}) as daemon:
        server, chance = Server(), random.Random(SEED)
        try:
            first_us, to_us = month_of(time.time_ns() // 1000, "UTC", -2)
            reports = [Report(server, chance, first_us, to_us), Report(server, chance, *month_of(to_us, "UTC"))]
            start = write_time(first_us, "%Y-%m-%d")
            for report in reports:
                report.publish()
            written = documents(server, daemon, start, "AKIANOBODY0000000000")
            daemon.apply({"vendors": written["vendors"], **catalog(start)})
            daemon.apply(written)
            told = wait_until("a wrong key is told", lambda: daemon.get("/v1/sources")["sources"][0].get("alarms"))
            assert told[0]["alarm"] == "auth" and "403" in told[0]["problem"], told
            daemon.apply(documents(server, daemon, start))
            agree(daemon, reports, "what was published is charged")
            window = ("--from", start, "--to", write_time(month_of(to_us, "UTC")[1], "%Y-%m-%d"))
            for edition in range(2):
                for report in reports:
                    report.restate()
                    report.publish()
                if edition:
                    daemon.kill()
                    daemon.start()
                assert "2 windows taken" in daemon.command("source", "run", "aws-cur", *window).stdout
                agree(daemon, reports, "what was restated is a difference")
            keys = [one["Key"] for one in server.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
            assert len(keys) == 2 * (3 * PARTS + 1), "older versions lie beside"
            daemon.settle()
            daemon.command("audit", "--log")
        finally:
            server.close()


if not os.path.exists(MOTO):
    skip(f"{MOTO} is not there (scripts/setup test installs it, where PyPI is reached)")
try:
    import botocore.session
    from botocore.config import Config
except ImportError:
    skip("python3-botocore is not installed (scripts/setup test installs it)")
main()
