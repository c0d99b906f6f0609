"""One dialect as an HTTP service: a request in, an answer out, with what chaos makes of both. No socket."""
import hashlib
import re

from . import body, spelling
from .chaos import FAULTS
from .gate import GATES, Tokens
from .jobs import Jobs
from .message import Answer, Refused, refuse
from .paging import Pager
from .parts import Parts
from .reading import Readings
from .trace import Entry

RETRY_AFTER_S = 1
SKEW_US = 5 * 3600 * 1000000
LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form></form></body></html>\n"
# What differs from run to run: ports, and what the clock of the machine wrote.
PASSING = re.compile(rb"https?://127[.0-9]+:\d+|sig=\w+&(?:amp;)?se=\d+|<LastModified>[^<]*|\"expires_at\": \"[^\"]*")


class Service:
    def __init__(self, dialect, truth, simulator):
        self.dialect, self.truth, self.chaos = dialect, truth, simulator.chaos
        self.clock, self.trace, self.witness = simulator.clock, simulator.trace, simulator.witness
        self.gate = GATES[dialect.auth](dialect.name, self.clock)
        readings = Readings(dialect, truth, self.chaos, self.witness)
        self.pager = Pager(dialect, readings, self.chaos, self.clock)
        self.parts = Parts(dialect, readings, self.chaos, self.clock)
        self.jobs = Jobs(dialect, self.pager, self.parts)
        self.foreign = ""
        self.second, self.in_second = 0, 0
        self.in_flight, self.in_flight_max = 0, 0  # requests whose answer has not gone out yet; the listener's
        self.routes = {"usage": self.pager.page, "api": self.pager.page, "reports": self.jobs.answer, "manifests": self.jobs.manifest,
                       "manifest": self.parts.ask_manifest, "bucket": self.parts.bucket, "accounts": self.accounts}

    def place(self, origin, files_origin, foreign):
        """Where the listeners are: links are made of these."""
        self.pager.origin = self.parts.origin = origin
        self.parts.files_origin, self.pager.foreign, self.foreign = files_origin, foreign, foreign

    def answer(self, request):
        shown = re.sub(r"[?&]?sig=\w+&se=\d+", "", request.target)
        question = f"{request.method} {shown}"
        try:
            answer = self.route(request, question)
        except Refused as refused:
            answer = refused.answer
        digest = hashlib.sha256(PASSING.sub(b"", answer.body)).hexdigest()[:16]
        answer.headers.setdefault("Date", spelling.http_date(self.clock.now_us()))
        self.encode(request, answer)
        faults = {answer.fault, answer.reading and answer.reading.fault}
        if answer.status == 200 and not answer.way and answer.body:
            self.spoil(answer, question)
        self.witness_it(question, answer, faults)
        self.trace.add(self.dialect.name, Entry(request.method, shown, answer.status, answer.rows, answer.edition, digest, answer.fault))
        return answer

    def witness_it(self, question, answer, faults):
        """faults: of the reading and the page, which do not come where the answer breaks off."""
        if not answer.reading:
            self.witness.begins(self.dialect.name, question)
        told = {answer.fault} if answer.way else {*faults, answer.fault}
        self.witness.gives(self.dialect.name, question, answer, told & set(FAULTS))

    def route(self, request, question):
        what = request.words[1] if len(request.words) > 1 else ""
        if what == "files":
            return self.parts.file(request)
        if what in ("oauth", "v3"):
            return self.token(request, question)
        if self.is_too_fast():
            return Answer(429, b"{}", {"Retry-After": str(RETRY_AFTER_S)}, fault="rate")
        fault = self.chaos.draw("request", self.dialect.name, question, None if isinstance(self.gate, Tokens) else NOT_OF_TOKENS)
        if fault:
            return self.fail(request, fault)
        try:
            self.gate.check(request)
        except Refused:
            self.gate.refused += 1
            raise
        return self.routes.get(what, lambda request: refuse(404, "NotFound", request.path))(request)

    def accounts(self, _):
        names = sorted({row.account for row in self.truth.rows(0, 1 << 62)})
        return Answer.of_json({"data": [{"id": name} for name in names]})

    def is_too_fast(self):
        """By the seconds of the clock."""
        second = self.clock.now_us() // 1000000
        self.in_second = self.in_second + 1 if second == self.second else 1
        self.second = second
        return 0 < self.dialect.rate < self.in_second

    def token(self, request, question):
        fault = self.chaos.draw("token", self.dialect.name, question)
        answer = Answer(503, b"", {"Retry-After": str(RETRY_AFTER_S)}, fault=fault) if fault else self.gate.token(request)
        return answer

    def fail(self, request, fault):
        """Instead of an answer."""
        later = spelling.http_date(self.clock.now_us() + RETRY_AFTER_S * 1000000)
        html = {"Content-Type": "text/html"}
        if fault == "unauthorized":
            self.gate.revoke(request)
        answers = {
            "too_many": Answer(429, b"{}"), "too_many_seconds": Answer(429, b"{}", {"Retry-After": str(RETRY_AFTER_S)}),
            "too_many_date": Answer(429, b"{}", {"Retry-After": later}), "internal": Answer(500, b"<html>oops</html>", html),
            "unavailable": Answer(503, b"", {"Retry-After": str(RETRY_AFTER_S)}), "hang": Answer(way="hang"), "reset": Answer(way="reset"),
            "unauthorized": Answer.problem(401, "TokenExpired", "the token has ended"),
            "redirect": Answer(302, b"", {"Location": self.foreign + request.target}),
        }
        answers[fault].fault = fault
        return answers[fault]

    def encode(self, request, answer):
        coding = self.dialect.coding
        if coding and answer.body and coding in request.headers.get("accept-encoding", ""):
            answer.body = body.pack(answer.body, coding)
            answer.headers["Content-Encoding"] = coding

    def spoil(self, answer, question):
        """Bytes that do not come as they were."""
        fault = self.chaos.draw("answer", self.dialect.name, question)
        if not fault:
            return
        answer.fault = fault
        if fault == "torn":
            answer.body = answer.body[:len(answer.body) // 2]
        elif fault == "skew":
            answer.headers["Date"] = spelling.http_date(self.clock.now_us() + SKEW_US)
        elif fault == "html":
            answer.body, answer.headers["Content-Type"] = LOGIN_PAGE, "text/html"
            answer.headers.pop("Content-Encoding", None)
        else:
            answer.way = fault


NOT_OF_TOKENS = ("too_many", "too_many_seconds", "too_many_date", "internal", "unavailable", "hang", "reset", "redirect")
