"""The rows of scripts/bench: one daemon for each row, load from bench/loadgen, figures of every thread from /proc, a Markdown report.

Standard library only. A row's daemon has a data directory of its own, so that its disk bytes and memory are its own. CPU times are
utime + stime of each thread over the row, from the first request until everything is folded and rated.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
sys.path.insert(0, os.path.join(ROOT, "bench"))
from harness import BUILD, Daemon, wait_until  # noqa: E402
import beside  # noqa: E402
import poller  # noqa: E402
import postgres  # noqa: E402

LOADGEN = os.path.join(BUILD, "bench", "loadgen")
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
SUBSCRIPTIONS = 300
STAGES = ["loop", "pool", "writer", "sealer", "aggregator", "rater", "other"]

# name, format, events of a request, connections
ROWS = [
    ("msgpack 1,000", "msgpack", 1000, 8),
    ("msgpack 10,000", "msgpack", 10000, 4),
    ("NDJSON 1,000", "ndjson", 1000, 8),
    ("NDJSON 10,000", "ndjson", 10000, 4),
    ("JSON 1,000", "json", 1000, 8),
    ("single events", "json", 1, 64),
]
MICRO = [("bench_decode", []), ("bench_dedup", []), ("bench_schedule", []), ("bench_intake", ["400", "1000"]), ("bench_price", ["1", "1000", "12"])]


def catalog():
    """One vendor, one service with three meters, a few hundred subscriptions."""
    start = time.strftime("%Y-%m-01", time.gmtime(time.time() - 40 * 86400))
    meters = [("cpu", "compute.cpu", "sum"), ("egress", "network.egress", "sum"), ("peak", "storage.peak", "max")]
    return {
        "vendors": [{"key": "bench"}],
        "services": [{"key": "cloud", "vendor": "bench"}],
        "meters": [{"key": key, "service": "cloud", "event_type": kind, "aggregation": how, "value": "amount", "group_by": ["region"]}
                   for key, kind, how in meters],
        "tariffs": [{"key": "standard", "currency": "EUR", "versions": [{"from": start, "components": [
            {"key": key, "meter": key, "per_unit": "0.001"} for key, _, _ in meters]}]}],
        "subscriptions": [{"key": f"sub-{n}", "service": "cloud", "customer": f"customer-{n % 97}", "tariff": "standard", "start": start}
                          for n in range(SUBSCRIPTIONS)],
    }


# ---- what /proc tells ----

def stage_of(pid, tid, name):
    """Threads name themselves; libuv's pool keeps the program's name."""
    if tid == pid:
        return "loop"
    if name in STAGES:
        return name
    return "pool" if name == "meterd" else "other"


def cpu_ns(pid):
    """CPU time by stage: (user + system, system alone)."""
    times = {stage: [0, 0] for stage in STAGES}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/stat") as f:
            text = f.read()
        name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        stage = times[stage_of(pid, int(tid), name)]
        stage[0] += (int(rest[11]) + int(rest[12])) * TICK_NS
        stage[1] += int(rest[12]) * TICK_NS
    return times


def memory_bytes(pid, field):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(field + ":"))


def disk_bytes(directory):
    """Pages that hold something: files are preallocated with zeros, which say nothing."""
    page = bytes(4096)
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                while piece := f.read(1 << 20):
                    total += sum(4096 for at in range(0, len(piece), 4096) if piece[at:at + 4096] != page)
    return total


# ---- the machine ----

def first_line(path, pattern):
    with open(path) as f:
        return next((m.group(1).strip() for m in (re.match(pattern, line) for line in f) if m), "unknown")


def sync_rate(directory):
    """4 KiB written in place and fdatasync'ed: times a second."""
    path = os.path.join(directory, "sync")
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, bytes(1 << 20))
    os.fsync(fd)
    count, begin = 0, time.monotonic()
    while time.monotonic() - begin < 1:
        os.pwrite(fd, os.urandom(4096), count % 256 * 4096)
        os.fdatasync(fd)
        count += 1
    os.close(fd)
    os.unlink(path)
    return count


def file_system(directory):
    words = subprocess.run(["df", "--output=fstype,source", directory], capture_output=True, text=True, check=True).stdout.split()
    return words[-2]


def print_machine(directory):
    with open("/etc/os-release") as f:
        system = re.search(r'PRETTY_NAME="(.*)"', f.read()).group(1)
    print("## Machine\n")
    print("| | |\n|---|---|")
    print("| CPU |", first_line("/proc/cpuinfo", r"model name\s*:\s*(.*)") + f", {os.cpu_count()} cores |")
    print("| memory |", int(first_line("/proc/meminfo", r"MemTotal:\s*(\d+)")) // (1 << 20), "GiB |")
    print(f"| system | {system}, Linux {os.uname().release} |")
    print(f"| disk | {file_system(directory)}, {sync_rate(directory)} synced 4 KiB writes a second |")
    print(f"| load before | {os.getloadavg()[0]:.2f} |\n", flush=True)


# ---- one row ----

def wait_folded(daemon):
    """When everything in the log is folded: the moment it was seen."""
    def folded():
        status = daemon.status()
        return status["aggregator"]["next_seq"] == status["log"]["last_seq"] + 1
    wait_until("the rollups", folded, 600)
    return time.monotonic()


def run_row(row, options):
    name, form, batch, connections = row
    root = tempfile.mkdtemp(prefix="meterd-bench-", dir=options.directory)
    daemon = Daemon({"log": {"segment_bytes": "256MiB"}, "logline": {"level": "warning"}}, directory=root)
    try:
        daemon.start()
        daemon.apply(catalog())
        daemon.vendor_key("bench")
        daemon.settle()
        pid = daemon.process.pid
        before, begin = cpu_ns(pid), time.monotonic()
        load = subprocess.run([LOADGEN, "--url", f"http://127.0.0.1:{daemon.port}", "--key-file", os.path.join(root, "bench.key"), "--format", form,
                               "--batch", str(batch), "--connections", str(connections), "--seconds", str(options.seconds),
                               "--subjects", str(SUBSCRIPTIONS)], stdout=subprocess.PIPE, text=True, check=True)
        figures = json.loads(load.stdout)
        folded = wait_folded(daemon) - begin
        daemon.settle(600)
        after = cpu_ns(pid)
        events = figures["events"]
        figures.update(
            name=name,
            folded_per_s=events / folded,
            cpu={stage: (after[stage][0] - before[stage][0]) / events for stage in STAGES},
            system={stage: (after[stage][1] - before[stage][1]) / events for stage in STAGES},
            rss=memory_bytes(pid, "VmRSS"), rss_anon=memory_bytes(pid, "RssAnon"), peak=memory_bytes(pid, "VmHWM"),
            last_seq=daemon.status()["log"]["last_seq"])
        daemon.stop()
        figures["disk"] = disk_bytes(daemon.data)
        if figures["last_seq"] != events:
            raise AssertionError(f"{name}: {events} events were acknowledged, {figures['last_seq']} are in the log")
        return figures
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()
        shutil.rmtree(root)


def median_run(row, options):
    runs = [run_row(row, options) for _ in range(options.repeat)]
    middle = statistics.median_low(run["events_per_s"] for run in runs)
    chosen = next(run for run in runs if run["events_per_s"] == middle)
    chosen["least"], chosen["most"] = min(run["events_per_s"] for run in runs), max(run["events_per_s"] for run in runs)
    return chosen


def thousands(number):
    return f"{number:,.0f}"


def print_rows(results, options):
    print("## meterd\n")
    print(f"Each row {options.seconds} s" + (f", median of {options.repeat} runs" if options.repeat > 1 else "")
          + ". Every acknowledged event is on disk (fdatasync), deduplicated, and was folded into rollups before the row ended.\n")
    print("| requests of | events/s acknowledged | requests/s | events/s through rollups | ack p50 ms | p90 | p99 | max |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for r in results:
        spread = f" ({thousands(r['least'])}–{thousands(r['most'])})" if options.repeat > 1 else ""
        print(f"| {r['name']} | {thousands(r['events_per_s'])}{spread} | {thousands(r['requests_per_s'])} | {thousands(r['folded_per_s'])} "
              f"| {r['p50_ms']:.2f} | {r['p90_ms']:.2f} | {r['p99_ms']:.2f} | {r['max_ms']:.0f} |")
    print("\nCPU time per event in ns, user and system (system alone), by stage; the client beside it on the same cores.\n")
    print("| requests of | " + " | ".join(STAGES[:-1]) + " | all of meterd | client |")
    print("|---|" + "---:|" * (len(STAGES) + 1))
    for r in results:
        cells = [f"{thousands(r['cpu'][s])} ({thousands(r['system'][s])})" for s in STAGES[:-1]]
        print(f"| {r['name']} | " + " | ".join(cells) + f" | {thousands(sum(r['cpu'].values()))} | {thousands(r['cpu_ns_per_event'])} |")
    print("\n| requests of | events | body bytes per event | disk bytes per event | RSS MiB, of it anonymous | peak RSS MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    for r in results:
        print(f"| {r['name']} | {thousands(r['events'])} | {r['body_bytes'] / r['events']:.0f} | {r['disk'] / r['events']:.0f} "
              f"| {r['rss'] >> 20}, {r['rss_anon'] >> 20} | {r['peak'] >> 20} |")
    print(flush=True)


def print_micro():
    print("## Single parts\n")
    for name, arguments in MICRO:
        directory = tempfile.mkdtemp(prefix="meterd-bench-")
        done = subprocess.run([os.path.join(BUILD, "bench", name), *arguments, *([directory] if arguments else [])], stdout=subprocess.PIPE,
                              text=True, check=True)
        shutil.rmtree(directory)
        print(f"```\n{name}: " + "\n".join(line for line in done.stdout.split("\n") if not line.startswith("left in")).strip() + "\n```\n", flush=True)


def parse():
    parser = argparse.ArgumentParser(prog="scripts/bench", allow_abbrev=False)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--rows", default="")
    parser.add_argument("--directory", default=None)
    parser.add_argument("--with-postgres", action="store_true")
    parser.add_argument("--poller", action="store_true")
    parser.add_argument("--poller-rows", type=int, default=1000000)
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--beside-kills", type=int, default=60)
    parser.add_argument("--beside-hours", type=int, default=480)
    parser.add_argument("--beside-rows", type=int, default=200000)
    parser.add_argument("--beside-seed", type=int, default=1)
    parser.add_argument("--micro", action="store_true")
    parser.add_argument("--json", metavar="FILE", help="all figures of the rows, too")
    return parser.parse_args()


def main():
    options = parse()
    print("# meterd: measured by scripts/bench\n")
    print_machine(options.directory or tempfile.gettempdir())
    rows = [row for row in ROWS if re.search(options.rows, row[0])]
    results = [median_run(row, options) for row in rows]
    if results:
        print_rows(results, options)
    if options.poller:
        poller.run(options, sys.modules[__name__])
    if options.beside:
        beside.run(options, sys.modules[__name__])
    if options.json:
        with open(options.json, "w") as f:
            json.dump(results, f, indent=1)
    if options.micro:
        print_micro()
    if options.with_postgres:
        postgres.run(options.directory)


if __name__ == "__main__":
    main()
