/*
 * Held events that an order names: a page of the store's rows, and their events in the log.
 */
#include "daemon/held/held_found.h"

#include <stdlib.h>

#include "daemon/api/waits.h"
#include "daemon/held/held_page.h"
#include "meterd/store/log_carried.h"

struct finding {
    const struct mtr_held_order *order;
    struct mtr_arena *arena;
    struct mtr_log_reader *reader;
    struct mtr_block_header block; /* read last; count 0: none */
    const struct mtr_event *events;
    struct held_found *out;
};

/* NULL: it has left the log. */
static int read_event(struct finding *finding, uint64_t seq, const struct mtr_event **out)
{
    struct mtr_block_header *block = &finding->block;
    struct mtr_diagnostic diagnostic;
    *out = NULL;
    if (!block->count || seq < block->first_seq || seq - block->first_seq >= block->count) {
        int rc = mtr_log_read_kept(finding->reader, seq, block, &finding->events, &diagnostic);
        if (rc) block->count = 0;
        if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    }
    if (seq >= block->first_seq) *out = &finding->events[seq - block->first_seq];
    return MTR_OK;
}

static bool may_be(struct mtr_str wanted, struct mtr_str is)
{
    return !wanted.size || mtr_str_equal(wanted, is);
}

static int add(struct finding *finding, const struct held_row *row, const struct mtr_event *event)
{
    const struct mtr_held_order *order = finding->order;
    struct held_found *out = finding->out;
    if (!may_be(order->subject, event->subject) || !may_be(order->type, event->type)) return MTR_OK;
    struct held_found_event *found = &out->events[out->count];
    *found = (struct held_found_event){
        .seq = row->seq, .time_us = event->time_us, .waits_for = api_waits_choice(row->reason)};
    int rc = mtr_arena_copy(finding->arena, event->vendor, &found->vendor);
    if (!rc) rc = mtr_arena_copy(finding->arena, event->subject, &found->subject);
    if (!rc) rc = mtr_arena_copy(finding->arena, event->type, &found->type);
    out->count += !rc;
    return rc;
}

/* In the order of the log: each block is read once, and those behind it were received later. */
static int read_page(struct finding *finding, const struct held_page *page)
{
    struct held_found *out = finding->out;
    for (uint32_t i = 0; i < page->count; i++) {
        const struct mtr_event *event;
        int rc = read_event(finding, page->rows[i].seq, &event);
        if (!rc && event && finding->block.received_us >= finding->order->before_us) {
            out->has_more = false;
            return MTR_OK;
        }
        if (!rc && event) rc = add(finding, &page->rows[i], event);
        if (rc) return rc;
        out->next_after = page->rows[i].seq;
    }
    return MTR_OK;
}

int held_find(const struct held_stores *stores, const struct mtr_held_order *order, struct mtr_arena *arena,
              struct held_found *out)
{
    struct held_page page = {.vendor = order->vendor,
                             .subject = order->subject,
                             .type = order->type,
                             .after = order->after,
                             .room = HELD_ORDER_EVENTS_MAX};
    struct finding finding = {.order = order, .arena = arena, .out = out};
    struct mtr_rollups_txn *txn = NULL;
    *out = (struct held_found){.next_after = order->after};
    int rc = mtr_rollups_begin(stores->rollups, false, &txn);
    if (!rc) rc = held_page_fill(&page, txn);
    if (txn) mtr_rollups_abort(txn);
    out->has_more = page.has_more;
    if (!rc) out->events = mtr_arena_calloc(arena, page.count + 1, sizeof(*out->events));
    if (!rc && !out->events) rc = MTR_ENOMEM;
    if (!rc) rc = mtr_log_reader_attach(stores->log, &finding.reader);
    if (!rc) rc = read_page(&finding, &page);
    mtr_log_reader_close(finding.reader);
    held_page_release(&page);
    return rc;
}

/* ---- what use they are ---- */

static int compare_uses(const void *a, const void *b)
{
    const struct mtr_held_use *x = a, *y = b;
    int order = mtr_str_compare(x->vendor, y->vendor);
    if (!order) order = mtr_str_compare(x->subject, y->subject);
    return order ? order : mtr_str_compare(x->type, y->type);
}

static void widen(struct mtr_held_use *use, const struct mtr_held_use *by)
{
    use->events += by->events;
    if (by->first_seq < use->first_seq) use->first_seq = by->first_seq;
    if (by->last_seq > use->last_seq) use->last_seq = by->last_seq;
    if (by->from < use->from) use->from = by->from;
    if (by->to > use->to) use->to = by->to;
}

int held_sum(const struct held_found *found, struct mtr_arena *arena, struct mtr_held_dropped *out)
{
    struct mtr_held_use *uses = mtr_arena_calloc(arena, found->count + 1, sizeof(*uses));
    uint32_t count = 0;
    if (!uses) return MTR_ENOMEM;
    for (uint32_t i = 0; i < found->count; i++) {
        const struct held_found_event *event = &found->events[i];
        uses[i] = (struct mtr_held_use){.vendor = event->vendor,
                                        .subject = event->subject,
                                        .type = event->type,
                                        .waits_for = event->waits_for,
                                        .events = 1,
                                        .first_seq = event->seq,
                                        .last_seq = event->seq,
                                        .from = event->time_us,
                                        .to = event->time_us};
    }
    qsort(uses, found->count, sizeof(*uses), compare_uses);
    for (uint32_t i = 0; i < found->count; i++) {
        if (count && !compare_uses(&uses[count - 1], &uses[i])) widen(&uses[count - 1], &uses[i]);
        else uses[count++] = uses[i];
    }
    *out = (struct mtr_held_dropped){found->count, found->next_after, found->has_more, uses, count};
    return MTR_OK;
}
