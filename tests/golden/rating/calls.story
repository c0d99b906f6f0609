# Calls one by one: a fee and steps of their own, with a price that changes within the call, and bounds of each.
vendors: [{key: acme}]
services: [{key: phone, vendor: acme}]
meters: [{key: calls, service: phone, event_type: c, value: s, keep_events: true}]
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - key: voice
      meter: calls
      scope: event
      increments: {connect: "0.05", steps: [{price: "0.10", per: 60, step: 60}, {from: 180, price: "0.04", per: 60, step: 60}]}
      each: {minimum: "0.20", maximum: 2}
subscriptions: [{key: s1, service: phone, customer: c1, tariff: standard, start: 2026-01-01}]

# 0.20 at least, 0.43 for five minutes, 2.00 at most; a call that is told late or taken back changes its own price alone.
use     s1 calls 2026-01-05T10:00 30
        2026-01-05T10:20 300
        2026-01-06T10:00 36000
at      2026-01-07
        2026-01: draft 2.63 voice (36330)
at      2026-02-01T02
        2026-01: final 0 voice
use     s1 calls 2026-01-20T10:00 60
at      2026-02-02
        2026-01: correction 0.2 voice
void    s1 calls 2026-01-06T10:00 36000
at      2026-02-03
        2026-01: correction -2 voice

# A version that begins between two calls prices its own.
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: voice, meter: calls, scope: event, per_unit: "0.01", each: {maximum: 1}}]
  - from: 2026-01-11
    components: [{key: voice, meter: calls, scope: event, per_unit: "0.01", each: {maximum: 2}}]

use     s1 calls 2026-01-05T10:00 500 | 2026-01-12T10:00 500
at      2026-02-01T02
        2026-01: final 1 voice; final 2 voice
