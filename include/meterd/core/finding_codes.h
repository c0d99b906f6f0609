/*
 * Codes of findings: every sentence about somebody's input has one. The sentence may be worded anew and is
 * translated by others; its code is what programs look at, so it stays: none is renamed, removed or given
 * another meaning (tests/golden/finding_codes.txt).
 *
 * A row is the enumerator, how severe it is, the code, what it means, and what to do. A code is made of words
 * of the field from the large to the small, `tariff.tiers.gap`, and its enumerator of the same words. Places
 * that say the same kind of thing share a code; names and numbers that a sentence quotes are no part of it.
 * docs/reference/findings.md is made of these rows.
 */
#ifndef METERD_CORE_FINDING_CODES_H
#define METERD_CORE_FINDING_CODES_H

#include "meterd/core/finding_rows_of_documents.h"
#include "meterd/core/finding_rows_of_work.h"

#define MTR_FINDING_CODES(X)                                                                                 \
    MTR_FINDINGS_OF_DOCUMENTS(X)                                                                             \
    MTR_FINDINGS_OF_TARIFFS(X)                                                                               \
    MTR_FINDINGS_OF_SOURCES(X)                                                                               \
    MTR_FINDINGS_OF_CATALOG(X)                                                                               \
    MTR_FINDINGS_OF_USE(X)                                                                                   \
    MTR_FINDINGS_OF_EVENTS(X)                                                                                \
    MTR_FINDINGS_OF_OPERATION(X)

enum mtr_severity { MTR_SEVERITY_ERROR, MTR_SEVERITY_WARNING };

enum mtr_finding_code {
    MTR_FINDING_NONE, /* nothing was found; never of a finding */
#define MTR_FINDING_ROW(name, severity, code, meaning, advice) MTR_FINDING_##name,
    MTR_FINDING_CODES(MTR_FINDING_ROW)
#undef MTR_FINDING_ROW
        MTR_FINDING_CODE_COUNT
};

struct mtr_finding_kind {
    const char *code; /* "tariff.tiers.gap" */
    enum mtr_severity severity;
    const char *meaning, *advice; /* half sentences without a stop */
};

/* The row of a code; that of NONE has the code "" and nothing else. Anything that is no code asserts. */
const struct mtr_finding_kind *mtr_finding_kind(enum mtr_finding_code code);
/* NONE when no row has that code, as in the answer of a newer meterd. */
enum mtr_finding_code mtr_finding_code_find(const char *code);

#endif
