# When use counts: windows of a clock, months and dates.
vendors: [{key: acme}]
services: [{key: power, vendor: acme}]
meters:
- {key: kwh, service: power, event_type: k, value: q}
- {key: calls, service: power, event_type: c, value: s, keep_events: true}
- {key: half, service: power, event_type: k, value: q, cell: 30m}
- {key: quarter, service: power, event_type: k, value: q, cell: 15m}
- {key: kw, service: power, event_type: l, value: w, aggregation: time_weighted, cell: 15m}

# A window of UTC is the same hours of the sun all year: what is 23:00 to 07:00 on London's wall in winter is
# midnight to 08:00 in summer. Clocks change on 29 March and 25 October at 01:00 UTC.
tariffs:
- key: economy
  currency: EUR
  versions:
  - from: 2026-01-01
    calendar: {night: {hours: "23:00-07:00", zone: UTC}}
    components:
    - {key: night, meter: kwh, when: night, per_unit: "0.10"}
    - {key: day, meter: kwh, when: {not: night}, per_unit: "0.30"}
subscriptions: [{key: s1, service: power, customer: c1, tariff: economy, zone: Europe/London, start: 2026-01-01}]

use     s1 kwh 2026-03-28T22:59 1 | 2026-03-28T23 10 | 2026-03-29T06:59 100 | 2026-03-29T07 1000
        s1 kwh 2026-10-24T22:59 2 | 2026-10-24T23 20 | 2026-10-25T06:59 200 | 2026-10-25T07 2000
at      2026-04-02  2026-03: final 11 night (110); final 300.3 day (1001)
at      2026-11-02  2026-09-30T23: final 22 night (220); final 600.6 day (2002)

# Economy 7: from 00:30 to 07:30 UTC all year round, on a meter with cells of half an hour. In summer that is 01:30 to
# 08:30 on London's wall; in the night in which clocks go back 01:30 is there twice, and it begins at the second.
tariffs:
- key: economy
  currency: EUR
  versions:
  - from: 2026-01-01
    calendar: {night: {hours: "00:30-07:30", zone: UTC}}
    components:
    - {key: night, meter: half, when: night, per_unit: "0.10"}
    - {key: day, meter: half, when: {not: night}, per_unit: "0.30"}
subscriptions: [{key: s1, service: power, customer: c1, tariff: economy, zone: Europe/London, start: 2026-01-01}]

use     s1 half 2026-03-29T00:29 1 | 2026-03-29T00:30 10 | 2026-03-29T07:29 100 | 2026-03-29T07:30 1000
        s1 half 2026-10-25T00:29 2 | 2026-10-25T00:30 20 | 2026-10-25T07:29 200 | 2026-10-25T07:30 2000
        s1 half 2026-07-10T00:29 3 | 2026-07-10T00:30 30 | 2026-07-10T07:29 300 | 2026-07-10T07:30 3000
at      2026-04-02  2026-03: final 11 night (110); final 300.3 day (1001)
at      2026-08-02  2026-06-30T23: final 33 night (330); final 900.9 day (3003)
at      2026-11-02  2026-09-30T23: final 22 night (220); final 600.6 day (2002)

# Quarters of an hour, where clocks are off the full hour: 18:15 to 23:45 in Kathmandu, which is 12:30 to 18:00 UTC; what
# is of Monday there, and what of its own UTC day.
tariffs:
- key: economy
  currency: EUR
  versions:
  - from: 2026-01-01
    calendar:
      peak: {hours: "18:15-23:45", days: mon}
      monday: {days: mon, zone: UTC}
    components:
    - {key: peak, meter: quarter, when: peak, per_unit: 1}
    - {key: monday, meter: quarter, weights: {monday: 2}, per_unit: 1}
subscriptions: [{key: s1, service: power, customer: c1, tariff: economy, zone: Asia/Kathmandu, start: 2026-01-01}]

use     s1 quarter 2026-01-12T12:29 1 | 2026-01-12T12:30 10 | 2026-01-12T17:59 100 | 2026-01-12T18 1000
        s1 quarter 2026-01-11T23:59 3 | 2026-01-12T23:59 5 | 2026-01-13T00 7
at      2026-02-02  2025-12-31T18:15: final 110 peak (110); final 2242 monday (1126)

# A level is split where a window begins: 4 kW from 00:00 to 02:00, of which 0:45 are before 00:45, and 1:15 behind it.
tariffs:
- key: economy
  currency: EUR
  versions:
  - from: 2026-01-01
    calendar: {night: {hours: "00:45-06:00"}}
    components:
    - {key: night, meter: kw, when: night, per_unit: 1}
    - {key: day, meter: kw, when: {not: night}, per_unit: 10}
subscriptions: [{key: s1, service: power, customer: c1, tariff: economy, start: 2026-01-01}]

use     s1 kw 2026-01-10 4 | 2026-01-10T02 0
at      2026-02-02  2026-01: final 5 night (5); final 30 day (3)

# The same by the clock on the wall: of the night in which it is turned there are 7 or 9 hours.
tariffs:
- key: economy
  currency: EUR
  versions:
  - from: 2026-01-01
    calendar: {night: {hours: "23:00-07:00"}}
    components: [{key: night, meter: kwh, when: night, per_unit: "0.10"}]
subscriptions: [{key: s1, service: power, customer: c1, tariff: economy, zone: Europe/London, start: 2026-01-01}]

use     s1 kwh 2026-03-28T22:59 1 | 2026-03-28T23 10 | 2026-03-29T05:59 100 | 2026-03-29T06 1000
        s1 kwh 2026-10-24T21:59 2 | 2026-10-24T22 20 | 2026-10-25T06:59 200 | 2026-10-25T07 2000
at      2026-04-02  2026-03: final 11 night (110)
at      2026-11-02  2026-09-30T23: final 22 night (220)

# Standard time is the wall's without daylight saving: from 06:00 to 22:00 of Berlin's winter is 07:00 to 23:00
# in July.
tariffs:
- key: grid
  currency: EUR
  versions:
  - from: 2026-01-01
    calendar_zone: standard
    calendar: {high: {hours: "06:00-22:00", days: mon-fri}}
    components: [{key: high, meter: kwh, when: high, per_unit: 1}]
subscriptions: [{key: s1, service: power, customer: c1, tariff: grid, zone: Europe/Berlin, start: 2026-01-01}]

use     s1 kwh 2026-01-12T04:59 1 | 2026-01-12T05 10 | 2026-01-12T20:59 100 | 2026-01-12T21 1000  # a Monday
        s1 kwh 2026-07-13T04:59 1 | 2026-07-13T05 10 | 2026-07-13T20:59 100 | 2026-07-13T21 1000  # and one in July
        s1 kwh 2026-07-12T12 10000  # a Sunday
at      2026-02-02  2025-12-31T23: final 110 high (110)
at      2026-08-02  2026-06-30T22: final 110 high (110)

# Other hours in summer; holidays come every year, the works' closure once.
tariffs:
- key: season
  currency: EUR
  versions:
  - from: 2026-01-01
    calendar:
      summer: {months: apr-sep, hours: "12:00-18:00"}
      winter: {months: oct-mar, hours: "16:00-20:00"}
      quiet: {dates: [12-24..01-01, 2026-07-20..2026-08-02]}
      peak: {any: [summer, winter], not: quiet}
    components: [{key: peak, meter: kwh, when: peak, per_unit: 1}]
subscriptions: [{key: s1, service: power, customer: c1, tariff: season, start: 2026-01-01}]

use     s1 kwh 2026-01-01T16 1 | 2026-01-02T15 2 | 2026-01-02T16 40
        s1 kwh 2026-07-19T16 5 | 2026-07-20T16 6 | 2026-07-19T18 7
        s1 kwh 2026-12-23T19 8 | 2026-12-24T19 9
at      2026-02-02  2026-01: final 40 peak (40)
at      2026-08-02  2026-07: final 5 peak (5)
at      2027-01-02  2026-12: final 8 peak (8)

# Events that are priced one by one are judged by their own moments, so windows may begin at any minute.
tariffs:
- key: voice
  currency: EUR
  versions:
  - from: 2026-01-01
    calendar: {low: {hours: "18:10-07:45"}}
    components: [{key: low, meter: calls, scope: event, when: low, per_unit: "0.01"}]
subscriptions: [{key: s1, service: power, customer: c1, tariff: voice, start: 2026-01-01}]

use     s1 calls 2026-01-10T18:09 1 | 2026-01-10T18:10 10 | 2026-01-11T07:44 100 | 2026-01-11T07:45 1000
at      2026-02-02  2026-01: final 1.1 low (110)
