/*
 * The model of a tariff: what is looked up in it. It is made by read.c, and never changed.
 */
#include "meterd/tariff/tariff.h"

#include <stdlib.h>

#include "lib/tariff/fields.h"

int tariff_compare_overrides(const void *a, const void *b)
{
    const struct mtr_tariff_override *x = a, *y = b;
    if (!x->subscription.size != !y->subscription.size) return x->subscription.size ? -1 : 1;
    return mtr_str_compare(x->subscription.size ? x->subscription : x->customer,
                           y->subscription.size ? y->subscription : y->customer);
}

const struct mtr_tariff_document *mtr_tariff_in(const struct mtr_tariff_document *tariff,
                                                struct mtr_str currency)
{
    if (mtr_str_equal(tariff->currency, currency)) return tariff;
    for (uint32_t i = 0; i < tariff->currency_count; i++)
        if (mtr_str_equal(tariff->currencies[i].currency, currency)) return &tariff->currencies[i];
    return NULL;
}

struct mtr_str mtr_tariff_priced_in(const struct mtr_tariff_document *tariff)
{
    return tariff->pricing_currency.size ? tariff->pricing_currency : tariff->currency;
}

struct mtr_money mtr_tariff_rounding_step(const struct mtr_tariff_document *tariff, struct mtr_str currency)
{
    for (uint32_t i = 0; i < tariff->rounding_step_count; i++)
        if (mtr_str_equal(tariff->rounding_steps[i].currency, currency))
            return tariff->rounding_steps[i].step;
    return (struct mtr_money){0};
}

int64_t mtr_tariff_version_start(const struct mtr_tariff_version *version, const struct mtr_zone *zone)
{
    return version->from_is_date ? mtr_zone_midnight(zone, version->from_days) : version->from_us;
}

const struct mtr_tariff_version *mtr_tariff_version_at(const struct mtr_tariff_document *tariff,
                                                       const struct mtr_zone *zone, int64_t time_us)
{
    const struct mtr_tariff_version *found = NULL;
    for (uint32_t i = 0; i < tariff->version_count; i++)
        if (mtr_tariff_version_start(&tariff->versions[i], zone) <= time_us) found = &tariff->versions[i];
    return found;
}

static const struct mtr_tariff_version *find_override(const struct mtr_tariff_version *version,
                                                      struct mtr_str subscription, struct mtr_str customer)
{
    const struct mtr_tariff_override wanted = {.subscription = subscription, .customer = customer};
    const struct mtr_tariff_override *found = NULL;
    if (version->override_count && (subscription.size || customer.size))
        found = bsearch(&wanted, version->overrides, version->override_count, sizeof(wanted),
                        tariff_compare_overrides);
    return found ? &found->version : NULL;
}

const struct mtr_tariff_version *mtr_tariff_version_for(const struct mtr_tariff_version *version,
                                                        struct mtr_str subscription, struct mtr_str customer)
{
    const struct mtr_str nobody = {NULL, 0};
    const struct mtr_tariff_version *own = find_override(version, subscription, nobody);
    if (!own) own = find_override(version, nobody, customer);
    return own ? own : version;
}

int mtr_tariff_for(const struct mtr_tariff_document *tariff, const struct mtr_tariff_party *party,
                   struct mtr_arena *arena, struct mtr_tariff_document *out)
{
    const struct mtr_tariff_document *found =
        party->currency.size ? mtr_tariff_in(tariff, party->currency) : tariff;
    if (!found) return MTR_ENOTFOUND;
    struct mtr_tariff_version *versions = mtr_arena_calloc(arena, found->version_count, sizeof(*versions));
    if (!versions) return MTR_ENOMEM;
    for (uint32_t i = 0; i < found->version_count; i++) {
        versions[i] = *mtr_tariff_version_for(&found->versions[i], party->subscription, party->customer);
        versions[i].overrides = NULL;
        versions[i].override_count = 0;
    }
    *out = *found;
    out->versions = versions;
    out->currencies = NULL;
    out->currency_count = 0;
    return MTR_OK;
}

const struct mtr_component *mtr_tariff_component(const struct mtr_tariff_version *version, struct mtr_str key)
{
    for (uint32_t i = 0; i < version->component_count; i++)
        if (mtr_str_equal(version->components[i].key, key)) return &version->components[i];
    return NULL;
}

static struct mtr_str component_key_at(const void *context, unsigned i)
{
    const struct mtr_tariff_version *version = context;
    return i < version->component_count ? version->components[i].key : (struct mtr_str){NULL, 0};
}

const char *mtr_tariff_component_meant(const struct mtr_tariff_version *version, struct mtr_str key,
                                       char text[MTR_MEANT_BYTES])
{
    return mtr_str_meant(key, component_key_at, version, text);
}

bool mtr_tariff_goes_on(const struct mtr_tariff_version *version, const struct mtr_component *component)
{
    const struct mtr_component *found = mtr_tariff_component(version, component->key);
    return found && mtr_str_equal(found->meter, component->meter);
}
