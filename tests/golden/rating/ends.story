# When billing periods begin and end, and what becomes of them when the subscription's start or end moves.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, aggregation: count}]
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.50"}]

# No period before it begins: in Kolkata February begins at 18:30, and a day of use there touches both months.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.50"}, {key: base, recurring: {amount: 9}}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, zone: Asia/Kolkata, start: 2026-01-01}

use     s1 calls 2026-01-31T17:30 10
at      2026-01-31T18:20      2025-12-31T18:30: draft 5 calls; draft 9 base
use     s1 calls 2026-01-31T18:30 2  # ahead of the clock, as its skew allows
at      2026-01-31T18:25      audit: pending 1
at      2026-01-31T18:40
        2026-01-31T18:30: draft 1 calls; draft 9 base
        audit: pending 1  # January, which looks at its last day again

# A start that moves takes the old period back.
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 calls 2026-01-21 10
at      2026-01-26            2026-01: draft 5 calls
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-11}]

at      2026-01-27
        2026-01: final -5 calls
        2026-01-11: draft 5 calls
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-05}]

at      2026-01-28
        2026-01-11: final -5 calls
        2026-01-05: draft 5 calls

# An end closes the period; when it moves away, what is still to come are corrections.
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 calls 2026-01-01 10
at      2026-01-10            2026-01: draft 5 calls
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: 2026-01-11}

at      2026-01-10            audit: pending 1
at      2026-01-12            2026-01: final 0 calls
use     s1 calls 2026-01-13 2  # after the end
at      2026-01-12
        audit: outside_term s1 2026-01-13: usage of 1 cell lies outside the subscription's term and is not charged
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: 2026-03-01}

at      2026-02-02            2026-01: correction 1 calls
use     s1 calls 2026-02-01 2
at      2026-03-02
        2026-02: final 1 calls
        periods: 2

# An end moves away from a period that has closed with it: the period runs again, and its minimum and its fee in
# arrears are due at the new end, once.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: "0.50", minimum: 20}
    - {key: base, recurring: {amount: 9, in: arrears}}
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 calls 2026-01-05 10
at      2026-01-10            2026-01: draft 5 calls
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: 2026-01-11}

at      2026-01-12            2026-01: final 0 calls; final 15 calls minimum; final 9 base
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

at      2026-01-13            2026-01: correction -9 base; correction -15 calls minimum
use     s1 calls 2026-01-20 10
at      2026-01-21            2026-01: correction 5 calls
at      2026-01-31T23         nothing
at      2026-02-02            2026-01: correction 10 calls minimum; correction 9 base
refold
at      2026-02-03            nothing

# An end that is moved back before use takes it off the bill, also when its period has closed: then it lies
# outside the term, and the audit notes it.
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 calls 2026-01-10 2 | 2026-01-12 20 | 2026-02-03 4
at      2026-03-02
        2026-01: final 11 calls
        2026-02: final 2 calls
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: 2026-01-11}

at      2026-03-03
        2026-01: correction -10 calls (2)
        2026-02: correction -2 calls (0)
        audit: outside_term s1 2026-01-12: usage of 2 cells lies outside the subscription's term and is not charged
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

at      2026-03-04
        2026-01: correction 10 calls (22)
        2026-02: correction 2 calls (4)

# An end inside an hour holds from its own microsecond, known before the use or after it.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: "2026-01-10T10:30:00.000001Z"}

use     s1 calls 2026-01-10T10:30 2 | 2026-01-10T10:30:00.000001 20
at      2026-01-11
        2026-01: final 1 calls (2)
        audit: outside_term s1 2026-01-10T10:30: usage of 1 cell lies outside the subscription's term and is not charged
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: "2026-01-10T10:30:00Z"}]

# An end that comes and goes before the scan of the catalog has reached its subscription leaves no period
# unopened.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: base, recurring: {amount: 3, in: advance}}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}
- {key: s2, service: compute, customer: c1, tariff: standard, start: 2026-01-01}

at      2026-01-01T00:00:10
        s1 2026-01: draft 3 base
        s2 2026-01: draft 3 base
restart step_rows 1  # the scan needs a step for each subscription
at      2026-01-01T00:00:10   nothing
subscriptions:
- {key: s2, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: 2026-01-11}

step    2026-02-02  # February's timer comes before the scan gets to s2
subscriptions: [{key: s2, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

at      2026-03-02
        s1 2026-01: final 0 base
        s1 2026-02: draft 3 base; final 0 base  # opened by that step
        s1 2026-03: draft 3 base
        s2 2026-01: final 0 base
        s2 2026-02: final 3 base
        s2 2026-03: draft 3 base
