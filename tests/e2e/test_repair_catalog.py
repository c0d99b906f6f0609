"""meterd repair makes a damaged catalog of its own revisions: all documents, revisions and charges are then as they were; a revision that is lost is named, and
nothing is made. METERD_SEED repeats a run."""
import os
import random
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from damaged import AFTER, Receiver, amounts, edit, flip_digit, make, pulled, put_back, serve, start, tell  # noqa: E402

PAGE = 4096
KINDS = ("vendor", "service", "meter", "tariff", "subscription", "api_key", "destination", "credit", "rate", "source")
SEED = int(os.environ.get("METERD_SEED", time.time_ns() % 10 ** 9))
RANDOM = random.Random(SEED)


def spare(price):
    return {"tariffs": [{"key": "spare", "service": "compute", "currency": "EUR", "versions": [
        {"from": "2020-01-01", "components": [{"key": "hours", "meter": "hours", "per_unit": price}]}]}]}


def add_history(d):
    """Revisions, a deletion, and a key that comes again."""
    assert start(d) is None
    for price in ("0.21", "0.22", "0.23"):
        d.apply(spare(price))
    answer = d.call("DELETE", "/v1/catalog/tariff/spare")
    assert answer.status == 200, answer.body
    for price in ("0.25", "0.26"):
        d.apply(spare(price))
    d.apply({"subscriptions": [{"key": f"many{i}", "service": "compute", "customer": f"c{i}", "tariff": "spare", "start": "2099-01-01"} for i in range(60)]})
    d.apply(spare("0.27"))
    d.settle()


def catalog_of(d):
    """Each revision of each document, and how many changes there were."""
    found = {"version": d.get("/v1/status")["catalog"]["version"]}
    for kind in KINDS:
        for row in d.get(f"/v1/catalog/{kind}")["documents"]:
            found[kind, row["key"]] = row, d.get(f"/v1/catalog/{kind}/{row['key']}?revisions=true")["documents"]
    assert [row["deleted"] for row in found["tariff", "spare"][1]] == [False, False, False, True, False, False, False]
    return found


def path_of(d):
    return f"{d.data}/catalog/data.mdb"


def change_page(d, page, change):
    with open(path_of(d), "r+b") as f:
        f.seek(page * PAGE)
        data = change(bytearray(f.read(PAGE)))
        f.seek(page * PAGE)
        f.write(data)


def flip_bits(rng, begin, end, count):
    def change(data):
        for _ in range(count):
            data[rng.randrange(begin, end)] ^= 1 << rng.randrange(8)
        return data
    return change


def zeros(data):
    return bytes(len(data))


def look(d):
    """What repair would do with the catalog: nothing, make it (and of which place), or refuse to."""
    done = d.command("repair", "--dry-run", check=False)
    said = re.search(r"^catalog +(.*?)(?=^charges)", done.stdout, re.M | re.S).group(1)
    if said.startswith("whole"):
        return None
    table = re.search(r"of the table ([a-z ]+?)(:| does)", said)
    place = table.group(1) if table else "meta page" if "meta page" in said else "tables"
    assert (done.returncode == 0) == ("would be made again of its own revisions" in said), done.stdout + done.stderr
    return place, done.returncode == 0


def goes_on(d, key, whole, right):
    done = d.command("repair", check=False)
    assert done.returncode == 0 and "made again of its own revisions" in done.stdout, (done.stdout, done.stderr)
    assert look(d) is None
    assert start(d) is None
    assert catalog_of(d) == whole["catalog"]
    assert pulled(d) == whole["charges"]
    tell(d, key, AFTER)
    d.settle()
    assert amounts(pulled(d)) == right
    done = d.command("audit", "--log", check=False)
    assert done.returncode == 0, done.stdout
    d.stop()


def pages_in_use(d):
    """Where each lies: what the check says of it when it is lost."""
    found = {}
    for page in range(os.path.getsize(path_of(d)) // PAGE):
        put_back(d)
        change_page(d, page, zeros)
        place = look(d)
        if place:
            found[page] = place[0]
    assert {"heads", "revisions", "meta", "tables", "meta page"} <= set(found.values()), found
    return found


def check_pages(d, key, whole, right):
    """What is made of each page's damage; it is tried once for each place."""
    tried = set()
    for page, place in pages_in_use(d).items():
        for change in (zeros, flip_bits(RANDOM, 8, 60, 20), flip_bits(RANDOM, PAGE - 200, PAGE, 20)):
            put_back(d)
            change_page(d, page, change)
            found = look(d)
            assert not found or found[1] or place == "revisions", (page, place, found)
            if found and found[1] and place not in tried:
                tried.add(place)
                goes_on(d, key, whole, right)
    assert {"heads", "meta", "tables", "meta page"} <= tried, tried


def check_both(d, key, whole, right):
    """All pages of heads and counts at once."""
    pages = pages_in_use(d)
    put_back(d)
    for page, place in pages.items():
        if place in ("heads", "meta"):
            change_page(d, page, flip_bits(RANDOM, 8, 60, 20))
    goes_on(d, key, whole, right)


def check_lost(d):
    """A revision in the middle, in all pages that have it."""
    put_back(d)
    edit(path_of(d), rb'"per_unit":"0\.22"', flip_digit)
    for words in (("--dry-run",), ()):
        done = d.command("repair", *words, check=False)
        assert done.returncode == 1 and "lost: revision 2 of the tariff compute/spare" in done.stdout, (done.stdout, done.stderr)
        assert done.stdout.count("lost: ") == 1 and "restore all stores from one backup" in done.stdout, done.stdout
    assert "catalog" in start(d)


def main():
    print("METERD_SEED =", SEED)
    d, key, _ = make(serve())
    Receiver.takes = True
    add_history(d)
    whole = {"catalog": catalog_of(d), "charges": pulled(d)}
    d.stop()
    put_back(d)
    assert start(d) is None
    tell(d, key, AFTER)
    d.settle()
    right = amounts(pulled(d))
    d.stop()
    check_pages(d, key, whole, right)
    check_both(d, key, whole, right)
    check_lost(d)
    print("made again of its revisions, or told what is lost")
    shutil.rmtree(d.root)


main()
