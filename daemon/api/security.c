/*
 * See security.h. Nothing here waits: the host takes events into a queue.
 */
#include "daemon/api/security.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/api/api.h"
#include "meterd/core/line.h"

#define NAME_ROW(name, text, lines, doc) [API_SECURITY_##name] = text,
#define DOC_ROW(name, text, lines, doc) [API_SECURITY_##name] = doc,
#define LINES_ROW(name, text, lines, doc) [API_SECURITY_##name] = lines,
static const char *const names[] = {API_SECURITY_MAP(NAME_ROW)};
static const char *const docs[] = {API_SECURITY_MAP(DOC_ROW)};
static const uint32_t lines_max[] = {API_SECURITY_MAP(LINES_ROW)};

const char *api_security_kind_name(enum api_security_kind kind)
{
    MTR_ASSERT(kind > API_SECURITY_NONE && kind < API_SECURITY_KIND_END);
    return names[kind];
}

const char *api_security_kind_doc(enum api_security_kind kind)
{
    MTR_ASSERT(kind > API_SECURITY_NONE && kind < API_SECURITY_KIND_END);
    return docs[kind];
}

uint32_t api_security_lines_max(enum api_security_kind kind)
{
    MTR_ASSERT(kind > API_SECURITY_NONE && kind < API_SECURITY_KIND_END);
    return lines_max[kind];
}

const char *api_security_reason_name(enum api_security_reason reason)
{
    static const char *const reasons[API_SECURITY_REASON_COUNT] = {"missing", "unknown", "disabled",
                                                                   "retired"};
    MTR_ASSERT((unsigned)reason < API_SECURITY_REASON_COUNT);
    return reasons[reason];
}

void api_security_copy(char *out, size_t size, struct mtr_str text)
{
    const struct mtr_str cut = mtr_str_quoted(text, size - 1);
    snprintf(out, size, "%.*s", MTR_STR_ARGS(cut));
    mtr_line_make(out);
}

enum { PARAMETER_BYTES = 96 }; /* of one in the path, at most */

/* ---- addresses ---- */

void api_security_network(const char *address, char out[API_SECURITY_ADDRESS_BYTES])
{
    struct in6_addr whole;
    char text[INET6_ADDRSTRLEN];
    snprintf(out, API_SECURITY_ADDRESS_BYTES, "%s", address);
    if (inet_pton(AF_INET6, address, &whole) != 1) return;
    memset(whole.s6_addr + 8, 0, 8);
    if (inet_ntop(AF_INET6, &whole, text, sizeof(text)))
        snprintf(out, API_SECURITY_ADDRESS_BYTES, "%.43s/64", text);
}

/* The last one of a list, where it is an address. */
static bool take_last(struct mtr_str list, char out[API_SECURITY_ADDRESS_BYTES])
{
    unsigned char bytes[16];
    size_t begin = list.size;
    while (begin && list.data[begin - 1] != ',') begin--;
    while (begin < list.size && list.data[begin] == ' ') begin++;
    struct mtr_str last = {list.data + begin, list.size - begin};
    while (last.size && last.data[last.size - 1] == ' ') last.size--;
    if (!last.size || last.size >= API_SECURITY_ADDRESS_BYTES) return false;
    char text[API_SECURITY_ADDRESS_BYTES];
    snprintf(text, sizeof(text), "%.*s", MTR_STR_ARGS(last));
    if (inet_pton(AF_INET, text, bytes) != 1 && inet_pton(AF_INET6, text, bytes) != 1) return false;
    memcpy(out, text, sizeof(text));
    return true;
}

void api_security_find_address(struct api_call *call)
{
    struct mtr_http_request *http = call->http;
    mtr_http_request_peer(http, call->address);
    if (strncmp(call->address, "127.", 4) != 0 && strcmp(call->address, "::1") != 0) return;
    for (uint32_t i = mtr_http_request_header_count(http); i; i--) {
        const struct mtr_http_header header = mtr_http_request_header_at(http, i - 1);
        if (!mtr_str_equal_lower(header.name, MTR_STR("x-forwarded-for"))) continue;
        (void)take_last(header.value, call->address);
        return;
    }
}

/* ---- events ---- */

static struct api_security_event event_of(const struct api_call *call, enum api_security_kind kind)
{
    struct api_security_event event = {.kind = kind, .time_us = call->now_us};
    if (call->credential)
        api_security_copy(event.key, sizeof(event.key), call->credential->key);
    snprintf(event.address, sizeof(event.address), "%s", call->address);
    snprintf(event.operation, sizeof(event.operation), "%s", call->route->operation);
    return event;
}

static void tell(const struct api_call *call, const struct api_security_event *event)
{
    const struct api_host_security *security = &call->host->security;
    if (security->record) security->record(security->context, event);
}

/* Whose certificate the client has shown, where it had to. */
static void note_certificate(const struct api_call *call, struct api_security_event *event)
{
    char text[API_SECURITY_DETAIL_BYTES];
    const struct mtr_str subject = mtr_http_request_subject(call->http);
    if (!subject.size) return;
    snprintf(text, sizeof(text), "certificate %.*s", MTR_STR_ARGS(subject));
    api_security_copy(event->detail, sizeof(event->detail), mtr_str_from(text));
}

void api_security_unauthenticated(struct api_call *call, const struct mtr_api_key *key)
{
    struct mtr_str sent;
    struct api_security_event event = event_of(call, API_SECURITY_AUTHENTICATION_FAILED);
    event.status = 401;
    if (key) {
        event.reason = key->disabled ? API_SECURITY_DISABLED : API_SECURITY_RETIRED;
        api_security_copy(event.key, sizeof(event.key), key->key);
    } else {
        event.reason = mtr_http_request_header(call->http, "authorization", &sent) ? API_SECURITY_UNKNOWN
                                                                                   : API_SECURITY_MISSING;
    }
    note_certificate(call, &event);
    tell(call, &event);
}

void api_security_unauthorized(struct api_call *call, const char *detail)
{
    struct api_security_event event = event_of(call, API_SECURITY_AUTHORIZATION_REFUSED);
    event.status = 403;
    snprintf(event.detail, sizeof(event.detail), "%s", detail);
    tell(call, &event);
}

void api_security_used(struct api_call *call)
{
    const struct api_host_security *security = &call->host->security;
    if (!security->is_new_address || !security->is_new_address(security->context, call->credential->number,
                                                               call->address))
        return;
    struct api_security_event event = event_of(call, API_SECURITY_KEY_NEW_ADDRESS);
    note_certificate(call, &event);
    tell(call, &event);
}

/* What stands in the path: "api_key/ops". */
static void write_path(const struct api_call *call, char *out, size_t size)
{
    struct mtr_buffer text;
    mtr_buffer_init(&text, 4096);
    for (int i = 0; i < MTR_API_PATH_PARAMETERS_MAX && call->path_parameters[i].size; i++)
        if (mtr_buffer_printf(&text, "%s%.*s", i ? "/" : "",
                              MTR_STR_ARGS(mtr_str_quoted(call->path_parameters[i], PARAMETER_BYTES))))
            break;
    api_security_copy(out, size, mtr_buffer_str(&text));
    mtr_buffer_release(&text);
}

/* Nothing was stored by those. */
static bool is_dry_run(const struct api_call *call)
{
    for (const struct api_parameter *row = call->route->parameters; row && row->name; row++)
        if (strcmp(row->name, "dry_run") == 0) return call->status < 400 && api_flag(call, "dry_run");
    return false;
}

void api_security_answered(struct api_call *call)
{
    if (call->status == 403) api_security_unauthorized(call, "of another vendor");
    if (!call->route->act || is_dry_run(call)) return;
    struct api_security_event event = event_of(call, call->route->act);
    event.status = call->status;
    if (call->acted_on.size) api_security_copy(event.object, sizeof(event.object), call->acted_on);
    else write_path(call, event.object, sizeof(event.object));
    api_security_copy(event.detail, sizeof(event.detail), call->act_detail);
    tell(call, &event);
}

/* Without memory the line says less. */
void api_security_object(struct api_call *call, struct mtr_str object)
{
    if (mtr_arena_copy(&call->arena, object, &call->acted_on)) call->acted_on = (struct mtr_str){NULL, 0};
}

void api_security_detail(struct api_call *call, const char *format, ...)
{
    char text[API_SECURITY_DETAIL_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (mtr_arena_copy(&call->arena, mtr_str_from(text), &call->act_detail))
        call->act_detail = (struct mtr_str){NULL, 0};
}
