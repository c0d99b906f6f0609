/*
 * The environments that this process writes to. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_WRITTEN_H
#define METERD_LIB_STORE_WRITTEN_H

#include "lib/store/sealed_table.h"

/* store: NULL where its rows are not sealed. */
int written_add(MDB_env *env, const struct sealed_store *store) MTR_MUST_USE;
void written_drop(MDB_env *env); /* waits for whoever reads there */

/* The next one that was added after `number`, whose rows are sealed; *number is its. It is not closed before
 * it is given back. NULL: there is none. */
MDB_env *written_take(uint64_t *number, const struct sealed_store **store);
void written_give(MDB_env *env);

#endif
