# Lines by dimension, prices by hour and by size, and meters that are more than a sum.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters:
- {key: calls, service: compute, event_type: call, aggregation: count}
- {key: disk, service: compute, event_type: disk, value: gib, group_by: [region, class]}
- {key: peak, service: compute, event_type: disk, value: gib, aggregation: max}
- {key: users, service: compute, event_type: login, value: user, aggregation: unique, group_by: [region]}
- {key: level, service: compute, event_type: disk, value: gib, aggregation: last, group_by: [region]}
tariffs:
- key: standard
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]

# Dimensions are lines of their own, whatever stands in them.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: disk, meter: disk, per_unit: "0.10", group_by: [region]}
    - {key: peak, meter: peak, per_unit: 1}
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 disk/eu/ssd 2026-01-01 10 | disk/eu/hdd 2026-01-01 20 | disk/a,b=c\/ssd 2026-01-01 40
use     s1 peak 2026-01-01T00 8 | 2026-01-01T01 6
at      2026-02-01T02
        2026-01: final 4 disk{region=a\,b\=c\\} (40); final 3 disk{region=eu} (30); final 8 peak (8)
        body disk: "dimensions":{"region":"a,b=c\\"}
        body disk: "amount":"4.00"
        body disk: "period_end":"2026-02-01T00:00:00+00:00"

# Prices are chosen by hour, dimension and size; hours are those of the subscription's zone.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    calendar: {night: {hours: "22:00-06:00"}, feast: {dates: [2026-01-06]}, off: {any: [night, feast]}}
    components:
    - {key: day, meter: calls, when: {not: off}, per_unit: 3, tax_code: T1}
    - {key: night, meter: calls, when: off, weights: {feast: "0.5"}, per_unit: 1}
    - {key: disk, meter: disk, group_by: [class], matrix: [{match: {class: ssd}, per_unit: 2}, {per_unit: 1}]}
    - {key: plan, capacity: [{up_to: {disk: 20, peak: 10}, amount: 10}, {amount: 30}]}
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, zone: Europe/Berlin, start: 2026-01-01}

use     s1 calls 2026-01-01T20 1  # 21:00 in Berlin
        2026-01-01T21 2           # 22:00
        2026-01-05T23 4           # the 6th begins
        2026-01-06T22 8           # 23:00 of the 6th
use     s1 disk/eu/ssd 2026-01-01 5 | disk/us/hdd 2026-01-01 5 | peak 2026-01-01 8
at      2026-02-01T02
        # 1 × 3; 2 + 12 ÷ 2; 5 × 1 of hdd before 5 × 2 of ssd by name; the first step
        2025-12-31T23: final 3 day (1); final 8 night; final 5 disk{class=hdd}; final 10 disk{class=ssd};
                       final 10 plan
        body day: "unit":"","tax_code":"T1",
use     s1 peak 2026-01-01T01 11
void    s1 calls 2026-01-01T20 1
at      2026-02-01T05
        2025-12-31T23: correction 20 plan; correction -3 day
        body day: "tax_code":"T1",  # the line is gone, and is told with it

# Last and unique are exact over hours and dimensions.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: users, meter: users, per_unit: 1}
    - {key: level, meter: level, per_unit: 1}
    - {key: split, meter: users, per_unit: 10, group_by: [region]}
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 users/eu 2026-01-01T00 a,b,c | users/us 2026-01-01T00 c | users/eu 2026-01-01T01 b,d
use     s1 level/eu 2026-01-01T00 50 | 2026-01-01T01:00:02 7  # in one hour the later event counts
        level/us 2026-01-01T01:00:01 9
at      2026-02-01T02
        2026-01: final 4 users; final 7 level; final 40 split{region=eu}; final 10 split{region=us}
