/*
 * What the lines of each range come to, so that a range can be priced with the sums of the others where
 * something is made of what all lines come to, or a cap cuts the last ones. Private to the rater.
 *
 * They are made by pricing each range once, where units are drawn again until nothing changes, and once more
 * where a cap cuts what a rounded total is made of. Sums of a rating that goes on are kept until it ends, so
 * that they are not made for each of its transactions; who has lost them makes them again. Use that comes
 * meanwhile marks the period, which is rated once more.
 */
#ifndef METERD_RATER_LINE_SUMS_H
#define METERD_RATER_LINE_SUMS_H

#include "meterd/rater/billing_period.h"

/* Of some of a component's lines in one range: those above zero, those below, or minimums of lines; before
 * caps. */
struct rater_line_sum {
    bool any;
    struct mtr_exact exact;
    struct mtr_money amount;
};

/* Lines of all components and parts that may be told in one transaction, so that the pages that their charges
 * touch stay far below what it can hold. */
enum { RATER_LINES_AT_ONCE = 12288 };

struct rater_range_sums {
    struct mtr_str from, until;
    bool has_until;
    struct rater_line_sum *sums;         /* of a component: from its `first` on */
    struct mtr_price_drawings *drawings; /* by component */
};

/* A component of a part, or of a cost part behind these. */
struct rater_summed {
    uint32_t first;         /* index of its sums in a range's: MTR_PRICE_SIGNS, then its minimums */
    uint32_t minimum_count; /* as in struct mtr_price_rest */
};

struct rater_line_sums {
    uint32_t subscription; /* 0: none */
    int64_t name_us;
    struct mtr_hash128 inputs;
    uint64_t used; /* when, among the others that are kept */
    struct mtr_tariff_coupling coupling;
    struct rater_range_sums *ranges;
    uint32_t count, capacity;
    struct rater_summed *components;
    uint32_t component_count, sum_count; /* of all parts, and of a range */
    struct mtr_line_rest rest;
    bool has_charged; /* what the ranges behind the first are charged with, by part; NULL: not asked for */
    struct mtr_money *charged_parts, *charged_costs;

    bool is_whole;      /* else they are being made: */
    struct mtr_str goes_on;
    bool closing;
    uint32_t look, looks, range; /* the next range of a look; looks before that at what is charged */
    bool changed;                /* in this look: what lines do to pools */
    uint64_t cells;              /* looked at in this transaction */
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
    int64_t name_us;
    uint32_t count_max;     /* lines of a component in a range */
    struct mtr_hash128 inputs; /* of the period */
    struct mtr_str goes_on;    /* a range begins there */
    struct mtr_tariff_coupling coupling;
};

/* NULL: none are kept of that period with these inputs and a range that begins there. */
struct rater_line_sums *rater_find_sums(struct rater_sums_kept *kept, const struct rater_summing *summing);
/* Prices some ranges; RATER_GOES_ON: there are more of them, for the next transaction. The rating's arena is
 * reset. Errors: those of pricing. */
enum { RATER_GOES_ON = 1 };
int rater_make_sums(struct rater_sums_kept *kept, const struct rater_summing *summing,
                    const struct mtr_rating *rating, struct rater_line_sums **out) MTR_MUST_USE;
void rater_drop_sums(struct rater_sums_kept *kept, const struct rater_summing *summing);
/* Are some of that period being made? */
bool rater_are_summing(const struct rater_sums_kept *kept, uint32_t subscription, int64_t name_us);
/* That period is to be rated again. */
static inline void rater_sums_marked(struct rater_sums_kept *kept, uint32_t subscription, int64_t name_us)
{
    for (unsigned i = 0; i < RATER_SUMS_KEPT_MAX; i++)
        if (kept->items[i].subscription == subscription && kept->items[i].name_us == name_us)
            kept->items[i].was_marked = true;
}

/* The range that begins where the rating goes on. */
uint32_t rater_range_of(const struct rater_line_sums *sums, struct mtr_str from);

#endif
