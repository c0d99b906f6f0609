"""The demo corrects a closed period on every day of the year: what it sends late is inside of the first period of its history, however short that is."""
import datetime
import os
import sys
import zoneinfo

sys.path.insert(0, os.path.join("config", "demo"))
import demo  # noqa: E402
import history  # noqa: E402

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
BEGIN_S = int(datetime.datetime(2027, 12, 1, tzinfo=datetime.timezone.utc).timestamp())  # 2028 has a 29th of February


def month_end(moment):
    return (moment.replace(day=1, hour=0, minute=0) + datetime.timedelta(days=32)).replace(day=1)


def seconds_of(text):
    return int(datetime.datetime.fromisoformat(text).timestamp())


def check_every_hour():
    shortest_s = 31 * 86400
    for now_s in range(BEGIN_S, BEGIN_S + 400 * 86400, 3600):
        first_s = now_s - history.HOURS * 3600
        start = datetime.datetime.fromtimestamp(first_s, ZONE)
        end = month_end(start)
        at_s = seconds_of(demo.hour_inside(start.isoformat(), end.isoformat()))
        assert first_s <= at_s < int(end.timestamp()) <= now_s and at_s % 3600 == 0, (start, end, at_s)
        assert at_s - first_s == 30 * 3600 or int(end.timestamp()) - at_s <= 3600, (start, end, at_s)
        shortest_s = min(shortest_s, int(end.timestamp()) - first_s)
    assert shortest_s == 1800, shortest_s  # the 31st, half past eleven in the evening


check_every_hour()
