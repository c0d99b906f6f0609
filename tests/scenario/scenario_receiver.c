/*
 * The billing backend: takes each message once by its id, and answers as real ones do: late, twice, wrongly
 * or never.
 *
 *   taken and said so | taken, then timed out | taken, then 500 | nothing reached it | 503 before | 429 | refused | slow
 *
 * A repeat of what it has taken is answered 200, 409 or 400 "already exists". Answers are on their way until
 * the scheduler delivers them; a crash loses them. The operator reads what the backend has before deciding
 * about a message of unknown outcome.
 */
#include "scenario/scenario.h"

#include <inttypes.h>

#include "meterd/core/document.h"

static struct received_message *find_message(struct receiver *receiver, const char *id)
{
    for (uint32_t i = 0; i < receiver->message_count; i++)
        if (strcmp(receiver->messages[i].id, id) == 0) return &receiver->messages[i];
    return NULL;
}

/* The frozen bytes of an id are the same each time. */
static struct received_message *note_message(struct scenario *scenario, struct receiver *receiver,
                                             const struct mtr_outbox_message *message)
{
    char id[MTR_MESSAGE_ID_TEXT_BYTES];
    CHECK(scenario, message->id.size + 1 == sizeof(id), "message id %.*s", MTR_STR_ARGS(message->id));
    memcpy(id, message->id.data, message->id.size);
    id[message->id.size] = '\0';
    struct received_message *known = find_message(receiver, id);
    if (known) {
        CHECK(scenario, mtr_str_equal(known->body, message->body), "other bytes under the id %s", id);
        return known;
    }
    CHECK(scenario, receiver->message_count < MESSAGES_MAX, "too many messages");
    known = &receiver->messages[receiver->message_count++];
    memcpy(known->id, id, sizeof(id));
    CHECK_OK(scenario, mtr_arena_copy(&scenario->arena, message->body, &known->body));
    return known;
}

static struct mtr_str text_of(struct scenario *scenario, const struct mtr_node *charge, const char *name)
{
    const struct mtr_node *node = mtr_node_get(charge, name);
    CHECK(scenario, node, "a charge without %s", name);
    return node->text;
}

static int64_t time_of(struct scenario *scenario, const struct mtr_node *charge, const char *name)
{
    int64_t time_us;
    CHECK_OK(scenario, mtr_time_parse(text_of(scenario, charge, name), &time_us));
    return time_us;
}

struct mtr_str scenario_dimensions(struct scenario *scenario, const struct mtr_node *line)
{
    const struct mtr_node *map = mtr_node_get(line, "dimensions");
    if (!map) return (struct mtr_str){NULL, 0}; /* of a price */
    CHECK(scenario, map->kind == MTR_NODE_MAP, "dimensions that are no map");
    struct mtr_buffer text;
    mtr_buffer_init(&text, 1 << 12);
    for (uint32_t i = 0; i < map->child_count; i++) {
        const struct mtr_node *child = &map->children[i];
        CHECK_OK(scenario, mtr_buffer_printf(&text, "%s%.*s=", i ? "," : "", MTR_STR_ARGS(child->key)));
        for (size_t k = 0; k < child->text.size; k++) {
            char c = child->text.data[k];
            if (c == ',' || c == '=' || c == '\\') CHECK_OK(scenario, mtr_buffer_append_char(&text, '\\'));
            CHECK_OK(scenario, mtr_buffer_append_char(&text, c));
        }
    }
    struct mtr_str copy = {NULL, 0};
    if (text.size) CHECK_OK(scenario, mtr_arena_copy(&scenario->arena, mtr_buffer_str(&text), &copy));
    mtr_buffer_release(&text);
    return copy;
}

static void add_to_line(struct scenario *scenario, struct receiver *receiver, const char *key,
                        struct mtr_money amount, struct mtr_money cost)
{
    CHECK_OK(scenario, mtr_money_add(receiver->total, amount, &receiver->total));
    for (uint32_t i = 0; i < receiver->line_count; i++) {
        if (strcmp(receiver->lines[i].key, key) != 0) continue;
        CHECK_OK(scenario, mtr_money_add(receiver->lines[i].amount, amount, &receiver->lines[i].amount));
        CHECK_OK(scenario, mtr_money_add(receiver->lines[i].cost, cost, &receiver->lines[i].cost));
        return;
    }
    if (!receiver->lines) receiver->lines = scenario_alloc(scenario, RECEIVED_MAX, sizeof(*receiver->lines));
    CHECK(scenario, receiver->line_count < RECEIVED_MAX, "too many lines");
    receiver->lines[receiver->line_count++] = (struct received_line){key, amount, cost};
}

static void take_charge(struct scenario *scenario, struct receiver *receiver, const struct mtr_node *charge)
{
    uint64_t number;
    struct mtr_money amount, cost = {0};
    CHECK(scenario, mtr_str_to_u64(text_of(scenario, charge, "number"), &number), "number");
    CHECK(scenario, receiver->number_count < RECEIVED_MAX, "too many charges");
    receiver->numbers[receiver->number_count++] = number;
    CHECK_OK(scenario, mtr_money_parse(text_of(scenario, charge, "amount"), &amount));
    if (mtr_node_get(charge, "cost"))
        CHECK_OK(scenario, mtr_money_parse(text_of(scenario, charge, "cost"), &cost));
    const struct line_identity line = {.subscription = text_of(scenario, charge, "subscription"),
                                       .period_us = mtr_time_second(time_of(scenario, charge, "period_start")),
                                       .part_us = time_of(scenario, charge, "part_start"),
                                       .component = text_of(scenario, charge, "component"),
                                       .kind = text_of(scenario, charge, "kind"),
                                       .dimensions = scenario_dimensions(scenario, charge),
                                       .currency = text_of(scenario, charge, "currency")};
    add_to_line(scenario, receiver, scenario_line_key(scenario, &line), amount, cost);
}

static void take_message(struct scenario *scenario, struct receiver *receiver,
                         struct received_message *message)
{
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic = {0};
    CHECK(scenario, !message->taken, "taken twice");
    message->taken = true;
    CHECK(scenario, !mtr_document_parse(message->body, &document, &diagnostic), "%s in %.*s", diagnostic.text,
          MTR_STR_ARGS(message->body));
    const struct mtr_node *charges =
        mtr_node_get(mtr_node_get(mtr_document_root(document), "data"), "charges");
    CHECK(scenario, charges && charges->kind == MTR_NODE_LIST && charges->child_count,
          "a message without charges");
    for (uint32_t i = 0; i < charges->child_count; i++)
        take_charge(scenario, receiver, &charges->children[i]);
    mtr_document_close(document);
}

static struct mtr_outbox_result answered(int32_t status, const char *body)
{
    struct mtr_outbox_result result = {
        .outcome = MTR_OUTCOME_ANSWERED, .status = status, .body_size = (uint32_t)strlen(body)};
    memcpy(result.body, body, strlen(body));
    return result;
}

static struct mtr_outbox_result answer_repeat(struct scenario *scenario)
{
    switch (scenario_below(scenario, 3)) {
    case 0: return answered(200, "");
    case 1: return answered(409, "conflict");
    default: return answered(400, "{\"error\":\"idempotency key Already Exists\"}");
    }
}

/* What happens to a message that it has not taken yet; *take: it takes effect. */
static struct mtr_outbox_result choose_fate(struct scenario *scenario, bool *take)
{
    struct mtr_outbox_result result = {.outcome = MTR_OUTCOME_UNCERTAIN};
    uint32_t kind = scenario->is_healthy ? 0 : scenario_below(scenario, 100);
    *take = kind < 70;
    if (kind < 50) return answered(200 + (int32_t)scenario_below(scenario, 3), "");
    if (kind < 60) return result;
    if (kind < 70) return answered(500, "crashed after the commit");
    if (kind < 77) return result;
    if (kind < 84) return answered(503, "");
    if (kind < 90) {
        result = answered(429, "");
        result.retry_after_us = (int64_t)scenario_below(scenario, 600) * MTR_US_PER_SECOND;
        return result;
    }
    if (kind < 94) return answered(422, "no thanks");
    result.outcome = MTR_OUTCOME_NOT_SENT;
    return result;
}

int scenario_receiver_send(void *context, const struct mtr_outbox_message *message)
{
    struct scenario *scenario = context;
    struct receiver *receiver = &scenario->receivers[message->destination->number - 1];
    bool take = false;
    CHECK(scenario, message->destination->number <= DESTINATIONS_MAX && scenario->pending_count < FLIGHTS_MAX,
          "destination");
    if (!scenario->is_healthy && scenario_chance(scenario, 3)) return MTR_EUNREACHABLE;
    struct received_message *known = note_message(scenario, receiver, message);
    struct pending_result *pending = &scenario->pending[scenario->pending_count++];
    memcpy(pending->id, known->id, sizeof(pending->id));
    scenario_seen[SEEN_RECEIVER_REPEAT] += known->taken;
    pending->result = known->taken ? answer_repeat(scenario) : choose_fate(scenario, &take);
    if (take) take_message(scenario, receiver, known);
    scenario_trace(scenario, "send %s attempt %u, %zu bytes%s, answer %d/%d", known->id, message->attempt,
                   message->body.size, take ? ", taken" : "", (int)pending->result.outcome,
                   (int)pending->result.status);
    return MTR_OK;
}

void scenario_receiver_answer(struct scenario *scenario)
{
    if (!scenario->pending_count) return;
    struct pending_result *chosen = &scenario->pending[scenario_below(scenario, scenario->pending_count)];
    scenario_trace(scenario, "answer to %s", chosen->id);
    mtr_outbox_on_result(scenario->stores.outbox, mtr_str_from(chosen->id), &chosen->result);
    *chosen = scenario->pending[--scenario->pending_count];
}

/* ---- operator ---- */

struct stuck {
    struct mtr_message messages[64];
    uint32_t count;
};

static int on_message(void *context, const struct mtr_message *message)
{
    struct stuck *stuck = context;
    if (message->state != MTR_MESSAGE_REJECTED && message->state != MTR_MESSAGE_UNKNOWN) return MTR_OK;
    if (stuck->count == sizeof(stuck->messages) / sizeof(*stuck->messages)) return 1;
    stuck->messages[stuck->count++] = *message;
    return MTR_OK;
}

void scenario_operator(struct scenario *scenario)
{
    struct mtr_charges_txn *txn;
    struct stuck stuck = {.count = 0};
    char id[MTR_MESSAGE_ID_TEXT_BYTES];
    CHECK_OK(scenario, mtr_charges_begin(scenario->stores.charges, true, &txn));
    int rc = mtr_charges_walk_messages(txn, 0, 0, on_message, &stuck);
    CHECK(scenario, rc == 0 || rc == 1, "%s", mtr_error_text(rc));
    for (uint32_t i = 0; i < stuck.count; i++) {
        const struct mtr_message *message = &stuck.messages[i];
        mtr_message_id_format(message->id, id);
        const struct received_message *known =
            find_message(&scenario->receivers[message->destination - 1], id);
        bool is_there = known && known->taken;
        scenario_seen[message->state == MTR_MESSAGE_UNKNOWN ? SEEN_MESSAGE_UNKNOWN : SEEN_MESSAGE_REJECTED]++;
        scenario_trace(scenario, "operator: %s is %s, the receiver has %s", id,
                       mtr_message_state_name(message->state), is_there ? "it" : "it not");
        if (is_there) CHECK_OK(scenario, mtr_outbox_mark_delivered(txn, message->id));
        else CHECK_OK(scenario, mtr_outbox_requeue(txn, message->id, scenario->now_us));
    }
    if (stuck.count) CHECK_OK(scenario, mtr_charges_commit(txn));
    else mtr_charges_abort(txn);
}
