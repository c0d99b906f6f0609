/*
 * The judgement of a group: dedup first, then time, voids and catalog, event by event in the order of
 * arrival.
 *
 * The first of several events with one identity wins, whether the others come in the same request, in the
 * same group or later. What is stored has a sequence already here (one writer: the log's next), because voids
 * and conflicts name sequences of the same block. An event that is not stored claims nothing. Quarantined
 * copies have identities of their own: a retry of one is answered the same way and not stored again.
 */
#include "collector/intake/intake_state.h"

#include <string.h>

/* What stands behind an identity already, in the log or in this group. */
struct prior {
    bool found;
    bool digest_equal;
    uint64_t seq;
    uint32_t flags;
};

struct judging {
    struct mtr_intake *intake;
    const struct mtr_catalog *catalog;
    int64_t received_us;
    const struct mtr_judge_times *times;
    /* the event at work */
    struct mtr_request *request;
    const struct mtr_event *event;
    const struct mtr_dedup_key *key;
    struct mtr_event_result *result;
    /* a receipt, completed */
    struct mtr_event receipt;
    struct mtr_dedup_key receipt_key;
};

static struct prior prior_of(const struct mtr_group *group, const struct mtr_dedup_key *key,
                             const struct mtr_dedup_match *match)
{
    int64_t claim = group_find(group, key->identity);
    if (claim >= 0)
        return (struct prior){.found = true,
                              .digest_equal = group->stored_keys[claim].digest == key->digest,
                              .seq = group->first_seq + (uint64_t)claim,
                              .flags = mtr_identity_flags(group->stored[claim].disposition)};
    return (struct prior){.found = match->found != MTR_DEDUP_NEW,
                          .digest_equal = match->found == MTR_DEDUP_DUPLICATE,
                          .seq = match->seq,
                          .flags = match->flags};
}

static int look_up(struct mtr_intake *intake, const struct mtr_dedup_key *key, struct prior *prior)
{
    struct mtr_dedup_match match;
    int rc = mtr_dedup_find(intake->dedup, key, 1, &match);
    if (rc) return rc;
    *prior = prior_of(&intake->group, key, &match);
    return MTR_OK;
}

static void set_result(struct mtr_event_result *result, const struct mtr_verdict *verdict, uint64_t seq)
{
    *result = (struct mtr_event_result){.code = verdict->code,
                                        .seq = seq,
                                        .field = verdict->field,
                                        .reason = verdict->reason,
                                        .finding = verdict->finding,
                                        .not_counted = verdict->not_counted};
}

/* Stores a copy under its quarantine identity, once. `target_seq`: for a conflict, the original's. */
static int quarantine(struct judging *judging, enum mtr_disposition disposition, uint64_t target_seq,
                      const struct mtr_verdict *verdict)
{
    struct mtr_intake *intake = judging->intake;
    uint64_t digest = judging->key->digest;
    struct mtr_dedup_key key = {.identity = mtr_event_quarantine_identity(judging->event, digest, disposition,
                                                                          intake->event_key),
                                .digest = digest};
    struct prior prior;
    int rc = look_up(intake, &key, &prior);
    if (rc) return rc;
    uint64_t seq = prior.found
                       ? prior.seq
                       : group_store(&intake->group, judging->event, key, disposition, target_seq);
    set_result(judging->result, verdict, target_seq ? target_seq : seq);
    return MTR_OK;
}

static int judge_conflict(struct judging *judging, uint64_t seq)
{
    return quarantine(judging, MTR_DISPOSITION_CONFLICT, seq, &judge_is_conflict);
}

static int admit_void(struct judging *judging)
{
    struct mtr_intake *intake = judging->intake;
    const struct mtr_event *event = judging->event;
    struct mtr_event target = {.vendor = event->vendor, .source = event->source};
    struct mtr_verdict verdict = judge_void(event, &target.id);
    if (verdict.code != MTR_RESULT_ACCEPTED) {
        set_result(judging->result, &verdict, 0);
        return MTR_OK;
    }
    struct mtr_dedup_key target_key = {.identity = mtr_event_identity(&target, intake->event_key)};
    struct prior prior;
    int rc = look_up(intake, &target_key, &prior);
    if (rc) return rc;
    if (!prior.found) {
        verdict = judge_is_of_nothing;
    } else if (prior.flags & MTR_IDENTITY_VOID) {
        verdict = judge_is_of_void;
    } else {
        uint64_t seq =
            group_store(&intake->group, event, *judging->key, MTR_DISPOSITION_VOID, prior.seq);
        *judging->result = (struct mtr_event_result){.code = MTR_RESULT_VOIDED, .seq = seq};
        return MTR_OK;
    }
    set_result(judging->result, &verdict, 0);
    return MTR_OK;
}

static bool is_kept(enum mtr_result_code code)
{
    return code == MTR_RESULT_ACCEPTED || code == MTR_RESULT_HELD || code == MTR_RESULT_LATE;
}

static void admit_usage(struct judging *judging)
{
    struct mtr_intake *intake = judging->intake;
    struct mtr_verdict verdict = judge_usage(&intake->judge, judging->catalog, judging->event,
                                             judging->received_us, &judging->request->arena);
    if (verdict.code == MTR_RESULT_LATE)
        verdict.reason = judge_late_reason(&verdict, &judging->request->arena);
    uint64_t seq = is_kept(verdict.code) ? group_store(&intake->group, judging->event, *judging->key,
                                           MTR_DISPOSITION_NORMAL, 0)
                             : 0;
    set_result(judging->result, &verdict, seq);
}

/* The event with one more property, where it has room for it. MTR_ENOMEM. */
static int add_property(struct judging *judging, const struct mtr_property *property, struct mtr_event *out)
{
    *out = *judging->event;
    if (out->property_count >= MTR_EVENT_PROPERTIES_MAX) return MTR_OK;
    struct mtr_property *properties =
        mtr_arena_alloc(&judging->request->arena, (out->property_count + 1) * sizeof(*properties));
    if (!properties) return MTR_ENOMEM;
    if (out->property_count) memcpy(properties, out->properties, out->property_count * sizeof(*properties));
    properties[out->property_count++] = *property;
    out->properties = properties;
    return MTR_OK;
}

/* The event with the sentence that refuses it. */
static int add_reason(struct judging *judging, const struct mtr_verdict *verdict, struct mtr_event *out)
{
    *out = *judging->event;
    if (!verdict->reason) return MTR_OK;
    return add_property(judging,
                        &(struct mtr_property){.name = MTR_STR(MTR_EVENT_PROPERTY_REASON),
                                               .kind = MTR_PROPERTY_STRING,
                                               .text = mtr_str_from(verdict->reason)},
                        out);
}

/* A row has no sender who could be told: what would not be stored is kept with its reason. */
static int refuse_row(struct judging *judging, const struct mtr_verdict *verdict)
{
    struct mtr_event row;
    int rc = add_reason(judging, verdict, &row);
    if (rc) return rc;
    const struct mtr_dedup_key key = {.identity = judging->key->identity, .digest = mtr_event_digest(&row)};
    judging->event = &row;
    judging->key = &key;
    return quarantine(judging, MTR_DISPOSITION_REFUSED, 0, verdict);
}

static int judge_row(struct judging *judging)
{
    const bool may_be_forgotten = judging->event->time_us < judging->request->refused_before_us;
    struct mtr_verdict verdict =
        may_be_forgotten
            ? judge_is_forgotten
            : judge_future(&judging->intake->judge, judging->event, judging->times->latest_us);
    if (verdict.code == MTR_RESULT_ACCEPTED)
        verdict = judge_usage(&judging->intake->judge, judging->catalog, judging->event,
                              judging->received_us, &judging->request->arena);
    if (!is_kept(verdict.code)) {
        if (!judging->event->target_seq) return refuse_row(judging, &verdict);
        set_result(judging->result, &verdict, judging->event->target_seq);
        return MTR_OK;
    }
    /* The target says that it is no row more, where the window has no run. */
    uint64_t seq = group_store(&judging->intake->group, judging->event, *judging->key,
                               MTR_DISPOSITION_NORMAL, judging->event->target_seq);
    set_result(judging->result, &verdict, seq);
    return MTR_OK;
}

/* An event of a reading. Its void names a sequence, which is older than what the index may know. */
static int judge_read(struct judging *judging)
{
    struct mtr_group *group = &judging->intake->group;
    const struct mtr_event *event = judging->event;
    const struct mtr_verdict is_refused = {.code = MTR_RESULT_INVALID};
    switch (event->disposition) {
    case MTR_DISPOSITION_NORMAL: return judge_row(judging);
    case MTR_DISPOSITION_REFUSED: return quarantine(judging, MTR_DISPOSITION_REFUSED, 0, &is_refused);
    case MTR_DISPOSITION_VOID:
    case MTR_DISPOSITION_NOTE: {
        const bool is_void = event->disposition == MTR_DISPOSITION_VOID;
        MTR_ASSERT(is_void == (event->target_seq > 0 && event->target_seq < group->first_seq));
        uint64_t seq = group_store(group, event, *judging->key, event->disposition, event->target_seq);
        *judging->result = (struct mtr_event_result){
            .code = is_void ? MTR_RESULT_VOIDED : MTR_RESULT_ACCEPTED, .seq = seq};
        return MTR_OK;
    }
    case MTR_DISPOSITION_CONFLICT:
    case MTR_DISPOSITION_EXPIRED:
    case MTR_DISPOSITION_FUTURE: break;
    }
    MTR_ASSERT(!"the poller hands over nothing else");
    return MTR_EINVALID;
}

/* A receipt stands behind the rows of its request, and says what has become of them: it is in the log with
 * them, or neither is. The same request again is the same receipt. */
static int complete_receipt(struct judging *judging, struct prior *prior)
{
    const struct mtr_request *request = judging->request;
    const bool is_receipt = request->is_reading && judging->event->disposition == MTR_DISPOSITION_NOTE &&
                            judging->event == &request->events[request->count - 1];
    const uint32_t rows = is_receipt ? mtr_request_quarantined(request) : 0;
    if (!rows) return MTR_OK;
    int rc = add_property(judging,
                          &(struct mtr_property){.name = MTR_STR(MTR_EVENT_PROPERTY_QUARANTINED),
                                                 .kind = MTR_PROPERTY_NUMBER,
                                                 .number = {.mantissa = rows}},
                          &judging->receipt);
    if (rc) return rc;
    judging->receipt_key =
        (struct mtr_dedup_key){judging->key->identity, mtr_event_digest(&judging->receipt)};
    judging->event = &judging->receipt;
    judging->key = &judging->receipt_key;
    return look_up(judging->intake, judging->key, prior);
}

static int judge_event(struct judging *judging, const struct mtr_dedup_match *match)
{
    struct prior prior = prior_of(&judging->intake->group, judging->key, match);
    int rc = complete_receipt(judging, &prior);
    if (rc) return rc;
    if (prior.found && prior.digest_equal) {
        *judging->result = (struct mtr_event_result){.code = MTR_RESULT_DUPLICATE, .seq = prior.seq};
        return MTR_OK;
    }
    if (prior.found) return judge_conflict(judging, prior.seq);
    if (judging->request->is_reading) return judge_read(judging);

    struct mtr_verdict verdict = judge_time(&judging->intake->judge, judging->event, judging->times);
    if (verdict.code == MTR_RESULT_EXPIRED)
        return quarantine(judging, MTR_DISPOSITION_EXPIRED, 0, &verdict);
    if (verdict.code == MTR_RESULT_FUTURE) return quarantine(judging, MTR_DISPOSITION_FUTURE, 0, &verdict);

    if (mtr_str_equal(judging->event->type, MTR_STR(MTR_EVENT_TYPE_VOID))) return admit_void(judging);
    admit_usage(judging);
    return MTR_OK;
}

static uint32_t part_end(const struct mtr_request *request)
{
    return request->part_first + request->part_count;
}

/* A result that the decoder set stays; an event within the limits gets its key. */
static uint32_t key_request(struct mtr_intake *intake, struct mtr_request *request, uint32_t count)
{
    for (uint32_t i = request->part_first; i < part_end(request); i++) {
        if (request->results[i].code != MTR_RESULT_ACCEPTED) continue;
        const struct mtr_event *event = &request->events[i];
        struct mtr_verdict verdict = judge_limits(event, &request->arena);
        if (verdict.code == MTR_RESULT_ACCEPTED && !request->is_reading) verdict = judge_names(event);
        if (verdict.code != MTR_RESULT_ACCEPTED) {
            set_result(&request->results[i], &verdict, 0);
            continue;
        }
        intake->group.keys[count++] = (struct mtr_dedup_key){
            .identity = mtr_event_identity(event, intake->event_key), .digest = mtr_event_digest(event)};
    }
    return count;
}

int intake_judge_group(struct mtr_intake *intake, const struct mtr_catalog *catalog, int64_t received_us,
                       const struct mtr_judge_times *times)
{
    struct mtr_group *group = &intake->group;
    int rc = group_prepare(group);
    if (!rc) rc = judge_begin(&intake->judge, catalog);
    if (rc) return rc;
    group->first_seq = mtr_log_last_seq(intake->log) + 1;
    uint32_t count = 0;
    for (struct mtr_request *request = group->first; request; request = request->next)
        count = key_request(intake, request, count);
    rc = mtr_dedup_find(intake->dedup, group->keys, count, group->matches);
    if (rc) return rc;

    uint32_t next = 0;
    struct judging judging = {
        .intake = intake, .catalog = catalog, .received_us = received_us, .times = times};
    for (struct mtr_request *request = group->first; request; request = request->next) {
        judging.request = request;
        for (uint32_t i = request->part_first; i < part_end(request); i++) {
            if (request->results[i].code != MTR_RESULT_ACCEPTED) continue;
            judging.event = &request->events[i];
            judging.key = &group->keys[next];
            judging.result = &request->results[i];
            rc = judge_event(&judging, &group->matches[next]);
            if (rc) return rc;
            next++;
        }
    }
    MTR_ASSERT(next == count);
    return MTR_OK;
}
