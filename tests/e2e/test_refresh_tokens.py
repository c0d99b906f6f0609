"""A vendor that rotates refresh tokens, each for one use, against kill -9, a stop in the middle of a token's request, and a person who authorizes
anew. The chain of tokens holds, what is published is billed, and no token stands readable on the disk."""
import datetime
import http.server
import json
import os
import random
import threading
import time
import urllib.parse

from harness import Daemon, in_mid_month, wait_until

in_mid_month()

SEED = int(os.environ.get("METERD_SEED", "1"))
KILLS = int(os.environ.get("METERD_KILLS", "4"))
TTL_S = 2  # renewed at half of it


class Vendor(http.server.ThreadingHTTPServer):
    """Access token n came with refresh token n; of older refresh tokens `grace` still work."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.lock = threading.Lock()
        self.newest, self.grace, self.delay_s = 1, 0, 0
        self.given, self.refused, self.in_token, self.reads = 0, 0, 0, 0
        self.ids = ["row-0"]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def rotate(self, token):
        with self.lock:
            number = int(token.removeprefix("refresh-secret-"))
            if not 0 <= self.newest - number <= self.grace:
                self.refused += 1
                return None
            self.newest += 1
            self.given += 1
            return self.newest


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, value):
        body = json.dumps(value).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # it was killed meanwhile

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        assert form["grant_type"] == "refresh_token" and form["client_id"] == "me", form
        number = self.server.rotate(form["refresh_token"])
        self.server.in_token += 1
        time.sleep(self.server.delay_s)  # a vendor that is slow: the test waits for its word
        if number is None:
            self.send(400, {"error": "invalid_grant", "error_description": f"{form['refresh_token']} is burned"})
        else:
            self.send(200, {"access_token": f"access-secret-{number}", "token_type": "Bearer", "refresh_token": f"refresh-secret-{number}", "expires_in": TTL_S})

    def do_GET(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer access-secret-")
        if not token.isdigit() or not 0 <= self.server.newest - int(token) <= 1:
            self.send(401, {})
            return
        self.server.reads += 1
        day = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))["day"]
        self.send(200, {"data": [{"id": key, "account": "s1", "at": day + "T00:00:01Z", "amount": 1} for key in self.server.ids]})


def catalog(port, day, token_file):
    oauth2 = {"token_url": f"http://127.0.0.1:{port}/token", "grant": "refresh_token", "client_id": "me", "refresh_token_file": token_file}
    return {
        "vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}],
        "meters": [{"key": "m", "service": "vm", "event_type": "vm.hour", "value": "quantity"}],
        "tariffs": [{"key": "t", "service": "vm", "currency": "EUR",
                     "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "0.5"}]}]}],
        "subscriptions": [{"key": "s1", "service": "vm", "customer": "c1", "tariff": "t", "start": "2020-01-01"}],
        "sources": [{
            "key": "usage", "vendor": "acme", "base_url": f"http://127.0.0.1:{port}", "schedule": {"every": "1s"}, "auth": {"oauth2": oauth2},
            "window": {"length": "day", "start": day, "open": "1s"}, "request": {"path": "/usage", "query": {"day": "{from:%Y-%m-%d}"}}, "paging": "none",
            "format": {"json": {"rows": "data[]"}}, "identity": {"id": "id"},
            "map": {"type": "=vm.hour", "subject": "account", "time": "at", "data": {"quantity": "amount"}},
        }],
    }


def publish(daemon, vendor):
    """One row more, until it counts."""
    vendor.ids.append(f"row-{len(vendor.ids)}")
    wanted = len(vendor.ids)

    def counts():
        daemon.settle()
        rows = daemon.get("/v1/usage?window=total&from=2020-01-01&to=2199-01-01")["rows"]
        return sum(int(row["quantity"]) for row in rows) == wanted
    wait_until(f"{wanted} rows are billed", counts)


def check_disk(directory):
    for folder, _, names in os.walk(directory):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                assert b"-secret-" not in file.read(), f"{folder}/{name} holds a token"


def write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def main():
    vendor, chance = Vendor(), random.Random(SEED)
    print(f"seed {SEED}")
    day = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    with Daemon({"poller": {"allow_loopback": True}, "rater": {"draft_every": "0s"}}) as daemon:
        token_file = os.path.join(os.path.dirname(daemon.data), "refresh.token")
        write_secret(token_file, "refresh-secret-1\n")
        daemon.apply(catalog(vendor.server_address[1], day, token_file))
        publish(daemon, vendor)
        given = vendor.given
        wait_until("it is renewed, again and again", lambda: vendor.given > given + 2)
        assert vendor.refused == 0
        vendor.grace = 1  # a kill may fall between the vendor's answer and the disk
        for _ in range(KILLS):
            given = vendor.given
            vendor.delay_s = chance.choice([0, 0.02, 0.2])
            wait_until("a token is asked for", lambda given=given: vendor.given > given)
            daemon.kill()
            daemon.start()
            publish(daemon, vendor)
        assert vendor.refused == 0, "with one use of grace no kill loses the chain"
        vendor.grace, vendor.delay_s = 0, 0
        publish(daemon, vendor)
        for _ in range(2):  # a stop waits for the token that is on its way
            vendor.delay_s, in_token = 0.5, vendor.in_token
            wait_until("a token is on its way", lambda in_token=in_token: vendor.in_token > in_token)
            daemon.stop()
            vendor.delay_s = 0
            daemon.start()
            publish(daemon, vendor)
        assert vendor.refused == 0, "a stop loses no token, though each is for one use"
        vendor.newest += 5  # somebody else has used it
        wait_until("the alarm", lambda: "reauthorize" in daemon.log_lines())
        write_secret(token_file, f"refresh-secret-{vendor.newest}\n")
        publish(daemon, vendor)
        daemon.stop()
        assert "-secret-" not in daemon.log_lines(), "a token stands in the log's lines"
        check_disk(daemon.data)
    vendor.shutdown()
    print(f"{vendor.given} tokens, {vendor.refused} refused, {vendor.reads} reads, {KILLS} kills")


main()
