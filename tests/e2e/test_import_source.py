"""Files as answers of a source: what a vendor gives by hand is held against what the log has of its window, as a polled answer is.

The same file twice is nothing, a restated row is its difference, a row that is gone is taken back; too much at once is suspect, told at once and
not billed. kill -9 in the middle, and the ledger deleted: the file once more, and all is as if nothing had been.
"""
import gzip
import io
import json
import os
import random
import shutil
import subprocess
import sys
import time
import zipfile
from decimal import Decimal

sys.path.insert(0, os.path.dirname(__file__))
from harness import METERD, Daemon, in_mid_month, wait_until  # noqa: E402

in_mid_month()

SEED = int(os.environ.get("METERD_SEED", "1"))
KILLS = int(os.environ.get("METERD_KILLS", "4"))
HEADER = "Account,Resource,Start,Quantity,Kind"
SETTINGS = {"rater": {"grace": "0s", "draft_every": "0s"}, "intake": {"lateness": "100d", "dedup_window": "100d"}}
ROWS = 40000  # of the month that is killed in


def source(key="bill", **more):
    return {"key": key, "vendor": "acme", "by_hand": True, "window": {"length": "month"}, "format": {"csv": {"entry": "*.csv"}},
            "identity": {"hash": ["Account", "Resource", "Start"], "multiset": True}, "guard": {"jump": 0},
            "map": {"type": "=vm.hour", "subject": "Account", "time": {"column": "Start", "format": "utc"},
                    "data": {"quantity": "Quantity"}, "skip": {"Kind": ["Tax"]}}, **more}


def catalog(*sources):
    return {"vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}],
            "meters": [{"key": "m", "service": "vm", "event_type": "vm.hour", "value": "quantity"}],
            "tariffs": [{"key": "t", "service": "vm", "currency": "EUR",
                         "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "1"}]}]}],
            "subscriptions": [{"key": key, "service": "vm", "customer": "c1", "tariff": "t", "start": "2020-01-01"} for key in ("s1", "s2")],
            "sources": list(sources)}


def csv(rows):
    return "\n".join([HEADER, *(",".join(map(str, row)) for row in rows), ""])


class Month:
    """The month that ended last: rows of (account, resource, start, quantity, kind)."""

    def __init__(self):
        now = time.gmtime()
        year, month = (now.tm_year, now.tm_mon - 1) if now.tm_mon > 1 else (now.tm_year - 1, 12)
        self.name = f"{year}-{month:02d}"

    def row(self, n, quantity, account="s1", day=2, kind="Usage"):
        return [account, f"r{n}", f"{self.name}-{day:02d} 00:00:00", quantity, kind]


def billed(d):
    d.settle()
    return sum((Decimal(charge["amount"]) for charge in d.get("/v1/charges?limit=1000")["charges"]), Decimal(0))


def give(d, text, *words, key="bill", check=True, name="usage.csv"):
    path = os.path.join(d.root, name)
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    done = d.command("import", "--source", key, "--json", *words, path, check=False)
    if check:
        assert done.returncode == 0, done
    return done, json.loads(done.stdout) if done.stdout else None


def counts(answer, *names):
    return tuple(answer[name] for name in names)


CHANGES = ("added", "changed", "gone", "same")


def check_difference(d, month):
    rows = [month.row(n, 5) for n in range(10)] + [month.row(77, 1000, kind="Tax")]
    done, answer = give(d, csv(rows), "--dry-run")
    assert answer["dry_run"] and answer["taken"] and counts(answer, *CHANGES) == (10, 0, 0, 0) and "reading" not in answer, answer
    assert d.status()["log"]["last_seq"] == 0, "a dry run stores nothing"
    done, answer = give(d, csv(rows))
    assert answer["start"].startswith(f"{month.name}-01") and answer["rows"] == 11 and answer["skipped"] == 1, answer
    assert counts(answer, *CHANGES) == (10, 0, 0, 0) and billed(d) == 50
    seq = d.status()["log"]["last_seq"]
    done, answer = give(d, csv(rows))
    assert counts(answer, *CHANGES) == (0, 0, 0, 10) and billed(d) == 50
    assert d.status()["log"]["last_seq"] == seq + 1, "an equal file is a receipt"

    rows[0] = month.row(0, 7)  # restated
    del rows[1]                # gone
    rows.append(month.row(10, 4, account="s2"))
    done, answer = give(d, csv(rows), "--dry-run")
    assert counts(answer, *CHANGES) == (1, 1, 1, 8) and billed(d) == 50, answer
    done, answer = give(d, csv(rows))
    assert counts(answer, *CHANGES) == (1, 1, 1, 8) and billed(d) == 51, answer
    rows.append(month.row(2, 5))  # equal to one before: usage of its own, as `multiset` says
    assert counts(give(d, csv(rows))[1], *CHANGES) == (1, 0, 0, 10) and billed(d) == 56

    # As people send it: packed, in a zip of several, from the clipboard.
    assert counts(give(d, gzip.compress(csv(rows).encode()), name="usage.csv.gz")[1], *CHANGES) == (0, 0, 0, 11)
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("a.csv", csv(rows[:5]))
        archive.writestr("b.csv", csv(rows[5:]))
    assert counts(give(d, memory.getvalue(), name="usage.zip")[1], *CHANGES) == (0, 0, 0, 11)
    told = subprocess.run([METERD, "-c", d.config, "import", "--source", "bill", "-"], input=csv(rows), capture_output=True, text=True, check=True)
    assert told.stdout.endswith(" 12 rows: 0 new, 0 changed, 0 gone, 11 the same, 1 skipped\n"), told
    return rows


def check_guard(d, rows):
    """Half of it at once: told with the file, an alarm of the source, and nothing is billed; --accept takes it."""
    half, before = csv(rows[:6]), billed(d)
    done, answer = give(d, half, "--dry-run", check=False)
    assert done.returncode == 1 and not answer["taken"] and answer["alarm"] == "suspect" and "it would not be taken: suspect: " in done.stderr, done
    assert not d.get("/v1/sources")["sources"][0].get("alarms"), "a dry run raises nothing"
    done, answer = give(d, half, check=False)
    assert done.returncode == 1 and answer["alarm"] == "suspect" and "5 of the window's 11 rows would go" in answer["problem"], answer
    assert "not taken: suspect: 5 of the window's 11 rows would go" in done.stderr and answer["acceptable"] and "--accept" in done.stderr, done
    assert billed(d) == before and "source=bill suspect: " in d.log_lines()
    assert "suspect" in d.command("source", "list").stdout
    done, answer = give(d, half, "--accept")
    assert answer["taken"] and not answer["acceptable"] and counts(answer, *CHANGES) == (0, 0, 5, 6) and billed(d) == before - (5 + 5 + 5 + 4 + 5), (answer, billed(d))
    assert "suspect" not in d.command("source", "list").stdout
    give(d, csv(rows))
    assert billed(d) == before
    give(d, half, check=False)
    told = d.command("source", "accept", "bill").stdout
    assert "1 accepted; give the file again (`meterd import --source bill FILE`), and it is taken" in told, told
    assert billed(d) == before and give(d, half)[1]["taken"] and billed(d) < before
    give(d, csv(rows))
    assert billed(d) == before


def check_windows(d, month, rows):
    """Which window a file is, and what is none."""
    year, number = map(int, month.name.split("-"))
    before = f"{year - (number == 1)}-{(number - 2) % 12 + 1:02d}"
    both = csv([*rows, ["s1", "r0", f"{before}-03 00:00:00", 1, "Usage"]])
    for words, text, said in (((), both, "more than one window"), ((), csv([]), "no row of the file says a time"),
                              (("--window", before), csv(rows), "none of the file's 11 rows is of the window"),
                              (("--window", "soon"), csv(rows), "a month, a day or an instant"), ((), "Account,Start\ns1,x\n", "column 'Quantity' is not in the header")):
        done = give(d, text, *words, check=False)[0]
        assert done.returncode == 1 and said in done.stderr, (words, done)
    assert give(d, csv(rows), "--window", month.name)[1]["same"] == 11
    assert give(d, csv(rows), "--window", f"{month.name}-15")[1]["same"] == 11
    total = billed(d)
    other = csv([["s1", "r0", f"{before}-03 00:00:00", 1, "Usage"], month.row(2, 5)])
    answer = give(d, other, "--window", before)[1]
    assert counts(answer, "added", "elsewhere") == (1, 1), answer
    assert billed(d) == total + 1, "a row of another window stays there"
    windows = d.get("/v1/sources/windows?source=bill")["windows"]
    assert [w["start"][:7] for w in windows] == [before, month.name] and all(w["state"] == "complete" for w in windows), windows
    for words, status in ((["import", "--source", "bill", "a", "b"], 64), (["import", "--source", "bill", "--map", "m", "a"], 64),
                          (["import", "--accept", "a"], 64), (["import", "--source", "bil", os.path.join(d.root, "usage.csv")], 1)):
        assert d.command(*words, check=False).returncode == status, words


def check_bad_rows(d, month, rows):
    """One bad row is one row in quarantine; the rest counts, and the exit status says so."""
    total = billed(d)
    done, answer = give(d, csv([*rows, ["s1", "r90", "the 3rd", 5, "Usage"]]), check=False)
    assert done.returncode == 1 and answer["taken"] and counts(answer, "problems", "added", "same") == (1, 1, 11), (done, answer)
    assert billed(d) == total
    give(d, csv([*rows, month.row(90, 5)]))
    assert billed(d) == total + 5
    give(d, csv(rows))
    assert billed(d) == total


def check_repeated(d, month):
    """Equal rows of one key: one counts, and how many there were is told wherever the window is. The vendor's count counts them all."""
    row, other = month.row(1, 5), month.row(2, 3)
    total = billed(d)
    told = d.command("import", "--source", "hashed", "--dry-run", "-", stdin=csv([row, row, other, row])).stdout
    assert told.splitlines()[0].endswith(" 4 rows: 2 new, 0 changed, 0 gone, 0 the same, 2 equal to another; nothing is stored"), told
    assert counts(give(d, csv([row, row, other, row]), key="hashed")[1], "rows", "repeated", *CHANGES) == (4, 2, 2, 0, 0, 0)
    assert billed(d) == total + 8
    window = d.get("/v1/sources/windows?source=hashed")["windows"][0]
    assert counts(window, "state", "rows", "repeated", "proof") == ("complete", 2, 2, "none"), window
    assert "REPEATED" in d.command("source", "windows", "hashed").stdout
    receipt = next(e for e in d.get("/v1/events?limit=1000")["events"] if e["source"] == "meterd:hashed" and e["type"] == "meterd.reading")
    assert counts(receipt["data"], "rows", "repeated") == (4, 2), receipt
    d.stop()
    shutil.rmtree(os.path.join(d.data, "intake"))
    d.start()
    wait_until("it to be folded of the receipts", lambda: d.get("/v1/sources/windows?source=hashed")["windows"] == [window])
    assert counts(give(d, csv([other, row]), key="hashed")[1], "repeated", *CHANGES) == (0, 0, 0, 0, 2)
    assert d.get("/v1/sources/windows?source=hashed")["windows"][0]["repeated"] == 0

    start = f"{month.name}-02T00:00:00Z"
    items = [{"who": "s1", "at": start, "n": 2}] * 3
    for count, is_whole in ((1, False), (3, True)):
        done, answer = give(d, json.dumps({"data": items, "total": count}), key="totalled", name="usage.json", check=False)
        assert answer["taken"] == is_whole and answer["repeated"] == 2, (count, done)
        assert not answer["acceptable"] and "--accept" not in done.stderr, "it would not help: the vendor's own count does not hold"
        window = d.get("/v1/sources/windows?source=totalled")["windows"][0]
        assert counts(window, "state", "proof") == (("complete", "count") if is_whole else ("incomplete", "none")), window
    assert " count " in d.command("source", "windows", "totalled").stdout, d.command("source", "windows", "totalled").stdout
    assert billed(d) == total + 10


def check_kills(d, month, chance):
    """A month of many rows, restated in part while the daemon is killed: the file again brings the rest, and no more."""
    rows = {n: month.row(n, chance.randrange(1, 9), day=1 + n % 28) for n in range(ROWS)}
    give(d, csv(rows.values()), key="many")
    for round_ in range(KILLS):
        for n in chance.sample(range(ROWS), ROWS // 8):
            if n in rows and chance.random() < 0.2:
                del rows[n]
            else:
                rows[n] = month.row(n, chance.randrange(1, 9), day=1 + n % 28)
        path = os.path.join(d.root, "many.csv")
        with open(path, "w", encoding="utf-8") as f:
            f.write(csv(rows.values()))
        seq = d.status()["log"]["last_seq"]
        running = subprocess.Popen([METERD, "-c", d.config, "import", "--source", "many", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if chance.random() < 0.7:
            wait_until("something of it is in the log, or all", lambda seq=seq: d.status()["log"]["last_seq"] > seq or running.poll() is not None)
        d.kill()
        running.wait(120)
        if round_ % 2:
            shutil.rmtree(os.path.join(d.data, "intake"))
        d.start()
        answer = give(d, csv(rows.values()), key="many")[1]
        assert answer["taken"] and answer["added"] + answer["changed"] + answer["same"] == len(rows), answer
        assert counts(give(d, csv(rows.values()), key="many")[1], *CHANGES) == (0, 0, 0, len(rows))
        d.settle()
        usage = d.get("/v1/usage?window=total&from=2020-01-01&to=2199-01-01")["rows"]
        assert sum(int(row["quantity"]) for row in usage) == sum(row[3] for row in rows.values()), round_
    assert d.command("audit", "--log").stdout


def check_quarantine(d, month):
    """Rows in quarantine, source by source."""
    give(d, csv([month.row(1, "much")]), "--accept", key="hashed", check=False)
    items = [{"who": "s1", "at": f"{month.name}-02T00:00:00Z", "n": "little"}]
    give(d, json.dumps({"data": items, "total": 1}), "--accept", key="totalled", name="usage.json", check=False)
    d.settle()
    kept = d.get("/v1/quarantine")
    first, second = kept["events"]
    assert first["reason"] == second["reason"] == "refused" and "much" in first["text"] and "little" in second["text"], kept
    assert d.get("/v1/quarantine?source=hashed") == {**kept, "events": [first]}, "one row of two, and all were looked at"
    assert d.get("/v1/quarantine?source=totalled&limit=1")["events"] == [second]
    assert not d.get(f"/v1/quarantine?source=hashed&after={first['seq']}")["events"]
    assert d.call("GET", "/v1/quarantine?source=hash").status == 404


def main():
    print(f"seed {SEED}")
    chance, month = random.Random(SEED), Month()
    with Daemon(SETTINGS) as d:
        d.apply(catalog(source()))
        rows = check_difference(d, month)
        check_guard(d, rows)
        check_windows(d, month, rows)
        check_bad_rows(d, month, rows)
        assert d.command("audit", "--log").stdout
        d.stop()
    with Daemon(SETTINGS) as d:
        counted = source("totalled", identity={"hash": ["who", "at"]}, format={"json": {"rows": "data[]"}}, complete={"count": "total"},
                         map={"type": "=vm.hour", "subject": "who", "time": "at", "data": {"quantity": "n"}})
        d.apply(catalog(source("hashed", identity={"hash": ["Account", "Resource", "Start"]}), counted))
        check_repeated(d, month)
        check_quarantine(d, month)
        d.stop()
    with Daemon(SETTINGS) as d:
        d.apply(catalog(source("many")))
        check_kills(d, month, chance)
        d.stop()
    print(f"{KILLS} kills")


main()
