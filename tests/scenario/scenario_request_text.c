/*
 * The text of a price request: the subscription as its document says it, tariffs and meters as they are
 * stored, its use as rows, the credits that it can draw on.
 */
#include "scenario/scenario_asking.h"

static bool is_priced(const struct mtr_tariff_document *tariff, const struct mtr_meter *meter)
{
    for (uint32_t i = 0; tariff && i < tariff->version_count; i++)
        for (uint32_t j = 0; j < tariff->versions[i].component_count; j++)
            for (uint32_t k = 0; k < tariff->versions[i].components[j].input_count; k++)
                if (mtr_meter_has_name(meter, tariff->versions[i].components[j].inputs[k])) return true;
    return false;
}

bool scenario_is_priced(const struct mtr_subscription *subscription, const struct mtr_meter *meter)
{
    return is_priced(subscription->tariff, meter) || is_priced(subscription->trial_tariff, meter) ||
           is_priced(subscription->cost_tariff, meter);
}

/* What a level begins with the document says of one that is asked about as it is. */
bool scenario_is_row(const struct asking *asking, uint32_t index)
{
    const struct scenario_use *use = &asking->used->uses[index];
    if (asking->is_whole && use->meter->aggregation == MTR_TIME_WEIGHTED && !use->seq) return false;
    for (uint32_t i = 0; i < mtr_subscription_phase_count(asking->subscription); i++)
        if (scenario_is_priced(mtr_subscription_phase(asking->subscription, i), use->meter)) return true;
    return false;
}

int64_t scenario_instant_of(const struct asking *asking, const struct mtr_catalog_time *time)
{
    return mtr_catalog_time_in(time, asking->subscription->zone);
}

bool scenario_trial_frees(const struct mtr_subscription *subscription)
{
    return subscription->trial_unit_count || subscription->has_trial_amount;
}

static int put_document(void *context, const struct mtr_catalog_document *document)
{
    mtr_json_raw(context, document->json);
    return MTR_OK;
}

/* Of the subscription's service. */
static void put_stored(struct asking *asking, enum mtr_catalog_kind kind, struct mtr_str key)
{
    struct scenario *scenario = asking->scenario;
    const struct mtr_str name = scenario_name_of(scenario, asking->subscription->service, key);
    CHECK_OK(scenario, mtr_catalog_store_get(scenario->stores.catalog_store, kind, name, 0, put_document,
                                             &asking->json));
}

static void put_meters(struct asking *asking)
{
    const struct mtr_catalog *catalog = asking->scenario->stores.catalog;
    mtr_json_name(&asking->json, "meters");
    mtr_json_list(&asking->json);
    for (uint32_t i = 1; i <= mtr_catalog_count(catalog, MTR_KIND_METER); i++) {
        const struct mtr_meter *meter = mtr_catalog_meter(catalog, i);
        if (meter && meter->service == asking->subscription->service)
            put_stored(asking, MTR_KIND_METER, meter->key);
    }
    mtr_json_list_end(&asking->json);
}

static void put_row(struct asking *asking, const struct scenario_use *use)
{
    struct mtr_json_writer *json = &asking->json;
    const struct mtr_label *labels = use->dimensions.items;
    mtr_json_map(json);
    mtr_json_named_text(json, "meter", use->meter->key);
    mtr_json_name(json, "quantity");
    mtr_json_quantity(json, use->quantity);
    mtr_json_named_time(json, "time", use->time_us);
    mtr_json_name(json, "dimensions");
    mtr_json_map(json);
    for (uint32_t i = 0; i < use->dimensions.count; i++) {
        mtr_json_name_text(json, labels[i].name);
        mtr_json_text(json, labels[i].value);
    }
    mtr_json_map_end(json);
    mtr_json_map_end(json);
}

static void put_credits(struct asking *asking)
{
    struct mtr_json_writer *json = &asking->json;
    mtr_json_name(json, "credits");
    mtr_json_list(json);
    for (uint32_t i = 0; i < asking->credit_count; i++) {
        const struct mtr_credit *credit = asking->credits[i];
        mtr_json_map(json);
        mtr_json_named_text(json, "key", credit->key);
        mtr_json_named_money(json, "amount", credit->amount, 0);
        mtr_json_named_u64(json, "priority", credit->priority);
        if (credit->expires.text.size)
            mtr_json_named_time(json, "expires", scenario_instant_of(asking, &credit->expires));
        mtr_json_map_end(json);
    }
    mtr_json_list_end(json);
}

static void put_billing(struct asking *asking)
{
    const struct mtr_period_rule *rule = &asking->subscription->billing;
    struct mtr_json_writer *json = &asking->json;
    char date[MTR_DATE_TEXT_BYTES];
    mtr_json_name(json, "billing");
    mtr_json_map(json);
    mtr_json_named_cstr(json, "every", mtr_period_unit_name(rule->unit));
    if (rule->anchor_days != INT64_MIN) {
        mtr_rate_day_format(rule->anchor_days, date);
        mtr_json_named_cstr(json, "anchor", date);
    }
    mtr_json_map_end(json);
}

static void put_freed(struct asking *asking)
{
    const struct mtr_subscription *subscription = asking->subscription;
    struct mtr_json_writer *json = &asking->json;
    if (subscription->free_until_us < INT64_MAX)
        mtr_json_named_time(json, "end", subscription->free_until_us);
    if (subscription->charged_until_us < INT64_MAX) mtr_json_named_cstr(json, "then", "stop");
    if (subscription->has_trial_amount) mtr_json_named_money(json, "amount", subscription->trial_amount, 0);
    mtr_json_name(json, "quantity");
    mtr_json_map(json);
    for (uint32_t i = 0; i < subscription->trial_unit_count; i++) {
        mtr_json_name_text(json, subscription->trial_units[i].component);
        mtr_json_quantity(json, subscription->trial_units[i].quantity);
    }
    mtr_json_map_end(json);
}

static void put_trial(struct asking *asking)
{
    const struct mtr_subscription *subscription = asking->subscription;
    struct mtr_json_writer *json = &asking->json;
    if (subscription->trial_end_us <= subscription->start_us && !scenario_trial_frees(subscription)) return;
    mtr_json_name(json, "trial");
    mtr_json_map(json);
    if (scenario_trial_frees(subscription)) put_freed(asking);
    else mtr_json_named_time(json, "end", subscription->trial_end_us);
    if (subscription->trial_stops) mtr_json_named_cstr(json, "then", "stop");
    if (subscription->trial_tariff) {
        mtr_json_name(json, "tariff");
        put_stored(asking, MTR_KIND_TARIFF, subscription->trial_tariff->key);
    }
    mtr_json_map_end(json);
}

static void put_terms(struct asking *asking)
{
    const struct mtr_subscription *subscription = asking->subscription;
    struct mtr_json_writer *json = &asking->json;
    mtr_json_name(json, "tariff");
    put_stored(asking, MTR_KIND_TARIFF, subscription->tariff->key);
    if (subscription->cost_tariff) {
        mtr_json_name(json, "cost");
        put_stored(asking, MTR_KIND_TARIFF, subscription->cost_tariff->key);
    }
    mtr_json_named_text(json, "customer", subscription->customer);
    mtr_json_named_text(json, "currency", subscription->currency);
    mtr_json_named_cstr(json, "zone", mtr_zone_name(subscription->zone));
    mtr_json_named_time(json, "start", subscription->start_us);
    if (subscription->end_us < INT64_MAX)
        mtr_json_named_time(json, "end", subscription->end_us);
    put_billing(asking);
    put_trial(asking);
    put_meters(asking);
    put_credits(asking);
}

void scenario_put_request(struct asking *asking)
{
    struct mtr_json_writer *json = &asking->json;
    mtr_json_begin(json, &asking->request);
    mtr_json_map(json);
    mtr_json_named_text(json, "subscription", asking->subscription->key);
    mtr_json_named_bool(json, "trace", false);
    if (!asking->is_whole) put_terms(asking);
    mtr_json_name(json, "usage");
    mtr_json_list(json);
    for (uint32_t i = asking->first; i < asking->end; i++)
        if (scenario_is_row(asking, i)) put_row(asking, &asking->used->uses[i]);
    mtr_json_list_end(json);
    mtr_json_map_end(json);
    CHECK_OK(asking->scenario, mtr_json_finish(json));
}
