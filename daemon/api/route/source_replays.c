/*
 * POST /v1/sources/{key}/replays: the pages that were kept of a window are mapped once more, by the document
 * and the catalog of now. It runs on the pool until the poller has done it; one at a time, beside files.
 */
#include "daemon/api/routes.h"
#include "daemon/api/rows.h"
#include "daemon/api/route/source_given.h"
#include "daemon/api/route/source_row.h"

#include "meterd/catalog/catalog.h"
#include "meterd/core/time.h"

/* ---- the body ---- */

struct replay_order {
    int64_t start;
    struct mtr_str each;
    bool has_each, dry_run, has_dry_run, accept, has_accept, join, has_join;
};

#define BODY(field) MTR_MEMBER(replay_order, field)
static const struct mtr_json_member order_members[] = {
    {BODY(start), .type = MTR_MEMBER_TIME, .doc = "of the window, as the ledger has it"},
    {BODY(each), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(replay_order, has_each),
     .doc = "of this one of for_each"},
    {BODY(dry_run), .type = MTR_MEMBER_BOOL, .presence = MTR_MAY_LACK, MTR_PRESENT(replay_order, has_dry_run),
     .doc = "say what would be done; store nothing"},
    {BODY(accept), .type = MTR_MEMBER_BOOL, .presence = MTR_MAY_LACK, MTR_PRESENT(replay_order, has_accept),
     .doc = "take it where it would be suspect"},
    {BODY(join), .type = MTR_MEMBER_BOOL, .presence = MTR_MAY_LACK, MTR_PRESENT(replay_order, has_join),
     .doc = "of a dry run: `bill` is also of the windows of the source that were replayed so before it"},
    {0},
};
#undef BODY
static const struct mtr_shape order_shape = {.name = "SourceReplayOrder", .members = order_members};

/* False after answering. */
static bool read_order(struct api_call *call, struct replay_order *out)
{
    struct mtr_document *document = api_body(call);
    if (!document) return false;
    const struct mtr_node *root = mtr_document_root(document);
    const struct mtr_str start = mtr_node_text(root, "start"), each = mtr_node_text(root, "each");
    *out = (struct replay_order){.dry_run = mtr_str_equal(mtr_node_text(root, "dry_run"), MTR_STR("true")),
                                 .accept = mtr_str_equal(mtr_node_text(root, "accept"), MTR_STR("true")),
                                 .join = mtr_str_equal(mtr_node_text(root, "join"), MTR_STR("true"))};
    bool is_well = start.size && !mtr_time_parse_date(start, &out->start);
    if (!is_well)
        api_problem(call, 400, MTR_FINDING_REQUEST_BODY, "start: write the time at which the window begins");
    if (is_well && mtr_arena_copy(&call->arena, each, &out->each)) {
        api_error(call, MTR_ENOMEM, "the order cannot be read");
        is_well = false;
    }
    mtr_document_close(document);
    return is_well;
}

/* ---- the answer ---- */

static void replay(struct api_call *call)
{
    const struct mtr_source *source = source_of_path(call);
    struct replay_order order;
    if (!source || !read_order(call, &order)) return;
    struct mtr_given_file file = {.vendor = source->vendor,
                                  .source = source->key,
                                  .is_replay = true,
                                  .each = order.each,
                                  .window = {.from_us = order.start},
                                  .is_trial = order.dry_run,
                                  .is_accepted = order.accept,
                                  .goes_on = order.join};
    if (source->window.length == MTR_LENGTH_CURSOR)
        api_problem(call, 409, MTR_FINDING_REQUEST_REPLAY,
                    "a feed has no windows, and is not replayed");
    else if (!source_give(call, &file))
        api_problem(call, 409, MTR_FINDING_REQUEST_REPLAY, "%s", file.text);
}

const struct api_route api_replay_source = {
    .method = MTR_HTTP_POST,
    .path = "/v1/sources/{key}/replays",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_ADMIN_ACT,
    .operation = "replaySourceWindow",
    .summary = "Maps the pages that were kept of a window once more, without asking the vendor",
    .request = &order_shape,
    .answer = &source_given_shape,
    .handle = replay,
};
