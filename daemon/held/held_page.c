/*
 * A page of held events in the order of the log; see held_page.h.
 */
#include "daemon/held/held_page.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const uint64_t x = ((const struct held_row *)a)->seq, y = ((const struct held_row *)b)->seq;
    return (x > y) - (x < y);
}

/* In order, each once, and no more than there is room for. */
static void settle(struct held_page *page)
{
    uint32_t count = 0;
    qsort(page->rows, page->count, sizeof(*page->rows), compare);
    for (uint32_t i = 0; i < page->count; i++)
        if (!count || page->rows[count - 1].seq < page->rows[i].seq) page->rows[count++] = page->rows[i];
    page->count = count;
    if (page->count <= page->room) return;
    page->count = page->room;
    page->has_more = true;
}

static bool may_be(struct mtr_str wanted, struct mtr_str name)
{
    return !wanted.size || mtr_str_equal(wanted, name);
}

static bool is_wanted(const struct held_page *page, const struct mtr_held_event *held)
{
    const struct mtr_str name = held->reason == MTR_HELD_METER ? page->type : page->subject;
    return held->seq > page->after && !held->voided && may_be(page->vendor, held->vendor) &&
           may_be(name, held->name);
}

static void add(struct held_page *page, uint64_t seq, enum mtr_held_reason reason)
{
    page->rows[page->count++] = (struct held_row){seq, reason};
    if (page->count == 2 * page->room) settle(page);
}

static int on_held(void *context, const struct mtr_held_event *held)
{
    struct held_page *page = context;
    if (is_wanted(page, held)) add(page, held->seq, held->reason);
    return MTR_OK;
}

/* Of each meter in order: none behind the last one of a page that was full is of it. */
static int add_beyond(struct held_page *page, struct mtr_rollups_txn *txn, const struct mtr_values_of *of)
{
    int rc = MTR_OK;
    for (uint64_t seq = page->after + 1; !rc; seq++) {
        rc = mtr_rollups_next_beyond(txn, of, &seq);
        if (!rc && page->has_more && seq > page->rows[page->room - 1].seq) return MTR_OK;
        if (!rc) add(page, seq, MTR_HELD_METER);
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int add_all_beyond(struct held_page *page, struct mtr_rollups_txn *txn)
{
    struct mtr_values_of of = {0, 0};
    int rc;
    while (!(rc = mtr_rollups_next_full(txn, &of))) {
        rc = add_beyond(page, txn, &of);
        if (rc) return rc;
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int held_page_fill(struct held_page *page, struct mtr_rollups_txn *txn)
{
    const struct mtr_held_event of_subscriptions = {.reason = MTR_HELD_SUBSCRIPTION};
    const struct mtr_held_event of_meters = {.reason = MTR_HELD_METER};
    MTR_ASSERT(page->room > 0);
    page->count = 0;
    page->has_more = false;
    page->rows = malloc(2 * (size_t)page->room * sizeof(*page->rows));
    if (!page->rows) return MTR_ENOMEM;
    int rc = mtr_rollups_walk_held(txn, &of_subscriptions, on_held, page);
    if (!rc) rc = mtr_rollups_walk_held(txn, &of_meters, on_held, page);
    if (!rc && page->with_beyond) rc = add_all_beyond(page, txn);
    if (!rc) settle(page);
    return rc;
}

void held_page_release(struct held_page *page)
{
    free(page->rows);
    page->rows = NULL;
}
