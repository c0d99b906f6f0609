/*
 * Answers of API handlers, and their query parameters. Pool threads; everything is in the call.
 */
#include "daemon/api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/time.h"
#include "meterd/net/http.h"

void api_write_problem(struct mtr_json_writer *json, unsigned status, const char *detail)
{
    mtr_json_map(json);
    mtr_json_name(json, "type");
    mtr_json_cstr(json, "about:blank");
    mtr_json_name(json, "title");
    mtr_json_cstr(json, mtr_http_reason(status));
    mtr_json_name(json, "status");
    mtr_json_u64(json, status);
    mtr_json_name(json, "detail");
    mtr_json_cstr(json, detail);
}

static void begin_problem(struct api_call *call, unsigned status, const char *detail,
                          struct mtr_json_writer *json)
{
    call->status = status;
    call->answer_type = "application/problem+json";
    call->paged = false;
    api_pack_release(&call->stream.pack);
    mtr_buffer_reset(&call->answer);
    mtr_json_begin(json, &call->answer);
    api_write_problem(json, status, detail);
}

static void end_problem(struct api_call *call, struct mtr_json_writer *json)
{
    mtr_json_map_end(json);
    if (mtr_json_finish(json)) mtr_buffer_reset(&call->answer);
}

void api_problem(struct api_call *call, unsigned status, const char *format, ...)
{
    char detail[512];
    struct mtr_json_writer json;
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    begin_problem(call, status, detail, &json);
    end_problem(call, &json);
}

void api_findings(struct api_call *call, unsigned status, const char *detail,
                      const struct mtr_diagnostics *findings)
{
    struct mtr_json_writer json;
    begin_problem(call, status, detail, &json);
    mtr_json_name(&json, "findings");
    mtr_json_findings(&json, findings);
    end_problem(call, &json);
}

void api_error(struct api_call *call, int error, const char *what)
{
    unsigned status = 500;
    if (error == MTR_ENOTFOUND) status = 404;
    else if (error == MTR_EINVALID) status = 400;
    else if (error == MTR_ELIMIT) status = 413;
    else if (error == MTR_EFULL || error == MTR_EAGAIN || error == MTR_ENOMEM) status = 503;
    api_problem(call, status, "%s: %s", what, mtr_error_text(error));
}

int api_pack_answer(struct api_call *call)
{
    const int rc = api_pack_put(&call->stream.pack, mtr_buffer_str(&call->answer));
    if (!rc) mtr_buffer_reset(&call->answer);
    return rc;
}

static int on_piece(void *context)
{
    return api_pack_answer(context);
}

void api_json(struct api_call *call, struct mtr_json_writer *json)
{
    call->status = 200;
    call->answer_type = "application/json";
    mtr_json_begin(json, &call->answer);
    mtr_json_hand_over(json, API_PIECE_BYTES, on_piece, call);
}

void api_json_end(struct api_call *call, struct mtr_json_writer *json)
{
    int rc = mtr_json_finish(json);
    if (rc) api_error(call, rc, "the answer is too large");
}

bool api_time(struct api_call *call, const char *name, int64_t *out_us)
{
    struct mtr_str text = api_text(call, name);
    if (!text.size || mtr_time_parse_date(text, out_us) == MTR_OK) return true;
    api_problem(call, 400,
                    "%s: '%.*s' is not a date (2026-03-01) or an RFC 3339 time (2026-03-01T00:00:00Z)", name,
                    MTR_STR_ARGS(text));
    return false;
}

bool api_u64(struct api_call *call, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
    struct mtr_str text = api_text(call, name);
    uint64_t value;
    if (!text.size) return true;
    if (mtr_str_to_u64(text, &value) && value >= min && value <= max) {
        *out = value;
        return true;
    }
    api_problem(call, 400, "%s: '%.*s' is not a whole number from %llu to %llu", name, MTR_STR_ARGS(text),
                    (unsigned long long)min, (unsigned long long)max);
    return false;
}

struct mtr_str api_text(struct api_call *call, const char *name)
{
    struct mtr_str value;
    return mtr_query_find(&call->query, name, &value) ? value : (struct mtr_str){NULL, 0};
}

bool api_flag(struct api_call *call, const char *name)
{
    struct mtr_str value;
    if (!mtr_query_find(&call->query, name, &value)) return false;
    return !mtr_str_equal(value, MTR_STR("false")) && !mtr_str_equal(value, MTR_STR("0"));
}

/* ---- the query against the route's rows ---- */

static const struct api_parameter *find_parameter(const struct api_route *route, struct mtr_str name)
{
    for (const struct api_parameter *row = route->parameters; row && row->name; row++)
        if (mtr_str_equal(mtr_str_from(row->name), name)) return row;
    return NULL;
}

static bool is_choice(const char *choices, struct mtr_str value)
{
    while (*choices) {
        size_t size = strcspn(choices, "|");
        if (mtr_str_equal((struct mtr_str){choices, size}, value)) return true;
        choices += size + (choices[size] == '|');
    }
    return false;
}

static bool is_given_before(const struct mtr_query *query, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (mtr_str_equal(query->parameters[i].name, query->parameters[index].name)) return true;
    return false;
}

bool api_check_query(struct api_call *call)
{
    for (uint32_t i = 0; i < call->query.count; i++) {
        struct mtr_str name = call->query.parameters[i].name, value = call->query.parameters[i].value;
        const struct api_parameter *row = find_parameter(call->route, name);
        if (!row) {
            api_problem(call, 400,
                            "%s has no query parameter '%.*s'; GET /v1/openapi.json lists those it has",
                            call->route->operation, MTR_STR_ARGS(name));
            return false;
        }
        bool is_boolean = strcmp(row->type, "boolean") == 0;
        const char *choices = is_boolean ? "true|false|1|0" : row->type;
        if ((is_boolean && !value.size) || !strchr(choices, '|') || is_choice(choices, value)) {
            if (row->repeatable || !is_given_before(&call->query, i)) continue;
            api_problem(call, 400, "%s is given twice", row->name);
        } else {
            api_problem(call, 400, "%s: '%.*s' is not one of %s", row->name, MTR_STR_ARGS(value),
                            choices);
        }
        return false;
    }
    return true;
}

/* One media range of an Accept header against one type: 2 exact, 1 by wildcard, 0 no. Parameters but q=0
 * are ignored. */
static int match_range(struct mtr_str range, struct mtr_str type)
{
    size_t end = 0;
    while (end < range.size && range.data[end] != ';') end++;
    struct mtr_str parameters = {range.data + end, range.size - end};
    while (end > 0 && range.data[end - 1] == ' ') end--;
    if (parameters.size >= 4 && memmem(parameters.data, parameters.size, "q=0", 3) &&
        !memmem(parameters.data, parameters.size, "q=0.", 4))
        return 0;
    struct mtr_str name = {range.data, end};
    if (mtr_str_equal(name, type)) return 2;
    if (mtr_str_equal(name, MTR_STR("*/*"))) return 1;
    bool subtype_any = name.size > 2 && memcmp(name.data + name.size - 2, "/*", 2) == 0;
    return subtype_any && type.size > name.size - 1 && memcmp(type.data, name.data, name.size - 1) == 0 ? 1
                                                                                                        : 0;
}

static struct mtr_str next_piece(struct mtr_str *text)
{
    size_t end = 0;
    while (end < text->size && text->data[end] != ',') end++;
    struct mtr_str piece = {text->data, end};
    size_t skip = end < text->size ? end + 1 : end;
    text->data += skip;
    text->size -= skip;
    while (piece.size && piece.data[0] == ' ') piece.data++, piece.size--;
    return piece;
}

int api_negotiate(struct api_call *call)
{
    if (!call->accept.size) return 0;
    int best = -1, best_match = 0, index = 0;
    struct mtr_str types = mtr_str_from(call->route->answer_types);
    for (struct mtr_str type = next_piece(&types); type.size; type = next_piece(&types), index++) {
        struct mtr_str accept = call->accept;
        while (accept.size) {
            int match = match_range(next_piece(&accept), type);
            if (match > best_match) {
                best = index;
                best_match = match;
            }
        }
    }
    if (best < 0) api_problem(call, 406, "this call answers with %s", call->route->answer_types);
    return best;
}
