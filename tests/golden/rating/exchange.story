# Rates of exchange: drafts at the newest rate, a period that is over and lacks a rate, its release,
# corrected rates, days at their own.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, aggregation: count}]
tariffs:
- key: standard
  currency: EUR
  exchange: {source: ecb}
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.50"}]

# A missing rate holds the period until it comes; later ones correct it.
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, currency: USD, start: 2026-01-01}]

use     s1 calls 2026-01-01 10
at      2026-01-01T02
        problem: the period of subscription s1 that starts at 2026-01-01T00:00:00+00:00 cannot be rated: there is no rate of ecb from EUR to USD for 2026-01-31 or any day before
        audit: problem s1 2026-01: there is no rate of ecb from EUR to USD for 2026-01-31 or any day before
rate    USD 2026-01-01 1.1
at      2026-01-01T02         2026-01: draft 5.5 USD calls  # at once, not when the hour of the retry comes
at      2026-02-01T02  # over: the rate of the 1st is too old for the 31st
        audit: problem s1 2026-01: there is no rate of ecb from EUR to USD for 2026-01-31, nor one of the 7 days before
rate    USD 2026-01-23 3  # eight days before
at      2026-02-01T02
        audit: problem s1 2026-01: there is no rate of ecb from EUR to USD for 2026-01-31, nor one of the 7 days before;
               pending 1
rate    USD 2026-01-30 1.2
audit   pending 2
at      2026-02-01T02
        2026-01: final 0.5 USD calls
        audit: pending 1  # February, which has been rated within the hour
rate    USD 2026-01-31 1.3  # comes late
at      2026-02-01T04         2026-01: correction 0.5 USD calls
rate    USD 2026-02-01 9 | 2026-01-31 1.31  # no rate of this period; and the bank corrects itself
at      2026-02-01T06         2026-01: correction 0.05 USD calls

# A charge's body says which rate it was.
tariffs:
- key: standard
  currency: EUR
  exchange: {source: ecb, at: order}
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.50"}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, currency: USD, start: 2026-01-01}]

rate    USD 2025-12-31 1.0842
use     s1 calls 2026-01-01 3
at      2026-02-01T02
        2026-01: final 1.63 USD calls  # 1.5 × 1.0842 = 1.6263
        body calls: "exchange":{"currency":"EUR","amount":"1.5","rate":"1.0842","numerator":"5421","denominator":"5000","derivation":"direct","source":"ecb","date":"2025-12-31","rule":"order","day":"2026-01-01"}

# Each day at its own rate: fractions of a cent each day, and tiers that go on over the days.
tariffs:
- key: standard
  currency: EUR
  exchange: {source: ecb, at: usage_day, max_age_days: 0}
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, graduated: [{up_to: 100, unit: "0.004"}, {unit: "0.002"}]}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, currency: USD, start: 2026-01-01}]

rate    USD 2026-01-01..2026-01-20 1 | 2026-01-21..2026-01-31 2
use     s1 calls 2026-01-01..2026-01-31 10
at      2026-02-01T02
        # 100 × 0.004 + 100 × 0.002, and 110 × 0.002 at 2: 1.04 in all
        2026-01: final 0.04 USD calls ×10; final 0.02 USD calls ×10; final 0.04 USD calls ×11
void    s1 calls 2026-01-26 10  # at the rate of that day
at      2026-02-01T04
        2026-01: correction -0.04 USD calls

# A reset is at the first day of its version.
tariffs:
- key: standard
  currency: EUR
  exchange: {source: ecb, at: usage_day, max_age_days: 31}
  versions:
  - {from: 2026-01-01, components: [{key: calls, meter: calls, graduated: [{up_to: 10, unit: 1}, {unit: 2}]}]}
  - {from: 2026-01-11, reset: true,
     components: [{key: calls, meter: calls, graduated: [{up_to: 10, unit: 1}, {unit: 3}]}]}
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, currency: USD, start: 2026-01-01}]

rate    USD 2026-01-01 1
use     s1 calls 2026-01-04 8 | 2026-01-06 8 | 2026-01-13 8 | 2026-01-14 8
at      2026-02-01T02
        # 8; 2 + 6 × 2; anew 8; 2 + 6 × 3
        2026-01: final 8 USD calls; final 14 USD calls; final 8 USD calls; final 20 USD calls

# A day without use needs no rate.
tariffs:
- key: standard
  currency: EUR
  exchange: {source: ecb, at: usage_day, max_age_days: 0}
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.50"}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, currency: USD, start: 2026-01-01}]

rate    USD 2026-01-05 2
use     s1 calls 2026-01-05 10
at      2026-02-01T02         2026-01: final 10 USD calls

# What the vendor asks in dollars is told in the subscription's euros, and waits for its rate, too.
tariffs:
- key: sold
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: "0.50"}]}]
- key: bought
  currency: USD
  exchange: {source: ecb, at: usage_day, max_age_days: 0}
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.50"}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: sold, cost_tariff: bought, start: 2026-01-01}

use     s1 calls 2026-01-03 10 | 2026-01-10 10
rate    USD 2026-01-03 1.25
at      2026-02-01T02
        audit: problem s1 2026-01: there is no rate of ecb from USD to EUR for 2026-01-10
rate    USD 2026-01-10 1.6
at      2026-02-01T02
        2026-01: final 10 calls cost 7.12  # 5 ÷ 1.25 + 5 ÷ 1.6 = 7.125
        audit: pending 1  # February looks at the new rate, too
at      2026-02-01T04         nothing
