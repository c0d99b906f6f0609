#!/usr/bin/python3
"""Rates of exchange from the bank to the bill: meterd import-rates over HTTP and from files, a period that waits for its rate, the charge that
says how it was converted, and meterd price at stored and at given rates."""
import datetime
import http.server
import json
import os
import threading
from fractions import Fraction

from harness import Daemon, free_port, in_mid_month, wait_until

in_mid_month()

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = (NOW - datetime.timedelta(days=2)).date()
BEFORE = DAY - datetime.timedelta(days=1)
CATALOG = {
    "vendors": [{"key": "acme"}],
    "services": [{"key": "compute", "vendor": "acme"}],
    "meters": [{"key": "calls", "service": "compute", "event_type": "api.call", "value": "n"}],
    "tariffs": [
        {"key": "euro", "currency": "EUR", "exchange": {"source": "ecb", "max_age_days": 0}, "versions": [
            {"from": "2020-01-01", "components": [{"key": "calls", "meter": "calls", "per_unit": "0.005"}]}]},
        {"key": "rouble", "currency": "JPY", "exchange": {"source": "cbr", "max_age_days": 366}, "versions": [
            {"from": "2020-01-01", "components": [{"key": "calls", "meter": "calls", "per_unit": "1.5"}]}]}],
    "subscriptions": [
        {"key": "s-usd", "service": "compute", "customer": "c", "tariff": "euro", "currency": "USD", "start": str(BEFORE), "billing": {"every": "day"}},
        {"key": "s-eur", "service": "compute", "customer": "c", "tariff": "euro", "start": str(BEFORE), "billing": {"every": "day"}},
        {"key": "s-rub", "service": "compute", "customer": "c", "tariff": "rouble", "currency": "RUB", "start": str(BEFORE), "billing": {"every": "day"}}],
}


def ecb(*days):
    cubes = "".join(f"<Cube time='{day}'>" + "".join(f"<Cube currency='{code}' rate='{rate}'/>" for code, rate in rates.items()) + "</Cube>"
                    for day, rates in days)
    return (f'<?xml version="1.0" encoding="UTF-8"?><gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
            f'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><Cube>{cubes}</Cube></gesmes:Envelope>').encode()


def cbr(day, rates):
    valutes = "".join(f"<Valute><CharCode>{code}</CharCode><Nominal>{nominal}</Nominal><Name>Деньги</Name><Value>{value}</Value></Valute>"
                      for code, (nominal, value) in rates.items())
    return f'<?xml version="1.0" encoding="windows-1251"?><ValCurs Date="{day:%d.%m.%Y}" name="x">{valutes}</ValCurs>'.encode("cp1251")


class Bank:
    """A web server of pages: path to (status, headers, body)."""

    def __init__(self):
        self.pages = {}
        bank = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = bank.pages.get(self.path, (404, {}, b"nothing"))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, path, body, status=200, headers=None):
        self.pages[path] = (status, headers or {}, body)
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"


def run(d, code, *words, says=()):
    done = d.command(*words, check=False)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    for word in says:
        assert word in done.stdout + done.stderr, (word, done.stdout, done.stderr)
    return done


def charges(d, subscription):
    return d.get(f"/v1/charges?after=0&subscription={subscription}")["charges"]


def check_refusals(d, bank):
    run(d, 64, "import-rates", "x.xml", says=["whose rates", "--format ecb"])
    run(d, 64, "import-rates", "--format", "fed", "x.xml", says=["fed"])
    run(d, 64, "import-rates", "--format", "ecb", "--since", "yesterday", "x.xml", says=["--since"])
    run(d, 64, "import-rates", "--format", "ecb", "--source", "a b", "x.xml", says=["--source"])
    run(d, 1, "import-rates", "--format", "ecb", "missing.xml", says=["missing.xml"])
    run(d, 1, "import-rates", "--format", "ecb", bank.put("/gone", b"", 404), says=["answered 404"])
    run(d, 75, "import-rates", "--format", "ecb", bank.put("/down", b"", 503), says=["answered 503"])
    run(d, 75, "import-rates", "--format", "ecb", f"http://127.0.0.1:{free_port()}/", says=["connect"])
    run(d, 1, "import-rates", "--format", "ecb", bank.put("/moved", b"", 301, {"Location": "https://bank.example/rates"}),
        says=["points to https://bank.example/rates"])
    run(d, 1, "import-rates", "--format", "ecb", bank.put("/page", b"<html><body>hello</body></html>"), says=["holds no rates of the European Central Bank"])
    bomb = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><a>&b;</a>'
    run(d, 1, "import-rates", "--format", "ecb", bank.put("/bomb", bomb), says=["a document type is not accepted"])
    run(d, 1, "import-rates", "--format", "ecb", bank.put("/large", b" " * (33 << 20)), says=["/large"])
    assert d.get("/v1/catalog/rate")["documents"] == []


def audit(d):
    done = d.command("audit", check=False)
    return done.returncode, done.stdout + done.stderr


def check_bill(d, bank):
    """Use of a day that is over, 101 calls of 0.005 EUR: held, released by the rate, corrected with it."""
    key = d.vendor_key("acme")
    events = [{"id": f"{s}-1", "source": "s", "type": "api.call", "subject": s, "time": f"{DAY}T12:00:00Z", "data": {"n": 101}} for s in ("s-usd", "s-eur", "s-rub")]
    answer = d.call("POST", "/v1/events", events, key=key)
    assert answer.status in (200, 202), answer.body
    d.settle()
    wait_until("the euro bill", lambda: charges(d, "s-eur"))
    assert "exchange" not in charges(d, "s-eur")[0]
    assert charges(d, "s-usd") == [] and charges(d, "s-rub") == []
    code, report = audit(d)
    assert code == 1 and f"there is no rate of ecb from EUR to USD for {DAY}" in report, report
    assert "there is no rate of cbr from JPY to RUB" in report, report
    # yesterday's rate is too old for the rule, and the wrong day's is no rate
    done = run(d, 0, "import-rates", "--format", "ecb", bank.put("/daily.xml", ecb((BEFORE, {"USD": "9", "CYP": "0.58"}))), says=["left out CYP"])
    assert "1 created" in done.stdout, done.stdout
    d.settle()
    assert charges(d, "s-usd") == []
    run(d, 0, "import-rates", "--format", "ecb", bank.put("/daily.xml", ecb((BEFORE, {"USD": "9"}), (DAY, {"USD": "1.0842", "JPY": "169.25"}))),
        says=["2 days of ecb", "1 created", "1 unchanged"])
    charge = wait_until("the dollar bill", lambda: charges(d, "s-usd"))[0]
    assert charge["currency"] == "USD" and charge["amount_total"] == "0.55", charge  # 0.505 × 1.0842 = 0.547521
    assert charge["exchange"] == {"currency": "EUR", "amount": "0.505", "rate": "1.0842", "numerator": "5421", "denominator": "5000", "derivation": "direct",
                                  "source": "ecb", "date": str(DAY), "rule": "period_end", "day": str(DAY)}, charge["exchange"]
    explained = json.loads(d.command("explain", str(charge["number"]), "--json").stdout)
    assert any("exchange EUR to USD at 1.0842" in step["part"] for part in explained["price"] for step in part["price"]["trace"]), explained
    path = os.path.join(d.root, "cbr.xml")
    with open(path, "wb") as f:
        f.write(cbr(BEFORE, {"JPY": (100, "62,5000"), "XDR": (1, "120,1")}))
    run(d, 0, "import-rates", "--format", "cbr", path, says=["left out XDR", "1 created"])
    charge = wait_until("the rouble bill", lambda: charges(d, "s-rub"))[0]
    assert charge["amount_total"] == "94.69", charge  # 151.5 × 62.5 ÷ 100 = 94.6875
    assert charge["exchange"]["derivation"] == "inverse" and charge["exchange"]["rate"] == "0.625", charge
    assert Fraction(charge["exchange"]["amount"]) * int(charge["exchange"]["numerator"]) / int(charge["exchange"]["denominator"]) == Fraction("94.6875")
    # the bank corrects itself
    run(d, 0, "import-rates", "--format", "ecb", bank.put("/daily.xml", ecb((DAY, {"USD": "1.2"}))), says=["1 updated"])
    wait_until("a correction", lambda: len(charges(d, "s-usd")) == 2)
    correction = charges(d, "s-usd")[1]
    assert correction["status"] == "correction" and correction["amount"] == "0.06" and correction["amount_total"] == "0.61", correction
    d.settle()
    code, report = audit(d)
    assert code == 0, report


def check_ways(d, bank):
    """The same rates again, dry runs, printed documents, sources of another name, days from a date on."""
    address = bank.put("/hist.xml", ecb((DAY, {"USD": "1.2"}), ("2026-01-02", {"USD": "1.17"}), ("2025-12-31", {"USD": "1.175"})))
    run(d, 0, "import-rates", "--format", "ecb", "--dry-run", address, says=["would be: 2 created"])
    assert len(d.get("/v1/catalog/rate")["documents"]) == 3
    printed = run(d, 0, "import-rates", "--format", "ecb", "--print", "--since", "2026-01-01", address).stdout
    assert [r["key"] for r in json.loads(printed)["rates"]] == ["ecb-2026-01-02", f"ecb-{DAY}"], printed
    run(d, 0, "import-rates", "--format", "ecb", "--since", "2199-01-01", address, says=["nothing of that day or later"])
    change = json.loads(run(d, 0, "import-rates", "--format", "ecb", "--json", address).stdout)
    assert (change["created"], change["unchanged"]) == ("2", "1") or (change["created"], change["unchanged"]) == (2, 1), change
    run(d, 0, "import-rates", "--format", "ecb", "--source", "euro-bank", "--since", str(DAY), address, says=["1 day of euro-bank", "1 created"])
    run(d, 0, "import-rates", "--format", "ecb", "--source", "euro-bank", "--since", str(DAY), address, says=["1 unchanged"])
    document = d.get(f"/v1/catalog/rate/euro-bank-{DAY}")["document"]
    assert document == {"key": f"euro-bank-{DAY}", "source": "euro-bank", "date": str(DAY), "base": "EUR", "quotes": {"USD": "1.2"}}, document
    yaml = d.command("get", "rate", f"ecb-{DAY}").stdout
    assert yaml.startswith("rates:\n"), yaml
    # what was printed prices without a daemon
    path = os.path.join(d.root, "rates.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(printed)
    tariff = os.path.join(d.root, "tariff.json")
    with open(tariff, "w", encoding="utf-8") as f:
        json.dump({**CATALOG["tariffs"][0], "exchange": {"source": "ecb", "at": "usage_day", "max_age_days": 0}}, f)
    words = ["price", tariff, "--currency", "USD", "--quantity", "101", "--at", str(DAY)]
    run(d, 0, *words, "--rates", path, says=["0.61", "exchanged at 1.2 USD for 1 EUR (direct rate of ecb", "usage_day"])
    run(d, 0, *words, "--rate", f"USD=1.0842@{DAY}", says=["0.55", "1.0842"])
    run(d, 1, *words, says=[f"there is no rate of ecb from EUR to USD for {DAY}"])
    run(d, 64, *words, "--rate", "USD=1.0842", says=["CURRENCY=NUMBER@DATE"])
    run(d, 64, *words, "--rates", tariff, says=["holds no `rates`"])
    # stored rates for a stored tariff; its month is not over, so that its last day has no rate yet
    answer = d.call("POST", "/v1/price", {"tariff": "euro", "currency": "USD", "quantity": "101", "at": str(DAY), "closing": False})
    assert answer.status == 200 and answer.json()["total"] == "0.61", answer.body
    answer = d.call("POST", "/v1/price", {"tariff": "euro", "currency": "CHF", "quantity": "101", "at": str(DAY)})
    assert answer.status == 422 and b"there is no rate of ecb from EUR to CHF" in answer.body, answer.body


BANK = Bank()
with Daemon({"rater": {"grace": "0s", "draft_every": "0s"}}) as daemon:
    daemon.apply(CATALOG)
    check_refusals(daemon, BANK)
    check_bill(daemon, BANK)
    check_ways(daemon, BANK)
print("rates from the bank to the bill")
