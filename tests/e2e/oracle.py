"""What meterd should have made of a set of events: usage and charges, from the documents alone (docs/guide-vendors.md, docs/pricing.md).

Shares no code with meterd. Numbers are fractions, time zones are zoneinfo's. Everything here is a plain function of the catalog's documents,
the events that count, and the time; nothing asks a daemon.
"""
import bisect
import datetime
import zoneinfo
from fractions import Fraction

UTC = datetime.timezone.utc
NEVER_US = 10 ** 18


def instant_us(text):
    """Microseconds since 1970 of an RFC 3339 text; exact, as it goes through no float."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - datetime.datetime(1970, 1, 1, tzinfo=UTC)
    return (moment.days * 86400 + moment.seconds) * 1000000 + moment.microseconds


def zone_of(subscription):
    return zoneinfo.ZoneInfo(subscription.get("zone", "UTC"))


def local(subscription, time_us):
    return datetime.datetime.fromtimestamp(time_us // 1000000, zone_of(subscription))


def midnight_us(subscription, day):
    return int(datetime.datetime(day.year, day.month, day.day, tzinfo=zone_of(subscription)).timestamp()) * 1000000


def moment_us(subscription, text):
    """A document's date is midnight of the subscription's clock; anything longer is an instant."""
    return midnight_us(subscription, datetime.date.fromisoformat(text)) if len(text) == 10 else instant_us(text)


def hour_start_us(subscription, time_us):
    """Hours of the subscription's own clock. (Zones here are moved by whole hours over the year.)"""
    clock = local(subscription, time_us)
    return (time_us // 1000000 - clock.minute * 60 - clock.second) * 1000000


def whole_period(subscription, time_us):
    day = local(subscription, time_us).date()
    if subscription.get("billing", {}).get("every", "month") == "day":
        return midnight_us(subscription, day), midnight_us(subscription, day + datetime.timedelta(days=1))
    first = day.replace(day=1)
    return midnight_us(subscription, first), midnight_us(subscription, (first + datetime.timedelta(days=32)).replace(day=1))


def phases(subscription):
    """(start, end, what the document says then): its changes make it another from their instants on."""
    changes = [{}, *subscription.get("changes", [])]
    ends = [moment_us(subscription, change["from"]) for change in changes[1:]]
    last = moment_us(subscription, subscription["end"]) if "end" in subscription else NEVER_US
    start, then = moment_us(subscription, subscription["start"]), subscription
    for change, end in zip(changes, [*ends, last]):
        then = {**then, **change}
        if start < min(end, last):
            yield start, min(end, last), then
        start = end


def periods(subscription, now_us):
    """(start, end, what the document says then) of every billing period that has begun by now; phases begin one."""
    for start, end, then in phases(subscription):
        while start <= now_us and start < end:
            _, whole_end = whole_period(then, start)
            yield start, min(whole_end, end), then
            start = whole_end


def period_end(subscription, time_us):
    """When the billing period of that time ends."""
    for start, end, then in phases(subscription):
        if time_us < end or end == NEVER_US:
            return min(whole_period(then, max(time_us, start))[1], end)
    return end


# ---- usage ----

def text_of(value):
    """A property as dimensions and unique values see it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    value = Fraction(value)
    digits = 0
    while (value * 10 ** digits).denominator != 1:
        digits += 1
    if digits == 0:
        return str(int(value))
    scaled = abs(int(value * 10 ** digits))
    return f"{'-' if value < 0 else ''}{scaled // 10 ** digits}.{scaled % 10 ** digits:0{digits}}"


def quantity_of(value):
    """The number that a quantity is, or None."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return Fraction(value)
    except ValueError:
        return None


def as_list(value):
    return value if isinstance(value, list) else [value]


def holds(wanted, value):
    """Whether a property (None: it is missing) is what a filter asks for: a value, a list of values, or a map of comparisons."""
    if not isinstance(wanted, dict):
        return value is not None and text_of(value) in [text_of(w) for w in as_list(wanted)]
    if value is None:
        return set(wanted) == {"not"}
    number = quantity_of(value)
    order = {"gt": lambda bound: number > bound, "gte": lambda bound: number >= bound,
             "lt": lambda bound: number < bound, "lte": lambda bound: number <= bound}
    return all(
        (number is not None and order[name](Fraction(bound))) if name in order else
        (text_of(value) in [text_of(b) for b in as_list(bound)]) == (name == "in")
        for name, bound in wanted.items())


def passes(meter, data):
    return all(holds(wanted, data.get(name)) for name, wanted in meter.get("filter", {}).items())


def twelve_digits(value):
    return Fraction(round(value * 10 ** 12), 10 ** 12)  # Python rounds ties of a Fraction to even


def combine(aggregation, values):
    if aggregation == "count":
        return Fraction(len(values))
    if aggregation == "max":
        return max(values)
    if aggregation == "unique":
        return Fraction(len(set(values)))
    return sum(values, Fraction(0))


def opening(catalog, subscription, meter, dimensions):
    """What a counter stands at when the subscription begins, or None."""
    names = next(m for m in catalog["meters"] if m["key"] == meter).get("group_by", [])
    for one in next(s for s in catalog["subscriptions"] if s["key"] == subscription).get("opening", []):
        if one["meter"] == meter and tuple(one.get("dimensions", {}).get(name, "") for name in names) == dimensions:
            return Fraction(one["value"])
    return None


def serving(subscriptions, time_us):
    """Of the subscriptions of one subject the last that has begun, or the first of all before that."""
    by_start = sorted(subscriptions, key=lambda s: moment_us(s, s["start"]))
    begun = [s for s in by_start if moment_us(s, s["start"]) <= time_us]
    return begun[-1] if begun else by_start[0]


def is_retired(meter, time_us):
    return "retired" in meter and moment_us({}, meter["retired"]) <= time_us


def uses(catalog, events):
    """{(subscription, meter): [(time, dimensions, value)]} of events that are not taken back and not in quarantine, each at its own instant."""
    by_subject, by_type = {}, {}
    for s in catalog["subscriptions"]:
        by_subject.setdefault((vendor_of(catalog, s), s.get("subject", s["key"])), []).append(s)
    for meter in catalog["meters"]:
        by_type.setdefault((meter["service"], meter["event_type"]), []).append(meter)
    result, readings = {}, {}
    for order, (vendor, event, time_us) in enumerate(events):
        found = by_subject.get((vendor, event["subject"]))
        subscription = serving(found, time_us) if found else None
        for meter in by_type.get((subscription["service"], event["type"]), []) if subscription else []:
            if is_retired(meter, time_us):
                continue
            data = event.get("data", {})
            if not passes(meter, data):
                continue
            value = text_of(data.get(meter["value"])) if meter["aggregation"] == "unique" else quantity_of(data.get(meter.get("value", meter.get("spread_over"))))
            if meter["aggregation"] != "count" and value is None:
                continue  # passed over, or in quarantine for this meter
            if "spread_over" in meter and quantity_of(data.get(meter["spread_over"])) is None:
                continue
            if meter["aggregation"] not in ("count", "unique"):
                value *= Fraction(meter.get("factor", 1))
            if "spread_over" in meter:
                value = value, Fraction(data[meter["spread_over"]]) * 10 ** 6
            dimensions = tuple(text_of(data.get(name)) for name in meter.get("group_by", []))
            key = subscription["key"], meter["key"]
            if meter["aggregation"] == "counter":
                readings.setdefault((key, dimensions), []).append((time_us, order, value))
            else:
                result.setdefault(key, []).append((time_us, dimensions, value))
    for (key, dimensions), of_one in readings.items():
        previous = opening(catalog, *key, dimensions)
        start, _ = term_of(next(s for s in catalog["subscriptions"] if s["key"] == key[0]))
        for time_us, _, value in sorted(reading for reading in of_one if reading[0] >= start):
            grown = Fraction(0) if previous is None else value - previous if value >= previous else value
            result.setdefault(key, []).append((time_us, dimensions, grown))
            previous = value
    return result


# ---- what a meter measures of a stretch of time ----

def retired_us(meter):
    return moment_us({}, meter["retired"]) if "retired" in meter else NEVER_US


def share_until(value, at_us, time_us):
    """What of a quantity that is spread over a length has come by a time."""
    quantity, length_us = value
    if time_us <= at_us:
        return Fraction(0)
    return quantity if time_us - at_us >= length_us else twelve_digits(quantity * (time_us - at_us) / length_us)


def level_steps(catalog, subscription, meter, dimensions, points):
    """[(from when on, level)] of one combination of dimensions; points in the order of the log."""
    start, end = term_of(subscription)
    level = opening(catalog, subscription["key"], meter["key"], dimensions) or Fraction(0)
    steps = [(start, level)]
    for at, value in sorted((p for p in points if start <= p[0] < end), key=lambda p: p[0]):
        level = level + value if meter.get("reports") == "change" else value
        since = midnight_us(subscription, local(subscription, at).date()) if meter.get("holds_from") == "day" else at
        steps.append((max(since, start), level))
    return steps + [(min(end, retired_us(meter)), Fraction(0))]


def integral(steps, since, until):
    """Level times microseconds."""
    total, until = Fraction(0), min(until, steps[-1][0])
    first = max(bisect.bisect_right(steps, since, key=lambda step: step[0]) - 1, 0)
    for index in range(first, len(steps) - 1):
        (begin, level), (end, _) = steps[index:index + 2]
        if begin >= until:
            break
        begin, end = max(begin, since), min(end, until)
        if begin < end:
            total += level * (end - begin)
    return total


def quotient(catalog, subscription, meter, rows, stretch, whole):
    """Of a line's levels over [since, until): divided once."""
    lists = {}
    for at, dimensions, value in rows:
        lists.setdefault(dimensions, []).append((at, value))
    total = sum(integral(level_steps(catalog, subscription, meter, d, points), *stretch) for d, points in lists.items())
    seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
    per = meter.get("per", "hour")
    return twelve_digits(Fraction(total) / (whole[1] - whole[0] if per == "period" else seconds[per] * 10 ** 6))


def window_start(subscription, meter, time_us):
    hour = hour_start_us(subscription, time_us)
    length = int(meter["window"].removesuffix("m")) * 60 * 10 ** 6
    return hour + (time_us - hour) // length * length, length


def percentile(subscription, meter, rows, stretch):
    """The nearest rank of the sums of all windows that have a part of [since, until)."""
    since, until = stretch[0], min(stretch[1], retired_us(meter))
    sums = {}
    at = since
    while at < until:
        start, length = window_start(subscription, meter, at)
        sums[start] = Fraction(0)
        at = start + length
    for at, _, value in rows:
        if since <= at < until:
            sums[window_start(subscription, meter, at)[0]] += value
    ranked = sorted(sums.values())
    return ranked[ceiling(len(ranked) * Fraction(meter.get("percentile", 95)) / 100) - 1] if ranked else Fraction(0)


def measure(catalog, subscription, meter, rows, stretch, whole):
    """The quantity of one line's rows, [(time, dimensions, value)], over [since, until)."""
    if meter["aggregation"] == "time_weighted":
        return quotient(catalog, subscription, meter, rows, stretch, whole)
    if "spread_over" in meter:
        return sum((share_until(value, at, stretch[1]) - share_until(value, at, stretch[0]) for at, _, value in rows), Fraction(0))
    if meter["aggregation"] == "percentile":
        return percentile(subscription, meter, rows, stretch)
    return combine(meter["aggregation"], [value for at, _, value in rows if stretch[0] <= at < stretch[1]])


def touches(meter, row, stretch):
    """Is there use of the line in it? A level is there since ever."""
    at, _, value = row
    if meter["aggregation"] == "time_weighted":
        return True
    if "spread_over" in meter:
        return at < stretch[1] and stretch[0] < at + max(value[1], 1)
    return stretch[0] <= at < stretch[1]


def with_openings(catalog, subscription, meter, rows):
    """A level that a subscription takes over is there without any event: as a row that says nothing."""
    if meter["aggregation"] != "time_weighted":
        return rows
    names = meter.get("group_by", [])
    taken = [tuple(one.get("dimensions", {}).get(name, "") for name in names)
             for one in subscription.get("opening", []) if one["meter"] == meter["key"]]
    return rows + [(NEVER_US, dimensions, Fraction(0)) for dimensions in taken]


def is_over_time(meter):
    return meter["aggregation"] in ("time_weighted", "percentile")


def term_of(subscription):
    return moment_us(subscription, subscription["start"]), moment_us(subscription, subscription["end"]) if "end" in subscription else NEVER_US


def hours(catalog, used, until_us):
    """{(subscription, meter, hour, dimensions): (quantity, events)} of what lies inside the subscription's term; events None: not told here. What is
    measured over time is told of hours that begin before until_us."""
    subscriptions = {s["key"]: s for s in catalog["subscriptions"]}
    meters = {meter["key"]: meter for meter in catalog["meters"]}
    result, groups = {}, {}
    for s in subscriptions.values():
        for m in meters.values():
            for row in with_openings(catalog, s, m, used.get((s["key"], m["key"]), [])) if s["service"] == m["service"] else []:
                groups.setdefault((s["key"], m["key"], row[1]), []).append(row)
    for (s, m, dimensions), rows in groups.items():
        subscription, meter = subscriptions[s], meters[m]
        begin, end = term_of(subscription)
        spread = "spread_over" in meter
        inside = [row for row in rows if begin <= row[0] < end]
        of_hour = {}
        for row in inside:
            of_hour.setdefault(hour_start_us(subscription, row[0]), []).append(row)
        adds_up = not is_over_time(meter) and not spread
        starts = hours_of(subscription, meter, rows if spread else inside, until_us)
        stretches = [(start, hour_start_us(subscription, start + 3600 * 10 ** 6)) for start in starts if not is_over_time(meter) or start < until_us]
        stretches = [stretch for stretch in stretches if stretch[0] < end and begin < stretch[1]]
        for stretch, quantity in zip(stretches, hour_quantities(catalog, subscription, meter, of_hour if adds_up else rows, stretches)):
            events = len(of_hour.get(stretch[0], []))
            if quantity or (events and not spread):
                result[s, m, stretch[0], dimensions] = quantity, None if spread else events
    return result


def level_hours(catalog, subscription, meter, rows, stretches):
    """Each the difference of what it comes to since the beginning; of a mean its own."""
    steps = level_steps(catalog, subscription, meter, rows[0][1], [(at, value) for at, _, value in rows])
    seconds, total = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}, Fraction(0)
    for since, until in stretches:
        more = integral(steps, since, until)
        if meter.get("per") == "period":
            yield twelve_digits(Fraction(more) / (until - since))
            continue
        per_us = seconds[meter.get("per", "hour")] * 10 ** 6
        yield twelve_digits((total + more) / per_us) - twelve_digits(total / per_us)
        total += more


def hour_quantities(catalog, subscription, meter, rows, stretches):
    """rows: of what adds up those of each hour, else all."""
    begin, end = term_of(subscription)
    if meter["aggregation"] == "time_weighted":
        yield from level_hours(catalog, subscription, meter, rows, stretches)
        return
    for stretch in stretches:
        if meter["aggregation"] == "percentile":
            yield percentile(subscription, meter, rows, (max(begin, stretch[0]), min(end, stretch[1])))
        elif "spread_over" in meter:
            part = max(begin, stretch[0]), min(end, stretch[1])
            yield measure(catalog, subscription, meter, [row for row in rows if touches(meter, row, part)], part, part)
        else:
            yield combine(meter["aggregation"], [value for _, _, value in rows[stretch[0]]])


def hours_of(subscription, meter, rows, until_us):
    """The hours that they have a part in: of a level all from the start of the subscription until then."""
    stretches = [(at, at + value[1] if "spread_over" in meter else at) for at, _, value in rows if at < NEVER_US]
    if meter["aggregation"] == "time_weighted":
        stretches.append((moment_us(subscription, subscription["start"]), until_us))
    hours = set()
    for at, end in stretches:
        start = hour_start_us(subscription, at)
        hours.add(start)
        while (start := hour_start_us(subscription, start + 3600 * 10 ** 6)) < end:
            hours.add(start)
    return sorted(hours)


def vendor_of(catalog, subscription):
    return next(s["vendor"] for s in catalog["services"] if s["key"] == subscription["service"])


# ---- money ----

def cents(value):
    return Fraction(round(value * 100), 100)  # Python rounds ties of a Fraction to even


def ceiling(value):
    return -(-value.numerator // value.denominator)


def curve(component, quantity, flats=True):
    """The amount of a line before rounding; free units are gone already."""
    flat_of = (lambda tier: Fraction(tier.get("flat", 0))) if flats else lambda tier: Fraction(0)
    if "per_unit" in component:
        return quantity * Fraction(component["per_unit"])
    if "package" in component:
        package = component["package"]
        count = ceiling(abs(quantity) / Fraction(package["size"]))
        return Fraction(package["price"]) * (count if quantity >= 0 else -count)
    tiers = component.get("graduated") or component["volume"]
    if quantity < 0:
        return quantity * Fraction(tiers[0]["unit"])
    if "volume" in component:
        tier = next(t for t in tiers if "up_to" not in t or quantity <= Fraction(t["up_to"]))
        return quantity * Fraction(tier["unit"]) + (flat_of(tier) if quantity else 0)
    amount, below = Fraction(0), Fraction(0)
    for tier in tiers:
        if quantity <= below:
            break
        upper = min(quantity, Fraction(tier["up_to"])) if "up_to" in tier else quantity
        amount += (upper - below) * Fraction(tier["unit"]) + flat_of(tier)
        below = upper
    return amount


def lines_of(component, meter, rows):
    """The rows of each line: {dimensions of the component: rows}."""
    groups = {}
    names = meter.get("group_by", [])
    for row in rows:
        by_name = dict(zip(names, row[1]))
        groups.setdefault(tuple((name, by_name[name]) for name in component.get("group_by", [])), []).append(row)
    return groups


def cost(component, quantity, flats=True):
    """Exact amount of all that a line used."""
    if quantity > 0:
        quantity = max(Fraction(0), quantity - Fraction(component.get("free_units", 0)))
    return curve(component, quantity, flats)


def cost_of_levels(catalog, subscription, component, meter, rows, stretch, whole):
    """Of a line's levels at each moment of [since, until), by the share of the period for which each holds; the flats once, as the greatest has them."""
    lists = {}
    for at, dimensions, value in rows:
        lists.setdefault(dimensions, []).append((at, value))
    changes = {}
    for dimensions, points in lists.items():
        before = Fraction(0)
        for at, level in level_steps(catalog, subscription, meter, dimensions, points):
            changes[at] = changes.get(at, Fraction(0)) + level - before
            before = level
    moments = sorted({stretch[0], stretch[1], *(at for at in changes if stretch[0] < at < stretch[1])})
    level = sum((change for at, change in changes.items() if at < stretch[0]), Fraction(0))
    total, greatest = Fraction(0), Fraction(0)
    for begin, end in zip(moments, moments[1:]):
        level += changes.get(begin, Fraction(0))
        total += cost(component, level, flats=False) * (end - begin)
        greatest = max(greatest, level)
    return total / (whole[1] - whole[0]) + cost(component, greatest) - cost(component, greatest, flats=False)


def cost_of(catalog, subscription, component, meter, rows, stretch, whole):
    if component.get("scope") == "level":
        return cost_of_levels(catalog, subscription, component, meter, rows, stretch, whole)
    return cost(component, measure(catalog, subscription, meter, rows, stretch, whole))


CURVES = {"per_unit", "package", "graduated", "volume", "recurring"}


def overridden(version, subscription):
    """The version as it is for a subscription: its own override, else its customer's. A curve replaces the curve, null takes a part away."""
    found = [o for kind in ("subscription", "customer") for o in version.get("overrides", [])
             if o.get(kind) == subscription["key" if kind == "subscription" else kind]]
    if not found:
        return version
    components = []
    for component in version["components"]:
        changes = next((c for c in found[0].get("components", []) if c["key"] == component["key"]), {})
        kept = {k: v for k, v in component.items() if k not in CURVES} if CURVES & set(changes) else component
        components.append({k: v for k, v in {**kept, **changes}.items() if v is not None})
    return {**version, "components": components}


def position_from(parts, index, component):
    """From when on use counts for where the part's tiers stand: back to a part without the component, or with reset."""
    while index and not parts[index][2].get("reset") and any(
            (c["key"], c.get("meter")) == (component["key"], component["meter"]) for c in parts[index - 1][2]["components"]):
        index -= 1
    return parts[index][0]


def recurring(component, part, period, whole, closing, first, last):
    """Exact, of the part; None: nothing is due."""
    fee = component["recurring"]
    if fee.get("in", "advance") == "arrears" and not closing:
        return None
    if fee.get("prorate", "none") == "none":
        due = last if fee.get("in", "advance") == "arrears" else first
        return Fraction(fee["amount"]) if due else None
    start, end = max(part[0], period[0]), min(part[1], period[1])
    return Fraction(fee["amount"]) * (end - start) / (whole[1] - whole[0])


def price_period(catalog, subscription, period, usage, closing):
    """{(part start, component, kind, dimensions): amount} of one period. usage: {meter: [(time, dimensions, value)]}."""
    tariff = next(t for t in catalog["tariffs"] if t["key"] == subscription["tariff"])
    meters = {m["key"]: m for m in catalog["meters"]}
    starts = [moment_us(subscription, v["from"]) for v in tariff["versions"]] + [NEVER_US]
    parts = [(max(starts[i], period[0]), min(starts[i + 1], period[1]), overridden(v, subscription)) for i, v in enumerate(tariff["versions"])]
    parts = [p for p in parts if p[0] < p[1]]
    whole = whole_period(subscription, period[0])
    lines, due, exact, rounded = {}, {}, {}, {}

    def carry(line, amount):
        """What rounding leaves over goes into the next part."""
        exact[line] = exact.get(line, Fraction(0)) + amount
        now = cents(exact[line]) - rounded.get(line, Fraction(0))
        rounded[line] = rounded.get(line, Fraction(0)) + now
        return now
    for index, (start, end, version) in enumerate(parts):
        last = index + 1 == len(parts)
        for component in version["components"]:
            key = component["key"]
            if "recurring" in component:
                amount = recurring(component, (start, end), period, whole, closing, index == 0, last)
                if amount is not None:
                    lines[start, key, "recurring", ()] = carry((key, ()), amount)
                continue
            meter, begin = meters[component["meter"]], position_from(parts, index, component)
            rows = with_openings(catalog, subscription, meter, usage.get(component["meter"], []))
            for dimensions, of_line in lines_of(component, meter, [row for row in rows if touches(meter, row, (begin, end))]).items():
                until = cost_of(catalog, subscription, component, meter, of_line, (begin, end), whole)
                earlier = Fraction(0)
                if any(touches(meter, row, (begin, start)) for row in of_line):
                    earlier = cost_of(catalog, subscription, component, meter, of_line, (begin, start), whole)
                amount = carry((key, dimensions), until - earlier)
                before = due.get(key, Fraction(0))
                due[key] = before + amount
                if "cap" in component:
                    assert not component.get("group_by")
                    amount = min(due[key], Fraction(component["cap"])) - min(before, Fraction(component["cap"]))
                lines[start, key, "usage", dimensions] = amount
            if closing and last and "minimum" in component and due.get(key, Fraction(0)) < Fraction(component["minimum"]):
                lines[start, key, "minimum", ()] = Fraction(component["minimum"]) - due.get(key, Fraction(0))
    return lines


def charges(catalog, used, now_us, grace_us):
    """{(subscription, customer, period start, part start, component, kind, dimensions): amount}; lines of nothing are left out."""
    result = {}
    for subscription in catalog["subscriptions"]:
        own = {meter: of_both for (key, meter), of_both in used.items() if key == subscription["key"]}
        for start, end, then in periods(subscription, now_us):
            closing = now_us >= end + grace_us
            for (part, component, kind, dimensions), amount in price_period(catalog, then, (start, end), own, closing).items():
                if amount:
                    key = (subscription["key"], then["customer"], start, part, component, kind, frozenset((n, v) for n, v in dimensions if v))
                    result[key] = result.get(key, Fraction(0)) + amount
    return result
