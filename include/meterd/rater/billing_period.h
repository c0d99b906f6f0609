/*
 * What one billing period of a subscription costs. Charges, audits, what-ifs and quotes are made by the one
 * function mtr_billing_period_price; they differ in where the use comes from (use_source.h), in what was
 * drawn of grants before (struct mtr_draw_ledger), and in whether the subscription is one of the catalog or
 * made for the question.
 *
 *   subscription, start ──▶ period: parts by tariff and version, the same time under the cost tariff
 *   source of use ─────────▶ rows of each part, measured ──▶ price of each part ──┐
 *   grants, less what the ledger says was drawn of them ──────────────────────────┴──▶ lines, costs laid
 * beside them
 *
 * Pure but for the hooks: no clock, nothing is written. Everything is allocated from the rating's arena and
 * borrowed until its reset; what it borrows (subscription, catalog) must outlive that. Times are µs
 * since 1970, [from, to).
 */
#ifndef METERD_RATER_BILLING_PERIOD_H
#define METERD_RATER_BILLING_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/core/arena.h"
#include "meterd/core/hash.h"
#include "meterd/core/limits.h"
#include "meterd/rater/use_source.h"
#include "meterd/store/charges.h"
#include "meterd/tariff/price.h"

/* ---- the period ---- */

/* A term of several billing periods, over which the version in force has limits. */
struct mtr_billing_term {
    bool given;
    struct mtr_period whole;
    int64_t runs_from_us; /* what of it the tariff is in force for the subscription */
    int64_t runs_to_us;
};

/* A stretch of the period under one version of a tariff (and, where each day has its own rate of exchange, of
 * one day). */
struct mtr_billing_part {
    int64_t start_us; /* active in [start, end) */
    int64_t end_us;
    const struct mtr_tariff_document *tariff; /* the subscription's, its trial's, or its cost tariff */
    const struct mtr_tariff_version *version; /* with the subscription's overrides */
    bool exchanges;        /* charged in another currency than the tariff's: at the rate of this day, */
    int64_t exchange_day;  /* since 1970-01-01 */
    struct mtr_billing_term term; /* that all of the part lies in */
    uint32_t first, count; /* the period's parts under this tariff, one after another: limits and fees of the
                              period are theirs */
};

struct mtr_billing_period {
    bool exists; /* false: no period of the subscription has that name (any more) */
    int64_t name_us; /* as asked for */
    struct mtr_period whole;
    int64_t start_us; /* whole, clipped to the subscription's term */
    int64_t end_us;
    struct mtr_billing_part *parts; /* ascending; none in a trial without a tariff, after one that stops, or
                                       before the first version */
    uint32_t part_count;
    struct mtr_billing_part *costs; /* the same time under the cost tariff, trial included; where a part
                                       begins or ends, a cost part does, too */
    uint32_t cost_count;
    struct mtr_hash128 inputs; /* of everything but use that the price depends on */
};

/* Start of the period that holds time_us, clipped to the subscription's term; the whole period's end in
 * *end_us. The time must lie in the term. */
int64_t mtr_billing_period_start(const struct mtr_subscription *subscription, int64_t time_us,
                                 int64_t *end_us);

/* The name, in the charges store, of the period that starts at that instant: the beginning of the second that
 * it lies in, or the instant itself where another period of the subscription starts in that second before it.
 * So a name is of one period, and names stand in the order of starts. A period gets another name where one
 * before it in its second comes or goes: charges go by names, and are taken back where no period has the name
 * any more. */
int64_t mtr_billing_period_name(const struct mtr_subscription *subscription, int64_t start_us);

/* The instant at which the period of that name starts, if it is one of the phase: the phase's own start, or
 * the name itself. */
int64_t mtr_billing_period_instant(const struct mtr_subscription *phase, int64_t name_us);

/* The phase of the period of that name: of a whole second the phase of the first period that starts in it. */
const struct mtr_subscription *mtr_billing_period_phase(const struct mtr_subscription *subscription,
                                                        int64_t name_us);

/* ---- what it can draw on ---- */

/* One filling of a pool: an allowance of one billing period, what a trial frees, or a prepaid credit. Or no
 * pool, but the sum of what a tariff comes to in a term of several periods, which its limits count by: each
 * period "draws" what it comes to, and may draw less than nothing. */
struct mtr_grant {
    struct mtr_price_pool pool; /* its balance is the period's */
    struct mtr_hash128 id;
    bool of_term;                    /* a sum, not a pool */
    const struct mtr_credit *credit; /* NULL: an allowance */
    struct mtr_str currency;         /* of money */
    mtr_int128 granted;              /* of units 10^-12, of money 10^-18 */
    mtr_int128 before;               /* drawn before this period */
    mtr_int128 drawn;                /* by this period, all its parts together; 0 until it is priced */
    uint32_t part;                   /* the first part of the period that has it */
};

struct mtr_grants {
    struct mtr_grant *items;
    uint32_t count;
};

/* What was drawn and charged before. */
struct mtr_draw_ledger {
    /* Fills `before` and `drawn` of the last draw on draw->grant ahead of (draw->period_start_us,
     * draw->subscription). MTR_ENOTFOUND: there is none. */
    int (*draw_before)(void *context, struct mtr_charge_draw *draw);
    /* Adds what the subscriptions before this one in the account of its tariff were charged in that whole
     * billing period. */
    int (*account)(void *context, const struct mtr_subscription *subscription, const struct mtr_period *whole,
                   struct mtr_money *sum);
};
/* Its context is a struct mtr_charges_txn; NULL: nothing yet. */
extern const struct mtr_draw_ledger mtr_ledger_of_charges;

/* ---- its price ---- */

/* Sums of lines that are priced apart: for each part and cost part of a period a list by component, and what
 * they are charged with, where a total is rounded (meterd/tariff/price.h). */
struct mtr_line_rest {
    struct mtr_price_rest **parts, **costs;
    const struct mtr_money *charged_parts, *charged_costs; /* NULL: their sums */
};

struct mtr_rating {
    const struct mtr_use_source *source;
    void *source_context;
    const struct mtr_draw_ledger *ledger;
    void *ledger_context;
    const struct mtr_catalog *catalog; /* whose credits can be drawn on; NULL: these */
    const struct mtr_credit *credits;
    uint32_t credit_count;
    const int64_t *usage_day; /* since 1970-01-01: all use is of this day where each day has its own rate of
                                 exchange; NULL: then each local day is a part */
    /* Only these lines are priced: those of components with group_by whose values lie in it, each value ended
     * by 0x1F as in a cell; the others where it begins with nothing. NULL: all. */
    const struct mtr_dimensions_range *lines;
    /* What the other lines come to; NULL: nothing is made of that. */
    const struct mtr_line_rest *rest;
    uint32_t lines_max; /* more of one part are MTR_ELIMIT; 0: as many as there is memory for */
    bool closing; /* the period is over: minimums are due, and a rate of exchange must be there. Before, one
                     of any age does: those of days to come are not known */
    struct mtr_arena *arena;
    struct mtr_arena *scratch; /* reset at each use, and kept from period to period; NULL: memory is asked for
                                  and given back */
};

/* As charges are rated: use out of the rollups, draws and accounts out of the charges store (NULL: nothing
 * yet). `use` is the source's context and must live as long. */
struct mtr_rating mtr_rating_of_stores(struct mtr_rollups_use *use, struct mtr_charges_txn *charges,
                                       struct mtr_arena *arena);

struct mtr_period_line {
    const struct mtr_billing_part *part;
    const struct mtr_pricing_currency *pricing; /* NULL: priced in the tariff's currency */
    const struct mtr_price_exchange *exchange;  /* NULL: charged in the tariff's currency */
    struct mtr_exact exact;                     /* of a converted line: in what it is priced in */
    const struct mtr_component *component;     /* NULL: of the whole tariff */
    const struct mtr_meter *meter;             /* NULL: none */
    struct mtr_charge_line identity;           /* identity and description; state is the store's */
    struct mtr_quantity quantity;
    struct mtr_money amount;
    bool has_cost;
    struct mtr_money cost; /* of the seller, in the same currency */
    uint64_t seq_first;    /* log range of what it was made of; 0 – 0: of nothing in the part */
    uint64_t seq_last;
};

struct rater_usage; /* private to the rater */

struct mtr_part_price {
    struct mtr_price_input input;
    const struct rater_usage *usage;
    struct mtr_price price;
};

enum { MTR_PERIOD_PROBLEM_BYTES = 1024 };

struct mtr_period_price {
    const struct mtr_subscription *subscription;
    const struct mtr_dimensions_range *range; /* of these lines; NULL: all */
    struct mtr_price_rest *const *rest;      /* by part: of the others; NULL: nothing */
    const struct mtr_money *rest_charged;
    struct mtr_billing_period period;
    struct mtr_grants grants;        /* with their balances at the period's start */
    struct mtr_part_price *parts;    /* one per part of the period */
    const struct mtr_price **prices; /* theirs, for the caps and minimums of the parts after them */
    struct mtr_period_line *lines;   /* by part; their amounts add up to the totals of the parts */
    uint32_t line_count;
    struct mtr_period_price *costs; /* the same use under the cost tariff, joined to the lines above; NULL:
                                       none in force */
    uint64_t cell_count;            /* read, those of the costs, too */
    /* With an error: why, a sentence; empty: the error says it all. */
    char problem[MTR_PERIOD_PROBLEM_BYTES];
    struct mtr_money account_before;            /* of the customer's subscriptions before this one */
    bool account_continues;
};

/* The price of the period of that name, of the phase of that name. Errors: MTR_EOVERFLOW, MTR_ENOMEM (the
 * arena's limit, too), MTR_ELIMIT, MTR_EMISSING, and those of the hooks. Then nothing is written but
 * out->problem. */
int mtr_billing_period_price(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                             int64_t name_us, struct mtr_period_price *out) MTR_MUST_USE;
/* How lines of that period depend on one another, its grants included. They may be priced apart: each range
 * of them with the sums of the others (mtr_rating.rest) where a cap cuts or units are drawn, the first one
 * where something is made of what all come to. */
struct mtr_tariff_coupling mtr_billing_period_couples(const struct mtr_billing_period *period,
                                                      const struct mtr_grants *grants);
/* A range of the period's lines: at most `count` for each component, the first from lines->from on. Sets
 * where they end, in `until`. */
int mtr_billing_period_cut(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                           const struct mtr_billing_period *period, uint32_t count,
                           struct mtr_dimensions_range *lines,
                           char until[MTR_DIMENSIONS_BYTES_MAX]) MTR_MUST_USE;
/* Why it failed: out->problem, or what the error says. */
const char *mtr_period_problem_text(const struct mtr_period_price *price, int error);
/* Is every line, amount, cost and quantity, what was emitted of it, and nothing emitted besides? Reads only;
 * the arena holds what is compared. */
int mtr_period_price_is_emitted(const struct mtr_period_price *price, struct mtr_charges_txn *charges,
                                struct mtr_arena *arena, bool *out) MTR_MUST_USE;

/* ---- limits of an account ---- */

/* What of a price counts in the account of its subscription's tariff; adds what was charged of a period and
 * counts there. */
int mtr_period_price_account(const struct mtr_period_price *price, struct mtr_money *out) MTR_MUST_USE;
int mtr_account_charged(struct mtr_charges_txn *charges, const struct mtr_subscription *subscription,
                        int64_t name_us, struct mtr_money *sum) MTR_MUST_USE;
/* The others of the account that have that whole billing period and are charged in it, each with its own part
 * of that: of its peers those with an index in [from, until). Those before it are counted, those behind it
 * count with it. A result other than 0 stops and is returned. */
typedef int (*mtr_on_account_period)(void *context, const struct mtr_subscription *subscription,
                                     struct mtr_period period);
int mtr_account_walk(const struct mtr_subscription *subscription, const struct mtr_period *whole,
                     uint32_t from, uint32_t until, mtr_on_account_period on_period,
                     void *context) MTR_MUST_USE;

/* ---- what it depends on ---- */

/* The hash of all that the price of the period of that name depends on but use: equal, and nothing but use
 * can change it. Looks at the rating's catalog, credits and arena alone. */
int mtr_billing_period_inputs(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                              int64_t name_us, struct mtr_hash128 *out) MTR_MUST_USE;

/* The grants of the period of that name, not drawn on yet, with all credits of the subscription and its
 * customer, whether the period can draw on them or not. Looks at the rating's catalog, credits and arena
 * alone. */
int mtr_billing_period_grants(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                              int64_t name_us, struct mtr_grants *out) MTR_MUST_USE;

#endif
