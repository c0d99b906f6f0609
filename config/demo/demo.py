#!/usr/bin/python3
"""Runs the demo with a meterd that is built: scripts/demo is the way in.

Starts a receiver, a vendor's API, the daemon and an agent on loopback; loads a month of history while billing periods stay open, and polls the
vendor; lets periods close; sends what comes late, and has the vendor restate a day; shows usage, charges, an explanation and the receiver's books, and checks them. Ends only processes that it started: their ids
stand in build/demo/pids with the moment of their start, so that a number used again is never taken for one of them.
"""
import base64
import datetime
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from decimal import Decimal

ROOT = os.getcwd()
DEMO = os.path.join(ROOT, "build", "demo")
BINARY = os.path.join(ROOT, "build", "release", "meterd")
HERE = os.path.join("config", "demo")
RELATIVE = os.path.join("build", "demo")
SHORT = os.path.join(RELATIVE, "meterd")  # the binary with the demo's configuration
PIDS = os.path.join(DEMO, "pids")
VENDORS = ("indus", "aurora", "rhein")
HISTORY_GRACE, GRACE = "40d", "30s"
WAIT_S = 90
TERMINAL = sys.stdout.isatty()

os.environ.pop("METERD_KEY", None)
os.environ.pop("METERD_URL", None)


def say(text=""):
    print(text, flush=True)


def step(text):
    say(f"\n== {text}")


def path(*names):
    return os.path.join(DEMO, *names)


# ---- processes ----

def started_at(pid):
    """When that process began, in clock ticks since boot; None when there is none, or only its remains that nobody has waited for."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def start(name, words):
    with open(path(f"{name}.log"), "ab") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    with open(PIDS, "a", encoding="ascii") as file:
        file.write(f"{name} {process.pid} {started_at(process.pid)}\n")
    return process


def stop_all(only=None):
    """Ends what stands in the pids file, and nothing else: SIGTERM, and a wait until it is gone."""
    rows, stopped = [], []
    if os.path.exists(PIDS):
        with open(PIDS, encoding="ascii") as file:
            rows = [line.split() for line in file]
    for name, pid, began in reversed(rows):
        if only not in (None, name) or started_at(pid) != began:
            continue
        os.kill(int(pid), signal.SIGTERM)
        end = time.monotonic() + 30
        while started_at(pid) == began and time.monotonic() < end:
            time.sleep(0.02)
        stopped.append(name)
    if only is None and os.path.exists(PIDS):
        os.remove(PIDS)
    return stopped


def free_port(wanted=0):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return probe.getsockname()[1]


# ---- meterd ----

def meterd(*words, check=True, capture=False):
    """One command of the program. Its output goes to the terminal, or is returned."""
    sys.stdout.flush()
    done = subprocess.run([BINARY, "-c", path("meterd.yaml"), *words], check=False, text=True,
                          stdout=subprocess.PIPE if capture else None)
    if check and done.returncode != 0:
        sys.exit(f"demo: meterd {' '.join(words)} ended with {done.returncode}; the daemon's lines are in build/demo/daemon.log")
    return done.stdout if capture else done.returncode


def show(*words, rows=None, check=True):
    """A command as one would type it, and what it prints; with `rows`, the first lines of it."""
    say(f"$ {SHORT} {' '.join(words)}")
    if rows is None:
        return meterd(*words, check=check)
    lines = meterd(*words, capture=True, check=check).splitlines()
    for line in lines[:rows + 1]:
        say(line.rstrip())
    if len(lines) > rows + 1:
        say(f"… {len(lines) - rows - 1} more")
    return 0


def data(*words):
    return json.loads(meterd(*words, "--json", capture=True), parse_float=str)


def http_get(port, target, key=None, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, target, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def days_ago(days):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)).strftime("%Y-%m-%d")


class Progress:
    """One line that is redrawn on a terminal; without one, nothing until the end."""

    def __init__(self):
        self.began = time.monotonic()

    def draw(self, text):
        if TERMINAL:
            sys.stdout.write(f"\r{text}\x1b[K")
            sys.stdout.flush()

    def end(self, text):
        if TERMINAL:
            sys.stdout.write("\r\x1b[K")
        say(f"{text} ({time.monotonic() - self.began:.1f} s)")


def bar(done, total):
    filled = 30 if done >= total else 30 * done // max(1, total)
    colour, plain = ("\x1b[36m", "\x1b[0m") if not os.environ.get("NO_COLOR") else ("", "")
    return f"{colour}{'#' * filled}{'.' * (30 - filled)}{plain} {filled * 100 // 30:3} %"


class Demo:
    def __init__(self):
        self.port, self.admin_port, self.receiver_port = free_port(8787), free_port(8788), free_port(8790)
        self.vendor_port = free_port(8791)
        self.key = self.agent = None

    def write_config(self, grace):
        config = {
            "data": {"directory": path("data")},
            "listen": {"address": "127.0.0.1", "port": self.port},
            "admin": {"address": "127.0.0.1", "port": self.admin_port},
            "log": {"segment_bytes": "128MiB"},
            "rater": {"grace": grace, "draft_every": "5s"},
            "outbox": {"allow_loopback": True, "secrets_directory": path(".")},
            "poller": {"allow_loopback": True},
        }
        with open(path("meterd.yaml"), "w", encoding="ascii") as file:
            json.dump(config, file, indent=1)

    def wait(self, what, condition, seconds=WAIT_S):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        sys.exit(f"demo: waited {seconds} s for {what}; the daemon's lines are in build/demo/daemon.log")

    def start_daemon(self):
        process = start("daemon", [BINARY, "-c", path("meterd.yaml"), "run"])

        def ready():
            if process.poll() is not None:
                with open(path("daemon.log"), encoding="utf-8", errors="replace") as file:
                    sys.exit(f"demo: meterd ended with {process.returncode}:\n{file.read()[-2000:]}")
            try:
                return http_get(self.admin_port, "/readyz")[0] == 200
            except OSError:
                return False
        self.wait("the daemon", ready)
        with open(path("data", "admin.key"), encoding="ascii") as file:
            self.key = file.read().strip()

    def status(self):
        return json.loads(http_get(self.port, "/v1/status", self.key)[1])

    def metrics(self):
        text = http_get(self.admin_port, "/metrics")[1]
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: int(value) for name, value in pairs if value.isdigit()}

    def settle(self):
        """Waits until all that the log holds now is folded and rated, and shows how far it is."""
        progress = Progress()
        last = self.status()["log"]["last_seq"]

        def settled():
            state = self.status()
            folded = min(last, state["aggregator"]["next_seq"] - 1)
            numbers = self.metrics()
            progress.draw(f"{bar(folded, last)}  {folded} of {last} events folded, {numbers.get('meterd_ratings_total', 0)} ratings, "
                          f"{numbers.get('meterd_charges_total', 0)} charges")
            return folded == last and state["rater"]["idle"]
        self.wait("the pipeline", settled)
        progress.end(f"{last} events folded and rated")

    def charges(self, after=0):
        """Every charge after that number, from the pull feed."""
        rows = []
        while True:
            page = json.loads(http_get(self.port, f"/v1/charges?after={after}&limit=10000", self.key)[1], parse_float=str)
            rows += page["charges"]
            after = page["next_after"]
            if not page["has_more"]:
                return rows

    def totals(self):
        with open(path("receiver.json"), encoding="ascii") as file:
            return json.load(file)

    def books(self, rows):
        """What the receiver must have booked: the same rule over the pull feed."""
        booked = {}
        for charge in rows:
            if charge["status"] == "draft":
                continue
            row = booked.setdefault(charge["currency"], {"final": Decimal(0), "correction": Decimal(0)})
            row[charge["status"]] += Decimal(charge["amount_total" if charge["status"] == "final" else "amount"])
        return booked

    def wait_delivered(self):
        """Until every final charge and correction was booked; the counts of the machine's own drafts do not matter."""
        progress = Progress()

        def delivered():
            wanted = sum(charge["status"] != "draft" for charge in self.charges())
            taken = self.totals()["charges"]
            progress.draw(f"{bar(taken, wanted)}  {taken} of {wanted} charges delivered")
            return taken == wanted and taken
        taken = self.wait("the deliveries", delivered)
        progress.end(f"{taken} charges delivered to the receiver")


def prepare():
    if stop_all():
        say("stopped the demo that was still running")
    if os.path.exists(os.path.join(DEMO, "data")) or os.path.exists(path("meterd.yaml")):
        shutil.rmtree(DEMO)
    os.makedirs(DEMO, exist_ok=True)
    with open(path("meterd"), "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\nexec '{BINARY}' -c '{path('meterd.yaml')}' \"$@\"\n")
    os.chmod(path("meterd"), 0o755)


def write_secret(name, prefix=""):
    with open(os.open(path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(prefix + base64.b64encode(os.urandom(32)).decode() + "\n")


def source(demo, *rereads):
    """How the vendor's usage is fetched; rereads: so long behind a day's end it is asked once more."""
    return {
        "key": "nordlys-usage", "vendor": "nordlys", "preset": "rest", "base_url": f"http://127.0.0.1:{demo.vendor_port}",
        "schedule": {"every": "1s", "jitter": "0s"}, "window": {"length": "day", "start": days_ago(3), "lateness": "0s", "rereads": [*rereads, "10d"]},
        "request": {"path": "/v1/usage", "query": {"day": "{from:%Y-%m-%d}"}}, "auth": {"header": {"secret_file": path("nordlys.token")}},
        "paging": {"cursor": {"path": "next", "send": "query.cursor"}}, "format": {"json": {"rows": "rows[]"}}, "complete": {"count": "count"},
        "identity": {"id": "id"}, "map": {"type": "=backup.stored", "subject": "account", "time": "at", "data": {"gib": "gib", "tier": "tier"}}}


def begin(demo):
    step("start meterd, a receiver of charges, a vendor's API and an agent that meters this machine")
    write_secret("webhook.secret", "whsec_")
    write_secret("nordlys.token")
    start("receiver", [sys.executable, os.path.join(HERE, "receiver.py"), "--port", str(demo.receiver_port), "--secret-file",
                       path("webhook.secret"), "--totals", path("receiver.json"), "--stumble", "5"])
    start("vendor", [sys.executable, os.path.join(HERE, "vendor_api.py"), "--port", str(demo.vendor_port), "--secret-file", path("nordlys.token"),
                     "--days", days_ago(3), days_ago(2), days_ago(1)])
    demo.write_config(HISTORY_GRACE)
    demo.start_daemon()
    today = days_ago(0)
    with open(os.path.join(HERE, "catalog.yaml"), encoding="utf-8") as file:
        catalog = file.read().replace("from: 2021-01-01", f"from: {days_ago(2)}")
    with open(path("catalog.yaml"), "w", encoding="utf-8") as file:
        file.write(catalog)
    extra = {
        "destinations": [{"key": "billing", "kind": "http", "url": f"http://127.0.0.1:{demo.receiver_port}/charges",
                          "secret_files": [path("webhook.secret")], "batch_max": 100}],
        "subscriptions": [{"key": "this-machine", "service": "host", "customer": "you", "tariff": "machine", "start": today}] + [
            {"key": f"nordlys-{i:03d}", "service": "backup", "customer": f"customer-{i:02d}", "tariff": "nordlys", "billing": {"every": "day"},
             "start": days_ago(3)} for i in range(1, 13)],
        "sources": [source(demo)],
    }
    with open(path("local.json"), "w", encoding="ascii") as file:
        json.dump(extra, file)
    show("apply", RELATIVE + "/catalog.yaml", RELATIVE + "/local.json")
    for vendor in ("machine",) + VENDORS:
        meterd("key", vendor, "--vendor", vendor, "--scope", "ingest", "--out", path(f"{vendor}.key"), capture=True)
    demo.agent = start("agent", [sys.executable, os.path.join(HERE, "agent.py"), "--url", f"http://127.0.0.1:{demo.port}", "--key-file",
                                 path("machine.key"), "--subject", "this-machine"])
    say(f"meterd listens on http://127.0.0.1:{demo.port}, the agent sends what the kernel counts each second")


def load(demo):
    step("a month of history: three vendors, 300 subscriptions, in INR, BRL and EUR")
    progress = Progress()
    subprocess.run([sys.executable, os.path.join(HERE, "history.py"), DEMO], check=True)
    progress.end("generated")
    show("apply", RELATIVE + "/subscriptions.json")
    for vendor in VENDORS:
        show("send", "--key-file", f"{RELATIVE}/{vendor}.key", f"{RELATIVE}/{vendor}.ndjson")
    demo.settle()


def polled(demo):
    """A vendor that is down since the demo began, and then leaves a page out; what the poller said of that stands in the daemon's log."""
    step("a vendor's API, polled: it is down since the demo began")
    in_vain = demo.wait("some polls in vain", lambda: [n for n in [int(http_get(demo.vendor_port, "/asked_in_vain")[1])] if n > 4])[0]
    say(f"asked {in_vain} times, it gave a page in HTML with status 200 each time. That is an alarm, and is not taken for no usage:")
    show("source", "list")
    step("the vendor is up again, and leaves a page out once: its days are read now, and again until they are whole")
    http_get(demo.vendor_port, "/up", method="POST")
    for _ in range(3):
        if show("source", "run", "nordlys-usage", "--from", days_ago(3), "--to", days_ago(0), check=False) == 0:
            break
    say("what the poller told meanwhile:")
    with open(path("daemon.log"), encoding="utf-8", errors="replace") as file:
        told = [line.strip() for line in file if " poller: source=nordlys-usage " in line]
    for line in told:
        say(line[line.index("source="):])
    show("source", "windows", "nordlys-usage")


def close_periods(demo):
    step(f"periods that are over become final (grace {HISTORY_GRACE} while history came in, now {GRACE})")
    stop_all(only="daemon")
    demo.write_config(GRACE)
    demo.start_daemon()
    demo.settle()
    demo.wait_delivered()


def hour_inside(start, end):
    """A full hour of the period, 30 hours behind its begin or, where it is shorter, its last one: at the end of a month history has only some hours
    of the month before."""
    start_s, end_s = (int(datetime.datetime.fromisoformat(moment).timestamp()) for moment in (start, end))
    first_s = -(-start_s // 3600) * 3600
    hours = min(30, (end_s - 1 - first_s) // 3600)
    return datetime.datetime.fromtimestamp(first_s + 3600 * hours, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def correct(demo):
    """One event that comes late and one that is taken back, both of a period that is closed."""
    step("what comes late becomes a correction: one late event, one that is taken back")
    rows = demo.charges()
    final = next(row for row in rows if row["status"] == "final" and row["subscription"] == "indus-007" and row["component"] == "vcpu")
    stamp = hour_inside(final["period_start"], final["period_end"])
    events = [
        {"id": f"indus-007/{stamp}/late", "source": "indus-usage", "type": "vm.hour", "subject": "indus-007", "time": stamp,
         "data": {"vcpus": 40, "calls": 0, "region": "mumbai"}},
        {"id": f"void/indus-008/{stamp}", "source": "indus-usage", "type": "meterd.void", "subject": "indus-008", "time": stamp,
         "data": {"id": f"indus-008/{stamp}"}},
    ]
    with open(path("late.ndjson"), "w", encoding="ascii") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)
    show("send", "--key-file", f"{RELATIVE}/indus.key", f"{RELATIVE}/late.ndjson")
    wanted = {"indus-007", "indus-008"}
    demo.wait("the corrections", lambda: wanted <= {row["subscription"] for row in demo.charges(rows[-1]["number"]) if row["status"] == "correction"})
    demo.wait_delivered()
    return next(row for row in demo.charges(rows[-1]["number"]) if row["status"] == "correction" and row["subscription"] == "indus-007")


def restate(demo):
    """The schedule would ask for yesterday again in some days; the document says: in a second."""
    step("the vendor restates yesterday, and it is read again: what changed is a correction")
    before = demo.charges()[-1]["number"]
    demo.wait("yesterday's final charges", lambda: {f"nordlys-{i:03d}" for i in range(1, 13)} <= {
        row["subscription"] for row in demo.charges() if row["status"] == "final" and row["period_start"].startswith(days_ago(1))})
    http_get(demo.vendor_port, f"/restate?day={days_ago(1)}", method="POST")
    end = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    passed_s = int((datetime.datetime.now(datetime.timezone.utc) - end).total_seconds())
    with open(path("reread.json"), "w", encoding="ascii") as file:
        json.dump({"sources": [source(demo, f"{passed_s + 1}s")]}, file)
    show("apply", RELATIVE + "/reread.json")
    demo.wait("the corrections", lambda: {"nordlys-001", "nordlys-002"} <= {
        row["subscription"] for row in demo.charges(before) if row["status"] == "correction"})
    demo.settle()
    show("source", "windows", "nordlys-usage")
    show("charges", "-s", "nordlys-001")
    demo.wait_delivered()


def is_as_published(demo):
    """Usage of the three days, against the vendor's own sums, to the last digit."""
    published = sum(json.loads(http_get(demo.vendor_port, f"/total?day={days_ago(n)}")[1])["hundredths"] for n in (1, 2, 3))
    rows = data("usage", "--vendor", "nordlys", "-w", "total", "--from", days_ago(3), "--to", days_ago(0))["rows"]
    billed = sum(Decimal(row["quantity"]) for row in rows)
    say(f"the vendor's own sum of its three days is {Decimal(published) / 100} GiB, and {billed} are billed")
    return billed * 100 == published


def tell(demo, correction):
    step("usage of this machine, as the kernel counted it since the demo began")
    if demo.agent.poll() is not None:
        sys.exit(f"demo: the agent ended with {demo.agent.returncode}; its lines are in build/demo/agent.log")
    show("usage", "-s", "this-machine", "-w", "total", "-g", "meter", "-g", "mode", "-g", "direction")
    step("usage of one vendor, by day of Asia/Kolkata and region")
    show("usage", "--vendor", "indus", "-m", "vcpu_hours", "-g", "region", "--from", f"{days_ago(3)}T00:00:00+05:30")
    step("charges of one subscription: drafts while the period runs, then final, then corrections; each is the difference to those before")
    show("charges", "-s", "indus-007")
    step("one charge explained")
    show("explain", str(correction["number"]))


def cents(amount):
    """With two digits when that says it all: lines of a tariff that rounds its total have more, and its rounding line."""
    rounded = amount.quantize(Decimal("0.01"))
    return str(rounded if rounded == amount else amount)


def compare(demo):
    step("the receiver's books, against the charges")
    totals = demo.totals()
    booked = demo.books(demo.charges())
    say(f"{totals['messages']} messages, {totals['repeated']} of them twice: it broke before it could answer, and knew their webhook-id again")
    say(f"{'CURRENCY':<10}{'FINAL':>14}{'CORRECTIONS':>14}{'BOOKED':>14}   METERD SAYS")
    equal = totals["refused"] == 0 and set(booked) == set(totals["booked"])
    for currency in sorted(booked):
        row = {name: Decimal(value) for name, value in totals["booked"].get(currency, {"final": "0", "correction": "0"}).items()}
        same = row == booked[currency]
        equal = equal and same
        say(f"{currency:<10}{cents(row['final']):>14}{cents(row['correction']):>14}{cents(sum(row.values())):>14}   "
            f"{'the same' if same else 'DIFFERENT: ' + str(sum(booked[currency].values()))}")
    return equal


def audit():
    step("audit: every event folded again from the log, every line priced again")
    return show("audit", "--log", check=False) == 0


def next_steps(demo):
    say(f"""
meterd goes on metering this machine: http://127.0.0.1:{demo.port}, metrics on port {demo.admin_port}. Try:
  {SHORT} usage -s this-machine -w hour
  {SHORT} charges -s aurora-001
  {SHORT} source list
  {SHORT} price rhein -q 25000 --component storage --trace
  {SHORT} get tariff indus
  {SHORT} charges --outbox
  {SHORT} rebuild --verify
  scripts/demo --stop""")


def run(once):
    began = time.monotonic()
    prepare()
    demo = Demo()
    begin(demo)
    load(demo)
    polled(demo)
    close_periods(demo)
    correction = correct(demo)
    restate(demo)
    tell(demo, correction)
    equal = compare(demo) and is_as_published(demo)
    sound = audit()
    say(f"\n{'everything adds up' if equal and sound else 'SOMETHING DOES NOT ADD UP'}; {time.monotonic() - began:.0f} s without the build")
    if once:
        stop_all()
        say("stopped; the data stays in build/demo until the next run")
    else:
        next_steps(demo)
    return 0 if equal and sound else 1


def main():
    if "--stop" in sys.argv[1:]:
        stopped = stop_all()
        say(f"stopped: {', '.join(stopped)}" if stopped else "nothing of the demo is running")
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    try:
        return run("--once" in sys.argv[1:])
    except BaseException as end:
        stopped = stop_all()
        if isinstance(end, KeyboardInterrupt):
            say(f"\ninterrupted; stopped {', '.join(stopped) or 'nothing'}")
            return 130
        raise


if __name__ == "__main__":
    sys.exit(main())
