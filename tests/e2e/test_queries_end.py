"""Queries end before they are answered when nobody waits for them any more, and when they take more time or memory than they may: by name, and
their thread is free at once. Who changes something is never cut."""
import json
import re
import signal
import socket
import struct

from harness import WAIT_S, Daemon, wait_until

METERS = 400  # of a change that takes longer than a query may

# As many lines as there may be: seconds of work, and many MiB.
LARGE = json.dumps({
    "tariff": {"key": "t", "currency": "USD", "versions": [{"from": "1970-01-01", "components": [
        {"key": "c", "meter": "m", "group_by": ["x"], "per_unit": "0.5"}]}]},
    "usage": [{"component": "c", "quantity": "10", "dimensions": {"x": f"v{i}"}} for i in range(100_000)],
}).encode()
SMALL = json.dumps({
    "tariff": {"key": "t", "currency": "USD", "versions": [{"from": "1970-01-01", "components": [{"key": "c", "meter": "m", "per_unit": "0.5"}]}]},
    "usage": [{"component": "c", "quantity": "10"}],
})


def catalog(name):
    return json.dumps({
        "vendors": [{"key": "va"}], "services": [{"key": "sa", "vendor": "va"}],
        "meters": [{"key": f"{name}{i}", "service": "sa", "event_type": f"type{i}", "value": "n", "group_by": ["a", "b"]} for i in range(METERS)],
    })


def metric(daemon, name):
    text = daemon.call("GET", "/metrics", port=daemon.admin_port).body.decode()
    return int(re.search(rf"^{re.escape(name)} (\d+)$", text, flags=re.M).group(1))


def working(daemon):
    return metric(daemon, 'meterd_queries{state="working"}')


def waiting(daemon):
    return metric(daemon, 'meterd_queries{state="waiting"}')


def cut(daemon, why):
    return metric(daemon, f'meterd_queries_cut_total{{why="{why}"}}')


def ask(daemon, method, path, body):
    """A client that has asked, and reads nothing."""
    client = socket.create_connection(("127.0.0.1", daemon.port), WAIT_S)
    head = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {daemon.key}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    client.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
    return client


def break_off(client):
    """As when its process is killed with bytes unread."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def refused(daemon, status, code):
    answer = daemon.call("POST", "/v1/price", LARGE, {"Content-Type": "application/json"})
    assert answer.status == status and answer.json()["code"] == code, (answer.status, answer.body[:300])
    wait_until("a free thread", lambda: working(daemon) == 0)
    assert metric(daemon, "meterd_query_memory_bytes") == 0
    assert daemon.call("POST", "/v1/price", SMALL).status == 200
    return answer.json()["detail"]


def set_query(daemon, **settings):
    daemon.settings["query"].update(settings)
    daemon.write_config()
    seen = daemon.log_lines().count("reloaded the configuration")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until("the new configuration", lambda: daemon.log_lines().count("reloaded the configuration") > seen)


def check_gone(daemon):
    """One of the key's queries is at work, the next one waits behind it; then their clients go."""
    at_work = ask(daemon, "POST", "/v1/price", LARGE)
    wait_until("a query at work", lambda: working(daemon) == 1)
    behind = ask(daemon, "POST", "/v1/price", LARGE)
    wait_until("a query that waits", lambda: waiting(daemon) == 1 or cut(daemon, "called_off"))
    break_off(behind)
    wait_until("that it is called off", lambda: waiting(daemon) == 0)
    break_off(at_work)
    wait_until("a free thread", lambda: working(daemon) == 0)
    wait_until("that both were called off", lambda: cut(daemon, "called_off") == 2)
    assert metric(daemon, "meterd_query_memory_bytes") == 0
    half = ask(daemon, "POST", "/v1/price", LARGE)  # a process that is killed with nothing unread
    wait_until("a query at work", lambda: working(daemon) == 1)
    half.close()
    wait_until("that it was called off", lambda: cut(daemon, "called_off") == 3)
    assert daemon.call("POST", "/v1/price", SMALL).status == 200


def is_changed(daemon):
    return daemon.call("GET", f"/v1/catalog/meter/m{METERS - 1}").status == 200


def check_change(daemon):
    """Longer, and with more memory, than a query may; and its client goes."""
    assert not is_changed(daemon)
    client = ask(daemon, "PUT", "/v1/catalog", catalog("m").encode())
    wait_until("the change at work", lambda: working(daemon) == 1 or is_changed(daemon))
    break_off(client)
    wait_until("all of the change", lambda: is_changed(daemon))
    daemon.apply(catalog("n"))


with Daemon({"query": {"threads": 2, "cpu_max": "1h", "memory_max": "1GiB"}}) as daemon:
    check_gone(daemon)
    set_query(daemon, cpu_max="10ms")
    assert "query.cpu_max" in refused(daemon, 504, "query.cpu")
    assert cut(daemon, "cpu") == 1
    set_query(daemon, memory_max="1MiB")
    check_change(daemon)
    set_query(daemon, cpu_max="1h")
    assert "query.memory_max" in refused(daemon, 413, "query.memory")
    assert cut(daemon, "memory") == 1
    answer = daemon.call("GET", "/v1/usage")
    assert answer.status == 200, answer.body[:300]

with Daemon({"query": {"threads": 2, "cpu_max": "1h", "memory_total_max": "2MiB"}, "listen": {"request_timeout": "1h"}}) as daemon:
    assert "query.memory_total_max" in refused(daemon, 503, "query.memory_total")
    assert cut(daemon, "memory_total") == 1

with Daemon({"query": {"threads": 2, "cpu_max": "1h"}, "listen": {"request_timeout": "100ms"}}) as daemon:
    refused(daemon, 504, "request.timeout")
    wait_until("that it was called off", lambda: cut(daemon, "called_off") == 1)
