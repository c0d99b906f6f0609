/*
 * The charges store: what was put is there after a reopen, timers and queue follow their records, numbers are
 * dense, ids are unique.
 */
#include "meterd/core/time.h"
#include "meterd/store/charges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/store/charges/charges_txn.h"
#include "tests/support/charges_world.h"

static void reopen(struct fixture *fixture)
{
    struct mtr_diagnostic diagnostic;
    mtr_charges_close(fixture->charges);
    assert_int_equal(mtr_charges_open(fixture->directory, false, &fixture->charges, &diagnostic), 0);
}

static struct mtr_charge charge_of(uint64_t number)
{
    struct mtr_charge charge = {
        .number = number, .id = {number * 7, number}, .status = MTR_CHARGE_CORRECTION, .subscription = 9};
    charge.period_start_us = -5 * MTR_US_PER_SECOND;
    charge.line = (struct mtr_hash128){1, 2};
    charge.quantity.e12 = -((mtr_int128)1 << 100);
    charge.quantity_delta.e12 = 17;
    charge.amount.e18 = (mtr_int128)1 << 90;
    charge.emitted_before.e18 = -3;
    charge.previous = number - 1;
    charge.trace = number;
    charge.created_us = 1234567;
    charge.seq_first = 11;
    charge.seq_last = 22;
    charge.body = MTR_STR("{\"a\":1}");
    return charge;
}

static void charges_are_dense_and_found_by_id(void **state)
{
    struct fixture *fixture = *state;
    struct mtr_charges_txn *txn = begin(fixture, true);
    struct mtr_charge last;
    uint64_t next = 0;
    for (uint64_t i = 1; i <= 300; i++) {
        struct mtr_charge charge = charge_of(i);
        assert_int_equal(mtr_charges_get_last(txn, &last), 0);
        assert_int_equal(last.number, i - 1);
        assert_int_equal(mtr_charges_next_number(txn, &next), 0);
        assert_int_equal(next, i);
        assert_int_equal(mtr_charges_append(txn, &charge), 0);
    }
    assert_int_equal(mtr_charges_commit(txn), 0);
    reopen(fixture);
    txn = begin(fixture, true);
    struct mtr_charge found, wanted = charge_of(123);
    char text[MTR_CHARGE_ID_TEXT_BYTES];
    struct mtr_hash128 id;
    mtr_charge_id_format(wanted.id, text);
    assert_true(mtr_charge_id_parse(mtr_str_from(text), &id));
    assert_int_equal(mtr_charges_find(txn, id, &found), 0);
    assert_true(mtr_str_equal(found.body, wanted.body));
    found.body = wanted.body;
    assert_int_equal(found.number, 123);
    assert_true(found.quantity.e12 == wanted.quantity.e12 && found.amount.e18 == wanted.amount.e18);
    assert_true(found.emitted_before.e18 == wanted.emitted_before.e18 && found.quantity_delta.e12 == 17);
    assert_int_equal(found.period_start_us, -5 * MTR_US_PER_SECOND);
    assert_int_equal(found.status, MTR_CHARGE_CORRECTION);
    assert_int_equal(found.seq_first, 11);
    assert_int_equal(found.seq_last, 22);
    struct mtr_charge again = charge_of(301);
    again.id = wanted.id;
    assert_int_equal(mtr_charges_append(txn, &again), MTR_EEXISTS);
    assert_int_equal(mtr_charges_get(txn, 301, &found), MTR_ENOTFOUND);
    assert_false(mtr_charge_id_parse(MTR_STR("zz"), &id));
    mtr_charges_abort(txn);
}

/* Behind all numbers of before and all that another copy may have given; each epoch dense, and what was lost is
 * between them. */
static void epochs_leave_what_was_lost_between_them(void **state)
{
    struct fixture *fixture = *state;
    const int64_t now_us = INT64_C(1800000000) * MTR_US_PER_SECOND, second_us = MTR_US_PER_SECOND;
    struct mtr_charges_txn *txn = begin(fixture, true);
    struct mtr_charges_epoch none, first, same, early, found;
    struct mtr_charge charge, last;
    uint64_t number;
    bool was_noted;
    assert_int_equal(mtr_charges_get_epoch(txn, &none), 0);
    assert_true(none.number == 0 && none.last_before == 0);
    assert_int_equal(mtr_charges_next_epoch(txn, 0, &found), MTR_ENOTFOUND);
    assert_int_equal(mtr_charges_note_life(txn, &was_noted), 0);
    assert_false(was_noted);
    for (uint64_t i = 1; i <= 3; i++) assert_int_equal((charge = charge_of(i), mtr_charges_append(txn, &charge)), 0);
    assert_int_equal(mtr_charges_begin_epoch(txn, now_us, &first), 0);
    assert_int_equal(first.number, (UINT64_C(1800000000) - UINT64_C(1767225600)) << 20);
    assert_true(first.last_before == 3 && first.began_us == now_us);
    assert_int_equal(mtr_charges_note_life(txn, &was_noted), 0);
    assert_true(was_noted);
    assert_int_equal(mtr_charges_get_last(txn, &last), 0);
    assert_int_equal(last.number, 3);
    assert_int_equal(mtr_charges_next_number(txn, &number), 0);
    assert_int_equal(number, first.number + 1);
    charge = charge_of(number);
    assert_int_equal(mtr_charges_append(txn, &charge), 0);
    /* The same second, or a clock that is behind: behind what there is all the same. */
    assert_int_equal(mtr_charges_begin_epoch(txn, now_us, &same), 0);
    assert_true(same.number > first.number + 1 && same.last_before == first.number + 1);
    assert_int_equal(mtr_charges_begin_epoch(txn, now_us - 1000 * second_us, &early), 0);
    assert_true(early.number > same.number && early.last_before == first.number + 1); /* that one had no charge */
    assert_int_equal(mtr_charges_next_number(txn, &number), 0);
    assert_int_equal(number, early.number + 1);
    assert_int_equal(mtr_charges_commit(txn), 0);
    reopen(fixture);
    txn = begin(fixture, false);
    assert_int_equal(mtr_charges_get_epoch(txn, &found), 0);
    assert_int_equal(found.number, early.number);
    const uint64_t before[] = {0, 1, first.number, same.number}, after[] = {first.number, first.number, same.number, early.number};
    for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
        assert_int_equal(mtr_charges_next_epoch(txn, before[i], &found), 0);
        assert_int_equal(found.number, after[i]);
    }
    assert_int_equal(mtr_charges_next_epoch(txn, early.number, &found), MTR_ENOTFOUND);
    const uint64_t up_to[] = {0, 1, 3, 4, first.number, first.number + 1, UINT64_MAX},
                   at[] = {0, 1, 3, 3, 3, first.number + 1, first.number + 1};
    for (size_t i = 0; i < sizeof(up_to) / sizeof(*up_to); i++) {
        assert_int_equal(mtr_charges_last_number(txn, up_to[i], &number), 0);
        assert_int_equal(number, at[i]);
    }
    assert_int_equal(mtr_charges_number_after(txn, 3, &number), 0);
    assert_int_equal(number, first.number + 1);
    assert_int_equal(mtr_charges_number_after(txn, number, &number), MTR_ENOTFOUND);
    mtr_charges_abort(txn);
}

static void an_abort_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct mtr_charges_txn *txn = begin(fixture, true);
    struct mtr_charge charge = charge_of(1);
    assert_int_equal(mtr_charges_append(txn, &charge), 0);
    assert_int_equal(mtr_charges_put_cursor(txn, &(struct mtr_charges_cursor){.change = 5, .scan_period_us = INT64_MIN}), 0);
    mtr_charges_abort(txn);
    txn = begin(fixture, false);
    struct mtr_charges_cursor cursor;
    assert_int_equal(mtr_charges_get(txn, 1, &charge), MTR_ENOTFOUND);
    assert_int_equal(mtr_charges_get_cursor(txn, &cursor), 0);
    assert_int_equal(cursor.change, 0);
    mtr_charges_abort(txn);
}

static struct mtr_charge_line line_of(const char *component, const char *dimensions, int64_t part_start_s)
{
    struct mtr_charge_line line = {
        .subscription = 3, .period_start_us = 100 * MTR_US_PER_SECOND, .part_start_us = part_start_s * MTR_US_PER_SECOND, .currency = MTR_STR("EUR")};
    line.component = mtr_str_from(component);
    line.kind = MTR_STR("usage");
    line.dimensions = mtr_str_from(dimensions);
    return line;
}

static int count_line(void *context, const struct mtr_charge_line *line)
{
    (void)line;
    ++*(int *)context;
    return 0;
}

static void lines_are_told_apart_by_their_identity(void **state)
{
    struct fixture *fixture = *state;
    struct mtr_charges_txn *txn = begin(fixture, true);
    struct mtr_charge_line lines[] = {line_of("a", "x=1", 100), line_of("a", "x=2", 100),
                                      line_of("a", "x=1", 200), line_of("ax", "=1", 100)};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(mtr_charges_get_line(txn, &lines[i]), MTR_ENOTFOUND);
        lines[i].emitted.e18 = i + 1;
        assert_int_equal(mtr_charges_put_line(txn, &lines[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        struct mtr_charge_line line = lines[i];
        line.emitted.e18 = 0;
        assert_int_equal(mtr_charges_get_line(txn, &line), 0);
        assert_int_equal((int)line.emitted.e18, i + 1);
    }
    struct mtr_charge_line other = line_of("a", "x=1", 100);
    other.period_start_us = 101 * MTR_US_PER_SECOND;
    assert_int_equal(mtr_charges_get_line(txn, &other), MTR_ENOTFOUND);
    int count = 0;
    assert_int_equal(mtr_charges_walk_lines(txn, 3, 100 * MTR_US_PER_SECOND, count_line, &count), 0);
    assert_int_equal(count, 4);
    int left[4], seen[5] = {0};
    for (int i = 0; i < 4; i++) { /* from each of them on: 4, 3, 2 and 1 lines, in the order of their keys */
        left[i] = 0;
        assert_int_equal(mtr_charges_walk_lines_from(txn, 3, 100 * MTR_US_PER_SECOND, lines[i].key, count_line, &left[i]), 0);
        seen[left[i]]++;
    }
    for (int i = 1; i <= 4; i++) assert_int_equal(seen[i], 1);
    mtr_charges_abort(txn);
}

static void timers_follow_their_periods(void **state)
{
    struct fixture *fixture = *state;
    struct mtr_charges_txn *txn = begin(fixture, true);
    struct mtr_charge_timer timer;
    struct mtr_charge_period early = {
        .subscription = 1, .start_us = 50 * MTR_US_PER_SECOND, .end_us = 60 * MTR_US_PER_SECOND, .rate_due_us = 20, .close_due_us = 900};
    struct mtr_charge_period late = {
        .subscription = 2, .start_us = -50 * MTR_US_PER_SECOND, .end_us = 60 * MTR_US_PER_SECOND, .rate_due_us = 30, .close_due_us = 800};
    assert_int_equal(mtr_charges_first_timer(txn, MTR_TIMER_RATE, &timer), MTR_ENOTFOUND);
    assert_int_equal(mtr_charges_put_period(txn, &early), 0);
    assert_int_equal(mtr_charges_put_period(txn, &late), 0);
    assert_int_equal(mtr_charges_first_timer(txn, MTR_TIMER_RATE, &timer), 0);
    assert_int_equal(timer.subscription, 1);
    assert_int_equal(timer.period_start_us, 50 * MTR_US_PER_SECOND);
    assert_int_equal(mtr_charges_first_timer(txn, MTR_TIMER_CLOSE, &timer), 0);
    assert_int_equal(timer.subscription, 2);
    assert_int_equal(timer.period_start_us, -50 * MTR_US_PER_SECOND);
    early.rate_due_us = INT64_MAX;
    assert_int_equal(mtr_charges_put_period(txn, &early), 0);
    assert_int_equal(mtr_charges_first_timer(txn, MTR_TIMER_RATE, &timer), 0);
    assert_int_equal(timer.subscription, 2);
    late.rate_due_us = late.close_due_us = INT64_MAX;
    early.close_due_us = INT64_MAX;
    assert_int_equal(mtr_charges_put_period(txn, &late), 0);
    assert_int_equal(mtr_charges_put_period(txn, &early), 0);
    for (int kind = MTR_TIMER_OPEN; kind <= MTR_TIMER_RATE; kind++)
        assert_int_equal(mtr_charges_first_timer(txn, (enum mtr_charge_timer_kind)kind, &timer),
                         MTR_ENOTFOUND);
    struct mtr_charge_subscription subscription = {.number = 4, .next_open_us = 77000000};
    assert_int_equal(mtr_charges_put_subscription(txn, &subscription), 0);
    assert_int_equal(mtr_charges_first_timer(txn, MTR_TIMER_OPEN, &timer), 0);
    assert_int_equal(timer.period_start_us, 77000000);
    assert_int_equal(timer.due_us, 77000000);
    mtr_charges_abort(txn);
}

static void the_queue_holds_what_is_to_be_sent(void **state)
{
    struct fixture *fixture = *state;
    struct mtr_charges_txn *txn = begin(fixture, true);
    struct mtr_charge_destination destination;
    struct mtr_message message = {.destination = 6, .number = 1, .id = {1, 1}}, found;
    assert_int_equal(mtr_charges_put_message(txn, &message), 0);
    struct mtr_message second = {.destination = 6, .number = 2, .id = {2, 2}};
    assert_int_equal(mtr_charges_put_message(txn, &second), 0);
    assert_int_equal(mtr_charges_put_message_body(txn, &message, MTR_STR("body")), 0);
    assert_int_equal(mtr_charges_first_queued(txn, 6, 0, &found), 0);
    assert_int_equal(found.number, 1);
    assert_int_equal(mtr_charges_first_queued(txn, 7, 0, &found), MTR_ENOTFOUND);
    message.state = MTR_MESSAGE_ATTEMPTED;
    assert_int_equal(mtr_charges_put_message(txn, &message), 0);
    assert_int_equal(mtr_charges_first_queued(txn, 6, 0, &found), 0);
    assert_int_equal(found.number, 1);
    message.state = MTR_MESSAGE_ACKED;
    assert_int_equal(mtr_charges_put_message(txn, &message), 0);
    assert_int_equal(mtr_charges_first_queued(txn, 6, 0, &found), 0);
    assert_int_equal(found.number, 2);
    assert_int_equal(mtr_charges_get_destination(txn, 6, &destination), 0);
    assert_int_equal(destination.counts[MTR_MESSAGE_ACKED], 1);
    assert_int_equal(destination.counts[MTR_MESSAGE_PENDING], 1);
    assert_int_equal(destination.counts[MTR_MESSAGE_ATTEMPTED], 0);
    assert_int_equal(destination.last_message, 2);
    struct mtr_str body;
    assert_int_equal(mtr_charges_get_message_body(txn, 6, 1, &body), 0);
    assert_true(mtr_str_equal(body, MTR_STR("body")));
    assert_int_equal(mtr_charges_put_message_body(txn, &message, MTR_STR("other")), MTR_EEXISTS);
    mtr_charges_abort(txn);
}

static void acks_below_the_cursor_are_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct mtr_charges_txn *txn = begin(fixture, true);
    const struct mtr_str name = MTR_STR("erp"), longer = MTR_STR("erp2");
    struct mtr_charge_consumer consumer = {.up_to = 1, .epoch = 1};
    assert_int_equal(mtr_charges_get_consumer(txn, name, &consumer), 0);
    assert_true(consumer.up_to == 0 && consumer.epoch == 0);
    for (uint64_t i = 1; i < 1000; i += 2) assert_int_equal(mtr_charges_put_ack(txn, name, i), 0);
    assert_int_equal(mtr_charges_put_ack(txn, longer, 3), 0);
    assert_int_equal(mtr_charges_put_consumer(txn, &(struct mtr_charge_consumer){.name = name, .up_to = 500}), 0);
    assert_false(mtr_charges_has_ack(txn, name, 499));
    assert_true(mtr_charges_has_ack(txn, name, 501));
    assert_true(mtr_charges_has_ack(txn, longer, 3));
    mtr_charges_abort(txn);
}

static void a_read_only_open_creates_nothing(void **state)
{
    struct mtr_charges *charges = NULL;
    struct mtr_diagnostic diagnostic;
    char empty[DIRECTORY_PATH_BYTES];
    make_temporary(empty);
    assert_int_not_equal(mtr_charges_open(empty, true, &charges, &diagnostic), 0);
    assert_null(charges);
    remove_tree(empty);
    (void)state;
}

/* Rows that no put can have left are reported, whatever they say; nothing aborts. */
static void damage_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct mtr_charges_txn *txn = begin(fixture, true);
    struct mtr_charge_draw draw = {.grant = {1, 2}, .period_start_us = 3 * MTR_US_PER_SECOND, .subscription = 4, .before = 5, .drawn = 6}, found;
    unsigned char key[28], number[8];
    put_hash(key, draw.grant);
    put_i64(key + 16, 3);
    lmdb_put_u32(key + 24, draw.subscription);
    assert_int_equal(mtr_charges_put_draw(txn, &draw), 0);
    found = draw;
    assert_int_equal(mtr_charges_get_draw(txn, &found), 0);
    struct packer packer = pack_begin(&txn->scratch);
    pack_i128(&packer, 5);
    assert_int_equal(charges_put(txn, TABLE_DRAWS, key, sizeof(key), mtr_buffer_str(&txn->scratch), 0), 0);
    assert_int_equal(mtr_charges_get_draw(txn, &found), MTR_ECORRUPT);

    struct mtr_charge charge = charge_of(1), read;
    assert_int_equal(mtr_charges_append(txn, &charge), 0);
    lmdb_put_u64(number, 1);
    struct mtr_str row;
    char bytes[512];
    assert_int_equal(charges_get(txn, TABLE_CHARGES, number, sizeof(number), &row), 0);
    assert_true(row.size <= sizeof(bytes));
    memcpy(bytes, row.data, row.size);
    enum { PREVIOUS_AT = 16 + 1 + 4 + 8 + 16 + 4 * 16 };
    bytes[PREVIOUS_AT + 7] = 9; /* the charge before the first has number 9 */
    assert_int_equal(charges_put(txn, TABLE_CHARGES, number, sizeof(number), (struct mtr_str){bytes, row.size}, 0), 0);
    assert_int_equal(mtr_charges_get(txn, 1, &read), MTR_ECORRUPT);

    struct mtr_message message = {.destination = 6, .number = 1, .id = {1, 1}};
    assert_int_equal(mtr_charges_put_message(txn, &message), 0);
    const struct mtr_charge_destination uncounted = {.number = 6, .last_message = 1};
    assert_int_equal(mtr_charges_put_destination(txn, &uncounted), 0);
    message.state = MTR_MESSAGE_ATTEMPTED;
    assert_int_equal(mtr_charges_put_message(txn, &message), MTR_ECORRUPT);
    mtr_charges_abort(txn);
}

static int sum_waiting(void *context, const struct mtr_charge_waiting *waiting)
{
    char *text = context;
    const size_t size = strlen(text);
    snprintf(text + size, 256 - size, "%u %s %lld %.*s; ", waiting->subscription,
             mtr_waiting_reason_name(waiting->reason), (long long)waiting->since_us, MTR_STR_ARGS(waiting->text));
    return 0;
}

static void what_waits_is_counted_by_reason(void **state)
{
    struct mtr_charges_txn *txn = begin(*state, true);
    struct mtr_charge_waiting waiting = {
        .subscription = 3, .period_start_us = 100 * MTR_US_PER_SECOND, .reason = MTR_WAITING_RATE, .since_us = 7, .text = MTR_STR("no rate")};
    uint64_t counts[MTR_WAITING_REASON_COUNT];
    char text[256] = "";
    assert_int_equal(mtr_charges_count_waiting(txn, counts), 0);
    assert_true(!counts[0] && !counts[1] && !counts[2] && !counts[3]);
    assert_int_equal(mtr_charges_put_waiting(txn, &waiting), 0);
    waiting.since_us = 8; /* found again, for another reason: it waits since 7 */
    waiting.reason = MTR_WAITING_SIZE;
    waiting.text = MTR_STR("too much");
    assert_int_equal(mtr_charges_put_waiting(txn, &waiting), 0);
    waiting.subscription = 4;
    assert_int_equal(mtr_charges_put_waiting(txn, &waiting), 0);
    assert_int_equal(mtr_charges_count_waiting(txn, counts), 0);
    assert_true(counts[MTR_WAITING_RATE] == 0 && counts[MTR_WAITING_SIZE] == 2);
    assert_int_equal(mtr_charges_walk_waiting(txn, 0, sum_waiting, text), 0);
    assert_string_equal(text, "3 too_large 7 too much; 4 too_large 8 too much; ");
    assert_int_equal(mtr_charges_end_waiting(txn, 3, 100 * MTR_US_PER_SECOND), 0);
    assert_int_equal(mtr_charges_end_waiting(txn, 3, 100 * MTR_US_PER_SECOND), 0); /* it did not wait any more */
    assert_int_equal(mtr_charges_get_waiting(txn, 3, 100 * MTR_US_PER_SECOND, &waiting), MTR_ENOTFOUND);
    assert_int_equal(mtr_charges_count_waiting(txn, counts), 0);
    assert_int_equal(counts[MTR_WAITING_SIZE], 1);
    mtr_charges_abort(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_waits_is_counted_by_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(charges_are_dense_and_found_by_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(epochs_leave_what_was_lost_between_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_abort_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_are_told_apart_by_their_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timers_follow_their_periods, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_queue_holds_what_is_to_be_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(acks_below_the_cursor_are_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_only_open_creates_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
