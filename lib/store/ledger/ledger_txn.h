/*
 * What the ledger's sources share: the tables, a transaction, and the keys. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_LEDGER_LEDGER_TXN_H
#define METERD_LIB_STORE_LEDGER_LEDGER_TXN_H

#include <lmdb.h>

#include "lib/store/sealed_table.h"
#include "meterd/store/ledger.h"

enum ledger_table {
    LEDGER_META,
    LEDGER_SOURCES,
    LEDGER_FEEDS,
    LEDGER_WINDOWS,
    LEDGER_RUNS,
    LEDGER_FACTS,
    LEDGER_JOBS,
    LEDGER_MARKS,
    LEDGER_ITEMS,
    LEDGER_NEWEST,
    LEDGER_TOTALS,
    LEDGER_QUARANTINED,
    LEDGER_TABLES
};

struct mtr_ledger {
    MDB_env *env;
    struct sealed_table tables[LEDGER_TABLES];
};

struct mtr_ledger_txn {
    MDB_txn *txn;
    const struct mtr_ledger *ledger;
    bool write;
};

/* source hash 16, start 8, each hash 16 (windows) or key of the chunk's first row 16 (runs, whose first 16
 * are the strand's hash). */
enum {
    LEDGER_HASH_BYTES = 16,
    LEDGER_START_BYTES = 8,
    LEDGER_PREFIX_BYTES = LEDGER_HASH_BYTES + LEDGER_START_BYTES,
    LEDGER_KEY_BYTES = LEDGER_PREFIX_BYTES + LEDGER_HASH_BYTES
};

void ledger_source_hash(const struct mtr_strand *strand, unsigned char out[LEDGER_HASH_BYTES]);
void ledger_strand_hash(const struct mtr_strand *strand, unsigned char out[LEDGER_HASH_BYTES]);
void ledger_put_start(unsigned char *p, int64_t start_us); /* in numeric order */
int64_t ledger_get_start(const unsigned char *p);

int ledger_get(struct mtr_ledger_txn *txn, enum ledger_table table, struct mtr_str key,
               struct mtr_str *value) MTR_MUST_USE;
int ledger_put(struct mtr_ledger_txn *txn, enum ledger_table table, struct mtr_str key,
               struct mtr_str value) MTR_MUST_USE;
/* MTR_OK, too, where there is none. */
int ledger_delete(struct mtr_ledger_txn *txn, enum ledger_table table, struct mtr_str key) MTR_MUST_USE;
/* A row of sources, by the source's hash. MTR_ECORRUPT. */
int ledger_source_of(struct mtr_str value, struct mtr_ledger_source *out) MTR_MUST_USE;
int ledger_put_source_of(struct mtr_ledger_txn *txn, struct mtr_str hash,
                         const struct mtr_ledger_source *source) MTR_MUST_USE;
/* A window is written. before: what it was; NULL: there was none. */
int ledger_total_turn(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                      const struct mtr_ledger_window *before,
                      const struct mtr_ledger_window *now) MTR_MUST_USE;

#endif
