/*
 * Messages, destinations and consumers of the charges store.
 *
 * Invariants: `queue` holds exactly the messages that are PENDING or ATTEMPTED; a destination's counts are
 * the numbers of its messages by state; a body is put once and never changed; single acks of a consumer lie
 * above its cursor.
 */
#include "lib/store/charges/charges_txn.h"

#include <string.h>

enum { DESTINATION_BYTES = 4, MESSAGE_KEY_BYTES = 12, CONSUMER_KEY_BYTES_MAX = 400 };

const char *mtr_message_state_name(enum mtr_message_state state)
{
    static const char *const names[MTR_MESSAGE_STATE_COUNT] = {"pending", "attempted", "acked", "rejected",
                                                               "unknown"};
    MTR_ASSERT((unsigned)state < MTR_MESSAGE_STATE_COUNT);
    return names[state];
}

static void message_key(unsigned char *p, uint32_t destination, uint64_t number)
{
    lmdb_put_u32(p, destination);
    lmdb_put_u64(p + 4, number);
}

static bool is_queued(enum mtr_message_state state)
{
    return state == MTR_MESSAGE_PENDING || state == MTR_MESSAGE_ATTEMPTED;
}

/* The arrows of meterd/store/charges.h; a message stays where it is, too. */
static bool may_become(enum mtr_message_state from, enum mtr_message_state to)
{
    switch (from) {
    case MTR_MESSAGE_PENDING: return to != MTR_MESSAGE_REJECTED;
    case MTR_MESSAGE_ATTEMPTED: return true;
    case MTR_MESSAGE_REJECTED:
    case MTR_MESSAGE_UNKNOWN: return to == MTR_MESSAGE_PENDING || to == MTR_MESSAGE_ACKED;
    case MTR_MESSAGE_ACKED: return to == MTR_MESSAGE_PENDING;
    }
    return false;
}

static int unpack_message(struct mtr_str key, struct mtr_str value, struct mtr_message *out)
{
    if (key.size != MESSAGE_KEY_BYTES) return MTR_ECORRUPT;
    const unsigned char *k = (const unsigned char *)key.data;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_message message = {.destination = lmdb_get_u32(k), .number = lmdb_get_u64(k + 4)};
    message.id = unpack_hash(&unpacker);
    uint8_t state = unpack_u8(&unpacker);
    message.state = (enum mtr_message_state)state;
    message.attempts = unpack_u32(&unpacker);
    message.created_us = unpack_i64(&unpacker);
    message.attempted_us = unpack_i64(&unpacker);
    message.uncertain_us = unpack_i64(&unpacker);
    message.next_attempt_us = unpack_i64(&unpacker);
    message.last_status = (int32_t)unpack_u32(&unpacker);
    message.first_charge = unpack_u64(&unpacker);
    message.last_charge = unpack_u64(&unpacker);
    message.charge_count = unpack_u32(&unpacker);
    if (unpack_end(&unpacker) || state >= MTR_MESSAGE_STATE_COUNT) return MTR_ECORRUPT;
    if (!message.destination || !message.number || message.first_charge > message.last_charge)
        return MTR_ECORRUPT;
    *out = message;
    return MTR_OK;
}

static int pack_message(struct mtr_buffer *out, const struct mtr_message *message)
{
    struct packer packer = pack_begin(out);
    pack_hash(&packer, message->id);
    pack_u8(&packer, (uint8_t)message->state);
    pack_u32(&packer, message->attempts);
    pack_i64(&packer, message->created_us);
    pack_i64(&packer, message->attempted_us);
    pack_i64(&packer, message->uncertain_us);
    pack_i64(&packer, message->next_attempt_us);
    pack_u32(&packer, (uint32_t)message->last_status);
    pack_u64(&packer, message->first_charge);
    pack_u64(&packer, message->last_charge);
    pack_u32(&packer, message->charge_count);
    return packer.error;
}

int mtr_charges_get_message(struct mtr_charges_txn *txn, uint32_t destination, uint64_t number,
                            struct mtr_message *out)
{
    unsigned char key[MESSAGE_KEY_BYTES];
    struct mtr_str value;
    message_key(key, destination, number);
    int rc = charges_get(txn, TABLE_MESSAGES, key, sizeof(key), &value);
    return rc ? rc : unpack_message((struct mtr_str){(char *)key, sizeof(key)}, value, out);
}

/* Moves the message from its old state (NULL: it is new) to its new one in queue, ids and counts. */
static int move_message(struct mtr_charges_txn *txn, const struct mtr_message *old,
                        const struct mtr_message *message, const unsigned char *key)
{
    struct mtr_charge_destination destination;
    unsigned char id[16];
    int rc = mtr_charges_get_destination(txn, message->destination, &destination);
    if (rc) return rc;
    if (old) {
        MTR_ASSERT(old->id.high == message->id.high && old->id.low == message->id.low);
        MTR_ASSERT(may_become(old->state, message->state));
        if (destination.counts[old->state] == 0) return MTR_ECORRUPT;
        destination.counts[old->state]--;
    } else {
        put_hash(id, message->id);
        rc = charges_put(txn, TABLE_MESSAGE_IDS, id, sizeof(id),
                         (struct mtr_str){(const char *)key, MESSAGE_KEY_BYTES}, MDB_NOOVERWRITE);
        if (rc) return rc;
        if (message->number > destination.last_message) destination.last_message = message->number;
    }
    destination.counts[message->state]++;
    rc = mtr_charges_put_destination(txn, &destination);
    if (rc) return rc;
    bool was_queued = old && is_queued(old->state);
    if (was_queued && !is_queued(message->state))
        return charges_delete(txn, TABLE_QUEUE, key, MESSAGE_KEY_BYTES);
    if (!was_queued && is_queued(message->state))
        return charges_put(txn, TABLE_QUEUE, key, MESSAGE_KEY_BYTES, (struct mtr_str){"", 0}, 0);
    return MTR_OK;
}

int mtr_charges_put_message(struct mtr_charges_txn *txn, const struct mtr_message *message)
{
    struct mtr_message old;
    unsigned char key[MESSAGE_KEY_BYTES];
    MTR_ASSERT(message->destination > 0 && message->number > 0);
    MTR_ASSERT(message->first_charge <= message->last_charge);
    message_key(key, message->destination, message->number);
    int rc = mtr_charges_get_message(txn, message->destination, message->number, &old);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    bool is_new = rc == MTR_ENOTFOUND;
    if (is_new || old.state != message->state) {
        rc = move_message(txn, is_new ? NULL : &old, message, key);
        if (rc) return rc;
    }
    rc = pack_message(&txn->scratch, message);
    return rc ? rc : charges_put(txn, TABLE_MESSAGES, key, sizeof(key), mtr_buffer_str(&txn->scratch), 0);
}

int mtr_charges_find_message(struct mtr_charges_txn *txn, struct mtr_hash128 id, struct mtr_message *out)
{
    unsigned char key[16];
    struct mtr_str value;
    put_hash(key, id);
    int rc = charges_get(txn, TABLE_MESSAGE_IDS, key, sizeof(key), &value);
    if (rc) return rc;
    if (value.size != MESSAGE_KEY_BYTES) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)value.data;
    rc = mtr_charges_get_message(txn, lmdb_get_u32(p), lmdb_get_u64(p + 4), out);
    return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
}

struct first_row {
    bool found;
    uint64_t number;
};

static int on_first_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct first_row *first = context;
    (void)value;
    if (key.size != MESSAGE_KEY_BYTES) return MTR_ECORRUPT;
    first->found = true;
    first->number = lmdb_get_u64((const unsigned char *)key.data + 4);
    return 1;
}

int mtr_charges_first_queued(struct mtr_charges_txn *txn, uint32_t destination, uint64_t after,
                             struct mtr_message *out)
{
    struct first_row first = {0};
    unsigned char from[MESSAGE_KEY_BYTES];
    MTR_ASSERT(after < UINT64_MAX);
    message_key(from, destination, after + 1);
    const struct charges_range range = {TABLE_QUEUE, from, sizeof(from), DESTINATION_BYTES};
    int rc = charges_walk(txn, &range, on_first_row, &first);
    if (rc < 0) return rc;
    if (!first.found) return MTR_ENOTFOUND;
    rc = mtr_charges_get_message(txn, destination, first.number, out);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    return is_queued(out->state) ? MTR_OK : MTR_ECORRUPT;
}

int mtr_charges_put_message_body(struct mtr_charges_txn *txn, const struct mtr_message *message,
                                 struct mtr_str body)
{
    unsigned char key[MESSAGE_KEY_BYTES];
    MTR_ASSERT(body.size > 0);
    message_key(key, message->destination, message->number);
    return charges_put(txn, TABLE_BODIES, key, sizeof(key), body, MDB_NOOVERWRITE);
}

int mtr_charges_get_message_body(struct mtr_charges_txn *txn, uint32_t destination, uint64_t number,
                                 struct mtr_str *body)
{
    unsigned char key[MESSAGE_KEY_BYTES];
    message_key(key, destination, number);
    return charges_get(txn, TABLE_BODIES, key, sizeof(key), body);
}

CHARGES_ROWS(message, struct mtr_message, unpack_message)

int mtr_charges_walk_messages(struct mtr_charges_txn *txn, uint32_t destination, uint64_t after,
                              mtr_charges_on_message on_message, void *context)
{
    struct message_rows rows = {on_message, context};
    unsigned char from[MESSAGE_KEY_BYTES];
    struct charges_range range = {.table = TABLE_MESSAGES};
    if (!destination) return charges_walk(txn, &range, on_message_row, &rows);
    if (after == UINT64_MAX) return MTR_OK;
    message_key(from, destination, after + 1);
    range = (struct charges_range){TABLE_MESSAGES, from, sizeof(from), DESTINATION_BYTES};
    return charges_walk(txn, &range, on_message_row, &rows);
}

int mtr_charges_get_destination(struct mtr_charges_txn *txn, uint32_t number,
                                struct mtr_charge_destination *out)
{
    unsigned char key[4];
    struct mtr_str value;
    lmdb_put_u32(key, number);
    int rc = charges_get(txn, TABLE_DESTINATIONS, key, sizeof(key), &value);
    if (rc == MTR_ENOTFOUND) {
        *out = (struct mtr_charge_destination){.number = number};
        return MTR_OK;
    }
    if (rc) return rc;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charge_destination destination = {.number = number, .charge_cursor = unpack_u64(&unpacker)};
    destination.last_message = unpack_u64(&unpacker);
    for (int i = 0; i < MTR_MESSAGE_STATE_COUNT; i++) destination.counts[i] = unpack_u64(&unpacker);
    if (unpacker.at < unpacker.end) { /* records of before there were epochs end here */
        destination.epoch = unpack_u64(&unpacker);
        destination.notice = unpack_u64(&unpacker);
    }
    rc = unpack_end(&unpacker);
    if (!rc) *out = destination;
    return rc;
}

int mtr_charges_put_destination(struct mtr_charges_txn *txn, const struct mtr_charge_destination *destination)
{
    unsigned char key[4];
    MTR_ASSERT(destination->number > 0);
    lmdb_put_u32(key, destination->number);
    struct packer packer = pack_begin(&txn->scratch);
    pack_u64(&packer, destination->charge_cursor);
    pack_u64(&packer, destination->last_message);
    for (int i = 0; i < MTR_MESSAGE_STATE_COUNT; i++) pack_u64(&packer, destination->counts[i]);
    if (destination->epoch || destination->notice) {
        pack_u64(&packer, destination->epoch);
        pack_u64(&packer, destination->notice);
    }
    if (packer.error) return packer.error;
    return charges_put(txn, TABLE_DESTINATIONS, key, sizeof(key), mtr_buffer_str(&txn->scratch), 0);
}

/* name, NUL, number: names hold no NUL (mtr_pull checks). */
static size_t ack_key(unsigned char *p, struct mtr_str name, uint64_t number)
{
    MTR_ASSERT(name.size > 0 && name.size + 9 <= CONSUMER_KEY_BYTES_MAX &&
               !memchr(name.data, '\0', name.size));
    memcpy(p, name.data, name.size);
    p[name.size] = '\0';
    lmdb_put_u64(p + name.size + 1, number);
    return name.size + 9;
}

int mtr_charges_get_consumer(struct mtr_charges_txn *txn, struct mtr_str name,
                             struct mtr_charge_consumer *out)
{
    struct mtr_str value;
    *out = (struct mtr_charge_consumer){.name = name};
    int rc = charges_get(txn, TABLE_CONSUMERS, name.data, name.size, &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    struct unpacker unpacker = unpack_begin(value);
    out->up_to = unpack_u64(&unpacker);
    if (unpacker.at < unpacker.end) out->epoch = unpack_u64(&unpacker); /* of before there were epochs: 0 */
    return unpack_end(&unpacker);
}

struct ack_search {
    size_t key_size; /* of every ack of that consumer */
    uint64_t up_to;
    uint64_t number; /* found; 0: none */
};

static int on_ack_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct ack_search *search = context;
    (void)value;
    if (key.size != search->key_size) return MTR_ECORRUPT;
    uint64_t number = lmdb_get_u64((const unsigned char *)key.data + key.size - 8);
    search->number = number <= search->up_to ? number : 0;
    return 1;
}

int mtr_charges_drop_acks(struct mtr_charges_txn *txn, struct mtr_str name, uint64_t up_to)
{
    unsigned char key[CONSUMER_KEY_BYTES_MAX];
    for (;;) {
        size_t size = ack_key(key, name, 0);
        struct ack_search search = {.key_size = size, .up_to = up_to};
        const struct charges_range range = {TABLE_ACKS, key, size, size - 8};
        int rc = charges_walk(txn, &range, on_ack_row, &search);
        if (rc < 0) return rc;
        if (!search.number) return MTR_OK;
        size = ack_key(key, name, search.number);
        rc = charges_delete(txn, TABLE_ACKS, key, size);
        if (rc) return rc;
    }
}

int mtr_charges_put_consumer(struct mtr_charges_txn *txn, const struct mtr_charge_consumer *consumer)
{
    MTR_ASSERT(consumer->name.size > 0);
    struct packer packer = pack_begin(&txn->scratch);
    pack_u64(&packer, consumer->up_to);
    if (consumer->epoch) pack_u64(&packer, consumer->epoch);
    if (packer.error) return packer.error;
    int rc = charges_put(txn, TABLE_CONSUMERS, consumer->name.data, consumer->name.size,
                         mtr_buffer_str(&txn->scratch), 0);
    return rc ? rc : mtr_charges_drop_acks(txn, consumer->name, consumer->up_to);
}

int mtr_charges_put_ack(struct mtr_charges_txn *txn, struct mtr_str name, uint64_t number)
{
    unsigned char key[CONSUMER_KEY_BYTES_MAX];
    MTR_ASSERT(number > 0);
    size_t size = ack_key(key, name, number);
    return charges_put(txn, TABLE_ACKS, key, size, (struct mtr_str){"", 0}, 0);
}

bool mtr_charges_has_ack(struct mtr_charges_txn *txn, struct mtr_str name, uint64_t number)
{
    unsigned char key[CONSUMER_KEY_BYTES_MAX];
    struct mtr_str value;
    size_t size = ack_key(key, name, number);
    return charges_get(txn, TABLE_ACKS, key, size, &value) == MTR_OK;
}
