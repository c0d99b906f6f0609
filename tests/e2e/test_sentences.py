"""No sentence is cut: whatever is written of any size, where the shipped tariffs and the catalog of the demo have a scalar or a name, is quoted shortened, and
the sentence around it stands whole. The same of what a request asks for."""
import copy
import glob
import json
import os
import subprocess
import tempfile

import yaml

from harness import METERD, Daemon
from pages import SETTINGS

ROOM = 900  # of 1000 bytes: what is nearer to its end was cut, or will be by the next word
FIELD_ROOM = 200  # of 240
LONG = ("é" * 1500, "9" * 3000, "2026-01-01" + "0" * 3000)
AT_ONCE = 60  # files of one process


class Loader(yaml.SafeLoader):
    """Dates stay the texts that they are."""


Loader.yaml_implicit_resolvers = {first: [row for row in rows if row[0] != "tag:yaml.org,2002:timestamp"]
                                  for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def places(node, path=()):
    """Paths of all scalars, and of all names in maps as (name,)."""
    if isinstance(node, dict):
        for name, child in node.items():
            yield path + ((name,),)
            yield from places(child, path + (name,))
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from places(child, path + (i,))
    else:
        yield path


def put(root, path, text):
    changed = copy.deepcopy(root)
    node = changed
    for step in path[:-1]:
        node = node[step]
    if isinstance(path[-1], tuple):
        node[text] = node.pop(path[-1][0])
    else:
        node[path[-1]] = text
    return changed


def documents(files, seen):
    """Each document once for each shape of a place and each long text."""
    for name in files:
        with open(name, encoding="utf-8") as text:
            root = yaml.load(text, Loader)
        for path in places(root):
            shape = tuple(step for step in path if not isinstance(step, int))
            if shape in seen:
                continue
            seen.add(shape)
            yield from (put(root, path, text) for text in LONG)


def check(folder, batch):
    names = []
    for i, document in enumerate(batch):
        names.append(os.path.join(folder, f"{i}.json"))
        with open(names[-1], "w", encoding="utf-8") as out:
            json.dump(document, out)
    done = subprocess.run([METERD, "check", "--json", *names], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 78), done
    return [finding for file in json.loads(done.stdout)["files"] for finding in file["findings"]]


def check_documents():
    tariffs = list(documents(sorted(glob.glob("config/tariffs/*.yaml")), set()))
    alone = [d for d in tariffs if "versions" in d]
    catalogs = [d for d in tariffs if "versions" not in d] + list(documents(["config/demo/catalog.yaml"], set()))
    batches = [alone[i:i + AT_ONCE] for i in range(0, len(alone), AT_ONCE)] + [[d] for d in catalogs]
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        for batch in batches:
            for finding in check(folder, batch):
                count += 1
                assert finding["code"], finding
                assert len(finding["text"].encode()) < ROOM and len(finding["field"].encode()) < FIELD_ROOM, finding
    assert count > len(tariffs) // 2, (count, len(tariffs))
    return count


def check_requests():
    long = "x" * 3000
    with Daemon(SETTINGS) as daemon:
        for path in (f"/v1/usage?from={long}", f"/v1/usage?{long}=1", f"/v1/usage?from=2026-01-01&to=2026-02-01&group_by={long}",
                     f"/v1/usage?from=2026-01-01&to=2026-02-01&zone={long}", f"/v1/usage?from=2026-01-01&to=2026-02-01&window={long}",
                     f"/v1/usage?from=2026-01-01&to=2026-02-01&meter={long}", f"/v1/charges?limit={long}", f"/v1/charges/{long}",
                     f"/v1/catalog/{long}", f"/v1/catalog/meter/{long}", f"/v1/outbox?destination={long}", f"/v1/{long}"):
            answer = daemon.call("GET", path)
            page = json.loads(answer.body)
            assert answer.status in (400, 404) and page["code"] and len(page["detail"].encode()) < ROOM, (path[:60], page)
            assert "x…" in page["detail"], (path[:60], page)


findings = check_documents()
check_requests()
print(f"{findings} sentences about texts of any size, none cut")
