/*
 * GET /v1/held: events that wait for a subscription or a meter.
 *
 * They are kept by what they wait for, and listed by sequence, so that a page ends where the next one begins:
 * one walk finds the lowest sequences after `after`, another one their rows. The rows of the page are
 * gathered in the call's arena before the first is written; pieces are then made of these.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"

#include <stdlib.h>

#include "meterd/store/rollups.h"

struct held_page {
    struct api_call *call;
    uint64_t after;
    uint64_t room; /* rows at most */
    /* found */
    uint64_t *lowest; /* a heap, the highest at the top; of at most `room` */
    uint64_t lowest_count;
    bool more;
    struct mtr_held_event *events;
    uint64_t count;
    uint64_t written;
};

/* ---- the lowest sequences ---- */

static void sift_down(struct held_page *page)
{
    uint64_t *heap = page->lowest, at = 0;
    for (;;) {
        uint64_t child = 2 * at + 1;
        if (child >= page->lowest_count) return;
        if (child + 1 < page->lowest_count && heap[child + 1] > heap[child]) child++;
        if (heap[at] >= heap[child]) return;
        uint64_t lower = heap[child];
        heap[child] = heap[at];
        heap[at] = lower;
        at = child;
    }
}

static int on_held_seq(void *context, const struct mtr_held_event *held)
{
    struct held_page *page = context;
    uint64_t *heap = page->lowest;
    if (held->seq <= page->after) return 0;
    if (page->lowest_count == page->room) {
        page->more = true;
        if (held->seq > heap[0]) return 0;
        heap[0] = held->seq;
        sift_down(page);
        return 0;
    }
    uint64_t at = page->lowest_count++;
    for (; at > 0 && heap[(at - 1) / 2] < held->seq; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = held->seq;
    return 0;
}

/* ---- their rows ---- */

static int on_held_row(void *context, const struct mtr_held_event *held)
{
    struct held_page *page = context;
    if (held->seq <= page->after || held->seq > page->lowest[0]) return 0;
    struct mtr_held_event *event = &page->events[page->count++];
    *event = *held;
    int rc = mtr_arena_copy(&page->call->arena, held->vendor, &event->vendor);
    return rc ? rc : mtr_arena_copy(&page->call->arena, held->name, &event->name);
}

static int compare_held(const void *a, const void *b)
{
    const struct mtr_held_event *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static int walk_all_held(struct mtr_rollups_txn *txn, mtr_rollups_on_held on_held, void *context)
{
    const struct mtr_held_event of_subscriptions = {.reason = MTR_HELD_SUBSCRIPTION};
    const struct mtr_held_event of_meters = {.reason = MTR_HELD_METER};
    int rc = mtr_rollups_walk_held(txn, &of_subscriptions, on_held, context);
    return rc ? rc : mtr_rollups_walk_held(txn, &of_meters, on_held, context);
}

static int gather(struct mtr_rollups_txn *txn, struct held_page *page)
{
    struct mtr_arena *arena = &page->call->arena;
    page->lowest = mtr_arena_calloc(arena, page->room, sizeof(*page->lowest));
    if (!page->lowest) return MTR_ENOMEM;
    int rc = walk_all_held(txn, on_held_seq, page);
    if (rc || !page->lowest_count) return rc;
    page->events = mtr_arena_calloc(arena, page->lowest_count, sizeof(*page->events));
    rc = page->events ? walk_all_held(txn, on_held_row, page) : MTR_ENOMEM;
    if (rc) return rc;
    qsort(page->events, page->count, sizeof(*page->events), compare_held);
    return MTR_OK;
}

/* ---- the answer ---- */

struct held_row {
    uint64_t seq;
    struct mtr_str vendor;
    const char *waits_for;
    struct mtr_str subject, type; /* the one that is not known */
};

static const char *reason_choice(unsigned index)
{
    static const char *const reasons[] = {"subscription", "meter", NULL};
    return reasons[index];
}

#define ROW(field) MTR_MEMBER(held_row, field)
static const struct mtr_json_member members[] = {
    {ROW(seq), .type = MTR_MEMBER_U64, .doc = "its place in the log"},
    {ROW(vendor), .type = MTR_MEMBER_TEXT, .doc = "key of who sent it"},
    {ROW(waits_for), .type = MTR_MEMBER_WORD, .choice = reason_choice, .doc = "what the catalog lacks"},
    {ROW(subject), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, .doc = "that no subscription has"},
    {ROW(type), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     .doc = "that no meter counts, or none can: it lacks a property of theirs, or they were retired by its "
            "time"},
    {0},
};
static const struct mtr_shape row_shape = {.name = "HeldEvent", .members = members};

static int write_held(struct api_rows *rows, const struct mtr_held_event *held)
{
    const bool for_subscription = held->reason == MTR_HELD_SUBSCRIPTION;
    struct held_row row = {
        .seq = held->seq, .vendor = held->vendor, .waits_for = reason_choice(for_subscription ? 0 : 1)};
    const struct mtr_str name = held->name.data ? held->name : MTR_STR("");
    if (for_subscription) row.subject = name;
    else row.type = name;
    return api_row(rows, &row);
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct held_page *page = call->state;
    int rc = MTR_OK;
    while (!rc && page->written < page->count && !api_rows_full(rows))
        rc = write_held(rows, &page->events[page->written++]);
    if (!rc && page->written == page->count)
        api_rows_end(rows, page->count ? page->events[page->count - 1].seq : page->after, page->more);
    return rc;
}

static bool begin(struct api_call *call)
{
    struct held_page *page = api_allocate(call, sizeof(*page));
    struct mtr_rollups_txn *txn = NULL;
    if (!page) return false;
    *page = (struct held_page){.call = call, .after = api_u64(call, "after"), .room = api_u64(call, "limit")};
    call->state = page;
    int rc = mtr_rollups_begin(call->host->rollups, false, &txn);
    if (!rc) rc = gather(txn, page);
    if (txn) mtr_rollups_abort(txn);
    if (rc) api_error(call, rc, "the rollups cannot be read");
    return !rc;
}

static const struct api_parameter parameters[] = {
    {"after", API_INTEGER, .max = UINT64_MAX, .doc = "events with a greater sequence number"},
    {"limit", API_INTEGER, .min = 1, .max = 10000, .default_text = "100", .doc = "rows at most"},
    {0},
};

static const struct api_list list = {
    .name = "Held",
    .member = "events",
    .row = &row_shape,
    .failure = "the rollups cannot be read",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_held = {
    .method = MTR_HTTP_GET,
    .path = "/v1/held",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "listHeld",
    .summary = "Events that wait for a subscription or a meter",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};
