/*
 * The intake: queue, group commit, answers. Judging is in intake_judge.c, sealing and retention in
 * intake_housekeep.c.
 *
 * Invariants: a request is in the queue, in the group of the step under way, or answered; one of several
 * parts stays in the queue while one of them is in a group. An answer is final: the commits that hold its
 * events returned 0, or the request carries an error, and every result behind the parts that were committed
 * says `unprocessed`. The queue's lock is taken once for each request and once for each group, never for an
 * event.
 */
#include "meterd/collector/intake.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "collector/intake/intake_state.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum {
    PREFETCH_AHEAD = 16,
    /* A turn in a group: so many events, of which a request costs some by itself. */
    TURN_COST = 4096,
    REQUEST_COST = 4,
};

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
    if (mtr_lanes_init(&intake->queue, options->queue_requests_max, options->queue_bytes_max, TURN_COST)) {
        free(intake);
        return MTR_ENOMEM;
    }
    intake->log = log;
    intake->dedup = dedup;
    memcpy(intake->event_key, event_key, MTR_EVENT_KEY_BYTES);
    intake->options = *options;
    const int64_t identities_us = mtr_intake_identity_window_us(options);
    intake->log_kept_us = options->retention_us > identities_us ? options->retention_us : identities_us;
    pthread_mutex_init(&intake->lock, NULL);
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
    MTR_ASSERT(intake->queue.waiting == 0);
    MTR_ASSERT(atomic_load(&intake->slow.state) != MTR_SLOW_RUNNING);
    judge_release(&intake->judge);
    group_release(&intake->group);
    mtr_lanes_release(&intake->queue);
    pthread_mutex_destroy(&intake->lock);
    free(intake);
}

/* One request may be larger than the whole queue: it waits alone. */
static int enqueue(struct mtr_intake *intake, struct mtr_request *request)
{
    if (intake->draining || intake->failed) return MTR_ECLOSED;
    request->next = NULL;
    request->part_first = request->part_count = 0;
    request->lane.weight = request->body_bytes;
    return mtr_lanes_put(&intake->queue, request->owner, &request->lane);
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
    const bool has_room = intake->queue.waiting <= intake->options.queue_requests_max / 2 &&
                          intake->queue.weight <= intake->options.queue_bytes_max / 2;
    pthread_mutex_unlock(&intake->lock);
    return has_room;
}

bool mtr_intake_has_work(struct mtr_intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    bool has_work = intake->queue.waiting > 0;
    pthread_mutex_unlock(&intake->lock);
    return has_work;
}

void mtr_intake_drain(struct mtr_intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    intake->draining = true;
    pthread_mutex_unlock(&intake->lock);
}

static struct mtr_request *first_waiting(struct mtr_intake *intake)
{
    struct mtr_lane_item *item = mtr_lanes_first(&intake->queue);
    return item ? (struct mtr_request *)((char *)item - offsetof(struct mtr_request, lane)) : NULL;
}

static bool is_whole(const struct mtr_request *request)
{
    return request->is_reading || request->is_dry_run;
}

/* How many more events of the request go into the group; 0: it goes without. The first part always goes in,
 * and a dry run is a group of its own. */
static uint32_t fit(const struct mtr_intake *intake, const struct mtr_request *request)
{
    const struct mtr_group *group = &intake->group;
    const uint32_t left = request->count - request->part_first - request->part_count;
    const uint64_t events_max = intake->options.commit_events_max,
                   bytes_max = intake->options.commit_bytes_max,
                   events = group->count < events_max ? events_max - group->count : 0,
                   bytes = group->bytes < bytes_max ? bytes_max - group->bytes : 0;
    if (!group->first && is_whole(request)) return left;
    if (group->first && (group->first->is_dry_run || request->is_dry_run)) return 0;
    if (is_whole(request)) return left <= events && request->body_bytes <= bytes ? left : 0;
    const uint64_t of_bytes = bytes / (request->body_bytes / (request->count + 1) + 1);
    uint64_t most = left < TURN_COST ? left : TURN_COST;
    if (most > events) most = events;
    if (most > of_bytes) most = of_bytes;
    return most || group->first || !left ? (uint32_t)most : 1;
}

/* A turn of each lane, so that a group is soon done when several wait; of one that is alone as many as fit.
 * */
static void take_group(struct mtr_intake *intake)
{
    struct mtr_group *group = &intake->group;
    struct mtr_lanes *queue = &intake->queue;
    struct mtr_request *request;
    group_reset(group);
    pthread_mutex_lock(&intake->lock);
    uint32_t turns = queue->lanes > 1 ? queue->lanes : UINT32_MAX;
    while (turns && (request = first_waiting(intake))) {
        const uint32_t count = fit(intake, request);
        const bool is_all = request->part_first + request->part_count + count == request->count;
        if (count == 0 && request->count > 0 && group->first) break;
        group_add(group, request, count);
        turns -= mtr_lanes_serve(queue, REQUEST_COST + (int64_t)count, is_all);
        if (request->is_dry_run) break;
    }
    pthread_mutex_unlock(&intake->lock);
}

/* All that wait, for their last answer. */
static void take_all(struct mtr_intake *intake)
{
    struct mtr_request *request;
    group_reset(&intake->group);
    pthread_mutex_lock(&intake->lock);
    while ((request = first_waiting(intake))) {
        group_add(&intake->group, request, request->count - request->part_first - request->part_count);
        (void)mtr_lanes_serve(&intake->queue, REQUEST_COST, true);
    }
    pthread_mutex_unlock(&intake->lock);
}

/* The next group of a request has what follows. False: there is none. */
static bool has_next_part(struct mtr_request *request)
{
    request->part_first += request->part_count;
    request->part_count = 0;
    return request->part_first < request->count;
}

/* What was not stored of it will not be. */
static void leave_queue(struct mtr_intake *intake, struct mtr_request *request)
{
    pthread_mutex_lock(&intake->lock);
    mtr_lanes_remove(&intake->queue, request->owner, &request->lane);
    pthread_mutex_unlock(&intake->lock);
}

static void set_unprocessed(struct mtr_request *request, int error)
{
    request->error = error;
    const char *reason = error == MTR_EFULL    ? "no room to store it: send it again"
                         : error == MTR_EFILES ? "too many open files: it is not stored, send it again"
                                               : "it is not known to be stored: send it again";
    for (uint32_t i = request->part_first; i < request->count; i++)
        request->results[i] = (struct mtr_event_result){
            .code = MTR_RESULT_UNPROCESSED, .reason = reason, .finding = MTR_FINDING_EVENT_UNPROCESSED};
}

static void answer_request(struct mtr_intake *intake, struct mtr_request *request)
{
    memset(request->counts, 0, sizeof(request->counts));
    request->not_counted = 0;
    for (uint32_t i = 0; i < request->count; i++) {
        request->counts[request->results[i].code]++;
        request->not_counted += request->results[i].not_counted.count > 0;
    }
    intake->options.on_answer(intake->options.context, request);
}

/* Hands every request of the group to its waiter, who may free it at once; but for those of which there is
 * more, in the queue. */
static void answer_group(struct mtr_intake *intake, int error)
{
    struct mtr_request *request = intake->group.first;
    while (request) {
        struct mtr_request *next = request->next;
        const bool has_more = request->part_first + request->part_count < request->count;
        request->next = NULL;
        request->error = 0;
        if (error) set_unprocessed(request, error);
        if (error && has_more) leave_queue(intake, request);
        if (error || !has_next_part(request)) answer_request(intake, request);
        request = next;
    }
    group_reset(&intake->group);
}

/* Room for the answers: what is stored must be told. Readings are not answered in words. */
static int reserve_answers(struct mtr_intake *intake)
{
    int rc = MTR_OK;
    for (struct mtr_request *request = intake->group.first; request && !rc; request = request->next) {
        const bool has_more = request->part_first + request->part_count < request->count;
        if (request->is_reading || has_more) continue;
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
    take_all(intake);
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
    take_group(intake);
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
