/*
 * Maps of documents against their rows: unknown keys, missing ones, defaults, nested maps and lists. Scalars:
 * schema_value.c.
 *
 * Every finding is reported, so decoding goes on behind an error; MTR_EINVALID is remembered and returned at
 * the end, and only MTR_ENOMEM stops at once. A null value counts as not written.
 */
#include "meterd/core/schema.h"

#include <stdio.h>
#include <string.h>

#include "lib/core/document/document_builder.h"
#include "lib/core/document/schema_value.h"

static int decode_map(struct mtr_schema_context *context, const struct mtr_field *fields,
                      const struct mtr_node *node, bool check_required, void *out);

static void path_append(struct mtr_schema_context *context, struct mtr_str text)
{
    size_t room = sizeof(context->path) - 1 - context->path_size;
    size_t size = text.size < room ? text.size : room;
    if (size) memcpy(context->path + context->path_size, text.data, size);
    context->path_size += size;
}

/* Appends to the path for as long as it fits; the caller restores path_size. A name that somebody made up may
 * be of any size: its beginning is enough. */
static void path_push(struct mtr_schema_context *context, const char *dot, struct mtr_str name)
{
    if (context->path_size) path_append(context, mtr_str_from(dot));
    path_append(context, mtr_str_quoted(name, MTR_KEY_BYTES_MAX));
    path_append(context, mtr_str_from(mtr_str_quoted_rest(name, MTR_KEY_BYTES_MAX)));
    context->path[context->path_size] = '\0';
}

static void path_push_index(struct mtr_schema_context *context, uint32_t index)
{
    char text[16];
    snprintf(text, sizeof(text), "[%u]", index);
    path_push(context, "", mtr_str_from(text));
}

static void path_pop(struct mtr_schema_context *context, size_t path_size)
{
    context->path_size = path_size;
    context->path[path_size] = '\0';
}

static int worse(int rc, int other)
{
    return rc == MTR_ENOMEM || other == MTR_OK ? rc : other;
}

static int check_length(struct mtr_schema_context *context, const struct mtr_field *field,
                        const struct mtr_node *node)
{
    char range[72];
    bool fits = node->child_count >= field->min && (field->max == 0 || node->child_count <= field->max);
    if (!schema_has_bounds(field) || fits) return MTR_OK;
    schema_format_range(field, range);
    return schema_fail(context, MTR_FINDING_FIELD_LENGTH, node->line, node->column,
                       "the list has %u items; allowed are %s", node->child_count, range);
}

static int decode_single(struct mtr_schema_context *context, const struct mtr_field *field,
                         const struct mtr_node *node, struct mtr_list *out)
{
    bool text = field->type == MTR_FIELD_TEXTS;
    void *item = mtr_arena_calloc(context->arena, 1, text ? sizeof(struct mtr_str) : field->item_size);
    if (!item) return MTR_ENOMEM;
    int rc = text ? schema_decode_text_node(context, node, "a text", item)
                  : decode_map(context, field->fields, node, true, item);
    if (!rc) *out = (struct mtr_list){item, 1};
    return rc;
}

static int decode_list(struct mtr_schema_context *context, const struct mtr_field *field,
                       const struct mtr_node *node, struct mtr_list *out)
{
    if (field->single && node->kind != MTR_NODE_LIST) return decode_single(context, field, node, out);
    if (node->kind != MTR_NODE_LIST)
        return schema_fail(context, MTR_FINDING_FIELD_KIND, node->line, node->column, "a list is expected");
    int rc = check_length(context, field, node);
    if (rc) return rc;
    bool texts = field->type == MTR_FIELD_TEXTS;
    size_t item_size = texts ? sizeof(struct mtr_str) : field->item_size;
    MTR_ASSERT(item_size > 0);
    struct mtr_list list = {.count = node->child_count};
    list.items = mtr_arena_calloc(context->arena, list.count, item_size);
    if (!list.items) return MTR_ENOMEM;
    for (uint32_t i = 0; i < list.count && rc != MTR_ENOMEM; i++) {
        size_t path_size = context->path_size;
        void *item = (char *)list.items + i * item_size;
        path_push_index(context, i);
        rc = worse(rc, texts ? schema_decode_text_node(context, &node->children[i], "a text", item)
                             : decode_map(context, field->fields, &node->children[i], true, item));
        path_pop(context, path_size);
    }
    if (!rc) *out = list;
    return rc;
}

static int decode_labels(struct mtr_schema_context *context, const struct mtr_field *field,
                         const struct mtr_node *node, struct mtr_list *out)
{
    if (node->kind != MTR_NODE_MAP)
        return schema_fail(context, MTR_FINDING_FIELD_KIND, node->line, node->column,
                           "a map of texts is expected");
    int rc = check_length(context, field, node);
    if (rc) return rc;
    struct mtr_label *labels = mtr_arena_calloc(context->arena, node->child_count, sizeof(*labels));
    uint32_t count = 0;
    if (!labels) return MTR_ENOMEM;
    for (uint32_t i = 0; i < node->child_count && rc != MTR_ENOMEM; i++) {
        const struct mtr_node *child = &node->children[i];
        size_t path_size = context->path_size;
        if (child->kind == MTR_NODE_NULL && field->fillable) continue;
        path_push(context, ".", child->key);
        rc = worse(rc, mtr_arena_copy(context->arena, child->key, &labels[count].name));
        rc = worse(rc, schema_decode_text_node(context, child, "a text", &labels[count++].value));
        path_pop(context, path_size);
    }
    if (!rc) *out = (struct mtr_list){labels, count};
    return rc;
}

static int decode_named(struct mtr_schema_context *context, const struct mtr_field *field,
                        const struct mtr_node *node, struct mtr_list *out)
{
    if (node->kind != MTR_NODE_MAP)
        return schema_fail(context, MTR_FINDING_FIELD_KIND, node->line, node->column,
                           "a map of names is expected");
    int rc = check_length(context, field, node);
    if (rc) return rc;
    char *items = mtr_arena_calloc(context->arena, node->child_count, field->item_size);
    if (!items) return MTR_ENOMEM;
    for (uint32_t i = 0; i < node->child_count && rc != MTR_ENOMEM; i++) {
        const struct mtr_node *child = &node->children[i];
        size_t path_size = context->path_size;
        path_push(context, ".", child->key);
        if (!mtr_schema_is_key(child->key))
            rc = worse(rc, schema_fail(context, MTR_FINDING_FIELD_KEY, child->key_line, child->key_column,
                                       "is no key: write letters, digits and . _ : -"));
        rc = worse(rc, mtr_arena_copy(context->arena, child->key,
                                      (struct mtr_str *)(void *)(items + i * field->item_size)));
        rc = worse(rc, decode_map(context, field->fields, child, true, items + i * field->item_size));
        path_pop(context, path_size);
    }
    if (!rc) *out = (struct mtr_list){items, node->child_count};
    return rc;
}

static int decode_value(struct mtr_schema_context *context, const struct mtr_field *field,
                        const struct mtr_node *node, void *member);

static int decode_row(struct mtr_schema_context *context, const struct mtr_field *row,
                      const struct mtr_node *node, void **out)
{
    MTR_ASSERT(row->own_size > row->offset);
    char *own = mtr_arena_calloc(context->arena, 1, row->own_size);
    if (!own) return MTR_ENOMEM;
    *out = own; /* also with a fault in it: whoever goes on to look for further ones knows that it is there */
    return decode_value(context, row, node, own + row->offset);
}

/* A text that stands for a map with that member. */
static int decode_word(struct mtr_schema_context *context, const struct mtr_field *field,
                       const struct mtr_node *node, void *member)
{
    int choice;
    int rc = schema_decode_choice(context, field, node, &choice);
    if (rc) return rc;
    struct mtr_node inside = *node, map = *node;
    inside.kind = map.kind = MTR_NODE_MAP;
    inside.key = mtr_str_from(field->choices[choice]);
    map.children = &inside;
    map.child_count = 1;
    return decode_map(context, field->fields, &map, true, member);
}

static int decode_value(struct mtr_schema_context *context, const struct mtr_field *field,
                        const struct mtr_node *node, void *member)
{
    switch (field->type) {
    case MTR_FIELD_MAP:
        return field->choices && node->kind != MTR_NODE_MAP
                   ? decode_word(context, field, node, member)
                   : decode_map(context, field->fields, node, true, member);
    case MTR_FIELD_LIST:
    case MTR_FIELD_TEXTS: return decode_list(context, field, node, member);
    case MTR_FIELD_LABELS: return decode_labels(context, field, node, member);
    case MTR_FIELD_NAMED: return decode_named(context, field, node, member);
    case MTR_FIELD_NODE: *(const struct mtr_node **)member = node; return MTR_OK;
    case MTR_FIELD_ROW: return decode_row(context, field->row, node, member);
    default: return schema_decode_scalar(context, field, node, member);
    }
}

static bool is_container(enum mtr_field_type type)
{
    return type == MTR_FIELD_MAP || type == MTR_FIELD_LIST || type == MTR_FIELD_TEXTS ||
           type == MTR_FIELD_LABELS || type == MTR_FIELD_NAMED;
}

static int decode_container_text(struct mtr_schema_context *context, const struct mtr_field *field,
                                 struct mtr_str text, void *member)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    int rc = mtr_document_parse(text, &document, &diagnostic);
    if (rc == MTR_ENOMEM) return rc;
    if (rc) return schema_fail(context, diagnostic.code, 0, 0, "%s", diagnostic.text);
    rc = decode_value(context, field, mtr_document_root(document), member);
    mtr_document_close(document);
    return rc;
}

/* A default, or the value of a flag or environment variable, as if it were written there. */
static int decode_text_as_written(struct mtr_schema_context *context, const struct mtr_field *field,
                                  struct mtr_str text, void *member)
{
    MTR_ASSERT(field->type != MTR_FIELD_NODE); /* a node would not outlive this call */
    MTR_ASSERT(field->type != MTR_FIELD_ROW);  /* nobody gives one a default */
    if (is_container(field->type)) return decode_container_text(context, field, text, member);
    struct mtr_node node = {.kind = MTR_NODE_STRING, .text = text};
    bool verbatim =
        field->type == MTR_FIELD_TEXT || field->type == MTR_FIELD_KEY || field->type == MTR_FIELD_NAME ||
        field->type == MTR_FIELD_ENUM;
    if (!verbatim) document_resolve_plain(&node);
    return schema_decode_scalar(context, field, &node, member);
}

static void mark_present(const struct mtr_field *field, char *out)
{
    if (field->present_offset) *(bool *)(out + field->present_offset - 1) = true;
}

/* Of a map that is needed also what is needed in it: so all of it is told at once. */
static int fail_missing(struct mtr_schema_context *context, const struct mtr_field *field,
                        const struct mtr_node *map, char *out)
{
    char keys[MTR_FINDING_TEXT_BYTES / 2] = "";
    const struct mtr_node nothing = {.kind = MTR_NODE_NULL, .line = map->line, .column = map->column};
    const bool is_map = field->fillable && field->type == MTR_FIELD_MAP;
    const size_t path_size = context->path_size;
    size_t used = 0;
    for (const struct mtr_field *key = is_map ? field->fields : NULL; key && key->name; key++)
        if (used < sizeof(keys))
            used += (size_t)snprintf(keys + used, sizeof(keys) - used, "%s%s", used ? ", " : " (a map of ",
                                     key->name);
    path_push(context, ".", mtr_str_from(field->name));
    int rc = schema_fail(context, MTR_FINDING_FIELD_MISSING, map->line, map->column, "is missing%s%s%s%s",
                         field->fillable ? ": " : "", field->fillable ? field->doc : "", keys,
                         used ? ")" : "");
    if (is_map) rc = worse(rc, decode_map(context, field->fields, &nothing, true, out + field->offset));
    path_pop(context, path_size);
    return rc;
}

static int decode_absent(struct mtr_schema_context *context, const struct mtr_field *field,
                         const struct mtr_node *map, bool check_required, char *out)
{
    static const struct mtr_node nothing = {.kind = MTR_NODE_NULL};
    if (field->required && check_required) return fail_missing(context, field, map, out);
    if (field->type == MTR_FIELD_MAP)
        return decode_map(context, field->fields, &nothing, false, out + field->offset);
    if (!field->default_text) return MTR_OK;
    int rc = decode_text_as_written(context, field, mtr_str_from(field->default_text), out + field->offset);
    MTR_ASSERT(rc != MTR_EINVALID); /* a row's own default must pass its own check */
    return rc;
}

static struct mtr_str field_name_at(const void *context, unsigned i)
{
    const struct mtr_field *fields = context;
    return mtr_str_from(fields[i].name);
}

static int fail_unknown(struct mtr_schema_context *context, const struct mtr_field *fields,
                        const struct mtr_node *child)
{
    char meant[MTR_MEANT_BYTES];
    if (mtr_diagnostics_drop(context->findings, MTR_FINDING_FIELD_UNKNOWN)) return MTR_EINVALID;
    if (*mtr_str_meant(child->key, field_name_at, fields, meant))
        return schema_fail(context, MTR_FINDING_FIELD_UNKNOWN, child->key_line, child->key_column,
                           "unknown key `%.*s%s`%s", MTR_STR_QUOTED(child->key), meant);
    char names[MTR_FINDING_TEXT_BYTES / 2] = "";
    size_t used = 0;
    for (const struct mtr_field *field = fields; field->name && used < sizeof(names); field++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", field == fields ? "" : ", ",
                                 field->name);
    return schema_fail(context, MTR_FINDING_FIELD_UNKNOWN, child->key_line, child->key_column,
                       "unknown key `%.*s%s`; known are %s%s", MTR_STR_QUOTED(child->key), names,
                       used < sizeof(names) ? "" : "…");
}

static const struct mtr_field *find_field(const struct mtr_field *fields, struct mtr_str name)
{
    for (const struct mtr_field *field = fields; field->name; field++)
        if (mtr_str_equal(mtr_str_from(field->name), name)) return field;
    return NULL;
}

static int decode_present(struct mtr_schema_context *context, const struct mtr_field *field,
                          const struct mtr_node *node, char *out)
{
    size_t path_size = context->path_size;
    path_push(context, ".", mtr_str_from(field->name));
    int rc = decode_value(context, field, node, out + field->offset);
    path_pop(context, path_size);
    mark_present(field, out);
    return rc;
}

static int decode_map(struct mtr_schema_context *context, const struct mtr_field *fields,
                      const struct mtr_node *node, bool check_required, void *out)
{
    if (node->kind != MTR_NODE_MAP && node->kind != MTR_NODE_NULL)
        return schema_fail(context, MTR_FINDING_FIELD_KIND, node->line, node->column,
                           "a map of keys and values is expected");
    int rc = MTR_OK;
    for (uint32_t i = 0; i < node->child_count && rc != MTR_ENOMEM; i++) {
        const struct mtr_node *child = &node->children[i];
        const struct mtr_field *field = find_field(fields, child->key);
        if (!field) {
            rc = worse(rc, fail_unknown(context, fields, child));
        } else if (child->kind != MTR_NODE_NULL) {
            rc = worse(rc, decode_present(context, field, child, out));
        }
    }
    for (const struct mtr_field *field = fields; field->name && rc != MTR_ENOMEM; field++) {
        const struct mtr_node *child = mtr_node_get(node, field->name);
        if (!child || child->kind == MTR_NODE_NULL)
            rc = worse(rc, decode_absent(context, field, node, check_required, out));
    }
    return rc;
}

int mtr_schema_decode(const struct mtr_field *fields, const struct mtr_node *node, struct mtr_arena *arena,
                      void *out, struct mtr_diagnostics *findings)
{
    struct mtr_schema_context context = {.arena = arena, .findings = findings};
    return decode_map(&context, fields, node, true, out);
}

int mtr_schema_decode_text(const struct mtr_field *field, const char *path, struct mtr_str text,
                           struct mtr_arena *arena, void *out, struct mtr_diagnostics *findings)
{
    struct mtr_schema_context context = {.arena = arena, .findings = findings};
    path_push(&context, "", mtr_str_from(path));
    int rc = decode_text_as_written(&context, field, text, (char *)out + field->offset);
    if (!rc) mark_present(field, out);
    return rc;
}
