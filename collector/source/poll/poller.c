/*
 * The poller's steps: sources of a new catalog, strands that are due, readings that wait or have ended, and
 * the fold of receipts.
 *
 * Invariants: at most polls_max readings run, and as many are parked; the ledger's fold is used by one job at
 * a time, and polls are begun only when it has come to the log's end once.
 */
#include "meterd/collector/poller.h"

#include <stdlib.h>
#include <string.h>

#include "collector/source/auth/files.h"
#include "collector/source/poll/poller_state.h"
#include "collector/source/poll/poller_alarms.h"
#include "collector/source/items/poller_items.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

_Static_assert((int)POLL_MEMORY_BYTES == (int)MTR_POLLER_MEMORY_BYTES_MIN, "what a reading takes at least");

enum { FOLD_BLOCKS = 500, LOOKS_A_STEP = 500 };
#define PASS_EVERY_US (INT64_C(60) * MTR_US_PER_SECOND)
#define WAIT_AGAIN_US (INT64_C(250) * 1000)
#define CLOCK_BACK_US (INT64_C(2) * MTR_US_PER_SECOND)

static int open_files(struct mtr_poller *poller)
{
    struct mtr_diagnostic diagnostic = {0};
    int rc =
        auth_files_open(poller->options.tokens, poller->options.credentials, &poller->files, &diagnostic);
    poller->options.tokens = poller->options.credentials = NULL; /* copied */
    if (rc && diagnostic.text[0])
        poller->hooks.tell(poller->hooks.context, true, (struct mtr_str){0}, diagnostic.text);
    if (rc) return rc;
    const struct auth_hooks hooks = poller_auth_hooks(poller);
    return auth_keeper_open(&hooks, &poller->keeper);
}

/* A ledger of another moment than the log's would take rows for known that the log has lost. */
static int begin_fold(struct mtr_poller *poller)
{
    bool is_anew = false;
    int rc = ledger_fold_begin(poller->fold, mtr_log_last_seq(poller->options.log), &is_anew,
                               &poller->diagnostic);
    if (rc) poller->hooks.tell(poller->hooks.context, true, MTR_STR(""), poller->diagnostic.text);
    if (is_anew)
        poller->hooks.tell(poller->hooks.context, true, MTR_STR(""),
                           "the ledger of windows (intake/) is newer than the log, or of another log: it is "
                           "made anew of this one, and sources are asked for what the log lacks. Those that "
                           "were paused stay paused");
    return rc;
}

static int open_parts(struct mtr_poller *poller)
{
    int rc = mtr_log_reader_attach(poller->options.log, &poller->reader);
    if (!rc) rc = ledger_fold_open(poller->reader, poller->options.ledger, poller->event_key, &poller->fold);
    if (!rc) rc = begin_fold(poller);
    return rc ? rc : open_files(poller);
}

int mtr_poller_open(const struct mtr_poller_options *options, struct mtr_poller **out)
{
    MTR_ASSERT(options->polls_max && options->polls_max <= MTR_POLLER_POLLS_MAX);
    struct mtr_poller *poller = calloc(1, sizeof(*poller));
    if (!poller) return MTR_ENOMEM;
    poller->options = *options;
    poller->hooks = *options->hooks;
    memcpy(poller->event_key, options->event_key, MTR_EVENT_KEY_BYTES);
    MTR_ASSERT(!options->memory || options->memory_bytes_max >= MTR_POLLER_MEMORY_BYTES_MIN);
    mtr_byte_budget_init(&poller->memory.own, options->memory_bytes_max);
    poller->memory.shared = options->memory;
    poller->dry_room = options->dry_bytes_max;
    poller->pages = strdup(options->pages);
    poller_make_hooks(poller);
    int rc = poller->pages ? open_parts(poller) : MTR_ENOMEM;
    if (rc)
        mtr_poller_close(poller);
    else
        *out = poller;
    return rc;
}

void mtr_poller_close(struct mtr_poller *poller)
{
    if (!poller) return;
    MTR_ASSERT(mtr_poller_is_idle(poller));
    auth_keeper_finish(poller->keeper);
    poller_release_sources(poller);
    due_heap_release(&poller->heap);
    auth_keeper_close(poller->keeper);
    auth_files_close(poller->files);
    ledger_fold_close(poller->fold);
    mtr_log_reader_close(poller->reader);
    free(poller->pages);
    free(poller);
}

bool mtr_poller_is_idle(const struct mtr_poller *poller)
{
    const bool is_working = poller->is_folding || poller->submitted || poller->keeps;
    return !poller->running_count && !is_working && !poller->given;
}

void mtr_poller_stop(struct mtr_poller *poller, const char *why)
{
    poller->is_stopping = true;
    poller->why_stopping = why;
    for (struct poller_strand *strand = poller->running; strand; strand = strand->running_next)
        if (poll_state(strand->poll) != POLL_DONE) poll_stop(strand->poll);
    poller_refuse_given(poller);
}

void mtr_poller_allow(struct mtr_poller *poller, bool loopback, bool private_ranges)
{
    poller->options.allow_loopback = loopback;
    poller->options.allow_private = private_ranges;
}

void mtr_poller_hold(struct mtr_poller *poller, bool is_held) { poller->is_held = is_held; }

bool mtr_poller_is_reading(const struct mtr_poller *poller, const struct mtr_strand *source)
{
    if (!poller->is_caught_up) return true;
    const struct poller_source *state = poller_find_source(poller, source->vendor, source->source);
    const struct poller_strand *strand = state ? state->strands : NULL;
    while (strand && !(strand->poll && !poll_task(strand->poll)->is_trial))
        strand = strand->next;
    return strand != NULL;
}

const struct mtr_poller_totals *mtr_poller_totals(const struct mtr_poller *poller) { return &poller->totals; }

uint64_t mtr_poller_applied_seq(const struct mtr_poller *poller) { return poller->applied_seq; }

/* ---- the fold ---- */

static int start_own_work(struct mtr_poller *poller)
{
    poller->is_folding = true;
    poller->own_work = true;
    int rc = poller->hooks.work(poller->hooks.context, NULL);
    if (rc) poller->is_folding = poller->own_work = false;
    return rc;
}

/* With nothing of ours in the intake, no receipt stands behind what is folded. */
static int pass_now_and_then(struct mtr_poller *poller, int64_t now_us)
{
    const bool is_behind = poller->submitted || poller->is_folding || poller->deferred_count;
    if (poller->is_stopping || is_behind || now_us < poller->pass_us) return MTR_OK;
    poller->pass_us = now_us + PASS_EVERY_US;
    poller->pass_seq = mtr_log_last_seq(poller->options.log);
    return poller->pass_seq > poller->applied_seq ? start_own_work(poller) : MTR_OK;
}

static void fold_own(struct mtr_poller *poller)
{
    struct mtr_diagnostic *diagnostic = &poller->diagnostic;
    if (poller->control.is_folding) {
        poller->own_rc =
            ledger_fold_blocks(poller->fold, poller->fold_seqs, poller->fold_seq_count, diagnostic);
        return;
    }
    poller->own_rc = poller->is_caught_up
                         ? ledger_fold_pass(poller->fold, poller->pass_seq, diagnostic)
                         : ledger_fold_step(poller->fold, FOLD_BLOCKS, &poller->has_more, diagnostic);
}

static void read_applied(struct mtr_poller *poller)
{
    struct mtr_ledger_txn *txn;
    if (mtr_ledger_begin(poller->options.ledger, false, &txn)) return;
    struct mtr_ledger_place applied;
    if (!mtr_ledger_applied(txn, &applied)) poller->applied_seq = applied.seq;
    (void)!mtr_ledger_begun(txn, &poller->begun_us);
    mtr_ledger_abort(txn);
}

static void fold_control_now(struct mtr_poller *poller)
{
    poller->control.is_folding = true;
    poller->fold_seq_count = 0;
    poller_gather_folds(poller, poller->control.seq);
    int rc = start_own_work(poller);
    if (rc) poller->own_rc = rc; /* receipts behind it must not be folded before it */
}

static void fold_control(struct mtr_poller *poller)
{
    if (poller->is_folding || !poller->is_caught_up)
        poller->fold_queue[poller->fold_count++] = NULL;
    else
        fold_control_now(poller);
}

/* Nothing is folded any more: the next start does it, from where the ledger stands. */
static void give_up_folds(struct mtr_poller *poller, int64_t now_us)
{
    while (poller->fold_count) {
        struct mtr_poll *poll = poller->fold_queue[--poller->fold_count];
        if (poll) poll_fail_work(poll, MTR_ECLOSED, now_us);
    }
}

/* All that wait, up to what an operator said, and not more than one part of a large reading may have. */
static void take_folds(struct mtr_poller *poller)
{
    uint32_t count = 0;
    const uint64_t most = poll_folds_seq(poller->fold_queue[0]) + MTR_REQUEST_EVENTS_MAX;
    while (count < poller->fold_count && poller->fold_queue[count] &&
           poll_folds_seq(poller->fold_queue[count]) <= most) {
        poller->folding[count] = poller->fold_queue[count];
        count++;
    }
    poller->folding_count = count;
    poller->fold_count -= count;
    memmove(poller->fold_queue, poller->fold_queue + count,
            poller->fold_count * sizeof(poller->fold_queue[0]));
}

/* The folding has ended; with `error` it was not begun. */
static void end_folds(struct mtr_poller *poller, int error, int64_t now_us)
{
    struct mtr_poll *polls[POLL_FOLDS_MAX];
    const uint32_t count = poller->folding_count;
    memcpy(polls, poller->folding, count * sizeof(polls[0]));
    poller->folding_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (error)
            poll_fail_work(polls[i], error, now_us);
        else
            poll_worked(polls[i], now_us);
    }
}

static void next_fold(struct mtr_poller *poller, int64_t now_us)
{
    poller->is_folding = false;
    read_applied(poller);
    while (poller->fold_count && !poller->is_folding && poller->is_caught_up) {
        if (!poller->fold_queue[0]) {
            memmove(poller->fold_queue, poller->fold_queue + 1,
                    --poller->fold_count * sizeof(poller->fold_queue[0]));
            fold_control_now(poller);
            if (poller->own_rc) return;
            continue;
        }
        take_folds(poller);
        int rc = poller_start_folds(poller);
        if (rc) end_folds(poller, rc, now_us);
    }
    if (poller->is_stopping && !poller->is_caught_up && !poller->is_folding) give_up_folds(poller, now_us);
}

/* ---- events ---- */

int mtr_poller_on_piece(struct mtr_poll *poll, const struct mtr_http_answer *answer, struct mtr_str piece)
{
    return poll_piece(poll, answer, piece);
}

void mtr_poller_on_answer(struct mtr_poll *poll, struct mtr_http_answer *answer, int64_t now_us)
{
    poll_answered(poll, answer, now_us);
}

void mtr_poller_do_work(struct mtr_poller *poller, struct mtr_poll *poll)
{
    if (!poll)
        fold_own(poller);
    else if (poll_folds(poll))
        poll_fold(&(struct poll_folding){poller->folding, poller->fold_seqs, poller->folding_count,
                                         poller->fold_seq_count});
    else
        poll_work(poll);
}

void mtr_poller_on_worked(struct mtr_poller *poller, struct mtr_poll *poll, int64_t now_us)
{
    if (!poll) {
        poller->own_work = false;
        if (poller->control.is_folding) {
            poller->control.is_folding = false;
            if (!poller->own_rc) poller->own_rc = poller_control_folded(poller, now_us);
        } else if (!poller->own_rc && !poller->is_caught_up && !poller->has_more) {
            poller->is_caught_up = true;
            poller->deferred_count = 0; /* they were before the log's end */
        }
        if (poller->own_rc) poller->is_caught_up = false; /* nothing is folded behind it */
        next_fold(poller, now_us);
        return;
    }
    if (!poll_folds(poll)) {
        poll_worked(poll, now_us);
        return;
    }
    /* Its receipt is in the log: all is folded from there before anything is read, or folded behind it. */
    if (poll_fold_failed(poll)) poller->is_caught_up = false;
    end_folds(poller, MTR_OK, now_us);
    next_fold(poller, now_us);
}

void mtr_poller_on_committed(struct mtr_poller *poller, struct mtr_request *request, int64_t now_us)
{
    struct mtr_poll *poll = request->context;
    MTR_ASSERT(poller->submitted);
    poller->submitted--;
    if (poll)
        poll_committed(poll, request, now_us);
    else if (poller_control_committed(poller, request))
        fold_control(poller);
}

void mtr_poller_set_handle(struct mtr_poll *poll, void *handle) { poll_set_handle(poll, handle); }

void *mtr_poller_handle(const struct mtr_poll *poll) { return poll_handle(poll); }

/* ---- the step ---- */

static void conclude(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    if (strand->given)
        poller_conclude_given(poller, strand, now_us);
    else
        poller_conclude(poller, strand, now_us);
    poll_close(strand->poll);
    strand->poll = NULL;
    mtr_catalog_release(strand->poll_catalog);
    strand->poll_catalog = NULL;
}

/* Not all of its rows are as its window had them, or it may be the first of its window. */
static bool brought_news(const struct poll_report *report)
{
    const struct reading_counts *counts = &report->counts;
    const bool is_known = counts->rows && counts->same == counts->rows && !counts->gone;
    return report->result == POLL_TAKEN && !is_known;
}

/* Readings that wait go on, those that ended are concluded. *next_us: when one waits for. */
static int go_on(struct mtr_poller *poller, int64_t now_us, int64_t *next_us)
{
    int rc = MTR_OK;
    struct poller_strand **link = &poller->running;
    while (*link) {
        struct poller_strand *strand = *link;
        if (poll_state(strand->poll) == POLL_WAITING &&
            (poll_again_us(strand->poll) <= now_us || poll_again_us(strand->poll) == INT64_MAX)) {
            poller_unpark(poller, strand);
            poll_go(strand->poll, now_us);
        }
        poller_make_room(poller, strand, now_us);
        if (poll_state(strand->poll) == POLL_WAITING) {
            const int64_t again_us = poll_again_us(strand->poll);
            const int64_t wait_us = again_us == INT64_MAX ? now_us + WAIT_AGAIN_US : again_us;
            if (wait_us < *next_us) *next_us = wait_us;
        }
        if (poll_state(strand->poll) != POLL_DONE) {
            link = &strand->running_next;
            continue;
        }
        *link = strand->running_next;
        poller->running_count--;
        poller_unpark(poller, strand);
        /* It ended between its parts: nothing is read before the ledger has those that the log has. */
        if (poll_has_deferred(strand->poll) && !poller->is_stopping) poller->is_caught_up = false;
        const int left = poller_crowd_leave(poller, strand, now_us);
        if (!rc) rc = left;
        const bool is_in = brought_news(poll_report(strand->poll)) &&
                           strand->source->generation == poller->generation; /* else its document is gone */
        conclude(poller, strand, now_us);
        if (is_in && !rc && !poller->is_stopping) poller_items_changed(poller, strand->source);
        if (strand->is_gone)
            poller_drop_strand(poller, strand);
        else if (!rc)
            rc = due_heap_set(&poller->heap, &strand->due, now_us);
    }
    return rc;
}

static bool has_room(const struct mtr_poller *poller)
{
    return !poller->hooks.has_room || poller->hooks.has_room(poller->hooks.context);
}

/* One that waits for memory stays first, so that small ones do not keep it from a large one for ever. */
static int start_due(struct mtr_poller *poller, int64_t now_us, int64_t *next_us)
{
    int rc = MTR_OK;
    if (poller->is_held) return MTR_OK;
    poller->is_starved = !has_room(poller);
    for (int looks = 0; !rc && !poller->is_starved; looks++) {
        struct due_item *first = due_heap_first(&poller->heap);
        if (!first || first->due_us > now_us) {
            if (first && first->due_us < *next_us) *next_us = first->due_us;
            return MTR_OK;
        }
        if (!poller_has_place(poller)) return MTR_OK; /* when one ends */
        if (looks == LOOKS_A_STEP) return *next_us = now_us, MTR_OK;           /* others on the loop */
        rc = poller_look(poller, (struct poller_strand *)first, now_us);
    }
    if (poller->is_starved && now_us + WAIT_AGAIN_US < *next_us) *next_us = now_us + WAIT_AGAIN_US;
    return rc;
}

/* What has ended since is due again, and may be begun at once. */
static void look_soon(const struct mtr_poller *poller, int64_t now_us, int64_t *next_us)
{
    const struct due_item *first = due_heap_first(&poller->heap);
    if (first && !poller->is_starved && !poller->is_held && poller_has_place(poller))
        *next_us = mtr_time_sooner(*next_us, mtr_time_later(first->due_us, now_us));
}

/* Our clock went back: what was planned by what it said before is planned anew. */
static int plan_anew(struct mtr_poller *poller, int64_t now_us)
{
    poller->fold_again_us = poller->pass_us = poller->log_begin_us = 0;
    return poller_look_at_all(poller, now_us);
}

/* Where there is no room it is tried again, from what the ledger has: nothing is read until then. */
static int check_fold(struct mtr_poller *poller, int64_t now_us)
{
    if (poller->is_stopping) return MTR_OK; /* the next start folds it */
    if (poller->own_work) return MTR_OK; /* the pool has it, what it ends with too */
    const int rc = poller->own_rc;
    if (!rc) return MTR_OK;
    if (rc != MTR_EFULL && rc != MTR_ENOMEM && rc != MTR_EFILES) {
        poller->hooks.tell(poller->hooks.context, true, MTR_STR(""), poller->diagnostic.text);
        return rc;
    }
    poller->own_rc = MTR_OK;
    poller->is_caught_up = false;
    poller->fold_again_us = now_us + MTR_US_PER_SECOND;
    return MTR_OK;
}

int mtr_poller_step(struct mtr_poller *poller, struct mtr_catalog *catalog, int64_t now_us, int64_t *next_us)
{
    *next_us = now_us + PASS_EVERY_US;
    const bool went_back = now_us < poller->now_us - CLOCK_BACK_US;
    poller->now_us = now_us;
    int rc = check_fold(poller, now_us);
    if (!rc && went_back) rc = plan_anew(poller, now_us);
    if (rc) return rc;
    const bool is_left = poller->is_stopping && !poller->is_folding; /* to the next start */
    if (!poller->is_caught_up && is_left) give_up_folds(poller, now_us);
    if (!poller->is_caught_up && !poller->is_folding && !is_left && now_us < poller->fold_again_us) {
        *next_us = poller->fold_again_us;
        return MTR_OK;
    }
    if (!poller->is_caught_up && !is_left) {
        *next_us = INT64_MAX; /* on_worked comes */
        if (poller->is_folding || !start_own_work(poller)) return MTR_OK;
        *next_us = poller->fold_again_us = now_us + MTR_US_PER_SECOND; /* there was no memory */
        return MTR_OK;
    }
    rc = poller->is_stopping ? MTR_OK : poller_take_catalog(poller, catalog, now_us);
    if (!rc) rc = go_on(poller, now_us, next_us);
    if (!rc && !poller->is_stopping && poller->is_caught_up) {
        rc = poller_go_on_items(poller, now_us, next_us);
        if (!rc) rc = poller_start_given(poller, now_us, next_us);
        if (!rc) rc = start_due(poller, now_us, next_us);
    }
    if (!rc) rc = go_on(poller, now_us, next_us);
    if (!poller->is_caught_up && !poller->is_stopping) *next_us = now_us; /* the fold is first */
    if (!rc && !poller->is_stopping) look_soon(poller, now_us, next_us);
    return rc ? rc : pass_now_and_then(poller, now_us);
}

/* ---- what people see ---- */

static void write_status(const struct poller_source *source, struct mtr_source_status *status)
{
    *status = (struct mtr_source_status){.vendor = mtr_str_from(source->vendor),
                                         .key = mtr_str_from(source->key),
                                         .is_disabled = source->source->disabled,
                                         .is_paused = source->is_paused,
                                         .read_us = source->read_us,
                                         .next_us = INT64_MAX,
                                         .readings = source->readings,
                                         .failures = source->failures,
                                         .rows = source->rows,
                                         .changes = source->changes};
    for (const struct poller_strand *strand = source->strands; strand; strand = strand->next) {
        status->strands++;
        status->reading += strand->poll != NULL;
        /* When it is looked at all the same is of its alarms. */
        const bool is_due = !strand->poll && !source->is_paused && !source->source->by_hand;
        if (is_due) status->next_us = mtr_time_sooner(status->next_us, strand->due.due_us);
    }
    poller_show_alarms(source, status);
    if (source->is_overfull && status->alarm_count < MTR_ALARM_COUNT)
        status->alarms[status->alarm_count++] = (struct mtr_source_alarm){
            .alarm = MTR_ALARM_LIMIT,
            .text = "the list has more than 100000 values: the others are not asked for"};
}

bool mtr_poller_status(const struct mtr_poller *poller, struct mtr_str vendor, struct mtr_str key,
                       struct mtr_source_status *out)
{
    const struct poller_source *source = poller_find_source(poller, vendor, key);
    if (source) write_status(source, out);
    return source != NULL;
}
