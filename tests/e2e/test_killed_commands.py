#!/usr/bin/python3
"""Commands that make directories and files anew, killed before any of their syncs and names: the next one understands what is there, and comes to what it would have come
to. Nothing that is half stands under its name, nothing of what is damaged is gone, and the daemon goes on.

METERD_KILLS: how many moments of each command are tried, drawn by METERD_SEED.
"""
import glob
import os
import random
import re
import shutil
import signal
import struct
import sys

sys.path.insert(0, os.path.dirname(__file__))
from damaged import Receiver, amounts, cell, edit, make, pulled, put_back, serve, start  # noqa: E402
from harness import BUILD, preloaded, skip  # noqa: E402

KILL_SHIM = os.path.abspath(os.path.join(BUILD, "tests", "kill_shim.so"))
SEED = int(os.environ.get("METERD_SEED", str(random.SystemRandom().randrange(1, 1 << 32))))
KILLS = int(os.environ.get("METERD_KILLS", "5"))
PAGE = 4096


def run(d, last, *words):
    """The command, which is killed before the step of that number (0: none); how many there were."""
    path = os.path.join(d.root, "plan")
    with open(path, "wb") as f:
        f.write(struct.pack("QQ", 0, last))
    done = d.command(*words, check=False, env=preloaded(KILL_SHIM, METERD_KILL_FILE=path))
    assert done.returncode == (-signal.SIGKILL if last else 0), (words, last, done.returncode, done.stdout, done.stderr)
    with open(path, "rb") as f:
        return struct.unpack("QQ", f.read())[0]


def moments(rng, count):
    assert count > 5, count
    return sorted(rng.sample(range(1, count + 1), min(KILLS, count)))


def remove(*paths):
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)


def check_copies(d, rng):
    """A backup, one that links to it, and a restore: there as a whole, or not at all."""
    backup, target = f"{d.root}/backup", f"{d.root}/target"
    d.command("backup", backup)
    for words in (("backup", target), ("backup", target, "--since", backup, "--verify"), ("restore", backup, target)):
        count = run(d, 0, *words)
        whole = names(target)
        remove(target)
        for last in moments(rng, count):
            run(d, last, *words)
            if not os.path.exists(target):
                done = d.command(*words)
                assert ("which a process that was killed has left" in done.stderr) or not done.stderr, done.stderr
            assert names(target) == whole and not os.path.exists(f"{target}.partial"), (words, last)
            if words[0] == "backup":
                d.command("backup", "--verify", target)
            remove(target)


def names(directory):
    return sorted(os.path.relpath(os.path.join(at, name), directory) for at, _, files in os.walk(directory) for name in files if name != "lock.mdb")


def damage_heads(d):
    """A page of the catalog that repair makes again: the first that there is."""
    path = f"{d.data}/catalog/data.mdb"
    for page in range(2, os.path.getsize(path) // PAGE):
        with open(path, "r+b") as f:
            f.seek(page * PAGE)
            whole = f.read(PAGE)
            f.seek(page * PAGE)
            f.write(bytes(PAGE))
        said = d.command("repair", "--dry-run", check=False).stdout
        if "would be made again of its own revisions" in said:
            return
        with open(path, "r+b") as f:
            f.seek(page * PAGE)
            f.write(whole)
    raise AssertionError("no such page")


def damage(d):
    """All that can be made anew; the damaged files."""
    damage_heads(d)
    edit(f"{d.data}/rollups/data.mdb", re.escape(cell(7)), lambda found: found[:15] + bytes([found[15] ^ 1]) + found[16:])
    edit(f"{d.data}/intake/data.mdb", b"format\0\0\0\0\0\0\0", lambda found: found[:12] + b"\1" + found[13:])
    edit(f"{d.data}/charges/mark", b"MTRMARK1.{16}", lambda found: found[:20] + bytes([found[20] ^ 1]) + found[21:])
    return {name: read(f"{d.data}/{name}") for name in ("catalog/data.mdb", "rollups/data.mdb", "intake/data.mdb", "charges/mark")}


def read(path):
    with open(path, "rb") as f:
        return f.read()


def check_repair(d, rng, right):
    """What is damaged is put aside with all its bytes, or is still there, at each moment; the next repair makes the rest."""
    put_back(d)
    damaged = damage(d)
    kept = {path: read(path) for path in (f"{d.data}/{name}" for name in damaged)}

    def put_damage():
        put_back(d)
        for path, data in kept.items():
            with open(path, "r+b") as f:
                f.write(data)
        remove(*glob.glob(f"{d.data}/*.damaged-*"))
        for path in glob.glob(f"{d.data}/charges/mark.damaged-*"):
            os.remove(path)
    put_damage()
    count = run(d, 0, "repair")
    for last in moments(rng, count):
        put_damage()
        run(d, last, "repair")
        check_bytes(d, kept, last)
        d.command("repair")
        check_bytes(d, kept, last)
        assert all(line.endswith(" whole") or "the next start" in line for line in d.command("repair", "--dry-run").stdout.splitlines()), last
        goes_on(d, right, last)


def check_bytes(d, kept, last):
    for path, data in kept.items():
        name = os.path.basename(path)
        asides = glob.glob(f"{path}.damaged-*") + glob.glob(f"{os.path.dirname(path)}.damaged-*/{name}")
        assert any(read(at) == data for at in [path, *asides] if os.path.exists(at)), (path, last, asides)


def check_rebuild(d, rng, right):
    put_back(d)
    count = run(d, 0, "rebuild")
    for last in moments(rng, count):
        put_back(d)
        run(d, last, "rebuild")
        if last % 2:
            d.command("rebuild")
        goes_on(d, right, last)
        assert not glob.glob(f"{d.data}/rollups.*"), (last, glob.glob(f"{d.data}/*"))


def goes_on(d, right, last):
    assert start(d) is None, last
    d.settle()
    assert amounts(pulled(d)) == right, last
    d.stop()
    done = d.command("audit", "--log", check=False)
    assert done.returncode == 0, (last, done.stdout, done.stderr)


def main():
    if "tsan" in BUILD:
        skip("the thread sanitizer cannot be preloaded into")
    print(f"METERD_SEED={SEED}")
    rng = random.Random(SEED)
    d, _, before = make(serve())
    Receiver.takes = True
    right = amounts(before)
    check_copies(d, rng)
    check_rebuild(d, rng, right)
    check_repair(d, rng, right)
    print("killed at any moment, the next one goes on")
    shutil.rmtree(d.root)


main()
