/*
 * A reading that is in the ledger is in the log: what was begun and never committed holds nothing.
 */
#include "meterd/collector/source_change.h"

static int check_source(struct mtr_ledger_txn *txn, const struct mtr_source *source,
                        struct mtr_diagnostics *findings)
{
    const struct mtr_strand strand = {.vendor = source->vendor, .source = source->key};
    uint64_t reading;
    int rc = mtr_ledger_last_reading(txn, &strand, &reading);
    if (rc || !reading) return rc;
    mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_DELETE_USED, 0, 0, NULL,
                         "source `%.*s` cannot be deleted: usage was read by it, and is told apart by its "
                         "key. Write `disabled: true`",
                         MTR_STR_ARGS(source->key));
    return MTR_OK;
}

int mtr_source_check_change(struct mtr_ledger *ledger, const struct mtr_catalog *before,
                            const struct mtr_catalog *after, struct mtr_diagnostics *findings)
{
    struct mtr_ledger_txn *txn = NULL;
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(before, MTR_KIND_SOURCE); i++) {
        const struct mtr_source *source = mtr_catalog_source(before, i);
        if (!source || mtr_catalog_source(after, i)) continue;
        if (!txn) rc = mtr_ledger_begin(ledger, false, &txn);
        if (!rc) rc = check_source(txn, source, findings);
    }
    mtr_ledger_abort(txn);
    return rc;
}
