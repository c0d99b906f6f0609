"""scripts/bench --poller: sources that idle, that are small and many, and that are a month of rows; what they cost, beside what was hoped for.

A daemon for each part, with a data directory of its own; the vendor (poller_vendor.py) shares its cores. CPU times are what is to be
compared between machines: they hardly move when something else is at work.
"""
import datetime
import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from harness import Daemon, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SETTINGS = {"log": {"segment_bytes": "256MiB"}, "logline": {"level": "error"}, "rater": {"draft_every": "0s"},
            "poller": {"allow_loopback": True, "readings_max": 64}}


class Vendor:
    def __init__(self, directory):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "poller_vendor.py"), directory], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def intervals(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/intervals", timeout=10) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.process.terminate()
        self.process.wait(10)


def catalog():
    return {"vendors": [{"key": "bench"}], "services": [{"key": "cloud", "vendor": "bench"}],
            "meters": [{"key": "cpu", "service": "cloud", "event_type": "cpu", "value": "amount"}],
            "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "cpu", "per_unit": "0.01"}]}]}],
            "subscriptions": [{"key": f"sub-{n}", "service": "cloud", "customer": f"c-{n % 97}", "tariff": "t", "start": "2020-01-01"} for n in range(1, 301)]}


def source(key, port, path, window, **more):
    return {"key": key, "vendor": "bench", "base_url": f"http://127.0.0.1:{port}", "schedule": {"every": "1s"}, "window": window,
            "request": {"path": path, "query": {"from": "{from}"}}, "auth": "none", "format": {"json": {"rows": "[]"}}, "identity": {"id": "id"},
            "map": {"type": "=cpu", "subject": "account", "time": "at", "data": {"amount": "amount"}},
            "limits": {"concurrency": 64}, "guard": {"shrink": "100%", "jump": 0, "rows_max": 100000000}, "answer": {"bytes_max": "8GiB"}, **more}


def apply_sources(daemon, sources):
    for at in range(0, len(sources), 1000):
        daemon.apply({"sources": sources[at:at + 1000]})


TAKEN = 'meterd_source_readings_total{outcome="taken"}'


def metric(daemon, name):
    text = daemon.call("GET", "/metrics", port=daemon.admin_port).body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name) and not line.startswith("#"))


def date(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y-%m-%d")


class Part:
    """A daemon of its own, and what of it is measured."""

    def __init__(self, options, tools, settings=None):
        root = tempfile.mkdtemp(prefix="meterd-bench-", dir=options.directory)
        merged = {name: {**values} for name, values in SETTINGS.items()}
        for name, values in (settings or {}).items():
            merged.setdefault(name, {}).update(values)
        self.daemon, self.tools = Daemon(merged, directory=root), tools

    def __enter__(self):
        self.daemon.start()
        self.daemon.apply(catalog())
        self.daemon.settle()
        return self

    def __exit__(self, *reason):
        if self.daemon.process and self.daemon.process.poll() is None:
            self.daemon.kill()
        shutil.rmtree(self.daemon.root)

    def anonymous_mib(self, field="RssAnon"):
        return self.tools.memory_bytes(self.daemon.process.pid, field) / (1 << 20)

    def cpu_ns(self):
        return {stage: times[0] for stage, times in self.tools.cpu_ns(self.daemon.process.pid).items()}


class Memory:
    """What a process has at most, and of what, at the moment when it has most: memory of its own, and pages of files by where they are."""

    def __init__(self, part):
        self.part, self.stopped, self.most = part, threading.Event(), {}
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *reason):
        self.stopped.set()
        self.thread.join()

    def watch(self):
        while not self.stopped.wait(1):
            had = self.look()
            if sum(had.values()) > sum(self.most.values()):
                self.most = had

    def look(self):
        had, name = {}, "own"
        with open(f"/proc/{self.part.daemon.process.pid}/smaps", encoding="utf-8") as file:
            for line in file:
                field, *rest = line.split()
                if "-" in field and not field.endswith(":"):
                    name = self.name_of(rest[4] if len(rest) > 4 else "")
                elif field == "Rss:":
                    had[name] = had.get(name, 0) + int(rest[0]) * 1024
        return had

    def name_of(self, path):
        data = self.part.daemon.data + "/"
        return path[len(data):].split("/")[0] if path.startswith(data) else "own"

    def told(self):
        dedup = metric(self.part.daemon, "meterd_dedup_memory_bytes")
        parts = {"dedup index": dedup, "other memory of its own": self.most["own"] - dedup,
                 **{f"mapped pages of {name}/": count for name, count in sorted(self.most.items()) if name != "own"}}
        return ", ".join(f"{name} {count / (1 << 20):.0f}" for name, count in parts.items() if count >= 1 << 20)


def spent(before, after, count):
    return {stage: (after[stage] - before[stage]) / count for stage in after}


# ---- parts ----

def idle(options, tools, count=10000):
    with Part(options, tools) as part:
        before = part.anonymous_mib()
        apply_sources(part.daemon, [source(f"s{n}", 9, "/small", {"length": "day", "start": date(2)}) for n in range(count)])
        wait_until("all sources to be known", lambda: part.daemon.get("/v1/sources?limit=10000")["sources"][-1]["state"] != "new", 60)
        part.daemon.stop()
        part.daemon.start()
        part.daemon.settle()
        wait_until("all sources to be known", lambda: part.daemon.get("/v1/sources?limit=10000")["sources"][-1]["state"] != "new", 60)
        after = part.anonymous_mib()
        cpu, begin = part.cpu_ns(), time.monotonic()
        wait_until("ten seconds to pass", lambda: time.monotonic() > begin + 10, 20)
        used = sum(spent(cpu, part.cpu_ns(), 1e9).values()) / (time.monotonic() - begin)
    print(f"| {count:,} sources idle: memory, less what a daemon without them has | {after - before:.0f} MiB (anonymous; {used * 100:.1f} % of a core) | ≤ 40 MiB |",
          flush=True)


def fast_per_s(part, vendor, seconds):
    """Readings a second, CPU time of each, and how long a source waits from one to the next."""
    vendor.intervals()
    before, cpu, begin = metric(part.daemon, TAKEN), part.cpu_ns(), time.monotonic()
    wait_until("some seconds to pass", lambda: time.monotonic() > begin + seconds, seconds + 10)
    passed = time.monotonic() - begin
    count = metric(part.daemon, TAKEN) - before
    return count / passed, spent(cpu, part.cpu_ns(), max(count, 1)), vendor.intervals()


def told(waits):
    return ", ".join(f"{name} {seconds:.3f} s" for name, seconds in waits.items())


def small(options, tools, count=2500):
    window = {"length": "hour", "start": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:00:00Z"), "open": "1s"}
    with Part(options, tools) as part, Vendor(part.daemon.root) as vendor:
        apply_sources(part.daemon, [source(f"s{n}", vendor.port, f"/small/{n}", window) for n in range(count)])
        wait_until("the first round", lambda: metric(part.daemon, TAKEN) >= count, 120)
        rate, cpu, waits = fast_per_s(part, vendor, options.seconds * 2)
        cells = ", ".join(f"{stage} {ns / 1000:.0f}" for stage, ns in cpu.items() if ns >= 1000)
        print(f"| small polls: {count:,} sources, each due every second | {rate:,.0f}/s; {sum(cpu.values()) / 1000:.0f} µs of CPU each ({cells}) | 2,000/s |", flush=True)
        print(f"| … from one poll of a source to its next | {told(waits)} | |", flush=True)
        slow = {"base_url": f"http://localhost:{vendor.port}", "limits": {}}  # another host: two requests at a time, as unless said
        apply_sources(part.daemon, [source(f"slow{n}", vendor.port, "/slow", window, **slow) for n in range(500)])
        wait_until("the slow ones are asked", lambda: any(row["reading"] for row in part.daemon.get("/v1/sources?limit=10000")["sources"]
                                                        if row["source"].startswith("slow")), 60)
        slowed, _, slowed_waits = fast_per_s(part, vendor, options.seconds * 2)
    print(f"| the same beside 500 sources at 1 B/s | {slowed:,.0f}/s: {(slowed - rate) / rate * 100:+.0f} % | −10 % |", flush=True)
    print(f"| … from one poll of a source to its next | {told(slowed_waits)}: p99 {(slowed_waits['p99'] / waits['p99'] - 1) * 100:+.0f} % | p99 +10 % |", flush=True)


def write_month(directory, rows, chance):
    """A month of rows as JSON and as gzip'ed CSV, and both once more with 1 % of them restated."""
    last = datetime.datetime.now(datetime.timezone.utc).replace(day=1) - datetime.timedelta(days=1)
    month = last.strftime("%Y-%m")
    changed = set(chance.sample(range(rows), rows // 100))
    for name, is_second in (("first", False), ("second", True)):
        with open(os.path.join(directory, f"{name}.json"), "w", encoding="ascii") as out, \
                gzip.open(os.path.join(directory, f"{name}.csv.gz"), "wt", compresslevel=1, encoding="ascii") as packed:
            out.write("[")
            packed.write("id,account,at,amount\n")
            for n in range(rows):
                amount = n % 97 + (1000 if is_second and n in changed else 1)
                at = f"{month}-{1 + n % 28:02d}T{n % 24:02d}:00:00Z"
                out.write(f'{"," if n else ""}{{"id":"{n}","account":"sub-{1 + n % 300}","at":"{at}","amount":{amount}}}\n')
                packed.write(f"{n},sub-{1 + n % 300},{at},{amount}\n")
            out.write("]")
    return month


def read_month(part, document, end_s, changes):
    """One reading more: seconds, and CPU by stage."""
    def window():
        answer = part.daemon.call("GET", f"/v1/sources/windows?source={document['key']}")
        rows = answer.json()["windows"] if answer.status == 200 else []
        return rows[0] if rows else {"readings": 0, "state": "new"}
    had = window()
    cpu = part.cpu_ns()
    rereads = [f"{int(time.time()) + 1 - end_s}s"] if had["readings"] else []
    part.daemon.apply({"sources": [{**document, "window": {**document["window"], "rereads": rereads + ["400d"]}}]})
    now = wait_until("the reading", lambda: (row := window())["readings"] > had["readings"] and row["state"] == "complete" and row, 900)
    assert now["changes"] - had.get("changes", 0) == changes, (had, now)
    began = datetime.datetime.fromisoformat(now["last_read_at"].replace("Z", "+00:00")).timestamp()
    return time.time() - began, spent(cpu, part.cpu_ns(), now["rows"])


def months(options, tools, rows, formats):
    end_s = int(datetime.datetime.now(datetime.timezone.utc).replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp())
    memory = {"listen": {"body_bytes_total_max": f"{max(512, rows * 128 >> 20)}MiB"}}
    for name, form, goal in formats:
        with Part(options, tools, memory) as part, Vendor(part.daemon.root) as vendor, Memory(part) as had:
            month = write_month(part.daemon.root, rows, random.Random(1))
            document = source("month", vendor.port, f"/file/now.{name}", {"length": "month", "start": f"{month}-01"}, format=form)
            path = os.path.join(part.daemon.root, f"now.{name}")
            for edition, what, changes, wanted in (("first", "mapped and committed", rows, goal), ("first", "again, unchanged", 0, "1,000,000/s"),
                                                   ("second", "again, 1 % restated", rows // 100, "10 M in 60 s")):
                shutil.copyfile(os.path.join(part.daemon.root, f"{edition}.{name}"), path + ".new")
                os.rename(path + ".new", path)
                part.daemon.settle(900)
                passed, cpu = read_month(part, document, end_s, changes)
                cells = ", ".join(f"{stage} {ns:.0f}" for stage, ns in cpu.items() if ns >= 1)
                print(f"| {rows:,} rows of {name}, {what} | {rows / passed:,.0f}/s, {passed:.1f} s; {sum(cpu.values()):.0f} ns of CPU a row ({cells}) | {wanted} |", flush=True)
            print(f"| … memory at most, with all that a daemon has | {part.anonymous_mib('VmHWM'):.0f} MiB: {had.told()} | "
                  f"of the reading 64 MiB and 32 B a row: {64 + (rows * 32 >> 20)} MiB |", flush=True)


def run(options, tools):
    """tools: memory_bytes and cpu_ns, as of run.py."""
    print("## Poller\n\n| | measured | goal |\n|---|---|---|")
    idle(options, tools)
    small(options, tools)
    months(options, tools, options.poller_rows, (("json", {"json": {"rows": "[]"}}, "500,000/s"), ("csv.gz", {"csv": {}}, "600,000/s")))
    print(flush=True)
