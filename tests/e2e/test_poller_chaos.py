"""The poller against vendors of every kind: in good weather, with faults that stay, and in a storm in which it is killed (T10).

The law, whatever happened: once the vendor is well again, what is billed is what it published last, to the digit; the audit is clean;
nobody was led to a host that the document does not name. METERD_KILLS asks for more than the suite's share, METERD_SEED for another vendor.
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
from polled import World  # noqa: E402
from vendor import FAULTS, every_dialect  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
KILLS = int(os.environ.get("METERD_KILLS", "20"))
# Refresh tokens that rotate have tests of their own.
KINDS = {name: dialect for name, dialect in every_dialect().items()
         if dialect.auth != "oauth2_refresh"}
# What takes long is among the alarms alone; with NaN or a column less a first reading is false, and nobody can know.
STORM = {name: 0.03 for name in FAULTS if name not in ("hang", "drip", "huge", "missing_column", "nan")}
STORMY = ("cursor", "offset", "page", "next", "link", "csv-ru", "prometheus", "closed", "feed", "after", "auth-oauth2", "auth-login",
          "auth-hmac", "each", "absent", "offset-moving", "parts", "parts-zstd", "s3", "capped", "capped-told", "each-list",
          "job-rows", "job-url", "job-manifest", "periods")


def check_every_kind():
    """In good weather: the first reading, and an edition later the second."""
    with World(SEED, KINDS.values()) as world:
        world.begin()
        world.drain()
        world.go_on(6)
        world.read_again()
        world.drain()
        assert not {(name, alarm) for name, alarm in world.alarms() if alarm not in ("suspect", "incomplete")}, world.alarms()
        assert not world.vendor.trapped and world.audit()
        assert max(service.in_flight_max for service in world.vendor.services.values()) <= 2  # limits.concurrency


# A fault that stays, at a source of its own, and the alarm that says so; with what its document says besides.
ALARMS = [
    ("cursor", "aba", "loop", {}), ("next", "aba", "loop", {}), ("page-bare", "endless", "loop", {}), ("link", "endless", "loop", {}),
    ("offset", "repeat_page", "loop", {}), ("page", "skip_page", "loop", {}), ("cursor", "repeat_page", "loop", {}), ("cursor", "endless", "loop", {}),
    ("next", "endless", "loop", {}),
    ("cursor", "skip_page", "incomplete", {}), ("link", "foreign_link", "incomplete", {}), ("none", "partial", "incomplete", {}),
    ("prometheus", "partial", "incomplete", {"guard": {"jump": 0}}), ("none", "empty", "suspect", {}), ("csv-ru", "empty", "suspect", {}),
    ("none", "shrunk", "suspect", {}), ("none", "jump", "suspect", {}), ("csv-zip", "nan", "suspect", {}), ("csv-ru", "torn", "suspect", {}),
    ("none", "nan", "failing", {}), ("none", "html", "failing", {}), ("none", "torn", "failing", {}), ("ndjson", "torn", "failing", {}),
    ("none", "internal", "failing", {}), ("none", "redirect", "failing", {}), ("none", "huge", "limit", {}),
    ("auth-oauth2", "unauthorized", "auth", {}),
]


def check_alarms():
    """A false reading is told by its name, and nothing of it is billed, however long it stays. Then all is well again."""
    rows = {}
    for name, fault, alarm, more in ALARMS:
        own = f"{name}-{fault.replace('_', '-')}"
        rows[own] = (replace(every_dialect()[name], name=own, page_rows=20), fault, alarm, more)
    more = {"guard": {"every": "1h"}, "request": {"timeout": "2s"}}
    with World(SEED, [row[0] for row in rows.values()], more=more, each={name: row[3] for name, row in rows.items()}) as world:
        world.begin()
        world.drain()
        for name, (_, fault, _, _) in rows.items():
            world.vendor.chaos.script(name, fault, times=1000)
        world.read_again()
        wanted = {(name, row[2]) for name, row in rows.items()}
        try:
            wait_until("every alarm", lambda: wanted <= world.alarms(), 60)
        except AssertionError as late:
            raise AssertionError(f"no alarm: {wanted - world.alarms()}") from late
        assert not world.wrong(), world.wrong()
        world.vendor.chaos.set({})
        world.go_on(2)
        world.daemon.kill()
        world.daemon.start()
        world.more = {}  # what is suspect is looked at again within a second
        world.read_again()
        world.drain()
        assert not world.vendor.trapped and world.audit()


def check_storm():
    """Everything goes wrong, and the daemon is killed, again and again."""
    with World(SEED, [KINDS[name] for name in STORMY], more={"request": {"timeout": "2s"}}) as world:
        world.begin()
        for kill in range(KILLS):
            world.vendor.chaos.set(STORM)
            world.go_on(2)
            world.read_again()
            served = world.vendor.trace.counts["requests"]
            wait_until("requests", lambda: world.vendor.trace.counts["requests"] > served + kill * 7 % (2 * len(STORMY)))
            world.daemon.kill()
            world.daemon.start()
        world.vendor.chaos.set({})
        world.daemon.kill()  # what waits after a failure waits no more
        world.daemon.start()
        world.read_again()
        world.drain()
        assert not world.vendor.trapped and world.audit()


if __name__ == "__main__":
    check_every_kind()
    check_alarms()
    check_storm()
