/*
 * Billing periods priced together as the rater would settle them under a catalog that is not in force: each
 * with the balances of shared credits and the amounts of its account that the others leave it under that
 * catalog, too. A period that comes to something else than what others counted with has these priced again,
 * until nothing changes. Private to daemon/query/.
 *
 *   begin ──▶ mark, mark … ──▶ run ──▶ find: what became of each
 *
 * What was not priced is as it was charged. Draws go forward in time and accounts forward in their order, so
 * that a run ends; it is bounded by memory and by `priced_max` all the same.
 */
#ifndef METERD_DAEMON_QUERY_SETTLED_PERIODS_H
#define METERD_DAEMON_QUERY_SETTLED_PERIODS_H

#include "daemon/query/drafted_accounts.h"
#include "daemon/query/drafted_draws.h"
#include "daemon/query/recounted_use.h"

/* What a period comes to. */
struct query_outcome {
    const struct mtr_subscription *phase; /* as priced; lives as long as the catalog */
    int64_t start_us, end_us;
    bool exists;  /* else nothing is charged of it */
    bool is_over; /* priced as closed */
    int problem;  /* why it cannot be priced: sums are 0 */
    const char *why; /* with it: a sentence */
    struct mtr_money amount, cost; /* of all lines */
    bool has_cost;
    struct mtr_money account, account_before; /* what of it counts in the account of its tariff, and what of
                                                 those before it */
    uint32_t line_count;
    struct mtr_hash128 lines; /* equal: the same bill, line by line */
    uint64_t components;      /* components times parts */
    int64_t priced_from_us;   /* start of the first part; INT64_MAX: there is none */
    uint64_t cell_count;
};

static inline bool query_has_same_lines(const struct query_outcome *a, const struct query_outcome *b)
{
    return a->line_count == b->line_count && a->lines.high == b->lines.high && a->lines.low == b->lines.low;
}

struct query_settled {
    uint32_t subscription;
    int64_t name_us;
    bool is_waiting, is_priced;
    struct query_outcome outcome;
};

/* A phase as it is to be priced, in the place of that of the catalog. */
typedef const struct mtr_subscription *(*query_replace_phase)(void *context,
                                                              const struct mtr_subscription *phase,
                                                              int64_t start_us);

struct query_settling {
    /* given */
    struct query_view *view; /* of whose catalog they are */
    struct mtr_charges_txn *charges; /* NULL: nothing was ever rated */
    struct mtr_arena *prices;        /* for one price; reset */
    int64_t watermark_us, grace_us;
    query_replace_phase replace; /* NULL: none is */
    void *replace_context;
    uint64_t priced_max; /* periods, where an account's others count, too */
    /* own */
    struct mtr_arena arena;
    struct query_drafted_draws draws;
    struct query_drafted_accounts accounts;
    struct query_settled *items;
    uint32_t count, capacity;
    uint32_t *slots; /* a hash index: their place + 1 */
    uint32_t slot_count;
    uint32_t *heap; /* places of those that wait, the earliest first */
    uint32_t heap_count, heap_capacity;
    uint64_t priced, cells; /* so far */
};

void query_settling_open(struct query_settling *settling, size_t bytes_max);
void query_settling_close(struct query_settling *settling);
/* Another group, in the moment of the view's and the charges' transactions. */
void query_settling_begin(struct query_settling *settling);
/* MTR_ELIMIT: there is no more room. */
int query_settling_mark(struct query_settling *settling, uint32_t subscription, int64_t name_us) MTR_MUST_USE;
/* Do as many wait as can be priced? */
bool query_settling_is_full(const struct query_settling *settling);
/* MTR_ELIMIT: a bound ended it, and some wait. Errors: the stores'. */
int query_settling_run(struct query_settling *settling) MTR_MUST_USE;
/* NULL: it is as it was charged. */
const struct query_settled *query_settling_find(const struct query_settling *settling, uint32_t subscription,
                                                int64_t name_us);
/* By subscription and name from then on; nothing is to be found or marked any more. */
void query_settling_sort(struct query_settling *settling);

/* A rating of the view's use, with balances and accounts as they were settled. Context: the settling. */
extern const struct mtr_draw_ledger query_ledger_of_settled;
/* The price of the period of that name of a phase, and what it comes to. An error that is the period's own is
 * its problem, with a sentence that is borrowed from the price. */
int query_price_period(struct query_settling *settling, const struct mtr_subscription *phase,
                       int64_t name_us, struct mtr_period_price *price,
                       struct query_outcome *out) MTR_MUST_USE;

#endif
