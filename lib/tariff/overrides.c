/*
 * Prices of a customer's or a subscription's own: an override merged into the tree of the version that it
 * stands in.
 *
 * Invariants: the merged tree has the version's components, in its order, and no overrides; what it says is
 * written in one place of the document, which is where a finding about it points.
 */
#include "lib/tariff/variants.h"

#include <string.h>

#include "lib/tariff/report.h"

static bool is_any(struct mtr_str key, const char *const *names)
{
    for (; *names; names++)
        if (mtr_str_equal(key, mtr_str_from(*names))) return true;
    return false;
}

static bool is_curve(struct mtr_str key)
{
    const char *name;
    for (unsigned i = 0; (name = mtr_curve_name_at(i)); i++)
        if (mtr_str_equal(key, mtr_str_from(name))) return true;
    return false;
}

static bool names_curve(const struct mtr_node *component)
{
    for (uint32_t i = 0; i < component->child_count; i++)
        if (is_curve(component->children[i].key) && component->children[i].kind != MTR_NODE_NULL) return true;
    return false;
}

static bool has_key(const struct mtr_node *map, struct mtr_str key)
{
    for (uint32_t i = 0; i < map->child_count; i++)
        if (mtr_str_equal(map->children[i].key, key)) return true;
    return false;
}

/* The keys of `base` that `over` does not replace, then those of `over`. */
static int merge(const struct mtr_node *base, const struct mtr_node *over, const char *const *not_from_over,
                 bool replaces_curve, struct mtr_arena *scratch, struct mtr_node *out)
{
    static const char *const of_curve[] = {"flat_at_zero", "tier_by", NULL};
    struct mtr_node *children =
        mtr_arena_calloc(scratch, (size_t)base->child_count + over->child_count + 1, sizeof(*children));
    uint32_t count = 0;
    if (!children) return MTR_ENOMEM;
    for (uint32_t i = 0; i < base->child_count; i++) {
        const struct mtr_node *child = &base->children[i];
        bool goes = replaces_curve && (is_curve(child->key) || is_any(child->key, of_curve));
        if (!goes && (!has_key(over, child->key) || is_any(child->key, not_from_over)))
            children[count++] = *child;
    }
    for (uint32_t i = 0; i < over->child_count; i++)
        if (!is_any(over->children[i].key, not_from_over)) children[count++] = over->children[i];
    *out = *base;
    out->children = children;
    out->child_count = count;
    return MTR_OK;
}

/* The item of `components` that has that key, or NULL. */
static struct mtr_node *find_component(struct mtr_node *items, uint32_t count, struct mtr_str key)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_node *own = mtr_node_get(&items[i], "key");
        if (own && mtr_str_equal(own->text, key)) return &items[i];
    }
    return NULL;
}

struct component_keys {
    const struct mtr_node *items;
    uint32_t count;
};

static struct mtr_str component_key_at(const void *context, unsigned i)
{
    const struct component_keys *keys = context;
    const struct mtr_node *key = i < keys->count ? mtr_node_get(&keys->items[i], "key") : NULL;
    if (i >= keys->count) return (struct mtr_str){NULL, 0};
    return key ? key->text : MTR_STR("");
}

static void report_unknown(const struct mtr_node *items, uint32_t count, const struct mtr_node *key,
                           struct mtr_diagnostics *findings)
{
    const struct component_keys keys = {items, count};
    char meant[MTR_MEANT_BYTES];
    mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_COMPONENT_UNKNOWN, key->line, key->column,
                         "overrides.components",
                         "the version has no component `%.*s%s` that could be overridden%s",
                         MTR_STR_QUOTED(key->text), mtr_str_meant(key->text, component_key_at, &keys, meant));
}

static bool is_repeated(const struct mtr_node *list, uint32_t index, struct mtr_str key)
{
    for (uint32_t i = 0; i < index; i++)
        if (mtr_str_equal(mtr_node_get(&list->children[i], "key")->text, key)) return true;
    return false;
}

static int override_components(const struct mtr_node *list, const struct mtr_node *overriding,
                               struct mtr_arena *scratch, struct mtr_node *out,
                               struct mtr_diagnostics *findings)
{
    static const char *const none[] = {NULL};
    size_t errors_before = findings->errors;
    struct mtr_node *items = mtr_arena_calloc(scratch, (size_t)list->child_count + 1, sizeof(*items));
    if (!items) return MTR_ENOMEM;
    memcpy(items, list->children, list->child_count * sizeof(*items));
    *out = *list;
    out->children = items;
    for (uint32_t i = 0; overriding && i < overriding->child_count; i++) {
        const struct mtr_node *over = &overriding->children[i], *key = mtr_node_get(over, "key");
        MTR_ASSERT(key); /* the schema saw to it */
        struct mtr_node *base = find_component(items, list->child_count, key->text), merged;
        if (is_repeated(overriding, i, key->text)) {
            tariff_report(findings, MTR_FINDING_TARIFF_NAME_REPEATED, key, "overrides.components",
                          "is overridden already in the same override");
            continue;
        }
        if (!base) {
            report_unknown(items, list->child_count, key, findings);
            continue;
        }
        int rc = merge(base, over, none, names_curve(over), scratch, &merged);
        if (rc) return rc;
        merged.line = over->line;
        merged.column = over->column;
        *base = merged;
    }
    return findings->errors > errors_before ? MTR_EINVALID : MTR_OK;
}

int tariff_plain_version(const struct mtr_node *version, struct mtr_arena *scratch, struct mtr_node *out)
{
    uint32_t count = 0;
    *out = *version;
    if (!mtr_node_get(version, "overrides")) return MTR_OK;
    struct mtr_node *children = mtr_arena_calloc(scratch, version->child_count, sizeof(*children));
    if (!children) return MTR_ENOMEM;
    for (uint32_t i = 0; i < version->child_count; i++)
        if (!mtr_str_equal(version->children[i].key, MTR_STR("overrides")))
            children[count++] = version->children[i];
    out->children = children;
    out->child_count = count;
    return MTR_OK;
}

int tariff_overridden_version(const struct mtr_node *plain, const struct mtr_node *override,
                              struct mtr_arena *scratch, struct mtr_node *out,
                              struct mtr_diagnostics *findings)
{
    static const char *const not_replaced[] = {"customer", "subscription", "components", NULL};
    struct mtr_node base = *plain, components;
    struct mtr_node *children = mtr_arena_calloc(scratch, (size_t)plain->child_count + 1, sizeof(*children));
    if (!children) return MTR_ENOMEM;
    int rc = override_components(mtr_node_get(plain, "components"), mtr_node_get(override, "components"),
                                 scratch, &components, findings);
    if (rc) return rc;
    for (uint32_t i = 0; i < plain->child_count; i++)
        children[i] = mtr_str_equal(plain->children[i].key, components.key) ? components : plain->children[i];
    base.children = children;
    return merge(&base, override, not_replaced, false, scratch, out);
}

static bool is_known(const struct mtr_diagnostics *list, const struct mtr_diagnostic *diagnostic)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct mtr_diagnostic *item = &list->items[i];
        if (item->line == diagnostic->line && item->column == diagnostic->column &&
            strcmp(item->text, diagnostic->text) == 0)
            return true;
    }
    return false;
}

void tariff_add_findings(struct mtr_diagnostics *to, const struct mtr_diagnostics *from)
{
    size_t errors_before = to->errors;
    for (size_t i = 0; i < from->count; i++)
        if (!is_known(to, &from->items[i])) mtr_diagnostics_add(to, &from->items[i]);
    to->dropped += from->dropped;
    if (from->errors && !errors_before && to->errors == errors_before)
        to->errors++; /* only dropped ones were errors */
}
