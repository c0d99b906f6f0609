# Drafts while a period runs, one final charge of every line when it is over, corrections after that.
vendors: [{key: acme}]
services: [{key: compute, vendor: acme}]
meters: [{key: calls, service: compute, event_type: call, aggregation: count}]
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.50"}]
subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

# Each charge is the difference to what was charged before.
at      2026-01-01T00:00:10   nothing
use     s1 calls 2026-01-01 10
at      2026-01-01T00:00:10   # rated ten seconds ago: it waits
        audit: pending 1
use     s1 calls 2026-01-01 4
at      2026-01-01T02         2026-01: draft 7 calls (14)
at      2026-02-01T00:59:59   nothing  # the grace of an hour is not over
use     s1 calls 2026-01-31T23 2
at      2026-02-01T01         2026-01: final 1 calls (16)
void    s1 calls 2026-01-01 3
at      2026-02-01T05         2026-01: correction -1.5 calls (13)
void    s1 calls 2026-01-01 11 | 2026-01-31T23 2
at      2026-02-01T09         2026-01: correction -6.5 calls (0)

# A clock that was a month ahead puts nothing off: neither what comes once it is right again, nor what it had put off itself.
use     s1 calls 2026-01-01 10
at      2026-02-01T02         2026-01: final 5 calls
use     s1 calls 2026-01-01 2
at      2026-03-03T00         2026-01: correction 1 calls
use     s1 calls 2026-01-01 4
at      2026-03-03T00
        audit: pending 1
at      2026-02-01T02:30      2026-01: correction 2 calls
use     s1 calls 2026-01-01 2
at      2026-02-01T03:30      2026-01: correction 1 calls

# A line that is final is told so, even when nothing differs; a period without lines closes without a charge.
use     s1 calls 2026-01-01 10
at      2026-01-01T02         2026-01: draft 5 calls
at      2026-02-01T02         2026-01: final 0 calls
at      2026-03-01T02         closed: 2026-02

# A changed tariff rates closed periods again.
use     s1 calls 2026-01-01 10
at      2026-02-01T02         2026-01: final 5 calls
tariffs:
- key: standard
  currency: EUR
  versions:
  - from: 2026-01-01
    components: [{key: calls, meter: calls, per_unit: "0.60"}]

audit   pending 2  # January, and February that runs
at      2026-02-01T05         2026-01: correction 1 calls

# Rollups that were built anew number their feed anew: every day is looked at again, and nothing comes of it.
use     s1 calls 2026-01-01 10
at      2026-02-01T02         2026-01: final 5 calls
refold
audit   pending 2
at      2026-02-01T05         nothing

# A period that cannot be rated says why, and holds up no other.
subscriptions: [{key: s2, service: compute, customer: c1, tariff: standard, start: 2026-01-01}]

use     s1 calls 2026-01-01T00 170000000000000000000000000 | 2026-01-01T01 170000000000000000000000000
        s2 calls 2026-01-01 2
at      2026-02-01T02
        s2 2026-01: final 1 calls
        problem: the period of subscription s1 that starts at 2026-01-01T00:00:00+00:00 cannot be rated: component calls: its use adds up to more than 1.7 × 10^26
        audit: problem s1 2026-01: component calls: its use adds up to more than 1.7 × 10^26
void    s1 calls 2026-01-01T00 169999999999999999999999996 | 2026-01-01T01 170000000000000000000000000
at      2026-02-01T04
        s1 2026-01: final 2 calls

# History is loaded under a long grace; with the usual one, from the next start on, what is over becomes
# final.
restart grace 400d
use     s1 calls 2026-01-01 10
at      2026-02-01T05         2026-01: draft 5 calls
restart grace 1h
at      2026-02-01T05         2026-01: final 0 calls
