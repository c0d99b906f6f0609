/*
 * Charges for billing services: the pull feed, acknowledgements, explanations.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"

#include <inttypes.h>
#include <stdio.h>

#include "meterd/core/document.h"
#include "meterd/query/explain.h"
#include "meterd/emitter/feed.h"
#include "meterd/rater/charge_body.h"

enum { ACK_IDS_MAX = 10000 };

/* ---- feed ---- */

static bool read_pull_request(struct api_call *call, struct mtr_pull_request *request)
{
    const struct mtr_subscription *subscription;
    *request = (struct mtr_pull_request){
        .has_after = api_text(call, "after").size > 0,
        .after = api_u64(call, "after"),
        .limit = (uint32_t)api_u64(call, "limit"),
        .consumer = api_text(call, "consumer"),
        .hidden_from = call->host->handed_out ? call->host->handed_out(call->host->context) + 1 : 0,
        .skip_drafts = api_text(call, "drafts").size > 0 && !api_flag(call, "drafts"),
    };
    if (request->consumer.size > MTR_CONSUMER_BYTES_MAX) {
        api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_VALUE, "consumer: a name has at most %d bytes",
                    MTR_CONSUMER_BYTES_MAX);
        return false;
    }
    if (!api_subscription(call, "subscription", &subscription)) return false;
    request->subscription = subscription ? subscription->number : 0;
    return true;
}

static const char charges_failure[] = "the charges cannot be read";

/* The stores were put back from a copy, and charges that the caller may have are gone. */
static void refuse_lost(struct api_call *call, const struct mtr_pull_lost *lost, bool is_consumer)
{
    char detail[MTR_FINDING_TEXT_BYTES];
    snprintf(detail, sizeof(detail),
             "charges behind number %" PRIu64 " that were told before are no more: take back what you have "
             "of them, then go on after the highest number that you still have%s",
             lost->valid_up_to,
             is_consumer ? ", and say so: POST /v1/charges/ack with consumer, epoch and up_to" : "");
    api_lost(call, detail, lost->epoch, lost->valid_up_to);
}

static bool begin_charges(struct api_call *call)
{
    struct mtr_pull_request request;
    struct mtr_charges_txn *txn = NULL;
    struct mtr_pull *pull = api_allocate(call, sizeof(*pull));
    if (!pull || !read_pull_request(call, &request)) return false;
    int rc = mtr_charges_begin(call->host->charges, false, &txn);
    if (!rc) rc = mtr_pull_begin(txn, &request, pull);
    mtr_charges_abort(txn);
    call->state = pull;
    if (rc == MTR_ECLOSED) refuse_lost(call, &pull->lost, !request.has_after);
    else if (rc) api_error(call, rc, charges_failure);
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

static const struct api_parameter parameters[] = {
    {"after", API_INTEGER, .max = UINT64_MAX,
     .doc = "charges with a greater number, which is that of a charge; default: the consumer's cursor, or "
            "the beginning"},
    {"limit", API_INTEGER, .min = 1, .max = MTR_PULL_LIMIT_MAX, .default_text = "100",
     .doc = "charges at most"},
    {"consumer", API_TEXT, .doc = "name of who pulls: what it acknowledged is left out"},
    {"drafts", API_CHOICE, .choices = "true|false", .default_text = "true", .doc = "also draft charges"},
    {"subscription", API_TEXT, .doc = "only this subscription (key)"},
    {0},
};

static const struct api_list list = {
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

const struct api_route api_list_charges = {
    .method = MTR_HTTP_GET,
    .path = "/v1/charges",
    .scope = MTR_SCOPE_BILLING,
    .operation = "listCharges",
    .summary = "The feed of charges, from any point",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};

/* ---- acknowledgements ---- */

static int ack_ids(struct mtr_charges_txn *txn, struct mtr_str consumer, const struct mtr_node *ids,
                   struct mtr_pull_lost *lost)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && ids && i < ids->child_count; i++) {
        struct mtr_hash128 id;
        rc = mtr_charge_id_parse(ids->children[i].text, &id) ? mtr_pull_ack_id(txn, consumer, id, lost)
                                                             : MTR_EINVALID;
    }
    return rc;
}

static int ack(struct mtr_charges_txn *txn, const struct mtr_node *root, struct mtr_charge_consumer *out,
               struct mtr_pull_lost *lost)
{
    const struct mtr_node *consumer = mtr_node_get(root, "consumer"), *number = mtr_node_get(root, "up_to"),
                          *ids = mtr_node_get(root, "ids"), *of = mtr_node_get(root, "epoch");
    uint64_t value = 0, epoch = 0;
    if (!consumer || consumer->kind != MTR_NODE_STRING || !consumer->text.size ||
        consumer->text.size > MTR_CONSUMER_BYTES_MAX)
        return MTR_EINVALID;
    if ((!number && !ids) || (of && !number)) return MTR_EINVALID;
    if (number && !mtr_str_to_u64(number->text, &value)) return MTR_EINVALID;
    if (of && !mtr_str_to_u64(of->text, &epoch)) return MTR_EINVALID;
    if (ids && (ids->kind != MTR_NODE_LIST || ids->child_count > ACK_IDS_MAX)) return MTR_EINVALID;
    int rc = of ? mtr_pull_reconcile(txn, consumer->text, epoch, value, lost)
                : mtr_pull_ack_begin(txn, consumer->text, lost);
    if (!rc && number) rc = mtr_pull_ack_up_to(txn, consumer->text, value, lost);
    if (!rc) rc = ack_ids(txn, consumer->text, ids, lost);
    return rc ? rc : mtr_charges_get_consumer(txn, consumer->text, out);
}

struct ack_row {
    struct mtr_str consumer;
    uint64_t up_to, epoch;
    struct mtr_list ids;
};

static const struct mtr_json_member request_members[] = {
    {MTR_MEMBER(ack_row, consumer), .type = MTR_MEMBER_TEXT, .doc = "name of who took them over"},
    {MTR_MEMBER(ack_row, up_to), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK,
     .doc = "all charges up to this number"},
    {MTR_MEMBER(ack_row, epoch), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK,
     .doc = "of a problem request.cursor.lost: it has charges up to up_to, and none behind it any more"},
    {MTR_MEMBER(ack_row, ids), .type = MTR_MEMBER_TEXTS, .presence = MTR_MAY_LACK, .doc = "or these charges"},
    {0},
};
static const struct mtr_shape request_shape = {.name = "Ack", .members = request_members};
static const struct mtr_json_member answer_members[] = {
    {MTR_MEMBER(ack_row, up_to), .type = MTR_MEMBER_U64, .doc = "the consumer has all charges up to it"},
    {0},
};
static const struct mtr_shape answer_shape = {.name = "AckResult", .members = answer_members};

static void ack_charges(struct api_call *call)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge_consumer consumer = {.up_to = 0};
    struct mtr_pull_lost lost = {0, 0};
    struct mtr_document *document = api_body(call);
    if (!document) return;
    api_security_object(call, mtr_node_text(mtr_document_root(document), "consumer"));
    int rc = mtr_charges_begin(call->host->charges, true, &txn);
    if (!rc) rc = ack(txn, mtr_document_root(document), &consumer, &lost);
    const struct ack_row row = {.up_to = consumer.up_to};
    if (!rc) rc = mtr_charges_commit(txn);
    else mtr_charges_abort(txn);
    mtr_document_close(document);
    if (rc == MTR_EINVALID) {
        api_problem(
            call, 400, MTR_FINDING_REQUEST_BODY,
            "send {\"consumer\": name, \"up_to\": number} or {\"consumer\": name, \"ids\": [charge ids]}");
    } else if (rc == MTR_ECLOSED) {
        refuse_lost(call, &lost, true);
    } else if (rc == MTR_ENOTFOUND) {
        api_problem(call, 404, MTR_FINDING_REQUEST_UNKNOWN,
                    "one of the ids is no charge; nothing was acknowledged");
    } else if (rc) {
        api_error(call, rc, "the acknowledgement could not be stored");
    } else {
        api_security_detail(call, "up_to=%llu", (unsigned long long)row.up_to);
        api_answer(call, &row);
    }
}

const struct api_route api_ack_charges = {
    .method = MTR_HTTP_POST,
    .path = "/v1/charges/ack",
    .scope = MTR_SCOPE_BILLING,
    .act = API_SECURITY_ACKNOWLEDGEMENT,
    .operation = "ackCharges",
    .summary = "Acknowledge charges as a consumer, up to a number or one by one",
    .request = &request_shape,
    .answer = &answer_shape,
    .handle = ack_charges,
};

/* ---- one charge ---- */

static void explain_charge(struct api_call *call)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_json_writer json;
    struct mtr_str id = call->path_parameters[0];
    int rc = mtr_charges_begin(call->host->charges, false, &txn);
    api_json(call, &json);
    if (!rc) rc = mtr_rater_explain(txn, id, &json);
    mtr_charges_abort(txn);
    if (rc == MTR_ENOTFOUND || rc == MTR_EINVALID)
        api_problem(call, 404, MTR_FINDING_REQUEST_UNKNOWN, "there is no charge '%.*s%s'",
                    MTR_STR_QUOTED(id));
    else if (rc) api_error(call, rc, "the charge cannot be explained");
    else api_json_end(call, &json);
}

const struct api_route api_explain_charge = {
    .method = MTR_HTTP_GET,
    .path = "/v1/charges/{id}",
    .scope = MTR_SCOPE_BILLING,
    .operation = "explainCharge",
    .summary = "One charge, explained down to the log",
    .answer = &mtr_explanation_shape,
    .handle = explain_charge,
};
