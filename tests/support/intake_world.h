/*
 * A world for tests of the intake: a real log, dedup index and catalog in a directory of its own, and
 * requests made from rows.
 */
#ifndef METERD_TESTS_SUPPORT_INTAKE_WORLD_H
#define METERD_TESTS_SUPPORT_INTAKE_WORLD_H

#include "meterd/collector/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/catalog/store.h"
#include "meterd/core/time.h"
#include "tests/support/directory.h"

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
                              "  - {key: energy, service: compute, event_type: charged, value: kwh, spread_over: seconds}\n"
                              "  - {key: tokens, service: compute, event_type: ai, value: tokens}\n"
                              "  - {key: cached, service: compute, event_type: ai, value: cached, filter: {tier: [paid]}}\n"
                              "  - {key: watts, service: compute, event_type: ai, value: wh, spread_over: seconds}\n"
                              "  - {key: reads, service: compute, event_type: io, aggregation: count}\n"
                              "  - {key: sizes, service: compute, event_type: io, value: size, missing: invalid}\n"
                              "  - {key: nodes, service: compute, event_type: up, spread_over: seconds, min: 1, max: 86400}\n"
                              "  - {key: disk, service: compute, event_type: disk.held, value: byte_seconds, factor: 0.000000001, max: 1000000000000}\n"
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
                              "  - {key: lapsed, service: compute, customer: c, tariff: standard, start: 2026-03-02, end: 2026-03-05}\n"
                              "  - {key: leaving, service: compute, customer: c, tariff: standard, start: 2026-01-01, end: '2026-03-10T11:30:00Z'}\n"
                              "  - {key: leaves, service: compute, customer: c, tariff: standard, start: 2026-01-01, end: '2026-03-08T12:00:00Z'}\n"
                              "  - {key: rival-1, service: storage, customer: c, tariff: standard, start: 2026-01-01}\n";

static const char NOW[] = "2026-03-10T12:00:00Z";

enum { ANSWERS_MAX = 1024 };

struct world {
    char directory[DIRECTORY_PATH_BYTES];
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

static inline int64_t instant(const char *text)
{
    int64_t time_us;
    assert_int_equal(mtr_time_parse(mtr_str_from(text), &time_us), 0);
    return time_us;
}

/* What is told to be stored stands in the log by then. */
static inline void on_answer(void *context, struct mtr_request *request)
{
    struct world *world = context;
    for (uint32_t i = 0; !request->error && i < request->count; i++)
        assert_true(request->results[i].seq <= mtr_log_last_seq(world->log));
    assert_true(world->answer_count < ANSWERS_MAX);
    world->answers[world->answer_count++] = request;
}

static inline void apply(struct world *world, const char *text)
{
    struct mtr_catalog_change change;
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 8);
    const struct mtr_catalog_edit edit = {
        .text = mtr_str_from(text), .who = MTR_STR("test"), .now_us = world->now_us};
    int rc = mtr_catalog_store_apply(world->store, &edit, &change, &findings);
    if (rc) fail_msg("catalog: %s", findings.count ? findings.items[0].text : mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
    mtr_catalog_release(world->catalog);
    world->catalog = mtr_catalog_store_snapshot(world->store);
}

static inline void open_log(struct world *world)
{
    struct mtr_diagnostic diagnostic = {0};
    if (mtr_log_open(world->log_directory, &world->log_options, &world->log, &diagnostic))
        fail_msg("log: %s", diagnostic.text);
    if (mtr_dedup_open(world->log, KEY, mtr_intake_identity_window_us(&world->options), world->now_us,
                       &world->dedup, &diagnostic))
        fail_msg("dedup: %s", diagnostic.text);
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &world->options, &world->intake), 0);
}

static inline void close_log(struct world *world)
{
    mtr_intake_close(world->intake);
    mtr_dedup_close(world->dedup);
    mtr_log_close(world->log);
}

static inline struct world *new_world(void)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    make_temporary_in_memory(world->directory);
    snprintf(world->log_directory, sizeof(world->log_directory), "%s/log", world->directory);
    world->now_us = instant(NOW);
    world->log_options =
        (struct mtr_log_options){.segment_bytes = 1 << 20, .segment_events_max = 100000, .segment_age_us = MTR_US_PER_DAY * 400};
    world->options = (struct mtr_intake_options){.queue_bytes_max = 1 << 20, .queue_requests_max = 64, .commit_events_max = 1000,
                                                 .commit_bytes_max = 1 << 20, .dedup_window_us = 60 * MTR_US_PER_DAY,
                                                 .lateness_us = 55 * MTR_US_PER_DAY, .future_us = 300 * MTR_US_PER_SECOND,
                                                 .retention_us = 90 * MTR_US_PER_DAY, .grace_us = 2 * MTR_US_PER_DAY,
                                                 .on_answer = on_answer, .context = world};
    char path[96];
    struct mtr_diagnostic diagnostic = {0};
    open_log(world);
    snprintf(path, sizeof(path), "%s/catalog", world->directory);
    if (mtr_catalog_store_open(path, false, &world->store, &diagnostic))
        fail_msg("catalog: %s", diagnostic.text);
    apply(world, CATALOG);
    return world;
}

static inline void free_request(struct mtr_request *request)
{
    mtr_request_release(request);
    free(request);
}

static inline void free_answers(struct world *world)
{
    for (uint32_t i = 0; i < world->answer_count; i++) free_request(world->answers[i]);
    world->answer_count = 0;
}

static inline void free_world(struct world *world)
{
    free_answers(world);
    close_log(world);
    mtr_catalog_release(world->catalog);
    mtr_catalog_store_close(world->store);
    remove_tree(world->directory);
    free(world);
}

/* One event as a row of a table. A data value is text "…", a number as written, or true/false, as JSON
 * would have it. */
struct row {
    const char *what;
    const char *id, *type, *subject, *time;
    const char *data[6]; /* name, value, name, value … */
    enum mtr_result_code code;
    const char *field;
    const char *reason; /* a part of it */
    int stored;         /* events that the log has more than before */
    const char *not_counted; /* keys of meters, each with a blank behind */
};

static inline struct mtr_request *new_request(uint32_t capacity)
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

static inline struct mtr_property property_of(const char *name, const char *value)
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

static inline void add_event(struct mtr_request *request, const struct row *row, int64_t now_us)
{
    struct mtr_property *properties = mtr_arena_calloc(&request->arena, 3, sizeof(*properties));
    uint32_t count = 0;
    for (; count < 3 && row->data[count * 2]; count++)
        properties[count] = property_of(row->data[count * 2], row->data[count * 2 + 1]);
    request->events[request->count++] = (struct mtr_event){.vendor = request->vendor,
                                                           .source = MTR_STR("east"),
                                                           .id = mtr_str_from(row->id),
                                                           .type = mtr_str_from(row->type),
                                                           .subject = mtr_str_from(row->subject),
                                                           .time_us = row->time ? instant(row->time) : now_us,
                                                           .time_given = row->time != NULL,
                                                           .properties = properties,
                                                           .property_count = count};
}

static inline void step(struct world *world)
{
    uint32_t committed;
    assert_int_equal(mtr_intake_step(world->intake, world->catalog, mtr_trusted_at(world->now_us), &committed), 0);
}

/* Sends rows as one request and returns its answer, valid until free_answers. */
static inline struct mtr_request *send_rows(struct world *world, const struct row *rows, uint32_t count)
{
    struct mtr_request *request = new_request(count);
    for (uint32_t i = 0; i < count; i++) add_event(request, &rows[i], world->now_us);
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
    step(world);
    assert_ptr_equal(world->answers[world->answer_count - 1], request);
    assert_int_equal(request->error, 0);
    return request;
}

#define T "2026-03-10T11:00:00Z"
#define SECONDS {"seconds", "1.5"}
static const struct row plain = {.id = "p", .type = "cpu", .subject = "sub-1", .time = T, .data = SECONDS};

#endif
