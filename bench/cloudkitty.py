"""Debian's CloudKitty on a Gnocchi of tests/e2e/gnocchi_vendor.py, with a database of its own in the same PostgreSQL: hashmap rating of one
metric, a period an hour, its storage SQL (version 1) or InfluxDB (version 2, its default). Loopback; processes are ended by their pids.
"""
import csv
import http.client
import importlib.metadata
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
from collections import namedtuple
from decimal import Decimal

from harness import end_process, free_port, wait_until

HOUR_S = 3600
Frame = namedtuple("Frame", "quantity price")
SERVER = """
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
port = int(sys.argv.pop())  # what is left is CloudKitty's
from cloudkitty.api import app
class Handler(WSGIRequestHandler):
    def log_message(self, *_): pass
make_server("127.0.0.1", port, app.build_wsgi_app(), handler_class=Handler).serve_forever()
"""
CONFIG = """
[DEFAULT]
use_stderr = true
transport_url = fake://
auth_strategy = noauth
api_paste_config = {root}/api_paste.ini
host = localhost
[database]
connection = postgresql+psycopg2://postgres@127.0.0.1:{pg_port}/{database}
[fetcher]
backend = source
[fetcher_source]
sources = {scopes}
[collect]
collector = gnocchi
period = 3600
wait_periods = {wait_periods}
metrics_conf = {root}/metrics.yml
[collector_gnocchi]
gnocchi_auth_type = basic
gnocchi_user = admin
gnocchi_endpoint = {gnocchi}
[orchestrator]
coordination_url = file://{root}/locks
max_workers = 1
max_workers_reprocessing = 0
[storage]
version = {version}
backend = {storage}
[storage_influxdb]
database = cloudkitty
host = 127.0.0.1
port = {influx_port}
username = x
password = x
"""
METRICS = """
metrics:
  cpu:
    unit: percent
    groupby: [id, project_id]
    metadata: []
    extra_args: {resource_type: generic, aggregation_method: mean, re_aggregation_method: mean, force_granularity: 3600}
"""
PASTE = """
[pipeline:cloudkitty+noauth]
pipeline = request_id ck_api_v1
[app:ck_api_v1]
paste.app_factory = cloudkitty.api.app:app_factory
[filter:request_id]
paste.filter_factory = oslo_middleware:RequestId.factory
"""
INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{root}/influx/meta"
[data]
  dir = "{root}/influx/data"
  wal-dir = "{root}/influx/wal"
[http]
  bind-address = "127.0.0.1:{influx_port}"
  log-enabled = false
"""


try:
    import psycopg2
except ImportError:
    psycopg2 = None


def missing(storage):
    """What there is not, or nothing. Where CloudKitty and Gnocchi are, psycopg2 is."""
    if importlib.util.find_spec("cloudkitty") is None or not shutil.which("cloudkitty-processor"):
        return "python3-cloudkitty is not installed (scripts/setup peers installs it)"
    if storage == "influxdb" and not shutil.which("influxd"):
        return "influxdb is not installed (scripts/setup peers installs it)"
    return None


def version():
    return importlib.metadata.version("cloudkitty")


class CloudKitty:
    def __init__(self, gnocchi, storage, scopes):
        """storage: sqlalchemy or influxdb; scopes: projects of Gnocchi, each of which is worked off hour by hour."""
        self.gnocchi, self.storage, self.scopes, self.wait_periods = gnocchi, storage, scopes, 1
        self.database = f"cloudkitty_{storage}"
        self.root = os.path.join(gnocchi.root, self.database)
        self.port, self.influx_port, self.rpc_port = free_port(), free_port(), free_port()
        self.processor, self.others, self.connection = None, [], None
        os.makedirs(os.path.join(self.root, "locks"))

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="ascii") as f:
            f.write(text)
        return os.path.join(self.root, name)

    def write_config(self):
        return self.write("cloudkitty.conf", CONFIG.format(
            root=self.root, pg_port=self.gnocchi.pg_port, database=self.database, scopes=",".join(self.scopes), wait_periods=self.wait_periods,
            gnocchi=self.gnocchi.origin(), version=1 if self.storage == "sqlalchemy" else 2, storage=self.storage, influx_port=self.influx_port))

    def sql(self, text):
        with self.connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []

    def connect(self, database):
        connection = psycopg2.connect(host="127.0.0.1", port=self.gnocchi.pg_port, user="postgres", dbname=database)
        connection.autocommit = True
        return connection

    def begin(self, words):
        with open(os.path.join(self.root, "log"), "ab") as log:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True)

    def ask(self, port, method, target, body=None, accept="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(method, target, None if body is None else json.dumps(body), {"Content-Type": "application/json", "Accept": accept})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 400:
            raise AssertionError((method, target, answer.status, text))
        return text

    def answers(self, port, target):
        assert all(process.poll() is None for process in self.others), f"see {self.root}/log"
        try:
            self.ask(port, "GET", target)
            return True
        except OSError:
            return False

    def start(self, from_s):
        """Its database, and a price for the metric; the first hour of each scope is that of from_s, whatever the date."""
        self.connection = self.connect("postgres")
        self.sql(f"create database {self.database}")
        self.connection.close()
        self.connection = self.connect(self.database)
        self.write("metrics.yml", METRICS)
        self.write("api_paste.ini", PASTE)
        config = self.write_config()
        if self.storage == "influxdb":
            path = self.write("influxdb.conf", INFLUX.format(root=self.root, rpc_port=self.rpc_port, influx_port=self.influx_port))
            self.others.append(self.begin(["influxd", "-config", path]))
            wait_until("InfluxDB", lambda: self.answers(self.influx_port, "/ping"))
            self.ask(self.influx_port, "POST", "/query?" + urllib.parse.urlencode({"q": "CREATE DATABASE cloudkitty"}))
        for words in (["cloudkitty-storage-init", "--config-file", config], ["cloudkitty-dbsync", "--config-file", config, "upgrade"]):
            assert self.begin(words).wait(120) == 0, f"see {self.root}/log"
        self.others.append(self.begin([sys.executable, "-c", SERVER, "--config-file", config, str(self.port)]))
        wait_until("CloudKitty", lambda: self.answers(self.port, "/v1/rating/modules"), 90)
        self.ask(self.port, "PUT", "/v1/rating/modules", {"module_id": "hashmap", "enabled": True})
        service = json.loads(self.ask(self.port, "POST", "/v1/rating/module_config/hashmap/services", {"name": "cpu"}))["service_id"]
        self.ask(self.port, "POST", "/v1/rating/module_config/hashmap/mappings", {"service_id": service, "cost": "0.1", "type": "flat"})
        for scope in self.scopes:
            self.sql("insert into cloudkitty_storage_states (identifier, scope_key, fetcher, collector, last_processed_timestamp, "
                     f"scope_activation_toggle_date, active) values ('{scope}', 'project_id', 'source', 'gnocchi', "
                     f"to_timestamp({from_s - HOUR_S}) at time zone 'UTC', to_timestamp(0) at time zone 'UTC', true)")

    def marks(self):
        """Of each scope, the hour that it did last."""
        return dict(self.sql("select identifier, extract(epoch from last_processed_timestamp)::bigint from cloudkitty_storage_states"))

    def run(self, wait_periods):
        """The processor: it takes hours that ended wait_periods - 1 ago."""
        self.wait_periods = wait_periods
        self.processor = self.begin(["cloudkitty-processor", "--config-file", self.write_config()])

    def is_at_work(self):
        return self.processor is not None and self.processor.poll() is None

    def kill(self):
        """-9, its workers too."""
        os.killpg(self.processor.pid, signal.SIGKILL)
        self.processor.wait(20)
        self.processor = None

    def frames(self):
        """(instance, hour) → what is stored of it, which is more than one frame where an hour was billed twice."""
        found = {}
        if self.storage == "sqlalchemy":
            rows = [(json.loads(desc)["id"], int(at_s), quantity, price) for desc, at_s, quantity, price in self.sql(
                "select \"desc\", extract(epoch from \"begin\")::bigint, qty, rate from rated_data_frames where res_type = 'cpu'")]
        else:
            text = self.ask(self.influx_port, "GET", "/query?" + urllib.parse.urlencode({"db": "cloudkitty", "epoch": "s", "q": "SELECT * FROM dataframes"}),
                            accept="application/csv")
            rows = [(row["id"], int(row["time"]), row["qty"], row["price"]) for row in csv.DictReader(text.splitlines())]
        for instance, at_s, quantity, price in rows:
            found.setdefault((instance, at_s), []).append(Frame(Decimal(quantity), Decimal(str(price))))
        return found

    def close(self):
        if self.is_at_work():
            self.kill()
        if self.connection:
            self.connection.close()
        for process in reversed(self.others):
            end_process(process)


def work_off(cloudkitty, to_s, kills, chance):
    """All hours before to_s, with kills at random moments of it: how many there were."""
    def caught_up():
        return min(cloudkitty.marks().values()) >= to_s - HOUR_S
    killed = 0
    while killed < kills and not caught_up():
        before = cloudkitty.marks()
        cloudkitty.run(2)
        wait_until("an hour", lambda before=before: cloudkitty.marks() != before, 120)
        time.sleep(chance.random())  # the random moment
        cloudkitty.kill()
        killed += 1
    cloudkitty.run(2)
    wait_until("CloudKitty to catch up", lambda: cloudkitty.is_at_work() and caught_up(), 1800)
    cloudkitty.kill()
    return killed


def go_on(cloudkitty, to_s):
    """One hour more, so that it has had its turn after what came late."""
    cloudkitty.run(1)
    wait_until("an hour more", lambda: min(cloudkitty.marks().values()) >= to_s, 300)
    cloudkitty.kill()
