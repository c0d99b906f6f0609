# Two sides: what a line costs the seller stands beside what the customer pays for it.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters:
- {key: calls, service: compute, event_type: call, aggregation: count}
- {key: disk, service: compute, event_type: disk, value: gib, group_by: [region, class]}
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: "0.5"}
    - {key: disk, meter: disk, per_unit: 1, group_by: [region]}
    - {key: base, recurring: {amount: 20}}
- key: cost
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, graduated: [{up_to: 10, unit: "0.3"}, {unit: "0.7"}]}
    - {key: disk, meter: disk, per_unit: "0.25", group_by: [region]}
    - {key: media, meter: disk, per_unit: "0.01", group_by: [class]}
    minimum: 25

# What only the seller pays is a line of nothing, and a loss; the cost's minimum goes up to 25.00.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, cost_tariff: cost}

use     s1 calls 2026-01-01 20 | disk/eu/ssd 2026-01-02 8 | disk/us/hdd 2026-01-02 4
at      2026-02-01T02
        2026-01: final 10 calls cost 10; final 8 disk{region=eu} cost 2; final 4 disk{region=us} cost 1;
                 final 20 base cost 0; final 0 media{class=hdd} cost 0.04;
                 final 0 media{class=ssd} cost 0.08; final 0 tariff.minimum minimum cost 11.88
        2026-02: draft 20 base cost 0
        losses: 3  # the two media and the minimum

# A new cost alone is a charge of nothing.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, cost_tariff: cost}

use     s1 calls 2026-01-01 100
at      2026-02-01T02
        2026-01: final 50 calls cost 66; final 20 base cost 0
        2026-02: draft 20 base cost 0
        losses: 1  # 50.00 for 66.00
tariffs:
- key: cost
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, graduated: [{up_to: 10, unit: "0.3"}, {unit: "0.4"}]}
    - {key: disk, meter: disk, per_unit: "0.25", group_by: [region]}
    - {key: media, meter: disk, per_unit: "0.01", group_by: [class]}
    minimum: 25

at      2026-02-01T09
        2026-01: correction 0 calls cost -27
        body calls: "amount":"0.00","amount_total":"50.00","currency":"EUR","cost":"-27.00","cost_total":"39.00","margin":"27.00","margin_total":"11.00"

# A free trial costs the seller something. A version of the cost that begins inside the customer's part is
# one line with it.
tariffs:
- key: standard
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]
- key: cost
  currency: EUR
  versions:
  - {from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: "0.1"}]}
  - {from: 2026-01-21, components: [{key: calls, meter: calls, per_unit: "0.2"}]}
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: standard
  start: 2026-01-01
  cost_tariff: cost
  trial: {days: 10}

use     s1 calls 2026-01-01 10 | 2026-01-13 20 | 2026-01-26 30
at      2026-02-01T02
        2026-01: final 50 calls cost 8; final 0 calls cost 1
        losses: 1
void    s1 calls 2026-01-01 10  # all that was used in the trial
at      2026-02-01T09
        2026-01: correction 0 calls cost -1

# So does use after a trial that stopped.
tariffs:
- key: standard
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]
- key: cost
  currency: EUR
  versions:
  - {from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: "0.1"}]}
  - {from: 2026-01-21, components: [{key: calls, meter: calls, per_unit: "0.2"}]}
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: standard
  start: 2026-01-01
  cost_tariff: cost
  trial: {days: 10, then: stop}

use     s1 calls 2026-01-01 10 | 2026-01-13 20 | 2026-01-26 30
at      2026-02-01T02
        2026-01: final 0 calls cost 3; final 0 calls cost 6
        losses: 2

# A service's cost tariff is that of its subscriptions; without one there is no cost, and taking it away
# takes the cost back.
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 calls 2026-01-01 100
at      2026-02-01T02
        2026-01: final 50 calls; final 20 base
        2026-02: draft 20 base
services: [{key: compute, vendor: acme, cost_tariff: cost}]

at      2026-02-01T09
        2026-01: correction 0 calls cost 66
        losses: 1
services: [{key: compute, vendor: acme}]

at      2026-02-01T18
        2026-01: correction 0 calls cost -66

# The seller pays in dollars, day by day at that day's rate, the customer in euros: cost is told in euros.
tariffs:
- key: standard
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]
- key: cost
  currency: USD
  exchange: {source: ecb, at: usage_day}
  versions:
  - from: 2026-01-01
    components:
    - {key: calls, meter: calls, per_unit: "0.5"}
    - {key: line, recurring: {amount: 31, prorate: day}}
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, cost_tariff: cost}

use     s1 calls 2026-01-03 100 | 2026-01-21 100
at      2026-02-01T02  # no rate: the period is held, and no cost is taken as nothing
        audit: problem s1 2026-01: there is no rate of ecb from USD to EUR for 2026-01-01, nor one of the 7 days before;
               problem s1 2026-02: there is no rate of ecb from USD to EUR for 2026-02-01 or any day before
rate    USD 2026-01-01..2026-01-10 1.25 | 2026-01-11..2026-01-31 1.6
at      2026-02-01T04
        # 50 ÷ 1.25 + 50 ÷ 1.6, and 10 ÷ 1.25 + 21 ÷ 1.6 = 21.125, of which half a cent goes to the even one
        2026-01: final 200 calls cost 71.25; final 0 line cost 21.12
        2026-02: draft 0 line cost 19.38  # 31 ÷ 1.6 = 19.375 is a tie, in however many days it comes
        losses: 2
