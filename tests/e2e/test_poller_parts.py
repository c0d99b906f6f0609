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


def check_unchanged():
    """A manifest of the version that was read last is all that is asked for, also after a restart and with a ledger that is made anew. Another
    version is read, and so is the same one under another document."""
    kinds = [replace(ALL["parts"], name=f"{name}-months", length="month", time_style="month", page_rows=15, job=job, paging="parts")
             for name, job in (("parts", None), ("job", "manifest"))]
    with World(SEED, kinds) as world:  # an open month is read each second
        def count(words):
            return {name: sum(f"/{words}" in entry.target for entry in world.vendor.trace.of(name)) for name in world.dialects}

        def look(what):
            before = count("manifest")
            wait_until(what, lambda: all(number > before[name] + 2 for name, number in count("manifest").items()))

        world.begin()
        world.drain()
        look("a first look")
        files = count("files")
        assert all(files.values())
        look("the same manifest")
        world.daemon.kill()
        world.forget_ledger()
        world.daemon.start()
        look("the same manifest after all that")
        assert count("files") == files, (files, count("files"))
        world.go_on(6)
        world.drain()
        look("another manifest")
        assert all(number > files[name] for name, number in count("files").items())
        files = count("files")
        world.daemon.apply({"sources": [world.document(name, answer={"bytes_max": "2MiB"}) for name in world.dialects]})
        look("another document")
        assert all(number > files[name] for name, number in count("files").items())
        world.drain()
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
        told = {alarm for name, alarm in world.alarms() if name.endswith("expired-link")}
        assert told <= {"suspect", "auth"}, told  # auth: its secret was just being written
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
    check_unchanged()
    check_faults()
    check_kills()
