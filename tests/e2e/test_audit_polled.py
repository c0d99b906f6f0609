"""A vendor moves a row out of a settled window into another day, and says so nowhere: the audit finds that it counts twice, and says what to do.
That done, it counts once, and the bill is what the vendor says."""
import json
from decimal import Decimal

from daily import DAYS, Vendor, billed, catalog, row, source, windows_of
from harness import Daemon, wait_until


def audit(d, code):
    done = d.command("audit", check=False)
    assert done.returncode == code, done
    told = json.loads(d.command("audit", "--json", check=False).stdout)
    return done, told


def charged(d):
    return sum(Decimal(charge["amount"]) for charge in d.get("/v1/charges?limit=10000")["charges"])


def main():
    vendor = Vendor()
    port = vendor.server_address[1]
    with Daemon({"poller": {"allow_loopback": True}, "rater": {"grace": "0s", "draft_every": "0s"}}) as d:
        d.apply(catalog())
        done, told = audit(d, 0)
        assert "polled" not in done.stdout and (told["polled_rows"], told["polled_twice"]) == (0, 0), (done, told)
        for day in DAYS:
            vendor.rows[(day, None)] = [row(f"{day}-{n}", day) for n in range(4)]
        usage = source("usage", port, guard={"shrink": "100%"}, window={"length": "day", "start": DAYS[0]})
        d.apply({"sources": [usage]})
        wait_until("all windows to be settled", lambda: [w["state"] for w in windows_of(d, "usage")][:3] == ["settled"] * 3)
        d.settle()
        done, told = audit(d, 0)
        assert "polled   12 rows: each counts once\n" in done.stdout and (told["polled_rows"], told["polled_twice"]) == (12, 0), (done, told)
        moved = f"{DAYS[0]}-2"
        vendor.rows[(DAYS[0], None)] = [r for r in vendor.rows[(DAYS[0], None)] if r["id"] != moved]
        vendor.rows[(DAYS[2], None)].append(row(moved, DAYS[2]))
        assert d.command("source", "run", "usage", "--from", DAYS[2], "--to", DAYS[2] + "T23:00:00Z").stdout == "1 window taken\n"
        wait_until("it counts once more", lambda: d.status()["log"]["last_seq"] >= 12 + 4)
        d.settle()
        done, told = audit(d, 1)
        assert "polled   13 rows: 1 of them COUNT TWICE" in done.stdout, done
        assert f"audit.polled_twice: acme/usage: row `{moved}` counts at {DAYS[0]}T00:00:01Z" in done.stderr, done
        assert f", and at {DAYS[2]}T00:00:01Z" in done.stderr and "`meterd source run usage`" in done.stderr, done
        assert (told["polled_rows"], told["polled_twice"]) == (13, 1), told
        assert d.command("source", "run", "usage", "--from", DAYS[0], "--to", DAYS[0] + "T23:00:00Z").stdout == "1 window taken\n"
        d.settle()
        audit(d, 0)
        assert len(billed(d)) == 12 and charged(d) == Decimal(6), (billed(d), charged(d))
        d.stop()
    vendor.shutdown()


if __name__ == "__main__":
    main()
