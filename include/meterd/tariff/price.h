/*
 * The price function: usage and a tariff in, lines of money and their trace out. Pure: no store, no clock, no
 * global state; the same inputs give the same bytes. Everything is exact until the tariff's rounding;
 * divisions (shares, percents, prices per several units) are made last and once, to 10^-30, ties to even.
 *
 * Order of parts within a component: convert → free units → curve → bounds of each → discount, markup →
 * round → line minimum → overage → cap → minimum → true-up (docs/pricing.md). Up to the bounds it is each
 * slice of a line's use (its `scope`), up to the minimum it is the line, and then the component's lines
 * together. Where lines are rounded, cap and minimum measure rounded lines, so that a bill meets them to the
 * cent. Prices that are exchanged are rounded in the currency that is charged, behind all of that; limits
 * then measure exact amounts.
 *
 * The price of a part of a period is P(earlier use and its own) − P(earlier use), with P the parts from
 * convert to markup under the part's version. So parts with equal versions add up to the whole period's
 * price, whatever the curve.
 *
 * Negative use (after corrections): per_unit and package prices are symmetric, price(-q) = -price(q); tiers
 * price it at the first tier's unit price; blocks and increments in those of the first row; free units do not
 * apply.
 */
#ifndef METERD_TARIFF_PRICE_H
#define METERD_TARIFF_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/tariff/rates.h"
#include "meterd/tariff/tariff.h"
#include "meterd/core/arena.h"
#include "meterd/core/decimal.h"
#include "meterd/core/period.h"
#include "meterd/core/shape.h"

/* Use of one component: an event, an hour, a day or all of the part, as the component's scope wants it
 * (finer rows of one slice add up). Rows before the part (`earlier`: of this period, or with scope term of
 * the subscription) give the position in tiers, free units and roundings that the part goes on from; a
 * version with `reset` is given none. A meter whose values do not add up (max, last …) has its value at
 * the part's start as an earlier row, and as own row what the part changes in it. */
struct mtr_usage_row {
    uint32_t component;        /* index in the version's components */
    uint32_t input; /* which meter, of a component with several; 0 is the one whose quantity is billed */
    struct mtr_str dimensions; /* "region=eu,sku=x": names and values of group_by; empty without */
    int64_t time_us;           /* when it was used; not looked at with scope period */
    int64_t until_us;          /* scope level: it held in [time, until) */
    struct mtr_quantity quantity;
    bool earlier;              /* before the part: not billed here */
};

/* Prices in the tariff's currency, charged in another (meterd/tariff/rates.h). */
struct mtr_price_exchange {
    enum mtr_exchange_at rule;         /* that chose the day */
    struct mtr_rate_question question; /* what was asked for: source, currencies, day */
    bool known;                        /* false: a price with a line in it is MTR_EMISSING */
    struct mtr_exchange_rate rate;
    unsigned digits;                   /* that amounts are rounded to */
};

/* What a line can draw on before it costs anything: the grant of an allowance, or a prepaid credit, with
 * its balance at the period's start. Pools are drawn by priority, then the earliest expiry, then the key.
 * Of units: before the curve, by components in their order. Of money: after the tariff's minimum. The
 * draws of all parts are together those of the whole period: what a later part takes back of use goes
 * back. */
struct mtr_price_pool {
    struct mtr_str key;
    struct mtr_str grant; /* "grant=2026-01-01", "credit=2026-03-01": the dimensions of its lines */
    bool of_money;
    const struct mtr_str *components;  /* keys; none: all */
    uint32_t component_count;
    struct mtr_str meter;              /* of units: of components with this meter only; empty: any */
    uint32_t priority;                 /* the lowest first */
    int64_t expires_us;                 /* INT64_MAX: never */
    struct mtr_quantity quantity;      /* balance, 0 or more, in units as components price them */
    struct mtr_money amount;           /* balance, 0 or more, in what the tariff is priced in */
};

/* What one part of a period drew: of units by one line, of money by all lines together. Negative: given
 * back. */
struct mtr_price_draw {
    struct mtr_str key, grant; /* of the pool */
    bool of_money;
    struct mtr_str component, dimensions; /* of the line */
    struct mtr_quantity quantity;
    struct mtr_money amount;
};

/* The term of several billing periods that a part lies in, where its version has limits of one. */
struct mtr_price_term {
    struct mtr_period whole;
    int64_t runs_from_us; /* what of it the subscription runs through: what its amounts prorate by */
    int64_t runs_to_us;
    struct mtr_money before; /* what the parts before this one came to in it: their term_sum */
    bool ends;               /* with this part */
};

struct mtr_price_step;
struct mtr_price_rest;

struct mtr_price_input {
    const struct mtr_tariff_document *tariff;
    const struct mtr_tariff_version *version;
    struct mtr_period period;       /* the whole billing period, for proration */
    /* Part of the period in which the subscription runs under this version, [from, to). */
    int64_t active_from_us;
    int64_t active_to_us;
    int64_t runs_from_us; /* part of the period in which it runs at all, over all versions: what minimums and
                            commitments prorate by */
    int64_t runs_to_us;
    bool closing;           /* the period is over: minimums and fees in arrears apply */
    bool continues_earlier; /* another version priced this period before: an unprorated fee in advance was due
                               there */
    bool continued_later;   /* another version prices it afterwards: minimums and an unprorated fee in arrears
                               are due there */
    /* Prices of the earlier parts of this period: caps and minimums count their lines too, and what their
     * rounding left over is carried on, so that shares of a fee add up to the fee, and totals to the
     * rounded sum of all parts. */
    const struct mtr_price *const *earlier;
    uint32_t earlier_count;
    /* The customer's other subscriptions of the tariff: what those before this one come to in the same
     * billing period; and is there one after it? Account limits are of all together, and the last one has
     * their minimum. */
    struct mtr_money account_before;
    bool account_continues;
    const struct mtr_price_term *term; /* NULL: the version has no limits of a term */
    const struct mtr_zone *zone;               /* for proration by day */
    const struct mtr_price_exchange *exchange; /* NULL: charged in the tariff's currency */
    const struct mtr_usage_row *usage;
    uint32_t usage_count;
    /* Where lines are priced range by range: those without dimensions were priced with other ones, and
     * `rest` are sums of the lines that are priced apart, by component: they count wherever lines are added
     * up, and stand in the result. NULL: there are no others. rest_charged: what a rounded total counts them
     * with; NULL: their sums. */
    bool only_of_usage;
    const struct mtr_price_rest *rest;
    const struct mtr_money *rest_charged;
    const struct mtr_price_pool *pools; /* a pool that an earlier part had is still there */
    uint32_t pool_count;
    /* With a trace: takes each step as it happens, in place of the result, so that a long trace stands
     * nowhere. Its texts are borrowed during the call; an error ends the pricing. NULL: the result keeps
     * them. */
    int (*on_step)(void *context, const struct mtr_price_step *step);
    void *step_context;
};

struct mtr_price_line {
    struct mtr_str component; /* key; those of the whole tariff: "tariff.minimum", "tariff.commitment",
                                 "account.minimum", "tariff.term.commitment" … */
    struct mtr_str dimensions;
    struct mtr_str kind; /* usage | draw | recurring | overage | cap | minimum | commitment | credit */
    struct mtr_quantity quantity;   /* of the meter, in this part: before conversion and free units */
    struct mtr_money amount;        /* rounded by the tariff when it rounds lines, else to 10^-18 */
    struct mtr_exact exact;         /* before rounding, after caps; in what the tariff is priced in */
    uint32_t minimum_of;            /* a line's minimum: of a line of this part, 0, or of one that only
                                       earlier parts have, 1 + the first of them */
    bool is_rest;                   /* a sum of lines that are priced apart */
    bool is_cut;                    /* a cap changed it; a rest: one may have */
    struct mtr_exact cut; /* what the component's cap took off (negative: gave back); it counts in later parts
                             of the period */
    struct mtr_exact tariff_cut;    /* what the tariff's cap took off then */
    bool has_cost;
    /* of the seller, for the same use; laid beside the price by who asks for both */
    struct mtr_money cost;
    bool has_unit_price;            /* one price applied to the whole billed quantity */
    struct mtr_money unit_price;
    struct mtr_str tax_code; /* of its component; empty without one, and on lines of the whole tariff */
};

/* What lines do to the pools of units that give to their component. In the order in which pools are drawn,
 * the first k + 1 of them hold S together before the lines, and max(S − pools[k].asked, pools[k].least)
 * behind. That is so of a line that draws, of one that gives back, and of any lines one behind the other. */
struct mtr_price_drawing {
    struct mtr_quantity asked, least;
};
struct mtr_price_drawings {
    struct mtr_price_drawing *pools;
    uint32_t count; /* 0: nothing is drawn */
};
/* Those and then the ones of `behind`, which are of the same pools: there is room for them. MTR_EOVERFLOW. */
int mtr_price_join_drawings(struct mtr_price_drawings *drawings,
                            const struct mtr_price_drawings *behind) MTR_MUST_USE;

/* Sums of a component's lines that are priced apart: of those above zero and of those below, since a cap
 * takes of the ones and gives back to the others; and of their minimums by mtr_price_line.minimum_of, which
 * stand behind the lines and are above zero. Lines of kind "" are none. */
enum { MTR_PRICE_ABOVE, MTR_PRICE_BELOW, MTR_PRICE_SIGNS };
struct mtr_price_others {
    struct mtr_price_line lines[MTR_PRICE_SIGNS];
    struct mtr_price_line *minimums; /* minimum_count */
    struct mtr_price_drawings drawings;
};
struct mtr_price_rest {
    struct mtr_price_others before, behind;
    uint32_t minimum_count; /* 1 + earlier parts where the part has them, else 0 */
};

/* One step of the computation of one line: "free_units", "tier 2 of 3", "cap" …, with its input and output
 * as exact text. */
struct mtr_price_step {
    uint32_t line; /* index of the line; UINT32_MAX: the total */
    struct mtr_str part;
    struct mtr_str input;
    struct mtr_str output;
};

/* What is charged of an amount that prices come to: × price × numerator ÷ denominator. */
struct mtr_price_ratio {
    struct mtr_money price; /* of a unit of the pricing currency; 1 without one */
    mtr_int128 numerator;   /* of the rate of exchange; 1 ÷ 1 without one */
    mtr_int128 denominator;
};

struct mtr_price {
    struct mtr_price_line *lines; /* in the order of components, then dimensions, then the minimum; a line of
                                     zero use is left out */
    uint32_t line_count;
    struct mtr_price_step *steps;
    uint32_t step_count;
    struct mtr_price_draw *draws; /* what the lines of kind draw and credit are the sums of */
    uint32_t draw_count;
    struct mtr_price_drawings *drawings; /* with pools, by component: what its own lines do to them */
    struct mtr_money term_sum; /* with limits of a term: of the lines before those, credits apart */
    struct mtr_price_ratio ratio;
    struct mtr_money total;   /* sum of the lines, or the rounded total (of all parts up to this one, less the
                                 earlier totals) */
    struct mtr_money residue; /* rounding place total: total − sum of the lines' amounts; zero otherwise. So
                                 lines + residue = total */
    bool has_cost;
    struct mtr_money cost;        /* total of the seller's cost */
    struct mtr_str problem;       /* with MTR_EOVERFLOW: which number is out of range, a sentence */
};

/* Usage rows may come in any order; rows of equal component and dimensions are added. All results are
 * allocated from the arena (borrowed until its reset). with_trace = false leaves steps empty and is the
 * fast path. Errors: MTR_EOVERFLOW (of *out only `problem` is written then), MTR_ENOMEM, MTR_EMISSING: there
 * are lines and no rate of exchange for them. */
int mtr_price(const struct mtr_price_input *input, bool with_trace, struct mtr_arena *arena,
              struct mtr_price *out) MTR_MUST_USE;

/* The component with the curve that a line of these dimensions has: itself, or the row of its matrix that
 * matches. */
const struct mtr_component *mtr_price_select(const struct mtr_component *component,
                                             struct mtr_str dimensions);

/* Quantities of the meter (of a capacity: the first) where the component's price changes its course:
 * bounds of tiers, steps, blocks and increments behind free units and conversion, ascending. A matrix has
 * those of its rows: select first. At most `count_max` are written; returns how many. For plots and
 * previews. */
uint32_t mtr_price_borders(const struct mtr_component *component, struct mtr_quantity *borders,
                           uint32_t count_max);

/* Asks the book for the rate that charges prices of the tariff in another currency; of_any_age for a
 * draft, whose day may lie ahead. */
void mtr_price_exchange_find(const struct mtr_tariff_document *tariff, struct mtr_str currency, int64_t day,
                             bool of_any_age, const struct mtr_rate_book *book,
                             struct mtr_price_exchange *out);

struct mtr_price_exchange_times {
    int64_t part_start_us; /* with usage_day parts are local days */
    int64_t period_end_us; /* where the billing period or, before it, the subscription ends */
    int64_t order_us;      /* the subscription's start */
};
/* The local day, counted from 1970-01-01, whose rate the rule wants. */
int64_t mtr_price_exchange_day(const struct mtr_exchange_rule *rule, const struct mtr_zone *zone,
                               struct mtr_price_exchange_times times);

/* What an amount of the pricing currency costs in the tariff's; itself where there is none. MTR_EOVERFLOW. */
int mtr_price_of_units(const struct mtr_pricing_currency *pricing, struct mtr_exact units,
                       struct mtr_exact *out) MTR_MUST_USE;

/* What a line is in the pricing currency, and what one of it costs. unit_price: of a unit of the meter, where
 * one price applies to all of the line; NULL: not told. */
extern const struct mtr_shape mtr_price_pricing_shape;
void mtr_price_write_pricing(const struct mtr_pricing_currency *pricing, struct mtr_exact amount,
                             const struct mtr_money *unit_price, struct mtr_json_writer *json);

/* How a line came into the currency that is charged, with its amount before that. */
extern const struct mtr_shape mtr_price_exchange_shape;
void mtr_price_write_exchange(const struct mtr_price_exchange *exchange, struct mtr_exact amount,
                              struct mtr_json_writer *json);

/* The documented JSON: {"total","residue","currency","tariff","version","lines":[…],"trace":[…]};
 * docs/pricing.md. The trace of a price that was made without one is made while it is written, by pricing
 * once more: for traces that are too long to be kept. The arena takes that, and is as it was afterwards; the
 * writer's error is MTR_ENOMEM where it has no room. The shape is that of parts, too. */
extern const struct mtr_shape mtr_price_shape;
void mtr_price_write_json(const struct mtr_price_input *input, const struct mtr_price *price, bool with_trace,
                          struct mtr_arena *arena, struct mtr_json_writer *json);
/* The same with a trace, of some of its lines: those for which `shows` says so, and the steps of these. */
typedef bool (*mtr_price_shows_line)(const void *context, const struct mtr_price_line *line);
void mtr_price_write_some_json(const struct mtr_price_input *input, const struct mtr_price *price,
                               mtr_price_shows_line shows, const void *context, struct mtr_arena *arena,
                               struct mtr_json_writer *json);

/* Consecutive parts as one answer of the same shape: sums, the lines of all parts, one trace over them.
 * Each line and step says `from` when its part begins;
 * "periods":[{"from","to","tariff","version","total","residue","currency"}] are the parts. Where these are of
 * several currencies there is no sum: "totals":[{"currency","total","residue"}] has one for each. Errors:
 * MTR_EOVERFLOW of a sum. */
struct mtr_priced_part {
    const struct mtr_price_input *input;
    const struct mtr_price *price;
    struct mtr_str currency; /* of its amounts */
    struct mtr_str from, to; /* RFC 3339 */
};
int mtr_price_write_parts_json(const struct mtr_priced_part *parts, uint32_t count, bool with_trace,
                               struct mtr_arena *arena, struct mtr_json_writer *json) MTR_MUST_USE;

#endif
