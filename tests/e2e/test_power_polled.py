"""The power fails while sources are polled and a backup is made by the clock: on each disk as it may be then (power.py) the daemon goes on, and in the end
each row of the vendor counts once; a certificate that was shown is there, and so is a backup that was said to be made.

METERD_STATES: how many states are tried (a tenth of it: 20). METERD_SEED: of all that is random.
"""
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
import power  # noqa: E402
from daily import DAYS, Vendor, billed, catalog, published, row, source  # noqa: E402
from harness import Daemon, wait_until  # noqa: E402
from powered import Recording, State, check_all  # noqa: E402

SEED = int(os.environ.get("METERD_SEED") or random.SystemRandom().randrange(1 << 32))
STATES = int(os.environ.get("METERD_STATES") or 200) // 10
SETTINGS = {"poller": {"allow_loopback": True}, "log": {"segment_bytes": "8MiB"}, "rater": {"draft_every": "0s"}}


class Law(State):
    def check(self):
        daemon = self.daemon.start()
        daemon.apply({**catalog(), "sources": [self.recording.source]})
        for day in DAYS:
            again = ("source", "run", "feed", "--from", day, "--to", day + "T23:00:00Z")
            wait_until("a window that is read again", lambda: daemon.command(*again, check=False).returncode == 0)
        wait_until("each row once", lambda: billed(daemon) == published(self.recording.vendor))
        if "certificate" in self.answered:
            assert "certificate" in daemon.get("/v1/sources/feed/certificate"), "the certificate is gone"
        daemon.settle()
        daemon.kill()
        self.check_command("audit", "--log")
        if "backup" in self.answered:
            for name in self.recording.backups():
                self.check_command("backup", "--verify", os.path.join(self.disk, "backups", name))


class Polled(Recording):
    def __init__(self, daemon, vendor):
        super().__init__(daemon)
        self.vendor, self.source = vendor, source("feed", vendor.server_address[1])
        daemon.settings["backup"] = {"directory": os.path.join(self.disk, "backups"), "every": "1h"}

    def backups(self):
        directory = os.path.join(self.disk, "backups")
        return [name for name in os.listdir(directory) if os.path.exists(os.path.join(directory, name, "files"))]

    def wait(self):
        wait_until("what is published", lambda: billed(self.daemon) == published(self.vendor))

    def restate(self, day, amount):
        self.vendor.rows[day, None] = [row(f"{day}-{i}", day, amount + i) for i in range(3)]
        self.daemon.command("source", "run", "feed", "--from", day)
        self.wait()

    def live(self):
        self.vendor.rows = {(day, None): [row(f"{day}-{i}", day) for i in range(3)] for day in DAYS}
        self.start()
        self.ask("catalog", "PUT", "/v1/catalog", {**catalog(), "sources": [self.source]})
        self.wait()
        self.daemon.command("source", "certify", "feed", check=False)
        self.ask("certificate", "GET", "/v1/sources/feed/certificate")
        wait_until("a backup", self.backups)
        self.note(answered="backup", port=0)
        self.restate(DAYS[0], 5)
        self.daemon.stop()
        self.start()
        self.restate(DAYS[1], 7)
        self.daemon.stop()


def main():
    print(f"seed {SEED}")
    vendor = Vendor()
    with Polled(Daemon(SETTINGS), vendor) as recording:
        recording.live()
        disk, began = power.Disk(recording.disk, recording.read()), time.monotonic()
        check_all(Law, recording, disk, power.moments(random.Random(SEED), disk, STATES))
        print(f"{STATES} states of {disk.end} records, {len(disk.names_at)} names: {time.monotonic() - began:.1f} s")
    vendor.shutdown()


if __name__ == "__main__":
    main()
