/*
 * A small world for tests of the fold: a log in memory, a catalog whose snapshots show its first
 * subscriptions and meters only, and a rollups store in a temporary directory. Stands in for the real log and
 * catalog (their functions are defined here).
 */
#ifndef METERD_TESTS_SUPPORT_FOLD_WORLD_H
#define METERD_TESTS_SUPPORT_FOLD_WORLD_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "meterd/aggregator/aggregator.h"
#include "meterd/catalog/store.h"
#include "meterd/store/log_carried.h"
#include "tests/support/directory.h"

enum { WORLD_EVENTS_MAX = 4096, WORLD_SUBSCRIPTIONS_MAX = 16, WORLD_METERS_MAX = 16, WORLD_PROPERTIES = 4 };

struct mtr_catalog {
    uint64_t version;
    uint32_t subscription_count;
    uint32_t meter_count;
    struct {
        const struct mtr_service *service;
        struct mtr_str type;
        const struct mtr_meter *meters[WORLD_METERS_MAX];
        uint32_t count;
    } lists[WORLD_METERS_MAX];
    uint32_t list_count;
    const struct mtr_meter *changed; /* instead of the world's of that number */
    uint32_t gone;                   /* number of a meter that it lacks; 0: none */
    const struct mtr_subscription *changed_subscription;
};

static struct {
    struct mtr_subscription subscriptions[WORLD_SUBSCRIPTIONS_MAX];
    uint32_t subscription_count;
    struct mtr_meter meters[WORLD_METERS_MAX];
    bool is_deleted[WORLD_METERS_MAX]; /* of meters */
    uint32_t meter_count;
    const struct mtr_subscription *by_subject[WORLD_SUBSCRIPTIONS_MAX];
    uint64_t version; /* of the last catalog that was shown */
} world;

static inline int world_compare_subjects(const void *a, const void *b)
{
    const struct mtr_subscription *x = *(const struct mtr_subscription *const *)a,
                                  *y = *(const struct mtr_subscription *const *)b;
    if (x->service->number != y->service->number) return x->service->number < y->service->number ? -1 : 1;
    const int order = mtr_str_compare(x->subject, y->subject);
    return order ? order : (x->start_us > y->start_us) - (x->start_us < y->start_us);
}

/* Those of the first subscriptions that share a subject; here it is of one service. */
static inline void world_link_subjects(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) world.by_subject[i] = &world.subscriptions[i];
    qsort(world.by_subject, count, sizeof(*world.by_subject), world_compare_subjects);
    for (uint32_t first = 0, next; first < count; first = next) {
        const struct mtr_subscription *of = world.by_subject[first];
        for (next = first + 1; next < count && world.by_subject[next]->service == of->service &&
                               mtr_str_equal(world.by_subject[next]->subject, of->subject);
             next++) {
        }
        for (uint32_t i = first; i < next; i++) {
            struct mtr_subscription *subscription =
                &world.subscriptions[world.by_subject[i]->number - 1];
            subscription->same_subject = next - first > 1 ? &world.by_subject[first] : NULL;
            subscription->same_subject_count = next - first > 1 ? next - first : 0;
        }
    }
}

static inline void world_show(struct mtr_catalog *catalog, uint32_t subscriptions, uint32_t meters)
{
    memset(catalog, 0, sizeof(*catalog));
    catalog->version = ++world.version;
    catalog->subscription_count = subscriptions;
    world_link_subjects(subscriptions);
    catalog->meter_count = meters;
    for (uint32_t i = 0; i < meters; i++) {
        const struct mtr_meter *meter = &world.meters[i];
        uint32_t at = 0;
        if (world.is_deleted[i]) continue;
        while (at < catalog->list_count && (catalog->lists[at].service != meter->service ||
                                            !mtr_str_equal(catalog->lists[at].type, meter->event_type)))
            at++;
        if (at == catalog->list_count) {
            catalog->lists[at].service = meter->service;
            catalog->lists[at].type = meter->event_type;
            catalog->list_count++;
        }
        catalog->lists[at].meters[catalog->lists[at].count++] = meter;
    }
}

uint32_t mtr_catalog_count(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind)
{
    return kind == MTR_KIND_SUBSCRIPTION ? catalog->subscription_count : catalog->meter_count;
}

const struct mtr_meter *mtr_catalog_meter(const struct mtr_catalog *catalog, uint32_t number)
{
    if (catalog->changed && catalog->changed->number == number) return catalog->changed;
    if (number > catalog->meter_count || number == catalog->gone || world.is_deleted[number - 1]) return NULL;
    return &world.meters[number - 1];
}

const struct mtr_subscription *mtr_catalog_subscription(const struct mtr_catalog *catalog, uint32_t number)
{
    const struct mtr_subscription *changed = catalog->changed_subscription;
    if (changed && changed->number == number) return changed;
    return number <= catalog->subscription_count ? &world.subscriptions[number - 1] : NULL;
}

uint64_t mtr_catalog_version(const struct mtr_catalog *catalog)
{
    return catalog->version;
}

/* Subscriptions of one subject are of one service here: the last that has begun, or the first to begin. */
const struct mtr_subscription *mtr_catalog_find_subject(const struct mtr_catalog *catalog,
                                                        const struct mtr_event_address *address)
{
    const struct mtr_subscription *begun = NULL, *first = NULL;
    for (uint32_t i = 0; i < catalog->subscription_count; i++) {
        const struct mtr_subscription *subscription = &world.subscriptions[i];
        if (!mtr_str_equal(subscription->subject, address->subject) ||
            !mtr_str_equal(subscription->service->vendor->key, address->vendor))
            continue;
        if (!first || subscription->start_us < first->start_us) first = subscription;
        if (subscription->start_us > address->time_us) continue;
        if (!begun || subscription->start_us > begun->start_us) begun = subscription;
    }
    return begun ? begun : first;
}

uint32_t mtr_catalog_find_meters(const struct mtr_catalog *catalog, const struct mtr_service *service,
                                 struct mtr_str event_type, const struct mtr_meter *const **meters)
{
    for (uint32_t i = 0; i < catalog->list_count; i++) {
        if (catalog->lists[i].service != service || !mtr_str_equal(catalog->lists[i].type, event_type))
            continue;
        *meters = catalog->lists[i].meters;
        return catalog->lists[i].count;
    }
    return 0;
}

void mtr_catalog_fail(const struct mtr_catalog *catalog, enum mtr_finding_code code,
                      const struct mtr_catalog_place *place, struct mtr_diagnostics *findings,
                      const char *format, ...)
{
    char text[240];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert_true(place->kind == MTR_KIND_METER ? mtr_catalog_meter(catalog, place->number) != NULL
                                              : mtr_catalog_subscription(catalog, place->number) != NULL);
    mtr_diagnostics_addf(findings, code, 0, 0, place->field, "%s", text);
}

struct world_event {
    struct mtr_event event;
    struct mtr_property properties[WORLD_PROPERTIES];
};

/* first_retained > 1: retention has dropped what is before. fail_in > 0: that many reads until one fails. */
struct mtr_log_reader {
    struct world_event events[WORLD_EVENTS_MAX]; /* sequence 1 is at index 0 */
    uint64_t count;                              /* appended so far */
    uint64_t block_events;                       /* sequences per block */
    uint64_t first_retained;
    uint64_t reads; /* so far */
    int fail_in;
    bool is_carried[WORLD_EVENTS_MAX]; /* sequence 1 is at index 0 */
    struct world_event *lent; /* what the last read returned, freed by the next */
    struct mtr_event *lent_events;
};

int mtr_log_read(struct mtr_log_reader *reader, uint64_t seq, struct mtr_block_header *header,
                 const struct mtr_event **events, struct mtr_diagnostic *diagnostic)
{
    free(reader->lent);
    free(reader->lent_events);
    reader->lent = NULL;
    reader->lent_events = NULL;
    reader->reads++;
    if (reader->fail_in > 0 && --reader->fail_in == 0) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL, "the disk went away");
        return MTR_EIO;
    }
    if (seq < reader->first_retained) seq = reader->first_retained;
    if (seq > reader->count) return MTR_ENOTFOUND;
    uint64_t first = (seq - 1) / reader->block_events * reader->block_events + 1;
    uint64_t last = first + reader->block_events - 1;
    if (first < reader->first_retained) first = reader->first_retained;
    if (last > reader->count) last = reader->count;
    size_t count = (size_t)(last - first + 1);
    reader->lent = malloc(count * sizeof(*reader->lent));
    reader->lent_events = malloc(count * sizeof(*reader->lent_events));
    if (!reader->lent || !reader->lent_events) return MTR_ENOMEM;
    memcpy(reader->lent, &reader->events[first - 1], count * sizeof(*reader->lent));
    for (size_t i = 0; i < count; i++) {
        reader->lent_events[i] = reader->lent[i].event;
        reader->lent_events[i].properties = reader->lent[i].properties;
    }
    *header = (struct mtr_block_header){.first_seq = first, .count = (uint32_t)count};
    *events = reader->lent_events;
    return MTR_OK;
}

/* Of what was dropped, those that were carried, one by one. */
int mtr_log_read_kept(struct mtr_log_reader *reader, uint64_t seq, struct mtr_block_header *header,
                      const struct mtr_event **events, struct mtr_diagnostic *diagnostic)
{
    const uint64_t retained = reader->first_retained, block_events = reader->block_events;
    uint64_t carried = seq;
    while (carried < retained && !reader->is_carried[carried - 1]) carried++;
    if (carried >= retained) return mtr_log_read(reader, seq, header, events, diagnostic);
    reader->first_retained = carried;
    reader->block_events = 1;
    const int rc = mtr_log_read(reader, carried, header, events, diagnostic);
    reader->first_retained = retained;
    reader->block_events = block_events;
    return rc;
}

struct world_store {
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_rollups *rollups;
};

static inline void store_open(struct world_store *store)
{
    struct mtr_diagnostic diagnostic;
    make_temporary_in_memory(store->directory);
    assert_int_equal(mtr_rollups_open(store->directory, false, &store->rollups, &diagnostic), MTR_OK);
}

static inline void store_close(struct world_store *store)
{
    mtr_rollups_close(store->rollups);
    remove_tree(store->directory);
}

static inline struct mtr_hash128 store_hash(struct world_store *store)
{
    struct mtr_rollups_txn *txn;
    struct mtr_hash128 hash;
    assert_int_equal(mtr_rollups_begin(store->rollups, false, &txn), MTR_OK);
    assert_int_equal(mtr_rollups_hash(txn, &hash), MTR_OK);
    mtr_rollups_abort(txn);
    return hash;
}

static const struct mtr_vendor acme = {1, {"acme", 4}, {"Acme", 4}}, zeta = {2, {"zeta", 4}, {"Zeta", 4}};
static const struct mtr_service compute = {1, {"compute", 7}, {"Compute", 7}, &acme, 0},
                                storage = {2, {"storage", 7}, {"Storage", 7}, &acme, 0},
                                mail = {3, {"mail", 4}, {"Mail", 4}, &zeta, 0};
static struct mtr_str by_region[] = {{"region", 6}};

static struct mtr_log_reader log_in_memory;
static struct world_store store;
static struct mtr_aggregator *aggregator;
static struct mtr_catalog catalog;

static inline void add_subscription(const struct mtr_service *service, const char *subject, const char *zone)
{
    struct mtr_subscription *subscription = &world.subscriptions[world.subscription_count++];
    *subscription = (struct mtr_subscription){
        .number = world.subscription_count, .service = service, .subject = mtr_str_from(subject)};
    assert_int_equal(mtr_zone_open(mtr_str_from(zone), &subscription->zone), MTR_OK);
}

static inline struct mtr_meter *add_meter(const struct mtr_service *service, const char *type,
                                          enum mtr_aggregation aggregation)
{
    struct mtr_meter *meter = &world.meters[world.meter_count++];
    *meter =
        (struct mtr_meter){.number = world.meter_count,
                           .service = service,
                           .event_type = mtr_str_from(type),
                           .aggregation = aggregation,
                           .cell_us = MTR_CELL_US_MAX,
                           .dimension_values_max = 1000,
                           .value = aggregation == MTR_COUNT ? (struct mtr_str){NULL, 0} : MTR_STR("value")};
    return meter;
}

/* Counts events of the regions eu and 1 only. */
static inline void filter_regions(struct mtr_meter *meter)
{
    static struct mtr_str counted[] = {{"eu", 2}, {"1", 1}};
    static struct mtr_filter filter = {
        .property = {"region", 6}, .values = counted, .value_count = 2};
    meter->filters = &filter;
    meter->filter_count = 1;
}

static inline void open_aggregator(uint32_t step_events_max)
{
    const struct mtr_aggregator_options options = {.step_events_max = step_events_max};
    assert_int_equal(mtr_aggregator_open(store.rollups, &log_in_memory, &options, &aggregator), MTR_OK);
}

static inline int setup(void **state)
{
    (void)state;
    memset(&log_in_memory, 0, sizeof(log_in_memory));
    log_in_memory.block_events = 4;
    log_in_memory.first_retained = 1;
    store_open(&store);
    open_aggregator(1000);
    return 0;
}

static inline void clear_world(void)
{
    for (uint32_t i = 0; i < world.subscription_count; i++) mtr_zone_close(world.subscriptions[i].zone);
    memset(&world, 0, sizeof(world));
}

static inline int teardown(void **state)
{
    (void)state;
    mtr_aggregator_close(aggregator);
    store_close(&store);
    clear_world();
    free(log_in_memory.lent);
    free(log_in_memory.lent_events);
    return 0;
}

static inline int64_t at(const char *text)
{
    int64_t us;
    assert_int_equal(mtr_time_parse(mtr_str_from(text), &us), MTR_OK);
    return us;
}

static inline struct world_event *append(const struct mtr_vendor *vendor, const char *type,
                                         const char *subject, int64_t time_us)
{
    struct world_event *row = &log_in_memory.events[log_in_memory.count++];
    *row = (struct world_event){.event = {.vendor = vendor->key,
                                          .source = MTR_STR("s"),
                                          .id = MTR_STR("i"),
                                          .type = mtr_str_from(type),
                                          .subject = mtr_str_from(subject),
                                          .time_us = time_us}};
    return row;
}

static inline void add_number(struct world_event *row, const char *name, const char *number)
{
    struct mtr_property *property = &row->properties[row->event.property_count++];
    *property = (struct mtr_property){.name = mtr_str_from(name), .kind = MTR_PROPERTY_NUMBER};
    assert_int_equal(mtr_decimal_parse(mtr_str_from(number), &property->number), MTR_OK);
}

static inline void add_text(struct world_event *row, const char *name, const char *text)
{
    row->properties[row->event.property_count++] = (struct mtr_property){
        .name = mtr_str_from(name), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(text)};
}

static inline void append_value(const char *subject, const char *time, const char *value)
{
    add_number(append(&acme, "cpu", subject, at(time)), "value", value);
}

static inline void append_void(uint64_t target_seq)
{
    struct world_event *row = append(&acme, MTR_EVENT_TYPE_VOID, "", at("2026-01-01T00:00:00Z"));
    row->event.disposition = MTR_DISPOSITION_VOID;
    row->event.target_seq = target_seq;
}

/* How far the aggregator has come. */
struct fold_cursor {
    uint64_t next_seq, change;
    int64_t watermark_us;
};

static inline struct fold_cursor folded_cursor(void)
{
    struct mtr_rollups_txn *txn;
    struct fold_cursor cursor;
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    assert_int_equal(mtr_rollups_get_cursor(txn, &cursor.next_seq, &cursor.watermark_us, &cursor.change), MTR_OK);
    mtr_rollups_abort(txn);
    return cursor;
}

static inline void show(uint32_t subscriptions, uint32_t meters)
{
    world_show(&catalog, subscriptions, meters);
}

static inline void fold_until_idle(void)
{
    struct mtr_aggregator_result result = {0};
    struct mtr_diagnostic diagnostic;
    for (int steps = 0; !result.idle; steps++) {
        int rc = mtr_aggregator_step(aggregator, &catalog, at("2026-06-01T00:00:00Z"), &result, &diagnostic);
        if (rc) print_error("%s\n", diagnostic.text);
        assert_int_equal(rc, MTR_OK);
        assert_true(steps < 100000);
    }
}

#endif
