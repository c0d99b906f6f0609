"""A data directory of a backup and of a log up to an event: it comes to what those events come to, for any event behind the backup, of the log of the
directory that goes on, of a stopped one, or of a later backup.
"""
import os
import random
import shutil
import sys
from fractions import Fraction

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon  # noqa: E402

SEED = int(os.environ.get("METERD_SEED") or random.SystemRandom().randrange(1 << 32))
SETTINGS = {"intake": {"lateness": "7300d", "dedup_window": "7300d"}, "log": {"retention": "7300d", "segment_bytes": "8MiB", "segment_events_max": 1024},
            "rater": {"grace": "0s", "draft_every": "0s"}}
CATALOG = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "compute", "vendor": "acme"}],
    "meters": [{"key": "hours", "service": "compute", "event_type": "vm", "aggregation": "sum", "value": "hours"}],
    "tariffs": [{"key": "t", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [{"key": "hours", "meter": "hours", "per_unit": "0.25"}]}]}],
    "subscriptions": [{"key": "s1", "service": "compute", "customer": "c1", "tariff": "t", "start": "2025-12-01"}],
}


class World:
    def __init__(self, daemon, rng):
        self.daemon, self.rng, self.sent, self.ends = daemon, rng, [], [0]  # hours by sequence; where requests end
        daemon.apply(CATALOG)
        self.key = daemon.vendor_key("acme")

    def send(self, requests, most):
        for _ in range(requests):
            hours = [self.rng.randrange(1, 50) for _ in range(self.rng.randrange(1, most))]
            events = [{"id": f"e{len(self.sent) + i}", "type": "vm", "subject": "s1", "time": f"2026-0{self.rng.randrange(1, 4)}-15T10:00:00Z",
                       "data": {"hours": h}} for i, h in enumerate(hours)]
            answer = self.daemon.call("POST", "/v1/events", body=events, key=self.key).json()
            assert answer["late"] == len(events), answer
            self.sent += hours
            self.ends.append(len(self.sent))
        self.daemon.settle()

    def price(self, seq):
        return Fraction(sum(self.sent[:seq]), 4)


def restore(daemon, backup, target, *words, code=0, says=""):
    done = daemon.command("restore", backup, target, *words, check=False)
    assert done.returncode == code and says in done.stdout + done.stderr, (done.returncode, done.stdout, done.stderr)
    assert os.path.exists(target) == (code == 0) and not os.path.exists(target + ".partial")
    return done


def check_directory(world, data, seq):
    """It starts, has the events up to there and comes to their price; and goes on with what comes."""
    with_it = Daemon(SETTINGS)
    shutil.move(data, with_it.data)
    try:
        with_it.start()
        status = with_it.settle()
        assert status["log"]["last_seq"] == seq and status["rater"]["epoch"] > 0, (status, seq)
        rows = list(with_it.listed("/v1/charges", "charges"))
        assert sum(Fraction(row["amount"]) for row in rows) == world.price(seq), (seq, world.price(seq))
        with_it.command("audit", "--log")
        events = [{"id": f"e{i}", "type": "vm", "subject": "s1", "time": "2026-02-15T10:00:00Z", "data": {"hours": world.sent[i]}}
                  for i in range(seq, min(seq + 3, len(world.sent)))]
        if events:
            answer = with_it.call("POST", "/v1/events", body=events, key=world.key).json()
            assert answer["late"] == len(events), answer
            with_it.settle()
            with_it.command("audit", "--log")
        with_it.stop()
    except BaseException:
        print(with_it.log_lines(), file=sys.stderr)
        raise
    finally:
        if with_it.process and with_it.process.poll() is None:
            with_it.kill()
        shutil.rmtree(with_it.root, ignore_errors=True)


def main():
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    with Daemon(SETTINGS) as daemon:
        world = World(daemon, rng)
        world.send(4, 5)
        backup, later, target = (os.path.join(daemon.root, name) for name in ("backup", "later", "target"))
        daemon.command("backup", backup)
        folded = len(world.sent)
        world.send(3, 900)  # segments that are rolled and sealed since
        world.send(4, 5)
        daemon.command("backup", later, "--since", backup)

        for words, sentence in ((("--to", str(folded - 1)), f"has folded events up to {folded}: take a backup from before event {folded - 1}"),
                                (("--log", os.path.join(daemon.root, "nothing")), "")):
            restore(daemon, backup, target, *words, code=1, says=sentence)
        restore(daemon, backup, target, "--to", "0", code=64, says="give the number of an event")
        restore(daemon, os.path.join(daemon.root, "nothing"), target, code=1, says="this is no whole backup")

        restore(daemon, backup, target)
        check_directory(world, target, folded)
        last = len(world.sent)
        picked = [folded, last, *rng.sample(range(folded + 1, last), 3)]
        for i, seq in enumerate(picked):
            end = max(e for e in world.ends if e <= seq)
            done = restore(daemon, backup, target, "--to", str(seq), "--log", daemon.data if i % 2 else later)
            assert (f"the log ends at event {end}" in done.stdout) == (end != seq), done.stdout
            check_directory(world, target, end)
        restore(daemon, backup, target, "--log", daemon.data)
        check_directory(world, target, last)

        with Daemon(SETTINGS) as other:
            another = World(other, rng)
            another.send(9, 9)
            restore(daemon, backup, target, "--log", other.data, code=1, says=f"its event {folded} is another, or is not there")
    print("a directory of any point in time comes to what its events come to")


main()
