/*
 * Who sells, and what: a vendor (a marketplace's partner) and his services, each with meters of its own.
 *
 *   vendors:  [{key: acme, name: Acme Cloud}]
 *   services: [{key: compute, vendor: acme, name: Compute, cost_tariff: acme-wholesale}]
 *
 * An event belongs to the vendor whose API key sent it; its subject is looked up among his subscriptions
 * only. A service's vendor may not change. No subscription starts once the service is `retired`. Part of a
 * snapshot: see catalog.h for lifetime.
 */
#ifndef METERD_CATALOG_VENDOR_H
#define METERD_CATALOG_VENDOR_H

#include <stdint.h>

#include "meterd/core/str.h"

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
    uint64_t measure_ends; /* a hash of when its meters are retired that measure time, too; 0: never */
};

#endif
