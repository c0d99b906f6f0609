"""Backups: made while segments of the log roll quicker than they are copied, whole or not at all, verified to the byte, with hard links to what an
earlier one has; and what is restored of one goes on.
"""
import json
import os
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__))
from harness import METERD, Daemon, wait_until  # noqa: E402

SETTINGS = {"log": {"segment_bytes": "8MiB", "segment_events_max": 1024}, "rater": {"draft_every": "0s"}}
CATALOG = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "compute", "vendor": "acme"}],
    "meters": [{"key": "hours", "service": "compute", "event_type": "vm", "aggregation": "sum", "value": "hours"}],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "hours", "meter": "hours", "per_unit": "0.10"}]}]}],
    "subscriptions": [{"key": "s1", "service": "compute", "customer": "c1", "tariff": "t", "start": "2020-01-01"}],
}


class Sender(threading.Thread):
    """A segment of the log with each request."""

    def __init__(self, daemon, key):
        super().__init__(daemon=True)
        self.daemon_, self.key, self.sent, self.ended, self.error = daemon, key, 0, threading.Event(), None

    def run(self):
        try:
            while not self.ended.is_set():
                events = [{"id": f"e{self.sent + i}", "type": "vm", "subject": "s1", "data": {"hours": 1}} for i in range(1000)]
                answer = self.daemon_.call("POST", "/v1/events", body=events, key=self.key)
                assert answer.status == 200 and answer.json()["accepted"] == 1000, answer.body
                self.sent += 1000
        except Exception as error:
            self.error = error
            raise


def backup(daemon, target, *words, code=0, says=()):
    done = daemon.command("backup", target, *words, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert all(text in done.stdout + done.stderr for text in says), (done.stdout, done.stderr)
    assert not os.path.exists(target + ".partial"), os.listdir(daemon.root)
    return done


def segments(path):
    return {name: os.stat(os.path.join(path, "log", name, "data.mdb")) for name in sorted(os.listdir(os.path.join(path, "log"))) if name.isdigit()}


def damaged(daemon, target, sentence):
    done = daemon.command("backup", "--verify", target, check=False)
    assert done.returncode == 1 and sentence in done.stderr, (done.returncode, done.stdout, done.stderr)


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))


def check_rolling(daemon, sender):
    """Six while a segment ends with each request; each is whole, and later ones have links to what the earlier had."""
    kept = []
    for i in range(6):
        target, before = os.path.join(daemon.root, f"backup-{i}"), sender.sent
        wait_until("more events", lambda: sender.sent > before or sender.error)
        words = ["--since", kept[-1]] if kept and i % 2 else []
        backup(daemon, target, *words, "--verify", says=["is whole:", "backed up"])
        kept.append(target)
    assert not sender.error, sender.error
    return kept


def check_links(daemon):
    """What the earlier one has of sealed segments the later one has, too, and copies the others; both are whole."""
    made = []

    def has_links():
        made.append(os.path.join(daemon.root, f"linked-{len(made)}"))
        words = ["--since", made[-2]] if len(made) > 1 else []
        return json.loads(backup(daemon, made[-1], *words, "--json").stdout)["segments_linked"]
    count = wait_until("sealed segments", has_links)  # the last ones are sealed beside all this
    old, new = segments(made[-2]), segments(made[-1])
    linked = [name for name in new if name in old and old[name].st_ino == new[name].st_ino]
    assert len(linked) == count < len(new), (linked, list(new))
    for path in made:
        daemon.command("backup", "--verify", path)
    shutil.rmtree(made[-2])
    daemon.command("backup", "--verify", made[-1])


def check_going_on(daemon, kept, sender):
    """Each is a directory that starts, has what was folded, is audited clean and takes what comes."""
    for path in kept[-2:]:
        daemon.stop() if daemon.process.poll() is None else None
        shutil.rmtree(daemon.data)
        shutil.copytree(path, daemon.data)
        daemon.start()
        events = [{"id": f"e{i}", "type": "vm", "subject": "s1", "data": {"hours": 1}} for i in range(sender.sent)]
        for at in range(0, len(events), 1000):
            assert daemon.call("POST", "/v1/events", body=events[at:at + 1000], key=sender.key).status == 200
        status = daemon.settle()
        assert status["log"]["last_seq"] == sender.sent, (status, sender.sent)
        daemon.command("audit", "--log")
        assert not os.path.exists(os.path.join(daemon.data, "files")), "a directory that goes on is no backup"


def check_damage(daemon, kept):
    """Whatever is another than it was, also in a file that is a link."""
    target = kept[-1]
    rows = [(os.path.join("charges", "data.mdb"), "is not what was backed up"), (os.path.join("log", max(segments(target)), "data.mdb"), "is not what was"),
            (os.path.join("log", min(segments(target)), "data.mdb"), "is not what was"), ("event.key", "is not what was"), ("files", "files is damaged")]
    for name, sentence in rows:
        path = os.path.join(target, name)
        shutil.copy2(path, path + ".kept")
        flip(path, os.path.getsize(path) // 2)
        shutil.move(path + ".kept", os.path.join(daemon.root, "kept"))
        damaged(daemon, target, sentence)
        os.remove(path)
        damaged(daemon, target, "is missing")
        shutil.copyfile(os.path.join(daemon.root, "kept"), path)
        daemon.command("backup", "--verify", target)
    extra = os.path.join(target, "log", "extra")
    open(extra, "w").close()
    damaged(daemon, target, "log/extra is not in the backup's list")
    os.remove(extra)


def check_nothing_partial(daemon, kept):
    """What fails leaves nothing, and what was killed is removed by the next; no directory appears under its name before it is whole."""
    target = os.path.join(daemon.root, "partly")
    os.makedirs(os.path.join(target + ".partial", "log", "000001"))
    open(os.path.join(target + ".partial", "log", "000001", "data.mdb"), "w").close()
    backup(daemon, target)
    backup(daemon, target, code=1, says=["give a directory that does not exist yet"])
    broken = os.path.join(daemon.root, "broken")
    shutil.copytree(kept[0], broken)
    shutil.rmtree(os.path.join(broken, "catalog"))
    done = subprocess.run([METERD, "-c", daemon.config, "--set", f"data.directory={broken}", "backup", target + "-2"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "there is no backup: there is no store at" in done.stderr, done
    assert not [name for name in os.listdir(daemon.root) if name.startswith("partly-2")], os.listdir(daemon.root)
    backup(daemon, target + "-3", "--since", broken + "-none", code=1, says=["is missing: this is no whole backup"])
    killed = subprocess.Popen([METERD, "-c", daemon.config, "backup", target + "-4"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until("a copy that is begun", lambda: os.path.exists(target + "-4.partial") or killed.poll() is not None)
    killed.kill()
    killed.wait()
    assert not os.path.exists(target + "-4") or killed.returncode == 0
    shutil.rmtree(target + "-4", ignore_errors=True)
    backup(daemon, target + "-4", "--verify")
    assert set(os.listdir(target + "-4")) >= {"charges", "rollups", "catalog", "intake", "log", "event.key", "admin.key", "clock", "life", "files"}


def main():
    with Daemon(SETTINGS) as daemon:
        daemon.apply(CATALOG)
        sender = Sender(daemon, daemon.vendor_key("acme"))
        sender.start()
        try:
            kept = check_rolling(daemon, sender)
        finally:
            sender.ended.set()
            sender.join()
        daemon.settle()
        check_links(daemon)
        check_nothing_partial(daemon, kept)
        check_going_on(daemon, kept, sender)
        check_damage(daemon, kept)
    print("backups are whole or not there; what is restored goes on")


main()
