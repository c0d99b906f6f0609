"""All that was answered, in the order of each dialect's requests, and counts of it. Equal seeds and equal clients have equal
traces: neither ports nor the time of the machine stand in them."""
import hashlib
import threading
from collections import Counter, namedtuple

Entry = namedtuple("Entry", "method target status rows edition digest fault")
ENTRIES_MAX = 200000


class Trace:
    def __init__(self):
        self.lock = threading.Lock()
        self.entries = {}
        self.counts = Counter()

    def add(self, source, entry):
        with self.lock:
            entries = self.entries.setdefault(source, [])
            if len(entries) < ENTRIES_MAX:
                entries.append(entry)
            self.counts["requests"] += 1
            self.counts["rows"] += entry.rows
            self.counts[f"status {entry.status}"] += 1
            if entry.fault:
                self.counts[f"fault {entry.fault}"] += 1

    def of(self, source):
        with self.lock:
            return list(self.entries.get(source, ()))

    def digest(self):
        with self.lock:
            text = "\n".join(f"{source} {' '.join(map(str, entry))}" for source in sorted(self.entries) for entry in self.entries[source])
            return hashlib.sha256(text.encode()).hexdigest()
