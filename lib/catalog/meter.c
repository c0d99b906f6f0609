/*
 * Reading a meter that belongs to no catalog: decoded as a record, of which a copy stays.
 */
#include "meterd/catalog/meter.h"

#include "lib/catalog/record.h"

bool mtr_meter_has_name(const struct mtr_meter *meter, struct mtr_str name)
{
    return mtr_schema_is_name_of(name, meter->service ? meter->service->key : (struct mtr_str){NULL, 0},
                                 meter->key);
}

static int copy_service(struct mtr_arena *arena, struct mtr_str key, struct mtr_meter *meter)
{
    struct mtr_service *service = mtr_arena_calloc(arena, 1, sizeof(*service));
    if (!service) return MTR_ENOMEM;
    meter->service = service;
    return mtr_arena_copy(arena, key, &service->key);
}

static int copy_texts(struct mtr_arena *arena, struct mtr_meter *meter)
{
    struct mtr_str *names = mtr_arena_calloc(arena, (size_t)meter->group_by_count + 1, sizeof(*names));
    if (!names) return MTR_ENOMEM;
    int rc = mtr_arena_copy(arena, meter->key, &meter->key);
    if (!rc) rc = mtr_arena_copy(arena, meter->unit, &meter->unit);
    if (!rc) rc = mtr_arena_copy(arena, meter->value, &meter->value);
    if (!rc) rc = mtr_arena_copy(arena, meter->spread_over, &meter->spread_over);
    if (!rc) rc = mtr_arena_copy(arena, meter->retired.text, &meter->retired.text);
    for (uint32_t i = 0; !rc && i < meter->group_by_count; i++)
        rc = mtr_arena_copy(arena, meter->group_by[i], &names[i]);
    meter->group_by = names;
    return rc;
}

int mtr_meter_read(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_meter *out,
                   struct mtr_diagnostics *findings)
{
    struct mtr_record *record = NULL;
    const struct mtr_node *key = node->kind == MTR_NODE_MAP ? mtr_node_get(node, "key") : NULL;
    if (!key || key->kind == MTR_NODE_NULL || !mtr_schema_is_key(key->text)) {
        mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_DOCUMENT_SHAPE, node->line, node->column, "key",
                             "a meter is a map with a key");
        return MTR_EINVALID;
    }
    const struct record_source source = {.kind = &meter_kind, .key = key->text, .node = node};
    int rc = record_decode(&source, NULL, findings, &record);
    if (rc) return rc;
    struct mtr_meter meter = record_meter_of(record, NULL);
    meter.filters = NULL;
    meter.filter_count = 0;
    meter.event_type = meter.name = (struct mtr_str){NULL, 0};
    rc = copy_texts(arena, &meter);
    if (!rc) rc = copy_service(arena, record->fields.meter.service, &meter);
    record_release(record);
    if (!rc) *out = meter;
    return rc;
}
