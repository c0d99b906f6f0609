"""A dry run of many requests says what the run does, word for word."""
import json
import os
import re
from random import Random

from harness import Daemon
from pages import CATALOG, SETTINGS, ago


def write(d, name, content):
    path = os.path.join(d.root, name)
    with open(path, "w") as f:
        f.write(content)
    return path


def check_send(d):
    """A dry run of many requests says what the run does: ids that come again, voids of what came before, events that are refused."""
    key, day = ("--key-file", os.path.join(d.root, "acme.key")), ago(days=2)
    seen = set()
    for seed in range(4):
        random = Random(seed)

        def event():
            made = {"id": f"dry-{seed}-{random.randrange(60)}", "type": "vm.cpu", "subject": random.choice(["sub-1", "sub-1", "nobody"]), "time": day,
                    "data": {"hours": random.choice([1, 2, "many", "1.0"]), "region": "north"}}
            if random.randrange(5) == 0:
                made |= {"type": "meterd.void", "data": {"id": f"dry-{seed}-{random.randrange(60)}"}}
            if random.randrange(12) == 0:
                made |= random.choice([{"time": ago(days=900)}, {"time": ago(days=-9)}, {"subject": ""}, {"type": "meterd.item"}, {"source": "acme"}, {"source": "other"}])
            return made
        lines = [json.dumps(event()) for _ in range(240)]
        lines[50] = "{"
        path = write(d, f"dry-{seed}.ndjson", "\n".join(lines) + "\n")
        words = (*key, "--batch", str(random.randrange(1, 30)), "--errors", "1000", path)
        for _ in range(2):  # and where all of it is there already
            dry, real = d.command("send", "--dry-run", *words, check=False), d.command("send", *words, check=False)
            assert dry.returncode == real.returncode == 1 and dry.stdout == real.stdout, (seed, dry.stdout, real.stdout)
            said = dry.stderr.replace("meterd: nothing was stored: this is what the run would do\n", "")
            assert said == real.stderr, [line for line in zip(said.splitlines(), real.stderr.splitlines()) if line[0] != line[1]]
            seen |= set(re.findall("[a-z_]+", real.stdout))
    assert {"accepted", "duplicate", "held", "voided", "conflict", "expired", "future", "invalid"} <= seen, seen


def check_import(d):
    key, day = ("--key-file", os.path.join(d.root, "acme.key")), ago(days=2)
    mapping = write(d, "dry.yaml", "id: Row\ntype: =vm.cpu\nsubject: =sub-1\ntime: Day\ndata: {hours: {column: Hours, as: number}, region: =north}\n")
    sheet = write(d, "dry.csv", "Row,Day,Hours\n" + "".join(f"d{i % 5500},{day},{1 + i // 5600}\n" for i in range(6000)))
    for more in (["--dry-run"], []):
        done = d.command("import", *key, "--map", mapping, *more, sheet, check=False)
        assert done.returncode == 1 and "6000 events, 5500 accepted, 100 duplicate, 400 conflict" in done.stdout, done
        assert "dry.csv:5602: id: conflict: this id was used before" in done.stderr, done.stderr


def main():
    with Daemon(SETTINGS) as d:
        d.apply(CATALOG)
        d.vendor_key("acme")
        check_send(d)
        check_import(d)


if __name__ == "__main__":
    main()
