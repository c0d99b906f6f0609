"""Readers that take nothing, or little at a time, of long answers: the daemon's memory stays bounded, others are served, and whoever goes on
reading gets every byte."""
import gzip
import http.client
import json
import os
import select
import shutil
import socket
import subprocess
import time

from harness import METERD, WAIT_S, Daemon, in_mid_month, wait_until

in_mid_month()

# A build with the address sanitizer keeps what was freed for a while: little of it here, where memory is what is measured.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=16"

READERS = 24
HOSTS = 10000
BUCKETS = 8000  # a draft charges each: one draft alone is a long answer
GROWTH_MAX_KB = 64 << 10
LONG_BYTES_MIN = 3_000_000  # of one answer: all readers' together are more than the bound

CATALOG = {
    "vendors": [{"key": "va"}],
    "services": [{"key": "sa", "vendor": "va"}],
    "meters": [
        {"key": "hosts", "service": "sa", "event_type": "a", "value": "n", "group_by": ["host"]},
        {"key": "buckets", "service": "sa", "event_type": "a", "value": "n", "group_by": ["bucket"]},
    ],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [
        {"from": "2020-01-01", "components": [{"key": "c", "meter": "buckets", "per_unit": "0.5", "group_by": ["bucket"]}]}]}],
    "subscriptions": [{"key": "s1", "service": "sa", "customer": "c1", "tariff": "t", "start": "2020-01-01"}],
}
# A tariff of 1000 tiers, and 40 groups of use that go through all of them: a trace of 40,000 steps.
PRICE = json.dumps({
    "tariff": {"key": "t", "currency": "USD", "versions": [{"from": "1970-01-01", "components": [
        {"key": "c", "meter": "m", "group_by": ["x"],
         "graduated": [{"up_to": i + 1, "unit": "1"} for i in range(999)] + [{"unit": "1"}]}]}]},
    "usage": [{"component": "c", "quantity": "100000", "dimensions": {"x": f"v{i}"}} for i in range(40)],
}).encode()


def memory_kb(daemon, name):
    with open(f"/proc/{daemon.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name + ":"))


def peak_growth_kb(daemon, work):
    """How far the daemon's memory went up while `work` ran."""
    before = memory_kb(daemon, "VmRSS")
    with open(f"/proc/{daemon.process.pid}/clear_refs", "w") as f:
        f.write("5")  # the peak begins anew
    work()
    return memory_kb(daemon, "VmHWM") - before


def request(daemon, method, path, headers=(), body=b"", version="1.1"):
    head = [f"{method} {path} HTTP/{version}", "Host: x", f"Authorization: Bearer {daemon.key}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Reader:
    """A client with a small window that has asked, and reads when it is told to."""

    def __init__(self, daemon, ask):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self.socket.settimeout(WAIT_S)
        self.socket.connect(("127.0.0.1", daemon.port))
        self.socket.sendall(ask)

    def first_line(self):
        """Waits for the answer's beginning, and leaves it unread."""
        seen = b""
        while b"\r\n" not in seen:
            seen = self.socket.recv(64, socket.MSG_PEEK)
            assert seen, "the daemon closed the connection"
        return seen.split(b"\r\n")[0]

    def answer(self):
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        pieces = []
        while piece := response.read1(8192):
            pieces.append(piece)
        return response, b"".join(pieces)

    def close(self):
        self.socket.close()


def send_events(daemon):
    key = daemon.vendor_key("va")
    pad = "x" * 300
    at = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(time.time() - 7200))
    for start in range(0, HOSTS, 2000):
        lines = [json.dumps({"id": str(i), "source": "s", "type": "a", "subject": "s1", "time": at,
                             "data": {"n": 1 + i % 7, "host": f"host-{i:05}-{pad[:180]}", "bucket": f"b{i % BUCKETS}", "note": pad}})
                 for i in range(start, min(start + 2000, HOSTS))]
        answer = daemon.call("POST", "/v1/events", "\n".join(lines), {"Content-Type": "application/x-ndjson"}, key=key)
        assert answer.status == 200 and answer.json()["accepted"] == len(lines), answer.body[:300]
    daemon.settle()


def check_slow_readers(daemon, name, ask, whole, may_refuse=False):
    """All ask, none reads; then the others' calls, then one of them reads it all."""
    readers = []

    def hold():
        readers.extend(Reader(daemon, ask) for _ in range(READERS))
        lines = [reader.first_line() for reader in readers]
        assert all(b" 200 " in line or (may_refuse and b" 503 " in line) for line in lines), lines
        assert sum(b" 200 " in line for line in lines) >= 8, lines
        assert daemon.get("/v1/status")["log"]["last_seq"] == HOSTS  # others are served
        daemon.get("/v1/usage?window=total&group_by=meter")

    growth = peak_growth_kb(daemon, hold)
    assert growth < GROWTH_MAX_KB, f"{name}: {READERS} readers that read nothing took {growth} kB"
    patient = next(reader for reader in readers if b" 200 " in reader.first_line())
    response, body = patient.answer()
    assert response.status == 200 and body == whole, (name, len(body), len(whole))
    for reader in readers:
        reader.close()
    print(f"{name}: {READERS} readers of {len(whole)} bytes took {growth} kB")


def check_lists(daemon):
    days = [time.strftime("%Y-%m-%d", time.gmtime(time.time() + day * 86400)) for day in (-5, 2)]
    usage = f"/v1/usage?window=total&group_by=host&from={days[0]}&to={days[1]}"
    for name, path, media in (
            ("usage, JSON", usage, "application/json"), ("usage, NDJSON", usage, "application/x-ndjson"), ("usage, CSV", usage, "text/csv"),
            ("charges, JSON", "/v1/charges?limit=10000", "application/json"), ("charges, NDJSON", "/v1/charges?limit=10000", "application/x-ndjson"),
            ("events, JSON", "/v1/events?limit=10000", "application/json"), ("events, NDJSON", "/v1/events?limit=10000", "application/x-ndjson")):
        whole = daemon.call("GET", path, headers={"Accept": media})
        assert whole.status == 200 and whole.headers["Transfer-Encoding"] == "chunked", name
        assert len(whole.body) > LONG_BYTES_MIN or media == "text/csv", (name, len(whole.body))
        check_slow_readers(daemon, name, request(daemon, "GET", path, [f"Accept: {media}"]), whole.body)


def check_price(daemon):
    whole = daemon.call("POST", "/v1/price", PRICE, {"Content-Type": "application/json"})
    assert whole.status == 200 and len(whole.body) > LONG_BYTES_MIN, (whole.status, len(whole.body))
    assert len(whole.json()["trace"]) > 40000
    check_slow_readers(daemon, "price with trace", request(daemon, "POST", "/v1/price", ["Content-Type: application/json"], PRICE), whole.body, True)


def check_forms(daemon):
    """HTTP/1.0, HEAD, and codings of the same long answer."""
    path = "/v1/events?limit=10000"
    whole = daemon.call("GET", path).body
    old = Reader(daemon, request(daemon, "GET", path, version="1.0"))
    response, body = old.answer()
    assert body == whole and response.getheader("Transfer-Encoding") is None and response.getheader("Connection") == "close"
    head = Reader(daemon, request(daemon, "HEAD", path) + request(daemon, "GET", "/v1/status", ["Connection: close"]))
    text = b""
    while piece := head.socket.recv(4096):
        text += piece
    assert text.count(b"HTTP/1.1 200 ") == 2 and b"\r\n\r\nHTTP/1.1 200 " in text  # no body between them
    zipped = daemon.call("GET", path, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip" and "accept-encoding" in zipped.headers["Vary"]
    assert gzip.decompress(zipped.body) == whole and len(zipped.body) < len(whole) // 4
    packed = daemon.call("GET", path, headers={"Accept-Encoding": "gzip;q=0.5, zstd"})
    assert packed.headers["Content-Encoding"] == "zstd" and len(packed.body) < len(whole) // 4
    if shutil.which("zstd"):
        assert subprocess.run(["zstd", "-dc"], input=packed.body, capture_output=True, check=True).stdout == whole
    price = daemon.call("POST", "/v1/price", PRICE, {"Content-Type": "application/json", "Accept-Encoding": "gzip"})
    assert len(json.loads(gzip.decompress(price.body))["trace"]) > 40000
    for accepted, status in (("identity;q=0", 406), ("*;q=0", 406), ("br", 200), ("identity", 200), ("gzip;q=0", 200)):
        answer = daemon.call("GET", "/v1/status", headers={"Accept-Encoding": accepted})
        assert answer.status == status and answer.headers["Content-Encoding"] is None, (accepted, answer.status)
    lines = ["Accept-Encoding: identity;q=0", "Accept-Encoding: gzip", "Accept: image/png", "Accept: Application/X-NDJSON"]
    joined, body = Reader(daemon, request(daemon, "GET", path, lines)).answer()  # lines of one name are one list
    assert joined.status == 200 and joined.getheader("Content-Encoding") == "gzip", (joined.status, body[:300])
    assert gzip.decompress(body).count(b"\n") == HOSTS
    tiny = daemon.call("GET", "/v1/catalog/vendor", headers={"Accept-Encoding": "gzip"})
    assert tiny.headers["Content-Encoding"] is None and tiny.json()["documents"][0]["key"] == "va"


def check_command(daemon):
    """A command asks for compressed answers where the daemon is not on loopback by name, and reads them."""
    words = ["events", "--json", "--limit", "10000"]
    near = daemon.command(*words).stdout
    assert near.count("host-") == HOSTS
    assert daemon.command(*words, env={"METERD_URL": f"http://0.0.0.0:{daemon.port}"}).stdout == near
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT_S)
        for host, wanted in (("0.0.0.0", True), ("127.0.0.1", False)):
            asking = subprocess.Popen([METERD, "-c", daemon.config, "usage"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      env={**os.environ, "METERD_URL": f"http://{host}:{listener.getsockname()[1]}"})
            peer, _ = listener.accept()
            with peer:
                assert (b"accept-encoding: " in peer.recv(4096).lower()) == wanted, host
            asking.wait()


def check_broken(daemon):
    """A block of the log that is damaged in the middle of an answer: the answer ends without its last chunk, and a line says so."""
    with open(os.path.join(daemon.data, "log", "000001", "data.mdb"), "r+b") as segment:
        segment.seek(len(segment.read().rstrip(b"\0")) // 2)
        segment.write(bytes(256))
    try:
        daemon.call("GET", "/v1/events?limit=10000")
        raise AssertionError("a broken answer looked whole")
    except http.client.IncompleteRead as broken:
        assert broken.partial.startswith(b'{"events":[{"seq":1,')
    wait_until("the line", lambda: "listEvents: the answer broke off" in daemon.log_lines())
    assert daemon.get("/v1/events?limit=10")["has_more"]  # the daemon goes on


def check_refusal():
    """Answers that wait for their readers fill the total: the next call is told so, until they have left."""
    with Daemon({"listen": {"answer_bytes_total_max": "4MiB", "send_timeout": "10m"}}) as daemon:
        ask = request(daemon, "POST", "/v1/price", ["Content-Type: application/json"], PRICE)
        readers = [Reader(daemon, ask)]
        while b" 200 " in readers[-1].first_line():
            assert len(readers) < 64, "no end of memory"
            readers.append(Reader(daemon, ask))
        assert len(readers) > 2, "not even two"
        refused, body = readers[-1].answer()
        assert refused.status == 503 and refused.getheader("Retry-After") == "1" and json.loads(body)["status"] == 503
        assert daemon.get("/v1/status")["log"]["last_seq"] == 0  # short answers have the rest of the total
        for reader in readers:
            reader.close()
        wait_until("room again", lambda: daemon.call("POST", "/v1/price", PRICE, {"Content-Type": "application/json"}).status == 200)
        print(f"refused beside {len(readers) - 1} readers")


def check_seventy_megabytes():
    """Answers of 70 MB each: half of the readers take nothing, half take 80 kB a second for five seconds."""
    with Daemon() as daemon:
        daemon.apply(CATALOG)
        key = daemon.vendor_key("va")
        at = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(time.time() - 7200))
        pads = {f"note{i}": f"{i}" * 1000 for i in range(7)}
        for start in range(0, HOSTS, 1000):
            lines = [json.dumps({"id": str(i), "type": "a", "subject": "s1", "time": at, "data": {"n": 1, "host": "h", "bucket": "b", **pads}})
                     for i in range(start, start + 1000)]
            answer = daemon.call("POST", "/v1/events", "\n".join(lines), {"Content-Type": "application/x-ndjson"}, key=key)
            assert answer.status == 200 and answer.json()["accepted"] == len(lines), answer.body[:300]
        daemon.settle()
        daemon.kill()
        daemon.start()  # what intake left in the allocator would hide what readers take
        ask = request(daemon, "GET", "/v1/events?limit=10000")
        readers, taken = [], []

        def hold():
            readers.extend(Reader(daemon, ask) for _ in range(READERS))
            assert all(b" 200 " in reader.first_line() for reader in readers)
            began, paced = time.monotonic(), {reader.socket: 0 for reader in readers[::2]}
            while (elapsed := time.monotonic() - began) < 5 or (min(paced.values()) <= 100_000 and elapsed < WAIT_S):
                behind = [sock for sock, read in paced.items() if read < 80_000 * elapsed]
                for sock in select.select(behind, [], [], 0.02)[0]:
                    paced[sock] += len(sock.recv(8192))
            taken.extend(paced.values())
            assert daemon.get("/v1/status")["log"]["last_seq"] == HOSTS

        growth = peak_growth_kb(daemon, hold)
        assert growth < GROWTH_MAX_KB, f"{READERS} readers of 70 MB took {growth} kB"
        assert min(taken) > 100_000, taken
        patient = Reader(daemon, ask).answer()[1]
        assert len(patient) > 70_000_000 and json.loads(patient)["events"][-1]["seq"] == HOSTS
        for reader in readers:
            reader.close()
        print(f"{READERS} readers of {len(patient)} bytes, {len(taken)} of them at {max(taken) // 5} bytes a second, took {growth} kB")


with Daemon({"rater": {"draft_every": "0s"}, "listen": {"send_timeout": "10m"}}) as main:
    main.apply(CATALOG)
    send_events(main)
    check_lists(main)
    check_price(main)
    check_forms(main)
    check_command(main)
    check_broken(main)
    main.kill()
check_refusal()
check_seventy_megabytes()
