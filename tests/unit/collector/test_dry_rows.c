/*
 * Rows of a dry run: what the log would have of them, in its order; and that what has no room is known to be missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/collector/dry_rows.h"

struct row {
    const char *id;
    enum mtr_disposition disposition;
    enum mtr_result_code code;
};
#define USAGE(id) {id, MTR_DISPOSITION_NORMAL, MTR_RESULT_ACCEPTED}

static struct mtr_request *request_of(const struct row *rows, uint32_t count)
{
    struct mtr_request *request = calloc(1, sizeof(*request));
    assert_non_null(request);
    mtr_request_init(request, 1 << 20);
    request->count = count;
    request->events = mtr_arena_calloc(&request->arena, count, sizeof(*request->events));
    request->results = mtr_arena_calloc(&request->arena, count, sizeof(*request->results));
    assert_true(request->events && request->results);
    for (uint32_t i = 0; i < count; i++) {
        request->events[i] = (struct mtr_event){.id = mtr_str_from(rows[i].id), .disposition = rows[i].disposition};
        request->results[i].code = rows[i].code;
    }
    return request;
}
#define REQUEST(rows) request_of(rows, sizeof(rows) / sizeof(*(rows)))

/* "a#1 b#1 …" */
static void assert_listed(const struct mtr_dry_rows *rows, const char *expected)
{
    const struct mtr_event *const *events;
    struct mtr_arena arena;
    uint32_t count;
    char text[256] = "";
    mtr_arena_init(&arena, 1 << 10, 1 << 20);
    assert_int_equal(mtr_dry_rows_list(rows, &arena, &events, &count), MTR_OK);
    for (uint32_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s", i ? " " : "", MTR_STR_ARGS(events[i]->id));
    mtr_arena_release(&arena);
    assert_string_equal(text, expected);
}

static void what_would_be_stored_is_listed(void **state)
{
    static const struct row rows[] = {
        USAGE("a#1"), {"-1.7", MTR_DISPOSITION_VOID, MTR_RESULT_VOIDED}, {"late#1", MTR_DISPOSITION_NORMAL, MTR_RESULT_LATE},
        {"held#1", MTR_DISPOSITION_NORMAL, MTR_RESULT_HELD}, {"future#1", MTR_DISPOSITION_NORMAL, MTR_RESULT_FUTURE},
        {"invalid#1", MTR_DISPOSITION_NORMAL, MTR_RESULT_INVALID}, {"again", MTR_DISPOSITION_NORMAL, MTR_RESULT_DUPLICATE},
        {"unmapped#1", MTR_DISPOSITION_REFUSED, MTR_RESULT_INVALID}, {"-2.7", MTR_DISPOSITION_VOID, MTR_RESULT_VOIDED},
        {"receipt", MTR_DISPOSITION_NOTE, MTR_RESULT_ACCEPTED}};
    struct mtr_dry_rows *all;
    size_t room = 1 << 20;
    (void)state;
    assert_int_equal(mtr_dry_rows_open(&all), MTR_OK);
    assert_listed(all, "");
    mtr_dry_rows_add(all, REQUEST(rows), &room);
    assert_listed(all, "a#1 -1.7 late#1 held#1 -2.7");
    assert_true(mtr_dry_rows_is_whole(all) && room + mtr_dry_rows_bytes(all) == 1 << 20);
    mtr_dry_rows_release(all);
}

/* Of a row with a revision the later window's stands, of an append delivery the first. */
static void of_a_row_of_two_windows_one_stands(void **state)
{
    static const struct row first[] = {USAGE("a#7"), USAGE("b#7"), USAGE("x")}, later[] = {USAGE("x"), USAGE("b#8"), USAGE("c#8")};
    struct mtr_dry_rows *all, *more;
    size_t room = 1 << 20;
    (void)state;
    assert_int_equal(mtr_dry_rows_open(&all), MTR_OK);
    assert_int_equal(mtr_dry_rows_open(&more), MTR_OK);
    mtr_dry_rows_join(all, more);
    assert_listed(all, "");
    mtr_dry_rows_add(all, REQUEST(first), &room);
    mtr_dry_rows_add(more, REQUEST(later), &room);
    mtr_dry_rows_join(all, more);
    assert_listed(all, "a#7 x b#8 c#8");
    assert_listed(more, "");
    assert_int_equal(mtr_dry_rows_windows(all), 2);
    assert_false(mtr_dry_rows_are_shared(all));
    assert_true(!mtr_dry_rows_bytes(more) && room + mtr_dry_rows_bytes(all) == 1 << 20);
    mtr_dry_rows_release(more);
    struct mtr_dry_rows *held = mtr_dry_rows_hold(all);
    assert_true(mtr_dry_rows_are_shared(all));
    mtr_dry_rows_release(all);
    assert_listed(held, "a#7 x b#8 c#8");
    mtr_dry_rows_release(held);
    mtr_dry_rows_release(mtr_dry_rows_hold(NULL));
}

static void what_has_no_room_is_missed(void **state)
{
    static const struct row rows[] = {USAGE("a#1")};
    struct mtr_dry_rows *all, *more;
    struct mtr_request *request = REQUEST(rows);
    size_t room = request->arena.bytes_total;
    (void)state;
    assert_int_equal(mtr_dry_rows_open(&all), MTR_OK);
    assert_int_equal(mtr_dry_rows_open(&more), MTR_OK);
    mtr_dry_rows_add(all, request, &room);
    assert_true(mtr_dry_rows_is_whole(all) && room == 0);
    mtr_dry_rows_add(more, REQUEST(rows), &room);
    assert_false(mtr_dry_rows_is_whole(more));
    mtr_dry_rows_join(all, more);
    assert_false(mtr_dry_rows_is_whole(all));
    mtr_dry_rows_release(more);
    mtr_dry_rows_release(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_would_be_stored_is_listed),
        cmocka_unit_test(of_a_row_of_two_windows_one_stands),
        cmocka_unit_test(what_has_no_room_is_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
