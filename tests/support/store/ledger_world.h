/*
 * A ledger of windows in memory, with a transaction that is open: what tests of it begin with.
 */
#ifndef METERD_TESTS_SUPPORT_STORE_LEDGER_WORLD_H
#define METERD_TESTS_SUPPORT_STORE_LEDGER_WORLD_H

#include "meterd/store/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/directory.h"

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_ledger *ledger;
    struct mtr_ledger_txn *txn;
};

static const struct mtr_strand alone = {{"acme", 4}, {"usage", 5}, {NULL, 0}}, east = {{"acme", 4}, {"usage", 5}, {"east", 4}},
                               other = {{"acme", 4}, {"usage2", 6}, {NULL, 0}};

static inline void open_ledger(struct fixture *f)
{
    struct mtr_diagnostic diagnostic = {0};
    if (mtr_ledger_open(f->directory, false, &f->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(mtr_ledger_begin(f->ledger, true, &f->txn), 0);
}

static inline void reopen(struct fixture *f)
{
    assert_int_equal(mtr_ledger_commit(f->txn), 0);
    mtr_ledger_close(f->ledger);
    open_ledger(f);
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    make_temporary_in_memory(f->directory);
    open_ledger(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    mtr_ledger_abort(f->txn);
    mtr_ledger_close(f->ledger);
    remove_tree(f->directory);
    free(f);
    return 0;
}

#endif
