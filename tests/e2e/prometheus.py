"""Debian's Prometheus beside a test: samples of its own as blocks of the TSDB, or a live scrape; and what they are worth, exactly.

A range selector of version 2.42 is closed at both ends, of version 3 open at the left one: a sample on the border of two windows is in one
answer or in both. Nothing here depends on which it is. The process listens on loopback, in a directory of its own, and is ended by its pid.
"""
import http.client
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from decimal import Decimal

from harness import end_process, free_port, skip, wait_until

HOUR_S = 3600


def needed():
    for name in ("prometheus", "promtool"):
        if not shutil.which(name):
            skip(f"{name} is not installed (scripts/setup test installs it)")


class Series:
    """What a counter stood at: (labels) → {unix seconds: text}."""

    def __init__(self):
        self.samples = {}

    def add(self, labels, at_s, text):
        self.samples.setdefault(tuple(sorted(labels.items())), {})[at_s] = text

    def remove(self, labels):
        """The series of which all these labels are."""
        gone = [key for key in self.samples if set(labels.items()) <= set(key)]
        for key in gone:
            del self.samples[key]
        return len(gone)

    def open_metrics(self, name, only=None):
        """As promtool reads it; only: of these instants."""
        lines = [f"# TYPE {name} counter"]
        for labels, points in sorted(self.samples.items()):
            text = ",".join(f'{key}="{value}"' for key, value in labels)
            lines += [f"{name}_total{{{text}}} {value} {at_s}" for at_s, value in sorted(points.items()) if only is None or at_s in only(labels)]
        return "\n".join([*lines, "# EOF", ""])

    def increases(self, keys):
        """(values of keys…, hour in unix seconds) → what the counter grew by: from each reading to the next, of the later one's hour; a
        reading below the one before is a reset, and its own increase."""
        sums = Counter()
        for labels, points in self.samples.items():
            before = None
            for at_s, text in sorted(points.items()):
                now = Decimal(text)
                if before is not None:
                    sums[(*(dict(labels)[key] for key in keys), at_s // HOUR_S * HOUR_S)] += now - before if now >= before else now
                before = now
        return Counter({key: value for key, value in sums.items() if value})


class Prometheus:
    def __init__(self):
        needed()
        self.root = tempfile.mkdtemp(prefix="meterd-prometheus-")
        self.port, self.process, self.scraped, self.is_partial, self.options = free_port(), None, None, False, []
        self.errors = os.path.join(self.root, "stderr")

    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    def add_blocks(self, text):
        """Samples in OpenMetrics, beside what is there. It must not run meanwhile."""
        assert not self.process
        path = os.path.join(self.root, "samples.om")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        # Blocks of two hours, the default, are each made by a pass over the whole file.
        done = subprocess.run(["promtool", "tsdb", "create-blocks-from", "--max-block-duration=1458h", "openmetrics", "-q", path,
                               os.path.join(self.root, "tsdb")], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)

    def write_config(self):
        config = "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
        if self.scraped:
            config += f'scrape_configs: [{{job_name: live, honor_labels: true, static_configs: [{{targets: ["127.0.0.1:{self.scraped}"]}}]}}]\n'
        if self.is_partial:  # part of the answer is elsewhere, and elsewhere does not answer: 200, with warnings
            config += f'remote_read: [{{url: "http://127.0.0.1:{free_port()}/read", read_recent: true, remote_timeout: 1s}}]\n'
        path = os.path.join(self.root, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(config)
        return path

    def start(self):
        words = ["prometheus", f"--config.file={self.write_config()}", f"--storage.tsdb.path={self.root}/tsdb", "--storage.tsdb.retention.time=100y",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-admin-api", "--log.level=warn", *self.options]
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(words, stdout=errors, stderr=errors, stdin=subprocess.DEVNULL, cwd=self.root)
        wait_until("Prometheus is ready", self.is_ready)
        return self

    def call(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def is_ready(self):
        if self.process.poll() is not None:
            with open(self.errors, encoding="utf-8", errors="replace") as f:
                raise AssertionError(f"prometheus ended with {self.process.returncode}: {f.read()[-2000:]}")
        try:
            return self.call("GET", "/-/ready")[0] == 200
        except OSError:
            return False

    def stop(self):
        if self.process:
            end_process(self.process)
        self.process = None

    def restart(self, *options, is_partial=False):
        self.stop()
        self.options, self.is_partial = list(options), is_partial
        return self.start()

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.stop()
        shutil.rmtree(self.root)
