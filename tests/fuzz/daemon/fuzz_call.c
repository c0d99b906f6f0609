/*
 * What a request asks for beside its body: parameters of the query, and the headers Accept and Accept-Encoding. The
 * first byte chooses the route; up to a NUL stands the query, up to another one Accept, and behind it the coding.
 *
 * A query is refused with a problem that is JSON, or each of its parameters has a value of the kind and in the bounds
 * that the route's row says, as handlers rely on. A type or a coding that is chosen is one that was not excluded.
 */
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "daemon/api/api.h"
#include "meterd/core/time.h"
#include "meterd/net/coding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES_MAX = 16 << 20, ANSWER_BYTES_MAX = 1 << 20 };

static const struct api_route *route_of(uint8_t number)
{
    size_t count = 0;
    while (api_routes[count]) count++;
    return api_routes[number % count];
}

static struct mtr_str cut(struct mtr_str *text)
{
    const char *nul = text->size ? memchr(text->data, '\0', text->size) : NULL;
    const struct mtr_str part = {text->data, nul ? (size_t)(nul - text->data) : text->size};
    text->data += part.size + (nul != NULL);
    text->size -= part.size + (nul != NULL);
    return part;
}

static void check_problem(struct api_call *call, unsigned status)
{
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    MTR_ASSERT(call->status == status && call->answer.size && mtr_str_is_utf8(mtr_buffer_str(&call->answer)));
    const int rc = mtr_document_parse(mtr_buffer_str(&call->answer), &document, &diagnostic);
    MTR_ASSERT(rc == MTR_OK && mtr_node_text(mtr_document_root(document), "detail").size);
    mtr_document_close(document);
}

static bool is_one_of(struct mtr_str value, const char *choices)
{
    const size_t size = strlen(choices);
    for (size_t at = 0; at <= size; at += strcspn(choices + at, "|") + 1)
        if (mtr_str_equal(value, (struct mtr_str){choices + at, strcspn(choices + at, "|")})) return true;
    return false;
}

static void check_value(const struct api_call *call, const struct api_parameter *row)
{
    const struct mtr_str text = api_text(call, row->name);
    uint64_t number;
    int64_t time_us;
    switch (row->type) {
    case API_TEXT: break;
    case API_INTEGER:
        number = api_u64(call, row->name);
        MTR_ASSERT(!text.size || (number >= row->min && number <= row->max));
        break;
    case API_TIME:
        time_us = api_time_us(call, row->name, -1);
        MTR_ASSERT(text.size ? time_us >= 0 && time_us < MTR_TIME_US_MAX : time_us == -1);
        break;
    case API_BOOLEAN:
        MTR_ASSERT(api_flag(call, row->name) == (text.data && !mtr_str_equal(text, MTR_STR("false")) && !mtr_str_equal(text, MTR_STR("0"))));
        break;
    case API_CHOICE: MTR_ASSERT(!text.data || is_one_of(text, row->choices)); break;
    }
}

static void check_query(struct api_call *call, struct mtr_str text)
{
    if (mtr_query_parse(text, &call->arena, &call->query)) return;
    if (!api_check_query(call)) {
        check_problem(call, 400);
        return;
    }
    MTR_ASSERT(!call->status);
    for (const struct api_parameter *row = call->route->parameters; row && row->name; row++) check_value(call, row);
}

static void check_types(struct api_call *call, struct mtr_str accept)
{
    size_t count = 1;
    for (const char *p = api_answer_types(call->route); *p; p++) count += *p == ',';
    call->status = 0;
    call->accept = accept;
    const int chosen = api_negotiate(call);
    MTR_ASSERT(chosen >= -1 && chosen < (int)count);
    if (chosen < 0) check_problem(call, 406);
    else MTR_ASSERT(!call->status);
}

/* Has the name somewhere, whatever stands around it? */
static bool names(struct mtr_str text, struct mtr_str name)
{
    for (size_t i = 0; i + name.size <= text.size; i++)
        if (!strncasecmp(text.data + i, name.data, name.size)) return true;
    return false;
}

static void check_coding(struct mtr_str text)
{
    enum mtr_coding coding, same;
    const bool is_any = mtr_coding_choose(text, &coding);
    MTR_ASSERT(coding == MTR_CODING_IDENTITY || (is_any && (names(text, mtr_coding_name(coding)) || names(text, MTR_STR("*")))));
    MTR_ASSERT(mtr_coding_from_name(mtr_coding_name(coding), &same) && same == coding);
    (void)mtr_coding_from_name(text, &same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_call call = {.status = 0};
    if (!size) return 0;
    struct mtr_str text = {(const char *)data + 1, size - 1};
    const struct mtr_str query = cut(&text), accept = cut(&text);
    call.route = route_of(data[0]);
    call.routes = api_routes;
    mtr_arena_init(&call.arena, 4096, ARENA_BYTES_MAX);
    mtr_buffer_init(&call.answer, ANSWER_BYTES_MAX);
    check_query(&call, query);
    check_types(&call, accept);
    check_coding(text);
    mtr_buffer_release(&call.answer);
    mtr_arena_release(&call.arena);
    return 0;
}
