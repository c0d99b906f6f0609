/*
 * A snapshot: records of one moment, linked into the structs of catalog.h and indexed. Private to
 * lib/catalog.
 *
 * Built by one thread, then immutable; everything but the records and zones it refers to lives in one arena.
 */
#ifndef METERD_LIB_CATALOG_SNAPSHOT_H
#define METERD_LIB_CATALOG_SNAPSHOT_H

#include "lib/catalog/hash_index.h"
#include "lib/catalog/record.h"
#include "meterd/catalog/catalog.h"

struct mtr_meter_group { /* meters of one service and event type: meters_by_type[first …] */
    uint32_t first;
    uint32_t count;
};

struct mtr_catalog {
    atomic_uint references;
    uint64_t version;
    struct mtr_arena arena;
    struct mtr_zones *zones; /* one reference */
    uint32_t counts[MTR_KIND_COUNT];
    struct mtr_record **records[MTR_KIND_COUNT]; /* by number - 1; one reference each; NULL: deleted */
    const struct mtr_record *deleted; /* while a draft is linked without it: borrowed; else NULL */
    const struct mtr_catalog *around; /* while a sketch is linked: what is in force, borrowed; else NULL */
    const struct bundle *awaited; /* while a draft is linked of which some documents are broken; else NULL */
    struct mtr_index by_awaited;  /* key's hash → broken document of the bundle */
    struct mtr_index by_key[MTR_KIND_COUNT];
    struct mtr_vendor *vendors; /* by number - 1, as the following */
    struct mtr_service *services;
    struct mtr_meter *meters;
    struct mtr_subscription *subscriptions; /* the first phase of each */
    struct mtr_subscription *later_phases;  /* of all, by number and start */
    uint32_t later_phase_count;
    const struct mtr_subscription **phase_lists; /* of those that have some: all phases of each */
    uint32_t phase_list_count;
    struct mtr_api_key *api_keys;
    struct mtr_destination *destinations;
    struct mtr_credit *credits;
    struct mtr_rate_book rates;        /* in its own order, not by number */
    struct mtr_index by_subject;       /* (vendor, subject) → one of its subscriptions */
    struct mtr_index by_bare_subject;  /* subject → subscriptions of any vendor */
    struct mtr_index by_owner;         /* owner's hash → credits: of a subscription's key, or of a customer */
    struct mtr_index by_secret;        /* SHA-256 → API key */
    struct mtr_index by_event_type;    /* (service, event type) → group + 1 */
    const struct mtr_meter **meters_by_type;
    struct mtr_meter_group *groups;
    uint32_t group_count;
};

/* Takes a reference of zones. `counts` are the highest numbers; those that are not set with catalog_set
 * before link were deleted. */
int catalog_create(const uint32_t counts[MTR_KIND_COUNT], struct mtr_zones *zones, uint64_t version,
                   struct mtr_catalog **out) MTR_MUST_USE;
void catalog_set(struct mtr_catalog *catalog, struct mtr_record *record); /* takes a reference */
/* Resolves references and builds the indexes. Every reference to nothing, every clash is a finding; of a
 * draft that awaits documents so much as does not look at them. MTR_EINVALID, MTR_ENOMEM. */
int catalog_link(struct mtr_catalog *catalog, struct mtr_diagnostics *findings) MTR_MUST_USE;

/* A subscription of that vendor and subject; NULL without any. */
const struct mtr_subscription *catalog_find_any_of_subject(const struct mtr_catalog *catalog,
                                                           struct mtr_str vendor, struct mtr_str subject);
/* Checks over several documents: tariffs against meters. */
void catalog_check_tariffs(const struct mtr_catalog *catalog, struct mtr_diagnostics *findings);
/* Credits against the subscription that they are of: currency, service and components. */
void catalog_check_credits(struct mtr_catalog *catalog, struct mtr_diagnostics *findings);
/* Sources against their vendor's services and one another. */
void catalog_check_sources(const struct mtr_catalog *catalog, struct mtr_diagnostics *findings);
/* Customers of credits and overrides against those of subscriptions. MTR_ENOMEM. */
int catalog_check_customers(struct mtr_catalog *catalog, struct mtr_diagnostics *findings) MTR_MUST_USE;
/* Fills in which subscriptions carry something from period to period (links.c): every reference is linked.
 * MTR_ENOMEM. */
int catalog_note_carrying(struct mtr_catalog *catalog) MTR_MUST_USE;
/* Subscriptions against their tariffs: every reference is linked. MTR_ENOMEM. */
int catalog_check_subscriptions(struct mtr_catalog *catalog, struct mtr_diagnostics *findings) MTR_MUST_USE;
/* What may not change from the snapshot in force to the next, whichever document does it. */
void catalog_check_change(const struct mtr_catalog *before, const struct mtr_catalog *catalog, int64_t now_us,
                          struct mtr_diagnostics *findings);

/* Names of dimensions that are new. */
void catalog_check_dimension_names(const struct mtr_catalog *before, const struct mtr_catalog *catalog,
                                   struct mtr_diagnostics *findings);

/* Somebody who could change the catalog must still be able to. Of a draft, when all of it is linked. */
void catalog_check_admins(const struct mtr_catalog *before, const struct mtr_catalog *catalog, int64_t now_us,
                          struct mtr_diagnostics *findings);

/* Gives each subscription its cuts. MTR_ENOMEM. */
int catalog_find_cuts(struct mtr_catalog *catalog, struct mtr_diagnostics *findings) MTR_MUST_USE;
/* Room for all phases, before any is linked. MTR_ENOMEM. */
int catalog_allocate_phases(struct mtr_catalog *catalog) MTR_MUST_USE;
/* Makes the phases of a subscription out of its record. After a finding it has none, its number is 0. */
void catalog_link_phases(struct mtr_catalog *catalog, const struct mtr_record *record,
                         const struct mtr_record *service, struct mtr_diagnostics *findings);
/* For who links them: every phase of every subscription, the first ones before, NULL behind the last; and the
 * one that it is, to be written. */
struct mtr_subscription *catalog_phase_at(struct mtr_catalog *catalog, uint32_t index);
struct mtr_subscription *catalog_own_phase(struct mtr_catalog *catalog, const struct mtr_subscription *phase);

/* Gives each subscription those of the same vendor and subject, and checks that an event can be of one only:
 * terms of one service that overlap, and services that take the same type, are findings. MTR_ENOMEM. */
int catalog_link_subjects(struct mtr_catalog *catalog, struct mtr_diagnostics *findings) MTR_MUST_USE;
/* Gives each subscription what it begins with (link_openings.c). MTR_ENOMEM. */
int catalog_link_openings(struct mtr_catalog *catalog, struct mtr_diagnostics *findings) MTR_MUST_USE;
/* Gives each subscription its peers. MTR_ENOMEM. */
int catalog_link_peers(struct mtr_catalog *catalog) MTR_MUST_USE;

uint64_t catalog_owner_hash(struct mtr_str key, bool is_customer);
uint64_t catalog_subject_hash(struct mtr_str vendor, struct mtr_str subject);
uint64_t catalog_event_type_hash(uint32_t service, struct mtr_str event_type);

#endif
