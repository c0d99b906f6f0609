"""The reference pages of docs/reference are what the program prints, and the completion is a shell script that can be read."""
import os
import subprocess

from harness import METERD

PAGES = {"catalog": "catalog.md", "config": "configuration.md", "commands": "commands.md", "findings": "findings.md", "metrics": "metrics.md",
         "presets": "presets.md"}


def reference(topic):
    return subprocess.run([METERD, "reference", topic], check=True, capture_output=True, text=True).stdout


for topic, name in PAGES.items():
    path = os.path.join("docs", "reference", name)
    with open(path, encoding="utf-8") as page:
        assert page.read() == reference(topic), f"{path} is not current: run `meterd reference {topic} > {path}`"
tariff = subprocess.run([METERD, "reference", "catalog", "tariff"], check=True, capture_output=True, text=True).stdout
assert tariff in reference("catalog") and "| `versions[].components[].graduated[].up_to` |" in tariff, tariff[:2000]
for wrong in (["colour"], ["catalog", "colour"], ["config", "tariff"]):
    assert subprocess.run([METERD, "reference", *wrong], capture_output=True, check=False).returncode == 64, wrong
subprocess.run(["bash", "-n"], input=reference("completion"), check=True, text=True)
print(f"{len(PAGES)} pages are current")
