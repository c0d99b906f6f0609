/*
 * Charges for billing services: the pull feed, acknowledgements, explanations, and the outbox for operators.
 */
#include "daemon/api/rows.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/document.h"
#include "meterd/query/explain.h"
#include "meterd/emitter/outbox.h"
#include "meterd/emitter/feed.h"
#include "meterd/rater/charge_body.h"

enum { ACK_IDS_MAX = 10000, OUTBOX_LIMIT_DEFAULT = 100, OUTBOX_LIMIT_MAX = 10000, STOP = 1 };

/* ---- feed ---- */

static bool read_pull_request(struct api_call *call, struct mtr_pull_request *request)
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

static const char charges_failure[] = "the charges cannot be read";

static bool begin_charges(struct api_call *call)
{
    struct mtr_pull_request request;
    struct mtr_charges_txn *txn = NULL;
    struct mtr_pull *pull = mtr_arena_calloc(&call->arena, 1, sizeof(*pull));
    if (!read_pull_request(call, &request)) return false;
    int rc = pull ? mtr_charges_begin(call->host->charges, false, &txn) : MTR_ENOMEM;
    if (!rc) rc = mtr_pull_begin(txn, &request, pull);
    mtr_charges_abort(txn);
    call->state = pull;
    if (rc) api_error(call, rc, charges_failure);
    return !rc;
}

static int on_charge(void *context, const struct mtr_charge *charge)
{
    struct api_rows *rows = context;
    int rc = api_row_json(rows, charge->body);
    return !rc && api_rows_full(rows) ? API_STOP : rc;
}

static int fill_charges(struct api_call *call, struct api_rows *rows)
{
    struct mtr_pull *pull = call->state;
    struct mtr_charges_txn *txn = NULL;
    int rc = mtr_charges_begin(call->host->charges, false, &txn);
    if (!rc) rc = mtr_pull_walk(txn, pull, on_charge, rows);
    mtr_charges_abort(txn);
    if (!rc && pull->is_done) api_rows_end(rows, pull->next_after, pull->has_more);
    return rc;
}

const struct api_list api_charges_list = {
    .name = "Charges",
    .member = "charges",
    .row = &mtr_charge_shape,
    .columns = "number,id,status,subscription,customer,vendor,service,component,kind,meter,unit,tax_code,"
               "dimensions,period_start,period_end,quantity,quantity_delta,amount,amount_total,currency,"
               "tariff.key,tariff.from,created_at,seq_first,seq_last,cost,cost_total,margin,margin_total",
    .failure = charges_failure,
    .begin = begin_charges,
    .fill = fill_charges,
};

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
static struct mtr_document *read_body(struct api_call *call)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    if (mtr_document_parse(call->body, &document, &diagnostic) == MTR_OK) return document;
    api_problem(call, 400, "line %u, column %u: %s", diagnostic.line, diagnostic.column, diagnostic.text);
    return NULL;
}

void api_ack_charges(struct api_call *call)
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

void api_get_charge(struct api_call *call)
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
    struct api_call *call;
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

void api_list_outbox(struct api_call *call)
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
void api_settle_outbox(struct api_call *call)
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
