/*
 * Lookups in a snapshot. find_subject and find_meters are asked for every event: one hash, one probe, one
 * comparison, no lock.
 */
#include "lib/catalog/names.h"

#include <sodium.h>

#include "meterd/core/time.h"

uint64_t catalog_subject_hash(struct mtr_str vendor, struct mtr_str subject)
{
    return hash_index_hash(subject, hash_index_hash(vendor, 0));
}

uint64_t catalog_event_type_hash(uint32_t service, struct mtr_str event_type)
{
    return hash_index_hash(event_type, service);
}

uint64_t mtr_catalog_version(const struct mtr_catalog *catalog)
{
    return catalog->version;
}

uint32_t mtr_catalog_count(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind)
{
    return catalog->counts[kind];
}

static bool has(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind, uint32_t number)
{
    return number >= 1 && number <= catalog->counts[kind] && catalog->records[kind][number - 1];
}

const struct mtr_vendor *mtr_catalog_vendor(const struct mtr_catalog *catalog, uint32_t number)
{
    return has(catalog, MTR_KIND_VENDOR, number) ? &catalog->vendors[number - 1] : NULL;
}

const struct mtr_meter *mtr_catalog_meter(const struct mtr_catalog *catalog, uint32_t number)
{
    return has(catalog, MTR_KIND_METER, number) ? &catalog->meters[number - 1] : NULL;
}

const struct mtr_subscription *mtr_catalog_subscription(const struct mtr_catalog *catalog, uint32_t number)
{
    return has(catalog, MTR_KIND_SUBSCRIPTION, number) ? &catalog->subscriptions[number - 1] : NULL;
}

const struct mtr_destination *mtr_catalog_destination(const struct mtr_catalog *catalog, uint32_t number)
{
    return has(catalog, MTR_KIND_DESTINATION, number) ? &catalog->destinations[number - 1] : NULL;
}

const struct mtr_credit *mtr_catalog_credit(const struct mtr_catalog *catalog, uint32_t number)
{
    return has(catalog, MTR_KIND_CREDIT, number) ? &catalog->credits[number - 1] : NULL;
}

const struct mtr_source *mtr_catalog_source(const struct mtr_catalog *catalog, uint32_t number)
{
    return has(catalog, MTR_KIND_SOURCE, number)
               ? catalog->records[MTR_KIND_SOURCE][number - 1]->fields.source
               : NULL;
}

const struct mtr_rate_book *mtr_catalog_rates(const struct mtr_catalog *catalog)
{
    return &catalog->rates;
}

static uint32_t find_number(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind, struct mtr_str key)
{
    const struct mtr_record *record = catalog_find_record(catalog, kind, key);
    return record ? record->number : 0;
}

const struct mtr_vendor *mtr_catalog_find_vendor(const struct mtr_catalog *catalog, struct mtr_str key)
{
    return mtr_catalog_vendor(catalog, find_number(catalog, MTR_KIND_VENDOR, key));
}

const struct mtr_meter *mtr_catalog_find_meter(const struct mtr_catalog *catalog, struct mtr_str key)
{
    return mtr_catalog_meter(catalog, find_number(catalog, MTR_KIND_METER, key));
}

const struct mtr_tariff_document *mtr_catalog_find_tariff(const struct mtr_catalog *catalog,
                                                          struct mtr_str key)
{
    const struct mtr_record *record = catalog_find_record(catalog, MTR_KIND_TARIFF, key);
    return record ? &record->fields.tariff : NULL;
}

const struct mtr_tariff_document *mtr_catalog_find_tariff_of(const struct mtr_catalog *catalog,
                                                             struct mtr_str service, struct mtr_str key)
{
    const struct mtr_record *record = catalog_find_replaced(catalog, MTR_KIND_TARIFF, service, key);
    return record ? &record->fields.tariff : NULL;
}

const struct mtr_subscription *mtr_catalog_find_subscription(const struct mtr_catalog *catalog,
                                                             struct mtr_str key)
{
    return mtr_catalog_subscription(catalog, find_number(catalog, MTR_KIND_SUBSCRIPTION, key));
}

const struct mtr_destination *mtr_catalog_find_destination(const struct mtr_catalog *catalog,
                                                           struct mtr_str key)
{
    return mtr_catalog_destination(catalog, find_number(catalog, MTR_KIND_DESTINATION, key));
}

const struct mtr_source *mtr_catalog_find_source(const struct mtr_catalog *catalog, struct mtr_str key)
{
    return mtr_catalog_source(catalog, find_number(catalog, MTR_KIND_SOURCE, key));
}

uint64_t catalog_owner_hash(struct mtr_str key, bool is_customer)
{
    return hash_index_hash(key, is_customer);
}

/* First those of the subscription, then those of its customer: the upper bit of the position tells which. */
const struct mtr_credit *mtr_catalog_next_credit(const struct mtr_catalog *catalog,
                                                 const struct mtr_subscription *subscription,
                                                 uint32_t *position)
{
    static const uint32_t OF_CUSTOMER = UINT32_C(1) << 31;
    for (;;) {
        const bool of_customer = *position & OF_CUSTOMER;
        const struct mtr_str owner = of_customer ? subscription->customer : subscription->key;
        const uint64_t hash = catalog_owner_hash(owner, of_customer);
        uint32_t probe = *position & ~OF_CUSTOMER;
        for (uint32_t number; (number = hash_index_next(&catalog->by_owner, hash, &probe)) != 0;) {
            const struct mtr_credit *credit = mtr_catalog_credit(catalog, number);
            const bool is_own =
                of_customer ? mtr_str_equal(credit->customer, owner)
                            : credit->subscription && credit->subscription->number == subscription->number;
            if (!is_own) continue;
            *position = probe | (of_customer ? OF_CUSTOMER : 0);
            return credit;
        }
        if (of_customer) return NULL;
        *position = OF_CUSTOMER;
    }
}

/* One subscription for each vendor and subject is in the index: it knows the others. */
const struct mtr_subscription *catalog_find_any_of_subject(const struct mtr_catalog *catalog,
                                                           struct mtr_str vendor, struct mtr_str subject)
{
    uint64_t hash = catalog_subject_hash(vendor, subject);
    for (uint32_t probe = 0, number; (number = hash_index_next(&catalog->by_subject, hash, &probe)) != 0;) {
        const struct mtr_subscription *subscription = &catalog->subscriptions[number - 1];
        if (mtr_str_equal(subscription->subject, subject) &&
            mtr_str_equal(subscription->service->vendor->key, vendor))
            return subscription;
    }
    return NULL;
}

/* Of one service's subscriptions, by start: the last that begins at that time or before, or the first. */
static const struct mtr_subscription *last_begun(const struct mtr_subscription *const *terms, uint32_t count,
                                                 int64_t time_us)
{
    uint32_t last = count - 1;
    while (last > 0 && terms[last]->start_us > time_us) last--;
    return terms[last];
}

static bool is_active(const struct mtr_subscription *subscription, int64_t time_us)
{
    const int64_t ends_us = mtr_subscription_ends_us(subscription);
    return subscription->start_us <= time_us && (ends_us == INT64_MAX || time_us < ends_us);
}

/* A type that no service takes waits for a meter: of whose subscription then does not matter to the fold. */
static const struct mtr_subscription *find_of_several(const struct mtr_catalog *catalog,
                                                      const struct mtr_subscription *any,
                                                      const struct mtr_event_address *address)
{
    const struct mtr_subscription *const *all = any->same_subject, *found = NULL;
    const struct mtr_meter *const *meters;
    for (uint32_t first = 0, next; first < any->same_subject_count; first = next) {
        const struct mtr_service *service = all[first]->service;
        for (next = first + 1; next < any->same_subject_count && all[next]->service == service; next++) {
        }
        const struct mtr_subscription *begun = last_begun(all + first, next - first, address->time_us);
        if (mtr_catalog_find_meters(catalog, service, address->type, &meters)) return begun;
        if (!found || is_active(begun, address->time_us)) found = begun;
    }
    return found;
}

const struct mtr_subscription *mtr_catalog_find_subject(const struct mtr_catalog *catalog,
                                                        const struct mtr_event_address *address)
{
    const struct mtr_subscription *any =
        catalog_find_any_of_subject(catalog, address->vendor, address->subject);
    if (any && any->same_subject_count) any = find_of_several(catalog, any, address);
    return any && any->phases ? mtr_subscription_at(any, address->time_us) : any;
}

uint32_t mtr_catalog_find_meters(const struct mtr_catalog *catalog, const struct mtr_service *service,
                                 struct mtr_str event_type, const struct mtr_meter *const **meters)
{
    uint64_t hash = catalog_event_type_hash(service->number, event_type);
    for (uint32_t probe = 0, number;
         (number = hash_index_next(&catalog->by_event_type, hash, &probe)) != 0;) {
        struct mtr_meter_group group = catalog->groups[number - 1];
        const struct mtr_meter *first = catalog->meters_by_type[group.first];
        if (first->service->number != service->number || !mtr_str_equal(first->event_type, event_type))
            continue;
        *meters = &catalog->meters_by_type[group.first];
        return group.count;
    }
    *meters = NULL;
    return 0;
}

bool mtr_catalog_is_foreign_subject(const struct mtr_catalog *catalog, struct mtr_str vendor,
                                    struct mtr_str subject)
{
    const struct mtr_subscription *named = mtr_catalog_find_subscription(catalog, subject);
    if (named && !mtr_str_equal(named->service->vendor->key, vendor)) return true;
    uint64_t hash = hash_index_hash(subject, 0);
    for (uint32_t probe = 0, number;
         (number = hash_index_next(&catalog->by_bare_subject, hash, &probe)) != 0;) {
        const struct mtr_subscription *subscription = &catalog->subscriptions[number - 1];
        if (mtr_str_equal(subscription->subject, subject) &&
            !mtr_str_equal(subscription->service->vendor->key, vendor))
            return true;
    }
    return false;
}

const struct mtr_api_key *mtr_catalog_find_any_secret(const struct mtr_catalog *catalog,
                                                      struct mtr_str secret)
{
    uint8_t sha256[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(sha256, (const unsigned char *)(secret.size ? secret.data : ""), secret.size);
    uint64_t hash = hash_index_hash((struct mtr_str){(const char *)sha256, sizeof(sha256)}, 0);
    for (uint32_t probe = 0, number; (number = hash_index_next(&catalog->by_secret, hash, &probe)) != 0;) {
        const struct mtr_api_key *key = &catalog->api_keys[number - 1];
        if (sodium_memcmp(key->sha256, sha256, sizeof(sha256)) == 0) return key;
    }
    return NULL;
}

const struct mtr_api_key *mtr_catalog_find_secret(const struct mtr_catalog *catalog, struct mtr_str secret,
                                                  int64_t now_us)
{
    const struct mtr_api_key *key = mtr_catalog_find_any_secret(catalog, secret);
    if (!key) return NULL;
    return key->disabled || now_us >= key->retired_us ? NULL : key;
}
