"""Every fault that the vendors' simulator has (vendor/chaos.py), against the real binary, at a source of its own: one that stays has its named alarm and
no other, and bills nothing false, however long it stays; one that asking again heals has none. Then the vendor is well, and all is well again (T10).

METERD_SEED asks for another vendor.
"""
import os
import sys
from dataclasses import replace

sys.path.insert(0, os.path.dirname(__file__))
from harness import skip, wait_until  # noqa: E402
try:
    import zstandard  # noqa: F401
except ImportError as missing:
    skip(f"{missing.name} is not installed")
from polled import World, meter_of  # noqa: E402
from vendor import FAULTS, every_dialect  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
EXACT = {"expect": {"columns": "exact"}}
# What stays, and the alarm that says so; with what the document says besides.
STAYS = [
    ("cursor", "aba", "loop", {}), ("next", "aba", "loop", {}), ("page-bare", "endless", "loop", {}), ("link", "endless", "loop", {}),
    ("offset", "repeat_page", "loop", {}), ("page", "skip_page", "loop", {}), ("cursor", "repeat_page", "loop", {}), ("cursor", "endless", "loop", {}),
    ("next", "endless", "loop", {}),
    ("cursor", "skip_page", "incomplete", {}), ("link", "skip_page", "suspect", {}), ("link", "foreign_link", "incomplete", {}),
    ("none", "partial", "incomplete", {}), ("prometheus", "partial", "incomplete", {"guard": {"jump": 0}}),
    ("none", "empty", "suspect", {}), ("csv-ru", "empty", "suspect", {}), ("absent", "empty", "incomplete", {}), ("job-rows", "empty", "incomplete", {}),
    ("none", "shrunk", "suspect", {}), ("none", "jump", "suspect", {}), ("csv-zip", "nan", "suspect", {}), ("csv-ru", "torn", "suspect", {}),
    ("ndjson", "nan", "drift", {}), ("page", "partial", "truncated", {}),
    ("prometheus", "nan", "suspect", {"guard": {"jump": 0}}), ("csv-zip", "nan", "refused", {"guard": {"shrink": "100%"}}),
    ("none", "nan", "failing", {}), ("none", "html", "failing", {}), ("none", "torn", "failing", {}), ("ndjson", "torn", "failing", {}),
    ("none", "redirect", "failing", {}), ("none", "huge", "limit", {}), ("none", "skew", "skew", {}), ("cursor", "skew", "skew", {}),
    ("auth-oauth2", "unauthorized", "auth", {}),
    ("none", "missing_column", "drift", {}), ("ndjson", "missing_column", "drift", {}), ("months", "missing_column", "drift", {}),
    ("csv-zip", "missing_column", "failing", {}),
    ("none", "empty_column", "drift", {}), ("ndjson", "empty_column", "drift", {}), ("csv-zip", "empty_column", "drift", {}), ("months", "empty_column", "drift", {}),
    ("none", "new_column", "drift", EXACT), ("csv-zip", "new_column", "drift", EXACT), ("job-rows", "new_column", "drift", EXACT),
    ("parts", "missing_part", "incomplete", {}), ("s3", "missing_part", "incomplete", {}), ("parts", "torn_part", "failing", {}),
    ("parts", "expired_link", "auth", {}), ("job-url", "job_failed", "failing", {}), ("job-rows", "job_lost", "failing", {}),
    ("job-manifest", "submit_lost", "failing", {}),
    # Windows that are not over: an outage takes nothing back meanwhile, either.
    ("months", "empty", "suspect", {}), ("months", "shrunk", "suspect", {}), ("months", "jump", "suspect", {}),
    ("periods", "shrunk", "suspect", {}), ("periods", "jump", "suspect", {}),
    # Of these the host is left alone.
    ("cursor", "too_many", "failing", {}), ("cursor", "too_many_seconds", "failing", {}), ("cursor", "too_many_date", "failing", {}),
    ("none", "internal", "failing", {}), ("cursor", "unavailable", "failing", {}), ("cursor", "hang", "failing", {}), ("none", "reset", "failing", {}),
    ("none", "cut", "failing", {}), ("none", "drip", "failing", {}), ("auth-login", "token_outage", "failing", {}),
]
# What happens twice, and is over.
PASSES = [
    ("cursor", "too_many"), ("cursor", "too_many_seconds"), ("cursor", "too_many_date"), ("cursor", "internal"), ("cursor", "unavailable"),
    ("cursor", "hang"), ("cursor", "reset"), ("cursor", "cut"), ("cursor", "drip"), ("offset", "reorder"), ("none", "other_zone"),
    ("none", "new_column"), ("job-rows", "submit_lost"), ("parts", "expired_link"), ("auth-login", "token_outage"), ("auth-oauth2", "unauthorized"),
]
BEFORE = {"token_outage": "unauthorized"}  # so that a token is asked for
ONCE = ("unauthorized",)                   # a fresh token that is not taken, either, is an alarm
# Of other windows: half of a header, where one has no row; an end that comes before the total does, or not.
BESIDES = {("torn", "suspect"): {"failing"}, ("partial", "truncated"): {"incomplete"}}
TIMEOUT = {"request": {"timeout": "8s"}}  # two that hang are over within one bound of what is waited for; nothing else takes so long


def check_table():
    """Each fault has its rows: one that stays where there is an alarm, one that passes where asking again may be enough."""
    for name, fault, alarm, _ in STAYS:
        assert alarm in FAULTS[fault].alarms, (name, fault, alarm)
    shown = {(fault, alarm) for _, fault, alarm, _ in STAYS}
    for name, fault in FAULTS.items():
        assert not fault.alarms or (name, fault.alarms[0]) in shown, f"no row shows that {name} is {fault.alarms[0]}"
        assert fault.is_at_once or name in {row[1] for row in PASSES}, f"no row shows that {name} passes"


def rows_of():
    """own name → dialect, fault, alarm, what its document says."""
    rows = {}
    for name, fault, alarm, more in STAYS + [(name, fault, None, {}) for name, fault in PASSES]:
        own = f"{name}-{fault}-{alarm or 'passes'}".replace("_", "-")
        assert own not in rows, own
        rows[own] = (replace(every_dialect()[name], name=own, page_rows=20), fault, alarm, more)
    return rows


def begin(world, rows):
    """What is wrong with one's host is nobody else's fault: each has a name of its own."""
    for name in rows:
        own_host = {"base_url": f"http://{name}.localhost:{world.vendor.port}/{name}", "hosts": [f"127.0.0.{n}:{world.vendor.port}" for n in (1, 2)]}
        world.each[name] = {**rows[name][3], **own_host}
    world.begin()
    world.drain()
    wait_until("no alarm", lambda: not any(source["alarms"] for source in world.daemon.get("/v1/sources?limit=1000")["sources"]))
    apply(world, {"guard": {"every": "1h"}})  # what is suspect stays so
    for name, (_, fault, alarm, _) in rows.items():
        for one in filter(None, (BEFORE.get(fault), fault)):
            world.vendor.chaos.script(name, one, times=1 if one in ONCE and not alarm or one != fault else 1000 if alarm else 2)


def apply(world, more):
    world.more = {**TIMEOUT, **more}
    world.daemon.apply({"sources": [world.document(name) for name in world.dialects]})


def left(world, rows):
    """What is waited for: alarms, and faults that have not happened as often as they should."""
    heard = world.told_since([name for name, row in rows.items() if row[1] == "empty"])
    told = {name: {alarm for source, alarm in heard if source == name} for name in rows}
    happened = world.vendor.chaos.happened
    return {name: (fault, told[name]) for name, (_, fault, alarm, _) in rows.items()
            if told[name] - BESIDES.get((fault, alarm), set()) != {alarm} - {None} or not happened[name, fault]
            or not alarm and world.vendor.chaos.scripts.get((name, FAULTS[fault].stage))}


def main():
    check_table()
    rows = rows_of()
    with World(SEED, [row[0] for row in rows.values()], more=TIMEOUT) as world:
        begin(world, rows)
        world.listen()
        world.read_again()
        try:
            wait_until("every alarm, and no other", lambda: not left(world, rows))
        except AssertionError as late:
            raise AssertionError(f"{late}: {left(world, rows)}") from late
        refused = {meter_of(name) for name, row in rows.items() if row[2] == "refused"}  # what cannot be read is not billed, and is told
        assert set(world.wrong()) == refused, world.wrong()
        world.vendor.chaos.set({})
        world.go_on(2)
        world.daemon.kill()
        world.daemon.start()
        apply(world, {})  # what is suspect is looked at again within a second
        world.read_again()
        world.drain()
        assert not world.vendor.trapped and world.audit()
    print(f"{len(FAULTS)} faults at {len(rows)} sources")


if __name__ == "__main__":
    main()
