/*
 * `request` and `for_each`. What stands in a request is sent to a vendor: names and lines are checked here,
 * so that no template can add a header.
 */
#include "lib/source/document/fields.h"

#include <stdio.h>
#include <string.h>

#include "meterd/source/secret_name.h"

const struct mtr_field source_body_rows[] = {
    {MTR_ROW(source_body_fields, json), .type = MTR_FIELD_NODE, MTR_ROW_GIVEN(source_body_fields, has_json),
     .doc = "a JSON value; each text in it is a template"},
    {MTR_ROW(source_body_fields, form), .type = MTR_FIELD_LABELS, .max = 64, .fillable = true,
     MTR_ROW_GIVEN(source_body_fields, has_form), .doc = "names and templates, as a form sends them"},
    {MTR_ROW(source_body_fields, text), .type = MTR_FIELD_TEXT, .max = MTR_SOURCE_TEXT_BYTES_MAX,
     MTR_ROW_GIVEN(source_body_fields, has_text), .doc = "template; its type stands in headers"},
    {0},
};

const struct mtr_field source_request_rows[] = {SOURCE_REQUEST_ROWS, {0}};

static const struct mtr_field subscription_rows[] = {
    {.name = "service", MTR_ROW_AT(source_each_fields, subscription.service), .type = MTR_FIELD_KEY,
     SOURCE_NEEDED, .doc = "key of the service whose subscriptions are asked for"},
    {0},
};

static const struct mtr_field rows_rows[] = {
    {.name = "of", MTR_ROW_AT(source_each_fields, rows.of), .type = MTR_FIELD_KEY, SOURCE_NEEDED,
     .doc = "key of another source of the same vendor, a list: its rows are meterd.item"},
    {.name = "as", MTR_ROW_AT(source_each_fields, rows.as), .type = MTR_FIELD_KEY, .default_text = "value",
     .doc = "templates name it {each.NAME}"},
    {.name = "take", MTR_ROW_AT(source_each_fields, rows.take), .type = MTR_FIELD_TEXT, .max = 70,
     .default_text = "subject", .doc = "what is taken of its rows: subject, or data.NAME"},
    {0},
};

const struct mtr_field source_each_rows[] = {
    {.name = "subscription", .type = MTR_FIELD_MAP, .fields = subscription_rows,
     MTR_ROW_GIVEN(source_each_fields, has_subscription),
     .doc = "one request for each subscription: {each.subject}, {each.key}, {each.customer}"},
    {MTR_ROW(source_each_fields, values), .type = MTR_FIELD_TEXTS, .min = 1, .max = 1000,
     MTR_ROW_GIVEN(source_each_fields, has_values), .doc = "one request for each of them: {each.value}"},
    {.name = "rows", .type = MTR_FIELD_MAP, .fields = rows_rows, MTR_ROW_GIVEN(source_each_fields, has_rows),
     .doc = "one request for each value that the rows of another source have"},
    {0},
};

/* ---- secrets ---- */

#define SECRET_WRITTEN                                                                                       \
    "a secret does not stand in a document: write it to a file, and `auth` sends it (`auth.%s`)"

/* `key` is too common a word. What a template puts there is none of the document's. */
static bool is_secret(struct mtr_str name, struct mtr_str value)
{
    return value.size && !memchr(value.data, '{', value.size) && mtr_secret_parameter(name) &&
           !mtr_str_equal_lower(name, MTR_STR("key"));
}

/* These are auth's own, whatever their value. */
static bool is_secret_header(const struct mtr_label *header)
{
    static const char *const always[] = {"authorization", "proxy-authorization", "cookie", NULL};
    const bool is_literal = header->value.size && !memchr(header->value.data, '{', header->value.size);
    for (const char *const *name = always; *name; name++)
        if (mtr_str_equal_lower(header->name, mtr_str_from(*name))) return true;
    return is_literal && mtr_secret_header(header->name);
}

/* Of a path or a URL with parameters in it. */
static void check_parameters(struct source_reading *reading, const char *path, struct mtr_str url)
{
    const char *end = url.data + url.size, *at = url.size ? memchr(url.data, '?', url.size) : NULL;
    while (at && ++at < end) {
        const char *and = memchr(at, '&', (size_t)(end - at)), *stop = and ? and : end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        if (equals && is_secret((struct mtr_str){at, (size_t)(equals - at)},
                                (struct mtr_str){equals + 1, (size_t)(stop - equals - 1)}))
            source_fault(reading, MTR_FINDING_SOURCE_SECRET_WRITTEN, path, SECRET_WRITTEN, "query");
        at = and;
    }
}

/* A document's nodes are not deeper than its parser allows. */
static void check_members(struct source_reading *reading, const char *path, const struct mtr_node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct mtr_node *child = &node->children[i];
        if (child->child_count)
            check_members(reading, path, child);
        else if (is_secret(child->key, child->text))
            source_fault(reading, MTR_FINDING_SOURCE_SECRET_WRITTEN, path,
                         "`%.*s%s` is a secret, and does not stand in a document: `auth.login` writes one "
                         "into a body, from a file",
                         MTR_STR_QUOTED(child->key));
    }
}

/* ---- parts ---- */

static void read_labels(struct source_reading *reading, const char *path, const char *name,
                        struct mtr_list list, bool are_headers)
{
    char at[MTR_FINDING_FIELD_BYTES], inside[MTR_FINDING_FIELD_BYTES];
    const struct mtr_label *labels = list.items;
    source_path_join(path, name, at);
    for (uint32_t i = 0; i < list.count; i++) {
        char key[MTR_KEY_BYTES_MAX + 1];
        snprintf(key, sizeof(key), "%.*s", MTR_STR_ARGS(mtr_str_quoted(labels[i].name, MTR_KEY_BYTES_MAX)));
        source_path_join(at, key, inside);
        if (!labels[i].name.size)
            source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, inside, "a name is missing");
        else if (are_headers)
            source_check_header(reading, inside, labels[i].name, labels[i].value);
        if (are_headers ? is_secret_header(&labels[i]) : is_secret(labels[i].name, labels[i].value))
            source_fault(reading, MTR_FINDING_SOURCE_SECRET_WRITTEN, inside, SECRET_WRITTEN,
                         are_headers ? "header" : "query");
    }
}

static void read_body(struct source_reading *reading, const char *path,
                      const struct source_body_fields *fields, struct mtr_source_request *out)
{
    static const char *const names[] = {"json", "form", "text", NULL};
    const bool given[] = {fields->has_json, fields->has_form, fields->has_text};
    char at[MTR_FINDING_FIELD_BYTES], inside[MTR_FINDING_FIELD_BYTES];
    source_path_join(path, "body", at);
    const int which = source_one_of(reading, at, names, given, NULL);
    if (which == 0) {
        out->body = MTR_BODY_JSON;
        out->json = source_copy_tree(reading, fields->json);
        if (fields->json) check_members(reading, source_path_join(at, "json", inside), fields->json);
    } else if (which == 1) {
        out->body = MTR_BODY_FORM;
        out->form = fields->form.items;
        out->form_count = fields->form.count;
        read_labels(reading, at, "form", fields->form, false);
    } else if (which == 2) {
        out->body = MTR_BODY_TEXT;
        out->text = fields->text;
    }
}

void source_read_request(struct source_reading *reading, const char *path,
                         const struct source_request_fields *fields, struct mtr_source_request *out)
{
    char at[MTR_FINDING_FIELD_BYTES];
    *out = (struct mtr_source_request){
        .method = mtr_str_from(SOURCE_METHODS[fields->method]),
        .path = fields->path,
        .url = fields->url,
        .query = fields->query.items,
        .query_count = fields->query.count,
        .headers = fields->headers.items,
        .header_count = fields->headers.count,
        .timeout_us = fields->timeout_us,
        .unit_us = fields->unit_us,
    };
    if (fields->has_path && fields->has_url)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_SEVERAL, source_path_join(path, "url", at),
                     "write one of path, url, not both");
    else if (fields->has_path && fields->path.size && fields->path.data[0] != '/')
        source_fault(reading, MTR_FINDING_SOURCE_URL, source_path_join(path, "path", at),
                     "a path begins with a slash: it stands behind base_url");
    else if (fields->has_url && fields->url.size && fields->url.data[0] != '{')
        (void)source_check_url(reading, source_path_join(path, "url", at), fields->url);
    check_parameters(reading, source_path_join(path, fields->has_url ? "url" : "path", at),
                     fields->has_url ? fields->url : fields->path);
    read_labels(reading, path, "query", fields->query, false);
    read_labels(reading, path, "headers", fields->headers, true);
    read_body(reading, path, &fields->body, out);
}

static void check_values(struct source_reading *reading, const struct source_each_fields *fields)
{
    const struct mtr_str *values = fields->values.items;
    for (uint32_t i = 0; i < fields->values.count; i++) {
        char path[MTR_FINDING_FIELD_BYTES];
        snprintf(path, sizeof(path), "for_each.values[%u]", i);
        if (!values[i].size || values[i].size > MTR_EVENT_SUBJECT_BYTES_MAX)
            source_fault(reading, MTR_FINDING_FIELD_LENGTH, path, "1 to %d bytes are expected",
                         MTR_EVENT_SUBJECT_BYTES_MAX);
        for (uint32_t k = 0; k < i; k++)
            if (mtr_str_equal(values[i], values[k])) {
                source_fault(reading, MTR_FINDING_SOURCE_VALUE_REPEATED, path,
                             "`%.*s%s` stands in the list already: it would be asked for twice",
                             MTR_STR_QUOTED(values[i]));
                break;
            }
    }
}

void source_read_each(struct source_reading *reading, const struct source_each_fields *fields,
                      struct mtr_source_each *out)
{
    static const char *const names[] = {"subscription", "values", "rows", NULL};
    const bool given[] = {fields->has_subscription, fields->has_values, fields->has_rows};
    const struct mtr_node *node = source_node_at(reading, "for_each");
    const bool is_written = node && node->kind != MTR_NODE_NULL;
    const int which = source_one_of(reading, "for_each", names, given, is_written ? "" : NULL);
    *out = (struct mtr_source_each){.kind = MTR_EACH_NONE};
    if (which == 0) {
        out->kind = MTR_EACH_SUBSCRIPTION;
        out->service = fields->subscription.service;
    } else if (which == 1) {
        out->kind = MTR_EACH_VALUE;
        out->values = fields->values.items;
        out->value_count = fields->values.count;
        check_values(reading, fields);
    } else if (which == 2) {
        const struct mtr_str data = MTR_STR("data."), take = fields->rows.take;
        *out = (struct mtr_source_each){MTR_EACH_ROW, .source = fields->rows.of, .name = fields->rows.as,
                                        .take = take};
        if (!mtr_str_equal(take, MTR_STR("subject")) &&
            (!mtr_str_starts_with(take, data) || take.size == data.size))
            source_fault(reading, MTR_FINDING_FIELD_CHOICE, "for_each.rows.take",
                         "`%.*s%s` is neither subject nor data.NAME", MTR_STR_QUOTED(take));
    }
}
