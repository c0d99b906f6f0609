/*
 * The whole rollups store of a fold world as text: what golden tests compare.
 */
#ifndef METERD_TESTS_SUPPORT_FOLD_CONTENTS_H
#define METERD_TESTS_SUPPORT_FOLD_CONTENTS_H

#include "tests/support/all_cells.h"
#include "tests/support/fold_world.h"

static char seen[16384];
static size_t seen_size;

static inline void note(const char *format, ...) MTR_PRINTF(1, 2);

static inline void note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(seen + seen_size, sizeof(seen) - seen_size, format, args);
    va_end(args);
    assert_true(size >= 0 && (size_t)size < sizeof(seen) - seen_size);
    seen_size += (size_t)size;
}

static inline int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    char time[MTR_TIME_TEXT_BYTES], value[MTR_DECIMAL_TEXT_BYTES];
    (void)context;
    mtr_time_format(key->start_us, time);
    mtr_quantity_format(cell->value, value);
    note("%" PRIu32 ".%" PRIu32 " %.16s %.*s= %s (%" PRIu64 ", %" PRIu64 "-%" PRIu64 ")\n", key->subscription,
         key->meter, time, MTR_STR_ARGS(key->dimensions), value, cell->count, cell->seq_first,
         cell->seq_last);
    return MTR_OK;
}

static inline int on_held(void *context, const struct mtr_held_event *held)
{
    (void)context;
    note("held %s %.*s %" PRIu64 "%s\n", held->reason == MTR_HELD_METER ? "type" : "subject",
         MTR_STR_ARGS(held->name), held->seq, held->voided ? " voided" : "");
    return MTR_OK;
}

static inline int on_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    (void)context;
    note("%.*s %" PRIu64 ".%" PRIu32 "\n", MTR_STR_ARGS(event->reason), event->seq, event->meter);
    return MTR_OK;
}

static inline int on_fact(void *context, struct mtr_str name, struct mtr_str value)
{
    (void)context;
    (void)value;
    note("fact %.*s\n", MTR_STR_ARGS(name));
    return MTR_OK;
}

/* What meters hold beyond their quotas. */
static inline int note_beyond(struct mtr_rollups_txn *txn)
{
    struct mtr_values_of of = {0, 0};
    int rc = MTR_OK;
    while (!(rc = mtr_rollups_next_full(txn, &of)))
        for (uint64_t seq = 1; !mtr_rollups_next_beyond(txn, &of, &seq); seq++)
            note("beyond %" PRIu32 ".%" PRIu32 " %" PRIu64 "\n", of.owner, of.meter, seq);
    return rc;
}

static const char *contents(void)
{
    struct mtr_rollups_txn *txn;
    seen_size = 0;
    seen[0] = '\0';
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    assert_int_equal(walk_all_cells(txn, on_cell, NULL), MTR_OK);
    struct mtr_held_event every = {.reason = MTR_HELD_SUBSCRIPTION};
    assert_int_equal(mtr_rollups_walk_held(txn, &every, on_held, NULL), MTR_OK);
    every.reason = MTR_HELD_METER;
    assert_int_equal(mtr_rollups_walk_held(txn, &every, on_held, NULL), MTR_OK);
    assert_int_equal(note_beyond(txn), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_walk_quarantined(txn, 0, on_quarantined, NULL), MTR_OK);
    assert_int_equal(mtr_rollups_walk_facts(txn, MTR_STR("release/"), on_fact, NULL), MTR_OK);
    assert_int_equal(mtr_rollups_walk_facts(txn, MTR_STR("catch_up/"), on_fact, NULL), MTR_OK);
    mtr_rollups_abort(txn);
    return seen;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
