/*
 * The request for one page: its URL, its headers, its body.
 *
 * Invariants: 1 a parameter or header is there once under one name: what paging sends, else what the document
 * says; 2 a URL that a template or an answer made leads where links may lead (link.h).
 */
#include "collector/source/request/request_build.h"

#include <string.h>
#include <strings.h>

#include "collector/source/link.h"
#include "collector/source/request/request_body.h"
#include "collector/source/request/request_text.h"
#include "meterd/net/url.h"

struct building {
    struct request_text text;
    const struct mtr_source_request *request;
    struct source_call *call;
    struct mtr_buffer url, scratch;
};

static bool is_sent(const struct request_ask *ask, enum mtr_send_place place, struct mtr_str name)
{
    for (uint32_t i = 0; ask->paging && i < ask->paging->change_count; i++) {
        const struct mtr_send *send = &ask->paging->changes[i].send;
        const bool is_header = place == MTR_SEND_HEADER; /* their names have no case */
        const bool is_same =
            is_header ? send->name.size == name.size && !strncasecmp(send->name.data, name.data, name.size)
                      : mtr_str_equal(send->name, name);
        if (send->place == place && is_same) return true;
    }
    return false;
}

/* ---- the URL ---- */

static int begin_parameter(struct building *building, struct mtr_str name, bool *is_first)
{
    int rc = mtr_buffer_append_char(&building->url, *is_first ? '?' : '&');
    *is_first = false;
    if (!rc) rc = mtr_percent_encode(&building->url, name);
    return rc ? rc : mtr_buffer_append_char(&building->url, '=');
}

static int add_parameter(struct building *building, const struct mtr_label *parameter, bool *is_first)
{
    const size_t before = building->url.size;
    const bool was_first = *is_first;
    bool is_there = true;
    if (is_sent(building->text.ask, MTR_SEND_QUERY, parameter->name)) return MTR_OK;
    int rc = begin_parameter(building, parameter->name, is_first);
    if (!rc)
        rc = request_text_append(&building->text, parameter->value, MTR_TEMPLATE_IN_QUERY, &building->url,
                                 &is_there);
    if (is_there) return rc;
    building->url.size = before;
    *is_first = was_first;
    return rc;
}

static int add_query(struct building *building)
{
    const struct request_ask *ask = building->text.ask;
    const struct mtr_str so_far = mtr_buffer_str(&building->url);
    bool is_first = !memchr(so_far.data, '?', so_far.size);
    int rc = MTR_OK;
    for (uint32_t i = 0; i < building->request->query_count && !rc; i++)
        rc = add_parameter(building, &building->request->query[i], &is_first);
    for (uint32_t i = 0; ask->paging && i < ask->paging->change_count && !rc; i++) {
        const struct paging_change *change = &ask->paging->changes[i];
        if (change->send.place != MTR_SEND_QUERY) continue;
        rc = begin_parameter(building, change->send.name, &is_first);
        if (!rc) rc = mtr_percent_encode(&building->url, change->value);
    }
    return rc;
}

/* base_url and a path behind it; or a whole URL, where the template gives one. */
static int add_template(struct building *building, struct mtr_str template)
{
    const struct request_ask *ask = building->text.ask;
    bool is_there;
    mtr_buffer_reset(&building->scratch);
    int rc = request_text_append(&building->text, template, MTR_TEMPLATE_IN_URL, &building->scratch,
                                 &is_there);
    building->text.fault = rc ? building->text.fault : "the URL has a value that is not there";
    if (!rc && !is_there) return MTR_EMISSING;
    const struct mtr_str url = mtr_buffer_str(&building->scratch);
    if (!rc && url.size && url.data[0] == '/' && !mtr_str_starts_with(url, MTR_STR("//"))) {
        rc = mtr_buffer_append_str(&building->url, ask->source->base.url);
        return rc ? rc : mtr_buffer_append_str(&building->url, url);
    }
    if (!rc && ask->is_login) return mtr_buffer_append_str(&building->url, url);
    struct source_call base = {.method = {NULL, 0}};
    if (!rc) rc = source_call_set_url(&base, ask->source->base.url, building->text.arena);
    return rc ? rc : source_link_resolve(&base, url, ask->source, &building->url, &building->text.fault);
}

static int add_path(struct building *building)
{
    bool is_there;
    int rc = mtr_buffer_append_str(&building->url, building->text.ask->source->base.url);
    if (!rc && building->request->path.size)
        rc = request_text_append(&building->text, building->request->path, MTR_TEMPLATE_IN_PATH,
                                 &building->url, &is_there);
    if (rc || !building->request->path.size || is_there) return rc;
    building->text.fault = "the path has a value that is not there";
    return MTR_EMISSING;
}

static int make_url(struct building *building)
{
    const struct request_ask *ask = building->text.ask;
    const struct paging_request *paging = ask->paging;
    int rc = MTR_OK;
    if (paging && paging->link.size) rc = mtr_buffer_append_str(&building->url, paging->link);
    else if (paging && paging->is_part) rc = add_template(building, ask->source->paging.parts->url);
    else {
        const struct mtr_str url = building->request->url;
        rc = url.size ? add_template(building, url) : add_path(building);
        if (!rc) rc = add_query(building);
    }
    if (rc) return rc;
    building->text.fault = "it is no http(s) URL";
    return source_call_set_url(building->call, mtr_buffer_str(&building->url), building->text.arena);
}

/* ---- headers and body ---- */

static bool has_header(const struct source_call *call, const char *name)
{
    const size_t size = strlen(name);
    for (uint32_t i = 0; i < call->header_count; i++) {
        const struct mtr_str other = call->headers[i].name;
        if (other.size == size && strncasecmp(other.data, name, size) == 0) return true;
    }
    return false;
}

static int add_header(struct building *building, struct mtr_str name, struct mtr_str value)
{
    struct mtr_str kept_name, kept;
    building->text.fault = "a header has a value with a control character in it";
    for (size_t i = 0; i < value.size; i++)
        if ((unsigned char)value.data[i] < 0x20 && value.data[i] != '\t') return MTR_EINVALID;
    int rc = mtr_arena_copy(building->text.arena, name, &kept_name);
    if (!rc) rc = mtr_arena_copy(building->text.arena, value, &kept);
    return rc ? rc : source_call_add_header(building->call, kept_name, kept);
}

static int make_headers(struct building *building)
{
    const struct request_ask *ask = building->text.ask;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < building->request->header_count && !rc; i++) {
        const struct mtr_label *header = &building->request->headers[i];
        bool is_there;
        if (is_sent(ask, MTR_SEND_HEADER, header->name)) continue;
        mtr_buffer_reset(&building->scratch);
        rc = request_text_append(&building->text, header->value, MTR_TEMPLATE_IN_HEADER, &building->scratch,
                                 &is_there);
        if (!rc && is_there) rc = add_header(building, header->name, mtr_buffer_str(&building->scratch));
    }
    for (uint32_t i = 0; ask->paging && i < ask->paging->change_count && !rc; i++) {
        const struct paging_change *change = &ask->paging->changes[i];
        if (change->send.place == MTR_SEND_HEADER)
            rc = add_header(building, change->send.name, change->value);
    }
    return rc;
}

static int make_body(struct building *building)
{
    struct mtr_str type;
    mtr_buffer_reset(&building->scratch);
    int rc = request_body_write(&building->text, building->request, &building->scratch, &type);
    if (!rc && building->scratch.size)
        rc = mtr_arena_copy(building->text.arena, mtr_buffer_str(&building->scratch), &building->call->body);
    if (rc || !type.size || has_header(building->call, "Content-Type")) return rc;
    return source_call_add_header(building->call, MTR_STR("Content-Type"), type);
}

int request_build(const struct request_ask *ask, struct mtr_arena *arena, struct source_call *out,
                  const char **fault)
{
    struct building building = {.request = ask->request ? ask->request : &ask->source->request, .call = out};
    const bool is_part = ask->paging && ask->paging->is_part;
    *out = (struct source_call){.method = is_part ? MTR_STR("GET") : building.request->method,
                                .timeout_us = building.request->timeout_us,
                                .is_verbatim = is_part};
    mtr_buffer_init(&building.url, SOURCE_CALL_URL_BYTES_MAX);
    mtr_buffer_init(&building.scratch, REQUEST_BODY_BYTES_MAX);
    request_text_begin(&building.text, ask, arena);
    int rc = make_url(&building);
    if (!rc && !is_part) rc = make_headers(&building);
    if (!rc && !is_part) rc = make_body(&building);
    request_text_end(&building.text);
    mtr_buffer_release(&building.url);
    if (building.scratch.data) explicit_bzero(building.scratch.data, building.scratch.capacity);
    mtr_buffer_release(&building.scratch);
    *fault = rc && building.text.fault ? building.text.fault : "";
    return rc;
}
