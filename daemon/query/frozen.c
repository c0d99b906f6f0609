/*
 * See frozen.h.
 */
#include "daemon/query/frozen.h"

const struct mtr_tariff_document *query_freeze(const struct mtr_tariff_document *tariff,
                                               const struct mtr_tariff_version *version,
                                               struct query_frozen *out)
{
    out->tariff = *tariff;
    out->tariff.versions = &out->version;
    out->tariff.version_count = version != NULL;
    if (!version) return &out->tariff;
    out->version = *version;
    out->version.from_is_date = false;
    out->version.from_us = INT64_MIN;
    return &out->tariff;
}
