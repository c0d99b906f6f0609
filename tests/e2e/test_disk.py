#!/usr/bin/python3
"""Disks that are full, and disks that lie.

Full: events are refused with 503 and a sentence, readiness says so, nothing acknowledged is lost, and all goes on without a restart once there
is room. Damaged: a flipped byte, a missing segment, a missing key end the start with exit 1 and the place; nothing is repaired silently.
"""
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

import harness

SEED = int(os.environ.get("METERD_SEED", str(random.SystemRandom().randrange(1 << 32))))
CATALOG = {
    "vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}],
    "meters": [{"key": "cpu", "service": "vm", "event_type": "cpu", "value": "seconds", "group_by": ["host"]}],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "cpu", "per_unit": "0.1"}]}]}],
    "subscriptions": [{"key": "s1", "service": "vm", "customer": "c1", "tariff": "t", "start": "2020-01-01"}],
}


class Sender:
    """Sends batches of its own numbering and remembers what was acknowledged."""

    def __init__(self, daemon):
        self.daemon, self.random = daemon, random.Random(SEED)
        self.key = daemon.vendor_key("acme")
        self.acknowledged = []
        self.number = 0

    def batch(self, count, noise_bytes):
        events = []
        for _ in range(count):
            self.number += 1
            noise = self.random.randbytes(noise_bytes).hex()  # does not compress well
            events.append({"id": f"e{self.number}", "type": "cpu", "subject": "s1", "data": {"seconds": 1, "host": noise[:40], "noise": noise}})
        return events

    def send(self, events):
        answer = self.daemon.call("POST", "/v1/events", body=events, key=self.key)
        if answer.status == 200:
            counts = answer.json()
            assert counts["accepted"] + counts["duplicate"] == len(events), counts
            self.acknowledged += [e["id"] for e in events]
        return answer

    def check(self):
        """What was acknowledged is in the log, once; nothing else is."""
        lines = self.daemon.command("events", "--json").stdout.splitlines()
        stored = [json.loads(line)["id"] for line in lines]
        assert sorted(stored) == sorted(self.acknowledged), (len(stored), len(self.acknowledged))


# ---- a full disk ----

class SmallDisk:
    """A tmpfs of a few dozen MiB, or a skip where mounting is not permitted."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="meterd-disk-")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", self.path], capture_output=True, text=True)
        if done.returncode != 0:
            os.rmdir(self.path)
            return None
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.path], check=True)
        os.rmdir(self.path)

    def fill(self):
        with open(os.path.join(self.path, "ballast"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 65536)
            except OSError:
                pass

    def free(self):
        os.remove(os.path.join(self.path, "ballast"))


def ready_answer(daemon):
    return daemon.call("GET", "/readyz", port=daemon.admin_port)


def is_refused(answer):
    if answer.status != 503:
        return False
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers["content-type"].startswith("application/problem+json") and int(headers["retry-after"]) > 0, headers
    assert "room" in answer.json()["detail"], answer.body
    return True


def check_full(disk):
    daemon = harness.Daemon({"log": {"segment_bytes": "8MiB"}, "rater": {"draft_every": "0s"}}, directory=disk.path)
    try:
        daemon.start()
        daemon.apply(CATALOG)
        sender = Sender(daemon)
        for _ in range(5):
            assert sender.send(sender.batch(200, 200)).status == 200
        daemon.settle()
        for times in range(2):
            disk.fill()
            pending = sender.batch(200, 400)
            for _ in range(200):  # the segments that are preallocated take some more
                answer = sender.send(pending)
                if answer.status != 200:
                    break
                pending = sender.batch(200, 400)
            assert is_refused(answer), (answer.status, answer.body)
            assert is_refused(sender.send(pending))
            ready = ready_answer(daemon)
            assert ready.status == 503 and b"room" in ready.body, ready.body
            assert daemon.call("GET", "/healthz", port=daemon.admin_port).status == 200
            assert daemon.status()["ready"] is False
            sender.check()  # reading goes on
            if times:
                daemon.kill()  # and what was acknowledged survives a crash on the full disk
                disk.free()
                daemon.start()
            else:
                disk.free()
                harness.wait_until("readiness, without a restart and without an event", lambda: ready_answer(daemon).status == 200)
            assert sender.send(pending).status == 200
            daemon.settle()
            sender.check()
        found = json.loads(daemon.command("audit", "--log", "--json").stdout)
        assert found["rollups_equal"] and not found["findings"] and found["events"] == len(sender.acknowledged), found
        daemon.stop()
        print(f"full disk: {len(sender.acknowledged)} events acknowledged, none lost")
    except BaseException:
        print(daemon.log_lines(), file=sys.stderr)
        raise
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()


# ---- damage ----

def refuses(daemon, *words):
    """The daemon does not start: exit 1, and the words in what it says."""
    done = subprocess.run([harness.METERD, "-c", daemon.config, "run"], capture_output=True, text=True, timeout=harness.WAIT_S)
    assert done.returncode == 1, (done.returncode, done.stderr)
    for word in words:
        assert word in done.stderr, (word, done.stderr)


def blocks_of(path):
    """[(offset, first sequence, size)] of the blocks in a segment's file, by docs/formats.md."""
    with open(path, "rb") as f:
        data = f.read()
    found, at = [], data.find(b"MTRB\x01\x00")
    while at >= 0:
        first = int.from_bytes(data[at + 8:at + 16], "little")
        stored = int.from_bytes(data[at + 36:at + 40], "little")
        ids = int.from_bytes(data[at + 40:at + 44], "little")
        found.append((at, first, 64 + stored + ids + 16))
        at = data.find(b"MTRB\x01\x00", at + 1)
    return found


def flip(path, at, bit):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1 << bit]))


def check_flips(daemon, chance):
    path = os.path.join(daemon.data, "log", "000001", "data.mdb")
    blocks = blocks_of(path)
    assert len(blocks) >= 3, blocks
    for offset, first, size in chance.sample(blocks, 3):
        at, bit = offset + chance.randrange(size), chance.randrange(8)
        flip(path, at, bit)
        refuses(daemon, "segment 000001", f"sequence {first}")
        audit = daemon.command("audit", "--log", check=False)
        assert audit.returncode == 1 and "segment 000001" in audit.stderr, audit
        flip(path, at, bit)


def check_missing(daemon):
    for name, words in (("log/000001", ["segment 000001"]), ("log/000002", ["segment 000002"]), ("log/manifest", ["manifest"]),
                        ("event.key", ["event.key"])):
        path, aside = os.path.join(daemon.data, name), os.path.join(daemon.root, "aside")
        os.rename(path, aside)
        refuses(daemon, *words)
        assert not os.path.exists(path), f"{name} was made anew"
        os.rename(aside, path)


def check_damage():
    chance = random.Random(SEED)
    with harness.Daemon({"log": {"segment_bytes": "8MiB", "segment_events_max": 1024}}) as daemon:
        daemon.apply(CATALOG)
        sender = Sender(daemon)
        for _ in range(8):
            assert sender.send(sender.batch(300, 20)).status == 200
        daemon.settle()
        daemon.stop()
        assert len(glob.glob(os.path.join(daemon.data, "log", "0*"))) >= 3
        check_flips(daemon, chance)
        check_missing(daemon)
        daemon.start()  # with everything back in its place all is well
        sender.check()
        assert sender.send(sender.batch(10, 20)).json()["accepted"] == 10
        daemon.settle()
        daemon.stop()
    print("damage: refused with its place each time")


def main():
    print(f"METERD_SEED={SEED}", flush=True)
    check_damage()
    with SmallDisk() as disk:
        if disk is None:
            harness.skip("mounting a tmpfs is not permitted here: the full disk was not tested")
        check_full(disk)


if __name__ == "__main__":
    main()
    sys.exit(0)
