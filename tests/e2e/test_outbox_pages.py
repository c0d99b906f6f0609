"""The outbox as an operator meets it after a receiver refused what it got for a while: looked at by page, state, destination and age, and
settled one by one or all of a state."""
import http.server
import threading

from harness import Daemon, free_port, wait_until
from pages import CATALOG, SETTINGS, ago, cpu

KEYS = ["crm", "erp-2", "erp-3", "erp-4"]  # the last one has nothing


def destination(d, key, port, **other):
    return {"key": key, "kind": "http", "url": f"http://127.0.0.1:{port}/{key}", "secret_files": [d.root + "/hook.secret"], "batch_max": 1,
            "timeout": "30s", "drafts": True, **other}


def walk(d, query="", limit=10000):
    """All messages, so many at a time; no page is larger, none comes twice, and each page leads on."""
    found, after, more = [], 0, True
    while more:
        page = d.get(f"/v1/outbox?limit={limit}&after={after}{query}")
        assert len(page["messages"]) <= limit, page
        assert page["next_after"] > after or not page["has_more"], page
        found += page["messages"]
        after, more = page["next_after"], page["has_more"]
    assert len({m["id"] for m in found}) == len(found), found
    return found


def names(messages):
    return [m["id"] for m in messages]


def run(d, code, *words):
    done = d.command("charges", *words, check=False)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done


def check_pages(d, whole):
    for limit in (1, 2, 3, 10000):
        assert walk(d, limit=limit) == whole, limit
        for key in KEYS:
            assert walk(d, f"&destination={key}", limit) == [m for m in whole if m["destination"] == key], (key, limit)
    made = sorted(m["created_at"] for m in whole)
    middle = made[len(made) // 2]
    assert walk(d, f"&to={middle}", 1) == [m for m in whole if m["created_at"] < middle]
    assert walk(d, f"&from={middle}", 1) == [m for m in whole if m["created_at"] >= middle]
    assert walk(d, "&from=2198-01-01") == walk(d, "&to=2000-01-01") == walk(d, "&state=unknown") == []
    for far in (2 ** 63, 2 ** 64 - 1):  # behind every destination
        page = d.get(f"/v1/outbox?after={far}")
        assert page["messages"] == [] and not page["has_more"], page


def check_command(d, whole):
    listed = run(d, 0, "--outbox", "--destination", KEYS[1], "--limit", "1")
    assert KEYS[1] in listed.stdout and KEYS[0] not in listed.stdout, listed.stdout
    go_on = listed.stderr.split("--after ")[1].split(",")[0]
    second = run(d, 0, "--outbox", "--destination", KEYS[1], "--limit", "1", "--after", go_on)
    assert names(m for m in whole if m["destination"] == KEYS[1])[1] in second.stdout, second.stdout
    assert "no messages" in run(d, 0, "--outbox", "--state", "unknown").stderr
    assert "--state" in run(d, 64, "--retry", "all").stderr
    assert "leave out --state" in run(d, 64, "--retry", "msg_1", "--state", "acked").stderr
    assert "leave out --state" in run(d, 64, "--state", "acked").stderr


class Receiver(http.server.BaseHTTPRequestHandler):
    """Refuses, or takes and notes the ids."""
    status = 400
    ids = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.status == 200:
            self.ids.append(self.headers["webhook-id"])
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


def check_settling(d, whole):
    """What was refused is marked; then a receiver that has lost all gets all of it again, in order and under the same ids."""
    refused = [m for m in whole if m["destination"] != KEYS[1]]
    marked = run(d, 0, "--delivered", "all", "--state", "rejected", "--destination", KEYS[0])
    assert marked.stdout.split("\n")[:-1] == [f"{name}: acked" for name in names(m for m in refused if m["destination"] == KEYS[0])], marked
    run(d, 0, "--delivered", "all", "--state", "rejected")
    assert {m["state"] for m in walk(d)} == {"acked"} and names(walk(d)) == names(whole)
    Receiver.status = 200
    mine = names(m for m in whole if m["destination"] == KEYS[1])
    retried = run(d, 0, "--retry", "all", "--state", "acked", "--destination", KEYS[1])
    assert [line.split(": ")[0] for line in retried.stdout.split("\n")[:-1]] == mine, retried.stdout
    wait_until("all to be delivered again", lambda: {m["state"] for m in walk(d)} == {"acked"} and len(Receiver.ids) >= len(mine))
    assert Receiver.ids == mine, (Receiver.ids, mine)


def check_waiting_is_sent_now(d):
    """A message that waits for its next attempt goes out when it is asked for."""
    port = free_port()
    d.apply({"destinations": [destination(d, "late", port)]})
    first = wait_until("a few attempts", lambda: [m for m in walk(d, "&destination=late") if m["attempts"] >= 4])[0]
    assert run(d, 0, "--retry", first["id"]).stdout.split(": ")[1].strip() in ("pending", "attempted")
    again = walk(d, "&destination=late")[0]
    assert again["attempts"] < first["attempts"], (first, again)  # its waits are short again


def main():
    with Daemon({**SETTINGS, "outbox": {"allow_loopback": True}}) as d:
        d.apply(CATALOG)
        with open(d.root + "/hook.secret", "w") as f:
            f.write("whsec_" + "QUJD" * 8 + "\n")
        key = d.vendor_key("acme")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        d.apply({"destinations": [destination(d, key, port) for key in KEYS[:3]] + [destination(d, KEYS[3], port, disabled=True)]})
        for i in range(5):
            assert d.call("POST", "/v1/events", body=[cpu(f"e-{i}", time=ago(hours=2 + i), region=f"r-{i}")], key=key).status == 200
            d.settle()
        charges = len(d.get("/v1/charges?limit=10000")["charges"])
        assert charges >= 5, charges
        wait_until("all to be refused", lambda: [m["state"] for m in walk(d)] == ["rejected"] * (3 * charges))
        whole = walk(d)
        check_pages(d, whole)
        check_command(d, whole)
        check_settling(d, whole)
        check_waiting_is_sent_now(d)
        d.command("audit")
        d.stop()
        server.shutdown()


if __name__ == "__main__":
    main()
