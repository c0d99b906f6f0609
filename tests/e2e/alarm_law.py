"""The law of alarms, between what a vendor told (vendor/witness.py) and what the daemon told of it, whatever was killed meanwhile:

  raised     every reading that was false, and that the daemon came to the end of, has raised an alarm that its faults have in vendor/chaos.py
  explained  every alarm has a false answer to the same source since it was over last, or what the vendor published explains it

    law = AlarmLaw(world)
    law.begin()                                all is billed as it was published
    ... law.kill() ... law.calm() ... law.kill() ...
    law.check()

What cannot be decided is left out, and counted: a reading that a kill has cut off, and one from which so little is missing that no guard sees it.
"""
import os
import re
import time
from collections import Counter
from decimal import Decimal

from harness import wait_until
from polled import NEVER_ANY
from vendor import FAULTS
from vendor.document import list_key
from vendor.spelling import instant

LINE = re.compile(r"^(\S+) \w+ +poller: source=(\S+) (?:(\w+): (.*)|(\w+) is over)$")
NAMES = {"gap", "stale", "truncated", "loop", "incomplete", "suspect", "drift", "skew", "refused", "unknown_subject", "limit", "failing", "auth",
         "reauthorize", "after_end", "range"}
ANOTHER_WINDOW = ", too: meterd source windows says why", ", too: it is tried again by itself"
SHRINK_PERCENT, JUMP_TIMES = 30, 10
# More agreeing readings than chaos lets a fault stay for: nothing false is ever taken because it was said often.
GUARD = {"every": "1s", "shrink": f"{SHRINK_PERCENT}%", "jump": JUMP_TIMES, "agree": 6}
TELLS_S = 1  # the first request of the next reading may go out before the alarm of the last one is told
OF_COLUMNS = {"missing_column", "empty_column"}
OF_ROWS = {"empty", "shrunk", "jump", "skip_page"}  # what of it is missed is what counts


class AlarmLaw:
    def __init__(self, world, exact=()):
        """exact: sources that know their columns."""
        self.world, self.witness, self.exact = world, world.vendor.witness, exact
        self.since_s, self.offset = 0, 0
        self.editions = {}   # of each truth, as of the beginning
        self.kills, self.starts, self.quiet = [], [], {}  # source → when it was seen without a reading: before and after that was asked
        self.decided, self.left_out, self.broken = Counter(), Counter(), []

    def begin(self):
        """Everything is known as it was published."""
        self.since_s, self.offset = time.time(), os.path.getsize(self.world.daemon.stderr_path)
        self.editions = {id(service.truth): service.truth.edition for service in self.world.vendor.services.values()}

    def kill(self):
        """What is answered to the dead is told to nobody."""
        self.kills.append(time.time())
        self.world.daemon.kill()
        wait_until("nothing on its way", lambda: not any(service.in_flight for service in self.world.vendor.services.values()))
        self.starts.append(time.time())
        self.world.daemon.start()

    def calm_and_kill(self):
        self.calm()
        self.kill()

    def calm(self):
        """Nothing goes wrong any more, and each source has come to the end of what it was reading."""
        self.world.vendor.chaos.set({})
        began_s, left = time.time(), set()

        def are_quiet():
            before_s = time.time()
            rows = self.world.daemon.get("/v1/sources?limit=1000")["sources"]
            after_s = time.time()
            for row in rows:
                if row["state"] == "waiting":
                    self.quiet.setdefault(row["source"], []).append((before_s, after_s))
            left.clear()
            left.update(row["source"] for row in rows if self.quiet.get(row["source"], [(0, 0)])[-1][0] < began_s)
            return not left
        try:
            wait_until("no reading under way", are_quiet)
        except AssertionError as late:
            raise AssertionError(f"{late}: {left}") from late

    # What the daemon told.

    def lines(self):
        """(seconds, source, alarm, is it raised, text), in their order."""
        with open(self.world.daemon.stderr_path, encoding="utf-8", errors="replace") as f:
            f.seek(self.offset)
            for line in f:
                match = LINE.match(line.rstrip("\n"))
                if match and (match[3] or match[5]) in NAMES:
                    yield instant(match[1]) / 1e6, match[2], match[3] or match[5], bool(match[3]), match[4] or ""

    def stood(self):
        """(source, alarm) → from when to when."""
        events = sorted([*self.lines(), *((at_s, None, None, False, "") for at_s in self.kills)], key=lambda event: event[0])
        spans, begun = {}, {}
        for at_s, source, alarm, is_raised, _ in events:
            if is_raised:
                begun.setdefault((source, alarm), at_s)
            else:
                for key in [(source, alarm)] if source else list(begun):
                    if key in begun:
                        spans.setdefault(key, []).append((begun.pop(key), at_s))
        for key, at_s in begun.items():
            spans.setdefault(key, []).append((at_s, float("inf")))
        return spans

    # What the vendor told.

    def source_of(self, told):
        return list_key(self.dialect_of(told)) if told.what.endswith("/accounts") else told.source

    def dialect_of(self, told):
        return self.world.vendor.services[told.source].dialect

    @staticmethod
    def is_of_token(told):
        return told.reading is None and ("/oauth/" in told.what or "/v3/" in told.what)

    def alarms_of(self, told):
        names = {alarm for fault in told.faults for alarm in FAULTS[fault].alarms}
        return names | {"auth"} if self.is_of_token(told) else names

    def end_of(self, told):
        """When the daemon was done with it; None: it was killed, had another document meanwhile, or nobody can say."""
        ends = [after_s for before_s, after_s in self.quiet.get(self.source_of(told), ()) if before_s >= told.last_s]
        ends += filter(None, [self.witness.done_s(told)])
        end_s = min(ends, default=None)
        cuts = self.kills + self.world.applied_s
        return None if end_s is None or any(told.first_s <= at_s <= end_s for at_s in cuts) else end_s

    def is_certain(self, told):
        """Must it be told of?"""
        dialect = self.dialect_of(told)
        at_once = {fault for fault in told.faults if FAULTS[fault].is_at_once}
        if self.is_of_token(told) or told.what.startswith("DELETE "):
            return False
        if dialect.moving or "expired_link" in told.faults:  # the list is asked for anew, or the pages are, and what was before is nothing
            return False
        if dialect.format == "csv":  # half of one is one, and NaN is a bad row
            at_once -= {"torn", "nan", "html"}
        if dialect.is_prometheus:
            at_once -= {"nan"}
        if dialect.totals:
            at_once -= set() if told.is_whole else {"skip_page"}
            at_once -= {"endless", "aba"} if dialect.paging in ("page", "offset") else set()  # the total ends them
        if at_once - OF_ROWS - OF_COLUMNS or dialect.totals and "skip_page" in at_once:
            return not at_once & {"nan"} or bool(told.given)
        if at_once & OF_COLUMNS or "new_column" in told.faults and told.source in self.exact:
            return told.is_whole and bool(told.given) and not dialect.rows_cap  # a column that one piece has is there
        return bool(at_once) and told.is_whole and self.is_missed(told)

    def is_missed(self, told):
        """Would the guard see it, whichever edition was taken last?"""
        dialect, window = self.dialect_of(told), told.reading.window
        if dialect.is_prometheus or dialect.rows_cap:
            return False  # of pieces, and of sums
        truth = told.reading.truth
        given = {} if "empty" in told.faults else told.given
        times = 100 if "jump" in told.faults else 1
        sum_now = times * quantity_of(given.values(), window)
        for edition in range(self.editions[id(truth)], told.reading.edition + 1):
            known = {row.id: row for row in truth.rows(window.from_us, window.to_us, window.account, edition)}
            gone = sum(row_id not in given for row_id in known)
            before = quantity_of(known.values(), window)
            if not known or not (gone * 100 > len(known) * SHRINK_PERCENT or sum_now * 100 < before * (100 - SHRINK_PERCENT)
                                 or before < sum_now / JUMP_TIMES):
                return False
        return True

    # The law.

    def check(self):
        stood, explained_by = self.stood(), {}
        for told in self.witness.told:
            explained_by.setdefault(self.source_of(told), []).append(told)
            if told.last_s >= self.since_s and not any(kill_s <= told.first_s <= start_s for kill_s, start_s in zip(self.kills, self.starts)):
                self.check_raised(told, stood)
        self.check_explained(explained_by)
        assert not self.broken, "\n".join(self.broken[:20])
        return self.decided

    def check_raised(self, told, stood):
        names, source = self.alarms_of(told), self.source_of(told)
        end_s = self.end_of(told)
        if not end_s or told.first_s < self.since_s or not self.is_certain(told):
            self.left_out.update(told.faults)
            return
        # What went wrong with a request of the reading has ended it before the rest could matter.
        names.update(*(self.alarms_of(other) for other in self.witness.told
                       if not other.reading and self.source_of(other) == source and told.first_s <= other.last_s <= end_s))
        self.decided.update(told.faults)
        spans = [span for name in names for span in stood.get((source, name), ())]
        if not any(begin_s <= end_s + TELLS_S and over_s >= told.first_s for begin_s, over_s in spans):
            self.broken.append(f"no alarm of {sorted(names)}: {source}, {told.what}: {sorted(told.faults)} from {told.first_s} to {end_s}")

    def check_explained(self, explained_by):
        over, explained, texts = {}, set(), set()
        for at_s, source, alarm, is_raised, text in self.lines():
            if not is_raised:
                over[source, alarm] = at_s
                continue
            since_s = over.get((source, alarm), self.since_s)
            if (source, text) in texts or text.endswith(ANOTHER_WINDOW) and (source, alarm) in explained:
                continue  # as before, of the ledger or of another window
            explained.add((source, alarm))
            texts.add((source, text))
            if any(told.first_s <= at_s and (told.last_s >= since_s or self.lasts(told, alarm)) and alarm in self.shown(told, at_s)
                   for told in explained_by.get(source, ())):
                continue
            if not self.is_of_the_truth(source, alarm, text):
                self.broken.append(f"nothing explains {source} {alarm}, told at {at_s} and not since {since_s}: {text}")

    @staticmethod
    def lasts(told, alarm):
        """A column that came once is expected from then on."""
        return alarm == "drift" and "new_column" in told.faults

    def shown(self, told, at_s):
        """Alarms that may be told of it. What a window was not taken for is `incomplete` after a restart."""
        names = self.alarms_of(told)
        is_kept = names & {"loop", "limit"} and any(told.first_s < kill_s < at_s for kill_s in self.kills)
        return names | {"incomplete"} if is_kept or "drift" in names else names

    def is_of_the_truth(self, source, alarm, text):
        """What the vendor published, or that the daemon was killed, is a reason as well."""
        service = self.world.vendor.services.get(source)
        if not service:
            return False
        dialect = service.dialect
        if alarm == "failing":
            return bool(dialect.job and self.kills)  # a report that was read and removed, and the receipt of which was lost
        if dialect.moving and alarm in ("incomplete", "truncated"):
            return True  # pages of several editions
        if alarm == "incomplete":
            return (text.startswith(NEVER_ANY) or text.endswith(ANOTHER_WINDOW)) and self.has_moved(service)
        return alarm == "suspect" and self.has_moved(service)

    def has_moved(self, service):
        """An edition of one of its windows would be guarded against another."""
        windows = {what: told.reading.window for (source, what), told in list(self.witness.by_what.items()) if source == service.dialect.name and told.reading}
        for window in windows.values():
            sizes = []
            for edition in range(self.editions[id(service.truth)], service.truth.edition + 1):
                rows = service.truth.rows(window.from_us, window.to_us, window.account, edition)
                sizes.append((len(rows), quantity_of(rows, window)))
            for of in zip(*sizes):
                if max(of) * (100 - SHRINK_PERCENT) > min(of) * 100 or not min(of):
                    return True
        return False


def quantity_of(rows, window):
    return sum((row.quantity for row in rows if window.from_us <= row.start_us < window.to_us), Decimal(0))
