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
        return source("cut", port, request=ask, window={"length": length, "start": DAYS[0], "rereads": ["10d"], "open": "1s"}, guard={"shrink": "100%", "jump": 0})
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
    strands = document("hour")
    strands = {**strands, "for_each": {"values": ["east"]}, "request": {**strands["request"], "query": {**strands["request"]["query"], "site": "{each.value}"}}}
    refused = daemon.call("PUT", "/v1/catalog", body=json.dumps({"sources": [strands]}), headers={"Content-Type": "application/yaml"})
    assert refused.status == 422 and b"all rows would count once more" in refused.body, refused.body
    daemon.apply({"sources": [{**document("hour"), "disabled": True}]})
    vendor.shutdown()


def state_of(daemon, key):
    return next(s for s in daemon.get("/v1/sources?limit=10000")["sources"] if s["source"] == key)["state"]


def pauses(daemon):
    """A source that is paused asks for nothing, also after a kill and with a ledger that was made anew; resumed it makes up for what came due."""
    vendor = Vendor()
    day = TODAY.isoformat()
    vendor.rows[day, None] = [row("rest-1", day)]
    document = source("rest", vendor.server_address[1], window={"length": "day", "start": day, "open": "1s"})
    mine = lambda: {key: amount for key, amount in billed(daemon).items() if key.startswith("rest-")}
    daemon.apply({"sources": [document]})
    wait_until("the first row", lambda: mine() == {"rest-1": 1})
    for _ in range(2):
        assert "paused until" in daemon.command("source", "pause", "rest").stdout
    assert state_of(daemon, "rest") == "paused"
    wait_until("what was under way has ended", lambda: b"\nmeterd_sources_paused 1\n" in daemon.call("GET", "/metrics", port=daemon.admin_port).body)
    daemon.apply({"sources": [{**document, "guard": {"shrink": "50%"}}]})  # applying it again is no way to resume it
    for anew in (False, True):
        asked = vendor.asked
        vendor.rows[day, None] = [row("rest-1", day, 5 + anew)]
        daemon.kill()
        if anew:
            shutil.rmtree(os.path.join(daemon.data, "intake"))
        daemon.start()
        started = now()
        wait_until("it is known", lambda: state_of(daemon, "rest") == "paused")
        wait_until("time passes", lambda started=started: now() > started + datetime.timedelta(seconds=3))
        assert vendor.asked == asked and mine() == {"rest-1": 1}, "nothing is asked for"
    for _ in range(2):
        daemon.command("source", "resume", "rest")
    wait_until("what came meanwhile", lambda: mine() == {"rest-1": 6})
    notes = [(e["data"]["action"], e["data"]["by"]) for e in daemon.get("/v1/events?limit=10000")["events"] if e["type"] == "meterd.control"]
    assert notes == [("pause", "admin")] * 2 + [("resume", "admin")] * 2, notes
    assert daemon.call("POST", "/v1/sources/rest", body={"action": "stop"}).status == 400
    assert daemon.call("POST", "/v1/sources/rest", body={"action": "pause", "from": day}).status == 400
    assert daemon.call("POST", "/v1/sources/nobody", body={"action": "pause"}).status == 404
    daemon.apply({"sources": [{**document, "disabled": True}]})
    vendor.shutdown()


def accepts(daemon):
    """A suspect window is taken when an operator says so, at once, and only as it was seen."""
    vendor = Vendor()
    rows = lambda count, day: [row(f"sus-{day}-{i}", day) for i in range(count)]
    for day in DAYS[:2]:
        vendor.rows[day, None] = rows(9, day)
    guard = {"shrink": "20%", "agree": 3, "every": "1h"}
    first = lambda: windows_of(daemon, "sus")[0]
    mine = lambda: sum(key.startswith("sus-" + DAYS[0]) for key in billed(daemon))
    def document(rereads):
        return source("sus", vendor.server_address[1], guard=guard, window={"length": "day", "start": DAYS[0], "rereads": rereads + ["30d"]})
    daemon.apply({"sources": [document([])]})
    wait_until("all rows", lambda: mine() == 9)
    vendor.rows[DAYS[0], None] = rows(2, DAYS[0])
    passed = (now() - when(DAYS[0] + "T00:00:00+00:00")).total_seconds() - 86400
    daemon.apply({"sources": [document([f"{int(passed) + 2}s"])]})
    wait_until("it is suspect", lambda: first()["state"] == "suspect")
    assert mine() == 9
    vendor.rows[DAYS[0], None] = rows(3, DAYS[0])  # another thing than was seen
    assert "1 accepted" in daemon.command("source", "accept", "sus", "--from", DAYS[0] + "T12:00:00Z").stdout
    wait_until("it is suspect again", lambda: "6 of the window's" in first().get("problem", ""))
    assert mine() == 9
    daemon.kill()
    daemon.start()
    wait_until("the windows are known", lambda: windows_of(daemon, "sus"))
    daemon.command("source", "accept", "sus")
    wait_until("it is taken", lambda: first()["state"] == "complete" and mine() == 3)
    assert "no window waits" in daemon.command("source", "accept", "sus").stdout
    assert "no window waits" in daemon.command("source", "accept", "sus", "--each", "east").stdout
    daemon.apply({"sources": [{**document([]), "disabled": True}]})
    vendor.shutdown()


def shows(daemon):
    """Beside what the list says: the document as it was applied, and windows in sum."""
    document = daemon.get("/v1/catalog/source/sus")
    shown = json.loads(daemon.command("source", "show", "sus", "--json").stdout)
    assert shown["now"]["source"] == "sus" and shown["revision"] == document["revision"] and shown["applied_by"] == "admin", shown
    assert len(shown["sha256"]) == 64 and shown["auth"] == "none" and "token_url" not in shown and "paused_at" not in shown
    whole = windows_of(daemon, "sus")
    states = {state: sum(w["state"] == state for w in whole) for state in ("complete", "settled", "suspect")}
    assert {state: shown["windows"][state] for state in states} == states and shown["windows"]["rows"] == sum(w["rows"] for w in whole)
    noted = [w["noted_at"] for w in shown["latest"]]
    assert noted == sorted(noted, reverse=True) and noted[0] == max(w["noted_at"] for w in whole) and not shown["problems"]
    text = daemon.command("source", "show", "sus").stdout
    assert "sha256       " + shown["sha256"] in text and "read last" in text, text
    assert daemon.call("GET", "/v1/sources/nobody").status == 404
    assert "windows" in daemon.get("/v1/sources/windows?source=sus"), "the ledger is no source"


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
        pauses(daemon)
        accepts(daemon)
        shows(daemon)
        daemon.stop()
    vendor.shutdown()


main()
