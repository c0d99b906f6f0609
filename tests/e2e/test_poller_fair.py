"""A vendor that hardly answers, with many sources, keeps nobody from reading the others: its sources wait at its gate, outside of the places
that a reading can have. And all of them have their turn.
"""
import asyncio
import datetime
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, in_mid_month, wait_until  # noqa: E402

in_mid_month()

SLOW, FAST, READINGS_MAX = 40, 5, 8


class Vendor:
    """/slow answers when it is let go on, and each time it knows who asks; /fast at once."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.asked, self.inside, self.inside_max, self.released, self.is_open = {}, 0, 0, None, False
        self.port = None
        threading.Thread(target=self.run, daemon=True).start()
        wait_until("the vendor", lambda: self.port)

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.serve())

    async def serve(self):
        self.released = asyncio.Event()
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    async def connected(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
                name = head.split("/")[2].split("?")[0]
                self.asked[name] = self.asked.get(name, 0) + 1
                if "/slow/" in head:
                    self.inside += 1
                    self.inside_max = max(self.inside_max, self.inside)
                    await self.released.wait()
                    self.inside -= 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def release(self):
        self.loop.call_soon_threadsafe(self.released.set)


def source(key, url, path):
    hour = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:00:00Z")
    return {"key": key, "vendor": "acme", "base_url": url, "schedule": {"every": "1s"}, "window": {"length": "hour", "start": hour, "open": "1s"},
            "request": {"path": path, "query": {"from": "{from}"}, "timeout": "20m"}, "auth": "none", "format": {"json": {"rows": "[]"}},
            "identity": {"id": "id"}, "map": {"type": "=t", "subject": "s", "time": "at"}}


def main():
    vendor = Vendor()
    with Daemon({"poller": {"allow_loopback": True, "readings_max": READINGS_MAX}}) as daemon:
        daemon.apply({"vendors": [{"key": "acme"}]})
        daemon.apply({"sources": [source(f"slow-{n}", f"http://localhost:{vendor.port}", f"/slow/slow-{n}") for n in range(SLOW)]})
        wait_until("slow ones are asked", lambda: vendor.inside >= 1)
        daemon.apply({"sources": [source(f"fast-{n}", f"http://127.0.0.1:{vendor.port}", f"/fast/fast-{n}") for n in range(FAST)]})
        wait_until("the others go on, time and again", lambda: all(vendor.asked.get(f"fast-{n}", 0) > 3 for n in range(FAST)))
        assert sum(name.startswith("slow") for name in vendor.asked) <= 2, vendor.asked
        vendor.release()
        wait_until("each of the slow ones has its turn", lambda: all(vendor.asked.get(f"slow-{n}", 0) > 1 for n in range(SLOW)))
        assert vendor.inside_max <= 2, vendor.inside_max
        daemon.stop()
    print(f"{sum(vendor.asked.values())} requests")


main()
