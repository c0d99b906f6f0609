/*
 * Where the pipeline stands, and what it keeps aside: quarantined and held events.
 */
#include "daemon/api/api.h"
#include "meterd/store/rollups.h"
#include "meterd/store/log.h"
#include "meterd/core/time.h"

#include <stdlib.h>

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 10000, STOP = 1 };

static void name_u64(struct mtr_json_writer *json, const char *name, uint64_t value)
{
    mtr_json_name(json, name);
    mtr_json_u64(json, value);
}

static void name_bool(struct mtr_json_writer *json, const char *name, bool value)
{
    mtr_json_name(json, name);
    mtr_json_bool(json, value);
}

void api_get_status(struct api_call *call)
{
    const struct mtr_api_host *host = call->host;
    struct mtr_rollups_txn *txn = NULL;
    struct mtr_json_writer json;
    uint64_t next_seq, change, version = mtr_catalog_version(call->catalog),
                               last_seq = mtr_log_last_seq(host->log);
    int64_t watermark_us;
    struct mtr_progress progress = host->progress(host->context);
    bool folded = progress.aggregator_idle && progress.aggregator_catalog_version >= version;
    bool rated = folded && progress.rater_idle && progress.rater_catalog_version >= version &&
                 progress.rated_folds == progress.folds;
    int rc = mtr_rollups_begin(host->rollups, false, &txn);
    if (!rc) rc = mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change);
    if (txn) mtr_rollups_abort(txn);
    if (rc) {
        api_error(call, rc, "the rollups cannot be read");
        return;
    }
    api_json(call, &json);
    mtr_json_map(&json);
    mtr_json_name(&json, "version");
    mtr_json_cstr(&json, METERD_VERSION);
    mtr_json_name(&json, "started_at");
    mtr_json_time(&json, host->started_us);
    name_bool(&json, "ready", host->is_ready(host->context));
    mtr_json_name(&json, "catalog");
    mtr_json_map(&json);
    name_u64(&json, "version", mtr_catalog_version(call->catalog));
    mtr_json_map_end(&json);
    mtr_json_name(&json, "log");
    mtr_json_map(&json);
    name_u64(&json, "last_seq", last_seq);
    mtr_json_map_end(&json);
    mtr_json_name(&json, "aggregator");
    mtr_json_map(&json);
    name_u64(&json, "next_seq", progress.next_seq ? progress.next_seq : next_seq);
    name_bool(&json, "idle", folded);
    mtr_json_name(&json, "watermark");
    mtr_json_time(&json, watermark_us);
    mtr_json_map_end(&json);
    mtr_json_name(&json, "rater");
    mtr_json_map(&json);
    name_bool(&json, "idle", rated);
    mtr_json_map_end(&json);
    mtr_json_map_end(&json);
    api_json_end(call, &json);
}

struct rows {
    struct mtr_json_writer json;
    uint64_t after;
    uint64_t limit;
    uint64_t count;
    uint64_t last_seq;
    bool more;
};

/* An event may have a row for each meter: a page ends between events only. */
static int on_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    struct rows *rows = context;
    if (rows->count >= rows->limit && event->seq != rows->last_seq) {
        rows->more = true;
        return STOP;
    }
    rows->count++;
    rows->last_seq = event->seq;
    mtr_json_map(&rows->json);
    name_u64(&rows->json, "seq", event->seq);
    mtr_json_name(&rows->json, "reason");
    mtr_json_text(&rows->json, event->reason);
    mtr_json_name(&rows->json, "text");
    mtr_json_text(&rows->json, event->text);
    mtr_json_map_end(&rows->json);
    return rows->json.error;
}

/* Held events are kept by what they wait for; they are listed by sequence, so that a page ends where the
 * next one begins: one walk finds the lowest sequences after `after`, another one their rows. */
struct held_page {
    uint64_t after;
    uint64_t room;
    uint64_t count;
    uint64_t *lowest; /* a heap, the highest at the top; of at most `room` */
    bool more;
};

struct held_rows {
    struct api_call *call;
    uint64_t after;
    uint64_t up_to;
    struct mtr_held_event *rows;
    uint64_t count;
};

static void sift_down(struct held_page *page)
{
    uint64_t *heap = page->lowest, at = 0;
    for (;;) {
        uint64_t child = 2 * at + 1;
        if (child >= page->count) return;
        if (child + 1 < page->count && heap[child + 1] > heap[child]) child++;
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
    if (page->count == page->room) {
        page->more = true;
        if (held->seq > heap[0]) return 0;
        heap[0] = held->seq;
        sift_down(page);
        return 0;
    }
    uint64_t at = page->count++;
    for (; at > 0 && heap[(at - 1) / 2] < held->seq; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = held->seq;
    return 0;
}

static int on_held_row(void *context, const struct mtr_held_event *held)
{
    struct held_rows *rows = context;
    if (held->seq <= rows->after || held->seq > rows->up_to) return 0;
    struct mtr_held_event *row = &rows->rows[rows->count++];
    *row = *held;
    int rc = mtr_arena_copy(&rows->call->arena, held->vendor, &row->vendor);
    return rc ? rc : mtr_arena_copy(&rows->call->arena, held->name, &row->name);
}

static int compare_held(const void *a, const void *b)
{
    const struct mtr_held_event *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static void write_held(struct mtr_json_writer *json, const struct mtr_held_event *held)
{
    mtr_json_map(json);
    name_u64(json, "seq", held->seq);
    mtr_json_name(json, "vendor");
    mtr_json_text(json, held->vendor);
    mtr_json_name(json, "waits_for");
    mtr_json_cstr(json, held->reason == MTR_HELD_SUBSCRIPTION ? "subscription" : "meter");
    mtr_json_name(json, held->reason == MTR_HELD_SUBSCRIPTION ? "subject" : "type");
    mtr_json_text(json, held->name);
    mtr_json_map_end(json);
}

static int walk_all_held(struct mtr_rollups_txn *txn, mtr_rollups_on_held on_held, void *context)
{
    const struct mtr_held_event of_subscriptions = {.reason = MTR_HELD_SUBSCRIPTION};
    const struct mtr_held_event of_meters = {.reason = MTR_HELD_METER};
    int rc = mtr_rollups_walk_held(txn, &of_subscriptions, on_held, context);
    return rc ? rc : mtr_rollups_walk_held(txn, &of_meters, on_held, context);
}

static int write_held_page(struct mtr_rollups_txn *txn, struct rows *rows, struct api_call *call)
{
    struct held_page page = {.after = rows->after, .room = rows->limit};
    struct held_rows held = {.call = call, .after = rows->after};
    page.lowest = mtr_arena_calloc(&call->arena, rows->limit, sizeof(*page.lowest));
    if (!page.lowest) return MTR_ENOMEM;
    int rc = walk_all_held(txn, on_held_seq, &page);
    if (rc || !page.count) return rc;
    held.up_to = page.lowest[0];
    held.rows = mtr_arena_calloc(&call->arena, page.count, sizeof(*held.rows));
    rc = held.rows ? walk_all_held(txn, on_held_row, &held) : MTR_ENOMEM;
    if (rc) return rc;
    qsort(held.rows, held.count, sizeof(*held.rows), compare_held);
    for (uint64_t i = 0; i < held.count; i++) write_held(&rows->json, &held.rows[i]);
    rows->more = page.more;
    return rows->json.error;
}

static void list_rows(struct api_call *call, bool quarantine)
{
    struct rows rows = {.limit = LIMIT_DEFAULT};
    struct mtr_rollups_txn *txn = NULL;
    if (!api_u64(call, "after", 0, UINT64_MAX, &rows.after) ||
        !api_u64(call, "limit", 1, LIMIT_MAX, &rows.limit))
        return;
    int rc = mtr_rollups_begin(call->host->rollups, false, &txn);
    api_json(call, &rows.json);
    mtr_json_map(&rows.json);
    mtr_json_name(&rows.json, "events");
    mtr_json_list(&rows.json);
    if (!rc && quarantine) rc = mtr_rollups_walk_quarantined(txn, rows.after, on_quarantined, &rows);
    if (!rc && !quarantine) rc = write_held_page(txn, &rows, call);
    if (txn) mtr_rollups_abort(txn);
    if (rc && rc != STOP) {
        api_error(call, rc, "the rollups cannot be read");
        return;
    }
    mtr_json_list_end(&rows.json);
    name_bool(&rows.json, "has_more", rows.more);
    mtr_json_map_end(&rows.json);
    api_json_end(call, &rows.json);
}

void api_list_quarantine(struct api_call *call)
{
    list_rows(call, true);
}

void api_list_held(struct api_call *call)
{
    list_rows(call, false);
}
