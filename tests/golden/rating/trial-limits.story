# Trials by what they free: 42 calls in January, 12 of them late, and 20 in February. Five of a month are
# free of themselves.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, aggregation: count}]
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, free_units: 5, per_unit: 1}, {key: base, recurring: {amount: 31}}]

# Units: 20 of them.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01,
   trial: {quantity: {calls: 20}}}

use     s1 calls 2026-01-03 30 | 2026-02-03 20
at      2026-03-01T02
        2026-01: final 5 calls; final 31 base; final 0 trial.calls{grant=2026-01-01} draw (20)
        2026-02: final 15 calls; final 31 base
        2026-03: draft 31 base
use     s1 calls 2026-01-21 12  # late: February has less left
at      2026-03-01T09
        2026-01: correction 12 calls
at      2026-03-01T18         nothing

# Units that January does not use up.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01,
   trial: {quantity: {calls: 50}}}

use     s1 calls 2026-01-03 30 | 2026-02-03 20
at      2026-03-01T02
        2026-01: final 0 calls; final 31 base; final 0 trial.calls{grant=2026-01-01} draw (25)
        2026-02: final 0 calls; final 31 base; final 0 trial.calls{grant=2026-01-01} draw (15)
        2026-03: draft 31 base
use     s1 calls 2026-01-21 12  # late: February has less left
at      2026-03-01T09
        2026-01: correction 0 calls (42); correction 0 trial.calls{grant=2026-01-01} draw (37)
        2026-02: correction 2 calls; correction 0 trial.calls{grant=2026-01-01} draw (13)
at      2026-03-01T18         nothing

# Units up to an end: what is left then is lost.
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: standard
  start: 2026-01-01
  trial: {quantity: {calls: 50}, end: 2026-02-01}

use     s1 calls 2026-01-03 30 | 2026-02-03 20
at      2026-03-01T02
        2026-01: final 0 calls; final 31 base; final 0 trial.calls{grant=2026-01-01} draw (25)
        2026-02: final 15 calls; final 31 base
        2026-03: draft 31 base
use     s1 calls 2026-01-21 12  # late: February has less left
at      2026-03-01T09
        2026-01: correction 0 calls (42); correction 0 trial.calls{grant=2026-01-01} draw (37)
at      2026-03-01T18         nothing

# Units for days that go on into February.
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: standard
  start: 2026-01-01
  trial: {quantity: {calls: 50}, days: 40}

use     s1 calls 2026-01-03 30 | 2026-02-03 20
at      2026-03-01T02
        2026-01: final 0 calls; final 31 base; final 0 trial.calls{grant=2026-01-01} draw (25)
        2026-02: final 0 calls; final 31 base; final 0 trial.calls{grant=2026-01-01} draw (15)
        2026-03: draft 31 base
use     s1 calls 2026-01-21 12  # late: February has less left
at      2026-03-01T09
        2026-01: correction 0 calls (42); correction 0 trial.calls{grant=2026-01-01} draw (37)
        2026-02: correction 2 calls; correction 0 trial.calls{grant=2026-01-01} draw (13)
at      2026-03-01T18         nothing

# Units up to an end, and nothing after it.
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: standard
  start: 2026-01-01
  trial: {quantity: {calls: 20}, end: 2026-02-01, then: stop}

use     s1 calls 2026-01-03 30 | 2026-02-03 20
at      2026-03-01T02
        2026-01: final 5 calls; final 31 base; final 0 trial.calls{grant=2026-01-01} draw (20)
use     s1 calls 2026-01-21 12  # late: February has less left
at      2026-03-01T09         2026-01: correction 12 calls
at      2026-03-01T18         nothing

# Money: 40 of it.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, trial: {amount: 40}}

use     s1 calls 2026-01-03 30 | 2026-02-03 20
at      2026-03-01T02
        2026-01: final 25 calls; final 31 base; final -40 trial{grant=2026-01-01} credit
        2026-02: final 15 calls; final 31 base
        2026-03: draft 31 base
use     s1 calls 2026-01-21 12  # late: February has less left
at      2026-03-01T09
        2026-01: correction 12 calls
at      2026-03-01T18         nothing

# Money that January does not use up.
subscriptions:
- {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, trial: {amount: 100}}

use     s1 calls 2026-01-03 30 | 2026-02-03 20
at      2026-03-01T02
        2026-01: final 25 calls; final 31 base; final -56 trial{grant=2026-01-01} credit
        2026-02: final 15 calls; final 31 base; final -44 trial{grant=2026-01-01} credit
        2026-03: draft 31 base
use     s1 calls 2026-01-21 12  # late: February has less left
at      2026-03-01T09
        2026-01: correction 12 calls; correction -12 trial{grant=2026-01-01} credit
        2026-02: correction 12 trial{grant=2026-01-01} credit
at      2026-03-01T18         nothing

# Units and money.
subscriptions:
- key: s1
  service: compute
  customer: c1
  tariff: standard
  start: 2026-01-01
  trial: {quantity: {calls: 20}, amount: 40}

use     s1 calls 2026-01-03 30 | 2026-02-03 20
at      2026-03-01T02
        2026-01: final 5 calls; final 31 base; final 0 trial.calls{grant=2026-01-01} draw (20);
                 final -36 trial{grant=2026-01-01} credit
        2026-02: final 15 calls; final 31 base; final -4 trial{grant=2026-01-01} credit
        2026-03: draft 31 base
use     s1 calls 2026-01-21 12  # late: February has less left
at      2026-03-01T09
        2026-01: correction 12 calls; correction -4 trial{grant=2026-01-01} credit
        2026-02: correction 4 trial{grant=2026-01-01} credit
at      2026-03-01T18         nothing
