"""Codes of findings stay: tests/golden/finding_codes.txt holds all that ever were, and each is made somewhere."""
import os
import re
import subprocess

from harness import METERD

GOLDEN = os.path.join("tests", "golden", "finding_codes.txt")
SOURCES = ("aggregator", "collector", "daemon", "lib", "rater")


def table_codes():
    page = subprocess.run([METERD, "reference", "findings"], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^\| `([a-z_.]+)` \|", page, flags=re.M)


def used_in_sources():
    names = set()
    for folder in SOURCES:
        for parent, _, files in os.walk(folder):
            for file in files:
                if file.endswith((".c", ".h")):
                    with open(os.path.join(parent, file), encoding="utf-8") as source:
                        names.update(re.findall(r"MTR_FINDING_([A-Z_]+)", source.read()))
    return names


with open(GOLDEN, encoding="utf-8") as golden:
    kept = golden.read().split()
codes = table_codes()
gone = [code for code in kept if code not in codes]
assert not gone, f"{gone}: a code is stable. Others look at it and translate it; word the sentence anew and leave its code"
new = [code for code in codes if code not in kept]
assert not new, f"{new}: write new codes into {GOLDEN}, where they stay"
assert len(set(codes)) == len(codes) and kept == sorted(kept)
used = used_in_sources()
idle = [code for code in codes if code.upper().replace(".", "_") not in used]
assert not idle, f"{idle}: no source makes a finding with that code"
print(f"{len(codes)} codes, as they were")
