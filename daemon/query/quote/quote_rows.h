/*
 * Rows of use as callers of the pricing give them, and which component of a tariff each means. Private to
 * daemon.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_QUOTE_ROWS_H
#define METERD_DAEMON_QUERY_QUOTE_QUOTE_ROWS_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/schema.h"
#include "meterd/tariff/price.h"

/* The tariffs that take rows: that of the subscription, what its use costs the seller, and what its trial
 * has. */
enum quote_side { QUOTE_CHARGED, QUOTE_COST, QUOTE_TRIAL, QUOTE_SIDES };

/* Whom rows are priced for until the next phase begins, and under which tariffs. */
struct quote_phase {
    int64_t from_us;                                   /* of the first: INT64_MIN */
    struct mtr_tariff_party party;
    const struct mtr_tariff_document *of[QUOTE_SIDES]; /* as they are for the party; NULL: none */
};
struct quote_phases {
    struct quote_phase *items; /* by time, one at least */
    uint32_t count, capacity;
};

struct quote_row {
    uint32_t place;           /* in the request's `usage`, from 1; 0: it is its `quantity` */
    struct mtr_str component; /* empty: all that price the meter */
    bool of_meter;            /* it named none: a version without the component leaves it out */
    struct mtr_str meter;     /* whose quantity it is; empty: the component's first */
    bool has_quantity, has_reading; /* one of them */
    struct mtr_quantity quantity;
    struct mtr_quantity reading; /* what a counter stands at: quote_readings_turn */
    struct mtr_list dimensions;  /* of struct mtr_label */
    bool has_time;
    int64_t time_us;
    bool has_seconds;
    /* Of the span that begins at its time; the quantity is spread evenly over it. */
    struct mtr_quantity seconds;
};

/* Adds a finding and returns MTR_EINVALID; `name` may be empty. */
int quote_fail(struct mtr_diagnostics *findings, enum mtr_finding_code code, const struct mtr_node *node,
               const char *field, const char *sentence, struct mtr_str name);
/* The same of a member of a row, with the path that leads to it. */
int quote_fail_row(struct mtr_diagnostics *findings, enum mtr_finding_code code,
                   const struct quote_row *given, const char *member, const char *sentence,
                   struct mtr_str name);
/* The same of a name that nothing has; `meant` ends the sentence (mtr_str_meant). */
int quote_fail_unknown(struct mtr_diagnostics *findings, const struct mtr_node *node, const char *field,
                       const char *sentence, struct mtr_str name, const char *meant);

/* The tariff of that name; a name of none, or of several, is a finding. `catalog` NULL: there is none. */
int quote_find_tariff(const struct mtr_catalog *catalog, const struct mtr_node *node, const char *field,
                      const struct mtr_tariff_document **out, struct mtr_diagnostics *findings);

/* Rows without a component become one for each component that prices their meter, in any version of all
 * tariffs. With a time they are of their meter even if one component prices it: a version without it leaves
 * them out, as a charge does. */
int quote_rows_expand(const struct quote_phases *phases, struct mtr_list *rows, struct mtr_arena *arena,
                      struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Does the component take what is given: is it the one that is named, and does it price the meter? */
bool quote_takes(const struct mtr_component *component, const struct quote_row *given);
/* Has the version one that does? */
bool quote_has_component(const struct mtr_tariff_version *version, const struct quote_row *given);
/* The version of all phases that has such a component before any other, of one side; NULL: none has. */
const struct mtr_tariff_version *quote_first_version(const struct quote_phases *phases, enum quote_side side,
                                                     const struct quote_row *given);
/* Index of the component that takes it: that of its name and meter; either may be empty for any, if there is
 * but one then. */
int quote_find_component(const struct mtr_tariff_version *version, const struct quote_row *given,
                         uint32_t *out, struct mtr_diagnostics *findings) MTR_MUST_USE;
struct mtr_str quote_label_value(const struct quote_row *given, struct mtr_str name);

/* The row as one of the price function: sets component, input, dimensions and quantity; its times are the
 * caller's. */
int quote_usage_row(const struct mtr_tariff_version *version, const struct quote_row *given,
                    struct mtr_arena *arena, struct mtr_usage_row *row,
                    struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Where the dimensions of a row are looked for: what the components that take it are grouped by, and what the
 * meters tell apart that these price. */
struct quote_dimensions {
    struct quote_phases phases;
    const struct mtr_node *meters;     /* of the request; NULL: none */
    const struct mtr_catalog *catalog; /* NULL: none */
};

/* A name that is in none of these places would be left out of the price without a word: MTR_EINVALID, with a
 * finding that has the nearest one. `field` is the path that leads to them. A row that no component takes is
 * told elsewhere. */
int quote_check_dimensions(const struct quote_dimensions *known, const struct quote_row *given,
                           const char *field, struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
