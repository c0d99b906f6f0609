"""The simulator of vendors, asked by a plain client: every kind tells the truth, and every fault shows as what it is.

What the client gets (vendor_reader.py, which shares no code with the simulator) is compared with the ledger of the truth, row by row.
METERD_SEED is another vendor, METERD_CASES asks for so many dialects besides.
"""
import datetime
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import zlib
from collections import Counter
from dataclasses import replace

sys.path.insert(0, os.path.dirname(__file__))
from harness import METERD, skip, wait_until  # noqa: E402
try:
    import zstandard  # noqa: F401
    import botocore  # noqa: F401
except ImportError as missing:
    skip(f"{missing.name} is not installed")
from vendor import FAULTS, Clock, Dialect, Life, Simulator, Truth, any_dialect, every_dialect, source_document  # noqa: E402
from vendor.document import list_document  # noqa: E402
from vendor.message import Refused, Request  # noqa: E402
from vendor_reader import Reader, Usage, Wrong, fetch  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
CASES = int(os.environ.get("METERD_CASES", "60"))
UTC = datetime.timezone.utc
HOUR_US = 3600 * 1000000


def us(*date):
    return int(datetime.datetime(*date, tzinfo=UTC).timestamp()) * 1000000


FROM_US, TO_US = us(2026, 3, 27), us(2026, 4, 1)  # an hour of the night of 29 March is missing in Europe
NOW_US = us(2026, 4, 2, 12)


def started(seed=SEED, **shares):
    """A vendor whose clock stands, and a life of five editions."""
    simulator = Simulator(seed, Clock(NOW_US), shares).start()
    life = Life(simulator.truth, seed, FROM_US, TO_US)
    life.begin(300)
    for _ in range(4):
        life.go_on(6)
    return simulator, life


def reader_of(simulator, dialect, truth=None):
    service = simulator.add(dialect, truth)
    return Reader(simulator.url(dialect.name), dialect, service.gate.files,
                  lambda: datetime.datetime.fromtimestamp(simulator.clock.now_us() / 1e6, UTC))


def usage_of(rows):
    return [Usage(row.id, row.account, row.start_us, row.quantity, **dict(row.dimensions)) for row in rows]


def windows_of(dialect):
    """All of the truth's time, cut as the dialect has it."""
    reader = Reader("", dialect, {})
    if dialect.length == "month":
        return [(us(2026, 3, 1), us(2026, 4, 1))]
    step = HOUR_US if dialect.length == "hour" else 24 * HOUR_US
    if dialect.zone == "UTC" or "%" not in dialect.time_style:
        return [(at, at + step) for at in range(FROM_US, TO_US, step)]
    borders = [at for at in range(FROM_US - 24 * HOUR_US, TO_US + 25 * HOUR_US, HOUR_US // 4) if reader.time(at, "%H%M") == "0000"]
    return list(zip(borders, borders[1:]))


def by_series(rows):
    """What Prometheus knows: no ids."""
    sums = Counter()
    for row in rows:
        sums[row.account, row.start_us, row.plan, row.region] += row.quantity
    return sums


def check_truth(simulator, dialect):
    """All windows, all rows: as published last, each once."""
    truth = None
    if dialect.length == "cursor":  # a feed takes nothing back
        truth = Truth(simulator.clock)
        Life(truth, SEED, FROM_US, TO_US).begin(130)
    if dialect.length == "periods":
        simulator.clock.set(us(2026, 3, 31, 12))
    reader, truth = reader_of(simulator, dialect, truth), truth or simulator.truth
    wanted = usage_of(truth.rows(0, NOW_US))
    if dialect.length in ("cursor", "periods"):
        got = reader.read(0, 0)
        assert len(got) == len(set(got)) and set(got) == set(wanted), dialect.name
        simulator.clock.set(NOW_US)
        return
    accounts = sorted({row.account for row in wanted}) if dialect.each else [None]
    got = []
    for from_us, to_us in windows_of(dialect):
        for account in accounts:
            rows = reader.read(from_us, to_us, account)
            assert len(rows) == len(set(rows)), (dialect.name, from_us)
            got += [row for row in rows if from_us <= row.start_us < to_us or (dialect.border == "closed" and row.start_us == to_us)]
    if dialect.border == "closed":  # rows on a border come twice
        assert len(got) > len(set(got)) or dialect.zone != "UTC", dialect.name
        got = sorted(set(got), key=str)
    if dialect.format.startswith("prometheus"):
        check_prometheus(simulator, dialect, got, by_series(wanted))
        return
    if dialect.rows_cap and not dialect.cap_is_told:
        assert Counter(row.start_us // (24 * HOUR_US) for row in got).most_common(1)[0][1] == dialect.rows_cap
        assert not Counter(got) - Counter(wanted)
        return
    assert Counter(got) == Counter(wanted), (dialect.name, len(got), len(wanted), Counter(got) - Counter(wanted))


def check_prometheus(simulator, dialect, got, wanted):
    """A selector that is open on the left has no row that begins with the window."""
    if dialect.border == "half_open" and dialect.format == "prometheus":
        wanted = {key: value for key, value in wanted.items() if key[1] % (24 * HOUR_US)}
    assert by_series(got) == wanted, dialect.name
    url = f"{simulator.url(dialect.name)}/api/v1/query_range?query=usage&start={FROM_US // 1000000}&end={TO_US // 1000000}&step=60"
    assert fetch(url).status == 200


def check_every_dialect():
    simulator, _ = started()
    for dialect in every_dialect().values():
        try:
            check_truth(simulator, dialect)
        except Wrong as wrong:
            assert dialect.cap_is_told and "too_many_rows" in str(wrong), (dialect.name, wrong)
    assert not simulator.trapped
    simulator.stop()
    return simulator.trace.digest(), simulator.trace.counts["requests"]


def check_any_dialect():
    """Whatever goes together tells the truth."""
    simulator, _ = started()
    chance = random.Random(f"dialects {SEED}")
    for number in range(CASES):
        dialect = any_dialect(chance, f"any-{number}")
        try:
            check_truth(simulator, dialect)
        except (Wrong, AssertionError, ValueError, KeyError) as wrong:
            raise AssertionError(dialect) from wrong
    assert not simulator.trapped
    simulator.stop()


# What a client sees of each fault, by a dialect that shows it: an exception, the first words of a Wrong, or a word for what is silent:
# "as published" (it does no harm), "another answer" (nothing but the rows is wrong).
SEEN = [
    ("cursor", "too_many", "status 429"), ("cursor", "too_many_seconds", "status 429"), ("cursor", "too_many_date", "status 429"),
    ("cursor", "internal", "status 500"), ("cursor", "unavailable", "status 503"), ("cursor", "hang", TimeoutError),
    ("cursor", "reset", ConnectionError), ("auth-oauth2", "unauthorized", "status 401"), ("auth-login", "unauthorized", "status 401"),
    ("cursor", "redirect", "status 302"), ("cursor", "torn", "bytes"), ("list", "torn", "bytes"), ("ndjson", "torn", EOFError),
    ("cursor", "cut", http.client.IncompleteRead), ("cursor", "drip", TimeoutError), ("cursor", "huge", "more than"),
    ("cursor", "skew", "as published"), ("cursor", "html", "bytes"), ("csv-ru", "html", "bytes"),
    ("cursor", "repeat_page", "another answer"), ("offset", "repeat_page", "loop"), ("next-relative", "repeat_page", "another answer"),
    ("cursor", "skip_page", "another answer"), ("page-bare", "skip_page", "loop"), ("link", "foreign_link", "link"),
    ("parts", "expired_link", "status 403"), ("parts", "missing_part", "status 404"), ("parts", "torn_part", "torn"),
    ("s3", "torn_part", "torn"), ("job-url", "torn_part", "bytes"), ("offset", "reorder", "as published"),
    ("next", "reorder", "as published"), ("cursor", "endless", "loop"), ("page-bare", "endless", "loop"), ("link", "endless", "loop"),
    ("cursor", "aba", "loop"), ("next", "aba", "loop"), ("page-bare", "aba", "loop"), ("cursor", "empty", "another answer"),
    ("job-url", "empty", "another answer"), ("none", "partial", "warning"), ("prometheus", "partial", "warning"),
    ("none", "shrunk", "another answer"), ("parts", "shrunk", "another answer"), ("none", "jump", "another answer"),
    ("prometheus", "jump", "another answer"), ("csv-ru", "jump", "another answer"), ("none", "new_column", "drift"),
    ("csv-zip", "new_column", "drift"), ("none", "missing_column", "drift"), ("link-csv", "missing_column", "drift"),
    ("none", "empty_column", "another answer"), ("csv-zip", "empty_column", "another answer"),
    ("none", "other_zone", "as published"), ("none", "nan", "bytes"), ("csv-zip", "nan", "refused"), ("prometheus", "nan", "another answer"),
    ("job-url", "job_failed", "failed"), ("job-manifest", "job_lost", "status 404"), ("job-rows", "submit_lost", ConnectionError),
    ("auth-oauth2", "token_outage", "status 503"), ("auth-login", "token_outage", "status 503"),
]


def outcome(read, wanted):
    """What comes of a reading, in a word."""
    try:
        got = read()
    except Wrong as wrong:
        return str(wrong)
    except (ValueError, SyntaxError) as fault:
        return f"bytes: {fault!r}"
    except (OSError, http.client.HTTPException, EOFError, zlib.error) as fault:
        return fault
    return "as published" if Counter(got) == Counter(wanted) else "another answer"


def check_faults():
    """Each of them shows, once, and is gone with the next reading."""
    simulator, _ = started()
    from_us, to_us = windows_of(Dialect("", length="month"))[0]
    readers = {}
    for name, fault, seen in SEEN:
        dialect = replace(every_dialect()[name], page_rows=20)
        reader = readers.get(name) or readers.setdefault(name, reader_of(simulator, dialect))
        reader.timeout, reader.bearer = 0.5, None
        simulator.chaos.scripts.clear()
        plain = outcome(lambda: reader.read(from_us, to_us), [])
        assert plain == "another answer", (name, fault, plain)
        wanted = reader.read(from_us, to_us)
        reader.bearer = None if fault in ("token_outage",) else reader.bearer
        simulator.chaos.script(name, fault)
        got = outcome(lambda: reader.read(from_us, to_us), wanted)
        is_as_expected = got.startswith(seen) if isinstance(got, str) and isinstance(seen, str) else isinstance(got, seen)
        assert is_as_expected, (name, fault, seen, got)
        assert simulator.chaos.happened[name, fault] == 1, (name, fault, "did not happen")
        simulator.chaos.happened[name, fault] = 0
        reader.bearer = None
        assert outcome(lambda: reader.read(from_us, to_us), wanted) == "as published", (name, fault)
    assert {fault for _, fault, _ in SEEN} == set(FAULTS), set(FAULTS) ^ {fault for _, fault, _ in SEEN}
    assert not simulator.trapped
    simulator.stop()


class ShortPageEnds(Reader):
    def following(self, page, new, rows):
        return super().following(page, new, rows) if len(new) == self.page_rows else None


class OffsetByLimit(Reader):
    def following(self, page, new, rows):
        token = super().following(page, new, rows)
        return token and str(len(self.pages) * self.page_rows)


class EmptyPageIsFine(Reader):
    """Asks for whatever token there is, an empty one, too."""
    def following(self, page, new, rows):
        return page.json()["meta"].get("next")


class FollowsLinks(Reader):
    def go_on(self, path, window, token):
        return self.send(urllib.parse.urljoin(self.base, token))


class LeavesWarnings(Reader):
    def parse(self, text):
        document = super().parse(text)
        return {**document, "warnings": []} if isinstance(document, dict) else document


class EndIsExclusive(Reader):
    def window(self, from_us, to_us, account=None):
        return Reader(self.base, replace(self.dialect, border="half_open"), {}).window(from_us, to_us - 24 * HOUR_US, account)


class ErrorIsZero(Reader):
    def read(self, from_us, to_us, account=None):
        try:
            return super().read(from_us, to_us, account)
        except Wrong:
            return []


class KnowsNoCounts(Reader):
    def parts(self, manifest):
        return [row for blob in manifest["blobs"][:-1] for row in self.take(self.send(blob["url"], is_own=False).body)]


# Clients with one mistake each; fault: what brings it to light, where the truth alone does not.
MISTAKES = [
    (ShortPageEnds, "offset-capped", None), (OffsetByLimit, "offset-capped", None), (EmptyPageIsFine, "cursor-empty", None),
    (FollowsLinks, "link", "foreign_link"), (LeavesWarnings, "prometheus-closed", "partial"), (EndIsExclusive, "inclusive", None),
    (ErrorIsZero, "none", "internal"), (ErrorIsZero, "job-url", "job_failed"), (KnowsNoCounts, "parts", None),
]


def check_mistakes():
    """A client with any of them gets another answer, or meets the trap: the simulator has teeth."""
    simulator, _ = started()
    for number, (mistake, name, fault) in enumerate(MISTAKES):
        dialect = replace(every_dialect()[name], name=f"{name}-{number}", page_rows=30)
        right = reader_of(simulator, dialect)
        wrong = mistake(right.base, dialect, right.secrets, right.now)
        wanted = right.read(FROM_US, TO_US)
        if fault:
            simulator.chaos.script(dialect.name, fault)
        got = outcome(lambda: wrong.read(FROM_US, TO_US), wanted)
        assert got != "as published" or simulator.trapped, (mistake, name)
    assert len(simulator.trapped) == 1
    simulator.stop()


def refused(call, *words):
    try:
        call()
    except Wrong as wrong:
        assert all(word in str(wrong) for word in words), (wrong, words)
    else:
        raise AssertionError(f"taken, though {words}")


def check_logins():
    """A wrong secret is refused; tokens end; a refresh token is for one use; a nonce, too; a signature holds for what it was made."""
    simulator, _ = started()
    window = (FROM_US, FROM_US + 24 * HOUR_US)
    for dialect in every_dialect().values():
        if dialect.auth != "none":
            reader = reader_of(simulator, dialect)
            reader.secret = "wrong"
            refused(lambda: reader.read(*window), "status 40")
            plain = simulator.services[dialect.name].gate.refused
            refused(lambda: reader.send(f"{reader.base}/usage", is_own=False), "status 40")
            assert simulator.services[dialect.name].gate.refused == plain + 1
    for name in ("auth-oauth2", "auth-login"):
        reader = reader_of(simulator, every_dialect()[name])
        reader.read(*window)
        simulator.clock.advance(HOUR_US - 1)
        reader.read(*window)
        simulator.clock.advance(1)
        refused(lambda: reader.read(*window), "status 401")
        reader.bearer = None
        reader.read(*window)
    check_rotation(simulator, window)
    reader = reader_of(simulator, every_dialect()["auth-hmac"])
    reader.read(*window)
    reader.nonces = 0
    refused(lambda: reader.read(*window), "status 401")
    check_signature(simulator)
    simulator.stop()


def check_rotation(simulator, window):
    """The old one holds until the new access token is used: a client that crashes between the two may begin again."""
    reader = reader_of(simulator, every_dialect()["auth-oauth2-refresh"])
    first = reader.refresh
    reader.oauth2()
    assert reader.refresh != first
    reader.refresh = first
    reader.read(*window)
    reader.refresh, reader.bearer = first, None
    refused(lambda: reader.read(*window), "invalid_grant")
    gate = simulator.services["auth-oauth2-refresh"].gate
    assert gate.burned == 1
    reader = reader_of(simulator, every_dialect()["auth-oauth2-refresh"])
    simulator.services["auth-oauth2-refresh"].gate.burns_at_once = True
    first = reader.refresh
    reader.oauth2()
    reader.refresh = first
    refused(reader.oauth2, "invalid_grant")


def check_signature(simulator):
    """By botocore, for keys and parameters that are spelled badly; and each part of the request counts."""
    reader = reader_of(simulator, every_dialect()["s3"])
    gate = simulator.services["s3"].gate
    for target in ("/s3/bucket/a%20b%2Bc%3D/d~e", "/s3/bucket?prefix=z%2F%20&list-type=2&a=", "/s3/bucket?b=%C3%BC&a=2&a=1", "/s3/bucket/"):
        url = simulator.origin() + target
        headers = {**reader.aws(url, "GET", None), "Host": url.split("/")[2]}
        lower = {name.lower(): text for name, text in headers.items()}
        gate.check(Request("GET", target, lower, b"", "127.0.0.1"))
        for changed in (Request("POST", target, lower, b"", ""), Request("GET", target + "x", lower, b"", ""),
                        Request("GET", target, {**lower, "host": "other"}, b"", ""), Request("GET", target, lower, b"x", ""),
                        Request("GET", target, {**lower, "x-amz-date": "20260402T120001Z"}, b"", ""),
                        Request("GET", target, {**lower, "x-amz-meta-new": "1"}, b"", "")):
            try:
                gate.check(changed)
            except Refused:
                continue
            raise AssertionError(("taken", target, changed))


def check_editions():
    """A reading stays with its edition while the vendor goes on, but for the one that says it moves; a restatement shows at once."""
    simulator, life = started()
    day = (FROM_US, FROM_US + 24 * HOUR_US)
    for name, stays in (("cursor", True), ("offset", True), ("offset-moving", False), ("job-manifest", True)):
        reader = reader_of(simulator, replace(every_dialect()[name], page_rows=5))
        before = usage_of(simulator.truth.rows(*day))
        take, pages = reader.take, []

        def once(data):
            pages.append(data)
            if len(pages) == 1:
                life.restate(60)
            return take(data)

        reader.take = once
        assert (Counter(reader.read(*day)) == Counter(before)) == stays, name
        reader.take = take
        assert Counter(reader.read(*day)) == Counter(usage_of(simulator.truth.rows(*day))), name
    assert simulator.truth.edition_at(NOW_US) == simulator.truth.edition and simulator.truth.edition_at(NOW_US - 1) == 0
    simulator.stop()


def check_feed():
    """What came later, with an earlier time too, is behind the token; by id it comes first."""
    simulator, _ = started()
    truth = Truth(simulator.clock)
    life = Life(truth, SEED, FROM_US, TO_US)
    life.begin(7)
    simulator.clock.advance(10 * 1000000)
    simulator.add(every_dialect()["feed"], truth)
    simulator.add(every_dialect()["after"], truth)
    url = f"{simulator.url('feed')}/usage"
    document = json.loads(fetch(url).body)
    token = urllib.parse.quote(document["meta"]["next"])
    life.late(3)
    again = json.loads(fetch(f"{url}?cursor={token}").body)
    assert sum(len(group["items"]) for group in document["data"]) == 7 and sum(len(group["items"]) for group in again["data"]) == 3
    after = f"{simulator.url('after')}/usage?limit=4"
    ids = [one["lineId"] for group in json.loads(fetch(after).body)["data"] for one in group["items"]]
    assert ids == [f"row/{n:05}" for n in (10, 9, 8, 7)], ids
    since = json.loads(fetch(f"{after}&created[gte]={simulator.clock.now_us() // 1000000}").body)
    assert sum(len(group["items"]) for group in since["data"]) == 3 and since["has_more"] is False
    simulator.stop()


def check_limits():
    """Of rows, told or not; of points, to the one; of links, by their time."""
    simulator, _ = started()
    simulator.add(Dialect("points", format="prometheus", time_style="unix", row_style="unix", points_cap=11000))
    query = f"{simulator.url('points')}/api/v1/query_range?query=usage&start=0&step=60&end="
    assert fetch(query + str(11000 * 60)).status == 200 and fetch(query + str(11000 * 60 + 1)).status == 400
    reader = reader_of(simulator, every_dialect()["parts"])
    link = reader.ask("/manifest", reader.window(FROM_US, TO_US)).json()["blobs"][0]["url"]
    assert fetch(link).status == 200 and fetch(link.replace("sig=", "sig=0")).status == 403
    simulator.clock.advance(HOUR_US)
    assert fetch(link).status == 403
    etag = fetch(f"{reader.base}/manifest?from=2026-03-28T00:00:00Z&to=2026-03-29T00:00:00Z").headers["ETag"]
    same = fetch(f"{reader.base}/manifest?from=2026-03-28T00:00:00Z&to=2026-03-29T00:00:00Z", headers={"If-None-Match": etag})
    assert same.status == 304 and same.body == b""
    for bad in ("/usage", "/usage?from=x&to=y", "/nothing", "/files/1/part-0.gz", "/reports/none"):
        assert fetch(reader.base + bad).status in (400, 403, 404), bad
    simulator.stop()


def check_rate():
    """Twenty in a second of the vendor's clock, and the next second is another. Requests under way are counted."""
    simulator, _ = started()
    reader = reader_of(simulator, every_dialect()["rate"])
    for _ in range(20):
        reader.read(FROM_US, TO_US)
    refused(lambda: reader.read(FROM_US, TO_US), "status 429")
    simulator.clock.advance(1000000)
    simulator.chaos.script("rate", "hang", "hang", None)
    threads = [threading.Thread(target=outcome, args=(lambda: reader.read(FROM_US, TO_US), [])) for _ in range(2)]
    for thread in threads:
        thread.start()
    service = simulator.services["rate"]
    wait_until("two requests under way", lambda: service.in_flight_max == 2)
    simulator.stop()
    for thread in threads:
        thread.join()


def check_admin():
    """All that tests do in the process can be done from another one."""
    simulator, simulator.life = started()
    reader = reader_of(simulator, every_dialect()["none"])

    def post(path, body):
        reply = fetch(f"{simulator.origin()}/-/{path}", "POST", json.dumps(body).encode())
        assert reply.status == 200, reply.body
        return reply.json()

    def get(path):
        return fetch(f"{simulator.origin()}/-/{path}").json()

    edition = get("counters")["edition"]
    assert post("life", {"late": 3, "vanish": 1})["edition"] == edition + 2
    truth = get("truth?from=2026-03-27T00:00:00Z&to=2026-04-01T00:00:00Z")
    assert Counter(row["id"] for row in truth) == Counter(row.id for row in reader.read(FROM_US, TO_US))
    post("script", {"source": "none", "faults": ["internal"]})
    refused(lambda: reader.read(FROM_US, TO_US), "status 500")
    post("chaos", {"internal": 1})
    refused(lambda: reader.read(FROM_US, TO_US), "status 500")
    post("chaos", {})
    reader.read(FROM_US, TO_US)
    assert [entry["status"] for entry in get("trace?source=none")] == [200, 500, 500, 200] and get("trapped") == []
    assert post("clock", {"at": "2026-04-03T00:00:00Z"}) and post("clock", {"by_s": 60})["now"] == "2026-04-03T00:01:00Z"
    assert fetch(f"{simulator.origin()}/-/life", "POST", b'{"sleep": 1}').status == 400
    fetch(f"http://127.0.0.3:{simulator.port}/x")
    assert get("trapped") == ["GET /x"]
    simulator.stop()


def drained(seed, shares):
    """One client's whole way through chaos: asks again until there is an answer. The digest of all that was served."""
    simulator, life = started(seed, **shares)
    faults = 0
    for name in ("cursor", "offset", "link", "parts", "s3", "job-manifest", "auth-oauth2", "csv-ru"):
        reader = reader_of(simulator, every_dialect()[name])
        reader.timeout = 5
        for from_us, to_us in windows_of(reader.dialect):
            for _ in range(60):
                got = outcome(lambda: reader.read(from_us, to_us), usage_of(simulator.truth.rows(from_us, to_us)))
                if got == "as published":
                    break
                reader.bearer, faults = None, faults + 1
            assert got == "as published", (name, got)
        life.go_on(2)
    assert faults > 20 and sum(simulator.chaos.happened.values()) >= faults, (faults, simulator.chaos.happened)
    simulator.chaos.set({})
    happened = simulator.chaos.happened.total()
    reader.read(*windows_of(reader.dialect)[1])
    assert simulator.chaos.happened.total() == happened
    simulator.stop()
    return simulator.trace.digest()


def check_seeds():
    """Equal seeds are equal to the byte."""
    shares = {name: 0.02 for name in FAULTS if name not in ("hang", "drip", "huge")}
    first = drained(SEED, shares)
    assert first == drained(SEED, shares) and first != drained(SEED + 1, shares)


def check_documents():
    """Of every dialect: the catalog takes it, and secrets stand in files of their own, none of them in the text."""
    simulator, _ = started()
    chance = random.Random(f"documents {SEED}")
    dialects = [*every_dialect().values(), *(any_dialect(chance, f"any-{number}") for number in range(CASES))]
    with tempfile.TemporaryDirectory() as directory:
        documents = []
        for dialect in dialects:
            service = simulator.add(dialect)
            documents.append(source_document(service, directory, "acme", "2026-03-27", expect={"freshness": "36h"}))
            assert service.gate.secret not in json.dumps(documents[-1]) and documents[-1]["expect"]["freshness"] == "36h"
            if dialect.each == "list":
                documents.append(list_document(service, "acme"))
        for name in os.listdir(directory):
            assert os.stat(os.path.join(directory, name)).st_mode & 0o777 == 0o600, name
        path = os.path.join(directory, "sources.yaml")
        with open(path, "w") as f:
            json.dump({"vendors": [{"key": "acme"}], "sources": documents}, f, indent=1)
        done = subprocess.run([METERD, "check", path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    simulator.stop()


def main():
    first, second = check_every_dialect(), check_every_dialect()
    assert first == second, "equal seeds, other traces"
    check_any_dialect()
    check_faults()
    check_mistakes()
    check_logins()
    check_editions()
    check_feed()
    check_limits()
    check_rate()
    check_admin()
    check_seeds()
    check_documents()
    print(f"{len(every_dialect())} dialects, {len(FAULTS)} faults, {first[1]} requests without one")


if __name__ == "__main__":
    main()
