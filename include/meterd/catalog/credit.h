/*
 * Credits: money or units paid for in advance, drawn on before anything is charged.
 *
 *   credits:
 *     - {key: welcome, subscription: sub-1, amount: "100", currency: EUR, from: 2026-01-01,
 *        expires: 2027-01-01}
 *     - {key: hours, customer: globex, quantity: "5000", meter: vcpu, components: [vcpu], from: 2026-01-01}
 *
 * The one with the lowest priority is drawn first; then the earliest expiry, then the key. Part of a
 * snapshot: see catalog.h for lifetime.
 */
#ifndef METERD_CATALOG_CREDIT_H
#define METERD_CATALOG_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/meter.h"
#include "meterd/catalog/subscription.h"
#include "meterd/catalog/time.h"
#include "meterd/core/decimal.h"

/* Prepaid money or units: of one subscription, or shared by all of a customer. Every billing period that
 * overlaps [from, expires) draws on it. */
struct mtr_credit {
    uint32_t number;
    struct mtr_str key;
    struct mtr_str name;
    const struct mtr_subscription *subscription; /* NULL: of the customer */
    struct mtr_str customer;                     /* empty: of the subscription */
    bool of_money;
    struct mtr_money amount;       /* > 0, of money */
    struct mtr_str currency;       /* of money: it pays what is priced in this currency */
    struct mtr_quantity quantity;  /* > 0, of units as the components price them */
    const struct mtr_meter *meter; /* of units: components with this meter draw on it; NULL of money */
    struct mtr_str *components;    /* keys of the components that draw on it; none: all */
    uint32_t component_count;
    struct mtr_catalog_time from;
    struct mtr_catalog_time expires; /* without a text: never */
    uint32_t priority;               /* the lowest is drawn first */
};

#endif
