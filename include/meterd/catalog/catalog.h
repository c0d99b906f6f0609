/*
 * The catalog: vendors, services, meters, tariffs, subscriptions, API keys, destinations, credits and
 * exchange rates, as an immutable snapshot.
 *
 * Documents are stored in every version (catalog/store.h); a snapshot is what is in force, checked, indexed,
 * and never changed: a new version makes a new snapshot. Snapshots are counted references: acquire in one
 * thread, use without locks, release. Numbers (subscription, meter, …) are given once to each key, from 1 up,
 * and never reused: stores use them as keys.
 *
 * Fields that define the fold (a meter's service, event_type, aggregation and what belongs to it, value,
 * group_by, filter; a subscription's vendor, subject, service, zone) cannot change after the first apply:
 * rollups stay a function of log and catalog.
 */
#ifndef METERD_CATALOG_CATALOG_H
#define METERD_CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/period.h"
#include "meterd/core/schema.h"
#include "meterd/core/zone.h"
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
    MTR_KIND_RATE
};
enum { MTR_KIND_COUNT = 9 };
const char *mtr_catalog_kind_name(enum mtr_catalog_kind kind); /* "vendor" … "destination" "credit" "rate" */
bool mtr_catalog_kind_from_name(struct mtr_str name, enum mtr_catalog_kind *out); /* singular or plural */
const struct mtr_field *
mtr_catalog_kind_fields(enum mtr_catalog_kind kind); /* its rows, for references and JSON Schemas */

struct mtr_vendor {
    uint32_t number;
    struct mtr_str key;
    struct mtr_str name; /* for people */
};

struct mtr_service {
    uint32_t number;
    struct mtr_str key;
    struct mtr_str name;
    const struct mtr_vendor *vendor;
};

enum mtr_aggregation {
    MTR_SUM,
    MTR_COUNT,
    MTR_MIN,
    MTR_MAX,
    MTR_LAST,
    MTR_UNIQUE,
    MTR_TIME_WEIGHTED, /* a level × the time for which it held; it goes on from period to period */
    MTR_PERCENTILE     /* of the sums of windows of equal length */
};
enum { MTR_AGGREGATION_COUNT = 8 };
const char *mtr_aggregation_name(enum mtr_aggregation aggregation);

/* What a level of 1 that holds for this long comes to: 1. PERIOD: the whole billing period, so that the
 * quantity is the mean level. */
enum mtr_time_unit {
    MTR_TIME_UNIT_SECOND,
    MTR_TIME_UNIT_MINUTE,
    MTR_TIME_UNIT_HOUR,
    MTR_TIME_UNIT_DAY,
    MTR_TIME_UNIT_PERIOD
};

/* The longest stretch that one event of a meter with spread_over may cover, in seconds. */
enum { MTR_SPREAD_S_MAX = 32 * 86400 };

struct mtr_filter { /* an event counts only when the property equals one of the values */
    struct mtr_str property;
    struct mtr_str *values;
    uint32_t value_count;
};

struct mtr_meter {
    uint32_t number;
    struct mtr_str key;
    struct mtr_str name;
    const struct mtr_service *service;
    struct mtr_str event_type;
    enum mtr_aggregation aggregation;
    struct mtr_str value; /* property that holds the quantity (or, for unique, the value); empty for count */
    struct mtr_str unit;  /* of the quantity, for people: "GiB", "requests" */
    struct mtr_str *group_by; /* property names */
    uint32_t group_by_count;
    struct mtr_filter *filters; /* all must hold */
    uint32_t filter_count;
    bool keep_events;           /* sum, count: each event is kept, so that it can be priced by itself */
    struct mtr_str spread_over; /* sum: property that holds a length in seconds, over which the quantity is
                                   spread evenly; empty: none */
    bool reports_changes;       /* time_weighted: events carry changes of the level; else the level itself */
    bool holds_from_day; /* time_weighted: a value holds from the beginning of its local day; else from its
                            own moment */
    enum mtr_time_unit per;     /* time_weighted */
    struct mtr_quantity percentile; /* percentile: above 0, at most 100 */
    int64_t window_s;           /* percentile: length of a window, divides an hour; 0 otherwise */
};

/* Units of a component that a trial frees. */
struct mtr_trial_units {
    struct mtr_str component;
    struct mtr_quantity quantity;
};

struct mtr_subscription {
    uint32_t number;
    struct mtr_str key;
    const struct mtr_service *service; /* and through it the vendor */
    struct mtr_str subject;  /* the vendor's id of it, as events carry it; the key unless given */
    struct mtr_str customer;
    const struct mtr_tariff_document
        *tariff; /* all versions, with prices in the currency where the tariff has them */
    const struct mtr_tariff_document *cost_tariff; /* what its use costs the seller; NULL: not known */
    struct mtr_str currency; /* ISO 4217; another than the tariff's where that has an exchange */
    const struct mtr_rate_book *rates; /* all of the snapshot */
    struct mtr_zone *zone;
    struct mtr_period_rule billing;
    int64_t start_s;     /* usage and fees from here on */
    int64_t
        trial_end_s; /* == start_s without a trial, and of a trial that frees units or money of the tariff */
    const struct mtr_tariff_document *trial_tariff; /* what is charged until then; NULL: nothing */
    bool trial_stops;    /* nothing is charged from then on */
    int64_t free_until_s; /* what the trial frees of the tariff can be used until then; INT64_MAX: always */
    int64_t charged_until_s; /* nothing is charged from then on; INT64_MAX: always */
    const struct mtr_trial_units *trial_units; /* what it frees, by component */
    uint32_t trial_unit_count;
    bool has_trial_amount;
    struct mtr_money trial_amount; /* in the tariff's currency */
    int64_t end_s;       /* INT64_MAX while it runs */
    struct mtr_label *labels;
    uint32_t label_count;
    /* The customer's subscriptions of the same tariff and currency, by number, this one at peer_index:
     * where the tariff counts across them, else none. Of two the one with the lower number goes before. */
    const struct mtr_subscription *const *peers;
    uint32_t peer_count, peer_index;
    bool carries; /* late use of one period may change those after it: a level goes on, or a position counts
                     from the term's start */
};

enum mtr_api_scope { MTR_SCOPE_INGEST = 1, MTR_SCOPE_QUERY = 2, MTR_SCOPE_BILLING = 4, MTR_SCOPE_ADMIN = 8 };

struct mtr_api_key {
    uint32_t number;
    struct mtr_str key;      /* its name; the secret itself is never stored */
    uint8_t sha256[32];      /* of the secret */
    unsigned scopes;         /* enum mtr_api_scope, or'ed */
    const struct mtr_vendor *vendor; /* ingest and query are bound to this vendor; NULL: operator */
    bool disabled;
};

enum mtr_destination_kind { MTR_DESTINATION_HTTP };

struct mtr_destination {
    uint32_t number;
    struct mtr_str key;
    enum mtr_destination_kind kind;
    struct mtr_str url;          /* http */
    struct mtr_str *secret_files; /* http: Standard Webhooks secrets "whsec_<base64>", one file each; the
                                     first signs first */
    uint32_t secret_count;
    uint32_t batch_max;          /* charges per message */
    int64_t timeout_us;
    bool drafts;                 /* also send draft charges */
    bool disabled;
};

/* An instant as it was written: a date is local midnight of whichever subscription asks. */
struct mtr_catalog_time {
    struct mtr_str text; /* empty: none */
    bool is_date;        /* then days count since 1970-01-01 in the zone */
    int64_t days;
    int64_t time_s;
};

/* Prepaid money or units: of one subscription, or shared by all of a customer. Every billing period that
 * overlaps [from, expires) draws on it. */
struct mtr_credit {
    uint32_t number;
    struct mtr_str key;
    struct mtr_str name;
    const struct mtr_subscription *subscription; /* NULL: of the customer */
    struct mtr_str customer;                     /* empty: of the subscription */
    bool of_money;
    struct mtr_money amount;  /* > 0, of money */
    struct mtr_str currency;  /* of money: it pays what is priced in this currency */
    struct mtr_quantity quantity; /* > 0, of units as the components price them */
    const struct mtr_meter *meter; /* of units: components with this meter draw on it; NULL of money */
    struct mtr_str *components; /* keys of the components that draw on it; none: all */
    uint32_t component_count;
    struct mtr_catalog_time from;
    struct mtr_catalog_time expires; /* without a text: never */
    uint32_t priority;               /* the lowest is drawn first */
};

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
/* All exchange rates, in a book's order. */
const struct mtr_rate_book *mtr_catalog_rates(const struct mtr_catalog *catalog);

/* By key. NULL when absent. */
const struct mtr_vendor *mtr_catalog_find_vendor(const struct mtr_catalog *catalog, struct mtr_str key);
const struct mtr_meter *mtr_catalog_find_meter(const struct mtr_catalog *catalog, struct mtr_str key);
const struct mtr_tariff_document *mtr_catalog_find_tariff(const struct mtr_catalog *catalog,
                                                          struct mtr_str key);
const struct mtr_subscription *mtr_catalog_find_subscription(const struct mtr_catalog *catalog,
                                                             struct mtr_str key);
const struct mtr_destination *mtr_catalog_find_destination(const struct mtr_catalog *catalog,
                                                           struct mtr_str key);
/* The credits of a subscription, its customer's included, one a call: *position begins at 0. NULL after
 * the last. */
const struct mtr_credit *mtr_catalog_next_credit(const struct mtr_catalog *catalog,
                                                 const struct mtr_subscription *subscription,
                                                 uint32_t *position);

/* The hot path: subscription by what an event carries, and the meters that an event feeds. ~20 ns each, no
 * allocation. */
const struct mtr_subscription *mtr_catalog_find_subject(const struct mtr_catalog *catalog,
                                                        struct mtr_str vendor, struct mtr_str subject);
/* Meters of one service and event type: *meters is an array of pointers owned by the snapshot; returns its
 * length. */
uint32_t mtr_catalog_find_meters(const struct mtr_catalog *catalog, const struct mtr_service *service,
                                 struct mtr_str event_type, const struct mtr_meter *const **meters);
/* Is `subject` the key or subject of another vendor's subscription? For the answer not_authorized. */
bool mtr_catalog_is_foreign_subject(const struct mtr_catalog *catalog, struct mtr_str vendor,
                                    struct mtr_str subject);
/* The enabled API key of that secret, compared in constant time. NULL when there is none. */
const struct mtr_api_key *mtr_catalog_find_secret(const struct mtr_catalog *catalog, struct mtr_str secret);

#endif
