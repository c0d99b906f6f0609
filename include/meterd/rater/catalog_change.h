/*
 * What was charged against a change of the catalog: charges tell the key of the meter whose use they price,
 * so one that a line tells cannot go.
 *
 *   meter of `before` that `after` lacks ──▶ lines of its service's subscriptions ──▶ finding
 *
 * Reads the charges in one transaction, all lines of these subscriptions, and only when a meter goes: some
 * seconds with a million of them. Between two steps of the rater, of which the next sees the change. Errors:
 * MTR_EIO, MTR_ENOMEM, MTR_ECORRUPT.
 */
#ifndef METERD_RATER_CATALOG_CHANGE_H
#define METERD_RATER_CATALOG_CHANGE_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/diagnostic.h"
#include "meterd/store/charges.h"

int mtr_rater_check_change(struct mtr_charges *charges, const struct mtr_catalog *before,
                           const struct mtr_catalog *after, struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
