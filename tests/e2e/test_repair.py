"""meterd repair: it names what is damaged and what that can be made of; with --dry-run nothing changes; what it makes is what was there."""
import glob
import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from damaged import AFTER, Receiver, amounts, cell, edit, flip_digit, make, pulled, put_back, serve, start, tell  # noqa: E402
from harness import Daemon, wait_until  # noqa: E402

PAGE, OVERFLOW = 4096, 4
FILES = {"rollups": ("rollups/data.mdb",), "intake": ("intake/data.mdb",), "marks": ("charges/mark",)}
PARTS = ("log", "key", "catalog", "charges", "rollups", "intake", "marks")


def flip(at):
    return lambda found: found[:at] + bytes([found[at] ^ 1]) + found[at + 1:]


def damage_cell(d):
    edit(f"{d.data}/rollups/data.mdb", re.escape(cell(7)), flip(15))


def damage_windows(d):
    edit(f"{d.data}/intake/data.mdb", b"format\0\0\0\0\0\0\0", flip(12))


def damage_mark(d):
    edit(f"{d.data}/charges/mark", b"MTRMARK1.{16}", flip(20))  # both slots


def damage_charge(d):
    edit(f"{d.data}/charges/data.mdb", rb'"amount":"[0-9.]+"', flip_digit)


def damage_log(d):
    edit(f"{d.data}/log/000001/data.mdb", rb"MTRB.{60}", flip(50))


def damage_price(d):
    edit(f"{d.data}/catalog/data.mdb", rb'"per_unit":"0\.10"', flip_digit)


def state(d):
    """All bytes, but for locks."""
    found = {}
    for path in sorted(glob.glob(d.data + "/**", recursive=True)):
        if os.path.isfile(path) and not path.endswith("lock.mdb"):
            with open(path, "rb") as f:
                found[path] = f.read()
    return found


def repair(d, code, damaged, *words):
    """What it says of each part; nothing is written where it only looks."""
    before = state(d)
    done = d.command("repair", *words, check=False)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    for part in PARTS:
        line = re.search(rf"^{part} +(.*)$", done.stdout, re.M).group(1)
        assert (line == "whole") == (part not in damaged), (part, done.stdout)
    if words and d.process.poll() is not None:
        assert state(d) == before, "it was only to look"
    return done.stdout


def goes_on(d, key, right):
    assert start(d) is None
    tell(d, key, AFTER)
    d.settle()
    assert amounts(pulled(d)) == right
    assert d.command("audit", "--log", check=False).returncode == 0
    d.stop()


def check_whole(d, key):
    put_back(d)
    repair(d, 0, (), "--dry-run")
    repair(d, 0, ())
    assert start(d) is None
    repair(d, 0, (), "--dry-run")  # beside the daemon
    done = d.command("repair", check=False)
    assert done.returncode == 1 and "stop it first" in done.stderr, (done.returncode, done.stderr)
    d.stop()


def take_names(d):
    """What was put aside before, in this second and all that come for a while: by directories, one that is empty, and files."""
    taken, now = {}, int(time.time())
    for second in range(now - 2, now + 600):
        for name in ("rollups", "intake", "catalog"):
            path = f"{d.data}/{name}.damaged-{second}"
            os.mkdir(path)
            if second % 2:
                with open(f"{path}/data.mdb", "w") as f:
                    f.write(path)
            taken[path] = os.listdir(path)
        path = f"{d.data}/charges/mark.damaged-{second}"
        with open(path, "w") as f:
            f.write(path)
        taken[path] = path
    return taken


def check_aside(d, part, said, taken, damaged):
    """It stands under a name that nothing had, with all its bytes; and nothing that was put aside before is another one now."""
    aside = re.findall(r"the damaged one is put aside as (\S+)$", said, re.M)
    assert len(aside) == 1 and aside[0] not in taken, aside
    for path, before in taken.items():
        assert (os.listdir(path) if os.path.isdir(path) else open(path).read()) == before, path
    (path, data), = damaged.items()
    kept = aside[0] if part == "marks" else f"{aside[0]}/{os.path.basename(path)}"
    with open(kept, "rb") as f:
        assert f.read() == data, kept


def check_made(d, key, right):
    for damage, part, says in ((damage_cell, "rollups", "folded again from the log"), (damage_windows, "intake", "the next start folds it again"),
                               (damage_mark, "marks", "as those beside the other stores say")):
        put_back(d)
        damage(d)
        assert start(d), part
        said = repair(d, 0, (part,), "--dry-run")
        assert "would be " in said and says in said, said
        taken, damaged = take_names(d), {path: open(path, "rb").read() for path in (f"{d.data}/{name}" for name in FILES[part])}
        said = repair(d, 0, (part,))
        assert "would be " not in said and says in said, said
        check_aside(d, part, said, taken, damaged)
        goes_on(d, key, right)
        for aside in glob.glob(d.data + "/**/*.damaged-*", recursive=True):
            shutil.rmtree(aside) if os.path.isdir(aside) else os.remove(aside)


def check_missing(d):
    """What is not there and was is no whole directory; what is folded again by the start is."""
    for name, part in (("log/manifest", "log"), ("event.key", "key"), ("catalog/data.mdb", "catalog"), ("charges/data.mdb", "charges")):
        put_back(d)
        os.remove(f"{d.data}/{name}")
        for words in (("--dry-run",), ()):
            said = repair(d, 1, (part,), *words)
            assert f"{name} is missing, and the other stores were used with it" in said and "cannot be made anew\n" in said, said
        assert start(d), part
    put_back(d)
    for name in ("rollups", "intake"):
        os.remove(f"{d.data}/{name}/data.mdb")
    done = d.command("repair", check=False)
    assert done.returncode == 0 and done.stdout.count("there is none: the next start folds it again from the log") == 2, done.stdout


def check_not_made(d):
    for damage, part in ((damage_charge, "charges"), (damage_price, "catalog"), (damage_log, "log")):
        put_back(d)
        damage(d)
        damage_cell(d)
        for words in (("--dry-run",), ()):
            said = repair(d, 1, (part, "rollups"), *words)
            assert "cannot be made anew before what it is made of is whole" in said and "restore all stores from one backup" in said, said
        assert start(d), part


def identities(path):
    """Where chunks of them begin: values that have pages of their own, and are no blocks."""
    with open(path, "rb") as f:
        data = f.read()
    return [at for at in range(2 * PAGE, len(data), PAGE)
            if int.from_bytes(data[at:at + 8], "little") == at // PAGE and data[at + 10] == OVERFLOW and data[at + 16:at + 20] != b"MTRB"]


def check_identities():
    """Those of segments that are whole but for them: made again of the blocks, and duplicates are known as before."""
    d = Daemon({"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d", "segment_events_max": 1024}})
    d.start()
    d.apply({"vendors": [{"key": "acme"}]})
    key = d.vendor_key("acme")
    batches = [[{"id": f"e{i}-{j}", "type": "vm", "subject": "s", "time": "2026-01-05T10:00:00Z"} for j in range(900)] for i in range(5)]

    def send(said):
        for batch in batches:
            answer = d.call("POST", "/v1/events", body=batch, key=key)
            assert answer.status == 200 and answer.json()[said] == len(batch), answer.body[:300]
    send("held")
    wait_until("sealed segments", lambda: identities(f"{d.data}/log/000003/data.mdb"))  # one after the other
    d.stop()
    put_back(d)
    with open(f"{d.data}/log/000002/data.mdb", "r+b") as f:
        at = identities(f.name)[-1] + 300
        f.seek(at)
        changed = f.read(1)[0] ^ 1
        f.seek(at)
        f.write(bytes([changed]))
    assert "identities" in start(d)
    for words in (("--dry-run",), ()):
        said = repair(d, 0, ("log",), *words)
        assert "the next start makes them again of the blocks" in said and "a chunk of identities is damaged" in said, said
    assert start(d) is None
    send("duplicate")
    d.stop()
    assert d.command("audit", "--log", check=False).returncode == 0
    repair(d, 0, ())
    check_key(d, send)
    check_lost_events(d)
    shutil.rmtree(d.root)


def check_key(d, send):
    """A bit of it: nothing that was sealed would be known under it."""
    with open(f"{d.data}/event.key", "rb") as f:
        whole = f.read()
    for at in (0, len(whole) - 1):
        with open(f"{d.data}/event.key", "r+b") as f:
            f.write(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1:])
        said = repair(d, 1, ("key",))
        assert "event.key is not the key that the identities of segment" in said, said
        os.truncate(d.stderr_path, 0)
        assert "event.key is not the key" in start(d)
    with open(f"{d.data}/event.key", "wb") as f:
        f.write(whole)
    assert start(d) is None
    send("duplicate")
    d.stop()


def check_lost_events(d):
    """Each block that is damaged, by the events that it had; the others are there. Each request of 900 is a block."""
    for segment in (2, 4):
        edit(f"{d.data}/log/{segment:06}/data.mdb", rb"MTRB.{60}", flip(50))
    for words in (("--dry-run",), ()):
        said = repair(d, 1, ("log",), *words)
        lost = [tuple(map(int, found)) for found in re.findall(r"lost: events (\d+) to (\d+), of segment (\d+)$", said, re.M)]
        assert len(lost) == 2 and all(last - first == 899 and first % 900 == 1 for first, last, _ in lost) and [row[2] for row in lost] == [2, 4], said


def main():
    d, key, _ = make(serve())
    Receiver.takes = True
    put_back(d)
    assert start(d) is None
    tell(d, key, AFTER)
    d.settle()
    right = amounts(pulled(d))
    d.stop()
    check_whole(d, key)
    check_made(d, key, right)
    check_missing(d)
    check_not_made(d)
    check_identities()
    print("repaired what can be made anew, and nothing else")
    shutil.rmtree(d.root)


main()
