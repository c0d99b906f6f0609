"""Tokens of a real Keystone: the example config/sources/gnocchi.yaml polls measures behind it as it is published, with an application credential. A wrong
secret is told; a token that Keystone has ended (revoked, by its API: no life of a token is waited for) is renewed once, for all; Keystone is down for
a while. What is charged is what was measured. That tokens are renewed before their end is test_source_auth's.
(Installed by scripts/setup test; else skipped.)
"""
import os
import sys
import time
import uuid
from decimal import Decimal

import yaml

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, wait_until  # noqa: E402
from keystone_vendor import Keystone, Measures, needed  # noqa: E402

HOUR_S, HOURS, STEP_S = 3600, 2, 300
INSTANCES = [str(uuid.UUID(int=number)) for number in (1, 2)]


def stamp(at_s):
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at_s))


def write_secret(daemon, secret):
    path = os.path.join(daemon.root, "openstack.secret")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
        f.write(secret)
    return path


def choose_lateness(now_s):
    """Seconds, so that no further hour is over while the test runs: it has no measures."""
    return HOUR_S * 3 // 4 if HOUR_S // 4 <= now_s % HOUR_S < HOUR_S // 2 else HOUR_S // 2


def example(keystone, measures, credential, secret_file, from_s, lateness_s):
    with open("config/sources/gnocchi.yaml", encoding="utf-8") as text:
        documents = yaml.safe_load(text)
    source = documents["sources"][0]
    source["base_url"], source["window"]["start"] = measures.url(), stamp(from_s)[:19] + "Z"
    source["window"]["lateness"] = f"{lateness_s // 60}m"
    login = source["auth"]["login"]
    login["request"]["url"], login["secret_file"] = f"{keystone.url()}/v3/auth/tokens", secret_file
    login["request"]["body"]["json"]["auth"]["identity"]["application_credential"]["id"] = credential
    return documents


def catalog():
    return {"vendors": [{"key": "openstack"}], "services": [{"key": "compute", "vendor": "openstack"}],
            "meters": [{"key": "cpu", "service": "compute", "event_type": "cpu.mean", "value": "quantity"}],
            "tariffs": [{"key": "t", "currency": "EUR", "rounding": {"digits": 18, "place": "line"},
                         "versions": [{"from": "2020-01-01", "components": [{"key": "c", "meter": "cpu", "per_unit": "0.01"}]}]}],
            "subscriptions": [{"key": f"i{number}", "subject": one, "service": "compute", "customer": "c", "tariff": "t", "start": "2020-01-01"}
                              for number, one in enumerate(INSTANCES)]}


def charged(daemon):
    return sum(Decimal(charge["amount"]) for charge in daemon.get("/v1/charges?limit=10000")["charges"])


def alarms(daemon):
    return {alarm["alarm"]: alarm["problem"] for alarm in daemon.get("/v1/sources")["sources"][0].get("alarms", [])}


def main():
    needed()
    with Keystone() as keystone, Daemon({"poller": {"allow_loopback": True}, "rater": {"grace": "0s", "draft_every": "0s"}}) as daemon:
        measures = Measures(keystone)
        credential, secret = keystone.application_credential()
        now_s = int(time.time())
        lateness_s = choose_lateness(now_s)
        to_s = (now_s - lateness_s) // HOUR_S * HOUR_S
        from_s = to_s - HOURS * HOUR_S
        window = ("--from", stamp(from_s)[:19] + "Z", "--to", stamp(to_s)[:19] + "Z")

        def measure(value):
            for number, one in enumerate(INSTANCES):
                points = measures.points.setdefault(one, {})
                points.update({stamp(at_s): value + number + Decimal(at_s % HOUR_S) / 10000 for at_s in range(from_s, to_s, STEP_S)})
                measures.points[one] = {at: float(quantity) for at, quantity in points.items()}

        def agree(what):
            wanted = sum(Decimal(repr(value)) for points in measures.points.values() for value in points.values()) * Decimal("0.01")
            wait_until(what, lambda: charged(daemon) == wanted)
            print(f"{what}: {wanted} EUR; {time.monotonic() - began:.0f} s")

        def run(what):
            done = daemon.command("source", "run", "openstack-cpu", *window)
            assert f"{HOURS * len(INSTANCES)} windows taken" in done.stdout, done
            agree(what)

        measure(Decimal("10.5"))
        daemon.apply(catalog())
        daemon.apply(example(keystone, measures, credential, write_secret(daemon, "not that one"), from_s, lateness_s))
        wait_until("a wrong secret is told", lambda: "auth" in alarms(daemon))
        assert not measures.tokens and not measures.refused, "nobody comes without a token"
        write_secret(daemon, secret)
        agree("behind a token")
        assert not alarms(daemon) and not measures.refused, (alarms(daemon), measures.refused)

        assert len(measures.tokens) == 1, "one for all of them"
        keystone.revoke(measures.tokens[0])
        measures.forget()
        measure(Decimal("14.25"))
        run("a token that ended too early is renewed once")
        assert measures.refused and len(measures.tokens) == 2 and not alarms(daemon), (measures.refused, measures.tokens, alarms(daemon))

        keystone.stop()
        measures.forget()
        measure(Decimal("13"))
        daemon.kill()
        daemon.start()  # it has no token any more, and gets none
        assert daemon.call("POST", "/v1/sources/openstack-cpu/reads", {"from": window[1], "to": window[3]}).status == 200
        wait_until("Keystone is down", lambda: "failing" in alarms(daemon), 90)
        print(f"Keystone is down: {alarms(daemon)['failing']}; {time.monotonic() - began:.0f} s")
        daemon.kill()  # and with it goes how long it was to leave Keystone alone
        keystone.start()
        daemon.start()
        run("Keystone is back")
        assert not alarms(daemon), alarms(daemon)
        daemon.settle()
        daemon.command("audit", "--log")
        daemon.stop()


began = time.monotonic()
main()
