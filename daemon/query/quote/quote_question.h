/*
 * A price request as it was decoded, and the question that it makes: with all that it names. Private to
 * daemon/query.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_QUOTE_QUESTION_H
#define METERD_DAEMON_QUERY_QUOTE_QUOTE_QUESTION_H

#include "daemon/query/quote/quote_rows.h"
#include "daemon/query/quote/quote_terms.h"

struct quote_request {
    const struct mtr_node *tariff, *documents, *cost;
    bool has_cost, has_documents;
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
    struct mtr_catalog *sketch;        /* with the request's documents, the catalog then; NULL: it has none */
    const struct mtr_subscription *whole; /* that is priced as it is; NULL: one is made up */
    int64_t at_us;                     /* of rows without times */
    bool is_series;                    /* rows have times, or there is a start and no use */
    struct quote_phases phases;        /* of cost and trial: NULL, not asked for */
    bool has_override;                 /* a tariff has one for the request's customer */
    bool lists_only;                   /* as of the asker; never without a catalog */
    struct mtr_rate_book rates;
    struct mtr_zone *zone;
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
};

/* Does it ask for what is not for the asker: of members, and then of each stored tariff. MTR_EDENIED with a
 * finding (quote_phases.c). */
int quote_check_members(const struct quote_question *question) MTR_MUST_USE;

/* Whom it is priced for, under which tariffs (quote_phases.c): one phase, or in a series one for each
 * customer that a stored subscription has had. MTR_EINVALID with findings, MTR_ENOMEM. */
int quote_find_phases(struct quote_question *question) MTR_MUST_USE;

/* The subscription that the request is about, with its phases (quote_subscription.c). first_us: of its use,
 * NULL where there is none. MTR_EINVALID with findings, MTR_ENOMEM, MTR_ELIMIT. */
int quote_make_subscription(const struct quote_question *question, const int64_t *first_us,
                            const struct mtr_subscription **out) MTR_MUST_USE;

/* The tariff as it is for the phase. MTR_ENOTFOUND: it has no prices in what is charged. */
int quote_fit_tariff(const struct quote_question *question, const struct mtr_tariff_document *tariff,
                     const struct quote_phase *phase, const struct mtr_tariff_document **out) MTR_MUST_USE;
/* Whose the phase of a subscription is, and its tariffs, are those of `phase`. */
void quote_enter_phase(const struct quote_phase *phase, struct mtr_subscription *out);
/* Makes them one subscription: each knows all of them, and rows lie in the cells of the whole. MTR_ENOMEM,
 * MTR_ELIMIT. */
int quote_join_phases(struct mtr_subscription *phases, uint32_t count,
                      struct mtr_arena *arena) MTR_MUST_USE;

/* A request without a tariff is for the subscription that it names, as that is (quote_whole.c): of its
 * documents, or of the catalog. Sets whole, and sketch with catalog where it brings documents. MTR_EINVALID
 * with findings, MTR_ENOMEM. */
int quote_find_whole(struct quote_question *question) MTR_MUST_USE;
/* The phases of that one: all of a series, else the one of `at`; and the subscription itself, with nothing
 * beside it. Errors as of those for one that is made up. */
int quote_find_whole_phases(struct quote_question *question) MTR_MUST_USE;
int quote_copy_whole(const struct quote_question *question, const struct mtr_subscription **out) MTR_MUST_USE;

#endif
