/*
 * The registry of kinds: their names and one row per field. Adding a kind is a row here, a struct in record.h
 * and its links in snapshot.c.
 */
#include "lib/catalog/record.h"

#include <sodium.h>
#include <string.h>

#include "lib/tariff/fields.h"
#include "meterd/core/limits.h"

#define FIELD(type_name, member_name) .offset = offsetof(struct type_name, member_name)

static const struct mtr_field vendor_rows[] = {
    {.name = "key", .type = MTR_FIELD_KEY, FIELD(mtr_vendor_fields, key),
     .doc = "its key; in a document of its own that of the path"},
    {.name = "name", .type = MTR_FIELD_TEXT, FIELD(mtr_vendor_fields, name), .max = 256, .doc = "for people"},
    {0},
};

static const struct mtr_field service_rows[] = {
    {.name = "key", .type = MTR_FIELD_KEY, FIELD(mtr_service_fields, key), .doc = "its key"},
    {.name = "name", .type = MTR_FIELD_TEXT, FIELD(mtr_service_fields, name), .max = 256,
     .doc = "for people"},
    {.name = "vendor", .type = MTR_FIELD_KEY, FIELD(mtr_service_fields, vendor), .required = true,
     .doc = "key of the vendor who sells it; fixed"},
    {.name = "cost_tariff", .type = MTR_FIELD_KEY, FIELD(mtr_service_fields, cost_tariff),
     .doc = "key of the tariff that says what use costs the seller, for subscriptions that name none"},
    {0},
};

static const char *const aggregations[] = {"sum",    "count",         "min",        "max", "last",
                                           "unique", "time_weighted", "percentile", NULL};
_Static_assert(sizeof(aggregations) / sizeof(*aggregations) == MTR_AGGREGATION_COUNT + 1, "a name for each");
static const char *const reported[] = {"level", "change", NULL};
static const char *const held_from[] = {"moment", "day", NULL};
static const char *const time_units[] = {"second", "minute", "hour", "day", "period", NULL};

static const struct mtr_field meter_rows[] = {
    {.name = "key", .type = MTR_FIELD_KEY, FIELD(mtr_meter_fields, key), .doc = "its key"},
    {.name = "name", .type = MTR_FIELD_TEXT, FIELD(mtr_meter_fields, name), .max = 256, .doc = "for people"},
    {.name = "service", .type = MTR_FIELD_KEY, FIELD(mtr_meter_fields, service), .required = true,
     .doc = "key of its service; fixed"},
    {.name = "event_type", .type = MTR_FIELD_TEXT, FIELD(mtr_meter_fields, event_type), .required = true,
     .min = 1, .max = MTR_EVENT_TYPE_BYTES_MAX, .doc = "type of the events that it counts; fixed"},
    {.name = "aggregation", .type = MTR_FIELD_ENUM, FIELD(mtr_meter_fields, aggregation),
     .default_text = "sum", .choices = aggregations, .doc = "how events become one quantity; fixed"},
    {.name = "value", .type = MTR_FIELD_TEXT, FIELD(mtr_meter_fields, value), .min = 1,
     .max = MTR_PROPERTY_NAME_BYTES_MAX, .doc = "property that holds the quantity; none for count; fixed"},
    {.name = "unit", .type = MTR_FIELD_TEXT, FIELD(mtr_meter_fields, unit), .max = 64,
     .doc = "of the quantity, for people"},
    {.name = "group_by", .type = MTR_FIELD_TEXTS, FIELD(mtr_meter_fields, group_by),
     .max = MTR_METER_GROUP_BY_MAX, .doc = "properties whose values are kept apart; fixed"},
    {.name = "filter", .type = MTR_FIELD_NODE, FIELD(mtr_meter_fields, filter_node),
     .doc = "property: value or list of values; an event counts when all hold; fixed"},
    {.name = "keep_events", .type = MTR_FIELD_BOOL, FIELD(mtr_meter_fields, keep_events),
     .default_text = "false",
     .doc = "of sum and count: each event is kept, so that a component of `scope: event` can price it; "
            "fixed"},
    {.name = "spread_over", .type = MTR_FIELD_TEXT, FIELD(mtr_meter_fields, spread_over), .min = 1,
     .max = MTR_PROPERTY_NAME_BYTES_MAX,
     .doc = "of sum: property that holds a length in seconds; the quantity is spread evenly over it, from "
            "the event's time on; fixed"},
    {.name = "reports", .type = MTR_FIELD_ENUM, FIELD(mtr_meter_fields, reports), .default_text = "level",
     .choices = reported, PRESENT(mtr_meter_fields, reports_given),
     .doc = "of time_weighted: events carry the level, or what it changes by; fixed"},
    {.name = "per", .type = MTR_FIELD_ENUM, FIELD(mtr_meter_fields, per), .default_text = "hour",
     .choices = time_units, PRESENT(mtr_meter_fields, per_given),
     .doc = "of time_weighted: a level of 1 that holds for this long is 1; period: the mean level; fixed"},
    {.name = "holds_from", .type = MTR_FIELD_ENUM, FIELD(mtr_meter_fields, holds_from),
     .default_text = "moment", .choices = held_from, PRESENT(mtr_meter_fields, holds_from_given),
     .doc = "of time_weighted: a value holds from its own moment, or from the beginning of its local day; "
            "fixed"},
    {.name = "percentile", .type = MTR_FIELD_QUANTITY, FIELD(mtr_meter_fields, percentile),
     .default_text = "95", PRESENT(mtr_meter_fields, percentile_given),
     .doc = "of percentile: which, above 0 and at most 100; fixed"},
    {.name = "window", .type = MTR_FIELD_DURATION, FIELD(mtr_meter_fields, window_us), .default_text = "5m",
     .min = 60000000, .max = 3600000000, PRESENT(mtr_meter_fields, window_given),
     .doc = "of percentile: length of the windows whose sums are compared; divides an hour; fixed"},
    {0},
};

static const char *const periods[] = {"day", "week", "month", "quarter", "year", NULL};

static const struct mtr_field billing_rows[] = {
    {.name = "every", .type = MTR_FIELD_ENUM, FIELD(mtr_billing_fields, every), .default_text = "month",
     .choices = periods, .doc = "length of a billing period"},
    {.name = "anchor", .type = MTR_FIELD_TEXT, FIELD(mtr_billing_fields, anchor), .default_text = "calendar",
     .doc = "calendar, anniversary (of start), or a date that periods are counted from"},
    {0},
};

static const char *const trial_then[] = {"convert", "stop", NULL};

static const struct mtr_field trial_rows[] = {
    {.name = "end", .type = MTR_FIELD_TEXT, FIELD(mtr_trial_fields, end),
     .doc = "when it ends: a date or an instant"},
    {.name = "days", .type = MTR_FIELD_U64, FIELD(mtr_trial_fields, days),
     .present_offset = offsetof(struct mtr_trial_fields, has_days) + 1, .min = 1, .max = 36500,
     .doc = "instead of end: how many local days from start it lasts"},
    {.name = "tariff", .type = MTR_FIELD_KEY, FIELD(mtr_trial_fields, tariff),
     .doc = "what is charged until then; nothing unless given"},
    {.name = "then", .type = MTR_FIELD_ENUM, FIELD(mtr_trial_fields, then), .choices = trial_then,
     .default_text = "convert",
     .doc = "convert: the subscription's tariff from then on; stop: nothing is charged"},
    {.name = "quantity", .type = MTR_FIELD_LABELS, FIELD(mtr_trial_fields, quantity),
     .max = MTR_TARIFF_COMPONENTS_MAX,
     .doc = "component: units of it that are free; beyond them its tariff is charged from the start on"},
    {.name = "amount", .type = MTR_FIELD_MONEY, FIELD(mtr_trial_fields, amount),
     .present_offset = offsetof(struct mtr_trial_fields, has_amount) + 1,
     .doc = "money that is free, in the tariff's currency; beyond it its tariff is charged from the start "
            "on"},
    {0},
};

static const struct mtr_field subscription_rows[] = {
    {.name = "key", .type = MTR_FIELD_KEY, FIELD(mtr_subscription_fields, key), .doc = "its key"},
    {.name = "service", .type = MTR_FIELD_KEY, FIELD(mtr_subscription_fields, service), .required = true,
     .doc = "key of the service bought; fixed"},
    {.name = "subject", .type = MTR_FIELD_TEXT, FIELD(mtr_subscription_fields, subject), .min = 1,
     .max = MTR_EVENT_SUBJECT_BYTES_MAX,
     .doc = "the vendor's id of it, as events carry it; the key unless given; fixed"},
    {.name = "customer", .type = MTR_FIELD_KEY, FIELD(mtr_subscription_fields, customer), .required = true,
     .doc = "who pays"},
    {.name = "tariff", .type = MTR_FIELD_KEY, FIELD(mtr_subscription_fields, tariff), .required = true,
     .doc = "key of the tariff"},
    {.name = "cost_tariff", .type = MTR_FIELD_KEY, FIELD(mtr_subscription_fields, cost_tariff),
     .doc = "key of the tariff that says what its use costs the seller; its service's unless given"},
    {.name = "currency", .type = MTR_FIELD_TEXT, FIELD(mtr_subscription_fields, currency),
     .doc = "ISO 4217; the tariff's unless given; fixed"},
    {.name = "zone", .type = MTR_FIELD_TEXT, FIELD(mtr_subscription_fields, zone_name), .default_text = "UTC",
     .min = 1, .max = 64, .doc = "time zone of its hours, days and periods, as Europe/Berlin; fixed"},
    {.name = "billing", .type = MTR_FIELD_MAP, FIELD(mtr_subscription_fields, billing),
     .fields = billing_rows, .doc = "its billing periods"},
    {.name = "start", .type = MTR_FIELD_TEXT, FIELD(mtr_subscription_fields, start), .required = true,
     .doc = "usage and fees from here on: a date (midnight in the zone) or an instant"},
    {.name = "trial_end", .type = MTR_FIELD_TEXT, FIELD(mtr_subscription_fields, trial_end),
     .doc = "free until then: short for trial: {end: …}"},
    {.name = "trial", .type = MTR_FIELD_MAP, FIELD(mtr_subscription_fields, trial), .fields = trial_rows,
     .present_offset = offsetof(struct mtr_subscription_fields, has_trial) + 1, .doc = "how it begins"},
    {.name = "end", .type = MTR_FIELD_TEXT, FIELD(mtr_subscription_fields, end),
     .doc = "no usage and fees from then on: a date or an instant"},
    {.name = "labels", .type = MTR_FIELD_LABELS, FIELD(mtr_subscription_fields, labels), .max = 64,
     .doc = "free texts for queries"},
    {0},
};

static const struct mtr_field api_key_rows[] = {
    {.name = "key", .type = MTR_FIELD_KEY, FIELD(mtr_api_key_fields, key),
     .doc = "its name; never the secret"},
    {.name = "sha256", .type = MTR_FIELD_TEXT, FIELD(mtr_api_key_fields, sha256_hex), .required = true,
     .min = 64, .max = 64, .doc = "SHA-256 of the secret, in hexadecimal"},
    {.name = "scopes", .type = MTR_FIELD_TEXTS, FIELD(mtr_api_key_fields, scope_names), .required = true,
     .min = 1, .max = 4, .doc = "of ingest, query, billing, admin"},
    {.name = "vendor", .type = MTR_FIELD_KEY, FIELD(mtr_api_key_fields, vendor),
     .doc = "key of the vendor whose events it may send and usage it may see; none: an operator's"},
    {.name = "disabled", .type = MTR_FIELD_BOOL, FIELD(mtr_api_key_fields, disabled), .default_text = "false",
     .doc = "refused from now on"},
    {0},
};

static const char *const destination_kinds[] = {"http", "pull", NULL};

static const struct mtr_field destination_rows[] = {
    {.name = "key", .type = MTR_FIELD_KEY, FIELD(mtr_destination_fields, key), .doc = "its key"},
    {.name = "kind", .type = MTR_FIELD_ENUM, FIELD(mtr_destination_fields, kind), .required = true,
     .choices = destination_kinds, .doc = "http: charges are posted to url; pull: fetched from /v1/charges"},
    {.name = "url", .type = MTR_FIELD_TEXT, FIELD(mtr_destination_fields, url), .min = 8, .max = 2048,
     .doc = "of http"},
    {.name = "secret_files", .type = MTR_FIELD_TEXTS, FIELD(mtr_destination_fields, secret_files), .max = 4,
     .doc = "of http: files that hold a signing secret whsec_<base64>; the first signs first"},
    {.name = "batch_max", .type = MTR_FIELD_U64, FIELD(mtr_destination_fields, batch_max),
     .default_text = "100", .min = 1, .max = 10000, .doc = "charges in one message"},
    {.name = "timeout", .type = MTR_FIELD_DURATION, FIELD(mtr_destination_fields, timeout_us),
     .default_text = "30s", .min = 100000, .max = 600000000, .doc = "of one message"},
    {.name = "drafts", .type = MTR_FIELD_BOOL, FIELD(mtr_destination_fields, drafts), .default_text = "false",
     .doc = "draft charges too"},
    {.name = "disabled", .type = MTR_FIELD_BOOL, FIELD(mtr_destination_fields, disabled),
     .default_text = "false", .doc = "nothing is sent; nothing is lost"},
    {0},
};

static const struct mtr_field credit_rows[] = {
    {.name = "key", .type = MTR_FIELD_KEY, FIELD(mtr_credit_fields, key), .doc = "its key"},
    {.name = "name", .type = MTR_FIELD_TEXT, FIELD(mtr_credit_fields, name), .max = 256, .doc = "for people"},
    {.name = "subscription", .type = MTR_FIELD_KEY, FIELD(mtr_credit_fields, subscription),
     .doc = "key of the subscription whose it is"},
    {.name = "customer", .type = MTR_FIELD_KEY, FIELD(mtr_credit_fields, customer),
     .doc = "or of the customer whose subscriptions share it"},
    {.name = "amount", .type = MTR_FIELD_MONEY, FIELD(mtr_credit_fields, amount),
     .present_offset = offsetof(struct mtr_credit_fields, has_amount) + 1, .doc = "prepaid money"},
    {.name = "currency", .type = MTR_FIELD_TEXT, FIELD(mtr_credit_fields, currency),
     .doc = "ISO 4217, of the amount"},
    {.name = "quantity", .type = MTR_FIELD_QUANTITY, FIELD(mtr_credit_fields, quantity),
     .present_offset = offsetof(struct mtr_credit_fields, has_quantity) + 1,
     .doc = "or prepaid units, as components price them"},
    {.name = "meter", .type = MTR_FIELD_KEY, FIELD(mtr_credit_fields, meter),
     .doc = "of a quantity: key of the meter whose use draws on it"},
    {.name = "components", .type = MTR_FIELD_TEXTS, FIELD(mtr_credit_fields, components),
     .max = MTR_TARIFF_COMPONENTS_MAX,
     .doc = "keys of the tariff's components that draw on it; all unless given"},
    {.name = "from", .type = MTR_FIELD_TEXT, FIELD(mtr_credit_fields, from_text), .required = true,
     .doc = "drawn on by billing periods that end after it: a date or an instant"},
    {.name = "expires", .type = MTR_FIELD_TEXT, FIELD(mtr_credit_fields, expires_text),
     .doc = "and that begin before it: a date or an instant; never unless given"},
    {.name = "priority", .type = MTR_FIELD_U64, FIELD(mtr_credit_fields, priority), .default_text = "100",
     .min = 0, .max = MTR_POOL_PRIORITY_MAX,
     .doc = "the lowest is drawn first; then the earliest expiry, then the key"},
    {0},
};

static int api_key_finish(struct mtr_record *record, struct mtr_zones *zones,
                          struct mtr_diagnostics *findings)
{
    static const char *const names[] = {"ingest", "query", "billing", "admin"};
    struct mtr_api_key_fields *f = &record->fields.api_key;
    const struct mtr_str *scopes = f->scope_names.items;
    size_t size = 0;
    (void)zones;
    if (sodium_hex2bin(f->sha256, sizeof(f->sha256), f->sha256_hex.data, f->sha256_hex.size, NULL, &size,
                       NULL) ||
        size != sizeof(f->sha256))
        record_fail(record, "sha256", findings,
                        "64 hexadecimal digits are expected, as `sha256sum` prints");
    for (uint32_t i = 0; i < f->scope_names.count; i++) {
        unsigned k = 0;
        while (k < 4 && !mtr_str_equal(scopes[i], mtr_str_from(names[k]))) k++;
        if (k < 4)
            f->scopes |= 1u << k;
        else
            record_fail(record, "scopes", findings, "`%.*s` is not one of ingest, query, billing, admin",
                            MTR_STR_ARGS(scopes[i]));
    }
    if ((f->scopes & MTR_SCOPE_INGEST) && f->vendor.size == 0)
        record_fail(record, "scopes", findings,
                        "a key with scope ingest needs a vendor: events belong to one");
    return MTR_OK;
}

static int destination_finish(struct mtr_record *record, struct mtr_zones *zones,
                              struct mtr_diagnostics *findings)
{
    const struct mtr_destination_fields *f = &record->fields.destination;
    (void)zones;
    if (f->kind == MTR_DESTINATION_PULL) {
        if (f->url.size) record_fail(record, "url", findings, "a pull destination has no url");
        return MTR_OK;
    }
    bool is_http =
        mtr_str_starts_with(f->url, MTR_STR("http://")) || mtr_str_starts_with(f->url, MTR_STR("https://"));
    if (!is_http)
        record_fail(record, "url", findings, "a url that starts with https:// (or http://) is needed");
    return MTR_OK;
}

const struct mtr_kind mtr_kinds[MTR_KIND_COUNT] = {
    [MTR_KIND_VENDOR] = {"vendor", "vendors", vendor_rows, NULL},
    [MTR_KIND_SERVICE] = {"service", "services", service_rows, NULL},
    [MTR_KIND_METER] = {"meter", "meters", meter_rows, meter_finish},
    [MTR_KIND_TARIFF] = {"tariff", "tariffs", NULL, NULL},
    [MTR_KIND_SUBSCRIPTION] = {"subscription", "subscriptions", subscription_rows, subscription_finish},
    [MTR_KIND_API_KEY] = {"api_key", "api_keys", api_key_rows, api_key_finish},
    [MTR_KIND_DESTINATION] = {"destination", "destinations", destination_rows, destination_finish},
    [MTR_KIND_CREDIT] = {"credit", "credits", credit_rows, credit_finish},
    [MTR_KIND_RATE] = {"rate", "rates", mtr_rates_rows, rates_finish},
};

const char *mtr_catalog_kind_name(enum mtr_catalog_kind kind)
{
    return mtr_kinds[kind].name;
}

bool mtr_catalog_kind_from_name(struct mtr_str name, enum mtr_catalog_kind *out)
{
    for (int kind = 0; kind < MTR_KIND_COUNT; kind++) {
        bool singular = mtr_str_equal(name, mtr_str_from(mtr_kinds[kind].name));
        if (!singular && !mtr_str_equal(name, mtr_str_from(mtr_kinds[kind].plural))) continue;
        *out = (enum mtr_catalog_kind)kind;
        return true;
    }
    return false;
}

const struct mtr_field *mtr_catalog_kind_fields(enum mtr_catalog_kind kind)
{
    return kind == MTR_KIND_TARIFF ? mtr_tariff_fields : mtr_kinds[kind].fields;
}

const char *mtr_aggregation_name(enum mtr_aggregation aggregation)
{
    return aggregations[aggregation];
}
