# The bill's quantity is the usage, also where more of it costs nothing: a charge of amount 0 says how much.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters:
- {key: calls, service: compute, event_type: call, aggregation: count}
- {key: disk, service: compute, event_type: disk, value: gb, group_by: [region]}
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components:
    - {key: capped, meter: calls, per_unit: "1", cap: "10"}
    - {key: free, meter: disk, group_by: [region], per_unit: "1", free_units: 100}
    - {key: packed, meter: disk, package: {size: 50, price: 5}}
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

# Drafts, the final and corrections, under a cap.
use     s1 calls 2026-01-01 12
at      2026-01-02            2026-01: draft 10 capped (12)
use     s1 calls 2026-01-02 5
at      2026-01-03            2026-01: draft 0 capped (17)
use     s1 calls 2026-01-03 3
at      2026-02-02            2026-01: final 0 capped (20)
use     s1 calls 2026-01-04 100
at      2026-02-03
        2026-01: correction 0 capped (120)
        body capped: "quantity":"120","quantity_delta":"100","amount":"0.00","amount_total":"10.00"
void    s1 calls 2026-01-04 100
at      2026-02-04            2026-01: correction 0 capped (20)
use     s1 calls 2026-01-05 1
void    s1 calls 2026-01-05 1
at      2026-02-05            nothing

# Inside free units and a package; what is all taken back is taken off the bill, too.
use     s1 disk/eu 2026-01-01 10
at      2026-02-02            2026-01: final 0 free{region=eu} (10); final 5 packed (10)
use     s1 disk/eu 2026-01-01 30 | disk/us 2026-01-02 7
at      2026-02-03
        2026-01: correction 0 free{region=eu} (40); correction 0 free{region=us} (7); correction 0 packed (47)
void    s1 disk/us 2026-01-02 7
at      2026-02-04            2026-01: correction 0 packed (40); correction 0 free{region=us} (0)
use     s1 disk/us 2026-01-02 7
at      2026-02-05            2026-01: correction 0 free{region=us} (7); correction 0 packed (47)
void    s1 disk/eu 2026-01-01 10 | disk/eu 2026-01-01 30 | disk/us 2026-01-02 7
at      2026-02-06
        2026-01: correction 0 free{region=eu} (0); correction 0 free{region=us} (0); correction -5 packed (0)
