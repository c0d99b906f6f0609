/*
 * Tariffs as written: the checked model of a price document. What it costs is meterd/tariff/price.h.
 *
 *   key: compute
 *   currency: EUR                      # ISO 4217
 *   rounding: {mode: half_even, place: line}  # or `total`; to the digits of ISO 4217, unless it has `digits:`
 *                                             # or `step: "0.05"`
 *   versions:
 *     - from: 2026-01-01               # local midnight in the subscription's zone, or an RFC 3339 instant
 *       components:
 *         - key: vcpu
 *           meter: vcpu_hours
 *           graduated: [{up_to: 100, unit: "0.05"}, {up_to: 1000, unit: "0.04", flat: "2"}, {unit: "0.03"}]
 *           free_units: 10
 *           minimum: "5"               # only when the period closes; a line of its own
 *           cap: "1000"
 *         - {key: calls,   meter: api_calls, per_unit: "0.0000004"}
 *         - {key: storage, meter: gib, volume: [...], group_by: [region],       # a line for each region
 *            line_minimum: "1"}
 *         - {key: mail,    meter: mails,     package: {size: 1000, price: "1.50", rounding: up}}
 *         - {key: base,    recurring: {amount: "20", every: month, in: advance, prorate: second}}
 *         - {key: fees,    meter: paid, percentage: {rate: "2.9", fixed: "0.30"}}     # of an amount of money
 *         - {key: cards,   meter: card_payments, scope: event,
 *            percentage: {rate: "2.9", minimum: "0.10", maximum: "12", free_amount: 100}}
 *         - {key: market,  meter: cost, dynamic: {multiplier: "1.15"}}         # a price that the vendor made
 *         - {key: seats,   meter: seats, stairstep: [{up_to: 10, amount: "50"}, {amount: "90"}]}
 *         - {key: sms,     meter: sms,
 *            blocks: {tiers: [{size: 100, blocks: 5, price: "4"}, {size: 1000, price: "30"}]}}
 *         - {key: voice,   meter: seconds,
 *            increments: {connect: "0.05", steps: [{price: "0.10", per: 60, step: 60}]}}
 *         - {key: calls,   meter: call_seconds, scope: event, each: {maximum: "2"}, increments: …}
 *         - {key: cdn,     meter: bytes, per_unit: "0.08",
 *            convert: {divide: 1000000000, rounding: ceiling, digits: 0},
 *            discount: {percent: 10}, commitment: {amount: "500", overage: "1.2"}}
 *         - {key: vm,      meter: hours, group_by: [region],
 *            matrix: [{match: {region: [eu, us]}, per_unit: "1"}, {per_unit: "2"}]}
 *         - {key: plan,    capacity: [{up_to: {cpu: 2, memory: 4}, amount: "10"}, {amount: "100"}]}
 *         - {key: nights,  meter: kwh, when: night, per_unit: "0.10", tax_code: VAT19,
 *            markup: [{party: reseller, percent: 10}]}
 *       calendar: {night: {hours: "22:00-06:00"}, weekend: {days: [sat, sun]}}     # meterd/tariff/calendar.h
 *       minimum: "10"                  # of the whole tariff, as `cap` and `commitment` can be
 *       term: {every: year, commitment: {amount: "1200"}}  # the same over several billing periods
 *       allowances:                    # pools that each period fills again
 *         - {key: included, components: [vcpu], quantity: "100", rollover: 1}
 *       overrides:                     # prices of a customer's or a subscription's own; the rest stays
 *         - {customer: acme, components: [{key: calls, per_unit: "0.0000003"}]}
 *
 * Anywhere a price stands there may be one for each currency, {EUR: "0.05", USD: "0.06"}: the tariff is then
 * one for each.
 *
 * `pricing_currency: {name: CREDITS, price: "0.01"}` of a version: its prices are in credits, which cost 0.01
 * each. Who pays is charged in the tariff's currency.
 *
 * `exchange: {source: ecb, at: usage_day, max_age_days: 7}` lets subscriptions be charged in other currencies
 * (meterd/tariff/rates.h).
 *
 * A version that begins inside a billing period goes on at the tiers' and free units' position, unless it
 * says `reset: true`. `scope` of a component (period, event, hour, day, term, level) says what its curve
 * applies to before the amounts are added.
 *
 * `service: compute`: it prices meters of that service, named short, and its key is unique there only;
 * without one it is of the service of its meters.
 *
 * `retired: 2027-01-01`: no subscription that starts from then on may name it; those before keep it.
 *
 * Tiers: a bound `up_to` belongs to the tier, a bound `below` to the tier above; the last has none; `flat` is
 * due once per entered tier; `flat_at_zero` (default no) makes the first tier's flat due at zero use. Order
 * of parts: convert → free units → allowances → curve → bounds of each → discount → markup → round → line
 * minimum → overage → cap → minimum → true-up.
 * docs/pricing.md is the guide with worked examples.
 */
#ifndef METERD_TARIFF_TARIFF_H
#define METERD_TARIFF_TARIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/tariff/calendar.h"
#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/document.h"
#include "meterd/core/arena.h"
#include "meterd/core/period.h"
#include "meterd/core/schema.h"

/* Lengths of the lists of one document. */
enum { MTR_TARIFF_VERSIONS_MAX = 1000, MTR_TARIFF_COMPONENTS_MAX = 1000, MTR_TARIFF_TIERS_MAX = 1000 };
enum { MTR_TARIFF_ALLOWANCES_MAX = 64, MTR_ALLOWANCE_ROLLOVER_MAX = 24, MTR_POOL_PRIORITY_MAX = 1000 };
/* Meters of one component, rows of a matrix, values of one match, and parties of a price chain. */
enum {
    MTR_TARIFF_INPUTS_MAX = 8,
    MTR_TARIFF_MATRIX_MAX = 1000,
    MTR_TARIFF_MATCH_VALUES_MAX = 1000,
    MTR_TARIFF_MARKUPS_MAX = 16
};
/* And of its variants. Every override has all components of its version, in every currency: together they
 * are bounded too. */
enum {
    MTR_TARIFF_CURRENCIES_MAX = 32,
    MTR_TARIFF_OVERRIDES_MAX = 10000,
    MTR_TARIFF_OVERRIDDEN_COMPONENTS_MAX = 100000
};

enum mtr_prorate { MTR_PRORATE_NONE, MTR_PRORATE_DAY, MTR_PRORATE_SECOND };

/* Use U under commitment C: C + (U − C) × overage above it; below it C with true_up, when the period
 * closes. */
struct mtr_commitment {
    bool given;
    bool true_up;
    struct mtr_money amount;
    struct mtr_quantity overage; /* a factor; 1: no more than list price */
    enum mtr_prorate prorate;    /* share of C in a period that the subscription runs through in part */
};

/* What of a line's use the curve applies to by itself, before the amounts are added. */
enum mtr_curve_scope {
    MTR_CURVE_SCOPE_PERIOD, /* all of it */
    MTR_CURVE_SCOPE_EVENT,
    MTR_CURVE_SCOPE_HOUR,   /* local hours */
    MTR_CURVE_SCOPE_DAY,    /* local days */
    MTR_CURVE_SCOPE_TERM,   /* all of it, behind everything since the subscription's start */
    MTR_CURVE_SCOPE_LEVEL   /* each level of a time-weighted meter, by the share of the period that it held */
};
const char *mtr_curve_scope_name(enum mtr_curve_scope scope); /* "period" … "level", as `scope:` is written */

/* Prices in one currency for subscriptions in another: by which day's rate, of whom, and how old it may be
 * (meterd/tariff/rates.h). */
enum mtr_exchange_at {
    MTR_EXCHANGE_AT_PERIOD_END, /* the last local day of the billing period */
    MTR_EXCHANGE_AT_USAGE_DAY,  /* each local day at its own rate */
    MTR_EXCHANGE_AT_CHARGE_DAY, /* the local day in which the period ends: the first after it when it ends at
                                   midnight */
    MTR_EXCHANGE_AT_ORDER       /* the local day of the subscription's start */
};
const char *mtr_exchange_at_name(enum mtr_exchange_at at); /* period_end usage_day charge_day order */

struct mtr_exchange_rule {
    bool given;
    struct mtr_str source;
    enum mtr_exchange_at at;
    int64_t max_age_days;
};

/* Use in the hours of a mask counts this many times. */
struct mtr_weight {
    uint32_t mask; /* index in the version's calendar */
    struct mtr_quantity factor;
};

/* What a quantity costs. Private to lib/tariff (curve/curve.h): a file and a row for each kind. */
struct tariff_curve;
/* "per_unit", "graduated", … in the order of the language; NULL behind the last. */
const char *mtr_curve_name_at(unsigned index);

struct mtr_component {
    struct mtr_str key;   /* unique in its version */
    struct mtr_str meter; /* meter key; empty for a fee */
    const struct tariff_curve *curve;
    void *curve_data;     /* tiers, steps, rates: the curve's own, in the tariff's arena */
    enum mtr_curve_scope scope;
    bool flat_at_zero;
    bool across_customer;   /* its tiers and free units are of all the customer's subscriptions of the tariff
                               together */
    struct mtr_str *inputs; /* meters in the order of mtr_usage_row.input; inputs[0] is `meter`; none for a
                               fee */
    uint32_t input_count;
    bool has_side_input; /* input 1 is no use: it chooses the tier (`tier_by`), or counts units (`units` of
                            dynamic) */
    bool has_when, when_not; /* only use in hours in which that mask holds, or does not, counts */
    uint32_t when;           /* index in the version's calendar */
    struct mtr_weight *weights; /* the first whose mask holds multiplies the quantity; none: 1 */
    uint32_t weight_count;
    void **parts; /* convert, free units, markup, cap, …: what each has of it, its own; NULL: not written */
    bool has_parts; /* one of them is: most components have none */
    struct mtr_str tax_code; /* for whoever makes invoices; may be empty */
    struct mtr_str unit;     /* of the meter, or what `convert` makes of it; may be empty */
    struct mtr_str *group_by; /* subset of the meter's dimensions: one line per value combination */
    uint32_t group_by_count;
    uint32_t line, column; /* in the document, for findings */
};

/* A pool that each billing period is granted anew: of units (in those that the components price: after
 * conversion) or of money. */
struct mtr_allowance {
    struct mtr_str key;          /* unique in its version, and no component's */
    struct mtr_str *components;  /* keys; of money none means all lines */
    uint32_t component_count;
    bool of_money;
    struct mtr_quantity quantity; /* > 0; of units */
    struct mtr_money amount;      /* > 0; of money, in what the tariff is priced in */
    uint32_t rollover;            /* further billing periods in which what is left of a grant can be drawn */
    uint32_t priority;            /* the lowest is drawn first */
};

/* Whether the component's quantities must be told apart by local hour. */
static inline bool mtr_component_has_masks(const struct mtr_component *component)
{
    return component->has_when || component->weight_count > 0;
}

/* The key of its curve. */
const char *mtr_component_curve_name(const struct mtr_component *component);

/* Is that part of it written: "convert", "free_units", "cap", …? */
bool mtr_component_has(const struct mtr_component *component, const char *key);

struct mtr_tariff_document;
struct mtr_tariff_version;
/* How lines of a version depend on one another: those of components with group_by, each of which is else
 * priced by itself. Sums of the others tell what they come to (price.h: rest). Pools and exchange are not
 * looked at. */
struct mtr_tariff_coupling {
    bool cuts;       /* caps: a line is cut by the sums of the lines before it and behind it */
    bool draws;      /* pools of units: a line draws what the lines before it left */
    bool adds_up;    /* something is made of what the lines come to together: a minimum, a rounded total … */
};
struct mtr_tariff_coupling mtr_tariff_couples(const struct mtr_tariff_document *tariff,
                                              const struct mtr_tariff_version *version);

/* Is it due without use? Then it has no meter, and no row of use is of it. */
bool mtr_component_is_fee(const struct mtr_component *component);
/* The billing period that a fee is meant for; false where it is due once per billing period, whatever that
 * is, and for all that is no fee. */
bool mtr_component_fee_period(const struct mtr_component *component, enum mtr_period_unit *out);

/* Has it units of a period of its own, which a pool can give? Fees, shares of money, capacities, levels,
 * contract terms and use across a customer have none. */
bool mtr_component_has_units(const struct mtr_component *component);

/* Of all the customer's subscriptions of the tariff together, in the same billing period. */
struct mtr_account_limits {
    bool has_minimum, has_cap;
    struct mtr_money minimum, cap;
};

/* Over a term of several billing periods: of all that the tariff comes to in it, the limits of the periods
 * included. */
struct mtr_term_limits {
    bool given;
    struct mtr_period_length length; /* longer than the billing period of those who have it */
    bool by_calendar; /* else it is counted from the day on which the subscription starts */
    struct mtr_str *components; /* keys of those whose lines count; none: all lines */
    uint32_t component_count;
    bool has_minimum, has_cap;
    struct mtr_money minimum, cap;
    enum mtr_prorate minimum_prorate;
    struct mtr_commitment commitment;
};

/* A unit of the seller's own that prices are in (credits, tokens, points), and what one costs; FOCUS calls it
 * the pricing currency. All amounts of the version are in it. */
struct mtr_pricing_currency {
    struct mtr_str name;    /* empty: prices are in the tariff's currency */
    struct mtr_money price; /* of 1, in the tariff's currency; > 0 */
};

struct mtr_tariff_version {
    struct mtr_str from; /* as written */
    bool from_is_date;   /* then from_days counts in the subscription's zone */
    int64_t from_days;
    int64_t from_us;     /* when an instant was written */
    bool reset; /* tiers and free units begin anew with it; else they go on from where the period's earlier
                   parts were */
    struct mtr_component *components;
    uint32_t component_count;
    struct mtr_calendar calendar;
    struct mtr_pricing_currency pricing;
    struct mtr_account_limits account;
    bool has_minimum, has_cap; /* these and the commitment are of the whole tariff */
    struct mtr_money minimum, cap;
    enum mtr_prorate minimum_prorate;
    struct mtr_commitment commitment;
    struct mtr_term_limits term;
    struct mtr_allowance *allowances;
    uint32_t allowance_count;
    /* XXH3-128 of the canonical JSON of what is in force: names it in traces and charge keys. */
    uint64_t hash_high, hash_low;
    /* Those of subscriptions by key, then those of customers by key; none within another. */
    struct mtr_tariff_override *overrides;
    uint32_t override_count;
};

/* The whole version as it is for one subscription, or for the subscriptions of one customer. */
struct mtr_tariff_override {
    struct mtr_str subscription, customer; /* one of them is empty */
    struct mtr_tariff_version version;
};

/* What is charged in that currency is rounded to whole multiples of it. */
struct mtr_rounding_step {
    struct mtr_str currency;
    struct mtr_money step; /* > 0 */
};

struct mtr_tariff_document {
    uint32_t number; /* catalog number; 0 when not from a catalog */
    struct mtr_str key;
    struct mtr_str name;
    struct mtr_str service; /* key; empty: it may be of any service that has its meters */
    struct mtr_str currency;
    struct mtr_str pricing_currency; /* the name that all versions have; empty: none */
    struct mtr_str retired; /* as written: which subscriptions may name it is the catalog's check */
    enum mtr_rounding rounding;
    unsigned rounding_digits;
    bool rounding_digits_given; /* else those of the currency that is charged */
    struct mtr_rounding_step *rounding_steps; /* instead of digits; one for a currency, few have any */
    uint32_t rounding_step_count;
    bool round_total;           /* place: total; else each line */
    struct mtr_exchange_rule exchange;
    struct mtr_tariff_version *versions; /* ascending by from */
    /* A version looks at all the customer's subscriptions of the tariff: at their use (`across:
     * customer`), at what they come to (`account`). */
    bool across_customer, has_account;
    bool has_term; /* a version has limits of a term */
    uint32_t version_count;
    struct mtr_tariff_document *currencies; /* of a tariff with prices per currency: all of it in each, its
                                               own first; none within another */
    uint32_t currency_count;
};

/* What a tariff document may hold, as rows: for readers of files that hold one, references, JSON Schemas. */
extern const struct mtr_field mtr_tariff_fields[];

/* Reads and checks one tariff document; everything is allocated from the arena. Lints too: gaps and
 * overlaps, unreachable tiers, a volume cliff (warning with the quantities between which more use costs
 * less), unknown currency. MTR_EINVALID when a finding is an error. The tiers are linted when the
 * document's fields are right. */
int mtr_tariff_read(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_tariff_document *out,
                    struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Warns of versions that the stored tariff does not have and that begin before now (a date: at midnight in
 * UTC): legal, and rarely what was meant. node: the tariff's document, for the places; NULL: none. */
void mtr_tariff_lint_change(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                            const struct mtr_tariff_document *stored, int64_t now_us,
                            struct mtr_diagnostics *findings);

/* When a version begins in a zone: its date's midnight there, or its instant. */
int64_t mtr_tariff_version_start(const struct mtr_tariff_version *version, const struct mtr_zone *zone);
/* The version in force at that time; NULL before the first. */
const struct mtr_tariff_version *mtr_tariff_version_at(const struct mtr_tariff_document *tariff,
                                                       const struct mtr_zone *zone, int64_t time_us);
/* How a tariff differs from the one that is stored: from when on at the earliest (a date: wherever that day
 * begins first), INT64_MIN where it is of all times, INT64_MAX where it does not; and whether all that
 * differs are versions that are new, and so say themselves from when they hold. */
struct mtr_tariff_change {
    int64_t from_us;
    bool dated;
};
struct mtr_tariff_change mtr_tariff_compare(const struct mtr_tariff_document *stored,
                                            const struct mtr_tariff_document *tariff);

/* The tariff with its prices in that currency; NULL when it has none. */
const struct mtr_tariff_document *mtr_tariff_in(const struct mtr_tariff_document *tariff,
                                                struct mtr_str currency);

/* What its amounts are in: the pricing currency, else the tariff's. Prepaid money pays in it. */
struct mtr_str mtr_tariff_priced_in(const struct mtr_tariff_document *tariff);

/* What amounts charged in that currency are multiples of; 0: they have digits, and no step. */
struct mtr_money mtr_tariff_rounding_step(const struct mtr_tariff_document *tariff, struct mtr_str currency);

/* The version's component of that key, or NULL. */
const struct mtr_component *mtr_tariff_component(const struct mtr_tariff_version *version,
                                                 struct mtr_str key);
/* The end of a sentence about a key that none of them has, as mtr_str_meant makes it. */
const char *mtr_tariff_component_meant(const struct mtr_tariff_version *version, struct mtr_str key,
                                       char text[MTR_MEANT_BYTES]);

/* Has the version the same component, pricing the same meter? Then its tiers, free units and roundings go
 * on in it. */
bool mtr_tariff_goes_on(const struct mtr_tariff_version *version, const struct mtr_component *component);

/* The version in force for a subscription: its own override, else its customer's, else the version itself.
 * Either key may be empty. */
const struct mtr_tariff_version *mtr_tariff_version_for(const struct mtr_tariff_version *version,
                                                        struct mtr_str subscription, struct mtr_str customer);

/* For whom and in which currency a tariff is asked for; empty: the tariff's own currency, no override. */
struct mtr_tariff_party {
    struct mtr_str currency, subscription, customer;
};
/* The tariff as it is for them: a document that has the versions in force, and no variants. From the
 * arena, and borrowing from `tariff`. Errors: MTR_ENOTFOUND: it has no prices in that currency;
 * MTR_ENOMEM. */
int mtr_tariff_for(const struct mtr_tariff_document *tariff, const struct mtr_tariff_party *party,
                   struct mtr_arena *arena, struct mtr_tariff_document *out) MTR_MUST_USE;

#endif
