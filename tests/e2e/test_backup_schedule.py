"""Backups that the configuration asks for: made when they are due, with links to the one before, the oldest removed; nothing that is partial stays, and
one that fails is told. What one of them holds is a directory that starts.
"""
import glob
import itertools
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, wait_until  # noqa: E402


def metric(daemon, name):
    lines = daemon.call("GET", "/metrics", port=daemon.admin_port).body.decode().splitlines()
    return int(next(line.rsplit(" ", 1)[1] for line in lines if line.startswith(name + " ")))


def whole(directory):
    return sorted(name for name in os.listdir(directory) if os.path.exists(os.path.join(directory, name, "files")) and not name.endswith(".partial"))


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))


def main():
    with Daemon({"log": {"segment_bytes": "8MiB", "segment_events_max": 1024}}) as daemon:
        assert metric(daemon, "meterd_backup_age_seconds") == 0 and metric(daemon, "meterd_backup_overdue") == 0
        daemon.apply({"vendors": [{"key": "acme"}]})
        key = daemon.vendor_key("acme")
        for part in range(3):
            events = [{"id": f"{part}-{i}", "type": "t", "subject": "s"} for i in range(1000)]
            assert daemon.call("POST", "/v1/events", body=events, key=key).status == 200
        daemon.settle()
        daemon.stop()

        directory = os.path.join(daemon.root, "backups")
        daemon.settings["backup"] = {"directory": directory, "every": "1h", "keep": 2}
        daemon.start()
        made = wait_until("the first backup", lambda: os.path.isdir(directory) and whole(directory))
        wait_until("its count", lambda: metric(daemon, 'meterd_backups_total{outcome="made"}') == 1)
        assert len(made) == 1 and metric(daemon, "meterd_backup_age_seconds") < 60, made
        daemon.command("backup", "--verify", os.path.join(directory, made[0]))
        daemon.stop()

        # Not due: none is made, and what a killed one left is removed all the same.
        left = os.path.join(directory, "2026-01-01T00-00-00Z.partial")
        os.makedirs(os.path.join(left, "log"))
        others = os.path.join(directory, "of-somebody-else.partial")
        os.mkdir(others)
        daemon.start()
        wait_until("what was left to be removed", lambda: not os.path.exists(left))
        assert whole(directory) == made and os.path.isdir(others)
        daemon.stop()

        # Due: with links to the newest, and as many as are kept.
        old = "2026-01-01T00-00-00Z"
        shutil.copytree(os.path.join(directory, made[0]), os.path.join(directory, old))
        daemon.settings["backup"]["every"] = "1s"
        daemon.start()
        wait_until("a second one", lambda: metric(daemon, 'meterd_backups_total{outcome="made"}') >= 1)
        wait_until("the oldest to be removed", lambda: old not in whole(directory))
        daemon.stop()
        names = whole(directory)  # it may have made more by now
        assert len(names) == 2 and sorted(os.listdir(directory)) == [*names, os.path.basename(others)], os.listdir(directory)
        first, second = (os.stat(os.path.join(directory, name, "log", "000001", "data.mdb")) for name in names)
        assert first.st_ino == second.st_ino, "a sealed segment was copied again"
        assert "made and verified" in daemon.log_lines() and f"removed {os.path.join(directory, old)}: 2 are kept" in daemon.log_lines()
        daemon.command("backup", "--verify", os.path.join(directory, names[1]))

        # A segment of the newest rots: the next one has no link to it, and is whole.
        rotten = os.path.join(directory, names[1], "log", "000001", "data.mdb")
        flip(rotten, os.path.getsize(rotten) // 2)
        daemon.start()
        wait_until("one more", lambda: metric(daemon, 'meterd_backups_total{outcome="made"}') >= 1)
        daemon.stop()
        assert f"with links to {os.path.join(directory, names[1])}, which may be damaged: all is copied" in daemon.log_lines()
        names = whole(directory)
        daemon.command("backup", "--verify", os.path.join(directory, names[1]))

        # The clock was a year ahead: those of then are older than the one that is made when it is right, which stays; and no other is made.
        daemon.set_clock(400 * 86400)
        daemon.start()
        wait_until("two of next year", lambda: len(names := whole(directory)) == 2 and not set(names) & set(made) and metric(daemon, 'meterd_backups_total{outcome="made"}') >= 2)
        daemon.stop()
        daemon.set_clock(0)
        daemon.settings["backup"]["every"] = "1h"
        ahead = whole(directory)
        daemon.start()
        wait_until("one of now", lambda: metric(daemon, 'meterd_backups_total{outcome="made"}') == 1)
        wait_until("one of next year to be removed", lambda: len(whole(directory)) == 2)
        daemon.stop()
        kept = whole(directory)
        assert len(kept) == 2 and kept[0] not in ahead and kept[1] == ahead[1], (ahead, kept)
        os.mkdir(left)
        daemon.start()
        wait_until("what was left to be removed", lambda: not os.path.exists(left))
        assert metric(daemon, 'meterd_backups_total{outcome="made"}') == 0 and whole(directory) == kept, whole(directory)
        assert metric(daemon, "meterd_backup_age_seconds") < 600 and metric(daemon, "meterd_backup_overdue") == 0
        daemon.stop()
        daemon.settings["backup"]["every"] = "1s"

        # One that fails is told, and counts as none; the daemon goes on.
        wall = os.path.join(daemon.root, "wall")
        open(wall, "w").close()
        daemon.settings["backup"]["directory"] = os.path.join(wall, "backups")
        daemon.start()
        wait_until("a failure", lambda: metric(daemon, 'meterd_backups_total{outcome="failed"}') >= 1)
        wait_until("that it is overdue", lambda: metric(daemon, "meterd_backup_overdue") == 1)
        assert "was not made (exit code" in daemon.log_lines() and daemon.ready()
        daemon.stop()

        # The directory goes away while one is made, as a disk that is unmounted does: that is one that fails, and nothing else.
        away = os.path.join(daemon.root, "away")
        daemon.settings["backup"] = {"directory": away, "every": "1s", "keep": 2}
        daemon.start()
        for attempt in itertools.count():
            wait_until("a backup under way", lambda: glob.glob(away + "/*.partial"))
            os.rename(away, f"{away}.{attempt}")
            wait_until("its end", lambda: metric(daemon, 'meterd_backups_total{outcome="failed"}') or os.path.isdir(away))
            if metric(daemon, 'meterd_backups_total{outcome="failed"}'):
                break  # or it had its name already
        daemon.stop()

        restored = json.loads(daemon.command("backup", "--verify", os.path.join(directory, names[1]), "--json").stdout)
        assert restored["folded_seq"] == 3000, restored
        shutil.rmtree(daemon.data)
        shutil.copytree(os.path.join(directory, names[1]), daemon.data)
        del daemon.settings["backup"]
        daemon.start()
        assert daemon.settle()["log"]["last_seq"] == 3000
    print("backups are made when they are due")


main()
