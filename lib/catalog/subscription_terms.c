/*
 * When a subscription runs and what it begins with: of a record of the catalog, and of a document that
 * belongs to none, which is decoded as a record of which a copy stays.
 */
#include "meterd/catalog/subscription.h"

#include "lib/catalog/record.h"
#include "lib/catalog/zones.h"

void record_fill_terms(const struct mtr_record *record, struct mtr_subscription *out)
{
    const struct mtr_subscription_fields *f = &record->fields.subscription;
    out->billing = (struct mtr_period_rule){
        .unit = (enum mtr_period_unit)f->billing.every, .anchor_days = f->anchor_days, .zone = f->zone};
    out->start_us = f->start_us;
    out->trial_end_us = f->trial_end_us;
    out->trial_stops = f->trial.then == 1 && f->charged_until_us == INT64_MAX;
    out->free_until_us = f->free_until_us;
    out->charged_until_us = f->charged_until_us;
    out->trial_units = f->trial.units;
    out->trial_unit_count = f->trial.quantity.count;
    out->has_trial_amount = f->trial.has_amount;
    out->trial_amount = f->trial.amount;
    out->end_us = f->end_us;
}

static int copy_units(struct mtr_arena *arena, struct mtr_subscription *terms)
{
    struct mtr_trial_units *units =
        mtr_arena_calloc(arena, (size_t)terms->trial_unit_count + 1, sizeof(*units));
    int rc = units ? MTR_OK : MTR_ENOMEM;
    for (uint32_t i = 0; !rc && i < terms->trial_unit_count; i++) {
        units[i] = terms->trial_units[i];
        rc = mtr_arena_copy(arena, terms->trial_units[i].component, &units[i].component);
    }
    terms->trial_units = units;
    return rc;
}

int mtr_subscription_read_terms(const struct mtr_node *node, struct mtr_arena *arena,
                                struct mtr_subscription *out, struct mtr_diagnostics *findings)
{
    const struct record_source source = {.kind = &subscription_kind, .key = MTR_STR("quote"), .node = node};
    struct mtr_zones *zones = NULL;
    struct mtr_record *record = NULL;
    struct mtr_subscription terms = {0};
    int rc = zones_open(&zones);
    if (!rc) rc = record_decode(&source, zones, findings, &record);
    if (!rc) {
        record_fill_terms(record, &terms);
        terms.billing.zone = NULL; /* goes with the zones */
        rc = copy_units(arena, &terms);
        record_release(record);
    }
    zones_release(zones);
    if (!rc) *out = terms;
    return rc;
}
