"""Files of secrets of destinations on a mount that does not answer: their messages wait, and the log says so; the others' go out, the API answers, and the
daemon ends when it is told to. When the mount is there again, what waits goes out, once."""
import http.server
import os
import threading

from harness import BUILD, Daemon, wait_until
from pages import CATALOG, SETTINGS, ago, cpu

SHIM = os.path.abspath(os.path.join(BUILD, "tests", "hang_shim.so"))
HUNG, WELL = ["hung-1", "hung-2"], ["well-1", "well-2"]


class Receiver(http.server.BaseHTTPRequestHandler):
    got = {}  # destination → ids, in the order they came

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["webhook-signature"].startswith("v1,")
        Receiver.got.setdefault(self.path[1:], []).append(self.headers["webhook-id"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


def destination(d, key, port):
    secret = os.path.join(d.root, "hangs" if key in HUNG else "there", f"{key}.secret")
    os.makedirs(os.path.dirname(secret), exist_ok=True)
    with open(secret, "w", encoding="ascii") as f:
        f.write("whsec_" + "QUJD" * 8 + "\n")
    return {"key": key, "kind": "http", "url": f"http://127.0.0.1:{port}/{key}", "secret_files": [secret], "batch_max": 1, "timeout": "5s", "drafts": True}


def use(d, key, number):
    assert d.call("POST", "/v1/events", body=[cpu(f"e-{number}", time=ago(hours=2 + number), region=f"r-{number}")], key=key).status == 200
    d.settle()


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    d = Daemon({**SETTINGS, "outbox": {"allow_loopback": True}})
    fifo = os.path.join(d.root, "fifo")
    os.mkfifo(fifo)
    d.preload(SHIM, METERD_HANG_FIFO=fifo)
    with d:
        d.apply(CATALOG)
        key = d.vendor_key("acme")
        d.apply({"destinations": [destination(d, name, server.server_address[1]) for name in HUNG + WELL]})
        for i in range(3):
            use(d, key, i)
        wait_until("the others to have all", lambda: all(len(Receiver.got.get(name, [])) >= 3 for name in WELL))
        wait_until("who waits to be told", lambda: all(f"destination={name} waits for its secret files" in d.log_lines() for name in HUNG))
        assert set(Receiver.got) == set(WELL)
        wait_until("what came to be known", lambda: {m["destination"] for m in d.get("/v1/outbox?limit=1000")["messages"] if m["state"] != "acked"} == set(HUNG))
        d.stop()  # with files that hang
        d.start()
        use(d, key, 3)
        charges = len(d.get("/v1/charges?limit=10000")["charges"])
        wait_until("the others to have all again", lambda: all(len(set(Receiver.got[name])) == charges for name in WELL))
        assert set(Receiver.got) == set(WELL)
        released = os.open(fifo, os.O_RDWR)  # as long as it is open nobody waits
        wait_until("all to have all", lambda: all(len(set(Receiver.got.get(name, []))) == charges for name in HUNG + WELL))
        wait_until("all to be acknowledged", lambda: {m["state"] for m in d.get("/v1/outbox?limit=1000")["messages"]} == {"acked"})
        assert all(len(ids) == len(set(ids)) == charges for ids in Receiver.got.values()), Receiver.got
        d.stop()
        os.close(released)
    server.shutdown()
    print(f"{charges} messages each")


main()
