/*
 * Templates of a request, one after the other, in a buffer that each leaves for the arena; it is wiped,
 * since a value may be a secret.
 */
#include "collector/source/call_template.h"

#include <string.h>

#include "meterd/core/json_writer.h"

struct filling {
    const struct call_template *template;
    struct source_call *call;
    struct mtr_buffer text;
    const char *fault;
};

static int expand(struct filling *filling, struct mtr_str text, enum mtr_template_place place)
{
    struct mtr_template_rules rules = filling->template->rules;
    struct mtr_template template;
    struct mtr_diagnostic diagnostic;
    rules.place = place;
    int rc = mtr_template_parse(text, &rules, filling->template->arena, &template, &diagnostic);
    if (rc == MTR_EINVALID) filling->fault = "a template of the document is none";
    if (rc) return rc;
    return mtr_template_expand(&template, filling->template->values, &filling->text, &filling->fault);
}

static int take(struct filling *filling, struct mtr_str *out)
{
    int rc = mtr_arena_copy(filling->template->arena, mtr_buffer_str(&filling->text), out);
    mtr_buffer_reset(&filling->text);
    return rc;
}

/* ---- where it goes ---- */

static int fill_url(struct filling *filling)
{
    struct mtr_str url;
    int rc = expand(filling, filling->template->request->url, MTR_TEMPLATE_IN_URL);
    if (!rc) rc = take(filling, &url);
    if (!rc) rc = source_call_set_url(filling->call, url, filling->template->arena);
    if (rc == MTR_EINVALID && !filling->fault)
        filling->fault = "the request's url is no URL of http or https";
    return rc;
}

static int fill_path(struct filling *filling)
{
    const struct mtr_source_base *base = filling->template->base;
    filling->call->is_https = base->is_https;
    filling->call->host = base->host;
    filling->call->port = base->port;
    int rc = mtr_buffer_append_str(&filling->text, base->path);
    if (!rc) rc = expand(filling, filling->template->request->path, MTR_TEMPLATE_IN_PATH);
    if (!rc && !filling->text.size) rc = mtr_buffer_append_char(&filling->text, '/');
    return rc ? rc : take(filling, &filling->call->path);
}

/* A name is no template, and escaped as what a value stands for. */
static int add_name(struct filling *filling, struct mtr_str name, enum mtr_template_place place)
{
    struct mtr_template_piece piece = {.name = MTR_TEMPLATE_ITEM};
    const struct mtr_template template = {.place = place, .piece_count = 1, .pieces = &piece};
    struct mtr_template_values values = {0};
    values.texts[MTR_TEMPLATE_ITEM] = name;
    return mtr_template_expand(&template, &values, &filling->text, &filling->fault);
}

static int add_pairs(struct filling *filling, const struct mtr_label *labels, uint32_t count,
                     enum mtr_template_place place)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; i < count && !rc; i++) {
        if (filling->text.size) rc = mtr_buffer_append_char(&filling->text, '&');
        if (!rc) rc = add_name(filling, labels[i].name, place);
        if (!rc) rc = mtr_buffer_append_char(&filling->text, '=');
        if (!rc) rc = expand(filling, labels[i].value, place);
    }
    return rc;
}

/* Behind the one that a whole url may have brought. */
static int fill_query(struct filling *filling)
{
    const struct mtr_source_request *request = filling->template->request;
    if (!request->query_count) return MTR_OK;
    int rc = mtr_buffer_append_str(&filling->text, filling->call->query);
    if (!rc) rc = add_pairs(filling, request->query, request->query_count, MTR_TEMPLATE_IN_QUERY);
    return rc ? rc : take(filling, &filling->call->query);
}

/* ---- what it says ---- */

static int fill_headers(struct filling *filling, bool *has_type)
{
    const struct mtr_source_request *request = filling->template->request;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < request->header_count && !rc; i++) {
        struct mtr_str value;
        *has_type = *has_type || mtr_str_equal_lower(request->headers[i].name, MTR_STR("content-type"));
        rc = expand(filling, request->headers[i].value, MTR_TEMPLATE_IN_HEADER);
        if (!rc) rc = take(filling, &value);
        if (!rc) rc = source_call_add_header(filling->call, request->headers[i].name, value);
    }
    return rc;
}

static void write_json(struct filling *filling, struct mtr_json_writer *writer, const struct mtr_node *node);

static void write_children(struct filling *filling, struct mtr_json_writer *writer,
                           const struct mtr_node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (node->kind == MTR_NODE_MAP) mtr_json_name_text(writer, node->children[i].key);
        write_json(filling, writer, &node->children[i]);
    }
}

/* A string's template is expanded between its quotes, escaped already. */
static void write_string(struct filling *filling, struct mtr_json_writer *writer, struct mtr_str text)
{
    int rc = mtr_buffer_append_char(&filling->text, '"');
    if (!rc) rc = expand(filling, text, MTR_TEMPLATE_IN_JSON);
    if (!rc) rc = mtr_buffer_append_char(&filling->text, '"');
    if (!rc) mtr_json_raw(writer, mtr_buffer_str(&filling->text));
    else if (!writer->error) writer->error = rc;
    mtr_buffer_reset(&filling->text);
}

/* Depth is bounded as the document's is. */
static void write_json(struct filling *filling, struct mtr_json_writer *writer, const struct mtr_node *node)
{
    if (writer->error) return;
    switch (node->kind) {
    case MTR_NODE_NULL: mtr_json_null(writer); break;
    case MTR_NODE_BOOL: mtr_json_bool(writer, node->truth); break;
    case MTR_NODE_NUMBER: mtr_json_raw(writer, node->text); break;
    case MTR_NODE_STRING: write_string(filling, writer, node->text); break;
    case MTR_NODE_LIST:
        mtr_json_list(writer);
        write_children(filling, writer, node);
        mtr_json_list_end(writer);
        break;
    case MTR_NODE_MAP:
        mtr_json_map(writer);
        write_children(filling, writer, node);
        mtr_json_map_end(writer);
        break;
    }
}

static int fill_json(struct filling *filling)
{
    struct mtr_buffer body;
    struct mtr_json_writer writer;
    mtr_buffer_init(&body, CALL_BODY_BYTES_MAX);
    mtr_json_begin(&writer, &body);
    write_json(filling, &writer, filling->template->request->json);
    int rc = mtr_json_finish(&writer);
    if (!rc) rc = mtr_arena_copy(filling->template->arena, mtr_buffer_str(&body), &filling->call->body);
    if (body.data) explicit_bzero(body.data, body.capacity);
    mtr_buffer_release(&body);
    return rc;
}

static int fill_body(struct filling *filling, const char **type)
{
    const struct mtr_source_request *request = filling->template->request;
    int rc = MTR_OK;
    switch (request->body) {
    case MTR_BODY_NONE: return MTR_OK;
    case MTR_BODY_JSON: *type = "application/json"; return fill_json(filling);
    case MTR_BODY_FORM:
        *type = "application/x-www-form-urlencoded";
        rc = add_pairs(filling, request->form, request->form_count, MTR_TEMPLATE_IN_FORM);
        break;
    case MTR_BODY_TEXT: rc = expand(filling, request->text, MTR_TEMPLATE_IN_TEXT); break;
    }
    return rc ? rc : take(filling, &filling->call->body);
}

int call_template_fill(const struct call_template *template, struct source_call *out, const char **fault)
{
    const struct mtr_source_request *request = template->request;
    struct filling filling = {.template = template, .call = out};
    const char *type = NULL;
    bool has_type = false;
    *out = (struct source_call){.method = request->method, .timeout_us = request->timeout_us};
    mtr_buffer_init(&filling.text, CALL_BODY_BYTES_MAX);
    int rc = request->url.size ? fill_url(&filling) : fill_path(&filling);
    if (!rc) rc = fill_query(&filling);
    if (!rc) rc = fill_headers(&filling, &has_type);
    if (!rc) rc = fill_body(&filling, &type);
    if (!rc && type && !has_type)
        rc = source_call_add_header(out, MTR_STR("Content-Type"), mtr_str_from(type));
    if (filling.text.data) explicit_bzero(filling.text.data, filling.text.capacity);
    mtr_buffer_release(&filling.text);
    *fault = filling.fault ? filling.fault : "";
    return rc;
}
