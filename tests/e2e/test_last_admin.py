#!/usr/bin/python3
"""The key that administers: the last one cannot be taken away, by whatever face, and where its secret is lost it is made anew beside no daemon."""
import json
import os
import tempfile

from harness import Daemon
from pages import problem

LAST = ("is the last", "meterd key NAME --scope admin")


def put(d, document):
    return d.call("PUT", f"/v1/catalog/api_key/{document['key']}", body=document)


def check_last(d):
    """It is told what to do, and the key goes on."""
    admin = d.get("/v1/catalog/api_key/admin")["document"]
    refused = d.command("key", "admin", "--disable", check=False)
    assert refused.returncode == 1 and all(part in refused.stderr for part in LAST), refused
    for change in ({"disabled": True}, {"retired": "2020-01-01"}, {"retired": "2099-01-01"}, {"scopes": ["query", "billing"]}):
        problem(put(d, {**admin, **change}), 422, *LAST)
    problem(d.call("DELETE", "/v1/catalog/api_key/admin"), 422, *LAST)
    assert d.command("delete", "api_key", "admin", check=False).returncode == 1
    d.command("key", "deputy", "--scope", "admin", "--out", os.path.join(d.root, "deputy.key"))
    deputy = d.get("/v1/catalog/api_key/deputy")["document"]
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=d.root) as file:
        json.dump({"api_keys": [{**admin, "disabled": True}, {**deputy, "scopes": ["query"]}]}, file)
        file.flush()
        both = d.command("apply", file.name, check=False)
    assert both.returncode == 1 and both.stderr.count(LAST[0]) == 2, both
    assert put(d, {**deputy, "disabled": True}).status == 200
    problem(put(d, {**admin, "disabled": True}), 422, *LAST)
    d.stop()
    d.start()
    d.get("/v1/catalog/api_key")


def check_renewal(d):
    old = d.key
    running = d.command("key", "--renew-admin", check=False)
    assert running.returncode == 1 and "in use" in running.stderr, running
    d.get("/v1/catalog/api_key", key=old)
    d.stop()
    done = d.command("key", "--renew-admin")
    assert "wrote a new secret" in done.stdout, done
    path = os.path.join(d.data, "admin.key")
    assert os.stat(path).st_mode & 0o777 == 0o600 and not os.path.exists(path + ".new")
    d.start()
    assert d.key != old
    problem(d.call("GET", "/v1/status", key=old), 401, "unknown")
    d.get("/v1/status")
    assert d.get("/v1/catalog/api_key/deputy")["document"]["disabled"] is True  # nothing else has changed


def check_words(d):
    for words, says in ((("key",), "which key"), (("key", "other", "--renew-admin"), "leave the name out"), (("key", "--renew-admin", "--scope", "admin"), "leave out --scope"),
                        (("key", "deputy", "--disable", "--scope", "admin"), "leave out --scope")):
        done = d.command(*words, check=False)
        assert done.returncode == 64 and says in done.stderr, (words, done)
    with tempfile.TemporaryDirectory() as empty:
        done = d.command("-c", "/dev/null", "--set", f"data.directory={empty}", "key", "--renew-admin", check=False)
        assert done.returncode == 1 and "there is no catalog" in done.stderr, done
        assert os.listdir(empty) == [], os.listdir(empty)


def main():
    with Daemon() as d:
        check_last(d)
        check_renewal(d)
        check_words(d)
    print("the last key stays, and is made anew")


if __name__ == "__main__":
    main()
