"""A real Gnocchi on PostgreSQL, polled with the preset of its name: a request for each subscription; late measures, restated ones, an instance that
Gnocchi does not know, kill -9. What is billed is what Gnocchi was told last, to the digit. (Installed by scripts/setup test; else skipped.)
"""
import os
import random
import sys
import time
import uuid
from decimal import Decimal

sys.path.insert(0, os.path.dirname(__file__))
from gnocchi_vendor import Gnocchi, needed  # noqa: E402
from harness import Daemon, wait_until  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
STEP_S, HOURS, INSTANCES, HOUR_S = 300, 4, 2, 3600


def stamp(at_s):
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at_s))


class World:
    def __init__(self, gnocchi, daemon, chance):
        self.gnocchi, self.daemon, self.chance = gnocchi, daemon, chance
        self.to_s = int(time.time()) // HOUR_S * HOUR_S
        self.from_s = self.to_s - HOURS * HOUR_S
        self.truth = {}
        policy = {"name": "five-minutes", "back_window": 720, "aggregation_methods": ["mean"], "definition": [{"granularity": "300s", "timespan": "60 days"}]}
        assert gnocchi.call("POST", "/v1/archive_policy", policy)[0] == 201
        self.ids = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(INSTANCES)]
        for one in self.ids:
            made = gnocchi.call("POST", "/v1/resource/generic", {"id": one, "project_id": "p", "user_id": "u",
                                                                 "metrics": {"cpu": {"archive_policy_name": "five-minutes"}}})
            assert made[0] == 201, made

    def tell(self, one, points):
        body = [{"timestamp": stamp(at_s), "value": value} for at_s, value in points.items()]
        assert self.gnocchi.call("POST", f"/v1/resource/generic/{one}/metric/cpu/measures", body)[0] == 202
        self.truth.setdefault(one, {}).update(points)

    def apply(self, *rereads):
        self.daemon.apply({"sources": [{
            "key": "cpu", "vendor": "openstack", "preset": "gnocchi", "base_url": self.gnocchi.origin(), "schedule": {"every": "1s"},
            "window": {"length": "hour", "start": stamp(self.from_s)[:19] + "Z", "lateness": "0s", "rereads": [*rereads, "40d"]},
            "for_each": {"subscription": {"service": "compute"}}, "guard": {"every": "1s", "jump": 0, "shrink": "100%"}, "limits": {"concurrency": 8},
            "request": {"path": "/v1/resource/generic/{each.subject}/metric/cpu/measures"},
            "auth": {"basic": {"user": "admin", "secret_file": os.path.join(self.daemon.root, "secret")}},
            "identity": {"id": "{each.subject}/{[0]}"}, "map": {"type": "=cpu", "subject": "each.subject"}}]})

    def read_again(self):
        soon_s = int(time.time()) + 2
        self.apply(*[f"{soon_s - end_s}s" for end_s in range(self.to_s, self.from_s, -HOUR_S)])

    def billed(self):
        rows = self.daemon.get(f"/v1/usage?window=total&from={stamp(self.from_s)[:10]}&to=2199-01-01&group_by=subscription")["rows"]
        return {row["subscription"]: Decimal(row["quantity"]) for row in rows}

    def agree(self, what):
        expected = {f"i{n}": sum(Decimal(str(value)) for value in self.truth[one].values()) for n, one in enumerate(self.ids)}
        wait_until(what, lambda: {key: value for key, value in self.billed().items() if value} == expected, 120)


def catalog(ids):
    subscriptions = [{"key": f"i{n}", "subject": one, "service": "compute", "customer": "c", "tariff": "t", "start": "2020-01-01"} for n, one in enumerate(ids)]
    return {"vendors": [{"key": "openstack"}], "services": [{"key": "compute", "vendor": "openstack"}],
            "meters": [{"key": "cpu", "service": "compute", "event_type": "cpu", "value": "quantity"}],
            "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "cpu", "per_unit": "0.01"}]}]}],
            "subscriptions": subscriptions}


def main():
    needed()
    print(f"seed {SEED}")
    with Gnocchi() as gnocchi, Daemon({"poller": {"allow_loopback": True}, "rater": {"draft_every": "0s"}}) as daemon:
        with open(os.open(os.path.join(daemon.root, "secret"), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write("any")
        world = World(gnocchi, daemon, random.Random(SEED))
        gap = range(world.from_s + HOUR_S, world.from_s + 2 * HOUR_S, STEP_S)
        late = {}
        for one in world.ids:
            points = {at_s: world.chance.randrange(1, 1000) / 4 for at_s in range(world.from_s, world.to_s, STEP_S)}
            late[one] = {at_s: points.pop(at_s) for at_s in gap}
            world.tell(one, points)
        daemon.apply(catalog([*world.ids, str(uuid.UUID(int=0))]))  # the last one is not known to Gnocchi
        world.apply()
        world.agree("measures are billed, without metricd")
        wait_until("what is not there is asked again", lambda: "the vendor says that there is none" in
                   str(daemon.get("/v1/sources/windows?source=cpu")["windows"]))
        for one in world.ids:
            world.tell(one, late[one])
        world.read_again()
        world.agree("late measures are billed")
        daemon.kill()
        for one in world.ids:
            world.tell(one, {world.to_s - STEP_S: 1000.5, world.from_s: 0.25})  # the same instants: other values
        daemon.start()
        world.read_again()
        world.agree("restated measures are differences")
        daemon.settle()
        assert daemon.command("audit", "--log").stdout
        daemon.stop()
    print("late and restated measures of a real Gnocchi")


main()
