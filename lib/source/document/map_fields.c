/*
 * `format`, `identity` and `map`: the mapping of a source.
 */
#include "lib/source/document/fields.h"
#include "lib/source/import_reading.h"

static int get_zone(void *context, struct mtr_str name, struct mtr_zone **out)
{
    const struct mtr_source_zones *zones = context;
    return zones->get(zones->context, name, out);
}

static void read_format(struct source_reading *reading, const struct mtr_node *node,
                        struct mtr_row_format *out)
{
    struct mtr_diagnostic diagnostic;
    *out = mtr_row_format_default();
    const int rc = mtr_row_format_parse(node, reading->arena, out, &diagnostic);
    reading->is_unknown.format = rc != MTR_OK;
    if (rc == MTR_EINVALID) mtr_diagnostics_add(reading->findings, &diagnostic);
    else if (rc) reading->error = rc;
}

/* The sum that a vendor says is of a property which the map makes. */
static void check_sum(struct source_reading *reading, const struct mtr_source *source)
{
    const struct mtr_str of = source->complete.sum_of, prefix = MTR_STR("data.");
    for (uint32_t i = 0; i < source->map.data_count; i++) {
        const struct mtr_str field = source->map.data[i].field;
        if (mtr_str_equal(of, (struct mtr_str){field.data + prefix.size, field.size - prefix.size})) return;
    }
    source_fault(reading, MTR_FINDING_SOURCE_PATH, "complete.sum.of",
                 "`%.*s%s` is no property that `map: {data: …}` makes", MTR_STR_QUOTED(of));
}

/* Between two readings of a feed nothing of a counter is kept. */
static void check_counters(struct source_reading *reading, const struct mtr_source *source)
{
    if (source->map.counter_before_us && source->window.length == MTR_LENGTH_CURSOR)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, "map",
                     "a counter needs windows: a feed (`length: cursor`) has no sample before its first one");
}

void source_read_map(struct source_reading *reading, const struct source_fields *fields,
                     struct mtr_source *out)
{
    const struct mtr_node *identity = source_node_at(reading, "identity");
    const struct import_source source = {
        .get_zone = get_zone,
        .zone_context = (void *)(uintptr_t)reading->zones,
        .identity = identity && identity->kind == MTR_NODE_MAP ? identity : NULL,
    };
    out->map = (struct mtr_import_map){.time_pattern = {.form = MTR_TIME_RFC3339}};
    read_format(reading, fields->format, &out->map.format);
    const int rc = import_map_read(fields->map, &source, reading->arena, &out->map, reading->findings);
    reading->is_unknown.map = rc != MTR_OK;
    if (rc == MTR_ENOMEM) reading->error = rc;
    if (!rc && out->complete.sum_of.size) check_sum(reading, out);
    if (!rc) check_counters(reading, out);
}
