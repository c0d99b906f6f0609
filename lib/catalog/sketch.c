/*
 * See sketch.h. Records that are shared keep their numbers; subscriptions, credits, API keys and destinations
 * are decoded again, under numbers of their own.
 */
#include "meterd/catalog/sketch.h"

#include <stdlib.h>

#include "lib/catalog/bundle.h"
#include "lib/catalog/names.h"

struct sketching {
    const struct mtr_sketch *sketch;
    const struct mtr_catalog *current;
    struct mtr_zones *zones;
    struct bundle bundle;
    uint32_t counts[MTR_KIND_COUNT];
    struct mtr_record **kept; /* of what is in force, decoded again */
    uint32_t kept_count, kept_capacity;
    struct mtr_diagnostics *findings;
};

/* Of these there may be many, which the question is not about. */
static bool is_own(enum mtr_catalog_kind kind)
{
    return kind == MTR_KIND_SUBSCRIPTION || kind == MTR_KIND_CREDIT || kind == MTR_KIND_API_KEY ||
           kind == MTR_KIND_DESTINATION;
}

/* ---- the documents ---- */

static int decode_item(struct sketching *sketching, struct bundle_item *item)
{
    const bool is_shared = !is_own(item->kind) && item->stored;
    const struct record_source source = {
        .kind = kind_of(item->kind),
        .number = is_shared ? item->stored->number : ++sketching->counts[item->kind],
        .key = item->key,
        .stored_key = item->stored_key,
        .json = item->json,
        .node = item->node};
    int rc = record_decode(&source, sketching->zones, sketching->findings, &item->decoded);
    sketching->bundle.broken += rc != 0;
    return rc;
}

static int decode_documents(struct sketching *sketching)
{
    struct bundle *bundle = &sketching->bundle;
    int result = MTR_OK;
    bundle->read = bundle_read(bundle, sketching->sketch->documents, NULL, (struct mtr_str){NULL, 0},
                               sketching->current, sketching->findings);
    if (bundle->read == MTR_ENOMEM) return MTR_ENOMEM;
    for (uint32_t i = 0; i < bundle->count && result != MTR_ENOMEM; i++) {
        struct bundle_item *item = &bundle->items[i];
        item->unchanged = item->unchanged && !is_own(item->kind);
        int rc = item->unchanged ? MTR_OK : decode_item(sketching, item);
        if (rc) result = rc;
    }
    return result == MTR_ENOMEM ? result : MTR_OK;
}

/* ---- what is kept of what is in force ---- */

static bool is_replaced(const struct sketching *sketching, const struct mtr_record *record)
{
    for (uint32_t i = 0; i < sketching->bundle.count; i++)
        if (sketching->bundle.items[i].stored == record) return true;
    return false;
}

static int decode_again(struct sketching *sketching, const struct mtr_record *record,
                        struct mtr_record **out)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    int rc = mtr_document_parse(record->json, &document, &broken);
    if (rc) return rc == MTR_ENOMEM ? rc : MTR_ECORRUPT;
    const struct record_source source = {.kind = record->kind,
                                         .number = ++sketching->counts[record->kind->id],
                                         .stored = true,
                                         .key = record->key,
                                         .stored_key = record->stored_key,
                                         .json = record->json,
                                         .node = mtr_document_root(document)};
    rc = record_decode(&source, sketching->zones, sketching->findings, out);
    if (!rc) (*out)->node = NULL;
    mtr_document_close(document);
    return rc;
}

static int keep(struct sketching *sketching, const struct mtr_record *record)
{
    if (sketching->kept_count == sketching->kept_capacity) {
        const uint32_t capacity = sketching->kept_capacity ? 2 * sketching->kept_capacity : 16;
        struct mtr_record **kept = realloc(sketching->kept, capacity * sizeof(struct mtr_record *));
        if (!kept) return MTR_ENOMEM;
        sketching->kept = kept;
        sketching->kept_capacity = capacity;
    }
    int rc = decode_again(sketching, record, &sketching->kept[sketching->kept_count]);
    if (!rc) sketching->kept_count++;
    return rc;
}

/* As the sketch has it; NULL: it has none, or one that is broken. */
static const struct mtr_record *find_subscription(const struct sketching *sketching, struct mtr_str key)
{
    for (uint32_t i = 0; i < sketching->bundle.count; i++) {
        const struct bundle_item *item = &sketching->bundle.items[i];
        if (item->kind == MTR_KIND_SUBSCRIPTION && mtr_str_equal(item->key, key)) return item->decoded;
    }
    for (uint32_t i = 0; i < sketching->kept_count; i++)
        if (mtr_str_equal(sketching->kept[i]->key, key)) return sketching->kept[i];
    return NULL;
}

static int keep_subscription(struct sketching *sketching, struct mtr_str key)
{
    const struct mtr_record *stored =
        key.size ? catalog_find_record(sketching->current, MTR_KIND_SUBSCRIPTION, key) : NULL;
    return stored && !is_replaced(sketching, stored) && !find_subscription(sketching, key)
               ? keep(sketching, stored)
               : MTR_OK;
}

static bool is_customer(const struct mtr_record *subscription, struct mtr_str customer)
{
    const struct mtr_subscription_fields *f = &subscription->fields.subscription;
    const struct mtr_change_fields *changes = f->changes.items;
    if (!customer.size || mtr_str_equal(f->customer, customer)) return customer.size > 0;
    for (uint32_t i = 0; i < f->changes.count; i++)
        if (mtr_str_equal(changes[i].customer, customer)) return true;
    return false;
}

static int keep_credits(struct sketching *sketching, const struct mtr_record *subscription)
{
    const struct mtr_catalog *current = sketching->current;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < current->counts[MTR_KIND_CREDIT]; i++) {
        const struct mtr_record *record = current->records[MTR_KIND_CREDIT][i];
        if (!record) continue;
        const struct mtr_credit_fields *f = &record->fields.credit;
        const bool is_of =
            mtr_str_equal(f->subscription, subscription->key) || is_customer(subscription, f->customer);
        if (is_of && !is_replaced(sketching, record)) rc = keep(sketching, record);
    }
    return rc;
}

/* The subscription, those that credits of the documents are of, and then the credits of the first. */
static int keep_stored(struct sketching *sketching)
{
    const struct mtr_str key = sketching->sketch->subscription;
    int rc = keep_subscription(sketching, key);
    for (uint32_t i = 0; !rc && i < sketching->bundle.count; i++) {
        const struct bundle_item *item = &sketching->bundle.items[i];
        if (item->kind == MTR_KIND_CREDIT && item->decoded)
            rc = keep_subscription(sketching, item->decoded->fields.credit.subscription);
    }
    const struct mtr_record *subscription = rc ? NULL : find_subscription(sketching, key);
    return subscription ? keep_credits(sketching, subscription) : rc;
}

/* ---- the snapshot ---- */

static void share(const struct sketching *sketching, enum mtr_catalog_kind kind, struct mtr_catalog *catalog)
{
    const struct mtr_catalog *current = sketching->current;
    for (uint32_t i = 0; !is_own(kind) && i < current->counts[kind]; i++) {
        struct mtr_record *record = current->records[kind][i];
        if (record && !catalog->records[kind][i] && !catalog_awaits(catalog, kind, record->key))
            catalog_set(catalog, record);
    }
}

static int link_all(struct sketching *sketching, struct mtr_catalog **out)
{
    const struct bundle *bundle = &sketching->bundle;
    const size_t errors = sketching->findings->errors;
    struct mtr_catalog *catalog = NULL;
    int rc = catalog_create(sketching->counts, sketching->zones, sketching->current->version, &catalog);
    if (rc) return rc;
    rc = catalog_await(catalog, bundle);
    for (uint32_t i = 0; !rc && i < bundle->count; i++)
        if (bundle->items[i].decoded) catalog_set(catalog, bundle->items[i].decoded);
    for (uint32_t i = 0; !rc && i < sketching->kept_count; i++) catalog_set(catalog, sketching->kept[i]);
    for (int kind = 0; !rc && kind < MTR_KIND_COUNT; kind++)
        share(sketching, (enum mtr_catalog_kind)kind, catalog);
    catalog->around = sketching->current;
    if (!rc) rc = catalog_link(catalog, sketching->findings);
    catalog->around = NULL;
    if (!rc && (sketching->findings->errors > errors || bundle->read)) rc = MTR_EINVALID;
    if (rc) mtr_catalog_release(catalog);
    else *out = catalog;
    return rc;
}

static int make(struct sketching *sketching, struct mtr_catalog **out)
{
    for (int kind = 0; kind < MTR_KIND_COUNT; kind++)
        if (!is_own((enum mtr_catalog_kind)kind))
            sketching->counts[kind] = sketching->current->counts[kind];
    int rc = decode_documents(sketching);
    if (!rc) rc = keep_stored(sketching);
    if (!rc) rc = link_all(sketching, out);
    for (uint32_t i = 0; i < sketching->kept_count; i++) record_release(sketching->kept[i]);
    free(sketching->kept);
    for (uint32_t i = 0; i < sketching->bundle.count; i++)
        if (sketching->bundle.items[i].decoded)
            sketching->bundle.items[i].decoded->node = NULL; /* the documents end here */
    return rc;
}

int mtr_catalog_sketch(const struct mtr_sketch *sketch, struct mtr_catalog **out,
                       struct mtr_diagnostics *findings)
{
    static const uint32_t no_counts[MTR_KIND_COUNT];
    struct sketching sketching = {.sketch = sketch, .current = sketch->current, .findings = findings};
    struct mtr_catalog *empty = NULL;
    int rc = zones_open(&sketching.zones);
    if (rc) return rc;
    bundle_init(&sketching.bundle);
    if (!sketch->current) {
        rc = catalog_create(no_counts, sketching.zones, 0, &empty);
        if (!rc) rc = catalog_link(empty, findings);
        sketching.current = empty;
    }
    if (!rc) rc = make(&sketching, out);
    bundle_release(&sketching.bundle);
    mtr_catalog_release(empty);
    zones_release(sketching.zones);
    return rc;
}
