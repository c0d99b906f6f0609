"""A verifier of AWS Signature Version 4, by its published algorithm: what a request must have said, and whether it did."""
import hashlib
import hmac
import re
import urllib.parse

from . import spelling
from .message import refuse

SKEW_US = 15 * 60 * 1000000
FIELDS = re.compile(r"AWS4-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$")


def escape(text, safe="-._~"):
    return urllib.parse.quote(text, safe=safe)


def canonical_query(raw):
    """Names and values escaped in the one spelling, sorted; a name without a value has an empty one."""
    pairs = [part.partition("=")[::2] for part in raw.split("&") if part]
    return "&".join(f"{name}={value}" for name, value in
                    sorted((escape(urllib.parse.unquote_plus(name)), escape(urllib.parse.unquote_plus(value))) for name, value in pairs))


def canonical_path(raw, service):
    """S3 takes the path as it is sent; others want it escaped once more, without empty and dotted segments."""
    if service == "s3":
        return escape(urllib.parse.unquote(raw), "/-._~") or "/"
    segments = []
    for segment in raw.split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(segment)
    path = "/" + "/".join(segments) + ("/" if raw.endswith("/") and segments else "")
    return escape(escape(urllib.parse.unquote(path), "/-._~"), "/-._~")


def signature(secret, scope, stamp, canonical):
    date, region, service, _ = scope
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for word in (date, region, service, "aws4_request"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def verify(request, access_key, secret, region, service, now_us):
    """Refuses with 403, in the words of S3's codes."""
    match = FIELDS.match(request.headers.get("authorization", ""))
    if not match:
        refuse(403, "AccessDenied", "no signature of version 4")
    credential, signed, given = match.groups()
    key, *scope = credential.split("/")
    stamp = request.headers.get("x-amz-date", "")
    if key != access_key:
        refuse(403, "InvalidAccessKeyId", key)
    if scope != [stamp[:8], region, service, "aws4_request"]:
        refuse(403, "AuthorizationHeaderMalformed", "/".join(scope))
    try:
        at_us = spelling.read_time(stamp, "%Y%m%dT%H%M%SZ")
    except ValueError:
        refuse(403, "AccessDenied", f"x-amz-date is {stamp!r}")
    if abs(at_us - now_us) > SKEW_US:
        refuse(403, "RequestTimeTooSkewed", stamp)
    names = signed.split(";")
    if names != sorted(names) or "host" not in names or any(name.startswith("x-amz-") and name not in names for name in request.headers):
        refuse(403, "AccessDenied", f"headers that are not signed, or not sorted: {signed}")
    body_hash = hashlib.sha256(request.body).hexdigest()
    if service == "s3" and request.headers.get("x-amz-content-sha256") not in (body_hash, "UNSIGNED-PAYLOAD"):
        refuse(400, "XAmzContentSHA256Mismatch", "x-amz-content-sha256")
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names)
    canonical = "\n".join([request.method, canonical_path(request.path, service), canonical_query(request.raw_query), headers,
                           signed, request.headers.get("x-amz-content-sha256", body_hash)])
    if not hmac.compare_digest(signature(secret, scope, stamp, canonical), given):
        refuse(403, "SignatureDoesNotMatch", canonical)
