"""scripts/bench --beside, speed: the same answer of the same vendor, taken by meterd, by a Singer tap into a file, and by Redpanda Connect's engine into
a file; and then once more, which shows what each of them makes of rows that it has had. METERD_PEERS: where scripts/setup peers puts the others.
"""
import datetime
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections import namedtuple
from decimal import Decimal

import poller

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
PLACE = os.environ.get("METERD_PEERS", os.path.expanduser("~/.cache/meterd-peers"))
Taken = namedtuple("Taken", "seconds cpu_s")


def pipe(commands, environment=None):
    """Programs, each of which reads what the one before writes: from the first one's start until all have ended; CPU time of all."""
    began, before, source = time.monotonic(), os.times(), subprocess.DEVNULL
    processes = []
    with tempfile.TemporaryFile() as errors:
        for number, words in enumerate(commands):
            is_last = number == len(commands) - 1
            processes.append(subprocess.Popen(words, stdin=source, stdout=subprocess.DEVNULL if is_last else subprocess.PIPE, stderr=errors,
                                              env={**os.environ, **(environment or {})}))
            source = processes[-1].stdout
        for process in processes[:-1]:
            process.stdout.close()
        codes = [process.wait(3600) for process in processes]
        errors.seek(0)
        if any(codes):
            raise AssertionError((commands, codes, errors.read()[-2000:].decode(errors="replace")))
    after = os.times()
    return Taken(time.monotonic() - began, after.children_user + after.children_system - before.children_user - before.children_system)


def lines(directory):
    total = 0
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as f:
            total += sum(piece.count(b"\n") for piece in iter(lambda: f.read(1 << 20), b""))
    return total


class Singer:
    name, tells = "a tap of Meltano's Singer SDK, target-jsonl", "at least once: a bookmark of the newest time, no rows known, none taken back"

    def __init__(self, url, directory):
        self.url, self.directory = url, directory
        self.out = os.path.join(directory, "singer")
        os.mkdir(self.out)
        self.python, self.target = os.path.join(PLACE, "singer", "bin", "python"), os.path.join(PLACE, "target", "bin", "target-jsonl")

    def missing(self):
        return None if os.path.exists(self.python) and os.path.exists(self.target) else f"{PLACE}/singer is not there (scripts/setup peers makes it)"

    def take(self):
        configs = []
        for name, config in (("tap", {"url": self.url}), ("target", {"destination_path": self.out, "do_timestamp_file": False})):
            configs.append(os.path.join(self.directory, f"{name}.config"))
            with open(configs[-1], "w", encoding="ascii") as f:
                json.dump(config, f)
        return pipe([[self.python, os.path.join(HERE, "tap.py"), "--config", configs[0]], [self.target, "--config", configs[1]]])

    def stored(self):
        return lines(self.out)


class Redpanda:
    name, tells = "Redpanda Connect's engine (Benthos), a file", "at least once: nothing is known of rows, nothing is synced"

    def __init__(self, url, directory):
        self.url, self.program, self.out = url, os.path.join(PLACE, "benthos"), os.path.join(directory, "redpanda")
        os.mkdir(self.out)

    def missing(self):
        return None if os.path.exists(self.program) else f"{self.program} is not there (scripts/setup peers builds it, where there is a Go of 1.25)"

    def take(self):
        out = os.path.join(self.out, f"{len(os.listdir(self.out))}.jsonl")
        return pipe([[self.program, "run", os.path.join(HERE, "redpanda", "usage.yaml")]], {"URL": self.url, "OUT": out})

    def stored(self):
        return lines(self.out)


class Meterd:
    """From when it asks until the last row is committed and the window complete; its CPU time is that of the whole daemon, fold and rating too."""
    name, tells = "meterd", "exactly once: unchanged rows are known, restated and vanished ones are differences, each commit is synced"

    def __init__(self, part, vendor, month, rows):
        self.part, self.rows, self.readings = part, rows, 0
        self.document = poller.source("month", vendor.port, "/file/now.json", {"length": "month", "start": f"{month}-01"}, format={"json": {"rows": "[]"}})
        self.end_s = int(datetime.datetime.now(datetime.timezone.utc).replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp())

    def missing(self):
        return None

    def take(self):
        self.part.daemon.settle(900)
        seconds, cpu = poller.read_month(self.part, self.document, self.end_s, 0 if self.readings else self.rows)
        self.readings += 1
        return Taken(seconds, sum(cpu.values()) * self.rows / 1e9)

    def stored(self):
        """As the ledger has them; what is billed is the sum of each once."""
        self.part.daemon.settle(900)
        usage = self.part.daemon.get("/v1/usage?window=total&from=2020-01-01&to=2199-01-01")["rows"]
        assert sum(Decimal(row["quantity"]) for row in usage) == sum(n % 97 + 1 for n in range(self.rows))
        return self.part.daemon.get("/v1/sources/windows?source=month")["windows"][0]["rows"]


def speed(options, tools):
    rows = options.beside_rows
    print(f"## Beside others: {rows:,} rows of JSON in one answer, mapped\n\n| | rows/s | CPU µs a row | the same answer again: rows/s "
          "| rows stored after both | what it promises |\n|---|---:|---:|---:|---:|---|", flush=True)
    skipped = []
    with poller.Part(options, tools) as part, poller.Vendor(part.daemon.root) as vendor:
        root = part.daemon.root
        month = poller.write_month(root, rows, random.Random(1))
        shutil.copyfile(os.path.join(root, "first.json"), os.path.join(root, "now.json"))
        url = f"http://127.0.0.1:{vendor.port}/file/now.json"
        for one in (Meterd(part, vendor, month, rows), Singer(url, root), Redpanda(url, root)):
            if one.missing():
                skipped.append(f"skipped: {one.name}: {one.missing()}")
                continue
            first, second = one.take(), one.take()
            print(f"| {one.name} | {rows / first.seconds:,.0f} | {first.cpu_s / rows * 1e6:.1f} | {rows / second.seconds:,.0f} | {one.stored():,} "
                  f"| {one.tells} |", flush=True)
    print("\n" + "".join(f"{line}\n\n" for line in skipped), end="", flush=True)
