/*
 * Events to changes of rows, and these to runs.
 */
#include "collector/source/reading/row_changes.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/hash_sort.h"

bool row_change_is_of(const struct mtr_event *event, const struct mtr_event *note)
{
    return mtr_str_equal(event->source, note->source) && mtr_str_equal(event->vendor, note->vendor);
}

uint32_t row_changes_begin(const struct mtr_event *events, uint32_t at)
{
    uint32_t first = at;
    while (first && !(receipt_is(&events[first - 1]) && row_change_is_of(&events[first - 1], &events[at])))
        first--;
    return first;
}

bool row_change_of(const struct mtr_event *event, uint64_t seq, const struct receipt *receipt,
                   const uint8_t event_key[MTR_EVENT_KEY_BYTES], struct row_change *out)
{
    *out = (struct row_change){.start_us = receipt->start_us, .at_seq = seq};
    if (event->disposition == MTR_DISPOSITION_VOID) {
        out->start_us = event->time_us;
        return read_void_key(event, &out->row.key);
    }
    struct mtr_str own;
    const bool is_item = event->disposition == MTR_DISPOSITION_NOTE &&
                         mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_ITEM));
    const bool is_refused = event->disposition == MTR_DISPOSITION_REFUSED;
    if (!is_refused && !is_item && event->disposition != MTR_DISPOSITION_NORMAL) return false;
    if (!read_row_own_id(event->id, &own)) return false;
    out->row.key = read_row_key(event->vendor, event->source, own, event_key);
    out->row.digest = read_row_digest(event);
    out->row.seq = seq;
    out->row.is_refused = is_refused;
    /* One at its start as well: the answer for the window before may have it, when this one is settled. */
    out->row.is_outside =
        receipt->end_us && (event->time_us <= receipt->start_us || event->time_us >= receipt->end_us);
    return true;
}

int64_t row_reach_us(const struct receipt *receipt, const struct mtr_event *event, int64_t reach_us)
{
    const int64_t before_us = receipt->start_us - event->time_us;
    const int64_t behind_us = event->time_us - receipt->end_us;
    const int64_t beyond_us = before_us > behind_us ? before_us : behind_us;
    const bool is_row = event->disposition != MTR_DISPOSITION_VOID && !receipt->is_append;
    return is_row && beyond_us > reach_us ? beyond_us : reach_us;
}

struct mtr_run_delta row_change_delta(const struct mtr_event *event, const struct receipt *receipt)
{
    const bool is_void = event->disposition == MTR_DISPOSITION_VOID;
    const bool is_refused = event->disposition == MTR_DISPOSITION_REFUSED;
    if (is_void) return (struct mtr_run_delta){event->time_us == receipt->start_us ? -1 : 0, 0};
    return event->target_seq ? (struct mtr_run_delta){0, is_refused - 1}
                             : (struct mtr_run_delta){1, is_refused};
}

static int compare(const void *a, const void *b)
{
    const struct row_change *x = a, *y = b;
    if (x->start_us != y->start_us) return x->start_us < y->start_us ? -1 : 1;
    const int order = mtr_run_row_compare(&x->row.key, &y->row.key);
    return order ? order : (x->at_seq > y->at_seq) - (x->at_seq < y->at_seq);
}

/* Mostly they are of one window, and then the key is what they are sorted by. */
void row_changes_sort(struct row_change *changes, uint64_t count)
{
    uint64_t of_first = 1;
    while (of_first < count && changes[of_first].start_us == changes[0].start_us) of_first++;
    if (of_first >= count)
        mtr_hash_sort(changes, count, sizeof(*changes), compare);
    else
        qsort(changes, count, sizeof(*changes), compare);
}

/* ---- a list of them ---- */

void row_changes_release(struct row_changes *changes)
{
    free(changes->items);
    free(changes->rows);
    *changes = (struct row_changes){0};
}

int row_changes_make_room(struct row_changes *changes, uint32_t count)
{
    if (count <= changes->capacity - changes->count) return MTR_OK;
    const uint32_t capacity = changes->count + count;
    struct row_change *items = realloc(changes->items, capacity * sizeof(*items));
    if (!items) return MTR_ENOMEM;
    changes->items = items;
    free(changes->rows); /* of what was applied before */
    changes->rows = malloc(capacity * sizeof(*changes->rows));
    changes->capacity = changes->rows ? capacity : 0;
    return changes->rows ? MTR_OK : MTR_ENOMEM;
}

/* ---- to runs ---- */

void row_changes_keep_problem(struct mtr_ledger_window *window, char problem[MTR_LEDGER_PROBLEM_BYTES_MAX])
{
    if (window->problem.size) memcpy(problem, window->problem.data, window->problem.size);
    window->problem.data = problem;
}

void row_changes_add(struct mtr_ledger_window *window, struct mtr_run_delta delta)
{
    window->rows += (uint64_t)delta.rows;
    window->refused += (uint64_t)delta.refused;
}

int row_changes_cut_off(struct mtr_ledger_txn *txn, bool *out)
{
    int64_t begun_us;
    int rc = mtr_ledger_begun(txn, &begun_us);
    *out = !rc && begun_us;
    return rc;
}

/* Rows of another window have left it; the last of the events that say so is `seq`. */
static int note_left(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                     struct mtr_run_delta delta, uint64_t seq)
{
    struct mtr_ledger_window window;
    char problem[MTR_LEDGER_PROBLEM_BYTES_MAX];
    int rc = mtr_ledger_get_window(txn, strand, start_us, &window);
    if (rc == MTR_ENOTFOUND) {
        bool is_cut;
        rc = row_changes_cut_off(txn, &is_cut);
        return rc || is_cut ? rc : MTR_ECORRUPT;
    }
    if (rc) return rc;
    row_changes_keep_problem(&window, problem);
    row_changes_add(&window, delta);
    if (seq > window.seq_last) window.seq_last = seq;
    rc = mtr_ledger_put_mark(txn, strand, start_us, MTR_STR(""));
    return rc ? rc : mtr_ledger_put_window(txn, strand, &window);
}

int row_changes_apply(struct row_changes *changes, struct mtr_ledger_txn *txn,
                      const struct mtr_strand *strand, int64_t own_us, bool is_bare,
                      struct mtr_run_delta *own)
{
    uint32_t i = 0;
    row_changes_sort(changes->items, changes->count);
    while (i < changes->count) {
        const int64_t start_us = changes->items[i].start_us;
        uint32_t count = 0;
        uint64_t last_seq = 0;
        for (; i < changes->count && changes->items[i].start_us == start_us; i++) {
            const struct mtr_run_row *row = &changes->items[i].row;
            if (changes->items[i].at_seq > last_seq) last_seq = changes->items[i].at_seq;
            if (count && !mtr_run_row_compare(&changes->rows[count - 1].key, &row->key)) count--;
            changes->rows[count] = *row;
            if (is_bare && start_us == own_us && !row->is_outside) changes->rows[count].seq = 0;
            count++;
        }
        struct mtr_run_delta delta = {0, 0};
        int rc = mtr_run_apply(txn, strand, start_us, changes->rows, count, &delta);
        if (start_us == own_us)
            *own = delta;
        else if (!rc)
            rc = note_left(txn, strand, start_us, delta, last_seq);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* ---- those in quarantine ---- */

/* Such rows are tried with each reading, so a reading that is taken says all that its window has there. Of a
 * feed none says that they are gone: the last reading that had any stays. */
int row_changes_note_quarantined(struct mtr_ledger_txn *txn, const struct receipt *receipt)
{
    struct mtr_ledger_quarantined known;
    if (receipt->is_last && !receipt_is_taken(receipt)) return MTR_OK;
    const bool is_feed = receipt->end_us == receipt->start_us;
    const uint64_t rows = receipt->quarantined + (receipt->is_last ? receipt->problems : 0);
    int rc = mtr_ledger_quarantined(txn, &receipt->strand, receipt->start_us, &known);
    if (rc || (is_feed && !rows)) return rc;
    if (known.reading != receipt->reading) known.rows = 0; /* of the one before */
    return mtr_ledger_put_quarantined(txn, &receipt->strand,
                                      &(struct mtr_ledger_quarantined){.start_us = receipt->start_us,
                                                                       .rows = known.rows + rows,
                                                                       .reading = receipt->reading,
                                                                       .began_us = receipt->began_us});
}
