/*
 * A document with its preset's values. Maps are merged key by key; what is one of several ways replaces the
 * preset's way; null takes a preset's value away, and stays, so that who fills again changes nothing.
 *
 * What comes from the preset stands, for findings, where the document names it.
 */
#include <stdio.h>
#include <string.h>

#include "meterd/source/source_read.h"

/* Ways of which a map has one: writing another one removes the preset's. */
static const struct {
    const char *path;
    const char *keys[10];
} ways[] = {
    {"auth", {"none", "presigned", "basic", "header", "oauth2", "login", "aws_sigv4", "hmac", NULL}},
    {"paging", {"none", "page", "offset", "cursor", "next_url", "link_header", "after_id", "parts", NULL}},
    {"format", {"json", "ndjson", "csv", "prometheus", "s3_list", NULL}},
    {"window", {"length", "periods", NULL}},
    {"request", {"path", "url", NULL}},
    {"request.body", {"json", "form", "text", NULL}},
    {"job.submit.body", {"json", "form", "text", NULL}},
    {"job.id", {"header", "path", NULL}},
    {"job.poll", {"path", "url", NULL}},
    {"job.result", {"rows", "url", "manifest", NULL}},
    {"auth.login.request", {"path", "url", NULL}},
    {"auth.login.token", {"header", "path", NULL}},
    {"paging.parts", {"list", "s3_list", NULL}},
};

struct filling {
    struct mtr_arena *arena;
    struct mtr_node place; /* of what comes from the preset */
    char path[256];
};

/* What is one thing, and never half of one and half of another. */
static bool is_whole(const char *path)
{
    const size_t size = strlen(path);
    if (!strcmp(path, "for_each") || !strcmp(path, "identity")) return true;
    if (!strncmp(path, "map.", 4)) return strcmp(path, "map.data") != 0;
    return size > 5 && !strcmp(path + size - 5, ".json");
}

static bool is_among(const char *const *keys, struct mtr_str key)
{
    for (; *keys; keys++)
        if (mtr_str_equal(key, mtr_str_from(*keys))) return true;
    return false;
}

static const struct mtr_node *child_of(const struct mtr_node *map, struct mtr_str key)
{
    for (uint32_t i = 0; i < map->child_count; i++)
        if (mtr_str_equal(map->children[i].key, key)) return &map->children[i];
    return NULL;
}

/* Does the document choose another way at that path than the preset's key? */
static bool is_replaced(const struct filling *filling, const struct mtr_node *own, struct mtr_str key)
{
    for (unsigned w = 0; w < sizeof(ways) / sizeof(*ways); w++) {
        if (strcmp(ways[w].path, filling->path) != 0 || !is_among(ways[w].keys, key)) continue;
        for (uint32_t i = 0; i < own->child_count; i++)
            if (is_among(ways[w].keys, own->children[i].key)) return true;
    }
    return false;
}

static int copy_preset(struct filling *filling, const struct mtr_node *from, struct mtr_node *to)
{
    *to = *from;
    to->line = to->key_line = filling->place.line;
    to->column = to->key_column = filling->place.column;
    int rc = mtr_arena_copy(filling->arena, from->key, &to->key);
    if (!rc) rc = mtr_arena_copy(filling->arena, from->text, &to->text);
    if (rc || !from->child_count) return rc;
    struct mtr_node *children = mtr_arena_calloc(filling->arena, from->child_count, sizeof(*children));
    if (!children) return MTR_ENOMEM;
    to->children = children;
    for (uint32_t i = 0; !rc && i < from->child_count; i++)
        rc = copy_preset(filling, &from->children[i], &children[i]);
    return rc;
}

static size_t push(struct filling *filling, struct mtr_str key)
{
    const size_t before = strlen(filling->path);
    snprintf(filling->path + before, sizeof(filling->path) - before, "%s%.*s", before ? "." : "",
             MTR_STR_ARGS(mtr_str_quoted(key, 64)));
    return before;
}

/* Depth is that of the preset. */
static int merge(struct filling *filling, const struct mtr_node *preset, const struct mtr_node *own,
                 struct mtr_node *out)
{
    int rc = MTR_OK;
    *out = *own;
    if (own->kind != MTR_NODE_MAP || preset->kind != MTR_NODE_MAP || is_whole(filling->path)) return MTR_OK;
    struct mtr_node *children = mtr_arena_calloc(
        filling->arena, (size_t)own->child_count + preset->child_count + 1, sizeof(*children));
    if (!children) return MTR_ENOMEM;
    out->children = children;
    out->child_count = 0;
    for (uint32_t i = 0; !rc && i < own->child_count; i++) {
        const struct mtr_node *child = &own->children[i], *base = child_of(preset, child->key);
        const size_t before = push(filling, child->key);
        if (base) rc = merge(filling, base, child, &children[out->child_count++]);
        else children[out->child_count++] = *child;
        filling->path[before] = '\0';
    }
    for (uint32_t i = 0; !rc && i < preset->child_count; i++) {
        const struct mtr_node *base = &preset->children[i];
        if (child_of(own, base->key) || is_replaced(filling, own, base->key)) continue;
        rc = copy_preset(filling, base, &children[out->child_count++]);
    }
    return rc;
}

static const struct mtr_source_preset *find_preset(struct mtr_str key)
{
    const struct mtr_source_preset *preset;
    for (unsigned i = 0; (preset = mtr_source_preset_at(i)) != NULL; i++)
        if (mtr_str_equal(key, mtr_str_from(preset->key))) return preset;
    return NULL;
}

static struct mtr_str preset_key_at(const void *context, unsigned i)
{
    const struct mtr_source_preset *preset = mtr_source_preset_at(i);
    (void)context;
    return mtr_str_from(preset ? preset->key : NULL);
}

static int fail_unknown(const struct mtr_node *name, struct mtr_diagnostics *findings)
{
    char meant[MTR_MEANT_BYTES], list[256] = "";
    const struct mtr_source_preset *preset;
    size_t used = 0;
    for (unsigned i = 0; (preset = mtr_source_preset_at(i)) != NULL && used < sizeof(list); i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", preset->key);
    mtr_diagnostics_addf(findings, MTR_FINDING_SOURCE_PRESET, name->line, name->column, "preset",
                         "`%.*s%s` is none of %s%s", MTR_STR_QUOTED(name->text), list,
                         mtr_str_meant(name->text, preset_key_at, NULL, meant));
    return MTR_EINVALID;
}

int mtr_source_fill(const struct mtr_node *node, struct mtr_arena *arena, const struct mtr_node **out,
                    struct mtr_diagnostics *findings)
{
    const struct mtr_node *name = mtr_node_get(node, "preset");
    *out = node;
    if (!name || name->kind == MTR_NODE_NULL || name->kind >= MTR_NODE_LIST) return MTR_OK;
    const struct mtr_source_preset *preset = find_preset(name->text);
    if (!preset) return fail_unknown(name, findings);
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    struct filling filling = {.arena = arena, .place = *name};
    int rc = mtr_document_parse(mtr_str_from(preset->text), &document, &diagnostic);
    MTR_ASSERT(rc != MTR_EINVALID); /* a preset is YAML */
    if (rc) return rc;
    struct mtr_node *filled = mtr_arena_calloc(arena, 1, sizeof(*filled));
    rc = filled ? merge(&filling, mtr_document_root(document), node, filled) : MTR_ENOMEM;
    mtr_document_close(document);
    *out = filled;
    return rc;
}
