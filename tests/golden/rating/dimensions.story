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

# Each line that is used has its own minimum when the period closes; late use takes it back.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: disk, meter: disk, per_unit: "0.10", group_by: [region], line_minimum: 5, minimum_prorate: day}
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 disk/eu/ssd 2026-01-05 20 | disk/us/ssd 2026-01-05 70
at      2026-01-06
        2026-01: draft 2 disk{region=eu}; draft 7 disk{region=us}
at      2026-02-01T02
        2026-01: final 0 disk{region=eu}; final 0 disk{region=us}; final 3 disk{region=eu} minimum
use     s1 disk/eu/ssd 2026-01-20 10 | disk/as/ssd 2026-01-20 1
at      2026-02-03
        2026-01: correction 0.1 disk{region=as}; correction 1 disk{region=eu} (30);
                 correction 4.9 disk{region=as} minimum; correction -1 disk{region=eu} minimum
void    s1 disk/as/ssd 2026-01-20 1
at      2026-02-04
        2026-01: correction -4.9 disk{region=as} minimum; correction -0.1 disk{region=as}

# Over the versions of a month each line has one minimum, that of the last; lines of the days before, too.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: disk, meter: disk, per_unit: "0.10", group_by: [region], line_minimum: 5}]
  - from: 2026-01-11
    components: [{key: disk, meter: disk, per_unit: "0.20", group_by: [region], line_minimum: 6}]
  - from: 2026-01-21
    reset: true
    components: [{key: disk, meter: disk, per_unit: "0.30", group_by: [region], line_minimum: 7}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 disk/eu/ssd 2026-01-05 20 | disk/us/ssd 2026-01-12 10 | disk/eu/hdd 2026-01-12 5 | disk/as/ssd 2026-01-22 30
at      2026-02-01T02
        2026-01: final 2 disk{region=eu}; final 1 disk{region=eu}; final 2 disk{region=us};
                 final 9 disk{region=as}; final 4 disk{region=eu} minimum; final 5 disk{region=us} minimum

# A month in which the subscription runs for ten days has that share of it.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: disk, meter: disk, per_unit: "0.10", group_by: [region], line_minimum: "6.20", minimum_prorate: day}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-22}]

use     s1 disk/eu/ssd 2026-01-23 5
at      2026-02-01T02
        2026-01-22: final 0.5 disk{region=eu}; final 1.5 disk{region=eu} minimum

# What an earlier version had in one line is no line of a group_by: it counts for the minimum of the component alone.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: disk, meter: disk, per_unit: "0.10", minimum: 20}]
  - from: 2026-01-11
    components: [{key: disk, meter: disk, per_unit: "0.10", group_by: [region], line_minimum: 5, minimum: 20}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 disk/eu/ssd 2026-01-05 20 | disk/us/ssd 2026-01-12 10
at      2026-02-01T02
        2026-01: final 2 disk; final 1 disk{region=us}; final 4 disk{region=us} minimum; final 13 disk minimum
