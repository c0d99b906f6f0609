"""How the vendor writes instants and numbers, and reads instants back."""
import datetime
import zoneinfo
from decimal import Decimal

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
US = datetime.timedelta(microseconds=1)


def zone_of(name):
    return UTC if name == "UTC" else zoneinfo.ZoneInfo(name)


def local(at_us, zone):
    return (EPOCH + at_us * US).astimezone(zone_of(zone))


def instant(text):
    """Of RFC 3339."""
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // US


def write_time(at_us, style, zone="UTC"):
    """style: rfc3339, utc, unix, unix_ms, month, or a pattern of strftime."""
    moment = local(at_us, zone)
    if style == "rfc3339":
        return moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")
    if style == "utc":
        return (EPOCH + at_us * US).strftime("%Y-%m-%d %H:%M:%S")
    if style == "unix":
        return str(at_us // 1000000)
    if style == "unix_ms":
        return str(at_us // 1000)
    return moment.strftime("%Y-%m" if style == "month" else style)


def read_time(text, style, zone="UTC"):
    """What write_time wrote; ValueError for anything else."""
    if style == "rfc3339":
        return instant(text)
    if style in ("unix", "unix_ms"):
        return int(Decimal(text) * (1000000 if style == "unix" else 1000))
    pattern = {"utc": "%Y-%m-%d %H:%M:%S", "month": "%Y-%m"}.get(style, style)
    moment = datetime.datetime.strptime(text, pattern)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_of("UTC" if style == "utc" else zone))
    return (moment - EPOCH) // US


def month_of(at_us, zone, months=0):
    """From and to of the month, or of another so many months away."""
    moment = local(at_us, zone)
    first = moment.year * 12 + moment.month - 1 + months
    bounds = [datetime.datetime(m // 12, m % 12 + 1, 1, tzinfo=zone_of(zone)) for m in (first, first + 1)]
    return tuple((bound - EPOCH) // US for bound in bounds)


def write_number(value, scale_digits=0, comma=False):
    """Exact, without an exponent. scale_digits 2: in hundredths."""
    text = format(value.scaleb(scale_digits), "f")
    return text.replace(".", ",") if comma else text


def http_date(at_us):
    return (EPOCH + at_us * US).strftime("%a, %d %b %Y %H:%M:%S GMT")
