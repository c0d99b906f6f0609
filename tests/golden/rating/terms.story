# Limits over a term of several billing periods: what a quarter or a year comes to, billed by the month.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, aggregation: count}]
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: quarter, commitment: {amount: 100, overage: "1.5"}}
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

# A commitment of a quarter with monthly bills: what is missing is due with the last month, and not before. The
# next quarter begins anew.
use     s1 calls 2026-01-10 30
at      2026-02-01T02         2026-01: final 30 calls
use     s1 calls 2026-02-10 20
at      2026-03-01T02         2026-02: final 20 calls
use     s1 calls 2026-03-10 10
at      2026-03-20T02         2026-03: draft 10 calls
at      2026-04-01T02         2026-03: final 0 calls (10); final 40 tariff.term.commitment commitment (1)
use     s1 calls 2026-04-10 100
at      2026-05-01T02         2026-04: final 100 calls
at      2026-07-01T02         nothing

# What goes beyond it is multiplied, from the month on in which it does.
use     s1 calls 2026-01-10 90
at      2026-02-01T02         2026-01: final 90 calls
use     s1 calls 2026-02-10 30
at      2026-03-01T02         2026-02: final 30 calls; final 10 tariff.term.commitment overage
use     s1 calls 2026-03-10 10
at      2026-04-01T02         2026-03: final 10 calls; final 5 tariff.term.commitment overage

# Late use of an earlier month corrects those behind it, one after another, and what is missing at the end.
use     s1 calls 2026-01-10 30
at      2026-02-01T02         2026-01: final 30 calls
use     s1 calls 2026-03-10 10
at      2026-04-01T02         2026-03: final 10 calls; final 60 tariff.term.commitment commitment
use     s1 calls 2026-01-11 25
settle  2026-04-02
        2026-01: correction 25 calls
        2026-03: correction -25 tariff.term.commitment commitment
use     s1 calls 2026-02-11 45  # 110 in all: the last 10 are beyond it, and were used in March
settle  2026-04-03
        2026-02: correction 45 calls
        2026-03: correction 5 tariff.term.commitment overage; correction -35 tariff.term.commitment commitment
void    s1 calls 2026-01-10 30
settle  2026-04-04
        2026-01: correction -30 calls
        2026-03: correction 20 tariff.term.commitment commitment; correction -5 tariff.term.commitment overage

# A cap of a year leaves to each month what those before it have not come to, and a minimum is made up to at its
# end. Limits of the month come first, and count.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    minimum: 5
    cap: 50
    term: {every: quarter, cap: 120, minimum: 60}

use     s1 calls 2026-01-10 70
at      2026-02-01T02         2026-01: final 50 calls (70)
use     s1 calls 2026-02-10 40
at      2026-03-01T02         2026-02: final 40 calls
use     s1 calls 2026-03-10 45
at      2026-04-01T02         2026-03: final 45 calls; final -15 tariff.term.cap cap
use     s1 calls 2026-02-11 7
settle  2026-04-02
        2026-02: correction 7 calls
        2026-03: correction -7 tariff.term.cap cap
use     s1 calls 2026-04-10 20
at      2026-05-01T02         2026-04: final 20 calls
at      2026-06-01T02         2026-05: final 5 tariff.minimum minimum
at      2026-07-01T02         2026-06: final 5 tariff.minimum minimum; final 30 tariff.term.minimum minimum

# A term is counted from the day on which the subscription starts, and splits the month in which it ends; each part
# is of its own term.
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-16}]

use     s1 calls 2026-01-20 40
at      2026-02-01T02         2026-01-16: final 40 calls
at      2026-04-01T02         nothing
use     s1 calls 2026-04-15 70 | 2026-04-16 3
at      2026-05-01T02
        2026-04: final 70 calls (70); final 5 tariff.term.commitment overage; final 3 calls (3)

# An end inside of a term: its amount is due in full, unless it is prorated.
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: 2026-02-16}]

use     s1 calls 2026-01-20 40
at      2026-02-01T02         2026-01: final 40 calls
at      2026-02-17T02         2026-02: final 60 tariff.term.commitment commitment
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: quarter, commitment: {amount: 90, overage: "1.5", prorate: day}}
settle  2026-02-17T04         2026-02: correction -54 tariff.term.commitment commitment  # 90 × 46 ÷ 90 = 46
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, end: 2026-01-31}]
settle  2026-02-17T06         # 30 days: 30, and 10 above it; what February had is taken back
        2026-01: correction 5 tariff.term.commitment overage
        2026-02: correction -6 tariff.term.commitment commitment

# A version inside of a term goes on with what the term came to, under limits of its own; one that resets begins
# another term, and ends the one before.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: year, commitment: {amount: 100}}
  - from: 2026-02-15
    components: [{key: calls, meter: calls, per_unit: 2}]
    term: {every: year, commitment: {amount: 80, overage: "1.5"}}
  - from: 2026-03-15
    reset: true
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: quarter, minimum: 20}

use     s1 calls 2026-01-20 40
at      2026-02-01T02         2026-01: final 40 calls
use     s1 calls 2026-02-14 10 | 2026-02-15 5
at      2026-03-01T02         2026-02: final 10 calls; final 10 calls
use     s1 calls 2026-03-10 4
at      2026-04-01T02         2026-03: final 8 calls; final 12 tariff.term.commitment commitment
at      2026-06-16            nothing
at      2026-07-01T02         2026-06: final 20 tariff.term.minimum minimum

# Of the customer's own limits; prepaid money pays for what is missing, too.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    overrides: [{customer: c1, term: {every: quarter, anchor: calendar, minimum: 50}}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-02-10}]
credits: [{key: prepaid, customer: c1, amount: 70, currency: EUR, from: 2026-01-01}]

use     s1 calls 2026-02-20 30
at      2026-03-01T02         2026-02-10: final 30 calls; final -30 prepaid{credit=2026-01-01} credit
at      2026-04-01T02
        2026-03: final 20 tariff.term.minimum minimum; final -20 prepaid{credit=2026-01-01} credit

# Some components alone may count: the fee does not fill the commitment.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}, {key: base, recurring: {amount: 20}}]
    term: {every: quarter, components: calls, commitment: {amount: 50}}

at      2026-01-02            2026-01: draft 20 base
use     s1 calls 2026-02-20 30
at      2026-02-01T02
        2026-01: final 0 base
        2026-02: draft 30 calls; draft 20 base
at      2026-03-01T02
        2026-02: final 0 calls (30); final 0 base
        2026-03: draft 20 base
at      2026-04-01T02
        2026-03: final 0 base; final 20 tariff.term.commitment commitment
        2026-04: draft 20 base

# An end inside a trial ends the term, too, and so does a change: its sum is of each by itself.
tariffs:
- key: intro
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: quarter, commitment: {amount: 60, overage: 1}}
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, trial: {end: 2026-03-01, tariff: intro}, start: 2026-01-01, end: 2026-01-21}
- {key: s2, service: compute, customer: c2, tariff: standard, start: 2026-01-01, changes: [{from: 2026-02-16, customer: c3}]}

use     s1 calls 2026-01-10 30
        s2 calls 2026-01-10 30 | 2026-02-20 40
at      2026-04-01T02
        s1 2026-01: final 30 calls; final 30 tariff.term.commitment commitment (1)
        s2 2026-01: final 30 calls
        s2 2026-02: final 70 tariff.term.commitment commitment (1)
        s2 2026-02-16: final 40 calls  # another customer: a quarter from that day
at      2026-06-01T02
        s2 2026-05: final 60 tariff.term.commitment commitment (1)

# Half a year, and by the calendar two of them a year: a start in May has one of two months first. Three years.
tariffs:
- key: half
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: month, count: 6, minimum: 50}
- key: halves
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: quarter, count: 2, anchor: calendar, minimum: 50}
- key: three
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: year, count: 3, commitment: {amount: 300, overage: 2}}
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: half, start: 2026-05-01}
- {key: s2, service: compute, customer: c2, tariff: halves, start: 2026-05-01}
- {key: s3, service: compute, customer: c3, tariff: three, start: 2026-05-01}

use     s1 calls 2026-06-10 30
        s2 calls 2026-06-10 30
        s3 calls 2026-06-10 290
at      2026-07-01T02
        s1 2026-06: final 30 calls
        s2 2026-06: final 30 calls; final 20 tariff.term.minimum minimum (1)
        s3 2026-06: final 290 calls
use     s2 calls 2026-07-10 10
at      2026-11-01T02
        s1 2026-10: final 20 tariff.term.minimum minimum (1)
        s2 2026-07: final 10 calls
at      2027-01-01T02
        s2 2026-12: final 40 tariff.term.minimum minimum (1)
use     s3 calls 2028-06-10 20
at      2028-07-01T02
        s1 2027-04: final 50 tariff.term.minimum minimum (1)
        s1 2027-10: final 50 tariff.term.minimum minimum (1)
        s1 2028-04: final 50 tariff.term.minimum minimum (1)
        s2 2027-06: final 50 tariff.term.minimum minimum (1)
        s2 2027-12: final 50 tariff.term.minimum minimum (1)
        s2 2028-06: final 50 tariff.term.minimum minimum (1)
        s3 2028-06: final 20 calls; final 10 tariff.term.commitment overage

# Terms of two versions begin on one day. What lies between two parts of the one, in another term of the other, is nothing to it.
tariffs:
- key: turned
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: month, count: 4, minimum: 1}
  - from: 2026-06-14
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: year, cap: 100}
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: turned, start: 2026-02-10}

use     s1 calls 2026-06-05 90
        s1 calls 2026-06-12 8
        s1 calls 2026-06-20 15
at      2026-07-01T02
        s1 2026-06: final 90 calls; final 8 calls; final 15 calls; final -5 tariff.term.cap cap
