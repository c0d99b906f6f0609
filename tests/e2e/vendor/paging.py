"""One page of a reading, and how it says where the next one is."""
import base64
import urllib.parse
from decimal import Decimal

from . import body, spelling
from .message import Answer, Refused, refuse
from .reading import Window

FAULTS_OF_ROWS = ("empty", "partial", "shrunk", "jump", "new_column", "missing_column", "empty_column", "other_zone", "nan")
FAULTS_OF_PAGES = ("reorder", "endless", "aba")
LINKED = ("next_url", "link_header")
SEND = {"cursor": "cursor", "page": "page", "offset": "offset", "next_url": "token", "link_header": "token", "after_id": "starting_after"}


def make_token(reading, place):
    """With characters that must be escaped in a URL."""
    return base64.b64encode(f"~~?>{reading.number}:{place}".encode()).decode()


def read_token(text):
    try:
        number, place = base64.b64decode(text, validate=True).decode().removeprefix("~~?>").split(":")
        return int(number), int(place)
    except ValueError:
        refuse(400, "invalid_token", f"no such token: {text}")


def possible_faults(dialect):
    """Those of a whole reading that show in this dialect."""
    faults = FAULTS_OF_ROWS + (FAULTS_OF_PAGES if dialect.paging in SEND else ())
    if dialect.is_prometheus or dialect.format in ("csv", "ndjson", "json_list") or dialect.has_parts:
        faults = tuple(name for name in faults if name != "partial" or dialect.is_prometheus)
    if dialect.is_prometheus:
        faults = tuple(name for name in faults if name not in ("new_column", "missing_column", "empty_column"))
    return tuple(name for name in faults if name != "other_zone" or dialect.row_style == "rfc3339")


class Pager:
    """Pages of one dialect. origin: of links."""

    def __init__(self, dialect, readings, chaos, clock):
        self.dialect, self.readings, self.chaos, self.clock = dialect, readings, chaos, clock
        self.origin = self.foreign = ""

    def page(self, request):
        parameters = request.parameters()
        if self.dialect.length == "cursor":
            return self.feed_page(request, parameters)
        window = None
        token = parameters.get(SEND.get(self.dialect.paging, ""))
        if token and self.dialect.paging in ("cursor", *LINKED):
            number, place = read_token(token)
            reading = self.readings.of(number)
        else:
            window = Window.of(parameters, self.dialect, self.clock)
            place = self.counted_place(token, self.size(parameters))
            reading = self.readings.current(window) if place else self.readings.begin(window, possible_faults(self.dialect))
        return self.write(request, parameters, reading, place)

    def size(self, parameters):
        asked = int(parameters.get("limit") or parameters.get("size") or self.dialect.page_rows)
        return min(asked, self.dialect.page_cap or asked, 1000)

    def counted_place(self, token, size):
        if not token:
            return 0
        try:
            return (int(token) - 1) * size if self.dialect.paging == "page" else int(token)
        except ValueError:
            refuse(400, "bad_data", f"no such page: {token}")

    def write(self, request, parameters, reading, place):
        dialect, rows = self.dialect, reading.rows()
        if dialect.rows_cap and len(rows) > dialect.rows_cap:
            if dialect.cap_is_told:
                refuse(400, "too_many_rows", f"more than {dialect.rows_cap} rows: ask for less")
            rows = rows[:dialect.rows_cap]
        if dialect.absent and not reading.total(rows) and not place:
            self.say_absent(reading)
        size = self.size(parameters) if dialect.paging in SEND else len(rows) or 1
        question = f"{reading.window.name} {place}"
        fault = self.chaos.draw("page", dialect.name, question, self.possible_of_page(place, size, len(rows)))
        shown = self.shown_place(reading, place, size, len(rows), fault)
        part = rows[shown:shown + size]
        following = self.following(reading, place + size * (1 + (fault == "skip_page")), size, len(rows))
        around = self.around(reading, rows, following)
        name = f"usage-{reading.number}.{body.EXTENSIONS.get(dialect.format)}"
        data = body.pack(body.write_rows(part, dialect, around, reading.faults), dialect.packing, name)
        answer = Answer(200, data, {"Content-Type": body.CONTENT_TYPES[dialect.format]}, rows=len(part), edition=reading.edition,
                        fault=fault or reading.fault, reading=reading, given=part, is_last=following is None)
        self.add_link(request, answer, reading, following, fault)
        return answer

    def say_absent(self, reading):
        by_cause = self.dialect.absent == "cause"
        answer = Answer.problem(400 if by_cause else 404, "Metrics not found" if by_cause else "NotFound", "there is no usage")
        answer.reading, answer.fault, answer.is_last = reading, reading.fault, True
        raise Refused(answer)

    def possible_of_page(self, place, size, count):
        """skip_page needs a page behind, repeat_page one before, foreign_link a link."""
        possible = ["repeat_page"] if place else []
        if place + size < count:
            possible += ["skip_page"] + (["foreign_link"] if self.dialect.paging in LINKED else [])
        return possible if self.dialect.paging in SEND else []

    def shown_place(self, reading, place, size, count, fault):
        """Where the rows of this page stand."""
        pages = -(-count // size)
        page = place // size
        if fault == "repeat_page":
            return max(0, place - size)
        if fault == "skip_page":
            return place + size
        if reading.fault == "reorder" and pages > 2 and page in (0, 1):
            return place + size if page == 0 else place - size
        if reading.fault == "aba" and page > 2 and pages:
            return min(1 + (page - 1) % 2, pages - 1) * size
        if reading.fault == "endless" and page >= pages and pages and (reading.luck < 0.5 or self.dialect.paging in ("page", "offset")):
            return (pages - 1) * size
        return place

    def following(self, reading, place, size, count):
        """The place of the next page; None: there is none."""
        if reading.fault == "endless":
            return place
        if reading.fault == "aba":
            return place if place <= 2 * size else size
        return place if place < count else None

    def around(self, reading, rows, following):
        """Members of the document beside its rows."""
        dialect, out = self.dialect, {}
        if reading.fault == "partial":
            out["warnings"] = ["a part of the rows could not be fetched"]
        if dialect.is_prometheus:
            return out
        meta = {}
        if dialect.totals:
            total = reading.total(rows)
            quantity = sum((row.quantity for row in total), Decimal(0))
            meta = {"total": len(total), "quantity": spelling.write_number(quantity, 2 * dialect.cents + 2 * (reading.fault == "jump"))}
            out["recency"] = {"complete": True}
        if dialect.paging == "cursor":
            last = {"absent": {}, "null": {"next": None}, "empty": {"next": ""}}[dialect.last_token]
            meta.update({"next": make_token(reading, following)} if following is not None else last)
        if dialect.has_more:
            out["has_more"] = following is not None
        return {"meta": meta, **out}

    def add_link(self, request, answer, reading, following, fault):
        """next_url and link_header: the whole address of the next page."""
        if following is None or self.dialect.paging not in LINKED:
            return
        query = {**request.query, SEND[self.dialect.paging]: make_token(reading, following)}
        origin = self.foreign if fault == "foreign_link" else "" if self.dialect.url_style == "relative" else self.origin
        url = f"{origin}{request.path}?{urllib.parse.urlencode(query)}"
        if self.dialect.paging == "link_header":
            answer.headers["Link"] = f'<{origin}{request.path}>; rel="first", <{url}>; rel="next"'
        else:
            answer.body = b'{"@odata.nextLink":' + body.to_json(url).encode() + b"," + answer.body[1:]

    def feed_page(self, request, parameters):
        """Rows in the order in which they were published. By id: the newest first, back to it; by token: on from there."""
        reading = self.readings.begin(Window.of(parameters, self.dialect, self.clock), ())
        pick = self.newest_first if self.dialect.paging == "after_id" else self.oldest_first
        changes, more, around = pick(parameters, reading.truth, self.size(parameters))
        created = {change.id: change.at_us for change in changes}
        data = body.write_rows([change.row for change in changes], self.dialect, {**around, "has_more": more}, created=created)
        return Answer(200, data, {"Content-Type": "application/json"}, rows=len(changes), edition=reading.edition, reading=reading)

    def newest_first(self, parameters, truth, size):
        since_us = int(parameters.get("created[gte]") or 0) * 1000000
        changes = [change for _, change in reversed(truth.feed()) if change.at_us >= since_us]
        ids, token = [change.id for change in changes], parameters.get("starting_after")
        if token and token not in ids:
            refuse(400, "resource_missing", f"no such id: {token}")
        changes = changes[ids.index(token) + 1 if token else 0:]
        return changes[:size], len(changes) > size, {}

    def oldest_first(self, parameters, truth, size):
        _, place = read_token(parameters["cursor"]) if parameters.get("cursor") else (0, 0)
        feed = truth.feed(place)
        after = feed[:size][-1][0] if feed else place
        return [change for _, change in feed[:size]], len(feed) > size, {"meta": {"next": make_token(FEED, after)}}


class FEED:
    """Tokens of a feed belong to no reading."""
    number = 0
