"""Bytes of stores that rot: in a file at rest, and under a running daemon. Whatever they say then, no other amount is charged, pulled or sent than
the right one: the daemon ends or does not start, with a sentence that says where the bytes stand and what to do; `meterd audit` says so, too.

Directed damage of each thing that money is made of, then bytes at random in every file (METERD_SEED repeats a run, METERD_CASES asks for more).
"""
import glob
import os
import random
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from damaged import AFTER, Receiver, amounts, cell, edit, fault, flip_digit, make, pulled, put_back, serve, start, tell  # noqa: E402
from harness import wait_until  # noqa: E402

CASES = int(os.environ.get("METERD_CASES", "30"))
SEED = int(os.environ.get("METERD_SEED", time.time_ns() % 10 ** 9))
PAGE = 4096

# ---- directed ----

PLACES = {  # store, what stands in its file, what it is called
    "a charge's body": ("charges", rb'"amount":"[0-9.]+"', "the charges are damaged: row "),
    "a message that waits": ("charges", rb'\{"type":"charges".{0,900}?"amount":"[0-9.]+"', "the charges are damaged: row "),
    "a cell": ("rollups", re.escape(cell(7)), "the rollups are damaged: row "),
    "a price": ("catalog", rb'"per_unit":"0\.10"', "the documents of the catalog are damaged: row "),
}


def change_of(what):
    return (lambda found: found[:15] + bytes([found[15] ^ 1]) + found[16:]) if what == "a cell" else flip_digit


def at_rest(d, what):
    store, pattern, named = PLACES[what]
    edit(f"{d.data}/{store}/data.mdb", pattern, change_of(what))
    said = start(d)
    assert said and named in said and ("restore all stores" in said or "meterd rebuild" in said), (what, said)
    audit = d.command("audit", check=False)
    assert audit.returncode == 1 and named in audit.stderr, (what, audit.returncode, audit.stderr)


def rebuilt(d, key, right):
    """Rollups are made again of the log."""
    d.command("rebuild")
    assert start(d) is None
    tell(d, key, AFTER)
    d.settle()
    assert amounts(pulled(d)) == right
    assert d.command("audit", "--log", check=False).returncode == 0
    d.stop()


def while_it_runs(d, key, what):
    """It has the page in memory: the next reading meets it."""
    store, pattern, named = PLACES[what]
    Receiver.takes = False
    assert start(d) is None
    if what == "a message that waits":
        wait_until("an attempt that is over", lambda: "not delivered" in d.log_lines())
    edit(f"{d.data}/{store}/data.mdb", pattern, change_of(what))
    Receiver.takes = True
    if what == "a charge's body":
        try:
            assert d.call("GET", "/v1/charges?limit=10000&after=0").status == 500
        except OSError:
            pass  # it has ended before
    if what == "a price":
        d.kill()  # in memory it is right: the next start reads it
    else:
        try:
            tell(d, key, AFTER)
        except OSError:
            pass  # it has ended before
        said = fault(d)
        assert named in said, (what, said)
    said = start(d)
    assert said and named in said, (what, said)


def metric(d, name):
    return float(re.search(rf"^{name} (\S+)$", d.call("GET", "/metrics", port=d.admin_port).body.decode(), re.M).group(1))


def scrubbed(d, key):
    """What nobody reads, a message that was delivered, is found by reading all again; nothing ends for it."""
    assert start(d) is None
    wait_until("a round without a finding", lambda: metric(d, "meterd_scrub_rounds_total") > 1)
    assert metric(d, "meterd_store_damage") == 0 and metric(d, "meterd_scrub_bytes_total") > 100000
    assert metric(d, "meterd_scrub_ended_seconds") > 1.7e9
    edit(f"{d.data}/charges/data.mdb", rb'\{"type":"charges".{0,900}?"amount":"[0-9.]+"', flip_digit)
    wait_until("the finding", lambda: metric(d, "meterd_store_damage") > 0)
    assert "error daemon: the charges are damaged: row 000000010000000000000001 of the table bodies" in d.log_lines(), d.log_lines()
    tell(d, key, AFTER)
    d.settle()
    d.stop()


# ---- at random ----

def damage(chance, path):
    """What was done, for the sentence of a failure."""
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        data = f.read()
        used = [page for page in range(0, size, PAGE) if any(data[page:page + PAGE])]  # of a segment most are not yet
        page = chance.choice(used)
        at = chance.randrange(page, min(page + PAGE, size))
        if chance.random() < 0.7:
            f.seek(at)
            byte = f.read(1)[0] ^ 1 << chance.randrange(8)
            f.seek(at)
            f.write(bytes([byte]))
            return f"a bit of byte {at} of {path}"
        if chance.random() < 0.5:
            f.truncate(at)
            return f"{path} cut to {at} bytes"
        f.seek(page)
        f.write(bytes(min(PAGE, size - page)))
        return f"zeros from byte {page} of {path} on"


def at_random(d, key, known, right, case):
    """known: charges by id that are right; what was sent in a case may come to the receiver in the next one."""
    chance = random.Random(SEED + case)
    files = sorted(path for pattern in ("*/data.mdb", "log/*/data.mdb", "log/manifest", "*/mark") for path in glob.glob(f"{d.data}/{pattern}"))
    done = damage(chance, chance.choice(files))
    what = f"case {case} of METERD_SEED={SEED}: {done}"
    said = start(d)
    if said is None:
        answer = d.call("POST", "/v1/events", body=AFTER, key=key)
        if answer.status == 503:  # of a segment's free pages, which are read when it is written
            said = fault(d)
        else:
            assert answer.status == 200, (what, answer.body)
            d.settle()
            assert amounts(pulled(d)) == right, what
            known.update((charge["id"], charge) for charge in pulled(d))
            d.stop()
    for charge in list(Receiver.charges.values()):
        assert charge["id"] in known and charge["amount"] == known[charge["id"]]["amount"], (what, charge)
    return said is None


def main():
    d, key, before = make(serve())
    taken = dict(Receiver.charges)
    put_back(d)
    assert start(d) is None
    tell(d, key, AFTER)
    d.settle()
    right = amounts(pulled(d))
    d.stop()
    for what in PLACES:
        put_back(d)
        at_rest(d, what)
        put_back(d)
        while_it_runs(d, key, what)
    for charge in Receiver.charges.values():
        assert charge in before, charge
    Receiver.takes = True
    put_back(d)
    assert start(d) is None
    wait_until("nothing that waits", lambda: not d.get("/v1/outbox?state=pending")["messages"])
    d.stop()
    scrubbed(d, key)
    put_back(d)
    at_rest(d, "a cell")
    rebuilt(d, key, right)
    known, started = {charge["id"]: charge for charge in before}, 0
    for case in range(CASES):
        Receiver.charges = dict(taken)
        put_back(d)
        started += at_random(d, key, known, right, case)
    print(f"{CASES} damages at random (METERD_SEED={SEED}): {CASES - started} refused, {started} where nothing stands that counts")
    shutil.rmtree(d.root)


main()
