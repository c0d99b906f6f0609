/*
 * Two raters of the same use and prices, one with much memory and one with little: what they charge.
 */
#ifndef METERD_TESTS_SUPPORT_TWO_RATERS_H
#define METERD_TESTS_SUPPORT_TWO_RATERS_H

#include "tests/support/january.h"
#include "tests/support/random.h"
#include "tests/support/rating_use.h"

enum { CHARGES_MAX = 20000, LITTLE_BYTES = 192 << 10 };

#define HEAD                                                                                                          \
    "vendors: [{key: acme}]\n"                                                                                        \
    "services: [{key: compute, vendor: acme}]\n"                                                                      \
    "meters:\n"                                                                                                       \
    "  - {key: calls, service: compute, event_type: call, value: n, group_by: [region, host]}\n"                      \
    "  - {key: peak, service: compute, event_type: call, value: n, aggregation: max, group_by: [host]}\n"             \
    "  - {key: users, service: compute, event_type: user, value: u, aggregation: unique, group_by: [host]}\n"         \
    "  - {key: disk, service: compute, event_type: disk, value: n, aggregation: time_weighted, group_by: [host]}\n"

/* ---- what was charged ---- */

struct charged {
    char *bodies[CHARGES_MAX];
    unsigned count;
};

/* Bodies are in the store's pages: nothing ends them. */
static inline const char *find_in(struct mtr_str body, const char *word)
{
    return memmem(body.data, body.size, word, strlen(word));
}

/* The body without its number: lines come in another order. */
static inline int keep_body(void *context, const struct mtr_charge *charge)
{
    struct charged *charged = context;
    const char *id = find_in(charge->body, "\"id\":");
    assert_true(charged->count < CHARGES_MAX && id);
    const size_t size = (size_t)(charge->body.data + charge->body.size - id);
    char *copy = calloc(size + 1, 1); /* not by strndup, which may look for the end that a body has not */
    assert_non_null(copy);
    memcpy(copy, id, size);
    charged->bodies[charged->count++] = copy;
    return 0;
}

static inline int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void read_charges(struct rating_world *world, struct charged *charged)
{
    struct mtr_charges_txn *txn = NULL;
    charged->count = 0;
    assert_int_equal(mtr_charges_begin(world->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk(txn, 0, keep_body, charged), 0);
    mtr_charges_abort(txn);
    qsort(charged->bodies, charged->count, sizeof(charged->bodies[0]), compare_texts);
}

static inline void compare_charges(struct rating_world *much, struct rating_world *little, uint64_t seed)
{
    static struct charged a, b;
    read_charges(much, &a);
    read_charges(little, &b);
    for (unsigned i = 0; i < a.count || i < b.count; i++)
        if (i >= a.count || i >= b.count || strcmp(a.bodies[i], b.bodies[i]) != 0)
            fail_msg("seed %llu: charge %u of %u and %u:\n%s\n%s", (unsigned long long)seed, i, a.count, b.count,
                     i < a.count ? a.bodies[i] : "none", i < b.count ? b.bodies[i] : "none");
    for (unsigned i = 0; i < a.count; i++) free(a.bodies[i]);
    for (unsigned i = 0; i < b.count; i++) free(b.bodies[i]);
}

/* The last charge of each line. */
struct last_charges {
    struct mtr_charge items[CHARGES_MAX];
    unsigned count;
};

static inline int compare_lines(const void *a, const void *b)
{
    const struct mtr_charge *x = a, *y = b;
    if (x->subscription != y->subscription) return x->subscription < y->subscription ? -1 : 1;
    if (x->period_start_us != y->period_start_us) return x->period_start_us < y->period_start_us ? -1 : 1;
    return memcmp(&x->line, &y->line, sizeof(x->line));
}

static inline int keep_last(void *context, const struct mtr_charge *charge)
{
    struct last_charges *last = context;
    unsigned i = 0;
    while (i < last->count && compare_lines(&last->items[i], charge) != 0) i++;
    assert_true(i < CHARGES_MAX);
    last->items[i] = *charge;
    last->count += i == last->count;
    return 0;
}

static inline bool is_same_sum(const struct mtr_charge *a, const struct mtr_charge *b)
{
    return a->emitted_before.e18 + a->amount.e18 == b->emitted_before.e18 + b->amount.e18 && a->quantity.e12 == b->quantity.e12;
}

/* Of all lines, however it came about. */
static inline void compare_sums(struct rating_world worlds[2], uint64_t seed)
{
    static struct last_charges last[2];
    static const struct mtr_charge none;
    for (unsigned i = 0; i < 2; i++) {
        struct mtr_charges_txn *txn = NULL;
        last[i].count = 0;
        assert_int_equal(mtr_charges_begin(worlds[i].charges, false, &txn), 0);
        assert_int_equal(mtr_charges_walk(txn, 0, keep_last, &last[i]), 0);
        mtr_charges_abort(txn);
        qsort(last[i].items, last[i].count, sizeof(last[i].items[0]), compare_lines);
    }
    for (unsigned i = 0, j = 0; i < last[0].count || j < last[1].count;) {
        const struct mtr_charge *a = &last[0].items[i], *b = &last[1].items[j];
        const int order = i == last[0].count ? 1 : j == last[1].count ? -1 : compare_lines(a, b);
        if (!is_same_sum(order > 0 ? &none : a, order < 0 ? &none : b))
            fail_msg("seed %llu: a line of charge %llu and %llu differs", (unsigned long long)seed, (unsigned long long)a->number,
                     (unsigned long long)b->number);
        i += order <= 0;
        j += order >= 0;
    }
}

static inline void check_clean(struct rating_world *world, uint64_t seed)
{
    const struct mtr_audit_counts counts = rating_audit(world);
    if (counts.findings || counts.pending)
        fail_msg("seed %llu: %llu findings, %llu pending", (unsigned long long)seed, (unsigned long long)counts.findings,
                 (unsigned long long)counts.pending);
}

/* ---- as with much memory ---- */

static inline uint32_t drain(struct rating_world *world, struct random_source *random)
{
    uint32_t steps = 1;
    for (; !rating_step(world).idle; steps++) {
        assert_true(steps < 10000);
        if (random && !random_below(random, 4)) rating_reopen(world);
    }
    return steps;
}

/* One with much memory, and one with so much. */
static inline void open_both(struct rating_world worlds[2], uint64_t bytes)
{
    for (unsigned i = 0; i < 2; i++) {
        rating_open(&worlds[i], JANUARY_US);
        if (i) worlds[i].options.memory_bytes_max = bytes;
        rating_reopen(&worlds[i]);
    }
}

/* What is due at that time, and hours later. */
static inline void rate_both(struct rating_world worlds[2], struct random_source *random, int64_t time_us, uint32_t steps[2])
{
    struct random_source again = *random;
    for (unsigned i = 0; i < 2; i++) {
        again = *random;
        rating_advance_to(&worlds[i], time_us);
        steps[i] += drain(&worlds[i], i ? &again : NULL);
        rating_advance_to(&worlds[i], time_us + 3 * HOUR_US);
        steps[i] += drain(&worlds[i], i ? &again : NULL);
    }
    *random = again;
}

#endif
