"""meterd source certify, against the simulator: each probe passes where the vendor is well, and is the one that says so where it is not.

Law: a fault changes the probe that is made for it, and no other than those that stand beside it in the table.
"""
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__))
from harness import skip  # noqa: E402
try:
    import zstandard  # noqa: F401
except ImportError as missing:
    skip(f"{missing.name} is not installed")
from polled import DAY_US, World, catalog_of  # noqa: E402
from vendor import Dialect, every_dialect  # noqa: E402
from vendor.spelling import write_time  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
ALL = every_dialect()
NAMES = ("none", "page", "page-bare", "offset", "cursor", "closed", "csv-ru", "prometheus", "inclusive", "each", "absent", "auth-header",
         "auth-oauth2", "auth-login", "auth-hmac", "feed", "parts", "s3")
KINDS = [ALL[name] for name in NAMES]
HEALTHY = {"rows": "passed", "ids": "passed", "range": "passed", "agree": "passed", "quantity": "passed", "clock": "passed", "age": "passed",
           "address": "warned"}  # http, as the simulator speaks
READINGS_OF_NONE = {"agree": 1, "parts": 2, "border": 26, "empty": 28, "quantity": 29}  # how many stand before the probe's first


class Bench:
    def __init__(self):
        self.world = World(SEED, KINDS)
        self.daemon, self.chaos = self.world.daemon, self.world.vendor.chaos
        self.daemon.write_config()
        self.directory = tempfile.mkdtemp(prefix="meterd-certify-test-")
        self.day = self.world.date(self.world.from_us + DAY_US)
        self.catalog = self.write("catalog.json", catalog_of(NAMES, self.world.date(self.world.from_us - 40 * DAY_US)))

    def write(self, name, document):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document, f)
        return path

    def certify(self, name, edit=None, **more):
        document = self.world.document(name, limits={"key": f"{name}-{len(more)}", "concurrency": 8}, **more)
        if edit:
            edit(document)
        window = () if self.world.dialects[name].length == "cursor" else ("--from", self.day)
        path = self.write(f"{name}.json", {"sources": [document]})
        done = self.daemon.command("source", "certify", path, self.catalog, *window, "--json", check=False)
        assert done.returncode in (0, 1) and done.stdout, (name, done)
        self.chaos.set({})
        certificate = json.loads(done.stdout)
        probes = {probe["probe"]: probe for probe in certificate["probes"]}
        assert done.returncode == (1 if any(probe["result"] == "failed" for probe in probes.values()) else 0), (name, done)
        secrets = [text for service in self.world.vendor.services.values() for text in service.gate.files.values()]
        assert not [secret for secret in secrets if secret in done.stdout], name
        return certificate, probes

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.world.vendor.stop()
        shutil.rmtree(self.directory)
        shutil.rmtree(self.daemon.root)


def results(probes):
    return {name: probe["result"] for name, probe in probes.items()}


def check_healthy(bench):
    """What each kind of API has to offer."""
    offered = {
        "none": {"parts": "passed", "border": "passed", "empty": "passed", "login": "not_offered", "wrong_secret": "not_offered"},
        "page": {"pages": "passed", "totals": "passed"}, "page-bare": {"pages": "passed", "totals": "not_offered"}, "offset": {"pages": "passed"},
        "cursor": {"pages": "not_offered", "totals": "passed"}, "closed": {"border": "warned"}, "csv-ru": {"parts": "not_offered", "border": "not_offered"},
        "prometheus": {"border": "not_offered", "parts": "not_offered"}, "inclusive": {"border": "not_offered"}, "each": {"unknown": "passed"},
        "parts": {"parts": "passed", "border": "passed"}, "s3": {"parts": "passed", "border": "passed", "wrong_secret": "passed"},
        "absent": {"unknown": "passed", "empty": "passed"}, "feed": {"parts": "not_offered", "border": "not_offered", "range": "not_offered"},
        **{name: {"login": "passed", "wrong_secret": "passed"} for name in NAMES if name.startswith("auth-")},
    }
    for name in NAMES:
        certificate, probes = bench.certify(name)
        wanted = {**HEALTHY, **offered[name]}
        for odd in {"feed": ["age"], "prometheus": ["range"]}.get(name, []):  # nobody says how new; what is asked for is an hour longer
            wanted.pop(odd)
        got = results(probes)
        assert all(got[probe] == result for probe, result in wanted.items()), (name, wanted, probes)
        assert certificate["result"] in ("passed", "warned") and len(certificate["document"]) == 64, certificate
        assert all(probe["evidence"] for probe in probes.values() if probe["result"] == "passed" and probe["probe"] != "rate"), probes
    assert "from counts, to does not" in bench.certify("none")[1]["border"]["text"]
    assert "both ends count" in bench.certify("closed")[1]["border"]["text"]


def later(bench, name, probe, fault, times=1):
    """The fault comes with the probe's own readings."""
    bench.chaos.script(name, None, times=READINGS_OF_NONE[probe])
    bench.chaos.script(name, fault, times=times)


def other_secret(bench):
    path = bench.write("other.secret", "another")
    os.chmod(path, 0o600)
    return path


def drop_query(*names):
    def edit(document):
        for name in names:
            document["request"]["query"].pop(name)
    return edit


def fixed_window(bench):
    def edit(document):
        document["request"]["query"].update({"from": f"{bench.day}T00:00:00Z", "to": f"{bench.world.date(bench.world.to_us)}T00:00:00Z"})
    return edit


def ignored_window(bench):
    """It is told another window each time, by names that it does not know."""
    def edit(document):
        fixed_window(bench)(document)
        document["request"]["query"].update({"since": "{from}", "until": "{to}"})
    return edit


def check_faults(bench):
    """dialect, probe and what it comes to; what makes it so; the document's other words; probes that cannot but go with it."""
    world = bench.world
    header = {"header": {"name": "X-Key", "value": "{secret}", "secret_file": other_secret(bench)}}
    wrong = {"header": {"name": "Authorization", "value": "Bearer {secret}", "secret_file": other_secret(bench)}}
    soon = write_time(world.vendor.clock.now_us() + 50 * 60 * 1000000, "%Y-%m-%dT%H:%M:%SZ")
    unread = {"rows", "ids", "range", "totals", "pages", "agree", "parts", "border", "empty", "unknown", "quantity", "age"}
    rows = [
        ("auth-header", "login", "failed", None, {"auth": wrong}, None, unread | {"wrong_secret"}),
        ("none", "wrong_secret", "failed", None, {"auth": header}, None, {"login"}),
        ("none", "rows", "failed", None, {"map": {"time": {"path": "plan", "format": "rfc3339"}}}, None, unread),
        ("none", "ids", "failed", None, {"identity": {"id": "plan"}}, None, unread),
        ("page-bare", "pages", "failed", lambda: (bench.chaos.script("page-bare", None, times=3), bench.chaos.script("page-bare", "skip_page")), {}, None,
         set()),
        ("none", "agree", "failed", lambda: later(bench, "none", "agree", "shrunk"), {}, None, set()),
        ("none", "parts", "failed", lambda: later(bench, "none", "parts", "empty", 24), {}, None, set()),
        ("none", "parts", "warned", None, {}, ignored_window(bench), {"border", "empty", "quantity", "range", "age"}),
        ("none", "quantity", "warned", lambda: later(bench, "none", "quantity", "jump"), {}, None, set()),
        ("csv-ru", "range", "warned", None, {"map": {"time": {"path": "usageStart", "format": "%d.%m.%Y %H:%M:%S", "zone": "UTC"}}}, None, {"border"}),
        ("none", "empty", "failed", None, {}, fixed_window(bench), {"parts", "border", "quantity", "range", "age"}),
        ("absent", "empty", "warned", None, {"answer": {"absent": []}}, None, {"unknown", "age", "parts", "border"}),
        ("each", "unknown", "failed", None, {}, drop_query("account"), set()),
        ("cursor", "totals", "failed", lambda: bench.chaos.script("cursor", "skip_page"), {}, None, {"agree", "parts"}),
        ("none", "age", "warned", None, {"expect": {"freshness": "1h"}}, None, set()),
        ("none", "age", "warned", None, {"map": {"time": f"={soon}"}}, None, unread),  # usage that was not yet
        ("none", "clock", "failed", lambda: bench.chaos.script("none", "skew", times=100), {}, None, set()),
        ("none", "rate", "warned", lambda: bench.chaos.script("none", "too_many"), {}, None, set()),
        ("none", "rate", "passed", lambda: bench.chaos.script("none", "too_many_seconds"), {}, None, set()),
    ]
    healthy = {name: results(bench.certify(name)[1]) for name in {row[0] for row in rows}}
    for name, probe, result, happens, more, edit, beside in rows:
        if happens:
            happens()
        got = bench.certify(name, edit, **more)[1]
        assert got[probe]["result"] == result and got[probe]["text"], (name, probe, got[probe])
        assert "map" not in more or probe != "age" or "minutes ahead: usage that was not yet" in got[probe]["text"], got[probe]
        changed = {other for other, value in results(got).items() if value != healthy[name][other]} - {probe}
        assert changed <= beside, (name, probe, {other: got[other] for other in changed - beside})
    assert not world.vendor.trapped


def check_document(bench):
    """The same document has one hash, written as it may be; another one another."""
    path = bench.write("one.json", {"sources": [bench.world.document("none")]})
    first = json.loads(bench.daemon.command("source", "certify", path, bench.catalog, "--from", bench.day, "--json").stdout)["document"]
    document = bench.world.document("none")
    again = bench.write("two.json", {"sources": [{"key": document.pop("key"), "hosts": None, **document}]})
    table = bench.daemon.command("source", "certify", again, bench.catalog, "--from", bench.day).stdout
    assert "PROBE" in table and "from counts, to does not" in table
    other = bench.certify("none", guard={"jump": 11})[0]["document"]
    assert first != other


def check_sandbox(bench):
    """The document as it will be applied, asked at the vendor's sandbox: its hash is the document's own, and the certificate says where it was made."""
    document = bench.world.document("none")
    sandbox, document["base_url"] = document["base_url"], "https://api.acme.example/v1"
    path = bench.write("sandbox.json", {"sources": [document, bench.world.document("page")]})
    words = ("source", "certify", path, bench.catalog, "--source", "none", "--from", bench.day)
    made = json.loads(bench.daemon.command(*words, "--sandbox", sandbox, "--json").stdout)
    probes = {probe["probe"]: probe for probe in made["probes"]}
    assert made["sandbox"] == sandbox and probes["border"]["result"] == "passed" and probes["restated"]["result"] == "not_offered", made
    assert f"of the sandbox {sandbox}" in bench.daemon.command(*words, "--sandbox", sandbox).stdout
    elsewhere = bench.daemon.command(*words, "--json", check=False)
    assert elsewhere.returncode == 1 and json.loads(elsewhere.stdout)["document"] == made["document"] and "sandbox" not in json.loads(elsewhere.stdout), elsewhere
    wrong = bench.daemon.command(*words, "--sandbox", "ftp://x", check=False)
    assert wrong.returncode == 78 and "base_url" in wrong.stderr, wrong


def check_wrong(bench):
    path = bench.write("one.json", {"sources": [bench.world.document("none")]})
    late = bench.daemon.command("source", "certify", path, bench.catalog, "--from", "2099-01-01", check=False)
    assert late.returncode == 64 and "has not begun" in late.stderr and not late.stdout, late
    for verb in ("certify", "show", "run", "replay", "windows", "pause", "test"):
        empty = bench.daemon.command("source", verb, "", check=False)
        assert empty.returncode == 64 and f"`{verb}` of which source?" in empty.stderr, empty
    empty = bench.daemon.command("import", "--source", "", path, check=False)
    assert empty.returncode == 64 and "the answer of which source?" in empty.stderr, empty


def check_address(bench):
    bench.world.vendor.stop()
    probes = bench.certify("none")[1]
    assert probes["address"]["result"] == "failed" and "refused" in probes["address"]["text"], probes
    assert {probe["result"] for name, probe in probes.items() if name not in ("address", "rows")} == {"not_offered"}, probes


print(f"seed {SEED}")
assert Dialect
with Bench() as at_work:
    check_healthy(at_work)
    check_faults(at_work)
    check_document(at_work)
    check_sandbox(at_work)
    check_wrong(at_work)
    check_address(at_work)
print(f"{len(NAMES)} kinds of vendors certified")
