"""scripts/bench --beside: meterd beside what others use for the same work, in one run. What of it is not installed is told, and left out.

Speed: pipelines.py. Exactness: the same Gnocchi is billed by CloudKitty and by meterd, with as many kills -9 of each; then an hour of each instance comes late, and hours
are restated. An hour of an instance is right when it stands there once, with the mean that Gnocchi says now.
"""
import os
import random
import time
import uuid
from collections import namedtuple
from decimal import Decimal

import cloudkitty
import gnocchi_vendor
import pipelines
from harness import Daemon, wait_until

HOUR_S, STEP_S, DAY_S = 3600, 900, 86400
INSTANCES, PROJECTS, RESTATED = 4, 2, 8
PRICE = Decimal("0.1")
Tally = namedtuple("Tally", "due missing doubled other wrong")


def stamp(at_s):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))


class World:
    """Instances of Gnocchi, and what it was told of them. Values are quarters, four in an hour: their means have at most four decimals, which
    CloudKitty's five keep."""

    def __init__(self, gnocchi, hours, seed):
        self.gnocchi, self.chance = gnocchi, random.Random(seed)
        self.to_s = int(time.time()) // HOUR_S * HOUR_S
        self.from_s = self.to_s - hours * HOUR_S
        self.told, self.late, self.restated = {}, {}, {}
        self.projects = [uuid.UUID(int=self.chance.getrandbits(128)).hex for _ in range(PROJECTS)]
        self.instances = [str(uuid.UUID(int=self.chance.getrandbits(128), version=4)) for _ in range(INSTANCES)]
        policy = {"name": "hours", "back_window": hours + 24, "aggregation_methods": ["mean"], "definition": [{"granularity": "3600s", "timespan": "90 days"}]}
        assert gnocchi.call("POST", "/v1/archive_policy", policy)[0] == 201
        for number, instance in enumerate(self.instances):
            made = gnocchi.call("POST", "/v1/resource/generic", {"id": instance, "project_id": self.projects[number % PROJECTS], "user_id": "u",
                                                                 "metrics": {"cpu": {"archive_policy_name": "hours"}}})
            assert made[0] == 201, made

    def tell(self, instance, hours):
        """hours: when each begins → its four values."""
        points = [{"timestamp": stamp(at_s + number * STEP_S)[:-1], "value": value} for at_s, values in hours.items() for number, value in enumerate(values)]
        for at in range(0, len(points), 1000):
            assert self.gnocchi.call("POST", f"/v1/resource/generic/{instance}/metric/cpu/measures", points[at:at + 1000])[0] == 202
        self.told.setdefault(instance, {}).update(hours)

    def values(self):
        return [self.chance.randrange(1, 1000) / 4 for _ in range(HOUR_S // STEP_S)]

    def seed(self):
        """All but an hour of each."""
        for instance in self.instances:
            hours = {at_s: self.values() for at_s in range(self.from_s, self.to_s, HOUR_S)}
            late = self.chance.randrange(self.from_s, self.to_s - HOUR_S, HOUR_S)
            self.late[instance, late] = hours.pop(late)
            self.tell(instance, hours)
        known = sorted((instance, at_s) for instance, hours in self.told.items() for at_s in hours if at_s < self.to_s - HOUR_S)
        self.restated = {key: self.values() for key in self.chance.sample(known, RESTATED)}

    def change(self):
        for (instance, at_s), values in {**self.late, **self.restated}.items():
            self.tell(instance, {at_s: values})

    def wait_processed(self):
        wait_until("metricd", lambda: self.gnocchi.call("GET", "/v1/status?details=False")[1]["storage"]["summary"]["measures"] == 0, 300)

    def means(self, to_s=None):
        """(instance, hour) → what is to be billed."""
        return {(instance, at_s): sum(Decimal(value) for value in values) / 4 for instance, hours in self.told.items()
                for at_s, values in hours.items() if at_s < (to_s or self.to_s)}

    def tally(self, have, to_s=None):
        """have: (instance, hour) → quantities, several where it is stored more than once."""
        due = self.means(to_s)
        missing = {key for key in due if not have.get(key)}
        doubled = {key for key, mean in due.items() if len(have.get(key, [])) > 1 or sum(have.get(key, [])) >= 2 * mean}
        wrong = {key for key, mean in due.items() if sum(have.get(key, [])) != mean}
        return Tally(len(due), len(missing), len(doubled), len(wrong - missing - doubled), len(wrong))

    def right(self, keys, have):
        due = self.means()
        return f"{sum(sum(have.get(key, [])) == due[key] for key in keys)} of {len(keys)}"


# ---- meterd ----

def catalog(world):
    return {"vendors": [{"key": "openstack"}], "services": [{"key": "compute", "vendor": "openstack"}],
            "meters": [{"key": "cpu", "service": "compute", "event_type": "cpu", "value": "quantity"}],
            "tariffs": [{"key": "t", "currency": "EUR", "rounding": {"digits": 12, "place": "line"},
                         "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "cpu", "per_unit": str(PRICE)}]}]}],
            "subscriptions": [{"key": f"i{number}", "subject": instance, "service": "compute", "customer": "c", "tariff": "t", "start": "2020-01-01"}
                              for number, instance in enumerate(world.instances)]}


def apply_source(world, daemon, rate):
    secret = os.path.join(daemon.root, "secret")
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
        f.write("any")
    daemon.apply({"sources": [{
        "key": "cpu", "vendor": "openstack", "preset": "gnocchi", "base_url": world.gnocchi.origin(), "schedule": {"every": "1s"},
        "window": {"length": "hour", "start": stamp(world.from_s), "lateness": "0s", "rereads": ["90d"]},
        "for_each": {"subscription": {"service": "compute"}}, "guard": {"every": "1s"}, "limits": {"concurrency": 8, "rate": f"{rate}/1s"},
        "request": {"path": "/v1/resource/generic/{each.subject}/metric/cpu/measures",
                    "query": {"start": "{from}", "stop": "{to}", "granularity": "3600", "aggregation": "mean", "refresh": "true"}},
        "auth": {"basic": {"user": "admin", "secret_file": secret}},
        "identity": {"id": "{each.subject}/{[0]}"}, "map": {"type": "=cpu", "subject": "each.subject"}}]})


def progress(daemon):
    return daemon.get("/v1/sources/cpu/progress")


def polled(world, daemon):
    """(instance, hour) → [quantity], as it is billed."""
    rows = daemon.get(f"/v1/usage?window=hour&zone=UTC&from={stamp(world.from_s - DAY_S)[:10]}&to={stamp(world.to_s + 2 * DAY_S)[:10]}"
                      "&group_by=subscription&limit=100000")["rows"]
    def unix(text):
        return int(time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))) - time.timezone
    return {(world.instances[int(row["subscription"][1:])], unix(row["start"])): [Decimal(row["quantity"])] for row in rows if Decimal(row["quantity"])}


def poll(world, daemon, kills, chance):
    """Each hour of each instance is a request; kills at random moments of them: how many there were. So that they fit, requests have a rate."""
    daemon.apply(catalog(world))
    windows = len(world.instances) * (world.to_s - world.from_s) // HOUR_S
    rate = max(10, windows // max(1, kills))
    apply_source(world, daemon, rate)
    killed = 0
    wait_until("windows to read", lambda: progress(daemon)["windows"] >= windows)
    while killed < kills and progress(daemon)["read"] < windows:
        before = progress(daemon)["read"]
        wait_until("a window", lambda before=before: progress(daemon)["read"] != before)
        time.sleep(chance.random())  # the random moment
        daemon.kill()
        daemon.start()
        killed += 1
    wait_until("all windows to be read", lambda: progress(daemon)["read"] >= windows, 900)
    daemon.settle(300)
    return killed


def read_again(world, daemon):
    """As the next of its rereads does it; now. What looks suspect is taken when another reading says the same, as ever."""
    daemon.command("source", "run", "cpu", "--from", stamp(world.from_s), "--to", stamp(world.to_s), check=False)
    windows = len(world.instances) * (world.to_s - world.from_s) // HOUR_S
    wait_until("all windows to be whole", lambda: progress(daemon)["complete"] >= windows, 600)


def charged(daemon):
    total, after = Decimal(0), 0
    while True:
        page = daemon.get(f"/v1/charges?after={after}&limit=10000")
        total += sum(Decimal(charge["amount"]) for charge in page["charges"])
        if not page["has_more"]:
            return total
        after = page["next_after"]


# ---- the run ----

class Kitty:
    """CloudKitty on the one storage or the other: what it had after its kills, and at the end."""

    def __init__(self, world, storage):
        self.world, self.storage, self.name = world, storage, f"CloudKitty {cloudkitty.version()}, {storage}"
        self.program = cloudkitty.CloudKitty(world.gnocchi, storage, world.projects)

    def quantities(self):
        return {key: [frame.quantity for frame in several] for key, several in self.program.frames().items()}

    def work(self, options):
        """All hours but the last one."""
        self.program.start(self.world.from_s)
        self.kills = cloudkitty.work_off(self.program, self.world.to_s - HOUR_S, options.beside_kills, random.Random(options.beside_seed))
        self.before = self.world.tally(self.quantities(), self.world.to_s - HOUR_S)

    def go_on(self):
        """Its turn after what came late: the last hour."""
        cloudkitty.go_on(self.program, self.world.to_s - HOUR_S)
        self.billed = sum(frame.price for several in self.program.frames().values() for frame in several)


class Meterd:
    """As it polls with the preset gnocchi."""

    def __init__(self, world, daemon):
        self.world, self.daemon, self.name = world, daemon, "meterd"

    def quantities(self):
        return polled(self.world, self.daemon)

    def work(self, options):
        self.kills = poll(self.world, self.daemon, options.beside_kills, random.Random(options.beside_seed))
        self.before = self.world.tally(self.quantities(), self.world.to_s - HOUR_S)

    def go_on(self):
        apply_source(self.world, self.daemon, 1000)
        read_again(self.world, self.daemon)
        self.daemon.settle(300)
        self.daemon.command("audit", "--log")
        self.billed = charged(self.daemon)


def print_row(one, world):
    have, due = one.quantities(), sum(world.means().values()) * PRICE
    after = world.tally(have)
    print(f"| {one.name} | {one.kills} | {one.before.due:,} | {one.before.missing} | {one.before.doubled} | {one.before.other} "
          f"| {world.right(world.late, have)} | {world.right(world.restated, have)} | {after.wrong} of {after.due:,} "
          f"| {one.billed.normalize():f} of {due.normalize():f} |", flush=True)


def exactness(options):
    print("## Beside CloudKitty: the same Gnocchi, kills, late and restated hours\n", flush=True)
    if gnocchi_vendor.missing():
        print(f"skipped: {gnocchi_vendor.missing()}\n", flush=True)
        return
    storages = []
    for storage in ("sqlalchemy", "influxdb"):
        told = cloudkitty.missing(storage)
        if told:
            print(f"skipped: CloudKitty with {storage}: {told}\n", flush=True)
        else:
            storages.append(storage)
    with gnocchi_vendor.Gnocchi() as gnocchi, Daemon({"poller": {"allow_loopback": True}, "rater": {"grace": "0s", "draft_every": "0s"}}) as daemon:
        gnocchi.start_metricd()
        world = World(gnocchi, options.beside_hours, options.beside_seed)
        world.seed()
        world.wait_processed()
        all_of_them = [*(Kitty(world, storage) for storage in storages), Meterd(world, daemon)]
        try:
            for one in all_of_them:
                one.work(options)
            world.change()
            world.wait_processed()
            print("| | kills | hours due, each of one instance | missing | doubled | at another value | late: billed right | restated: billed right "
                  "| wrong at the end | money billed at the end |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
            for one in all_of_them:
                one.go_on()
                print_row(one, world)
        finally:
            for one in all_of_them[:-1]:
                one.program.close()
    print(flush=True)


def run(options, tools):
    """tools: memory_bytes and cpu_ns, as of run.py."""
    pipelines.speed(options, tools)
    exactness(options)
