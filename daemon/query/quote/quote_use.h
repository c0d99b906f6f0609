/*
 * The rows of a request as a source of use (meterd/rater/use_source.h): the rater reads them as it reads the
 * rollups. Private to daemon/query.
 *
 * A row with a time is used then; it lies in the cell that an event of that time would lie in. A span is
 * spread over its cells. What lies outside of the subscription's time is of nothing. Meters of the request,
 * else of the catalog, say how rows are measured; a meter that is in neither adds up, and so do counts of
 * unique values, since the values are not known. Rows without times are quantities of one moment, which no
 * meter measures.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_QUOTE_USE_H
#define METERD_DAEMON_QUERY_QUOTE_QUOTE_USE_H

#include "daemon/query/quote/quote_rows.h"
#include "meterd/rater/use_source.h"

struct quote_use_options {
    const struct quote_row *rows; /* expanded */
    uint32_t row_count;
    struct quote_phases phases;
    const struct mtr_meter *meters; /* of the request */
    uint32_t meter_count;
    const struct mtr_catalog *catalog; /* NULL: none */
    /* Whose cells rows lie in: it has the zone, the tariffs and their cuts. */
    const struct mtr_subscription *subscription;
    bool are_events; /* rows behind the date of a retired meter are refused: it would not count them */
    bool without_times;
    bool has_at;    /* without times: the moment was named */
    int64_t at_us;   /* without times: when everything is used, */
    int64_t from_us; /* but for levels, which hold from here on */
};

/* That a name means: of the request, else of the catalog. NULL: neither has it. */
const struct mtr_meter *quote_known_meter(const struct quote_use_options *options, struct mtr_str name);

/* Gives rows with readings the quantity that their counter grew by (quote_readings.c). The rows are other
 * ones then, from the arena. MTR_EINVALID with findings, MTR_ENOMEM, MTR_EOVERFLOW. */
int quote_readings_turn(struct quote_use_options *options, struct mtr_arena *arena,
                        struct mtr_diagnostics *findings) MTR_MUST_USE;

struct quote_use;

/* Finds for each row what it is of, under the version in force then, and sorts the rows. Everything is from
 * the arena, and what the options point to is borrowed. MTR_EINVALID with findings, MTR_ENOMEM, MTR_ELIMIT,
 * MTR_EOVERFLOW. */
int quote_use_open(const struct quote_use_options *options, struct mtr_arena *arena,
                   struct mtr_diagnostics *findings, struct quote_use **out) MTR_MUST_USE;

/* Of rows with times, one at least: the last moment that anything was used in. */
int64_t quote_use_last_us(const struct quote_use *use);

extern const struct mtr_use_source quote_use_source; /* context: struct quote_use */

#endif
