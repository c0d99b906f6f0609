# Versions of a tariff that begin inside a period split it: each part has its own prices, and goes on from
# the parts before it.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, aggregation: count}]
tariffs:
- key: standard
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

# A version inside a period splits it.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: "0.50", minimum: 100, cap: 100}
    - {key: extra, meter: calls, per_unit: 2}
    - {key: base, recurring: {amount: 31, every: month, in: advance, prorate: second}}
    - {key: once, recurring: {amount: 7, every: month, in: arrears, prorate: none}}
  - from: 2026-01-11
    components:
    - {key: calls, meter: calls, per_unit: 1, minimum: 12}
    - {key: extra, meter: calls, per_unit: 2, cap: 23}
    - {key: base, recurring: {amount: 62, every: month, in: advance, prorate: second}}
    - {key: once, recurring: {amount: 7, every: month, in: arrears, prorate: none}}

use     s1 calls 2026-01-10T23 10 | 2026-01-11T00 4
at      2026-02-01T02
        # 10 of 31 days of 31; then what is missing to the minimum after 5 and 4, what is left of the cap of 23
        # after 20, 21 of 31 days of 62, and the fee in arrears once
        2026-01: final 5 calls (10); final 20 extra (10); final 10 base;
                 final 4 calls (4); final 3 calls minimum; final 3 extra (4); final 42 base; final 7 once
        2026-02: draft 62 base

# A contract term counts from the subscription's start, and anew from a version that resets it; what comes
# later goes on from there.
tariffs:
- key: standard
  currency: EUR
  versions:
  - {from: 2026-01-01, components: [
      {key: calls, meter: calls, graduated: [{up_to: 10, unit: 2}, {unit: 1}], scope: term}]}
  - {from: 2026-02-11, reset: true, components: [
      {key: calls, meter: calls, graduated: [{up_to: 10, unit: 2}, {unit: 1}], scope: term}]}
  - {from: 2026-02-21, components: [
      {key: calls, meter: calls, graduated: [{up_to: 10, unit: 2}, {unit: 1}], scope: term}]}

use     s1 calls 2026-01-01 8 | 2026-02-01 5 | 2026-02-11 6 | 2026-02-21 3 | 2026-03-01 4
at      2026-04-01T02
        2026-01: final 16 calls                                # 8 × 2
        2026-02: final 7 calls; final 12 calls; final 6 calls  # 2 × 2 + 3 × 1; anew 6 × 2; 3 × 2
        2026-03: final 5 calls                                 # 1 × 2 + 3 × 1

# A version that resets within the hour of the subscription's start, before it: the hour is the subscription's.
tariffs:
- key: standard
  currency: EUR
  versions:
  - {from: 2026-01-01, components: [
      {key: calls, meter: calls, graduated: [{up_to: 10, unit: 2}, {unit: 1}], scope: term}]}
  - {from: "2026-01-10T10:15:00Z", reset: true, components: [
      {key: calls, meter: calls, graduated: [{up_to: 10, unit: 2}, {unit: 1}], scope: term}]}
subscriptions: [{key: s2, service: compute, customer: c1, tariff: standard, start: "2026-01-10T10:30:00Z"}]

use     s2 calls 2026-01-10T10:40 8 | 2026-01-11T00 4
at      2026-02-01T02
        s2 2026-01-10T10:30: final 22 calls (12)               # 10 × 2 + 2 × 1

# Inside an hour a version holds from its own microsecond, wherever the zone's hours begin; a customer's override with it.
tariffs:
- key: standard
  currency: EUR
  versions:
  - {from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: "1"}]}
  - from: "2026-01-10T10:30:00.000001Z"
    components: [{key: calls, meter: calls, per_unit: "100"}]
    overrides: [{customer: c2, components: [{key: calls, per_unit: "10"}]}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}
- {key: s2, service: compute, customer: c2, tariff: standard, zone: Asia/Kathmandu, start: 2026-01-01}

use     s1 calls 2026-01-10T10:30 1 | 2026-01-10T10:30:00.000001 3
        s2 calls 2026-01-10T10:29:59 2 | 2026-01-10T10:30:01 5
at      2026-02-02
        s1 2026-01: final 1 calls; final 300 calls
        s2 2025-12-31T18:15: final 2 calls; final 50 calls
