# When use counts: windows of a clock, months and dates.
vendors: [{key: acme}]
services: [{key: power, vendor: acme}]
meters:
- {key: kwh, service: power, event_type: k, value: q}
- {key: calls, service: power, event_type: c, value: s, keep_events: true}

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
