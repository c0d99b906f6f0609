/*
 * POST /v1/held: held events are dropped, so that they never count. A bounded number at a time, in the order
 * of the log; who wants all asks again with `after`. What is dropped is in quarantine, and the log notes who
 * dropped it, and why.
 */
#include "daemon/api/api.h"
#include "daemon/api/held_order.h"
#include "daemon/api/routes.h"
#include "daemon/api/waits.h"

#include "meterd/core/time.h"
#include "meterd/store/rollups.h"

/* ---- the body ---- */

struct order {
    struct mtr_str vendor, subject, type, reason;
    bool has_reason, has_vendor, has_subject, has_type, has_received_before, has_after, has_dry_run, has_all;
    int64_t received_before;
    uint64_t after;
    bool dry_run, all;
};

#define BODY(field) MTR_MEMBER(order, field)
#define LACKS(field) .presence = MTR_MAY_LACK, MTR_PRESENT(order, has_##field)
static const struct mtr_json_member order_members[] = {
    {BODY(reason), .type = MTR_MEMBER_TEXT, LACKS(reason),
     .doc = "why, in a sentence of 240 bytes at most, which quarantine and log keep; a dry run needs none"},
    {BODY(vendor), .type = MTR_MEMBER_TEXT, LACKS(vendor), .doc = "only what this vendor (key) has sent"},
    {BODY(subject), .type = MTR_MEMBER_TEXT, LACKS(subject), .doc = "only use of this subject"},
    {BODY(type), .type = MTR_MEMBER_TEXT, LACKS(type), .doc = "only events of this type"},
    {BODY(received_before), .type = MTR_MEMBER_TIME, LACKS(received_before),
     .doc = "only what was received before"},
    {BODY(all), .type = MTR_MEMBER_BOOL, LACKS(all),
     .doc = "true: whatever is held, where nothing else is said"},
    {BODY(after), .type = MTR_MEMBER_U64, LACKS(after), .doc = "only with a greater sequence number"},
    {BODY(dry_run), .type = MTR_MEMBER_BOOL, LACKS(dry_run), .doc = "true: looks, and drops nothing"},
    {0},
};
#undef BODY
static const struct mtr_shape order_shape = {.name = "HeldOrder", .members = order_members};

/* False after answering 400. */
static bool fail(struct api_call *call, const char *text)
{
    api_problem(call, 400, MTR_FINDING_REQUEST_BODY, "%s", text);
    return false;
}

/* Another word than true or false would be taken for one of them. */
static bool read_flag(struct api_call *call, const struct mtr_node *root, const char *name, bool *out)
{
    const struct mtr_node *node = mtr_node_get(root, name);
    *out = node && node->kind == MTR_NODE_BOOL && node->truth;
    return !node || node->kind == MTR_NODE_BOOL || fail(call, "all, dry_run: true or false");
}

static bool copy_texts(struct api_call *call, const struct mtr_node *root, struct mtr_held_order *out)
{
    const struct {
        const char *name;
        struct mtr_str *text;
    } texts[] = {
        {"vendor", &out->vendor}, {"subject", &out->subject}, {"type", &out->type}, {"reason", &out->reason}};
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < sizeof(texts) / sizeof(*texts); i++) {
        const struct mtr_node *node = mtr_node_get(root, texts[i].name);
        if (node && !mtr_node_text(root, texts[i].name).size)
            return fail(call, "a text of the order is empty: leave it out, and it names nothing");
        if (node) rc = mtr_arena_copy(&call->arena, mtr_node_text(root, texts[i].name), texts[i].text);
    }
    if (rc) api_error(call, rc, "the order cannot be read");
    return !rc;
}

/* What is meant must be said: a member that is not known may be a misspelt one. */
static bool check_names(struct api_call *call, const struct mtr_node *root)
{
    for (uint32_t i = 0; i < root->child_count; i++)
        if (!mtr_shape_member(&order_shape, root->children[i].key)) {
            api_problem(call, 400, MTR_FINDING_REQUEST_BODY, "an order has no `%.*s%s`",
                        MTR_STR_QUOTED(root->children[i].key));
            return false;
        }
    return true;
}

static bool read_order(struct api_call *call, const struct mtr_node *root, struct mtr_held_order *out)
{
    const struct mtr_str before = mtr_node_text(root, "received_before"),
                         after = mtr_node_text(root, "after");
    *out = (struct mtr_held_order){.before_us = INT64_MAX,
                                   .who = call->credential->key,
                                   .why = MTR_QUARANTINE_DROPPED};
    bool all;
    if (root->kind != MTR_NODE_MAP) return fail(call, "send a map: {\"reason\": …, \"subject\": …}");
    if (!check_names(call, root) || !copy_texts(call, root, out) ||
        !read_flag(call, root, "dry_run", &out->is_dry_run) || !read_flag(call, root, "all", &all))
        return false;
    if (!out->reason.size && !out->is_dry_run) return fail(call, "reason: say why these events are dropped");
    if (out->reason.size > HELD_REASON_BYTES_MAX) return fail(call, "reason: 240 bytes at most");
    if (mtr_node_get(root, "received_before") && mtr_time_parse_date(before, &out->before_us))
        return fail(call, "received_before: write a time or a date");
    if (mtr_node_get(root, "after") && !mtr_str_to_u64(after, &out->after))
        return fail(call, "after: write a sequence number");
    const bool is_named =
        out->vendor.size || out->subject.size || out->type.size || out->before_us < INT64_MAX;
    return is_named || all ||
           fail(call, "name a vendor, a subject, a type or received_before, or say {\"all\": true}");
}

/* ---- the answer ---- */

struct dropped_row {
    uint64_t events, next_after;
    bool dropped, has_more;
    struct mtr_list uses; /* of struct mtr_held_use */
};

#define USE(field) MTR_MEMBER(mtr_held_use, field)
static const struct mtr_json_member use_members[] = {
    {USE(vendor), .type = MTR_MEMBER_TEXT, .doc = "key of who sent it"},
    {USE(subject), .type = MTR_MEMBER_TEXT, .doc = "whose use it is"},
    {USE(type), .type = MTR_MEMBER_TEXT, .doc = "what happened"},
    {USE(waits_for), .type = MTR_MEMBER_WORD, .choice = api_waits_choice, .doc = "what the catalog lacks"},
    {USE(events), .type = MTR_MEMBER_U64},
    {USE(first_seq), .type = MTR_MEMBER_U64, .doc = "place in the log of the first"},
    {USE(last_seq), .type = MTR_MEMBER_U64, .doc = "place in the log of the last"},
    {USE(from), .type = MTR_MEMBER_TIME, .doc = "when the earliest happened"},
    {USE(to), .type = MTR_MEMBER_TIME, .doc = "when the latest happened"},
    {0},
};
#undef USE
static const struct mtr_shape use_shape = {.name = "HeldUse", .members = use_members};

#define ROW(field) MTR_MEMBER(dropped_row, field)
static const struct mtr_json_member dropped_members[] = {
    {ROW(events), .type = MTR_MEMBER_U64, .doc = "so many were dropped, or would be"},
    {ROW(dropped), .type = MTR_MEMBER_BOOL, .doc = "false: it was a dry run"},
    {ROW(uses), .type = MTR_MEMBER_LIST, .shape = &use_shape, .item_size = sizeof(struct mtr_held_use),
     .doc = "what use they are"},
    {ROW(next_after), .type = MTR_MEMBER_U64, .doc = "everything up to it was looked at"},
    {ROW(has_more), .type = MTR_MEMBER_BOOL, .doc = "send the order again with after = next_after"},
    {0},
};
#undef ROW
static const struct mtr_shape dropped_shape = {.name = "HeldDropped", .members = dropped_members};

static void answer(struct api_call *call, const struct mtr_held_order *order,
                   const struct mtr_held_dropped *dropped)
{
    const struct dropped_row row = {.events = dropped->events,
                                    .next_after = dropped->next_after,
                                    .dropped = !order->is_dry_run,
                                    .has_more = dropped->has_more,
                                    .uses = {dropped->uses, dropped->use_count}};
    api_security_detail(call, "%s%llu events", order->is_dry_run ? "would drop " : "",
                        (unsigned long long)dropped->events);
    api_answer(call, &row);
}

static void drop_held(struct api_call *call)
{
    struct mtr_document *document = api_body(call);
    struct mtr_held_order order;
    struct mtr_held_dropped dropped = {.events = 0};
    if (!document) return;
    const bool is_well = read_order(call, mtr_document_root(document), &order);
    mtr_document_close(document);
    if (!is_well) return;
    const int rc = call->host->drop_held(call->host->context, &order, &call->arena, &dropped);
    if (rc == MTR_EAGAIN || rc == MTR_EFULL || rc == MTR_EFILES)
        api_problem(call, 503, MTR_FINDING_REQUEST_BUSY,
                    "the fold has still to do what log and catalog say, or the log takes longer than usual: "
                    "send the order again");
    else if (rc) api_error(call, rc, "held events could not be dropped");
    else answer(call, &order, &dropped);
}

const struct api_route api_drop_held = {
    .method = MTR_HTTP_POST,
    .path = "/v1/held",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_ADMIN_ACT,
    .operation = "dropHeld",
    .summary = "Drops held events: they never count, are in quarantine, and the log notes who dropped them",
    .request = &order_shape,
    .answer = &dropped_shape,
    .handle = drop_held,
};
