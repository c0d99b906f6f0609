/*
 * From what a caller names (a component, a meter, values of dimensions) to what a tariff prices. A row that
 * names no component is of every component that prices its meter, as an event is; without a meter either, of
 * all components where the tariffs price one meter only. What is left to name then is asked for.
 */
#include "daemon/query/quote/quote_rows.h"

#include <stdio.h>
#include <string.h>

#include "meterd/tariff/line_dimensions.h"

enum { KEYS_MAX = 64, ROWS_MAX = 1000000 };

/* ---- which component ---- */

int quote_fail(struct mtr_diagnostics *findings, enum mtr_finding_code code, const struct mtr_node *node,
               const char *field, const char *sentence, struct mtr_str name)
{
    mtr_diagnostics_addf(findings, code, node ? node->line : 0, node ? node->column : 0, field, "%s%s%.*s%s",
                         sentence, name.size ? " " : "", MTR_STR_QUOTED(name));
    return MTR_EINVALID;
}

/* "usage[7].component", or "component" of what stands beside `quantity`. */
enum { PATH_BYTES = 64 };
static const char *write_path(const struct quote_row *given, const char *member, char path[PATH_BYTES])
{
    if (given->place) snprintf(path, PATH_BYTES, "usage[%u].%s", given->place - 1, member);
    else snprintf(path, PATH_BYTES, "%s", member);
    return path;
}

int quote_fail_row(struct mtr_diagnostics *findings, enum mtr_finding_code code,
                   const struct quote_row *given, const char *member, const char *sentence,
                   struct mtr_str name)
{
    char path[PATH_BYTES];
    return quote_fail(findings, code, NULL, write_path(given, member, path), sentence, name);
}

int quote_fail_unknown(struct mtr_diagnostics *findings, const struct mtr_node *node, const char *field,
                       const char *sentence, struct mtr_str name, const char *meant)
{
    mtr_diagnostics_addf(findings, MTR_FINDING_QUOTE_NAME_UNKNOWN, node ? node->line : 0,
                         node ? node->column : 0, field, "%s %.*s%s%s", sentence, MTR_STR_QUOTED(name),
                         meant);
    return MTR_EINVALID;
}

static struct mtr_str input_of_component_at(const void *context, unsigned i)
{
    const struct mtr_component *component = context;
    return i < component->input_count ? component->inputs[i] : (struct mtr_str){NULL, 0};
}

/* Component after component, MTR_TARIFF_INPUTS_MAX places each. */
static struct mtr_str input_at(const void *context, unsigned i)
{
    const struct mtr_tariff_version *version = context;
    const unsigned input = i % MTR_TARIFF_INPUTS_MAX;
    if (i / MTR_TARIFF_INPUTS_MAX >= version->component_count) return (struct mtr_str){NULL, 0};
    const struct mtr_component *component = &version->components[i / MTR_TARIFF_INPUTS_MAX];
    return input < component->input_count ? component->inputs[input] : MTR_STR("");
}

int quote_find_tariff(const struct mtr_catalog *catalog, const struct mtr_node *node, const char *field,
                      const struct mtr_tariff_document **out, struct mtr_diagnostics *findings)
{
    char which[MTR_WHICH_OF_TEXT_BYTES], meant[MTR_MEANT_BYTES] = "";
    if (catalog && mtr_catalog_which_of(catalog, MTR_KIND_TARIFF, node->text, which))
        return quote_fail(findings, MTR_FINDING_QUOTE_NAME_AMBIGUOUS, node, field, which,
                          (struct mtr_str){NULL, 0});
    *out = catalog ? mtr_catalog_find_tariff(catalog, node->text) : NULL;
    if (*out) return MTR_OK;
    if (catalog) mtr_catalog_meant(catalog, MTR_KIND_TARIFF, node->text, NULL, meant);
    return quote_fail_unknown(findings, node, field, "there is no tariff", node->text, meant);
}

/* Index of the meter among the component's; input_count when it has no such. */
static uint32_t find_input(const struct mtr_component *component, struct mtr_str meter)
{
    uint32_t input = 0;
    while (input < component->input_count && meter.size &&
           !mtr_schema_may_be_same_name(component->inputs[input], meter))
        input++;
    return input;
}

bool quote_takes(const struct mtr_component *component, const struct quote_row *given)
{
    const bool is_named = !given->component.size || mtr_str_equal(component->key, given->component);
    return is_named && find_input(component, given->meter) < component->input_count;
}

bool quote_has_component(const struct mtr_tariff_version *version, const struct quote_row *given)
{
    for (uint32_t i = 0; i < version->component_count; i++)
        if (quote_takes(&version->components[i], given)) return true;
    return false;
}

const struct mtr_tariff_version *quote_first_version(const struct quote_phases *phases, enum quote_side side,
                                                     const struct quote_row *given)
{
    for (uint32_t p = 0; p < phases->count; p++) {
        const struct mtr_tariff_document *tariff = phases->items[p].of[side];
        for (uint32_t i = 0; tariff && i < tariff->version_count; i++)
            if (quote_has_component(&tariff->versions[i], given)) return &tariff->versions[i];
    }
    return NULL;
}

static int fail_component(const struct mtr_tariff_version *version, const struct quote_row *given,
                          struct mtr_diagnostics *findings)
{
    const struct mtr_str name = given->component, meter = given->meter, nothing = {NULL, 0};
    char meant[MTR_MEANT_BYTES], path[PATH_BYTES];
    for (uint32_t i = 0; name.size && i < version->component_count; i++) {
        const struct mtr_component *component = &version->components[i];
        if (!mtr_str_equal(component->key, name)) continue;
        if (component->input_count)
            return quote_fail_unknown(findings, NULL, write_path(given, "meter", path),
                                      "the component does not price the meter", meter,
                                      mtr_str_meant(meter, input_of_component_at, component, meant));
        return quote_fail_row(findings, MTR_FINDING_QUOTE_FEE, given, "component",
                              "a fee has no meter and takes no quantity:", name);
    }
    if (name.size)
        return quote_fail_unknown(findings, NULL, write_path(given, "component", path),
                                  "the tariff has no component", name,
                                  mtr_tariff_component_meant(version, name, meant));
    if (meter.size)
        return quote_fail_unknown(findings, NULL, write_path(given, "meter", path),
                                  "the tariff does not price the meter", meter,
                                  mtr_str_meant(meter, input_at, version, meant));
    return quote_fail_row(findings, MTR_FINDING_QUOTE_METER, given, "component",
                          "the tariff has no component with a meter", nothing);
}

int quote_find_component(const struct mtr_tariff_version *version, const struct quote_row *given,
                         uint32_t *out, struct mtr_diagnostics *findings)
{
    uint32_t found = UINT32_MAX, count = 0;
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_component *component = &version->components[i];
        if (!quote_takes(component, given)) continue;
        found = i;
        count++;
    }
    if (count == 0) return fail_component(version, given, findings);
    if (count > 1)
        return quote_fail_row(
            findings, MTR_FINDING_QUOTE_NAME_AMBIGUOUS, given, "component",
            given->meter.size
                ? "the tariff has several components with that meter: name the one that is meant"
                : "the tariff prices several meters: name the meter, or the component",
            (struct mtr_str){NULL, 0});
    *out = found;
    return MTR_OK;
}

struct mtr_str quote_label_value(const struct quote_row *given, struct mtr_str name)
{
    const struct mtr_label *items = given->dimensions.items;
    for (uint32_t i = 0; i < given->dimensions.count; i++)
        if (mtr_str_equal(items[i].name, name)) return items[i].value;
    return (struct mtr_str){NULL, 0};
}

static int append_escaped(struct mtr_buffer *out, struct mtr_str value)
{
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < value.size; i++) {
        if (memchr(",=\\", value.data[i], 3)) rc = mtr_buffer_append_char(out, '\\');
        if (!rc) rc = mtr_buffer_append_char(out, value.data[i]);
    }
    return rc;
}

/* "region=eu,sku=x" in the order of the component's group_by, as charges write it. */
static int write_dimensions(const struct mtr_component *component, const struct quote_row *given,
                            struct mtr_arena *arena, struct mtr_str *out)
{
    struct mtr_buffer text;
    mtr_buffer_init(&text, MTR_LINE_DIMENSIONS_TEXT_BYTES_MAX);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < component->group_by_count; i++) {
        rc = mtr_buffer_printf(&text, "%s%.*s=", i ? "," : "", MTR_STR_ARGS(component->group_by[i]));
        if (!rc) rc = append_escaped(&text, quote_label_value(given, component->group_by[i]));
    }
    if (!rc) rc = mtr_arena_copy(arena, mtr_buffer_str(&text), out);
    mtr_buffer_release(&text);
    return rc;
}

int quote_usage_row(const struct mtr_tariff_version *version, const struct quote_row *given,
                    struct mtr_arena *arena, struct mtr_usage_row *row, struct mtr_diagnostics *findings)
{
    int rc = quote_find_component(version, given, &row->component, findings);
    if (rc) return rc;
    const struct mtr_component *component = &version->components[row->component];
    row->input = find_input(component, given->meter);
    row->quantity = given->quantity;
    return write_dimensions(component, given, arena, &row->dimensions);
}

/* ---- rows of a meter ---- */

struct expanding {
    struct mtr_str meter; /* of the row, or the only one that is priced */
    struct mtr_str keys[KEYS_MAX];
    uint32_t count;
    bool is_ambiguous; /* no meter was named, and there are several */
};

static void add_key(struct expanding *expanding, struct mtr_str key)
{
    for (uint32_t i = 0; i < expanding->count; i++)
        if (mtr_str_equal(expanding->keys[i], key)) return;
    if (expanding->count == KEYS_MAX)
        expanding->is_ambiguous = true;
    else
        expanding->keys[expanding->count++] = key;
}

static void add_component(struct expanding *expanding, const struct mtr_component *component, bool any_meter)
{
    if (any_meter && component->input_count && !expanding->meter.size)
        expanding->meter = component->inputs[0];
    bool prices = false;
    for (uint32_t i = 0; i < component->input_count; i++) {
        const bool is_it = mtr_schema_may_be_same_name(component->inputs[i], expanding->meter);
        prices = prices || is_it;
        if (any_meter && !is_it) expanding->is_ambiguous = true;
    }
    if (prices) add_key(expanding, component->key);
}

static void add_tariff(struct expanding *expanding, const struct mtr_tariff_document *tariff, bool any_meter)
{
    for (uint32_t i = 0; tariff && i < tariff->version_count; i++)
        for (uint32_t j = 0; j < tariff->versions[i].component_count; j++)
            add_component(expanding, &tariff->versions[i].components[j], any_meter);
}

/* The components of a row that names none; one stands for "as it is". */
static void find_keys(const struct quote_phases *phases, const struct quote_row *row, struct expanding *out)
{
    *out = (struct expanding){.meter = row->meter};
    if (row->component.size) return;
    for (uint32_t i = 0; i < phases->count; i++)
        for (int side = 0; side < QUOTE_SIDES; side++)
            add_tariff(out, phases->items[i].of[side], !row->meter.size);
    if (out->is_ambiguous) out->count = 0;
}

int quote_rows_expand(const struct quote_phases *phases, struct mtr_list *rows, struct mtr_arena *arena,
                      struct mtr_diagnostics *findings)
{
    const struct quote_row *given = rows->items;
    struct expanding found;
    size_t total = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        find_keys(phases, &given[i], &found);
        total += found.count > 1 ? found.count : 1;
    }
    if (total > ROWS_MAX)
        return quote_fail(findings, MTR_FINDING_QUOTE_LIMIT, NULL, "usage",
                          "has too many rows for all components of their meters: name the component",
                          (struct mtr_str){NULL, 0});
    /* One for one, they are written where they stand. */
    struct quote_row *all = total == rows->count ? rows->items : mtr_arena_calloc(arena, total, sizeof(*all));
    if (total && !all) return MTR_ENOMEM;
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct quote_row row = given[i];
        find_keys(phases, &row, &found);
        const bool is_of_all = found.count > 1 || (found.count == 1 && row.has_time);
        for (uint32_t j = 0; is_of_all && j < found.count; j++) {
            all[count] = row;
            all[count].component = found.keys[j];
            all[count].meter = found.meter;
            all[count++].of_meter = true;
        }
        if (!is_of_all) all[count++] = row;
    }
    MTR_ASSERT(count == total);
    rows->items = all;
    rows->count = count;
    return MTR_OK;
}
