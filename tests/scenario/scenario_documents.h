/*
 * The documents of a run's catalog as YAML: made of what is planned, with the rest drawn by lot, and applied.
 */
#ifndef METERD_TESTS_SCENARIO_SCENARIO_DOCUMENTS_H
#define METERD_TESTS_SCENARIO_SCENARIO_DOCUMENTS_H

#include "scenario/scenario.h"

#define PICK(scenario, list) (list)[scenario_below(scenario, sizeof(list) / sizeof(*(list)))]

/* The rest of an instant inside an hour, down to its microsecond. */
static const char *const clocks[] = {"T00:20:00Z",        "T09:45:30Z",        "T10:30:00Z",
                                     "T13:20:00.000001Z", "T16:59:59.999999Z", "T21:07:11.5Z"};

struct yaml {
    struct scenario *scenario;
    struct mtr_buffer text;
    bool may_be_refused;
};
void yaml_begin(struct scenario *scenario, struct yaml *yaml);
void yaml_put(struct yaml *yaml, const char *format, ...) MTR_PRINTF(2, 3);
void yaml_apply(struct yaml *yaml); /* and releases it */
bool yaml_try(struct yaml *yaml); /* the same; false: refused, as it may be */
bool scenario_delete_meter(struct scenario *scenario, const struct planned_meter *meter); /* false: refused */

/* Each is one document; what is marked as applied stands in the catalog from then on. */
void yaml_put_meter(struct yaml *yaml, struct planned_meter *meter);
void yaml_put_tariff(struct yaml *yaml, struct planned_tariff *tariff);
void yaml_put_subscription(struct yaml *yaml, struct planned_subscription *subscription);
/* With the name of their list. */
void yaml_put_credit(struct yaml *yaml, uint32_t service);
void yaml_put_destination(struct yaml *yaml, uint32_t number);

#endif
