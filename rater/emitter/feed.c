/*
 * The pull feed and the consumers' acks. Stateless: everything stands in the charges store.
 *
 * Invariants: single acks lie above the cursor; an ack that closes the gap to the cursor moves it. A cursor
 * is the number of a charge that there is: one of a charge that was lost is refused, and so is a consumer
 * that may have such charges, until it says otherwise.
 */
#include "meterd/emitter/feed.h"

#include <string.h>

enum { STOP = 1 };

struct pulling {
    struct mtr_charges_txn *txn;
    struct mtr_pull *pull;
    mtr_charges_on_charge on_charge;
    void *context;
};

static bool is_wanted(const struct pulling *pulling, const struct mtr_charge *charge)
{
    const struct mtr_pull_request *request = &pulling->pull->request;
    if (request->skip_drafts && charge->status == MTR_CHARGE_DRAFT) return false;
    if (request->subscription && charge->subscription != request->subscription) return false;
    return request->has_after || !request->consumer.size ||
           !mtr_charges_has_ack(pulling->txn, request->consumer, charge->number);
}

static int on_charge_pulled(void *context, const struct mtr_charge *charge)
{
    struct pulling *pulling = context;
    struct mtr_pull *pull = pulling->pull;
    if (pull->request.hidden_from && charge->number >= pull->request.hidden_from) {
        pull->is_done = true;
        return STOP;
    }
    bool wanted = is_wanted(pulling, charge);
    if (pull->scanned == MTR_PULL_SCAN_MAX || (wanted && pull->given == pull->request.limit)) {
        pull->is_done = pull->has_more = true;
        return STOP;
    }
    pull->scanned++;
    pull->next_after = charge->number;
    if (!wanted) return MTR_OK;
    pull->given++;
    int rc = pulling->on_charge(pulling->context, charge);
    MTR_ASSERT(rc <= STOP);
    return rc;
}

static bool is_consumer_name(struct mtr_str name)
{
    if (!name.size || name.size > MTR_CONSUMER_BYTES_MAX || !mtr_str_is_utf8(name)) return false;
    for (size_t i = 0; i < name.size; i++)
        if ((unsigned char)name.data[i] < 0x20) return false;
    return true;
}

/* Is it the number of a charge that may be told? */
static int check_cursor(struct mtr_charges_txn *txn, uint64_t after, uint64_t hidden_from,
                        struct mtr_pull_lost *lost)
{
    uint64_t last;
    int rc = mtr_charges_last_number(txn, after, &last);
    if (!rc && hidden_from && last >= hidden_from) rc = mtr_charges_last_number(txn, hidden_from - 1, &last);
    if (rc || last == after) return rc;
    lost->valid_up_to = last;
    return MTR_ECLOSED;
}

/* Does it know of the epoch, or has none begun since it was seen? */
static int check_consumer(struct mtr_charges_txn *txn, const struct mtr_charge_consumer *consumer,
                          struct mtr_pull_lost *lost)
{
    struct mtr_charges_epoch next;
    int rc = mtr_charges_next_epoch(txn, consumer->epoch, &next);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    lost->valid_up_to = next.last_before;
    return MTR_ECLOSED;
}

static int find_epoch(struct mtr_charges_txn *txn, struct mtr_pull_lost *lost)
{
    struct mtr_charges_epoch epoch;
    *lost = (struct mtr_pull_lost){0, 0};
    int rc = mtr_charges_get_epoch(txn, &epoch);
    lost->epoch = epoch.number;
    return rc ? rc : mtr_charges_last_number(txn, UINT64_MAX, &lost->valid_up_to);
}

int mtr_pull_begin(struct mtr_charges_txn *txn, const struct mtr_pull_request *request, struct mtr_pull *out)
{
    struct mtr_charge_consumer consumer;
    if (!request->limit || request->limit > MTR_PULL_LIMIT_MAX) return MTR_EINVALID;
    if (request->consumer.size && !is_consumer_name(request->consumer)) return MTR_EINVALID;
    *out = (struct mtr_pull){.request = *request, .next_after = request->has_after ? request->after : 0};
    int rc = find_epoch(txn, &out->lost);
    if (!rc && request->has_after)
        return check_cursor(txn, request->after, request->hidden_from, &out->lost);
    if (rc || !request->consumer.size) return rc;
    rc = mtr_charges_get_consumer(txn, request->consumer, &consumer);
    if (!rc) rc = check_consumer(txn, &consumer, &out->lost);
    out->next_after = consumer.up_to;
    return rc;
}

int mtr_pull_walk(struct mtr_charges_txn *txn, struct mtr_pull *pull, mtr_charges_on_charge on_charge,
                  void *context)
{
    struct pulling pulling = {.txn = txn, .pull = pull, .on_charge = on_charge, .context = context};
    MTR_ASSERT(!pull->is_done);
    int rc = mtr_charges_walk(txn, pull->next_after, on_charge_pulled, &pulling);
    MTR_ASSERT(pull->given <= pull->request.limit && pull->scanned <= MTR_PULL_SCAN_MAX);
    if (!rc) pull->is_done = true; /* up to the last charge that there is */
    return rc == STOP ? MTR_OK : rc;
}

/* Moves the cursor over single acks that follow it without a gap. */
static int move_cursor(struct mtr_charges_txn *txn, struct mtr_charge_consumer *consumer)
{
    const uint64_t began = consumer->up_to;
    uint64_t next;
    int rc;
    while (!(rc = mtr_charges_number_after(txn, consumer->up_to, &next)) &&
           mtr_charges_has_ack(txn, consumer->name, next))
        consumer->up_to = next;
    MTR_ASSERT(consumer->up_to >= began); /* what was acknowledged stays so */
    return rc && rc != MTR_ENOTFOUND ? rc : mtr_charges_put_consumer(txn, consumer);
}

/* As mtr_pull_ack_begin. */
static int begin_ack(struct mtr_charges_txn *txn, struct mtr_str name, struct mtr_charge_consumer *out,
                     struct mtr_pull_lost *lost)
{
    if (!is_consumer_name(name)) return MTR_EINVALID;
    int rc = find_epoch(txn, lost);
    if (!rc) rc = mtr_charges_get_consumer(txn, name, out);
    return rc ? rc : check_consumer(txn, out, lost);
}

int mtr_pull_ack_begin(struct mtr_charges_txn *txn, struct mtr_str name, struct mtr_pull_lost *lost)
{
    struct mtr_charge_consumer consumer;
    return begin_ack(txn, name, &consumer, lost);
}

int mtr_pull_reconcile(struct mtr_charges_txn *txn, struct mtr_str name, uint64_t epoch, uint64_t up_to,
                       struct mtr_pull_lost *lost)
{
    struct mtr_charge_consumer consumer;
    int rc = begin_ack(txn, name, &consumer, lost);
    if (!rc && epoch == lost->epoch) return MTR_OK; /* said before */
    if (rc && rc != MTR_ECLOSED) return rc;
    if (epoch != lost->epoch || up_to > lost->valid_up_to) return MTR_ECLOSED;
    rc = check_cursor(txn, up_to, 0, lost);
    if (!rc) rc = mtr_charges_drop_acks(txn, name, UINT64_MAX);
    consumer.up_to = up_to;
    consumer.epoch = epoch;
    return rc ? rc : mtr_charges_put_consumer(txn, &consumer);
}

int mtr_pull_ack_up_to(struct mtr_charges_txn *txn, struct mtr_str name, uint64_t up_to,
                       struct mtr_pull_lost *lost)
{
    struct mtr_charge_consumer consumer;
    int rc = begin_ack(txn, name, &consumer, lost);
    if (rc || up_to <= consumer.up_to) return rc ? rc : move_cursor(txn, &consumer);
    rc = check_cursor(txn, up_to, 0, lost);
    consumer.up_to = up_to;
    return rc ? rc : move_cursor(txn, &consumer);
}

int mtr_pull_ack_id(struct mtr_charges_txn *txn, struct mtr_str name, struct mtr_hash128 id,
                    struct mtr_pull_lost *lost)
{
    struct mtr_charge charge;
    struct mtr_charge_consumer consumer;
    uint64_t next;
    int rc = begin_ack(txn, name, &consumer, lost);
    if (!rc) rc = mtr_charges_find(txn, id, &charge);
    if (rc || charge.number <= consumer.up_to) return rc;
    rc = mtr_charges_put_ack(txn, name, charge.number);
    if (!rc) rc = mtr_charges_number_after(txn, consumer.up_to, &next);
    return rc || next != charge.number ? rc : move_cursor(txn, &consumer);
}
