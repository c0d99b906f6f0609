/*
 * What was charged against a change of the catalog: a meter that a line tells stays.
 */
#include "meterd/rater/catalog_change.h"

enum { FOUND = 1 };

struct looking {
    struct mtr_charges_txn *txn;
    const struct mtr_meter *meter; /* that goes */
    const struct mtr_subscription *subscription;
};

static int on_line(void *context, const struct mtr_charge_line *line)
{
    const struct looking *looking = context;
    return mtr_str_equal(line->meter, looking->meter->key) ? FOUND : MTR_OK;
}

static int on_period(void *context, const struct mtr_charge_period *period)
{
    struct looking *looking = context;
    return mtr_charges_walk_lines(looking->txn, period->subscription, period->start_us, on_line, looking);
}

static int find_line(struct looking *looking, const struct mtr_catalog *catalog)
{
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++) {
        looking->subscription = mtr_catalog_subscription(catalog, i);
        if (looking->subscription && looking->subscription->service == looking->meter->service)
            rc = mtr_charges_walk_periods(looking->txn, i, INT64_MIN, on_period, looking);
    }
    return rc;
}

int mtr_rater_check_change(struct mtr_charges *charges, const struct mtr_catalog *before,
                           const struct mtr_catalog *after, struct mtr_diagnostics *findings)
{
    struct looking looking = {.txn = NULL};
    int rc = mtr_charges_begin(charges, false, &looking.txn);
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(before, MTR_KIND_METER); i++) {
        looking.meter = mtr_catalog_meter(before, i);
        if (!looking.meter || mtr_catalog_meter(after, i)) continue;
        rc = find_line(&looking, before);
        if (rc != FOUND) continue;
        mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_DELETE_USED, 0, 0, NULL,
                             "meter `%.*s` cannot be deleted: subscription `%.*s` was charged with it",
                             MTR_STR_ARGS(looking.meter->key), MTR_STR_ARGS(looking.subscription->key));
        rc = MTR_OK;
    }
    mtr_charges_abort(looking.txn);
    return rc;
}
