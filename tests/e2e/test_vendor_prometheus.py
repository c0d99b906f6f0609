"""A real Prometheus, polled by the real binary with the preset of its name: raw samples of counters, with resets, a gap and a bare NaN; late
samples, partial answers, an answer that is too large, a series that is deleted; and a live scrape under kill -9.

The law: what is billed is what the samples grew by, from each to the next, to the digit; an answer that is not whole bills nothing.
"""
import http.server
import json
import os
import random
import sys
import threading
import time
import urllib.parse
from decimal import Decimal

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, wait_until  # noqa: E402
from prometheus import HOUR_S, Prometheus, Series, needed  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
STEP_S, WINDOW_S = 60, 6 * HOUR_S
DAY_S = 24 * HOUR_S
SETTINGS = {"rater": {"grace": "0s", "draft_every": "0s"}, "poller": {"allow_loopback": True}}
INSTANCES = ("vm-1", "vm-2", "vm-3")


def catalog(start):
    return {
        "vendors": [{"key": "fleet"}], "services": [{"key": "net", "vendor": "fleet"}],
        "meters": [{"key": "m", "service": "net", "event_type": "network.bytes", "value": "quantity", "aggregation": "counter", "group_by": ["device"]}],
        "tariffs": [{"key": "t", "currency": "EUR",
                     "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "group_by": ["device"], "per_unit": "0.001"}]}]}],
        "subscriptions": [{"key": name, "service": "net", "customer": f"c-{name}", "tariff": "t", "start": start} for name in INSTANCES]}


def source(prometheus, query, **window):
    """As config/sources/prometheus.yaml has it, but for its times."""
    return {"sources": [{
        "key": "traffic", "vendor": "fleet", "preset": "prometheus", "base_url": prometheus.origin(), "schedule": {"every": "1s"},
        "window": window, "guard": {"jump": 0, "every": "1s"}, "limits": {"rate": "1000/1s"},
        "request": {"query": {"query": query}}, "identity": {"hash": ["instance", "device", "timestamp"]},
        "map": {"type": "=network.bytes", "subject": "instance", "data": {"quantity": "value", "device": {"path": "device", "as": "text"}}}}]}


def billed(daemon, from_s, to_s):
    """(subscription, device, hour) → quantity."""
    def date(at_s):
        return time.strftime("%Y-%m-%d", time.gmtime(at_s))
    rows = daemon.get(f"/v1/usage?window=hour&zone=UTC&from={date(from_s - DAY_S)}&to={date(to_s + 2 * DAY_S)}&group_by=subscription&group_by=device")["rows"]
    def unix(text):
        return int(time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))) - time.timezone
    return {(row["subscription"], row["dimensions"]["device"], unix(row["start"])): Decimal(row["quantity"]) for row in rows if Decimal(row["quantity"])}


def made(chance, from_s, to_s):
    """Counters with resets, bytes and seconds with thousandths; the samples of a gap, in which one of them begins anew, are told apart."""
    series, gap = Series(), set(range(from_s + 9 * HOUR_S, from_s + 11 * HOUR_S, STEP_S))
    for instance in INSTANCES:
        for device in ("eth0", "eth1"):
            labels, milli, scale = {"instance": instance, "device": device, "job": "node"}, 0, 1000 if device == "eth0" else 1
            resets = {chance.randrange(1, DAY_S // STEP_S) for _ in range(2)} | {10 * HOUR_S // STEP_S}
            for n, at_s in enumerate(range(from_s, to_s, STEP_S)):
                milli = chance.randrange(50) if n in resets else milli + chance.randrange(10 ** 9 if scale == 1000 else STEP_S * 1000)
                series.add(labels, at_s, str(milli // 1000) if scale == 1000 else f"{milli // 1000}.{milli % 1000:03d}")
    return series, gap


def without(series, gap):
    some = Series()
    for labels, points in series.samples.items():
        for at_s, text in points.items():
            if at_s not in gap:
                some.add(dict(labels), at_s, text)
    return some


class Samples:
    """A day of samples, and a daemon that polls them."""

    def __init__(self, daemon, prometheus, chance):
        self.daemon, self.prometheus = daemon, prometheus
        self.to_s = int(time.time()) // WINDOW_S * WINDOW_S
        self.from_s = self.to_s - DAY_S
        self.whole, self.gap = made(chance, self.from_s, self.to_s)
        self.now = without(self.whole, self.gap)
        # A series of one sample that is no number: it must be told, and must not spoil its answer.
        odd = f'net_bytes_total{{instance="vm-1",device="odd",job="node"}} NaN {self.from_s + 90}\n'
        prometheus.add_blocks(self.now.open_metrics("net_bytes").replace("# EOF", odd + "# EOF"))

    def read(self, soon=False):
        """Windows of six hours; soon: planned to be read again in a second."""
        now_s = int(time.time()) + 1
        rereads = [f"{now_s - end_s}s" for end_s in range(self.to_s, self.from_s, -WINDOW_S)] if soon else []
        self.daemon.apply(source(self.prometheus, 'net_bytes_total{{job="node"}[7h]', length="6h", lateness="0s", rereads=rereads + ["40d"],
                                 start=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.from_s))))

    def agree(self, what):
        expected = dict(self.now.increases(["instance", "device"]))
        wait_until(what, lambda: billed(self.daemon, self.from_s, self.to_s) == expected)

    def stays(self, why, name):
        """It is read again, told, and nothing of it is billed."""
        before = billed(self.daemon, self.from_s, self.to_s)
        self.read(soon=True)
        wait_until(f"{why}: the alarm", lambda: f"source=traffic {name}: " in self.told())
        self.daemon.settle()
        assert billed(self.daemon, self.from_s, self.to_s) == before, why
        self.daemon.kill()  # and with it goes how long the windows that failed were to be left alone
        self.daemon.start()

    def told(self):
        with open(self.daemon.stderr_path, encoding="utf-8", errors="replace") as f:
            return f.read()


def check_samples(chance):
    with Prometheus() as prometheus, Daemon(SETTINGS) as daemon:
        world = Samples(daemon, prometheus, chance)
        prometheus.start()
        daemon.apply(catalog(time.strftime("%Y-%m-%d", time.gmtime(world.from_s - DAY_S))))
        world.read()
        world.agree("a day of samples is billed")
        assert "source=traffic refused: " in world.told()
        assert any("NaN" in json.dumps(row) for row in daemon.get("/v1/quarantine")["events"])

        prometheus.restart(is_partial=True)
        world.stays("an answer with warnings is a part", "incomplete")
        prometheus.restart("--query.max-samples=1000")
        world.stays("an answer that was too large", "truncated")

        prometheus.stop()
        prometheus.add_blocks(world.whole.open_metrics("net_bytes", only=lambda labels: world.gap))
        prometheus.restart()
        world.now = world.whole
        world.read(soon=True)
        world.agree("late samples are differences")

        match = urllib.parse.quote('net_bytes_total{instance="vm-3"}')
        assert prometheus.call("POST", f"/api/v1/admin/tsdb/delete_series?match[]={match}")[0] == 204
        world.stays("a third of the rows is gone", "suspect")
        world.now.remove({"instance": "vm-3"})
        world.read(soon=True)
        world.agree("what is gone twice is taken back")
        daemon.settle()
        assert daemon.command("audit", "--log").stdout
        daemon.stop()


class Exporter(http.server.ThreadingHTTPServer):
    """Counters that grow with each scrape until they are frozen, and begin anew now and then."""

    def __init__(self, chance):
        super().__init__(("127.0.0.1", 0), Scrape)
        self.chance, self.values, self.frozen = chance, {(i, d): 1000 for i in INSTANCES for d in ("eth0", "eth1")}, False
        self.scrapes = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """Prometheus leaves in the middle of a scrape when it is ended."""

    def text(self):
        self.scrapes += 1
        for key in self.values if not self.frozen else ():
            self.values[key] = 0 if self.chance.random() < 0.05 else self.values[key] + self.chance.randrange(10 ** 6)
        return "# TYPE live_bytes counter\n" + "".join(
            f'live_bytes_total{{instance="{i}",device="{d}",job="node"}} {value}\n' for (i, d), value in self.values.items())


class Scrape(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        body = self.server.text().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def raw(prometheus, at_s):
    """What Prometheus has of the counters: as a Series, by instants of milliseconds."""
    query = urllib.parse.urlencode({"query": "live_bytes_total[1h]", "time": at_s})
    series = Series()
    for one in json.loads(prometheus.call("GET", f"/api/v1/query?{query}")[1], parse_float=Decimal)["data"]["result"]:
        for at, value in one["values"]:
            series.add({key: one["metric"][key] for key in ("instance", "device")}, at, value)
    return series


def total(counts):
    sums = {}
    for (instance, device, _), value in counts.items():
        sums[instance, device] = sums.get((instance, device), 0) + value
    return sums


def check_live(chance):
    """Windows of ten seconds while they are still scraped; the poller is killed between them."""
    exporter = Exporter(chance)
    with Prometheus() as prometheus, Daemon(SETTINGS) as daemon:
        prometheus.scraped = exporter.server_address[1]
        prometheus.start()
        began_s = int(time.time())
        daemon.apply(catalog(time.strftime("%Y-%m-%d", time.gmtime(began_s - DAY_S))))
        daemon.apply(source(prometheus, 'live_bytes_total{{job="node"}[20s]', length="10s", lateness="0s", open="1s", rereads=["2s", "40d"],
                            start=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began_s - 30))))
        for kill in range(3):
            scrapes = exporter.scrapes
            wait_until("it is scraped", lambda scrapes=scrapes: exporter.scrapes > scrapes + 10)
            daemon.kill()
            daemon.start()
        exporter.frozen = True
        frozen = exporter.scrapes
        wait_until("what stands still is scraped", lambda: exporter.scrapes > frozen + 2)
        expected = total(raw(prometheus, int(time.time()) + 1).increases(["instance", "device"]))
        assert len(expected) == 6 and all(expected.values()), expected
        wait_until("what was scraped is billed", lambda: total(billed(daemon, began_s, began_s)) == expected)
        daemon.settle()
        assert daemon.command("audit", "--log").stdout
        daemon.stop()
    exporter.shutdown()
    exporter.server_close()
    return exporter.scrapes


def main():
    needed()
    print(f"seed {SEED}")
    check_samples(random.Random(SEED))
    print(f"{check_live(random.Random(SEED))} scrapes")


main()
