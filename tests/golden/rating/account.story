# Over all of a customer's subscriptions: tiers, free units, and an account's minimum and cap. The
# subscription of the
# lower number goes before; a late change of one reaches those behind it.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, aggregation: count}]
tariffs:
- key: standard
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}
- {key: s2, service: compute, customer: c1, tariff: standard, start: 2026-01-01}
- {key: s3, service: compute, customer: c2, tariff: standard, start: 2026-01-01}
- {key: s4, service: compute, customer: c1, tariff: standard, start: 2026-01-10}

# Tiers and free units of all subscriptions.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, graduated: [{up_to: 100, unit: 2}, {unit: 1}], free_units: 10,
       across: customer}

use     s1 calls 2026-01-02 60 | s2 calls 2026-01-01 60 | s3 calls 2026-01-01 60 | s4 calls 2026-01-13 30
settle  2026-02-01T02
        s1 2026-01: final 100 calls  # 10 free, 50 × 2
        s2 2026-01: final 110 calls  # 50 × 2 and 10 × 1: 110 are billed up to here
        s3 2026-01: final 100 calls  # another customer
        s4 2026-01-10: final 30 calls
void    s1 calls 2026-01-02 20
settle  2026-02-01T06
        s1 2026-01: correction -40 calls
        s2 2026-01: correction 10 calls  # 60 × 2: 90 are billed
        s4 2026-01-10: correction 10 calls  # 10 × 2 and 20 × 1

# Limits of the account: at least 50, at most 100.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    account: {minimum: 50, cap: 100}

use     s1 calls 2026-01-02 70 | s2 calls 2026-01-02 20 | s3 calls 2026-01-02 7 | s4 calls 2026-01-13 30
settle  2026-01-21
        s1 2026-01: draft 70 calls
        s2 2026-01: draft 20 calls
        s3 2026-01: draft 7 calls
        s4 2026-01-10: draft 10 calls  # 90 and 30 are above 100
settle  2026-02-01T02
        s1 2026-01: final 0 calls
        s2 2026-01: final 0 calls
        s3 2026-01: final 0 calls; final 43 account.minimum minimum  # another customer, alone: 50 in all
        s4 2026-01-10: final 0 calls
void    s1 calls 2026-01-02 65
settle  2026-02-01T06
        s1 2026-01: correction -65 calls
        s4 2026-01-10: correction 20 calls  # 5 + 20 + 30
void    s2 calls 2026-01-02 20
settle  2026-02-01T12
        s2 2026-01: correction -20 calls
        s4 2026-01-10: correction 15 account.minimum minimum  # 5 + 30, and what is missing to 50

# Line by line: what others used of a region gives the position in that region.
meters: [{key: disk, service: compute, event_type: disk, value: gib, group_by: [region]}]
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: disk, meter: disk, group_by: [region], graduated: [{up_to: 10, unit: 2}, {unit: 1}], across: customer}

use     s1 disk/eu 2026-01-02 8 | s1 disk/us 2026-01-02 5 | s2 disk/eu 2026-01-03 4 | s2 disk/asia 2026-01-03 3
settle  2026-02-01T02
        s1 2026-01: final 16 disk{region=eu}; final 10 disk{region=us}
        s2 2026-01: final 6 disk{region=asia}; final 6 disk{region=eu}  # 3 × 2; 2 × 2 and 2 × 1
use     s1 disk/asia 2026-01-02 9
settle  2026-02-01T06
        s1 2026-01: correction 18 disk{region=asia}
        s2 2026-01: correction -2 disk{region=asia}

# A subscription that is there or not is one to all behind it.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, graduated: [{up_to: 100, unit: 2}, {unit: 1}], across: customer}]

use     s1 calls 2026-01-02 90 | s2 calls 2026-01-02 20
settle  2026-02-01T02
        s1 2026-01: final 180 calls
        s2 2026-01: final 30 calls
subscriptions: [{key: s1, service: compute, customer: c3, tariff: standard, start: 2026-01-01}]

settle  2026-02-01T06
        s1 2026-01: correction 180 calls (90); correction -180 calls (0)  # c3 pays, and who paid gets it back
        s2 2026-01: correction 10 calls

# What comes to the same under another tariff is not charged again, and counts in the account of that tariff.
tariffs:
- key: other
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    account: {minimum: 50}
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}
- {key: s2, service: compute, customer: c1, tariff: other, start: 2026-01-01}

use     s1 calls 2026-01-02 20 | s2 calls 2026-01-02 10
settle  2026-02-01T02
        s1 2026-01: final 20 calls
        s2 2026-01: final 10 calls; final 40 account.minimum minimum
subscriptions: [{key: s1, service: compute, customer: c1, tariff: other, start: 2026-01-01}]

settle  2026-02-01T06
        s2 2026-01: correction -20 account.minimum minimum

# Who is in a trial is not the last of the account: the minimum stays with those who are charged.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    account: {minimum: 50}
subscriptions:
- {key: s4, service: compute, customer: c1, tariff: standard, start: 2026-01-10, trial: {days: 60}}

use     s1 calls 2026-01-02 20 | s2 calls 2026-01-02 10
settle  2026-02-01T02
        s1 2026-01: final 20 calls
        s2 2026-01: final 10 calls; final 20 account.minimum minimum
        s3 2026-01: final 50 account.minimum minimum  # another customer, who uses nothing
subscriptions:
- {key: s4, service: compute, customer: c1, tariff: standard, start: 2026-01-10, trial: {days: 5}}

settle  2026-02-01T06
        s2 2026-01: correction -20 account.minimum minimum
        s4 2026-01-10: correction 20 account.minimum minimum

# Use that is not charged any more fills no tiers.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, graduated: [{up_to: 100, unit: 2}, {unit: 1}], across: customer}]
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: standard
  start: 2026-01-01
  trial: {amount: 500, days: 10, then: stop}

use     s1 calls 2026-01-02 60 | 2026-01-21 30  # behind the trial's end
        s2 calls 2026-01-02 60
settle  2026-02-01T02
        s1 2026-01: final 120 calls; final -120 trial{grant=2026-01-01} credit
        s2 2026-01: final 100 calls  # 40 × 2 and 20 × 1

# Nor does any of a trial that stops.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, graduated: [{up_to: 100, unit: 2}, {unit: 1}], across: customer}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, trial: {days: 10, then: stop}}

use     s1 calls 2026-01-02 60 | 2026-01-21 90
        s2 calls 2026-01-02 60
settle  2026-02-01T02
        s2 2026-01: final 120 calls
