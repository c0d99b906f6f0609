/*
 * Bodies: JSON member by member, so that no value can end its text; forms; and texts as they are.
 *
 * What paging sends goes to a path of names: meta.page. A map on the way that is not there is made.
 */
#include "collector/source/request/request_body.h"

#include <string.h>

#include "meterd/core/json_writer.h"
#include "meterd/net/url.h"

enum { PATH_NAMES_MAX = 16 };

/* What is still to be put into a map, by the rest of its path. */
struct changes {
    const struct paging_change *of[PAGING_CHANGES_MAX];
    struct mtr_str path[PAGING_CHANGES_MAX];
    uint32_t count;
};

struct writing {
    struct request_text *text;
    struct mtr_json_writer json;
    struct mtr_buffer value;
    int error; /* the first */
};

static struct changes changes_of(const struct paging_request *paging)
{
    struct changes changes = {.count = 0};
    for (uint32_t i = 0; paging && i < paging->change_count; i++) {
        if (paging->changes[i].send.place != MTR_SEND_BODY) continue;
        changes.of[changes.count] = &paging->changes[i];
        changes.path[changes.count++] = paging->changes[i].send.name;
    }
    return changes;
}

static struct mtr_str first_name(struct mtr_str path)
{
    const char *dot = path.size ? memchr(path.data, '.', path.size) : NULL;
    return (struct mtr_str){path.data, dot ? (size_t)(dot - path.data) : path.size};
}

/* Those that go into the member of that name, with what is left of their paths. */
static struct changes into(const struct changes *changes, struct mtr_str name)
{
    struct changes inner = {.count = 0};
    for (uint32_t i = 0; i < changes->count; i++) {
        const struct mtr_str path = changes->path[i], first = first_name(path);
        if (!mtr_str_equal(first, name)) continue;
        const size_t cut = first.size + (first.size < path.size);
        inner.of[inner.count] = changes->of[i];
        inner.path[inner.count++] = (struct mtr_str){path.data + cut, path.size - cut};
    }
    return inner;
}

static void write_node(struct writing *writing, const struct mtr_node *node, const struct changes *changes,
                       struct mtr_str name);

static void name_member(struct writing *writing, struct mtr_str name)
{
    if (name.data) mtr_json_name_text(&writing->json, name);
}

/* A text that is not there now leaves its member out; in a list it is null. */
static void write_text(struct writing *writing, struct mtr_str template, struct mtr_str name)
{
    bool is_there;
    mtr_buffer_reset(&writing->value);
    int rc = request_text_append(writing->text, template, MTR_TEMPLATE_IN_TEXT, &writing->value, &is_there);
    if (rc && !writing->error) writing->error = rc;
    if (!is_there && name.data) return;
    name_member(writing, name);
    if (is_there) mtr_json_text(&writing->json, mtr_buffer_str(&writing->value));
    else mtr_json_null(&writing->json);
}

static bool has_member(const struct mtr_node *node, struct mtr_str name)
{
    for (uint32_t i = 0; node && i < node->child_count; i++)
        if (mtr_str_equal(node->children[i].key, name)) return true;
    return false;
}

static bool came_before(const struct changes *changes, uint32_t which)
{
    for (uint32_t i = 0; i < which; i++)
        if (mtr_str_equal(first_name(changes->path[i]), first_name(changes->path[which]))) return true;
    return false;
}

/* `node` may be NULL: a map that only changes make. */
static void write_map(struct writing *writing, const struct mtr_node *node, const struct changes *changes)
{
    mtr_json_map(&writing->json);
    for (uint32_t i = 0; node && i < node->child_count; i++) {
        const struct changes inner = into(changes, node->children[i].key);
        write_node(writing, &node->children[i], &inner, node->children[i].key);
    }
    for (uint32_t i = 0; i < changes->count; i++) {
        const struct mtr_str name = first_name(changes->path[i]);
        if (has_member(node, name) || came_before(changes, i)) continue;
        const struct changes inner = into(changes, name);
        write_node(writing, NULL, &inner, name);
    }
    mtr_json_map_end(&writing->json);
}

static void write_list(struct writing *writing, const struct mtr_node *node)
{
    const struct changes none = {.count = 0};
    mtr_json_list(&writing->json);
    for (uint32_t i = 0; i < node->child_count; i++)
        write_node(writing, &node->children[i], &none, (struct mtr_str){NULL, 0});
    mtr_json_list_end(&writing->json);
}

/* A change that ends here is the value. */
static bool write_change(struct writing *writing, const struct changes *changes)
{
    for (uint32_t i = 0; i < changes->count; i++) {
        if (changes->path[i].size) continue;
        if (changes->of[i]->is_number) mtr_json_raw(&writing->json, changes->of[i]->value);
        else mtr_json_text(&writing->json, changes->of[i]->value);
        return true;
    }
    return false;
}

static void write_node(struct writing *writing, const struct mtr_node *node, const struct changes *changes,
                       struct mtr_str name)
{
    if (node && node->kind == MTR_NODE_STRING && !changes->count) {
        write_text(writing, node->text, name);
        return;
    }
    name_member(writing, name);
    if (write_change(writing, changes)) return;
    if (!node || node->kind == MTR_NODE_MAP || changes->count) {
        write_map(writing, node && node->kind == MTR_NODE_MAP ? node : NULL, changes);
        return;
    }
    switch (node->kind) {
    case MTR_NODE_LIST: write_list(writing, node); break;
    case MTR_NODE_BOOL: mtr_json_bool(&writing->json, node->truth); break;
    case MTR_NODE_NUMBER: mtr_json_raw(&writing->json, node->text); break;
    default: mtr_json_null(&writing->json); break;
    }
}

static int write_json(struct request_text *text, const struct mtr_node *node, const struct changes *changes,
                      struct mtr_buffer *out)
{
    struct writing writing = {.text = text};
    mtr_buffer_init(&writing.value, REQUEST_BODY_BYTES_MAX);
    mtr_json_begin(&writing.json, out);
    write_node(&writing, node, changes, (struct mtr_str){NULL, 0});
    const int rc = mtr_json_finish(&writing.json);
    mtr_buffer_release(&writing.value);
    return writing.error ? writing.error : rc;
}

/* ---- forms ---- */

static const struct paging_change *change_of(const struct changes *changes, struct mtr_str name)
{
    for (uint32_t i = 0; i < changes->count; i++)
        if (mtr_str_equal(changes->path[i], name)) return changes->of[i];
    return NULL;
}

/* `name=value`, both escaped; nothing where the value is not there. */
static int write_field(struct request_text *text, const struct mtr_label *field,
                       const struct paging_change *change, struct mtr_buffer *out)
{
    const size_t before = out->size;
    bool is_there = true;
    int rc = before ? mtr_buffer_append_char(out, '&') : MTR_OK;
    if (!rc) rc = mtr_percent_encode(out, field->name);
    if (!rc) rc = mtr_buffer_append_char(out, '=');
    if (!rc && change) rc = mtr_percent_encode(out, change->value);
    else if (!rc) rc = request_text_append(text, field->value, MTR_TEMPLATE_IN_FORM, out, &is_there);
    if (!is_there) out->size = before;
    return rc;
}

static bool has_field(const struct mtr_source_request *request, struct mtr_str name)
{
    for (uint32_t i = 0; i < request->form_count; i++)
        if (mtr_str_equal(request->form[i].name, name)) return true;
    return false;
}

static int write_form(struct request_text *text, const struct mtr_source_request *request,
                      const struct changes *changes, struct mtr_buffer *out)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; i < request->form_count && !rc; i++)
        rc = write_field(text, &request->form[i], change_of(changes, request->form[i].name), out);
    for (uint32_t i = 0; i < changes->count && !rc; i++) {
        const struct mtr_label field = {changes->path[i], changes->of[i]->value};
        if (!has_field(request, field.name)) rc = write_field(text, &field, changes->of[i], out);
    }
    return rc;
}

/* ---- which of them ---- */

/* No document is nested deeper than the writer goes; a path might be. */
static bool is_deep(const struct changes *changes)
{
    for (uint32_t i = 0; i < changes->count; i++) {
        unsigned names = 1;
        for (size_t j = 0; j < changes->path[i].size; j++) names += changes->path[i].data[j] == '.';
        if (names > PATH_NAMES_MAX) return true;
    }
    return false;
}

int request_body_write(struct request_text *text, const struct mtr_source_request *request,
                       struct mtr_buffer *out, struct mtr_str *type)
{
    const struct changes changes = changes_of(text->ask->paging);
    bool is_there;
    *type = (struct mtr_str){NULL, 0};
    text->fault = "what paging sends goes to a path of more than 16 names in the body";
    if (is_deep(&changes)) return MTR_EINVALID;
    switch (request->body) {
    case MTR_BODY_JSON:
        *type = MTR_STR("application/json");
        return write_json(text, request->json, &changes, out);
    case MTR_BODY_FORM:
        *type = MTR_STR("application/x-www-form-urlencoded");
        return write_form(text, request, &changes, out);
    case MTR_BODY_TEXT:
        text->fault = "what paging sends cannot go into a body that is text: write {cursor} or {page} in it";
        if (changes.count) return MTR_EINVALID;
        return request_text_append(text, request->text, MTR_TEMPLATE_IN_TEXT, out, &is_there);
    case MTR_BODY_NONE: break;
    }
    if (!changes.count) return MTR_OK;
    *type = MTR_STR("application/json"); /* a body that only paging makes */
    return write_json(text, NULL, &changes, out);
}
