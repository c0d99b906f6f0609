"""Debian's Keystone beside a test: SQLite, Fernet tokens, the API by wsgiref; and an API of measures that asks it about each token, as Gnocchi does.
Loopback, directories of its own, processes ended by their pids.

What costs is Keystone: some tenths of a second of CPU a request, and some seconds of importing a process. So one process makes it, and it is asked
about a token once.
"""
import http.client
import importlib.util
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from harness import free_port, skip, wait_until
from small_vendor import SmallVendor

SERVER = """
import os, sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
port = int(sys.argv.pop())
from keystone.server.flask import core
class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
class Handler(WSGIRequestHandler):
    def log_message(self, *_): pass
make_server("127.0.0.1", port, core.initialize_application(name="public", config_files=[os.environ["KEYSTONE_CONF"]]), Server, Handler).serve_forever()
"""
MAKE = """
import json, sys
from keystone.cmd import cli
from keystone.conf import CONF
for words in json.loads(sys.argv[2]):
    cli.main(["keystone-manage", "--config-file", sys.argv[1], *words])
    CONF.clear()
"""
PASSWORD = "bootstrap s3cret"


def needed():
    if importlib.util.find_spec("keystone") is None or not shutil.which("keystone-manage"):
        skip("python3-keystone is not installed (scripts/setup test installs it)")


class Keystone:
    def __init__(self):
        needed()
        self.known_admin = None
        self.root = tempfile.mkdtemp(prefix="meterd-keystone-")
        self.port, self.process = free_port(), None
        self.config = os.path.join(self.root, "keystone.conf")
        for name in ("fernet", "credential"):
            os.mkdir(os.path.join(self.root, name), 0o700)
        sqlite3.connect(os.path.join(self.root, "keystone.db")).execute("pragma journal_mode = wal")  # else a reader locks a writer out
        with open(self.config, "w", encoding="ascii") as f:
            f.write(f"[DEFAULT]\nuse_stderr = true\n[database]\nconnection = sqlite:///{self.root}/keystone.db\n"
                    f"[token]\nprovider = fernet\nexpiration = 3600\nallow_expired_window = 0\n[fernet_tokens]\nkey_repository = {self.root}/fernet\n"
                    f"[fernet_receipts]\nkey_repository = {self.root}/fernet\n[credential]\nkey_repository = {self.root}/credential\n"
                    "[cache]\nenabled = false\n[identity]\npassword_hash_rounds = 4\n")

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def make(self):
        me = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
        commands = [["db_sync"], ["fernet_setup", *me], ["credential_setup", *me],
                    ["bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", "RegionOne", "--bootstrap-public-url", f"{self.url()}/v3/"]]
        done = subprocess.run([sys.executable, "-c", MAKE, self.config, json.dumps(commands)], capture_output=True, check=False, cwd=self.root)
        assert done.returncode == 0, done.stderr[-2000:]
        return self

    def start(self):
        with open(os.path.join(self.root, "log"), "ab") as log:
            self.process = subprocess.Popen([sys.executable, "-c", SERVER, str(self.port)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            env={**os.environ, "KEYSTONE_CONF": self.config})
        wait_until("Keystone", self.is_ready)
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def is_ready(self):
        assert self.process.poll() is None, "Keystone has ended"
        try:
            return self.call("GET", "/v3")[0] == 200
        except OSError:
            return False

    def call(self, method, path, body=None, **headers):
        """Status, headers, JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, answer.headers, json.loads(text) if text[:1] == b"{" else None
        finally:
            connection.close()

    def admin(self):
        """A token of the administrator's, and who that is."""
        if self.known_admin:
            return self.known_admin
        user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        status, headers, body = self.call("POST", "/v3/auth/tokens", {"auth": {"identity": {"methods": ["password"], "password": {"user": user}},
                                                                              "scope": scope}})
        assert status == 201, (status, body)
        self.known_admin = headers["X-Subject-Token"], body["token"]["user"]["id"]
        return self.known_admin

    def application_credential(self):
        """Id and secret."""
        token, user = self.admin()
        status, _, body = self.call("POST", f"/v3/users/{user}/application_credentials", {"application_credential": {"name": "poller"}}, X_Auth_Token=token)
        assert status == 201, (status, body)
        return body["application_credential"]["id"], body["application_credential"]["secret"]

    def revoke(self, token):
        assert self.call("DELETE", "/v3/auth/tokens", X_Auth_Token=self.admin()[0], X_Subject_Token=token)[0] == 204

    def knows(self, token):
        return self.call("GET", "/v3/auth/tokens", X_Auth_Token=self.admin()[0], X_Subject_Token=token)[0] == 200

    def __enter__(self):
        try:
            return self.make().start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *reason):
        if self.process and self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.root)


class Measures(SmallVendor):
    """/v1/resource/instance/ID/metric/cpu/measures?start&stop: [[time, granularity, value], …], to those whose token Keystone knows. Where it is
    down: 503, in HTML, as of Gnocchi's filter."""

    def __init__(self, keystone):
        self.keystone, self.points, self.tokens, self.refused, self.asked_for = keystone, {}, [], 0, {}
        super().__init__()

    def knows(self, token):
        if token not in self.asked_for:
            self.asked_for[token] = self.keystone.knows(token)
        return self.asked_for[token]

    def forget(self):
        """What it was told of tokens; Gnocchi does so after minutes."""
        self.asked_for = {}

    def answer(self, path, query, headers):
        token = headers.get("X-Auth-Token", "")
        try:
            is_known = self.knows(token)
        except OSError:
            return 503, b"<html>503 Service Unavailable</html>", {"Content-Type": "text/html"}
        if not is_known:
            self.refused += 1
            return 401, {"error": "Unauthorized"}
        if token not in self.tokens:
            self.tokens.append(token)
        points = self.points.get(path.split("/")[4], {})
        return [[at, 300.0, value] for at, value in sorted(points.items()) if query["start"][:19] <= at[:19] < query["stop"][:19]]
