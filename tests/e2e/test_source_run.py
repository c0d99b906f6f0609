"""meterd source run: windows that are read because somebody asks. First what would change, by a dry run that changes nothing; then it is so."""
import json
import os
import sys
from dataclasses import replace
from decimal import Decimal

sys.path.insert(0, os.path.dirname(__file__))
from harness import skip, wait_until  # noqa: E402
try:
    import zstandard  # noqa: F401
except ImportError as missing:
    skip(f"{missing.name} is not installed")
from polled import ACCOUNTS, DAY_US, World  # noqa: E402
from vendor import every_dialect  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
ALL = every_dialect()
FAR = {"schedule": {"every": "30d"}}  # nothing but an order reads a window again


def dry(world, name, *words):
    window = ("--from", world.date(world.from_us), "--to", world.date(world.to_us))
    done = world.daemon.command("source", "run", name, *window, "--dry-run", "--json", *words)
    return json.loads(done.stdout)["tried"]


def run(world, name, *words, code=0):
    window = ("--from", world.date(world.from_us), "--to", world.date(world.to_us))
    done = world.daemon.command("source", "run", name, *window, *words, check=False)
    assert done.returncode == code, done
    return done


def log_end(world):
    return world.daemon.status()["log"]["last_seq"]


def check_run(world):
    daemon = world.daemon
    assert [window["added"] for window in dry(world, "none")] == [window["rows"] for window in dry(world, "none")], "nothing was read yet"
    assert run(world, "none").stdout == "2 windows taken\n"
    wait_until("the first reading is billed", lambda: "none" not in world.wrong())
    daemon.settle()
    before = log_end(world)
    were = [window["quantity"] for window in dry(world, "none")]
    for window in dry(world, "none"):
        assert window["rows"] == window["same"] and not window["added"] + window["changed"] + window["gone"], window
    edition = world.vendor.truth.edition
    world.life.late(3)
    world.life.restate(4)
    world.life.vanish(2)
    assert world.vendor.truth.edition > edition
    windows = dry(world, "none")
    assert [window["taken"] for window in windows] == [True] * 2, windows
    assert sum(window["added"] for window in windows) == 3 and sum(window["gone"] for window in windows) == 2, windows
    assert 1 <= sum(window["changed"] for window in windows) <= 4, windows
    published = sum(row.quantity for row in world.vendor.truth.rows(world.from_us, world.to_us))
    assert sum(Decimal(window["quantity"]) for window in windows) == published, (published, windows)
    assert [window["quantity_before"] for window in windows] == were, (were, windows)
    assert log_end(world) == before and world.wrong(), "a dry run changes nothing"
    told = json.loads(run(world, "none", "--json").stdout)
    assert told == {"source": "none", "taken": 2, "failed": 0, "refused": 0}, told
    wait_until("what was asked for is billed", lambda: "none" not in world.wrong())
    assert all(window["rows"] == window["same"] for window in dry(world, "none"))
    daemon.settle()


def check_progress(world):
    """Three requests, two windows each; without a terminal a line now and then, and the end on stdout."""
    answer = world.daemon.call("POST", "/v1/sources/each/reads", {"from": world.date(world.from_us), "to": world.date(world.to_us)}).json()
    assert answer["windows"] == 2 * len(ACCOUNTS) and answer["left"] in range(len(ACCOUNTS) + 1), answer
    final = wait_until("all that was asked for", lambda: [now for now in [world.daemon.get("/v1/sources/each/reads")] if not now["left"]])[0]
    assert (final["taken"], final["failed"]) == (2 * len(ACCOUNTS), 0), final
    one = run(world, "each", "--each", ACCOUNTS[0])
    assert one.stdout == "2 windows taken\n", one
    world.vendor.chaos.script("none", "partial", times=8)
    wrong = run(world, "none", code=1)
    assert "2 not: `meterd source show none` says why" in wrong.stdout, wrong
    world.vendor.chaos.set({})
    run(world, "none")


def check_backfill(world):
    """How far a source is: nothing of it, all of it; and of windows that are not whole."""
    def now(name):
        return world.daemon.get(f"/v1/sources/{name}/progress")

    window = {"window": {"start": world.date(world.from_us - 20 * DAY_US)}, "schedule": {"every": "1s"}}
    before = now("late")
    assert before["read"] == 0 and before["windows"] >= 3, before
    world.vendor.chaos.set({"partial": 1.0})
    world.daemon.apply({"sources": [world.document("late", **window)]})
    watched = world.daemon.command("source", "progress", "late")
    after = now("late")
    assert after["windows"] == after["read"] == before["windows"] + 20 - 1, (before, after, watched)  # `start` was an hour before the day
    assert watched.stdout.startswith(f"{after['read']} of {after['windows']} windows, "), watched
    assert after["complete"] < after["read"], after
    world.vendor.chaos.set({})
    run(world, "late")
    assert now("late")["complete"] > after["complete"]
    assert json.loads(world.daemon.command("source", "progress", "late", "--json").stdout)["source"] == "late"
    assert "windows" not in now("feed")


def check_forgotten(world):
    """Rows that the vendor keeps no longer are not taken back, whoever orders it to be read; as long as none is missing, all is taken."""
    run(world, "forgets")
    wait_until("it is read", lambda: "forgets" not in world.wrong())
    world.daemon.apply({"sources": [world.document("forgets", window={"vendor_keeps": "1d"})]})
    world.life.late(3)
    assert run(world, "forgets").stdout == "2 windows taken\n"
    wait_until("what came late is billed", lambda: "forgets" not in world.wrong())
    before = {key: quantity for key, quantity in world.billed().items() if key[0] == "forgets"}
    world.life.vanish(20)
    assert "not: `meterd source show forgets` says why" in run(world, "forgets", code=1).stdout
    problems = [window.get("problem", "") for window in world.daemon.get("/v1/sources/windows?source=forgets")["windows"]]
    assert any("would go, and the vendor no longer keeps them" in problem for problem in problems), problems
    world.daemon.settle()
    assert before == {key: quantity for key, quantity in world.billed().items() if key[0] == "forgets"}


def check_refused(world):
    daemon = world.daemon
    assert daemon.command("source", "run", "none", check=False).returncode == 64
    assert daemon.command("source", "run", "none", "--from", world.date(world.from_us)).stdout == "1 window taken\n"
    wrong_time = daemon.call("POST", "/v1/sources/none/reads", {"from": world.date(world.from_us), "to": "soon"})
    assert wrong_time.status == 400 and "to: " in wrong_time.json()["detail"], wrong_time.body
    unknown = daemon.command("source", "run", "nobody", "--from", "2026-01-01", "--to", "2026-01-02", check=False)
    assert unknown.returncode == 1 and "nobody" in unknown.stderr, unknown
    feed = daemon.command("source", "run", "feed", "--from", "2026-01-01", "--to", "2026-01-02", check=False)
    assert feed.returncode == 1 and "feed without windows" in feed.stderr, feed
    by_hand = {"key": "files", "vendor": "acme", "by_hand": True, "window": {"length": "day"}, "format": {"csv": {}}, "identity": {"id": "id"},
               "map": {"type": "=vm.hour", "subject": "who", "time": "at", "data": {"quantity": "amount"}}}
    daemon.apply({"sources": [by_hand]})
    for words in (["run", "files", "--from", "2026-01-01", "--to", "2026-01-02"], ["certify", "files"], ["test", "files"]):
        done = daemon.command("source", *words, check=False)
        assert done.returncode == 1 and "files are its answers" in done.stderr, (words, done)
    assert "windows" not in daemon.get("/v1/sources/files/progress")
    assert daemon.call("POST", "/v1/sources/none/reads", {"from": "yesterday", "to": "2026-01-02"}).status == 400
    path = os.path.join(daemon.root, "one.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"sources": [world.document("none")]}, f)
    file = daemon.command("source", "run", path, "--from", "2026-01-01", "--to", "2026-01-02", "--dry-run", check=False)
    assert file.returncode == 1 and "there is no source" in file.stderr, file


def check_alike(world):
    """Whatever a run is refused for, its dry run is, in the same words; and what no run would read is read by neither."""
    daemon = world.daemon
    daemon.apply({"sources": [world.document("late", disabled=True)]})
    daemon.command("source", "pause", "each")
    refused = {("feed", "2026-01-01", "2026-01-02"): "feed without windows", ("late", world.date(world.from_us), world.date(world.to_us)): "it is disabled",
               ("each", world.date(world.from_us), world.date(world.to_us)): "it is paused", ("files", "2026-01-01", "2026-01-02"): "files are its answers",
               ("none", "1999-01-01", "1999-01-02"): "no window of it has begun there", ("none", "2099-01-01", "2099-01-02"): "no window of it has begun there",
               ("none", world.date(world.to_us), world.date(world.from_us)): "`from` is before `to`", ("none", "yesterday", "2026-01-02"): "from: write"}
    for (key, start, end), why in refused.items():
        told = [daemon.command("source", "run", key, "--from", start, "--to", end, *words, check=False) for words in ((), ("--dry-run",))]
        assert all(done.returncode == 1 and why in done.stderr and not done.stdout for done in told), (key, start, told)
        assert told[0].stderr == told[1].stderr, told
    many = daemon.command("source", "run", "none", "--from", "1970-01-01", "--to", "2099-01-01", "--dry-run", check=False)
    assert many.stdout.count(" taken") + many.stdout.count(" not taken") >= 3 and "1970" not in many.stdout, many  # from its `window.start` on, to now
    daemon.command("source", "resume", "each")


def check_judged(world):
    """A dry run says what the intake would refuse or hold, and that what is not taken would not be; alarms and counts stay as they are."""
    daemon = world.daemon
    wait_until("what was disabled to be quiet", lambda: not next(s for s in daemon.get("/v1/sources")["sources"] if s["source"] == "late")["alarms"])
    list_before = daemon.get("/v1/sources")
    document = daemon.get("/v1/catalog/source/none")["document"]
    daemon.apply({"sources": [world.document("none", map={"subject": "=nobody"})]})
    window = ("--from", world.date(world.from_us), "--to", world.date(world.to_us))
    doubted = daemon.command("source", "run", "none", *window, "--dry-run", check=False)
    assert doubted.returncode == 1 and "of accounts or types that the catalog does not know" in doubted.stdout, doubted
    daemon.apply({"sources": [world.document("none", map={"subject": "=nobody"}, guard={"shrink": "100%"})]})
    held = dry(world, "none")
    assert all(window["held"] == window["rows"] == window["changed"] for window in held), held
    daemon.apply({"sources": [document]})
    world.vendor.chaos.script("none", "partial", times=8)
    wrong = daemon.command("source", "run", "none", *window, "--dry-run", check=False)
    world.vendor.chaos.set({})
    assert wrong.returncode == 1 and "not taken: " in wrong.stdout, wrong
    after = daemon.get("/v1/sources")
    for was, now in zip(list_before["sources"], after["sources"]):
        kept = ("source", "alarms", "readings", "failures", "rows", "changes")
        assert [was[name] for name in kept] == [now[name] for name in kept], (was, now)
    assert not world.wrong()


def check_quarantined(world):
    """Whoever runs it is told that rows are in quarantine, by the exit status as well; and when they are there no more."""
    def alarms():
        return {alarm["alarm"]: alarm["problem"] for source in world.daemon.get("/v1/sources")["sources"] for alarm in source["alarms"]}

    world.daemon.apply({"sources": [world.document("spoilt", map={"data": {"quantity": {"path": "region", "as": "number"}}}, guard={"shrink": "100%"})]})
    window = ("--from", world.date(world.from_us), "--to", world.date(world.to_us))
    tried = world.daemon.command("source", "run", "spoilt", *window, "--dry-run", "--json", check=False)
    rows = sum(window["problems"] for window in json.loads(tried.stdout)["tried"])
    assert rows and tried.returncode == 1 and f"{rows} rows would be in quarantine" in tried.stderr, tried
    done = run(world, "spoilt", code=1)
    assert done.stdout == "2 windows taken\n" and f"{rows} rows of what was taken are in quarantine: GET /v1/quarantine?source=spoilt says why" in done.stderr, done
    assert json.loads(run(world, "spoilt", "--json", code=1).stdout) == {"source": "spoilt", "taken": 2, "failed": 0, "refused": rows}
    assert alarms() == {"refused": f"{rows} rows of 2 windows in quarantine: GET /v1/quarantine says why"}, alarms()
    world.daemon.apply({"sources": [world.document("spoilt")]})
    assert "refused" in alarms(), "nothing was read since"
    world.daemon.command("source", "run", "spoilt", *window[:2], check=False)
    assert "1 window" not in alarms()["refused"] and "2 windows" not in alarms()["refused"], alarms()
    assert not run(world, "spoilt").stderr.count("quarantine")
    assert not alarms(), alarms()


print(f"seed {SEED}")
with World(SEED, [ALL["none"], ALL["each"], ALL["feed"], replace(ALL["none"], name="late")], more=FAR, each={"none": {"window": {"rereads": ["40d", "80d"]}}}) as at_work:
    at_work.begin()
    assert DAY_US
    check_run(at_work)
    check_progress(at_work)
    check_backfill(at_work)
    check_refused(at_work)
    check_judged(at_work)
    check_alike(at_work)
    assert at_work.audit()
with World(SEED, [replace(ALL["none"], name="forgets")], more=FAR) as at_work:
    at_work.begin()
    check_forgotten(at_work)
    assert at_work.audit()
with World(SEED, [replace(ALL["none"], name="spoilt")], more=FAR) as at_work:
    at_work.begin()
    check_quarantined(at_work)
    assert at_work.audit()
print("windows were read when they were asked for")
