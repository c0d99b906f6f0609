/*
 * Rows of windows: by source and start, then by strand. With each goes its part of the source's totals.
 */
#include <stdio.h>
#include <string.h>

#include "lib/store/ledger/ledger_txn.h"

const char *mtr_window_state_name(enum mtr_window_state state)
{
    static const char *const names[MTR_WINDOW_STATE_COUNT] = {"partial", "open",     "incomplete",
                                                              "suspect", "complete", "settled"};
    MTR_ASSERT((unsigned)state < MTR_WINDOW_STATE_COUNT);
    return names[state];
}

static const char *const proof_names[] = {"count", "sum", "flag", "agree"};
enum { PROOFS = sizeof(proof_names) / sizeof(proof_names[0]) };

struct mtr_str mtr_proofs_text(unsigned proofs, char out[static MTR_PROOFS_TEXT_BYTES])
{
    size_t size = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < PROOFS; i++)
        if (proofs >> i & 1)
            size += (size_t)snprintf(out + size, MTR_PROOFS_TEXT_BYTES - size, "%s%s", size ? ", " : "",
                                     proof_names[i]);
    MTR_ASSERT(size < MTR_PROOFS_TEXT_BYTES);
    return (struct mtr_str){out, size};
}

bool mtr_proofs_parse(struct mtr_str text, unsigned *proofs)
{
    char written[MTR_PROOFS_TEXT_BYTES];
    for (*proofs = 0; *proofs <= MTR_PROOFS_ALL; ++*proofs)
        if (mtr_str_equal(text, mtr_proofs_text(*proofs, written))) return true;
    *proofs = 0;
    return false;
}

/* end, first, last, noted i64; reading, rows, refused, changes, sequences u64; content; sum i128; reach i64;
 * repeated, unknown u64; said rows u64, said sum i128; readings, agreed u32; state u8; sizes of each and
 * problem u16; scale of the sum, proofs, scale of the said sum u8; both texts; what counted of the last whole
 * reading and of the last, each rows u64, sum i128, its scale u8. Rows of format 13 end with the texts. */
enum {
    NUMBERS = 20,
    WINDOW_TAIL_BYTES = 2 * 4 + 1 + 2 * 2 + 3,
    WINDOW_BYTES = NUMBERS * 8 + WINDOW_TAIL_BYTES,
    COUNTING_BYTES = 3 * 8 + 1,
    WINDOW_BYTES_MAX = WINDOW_BYTES + MTR_LEDGER_EACH_BYTES_MAX + MTR_LEDGER_PROBLEM_BYTES_MAX +
                       2 * COUNTING_BYTES,
    NO_RUN = 0x80, /* of the state's byte */
    CUT = 0x40
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

static size_t put_counting(unsigned char *p, const struct mtr_ledger_counting *counting)
{
    lmdb_put_u64(p, counting->rows);
    lmdb_put_u64(p + 8, (uint64_t)(counting->sum.mantissa >> 64));
    lmdb_put_u64(p + 16, (uint64_t)counting->sum.mantissa);
    p[24] = (unsigned char)counting->sum.scale;
    return COUNTING_BYTES;
}

static struct mtr_ledger_counting get_counting(const unsigned char *p)
{
    const mtr_uint128 mantissa = (mtr_uint128)lmdb_get_u64(p + 8) << 64 | lmdb_get_u64(p + 16);
    return (struct mtr_ledger_counting){.rows = lmdb_get_u64(p),
                                        .sum = {.mantissa = (mtr_int128)mantissa, .scale = p[24]}};
}

static int put_total(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                     const struct mtr_ledger_window *window)
{
    struct mtr_ledger_window before;
    int rc = mtr_ledger_get_window(txn, strand, window->start_us, &before);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    return ledger_total_turn(txn, strand, rc ? NULL : &before, window);
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
                                       (uint64_t)window->sum.mantissa,
                                       (uint64_t)window->reach_us,
                                       window->repeated,
                                       window->unknown,
                                       window->said_rows,
                                       (uint64_t)(window->said_sum.mantissa >> 64),
                                       (uint64_t)window->said_sum.mantissa};
    for (int i = 0; i < NUMBERS; i++, p += 8)
        lmdb_put_u64(p, numbers[i]);
    lmdb_put_u32(p, window->readings);
    lmdb_put_u32(p + 4, window->agreed);
    p[8] = (unsigned char)(window->state | (window->has_no_run ? NO_RUN : 0) | (window->is_cut ? CUT : 0));
    p[9] = (unsigned char)(strand->each.size >> 8);
    p[10] = (unsigned char)strand->each.size;
    p[11] = (unsigned char)(window->problem.size >> 8);
    p[12] = (unsigned char)window->problem.size;
    p[13] = (unsigned char)window->sum.scale;
    p[14] = (unsigned char)window->proofs;
    p[15] = (unsigned char)window->said_sum.scale;
    p += WINDOW_TAIL_BYTES;
    p += put_text(p, strand->each);
    p += put_text(p, window->problem);
    p += put_counting(p, &window->counting);
    p += put_counting(p, &window->said_counting);
    window_key(strand, window->start_us, key);
    int rc = put_total(txn, strand, window);
    return rc ? rc
              : ledger_put(txn, LEDGER_WINDOWS, key_text(key),
                           (struct mtr_str){(const char *)value, (size_t)(p - value)});
}

static bool has_good_scales(const struct mtr_ledger_window *window)
{
    const struct mtr_decimal sums[] = {window->sum, window->said_sum, window->counting.sum,
                                       window->said_counting.sum};
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
        if (sums[i].scale > MTR_DECIMAL_DIGITS_MAX) return false;
    return true;
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
    const unsigned state = p[8] & ~(unsigned)(NO_RUN | CUT);
    const size_t texts_end = WINDOW_BYTES + each_size + problem_size;
    const bool has_counting = value.size == texts_end + 2 * COUNTING_BYTES;
    if ((value.size != texts_end && !has_counting) || state >= MTR_WINDOW_STATE_COUNT ||
        p[14] > MTR_PROOFS_ALL)
        return MTR_ECORRUPT;
    if (each_size > MTR_LEDGER_EACH_BYTES_MAX || problem_size > MTR_LEDGER_PROBLEM_BYTES_MAX)
        return MTR_ECORRUPT;
    *each = (struct mtr_str){(const char *)p + WINDOW_TAIL_BYTES, each_size};
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
        .reach_us = (int64_t)n[14],
        .repeated = n[15],
        .unknown = n[16],
        .said_rows = n[17],
        .said_sum = {.mantissa = (mtr_int128)((mtr_uint128)n[18] << 64 | n[19]), .scale = p[15]},
        .proofs = p[14],
        .readings = lmdb_get_u32(p),
        .agreed = lmdb_get_u32(p + 4),
        .state = (enum mtr_window_state)state,
        .problem = {(const char *)p + WINDOW_TAIL_BYTES + each_size, problem_size},
        .has_no_run = p[8] & NO_RUN || state == MTR_WINDOW_SETTLED,
        .is_cut = p[8] & CUT,
        .counting = {.rows = MTR_LEDGER_NOBODY_LOOKED},
        .said_counting = {.rows = MTR_LEDGER_NOBODY_LOOKED},
    };
    if (has_counting) {
        const unsigned char *behind = (const unsigned char *)value.data + texts_end;
        out->counting = get_counting(behind);
        out->said_counting = get_counting(behind + COUNTING_BYTES);
    }
    return out->start_us < out->end_us && has_good_scales(out) ? MTR_OK : MTR_ECORRUPT;
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
    const struct sealed_table *windows = &txn->ledger->tables[LEDGER_WINDOWS];
    int rc = lmdb_error(mdb_cursor_open(txn->txn, windows->dbi, &cursor));
    if (rc) return rc;
    MDB_val k = lmdb_val(from.data, from.size), v;
    for (MDB_cursor_op op = MDB_SET_RANGE;; op = MDB_NEXT) {
        struct mtr_ledger_window window;
        struct mtr_str each;
        rc = sealed_cursor_get(cursor, windows, &k, &v, op);
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
