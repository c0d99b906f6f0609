#!/usr/bin/python3
"""Writes the seed corpus of the decoders' fuzz targets: tests/fuzz/corpus/<target>/. Run it by hand when a format grows; its output is committed."""
import gzip
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
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        for name in ("a.csv", "b/c.csv"):
            z.writestr(zipfile.ZipInfo(name), plain)
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
        "zip": archive.getvalue(), "utf-16": "Id,Sub\n".encode("utf-16"), "plain": plain, "short": b"a\n",
    })


if __name__ == "__main__":
    main()
