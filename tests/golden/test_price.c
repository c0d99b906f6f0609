/*
 * Golden tables of prices: tariff, usage, expected lines and total, one case per row; then laws over seeded
 * tariffs.
 */
#include "meterd/tariff/price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/pricing.h"

enum { USAGE_MAX = 8 };

struct row {
    const char *name;
    const char *rounding;   /* inside {}; NULL: none */
    const char *components; /* inside [] */
    const char *version;    /* its keys beside the components; NULL: none */
    const char *usage;      /* "component[/dimensions]=quantity …" by index of the component */
    const char *expected;
};

#define TIERS "[{up_to: 100, unit: \"0.05\"}, {up_to: 1000, unit: \"0.04\", flat: \"2\"}, {unit: \"0.03\", flat: \"5\"}]"
#define GRADUATED "{key: cpu, meter: m, graduated: " TIERS "}"
#define VOLUME "{key: cpu, meter: m, volume: " TIERS "}"
#define GRADUATED_BELOW                                                                                                                  \
    "{key: cpu, meter: m, graduated: [{below: 100, unit: \"0.05\"}, {up_to: 1000, unit: \"0.04\", flat: \"2\"}, {unit: \"0.03\", flat: \"5\"}]}"
#define PACKAGE "{key: mail, meter: m, package: {size: 1000, price: \"1.50\"}}"

#define STAIRSTEP "{key: seats, meter: m, stairstep: [{up_to: 10, amount: 50}, {up_to: 25, amount: 90}, {amount: 150}]}"
#define BLOCKS(mode) "{key: sms, meter: m, blocks: {mode: " mode ", tiers: [{size: 100, blocks: 5, price: 4}, {size: 1000, price: 30}]}}"
#define VOICE                                                                                                                           \
    "{key: voice, meter: m, increments: {connect: \"0.05\", steps: [{price: \"0.10\", per: 60, step: 60}, {from: 60, price: \"0.10\", per: 60}]}}"
#define CREDITS "pricing_currency: {name: CREDITS, price: \"0.01\"}"
#define COMMITTED "{key: a, meter: m, per_unit: 1, commitment: {amount: 100, overage: 1.2}}"

static const struct row rows[] = {
    /* per unit */
    {"zero use, no line", NULL, "{key: a, meter: m, per_unit: 3}", NULL, "0=0", "total 0.00"},
    {"no usage at all", NULL, "{key: a, meter: m, per_unit: 3}", NULL, "", "total 0.00"},
    {"one unit price", NULL, "{key: a, meter: m, per_unit: \"0.10\"}", NULL, "0=12.5", "a usage 1.25; total 1.25"},
    {"tiny price, not rounded per event", NULL, "{key: a, meter: m, per_unit: \"0.0000004\"}", NULL, "0=2500000",
     "a usage 1.00; total 1.00"},
    {"tie to even", NULL, "{key: a, meter: m, per_unit: \"0.125\"}", NULL, "0=1", "a usage 0.12; total 0.12"},
    {"tie half up", "mode: half_up", "{key: a, meter: m, per_unit: \"474.995\"}", NULL, "0=1", "a usage 475.00; total 475.00"},
    {"more digits by choice", "digits: 4", "{key: a, meter: m, per_unit: \"0.00005\"}", NULL, "0=3", "a usage 0.0002; total 0.0002"},
    {"negative use is symmetric", NULL, "{key: a, meter: m, per_unit: \"0.10\"}", NULL, "0=-12.5", "a usage -1.25; total -1.25"},
    {"equal rows are added", NULL, "{key: a, meter: m, per_unit: 1}", NULL, "0=1 0=2", "a usage 3.00; total 3.00"},
    /* graduated: bounds belong to the tier, flats once per entered tier */
    {"first tier", NULL, GRADUATED, NULL, "0=99", "cpu usage 4.95; total 4.95"},
    {"at the first bound", NULL, GRADUATED, NULL, "0=100", "cpu usage 5.00; total 5.00"},
    {"a fraction above the bound", NULL, GRADUATED, NULL, "0=100.5", "cpu usage 7.02; total 7.02"},
    {"at the second bound", NULL, GRADUATED, NULL, "0=1000", "cpu usage 43.00; total 43.00"},
    {"last tier", NULL, GRADUATED, NULL, "0=2000", "cpu usage 78.00; total 78.00"},
    {"no flat at zero", NULL, "{key: a, meter: m, graduated: [{up_to: 1, flat: 7}, {unit: 1}]}", NULL, "0=0", "total 0.00"},
    {"flat at zero", NULL, "{key: a, meter: m, flat_at_zero: true, graduated: [{up_to: 1, flat: 7}, {unit: 1}]}", NULL, "",
     "a usage 7.00; total 7.00"},
    {"no flat where all units are free", NULL, "{key: a, meter: m, free_units: 5, graduated: [{up_to: 1, flat: 7}, {unit: 1}]}", NULL, "0=5",
     "a usage 0.00; total 0.00"},
    {"first tier's flat above zero", NULL, "{key: a, meter: m, graduated: [{up_to: 1, flat: 7}, {unit: 1}]}", NULL, "0=0.1",
     "a usage 7.00; total 7.00"},
    {"negative at the first tier", NULL, GRADUATED, NULL, "0=-200", "cpu usage -10.00; total -10.00"},
    /* volume */
    {"volume, first tier", NULL, VOLUME, NULL, "0=100", "cpu usage 5.00; total 5.00"},
    {"volume, whole quantity at the second", NULL, VOLUME, NULL, "0=100.5", "cpu usage 6.02; total 6.02"},
    {"volume, last tier", NULL, VOLUME, NULL, "0=2000", "cpu usage 65.00; total 65.00"},
    {"volume, flat at zero", NULL, "{key: a, meter: m, flat_at_zero: true, volume: [{up_to: 1, flat: 7}, {unit: 1, flat: 9}]}", NULL, "0=0",
     "a usage 7.00; total 7.00"},
    {"volume, negative", NULL, VOLUME, NULL, "0=-200", "cpu usage -10.00; total -10.00"},
    /* bounds that belong to the upper tier */
    {"just below the bound", NULL, GRADUATED_BELOW, NULL, "0=99.999999999999", "cpu usage 5.00; total 5.00"},
    {"the bound is in the upper tier, whose flat is due", NULL, GRADUATED_BELOW, NULL, "0=100", "cpu usage 7.00; total 7.00"},
    {"above the bound", NULL, GRADUATED_BELOW, NULL, "0=101", "cpu usage 7.04; total 7.04"},
    {"beside a bound of the lower tier", NULL, GRADUATED_BELOW, NULL, "0=1000", "cpu usage 43.00; total 43.00"},
    {"volume, at the bound of the upper tier", NULL, "{key: a, meter: m, volume: [{below: 200000, unit: \"0.000001\"}, {unit: \"0.000002\"}]}", NULL,
     "0=200000", "a usage 0.40; total 0.40"},
    {"stairstep, at the bound of the upper step", NULL, "{key: a, meter: m, stairstep: [{below: 10, amount: 50}, {amount: 90}]}", NULL, "0=10",
     "a usage 90.00; total 90.00"},
    {"percentage, the bound has the flat", NULL, "{key: a, meter: m, graduated_percentage: [{below: 10, rate: 1}, {rate: 2, flat: 300}]}", NULL, "0=10",
     "a usage 300.10; total 300.10"},
    {"the cap of an upper tier of nothing", NULL, "{key: a, meter: m, graduated: [{below: 10, unit: 1}, {unit: 1, flat: 5, cap: 5}]}", NULL, "0=10",
     "a usage 15.00; total 15.00"},
    /* package */
    {"package, nothing", NULL, PACKAGE, NULL, "0=0", "total 0.00"},
    {"package, started", NULL, PACKAGE, NULL, "0=1", "mail usage 1.50; total 1.50"},
    {"package, full", NULL, PACKAGE, NULL, "0=1000", "mail usage 1.50; total 1.50"},
    {"package, next started", NULL, PACKAGE, NULL, "0=1000.000000000001", "mail usage 3.00; total 3.00"},
    {"package, rounded down", NULL, "{key: mail, meter: m, package: {size: 1000, price: \"1.50\", rounding: down}}", NULL, "0=1999",
     "mail usage 1.50; total 1.50"},
    {"package after free units", NULL, "{key: mail, meter: m, free_units: 500, package: {size: 1000, price: \"1.50\"}}", NULL, "0=1500",
     "mail usage 1.50; total 1.50"},
    {"package, negative", NULL, PACKAGE, NULL, "0=-1", "mail usage -1.50; total -1.50"},
    /* free units */
    {"free units", NULL, "{key: a, meter: m, per_unit: 1, free_units: 10}", NULL, "0=12", "a usage 2.00; total 2.00"},
    {"all free", NULL, "{key: a, meter: m, per_unit: 1, free_units: 10}", NULL, "0=9", "a usage 0.00; total 0.00"},
    {"free units do not grow negative use", NULL, "{key: a, meter: m, per_unit: 1, free_units: 10}", NULL, "0=-2",
     "a usage -2.00; total -2.00"},
    /* caps of tiers */
    {"cap of a tier", NULL, "{key: a, meter: m, graduated: [{up_to: 10, unit: 1, cap: 6}, {unit: 2, flat: 1, cap: 5}]}", NULL, "0=8",
     "a usage 6.00; total 6.00"},
    {"each tier has its own cap", NULL, "{key: a, meter: m, graduated: [{up_to: 10, unit: 1, cap: 6}, {unit: 2, flat: 1, cap: 5}]}", NULL, "0=11",
     "a usage 9.00; total 9.00"},
    {"caps of all tiers", NULL, "{key: a, meter: m, graduated: [{up_to: 10, unit: 1, cap: 6}, {unit: 2, flat: 1, cap: 5}]}", NULL, "0=100",
     "a usage 11.00; total 11.00"},
    {"cap of a volume tier", NULL, "{key: a, meter: m, volume: [{up_to: 10, unit: 1}, {unit: 2, cap: 50}]}", NULL, "0=100",
     "a usage 50.00; total 50.00"},
    {"cap of a percentage tier", NULL, "{key: a, meter: m, graduated_percentage: [{up_to: 100, rate: 10}, {rate: 5, cap: 20}]}", NULL, "0=1000",
     "a usage 30.00; total 30.00"},
    /* cap and minimum */
    {"under the cap", NULL, "{key: a, meter: m, per_unit: 1, cap: 10}", NULL, "0=9", "a usage 9.00; total 9.00"},
    {"at the cap", NULL, "{key: a, meter: m, per_unit: 1, cap: 10}", NULL, "0=11", "a usage 10.00; total 10.00"},
    {"minimum is a line", NULL, "{key: a, meter: m, per_unit: 1, minimum: 10}", NULL, "0=4", "a usage 4.00; a minimum 6.00; total 10.00"},
    {"minimum without use", NULL, "{key: a, meter: m, per_unit: 1, minimum: 10}", NULL, "", "a minimum 10.00; total 10.00"},
    {"minimum met", NULL, "{key: a, meter: m, per_unit: 1, minimum: 10}", NULL, "0=10", "a usage 10.00; total 10.00"},
    {"minimum of the tariff", NULL, "{key: a, meter: m, per_unit: 1}, {key: b, meter: n, per_unit: 2}", "minimum: 10", "0=1 1=2",
     "a usage 1.00; b usage 4.00; tariff.minimum minimum 5.00; total 10.00"},
    {"cap of the tariff", NULL, "{key: a, meter: m, per_unit: 1}, {key: b, meter: n, per_unit: 2}", "cap: 10", "0=4 1=5",
     "a usage 4.00; b usage 6.00; total 10.00"},
    {"cap of the tariff over overage and under true-up", NULL, "{key: a, meter: m, per_unit: 1}", "cap: 12\n    commitment: {amount: 10, overage: 2}",
     "0=11", "a usage 11.00; tariff.commitment overage 1.00; total 12.00"},
    {"the first lines fill the cap of the tariff", NULL, "{key: a, meter: m, per_unit: 1, cap: 8}, {key: b, meter: n, per_unit: 2}", "cap: 7",
     "0=9 1=5", "a usage 7.00; b usage 0.00; total 7.00"},
    {"both minimums", NULL, "{key: a, meter: m, per_unit: 1, minimum: 4}", "minimum: 10", "0=1",
     "a usage 1.00; a minimum 3.00; tariff.minimum minimum 6.00; total 10.00"},
    {"cap over several lines, first come", NULL, "{key: a, meter: m, per_unit: 1, cap: 10, group_by: [r]}", NULL, "0/r=b=6 0/r=a=7 0/r=c=1",
     "a r=a usage 7.00; a r=b usage 3.00; a r=c usage 0.00; total 10.00"},
    {"cap met to the cent over rounded lines", NULL, "{key: a, meter: m, per_unit: \"3.335\", cap: 10, group_by: [r]}", NULL,
     "0/r=a=1 0/r=b=1 0/r=c=1", "a r=a usage 3.34; a r=b usage 3.34; a r=c usage 3.32; total 10.00"},
    {"minimum met to the cent over rounded lines", NULL, "{key: a, meter: m, per_unit: \"1.114\", minimum: 5, group_by: [r]}", NULL,
     "0/r=a=1 0/r=b=1", "a r=a usage 1.11; a r=b usage 1.11; a minimum 2.78; total 5.00"},
    {"cap with a negative line", NULL, "{key: a, meter: m, per_unit: 1, cap: 10, group_by: [r]}", NULL, "0/r=a=20 0/r=b=-5",
     "a r=a usage 15.00; a r=b usage -5.00; total 10.00"},
    /* minimums of lines */
    {"each line has its minimum", NULL, "{key: a, meter: m, per_unit: 1, group_by: [r], line_minimum: 5}", NULL, "0/r=b=7 0/r=a=2",
     "a r=a usage 2.00; a r=b usage 7.00; a r=a minimum 3.00; total 12.00"},
    {"no line, no minimum of it", NULL, "{key: a, meter: m, per_unit: 1, group_by: [r], line_minimum: 5}", NULL, "0/r=a=0", "total 0.00"},
    {"a line that is free has it", NULL, "{key: a, meter: m, per_unit: 1, free_units: 10, group_by: [r], line_minimum: 5}", NULL, "0/r=a=2",
     "a r=a usage 0.00; a r=a minimum 5.00; total 5.00"},
    {"beside the component's", NULL, "{key: a, meter: m, per_unit: 1, group_by: [r], line_minimum: 5, minimum: 12}", NULL, "0/r=a=2 0/r=b=4",
     "a r=a usage 2.00; a r=b usage 4.00; a r=a minimum 3.00; a r=b minimum 1.00; a minimum 2.00; total 12.00"},
    {"under the cap", NULL, "{key: a, meter: m, per_unit: 1, group_by: [r], line_minimum: 5, cap: 9}", NULL, "0/r=a=2 0/r=b=4",
     "a r=a usage 2.00; a r=b usage 4.00; a r=a minimum 3.00; a r=b minimum 0.00; total 9.00"},
    {"counted by a commitment", NULL, "{key: a, meter: m, per_unit: 1, group_by: [r], line_minimum: 5, commitment: {amount: 8, overage: 2}}", NULL,
     "0/r=a=2 0/r=b=4", "a r=a usage 2.00; a r=b usage 4.00; a r=a minimum 3.00; a r=b minimum 1.00; a overage 2.00; total 12.00"},
    /* group_by */
    {"a curve per combination", NULL, "{key: a, meter: m, group_by: [r], graduated: [{up_to: 10, unit: 1}, {unit: 0}]}", NULL,
     "0/r=us=15 0/r=eu=4", "a r=eu usage 4.00; a r=us usage 10.00; total 14.00"},
    /* convert: the quantity of the period, rounded once */
    {"divided and rounded up", NULL, "{key: a, meter: m, per_unit: 10, convert: {divide: 1000, rounding: ceiling, digits: 0}}", NULL, "0=1400",
     "a usage 20.00; total 20.00"},
    {"rows are added before they are rounded", NULL, "{key: a, meter: m, per_unit: 1, convert: {divide: 1000, rounding: ceiling, digits: 0}}", NULL,
     "0=1400 0=1300",
     "a usage 3.00; total 3.00"},
    {"multiplied and divided at once", NULL, "{key: a, meter: m, per_unit: 1, convert: {multiply: 2, divide: 3}}", NULL, "0=3", "a usage 2.00; total 2.00"},
    {"not rounded unless asked", NULL, "{key: a, meter: m, per_unit: 3, convert: {divide: 8}}", NULL, "0=1", "a usage 0.38; total 0.38"},
    {"to steps above one", NULL, "{key: a, meter: m, per_unit: 1, convert: {rounding: half_up, step: 100}}", NULL, "0=150", "a usage 200.00; total 200.00"},
    {"to steps below one", NULL, "{key: a, meter: m, per_unit: 1, convert: {divide: 60, rounding: up, step: 0.25}}", NULL, "0=61", "a usage 1.25; total 1.25"},
    {"a tie of steps is no tie after the division", NULL, "{key: a, meter: m, per_unit: 1, convert: {divide: 3, rounding: half_up, step: 1}}", NULL,
     "0=4.499999999999",
     "a usage 1.00; total 1.00"},
    {"free units are of the converted quantity", NULL,
     "{key: a, meter: m, per_unit: 1, free_units: 1, convert: {divide: 1000, rounding: ceiling, digits: 0}}", NULL,
     "0=1400", "a usage 1.00; total 1.00"},
    {"negative quantities round by their mode", NULL, "{key: a, meter: m, per_unit: 1, convert: {divide: 1000, rounding: ceiling, digits: 0}}", NULL, "0=-1400",
     "a usage -1.00; total -1.00"},
    /* discount and markup: after the curve, before cap and minimum */
    {"discount", NULL, "{key: a, meter: m, per_unit: 1, discount: {percent: 12.5}}", NULL, "0=8", "a usage 7.00; total 7.00"},
    {"markup", NULL, "{key: a, meter: m, per_unit: 1, markup: {percent: 20}}", NULL, "0=8", "a usage 9.60; total 9.60"},
    {"both", NULL, "{key: a, meter: m, per_unit: 1, discount: {percent: 10}, markup: {percent: 10}}", NULL, "0=100", "a usage 99.00; total 99.00"},
    {"all off", NULL, "{key: a, meter: m, per_unit: 1, discount: {percent: 100}}", NULL, "0=8", "a usage 0.00; total 0.00"},
    {"discount before the cap", NULL, "{key: a, meter: m, per_unit: 10, discount: {percent: 50}, cap: 100}", NULL, "0=27", "a usage 100.00; total 100.00"},
    {"discount before the minimum", NULL, "{key: a, meter: m, per_unit: 10, discount: {percent: 50}, minimum: 8}", NULL, "0=1",
     "a usage 5.00; a minimum 3.00; total 8.00"},
    {"rounded once, after the discount", NULL, "{key: a, meter: m, per_unit: \"0.015\", discount: {percent: 50}}", NULL, "0=1", "a usage 0.01; total 0.01"},
    {"discount of a fee", NULL, "{key: base, recurring: {amount: 20}, discount: {percent: 25}}", NULL, "", "base recurring 15.00; total 15.00"},
    /* percentage, dynamic */
    {"percentage", NULL, "{key: a, meter: m, percentage: {rate: 2.9, fixed: \"0.30\"}}", NULL, "0=100", "a usage 3.20; total 3.20"},
    {"percentage of nothing", NULL, "{key: a, meter: m, percentage: {rate: 2.9, fixed: \"0.30\"}}", NULL, "0=0", "total 0.00"},
    {"percentage of a refund has no fixed part", NULL, "{key: a, meter: m, percentage: {rate: 2.9, fixed: \"0.30\"}}", NULL, "0=-100",
     "a usage -2.90; total -2.90"},
    {"percentage above a free amount", NULL, "{key: a, meter: m, free_units: 250, percentage: {rate: 1.3}}", NULL, "0=800", "a usage 7.15; total 7.15"},
    {"graduated percentage", NULL,
     "{key: a, meter: m, graduated_percentage: [{up_to: 10, rate: 1, flat: 200}, {up_to: 20, rate: 2, flat: 300}, {rate: 3, flat: 400}]}",
     NULL, "0=12", "a usage 500.14; total 500.14"},
    {"graduated percentage, flat at zero", NULL,
     "{key: a, meter: m, flat_at_zero: true, graduated_percentage: [{up_to: 10, rate: 1, flat: 200}, {rate: 3}]}", NULL, "0=0",
     "a usage 200.00; total 200.00"},
    {"dynamic", NULL, "{key: a, meter: m, dynamic: {multiplier: \"1.33333\"}}", NULL, "0=10", "a usage 13.33; total 13.33"},
    {"dynamic as it comes", NULL, "{key: a, meter: m, dynamic: {}}", NULL, "0=12.345", "a usage 12.34; total 12.34"},
    {"dynamic with a markup", NULL, "{key: a, meter: m, dynamic: {}, markup: {percent: 15}}", NULL, "0=10", "a usage 11.50; total 11.50"},
    /* stairstep */
    {"stairstep, nothing", NULL, STAIRSTEP, NULL, "0=0", "total 0.00"},
    {"stairstep, first step", NULL, STAIRSTEP, NULL, "0=1", "seats usage 50.00; total 50.00"},
    {"stairstep, at the bound", NULL, STAIRSTEP, NULL, "0=10", "seats usage 50.00; total 50.00"},
    {"stairstep, a fraction above", NULL, STAIRSTEP, NULL, "0=10.5", "seats usage 90.00; total 90.00"},
    {"stairstep, last", NULL, STAIRSTEP, NULL, "0=1000", "seats usage 150.00; total 150.00"},
    {"stairstep, negative", NULL, STAIRSTEP, NULL, "0=-1", "seats usage 0.00; total 0.00"},
    /* package by its share; blocks */
    {"package, its share", NULL, "{key: mail, meter: m, package: {size: 1000, price: \"1.50\", rounding: none}}", NULL, "0=1500",
     "mail usage 2.25; total 2.25"},
    {"blocks, first", NULL, BLOCKS("graduated"), NULL, "0=1", "sms usage 4.00; total 4.00"},
    {"blocks, all of the first tier", NULL, BLOCKS("graduated"), NULL, "0=500", "sms usage 20.00; total 20.00"},
    {"blocks, the rest rounded up in the next tier's", NULL, BLOCKS("graduated"), NULL, "0=500.5", "sms usage 50.00; total 50.00"},
    {"blocks, deep", NULL, BLOCKS("graduated"), NULL, "0=1501", "sms usage 80.00; total 80.00"},
    {"blocks, volume in the first tier", NULL, BLOCKS("volume"), NULL, "0=500", "sms usage 20.00; total 20.00"},
    {"blocks, volume re-blocks everything", NULL, BLOCKS("volume"), NULL, "0=1501", "sms usage 60.00; total 60.00"},
    {"blocks, negative", NULL, BLOCKS("graduated"), NULL, "0=-101", "sms usage -8.00; total -8.00"},
    {"blocks after free units", NULL, "{key: sms, meter: m, free_units: 100, blocks: {tiers: [{size: 100, price: 4}]}}", NULL, "0=100",
     "sms usage 0.00; total 0.00"},
    /* increments */
    {"increments, nothing", NULL, VOICE, NULL, "0=0", "total 0.00"},
    {"increments, the first step whole", NULL, VOICE, NULL, "0=10", "voice usage 0.15; total 0.15"},
    {"increments, at the border", NULL, VOICE, NULL, "0=60", "voice usage 0.15; total 0.15"},
    {"increments, by the second then", NULL, VOICE, NULL, "0=89.2", "voice usage 0.20; total 0.20"},
    {"increments, all free: no connect fee", NULL, "{key: voice, meter: m, free_units: 60, increments: {connect: 1, steps: [{price: 1}]}}", NULL, "0=59",
     "voice usage 0.00; total 0.00"},
    {"increments, negative without the fee", NULL, VOICE, NULL, "0=-61", "voice usage -0.20; total -0.20"},
    /* commitment */
    {"below the commitment", NULL, COMMITTED, NULL, "0=70", "a usage 70.00; a commitment 30.00; total 100.00"},
    {"nothing used", NULL, COMMITTED, NULL, "", "a commitment 100.00; total 100.00"},
    {"at the commitment", NULL, COMMITTED, NULL, "0=100", "a usage 100.00; total 100.00"},
    {"above it", NULL, COMMITTED, NULL, "0=130", "a usage 130.00; a overage 6.00; total 136.00"},
    {"cheaper above it", NULL, "{key: a, meter: m, per_unit: 1, commitment: {amount: 100, overage: 0.8}}", NULL, "0=130",
     "a usage 130.00; a overage -6.00; total 124.00"},
    {"no true-up", NULL, "{key: a, meter: m, per_unit: 1, commitment: {amount: 100, overage: 1.2, true_up: false}}", NULL, "0=70",
     "a usage 70.00; total 70.00"},
    {"no factor", NULL, "{key: a, meter: m, per_unit: 1, commitment: {amount: 100}}", NULL, "0=130", "a usage 130.00; total 130.00"},
    {"the cap is over the overage too", NULL, "{key: a, meter: m, per_unit: 1, cap: 132, commitment: {amount: 100, overage: 1.2}}", NULL, "0=130",
     "a usage 130.00; a overage 2.00; total 132.00"},
    {"over several lines", NULL, "{key: a, meter: m, per_unit: 1, group_by: [r], commitment: {amount: 10, overage: 2}}", NULL, "0/r=a=7 0/r=b=5",
     "a r=a usage 7.00; a r=b usage 5.00; a overage 2.00; total 14.00"},
    {"of the tariff, below", NULL, "{key: a, meter: m, per_unit: 1}, {key: base, recurring: {amount: 5}}", "commitment: {amount: 10, overage: 1.5}", "0=3",
     "a usage 3.00; base recurring 5.00; tariff.commitment commitment 2.00; total 10.00"},
    {"of the tariff, above", NULL, "{key: a, meter: m, per_unit: 1}, {key: base, recurring: {amount: 5}}", "commitment: {amount: 10, overage: 1.5}", "0=9",
     "a usage 9.00; base recurring 5.00; tariff.commitment overage 2.00; total 16.00"},
    {"of the component and of the tariff", NULL, "{key: a, meter: m, per_unit: 1, commitment: {amount: 4}}, {key: b, meter: n, per_unit: 1}",
     "commitment: {amount: 10}", "0=1 1=2",
     "a usage 1.00; a commitment 3.00; b usage 2.00; tariff.commitment commitment 4.00; total 10.00"},
    {"in a total that is rounded", "place: total", "{key: a, meter: m, per_unit: \"0.333\", commitment: {amount: 1, overage: 1.5}}", NULL, "0=4",
     "a usage 1.332; a overage 0.166; total 1.50, residue 0.002"},
    /* recurring */
    {"recurring in advance", NULL, "{key: base, recurring: {amount: 20}}", NULL, "", "base recurring 20.00; total 20.00"},
    /* a unit of the seller's own */
    {"units become money, and then they are rounded", NULL, "{key: a, meter: m, per_unit: \"0.5\"}", CREDITS, "0=12.5", "a usage 0.06; total 0.06"},
    {"limits are units", NULL, "{key: a, meter: m, per_unit: 1, cap: \"50.5\"}, {key: b, meter: n, per_unit: 1, minimum: 7}", CREDITS, "0=100 1=2",
     "a usage 0.50; b usage 0.02; b minimum 0.05; total 0.57"},
    {"a fee in units", NULL, "{key: a, recurring: {amount: 250}}", CREDITS, "", "a recurring 2.50; total 2.50"},
    {"a commitment in units", NULL, "{key: a, meter: m, per_unit: 1, commitment: {amount: 100, overage: 1.2}}", CREDITS, "0=130",
     "a usage 1.30; a overage 0.06; total 1.36"},
    {"units to the total", "place: total", "{key: a, meter: m, per_unit: \"0.4\"}, {key: b, meter: n, per_unit: \"0.4\"}", CREDITS, "0=1 1=1",
     "a usage 0.004; b usage 0.004; total 0.01, residue 0.002"},
    {"units to a step", "step: 0.05", "{key: a, meter: m, per_unit: 1, cap: 3}", CREDITS, "0=7", "a usage 0.05; total 0.05"},
    /* rounding to steps */
    {"to a step", "step: 0.05", "{key: a, meter: m, per_unit: \"0.01\"}", NULL, "0=313", "a usage 3.15; total 3.15"},
    {"a tie of steps to the even multiple", "step: 0.05", "{key: a, meter: m, per_unit: \"0.01\"}", NULL, "0=312.5", "a usage 3.10; total 3.10"},
    {"a tie of steps, half up", "step: 0.05, mode: half_up", "{key: a, meter: m, per_unit: \"0.01\"}", NULL, "0=312.5", "a usage 3.15; total 3.15"},
    {"below zero, down", "step: 0.05, mode: down", "{key: a, meter: m, per_unit: \"0.01\"}", NULL, "0=-9", "a usage -0.05; total -0.05"},
    {"below zero, floor", "step: 0.05, mode: floor", "{key: a, meter: m, per_unit: \"0.01\"}", NULL, "0=-9", "a usage -0.10; total -0.10"},
    {"a step above one", "step: 100", "{key: a, meter: m, per_unit: 1}", NULL, "0=151", "a usage 200.00; total 200.00"},
    {"a cap met in steps", "step: 0.05", "{key: a, meter: m, per_unit: \"0.01\", cap: \"2.05\"}", NULL, "0=313", "a usage 2.05; total 2.05"},
    {"a minimum met in steps", "step: 0.05", "{key: a, meter: m, per_unit: \"0.01\", minimum: \"2.05\"}", NULL, "0=3",
     "a usage 0.05; a minimum 2.00; total 2.05"},
    {"the total in steps, with residue", "step: {EUR: \"0.05\"}, place: total",
     "{key: a, meter: m, per_unit: \"0.013\"}, {key: b, meter: n, per_unit: \"0.018\"}", NULL, "0=1 1=1",
     "a usage 0.013; b usage 0.018; total 0.05, residue 0.019"},
    /* rounding the total */
    {"each line rounded", NULL, "{key: a, meter: m, per_unit: \"0.004\"}, {key: b, meter: n, per_unit: \"0.004\"}", NULL, "0=1 1=1",
     "a usage 0.00; b usage 0.00; total 0.00"},
    {"the total rounded, with residue", "place: total",
     "{key: a, meter: m, per_unit: \"0.004\"}, {key: b, meter: n, per_unit: \"0.004\"}", NULL,
     "0=1 1=1", "a usage 0.004; b usage 0.004; total 0.01, residue 0.002"},
};

/* "0=12 1/r=eu=4": index of the component, dimensions behind a slash, quantity behind the last '='. */
static uint32_t parse_usage(char *text, struct mtr_usage_row *usage)
{
    uint32_t count = 0;
    for (char *rest = text, *word = strsep(&rest, " "); word && *word; word = strsep(&rest, " ")) {
        char *equals = strrchr(word, '='), *slash = strchr(word, '/');
        assert_true(count < USAGE_MAX && equals);
        usage[count] = (struct mtr_usage_row){.component = (uint32_t)(*word - '0')};
        assert_int_equal(mtr_quantity_parse(mtr_str_from(equals + 1), &usage[count].quantity), MTR_OK);
        if (slash) usage[count].dimensions = (struct mtr_str){slash + 1, (size_t)(equals - slash - 1)};
        count++;
    }
    return count;
}

static void check_laws(const struct pricing *pricing, const struct mtr_price *price)
{
    struct mtr_money sum = price->residue;
    for (uint32_t i = 0; i < price->line_count; i++)
        assert_int_equal(mtr_money_add(sum, price->lines[i].amount, &sum), MTR_OK);
    assert_int_equal(mtr_money_compare(sum, price->total), 0);
    if (!pricing->tariff.round_total) assert_true(price->residue.e18 == 0);
}

static void test_golden_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pricing pricing;
        struct mtr_usage_row usage[USAGE_MAX];
        struct mtr_price price, traced;
        char usage_text[256], text[1024], text_traced[1024];
        pricing_open_row(&pricing, rows[i].name, rows[i].rounding, rows[i].components, rows[i].version);
        snprintf(usage_text, sizeof(usage_text), "%s", rows[i].usage);
        struct mtr_price_input input = pricing_input(&pricing);
        input.usage = usage;
        input.usage_count = parse_usage(usage_text, usage);
        assert_int_equal(mtr_price(&input, false, &pricing.result, &price), MTR_OK);
        pricing_describe(&pricing, &price, text, sizeof(text));
        if (strcmp(text, rows[i].expected) != 0)
            fail_msg("%s:\n  expected %s\n  got      %s", rows[i].name, rows[i].expected, text);
        check_laws(&pricing, &price);
        assert_int_equal(mtr_price(&input, true, &pricing.result, &traced), MTR_OK);
        pricing_describe(&pricing, &traced, text_traced, sizeof(text_traced));
        assert_string_equal(text, text_traced);
        pricing_close(&pricing);
    }
}

static const char traced_json[] =
    "{\"total\":\"7.02\",\"residue\":\"0\",\"currency\":\"EUR\",\"tariff\":\"t\",\"version\":\"VERSION\",\"lines\":["
    "{\"component\":\"cpu\",\"kind\":\"usage\",\"quantity\":\"110.5\",\"amount\":\"7.02\"}],\"trace\":["
    "{\"line\":0,\"part\":\"free units\",\"input\":\"110.5\",\"output\":\"100.5\"},"
    "{\"line\":0,\"part\":\"graduated, tier 1 of 3\",\"input\":\"100 × 0.05\",\"output\":\"5\"},"
    "{\"line\":0,\"part\":\"graduated, tier 2 of 3\",\"input\":\"0.5 × 0.04 + 2\",\"output\":\"2.02\"},"
    "{\"line\":0,\"part\":\"round half_even to 2 digits\",\"input\":\"7.02\",\"output\":\"7.02\"}]}";

/* Same input, same bytes, whether the trace is kept or made while it is written; and it says what happened. */
static void test_trace(void **state)
{
    (void)state;
    struct mtr_buffer json[2];
    for (int round = 0; round < 2; round++) {
        struct pricing pricing;
        struct mtr_price price;
        struct mtr_json_writer writer;
        struct mtr_usage_row usage = {0};
        pricing_open_row(&pricing, "trace", NULL,
                         "{key: cpu, meter: m, free_units: 10, graduated: " TIERS "}", NULL);
        struct mtr_price_input input = pricing_input(&pricing);
        assert_int_equal(mtr_quantity_parse(MTR_STR("110.5"), &usage.quantity), MTR_OK);
        input.usage = &usage;
        input.usage_count = 1;
        assert_int_equal(mtr_price(&input, round == 0, &pricing.result, &price), MTR_OK);
        mtr_buffer_init(&json[round], 1 << 16);
        mtr_json_begin(&writer, &json[round]);
        mtr_price_write_json(&input, &price, true, &pricing.result, &writer);
        assert_int_equal(mtr_json_finish(&writer), MTR_OK);
        assert_int_equal(mtr_buffer_append_char(&json[round], '\0'), MTR_OK);
        char *version = strstr(json[round].data, "\"version\":\"");
        assert_non_null(version);
        version += strlen("\"version\":\"");
        assert_int_equal(strspn(version, "0123456789abcdef"), 32);
        pricing_close(&pricing);
    }
    assert_int_equal(json[0].size, json[1].size);
    assert_memory_equal(json[0].data, json[1].data, json[0].size);
    char *version = strstr(json[0].data, "\"version\":\"") + strlen("\"version\":\"");
    const char *expected_version = strstr(traced_json, "VERSION");
    size_t head = (size_t)(expected_version - traced_json);
    assert_memory_equal(json[0].data, traced_json, head);
    assert_string_equal(version + 32, expected_version + strlen("VERSION"));
    mtr_buffer_release(&json[0]);
    mtr_buffer_release(&json[1]);
}

static struct mtr_exact exact_at(struct pricing *pricing, mtr_int128 e12)
{
    struct mtr_usage_row usage = {.quantity = {e12}};
    struct mtr_price_input input = pricing_input(pricing);
    struct mtr_price price;
    input.usage = &usage;
    input.usage_count = 1;
    mtr_arena_reset(&pricing->result);
    assert_int_equal(mtr_price(&input, false, &pricing->result, &price), MTR_OK);
    return price.line_count ? price.lines[0].exact : mtr_exact_zero();
}

/* Graduated without flats: never falls, and does not jump at a border (one tick more costs one tick's
 * price more). */
static void test_graduated_is_monotone_and_continuous(void **state)
{
    (void)state;
    const char *seed_text = getenv("METERD_SEED");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : UINT64_C(4217), random = seed;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < 300; round++) {
        struct pricing pricing;
        char components[512], *p = components, *end = components + sizeof(components);
        unsigned bounds[4], bound = 0, units_e4[5] = {[4] = 100}; /* by tier; the last is 0.01 */
        p += snprintf(p, (size_t)(end - p), "{key: a, meter: m, graduated: [");
        for (int i = 0; i < 4; i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bounds[i] = bound += 1 + (unsigned)(random >> 56);
            units_e4[i] = (unsigned)(random >> 40) % 10000;
            p += snprintf(p, (size_t)(end - p), "{up_to: %u.5, unit: \"0.%04u\"}, ", bound, units_e4[i]);
        }
        snprintf(p, (size_t)(end - p), "{unit: \"0.01\"}]}");
        pricing_open_row(&pricing, "seeded", NULL, components, NULL);
        struct mtr_exact last = mtr_exact_zero();
        for (int i = 0; i < 4; i++) {
            mtr_int128 border = (mtr_int128)bounds[i] * 1000000000000 + 500000000000;
            struct mtr_exact below = exact_at(&pricing, border - 1), at = exact_at(&pricing, border);
            struct mtr_exact above = exact_at(&pricing, border + 1);
            struct mtr_exact step;
            assert_true(mtr_exact_compare(last, below) <= 0 && mtr_exact_compare(below, at) <= 0 &&
                        mtr_exact_compare(at, above) <= 0);
            assert_int_equal(mtr_exact_sub(above, at, &step), MTR_OK);
            struct mtr_money unit = {(mtr_int128)units_e4[i + 1] * 100000000000000};
            assert_int_equal(mtr_exact_compare(step, mtr_exact_product((struct mtr_quantity){1}, unit)), 0);
            last = above;
        }
        pricing_close(&pricing);
    }
}

static void test_overflow_is_an_error(void **state)
{
    (void)state;
    struct pricing pricing;
    struct mtr_price price = {.line_count = 77};
    pricing_open_row(&pricing, "overflow", NULL, "{key: a, meter: m, per_unit: 100000000000000000000}", NULL);
    struct mtr_usage_row usage = {.quantity = {(mtr_int128)100 * 1000000000000}};
    struct mtr_price_input input = pricing_input(&pricing);
    input.usage = &usage;
    input.usage_count = 1;
    assert_int_equal(mtr_price(&input, true, &pricing.result, &price), MTR_EOVERFLOW);
    assert_int_equal(price.line_count, 77);
    pricing_close(&pricing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_rows),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_graduated_is_monotone_and_continuous),
        cmocka_unit_test(test_overflow_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
