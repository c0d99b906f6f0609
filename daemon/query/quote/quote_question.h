/*
 * A price request as it was decoded, and the question that it makes: with all that it names. Private to
 * daemon/query.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_QUOTE_QUESTION_H
#define METERD_DAEMON_QUERY_QUOTE_QUOTE_QUESTION_H

#include "daemon/query/quote/quote_rows.h"
#include "daemon/query/quote/quote_terms.h"

struct quote_request {
    const struct mtr_node *tariff, *cost;
    bool has_cost;
    struct mtr_tariff_party party;
    int64_t at_us;
    bool has_at;
    struct mtr_quantity quantity;
    bool has_quantity;
    struct mtr_str component;
    struct mtr_list dimensions;
    struct mtr_list usage;   /* of struct quote_row */
    struct mtr_list credits; /* of struct quote_credit */
    const struct mtr_node *rates, *meters;
    struct mtr_str zone;
    struct quote_terms terms;
    bool closing;
    bool trace;
};

/* Everything is from the arena. */
struct quote_question {
    struct quote_request *request;
    const struct mtr_catalog *catalog; /* NULL: none */
    int64_t at_us;                     /* of rows without times */
    bool is_series;                    /* rows have times, or there is a start and no use */
    struct quote_phases phases;        /* of cost and trial: NULL, not asked for */
    struct mtr_rate_book rates;
    struct mtr_zone *zone;
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
};

/* Whom it is priced for, under which tariffs (quote_phases.c): one phase, or in a series one for each
 * customer that a stored subscription has had. MTR_EINVALID with findings, MTR_ENOMEM. */
int quote_find_phases(struct quote_question *question) MTR_MUST_USE;

/* The subscription that the request is about, with its phases (quote_subscription.c). first_us: of its use,
 * NULL where there is none. MTR_EINVALID with findings, MTR_ENOMEM, MTR_ELIMIT. */
int quote_make_subscription(const struct quote_question *question, const int64_t *first_us,
                            const struct mtr_subscription **out) MTR_MUST_USE;

#endif
