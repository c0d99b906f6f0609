# A number that grows out of its range holds its own period, with a sentence that names it, and no other.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters:
- {key: calls, service: compute, event_type: call, value: n, group_by: [region]}
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, group_by: [region], per_unit: "1000000"}]
- key: twice
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}, {key: again, meter: calls, per_unit: 1}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}
- {key: s2, service: compute, customer: c1, tariff: standard, start: 2026-01-01}

# A price: component, dimensions, quantity, unit price and limit. What is taken back lets the period go on.
use     s1 calls/eu 2026-01-01T00 200000000000000 | calls/us 2026-01-01T00 2
        s2 calls/eu 2026-01-01 2
at      2026-02-01T02
        s2 2026-01: final 2000000 calls{region=eu}
        problem: the period of subscription s1 that starts at 2026-01-01T00:00:00+00:00 cannot be rated: component calls (region=eu): the price of 200000000000000 is out of range, per_unit 200000000000000 × 1000000: an amount is at most 1.7 × 10^20, a quantity 1.7 × 10^26
        audit: problem s1 2026-01: component calls (region=eu): the price of 200000000000000 is out of range, per_unit 200000000000000 × 1000000: an amount is at most 1.7 × 10^20, a quantity 1.7 × 10^26
void    s1 calls/eu 2026-01-01T00 200000000000000
at      2026-02-01T04         s1 2026-01: final 2000000 calls{region=us}

# Lines that add up to more than an amount can be.
subscriptions: [{key: s1, service: compute, customer: c1, tariff: twice, start: 2026-01-01}]

use     s1 calls/eu 2026-01-01T00 100000000000000000000
at      2026-02-01T02
        problem: the period of subscription s1 that starts at 2026-01-01T00:00:00+00:00 cannot be rated: the tariff: its amounts add up to more than 1.7 × 10^20
        audit: problem s1 2026-01: the tariff: its amounts add up to more than 1.7 × 10^20

# What the limits of a term add to such a sum does so, too.
tariffs:
- key: twice
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    term: {every: quarter, minimum: 1, commitment: {amount: 1, overage: 2, true_up: false}}
subscriptions: [{key: s1, service: compute, customer: c1, tariff: twice, start: 2026-01-01, end: 2026-02-01}]

use     s1 calls/eu 2026-01-01T00 90000000000000000000
at      2026-02-01T02
        problem: the period of subscription s1 that starts at 2026-01-01T00:00:00+00:00 cannot be rated: the tariff: its amounts add up to more than 1.7 × 10^20
        audit: problem s1 2026-01: the tariff: its amounts add up to more than 1.7 × 10^20

# An amount that is in range as units of the seller's own, or in the tariff's currency, and grows out of it as what is charged.
tariffs:
- key: twice
  currency: EUR
  versions:
  - from: 2026-01-01
    pricing_currency: {name: CREDITS, price: "1000000000000000"}
    components: [{key: calls, meter: calls, group_by: [region], per_unit: 1000}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: twice, start: 2026-01-01}]

use     s1 calls/eu 2026-01-01T00 1000000
at      2026-02-01T02
        problem: the period of subscription s1 that starts at 2026-01-01T00:00:00+00:00 cannot be rated: component calls (region=eu): the price of 1000000 is out of range, 1000000000 CREDITS at 1000000000000000 EUR: an amount is at most 1.7 × 10^20
        audit: problem s1 2026-01: component calls (region=eu): the price of 1000000 is out of range, 1000000000 CREDITS at 1000000000000000 EUR: an amount is at most 1.7 × 10^20
