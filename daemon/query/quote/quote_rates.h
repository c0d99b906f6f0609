/*
 * Rates of exchange that a request brings along. Private to daemon/query.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_QUOTE_RATES_H
#define METERD_DAEMON_QUERY_QUOTE_QUOTE_RATES_H

#include "meterd/core/document.h"
#include "meterd/tariff/rates.h"
#include "meterd/tariff/tariff.h"

/* The list's documents as a sorted book; source and base are the tariff's unless they are given. From the
 * arena. MTR_EINVALID with findings, MTR_ENOMEM. */
int quote_rates_read(const struct mtr_node *list, const struct mtr_tariff_document *tariff,
                     struct mtr_arena *arena, struct mtr_rate_book *book,
                     struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
