/*
 * What the intake says of each event: a golden table of judgements in the order they happen, sent one by one
 * and in one request.
 */
#include "meterd/core/limits.h"
#include "tests/support/intake_world.h"

static void check_row(const struct row *row, const struct mtr_event_result *result, uint64_t stored)
{
    if (result->code != row->code)
        fail_msg("%s: %s, not %s (%s: %s)", row->what, mtr_result_name(result->code),
                 mtr_result_name(row->code), result->field ? result->field : "",
                 result->reason ? result->reason : "");
    if ((row->field != NULL) != (result->field != NULL) ||
        (row->field && strcmp(row->field, result->field) != 0))
        fail_msg("%s: field %s, not %s", row->what, result->field ? result->field : "none",
                 row->field ? row->field : "none");
    if ((row->reason != NULL) != (result->reason != NULL) ||
        (row->reason && !strstr(result->reason, row->reason)))
        fail_msg("%s: reason %s, not %s", row->what, result->reason ? result->reason : "none",
                 row->reason ? row->reason : "none");
    if (!result->reason != !result->finding) fail_msg("%s: a reason has a code, and nothing else has", row->what);
    char not_counted[128] = "";
    for (uint32_t i = 0; i < result->not_counted.count; i++)
        snprintf(not_counted + strlen(not_counted), sizeof(not_counted) - strlen(not_counted), "%s ",
                 ((const struct mtr_str *)result->not_counted.items)[i].data);
    if (strcmp(not_counted, row->not_counted ? row->not_counted : "") != 0)
        fail_msg("%s: not counted by %s", row->what, not_counted);
    if (stored != (uint64_t)row->stored)
        fail_msg("%s: %llu stored, not %d", row->what, (unsigned long long)stored, row->stored);
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X200 X50 X50 X50 X50
#define OK_(code_name) .code = MTR_RESULT_##code_name
#define BAD(code_name, field_name, reason_part) .code = MTR_RESULT_##code_name, .field = field_name, .reason = reason_part

static const struct row judgements[] = {
    /* usage */
    {"plain", "a1", "cpu", "sub-1", T, SECONDS, OK_(ACCEPTED), .stored = 1},
    {"decimal text", "a2", "cpu", "sub-1", T, {"seconds", "\"0.000000000001"}, OK_(ACCEPTED), .stored = 1},
    {"no time", "a3", "cpu", "sub-1", NULL, SECONDS, OK_(ACCEPTED), .stored = 1},
    {"a count needs no value", "a4", "call", "sub-1", T, {NULL}, OK_(ACCEPTED), .stored = 1},
    {"unique takes any value", "a5", "login", "sub-1", T, {"user", "true"}, OK_(ACCEPTED), .stored = 1},
    {"filtered out", "a6", "gpu", "sub-1", T, {"tier", "\"free"}, OK_(ACCEPTED), .stored = 1},
    {"filtered in", "a7", "gpu", "sub-1", T, {"tier", "2.0", "seconds", "1"}, OK_(ACCEPTED), .stored = 1},
    {"filtered in, no value", "a8", "gpu", "sub-1", T, {"tier", "\"paid"},
     BAD(INVALID, "data.seconds", "missing: the meter gpu"), .stored = 0},
    {"no value", "a9", "cpu", "sub-1", T, {"region", "\"eu"}, BAD(INVALID, "data.seconds", "missing: the meter cpu"), .stored = 0},
    {"not a number", "a10", "cpu", "sub-1", T, {"seconds", "\"many"},
     BAD(INVALID, "data.seconds", "a number is expected, as 12 or 0.05, not `many`; the meter cpu adds it up"), .stored = 0},
    {"a decimal comma", "a10b", "cpu", "sub-1", T, {"seconds", "\"5,5"},
     BAD(INVALID, "data.seconds", "`5,5` is no number: write 5.5 (a decimal point); the meter cpu adds it up"), .stored = 0},
    {"a bool is no number", "a11", "cpu", "sub-1", T, {"seconds", "true"},
     BAD(INVALID, "data.seconds", "a number is expected, not true or false; the meter cpu adds it up"), .stored = 0},
    {"13 digits", "a12", "cpu", "sub-1", T, {"seconds", "0.0000000000001"},
     BAD(INVALID, "data.seconds", "more than 12 digits"), .stored = 0},
    {"10^16", "a13", "cpu", "sub-1", T, {"seconds", "-10000000000000000"}, OK_(ACCEPTED), .stored = 1},
    {"over 10^16", "a14", "cpu", "sub-1", T, {"seconds", "10000000000000000.1"},
     BAD(INVALID, "data.seconds", "larger than 10^16"), .stored = 0},
    {"dimensions fit", "a15", "cpu", "sub-1", T, {"seconds", "1", "region", "\"" X200, "size", "\"" X50 X50 X50},
     OK_(ACCEPTED), .stored = 1},
    {"dimensions too long", "a16", "cpu", "sub-1", T, {"seconds", "1", "region", "\"" X200, "size", "\"" X200},
     BAD(INVALID, "data.size", "longer than 384 bytes"), .stored = 0},
    {"unit separator", "a17", "cpu", "sub-1", T, {"seconds", "1", "region", "\"a\x1f" "b"},
     BAD(INVALID, "data.region", "U+001F"), .stored = 0},
    {"over a length", "a18", "charged", "sub-1", T, {"kwh", "1", "seconds", "2764800"}, OK_(ACCEPTED), .stored = 1},
    {"no length", "a19", "charged", "sub-1", T, {"kwh", "1"}, BAD(INVALID, "data.seconds", " needs it: a length of 0 to 2764800 seconds (32 days)"),
     .stored = 0},
    {"a length below zero", "a20", "charged", "sub-1", T, {"kwh", "1", "seconds", "-1"}, BAD(INVALID, "data.seconds", "32 days"), .stored = 0},
    {"a length that is none", "a20b", "charged", "sub-1", T, {"kwh", "1", "seconds", "\"1,5"},
     BAD(INVALID, "data.seconds", "must be a length of 0 to 2764800 seconds (32 days), not `1,5`: usage is spread over it"), .stored = 0},
    {"too long a length", "a21", "charged", "sub-1", T, {"kwh", "1", "seconds", "2764800.5"},
     BAD(INVALID, "data.seconds", "32 days"), .stored = 0},
    /* bounds and factor */
    {"a length alone", "n1", "up", "sub-1", T, {"seconds", "60"}, OK_(ACCEPTED), .stored = 1},
    {"above the most", "n2", "up", "sub-1", T, {"seconds", "86400.5"},
     BAD(INVALID, "data.seconds", "86400.5 is above 86400, the most that the meter nodes takes"), .stored = 0},
    {"below the least", "n3", "up", "sub-1", T, {"seconds", "-3"},
     BAD(INVALID, "data.seconds", "-3 is below 1, the least that the meter nodes takes"), .stored = 0},
    {"beyond 10^16 with a factor", "n4", "disk.held", "sub-1", T, {"byte_seconds", "283115520000000000000"}, OK_(ACCEPTED), .stored = 1},
    {"beyond max with a factor", "n5", "disk.held", "sub-1", T, {"byte_seconds", "1000000000000000000001"},
     BAD(INVALID, "data.byte_seconds", "1000000000000.000000001 is above 1000000000000, the most"), .stored = 0},
    {"beyond 10^16 in spite of it", "n6", "disk.held", "sub-1", T, {"byte_seconds", "10000000000000000000000001"},
     BAD(INVALID, "data.byte_seconds", "larger than 10^16 in magnitude, times the factor"), .stored = 0},
    {"too fine for a factor", "n7", "disk.held", "sub-1", T, {"byte_seconds", "0.0001"},
     BAD(INVALID, "data.byte_seconds", "more than 12 digits after the point, times the factor of the meter disk"), .stored = 0},
    /* several meters of one type: each counts what it can */
    {"one meter of three", "m1", "ai", "sub-1", T, {"tokens", "9", "tier", "\"paid"}, OK_(ACCEPTED), .stored = 1, .not_counted = "cached watts "},
    {"a filter is no lack", "m2", "ai", "sub-1", T, {"tokens", "9"}, OK_(ACCEPTED), .stored = 1, .not_counted = "watts "},
    {"the other alone", "m3", "ai", "sub-1", T, {"cached", "9", "tier", "\"paid"}, OK_(ACCEPTED), .stored = 1, .not_counted = "tokens watts "},
    {"value without its length", "m4", "ai", "sub-1", T, {"tokens", "9", "wh", "1"}, OK_(ACCEPTED), .stored = 1, .not_counted = "watts "},
    {"all of them", "m5", "ai", "sub-1", T, {"tokens", "9", "wh", "1", "seconds", "60"}, OK_(ACCEPTED), .stored = 1},
    {"none of them", "m6", "ai", "sub-1", T, {"token", "9"}, BAD(INVALID, "data.tokens", "missing: the meter tokens"), .stored = 0},
    {"none but a filtered one", "m7", "ai", "sub-1", T, {"cached", "9"}, BAD(INVALID, "data.tokens", "missing: the meter tokens"), .stored = 0},
    {"a wrong value is nobody's", "m8", "ai", "sub-1", T, {"tokens", "9", "wh", "\"many", "seconds", "60"},
     BAD(INVALID, "data.wh", "a number is expected, as 12 or 0.05, not `many`; the meter watts adds it up"), .stored = 0},
    {"late, and one of three", "m9", "ai", "sub-1", "2026-01-20T00:00:00Z", {"tokens", "9"},
     BAD(LATE, NULL, "2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z"), .stored = 1, .not_counted = "watts "},
    {"a meter that wants it", "m10", "io", "sub-1", T, {NULL}, BAD(INVALID, "data.size", "missing: the meter sizes"), .stored = 0},
    {"a meter that gets it", "m11", "io", "sub-1", T, {"size", "4"}, OK_(ACCEPTED), .stored = 1},
    /* limits */
    {"no id", "", "cpu", "sub-1", T, SECONDS, BAD(INVALID, "id", "must not be empty"), .stored = 0},
    {"long id", X200 X50 "1234567", "cpu", "sub-1", T, SECONDS, BAD(INVALID, "id", "256 bytes"), .stored = 0},
    {"longest id", X200 X50 "123456", "cpu", "sub-1", T, SECONDS, OK_(ACCEPTED), .stored = 1},
    {"no type", "b1", "", "sub-1", T, SECONDS, BAD(INVALID, "type", "must not be empty"), .stored = 0},
    {"long type", "b2", X200, "sub-1", T, SECONDS, BAD(INVALID, "type", "128 bytes"), .stored = 0},
    {"no subject", "b3", "cpu", "", T, SECONDS, BAD(INVALID, "subject", "must not be empty"), .stored = 0},
    {"long subject", "b4", "cpu", X200, T, SECONDS, BAD(INVALID, "subject", "128 bytes"), .stored = 0},
    {"long name", "b5", "cpu", "sub-1", T, {X200, "1"}, BAD(INVALID, "data", "64 bytes"), .stored = 0},
    {"long text", "b6", "cpu", "sub-1", T, {"v", "\"" X200 X200 X200 X200 X200 X50}, BAD(INVALID, "data.v", "1024 bytes"), .stored = 0},
    /* catalog */
    {"unknown subscription", "c1", "cpu", "sub-9", T, SECONDS, OK_(HELD), .stored = 1},
    {"unknown type", "c2", "disk", "sub-1", T, SECONDS, OK_(HELD), .stored = 1},
    {"another vendor's", "c3", "bytes", "rival-1", T, {"n", "1"}, BAD(NOT_AUTHORIZED, "subject", "another vendor"), .stored = 0},
    {"before the start", "c4", "cpu", "ended", "2026-01-31T23:59:59Z", SECONDS,
     BAD(NOT_ACTIVE, "time", "starts at 2026-02-01T00:00:00Z"), .stored = 0},
    {"at the end", "c5", "cpu", "ended", "2026-03-01T00:00:00Z", SECONDS,
     BAD(NOT_ACTIVE, "time", "ended at 2026-03-01T00:00:00Z"), .stored = 0},
    {"just before the end", "c6", "cpu", "ended", "2026-02-28T23:59:59.999999Z", SECONDS,
     BAD(LATE, NULL, "2026-02-01T00:00:00Z to 2026-03-01T00:00:00Z"), .stored = 1},
    {"late", "c7", "cpu", "sub-1", "2026-01-20T00:00:00Z", SECONDS,
     BAD(LATE, NULL, "2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z"), .stored = 1},
    {"closed with its subscription", "c9", "cpu", "lapsed", "2026-03-04T23:00:00Z", SECONDS,
     BAD(LATE, NULL, "2026-03-02T00:00:00Z to 2026-03-05T00:00:00Z"), .stored = 1},
    {"a subscription that ended within the grace", "c10", "cpu", "leaving", "2026-03-10T11:00:00Z", SECONDS, OK_(ACCEPTED), .stored = 1},
    {"a subscription whose grace ends now", "c12", "cpu", "leaves", "2026-03-08T11:00:00Z", SECONDS, OK_(ACCEPTED), .stored = 1},
    {"a period before its last", "c11", "cpu", "leaving", "2026-02-28T23:00:00Z", SECONDS,
     BAD(LATE, NULL, "2026-02-01T00:00:00Z to 2026-03-01T00:00:00Z"), .stored = 1},
    {"start of the open period", "c8", "cpu", "sub-1", "2026-03-01T00:00:00Z", SECONDS, OK_(ACCEPTED), .stored = 1},
    /* time */
    {"oldest accepted", "d1", "cpu", "sub-1", "2026-01-14T12:00:00Z", SECONDS, BAD(LATE, NULL, "2026-01-01"), .stored = 1},
    {"too old", "d2", "cpu", "sub-1", "2026-01-14T11:59:59.999999Z", SECONDS, BAD(EXPIRED, "time", "quarantine"), .stored = 1},
    {"too old again", "d2", "cpu", "sub-1", "2026-01-14T11:59:59.999999Z", SECONDS, BAD(EXPIRED, "time", "quarantine"), .stored = 0},
    {"too old, other content", "d2", "cpu", "sub-1", "2026-01-14T11:59:59Z", SECONDS, BAD(EXPIRED, "time", "quarantine"), .stored = 1},
    {"the id is still free", "d2", "cpu", "sub-1", T, SECONDS, OK_(ACCEPTED), .stored = 1},
    {"furthest ahead", "d3", "cpu", "sub-1", "2026-03-10T12:05:00Z", SECONDS, OK_(ACCEPTED), .stored = 1},
    {"too far ahead", "d4", "cpu", "sub-1", "2026-03-10T12:05:00.000001Z", SECONDS, BAD(FUTURE, "time", "quarantine"), .stored = 1},
    {"too far ahead again", "d4", "cpu", "sub-1", "2026-03-10T12:05:00.000001Z", SECONDS, BAD(FUTURE, "time", "quarantine"), .stored = 0},
    {"quarantine of an unknown subscription", "d5", "cpu", "sub-9", "2020-01-01T00:00:00Z", SECONDS,
     BAD(EXPIRED, "time", "quarantine"), .stored = 1},
    /* repeats */
    {"duplicate", "a1", "cpu", "sub-1", T, SECONDS, OK_(DUPLICATE), .stored = 0},
    {"duplicate, other spelling", "a1", "cpu", "sub-1", "2026-03-10T12:00:00+01:00", {"seconds", "1.50"}, OK_(DUPLICATE), .stored = 0},
    {"duplicate without time", "a3", "cpu", "sub-1", NULL, SECONDS, OK_(DUPLICATE), .stored = 0},
    {"duplicate of held", "c1", "cpu", "sub-9", T, SECONDS, OK_(DUPLICATE), .stored = 0},
    {"conflict", "a1", "cpu", "sub-1", T, {"seconds", "2"}, BAD(CONFLICT, "id", "other content"), .stored = 1},
    {"conflict again", "a1", "cpu", "sub-1", T, {"seconds", "2"}, BAD(CONFLICT, "id", "other content"), .stored = 0},
    {"another conflict", "a1", "cpu", "sub-1", T, {"seconds", "3"}, BAD(CONFLICT, "id", "other content"), .stored = 1},
    {"conflict although too old", "a1", "cpu", "sub-1", "2020-01-01T00:00:00Z", SECONDS, BAD(CONFLICT, "id", "other content"), .stored = 1},
    {"the first still stands", "a1", "cpu", "sub-1", T, SECONDS, OK_(DUPLICATE), .stored = 0},
    {"rejected before, right now", "a9", "cpu", "sub-1", T, SECONDS, OK_(ACCEPTED), .stored = 1},
    /* voids */
    {"void", "v1", "meterd.void", "sub-1", T, {"id", "\"a1"}, OK_(VOIDED), .stored = 1},
    {"void again", "v1", "meterd.void", "sub-1", T, {"id", "\"a1"}, OK_(DUPLICATE), .stored = 0},
    {"void without subject", "v2", "meterd.void", "", T, {"id", "\"a2"}, OK_(VOIDED), .stored = 1},
    {"void of held", "v3", "meterd.void", "sub-9", T, {"id", "\"c1"}, OK_(VOIDED), .stored = 1},
    {"void of nothing", "v4", "meterd.void", "sub-1", T, {"id", "\"zz"}, BAD(INVALID, "data.id", "nothing to take back"), .stored = 0},
    {"void of itself", "v5", "meterd.void", "sub-1", T, {"id", "\"v5"}, BAD(INVALID, "data.id", "nothing to take back"), .stored = 0},
    {"void of a void", "v6", "meterd.void", "sub-1", T, {"id", "\"v1"}, BAD(INVALID, "data.id", "a void cannot"), .stored = 0},
    {"void of quarantined", "v7", "meterd.void", "sub-1", T, {"id", "\"d4"}, BAD(INVALID, "data.id", "nothing to take back"), .stored = 0},
    {"void of rejected", "v8", "meterd.void", "sub-1", T, {"id", "\"c3"}, BAD(INVALID, "data.id", "nothing to take back"), .stored = 0},
    {"void without id", "v9", "meterd.void", "sub-1", T, {NULL}, BAD(INVALID, "data.id", "missing"), .stored = 0},
    {"void of a number", "v10", "meterd.void", "sub-1", T, {"id", "1"}, BAD(INVALID, "data.id", "must be a string"), .stored = 0},
    {"void of no text", "v11", "meterd.void", "sub-1", T, {"id", "\""}, BAD(INVALID, "data.id", "1 to 256"), .stored = 0},
    {"void too old", "v12", "meterd.void", "sub-1", "2020-01-01T00:00:00Z", {"id", "\"a3"},
     BAD(EXPIRED, "time", "quarantine"), .stored = 1},
};
enum { JUDGEMENTS = sizeof(judgements) / sizeof(judgements[0]) };

static void test_judgements_one_by_one(void **state)
{
    (void)state;
    struct world *world = new_world();
    for (uint32_t i = 0; i < JUDGEMENTS; i++) {
        uint64_t before = mtr_log_last_seq(world->log);
        struct mtr_request *answer = send_rows(world, &judgements[i], 1);
        check_row(&judgements[i], &answer->results[0], mtr_log_last_seq(world->log) - before);
        assert_int_equal(answer->counts[judgements[i].code], 1);
        free_answers(world);
    }
    free_world(world);
}

/* The same events in one request get the same results: what stands in the same block counts as stored. */
static void test_judgements_in_one_request(void **state)
{
    (void)state;
    struct world *world = new_world();
    int stored = 0;
    struct mtr_request *answer = send_rows(world, judgements, JUDGEMENTS);
    for (uint32_t i = 0; i < JUDGEMENTS; i++) {
        check_row(&judgements[i], &answer->results[i], (uint64_t)judgements[i].stored);
        stored += judgements[i].stored;
    }
    assert_int_equal(mtr_log_last_seq(world->log), stored);
    free_answers(world);
    answer = send_rows(world, judgements, 1);
    assert_int_equal(answer->results[0].code, MTR_RESULT_DUPLICATE);
    free_world(world);
}

/* The log holds dispositions and targets as answered. */
static void test_what_is_stored(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.id = "x", .type = "cpu", .subject = "sub-1", .time = T, .data = SECONDS},
        {.id = "x", .type = "cpu", .subject = "sub-1", .time = T, .data = {"seconds", "9"}},
        {.id = "w", .type = "meterd.void", .subject = "sub-1", .time = T, .data = {"id", "\"x"}},
        {.id = "old", .type = "cpu", .subject = "sub-1", .time = "2020-01-01T00:00:00Z", .data = SECONDS},
        {.id = "new", .type = "cpu", .subject = "sub-1", .time = "2030-01-01T00:00:00Z", .data = SECONDS},
    };
    static const struct {
        enum mtr_disposition disposition;
        uint64_t target_seq, answered_seq;
    } expected[] = {{MTR_DISPOSITION_NORMAL, 0, 1},
                    {MTR_DISPOSITION_CONFLICT, 1, 1},
                    {MTR_DISPOSITION_VOID, 1, 3},
                    {MTR_DISPOSITION_EXPIRED, 0, 4},
                    {MTR_DISPOSITION_FUTURE, 0, 5}};
    struct world *world = new_world();
    struct mtr_request *answer = send_rows(world, rows, 5);
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    assert_int_equal(mtr_log_reader_attach(world->log, &reader), 0);
    assert_int_equal(mtr_log_read(reader, 1, &header, &events, &diagnostic), 0);
    assert_int_equal(header.count, 5);
    assert_int_equal(header.received_us, world->now_us);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(events[i].disposition, expected[i].disposition);
        assert_int_equal(events[i].target_seq, expected[i].target_seq);
        assert_int_equal(answer->results[i].seq, expected[i].answered_seq);
    }
    mtr_log_reader_close(reader);
    free_world(world);
}

static void test_properties_up_to_the_limit(void **state)
{
    (void)state;
    struct mtr_property properties[MTR_EVENT_PROPERTIES_MAX + 1];
    char names[MTR_EVENT_PROPERTIES_MAX + 1][8];
    struct world *world = new_world();
    for (uint32_t i = 0; i <= MTR_EVENT_PROPERTIES_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "p%u", i);
        properties[i] = property_of(i ? names[i] : "seconds", "1");
    }
    for (uint32_t more = 0; more < 2; more++) {
        struct mtr_request *request = new_request(1);
        struct row row = plain;
        row.id = more ? "more" : "most";
        add_event(request, &row, world->now_us);
        request->events[0].properties = properties;
        request->events[0].property_count = MTR_EVENT_PROPERTIES_MAX + more;
        assert_int_equal(mtr_intake_submit(world->intake, request), 0);
        step(world);
        assert_int_equal(request->results[0].code, more ? MTR_RESULT_INVALID : MTR_RESULT_ACCEPTED);
    }
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_properties_up_to_the_limit),
        cmocka_unit_test(test_judgements_one_by_one),
        cmocka_unit_test(test_judgements_in_one_request),
        cmocka_unit_test(test_what_is_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
