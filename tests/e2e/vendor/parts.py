"""A reading as files: cut into parts, packed, named by a manifest or found in a listing of S3."""
import hashlib
from xml.sax.saxutils import escape

from . import body, spelling
from .message import Answer, refuse
from .paging import make_token, possible_faults, read_token
from .reading import Window

LINK_TTL_US = 3600 * 1000000
KEYS_MAX = 2
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Parts:
    """Files of one dialect. origin: of the API, files_origin: of the files, where links lead."""

    def __init__(self, dialect, readings, chaos, clock):
        self.dialect, self.readings, self.chaos, self.clock = dialect, readings, chaos, clock
        self.origin = self.files_origin = ""
        self.link_ttl_us = LINK_TTL_US

    def files(self, reading, size=None):
        """The bytes of each part; at least one, so that a window without rows has a file without rows."""
        rows, size = reading.rows(), size or self.dialect.page_rows
        pieces = [rows[at:at + size] for at in range(0, len(rows), size)] or [[]]
        name = f"usage-{reading.number}.{body.EXTENSIONS[self.dialect.format]}"
        return [(piece, body.pack(body.write_rows(piece, self.dialect, {}, reading.faults), self.dialect.packing, name)) for piece in pieces]

    def extension(self):
        packing = {"gzip": ".gz", "zstd": ".zst", "zip": ".zip", None: ""}[self.dialect.packing]
        return body.EXTENSIONS[self.dialect.format] + packing

    def manifest(self, reading):
        """eTag: of the content, so that an equal one needs no reading."""
        files, root, token = self.files(reading), self.root(reading), self.token(reading)
        etag = hashlib.md5(b"".join(hashlib.md5(data).digest() for _, data in files)).hexdigest()
        blobs = [{"name": f"part-{number}.{self.extension()}", "url": f"{root}/part-{number}.{self.extension()}?{token}",
                  "size": len(data), "md5": body.md5(data), "sha256": hashlib.sha256(data).hexdigest(), "rows": len(rows)}
                 for number, (rows, data) in enumerate(files)]
        answer = Answer.of_json({"eTag": etag, "blobCount": len(blobs), "rootDirectory": root, "sasToken": token, "blobs": blobs},
                                ETag=f'"{etag}"')
        answer.edition, answer.fault, answer.reading, answer.part = reading.edition, reading.fault, reading, "list"
        return answer

    def root(self, reading):
        return f"{self.files_origin}/{self.dialect.name}/files/{reading.number}"

    def token(self, reading):
        ends_s = (self.clock.now_us() + self.link_ttl_us) // 1000000
        return f"sig={self.signature(reading.number, ends_s)}&se={ends_s}"

    def signature(self, number, ends_s):
        return hashlib.sha256(f"{self.dialect.name} {number} {ends_s}".encode()).hexdigest()[:16]

    def whole_link(self, reading):
        """All rows as one file."""
        return f"{self.root(reading)}/whole.{self.extension()}?{self.token(reading)}"

    def begin(self, parameters):
        return self.readings.begin(Window.of(parameters, self.dialect, self.clock), possible_faults(self.dialect))

    def ask_manifest(self, request):
        answer = self.manifest(self.begin(request.parameters()))
        if request.headers.get("if-none-match") == answer.headers["ETag"]:
            return Answer(304, b"", {"ETag": answer.headers["ETag"]}, edition=answer.edition)
        return answer

    def file(self, request):
        """/NAME/files/READING/part-N.EXT: the link is all that is needed, while it holds."""
        reading, part = self.readings.of(int(request.words[2])), request.words[3]
        ends_s = int(request.query.get("se", "0"))
        if request.query.get("sig") != self.signature(reading.number, ends_s):
            refuse(403, "AuthenticationFailed", "the signature is wrong")
        if ends_s * 1000000 <= self.clock.now_us():
            refuse(403, "AuthenticationFailed", "the link has ended")
        return self.part(reading, part)

    def part(self, reading, name):
        """part-N.EXT, or whole.EXT."""
        is_whole, digits = name.startswith("whole."), name.removeprefix("part-").partition(".")[0]
        files = self.files(reading, 1 << 40 if is_whole else None)
        number = 0 if is_whole else int(digits) if digits.isdigit() else len(files)
        if number >= len(files):
            refuse(404, "NoSuchKey", name)
        rows, data = files[number]
        fault = self.chaos.draw("link", self.dialect.name, f"{reading.window.name} {number}")
        if fault == "expired_link":
            answer = Answer.problem(403, "AuthenticationFailed", "the link has ended")
        elif fault == "missing_part":
            answer = Answer.problem(404, "NoSuchKey", f"part {number}")
        else:
            data = data[:len(data) // 2] if fault == "torn_part" else data
            answer = Answer(200, data, {"Content-Type": "application/octet-stream", "ETag": f'"{hashlib.md5(data).hexdigest()}"'},
                            rows=len(rows), edition=reading.edition, given=rows)
        answer.fault, answer.reading, answer.part, answer.parts = fault, reading, number, len(files) + 1  # and the list
        return answer

    # S3: /NAME/bucket?list-type=2&prefix=usage/FROM-TO/, /NAME/bucket/usage/FROM-TO/eREADING/part-N.EXT

    def bucket(self, request):
        return self.listing(request) if len(request.words) < 4 else self.object(request)

    def listing(self, request):
        prefix, token = request.query.get("prefix", ""), request.query.get("continuation-token")
        number, place = read_token(token) if token else (None, 0)
        reading = self.readings.of(number) if token else self.begin(self.window_of(prefix))
        files = self.files(reading)
        keys_max = min(int(request.query.get("max-keys") or KEYS_MAX), KEYS_MAX)
        contents = "".join(
            f"<Contents><Key>{escape(prefix)}e{reading.number:05}/part-{at:05}.{self.extension()}</Key>"
            f"<LastModified>{spelling.write_time(self.clock.now_us(), '%Y-%m-%dT%H:%M:%S.000Z')}</LastModified>"
            f"<ETag>&quot;{hashlib.md5(data).hexdigest()}&quot;</ETag><Size>{len(data)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for at, (_, data) in list(enumerate(files))[place:place + keys_max])
        following = place + keys_max
        more = following < len(files)
        tail = f"<NextContinuationToken>{escape(make_token(reading, following))}</NextContinuationToken>" if more else ""
        text = (f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="{NAMESPACE}"><Name>bucket</Name>'
                f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(files[place:place + keys_max])}</KeyCount><MaxKeys>{keys_max}</MaxKeys>"
                f"<IsTruncated>{str(more).lower()}</IsTruncated>{contents}{tail}</ListBucketResult>")
        return Answer(200, text.encode(), {"Content-Type": "application/xml"}, edition=reading.edition, fault=reading.fault,
                      reading=reading, part="list")

    def window_of(self, prefix):
        """usage/20261001T000000-20261002T000000/"""
        try:
            texts = prefix.split("/")[1].split("-")
            instants = [spelling.read_time(text, "%Y%m%dT%H%M%S") for text in texts]
        except (ValueError, IndexError):
            refuse(400, "InvalidArgument", f"no such prefix: {prefix}")
        names = (self.dialect.from_name, self.dialect.to_name)
        return {name: spelling.write_time(at_us, self.dialect.time_style, self.dialect.zone) for name, at_us in zip(names, instants)}

    def object(self, request):
        *_, edition, part = request.words
        return self.part(self.readings.of(int(edition.removeprefix("e"))), part)
