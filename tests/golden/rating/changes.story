# A subscription that becomes another from a time on: tariff, customer, currency and billing, each in a period of its own.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters:
- {key: calls, service: compute, event_type: call, aggregation: count}
- {key: seats, service: compute, event_type: seat, aggregation: time_weighted, value: n, per: day}
tariffs:
- key: basic
  currency: EUR
  versions: [{from: 2025-01-01, components: [{key: calls, meter: calls, per_unit: "1"}]}]
- key: pro
  currency: EUR
  versions: [{from: 2025-01-01, components: [{key: calls, meter: calls, per_unit: "3"}]}]

# Another tariff from a time on: what was before keeps its price, also when it was closed long ago.
subscriptions: [{key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01}]

use     s1 calls 2026-01-10 10 | 2026-02-10 10 | 2026-02-20T11 1 | 2026-02-20T12 4
at      2026-02-25
        2026-01: final 10 calls
        2026-02: draft 15 calls
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-02-20T12:00:00Z", tariff: pro}]}

at      2026-02-26
        2026-02: final -4 calls (11)
        2026-02-20T12: draft 12 calls (4)
use     s1 calls 2026-01-11 2 | 2026-02-11 1 | 2026-02-27 1
at      2026-03-02
        2026-01: correction 2 calls
        2026-02: correction 1 calls
        2026-02-20T12: final 3 calls (5)

# Before the use of it or after: the same bill, and to the instant.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-02-20T12:30:00Z", tariff: pro}]}

use     s1 calls 2026-01-10 10 | 2026-02-10 10 | 2026-02-20T12:29 1 | 2026-02-20T12:30 4
at      2026-03-02
        2026-01: final 10 calls
        2026-02: final 11 calls
        2026-02-20T12:30: final 12 calls

# Also inside of a second, of which the period has its name.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-02-20T12:30:00.25Z", tariff: pro}, {from: "2026-02-20T12:30:01Z", tariff: basic}]}

use     s1 calls 2026-01-10 10 | 2026-02-10 10 | 2026-02-20T12:30:00.249999 1 | 2026-02-20T12:30:00.25 4 | 2026-02-20T12:30:01 7
at      2026-03-02
        2026-01: final 10 calls
        2026-02: final 11 calls
        2026-02-20T12:30: final 12 calls
        2026-02-20T12:30:01: final 7 calls
use     s1 calls 2026-02-20T12:30:00.3 1
at      2026-03-03
        2026-02-20T12:30: correction 3 calls

# Another customer: each pays for his time, and a correction goes to who was charged. A change that moves or
# goes takes with it what it began.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: 2026-02-16, customer: c2}]}

use     s1 calls 2026-02-10 10 | 2026-02-20 4
at      2026-03-02
        2026-02: final 10 calls
        2026-02-16: final 4 calls
        body calls: "customer":"c2"
use     s1 calls 2026-02-11 1
at      2026-03-03
        2026-02: correction 1 calls
        body calls: "customer":"c1"
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: 2026-02-19, customer: c2}]}

at      2026-03-04
        2026-02-16: correction -4 calls (0)
        2026-02-19: final 4 calls
subscriptions: [{key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01}]

at      2026-03-05
        2026-02: correction 4 calls (15)
        2026-02-19: correction -4 calls (0)

# Told when the period was closed and charged to the one before: he gets it back, and the other is charged.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01}

use     s1 calls 2026-01-10 10 | 2026-02-10 4
at      2026-03-02
        2026-01: final 10 calls
        2026-02: final 4 calls
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: 2026-02-01, customer: c2}]}

at      2026-03-03
        2026-02: correction 4 calls (4); correction -4 calls (0)
        body calls: "customer":"c2"
use     s1 calls 2026-02-11 1
at      2026-03-04
        2026-02: correction 1 calls (5)
        body calls: "customer":"c2"

# To another and back, and once more: each is charged what the other gets back, and what comes late goes to who pays now.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01}

use     s1 calls 2026-02-10 4
at      2026-03-02
        2026-02: final 4 calls
subscriptions:
- {key: s1, service: compute, customer: c2, tariff: basic, start: 2026-01-01}

at      2026-03-03
        2026-02: correction 4 calls (4); correction -4 calls (0)
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01}

at      2026-03-04
        2026-02: correction 4 calls (4); correction -4 calls (0)
        body calls: "customer":"c2"
use     s1 calls 2026-02-11 1
at      2026-03-05
        2026-02: correction 1 calls (5)
        body calls: "customer":"c1"
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-02-10T12:00:00Z", customer: c2}, {from: "2026-02-10T12:00:01.000001Z", customer: c1}]}

use     s1 calls 2026-02-10T12 7 | 2026-02-10T12:00:01.000001 2
at      2026-03-06
        2026-02: correction -1 calls (4)
        2026-02-10T12: final 7 calls (7)
        2026-02-10T12:00:01: final 3 calls (3)

# Another currency: prices of the same tariff in it.
tariffs:
- key: both
  currency: EUR
  versions: [{from: 2025-01-01, components: [{key: calls, meter: calls, per_unit: {EUR: 1, USD: 2}}]}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: both, start: 2026-01-01, changes: [{from: 2026-01-16, currency: USD}]}

use     s1 calls 2026-01-10 10 | 2026-01-20 4
at      2026-02-02
        2026-01: final 10 calls
        2026-01-16: final 8 USD calls

# Another billing rule: a period ends with the old one, and the new one counts from there.
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: basic
  start: 2026-01-01
  changes: [{from: 2026-02-16, billing: {every: month, anchor: anniversary}}, {from: 2026-04-16, billing: {every: week}}]

use     s1 calls 2026-02-10 1 | 2026-02-20 2 | 2026-03-15 4 | 2026-03-16 8 | 2026-04-17 16
at      2026-05-01
        2026-02: final 1 calls
        2026-02-16: final 6 calls
        2026-03-16: final 8 calls
        2026-04-16: final 16 calls

# A level goes on through a change, and so does the contract's term where tariff and customer stay.
tariffs:
- key: seats
  currency: EUR
  versions: [{from: 2025-01-01, components: [{key: seats, meter: seats, per_unit: "1"}, {key: calls, meter: calls, scope: term, graduated: [{up_to: 10, unit: "1"}, {unit: "0.1"}]}]}]
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: seats
  start: 2026-01-01
  changes: [{from: 2026-01-21, billing: {every: month, anchor: anniversary}}, {from: 2026-02-21, customer: c2}]

use     s1 seats 2026-01-11 2 | calls 2026-01-05 8 | 2026-01-25 8 | 2026-02-25 8
at      2026-04-01
        2026-01: final 20 seats; final 8 calls   # 10 days of 2 seats
        2026-01-21: final 62 seats; final 2.6 calls   # 31 days; two at 1, six at 0.10
        2026-02-21: final 56 seats; final 8 calls
        2026-03-21: draft 62 seats

# An end before a change takes it away, and brings it back when it goes.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, end: 2026-02-11, changes: [{from: 2026-02-16, tariff: pro}]}

use     s1 calls 2026-02-10 10 | 2026-02-20 4
at      2026-03-02
        2026-02: final 10 calls
        audit: outside_term s1 2026-02-20: usage of 1 cell lies outside the subscription's term and is not charged
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: 2026-02-16, tariff: pro}]}

at      2026-03-03
        2026-02-16: final 12 calls
