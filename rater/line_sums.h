/*
 * What the lines of each range come to, so that a range can be priced with the sums of the others where
 * something is made of what all lines come to, or a cap cuts the last ones. Private to the rater.
 *
 * They are made by pricing each range once, once more for each part where units are drawn, and once more
 * where a cap cuts what a rounded total is made of. Sums of a rating that goes on are kept until it ends, so
 * that they are not made for each of its transactions; who has lost them makes them again. Use that comes
 * meanwhile marks the period, which is rated once more.
 */
#ifndef METERD_RATER_LINE_SUMS_H
#define METERD_RATER_LINE_SUMS_H

#include "meterd/rater/billing_period.h"

/* Of a component's lines in one range, those above zero or those below, before caps. */
struct rater_line_sum {
    bool any;
    struct mtr_exact exact;
    struct mtr_money amount;
};

struct rater_range_sums {
    struct mtr_str from, until;
    bool has_until;
    /* By component: those of each part, then of the cost parts. */
    struct rater_line_sum *sums; /* MTR_PRICE_SIGNS for each */
    struct mtr_quantity *asked;  /* units that they would draw of pools that have enough */
};

struct rater_line_sums {
    uint32_t subscription; /* 0: none */
    int64_t start_us;
    struct mtr_hash128 inputs;
    uint64_t used; /* when, among the others that are kept */
    struct mtr_tariff_coupling coupling; /* a key: sums do not tell what the lines of a range come to */
    struct rater_range_sums *ranges;
    uint32_t count, capacity, component_count;
    struct mtr_str *last; /* by component: the dimensions of the last line so far */
    struct mtr_line_rest rest;
    bool has_charged; /* what the ranges behind the first are charged with, by part; NULL: not asked for */
    struct mtr_money *charged_parts, *charged_costs;

    bool is_whole;      /* else they are being made: */
    struct mtr_str goes_on;
    bool closing;
    uint32_t look, looks, range; /* the next range of a look; looks before that at what is charged */
    struct mtr_dimensions_range lines;
    bool was_marked; /* the period was, meanwhile: what is made of the sums may be of before */
    struct mtr_arena arena; /* of all of it */
};

/* Those of ratings that go on; the one that was not used for the longest time goes. */
enum { RATER_SUMS_KEPT_MAX = 8 };
struct rater_sums_kept {
    struct rater_line_sums items[RATER_SUMS_KEPT_MAX];
    uint64_t used;
};
void rater_release_sums(struct rater_sums_kept *kept);

/* Of whose lines. */
struct rater_summing {
    const struct mtr_subscription *subscription;
    int64_t start_us;
    uint32_t count_max;     /* lines of a component in a range */
    struct mtr_hash128 inputs; /* of the period */
    struct mtr_str goes_on;    /* a range begins there */
    struct mtr_tariff_coupling coupling;
};

/* NULL: none are kept of that period with these inputs and a range that begins there (or a key, whatever the
 * range). */
struct rater_line_sums *rater_find_sums(struct rater_sums_kept *kept, const struct rater_summing *summing);
/* Prices some ranges; RATER_GOES_ON: there are more of them, for the next transaction. The rating's arena is
 * reset. Errors: those of pricing. */
enum { RATER_GOES_ON = 1 };
int rater_make_sums(struct rater_sums_kept *kept, const struct rater_summing *summing,
                    const struct mtr_rating *rating, struct rater_line_sums **out) MTR_MUST_USE;
void rater_drop_sums(struct rater_sums_kept *kept, const struct rater_summing *summing);
/* Are some of that period being made? */
bool rater_are_summing(const struct rater_sums_kept *kept, uint32_t subscription, int64_t start_us);
/* That period is to be rated again. */
static inline void rater_sums_marked(struct rater_sums_kept *kept, uint32_t subscription, int64_t start_us)
{
    for (unsigned i = 0; i < RATER_SUMS_KEPT_MAX; i++)
        if (kept->items[i].subscription == subscription && kept->items[i].start_us == start_us)
            kept->items[i].was_marked = true;
}

/* The range that begins where the rating goes on. */
uint32_t rater_range_of(const struct rater_line_sums *sums, struct mtr_str from);
/* Makes sums->rest of what the other ranges come to. */
int rater_sum_others(struct rater_line_sums *sums, const struct mtr_billing_period *period,
                     uint32_t range) MTR_MUST_USE;

#endif
