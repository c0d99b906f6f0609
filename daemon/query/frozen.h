/*
 * A tariff under one of its versions alone, from the beginning of time: "as if prices of that day held".
 * Private to daemon/query.
 */
#ifndef METERD_DAEMON_QUERY_FROZEN_H
#define METERD_DAEMON_QUERY_FROZEN_H

#include "meterd/tariff/tariff.h"

struct query_frozen {
    struct mtr_tariff_document tariff;
    struct mtr_tariff_version version;
};

/* The tariff under that version; without any where version is NULL. Borrows from both; it lives in *out. */
const struct mtr_tariff_document *query_freeze(const struct mtr_tariff_document *tariff,
                                               const struct mtr_tariff_version *version,
                                               struct query_frozen *out);

#endif
