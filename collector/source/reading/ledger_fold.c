/*
 * What a block's receipts make of the ledger.
 *
 * Invariant: a row goes into the run of its receipt's window; a void takes it out of that window's run whose
 * start is the void's time. A settled window has no run, and gets none when it is read again: what its rows
 * are is collected from the log then (log_rows.h), so all changes of it lie between seq_first and seq_last.
 *
 * Of a log without its beginning a window may have rows in what is gone. Its receipts tell: more rows stay
 * than the ledger knows, or a reading goes on that has not begun. Then it is cut: it gets no run. A reading
 * by which no row stays is a new beginning.
 */
#include "collector/source/reading/ledger_fold.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/control/control_note.h"
#include "collector/source/items/list_items.h"
#include "collector/source/job/job_note.h"
#include "collector/source/reading/row_changes.h"
#include "meterd/core/arena.h"
#include "meterd/core/limits.h"

enum { ARENA_BYTES_MAX = 1 << 20 };
/* Changes that go to a run together, and the room for some that stays. */
enum { OPEN_CHANGES_MAX = 256 << 10, KEPT_CHANGES_MAX = 64 << 10 };

/* Parts of one reading whose rows have not gone to the run yet. */
struct open_parts {
    bool is_open;
    struct mtr_arena arena; /* of the strand's texts */
    struct mtr_strand strand;
    int64_t start_us;
    uint64_t reading;
};

struct ledger_fold {
    struct mtr_log_reader *reader;
    struct mtr_ledger *ledger;
    uint8_t event_key[MTR_EVENT_KEY_BYTES];
    struct mtr_arena arena; /* of one receipt */
    struct row_changes changes;
    struct open_parts open;
    bool has_no_run, is_cut, begins_anew; /* the receipt's window; the last: it was cut, and nothing stays */
};

int ledger_fold_open(struct mtr_log_reader *reader, struct mtr_ledger *ledger,
                     const uint8_t event_key[MTR_EVENT_KEY_BYTES], struct ledger_fold **out)
{
    struct ledger_fold *fold = calloc(1, sizeof(*fold));
    if (!fold) return MTR_ENOMEM;
    *fold = (struct ledger_fold){.reader = reader, .ledger = ledger};
    memcpy(fold->event_key, event_key, MTR_EVENT_KEY_BYTES);
    mtr_arena_init(&fold->arena, 16 << 10, ARENA_BYTES_MAX);
    mtr_arena_init(&fold->open.arena, 1 << 10, ARENA_BYTES_MAX);
    *out = fold;
    return MTR_OK;
}

void ledger_fold_close(struct ledger_fold *fold)
{
    if (!fold) return;
    mtr_arena_release(&fold->open.arena);
    mtr_arena_release(&fold->arena);
    row_changes_release(&fold->changes);
    free(fold);
}

/* ---- the window of a receipt ---- */

static void take_reading(struct mtr_ledger_window *window, const struct receipt *receipt)
{
    if (receipt_is_taken(receipt)) {
        if (!window->first_us) window->first_us = receipt->began_us;
        window->last_us = receipt->began_us;
        window->readings += !receipt->replays; /* the vendor was not asked */
        window->sum = receipt->sum;
        window->repeated = receipt->repeated;
        window->unknown = receipt->unknown;
        window->counting = receipt->counting;
        window->proofs = receipt->proofs;
        window->changes += receipt->added + receipt->changed + receipt->gone;
    }
    window->state = receipt->state;
    window->agreed = receipt->agreed;
    window->content = receipt->content;
    window->said_rows = receipt->rows;
    window->said_sum = receipt->sum;
    window->said_counting = receipt->counting;
    window->problem = receipt->problem;
}

/* The events of a receipt: events[first…at] of a block; the receipt stands at `at`. */
struct part_events {
    const struct mtr_event *events;
    uint32_t first, at;
    uint64_t block_seq;
};

/* What they were: sequences, 0 without any, and what they did to the window's run, or say that they did. */
struct written {
    uint64_t first_seq, last_seq;
    struct mtr_run_delta delta, said;
    int64_t reach_us;
};

static void take_part(struct mtr_ledger_window *window, const struct receipt *receipt,
                      const struct written *written)
{
    window->noted_us = receipt->began_us;
    if (written->first_seq) {
        if (!window->first_us) window->first_us = receipt->began_us;
        if (!window->seq_first) window->seq_first = written->first_seq;
        window->seq_last = written->last_seq;
        window->reading = receipt->reading;
    }
    if (receipt->is_last) take_reading(window, receipt);
    else window->state = MTR_WINDOW_PARTIAL;
}

/* The mark is that of a reading which is in whole. Until then, nobody knows what the window is like. */
static int fold_mark(struct mtr_ledger_txn *txn, const struct receipt *receipt)
{
    if (receipt->is_last && !receipt_is_taken(receipt)) return MTR_OK; /* nothing of it was */
    const struct mtr_str mark = receipt->is_last ? receipt->cursor : MTR_STR("");
    return mtr_ledger_put_mark(txn, &receipt->strand, receipt->start_us, mark);
}

/* What it had in the part that is gone, the receipt says. */
static void count_cut(struct mtr_ledger_window *window, const struct receipt *receipt,
                      struct mtr_run_delta delta)
{
    const int64_t rows = (int64_t)(window->is_cut ? window->rows : receipt->same) + delta.rows;
    const int64_t refused = (int64_t)window->refused + delta.refused;
    window->rows = rows > 0 ? (uint64_t)rows : 0;
    window->refused = refused > 0 ? (uint64_t)refused : 0;
    if (receipt->is_last && receipt_is_taken(receipt))
        window->rows = receipt->same + receipt->added + receipt->changed;
    window->is_cut = window->has_no_run = true;
}

static int fold_window(struct ledger_fold *fold, struct mtr_ledger_txn *txn, const struct receipt *receipt,
                       const struct written *written)
{
    struct mtr_ledger_window window;
    int rc = mtr_ledger_get_window(txn, &receipt->strand, receipt->start_us, &window);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (rc) window = (struct mtr_ledger_window){.start_us = receipt->start_us};
    char problem[MTR_LEDGER_PROBLEM_BYTES_MAX];
    row_changes_keep_problem(&window, problem);
    if (fold->begins_anew) {
        window.is_cut = window.has_no_run = false;
        window.rows = window.refused = window.seq_first = 0;
    }
    if (fold->is_cut) count_cut(&window, receipt, written->delta);
    else row_changes_add(&window, written->delta);
    window.end_us = receipt->end_us;
    if (written->reach_us > window.reach_us) window.reach_us = written->reach_us;
    take_part(&window, receipt, written);
    if (window.is_cut && window.state == MTR_WINDOW_COMPLETE) window.state = MTR_WINDOW_SETTLED;
    const bool settles = window.state == MTR_WINDOW_SETTLED && !window.has_no_run;
    rc = settles ? mtr_run_settle(txn, &receipt->strand, receipt->start_us) : MTR_OK;
    window.has_no_run = window.has_no_run || window.state == MTR_WINDOW_SETTLED;
    if (!rc) rc = fold_mark(txn, receipt);
    if (!rc && receipt->is_last && window.last_us == receipt->began_us)
        rc = mtr_ledger_note_newest(txn, &receipt->strand, window.start_us, receipt->began_us);
    return rc ? rc : mtr_ledger_put_window(txn, &receipt->strand, &window);
}

static int fold_source(struct mtr_ledger_txn *txn, const struct receipt *receipt)
{
    struct mtr_ledger_source source;
    int rc = mtr_ledger_get_source(txn, &receipt->strand, &source);
    if (rc || (receipt->reading <= source.last_reading && source.first_us)) return rc;
    if (receipt->reading > source.last_reading) source.last_reading = receipt->reading;
    if (!source.first_us) source.first_us = receipt->began_us;
    return mtr_ledger_put_source(txn, &receipt->strand, &source);
}

/* A feed goes on behind a reading that is in whole: until its last part it would lose what follows. Since
 * when there are rows of one that is not, the first part tells that has any. */
static int fold_feed(struct mtr_ledger_txn *txn, const struct receipt *receipt, const struct written *written)
{
    struct mtr_feed feed = {0};
    char cursor[MTR_LEDGER_CURSOR_BYTES_MAX]; /* the old one is borrowed from the row that is replaced */
    const bool is_whole = mtr_window_is_whole(receipt->state);
    if (receipt->is_last ? !is_whole : !written->first_seq) return MTR_OK;
    int rc = mtr_ledger_feed(txn, &receipt->strand, &feed);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (feed.cursor.size) memcpy(cursor, feed.cursor.data, feed.cursor.size);
    feed.cursor.data = cursor;
    if (!receipt->is_last && !feed.begun_us) feed.begun_us = receipt->began_us;
    if (receipt->is_last && receipt->cursor.data) feed.cursor = receipt->cursor;
    if (receipt->is_last) feed.read_us = receipt->began_us;
    if (receipt->is_last) feed.begun_us = 0;
    return mtr_ledger_put_feed(txn, &receipt->strand, &feed);
}

static int find_own(struct ledger_fold *fold, struct mtr_ledger_txn *txn, const struct receipt *receipt)
{
    struct mtr_ledger_window window;
    int rc = mtr_ledger_get_window(txn, &receipt->strand, receipt->start_us, &window);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (rc) window = (struct mtr_ledger_window){.state = MTR_WINDOW_OPEN};
    const bool is_first = receipt->part == 1;
    fold->begins_anew = window.is_cut && is_first && !receipt->same && receipt_is_taken(receipt);
    fold->is_cut = window.is_cut && !fold->begins_anew;
    fold->has_no_run = window.has_no_run && !fold->begins_anew;
    const bool is_known = is_first ? receipt->same <= window.rows : window.state == MTR_WINDOW_PARTIAL;
    if (is_known || window.has_no_run || receipt->is_append) return MTR_OK;
    rc = row_changes_cut_off(txn, &fold->is_cut);
    fold->has_no_run = fold->is_cut;
    return rc;
}

/* What a good reading has shown of its rows. */
static int fold_facts(struct mtr_ledger_txn *txn, const struct receipt *receipt)
{
    char columns[MTR_LEDGER_COLUMNS_BYTES_MAX]; /* borrowed from the row that is replaced */
    struct mtr_strand_facts facts;
    if (!receipt->is_last || !receipt_is_taken(receipt)) return MTR_OK;
    int rc = mtr_ledger_facts(txn, &receipt->strand, &facts);
    const bool is_newer = receipt->newest_us > facts.newest_us;
    if (rc || (!is_newer && !receipt->columns.size)) return rc;
    if (facts.columns.size > sizeof(columns)) return MTR_ECORRUPT;
    if (facts.columns.size) memcpy(columns, facts.columns.data, facts.columns.size);
    facts.columns.data = columns;
    if (receipt->columns.size) facts.columns = receipt->columns;
    if (is_newer) facts.newest_us = receipt->newest_us;
    return mtr_ledger_put_facts(txn, &receipt->strand, &facts);
}

/* Its report was read: what came of it is told. */
static int end_job(struct mtr_ledger_txn *txn, const struct receipt *receipt)
{
    struct mtr_ledger_job job;
    if (!receipt->is_last || receipt->replays) return MTR_OK;
    int rc = mtr_ledger_job(txn, &receipt->strand, &job);
    if (rc || job.start_us != receipt->start_us) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    return mtr_ledger_drop_job(txn, &receipt->strand);
}

static int fold_job(struct ledger_fold *fold, struct mtr_ledger_txn *txn, const struct mtr_event *event)
{
    mtr_arena_reset(&fold->arena);
    return job_note_fold(txn, event, &fold->arena);
}

/* ---- parts that go to a run together ---- */

/* What came of the rows of parts before: their window counts them now. */
static int close_parts(struct ledger_fold *fold, struct mtr_ledger_txn *txn)
{
    struct mtr_run_delta delta = {0, 0};
    struct mtr_ledger_window window;
    char problem[MTR_LEDGER_PROBLEM_BYTES_MAX];
    const struct open_parts *open = &fold->open;
    if (!open->is_open) return MTR_OK;
    fold->open.is_open = false;
    int rc = row_changes_apply(&fold->changes, txn, &open->strand, open->start_us, false, &delta);
    fold->changes.count = 0;
    if (!rc) rc = mtr_ledger_get_window(txn, &open->strand, open->start_us, &window);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    row_changes_keep_problem(&window, problem);
    row_changes_add(&window, delta);
    return mtr_ledger_put_window(txn, &open->strand, &window);
}

/* Nearly each part touches all chunks of a run, for its keys are hashes: so parts go to it as one. */
static bool goes_on(const struct open_parts *open, const struct receipt *receipt)
{
    const struct mtr_strand *a = &receipt->strand, *b = &open->strand;
    return open->is_open && receipt->part > 1 && receipt->reading == open->reading &&
           receipt->start_us == open->start_us && mtr_str_equal(a->each, b->each) &&
           mtr_str_equal(a->source, b->source) && mtr_str_equal(a->vendor, b->vendor);
}

static bool stays_open(const struct ledger_fold *fold, const struct receipt *receipt)
{
    return !receipt->is_last && !receipt->is_append && receipt->end_us != receipt->start_us &&
           !fold->has_no_run && !fold->begins_anew && fold->changes.count < OPEN_CHANGES_MAX;
}

static int leave_open(struct ledger_fold *fold, const struct receipt *receipt)
{
    struct open_parts *open = &fold->open;
    if (open->is_open) return MTR_OK;
    mtr_arena_reset(&open->arena);
    int rc = mtr_arena_copy(&open->arena, receipt->strand.vendor, &open->strand.vendor);
    if (!rc) rc = mtr_arena_copy(&open->arena, receipt->strand.source, &open->strand.source);
    if (!rc) rc = mtr_arena_copy(&open->arena, receipt->strand.each, &open->strand.each);
    open->start_us = receipt->start_us;
    open->reading = receipt->reading;
    open->is_open = !rc;
    return rc;
}

/* *delta: of the receipt's own window, now; of parts that are left open nothing yet. */
static int apply_changes(struct ledger_fold *fold, struct mtr_ledger_txn *txn, const struct receipt *receipt,
                         struct mtr_run_delta *delta)
{
    if (stays_open(fold, receipt)) return leave_open(fold, receipt);
    int rc = row_changes_apply(&fold->changes, txn, &receipt->strand, receipt->start_us, fold->has_no_run,
                               delta);
    fold->changes.count = 0;
    fold->open.is_open = false;
    return rc;
}

/* ---- receipts ---- */

static int take_rows(struct ledger_fold *fold, struct mtr_ledger_txn *txn, const struct receipt *receipt,
                     const struct part_events *part, struct written *written)
{
    for (uint32_t i = part->first; i < part->at; i++) {
        const struct mtr_event *event = &part->events[i];
        const uint64_t seq = part->block_seq + i;
        if (!row_change_is_of(event, &part->events[part->at]) || job_note_is(event)) continue;
        if (!written->first_seq) written->first_seq = seq;
        written->last_seq = seq;
        written->reach_us = row_reach_us(receipt, event, written->reach_us);
        struct row_change *change = &fold->changes.items[fold->changes.count];
        if (receipt->is_append || !row_change_of(event, seq, receipt, fold->event_key, change)) continue;
        const struct mtr_run_delta delta = row_change_delta(event, receipt);
        written->said.rows += delta.rows;
        written->said.refused += delta.refused;
        fold->changes.count++;
        int rc = list_items_fold(txn, receipt, event, change);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int fold_receipt(struct ledger_fold *fold, struct mtr_ledger_txn *txn, const struct part_events *part)
{
    struct receipt receipt;
    struct written written = {0};
    mtr_arena_reset(&fold->arena);
    int rc = receipt_read(&part->events[part->at], &fold->arena, &receipt);
    if (!rc && !goes_on(&fold->open, &receipt)) rc = close_parts(fold, txn);
    if (!rc) rc = find_own(fold, txn, &receipt);
    if (!rc) rc = row_changes_make_room(&fold->changes, part->at - part->first);
    if (rc) return rc;
    written.said.refused = -(int64_t)receipt.lifted;
    rc = take_rows(fold, txn, &receipt, part, &written);
    if (!rc) rc = apply_changes(fold, txn, &receipt, &written.delta);
    if (fold->has_no_run) written.delta = written.said;
    if (!rc && receipt.end_us == receipt.start_us) rc = fold_feed(txn, &receipt, &written);
    if (!rc) rc = fold_source(txn, &receipt);
    if (!rc) rc = fold_facts(txn, &receipt);
    if (!rc) rc = end_job(txn, &receipt);
    if (!rc) rc = row_changes_note_quarantined(txn, &receipt);
    return rc || receipt.end_us == receipt.start_us ? rc : fold_window(fold, txn, &receipt, &written);
}

static int fold_note(struct ledger_fold *fold, struct mtr_ledger_txn *txn, const struct mtr_event *event)
{
    if (!job_note_is(event) && !control_is(event)) return MTR_OK;
    int rc = close_parts(fold, txn);
    if (rc) return rc;
    return job_note_is(event) ? fold_job(fold, txn, event) : control_fold(txn, event);
}

static int fold_events(struct ledger_fold *fold, struct mtr_ledger_txn *txn,
                       const struct mtr_block_header *header, const struct mtr_event *events)
{
    for (uint32_t i = 0; i < header->count; i++) {
        int rc = fold_note(fold, txn, &events[i]);
        if (!rc && receipt_is(&events[i])) {
            const struct part_events part = {events, row_changes_begin(events, i), i, header->first_seq};
            rc = fold_receipt(fold, txn, &part);
        }
        if (rc) return rc;
    }
    return MTR_OK;
}

/* ---- blocks ---- */

static int read_block(struct ledger_fold *fold, uint64_t seq, struct mtr_block_header *header,
                      const struct mtr_event **events, struct mtr_diagnostic *diagnostic)
{
    int rc = mtr_log_read(fold->reader, seq, header, events, diagnostic);
    MTR_ASSERT(rc || header->first_seq + header->count > seq);
    return rc;
}

static void take_place(const struct mtr_block_header *header, struct mtr_ledger_place *place)
{
    *place = (struct mtr_ledger_place){header->first_seq + header->count - 1, header->hash};
}

static int fold_at(struct ledger_fold *fold, struct mtr_ledger_txn *txn, uint64_t seq,
                   struct mtr_ledger_place *applied, struct mtr_diagnostic *diagnostic)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    int rc = read_block(fold, seq, &header, &events, diagnostic);
    /* What was asked for is removed; what is only passed over, before a receipt, are pushes. */
    if (!rc && !applied->seq && header.first_seq > seq) rc = mtr_ledger_put_begun(txn, header.received_us);
    if (rc) return rc;
    rc = fold_events(fold, txn, &header, events);
    if (rc == MTR_ECORRUPT)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                           "a receipt in the block at sequence %" PRIu64 " of the log cannot be read",
                           header.first_seq);
    take_place(&header, applied);
    return rc;
}

/* Ends the transaction: with what was applied, where that is more than before, or something else is. */
static int end(struct ledger_fold *fold, struct mtr_ledger_txn *txn, int rc, uint64_t before,
               const struct mtr_ledger_place *applied, bool is_other)
{
    if (!rc) rc = close_parts(fold, txn);
    const bool is_more = !rc && applied->seq > before;
    fold->open.is_open = false;
    fold->changes.count = 0;
    if (fold->changes.capacity > KEPT_CHANGES_MAX) row_changes_release(&fold->changes);
    if (is_more) rc = mtr_ledger_put_applied(txn, applied);
    if (!rc && (is_more || is_other)) return mtr_ledger_commit(txn);
    mtr_ledger_abort(txn);
    return rc;
}

static int begin(struct ledger_fold *fold, struct mtr_ledger_txn **txn, struct mtr_ledger_place *applied)
{
    int rc = mtr_ledger_begin(fold->ledger, true, txn);
    if (rc) return rc;
    rc = mtr_ledger_applied(*txn, applied);
    if (rc) mtr_ledger_abort(*txn);
    return rc;
}

int ledger_fold_step(struct ledger_fold *fold, uint32_t blocks_max, bool *more,
                     struct mtr_diagnostic *diagnostic)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_place applied;
    int rc = begin(fold, &txn, &applied);
    if (rc) return rc;
    const uint64_t before = applied.seq;
    for (uint32_t i = 0; !rc && i < blocks_max; i++)
        rc = fold_at(fold, txn, applied.seq + 1, &applied, diagnostic);
    bool has_pauses = false;
    *more = rc == MTR_OK;
    if (rc == MTR_ENOTFOUND) rc = mtr_ledger_take_pauses(txn, &has_pauses);
    return end(fold, txn, rc, before, &applied, has_pauses);
}

int ledger_fold_blocks(struct ledger_fold *fold, const uint64_t *seqs, uint32_t count,
                       struct mtr_diagnostic *diagnostic)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_place applied;
    int rc = begin(fold, &txn, &applied);
    if (rc) return rc;
    const uint64_t before = applied.seq;
    for (uint32_t i = 0; !rc && i < count; i++)
        if (seqs[i] > applied.seq) rc = fold_at(fold, txn, seqs[i], &applied, diagnostic);
    MTR_ASSERT(rc != MTR_ENOTFOUND); /* it was committed */
    return end(fold, txn, rc, before, &applied, false);
}

int ledger_fold_pass(struct ledger_fold *fold, uint64_t seq, struct mtr_diagnostic *diagnostic)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_place applied;
    int rc = read_block(fold, seq, &header, &events, diagnostic);
    if (!rc) rc = begin(fold, &txn, &applied);
    if (rc) return rc;
    const uint64_t before = applied.seq;
    if (seq > before) take_place(&header, &applied);
    return end(fold, txn, MTR_OK, before, &applied, false);
}

/* ---- the ledger against the log ---- */

static bool is_same(struct mtr_hash128 a, struct mtr_hash128 b) { return a.high == b.high && a.low == b.low; }

/* Does the log have the block at which the ledger stands? Where retention has removed it, the one behind it
 * names it. */
static int is_of_log(struct ledger_fold *fold, const struct mtr_ledger_place *applied, uint64_t last_seq,
                     bool *out, struct mtr_diagnostic *diagnostic)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    int rc = mtr_log_read(fold->reader, applied->seq, &header, &events, diagnostic);
    *out = false;
    if (rc == MTR_ENOTFOUND) *out = applied->seq == last_seq; /* retention has removed all of it */
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (header.first_seq > applied->seq)
        *out = header.first_seq == applied->seq + 1 && is_same(header.previous_hash, applied->block);
    else
        *out = header.first_seq + header.count - 1 == applied->seq && is_same(header.hash, applied->block);
    return MTR_OK;
}

int ledger_fold_begin(struct ledger_fold *fold, uint64_t last_seq, bool *is_anew,
                      struct mtr_diagnostic *diagnostic)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_place applied;
    bool is_of = true;
    *is_anew = false;
    int rc = begin(fold, &txn, &applied);
    if (rc) return rc;
    if (applied.seq) rc = is_of_log(fold, &applied, last_seq, &is_of, diagnostic);
    if (!rc && !is_of) rc = mtr_ledger_clear_but_pauses(txn);
    if (rc || is_of) {
        mtr_ledger_abort(txn);
        return rc;
    }
    *is_anew = true;
    return mtr_ledger_commit(txn);
}
