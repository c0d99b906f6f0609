/*
 * Names of dimensions, one by one, as the places that have them stand: of all versions of the tariffs the
 * components that take a row, with the meters that they price. Pure.
 */
#include "daemon/query/quote/quote_rows.h"

#include <stdio.h>

/* What looks at names; true: enough. */
typedef bool (*on_name)(void *context, struct mtr_str name);

static bool walk_meter(const struct mtr_meter *meter, on_name hook, void *context)
{
    for (uint32_t i = 0; meter && i < meter->group_by_count; i++)
        if (hook(context, meter->group_by[i])) return true;
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

/* Of the catalog, and of the request. */
static bool walk_input(const struct quote_dimensions *known, struct mtr_str name, on_name hook,
                       void *context)
{
    if (known->catalog && walk_meter(mtr_catalog_find_meter(known->catalog, name), hook, context))
        return true;
    for (uint32_t i = 0; known->meters && i < known->meters->child_count; i++) {
        const struct mtr_node *meter = &known->meters->children[i];
        if (mtr_schema_may_be_same_name(name, mtr_node_text(meter, "key")) &&
            walk_node(mtr_node_get(meter, "group_by"), hook, context))
            return true;
    }
    return false;
}

static bool walk_component(const struct quote_dimensions *known, const struct mtr_component *component,
                           on_name hook, void *context)
{
    for (uint32_t i = 0; i < component->group_by_count; i++)
        if (hook(context, component->group_by[i])) return true;
    for (uint32_t i = 0; i < component->input_count; i++)
        if (walk_input(known, component->inputs[i], hook, context)) return true;
    return false;
}

/* The row whose names these are, of the components that take it. */
struct walking {
    const struct quote_dimensions *known;
    const struct quote_row *given;
    bool is_taken;
};

static bool walk_tariff(struct walking *walking, const struct mtr_tariff_document *tariff, on_name hook,
                        void *context)
{
    for (uint32_t v = 0; tariff && v < tariff->version_count; v++) {
        for (uint32_t i = 0; i < tariff->versions[v].component_count; i++) {
            const struct mtr_component *component = &tariff->versions[v].components[i];
            if (!quote_takes(component, walking->given)) continue;
            walking->is_taken = true;
            if (walk_component(walking->known, component, hook, context)) return true;
        }
    }
    return false;
}

static bool walk(struct walking *walking, on_name hook, void *context)
{
    const struct quote_phases *phases = &walking->known->phases;
    for (uint32_t i = 0; i < phases->count; i++)
        for (int side = 0; side < QUOTE_SIDES; side++)
            if (walk_tariff(walking, phases->items[i].of[side], hook, context)) return true;
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

static const struct quote_row any_row;

/* The nearest of what the row could have; "" where none is near. */
static const char *find_meant(const struct quote_dimensions *known, const struct quote_row *given,
                              struct mtr_str name, char meant[MTR_MEANT_BYTES])
{
    struct walking walking = {.known = known, .given = given};
    struct names names = {.count = 0};
    walk(&walking, keep_name, &names);
    return mtr_str_meant(name, name_at, &names, meant);
}

/* Of a name that other components have, the sentence says whose it is not. */
static int fail(const struct quote_dimensions *known, const struct quote_row *given, struct mtr_str name,
                const char *field, struct mtr_diagnostics *findings)
{
    struct walking walking = {.known = known, .given = &any_row};
    const struct mtr_str of = given->component.size ? given->component : given->meter;
    char path[MTR_FINDING_FIELD_BYTES], meant[MTR_MEANT_BYTES];
    snprintf(path, sizeof(path), "%s.%.*s%s", field, MTR_STR_QUOTED(name));
    find_meant(known, given, name, meant);
    if (of.size && walk(&walking, is_name, &name)) {
        mtr_diagnostics_addf(findings, MTR_FINDING_QUOTE_DIMENSION_OTHER, 0, 0, path,
                             "%s `%.*s%s` has no dimension `%.*s%s`%s",
                             given->component.size ? "component" : "meter", MTR_STR_QUOTED(of),
                             MTR_STR_QUOTED(name), meant);
        return MTR_EINVALID;
    }
    if (!*meant) find_meant(known, &any_row, name, meant);
    mtr_diagnostics_addf(findings, MTR_FINDING_QUOTE_NAME_UNKNOWN, 0, 0, path,
                         "nothing is priced by `%.*s%s`%s", MTR_STR_QUOTED(name), meant);
    return MTR_EINVALID;
}

int quote_check_dimensions(const struct quote_dimensions *known, const struct quote_row *given,
                           const char *field, struct mtr_diagnostics *findings)
{
    const struct mtr_label *items = given->dimensions.items;
    for (uint32_t i = 0; i < given->dimensions.count; i++) {
        struct walking walking = {.known = known, .given = given};
        struct mtr_str name = items[i].name;
        if (walk(&walking, is_name, &name)) continue;
        if (!walking.is_taken && (given->component.size || given->meter.size)) return MTR_OK;
        return fail(known, given, name, field, findings);
    }
    return MTR_OK;
}
