/*
 * What subscriptions begin with: meters by key become meters of the snapshot, dimensions the text of a cell's
 * key. What is wrong with one is a finding: a meter that is unknown, of another service, or that has neither
 * level nor counter; a dimension that it has not; the same opening twice.
 */
#include "lib/catalog/snapshot.h"

#include <string.h>

#include "lib/catalog/names.h"
#include "meterd/catalog/meter_take.h"

/* Where it stands in its list. */
static uint32_t index_of(const struct mtr_record *record, const struct mtr_opening_fields *opening)
{
    const struct mtr_opening_fields *first = record->fields.subscription.opening.items;
    return (uint32_t)(opening - first);
}

static void fail(const struct mtr_record *record, enum mtr_finding_code code,
                 const struct mtr_opening_fields *opening, struct mtr_diagnostics *findings, const char *text)
{
    record_fail_item(record, code, "opening", index_of(record, opening), findings, "meter `%.*s` %s",
                     MTR_STR_ARGS(opening->meter), text);
}

static const struct mtr_meter *find_meter(const struct mtr_catalog *catalog, const struct mtr_record *record,
                                          const struct mtr_opening_fields *opening,
                                          struct mtr_diagnostics *findings)
{
    const struct mtr_subscription *subscription = &catalog->subscriptions[record->number - 1];
    const struct mtr_record *named =
        catalog_find_in(catalog, MTR_KIND_METER, subscription->service->key, opening->meter);
    if (!named) {
        char text[CATALOG_UNKNOWN_TEXT_BYTES];
        catalog_unknown_text(catalog, MTR_KIND_METER, opening->meter, findings, text);
        record_fail_item(record, MTR_FINDING_CATALOG_REFERENCE_UNKNOWN, "opening", index_of(record, opening),
                         findings, "%s", text);
        return NULL;
    }
    const struct mtr_meter *meter = &catalog->meters[named->number - 1];
    if (meter->service != subscription->service)
        fail(record, MTR_FINDING_CATALOG_REFERENCE_OTHER_SERVICE, opening, findings, "is of another service");
    else if (!mtr_meter_has_one_list(meter))
        fail(record, MTR_FINDING_CATALOG_OPENING_METER, opening, findings,
             "has neither a level nor a counter to begin with");
    else return meter;
    return NULL;
}

/* The values in the meter's order, as an event would have them. */
static int link_dimensions(struct mtr_catalog *catalog, const struct mtr_record *record,
                           const struct mtr_opening_fields *from, const struct mtr_meter *meter,
                           struct mtr_str *out, struct mtr_diagnostics *findings)
{
    const struct mtr_label *labels = from->dimensions.items;
    struct mtr_property properties[MTR_METER_GROUP_BY_MAX];
    struct mtr_taken taken;
    const struct mtr_event event = {.properties = properties, .property_count = from->dimensions.count};
    MTR_ASSERT(from->dimensions.count <= MTR_METER_GROUP_BY_MAX); /* the row's bound */
    for (uint32_t i = 0; i < from->dimensions.count; i++) {
        char meant[MTR_MEANT_BYTES];
        if (!mtr_meter_has_dimension(meter, labels[i].name))
            record_fail_item(record, MTR_FINDING_CATALOG_DIMENSION_UNKNOWN, "opening",
                             index_of(record, from), findings, "meter `%.*s` has no dimension `%.*s%s`%s",
                             MTR_STR_ARGS(meter->key), MTR_STR_QUOTED(labels[i].name),
                             mtr_meter_dimension_meant(meter, labels[i].name, meant));
        properties[i] = (struct mtr_property){
            .name = labels[i].name, .kind = MTR_PROPERTY_STRING, .text = labels[i].value};
    }
    if (mtr_meter_take_dimensions(meter, &event, &taken) != MTR_TAKE_COUNTS) {
        fail(record, MTR_FINDING_CATALOG_OPENING_DIMENSION, from, findings,
             "cannot have such a dimension: it is too long, or has the byte 0x1F");
        return MTR_OK;
    }
    return mtr_arena_copy(&catalog->arena, taken.dimensions, out);
}

static void check_value(const struct mtr_record *record, const struct mtr_opening_fields *from,
                        const struct mtr_meter *meter, struct mtr_diagnostics *findings)
{
    const mtr_int128 most = MTR_QUANTITY(MTR_EVENT_QUANTITY_MAX).e12;
    if (from->value.e12 > most || from->value.e12 < -most)
        fail(record, MTR_FINDING_CATALOG_OPENING_VALUE, from, findings, "cannot begin with more than 10^16");
    if (meter->aggregation == MTR_COUNTER_INCREASE && from->value.e12 < 0)
        fail(record, MTR_FINDING_CATALOG_OPENING_VALUE, from, findings,
             "cannot begin below 0: it is a counter");
}

static int link_opening(struct mtr_catalog *catalog, const struct mtr_record *record,
                        const struct mtr_opening_fields *from, struct mtr_opening *openings, uint32_t *count,
                        struct mtr_diagnostics *findings)
{
    struct mtr_subscription *subscription = &catalog->subscriptions[record->number - 1];
    const struct mtr_meter *meter = find_meter(catalog, record, from, findings);
    struct mtr_opening opening = {.meter = meter, .value = from->value};
    if (!meter) return MTR_OK;
    check_value(record, from, meter, findings);
    int rc = link_dimensions(catalog, record, from, meter, &opening.dimensions, findings);
    if (rc) return rc;
    subscription->opening_count = *count;
    if (mtr_subscription_opening(subscription, meter->number, opening.dimensions))
        fail(record, MTR_FINDING_CATALOG_OPENING_REPEATED, from, findings,
             "is given twice for the same dimensions");
    openings[(*count)++] = opening;
    subscription->opening_count = *count;
    return MTR_OK;
}

int catalog_link_openings(struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < catalog->counts[MTR_KIND_SUBSCRIPTION]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_SUBSCRIPTION][i];
        if (!record || !record->fields.subscription.opening.count) continue;
        const struct mtr_list *list = &record->fields.subscription.opening;
        const struct mtr_opening_fields *from = list->items;
        struct mtr_opening *openings = mtr_arena_calloc(&catalog->arena, list->count, sizeof(*openings));
        if (!openings) return MTR_ENOMEM;
        uint32_t count = 0;
        catalog->subscriptions[i].openings = openings;
        for (uint32_t k = 0; !rc && k < list->count; k++)
            rc = link_opening(catalog, record, &from[k], openings, &count, findings);
    }
    return rc;
}
