"""Certificates that the daemon makes and keeps: ordered once, there after a restart, of one document, and made again each week."""
import datetime
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from harness import METERD, skip, wait_until  # noqa: E402
try:
    import zstandard  # noqa: F401
except ImportError as missing:
    skip(f"{missing.name} is not installed")
from polled import World  # noqa: E402
from vendor import every_dialect  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
ALL = every_dialect()
WEEK_S = 7 * 86400
PATH = "/v1/sources/auth-header/certificate"


def kept(world):
    return world.daemon.get(PATH)


def daemon_row(world):
    return [row for row in world.daemon.get("/v1/sources")["sources"] if row["source"] == "auth-header"][0]


def on_terminal(daemon, *words):
    """What the command says on stdout, and to a terminal that is its stderr."""
    ours, its = os.openpty()
    process = subprocess.Popen([METERD, "-c", daemon.config, *words], stdout=subprocess.PIPE, stderr=its, text=True)
    os.close(its)
    told = b""
    try:
        while piece := os.read(ours, 65536):
            told += piece
    except OSError:  # nobody holds its end any more
        pass
    os.close(ours)
    out, _ = process.communicate()
    assert process.returncode == 0, (out, told)
    return out, told.decode()


def check_order(world):
    daemon = world.daemon
    assert kept(world) == {"source": "auth-header", "is_making": False, "is_current": False}
    before = daemon.status()["log"]["last_seq"]
    done = daemon.command("source", "certify", "auth-header", "--json")
    certificate = json.loads(done.stdout)
    results = {probe["probe"]: probe["result"] for probe in certificate["probes"]}
    assert results["wrong_secret"] == results["border"] == results["login"] == results["restated"] == "passed", certificate
    answer = kept(world)
    assert answer["is_current"] and answer["certificate"] == json.loads(done.stdout, parse_float=str), answer
    file = os.path.join(daemon.data, "certificates", "auth-header.json")
    assert os.stat(file).st_mode & 0o777 == 0o600 and world.vendor.services["auth-header"].gate.secret not in open(file, encoding="utf-8").read()
    out, told = on_terminal(daemon, "source", "certify", "auth-header")
    assert "passed" in out and "the daemon makes it, 0 s …" in told and told.endswith("\r\x1b[K") and "makes it" not in done.stderr, (out, told)
    listed = {row["source"]: row for row in daemon.get("/v1/sources")["sources"]}
    assert listed["auth-header"]["certificate"] == "warned" and listed["auth-header"]["certificate_is_current"], listed
    assert "certificate" not in listed["auth-oauth2-refresh"] and "CERTIFICATE" in daemon.command("source", "list").stdout, listed
    daemon.settle()
    assert daemon.status()["log"]["last_seq"] >= before and not world.wrong(), "nothing of it counts"
    window = daemon.command("source", "certify", "auth-header", "--from", world.date(world.from_us), "--json")
    assert json.loads(window.stdout)["document"] == certificate["document"]


def check_shown(world):
    """Beside the source: the state, of which document, when, and what it objects to."""
    shown, certificate = world.daemon.get("/v1/sources/auth-header")["certificate"], kept(world)["certificate"]
    assert {name: shown[name] for name in ("result", "document", "made_at", "requests")} == {name: certificate[name] for name in
                                                                                              ("result", "document", "made_at", "requests")}, shown
    objections = [{name: probe[name] for name in ("probe", "result", "text")} for probe in certificate["probes"] if probe["result"] in ("warned", "failed")]
    assert shown["objections"] == objections and [probe["probe"] for probe in objections] == ["address"], shown
    assert shown["is_current"] is kept(world)["is_current"] and not shown["is_making"]
    table = world.daemon.command("source", "show", "auth-header").stdout
    assert f"certificate  warned, made at {certificate['made_at']} of document {certificate['document'][:16]}" in table and "answers by http" in table, table
    assert ("not the one in force" in table) is not shown["is_current"], table
    assert "certificate" not in world.daemon.get("/v1/sources/none") and "certificate  none" in world.daemon.command("source", "show", "none").stdout


def restated(world, name):
    done = world.daemon.command("source", "certify", name, "--json")
    return {probe["probe"]: probe for probe in json.loads(done.stdout)["probes"]}["restated"]


def check_restated(world):
    """What the vendor changed behind the last reread is not billed, and nobody would hear of it: seen here."""
    wait_until("settled windows", lambda: {window["state"] for window in world.daemon.get("/v1/sources/windows?source=none")["windows"]} == {"settled"})
    before = world.daemon.status()["log"]["last_seq"]
    same = restated(world, "none")
    assert same["result"] == "passed" and "4 windows are still what was read of them" == same["text"] and len(same["evidence"]) == 4, same
    world.life.restate(5)
    world.life.vanish(1)
    late, planned = restated(world, "none"), restated(world, "auth-header")
    assert late["result"] == "warned" and "of these are settled" in late["text"] and "is not billed" in late["text"], late
    assert planned["result"] == "passed" and "`window.rereads` comes for them" in planned["text"], planned
    assert world.daemon.status()["log"]["last_seq"] == before


def check_document(world):
    world.daemon.apply({"sources": [world.document("auth-header", guard={"jump": 12})]})
    answer = kept(world)
    assert not daemon_row(world)["certificate_is_current"] and daemon_row(world)["certificate"]
    assert not answer["is_current"] and answer["certificate"]["source"] == "auth-header", answer
    world.daemon.command("source", "certify", "auth-header")
    assert kept(world)["is_current"]


def check_week(world):
    """A file that is a week old is made again; one that was never ordered is not."""
    daemon = world.daemon
    file = os.path.join(daemon.data, "certificates", "auth-header.json")
    made = kept(world)["certificate"]["made_at"]
    old = datetime.datetime.fromisoformat(made.replace("Z", "+00:00")).timestamp() - WEEK_S - 60  # by the daemon's clock
    daemon.stop()
    os.utime(file, (old, old))
    daemon.start()
    wait_until("another certificate", lambda: kept(world)["certificate"]["made_at"] != made)
    assert os.listdir(os.path.join(daemon.data, "certificates")) == ["auth-header.json"]


def check_refused(world):
    daemon = world.daemon
    refused = daemon.command("source", "certify", "auth-oauth2-refresh", check=False)
    assert refused.returncode == 1 and "for one use each" in refused.stderr, refused
    assert daemon.call("POST", "/v1/sources/nobody/certificate").status == 404
    world.vendor.chaos.set({"hang": 1.0})  # one that would take minutes is given up when the daemon stops
    assert daemon.call("POST", PATH).status == 200
    wait_until("it is asked", lambda: kept(world)["is_making"])
    daemon.stop()
    world.vendor.chaos.set({})
    daemon.start()
    assert kept(world)["certificate"]["result"] in ("passed", "warned")


print(f"seed {SEED}")
SETTLED = {"window": {"rereads": ["1s"]}, "schedule": {"every": "1s"}}
with World(SEED, [ALL["auth-header"], ALL["auth-oauth2-refresh"], ALL["none"]], each={"none": SETTLED}) as at_work:
    at_work.begin()
    at_work.drain()
    check_order(at_work)
    check_shown(at_work)
    check_document(at_work)
    check_shown(at_work)
    check_week(at_work)
    check_refused(at_work)
    check_restated(at_work)
print("certificates are kept")
