/*
 * Billing and trial for meterd price: what a word stands for, and a trial's tariff out of the same file.
 */
#include "daemon/cli/price/terms_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/json_writer.h"

static int write_word(const char *member, struct mtr_str word, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    mtr_json_named_text(&json, member, word);
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

/* The map with the document in the place of its tariff's key. */
static int write_with_tariff(const struct mtr_node *map, const struct mtr_node *key,
                             const struct mtr_node *tariff, struct mtr_buffer *out)
{
    struct mtr_node *children = calloc(map->child_count, sizeof(*children)), copy = *map;
    if (!children) return MTR_ENOMEM;
    for (uint32_t i = 0; i < map->child_count; i++) {
        children[i] = map->children[i];
        if (&map->children[i] != key) continue;
        children[i] = *tariff;
        children[i].key = key->key;
    }
    copy.children = children;
    int rc = mtr_node_write_json(&copy, out);
    free(children);
    return rc;
}

/* The tariff that the map names, out of the file. NULL in *out: it names none, or there is no file. */
static int find_tariff(const char *option, const struct mtr_node *map, const struct price_bundle *bundle,
                       const struct mtr_node **out)
{
    const struct mtr_node *key = mtr_node_get(map, "tariff");
    *out = NULL;
    if (!key || key->kind != MTR_NODE_STRING || !bundle->root) return MTR_EXIT_OK;
    *out = price_bundle_find(bundle, key->text);
    return *out ? price_check_only(bundle->path, *out) : price_bundle_refuse(bundle, option, key->text);
}

int terms_option_write(const struct cli_invocation *invocation, const char *option,
                       const struct price_bundle *bundle, struct mtr_buffer *out)
{
    const char *text = invocation_option(invocation, option);
    const char *member = strcmp(option, "trial") == 0 ? "end" : "every";
    const struct mtr_node *tariff = NULL;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    int rc = MTR_OK;
    if (!text) return MTR_EXIT_OK;
    if (mtr_document_parse(mtr_str_from(text), &document, &broken)) {
        fprintf(stderr, "meterd price: --%s: %s [%s]\n", option, broken.text,
                mtr_finding_kind(broken.code)->code);
        return MTR_EXIT_USAGE;
    }
    const struct mtr_node *root = mtr_document_root(document);
    const bool is_map = root->kind == MTR_NODE_MAP;
    int code = is_map ? find_tariff(option, root, bundle, &tariff) : MTR_EXIT_OK;
    if (!code)
        rc = !is_map  ? write_word(member, mtr_str_from(text), out)
             : tariff ? write_with_tariff(root, mtr_node_get(root, "tariff"), tariff, out)
                      : mtr_node_write_json(root, out);
    mtr_document_close(document);
    return rc ? MTR_EXIT_FAILED : code;
}
