/*
 * Usage as callers of the pricing give it. Private to daemon.
 */
#ifndef METERD_DAEMON_PRICE_USAGE_H
#define METERD_DAEMON_PRICE_USAGE_H

#include "daemon/price_charging.h"
#include "meterd/core/schema.h"
#include "meterd/rater/price.h"

struct mtr_price_usage {
    struct mtr_str component; /* empty: the only one with a meter, or with that meter */
    struct mtr_str meter;     /* whose quantity it is; empty: the component's first */
    struct mtr_quantity quantity;
    struct mtr_list dimensions; /* of struct mtr_label */
    bool has_time;
    int64_t time_us;
};

/* Adds a finding and returns MTR_EINVALID; `name` may be empty. */
int mtr_price_fail(struct mtr_diagnostics *findings, const struct mtr_node *node, const char *field, const char *sentence, struct mtr_str name);

/* When the version begins, with dates in UTC. */
int64_t mtr_price_version_start_us(const struct mtr_tariff_version *version);

/* Index of the component of that name that has the meter; either may be empty for any, if there is but one then. */
int mtr_price_find_component(const struct mtr_tariff_version *version, struct mtr_str name, struct mtr_str meter, uint32_t *out,
                             struct mtr_diagnostics *findings) MTR_MUST_USE;
/* Has the version a component that takes what is given? */
bool mtr_price_has_component(const struct mtr_tariff_version *version, const struct mtr_price_usage *given);
/* Sets component, input, dimensions and quantity of the row; its times are the caller's. */
int mtr_price_usage_row(const struct mtr_tariff_version *version, const struct mtr_price_usage *given, struct mtr_arena *arena,
                        struct mtr_usage_row *row, struct mtr_diagnostics *findings) MTR_MUST_USE;

struct mtr_price_series {
    const struct mtr_price_charging *charged;
    const struct mtr_price_charging *cost; /* what the use costs the seller; NULL: not asked for */
    const struct mtr_price_usage *rows;    /* each with a time */
    uint32_t count;
    bool with_trace;
};
/* Calendar months in UTC, in parts where a version of the tariff begins, or a day with a rate of exchange of its own. Writes
 * {"total","currency","tariff","periods":[{"from","to","price":{…}}]}. Errors as mtr_price_request_run. */
int mtr_price_periods_run(const struct mtr_price_series *series, struct mtr_arena *arena, struct mtr_json_writer *json,
                          struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
