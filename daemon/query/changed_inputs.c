/*
 * Inputs beside one another; see changed_inputs.h.
 */
#include "daemon/query/changed_inputs.h"

static int hash_inputs(const struct query_settling *side, const struct query_period *period,
                       int64_t name_us, struct mtr_hash128 *out)
{
    const struct mtr_rating rating = {.catalog = side->view->catalog, .arena = side->prices};
    const struct mtr_subscription *phase = period->phase;
    if (side->replace) phase = side->replace(side->replace_context, phase, period->start_us);
    mtr_arena_reset(side->prices);
    return mtr_billing_period_inputs(&rating, phase, name_us, out);
}

int query_inputs_differ(const struct query_settling *stored, const struct query_settling *draft,
                        const struct query_period_pair *pair, bool *out)
{
    struct mtr_hash128 a = {0}, b = {0};
    *out = true;
    if (!pair->stored.phase || !pair->draft.phase) return MTR_OK;
    int rc = hash_inputs(stored, &pair->stored, pair->name_us, &a);
    if (!rc) rc = hash_inputs(draft, &pair->draft, pair->name_us, &b);
    if (!rc) *out = a.high != b.high || a.low != b.low;
    return rc;
}

static bool version_carries(const struct mtr_tariff_version *version)
{
    if (version->term.given) return true;
    for (uint32_t i = 0; i < version->allowance_count; i++)
        if (version->allowances[i].rollover) return true;
    for (uint32_t i = 0; i < version->override_count; i++)
        if (version_carries(&version->overrides[i].version)) return true;
    return false;
}

static bool tariff_carries(const struct mtr_tariff_document *tariff)
{
    for (uint32_t i = 0; tariff && i < tariff->version_count; i++)
        if (version_carries(&tariff->versions[i])) return true;
    return false;
}

bool query_carries_draws(const struct mtr_catalog *catalog, const struct mtr_subscription *subscription)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(subscription); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(subscription, i);
        uint32_t position = 0;
        if (phase->trial_unit_count || phase->has_trial_amount) return true;
        if (tariff_carries(phase->tariff) || tariff_carries(phase->trial_tariff)) return true;
        if (mtr_catalog_count(catalog, MTR_KIND_CREDIT) &&
            mtr_catalog_next_credit(catalog, phase, &position))
            return true;
    }
    return false;
}
