"""What the API tests share: a small catalog of two vendors, events for it, and a check of problem documents."""
import datetime
import json

from harness import in_mid_month

in_mid_month()  # what is sent of days ago is of a month that is not over

CATALOG = {
    "vendors": [{"key": "acme"}, {"key": "other"}],
    "services": [{"key": "compute", "vendor": "acme"}, {"key": "mail", "vendor": "other"}],
    "meters": [
        {"key": "vcpu_hours", "service": "compute", "event_type": "vm.cpu", "value": "hours", "unit": "hours", "group_by": ["region"]},
        {"key": "calls", "service": "compute", "event_type": "api.call", "aggregation": "count"},
        {"key": "mails", "service": "mail", "event_type": "mail.sent", "value": "count", "unit": "mails"},
    ],
    "tariffs": [
        {"key": "compute", "currency": "EUR", "versions": [{"from": "2020-01-01", "components": [
            {"key": "vcpu", "meter": "vcpu_hours", "group_by": ["region"], "per_unit": "0.05"},
            {"key": "calls", "meter": "calls", "per_unit": "0.25"}]}]},
        {"key": "mail", "currency": "USD", "versions": [{"from": "2020-01-01", "components": [
            {"key": "mails", "meter": "mails", "per_unit": "0.01"}]}]},
    ],
    "subscriptions": [
        {"key": "sub-1", "service": "compute", "customer": "contoso", "tariff": "compute", "zone": "Asia/Kolkata", "start": "2020-01-01"},
        {"key": "sub-2", "service": "mail", "customer": "fabrikam", "tariff": "mail", "start": "2020-01-01"},
    ],
}
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
SETTINGS = {"rater": {"grace": "0s", "draft_every": "0s"}}


def ago(**delta):
    """RFC 3339 in UTC."""
    return (NOW - datetime.timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


def cpu(name, hours=1, region="eu", time=None, subject="sub-1"):
    return {"id": name, "source": "s", "type": "vm.cpu", "subject": subject, "time": time or ago(hours=2),
            "data": {"hours": hours, "region": region}}


def problem(answer, status, *words):
    """RFC 9457: the media type, a title, the status, a detail that says it in words, and codes that stay."""
    assert answer.status == status, (answer.status, status, answer.body)
    assert answer.headers.get("Content-Type") == "application/problem+json", answer.headers
    assert answer.headers.get("Cache-Control") == "no-store", answer.headers
    page = json.loads(answer.body)
    assert page["status"] == status and page["type"] == "about:blank" and page["title"] and page["detail"], page
    with open("tests/golden/finding_codes.txt", encoding="utf-8") as golden:
        kept = golden.read().split()
    assert {page["code"]} | {finding["code"] for finding in page.get("findings", [])} <= set(kept), page
    for word in words:
        assert word in page["detail"] or word in json.dumps(page.get("findings", "")), (word, page)
    return page
