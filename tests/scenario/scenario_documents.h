/*
 * The documents of a run's catalog as YAML: made of what is planned, with the rest drawn by lot, and applied.
 */
#ifndef METERD_TESTS_SCENARIO_SCENARIO_DOCUMENTS_H
#define METERD_TESTS_SCENARIO_SCENARIO_DOCUMENTS_H

#include "scenario/scenario.h"

#define PICK(scenario, list) (list)[scenario_below(scenario, sizeof(list) / sizeof(*(list)))]

/* The rest of an instant, down to its microsecond; that of an event now and then, or the one behind it. */
const char *scenario_clock(struct scenario *scenario);

struct yaml {
    struct scenario *scenario;
    struct mtr_buffer text;
    const char *refusal; /* every sentence of a refusal has it; NULL: it may not be refused */
};
void yaml_begin(struct scenario *scenario, struct yaml *yaml);
void yaml_put(struct yaml *yaml, const char *format, ...) MTR_PRINTF(2, 3);
void yaml_apply(struct yaml *yaml); /* and releases it */
bool yaml_try(struct yaml *yaml); /* the same; false: refused, as it may be */
/* By the key, of meters and tariffs also SERVICE/KEY; false: refused. */
bool scenario_delete(struct scenario *scenario, enum mtr_catalog_kind kind, const char *name);

/* Applied after what it names, where that is not there. */
void scenario_apply_meter(struct scenario *scenario, struct planned_meter *meter);
void scenario_rewrite_tariff(struct scenario *scenario, struct planned_tariff *tariff);
void scenario_ensure_service(struct scenario *scenario, uint32_t service);
void scenario_ensure_tariff(struct scenario *scenario, uint32_t tariff); /* TARIFFS_MAX: none */
void scenario_ensure_named(struct scenario *scenario, const struct planned_subscription *subscription);
/* A meter, tariff, service or API key comes, or goes. */
void scenario_life_change(struct scenario *scenario);
/* All of it but service and key. */
void scenario_plan_meter(struct scenario *scenario, struct planned_meter *meter);

/* A tariff of the service, or none. */
uint32_t scenario_plan_tariff(struct scenario *scenario, uint32_t service, uint32_t percent);
/* A trial, a stretch of time or units and money; a new one, or one that ends elsewhere. */
void scenario_trial_plan(struct scenario *scenario, struct planned_subscription *subscription);
/* Adds, moves or removes it. */
void scenario_trial_alter(struct scenario *scenario, struct planned_subscription *subscription);
void yaml_put_trial(struct yaml *yaml, struct planned_subscription *subscription);

const char *yaml_date(struct scenario *scenario, int64_t days);

/* Each is one document; what is marked as applied stands in the catalog from then on. */
void yaml_put_service(struct yaml *yaml, uint32_t service);
void yaml_put_meter(struct yaml *yaml, struct planned_meter *meter);
void yaml_put_tariff(struct yaml *yaml, struct planned_tariff *tariff);
void yaml_put_subscription(struct yaml *yaml, struct planned_subscription *subscription);
/* With the name of their list. */
void yaml_put_credit(struct yaml *yaml, uint32_t service);
void yaml_put_destination(struct yaml *yaml, uint32_t number);

#endif
