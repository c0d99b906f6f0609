/*
 * The outbox of stores that were put back from a copy: nothing new goes out before it is settled what the
 * receiver has.
 */
#include "meterd/emitter/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/rating.h"

enum { SENT_MAX = 64, BODY_BYTES = 1024 };
static const int64_t START_US = INT64_C(1767225600) * MTR_US_PER_SECOND;
static const char CATALOG[] =
    "destinations:\n"
    "  - {key: erp, kind: http, url: 'https://erp.example/charges', secret_files: [/run/s], batch_max: 2, drafts: true}\n";

struct fixture {
    struct rating_world stage;
    struct mtr_outbox *outbox;
    char id[MTR_MESSAGE_ID_TEXT_BYTES]; /* of what is on its way; empty: nothing */
    char body[BODY_BYTES];
    char all[SENT_MAX][BODY_BYTES];
    unsigned count; /* of all that was sent */
    uint64_t epoch;
};

static int on_send(void *context, const struct mtr_outbox_message *message)
{
    struct fixture *f = context;
    assert_string_equal(f->id, "");
    assert_true(f->count < SENT_MAX && message->body.size < BODY_BYTES);
    snprintf(f->id, sizeof(f->id), "%.*s", MTR_STR_ARGS(message->id));
    snprintf(f->body, sizeof(f->body), "%.*s", MTR_STR_ARGS(message->body));
    memcpy(f->all[f->count++], f->body, BODY_BYTES);
    return 0;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const struct mtr_sender sender = {on_send, f};
    const struct mtr_outbox_options options = mtr_outbox_options_default();
    rating_open(&f->stage, START_US);
    rating_apply(&f->stage, CATALOG);
    assert_int_equal(mtr_outbox_open(f->stage.charges, &sender, &options, &f->outbox), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    mtr_outbox_close(f->outbox);
    rating_close(&f->stage);
    free(f);
    return 0;
}

static struct mtr_charges_txn *begin(struct fixture *f, bool write)
{
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(f->stage.charges, write, &txn), 0);
    return txn;
}

static void append(struct fixture *f, unsigned count)
{
    struct mtr_charges_txn *txn = begin(f, true);
    for (unsigned i = 0; i < count; i++) {
        struct mtr_charge charge = {.subscription = 1};
        char body[64];
        assert_int_equal(mtr_charges_next_number(txn, &charge.number), 0);
        charge.id.low = charge.number;
        const int size = snprintf(body, sizeof(body), "{\"number\":%llu}", (unsigned long long)charge.number);
        charge.body = (struct mtr_str){body, (size_t)size};
        assert_int_equal(mtr_charges_append(txn, &charge), 0);
    }
    assert_int_equal(mtr_charges_commit(txn), 0);
}

static void step(struct fixture *f)
{
    struct mtr_outbox_step_result result;
    struct mtr_diagnostic diagnostic;
    for (bool idle = false; !idle; idle = result.idle)
        assert_int_equal(mtr_outbox_step(f->outbox, f->stage.catalog, f->stage.now_us, &result, &diagnostic), 0);
}

/* What is on its way is answered, and the outbox steps on. */
static void answer(struct fixture *f, int32_t status, const char *body)
{
    struct mtr_outbox_result result = {.outcome = MTR_OUTCOME_ANSWERED, .status = status, .body_size = (uint32_t)strlen(body)};
    char id[MTR_MESSAGE_ID_TEXT_BYTES];
    memcpy(result.body, body, result.body_size);
    memcpy(id, f->id, sizeof(id));
    assert_string_not_equal(id, "");
    f->id[0] = '\0';
    mtr_outbox_on_result(f->outbox, mtr_str_from(id), &result);
    step(f);
}

static void put_back(struct fixture *f)
{
    struct mtr_charges_epoch epoch;
    struct mtr_charges_txn *txn = begin(f, true);
    assert_int_equal(mtr_charges_begin_epoch(txn, f->stage.now_us, &epoch), 0);
    assert_int_equal(mtr_charges_commit(txn), 0);
    f->epoch = epoch.number;
}

static struct mtr_message get_message(struct fixture *f, uint64_t number)
{
    struct mtr_message message;
    struct mtr_charges_txn *txn = begin(f, false);
    assert_int_equal(mtr_charges_get_message(txn, 1, number, &message), 0);
    mtr_charges_abort(txn);
    return message;
}

static void retry(struct fixture *f, uint64_t number)
{
    struct mtr_charges_txn *txn = begin(f, true);
    struct mtr_message message;
    assert_int_equal(mtr_charges_get_message(txn, 1, number, &message), 0);
    assert_int_equal(mtr_outbox_requeue(txn, message.id, f->stage.now_us), 0);
    assert_int_equal(mtr_charges_commit(txn), 0);
    step(f);
}

static int mark_reconciled(struct fixture *f, uint64_t number, uint64_t up_to)
{
    const struct mtr_message message = get_message(f, number);
    struct mtr_charges_txn *txn = begin(f, true);
    const int rc = mtr_outbox_mark_reconciled(txn, message.id, &up_to, f->stage.now_us);
    assert_int_equal(mtr_charges_commit(txn), 0);
    step(f);
    return rc;
}

static bool is_notice(const struct fixture *f)
{
    return strncmp(f->body, "{\"type\":\"restored\",", strlen("{\"type\":\"restored\",")) == 0;
}

static void reconcile(struct fixture *f, const char *more)
{
    char text[128];
    assert_true(is_notice(f));
    snprintf(text, sizeof(text), "{\"reconciled\":%llu%s}", (unsigned long long)f->epoch, more);
    answer(f, 200, text);
}

/* Two messages of two charges each are delivered, the third one is refused as long as `is_held`. */
static void deliver(struct fixture *f)
{
    append(f, 6);
    step(f);
    answer(f, 200, "");
    answer(f, 200, "");
    assert_int_equal(get_message(f, 3).state, MTR_MESSAGE_ATTEMPTED);
    answer(f, 503, "");
    assert_int_equal(get_message(f, 3).state, MTR_MESSAGE_PENDING);
    f->stage.now_us += 2 * MTR_US_PER_SECOND;
}

static void a_notice_goes_first_and_says_what_is_valid(void **state)
{
    struct fixture *f = *state;
    char expected[256];
    deliver(f);
    put_back(f);
    append(f, 1);
    step(f);
    snprintf(expected, sizeof(expected),
             "{\"type\":\"restored\",\"timestamp\":\"2026-01-01T00:00:02Z\",\"data\":{\"epoch\":%llu,"
             "\"valid_up_to\":6,\"charges\":[]}}",
             (unsigned long long)f->epoch);
    assert_string_equal(f->body, expected);
    const unsigned before = f->count;
    reconcile(f, "");
    assert_string_equal(f->body, f->all[before - 2]); /* the one that waited, as it was */
    answer(f, 200, "");
    snprintf(expected, sizeof(expected), "{\"number\":%llu}", (unsigned long long)f->epoch + 1);
    assert_non_null(strstr(f->body, expected));
    answer(f, 200, "");
    assert_int_equal(f->count, before + 2);
}

/* Whatever else is answered is no word of what the receiver has. */
static void only_a_clear_answer_lets_anything_out(void **state)
{
    static const struct {
        int32_t status;
        const char *body;
        enum mtr_message_state expected;
    } rows[] = {
        {200, "", MTR_MESSAGE_REJECTED},
        {200, "{}", MTR_MESSAGE_REJECTED},
        {204, "", MTR_MESSAGE_REJECTED},
        {200, "{\"reconciled\":true}", MTR_MESSAGE_REJECTED},
        {200, "{\"reconciled\":7}", MTR_MESSAGE_REJECTED},
        {200, "{\"reconciled\":EPOCH,\"up_to\":7}", MTR_MESSAGE_REJECTED},
        {200, "{\"reconciled\":EPOCH,\"up_to\":\"6\"}", MTR_MESSAGE_REJECTED},
        {200, "{\"data\":{\"reconciled\":EPOCH}}", MTR_MESSAGE_REJECTED},
        {409, "{\"reconciled\":EPOCH}", MTR_MESSAGE_REJECTED},
        {400, "already exists", MTR_MESSAGE_REJECTED},
        {503, "{\"reconciled\":EPOCH}", MTR_MESSAGE_PENDING},
        {429, "", MTR_MESSAGE_PENDING},
        {200, "{\"reconciled\":EPOCH,\"up_to\":6}", MTR_MESSAGE_ACKED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        void *inner = NULL;
        char text[128], number[24];
        assert_int_equal(set_up(&inner), 0);
        struct fixture *f = inner;
        deliver(f);
        put_back(f);
        step(f);
        assert_true(is_notice(f));
        snprintf(number, sizeof(number), "%llu", (unsigned long long)f->epoch);
        snprintf(text, sizeof(text), "%s", rows[i].body);
        char *at = strstr(text, "EPOCH");
        if (at) {
            char rest[128];
            snprintf(rest, sizeof(rest), "%s", at + strlen("EPOCH"));
            snprintf(at, sizeof(text) - (size_t)(at - text), "%s%s", number, rest);
        }
        answer(f, rows[i].status, text);
        if (get_message(f, 4).state != rows[i].expected)
            fail_msg("row %zu: %s", i, mtr_message_state_name(get_message(f, 4).state));
        assert_int_equal(f->id[0] != '\0', rows[i].expected == MTR_MESSAGE_ACKED);
        tear_down(&inner);
    }
    (void)state;
}

/* A receiver whose books end before what the copy has: what it lacks comes again, under the ids that it had. */
static void what_the_receiver_lacks_goes_out_again(void **state)
{
    struct fixture *f = *state;
    deliver(f);
    put_back(f);
    step(f);
    reconcile(f, ",\"up_to\":2");
    assert_string_equal(f->body, f->all[1]);
    answer(f, 200, "");
    assert_string_equal(f->body, f->all[2]);
    answer(f, 200, "");
    assert_string_equal(f->id, "");
    for (uint64_t number = 1; number <= 4; number++) assert_int_equal(get_message(f, number).state, MTR_MESSAGE_ACKED);
    assert_int_equal(get_message(f, 1).attempts, 1);
}

/* Of what waited, and is not behind what the operator names, the receiver may have some since it was made. */
static void an_operator_settles_a_receiver_that_knows_no_notices(void **state)
{
    struct fixture *f = *state;
    deliver(f);
    f->stage.now_us += MTR_OUTBOX_CERTAIN_US;
    put_back(f);
    append(f, 1);
    step(f);
    answer(f, 200, "");
    const unsigned before = f->count;
    f->stage.now_us += MTR_US_PER_HOUR;
    step(f);
    assert_int_equal(f->count, before); /* nothing goes out meanwhile */
    retry(f, 4);
    assert_true(is_notice(f) && f->count == before + 1); /* the same one, as often as somebody likes */
    answer(f, 200, "");
    struct mtr_charges_txn *txn = begin(f, true);
    assert_int_equal(mtr_outbox_mark_delivered(txn, get_message(f, 4).id), MTR_EINVALID); /* up to where? */
    mtr_charges_abort(txn);
    assert_int_equal(mark_reconciled(f, 4, 7), MTR_EINVALID);
    assert_int_equal(mark_reconciled(f, 3, 6), MTR_EINVALID);
    assert_int_equal(mark_reconciled(f, 4, 6), 0);
    assert_int_equal(mark_reconciled(f, 4, 6), 0); /* once more says the same */
    assert_int_equal(get_message(f, 3).state, MTR_MESSAGE_UNKNOWN);
    assert_non_null(strstr(f->body, "{\"type\":\"charges\",")); /* the new one */
    answer(f, 200, "");
    retry(f, 3);
    assert_string_equal(f->body, f->all[2]);
}

/* What was taken back by hand, or was never there, comes again: nobody asks when it was made. */
static void an_operator_says_what_a_receiver_lacks(void **state)
{
    struct fixture *f = *state;
    deliver(f);
    f->stage.now_us += MTR_OUTBOX_CERTAIN_US;
    put_back(f);
    step(f);
    answer(f, 200, "");
    f->stage.now_us += MTR_US_PER_HOUR;
    assert_int_equal(mark_reconciled(f, 4, 2), 0);
    assert_string_equal(f->body, f->all[1]);
    answer(f, 200, "");
    assert_string_equal(f->body, f->all[2]);
    answer(f, 200, "");
    assert_string_equal(f->id, "");
}

/* Of another branch the receiver has charges that lie in one message with others: that is taken back whole. */
static void messages_are_taken_back_whole(void **state)
{
    struct fixture *f = *state;
    deliver(f);
    put_back(f);
    step(f);
    reconcile(f, ",\"up_to\":3");
    assert_true(is_notice(f));
    assert_non_null(strstr(f->body, "\"valid_up_to\":2,"));
    answer(f, 200, ""); /* and now nobody answers it */
    assert_int_equal(mark_reconciled(f, 5, 1), MTR_EEXISTS);
    assert_int_equal(mark_reconciled(f, 5, 0), 0);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(f->body, f->all[i]);
        answer(f, 200, "");
    }
    assert_string_equal(f->id, "");
}

/* Put back again before the first notice was answered: it says nothing any more, whatever is answered now. */
static void a_notice_of_before_is_never_sent_again(void **state)
{
    struct fixture *f = *state;
    deliver(f);
    put_back(f);
    step(f);
    answer(f, 503, "");
    put_back(f);
    f->stage.now_us += 2 * MTR_US_PER_SECOND;
    step(f);
    char epoch[32];
    snprintf(epoch, sizeof(epoch), "\"epoch\":%llu", (unsigned long long)f->epoch);
    assert_non_null(strstr(f->body, epoch));
    reconcile(f, "");
    assert_string_equal(f->body, f->all[2]);
    answer(f, 200, "");
    assert_string_equal(f->id, "");
    assert_int_equal(get_message(f, 4).state, MTR_MESSAGE_ACKED);
}

/* One that comes later is asked, too: whoever stands behind it may have charges of before. */
static void a_destination_that_is_new_is_reconciled_first(void **state)
{
    struct fixture *f = *state;
    put_back(f);
    append(f, 1);
    step(f);
    assert_non_null(strstr(f->body, "\"valid_up_to\":0,"));
    reconcile(f, "");
    assert_non_null(strstr(f->body, "{\"type\":\"charges\","));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_notice_goes_first_and_says_what_is_valid),
        cmocka_unit_test(only_a_clear_answer_lets_anything_out),
        CASE(what_the_receiver_lacks_goes_out_again),
        CASE(an_operator_settles_a_receiver_that_knows_no_notices),
        CASE(an_operator_says_what_a_receiver_lacks),
        CASE(messages_are_taken_back_whole),
        CASE(a_notice_of_before_is_never_sent_again),
        CASE(a_destination_that_is_new_is_reconciled_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
