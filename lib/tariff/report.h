/*
 * Findings of tariffs: where they stand and how they are said. Private to lib/tariff.
 */
#ifndef METERD_LIB_TARIFF_REPORT_H
#define METERD_LIB_TARIFF_REPORT_H

#include <stdio.h>

#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/document.h"

static inline void tariff_report(struct mtr_diagnostics *findings, enum mtr_finding_code code,
                                 const struct mtr_node *node, const char *field, const char *text)
{
    mtr_diagnostics_addf(findings, code, node->line, node->column, field, "%s", text);
}

/* What an error of reading a number says; MTR_OK: it was read, and its sign is wrong. */
static inline enum mtr_finding_code tariff_number_code(int error)
{
    if (!error) return MTR_FINDING_TARIFF_NUMBER_NEGATIVE;
    if (error == MTR_EPRECISION) return MTR_FINDING_TARIFF_NUMBER_DIGITS;
    return error == MTR_EOVERFLOW ? MTR_FINDING_TARIFF_NUMBER_RANGE : MTR_FINDING_TARIFF_NUMBER_MALFORMED;
}

/* Of a quantity (or, with `is_money`, an amount) that was refused with that error, and is quoted. Of one that
 * was read, or of no number at all, `range` says which are taken. */
static inline void tariff_number_error(struct mtr_diagnostics *findings, const struct mtr_node *node,
                                       const char *field, int error, bool is_money, const char *range)
{
    char sentence[MTR_NUMBER_FAULT_BYTES];
    snprintf(sentence, sizeof(sentence), "%s", range);
    if (error == MTR_EINVALID) mtr_number_fault(node->text, sentence);
    if (error == MTR_EPRECISION)
        snprintf(sentence, sizeof(sentence), "`%.*s%s` has more than %d digits after the point",
                 MTR_STR_QUOTED(node->text), is_money ? 18 : 12);
    if (error == MTR_EOVERFLOW)
        snprintf(sentence, sizeof(sentence), "`%.*s%s` is too large: at most %s", MTR_STR_QUOTED(node->text),
                 is_money ? MTR_MONEY_MAX_TEXT : MTR_QUANTITY_MAX_TEXT);
    tariff_report(findings, tariff_number_code(error), node, field, sentence);
}

/* Where the key stands; the map itself when it is not written. */
static inline const struct mtr_node *tariff_place(const struct mtr_node *map, const char *key)
{
    const struct mtr_node *child = mtr_node_get(map, key);
    return child ? child : map;
}

/* A key that must not be there. */
static inline void tariff_forbid(struct mtr_diagnostics *findings, enum mtr_finding_code code,
                                 const struct mtr_node *map, bool given, const char *key, const char *reason)
{
    if (given) tariff_report(findings, code, tariff_place(map, key), key, reason);
}

#endif
