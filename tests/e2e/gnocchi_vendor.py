"""Debian's Gnocchi beside a test: a PostgreSQL cluster of its own, files for the measures, the API by wsgiref. Loopback, directories of its own,
processes ended by their pids.
"""
import base64
import glob
import http.client
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile

from harness import end_process, free_port, skip, wait_until

SERVER = """
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
port = int(sys.argv.pop())  # what is left is Gnocchi's
from gnocchi.cli import api
class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
class Handler(WSGIRequestHandler):
    def log_message(self, *_): pass
make_server("127.0.0.1", port, api.wsgi(), Server, Handler).serve_forever()
"""


def postgres_bin():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return os.path.dirname(found[-1]) if found else None


def missing():
    """What there is not, or nothing."""
    if importlib.util.find_spec("gnocchi") is None or not shutil.which("gnocchi-upgrade"):
        return "python3-gnocchi is not installed (scripts/setup test installs it)"
    if not postgres_bin():
        return "postgresql is not installed (scripts/setup test installs it)"
    return None


def needed():
    if missing():
        skip(missing())


class Gnocchi:
    def __init__(self):
        needed()
        self.root = tempfile.mkdtemp(prefix="meterd-gnocchi-")
        os.chmod(self.root, 0o755)  # the user postgres goes through it
        self.processes, self.port, self.pg_port = [], free_port(), free_port()

    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    def run(self, name, words, wait=False):
        with open(os.path.join(self.root, f"{name}.log"), "ab") as log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        if wait:
            assert process.wait(90) == 0, (name, self.log(name))
        else:
            self.processes.append((name, process))

    def log(self, name):
        with open(os.path.join(self.root, f"{name}.log"), encoding="utf-8", errors="replace") as f:
            return f.read()[-3000:]

    def start(self):
        data, tools = os.path.join(self.root, "pg"), postgres_bin()
        as_user = []
        os.mkdir(data, 0o700)
        if os.getuid() == 0:  # which postgres refuses
            shutil.chown(data, "postgres", "postgres")
            as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        self.run("initdb", [*as_user, f"{tools}/initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N"], wait=True)
        self.run("postgres", [*as_user, f"{tools}/postgres", "-D", data, "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", f"port={self.pg_port}",
                              "-c", "fsync=off"])
        wait_until("PostgreSQL", lambda: subprocess.run([f"{tools}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.pg_port)], check=False).returncode == 0)
        self.run("createdb", [f"{tools}/createdb", "-h", "127.0.0.1", "-p", str(self.pg_port), "-U", "postgres", "gnocchi"], wait=True)
        config = os.path.join(self.root, "gnocchi.conf")
        with open(config, "w", encoding="ascii") as f:
            f.write(f"[api]\nauth_mode = basic\n[indexer]\nurl = postgresql://postgres@127.0.0.1:{self.pg_port}/gnocchi\n"
                    f"[storage]\ndriver = file\nfile_basepath = {self.root}/measures\n[incoming]\ndriver = file\nfile_basepath = {self.root}/measures\n")
        os.mkdir(os.path.join(self.root, "measures"))
        self.run("upgrade", ["gnocchi-upgrade", "--config-file", config], wait=True)
        self.run("api", [sys.executable, "-c", SERVER, "--config-file", config, str(self.port)])
        wait_until("Gnocchi", self.is_ready)
        return self

    def start_metricd(self):
        """What makes aggregates of measures, for those who do not ask with refresh=true."""
        config = os.path.join(self.root, "gnocchi.conf")
        with open(config, "a", encoding="ascii") as f:
            f.write("[metricd]\nworkers = 1\nmetric_processing_delay = 1\nmetric_reporting_delay = -1\n")
        self.run("metricd", ["gnocchi-metricd", "--config-file", config])

    def is_ready(self):
        ended = [(name, self.log(name)) for name, process in self.processes if process.poll() is not None]
        assert not ended, ended
        try:
            return self.call("GET", "/v1/status?details=False")[0] == 200
        except OSError:
            return False

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Authorization": "basic " + base64.b64encode(b"admin:").decode(), "Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else text
        finally:
            connection.close()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *reason):
        for _, process in reversed(self.processes):
            end_process(process)
        shutil.rmtree(self.root)
