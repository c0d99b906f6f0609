/*
 * The phases of a subscription: what its document says, and from each of its changes on what becomes another.
 * The first phases stand by number, later ones behind one another; each phase knows all of its subscription.
 */
#include "lib/catalog/snapshot.h"

#include <stdio.h>

#include "lib/catalog/names.h"

#include "meterd/core/time.h"

/* Where the document says it: a field, or one item of its changes. */
struct place {
    const char *field;
    bool is_item;
    uint32_t item;
};

static void fail(const struct mtr_record *record, enum mtr_finding_code code, const struct place *place,
                 struct mtr_diagnostics *findings, const char *text)
{
    if (place->is_item) record_fail_item(record, code, place->field, place->item, findings, "%s", text);
    else record_fail(record, code, place->field, findings, "%s", text);
}

static const struct mtr_tariff_document *find_tariff(const struct mtr_catalog *catalog,
                                                     const struct mtr_record *record,
                                                     const struct place *place, struct mtr_str key,
                                                     struct mtr_diagnostics *findings)
{
    char text[CATALOG_UNKNOWN_TEXT_BYTES];
    if (!key.size || catalog_awaits(catalog, MTR_KIND_TARIFF, key)) return NULL;
    const struct mtr_record *found =
        catalog_find_in(catalog, MTR_KIND_TARIFF, record->fields.subscription.service, key);
    if (found) return &found->fields.tariff;
    catalog_unknown_text(catalog, MTR_KIND_TARIFF, key, findings, text);
    fail(record, MTR_FINDING_CATALOG_REFERENCE_UNKNOWN, place, findings, text);
    return NULL;
}

/* An unknown one is the service's finding. */
static const struct mtr_tariff_document *cost_of_service(const struct mtr_catalog *catalog,
                                                         const struct mtr_record *service)
{
    struct mtr_str key = service->fields.service.cost_tariff;
    const struct mtr_record *found =
        key.size ? catalog_find_in(catalog, MTR_KIND_TARIFF, service->key, key) : NULL;
    return found ? &found->fields.tariff : NULL;
}

/* The tariff with its prices in the subscription's currency, or those that are exchanged into it; NULL
 * after a finding, and of no tariff. */
static const struct mtr_tariff_document *tariff_in(const struct mtr_record *record, const struct place *place,
                                                   const struct mtr_tariff_document *tariff,
                                                   struct mtr_str currency, struct mtr_diagnostics *findings)
{
    const struct mtr_tariff_document *found = tariff ? mtr_tariff_in(tariff, currency) : NULL;
    if (found || !tariff) return found;
    if (tariff->exchange.given) return tariff;
    char text[CATALOG_UNKNOWN_TEXT_BYTES];
    if (tariff->currency_count)
        snprintf(text, sizeof(text), "is %.*s, in which tariff `%.*s` has no prices", MTR_STR_ARGS(currency),
                 MTR_STR_ARGS(tariff->key));
    else
        snprintf(text, sizeof(text), "is %.*s, but tariff `%.*s` is in %.*s and has no `exchange`",
                 MTR_STR_ARGS(currency), MTR_STR_ARGS(tariff->key), MTR_STR_ARGS(tariff->currency));
    fail(record, MTR_FINDING_CATALOG_SUBSCRIPTION_CURRENCY, place, findings, text);
    return NULL;
}

/* What holds in one phase of a subscription, and where the document says so. */
struct phase_terms {
    struct mtr_str tariff, customer, currency; /* currency: empty for that of the tariff */
    struct mtr_period_rule billing;
    int64_t start_us, end_us;
    struct place tariff_place, currency_place;
};

struct linking {
    struct mtr_catalog *catalog;
    const struct mtr_record *record, *service;
    struct mtr_diagnostics *findings;
};

static const struct mtr_tariff_document *cost_tariff_of(const struct linking *linking)
{
    static const struct place place = {.field = "cost_tariff"};
    const struct mtr_str key = linking->record->fields.subscription.cost_tariff;
    return key.size ? find_tariff(linking->catalog, linking->record, &place, key, linking->findings)
                    : cost_of_service(linking->catalog, linking->service);
}

static void make_phase(const struct linking *linking, const struct phase_terms *terms,
                       struct mtr_subscription *out)
{
    const struct mtr_record *record = linking->record;
    const struct mtr_subscription_fields *f = &record->fields.subscription;
    struct mtr_diagnostics *findings = linking->findings;
    const struct mtr_tariff_document *tariff =
        find_tariff(linking->catalog, record, &terms->tariff_place, terms->tariff, findings);
    if (!tariff) return;
    const struct mtr_str currency = terms->currency.size ? terms->currency : tariff->currency;
    static const struct place trial_place = {.field = "trial"};
    const struct place *place = &terms->currency_place;
    const struct mtr_tariff_document *cost = cost_tariff_of(linking), *trial =
        find_tariff(linking->catalog, record, &trial_place, f->trial.tariff, findings);
    *out = (struct mtr_subscription){
        .number = record->number,
        .key = record->key,
        .service = &linking->catalog->services[linking->service->number - 1],
        .subject = f->subject,
        .customer = terms->customer,
        .tariff = tariff_in(record, place, tariff, currency, findings),
        .cost_tariff = tariff_in(record, place, cost, currency, findings),
        .currency = currency,
        .rates = &linking->catalog->rates,
        .zone = f->zone,
        .trial_tariff = tariff_in(record, place, trial, currency, findings),
        .labels = f->labels.items,
        .label_count = f->labels.count,
    };
    record_fill_terms(record, out);
    out->billing = terms->billing;
    out->start_us = terms->start_us;
    out->trial_end_us = mtr_time_later(out->trial_end_us, terms->start_us);
    out->end_us = terms->end_us;
}

/* The terms of the phase that a change begins: what it does not name stays as it was. */
static struct phase_terms change_terms(const struct phase_terms *before,
                                       const struct mtr_change_fields *change,
                                       const struct mtr_subscription *phase_before)
{
    struct phase_terms terms = *before;
    terms.start_us = change->from_us;
    terms.currency = change->currency.size ? change->currency : phase_before->currency;
    if (change->tariff.size) terms.tariff = change->tariff;
    if (change->customer.size) terms.customer = change->customer;
    if (change->has_billing) {
        terms.billing.unit = (enum mtr_period_unit)change->billing.every;
        terms.billing.anchor_days = change->anchor_days;
    }
    return terms;
}

/* All of its phases stand in each of them. */
static void publish_phases(struct mtr_catalog *catalog, struct mtr_subscription *first,
                           struct mtr_subscription *later, uint32_t later_count)
{
    const struct mtr_subscription **phases = catalog->phase_lists + catalog->phase_list_count;
    catalog->phase_list_count += later_count + 1;
    phases[0] = first;
    for (uint32_t i = 0; i < later_count; i++) phases[i + 1] = &later[i];
    for (uint32_t i = 0; i <= later_count; i++) {
        struct mtr_subscription *phase = i ? &later[i - 1] : first;
        phase->phases = phases;
        phase->phase_count = later_count + 1;
        phase->phase_index = i;
        if (i == 0) continue;
        const struct mtr_subscription *before = phases[i - 1];
        const bool goes_on =
            phase->tariff == before->tariff && mtr_str_equal(phase->customer, before->customer);
        phase->contract_index = goes_on ? before->contract_index : i;
    }
}

/* Changes that would begin with the end or behind it have no phase: the end may move away again. */
void catalog_link_phases(struct mtr_catalog *catalog, const struct mtr_record *record,
                         const struct mtr_record *service, struct mtr_diagnostics *findings)
{
    const struct linking linking = {catalog, record, service, findings};
    const struct mtr_subscription_fields *f = &record->fields.subscription;
    const struct mtr_change_fields *changes = f->changes.items;
    struct mtr_subscription *first = &catalog->subscriptions[record->number - 1];
    struct mtr_subscription *later = catalog->later_phases + catalog->later_phase_count, *phase = first;
    struct phase_terms terms = {
        .tariff = f->tariff,
        .customer = f->customer,
        .currency = f->currency,
        .billing = {(enum mtr_period_unit)f->billing.every, f->anchor_days, f->zone},
        .start_us = f->start_us,
        .end_us = f->end_us,
        .tariff_place = {.field = "tariff"},
        .currency_place = {.field = "currency"},
    };
    uint32_t count = 0;
    make_phase(&linking, &terms, first);
    for (uint32_t i = 0; phase->number && i < f->changes.count && changes[i].from_us < f->end_us; i++) {
        terms = change_terms(&terms, &changes[i], phase);
        terms.tariff_place = terms.currency_place = (struct place){"changes", true, i};
        phase->end_us = terms.start_us;
        phase = &later[count++];
        make_phase(&linking, &terms, phase);
    }
    catalog->later_phase_count += count;
    if (count && phase->number) publish_phases(catalog, first, later, count);
}

struct mtr_subscription *catalog_phase_at(struct mtr_catalog *catalog, uint32_t index)
{
    const uint32_t count = catalog->counts[MTR_KIND_SUBSCRIPTION];
    if (index < count) return &catalog->subscriptions[index];
    return index - count < catalog->later_phase_count ? &catalog->later_phases[index - count] : NULL;
}

struct mtr_subscription *catalog_own_phase(struct mtr_catalog *catalog,
                                           const struct mtr_subscription *phase)
{
    if (!phase->phase_index) return &catalog->subscriptions[phase->number - 1];
    return &catalog->later_phases[phase - catalog->later_phases];
}

int catalog_allocate_phases(struct mtr_catalog *catalog)
{
    size_t count = 0;
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_SUBSCRIPTION]; i++)
        if (catalog->records[MTR_KIND_SUBSCRIPTION][i])
            count += catalog->records[MTR_KIND_SUBSCRIPTION][i]->fields.subscription.changes.count;
    catalog->later_phases = mtr_arena_calloc(&catalog->arena, count, sizeof(*catalog->later_phases));
    catalog->phase_lists =
        mtr_arena_calloc(&catalog->arena, 2 * count, sizeof(struct mtr_subscription *)); /* with the first */
    return catalog->later_phases && catalog->phase_lists ? MTR_OK : MTR_ENOMEM;
}
