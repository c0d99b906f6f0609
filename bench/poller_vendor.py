"""The vendor of scripts/bench --poller: answers as fast as it can, and knows nothing. Standard library only; prints its port.

    /small/N        a row of this hour, the same each time
    /slow           headers at once, and then a byte a second
    /intervals      seconds from each source's request of /small/N to its next, since this was asked: JSON {"p50": …, "p99": …, "max": …}
    /file/NAME      a file of the directory, by sendfile
"""
import asyncio
import datetime
import json
import os
import sys
import time

HOUR = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:00:00Z")
SMALL = f'[{{"id":"1","account":"sub-1","at":"{HOUR}","amount":1}}]'.encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
ANSWER = HEAD % len(SMALL) + SMALL
ASKED, INTERVALS = {}, []  # by path, when it was asked last


def note(path):
    now = time.monotonic()
    if path in ASKED:
        INTERVALS.append(now - ASKED[path])
    ASKED[path] = now


def tell_intervals():
    passed = sorted(INTERVALS) or [0.0]
    INTERVALS.clear()
    return json.dumps({"p50": passed[len(passed) // 2], "p99": passed[len(passed) * 99 // 100], "max": passed[-1]}).encode()


class Connection(asyncio.Protocol):
    def __init__(self, directory):
        self.directory, self.waiting, self.transport = directory, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            head, self.waiting = self.waiting.split(b"\r\n\r\n", 1)
            self.answer(head.split(b" ", 2)[1].split(b"?")[0].decode())

    def answer(self, path):
        if path.startswith("/small/"):
            note(path)
            self.transport.write(ANSWER)
        elif path == "/intervals":
            told = tell_intervals()
            self.transport.write(HEAD % len(told) + told)
        elif path == "/slow":
            asyncio.ensure_future(self.drip())
        else:
            asyncio.ensure_future(self.send_file(os.path.join(self.directory, os.path.basename(path))))

    async def drip(self):
        self.transport.write(HEAD % len(SMALL))
        for byte in SMALL:
            await asyncio.sleep(1)
            if self.transport.is_closing():
                return
            self.transport.write(bytes([byte]))

    async def send_file(self, path):
        self.transport.write(HEAD % os.path.getsize(path))
        with open(path, "rb") as file:
            await asyncio.get_running_loop().sendfile(self.transport, file)


async def main():
    server = await asyncio.get_running_loop().create_server(lambda: Connection(sys.argv[1]), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
