/*
 * The charges store: transactions, the rater's cursor, charges and their traces.
 *
 * Invariants: charge numbers are dense from 1, and of an epoch from the one behind its number; `ids` holds
 * exactly one row per charge; a charge is never changed or deleted. Ownership: the caller owns store and
 * transactions. Thread: any, one per transaction. What lines, periods, messages and consumers mean is in the
 * sibling charges_*.c; when to write them is the rater's business.
 */
#include "lib/store/charges/charges_txn.h"

#include <stdlib.h>
#include <string.h>

static const char META_CURSOR[] = "cursor";

int charges_get(struct mtr_charges_txn *txn, enum charges_table table, const void *key, size_t key_size,
                struct mtr_str *out)
{
    const struct sealed_table *sealed = &txn->charges->tables[table];
    const MDB_val k = lmdb_val(key, key_size);
    MDB_val v;
    int rc = lmdb_get(&txn->cursors, table, sealed, k, &v);
    if (!rc) *out = lmdb_str(v);
    if (rc != MTR_ENOTFOUND) return rc;
    const int bad = sealed_prove_absence(txn->lmdb, sealed, k); /* or it would be charged once more */
    return bad ? bad : rc;
}

int charges_put(struct mtr_charges_txn *txn, enum charges_table table, const void *key, size_t key_size,
                struct mtr_str value, unsigned flags)
{
    MTR_ASSERT(txn->write);
    MDB_val k = lmdb_val(key, key_size);
    MDB_val v = lmdb_val(value.data, value.size);
    return sealed_put(txn->lmdb, &txn->charges->tables[table], k, &v, flags);
}

int charges_delete(struct mtr_charges_txn *txn, enum charges_table table, const void *key, size_t key_size)
{
    MTR_ASSERT(txn->write);
    MDB_val k = lmdb_val(key, key_size);
    return lmdb_error(mdb_del(txn->lmdb, txn->charges->tables[table].dbi, &k, NULL));
}

static bool is_in_range(MDB_val key, const struct charges_range *range)
{
    return key.mv_size >= range->prefix_size &&
           (!range->prefix_size || memcmp(key.mv_data, range->from, range->prefix_size) == 0);
}

int charges_walk(struct mtr_charges_txn *txn, const struct charges_range *range, charges_on_row on_row,
                 void *context)
{
    MTR_ASSERT(range->prefix_size <= range->from_size);
    const enum charges_table table = range->table;
    const struct sealed_table *sealed = &txn->charges->tables[table];
    MDB_cursor *cursor = NULL;
    MDB_val k = lmdb_val(range->from, range->from_size);
    MDB_val v;
    int stopped = 0;
    int rc = lmdb_cursor_take(&txn->cursors, table, sealed->dbi, &cursor);
    if (rc) return rc;
    rc = sealed_cursor_get(cursor, sealed, &k, &v, range->from_size ? MDB_SET_RANGE : MDB_FIRST);
    while (!rc && is_in_range(k, range)) {
        stopped = on_row(context, lmdb_str(k), lmdb_str(v));
        if (stopped) break;
        rc = sealed_cursor_get(cursor, sealed, &k, &v, MDB_NEXT);
    }
    lmdb_cursor_give(&txn->cursors, table, cursor);
    if (stopped) return stopped;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int mtr_charges_begin(struct mtr_charges *charges, bool write, struct mtr_charges_txn **out)
{
    struct mtr_charges_txn *txn = calloc(1, sizeof(*txn));
    if (!txn) return MTR_ENOMEM;
    txn->charges = charges;
    txn->write = write;
    mtr_buffer_init(&txn->scratch, RECORD_BYTES_MAX);
    int rc = lmdb_error(mdb_txn_begin(charges->env, NULL, write ? 0 : MDB_RDONLY, &txn->lmdb));
    if (rc) {
        free(txn);
        return rc;
    }
    txn->cursors.txn = txn->lmdb;
    txn->cursors.write = write;
    *out = txn;
    return MTR_OK;
}

static void free_txn(struct mtr_charges_txn *txn)
{
    mtr_buffer_release(&txn->scratch);
    free(txn);
}

int mtr_charges_commit(struct mtr_charges_txn *txn)
{
    lmdb_cursors_close(&txn->cursors);
    int rc = lmdb_commit(txn->lmdb);
    free_txn(txn);
    return rc;
}

void mtr_charges_abort(struct mtr_charges_txn *txn)
{
    if (!txn) return;
    lmdb_cursors_close(&txn->cursors);
    mdb_txn_abort(txn->lmdb);
    free_txn(txn);
}

int mtr_charges_get_cursor(struct mtr_charges_txn *txn, struct mtr_charges_cursor *out)
{
    struct mtr_str value;
    int rc = charges_get(txn, TABLE_META, META_CURSOR, sizeof(META_CURSOR) - 1, &value);
    if (rc == MTR_ENOTFOUND) {
        *out = (struct mtr_charges_cursor){.scan_period_us = INT64_MIN};
        return MTR_OK;
    }
    if (rc) return rc;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charges_cursor cursor = {.change = unpack_u64(&unpacker)};
    cursor.scan_version = unpack_u64(&unpacker);
    cursor.scan_subscription = unpack_u32(&unpacker);
    cursor.scan_period_us = unpack_instant(&unpacker);
    rc = unpack_end(&unpacker);
    if (!cursor.scan_subscription && cursor.scan_period_us != INT64_MIN) rc = MTR_ECORRUPT;
    if (!rc) *out = cursor;
    return rc;
}

int mtr_charges_put_cursor(struct mtr_charges_txn *txn, const struct mtr_charges_cursor *cursor)
{
    MTR_ASSERT(cursor->scan_subscription > 0 || cursor->scan_period_us == INT64_MIN); /* no scan, no place */
    struct packer packer = pack_begin(&txn->scratch);
    pack_u64(&packer, cursor->change);
    pack_u64(&packer, cursor->scan_version);
    pack_u32(&packer, cursor->scan_subscription);
    pack_instant(&packer, cursor->scan_period_us);
    if (packer.error) return packer.error;
    return charges_put(txn, TABLE_META, META_CURSOR, sizeof(META_CURSOR) - 1, mtr_buffer_str(&txn->scratch),
                       0);
}

const char *mtr_charge_status_name(enum mtr_charge_status status)
{
    switch (status) {
    case MTR_CHARGE_DRAFT: return "draft";
    case MTR_CHARGE_FINAL: return "final";
    case MTR_CHARGE_CORRECTION: return "correction";
    }
    MTR_ASSERT(!"known charge status");
    return NULL;
}

const char *mtr_charge_status_choice(unsigned index)
{
    return index <= MTR_CHARGE_CORRECTION ? mtr_charge_status_name((enum mtr_charge_status)index) : NULL;
}

static void hex(struct mtr_hash128 hash, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 32; i++) {
        uint64_t half = i < 16 ? hash.high : hash.low;
        text[i] = digits[half >> (60 - 4 * (i % 16)) & 15];
    }
    text[32] = '\0';
}

static bool unhex(struct mtr_str text, struct mtr_hash128 *out)
{
    uint64_t half[2] = {0, 0};
    if (text.size != 32) return false;
    for (size_t i = 0; i < 32; i++) {
        char c = text.data[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit > 15) return false;
        half[i / 16] = half[i / 16] << 4 | digit;
    }
    *out = (struct mtr_hash128){half[0], half[1]};
    return true;
}

void mtr_charge_id_format(struct mtr_hash128 id, char text[MTR_CHARGE_ID_TEXT_BYTES])
{
    hex(id, text);
}

bool mtr_charge_id_parse(struct mtr_str text, struct mtr_hash128 *out)
{
    return unhex(text, out);
}

void mtr_message_id_format(struct mtr_hash128 id, char text[MTR_MESSAGE_ID_TEXT_BYTES])
{
    memcpy(text, "msg_", 4);
    hex(id, text + 4);
}

bool mtr_message_id_parse(struct mtr_str text, struct mtr_hash128 *out)
{
    if (!mtr_str_starts_with(text, MTR_STR("msg_"))) return false;
    return unhex((struct mtr_str){text.data + 4, text.size - 4}, out);
}

int charges_get_epochs(struct mtr_charges_txn *txn, struct mtr_str *out)
{
    int rc = charges_get(txn, TABLE_META, CHARGES_META_EPOCHS, sizeof(CHARGES_META_EPOCHS) - 1, out);
    if (rc == MTR_ENOTFOUND) *out = (struct mtr_str){"", 0};
    else if (!rc && out->size % CHARGES_EPOCH_BYTES) return MTR_ECORRUPT;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int charges_unpack_epoch(struct mtr_str epochs, size_t at, struct mtr_charges_epoch *out)
{
    struct unpacker unpacker = unpack_begin((struct mtr_str){epochs.data + at, CHARGES_EPOCH_BYTES});
    *out = (struct mtr_charges_epoch){.number = unpack_u64(&unpacker)};
    out->last_before = unpack_u64(&unpacker);
    out->began_us = unpack_i64(&unpacker);
    const int rc = unpack_end(&unpacker);
    return rc || out->last_before >= out->number ? MTR_ECORRUPT : MTR_OK;
}

int mtr_charges_get_epoch(struct mtr_charges_txn *txn, struct mtr_charges_epoch *out)
{
    struct mtr_str epochs;
    *out = (struct mtr_charges_epoch){.number = 0};
    int rc = charges_get_epochs(txn, &epochs);
    return rc || !epochs.size ? rc : charges_unpack_epoch(epochs, epochs.size - CHARGES_EPOCH_BYTES, out);
}

/* The number of the charge to which the cursor goes. */
static int charge_number_at(MDB_cursor *cursor, const struct sealed_table *charges, MDB_cursor_op op,
                            uint64_t from, uint64_t *out)
{
    unsigned char key[8];
    lmdb_put_u64(key, from);
    MDB_val k = lmdb_val(key, sizeof(key)), v;
    int rc = sealed_cursor_get(cursor, charges, &k, &v, op);
    if (!rc && k.mv_size != sizeof(key)) rc = MTR_ECORRUPT;
    if (!rc) *out = lmdb_get_u64(k.mv_data);
    return rc;
}

int mtr_charges_last_number(struct mtr_charges_txn *txn, uint64_t up_to, uint64_t *out)
{
    MDB_cursor *cursor = NULL;
    const struct sealed_table *charges = &txn->charges->tables[TABLE_CHARGES];
    int rc = lmdb_error(mdb_cursor_open(txn->lmdb, charges->dbi, &cursor));
    if (rc) return rc;
    rc = charge_number_at(cursor, charges, MDB_SET_RANGE, up_to, out);
    if (rc == MTR_ENOTFOUND) rc = charge_number_at(cursor, charges, MDB_LAST, 0, out);
    else if (!rc && *out > up_to) rc = charge_number_at(cursor, charges, MDB_PREV, 0, out);
    mdb_cursor_close(cursor);
    if (rc != MTR_ENOTFOUND) return rc;
    *out = 0;
    return MTR_OK;
}

int mtr_charges_number_after(struct mtr_charges_txn *txn, uint64_t number, uint64_t *out)
{
    MDB_cursor *cursor = NULL;
    if (number == UINT64_MAX) return MTR_ENOTFOUND;
    const struct sealed_table *charges = &txn->charges->tables[TABLE_CHARGES];
    int rc = lmdb_error(mdb_cursor_open(txn->lmdb, charges->dbi, &cursor));
    if (rc) return rc;
    rc = charge_number_at(cursor, charges, MDB_SET_RANGE, number + 1, out);
    mdb_cursor_close(cursor);
    return rc;
}

int mtr_charges_next_number(struct mtr_charges_txn *txn, uint64_t *out)
{
    struct mtr_charges_epoch epoch;
    uint64_t last;
    int rc = mtr_charges_last_number(txn, UINT64_MAX, &last);
    if (!rc) rc = mtr_charges_get_epoch(txn, &epoch);
    if (!rc) *out = (last > epoch.number ? last : epoch.number) + 1;
    return rc;
}

static int pack_charge(struct mtr_buffer *out, const struct mtr_charge *charge)
{
    struct packer packer = pack_begin(out);
    pack_hash(&packer, charge->id);
    pack_u8(&packer, (uint8_t)charge->status);
    pack_u32(&packer, charge->subscription);
    pack_instant(&packer, charge->period_start_us);
    pack_hash(&packer, charge->line);
    pack_i128(&packer, charge->quantity.e12);
    pack_i128(&packer, charge->quantity_delta.e12);
    pack_i128(&packer, charge->amount.e18);
    pack_i128(&packer, charge->emitted_before.e18);
    pack_u64(&packer, charge->previous);
    pack_u64(&packer, charge->trace);
    pack_i64(&packer, charge->created_us);
    pack_u64(&packer, charge->seq_first);
    pack_u64(&packer, charge->seq_last);
    pack_str(&packer, charge->body);
    pack_cost(&packer, charge->has_cost, charge->cost);
    return packer.error;
}

static int unpack_charge(struct mtr_str key, struct mtr_str value, struct mtr_charge *out)
{
    if (key.size != 8) return MTR_ECORRUPT;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charge charge = {.number = lmdb_get_u64((const unsigned char *)key.data)};
    charge.id = unpack_hash(&unpacker);
    uint8_t status = unpack_u8(&unpacker);
    charge.status = (enum mtr_charge_status)status;
    charge.subscription = unpack_u32(&unpacker);
    charge.period_start_us = unpack_instant(&unpacker);
    charge.line = unpack_hash(&unpacker);
    charge.quantity.e12 = unpack_i128(&unpacker);
    charge.quantity_delta.e12 = unpack_i128(&unpacker);
    charge.amount.e18 = unpack_i128(&unpacker);
    charge.emitted_before.e18 = unpack_i128(&unpacker);
    charge.previous = unpack_u64(&unpacker);
    charge.trace = unpack_u64(&unpacker);
    charge.created_us = unpack_i64(&unpacker);
    charge.seq_first = unpack_u64(&unpacker);
    charge.seq_last = unpack_u64(&unpacker);
    charge.body = unpack_str(&unpacker);
    charge.has_cost = unpack_cost(&unpacker, &charge.cost);
    if (unpack_end(&unpacker) || status > MTR_CHARGE_CORRECTION) return MTR_ECORRUPT;
    if (charge.previous >= charge.number || charge.seq_first > charge.seq_last) return MTR_ECORRUPT;
    if (charge.trace > charge.number || !charge.subscription) return MTR_ECORRUPT;
    *out = charge;
    return MTR_OK;
}

int mtr_charges_append(struct mtr_charges_txn *txn, const struct mtr_charge *charge)
{
    uint64_t next = 0;
    unsigned char key[8];
    unsigned char id[16];
    int rc = mtr_charges_next_number(txn, &next);
    if (rc) return rc;
    MTR_ASSERT(charge->number == next); /* dense: who walks them misses none */
    MTR_ASSERT(charge->previous < charge->number && charge->trace <= charge->number);
    MTR_ASSERT(charge->seq_first <= charge->seq_last && charge->subscription > 0);
    lmdb_put_u64(key, charge->number);
    put_hash(id, charge->id);
    rc = charges_put(txn, TABLE_IDS, id, sizeof(id), (struct mtr_str){(char *)key, sizeof(key)},
                     MDB_NOOVERWRITE);
    if (!rc) rc = pack_charge(&txn->scratch, charge);
    if (!rc)
        rc = charges_put(txn, TABLE_CHARGES, key, sizeof(key), mtr_buffer_str(&txn->scratch), MDB_APPEND);
    return rc;
}

int mtr_charges_get(struct mtr_charges_txn *txn, uint64_t number, struct mtr_charge *out)
{
    unsigned char key[8];
    struct mtr_str value;
    lmdb_put_u64(key, number);
    int rc = charges_get(txn, TABLE_CHARGES, key, sizeof(key), &value);
    return rc ? rc : unpack_charge((struct mtr_str){(char *)key, sizeof(key)}, value, out);
}

int mtr_charges_get_last(struct mtr_charges_txn *txn, struct mtr_charge *out)
{
    uint64_t last;
    *out = (struct mtr_charge){.number = 0};
    int rc = mtr_charges_last_number(txn, UINT64_MAX, &last);
    if (!rc && last) rc = mtr_charges_get(txn, last, out);
    return rc;
}

int mtr_charges_find(struct mtr_charges_txn *txn, struct mtr_hash128 id, struct mtr_charge *out)
{
    unsigned char key[16];
    struct mtr_str value;
    put_hash(key, id);
    int rc = charges_get(txn, TABLE_IDS, key, sizeof(key), &value);
    if (rc) return rc;
    if (value.size != 8) return MTR_ECORRUPT;
    rc = mtr_charges_get(txn, lmdb_get_u64((const unsigned char *)value.data), out);
    return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
}

CHARGES_ROWS(charge, struct mtr_charge, unpack_charge)

int mtr_charges_walk(struct mtr_charges_txn *txn, uint64_t after, mtr_charges_on_charge on_charge,
                     void *context)
{
    struct charge_rows rows = {on_charge, context};
    unsigned char from[8];
    if (after == UINT64_MAX) return MTR_OK;
    lmdb_put_u64(from, after + 1);
    const struct charges_range range = {TABLE_CHARGES, from, sizeof(from), 0};
    return charges_walk(txn, &range, on_charge_row, &rows);
}

int mtr_charges_put_trace(struct mtr_charges_txn *txn, uint64_t number, struct mtr_str json)
{
    unsigned char key[8];
    MTR_ASSERT(number > 0 && json.size > 0);
    lmdb_put_u64(key, number);
    return charges_put(txn, TABLE_TRACES, key, sizeof(key), json, MDB_NOOVERWRITE);
}

int mtr_charges_get_trace(struct mtr_charges_txn *txn, uint64_t number, struct mtr_str *json)
{
    unsigned char key[8];
    lmdb_put_u64(key, number);
    return charges_get(txn, TABLE_TRACES, key, sizeof(key), json);
}
