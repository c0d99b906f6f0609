# What one subscription is charged that another is not: prices in its currency and prices of its own.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, aggregation: count}]

# Prices in the subscription's currency, of its customer and of its own.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: {EUR: "0.50", JPY: 80}}]
    overrides:
    - {customer: big, components: [{key: calls, per_unit: {EUR: "0.40", JPY: 70}}]}
    - {subscription: own,
       components: [{key: calls, graduated: [{up_to: 5, unit: 0}, {unit: {EUR: 1, JPY: 9}}]}]}
subscriptions:
- {key: list, service: compute, customer: small, tariff: standard, start: 2026-01-01}
- {key: yen, service: compute, customer: small, tariff: standard, currency: JPY, start: 2026-01-01}
- {key: big, service: compute, customer: big, tariff: standard, currency: EUR, start: 2026-01-01}
- {key: big-yen, service: compute, customer: big, tariff: standard, currency: JPY, start: 2026-01-01}
- {key: own, service: compute, customer: big, tariff: standard, start: 2026-01-01}

use     list calls 2026-01-01 10 | yen calls 2026-01-01 10 | big calls 2026-01-01 10
        big-yen calls 2026-01-01 10 | own calls 2026-01-01 10
at      2026-02-01T02
        list 2026-01: final 5 calls
        yen 2026-01: final 800 JPY calls
        big 2026-01: final 4 calls
        big-yen 2026-01: final 700 JPY calls
        own 2026-01: final 5 calls

# An override that comes later corrects the periods of its customer, and looks at nobody else's twice.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.50"}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}
- {key: s2, service: compute, customer: c2, tariff: standard, start: 2026-01-01}

use     s1 calls 2026-01-01 10 | s2 calls 2026-01-01 10
at      2026-02-01T02
        s1 2026-01: final 5 calls
        s2 2026-01: final 5 calls
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.50"}]
    overrides: [{customer: c2, components: [{key: calls, per_unit: "0.40"}]}]

at      2026-02-01T09
        s2 2026-01: correction -1 calls
        rated: 2  # January and February of s2
