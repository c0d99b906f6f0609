/*
 * Checks of tariffs against the rest of the catalog: a component's meter exists and has the dimensions that it is priced by.
 */
#include "lib/catalog/snapshot.h"

#include <stdio.h>

static void fail(const struct mtr_record *record, const struct mtr_component *component, const char *field,
                 struct mtr_diagnostics *findings, const char *text)
{
    if (record->node)
        mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, component->line, component->column, field, "%s", text);
    else
        mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, 0, 0, field, "%s (in the stored tariff `%.*s`)", text,
                             MTR_STR_ARGS(record->key));
}

static bool has_dimension(const struct mtr_meter *meter, struct mtr_str name)
{
    for (uint32_t i = 0; i < meter->group_by_count; i++)
        if (mtr_str_equal(meter->group_by[i], name)) return true;
    return false;
}

static const char *meter_key_at(const void *context, unsigned i)
{
    const struct mtr_catalog *catalog = context;
    return i < catalog->counts[MTR_KIND_METER] ? catalog->meters[i].key.data : NULL;
}

static void check_component(const struct mtr_catalog *catalog, const struct mtr_record *record, const struct mtr_component *component,
                            struct mtr_diagnostics *findings)
{
    char text[240];
    if (component->curve == MTR_CURVE_RECURRING) return;
    const struct mtr_meter *meter = mtr_catalog_find_meter(catalog, component->meter);
    if (!meter) {
        const char *meant = findings->dropped ? NULL : mtr_schema_nearest(component->meter, meter_key_at, catalog);
        snprintf(text, sizeof(text), "component `%.*s`: unknown meter `%.*s`%s%s%s", MTR_STR_ARGS(component->key),
                 MTR_STR_ARGS(component->meter),
                 meant ? "; did you mean `" : "", meant ? meant : "", meant ? "`?" : "");
        fail(record, component, "meter", findings, text);
        return;
    }
    for (uint32_t i = 0; i < component->group_by_count; i++) {
        if (has_dimension(meter, component->group_by[i])) continue;
        snprintf(text, sizeof(text), "component `%.*s`: meter `%.*s` has no dimension `%.*s`", MTR_STR_ARGS(component->key),
                 MTR_STR_ARGS(meter->key), MTR_STR_ARGS(component->group_by[i]));
        fail(record, component, "group_by", findings, text);
    }
}

void mtr_catalog_check_tariffs(const struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_TARIFF]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_TARIFF][i];
        const struct mtr_tariff_document *tariff = &record->fields.tariff;
        for (uint32_t v = 0; v < tariff->version_count; v++)
            for (uint32_t c = 0; c < tariff->versions[v].component_count; c++)
                check_component(catalog, record, &tariff->versions[v].components[c], findings);
    }
}
