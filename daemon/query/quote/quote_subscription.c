/*
 * The subscription that a request is priced for: its terms as the request has them, its phases as a stored
 * one changes hands. What the catalog's checks refuse of a subscription is refused of this one.
 */
#include "daemon/query/quote/quote_question.h"

#include "meterd/core/time.h"

/* A fee that is for other periods than those that are asked for. */
static int check_fees(const struct quote_question *question, const struct mtr_tariff_document *tariff,
                      enum mtr_period_unit billed)
{
    const struct mtr_node *billing = question->request->terms.billing;
    enum mtr_period_unit unit;
    for (uint32_t v = 0; billing && tariff && v < tariff->version_count; v++) {
        for (uint32_t i = 0; i < tariff->versions[v].component_count; i++) {
            const struct mtr_component *component = &tariff->versions[v].components[i];
            if (mtr_component_fee_period(component, &unit) && unit != billed)
                return quote_fail(question->findings, MTR_FINDING_QUOTE_BILLING, billing, "billing",
                                  "has other periods than a fee of the tariff is for:", component->key);
        }
    }
    return MTR_OK;
}

/* And a trial that frees units of nothing. */
static int check_units(const struct quote_question *question, const struct mtr_subscription *subscription)
{
    for (uint32_t i = 0; i < subscription->trial_unit_count; i++) {
        const struct quote_row row = {.component = subscription->trial_units[i].component};
        const struct mtr_tariff_document *tariff = subscription->tariff;
        char meant[MTR_MEANT_BYTES] = "";
        uint32_t v = 0;
        while (v < tariff->version_count && !quote_has_component(&tariff->versions[v], &row)) v++;
        if (v < tariff->version_count) continue;
        const struct mtr_tariff_version *newest = &tariff->versions[tariff->version_count - 1];
        if (!mtr_tariff_component(newest, row.component))
            mtr_tariff_component_meant(newest, row.component, meant);
        return quote_fail_unknown(question->findings, question->request->terms.trial, "trial",
                                  "quantity: the tariff has no component with a meter that is", row.component,
                                  meant);
    }
    return MTR_OK;
}

void quote_enter_phase(const struct quote_phase *phase, struct mtr_subscription *out)
{
    out->customer = phase->party.customer;
    out->currency = phase->party.currency;
    out->tariff = phase->of[QUOTE_CHARGED];
    out->cost_tariff = phase->of[QUOTE_COST];
    out->trial_tariff = phase->of[QUOTE_TRIAL];
}

/* The one that is in force when it starts, and those that begin before it ends. A customer's contract begins
 * with his phase. Returns how many; the first is `phases` itself, with the terms of the whole. */
static uint32_t make_phases(const struct quote_phases *given, struct mtr_subscription *phases)
{
    const int64_t end_us = phases[0].end_us;
    uint32_t next = 0, count = 1;
    while (next + 1 < given->count && given->items[next + 1].from_us <= phases[0].start_us) next++;
    quote_enter_phase(&given->items[next++], &phases[0]);
    for (; next < given->count && given->items[next].from_us < end_us; next++) {
        struct mtr_subscription *phase = &phases[count], *before = &phases[count - 1];
        *phase = *before;
        phase->phase_index = phase->contract_index = count++;
        phase->start_us = before->end_us = given->items[next].from_us;
        phase->trial_end_us = mtr_time_later(phase->trial_end_us, phase->start_us);
        quote_enter_phase(&given->items[next], phase);
    }
    return count;
}

int quote_join_phases(struct mtr_subscription *phases, uint32_t count, struct mtr_arena *arena)
{
    const struct mtr_subscription **all = mtr_arena_calloc(arena, count, sizeof(*all));
    if (!all) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count; i++) all[i] = &phases[i];
    for (uint32_t i = 0; count > 1 && i < count; i++) {
        phases[i].phases = all;
        phases[i].phase_count = count;
    }
    int rc = mtr_subscription_find_cuts(&phases[0], arena);
    for (uint32_t i = 1; !rc && i < count; i++) {
        phases[i].cuts_us = phases[0].cuts_us;
        phases[i].cut_count = phases[0].cut_count;
    }
    return rc;
}

int quote_make_subscription(const struct quote_question *question, const int64_t *first_us,
                            const struct mtr_subscription **out)
{
    const struct quote_request *request = question->request;
    const struct quote_terms_place place = {request->zone, question->zone, first_us != NULL,
                                            first_us ? *first_us : 0};
    struct mtr_subscription *phases =
        mtr_arena_calloc(question->arena, question->phases.count, sizeof(*phases));
    if (!phases) return MTR_ENOMEM;
    int rc = quote_terms_read(&request->terms, &place, question->arena, &phases[0], question->findings);
    if (rc) return rc;
    phases[0].key = request->party.subscription;
    phases[0].rates = &question->rates;
    phases[0].zone = question->zone;
    const uint32_t count = make_phases(&question->phases, phases);
    for (uint32_t i = 0; i < question->phases.count; i++)
        for (int side = 0; !rc && side < QUOTE_SIDES; side++)
            rc = check_fees(question, question->phases.items[i].of[side], phases[0].billing.unit);
    if (!rc) rc = check_units(question, &phases[0]);
    if (!rc) rc = quote_join_phases(phases, count, question->arena);
    *out = phases;
    return rc;
}
