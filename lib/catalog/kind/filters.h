/*
 * The filter of a meter, as its document says it. Private to lib/catalog.
 */
#ifndef METERD_LIB_CATALOG_KIND_FILTERS_H
#define METERD_LIB_CATALOG_KIND_FILTERS_H

#include "lib/catalog/record.h"

/* From filter_node to filters and filter_count. MTR_EINVALID with findings, MTR_ENOMEM. */
int filters_decode(struct mtr_record *record, struct mtr_diagnostics *findings) MTR_MUST_USE;
bool filters_equal(const struct mtr_meter_fields *a, const struct mtr_meter_fields *b);

/* The same texts in the same order. */
bool filters_same_texts(const struct mtr_str *a, uint32_t a_count, const struct mtr_str *b,
                        uint32_t b_count);

#endif
