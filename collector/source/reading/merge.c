/*
 * The pass over both sorted lists, and then one over each other window's run with the rows that are new.
 */
#include "collector/source/reading/merge.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/core/hash_sort.h"

enum { ROWS_MIN = 1024 };

/* ---- rows of a reading ---- */

struct growing {
    struct reading_memory *memory;
    size_t item_bytes, counted_bytes; /* of an item: its own, and with what is made of it later */
};

static int grow(const struct growing *growing, void **items, uint64_t *capacity)
{
    const uint64_t wanted = *capacity ? *capacity + *capacity / 2 : ROWS_MIN;
    const uint64_t more = (wanted - *capacity) * growing->counted_bytes;
    int rc = growing->memory ? reading_memory_grow(growing->memory, more) : MTR_OK;
    if (rc) return rc;
    void *grown = realloc(*items, wanted * growing->item_bytes);
    if (!grown) return MTR_ENOMEM;
    *items = grown;
    *capacity = wanted;
    return MTR_OK;
}

int read_rows_add(struct read_rows *rows, const struct read_row *row, uint64_t rows_max)
{
    if (rows->count >= rows_max) return MTR_ELIMIT;
    if (rows->count == rows->capacity) {
        void *items = rows->rows;
        const struct growing growing = {rows->memory, sizeof(*rows->rows), sizeof(*rows->rows)};
        int rc = grow(&growing, &items, &rows->capacity);
        if (rc) return rc;
        rows->rows = items;
    }
    rows->rows[rows->count++] = *row;
    return MTR_OK;
}

void read_rows_release(struct read_rows *rows)
{
    free(rows->rows);
    *rows = (struct read_rows){0};
}

static int compare_rows(const void *a, const void *b)
{
    const struct read_row *x = a, *y = b;
    const int order = mtr_run_row_compare(&x->key, &y->key);
    return order ? order : (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

int read_rows_sort(struct read_rows *rows, uint64_t *repeated, uint64_t *clash)
{
    uint64_t count = 0;
    *repeated = 0;
    mtr_hash_sort(rows->rows, rows->count, sizeof(*rows->rows), compare_rows);
    for (uint64_t i = 0; i < rows->count; i++) {
        const struct read_row *row = &rows->rows[i], *before = count ? &rows->rows[count - 1] : NULL;
        if (!before || mtr_run_row_compare(&before->key, &row->key)) {
            rows->rows[count++] = *row;
            continue;
        }
        *clash = row->ordinal;
        if (before->digest != row->digest) return MTR_EEXISTS;
        ++*repeated;
    }
    rows->count = count;
    return MTR_OK;
}

struct mtr_hash128 read_rows_content(const struct read_rows *rows)
{
    struct mtr_hash128 sum = {0, rows->count};
    for (uint64_t i = 0; i < rows->count; i++) {
        const uint64_t said[3] = {rows->rows[i].key.high, rows->rows[i].key.low, rows->rows[i].digest};
        const XXH128_hash_t hash = XXH3_128bits(said, sizeof(said));
        sum.high += hash.high64;
        sum.low += hash.low64;
    }
    return sum;
}

/* ---- the window's own run ---- */

static void send(struct merge *merge, uint64_t ordinal, bool is_sent)
{
    const uint8_t bit = (uint8_t)(1u << ordinal % 8);
    if (is_sent)
        merge->sends[ordinal / 8] |= bit;
    else
        merge->sends[ordinal / 8] &= (uint8_t)~bit;
}

static int take_back(struct merge *merge, const struct mtr_run_row *row, int64_t start_us)
{
    if (merge->void_count == merge->void_capacity) {
        void *items = merge->voids;
        const size_t bytes = sizeof(*merge->voids);
        const struct growing growing = {merge->memory, bytes, bytes};
        int rc = grow(&growing, &items, &merge->void_capacity);
        if (rc) return rc;
        merge->voids = items;
    }
    merge->voids[merge->void_count++] = (struct merge_void){*row, start_us};
    return MTR_OK;
}

static int take_gone(struct merge *merge, const struct mtr_run_row *old, int64_t start_us)
{
    merge->gone++;
    merge->gone_refused += old->is_refused;
    return take_back(merge, old, start_us);
}

static int retry(struct merge *merge, uint64_t ordinal, uint64_t seq)
{
    if (merge->retried == merge->retry_capacity) {
        void *items = merge->retries;
        const size_t bytes = sizeof(*merge->retries);
        const struct growing growing = {merge->memory, bytes, 2 * bytes};
        int rc = grow(&growing, &items, &merge->retry_capacity);
        if (rc) return rc;
        merge->retries = items;
    }
    send(merge, ordinal, true);
    merge->retries[merge->retried++] = (struct merge_retry){ordinal, seq};
    return MTR_OK;
}

static int compare_retries(const void *a, const void *b)
{
    const struct merge_retry *x = a, *y = b;
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static int take_known(struct merge *merge, const struct read_row *row, const struct mtr_run_row *old,
                      int64_t start_us)
{
    const bool is_same = row->digest == old->digest;
    merge->same += is_same;
    if (is_same) return old->is_refused && !row->is_refused ? retry(merge, row->ordinal, old->seq) : MTR_OK;
    send(merge, row->ordinal, true);
    merge->changed++;
    return take_back(merge, old, start_us);
}

/* The rows that the window has, in order: of its run, or as they were collected from the log. */
struct old_rows {
    struct mtr_run_cursor *cursor; /* NULL: log_rows */
    const struct log_rows *log_rows;
    uint64_t next;
};

static int next_old(struct old_rows *olds, const struct mtr_run_row **old)
{
    if (olds->cursor) return mtr_run_next(olds->cursor, NULL, old);
    if (olds->next == olds->log_rows->count) return MTR_ENOTFOUND;
    *old = &olds->log_rows->rows[olds->next++];
    return MTR_OK;
}

static int merge_own(const struct merge_question *question, struct old_rows *olds, struct merge *merge)
{
    struct read_rows *rows = question->rows;
    const struct mtr_run_row *old = NULL;
    uint64_t i = 0;
    int rc = next_old(olds, &old);
    while (!rc || (rc == MTR_ENOTFOUND && i < rows->count)) {
        const bool has_old = !rc, has_row = i < rows->count;
        const int order = !has_old ? -1 : !has_row ? 1 : mtr_run_row_compare(&rows->rows[i].key, &old->key);
        merge->known += has_old && order >= 0;
        merge->known_refused += has_old && order >= 0 && old->is_refused;
        if (order < 0) {
            merge->added++;
            rows->rows[i].is_new = 1;
            send(merge, rows->rows[i++].ordinal, true);
            continue;
        }
        int taken = order ? take_gone(merge, old, question->start_us)
                          : take_known(merge, &rows->rows[i++], old, question->start_us);
        if (taken) return taken;
        rc = next_old(olds, &old);
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* ---- other windows ---- */

struct others {
    const struct merge_question *question;
    struct merge *merge;
};

/* It is nothing to this window. */
static void keep_elsewhere(struct merge *merge, struct read_row *row)
{
    merge->elsewhere++;
    row->is_elsewhere = 1;
    send(merge, row->ordinal, false);
}

/* A row that is new here stands in the run of another window. */
static int take_moved(struct others *others, struct read_row *row, const struct mtr_run_row *old,
                      int64_t start_us)
{
    struct merge *merge = others->merge;
    merge->added--;
    row->is_new = 0;
    const struct merge_question *question = others->question;
    if (row->is_outside || question->is_replay || (question->is_list && start_us > question->start_us)) {
        keep_elsewhere(merge, row);
        return MTR_OK;
    }
    merge->moved++;
    return take_back(merge, old, start_us);
}

static int look_into(struct others *others, int64_t start_us)
{
    struct mtr_run_cursor *cursor;
    const struct merge_question *question = others->question;
    int rc = mtr_run_open(question->txn, &question->strand, start_us, &cursor);
    if (rc) return rc;
    for (uint64_t i = 0; !rc && i < question->rows->count; i++) {
        const struct mtr_run_row *old;
        struct read_row *row = &question->rows->rows[i];
        if (!row->is_new || row->is_refused) continue;
        rc = mtr_run_next(cursor, &row->key, &old);
        if (!rc && !mtr_run_row_compare(&row->key, &old->key)) rc = take_moved(others, row, old, start_us);
    }
    mtr_run_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* Of a settled window only rows outside of it are known: as far as those lie. */
static bool may_have(const struct merge_question *question, const struct mtr_ledger_window *window)
{
    const bool is_near = window->end_us + window->reach_us >= question->from_us &&
                         window->start_us - window->reach_us <= question->to_us;
    return window->start_us != question->start_us && (!window->has_no_run || is_near);
}

static int look_at(struct others *others, int64_t start_us)
{
    const struct merge_question *question = others->question;
    struct mtr_ledger_window window;
    int rc = mtr_ledger_get_window(question->txn, &question->strand, start_us, &window);
    if (rc || !may_have(question, &window)) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    return look_into(others, start_us);
}

/* In windows of the strand that have rows, which may be few of a source's many. */
static int merge_others(const struct merge_question *question, struct merge *merge)
{
    struct others others = {question, merge};
    int64_t start_us = INT64_MIN;
    while (merge->added) {
        int rc = mtr_run_find(question->txn, &question->strand, start_us, &start_us);
        if (!rc) rc = look_at(&others, start_us);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
        start_us++;
    }
    return MTR_OK;
}

/* ---- beyond the window ---- */

static struct read_row *find_row(const struct merge_question *question, const struct mtr_event_identity *key)
{
    struct read_rows *rows = question->rows;
    uint64_t low = 0, high = rows->count;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (mtr_run_row_compare(&rows->rows[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct read_row *row = low < rows->count ? &rows->rows[low] : NULL;
    return row && !mtr_run_row_compare(&row->key, key) ? row : NULL;
}

static struct read_row *find_beyond(const struct merge_question *question,
                                    const struct mtr_event_identity *key)
{
    struct read_row *row = find_row(question, key);
    return row && row->is_new && row->is_beyond ? row : NULL;
}

bool merge_is_beyond(const struct merge_question *question, const struct mtr_event_identity *key)
{
    return find_beyond(question, key) != NULL;
}

bool merge_has_beyond(const struct merge_question *question)
{
    for (uint64_t i = 0; i < question->rows->count; i++)
        if (question->rows->rows[i].is_new && question->rows->rows[i].is_beyond) return true;
    return false;
}

static void leave(struct merge *merge, struct read_row *row)
{
    if (!row || !row->is_new || !row->is_beyond) return;
    row->is_new = 0;
    merge->added--;
    keep_elsewhere(merge, row);
}

void merge_leave_beyond(const struct merge_question *question, const struct log_rows *there,
                        struct merge *merge)
{
    for (uint64_t i = 0; there && i < there->count; i++)
        leave(merge, find_beyond(question, &there->rows[i].key));
    for (uint64_t i = 0; !there && i < question->rows->count; i++)
        leave(merge, &question->rows->rows[i]);
}

/* ---- what retention has removed ---- */

static void leave_moved(const struct merge_question *question, const struct merge_void *gone,
                        struct merge *merge)
{
    struct read_row *row = find_row(question, &gone->row.key);
    MTR_ASSERT(row);
    merge->moved--;
    keep_elsewhere(merge, row);
}

void merge_leave_lost(const struct merge_question *question, uint64_t begin_seq, struct merge *merge)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < merge->void_count; i++) {
        const struct merge_void gone = merge->voids[i];
        const bool is_lost = gone.row.seq < begin_seq && !gone.row.is_refused; /* in quarantine none counts */
        const bool is_own = gone.start_us == question->start_us;
        merge->lost += is_lost && is_own;
        if (is_lost && !is_own) leave_moved(question, &gone, merge);
        else merge->voids[count++] = gone;
    }
    merge->void_count = count;
}

/* ---- what other windows would lose ---- */

static bool is_left(const struct merge_question *question, const struct merge_void *gone)
{
    const struct read_row *row = find_row(question, &gone->row.key);
    MTR_ASSERT(row);
    return !gone->row.is_refused && row->digest != gone->row.digest;
}

static int weigh(const struct merge_question *question, struct merge_left left, struct merge_left *most)
{
    struct mtr_ledger_window window;
    int rc = mtr_ledger_get_window(question->txn, &question->strand, left.start_us, &window);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc; /* its run has rows */
    left.of = window.rows > window.refused + left.rows ? window.rows - window.refused : left.rows;
    if (!most->rows || left.rows * most->of > most->rows * left.of) *most = left;
    return MTR_OK;
}

/* What is taken back stands window by window. */
int merge_find_left(const struct merge_question *question, struct merge *merge)
{
    int rc = MTR_OK;
    for (uint64_t i = 0; !rc && i < merge->void_count;) {
        struct merge_left left = {.start_us = merge->voids[i].start_us};
        const bool is_own = left.start_us == question->start_us;
        for (; i < merge->void_count && merge->voids[i].start_us == left.start_us; i++)
            left.rows += !is_own && is_left(question, &merge->voids[i]);
        merge->left_rows += left.rows;
        if (left.rows) rc = weigh(question, left, &merge->left);
    }
    return rc;
}

int merge_make(const struct merge_question *question, struct merge *out)
{
    struct old_rows olds = {.log_rows = question->log_rows};
    *out = (struct merge){.sends = calloc(question->ordinals / 8 + 1, 1), .memory = question->rows->memory};
    if (!out->sends) return MTR_ENOMEM;
    int rc = MTR_OK;
    if (!question->log_rows)
        rc = mtr_run_open(question->txn, &question->strand, question->start_us, &olds.cursor);
    if (rc) return rc;
    rc = merge_own(question, &olds, out);
    mtr_run_close(olds.cursor);
    if (out->retried > 1) qsort(out->retries, out->retried, sizeof(*out->retries), compare_retries);
    return rc ? rc : merge_others(question, out);
}

void merge_release(struct merge *merge)
{
    free(merge->sends);
    free(merge->voids);
    free(merge->retries);
    *merge = (struct merge){0};
}
