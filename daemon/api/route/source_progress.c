/*
 * GET /v1/sources/{key}/progress: how many of a source's windows that are over have been read. Of a backfill,
 * how far it is.
 */
#include "daemon/api/routes.h"
#include "daemon/api/rows.h"
#include "daemon/api/route/source_row.h"

#include <stdlib.h>

#include "meterd/catalog/catalog.h"
#include "meterd/collector/poller.h"
#include "meterd/collector/source_terms.h"
#include "meterd/core/time.h"
#include "meterd/source/window.h"

enum { WINDOWS_COUNTED_MAX = 1000000 };

struct progress_row {
    struct mtr_str source;
    bool has_windows;
    uint64_t windows, read, complete, rows;
    uint32_t requests;
    /* Of the walk. */
    int64_t over_us, first_us;
};

#define ROW(field) MTR_MEMBER(progress_row, field)
static const struct mtr_json_member members[] = {
    {ROW(source), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(windows), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK, MTR_PRESENT(progress_row, has_windows),
     .doc = "that are over, `lateness` included, of all requests; a feed, and one by hand, has none"},
    {ROW(read), .type = MTR_MEMBER_U64, .doc = "of them, read so far, whatever that came to"},
    {ROW(complete), .type = MTR_MEMBER_U64, .doc = "of them, complete or settled"},
    {ROW(rows), .type = MTR_MEMBER_U64, .doc = "that these have"},
    {ROW(requests), .type = MTR_MEMBER_U32, .doc = "how many for_each makes of it; 1 without"},
    {0},
};
#undef ROW
static const struct mtr_shape row_shape = {.name = "SourceProgress", .members = members};

static int on_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    struct progress_row *row = context;
    (void)each;
    if (window->start_us < row->first_us) row->first_us = window->start_us;
    const bool is_behind = window->state == MTR_WINDOW_OPEN && window->last_us >= window->end_us;
    if (window->end_us > row->over_us || is_behind) return MTR_OK; /* not over, or in no term */
    row->read++;
    row->complete += mtr_window_is_whole(window->state);
    row->rows += window->rows;
    return row->read == WINDOWS_COUNTED_MAX ? API_STOP : MTR_OK;
}

static int read_ledger(struct api_call *call, const struct mtr_source *source, struct progress_row *row)
{
    struct mtr_ledger_txn *txn;
    const struct mtr_strand strand = {source->vendor, source->key, {NULL, 0}};
    int rc = mtr_ledger_begin(call->host->ledger, false, &txn);
    if (rc) return rc;
    rc = mtr_ledger_walk_windows(txn, &strand, INT64_MIN, on_window, row);
    mtr_ledger_abort(txn);
    return rc == API_STOP ? MTR_OK : rc;
}

/* Windows that are over, from the document's start, or from the first that was read. Where terms are held
 * against them (for_each: subscription), also where each ends. */
struct over {
    int64_t first_us; /* where the first begins */
    int64_t *ends_us; /* NULL: none, or nobody asks */
    uint64_t count, capacity;
    bool has_terms;
};

static int keep_end(struct over *over, int64_t end_us)
{
    enum { FIRST = 1024 };
    if (over->count == over->capacity) {
        const uint64_t capacity = over->capacity ? 2 * over->capacity : FIRST;
        int64_t *grown = realloc(over->ends_us, capacity * sizeof(*grown));
        if (!grown) return MTR_ENOMEM;
        over->ends_us = grown;
        over->capacity = capacity;
    }
    over->ends_us[over->count] = end_us;
    return MTR_OK;
}

static int find_over(const struct mtr_source *source, const struct progress_row *row, struct over *over)
{
    const struct mtr_source_window *rule = &source->window;
    const int64_t from_us = rule->has_start ? rule->start_us : row->first_us;
    int rc = MTR_OK;
    *over = (struct over){.has_terms = source->each.kind == MTR_EACH_SUBSCRIPTION};
    if (from_us > row->over_us) return MTR_OK;
    struct mtr_window window = mtr_window_at(rule, from_us);
    over->first_us = window.from_us;
    for (; window.to_us <= row->over_us && over->count < WINDOWS_COUNTED_MAX; over->count++) {
        if (over->has_terms) rc = keep_end(over, window.to_us);
        if (rc) return rc;
        window = mtr_window_next(rule, &window);
    }
    return MTR_OK;
}

/* How many end by then; where the instant is within one, it does not. */
static uint64_t ended_by(const struct over *over, int64_t time_us)
{
    uint64_t low = 0, high = over->count;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (over->ends_us[middle] <= time_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t count_term(const struct over *over, const struct mtr_plan_term *term)
{
    if (term->until_us <= over->first_us || term->from_us >= term->until_us) return 0;
    const uint64_t first = ended_by(over, term->from_us), last = ended_by(over, term->until_us - 1);
    return (last < over->count ? last + 1 : last) - first;
}

/* Of for_each: subscription each subject has its own. */
static uint64_t count_terms(const struct mtr_catalog *catalog, const struct mtr_source *source,
                            const struct over *over)
{
    const uint32_t subscriptions = mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION);
    uint64_t count = 0;
    for (uint32_t i = 1; i <= subscriptions; i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(catalog, i);
        struct mtr_plan_term terms[MTR_SOURCE_TERMS_MAX];
        if (!subscription || !mtr_str_equal(subscription->service->key, source->each.service) ||
            mtr_subscription_first_number(subscription) != i)
            continue;
        const uint32_t term_count = mtr_source_terms(subscription, 0, terms);
        for (uint32_t k = 0; k < term_count; k++) count += count_term(over, &terms[k]);
    }
    return count;
}

static int count_windows(const struct mtr_catalog *catalog, const struct mtr_source *source,
                         struct progress_row *row)
{
    struct over over;
    int rc = find_over(source, row, &over);
    row->has_windows = !rc && over.count < WINDOWS_COUNTED_MAX;
    if (row->has_windows)
        row->windows = over.has_terms ? count_terms(catalog, source, &over) : over.count * row->requests;
    free(over.ends_us);
    return rc;
}

static void handle(struct api_call *call)
{
    const struct mtr_source *source = source_of_path(call);
    struct mtr_source_status status = {0};
    if (!source) return;
    struct progress_row row = {.source = source->key,
                               .first_us = INT64_MAX,
                               .over_us = call->now_us - source->window.lateness_us};
    (void)!call->host->source_status(call->host->context, source, &status);
    row.requests = status.strands;
    const bool is_feed = source->window.length == MTR_LENGTH_CURSOR || source->by_hand;
    int rc = is_feed ? MTR_OK : read_ledger(call, source, &row);
    if (!rc && !is_feed && source->window.length != MTR_LENGTH_PERIODS)
        rc = count_windows(call->catalog, source, &row);
    if (rc) {
        api_error(call, rc, "the windows cannot be counted");
        return;
    }
    api_answer(call, &row);
}

const struct api_route api_get_progress = {
    .method = MTR_HTTP_GET,
    .path = "/v1/sources/{key}/progress",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "getSourceProgress",
    .summary = "How many windows of a source that are over have been read: how far a backfill is",
    .answer = &row_shape,
    .handle = handle,
};
