/*
 * Findings of tariffs: where they stand and how they are said. Private to lib/tariff.
 */
#ifndef METERD_LIB_TARIFF_REPORT_H
#define METERD_LIB_TARIFF_REPORT_H

#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/document.h"

static inline void tariff_report(struct mtr_diagnostics *findings, enum mtr_severity severity,
                                 const struct mtr_node *node, const char *field, const char *text)
{
    mtr_diagnostics_addf(findings, severity, node->line, node->column, field, "%s", text);
}

static inline void tariff_error(struct mtr_diagnostics *findings, const struct mtr_node *node,
                                const char *field, const char *text)
{
    tariff_report(findings, MTR_SEVERITY_ERROR, node, field, text);
}

static inline void tariff_warning(struct mtr_diagnostics *findings, const struct mtr_node *node,
                                  const char *field, const char *text)
{
    tariff_report(findings, MTR_SEVERITY_WARNING, node, field, text);
}

/* Of a number that was refused with that error, MTR_OK: for its value. What is none is quoted; else `range`
 * says which are taken. */
static inline void tariff_number_error(struct mtr_diagnostics *findings, const struct mtr_node *node,
                                       const char *field, int error, const char *range)
{
    char sentence[MTR_NUMBER_FAULT_BYTES];
    if (error == MTR_EINVALID) mtr_number_fault(node->text, sentence);
    tariff_error(findings, node, field, error == MTR_EINVALID ? sentence : range);
}

/* Where the key stands; the map itself when it is not written. */
static inline const struct mtr_node *tariff_place(const struct mtr_node *map, const char *key)
{
    const struct mtr_node *child = mtr_node_get(map, key);
    return child ? child : map;
}

/* A key that must not be there. */
static inline void tariff_forbid(struct mtr_diagnostics *findings, const struct mtr_node *map, bool given,
                                 const char *key, const char *reason)
{
    if (given) tariff_error(findings, tariff_place(map, key), key, reason);
}

#endif
