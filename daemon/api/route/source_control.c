/*
 * POST /v1/sources/{key}: an operator tells a source to rest, to go on, or that what was read is right.
 */
#include "daemon/api/routes.h"
#include "daemon/api/rows.h"
#include "daemon/api/route/source_row.h"

#include "meterd/collector/source_control.h"
#include "meterd/core/time.h"
#include "meterd/store/ledger.h"

/* ---- the body ---- */

struct order {
    const char *action;
    bool has_from, has_each;
    int64_t from;
    struct mtr_str each;
};

static const char *action_choice(unsigned index)
{
    return index < MTR_SOURCE_ACTION_COUNT ? mtr_source_action_name((enum mtr_source_action)index) : NULL;
}

#define BODY(field) MTR_MEMBER(order, field)
static const struct mtr_json_member order_members[] = {
    {BODY(action), .type = MTR_MEMBER_WORD, .choice = action_choice,
     .doc = "let it rest, let it go on, or take what the last reading of a window said"},
    {BODY(from), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(order, has_from),
     .doc = "accept: of the window that holds this time; unless given, of all that wait for it"},
    {BODY(each), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(order, has_each),
     .doc = "accept: of this value of for_each"},
    {0},
};
#undef BODY
static const struct mtr_shape order_shape = {.name = "SourceOrder", .members = order_members};

/* In the call's arena. False after answering 400. */
static bool fail(struct api_call *call, const char *text)
{
    api_problem(call, 400, MTR_FINDING_REQUEST_BODY, "%s", text);
    return false;
}

static bool read_times(struct api_call *call, const struct mtr_node *root, struct order *out)
{
    const struct mtr_str from = mtr_node_text(root, "from"), each = mtr_node_text(root, "each");
    out->has_from = from.size > 0;
    out->has_each = mtr_node_get(root, "each") != NULL;
    if (from.size && mtr_time_parse_date(from, &out->from)) return fail(call, "from: write a time or a date");
    if (each.size > MTR_LEDGER_EACH_BYTES_MAX) return fail(call, "each: no value of for_each is so long");
    if (mtr_arena_copy(&call->arena, each, &out->each)) {
        api_error(call, MTR_ENOMEM, "the order cannot be read");
        return false;
    }
    return true;
}

static bool read_order(struct api_call *call, enum mtr_source_action *action, struct order *out)
{
    struct mtr_document *document = api_body(call);
    if (!document) return false;
    const struct mtr_node *root = mtr_document_root(document);
    const struct mtr_str name = mtr_node_text(root, "action");
    unsigned index = 0;
    while (action_choice(index) && !mtr_str_equal(name, mtr_str_from(action_choice(index)))) index++;
    *out = (struct order){.action = action_choice(index)};
    *action = (enum mtr_source_action)index;
    bool is_well = out->action || fail(call, "send {\"action\": \"pause\"}, \"resume\" or \"accept\"");
    is_well = is_well && read_times(call, root, out);
    if (is_well && *action != MTR_SOURCE_ACCEPT && (out->has_from || out->has_each))
        is_well = fail(call, "`from` and `each` are of accept alone");
    mtr_document_close(document);
    return is_well;
}

/* ---- windows that wait ---- */

struct finding {
    struct api_call *call;
    const struct order *order;
    struct mtr_source_seen *seen;
    uint32_t count;
};

static int on_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    struct finding *finding = context;
    const struct order *order = finding->order;
    const bool waits = mtr_window_has_problem(window->state);
    const bool is_meant = (!order->has_each || mtr_str_equal(each, order->each)) &&
                          (!order->has_from || order->from < window->end_us);
    if (order->has_from && window->start_us > order->from) return API_STOP;
    if (!waits || !window->agreed || !is_meant) return MTR_OK;
    struct mtr_source_seen *seen = &finding->seen[finding->count];
    *seen = (struct mtr_source_seen){.start_us = window->start_us, .content = window->content};
    int rc = mtr_arena_copy(&finding->call->arena, each, &seen->each);
    if (rc) return rc;
    return ++finding->count == MTR_SOURCE_SEEN_MAX ? API_STOP : MTR_OK;
}

static int find_windows(struct finding *finding, const struct mtr_source *source)
{
    struct mtr_ledger_txn *txn;
    const struct mtr_strand strand = {source->vendor, source->key, {NULL, 0}};
    finding->seen =
        mtr_arena_calloc(&finding->call->arena, MTR_SOURCE_SEEN_MAX, sizeof(*finding->seen));
    if (!finding->seen) return MTR_ENOMEM;
    int rc = mtr_ledger_begin(finding->call->host->ledger, false, &txn);
    if (rc) return rc;
    rc = mtr_ledger_walk_windows(txn, &strand, INT64_MIN, on_window, finding);
    mtr_ledger_abort(txn);
    return rc == API_STOP ? MTR_OK : rc;
}

/* ---- the answer ---- */

struct told_row {
    struct mtr_str source;
    const char *action;
    uint32_t windows;
    bool by_hand;
};

#define ROW(field) MTR_MEMBER(told_row, field)
static const struct mtr_json_member told_members[] = {
    {ROW(source), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(action), .type = MTR_MEMBER_WORD, .choice = action_choice, .doc = "what it was told"},
    {ROW(windows), .type = MTR_MEMBER_U32,
     .doc = "accept: how many windows; a thousand at a time, so that more may wait"},
    {ROW(by_hand), .type = MTR_MEMBER_BOOL,
     .doc = "nobody is asked: what is accepted is taken when its file is given again, and else read at once"},
    {0},
};
#undef ROW
static const struct mtr_shape told_shape = {.name = "SourceTold", .members = told_members};

static void answer(struct api_call *call, int rc, const char *fault, const struct told_row *row)
{
    if (rc == MTR_EAGAIN || rc == MTR_ENOTFOUND)
        api_problem(call, 503, MTR_FINDING_REQUEST_BUSY, "%s", fault);
    else if (rc)
        api_error(call, rc, "the source could not be told");
    else
        api_answer(call, row);
}

static void control(struct api_call *call)
{
    const struct mtr_source *source = source_of_path(call);
    enum mtr_source_action action;
    struct order order;
    const char *fault = "";
    if (!source || !read_order(call, &action, &order)) return;
    struct finding finding = {.call = call, .order = &order};
    api_security_detail(call, "%s", order.action);
    int rc = action == MTR_SOURCE_ACCEPT ? find_windows(&finding, source) : MTR_OK;
    const bool has_none = action == MTR_SOURCE_ACCEPT && !finding.count; /* there is nothing to tell */
    const struct mtr_source_control order_of = {.action = action,
                                                .vendor = source->vendor,
                                                .source = source->key,
                                                .who = call->credential->key,
                                                .seen = finding.seen,
                                                .seen_count = finding.count};
    if (!rc && !has_none) rc = call->host->control_source(call->host->context, &order_of, &fault);
    const struct told_row row = {source->key, order.action, finding.count, source->by_hand};
    answer(call, rc, fault, &row);
}

const struct api_route api_control_source = {
    .method = MTR_HTTP_POST,
    .path = "/v1/sources/{key}",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_ADMIN_ACT,
    .operation = "controlSource",
    .summary = "Pauses a source, resumes it, or accepts what the last reading of a window said",
    .request = &order_shape,
    .answer = &told_shape,
    .handle = control,
};
