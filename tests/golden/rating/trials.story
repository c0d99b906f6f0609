# Trials by their end: 30 calls in the trial, 12 after it. What one tariff frees, caps or demands is nothing
# to the other.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, aggregation: count}]
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, free_units: 5, per_unit: 1}, {key: base, recurring: {amount: 31}}]
- key: taste
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.1", cap: 2}, {key: base, recurring: {amount: 1}}]

# Use before the trial's end is free, and a fee begins with the end.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: 1}
    - {key: base, recurring: {amount: 31, every: month, in: advance, prorate: second}}
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-06, trial_end: 2026-01-22}

use     s1 calls 2026-01-07 1000 | 2026-01-22 3
at      2026-02-01T02
        2026-01-06: final 3 calls (3); final 10 base
        2026-02: draft 31 base

# An end, as it was written at first.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, trial_end: 2026-01-22}

use     s1 calls 2026-01-03 30 | 2026-01-22 12
at      2026-02-01T02
        2026-01: final 7 calls (12); final 31 base
        2026-02: draft 31 base

# An end.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, trial: {end: 2026-01-22}}

use     s1 calls 2026-01-03 30 | 2026-01-22 12
at      2026-02-01T02
        2026-01: final 7 calls (12); final 31 base
        2026-02: draft 31 base

# Days.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, trial: {days: 21}}

use     s1 calls 2026-01-03 30 | 2026-01-22 12
at      2026-02-01T02
        2026-01: final 7 calls (12); final 31 base
        2026-02: draft 31 base

# Days, and nothing after them.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01,
   trial: {days: 21, then: stop}}

use     s1 calls 2026-01-03 30 | 2026-01-22 12
at      2026-02-01T02         nothing

# A tariff of its own.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01,
   trial: {days: 21, tariff: taste}}

use     s1 calls 2026-01-03 30 | 2026-01-22 12
at      2026-02-01T02
        2026-01: final 2 calls (30); final 1 base; final 7 calls (12); final 31 base
        2026-02: draft 31 base

# A tariff of its own up to an instant, and nothing after it.
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: standard
  start: 2026-01-01
  trial: {end: "2026-01-22T00:00:00Z", tariff: taste, then: stop}

use     s1 calls 2026-01-03 30 | 2026-01-22 12
at      2026-02-01T02         2026-01: final 2 calls (30); final 1 base

# A tariff of its own for longer than a month.
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: standard
  start: 2026-01-01
  trial: {days: 40, tariff: taste, then: stop}

use     s1 calls 2026-01-03 30 | 2026-01-22 12
at      2026-02-01T02
        2026-01: final 2 calls (42); final 1 base
        2026-02: draft 1 base

# A day of a trial is a local one: with 29 March, which has 23 hours in Berlin, seven of them end at
# midnight or at noon there.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, zone: Europe/Berlin, start: 2026-03-25,
   trial: {days: 7}}
- key: s2
  service: compute
  customer: c1
  tariff: standard
  zone: Europe/Berlin
  start: "2026-03-25T12:00:00+01:00"
  trial: {days: 7}

use     s1 calls 2026-03-31T21 100 | 2026-03-31T22 8
        s2 calls 2026-04-01T09 100 | 2026-04-01T10 9
at      2026-05-02
        s1 2026-03-31T22: final 3 calls (8); final 31 base  # five are free
        s1 2026-04-30T22: draft 31 base
        s2 2026-03-31T22: final 4 calls (9); final 31 base
        s2 2026-04-30T22: draft 31 base

# A trial of the same tariff that is told later, and ends where a version begins: free units and the fee begin
# anew, though the parts are those that there were.
tariffs:
- key: standard
  currency: EUR
  versions:
  - {from: 2026-01-01, components: [{key: calls, meter: calls, free_units: 5, per_unit: 1}, {key: base, recurring: {amount: 31}}]}
  - {from: 2026-01-22, components: [{key: calls, meter: calls, free_units: 5, per_unit: 2}, {key: base, recurring: {amount: 31}}]}
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: 2026-02-01}

use     s1 calls 2026-01-03 30 | 2026-01-22 12
at      2026-02-01T02
        2026-01: final 25 calls (30); final 31 base; final 24 calls (12)
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: 2026-02-01,
   trial: {end: 2026-01-22, tariff: standard}}

at      2026-02-01T04
        2026-01: correction -10 calls (12); correction 31 base
