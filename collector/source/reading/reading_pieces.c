/*
 * A window that is read in pieces: rows of all of them are the rows of the reading, proofs are each piece's
 * own. What a piece brought can be taken back, as long as it has not ended.
 *
 * Rows are read by a reader of their own in each piece. So the n-th of equal rows of a multiset is counted
 * within a piece: a row on the border, which both answers have, is one row, and two equal rows there are two.
 */
#include <stdlib.h>

#include "collector/source/reading/reading_state.h"

int reading_note_piece(struct reading *reading, struct mtr_window window)
{
    struct reading_pieces *pieces = &reading->pieces;
    if (pieces->count == READING_PIECES_MAX) return MTR_ELIMIT;
    if (pieces->count == pieces->capacity) {
        const uint32_t capacity = pieces->capacity ? 2 * pieces->capacity : 8;
        void *grown = realloc(pieces->begins, capacity * sizeof(*pieces->begins));
        if (!grown) return MTR_ENOMEM;
        pieces->begins = grown;
        pieces->capacity = capacity;
    }
    pieces->begins[pieces->count++] =
        (struct reading_piece){reading->page_count + 1, window.to_us ? window.from_us : 0};
    pieces->window = window;
    pieces->has_ended = false;
    pieces->begin = (struct reading_mark){.pages = reading->page_count,
                                          .rows = reading->rows.count,
                                          .ordinals = reading->ordinals,
                                          .problems = reading->problems,
                                          .counts = reading->counts,
                                          .counting_sum = reading->counting_sum};
    for (int i = 0; i < READING_PROOFS; i++)
        reading->proofs[i] = (struct mtr_found){.kind = MTR_FOUND_NOTHING};
    return MTR_OK;
}

int reading_keep_held(struct reading *reading)
{
    struct page_writer *held = reading->held;
    reading->held = NULL;
    return held ? page_write_close(held) : MTR_OK;
}

bool reading_drop_held(struct reading *reading)
{
    const bool is_held = reading->held != NULL;
    page_write_abort(reading->held);
    reading->held = NULL;
    return is_held;
}

void reading_drop_piece(struct reading *reading)
{
    const struct reading_mark *begin = &reading->pieces.begin;
    MTR_ASSERT(reading->pieces.count && !reading->pieces.has_ended);
    page_write_abort(reading->writer);
    reading->writer = NULL;
    page_text_release(&reading->text);
    if (!begin->pages) (void)reading_drop_held(reading);
    pages_remove_behind(reading->directory, reading->ask.number, begin->pages, reading->page_count);
    reading->page_count = begin->pages;
    reading->rows.count = begin->rows;
    reading->ordinals = begin->ordinals;
    reading->problems = begin->problems;
    reading->counts = begin->counts;
    reading->counting_sum = begin->counting_sum;
    reading_forget_others(reading);
    reading->pieces.count--;
}

static struct mtr_counter_counts add_counters(const struct mtr_counter_counts *before,
                                              const struct mtr_counter_counts *now)
{
    struct mtr_counter_counts all = before->holes ? *before : *now; /* the first hole is told */
    all.opened = before->opened + now->opened;
    all.resets = before->resets + now->resets;
    all.holes = before->holes + now->holes;
    return all;
}

/* What the reader has counted in the piece, and all pieces before it. */
struct mtr_row_counts reading_counts_so_far(const struct reading *reading)
{
    struct mtr_row_counts all = mtr_row_reader_counts(reading->reader);
    const struct mtr_row_counts *before = &reading->pieces.begin.counts;
    all.rows += before->rows;
    all.events += before->events;
    all.skipped += before->skipped;
    all.problems += before->problems;
    all.not_summed += before->not_summed;
    if (mtr_decimal_add(all.sum, before->sum, &all.sum)) all.not_summed++;
    all.counters = add_counters(&before->counters, &all.counters);
    return all;
}

void reading_end_piece(struct reading *reading, bool is_absent)
{
    struct reading_pieces *pieces = &reading->pieces;
    const struct mtr_row_counts counts = mtr_row_reader_counts(reading->reader);
    struct reading_facts facts = {.source = reading->ask.source};
    struct reading_proved proved = {.is_none = is_absent && !counts.rows,
                                    .rows = counts.rows,
                                    .sum = counts.sum,
                                    .not_summed = counts.not_summed};
    bool is_proved = !proved.is_none;
    if (pieces->has_ended || pieces->lacks_proof) return;
    pieces->has_ended = true;
    for (int i = 0; i < READING_PROOFS; i++) {
        proved.proofs[i] = reading->proofs[i];
        is_proved = is_proved || proved.proofs[i].kind != MTR_FOUND_NOTHING;
    }
    if (!is_proved && pieces->is_proved) return;
    pieces->proved = proved;
    pieces->is_proved = is_proved;
    reading_take_proofs(reading, &facts);
    pieces->lacks_proof = !verdict_is_proved(&facts);
}

void reading_take_proofs(const struct reading *reading, struct reading_facts *facts)
{
    const struct reading_proved *proved = &reading->pieces.proved;
    facts->is_none = proved->is_none;
    facts->proof_rows = proved->rows;
    facts->proof_sum = proved->sum;
    facts->not_summed = proved->not_summed;
    facts->count = proved->proofs[READING_COUNT];
    facts->proof = proved->proofs[READING_SUM];
    facts->flag = proved->proofs[READING_FLAG];
}

bool reading_is_of_piece(const struct reading *reading, const struct mtr_event *row)
{
    const struct mtr_window *whole = &reading->ask.window, *piece = &reading->pieces.window;
    const bool is_first = piece->from_us == whole->from_us, is_last = piece->to_us == whole->to_us;
    if (is_first && is_last) return true;
    return row->time_given && (is_first || row->time_us >= piece->from_us) &&
           (is_last || row->time_us <= piece->to_us);
}

uint32_t reading_pieces_read(const struct reading *reading)
{
    const struct reading_pieces *pieces = &reading->pieces;
    uint32_t count = 0;
    for (uint32_t i = 0; i < pieces->count; i++) {
        const bool is_last = i + 1 == pieces->count;
        const uint32_t end = is_last ? reading->page_count + 1 : pieces->begins[i + 1].first_page;
        const bool has_pages = end > pieces->begins[i].first_page;
        const bool is_first = pieces->begins[i].from_us == reading->ask.window.from_us;
        count += has_pages ? 1 + (!count && !is_first) : 0;
    }
    return count;
}

const struct reading_piece *reading_piece_at(const struct reading *reading, uint32_t page)
{
    const struct reading_pieces *pieces = &reading->pieces;
    uint32_t low = 0, high = pieces->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (pieces->begins[middle].first_page < page)
            low = middle + 1;
        else
            high = middle;
    }
    const bool is_one = low < pieces->count && pieces->begins[low].first_page == page;
    while (is_one && low + 1 < pieces->count && pieces->begins[low + 1].first_page == page)
        low++; /* those before have no pages */
    return is_one ? &pieces->begins[low] : NULL;
}
