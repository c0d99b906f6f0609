/*
 * The law of the formats: the same events through plain JSON, a CloudEvents batch, NDJSON, msgpack maps,
 * compact rows and binary mode, plain or compressed, give the same events, to the digest. Seeded;
 * METERD_SEED=n repeats a run.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack.h>
#include <zstd.h>

#include "meterd/collector/decode.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/time.h"
#include "tests/support/random_events.h"

enum { EVENTS = 40, ROUNDS = 60, BODY_MAX = 8 << 20, RECEIVED_US = 77 };

static const char *const property_names[] = {"bytes", "région", "a.b", "ok", "quote\"d", "count"};
enum { NAMES = sizeof(property_names) / sizeof(*property_names) };

/* Text without control characters: what an attribute may hold. */
static struct mtr_str attribute_text(struct random_source *random, struct mtr_arena *arena, size_t size_max)
{
    struct mtr_str text = random_text(random, arena, 1 + random_below(random, size_max));
    char *copy = mtr_arena_strdup(arena, text);
    assert_non_null(copy);
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)copy[i] < 0x20) copy[i] = '_';
    return (struct mtr_str){copy, text.size};
}

/* msgpack has no decimals: exact events keep their numbers integers of 64 bits. */
static void make_property(struct random_source *random, struct mtr_arena *arena, bool integers,
                          struct mtr_property *property)
{
    property->kind = (enum mtr_property_kind)random_below(random, 4);
    if (property->kind == MTR_PROPERTY_STRING)
        property->text = random_text(random, arena, random_below(random, 60));
    if (property->kind != MTR_PROPERTY_NUMBER) return;
    property->number =
        integers ? (struct mtr_decimal){.mantissa = (int64_t)random_u64(random) >> random_below(random, 64)}
                 : random_number(random);
}

static void make_events(struct random_source *random, struct mtr_arena *arena, bool integers,
                        struct mtr_event *events)
{
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct mtr_property *properties = mtr_arena_calloc(arena, NAMES, sizeof(*properties));
        assert_non_null(properties);
        events[i] = (struct mtr_event){.vendor = MTR_STR("acme"),
                                       .source = random_below(random, 3) ? attribute_text(random, arena, 20)
                                                                         : MTR_STR("acme"),
                                       .id = attribute_text(random, arena, 40),
                                       .type = attribute_text(random, arena, 20),
                                       .subject = attribute_text(random, arena, 20),
                                       .time_given = random_below(random, 4) != 0,
                                       .properties = properties};
        events[i].time_us =
            events[i].time_given ? (int64_t)random_below(random, UINT64_C(7258118400000000)) : RECEIVED_US;
        uint64_t names = random_below(random, 1u << NAMES);
        for (uint32_t name = 0; name < NAMES; name++) {
            if (!(names >> name & 1)) continue;
            struct mtr_property *property = &properties[events[i].property_count++];
            property->name = mtr_str_from(property_names[name]);
            make_property(random, arena, integers, property);
        }
    }
}

static void json_data(struct mtr_json_writer *json, const struct mtr_event *event)
{
    mtr_json_map(json);
    for (uint32_t i = 0; i < event->property_count; i++) {
        const struct mtr_property *property = &event->properties[i];
        char number[MTR_DECIMAL_TEXT_BYTES];
        mtr_json_name(json, property->name.data); /* a literal */
        switch (property->kind) {
        case MTR_PROPERTY_STRING: mtr_json_text(json, property->text); break;
        case MTR_PROPERTY_NUMBER:
            mtr_json_raw(json,
                         (struct mtr_str){number, (size_t)mtr_decimal_format(property->number, number)});
            break;
        default: mtr_json_bool(json, property->kind == MTR_PROPERTY_TRUE); break;
        }
    }
    mtr_json_map_end(json);
}

static void json_member(struct mtr_json_writer *json, const char *name, struct mtr_str text)
{
    mtr_json_name(json, name);
    mtr_json_text(json, text);
}

static void json_event(struct mtr_json_writer *json, const struct mtr_event *event, bool structured)
{
    mtr_json_map(json);
    if (structured) json_member(json, "specversion", MTR_STR("1.0"));
    json_member(json, "id", event->id);
    if (structured || !mtr_str_equal(event->source, event->vendor))
        json_member(json, "source", event->source);
    json_member(json, "type", event->type);
    json_member(json, "subject", event->subject);
    if (event->time_given) {
        mtr_json_name(json, "time");
        mtr_json_time(json, event->time_us);
    }
    mtr_json_name(json, "data");
    json_data(json, event);
    mtr_json_map_end(json);
}

static void encode_json(const struct mtr_event *events, struct mtr_buffer *out, bool structured)
{
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_list(&json);
    for (uint32_t i = 0; i < EVENTS; i++) json_event(&json, &events[i], structured);
    mtr_json_list_end(&json);
    assert_int_equal(mtr_json_finish(&json), MTR_OK);
}

static void encode_ndjson(const struct mtr_event *events, struct mtr_buffer *out)
{
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct mtr_json_writer json;
        mtr_json_begin(&json, out);
        json_event(&json, &events[i], false);
        assert_int_equal(mtr_json_finish(&json), MTR_OK);
        assert_int_equal(mtr_buffer_append_char(out, '\n'), MTR_OK);
    }
}

static int pack_bytes(void *out, const char *data, size_t size)
{
    return mtr_buffer_append(out, data, size);
}

static void pack_text(msgpack_packer *packer, struct mtr_str text)
{
    msgpack_pack_str(packer, text.size);
    msgpack_pack_str_body(packer, text.data, text.size);
}

static void pack_property(msgpack_packer *packer, const struct mtr_property *property)
{
    if (!property) {
        msgpack_pack_nil(packer);
    } else if (property->kind == MTR_PROPERTY_STRING) {
        pack_text(packer, property->text);
    } else if (property->kind == MTR_PROPERTY_NUMBER) {
        msgpack_pack_int64(packer, (int64_t)property->number.mantissa);
    } else if (property->kind == MTR_PROPERTY_TRUE) {
        msgpack_pack_true(packer);
    } else {
        msgpack_pack_false(packer);
    }
}

/* As text or as microseconds, by turns. */
static void pack_time(msgpack_packer *packer, const struct mtr_event *event)
{
    char text[MTR_TIME_TEXT_BYTES];
    if (!event->time_given) {
        msgpack_pack_nil(packer);
    } else if (event->time_us % 2) {
        msgpack_pack_int64(packer, event->time_us);
    } else {
        mtr_time_format(event->time_us, text);
        pack_text(packer, mtr_str_from(text));
    }
}

static void encode_maps(const struct mtr_event *events, struct mtr_buffer *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, pack_bytes);
    msgpack_pack_array(&packer, EVENTS);
    for (uint32_t i = 0; i < EVENTS; i++) {
        const struct mtr_event *event = &events[i];
        msgpack_pack_map(&packer, 6);
        pack_text(&packer, MTR_STR("data"));
        msgpack_pack_map(&packer, event->property_count);
        for (uint32_t j = 0; j < event->property_count; j++) {
            pack_text(&packer, event->properties[j].name);
            pack_property(&packer, &event->properties[j]);
        }
        pack_text(&packer, MTR_STR("subject"));
        pack_text(&packer, event->subject);
        pack_text(&packer, MTR_STR("type"));
        pack_text(&packer, event->type);
        pack_text(&packer, MTR_STR("time"));
        pack_time(&packer, event);
        pack_text(&packer, MTR_STR("source"));
        pack_text(&packer, event->source);
        pack_text(&packer, MTR_STR("id"));
        pack_text(&packer, event->id);
    }
}

static void pack_fields(msgpack_packer *packer)
{
    static const char *const attributes[] = {"id", "source", "type", "subject", "time"};
    char name[64];
    pack_text(packer, MTR_STR("fields"));
    msgpack_pack_array(packer, 5 + NAMES);
    for (int i = 0; i < 5; i++) pack_text(packer, mtr_str_from(attributes[i]));
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "data.%s", property_names[i]);
        pack_text(packer, mtr_str_from(name));
    }
}

static void pack_rows(msgpack_packer *packer, const struct mtr_event *events)
{
    pack_text(packer, MTR_STR("rows"));
    msgpack_pack_array(packer, EVENTS);
    for (uint32_t i = 0; i < EVENTS; i++) {
        msgpack_pack_array(packer, 5 + NAMES);
        pack_text(packer, events[i].id);
        pack_text(packer, events[i].source);
        pack_text(packer, events[i].type);
        pack_text(packer, events[i].subject);
        pack_time(packer, &events[i]);
        for (int j = 0; j < NAMES; j++)
            pack_property(packer, mtr_event_property(&events[i], mtr_str_from(property_names[j])));
    }
}

static void encode_rows(const struct mtr_event *events, struct mtr_buffer *out, bool rows_first)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, pack_bytes);
    msgpack_pack_map(&packer, 2);
    if (rows_first) pack_rows(&packer, events);
    pack_fields(&packer);
    if (!rows_first) pack_rows(&packer, events);
}

static void check_event(const struct mtr_event *expected, const struct mtr_event *event)
{
    assert_true(mtr_str_equal(expected->vendor, event->vendor));
    assert_true(mtr_str_equal(expected->source, event->source));
    assert_true(mtr_str_equal(expected->id, event->id));
    assert_true(mtr_str_equal(expected->type, event->type));
    assert_true(mtr_str_equal(expected->subject, event->subject));
    assert_int_equal(expected->time_us, event->time_us);
    assert_int_equal(expected->time_given, event->time_given);
    assert_int_equal(expected->property_count, event->property_count);
    assert_true(mtr_event_digest(expected) == mtr_event_digest(event));
}

static void check_input(struct mtr_decode_input input, const struct mtr_event *events, uint32_t count)
{
    struct mtr_request request = {.vendor = MTR_STR("acme")};
    struct mtr_diagnostic diagnostic;
    input.body_bytes_max = BODY_MAX;
    input.events_max = EVENTS;
    input.received_us = RECEIVED_US;
    mtr_arena_init(&request.arena, 4096, 4 * BODY_MAX);
    if (mtr_decode(&input, &request, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(request.count, count);
    for (uint32_t i = 0; i < count; i++) {
        if (request.results[i].code != MTR_RESULT_ACCEPTED)
            fail_msg("%s: %s", request.results[i].field, request.results[i].reason);
        check_event(&events[i], &request.events[i]);
    }
    mtr_arena_release(&request.arena);
}

/* Plain and through zstd. */
static void check_body(const char *content_type, struct mtr_buffer *body, const struct mtr_event *events)
{
    struct mtr_decode_input input = {.body = mtr_buffer_str(body),
                                     .content_type = mtr_str_from(content_type)};
    check_input(input, events, EVENTS);
    size_t bound = ZSTD_compressBound(body->size);
    char *packed = malloc(bound);
    assert_non_null(packed);
    input.body = (struct mtr_str){packed, ZSTD_compress(packed, bound, body->data, body->size, 1)};
    input.content_encoding = MTR_STR("zstd");
    check_input(input, events, EVENTS);
    free(packed);
    mtr_buffer_reset(body);
}

static struct mtr_str percent_encode(struct mtr_arena *arena, struct mtr_str text)
{
    char *out = mtr_arena_alloc(arena, text.size * 3 + 1);
    assert_non_null(out);
    for (size_t i = 0; i < text.size; i++) snprintf(out + i * 3, 4, "%%%02X", (unsigned char)text.data[i]);
    return (struct mtr_str){out, text.size * 3};
}

static void check_binary(struct mtr_arena *arena, struct mtr_buffer *body, const struct mtr_event *event)
{
    struct mtr_json_writer json;
    char time[MTR_TIME_TEXT_BYTES];
    struct mtr_decode_header headers[6] = {
        {MTR_STR("specversion"), MTR_STR("1.0")},
        {MTR_STR("id"), percent_encode(arena, event->id)},
        {MTR_STR("source"), percent_encode(arena, event->source)},
        {MTR_STR("type"), percent_encode(arena, event->type)},
        {MTR_STR("subject"), percent_encode(arena, event->subject)},
    };
    mtr_time_format(event->time_us, time);
    headers[5] = (struct mtr_decode_header){MTR_STR("time"), mtr_str_from(time)};
    mtr_buffer_reset(body);
    mtr_json_begin(&json, body);
    json_data(&json, event);
    assert_int_equal(mtr_json_finish(&json), MTR_OK);
    check_input((struct mtr_decode_input){.body = mtr_buffer_str(body),
                                          .content_type = MTR_STR("application/json"),
                                          .headers = headers,
                                          .header_count = event->time_given ? 6 : 5},
                event, 1);
}

static void test_formats_agree(void **state)
{
    (void)state;
    const char *seed_text = getenv("METERD_SEED");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    struct random_source random = {seed};
    struct mtr_event events[EVENTS];
    struct mtr_arena arena;
    struct mtr_buffer body;
    printf("METERD_SEED=%" PRIu64 "\n", seed);
    mtr_arena_init(&arena, 64 << 10, 64 << 20);
    mtr_buffer_init(&body, BODY_MAX);
    for (int round = 0; round < ROUNDS; round++) {
        bool integers = round % 2 == 0;
        mtr_arena_reset(&arena);
        make_events(&random, &arena, integers, events);
        encode_json(events, &body, false);
        check_body("application/json", &body, events);
        encode_json(events, &body, true);
        check_body("application/cloudevents-batch+json", &body, events);
        encode_ndjson(events, &body);
        check_body("application/x-ndjson", &body, events);
        for (uint32_t i = 0; i < EVENTS; i += 5) check_binary(&arena, &body, &events[i]);
        mtr_buffer_reset(&body);
        if (!integers) continue;
        encode_maps(events, &body);
        check_body("application/msgpack", &body, events);
        encode_rows(events, &body, false);
        check_body("application/msgpack", &body, events);
        encode_rows(events, &body, true);
        check_body("application/msgpack", &body, events);
    }
    mtr_buffer_release(&body);
    mtr_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formats_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
