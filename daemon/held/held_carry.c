/*
 * Held events are carried out of segments that retention is about to take; see held.h.
 *
 * A pass goes over what is held, in the order of the log, a page at a time, up to the last segment that is
 * due. That all up to there was carried holds as long as no event of long ago comes to be held: only a fold
 * that is behind (a meter that catches up, a release) or that learns of a new catalog can do that, and before
 * such a step retention is stopped and the pass begins anew.
 *
 * The same pages say which copies nobody waits for any more.
 */
#include "daemon/daemon.h"

#include <stdlib.h>

#include "daemon/held/held_page.h"
#include "daemon/metrics.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/store/log_carried.h"

enum { PAGE_EVENTS = 1 << 17 };
#define RETRY_US (10 * MTR_US_PER_SECOND)
#define SWEEP_EVERY_US (3600 * MTR_US_PER_SECOND)
/* Longer than a backup takes: the rollups in it may hold what flowed while it was made. */
#define SPARED_US (24 * 3600 * MTR_US_PER_SECOND)

void held_before_fold(struct mtr_daemon *daemon, uint64_t catalog_version)
{
    struct mtr_daemon_held *held = &daemon->held;
    if (held->catalog_version == catalog_version && !held->is_behind) return;
    held->generation++;
    pthread_mutex_lock(&held->retain_mutex);
    held->kept_seq = 0;
    pthread_mutex_unlock(&held->retain_mutex);
}

/* Is it as the fold will leave it, until held_before_fold says another thing? */
static bool is_settled(struct mtr_daemon *daemon, uint64_t *generation)
{
    struct mtr_daemon_held *held = &daemon->held;
    pthread_mutex_lock(&daemon->fold_mutex);
    const bool is_settled = held->catalog_version && !held->is_behind;
    *generation = held->generation;
    pthread_mutex_unlock(&daemon->fold_mutex);
    return is_settled;
}

static uint64_t kept_seq(struct mtr_daemon_held *held)
{
    pthread_mutex_lock(&held->retain_mutex);
    const uint64_t seq = held->kept_seq;
    pthread_mutex_unlock(&held->retain_mutex);
    return seq;
}

/* All up to there was carried, if that is still true. */
static void publish(struct mtr_daemon *daemon, const struct held_carrying *carrying)
{
    struct mtr_daemon_held *held = &daemon->held;
    pthread_mutex_lock(&daemon->fold_mutex);
    if (held->generation == carrying->generation && !held->is_behind) {
        pthread_mutex_lock(&held->retain_mutex);
        held->kept_seq = carrying->up_to_seq;
        pthread_mutex_unlock(&held->retain_mutex);
    }
    pthread_mutex_unlock(&daemon->fold_mutex);
}

/* A page of what is held behind a sequence; *next_seq: how far the fold had come by then. */
static int read_page(struct mtr_daemon *daemon, struct held_page *page, uint64_t *next_seq)
{
    struct mtr_rollups_txn *txn = NULL;
    int64_t watermark_us;
    uint64_t change;
    int rc = mtr_rollups_begin(daemon->rollups, false, &txn);
    if (!rc) rc = mtr_rollups_get_cursor(txn, next_seq, &watermark_us, &change);
    if (!rc) rc = held_page_fill(page, txn);
    if (txn) mtr_rollups_abort(txn);
    return rc;
}

/* Sequences of the page up to that one; the caller's. NULL: out of memory. */
static uint64_t *sequences(const struct held_page *page, uint64_t up_to_seq, uint32_t *count)
{
    uint64_t *seqs = malloc(((size_t)page->count + 1) * sizeof(*seqs));
    *count = 0;
    for (uint32_t i = 0; seqs && i < page->count && page->rows[i].seq <= up_to_seq; i++)
        seqs[(*count)++] = page->rows[i].seq;
    return seqs;
}

/* ---- what is due ---- */

static bool begin_pass(struct mtr_daemon *daemon, struct held_carrying *carrying)
{
    const int64_t before_us = mtr_intake_kept_from_us(daemon->intake, clock_now(daemon));
    const uint64_t due_seq = mtr_log_retirable(daemon->log, before_us);
    const uint64_t kept = kept_seq(&daemon->held);
    uint64_t generation;
    if (due_seq <= kept || !is_settled(daemon, &generation)) return false;
    carrying->after_seq = generation == carrying->generation ? kept : 0; /* all before was looked at */
    carrying->generation = generation;
    carrying->up_to_seq = due_seq;
    return true;
}

/* A page of the pass. What is not folded yet may come to be held. */
static int carry_page(struct mtr_daemon *daemon, struct held_carrying *carrying,
                      struct mtr_diagnostic *diagnostic)
{
    struct held_page page = {.after = carrying->after_seq, .room = PAGE_EVENTS, .with_beyond = true};
    uint64_t next_seq = 0, *seqs = NULL;
    uint32_t count = 0;
    int rc = read_page(daemon, &page, &next_seq);
    if (!rc && next_seq <= carrying->up_to_seq) rc = MTR_EAGAIN;
    if (!rc && !(seqs = sequences(&page, carrying->up_to_seq, &count))) rc = MTR_ENOMEM;
    if (!rc) rc = mtr_log_carry(daemon->log, seqs, count, diagnostic);
    const bool is_last = !page.has_more || count < page.count;
    if (!rc && is_last) publish(daemon, carrying);
    if (!rc && !is_last) carrying->after_seq = page.rows[page.count - 1].seq;
    if (rc || is_last) carrying->up_to_seq = 0;
    free(seqs);
    held_page_release(&page);
    return rc;
}

/* ---- what nobody waits for ---- */

/* While no step of the fold runs: one may come to hold what nobody has waited for. */
static int sweep_copies(struct mtr_daemon *daemon, uint64_t generation, const struct mtr_log_sweep *sweep)
{
    struct mtr_daemon_held *held = &daemon->held;
    pthread_mutex_lock(&daemon->fold_mutex);
    const bool is_same = held->generation == generation && !held->is_behind;
    const int rc =
        is_same ? mtr_log_sweep_carried(daemon->log, sweep, &held->carrying.swept_seq) : MTR_EAGAIN;
    pthread_mutex_unlock(&daemon->fold_mutex);
    return rc;
}

/* The stretch of copies behind the last one that the page can tell of. */
static int sweep_stretch(struct mtr_daemon *daemon, struct held_carrying *carrying)
{
    struct held_page page = {.after = carrying->swept_seq, .room = PAGE_EVENTS, .with_beyond = true};
    const struct mtr_trusted_time time = clock_now(daemon);
    uint64_t next_seq, generation, *seqs = NULL;
    uint32_t count = 0;
    if (!is_settled(daemon, &generation)) return MTR_EAGAIN;
    int rc = read_page(daemon, &page, &next_seq);
    if (!rc && !(seqs = sequences(&page, UINT64_MAX, &count))) rc = MTR_ENOMEM;
    const struct mtr_log_sweep sweep = {.after_seq = carrying->swept_seq,
                                        .up_to_seq = page.has_more ? page.rows[count - 1].seq : UINT64_MAX,
                                        .wanted = seqs,
                                        .wanted_count = count,
                                        .now_us = mtr_time_sooner(time.forget_us, time.earliest_us),
                                        .spared_us = SPARED_US};
    if (!rc) rc = sweep_copies(daemon, generation, &sweep);
    free(seqs);
    held_page_release(&page);
    return rc;
}

static int sweep(struct mtr_daemon *daemon, struct held_carrying *carrying, bool *more)
{
    const int64_t now_us = mtr_clock_monotonic_us();
    uint64_t carried;
    if (carrying->swept_us != INT64_MIN && now_us - carrying->swept_us < SWEEP_EVERY_US) return MTR_OK;
    int rc = mtr_log_count_carried(daemon->log, &carried);
    if (!rc && carried) rc = sweep_stretch(daemon, carrying);
    *more = !rc && carried && carrying->swept_seq < UINT64_MAX;
    if (rc || *more) return rc;
    carrying->swept_us = now_us;
    carrying->swept_seq = 0;
    return MTR_OK;
}

/* ---- a step ---- */

static void tell(struct held_carrying *carrying, int rc, const struct mtr_diagnostic *diagnostic)
{
    if (rc && rc != MTR_EAGAIN && rc != carrying->told)
        mtr_logline(MTR_LEVEL_WARNING, "held",
                    "held events cannot be carried out of segments that are due, which stay until they can: "
                    "%s%s%s",
                    mtr_error_text(rc), diagnostic->text[0] ? ": " : "", diagnostic->text);
    carrying->told = rc;
}

void held_carry(struct mtr_daemon *daemon, bool *more)
{
    struct held_carrying *carrying = &daemon->held.carrying;
    const int64_t now_us = mtr_clock_monotonic_us();
    struct mtr_diagnostic diagnostic = {0};
    int rc;
    *more = false;
    if (carrying->failed_us != INT64_MIN && now_us - carrying->failed_us < RETRY_US) return;
    if (carrying->up_to_seq || begin_pass(daemon, carrying)) {
        rc = carry_page(daemon, carrying, &diagnostic);
        *more = !rc && carrying->up_to_seq;
    } else {
        rc = sweep(daemon, carrying, more);
    }
    carrying->failed_us = rc && rc != MTR_EAGAIN ? now_us : INT64_MIN;
    tell(carrying, rc, &diagnostic);
}
