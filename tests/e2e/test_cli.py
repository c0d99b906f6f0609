"""The command line as people and scripts use it: what each command prints, in words, tables and JSON, and with which exit code it ends.

    0 ok · 1 the work was refused or came out wrong · 64 wrong usage · 75 try again · 78 bad configuration
"""
import contextlib
import fcntl
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading

import msgpack

from harness import METERD, Daemon, wait_until
from pages import CATALOG, SETTINGS, ago, cpu

COLUMNS = 120
COMMANDS = ("run", "check", "apply", "get", "delete", "key", "send", "import", "import-rates", "events", "held", "usage", "charges", "credits", "margins", "explain", "price",
            "source", "audit", "rebuild", "repair", "backup", "restore", "clock", "security", "reference", "version")


def run(d, code, *words, says=(), stdin=None, env=None):
    """Runs a command that must end with the code and say the words, on stdout or stderr; its completed process."""
    done = d.command(*words, check=False, stdin=stdin, env=env)
    assert done.returncode == code, (words, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    for word in says:
        assert word in done.stdout + done.stderr, (word, done.stdout, done.stderr)
    assert "Sanitizer" not in done.stderr, done.stderr
    assert code == 0 or done.stderr or "--json" in words, f"{words} failed without a word"
    return done


def table(text, *titles):
    """A table's rows as maps from title to cell; it fits a terminal."""
    lines = text.splitlines()
    assert lines[0].split() == " ".join(titles).split(), (lines[0], titles)
    assert max(map(len, lines)) <= COLUMNS, max(lines, key=len)
    return [line.split() for line in lines[1:]]


def write(d, name, content):
    path = os.path.join(d.root, name)
    with open(path, "wb" if isinstance(content, bytes) else "w") as f:
        f.write(content)
    return path


# ---- without a daemon ----

def check_help(d):
    overview = run(d, 0, "--help").stdout
    for command in COMMANDS:
        assert f"\n  {command} " in overview, command
        text = run(d, 0, command, "--help").stdout
        assert text.startswith(f"meterd {command}: ") and f"Usage: meterd {command}" in text and "--config FILE" in text, text
        assert max(map(len, text.splitlines())) <= 150, text
    assert overview.count("\n  ") == len(COMMANDS) + 4, "a command that this test does not know"
    assert run(d, 0, "--version").stdout == run(d, 0, "version").stdout and json.loads(run(d, 0, "version", "--json").stdout)["version"]
    for topic in ("config", "config-schema", "commands", "completion", "metrics"):
        assert len(run(d, 0, "reference", topic).stdout) > 500, topic
    for topic, page in (("commands", "commands"), ("config", "configuration"), ("metrics", "metrics")):
        with open(f"docs/reference/{page}.md") as f:
            assert f.read() == run(d, 0, "reference", topic).stdout, f"docs/reference/{page}.md is not what `meterd reference {topic}` prints"
    json.loads(run(d, 0, "reference", "config-schema").stdout)
    subprocess.run(["bash", "-n"], input=run(d, 0, "reference", "completion").stdout, text=True, check=True)


def check_wrong_usage(d):
    run(d, 64, says=["Usage:"])
    hint = run(d, 64, "usgae", says=["unknown command usgae", "meterd usage"]).stderr.splitlines()
    assert ["unknown command" in hint[0], "Did you mean" in hint[1], "--help" in hint[2]] == [True] * 3, hint
    run(d, 64, "usage", "--form", "x", says=["unknown option --form", "Did you mean --from?", "meterd usage --help"])
    run(d, 64, "usage", "--from", says=["needs a value"])
    run(d, 64, "usage", "--json=yes", says=["takes no value"])
    once = run(d, 64, "events", "--limit", "5", "-n", "7", says=["--limit is given twice, as '5' and as '7': it takes one N"]).stderr.splitlines()
    assert len(once) == 2 and "meterd events --help" in once[1], once
    run(d, 64, "-c", "a.yaml", "version", "--config=b.yaml", says=["--config is given twice"])
    run(d, 78, "check", "--set", "rater.grace=1d", "--set", "rater.grace=2d", says=["rater.grace is given twice, as '1d' and as '2d'"])
    run(d, 0, "version", "--json", "--json")
    for command in COMMANDS:  # an option says that it repeats, or is refused
        for line in run(d, 0, command, "--help").stdout.splitlines():
            shown = re.match(r"  (?:-\w, |    )--([a-z-]+) ([A-Z]\S*)", line)
            if shown:
                twice = run(d, 64, command, f"--{shown[1]}", "x", f"--{shown[1]}", "y", "--no-such").stderr
                assert ("is given twice" in twice) == (not shown[2].endswith("…")), (command, line, twice)
    run(d, 64, "usage", "surplus", says=["surplus"])
    run(d, 64, "apply", says=["FILE"])
    run(d, 64, "reference", "everything", says=["config", "metrics"])
    run(d, 64, "import", "x.csv", says=["--map"])
    run(d, 64, "import", "--map", "m", "--format", "xls", "x", says=["csv or ndjson"])
    run(d, 64, "send", "--format", "xml", says=["msgpack"])
    run(d, 64, "send", "--compress", "lzma", says=["zstd"])
    run(d, 64, "send", "--batch", "0", says=["--batch", "1 to"])
    run(d, 64, "key", "k", says=["--scope"])
    run(d, 64, "key", "k", "--scope", "everything", says=["everything"])
    run(d, 64, "key", "k", "--scope", "ingest", says=["--vendor"])
    run(d, 64, "price", "t", "--dim", "region", says=["NAME=VALUE"])
    exchanged = write(d, "exchanged.yaml", "key: t\ncurrency: EUR\nexchange: {source: e}\nversions: [{from: 2026-01-01, components: [{key: c, meter: m, per_unit: 1}]}]\n")
    for rate, fault in (("USD=1,1@2026-11-29", "`1,1` is no number: write 1.1 (a decimal point)"), ("USD=1.1@29.11.2026", "not `29.11.2026`"), ("usd=1@2026-11-29", "CURRENCY")):
        run(d, 64, "price", exchanged, "-q", "1", "--currency", "USD", "--rate", rate, says=["--rate takes CURRENCY=NUMBER@DATE", fault])
    run(d, 64, "price", "t", "--dim", "region=eu", "--dim", "zone=a", "--dim", "region=us", says=["--dim: `region` is given twice"])
    run(d, 64, "get", "tariff", "--revision", "1", says=["key"])


def check_check(d):
    assert "ok: the configuration" in run(d, 0, "check").stdout
    good = write(d, "good.yaml", json.dumps(CATALOG))
    more = write(d, "more.yaml", "subscriptions:\n- {key: sub-9, service: compute, customer: c, tariff: compute, start: 2026-01-01}\n")
    for files in ((good, more), (more, good)):
        run(d, 0, "check", *files, says=["and the files"])
    bad = write(d, "bad.yaml", "tariffs:\n- key: t\n  currency: EUR\n  versoins: []\n")
    run(d, 78, "check", bad, says=[f"{bad}:4:3: error: ", "versions"])
    page = json.loads(run(d, 78, "check", "--json", good, bad).stdout)
    assert page["errors"] >= 1 and [f["errors"] > 0 for f in page["files"]] == [False, False, True], page
    page = json.loads(run(d, 78, "check", "--json", bad, more, good).stdout)
    assert [(f["file"], f["errors"] > 0) for f in page["files"][1:]] == [(bad, True), (more, False), (good, False)], page
    assert json.loads(run(d, 0, "check", "--json").stdout)["errors"] == 0
    config = write(d, "bad-config.yaml", "listen:\n  port: 99999\n  adress: x\n")
    for command in ("check", "run", "usage"):
        run(d, 78, "-c", config, command, says=[f"{config}:2:9: error: listen.port", f"{config}:3:3: error: ", "address"])
    run(d, 78, "-c", write(d, "broken.yaml", "listen: [\n  port: {\n"), "run", says=["broken.yaml:", "error"])
    run(d, 78, "-c", d.root, "usage", says=[f"{d.root}: error: cannot be read: Is a directory"])
    run(d, 1, "run", "--set", f"data.directory={good}", says=[f"cannot start: cannot keep data in {good}: Not a directory"])
    run(d, 78, "check", "--set", "rater.grace=tomorrow", says=["rater.grace"])
    run(d, 78, "check", env={"METERD_LISTEN__PORT": "many"}, says=["environment: listen.port: "])
    run(d, 1, "check", "/nonexistent", says=["/nonexistent"])
    tariff = "key: t\ncurrency: EUR\nversions: [{from: 2026-01-01, components: [{key: a, meter: m, volume: [{up_to: 100, unit: 5}, {unit: 4}]}]}]\n"
    run(d, 0, "check", write(d, "tariff.yaml", tariff), says=["and the file", "tariff.yaml:3:95: warning: volume: more use costs less between 100 and 125"])
    run(d, 78, "check", write(d, "tariff.yaml", tariff.replace("volume", "volum")), says=["tariff.yaml:3:", "volume"])


def check_daemon_away(d):
    for words in (("usage",), ("charges", "--json"), ("get", "vendor")):
        run(d, 75, *words, says=["is the daemon running?"])
    for url in ("127.0.0.1:8787", "ftp://meter"):
        run(d, 64, "usage", "--url", url, says=[f"--url: `{url}` is no address of a daemon: write it as http://127.0.0.1:8787"])
    run(d, 64, "usage", env={"METERD_URL": "meter"}, says=["METERD_URL: `meter` is no address"])
    run(d, 75, "send", "--attempts", "1", stdin=json.dumps(cpu("x")) + "\n", says=["gave up"])


# ---- with one ----

def check_catalog(d):
    path = write(d, "catalog.json", json.dumps(CATALOG))
    assert "would be: 11 created, 0 updated, 0 unchanged" in run(d, 0, "apply", "--dry-run", path).stdout
    assert "11 created" in run(d, 0, "apply", path).stdout
    assert json.loads(run(d, 0, "apply", "--json", path).stdout)["unchanged"] == 11
    run(d, 0, "apply", "-", stdin="vendors: [{key: acme, name: Acme}]\n", says=["1 updated"])
    run(d, 1, "apply", write(d, "wrong.yaml", "vendors:\n- key: a b\n"), says=["2:8: error: ", "not applied"])
    run(d, 1, "apply", "/nonexistent", says=["no such file"])
    for nothing in ("", "# not yet\n", "\n"):
        run(d, 1, "apply", write(d, "nothing.yaml", nothing), says=["nothing.yaml:1:", "there are no documents: a map of kinds is expected"])
    run(d, 1, "apply", write(d, "utf16.yaml", "vendors: []".encode("utf-16")), says=["utf16.yaml:1:1: error: the text is UTF-16"])
    rows = table(run(d, 0, "get", "vendor").stdout, "KEY", "REVISION", "APPLIED AT", "BY")
    assert [r[:2] for r in rows] == [["acme", "2"], ["other", "1"]], rows
    document = run(d, 0, "get", "tariff", "compute").stdout
    run(d, 0, "apply", "-", stdin=document, says=["0 created, 0 updated, 1 unchanged"])
    assert document.startswith("tariffs:\n- key: compute\n"), document
    assert json.loads(run(d, 0, "get", "vendor", "acme", "--revision", "1", "--json").stdout)["document"] == {"key": "acme"}
    assert len(table(run(d, 0, "get", "vendor", "acme", "--revisions").stdout, "KEY", "REVISION", "APPLIED AT", "BY")) == 2
    run(d, 1, "get", "vendor", "nobody", says=["nobody"])
    run(d, 1, "get", "animal", says=["animal", "vendor"])
    run(d, 0, "get", "destination", says=["no documents"])


def check_stored(d):
    """What is checked is compared with what is stored."""
    stored = next(t for t in CATALOG["tariffs"] if t["key"] == "compute")
    past = "the version from 2020-01-01 is new or changed and begins in the past"
    assert past not in run(d, 0, "check", write(d, "same.json", json.dumps(stored))).stderr
    dearer = json.loads(json.dumps(stored).replace("0.05", "0.06"))
    run(d, 0, "check", write(d, "dearer.json", json.dumps(dearer)), says=[past])
    run(d, 0, "check", write(d, "dearer.yaml", json.dumps({**CATALOG, "tariffs": [dearer if t is stored else t for t in CATALOG["tariffs"]]})), says=[past])


def check_keys(d):
    secret = run(d, 0, "key", "printed", "--vendor", "acme", "--scope", "ingest").stdout.strip()
    assert secret.startswith("mtr_") and len(secret) == 68
    d.acme_file = os.path.join(d.root, "acme.key")
    run(d, 0, "key", "acme-key", "--vendor", "acme", "--scope", "ingest", "--scope", "query", "--out", d.acme_file,
        says=["wrote the secret"])
    assert os.stat(d.acme_file).st_mode & 0o777 == 0o600
    run(d, 1, "key", "again", "--scope", "query", "--out", d.acme_file, says=["is there already"])
    run(d, 1, "key", "stray", "--vendor", "nobody", "--scope", "ingest", says=["nobody"])
    run(d, 0, "send", stdin="", env={"METERD_KEY": secret})
    run(d, 0, "key", "printed", "--disable", says=["disabled"])
    made = json.loads(run(d, 0, "key", "as-json", "--scope", "query", "--json").stdout)
    assert made["secret"].startswith("mtr_") and made["disabled"] is False, made.keys()
    assert json.loads(run(d, 0, "key", "as-json", "--disable", "--json").stdout) == {"key": "as-json", "disabled": True}
    run(d, 1, "send", stdin=json.dumps(cpu("x")), env={"METERD_KEY": secret}, says=["401", "disabled"])
    run(d, 1, "usage", "--key-file", "/nonexistent", says=["/nonexistent", "METERD_KEY"])
    run(d, 1, "charges", "--key-file", d.acme_file, says=["Forbidden", "scope"])


def check_send(d):
    lines = "".join(json.dumps(cpu(f"s{i}", time=ago(days=1))) + "\n" for i in range(2500))
    key = ("--key-file", d.acme_file)
    assert run(d, 0, "send", *key, stdin=lines).stdout == "2500 events, 2500 accepted\n"
    for coding in ("gzip", "zstd", "none"):
        page = json.loads(run(d, 0, "send", *key, "--json", "--compress", coding, write(d, "events.ndjson", lines)).stdout)
        assert page["events"] == page["duplicate"] == 2500 and page["problems"] == 0, page
    packed = write(d, "events.msgpack", msgpack.packb([cpu("p1", region="us"), cpu("p2", region="us")]))
    assert "2 accepted" in run(d, 0, "send", *key, "--format", "msgpack", packed).stdout
    assert "2 duplicate" in run(d, 0, "send", *key, "--format", "msgpack", "--compress", "zstd", packed).stdout
    listed = write(d, "events.json", json.dumps([cpu("j1", region="us")]))
    assert "1 accepted" in run(d, 0, "send", *key, "--format", "json", listed).stdout
    mixed = write(d, "mixed.ndjson", json.dumps(cpu("m1", region="us")) + "\n\n" + json.dumps(cpu("")) + "\n{broken\n")
    done = run(d, 1, "send", *key, mixed, says=["3 events, 1 accepted, 2 invalid", f"{mixed}:3: id: ", f"{mixed}:4: ", "column 2: "])
    assert done.stdout.count("\n") == 1, done.stdout
    run(d, 1, "send", *key, "--format", "msgpack", "--attempts", "1", listed, says=["400", "msgpack"])
    run(d, 1, "send", *key, "/nonexistent", says=["/nonexistent"])


def check_control_characters(d):
    """What a vendor sends, and what answers there, is shown, and moves nobody's terminal."""
    orders = "\x1b[2J\x9b\u202e"
    run(d, 0, "send", "--key-file", d.acme_file, stdin=json.dumps(cpu("esc", region=orders)) + "\n")
    d.settle()
    number = next(c["number"] for c in json.loads(run(d, 0, "charges", "--json").stdout)["charges"] if "\x1b" in c.get("dimensions", {}).get("region", ""))
    for words in (("explain", str(number)), ("charges",), ("usage", "-g", "region"), ("events",), ("charges", "--json"), ("events", "--json"),
                  ("usage", "-g", "region", "--json")):
        text = run(d, 0, *words).stdout
        assert "[2J" in text and not any(c in text for c in orders if c not in "[2J"), (words, text)
    rows = [json.loads(line) for line in run(d, 0, "events", "--json").stdout.splitlines()]
    assert orders in [row["data"]["region"] for row in rows if "region" in row["data"]], rows
    refused = run(d, 1, "send", "--key-file", d.acme_file, stdin=json.dumps({**cpu("x"), "id": "[2J\u202e", "time": "2099-01-01T00:00:00Z"}) + "\n")
    assert "[2J" in refused.stderr and not any(c in refused.stderr for c in orders if c not in "[2J"), refused.stderr
    with evil_server(orders) as url:
        for words in (("usage",), ("charges", "--csv"), ("apply", write(d, "empty.yaml", "{}"))):
            text = subprocess.run([METERD, *words, "--url", url, "--key-file", d.acme_file], capture_output=True, text=True, timeout=60, check=False).stderr
            assert text.count("[2J") >= 2 and not any(c in text for c in orders if c not in "[2J"), (words, text)


@contextlib.contextmanager
def evil_server(orders):
    """Answers everything with a problem that is full of orders."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            page = json.dumps({"title": orders, "detail": orders, "code": "x", "findings": [{"severity": "error", "field": orders, "text": orders}]}).encode()
            self.send_response(422)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        do_GET = do_PUT = do_POST = answer

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def check_not_counted(d):
    """A meter that comes late does not spoil its type: what lacks its property counts where it did."""
    d.apply({"meters": [{"key": "cached", "service": "compute", "event_type": "vm.cpu", "value": "cached_hours"}]})
    key, time = ("--key-file", d.acme_file), ago(hours=3)
    lines = [cpu("n1", time=time), {**cpu("n2", time=time), "data": {"hours": 1, "cached_hours": 1}}]
    done = run(d, 0, "send", *key, stdin="".join(json.dumps(line) + "\n" for line in lines))
    assert done.stdout == "2 events, 2 accepted\n1 not counted by meter cached, as they lack a property of it\n", done.stdout
    page = json.loads(run(d, 0, "send", *key, "--json", stdin=json.dumps(cpu("n3", time=time)) + "\n").stdout)
    assert page["accepted"] == 1 and page["not_counted"] == {"cached": 1}, page
    assert b"\nmeterd_events_not_counted_total 2\n" in d.call("GET", "/metrics", port=d.admin_port).body
    d.settle()


def check_trial_of_each_aggregation(d, path):
    """What an aggregation makes of the events is in its own words: readings in the order of their times, counters apart."""
    readings = (("a", 40, 100), ("a", 20, 130), ("b", 40, 7), ("a", 30, 120), ("b", 10, 2), ("a", 10, 5))  # host, minutes ago, value
    events = [{"id": f"v{i}", "source": "s", "type": "vm.read", "subject": "sub-1", "time": ago(minutes=minutes), "data": {"host": host, "v": value}}
              for i, (host, minutes, value) in enumerate(readings)]
    run(d, 0, "send", "--key-file", d.acme_file, stdin="".join(json.dumps(event) + "\n" for event in events))
    for more, words in (("aggregation: count", "6 counted"), ("value: v", "6 counted, their sum 364"),
                        ("value: v, aggregation: min", "6 counted, the least 2"), ("value: v, aggregation: max", "6 counted, the largest 130"),
                        ("value: v, aggregation: last", "6 counted, the latest 5"), ("value: host, aggregation: unique", "6 counted, 2 different"),
                        ("value: v, aggregation: counter, group_by: [host]", "6 counted, the growth 37"),
                        ("value: v, aggregation: time_weighted", "6 counted, their values from 2 to 130"),
                        ("value: v, aggregation: percentile, percentile: '95', window: 5m", "6 counted, their values from 2 to 130"),
                        ("value: v, aggregation: max, filter: {host: none}", "0 counted")):
        write(d, os.path.basename(path), f"meters: [{{key: gb, service: compute, event_type: vm.read, {more}}}]\n")
        done = run(d, 0, "apply", "--dry-run", "--events", "6", path)
        assert f"of the last 6 events 6 are of its type: {words};" in done.stdout, (more, done.stdout)


def check_trial(d):
    """What a meter would have made of the last stored events, before it is applied."""
    key, time = ("--key-file", d.acme_file), ago(hours=3)
    events = [{"id": f"t{i}", "source": "s", "type": "vm.cpu", "subject": subject, "time": time, "data": {"hours": 1, **data}} for i, (subject, data) in
              enumerate([("sub-1", {"gb": 1.5}), ("sub-1", {"gb": "2"}), ("sub-1", {}), ("sub-1", {}), ("sub-1", {"gb": "many"}), ("sub-1", {"gb": 9, "tier": "free"}),
                         ("sub-1", {"gb": 4}), ("sub-1", {"gb": -1}), ("nobody", {"gb": 1})])]
    void = {"id": "t-void", "source": "s", "type": "meterd.void", "subject": "sub-1", "time": time, "data": {"id": "t6"}}
    run(d, 0, "send", *key, stdin="".join(json.dumps(event) + "\n" for event in [*events, void]))
    d.settle()
    first = d.status()["log"]["last_seq"] - len(events)
    path = write(d, "gb.yaml", "meters: [{key: gb, service: compute, event_type: vm.cpu, value: gb, min: 0, filter: {tier: {not: free}}}]\n")
    done = run(d, 0, "apply", "--dry-run", "--events", str(len(events) + 1), path)
    assert done.stdout == (
        f"{path}: would be: 1 created, 0 updated, 0 unchanged; catalog version {d.status()['catalog']['version']}\n"
        "meter compute/gb: of the last 10 events 9 are of its type: 2 counted, their sum 3.5; 1 left out by its filter, 1 taken back, "
        "1 of no subscription of its service\n"
        f"  2 not counted: property \"gb\" is missing (the first is {first + 2})\n"
        f"  1 not counted: property \"gb\" is not a number (the first is {first + 4})\n"
        f"  1 not counted: property \"gb\" is below the meter's min (the first is {first + 7})\n"), done.stdout
    page = json.loads(run(d, 0, "apply", "--dry-run", "--json", "--events", "3", path).stdout)
    assert page["meters"][0]["looked_at"] == 3 and page["meters"][0]["counted"] == 0, page
    whole = d.call("PUT", "/v1/catalog/meter/gb?dry_run", body={"service": "compute", "event_type": "vm.cpu", "aggregation": "count"}).json()["meters"][0]
    assert whole["looked_at"] == d.status()["log"]["last_seq"] and whole["quantity"] == str(whole["counted"]) and "least" not in whole, whole
    assert whole["counted"] + whole["voided"] + whole["elsewhere"] == whole["events"] and not whole["not_counted"], whole
    check_trial_of_each_aggregation(d, path)
    run(d, 64, "apply", "--dry-run", "--events", "0", path, says=["events"])
    assert d.call("GET", "/v1/catalog/meter/gb").status == 404


def check_import(d):
    mapping = write(d, "map.yaml", 'id: Row\nsource: =import\ntype: =vm.cpu\nsubject: Account\ntime: Day\ntime_format: date\n'
                                   'data: {hours: {column: Hours, as: number}, region: Region}\nskip: {Kind: [Tax]}\n')
    day = ago(days=2)[:10]
    sheet = write(d,
                  "rows.csv", f'Row,Account,Day,Hours,Region,Kind\r\n1,sub-1,{day},1.5,"north, east",Usage\r\n2,sub-1,{day},2,north,Tax\r\n'
                                 f'3,sub-1,{day},many,north,Usage\r\n4,sub-1,{day},0.25,north,Usage\r\n')
    key = ("--key-file", d.acme_file)
    done = run(d, 1, "import", "--map", mapping, "--dry-run", sheet, says=["2 events, 1 row skipped, 1 problem; nothing sent",
                                                                           f"{sheet}:4: data.hours: a number is expected, as 12 or 0.05, not `many`"])
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["1", "4"], done.stdout
    run(d, 1, "import", *key, "--map", mapping, sheet, says=["2 accepted", "1 row skipped", f"{sheet}:4: "])
    again = json.loads(run(d, 1, "import", *key, "--map", mapping, "--json", sheet).stdout)
    assert again["duplicate"] == 2 and again["problems"] == 1, again
    lines = write(d, "rows.ndjson", json.dumps({"Row": "9", "Account": "sub-1", "Day": day, "Hours": "1e-1", "Region": "west",
                                                "Kind": "Usage"}) + "\n")
    run(d, 0, "import", *key, "--map", mapping, lines, says=["1 accepted"])
    path = write(d, "path.yaml", "id: row\ntype: =t\nsubject: sub\ntime: at\ndata: {q: {column: credits.amount, as: number}}\n")
    credits = [{"amount": -3}, [{"amount": -3}]]  # one, and a list of them
    rows = write(d, "path.ndjson", "".join(json.dumps({"row": f"{i}", "sub": "s", "at": f"{day}T00:00:00Z", "credits": c}) + "\n" for i, c in enumerate(credits)))
    run(d, 1, "import", *key, "--map", path, "--dry-run", rows,
        says=['"data":{"q":-3}', "path.ndjson:2: a mapped column holds a list or map, or goes through a list", "1 event, 1 held", "nothing was stored"])
    run(d, 1, "import", *key, "--map", mapping, "--dry-run", write(d, "shifted.csv", f"Row,Account,Day,Hours,Region,Kind\n1,a,{day},1,234.50,,k\n2,a,{day},1,,,\n"),
        says=["shifted.csv:2: has 7 cells, and the header 6: a cell that holds the delimiter stands in quotes", "1 event, 1 held"])
    run(d, 1, "import", *key, "--map", mapping, write(d, "other.csv", "A,B\r\n1,2\r\n"), says=["other.csv:1: ", "Row"])
    run(d, 1, "import", *key, "--map", write(d, "bad-map.yaml", "id: Row\nsubjekt: A\n"), sheet, says=["bad-map.yaml:2:10: error"])
    run(d, 1, "import", *key, "--map", mapping, "/nonexistent", sheet, says=["/nonexistent: no such file", f"{sheet} was not read"])
    cells = write(d, "cells.csv", f"Row,Account,Day,Hours,Region,Kind\n5,sub-1,Oct 2,1,,\n6,sub-1,{day},$1,,\n7,sub-1,{day},\"1,50\",,\n")
    run(d, 1, "import", "--map", mapping, "--dry-run", cells,
        says=["cells.csv:2: time: `Oct 2` is no time in the mapping's format: date, as 2026-03-01",
              "cells.csv:3: data.hours: `$1` is no number: write 1 (no currency)", "cells.csv:4: data.hours: `1,50` is no number: write 1.50 (a decimal point)",
              "0 events, 0 rows skipped, 3 problems"])
    other = os.path.join(d.root, "other.csv")
    run(d, 1, "import", "--map", mapping, "--dry-run", other, sheet, says=["other.csv:1: the mapping's column 'Row' is not in the header", "0 events, 0 rows skipped, 1 problem;", f"{sheet} was not read"])
    run(d, 1, "import", "--map", mapping, "--dry-run", write(d, "lower.csv", "row,Account\n"), says=["column 'Row' is not in the header; did you mean `row`?"])
    for name, expected in (("empty.csv", "a header line"), ("empty.ndjson", "a line for each row")):
        run(d, 1, "import", "--map", mapping, "--dry-run", write(d, name, ""), sheet,
            says=[f"{name}:1: the file is empty: {expected} is expected", "1 problem;", f"{sheet} was not read"])
    run(d, 1, "send", *key, "/nonexistent", lines, says=["/nonexistent: no such file", f"{lines} was not sent"])
    run(d, 1, "apply", "/nonexistent", mapping, says=["/nonexistent: no such file", f"{mapping} was not applied"])


def check_queries(d):
    d.settle()
    rows = table(run(d, 0, "usage", "--meter", "vcpu_hours", "--window", "total", "--group-by", "subscription", "--group-by",
                     "region").stdout,
                 "START", "SUBSCRIPTION", "CUSTOMER", "METER", "DIMENSIONS", "QUANTITY", "UNIT", "EVENTS")
    assert {r[4]: r[5] for r in rows if len(r) == 8}["region=eu"] == "2500", rows
    rows = table(run(d, 0, "usage", "-g", "meter").stdout, "START", "METER", "QUANTITY", "UNIT", "EVENTS")
    assert all(len(r[0]) == 10 for r in rows), rows  # days are shown as dates
    assert json.loads(run(d, 0, "usage", "--json").stdout)["rows"]
    assert run(d, 0, "usage", "--csv").stdout.startswith("start,end,subscription,")
    done = run(d, 0, "usage", "--from", "2021-01-01", "--to", "2021-02-01", says=["no usage"])
    assert done.stdout == ""
    run(d, 1, "usage", "--from", "yesterday", says=["from", "yesterday"])
    run(d, 1, "usage", "--meter", "nobody", says=["nobody"])
    run(d, 1, "usage", "--meter", "vcpu_hour", says=["there is no meter 'vcpu_hour'; did you mean `vcpu_hours`?"])
    run(d, 1, "usage", "--subscription", "sub1", says=["there is no subscription 'sub1'; did you mean `sub-1`?"])
    run(d, 1, "usage", "--meter", "compute/vcpu_hour", says=["there is no meter 'compute/vcpu_hour'; did you mean `compute/vcpu_hours`?"])
    for command in ("usage", "credits", "margins"):
        run(d, 1, command, "--customer", "contosso", says=["no subscription has the customer 'contosso'; did you mean `contoso`?"])
    run(d, 1, "usage", "-g", "reigon", says=["no meter has the dimension 'reigon'; did you mean `region`?"])
    run(d, 1, "usage", "--window", "dya", says=["window: 'dya' is not one of hour|day|month|total; did you mean `day`?"])
    run(d, 1, "usage", "--from", "2026-02-30", says=["from: a date or an instant is expected", "not `2026-02-30`: there is no such day"])
    run(d, 1, "usage", "--from", "1767225600", says=["not `1767225600`: it counts from 1970: write the date and the time of day"])
    for words in (("usage", "--csv", "--json"), ("charges", "--csv", "--json")):
        run(d, 64, *words, says=["--csv or --json, not both"])
    run(d, 64, "charges", "--outbox", "--waiting", says=["--outbox lists messages: leave out --waiting"])
    run(d, 64, "charges", "--outbox", "--csv", says=["--outbox lists messages: leave out --csv"])
    for name in ("a/b", "k" * 2000, "a b", ""):
        run(d, 64, "key", name, "--scope", "query", says=["NAME is 1 to 64 of letters, digits and . _ : -"])
    run(d, 1, "credits", "--customer", "contoso", "-s", "sub-1", says=["name one of them: a subscription, or a customer"])
    run(d, 64, "events", "--from-seq", "5", "--to-seq", "4", says=["--from-seq must not be above --to-seq"])
    run(d, 1, "get", "tarif", says=["there is no kind 'tarif'", "did you mean `tariff`?"])
    run(d, 64, "price", "compute", "-q", "1", "--tariff", "compute", says=["leave out --tariff"])
    run(d, 0, "price", "compute", "-q", "1", "--component", "vcpu", "--customer", "contoso")
    run(d, 1, "price", "compute", "-q", "1", "--component", "vcpu", "--customer", "contosso",
        says=["--customer: no subscription and no override has the customer contosso; did you mean `contoso`?"])
    run(d, 1, "price", "compte", "-q", "1", says=["there is no tariff compte; did you mean `compute`?", "there is no file 'compte': it was taken for the key"])
    named = run(d, 1, "price", "compute", "-q", "1", "--component", "vcpus", says=["--component: the tariff has no component vcpus"])
    assert "there is no file" not in named.stderr, named.stderr
    run(d, 1, "usage", "-g", "custmer", says=["did you mean `customer`?"])
    run(d, 1, "get", "tariff", "compte", says=["there is no tariff 'compte'; did you mean `compute`?"])
    run(d, 1, "usage", "--window", "week", says=["week", "hour"])
    run(d, 1, "usage", "--zone", "Berlin", says=["zone: there is no time zone 'Berlin'; did you mean `Europe/Berlin`?"])
    answer = d.call("GET", "/v1/usage?form=2026-01-01")
    assert answer.status == 400 and "did you mean `from`?" in answer.json()["detail"], answer.body

    text = run(d, 0, "charges").stdout
    rows = table(text, "NUMBER", "STATUS", "SUBSCRIPTION", "PERIOD FROM", "COMPONENT", "DIMENSIONS", "QUANTITY", "UNIT", "AMOUNT")
    assert rows and rows[0][0] == "1" and {r[-1] for r in rows} == {"EUR"}, text
    assert "more charges follow: --after 1" in run(d, 0, "charges", "--limit", "1").stderr
    charges = json.loads(run(d, 0, "charges", "--json").stdout)["charges"]
    assert len(run(d, 0, "charges", "--csv").stdout.splitlines()) == len(charges) + 1
    run(d, 0, "charges", "--subscription", "sub-2", says=["no charges"])
    run(d, 0, "charges", "--outbox", says=["no messages"])
    run(d, 1, "charges", "--retry", "msg_x", says=["msg_x"])
    for name in ("1", charges[0]["id"]):
        run(d, 0, "explain", name, says=[charges[0]["id"], "price now", "this charge", "per_unit", "in the log from sequence"])
    assert json.loads(run(d, 0, "explain", "1", "--json").stdout)["charge"] == charges[0]
    run(d, 1, "explain", "999", says=["999"])
    first = json.loads(run(d, 0, "events", "--to-seq", "1", "--json").stdout)
    assert first["seq"] == 1 and first["id"] == "s0", first


class FarAway(http.server.BaseHTTPRequestHandler):
    """A page of the feed that ends before a charge of the subscription: one answer looks at 100,000 of them."""

    def do_GET(self):
        body = json.dumps({"charges": [], "next_after": 100000, "has_more": "after=100000" not in self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def check_none_up_to_here(d):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FarAway) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert run(d, 0, "charges", "-s", "sub-1", "--url", url).stderr == "no charges up to number 100000: go on with --after 100000\n"
        assert run(d, 0, "charges", "-s", "sub-1", "--url", url, "--after", "100000").stderr == "no charges\n"
        server.shutdown()


def check_price(d):
    path = write(d, "tariff.yaml", "key: t\ncurrency: EUR\nversions:\n- from: 2026-01-01\n  components:\n  - key: c\n    meter: m\n"
                                   "    graduated: [{up_to: 100, unit: \"0.05\"}, {unit: \"0.04\", flat: 2}]\n")
    run(d, 0, "price", path, "-q", "100.5", "--trace", says=["total 7.02 EUR", "tier 2 of 2"])
    run(d, 0, "price", "compute", "-q", "10", "--component", "vcpu", "--dim", "region=eu", says=["total 0.50 EUR", "region=eu"])
    for words in (("price", path, "-q", "3"), ("price", "compute", "-q", "3", "--component", "calls", "--trace")):
        page = json.loads(run(d, 0, *words, "--json").stdout)
        assert page["currency"] == "EUR" and page["lines"], page
    run(d, 1, "price", "nobody", "-q", "1", says=["nobody", "there is no file 'nobody'"])
    run(d, 1, "price", "no-such-file.yaml", "-q", "1", "--key-file", "none", says=["no-such-file.yaml: no such file"])
    run(d, 1, "price", "nobody", "-q", "1", "--key-file", "none", says=["none: no such file", "there is no file 'nobody'"])
    run(d, 1, "price", path, "-q", "1.0000000000001", says=["quantity"])
    run(d, 1, "price", "compute", "-q", "1", says=["component"])
    run(d, 1, "price", path, "-q", "1", "--zone", "Asia/Kolkatta", says=["--zone: there is no time zone Asia/Kolkatta; did you mean `Asia/Kolkata`?"])
    run(d, 1, "price", "--subscription", "sub-1", "--documents", write(d, "nothing.yaml", ""), says=["nothing.yaml:1:1: error: there are no documents"])
    run(d, 1, "price", "compute", "-q", "vcpu_hour=1", "--component", "vcpu", says=["does not price the meter vcpu_hour; did you mean `vcpu_hours`?"])
    run(d, 1, "price", path, "--series", write(d, "twice.csv", "meter,quantity,meter\nm,1,m\n"), says=["twice.csv:1: error: the header has the column `meter` twice"])
    row = f"m,1,{'x' * 150}\n"
    run(d, 1, "price", path, "--series", write(d, "long.csv", "meter,quantity,note\n" + row * 90000), says=["long.csv:", "a series has at most 15 MiB as JSON"])
    run(d, 1, "price", path, "--series", write(d, "longer.csv", "meter,quantity,note\n" + row * 120000), says=["longer.csv: it is larger than 16 MiB"])
    run(d, 1, "price", path, "--series", write(d, "line.ndjson", '{"quantity": 1}\n{"quantity": 1, "quantity": 2}\n'),
        says=["line.ndjson:2: error: the key `quantity` is given twice ["])
    run(d, 1, "price", "compte", "-q", "1", says=["there is no tariff compte; did you mean `compute`?"])
    run(d, 1, "price", "compute", "-q", "1", "--component", "vcpus", says=["no component vcpus; did you mean `vcpu`?"])
    run(d, 1, "price", "compute", "-q", "1", "--component", "vcpu", "--dim", "reigon=eu", says=["nothing is priced by `reigon`; did you mean `region`?"])
    run(d,
        78,
        "price",
        write(d,
              "wrong-tariff.yaml",
              "key: t\ncurrency: EUX\nversions: [{from: 2026-01-01, components: [{key: c, meter: m, per_unit: 1}]}]\n"),
        says=["wrong-tariff.yaml:2:11: error", "EUX"])


def check_signals(d):
    with open(d.config) as f:
        config = f.read()
    write(d, "meterd.yaml", "listen: {prot: 1}\n")
    d.process.send_signal(signal.SIGHUP)
    wait_until("the refusal", lambda: "the configuration was not reloaded" in d.log_lines())
    assert "meterd.yaml:1:10: error" in d.log_lines() and d.status()["ready"], d.log_lines()
    settings = json.loads(config)
    write(d, "meterd.yaml", json.dumps({**settings, "query": {"rows_max": 1}}))
    d.process.send_signal(signal.SIGHUP)
    wait_until("the reload", lambda: "reloaded the configuration: query.rows_max" in d.log_lines())
    answer = d.call("GET", "/v1/usage?window=hour")
    assert answer.status == 400 and b"more than 1 rows" in answer.body, answer.body  # holds at once, for every thread
    assert d.call("GET", "/v1/usage?window=hour&limit=2").status == 400
    write(d, "meterd.yaml", config)
    d.process.send_signal(signal.SIGHUP)
    wait_until("the old ones", lambda: d.call("GET", "/v1/usage?window=hour").status == 200)


def check_upkeep(d):
    """Audit, rebuild, backup and restore; the daemon stopped and started between."""
    usage, charges = d.get("/v1/usage?window=hour"), d.get("/v1/charges?limit=10000")
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, others = (os.path.join(d.data, f"rollups.audit-{pid}") for pid in (gone.pid, os.getpid()))  # of an audit that was killed; of one that runs
    for directory in left, others:
        os.mkdir(directory)
        with open(os.path.join(directory, "data.mdb"), "wb") as file:
            file.write(b"left")
    lock = os.open(others, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    run(d, 0, "audit", "--log", says=["equal, bit for bit", "the chain hold", "each line's sum is its price"])
    assert not os.path.exists(left) and os.path.exists(others), os.listdir(d.data)
    os.close(lock)
    shutil.rmtree(others)
    page = json.loads(run(d, 0, "audit", "--json").stdout)
    assert page["rollups_equal"] is True and page["findings"] == 0 and page["events"] == d.status()["log"]["last_seq"], page
    run(d, 1, "rebuild", says=["stop it first"])
    run(d, 0, "rebuild", "--verify", says=["equal, bit for bit"])
    target = os.path.join(d.root, "copy")
    run(d, 0, "backup", target, says=["copied log", "to restore"])
    run(d, 1, "backup", target, says=["does not exist yet"])
    made = json.loads(run(d, 0, "backup", target + "-again", "--json").stdout)
    assert made["directory"] == target + "-again" and made["folded_seq"] == page["events"] and made["segments_linked"] == 0, made
    d.stop()
    assert "stopped; everything accepted is on disk" in d.log_lines()
    run(d, 0, "rebuild", says=["rebuilt the rollups from"])
    assert json.loads(run(d, 0, "rebuild", "--json").stdout)["events"] == page["events"]
    d.start()
    d.settle()
    assert d.get("/v1/usage?window=hour")["rows"] == usage["rows"]
    assert d.get("/v1/charges?limit=10000") == charges  # nothing is charged again
    d.stop()
    shutil.rmtree(d.data)
    shutil.move(target, d.data)
    d.start()
    d.settle()
    assert d.get("/v1/usage?window=hour")["rows"] == usage["rows"] and d.get("/v1/charges?limit=10000") == charges
    run(d, 0, "audit", "--log")
    done = subprocess.run([METERD, "-c", d.config, "run"], capture_output=True, text=True, timeout=120)  # a second daemon on the same data
    assert done.returncode == 1 and "in use" in done.stdout + done.stderr, (done.returncode, done.stdout, done.stderr)


def check_notify():
    """What systemd is told: READY after the start, RELOADING and READY around a reload, STOPPING before the drain."""
    d = Daemon()
    path = os.path.join(d.root, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(60)
        os.environ["NOTIFY_SOCKET"] = path
        try:
            d.start()
        finally:
            del os.environ["NOTIFY_SOCKET"]
        assert "READY=1" in s.recv(4096).decode()
        d.process.send_signal(signal.SIGHUP)
        reloading = s.recv(4096).decode()
        assert "RELOADING=1" in reloading and "MONOTONIC_USEC=" in reloading, reloading
        assert "READY=1" in s.recv(4096).decode()
        d.stop()
        assert "STOPPING=1" in s.recv(4096).decode()
    shutil.rmtree(d.root)


def main():
    d = Daemon({**SETTINGS, "listen": {"address": "127.0.0.1"}})
    d.write_config()
    for check in (check_help, check_wrong_usage, check_check):
        check(d)
        print(check.__name__, "ok")
    os.makedirs(d.data)
    write(d, "data/admin.key", "mtr_" + "0" * 64 + "\n")
    check_daemon_away(d)
    shutil.rmtree(d.data)
    with d:
        for check in (check_catalog, check_stored, check_keys, check_send, check_import, check_queries, check_none_up_to_here, check_price, check_trial, check_not_counted, check_control_characters, check_signals, check_upkeep):
            check(d)
            print(check.__name__, "ok")
        d.stop()
    check_notify()


if __name__ == "__main__":
    main()
