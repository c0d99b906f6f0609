/*
 * What a subscription would be charged that is made in memory: its periods are priced by the rater's own
 * function (meterd/rater/billing_period.h). So a quote is the charge, of rows that were not metered. Private
 * to daemon/query.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_QUOTE_SERIES_H
#define METERD_DAEMON_QUERY_QUOTE_QUOTE_SERIES_H

#include "daemon/query/quote/quote_use.h"

/* Prepaid money as a request writes it. */
struct quote_credit {
    struct mtr_str key; /* "credit-1" … unless given */
    struct mtr_money amount;
    uint64_t priority;
    bool has_expires;
    int64_t expires_us;
};
extern const struct mtr_field quote_credit_fields[];

struct quote_series {
    const struct mtr_subscription *subscription; /* made up: tariffs as they are for whom it is */
    const struct mtr_catalog *catalog;           /* whose credits it draws on; NULL: these */
    const struct mtr_list *credits;              /* of struct quote_credit */
    struct quote_use *use;
    int64_t first_us, last_us;  /* from the billing period of the first to that of the last, or its end */
    const int64_t *usage_day; /* as in struct mtr_rating */
    bool closing;
};

/* Prices all billing periods from the first to the last: fees and minimums of those without rows, too. A
 * period has a part for each version in force, the trial's and its own, or for each day with a rate of
 * exchange of its own; where nothing is charged it is one part without lines. From the arena. MTR_EINVALID
 * with a finding, MTR_ENOMEM, MTR_EOVERFLOW. */
int quote_series_price(const struct quote_series *series, struct mtr_arena *arena,
                       struct mtr_diagnostics *findings, struct mtr_priced_part **parts,
                       uint32_t *count) MTR_MUST_USE;

#endif
