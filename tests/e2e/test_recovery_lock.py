#!/usr/bin/python3
"""The log's lock: whoever still holds it for a daemon that was killed, as the process does that checked its log, is waited for a moment; another
daemon is not.
"""
import fcntl
import os
import subprocess

from harness import METERD, Daemon, wait_until


def has_open(pid, path):
    try:
        return any(os.path.realpath(f"/proc/{pid}/fd/{fd}") == path for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False


with Daemon() as d:
    d.apply({"vendors": [{"key": "acme"}]})
    lock = os.path.realpath(os.path.join(d.data, "log", "lock"))
    second = subprocess.run([METERD, "-c", d.config, "run"], capture_output=True, text=True, timeout=120)
    assert second.returncode == 1 and "in use by another writer" in second.stderr + second.stdout, second
    d.kill()
    with open(lock, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        d.start(wait=False)
        wait_until("it waits for the lock", lambda: has_open(d.process.pid, lock))
        fcntl.flock(held, fcntl.LOCK_UN)
        wait_until("it starts", d.ready)
print("the log's lock is waited for a moment")
