/*
 * Charges for billing services: the pull feed, acknowledgements, explanations, and the outbox for operators.
 */
#include "daemon/api/api.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/csv.h"
#include "meterd/core/document.h"
#include "meterd/query/explain.h"
#include "meterd/emitter/outbox.h"
#include "meterd/emitter/feed.h"

enum { ACK_IDS_MAX = 10000, OUTBOX_LIMIT_DEFAULT = 100, OUTBOX_LIMIT_MAX = 10000, STOP = 1 };

/* ---- feed ---- */

static bool read_pull_request(struct mtr_api_call *call, struct mtr_pull_request *request)
{
    uint64_t limit = MTR_PULL_LIMIT_DEFAULT;
    struct mtr_str key = api_text(call, "subscription");
    *request = (struct mtr_pull_request){.consumer = api_text(call, "consumer")};
    request->has_after = api_text(call, "after").size > 0;
    if (!api_u64(call, "after", 0, UINT64_MAX, &request->after) ||
        !api_u64(call, "limit", 1, MTR_PULL_LIMIT_MAX, &limit))
        return false;
    request->limit = (uint32_t)limit;
    request->skip_drafts = api_text(call, "drafts").size > 0 && !api_flag(call, "drafts");
    if (request->consumer.size > MTR_CONSUMER_BYTES_MAX) {
        api_problem(call, 400, "consumer: a name has at most %d bytes", MTR_CONSUMER_BYTES_MAX);
        return false;
    }
    if (!key.size) return true;
    const struct mtr_subscription *subscription = mtr_catalog_find_subscription(call->catalog, key);
    if (subscription) request->subscription = subscription->number;
    else api_problem(call, 404, "there is no subscription '%.*s'", MTR_STR_ARGS(key));
    return subscription != NULL;
}

static int on_charge_ndjson(void *context, const struct mtr_charge *charge)
{
    struct mtr_buffer *out = context;
    int rc = mtr_buffer_append_str(out, charge->body);
    return rc ? rc : mtr_buffer_append_char(out, '\n');
}

static const char *const csv_columns[] = {
    "number",       "id",           "status",     "subscription", "customer",       "vendor",
    "service",      "component",    "kind",       "meter",        "unit",           "tax_code",
    "dimensions",   "period_start", "period_end", "quantity",     "quantity_delta", "amount",
    "amount_total", "currency",     "tariff.key", "tariff.from",  "created_at",     "seq_first",
    "seq_last",     "cost",         "cost_total", "margin",       "margin_total"};
enum { CSV_COLUMNS = sizeof(csv_columns) / sizeof(csv_columns[0]) };

/* A member of the body by its dotted name; a map is written as JSON. */
static int write_csv_member(struct mtr_buffer *out, const struct mtr_node *body, const char *name)
{
    char first[32];
    const char *dot = strchr(name, '.');
    snprintf(first, sizeof(first), "%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
    const struct mtr_node *node = mtr_node_get(body, first);
    if (node && dot) node = mtr_node_get(node, dot + 1);
    if (!node || node->kind == MTR_NODE_NULL) return MTR_OK;
    if (node->kind != MTR_NODE_MAP) return mtr_csv_write_cell(out, node->text);
    struct mtr_buffer json;
    mtr_buffer_init(&json, 1 << 16);
    int rc = node->child_count ? mtr_node_write_json(node, &json) : MTR_OK;
    if (!rc) rc = mtr_csv_write_cell(out, mtr_buffer_str(&json));
    mtr_buffer_release(&json);
    return rc;
}

/* The frozen body is what was promised to receivers, so CSV is made of it and not of the row beside it. */
static int on_charge_csv(void *context, const struct mtr_charge *charge)
{
    struct mtr_buffer *out = context;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    int rc = mtr_document_parse(charge->body, &document, &diagnostic);
    for (size_t i = 0; !rc && i < CSV_COLUMNS; i++) {
        if (i) rc = mtr_buffer_append_char(out, ',');
        if (!rc) rc = write_csv_member(out, mtr_document_root(document), csv_columns[i]);
    }
    mtr_document_close(document);
    return rc ? rc : mtr_buffer_append(out, "\r\n", 2);
}

static int write_csv_head(struct mtr_buffer *out)
{
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < CSV_COLUMNS; i++)
        rc = mtr_buffer_printf(out, "%s%s", i ? "," : "", csv_columns[i]);
    return rc ? rc : mtr_buffer_append(out, "\r\n", 2);
}

void api_list_charges(struct mtr_api_call *call)
{
    enum { AS_JSON, AS_NDJSON, AS_CSV };
    struct mtr_pull_request request;
    struct mtr_charges_txn *txn = NULL;
    struct mtr_json_writer json;
    int as = api_negotiate(call);
    if (as < 0 || !read_pull_request(call, &request)) return;
    int rc = mtr_charges_begin(call->host->charges, false, &txn);
    if (!rc && as == AS_JSON) {
        api_json(call, &json);
        rc = mtr_pull_write_json(txn, &request, &json);
        if (!rc) api_json_end(call, &json);
    } else if (!rc) {
        call->status = 200;
        call->answer_type = as == AS_CSV ? "text/csv; charset=utf-8" : "application/x-ndjson";
        if (as == AS_CSV) rc = write_csv_head(&call->answer);
        if (!rc)
            rc = mtr_pull_walk(txn, &request, as == AS_CSV ? on_charge_csv : on_charge_ndjson, &call->answer,
                               &call->next_after, &call->has_more);
        call->paged = !rc;
    }
    mtr_charges_abort(txn);
    if (rc) api_error(call, rc, "the charges cannot be read");
}

/* ---- acknowledgements ---- */

static int ack_ids(struct mtr_charges_txn *txn, struct mtr_str consumer, const struct mtr_node *ids)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && ids && i < ids->child_count; i++) {
        struct mtr_hash128 id;
        rc = mtr_charge_id_parse(ids->children[i].text, &id) ? mtr_pull_ack_id(txn, consumer, id)
                                                             : MTR_EINVALID;
    }
    return rc;
}

static int ack(struct mtr_charges_txn *txn, const struct mtr_node *root, uint64_t *up_to)
{
    const struct mtr_node *consumer = mtr_node_get(root, "consumer"), *number = mtr_node_get(root, "up_to"),
                          *ids = mtr_node_get(root, "ids");
    uint64_t value;
    if (!consumer || consumer->kind != MTR_NODE_STRING || !consumer->text.size ||
        consumer->text.size > MTR_CONSUMER_BYTES_MAX)
        return MTR_EINVALID;
    if (!number && !ids) return MTR_EINVALID;
    if (number && !mtr_str_to_u64(number->text, &value)) return MTR_EINVALID;
    if (ids && (ids->kind != MTR_NODE_LIST || ids->child_count > ACK_IDS_MAX)) return MTR_EINVALID;
    int rc = number ? mtr_pull_ack_up_to(txn, consumer->text, value) : MTR_OK;
    if (!rc) rc = ack_ids(txn, consumer->text, ids);
    return rc ? rc : mtr_charges_get_consumer(txn, consumer->text, up_to);
}

/* The body of a call as JSON; NULL after answering 400. */
static struct mtr_document *read_body(struct mtr_api_call *call)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    if (mtr_document_parse(call->body, &document, &diagnostic) == MTR_OK) return document;
    api_problem(call, 400, "line %u, column %u: %s", diagnostic.line, diagnostic.column, diagnostic.text);
    return NULL;
}

void api_ack_charges(struct mtr_api_call *call)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_json_writer json;
    uint64_t up_to = 0;
    struct mtr_document *document = read_body(call);
    if (!document) return;
    int rc = mtr_charges_begin(call->host->charges, true, &txn);
    if (!rc) rc = ack(txn, mtr_document_root(document), &up_to);
    if (!rc) rc = mtr_charges_commit(txn);
    else mtr_charges_abort(txn);
    mtr_document_close(document);
    if (rc == MTR_EINVALID) {
        api_problem(
            call, 400,
            "send {\"consumer\": name, \"up_to\": number} or {\"consumer\": name, \"ids\": [charge ids]}; "
            "up_to is not beyond the last charge");
    } else if (rc == MTR_ENOTFOUND) {
        api_problem(call, 404, "one of the ids is no charge; nothing was acknowledged");
    } else if (rc) {
        api_error(call, rc, "the acknowledgement could not be stored");
    } else {
        api_json(call, &json);
        mtr_json_map(&json);
        mtr_json_name(&json, "up_to");
        mtr_json_u64(&json, up_to);
        mtr_json_map_end(&json);
        api_json_end(call, &json);
    }
}

void api_get_charge(struct mtr_api_call *call)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_json_writer json;
    struct mtr_str id = call->path_parameters[0];
    int rc = mtr_charges_begin(call->host->charges, false, &txn);
    api_json(call, &json);
    if (!rc) rc = mtr_rater_explain(txn, id, &json);
    mtr_charges_abort(txn);
    if (rc == MTR_ENOTFOUND || rc == MTR_EINVALID)
        api_problem(call, 404, "there is no charge '%.*s'", MTR_STR_ARGS(id));
    else if (rc) api_error(call, rc, "the charge cannot be explained");
    else api_json_end(call, &json);
}

/* ---- outbox ---- */

struct outbox_rows {
    struct mtr_api_call *call;
    struct mtr_json_writer json;
    struct mtr_str state;
    uint64_t limit;
    uint64_t count;
    bool more;
};

static void write_message(struct mtr_json_writer *json, const struct mtr_catalog *catalog,
                          const struct mtr_message *message)
{
    char id[MTR_MESSAGE_ID_TEXT_BYTES];
    const struct mtr_destination *destination = mtr_catalog_destination(catalog, message->destination);
    mtr_message_id_format(message->id, id);
    mtr_json_map(json);
    mtr_json_name(json, "id");
    mtr_json_cstr(json, id);
    mtr_json_name(json, "destination");
    mtr_json_text(json, destination ? destination->key : (struct mtr_str){NULL, 0});
    mtr_json_name(json, "number");
    mtr_json_u64(json, message->number);
    mtr_json_name(json, "state");
    mtr_json_cstr(json, mtr_message_state_name(message->state));
    mtr_json_name(json, "attempts");
    mtr_json_u64(json, message->attempts);
    mtr_json_name(json, "last_status");
    mtr_json_i64(json, message->last_status);
    mtr_json_name(json, "first_charge");
    mtr_json_u64(json, message->first_charge);
    mtr_json_name(json, "last_charge");
    mtr_json_u64(json, message->last_charge);
    mtr_json_name(json, "charges");
    mtr_json_u64(json, message->charge_count);
    mtr_json_name(json, "created_at");
    mtr_json_time(json, message->created_us);
    mtr_json_name(json, "next_attempt_at");
    if (message->state == MTR_MESSAGE_PENDING) mtr_json_time(json, message->next_attempt_us);
    else mtr_json_null(json);
    mtr_json_map_end(json);
}

static int on_message(void *context, const struct mtr_message *message)
{
    struct outbox_rows *rows = context;
    if (rows->state.size && !mtr_str_equal(rows->state, mtr_str_from(mtr_message_state_name(message->state))))
        return 0;
    if (rows->count == rows->limit) {
        rows->more = true;
        return STOP;
    }
    rows->count++;
    write_message(&rows->json, rows->call->catalog, message);
    return rows->json.error;
}

void api_list_outbox(struct mtr_api_call *call)
{
    struct outbox_rows rows = {
        .call = call, .state = api_text(call, "state"), .limit = OUTBOX_LIMIT_DEFAULT};
    struct mtr_charges_txn *txn = NULL;
    struct mtr_str key = api_text(call, "destination");
    uint64_t after = 0;
    const struct mtr_destination *destination =
        key.size ? mtr_catalog_find_destination(call->catalog, key) : NULL;
    if (!api_u64(call, "after", 0, UINT64_MAX, &after) ||
        !api_u64(call, "limit", 1, OUTBOX_LIMIT_MAX, &rows.limit))
        return;
    if (key.size && !destination) {
        api_problem(call, 404, "there is no destination '%.*s'", MTR_STR_ARGS(key));
        return;
    }
    int rc = mtr_charges_begin(call->host->charges, false, &txn);
    api_json(call, &rows.json);
    mtr_json_map(&rows.json);
    mtr_json_name(&rows.json, "messages");
    mtr_json_list(&rows.json);
    if (!rc)
        rc = mtr_charges_walk_messages(txn, destination ? destination->number : 0, after, on_message, &rows);
    mtr_charges_abort(txn);
    if (rc && rc != STOP) {
        api_error(call, rc, "the outbox cannot be read");
        return;
    }
    mtr_json_list_end(&rows.json);
    mtr_json_name(&rows.json, "has_more");
    mtr_json_bool(&rows.json, rows.more);
    mtr_json_map_end(&rows.json);
    api_json_end(call, &rows.json);
}

/* {"action": "retry"} or {"action": "delivered"}. */
void api_settle_outbox(struct mtr_api_call *call)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_message message;
    struct mtr_hash128 id;
    struct mtr_json_writer json;
    struct mtr_document *document = read_body(call);
    if (!document) return;
    const struct mtr_node *action = mtr_node_get(mtr_document_root(document), "action");
    bool retry = action && mtr_str_equal(action->text, MTR_STR("retry")),
         delivered = action && mtr_str_equal(action->text, MTR_STR("delivered"));
    mtr_document_close(document);
    if (!retry && !delivered) {
        api_problem(call, 400, "send {\"action\": \"retry\"} or {\"action\": \"delivered\"}");
        return;
    }
    int rc = mtr_message_id_parse(call->path_parameters[0], &id)
                 ? mtr_charges_begin(call->host->charges, true, &txn)
                 : MTR_ENOTFOUND;
    if (!rc) rc = retry ? mtr_outbox_requeue(txn, id, call->now_us) : mtr_outbox_mark_delivered(txn, id);
    if (!rc) rc = mtr_charges_find_message(txn, id, &message);
    if (!rc) rc = mtr_charges_commit(txn);
    else mtr_charges_abort(txn);
    if (rc == MTR_ENOTFOUND) {
        api_problem(call, 404, "there is no message '%.*s'", MTR_STR_ARGS(call->path_parameters[0]));
    } else if (rc == MTR_EAGAIN) {
        api_problem(call, 409, "the message is on its way; wait for its outcome");
    } else if (rc == MTR_EINVALID) {
        api_problem(call, 409, "the message is delivered already");
    } else if (rc) {
        api_error(call, rc, "the message could not be changed");
    } else {
        call->host->catalog_changed(call->host->context); /* the rater's thread looks at once */
        api_json(call, &json);
        write_message(&json, call->catalog, &message);
        api_json_end(call, &json);
    }
}
