/*
 * From a text to the documents in it. Does not decode fields: that is record.c's work.
 */
#include "lib/catalog/bundle.h"

#include "lib/catalog/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/catalog/store.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/limits.h"

enum { FIRST_ITEMS = 16, CHUNK_BYTES = 4096 };
#define BUNDLE_BYTES_MAX ((size_t)1 << 30)

void bundle_init(struct bundle *bundle)
{
    *bundle = (struct bundle){0};
    mtr_arena_init(&bundle->arena, CHUNK_BYTES, BUNDLE_BYTES_MAX);
}

void bundle_release(struct bundle *bundle)
{
    for (uint32_t i = 0; i < bundle->count; i++) record_release(bundle->items[i].decoded);
    free(bundle->items);
    mtr_arena_release(&bundle->arena);
}

/* {"key": key, …}: appended to *out. Null says nothing, but for a source: there it takes away what its preset
 * has. */
static int write_json(enum mtr_catalog_kind kind, const struct mtr_node *node, struct mtr_str key,
                      struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    struct mtr_buffer member;
    int rc = MTR_OK;
    mtr_buffer_init(&member, 2 * (size_t)MTR_DOCUMENT_BYTES_MAX);
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    mtr_json_named_text(&json, "key", key);
    for (uint32_t i = 0; i < node->child_count && !rc; i++) {
        const struct mtr_node *child = &node->children[i];
        const bool says_nothing = child->kind == MTR_NODE_NULL && kind != MTR_KIND_SOURCE;
        if (says_nothing || mtr_str_equal(child->key, MTR_STR("key"))) continue;
        mtr_buffer_reset(&member);
        rc = mtr_node_write_json(child, &member);
        mtr_json_name(&json, child->key.data);
        mtr_json_raw(&json, mtr_buffer_str(&member));
    }
    mtr_json_map_end(&json);
    mtr_buffer_release(&member);
    int finish = mtr_json_finish(&json);
    return rc ? rc : finish;
}

static int reserve(struct bundle *bundle)
{
    if (bundle->count < bundle->capacity) return MTR_OK;
    uint32_t capacity = bundle->capacity ? bundle->capacity * 2 : FIRST_ITEMS;
    struct bundle_item *items = realloc(bundle->items, capacity * sizeof(*items));
    if (!items) return MTR_ENOMEM;
    bundle->items = items;
    bundle->capacity = capacity;
    return MTR_OK;
}

static int fail(const struct mtr_node *node, enum mtr_finding_code code, const char *field,
                struct mtr_diagnostics *findings, const char *text)
{
    mtr_diagnostics_addf(findings, code, node->line, node->column, field, "%s", text);
    return MTR_EINVALID;
}

struct mtr_str bundle_service_of(enum mtr_catalog_kind kind, const struct mtr_node *node)
{
    const struct mtr_node *service = mtr_node_get(node, "service");
    const bool has_one = (kind == MTR_KIND_METER || kind == MTR_KIND_TARIFF) && service &&
                         service->kind != MTR_NODE_NULL && service->kind < MTR_NODE_LIST;
    return has_one ? service->text : (struct mtr_str){NULL, 0};
}

static int join_name(struct bundle *bundle, struct mtr_str service, struct mtr_str key, struct mtr_str *out)
{
    char *text = mtr_arena_alloc(&bundle->arena, service.size + 1 + key.size);
    if (!text) return MTR_ENOMEM;
    memcpy(text, service.data, service.size);
    text[service.size] = '/';
    memcpy(text + service.size + 1, key.data, key.size);
    *out = (struct mtr_str){text, service.size + 1 + key.size};
    return MTR_OK;
}

/* It is refused as it stands, and whoever applies it is to be told why. */
static bool is_unreadable(const struct mtr_record *record)
{
    return record->kind->id == MTR_KIND_SOURCE && record->fields.source->unreadable.size > 0;
}

static int add_item(struct bundle *bundle, enum mtr_catalog_kind kind, struct mtr_str key,
                    const struct mtr_node *node, const struct mtr_catalog *current)
{
    struct mtr_buffer json;
    struct bundle_item item = {.kind = kind, .key = key, .stored_key = key, .node = node};
    const struct mtr_str service = bundle_service_of(kind, node);
    /* Escapes may make it longer than what was written. */
    mtr_buffer_init(&json, 2 * (size_t)MTR_DOCUMENT_BYTES_MAX);
    int rc = reserve(bundle);
    if (!rc) rc = write_json(kind, node, key, &json);
    if (!rc) rc = mtr_arena_copy(&bundle->arena, mtr_buffer_str(&json), &item.json);
    mtr_buffer_release(&json);
    if (rc) return rc;
    item.stored = catalog_find_replaced(current, kind, service, key);
    if (item.stored) item.stored_key = item.stored->stored_key;
    else if (service.size) rc = join_name(bundle, service, key, &item.stored_key);
    if (rc) return rc;
    item.unchanged =
        item.stored && mtr_str_equal(item.stored->json, item.json) && !is_unreadable(item.stored);
    bundle->items[bundle->count++] = item;
    return MTR_OK;
}

static int read_key(const struct mtr_node *node, struct mtr_str *out, struct mtr_diagnostics *findings)
{
    const struct mtr_node *key = mtr_node_get(node, "key");
    if (!key || key->kind == MTR_NODE_NULL)
        return fail(node, MTR_FINDING_CATALOG_KEY_MISSING, "key", findings, "is missing");
    if ((key->kind != MTR_NODE_STRING && key->kind != MTR_NODE_NUMBER) || !mtr_schema_is_key(key->text))
        return fail(key, MTR_FINDING_CATALOG_KEY_MALFORMED, "key", findings,
                    "1 to 64 of letters, digits and . _ : - are expected, starting with a letter or digit");
    *out = key->text;
    return MTR_OK;
}

static int read_one(struct bundle *bundle, const struct mtr_node *root, enum mtr_catalog_kind kind,
                    struct mtr_str key, const struct mtr_catalog *current, struct mtr_diagnostics *findings)
{
    const struct mtr_str name = key, service = bundle_service_of(kind, root);
    struct mtr_str own;
    if (root->kind != MTR_NODE_MAP)
        return fail(root, MTR_FINDING_CATALOG_DOCUMENT_SHAPE, NULL, findings,
                    "a map of keys and values is expected");
    key = mtr_schema_short_name(name);
    if (!mtr_schema_is_key(key))
        return fail(
            root, MTR_FINDING_CATALOG_KEY_MALFORMED, "key", findings,
            "the path's key must be 1 to 64 of letters, digits and . _ : -, starting with a letter or digit");
    if (key.size != name.size &&
        !mtr_str_equal(service, (struct mtr_str){name.data, name.size - key.size - 1}))
        return fail(root, MTR_FINDING_CATALOG_KEY_PATH, "service", findings,
                    "differs from the service in the path");
    const struct mtr_node *written = mtr_node_get(root, "key");
    if (written && written->kind != MTR_NODE_NULL) {
        int rc = read_key(root, &own, findings);
        if (rc) return rc;
        if (!mtr_str_equal(own, key))
            return fail(written, MTR_FINDING_CATALOG_KEY_PATH, "key", findings,
                        "differs from the key in the path");
    }
    return add_item(bundle, kind, key, root, current);
}

static int read_list(struct bundle *bundle, const struct mtr_node *list, enum mtr_catalog_kind kind,
                     const struct mtr_catalog *current, struct mtr_diagnostics *findings)
{
    int rc = MTR_OK;
    if (list->kind == MTR_NODE_NULL) return MTR_OK;
    if (list->kind != MTR_NODE_LIST)
        return fail(list, MTR_FINDING_CATALOG_DOCUMENT_SHAPE, kind_of(kind)->plural, findings,
                    "a list of documents is expected");
    for (uint32_t i = 0; i < list->child_count && rc != MTR_ENOMEM; i++) {
        const struct mtr_node *node = &list->children[i];
        struct mtr_str key;
        bool is_map = node->kind == MTR_NODE_MAP;
        int one = is_map ? read_key(node, &key, findings)
                         : fail(node, MTR_FINDING_CATALOG_DOCUMENT_SHAPE, kind_of(kind)->plural, findings,
                                "a map is expected");
        if (!one) one = add_item(bundle, kind, key, node, current);
        if (one) rc = one;
    }
    return rc;
}

static const char *plural_of(int kind)
{
    return kind_of((enum mtr_catalog_kind)kind)->plural;
}

static struct mtr_str plural_at(const void *context, unsigned i)
{
    (void)context;
    return mtr_str_from(i < MTR_KIND_COUNT ? plural_of((int)i) : NULL);
}

static int fail_kind(const struct mtr_node *node, struct mtr_diagnostics *findings)
{
    char meant[MTR_MEANT_BYTES];
    const bool is_near = *mtr_str_meant(node->key, plural_at, NULL, meant) != '\0';
    mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_KIND_UNKNOWN, node->key_line, node->key_column, NULL,
                         "unknown key `%.*s%s`%s", MTR_STR_QUOTED(node->key),
                         is_near ? meant
                                 : "; known are vendors, services, meters, tariffs, subscriptions, api_keys, "
                                   "destinations, credits, rates, sources");
    return MTR_EINVALID;
}

static int read_many(struct bundle *bundle, const struct mtr_node *root, const struct mtr_catalog *current,
                     struct mtr_diagnostics *findings)
{
    int rc = MTR_OK;
    if (root->kind != MTR_NODE_MAP)
        return fail(root, MTR_FINDING_CATALOG_DOCUMENT_SHAPE, NULL, findings,
                    root->kind == MTR_NODE_NULL
                        ? "there are no documents: a map of kinds is expected, as `vendors: [...]`"
                        : "a map of kinds is expected, as `vendors: [...]`");
    for (uint32_t i = 0; i < root->child_count && rc != MTR_ENOMEM; i++) {
        const struct mtr_node *child = &root->children[i];
        int kind = 0;
        while (kind < MTR_KIND_COUNT && !mtr_str_equal(child->key, mtr_str_from(plural_of(kind))))
            kind++;
        bool known = kind < MTR_KIND_COUNT;
        int one = known ? read_list(bundle, child, (enum mtr_catalog_kind)kind, current, findings)
                        : fail_kind(child, findings);
        if (one) rc = one;
    }
    return rc;
}

/* The same document twice in one text would make its order matter. */
static int check_repeats(struct bundle *bundle, struct mtr_diagnostics *findings)
{
    struct mtr_index index;
    int result = MTR_OK, rc = hash_index_init(&index, &bundle->arena, bundle->count);
    if (rc) return rc;
    for (uint32_t i = 0; i < bundle->count; i++) {
        const struct bundle_item *item = &bundle->items[i];
        uint64_t hash = hash_index_hash(item->stored_key, (uint64_t)item->kind);
        for (uint32_t probe = 0, number; (number = hash_index_next(&index, hash, &probe)) != 0;) {
            const struct bundle_item *other = &bundle->items[number - 1];
            if (other->kind != item->kind || !mtr_str_equal(other->stored_key, item->stored_key)) continue;
            mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_KEY_REPEATED, item->node->line,
                                 item->node->column, "key", "%s `%.*s` is given twice, first on line %u",
                                 kind_of(item->kind)->name, MTR_STR_ARGS(item->key), other->node->line);
            result = MTR_EINVALID;
            break;
        }
        hash_index_add(&index, hash, i + 1);
    }
    return result;
}

int bundle_read(struct bundle *bundle, const struct mtr_node *root, const enum mtr_catalog_kind *kind,
                struct mtr_str key, const struct mtr_catalog *current, struct mtr_diagnostics *findings)
{
    int rc = kind ? read_one(bundle, root, *kind, key, current, findings)
                  : read_many(bundle, root, current, findings);
    if (rc == MTR_ENOMEM) return rc;
    int repeats = check_repeats(bundle, findings);
    return repeats ? repeats : rc;
}

/* False: there is no room. */
static bool write_name(struct mtr_catalog_change *change, enum mtr_catalog_kind kind, struct mtr_str name)
{
    enum { MORE_BYTES = 24 }; /* "and N more" */
    const size_t used = strlen(change->names);
    const size_t room = sizeof(change->names) - used - MORE_BYTES;
    const char *kind_name = mtr_catalog_kind_name(kind);
    if (strlen(kind_name) + name.size + 4 > room) return false;
    snprintf(change->names + used, room, "%s%s/%.*s", used ? ", " : "", kind_name, MTR_STR_ARGS(name));
    return true;
}

void bundle_write_names(const struct bundle *bundle, struct mtr_catalog_change *change)
{
    uint32_t left_out = 0;
    for (int round = 0; round < 2; round++) { /* API keys first */
        for (uint32_t i = 0; i < bundle->count; i++) {
            const struct bundle_item *item = &bundle->items[i];
            if (item->unchanged || (item->kind == MTR_KIND_API_KEY) != (round == 0)) continue;
            left_out += left_out || !write_name(change, item->kind, item->stored_key);
        }
    }
    if (bundle->deleted)
        left_out += !write_name(change, bundle->deleted->kind->id, bundle->deleted->stored_key);
    const size_t used = strlen(change->names);
    if (left_out)
        snprintf(change->names + used, sizeof(change->names) - used, "%sand %u more", used ? " " : "",
                 left_out);
}
