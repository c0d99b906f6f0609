/*
 * The pull feed and the consumers' acks. Stateless: everything stands in the charges store.
 *
 * Invariant: single acks lie above the cursor; an ack that closes the gap to the cursor moves it.
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

int mtr_pull_begin(struct mtr_charges_txn *txn, const struct mtr_pull_request *request, struct mtr_pull *out)
{
    if (!request->limit || request->limit > MTR_PULL_LIMIT_MAX) return MTR_EINVALID;
    if (request->consumer.size && !is_consumer_name(request->consumer)) return MTR_EINVALID;
    *out = (struct mtr_pull){.request = *request, .next_after = request->has_after ? request->after : 0};
    if (request->has_after || !request->consumer.size) return MTR_OK;
    return mtr_charges_get_consumer(txn, request->consumer, &out->next_after);
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
static int move_cursor(struct mtr_charges_txn *txn, struct mtr_str consumer, uint64_t up_to)
{
    const uint64_t began = up_to;
    while (mtr_charges_has_ack(txn, consumer, up_to + 1)) up_to++;
    MTR_ASSERT(up_to >= began); /* what was acknowledged stays so */
    return mtr_charges_put_consumer(txn, consumer, up_to);
}

int mtr_pull_ack_up_to(struct mtr_charges_txn *txn, struct mtr_str consumer, uint64_t up_to)
{
    uint64_t next = 0, current = 0;
    if (!is_consumer_name(consumer)) return MTR_EINVALID;
    int rc = mtr_charges_next_number(txn, &next);
    if (rc) return rc;
    if (up_to >= next) return MTR_EINVALID;
    rc = mtr_charges_get_consumer(txn, consumer, &current);
    if (rc) return rc;
    return move_cursor(txn, consumer, up_to > current ? up_to : current);
}

int mtr_pull_ack_id(struct mtr_charges_txn *txn, struct mtr_str consumer, struct mtr_hash128 id)
{
    struct mtr_charge charge;
    uint64_t current = 0;
    if (!is_consumer_name(consumer)) return MTR_EINVALID;
    int rc = mtr_charges_find(txn, id, &charge);
    if (!rc) rc = mtr_charges_get_consumer(txn, consumer, &current);
    if (rc || charge.number <= current) return rc;
    rc = mtr_charges_put_ack(txn, consumer, charge.number);
    if (rc || charge.number != current + 1) return rc;
    return move_cursor(txn, consumer, current);
}
