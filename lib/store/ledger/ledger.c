/*
 * The ledger's environment, transactions, and its rows of sources and cursors. Windows and runs are in
 * ledger_windows.c and ledger_runs.c.
 *
 * Invariant: whatever stands here follows from the log up to `applied`, which is written in the same
 * transaction.
 */
#include "meterd/store/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lib/store/ledger/ledger_txn.h"
#include "meterd/core/limits.h"

#define MAP_BYTES ((size_t)1 << 38) /* address space only */
#define KEY_FORMAT MTR_STR("format")

enum {
    FORMAT = 14,
    FORMAT_BEFORE = 13, /* its windows do not say what counted: they are read as they are */
    FORMAT_BARE = 10, /* its rows are not sealed, and those of older ones */
    FEED_BYTES = 16,
    SOURCE_BYTES = 24,
    STRAND_BYTES_MAX = 2 * MTR_KEY_BYTES_MAX + MTR_LEDGER_EACH_BYTES_MAX + 3
};

static const char *const table_names[LEDGER_TABLES] = {
    "meta", "sources", "feeds", "windows", "runs", "facts", "jobs", "marks", "items", "newest", "totals",
    "quarantined"};

static const struct sealed_store store = {
    .name = "windows of sources",
    .remedy = "stop the daemon and remove the directory intake, the next start folds it again from the log",
    .format_key = "format",
    .format_bytes = sizeof(uint64_t)};

/* ---- keys ---- */

static void hash_texts(struct mtr_str a, struct mtr_str b, struct mtr_str c,
                       unsigned char out[LEDGER_HASH_BYTES])
{
    char text[STRAND_BYTES_MAX];
    size_t size = 0;
    const struct mtr_str texts[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        MTR_ASSERT(size + texts[i].size < sizeof(text));
        if (texts[i].size) memcpy(text + size, texts[i].data, texts[i].size);
        size += texts[i].size;
        text[size++] = '\0';
    }
    const XXH128_hash_t hash = XXH3_128bits(text, size);
    lmdb_put_u64(out, hash.high64);
    lmdb_put_u64(out + 8, hash.low64);
}

void ledger_source_hash(const struct mtr_strand *strand, unsigned char out[LEDGER_HASH_BYTES])
{
    MTR_ASSERT(strand->vendor.size && strand->vendor.size <= MTR_KEY_BYTES_MAX);
    MTR_ASSERT(strand->source.size && strand->source.size <= MTR_KEY_BYTES_MAX);
    hash_texts(strand->vendor, strand->source, (struct mtr_str){NULL, 0}, out);
}

void ledger_strand_hash(const struct mtr_strand *strand, unsigned char out[LEDGER_HASH_BYTES])
{
    MTR_ASSERT(strand->each.size <= MTR_LEDGER_EACH_BYTES_MAX);
    hash_texts(strand->vendor, strand->source, strand->each, out);
}

struct mtr_hash128 mtr_ledger_strand_id(const struct mtr_strand *strand)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    ledger_strand_hash(strand, hash);
    return (struct mtr_hash128){lmdb_get_u64(hash), lmdb_get_u64(hash + 8)};
}

void ledger_put_start(unsigned char *p, int64_t start_us)
{
    lmdb_put_u64(p, (uint64_t)start_us ^ UINT64_C(1) << 63);
}

int64_t ledger_get_start(const unsigned char *p) { return (int64_t)(lmdb_get_u64(p) ^ UINT64_C(1) << 63); }

int ledger_get(struct mtr_ledger_txn *txn, enum ledger_table table, struct mtr_str key, struct mtr_str *value)
{
    MDB_val v;
    int rc = sealed_get(txn->txn, &txn->ledger->tables[table], lmdb_val(key.data, key.size), &v);
    if (!rc) *value = lmdb_str(v);
    return rc;
}

int ledger_put(struct mtr_ledger_txn *txn, enum ledger_table table, struct mtr_str key, struct mtr_str value)
{
    MTR_ASSERT(txn->write && key.size);
    MDB_val v = lmdb_val(value.data, value.size);
    return sealed_put(txn->txn, &txn->ledger->tables[table], lmdb_val(key.data, key.size), &v, 0);
}

int ledger_delete(struct mtr_ledger_txn *txn, enum ledger_table table, struct mtr_str key)
{
    MTR_ASSERT(txn->write);
    MDB_val k = lmdb_val(key.data, key.size);
    int rc = lmdb_error(mdb_del(txn->txn, txn->ledger->tables[table].dbi, &k, NULL));
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int put_u64(struct mtr_ledger_txn *txn, enum ledger_table table, struct mtr_str key, uint64_t number)
{
    unsigned char value[8];
    lmdb_put_u64(value, number);
    return ledger_put(txn, table, key, (struct mtr_str){(const char *)value, sizeof(value)});
}

/* ---- the store ---- */

int mtr_ledger_clear(struct mtr_ledger_txn *txn)
{
    int rc = MTR_OK;
    MTR_ASSERT(txn->write);
    for (int i = 0; !rc && i < LEDGER_TABLES; i++)
        rc = lmdb_error(mdb_drop(txn->txn, txn->ledger->tables[i].dbi, 0));
    return rc ? rc : put_u64(txn, LEDGER_META, KEY_FORMAT, FORMAT);
}

static int check_format(struct mtr_ledger_txn *txn, const char *directory, struct mtr_diagnostic *diagnostic)
{
    uint64_t found = 0;
    bool is_sealed = false;
    int rc = sealed_format(txn->txn, &txn->ledger->tables[LEDGER_META], KEY_FORMAT, sizeof(found), &found,
                           &is_sealed);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (found <= FORMAT && is_sealed != (found > FORMAT_BARE)) return MTR_ECORRUPT;
    if (found == FORMAT) return MTR_OK;
    if (found == FORMAT_BEFORE) return txn->write ? put_u64(txn, LEDGER_META, KEY_FORMAT, FORMAT) : MTR_OK;
    if (found < FORMAT && txn->write) return mtr_ledger_clear(txn); /* it is made anew of the log */
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_VERSION, 0, 0, NULL,
                       "the ledger of windows in %s has format %llu, this program reads format %d: stop the "
                       "daemon and delete that directory, the next start folds it again",
                       directory, (unsigned long long)found, FORMAT);
    return MTR_EVERSION;
}

static int open_tables(struct mtr_ledger *ledger, bool read_only, const char *directory,
                       struct mtr_diagnostic *diagnostic)
{
    struct mtr_ledger_txn txn = {.ledger = ledger, .write = !read_only};
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                       "cannot open the ledger of windows in %s", directory);
    int rc = lmdb_error(mdb_txn_begin(ledger->env, NULL, read_only ? MDB_RDONLY : 0, &txn.txn));
    if (rc) return rc;
    for (int i = 0; !rc && i < LEDGER_TABLES; i++)
        rc = sealed_table_open(txn.txn, &store, table_names[i], !read_only, &ledger->tables[i]);
    if (!rc) rc = check_format(&txn, directory, diagnostic);
    if (!rc) return lmdb_commit(txn.txn); /* of a read transaction too: an abort would forget the tables */
    mdb_txn_abort(txn.txn);
    return rc;
}

int mtr_ledger_open(const char *directory, bool read_only, struct mtr_ledger **out,
                    struct mtr_diagnostic *diagnostic)
{
    const struct mtr_lmdb_options options = {
        .map_bytes = MAP_BYTES,
        .databases_max = LEDGER_TABLES + 1,
        .read_only = read_only,
        .store = &store,
    };
    struct mtr_ledger *ledger = calloc(1, sizeof(*ledger));
    if (!ledger) return MTR_ENOMEM;
    int rc = lmdb_open(directory, &options, &ledger->env, diagnostic);
    if (!rc) rc = open_tables(ledger, read_only, directory, diagnostic);
    if (rc)
        mtr_ledger_close(ledger);
    else
        *out = ledger;
    return rc;
}

void mtr_ledger_close(struct mtr_ledger *ledger)
{
    if (!ledger) return;
    if (ledger->env) lmdb_close(ledger->env);
    free(ledger);
}

int mtr_ledger_begin(struct mtr_ledger *ledger, bool write, struct mtr_ledger_txn **out)
{
    struct mtr_ledger_txn *txn = calloc(1, sizeof(*txn));
    if (!txn) return MTR_ENOMEM;
    *txn = (struct mtr_ledger_txn){.ledger = ledger, .write = write};
    int rc = lmdb_error(mdb_txn_begin(ledger->env, NULL, write ? 0 : MDB_RDONLY, &txn->txn));
    if (rc)
        free(txn);
    else
        *out = txn;
    return rc;
}

int mtr_ledger_commit(struct mtr_ledger_txn *txn)
{
    int rc = lmdb_commit(txn->txn);
    free(txn);
    return rc;
}

void mtr_ledger_abort(struct mtr_ledger_txn *txn)
{
    if (!txn) return;
    mdb_txn_abort(txn->txn);
    free(txn);
}

/* ---- sources and strands ---- */

static struct mtr_str hash_key(const unsigned char hash[LEDGER_HASH_BYTES])
{
    return (struct mtr_str){(const char *)hash, LEDGER_HASH_BYTES};
}

int ledger_source_of(struct mtr_str value, struct mtr_ledger_source *out)
{
    const unsigned char *p = (const unsigned char *)value.data;
    if (value.size != SOURCE_BYTES) return MTR_ECORRUPT;
    *out = (struct mtr_ledger_source){lmdb_get_u64(p), (int64_t)lmdb_get_u64(p + 8),
                                      (int64_t)lmdb_get_u64(p + 16)};
    return MTR_OK;
}

int ledger_put_source_of(struct mtr_ledger_txn *txn, struct mtr_str hash,
                         const struct mtr_ledger_source *source)
{
    unsigned char value[SOURCE_BYTES];
    lmdb_put_u64(value, source->last_reading);
    lmdb_put_u64(value + 8, (uint64_t)source->first_us);
    lmdb_put_u64(value + 16, (uint64_t)source->paused_us);
    return ledger_put(txn, LEDGER_SOURCES, hash, (struct mtr_str){(const char *)value, sizeof(value)});
}

int mtr_ledger_get_source(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                          struct mtr_ledger_source *out)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    struct mtr_str value;
    *out = (struct mtr_ledger_source){0};
    ledger_source_hash(strand, hash);
    int rc = ledger_get(txn, LEDGER_SOURCES, hash_key(hash), &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    return ledger_source_of(value, out);
}

int mtr_ledger_put_source(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                          const struct mtr_ledger_source *source)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    ledger_source_hash(strand, hash);
    return ledger_put_source_of(txn, hash_key(hash), source);
}

int mtr_ledger_feed(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, struct mtr_feed *out)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    struct mtr_str value;
    ledger_strand_hash(strand, hash);
    int rc = ledger_get(txn, LEDGER_FEEDS, hash_key(hash), &value);
    if (rc) return rc;
    if (value.size < FEED_BYTES || value.size > FEED_BYTES + MTR_LEDGER_CURSOR_BYTES_MAX) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)value.data;
    *out = (struct mtr_feed){.cursor = {value.data + FEED_BYTES, value.size - FEED_BYTES},
                             .read_us = (int64_t)lmdb_get_u64(p),
                             .begun_us = (int64_t)lmdb_get_u64(p + 8)};
    return MTR_OK;
}

int mtr_ledger_feed_read_us(struct mtr_ledger_txn *txn, struct mtr_hash128 strand, int64_t *out)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    struct mtr_str value;
    *out = 0;
    lmdb_put_u64(hash, strand.high);
    lmdb_put_u64(hash + 8, strand.low);
    int rc = ledger_get(txn, LEDGER_FEEDS, hash_key(hash), &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size < FEED_BYTES) return MTR_ECORRUPT;
    *out = (int64_t)lmdb_get_u64((const unsigned char *)value.data);
    return MTR_OK;
}

int mtr_ledger_put_feed(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                        const struct mtr_feed *feed)
{
    unsigned char hash[LEDGER_HASH_BYTES], value[FEED_BYTES + MTR_LEDGER_CURSOR_BYTES_MAX];
    const struct mtr_str cursor = feed->cursor;
    MTR_ASSERT(cursor.size <= MTR_LEDGER_CURSOR_BYTES_MAX);
    ledger_strand_hash(strand, hash);
    lmdb_put_u64(value, (uint64_t)feed->read_us);
    lmdb_put_u64(value + 8, (uint64_t)feed->begun_us);
    if (cursor.size) memcpy(value + FEED_BYTES, cursor.data, cursor.size);
    return ledger_put(txn, LEDGER_FEEDS, hash_key(hash),
                      (struct mtr_str){(const char *)value, FEED_BYTES + cursor.size});
}
