/*
 * The intake: queue, group commit, answers. Judging is in intake_judge.c, sealing and retention in
 * intake_housekeep.c.
 *
 * Invariants: a request is in the queue, in the group of the step under way, or answered; an answer is final:
 * either the commit that holds its events returned 0, or the request carries an error and every result says
 * `unprocessed`. The queue's lock is taken once for each request and once for each group, never for an event.
 */
#include "meterd/collector/intake.h"

#include <stdlib.h>
#include <string.h>

#include "collector/intake/intake_state.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { PREFETCH_AHEAD = 16 };

static bool options_are_sound(const struct mtr_intake_options *o)
{
    if (!o->queue_requests_max || !o->queue_bytes_max || !o->commit_events_max || !o->commit_bytes_max)
        return false;
    if (o->commit_events_max > MTR_BLOCK_EVENTS_MAX) return false;
    if (o->lateness_us < 0 || o->future_us < 0 || o->grace_us < 0) return false;
    return o->lateness_us <= o->dedup_window_us && o->dedup_window_us <= o->retention_us &&
           o->future_us < o->dedup_window_us;
}

int64_t mtr_intake_identity_window_us(const struct mtr_intake_options *options)
{
    return options->dedup_window_us + options->future_us;
}

int mtr_intake_open(struct mtr_log *log, struct mtr_dedup *dedup,
                    const uint8_t event_key[MTR_EVENT_KEY_BYTES], const struct mtr_intake_options *options,
                    struct mtr_intake **out)
{
    MTR_ASSERT(options->on_answer);
    if (!options_are_sound(options)) return MTR_EINVALID;
    struct mtr_intake *intake = calloc(1, sizeof(*intake));
    if (!intake) return MTR_ENOMEM;
    intake->log = log;
    intake->dedup = dedup;
    memcpy(intake->event_key, event_key, MTR_EVENT_KEY_BYTES);
    intake->options = *options;
    const int64_t identities_us = mtr_intake_identity_window_us(options);
    intake->log_kept_us = options->retention_us > identities_us ? options->retention_us : identities_us;
    pthread_mutex_init(&intake->lock, NULL);
    intake->queue_last = &intake->queue_first;
    group_init(&intake->group);
    struct mtr_judge_options judge_options = {.lateness_us = options->lateness_us,
                                              .future_us = options->future_us,
                                              .grace_us = options->grace_us};
    judge_init(&intake->judge, &judge_options);
    intake->slow.prepare_next = true;
    intake->slow.failed_us = intake->slow.tidied_us = INT64_MIN;
    *out = intake;
    return MTR_OK;
}

void mtr_intake_close(struct mtr_intake *intake)
{
    if (!intake) return;
    MTR_ASSERT(!intake->queue_first);
    MTR_ASSERT(atomic_load(&intake->slow.state) != MTR_SLOW_RUNNING);
    judge_release(&intake->judge);
    group_release(&intake->group);
    pthread_mutex_destroy(&intake->lock);
    free(intake);
}

/* One request may be larger than the whole queue: it waits alone. */
static int enqueue(struct mtr_intake *intake, struct mtr_request *request)
{
    if (intake->draining || intake->failed) return MTR_ECLOSED;
    if (intake->queue_requests == intake->options.queue_requests_max) return MTR_EFULL;
    uint64_t bytes = intake->queue_bytes + request->body_bytes;
    if (intake->queue_requests && bytes > intake->options.queue_bytes_max) return MTR_EFULL;
    request->next = NULL;
    *intake->queue_last = request;
    intake->queue_last = &request->next;
    intake->queue_bytes = bytes;
    intake->queue_requests++;
    return MTR_OK;
}

int mtr_intake_submit(struct mtr_intake *intake, struct mtr_request *request)
{
    MTR_ASSERT(request->count <= MTR_REQUEST_EVENTS_MAX);
    pthread_mutex_lock(&intake->lock);
    int rc = enqueue(intake, request);
    pthread_mutex_unlock(&intake->lock);
    return rc;
}

bool mtr_intake_has_room(struct mtr_intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    const bool has_room = intake->queue_requests <= intake->options.queue_requests_max / 2 &&
                          intake->queue_bytes <= intake->options.queue_bytes_max / 2;
    pthread_mutex_unlock(&intake->lock);
    return has_room;
}

bool mtr_intake_has_work(struct mtr_intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    bool has_work = intake->queue_first != NULL;
    pthread_mutex_unlock(&intake->lock);
    return has_work;
}

void mtr_intake_drain(struct mtr_intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    intake->draining = true;
    pthread_mutex_unlock(&intake->lock);
}

static bool fits_group(const struct mtr_intake *intake, const struct mtr_request *request)
{
    const struct mtr_group *group = &intake->group;
    if (!group->first) return true;
    if (group->first->is_dry_run || request->is_dry_run) return false; /* it is a group of its own */
    return request->count <= intake->options.commit_events_max - group->count &&
           request->body_bytes <= intake->options.commit_bytes_max - group->bytes;
}

/* Moves whole requests from the queue to the group: the first always, others while they fit (all:
 * everything there is). */
static void take_group(struct mtr_intake *intake, bool all)
{
    struct mtr_group *group = &intake->group;
    group_reset(group);
    pthread_mutex_lock(&intake->lock);
    while (intake->queue_first && (all || fits_group(intake, intake->queue_first))) {
        struct mtr_request *request = intake->queue_first;
        intake->queue_first = request->next;
        intake->queue_bytes -= request->body_bytes;
        intake->queue_requests--;
        group_add(group, request);
        if (!all && (group->count >= intake->options.commit_events_max ||
                     group->bytes >= intake->options.commit_bytes_max))
            break;
    }
    if (!intake->queue_first) intake->queue_last = &intake->queue_first;
    pthread_mutex_unlock(&intake->lock);
}

static void set_unprocessed(struct mtr_request *request, int error)
{
    request->error = error;
    const char *reason = error == MTR_EFULL
                             ? "no room to store it: nothing of this request is stored, send it again"
                         : error == MTR_EFILES
                             ? "too many open files: nothing of this request is stored, send it again"
                             : "it is not known to be stored: send it again";
    for (uint32_t i = 0; i < request->count; i++)
        request->results[i] = (struct mtr_event_result){
            .code = MTR_RESULT_UNPROCESSED, .reason = reason, .finding = MTR_FINDING_EVENT_UNPROCESSED};
}

/* Hands every request of the group to its waiter, who may free it at once. */
static void answer_group(struct mtr_intake *intake, int error)
{
    struct mtr_request *request = intake->group.first;
    while (request) {
        struct mtr_request *next = request->next;
        request->next = NULL;
        request->error = 0;
        if (error) set_unprocessed(request, error);
        memset(request->counts, 0, sizeof(request->counts));
        request->not_counted = 0;
        for (uint32_t i = 0; i < request->count; i++) {
            request->counts[request->results[i].code]++;
            request->not_counted += request->results[i].not_counted.count > 0;
        }
        intake->options.on_answer(intake->options.context, request);
        request = next;
    }
    group_reset(&intake->group);
}

/* Room for the answers: what is stored must be told. Readings are not answered in words. */
static int reserve_answers(struct mtr_intake *intake)
{
    int rc = MTR_OK;
    for (struct mtr_request *request = intake->group.first; request && !rc; request = request->next) {
        if (request->is_reading) continue;
        mtr_buffer_reset(&request->answer);
        rc = mtr_buffer_reserve(&request->answer, mtr_request_answer_bytes(request));
    }
    return rc;
}

/* The append started a segment: the index follows, unless there was none that was open before. */
static void follow_roll(struct mtr_intake *intake, uint32_t segment_count)
{
    struct mtr_log_segment rolled;
    const uint32_t count = mtr_log_segments(intake->log, NULL, 0);
    if (count == segment_count) return;
    MTR_ASSERT(count == segment_count + 1);
    intake->slow.prepare_next = true;
    if (segment_count && mtr_log_segment_at(intake->log, segment_count - 1, &rolled) && !rolled.sealed)
        mtr_dedup_roll(intake->dedup, &rolled);
}

static int commit_group(struct mtr_intake *intake, int64_t now_us)
{
    struct mtr_group *group = &intake->group;
    const uint32_t segment_count = mtr_log_segments(intake->log, NULL, 0);
    uint64_t first_seq;
    int rc = mtr_dedup_reserve(intake->dedup, group->stored_count); /* after the commit nothing may fail */
    if (rc) return rc;
    rc = mtr_log_append(intake->log, group->stored, group->stored_count, now_us, &first_seq);
    follow_roll(intake, segment_count); /* also when the block itself did not get in */
    if (rc) return rc;
    MTR_ASSERT(first_seq == group->first_seq); /* voids and conflicts in the block rely on it */
    for (uint32_t i = 0; i < group->stored_count; i++) {
        if (i + PREFETCH_AHEAD < group->stored_count)
            mtr_dedup_prefetch_add(intake->dedup, &group->stored_keys[i + PREFETCH_AHEAD]);
        mtr_dedup_add(intake->dedup, group->stored_keys[i], mtr_identity_flags(group->stored[i].disposition),
                      first_seq + i);
    }
    return MTR_OK;
}

/* Nothing of it gets into the log: what would have a sequence has none. */
static void forget_stored(struct mtr_group *group)
{
    const struct mtr_request *request = group->first;
    MTR_ASSERT(request->is_dry_run && !request->next);
    for (uint32_t i = 0; i < request->count; i++)
        if (request->results[i].seq >= group->first_seq) request->results[i].seq = 0;
    group->stored_count = 0;
}

void mtr_intake_fail(struct mtr_intake *intake, int error)
{
    pthread_mutex_lock(&intake->lock);
    intake->failed = true;
    pthread_mutex_unlock(&intake->lock);
    take_group(intake, true);
    answer_group(intake, error);
}

static bool nothing_was_stored(int error)
{
    return error == MTR_EFULL || error == MTR_ENOMEM || error == MTR_ELIMIT || error == MTR_EFILES;
}

int mtr_intake_step(struct mtr_intake *intake, const struct mtr_catalog *catalog,
                    struct mtr_trusted_time time, uint32_t *events_committed)
{
    *events_committed = 0;
    bool can_roll = mtr_dedup_can_roll(intake->dedup);
    if (!can_roll && !intake_is_stuck(intake))
        return MTR_OK; /* sealing is far behind: the queue fills and pushes back */
    take_group(intake, false);
    if (!intake->group.first) return MTR_OK;
    if (!can_roll) {
        const int why = intake->slow.error == MTR_EFILES ? MTR_EFILES : MTR_EFULL;
        answer_group(intake, why);
        return why;
    }
    const int64_t last_us = mtr_log_last_received_us(intake->log);
    const int64_t received_us = mtr_time_later(time.now_us, last_us);
    const struct mtr_judge_times times = {.earliest_us = time.earliest_us,
                                          .latest_us = mtr_time_later(time.latest_us, last_us),
                                          .forgotten_us = mtr_dedup_forgotten_us(intake->dedup)};
    int rc = intake_judge_group(intake, catalog, received_us, &times);
    if (!rc && intake->group.first->is_dry_run) forget_stored(&intake->group);
    if (!rc) rc = reserve_answers(intake);
    if (!rc && intake->group.stored_count) rc = commit_group(intake, received_us);
    uint32_t stored_count = intake->group.stored_count;
    answer_group(intake, rc);
    if (!rc) {
        *events_committed = stored_count;
    } else if (!nothing_was_stored(rc)) {
        mtr_intake_fail(intake, rc);
    }
    return rc == MTR_ENOMEM || rc == MTR_ELIMIT ? MTR_OK : rc;
}
