"""A reading: a client's way through one window, from its first page on. It sees one edition, and what is wrong with the whole of
it was decided when it began."""
import re
from collections import OrderedDict

from . import spelling
from .chaos import share
from .message import refuse

READINGS_MAX = 4096
RANGE = re.compile(r"^usage(?:\[(\d+)s\])?$")


class Window:
    """What a request asks for. name: as it was written, for questions of chaos."""

    def __init__(self, from_us, to_us, borders, account, name):
        self.from_us, self.to_us, self.borders, self.account, self.name = from_us, to_us, borders, account, name

    @classmethod
    def of(cls, parameters, dialect, clock):
        account = parameters.get("account")
        try:
            if dialect.length == "cursor":
                return cls(0, 0, "[)", account, "feed")
            if dialect.length == "periods":
                months = {"current": 0, "last": -1}[parameters["period"]]
                return cls(*spelling.month_of(clock.now_us(), dialect.zone, months), "[)", account, parameters["period"])
            if dialect.is_prometheus and "query" in parameters:
                return cls.of_prometheus(parameters, dialect)
            start, end = parameters[dialect.from_name], parameters[dialect.to_name]
            from_us, to_us = (spelling.read_time(text, dialect.time_style, dialect.zone) for text in (start, end))
        except (KeyError, ValueError) as fault:
            refuse(400, "bad_data", f"a window cannot be read: {fault!r}")
        if dialect.border == "inclusive":
            to_us = spelling.read_time(spelling.write_time(to_us + 129600 * 1000000, "%Y-%m-%d", dialect.zone), "%Y-%m-%d", dialect.zone) \
                if dialect.time_style == "%Y-%m-%d" else to_us + dialect.unit_us
        return cls(from_us, to_us, "[]" if dialect.border == "closed" else "[)", account, f"{start} {end} {account or ''}")

    @classmethod
    def of_prometheus(cls, parameters, dialect):
        """A range selector ends at `time`: closed at both ends in 2.x, open on the left in 3.x."""
        match = RANGE.match(parameters["query"])
        if not match:
            refuse(400, "bad_data", f"no such query: {parameters['query']}")
        if "start" in parameters:
            from_us, to_us = (spelling.read_time(parameters[name], "unix") for name in ("start", "end"))
            if dialect.points_cap and (to_us - from_us) / spelling.read_time(parameters["step"], "unix") > dialect.points_cap:
                refuse(400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries")
            return cls(from_us, to_us, "[]", None, f"{from_us} {to_us}")
        to_us = spelling.read_time(parameters["time"], "unix")
        if not match.group(1):
            return cls(to_us, to_us, "[]", None, f"{to_us}")
        from_us = to_us - int(match.group(1)) * 1000000
        return cls(from_us, to_us, "[]" if dialect.border == "closed" else "(]", None, f"{from_us} {to_us}")


class Reading:
    def __init__(self, number, dialect, truth, window, fault, seed):
        self.number, self.dialect, self.truth, self.window, self.fault = number, dialect, truth, window, fault
        self.edition, self.end = truth.edition, len(truth.changes)
        self.faults = (fault,) if fault else ()
        self.luck = share(seed, "reading", dialect.name, window.name, number)

    def rows(self):
        """What this reading is told, of a window."""
        edition = None if self.dialect.moving else self.edition
        rows = self.truth.rows(self.window.from_us, self.window.to_us, self.window.account, edition, self.window.borders)
        if self.dialect.each is None and self.dialect.format == "json":
            rows = sorted(rows, key=lambda row: (row.account, row.start_us, row.id))
        return self.hidden(rows)

    def hidden(self, rows):
        if self.fault == "empty":
            return []
        if self.fault in ("partial", "shrunk"):
            return [row for row in rows if share(self.luck, row.id) < 0.5]
        return rows

    def total(self, rows):
        """How many there are, by the vendor's word: a partial answer knows the truth, a shrunk one does not."""
        if self.fault != "partial":
            return rows
        window = self.window
        return self.truth.rows(window.from_us, window.to_us, window.account, self.edition, window.borders)


class Readings:
    """Those of one dialect, the oldest forgotten."""

    def __init__(self, dialect, truth, chaos, witness):
        self.dialect, self.truth, self.chaos, self.witness = dialect, truth, chaos, witness
        self.by_number, self.last = OrderedDict(), {}
        self.count = 0

    def begin(self, window, possible=None):
        self.count += 1
        fault = self.chaos.draw("reading", self.dialect.name, window.name, possible)
        reading = Reading(self.count, self.dialect, self.truth, window, fault, self.chaos.seed)
        self.by_number[reading.number] = self.last[window.name] = reading
        self.witness.begins(self.dialect.name, window.name, reading)
        if len(self.by_number) > READINGS_MAX:
            self.by_number.popitem(last=False)
        return reading

    def of(self, number):
        return self.by_number.get(number) or refuse(400, "invalid_token", "the token is too old")

    def current(self, window):
        """The one that goes on; a client that begins in the middle begins one."""
        return self.last.get(window.name) or self.begin(window)
