"""The poller against vendors that give usage as files: manifests, and listings of a bucket that go on. What is billed is what was published last;
a part that is missing, torn or too old bills nothing that is not true.

METERD_SEED asks for another vendor, METERD_KILLS for more kills.
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
from vendor import every_dialect  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
KILLS = int(os.environ.get("METERD_KILLS", "5"))
ALL = every_dialect()
KINDS = [replace(ALL["parts"], page_rows=15), replace(ALL["parts-zstd"], page_rows=15), replace(ALL["s3"], page_rows=15),
         replace(ALL["parts"], name="parts-zip", format="csv", packing="zip", page_rows=15),
         replace(ALL["parts"], name="parts-json", format="json", packing=None, page_rows=15),
         replace(ALL["s3"], name="s3-plain", auth="none", packing=None, page_rows=15)]
SHA256 = {"parts-zstd": {"paging": {"parts": {"sha256": "sha256"}}}}


def check_good_weather():
    with World(SEED, KINDS, each=SHA256) as world:
        world.begin()
        world.drain()
        for _ in range(2):
            world.go_on(6)
            world.read_again()
            world.drain()
        assert {alarm for _, alarm in world.alarms()} <= {"suspect"}, world.alarms()  # a day without a row
        assert not world.vendor.trapped and world.audit()


def check_faults():
    """A link that is too old is asked for anew; what is missing or torn is told, and bills nothing."""
    rows = {}
    for name, packing in (("parts", "gzip"), ("s3", "gzip"), ("parts", None), ("s3", None)):
        torn = "failing" if packing else "incomplete"  # gzip knows itself
        for fault, alarm in (("expired_link", None), ("missing_part", "incomplete"), ("torn_part", torn), ("empty", "suspect")):
            own = f"{name}-{packing or 'plain'}-{fault.replace('_', '-')}"
            rows[own] = (replace(ALL[name], name=own, packing=packing, page_rows=15), fault, alarm)
    with World(SEED, [row[0] for row in rows.values()], more={"guard": {"every": "1h"}}) as world:
        world.begin()
        world.drain()
        for name, (_, fault, alarm) in rows.items():
            world.vendor.chaos.script(name, fault, times=1000 if alarm else 3)
        world.go_on(6)
        world.read_again()
        wanted = {(name, row[2]) for name, row in rows.items() if row[2]}
        wait_until("every alarm", lambda: wanted <= world.alarms())
        world.vendor.chaos.set({})
        world.daemon.kill()
        world.daemon.start()
        world.more = {}
        world.read_again()
        world.drain()
        assert not {alarm for name, alarm in world.alarms() if name.endswith("expired-link")} - {"suspect"}, world.alarms()
        assert not world.vendor.trapped and world.audit()


def check_kills():
    with World(SEED, KINDS, each=SHA256) as world:
        world.begin()
        for kill in range(KILLS):
            world.vendor.chaos.set({"expired_link": 0.05, "torn_part": 0.05, "missing_part": 0.02, "internal": 0.05, "cut": 0.05})
            world.go_on(4)
            world.read_again()
            served = world.vendor.trace.counts["requests"]
            wait_until("requests", lambda: world.vendor.trace.counts["requests"] > served + kill * 11 % 40)
            world.daemon.kill()
            world.daemon.start()
        world.vendor.chaos.set({})
        world.daemon.kill()
        world.daemon.start()
        world.read_again()
        world.drain()
        assert not world.vendor.trapped and world.audit()


if __name__ == "__main__":
    check_good_weather()
    check_faults()
    check_kills()
