#!/usr/bin/python3
"""Signature Version 4 against botocore, the signer of AWS's own tools (Debian's python3-botocore; without it the test is skipped, and says so).

A request means the same however its path and query are spelt: ours is given random spellings, botocore the one it would send. METERD_SEED repeats a run,
METERD_CASES changes the number of cases.
"""
import datetime
import os
import random
import subprocess
import sys
import time
from unittest import mock
from urllib.parse import quote

try:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print("skipped: no botocore (scripts/setup test installs python3-botocore)")
    sys.exit(77)

SEED = int(os.environ.get("METERD_SEED", time.time_ns() % 2**32))
CASES = max(int(os.environ.get("METERD_CASES", "2500")), 100)
DRIVER = os.path.join(os.environ.get("METERD_BUILD", "build/dev"), "tests", "sign_aws_driver")
rng = random.Random(SEED)
SERVICES = ["s3", "execute-api", "ce", "monitoring", "iam"]
LETTERS = "abcXYZ019-._~ /+=&?#%:;,@!$'()*[]{}|\\^`\"<>äß中😀\t"
SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
ACCESS, SECRET = "AKIAEXAMPLE", "wJalr/XUtn+FEMI=K7MDENG"


def text(letters, size):
    return "".join(rng.choice(letters) for _ in range(rng.randrange(size + 1)))


def spell(plain, reserved, plus=False):
    """One of the ways to write it in a URL: some plain bytes escaped, some reserved ones not, hexadecimal digits of both sizes."""
    out = []
    for byte in plain.encode():
        char = chr(byte)
        if plus and char == " " and rng.random() < 0.5:
            out.append("+")
        elif (char in SAFE and rng.random() < 0.95) or (char in reserved and rng.random() < 0.5):
            out.append(char)
        else:
            out.append(f"%{byte:02X}" if rng.random() < 0.7 else f"%{byte:02x}")
    return "".join(out)


def random_case():
    segments = [rng.choice(["", ".", "..", "a", text(LETTERS, 8), text(LETTERS, 20)]) for _ in range(rng.randrange(5))]
    path = "/" + "/".join(segments)
    params = [(text(LETTERS, 6) or "flag", text(LETTERS, 12)) for _ in range(rng.randrange(6))]
    if params and rng.random() < 0.4:
        params.append((params[0][0], text(LETTERS, 3)))
    names = rng.sample(["Content-Type", "X-Amz-Meta-Name", "Accept", "x-custom_1", "ZULU", "User-Agent", "Expect", "X-Amzn-Trace-Id", "Range"], rng.randrange(6))
    headers = [(name, text("ab,;=\"/ \t0", 20).strip()) for name in names]
    if headers and rng.random() < 0.3:
        headers.append((rng.choice([str.lower, str.upper, str.title])(headers[0][0]), text("xy z", 6).strip()))
    return {
        "service": rng.choice(SERVICES), "region": rng.choice(["eu-west-1", "us-east-1", "ap-south-1"]), "token": rng.choice(["", text(SAFE + "/+=", 80)]),
        "method": rng.choice(["GET", "POST", "PUT", "DELETE", "HEAD"]), "host": rng.choice(["usage.example", "localhost:9000", "b.s3.eu-west-1.amazonaws.com"]),
        "path": path, "params": params, "headers": headers, "body": rng.choice([b"", text(LETTERS, 60).encode()]), "at": rng.randrange(0, 4 * 10**9),
    }


# The shapes of the published test suite: what each of its groups looks at.
PLAIN = {"service": "execute-api", "region": "us-east-1", "token": "", "method": "GET", "host": "example.com", "path": "/", "params": [], "headers": [], "body": b"",
         "at": 1440938160}
SHAPES = [
    {}, {"method": "POST"}, {"params": [("flag", "")]}, {"params": [("b", "2"), ("a", "1")]}, {"params": [("a", "2"), ("a", "1")]},
    {"params": [(SAFE, SAFE)]}, {"params": [("ሴ", "bar")]}, {"path": "/ሴ"}, {"path": "/" + SAFE}, {"path": "/example space/"}, {"path": "//"}, {"path": "/./"},
    {"path": "/.."}, {"path": "/a/b/.."}, {"path": "/a/b/../.."}, {"path": "//a//"}, {"path": "/./a"}, {"path": "/a=b"}, {"path": "/%41"},
    {"headers": [("My-Header", "v1"), ("My-Header", "v2"), ("my-header", "v1")]}, {"headers": [("My-Header", "z"), ("My-Header", "a")]},
    {"headers": [("My-Header", "a   b   c")]}, {"headers": [("MY-HEADER", "x")]}, {"headers": [("p", "phfft")]}, {"token": "AQoDYXdzEPT//////////wEXAMPLE=="},
    {"method": "POST", "headers": [("Content-Type", "application/x-www-form-urlencoded; charset=utf8")], "body": b"Param1=value1"},
]
SHAPES = [PLAIN | shape | {"service": service} for shape in SHAPES for service in ("execute-api", "s3")]


def ask_botocore(case):
    at = datetime.datetime.fromtimestamp(case["at"], datetime.timezone.utc).replace(tzinfo=None)
    signer = (botocore.auth.S3SigV4Auth if case["service"] == "s3" else botocore.auth.SigV4Auth)(
        Credentials(ACCESS, SECRET, case["token"] or None), case["service"], case["region"])
    request = AWSRequest(case["method"], f"https://{case['host']}{quote(case['path'], safe='/~')}", data=case["body"], params=case["params"])
    for name, value in case["headers"]:
        request.headers[name] = value
    clock = mock.Mock(wraps=datetime)
    clock.datetime = mock.Mock(wraps=datetime.datetime)
    clock.datetime.utcnow.return_value = at
    with mock.patch("botocore.auth.datetime", clock):
        signer.add_auth(request)
    return {name: request.headers[name] for name in ("Authorization", "X-Amz-Date", "X-Amz-Content-SHA256", "X-Amz-Security-Token") if name in request.headers}


def escaped(field):
    return quote(field, safe="")


def as_line(case):
    path = "/".join(spell(segment, "=:@!$&'()*,;") for segment in case["path"].split("/"))
    query = "&".join(spell(name, "/?:@!$'()*,;", plus=True) + ("=" + spell(value, "/?:@!$'()*,;=", plus=True) if value or rng.random() < 0.5 else "")
                     for name, value in case["params"])
    fields = [str(case["at"]), ACCESS, SECRET, case["token"], case["region"], case["service"], case["method"], case["host"], path, query, case["body"]]
    return "\t".join(escaped(field) for field in fields + [part for header in case["headers"] for part in header])


def check(case, line, answer):
    wanted = ask_botocore(case)
    fields = answer.split("\t")
    got = dict(zip(fields[2::2], fields[3::2]))
    got = {name.lower(): value for name, value in got.items()}
    if got != {name.lower(): value for name, value in wanted.items()}:
        print(f"METERD_SEED={SEED}\ncase     {case}\nline     {line}\nbotocore {wanted}\nours     {answer}")
        return False
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in case["params"])
    sent_path = quote(case["path"], safe="/~") if case["service"] == "s3" else quote(botocore.auth.normalize_url_path(case["path"]), safe="/~")
    sent = (sent_path, "&".join(f"{name}={value}" for name, value in pairs))
    if tuple(fields[:2]) != sent:
        print(f"METERD_SEED={SEED}\ncase {case}\nsent {fields[:2]}\nwanted {sent}")
        return False
    return True


def main():
    print(f"METERD_SEED={SEED}")
    cases = SHAPES + [random_case() for _ in range(CASES)]
    lines = [as_line(case) for case in cases]
    done = subprocess.run([DRIVER], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    answers = done.stdout.split("\n")[:-1]
    assert len(answers) == len(cases), (len(answers), len(cases), done.stderr)
    failed = sum(not check(*row) for row in zip(cases, lines, answers))
    print(f"{len(cases)} requests, {failed} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
