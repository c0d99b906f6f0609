/*
 * A price on its way, and what the sources of the price function, the curves and the parts share. Private to
 * lib/tariff.
 *
 * A line goes through the parts of its slices and its own, then it is rounded; a component's lines together
 * through the parts of a component; all lines through those of the tariff (part/table.h).
 */
#ifndef METERD_LIB_TARIFF_PRICE_PRICER_H
#define METERD_LIB_TARIFF_PRICE_PRICER_H

#include "meterd/tariff/price.h"

/* [from, to) of a price's lines. */
struct mtr_price_range {
    uint32_t from, to;
};

/* How amounts in the currency that is charged are rounded. */
struct mtr_price_rounding {
    enum mtr_rounding mode;
    struct mtr_money step; /* to whole multiples of it; 0: to digits */
    unsigned digits;
};
int price_round(const struct mtr_price_rounding *rounding, struct mtr_exact exact,
                struct mtr_money *out) MTR_MUST_USE;
enum { PRICE_ROUNDING_TEXT_BYTES = MTR_DECIMAL_TEXT_BYTES + 32 };
/* "round half_even to 2 digits", "round half_even to steps of 0.05". */
void price_rounding_format(const struct mtr_price_rounding *rounding, char text[PRICE_ROUNDING_TEXT_BYTES]);

/* A pool while a part is priced. */
struct mtr_price_pool_state {
    const struct mtr_price_pool *pool;
    struct mtr_quantity left;      /* of units: what the parts and lines before have left */
    struct mtr_quantity drawn;     /* of units: in this part so far */
    bool gives;                    /* to the line being priced; these are of it: */
    struct mtr_quantity before;    /* what it drew in earlier parts */
    struct mtr_quantity own;       /* what it draws in this part; negative: given back */
    struct mtr_quantity line_left; /* what its slices have still to use */
};

struct mtr_pricer {
    const struct mtr_price_input *input;
    struct mtr_arena *arena;
    bool with_trace;
    struct mtr_price_rounding rounding; /* of lines, or of the total */
    uint32_t line_capacity, step_capacity;
    const struct mtr_component *component; /* whose lines are being made; NULL: the whole tariff's */
    const struct mtr_price_line *converted; /* into what is charged, at this moment; NULL: none is */
    const struct mtr_usage_row *const *line_rows; /* of the line being made */
    uint32_t line_row_count;
    struct mtr_price_pool_state *pools;    /* in the order in which they are drawn */
    uint32_t pool_count, draw_capacity;
    struct mtr_str drawn_by;       /* the component whose draws in each earlier part these are: */
    struct mtr_price_range *drawn;
    struct mtr_price price;         /* being built */
    struct mtr_price_range *ranges; /* of the component at hand, in the lines of each earlier part */
};


/* What the curve applies to by itself: an event, an hour, …; most lines have one. */
struct mtr_price_slice {
    int64_t time_us, until_us;
    struct mtr_quantity quantity; /* all of it */
    struct mtr_quantity earlier;  /* what of it lies before this part */
    bool is_earlier;              /* something of it lies there */
};

/* What a line used of each meter of a component that has several; whole lines only (scope period or term). */
struct mtr_price_inputs {
    struct mtr_quantity quantity[MTR_TARIFF_INPUTS_MAX]; /* by input: all of it */
    struct mtr_quantity earlier[MTR_TARIFF_INPUTS_MAX];  /* what of it lies before this part */
};

/* The free part of a percentage per event: what the events before have used of it. */
struct mtr_price_free_part {
    uint64_t events;
    struct mtr_quantity amount;
    bool over;
};

/* A line on its way: its index will be price.line_count. */
struct mtr_line_work {
    const struct mtr_component *component;
    const struct mtr_component *priced; /* the same, or the row of its matrix: whose curve prices the line */
    const struct mtr_usage_row *const *rows; /* of the line: by input, then time; none for a fee */
    uint32_t row_count;
    bool is_weighted;                               /* rows are; the line's quantity is what was measured */
    struct mtr_quantity measured, measured_earlier; /* own use, and that before this part */
    struct mtr_price_slice *slices;                 /* of input 0, by time */
    uint32_t slice_count;
    struct mtr_price_slice single; /* the slice of a line that has one */
    struct mtr_price_inputs *inputs; /* NULL where all rows are of input 0 */
    bool flat_was_due; /* the flat at zero use was due in an earlier part: use before this one, if it were
                          none, has it */
    bool of_earlier;               /* the earlier use is being priced: what is taken off again */
    struct mtr_quantity free_left; /* free units that the slices before have not used */
    struct mtr_price_free_part free_part;
    bool without_flats;            /* flats are left out: levels have theirs once */
    struct mtr_quantity billed;    /* what the curve prices: of the slice */
    bool due;                      /* false: no line comes of it */
    struct mtr_price_line line;    /* exact: of the slice while one is priced, then of the line */
};

/* Of a component with masks: rows in the hours that it counts, split and weighted as it says. */
int price_masks(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;
/* Whether the use that is being priced (all, or that before this part) makes a line by itself. */
bool price_makes_line(const struct mtr_line_work *work);
/* Sets work->due, and whether its flat at zero use was due before. */
void price_decide_due(struct mtr_pricer *pricer, struct mtr_line_work *work);
/* What a meter of the component adds up to, of the use that is being priced; whole lines only. */
struct mtr_quantity price_input_quantity(const struct mtr_line_work *work, uint32_t input);
/* Rows into slices and the line's quantity, as the component's scope has it. */
int price_slices(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;
/* The line's exact amount: its slices through their parts, then its own; less what earlier use costs. */
int price_use(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;
/* Slices of levels, each weighted by its share of the period, and the flats of what they entered. */
int price_levels(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;
/* The mean of the levels over the whole period: what the part's own ones bring to it, to 10^-12. */
int price_mean_level(const struct mtr_pricer *pricer, const struct mtr_line_work *work,
                     struct mtr_quantity *out) MTR_MUST_USE;
/* One slice through its parts; work->billed is set to its quantity before. */
int price_slice(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;

/* The same up to the pools: what would be billed of it had it none. */
int price_units_of_slice(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;
/* All free units are there again, for a pass over the line's slices. */
void price_refill_free_units(struct mtr_line_work *work);
/* The parts of a line: discount and markup; is there any? */
int price_adjust(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;
bool price_adjusts(const struct mtr_component *component);

/* Pools of units. open sorts all pools and takes off what earlier parts drew; choose decides what the line
 * draws of `units`, all that it would be billed in the period without pools, `before` of them in earlier
 * parts; refill begins a pass over its slices, which then take from them. */
int price_open_pools(struct mtr_pricer *pricer) MTR_MUST_USE;
int price_choose_draws(struct mtr_pricer *pricer, const struct mtr_line_work *work, struct mtr_quantity units,
                       struct mtr_quantity before) MTR_MUST_USE;
/* What lines of the component that are priced apart draw, before its own or behind them. */
int price_draw_of_others(struct mtr_pricer *pricer, const struct mtr_component *component,
                         const struct mtr_price_drawings *drawings, bool is_behind) MTR_MUST_USE;
/* Does any pool give to it? Sets `gives`. */
bool price_pools_give(struct mtr_pricer *pricer, const struct mtr_component *component);
int price_refill_draws(struct mtr_pricer *pricer, const struct mtr_line_work *work) MTR_MUST_USE;
bool price_pool_covers(const struct mtr_price_pool *pool, struct mtr_str component);
/* Adds nothing where it is 0. */
int price_add_draw(struct mtr_pricer *pricer, const struct mtr_price_draw *draw) MTR_MUST_USE;

/* What curves are made of. quantity × unit + flat of one row of the curve, added to the line and traced under
 * the curve's name. */
struct mtr_price_product {
    uint32_t row, row_count; /* of several, its row is named in the trace */
    struct mtr_quantity quantity;
    struct mtr_money unit, flat;
};
int price_add_product(struct mtr_pricer *pricer, struct mtr_line_work *work,
                      const struct mtr_price_product *product) MTR_MUST_USE;
/* Borders: a curve adds its own, ascending, in what is billed; they become quantities of the meter. */
struct tariff_borders;
void price_add_border(struct tariff_borders *borders, struct mtr_quantity billed);
/* How many blocks the quantity is, traced. */
int price_blocks_of(struct mtr_pricer *pricer, const char *part, struct mtr_quantity quantity,
                    struct mtr_quantity size, enum mtr_rounding rounding,
                    struct mtr_quantity *out) MTR_MUST_USE;

/* Days since 1970-01-01 of the zone's calendar. */
int64_t price_local_day(const struct mtr_zone *zone, int64_t time_us);
/* [from, to) of the whole period, in days or seconds from its start; all of it without proration. */
struct mtr_price_share {
    int64_t from, to, whole;
};
struct mtr_price_share price_share_of(const struct mtr_price_input *input, enum mtr_prorate prorate,
                                      int64_t from_us, int64_t to_us);
int price_share_amount(struct mtr_money amount, struct mtr_price_share share,
                       struct mtr_exact *out) MTR_MUST_USE;
/* An amount times the share in which the subscription runs; with a trace as text, too ("100 × 15 ÷ 31"),
 * else that is empty. */
enum { MTR_PRICE_SHARE_TEXT_BYTES = MTR_DECIMAL_TEXT_BYTES + 64 };
int price_prorate(const struct mtr_pricer *pricer, enum mtr_prorate prorate, struct mtr_money amount,
                  struct mtr_exact *out, char text[MTR_PRICE_SHARE_TEXT_BYTES]) MTR_MUST_USE;

/* By the tariff, and the currency that is charged. */
struct mtr_price_rounding price_rounding_of(const struct mtr_price_input *input);
/* Rounds line->exact into line->amount: by the tariff where it rounds lines, else to 10^-18. With what was
 * left over of its like in earlier parts of the period; line->exact stays what it is. */
int price_round_line(struct mtr_pricer *pricer, struct mtr_price_line *line) MTR_MUST_USE;
int price_add_line(struct mtr_pricer *pricer, const struct mtr_price_line *line) MTR_MUST_USE;
/* A sum of lines that are priced apart; adds nothing where there are none. */
int price_add_rest(struct mtr_pricer *pricer, const struct mtr_price_line *rest) MTR_MUST_USE;

/* The line like this one (component, kind, dimensions) among those lines, which are of one component; NULL:
 * there is none. */
const struct mtr_price_line *price_find_like(const struct mtr_price *price, struct mtr_price_range range,
                                             const struct mtr_price_line *line);
/* The same in that earlier part. */
const struct mtr_price_line *price_earlier_like(struct mtr_pricer *pricer, uint32_t part,
                                                const struct mtr_price_line *line);
/* From what prices are in to what is charged, of this part. */
struct mtr_price_ratio price_ratio_of(const struct mtr_price_input *input);
int price_convert(const struct mtr_price_ratio *ratio, struct mtr_exact amount,
                  struct mtr_exact *out) MTR_MUST_USE;

/* What is charged of amounts one behind the other: those of one ratio are converted as one sum, so that it
 * does not matter in how many lines and parts they came. */
struct price_charging {
    struct mtr_price_ratio ratio;
    struct mtr_exact amount;  /* of the ratio, not converted yet */
    struct mtr_exact charged; /* of those before */
};
struct price_charging price_begin_charging(const struct mtr_price_ratio *ratio);
int price_charge(struct price_charging *charging, const struct mtr_price_ratio *ratio,
                 struct mtr_exact amount) MTR_MUST_USE;
/* All of it so far; it may go on. */
int price_end_charging(const struct price_charging *charging, struct mtr_exact *charged) MTR_MUST_USE;
/* What all lines of all parts up to this one are charged with, before it is rounded. */
int price_sum_charged(const struct mtr_pricer *pricer, struct mtr_exact *charged) MTR_MUST_USE;
/* Are prices in another unit or currency than what is charged? */
static inline bool price_converts(const struct mtr_pricer *pricer)
{
    return pricer->input->exchange || pricer->input->version->pricing.name.size;
}
/* Where lines are not rounded before caps and minimums measure them: the total is, or the amount in the
 * currency that is charged. */
static inline bool price_keeps_exact(const struct mtr_pricer *pricer)
{
    return pricer->input->tariff->round_total || price_converts(pricer);
}

/* Which cuts are off already. */
enum mtr_price_cut { MTR_PRICE_BEFORE_CAP, MTR_PRICE_BEFORE_TARIFF_CAP, MTR_PRICE_AFTER_CAPS };

/* Lines that an amount is measured by: those from first_line on and their like in earlier parts of the
 * period. */
struct mtr_price_measured {
    uint32_t first_line;
    bool of_tariff;     /* all lines; else those of the component `key` */
    bool of_account;    /* with of_tariff: and what the customer's subscriptions before this one come to */
    struct mtr_str key; /* of the lines that the part adds */
    enum mtr_price_cut cut;
    const char *except_kind; /* lines of `key` of this kind do not count; NULL: all count */
};
/* What the line counts for at that cut; whether it counts at all; what those of a price come to. */
int price_line_value(const struct mtr_pricer *pricer, const struct mtr_price_line *line,
                     enum mtr_price_cut cut, struct mtr_exact *out) MTR_MUST_USE;
bool price_line_counts(const struct mtr_price_line *line, const struct mtr_price_measured *scope);
int price_sum_lines(const struct mtr_pricer *pricer, const struct mtr_price *price, uint32_t first_line,
                    const struct mtr_price_measured *scope, struct mtr_exact *sum) MTR_MUST_USE;
/* Those of this part of the period and of the parts before it. */
int price_sum(const struct mtr_pricer *pricer, const struct mtr_price_measured *scope,
              struct mtr_exact *out) MTR_MUST_USE;
/* A line of quantity 1 that a limit adds, with the step "<kind> <text>": what it was measured by → amount. */
struct mtr_price_due {
    struct mtr_str key, dimensions; /* of the line */
    uint32_t minimum_of; /* mtr_price_line.minimum_of */
    const char *kind, *text;
    struct mtr_exact measured, amount;
};
/* Rounds and adds it. */
int price_add_due(struct mtr_pricer *pricer, const struct mtr_price_due *due) MTR_MUST_USE;

/* The step "<part> <limit>": input → output; nothing without a trace. */
int price_trace_limit(struct mtr_pricer *pricer, uint32_t line, const char *part, const char *limit,
                      struct mtr_exact input, struct mtr_exact output) MTR_MUST_USE;

/* Of a price that is out of range: the last step of its line at hand, kept by price_keep_step of a pricing
 * with a trace, and the sentence that names the number, in the pricer's arena. */
struct mtr_price_last_step {
    uint32_t line;
    char text[448]; /* ", per_unit 12 × 0.5"; empty: there was none */
};
int price_keep_step(void *last_step, const struct mtr_price_step *step);
int price_explain_range(const struct mtr_pricer *failed, const struct mtr_price_last_step *last,
                        struct mtr_str *out) MTR_MUST_USE;

/* The index of the line being worked on, for the trace. */
uint32_t price_next_line(const struct mtr_pricer *pricer);
/* The step from units of the pricing currency to money. */
int price_trace_units(struct mtr_pricer *pricer, uint32_t line, struct mtr_exact units,
                      struct mtr_exact money) MTR_MUST_USE;
/* Adds a step; texts are copied. Callers ask with_trace first, so that nothing is formatted in vain. */
int price_trace(struct mtr_pricer *pricer, uint32_t line, const char *part, const char *input,
                const char *output) MTR_MUST_USE;
/* The same of two amounts; nothing without a trace. */
int price_trace_exact(struct mtr_pricer *pricer, uint32_t line, const char *part, struct mtr_exact input,
                      struct mtr_exact output) MTR_MUST_USE;

#endif
