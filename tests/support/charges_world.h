/*
 * For tests of the charges store: one in a directory of its own.
 */
#ifndef METERD_TESTS_SUPPORT_CHARGES_WORLD_H
#define METERD_TESTS_SUPPORT_CHARGES_WORLD_H

#include "meterd/store/charges.h"
#include "tests/support/directory.h"

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_charges *charges;
};

static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct mtr_diagnostic diagnostic;
    make_temporary(fixture->directory);
    assert_int_equal(mtr_charges_open(fixture->directory, false, &fixture->charges, &diagnostic), 0);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    mtr_charges_close(fixture->charges);
    remove_tree(fixture->directory);
    free(fixture);
    return 0;
}

static inline struct mtr_charges_txn *begin(struct fixture *fixture, bool write)
{
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(fixture->charges, write, &txn), 0);
    return txn;
}

#endif
