"""What goes wrong, and when: by a seed, or by a script.

Whether a fault happens hangs on the seed, the dialect, what is asked and how often it was asked before: never on the
order in which threads come by. So equal requests have equal answers for equal seeds. At most `streak_max` faults of a
stage come one after the other for one question: whoever asks again gets through.
"""
import hashlib
import threading
from collections import Counter, namedtuple

# stage: where it is drawn. alarms: those that may come of it, by what the dialect shows of it; none: asking again is all that it takes, always.
# is_at_once: one false answer raises one of them; else asking again may be enough, and one comes of a fault that stays.
# hides: the answer looks like a whole one, and is not true.
Fault = namedtuple("Fault", "stage alarms is_at_once hides doc")

FAULTS = {
    "too_many": Fault("request", ("failing",), False, False, "429 without a Retry-After"),
    "too_many_seconds": Fault("request", ("failing",), False, False, "429, Retry-After in seconds"),
    "too_many_date": Fault("request", ("failing",), False, False, "429, Retry-After as a date"),
    "internal": Fault("request", ("failing",), False, False, "500 with a page of HTML"),
    "unavailable": Fault("request", ("failing",), False, False, "503, Retry-After: 1"),
    "hang": Fault("request", ("failing",), False, False, "no answer until the client leaves"),
    "reset": Fault("request", ("failing",), False, False, "the connection is reset without an answer"),
    "unauthorized": Fault("request", ("auth",), False, False, "401 in the middle: the token is no longer known"),
    "redirect": Fault("request", ("failing",), True, False, "302 to another host"),
    "torn": Fault("answer", ("failing", "suspect", "incomplete"), True, True, "the body ends in the middle, under a length that fits"),
    "cut": Fault("answer", ("failing",), False, False, "the connection ends in the middle of the body"),
    "drip": Fault("answer", ("failing",), False, False, "a byte a second"),
    "huge": Fault("answer", ("limit",), True, False, "a body that does not end"),
    "skew": Fault("answer", ("skew",), True, False, "the header Date is some hours away"),
    "html": Fault("answer", ("failing", "incomplete"), True, True, "200 with a page of HTML that asks to log in"),
    "repeat_page": Fault("page", ("loop",), True, True, "the page before once more"),
    "skip_page": Fault("page", ("incomplete", "loop", "suspect", "truncated"), True, True, "a page is left out"),
    "expired_link": Fault("link", ("auth",), False, False, "403: the link of a part is too old"),
    "missing_part": Fault("link", ("incomplete",), True, True, "404: a part that the manifest names is not there"),
    "torn_part": Fault("link", ("failing", "incomplete"), True, True, "the first half of a part, under a length that fits"),
    "foreign_link": Fault("page", ("incomplete",), True, False, "the next page is at another host"),
    "reorder": Fault("reading", (), False, False, "two pages change places"),
    "endless": Fault("reading", ("loop",), True, True, "there is always a next page"),
    "aba": Fault("reading", ("loop",), True, True, "the next page of the second is the first"),
    "empty": Fault("reading", ("suspect", "incomplete"), True, True, "200 without any row, as if nothing had been used"),
    "partial": Fault("reading", ("incomplete", "truncated"), True, True, "a part of the rows is missing, and a warning says so"),
    "shrunk": Fault("reading", ("suspect",), True, True, "a part of the rows is missing, and nothing says so"),
    "jump": Fault("reading", ("suspect",), True, True, "cents for dollars"),
    "new_column": Fault("reading", ("drift",), False, False, "a column that nobody knows: told where the document is exact"),
    "missing_column": Fault("reading", ("drift", "failing"), True, True, "a column is gone"),
    "empty_column": Fault("reading", ("drift",), True, True, "a column is there, and null or empty in every row"),
    "other_zone": Fault("reading", (), False, False, "instants with another offset"),
    "nan": Fault("reading", ("failing", "suspect", "drift", "refused"), True, True, "NaN for quantities"),
    "job_failed": Fault("job", ("failing",), True, False, "a report that fails"),
    "job_lost": Fault("job", ("failing",), True, False, "404: a report that nobody knows any more"),
    "submit_lost": Fault("submit", ("failing",), False, False, "the report is begun, and the answer is lost"),
    "token_outage": Fault("token", ("failing",), False, False, "503 where tokens come from"),
}
STAGES = sorted({fault.stage for fault in FAULTS.values()})


def share(*words):
    """A number from 0 to 1 out of words, the same on every machine."""
    digest = hashlib.sha256("\0".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2 ** 64


class Chaos:
    def __init__(self, seed=0, shares=None, streak_max=2):
        """shares: fault → from 0 to 1, how often where it could happen."""
        self.seed, self.streak_max = seed, streak_max
        self.shares = {}
        self.lock = threading.Lock()
        self.asked = Counter()
        self.streaks = Counter()
        self.scripts = {}  # (source, stage) → faults to come
        self.happened = Counter()
        self.set(shares or {})

    def set(self, shares):
        """Other shares, from now on; {}: nothing goes wrong any more, scripts included."""
        assert not set(shares) - set(FAULTS), set(shares) - set(FAULTS)
        self.shares = dict(shares)
        if not shares:
            self.scripts = {}

    def script(self, source, *faults, times=1):
        """These happen next, each at its stage, whatever the seed says. None: nothing happens at that turn, of all stages."""
        with self.lock:
            for name in faults * times:
                for stage in [FAULTS[name].stage] if name else STAGES:
                    self.scripts.setdefault((source, stage), []).append(name)

    def draw(self, stage, source, question, possible=None):
        """The fault that this answer has, or None. possible: faults that make sense here."""
        with self.lock:
            key = (stage, source, question)
            n = self.asked[key]
            self.asked[key] += 1
            name = self.choose(key, n, possible)
            self.streaks[key] = self.streaks[key] + 1 if name else 0
            if name:
                self.happened[source, name] += 1
            return name

    def choose(self, key, n, possible):
        stage, source, _ = key
        script = self.scripts.get((source, stage))
        if script and (possible is None or script[0] is None or script[0] in possible):
            return script.pop(0)
        if self.streaks[key] >= self.streak_max:
            return None
        for name, part in self.shares.items():
            if FAULTS[name].stage == stage and (possible is None or name in possible) and share(self.seed, name, *key, n) < part:
                return name
        return None
