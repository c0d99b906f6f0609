/*
 * The registry of kinds, and the two that are nothing but rows.
 */
#include "lib/catalog/record.h"

static const struct mtr_field vendor_rows[] = {
    {MTR_ROW(mtr_vendor_fields, key), .type = MTR_FIELD_KEY,
     .doc = "its key; in a document of its own that of the path"},
    {MTR_ROW(mtr_vendor_fields, name), .type = MTR_FIELD_TEXT, .max = 256, .doc = "for people"},
    {0},
};

static const struct mtr_field service_rows[] = {
    {MTR_ROW(mtr_service_fields, key), .type = MTR_FIELD_KEY, .doc = "its key"},
    {MTR_ROW(mtr_service_fields, name), .type = MTR_FIELD_TEXT, .max = 256, .doc = "for people"},
    {MTR_ROW(mtr_service_fields, vendor), .type = MTR_FIELD_KEY, .required = true,
     .doc = "key of the vendor who sells it; fixed"},
    {MTR_ROW(mtr_service_fields, cost_tariff), .type = MTR_FIELD_NAME,
     .doc = "key of the tariff that says what use costs the seller, for subscriptions that name none"},
    {MTR_ROW(mtr_service_fields, retired), .type = MTR_FIELD_TEXT,
     .doc = "no subscription starts from then on: a date (midnight in its zone) or an instant"},
    {0},
};

static int finish_service(struct mtr_record *record, struct mtr_zones *zones,
                          struct mtr_diagnostics *findings)
{
    (void)zones;
    record_read_time(record, "retired", record->fields.service.retired, &record->retired, findings);
    return MTR_OK;
}

static void check_service(const struct mtr_record *old, const struct mtr_record *now,
                          struct mtr_diagnostics *findings)
{
    record_freeze(now, "vendor", mtr_str_equal(old->fields.service.vendor, now->fields.service.vendor),
                  findings);
}

static const struct mtr_kind vendor_kind = {
    .id = MTR_KIND_VENDOR, .name = "vendor", .plural = "vendors", .fields = vendor_rows};
static const struct mtr_kind service_kind = {.id = MTR_KIND_SERVICE,
                                             .name = "service",
                                             .plural = "services",
                                             .fields = service_rows,
                                             .finish = finish_service,
                                             .check_frozen = check_service,
                                             .deletable = true};

static const struct mtr_kind *const kinds[MTR_KIND_COUNT] = {
    [MTR_KIND_VENDOR] = &vendor_kind,
    [MTR_KIND_SERVICE] = &service_kind,
    [MTR_KIND_METER] = &meter_kind,
    [MTR_KIND_TARIFF] = &tariff_kind,
    [MTR_KIND_SUBSCRIPTION] = &subscription_kind,
    [MTR_KIND_API_KEY] = &api_key_kind,
    [MTR_KIND_DESTINATION] = &destination_kind,
    [MTR_KIND_CREDIT] = &credit_kind,
    [MTR_KIND_RATE] = &rate_kind,
    [MTR_KIND_SOURCE] = &source_kind,
};

const struct mtr_kind *kind_of(enum mtr_catalog_kind kind)
{
    MTR_ASSERT((unsigned)kind < (unsigned)MTR_KIND_COUNT && kinds[kind]->id == kind);
    return kinds[kind];
}

const char *mtr_catalog_kind_name(enum mtr_catalog_kind kind)
{
    return kind_of(kind)->name;
}

const char *mtr_catalog_kind_plural(enum mtr_catalog_kind kind)
{
    return kind_of(kind)->plural;
}

bool mtr_catalog_kind_from_name(struct mtr_str name, enum mtr_catalog_kind *out)
{
    for (int kind = 0; kind < MTR_KIND_COUNT; kind++) {
        bool singular = mtr_str_equal(name, mtr_str_from(kinds[kind]->name));
        if (!singular && !mtr_str_equal(name, mtr_str_from(kinds[kind]->plural))) continue;
        *out = (enum mtr_catalog_kind)kind;
        return true;
    }
    return false;
}

const struct mtr_field *mtr_catalog_kind_fields(enum mtr_catalog_kind kind)
{
    return kind_of(kind)->fields;
}
