"""All examples in config/sources, and two beside them, polled as they are published: nothing of them is replaced but where the vendor is, the files
of secrets and the first day. What is charged is what the vendor published last times its price, to the digit; also after it restated what it had
said, and after a kill.
"""
import os
import random
import re
import sys
from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal

import yaml

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, in_mid_month, wait_until  # noqa: E402

in_mid_month()  # its reports are of months

from vendor import Dialect, Row, Simulator, Truth  # noqa: E402
from vendor.document import merged, write_secrets  # noqa: E402
from vendor.clouds import CLOUDS, STEP_US  # noqa: E402
from vendor.examples import COST_OF_UNIT, EXAMPLES  # noqa: E402
from vendor.spelling import month_of, write_time  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
MINUTE_US, HOUR_US, DAY_US = 60 * 1000000, 3600 * 1000000, 24 * 3600 * 1000000
ACCOUNTS = ("account-1", "account-2", "account-3")
PRICE = Decimal("0.0417")
FEEDS = ("stripe-list", "cloudevents")
OF_MONTHS = ("focus", "focus-manifest", "aws-cur")
DEVICES = ((("device", "eth0"),), (("device", "eth1"),))
HOURS = 6
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


def date_or_instant(at_us):
    return write_time(at_us, "rfc3339" if at_us % DAY_US else "%Y-%m-%d")


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
        self.served = simulator.add(Dialect(self.key), self.truth, {**EXAMPLES, **CLOUDS}[self.key])
        now_us = simulator.clock.now_us()
        self.to_us = now_us // DAY_US * DAY_US - 2 * DAY_US
        self.from_us = self.to_us - 6 * DAY_US
        if self.key in OF_MONTHS:  # two months that are over and settled, and the one that is open
            self.from_us = month_of(now_us, "UTC", -2)[0]
        if self.key == "partner-center":
            self.from_us, self.to_us = month_of(now_us, "UTC", -1)[0], now_us
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
        """The documents, with the three things replaced: of an address its host, of a secret's file its path, of the first day which it is."""
        def moved(value, name=""):
            if isinstance(value, dict):
                return {key: moved(inner, key) for key, inner in value.items()}
            if name in ("secret_file", "user_secret_file"):
                return secret
            return re.sub("^https?://[^/]+", simulator.url(self.key), value) if name in ("base_url", "token_url", "url") else value

        secret = write_secrets(self.served.gate, directory).get(f"{self.key}.secret")
        for name in ("base_url", "auth"):
            if name in self.source:
                self.source[name] = moved(self.source[name], name)
        if "start" in self.source.get("window", {}):
            self.source["window"]["start"] = date_or_instant(self.from_us)
        return self.documents

    def catalog(self):
        by = [name for name in self.by if name != "cost"]
        measured = ["quantity"] + ["cost"] * ("cost" in self.by)
        start = write_time(self.from_us - 40 * DAY_US, "%Y-%m-%d")
        key = self.key.replace("-", "_")
        kind = {"aggregation": "counter"} if isinstance(self, Counted) else {}
        meters = [{"key": f"{key}_{value}", "service": self.service_key, "event_type": self.event_type, "value": value, "group_by": by, **kind}
                  for value in measured]
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


class Exported(Polled):
    """The months that have names, whose hosts the preset says."""

    def serve(self, simulator):
        super().serve(simulator)
        self.files_host = self.served.parts.files_origin.removeprefix("http://")

    def write(self, simulator, directory):
        self.source.update({"base_url": "https://graph.microsoft.com/v1.0", "hosts": [self.files_host]})  # the former as of the preset
        return super().write(simulator, directory)

    def dimensions(self, row):
        return {**super().dimensions(row), "meter": self.served.METERS[int(row.id[-1]) % 2]}


class Measured(Polled):
    """Samples, each five minutes, of the hours that are over; one hour of one account comes late. labels: of an account's series."""

    def __init__(self, *words, labels=((),), over_us):
        super().__init__(*words)
        self.labels, self.over_us, self.counts = labels, over_us, Counter()

    def publish(self, _):
        self.to_us = (self.truth.clock.now_us() - self.over_us) // HOUR_US * HOUR_US
        self.from_us = self.to_us - HOURS * HOUR_US
        late = range(self.from_us + 2 * HOUR_US, self.from_us + 3 * HOUR_US)
        rows = [self.sample(account, labels, at_us) for account in self.accounts for labels in self.labels
                for at_us in range(self.from_us, self.to_us, STEP_US)]
        self.late = [row for row in rows if row.account == self.accounts[0] and row.start_us in late]
        self.truth.publish([row for row in rows if row not in self.late])

    def sample(self, account, labels, at_us):
        return Row(f"{account}{labels}{at_us}", account, at_us, Decimal(self.random.randrange(10**12)).scaleb(-9), labels)

    def restate(self):
        """What comes late, what changes, and, of which there is another on either side, what is gone."""
        changed = [row for row in self.truth.rows(self.from_us, self.to_us - HOUR_US) if self.random.random() < 0.05]
        self.truth.publish(self.late + [row._replace(quantity=row.quantity + NANO) for row in changed[1:]], [changed[0].id])


class Counted(Measured):
    """Each series is a counter, which grows, and now and then begins anew."""

    def sample(self, account, labels, at_us):
        begins = self.random.random() < 0.05
        self.counts[account, labels] = (0 if begins else self.counts[account, labels]) + self.random.randrange(10**9)
        return Row(f"{account}{labels}{at_us}", account, at_us, Decimal(self.counts[account, labels]), labels)

    def dimensions(self, row):
        return dict(row.dimensions)

    def published(self):
        sums, before = Counter(), {}
        for row in self.truth.rows(0, 1 << 60):
            last = before.get((row.account, row.dimensions))
            before[row.account, row.dimensions] = row.quantity
            if last is not None:
                grown = row.quantity - last if row.quantity >= last else row.quantity
                where = (row.account, write_time(row.start_us, "%Y-%m"), tuple(self.dimensions(row)[name] for name in self.by))
                sums[(f"{self.key}_quantity", *where)] += grown * PRICE
        return Counter({key: amount for key, amount in sums.items() if amount})


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
        to_us = simulator.clock.now_us() // DAY_US * DAY_US - DAY_US
        if isinstance(polled, Measured):
            to_us = polled.to_us
        elif polled.key in OF_MONTHS or isinstance(polled, Exported):
            to_us = month_of(to_us, "UTC")[1]
        window = ("--from", date_or_instant(polled.from_us), "--to", date_or_instant(to_us))
        done = daemon.command("source", "run", polled.name, *window, check=False)  # 1: a day without a row, which must be said again
        assert done.returncode in (0, 1) and " windows taken" in done.stdout, done


def main():
    examples = [Polled("rest", "vm.hour", ["region"]), Polled("focus", "cloud.usage", ["sku", "region", "cost"]),
                Polled("focus-manifest", "cloud.usage", ["sku", "region", "cost"]), Polled("aws-cur", "aws.usage", ["usage_type", "zone", "cost"]),
                Polled("stripe-list", "mail.sent", ["kind"]),
                Polled("cloudevents", "cpu.hours", ["region"]), Polled("activeplatform", "seat.day", ["resource"], "endpoint"),
                Exported("partner-center", "azure.usage", ["meter", "region", "cost"]),
                Counted("prometheus", "network.bytes", ["device"], labels=DEVICES, over_us=5 * MINUTE_US),
                Measured("gnocchi", "cpu.mean", [], "compute", over_us=30 * MINUTE_US)]
    published = {name.removesuffix(".yaml") for name in os.listdir(os.path.join("config", "sources"))}
    assert published == {polled.key for polled in examples} - {"focus-manifest", "aws-cur"}, published
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
