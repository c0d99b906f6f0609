# Three versions alike but for their dates cost what one costs, however it is rounded: 20 of the cap and 10
# of the fee.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, aggregation: count}]
tariffs:
- key: standard
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

# Each line to the nearest cent.
tariffs:
- key: standard
  currency: EUR
  rounding: {mode: half_up, place: line}
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-11
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-21
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}

use     s1 calls 2026-01-01 9 | 2026-01-11 9 | 2026-01-21 9
at      2026-02-01T02
        2026-01: final 9.05 calls; final 3.23 base; final 9.04 calls; final 3.22 base; final 1.91 calls;
                 final 3.55 base

# Each line down.
tariffs:
- key: standard
  currency: EUR
  rounding: {mode: down, place: line}
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-11
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-21
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}

use     s1 calls 2026-01-01 9 | 2026-01-11 9 | 2026-01-21 9
at      2026-02-01T02
        2026-01: final 9.04 calls; final 3.22 base; final 9.05 calls; final 3.23 base; final 1.91 calls;
                 final 3.55 base

# Each line up.
tariffs:
- key: standard
  currency: EUR
  rounding: {mode: up, place: line}
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-11
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-21
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}

use     s1 calls 2026-01-01 9 | 2026-01-11 9 | 2026-01-21 9
at      2026-02-01T02
        2026-01: final 9.05 calls; final 3.23 base; final 9.04 calls; final 3.23 base; final 1.91 calls;
                 final 3.54 base

# The total alone.
tariffs:
- key: standard
  currency: EUR
  rounding: {mode: half_up, place: total}
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-11
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-21
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}

use     s1 calls 2026-01-01 9 | 2026-01-11 9 | 2026-01-21 9
at      2026-02-01T02
        2026-01: final 9.045 calls; final 3.225806451612903226 base;
                 final -0.000806451612903226 tariff.rounding rounding; final 9.045 calls;
                 final 3.225806451612903226 base; final -0.000806451612903226 tariff.rounding rounding;
                 final 1.91 calls; final 3.548387096774193548 base;
                 final 0.001612903225806452 tariff.rounding rounding

# Each line to steps of five cents.
tariffs:
- key: standard
  currency: EUR
  rounding: {step: "0.05"}
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-11
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-21
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}

use     s1 calls 2026-01-01 9 | 2026-01-11 9 | 2026-01-21 9
at      2026-02-01T02
        2026-01: final 9.05 calls; final 3.25 base; final 9.05 calls; final 3.2 base; final 1.9 calls;
                 final 3.55 base

# The total alone to steps of five cents.
tariffs:
- key: standard
  currency: EUR
  rounding: {step: "0.05", place: total}
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-11
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}
  - from: 2026-01-21
    components:
    - {key: calls, meter: calls, per_unit: "1.005", cap: 20}
    - {key: base, recurring: {amount: 10, every: month, in: arrears, prorate: second}}

use     s1 calls 2026-01-01 9 | 2026-01-11 9 | 2026-01-21 9
at      2026-02-01T02
        2026-01: final 9.045 calls; final 3.225806451612903226 base;
                 final -0.020806451612903226 tariff.rounding rounding; final 9.045 calls;
                 final 3.225806451612903226 base; final 0.029193548387096774 tariff.rounding rounding;
                 final 1.91 calls; final 3.548387096774193548 base;
                 final -0.008387096774193548 tariff.rounding rounding

# A credit pays in steps, too, and keeps what is less than one.
tariffs:
- {key: standard, currency: EUR, rounding: {step: "0.05"}, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: "0.01"}]}]}
credits:
- {key: voucher, subscription: s1, amount: "2.03", currency: EUR, from: 2026-01-01}

use     s1 calls 2026-01-01 313
at      2026-02-01T02
        2026-01: final 3.15 calls; final -2 voucher{credit=2026-01-01} credit

# A step that comes later rounds again what was charged.
use     s1 calls 2026-01-01 3
at      2026-02-01T02
        2026-01: final 3 calls
tariffs:
- {key: standard, currency: EUR, rounding: {step: "0.5", mode: up}, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]}
at      2026-02-02
        nothing
tariffs:
- {key: standard, currency: EUR, rounding: {step: "2", mode: up}, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]}
at      2026-02-03
        2026-01: correction 1 calls
