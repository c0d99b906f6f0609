"""A real daemon whose disk is recorded, and daemons on disks as they may be when the power fails at some moment of that (power.py)."""
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile

import power
from harness import BUILD, METERD, WAIT_S, Daemon, preloaded, skip

SHIM = os.path.abspath(os.path.join(BUILD, "tests", "power_shim.so"))
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # for disks that are made, whose power will not fail


def put_on(daemon, disk):
    daemon.data = os.path.join(disk, "data")
    daemon.settings["data"]["directory"] = daemon.data
    return daemon


class Recording:
    """Of one daemon's life on one disk, with stops and deaths in it. What is asked of it is noted before, and its answer behind it."""

    def __init__(self, daemon):
        if "tsan" in BUILD:
            skip("the thread sanitizer cannot be preloaded into")
        self.daemon, self.disk, self.trace = daemon, os.path.join(daemon.root, "disk"), os.path.join(daemon.root, "trace")
        self.settings = {section: values for section, values in daemon.settings.items() if section not in ("data", "listen", "admin")}
        os.mkdir(self.disk)
        open(self.trace, "w").close()
        self.shim = {"METERD_POWER_ROOT": self.disk, "METERD_POWER_TRACE": self.trace}
        put_on(daemon, self.disk)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.daemon.__exit__(kind, value, trace)

    def start(self, dies=None):
        """`dies`: where (METERD_POWER_KILL)."""
        self.daemon.preload(SHIM, **self.shim, **({"METERD_POWER_KILL": dies} if dies else {}))
        self.daemon.start()

    def wait_for_death(self):
        assert self.daemon.process.wait(WAIT_S) == -signal.SIGKILL, self.daemon.log_lines()
        self.daemon.stderr.close()

    def note(self, **said):
        power.note(self.trace, json.dumps(said))

    def ask(self, what, method, path, body=None, key=None, connection=None):
        """`what`: how the law knows it. The connection says which of all that the daemon sends is the answer."""
        own = connection or http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=WAIT_S)
        self.note(sent=what)
        own.request(method, path, body=json.dumps(body) if body else None,
                    headers={"Content-Type": "application/json", "Authorization": f"Bearer {key or self.daemon.key}"})
        port = own.sock.getsockname()[1]
        answer = own.getresponse()
        text = answer.read()
        self.note(answered=what, port=port)
        assert answer.status == 200, (what, answer.status, text)
        if not connection:
            own.close()
        return json.loads(text, parse_float=str)

    def command(self, *words):
        done = subprocess.run([METERD, "-c", self.daemon.config, *words], capture_output=True, text=True, env={**os.environ, **preloaded(SHIM, **self.shim)},
                              check=False)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        self.note(answered=words[0], port=0)

    def read(self):
        """The records, once nothing has gone past the recorder, and all names were made sure of."""
        records = power.read(self.trace)
        disk = power.Disk(self.disk, records)
        past = power.same_as(disk, self.disk)
        assert not past, ("something goes past the recorder", past)
        assert not disk.never_synced(), ("names that nobody made sure of", disk.never_synced())
        return records

    @staticmethod
    def times(disk):
        """What was sent, and answered, by which record."""
        sent, answered, last = {}, {}, {}
        events = [(index, None, port) for index, port in disk.sends] + [(index, json.loads(text), None) for index, text in disk.notes]
        for index, said, port in sorted(events, key=lambda event: event[0]):
            if said is None:
                last[port] = index
            elif "sent" in said:
                sent.setdefault(said["sent"], index)
            else:
                answered.setdefault(said["answered"], last.get(said["port"], index))
        return sent, answered


class State:
    """One disk as it may be, and the daemon on it. A subclass has the law: `check`, which raises an AssertionError."""

    def __init__(self, recording, disk, times, moment):
        self.recording = recording
        at, how, seed = moment
        self.sent = {what for what, index in times[0].items() if index < at}
        self.answered = {what for what, index in times[1].items() if index < at}
        self.root = tempfile.mkdtemp(prefix="meterd-power-", dir=IN_MEMORY)
        self.disk = os.path.join(self.root, "disk")
        os.mkdir(self.disk)
        disk.make(at, power.chooser(random.Random(seed), how), self.disk)
        self.daemon = put_on(Daemon(recording.settings, directory=self.root), self.disk)
        self.daemon.preload(SHIM, METERD_POWER_ROOT=self.disk)

    def check(self):
        raise NotImplementedError

    def check_command(self, *words):
        done = self.daemon.command(*words, check=False)
        assert done.returncode == 0, (words, done.stdout, done.stderr)

    def end(self):
        if self.daemon.process and self.daemon.process.poll() is None:
            self.daemon.kill()
        shutil.rmtree(self.root)


def broken(law, recording, disk, times, moment):
    """What of the law (a subclass of State) does not hold in that state, or None."""
    state = law(recording, disk, times, moment)
    try:
        state.check()
    except (AssertionError, OSError, http.client.HTTPException) as error:
        return f"{error}"[:3000] or repr(error)
    finally:
        state.end()
    return None


def check_all(law, recording, disk, tried):
    times = recording.times(disk)
    for moment in sorted(tried):
        wrong = broken(law, recording, disk, times, moment)
        assert not wrong, f"record {moment[0]} of {disk.end}, of what is not synced {moment[1]} is there, seed {moment[2]}: {wrong}"
