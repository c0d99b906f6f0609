"""What of all that was told was false: for each reading, or for a request that belongs to none, its faults and the rows that it was given.

The vendor cannot see when a client is done with an answer. It sees that the same is asked for anew: then it was done before.
"""
import time
from dataclasses import dataclass, field


@dataclass
class Told:
    source: str
    what: str                                    # the window, as it was asked for; or the request
    reading: object = None                       # reading.Reading; None: it belongs to none
    first_s: float = 0                           # when its first false answer began to go out
    last_s: float = 0
    faults: set = field(default_factory=set)
    given: dict = field(default_factory=dict)    # id → row
    parts: set = field(default_factory=set)      # those that came
    is_whole: bool = False                       # all of it was told


class Witness:
    def __init__(self):
        self.told = []     # with a fault
        self.by_what = {}  # (source, what) → the last of it
        self.asked = {}    # (source, what) → when it was asked for, from its beginning

    def begins(self, source, what, reading=None):
        self.asked.setdefault((source, what), []).append(time.time())
        self.by_what[source, what] = Told(source, what, reading)

    def gives(self, source, what, answer, faults):
        """An answer goes out. One that breaks off tells nothing but that."""
        reading = answer.reading
        told = self.by_what[source, reading.window.name if reading else what]
        if told.reading is not reading:
            return  # the client has begun anew meanwhile
        if not answer.way:
            told.given.update({row.id: row for row in answer.given})
            told.parts.add(answer.part)
            told.is_whole = told.is_whole or answer.is_last or len(told.parts) == answer.parts
        if faults:
            now_s = time.time()
            if not told.faults:
                told.first_s = now_s
                self.told.append(told)
            told.last_s = now_s
            told.faults |= faults

    def done_s(self, told):
        """When the client was done with it, at the latest; None: it has not begun anew."""
        return next((at_s for at_s in self.asked[told.source, told.what] if at_s > told.last_s), None)
