#!/usr/bin/python3
"""What processes that were killed have left beside a daemon: a read transaction is ended within seconds and counted, and what lies in the data
directory or among the backups is removed by the next start and told once. What somebody is still at work in stays.
"""
import mmap
import os
import re
import signal
import struct
import subprocess

from harness import METERD, Daemon, wait_until

EVENTS, BATCH = 20000, 5000
READERS_AT, READER_BYTES, READERS = 128, 64, 64  # in LMDB's lock file: transaction, process, …
CATALOG = {
    "vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}],
    "meters": [{"key": "cpu", "service": "vm", "event_type": "cpu", "value": "seconds", "group_by": ["host"]}],
}


def send_all(d):
    d.apply(CATALOG | {
        "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "cpu", "per_unit": "1"}]}]}],
        "subscriptions": [{"key": "s1", "service": "vm", "customer": "c1", "tariff": "t", "start": "2020-01-01"}]})
    key = d.vendor_key("acme")
    for first in range(0, EVENTS, BATCH):
        events = [{"id": f"e{n}", "type": "cpu", "subject": "s1", "data": {"seconds": 1, "host": f"h{n % 400}"}} for n in range(first, first + BATCH)]
        assert d.call("POST", "/v1/events", body=events, key=key).json()["accepted"] == BATCH
    d.settle()


def metric(d, name):
    return float(re.search(rf"^{name} (\S+)$", d.call("GET", "/metrics", port=d.admin_port).body.decode(), re.M).group(1))


def begin_audit(d):
    return subprocess.Popen([METERD, "-c", d.config, "audit"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def catch_audit(d, is_there):
    """An audit that stands still where it is."""
    for _ in range(200):
        audit = begin_audit(d)
        while audit.poll() is None and not is_there(audit.pid):
            pass
        if audit.returncode is None:
            audit.send_signal(signal.SIGSTOP)
            _, status = os.waitpid(audit.pid, os.WUNTRACED)
            if os.WIFSTOPPED(status) and is_there(audit.pid):
                return audit
            if os.WIFSTOPPED(status):
                audit.kill()
                audit.wait()
            else:
                audit.returncode = 0  # it had ended
    raise AssertionError("no audit could be caught")


def end(audit):
    audit.kill()
    audit.wait()


def reads_rollups(d):
    """Has that process a transaction there?"""
    with open(f"{d.data}/rollups/lock.mdb", "rb") as f:
        table = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
    places = [READERS_AT + READER_BYTES * i + 8 for i in range(READERS)]
    return lambda pid: any(struct.unpack_from("i", table, place)[0] == pid for place in places)


def folding(d):
    return lambda pid: os.path.exists(f"{d.data}/rollups.audit-{pid}/data.mdb")


def test_dead_reader(d):
    is_reading = reads_rollups(d)
    audit = catch_audit(d, is_reading)
    ended = metric(d, "meterd_dead_readers_total")
    assert is_reading(audit.pid)  # the store keeps every page that it might see
    end(audit)
    wait_until("its end", lambda: not is_reading(audit.pid))
    wait_until("its count", lambda: metric(d, "meterd_dead_readers_total") > ended)
    assert "read transaction" in d.log_lines(), d.log_lines()


def removed(d):
    return re.findall(r"removed (\S+), which", d.log_lines())


def test_leftovers(d):
    dead, alive = catch_audit(d, folding(d)), catch_audit(d, folding(d))
    end(dead)
    d.stop()
    made = [f"{d.data}/rollups.rebuild", f"{d.data}/rollups.old", f"{d.backups}/2026-01-02T03-04-05Z.partial"]
    for path in made:
        os.makedirs(path)
        with open(f"{path}/data.mdb", "wb") as f:
            f.write(b"half of it")
    gone = sorted([f"{d.data}/rollups.audit-{pid}" for pid in (dead.pid,)] + made)
    d.start()
    wait_until("what is left to be told", lambda: len(set(removed(d)) & set(gone)) == len(gone))
    assert not [path for path in gone if os.path.exists(path)]
    d.stop()
    d.start()
    assert sorted(path for path in removed(d) if path in gone) == gone, removed(d)  # once
    assert folding(d)(alive.pid) and os.path.exists(f"{d.data}/rollups/data.mdb")
    alive.send_signal(signal.SIGCONT)
    said = alive.communicate(timeout=120)[0].decode()
    assert alive.returncode == 0 and "equal, bit for bit" in said, said
    assert not os.path.exists(f"{d.data}/rollups.audit-{alive.pid}")
    assert begin_audit(d).wait(120) == 0


daemon = Daemon()
daemon.backups = os.path.join(daemon.root, "backups")
daemon.settings["backup"] = {"directory": daemon.backups, "every": "1h"}
with daemon:
    send_all(daemon)
    test_dead_reader(daemon)
    test_leftovers(daemon)
print("what killed processes leave is ended, removed and told")
