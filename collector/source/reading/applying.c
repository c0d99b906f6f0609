/*
 * Parts of a reading. Nothing is looked up here: the merge has said what goes.
 */
#include "collector/source/reading/applying.h"

#include <stdlib.h>

void applying_begin(struct applying *applying, const struct merge *merge, const struct receipt *receipt,
                    uint32_t events_max)
{
    MTR_ASSERT(events_max && events_max <= PART_EVENTS_MAX);
    *applying = (struct applying){.merge = *merge, .receipt = *receipt, .events_max = events_max};
    applying->receipt.part = 0;
    applying->receipt.same = merge->same;
    applying->receipt.added = merge->added;
    applying->receipt.changed = merge->changed + merge->moved;
    applying->receipt.gone = merge->gone;
}

static void drop(struct mtr_request *request)
{
    if (!request) return;
    mtr_request_release(request);
    free(request);
}

void applying_release(struct applying *applying)
{
    while (applying->waiting) {
        struct mtr_request *request = applying->waiting;
        applying->waiting = request->next;
        drop(request);
    }
    drop(applying->spare);
    merge_release(&applying->merge);
    part_release(&applying->part);
}

void applying_reuse(struct applying *applying, struct mtr_request *request)
{
    drop(applying->spare);
    applying->spare = request;
}

static bool is_full(const struct applying *applying)
{
    if (!applying->part.request) return false;
    return part_is_full(&applying->part) || applying->part.request->count >= applying->events_max;
}

static int begin_part(struct applying *applying)
{
    if (applying->part.request) return MTR_OK;
    const struct merge *merge = &applying->merge;
    const uint64_t sent = merge->added + merge->changed + merge->moved + merge->retried + merge->void_count;
    const uint64_t most = sent < applying->events_max ? sent : applying->events_max;
    const struct part_room room = {.events = (uint32_t)most, .memory = applying->spare};
    applying->spare = NULL;
    return part_begin(&applying->part, &applying->receipt.strand, applying->receipt.reading, room);
}

static int add_voids(struct applying *applying)
{
    const struct merge *merge = &applying->merge;
    int rc = MTR_OK;
    while (!rc && applying->void_next < merge->void_count && !is_full(applying)) {
        const struct merge_void *gone = &merge->voids[applying->void_next++];
        const bool is_own = gone->start_us == applying->receipt.start_us;
        applying->receipt.lifted += is_own && gone->row.is_refused;
        rc = part_add_void(&applying->part, gone);
    }
    return rc;
}

static uint64_t retried_seq(struct applying *applying)
{
    const struct merge *merge = &applying->merge;
    const struct merge_retry *retry = &merge->retries[applying->retry_next];
    if (applying->retry_next == merge->retried || retry->ordinal != applying->ordinal) return 0;
    applying->retry_next++;
    return retry->seq;
}

static int finish_part(struct applying *applying, bool is_last, struct mtr_request **out)
{
    applying->receipt.part++;
    applying->receipt.is_last = is_last;
    int rc = part_finish(&applying->part, &applying->receipt, out);
    applying->receipt.lifted = 0;
    return rc;
}

static int set_aside(struct applying *applying)
{
    struct mtr_request *request;
    int rc = finish_part(applying, false, &request);
    if (rc) return rc;
    request->next = NULL;
    if (applying->waiting)
        applying->waiting_last->next = request;
    else
        applying->waiting = request;
    applying->waiting_last = request;
    return MTR_OK;
}

/* Room in the part for an event, behind the voids. */
static int make_room(struct applying *applying)
{
    int rc = begin_part(applying);
    if (!rc) rc = add_voids(applying);
    while (!rc && is_full(applying)) {
        rc = set_aside(applying);
        if (!rc) rc = begin_part(applying);
        if (!rc) rc = add_voids(applying);
    }
    return rc;
}

bool applying_wants(struct applying *applying)
{
    const bool is_sent = merge_sends(&applying->merge, applying->ordinal);
    applying->ordinal += !is_sent;
    return is_sent;
}

int applying_row(struct applying *applying, const struct mtr_event *event)
{
    int rc = MTR_OK;
    if (merge_sends(&applying->merge, applying->ordinal)) {
        rc = make_room(applying);
        if (rc) return rc;
        const struct part_row row = {
            .event = event, .retried_seq = retried_seq(applying), .is_append = applying->receipt.is_append};
        rc = part_add_row(&applying->part, &row);
    }
    applying->ordinal++;
    return rc;
}

bool applying_is_full(const struct applying *applying) { return applying->waiting || is_full(applying); }

int applying_part(struct applying *applying, bool rows_ended, struct mtr_request **out, bool *is_last)
{
    *is_last = false;
    if (applying->waiting) {
        *out = applying->waiting;
        applying->waiting = (*out)->next;
        return MTR_OK;
    }
    int rc = begin_part(applying);
    if (!rc) rc = add_voids(applying);
    if (rc) return rc;
    *is_last = rows_ended && applying->void_next == applying->merge.void_count;
    return finish_part(applying, *is_last, out);
}
