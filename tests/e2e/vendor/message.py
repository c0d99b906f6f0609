"""A request as it came and an answer as it goes out; what the parts of the simulator hand to one another."""
import json
import urllib.parse
from dataclasses import dataclass, field


@dataclass
class Request:
    method: str
    target: str        # as sent: path and query
    headers: dict      # names in lower case
    body: bytes
    host: str          # the address on which it came in

    def __post_init__(self):
        self.path, _, self.raw_query = self.target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(self.raw_query, keep_blank_values=True))
        self.words = [urllib.parse.unquote(word) for word in self.path.split("/")[1:]]

    def parameters(self):
        """Of query and body, as one."""
        kind = self.headers.get("content-type", "")
        if self.body and kind.startswith("application/json"):
            return {**self.query, **json.loads(self.body)}
        if self.body and kind.startswith("application/x-www-form-urlencoded"):
            return {**self.query, **dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))}
        return dict(self.query)


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    way: str = None    # how it is sent: hang, reset, cut, drip, huge; None: as it should be
    rows: int = 0      # in it
    edition: int = 0   # of which they are
    fault: str = None
    service: object = None
    # For the witness: whose it is, the rows that it shows; is it the last of it; or which of how many, where they come in any order.
    reading: object = None
    given: tuple = ()
    is_last: bool = False
    part: object = None
    parts: int = 0

    @classmethod
    def of_json(cls, value, status=200, **headers):
        headers = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})

    @classmethod
    def problem(cls, status, code, message, **headers):
        return cls.of_json({"status": "error", "error": {"code": code, "message": message}}, status, **headers)


class Refused(Exception):
    """Carries the answer that says why."""

    def __init__(self, answer):
        super().__init__(answer.status)
        self.answer = answer


def refuse(status, code, message, **headers):
    raise Refused(Answer.problem(status, code, message, **headers))
