/*
 * Billing and trial for meterd price: what a word stands for, and a trial's tariff out of the same file.
 */
#include "daemon/cli/price/terms_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/json_writer.h"

static const struct mtr_node *find_tariff(const struct mtr_node *bundle, const struct mtr_node *key)
{
    const struct mtr_node *tariffs = bundle ? mtr_node_get(bundle, "tariffs") : NULL;
    for (uint32_t i = 0; key && tariffs && i < tariffs->child_count; i++) {
        const struct mtr_node *own = mtr_node_get(&tariffs->children[i], "key");
        if (own && mtr_str_equal(own->text, key->text)) return &tariffs->children[i];
    }
    return NULL;
}

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

int terms_option_write(const struct cli_invocation *invocation, const char *option,
                       const struct mtr_node *bundle, struct mtr_buffer *out)
{
    const char *text = invocation_option(invocation, option);
    const char *member = strcmp(option, "trial") == 0 ? "end" : "every";
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    if (!text) return MTR_EXIT_OK;
    if (mtr_document_parse(mtr_str_from(text), &document, &broken)) {
        fprintf(stderr, "meterd price: --%s: %s [%s]\n", option, broken.text,
                mtr_finding_kind(broken.code)->code);
        return MTR_EXIT_USAGE;
    }
    const struct mtr_node *root = mtr_document_root(document);
    const bool is_map = root->kind == MTR_NODE_MAP;
    const struct mtr_node *key = is_map ? mtr_node_get(root, "tariff") : NULL,
                          *tariff = find_tariff(bundle, key);
    int rc = !is_map  ? write_word(member, mtr_str_from(text), out)
             : tariff ? write_with_tariff(root, key, tariff, out)
                      : mtr_node_write_json(root, out);
    mtr_document_close(document);
    return rc ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}
