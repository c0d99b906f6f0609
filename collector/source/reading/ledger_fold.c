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

#include "collector/source/control/control_note.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/items/list_items.h"
#include "collector/source/job/job_note.h"
#include "collector/source/reading/row_changes.h"
#include "meterd/core/arena.h"
#include "meterd/core/limits.h"

enum { ARENA_BYTES_MAX = 1 << 20, PREFIX_BYTES = sizeof(MTR_EVENT_SOURCE_OWN) - 1 };

struct ledger_fold {
    struct mtr_log_reader *reader;
    struct mtr_ledger *ledger;
    uint8_t event_key[MTR_EVENT_KEY_BYTES];
    struct mtr_arena arena; /* of one receipt */
    struct row_change *changes;
    struct mtr_run_row *rows; /* what is applied of them */
    uint32_t capacity, change_count;
    bool has_no_run, is_cut; /* the receipt's own window */
    bool begins_anew;        /* it was cut, and nothing stays of what it had */
};

int ledger_fold_open(struct mtr_log_reader *reader, struct mtr_ledger *ledger,
                     const uint8_t event_key[MTR_EVENT_KEY_BYTES], struct ledger_fold **out)
{
    struct ledger_fold *fold = calloc(1, sizeof(*fold));
    if (!fold) return MTR_ENOMEM;
    fold->reader = reader;
    fold->ledger = ledger;
    memcpy(fold->event_key, event_key, MTR_EVENT_KEY_BYTES);
    mtr_arena_init(&fold->arena, 16 << 10, ARENA_BYTES_MAX);
    *out = fold;
    return MTR_OK;
}

void ledger_fold_close(struct ledger_fold *fold)
{
    if (!fold) return;
    mtr_arena_release(&fold->arena);
    free(fold->changes);
    free(fold->rows);
    free(fold);
}

static int make_room(struct ledger_fold *fold, uint32_t count)
{
    if (count <= fold->capacity) return MTR_OK;
    free(fold->changes);
    free(fold->rows);
    fold->capacity = 0;
    fold->changes = malloc(count * sizeof(*fold->changes));
    fold->rows = malloc(count * sizeof(*fold->rows));
    if (!fold->changes || !fold->rows) return MTR_ENOMEM;
    fold->capacity = count;
    return MTR_OK;
}

/* The text is borrowed from the row that is to be replaced. */
static void keep_problem(struct mtr_ledger_window *window, char problem[MTR_LEDGER_PROBLEM_BYTES_MAX])
{
    if (window->problem.size) memcpy(problem, window->problem.data, window->problem.size);
    window->problem.data = problem;
}

static void add_delta(struct mtr_ledger_window *window, struct mtr_run_delta delta)
{
    window->rows += (uint64_t)delta.rows;
    window->refused += (uint64_t)delta.refused;
}

/* ---- the rows of a receipt ---- */

/* The log begins behind what it would have said of a window. */
static int is_cut_off(struct mtr_ledger_txn *txn, bool *out)
{
    int64_t begun_us;
    int rc = mtr_ledger_begun(txn, &begun_us);
    *out = !rc && begun_us;
    return rc;
}

/* Rows of another window have left it; the last of the events that say so is `seq`. */
static int note_left(struct mtr_ledger_txn *txn, const struct receipt *receipt, int64_t start_us,
                     struct mtr_run_delta delta, uint64_t seq)
{
    struct mtr_ledger_window window;
    char problem[MTR_LEDGER_PROBLEM_BYTES_MAX];
    int rc = mtr_ledger_get_window(txn, &receipt->strand, start_us, &window);
    if (rc == MTR_ENOTFOUND) {
        bool is_cut;
        rc = is_cut_off(txn, &is_cut);
        return rc || is_cut ? rc : MTR_ECORRUPT;
    }
    if (rc) return rc;
    keep_problem(&window, problem);
    add_delta(&window, delta);
    if (seq > window.seq_last) window.seq_last = seq;
    rc = mtr_ledger_put_mark(txn, &receipt->strand, start_us, MTR_STR(""));
    return rc ? rc : mtr_ledger_put_window(txn, &receipt->strand, &window);
}

/* Sorted changes, window by window, the last of each key. *own: of the receipt's own window. */
static int apply_changes(struct ledger_fold *fold, struct mtr_ledger_txn *txn, const struct receipt *receipt,
                         struct mtr_run_delta *own)
{
    uint32_t i = 0;
    row_changes_sort(fold->changes, fold->change_count);
    while (i < fold->change_count) {
        const int64_t start_us = fold->changes[i].start_us;
        const bool is_own = start_us == receipt->start_us;
        const bool is_bare = is_own && fold->has_no_run; /* its run has what lies outside alone */
        uint32_t count = 0;
        uint64_t last_seq = 0;
        for (; i < fold->change_count && fold->changes[i].start_us == start_us; i++) {
            const struct mtr_run_row *row = &fold->changes[i].row;
            if (fold->changes[i].at_seq > last_seq) last_seq = fold->changes[i].at_seq;
            if (count && !mtr_run_row_compare(&fold->rows[count - 1].key, &row->key)) count--;
            fold->rows[count] = *row;
            if (is_bare && !row->is_outside) fold->rows[count].seq = 0;
            count++;
        }
        struct mtr_run_delta delta = {0, 0};
        int rc = mtr_run_apply(txn, &receipt->strand, start_us, fold->rows, count, &delta);
        if (is_own)
            *own = delta;
        else if (!rc)
            rc = note_left(txn, receipt, start_us, delta, last_seq);
        if (rc) return rc;
    }
    return MTR_OK;
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
        window->proofs = receipt->proofs;
        window->changes += receipt->added + receipt->changed + receipt->gone;
    }
    window->state = receipt->state;
    window->agreed = receipt->agreed;
    window->content = receipt->content;
    window->problem = receipt->problem;
}

/* What the events of a receipt were: sequences, 0 without any, and what they did to the window's run. */
struct written {
    uint64_t first_seq, last_seq;
    struct mtr_run_delta delta;
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
    if (!receipt->is_last)
        window->state = MTR_WINDOW_PARTIAL;
    else
        take_reading(window, receipt);
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
    keep_problem(&window, problem);
    if (fold->begins_anew) {
        window.is_cut = window.has_no_run = false;
        window.rows = window.refused = window.seq_first = 0;
    }
    if (fold->is_cut) count_cut(&window, receipt, written->delta);
    else add_delta(&window, written->delta);
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

/* Without a run an event says itself whether there is a row more. One that is tried again was there. */
static struct mtr_run_delta delta_of(const struct mtr_event *event, const struct receipt *receipt)
{
    const bool is_void = event->disposition == MTR_DISPOSITION_VOID;
    const bool is_refused = event->disposition == MTR_DISPOSITION_REFUSED;
    if (is_void) return (struct mtr_run_delta){event->time_us == receipt->start_us ? -1 : 0, 0};
    return event->target_seq ? (struct mtr_run_delta){0, is_refused - 1}
                             : (struct mtr_run_delta){1, is_refused};
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
    rc = is_cut_off(txn, &fold->is_cut);
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

/* events[first…at] of a block; the receipt stands at `at`. */
static int fold_receipt(struct ledger_fold *fold, struct mtr_ledger_txn *txn, const struct mtr_event *events,
                        uint32_t first, uint32_t at, uint64_t block_seq)
{
    struct receipt receipt;
    struct written written = {0};
    mtr_arena_reset(&fold->arena);
    int rc = receipt_read(&events[at], &fold->arena, &receipt);
    if (rc) return rc;
    rc = find_own(fold, txn, &receipt);
    if (rc) return rc;
    fold->change_count = 0;
    struct mtr_run_delta said = {0, -(int64_t)receipt.lifted};
    for (uint32_t i = first; i < at; i++) {
        if (!row_change_is_of(&events[i], &events[at]) || job_note_is(&events[i])) continue;
        if (!written.first_seq) written.first_seq = block_seq + i;
        written.last_seq = block_seq + i;
        written.reach_us = row_reach_us(&receipt, &events[i], written.reach_us);
        struct row_change *change = &fold->changes[fold->change_count];
        if (!receipt.is_append &&
            row_change_of(&events[i], block_seq + i, &receipt, fold->event_key, change)) {
            const struct mtr_run_delta delta = delta_of(&events[i], &receipt);
            said.rows += delta.rows;
            said.refused += delta.refused;
            fold->change_count++;
            rc = list_items_fold(txn, &receipt, &events[i], change);
            if (rc) return rc;
        }
    }
    rc = apply_changes(fold, txn, &receipt, &written.delta);
    if (fold->has_no_run) written.delta = said;
    if (!rc && receipt.end_us == receipt.start_us) rc = fold_feed(txn, &receipt, &written);
    if (!rc) rc = fold_source(txn, &receipt);
    if (!rc) rc = fold_facts(txn, &receipt);
    if (!rc) rc = end_job(txn, &receipt);
    return rc || receipt.end_us == receipt.start_us ? rc : fold_window(fold, txn, &receipt, &written);
}

static int fold_events(struct ledger_fold *fold, struct mtr_ledger_txn *txn,
                       const struct mtr_block_header *header, const struct mtr_event *events)
{
    for (uint32_t i = 0; i < header->count; i++) {
        int rc = job_note_is(&events[i])  ? fold_job(fold, txn, &events[i])
                 : control_is(&events[i]) ? control_fold(txn, &events[i])
                                          : MTR_OK;
        if (rc) return rc;
        if (!receipt_is(&events[i])) continue;
        rc = make_room(fold, header->count);
        if (!rc) rc = fold_receipt(fold, txn, events, row_changes_begin(events, i), i, header->first_seq);
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
    if (!rc && !applied->seq && header.first_seq > 1) rc = mtr_ledger_put_begun(txn, header.received_us);
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
static int end(struct mtr_ledger_txn *txn, int rc, uint64_t before, const struct mtr_ledger_place *applied,
               bool is_other)
{
    const bool is_more = !rc && applied->seq > before;
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
    return end(txn, rc, before, &applied, has_pauses);
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
    return end(txn, rc, before, &applied, false);
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
    return end(txn, MTR_OK, before, &applied, false);
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
