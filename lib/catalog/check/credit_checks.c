/*
 * Credits against what they pay: the currency, components and service of their subscription, in any of its
 * phases, and keys that no line of a tariff has.
 */
#include "lib/catalog/snapshot.h"

#include "lib/catalog/names.h"
#include "meterd/core/currency.h"

static bool has_component(const struct mtr_tariff_document *tariff, struct mtr_str key)
{
    for (uint32_t v = 0; v < tariff->version_count; v++)
        for (uint32_t c = 0; c < tariff->versions[v].component_count; c++)
            if (mtr_str_equal(tariff->versions[v].components[c].key, key)) return true;
    return false;
}

static bool has_currency(const struct mtr_subscription *subscription, struct mtr_str currency)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(subscription); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(subscription, i);
        if (mtr_str_equal(mtr_tariff_priced_in(phase->tariff), currency)) return true;
    }
    return false;
}

static bool has_component_ever(const struct mtr_subscription *subscription, struct mtr_str key)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(subscription); i++)
        if (has_component(mtr_subscription_phase(subscription, i)->tariff, key)) return true;
    return false;
}

/* What one phase of the subscription has is enough: in the others it is not drawn on. */
static void check_credit(const struct mtr_record *record, const struct mtr_credit *credit,
                         struct mtr_diagnostics *findings)
{
    const struct mtr_subscription *subscription = credit->subscription;
    const struct mtr_tariff_document *tariff = subscription->tariff;
    const struct mtr_str priced_in = mtr_tariff_priced_in(tariff);
    if (credit->of_money && !has_currency(subscription, credit->currency))
        record_fail(record, MTR_FINDING_CATALOG_CREDIT_CURRENCY, "currency", findings,
                    "is %.*s%s, but tariff `%.*s` of the subscription is priced in %.*s",
                    MTR_STR_QUOTED(credit->currency), MTR_STR_ARGS(tariff->key), MTR_STR_ARGS(priced_in));
    if (credit->meter && credit->meter->service != subscription->service)
        record_fail(record, MTR_FINDING_CATALOG_REFERENCE_OTHER_SERVICE, "meter", findings,
                    "is of service `%.*s`, but the subscription is of `%.*s`",
                    MTR_STR_ARGS(credit->meter->service->key), MTR_STR_ARGS(subscription->service->key));
    for (uint32_t i = 0; i < credit->component_count; i++) {
        const struct mtr_str key = credit->components[i];
        char meant[MTR_MEANT_BYTES];
        if (!has_component_ever(subscription, key))
            record_fail(record, MTR_FINDING_CATALOG_COMPONENT_UNKNOWN, "components", findings,
                        "tariff `%.*s` has no component `%.*s`%s", MTR_STR_ARGS(tariff->key),
                        MTR_STR_ARGS(key), catalog_component_meant(tariff, key, meant));
    }
}

static bool has_allowance(const struct mtr_tariff_document *tariff, struct mtr_str key)
{
    for (uint32_t v = 0; v < tariff->version_count; v++)
        for (uint32_t a = 0; a < tariff->versions[v].allowance_count; a++)
            if (mtr_str_equal(tariff->versions[v].allowances[a].key, key)) return true;
    return false;
}

/* Lines are told apart by their component: what a credit pays has the credit's key there. */
static void check_key(const struct mtr_catalog *catalog, const struct mtr_credit *credit,
                      const struct mtr_tariff_document *tariff, struct mtr_diagnostics *findings)
{
    if (!tariff || (!has_component(tariff, credit->key) && !has_allowance(tariff, credit->key))) return;
    record_fail(catalog->records[MTR_KIND_CREDIT][credit->number - 1], MTR_FINDING_CATALOG_CREDIT_KEY, "key",
                findings,
                "is the key of a component or an allowance of tariff `%.*s`, whose lines it would pay: "
                "choose another",
                MTR_STR_ARGS(tariff->key));
}

static void check_keys(struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    const struct mtr_subscription *subscription;
    for (uint32_t i = 0; (subscription = catalog_phase_at(catalog, i)) != NULL; i++) {
        const struct mtr_credit *credit;
        for (uint32_t position = 0;
             (credit = mtr_catalog_next_credit(catalog, subscription, &position)) != NULL;) {
            check_key(catalog, credit, subscription->tariff, findings);
            check_key(catalog, credit, subscription->trial_tariff, findings);
        }
    }
}

/* Is it of ISO 4217, or what a tariff is priced in? */
static bool is_known(const struct mtr_catalog *catalog, struct mtr_str currency)
{
    if (mtr_currency_find(currency)) return true;
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_TARIFF]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_TARIFF][i];
        if (record && mtr_str_equal(record->fields.tariff.pricing_currency, currency)) return true;
    }
    return false;
}

void catalog_check_credits(struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    if (catalog->counts[MTR_KIND_CREDIT]) check_keys(catalog, findings);
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_CREDIT]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_CREDIT][i];
        const struct mtr_credit *credit = &catalog->credits[i];
        char meant[MTR_MEANT_BYTES];
        if (credit->of_money && !is_known(catalog, credit->currency))
            record_fail(record, MTR_FINDING_CATALOG_CURRENCY_UNKNOWN, "currency", findings,
                        "`%.*s%s` is no currency of ISO 4217, nor what a tariff is priced in%s",
                        MTR_STR_QUOTED(credit->currency), mtr_currency_meant(credit->currency, meant));
        if (credit->subscription) check_credit(record, credit, findings);
    }
}
