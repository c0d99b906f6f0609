/*
 * Usage as callers of the pricing give it. Private to daemon.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_USAGE_H
#define METERD_DAEMON_QUERY_QUOTE_USAGE_H

#include "daemon/query/quote_charging.h"
#include "meterd/catalog/catalog.h"
#include "meterd/core/schema.h"
#include "meterd/tariff/price.h"

struct mtr_price_usage {
    struct mtr_str component; /* empty: all that price the meter */
    bool of_meter;            /* it named none: a version without the component leaves it out */
    struct mtr_str meter;     /* whose quantity it is; empty: the component's first */
    struct mtr_quantity quantity;
    struct mtr_list dimensions; /* of struct mtr_label */
    bool has_time;
    int64_t time_us;
    bool has_seconds;
    struct mtr_quantity
        seconds; /* of the span that begins at its time; the quantity is spread evenly over it */
};

/* Meters that say how rows with times are measured. What is not among them, nor in the catalog, adds up. */
struct mtr_price_meters {
    const struct mtr_meter *given;
    uint32_t given_count;
    const struct mtr_catalog *catalog; /* NULL: none */
};
const struct mtr_meter *quote_find_meter(const struct mtr_price_meters *meters, struct mtr_str key);

/* Adds a finding and returns MTR_EINVALID; `name` may be empty. */
int quote_fail(struct mtr_diagnostics *findings, const struct mtr_node *node, const char *field,
                   const char *sentence, struct mtr_str name);

/* When the version begins, with dates in UTC. */
int64_t quote_version_start_us(const struct mtr_tariff_version *version);
/* The first whole second from then on, with dates in the zone. */
int64_t quote_version_start_s(const struct mtr_tariff_version *version, const struct mtr_zone *zone);

/* Index of the component of that name that has the meter; either may be empty for any, if there is but one
 * then. */
int quote_find_component(const struct mtr_tariff_version *version, struct mtr_str name,
                             struct mtr_str meter, uint32_t *out,
                             struct mtr_diagnostics *findings) MTR_MUST_USE;
/* Rows without a component become one for each component that prices their meter, in any version of both
 * tariffs (cost: NULL, none). */
int quote_usage_expand(const struct mtr_tariff_document *charged, const struct mtr_tariff_document *cost,
                           struct mtr_list *rows, struct mtr_arena *arena,
                           struct mtr_diagnostics *findings) MTR_MUST_USE;
/* Has the version a component that takes what is given? */
bool quote_has_component(const struct mtr_tariff_version *version, const struct mtr_price_usage *given);
/* Sets component, input, dimensions and quantity of the row; its times are the caller's. */
int quote_usage_row(const struct mtr_tariff_version *version, const struct mtr_price_usage *given,
                        struct mtr_arena *arena, struct mtr_usage_row *row,
                        struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Rows that all have times. */
struct mtr_price_series {
    const struct mtr_price_charging *charged;
    const struct mtr_price_charging *cost; /* what the use costs the seller; NULL: not asked for */
    struct mtr_price_meters meters;
    const struct mtr_price_usage *usage;
    uint32_t usage_count;
    const struct mtr_zone *zone; /* of months, days and hours */
    const struct mtr_list *credits; /* of struct mtr_price_credit */
    bool with_trace;
};

/* Prices a series: calendar months, in parts where a version begins, or a day with a rate of exchange of
 * its own. Writes what mtr_price_write_parts_json does. Errors as mtr_price_request_run. */
int quote_periods_run(const struct mtr_price_series *series, struct mtr_arena *arena,
                          struct mtr_json_writer *json, struct mtr_diagnostics *findings) MTR_MUST_USE;

/* A moment of the series, or a piece of a span. */
struct mtr_price_piece {
    const struct mtr_price_usage *given;
    int64_t time_us, until_us;
    struct mtr_quantity quantity;
};

/* One part of a month: what its rows come to. */
struct mtr_price_part {
    const struct mtr_price_series *series;
    const struct mtr_tariff_document
        *beside; /* the other side's, which may have components of its own; NULL: none */
    const struct mtr_price_piece *moments; /* the rows as they were given, by time */
    uint32_t moment_count;
    const struct mtr_price_piece *pieces; /* with spans split at local hours, by time */
    uint32_t piece_count;
    struct mtr_period whole;
    const struct mtr_tariff_version *version;
    int64_t from_s, to_s;     /* of the part */
    int64_t *position_from_s; /* by component: where the use begins that it goes on from */
};

/* Usage rows of a part, measured as their meters say. From the arena. */
int quote_measure(const struct mtr_price_part *part, struct mtr_arena *arena,
                      const struct mtr_usage_row **rows, uint32_t *count,
                      struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
