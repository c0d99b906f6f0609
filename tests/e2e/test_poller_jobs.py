"""The poller against vendors that make reports: asked for, waited for, fetched, removed. Reports fail, get lost, and are never answered for; the
daemon is killed at every step of them. What is billed is what was published last, and nobody waits for somebody else's report.

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
from polled import DAY_US, World  # noqa: E402
from vendor import every_dialect  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
KILLS = int(os.environ.get("METERD_KILLS", "6"))
ALL = every_dialect()
KINDS = [ALL["job-rows"], ALL["job-url"], replace(ALL["job-manifest"], page_rows=15), replace(ALL["periods"], page_rows=15),
         replace(ALL["job-rows"], name="job-rows-path", job_id="path", each="values"),
         replace(ALL["job-url"], name="job-url-plain", packing=None, job_id="Operation-Location")]


def submits(world, name):
    return sum(entry.method == "POST" for entry in world.vendor.trace.of(name))


def check_good_weather():
    """Each report is asked for once, and removed once it was read."""
    with World(SEED, KINDS) as world:
        world.begin()
        world.drain()
        world.go_on(6)
        world.read_again()
        world.drain()
        assert {alarm for _, alarm in world.alarms()} <= {"suspect", "incomplete"}, world.alarms()  # a day without a row is asked again
        for name in world.dialects:
            if name != "periods":  # read all the time
                wait_until(f"{name}: reports are removed", lambda name=name: not world.vendor.services[name].jobs.jobs)
        assert not world.vendor.trapped and world.audit()


def check_trial():
    """`meterd source test` asks for a report of its own, waits for it, reads and removes it."""
    with World(SEED, KINDS[:3]) as world:
        world.begin()
        world.drain()
        wait_until("no report", lambda: not any(service.jobs.jobs for service in world.vendor.services.values()))
        for name in world.dialects:
            rows = len(world.vendor.services[name].truth.rows(world.from_us, world.from_us + DAY_US))
            before = submits(world, name)
            done = world.daemon.command("source", "test", name, "--from", world.date(world.from_us), "--to", world.date(world.from_us + DAY_US))
            assert f"{rows} rows: {rows} mapped, 0 that could not be" in done.stdout, done.stdout
            assert submits(world, name) >= before + 1
        wait_until("no report is left", lambda: not any(service.jobs.jobs for service in world.vendor.services.values()))
        assert not world.vendor.trapped and not world.wrong()


def check_faults():
    """Reports that fail or are lost are told, and asked for again; an answer that was lost makes no second one where there is a list."""
    rows = {}
    for name in ("job-rows", "job-url", "job-manifest"):
        for fault, alarm in (("job_failed", "failing"), ("job_lost", "failing"), ("submit_lost", None), ("expired_link", None),
                             ("missing_part", "incomplete")):
            if fault not in ("expired_link", "missing_part") or name == "job-manifest":
                own = f"{name}-{fault.replace('_', '-')}"
                rows[own] = (replace(ALL[name], name=own, page_rows=15), fault, alarm)
    with World(SEED, [row[0] for row in rows.values()]) as world:
        world.begin()
        world.drain()
        for name, (_, fault, alarm) in rows.items():
            world.vendor.chaos.script(name, fault)
        world.go_on(6)
        world.read_again()
        wanted = {(name, row[2]) for name, row in rows.items() if row[2]}
        wait_until("every alarm", lambda: wanted <= world.alarms())
        if "the vendor could not make the report: it could not be made" not in open(world.daemon.stderr_path, encoding="utf-8").read():
            raise AssertionError("the vendor's own words are told")
        world.drain()
        for name, service in world.vendor.services.items():
            if "list" in world.document(name)["job"]:  # one whose answer was lost is found; curl itself may have sent it twice
                wait_until(f"{name}: reports are removed", lambda service=service: len(service.jobs.jobs) <= 1)
        assert not world.vendor.trapped and world.audit()


def check_waiting():
    """A report that takes its time: the only reading that may run is others' meanwhile, a restart asks for no second one, and its rows
    are of when it was asked for."""
    slow = [replace(ALL["job-rows"], name=f"slow-{i}", polls=6) for i in range(8)]
    settings = {"poller": {"allow_loopback": True, "readings_max": 1}}
    with World(SEED, [*slow, ALL["cursor"]], settings=settings) as world:
        world.begin()
        wait_until("reports are on their way", lambda: all(submits(world, dialect.name) for dialect in slow))
        wait_until("the other source", lambda: not world.wrong()[ALL["cursor"].name])
        world.daemon.kill()
        world.daemon.start()
        world.drain()
        for dialect in slow:
            asked = [entry.target for entry in world.vendor.trace.of(dialect.name) if entry.method == "POST"]
            windows = world.daemon.get(f"/v1/sources/windows?source={dialect.name}")["windows"]
            assert len(asked) <= 2 * len(windows), (dialect.name, len(asked), len(windows))
        assert world.audit()


def check_kills():
    """At any step of a report."""
    shares = {"job_failed": 0.03, "job_lost": 0.03, "submit_lost": 0.05, "expired_link": 0.05, "internal": 0.03, "too_many_seconds": 0.03,
              "cut": 0.03, "reset": 0.03}
    with World(SEED, KINDS) as world:
        world.begin()
        for kill in range(KILLS):
            world.vendor.chaos.set(shares)
            world.go_on(4)
            world.read_again()
            served = world.vendor.trace.counts["requests"]
            wait_until("requests", lambda: world.vendor.trace.counts["requests"] > served + kill * 7 % 30)
            world.daemon.kill()
            if kill % 3 == 2:
                world.forget_ledger()
            world.daemon.start()
        world.vendor.chaos.set({})
        world.daemon.kill()
        world.daemon.start()
        world.read_again()
        world.drain()
        assert not world.vendor.trapped and world.audit()


if __name__ == "__main__":
    check_good_weather()
    check_trial()
    check_faults()
    check_waiting()
    check_kills()
