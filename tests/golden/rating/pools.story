# Pools over billing periods: what rolls over and what expires, credits that subscriptions share, late use
# that flows forward.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters:
- {key: calls, service: compute, event_type: call, aggregation: sum, value: n}
- {key: disk, service: compute, event_type: disk, aggregation: sum, value: n}

# What is left rolls over for a period, and then expires.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    allowances: [{key: included, components: [calls], quantity: 100, rollover: 1}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 calls 2026-01-01 30 | 2026-02-01 120 | 2026-03-01 190
settle  2026-04-02
        2026-01: final 0 calls; final 0 included{grant=2026-01-01} draw (30)
        2026-02: final 0 calls; final 0 included{grant=2026-01-01} draw (70);
                 final 0 included{grant=2026-02-01} draw (50)
        2026-03: final 40 calls; final 0 included{grant=2026-02-01} draw (50);
                 final 0 included{grant=2026-03-01} draw (100)
use     s1 calls 2026-01-02 40  # late: February has less to take over, and leaves less to March
settle  2026-04-06
        2026-01: correction 0 calls (70); correction 0 included{grant=2026-01-01} draw (70)
        2026-02: correction 0 included{grant=2026-01-01} draw (30);
                 correction 0 included{grant=2026-02-01} draw (90)
        2026-03: correction 40 calls; correction 0 included{grant=2026-02-01} draw (10)
void    s1 calls 2026-01-02 40 | 2026-01-01 30  # all of January: February has its hundred, and leaves more to March
settle  2026-04-10
        2026-01: correction 0 included{grant=2026-01-01} draw (0); correction 0 calls (0)
        2026-02: correction 0 included{grant=2026-01-01} draw (100);
                 correction 0 included{grant=2026-02-01} draw (20)
        2026-03: correction -70 calls; correction 0 included{grant=2026-02-01} draw (80)

# A prepaid credit is shared by a customer's subscriptions, in the order of period and number.
tariffs:
- key: standard
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}
- {key: s2, service: compute, customer: c1, tariff: standard, start: 2026-01-01}
credits: [{key: topup, customer: c1, amount: 100, currency: EUR, from: 2026-01-01, expires: 2026-03-01}]

use     s2 calls 2026-01-01 50 | s1 calls 2026-02-01 70 | s2 calls 2026-02-01 9 | s1 calls 2026-03-01 5
settle  2026-04-02
        s2 2026-01: final 50 calls; final -50 topup{credit=2026-01-01} credit
        s1 2026-02: final 70 calls; final -50 topup{credit=2026-01-01} credit
        s2 2026-02: final 9 calls
        s1 2026-03: final 5 calls
use     s1 calls 2026-01-01 30  # late, and before all of these
settle  2026-04-06
        s1 2026-01: correction 30 calls; correction -30 topup{credit=2026-01-01} credit
        s1 2026-02: correction 30 topup{credit=2026-01-01} credit
credits: [{key: topup, customer: c1, amount: 162, currency: EUR, from: 2026-01-01, expires: 2026-04-01}]

settle  2026-04-10  # a larger credit reaches everybody; a later expiry, March
        s1 2026-02: correction -50 topup{credit=2026-01-01} credit
        s2 2026-02: correction -9 topup{credit=2026-01-01} credit
        s1 2026-03: correction -5 topup{credit=2026-01-01} credit;
                    correction 2 topup{credit=2026-01-01} credit
credits: [{key: topup, customer: c1, amount: 60, currency: EUR, from: 2026-01-01, expires: 2026-04-01}]

settle  2026-04-14  # and a smaller one is taken back from the last
        s2 2026-01: correction 20 topup{credit=2026-01-01} credit
        s1 2026-02: correction 70 topup{credit=2026-01-01} credit
        s2 2026-02: correction 9 topup{credit=2026-01-01} credit
        s1 2026-03: correction 3 topup{credit=2026-01-01} credit

# Units of a subscription are drawn by priority.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}, {key: disk, meter: disk, per_unit: 2}]
    allowances: [{key: included, components: [calls], quantity: 10}, {key: bonus, amount: 3}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]
credits: [{key: pack, subscription: s1, quantity: 25, meter: calls, from: 2026-01-15, priority: 50}]

use     s1 calls 2026-01-01 20 | disk 2026-01-01 1 | calls 2026-02-01 20
settle  2026-03-02
        2026-01: final 0 calls; final 2 disk; final 0 pack{credit=2026-01-15} draw (20);
                 final -2 bonus{grant=2026-01-01} credit
        2026-02: final 5 calls; final 0 pack{credit=2026-01-15} draw (5);
                 final 0 included{grant=2026-02-01} draw (10); final -3 bonus{grant=2026-02-01} credit

# A customer's units are of the meter of one service: the other's, of the same key, draws none of them.
services: [{key: storage, vendor: acme}]
meters: [{key: calls, service: storage, event_type: stored, aggregation: count}]
tariffs:
- key: standard
  currency: EUR
  versions: [{from: 2026-01-01, components: [{key: calls, meter: compute/calls, per_unit: 1}]}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]
credits:
- {key: own, customer: c1, quantity: 3, meter: compute/calls, from: 2026-01-01}
- {key: others, customer: c1, quantity: 4, meter: storage/calls, from: 2026-01-01}

use     s1 calls 2026-01-01 10
settle  2026-02-02            2026-01: final 7 calls; final 0 own{credit=2026-01-01} draw (3)

# A version inside a period goes on with the pool that it finds.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: 1}]
    allowances: [{key: included, components: [calls], quantity: 100}]
  - from: 2026-01-16
    components: [{key: calls, meter: calls, per_unit: 3}]
    allowances: [{key: included, components: [calls], quantity: 500}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 calls 2026-01-01 60 | 2026-01-21 60 | 2026-02-01 60
settle  2026-03-02
        2026-01: final 0 calls; final 0 included{grant=2026-01-01} draw (60); final 60 calls;
                 final 0 included{grant=2026-01-01} draw (40)
        2026-02: final 0 calls; final 0 included{grant=2026-02-01} draw (60)  # of five hundred
