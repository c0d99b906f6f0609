/*
 * Changes are gathered block by block, and folded to the last word on each key whenever they have doubled.
 */
#include "collector/source/reading/log_rows.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/arena.h"

enum { CHANGES_MIN = 4096, ARENA_BYTES_MAX = 1 << 20 };

struct collecting {
    const struct log_rows_question *question;
    struct mtr_arena arena; /* of one receipt */
    struct row_change *changes;
    uint64_t count, capacity;
};

/* The last word on each key; rows that went stay, as the word on their key. */
static void fold(struct collecting *collecting)
{
    uint64_t count = 0;
    row_changes_sort(collecting->changes, collecting->count);
    for (uint64_t i = 0; i < collecting->count; i++) {
        const struct row_change *change = &collecting->changes[i];
        const struct row_change *last = count ? &collecting->changes[count - 1] : NULL;
        const bool is_same_window = last && last->start_us == change->start_us;
        if (is_same_window && !mtr_run_row_compare(&last->row.key, &change->row.key)) count--;
        collecting->changes[count++] = *change;
    }
    collecting->count = count;
}

static int take_memory(struct collecting *collecting, uint64_t bytes)
{
    struct reading_memory *memory = collecting->question->memory;
    return memory ? reading_memory_grow(memory, bytes) : MTR_OK;
}

static int make_room(struct collecting *collecting)
{
    if (collecting->count < collecting->capacity) return MTR_OK;
    fold(collecting);
    if (collecting->count < collecting->capacity / 2) return MTR_OK;
    const uint64_t capacity = collecting->capacity ? 2 * collecting->capacity : CHANGES_MIN;
    const uint64_t more = 2 * (capacity - collecting->capacity) * sizeof(*collecting->changes);
    int rc = take_memory(collecting, more); /* twice: to sort takes as much again */
    if (rc) return rc;
    void *grown = realloc(collecting->changes, capacity * sizeof(*collecting->changes));
    if (!grown) return MTR_ENOMEM;
    collecting->changes = grown;
    collecting->capacity = capacity;
    return MTR_OK;
}

static bool is_of_strand(const struct collecting *collecting, const struct mtr_event *note,
                         const struct receipt *receipt)
{
    const struct mtr_strand *strand = &collecting->question->strand;
    return mtr_str_equal(note->vendor, strand->vendor) &&
           mtr_str_equal(receipt->strand.source, strand->source) &&
           mtr_str_equal(receipt->strand.each, strand->each) && !receipt->is_append;
}

static bool is_wanted(const struct log_rows_question *question, const struct row_change *change)
{
    const bool is_of = question->until_us
                           ? change->start_us >= question->start_us && change->start_us < question->until_us
                           : change->start_us == question->start_us;
    return is_of && (!question->wants || question->wants(question->context, change));
}

/* events[at] is a receipt, the first event has the sequence first_seq. */
static int take_receipt(struct collecting *collecting, const struct mtr_event *events, uint32_t at,
                        uint64_t first_seq)
{
    struct receipt receipt;
    mtr_arena_reset(&collecting->arena);
    int rc = receipt_read(&events[at], &collecting->arena, &receipt);
    if (rc || !is_of_strand(collecting, &events[at], &receipt)) return rc;
    for (uint32_t i = row_changes_begin(events, at); !rc && i < at; i++) {
        struct row_change change;
        if (!row_change_is_of(&events[i], &events[at])) continue;
        if (!row_change_of(&events[i], first_seq + i, &receipt, collecting->question->event_key, &change))
            continue;
        if (!is_wanted(collecting->question, &change)) continue;
        rc = make_room(collecting);
        if (!rc) collecting->changes[collecting->count++] = change;
    }
    return rc;
}

static int walk(struct collecting *collecting, struct mtr_diagnostic *diagnostic)
{
    const struct log_rows_question *question = collecting->question;
    struct mtr_block_header header;
    const struct mtr_event *events;
    int rc = MTR_OK;
    for (uint64_t seq = question->seq_first; !rc && seq && seq <= question->seq_last;
         seq = header.first_seq + header.count) {
        rc = mtr_log_read(question->reader, seq, &header, &events, diagnostic);
        if (rc) return rc;
        if (header.first_seq > seq) return MTR_ENOTFOUND;
        for (uint32_t i = 0; !rc && i < header.count; i++)
            if (receipt_is(&events[i])) rc = take_receipt(collecting, events, i, header.first_seq);
    }
    return rc;
}

static int take_rows(struct collecting *collecting, struct log_rows *out)
{
    fold(collecting);
    if (!collecting->count) return MTR_OK;
    int rc = take_memory(collecting, collecting->count * sizeof(*out->rows));
    if (rc) return rc;
    out->rows = malloc(collecting->count * sizeof(*out->rows));
    if (!out->rows) return MTR_ENOMEM;
    for (uint64_t i = 0; i < collecting->count; i++)
        if (collecting->changes[i].row.seq) out->rows[out->count++] = collecting->changes[i].row;
    return MTR_OK;
}

int log_rows_collect(const struct log_rows_question *question, struct log_rows *out,
                     struct mtr_diagnostic *diagnostic)
{
    struct collecting collecting = {.question = question};
    *out = (struct log_rows){0};
    mtr_arena_init(&collecting.arena, 16 << 10, ARENA_BYTES_MAX);
    int rc = walk(&collecting, diagnostic);
    if (!rc) rc = take_rows(&collecting, out);
    mtr_arena_release(&collecting.arena);
    free(collecting.changes);
    return rc;
}

void log_rows_release(struct log_rows *rows)
{
    free(rows->rows);
    *rows = (struct log_rows){0};
}

int log_rows_begin(struct mtr_log *log, uint64_t *seq, struct mtr_diagnostic *diagnostic)
{
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    *seq = 0;
    int rc = mtr_log_reader_attach(log, &reader);
    if (rc) return rc;
    rc = mtr_log_read(reader, 1, &header, &events, diagnostic);
    if (!rc) *seq = header.first_seq;
    mtr_log_reader_close(reader);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}
