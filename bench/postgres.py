"""The same work in PostgreSQL, measured beside meterd: events with a unique id, hourly rollups, every commit on disk.

Two clients; for each batch of 10,000 events one transaction: COPY into a temporary table, INSERT … ON CONFLICT DO NOTHING into a table
with a unique id, upsert of the hourly rollups of what was new. synchronous_commit and fsync are on. A temporary cluster on a unix socket
only, run by the user `postgres` when we are root, stopped at the end by its process id.
"""
import glob
import os
import pwd
import random
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

CLIENTS, BATCHES, BATCH, SUBJECTS = 2, 20, 10000, 300
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

SETTINGS = {"listen_addresses": "''", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "512MB",
            "max_wal_size": "4GB", "autovacuum": "on"}

SCHEMA = """
CREATE TABLE events (id uuid PRIMARY KEY, type text NOT NULL, subject text NOT NULL, time timestamptz NOT NULL, amount numeric NOT NULL,
                     region text NOT NULL);
CREATE TABLE rollups (subject text, type text, hour timestamptz, region text, amount numeric NOT NULL, count bigint NOT NULL,
                      PRIMARY KEY (subject, type, hour, region));
"""

# Sorted, so that two clients take the rows' locks in the same order.
FOLD = """
WITH fresh AS (INSERT INTO events SELECT * FROM staging ON CONFLICT (id) DO NOTHING RETURNING subject, type, time, region, amount)
INSERT INTO rollups SELECT subject, type, date_trunc('hour', time), region, sum(amount), count(*) FROM fresh GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
ON CONFLICT (subject, type, hour, region) DO UPDATE SET amount = rollups.amount + excluded.amount, count = rollups.count + excluded.count;
"""


class Cluster:
    def __init__(self, root):
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
        if not programs:
            raise SystemExit("scripts/bench: PostgreSQL is not installed; scripts/setup bench does it")
        self.programs, self.root, self.data = programs[-1], root, os.path.join(root, "data")
        self.user = []
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            owner = pwd.getpwnam("postgres")
            os.chown(root, owner.pw_uid, owner.pw_gid)
            self.user = ["runuser", "-u", "postgres", "--"]
        self.run("initdb", "-D", self.data, "-U", "bench", "--auth=trust", "--encoding=UTF8", "--locale=C")
        options = " ".join(f"-c {key}={value}" for key, value in SETTINGS.items())
        self.run("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(root, "server.log"), "-o", f"{options} -k {root}", "start")
        with open(os.path.join(self.data, "postmaster.pid")) as f:
            self.pid = int(f.readline())

    def run(self, program, *words):
        subprocess.run([*self.user, os.path.join(self.programs, program), *words], stdout=subprocess.DEVNULL, cwd=self.root, check=True)

    def psql(self, text, **how):
        return subprocess.run(self.psql_words(), input=text, text=True, stdout=subprocess.PIPE, check=True, **how).stdout

    def psql_words(self):
        return [os.path.join(self.programs, "psql"), "-h", self.root, "-U", "bench", "-d", "postgres", "-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1"]

    def cpu_ns(self):
        """Of the server: processes that live, and those that it has waited for."""
        def ticks(pid, fields):
            with open(f"/proc/{pid}/stat") as f:
                rest = f.read().rsplit(")", 1)[1].split()
            return sum(int(rest[field]) for field in fields)
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
            children = f.read().split()
        return (ticks(self.pid, (11, 12, 13, 14)) + sum(ticks(child, (11, 12)) for child in children)) * TICK_NS

    def stop(self):
        os.kill(self.pid, signal.SIGINT)  # "fast": sessions are ended, a checkpoint is written
        while os.path.exists(f"/proc/{self.pid}"):
            time.sleep(0.02)


def write_batches(root, client, begin_s):
    """The client's script: its files are written beforehand, so that the run measures the server."""
    draw = random.Random(client)
    types, regions = ["compute.cpu", "network.egress", "storage.peak"], ["eu-west-1", "us-east-1", "ap-south-1"]
    lines = ["CREATE TEMP TABLE staging (LIKE events) ON COMMIT DELETE ROWS;"]
    for batch in range(BATCHES):
        path = os.path.join(root, f"{client}-{batch}.csv")
        with open(path, "w") as f:
            for _ in range(BATCH):
                when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin_s - draw.randrange(3600)))
                f.write(f"{uuid.UUID(int=draw.getrandbits(128))}\t{draw.choice(types)}\tsub-{draw.randrange(SUBJECTS)}\t{when}\t"
                        f"{draw.randrange(100000) / 1000}\t{draw.choice(regions)}\n")
        lines += ["BEGIN;", f"\\copy staging from '{path}'", FOLD, "COMMIT;"]
    return "\n".join(lines)


def measure(cluster, root):
    cluster.psql(SCHEMA)
    scripts = [write_batches(root, client, time.time()) for client in range(CLIENTS)]
    cpu, begin = cluster.cpu_ns(), time.monotonic()
    clients = [subprocess.Popen(cluster.psql_words(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in scripts]
    for client, script in zip(clients, scripts):
        client.stdin.write(script)
        client.stdin.close()
    failed = [client.wait() for client in clients]
    seconds = time.monotonic() - begin
    if any(failed):
        raise AssertionError(f"psql ended with {failed}")
    events, folded, size = cluster.psql("SELECT count(*) FROM events; SELECT sum(count) FROM rollups; "
                                        "SELECT pg_total_relation_size('events') + pg_total_relation_size('rollups');").split()
    if int(events) != CLIENTS * BATCHES * BATCH or folded != events:
        raise AssertionError(f"{events} events and {folded} in rollups")
    return int(events), seconds, cluster.cpu_ns() - cpu, int(size)


def run(directory):
    root = tempfile.mkdtemp(prefix="meterd-bench-postgres-", dir=directory)
    cluster = None
    try:
        cluster = Cluster(root)
        version = cluster.psql("SHOW server_version;").split()[0]
        events, seconds, cpu_ns, size = measure(cluster, root)
        print("## PostgreSQL\n")
        print(f"PostgreSQL {version}, {CLIENTS} clients, batches of {BATCH:,}, synchronous_commit on: COPY, INSERT … ON CONFLICT DO NOTHING into a table with a "
              "unique id, upsert of hourly rollups.\n")
        print("| events | events/s through rollups | CPU ns per event | table and index bytes per event |\n|---:|---:|---:|---:|")
        print(f"| {events:,} | {events / seconds:,.0f} | {cpu_ns / events:,.0f} | {size / events:.0f} |\n", flush=True)
    finally:
        if cluster:
            cluster.stop()
        shutil.rmtree(root)
