/*
 * Names of dimensions, one by one, as the places that have them stand: components of all versions of the
 * tariffs with the meters that they price, then meters of the request. Pure.
 */
#include "daemon/query/quote/quote_rows.h"

#include "meterd/core/limits.h"

/* What looks at names; true: enough. */
typedef bool (*on_name)(void *context, struct mtr_str name);

static bool walk_meter(const struct mtr_meter *meter, on_name hook, void *context)
{
    for (uint32_t i = 0; meter && i < meter->group_by_count; i++)
        if (hook(context, meter->group_by[i])) return true;
    return false;
}

static bool walk_component(const struct quote_dimensions *known, const struct mtr_component *component,
                           on_name hook, void *context)
{
    for (uint32_t i = 0; i < component->group_by_count; i++)
        if (hook(context, component->group_by[i])) return true;
    for (uint32_t i = 0; known->catalog && i < component->input_count; i++)
        if (walk_meter(mtr_catalog_find_meter(known->catalog, component->inputs[i]), hook, context))
            return true;
    return false;
}

static bool walk_tariff(const struct quote_dimensions *known, const struct mtr_tariff_document *tariff,
                        on_name hook, void *context)
{
    for (uint32_t v = 0; tariff && v < tariff->version_count; v++)
        for (uint32_t i = 0; i < tariff->versions[v].component_count; i++)
            if (walk_component(known, &tariff->versions[v].components[i], hook, context)) return true;
    return false;
}

/* A list, or one by itself. */
static bool walk_node(const struct mtr_node *names, on_name hook, void *context)
{
    if (!names) return false;
    if (names->kind != MTR_NODE_LIST) return hook(context, names->text);
    for (uint32_t i = 0; i < names->child_count; i++)
        if (hook(context, names->children[i].text)) return true;
    return false;
}

static bool walk(const struct quote_dimensions *known, on_name hook, void *context)
{
    for (uint32_t i = 0; i < known->phases.count; i++)
        for (int side = 0; side < QUOTE_SIDES; side++)
            if (walk_tariff(known, known->phases.items[i].of[side], hook, context)) return true;
    for (uint32_t i = 0; known->meters && i < known->meters->child_count; i++)
        if (walk_node(mtr_node_get(&known->meters->children[i], "group_by"), hook, context)) return true;
    return false;
}

static bool is_name(void *context, struct mtr_str name)
{
    const struct mtr_str *asked = context;
    return mtr_str_equal(*asked, name);
}

/* The first of them, for the nearest. */
enum { NAMES_MAX = 256 };
struct names {
    struct mtr_str items[NAMES_MAX];
    unsigned count;
};

static bool keep_name(void *context, struct mtr_str name)
{
    struct names *names = context;
    names->items[names->count++] = name;
    return names->count == NAMES_MAX;
}

static struct mtr_str name_at(const void *context, unsigned i)
{
    const struct names *names = context;
    return i < names->count ? names->items[i] : (struct mtr_str){NULL, 0};
}

int quote_check_dimensions(const struct quote_dimensions *known, const struct mtr_list *labels,
                           const char *field, struct mtr_diagnostics *findings)
{
    const struct mtr_label *items = labels->items;
    for (uint32_t i = 0; i < labels->count; i++) {
        struct names names = {.count = 0};
        struct mtr_str name = items[i].name;
        char meant[MTR_MEANT_BYTES];
        if (walk(known, is_name, &name)) continue;
        walk(known, keep_name, &names);
        mtr_str_meant(name, name_at, &names, meant);
        mtr_diagnostics_addf(findings, MTR_FINDING_QUOTE_NAME_UNKNOWN, 0, 0, field,
                             "nothing is priced by `%.*s%s`%s", MTR_STR_QUOTED(name), meant);
        return MTR_EINVALID;
    }
    return MTR_OK;
}
