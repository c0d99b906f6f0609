"""Sources as documents: the example of each preset is checked, applied, shown as written and filled, and deleted; what is wrong has its place."""
import glob
import json
import os
import re
import subprocess

import yaml
from harness import METERD, Daemon

EXAMPLES = sorted(glob.glob(os.path.join("config", "sources", "*.yaml")))


def presets():
    page = subprocess.run([METERD, "reference", "presets"], check=True, capture_output=True, text=True).stdout
    return dict(re.findall(r"^## (\S+)\n.*?^```yaml\n(.*?)^```", page, flags=re.M | re.S))


def check_examples():
    """One for each preset, without a finding, and each names its own."""
    keys = [os.path.basename(path).removesuffix(".yaml") for path in EXAMPLES]
    assert keys == sorted(presets()), (keys, sorted(presets()))
    for key, path in zip(keys, EXAMPLES):
        done = subprocess.run([METERD, "check", "--json", path], capture_output=True, text=True, check=False)
        answer = json.loads(done.stdout)
        assert done.returncode == 0 and not any(file["findings"] for file in answer["files"]), (path, answer)
        with open(path, encoding="utf-8") as text:
            sources = yaml.safe_load(text)["sources"]
        assert [s["preset"] for s in sources] == [key], path


def check_pages(d):
    """Each preset has a page, whose document is one, and whose links lead somewhere."""
    for key in presets():
        path = os.path.join("docs", "sources", f"{key}.md")
        with open(path, encoding="utf-8") as text:
            page = text.read()
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page):
            assert os.path.exists(os.path.join("docs", "sources", link)), (path, link)
        blocks = re.findall(r"^```yaml\n(sources:\n.*?)^```", page, flags=re.M | re.S)
        assert blocks, path
        for block in blocks:
            document = yaml.safe_load(block)
            assert [source["preset"] for source in document["sources"]] == [key], path
            document["vendors"] = [{"key": source["vendor"]} for source in document["sources"]]
            named = [source.get("for_each", {}).get("subscription", {}).get("service") for source in document["sources"]]
            document["services"] = [{"key": name, "vendor": document["vendors"][0]["key"]} for name in named if name]
            copy = os.path.join(d.root, f"page-{key}.yaml")
            with open(copy, "w", encoding="utf-8") as out:
                yaml.safe_dump(document, out)
            done = subprocess.run([METERD, "check", copy], capture_output=True, text=True, check=False)
            assert done.returncode == 0 and not done.stderr.strip(), (path, done)


def check_by_hand(d):
    """The example of files, given one."""
    path, usage = os.path.join("config", "source-by-hand.yaml"), os.path.join(d.root, "usage.csv")
    d.command("apply", path)
    with open(usage, "w", encoding="windows-1252") as out:
        out.write("Account;Resource;Meter;Start;Quantity;Kind\nk\u00f6ln;r1;vm;02.10.2026 00:00;1,5;Usage\nk\u00f6ln;r1;vm;02.10.2026 00:00;1,5;Tax\n")
    told = d.command("import", "--source", "acme-bill", "--dry-run", usage).stdout
    assert told == "acme-bill 2026-09-30T22:00:00Z to 2026-10-31T23:00:00Z: 2 rows: 1 new, 0 changed, 0 gone, 0 the same, 1 skipped, 1 held; nothing is stored\n", told


def check_wrong(d):
    with open("config/sources/rest.yaml", encoding="utf-8") as text:
        lines = text.read().split("\n")
    line = next(i for i, l in enumerate(lines) if "paging:" in l)
    lines[line] = "    paging: {cursor: {pth: meta.next, send: query.after}}"
    path = os.path.join(d.root, "wrong.yaml")
    with open(path, "w", encoding="utf-8") as text:
        text.write("\n".join(lines))
    done = subprocess.run([METERD, "check", path], capture_output=True, text=True, check=False)
    assert done.returncode == 78, done
    assert f"{path}:{line + 1}:23: error: paging.cursor.pth: unknown key `pth`; did you mean `path`? [field.unknown]" in done.stderr or \
        f"{path}:{line + 1}:23: error: paging.cursor: unknown key `pth`; did you mean `path`? [field.unknown]" in done.stderr, done.stderr
    refused = d.command("apply", path, check=False)
    assert refused.returncode != 0 and f"wrong.yaml:{line + 1}:23: error: " in refused.stderr, refused


def disabled(d, path):
    """A copy of the example that asks nobody: its vendor is a name of the public net."""
    copy = os.path.join(d.root, os.path.basename(path))
    with open(path, encoding="utf-8") as text, open(copy, "w", encoding="utf-8") as out:
        out.write(re.sub(r"^  - (key: .*\n    vendor:)", r"  - disabled: true\n    \1", text.read(), flags=re.M))
    return copy


def check_life(d):
    copies = [disabled(d, path) for path in EXAMPLES]
    for path in copies:
        d.command("apply", path)
    listed = d.get("/v1/catalog/source")["documents"]
    assert len(listed) == len(EXAMPLES) == len(d.get("/v1/catalog/sources")["documents"])
    for path in copies:
        with open(path, encoding="utf-8") as text:
            written = yaml.safe_load(text)["sources"][0]
        assert written["disabled"] is True, path
        key, preset = written["key"], yaml.safe_load(presets()[written["preset"]])
        shown = yaml.safe_load(d.command("get", "source", key).stdout)["sources"][0]
        assert shown == written, (key, shown)
        filled = d.get(f"/v1/catalog/source/{key}?filled=true")["document"]
        assert set(filled) == set(written) | set(preset), (key, sorted(filled))
        assert yaml.safe_load(d.command("get", "source", key, "--filled").stdout)["sources"][0].keys() == filled.keys()
        assert d.get(f"/v1/catalog/source/{key}")["document"] == d.get(f"/v1/catalog/source/{key}?filled=false")["document"]
    d.command("delete", "source", "nimbus-feed")
    assert d.call("GET", "/v1/catalog/source/nimbus-feed").status == 404
    missing = d.command("get", "source", "acme-usge", check=False)
    assert missing.returncode != 0 and "acme-usage" in missing.stderr, missing
    assert d.command("get", "source", "--filled", check=False).returncode == 64


def main():
    check_examples()
    with Daemon() as d:
        check_pages(d)
        check_wrong(d)
        check_life(d)
    with Daemon() as d:
        check_by_hand(d)
    print(f"{len(EXAMPLES)} sources")


main()
