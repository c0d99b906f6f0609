"""What operators see and do of sources, over HTTP and by `meterd source`: lists that go on behind a row; a source without a start."""
import datetime
import json
import os
import shutil
import urllib.parse

from daily import DAYS, TODAY, Vendor, billed, catalog, now, row, source, when, windows_of
from harness import Daemon, wait_until

SITES = ["east", "north", "south & west"]


def windows_go_on(daemon, port):
    """Windows of several requests that begin at one time are told apart: each page goes on behind the row before it."""
    ask = {"path": "/usage", "query": {"day": "{from:%Y-%m-%d}", "site": "{each.value}"}}
    daemon.apply({"sources": [source("sites", port, for_each={"values": SITES}, request=ask)]})
    wait_until("all windows", lambda: len(windows_of(daemon, "sites")) == len(DAYS) * len(SITES))
    whole = [(row["start"], row["each"]) for row in windows_of(daemon, "sites")]
    assert len(set(whole)) == len(whole)
    for limit in (1, 2, 4):
        rows, behind, more = [], {}, True
        while more:
            page = daemon.get("/v1/sources/windows?" + urllib.parse.urlencode({"source": "sites", "limit": limit, **behind}))
            rows += [(row["start"], row["each"]) for row in page["windows"]]
            more, behind = page["has_more"], {"after": rows[-1][0], "after_each": rows[-1][1]}
        assert rows == whole, (limit, rows)
    rest = windows_of(daemon, "sites", after=whole[0][0], after_each=whole[0][1], **{"from": DAYS[1]})
    assert [(row["start"], row["each"]) for row in rest] == whole[3:], "`from` stands beside `after`"
    assert daemon.call("GET", "/v1/sources/windows?source=sites&after_each=east").status == 400
    first = daemon.command("source", "windows", "sites", "-n", "1")
    assert f"--after {whole[0][0]} --after-each '{whole[0][1]}'" in first.stderr, first.stderr
    rest = json.loads(daemon.command("source", "windows", "sites", "--after", whole[7][0], "--after-each", whole[7][1], "--json").stdout)
    assert [(row["start"], row["each"]) for row in rest["windows"]] == whole[8:]


def sources_go_on(daemon, port):
    daemon.apply({"sources": [source(f"many-{i}", port, disabled=True) for i in range(5)]})
    whole = [row["source"] for row in daemon.get("/v1/sources")["sources"]]
    rows, after, more = [], "0", True
    while more:
        page = json.loads(daemon.command("source", "list", "-n", "2", "--after", after, "--json").stdout)
        rows += [row["source"] for row in page["sources"]]
        more, after = page["has_more"], str(page["next_after"])
    assert rows == whole and len(whole) == 6, rows
    assert "--after 2" in daemon.command("source", "list", "-n", "2").stderr


def no_time_is_lost(daemon, port):
    """Without a start the windows begin when the document was applied, and go on there after a restart: what was down is made up for."""
    ask = {"path": "/usage", "query": {"day": "{from:%Y-%m-%d}"}}
    daemon.apply({"sources": [source("young", port, window={"length": "2s", "rereads": ["1h"]}, request=ask)]})
    wait_until("the first window", lambda: windows_of(daemon, "young"))
    first, stopped = windows_of(daemon, "young")[0]["start"], now()
    daemon.stop()
    wait_until("windows pass", lambda: now() > stopped + datetime.timedelta(seconds=5))
    for _ in range(2):
        daemon.start()
        started = now()
        wait_until("a window of after the start", lambda started=started: any(when(window["start"]) > started for window in windows_of(daemon, "young")))
        def made_up():
            rows = windows_of(daemon, "young")
            return all(a["end"] == b["start"] for a, b in zip(rows, rows[1:])) and rows[0]["start"] == first
        wait_until("no window is missing", made_up)
        daemon.kill()
        shutil.rmtree(os.path.join(daemon.data, "intake"))
    daemon.start()


def limits_change(daemon):
    """Days that were read stay days, hours begin behind the one that is open: no row counts twice, and what is restated in a day that was read is
    corrected there. The other way round is refused."""
    vendor, whole = Vendor(), TODAY.isoformat()
    port = vendor.server_address[1]
    def publish(amount):
        vendor.rows[whole, None] = [row(f"cut-{whole}-{i}", whole, amount) for i in range(6)]
    publish(1)
    for day in DAYS:
        vendor.rows[day, None] = [row(f"cut-{day}-{i}", day) for i in range(3)]
    ask = {"path": "/usage", "query": {"day": "{from:%Y-%m-%d}", "to": "{to}"}}
    def document(length):
        return source("cut", port, request=ask, window={"length": length, "start": DAYS[0], "rereads": ["10d"], "open": "1s"})
    mine = lambda: {key: amount for key, amount in billed(daemon).items() if key.startswith("cut-")}
    daemon.apply({"sources": [document("day")]})
    wait_until("four days", lambda: len(mine()) == 3 * len(DAYS) + 6 and len(windows_of(daemon, "cut")) == 4)
    before = [(w["start"], w["end"]) for w in windows_of(daemon, "cut")]
    daemon.apply({"sources": [document("hour")]})
    for restart in (False, True):
        if restart:
            daemon.stop()
            daemon.start()
        publish(5 + restart)
        wait_until("today's rows are restated in their day", lambda: mine().get(f"cut-{whole}-5") == 5 + restart)
        after = [(w["start"], w["end"]) for w in windows_of(daemon, "cut")]
        assert after[:len(before)] == before and when(before[-1][1]) - when(before[-1][0]) == datetime.timedelta(days=1), (before, after)
    refused = daemon.call("PUT", "/v1/catalog", body=json.dumps({"sources": [document("month")]}), headers={"Content-Type": "application/yaml"})
    assert refused.status == 422 and b"Make a new source" in refused.body, refused.body
    daemon.apply({"sources": [{**document("hour"), "disabled": True}]})
    vendor.shutdown()


def main():
    vendor = Vendor()
    port = vendor.server_address[1]
    for day in DAYS:
        for site in SITES:
            vendor.rows[day, site] = [row(f"{site}-{day}", day)]
    with Daemon({"poller": {"allow_loopback": True}}) as daemon:
        daemon.apply(catalog())
        windows_go_on(daemon, port)
        sources_go_on(daemon, port)
        no_time_is_lost(daemon, port)
        limits_change(daemon)
        daemon.stop()
    vendor.shutdown()


main()
