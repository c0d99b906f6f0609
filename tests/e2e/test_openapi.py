"""The API's own description, held against the OpenAPI 3.1 rules and against a live daemon: every GET answer validates against the schema
that the description promises. And the admin listener: health, readiness, and metrics that promtool accepts.
"""
import json
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import jsonschema
import yaml

from harness import Daemon
from pages import CATALOG, SETTINGS, ago, cpu, problem

METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
SCOPES = {"ingest", "query", "billing", "admin"}
KINDS = ("vendor", "service", "meter", "tariff", "subscription", "api_key", "destination", "credit", "rate", "source")
OPEN = {"getOpenapi"}  # operations that need no key: adding one is a decision


def lint(page):
    """The structure, the references and the names of an OpenAPI 3.1 document."""
    assert re.fullmatch(r"3\.1\.\d+", page["openapi"]) and set(page) <= {"openapi", "info", "paths", "components", "servers",
                                                                         "tags"}, page.keys()
    assert page["info"]["title"] and page["info"]["version"], page["info"]
    assert page["components"]["securitySchemes"]["apiKey"] == {**page["components"]["securitySchemes"]["apiKey"], "type": "http",
                                                               "scheme": "bearer"}
    for name, schema in page["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name), name
        jsonschema.Draft202012Validator.check_schema(schema)
    used, operations = set(), []
    collect_references(page, page, used)
    unused = set(page["components"]["schemas"]) - {u.rsplit("/", 1)[1] for u in used}
    assert not unused, f"schemas that nothing refers to: {unused}"
    for path, item in page["paths"].items():
        assert path.startswith("/v1/") and set(item) <= METHODS, (path, item.keys())
        for method, operation in item.items():
            lint_operation(page, path, operation)
            operations.append((path, method, operation))
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(names) == len(set(names)), names
    return operations


def collect_references(page, node, used):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                target = page
                for part in value.removeprefix("#/").split("/"):
                    assert part in target, f"{value} leads nowhere"
                    target = target[part]
                used.add(value)
            collect_references(page, value, used)
    elif isinstance(node, list):
        for value in node:
            collect_references(page, value, used)


def lint_operation(page, path, operation):
    name = operation["operationId"]
    assert set(operation) <= {"operationId", "summary", "description", "parameters", "requestBody", "responses", "security",
                              "x-scope"}, operation.keys()
    assert re.fullmatch(r"[a-z][A-Za-z]+", name) and operation["summary"], operation
    if name in OPEN:
        assert operation["security"] == [] and "x-scope" not in operation, operation
    else:
        assert operation["security"] == [{"apiKey": []}] and operation["x-scope"] in SCOPES, operation
    seen = set()
    for parameter in operation["parameters"]:
        assert parameter["in"] in ("path", "query") and (parameter["in"], parameter["name"]) not in seen, parameter
        assert parameter["in"] == "query" or parameter["required"] is True, parameter
        assert parameter["in"] == "path" or parameter.get("description"), parameter
        jsonschema.Draft202012Validator.check_schema(parameter["schema"])
        seen.add((parameter["in"], parameter["name"]))
    declared = {n for place, n in seen if place == "path"}
    assert declared == set(re.findall(r"{(\w+)}", path)), (path, declared)
    assert {"Retry-After", "RateLimit-Policy", "RateLimit"} == set(operation["responses"]["429"]["headers"]), operation["responses"]["429"]
    assert "200" in operation["responses"] and "default" in operation["responses"], operation["responses"].keys()
    for answer in operation["responses"].values():
        assert answer["description"] and answer["content"], answer
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for content in [a["content"] for a in operation["responses"].values()] + [b["content"] for b in bodies]:
        for media, described in content.items():
            assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", media) and "schema" in described, (media, described)


def validator(page, schema):
    """A schema of the document, with the document's components beside it for its references."""
    return jsonschema.Draft202012Validator({**schema, "components": page["components"]}, format_checker=jsonschema.FormatChecker())


def strict(page):
    """The same document with maps closed: an answer must not hold members that are not described."""
    def close(node):
        if isinstance(node, dict):
            if "properties" in node and "additionalProperties" not in node:
                node["additionalProperties"] = False
            for value in node.values():
                close(value)
        elif isinstance(node, list):
            for value in node:
                close(value)
    copy = json.loads(json.dumps(page))
    close(copy["components"]["schemas"])
    return copy


def paths_of(d, path):
    """Real calls of a GET route: its path parameters filled with what is there, and a variant or two."""
    if path == "/v1/charges/{id}":
        charges = d.get("/v1/charges?limit=10000")["charges"]
        assert charges
        return [f"/v1/charges/{c['id']}" for c in charges]
    if path.startswith("/v1/catalog/{kind}"):
        kinds = KINDS
        if path.endswith("{kind}"):
            return [f"/v1/catalog/{kind}" for kind in kinds]
        return [f"/v1/catalog/{kind}/{urllib.parse.quote(x['key'])}" for kind in kinds for x in d.get(f"/v1/catalog/{kind}")["documents"]]
    if path == "/v1/schemas/{kind}":
        return [schema["path"] for schema in d.get("/v1/schemas")["schemas"]]
    if path == "/v1/credits":
        return [f"{path}?subscription=sub-1", f"{path}?customer=contoso"]
    if path == "/v1/sources/{key}":
        return ["/v1/sources/polled"]
    if path == "/v1/sources/windows":
        return [f"{path}?source=polled", f"{path}?source=polled&from=2026-01-01"]
    if path == "/v1/sources/{key}/reads":
        return ["/v1/sources/polled/reads", "/v1/sources/polled/reads?each=nobody"]
    if path == "/v1/sources/{key}/certificate":
        return ["/v1/sources/polled/certificate"]
    if path == "/v1/sources/{key}/progress":
        return ["/v1/sources/polled/progress"]
    assert "{" not in path, f"a new path parameter: tell this test how to fill {path}"
    return [path] + (["/v1/usage?window=total&group_by=region", "/v1/usage?window=hour&group_by=customer"] if path == "/v1/usage" else [])


def check_answers(d, page, operations):
    closed = strict(page)
    for path, method, operation in operations:
        if method == "get":
            described = closed["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
            for real in paths_of(d, path):
                answer = d.get(real)
                for fault in validator(closed, described).iter_errors(answer):
                    raise AssertionError(f"{real} answers what {operation['operationId']} does not describe: {fault.json_path}: "
                                         f"{fault.message}")
        # Without a key: 401 for all but the open ones, as a problem that validates.
        body = None if method == "get" else "{}"
        key_of_daemon, d.key = d.key, None
        refused = d.call(method.upper(), re.sub(r"{\w+}", "x", path), body=body)
        d.key = key_of_daemon
        if operation["operationId"] not in OPEN:
            validator(page, page["components"]["schemas"]["Problem"]).validate(problem(refused, 401))


def check_posts(d, page, acme):
    """What the writing calls answer is described, too."""
    closed = strict(page)
    def post(method, path, template, body, **kw):
        answer = d.call(method, path, body=body, **kw)
        assert answer.status == 200, answer.body
        described = closed["paths"][template][method.lower()]
        validator(closed, described["responses"]["200"]["content"]["application/json"]["schema"]).validate(answer.json())
        wanted = page if template == "/v1/events" else closed  # an event may have any data
        validator(wanted, wanted["paths"][template][method.lower()]["requestBody"]["content"]["application/json"]["schema"]).validate(body)
    post("POST", "/v1/events", "/v1/events", [cpu("o1"), cpu("o1", hours=2), {**cpu("o2"), "id": ""}], key=acme)
    post("POST", "/v1/events", "/v1/events", cpu("o3", time="1999-01-01T00:00:00Z"), key=acme)
    post("POST", "/v1/price", "/v1/price", {"tariff": "compute", "component": "vcpu", "quantity": "2", "dimensions": {"region": "eu"}})
    tariff = {"key": "t", "currency": "EUR", "exchange": {"source": "ecb"}, "versions": [{"from": "2026-01-01", "components": [
        {"key": "disk", "meter": "gib", "per_unit": "0.01"}, {"key": "plan", "capacity": [{"up_to": {"cpu": 2, "gb": 4}, "amount": 10}, {"amount": 20}]},
        {"key": "base", "recurring": {"amount": 5}}]}]}
    post("POST", "/v1/price", "/v1/price", {
        "tariff": tariff, "currency": "USD", "rates": [{"date": "2026-01-30", "quotes": {"USD": "1.08"}}], "zone": "Europe/Berlin",
        "meters": [{"key": "gib", "service": "s", "event_type": "e", "aggregation": "time_weighted", "value": "v"}], "credits": [{"amount": "3", "priority": 1, "expires": "2027-01-01"}],
        "usage": [{"time": "2026-01-05T00:00:00Z", "component": "disk", "quantity": "100"},
                  {"time": "2026-01-06T00:00:00Z", "component": "plan", "meter": "gb", "quantity": "3"}], "trace": True})
    post("POST", "/v1/price", "/v1/price", {"tariff": "compute", "cost": "compute", "subscription": "sub-1",
                                            "component": "calls", "quantity": "7", "closing": False, "trace": False, "at": "2026-03-01"})
    post("POST", "/v1/charges/ack", "/v1/charges/ack", {"consumer": "c", "up_to": 0})
    post("PUT", "/v1/catalog?dry_run=true", "/v1/catalog", {"vendors": [{"key": "third"}]})
    post("PUT", "/v1/catalog/vendor/third", "/v1/catalog/{kind}/{key}", {"name": "Third"})


def misspelt(node):
    """Copies of a document in which one key, at any depth, has a letter too many: each is another one."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, {(f"{k}x" if k == key else k): v for k, v in node.items()}
            for name, inner in misspelt(value):
                yield name, {**node, key: inner}
    elif isinstance(node, list):
        for i, value in enumerate(node):
            for name, inner in misspelt(value):
                yield name, node[:i] + [inner] + node[i + 1:]


class PlainLoader(yaml.SafeLoader):
    """Dates stay texts, as in JSON."""


PlainLoader.yaml_implicit_resolvers = {letter: [r for r in resolvers if not r[0].endswith("timestamp")]
                                       for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def documents_of_config(plurals):
    """(kind, document) of every catalog file in config/: lists under plurals, or one tariff."""
    for path in ["config/demo/catalog.yaml", *sorted(pathlib.Path("config/tariffs").glob("*.yaml")),
                 *sorted(pathlib.Path("config/sources").glob("*.yaml"))]:
        root = yaml.load(pathlib.Path(path).read_text(encoding="utf-8"), PlainLoader)
        if "versions" in root:
            yield "tariff", root
            continue
        for plural, documents in root.items():
            for document in documents:
                yield plurals[plural], document


def check_schemas(d, page):
    """Every document of config/ validates against the schema of its kind, and not with a key that is misspelt."""
    listed = d.get("/v1/schemas")["schemas"]
    assert [s["kind"] for s in listed] == list(KINDS), listed
    schemas = {kind: d.get(f"/v1/schemas/{kind}") for kind in KINDS}
    for kind, schema in schemas.items():
        assert page["components"]["schemas"][kind] == {k: v for k, v in schema.items() if k not in ("$schema", "title")}, kind
    checked, refused = set(), set()
    for kind, document in documents_of_config({s["plural"]: s["kind"] for s in listed}):
        valid = jsonschema.Draft202012Validator(schemas[kind])
        for fault in valid.iter_errors(document):
            raise AssertionError(f"{kind} {document.get('key')}: {fault.json_path}: {fault.message}")
        assert not valid.is_valid({**document, "colour": "red"}), kind
        checked.add(kind)
        refused |= {(kind, name) for name, wrong in misspelt(document) if (kind, name) not in refused and not valid.is_valid(wrong)}
    problem(d.call("GET", "/v1/schemas/colour"), 404, "vendor, service, meter")
    assert checked >= {"vendor", "service", "meter", "tariff", "subscription", "source"} and len(refused) > 80, (checked, refused)


def check_admin(d):
    assert d.call("GET", "/healthz", port=d.admin_port).status == 200
    assert d.call("GET", "/readyz", port=d.admin_port).body == b"ready\n"
    problem(d.call("GET", "/v1/usage", port=d.admin_port), 404, "/metrics")
    problem(d.call("POST", "/metrics", port=d.admin_port, body="x"), 405)
    text = d.call("GET", "/metrics", port=d.admin_port)
    assert text.status == 200 and text.headers["Content-Type"].startswith("text/plain; version=0.0.4"), text.headers
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: scripts/setup installs it with the package prometheus"
    done = subprocess.run([promtool, "check", "metrics"], input=text.body, capture_output=True, timeout=120)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode() + done.stdout.decode()
    values = dict(line.rsplit(" ", 1) for line in text.body.decode().splitlines() if line and not line.startswith("#"))
    counted = [name for name in values if name.startswith("meterd_events_total") and "accepted" in name]
    assert len(counted) == 1 and int(values[counted[0]]) >= 3, (counted, values)


def main():
    with Daemon(SETTINGS) as d:
        d.apply({**CATALOG, "sources": [{"key": "polled", "vendor": CATALOG["vendors"][0]["key"], "base_url": "http://127.0.0.1:9", "auth": "none",
                                         "schedule": {"every": "1h"}, "window": {"length": "day", "start": "2026-11-01"}, "request": {"path": "/u/{from:%Y-%m-%d}"},
                                         "format": {"csv": {}}, "identity": {"id": "id"}, "map": {"type": "=t", "subject": "s", "time": "at"}}],
                 "destinations": [{"key": "idle", "kind": "http", "url": "http://127.0.0.1:9", "disabled": True}],
                 "credits": [{"key": "welcome", "subscription": "sub-1", "amount": "5", "currency": "EUR", "from": "2026-01-01"},
                             {"key": "shared", "customer": "contoso", "amount": "9", "currency": "EUR", "from": "2026-01-01", "expires": "2030-01-01"}],
                 "rates": [{"key": "ecb-2026-01-30", "source": "ecb", "date": "2026-01-30", "base": "EUR", "quotes": {"USD": "1.0842"}}]})
        acme = d.vendor_key("acme")
        d.call("POST", "/v1/events", body=[cpu("e1"), cpu("e2", region="us"), {**cpu("e3"), "subject": "unknown"},
                                           {**cpu("e4"), "type": "vm.gpu"},
                                           cpu("e5", time=ago(days=300)), {"id": "m", "type": "api.call", "subject": "sub-1",
                                                                           "time": ago(hours=3)}], key=acme)
        d.settle()
        page = d.get("/v1/openapi.json")
        operations = lint(page)
        check_answers(d, page, operations)
        check_posts(d, page, acme)
        check_schemas(d, page)
        check_admin(d)
        d.stop()
    print(f"{len(operations)} operations are described as they behave")


if __name__ == "__main__":
    main()
