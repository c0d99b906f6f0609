/*
 * The charges store: its environment and tables, and what it becomes that was written by an older meterd.
 */
#include "lib/store/charges/charges_txn.h"

#include <stdlib.h>

/* 2: with draws and drawn; 3: with waiting, progress and line_order, and lines that begin and end inside a
 * second; 4: periods that are named by an instant inside one; 5: epochs, and who knows of which; 6: sealed
 * rows. A store of an older version has none of these, and becomes one of this version where it is opened for
 * writing. */
enum { FORMAT_VERSION = 6, FORMAT_VERSION_SEALED = 6, FORMAT_VERSION_OLDEST = 1 };
static const size_t MAP_BYTES = (size_t)1 << 40;

static const struct sealed_store store = {
    .name = "charges",
    .remedy = "keep a copy of the directory for a look, and restore all stores from one backup",
    .format_key = "format_version",
    .format_bytes = sizeof(uint32_t)};

static const char *const TABLE_NAMES[TABLE_COUNT] = {
    [TABLE_META] = "meta",
    [TABLE_CHARGES] = "charges",
    [TABLE_IDS] = "ids",
    [TABLE_TRACES] = "traces",
    [TABLE_LINES] = "lines",
    [TABLE_PERIODS] = "periods",
    [TABLE_SUBSCRIPTIONS] = "subscriptions",
    [TABLE_TIMERS] = "timers",
    [TABLE_MESSAGES] = "messages",
    [TABLE_MESSAGE_IDS] = "message_ids",
    [TABLE_BODIES] = "bodies",
    [TABLE_QUEUE] = "queue",
    [TABLE_DESTINATIONS] = "destinations",
    [TABLE_CONSUMERS] = "consumers",
    [TABLE_ACKS] = "acks",
    [TABLE_DRAWS] = "draws",
    [TABLE_DRAWN] = "drawn",
    [TABLE_WAITING] = "waiting",
    [TABLE_PROGRESS] = "progress",
    [TABLE_LINE_ORDER] = "line_order",
};

static const char META_VERSION[] = "format_version";

static int put_version(struct mtr_charges_txn *txn)
{
    unsigned char bytes[4];
    lmdb_put_u32(bytes, FORMAT_VERSION);
    return charges_put(txn, TABLE_META, META_VERSION, sizeof(META_VERSION) - 1,
                       (struct mtr_str){(char *)bytes, sizeof(bytes)}, 0);
}

/* Of an older version, whose tables are all there. */
static int take_older(struct mtr_charges_txn *txn, bool is_sealed)
{
    struct sealed_table *tables = txn->charges->tables;
    for (int i = 0; i < TABLE_COUNT && !txn->write; i++) tables[i].is_bare = !is_sealed;
    if (!txn->write) return MTR_OK;
    int rc = is_sealed ? MTR_OK : sealed_upgrade(txn->lmdb, tables, TABLE_COUNT);
    return rc ? rc : put_version(txn);
}

static int check_version(struct mtr_charges_txn *txn, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_str key = {META_VERSION, sizeof(META_VERSION) - 1};
    uint64_t version = 0;
    bool is_sealed = false;
    int rc = sealed_format(txn->lmdb, &txn->charges->tables[TABLE_META], key, sizeof(uint32_t), &version,
                           &is_sealed);
    if (rc == MTR_ENOTFOUND && txn->write) return put_version(txn);
    if (rc) return rc;
    if (version <= FORMAT_VERSION && is_sealed != (version >= FORMAT_VERSION_SEALED)) return MTR_ECORRUPT;
    if (version == FORMAT_VERSION) return MTR_OK;
    if (version >= FORMAT_VERSION_OLDEST && version < FORMAT_VERSION) return take_older(txn, is_sealed);
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_VERSION, 0, 0, NULL,
                       "the charges store has format version %u, this meterd knows version %u",
                       (unsigned)version, (unsigned)FORMAT_VERSION);
    return MTR_EVERSION;
}

static int open_tables(struct mtr_charges *charges, bool read_only, struct mtr_diagnostic *diagnostic)
{
    struct mtr_charges_txn *txn = NULL;
    int rc = mtr_charges_begin(charges, !read_only, &txn);
    if (rc) return rc;
    for (int i = 0; i < TABLE_COUNT && !rc; i++)
        rc = sealed_table_open(txn->lmdb, &store, TABLE_NAMES[i], !read_only, &charges->tables[i]);
    if (rc == MTR_ENOTFOUND) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_VERSION, 0, 0, NULL,
                           "the charges store is of an older format: start the daemon once, which brings it "
                           "up to version %u",
                           (unsigned)FORMAT_VERSION);
        rc = MTR_EVERSION;
    }
    if (!rc) rc = check_version(txn, diagnostic);
    if (rc) {
        mtr_charges_abort(txn);
        return rc;
    }
    return mtr_charges_commit(txn);
}

int mtr_charges_open(const char *directory, bool read_only, struct mtr_charges **out,
                     struct mtr_diagnostic *diagnostic)
{
    const struct mtr_lmdb_options options = {
        .map_bytes = MAP_BYTES,
        .databases_max = TABLE_COUNT + 1,
        .read_only = read_only,
        .store = &store,
    };
    struct mtr_charges *charges = calloc(1, sizeof(*charges));
    if (!charges) return MTR_ENOMEM;
    int rc = lmdb_open(directory, &options, &charges->env, diagnostic);
    if (rc) goto out;
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                       "cannot open the tables of the store %s", directory);
    rc = open_tables(charges, read_only, diagnostic);
out:
    if (rc) mtr_charges_close(charges);
    else *out = charges;
    return rc;
}

void mtr_charges_close(struct mtr_charges *charges)
{
    if (!charges) return;
    if (charges->env) lmdb_close(charges->env);
    free(charges);
}
