/*
 * Building snapshots: records by number, links from key to pointer, indexes. Lookups are in lookups.c, checks
 * across documents in check/.
 *
 * A hundred thousand subscriptions link in some ten milliseconds: only changed documents are decoded again,
 * records are shared.
 */
#include "lib/catalog/snapshot.h"

#include "lib/catalog/names.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 1 << 16 };
#define SNAPSHOT_BYTES_MAX ((size_t)8 << 30) /* ten million subscriptions */

static int allocate(struct mtr_catalog *catalog)
{
    struct mtr_arena *arena = &catalog->arena;
    const uint32_t *counts = catalog->counts;
    for (int kind = 0; kind < MTR_KIND_COUNT; kind++) {
        catalog->records[kind] = mtr_arena_calloc(arena, counts[kind], sizeof(struct mtr_record *));
        if (!catalog->records[kind] || hash_index_init(&catalog->by_key[kind], arena, counts[kind]))
            return MTR_ENOMEM;
    }
    catalog->vendors = mtr_arena_calloc(arena, counts[MTR_KIND_VENDOR], sizeof(*catalog->vendors));
    catalog->services = mtr_arena_calloc(arena, counts[MTR_KIND_SERVICE], sizeof(*catalog->services));
    catalog->meters = mtr_arena_calloc(arena, counts[MTR_KIND_METER], sizeof(*catalog->meters));
    catalog->subscriptions =
        mtr_arena_calloc(arena, counts[MTR_KIND_SUBSCRIPTION], sizeof(*catalog->subscriptions));
    catalog->api_keys = mtr_arena_calloc(arena, counts[MTR_KIND_API_KEY], sizeof(*catalog->api_keys));
    catalog->destinations =
        mtr_arena_calloc(arena, counts[MTR_KIND_DESTINATION], sizeof(*catalog->destinations));
    catalog->credits = mtr_arena_calloc(arena, counts[MTR_KIND_CREDIT], sizeof(*catalog->credits));
    catalog->rates.days = mtr_arena_calloc(arena, counts[MTR_KIND_RATE], sizeof(struct mtr_rates *));
    catalog->meters_by_type = mtr_arena_calloc(arena, counts[MTR_KIND_METER], sizeof(struct mtr_meter *));
    catalog->groups = mtr_arena_calloc(arena, counts[MTR_KIND_METER], sizeof(*catalog->groups));
    bool all = catalog->vendors && catalog->services && catalog->meters && catalog->subscriptions &&
               catalog->api_keys && catalog->destinations && catalog->rates.days && catalog->credits &&
               catalog->meters_by_type && catalog->groups;
    int rc = all ? MTR_OK : MTR_ENOMEM;
    if (!rc) rc = hash_index_init(&catalog->by_subject, arena, counts[MTR_KIND_SUBSCRIPTION]);
    if (!rc) rc = hash_index_init(&catalog->by_bare_subject, arena, counts[MTR_KIND_SUBSCRIPTION]);
    if (!rc) rc = hash_index_init(&catalog->by_owner, arena, counts[MTR_KIND_CREDIT]);
    if (!rc) rc = hash_index_init(&catalog->by_secret, arena, counts[MTR_KIND_API_KEY]);
    if (!rc) rc = hash_index_init(&catalog->by_event_type, arena, counts[MTR_KIND_METER]);
    return rc;
}

int catalog_create(const uint32_t counts[MTR_KIND_COUNT], struct mtr_zones *zones, uint64_t version,
                   struct mtr_catalog **out)
{
    struct mtr_catalog *catalog = calloc(1, sizeof(*catalog));
    if (!catalog) return MTR_ENOMEM;
    atomic_init(&catalog->references, 1);
    catalog->version = version;
    catalog->zones = zones_acquire(zones);
    memcpy(catalog->counts, counts, sizeof(catalog->counts));
    mtr_arena_init(&catalog->arena, CHUNK_BYTES, SNAPSHOT_BYTES_MAX);
    if (allocate(catalog)) {
        memset(catalog->counts, 0, sizeof(catalog->counts)); /* no record to release */
        mtr_catalog_release(catalog);
        return MTR_ENOMEM;
    }
    *out = catalog;
    return MTR_OK;
}

struct mtr_catalog *mtr_catalog_acquire(struct mtr_catalog *catalog)
{
    atomic_fetch_add_explicit(&catalog->references, 1, memory_order_relaxed);
    return catalog;
}

void mtr_catalog_release(struct mtr_catalog *catalog)
{
    if (!catalog || atomic_fetch_sub_explicit(&catalog->references, 1, memory_order_acq_rel) > 1) return;
    for (int kind = 0; kind < MTR_KIND_COUNT; kind++)
        for (uint32_t i = 0; i < catalog->counts[kind]; i++) record_release(catalog->records[kind][i]);
    zones_release(catalog->zones);
    mtr_arena_release(&catalog->arena);
    free(catalog);
}

void catalog_set(struct mtr_catalog *catalog, struct mtr_record *record)
{
    const enum mtr_catalog_kind kind = record->kind->id;
    MTR_ASSERT(record->number >= 1 && record->number <= catalog->counts[kind]);
    struct mtr_record **slot = &catalog->records[kind][record->number - 1];
    MTR_ASSERT(!*slot);
    *slot = record_acquire(record);
    hash_index_add(&catalog->by_key[kind], hash_index_hash(record->key, (uint64_t)kind), record->number);
}

/* The service that a document is about, in which names are short; empty: none. */
static struct mtr_str service_around(const struct mtr_catalog *catalog, const struct mtr_record *record)
{
    const struct mtr_record *subscription = record;
    if (record->kind->id == MTR_KIND_SERVICE) return record->key;
    if (record->kind->id == MTR_KIND_CREDIT)
        subscription =
            catalog_find_record(catalog, MTR_KIND_SUBSCRIPTION, record->fields.credit.subscription);
    return subscription && subscription->kind->id == MTR_KIND_SUBSCRIPTION
               ? subscription->fields.subscription.service
               : (struct mtr_str){NULL, 0};
}

/* The record that a field names, or NULL after a finding, and for one that is awaited. */
static struct mtr_record *resolve(const struct mtr_catalog *catalog, const struct mtr_record *from,
                                  const char *field, enum mtr_catalog_kind kind, struct mtr_str name,
                                  struct mtr_diagnostics *findings)
{
    char text[CATALOG_UNKNOWN_TEXT_BYTES];
    if (catalog_awaits(catalog, kind, name)) return NULL;
    struct mtr_record *record = catalog_find_in(catalog, kind, service_around(catalog, from), name);
    if (record) return record;
    catalog_unknown_text(catalog, kind, name, findings, text);
    record_fail(from, MTR_FINDING_CATALOG_REFERENCE_UNKNOWN, field, findings, "%s", text);
    return NULL;
}

static void link_vendor(struct mtr_catalog *catalog, const struct mtr_record *record,
                        struct mtr_diagnostics *findings)
{
    const struct mtr_vendor_fields *f = &record->fields.vendor;
    (void)findings;
    catalog->vendors[record->number - 1] = (struct mtr_vendor){
        .number = record->number, .key = record->key, .name = f->name.size ? f->name : record->key};
}

static void link_service(struct mtr_catalog *catalog, const struct mtr_record *record,
                         struct mtr_diagnostics *findings)
{
    const struct mtr_service_fields *f = &record->fields.service;
    const struct mtr_record *vendor =
        resolve(catalog, record, "vendor", MTR_KIND_VENDOR, f->vendor, findings);
    if (f->cost_tariff.size)
        (void)resolve(catalog, record, "cost_tariff", MTR_KIND_TARIFF, f->cost_tariff, findings);
    if (!vendor) return;
    catalog->services[record->number - 1] =
        (struct mtr_service){.number = record->number,
                             .key = record->key,
                             .name = f->name.size ? f->name : record->key,
                             .vendor = &catalog->vendors[vendor->number - 1]};
}

struct mtr_meter record_meter_of(const struct mtr_record *record, const struct mtr_service *service)
{
    const struct mtr_meter_fields *f = &record->fields.meter;
    return (struct mtr_meter){
        .number = record->number,
        .key = record->key,
        .name = f->name.size ? f->name : record->key,
        .service = service,
        .event_type = f->event_type,
        .aggregation = (enum mtr_aggregation)f->aggregation,
        .value = f->value,
        .unit = f->unit,
        .group_by = f->group_by.items,
        .group_by_count = f->group_by.count,
        .dimension_values_max = f->dimension_values_max,
        .filters = f->filters,
        .filter_count = f->filter_count,
        .missing_is_invalid = f->missing == 1,
        .has_factor = f->factor_given,
        .has_min = f->min_given || f->aggregation == MTR_COUNTER_INCREASE, /* a counter begins at 0 */
        .has_max = f->max_given,
        .gap_us = f->gap_us,
        .factor = f->factor,
        .min = f->min,
        .max = f->max,
        .keep_events = f->keep_events,
        .cell_us = MTR_CELL_US_MAX >> f->cell,
        .spread_over = f->spread_over,
        .reports_changes = f->reports == 1,
        .holds_from_day = f->holds_from == 1,
        .per = (enum mtr_time_unit)f->per,
        .percentile = f->percentile,
        .window_us = f->aggregation == MTR_PERCENTILE ? f->window_us : 0,
        .retired = record->retired,
    };
}

static void link_meter(struct mtr_catalog *catalog, const struct mtr_record *record,
                       struct mtr_diagnostics *findings)
{
    const struct mtr_record *service =
        resolve(catalog, record, "service", MTR_KIND_SERVICE, record->fields.meter.service, findings);
    if (!service) return;
    struct mtr_service *of = &catalog->services[service->number - 1];
    catalog->meters[record->number - 1] = record_meter_of(record, of);
    if (mtr_aggregation_measures_time(record->fields.meter.aggregation) && record->retired.text.size)
        of->measure_ends = hash_index_hash(record->retired.text, of->measure_ends ^ record->number);
}

/* The first of a subject stands for all of them; that there are several is noted until they are linked. */
static void index_subject(struct mtr_catalog *catalog, const struct mtr_record *record)
{
    struct mtr_subscription *subscription = &catalog->subscriptions[record->number - 1];
    struct mtr_str vendor = subscription->service->vendor->key;
    const struct mtr_subscription *other =
        catalog_find_any_of_subject(catalog, vendor, subscription->subject);
    if (other)
        catalog->subscriptions[other->number - 1].same_subject_count = subscription->same_subject_count = 1;
    else
        hash_index_add(&catalog->by_subject, catalog_subject_hash(vendor, subscription->subject),
                       record->number);
    hash_index_add(&catalog->by_bare_subject, hash_index_hash(subscription->subject, 0), record->number);
}

static void link_subscription(struct mtr_catalog *catalog, const struct mtr_record *record,
                              struct mtr_diagnostics *findings)
{
    const struct mtr_record *service = resolve(catalog, record, "service", MTR_KIND_SERVICE,
                                               record->fields.subscription.service, findings);
    if (!service) return;
    catalog_link_phases(catalog, record, service, findings);
    if (!catalog->subscriptions[record->number - 1].number) return; /* after a finding */
    if (catalog->services[service->number - 1].vendor) index_subject(catalog, record);
}

static void link_api_key(struct mtr_catalog *catalog, const struct mtr_record *record,
                         struct mtr_diagnostics *findings)
{
    const struct mtr_api_key_fields *f = &record->fields.api_key;
    const struct mtr_record *vendor =
        f->vendor.size ? resolve(catalog, record, "vendor", MTR_KIND_VENDOR, f->vendor, findings) : NULL;
    struct mtr_api_key *key = &catalog->api_keys[record->number - 1];
    *key = (struct mtr_api_key){
        .number = record->number,
        .key = record->key,
        .scopes = f->scopes,
        .vendor = vendor ? &catalog->vendors[vendor->number - 1] : NULL,
        .limits = f->limits,
        .disabled = f->disabled,
        .retired_us = record->retired.text.size ? record->retired.time_us : INT64_MAX,
    };
    memcpy(key->sha256, f->sha256, sizeof(key->sha256));
    uint64_t hash = hash_index_hash((struct mtr_str){(const char *)key->sha256, sizeof(key->sha256)}, 0);
    for (uint32_t probe = 0, number; (number = hash_index_next(&catalog->by_secret, hash, &probe)) != 0;)
        if (memcmp(catalog->api_keys[number - 1].sha256, key->sha256, sizeof(key->sha256)) == 0)
            record_fail(record, MTR_FINDING_CATALOG_API_KEY_REPEATED, "sha256", findings,
                        "is the secret of API key `%.*s` already",
                        MTR_STR_ARGS(catalog->api_keys[number - 1].key));
    hash_index_add(&catalog->by_secret, hash, record->number);
}

static void link_destination(struct mtr_catalog *catalog, const struct mtr_record *record,
                             struct mtr_diagnostics *findings)
{
    const struct mtr_destination_fields *f = &record->fields.destination;
    (void)findings;
    catalog->destinations[record->number - 1] = (struct mtr_destination){
        .number = record->number,
        .key = record->key,
        .kind = (enum mtr_destination_kind)f->kind,
        .url = f->url,
        .secret_files = f->secret_files.items,
        .secret_count = f->secret_files.count,
        .batch_max = (uint32_t)f->batch_max,
        .timeout_us = f->timeout_us,
        .drafts = f->drafts,
        .disabled = f->disabled,
    };
}

static void link_credit(struct mtr_catalog *catalog, const struct mtr_record *record,
                        struct mtr_diagnostics *findings)
{
    const struct mtr_credit_fields *f = &record->fields.credit;
    const struct mtr_record *subscription =
        f->subscription.size
            ? resolve(catalog, record, "subscription", MTR_KIND_SUBSCRIPTION, f->subscription, findings)
            : NULL;
    const struct mtr_record *meter =
        f->meter.size ? resolve(catalog, record, "meter", MTR_KIND_METER, f->meter, findings) : NULL;
    char which[MTR_WHICH_OF_TEXT_BYTES];
    if (f->meter.size && !subscription && record->node &&
        mtr_catalog_which_of(catalog, MTR_KIND_METER, f->meter, which))
        record_fail(record, MTR_FINDING_CATALOG_REFERENCE_AMBIGUOUS, "meter", findings, "%s?", which);
    catalog->credits[record->number - 1] = (struct mtr_credit){
        .number = record->number,
        .key = record->key,
        .name = f->name.size ? f->name : record->key,
        .subscription = subscription ? &catalog->subscriptions[subscription->number - 1] : NULL,
        .customer = f->customer,
        .of_money = f->has_amount,
        .amount = f->amount,
        .currency = f->currency,
        .quantity = f->quantity,
        .meter = meter ? &catalog->meters[meter->number - 1] : NULL,
        .components = f->components.items,
        .component_count = f->components.count,
        .from = f->from,
        .expires = f->expires,
        .priority = (uint32_t)f->priority,
    };
    struct mtr_str owner = f->customer.size ? f->customer : f->subscription;
    hash_index_add(&catalog->by_owner, catalog_owner_hash(owner, f->customer.size > 0), record->number);
}

static void link_rates(struct mtr_catalog *catalog, const struct mtr_record *record,
                       struct mtr_diagnostics *findings)
{
    (void)findings;
    catalog->rates.days[catalog->rates.count++] = &record->fields.rates.decoded;
}

static void link_source(struct mtr_catalog *catalog, const struct mtr_record *record,
                        struct mtr_diagnostics *findings)
{
    const struct mtr_source *source = record->fields.source;
    (void)resolve(catalog, record, "vendor", MTR_KIND_VENDOR, source->vendor, findings);
    if (source->each.kind == MTR_EACH_SUBSCRIPTION)
        (void)resolve(catalog, record, "for_each", MTR_KIND_SERVICE, source->each.service, findings);
    if (source->each.kind == MTR_EACH_ROW)
        (void)resolve(catalog, record, "for_each", MTR_KIND_SOURCE, source->each.source, findings);
}

/* One document says what a source said on a day, or it would matter which is asked. */
static void sort_rates(struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    const struct mtr_rate_book *book = &catalog->rates;
    mtr_rate_book_sort(&catalog->rates);
    for (uint32_t i = 1; i < book->count; i++) {
        const struct mtr_rates *first = book->days[i - 1], *again = book->days[i];
        if (first->day != again->day || !mtr_str_equal(first->source, again->source)) continue;
        uint32_t later = first->number > again->number ? first->number : again->number,
                 earlier = first->number + again->number - later;
        record_fail(catalog->records[MTR_KIND_RATE][later - 1], MTR_FINDING_RATES_REPEATED, "date", findings,
                    "`%.*s` has the rates of that source and day already",
                    MTR_STR_ARGS(catalog->records[MTR_KIND_RATE][earlier - 1]->key));
    }
}

static int compare_meters(const void *a, const void *b)
{
    const struct mtr_meter *const *x = a, *const *y = b;
    if ((*x)->service->number != (*y)->service->number)
        return (*x)->service->number < (*y)->service->number ? -1 : 1;
    int order = mtr_str_compare((*x)->event_type, (*y)->event_type);
    return order ? order : ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

static void index_meters(struct mtr_catalog *catalog)
{
    uint32_t count = 0;
    const struct mtr_meter **sorted = catalog->meters_by_type;
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_METER]; i++)
        if (catalog->records[MTR_KIND_METER][i]) sorted[count++] = &catalog->meters[i];
    if (count > 1) qsort(sorted, count, sizeof(struct mtr_meter *), compare_meters);
    for (uint32_t i = 0; i < count; i++) {
        bool same = i > 0 && sorted[i - 1]->service == sorted[i]->service;
        if (!same || !mtr_str_equal(sorted[i - 1]->event_type, sorted[i]->event_type)) {
            catalog->groups[catalog->group_count++] = (struct mtr_meter_group){i, 0};
            hash_index_add(&catalog->by_event_type,
                           catalog_event_type_hash(sorted[i]->service->number, sorted[i]->event_type),
                           catalog->group_count);
        }
        catalog->groups[catalog->group_count - 1].count++;
    }
}

typedef void link_record(struct mtr_catalog *catalog, const struct mtr_record *record,
                         struct mtr_diagnostics *findings);

/* In an order in which what is referred to comes first. */
static const struct {
    enum mtr_catalog_kind kind;
    link_record *link;
} links[] = {
    {MTR_KIND_VENDOR, link_vendor},
    {MTR_KIND_SERVICE, link_service},
    {MTR_KIND_METER, link_meter},
    {MTR_KIND_API_KEY, link_api_key},
    {MTR_KIND_SUBSCRIPTION, link_subscription},
    {MTR_KIND_DESTINATION, link_destination},
    {MTR_KIND_CREDIT, link_credit},
    {MTR_KIND_RATE, link_rates},
    {MTR_KIND_SOURCE, link_source},
};

int catalog_link(struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    size_t errors = findings->errors;
    if (catalog_allocate_phases(catalog)) return MTR_ENOMEM;
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
        for (uint32_t k = 0; k < catalog->counts[links[i].kind]; k++)
            if (catalog->records[links[i].kind][k])
                links[i].link(catalog, catalog->records[links[i].kind][k], findings);
    sort_rates(catalog, findings);
    if (findings->errors > errors || catalog->awaited) { /* the rest wants all that is referred to */
        catalog_check_tariffs(catalog, findings);
        return MTR_EINVALID;
    }
    index_meters(catalog);
    if (catalog_find_cuts(catalog, findings) || catalog_link_subjects(catalog, findings) ||
        catalog_link_peers(catalog) || catalog_link_openings(catalog, findings))
        return MTR_ENOMEM;
    catalog_check_tariffs(catalog, findings);
    catalog_check_credits(catalog, findings);
    catalog_check_sources(catalog, findings);
    int rc = catalog_check_customers(catalog, findings);
    if (!rc) rc = catalog_note_carrying(catalog);
    if (!rc) rc = catalog_check_subscriptions(catalog, findings);
    return !rc && findings->errors > errors ? MTR_EINVALID : rc;
}
