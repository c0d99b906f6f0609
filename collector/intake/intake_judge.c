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
    int64_t now_us;
    /* the event at work */
    struct mtr_request *request;
    const struct mtr_event *event;
    const struct mtr_dedup_key *key;
    struct mtr_event_result *result;
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
    static const struct mtr_verdict verdict = {
        .code = MTR_RESULT_CONFLICT,
        .field = "id",
        .reason = "this id was used before with other content: kept in quarantine, not billed",
        .finding = MTR_FINDING_EVENT_CONFLICT};
    return quarantine(judging, MTR_DISPOSITION_CONFLICT, seq, &verdict);
}

static struct mtr_verdict invalid_target(const char *reason)
{
    return (struct mtr_verdict){.code = MTR_RESULT_INVALID,
                                .field = "data.id",
                                .reason = reason,
                                .finding = MTR_FINDING_EVENT_VOID_TARGET};
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
        verdict =
            invalid_target("no event of this source has this id, or it is too old: nothing to take back");
    } else if (prior.flags & MTR_IDENTITY_VOID) {
        verdict = invalid_target("a void cannot be taken back: send the usage again under a new id");
    } else {
        uint64_t seq =
            group_store(&intake->group, event, *judging->key, MTR_DISPOSITION_VOID, prior.seq);
        *judging->result = (struct mtr_event_result){.code = MTR_RESULT_VOIDED, .seq = seq};
        return MTR_OK;
    }
    set_result(judging->result, &verdict, 0);
    return MTR_OK;
}

static void admit_usage(struct judging *judging)
{
    struct mtr_intake *intake = judging->intake;
    struct mtr_verdict verdict = judge_usage(&intake->judge, judging->catalog, judging->event,
                                             judging->now_us, &judging->request->arena);
    bool is_stored = verdict.code == MTR_RESULT_ACCEPTED || verdict.code == MTR_RESULT_HELD ||
                     verdict.code == MTR_RESULT_LATE;
    uint64_t seq = is_stored ? group_store(&intake->group, judging->event, *judging->key,
                                           MTR_DISPOSITION_NORMAL, 0)
                             : 0;
    set_result(judging->result, &verdict, seq);
}

static int judge_event(struct judging *judging, const struct mtr_dedup_match *match)
{
    struct prior prior = prior_of(&judging->intake->group, judging->key, match);
    if (prior.found && prior.digest_equal) {
        *judging->result = (struct mtr_event_result){.code = MTR_RESULT_DUPLICATE, .seq = prior.seq};
        return MTR_OK;
    }
    if (prior.found) return judge_conflict(judging, prior.seq);

    struct mtr_verdict verdict = judge_time(&judging->intake->judge, judging->event, judging->now_us);
    if (verdict.code == MTR_RESULT_EXPIRED)
        return quarantine(judging, MTR_DISPOSITION_EXPIRED, 0, &verdict);
    if (verdict.code == MTR_RESULT_FUTURE) return quarantine(judging, MTR_DISPOSITION_FUTURE, 0, &verdict);

    if (mtr_str_equal(judging->event->type, MTR_STR(MTR_EVENT_TYPE_VOID))) return admit_void(judging);
    admit_usage(judging);
    return MTR_OK;
}

/* A result that the decoder set stays; an event within the limits gets its key. */
static uint32_t key_request(struct mtr_intake *intake, struct mtr_request *request, uint32_t count)
{
    for (uint32_t i = 0; i < request->count; i++) {
        if (request->results[i].code != MTR_RESULT_ACCEPTED) continue;
        const struct mtr_event *event = &request->events[i];
        struct mtr_verdict verdict = judge_limits(event, &request->arena);
        if (verdict.code != MTR_RESULT_ACCEPTED) {
            set_result(&request->results[i], &verdict, 0);
            continue;
        }
        intake->group.keys[count++] = (struct mtr_dedup_key){
            .identity = mtr_event_identity(event, intake->event_key), .digest = mtr_event_digest(event)};
    }
    return count;
}

int intake_judge_group(struct mtr_intake *intake, const struct mtr_catalog *catalog, int64_t now_us)
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
    struct judging judging = {.intake = intake, .catalog = catalog, .now_us = now_us};
    for (struct mtr_request *request = group->first; request; request = request->next) {
        judging.request = request;
        for (uint32_t i = 0; i < request->count; i++) {
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
