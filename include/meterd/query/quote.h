/*
 * Pricing on request: what POST /v1/price and `meterd price` share. Pure but for the catalog snapshot.
 *
 * Request (YAML or JSON):
 *   tariff: compute            # key in the catalog, or the tariff document itself; without one the
 *                              # subscription is priced as it is
 *   documents: {subscriptions: [{key: s-1, …}], …}   # then: it and what it names, before the catalog's; the map,
 *                              # or the text of one
 *   at: 2026-03-01             # which version is in force; default: now
 *   quantity: "12345.678"      # of `component`; or `usage` for several
 *   component: vcpu            # default: the only component with a meter
 *   dimensions: {region: eu}   # of `quantity`
 *   usage: [{component: vcpu, quantity: "10", dimensions: {region: eu}}, …]   # or, each with a time:
 *   usage: [{time: 2026-03-04T05:00:00Z, quantity: "10"}, …]
 *   usage: [{time: 2026-03-04T05:00:00Z, reading: "4711", meter: odometer}, …] # of a counter: what it stands at
 *   credits: [{amount: "50", priority: 1, expires: 2026-06-01}]   # prepaid money, in the tariff's currency
 *   currency: USD              # of a tariff with prices in several
 *   subscription: s-1          # whose override is in force; of a stored one its currency and customer, too: in
 *                              # a series the one of each time
 *   customer: acme             # whose override is in force
 *   cost: compute-cost         # key or document of the tariff that says what the use costs the seller: lines
 *                              # get `cost` and `margin`
 *   rates: [{date: 2026-03-31, quotes: {USD: "1.08"}}]   # to exchange with; source and base are the tariff's
 *                              # unless given; default: the catalog's
 *   meters: [{key: gib, aggregation: time_weighted, …}]  # how rows with times are measured, as in a catalog;
 *                              # others add up
 *   zone: Europe/Berlin        # of months, days and hours; default UTC
 *   start: 2026-01-11          # of the subscription; default: that of the billing period of the first use
 *   end: 2026-03-15            # of it: a series is priced up to there
 *   billing: {every: quarter}  # its periods; default: calendar months
 *   trial: {days: 14, tariff: taste}   # as in a subscription; the tariff a key or a document
 *   closing: true              # the period is over, so that minimums count; default true
 *   trace: true                # default true
 *
 * A quote is a charge: a subscription is made in memory, the rows are its use, and the rater prices its
 * periods (meterd/rater/billing_period.h). It has no other subscription beside it, and no pools but the
 * tariff's allowances, what its trial frees, and the request's credits. A row before its start or behind its
 * end is refused; of a span that reaches across one of them the share between them counts. Where a stored
 * subscription changes its customer, so does this one in a series: each customer has his own prices, periods
 * and contract terms.
 *
 * A subscription that is priced as it is has all that its document says, its credits included: of the
 * request only `at`, `closing`, `trace` and what is used stand beside it.
 *
 * Answer: that of mtr_price_write_json. What is priced is the billing period of `at`, or what the
 * subscription has of it. A series is priced period by period, in parts where a version or the trial's end
 * begins one: the answer is that of mtr_price_write_parts_json, as it is of a period that a trial splits.
 */
#ifndef METERD_QUERY_QUOTE_H
#define METERD_QUERY_QUOTE_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/arena.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/schema.h"

/* What a request may say. */
extern const struct mtr_field mtr_price_request_fields[];

/* Who asks. */
struct mtr_price_asker {
    const struct mtr_catalog *catalog; /* NULL: the tariff must be a document */
    int64_t now_us;
    bool lists_only; /* of what is stored: no cost tariff, and no prices of one customer */
};

/* Writes the answer's JSON. MTR_EINVALID with findings, also of a number out of range, MTR_EDENIED with a
 * finding that says what is not for this asker, and MTR_ENOMEM. */
int mtr_price_request_run(struct mtr_str request, const struct mtr_price_asker *asker,
                          struct mtr_arena *arena, struct mtr_json_writer *json,
                          struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
