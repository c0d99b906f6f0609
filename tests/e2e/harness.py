"""A real meterd for end-to-end tests: a data directory of its own, a daemon on loopback, HTTP calls, kill and restart.

Standard library only. Every wait is on an event (a port that answers, a process that ends, a state that the daemon reports), with a
bound; nothing sleeps for luck.
"""
import datetime
import http.client
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("METERD_BUILD", "build/dev")
METERD = os.path.abspath(os.path.join(BUILD, "meterd"))
CLOCK_SHIM = os.path.abspath(os.path.join(BUILD, "tests", "clock_shim.so"))
SHARED = os.environ.get("METERD_SHARED", os.path.join("..", "shared"))
WAIT_S = 180  # the most that anything takes on a machine that is busy elsewhere; nothing is proven by its length

PORTS = []  # the names of those that this process has for itself


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def shared(path):
    """The path of a shared file, or a skip with a clear line."""
    full = os.path.join(SHARED, path)
    if not os.path.exists(full):
        skip(f"{full} is not here (METERD_SHARED names its folder)")
    return full


def preloaded(shim, **more):
    """The environment of a process with it, and with the clock that is moved where it is (in_mid_month); its sanitizer would rather be first."""
    if "METERD_CLOCK_AHEAD" in os.environ and CLOCK_SHIM not in shim:
        shim = f"{shim}:{CLOCK_SHIM}"
    asan = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": shim, "ASAN_OPTIONS": f"{asan}{':' if asan else ''}verify_asan_link_order=0", **more}


def in_mid_month():
    """It is noon of the 17th, for the test and all that it starts, whatever it is outside: what is of days ago is of a month that is not over, what is
    ahead in days, too, and no hour and no zone's day ends meanwhile. Call it first, before any other has looked what day it is: what it starts again begins
    with the first line. (The system's times of files are the machine's.)"""
    if "METERD_CLOCK_AHEAD" in os.environ or not os.path.exists(CLOCK_SHIM) or "tsan" in BUILD:
        return
    now = datetime.datetime.now(datetime.timezone.utc)
    ahead = int((now.replace(day=17, hour=12, minute=5, second=0) - now).total_seconds()) * 1000000
    os.environ.update(preloaded(CLOCK_SHIM, METERD_CLOCK_AHEAD=str(ahead)))
    os.execv(sys.executable, [sys.executable, *sys.argv])


def is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    """A port of loopback for this process alone, for as long as it lives, also while nobody listens there: no connection begins at it, and a name that
    goes with this process keeps it from other tests."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        first, last = map(int, f.read().split())
    ports = [port for port in range(10000, 65536) if not first <= port <= last] or list(range(first, last + 1))
    for port in random.SystemRandom().sample(ports, len(ports)):
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0meterd-test-port-{port}")
        except OSError:
            name.close()
            continue
        if is_free(port):
            PORTS.append(name)
            return port
        name.close()
    raise AssertionError("no port is free")


def end_process(process, seconds=20):
    """Asks it to end, and ends it where it does not."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(seconds)


def wait_until(what, condition, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)  # between polls of another process; the bound above is what fails the test
    raise AssertionError(f"waited {seconds} s in vain for {what}")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body, parse_float=str)


class Daemon:
    """One data directory and the daemon that runs on it, which may be killed and started again."""

    def __init__(self, settings=None, directory=None):
        self.root = directory or tempfile.mkdtemp(prefix="meterd-e2e-")
        self.data = os.path.join(self.root, "data")
        self.config = os.path.join(self.root, "meterd.yaml")
        self.port, self.admin_port = free_port(), free_port()
        self.settings = {
            "data": {"directory": self.data},
            "listen": {"address": "127.0.0.1", "port": self.port},
            "admin": {"address": "127.0.0.1", "port": self.admin_port},
            "log": {"segment_bytes": "16MiB"},
            "outbox": {"secrets_directory": self.root},
        }
        for section, values in (settings or {}).items():
            self.settings.setdefault(section, {}).update(values)
        self.process = None
        self.stderr_path = os.path.join(self.root, "stderr")
        self.key = None
        self.before = []  # words before the daemon's command line

    def preload(self, shim, **more):
        """From its next start on."""
        self.before = ["env", *(f"{name}={value}" for name, value in preloaded(shim, **more).items())]

    def set_clock(self, seconds):
        """Its wall clock is so far ahead from now on; before it starts for the first time, where it ever is to be."""
        if not os.path.exists(CLOCK_SHIM):
            skip(f"{CLOCK_SHIM} is not built")
        if "tsan" in BUILD:
            skip("the thread sanitizer cannot be preloaded into")
        path = os.path.join(self.root, "clock_moved")
        with open(path, "r+b" if os.path.exists(path) else "wb") as f:  # it is mapped: the daemon sees it at once
            f.write(struct.pack("q", int(seconds * 1e6)))
        self.preload(CLOCK_SHIM, METERD_CLOCK_FILE=path)

    def set_time(self, instant):
        """It is that instant for the daemon: for tests of certain days. RFC 3339."""
        self.set_clock((datetime.datetime.fromisoformat(instant.replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)).total_seconds())

    def write_config(self):
        with open(self.config, "w") as f:
            json.dump(self.settings, f, indent=1)

    def start(self, wait=True):
        self.write_config()
        self.stderr = open(self.stderr_path, "ab")
        self.process = subprocess.Popen([*self.before, METERD, "-c", self.config, "run"], stdout=self.stderr, stderr=self.stderr, stdin=subprocess.DEVNULL)
        if wait:
            wait_until("readiness", self.ready)
            with open(os.path.join(self.data, "admin.key")) as f:
                self.key = f.read().strip()
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"meterd ended with {self.process.returncode}:\n{self.log_lines()}")
        try:
            return self.call("GET", "/readyz", port=self.admin_port).status == 200
        except OSError:
            return False

    def log_lines(self):
        with open(self.stderr_path, errors="replace") as f:
            return f.read()[-8000:]

    def call(self, method, path, body=None, headers=None, key=None, port=None, timeout=WAIT_S):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            send = dict(headers or {})
            if key or self.key:
                send.setdefault("Authorization", f"Bearer {key or self.key}")
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
                send.setdefault("Content-Type", "application/json")
            connection.request(method, path, body=body, headers=send)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, **kw):
        answer = self.call("GET", path, **kw)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json()

    def listed(self, path, member):
        """All rows of a list, page by page."""
        after = 0
        while True:
            page = self.get(f"{path}?limit=10000&after={after}")
            yield from page[member]
            if not page["has_more"]:
                return
            after = page["next_after"]

    def apply(self, text):
        """Catalog documents (YAML or JSON text, or a dict) as one change."""
        if isinstance(text, dict):
            text = json.dumps(text)
        answer = self.call("PUT", "/v1/catalog", body=text, headers={"Content-Type": "application/yaml"})
        assert answer.status == 200, (answer.status, answer.body.decode())
        return answer.json()

    def command(self, *words, check=True, stdin=None, env=None):
        """A meterd command line against this daemon, unless it names a configuration; its completed process."""
        config = [] if "-c" in words else ["-c", self.config]
        done = subprocess.run([METERD, *config, *words], input=stdin, capture_output=True, text=True, timeout=600,
                              env={**os.environ, **(env or {})})
        if check and done.returncode != 0:
            raise AssertionError(f"meterd {' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def vendor_key(self, vendor, scopes=("ingest",), name=None):
        """A fresh API key of a vendor: its secret."""
        path = os.path.join(self.root, f"{name or vendor}.key")
        words = ["key", name or f"{vendor}-key", "--vendor", vendor, "--out", path]
        for scope in scopes:
            words += ["--scope", scope]
        self.command(*words)
        with open(path) as f:
            return f.read().strip()

    def status(self):
        return self.get("/v1/status")

    def settle(self, seconds=WAIT_S):
        """Waits until everything in the log is folded and rated."""
        def settled():
            s = self.status()
            return s["log"]["last_seq"] + 1 == s["aggregator"]["next_seq"] and s["aggregator"]["idle"] and s["rater"]["idle"] and s
        return wait_until("an idle pipeline", settled, seconds)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WAIT_S)
        self.stderr.close()

    def stop(self):
        """SIGTERM, and the drain that follows: exit 0."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WAIT_S)
        self.stderr.close()
        assert code == 0, (code, self.log_lines())

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if self.process and self.process.poll() is None:
            self.kill()
        if kind is None:
            shutil.rmtree(self.root)
        else:
            print(f"kept for a look: {self.root}\n{self.log_lines()}", file=sys.stderr)
