# Prices in a unit of the seller's own: credits are what tiers, limits and pools count, money is what is charged.
vendors: [{key: acme}]
services: [{key: ai, vendor: acme}]
meters:
- {key: tokens, service: ai, event_type: t, value: n}
- {key: images, service: ai, event_type: i, aggregation: count}
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    pricing_currency: {name: CREDITS, price: "0.01"}
    components:
    - {key: tokens, meter: tokens, graduated: [{up_to: 1000, unit: "0.01"}, {unit: "0.005"}]}
    - {key: images, meter: images, per_unit: 40, cap: 1000}
    - {key: base, recurring: {amount: 500, in: arrears}}
subscriptions: [{key: s1, service: ai, customer: c1, tariff: standard, start: 2026-01-01}]

# 1000 × 0.01 + 550 × 0.005 are 12.75 credits, 0.1275 euros; late use of 30 more makes 12.90, which is still 0.13.
use     s1 tokens 2026-01-05 1550 | images 2026-01-05 3
at      2026-02-01T02
        2026-01: final 0.13 tokens; final 1.2 images; final 5 base
        body tokens: "pricing":{"currency":"CREDITS","amount":"12.75","price":"0.01"}
use     s1 tokens 2026-01-06 30
at      2026-02-02
        2026-01: correction 0 tokens (1580)

# A credit costs less from the 11th on: each part at its price, the cap of 1000 credits over both.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    pricing_currency: {name: CREDITS, price: "0.01"}
    components: [{key: images, meter: images, per_unit: 40, cap: 1000}]
  - from: 2026-01-11
    pricing_currency: {name: CREDITS, price: "0.008"}
    components: [{key: images, meter: images, per_unit: 40, cap: 1000}]

use     s1 images 2026-01-05 20 | images 2026-01-12 10
at      2026-02-01T02
        2026-01: final 8 images; final 1.6 images

# Another price of the credit for a customer, and for all: closed periods are rated again.
use     s1 images 2026-01-05 20
at      2026-02-01T02
        2026-01: final 8 images; final 5 base
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    pricing_currency: {name: CREDITS, price: "0.01"}
    components: [{key: images, meter: images, per_unit: 40}]
    overrides: [{customer: c1, pricing_currency: {name: CREDITS, price: "0.009"}}]
at      2026-02-02
        2026-01: correction -0.8 images; correction -5 base

# Allowances and prepaid credits pay in the unit, whatever it costs; what is left is money.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    pricing_currency: {name: CREDITS, price: "0.013"}
    components: [{key: images, meter: images, per_unit: 40}]
    allowances: [{key: included, amount: 100}]
credits:
- {key: pack, customer: c1, amount: 150, currency: CREDITS, from: 2026-01-01}

use     s1 images 2026-01-05 7
at      2026-02-01T02
        2026-01: final 3.64 images; final -1.3 included{grant=2026-01-01} credit;
                 final -1.95 pack{credit=2026-01-01} credit

# In another currency: credits, euros, dollars, and one rounding.
tariffs:
- key: standard
  currency: EUR
  exchange: {source: ecb, at: period_end}
  versions:
  - from: 2026-01-01
    pricing_currency: {name: CREDITS, price: "0.013"}
    components: [{key: images, meter: images, per_unit: 40}]
subscriptions: [{key: s2, service: ai, customer: c2, tariff: standard, currency: USD, start: 2026-01-01}]
rate    USD 2026-01-30 1.0842

use     s2 images 2026-01-05 7
at      2026-02-01T02
        s2 2026-01: final 3.95 USD images
        body images: "amount":"3.64"

# Limits of a term count in the unit, too: 1000 credits in two months.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    pricing_currency: {name: CREDITS, price: "0.013"}
    components: [{key: images, meter: images, per_unit: 40}]
    term: {every: year, cap: 1000}

use     s1 images 2026-01-05 20 | images 2026-02-05 20
at      2026-03-01T02
        2026-01: final 10.4 images
        2026-02: final 10.4 images; final -7.8 tariff.term.cap cap

# What it costs the seller may be priced in a unit, too: 3 images are 30 points of 0.02.
tariffs:
- {key: standard, currency: EUR, versions: [{from: 2026-01-01, components: [{key: images, meter: images, per_unit: 1}]}]}
- key: carrier
  currency: EUR
  versions:
  - from: 2026-01-01
    pricing_currency: {name: POINTS, price: "0.02"}
    components: [{key: images, meter: images, per_unit: 10}, {key: tokens, meter: tokens, per_unit: 1}]
subscriptions: [{key: s1, service: ai, customer: c1, tariff: standard, cost_tariff: carrier, start: 2026-01-01}]

use     s1 images 2026-01-05 3 | tokens 2026-01-05 100
at      2026-02-01T02
        2026-01: final 3 images cost 0.6; final 0 tokens cost 2
        losses: 1
