/*
 * How documents come and go: services, meters, tariffs and API keys, each after what it names, some of a
 * service long after the others; deleted where nothing was made of them, and with other words again.
 *
 * Of a service, tariff or key it is known exactly what must not go; of a meter the usage that was folded with
 * it decides, too, and the laws of cells and bills tell whether it was kept.
 */
#include "scenario/scenario_documents.h"

/* As the catalog has it: within its service where others have the same key. */
static const char *name_of(struct scenario *scenario, uint32_t service, const char *key)
{
    return scenario->plan.shares_keys ? scenario_format(scenario, "s%u/%s", service, key) : key;
}

static const char *name_of_service(struct scenario *scenario, uint32_t service)
{
    return scenario_format(scenario, "s%u", service);
}

/* ---- they come ---- */

void scenario_ensure_service(struct scenario *scenario, uint32_t service)
{
    struct plan *plan = &scenario->plan;
    struct yaml yaml;
    if (plan->services[service].applied) return;
    yaml_begin(scenario, &yaml);
    yaml_put(&yaml, "services:\n");
    yaml_put_service(&yaml, service);
    yaml_apply(&yaml);
}

void scenario_ensure_tariff(struct scenario *scenario, uint32_t tariff)
{
    struct yaml yaml;
    if (tariff >= TARIFFS_MAX || scenario->plan.tariffs[tariff].applied) return;
    scenario_ensure_service(scenario, scenario->plan.tariffs[tariff].service);
    yaml_begin(scenario, &yaml);
    yaml_put(&yaml, "tariffs:\n");
    yaml_put_tariff(&yaml, &scenario->plan.tariffs[tariff]);
    yaml_apply(&yaml);
}

void scenario_ensure_named(struct scenario *scenario, const struct planned_subscription *subscription)
{
    scenario_ensure_service(scenario, subscription->service);
    scenario_ensure_tariff(scenario, subscription->tariff);
    scenario_ensure_tariff(scenario, subscription->cost_tariff);
    if (subscription->trial_day) scenario_ensure_tariff(scenario, subscription->trial_tariff);
    for (uint32_t i = 0; i < subscription->change_count; i++)
        scenario_ensure_tariff(scenario, subscription->changes[i].tariff);
}

void scenario_apply_meter(struct scenario *scenario, struct planned_meter *meter)
{
    struct yaml yaml;
    if (meter->applied) return;
    scenario_ensure_service(scenario, meter->service);
    yaml_begin(scenario, &yaml);
    yaml_put(&yaml, "meters:\n");
    yaml_put_meter(&yaml, meter);
    yaml_apply(&yaml);
}

/* With other scopes and another secret each time. */
static void apply_key(struct scenario *scenario, uint32_t key)
{
    static const char *const scopes[] = {"ingest", "query", "ingest, query"};
    struct yaml yaml;
    yaml_begin(scenario, &yaml);
    yaml_put(&yaml, "api_keys:\n  - {key: k%u, vendor: v%u, scopes: [%s], sha256: '%064x'}\n", key,
             key % scenario->plan.vendor_count, PICK(scenario, scopes), 1 + scenario_below(scenario, 1 << 30));
    yaml_apply(&yaml);
    scenario->plan.keys[key].applied = true;
}

/* ---- they go ---- */

static void delete_meter(struct scenario *scenario, struct planned_meter *meter)
{
    if (!meter->applied) return;
    const bool gone = scenario_delete(scenario, MTR_KIND_METER, name_of(scenario, meter->service, meter->key));
    scenario_seen[gone ? SEEN_METER_DELETED : SEEN_METER_KEPT]++;
    if (!gone) return;
    meter->applied = false;
    meter->life.number = 0;
    scenario_plan_meter(scenario, meter);
}

/* From tariffs first. */
static void delete_spare(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    plan->spare_goes = true;
    for (uint32_t i = 0; i < plan->tariff_count; i++)
        if (plan->tariffs[i].prices_spare) scenario_rewrite_tariff(scenario, &plan->tariffs[i]);
    delete_meter(scenario, &plan->spare);
    plan->spare_goes = false;
}

static void delete_tariff(struct scenario *scenario, struct planned_tariff *tariff)
{
    if (!tariff->applied) return;
    const bool gone = scenario_delete(scenario, MTR_KIND_TARIFF, name_of(scenario, tariff->service, tariff->key));
    scenario_seen[gone ? SEEN_TARIFF_DELETED : SEEN_TARIFF_KEPT]++;
    CHECK(scenario, gone == !tariff->was_named, "tariff %s of service %u is %s", tariff->key, tariff->service,
          gone ? "gone, but may have priced" : "kept, but was never named");
    if (!gone) return;
    tariff->applied = false;
    tariff->life.number = 0;
    tariff->priced = 0;
}

static bool is_service_named(const struct plan *plan, uint32_t service)
{
    bool named = plan->spare.applied && plan->spare.service == service;
    for (uint32_t i = 0; i < plan->meter_count; i++)
        named |= plan->meters[i].applied && plan->meters[i].service == service;
    for (uint32_t i = 0; i < plan->tariff_count; i++)
        named |= plan->shares_keys && plan->tariffs[i].applied && plan->tariffs[i].service == service;
    for (uint32_t i = 0; i < plan->subscription_count; i++)
        named |= plan->subscriptions[i].applied && plan->subscriptions[i].service == service;
    return named;
}

static void delete_service(struct scenario *scenario, uint32_t service)
{
    struct planned_service *planned = &scenario->plan.services[service];
    if (!planned->applied) return;
    const bool is_named = is_service_named(&scenario->plan, service),
               gone = scenario_delete(scenario, MTR_KIND_SERVICE, name_of_service(scenario, service));
    scenario_seen[gone ? SEEN_SERVICE_DELETED : SEEN_SERVICE_KEPT]++;
    CHECK(scenario, gone == !is_named, "service %u is %s", service, gone ? "gone, but named" : "kept for nothing");
    planned->applied = !gone;
}

static void delete_key(struct scenario *scenario, uint32_t key)
{
    const char *name = scenario_format(scenario, "k%u", key);
    if (!scenario->plan.keys[key].applied) return;
    CHECK(scenario, scenario_delete(scenario, MTR_KIND_API_KEY, name), "key %s is kept", name);
    scenario->plan.keys[key].applied = false;
    scenario_seen[SEEN_KEY_DELETED]++;
}

/* ---- what changes ---- */

/* One of its documents comes, or goes. */
static void change_service(struct scenario *scenario, uint32_t service)
{
    struct plan *plan = &scenario->plan;
    struct planned_meter *meter = &plan->meters[scenario_below(scenario, plan->meter_count)];
    struct planned_tariff *tariff = &plan->tariffs[scenario_below(scenario, plan->tariff_count)];
    while (meter->service != service) meter = &plan->meters[scenario_below(scenario, plan->meter_count)];
    while (tariff->service != service) tariff = &plan->tariffs[scenario_below(scenario, plan->tariff_count)];
    switch (scenario_below(scenario, 6)) {
    case 0: scenario_apply_meter(scenario, meter); break;
    case 1: scenario_ensure_tariff(scenario, (uint32_t)(tariff - plan->tariffs)); break;
    case 2: delete_meter(scenario, meter); break;
    case 3: delete_tariff(scenario, tariff); break;
    default: delete_service(scenario, service); break;
    }
}

void scenario_life_change(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    const uint32_t key = scenario_below(scenario, KEYS_MAX);
    switch (scenario_below(scenario, 7)) {
    case 0:
    case 1:
        if (plan->spare.applied && scenario_chance(scenario, 50)) delete_spare(scenario);
        else if (plan->spare.applied) delete_meter(scenario, &plan->spare);
        else scenario_apply_meter(scenario, &plan->spare);
        break;
    case 2:
        if (plan->keys[key].applied && scenario_chance(scenario, 70)) delete_key(scenario, key);
        else apply_key(scenario, key);
        break;
    case 3: change_service(scenario, scenario_below(scenario, plan->service_count)); break;
    default: change_service(scenario, plan->late_service); break;
    }
    scenario_life_check(scenario);
}

/* ---- law: the catalog has what was applied and not deleted; numbers are given once ---- */

struct revisions {
    struct scenario *scenario;
    uint32_t count;
    bool was_gone;
};

static int on_revision(void *context, const struct mtr_catalog_document *document)
{
    struct revisions *revisions = context;
    const bool is_gone = !document->json.size;
    CHECK(revisions->scenario, document->revision == ++revisions->count, "%.*s has no revision %u",
          MTR_STR_ARGS(document->name), revisions->count);
    CHECK(revisions->scenario, !is_gone || (!revisions->was_gone && revisions->count > 1),
          "%.*s was deleted when it was not there", MTR_STR_ARGS(document->name));
    revisions->was_gone = is_gone;
    return MTR_OK;
}

/* Every one that there ever was is there, and the last says what is in force. */
static void check_revisions(struct scenario *scenario, enum mtr_catalog_kind kind, const char *name, bool applied)
{
    struct revisions revisions = {.scenario = scenario, .was_gone = true};
    int rc = mtr_catalog_store_walk_revisions(scenario->stores.catalog_store, kind, mtr_str_from(name), 0,
                                              on_revision, &revisions);
    CHECK(scenario, !rc || rc == MTR_ENOTFOUND, "%s", mtr_error_text(rc));
    CHECK(scenario, applied == !revisions.was_gone, "%s %s is %s", mtr_catalog_kind_name(kind), name,
          applied ? "lost" : "there again");
}

/* Of what comes, or comes again, a number is higher than any that there was. */
static void check_number(struct scenario *scenario, struct planned_life *life, enum mtr_catalog_kind kind,
                         const uint32_t *found)
{
    const uint32_t before = scenario->plan.numbers_max[kind];
    if (!found) return;
    if (!life->number) {
        CHECK(scenario, *found > before, "number %u of a %s is of another one", *found, mtr_catalog_kind_name(kind));
        scenario_seen[SEEN_COMES_AGAIN] += life->was_there;
    } else {
        CHECK(scenario, *found == life->number, "number %u of a %s became %u", life->number,
              mtr_catalog_kind_name(kind), *found);
    }
    life->number = *found;
    life->was_there = true;
    if (*found > scenario->plan.numbers_next[kind]) scenario->plan.numbers_next[kind] = *found;
}

static void check_meter(struct scenario *scenario, struct planned_meter *meter)
{
    const char *name = name_of(scenario, meter->service, meter->key);
    const struct mtr_meter *found = mtr_catalog_find_meter(scenario->stores.catalog, mtr_str_from(name));
    CHECK(scenario, meter->applied == (found != NULL), "meter %s", name);
    check_number(scenario, &meter->life, MTR_KIND_METER, found ? &found->number : NULL);
    check_revisions(scenario, MTR_KIND_METER, name, meter->applied);
}

static void check_tariff(struct scenario *scenario, struct planned_tariff *tariff)
{
    const char *name = name_of(scenario, tariff->service, tariff->key);
    const struct mtr_tariff_document *found =
        mtr_catalog_find_tariff(scenario->stores.catalog, mtr_str_from(name));
    CHECK(scenario, tariff->applied == (found != NULL), "tariff %s", name);
    check_number(scenario, &tariff->life, MTR_KIND_TARIFF, found ? &found->number : NULL);
    check_revisions(scenario, MTR_KIND_TARIFF, name, tariff->applied);
}

void scenario_life_check(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    for (uint32_t i = 0; i < plan->meter_count; i++) check_meter(scenario, &plan->meters[i]);
    check_meter(scenario, &plan->spare);
    for (uint32_t i = 0; i < plan->tariff_count; i++) check_tariff(scenario, &plan->tariffs[i]);
    memcpy(plan->numbers_max, plan->numbers_next, sizeof(plan->numbers_max));
    for (uint32_t i = 0; i < plan->service_count; i++)
        check_revisions(scenario, MTR_KIND_SERVICE, name_of_service(scenario, i), plan->services[i].applied);
    for (uint32_t i = 0; i < KEYS_MAX; i++)
        check_revisions(scenario, MTR_KIND_API_KEY, scenario_format(scenario, "k%u", i), plan->keys[i].applied);
}

/* ---- law: what a charge names is there ---- */

struct naming {
    struct scenario *scenario;
    const struct mtr_service *service;
};

static int on_line(void *context, const struct mtr_charge_line *line)
{
    const struct naming *naming = context;
    struct scenario *scenario = naming->scenario;
    const struct mtr_catalog *catalog = scenario->stores.catalog;
    CHECK(scenario, mtr_catalog_find_tariff(catalog, scenario_name_of(scenario, naming->service, line->tariff)),
          "a line is of tariff %.*s, which is gone", MTR_STR_ARGS(line->tariff));
    if (!line->meter.size) return MTR_OK;
    CHECK(scenario, mtr_catalog_find_meter(catalog, scenario_name_of(scenario, naming->service, line->meter)),
          "a line is of meter %.*s, which is gone", MTR_STR_ARGS(line->meter));
    return MTR_OK;
}

struct naming_periods {
    struct naming naming;
    struct mtr_charges_txn *txn;
};

static int on_period(void *context, const struct mtr_charge_period *period)
{
    struct naming_periods *periods = context;
    return mtr_charges_walk_lines(periods->txn, period->subscription, period->start_us, on_line, &periods->naming);
}

void scenario_check_named(struct scenario *scenario)
{
    const struct mtr_catalog *catalog = scenario->stores.catalog;
    struct naming_periods periods = {.naming = {.scenario = scenario}};
    CHECK_OK(scenario, mtr_charges_begin(scenario->stores.charges, false, &periods.txn));
    for (uint32_t i = 1; i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++) {
        periods.naming.service = mtr_catalog_subscription(catalog, i)->service;
        CHECK_OK(scenario, mtr_charges_walk_periods(periods.txn, i, INT64_MIN, on_period, &periods));
    }
    mtr_charges_abort(periods.txn);
    scenario_life_check(scenario);
}
