"""The ledger of the truth: each row of usage in all its versions, and in which edition each of them was published.

An edition is what the vendor publishes at one instant: new rows, restated ones, some that are gone. `rows` answers
what a window has, as of any edition; what a bill must be equal to is `rows` as of the last one.
"""
import threading
from collections import namedtuple

# quantity: a Decimal. dimensions: pairs of name and text, sorted.
Row = namedtuple("Row", "id account start_us quantity dimensions")
# row: None, it is gone.
Change = namedtuple("Change", "edition at_us id row")


class Truth:
    def __init__(self, clock):
        self.clock = clock
        self.lock = threading.RLock()
        self.changes = []   # in the order of publishing
        self.versions = {}  # id → its changes
        self.edition = 0
        self.known = {}     # what was asked for last: question → rows

    def publish(self, rows=(), gone=()):
        """One edition: rows that are new or restated, and ids of rows that vanish. Its number."""
        with self.lock:
            self.edition += 1
            self.known.clear()
            at_us = self.clock.now_us()
            for row_id, row in [(row.id, row) for row in rows] + [(row_id, None) for row_id in gone]:
                change = Change(self.edition, at_us, row_id, row)
                self.changes.append(change)
                self.versions.setdefault(row_id, []).append(change)
            return self.edition

    def row(self, row_id, edition=None):
        """The row as of an edition; None: it was not there."""
        last = None
        for change in self.versions.get(row_id, ()):
            if edition is None or change.edition <= edition:
                last = change.row
        return last

    def edition_at(self, at_us):
        """The last edition that was published by then."""
        return max((change.edition for change in self.changes if change.at_us <= at_us), default=0)

    def rows(self, from_us, to_us, account=None, edition=None, borders="[)"):
        """Rows that start in the window, by time and id. borders: "[)", "[]" or "(]", which instants count."""
        with self.lock:
            question = (from_us, to_us, account, self.edition if edition is None else edition, borders)
            if question not in self.known:
                if len(self.known) > 64:
                    self.known.clear()
                rows = [row for row in (self.row(row_id, question[3]) for row_id in self.versions)
                        if row and (account is None or row.account == account) and within(row.start_us, from_us, to_us, borders)]
                self.known[question] = sorted(rows, key=lambda row: (row.start_us, row.id))
            return self.known[question]

    def feed(self, after=0):
        """Changes in the order in which they were published, each with its place: all versions, not only the last ones."""
        with self.lock:
            return [(place, change) for place, change in enumerate(self.changes[after:], after + 1) if change.row]

    def ids(self, is_there=True):
        return [row_id for row_id in self.versions if (self.row(row_id) is not None) == is_there]


def within(at_us, from_us, to_us, borders):
    after = from_us < at_us or (borders[0] == "[" and at_us == from_us)
    return after and (at_us < to_us or (borders[1] == "]" and at_us == to_us))
