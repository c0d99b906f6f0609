/*
 * The intake from submit to answer on a real log, dedup index and catalog: a golden table of judgements in the order they happen,
 * repeats in flight, bounds, failures, and random requests against a plain model across rolls, seals and reopening.
 */
#include "meterd/collector/intake.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "meterd/catalog/store.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

static const uint8_t KEY[MTR_EVENT_KEY_BYTES] = "sixteen bytes!!";

static const char CATALOG[] = "vendors:\n"
                              "  - {key: acme, name: Acme}\n"
                              "  - {key: rival, name: Rival}\n"
                              "services:\n"
                              "  - {key: compute, vendor: acme}\n"
                              "  - {key: storage, vendor: rival}\n"
                              "meters:\n"
                              "  - {key: cpu, service: compute, event_type: cpu, value: seconds, group_by: [region, size]}\n"
                              "  - {key: calls, service: compute, event_type: call, aggregation: count}\n"
                              "  - {key: users, service: compute, event_type: login, aggregation: unique, value: user}\n"
                              "  - {key: gpu, service: compute, event_type: gpu, value: seconds, filter: {tier: [paid, '2']}}\n"
                              "  - {key: bytes, service: storage, event_type: bytes, value: n}\n"
                              "tariffs:\n"
                              "  - key: standard\n"
                              "    currency: EUR\n"
                              "    versions:\n"
                              "      - from: 2026-01-01\n"
                              "        components:\n"
                              "          - {key: base, recurring: {amount: '20'}}\n"
                              "subscriptions:\n"
                              "  - {key: sub-1, service: compute, customer: c, tariff: standard, start: 2026-01-01}\n"
                              "  - {key: ended, service: compute, customer: c, tariff: standard, start: 2026-02-01, end: 2026-03-01}\n"
                              "  - {key: rival-1, service: storage, customer: c, tariff: standard, start: 2026-01-01}\n";

static const char NOW[] = "2026-03-10T12:00:00Z";

enum { ANSWERS_MAX = 1024 };

struct world {
    char directory[64];
    char log_directory[80];
    struct mtr_log *log;
    struct mtr_dedup *dedup;
    struct mtr_intake *intake;
    struct mtr_catalog_store *store;
    struct mtr_catalog *catalog;
    struct mtr_log_options log_options;
    struct mtr_intake_options options;
    int64_t now_us;
    struct mtr_request *answers[ANSWERS_MAX]; /* in the order they came */
    uint32_t answer_count;
};

static int64_t instant(const char *text)
{
    int64_t time_us;
    assert_int_equal(mtr_time_parse(mtr_str_from(text), &time_us), 0);
    return time_us;
}

static void on_answer(void *context, struct mtr_request *request)
{
    struct world *world = context;
    assert_true(world->answer_count < ANSWERS_MAX);
    world->answers[world->answer_count++] = request;
}

static void apply(struct world *world, const char *text)
{
    struct mtr_catalog_change change;
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 8);
    int rc = mtr_catalog_store_apply(world->store, mtr_str_from(text), NULL, MTR_STR(""), MTR_STR("test"), world->now_us, false, &change,
                                     &findings);
    if (rc) fail_msg("catalog: %s", findings.count ? findings.items[0].text : mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
    mtr_catalog_release(world->catalog);
    world->catalog = mtr_catalog_store_snapshot(world->store);
}

static void open_log(struct world *world)
{
    struct mtr_diagnostic diagnostic = {0};
    if (mtr_log_open(world->log_directory, &world->log_options, &world->log, &diagnostic)) fail_msg("log: %s", diagnostic.text);
    if (mtr_dedup_open(world->log, KEY, world->options.dedup_window_us, world->now_us, &world->dedup, &diagnostic))
        fail_msg("dedup: %s", diagnostic.text);
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &world->options, on_answer, world, &world->intake), 0);
}

static void close_log(struct world *world)
{
    mtr_intake_close(world->intake);
    mtr_dedup_close(world->dedup);
    mtr_log_close(world->log);
}

static struct world *new_world(void)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    snprintf(world->directory, sizeof(world->directory), "/tmp/meterd-intake-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    snprintf(world->log_directory, sizeof(world->log_directory), "%s/log", world->directory);
    world->now_us = instant(NOW);
    world->log_options =
        (struct mtr_log_options){.segment_bytes = 1 << 20, .segment_events_max = 100000, .segment_age_us = MTR_US_PER_DAY * 400};
    world->options = (struct mtr_intake_options){.queue_bytes_max = 1 << 20, .queue_requests_max = 64, .commit_events_max = 1000,
                                                 .commit_bytes_max = 1 << 20, .dedup_window_us = 60 * MTR_US_PER_DAY,
                                                 .lateness_us = 55 * MTR_US_PER_DAY, .future_us = 300 * MTR_US_PER_SECOND,
                                                 .retention_us = 90 * MTR_US_PER_DAY, .grace_us = 2 * MTR_US_PER_DAY};
    char path[96];
    struct mtr_diagnostic diagnostic = {0};
    open_log(world);
    snprintf(path, sizeof(path), "%s/catalog", world->directory);
    if (mtr_catalog_store_open(path, false, &world->store, &diagnostic)) fail_msg("catalog: %s", diagnostic.text);
    apply(world, CATALOG);
    return world;
}

static void free_request(struct mtr_request *request)
{
    mtr_request_release(request);
    free(request);
}

static void free_answers(struct world *world)
{
    for (uint32_t i = 0; i < world->answer_count; i++) free_request(world->answers[i]);
    world->answer_count = 0;
}

static void free_world(struct world *world)
{
    char command[128];
    free_answers(world);
    close_log(world);
    mtr_catalog_release(world->catalog);
    mtr_catalog_store_close(world->store);
    snprintf(command, sizeof(command), "/bin/rm -rf '%s'", world->directory);
    FILE *pipe = popen(command, "r");
    if (pipe) pclose(pipe);
    free(world);
}

/* One event as a row of a table. A data value is text "…", a number as written, or true/false, as JSON would have it. */
struct row {
    const char *what;
    const char *id, *type, *subject, *time;
    const char *data[6]; /* name, value, name, value … */
    enum mtr_result_code code;
    const char *field;
    const char *reason; /* a part of it */
    int stored;         /* events that the log has more than before */
};

static struct mtr_request *new_request(uint32_t capacity)
{
    struct mtr_request *request = calloc(1, sizeof(*request));
    assert_non_null(request);
    mtr_request_init(request, 8 << 20);
    request->vendor = MTR_STR("acme");
    request->events = mtr_arena_calloc(&request->arena, capacity, sizeof(*request->events));
    request->results = mtr_arena_calloc(&request->arena, capacity, sizeof(*request->results));
    assert_true(request->events && request->results);
    request->body_bytes = 100;
    return request;
}

static struct mtr_property property_of(const char *name, const char *value)
{
    struct mtr_property property = {.name = mtr_str_from(name), .kind = MTR_PROPERTY_NUMBER};
    if (value[0] == '"') {
        property.kind = MTR_PROPERTY_STRING;
        property.text = (struct mtr_str){value + 1, strlen(value) - 1};
    } else if (strcmp(value, "true") == 0) {
        property.kind = MTR_PROPERTY_TRUE;
    } else if (strcmp(value, "false") == 0) {
        property.kind = MTR_PROPERTY_FALSE;
    } else {
        assert_int_equal(mtr_decimal_parse(mtr_str_from(value), &property.number), 0);
    }
    return property;
}

static void add_event(struct mtr_request *request, const struct row *row, int64_t now_us)
{
    struct mtr_property *properties = mtr_arena_calloc(&request->arena, 3, sizeof(*properties));
    uint32_t count = 0;
    for (; count < 3 && row->data[count * 2]; count++) properties[count] = property_of(row->data[count * 2], row->data[count * 2 + 1]);
    request->events[request->count++] = (struct mtr_event){
        .vendor = request->vendor, .source = MTR_STR("east"), .id = mtr_str_from(row->id), .type = mtr_str_from(row->type),
        .subject = mtr_str_from(row->subject), .time_us = row->time ? instant(row->time) : now_us, .time_given = row->time != NULL,
        .properties = properties, .property_count = count};
}

static void step(struct world *world)
{
    uint32_t committed;
    assert_int_equal(mtr_intake_step(world->intake, world->catalog, world->now_us, &committed), 0);
}

/* Sends rows as one request and returns its answer, valid until free_answers. */
static struct mtr_request *send_rows(struct world *world, const struct row *rows, uint32_t count)
{
    struct mtr_request *request = new_request(count);
    for (uint32_t i = 0; i < count; i++) add_event(request, &rows[i], world->now_us);
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
    step(world);
    assert_ptr_equal(world->answers[world->answer_count - 1], request);
    assert_int_equal(request->error, 0);
    return request;
}

static void check_row(const struct row *row, const struct mtr_event_result *result, uint64_t stored)
{
    if (result->code != row->code)
        fail_msg("%s: %s, not %s (%s: %s)", row->what, mtr_result_name(result->code), mtr_result_name(row->code),
                 result->field ? result->field : "", result->reason ? result->reason : "");
    if ((row->field != NULL) != (result->field != NULL) || (row->field && strcmp(row->field, result->field) != 0))
        fail_msg("%s: field %s, not %s", row->what, result->field ? result->field : "none", row->field ? row->field : "none");
    if ((row->reason != NULL) != (result->reason != NULL) || (row->reason && !strstr(result->reason, row->reason)))
        fail_msg("%s: reason %s, not %s", row->what, result->reason ? result->reason : "none", row->reason ? row->reason : "none");
    if (stored != (uint64_t)row->stored) fail_msg("%s: %llu stored, not %d", row->what, (unsigned long long)stored, row->stored);
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X200 X50 X50 X50 X50
#define T "2026-03-10T11:00:00Z"
#define SECONDS {"seconds", "1.5"}
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
    {"not a number", "a10", "cpu", "sub-1", T, {"seconds", "\"many"}, BAD(INVALID, "data.seconds", "must be a number"), .stored = 0},
    {"a bool is no number", "a11", "cpu", "sub-1", T, {"seconds", "true"}, BAD(INVALID, "data.seconds", "must be a number"), .stored = 0},
    {"13 digits", "a12", "cpu", "sub-1", T, {"seconds", "0.0000000000001"},
     BAD(INVALID, "data.seconds", "more than 12 digits"), .stored = 0},
    {"10^18", "a13", "cpu", "sub-1", T, {"seconds", "-1000000000000000000"}, OK_(ACCEPTED), .stored = 1},
    {"over 10^18", "a14", "cpu", "sub-1", T, {"seconds", "1000000000000000000.1"},
     BAD(INVALID, "data.seconds", "larger than 10^18"), .stored = 0},
    {"dimensions fit", "a15", "cpu", "sub-1", T, {"seconds", "1", "region", "\"" X200, "size", "\"" X50 X50 X50},
     OK_(ACCEPTED), .stored = 1},
    {"dimensions too long", "a16", "cpu", "sub-1", T, {"seconds", "1", "region", "\"" X200, "size", "\"" X200},
     BAD(INVALID, "data.size", "longer than 384 bytes"), .stored = 0},
    {"unit separator", "a17", "cpu", "sub-1", T, {"seconds", "1", "region", "\"a\x1f" "b"},
     BAD(INVALID, "data.region", "U+001F"), .stored = 0},
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
    } expected[] = {{MTR_DISPOSITION_NORMAL, 0, 1}, {MTR_DISPOSITION_CONFLICT, 1, 1}, {MTR_DISPOSITION_VOID, 1, 3},
                    {MTR_DISPOSITION_EXPIRED, 0, 4}, {MTR_DISPOSITION_FUTURE, 0, 5}};
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

static const struct row plain = {.id = "p", .type = "cpu", .subject = "sub-1", .time = T, .data = SECONDS};

static void submit_row(struct world *world, const struct row *row)
{
    struct mtr_request *request = new_request(1);
    add_event(request, row, world->now_us);
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
}

/* Two requests of one group commit: the first wins, the second is answered with it, by its sequence. */
static void test_repeats_across_requests_in_flight(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row other = plain;
    other.data[1] = "2";
    submit_row(world, &plain);
    submit_row(world, &plain);
    submit_row(world, &other);
    assert_int_equal(world->answer_count, 0);
    step(world);
    static const enum mtr_result_code codes[] = {MTR_RESULT_ACCEPTED, MTR_RESULT_DUPLICATE, MTR_RESULT_CONFLICT};
    assert_int_equal(world->answer_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(world->answers[i]->results[0].code, codes[i]);
        assert_int_equal(world->answers[i]->results[0].seq, 1);
    }
    assert_int_equal(mtr_log_last_seq(world->log), 2);
    free_world(world);
}

static void test_decoder_faults_stay_and_are_counted(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct mtr_request *request = new_request(2);
    add_event(request, &plain, world->now_us);
    add_event(request, &plain, world->now_us);
    request->results[0] = (struct mtr_event_result){.code = MTR_RESULT_INVALID, .field = "time", .reason = "not a time"};
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
    step(world);
    assert_int_equal(request->results[0].code, MTR_RESULT_INVALID);
    assert_string_equal(request->results[0].reason, "not a time");
    assert_int_equal(request->results[1].code, MTR_RESULT_ACCEPTED);
    assert_int_equal(request->counts[MTR_RESULT_INVALID], 1);
    struct mtr_buffer json;
    mtr_buffer_init(&json, 4096);
    assert_int_equal(mtr_request_write_json(request, &json), 0);
    assert_int_equal(mtr_buffer_append_char(&json, '\0'), 0);
    assert_string_equal(json.data, "{\"accepted\":1,\"duplicate\":0,\"held\":0,\"late\":0,\"voided\":0,\"conflict\":0,"
                                   "\"expired\":0,\"future\":0,"
                                   "\"invalid\":1,\"not_active\":0,\"not_authorized\":0,\"unprocessed\":0,\"results\":[{\"index\":0,"
                                   "\"id\":\"p\",\"result\":\"invalid\",\"class\":\"fix\",\"field\":\"time\",\"reason\":\"not a time\"}]}");
    mtr_buffer_release(&json);
    free_world(world);
}

/* A retry is a duplicate whatever became of the catalog meanwhile. */
static void test_retry_after_a_catalog_change(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row held = plain;
    held.subject = "sub-2";
    assert_int_equal(send_rows(world, &held, 1)->results[0].code, MTR_RESULT_HELD);
    apply(world, "subscriptions:\n  - {key: sub-2, service: compute, customer: c, tariff: standard, start: 2026-01-01, end: 2026-02-01}\n");
    assert_int_equal(send_rows(world, &held, 1)->results[0].code, MTR_RESULT_DUPLICATE);
    held.id = "p2";
    assert_int_equal(send_rows(world, &held, 1)->results[0].code, MTR_RESULT_NOT_ACTIVE);
    free_world(world);
}

static void test_bounds_of_queue_and_group(void **state)
{
    (void)state;
    struct world *world = new_world();
    mtr_intake_close(world->intake);
    world->options.queue_requests_max = 3;
    world->options.queue_bytes_max = 250;
    world->options.commit_events_max = 3;
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &world->options, on_answer, world, &world->intake), 0);
    struct row rows[4];
    char ids[4][4];
    for (int i = 0; i < 4; i++) {
        snprintf(ids[i], sizeof(ids[i]), "g%d", i);
        rows[i] = plain;
        rows[i].id = ids[i];
    }
    struct mtr_request *requests[3];
    for (int i = 0; i < 3; i++) {
        requests[i] = new_request(4);
        for (int j = 0; j < 2; j++) add_event(requests[i], &rows[(i * 2 + j) % 4], world->now_us);
    }
    assert_int_equal(mtr_intake_submit(world->intake, requests[0]), 0);
    assert_int_equal(mtr_intake_submit(world->intake, requests[1]), 0);
    assert_int_equal(mtr_intake_submit(world->intake, requests[2]), MTR_EFULL); /* bytes */
    requests[2]->body_bytes = 10;
    assert_int_equal(mtr_intake_submit(world->intake, requests[2]), 0);
    struct mtr_request *fourth = new_request(1);
    fourth->body_bytes = 0;
    assert_int_equal(mtr_intake_submit(world->intake, fourth), MTR_EFULL); /* requests */
    for (uint32_t i = 1; i <= 3; i++) { /* two events each, three fit: one request a commit, in order */
        step(world);
        assert_int_equal(world->answer_count, i);
        assert_ptr_equal(world->answers[i - 1], requests[i - 1]);
    }
    assert_false(mtr_intake_has_work(world->intake));
    fourth->body_bytes = 1 << 30; /* larger than the queue: waits alone */
    assert_int_equal(mtr_intake_submit(world->intake, fourth), 0);
    step(world);
    mtr_intake_drain(world->intake);
    struct mtr_request *fifth = new_request(1);
    assert_int_equal(mtr_intake_submit(world->intake, fifth), MTR_ECLOSED);
    free_request(fifth);
    free_world(world);
}

static void test_receive_time_never_goes_back(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row second = plain;
    second.id = "p2", second.time = "2026-03-10T12:04:00Z";
    send_rows(world, &plain, 1);
    int64_t first_us = world->now_us;
    world->now_us -= 3600 * MTR_US_PER_SECOND;
    assert_int_equal(send_rows(world, &second, 1)->results[0].code, MTR_RESULT_ACCEPTED); /* not future: judged by the receive time */
    assert_int_equal(mtr_log_last_received_us(world->log), first_us);
    free_world(world);
}

/* A disk that fails: everyone is told to send again, nobody is told "stored", and nothing goes in until recovery. */
static void test_failed_append_refuses_everything(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row other = plain;
    other.id = "p2";
    send_rows(world, &plain, 1);
    world->options.commit_events_max = 1;
    mtr_intake_close(world->intake);
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &world->options, on_answer, world, &world->intake), 0);
    submit_row(world, &other);
    submit_row(world, &plain);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    uint32_t committed;
    int rc = mtr_intake_step(world->intake, world->catalog, world->now_us, &committed);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, MTR_EIO);
    assert_int_equal(world->answer_count, 3);
    for (uint32_t i = 1; i < 3; i++) {
        assert_int_equal(world->answers[i]->error, MTR_EIO);
        assert_int_equal(world->answers[i]->results[0].code, MTR_RESULT_UNPROCESSED);
        assert_int_equal(world->answers[i]->counts[MTR_RESULT_UNPROCESSED], 1);
    }
    struct mtr_request *refused = new_request(1);
    assert_int_equal(mtr_intake_submit(world->intake, refused), MTR_ECLOSED);
    free_request(refused);
    free_answers(world);
    close_log(world);
    open_log(world); /* recovery: the second event is stored or new, the first is there */
    assert_int_equal(send_rows(world, &plain, 1)->results[0].code, MTR_RESULT_DUPLICATE);
    send_rows(world, &other, 1);
    assert_int_equal(send_rows(world, &other, 1)->results[0].code, MTR_RESULT_DUPLICATE);
    free_world(world);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

struct deferred {
    void (*work)(void *work_context);
    void *work_context;
};

static void defer(void *context, void (*work)(void *work_context), void *work_context)
{
    struct deferred *deferred = context;
    assert_null(deferred->work);
    *deferred = (struct deferred){work, work_context};
}

static void housekeep(struct world *world, struct deferred *deferred, uint64_t *random)
{
    bool more;
    if (deferred->work && next_random(random) % 2) {
        deferred->work(deferred->work_context);
        *deferred = (struct deferred){0};
    }
    assert_int_equal(mtr_intake_housekeep(world->intake, world->now_us, mtr_log_last_seq(world->log), defer, deferred, &more), 0);
}

/* Housekeeping that is given its time seals every segment but the open one. */
static void check_everything_is_sealed(struct world *world, struct deferred *deferred)
{
    bool more = true;
    while (more) {
        if (deferred->work) deferred->work(deferred->work_context);
        *deferred = (struct deferred){0};
        assert_int_equal(mtr_intake_housekeep(world->intake, world->now_us, 0, defer, deferred, &more), 0);
        more |= deferred->work != NULL;
    }
    struct mtr_log_segment segments[256];
    uint32_t count = mtr_log_segments(world->log, segments, 256);
    assert_in_range(count, 10, 256);
    for (uint32_t i = 0; i < count; i++) assert_int_equal(segments[i].sealed, i + 1 < count);
    assert_int_equal(mtr_dedup_unsealed(world->dedup), 0);
    assert_int_equal(mtr_dedup_count(world->dedup), mtr_log_last_seq(world->log));
}

/* Random requests against a model that knows only: the first content of an id wins. */
static void test_random_requests_against_a_model(void **state)
{
    (void)state;
    enum { IDS = 800, ROUNDS = 250 };
    for (uint64_t seed = 1; seed <= 3; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        uint64_t random = seed * UINT64_C(0x9E3779B97F4A7C15);
        struct world *world = new_world();
        close_log(world);
        world->log_options.segment_events_max = 100;
        world->options.commit_events_max = 40;
        open_log(world);
        struct deferred deferred = {0};
        int first[IDS];
        uint64_t seqs[IDS] = {0};
        memset(first, -1, sizeof(first));
        for (int round = 0; round < ROUNDS; round++) {
            enum { REQUESTS = 4, EVENTS = 15 };
            int ids[REQUESTS][EVENTS], versions[REQUESTS][EVENTS];
            struct mtr_request *requests[REQUESTS];
            for (int r = 0; r < REQUESTS; r++) {
                requests[r] = new_request(EVENTS);
                for (int e = 0; e < EVENTS; e++) {
                    char id[16];
                    ids[r][e] = (int)(next_random(&random) % IDS);
                    versions[r][e] = (int)(next_random(&random) % 3);
                    snprintf(id, sizeof(id), "r%d", ids[r][e]);
                    struct row row = plain;
                    row.id = mtr_arena_strdup(&requests[r]->arena, mtr_str_from(id));
                    static const char *const values[] = {"1", "2", "3"};
                    row.data[1] = values[versions[r][e]];
                    add_event(requests[r], &row, world->now_us);
                }
                assert_int_equal(mtr_intake_submit(world->intake, requests[r]), 0);
            }
            while (mtr_intake_has_work(world->intake)) {
                step(world);
                housekeep(world, &deferred, &random);
            }
            for (int r = 0; r < REQUESTS; r++) {
                for (int e = 0; e < EVENTS; e++) {
                    int id = ids[r][e], version = versions[r][e];
                    const struct mtr_event_result *result = &requests[r]->results[e];
                    enum mtr_result_code code = first[id] == version ? MTR_RESULT_DUPLICATE : MTR_RESULT_CONFLICT;
                    if (first[id] < 0) code = MTR_RESULT_ACCEPTED;
                    assert_int_equal(result->code, code);
                    if (first[id] < 0) {
                        first[id] = version;
                        seqs[id] = result->seq;
                    }
                    assert_int_equal(result->seq, seqs[id]);
                }
            }
            free_answers(world);
            world->now_us += MTR_US_PER_SECOND;
            if (next_random(&random) % 40) continue;
            if (deferred.work) deferred.work(deferred.work_context);
            deferred = (struct deferred){0};
            close_log(world);
            open_log(world);
        }
        check_everything_is_sealed(world, &deferred);
        for (int id = 0; id < IDS; id++) {
            if (first[id] < 0) continue;
            struct row row = plain;
            char text[16];
            static const char *const values[] = {"1", "2", "3"};
            snprintf(text, sizeof(text), "r%d", id);
            row.id = text;
            row.data[1] = values[first[id]];
            const struct mtr_event_result *result = &send_rows(world, &row, 1)->results[0];
            assert_int_equal(result->code, MTR_RESULT_DUPLICATE);
            assert_int_equal(result->seq, seqs[id]);
            free_answers(world);
        }
        free_world(world);
    }
}

enum { SENDERS = 3, SENDER_REQUESTS = 60 };

struct sender {
    struct world *world;
    int number;
};

static void *run_sender(void *context)
{
    struct sender *sender = context;
    for (int i = 0; i < SENDER_REQUESTS;) {
        struct mtr_request *request = new_request(2);
        char id[32];
        struct row row = plain;
        snprintf(id, sizeof(id), "s%d-%d", sender->number, i);
        row.id = mtr_arena_strdup(&request->arena, mtr_str_from(id));
        add_event(request, &row, sender->world->now_us);
        row.id = mtr_arena_strdup(&request->arena, MTR_STR("shared"));
        add_event(request, &row, sender->world->now_us);
        if (mtr_intake_submit(sender->world->intake, request) == MTR_OK)
            i++;
        else
            free_request(request); /* full: pushed back */
    }
    return NULL;
}

static void test_submits_from_many_threads(void **state)
{
    (void)state;
    struct world *world = new_world();
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){world, i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_sender, &senders[i]), 0);
    }
    while (world->answer_count < SENDERS * SENDER_REQUESTS) step(world);
    for (int i = 0; i < SENDERS; i++) pthread_join(threads[i], NULL);
    uint32_t accepted = 0, duplicates = 0;
    for (uint32_t i = 0; i < world->answer_count; i++) {
        accepted += world->answers[i]->counts[MTR_RESULT_ACCEPTED];
        duplicates += world->answers[i]->counts[MTR_RESULT_DUPLICATE];
    }
    assert_int_equal(accepted, SENDERS * SENDER_REQUESTS + 1);
    assert_int_equal(duplicates, SENDERS * SENDER_REQUESTS - 1);
    free_world(world);
}

/* A file system of its own, of 24 MiB. False where the kernel does not let this process mount. */
static bool mount_small_disk(const char *directory)
{
    if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0))) return false;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) return false;
    return mount("tmpfs", directory, "tmpfs", 0, "size=24m") == 0;
}

static void fill_disk(const char *path)
{
    static const char bytes[65536];
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    while (write(file, bytes, sizeof(bytes)) > 0) continue;
    close(file);
}

/* A full disk pushes back, request by request; nothing is stored, nothing is lost, and it goes on when there is room. Runs last. */
static void test_full_disk(void **state)
{
    (void)state;
    struct world *world = new_world();
    char filler[128], ids[400][8];
    close_log(world);
    snprintf(world->log_directory, sizeof(world->log_directory), "%s/disk", world->directory);
    snprintf(filler, sizeof(filler), "%s/filler", world->log_directory);
    assert_int_equal(mkdir(world->log_directory, 0700), 0);
    bool is_small = mount_small_disk(world->log_directory);
    world->log_options.segment_events_max = 100;
    open_log(world);
    if (!is_small) {
        print_message("skipped: this process may not mount a small disk\n");
        free_world(world);
        return;
    }
    fill_disk(filler);
    int sent = 0, rc = 0;
    for (; !rc && sent < 400; sent++) {
        uint32_t committed;
        struct row row = plain;
        snprintf(ids[sent], sizeof(ids[sent]), "f%d", sent);
        row.id = ids[sent];
        submit_row(world, &row);
        rc = mtr_intake_step(world->intake, world->catalog, world->now_us, &committed);
        if (rc) break;
    }
    assert_int_equal(rc, MTR_EFULL);
    const struct mtr_request *refused = world->answers[world->answer_count - 1];
    assert_int_equal(refused->error, MTR_EFULL);
    assert_int_equal(refused->results[0].code, MTR_RESULT_UNPROCESSED);
    assert_int_equal(mtr_log_last_seq(world->log), sent);
    assert_int_equal(unlink(filler), 0);
    for (int i = 0; i <= sent; i++) {
        struct row row = plain;
        row.id = ids[i];
        assert_int_equal(send_rows(world, &row, 1)->results[0].code, i < sent ? MTR_RESULT_DUPLICATE : MTR_RESULT_ACCEPTED);
    }
    free_answers(world);
    close_log(world);
    assert_int_equal(umount(world->log_directory), 0);
    open_log(world);
    free_world(world);
}

static void test_options_that_contradict(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct mtr_intake *intake;
    struct mtr_intake_options options = world->options;
    options.lateness_us = options.dedup_window_us + 1;
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &options, on_answer, world, &intake), MTR_EINVALID);
    options = world->options;
    options.dedup_window_us = options.retention_us + 1;
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &options, on_answer, world, &intake), MTR_EINVALID);
    options = world->options;
    options.commit_events_max = MTR_BLOCK_EVENTS_MAX + 1;
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &options, on_answer, world, &intake), MTR_EINVALID);
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judgements_one_by_one),
        cmocka_unit_test(test_judgements_in_one_request),
        cmocka_unit_test(test_what_is_stored),
        cmocka_unit_test(test_repeats_across_requests_in_flight),
        cmocka_unit_test(test_decoder_faults_stay_and_are_counted),
        cmocka_unit_test(test_retry_after_a_catalog_change),
        cmocka_unit_test(test_bounds_of_queue_and_group),
        cmocka_unit_test(test_receive_time_never_goes_back),
        cmocka_unit_test(test_failed_append_refuses_everything),
        cmocka_unit_test(test_random_requests_against_a_model),
        cmocka_unit_test(test_submits_from_many_threads),
        cmocka_unit_test(test_options_that_contradict),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
