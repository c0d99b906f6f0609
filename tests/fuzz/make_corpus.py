#!/usr/bin/python3
"""Writes the seed corpus of the decoders' fuzz targets: tests/fuzz/corpus/<target>/. Run it by hand when a format grows; its output is committed."""
import gzip
import hashlib
import io
import json
import pathlib
import struct
import subprocess
import zipfile

import msgpack

ROOT = pathlib.Path(__file__).parent / "corpus"
EVENT = {"id": "e-1", "source": "eu", "type": "storage.usage", "subject": "sub-1", "time": "2026-03-29T01:59:59.123456+01:00",
         "data": {"bytes": 1073741824, "region": "eu-west-1", "ok": True, "none": None}}
CLOUD = dict(EVENT, specversion="1.0", datacontenttype="application/json", dataschema="urn:x", ext="y")
NOTE_NAMES = ("each window_start window_end state reading part last append agreed rows same new changed gone problems skipped repeated proof lifted pages pieces "
              "replays sum content cursor cursor2 cursor3 cursor4 problem newest columns columns2 columns3 id id2 known action by other").split()
VOID = {"id": "v-1", "type": "meterd.void", "subject": "sub-1", "data": {"id": "e-1"}}


def write(target, inputs):
    directory = ROOT / target
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in inputs.items():
        (directory / name).write_bytes(data)


def text(value):
    return json.dumps(value, separators=(",", ":")).encode()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def main():
    batch = text([EVENT, VOID, CLOUD])
    lines = b"".join(text(e) + b"\n" for e in (EVENT, VOID, CLOUD))
    escapes = rb'{"id":"a\u00e9\ud83d\ude00\n","type":"t","subject":"s","data":{"\u0061":"\\\/\b","n":-1.5e-3}}'
    write("fuzz_decode_json", {
        "single": b"\0" + text(EVENT), "batch": b"\0" + batch, "empty": b"\0[]", "escapes": b"\0" + escapes,
        "numbers": b'\0{"id":"e","type":"t","subject":"s","data":{"a":12345678901234567890123456789012345678,"b":1e37,"c":-0,"d":NaN,"e":01}}',
        "nested": b'\0{"id":"e","x":[[[{"a":[1,"2",null]}]]],"type":"t","subject":"s","data":{"a":{}}}',
        "twice": b'\0{"id":"e","id":"f","type":"t","subject":"s","data":{"a":1,"a":2}}',
        "utf8": b'\0[{"id":"\xff","type":"t","subject":"s"},{"id":"e","type":"\xc3\xa9","subject":"s"}]',
        "lines": b"\1" + lines, "lines-broken": b"\1" + text(EVENT) + b'\n{"id":"x\n' + text(VOID) + b"\r\n \n7\n",
        "cloud-batch": b"\2" + text([CLOUD]), "binary": b"\3" + text(EVENT["data"]), "binary-empty": b"\3",
    })
    rows = {"fields": ["id", "type", "subject", "time", "source", "data.bytes", "data.region"],
            "rows": [["e", "t", "s", 1772359200000000, None, 7, "eu"], ["f", "t", "s", "2026-03-01T00:00:00Z", "x", -1, None], [1], 2]}
    write("fuzz_decode_msgpack", {
        "single": msgpack.packb(EVENT), "batch": msgpack.packb([EVENT, VOID, CLOUD]), "rows": msgpack.packb(rows),
        "rows-first": msgpack.packb({"rows": rows["rows"], "fields": rows["fields"]}), "empty": b"\x90",
        "kinds": msgpack.packb([dict(EVENT, data={"f": 1.5, "b": b"x", "e": msgpack.ExtType(1, b"ab"), "n": [1], "i": -2**63, "u": 2**64 - 1})]),
        "wide": b"\xdd\0\0\0\1\xdf\0\0\0\3\xd9\2id\xda\0\1e\xdb\0\0\0\4type\xa1t\xa7subject\xa1s",
        "count-lie": b"\xdd\xff\xff\xff\xff\xc0", "deep": b"\x81\xa1x" + b"\x91" * 70,
        "ext-lie": b"\x81\xa2id\xc9\xff\xff\xff\xff\1",
    })
    plain = batch * 4
    write("fuzz_decompress", {
        "zstd": b"\0" + zstd(plain), "zstd-frames": b"\0" + zstd(b"[" + plain) + zstd(b"]"), "zstd-cut": b"\0" + zstd(plain)[:-7],
        "zstd-skippable": b"\0" + struct.pack("<II", 0x184D2A50, 4) + b"skip" + zstd(b"[]"), "zstd-bomb": b"\0" + zstd(b" " * (1 << 20)),
        "gzip": b"\1" + gzip.compress(plain, mtime=0), "gzip-members": b"\1" + gzip.compress(b"[", mtime=0) + gzip.compress(b"]", mtime=0),
        "gzip-cut": b"\1" + gzip.compress(plain, mtime=0)[:-9], "gzip-trailing": b"\1" + gzip.compress(b"[]", mtime=0) + b"x",
        "gzip-bomb": b"\1" + gzip.compress(b" " * (1 << 20), mtime=0),
    })
    write("fuzz_rows", {
        "named": b"id: I\ntype: =t\nsubject: S\ntime: {path: T, format: '%d.%m.%Y %H:%M', zone: Europe/Berlin}\ndata: {q: {path: Q, decimal: ','}}\n\0"
                 b'S,I,T,Q\ns,1,01.03.2026 10:00,"1,5"\ns,"2\n',
        "numbered": b"id: {hash: ['2'], multiset: true}\ntype: =t\nsubject: '1'\nskip: {'3': [x]}\n\0s,1,x\r\ns,1\r\ns,1,y,z\r\n",
        "lines": b"id: '{a.b}/{I}'\ntype: T\nsubject: S\ntime: At\ntime_format: utc\ndata.q: {path: Q, scale: '0.5', round: {digits: 2, mode: up}}\n\0"
                 b'\xef\xbb\xbf{"I":1,"a":{"b":"x"},"T":"t","S":"s","At":"2026-03-01 10:00 UTC","Q":1.555}\r{"I":[]}\n\n',
        "json": b"id: '{^.account}/{q.id}'\ntype: =t\nsubject: ^^.cur\nformat: {json: {rows: 'data[].items[]'}}\n\0"
                b'{"data":[{"items":[{"q":{"id":1}},{"q":{"id":"\\u00e4\\n"}},7,{"q":[]}],"account":"a"},{"account":"b","items":[{"q":{"id":3.0}}]}],"cur":"EUR"}',
        "prometheus": b"id: '{instance}/{timestamp}'\ntype: =t\nsubject: instance\ntime: timestamp\ndata: {q: value}\nformat: {prometheus: {}}\n\0"
                      b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"instance":"a"},"values":[[1772359200.123,"5"],[2,"NaN"]]},'
                      b'{"value":[3,"7"],"metric":{}},{"histogram":[1,{}]}]},"warnings":["w"]}',
        "s3-list": b"id: Key\ntype: =t\nsubject: Owner.ID\ndata: {size: Size, tag: ETag}\nformat: {s3_list: {}}\n\0"
                   b'<?xml version="1.0"?><ListBucketResult xmlns="u"><IsTruncated>true</IsTruncated><Contents><Key>a &lt;</Key><Size>5</Size>'
                   b'<ETag>&quot;9&quot;</ETag><Owner><ID>o</ID></Owner></Contents><Contents><Key><![CDATA[b]]></Key><!-- c --></Contents></ListBucketResult>',
        "json-list": b"id: '[0]'\ntype: =t\nsubject: '[1].s'\nformat: {json: {rows: '[]'}}\n\0"
                     b'\xef\xbb\xbf[[1,{"s":"x"}],[2,{"s":null}],\n[3,{"s":"\xc3\xa4"}]]\n',
        "map": b"id: {hash: [A, B]}\nsource: X\ntype: =t\nsubject: S\nnull: [N]\nformat: {csv: {delimiter: ;, header: true, entry: '*.csv'}}\n\0A;B;S;X\n1;N;s;\n",
    })
    write("fuzz_records", {
        "list": b'\0[{"a":1,"b":{"c":"\\u00e4\\n"},"d":[1,2.50]},[7,8],null,{"a":[]}]', "list-cut": b'\0\xef\xbb\xbf[{"a":"x\\"y"},{"b.c":1e3},{"a":"',
        "nested": b'\1{"n":{"m":"t"},"d":[{"i":[{"a":1},{"a":2}],"k":"x"},{"k":"y","m":{"n":3},"i":{"p":{"a":4}}},{"i":null}],"z":true,"warnings":["w"]}',
        "record": b'\2{"a":{"c":5,"b":{"a":1}},"n":[]}', "words": b'\0[{"a":NaN},{"a":-0.5e-7},{"a":01}]',
        "matrix": b'\3{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"instance":"a"},"values":[[1.5,"5"],[2,"NaN"]]},'
                  b'{"value":[3,"7"],"metric":{}},{"histogram":[1,{}]}]},"warnings":["w"]}', "error": b'\3{"status":"error","error":"x"}',
        "s3": b'\4<?xml version="1.0"?><ListBucketResult xmlns="u"><NextContinuationToken>t</NextContinuationToken><Contents><Key>a &lt;</Key><Size>5</Size>'
              b'<ETag>&quot;9&quot;</ETag><Owner><ID>o</ID></Owner></Contents><Contents><Key><![CDATA[b]]></Key><!-- c --></Contents></ListBucketResult>',
        "s3-error": b"\4<Error><Code>NoSuchBucket</Code><Message>x</Message></Error>", "s3-doctype": b'\4<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        "lines": b'\5{"a":1}\r\n\n{"b":{"c":2}}\r[1]\n{"a":"', "csv": b'\6a,b\r\n"c ""d""\n",e\r\nf"\ng,h',
    })
    def zipped(how, *names, content=plain):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", how) as z:
            for name in names:
                z.writestr(zipfile.ZipInfo(name), content, compress_type=how)
        return archive.getvalue()

    deflated, stored = zipped(zipfile.ZIP_DEFLATED, "a.csv"), zipped(zipfile.ZIP_STORED, "a.csv", content=b"Id,Sub")
    damaged = stored.replace(b"Id,Sub", b"Id,Sum")
    locked = stored[:6] + b"\1" + stored[7:stored.index(b"PK\1\2") + 8] + b"\1" + stored[stored.index(b"PK\1\2") + 9:]
    write("fuzz_link", {
        "header": b'Date: x\r\nLink: </v2?p=9>; rel=last, <https://files.example/v2?p=2> ; title="a, b"; rel="prev next"\r\n',
        "relative": b"../x/./y?p=2#z", "authority": b"//acc.blob.example/c?sig=1", "port": b"https://other.example:8443/x",
        "six": b"https://[::1]:8443/", "user": b"https://api.example@evil.example/", "plain": b"http://api.example/v2/items",
    })
    write("fuzz_template", {
        "path": b"\0/v1/{each.subject}/{from:%Y}\0a/b c", "url": b"\1{job.id}\0https://x/1?a", "query": b"\2{from:%d.%m.%Y} {{x}\0v",
        "form": b"\3{cursor}\0a b&c", "header": b"\4Bearer {secret}\0abc", "json": b'\5{{"a": "{cursor}"}\0q"\\',
        "text": b"\6{method}\n{path}\n{query}\n{body_hash}\n{time:unix}\n{nonce}",
    })
    write("fuzz_unpack", {
        "gzip": gzip.compress(plain, mtime=0) + gzip.compress(plain, mtime=0) + bytes(9), "gzip-cut": gzip.compress(plain, mtime=0)[:-3],
        "gzip-twice": gzip.compress(gzip.compress(plain, mtime=0), mtime=0), "zstd": zstd(plain) + zstd(plain), "zstd-cut": zstd(plain)[:-3],
        "zip": zipped(zipfile.ZIP_DEFLATED, "a.csv", "b/c.csv"), "zip-one": deflated, "zip-stored": stored, "zip-damaged": damaged, "zip-locked": locked,
        "zip-lzma": zipped(zipfile.ZIP_LZMA, "a.csv", content=b"a"), "zip-office": zipped(zipfile.ZIP_STORED, "[Content_Types].xml", content=b"x"),
        "zip-none": zipped(zipfile.ZIP_STORED), "zip-of-gzip": zipped(zipfile.ZIP_STORED, "a.csv.gz", content=gzip.compress(b"a,b\n", mtime=0)), "zip-cut": deflated[:-9],
        "utf-16": "Id,Sub\n".encode("utf-16"), "plain": plain, "short": b"a\n",
    })


def of_text():
    """Text of vendors and people: encodings, escapes, tables, times, answers of endpoints, paths."""
    letters = "Час;1 Grüße 時間 Tiếng"
    write("fuzz_transcode", {
        "windows-1251": b"\0" + "Час;1".encode("windows-1251"), "latin-9": b"\1" + "5 €".encode("iso8859-15"), "utf-16": b"\2" + "Id€😀".encode("utf-16"),
        "utf-32": b"\4" + letters.encode("utf-32"), "shift-jis": b"\5" + "時間,1".encode("shift_jis"), "shift-jis-cut": b"\5ab\x8e",
        "gb18030": b"\6" + "时间\x80".encode("gb18030"), "big5-hkscs": b"\x07a" + "Ê̄時".encode("big5hkscs"), "euc-jisx0213": b"\x08" + "か゚時".encode("euc_jisx0213"),
        "vietnamese": b"\x09Ti\xea\xecng Vi\xea\xf2t", "utf-7": b"\x0b" + "a€+b".encode("utf-7"), "iso-2022-jp": b"\x0c" + "a時間b".encode("iso2022_jp"),
        "iso-2022-kr": b"\x0e" + "a시간".encode("iso2022_kr"), "utf-8": b"\x0f" + letters.encode(), "utf-8-broken": b"\x0fok\xff", "hz": b"\x16" + "a时间".encode("hz"),
    })
    write("fuzz_url", {"path": "cpu%20hours/ä".encode(), "query": b"after=5&vendor=acme+ltd&b=%C3%A9&a&&=", "broken": b"%zz%", "nul": b"a%00b", "latin": b"%e4"})
    write("fuzz_csv", {
        "plain": b"\0a,b\r\n\"c \"\"d\"\"\n\",e\rf,g", "mark": b"\0\xef\xbb\xbfa,b\n\n1,", "semicolons": b"\1a;'b';\"c;d\"\n", "apostrophes": b"\5'a;';b\n",
        "open": b"\x08a,\"b\nc,d\n\"e\" f\n", "formula": b"\0=1,-5,-x,'=2\n", "tabs": b"\2a\tb\n\"\"\n",
    })
    write("fuzz_time", {
        "rfc3339": b"\3rfc3339\x002026-03-29T01:59:59.123456+01:00", "utc": b"\3utc\x002026-03-01 10:00:00 +0000 UTC", "date": b"\0date\x002026-03-01",
        "unix": b"\3unix_ms\x001772359200123", "pattern": b"\0%d.%m.%Y %H:%M\x0029.03.2026 02:30", "half": b"\0%b %e, %Y %I:%M:%S %p\x00Mar  1, 2026 01:05:09 PM",
        "whole": b"\1%F %T %z\x002026-10-04 02:15:00 +1030", "day": b"\2%Y%jT%R\x002026060T10:00", "epoch": b"\3%s\x001772359200", "leap": b"\3rfc3339\x002016-12-31T23:59:60Z",
        "style": b"\0%a, %d %b %Y %T\x00Sun, 01 Mar 2026 10:00:00", "duration": b"\3unix\x0090s", "short": b"\0%D %R\x0003/01/26 10:00", "fraction": b"\3%FT%T.%fZ\x002026-03-01T10:00:00.5Z",
    })
    answers = {"oauth2": (0, 0x0100, b"", {"access_token": "a.b.c", "token_type": "Bearer", "expires_in": 3600}),
               "oauth2-text": (0, 0x0100, b"", {"access_token": "a", "expires_in": "59.9"}),
               "refused": (0, 0x0300, b"", {"error": "invalid_client", "error_description": "x" * 150 + "p4ssw0rd-of-ours"}),
               "rotated": (1, 0x0100, b"", {"access_token": "a", "refresh_token": "next one&more"}),
               "invalid-grant": (1, 0x0300, b"", {"error": "invalid_grant", "error_description": "é" * 90}),
               "login": (2, 0x0101, b"X-Subject-Token: gAAAA_-1\r\nDate: x\r\n", None), "login-path": (3, 0x0100, b"", {"t": [{"k": "x"}], "e": "2026-07-16T10:40:00Z"}),
               "login-epoch": (3, 0x0100, b"", {"t": [{"k": "x"}], "e": 1784112600999}), "slow": (0, 0x0411, b"Retry-After: 120\r\n", None)}
    write("fuzz_token", {name: bytes([kind]) + struct.pack(">H", status) + headers + b"\0" + (text(body) if body is not None else b"<html>")
                         for name, (kind, status, headers, body) in answers.items()})
    secret = b"&of-ours-and-of-nobody-else?"
    write("fuzz_vendor", {
        "shown-url": b"\4" + secret + b"\0https://a/" + secret + b"x?p=" + secret + b"&sig=abc&X-Amz-Signature=q", "shown-links": b"\5" + secret + b"\0{'a': 'https://f/1?sig=A&se=5\\u0026token=B', 'b': '" + secret + b"'}",
        "shown-header": b"\6" + secret + b"\0X-Auth-Token:Bearer " + secret, "shown-other": b"\6" + secret + b"\0Accept:" + secret, "waits": b"\0Retry-After: 120\r\nX-Reset: 1784112060\r\n",
    })
    write("fuzz_condition", {
        "name": b'status\0{"status":"done","x":[1,2.50,null]}', "path": b'a.b[1]["c.d"]\0{"a":{"b":[0,{"c.d":"\\u00e9"}]}}', "whole": b'a.b\0{"a.b":true,"a":{"b":1}}',
        "number": b'n\0{"n":-1.50e3}', "list": b'l\0{"l":[],"m":{}}', "bare": b'[0].a\0[{"a":"x"}]', "twice": b'a\0{"a":1,"a":2}', "none": b'a.b\0{"a":null}',
    })


def note(kind, subject, properties):
    """An event as fuzz_note makes one: names by their place in its table."""
    out = bytes([kind]) + struct.pack(">Q", 1784112000000000) + bytes([len(subject)]) + subject
    for name, value in properties:
        place = NOTE_NAMES.index(name)
        if value is True:
            out += bytes([place, 2])
        elif isinstance(value, int):
            out += bytes([place, 1 | 4]) + struct.pack(">q", value)
        else:
            out += bytes([place, 0, len(value)]) + value
    return out


def of_logs():
    """What stands in the log and beside it."""
    start, end, content = b"2026-03-01T00:00:00Z", b"2026-03-02T00:00:00Z", b"0123456789abcdef0123456789abcdef"
    window = [("window_start", start), ("window_end", end)]
    write("fuzz_note", {
        "receipt": note(0, b"s", window + [("each", b"east"), ("state", b"complete"), ("reading", 12), ("part", 1), ("last", True), ("rows", 81), ("same", 78),
                                           ("new", 2), ("changed", 1), ("proof", b"count, sum"), ("sum", -5), ("content", content), ("newest", start), ("columns", b"a\nb\n")]),
        "feed": note(0, b"s", [("state", b"open"), ("reading", 1), ("part", 1), ("append", True), ("content", content), ("cursor", b"abc"), ("problem", b"p")]),
        "job": note(1, b"s", window + [("state", b"submitted"), ("reading", 3), ("id", b"report-7")]), "submitting": note(1, b"s", [("state", b"submitting"), ("known", content)]),
        "pause": note(2, b"s", [("action", b"pause"), ("reading", 12), ("by", b"ops")]), "resume": note(2, b"s", [("action", b"resume"), ("reading", 13)]),
        "accept": note(2, b"s", [("action", b"accept"), ("reading", 14), ("each", b"east"), ("window_start", b"1970-01-01T00:00:00Z"), ("content", b"0" * 31 + b"1")]),
        "row": note(3, b"ROW#12", []), "void": note(3, b"-" + content + b".7", []),
    })
    record = struct.pack("<IIQQQQQ", 1, 3, 1, 10, 5, 6, 4096) + bytes(16) + struct.pack("<Q", 3) + bytes(16)
    manifest = b"MTRM" + struct.pack("<IIIQq", 1, 2, 0, 0, 0) + bytes(16) + record + struct.pack("<IIQ", 2, 0, 11).ljust(88, b"\0")
    identity = b"".join(struct.pack("<QQQII", n, n, 7, n, 0) for n in (1, 2, 3))
    slot = b"MTRMARK1" + struct.pack(">QQQQQQ", 3, 100, 2, 7, 8, 9) + bytes(456)
    clock = b"MTRCLOC1" + struct.pack(">QQQQQQQQ", 5, 1784112000000000, 7, 7, 1, 2, 0, 0) + bytes(440)
    listed = b"meterd backup 1 1784112000000000 7 3 12\nc9cbc8166703d7b011d9552b2b5188a5 5 a\n99aa06d3014798d86001c324468d497f 0 b c\n"
    write("fuzz_log_files", {"manifest": b"\0" + manifest, "manifest-empty": b"\0" + manifest[:8] + struct.pack("<I", 1) + manifest[12:48] + struct.pack("<IIQ", 1, 0, 1).ljust(88, b"\0"),
                             "chunk": bytes([0x80 + 3]) + identity, "chunk-other-key": b"\1" + identity, "mark": b"\2" + slot + slot,
                             "clock": b"\3" + clock + bytes(512), "clock-none": b"\3", "backup": b"\4" + listed, "backup-more": b"\4" + listed + b"0" * 32 + b" 1 c\n",
                             "backup-short": b"\4" + listed[:-40], "backup-newer": b"\4meterd backup 2 1 2 3 4\n", "backup-end": b"\4" + listed.replace(b"0 b c", b"0 b\nend c")})


def packed(value):
    """A text as the charges store has it."""
    return struct.pack(">I", len(value)) + value


def wide(number):
    return number.to_bytes(16, "big", signed=True)


def walked(table, key):
    """A row of a table (fuzz_charges: 128 and up) under any key; its value is behind."""
    return bytes([next(n for n in range(0x80, 0x100) if n % 20 == table), len(key)]) + key


def of_stores():
    """Rows of the stores, as they are written."""
    start, one = 1772323200, bytes(15) + b"\1"
    charge = (one + b"\1" + struct.pack(">Iq", 1, start) + one + wide(5) + wide(5) + wide(10**18) + wide(0) + struct.pack(">QQqQQ", 0, 1, 7, 1, 2) + packed(b"{}"))
    line = struct.pack(">q", start) + packed(b"EUR") + packed(b"c") + packed(b"usage") + packed(b"region=eu") + wide(-5) + wide(7) + struct.pack(">QQq", 3, 2, start + 60)
    line += packed(b"m") + packed(b"GiB") + packed(b"t") + packed(b"2026-01-01") + one
    period = struct.pack(">qBBq", start + 60, 0, 1, 0) + one + struct.pack(">qqIqq", 1, 0, 2, 2**63 - 1, 5)
    message = one + struct.pack(">BIqqqqIQQI", 0, 1, 1, 2, 0, 3, 200, 1, 2, 2)
    key = struct.pack(">Iq", 1, start ^ -2**63)
    write("fuzz_charges", {
        "charge": b"\0" + charge, "charge-cost": b"\0" + charge + wide(3), "line": b"\1" + line + packed(b"tax") + packed(b"customer") + b"\1" + wide(4), "line-old": b"\1" + line,
        "period": b"\2" + period, "subscription": b"\3" + one + struct.pack(">q", start), "draw": b"\4" + wide(1) + wide(2), "waiting": b"\5\1" + struct.pack(">q", 9) + packed(b"why"),
        "progress": b"\6\1" + struct.pack(">I", 1) + packed(b"eu\x1f"), "message": b"\7" + message, "destination": b"\x08" + struct.pack(">7Q", 1, 2, 3, 4, 5, 6, 7),
        "cursor": b"\x09" + struct.pack(">QQIq", 1, 2, 3, start), "walked-line": walked(4, key + one) + line, "walked-timer": walked(7, b"\1" + key[4:] + key),
        "walked-draw": walked(15, one + key[4:] + key[:4]) + wide(1) + wide(2), "walked-queue": walked(11, struct.pack(">IQ", 1, 1)),
        # What no put would take.
        "message-range": b"\7" + message[:-20] + struct.pack(">QQI", 3, 2, 2), "charge-trace": b"\0" + charge.replace(struct.pack(">QQq", 0, 1, 7), struct.pack(">QQq", 0, 2, 7)),
        "line-count": b"\1" + line.replace(struct.pack(">QQq", 3, 2, start + 60), struct.pack(">QQq", 3, 0, start + 60)), "waiting-mute": b"\5\1" + struct.pack(">q", 9) + packed(b""),
        "cursor-nowhere": b"\x09" + struct.pack(">QQIq", 1, 2, 0, start),
    })
    hour, dimensions = struct.pack(">Q", 1772323200000000 ^ 2**63), b"eu\x1f"
    of_hour, of_all = struct.pack(">II", 1, 1) + hour, struct.pack(">II", 1, 1) + bytes(8)
    listed = struct.pack(">H", len(dimensions)) + dimensions
    point = hour + struct.pack(">Q", 7) + (5 + 2**127).to_bytes(16, "big")
    write("fuzz_rollups", {name: bytes([table, len(key)]) + key + value for name, (table, key, value) in {
        "cell": (0, of_hour + dimensions, wide(5) + struct.pack(">QQQQ", 1, 2, 3, 4)), "member": (1, of_hour + listed + b"m", struct.pack(">Q", 1)),
        "point": (1, of_all + listed + point, struct.pack(">Q", 1)), "held": (2, b"\1\1v\1n" + struct.pack(">Q", 5), b"\0"), "held-nobody": (2, b"\0\0\0" + bytes(8), b"\0"),
        "voided": (3, struct.pack(">Q", 1), struct.pack(">Q", 9)), "quarantined": (4, struct.pack(">QI", 7, 1), b"\x08conflicta sentence"),
        "cuts": (5, b"cut/" + struct.pack(">I", 1), hour), "move": (5, b"moving/" + struct.pack(">I", 1), hour + struct.pack(">QQ", 1, 2)),
        "move-meter": (5, b"moving/" + struct.pack(">II", 1, 1), hour + struct.pack(">Q", 1772323260000000 ^ 2**63)), "values": (6, struct.pack(">II", 1, 1), struct.pack(">QQ", 2, 3)),
        "value": (6, struct.pack(">II", 1, 1) + dimensions, b""), "beyond": (7, struct.pack(">IIQ", 1, 1, 9), b""), "feed": (9, struct.pack(">QII", 1, 1, 20000), b""),
        "feed-index": (10, struct.pack(">II", 1, 20000), struct.pack(">Q", 1)),
    }.items()})
    window = struct.pack(">qqqqQQQQQQ", 1772323200000001, 1, 2, 3, 4, 5, 0, 6, 7, 8) + one + wide(-5) + struct.pack(">qQQ", 0, 0, 9)
    window += wide(-6) + struct.pack(">IIBHHBBB", 2, 1, 2, 4, 1, 2, 3, 4)
    row = struct.pack("<QQQQ", 0, 1, 7, 5)
    item = struct.pack(">qQq", 1772323200000000, 7, 0) + bytes(16)
    rows = {
        "applied": (0, struct.pack(">Q", 9) + one), "source": (1, struct.pack(">QQQ", 1, 2, 0)), "feed": (2, struct.pack(">QQ", 1, 0) + b"cursor"), "window": (3, window + b"eastp"),
        "run": (4, row + struct.pack("<QQQQ", 0, 2, 7, 6 | 1 << 62) + struct.pack("<QQQQ", 5, 2, 7, 6 | 1 << 63)), "facts": (5, struct.pack(">Q", 1) + b"a\nb\n"),
        "job": (6, struct.pack(">qqqQBH", 1, 2, 3, 4, 1, 2) + b"idknown"), "mark": (7, b"mark"), "item": (8, item + b"\0\1ssize\0" + b"5\0"), "newest": (9, struct.pack(">qq", 1, 2)),
        "total": (10, struct.pack(">QQQ", 1, 1, 9) + one), "quarantined": (11, struct.pack(">QQq", 1, 2, 3)),
        # What nobody writes.
        "window-backwards": (3, struct.pack(">q", 1) + window[8:] + b"eastp"), "window-scale": (3, window[:-3] + b"\xff\3\4eastp"), "window-said-scale": (3, window[:-1] + b"\xffeastp"), "run-disorder": (4, row + struct.pack("<QQQQ", 0, 0, 7, 6)),
        "run-other-key": (4, struct.pack("<QQQQ", 9, 9, 7, 5)), "item-values": (8, item + b"\0\1ssiz"), "item-subject": (8, item + b"\1\1" + b"s" * 257), "total-short": (10, bytes(40)), "quarantined-none": (11, bytes(24)),
        "feed-long": (2, bytes(16) + b"c" * 4097),
    }
    write("fuzz_ledger", {name: bytes([table]) + value for name, (table, value) in rows.items()})


def of_calls():
    """What is asked beside a body; routes are numbered as the table of the API has them."""
    write("fuzz_call", {
        "usage": b"\2subscription=s&from=2026-03-01&to=2026-04-01T00:00:00%2B02:00&window=hour&zone=Europe/Berlin\0text/csv;q=0.5, application/*\0gzip;q=0.5, zstd;q=1.0",
        "usage-repeated": b"\2from=2026-03-01&from=2026-03-02", "usage-window": b"\2window=year", "usage-unknown": b"\2form=x\0text/html\0identity;q=0",
        "charges": b"\3after=12&limit=1000&drafts&consumer=a%20b\0application/x-ndjson\0*;q=0", "charges-limit": b"\3limit=0", "charges-number": b"\3after=18446744073709551616",
        "events": b"\1from_seq=1&to_seq=&limit=5\0*/*\0br, x-gzip", "flags": b"\3drafts=false&drafts=0", "openapi": b"\x24\0application/json;q=0\0identity;q=0, *", "escapes": b"\2meter=%C3%A9+%2F&subscription=%zz",
    })


def changed(how, *changes):
    """Damage as fuzz_pages takes it: (page, place, bytes)."""
    return bytes([how]) + b"".join(struct.pack(">BHB", page, place, len(new) - 1) + new for page, place, new in changes)


def of_pages():
    """Damage of a store's file, of a few dozen pages: the first two are LMDB's meta pages."""
    four, last_page, txnid, lower, root = b"\xff" * 4, 136, 144, 12, 80
    write("fuzz_pages", {
        "whole": changed(0), "whole-made": changed(2), "cut": changed(1) + b"\0\x20", "cut-made": changed(3) + b"\0\x0a", "nothing": changed(1) + b"\0\0",
        "meta-magic": changed(2, (0, 16, b"\0")), "meta-both": changed(2, (0, 16, b"\0"), (1, 16, b"\0")), "meta-size": changed(0, (0, 40, b"\0\x02\0\0")),
        "commit-older": changed(2, (0, txnid, b"\0"), (1, txnid, b"\1")), "commit-newer": changed(2, (0, txnid, b"\x0e"), (1, txnid, b"\x0f")),
        "last-page": changed(2, (0, last_page, b"\1\0"), (1, last_page, b"\1\0")), "last-page-far": changed(0, (0, last_page, four), (1, last_page, four)),
        "root-none": changed(2, (0, root + 40, four), (0, root + 44, four), (1, root + 40, four), (1, root + 44, four)),
        "root-depth": changed(2, (0, root + 6, b"\x20\0"), (1, root + 6, b"\x20\0")), "root-flags": changed(2, (0, root + 4, b"\x0c"), (1, root + 4, b"\x0c")),
        **{f"page-{n}-number": changed(2, (n, 0, b"\x63")) for n in (3, 8, 14)}, **{f"page-{n}-kind": changed(2, (n, 10, b"\4")) for n in (4, 9, 15)},
        **{f"page-{n}-rows": changed(2, (n, lower, b"\xfe\x0f")) for n in (5, 10, 16)}, **{f"page-{n}-node": changed(2, (n, 16, b"\xf8\x0f\xf8\x0f")) for n in (6, 11, 17)},
        **{f"page-{n}-value": changed(2, (n, 4000, b"\0\1\2\3")) for n in (7, 12, 18)},
    })


def of_core():
    """Blocks of the log, and numbers."""
    block = (ROOT.parent.parent / "golden" / "block_v1.bin").read_bytes()[:-16]
    stored, = struct.unpack_from("<I", block, 36)
    header, columns, ids = block[:64], block[64:64 + stored], block[64 + stored:]
    packed_columns = zstd(columns)
    compressed = header[:6] + b"\1" + header[7:36] + struct.pack("<I", len(packed_columns)) + header[40:] + packed_columns + ids
    write("fuzz_block", {"plain": block, "compressed": compressed, "cut": block[:-1], "header": header, "other-version": block[:4] + b"\2" + block[5:]})
    numbers = ["0", "-0", "1.50", "-12345678901234567890.123456789012345678", "1e37", "1e-12", "99999999999999999999999999999999999999", "170141183460469231731.687303715884105727",
               "0.0000000000000000001", "1E+5", "+1", "1.", ".5", "1_000", "NaN", "0x10", "-1.7e26", "5e-1"]
    write("fuzz_decimal", {f"{i:02}": number.encode() for i, number in enumerate(numbers)})


def of_net():
    """Answers of vendors."""
    ok = b"HTTP/1.1 200 OK\r\n"
    coded = gzip.compress(b"[{}]" * 50, mtime=0)
    write("fuzz_client", {
        "length": b"\0\3" + ok + b"Content-Length: 3\r\nLink: <a>; rel=next\r\n\r\nabc", "chunked": b"\0\1" + ok + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n",
        "close": b"\x08\5HTTP/1.0 200\r\nRetry-After:  7 \r\n\r\nall of it", "gzip": b"\2\7" + ok + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded) + coded,
        "zstd": b"\x0a\7" + ok + b"Content-Encoding: zstd\r\n\r\n" + zstd(b"[{}]" * 50), "large": b"\6\0" + ok + b"Content-Encoding: gzip\r\n\r\n" + coded,
        "interim-nul": b"\0\2HTTP/1.1 100\n\n\0HTTP/1.1 200\n\n", "interim": b"\0\2HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "head": b"\1\2" + ok + b"Content-Length: 9\r\n\r\n", "cut": b"\0\2" + ok + b"Content-Length: 9\r\n\r\nabc",
        "none": b"\0\0", "no-status": b"\x08\5HTTP/200\r\nA: b\r\n\r\nx", "html": b"\0\0<html>", "folded": b"\0\3" + ok + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n", "other-coding": b"\2\0" + ok + b"Content-Encoding: br\r\n\r\nx",
    })


def of_commands():
    """What people ask for, and the files that they give."""
    tariff = {"key": "t", "currency": "EUR", "versions": [{"from": "2026-01-01", "components": [
        {"key": "calls", "meter": "calls", "graduated": [{"up_to": 4, "unit": "1"}, {"unit": "0.5"}], "group_by": ["region"]}, {"key": "base", "recurring": {"amount": "10", "prorate": "second"}}]}]}
    flat = {"key": "k", "currency": "EUR", "exchange": {"source": "ecb"}, "versions": [{"from": "2026-01-01", "components": [{"key": "calls", "meter": "calls", "per_unit": "0.5"}]}]}
    calls = [{"time": "2026-03-12", "quantity": "6"}, {"time": "2026-04-10", "quantity": "2", "dimensions": {"region": "eu"}}]
    counter = {"key": "calls", "service": "s", "event_type": "e", "aggregation": "counter", "value": "v", "group_by": ["region"]}
    write("fuzz_price_request", {name: text(request) for name, request in {
        "quantity": {"tariff": tariff, "at": "2026-03-01T00:00:00Z", "quantity": "3", "dimensions": {"region": "eu"}},
        "series": {"tariff": tariff, "start": "2026-03-11", "end": "2026-04-11", "zone": "Europe/Berlin", "usage": calls, "trial": {"days": 10}, "billing": {"every": "quarter"}},
        "cost": {"tariff": flat, "cost": flat, "usage": calls[:1], "trace": False, "credits": [{"amount": "50", "priority": 1, "expires": "2026-06-01"}]},
        "exchange": {"tariff": flat, "at": "2026-03-05", "quantity": "3", "currency": "USD", "rates": [{"date": "2026-03-28", "quotes": {"USD": "1.2"}}]},
        "readings": {"tariff": tariff, "meters": [counter], "usage": [{"time": "2026-03-01", "reading": "4711"}, {"time": "2026-03-05", "reading": "4720"}]},
        "documents": {"subscription": "a", "documents": {"vendors": [{"key": "v"}], "services": [{"key": "s", "vendor": "v"}], "tariffs": [flat], "meters": [dict(counter, aggregation="sum")],
                                                         "subscriptions": [{"key": "a", "service": "s", "customer": "x", "tariff": "k", "start": "2026-03-01"}]}},
        "huge": {"tariff": flat, "at": "2026-03-01", "quantity": "1e27"}, "none": {"quantity": "3"}, "nested": json.loads("[" * 40 + "]" * 40),
    }.items()})
    recording = {"format": "meterd-recording/1", "source": "s", "now": "2026-11-29T10:00:00Z", "readings": [{"each": "", "from": "2026-11-28T00:00:00Z", "to": "2026-11-29T00:00:00Z"}, {}],
                 "answers": [{"method": "GET", "url": "https://a.example/x?a=2&b=1", "status": 200, "headers": ["Content-Type: application/json"], "file": "0001.body"}]}
    write("fuzz_files", {
        "series": b"\0time,quantity,region\n2026-03-04T05:00:00Z,10,eu\n2026-03-05,1.5,\"u,s\"\n", "series-lines": b'\0{"quantity":"3","region":"eu"}\n\n{"reading":4,"time":"2026-03-01"}\r\n',
        "series-nul": b'\0quantity,r\n1,"a\0b"\n', "series-mute": b'\0""\n1\n', "series-unnamed": b"\0quantity,,r\n1,,a\n2,b,c\n", "series-none": b"\0time;quantity\n", "series-twice": b"\0quantity,a,a\n1,2,3\n", "config": b"\1listen: {port: 8787, body_timeout: 30s}\nlog: {retention: 400d}\nintake:\n  lateness: 35d\n",
        "config-broken": b"\1listen: {prot: 1}\nlog: {retention: 1h}\n", "recording": b"\2" + text(recording), "recording-away": b"\2" + text(recording).replace(b"0001.body", b"../x"),
    })


def reading(source, *answers):
    """Answers as fuzz_reading takes them: (status, headers, body)."""
    statuses = (200, 202, 204, 206, 304, 400, 401, 403, 404, 410, 429, 500, 503)
    return bytes([source, 2]) + b"\x1e".join(bytes([ord("a") + statuses.index(status)]) + (headers + b"\0" if headers else b"") +
                                             (body if isinstance(body, bytes) else text(body)) for status, headers, body in answers)


def of_readings():
    """Whole readings: the sources are numbered as fuzz_reading has them."""
    a, b, c = ({"id": i, "s": "sub", "t": f"2026-07-14T0{i}:00:00Z", "q": i} for i in (1, 2, 3))
    lines = b"".join(text(row) + b"\n" for row in (a, b))
    md5, sha = hashlib.md5(lines).hexdigest(), hashlib.sha256(lines).hexdigest()
    listing = b'<ListBucketResult><Contents><Key>a b.csv</Key><Size>54</Size><ETag>"%s"</ETag></Contents><IsTruncated>%s</IsTruncated>%s</ListBucketResult>'
    csv = b"id,s,t,q\n1,sub,2026-07-14T01:00:00Z,1\n2,sub,2026-07-14,x\n"
    digest = hashlib.md5(csv).hexdigest().encode()
    sample = b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"instance":"a"},"values":[[1784000000,"5"],[1784000060.5,"7"]]}]}}'
    write("fuzz_reading", {
        "cursor": reading(0, (200, b"", {"items": [a, b], "next": "p 2", "more": True, "total": 3, "sum": "6"}), (200, b"", {"items": [c], "next": None, "more": False, "total": 3, "sum": 6})),
        "cursor-again": reading(0, (200, b"", {"items": [a], "next": "x"}), (200, b"", {"items": [a], "next": "x"})),
        "cursor-restated": reading(0, (200, b"", {"items": [a, a], "total": 2, "sum": 2})), "cursor-short": reading(0, (200, b"", {"items": [a], "total": 2, "sum": 1})),
        "cursor-problems": reading(0, (200, b"", {"items": [a, {"id": 2}, dict(b, q="x"), 7], "total": 4, "sum": 1})),
        "link": reading(1, (200, b"Link: </v1/usage?p=2>; rel=next\r\n", {"status": "fine", "done": False, "items": [a]}), (200, b"", {"status": "fine", "done": True, "items": [b]})),
        "link-files": reading(1, (200, b"Link: <https://files.example/2?s=1>; rel=\"next\"\r\n", {"status": "fine", "items": [a]}), (200, b"", {"status": "bad", "items": []})),
        "absent": reading(1, (404, b"", b"{}")), "slow": reading(1, (429, b"Retry-After: 7\r\n", b""), (503, b"", b"<html>"), (200, b"", {"status": "fine", "done": True, "items": []})),
        "page": reading(2, (200, b"", {"items": [a, b], "total": 3, "more": True}), (200, b"", {"items": [c], "total": 3, "more": False})),
        "offset": reading(3, (200, b"", {"items": [a, b]}), (200, b"", {"items": [c]})), "offset-full": reading(3, (200, b"", {"items": [a, b]}), (200, b"", {"items": []})),
        "odata": reading(4, (200, b"", {"items": [a], "@odata.nextLink": "https://api.example/v1/usage?$skip=1"}), (200, b"", {"items": [b]})),
        "warned": reading(4, (200, b"", {"items": [a], "warning": ["old"]})), "too-much": reading(4, (400, b"", {"error": "too much"}), *[(200, b"", {"items": [a]})] * 3),
        "after-id": reading(5, (200, b"", {"items": [a, b], "more": True}), (200, b"", {"items": [c], "more": False})),
        "parts": reading(6, (200, b"", {"parts": [{"url": "p/1", "size": len(lines), "md5": md5, "sha": sha}], "root": "https://files.example/", "sas": "sv=1&sig=x", "count": 1, "etag": "v1"}),
                         (200, b"Content-Type: application/x-ndjson\r\n", lines)),
        "parts-old": reading(6, *[(200, b"", {"parts": [{"url": "https://files.example/1"}]}), (403, b"", b"")] * 2, (200, b"", {"parts": []})),
        "parts-changed": reading(6, (200, b"", {"parts": [{"url": "1"}, {"url": "2", "md5": md5}], "etag": "v1"}), (200, b"", lines), (200, b"", b"x"), (200, b"", {"parts": [{"url": "1"}], "count": 2})),
        "s3": reading(7, (200, b"", listing % (digest, b"true", b"<NextContinuationToken>t+/=</NextContinuationToken>")), (200, b"", listing % (digest, b"false", b"")), (200, b"", csv), (200, b"", csv)),
        "job": reading(8, (200, b"", {"reports": [{"id": "r-0", "from": 1}]}), (202, b"", {"id": "r-1"}), (200, b"Retry-After: 60\r\n", {"status": "running"}),
                       (200, b"", {"status": "done", "url": "https://files.example/r"}), (200, b"", {"items": [a, b]}), (204, b"", b"")),
        "job-failed": reading(8, (200, b"", {"reports": []}), (200, b"", {"id": "r"}), (200, b"", {"status": "failed", "error": {"message": "no\nbody"}})),
        "job-none": reading(8, (200, b"", {"reports": []}), (200, b"", {"id": "r"}), (200, b"", {"status": "none"})),
        "manifest": reading(9, (202, b"X-Job: 7/8\r\n", b""), (200, b"", {"status": "done", "manifest": {"blobs": [{"name": "a"}]}}), (200, b"", {"blobs": [{"name": "a"}]}), (200, b"", lines)),
        "feed": reading(10, (200, b"", {"items": [a, b], "next": "7", "more": True}), (200, b"", {"items": [c], "next": "8", "more": False})),
        "samples": reading(11, (200, b"", sample)), "samples-none": reading(11, (200, b"", b'{"status":"error","error":"x"}')),
        "words-of-vendor": reading(11, (200, b"", b'{"status":"error","error":"a\\nb\\u001b[2J\\u0085\xbb"}')), "flag-of-vendor": reading(1, (200, b"", {"status": "\x1b[2J", "items": []})),
        "job-of-vendor": reading(8, (200, b"", {"reports": []}), (200, b"", {"id": "r"}), (200, b"", {"status": "\x9b2J\n"})),
    })


if __name__ == "__main__":
    main()
    of_text()
    of_logs()
    of_stores()
    of_net()
    of_readings()
    of_calls()
    of_commands()
    of_core()
    of_pages()
