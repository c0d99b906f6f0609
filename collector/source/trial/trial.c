/*
 * A trial's way: a poll of its own (poll/poll.h) whose reading is watched, and which ends with its verdict.
 *
 * Invariants: one reading at a time; nothing is ever submitted, so there is no fold; the ledger is read, and
 * written by nobody.
 */
#include "meterd/collector/source_trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/trial/trial_state.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "meterd/source/schedule.h"

enum { ROW_ARENA_BYTES_MAX = 1 << 20, EVENTS_A_PART = 1000 };
#define WAIT_AGAIN_US (INT64_C(250) * 1000)

/* ---- opening ---- */

static int open_ledger(struct mtr_trial *trial, struct mtr_diagnostic *diagnostic)
{
    char path[TRIAL_PATH_BYTES];
    trial->ledger = trial->options.ledger;
    if (trial->ledger) return MTR_OK;
    if (snprintf(path, sizeof(path), "%s/ledger", trial->options.directory) >= TRIAL_PATH_BYTES)
        return MTR_ELIMIT;
    int rc = mtr_ledger_open(path, false, &trial->own_ledger, diagnostic);
    trial->ledger = trial->own_ledger;
    return rc;
}

static int open_auth(struct mtr_trial *trial, struct mtr_diagnostic *diagnostic)
{
    char tokens[TRIAL_PATH_BYTES];
    snprintf(tokens, sizeof(tokens), "%s/tokens", trial->options.directory);
    int rc = auth_files_open(trial->options.tokens ? trial->options.tokens : tokens,
                             trial->options.credentials, &trial->files, diagnostic);
    if (rc) return rc;
    const struct auth_hooks hooks = trial_auth_hooks(trial);
    rc = auth_keeper_open(&hooks, &trial->keeper);
    if (rc) return rc;
    return auth_open(trial->keeper, &trial->source, &trial->auth);
}

static int open_limits(struct mtr_trial *trial)
{
    gate_init(&trial->gate, 0);
    breaker_init(&trial->breaker, 0);
    return gate_agree(&trial->gate, &trial->options.source->limits);
}

/* Whoever has no secrets, asks without. */
static void take_source(struct mtr_trial *trial, const struct mtr_source *source)
{
    trial->source = *source;
    if (trial->options.secret == MTR_TRIAL_SECRET_NONE)
        trial->source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_NONE};
}

int mtr_trial_open(const struct mtr_trial_options *options, struct mtr_trial **out,
                   struct mtr_diagnostic *diagnostic)
{
    *diagnostic = (struct mtr_diagnostic){0};
    struct mtr_trial *trial = calloc(1, sizeof(*trial));
    if (!trial) return MTR_ENOMEM;
    trial->options = *options;
    trial->hooks = *options->hooks;
    if (options->event_key) memcpy(trial->event_key, options->event_key, MTR_EVENT_KEY_BYTES);
    snprintf(trial->pages, sizeof(trial->pages), "%s/pages", options->directory);
    const struct mtr_judge_options judge = {.lateness_us = INT64_MAX / 2, /* a source's rows never expire */
                                            .future_us = options->future_us,
                                            .grace_us = options->grace_us};
    judge_init(&trial->judge, &judge);
    mtr_arena_init(&trial->row_arena, 4 << 10, ROW_ARENA_BYTES_MAX);
    trial_make_hooks(trial);
    take_source(trial, options->source);
    int rc = source_mask_open(&trial->mask);
    if (!rc) rc = open_limits(trial);
    if (!rc) rc = open_ledger(trial, diagnostic);
    if (!rc) rc = open_auth(trial, diagnostic);
    if (!rc && options->catalog) rc = judge_begin(&trial->judge, options->catalog);
    if (rc)
        mtr_trial_close(trial);
    else
        *out = trial;
    return rc;
}

void mtr_trial_close(struct mtr_trial *trial)
{
    if (!trial) return;
    MTR_ASSERT(!trial->poll);
    if (trial->auth) auth_close(trial->auth);
    auth_keeper_close(trial->keeper);
    auth_files_close(trial->files);
    mtr_ledger_close(trial->own_ledger);
    gate_release(&trial->gate);
    judge_release(&trial->judge);
    mtr_arena_release(&trial->row_arena);
    source_mask_close(trial->mask);
    free(trial);
}

int mtr_trial_mask(struct mtr_trial *trial, struct mtr_str text, struct mtr_buffer *out)
{
    return source_mask_links(trial->mask, text, out);
}

/* ---- a reading ---- */

static void say(struct mtr_trial *trial, enum mtr_trial_result result, const char *text)
{
    trial->report.result = result;
    trial->report.alarm = MTR_ALARM_FAILING;
    snprintf(trial->report.text, sizeof(trial->report.text), "%s", text);
}

/* MTR_EEXISTS: it is settled, its run is gone. */
static int look_up(struct mtr_trial *trial, const struct mtr_strand *strand, const struct mtr_window *window,
                   struct poll_task *task)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_window record;
    int rc = mtr_ledger_begin(trial->ledger, false, &txn);
    if (rc) return rc;
    rc = window->to_us ? mtr_ledger_get_window(txn, strand, window->from_us, &record) : MTR_ENOTFOUND;
    const bool is_settled = !rc && record.state == MTR_WINDOW_SETTLED;
    if (!rc && record.state == MTR_WINDOW_SUSPECT)
        task->confirms_us = mtr_schedule_tick(&trial->source.schedule, record.noted_us + 1);
    mtr_ledger_abort(txn);
    if (rc == MTR_ENOTFOUND) rc = MTR_OK;
    if (rc || !is_settled || trial->options.log) return rc;
    say(trial, MTR_TRIAL_FAILED, "the window is settled: nothing is known of its rows any more");
    return MTR_EEXISTS;
}

int mtr_trial_begin(struct mtr_trial *trial, const struct mtr_trial_ask *ask, int64_t now_us)
{
    struct poll_report report;
    MTR_ASSERT(!trial->poll);
    take_source(trial, ask->source ? ask->source : trial->options.source);
    trial->now_us = now_us;
    trial->requests = 0;
    trial->report = (struct mtr_trial_report){
        .newest_us = INT64_MIN, .skew_us = INT64_MIN, .is_draft = ask->window.to_us > now_us};
    struct poll_task task = {.hooks = &trial->poll_hooks,
                             .source = &trial->source,
                             .strand = {trial->source.vendor, trial->source.key, ask->each},
                             .subscription = ask->subscription,
                             .window = ask->window,
                             .is_draft = trial->report.is_draft,
                             .number = ++trial->readings,
                             .event_key = trial->event_key,
                             .pages = trial->pages,
                             .events_max = EVENTS_A_PART,
                             .ledger = trial->ledger,
                             .log = trial->options.log,
                             .auth = trial->auth,
                             .gate = &trial->gate,
                             .breaker = &trial->breaker,
                             .watch = &trial->watch};
    int rc = look_up(trial, &task.strand, &ask->window, &task);
    if (rc) return rc;
    rc = poll_open(&task, now_us, &trial->poll, &report);
    if (rc) say(trial, MTR_TRIAL_FAILED, report.text);
    return rc;
}

/* One that waits for somebody else to leave looks again each time: there is nobody who would tell. */
static bool may_go(const struct mtr_poll *poll, int64_t now_us, bool has_gone)
{
    const int64_t again_us = poll_again_us(poll);
    return poll_state(poll) == POLL_WAITING && (again_us <= now_us || (again_us == INT64_MAX && !has_gone));
}

bool mtr_trial_step(struct mtr_trial *trial, int64_t now_us, int64_t *next_us)
{
    struct mtr_poll *poll = trial->poll;
    bool has_gone = false;
    trial->now_us = now_us;
    for (;;) {
        if (trial->has_work) {
            trial->has_work = false;
            poll_work(poll);
            poll_worked(poll, now_us);
        } else if (may_go(poll, now_us, has_gone)) {
            poll_go(poll, now_us);
            has_gone = true;
        } else {
            break;
        }
    }
    *next_us = INT64_MAX;
    if (poll_state(poll) == POLL_WAITING)
        *next_us = poll_again_us(poll) == INT64_MAX ? now_us + WAIT_AGAIN_US : poll_again_us(poll);
    return poll_state(poll) == POLL_DONE;
}

void mtr_trial_stop(struct mtr_trial *trial)
{
    if (trial->poll && poll_state(trial->poll) != POLL_DONE) poll_stop(trial->poll);
}

/* ---- the report ---- */

static void write_found(const struct mtr_found *found, struct mtr_trial_proof *out)
{
    out->is_said = found->kind != MTR_FOUND_NOTHING;
    const struct mtr_str text = found->kind == MTR_FOUND_TRUE    ? MTR_STR("true")
                                : found->kind == MTR_FOUND_FALSE ? MTR_STR("false")
                                                                 : found->text;
    snprintf(out->said, sizeof(out->said), "%.*s", MTR_STR_ARGS(mtr_str_quoted(text, sizeof(out->said) - 1)));
}

static void take_proofs(struct mtr_trial *trial)
{
    const struct mtr_source_complete *complete = &trial->source.complete;
    struct mtr_trial_report *report = &trial->report;
    const struct reading_proofs proofs = reading_proofs_of(poll_reading(trial->poll));
    char sum[MTR_DECIMAL_TEXT_BYTES];
    report->count.is_asked = complete->count.size > 0;
    report->sum.is_asked = complete->sum.size > 0;
    report->flag.is_asked = complete->flag.size > 0;
    write_found(&proofs.count, &report->count);
    write_found(&proofs.sum, &report->sum);
    write_found(&proofs.flag, &report->flag);
    snprintf(report->count.came, sizeof(report->count.came), "%llu", (unsigned long long)proofs.rows);
    mtr_decimal_format(proofs.rows_sum, sum);
    snprintf(report->sum.came, sizeof(report->sum.came), "%s", sum);
}

static enum mtr_trial_result result_of(const struct mtr_trial *trial, const struct poll_report *report)
{
    const struct verdict *verdict = poll_verdict(trial->poll);
    switch (report->result) {
    case POLL_TAKEN: return MTR_TRIAL_TAKEN;
    case POLL_UNCHANGED: return MTR_TRIAL_UNCHANGED;
    case POLL_PARKED: /* a trial waits */
    case POLL_FAILED: return MTR_TRIAL_FAILED;
    case POLL_NOT_TAKEN:
    case POLL_TOO_LARGE: break;
    }
    const bool is_short = trial->source.expect.rows_min && verdict->agreed &&
                          reading_counts_of(poll_reading(trial->poll)).rows < trial->source.expect.rows_min;
    return verdict->agreed && !is_short ? MTR_TRIAL_AGAIN : MTR_TRIAL_NOT_TAKEN;
}

const struct mtr_trial_report *mtr_trial_report(const struct mtr_trial *trial) { return &trial->report; }

static void take_report(struct mtr_trial *trial)
{
    const struct poll_report *poll = poll_report(trial->poll);
    struct mtr_trial_report *report = &trial->report;
    report->result = result_of(trial, poll);
    report->alarm = poll->alarm;
    snprintf(report->text, sizeof(report->text), "%s", poll->text);
    report->requests = trial->requests;
    report->pages = poll->pages;
    report->bytes = poll->bytes;
    report->skew_us = poll->skew_us;
    if (!poll_reading(trial->poll)) return;
    const struct reading_counts counts = reading_counts_of(poll_reading(trial->poll));
    report->rows = counts.rows;
    report->skipped = counts.skipped;
    report->problems = counts.problems;
    report->repeated = counts.repeated;
    report->newest_us = counts.newest_us;
    if (poll_verdict(trial->poll)) {
        report->same = counts.same;
        report->added = counts.added;
        report->changed = counts.changed;
        report->gone = counts.gone;
    }
    take_proofs(trial);
}

void mtr_trial_end(struct mtr_trial *trial)
{
    if (!trial->poll) return;
    take_report(trial);
    poll_close(trial->poll);
    trial->poll = NULL;
    trial->has_work = false;
}
