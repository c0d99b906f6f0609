"""The examples in config/, polled as they are published: nothing of them is replaced but where the vendor is, the files of secrets and the first
day. What is charged is what the vendor published last times its price, to the digit; also after it restated what it had said, and after a kill.

partner-center, prometheus and gnocchi are polled in test_poller_presets.py, test_vendor_prometheus.py and test_vendor_gnocchi.py.
"""
import os
import random
import re
import sys
from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal

import yaml

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, wait_until  # noqa: E402
from vendor import Dialect, Row, Simulator, Truth  # noqa: E402
from vendor.document import merged, write_secrets  # noqa: E402
from vendor.examples import COST_OF_UNIT, EXAMPLES  # noqa: E402
from vendor.spelling import month_of, write_time  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
HOUR_US, DAY_US = 3600 * 1000000, 24 * 3600 * 1000000
ACCOUNTS = ("account-1", "account-2", "account-3")
PRICE = Decimal("0.0417")
FEEDS = ("stripe-list", "cloudevents")
OF_MONTHS = ("focus", "focus-manifest", "aws-cur")
SETTINGS = {"poller": {"allow_loopback": True}, "rater": {"grace": "0s", "draft_every": "0s"}}
NANO = Decimal("0.000000001")


def example(key):
    """Of a preset; one beside them; or the document of AWS in the page of focus."""
    path = os.path.join("config", "source-aws-cur.yaml" if key == "aws-cur" else f"sources/{key}.yaml")
    if key == "focus-manifest":
        path = os.path.join("docs", "sources", "focus.md")
    with open(path, encoding="utf-8") as text:
        if key != "focus-manifest":
            return yaml.safe_load(text)
        blocks = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", text.read(), flags=re.M | re.S)]
    return next({"vendors": [{"key": "aws"}], **block} for block in blocks if block["sources"][0]["key"] == "aws-export")


class Polled:
    """One example, its vendor and its truth. by: what the event type is, and what lines are charged by."""

    def __init__(self, key, event_type, by, service=None):
        self.key, self.event_type, self.by = key, event_type, by
        self.documents = example(key)
        self.source = self.documents["sources"][0]
        self.name, self.vendor = self.source["key"], self.source["vendor"]
        self.service_key = service or f"{key}-service"
        self.accounts = [f"{key}-{account}" for account in ACCOUNTS]
        self.random = random.Random(f"{key} {SEED}")
        self.count = 0

    def serve(self, simulator):
        self.truth = Truth(simulator.clock)
        self.served = simulator.add(Dialect(self.key), self.truth, EXAMPLES[self.key])
        now_us = simulator.clock.now_us()
        self.to_us = now_us // DAY_US * DAY_US - 2 * DAY_US
        self.from_us = self.to_us - 6 * DAY_US
        if self.key in OF_MONTHS:  # two months that are over and settled, and the one that is open
            self.from_us = month_of(now_us, "UTC", -2)[0]
        if self.key in FEEDS:
            self.to_us = now_us // HOUR_US * HOUR_US
            self.from_us = self.to_us - 5 * HOUR_US
        self.publish(240)

    def new_row(self):
        self.count += 1
        step_us = 1000000 if self.key == "stripe-list" else HOUR_US
        start_us = self.from_us + self.random.randrange((self.to_us - self.from_us) // step_us) * step_us
        quantity = Decimal(self.random.randint(10**9, 2 * 10**9)).scaleb(-9)
        if self.key == "rest":  # more digits than the map takes
            quantity += Decimal(self.random.randint(0, 99)).scaleb(-11)
        dimensions = (("plan", "p"), ("region", self.random.choice(["eu", "us"])))
        return Row(f"row-{self.count:05}", self.random.choice(self.accounts), start_us, quantity, dimensions)

    def publish(self, count):
        self.truth.publish([self.new_row() for _ in range(count)])

    def restate(self):
        """New rows; of what is no feed also changed ones, and one that is gone. What a list is sorted by comes behind all there is."""
        if self.key == "stripe-list":
            self.from_us, self.to_us = self.to_us, self.truth.clock.now_us()
        self.publish(7)
        if self.key not in FEEDS:
            ids = self.random.sample(sorted(self.truth.ids()), 6)
            self.truth.publish([self.truth.row(row_id)._replace(quantity=self.truth.row(row_id).quantity + NANO) for row_id in ids[1:]], ids[:1])

    def write(self, simulator, directory):
        """The documents, with the three things replaced."""
        def moved(value):
            if not isinstance(value, dict):
                return value
            return {name: secret if name in ("secret_file", "user_secret_file") else moved(inner) for name, inner in value.items()}

        secret = write_secrets(self.served.gate, directory)[f"{self.key}.secret"]
        self.source["base_url"] = simulator.url(self.key)
        self.source["auth"] = moved(self.source["auth"])
        if "start" in self.source.get("window", {}):
            self.source["window"]["start"] = write_time(self.from_us, "%Y-%m-%d")
        return self.documents

    def catalog(self):
        by = [name for name in self.by if name != "cost"]
        measured = ["quantity"] + ["cost"] * ("cost" in self.by)
        start = write_time(self.from_us - 40 * DAY_US, "%Y-%m-%d")
        key = self.key.replace("-", "_")
        meters = [{"key": f"{key}_{value}", "service": self.service_key, "event_type": self.event_type, "value": value, "group_by": by} for value in measured]
        components = [{"key": meter["key"], "meter": meter["key"], "group_by": by, "per_unit": str(PRICE if meter["value"] == "quantity" else 1)}
                      for meter in meters]
        return {
            "services": [{"key": self.service_key, "vendor": self.vendor}], "meters": meters,
            "tariffs": [{"key": f"{self.key}-list", "currency": "EUR", "rounding": {"digits": 18, "place": "line"},
                         "versions": [{"from": "2020-01-01", "components": components}]}],
            "subscriptions": [{"key": account, "service": self.service_key, "customer": account, "tariff": f"{self.key}-list", "start": start}
                              for account in self.accounts]}

    def dimensions(self, row):
        region = dict(row.dimensions)["region"]
        sku = "" if row.id.endswith("3") else "SKU.1"  # NULL in the file
        return {"region": region, "zone": region, "resource": region, "kind": "usage_record", "sku": sku, "usage_type": "EUC1-BoxUsage"}

    def published(self):
        """(subscription, component, period, values of `by`) → money."""
        sums, key = Counter(), self.key.replace("-", "_")
        for row in self.truth.rows(0, 1 << 60):
            values = tuple(self.dimensions(row)[name] for name in self.by if name != "cost")
            where = (row.account, write_time(row.start_us, "%Y-%m"), values)
            sums[(f"{key}_quantity", *where)] += row.quantity.quantize(NANO, ROUND_HALF_EVEN) * PRICE
            if "cost" in self.by:
                sums[(f"{key}_cost", *where)] += (row.quantity * COST_OF_UNIT).quantize(NANO / 1000, ROUND_HALF_EVEN)
        return sums


def charged(daemon, examples):
    of_service = {polled.key.replace("-", "_"): polled for polled in examples}
    sums = Counter()
    for charge in daemon.listed("/v1/charges", "charges"):
        polled = of_service[charge["component"].rpartition("_")[0]]
        values = tuple(charge["dimensions"].get(name, "") for name in polled.by if name != "cost")
        sums[charge["component"], charge["subscription"], charge["period_start"][:7], values] += Decimal(charge["amount"])
    return Counter({key: amount for key, amount in sums.items() if amount})


def wait_for_the_law(daemon, examples, what):
    published = Counter()
    for polled in examples:
        published.update(polled.published())

    def different():
        found = charged(daemon, examples)
        return {key: (found.get(key), published.get(key)) for key in found.keys() | published.keys() if found.get(key) != published.get(key)}

    try:
        wait_until(what, lambda: not different())
    except AssertionError as late:
        raise AssertionError(f"{late}: {Counter(key[0] for key in different())} {list(different().items())[:6]}") from late
    daemon.settle()
    assert not different()
    print(f"{what}: {sum(published.values())} EUR in {len(published)} lines")


def read_again(daemon, simulator, examples):
    """Windows by order; feeds by a shorter schedule, which is all that is replaced."""
    for polled in examples:
        if polled.key in FEEDS:
            daemon.apply(merged(polled.documents, {"sources": [merged(dict(polled.source), {"schedule": {"every": "1s"}})]}))
            continue
        to_us = simulator.clock.now_us() - 36 * HOUR_US
        if polled.key in OF_MONTHS:
            to_us = month_of(to_us, "UTC")[1]
        window = ("--from", write_time(polled.from_us, "%Y-%m-%d"), "--to", write_time(to_us, "%Y-%m-%d"))
        done = daemon.command("source", "run", polled.name, *window, check=False)  # 1: a day without a row, which must be said again
        assert done.returncode in (0, 1) and " windows taken" in done.stdout, done


def main():
    examples = [Polled("rest", "vm.hour", ["region"]), Polled("focus", "cloud.usage", ["sku", "region", "cost"]),
                Polled("focus-manifest", "cloud.usage", ["sku", "region", "cost"]), Polled("aws-cur", "aws.usage", ["usage_type", "zone", "cost"]),
                Polled("stripe-list", "mail.sent", ["kind"]),
                Polled("cloudevents", "cpu.hours", ["region"]), Polled("activeplatform", "seat.day", ["resource"], "endpoint")]
    with Simulator(SEED) as simulator, Daemon(SETTINGS) as daemon:
        for polled in examples:
            polled.serve(simulator)
            documents = polled.write(simulator, daemon.root)
            daemon.apply({"vendors": documents["vendors"], **polled.catalog()})
            daemon.apply(documents)
        wait_for_the_law(daemon, examples, "what was published first")
        daemon.kill()
        for polled in examples:
            polled.restate()
        daemon.start()
        read_again(daemon, simulator, examples)
        wait_for_the_law(daemon, examples, "what was restated")
        told = {(row["source"], alarm["alarm"]) for row in daemon.get("/v1/sources")["sources"] for alarm in row["alarms"]}
        zero = {("acme-usage", "incomplete"), ("antivirus-consumption", "suspect")}  # days without a row, which must be said again
        assert told - zero == {("acme-usage", "stale")}, told  # its last row is of two days ago, and 36 hours are promised
        assert not simulator.trapped and daemon.command("audit", "--log").returncode == 0


if __name__ == "__main__":
    main()
