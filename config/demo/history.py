#!/usr/bin/python3
"""Generated history for the demo: subscriptions of three vendors in three currencies and time zones, and a month of their usage.

    history.py DIRECTORY [--now UNIX_SECONDS] [--subscriptions N] [--seed N]

Writes DIRECTORY/subscriptions.json (catalog documents) and one DIRECTORY/<vendor>.ndjson of events each. The same arguments give the same
bytes. Every hundredth event stands in the file twice, as after a retry. Quantities are made of whole numbers: no binary fractions.
"""
import argparse
import datetime
import json
import os
import random
import time

HOURS = 31 * 24
DAY_S = 86400


def indus(rng, size, hour):
    busy = 3 if 8 <= hour % 24 < 20 else 1
    region = "mumbai" if rng.random() < 0.7 else "pune"
    return f'"vcpus":{size * busy},"calls":{rng.randrange(200, 400) * size * busy},"region":"{region}"'


def aurora(rng, size, hour):
    busy = 4 if 9 <= hour % 24 < 18 else 1
    channel = "mail" if rng.random() < 0.8 else "text"
    sender = f"sender-{rng.randrange(4 * size)}"
    return f'"channel":"{channel}","mails":{rng.randrange(5, 40) * size * busy},"texts":{rng.randrange(3) * busy},"sender":"{sender}"'


def rhein(rng, size, hour):
    gib = size * 37 + hour // 12
    storage_class = "hot" if rng.random() < 0.6 else "cold"
    egress = f"{rng.randrange(4)}.{rng.randrange(1000):03d}"
    return f'"gib":{gib}.{rng.randrange(1000):03d},"class":"{storage_class}","egress_gib":{egress},"objects":{gib * 120 + rng.randrange(500)}'


# vendor, service, event type, zone, billing, maker of an event's data
VENDORS = [
    ("indus", "compute", "vm.hour", "Asia/Kolkata", {"every": "month"}, indus),
    ("aurora", "messages", "message.hour", "America/Sao_Paulo", {"every": "week"}, aurora),
    ("rhein", "storage", "storage.hour", "Europe/Berlin", {"every": "month"}, rhein),
]


def instant(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_vendor(directory, row, names, first_s, hours, seed):
    vendor, _, event_type, _, _, make = row
    rng = random.Random(f"{seed}/{vendor}")
    sizes = [rng.randrange(1, 9) for _ in names]
    with open(os.path.join(directory, f"{vendor}.ndjson"), "w", encoding="ascii") as out:
        for hour in range(hours):
            when = instant(first_s + 3600 * hour)
            lines = []
            for name, size in zip(names, sizes):
                line = (f'{{"id":"{name}/{when}","source":"{vendor}-usage","type":"{event_type}","subject":"{name}","time":"{when}",'
                        f'"data":{{{make(rng, size, hour)}}}}}\n')
                lines.append(line)
                if rng.randrange(100) == 0:
                    lines.append(line)
            out.writelines(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--now", type=int, default=int(time.time()))
    parser.add_argument("--subscriptions", type=int, default=100, help="of each vendor")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    first_s = arguments.now // 3600 * 3600 - HOURS * 3600
    subscriptions = []
    for row in VENDORS:
        vendor, service, _, zone, billing, _ = row
        names = [f"{vendor}-{i:03d}" for i in range(1, arguments.subscriptions + 1)]
        if vendor == "rhein":  # months that are counted from a day, so that one ended ten days ago
            billing = dict(billing, anchor=instant(arguments.now - 10 * DAY_S)[:10])
        for i, name in enumerate(names):
            subscriptions.append({"key": name, "service": service, "customer": f"customer-{i % 40 + 1:02d}", "tariff": vendor, "zone": zone,
                                  "billing": billing, "start": instant(first_s)})
        write_vendor(arguments.directory, row, names, first_s, HOURS, arguments.seed)
    with open(os.path.join(arguments.directory, "subscriptions.json"), "w", encoding="ascii") as out:
        json.dump({"subscriptions": subscriptions}, out, indent=1)


if __name__ == "__main__":
    main()
