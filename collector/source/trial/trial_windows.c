/*
 * What there is of a source to try: its windows, and which of for_each.
 */
#include "meterd/collector/source_trial.h"
#include "meterd/catalog/subscription.h"

bool mtr_trial_burns_tokens(const struct mtr_source *source)
{
    return source->auth.kind == MTR_AUTH_OAUTH2 && source->auth.oauth2->grant == MTR_GRANT_REFRESH_TOKEN;
}

static int find_subscription(const struct mtr_source *source, const struct mtr_catalog *catalog,
                             uint32_t place, const struct mtr_subscription **out)
{
    for (uint32_t i = 1; catalog && i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(catalog, i);
        if (!subscription || !mtr_str_equal(subscription->service->key, source->each.service) ||
            !mtr_str_equal(subscription->service->vendor->key, source->vendor) || place--)
            continue;
        *out = subscription;
        return MTR_OK;
    }
    return MTR_ENOTFOUND;
}

int mtr_trial_each(const struct mtr_source *source, const struct mtr_catalog *catalog, uint32_t place,
                   struct mtr_str *out, const struct mtr_subscription **subscription)
{
    const struct mtr_source_each *each = &source->each;
    *out = MTR_STR("");
    *subscription = NULL;
    switch (each->kind) {
    case MTR_EACH_NONE: return place ? MTR_ENOTFOUND : MTR_OK;
    case MTR_EACH_VALUE:
        if (place >= each->value_count) return MTR_ENOTFOUND;
        *out = each->values[place];
        return MTR_OK;
    case MTR_EACH_SUBSCRIPTION: {
        int rc = find_subscription(source, catalog, place, subscription);
        if (!rc) *out = (*subscription)->subject;
        return rc;
    }
    case MTR_EACH_ROW: break;
    }
    return MTR_ENOTFOUND;
}

struct mtr_window mtr_trial_newest_window(const struct mtr_source *source, int64_t now_us)
{
    const struct mtr_source_window *rule = &source->window;
    if (rule->length == MTR_LENGTH_CURSOR) return (struct mtr_window){0};
    if (rule->length == MTR_LENGTH_PERIODS && !rule->has_last) return mtr_window_at(rule, now_us);
    const int64_t at_us = now_us - (rule->length == MTR_LENGTH_PERIODS ? 0 : rule->lateness_us);
    const struct mtr_window current = mtr_window_at(rule, at_us > 0 ? at_us : 0);
    return mtr_window_at(rule, current.from_us > 0 ? current.from_us - 1 : 0);
}
