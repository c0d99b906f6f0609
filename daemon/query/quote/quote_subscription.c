/*
 * The subscription that a request is priced for: its terms as the request has them, its phases as a stored
 * one changes hands. What the catalog's checks refuse of a subscription is refused of this one.
 */
#include "daemon/query/quote/quote_question.h"

#include "meterd/core/time.h"

static int fail_billing(const struct quote_question *question, const char *sentence, struct mtr_str name)
{
    return quote_fail(question->findings, MTR_FINDING_QUOTE_BILLING, question->request->terms.billing,
                      "billing", sentence, name);
}

/* A fee that is for other periods than those that are priced, and limits over a term that is no longer. One
 * quantity by itself, of which nothing is said, is of the period that the fee is for. */
static int check_periods(const struct quote_question *question, const struct mtr_tariff_document *tariff,
                         enum mtr_period_unit billed)
{
    const bool is_given = question->request->terms.billing != NULL;
    char length[MTR_PERIOD_LENGTH_TEXT_BYTES];
    enum mtr_period_unit unit;
    if (!tariff || (!is_given && !question->is_series)) return MTR_OK;
    for (uint32_t v = 0; v < tariff->version_count; v++) {
        const struct mtr_tariff_version *version = &tariff->versions[v];
        for (uint32_t i = 0; i < version->component_count; i++) {
            const struct mtr_component *component = &version->components[i];
            if (!mtr_component_fee_period(component, &unit) || unit == billed) continue;
            return fail_billing(question,
                                is_given ? "has other periods than a fee of the tariff is for:"
                                         : "is not given, so it is by the month, and a fee of the tariff is "
                                           "for other periods:",
                                component->key);
        }
        if (version->term.given && !mtr_period_length_exceeds(version->term.length, billed))
            return fail_billing(question, "is no shorter than the term that the tariff has limits over:",
                                mtr_str_from(mtr_period_length_text(version->term.length, length)));
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
            rc = check_periods(question, question->phases.items[i].of[side], phases[0].billing.unit);
    if (!rc) rc = check_units(question, &phases[0]);
    if (!rc) rc = quote_join_phases(phases, count, question->arena);
    *out = phases;
    return rc;
}
