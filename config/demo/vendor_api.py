#!/usr/bin/python3
"""A vendor's usage API for the demo, of the kind that pollers meet: days in pages behind a bearer token, and now and then it is not well.

    vendor_api.py --port P --secret-file FILE --days DAY DAY DAY

GET /v1/usage?day=DAY&cursor=N answers {"rows": [...], "count": N, "next": "N" or null}. Until POST /up it is down: whoever asks gets a page in
HTML with status 200, as of a proxy; GET /asked_in_vain is how often that was. The first complete round of the day before yesterday leaves a page out.
POST /restate?day=DAY restates that day: a row that changes, one that goes, one that comes. GET /total?day=DAY is the vendor's own sum, by which
the demo checks the bill.
"""
import argparse
import http.server
import json
import random
import urllib.parse

ACCOUNTS, ROWS_A_DAY, PAGE = 12, 8, 25
MAINTENANCE = b"<html><body><h1>We are back soon</h1></body></html>"


def rows_of(day, rng):
    rows = []
    for account in range(1, ACCOUNTS + 1):
        for n in range(ROWS_A_DAY):
            rows.append({"id": f"{day}/{account}/{n}", "account": f"nordlys-{account:03d}", "at": f"{day}T{n * 24 // ROWS_A_DAY:02d}:00:00Z",
                         "gib": f"{rng.randrange(20, 400)}.{rng.randrange(10)}", "tier": "hot" if n % 3 else "cold"})
    return rows


class Vendor(http.server.ThreadingHTTPServer):
    def __init__(self, port, secret, days):
        super().__init__(("127.0.0.1", port), Answers)
        rng = random.Random(7)
        self.secret, self.days = secret, {day: rows_of(day, rng) for day in days}
        self.is_down, self.asked_in_vain, self.skips = True, 0, days[1]

    def restate(self, day):
        rows = self.days[day]
        rows[5] = dict(rows[5], gib="900.5")
        del rows[9]
        rows.append({"id": f"{day}/late", "account": "nordlys-001", "at": f"{day}T20:00:00Z", "gib": "75.25", "tier": "hot"})

    def page(self, day, at):
        rows = self.days.get(day, [])
        end = at + PAGE
        if day == self.skips and at == PAGE:  # the page behind this one is left out, once
            end, self.skips = end + PAGE, None
        return {"rows": rows[at:at + PAGE], "count": len(rows), "next": str(end) if end < len(rows) else None}


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        query, vendor = dict(urllib.parse.parse_qsl(url.query)), self.server
        if url.path == "/asked_in_vain":
            self.send(200, str(vendor.asked_in_vain).encode())
        elif url.path == "/total":
            tenths = sum(int(row["gib"].replace(".", "").ljust(len(row["gib"].split(".")[0]) + 2, "0")) for row in vendor.days[query["day"]])
            self.send(200, json.dumps({"hundredths": tenths}).encode())
        elif self.headers.get("Authorization") != f"Bearer {vendor.secret}":
            self.send(401, b"{}")
        elif vendor.is_down:
            vendor.asked_in_vain += 1
            self.send(200, MAINTENANCE, "text/html")
        else:
            self.send(200, json.dumps(vendor.page(query["day"], int(query.get("cursor", 0)))).encode())

    def do_POST(self):
        url = urllib.parse.urlparse(self.path)
        if url.path == "/up":
            self.server.is_down = False
        else:
            self.server.restate(dict(urllib.parse.parse_qsl(url.query))["day"])
        self.send(200, b"{}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--days", nargs=3, required=True)
    options = parser.parse_args()
    with open(options.secret_file, encoding="ascii") as file:
        secret = file.read().strip()
    Vendor(options.port, secret, options.days).serve_forever()


if __name__ == "__main__":
    main()
