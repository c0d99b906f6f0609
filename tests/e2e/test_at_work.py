#!/usr/bin/python3
"""What another process is at work in stays, and whoever would go on with it is told; what a killed one has left goes, and that is told. By locks on directories alone:
not by numbers of processes, which are others in another container, nor by names, which come again.
"""
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess

from harness import METERD, Daemon, wait_until

EVENTS, BATCH = 20000, 5000
CATALOG = {
    "vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}],
    "meters": [{"key": "cpu", "service": "vm", "event_type": "cpu", "value": "seconds", "group_by": ["host"]}],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "cpu", "per_unit": "1"}]}]}],
    "subscriptions": [{"key": "s1", "service": "vm", "customer": "c1", "tariff": "t", "start": "2020-01-01"}],
}


def send_all(d):
    d.apply(CATALOG)
    key = d.vendor_key("acme")
    for first in range(0, EVENTS, BATCH):
        events = [{"id": f"e{n}", "type": "cpu", "subject": "s1", "data": {"seconds": 1, "host": f"h{n % 400}"}} for n in range(first, first + BATCH)]
        assert d.call("POST", "/v1/events", body=events, key=key).json()["accepted"] == BATCH
    d.settle()


@contextlib.contextmanager
def held(path, how=fcntl.LOCK_EX):
    """As a process does that is at work there."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


def is_held(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


def catch(d, begun, *words, before=()):
    """A command that stands still where it has begun: `before` has each time what is to be away."""
    for _ in range(100):
        for path in before:
            shutil.rmtree(path, ignore_errors=True)
        process = subprocess.Popen([METERD, "-c", d.config, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while process.poll() is None and not os.path.exists(begun):
            pass
        if process.returncode is None:
            process.send_signal(signal.SIGSTOP)
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            if os.WIFSTOPPED(status) and os.path.exists(begun):
                return process
            if os.WIFSTOPPED(status):
                process.kill()
                process.wait()
            else:
                process.returncode = 0  # it had ended
    raise AssertionError(f"{words} could not be caught")


def goes_on(process):
    process.send_signal(signal.SIGCONT)
    said = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0, said
    return said


def end(process):
    process.kill()
    process.communicate(timeout=60)


def refused(d, code, sentence, *words):
    done = d.command(*words, check=False)
    assert done.returncode == code and sentence in done.stderr, (words, done.returncode, done.stdout, done.stderr)


def files(directory):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(directory) for name in names)


def test_rebuild(d):
    """Two rebuilds, and a repair beside one."""
    again = f"{d.data}/rollups.rebuild"
    first = catch(d, f"{again}/data.mdb", "rebuild")
    before = files(again)
    for words in (("rebuild",), ("repair",)):
        refused(d, 1, "stop it first", *words)
    assert files(again) == before
    d.command("repair", "--dry-run")
    assert "rebuilt the rollups" in goes_on(first)
    assert not os.path.exists(again) and not os.path.exists(f"{d.data}/rollups.old")
    d.command("audit")
    killed = catch(d, f"{again}/data.mdb", "rebuild")
    end(killed)
    done = d.command("rebuild")
    assert f"removed {again}, which a process that was killed has left" in done.stderr, done.stderr


def test_killed_in_swap(d):
    """Between its two renames: the rollups of before are in force again, and are not folded anew."""
    killed = catch(d, f"{d.data}/rollups.rebuild/data.mdb", "rebuild")
    end(killed)
    os.rename(f"{d.data}/rollups", f"{d.data}/rollups.old")
    inode = os.stat(f"{d.data}/rollups.old/data.mdb").st_ino
    os.truncate(d.stderr_path, 0)
    d.start()
    said = d.log_lines()
    assert "they are in force again" in said and "there were no rollups" not in said, said
    assert os.stat(f"{d.data}/rollups/data.mdb").st_ino == inode and not os.path.exists(f"{d.data}/rollups.rebuild")
    d.stop()
    d.command("audit")


def test_held_data(d):
    """Whoever holds the directory: nothing is made anew beside him, and a daemon begins with nothing."""
    before = files(d.data)
    with held(d.data):
        for words in (("rebuild",), ("repair",)):
            refused(d, 1, "stop it first", *words)
        d.command("audit")
        d.command("repair", "--dry-run")
    assert files(d.data) == before
    d.start()
    assert is_held(d.data)
    second = subprocess.run([METERD, "-c", d.config, "run"], capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1 and "in use by another writer" in second.stderr + second.stdout, second
    d.stop()


def test_first_start():
    """Two on a directory that is still empty: the second makes no key that the first does not know."""
    d = Daemon()
    os.mkdir(d.data)
    with held(d.data):
        d.start(wait=False)
        assert d.process.wait(60) == 1 and "in use by another writer" in d.log_lines(), d.log_lines()
        assert os.listdir(d.data) == [], os.listdir(d.data)
    d.stderr.close()
    d.start()
    d.stop()
    shutil.rmtree(d.root)


def test_restore(d):
    backup, target = f"{d.root}/backup", f"{d.root}/target"
    partial = f"{target}.partial"
    d.command("backup", backup)
    first = catch(d, partial, "restore", backup, target, before=(target,))
    before = files(partial)
    assert is_held(partial) and is_held(backup)
    refused(d, 75, "another backup or restore is at work in", "restore", backup, target)
    refused(d, 75, "another backup or restore is at work in", "backup", target)
    assert files(partial) == before
    d.command("backup", "--verify", backup)  # beside another reader
    goes_on(first)
    assert os.path.exists(f"{target}/log/manifest") and not os.path.exists(partial)
    killed = catch(d, partial, "restore", backup, target, before=(target,))
    end(killed)
    left = files(partial)  # it may have been killed before its first file
    done = d.command("restore", backup, target + "/")
    assert os.path.exists(f"{target}/log/manifest") and not os.path.exists(partial) and not os.path.exists(f"{target}/.partial")
    assert not left or f"removed {partial}, which" in done.stderr, done.stderr
    shutil.rmtree(target)


def test_links(d):
    """A symbolic link where something is to be made is followed by nobody."""
    kept, target = f"{d.root}/kept", f"{d.root}/linked"
    os.mkdir(kept)
    open(f"{kept}/file", "w").close()
    os.symlink(kept, f"{target}.partial")
    for words in (("backup", target), ("restore", f"{d.root}/backup", target)):
        refused(d, 1, "cannot make", *words)
    assert os.listdir(kept) == ["file"] and not os.path.exists(target)
    os.remove(f"{target}.partial")


def test_backups(d):
    """Of the daemon: what somebody makes or reads stays, and goes when nobody does."""
    directory = f"{d.root}/backups"
    left, made, old = (f"{directory}/2026-01-0{i}T00-00-00Z{end}" for i, end in ((1, ".partial"), (2, ".partial"), (3, "")))
    os.makedirs(left)
    os.makedirs(f"{made}/log")
    shutil.copytree(f"{d.root}/backup", old)
    d.settings["backup"] = {"directory": directory, "every": "1s", "keep": 1}
    os.truncate(d.stderr_path, 0)
    with held(made), held(old, fcntl.LOCK_SH):
        d.start()
        wait_until("what was left to be told", lambda: f"removed {left}, which" in d.log_lines())
        wait_until("one that is read to be kept", lambda: f"{old} stays for now, though 1 are kept: somebody reads it" in d.log_lines())
        assert os.path.exists(f"{made}/log") and len(files(old)) == len(files(f"{d.root}/backup"))
    wait_until("the others to go", lambda: not os.path.exists(made) and not os.path.exists(old))
    d.stop()
    del d.settings["backup"]


def test_audits(d):
    """Names of audits: what nobody holds goes, whoever's number it has; what is no directory is nobody's."""
    left, other = f"{d.data}/rollups.audit-1", f"{d.data}/rollups.audit-2"
    file = f"{d.data}/rollups.audit-notes"
    for path in (left, other):
        os.mkdir(path)
    open(file, "w").close()
    with held(other):
        done = d.command("audit")
        assert f"removed {left}, which a process that was killed has left" in done.stderr, done.stderr
        assert os.path.exists(other) and os.path.exists(file)
    done = d.command("audit")
    assert f"removed {other}, which" in done.stderr and os.path.exists(file), done.stderr
    os.remove(file)


def main():
    test_first_start()
    d = Daemon()
    with d:
        send_all(d)
        d.stop()
        test_rebuild(d)
        test_killed_in_swap(d)
        test_held_data(d)
        test_restore(d)
        test_links(d)
        test_backups(d)
        test_audits(d)
    print("what somebody is at work in stays")


main()
