/*
 * Bodies for tests of the decoders: a row is an input, and what it comes to as text.
 */
#ifndef METERD_TESTS_SUPPORT_DECODE_WORLD_H
#define METERD_TESTS_SUPPORT_DECODE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/collector/decode.h"
#include "meterd/core/limits.h"

#define JSON "application/json"
#define NDJSON "application/x-ndjson"
#define MSGPACK "application/msgpack"
#define BODY(literal) {"" literal, sizeof(literal) - 1}
/* An event that is right but for what a row adds. */
#define HEAD "\"id\":\"e\",\"type\":\"t\",\"subject\":\"s\""
#define EVENT "{" HEAD "}"
#define DATA(members) "{" HEAD ",\"data\":{" members "}}"

enum { RECEIVED_US = 1700000000, BODY_MAX = 64 << 10, EVENTS_MAX = 8 };

struct row {
    const char *content_type;
    struct mtr_str body;
    const char *expected;
};

static inline void request_open(struct mtr_request *request)
{
    *request = (struct mtr_request){.vendor = MTR_STR("acme")};
    mtr_arena_init(&request->arena, 4096, 4 << 20);
}

/* The outcome as one line. */
static inline void render(int rc, const struct mtr_diagnostic *diagnostic, const struct mtr_request *request,
                          struct mtr_buffer *out)
{
    mtr_buffer_reset(out);
    if (rc) {
        assert_int_equal(mtr_buffer_printf(out, "%s@%lu: %s", mtr_error_name(rc),
                                           (unsigned long)diagnostic->offset, diagnostic->text),
                         0);
        assert_int_equal(request->count, 0);
        return;
    }
    for (uint32_t i = 0; i < request->count; i++) {
        const struct mtr_event_result *result = &request->results[i];
        bool invalid = result->code == MTR_RESULT_INVALID;
        assert_true(invalid || result->code == MTR_RESULT_ACCEPTED);
        assert_int_equal(mtr_buffer_printf(out, "%s%s%s%s%s%s", i ? " | " : "", invalid ? "invalid" : "ok",
                                           result->field ? " " : "", result->field ? result->field : "",
                                           invalid ? ": " : "", invalid ? result->reason : ""),
                         0);
    }
}

static inline bool check(const char *name, const struct mtr_decode_input *input, const char *expected)
{
    struct mtr_request request;
    struct mtr_buffer text;
    struct mtr_diagnostic diagnostic = {.offset = 0};
    request_open(&request);
    mtr_buffer_init(&text, 1 << 20);
    /* An exact copy on the heap, so that the sanitizer sees a read past the end. */
    struct mtr_decode_input copy = *input;
    char *body = malloc(input->body.size + 1);
    assert_non_null(body);
    char *exact = body + 1;
    if (input->body.size) memcpy(exact, input->body.data, input->body.size);
    copy.body.data = exact;
    int rc = mtr_decode(&copy, &request, &diagnostic);
    free(body);
    render(rc, &diagnostic, &request, &text);
    bool same = mtr_str_equal(mtr_buffer_str(&text), mtr_str_from(expected));
    if (!same)
        fprintf(stderr, "%s\n  expected: %s\n  got:      %.*s\n", name, expected,
                MTR_STR_ARGS(mtr_buffer_str(&text)));
    mtr_buffer_release(&text);
    mtr_arena_release(&request.arena);
    return same;
}

static inline void check_rows(const struct row *rows, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        char name[40];
        struct mtr_decode_input input = {.body = rows[i].body,
                                         .content_type = mtr_str_from(rows[i].content_type),
                                         .body_bytes_max = BODY_MAX,
                                         .events_max = EVENTS_MAX,
                                         .received_us = RECEIVED_US};
        snprintf(name, sizeof(name), "row %zu", i);
        wrong += !check(name, &input, rows[i].expected);
    }
    assert_int_equal(wrong, 0);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof(*(rows)))

#endif
