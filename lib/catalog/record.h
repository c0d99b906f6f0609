/*
 * One document, decoded: what its own text says, references still by key. Private to lib/catalog.
 *
 * A record is immutable and shared by every snapshot in which the document has this revision; the last
 * reference frees it. Snapshots link records into the structs of catalog.h.
 */
#ifndef METERD_LIB_CATALOG_RECORD_H
#define METERD_LIB_CATALOG_RECORD_H

#include <stdatomic.h>

#include "lib/catalog/zones.h"
#include "meterd/catalog/catalog.h"
#include "meterd/core/document.h"

struct mtr_vendor_fields {
    struct mtr_str key, name;
};

struct mtr_service_fields {
    struct mtr_str key, name, vendor, cost_tariff, retired;
};

struct mtr_meter_fields {
    struct mtr_str key, name, service, event_type, value, unit, retired;
    int aggregation;                    /* enum mtr_aggregation */
    struct mtr_list group_by;           /* of struct mtr_str */
    uint64_t dimension_values_max;
    bool dimension_values_max_given;
    const struct mtr_node *filter_node; /* valid while decoding only */
    struct mtr_filter *filters;
    uint32_t filter_count;
    struct mtr_str spread_over;
    int missing; /* 0 skip, 1 invalid */
    struct mtr_quantity factor, min, max;
    bool factor_given, min_given, max_given, gap_given;
    int64_t gap_us;
    int reports, holds_from, per; /* per: enum mtr_time_unit */
    int cell;                     /* 0 hour, 1 half an hour, 2 a quarter */
    struct mtr_quantity percentile;
    int64_t window_us;
    bool keep_events;
    bool reports_given, holds_from_given, per_given, percentile_given, window_given,
        cell_given;
};

struct mtr_billing_fields {
    int every; /* enum mtr_period_unit */
    struct mtr_str anchor;
};

/* What of a subscription becomes another from a time on; empty: it stays. */
struct mtr_change_fields {
    struct mtr_str from, tariff, customer, currency; /* from as written */
    bool has_billing;
    struct mtr_billing_fields billing;
    int64_t from_us, anchor_days; /* decoded from the above */
};

struct mtr_trial_fields {
    struct mtr_str end, tariff; /* end as written */
    bool has_days;
    uint64_t days;
    int then;                 /* 0 convert, 1 stop */
    struct mtr_list quantity; /* of struct mtr_label: component and quantity, as written */
    bool has_amount;
    struct mtr_money amount;
    struct mtr_trial_units *units; /* from here on: decoded from the above */
};

struct mtr_opening_fields {
    struct mtr_str meter;
    struct mtr_quantity value;
    struct mtr_list dimensions; /* of struct mtr_label */
};

struct mtr_subscription_fields {
    struct mtr_str key, service, subject, customer, tariff, cost_tariff, currency, zone_name;
    struct mtr_billing_fields billing;
    bool has_trial;
    struct mtr_trial_fields trial;
    struct mtr_str start, trial_end, end; /* as written */
    struct mtr_list labels;
    struct mtr_list changes; /* of struct mtr_change_fields */
    struct mtr_list opening; /* of struct mtr_opening_fields */
    struct mtr_zone *zone; /* from here on: decoded from the above */
    int64_t start_us, trial_end_us, free_until_us, charged_until_us, end_us;
    int64_t anchor_days;
};

struct mtr_api_key_fields {
    struct mtr_str key, sha256_hex, vendor, retired;
    struct mtr_list scope_names;
    struct mtr_api_key_limits limits;
    bool disabled;
    uint8_t sha256[32];
    unsigned scopes;
};

struct mtr_destination_fields {
    struct mtr_str key, url;
    int kind; /* enum mtr_destination_kind */
    struct mtr_list secret_files;
    uint64_t batch_max;
    int64_t timeout_us;
    bool drafts, disabled;
};

struct mtr_credit_fields {
    struct mtr_str key, name, subscription, customer, currency, meter;
    bool has_amount, has_quantity;
    struct mtr_money amount;
    struct mtr_quantity quantity;
    struct mtr_list components; /* of struct mtr_str */
    struct mtr_str from_text, expires_text;
    uint64_t priority;
    struct mtr_catalog_time from, expires; /* decoded from the texts */
};

struct mtr_rates_fields {
    struct mtr_str key, source, date, base;
    const struct mtr_node *quotes; /* valid while decoding only */
    struct mtr_rates decoded;
};

struct mtr_record {
    atomic_uint references;
    const struct mtr_kind *kind;
    uint32_t number;
    bool stored;                 /* decoded from the store: it was accepted once, under earlier rules */
    struct mtr_str key;        /* of the document: of meters and tariffs unique within their service */
    struct mtr_str stored_key; /* that it is stored by: SERVICE/KEY of these, or what it was before that */
    struct mtr_str json;       /* canonical */
    const struct mtr_node *node; /* where it stands in the text being applied; NULL for stored ones: findings
                                    then have no place */
    struct mtr_catalog_time retired; /* of meters, services, tariffs and API keys */
    struct mtr_arena arena;      /* owns all text */
    union { /* last: a record has as much of it as its kind needs */
        struct mtr_vendor_fields vendor;
        struct mtr_service_fields service;
        struct mtr_meter_fields meter;
        struct mtr_tariff_document tariff;
        struct mtr_subscription_fields subscription;
        struct mtr_api_key_fields api_key;
        struct mtr_destination_fields destination;
        struct mtr_credit_fields credit;
        struct mtr_rates_fields rates;
        struct mtr_source *source; /* the record's arena has it */
    } fields;
};

/*
 * What there is to know of a kind: its rows and the hooks behind them. Adding a kind is a struct of fields
 * above, a file read_<kind>.c that defines its row, the row in kinds.c, and its links in snapshot.c.
 * Hooks report their findings. MTR_EINVALID or MTR_OK with findings are the same; MTR_ENOMEM stops.
 */
struct mtr_kind {
    enum mtr_catalog_kind id;
    const char *name, *plural;
    const struct mtr_field *fields; /* of the member of `fields` in a record */
    int (*read)(struct mtr_record *record, struct mtr_zones *zones,
                struct mtr_diagnostics *findings); /* NULL: by rows, then finish */
    int (*finish)(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings);
    void (*check_frozen)(const struct mtr_record *old, const struct mtr_record *now,
                         struct mtr_diagnostics *findings); /* NULL: every field may change */
    bool deletable;
    size_t fields_bytes; /* of the member of `fields`, where that is much less than the largest; 0: all */
};

extern const struct mtr_kind meter_kind, tariff_kind, subscription_kind, api_key_kind, destination_kind,
    credit_kind, rate_kind, source_kind;
const struct mtr_kind *kind_of(enum mtr_catalog_kind kind);

/* A document as it comes: a map, of which a `key`, if any, equals `key`. Borrowed during the call. */
struct record_source {
    const struct mtr_kind *kind;
    uint32_t number;
    bool stored;
    struct mtr_str key, stored_key, json;
    const struct mtr_node *node;
};

/* Decodes and checks a document by itself. `zones` may be NULL for kinds without a zone. Errors: MTR_EINVALID
 * with findings, MTR_ENOMEM. */
int record_decode(const struct record_source *source, struct mtr_zones *zones,
                  struct mtr_diagnostics *findings, struct mtr_record **out) MTR_MUST_USE;
struct mtr_record *record_acquire(struct mtr_record *record);
void record_release(struct mtr_record *record); /* any thread; NULL is fine */

/* For hooks: the fields by the kind's rows; a finding about `name` of a record, placed at that field where
 * the text is at hand; an instant that may be missing; and the finding that a field which must stay does
 * not. */
int record_read_rows(struct mtr_record *record, struct mtr_diagnostics *findings) MTR_MUST_USE;
void record_fail(const struct mtr_record *record, enum mtr_finding_code code, const char *name,
                 struct mtr_diagnostics *findings, const char *format, ...) MTR_PRINTF(5, 6);
void record_read_time(const struct mtr_record *record, const char *name, struct mtr_str text,
                      struct mtr_catalog_time *out, struct mtr_diagnostics *findings);
/* The same about the item at an index of the list `name`. */
void record_fail_item(const struct mtr_record *record, enum mtr_finding_code code, const char *name,
                      uint32_t index, struct mtr_diagnostics *findings, const char *format, ...)
    MTR_PRINTF(6, 7);
void record_freeze(const struct mtr_record *now, const char *name, bool same,
                   struct mtr_diagnostics *findings);

/* Start, end, billing and trial of a subscription's record, but for the trial's tariff; what they point to is
 * the record's. */
void record_fill_terms(const struct mtr_record *record, struct mtr_subscription *out);
/* The meter of a record; its texts are the record's. */
struct mtr_meter record_meter_of(const struct mtr_record *record, const struct mtr_service *service);

#endif
