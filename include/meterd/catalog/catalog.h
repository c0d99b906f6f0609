/*
 * The catalog: vendors, services, meters, tariffs, subscriptions, API keys, destinations, credits, exchange
 * rates and sources, as an immutable snapshot.
 *
 * Documents are stored in every version (catalog/store.h); a snapshot is what is in force, checked, indexed,
 * and never changed: a new version makes a new snapshot. Snapshots are counted references: acquire in one
 * thread, use without locks, release. Numbers (subscription, meter, …) are given once to each key, from 1 up,
 * and never reused: stores use them as keys. What is deleted leaves a gap.
 *
 * Keys are unique in their kind; those of meters and tariffs in their service: KEY in what is about that
 * service (its tariffs, subscriptions, their credits), SERVICE/KEY elsewhere. A short name elsewhere was of
 * the only one when it was written, and stays of it.
 *
 * The models stand in headers of their own: vendor.h (and services), meter.h, subscription.h, credit.h,
 * api_key.h, destination.h; tariffs and rates in meterd/tariff/, sources in meterd/source/. They are the
 * snapshot's: what they hold and point to is borrowed for as long as a reference to the snapshot is held.
 * Where a model points to another one, that is of the same snapshot.
 *
 * Fields that define the fold (a meter's service, event_type, aggregation and what belongs to it, value,
 * group_by, filter; a subscription's vendor, subject, service, zone) cannot change after the first apply, and
 * a meter's date of retirement only where it decides of no event that was folded: rollups stay a function of
 * log and catalog.
 */
#ifndef METERD_CATALOG_CATALOG_H
#define METERD_CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/api_key.h"
#include "meterd/catalog/credit.h"
#include "meterd/catalog/destination.h"
#include "meterd/catalog/meter.h"
#include "meterd/catalog/subscription.h"
#include "meterd/catalog/vendor.h"
#include "meterd/core/limits.h"
#include "meterd/core/schema.h"
#include "meterd/source/source.h"
#include "meterd/tariff/rates.h"
#include "meterd/tariff/tariff.h"

enum mtr_catalog_kind {
    MTR_KIND_VENDOR,
    MTR_KIND_SERVICE,
    MTR_KIND_METER,
    MTR_KIND_TARIFF,
    MTR_KIND_SUBSCRIPTION,
    MTR_KIND_API_KEY,
    MTR_KIND_DESTINATION,
    MTR_KIND_CREDIT,
    MTR_KIND_RATE,
    MTR_KIND_SOURCE
};
enum { MTR_KIND_COUNT = 10 };
const char *mtr_catalog_kind_name(enum mtr_catalog_kind kind); /* "vendor" … "credit" "rate" "source" */
const char *mtr_catalog_kind_plural(enum mtr_catalog_kind kind); /* a file lists them under it: "vendors" … */
bool mtr_catalog_kind_from_name(struct mtr_str name, enum mtr_catalog_kind *out); /* singular or plural */
/* Its rows, for references and JSON Schemas. */
const struct mtr_field *mtr_catalog_kind_fields(enum mtr_catalog_kind kind);

struct mtr_catalog; /* a snapshot */

struct mtr_catalog *mtr_catalog_acquire(struct mtr_catalog *catalog); /* adds a reference, returns it */
void mtr_catalog_release(struct mtr_catalog *catalog);                /* any thread; NULL is fine */
uint64_t mtr_catalog_version(const struct mtr_catalog *catalog);      /* grows with every applied change */

/* By number: dense arrays, index number - 1. A number beyond the snapshot is NULL. */
uint32_t mtr_catalog_count(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind);
const struct mtr_vendor *mtr_catalog_vendor(const struct mtr_catalog *catalog, uint32_t number);
const struct mtr_meter *mtr_catalog_meter(const struct mtr_catalog *catalog, uint32_t number);
const struct mtr_subscription *mtr_catalog_subscription(const struct mtr_catalog *catalog, uint32_t number);
const struct mtr_destination *mtr_catalog_destination(const struct mtr_catalog *catalog, uint32_t number);
const struct mtr_credit *mtr_catalog_credit(const struct mtr_catalog *catalog, uint32_t number);
/* What for_each names of a source exists and is its vendor's; so does the vendor. */
const struct mtr_source *mtr_catalog_source(const struct mtr_catalog *catalog, uint32_t number);
/* All exchange rates, in a book's order. */
const struct mtr_rate_book *mtr_catalog_rates(const struct mtr_catalog *catalog);

/* The meters of a service, one a call, by number: *position begins at 0. NULL after the last. */
static inline const struct mtr_meter *mtr_catalog_next_meter(const struct mtr_catalog *catalog,
                                                             const struct mtr_service *service,
                                                             uint32_t *position)
{
    while (*position < mtr_catalog_count(catalog, MTR_KIND_METER)) {
        const struct mtr_meter *meter = mtr_catalog_meter(catalog, ++*position);
        if (meter && meter->service->number == service->number) return meter;
    }
    return NULL;
}

/* By key; meters and tariffs by a name from anywhere: SERVICE/KEY, or KEY, which means the eldest of several.
 * NULL when absent. */
const struct mtr_vendor *mtr_catalog_find_vendor(const struct mtr_catalog *catalog, struct mtr_str key);
const struct mtr_meter *mtr_catalog_find_meter(const struct mtr_catalog *catalog, struct mtr_str key);
const struct mtr_tariff_document *mtr_catalog_find_tariff(const struct mtr_catalog *catalog,
                                                          struct mtr_str key);
/* Does a service or a subscription name that one, of this snapshot, as what use costs? */
bool mtr_catalog_is_cost(const struct mtr_catalog *catalog, const struct mtr_tariff_document *tariff);
/* The one that a document with this service (empty: none) and key would replace. */
const struct mtr_tariff_document *mtr_catalog_find_tariff_of(const struct mtr_catalog *catalog,
                                                             struct mtr_str service, struct mtr_str key);
const struct mtr_subscription *mtr_catalog_find_subscription(const struct mtr_catalog *catalog,
                                                             struct mtr_str key);
const struct mtr_destination *mtr_catalog_find_destination(const struct mtr_catalog *catalog,
                                                           struct mtr_str key);
const struct mtr_source *mtr_catalog_find_source(const struct mtr_catalog *catalog, struct mtr_str key);
/* For a key that nothing has: "; did you mean `sub-1`?", or "" (mtr_str_meant). Of subscriptions and meters,
 * those of one vendor alone unless that is NULL. Returns `text`. */
const char *mtr_catalog_meant(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                              struct mtr_str key, const struct mtr_vendor *vendor,
                              char text[MTR_MEANT_BYTES]);
/* Does a subscription name that customer, at whatever time? Of one vendor's alone unless that is NULL. Where
 * none does `text` is as of mtr_catalog_meant. */
bool mtr_catalog_has_customer(const struct mtr_catalog *catalog, struct mtr_str customer,
                              const struct mtr_vendor *vendor, char text[MTR_MEANT_BYTES]);
/* Is that name of several meters, or tariffs? Then the text is "which of a/cpu, b/cpu". */
enum { MTR_WHICH_OF_TEXT_BYTES = 16 + 6 * (MTR_NAME_BYTES_MAX + 2) };
bool mtr_catalog_which_of(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind, struct mtr_str name,
                          char text[MTR_WHICH_OF_TEXT_BYTES]);
/* The credits of a subscription, its customer's included, one a call: *position begins at 0. NULL after
 * the last. */
const struct mtr_credit *mtr_catalog_next_credit(const struct mtr_catalog *catalog,
                                                 const struct mtr_subscription *subscription,
                                                 uint32_t *position);

/* What an event carries about the subscription that it is of. */
struct mtr_event_address {
    struct mtr_str vendor, subject, type;
    int64_t time_us;
};
/* The hot path: the subscription of an event, and the meters that it feeds. ~20 ns each, no allocation. Where
 * the vendor's subject has several subscriptions it is of the one whose service takes that type, and of
 * these the last that begins at its time or before: outside of every term the one that ended before it, and
 * before the first that one. In the phase of its time. NULL: the vendor has no such subject. */
const struct mtr_subscription *mtr_catalog_find_subject(const struct mtr_catalog *catalog,
                                                        const struct mtr_event_address *address);
/* Meters of one service and event type: *meters is an array of pointers owned by the snapshot; returns its
 * length. */
uint32_t mtr_catalog_find_meters(const struct mtr_catalog *catalog, const struct mtr_service *service,
                                 struct mtr_str event_type, const struct mtr_meter *const **meters);
/* Is `subject` the key or subject of another vendor's subscription? For the answer not_authorized. */
bool mtr_catalog_is_foreign_subject(const struct mtr_catalog *catalog, struct mtr_str vendor,
                                    struct mtr_str subject);
/* The API key of that secret, compared in constant time. NULL when there is none, it is disabled, or retired
 * by now. */
const struct mtr_api_key *mtr_catalog_find_secret(const struct mtr_catalog *catalog, struct mtr_str secret,
                                                  int64_t now_us);
/* The API key of that secret, also where it is disabled or retired: to be told of, and for nothing else. */
const struct mtr_api_key *mtr_catalog_find_any_secret(const struct mtr_catalog *catalog,
                                                      struct mtr_str secret);
/* Is there an API key that may change the catalog now? */
bool mtr_catalog_has_admin(const struct mtr_catalog *catalog, int64_t now_us);

#endif
