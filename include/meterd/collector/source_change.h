/*
 * What the ledger of windows has against a change of the catalog: a source by which something was read is not
 * deleted, since its rows are told apart by its key for ever; and it keeps what tells rows of one reading
 * from those of another: its delivery, what for_each goes over, windows that can still be asked for, and,
 * where rows only come, their identity.
 */
#ifndef METERD_COLLECTOR_SOURCE_CHANGE_H
#define METERD_COLLECTOR_SOURCE_CHANGE_H

#include "meterd/catalog/catalog.h"
#include "meterd/store/ledger.h"

struct mtr_source_check {
    struct mtr_ledger *ledger;
    int64_t known_us; /* rows of an append delivery are known again for so long (intake.dedup_window) */
    /* A reading of the source is under way, or may be in the log and not in the ledger: its rows are told
     * apart by the document of before. */
    bool (*is_reading)(void *context, const struct mtr_strand *source);
    void *context;
};

/* Findings for each source that has readings, and that `after` no longer has, or would read in another way;
 * and for each new or changed one of an append delivery that asks again for rows which were read longer than
 * known_us ago: nobody would know them. Any thread. Errors: those of the ledger. */
int mtr_source_check_change(const struct mtr_source_check *check, const struct mtr_catalog *before,
                            const struct mtr_catalog *after,
                            struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
