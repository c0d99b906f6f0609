# Billing periods that begin in one second: the first is named by the second, each other by its instant.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters:
- {key: calls, service: compute, event_type: call, aggregation: count}
- {key: seats, service: compute, event_type: seat, aggregation: time_weighted, value: n, per: second}
tariffs:
- key: basic
  currency: EUR
  versions: [{from: 2025-01-01, components: [{key: calls, meter: calls, per_unit: "1"}]}]
- key: pro
  currency: EUR
  versions: [{from: 2025-01-01, components: [{key: calls, meter: calls, per_unit: "3"}]}]

# A change in the first second of a month: use of that second is of before it or of behind it.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-02-01T00:00:00.5Z", tariff: pro, customer: c2}]}

use     s1 calls 2026-01-31T23:59:59.999999 10 | 2026-02-01T00:00:00 1 | 2026-02-01T00:00:00.499999 1 | 2026-02-01T00:00:00.5 4 | 2026-02-20 1
at      2026-03-02
        2026-01: final 10 calls
        2026-02: final 2 calls
        2026-02-01T00:00:00.5: final 15 calls
        body calls: "customer":"c1"
        body calls: "period_start":"2026-02-01T00:00:00+00:00","period_end":"2026-02-01T00:00:00.500+00:00","part_start":"2026-02-01T00:00:00+00:00","part_end":"2026-02-01T00:00:00.500+00:00"
        body calls: "period_start":"2026-02-01T00:00:00.500+00:00","period_end":"2026-03-01T00:00:00+00:00","part_start":"2026-02-01T00:00:00.500+00:00","part_end":"2026-03-01T00:00:00+00:00"
        periods: 4
use     s1 calls 2026-02-01T00:00:00.2 1 | 2026-02-01T00:00:00.7 1
at      2026-03-03
        2026-02: correction 1 calls (3)
        2026-02-01T00:00:00.5: correction 3 calls (6)
restart grace 10d
at      2026-03-04            nothing

# Two and three changes within a second, in the midst of a month: the first has the second's name.
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: basic
  start: 2026-01-01
  changes:
  - {from: "2026-01-10T12:00:00.000001Z", tariff: pro}
  - {from: "2026-01-10T12:00:00.5Z", customer: c2}
  - {from: "2026-01-10T12:00:00.500001Z", tariff: basic, customer: c1}

use     s1 calls 2026-01-10T12 1 | 2026-01-10T12:00:00.000001 2 | 2026-01-10T12:00:00.499999 1
        s1 calls 2026-01-10T12:00:00.5 5 | 2026-01-10T12:00:00.500001 7 | 2026-01-31 1
at      2026-02-02
        2026-01: final 1 calls
        2026-01-10T12: final 9 calls
        2026-01-10T12:00:00.5: final 15 calls
        2026-01-10T12:00:00.500001: final 8 calls
use     s1 calls 2026-01-10T12:00:00.5 1
at      2026-02-03
        2026-01-10T12:00:00.5: correction 3 calls

# One that is said later, when all was closed, and taken out again: what was charged of it is given back.
subscriptions: [{key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01}]

use     s1 calls 2026-02-10 2 | 2026-02-20 4
at      2026-03-02            2026-02: final 6 calls
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-02-01T00:00:00.5Z", tariff: pro}]}

use     s1 calls 2026-02-01T00:00:00.2 1
at      2026-03-03
        2026-02: correction -5 calls (1)
        2026-02-01T00:00:00.5: final 18 calls (6)
        closed: 2026-02-01T00:00:00.5
subscriptions: [{key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01}]

at      2026-03-04
        2026-02: correction 6 calls (7)
        2026-02-01T00:00:00.5: correction -18 calls (0)
use     s1 calls 2026-02-21 1
at      2026-03-05            2026-02: correction 1 calls (8)
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-02-01T00:00:00.5Z", tariff: pro}]}

at      2026-03-06
        2026-02: correction -7 calls (1)
        2026-02-01T00:00:00.5: correction 21 calls (7)

# A period gets another name where one before it in its second comes or goes: it is charged anew under that.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-01-10T12:00:00.5Z", tariff: pro}]}

use     s1 calls 2026-01-10T12:00:00.7 2
at      2026-01-20            2026-01-10T12: draft 6 calls
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-01-10T12:00:00.25Z", customer: c2}, {from: "2026-01-10T12:00:00.5Z", tariff: pro}]}

use     s1 calls 2026-01-10T12:00:00.3 1
at      2026-01-21
        2026-01-10T12: final 1 calls (1); final -6 calls (0)
        2026-01-10T12:00:00.5: draft 6 calls (2)
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-01-10T12:00:00.5Z", tariff: pro}]}

at      2026-01-22
        2026-01: correction 1 calls (1)
        2026-01-10T12: correction 6 calls (2); correction -1 calls (0)
        2026-01-10T12:00:00.5: final -6 calls (0)
at      2026-02-02            nothing

# The same with a stub of which nothing was charged before: the charge under the other name is another one.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-01-10T12:00:00.25Z", customer: c1}, {from: "2026-01-10T12:00:00.5Z", tariff: pro}]}

use     s1 calls 2026-01-10T12:00:00.7 2
at      2026-01-20            2026-01-10T12:00:00.5: draft 6 calls
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-01-10T12:00:00.5Z", tariff: pro}]}

at      2026-01-21
        2026-01-10T12: correction 6 calls
        2026-01-10T12:00:00.5: final -6 calls

# A subscription that starts inside a second, and changes within it.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: "2026-01-05T10:00:00.1Z", changes: [{from: "2026-01-05T10:00:00.2Z", tariff: pro}, {from: "2026-01-05T10:00:00.9Z", tariff: basic}], end: "2026-01-05T10:00:00.95Z"}

use     s1 calls 2026-01-05T10:00:00.1 1 | 2026-01-05T10:00:00.2 1 | 2026-01-05T10:00:00.9 1
at      2026-01-06
        2026-01-05T10: final 1 calls
        2026-01-05T10:00:00.2: final 3 calls
        2026-01-05T10:00:00.9: final 1 calls
        periods: 3

# An allowance is of each period, also of one of half a second, and rolls over within a phase alone.
tariffs:
- key: with
  currency: EUR
  versions:
  - from: 2025-01-01
    allowances: [{key: included, components: [calls], quantity: 10, rollover: 1}]
    components: [{key: calls, meter: calls, per_unit: 1}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: with, start: 2026-01-01, changes: [{from: "2026-02-01T00:00:00.5Z", customer: c2}]}

use     s1 calls 2026-01-10 4 | 2026-02-01T00:00:00.1 17 | 2026-02-01T00:00:00.6 11 | 2026-03-01 12
at      2026-04-02
        2026-01: final 0 calls (4); final 0 included{grant=2026-01-01} draw (4)
        2026-02: final 1 calls (17); final 0 included{grant=2026-01-01} draw (6); final 0 included{grant=2026-02-01} draw (10)
        2026-02-01T00:00:00.5: final 1 calls (11); final 0 included{grant=2026-02-01} draw (10)
        2026-03: final 2 calls (12); final 0 included{grant=2026-03-01} draw (10)
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: with, start: 2026-01-01}

at      2026-04-03
        2026-02: correction 11 calls (28)
        2026-02-01T00:00:00.5: correction -1 calls (0); correction 0 included{grant=2026-02-01} draw (0)
        2026-03: correction 2 calls (12); correction 0 included{grant=2026-03-01} draw (10);
                 correction 0 included{grant=2026-03-01} draw (0); correction -2 calls (0)  # of the other customer

# A credit is drawn by one period of the second after the other, whoever is closed first; use of the first that comes late
# takes from those behind.
credits: [{key: gift, customer: c1, amount: 10, currency: EUR, from: 2026-01-01}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-02-01T00:00:00.25Z", tariff: pro}, {from: "2026-02-01T00:00:00.5Z", tariff: basic}]}
- {key: s2, service: compute, customer: c1, tariff: basic, start: 2026-01-01, changes: [{from: "2026-02-01T00:00:00.3Z", tariff: pro}]}

use     s1 calls 2026-02-01T00:00:00.1 2 | 2026-02-01T00:00:00.3 1 | 2026-02-01T00:00:00.6 4
use     s2 calls 2026-02-01T00:00:00.1 1 | 2026-02-01T00:00:00.4 2
settle  2026-03-02
        s1 2026-02: final 2 calls; final -2 gift{credit=2026-01-01} credit
        s2 2026-02: final 1 calls; final -1 gift{credit=2026-01-01} credit
        s1 2026-02-01T00:00:00.25: final 3 calls; final -3 gift{credit=2026-01-01} credit
        s2 2026-02-01T00:00:00.3: final 6 calls; final -5 gift{credit=2026-01-01} credit; correction 1 gift{credit=2026-01-01} credit
        s1 2026-02-01T00:00:00.5: final 4 calls; final -4 gift{credit=2026-01-01} credit; correction 4 gift{credit=2026-01-01} credit
use     s1 calls 2026-02-01T00:00:00.1 1
settle  2026-03-03
        s1 2026-02: correction 1 calls; correction -1 gift{credit=2026-01-01} credit
        s2 2026-02-01T00:00:00.3: correction 1 gift{credit=2026-01-01} credit

# Levels hold on through periods of any length.
tariffs:
- key: seats
  currency: EUR
  versions: [{from: 2025-01-01, components: [{key: seats, meter: seats, per_unit: 1}]}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: seats, start: "2026-01-31T23:59:50Z", changes: [{from: "2026-02-01T00:00:00.25Z", customer: c2}, {from: "2026-02-01T00:00:00.75Z", customer: c1}], end: "2026-02-01T00:00:10Z"}

use     s1 seats 2026-01-31T23:59:50 4
at      2026-02-02
        2026-01-31T23:59:50: final 40 seats
        2026-02: final 1 seats
        2026-02-01T00:00:00.25: final 2 seats
        2026-02-01T00:00:00.75: final 37 seats
