#!/usr/bin/python3
"""The demo's billing backend: takes charges as signed webhooks (standardwebhooks.com) and books each exactly once.

    receiver.py --port PORT --secret-file FILE --totals FILE [--stumble N]

What a receiver must do, in this order: check the signature over the raw bytes, check the time stamp, look the webhook-id up, book, remember the
id, answer 200. Booking and remembering belong in one transaction; here both are in memory and written to the totals file together. A notice
that meterd was restored from a backup is no booking: what came in messages behind the number that it names is taken back, and forgotten.
--stumble N books every Nth message and then answers 500, as a backend does that breaks after its commit: the message comes again and must
not be booked twice.
"""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import signal
import sys
import threading
import time
from decimal import Decimal

TOLERANCE_S = 300
BODY_BYTES_MAX = 16 << 20


def verify(secret, message_id, timestamp, signatures, body):
    """None, or why the message is refused. `signatures` may hold several, separated by spaces: keys are rotated."""
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE_S:
        return "the time stamp is not of now"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    if not any(hmac.compare_digest(expected, one) for one in signatures.split(" ")):
        return "no signature fits"
    return None


class Books:
    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.messages = {}  # id: number of its last charge, and what was booked of it
        self.totals = {"messages": 0, "repeated": 0, "refused": 0, "charges": 0, "final": 0, "correction": 0, "booked": {}}

    def book(self, message_id, body):
        """False when the id was booked before. A final charge is booked with the line's whole amount, a correction with its difference."""
        with self.lock:
            if message_id in self.messages:
                self.totals["repeated"] += 1
                self.write()
                return False
            charges = json.loads(body)["data"]["charges"]
            amounts = [(charge["currency"], charge["status"], Decimal(charge["amount_total" if charge["status"] == "final" else "amount"])) for charge in charges]
            self.add(amounts, 1)
            self.messages[message_id] = max(charge["number"] for charge in charges), amounts
            self.write()
            return True

    def add(self, amounts, sign):
        """What one message holds, or with -1 takes it back."""
        for currency, status, amount in amounts:
            row = self.totals["booked"].setdefault(currency, {"final": "0", "correction": "0"})
            row[status] = str(Decimal(row[status]) + sign * amount)
            self.totals[status] += sign
            self.totals["charges"] += sign
        self.totals["messages"] += sign

    def reconcile(self, notice):
        """meterd was restored: the answer to its notice."""
        with self.lock:
            for message_id, (last, amounts) in list(self.messages.items()):
                if last > notice["valid_up_to"]:
                    self.add(amounts, -1)
                    del self.messages[message_id]
            self.write()
            up_to = max((last for last, _ in self.messages.values()), default=0)
            return json.dumps({"reconciled": notice["epoch"], "up_to": up_to})

    def refuse(self):
        with self.lock:
            self.totals["refused"] += 1
            self.write()

    def write(self):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            json.dump(self.totals, file)
        os.replace(self.path + ".new", self.path)


def handler(secret, books, stumble):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, text):
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            size = int(self.headers.get("Content-Length", 0))
            if size > BODY_BYTES_MAX:
                self.close_connection = True
                self.answer(413, "too large")
                return
            body = self.rfile.read(size)
            message_id = self.headers.get("webhook-id", "")
            wrong = verify(secret, message_id, self.headers.get("webhook-timestamp", ""), self.headers.get("webhook-signature", ""), body)
            if wrong:
                books.refuse()
                self.answer(401, wrong)
                return
            message = json.loads(body)
            if message["type"] == "restored":
                self.answer(200, books.reconcile(message["data"]))
                return
            is_new = books.book(message_id, body)
            if is_new and stumble and books.totals["messages"] % stumble == 0:
                self.answer(500, "broke after the commit")
            else:
                self.answer(200, "booked" if is_new else "booked before")

        def log_message(self, format, *arguments):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--totals", required=True)
    parser.add_argument("--stumble", type=int, default=0)
    arguments = parser.parse_args()
    with open(arguments.secret_file, encoding="ascii") as file:
        secret = file.read().strip()
    books = Books(arguments.totals)
    books.write()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", arguments.port), handler(secret, books, arguments.stumble))
    server.daemon_threads = True
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
