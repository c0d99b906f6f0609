/*
 * From what a caller names (a component, values of dimensions) to a row of the price function.
 */
#include "daemon/query/quote_usage.h"

#include <string.h>

#include "meterd/core/time.h"

int quote_fail(struct mtr_diagnostics *findings, const struct mtr_node *node, const char *field,
                   const char *sentence, struct mtr_str name)
{
    mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, node ? node->line : 0, node ? node->column : 0, field,
                         "%s%s%.*s", sentence, name.size ? " " : "", MTR_STR_ARGS(name));
    return MTR_EINVALID;
}

int64_t quote_version_start_us(const struct mtr_tariff_version *version)
{
    return version->from_is_date ? version->from_days * MTR_US_PER_DAY : version->from_us;
}

int64_t quote_version_start_s(const struct mtr_tariff_version *version, const struct mtr_zone *zone)
{
    if (version->from_is_date)
        return mtr_zone_from_civil(
            zone, mtr_civil_from_s(version->from_days * (MTR_US_PER_DAY / MTR_US_PER_SECOND)));
    return (version->from_us + MTR_US_PER_SECOND - 1) / MTR_US_PER_SECOND;
}

const struct mtr_meter *quote_find_meter(const struct mtr_price_meters *meters, struct mtr_str key)
{
    for (uint32_t i = 0; i < meters->given_count; i++)
        if (mtr_str_equal(meters->given[i].key, key)) return &meters->given[i];
    return meters->catalog ? mtr_catalog_find_meter(meters->catalog, key) : NULL;
}

/* Index of the meter among the component's; input_count when it has no such. */
static uint32_t find_input(const struct mtr_component *component, struct mtr_str meter)
{
    uint32_t input = 0;
    while (input < component->input_count && meter.size && !mtr_str_equal(component->inputs[input], meter))
        input++;
    return input;
}

bool quote_has_component(const struct mtr_tariff_version *version, const struct mtr_price_usage *given)
{
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_component *component = &version->components[i];
        bool named = !given->component.size || mtr_str_equal(component->key, given->component);
        if (named && find_input(component, given->meter) < component->input_count) return true;
    }
    return false;
}

static int fail_component(const struct mtr_tariff_version *version, struct mtr_str name, struct mtr_str meter,
                          struct mtr_diagnostics *findings)
{
    const struct mtr_str nothing = {NULL, 0};
    for (uint32_t i = 0; name.size && i < version->component_count; i++) {
        if (!mtr_str_equal(version->components[i].key, name)) continue;
        if (version->components[i].input_count)
            return quote_fail(findings, NULL, "meter", "the component does not price the meter", meter);
        return quote_fail(findings, NULL, "component", "a fee has no meter and takes no quantity:", name);
    }
    if (name.size) return quote_fail(findings, NULL, "component", "the tariff has no component", name);
    if (meter.size)
        return quote_fail(findings, NULL, "meter", "the tariff does not price the meter", meter);
    return quote_fail(findings, NULL, "component", "the tariff has no component with a meter", nothing);
}

int quote_find_component(const struct mtr_tariff_version *version, struct mtr_str name,
                             struct mtr_str meter, uint32_t *out, struct mtr_diagnostics *findings)
{
    uint32_t found = UINT32_MAX, count = 0;
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_component *component = &version->components[i];
        if (name.size && !mtr_str_equal(component->key, name)) continue;
        if (find_input(component, meter) == component->input_count) continue;
        found = i;
        count++;
    }
    if (count == 0) return fail_component(version, name, meter, findings);
    if (count > 1)
        return quote_fail(
            findings, NULL, "component",
            meter.size ? "the tariff has several components with that meter: name the one that is meant"
                       : "the tariff prices several meters: name the meter, or the component",
            (struct mtr_str){NULL, 0});
    *out = found;
    return MTR_OK;
}

static struct mtr_str label_value(const struct mtr_list *labels, struct mtr_str name)
{
    const struct mtr_label *items = labels->items;
    for (uint32_t i = 0; i < labels->count; i++)
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
static int write_dimensions(const struct mtr_component *component, const struct mtr_list *labels,
                            struct mtr_arena *arena, struct mtr_str *out)
{
    struct mtr_buffer text;
    mtr_buffer_init(&text, 1 << 14);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < component->group_by_count; i++) {
        rc = mtr_buffer_printf(&text, "%s%.*s=", i ? "," : "", MTR_STR_ARGS(component->group_by[i]));
        if (!rc) rc = append_escaped(&text, label_value(labels, component->group_by[i]));
    }
    if (!rc) rc = mtr_arena_copy(arena, mtr_buffer_str(&text), out);
    mtr_buffer_release(&text);
    return rc;
}

int quote_usage_row(const struct mtr_tariff_version *version, const struct mtr_price_usage *given,
                        struct mtr_arena *arena, struct mtr_usage_row *row, struct mtr_diagnostics *findings)
{
    int rc = quote_find_component(version, given->component, given->meter, &row->component, findings);
    if (rc) return rc;
    const struct mtr_component *component = &version->components[row->component];
    row->input = find_input(component, given->meter);
    row->quantity = given->quantity;
    return write_dimensions(component, &given->dimensions, arena, &row->dimensions);
}
