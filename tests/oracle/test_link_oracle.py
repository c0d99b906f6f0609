#!/usr/bin/python3
"""Links of answers against RFC 3986: its regular expression (appendix B), its algorithm (section 5.2) and its examples (5.4) in Python, and seeded
references. (urllib.parse.urljoin does not do: it drops empty segments, and takes `https:x` for `x`.)

Whether a link may be followed is written down here once more: https, and one of two hosts. METERD_SEEDS=N tries more (default 4000).
"""
import os
import random
import re
import subprocess
import sys

SEED = int(os.environ.get("METERD_SEED", "20260329"))
COUNT = int(os.environ.get("METERD_SEEDS", "4000"))
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "link_driver")
HOSTS = ("api.example", "files.example")
BASES = ["https://api.example/b/c/d;p?q", "https://api.example/", "https://files.example/a/b", "https://api.example/x/"]
# RFC 3986, 5.4, those that have a meaning here: no other scheme, and no empty reference.
KNOWN = ["g", "./g", "g/", "/g", "//files.example", "?y", "g?y", "g?y#s", ";x", "g;x", ".", "./", "..", "../", "../g", "../..", "../../", "../../g",
         "../../../g", "../../../../g", "/./g", "/../g", "g.", ".g", "g..", "..g", "./../g", "./g/.", "g/./h", "g/../h", "g;x=1/./y", "g;x=1/../y",
         "g?y/./x", "g?y/../x"]
PIECES = ["a", "b.c", "..", ".", "/", "/", "?", "#", "x=1", "&", "%2F", ";", "//", "files.example", "evil.example", "https:", "http:", "HTTPS://", "@", ":",
          "api.example", ":443", ":8443", "%", " ", "é", "...", "g"]


URI = re.compile(r"^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$", re.S)


def remove_dots(path):
    """Section 5.2.4."""
    out = []
    while path:
        if path.startswith("/./") or path == "/.":
            path = "/" + path[3:]
        elif path.startswith("/../") or path == "/..":
            path = "/" + path[4:]
            out = out[:-1]
        else:
            segment = re.match(r"/?[^/]*", path).group(0)
            out.append(segment)
            path = path[len(segment):]
    return "".join(out)


def resolve(base, reference):
    """Section 5.2.2: scheme, authority, path, query."""
    scheme, authority, path, query = URI.match(reference).groups()
    of_scheme, of_authority, of_path, of_query = URI.match(base).groups()
    if scheme is not None or authority is not None:
        return scheme or of_scheme, authority, path, query
    if not path:
        return of_scheme, of_authority, of_path, of_query if query is None else query
    if not path.startswith("/"):
        path = of_path[:of_path.rindex("/") + 1] + path
    return of_scheme, of_authority, path, query


def expected(base, reference):
    if not reference or any(c <= " " or c == "\x7f" for c in reference):
        return "refused"
    scheme, authority, path, query = resolve(base, reference)
    match = re.fullmatch(r"([A-Za-z.]+)(:0*443)?", authority or "")
    if scheme.lower() != "https" or not match or match.group(1).lower() not in HOSTS:
        return "refused"
    return f"https://{match.group(1)}{remove_dots(path) or '/'}" + (f"?{query}" if query else "")


def main():
    rng = random.Random(SEED)
    asked = [(base, reference) for base in BASES for reference in KNOWN]
    asked += [(rng.choice(BASES), "".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 8)))) for _ in range(COUNT)]
    run = subprocess.run([DRIVER], input="".join(f"{base}\t{reference}\n" for base, reference in asked), capture_output=True, text=True, check=True)
    given = run.stdout.splitlines()
    assert len(given) == len(asked), (len(given), len(asked))
    followed = 0
    for (base, reference), got in zip(asked, given):
        want = expected(base, reference)
        followed += got != "refused"
        if got != want:
            print(f"{base} and {reference!r}: expected {want}, got {got} (METERD_SEED={SEED})")
            return 1
    assert followed > len(asked) / 10
    print(f"{len(asked)} links, {followed} of them followed, as the RFC has them (METERD_SEED={SEED})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
