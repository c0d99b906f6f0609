"""How long the pages of what was read are kept: a file is as old as the file system says, by the machine's clock, which is why no clock is moved here."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from harness import Daemon, wait_until  # noqa: E402
from test_source_alarms import SETTINGS, Beside, Rows, billed, catalog, document, row, serve_rows, sources  # noqa: E402


def pages_of(daemon):
    return {os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(daemon.data, "pages")) for name in names}


def main():
    """keep: 0 keeps none behind a reading, a time keeps them for so long. Each reading has a row more, so that each is in the log."""
    url = serve_rows()
    with Daemon(SETTINGS) as daemon:
        daemon.apply(catalog("neighbour", "neighbour2"))
        Beside(daemon, url)
        daemon.apply({"sources": [{**document("beside", url), "disabled": True}]})
        wait_until("the source beside rests", lambda: sources(daemon)["beside"]["state"] == "disabled")
        before = pages_of(daemon)
        assert before, "they are kept for months"

        def read_on(key, count, others=0):
            Rows.rows[key] = [row(number, "neighbour2") for number in range(count)]
            wait_until(f"row {count}", lambda: billed(daemon, "neighbour2") == (count + others) * 0.25)

        daemon.apply({"sources": [document("none", url, pages={"keep": 0})]})
        for count in range(1, 4):
            read_on("none", count)
            wait_until("no page of it", lambda: pages_of(daemon) == before)
        Rows.rows["some"] = Rows.rows["none"]
        daemon.apply({"sources": [{**document("none", url), "disabled": True}, document("some", url, pages={"keep": "3s"})]})
        seen = time.monotonic()
        first = wait_until("its first page", lambda: pages_of(daemon) - before)
        read_on("some", 6, others=3)  # those of the source before stay billed
        wait_until("its time is over", lambda: not first & pages_of(daemon))
        assert time.monotonic() - seen > 2, "a second of it the file system keeps to itself"
        assert before <= pages_of(daemon)
        daemon.stop()
    print("pages are kept for as long as the document says")


if __name__ == "__main__":
    main()
