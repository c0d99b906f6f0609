"""meterd source test and record, against the simulator: the poller's own readings, which count for nothing.

Laws: what a trial maps is what the vendor published, by every paging and every login; a false reading has the name that the poller would give
it; nothing is written and no secret is shown, printed or recorded; what was recorded is read again to the same result, with the vendor gone.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from decimal import Decimal

sys.path.insert(0, os.path.dirname(__file__))
from harness import METERD, Daemon, skip, wait_until  # noqa: E402
try:
    import zstandard  # noqa: F401
except ImportError as missing:
    skip(f"{missing.name} is not installed")
from polled import ACCOUNTS, DAY_US, HOUR_US, SETTINGS, World, catalog_of  # noqa: E402
from vendor import every_dialect  # noqa: E402
from vendor.spelling import instant  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
ALL = every_dialect()
KINDS = [ALL[name] for name in ("none", "page", "offset", "cursor", "cursor-body", "next", "link", "csv-ru", "csv-zip", "prometheus", "inclusive",
                                "feed", "each", "absent", "auth-basic", "auth-basic-key", "auth-header", "auth-query", "auth-oauth2", "auth-login",
                                "auth-aws-sigv4", "auth-hmac", "parts", "parts-zstd", "s3")]
NAMES = [dialect.name for dialect in KINDS]


def sums_of(rows):
    """Rows of one series and instant are one sample."""
    found = {}
    for row in rows:
        key = row.account, row.dimensions, row.start_us
        found[key] = row._replace(quantity=found[key].quantity + row.quantity) if key in found else row
    return list(found.values())


class Bench:
    """A vendor, documents in files, and a configuration whose data directory nobody has made."""

    def __init__(self):
        self.world = World(SEED, KINDS)
        self.daemon = self.world.daemon
        self.daemon.write_config()
        self.directory = tempfile.mkdtemp(prefix="meterd-trial-test-")
        self.day = self.world.date(self.world.from_us)
        self.catalog = self.write("catalog.json", catalog_of(NAMES, self.world.date(self.world.from_us - 40 * DAY_US)))

    def write(self, name, document):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document, f)
        return path

    def source(self, name, **more):
        return self.write(f"{name}.json", {"sources": [self.world.document(name, **more)]})

    def secrets(self):
        gates = [service.gate for service in self.world.vendor.services.values()]
        return {text for gate in gates for text in [*gate.files.values(), *getattr(gate, "tokens", ())]}

    def command(self, *words, code=0):
        done = self.daemon.command("source", *words, check=False)
        assert done.returncode == code, (words, done.returncode, done.stdout[-3000:], done.stderr)
        leaked = [secret for secret in self.secrets() if secret in done.stdout + done.stderr]
        assert not leaked, (words, leaked)
        assert not os.path.exists(self.daemon.data), "a trial writes nothing"
        return done

    def read(self, name, *words, code=0, **more):
        """The readings of a trial, as JSON."""
        window = () if "--answers" in words or self.world.dialects[name].length == "cursor" else ("--from", self.day)
        done = self.command("test", self.source(name, **more), self.catalog, *window, "--json", *words, code=code)
        return json.loads(done.stdout, parse_float=str)["readings"]

    def published(self, name, beyond_us=0):
        service, dialect = self.world.vendor.services[name], self.world.dialects[name]
        if dialect.length == "cursor":
            return service.truth.rows(0, 1 << 62)
        from_us = self.world.ends(dialect)[0]
        account = sorted(ACCOUNTS)[0] if dialect.each else None
        rows = service.truth.rows(from_us, from_us + DAY_US + beyond_us, account)
        return sums_of(rows) if dialect.is_prometheus else rows

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.world.vendor.stop()
        shutil.rmtree(self.directory)
        shutil.rmtree(self.daemon.root)


def check_every_kind(bench):
    for name in NAMES:
        (reading,) = bench.read(name)
        rows = bench.published(name)
        assert reading["result"] == "complete" and reading["mapped"] - reading["outside"] == len(rows) and not reading["findings"], (name, reading)
        shown = bench.published(name, HOUR_US)  # Prometheus is asked for an hour more
        for event in reading["events"]:
            (row,) = [row for row in shown if row.id == event["data"].get("row", row.id) and row.start_us == instant(event["time"])
                      and row.quantity == Decimal(event["data"]["quantity"])][:1]
            assert event["subject"] == row.account, (name, event, row)
        exchange = reading["exchanges"][-1]
        assert exchange["status"] == 200 or name == "absent", (name, exchange)


# Faults that stay, by the names that the poller gives them (test_poller_faults.py).
FAULTS = [
    ("cursor", "aba", "loop", 1), ("page", "skip_page", "loop", 1), ("cursor", "skip_page", "incomplete", 1), ("offset", "repeat_page", "loop", 1),
    ("next", "endless", "loop", 1), ("link", "foreign_link", "incomplete", 1), ("none", "partial", "incomplete", 1), ("none", "nan", "failing", 1),
    ("none", "html", "failing", 1), ("none", "redirect", "failing", 1), ("auth-oauth2", "unauthorized", "auth", 1),
]


def check_faults(bench):
    for name, fault, alarm, code in FAULTS:
        bench.world.vendor.chaos.script(name, fault, times=200)
        (reading,) = bench.read(name, code=code)
        bench.world.vendor.chaos.set({})
        assert reading["alarm"] == alarm and reading["problem"], (name, fault, reading)
    assert not bench.world.vendor.trapped


def check_findings(bench):
    """What the intake would say, without an intake."""
    (reading,) = bench.read("none", map={"subject": "=nobody"})
    (finding,) = reading["findings"]
    assert finding["result"] == "held" and finding["rows"] == reading["mapped"] and "nobody" in finding["text"], finding
    (reading,) = bench.read("none", code=1, map={"data": {"quantity": "lineId"}})
    (finding,) = reading["findings"]
    assert finding["result"] == "invalid" and finding["field"] == "data.quantity" and finding["code"], finding
    (reading,) = bench.read("none", code=1, map={"time": {"path": "plan", "format": "rfc3339"}})
    assert reading["unmapped"] == reading["rows"] and {finding["field"] for finding in reading["findings"]} == {"time"}, reading
    (reading,) = bench.read("none", guard={"rows_max": 5}, code=1)
    assert reading["alarm"] == "limit", reading
    alone = bench.command("test", bench.source("none"), "--from", bench.day)
    assert "no subscription of acme is known" in alone.stderr and "complete" in alone.stdout


def check_recordings(bench):
    """The vendor's answers are worth as much as the vendor."""
    recorded = {}
    for name in NAMES:
        directory = os.path.join(bench.directory, f"{name}.answers")
        window = () if bench.world.dialects[name].length == "cursor" else ("--from", bench.day)
        bench.command("record", bench.source(name), directory, bench.catalog, *window)
        recorded[name] = directory
    for directory in recorded.values():
        for file in os.listdir(directory):
            with open(os.path.join(directory, file), "rb") as f:
                content = f.read()
            assert not [secret for secret in bench.secrets() if secret.encode() in content], (directory, file)
            assert b"/oauth/token" not in content and b"/v3/auth" not in content, "tokens are not recorded"
    live = {name: bench.read(name) for name in NAMES}
    shutil.rmtree(bench.daemon.root)  # its secret files with it
    os.mkdir(bench.daemon.root)
    bench.daemon.write_config()
    bench.world.vendor.stop()
    for name, directory in recorded.items():
        more = bench.read(name, "--answers", directory)[:1]
        said = [{key: value for key, value in reading.items() if key != "exchanges"} for reading in (live[name][0], more[0])]
        assert said[0] == said[1], (name, said)


def check_edited(bench):
    """Recorded answers are texts; what nobody recorded is not there, and no network is asked instead."""
    directory = os.path.join(bench.directory, "cursor.answers")
    bodies = sorted(file for file in os.listdir(directory) if file.endswith(".body"))
    with open(os.path.join(directory, bodies[-1]), encoding="utf-8") as f:
        page = json.load(f, parse_float=str)
    page["data"][0]["items"].pop()
    with open(os.path.join(directory, bodies[-1]), "w", encoding="utf-8") as f:
        json.dump(page, f)
    (reading,) = bench.read("cursor", "--answers", directory, code=1)
    assert reading["alarm"] == "incomplete", reading
    (reading,) = bench.read("cursor", "--answers", directory, "--from", "2020-01-01", code=1)
    assert "no answer to this request was recorded" in reading["problem"], reading
    with open(os.path.join(directory, "recording.json"), encoding="utf-8") as f:
        index = json.load(f)
    index["answers"][0]["file"] = "../recording.json"
    with open(os.path.join(directory, "recording.json"), "w", encoding="utf-8") as f:
        json.dump(index, f)
    done = bench.daemon.command("source", "test", bench.source("cursor"), "--answers", directory, check=False)
    assert done.returncode == 1 and "a name in the same directory" in done.stderr, done


def check_usage(bench):
    both = bench.write("both.json", {"sources": [bench.world.document("none"), bench.world.document("page")]})
    assert "--source KEY" in bench.command("test", both, code=64).stderr
    bench.command("test", both, "--source", "page", "--from", bench.day)
    bench.command("test", both, "--source", "pages", code=64)
    assert "--to wants a --from" in bench.command("test", bench.source("none"), "--to", bench.day, code=64).stderr
    bench.command("test", bench.source("none", map={"colour": "x"}), code=78)
    bench.command("record", bench.source("none"), bench.directory, code=64)
    bench.command("test", "no-such-source", code=1)  # neither a file, nor a key to ask the daemon with
    closed = bench.daemon.command("source", "test", bench.source("none"), "--from", bench.day, "--set", "poller.allow_loopback=false", check=False)
    assert closed.returncode == 1 and "is not a public address: `poller.allow_loopback` says" in closed.stdout, closed
    values = bench.read("each", "--each", ACCOUNTS[1])
    assert [reading["each"] for reading in values] == [ACCOUNTS[1]]
    days = bench.command("test", bench.source("none"), "--from", bench.day, "--to", bench.world.date(bench.world.to_us), "--json")
    assert len(json.loads(days.stdout)["readings"]) == 2


def check_interrupt(bench):
    """Ctrl-C ends a trial that waits, and leaves nothing behind."""
    service = bench.world.vendor.services["none"]
    for verb in ("test", "certify"):
        bench.world.vendor.chaos.script("none", "hang", times=3)
        process = subprocess.Popen([METERD, "-c", bench.daemon.config, "source", verb, bench.source("none"), "--from", bench.day],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until("the vendor is asked", lambda: service.in_flight)
        files = [os.path.realpath(f"/proc/{process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{process.pid}/fd")]
        own = [file for file in files if file.startswith("/tmp/meterd-trial-")]
        assert own, files
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 1 and b"interrupted" in said, said
        bench.world.vendor.chaos.set({})
        assert not [file for file in own if os.path.exists(os.path.dirname(os.path.dirname(file)))], own


def check_key():
    """Of a daemon: the document, and whose the rows are, are what is in force."""
    with World(SEED, [ALL["none"], ALL["auth-oauth2-refresh"]]) as world:
        world.daemon = Daemon(SETTINGS)
        world.begin()
        world.drain()
        before = world.daemon.status()["log"]["last_seq"]
        day = world.date(world.from_us)
        done = world.daemon.command("source", "test", "none", "--from", day, "--json")
        (reading,) = json.loads(done.stdout)["readings"]
        assert reading["mapped"] and not reading["findings"], reading
        refused = world.daemon.command("source", "test", "auth-oauth2-refresh", "--from", day, check=False)
        assert refused.returncode == 1 and "locked out" in refused.stderr, refused
        assert world.daemon.status()["log"]["last_seq"] == before
        world.drain()


print(f"seed {SEED}")
with Bench() as at_work:
    check_usage(at_work)
    check_every_kind(at_work)
    check_faults(at_work)
    check_findings(at_work)
    check_interrupt(at_work)
    check_recordings(at_work)
    check_edited(at_work)
check_key()
print(f"{len(NAMES)} kinds of vendors tried and recorded, {len(FAULTS)} faults told by their names")
