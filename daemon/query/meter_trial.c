/*
 * Trials of meters over the end of the log; see meter_trial.h. Pure reading.
 */
#include "meterd/query/meter_trial.h"

#include "daemon/query/trial_values.h"

struct trying {
    const struct mtr_meter_trial_options *options;
    struct mtr_meter_trial *trials;
    struct trial_values values[MTR_METER_TRIALS_MAX];
    uint32_t count;
    struct mtr_rollups_txn *txn;
};

static void note_reason(struct mtr_meter_trial *trial, enum mtr_take take, const struct mtr_taken *taken,
                        uint64_t seq)
{
    struct mtr_meter_trial_reason reason = {.take = take, .first_seq = seq};
    if (take == MTR_TAKE_FAULT) reason.fault = taken->fault;
    if (take != MTR_TAKE_RETIRED) reason.property = taken->property;
    uint32_t at = 0;
    for (; at < trial->reason_count; at++) {
        const struct mtr_meter_trial_reason *known = &trial->reasons[at];
        if (known->take == take && known->fault == reason.fault &&
            mtr_str_equal(known->property, reason.property))
            break;
    }
    if (at == MTR_METER_TRIAL_REASONS_MAX) at--;
    if (at == trial->reason_count) trial->reasons[trial->reason_count++] = reason;
    trial->reasons[at].events++;
}

/* An event of the meter's type and vendor that was not taken back. */
static int try_event(struct trying *trying, uint32_t number, const struct mtr_event *event, uint64_t seq)
{
    struct mtr_meter_trial *trial = &trying->trials[number];
    const struct mtr_event_address address = {event->vendor, event->subject, event->type, event->time_us};
    const struct mtr_subscription *subscription =
        mtr_catalog_find_subject(trying->options->catalog, &address);
    struct mtr_taken taken;
    if (!subscription || subscription->service != trial->meter->service) {
        trial->elsewhere++;
        return MTR_OK;
    }
    const enum mtr_take take = mtr_meter_take(trial->meter, event, &taken);
    switch (take) {
    case MTR_TAKE_IS_FILTERED: trial->filtered++; return MTR_OK;
    case MTR_TAKE_COUNTS: {
        const struct mtr_point point = {event->time_us, seq, taken.quantity};
        return trial_values_add(&trying->values[number], trial, subscription, &point, &taken);
    }
    case MTR_TAKE_LACKS:
    case MTR_TAKE_RETIRED:
    case MTR_TAKE_FAULT: note_reason(trial, take, &taken, seq); return MTR_OK;
    }
    MTR_ASSERT(!"known take");
    return MTR_OK;
}

static int try_meters(struct trying *trying, const struct mtr_event *event, uint64_t seq)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < trying->count; i++) {
        struct mtr_meter_trial *trial = &trying->trials[i];
        uint64_t void_seq;
        trial->looked_at++;
        if (event->disposition != MTR_DISPOSITION_NORMAL) continue;
        if (!mtr_str_equal(event->type, trial->meter->event_type) ||
            !mtr_str_equal(event->vendor, trial->meter->service->vendor->key))
            continue;
        trial->events++;
        rc = mtr_rollups_get_voided(trying->txn, seq, &void_seq);
        if (rc == MTR_OK) trial->voided++;
        else if (rc == MTR_ENOTFOUND) rc = try_event(trying, i, event, seq);
    }
    return rc;
}

static int try_log(struct trying *trying, struct mtr_log_reader *reader)
{
    const uint64_t last_seq = mtr_log_last_seq(trying->options->log);
    const uint64_t events_max = trying->options->events_max;
    struct mtr_diagnostic diagnostic;
    struct mtr_block_header header;
    const struct mtr_event *events;
    for (uint64_t seq = last_seq > events_max ? last_seq - events_max + 1 : 1; seq <= last_seq;) {
        int rc = mtr_log_read(reader, seq, &header, &events, &diagnostic);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
        if (seq < header.first_seq) seq = header.first_seq; /* retention has dropped what is before */
        const uint64_t end = header.first_seq + header.count;
        if (seq >= end) return MTR_ECORRUPT;
        for (; !rc && seq < end && seq <= last_seq; seq++)
            rc = try_meters(trying, &events[seq - header.first_seq], seq);
        if (rc) return rc;
    }
    return MTR_OK;
}

int mtr_meter_trial(const struct mtr_meter_trial_options *options, struct mtr_meter_trial *trials,
                    uint32_t count)
{
    struct trying trying = {.options = options, .trials = trials, .count = count};
    struct mtr_log_reader *reader = NULL;
    MTR_ASSERT(count <= MTR_METER_TRIALS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        trials[i] = (struct mtr_meter_trial){.meter = trials[i].meter};
        trial_values_init(&trying.values[i], MTR_METER_TRIAL_BYTES_MAX / count);
    }
    int rc = mtr_log_reader_attach(options->log, &reader);
    if (!rc) rc = mtr_rollups_begin(options->rollups, false, &trying.txn);
    if (!rc) rc = try_log(&trying, reader);
    for (uint32_t i = 0; i < count; i++) {
        if (!rc) rc = trial_values_make(&trying.values[i], &trials[i]);
        trial_values_release(&trying.values[i]);
    }
    if (trying.txn) mtr_rollups_abort(trying.txn);
    mtr_log_reader_close(reader);
    return rc;
}
