/*
 * The ledger's environment, transactions, and its rows of sources, cursors and windows. Runs are in
 * ledger_runs.c.
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
    FORMAT = 3,
    FEED_BYTES = 8,
    SOURCE_BYTES = 24,
    STRAND_BYTES_MAX = 2 * MTR_KEY_BYTES_MAX + MTR_LEDGER_EACH_BYTES_MAX + 3
};

static const char *const table_names[LEDGER_TABLES] = {
    "meta", "sources", "feeds", "windows", "runs", "facts", "jobs", "marks", "items", "newest"};

const char *mtr_window_state_name(enum mtr_window_state state)
{
    static const char *const names[MTR_WINDOW_STATE_COUNT] = {"partial", "open",     "incomplete",
                                                              "suspect", "complete", "settled"};
    MTR_ASSERT((unsigned)state < MTR_WINDOW_STATE_COUNT);
    return names[state];
}

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

void ledger_put_start(unsigned char *p, int64_t start_us)
{
    lmdb_put_u64(p, (uint64_t)start_us ^ UINT64_C(1) << 63);
}

int64_t ledger_get_start(const unsigned char *p) { return (int64_t)(lmdb_get_u64(p) ^ UINT64_C(1) << 63); }

int ledger_get(struct mtr_ledger_txn *txn, enum ledger_table table, struct mtr_str key, struct mtr_str *value)
{
    MDB_val k = lmdb_val(key.data, key.size), v;
    int rc = lmdb_error(mdb_get(txn->txn, txn->ledger->tables[table], &k, &v));
    if (!rc) *value = lmdb_str(v);
    return rc;
}

int ledger_put(struct mtr_ledger_txn *txn, enum ledger_table table, struct mtr_str key, struct mtr_str value)
{
    MTR_ASSERT(txn->write && key.size);
    MDB_val k = lmdb_val(key.data, key.size), v = lmdb_val(value.data, value.size);
    return lmdb_error(mdb_put(txn->txn, txn->ledger->tables[table], &k, &v, 0));
}

static int get_u64(struct mtr_ledger_txn *txn, enum ledger_table table, struct mtr_str key, uint64_t *out)
{
    struct mtr_str value;
    *out = 0;
    int rc = ledger_get(txn, table, key, &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size != sizeof(*out)) return MTR_ECORRUPT;
    *out = lmdb_get_u64((const unsigned char *)value.data);
    return MTR_OK;
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
        rc = lmdb_error(mdb_drop(txn->txn, txn->ledger->tables[i], 0));
    return rc ? rc : put_u64(txn, LEDGER_META, KEY_FORMAT, FORMAT);
}

static int check_format(struct mtr_ledger_txn *txn, const char *directory, struct mtr_diagnostic *diagnostic)
{
    uint64_t found;
    int rc = get_u64(txn, LEDGER_META, KEY_FORMAT, &found);
    if (rc || found == FORMAT) return rc;
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
        rc =
            lmdb_error(mdb_dbi_open(txn.txn, table_names[i], read_only ? 0 : MDB_CREATE, &ledger->tables[i]));
    if (!rc) rc = check_format(&txn, directory, diagnostic);
    if (!rc) return lmdb_commit(txn.txn); /* of a read transaction too: an abort would forget the tables */
    mdb_txn_abort(txn.txn);
    return rc;
}

int mtr_ledger_open(const char *directory, bool read_only, struct mtr_ledger **out,
                    struct mtr_diagnostic *diagnostic)
{
    const struct mtr_lmdb_options options = {
        .map_bytes = MAP_BYTES, .databases_max = LEDGER_TABLES + 1, .read_only = read_only};
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
    if (ledger->env) mdb_env_close(ledger->env);
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

int mtr_ledger_get_source(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                          struct mtr_ledger_source *out)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    struct mtr_str value;
    *out = (struct mtr_ledger_source){0};
    ledger_source_hash(strand, hash);
    int rc = ledger_get(txn, LEDGER_SOURCES, hash_key(hash), &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size != SOURCE_BYTES) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)value.data;
    *out = (struct mtr_ledger_source){lmdb_get_u64(p), (int64_t)lmdb_get_u64(p + 8),
                                      (int64_t)lmdb_get_u64(p + 16)};
    return MTR_OK;
}

int mtr_ledger_put_source(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                          const struct mtr_ledger_source *source)
{
    unsigned char hash[LEDGER_HASH_BYTES], value[SOURCE_BYTES];
    ledger_source_hash(strand, hash);
    lmdb_put_u64(value, source->last_reading);
    lmdb_put_u64(value + 8, (uint64_t)source->first_us);
    lmdb_put_u64(value + 16, (uint64_t)source->paused_us);
    return ledger_put(txn, LEDGER_SOURCES, hash_key(hash),
                      (struct mtr_str){(const char *)value, sizeof(value)});
}

int mtr_ledger_feed(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, struct mtr_feed *out)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    struct mtr_str value;
    ledger_strand_hash(strand, hash);
    int rc = ledger_get(txn, LEDGER_FEEDS, hash_key(hash), &value);
    if (rc) return rc;
    if (value.size < FEED_BYTES) return MTR_ECORRUPT;
    *out = (struct mtr_feed){.cursor = {value.data + FEED_BYTES, value.size - FEED_BYTES},
                             .read_us = (int64_t)lmdb_get_u64((const unsigned char *)value.data)};
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
    if (cursor.size) memcpy(value + FEED_BYTES, cursor.data, cursor.size);
    return ledger_put(txn, LEDGER_FEEDS, hash_key(hash),
                      (struct mtr_str){(const char *)value, FEED_BYTES + cursor.size});
}

/* ---- windows ---- */

/* end, first, last, noted i64; reading, rows, refused, changes, sequences u64; content; sum i128; readings,
 * agreed u32; state u8; sizes of each and problem u16; scale of the sum u8; both texts. */
enum {
    NUMBERS = 14,
    WINDOW_BYTES = NUMBERS * 8 + 2 * 4 + 1 + 2 * 2 + 1,
    WINDOW_BYTES_MAX = WINDOW_BYTES + MTR_LEDGER_EACH_BYTES_MAX + MTR_LEDGER_PROBLEM_BYTES_MAX,
    NO_RUN = 0x80 /* of the state's byte */
};

static void window_key(const struct mtr_strand *strand, int64_t start_us, unsigned char key[LEDGER_KEY_BYTES])
{
    ledger_source_hash(strand, key);
    ledger_put_start(key + LEDGER_HASH_BYTES, start_us);
    ledger_strand_hash(strand, key + LEDGER_PREFIX_BYTES);
}

static struct mtr_str key_text(const unsigned char key[LEDGER_KEY_BYTES])
{
    return (struct mtr_str){(const char *)key, LEDGER_KEY_BYTES};
}

static size_t put_text(unsigned char *p, struct mtr_str text)
{
    if (text.size) memcpy(p, text.data, text.size);
    return text.size;
}

int mtr_ledger_put_window(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                          const struct mtr_ledger_window *window)
{
    unsigned char key[LEDGER_KEY_BYTES], value[WINDOW_BYTES_MAX], *p = value;
    MTR_ASSERT((unsigned)window->state < MTR_WINDOW_STATE_COUNT && window->start_us < window->end_us);
    MTR_ASSERT(window->problem.size <= MTR_LEDGER_PROBLEM_BYTES_MAX);
    const uint64_t numbers[NUMBERS] = {(uint64_t)window->end_us,
                                       (uint64_t)window->first_us,
                                       (uint64_t)window->last_us,
                                       (uint64_t)window->noted_us,
                                       window->reading,
                                       window->rows,
                                       window->refused,
                                       window->changes,
                                       window->seq_first,
                                       window->seq_last,
                                       window->content.high,
                                       window->content.low,
                                       (uint64_t)(window->sum.mantissa >> 64),
                                       (uint64_t)window->sum.mantissa};
    for (int i = 0; i < NUMBERS; i++, p += 8)
        lmdb_put_u64(p, numbers[i]);
    lmdb_put_u32(p, window->readings);
    lmdb_put_u32(p + 4, window->agreed);
    p[8] = (unsigned char)(window->state | (window->has_no_run ? NO_RUN : 0));
    p[9] = (unsigned char)(strand->each.size >> 8);
    p[10] = (unsigned char)strand->each.size;
    p[11] = (unsigned char)(window->problem.size >> 8);
    p[12] = (unsigned char)window->problem.size;
    p[13] = (unsigned char)window->sum.scale;
    p += 14;
    p += put_text(p, strand->each);
    p += put_text(p, window->problem);
    window_key(strand, window->start_us, key);
    return ledger_put(txn, LEDGER_WINDOWS, key_text(key),
                      (struct mtr_str){(const char *)value, (size_t)(p - value)});
}

static int unpack_window(struct mtr_str key, struct mtr_str value, struct mtr_str *each,
                         struct mtr_ledger_window *out)
{
    const unsigned char *p = (const unsigned char *)value.data;
    uint64_t n[NUMBERS];
    if (key.size != LEDGER_KEY_BYTES || value.size < WINDOW_BYTES) return MTR_ECORRUPT;
    for (int i = 0; i < NUMBERS; i++, p += 8)
        n[i] = lmdb_get_u64(p);
    const size_t each_size = (size_t)p[9] << 8 | p[10], problem_size = (size_t)p[11] << 8 | p[12];
    const unsigned state = p[8] & ~(unsigned)NO_RUN;
    if (value.size != WINDOW_BYTES + each_size + problem_size || state >= MTR_WINDOW_STATE_COUNT)
        return MTR_ECORRUPT;
    *each = (struct mtr_str){(const char *)p + 14, each_size};
    *out = (struct mtr_ledger_window){
        .start_us = ledger_get_start((const unsigned char *)key.data + LEDGER_HASH_BYTES),
        .end_us = (int64_t)n[0],
        .first_us = (int64_t)n[1],
        .last_us = (int64_t)n[2],
        .noted_us = (int64_t)n[3],
        .reading = n[4],
        .rows = n[5],
        .refused = n[6],
        .changes = n[7],
        .seq_first = n[8],
        .seq_last = n[9],
        .content = {n[10], n[11]},
        .sum = {.mantissa = (mtr_int128)((mtr_uint128)n[12] << 64 | n[13]), .scale = p[13]},
        .readings = lmdb_get_u32(p),
        .agreed = lmdb_get_u32(p + 4),
        .state = (enum mtr_window_state)state,
        .problem = {(const char *)p + 14 + each_size, problem_size},
        .has_no_run = p[8] & NO_RUN || state == MTR_WINDOW_SETTLED,
    };
    return MTR_OK;
}

int mtr_ledger_get_window(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                          struct mtr_ledger_window *out)
{
    unsigned char key[LEDGER_KEY_BYTES];
    struct mtr_str value, each;
    window_key(strand, start_us, key);
    int rc = ledger_get(txn, LEDGER_WINDOWS, key_text(key), &value);
    return rc ? rc : unpack_window(key_text(key), value, &each, out);
}

/* The source's windows from a key on, or from the beginning of one. */
static int walk(struct mtr_ledger_txn *txn, struct mtr_str from, bool is_behind,
                mtr_ledger_on_window on_window, void *context)
{
    const struct mtr_str source = {from.data, LEDGER_HASH_BYTES};
    MDB_cursor *cursor;
    int rc = lmdb_error(mdb_cursor_open(txn->txn, txn->ledger->tables[LEDGER_WINDOWS], &cursor));
    if (rc) return rc;
    MDB_val k = lmdb_val(from.data, from.size), v;
    for (MDB_cursor_op op = MDB_SET_RANGE;; op = MDB_NEXT) {
        struct mtr_ledger_window window;
        struct mtr_str each;
        rc = lmdb_error(mdb_cursor_get(cursor, &k, &v, op));
        if (rc || !mtr_str_starts_with(lmdb_str(k), source)) break;
        if (is_behind && mtr_str_equal(lmdb_str(k), from)) continue;
        rc = unpack_window(lmdb_str(k), lmdb_str(v), &each, &window);
        if (!rc) rc = on_window(context, each, &window);
        if (rc) {
            mdb_cursor_close(cursor);
            return rc;
        }
    }
    mdb_cursor_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int mtr_ledger_walk_windows(struct mtr_ledger_txn *txn, const struct mtr_strand *source, int64_t from_us,
                            mtr_ledger_on_window on_window, void *context)
{
    unsigned char from[LEDGER_PREFIX_BYTES];
    ledger_source_hash(source, from);
    ledger_put_start(from + LEDGER_HASH_BYTES, from_us);
    return walk(txn, (struct mtr_str){(const char *)from, sizeof(from)}, false, on_window, context);
}

int mtr_ledger_walk_windows_behind(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                                   int64_t start_us, mtr_ledger_on_window on_window, void *context)
{
    unsigned char key[LEDGER_KEY_BYTES];
    window_key(strand, start_us, key);
    return walk(txn, key_text(key), true, on_window, context);
}
