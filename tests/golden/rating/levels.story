# Meters that keep more than sums: levels that hold until they change, and events that are priced one by one.
vendors: [{key: acme}]
services: [{key: store, vendor: acme}]
meters:
- {key: gib, service: store, event_type: v, value: g, aggregation: time_weighted, group_by: [region]}
- {key: mean, service: store, event_type: v, value: g, aggregation: time_weighted, per: period,
   holds_from: day}
- {key: seats, service: store, event_type: v, value: n, aggregation: time_weighted, reports: change, per: day}
- {key: paid, service: store, event_type: p, value: amount, keep_events: true}
- {key: peak, service: store, event_type: v, value: g, aggregation: percentile, window: 1h, group_by: [port]}

# A level goes on from month to month: 10 GiB from 11 January on are 5,040 GiB-hours in January and 6,720 in
# February.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: gib, meter: gib, per_unit: "0.01", group_by: [region]}]
subscriptions: [{key: s1, service: store, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 gib/eu 2026-01-11 10
at      2026-03-02  # March is open: a draft of what it comes to when the level holds
        2026-01: final 50.4 gib{region=eu} (5040)
        2026-02: final 67.2 gib{region=eu} (6720)
        2026-03: draft 74.4 gib{region=eu}
use     s1 gib/eu 2026-01-31 20  # late: one more day at 20 in January, and all that comes after
at      2026-03-03
        2026-01: correction 2.4 gib{region=eu}
        2026-02: correction 67.2 gib{region=eu}
        2026-03: draft 74.4 gib{region=eu}
use     s1 gib/eu 2026-02-15 0
at      2026-03-04
        2026-02: correction -67.2 gib{region=eu}
        2026-03: draft -148.8 gib{region=eu}
void    s1 gib/eu 2026-01-11 10
at      2026-03-05            2026-01: correction -48 gib{region=eu}  # one day at 20 is left

# A level ends where its meter is retired, whenever that is said.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: gib, meter: gib, per_unit: "0.01", group_by: [region]}]
subscriptions: [{key: s1, service: store, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 gib/eu 2026-01-11 10
at      2026-03-02
        2026-01: final 50.4 gib{region=eu} (5040)
        2026-02: final 67.2 gib{region=eu} (6720)
        2026-03: draft 74.4 gib{region=eu}
meters:
- {key: gib, service: store, event_type: v, value: g, aggregation: time_weighted, group_by: [region],
   retired: 2026-02-01T12:00:00Z}

at      2026-03-03
        2026-02: correction -66 gib{region=eu} (120)
        2026-03: draft -74.4 gib{region=eu}
meters:
- {key: gib, service: store, event_type: v, value: g, aggregation: time_weighted, group_by: [region],
   retired: 2026-01-21}

at      2026-03-04
        2026-01: correction -26.4 gib{region=eu} (2400)
        2026-02: correction -1.2 gib{region=eu} (0)
void    s1 gib/eu 2026-01-11 10
at      2026-03-05            2026-01: correction -24 gib{region=eu} (0)

# Changes from before the start do not count, not even those of the same hour.
tariffs:
- key: standard
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: seats, meter: seats, per_unit: 1}]}]
subscriptions:
- {key: s1, service: store, customer: c1, tariff: standard, start: "2026-01-11T00:30:00Z", end: 2026-01-21}

use     s1 seats 2026-01-03 100           # before it
        s1 seats 2026-01-11T00:29:59 1    # the last second before it
        s1 seats 2026-01-11T00:30 2       # its first
        s1 seats 2026-01-16 3
        s1 seats 2026-01-21T00:01 1000    # behind it
at      2026-02-02
        2026-01-11T00:30: final 34.96 seats  # 2 × (10 days − 1,800 s) + 3 × 5 days = 34.958333
        audit: outside_term s1 2026-01-03: usage of 2 cells lies outside the subscription's term and is not charged;
               outside_term s1 2026-01-21: usage of 1 cell lies outside the subscription's term and is not charged
subscriptions: [{key: s1, service: store, customer: c1, tariff: standard, start: 2026-01-11, end: 2026-01-21}]

at      2026-02-03  # another start, another period
        2026-01-11: final 44.94 seats  # the change of 00:29:59, too
        2026-01-11T00:30: correction -34.96 seats
        audit: outside_term s1 2026-01-03: usage of 1 cell lies outside the subscription's term and is not charged;
               outside_term s1 2026-01-21: usage of 1 cell lies outside the subscription's term and is not charged

# Parts of a mean add up: on each side of 16 January one, and the second goes on in the tiers.
tariffs:
- key: standard
  currency: EUR
  versions:
  - {from: 2026-01-01, components: [{key: gib, meter: mean, graduated: [{up_to: 5, unit: 1}, {unit: "0.5"}]}]}
  - {from: 2026-01-16, components: [{key: gib, meter: mean, graduated: [{up_to: 5, unit: 1}, {unit: "0.5"}]}]}
subscriptions: [{key: s1, service: store, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 mean 2026-01-01T23 8  # from midnight on
at      2026-02-02
        # 8 in the mean, of which 15 of 31 days are 3.870968; 5 × 1 and 3 × 0.5 in all
        2026-01: final 3.87 gib; final 2.63 gib
        2026-02: draft 6.5 gib

# Events are priced one by one: 1 % of each payment, at least 0.50 and at most 2.00; the first is free.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - key: fees
      meter: paid
      scope: event
      percentage: {rate: 1, minimum: "0.50", maximum: 2, free_events: 1}
subscriptions: [{key: s1, service: store, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 paid 2026-01-02 100 | 2026-01-03 10 | 2026-01-03 1000
at      2026-02-02            2026-01: final 2.5 fees       # nothing, 0.50 and 2.00
use     s1 paid 2026-01-01 5
at      2026-02-03            2026-01: correction 1 fees    # an earlier one is the free one now

# A percentile of a day: of its 24 hours the 23rd counts, of two busy ones the lesser.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: peak, meter: peak, scope: day, per_unit: 1, group_by: [port]}]
subscriptions: [{key: s1, service: store, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 peak/a 2026-01-01T01 7 | 2026-01-01T02 5 | peak/b 2026-01-01T02 4
at      2026-02-02            2026-01: final 5 peak{port=a}

# Hours behind the end of a meter have no rank, whenever that is said: of the first day alone the 23rd of 24 counts.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: peak, meter: peak, per_unit: 1, group_by: [port]}]
subscriptions: [{key: s1, service: store, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 peak/a 2026-01-01T01 7 | 2026-01-01T02 5
at      2026-02-02            nothing  # the 707th of 744
meters:
- {key: peak, service: store, event_type: v, value: g, aggregation: percentile, window: 1h, group_by: [port],
   retired: 2026-01-02}

at      2026-02-03            2026-01: correction 5 peak{port=a} (5)
meters:
- {key: peak, service: store, event_type: v, value: g, aggregation: percentile, window: 1h, group_by: [port],
   retired: "2026-01-02T15:00:00.000001Z"}  # the 38th of 40, of which two are busy

at      2026-02-04            2026-01: correction -5 peak{port=a} (0)
meters:
- {key: peak, service: store, event_type: v, value: g, aggregation: percentile, window: 1h, group_by: [port]}

at      2026-02-05            nothing

# A subscription begins with what it takes over: 10 GiB until the first report, and 3 seats to which changes are added.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: gib, meter: gib, per_unit: "0.01", group_by: [region]}
    - {key: seats, meter: seats, per_unit: "1"}
subscriptions:
- {key: s1, service: store, customer: c1, tariff: standard, start: 2026-01-11, opening: [
   {meter: gib, value: 10, dimensions: {region: eu}}, {meter: gib, value: 1, dimensions: {region: us}},
   {meter: seats, value: 3}]}

at      2026-02-02  # nothing was reported: 21 days
        2026-01-11: final 50.4 gib{region=eu} (5040); final 5.04 gib{region=us} (504); final 63 seats (63)
        2026-02: draft 67.2 gib{region=eu}; draft 6.72 gib{region=us}; draft 84 seats
use     s1 gib/eu 2026-01-31 0 | s1 seats 2026-01-31 -1  # late: the last day is without it
at      2026-02-03
        2026-01-11: correction -2.4 gib{region=eu} (4800); correction -1 seats (62)
        2026-02: draft -28 seats; draft -67.2 gib{region=eu}
void    s1 gib/eu 2026-01-31 0  # taken back: it goes on
at      2026-02-04
        2026-01-11: correction 2.4 gib{region=eu} (5040)
        2026-02: draft 67.2 gib{region=eu}
