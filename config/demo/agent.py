#!/usr/bin/python3
"""The demo's agent: reads this machine's kernel counters every second and pushes what they grew by as CloudEvents.

    agent.py --url URL --key-file FILE --subject SUBSCRIPTION

A reading that was sent is sent again, byte for byte, until it is answered 200; only then the next one is taken. The counters are cumulative, so
nothing is lost meanwhile: the next reading holds it. Ids are made of the boot and the moment, never of the attempt. Whole numbers and decimal
text only. Ends with SIGTERM or SIGINT.
"""
import argparse
import http.client
import json
import os
import signal
import sys
import threading
import time
import urllib.parse

stop = threading.Event()
QUANTITY_UNIT = 10**12  # a quantity has 12 fraction digits


def first_line(path):
    with open(path, encoding="ascii") as file:
        return file.readline().strip()


def decimal(value, unit):
    """value / unit as exact text; unit is a power of ten."""
    digits = len(str(unit)) - 1
    whole, part = divmod(value, unit)
    return f"{whole}.{part:0{digits}d}".rstrip("0").rstrip(".")


def read_cpu():
    ticks = [int(n) for n in first_line("/proc/stat").split()[1:9]]
    user, nice, system, _, _, irq, softirq = ticks[:7]
    return {("machine.cpu", "mode", "user"): {"ticks": user + nice},
            ("machine.cpu", "mode", "system"): {"ticks": system + irq + softirq}}


def read_network():
    received = sent = 0
    with open("/proc/net/dev", encoding="ascii") as file:
        for line in file.readlines()[2:]:
            name, numbers = line.split(":")
            if name.strip() != "lo":
                received += int(numbers.split()[0])
                sent += int(numbers.split()[8])
    return {("machine.network", "direction", "received"): {"bytes": received},
            ("machine.network", "direction", "sent"): {"bytes": sent}}


def read_disk():
    """Of whole disks; where /sys does not tell which these are, as in a bare container, of none."""
    read = [0, 0]
    written = [0, 0]
    blocks = os.listdir("/sys/block") if os.path.isdir("/sys/block") else []
    disks = {name for name in blocks if not name.startswith(("loop", "ram", "zram", "dm-", "md"))}
    with open("/proc/diskstats", encoding="ascii") as file:
        for fields in map(str.split, file):
            if fields[2] in disks:
                read = [read[0] + int(fields[3]), read[1] + 512 * int(fields[5])]
                written = [written[0] + int(fields[7]), written[1] + 512 * int(fields[9])]
    return {("machine.disk", "direction", "read"): {"ops": read[0], "bytes": read[1]},
            ("machine.disk", "direction", "write"): {"ops": written[0], "bytes": written[1]}}


def used_kib():
    with open("/proc/meminfo", encoding="ascii") as file:
        values = {line.split(":")[0]: int(line.split()[1]) for line in file}
    return values["MemTotal"] - values["MemAvailable"]


class Meter:
    def __init__(self, subject):
        self.subject = subject
        self.source = "kernel/" + first_line("/proc/sys/kernel/random/boot_id")
        self.tick_hz = os.sysconf("SC_CLK_TCK")
        self.last = self.counters()
        self.last_ns = time.monotonic_ns()
        self.memory_rest = 0

    @staticmethod
    def counters():
        return {**read_cpu(), **read_network(), **read_disk()}

    def event(self, kind, dimension, when, data):
        return {"id": f"{kind}/{dimension}/{when}", "source": self.source, "type": kind, "subject": self.subject, "time": when, "data": data}

    def memory(self, elapsed_ns):
        """GiB × hours since the last reading in units of 10⁻¹²; what is left over is kept for the next."""
        amount = used_kib() * elapsed_ns * QUANTITY_UNIT + self.memory_rest
        quantity, self.memory_rest = divmod(amount, 2**20 * 3600 * 10**9)
        return decimal(quantity, QUANTITY_UNIT)

    def read(self):
        """Events of what was used since the last reading. A counter that went back (an interface that vanished) counts from there."""
        now, now_ns = self.counters(), time.monotonic_ns()
        wall_ns = time.time_ns()
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(wall_ns // 10**9)) + f".{wall_ns // 1000 % 10**6:06d}Z"
        events = [self.event("machine.memory", "used", when, {"gib_hours": self.memory(now_ns - self.last_ns)})]
        for key, values in now.items():
            kind, name, dimension = key
            grown = {k: max(0, v - self.last.get(key, values)[k]) for k, v in values.items()}
            if not any(grown.values()):
                continue
            if "ticks" in grown:
                grown = {"seconds": decimal(grown["ticks"] * 10**6 // self.tick_hz, 10**6)}
            events.append(self.event(kind, dimension, when, {name: dimension, **grown}))
        self.last, self.last_ns = now, now_ns
        return json.dumps(events)


def send(url, key, body):
    """True when the daemon answered 200: then every event has a result."""
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    try:
        connection.request("POST", "/v1/events", body=body, headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status in (400, 401, 403, 413, 415):
            sys.exit(f"agent: refused with {answer.status}: {text.decode(errors='replace')[:300]}")
        return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--key-file", required=True)
    parser.add_argument("--subject", required=True)
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    url, key = urllib.parse.urlsplit(arguments.url), first_line(arguments.key_file)
    meter = Meter(arguments.subject)
    while not stop.wait(1):
        body = meter.read()
        while not send(url, key, body) and not stop.wait(1):
            pass


if __name__ == "__main__":
    main()
