"""Files of secrets on a mount that does not answer: their sources say so and wait, all others are read meanwhile, the API answers, and the daemon ends
when it is told to. When the mount is there again, they are read without a word of anybody."""
import base64
import http.server
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__))
from daily import DAYS, billed, catalog, row, source  # noqa: E402
from harness import BUILD, Daemon, wait_until  # noqa: E402
from small_vendor import SmallVendor  # noqa: E402

SHIM = os.path.abspath(os.path.join(BUILD, "tests", "hang_shim.so"))
HUNG = 12  # more than the pool has threads, and than hang of one directory at a time
PLANS = {"schedule": {"every": "1s"}, "window": {"length": "day", "start": DAYS[2], "rereads": ["10d"]}}


class Vendor(SmallVendor):
    def answer(self, path, query, headers):
        key = path.split("/")[1]
        return {"data": [row(key, DAYS[2])]} if headers["X-Key"] == f"secret of {key}" else (401, {})


class Receiver(http.server.BaseHTTPRequestHandler):
    """Of alarms."""
    got = []

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        Receiver.got.append(self.headers["webhook-signature"])
        self.send_response(200)
        self.end_headers()


def write_secret(path, key):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"secret of {key}\n")
    os.chmod(path, 0o600)
    return path


def main():
    vendor = Vendor()
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    daemon = Daemon({"poller": {"allow_loopback": True, "alarm_url": f"http://127.0.0.1:{receiver.server_address[1]}/"}})
    signing = os.path.join(daemon.root, "hangs", "signing")
    os.makedirs(os.path.dirname(signing))
    with open(signing, "w", encoding="utf-8") as f:
        f.write("whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode())
    daemon.settings["poller"]["alarm_secret_file"] = signing
    fifo = os.path.join(daemon.root, "fifo")
    os.mkfifo(fifo)
    daemon.preload(SHIM, METERD_HANG_FIFO=fifo)

    def document(key, directory):
        secret = write_secret(os.path.join(daemon.root, directory, key), key)
        return {**source(key, vendor.server_address[1], **PLANS), "base_url": f"{vendor.url()}/{key}",
                "auth": {"header": {"name": "X-Key", "value": "{secret}", "secret_file": secret}}}

    def shown(key, directory):
        """One that shows a certificate, too, whose file hangs."""
        one, files = document(key, "well"), os.path.join(daemon.root, directory)
        return {**one, "auth": {**one["auth"], "mtls": {"certificate_file": write_secret(os.path.join(files, "c.pem"), key),
                                                        "key_file": write_secret(os.path.join(files, "k.pem"), key)}}}

    def alarms():
        return {one["source"]: one["alarms"] for one in daemon.get("/v1/sources")["sources"]}

    def told(key):
        return any(alarm["alarm"] == "auth" and "takes longer than 10 seconds" in alarm["problem"] for alarm in alarms()[key])

    with daemon:
        daemon.apply(catalog())
        hung = [f"hung-{i}" for i in range(HUNG)]
        daemon.apply({"sources": [document(key, "hangs/all") for key in hung] + [document("alone", "hangs/alone"), shown("shown", "hangs/shown")]})
        daemon.apply({"sources": [document(f"well-{i}", "well") for i in range(3)]})
        wait_until("the others are read", lambda: {"well-0", "well-1", "well-2"} <= set(billed(daemon)))
        wait_until("each that hangs is told", lambda: all(told(key) for key in (*hung, "alone", "shown")))
        assert not any(alarms()[f"well-{i}"] for i in range(3)), alarms()
        daemon.apply({"sources": [document("late", "well")]})
        wait_until("one that comes later", lambda: "late" in billed(daemon))
        assert set(billed(daemon)) == {"well-0", "well-1", "well-2", "late"}
        wait_until("nobody is told of it", lambda: "alarms wait for poller.alarm_secret_file" in open(daemon.stderr_path, encoding="utf-8").read())
        assert not Receiver.got
        daemon.stop()  # with files that hang
        daemon.start()
        wait_until("they hang once more", lambda: told("alone"))
        released = os.open(fifo, os.O_RDWR)  # as long as it is open nobody waits
        for key in ("alone", "shown", *hung):  # a failed reading waits for longer each time
            daemon.command("source", "pause", key)
            daemon.command("source", "resume", key)
        wait_until("all are read", lambda: {"alone", "shown", *hung} <= set(billed(daemon)))
        wait_until("nothing is told", lambda: not any(alarms().values()))
        wait_until("it was, when the mount was there", lambda: len(Receiver.got) >= HUNG)
        daemon.stop()
        os.close(released)


main()
