/*
 * The parts of the price function, between its sources. Private to rater.
 *
 * A line goes through the line parts (free units, curve, rounding), a component's lines together through the component parts (cap,
 * minimum), the whole through the total. A new part is a function and a row in its table; a new curve is a row in price_curve.c.
 */
#ifndef METERD_RATER_PRICE_PARTS_H
#define METERD_RATER_PRICE_PARTS_H

#include "meterd/rater/price.h"

struct mtr_pricer {
    const struct mtr_price_input *input;
    struct mtr_arena *arena;
    bool with_trace;
    uint32_t line_capacity, step_capacity;
    struct mtr_price price; /* being built */
};

/* A line on its way: its index will be price.line_count. */
struct mtr_line_work {
    const struct mtr_component *component;
    struct mtr_quantity billed; /* what the curve prices */
    bool due;                   /* false: no line comes of it */
    struct mtr_price_line line;
};

int mtr_price_curve(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;
/* quantity × unit + flat of one tier, added to the line and traced under the curve's name. */
int mtr_price_add_tier(struct mtr_pricer *pricer, struct mtr_line_work *work, uint32_t tier_index, struct mtr_quantity quantity,
                       bool with_flat) MTR_MUST_USE;
int mtr_price_recurring(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;

/* Rounds line->exact into line->amount: by the tariff where it rounds lines, else to 10^-18. */
int mtr_price_round_line(struct mtr_pricer *pricer, struct mtr_price_line *line) MTR_MUST_USE;
/* The same for a share of a fee, with what earlier parts of the period left over; line->exact stays the share. */
int mtr_price_round_share(struct mtr_pricer *pricer, struct mtr_price_line *line) MTR_MUST_USE;
int mtr_price_add_line(struct mtr_pricer *pricer, const struct mtr_price_line *line) MTR_MUST_USE;

/* first_line: index of the component's first line; its lines go on to the end. */
int mtr_price_cap(struct mtr_pricer *pricer, const struct mtr_component *component, uint32_t first_line) MTR_MUST_USE;
int mtr_price_minimum(struct mtr_pricer *pricer, const struct mtr_component *component, uint32_t first_line) MTR_MUST_USE;
int mtr_price_tariff_minimum(struct mtr_pricer *pricer) MTR_MUST_USE;
int mtr_price_total(struct mtr_pricer *pricer) MTR_MUST_USE;

/* The index of the line being worked on, for the trace. */
uint32_t mtr_price_next_line(const struct mtr_pricer *pricer);
/* Adds a step; texts are copied. Callers ask with_trace first, so that nothing is formatted in vain. */
int mtr_price_trace(struct mtr_pricer *pricer, uint32_t line, const char *part, const char *input, const char *output) MTR_MUST_USE;

#endif
