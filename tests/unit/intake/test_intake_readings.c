/*
 * What the intake says of a reading: rows that the poller brings with what it says itself. No age is too old,
 * nothing is turned away without a trace, a void names a sequence; and what is the daemon's own nobody sends.
 */
#include "tests/support/intake_world.h"

struct said {
    struct row row;
    enum mtr_disposition given, stored;
    uint64_t target_seq;
    const char *reason; /* a part of meterd.reason in the log */
};

static const struct said reading[] = {
    {.row = {.what = "a row", .id = "r1#1", .type = "cpu", .subject = "sub-1", .time = T, .data = SECONDS, .code = MTR_RESULT_ACCEPTED}},
    {.row = {.what = "long ago", .id = "r2#1", .type = "cpu", .subject = "sub-1", .time = "2026-01-02T00:00:00Z", .data = SECONDS, .code = MTR_RESULT_LATE}},
    {.row = {.what = "held", .id = "r3#1", .type = "cpu", .subject = "sub-9", .time = T, .data = SECONDS, .code = MTR_RESULT_HELD}},
    {.row = {.what = "ahead", .id = "r4#1", .type = "cpu", .subject = "sub-1", .time = "2027-01-01T00:00:00Z", .data = SECONDS, .code = MTR_RESULT_FUTURE},
     .stored = MTR_DISPOSITION_REFUSED, .reason = "further in the future"},
    {.row = {.what = "no number", .id = "r5#1", .type = "cpu", .subject = "sub-1", .time = T, .data = {"seconds", "\"many"}, .code = MTR_RESULT_INVALID},
     .stored = MTR_DISPOSITION_REFUSED, .reason = "not `many`"},
    {.row = {.what = "another vendor's", .id = "r6#1", .type = "bytes", .subject = "rival-1", .time = T, .data = {"n", "1"}, .code = MTR_RESULT_NOT_AUTHORIZED},
     .stored = MTR_DISPOSITION_REFUSED, .reason = "another vendor"},
    {.row = {.what = "outside", .id = "r7#1", .type = "cpu", .subject = "ended", .time = T, .data = SECONDS, .code = MTR_RESULT_NOT_ACTIVE},
     .stored = MTR_DISPOSITION_REFUSED, .reason = "ended at"},
    {.row = {.what = "raw", .id = "r8#1", .type = "meterd.row", .subject = "w", .time = T, .data = {"meterd.reason", "\"no such"}, .code = MTR_RESULT_INVALID},
     .given = MTR_DISPOSITION_REFUSED, .stored = MTR_DISPOSITION_REFUSED, .reason = "no such"},
    {.row = {.what = "a void", .id = "-1", .type = MTR_EVENT_TYPE_VOID, .subject = "", .time = T, .code = MTR_RESULT_VOIDED},
     .given = MTR_DISPOSITION_VOID, .stored = MTR_DISPOSITION_VOID, .target_seq = 1},
    {.row = {.what = "a receipt", .id = "@1.1", .type = "meterd.reading", .subject = "w", .time = T, .data = {"rows", "8"}, .code = MTR_RESULT_ACCEPTED},
     .given = MTR_DISPOSITION_NOTE, .stored = MTR_DISPOSITION_NOTE},
};
enum { SAID = sizeof(reading) / sizeof(reading[0]), FIRST = 2 };

static struct mtr_request *submit(struct world *world, struct mtr_request *request)
{
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
    step(world);
    assert_int_equal(request->error, 0);
    return request;
}

static struct mtr_request *read_rows(struct world *world, const char *source)
{
    struct mtr_request *request = new_request(SAID);
    request->is_reading = true;
    for (uint32_t i = 0; i < SAID; i++) {
        add_event(request, &reading[i].row, world->now_us);
        request->events[i].source = mtr_str_from(source);
        request->events[i].disposition = reading[i].given;
        request->events[i].target_seq = reading[i].target_seq;
    }
    return submit(world, request);
}

static void check_log(struct world *world)
{
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    assert_int_equal(mtr_log_reader_attach(world->log, &reader), 0);
    assert_int_equal(mtr_log_read(reader, FIRST, &header, &events, &diagnostic), 0);
    assert_int_equal(header.count, SAID);
    int quarantined = 0;
    for (uint32_t i = 0; i < SAID; i++) {
        const enum mtr_result_code code = reading[i].row.code;
        const bool is_mapped = reading[i].given == MTR_DISPOSITION_NORMAL;
        quarantined += is_mapped && (code == MTR_RESULT_FUTURE || code == MTR_RESULT_INVALID || code == MTR_RESULT_NOT_AUTHORIZED);
        const struct mtr_property *why = mtr_event_property(&events[i], MTR_STR(MTR_EVENT_PROPERTY_REASON));
        assert_int_equal(events[i].disposition, reading[i].stored);
        assert_int_equal(events[i].target_seq, reading[i].target_seq);
        assert_int_equal(why != NULL, reading[i].reason != NULL);
        if (why) assert_non_null(strstr(why->text.data, reading[i].reason));
        if (i + 1 < SAID) assert_null(mtr_event_property(&events[i], MTR_STR(MTR_EVENT_PROPERTY_QUARANTINED)));
    }
    const struct mtr_property *said = mtr_event_property(&events[SAID - 1], MTR_STR(MTR_EVENT_PROPERTY_QUARANTINED));
    assert_non_null(said); /* in the receipt, beside what it said itself */
    assert_true(said->number.mantissa == quarantined && quarantined > 1);
    assert_non_null(mtr_event_property(&events[SAID - 1], MTR_STR("rows")));
    mtr_log_reader_close(reader);
}

static void test_nothing_is_turned_away(void **state)
{
    (void)state;
    struct world *world = new_world();
    (void)send_rows(world, &plain, 1); /* what the void takes back */
    const struct mtr_request *answer = read_rows(world, "meterd:s");
    for (uint32_t i = 0; i < SAID; i++) {
        if (answer->results[i].code != reading[i].row.code)
            fail_msg("%s: %s", reading[i].row.what, mtr_result_name(answer->results[i].code));
        assert_int_equal(answer->results[i].seq, FIRST + i);
    }
    check_log(world);
    for (int again = 0; again < 2; again++) { /* and once more of an index that was made anew */
        answer = read_rows(world, "meterd:s");
        for (uint32_t i = 0; i < SAID; i++) assert_int_equal(answer->results[i].seq, FIRST + i);
        assert_int_equal(mtr_log_last_seq(world->log), FIRST + SAID - 1);
        close_log(world);
        open_log(world);
    }
    free_world(world);
}

static void test_what_nobody_sends(void **state)
{
    (void)state;
    static const struct {
        const char *source, *type, *field;
    } rows[] = {{"meterd:s", "cpu", "source"}, {"meterd:", "meterd.void", "source"}, {"east", "meterd.reading", "type"},
                {"east", "meterd.", "type"},   {"meterd", "cpu", NULL},             {"Meterd:s", "cpu", NULL},
                {"east", "meterdx", NULL}};
    struct world *world = new_world();
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct row row = plain;
        char id[8];
        snprintf(id, sizeof(id), "n%u", i);
        row.id = id;
        row.type = rows[i].type;
        struct mtr_request *request = new_request(1);
        add_event(request, &row, world->now_us);
        request->events[0].source = mtr_str_from(rows[i].source);
        const struct mtr_event_result *result = &submit(world, request)->results[0];
        assert_int_equal(result->code == MTR_RESULT_INVALID, rows[i].field != NULL);
        if (rows[i].field) assert_string_equal(result->field, rows[i].field);
    }
    assert_int_equal(mtr_log_last_seq(world->log), 3);
    free_world(world);
}

/* A receipt cannot be taken back by one who knows its name. */
static void test_a_note_stays(void **state)
{
    (void)state;
    struct world *world = new_world();
    (void)send_rows(world, &plain, 1);
    (void)read_rows(world, "east");
    const struct row row = {.id = "v", .type = MTR_EVENT_TYPE_VOID, .subject = "", .time = T, .data = {"id", "\"@1.1"}};
    assert_int_equal(send_rows(world, &row, 1)->results[0].code, MTR_RESULT_INVALID);
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_turned_away),
        cmocka_unit_test(test_what_nobody_sends),
        cmocka_unit_test(test_a_note_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
