/*
 * A rollups store in a temporary directory with a transaction that writes, and its cells as text.
 */
#ifndef METERD_TESTS_SUPPORT_ROLLUPS_WORLD_H
#define METERD_TESTS_SUPPORT_ROLLUPS_WORLD_H

#include "meterd/store/rollups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/store/rollups/rollups_txn.h"
#include "tests/support/all_cells.h"
#include "tests/support/directory.h"

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_rollups *rollups;
    struct mtr_rollups_txn *txn;
};

static inline int setup(void **state)
{
    struct mtr_diagnostic diagnostic;
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f) return -1;
    make_temporary(f->directory);
    if (mtr_rollups_open(f->directory, false, &f->rollups, &diagnostic)) return -1;
    if (mtr_rollups_begin(f->rollups, true, &f->txn)) return -1;
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    mtr_rollups_abort(f->txn);
    mtr_rollups_close(f->rollups);
    remove_tree(f->directory);
    free(f);
    return 0;
}

/* Commits, closes, opens again: what follows reads from disk. */
static inline void reopen(struct fixture *f)
{
    struct mtr_diagnostic diagnostic;
    assert_int_equal(mtr_rollups_commit(f->txn), MTR_OK);
    f->txn = NULL;
    mtr_rollups_close(f->rollups);
    f->rollups = NULL;
    assert_int_equal(mtr_rollups_open(f->directory, false, &f->rollups, &diagnostic), MTR_OK);
    assert_int_equal(mtr_rollups_begin(f->rollups, true, &f->txn), MTR_OK);
}

static inline void put_cell(struct fixture *f, uint32_t subscription, uint32_t meter, int64_t start_us,
                     const char *dimensions, int64_t value)
{
    struct mtr_cell_key key = {subscription, meter, start_us, mtr_str_from(dimensions)};
    struct mtr_cell cell = {.value = {value}, .count = 1, .seq_first = 3, .seq_last = 9, .change = 4};
    assert_int_equal(mtr_rollups_put_cell(f->txn, &key, &cell), MTR_OK);
}

struct seen {
    char text[4096];
    size_t size;
    int stop_after; /* rows; 0: never */
    int rows;
};

static inline int note(struct seen *seen, const char *text)
{
    size_t size = strlen(text);
    assert_true(seen->size + size < sizeof(seen->text));
    memcpy(seen->text + seen->size, text, size + 1);
    seen->size += size;
    return ++seen->rows == seen->stop_after ? MTR_ECLOSED : MTR_OK;
}

static inline int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    char text[128];
    snprintf(text, sizeof(text), "%u/%u/%lld/%.*s=%lld ", key->subscription, key->meter,
             (long long)key->start_us, MTR_STR_ARGS(key->dimensions), (long long)cell->value.e12);
    return note(context, text);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
