"""A daemon, a vendor, and sources between them; and the law: what is billed is what the vendor published last.

Each source has a meter of its own, so that all of them may serve one truth. What is billed is asked as usage by hours, subscriptions and
dimensions, and compared with the vendor's ledger, to the digit; that charges are the price of usage is the audit's to say.
"""
import os
import re
import shutil
import sys
import time
from collections import Counter
from decimal import Decimal

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, in_mid_month, wait_until  # noqa: E402

in_mid_month()  # a vendor's world is of days around now

from vendor import Life, Simulator, Truth, source_document  # noqa: E402
from vendor.document import EVENT_TYPE, list_document, merged  # noqa: E402
from vendor.spelling import instant, month_of, read_time, write_time  # noqa: E402

HOUR_US = 3600 * 1000000
DAY_US = 24 * HOUR_US
ACCOUNTS = ("account-1", "account-2", "account-3")
TOLD = re.compile(r" poller: source=(\S+) (\w+): (.*)")
NEVER_ANY = ("there is no row, where", "the vendor says that there is none")  # of a window that never had a row: true, and not believed at once
SETTINGS = {"rater": {"grace": "0s", "draft_every": "0s"}, "poller": {"allow_loopback": True, "readings_max": 64}}


def meter_of(name):
    return name.replace("-", "_")


def catalog_of(names, start):
    """A meter and a component for each source; a subscription for each account."""
    by = ["plan", "region"]
    meters = [{"key": meter_of(name), "service": "compute", "event_type": f"{EVENT_TYPE}.{name}", "value": "quantity", "group_by": by}
              for name in names]
    components = [{"key": meter_of(name), "meter": meter_of(name), "group_by": by, "per_unit": "0.013"} for name in names]
    return {
        "vendors": [{"key": "acme"}], "services": [{"key": "compute", "vendor": "acme"}], "meters": meters,
        "tariffs": [{"key": "list", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": components}]}],
        "subscriptions": [{"key": account, "service": "compute", "subject": account, "customer": f"customer-of-{account}", "tariff": "list",
                           "start": start} for account in ACCOUNTS],
    }


class World:
    """The vendor's usage of some days, served as each of the dialects. The last of them ended a day ago, so that its windows are over in
    every zone. Feeds, and what is read by the hour, have truths of their own: they take nothing back."""

    def __init__(self, seed, dialects, days=2, rows=120, settings=None, more=None, each=None):
        """more: of every source's document; each: of one's, by its name."""
        self.seed, self.dialects, self.more, self.each = seed, {dialect.name: dialect for dialect in dialects}, more or {}, each or {}
        self.vendor = Simulator(seed).start()
        self.to_us = (self.vendor.clock.now_us() // DAY_US - 1) * DAY_US
        self.from_us = self.to_us - days * DAY_US
        self.life = self.live(self.vendor.truth, seed, rows)
        self.feeds = []
        for dialect in dialects:
            truth = None if dialect.length in ("day", "month", "periods") else Truth(self.vendor.clock)
            if truth:
                life = self.live(truth, seed + len(self.feeds) + 1, rows // 4)
                self.feeds += [life] if dialect.length == "cursor" else []
            self.vendor.add(dialect, truth)
        self.heard, self.applied_s = 0, []
        self.daemon = Daemon({**SETTINGS, **(settings or {})})

    def live(self, truth, seed, rows):
        life = Life(truth, seed, self.from_us, self.to_us, ACCOUNTS)
        life.begin(rows)
        return life

    def date(self, at_us, zone="UTC"):
        return write_time(at_us, "%Y-%m-%d", zone)

    def begin(self):
        """Starts the daemon, and gives it catalog and sources."""
        self.daemon.start()
        self.daemon.apply(catalog_of(self.dialects, self.date(self.from_us - 40 * DAY_US)))
        lists = [list_document(self.vendor.services[name], "acme") for name, dialect in self.dialects.items() if dialect.each == "list"]
        self.daemon.apply({"sources": lists + [self.document(name) for name in self.dialects]})
        return self

    def document(self, name, **more):
        dialect = self.dialects[name]
        document = source_document(self.vendor.services[name], self.daemon.root, "acme", self.date(self.from_us - HOUR_US, dialect.zone))
        window = {"month": {"open": "1s", "rereads": ["40d"]}, "day": {"rereads": ["40d"]}}.get(dialect.length, {})  # none is settled yet
        for one in ({"map": {"type": f"={EVENT_TYPE}.{name}"}, "window": window}, self.more, self.each.get(name, {}), more):
            document = merged(document, one)
        return document

    def ends(self, dialect):
        """Where its windows of days end, from the one before the first row on: a row on the border may have come with that one. Of months:
        where that of the rows does, if it has."""
        if dialect.length == "month":
            return sorted({month_of(at_us, dialect.zone)[1] for at_us in (self.from_us, self.to_us)})
        midnight = read_time(self.date(self.from_us, dialect.zone), "%Y-%m-%d", dialect.zone)
        ends = [midnight]
        while midnight < self.to_us + DAY_US:
            midnight = read_time(self.date(midnight + DAY_US + DAY_US // 2, dialect.zone), "%Y-%m-%d", dialect.zone)
            ends.append(midnight)
        return ends

    def read_again(self):
        """Every window of days, or of a month that is over, is planned to be read in a second: a reread is written into the documents. Others are
        read each second."""
        soon_us = self.vendor.clock.now_us() + 1000000
        documents = []
        for name, dialect in self.dialects.items():
            if dialect.length in ("day", "month"):
                rereads = sorted({(soon_us - end_us) // 1000000 for end_us in self.ends(dialect) if end_us <= soon_us})
                documents.append(self.document(name, window={"rereads": [f"{after_s}s" for after_s in rereads] + ["40d"]}))
        if documents:
            self.applied_s.append(time.time())
            self.daemon.apply({"sources": documents})

    def go_on(self, count):
        """Another edition of everything."""
        self.life.go_on(count)
        for life in self.feeds:
            life.late(count)

    def published(self):
        """(meter, subscription, hour, plan, region) → quantity, as of the last edition."""
        sums = Counter()
        for name in self.dialects:
            for row in self.vendor.services[name].truth.rows(self.from_us, self.to_us):
                sums[meter_of(name), row.account, row.start_us, *(value for _, value in row.dimensions)] += row.quantity
        return sums

    def billed(self):
        """The same, by the daemon's word; hours whose usage was all taken back are not there."""
        path = (f"/v1/usage?window=hour&zone=UTC&from={self.date(self.from_us - DAY_US)}&to={self.date(self.to_us + DAY_US)}"
                "&group_by=meter&group_by=subscription&group_by=plan&group_by=region")
        sums = Counter()
        for row in self.daemon.get(path)["rows"]:
            if Decimal(row["quantity"]):
                key = (row["meter"], row["subscription"], instant(row["start"]), row["dimensions"]["plan"], row["dimensions"]["region"])
                assert key not in sums, row
                sums[key] = Decimal(row["quantity"])
        return sums

    def differences(self):
        """What is billed and not published, and the other way round; {}: the law holds."""
        billed, published = self.billed(), self.published()
        return {key: (billed.get(key), published.get(key)) for key in billed.keys() | published.keys()
                if billed.get(key) != published.get(key)}

    def wrong(self):
        """Meters with a difference, and how many."""
        return Counter(key[0] for key in self.differences())

    def drain(self):
        """No fault any more: until all is billed as it is published."""
        try:
            wait_until("what is billed to be what was published", lambda: not self.wrong())
        except AssertionError as late:
            raise AssertionError(f"{late}: {dict(self.wrong())}\n{dict(list(self.differences().items())[:10])}") from late
        self.daemon.settle()
        assert not self.differences()

    def forget_ledger(self):
        """While the daemon is down: the ledger of windows is made of the log."""
        shutil.rmtree(os.path.join(self.daemon.data, "intake"))

    def alarms(self, offset=0, whole=()):
        """(source, alarm) of all that was told since the first start; or behind that place of the log, but for windows that never had a row,
        unless all is asked for of a source."""
        with open(self.daemon.stderr_path, encoding="utf-8", errors="replace") as f:
            f.seek(offset)
            return {(source, alarm) for source, alarm, text in TOLD.findall(f.read())
                    if not offset or source in whole or not text.startswith(NEVER_ANY)}

    def listen(self):
        """From now on."""
        self.heard = os.path.getsize(self.daemon.stderr_path)

    def told_since(self, whole=()):
        return self.alarms(self.heard, whole)

    def audit(self):
        """Charges are the price of usage, and stores the fold of the log."""
        return self.daemon.command("audit", "--log").stdout

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.daemon.__exit__(*reason)
        self.vendor.stop()
