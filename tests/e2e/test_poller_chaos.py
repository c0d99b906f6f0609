"""The poller against vendors of every kind: in good weather, and in a storm in which it is killed (T10).

The law, whatever happened: once the vendor is well again, what is billed is what it published last, to the digit; the audit is clean; nobody was led to
a host that the document does not name; each false reading raised its alarm, and each alarm has a reason (alarm_law.py). METERD_KILLS asks for more than
the suite's share, METERD_SEED for another vendor.
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
from alarm_law import GUARD, AlarmLaw  # noqa: E402
from polled import World  # noqa: E402
from vendor import FAULTS, every_dialect  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
KILLS = int(os.environ.get("METERD_KILLS", "20"))
# Refresh tokens that rotate have tests of their own.
KINDS = {name: dialect for name, dialect in every_dialect().items()
         if dialect.auth != "oauth2_refresh"}
# What takes long has its alarm elsewhere (test_poller_faults.py); with NaN, a column less or an empty one a first reading is false, and nobody can know.
STORM = {name: 0.03 for name in FAULTS if name not in ("hang", "drip", "huge")}
FIRST_STORM = {name: share for name, share in STORM.items() if name not in ("missing_column", "empty_column", "nan")}
TIMEOUT = {"request": {"timeout": "20s"}}  # nothing hangs in this storm: whatever takes long is the machine
EXACT, EXACT_ONES = {"expect": {"columns": "exact"}}, ("offset", "job-rows")
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


def blow(world, shares, requests, kill):
    """A round of the storm, and its end by a kill in the middle of some request."""
    world.vendor.chaos.set(shares)
    world.go_on(2)
    world.read_again()
    served = world.vendor.trace.counts["requests"]
    wait_until("requests", lambda: world.vendor.trace.counts["requests"] > served + requests)
    kill()


def few(number):
    return number * 7 % (2 * len(STORMY))


def restart(world):
    world.daemon.kill()
    world.daemon.start()


def become_well(world):
    world.vendor.chaos.set({})
    restart(world)  # what waits after a failure waits no more
    world.read_again()
    world.drain()


def apply(world, more):
    world.more = {**TIMEOUT, **more}
    world.daemon.apply({"sources": [world.document(name) for name in world.dialects]})


def check_storm():
    """Everything goes wrong, and the daemon is killed, again and again: at first while nothing was read whole yet, and then under the law of alarms."""
    with World(SEED, [KINDS[name] for name in STORMY], more=TIMEOUT, each={name: EXACT for name in EXACT_ONES}) as world:
        world.begin()
        for number in range(KILLS // 4):
            blow(world, FIRST_STORM, few(number), lambda: restart(world))
        become_well(world)
        apply(world, {"guard": GUARD})
        law = AlarmLaw(world, EXACT_ONES)
        law.begin()
        for number in range(KILLS // 4, KILLS):
            if number % 3 == 2:
                blow(world, STORM, 10 * len(STORMY), law.calm_and_kill)
            else:
                blow(world, STORM, few(number), law.kill)
        law.calm()
        decided = law.check()
        apply(world, {})
        become_well(world)
        assert not world.vendor.trapped and world.audit()
        print(f"{KILLS} kills; false answers that were told of: {dict(sorted(decided.items()))}; cut off, or too little: {law.left_out.total()}")
        assert len(decided) > 10 and decided.total() > 2 * KILLS, decided  # a storm that meets nothing proves nothing


if __name__ == "__main__":
    check_every_kind()
    check_storm()
