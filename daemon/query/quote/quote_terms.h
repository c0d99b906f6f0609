/*
 * The subscription that a request is priced for: what it says of start, end, billing and trial is read as a
 * subscription's document says it, and what it leaves out is that of one which starts with its first use and
 * is billed by calendar months. Private to daemon/query.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_QUOTE_TERMS_H
#define METERD_DAEMON_QUERY_QUOTE_QUOTE_TERMS_H

#include "daemon/query/quote/quote_rows.h"

/* As they are written. */
struct quote_terms {
    struct mtr_str start, end;
    const struct mtr_node *billing, *trial; /* NULL: not written */
};

/* The tariff that the trial names, or has as a document; NULL: none. */
const struct mtr_node *quote_trial_tariff(const struct quote_terms *terms);

struct quote_terms_place {
    struct mtr_str zone_name;
    struct mtr_zone *zone;
    bool has_first;
    int64_t first_us; /* of the use: without a start the subscription starts with the billing period of it */
};
/* Fills start, end, billing and trial, but for the trial's tariff. From the arena. MTR_EINVALID with
 * findings, MTR_ENOMEM. */
int quote_terms_read(const struct quote_terms *terms, const struct quote_terms_place *place,
                     struct mtr_arena *arena, struct mtr_subscription *out,
                     struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
