/*
 * GET /v1/held: events that wait for a subscription or a meter, or that a meter holds beyond its quota of
 * dimension values.
 *
 * They are kept by what they wait for, and listed by sequence, so that a page ends where the next one begins:
 * one walk finds the lowest sequences after `after`, another one their rows, and whether any lie behind. The
 * rows of the page are gathered in the call's arena before the first is written; pieces are then made of
 * these.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"
#include "daemon/api/waits.h"

#include <stdlib.h>

#include "meterd/store/rollups.h"

struct held_row {
    uint64_t seq;
    struct mtr_str vendor;
    const char *waits_for;
    struct mtr_str subject, type, meter; /* what is not known; of whose quota it is beyond */
};

struct held_page {
    struct api_call *call;
    uint64_t after;
    uint64_t room; /* sequences at most */
    /* found */
    uint64_t *lowest; /* a heap, the highest at the top; of at most `room`, one that several hold repeated */
    uint64_t lowest_count;
    bool more; /* sequences behind these */
    struct held_row *rows; /* an event that several meters hold has several */
    uint32_t row_count, row_capacity;
    uint32_t written;
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

static bool is_full(const struct held_page *page)
{
    return page->lowest_count == page->room;
}

static void add_seq(struct held_page *page, uint64_t seq)
{
    uint64_t *heap = page->lowest;
    if (seq <= page->after || (is_full(page) && seq >= heap[0])) return;
    if (is_full(page)) {
        heap[0] = seq;
        sift_down(page);
        return;
    }
    uint64_t at = page->lowest_count++;
    for (; at > 0 && heap[(at - 1) / 2] < seq; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = seq;
}

static int on_held_seq(void *context, const struct mtr_held_event *held)
{
    if (!held->voided) add_seq(context, held->seq); /* else nothing waits any more */
    return 0;
}

/* Each meter's are in order: none behind the highest of a full page is of it. */
static int add_beyond_seqs(struct mtr_rollups_txn *txn, struct held_page *page,
                           const struct mtr_values_of *of)
{
    uint64_t seq = page->after;
    int rc = MTR_OK;
    for (; !rc && !(is_full(page) && seq > page->lowest[0]); seq++) {
        rc = mtr_rollups_next_beyond(txn, of, &seq);
        if (!rc) add_seq(page, seq);
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* ---- their rows ---- */

static int add_row(struct held_page *page, const struct held_row *row)
{
    struct mtr_arena *arena = &page->call->arena;
    int rc = mtr_arena_make_room(arena, (void **)&page->rows, page->row_count, &page->row_capacity,
                                 sizeof(*page->rows));
    if (rc) return rc;
    struct held_row *copy = &page->rows[page->row_count++];
    struct mtr_str *const texts[] = {&copy->vendor, &copy->subject, &copy->type}; /* borrowed from the walk */
    *copy = *row;
    for (size_t i = 0; !rc && i < sizeof(texts) / sizeof(*texts); i++)
        if (texts[i]->data) rc = mtr_arena_copy(arena, *texts[i], texts[i]);
    return rc;
}

static bool is_of_page(const struct held_page *page, uint64_t seq)
{
    return seq > page->after && seq <= page->lowest[0];
}

static int on_held_row(void *context, const struct mtr_held_event *held)
{
    struct held_page *page = context;
    if (held->voided) return 0;
    if (held->seq > page->lowest[0]) page->more = true;
    if (!is_of_page(page, held->seq)) return 0;
    struct held_row row = {
        .seq = held->seq, .vendor = held->vendor, .waits_for = api_waits_choice(held->reason)};
    const struct mtr_str name = held->name.data ? held->name : MTR_STR("");
    if (held->reason == MTR_HELD_SUBSCRIPTION) row.subject = name;
    else row.type = name;
    return add_row(page, &row);
}

static int add_beyond_rows(struct mtr_rollups_txn *txn, struct held_page *page,
                           const struct mtr_values_of *of)
{
    const struct mtr_catalog *catalog = page->call->catalog;
    const struct mtr_meter *meter = mtr_catalog_meter(catalog, of->meter);
    const struct mtr_subscription *owner = mtr_catalog_subscription(catalog, of->owner);
    uint64_t seq = page->after;
    struct held_row row = {.vendor = meter->service->vendor->key,
                           .waits_for = api_waits_choice(API_WAITS_DIMENSIONS),
                           .subject = owner->subject,
                           .type = meter->event_type,
                           .meter = meter->key};
    for (;; seq++) {
        int rc = mtr_rollups_next_beyond(txn, of, &seq);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
        if (seq > page->lowest[0]) break;
        row.seq = seq;
        if (is_of_page(page, seq)) rc = add_row(page, &row);
        if (rc) return rc;
    }
    page->more = true;
    return MTR_OK;
}

static int compare_rows(const void *a, const void *b)
{
    const struct held_row *x = a, *y = b;
    if (x->seq != y->seq) return x->seq < y->seq ? -1 : 1;
    return mtr_str_compare(x->meter, y->meter);
}

/* Else the snapshot is older than the rollups. */
static bool is_known(const struct mtr_catalog *catalog, const struct mtr_values_of *of)
{
    return mtr_catalog_meter(catalog, of->meter) && mtr_catalog_subscription(catalog, of->owner);
}

typedef int (*full_hook)(struct mtr_rollups_txn *txn, struct held_page *page, const struct mtr_values_of *of);

static int walk_all(struct mtr_rollups_txn *txn, struct held_page *page, mtr_rollups_on_held on_held,
                    full_hook on_full)
{
    const struct mtr_held_event of_subscriptions = {.reason = MTR_HELD_SUBSCRIPTION};
    const struct mtr_held_event of_meters = {.reason = MTR_HELD_METER};
    struct mtr_values_of of = {0, 0};
    int rc = mtr_rollups_walk_held(txn, &of_subscriptions, on_held, page);
    if (!rc) rc = mtr_rollups_walk_held(txn, &of_meters, on_held, page);
    while (!rc) {
        rc = mtr_rollups_next_full(txn, &of);
        if (!rc && is_known(page->call->catalog, &of)) rc = on_full(txn, page, &of);
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int gather(struct mtr_rollups_txn *txn, struct held_page *page)
{
    page->lowest = mtr_arena_calloc(&page->call->arena, page->room, sizeof(*page->lowest));
    if (!page->lowest) return MTR_ENOMEM;
    int rc = walk_all(txn, page, on_held_seq, add_beyond_seqs);
    if (rc || !page->lowest_count) return rc;
    rc = walk_all(txn, page, on_held_row, add_beyond_rows);
    if (!rc) qsort(page->rows, page->row_count, sizeof(*page->rows), compare_rows);
    return rc;
}

/* ---- the answer ---- */

#define ROW(field) MTR_MEMBER(held_row, field)
static const struct mtr_json_member members[] = {
    {ROW(seq), .type = MTR_MEMBER_U64, .doc = "its place in the log"},
    {ROW(vendor), .type = MTR_MEMBER_TEXT, .doc = "key of who sent it"},
    {ROW(waits_for), .type = MTR_MEMBER_WORD, .choice = api_waits_choice, .doc = "what the catalog lacks"},
    {ROW(subject), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     .doc = "that no subscription has; of dimensions whose use it is"},
    {ROW(type), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     .doc = "that no meter counts, or none can: it lacks a property of theirs, or they were retired by its "
            "time; of dimensions the type of the event"},
    {ROW(meter), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     .doc = "of dimensions: key of the meter that counts no further values for the subject, until its "
            "dimension_values_max is raised; other meters may count the event"},
    {0},
};
static const struct mtr_shape row_shape = {.name = "HeldEvent", .members = members};

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct held_page *page = call->state;
    int rc = MTR_OK;
    while (!rc && page->written < page->row_count && !api_rows_full(rows))
        rc = api_row(rows, &page->rows[page->written++]);
    if (!rc && page->written == page->row_count)
        api_rows_end(rows, page->lowest_count ? page->lowest[0] : page->after, page->more);
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
    {"limit", API_INTEGER, .min = 1, .max = 10000, .default_text = "100",
     .doc = "events at most; one that several meters hold has a row for each"},
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
    .summary = "Events that wait for a subscription, a meter, or a higher quota of dimension values",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};
