/*
 * Events to changes of rows.
 */
#include "collector/source/reading/row_changes.h"

#include <stdlib.h>

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
