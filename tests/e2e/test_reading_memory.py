"""Readings share their memory: three sources whose days have more rows than fit side by side are all read, one after the other where need be,
and to the row; the daemon stays within what it was given."""
import datetime
import threading

from harness import WAIT_S, Daemon, in_mid_month, wait_until
from small_vendor import SmallVendor

in_mid_month()

ROWS, SOURCES = 150000, 3
DAY = (datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)).isoformat()


class Vendor(SmallVendor):
    def __init__(self):
        self.body = b"id,account,at,amount\n" + b"".join(b"r-%d,s1,%sT00:00:01Z,1\n" % (i, DAY.encode()) for i in range(ROWS))
        self.met = threading.Barrier(SOURCES)
        super().__init__()

    def answer(self, path, query, headers):
        if query["day"] != DAY:
            return b"id,account,at,amount\n"
        self.meet()
        return self.body

    def meet(self):
        """The first answers leave together: all of the sources are being read, and not all of them can stay."""
        try:
            self.met.wait(WAIT_S)
        except threading.BrokenBarrierError:
            return
        self.met.abort()


def catalog(port):
    sources = [{"key": f"usage-{i}", "vendor": "acme", "base_url": f"http://127.0.0.1:{port}", "schedule": {"every": "1s"},
                "window": {"length": "day", "start": DAY, "rereads": ["3650d"]}, "auth": "none",
                "request": {"path": "/usage", "query": {"day": "{from:%Y-%m-%d}"}}, "paging": "none", "format": {"csv": {}},
                "limits": {"concurrency": 8}, "identity": {"id": "id"},
                "map": {"type": f"=vm.{i}", "subject": "account", "time": "at", "data": {"quantity": "amount"}}} for i in range(SOURCES)]
    meters = [{"key": f"m{i}", "service": "vm", "event_type": f"vm.{i}", "value": "quantity"} for i in range(SOURCES)]
    return {"vendors": [{"key": "acme"}], "services": [{"key": "vm", "vendor": "acme"}], "meters": meters,
            "tariffs": [{"key": "t", "service": "vm", "currency": "EUR", "versions": [
                {"from": "2020-01-01", "components": [{"key": f"c{i}", "meter": f"m{i}", "per_unit": "0.5"} for i in range(SOURCES)]}]}],
            "subscriptions": [{"key": "s1", "service": "vm", "customer": "c1", "tariff": "t", "start": "2020-01-01"}], "sources": sources}


def in_log(daemon):
    """Rows of each source's window of that day."""
    found = {}
    for i in range(SOURCES):
        windows = daemon.get(f"/v1/sources/windows?source=usage-{i}&from={DAY}T00:00:00Z&limit=1")["windows"]
        found[i] = windows[0]["rows"] if windows and windows[0]["state"] in ("complete", "settled") else 0
    return found


def main():
    vendor = Vendor()
    # 96 MiB, of which readings may have 72: the three have 20 MiB each before a row has come, and 6 MiB of rows.
    settings = {"listen": {"body_bytes_total_max": "96MiB", "body_bytes_max": "32MiB"}, "poller": {"allow_loopback": True, "readings_max": 8}}
    with Daemon(settings) as daemon:
        daemon.apply(catalog(vendor.server_address[1]))
        wait_until("every row of every source is in the log", lambda: set(in_log(daemon).values()) == {ROWS}, seconds=600)
        sources = daemon.get("/v1/sources")["sources"]
        gave_way = sum(source["failures"] for source in sources)
        assert gave_way, "all of them fit: the bound is none"
        wait_until("nobody complains", lambda: not any(source.get("alarm") for source in daemon.get("/v1/sources")["sources"]))
        print(f"{SOURCES} readings of {ROWS} rows each; {gave_way} gave way to the others, and came again")
    vendor.shutdown()


if __name__ == "__main__":
    main()
