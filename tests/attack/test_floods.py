#!/usr/bin/python3
"""A flood of one key may use what is idle, and never what another asks for: batches, prices, slow readers, calls without a key, unfinished bodies, packed ones.

METERD_FLOODS=64 floods more, METERD_ATTACK_SECONDS=60 for longer.
"""
import gzip
import json
import os
import socket
import time

import zstandard

from attack import Bench, Client, FLOODS, calls
from harness import BUILD, skip

if "asan" in BUILD or "tsan" in BUILD:
    skip("sanitizers take so much of the machine that nobody is quick")

BATCH_EVENTS = 100_000
# One line for all would make the other key wait as long as the flood's requests do: a quarter of that is another line.
IN_ITS_OWN_LINE = 4


def batch(number):
    return gzip.compress("\n".join(json.dumps({"id": f"{number}-{i}", "type": "loud.cpu", "subject": "loud-1", "data": {"n": 1, "region": f"r{i % 7}"}})
                                   for i in range(BATCH_EVENTS)).encode(), 1)


def waits_in_its_own_line(beside, own, names=("event", "usage", "status", "healthz")):
    for name in names:
        assert beside[name].at(.5) * IN_ITS_OWN_LINE < own.at(.5), (name, str(beside[name]), str(own))
        assert beside[name].at(.95) < own.at(.5), (name, str(beside[name]), str(own))


def floods_of_batches():
    """Each event new, and then all of them again."""
    batches = [batch(number) for number in range(4)]
    headers = ["Content-Type: application/x-ndjson", "Content-Encoding: gzip"]

    def work(number, stop):
        client = Client(bench.loud.port, bench.loud.key)
        while not stop.is_set():
            yield client.call("POST", "/v1/events", batches[number % len(batches)], headers)

    with Bench() as bench:
        beside, own = bench.beside("batches of 100,000 events", work)
        waits_in_its_own_line(beside, own)
        bench.daemon.settle()
        seen = bench.daemon.get("/v1/usage?window=total&from=2020-01-01&to=2199-01-01")["rows"]
        assert sum(row["events"] for row in seen if row["subscription"] == "quiet-1") == bench.number, seen


def floods_of_prices():
    """100,000 lines each: an honest question, and a long one."""
    tariff = {"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
        {"key": "c", "meter": "m", "group_by": ["x"], "per_unit": "0.5"}]}]}
    body = json.dumps({"tariff": tariff, "usage": [{"component": "c", "quantity": "1", "dimensions": {"x": f"v{i}"}} for i in range(50_000)]}).encode()
    with Bench() as bench:
        beside, own = bench.beside("prices", calls(bench.loud, "POST", "/v1/price", body, ["Content-Type: application/json"]))
        waits_in_its_own_line(beside, own)


def floods_of_slow_readers():
    """Long answers that nobody reads: their owner is told that it is enough, and nobody else."""
    steps = [{"up_to": i + 1, "unit": "1"} for i in range(999)] + [{"unit": "1"}]
    tariff = {"key": "t", "currency": "EUR", "versions": [{"from": "1970-01-01", "components": [{"key": "c", "meter": "m", "group_by": ["x"], "graduated": steps}]}]}
    body = json.dumps({"tariff": tariff, "usage": [{"component": "c", "quantity": "100000", "dimensions": {"x": f"v{i}"}} for i in range(300)]}).encode()

    def work(number, stop):
        del number
        while not stop.is_set():
            with socket.socket() as slow:
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                slow.connect(("127.0.0.1", bench.daemon.port))
                slow.sendall(f"POST /v1/price HTTP/1.1\r\nHost: meterd\r\nAuthorization: Bearer {bench.loud.key}\r\n"
                             f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                slow.settimeout(.2)
                while not stop.is_set():
                    try:
                        if not slow.recv(500):
                            break
                    except TimeoutError:
                        pass
                    except OSError:
                        break
                    time.sleep(.05)
        yield from ()

    with Bench() as bench:
        before = bench.peak_bytes()
        bench.beside("slow readers", work, 3 * FLOODS)
        # listen.answer_bytes_total_max is 32 MiB, and each thread may be making an answer.
        assert bench.peak_bytes() - before < 512 << 20, bench.peak_bytes()


def floods_without_a_key():
    def work(number, stop):
        del number
        ask = b"GET /v1/openapi.json HTTP/1.1\r\nHost: meterd\r\n\r\n" * 16
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", bench.daemon.port), timeout=10) as client:
                    client.sendall(ask)
                    while not stop.is_set() and client.recv(1 << 16):
                        pass
            except OSError:
                pass
        yield from ()

    with Bench() as bench:
        bench.beside("calls without a key", work, 5 * FLOODS)


def unfinished_bodies():
    """More of them than there is memory for: another's bodies come in."""
    size = 60_000_000

    def work(number, stop):
        del number
        try:
            with socket.create_connection(("127.0.0.1", bench.daemon.port), timeout=60) as client:
                client.sendall(f"POST /v1/events HTTP/1.1\r\nHost: meterd\r\nAuthorization: Bearer {bench.loud.key}\r\n"
                               f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n[".encode())
                client.sendall(b" " * (size * 15 // 16))
                while not stop.is_set():
                    client.sendall(b" " * 2000)
                    time.sleep(.1)
        except OSError:
            pass
        yield from ()

    with Bench() as bench:
        quiet = json.dumps([{"id": f"large{i}", "type": "quiet.cpu", "subject": "quiet-1", "data": {"n": 1, "pad": "x" * 100}} for i in range(9000)]).encode()

        def asks():
            status, _ = bench.quiet.call("POST", "/v1/events", quiet, ["Content-Type: application/json"])
            assert status == 200, status

        flood_count = FLOODS + 4
        before = bench.ask

        def ask_and_send(*arguments):
            answers = before(*arguments)
            asks()
            return answers

        bench.ask = ask_and_send
        bench.beside("unfinished bodies", work, flood_count)
        # 512 MiB of listen.body_bytes_total_max, of which three quarters are for what is pushed.
        assert bench.peak_bytes() < (512 << 20) * 3 // 4 + (128 << 20), bench.peak_bytes()


def floods_of_packed_bodies():
    """300 KB that are 400 MiB when they are decoded: 64 bytes a property."""
    names = [f"p{i}" for i in range(60)]
    event = {"type": "loud.cpu", "subject": "loud-1", "data": {"n": 1, **{name: 1 for name in names}}}
    body = zstandard.compress("\n".join(json.dumps({"id": f"e{i}", **event}) for i in range(BATCH_EVENTS)).encode())
    headers = ["Content-Type: application/x-ndjson", "Content-Encoding: zstd"]
    for mebibytes, count, may_be in ((768, FLOODS, {200, 503}), (256, 1, {413, 503})):  # one is too large by itself
        with Bench({"intake": {"memory_max": f"{mebibytes}MiB"}}) as bench:
            before = bench.peak_bytes()
            _, own = bench.beside("packed bodies", calls(bench.loud, "POST", "/v1/events", body, headers), count)
            assert set(own.statuses) <= may_be and (count > 1 or 413 in own.statuses), own.statuses
            # Plain text beside it, of each thread that unpacks, and what the writer works with.
            assert bench.peak_bytes() - before < (mebibytes << 20) + (512 << 20), bench.peak_bytes()


only = os.environ.get("METERD_ATTACK", "")
for attack in (floods_of_batches, floods_of_prices, floods_of_slow_readers, floods_without_a_key, unfinished_bodies, floods_of_packed_bodies):
    if only in attack.__name__:
        attack()
