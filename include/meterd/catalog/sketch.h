/*
 * A sketch: the catalog that documents would make beside what is in force, for a question about one
 * subscription. Nothing is stored, and no store is needed.
 *
 *   what is in force ── vendors, services, meters, tariffs, rates ──────────────────┐
 *                    ── the subscription, with the credits of it and its customers ─┼─▶ a snapshot
 *   documents (as of mtr_catalog_store_apply) ─────────────── instead of the same ──┘
 *
 * It knows no other subscription of what is in force, so it costs the same for a hundred thousand of them.
 * Its numbers of subscriptions, credits, API keys and destinations are its own. What fixes the fold may be
 * another here: nothing was folded with it.
 */
#ifndef METERD_CATALOG_SKETCH_H
#define METERD_CATALOG_SKETCH_H

#include "meterd/catalog/catalog.h"

struct mtr_sketch {
    const struct mtr_catalog *current; /* must outlive what is made; NULL: nothing is in force */
    const struct mtr_node *documents;  /* a map of lists of them, borrowed during the call */
    struct mtr_str subscription;       /* key; it need not be there */
};

/* *out is the caller's reference. Every finding is reported, with its place in the documents. Any thread.
 * MTR_EINVALID with findings, MTR_ENOMEM. */
int mtr_catalog_sketch(const struct mtr_sketch *sketch, struct mtr_catalog **out,
                       struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
