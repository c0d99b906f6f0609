/*
 * Checks across documents. Of tariffs: a component's meters exist, have the dimensions that it is priced by,
 * and count its unit. Of subscriptions and their tariffs: the meters are of the service bought, and a fee
 * that names its period is for the periods that are billed. Of a new snapshot and the one in force: a
 * subscription keeps its currency, whichever document changed; versions of a stored tariff that are new and
 * begin in the past are warned of; somebody can still administer (admin_checks.c).
 */
#include "lib/catalog/names.h"

#include <stdio.h>

#include "meterd/core/time.h"

/* The map that begins there. */
static const struct mtr_node *map_at(const struct mtr_node *node, uint32_t line, uint32_t column)
{
    const struct mtr_node *found = NULL;
    if (node->kind == MTR_NODE_MAP && node->line == line && node->column == column) return node;
    for (uint32_t i = 0; !found && i < node->child_count; i++)
        found = map_at(&node->children[i], line, column);
    return found;
}

/* At the component's field where that is written, else at the component. Where a finding stands that a full
 * list drops nobody reads, and there may be many. */
static void fail(const struct mtr_record *record, enum mtr_finding_code code,
                 const struct mtr_component *component, const char *field, struct mtr_diagnostics *findings,
                 const char *text)
{
    const bool is_kept = record->node && !mtr_diagnostics_is_full(findings);
    const struct mtr_node *map = is_kept ? map_at(record->node, component->line, component->column) : NULL;
    const struct mtr_node *written = map ? mtr_node_get(map, field) : NULL;
    if (record->node)
        mtr_diagnostics_addf(findings, code, written ? written->line : component->line,
                             written ? written->column : component->column, field, "%s", text);
    else
        mtr_diagnostics_addf(findings, code, 0, 0, field, "%s (in the stored tariff `%.*s`)", text,
                             MTR_STR_ARGS(record->key));
}

static bool adds_up_over_subscriptions(const struct mtr_meter *meter)
{
    return meter->aggregation == MTR_SUM || meter->aggregation == MTR_COUNT ||
           meter->aggregation == MTR_COUNTER_INCREASE;
}

/* A scope needs what the meter keeps. */
static void check_scope(const struct mtr_record *record, const struct mtr_component *component,
                        const struct mtr_meter *meter, struct mtr_diagnostics *findings)
{
    char text[MTR_FINDING_TEXT_BYTES];
    const char *missing = NULL;
    if (component->scope == MTR_CURVE_SCOPE_EVENT && !meter->keep_events)
        missing =
            "does not keep events: `scope: event` needs a meter of sum or count with `keep_events: true`";
    if (component->scope == MTR_CURVE_SCOPE_LEVEL && meter->aggregation != MTR_TIME_WEIGHTED)
        missing = "has no level: `scope: level` needs a meter with `aggregation: time_weighted`";
    if (component->scope == MTR_CURVE_SCOPE_TERM && meter->aggregation == MTR_TIME_WEIGHTED &&
        meter->per == MTR_TIME_UNIT_PERIOD)
        missing = "is a mean of each period: `scope: term` needs another `per`";
    if (mtr_component_has_masks(component) && !mtr_aggregation_adds_up(meter->aggregation) &&
        component->scope != MTR_CURVE_SCOPE_HOUR)
        missing = "does not add up over hours: with `when` or `weights` it needs `scope: hour`";
    if (component->across_customer && !adds_up_over_subscriptions(meter))
        missing =
            "does not add up over subscriptions: `across: customer` needs a meter of sum, count or counter";
    if (!missing) return;
    snprintf(text, sizeof(text), "component `%.*s`: meter `%.*s` %s", MTR_STR_ARGS(component->key),
             MTR_STR_ARGS(meter->key), missing);
    fail(record, MTR_FINDING_CATALOG_COMPONENT_SCOPE, component, "scope", findings, text);
}

/* What a price is for is what the meter counts, unless the component converts it. */
static void check_unit(const struct mtr_record *record, const struct mtr_component *component,
                       const struct mtr_meter *meter, struct mtr_diagnostics *findings)
{
    char text[MTR_FINDING_TEXT_BYTES];
    if (!component->unit.size || mtr_component_has(component, "convert") ||
        mtr_str_equal(component->unit, meter->unit))
        return;
    snprintf(text, sizeof(text),
             "component `%.*s`: is priced per `%.*s`, but meter `%.*s` %s%.*s%s: a `convert` is missing, or "
             "the unit is wrong",
             MTR_STR_ARGS(component->key), MTR_STR_ARGS(component->unit), MTR_STR_ARGS(meter->key),
             meter->unit.size ? "counts `" : "names no unit", MTR_STR_ARGS(meter->unit),
             meter->unit.size ? "`" : "");
    fail(record, MTR_FINDING_CATALOG_COMPONENT_UNIT, component, "unit", findings, text);
}

/* Windows begin and end with the meter's cells. */
static void check_cells(const struct mtr_record *record, const struct mtr_calendar *calendar,
                        const struct mtr_component *component, const struct mtr_meter *meter,
                        struct mtr_diagnostics *findings)
{
    char sentence[MTR_CELL_TEXT_BYTES], text[MTR_CELL_TEXT_BYTES + 100];
    if (mtr_meter_fits_masks(meter, component, calendar, sentence)) return;
    snprintf(text, sizeof(text), "component `%.*s`: %s", MTR_STR_ARGS(component->key), sentence);
    fail(record, MTR_FINDING_CATALOG_COMPONENT_CELLS, component, component->has_when ? "when" : "weights",
         findings, text);
}

static void check_meter(const struct mtr_catalog *catalog, const struct mtr_record *record,
                        const struct mtr_component *component, struct mtr_str key,
                        struct mtr_diagnostics *findings)
{
    char text[MTR_WHICH_OF_TEXT_BYTES + CATALOG_UNKNOWN_TEXT_BYTES], which[MTR_WHICH_OF_TEXT_BYTES];
    char meant[MTR_MEANT_BYTES];
    if (catalog_awaits(catalog, MTR_KIND_METER, key)) return;
    const struct mtr_meter *meter = mtr_catalog_find_meter(catalog, key);
    if (!meter) {
        char unknown[CATALOG_UNKNOWN_TEXT_BYTES];
        catalog_unknown_text(catalog, MTR_KIND_METER, key, findings, unknown);
        snprintf(text, sizeof(text), "component `%.*s`: %s", MTR_STR_ARGS(component->key), unknown);
        fail(record, MTR_FINDING_CATALOG_REFERENCE_UNKNOWN, component, "meter", findings, text);
        return;
    }
    if (record->node && mtr_catalog_which_of(catalog, MTR_KIND_METER, key, which)) {
        snprintf(text, sizeof(text), "component `%.*s`: %s? Write SERVICE/KEY, or the tariff's `service`",
                 MTR_STR_ARGS(component->key), which);
        fail(record, MTR_FINDING_CATALOG_REFERENCE_AMBIGUOUS, component, "meter", findings, text);
        return;
    }
    if (!meter->number) return; /* its service is what is wrong */
    for (uint32_t i = 0; i < component->group_by_count; i++) {
        if (mtr_meter_has_dimension(meter, component->group_by[i])) continue;
        snprintf(text, sizeof(text), "component `%.*s`: meter `%.*s` has no dimension `%.*s`%s",
                 MTR_STR_ARGS(component->key), MTR_STR_ARGS(meter->key),
                 MTR_STR_ARGS(component->group_by[i]),
                 mtr_meter_dimension_meant(meter, component->group_by[i], meant));
        fail(record, MTR_FINDING_CATALOG_DIMENSION_UNKNOWN, component, "group_by", findings, text);
    }
    check_scope(record, component, meter, findings);
    if (mtr_str_equal(key, component->meter)) check_unit(record, component, meter, findings);
}

/* What a tariff asks of its subscriptions: the first component of each service and billing period that it
 * names. */
struct demands {
    const struct mtr_component *component[2]; /* with a meter, of different services */
    const struct mtr_service *service[2];
    const struct mtr_component *fee[MTR_PERIOD_UNIT_COUNT];
    bool has_term; /* limits over terms: */
    struct mtr_period_length shortest; /* of them */
};

static void note_service(const struct mtr_component *component, const struct mtr_service *service,
                         struct demands *demands)
{
    for (int i = 0; i < 2; i++) {
        if (demands->service[i] == service) return;
        if (demands->service[i]) continue;
        demands->component[i] = component;
        demands->service[i] = service;
        return;
    }
}

static void note_component(const struct mtr_catalog *catalog, const struct mtr_component *component,
                           struct demands *demands)
{
    enum mtr_period_unit unit;
    if (mtr_component_fee_period(component, &unit) && !demands->fee[unit]) demands->fee[unit] = component;
    for (uint32_t input = 0; input < component->input_count; input++) {
        const struct mtr_meter *meter = mtr_catalog_find_meter(catalog, component->inputs[input]);
        if (meter) note_service(component, meter->service, demands);
    }
}

/* A tariff that a subscription names, and where it names it. */
struct named_tariff {
    const struct mtr_record *record;
    const struct mtr_subscription *subscription;
    const struct mtr_tariff_document *tariff;
    const char *field;
    const struct demands *demands;
};

static void check_service(const struct named_tariff *named, struct mtr_diagnostics *findings)
{
    const struct demands *demands = named->demands;
    const struct mtr_str service = named->tariff->service, bought = named->subscription->service->key;
    if (service.size && !mtr_str_equal(service, bought)) {
        record_fail(named->record, MTR_FINDING_CATALOG_REFERENCE_OTHER_SERVICE, named->field, findings,
                    "tariff `%.*s` is of service `%.*s`, but the service bought is `%.*s`",
                    MTR_STR_ARGS(named->tariff->key), MTR_STR_ARGS(service), MTR_STR_ARGS(bought));
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (!demands->service[i] || demands->service[i] == named->subscription->service) continue;
        const struct mtr_component *component = demands->component[i];
        record_fail(named->record, MTR_FINDING_CATALOG_REFERENCE_OTHER_SERVICE, named->field, findings,
                    "tariff `%.*s` prices meter `%.*s` of service `%.*s`, but the service bought is `%.*s`",
                    MTR_STR_ARGS(named->tariff->key), MTR_STR_ARGS(mtr_schema_short_name(component->meter)),
                    MTR_STR_ARGS(demands->service[i]->key), MTR_STR_ARGS(named->subscription->service->key));
        return;
    }
}

static void check_fees(const struct named_tariff *named, struct mtr_diagnostics *findings)
{
    const enum mtr_period_unit billed = named->subscription->billing.unit;
    for (int unit = 0; unit < MTR_PERIOD_UNIT_COUNT; unit++) {
        const struct mtr_component *fee = named->demands->fee[unit];
        if (!fee || (enum mtr_period_unit)unit == billed) continue;
        record_fail(named->record, MTR_FINDING_CATALOG_SUBSCRIPTION_BILLING,
                    named->subscription->phase_index ? "changes" : "billing", findings,
                    "fee `%.*s` of tariff `%.*s` is for every %s, but the subscription is billed every %s",
                    MTR_STR_ARGS(fee->key), MTR_STR_ARGS(named->tariff->key),
                    mtr_period_unit_name((enum mtr_period_unit)unit), mtr_period_unit_name(billed));
        return;
    }
}

/* A term is of several billing periods. */
static void check_term(const struct named_tariff *named, struct mtr_diagnostics *findings)
{
    const enum mtr_period_unit billed = named->subscription->billing.unit;
    char length[MTR_PERIOD_LENGTH_TEXT_BYTES];
    if (!named->demands->has_term || mtr_period_length_exceeds(named->demands->shortest, billed)) return;
    record_fail(named->record, MTR_FINDING_CATALOG_SUBSCRIPTION_BILLING,
                named->subscription->phase_index ? "changes" : "billing", findings,
                "tariff `%.*s` has limits over a term of %s, but the subscription is billed every %s: bill "
                "it more often, or write them as limits of the period",
                MTR_STR_ARGS(named->tariff->key), mtr_period_length_text(named->demands->shortest, length),
                mtr_period_unit_name(billed));
}

/* A misspelt source would hold every period; with those that are stored already it was said before. */
static void check_rates(const struct mtr_catalog *catalog, const struct named_tariff *named,
                        struct mtr_diagnostics *findings)
{
    const struct mtr_tariff_document *tariff = named->tariff;
    const struct mtr_node *node = named->record->node;
    if (!node || !tariff->exchange.given || mtr_str_equal(tariff->currency, named->subscription->currency))
        return;
    if (mtr_rate_book_has_source(&catalog->rates, tariff->exchange.source)) return;
    const struct mtr_node *place = mtr_node_get(node, named->field);
    if (!place) place = node;
    mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_RATES_MISSING, place->line, place->column,
                         named->field,
                         "tariff `%.*s` is exchanged at rates of `%.*s`, of which there are none yet: its "
                         "charges wait for them",
                         MTR_STR_ARGS(tariff->key), MTR_STR_ARGS(tariff->exchange.source));
}

/* The first component whose masks look at another clock than that of the subscription's zone, so that their
 * windows would fall into cells. */
static void check_clocks(const struct mtr_catalog *catalog, const struct named_tariff *named,
                         const struct mtr_tariff_version *version, struct mtr_diagnostics *findings)
{
    const struct mtr_cell_place place = {named->subscription->zone, named->subscription->start_us};
    char text[MTR_CELL_TEXT_BYTES];
    const bool *has_clock = version->calendar.has_clock;
    if (!has_clock[MTR_MASK_CLOCK_STANDARD] && !has_clock[MTR_MASK_CLOCK_UTC]) return;
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_component *component = &version->components[i];
        for (uint32_t input = 0; input < component->input_count; input++) {
            const struct mtr_meter *meter = mtr_catalog_find_meter(catalog, component->inputs[input]);
            if (!meter || mtr_meter_fits_clocks(meter, component, &version->calendar, &place, text)) continue;
            record_fail(named->record, MTR_FINDING_CATALOG_COMPONENT_CELLS, named->field, findings,
                        "component `%.*s` of tariff `%.*s`: %s", MTR_STR_ARGS(component->key),
                        MTR_STR_ARGS(named->tariff->key), text);
            return;
        }
    }
}

static bool has_metered_component(const struct mtr_tariff_document *tariff, struct mtr_str key)
{
    for (uint32_t v = 0; v < tariff->version_count; v++)
        for (uint32_t i = 0; i < tariff->versions[v].component_count; i++)
            if (mtr_str_equal(tariff->versions[v].components[i].key, key))
                return tariff->versions[v].components[i].meter.size > 0;
    return false;
}

static void check_trial(const struct mtr_record *record, const struct mtr_subscription *subscription,
                        struct mtr_diagnostics *findings)
{
    if (subscription->free_until_us <= subscription->start_us) return; /* it was over before this phase */
    for (uint32_t i = 0; i < subscription->trial_unit_count; i++) {
        struct mtr_str key = subscription->trial_units[i].component;
        char meant[MTR_MEANT_BYTES];
        if (!has_metered_component(subscription->tariff, key))
            record_fail(record, MTR_FINDING_CATALOG_COMPONENT_UNKNOWN, "trial", findings,
                        "quantity: tariff `%.*s` has no component `%.*s` with a meter%s",
                        MTR_STR_ARGS(subscription->tariff->key), MTR_STR_ARGS(key),
                        catalog_component_meant(subscription->tariff, key, meant));
    }
}

static bool has_allowances(const struct mtr_tariff_version *version)
{
    bool found = version->allowance_count > 0;
    for (uint32_t i = 0; i < version->override_count && !found; i++)
        found = has_allowances(&version->overrides[i].version);
    return found;
}

/* Whoever takes it in time keeps what is retired later; which document came first does not matter. */
static void check_in_time(const struct mtr_record *record, const struct mtr_subscription *phase,
                          const char *field, const struct mtr_record *taken, struct mtr_diagnostics *findings)
{
    char start[MTR_TIME_TEXT_BYTES];
    if (!taken || phase->start_us < mtr_catalog_time_in(&taken->retired, phase->zone)) return;
    mtr_time_format(phase->start_us, start);
    record_fail(record, MTR_FINDING_CATALOG_REFERENCE_RETIRED, field, findings,
                "%s `%.*s` is retired from %.*s on, and the subscription %s at %s: name another",
                taken->kind->name, MTR_STR_ARGS(taken->key), MTR_STR_ARGS(taken->retired.text),
                phase->phase_index ? "takes it" : "starts", start);
}

static void check_retired(const struct mtr_catalog *catalog, const struct mtr_record *record,
                          const struct mtr_subscription *phase, struct mtr_diagnostics *findings)
{
    const struct mtr_subscription_fields *f = &record->fields.subscription;
    const struct mtr_subscription *before =
        phase->phase_index ? mtr_subscription_phase(phase, phase->phase_index - 1) : NULL;
    if (phase->tariff && (!before || before->tariff != phase->tariff))
        check_in_time(record, phase, before ? "changes" : "tariff",
                      catalog->records[MTR_KIND_TARIFF][phase->tariff->number - 1], findings);
    if (before) return;
    check_in_time(record, phase, "service", catalog_find_record(catalog, MTR_KIND_SERVICE, f->service),
                  findings);
    if (f->trial.tariff.size)
        check_in_time(record, phase, "trial",
                      catalog_find_in(catalog, MTR_KIND_TARIFF, f->service, f->trial.tariff), findings);
    if (f->cost_tariff.size)
        check_in_time(record, phase, "cost_tariff",
                      catalog_find_in(catalog, MTR_KIND_TARIFF, f->service, f->cost_tariff), findings);
}

/* What costs cannot be counted by: pools are drawn on for the customer, and its other subscriptions are
 * those of what it pays. */
static void check_cost(const struct mtr_record *record, const struct mtr_subscription *subscription,
                       struct mtr_diagnostics *findings)
{
    const struct mtr_tariff_document *tariff = subscription->cost_tariff;
    for (uint32_t i = 0; tariff && i < tariff->version_count; i++) {
        if (!has_allowances(&tariff->versions[i])) continue;
        record_fail(record, MTR_FINDING_CATALOG_COST_TARIFF, "cost_tariff", findings,
                    "tariff `%.*s` has allowances, which a cost cannot draw on", MTR_STR_ARGS(tariff->key));
        return;
    }
    if (tariff && tariff->has_term)
        record_fail(record, MTR_FINDING_CATALOG_COST_TARIFF, "cost_tariff", findings,
                    "tariff `%.*s` has limits over a term, which a cost cannot count",
                    MTR_STR_ARGS(tariff->key));
    if (tariff && (tariff->across_customer || tariff->has_account))
        record_fail(record, MTR_FINDING_CATALOG_COST_TARIFF, "cost_tariff", findings,
                    "tariff `%.*s` counts across the customer's subscriptions, which a cost cannot",
                    MTR_STR_ARGS(tariff->key));
}

static void check_subscription(const struct mtr_catalog *catalog, const struct mtr_record *record,
                               const struct mtr_subscription *subscription, const struct demands *demands,
                               struct mtr_diagnostics *findings)
{
    const struct {
        const struct mtr_tariff_document *tariff;
        const char *field;
    } tariffs[] = {{subscription->tariff, subscription->phase_index ? "changes" : "tariff"},
                   {subscription->trial_tariff, "trial"},
                   {subscription->cost_tariff, "cost_tariff"}};
    for (size_t i = 0; i < sizeof(tariffs) / sizeof(tariffs[0]); i++) {
        if (!tariffs[i].tariff) continue;
        const struct named_tariff named = {record, subscription, tariffs[i].tariff, tariffs[i].field,
                                           &demands[tariffs[i].tariff->number - 1]};
        check_service(&named, findings);
        check_fees(&named, findings);
        check_term(&named, findings);
        check_rates(catalog, &named, findings);
        for (uint32_t v = 0; v < named.tariff->version_count; v++)
            check_clocks(catalog, &named,
                         mtr_tariff_version_for(&named.tariff->versions[v], subscription->key,
                                                subscription->customer),
                         findings);
    }
    check_retired(catalog, record, subscription, findings);
    check_trial(record, subscription, findings);
    check_cost(record, subscription, findings);
}

static void check_meters(const struct mtr_catalog *catalog, const struct mtr_record *record,
                         const struct mtr_tariff_version *version, struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_component *component = &version->components[i];
        for (uint32_t input = 0; input < component->input_count; input++) {
            const struct mtr_meter *meter = mtr_catalog_find_meter(catalog, component->inputs[input]);
            check_meter(catalog, record, component, component->inputs[input], findings);
            if (meter && meter->number) check_cells(record, &version->calendar, component, meter, findings);
        }
    }
}

/* A misspelt subscription would be billed at list price. */
static void check_override(const struct mtr_catalog *catalog, const struct mtr_record *record,
                           const struct mtr_tariff_override *override, struct mtr_diagnostics *findings)
{
    if (!override->subscription.size ||
        catalog_awaits(catalog, MTR_KIND_SUBSCRIPTION, override->subscription) ||
        catalog_find_record(catalog, MTR_KIND_SUBSCRIPTION, override->subscription) ||
        (catalog->around &&
         catalog_find_record(catalog->around, MTR_KIND_SUBSCRIPTION, override->subscription)))
        return;
    char unknown[CATALOG_UNKNOWN_TEXT_BYTES];
    catalog_unknown_text(catalog, MTR_KIND_SUBSCRIPTION, override->subscription, findings, unknown);
    record_fail(record, MTR_FINDING_CATALOG_REFERENCE_UNKNOWN, "versions", findings,
                "has an override for an %s", unknown);
}

static void check_version(const struct mtr_catalog *catalog, const struct mtr_record *record,
                          const struct mtr_tariff_version *version, struct mtr_diagnostics *findings)
{
    size_t errors_before = findings->errors;
    check_meters(catalog, record, version, findings);
    for (uint32_t i = 0; i < version->override_count; i++)
        check_override(catalog, record, &version->overrides[i], findings);
    for (uint32_t i = 0; i < version->override_count && findings->errors == errors_before;
         i++) /* they repeat what is not overridden */
        check_meters(catalog, record, &version->overrides[i].version, findings);
}

/* A tariff of no service is of all of them, so its key is no other one's; nor have two of one service the
 * same. */
static void check_service_of(const struct mtr_catalog *catalog, const struct mtr_record *record,
                             struct mtr_diagnostics *findings)
{
    char text[CATALOG_UNKNOWN_TEXT_BYTES];
    const struct mtr_str service = record->fields.tariff.service;
    if (service.size && !catalog_awaits(catalog, MTR_KIND_SERVICE, service) &&
        !catalog_find_record(catalog, MTR_KIND_SERVICE, service)) {
        catalog_unknown_text(catalog, MTR_KIND_SERVICE, service, findings, text);
        record_fail(record, MTR_FINDING_CATALOG_REFERENCE_UNKNOWN, "service", findings, "%s", text);
    }
    if (record->node && catalog_has_rival(catalog, record))
        record_fail(record, MTR_FINDING_CATALOG_KEY_REPEATED, "key", findings,
                    "is the key of another tariff of its service: write `service`, or choose another");
}

void catalog_check_tariffs(const struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_TARIFF]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_TARIFF][i];
        if (!record) continue;
        const struct mtr_tariff_document *tariff = &record->fields.tariff;
        check_service_of(catalog, record, findings);
        for (uint32_t v = 0; v < tariff->version_count; v++)
            check_version(catalog, record, &tariff->versions[v], findings);
    }
}

static void note_version(const struct mtr_catalog *catalog, const struct mtr_tariff_version *version,
                         struct demands *demands)
{
    for (uint32_t i = 0; i < version->component_count; i++)
        note_component(catalog, &version->components[i], demands);
    for (uint32_t i = 0; i < version->override_count; i++)
        note_version(catalog, &version->overrides[i].version, demands);
    const struct mtr_term_limits *term = &version->term;
    if (!term->given || (demands->has_term && !mtr_period_length_is_shorter(term->length, demands->shortest)))
        return;
    demands->has_term = true;
    demands->shortest = term->length;
}

int catalog_check_subscriptions(struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    const uint32_t tariff_count = catalog->counts[MTR_KIND_TARIFF];
    struct demands *demands = mtr_arena_calloc(&catalog->arena, tariff_count, sizeof(*demands));
    if (!demands) return MTR_ENOMEM;
    for (uint32_t i = 0; i < tariff_count; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_TARIFF][i];
        if (!record) continue;
        const struct mtr_tariff_document *tariff = &record->fields.tariff;
        for (uint32_t v = 0; v < tariff->version_count; v++)
            note_version(catalog, &tariff->versions[v], &demands[i]);
    }
    const struct mtr_subscription *phase;
    for (uint32_t i = 0; (phase = catalog_phase_at(catalog, i)) != NULL; i++)
        check_subscription(catalog, catalog->records[MTR_KIND_SUBSCRIPTION][phase->number - 1], phase,
                           demands, findings);
    return MTR_OK;
}

void catalog_check_change(const struct mtr_catalog *before, const struct mtr_catalog *catalog, int64_t now_us,
                          struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < before->counts[MTR_KIND_TARIFF]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_TARIFF][i],
                                *stored = before->records[MTR_KIND_TARIFF][i];
        if (!record || !stored) continue;
        mtr_tariff_lint_change(record->node, &record->fields.tariff, &stored->fields.tariff, now_us,
                               findings);
    }
    for (uint32_t i = 0; i < before->counts[MTR_KIND_SUBSCRIPTION]; i++) {
        struct mtr_str old = before->subscriptions[i].currency, now = catalog->subscriptions[i].currency;
        if (!mtr_str_equal(old, now))
            record_fail(catalog->records[MTR_KIND_SUBSCRIPTION][i], MTR_FINDING_CATALOG_CURRENCY_CHARGED,
                        "currency", findings,
                        "cannot change from %.*s to %.*s: charges were made in it. Say from when it does, in "
                        "`changes`",
                        MTR_STR_ARGS(old), MTR_STR_ARGS(now));
    }
    catalog_check_dimension_names(before, catalog, findings);
    catalog_check_admins(before, catalog, now_us, findings);
}
