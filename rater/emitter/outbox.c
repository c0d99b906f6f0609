/*
 * The outbox's step: results in, messages formed and marked ATTEMPTED, commit, then out to the sender.
 *
 * Invariants: a message is sent only after its ATTEMPTED state is durable; its bytes and id never change; at
 * most one message of a destination is in flight; what is in flight is known in memory only, so after a
 * restart an ATTEMPTED message counts as uncertain and is sent again. Thread: step on the rater's;
 * mtr_outbox_on_result on any: the slots of what is in flight are the mailbox, under the mutex. It does not
 * sign, connect or wait.
 */
#include "meterd/emitter/outbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/emitter/destination.h"
#include "rater/emitter/outbox_notice.h"

struct flight {
    bool taken;
    bool answered;
    char id[MTR_MESSAGE_ID_TEXT_BYTES];
    uint32_t destination;
    uint64_t number;
    struct mtr_outbox_result result;
};

struct departure { /* marked ATTEMPTED in this step, sent after the commit */
    struct mtr_message message;
    const struct mtr_destination *destination;
};

struct mtr_outbox {
    struct mtr_charges *charges;
    struct mtr_sender sender;
    struct mtr_outbox_options options;
    struct mtr_buffer body;
    struct departure *departures; /* MTR_OUTBOX_IN_FLIGHT_MAX */
    uint32_t departure_count;
    pthread_mutex_t mutex;  /* of flights */
    struct flight *flights; /* MTR_OUTBOX_IN_FLIGHT_MAX */
};

struct outbox_step {
    struct mtr_outbox *outbox;
    struct mtr_charges_txn *txn;
    uint64_t epoch; /* of the store */
    int64_t now_us;
    bool changed;
    bool more;
    struct mtr_outbox_step_result *result;
};

struct mtr_outbox_options mtr_outbox_options_default(void)
{
    return (struct mtr_outbox_options){
        .backoff_min_us = MTR_US_PER_SECOND,
        .backoff_max_us = 600 * MTR_US_PER_SECOND,
        .seed = 1,
        .scan_charges_max = 4096,
        .body_bytes_max = 4 << 20,
    };
}

int mtr_outbox_open(struct mtr_charges *charges, const struct mtr_sender *sender,
                    const struct mtr_outbox_options *options, struct mtr_outbox **out)
{
    if (options->backoff_min_us < 1 || options->backoff_max_us < options->backoff_min_us ||
        !options->scan_charges_max)
        return MTR_EINVALID;
    struct mtr_outbox *outbox = calloc(1, sizeof(*outbox));
    if (!outbox) return MTR_ENOMEM;
    outbox->charges = charges;
    outbox->sender = *sender;
    outbox->options = *options;
    mtr_buffer_init(&outbox->body, SIZE_MAX / 2); /* bounded by body_bytes_max and one charge more */
    MTR_ASSERT(pthread_mutex_init(&outbox->mutex, NULL) == 0);
    outbox->departures = calloc(MTR_OUTBOX_IN_FLIGHT_MAX, sizeof(*outbox->departures));
    outbox->flights = calloc(MTR_OUTBOX_IN_FLIGHT_MAX, sizeof(*outbox->flights));
    if (!outbox->departures || !outbox->flights) {
        mtr_outbox_close(outbox);
        return MTR_ENOMEM;
    }
    *out = outbox;
    return MTR_OK;
}

void mtr_outbox_close(struct mtr_outbox *outbox)
{
    if (!outbox) return;
    mtr_buffer_release(&outbox->body);
    pthread_mutex_destroy(&outbox->mutex);
    free(outbox->departures);
    free(outbox->flights);
    free(outbox);
}

/* ---- flights ---- */

/* Is something of that destination in flight? Slots whose result this step applies are free as soon as it
 * commits. */
static bool is_in_flight(struct mtr_outbox *outbox, uint32_t destination, const bool *applied)
{
    bool found = false;
    pthread_mutex_lock(&outbox->mutex);
    for (int i = 0; i < MTR_OUTBOX_IN_FLIGHT_MAX && !found; i++)
        found = outbox->flights[i].taken && !applied[i] && outbox->flights[i].destination == destination;
    pthread_mutex_unlock(&outbox->mutex);
    return found;
}

static uint32_t count_free(struct mtr_outbox *outbox, const bool *applied)
{
    uint32_t count = 0;
    pthread_mutex_lock(&outbox->mutex);
    for (int i = 0; i < MTR_OUTBOX_IN_FLIGHT_MAX; i++) count += !outbox->flights[i].taken || applied[i];
    pthread_mutex_unlock(&outbox->mutex);
    return count;
}

static void take_flight(struct mtr_outbox *outbox, const struct mtr_message *message)
{
    pthread_mutex_lock(&outbox->mutex);
    int i = 0;
    while (i < MTR_OUTBOX_IN_FLIGHT_MAX && outbox->flights[i].taken) {
        MTR_ASSERT(outbox->flights[i].destination != message->destination); /* one at a time of each */
        i++;
    }
    MTR_ASSERT(i < MTR_OUTBOX_IN_FLIGHT_MAX);
    struct flight *flight = &outbox->flights[i];
    *flight = (struct flight){.taken = true, .destination = message->destination, .number = message->number};
    mtr_message_id_format(message->id, flight->id);
    pthread_mutex_unlock(&outbox->mutex);
}

void mtr_outbox_on_result(struct mtr_outbox *outbox, struct mtr_str message_id,
                          const struct mtr_outbox_result *result)
{
    MTR_ASSERT(result->body_size <= sizeof(result->body));
    pthread_mutex_lock(&outbox->mutex);
    for (int i = 0; i < MTR_OUTBOX_IN_FLIGHT_MAX; i++) {
        struct flight *flight = &outbox->flights[i];
        if (!flight->taken || flight->answered || !mtr_str_equal(mtr_str_from(flight->id), message_id))
            continue;
        flight->result = *result;
        flight->answered = true;
    }
    pthread_mutex_unlock(&outbox->mutex);
}

/* ---- results ---- */

/* Full jitter: 0…backoff, from seed, message and attempt alone. */
static int64_t wait_us(const struct mtr_outbox_options *options, const struct mtr_message *message,
                       int64_t retry_after_us)
{
    int64_t ceiling = options->backoff_min_us;
    for (uint32_t i = 1; i < message->attempts && ceiling < options->backoff_max_us; i++) ceiling *= 2;
    if (ceiling > options->backoff_max_us) ceiling = options->backoff_max_us;
    const uint64_t words[] = {message->id.high, message->id.low, message->attempts};
    int64_t wait =
        (int64_t)(XXH3_64bits_withSeed(words, sizeof(words), options->seed) % (uint64_t)(ceiling + 1));
    if (retry_after_us > options->backoff_max_us) retry_after_us = options->backoff_max_us;
    MTR_ASSERT(wait >= 0 && wait <= options->backoff_max_us && retry_after_us <= options->backoff_max_us);
    return wait > retry_after_us ? wait : retry_after_us;
}

static struct outbox_noticing notice_to(const struct outbox_step *step,
                                        const struct mtr_destination *destination)
{
    return (struct outbox_noticing){.txn = step->txn,
                                    .destination = destination,
                                    .epoch = step->epoch,
                                    .now_us = step->now_us,
                                    .body = &step->outbox->body};
}

/* What an answer to a notice means. One of an epoch before says nothing any more. */
static int apply_notice(struct outbox_step *step, const struct mtr_destination *destination,
                        const struct mtr_message *message, uint64_t up_to)
{
    struct mtr_charge_destination state;
    const struct outbox_noticing noticing = notice_to(step, destination);
    int rc = mtr_charges_get_destination(step->txn, message->destination, &state);
    if (rc || !destination || state.notice != message->number || message->last_charge != step->epoch)
        return rc;
    return outbox_answer_notice(&noticing, message, up_to);
}

static int apply_result(struct outbox_step *step, const struct mtr_catalog *catalog,
                        const struct flight *flight)
{
    struct mtr_message message;
    uint64_t up_to = 0;
    MTR_ASSERT(flight->taken && flight->answered);
    const struct mtr_destination *destination = mtr_catalog_destination(catalog, flight->destination);
    const struct mtr_destination_driver *driver =
        mtr_destination_driver_of(destination ? destination->kind : MTR_DESTINATION_HTTP);
    int rc = mtr_charges_get_message(step->txn, flight->destination, flight->number, &message);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    if (message.state != MTR_MESSAGE_ATTEMPTED) return MTR_OK;
    const struct mtr_outbox_notice notice = outbox_notice_of(&message);
    const enum mtr_delivery verdict = outbox_is_notice(&message)
                                          ? driver->judge_notice(&flight->result, &notice, &up_to)
                                          : driver->judge(&flight->result);
    message.last_status = flight->result.outcome == MTR_OUTCOME_ANSWERED ? flight->result.status : 0;
    switch (verdict) {
    case MTR_DELIVERED:
        message.state = MTR_MESSAGE_ACKED;
        step->result->delivered++;
        break;
    case MTR_DELIVERY_REJECTED:
        message.state = MTR_MESSAGE_REJECTED;
        step->result->rejected++;
        break;
    case MTR_DELIVERY_RETRY_UNCERTAIN:
    case MTR_DELIVERY_RETRY:
        if (verdict == MTR_DELIVERY_RETRY_UNCERTAIN && !message.uncertain_us)
            message.uncertain_us = message.attempted_us;
        message.state = MTR_MESSAGE_PENDING;
        message.next_attempt_us =
            step->now_us + wait_us(&step->outbox->options, &message, flight->result.retry_after_us);
        step->result->retried++;
        break;
    }
    step->changed = true;
    rc = mtr_charges_put_message(step->txn, &message);
    if (rc || !outbox_is_notice(&message) || message.state != MTR_MESSAGE_ACKED) return rc;
    return apply_notice(step, destination, &message, up_to);
}

/* Applies the answered flights; their slots are freed after the commit (free_applied), so that a failed
 * commit loses no result. */
static int apply_results(struct outbox_step *step, const struct mtr_catalog *catalog, bool *applied)
{
    struct mtr_outbox *outbox = step->outbox;
    int rc = MTR_OK;
    for (int i = 0; i < MTR_OUTBOX_IN_FLIGHT_MAX && !rc; i++) {
        pthread_mutex_lock(&outbox->mutex);
        applied[i] = outbox->flights[i].taken && outbox->flights[i].answered;
        pthread_mutex_unlock(&outbox->mutex);
        if (applied[i])
            rc = apply_result(step, catalog, &outbox->flights[i]); /* nobody else touches an answered slot */
    }
    return rc;
}

static void free_applied(struct mtr_outbox *outbox, const bool *applied)
{
    pthread_mutex_lock(&outbox->mutex);
    for (int i = 0; i < MTR_OUTBOX_IN_FLIGHT_MAX; i++) {
        MTR_ASSERT(!applied[i] || outbox->flights[i].taken);
        if (applied[i]) outbox->flights[i].taken = false;
    }
    pthread_mutex_unlock(&outbox->mutex);
}

/* ---- forming ---- */

struct forming {
    const struct mtr_destination *destination;
    const struct mtr_destination_driver *driver;
    const struct mtr_outbox_options *options;
    struct mtr_buffer *body;
    uint64_t cursor;
    uint64_t first;
    uint64_t last;
    uint32_t count;
    uint32_t scanned;
    bool more;
};

static int on_charge(void *context, const struct mtr_charge *charge)
{
    struct forming *forming = context;
    const uint32_t batch_max = forming->destination->batch_max ? forming->destination->batch_max : 1;
    if (forming->count == batch_max) return 1;
    if (forming->scanned == forming->options->scan_charges_max) {
        forming->more = true;
        return 1;
    }
    bool wanted = charge->status != MTR_CHARGE_DRAFT || forming->destination->drafts;
    if (wanted && forming->count &&
        forming->body->size + charge->body.size > forming->options->body_bytes_max)
        return 1;
    if (charge->number <= forming->cursor) return MTR_ECORRUPT;
    forming->scanned++;
    forming->cursor = charge->number;
    if (!wanted) return MTR_OK;
    int rc = forming->driver->add_charge(forming->body, forming->count++, charge);
    if (!forming->first) forming->first = charge->number;
    forming->last = charge->number;
    MTR_ASSERT(forming->first <= forming->last && forming->count <= batch_max);
    return rc;
}

static int store_message(struct outbox_step *step, const struct forming *forming,
                         const struct mtr_charge_destination *state)
{
    /* A charge goes into one message: after those of the message before, and none of them left out. */
    MTR_ASSERT(forming->count > 0 && forming->first > state->charge_cursor);
    MTR_ASSERT(forming->last <= forming->cursor);
    struct mtr_message message = {
        .destination = state->number,
        .number = state->last_message + 1,
        .state = MTR_MESSAGE_PENDING,
        .created_us = step->now_us,
        .next_attempt_us = step->now_us,
        .first_charge = forming->first,
        .last_charge = forming->last,
        .charge_count = forming->count,
    };
    message.id = outbox_message_id(forming->destination, message.number, mtr_buffer_str(forming->body));
    int rc = mtr_charges_put_message(step->txn, &message);
    return rc ? rc : mtr_charges_put_message_body(step->txn, &message, mtr_buffer_str(forming->body));
}

/* Freezes the next charges of a destination as a message, when there are any. */
static int form_message(struct outbox_step *step, const struct mtr_destination *destination,
                        const struct mtr_destination_driver *driver)
{
    struct mtr_outbox *outbox = step->outbox;
    struct mtr_charge_destination state;
    struct forming forming = {
        .destination = destination, .driver = driver, .options = &outbox->options, .body = &outbox->body};
    int rc = mtr_charges_get_destination(step->txn, destination->number, &state);
    if (rc) return rc;
    forming.cursor = state.charge_cursor;
    mtr_buffer_reset(&outbox->body);
    rc = driver->begin_body(&outbox->body, step->now_us);
    if (!rc) rc = mtr_charges_walk(step->txn, state.charge_cursor, on_charge, &forming);
    if (rc < 0) return rc;
    step->more |= forming.more;
    if (forming.cursor == state.charge_cursor) return MTR_OK;
    step->changed = true;
    if (forming.count) {
        rc = driver->end_body(&outbox->body);
        if (!rc) rc = store_message(step, &forming, &state);
        if (!rc) rc = mtr_charges_get_destination(step->txn, destination->number, &state);
        if (rc) return rc;
    }
    MTR_ASSERT(forming.cursor > state.charge_cursor); /* it never goes back: no charge is sent twice */
    state.charge_cursor = forming.cursor;
    return mtr_charges_put_destination(step->txn, &state);
}

/* ---- departing ---- */

static int depart(struct outbox_step *step, const struct mtr_destination *destination,
                  struct mtr_message *message)
{
    struct mtr_outbox *outbox = step->outbox;
    MTR_ASSERT(message->state == MTR_MESSAGE_PENDING || message->state == MTR_MESSAGE_ATTEMPTED);
    MTR_ASSERT(outbox->departure_count < MTR_OUTBOX_IN_FLIGHT_MAX);
    step->changed = true;
    if (message->state == MTR_MESSAGE_ATTEMPTED && !message->uncertain_us)
        message->uncertain_us = message->attempted_us; /* a crash */
    if (message->uncertain_us && !outbox_is_notice(message) &&
        step->now_us - message->uncertain_us > MTR_OUTBOX_CERTAIN_US) {
        message->state = MTR_MESSAGE_UNKNOWN;
        step->result->unknown++;
        step->more = true; /* the next one of this destination */
        return mtr_charges_put_message(step->txn, message);
    }
    message->state = MTR_MESSAGE_ATTEMPTED;
    message->attempts++;
    message->attempted_us = step->now_us;
    outbox->departures[outbox->departure_count++] = (struct departure){*message, destination};
    return mtr_charges_put_message(step->txn, message);
}

static int depart_when_due(struct outbox_step *step, const struct mtr_destination *destination,
                           struct mtr_message *message)
{
    /* No wait is longer than backoff_max: one that is was made by a clock that was ahead, and is over. */
    if (message->state == MTR_MESSAGE_PENDING && message->next_attempt_us > step->now_us &&
        message->next_attempt_us - step->now_us <= step->outbox->options.backoff_max_us) {
        if (message->next_attempt_us < step->result->next_due_us)
            step->result->next_due_us = message->next_attempt_us;
        return MTR_OK;
    }
    return depart(step, destination, message);
}

/* The receiver is to be reconciled first. Rejected or unknown, the notice waits for an operator. */
static int serve_notice(struct outbox_step *step, const struct mtr_destination *destination)
{
    struct mtr_message notice;
    bool is_new;
    const struct outbox_noticing noticing = notice_to(step, destination);
    int rc = outbox_find_notice(&noticing, &notice, &is_new);
    if (rc) return rc;
    step->changed |= is_new;
    switch (notice.state) {
    case MTR_MESSAGE_PENDING:
    case MTR_MESSAGE_ATTEMPTED: return depart_when_due(step, destination, &notice);
    case MTR_MESSAGE_REJECTED:
    case MTR_MESSAGE_UNKNOWN: break;
    case MTR_MESSAGE_ACKED: return MTR_ECORRUPT; /* with it the destination was settled */
    }
    return MTR_OK;
}

/* The next one that waits, or is made now. MTR_ENOTFOUND: there is none. */
static int find_next(struct outbox_step *step, const struct mtr_destination *destination,
                     struct mtr_message *message)
{
    int rc = mtr_charges_first_queued(step->txn, destination->number, 0, message);
    if (rc != MTR_ENOTFOUND) return rc;
    rc = form_message(step, destination, mtr_destination_driver_of(destination->kind));
    return rc ? rc : mtr_charges_first_queued(step->txn, destination->number, 0, message);
}

static int serve_destination(struct outbox_step *step, const struct mtr_destination *destination,
                             const bool *applied)
{
    struct mtr_charge_destination state;
    struct mtr_message message;
    if (destination->disabled || is_in_flight(step->outbox, destination->number, applied))
        return MTR_OK;
    int rc = mtr_charges_get_destination(step->txn, destination->number, &state);
    if (rc) return rc;
    if (state.epoch != step->epoch) return serve_notice(step, destination);
    rc = find_next(step, destination, &message);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (!outbox_is_notice(&message)) return depart_when_due(step, destination, &message);
    message.state = MTR_MESSAGE_ACKED; /* of an epoch before: nobody is to take anything back for it */
    step->changed = step->more = true;
    return mtr_charges_put_message(step->txn, &message);
}

static int serve(struct outbox_step *step, const struct mtr_catalog *catalog, const bool *applied)
{
    struct mtr_outbox *outbox = step->outbox;
    const uint32_t count = mtr_catalog_count(catalog, MTR_KIND_DESTINATION);
    const uint32_t free_flights = count_free(outbox, applied);
    outbox->departure_count = 0;
    for (uint32_t i = 1; i <= count; i++) {
        const struct mtr_destination *destination = mtr_catalog_destination(catalog, i);
        if (outbox->departure_count == free_flights) {
            step->more |= free_flights > 0;
            break;
        }
        int rc = destination ? serve_destination(step, destination, applied) : MTR_OK;
        if (rc) return rc;
        MTR_ASSERT(outbox->departure_count <= free_flights); /* every answer has a slot to come to */
    }
    return MTR_OK;
}

/* After the commit. What the sender does not take comes back as not sent, by the next step. Bytes that are
 * not what was frozen end it: trying again would not help. */
static int send_departures(struct outbox_step *step)
{
    struct mtr_outbox *outbox = step->outbox;
    struct mtr_charges_txn *txn = NULL;
    bool is_damaged = false;
    if (!outbox->departure_count) return MTR_OK;
    int rc = mtr_charges_begin(outbox->charges, false, &txn);
    for (uint32_t i = 0; i < outbox->departure_count; i++) {
        const struct departure *departure = &outbox->departures[i];
        /* That it was attempted is durable by now. */
        MTR_ASSERT(departure->message.state == MTR_MESSAGE_ATTEMPTED && departure->message.attempts > 0);
        struct mtr_str body = {0};
        char id[MTR_MESSAGE_ID_TEXT_BYTES];
        mtr_message_id_format(departure->message.id, id);
        int error = rc ? rc
                       : mtr_charges_get_message_body(txn, departure->message.destination,
                                                      departure->message.number, &body);
        const struct mtr_outbox_message message = {mtr_str_from(id), departure->destination, body,
                                                   departure->message.attempts};
        is_damaged |= error == MTR_ECORRUPT;
        take_flight(outbox, &departure->message);
        if (!error) error = outbox->sender.send(outbox->sender.context, &message);
        if (!error) step->result->sent++;
        else
            mtr_outbox_on_result(outbox, message.id,
                                 &(struct mtr_outbox_result){.outcome = MTR_OUTCOME_NOT_SENT});
    }
    mtr_charges_abort(txn);
    return is_damaged ? MTR_ECORRUPT : MTR_OK;
}

int mtr_outbox_step(struct mtr_outbox *outbox, const struct mtr_catalog *catalog, int64_t now_us,
                    struct mtr_outbox_step_result *result, struct mtr_diagnostic *diagnostic)
{
    struct mtr_outbox_step_result counted = {.next_due_us = INT64_MAX};
    struct outbox_step step = {.outbox = outbox, .now_us = now_us, .result = &counted};
    struct mtr_charges_epoch epoch = {.number = 0};
    bool applied[MTR_OUTBOX_IN_FLIGHT_MAX] = {false};
    int rc = mtr_charges_begin(outbox->charges, true, &step.txn);
    if (rc) goto out;
    rc = mtr_charges_get_epoch(step.txn, &epoch);
    step.epoch = epoch.number;
    if (!rc) rc = apply_results(&step, catalog, applied);
    if (!rc) rc = serve(&step, catalog, applied);
    if (!rc && step.changed) {
        rc = mtr_charges_commit(step.txn);
        step.txn = NULL;
    }
    mtr_charges_abort(step.txn);
    if (rc) goto out;
    free_applied(outbox, applied);
    rc = send_departures(&step);
    counted.idle = !step.more;
    *result = counted;
out:
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_STAGE, 0, 0, NULL, "the outbox cannot step: %s",
                           mtr_error_text(rc));
    return rc;
}
