/*
 * The outbox against a receiver that misbehaves: whatever it does, every charge arrives, and none counts
 * twice.
 */
#include "meterd/emitter/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/random.h"
#include "tests/support/rating.h"

enum { CHARGES_MAX = 256, MESSAGES_MAX = 1024, SENT_MAX = 64 };
static const int64_t START_US = INT64_C(1767225600) * MTR_US_PER_SECOND;

static const char CATALOG[] = "destinations:\n"
                              "  - {key: erp, kind: http, url: 'https://erp.example/charges', secret_files: [/run/s],\n"
                              "     batch_max: 3, drafts: true}\n"
                              "  - {key: quiet, kind: http, url: 'https://q.example/charges', secret_files: [/run/s], drafts: false}\n";

/* What came to the sender and waits for its result. */
struct sent {
    char id[MTR_MESSAGE_ID_TEXT_BYTES];
    uint32_t destination;
    uint32_t attempt;
    struct mtr_buffer body;
};

/* A receiver that dedups by id, as Standard Webhooks asks. */
struct receiver {
    char ids[MESSAGES_MAX][MTR_MESSAGE_ID_TEXT_BYTES];
    struct mtr_buffer bodies[MESSAGES_MAX];
    uint32_t id_count;
    uint32_t times[2][CHARGES_MAX + 1]; /* by destination, how often each charge was taken */
};

struct fixture {
    struct rating_world stage;
    struct mtr_outbox *outbox;
    struct sent sent[SENT_MAX];
    uint32_t sent_count;
    int refuse; /* error that send returns */
    struct receiver receiver;
};

static int on_send(void *context, const struct mtr_outbox_message *message)
{
    struct fixture *f = context;
    if (f->refuse) return f->refuse;
    assert_true(f->sent_count < SENT_MAX);
    for (uint32_t i = 0; i < f->sent_count; i++)
        assert_int_not_equal(f->sent[i].destination, message->destination->number);
    struct sent *sent = &f->sent[f->sent_count++];
    snprintf(sent->id, sizeof(sent->id), "%.*s", MTR_STR_ARGS(message->id));
    sent->destination = message->destination->number;
    sent->attempt = message->attempt;
    mtr_buffer_init(&sent->body, 1 << 20);
    assert_int_equal(mtr_buffer_append_str(&sent->body, message->body), 0);
    return 0;
}

static void open_outbox(struct fixture *f)
{
    const struct mtr_sender sender = {on_send, f};
    struct mtr_outbox_options options = mtr_outbox_options_default();
    options.scan_charges_max = 5;
    assert_int_equal(mtr_outbox_open(f->stage.charges, &sender, &options, &f->outbox), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    rating_open(&f->stage, START_US);
    rating_apply(&f->stage, CATALOG);
    open_outbox(f);
    *state = f;
    return 0;
}

static void drop_sent(struct fixture *f, uint32_t index)
{
    mtr_buffer_release(&f->sent[index].body);
    f->sent[index] = f->sent[--f->sent_count];
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    while (f->sent_count) drop_sent(f, 0);
    for (uint32_t i = 0; i < f->receiver.id_count; i++) mtr_buffer_release(&f->receiver.bodies[i]);
    mtr_outbox_close(f->outbox);
    rating_close(&f->stage);
    free(f);
    return 0;
}

/* The process dies: what was in flight is forgotten. */
static void crash(struct fixture *f)
{
    while (f->sent_count) drop_sent(f, 0);
    mtr_outbox_close(f->outbox);
    rating_reopen(&f->stage);
    open_outbox(f);
}

static void append(struct fixture *f, enum mtr_charge_status status)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge charge = {.status = status, .subscription = 1};
    char body[64];
    assert_int_equal(mtr_charges_begin(f->stage.charges, true, &txn), 0);
    assert_int_equal(mtr_charges_next_number(txn, &charge.number), 0);
    assert_true(charge.number <= CHARGES_MAX);
    charge.id.low = charge.number;
    int size = snprintf(body, sizeof(body), "{\"number\":%llu}", (unsigned long long)charge.number);
    charge.body = (struct mtr_str){body, (size_t)size};
    assert_int_equal(mtr_charges_append(txn, &charge), 0);
    assert_int_equal(mtr_charges_commit(txn), 0);
}

static struct mtr_outbox_step_result step(struct fixture *f)
{
    struct mtr_outbox_step_result result;
    struct mtr_diagnostic diagnostic;
    assert_int_equal(mtr_outbox_step(f->outbox, f->stage.catalog, f->stage.now_us, &result, &diagnostic), 0);
    return result;
}

static void answer(struct fixture *f, uint32_t index, enum mtr_outbox_outcome outcome, int32_t status,
                   const char *body)
{
    struct mtr_outbox_result result = {
        .outcome = outcome, .status = status, .body_size = (uint32_t)strlen(body)};
    memcpy(result.body, body, result.body_size);
    mtr_outbox_on_result(f->outbox, mtr_str_from(f->sent[index].id), &result);
    drop_sent(f, index);
}

/* Takes a message over, once by its id; the same id must carry the same bytes. Returns whether it is new. */
static bool receive(struct fixture *f, const struct sent *sent)
{
    struct receiver *receiver = &f->receiver;
    for (uint32_t i = 0; i < receiver->id_count; i++) {
        if (strcmp(receiver->ids[i], sent->id) != 0) continue;
        assert_int_equal(receiver->bodies[i].size, sent->body.size);
        assert_memory_equal(receiver->bodies[i].data, sent->body.data, sent->body.size);
        return false;
    }
    assert_true(receiver->id_count < MESSAGES_MAX);
    memcpy(receiver->ids[receiver->id_count], sent->id, sizeof(sent->id));
    struct mtr_buffer *body = &receiver->bodies[receiver->id_count++];
    mtr_buffer_init(body, 1 << 20);
    assert_int_equal(mtr_buffer_append_str(body, mtr_buffer_str(&sent->body)), 0);
    assert_int_equal(mtr_buffer_append_char(body, '\0'), 0);
    for (const char *at = body->data; (at = strstr(at, "\"number\":"));) {
        at += strlen("\"number\":");
        unsigned long long number = strtoull(at, NULL, 10);
        assert_true(number >= 1 && number <= CHARGES_MAX);
        receiver->times[sent->destination - 1][number]++;
    }
    body->size--;
    return true;
}

static uint64_t message_count(struct fixture *f, uint32_t destination, enum mtr_message_state message_state)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge_destination found;
    assert_int_equal(mtr_charges_begin(f->stage.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_get_destination(txn, destination, &found), 0);
    mtr_charges_abort(txn);
    return found.counts[message_state];
}

static void batches_are_frozen_and_one_is_in_flight(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++) append(f, i == 3 ? MTR_CHARGE_FINAL : MTR_CHARGE_DRAFT);
    step(f);
    assert_int_equal(f->sent_count, 2); /* erp: charges 1…3 (or those after); quiet: the final alone */
    assert_int_equal(f->sent[0].destination, 1);
    assert_int_equal(mtr_buffer_append_char(&f->sent[0].body, '\0'), 0);
    assert_string_equal(f->sent[0].body.data,
                        "{\"type\":\"charges\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"data\":{\"charges\":["
                        "{\"number\":1},{\"number\":2},{\"number\":3}]}}");
    step(f);
    assert_int_equal(f->sent_count, 2);
    answer(f, 0, MTR_OUTCOME_ANSWERED, 200, "");
    struct mtr_outbox_step_result result = step(f);
    assert_int_equal(result.delivered, 1);
    assert_int_equal(result.sent, 1);
    assert_int_equal(message_count(f, 1, MTR_MESSAGE_ACKED), 1);
    assert_int_equal(message_count(f, 1, MTR_MESSAGE_ATTEMPTED), 1);
    mtr_outbox_on_result(f->outbox, MTR_STR("msg_of_nobody"), &(struct mtr_outbox_result){0});
    step(f);
}

struct verdict {
    enum mtr_outbox_outcome outcome;
    int32_t status;
    const char *body;
    enum mtr_message_state expected;
    bool uncertain;
};

static void each_answer_has_its_meaning(void **state)
{
    static const struct verdict table[] = {
        {MTR_OUTCOME_ANSWERED, 200, "", MTR_MESSAGE_ACKED, false},
        {MTR_OUTCOME_ANSWERED, 204, "", MTR_MESSAGE_ACKED, false},
        {MTR_OUTCOME_ANSWERED, 409, "", MTR_MESSAGE_ACKED, false},
        {MTR_OUTCOME_ANSWERED, 400, "{\"error\":\"Charge Already Exists\"}", MTR_MESSAGE_ACKED, false},
        {MTR_OUTCOME_ANSWERED, 422, "{\"code\":\"value_already_exists\"}", MTR_MESSAGE_ACKED, false},
        {MTR_OUTCOME_ANSWERED, 400, "bad", MTR_MESSAGE_REJECTED, false},
        {MTR_OUTCOME_ANSWERED, 301, "", MTR_MESSAGE_REJECTED, false},
        {MTR_OUTCOME_ANSWERED, 410, "", MTR_MESSAGE_REJECTED, false},
        {MTR_OUTCOME_ANSWERED, 408, "", MTR_MESSAGE_PENDING, true},
        {MTR_OUTCOME_ANSWERED, 425, "", MTR_MESSAGE_PENDING, false},
        {MTR_OUTCOME_ANSWERED, 429, "", MTR_MESSAGE_PENDING, false},
        {MTR_OUTCOME_ANSWERED, 500, "already exists", MTR_MESSAGE_PENDING, true},
        {MTR_OUTCOME_ANSWERED, 503, "", MTR_MESSAGE_PENDING, true},
        {MTR_OUTCOME_NOT_SENT, 0, "", MTR_MESSAGE_PENDING, false},
        {MTR_OUTCOME_UNSENDABLE, 0, "", MTR_MESSAGE_REJECTED, false},
        {MTR_OUTCOME_UNCERTAIN, 0, "", MTR_MESSAGE_PENDING, true},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct fixture *f = NULL;
        void *inner = NULL;
        struct mtr_charges_txn *txn = NULL;
        struct mtr_message message;
        assert_int_equal(set_up(&inner), 0);
        f = inner;
        append(f, MTR_CHARGE_DRAFT);
        step(f);
        assert_int_equal(f->sent_count, 1);
        struct mtr_outbox_result result = {
            .outcome = table[i].outcome, .status = table[i].status, .retry_after_us = 5000000};
        result.body_size = (uint32_t)strlen(table[i].body);
        memcpy(result.body, table[i].body, result.body_size);
        mtr_outbox_on_result(f->outbox, mtr_str_from(f->sent[0].id), &result);
        drop_sent(f, 0);
        step(f);
        assert_int_equal(f->sent_count, 0);
        assert_int_equal(mtr_charges_begin(f->stage.charges, false, &txn), 0);
        assert_int_equal(mtr_charges_get_message(txn, 1, 1, &message), 0);
        mtr_charges_abort(txn);
        if (message.state != table[i].expected)
            fail_msg("row %zu: %s", i, mtr_message_state_name(message.state));
        assert_int_equal(message.uncertain_us != 0, table[i].uncertain);
        /* Retry-After */
        if (message.state == MTR_MESSAGE_PENDING)
            assert_int_equal(message.next_attempt_us, f->stage.now_us + 5000000);
        tear_down(&inner);
    }
    (void)state;
}

static void a_crash_after_sending_sends_the_same_bytes_again(void **state)
{
    struct fixture *f = *state;
    append(f, MTR_CHARGE_DRAFT);
    step(f);
    assert_true(receive(f, &f->sent[0]));
    crash(f);
    append(f, MTR_CHARGE_DRAFT);
    f->stage.now_us += MTR_US_PER_HOUR;
    step(f);
    assert_int_equal(f->sent_count, 1);
    assert_int_equal(f->sent[0].attempt, 2);
    assert_false(receive(f, &f->sent[0])); /* asserts equal bytes */
    answer(f, 0, MTR_OUTCOME_ANSWERED, 409, "");
    step(f);
    assert_int_equal(message_count(f, 1, MTR_MESSAGE_ACKED), 1);
    assert_int_equal(f->sent_count, 1); /* the second charge */
}

static void what_is_uncertain_too_long_waits_for_an_operator(void **state)
{
    struct fixture *f = *state;
    struct mtr_charges_txn *txn = NULL;
    struct mtr_message message;
    append(f, MTR_CHARGE_DRAFT);
    step(f);
    crash(f);
    f->stage.now_us += MTR_OUTBOX_CERTAIN_US + 1;
    append(f, MTR_CHARGE_DRAFT);
    assert_int_equal(step(f).unknown, 1);
    assert_int_equal(f->sent_count, 0);
    assert_int_equal(message_count(f, 1, MTR_MESSAGE_UNKNOWN), 1);
    step(f);
    assert_int_equal(f->sent_count, 1); /* the next message is not held up */
    answer(f, 0, MTR_OUTCOME_ANSWERED, 200, "");
    step(f);
    assert_int_equal(mtr_charges_begin(f->stage.charges, true, &txn), 0);
    assert_int_equal(mtr_charges_get_message(txn, 1, 1, &message), 0);
    assert_int_equal(mtr_outbox_requeue(txn, message.id, f->stage.now_us), 0);
    assert_int_equal(mtr_charges_commit(txn), 0);
    step(f);
    assert_int_equal(f->sent_count, 1);
    answer(f, 0, MTR_OUTCOME_ANSWERED, 400, "no");
    step(f);
    assert_int_equal(message_count(f, 1, MTR_MESSAGE_REJECTED), 1);
    assert_int_equal(mtr_charges_begin(f->stage.charges, true, &txn), 0);
    assert_int_equal(mtr_outbox_mark_delivered(txn, message.id), 0);
    assert_int_equal(mtr_outbox_mark_delivered(txn, message.id), 0); /* once more says the same */
    assert_int_equal(mtr_outbox_requeue(txn, (struct mtr_hash128){9, 9}, 0), MTR_ENOTFOUND);
    assert_int_equal(mtr_charges_commit(txn), 0);
    assert_int_equal(message_count(f, 1, MTR_MESSAGE_ACKED), 2);
}

static bool find_message(struct fixture *f, uint64_t number, struct mtr_message *out)
{
    struct mtr_charges_txn *txn;
    assert_int_equal(mtr_charges_begin(f->stage.charges, false, &txn), 0);
    const int rc = mtr_charges_get_message(txn, 1, number, out);
    mtr_charges_abort(txn);
    return !rc;
}

static struct mtr_message get_message(struct fixture *f, uint64_t number)
{
    struct mtr_message message;
    assert_true(find_message(f, number, &message));
    return message;
}

/* By an operator, durably. */
static int decide(struct fixture *f, uint64_t number, bool retry)
{
    struct mtr_charges_txn *txn;
    const struct mtr_message message = get_message(f, number);
    assert_int_equal(mtr_charges_begin(f->stage.charges, true, &txn), 0);
    const int rc = retry ? mtr_outbox_requeue(txn, message.id, f->stage.now_us)
                         : mtr_outbox_mark_delivered(txn, message.id);
    assert_int_equal(mtr_charges_commit(txn), 0);
    return rc;
}

/* Whatever state it is in: what waits goes now, what is on its way stays so, what is delivered goes again. */
static void any_message_is_sent_again(void **state)
{
    struct fixture *f = *state;
    append(f, MTR_CHARGE_DRAFT);
    step(f);
    assert_int_equal(f->sent_count, 1);
    assert_int_equal(decide(f, 1, true), 0);
    assert_int_equal(get_message(f, 1).state, MTR_MESSAGE_ATTEMPTED);
    assert_int_equal(decide(f, 1, false), MTR_EAGAIN);
    answer(f, 0, MTR_OUTCOME_ANSWERED, 503, "");
    step(f);
    assert_int_equal(f->sent_count, 0);
    assert_int_equal(get_message(f, 1).state, MTR_MESSAGE_PENDING);
    assert_int_equal(decide(f, 1, true), 0); /* now, not when it is due */
    step(f);
    assert_int_equal(f->sent_count, 1);
    answer(f, 0, MTR_OUTCOME_ANSWERED, 200, "");
    step(f);
    assert_int_equal(get_message(f, 1).state, MTR_MESSAGE_ACKED);
    char id[sizeof(f->sent[0].id)];
    memcpy(id, f->sent[0].id, sizeof(id));
    assert_int_equal(decide(f, 1, true), 0);
    step(f);
    assert_int_equal(f->sent_count, 1);
    assert_string_equal(f->sent[0].id, id); /* the receiver knows it */
    answer(f, 0, MTR_OUTCOME_ANSWERED, 503, "");
    step(f);
    assert_int_equal(decide(f, 1, false), 0); /* one that waits may be marked, too */
    step(f);
    assert_int_equal(f->sent_count, 0);
    assert_int_equal(message_count(f, 1, MTR_MESSAGE_ACKED), 1);
}

static void a_refused_connection_is_retried_for_ever(void **state)
{
    struct fixture *f = *state;
    append(f, MTR_CHARGE_DRAFT);
    f->refuse = MTR_EAGAIN;
    for (int i = 0; i < 100; i++) {
        f->stage.now_us += MTR_US_PER_HOUR;
        step(f);
    }
    assert_int_equal(message_count(f, 1, MTR_MESSAGE_UNKNOWN), 0);
    f->refuse = 0;
    step(f);
    f->stage.now_us += MTR_US_PER_HOUR;
    step(f);
    assert_int_equal(f->sent_count, 1);
}

/* What an attempt put off while the clock was ahead goes out once it is right again. */
static void a_clock_that_was_ahead_puts_nothing_off(void **state)
{
    struct fixture *f = *state;
    append(f, MTR_CHARGE_DRAFT);
    f->stage.now_us += 30 * MTR_US_PER_DAY;
    step(f);
    assert_int_equal(f->sent_count, 1);
    answer(f, 0, MTR_OUTCOME_ANSWERED, 503, "");
    step(f);
    f->stage.now_us -= 30 * MTR_US_PER_DAY;
    step(f);
    assert_int_equal(f->sent_count, 1);
    answer(f, 0, MTR_OUTCOME_ANSWERED, 200, "");
    step(f);
    assert_int_equal(message_count(f, 1, MTR_MESSAGE_ACKED), 1);
}

/* ---- a receiver that does anything ---- */

static void answer_at_random(struct fixture *f, struct random_source *random)
{
    const uint32_t index = (uint32_t)(random_below(random, f->sent_count));
    const uint64_t choice = random_below(random, 9);
    bool is_new = false;
    if (choice < 5) is_new = receive(f, &f->sent[index]); /* taken over, whatever is answered */
    switch (choice) {
    case 0:
    case 1: answer(f, index, MTR_OUTCOME_ANSWERED, is_new ? 200 : 409, ""); break;
    case 2: answer(f, index, MTR_OUTCOME_ANSWERED, is_new ? 202 : 400, is_new ? "" : "already exists"); break;
    case 3:
    case 5: answer(f, index, MTR_OUTCOME_UNCERTAIN, 0, ""); break;
    case 4:
    case 6: answer(f, index, MTR_OUTCOME_ANSWERED, 502, ""); break;
    case 7: answer(f, index, MTR_OUTCOME_ANSWERED, 429, ""); break;
    default: answer(f, index, MTR_OUTCOME_NOT_SENT, 0, ""); break;
    }
}

static void settle(struct fixture *f)
{
    for (int i = 0; i < 10000; i++) {
        while (f->sent_count) answer(f, 0, MTR_OUTCOME_ANSWERED, receive(f, &f->sent[0]) ? 200 : 409, "");
        f->stage.now_us += 60 * MTR_US_PER_SECOND;
        struct mtr_outbox_step_result result = step(f);
        if (!f->sent_count && result.idle && result.next_due_us == INT64_MAX) return;
    }
    fail_msg("the outbox does not drain");
}

static void run_seed(uint64_t seed)
{
    void *state = NULL;
    struct random_source random = {seed};
    uint64_t charges = 0;
    bool drafts[CHARGES_MAX + 1] = {false};
    assert_int_equal(set_up(&state), 0);
    struct fixture *f = state;
    for (int i = 0; i < 400; i++) {
        const uint64_t choice = random_below(&random, 20);
        if (choice < 6 && charges < CHARGES_MAX) {
            enum mtr_charge_status status = random_below(&random, 2) ? MTR_CHARGE_DRAFT : MTR_CHARGE_FINAL;
            append(f, status);
            drafts[++charges] = status == MTR_CHARGE_DRAFT;
        } else if (choice < 12) {
            if (f->sent_count) answer_at_random(f, &random);
        } else if (choice == 12) {
            if (f->sent_count && random_below(&random, 2)) (void)receive(f, &f->sent[0]);
            crash(f);
        } else if (choice == 13) {
            const uint64_t number = 1 + random_below(&random, CHARGES_MAX / 4);
            struct mtr_message message;
            if (find_message(f, number, &message)) assert_int_equal(decide(f, number, true), 0);
        } else {
            f->stage.now_us += (int64_t)(random_below(&random, 30)) * MTR_US_PER_SECOND;
            step(f);
        }
    }
    settle(f);
    for (uint64_t i = 1; i <= charges; i++) {
        assert_int_equal(f->receiver.times[0][i], 1);
        assert_int_equal(f->receiver.times[1][i], drafts[i] ? 0 : 1);
    }
    assert_int_equal(message_count(f, 1, MTR_MESSAGE_UNKNOWN) + message_count(f, 1, MTR_MESSAGE_REJECTED), 0);
    tear_down(&state);
}

static void nothing_is_doubled_or_missing(void **state)
{
    const char *text = getenv("METERD_SEEDS");
    uint64_t seeds = 30;
    (void)state;
    if (text && !mtr_str_to_u64(mtr_str_from(text), &seeds)) fail_msg("METERD_SEEDS is no number");
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batches_are_frozen_and_one_is_in_flight, set_up, tear_down),
        cmocka_unit_test(each_answer_has_its_meaning),
        cmocka_unit_test_setup_teardown(a_crash_after_sending_sends_the_same_bytes_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_uncertain_too_long_waits_for_an_operator, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_message_is_sent_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_connection_is_retried_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_was_ahead_puts_nothing_off, set_up, tear_down),
        cmocka_unit_test(nothing_is_doubled_or_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
