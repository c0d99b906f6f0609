/*
 * What readers of charges get: one charge explained down to its log range, and the pull feed with its acks
 * and replays.
 */
#include "meterd/emitter/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meterd/query/explain.h"
#include "tests/support/rating_use.h"

static const int64_t HOUR_US = MTR_US_PER_HOUR;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

#define HEAD                                                                                                     \
    "vendors: [{key: acme}]\n"                                                                                   \
    "services: [{key: compute, vendor: acme}]\n"                                                                 \
    "meters:\n"                                                                                                  \
    "  - {key: calls, service: compute, event_type: call, aggregation: count}\n"                                 \
    "  - {key: disk, service: compute, event_type: disk, value: gib, group_by: [region, class]}\n"              \
    "  - {key: peak, service: compute, event_type: disk, value: gib, aggregation: max}\n"

#define SIMPLE                                                                                                   \
    HEAD "tariffs:\n"                                                                                            \
         "  - key: standard\n"                                                                                   \
         "    currency: EUR\n"                                                                                   \
         "    versions:\n"                                                                                       \
         "      - from: 2026-01-01\n"                                                                            \
         "        components: [{key: calls, meter: calls, per_unit: '0.50'}]\n"                                  \
         "subscriptions:\n"                                                                                      \
         "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n"

static void a_charge_is_explained(void **state)
{
    struct rating_world stage;
    struct mtr_charges_txn *txn = NULL;
    struct mtr_buffer out;
    struct mtr_json_writer json;
    (void)state;
    rating_open(&stage, JANUARY_US);
    rating_apply(&stage, SIMPLE);
    rating_use(&stage, "s1", "calls", JANUARY_US, "", "10");
    rating_advance_to(&stage, JANUARY_US + 2 * HOUR_US);
    rating_drain(&stage);
    rating_use(&stage, "s1", "calls", JANUARY_US, "", "1");
    rating_advance_to(&stage, JANUARY_US + 4 * HOUR_US);
    rating_drain(&stage);
    mtr_buffer_init(&out, 1 << 20);
    assert_int_equal(mtr_charges_begin(stage.charges, false, &txn), 0);
    mtr_json_begin(&json, &out);
    assert_int_equal(mtr_rater_explain(txn, MTR_STR("2"), &json), 0);
    assert_int_equal(mtr_json_finish(&json), 0);
    assert_int_equal(mtr_buffer_append_char(&out, '\0'), 0);
    assert_non_null(
        strstr(out.data, "\"emitted_before\":\"5.00\",\"difference\":\"0.50\",\"emitted_after\":\"5.50\""));
    assert_non_null(strstr(out.data, "\"log\":{\"seq_first\":1,\"seq_last\":2}"));
    assert_non_null(strstr(out.data, "\"trace\""));
    mtr_buffer_reset(&out);
    mtr_json_begin(&json, &out);
    assert_int_equal(mtr_rater_explain(txn, MTR_STR("99"), &json), MTR_ENOTFOUND);
    assert_int_equal(mtr_rater_explain(txn, MTR_STR("x"), &json), MTR_EINVALID);
    mtr_charges_abort(txn);
    mtr_buffer_release(&out);
    rating_close(&stage);
}

static int count_charge(void *context, const struct mtr_charge *charge)
{
    struct rating_history *history = context;
    assert_int_equal(rating_on_charge(history, charge), 0);
    return 1; /* pieces of one charge: each in a transaction of its own */
}

static struct rating_history pull(struct rating_world *stage, const struct mtr_pull_request *request,
                                  uint64_t *next_after, bool *has_more)
{
    struct rating_history history = {0};
    struct mtr_charges_txn *txn = NULL;
    struct mtr_pull answer;
    assert_int_equal(mtr_charges_begin(stage->charges, false, &txn), 0);
    assert_int_equal(mtr_pull_begin(txn, request, &answer), 0);
    mtr_charges_abort(txn);
    while (!answer.is_done) {
        assert_int_equal(mtr_charges_begin(stage->charges, false, &txn), 0);
        assert_int_equal(mtr_pull_walk(txn, &answer, count_charge, &history), 0);
        mtr_charges_abort(txn);
    }
    *next_after = answer.next_after;
    *has_more = answer.has_more;
    return history;
}

static void consumers_pull_and_acknowledge(void **state)
{
    struct rating_world stage;
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge charge;
    struct mtr_pull_request request = {.limit = 2, .consumer = MTR_STR("erp")};
    struct mtr_pull_lost lost;
    struct mtr_charge_consumer consumer;
    uint64_t after = 0;
    bool more = false;
    (void)state;
    rating_open(&stage, JANUARY_US);
    rating_apply(&stage, SIMPLE);
    for (int i = 1; i <= 4; i++) {
        rating_use(&stage, "s1", "calls", JANUARY_US, "", "2");
        rating_advance_to(&stage, JANUARY_US + i * 2 * HOUR_US);
        rating_drain(&stage);
    }
    assert_string_equal(pull(&stage, &request, &after, &more).text, "draft 1; draft 1");
    assert_true(more && after == 2);
    assert_int_equal(mtr_charges_begin(stage.charges, true, &txn), 0);
    assert_int_equal(mtr_pull_ack_up_to(txn, MTR_STR("erp"), 1, &lost), 0);
    assert_int_equal(mtr_pull_ack_up_to(txn, MTR_STR("erp"), 5, &lost), MTR_ECLOSED);
    assert_int_equal(mtr_charges_get(txn, 3, &charge), 0);
    assert_int_equal(mtr_pull_ack_id(txn, MTR_STR("erp"), charge.id, &lost), 0);
    assert_int_equal(mtr_charges_commit(txn), 0);
    request.limit = 10;
    (void)pull(&stage, &request, &after, &more);
    assert_string_equal(pull(&stage, &request, &after, &more).text, "draft 1; draft 1"); /* 2 and 4 */
    assert_int_equal(mtr_charges_begin(stage.charges, true, &txn), 0);
    assert_int_equal(mtr_charges_get(txn, 2, &charge), 0);
    assert_int_equal(mtr_pull_ack_id(txn, MTR_STR("erp"), charge.id, &lost), 0);
    assert_int_equal(mtr_charges_get_consumer(txn, MTR_STR("erp"), &consumer), 0);
    assert_int_equal(consumer.up_to, 3);
    assert_int_equal(mtr_charges_commit(txn), 0);
    request.has_after = true;
    request.after = 0; /* replay */
    assert_string_equal(pull(&stage, &request, &after, &more).text, "draft 1; draft 1; draft 1; draft 1");
    request.hidden_from = 3; /* what is not marked yet is for a later call */
    assert_string_equal(pull(&stage, &request, &after, &more).text, "draft 1; draft 1");
    assert_true(!more && after == 2);
    rating_close(&stage);
}

static struct mtr_charges_txn *begin(struct rating_world *stage, bool write)
{
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(stage->charges, write, &txn), 0);
    return txn;
}

static int refused(struct rating_world *stage, const struct mtr_pull_request *request, struct mtr_pull *answer)
{
    struct mtr_charges_txn *txn = begin(stage, false);
    const int rc = mtr_pull_begin(txn, request, answer);
    mtr_charges_abort(txn);
    return rc;
}

static void use_and_rate(struct rating_world *stage, int hour)
{
    rating_use(stage, "s1", "calls", JANUARY_US, "", "2");
    rating_advance_to(stage, JANUARY_US + hour * HOUR_US);
    rating_drain(stage);
}

/* What was lost when the stores were put back: whoever has it is told, and goes on from what it still has. */
static void a_cursor_of_charges_that_were_lost_is_refused(void **state)
{
    struct rating_world stage;
    struct mtr_charge charge;
    struct mtr_charges_epoch epoch;
    struct mtr_pull answer;
    struct mtr_pull_lost lost;
    struct mtr_pull_request own = {.limit = 10, .has_after = true}, consumer = {.limit = 10, .consumer = MTR_STR("erp")};
    uint64_t after;
    bool more;
    (void)state;
    rating_open(&stage, JANUARY_US);
    rating_apply(&stage, SIMPLE);
    for (int i = 1; i <= 3; i++) use_and_rate(&stage, 2 * i);
    struct mtr_charges_txn *txn = begin(&stage, true);
    assert_int_equal(mtr_pull_ack_up_to(txn, consumer.consumer, 2, &lost), 0);
    assert_int_equal(mtr_charges_get(txn, 2, &charge), 0);
    const struct mtr_hash128 second = charge.id;
    assert_int_equal(mtr_charges_begin_epoch(txn, stage.now_us + 86400 * MTR_US_PER_SECOND, &epoch), 0);
    assert_true(epoch.last_before == 3 && epoch.number > UINT64_C(80000000000));
    assert_int_equal(mtr_charges_commit(txn), 0);
    use_and_rate(&stage, 8);

    for (own.after = 0; own.after <= 3; own.after++) assert_int_equal(refused(&stage, &own, &answer), 0);
    const uint64_t gone[] = {4, 99, epoch.number, epoch.number + 2, UINT64_MAX};
    for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++) {
        own.after = gone[i];
        assert_int_equal(refused(&stage, &own, &answer), MTR_ECLOSED);
        assert_int_equal(answer.lost.epoch, epoch.number);
        assert_int_equal(answer.lost.valid_up_to, gone[i] > epoch.number ? epoch.number + 1 : 3);
    }
    own.after = 3;
    assert_string_equal(pull(&stage, &own, &after, &more).text, "draft 1");
    assert_int_equal(after, epoch.number + 1);
    own.after = epoch.number + 1;
    assert_string_equal(pull(&stage, &own, &after, &more).text, "");

    assert_int_equal(refused(&stage, &consumer, &answer), MTR_ECLOSED);
    assert_int_equal(answer.lost.valid_up_to, 3);
    txn = begin(&stage, true);
    assert_int_equal(mtr_pull_ack_up_to(txn, consumer.consumer, 3, &lost), MTR_ECLOSED);
    assert_int_equal(mtr_pull_ack_id(txn, consumer.consumer, second, &lost), MTR_ECLOSED);
    assert_int_equal(mtr_pull_reconcile(txn, consumer.consumer, epoch.number - 1, 3, &lost), MTR_ECLOSED);
    assert_int_equal(mtr_pull_reconcile(txn, consumer.consumer, epoch.number, epoch.number + 1, &lost), MTR_ECLOSED);
    assert_true(lost.epoch == epoch.number && lost.valid_up_to == 3);
    assert_int_equal(mtr_pull_reconcile(txn, consumer.consumer, epoch.number, 1, &lost), 0); /* it had taken back more */
    assert_int_equal(mtr_charges_commit(txn), 0);
    assert_string_equal(pull(&stage, &consumer, &after, &more).text, "draft 1; draft 1; draft 1");
    txn = begin(&stage, true);
    assert_int_equal(mtr_pull_reconcile(txn, consumer.consumer, epoch.number, 1, &lost), 0); /* once more: nothing */
    assert_int_equal(mtr_charges_get(txn, epoch.number + 1, &charge), 0);
    assert_int_equal(mtr_pull_ack_id(txn, consumer.consumer, charge.id, &lost), 0);
    assert_int_equal(mtr_pull_ack_up_to(txn, consumer.consumer, 3, &lost), 0); /* and over the gap */
    assert_int_equal(mtr_charges_commit(txn), 0);
    assert_string_equal(pull(&stage, &consumer, &after, &more).text, "");
    assert_int_equal(after, epoch.number + 1);
    rating_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_charge_is_explained),
        cmocka_unit_test(consumers_pull_and_acknowledge),
        cmocka_unit_test(a_cursor_of_charges_that_were_lost_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
