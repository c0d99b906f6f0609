"""Answers with something in them that is too large, or is no text: said what, and how large it may be; never taken for an end, or for a want of memory."""
import json
import os
import shutil
import tempfile

from daily import source
from harness import Daemon
from small_vendor import SmallVendor

KIB = 1024
ROW = {"id": 1, "account": "s1", "at": "2026-01-01T00:00:00Z", "amount": 1}
TOO_LONG = "the token of the next page is no text that can be sent"
HEADERS = "the headers of the answer of 127.0.0.1:{port} are larger than 65536 bytes, which is more than is taken"
CURSOR, LINK, URL = {"cursor": {"path": "next", "send": "query.c"}}, {"link_header": {"rel": "next"}}, {"next_url": {"path": "next"}}


def page(following):
    return json.dumps({"data": [ROW], "next": following}).encode()


# name: (paging, headers of the answer, body, what is said)
CASES = {
    "header-70k": ("none", {"X-Note": "a" * 70 * KIB}, page(None), HEADERS),
    "header-300k": ("none", {"X-Note": "a" * 300 * KIB}, page(None), HEADERS),
    "header-5m": ("none", {"X-Note": "a" * 5000 * KIB}, page(None), HEADERS),
    "many-headers": ("none", {f"X-Note-{i}": "a" * 8 * KIB for i in range(12)}, page(None), HEADERS),
    "link-60k": (LINK, {"Link": f'</v2/usage?c={"a" * 60 * KIB}>; rel="next"'}, page(None), "a link has more than 32 KiB"),
    "token-33k": (CURSOR, {}, page("a" * 33 * KIB), "the token of the next page has more than 32 KiB"),
    "token-100k": (CURSOR, {}, page("a" * 100 * KIB), TOO_LONG),
    "token-2m": (CURSOR, {}, page("a" * 2000 * KIB), TOO_LONG),
    "token-5m-first": (CURSOR, {}, json.dumps({"next": "a" * 5000 * KIB, "data": [ROW]}).encode(), TOO_LONG),
    "token-broken": (CURSOR, {}, b'{"data": [], "next": "\\ud800"}', TOO_LONG),
    "url-2m": (URL, {}, page("http://127.0.0.1:1/" + "a" * 2000 * KIB), "the link to the next page is no text"),
    "rows-2m": ("none", {}, json.dumps({"data": "a" * 2000 * KIB}).encode(), "a list or map is expected here, on the way to the rows"),
    "note-2m": ("none", {}, json.dumps({"note": "a" * 2000 * KIB, "data": [ROW]}).encode(), None),  # nobody looks for it
}


class Vendor(SmallVendor):
    def answer(self, path, query, headers):
        _, more, body, _ = CASES[path.rsplit("/", 1)[1]]
        return 200, body, more


vendor = Vendor()
port, directory, daemon = vendor.server_address[1], tempfile.mkdtemp(prefix="meterd-too-large-"), Daemon({"poller": {"allow_loopback": True}})
daemon.write_config()
for case, (paging, _, _, said) in CASES.items():
    document = source("usage", port, request={"path": f"/{case}"}, paging=paging)
    document["window"]["start"] = "2026-01-01"
    with open(os.path.join(directory, "one.json"), "w", encoding="utf-8") as out:
        json.dump({"sources": [document]}, out)
    done = daemon.command("source", "test", os.path.join(directory, "one.json"), "--from", "2026-01-01", "--json", check=False)
    reading = json.loads(done.stdout)["readings"][0]
    if said is None:
        assert done.returncode == 0 and reading["result"] == "complete", (case, reading)
    else:
        assert done.returncode == 1 and reading["result"] in ("not_taken", "failed"), (case, reading)
        assert said.format(port=port) in reading["problem"] and "memory" not in reading["problem"] and "bytes_max" not in reading["problem"], (case, reading)
vendor.shutdown()
shutil.rmtree(directory)
shutil.rmtree(daemon.root)
print(f"{len(CASES)} answers that are too large in some way")
