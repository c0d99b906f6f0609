/*
 * The outbox for operators: messages to destinations and their states, and what is to become of one.
 */
#include <inttypes.h>

#include "daemon/api/rows.h"
#include "daemon/api/routes.h"

#include "meterd/emitter/outbox.h"

/* ---- one message ---- */

struct message_row {
    struct mtr_str id, destination;
    uint64_t number;
    const char *state;
    uint32_t attempts;
    int64_t last_status;
    const char *type;
    uint64_t first_charge, last_charge;
    uint32_t charges;
    bool is_notice;
    uint64_t valid_up_to;
    int64_t created_at;
    bool is_pending;
    int64_t next_attempt_at;
};

static const char *state_choice(unsigned index)
{
    return index < MTR_MESSAGE_STATE_COUNT ? mtr_message_state_name((enum mtr_message_state)index) : NULL;
}

static const char *type_choice(unsigned index)
{
    static const char *const types[] = {"charges", "restored", NULL};
    return types[index];
}

#define ROW(field) MTR_MEMBER(message_row, field)
static const struct mtr_json_member members[] = {
    {ROW(id), .type = MTR_MEMBER_TEXT, .doc = "32 hex digits"},
    {ROW(destination), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(number), .type = MTR_MEMBER_U64, .doc = "of the destination's messages, from 1"},
    {ROW(state), .type = MTR_MEMBER_WORD, .choice = state_choice,
     .doc = "acked is delivered; rejected and unknown wait for an operator"},
    {ROW(attempts), .type = MTR_MEMBER_U32, .doc = "how often it was sent"},
    {ROW(last_status), .type = MTR_MEMBER_I64, .doc = "HTTP status of the last answer; 0: none"},
    {ROW(type), .type = MTR_MEMBER_WORD, .choice = type_choice,
     .doc = "restored: a notice that the stores were put back from a copy, which holds what comes after it"},
    {ROW(first_charge), .type = MTR_MEMBER_U64, .doc = "number of its first charge; 0: none"},
    {ROW(last_charge), .type = MTR_MEMBER_U64, .doc = "number of its last charge; 0: none"},
    {ROW(charges), .type = MTR_MEMBER_U32, .doc = "how many it holds"},
    {ROW(valid_up_to), .type = MTR_MEMBER_U64, .presence = MTR_MAY_BE_NULL,
     MTR_PRESENT(message_row, is_notice),
     .doc = "of a notice: the receiver takes back the charges with greater numbers"},
    {ROW(created_at), .type = MTR_MEMBER_TIME, .doc = "when it was made"},
    {ROW(next_attempt_at), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_BE_NULL,
     MTR_PRESENT(message_row, is_pending), .doc = "of one that is pending"},
    {0},
};
static const struct mtr_shape message_shape = {.name = "Message", .members = members};

static struct message_row message_row(const struct mtr_catalog *catalog, const struct mtr_message *message,
                                      char id[MTR_MESSAGE_ID_TEXT_BYTES])
{
    const struct mtr_destination *destination = mtr_catalog_destination(catalog, message->destination);
    mtr_message_id_format(message->id, id);
    return (struct message_row){
        .id = mtr_str_from(id),
        .destination = destination ? destination->key : (struct mtr_str){NULL, 0},
        .number = message->number,
        .state = mtr_message_state_name(message->state),
        .attempts = message->attempts,
        .last_status = message->last_status,
        .type = type_choice(message->charge_count == 0),
        .first_charge = message->charge_count ? message->first_charge : 0,
        .last_charge = message->charge_count ? message->last_charge : 0,
        .charges = message->charge_count,
        .is_notice = message->charge_count == 0,
        .valid_up_to = message->first_charge,
        .created_at = message->created_us,
        .is_pending = message->state == MTR_MESSAGE_PENDING,
        .next_attempt_at = message->next_attempt_us,
    };
}

/* ---- listing ---- */

/* Of messages in one answer: a state or an age that none has ends it before all are looked at. */
enum { LOOKED_AT_MAX = 100000, NUMBER_BITS = 40 };

struct outbox {
    int state; /* or -1: any */
    int64_t from_us, to_us;
    uint64_t limit, listed, looked_at;
    bool is_of_one;                         /* destination */
    uint32_t destination, last_destination; /* at hand, and where the walk ends */
    uint64_t after;                         /* number of the last message of it that was looked at */
    const struct mtr_catalog *catalog;
    struct api_rows *rows; /* of a piece */
};

/* Where the next answer goes on: a message's number, beside its destination's where all are listed. */
static uint64_t mark_of(const struct outbox *outbox)
{
    return outbox->is_of_one ? outbox->after : (uint64_t)outbox->destination << NUMBER_BITS | outbox->after;
}

static void go_to(struct outbox *outbox, uint64_t mark)
{
    outbox->after = outbox->is_of_one ? mark : mark & ((UINT64_C(1) << NUMBER_BITS) - 1);
    if (!outbox->is_of_one && mark >> NUMBER_BITS) {
        const uint64_t destination = mark >> NUMBER_BITS;
        outbox->destination = destination < UINT32_MAX ? (uint32_t)destination : UINT32_MAX;
    }
}

static bool is_wanted(const struct outbox *outbox, const struct mtr_message *message)
{
    return (outbox->state < 0 || message->state == (enum mtr_message_state)outbox->state) &&
           message->created_us >= outbox->from_us && message->created_us < outbox->to_us;
}

static int on_message(void *context, const struct mtr_message *message)
{
    struct outbox *outbox = context;
    char id[MTR_MESSAGE_ID_TEXT_BYTES];
    if (api_rows_full(outbox->rows)) return API_STOP;
    if (outbox->listed == outbox->limit || outbox->looked_at == LOOKED_AT_MAX) {
        api_rows_end(outbox->rows, mark_of(outbox), true);
        return API_STOP;
    }
    outbox->after = message->number;
    outbox->looked_at++;
    if (!is_wanted(outbox, message)) return MTR_OK;
    outbox->listed++;
    const struct message_row row = message_row(outbox->catalog, message, id);
    return api_row(outbox->rows, &row);
}

/* The messages of the destination at hand; none is looked at when none is in the state. */
static int walk_destination(struct outbox *outbox, struct mtr_charges_txn *txn)
{
    struct mtr_charge_destination destination;
    int rc = mtr_charges_get_destination(txn, outbox->destination, &destination);
    if (!rc && outbox->state >= 0 && !destination.counts[outbox->state]) return MTR_OK;
    return rc ? rc
              : mtr_charges_walk_messages(txn, outbox->destination, outbox->after, on_message, outbox);
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct outbox *outbox = call->state;
    struct mtr_charges_txn *txn = NULL;
    int rc = mtr_charges_begin(call->host->charges, false, &txn);
    outbox->rows = rows;
    while (!rc && outbox->destination <= outbox->last_destination) {
        rc = walk_destination(outbox, txn);
        if (rc || outbox->is_of_one) break;
        outbox->destination++;
        outbox->after = 0;
    }
    mtr_charges_abort(txn);
    if (rc == API_STOP) return MTR_OK;
    if (!rc) api_rows_end(rows, mark_of(outbox), false);
    return rc;
}

static int state_of(struct mtr_str name)
{
    int state = MTR_MESSAGE_STATE_COUNT - 1;
    while (state >= 0 && !mtr_str_equal(name, mtr_str_from(state_choice((unsigned)state)))) state--;
    return state;
}

static bool begin(struct api_call *call)
{
    struct outbox *outbox = api_allocate(call, sizeof(*outbox));
    const struct mtr_str key = api_text(call, "destination");
    const struct mtr_destination *only = key.size ? mtr_catalog_find_destination(call->catalog, key) : NULL;
    if (!outbox) return false;
    if (key.size && !only) {
        api_unknown(call, MTR_KIND_DESTINATION, key);
        return false;
    }
    *outbox = (struct outbox){.state = state_of(api_text(call, "state")),
                              .from_us = api_time_us(call, "from", INT64_MIN),
                              .to_us = api_time_us(call, "to", INT64_MAX),
                              .limit = api_u64(call, "limit"),
                              .is_of_one = only != NULL,
                              .destination = only ? only->number : 1,
                              .last_destination = mtr_catalog_count(call->catalog, MTR_KIND_DESTINATION),
                              .catalog = call->catalog};
    if (only) outbox->last_destination = only->number;
    go_to(outbox, api_u64(call, "after"));
    call->state = outbox;
    return true;
}

static const struct api_parameter parameters[] = {
    {"destination", API_TEXT, .doc = "only this destination (key)"},
    {"state", API_CHOICE, .choices = "pending|attempted|acked|rejected|unknown",
     .doc = "only messages in this state"},
    {"from", API_TIME, .doc = "only messages that were made then or later"},
    {"to", API_TIME, .doc = "only messages that were made before"},
    {"after", API_INTEGER, .max = UINT64_MAX,
     .doc = "go on behind the message that the answer before named as next_after"},
    {"limit", API_INTEGER, .min = 1, .max = 10000, .default_text = "100", .doc = "messages at most"},
    {0},
};

static const struct api_list list = {
    .name = "Outbox",
    .member = "messages",
    .row = &message_shape,
    .failure = "the outbox cannot be read",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_outbox = {
    .method = MTR_HTTP_GET,
    .path = "/v1/outbox",
    .scope = MTR_SCOPE_BILLING,
    .operation = "listOutbox",
    .summary = "Messages to destinations and their states",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};

/* ---- settling ---- */

struct settlement_row {
    const char *action;
    bool has_up_to;
    uint64_t up_to;
};

static const char *action_choice(unsigned index)
{
    static const char *const actions[] = {"retry", "delivered", NULL};
    return actions[index];
}

static const struct mtr_json_member settlement_members[] = {
    {MTR_MEMBER(settlement_row, action), .type = MTR_MEMBER_WORD, .choice = action_choice,
     .doc = "send it again, or mark it delivered"},
    {MTR_MEMBER(settlement_row, up_to), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK,
     MTR_PRESENT(settlement_row, has_up_to),
     .doc = "of a notice that is marked delivered: number of the last charge that the receiver still has"},
    {0},
};
static const struct mtr_shape settlement_shape = {.name = "Settlement", .members = settlement_members};

/* The action as its index, or -1 after answering 400. */
static int read_action(struct api_call *call, struct settlement_row *out)
{
    struct mtr_document *document = api_body(call);
    if (!document) return -1;
    const struct mtr_node *action = mtr_node_get(mtr_document_root(document), "action");
    int index = 0;
    while (action_choice((unsigned)index) &&
           !(action && mtr_str_equal(action->text, mtr_str_from(action_choice((unsigned)index)))))
        index++;
    const struct mtr_node *up_to = mtr_node_get(mtr_document_root(document), "up_to");
    out->has_up_to = up_to && mtr_str_to_u64(up_to->text, &out->up_to);
    const bool is_read = action_choice((unsigned)index) && (!up_to || (out->has_up_to && index == 1));
    mtr_document_close(document);
    if (is_read) return index;
    api_problem(call, 400, MTR_FINDING_REQUEST_BODY,
                "send {\"action\": \"retry\"}, {\"action\": \"delivered\"} or, of a notice, {\"action\": "
                "\"delivered\", \"up_to\": number}");
    return -1;
}

static int settle(struct api_call *call, bool retry, struct settlement_row *row, struct mtr_message *message)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_hash128 id;
    if (!mtr_message_id_parse(call->path_parameters[0], &id)) return MTR_ENOTFOUND;
    int rc = mtr_charges_begin(call->host->charges, true, &txn);
    if (!rc && retry) rc = mtr_outbox_requeue(txn, id, call->now_us);
    else if (!rc && row->has_up_to) rc = mtr_outbox_mark_reconciled(txn, id, &row->up_to, call->now_us);
    else if (!rc) rc = mtr_outbox_mark_delivered(txn, id);
    if (!rc) rc = mtr_charges_find_message(txn, id, message);
    if (!rc) return mtr_charges_commit(txn);
    mtr_charges_abort(txn);
    return rc;
}

static void settle_message(struct api_call *call)
{
    char id[MTR_MESSAGE_ID_TEXT_BYTES];
    struct mtr_message message;
    struct settlement_row wanted = {.up_to = 0};
    const int action = read_action(call, &wanted);
    if (action < 0) return;
    if (wanted.has_up_to)
        api_security_detail(call, "%s up_to=%llu", action_choice((unsigned)action),
                            (unsigned long long)wanted.up_to);
    else api_security_detail(call, "%s", action_choice((unsigned)action));
    const int rc = settle(call, action == 0, &wanted, &message);
    if (rc == MTR_ENOTFOUND) {
        api_problem(call, 404, MTR_FINDING_REQUEST_UNKNOWN, "there is no message '%.*s%s'",
                    MTR_STR_QUOTED(call->path_parameters[0]));
    } else if (rc == MTR_EINVALID) {
        api_problem(call, 409, MTR_FINDING_OUTBOX_MESSAGE_STATE,
                    "up_to is of a notice (type restored) and needed there: the number of the last charge "
                    "that the receiver still has, not above valid_up_to");
    } else if (rc == MTR_EEXISTS) {
        api_problem(call, 409, MTR_FINDING_OUTBOX_MESSAGE_STATE,
                    "a message has charges on both sides of up_to: what the receiver has behind number "
                    "%" PRIu64 " is to be taken back, too",
                    wanted.up_to);
    } else if (rc == MTR_EAGAIN) {
        api_problem(call, 409, MTR_FINDING_OUTBOX_MESSAGE_STATE,
                    "the message is on its way; wait for its outcome");
    } else if (rc) {
        api_error(call, rc, "the message could not be changed");
    } else {
        call->host->catalog_changed(call->host->context); /* the rater's thread looks at once */
        const struct message_row row = message_row(call->catalog, &message, id);
        api_answer(call, &row);
    }
}

const struct api_route api_settle_message = {
    .method = MTR_HTTP_POST,
    .path = "/v1/outbox/{message}",
    .scope = MTR_SCOPE_BILLING,
    .act = API_SECURITY_SETTLEMENT,
    .operation = "settleMessage",
    .summary = "Send a message again, or at once, or mark it delivered",
    .request = &settlement_shape,
    .answer = &message_shape,
    .handle = settle_message,
};
