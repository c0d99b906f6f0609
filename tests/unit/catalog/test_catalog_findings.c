/*
 * What the catalog finds in a text: golden refusals with their places, a change that breaks another document,
 * and warnings of versions in the past.
 */
#include "tests/support/catalog_world.h"

/* Golden: a text applied over BASE → its findings. */
static const struct {
    const char *text;
    const char *findings;
} refusals[] = {
    {"vendors: [\n", "2:1: did not find expected node content, while parsing a flow node\n"},
    {"vendor: []\n", "1:1: unknown key `vendor`; did you mean `vendors`?\n"},
    {"customers: []\n",
     "1:1: unknown key `customers`; known are vendors, services, meters, tariffs, subscriptions, api_keys, destinations, credits, rates, sources\n"},
    {"vendors: {key: a}\n", "1:10: vendors: a list of documents is expected\n"},
    {"vendors: [a]\n", "1:11: vendors: a map is expected\n"},
    {"vendors: [{name: a}]\n", "1:11: key: is missing\n"},
    {"vendors:\n  - key: a/b\n", "2:10: key: 1 to 64 of letters, digits and . _ : - are expected, starting with a letter or digit\n"},
    {"vendors:\n  - {key: a}\n  - {key: a}\n", "3:5: key: vendor `a` is given twice, first on line 2\n"},
    {"vendors:\n  - {key: a, colour: red}\n", "2:14: unknown key `colour`; known are key, name\n"},
    {"services:\n  - {key: s, vendor: acne}\n", "2:22: vendor: unknown vendor `acne`; did you mean `acme`?\n"},
    {"services:\n  - {key: s}\n", "2:5: vendor: is missing\n"},
    {"services:\n  - {key: compute, vendor: nimbus}\n",
     "2:28: vendor: cannot change: usage may be folded with it. Make a new service instead, or delete this one where it was never used\n"},
    {"meters:\n  - {key: m, service: compte, event_type: x, value: v}\n",
     "2:23: service: unknown service `compte`; did you mean `compute`?\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x}\n",
     "2:5: value: is missing: sum needs the property that holds the quantity\n"},
    /* What is good in form is checked beside what is not; what a broken document will be is not foretold. */
    {"vendors: [{key: new, colour: red}]\n"
     "services: [{key: s, vendor: new}, {key: t, vendor: neww}]\n"
     "meters: [{key: m, service: s, event_type: x}, {key: n, service: t, event_type: x, value: v}]\n"
     "tariffs:\n"
     "  - {key: p, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, meter: m, per_unit: 1}, {key: b, meter: vcpuu, per_unit: 1}]}]}\n"
     "  - {key: q, currency: EUR, versions: [{from: soon, components: [{key: a, meter: m, per_unit: 1}]}]}\n"
     "  - {key: r, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, meter: n, group_by: [x], per_unit: 1}]}]}\n"
     "subscriptions:\n"
     "  - {key: s9, service: s, customer: c, tariff: q, start: 2026-01-01}\n"
     "  - {key: s10, service: s, customer: c, tariff: nothing, start: 2026-01-01}\n",
     "1:22: unknown key `colour`; known are key, name\n"
     "3:10: value: is missing: sum needs the property that holds the quantity\n"
     "6:47: from: a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `soon`\n"
     "2:52: vendor: unknown vendor `neww`\n"
     "10:49: tariff: unknown tariff `nothing`\n"
     "5:121: meter: component `b`: unknown meter `vcpuu`; did you mean `vcpu`?\n"
     "7:101: group_by: component `a`: meter `n` has no dimension `x`\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, aggregation: count, value: v}\n",
     "2:74: value: count takes no value: it counts events\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, aggregation: average, value: v}\n",
     "2:60: aggregation: `average` is not one of sum, count, min, max, last, unique, time_weighted, percentile, counter\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, aggregation: max, keep_events: true, per: day}\n",
     "2:88: keep_events: belongs to aggregation sum and count, not to max\n2:99: per: belongs to aggregation time_weighted, not to max\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, reports: change, holds_from: day, percentile: 95, window: 5m}\n",
     "2:66: reports: belongs to aggregation time_weighted, not to sum\n2:86: holds_from: belongs to aggregation time_weighted, not to sum\n"
     "2:103: percentile: belongs to aggregation percentile, not to sum\n2:115: window: belongs to aggregation percentile, not to sum\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, spread_over: v, keep_events: true}\n",
     "2:86: keep_events: an event that is spread over hours has no single moment: keep_events and spread_over do not stand beside each other\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, aggregation: count, factor: 2, min: 0, max: 9}\n",
     "2:75: factor: belongs to aggregation sum, min, max, last, time_weighted, percentile and counter, not to count\n"
     "2:83: min: belongs to aggregation sum, min, max, last, time_weighted, percentile and counter, not to count\n"
     "2:91: max: belongs to aggregation sum, min, max, last, time_weighted, percentile and counter, not to count\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, factor: 0, min: 1, max: 0.5}\n",
     "2:65: factor: is a number above 0\n"
     "2:81: max: is below min: no event can have such a quantity\n"},
    {"meters:\n  - {key: vcpu, service: compute, event_type: cpu.used, value: hours, unit: h, group_by: [region, size], max: 50}\n",
     "2:111: max: cannot change: usage may be folded with it. Make a new meter instead, or delete this one where it was never used\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, aggregation: percentile, percentile: 100.5, window: 7m}\n",
     "2:94: percentile: is a number above 0 and at most 100\n"
     "2:109: window: does not divide an hour into windows of equal length, as 5m, 15m or 1h do\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, aggregation: time_weighted}\n",
     "2:5: value: is missing: time_weighted needs the property that holds the quantity\n"},
    {"meters:\n  - {key: m, service: compute, event_type: meterd.void, aggregation: count}\n",
     "2:44: event_type: `meterd.void` takes events back and cannot be counted\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, group_by: [a, b, a]}\n", "2:67: group_by: `a` is given twice\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, group_by: [a, b, c, d, e, f, g, h, i]}\n",
     "2:67: group_by: the list has 9 items; allowed are 0 to 8\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, group_by: [a=b, 'c,d', 'e\\f', g.h]}\n",
     "2:67: group_by: `a=b` has = , or \\, with which the lines of charges could not tell names and values apart\n"
     "2:67: group_by: `c,d` has = , or \\, with which the lines of charges could not tell names and values apart\n"
     "2:67: group_by: `e\\f` has = , or \\, with which the lines of charges could not tell names and values apart\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, filter: [a]}\n",
     "2:65: filter: a map of property: value is expected\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, filter: {a: []}}\n", "2:69: filter: 1 to 256 values are expected\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, filter: {a: {}, b: {gt: 1, gte: 2}}}\n",
     "2:69: filter: gt, gte, lt, lte, in or not is expected\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, filter: {b: {gt: 1, gte: 2}}}\n",
     "2:82: filter: one bound on each side is enough: gt or gte, lt or lte\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, filter: {b: {gt: many}}}\n",
     "2:74: filter: a number is expected, as 12 or 0.05, not `many`\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, filter: {b: {gt: 5, lte: 5}}}\n",
     "2:69: filter: nothing lies between these bounds\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, filter: {b: {above: 5}}}\n",
     "2:70: unknown key `above`; known are gt, gte, lt, lte, in, not\n"},
    {"meters:\n  - {key: m, service: compute, event_type: x, value: v, filter: {b: {not: []}}}\n",
     "2:75: filter: 1 to 256 values are expected\n"},
    {"meters:\n  - {key: calls, service: compute, event_type: cpu.used, aggregation: count, filter: {kind: [api, 1.50], ok: {not: false}}}\n",
     "2:86: filter: cannot change: usage may be folded with it. Make a new meter instead, or delete this one where it was never used\n"},
    {"meters:\n  - {key: vcpu, service: compute, event_type: cpu.used, value: hours, unit: h, group_by: [region, size], keep_events: true}\n",
     "2:119: keep_events: cannot change: usage may be folded with it. Make a new meter instead, or delete this one where it was never used\n"},
    {"meters:\n  - {key: vcpu, service: compute, event_type: cpu.used, value: hours, unit: h, group_by: [region, size], missing: invalid}\n",
     "2:115: missing: cannot change: usage may be folded with it. Make a new meter instead, or delete this one where it was never used\n"},
    {"meters:\n  - {key: vcpu, service: compute, event_type: cpu.used, value: hours, group_by: [region]}\n",
     "2:81: group_by: cannot change: usage may be folded with it. Make a new meter instead, or delete this one where it was never used\n"},
    {"tariffs:\n  - key: t\n    currency: EUR\n    versions:\n      - from: 2026-01-01\n        components:\n"
     "          - {key: c, meter: vcpus, per_unit: 1}\n"
     "          - {key: d, meter: vcpu, per_unit: 1, group_by: [zone]}\n",
     "7:29: meter: component `c`: unknown meter `vcpus`; did you mean `vcpu`?\n"
     "8:58: group_by: component `d`: meter `vcpu` has no dimension `zone`\n"},
    {"tariffs:\n  - key: t\n    currency: EUR\n    versions:\n      - from: 2026-01-01\n        components:\n"
     "          - {key: c, meter: vcpu, per_unit: 1, scope: event}\n"
     "          - {key: d, meter: vcpu, per_unit: 1, scope: level}\n"
     "          - {key: e, meter: mean, per_unit: 1, scope: term}\n"
     "          - {key: f, meter: peak, per_unit: 1, when: night}\n"
     "          - {key: g, capacity: [{up_to: {vcpu: 2, memory: 4}, amount: 10}, {amount: 100}]}\n"
     "        calendar: {night: {hours: '22:00-06:00'}}\n"
     "meters:\n  - {key: mean, service: compute, event_type: x, value: v, aggregation: time_weighted, per: period}\n"
     "  - {key: peak, service: compute, event_type: x, value: v, aggregation: max}\n",
     "7:55: scope: component `c`: meter `vcpu` does not keep events: `scope: event` needs a meter of sum or count with `keep_events: true`\n"
     "8:55: scope: component `d`: meter `vcpu` has no level: `scope: level` needs a meter with `aggregation: time_weighted`\n"
     "9:55: scope: component `e`: meter `mean` is a mean of each period: `scope: term` needs another `per`\n"
     "10:13: scope: component `f`: meter `peak` does not add up over hours: with `when` or `weights` it needs `scope: hour`\n"
     "11:13: meter: component `g`: unknown meter `memory`\n"},
    /* windows and cells */
    {"tariffs:\n  - key: t\n    currency: EUR\n    versions:\n      - from: 2026-01-01\n        components:\n"
     "          - {key: c, meter: vcpu, per_unit: 1, when: low}\n"
     "          - {key: d, meter: half, per_unit: 1, when: low}\n"
     "          - {key: e, meter: half, per_unit: 1, weights: {odd: 2}}\n"
     "          - {key: f, meter: each, per_unit: 1, weights: {odd: 2}, scope: event}\n"
     "          - {key: g, meter: peak, per_unit: 1, when: {not: low}, scope: hour}\n"
     "        calendar: {low: {any: [night]}, night: {hours: '22:00-06:30'}, odd: {hours: '00:10-06:00'}}\n"
     "meters:\n  - {key: half, service: compute, event_type: x, value: v, cell: 30m}\n"
     "  - {key: each, service: compute, event_type: x, value: v, keep_events: true}\n"
     "  - {key: peak, service: compute, event_type: x, value: v, aggregation: max}\n",
     "7:54: when: component `c`: mask `night` ends at 06:30, but meter `vcpu` has cells of an hour: give a new meter `cell: 30m`\n"
     "9:57: weights: component `e`: mask `odd` begins at 00:10, but meter `half` has cells of half an hour: no cell is that fine: let it "
     "be at :00, :15, :30 or :45\n"
     "11:54: when: component `g`: mask `night` ends at 06:30, but meter `peak` has cells of an hour: the cells of max are hours always: let "
     "it be a whole hour\n"},
    {"tariffs:\n  - key: t\n    currency: EUR\n    versions:\n      - from: 2026-01-01\n        components:\n"
     "          - {key: c, meter: vcpu, per_unit: 1, when: night}\n"
     "        calendar: {night: {hours: '22:00-06:00', zone: UTC}}\n"
     "subscriptions:\n  - {key: s9, service: compute, subject: v9, customer: c1, tariff: t, zone: Asia/Kolkata, start: 2026-01-01}\n"
     "  - {key: s8, service: compute, subject: v8, customer: c1, tariff: t, zone: Europe/London, start: 2026-01-01}\n",
     "10:68: tariff: component `c` of tariff `t`: mask `night` is of UTC time, 05:30 from the clock of Asia/Kolkata, but meter `vcpu` has "
     "cells of an hour: give a new meter `cell: 30m`\n"},
    {"meters:\n  - {key: peak, service: compute, event_type: x, value: v, aggregation: max, cell: 15m}\n",
     "2:84: cell: belongs to aggregation sum, count, time_weighted and counter, not to max\n"},
    /* terms and billing periods */
    {"tariffs:\n  - key: t\n    currency: EUR\n    versions:\n      - {from: 2026-01-01, components: [{key: c, meter: vcpu, per_unit: 1}],\n"
     "         term: {every: quarter, cap: 9}}\n"
     "subscriptions:\n  - {key: s9, service: compute, subject: v9, customer: c1, tariff: t, start: 2026-01-01, billing: {every: year}}\n"
     "  - {key: s8, service: compute, subject: v8, customer: c1, tariff: t, cost_tariff: t, start: 2026-01-01}\n",
     "8:99: billing: tariff `t` has limits over a term of a quarter, but the subscription is billed every year: bill it more often, or write them as "
     "limits of the period\n"
     "9:84: cost_tariff: tariff `t` has limits over a term, which a cost cannot count\n"},
    {"tariffs:\n  - key: t\n    currency: EUR\n    versions:\n      - {from: 2026-01-01, components: [{key: c, meter: vcpu, per_unit: 1}],\n"
     "         term: {every: week, count: 13, cap: 9}}\n"
     "subscriptions:\n  - {key: s9, service: compute, subject: v9, customer: c1, tariff: t, start: 2026-01-01, billing: {every: quarter}}\n"
     "  - {key: s8, service: compute, subject: v8, customer: c1, tariff: t, start: 2026-01-01}\n",
     "8:99: billing: tariff `t` has limits over a term of 13 weeks, but the subscription is billed every quarter: bill it more often, or write them as "
     "limits of the period\n"},
    {"rates:\n  - {key: a, source: ecb, date: 2026-11-20, base: EUR, quotes: {USD: 1.08}}\n"
     "  - {key: b, source: ecb, date: 2026-11-20, base: USD, quotes: {EUR: 0.9}}\n",
     "3:33: date: `a` has the rates of that source and day already\n"},
    {"rates:\n  - {key: a, source: ecb, date: 2026-11-20, base: EUR, quotes: {USD: 0}}\n", "2:70: quotes: USD: a rate is above zero\n"},
    {"subscriptions:\n  - {key: s, service: mail, customer: c, tariff: standard, start: 2026-01-01}\n",
     "2:50: tariff: tariff `standard` prices meter `vcpu` of service `compute`, but the service bought is `mail`\n"},
    {"tariffs:\n  - key: standard\n    currency: EUR\n    versions:\n      - from: 2026-01-01\n        components:\n"
     "          - {key: vcpu, meter: vcpu, per_unit: 1}\n          - {key: mails, meter: mails, per_unit: 1}\n",
     "0:0: tariff: tariff `standard` prices meter `mails` of service `mail`, but the service bought is `compute` "
     "(in the stored subscription `sub-1`)\n"},
    {"tariffs:\n  - key: yearly\n    currency: EUR\n    versions:\n      - from: 2026-01-01\n        components:\n"
     "          - {key: base, recurring: {amount: 1, every: year}}\n"
     "subscriptions:\n  - {key: s, service: compute, customer: c, tariff: yearly, start: 2026-01-01}\n",
     "9:5: billing: fee `base` of tariff `yearly` is for every year, but the subscription is billed every month\n"},
    {"tariffs:\n  - key: dollars\n    currency: USD\n    versions:\n      - from: 2026-01-01\n        components:\n"
     "          - {key: vcpu, meter: vcpu, per_unit: 1}\n"
     "subscriptions:\n  - {key: sub-1, service: compute, subject: vm-1, customer: globex, tariff: dollars, zone: Asia/Kolkata,"
     " start: 2026-01-31}\n",
     "9:5: currency: cannot change from EUR to USD: charges were made in it. Say from when it does, in `changes`\n"},
    {"tariffs:\n  - key: standard\n    currency: USD\n    versions:\n      - from: 2026-01-01\n        components:\n"
     "          - {key: vcpu, meter: vcpu, per_unit: 1}\n",
     "0:0: currency: cannot change from EUR to USD: charges were made in it. Say from when it does, in `changes` "
     "(in the stored subscription `sub-1`)\n"},
    {"tariffs:\n  - {key: t, currency: EUR, retired: 1 March, versions: [{from: 2026-01-01, components: [{key: a, recurring: {amount: 1}}]}]}\n",
     "2:38: retired: a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `1 March`\n"},
    {"services:\n  - {key: mail, vendor: nimbus, retired: 2026-02-01}\n"
     "tariffs:\n  - {key: t, currency: EUR, retired: 2026-01-31, versions: [{from: 2026-01-01, components: [{key: a, recurring: {amount: 1}}]}]}\n"
     "subscriptions:\n  - {key: s, service: mail, customer: c, tariff: t, zone: Asia/Kolkata, start: 2026-01-31}\n"
     "  - {key: u, service: mail, customer: c, tariff: t, zone: Asia/Kolkata, start: 2026-02-01}\n",
     "6:50: tariff: tariff `t` is retired from 2026-01-31 on, and the subscription starts at 2026-01-30T18:30:00Z: name another\n"
     "7:50: tariff: tariff `t` is retired from 2026-01-31 on, and the subscription starts at 2026-01-31T18:30:00Z: name another\n"
     "7:23: service: service `mail` is retired from 2026-02-01 on, and the subscription starts at 2026-01-31T18:30:00Z: name another\n"},
    {"services:\n  - {key: mail, vendor: nimbus, retired: 2026-02-01}\n"
     "tariffs:\n  - {key: t, currency: EUR, retired: 2026-03-01, versions: [{from: 2026-01-01, components: [{key: a, recurring: {amount: 1}}]}]}\n"
     "  - {key: u, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, recurring: {amount: 1}}]}]}\n"
     "subscriptions:\n  - {key: s, service: mail, customer: c, tariff: u, start: 2026-01-31, changes: [{from: 2026-02-28, tariff: t}]}\n"
     "  - {key: v, service: mail, customer: c, tariff: u, start: 2026-01-31, changes: [{from: 2026-03-01, tariff: t}, {from: 2026-04-01, customer: d}]}\n",
     "8:81: changes: tariff `t` is retired from 2026-03-01 on, and the subscription takes it at 2026-03-01T00:00:00Z: name another\n"},
    {"services:\n  - {key: compute, vendor: acme, name: Compute, retired: 2026-01-30T18:30:00Z}\n",
     "0:0: service: service `compute` is retired from 2026-01-30T18:30:00Z on, and the subscription starts at 2026-01-30T18:30:00Z: name another"
     " (in the stored subscription `sub-1`)\n"},
#define CREDIT(rest) "credits:\n  - {key: k, from: 2026-01-01, " rest "}\n"
    {CREDIT("customer: c"), "2:5: amount: give an amount (of money) or a quantity (of units)\n"},
    {CREDIT("amount: 5, currency: EUR"), "2:5: subscription: a credit is of one subscription or of one customer: name one of them\n"},
    {CREDIT("customer: c, amount: 5"), "2:5: currency: that of the amount is needed: an ISO 4217 code, as EUR, or a tariff's pricing currency\n"},
    {CREDIT("customer: c, amount: 0, currency: EUR"), "2:53: amount: must be more than 0\n"},
    {CREDIT("customer: c, quantity: 5"), "2:5: meter: name the meter whose units these are\n"},
    {CREDIT("customer: c, amount: 5, currency: EUR, expires: 2026-01-01"), "2:80: expires: must be after from\n"},
    {CREDIT("subscription: sub-1, amount: 5, currency: USD"),
     "2:74: currency: is USD, but tariff `standard` of the subscription is priced in EUR\n"},
    {CREDIT("subscription: sub-9, amount: 5, currency: EUR"), "2:46: subscription: unknown subscription `sub-9`; did you mean `sub-1`?\n"},
    {CREDIT("subscription: sub-1, amount: 5, currency: EUR, components: [disk]"),
     "2:91: components: tariff `standard` has no component `disk`\n"},
    {CREDIT("subscription: sub-1, amount: 5, currency: EUR, components: [vcpus]"),
     "2:91: components: tariff `standard` has no component `vcpus`; did you mean `vcpu`?\n"},
    {"credits:\n  - {key: vcpu, from: 2026-01-01, subscription: sub-1, amount: 5, currency: EUR}\n",
     "2:11: key: is the key of a component or an allowance of tariff `standard`, whose lines it would pay: choose another\n"},
    {"meters:\n  - {key: seats, service: compute, event_type: x, value: n, aggregation: time_weighted, group_by: [plan]}\n"
     "  - {key: odo, service: compute, event_type: x, value: n, aggregation: counter}\n"
     "subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, start: 2026-01-01,\n     opening: "
     "[{meter: seets, value: 1}, {meter: vcpu, value: 1}, {meter: mails, value: 1}, {meter: seats, value: 1, dimensions: {plam: a}},\n"
     "      {meter: seats, value: 1, dimensions: {plan: a}}, {meter: seats, value: 2, dimensions: {plan: a}}, {meter: odo, value: -1},\n"
     "      {meter: odo, value: '20000000000000000'}]}\n",
     "6:16: opening: unknown meter `seets`; did you mean `seats`?\n"
     "6:42: opening: meter `vcpu` has neither a level nor a counter to begin with\n"
     "6:67: opening: meter `mails` is of another service\n"
     "6:93: opening: meter `seats` has no dimension `plam`; did you mean `plan`?\n"
     "7:56: opening: meter `seats` is given twice for the same dimensions\n"
     "7:105: opening: meter `odo` cannot begin below 0: it is a counter\n"
     "8:7: opening: meter `odo` cannot begin with more than 10^16\n"
     "8:7: opening: meter `odo` is given twice for the same dimensions\n"},
    {"subscriptions:\n  - {key: sub-1, service: compute, subject: vm-1, customer: globex, tariff: standard, zone: Asia/Kolkata,\n"
     "     start: 2026-01-31, opening: [{meter: vcpu, value: 1}]}\n",
     "3:34: opening: cannot change: usage may be folded with it. Make a new subscription instead\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standart, start: 2026-01-01}\n",
     "2:53: tariff: unknown tariff `standart`; did you mean `standard`?\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, currency: USD, start: 2026-01-01}\n",
     "2:73: currency: is USD, but tariff `standard` is in EUR and has no `exchange`\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, currency: EURO, start: 2026-01-01}\n",
     "2:73: currency: `EURO` is no ISO 4217 code, as EUR; did you mean `EUR`?\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, zone: Mars/Olympus, start: 2026-01-01}\n",
     "2:69: zone: `Mars/Olympus` is no time zone of this system, as Europe/Berlin or UTC\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, start: 2026-02-30}\n",
     "2:70: start: a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `2026-02-30`: there is no such day\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, start: '2026-02-30T00:00:00Z'}\n",
     "2:70: start: a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `2026-02-30T00:00:00Z`: there is no such day\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, start: '2026-02-28T24:00:00Z'}\n",
     "2:70: start: a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `2026-02-28T24:00:00Z`: "
     "RFC 3339 has no hour 24: write 00:00:00 of the next day\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, start: 1969-12-31}\n",
     "2:70: start: `1969-12-31` is not between 1970 and 2199\n"},
    {"subscriptions:\n"
     "  - {key: s, service: compute, customer: c, tariff: standard, start: 2026-02-01, end: 2026-02-01, trial_end: 2026-01-01}\n",
     "2:110: trial_end: the trial ends before start\n2:87: end: end must be after start\n"},
#define SUBSCRIPTION(rest) "subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, start: 2026-02-01, " rest "}\n"
    {SUBSCRIPTION("trial: {end: 2026-01-01}"), "2:89: trial: the trial ends before start\n"},
    {SUBSCRIPTION("trial: {then: stop}"), "2:89: trial: needs one of `end` and `days`\n"},
    {SUBSCRIPTION("trial: {days: 3, end: 2026-02-03}"), "2:89: trial: has both of `end` and `days`\n"},
    {SUBSCRIPTION("trial: {quantity: {vcpu: 10}, then: stop}"), "2:89: trial: stops, but never ends: write `end` or `days`\n"},
    {SUBSCRIPTION("trial: {quantity: {vcpu: ten, base: 0}}"),
     "2:107: trial: quantity of `vcpu`: a number is expected, as 12 or 0.05, not `ten`\n"
     "2:118: trial: quantity of `base`: must be more than 0\n"},
    {SUBSCRIPTION("trial: {quantity: {vcpu: \"1,5\"}}"), "2:107: trial: quantity of `vcpu`: `1,5` is no number: write 1.5 (a decimal point)\n"},
    {SUBSCRIPTION("trial: {quantity: {base: 10}}"), "2:89: trial: quantity: tariff `standard` has no component `base` with a meter\n"},
    {SUBSCRIPTION("trial: {amount: 0}"), "2:89: trial: amount: must be more than 0\n"},
    {SUBSCRIPTION("trial: {amount: 5, days: 3, tariff: standard}"),
     "2:89: trial: has a tariff of its own, and frees units or money of the subscription's: remove one of them\n"},
    {SUBSCRIPTION("trial: {days: 3}, trial_end: 2026-02-03"), "2:111: trial_end: stands beside `trial`: write `end` into it\n"},
    {SUBSCRIPTION("trial: {days: 0}"), "2:96: trial.days: `0` is out of range: 1 to 36500\n"},
    {SUBSCRIPTION("trial: {days: 3, tariff: standart}"), "2:89: trial: unknown tariff `standart`; did you mean `standard`?\n"},
    {SUBSCRIPTION("trial: {days: 3, tariff: standart}, changes: [{from: 2026-03-01, customer: d}]"),
     "2:89: trial: unknown tariff `standart`; did you mean `standard`?\n"},
    {SUBSCRIPTION("changes: [{from: 2026-03-01, customer: d},\n {from: 2026-04-01, tariff: standart}]"),
     "3:2: changes: unknown tariff `standart`; did you mean `standard`?\n"},
    {SUBSCRIPTION("cost_tariff: standart"), "2:95: cost_tariff: unknown tariff `standart`; did you mean `standard`?\n"},
#define MAIL_TARIFF(currency)                                                                                \
    "tariffs:\n  - {key: other, currency: " currency                                                         \
    ", versions: [{from: 2026-01-01, components: [{key: a, meter: mails, per_unit: 1}]}]}\n"
    {MAIL_TARIFF("EUR") SUBSCRIPTION("trial: {days: 3, tariff: other}"),
     "4:89: trial: tariff `other` prices meter `mails` of service `mail`, but the service bought is `compute`\n"},
    {MAIL_TARIFF("EUR") SUBSCRIPTION("cost_tariff: other"),
     "4:95: cost_tariff: tariff `other` prices meter `mails` of service `mail`, but the service bought is `compute`\n"},
#define COST_TARIFF(component, version)                                                                                                \
    "tariffs:\n  - {key: other, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, meter: vcpu, per_unit: 1" component "}]" version "}]}\n"
    {COST_TARIFF("", ", allowances: [{key: x, components: [a], quantity: 1}]") SUBSCRIPTION("cost_tariff: other"),
     "4:95: cost_tariff: tariff `other` has allowances, which a cost cannot draw on\n"},
    {COST_TARIFF(", across: customer", "") SUBSCRIPTION("cost_tariff: other"),
     "4:95: cost_tariff: tariff `other` counts across the customer's subscriptions, which a cost cannot\n"},
    {COST_TARIFF("", ", account: {cap: 5}") SUBSCRIPTION("cost_tariff: other"),
     "4:95: cost_tariff: tariff `other` counts across the customer's subscriptions, which a cost cannot\n"},
    {MAIL_TARIFF("USD") SUBSCRIPTION("cost_tariff: other"), "4:5: currency: is EUR, but tariff `other` is in USD and has no `exchange`\n"},
#define UNIT_TARIFF(component) "tariffs:\n  - {key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, " component "}]}]}\n"
    {UNIT_TARIFF("meter: vcpu, unit: hour, per_unit: 1"),
     "2:100: unit: component `a`: is priced per `hour`, but meter `vcpu` counts `h`: a `convert` is missing, or the unit is wrong\n"},
    {UNIT_TARIFF("meter: calls, unit: call, per_unit: 1"),
     "2:101: unit: component `a`: is priced per `call`, but meter `calls` names no unit: a `convert` is missing, or the unit is wrong\n"},
    {UNIT_TARIFF("meter: vcpu, tier_by: vcpus, volume: [{unit: 1}]"),
     "2:88: meter: component `a`: unknown meter `vcpus`; did you mean `vcpu`?\n"},
    {UNIT_TARIFF("capacity: [{up_to: {vcpu: 1, mailz: 2}, amount: 1}, {amount: 2}]"),
     "2:72: meter: component `a`: unknown meter `mailz`; did you mean `mails`?\n"},
    {UNIT_TARIFF("group_by: [size], capacity: [{up_to: {vcpu: 1, calls: 2}, amount: 1}, {amount: 2}]"),
     "2:91: group_by: component `a`: meter `calls` has no dimension `size`\n"},
    {"services:\n  - {key: compute, name: Compute, vendor: acme, cost_tariff: standart}\n",
     "2:62: cost_tariff: unknown tariff `standart`; did you mean `standard`?\n"},
    {"tariffs:\n  - {key: two, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, meter: vcpu, per_unit: {EUR: 1, USD: 2}}]}]}\n"
     "subscriptions:\n  - {key: s, service: compute, customer: c, tariff: two, currency: GBP, start: 2026-02-01}\n",
     "4:68: currency: is GBP, in which tariff `two` has no prices\n"},
    {"tariffs:\n  - {key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, meter: vcpu, per_unit: 1}],\n"
     "     overrides: [{subscription: sub-2, cap: 3}]}]}\n",
     "2:39: versions: has an override for an unknown subscription `sub-2`; did you mean `sub-1`?\n"},
    {"tariffs:\n  - {key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, meter: vcpu, per_unit: 1}],\n"
     "     overrides: [{customer: globex, components: [{key: a, meter: vcpus}]}]}]}\n",
     "3:66: meter: component `a`: unknown meter `vcpus`; did you mean `vcpu`?\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, start: 2026-02-01, billing: {anchor: calender}}\n",
     "2:91: billing: anchor: calendar, anniversary or a date is expected, not `calender`; did you mean `calendar`?\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, start: 2026-02-01, billing: {every: fortnight}}\n",
     "2:99: billing.every: `fortnight` is not one of day, week, month, quarter, year\n"},
    {"subscriptions:\n  - key: s\n    service: compute\n    customer: c\n    tariff: standard\n    start: 2026-02-01\n    changes:\n"
     "    - {from: 2026-02-01, customer: d}\n    - {from: 2026-04-01}\n    - {from: 2026-03-01, currency: EURO}\n    - {from: soon, customer: d}\n"
     "    - {from: 2026-05-01, billing: {every: month, anchor: never}}\n",
     "8:7: changes: from: must be later than start\n"
     "9:7: changes: changes nothing: tariff, customer, currency or billing is expected\n"
     "10:7: changes: from: must be later than that of the change before it\n"
     "10:7: changes: currency: `EURO` is no ISO 4217 code, as EUR; did you mean `EUR`?\n"
     "11:7: changes: from: a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `soon`\n"
     "12:7: changes: anchor: calendar, anniversary or a date is expected, not `never`\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, start: 2026-02-01, changes: [{from: 2026-03-01, tariff: standart}]}\n",
     "2:92: changes: unknown tariff `standart`; did you mean `standard`?\n"},
    {"subscriptions:\n  - {key: s, service: compute, customer: c, tariff: standard, start: 2026-02-01, changes: [{from: 2026-03-01, currency: USD}]}\n",
     "2:92: changes: is USD, but tariff `standard` is in EUR and has no `exchange`\n"},
    {"subscriptions:\n  - {key: s, subject: vm-1, service: compute, customer: c, tariff: standard, start: 2026-02-01}\n",
     "2:23: subject: `vm-1` is the subject of subscription `sub-1` already, from 2026-01-30T18:30:00Z on: their terms must not overlap\n"},
    {"subscriptions:\n  - {key: a, subject: x, service: compute, customer: c, tariff: standard, start: 2026-02-01, end: 2026-03-01}\n"
     "  - {key: b, subject: x, service: compute, customer: c, tariff: standard, start: '2026-02-28T23:59:59Z'}\n",
     "3:23: subject: `x` is the subject of subscription `a` already, from 2026-02-01T00:00:00Z to 2026-03-01T00:00:00Z: their terms must not overlap\n"},
    {"services: [{key: disks, vendor: acme}]\nmeters: [{key: gib, service: disks, event_type: cpu.used, value: gib}]\n"
     "subscriptions:\n  - {key: b, subject: vm-1, service: disks, customer: c, tariff: free, start: 2020-02-01}\n"
     "tariffs: [{key: free, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, meter: gib, per_unit: 1}]}]}]\n",
     "4:23: subject: `vm-1` is the subject of subscription `sub-1` of service `compute` already, which has a meter of `cpu.used` as service "
     "`disks` has: an event of it would be of both\n"},
    {"subscriptions:\n  - {key: sub-1, service: compute, subject: vm-2, customer: c, tariff: standard, start: 2026-02-01}\n",
     "2:45: subject: cannot change: usage may be folded with it. Make a new subscription instead\n"
     "2:5: zone: cannot change: usage may be folded with it. Make a new subscription instead\n"},
    {"api_keys:\n  - {key: k, sha256: abc, scopes: [query]}\n", "2:22: sha256: the text has 3 bytes; allowed are exactly 64\n"},
    {"api_keys:\n  - key: k\n    scopes: [ingest, root, quary]\n    sha256: zbb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\n",
     "4:13: sha256: 64 hexadecimal digits are expected, as `sha256sum` prints\n"
     "3:13: scopes: `root` is not one of ingest, query, billing, admin\n"
     "3:13: scopes: `quary` is not one of ingest, query, billing, admin; did you mean `query`?\n"
     "3:13: scopes: a key with scope ingest needs a vendor: events belong to one\n"},
    {"api_keys:\n  - key: k\n    scopes: [query]\n    sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\n",
     "4:13: sha256: is the secret of API key `acme-push` already\n"},
    {"destinations:\n  - {key: d, kind: http, url: 'ftp://x.example'}\n",
     "2:31: url: a url that starts with https:// (or http://) is needed\n"},
    {"destinations:\n  - {key: d, kind: pull}\n",
     "2:20: kind: who fetches charges (GET /v1/charges) needs no document: pull is no kind any more\n"},
    {"vendors: [{name: a}]\nservices:\n  - {key: s}\n", "1:11: key: is missing\n3:5: vendor: is missing\n"},
};

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, BASE, false));
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        char dry[4096], wet[4096];
        assert_int_equal(apply(f, refusals[i].text, true), MTR_EINVALID);
        list_findings(f, dry, sizeof(dry));
        assert_int_equal(apply(f, refusals[i].text, false), MTR_EINVALID);
        list_findings(f, wet, sizeof(wet));
        assert_string_equal(wet, refusals[i].findings);
        assert_string_equal(wet, dry);
    }
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    assert_int_equal(mtr_catalog_version(catalog), 1);
    assert_int_equal(mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION), 1);
    mtr_catalog_release(catalog);
}

/* A stored document can be broken by a change of another: then the finding names it. */
static void test_change_that_breaks_another(void **state)
{
    struct fixture *f = *state;
    char text[1024];
    assert_ok(f, apply(f, BASE, false));
    assert_int_equal(apply_one(f, MTR_KIND_SUBSCRIPTION, "sub-2",
                               "{service: compute, customer: c, tariff: standard, currency: EUR, start: 2026-01-01}"),
                     MTR_OK);
    assert_int_equal(apply_one(f, MTR_KIND_TARIFF, "standard",
                               "{currency: USD, versions: [{from: 2026-01-01, components: [{key: c, meter: vcpu, per_unit: 1}]}]}"),
                     MTR_EINVALID);
    list_findings(f, text, sizeof(text));
    assert_string_equal(
        text,
        "0:0: currency: is EUR, but tariff `standard` is in USD and has no `exchange` (in the stored subscription `sub-2`)\n");
}

/* NOW_US is 2026-01-01: what begins before it and was not there before is warned of, and applied. */
static void test_versions_in_the_past(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *versions;
        const char *findings;
    } changes[] = {
        {"{from: 2026-02-01, components: [{key: a, meter: vcpu, per_unit: 1}]}", ""},
        {"{from: 2025-12-01, components: [{key: a, meter: vcpu, per_unit: 1}]}",
         "1:46: versions.from: the version from 2025-12-01 is new or changed and begins in the past: use since then is rated again, and closed "
         "periods get corrections\n"},
        {"{from: 2025-12-01, components: [{key: a, meter: vcpu, per_unit: 1}]}, {from: 2026-03-01, components: [{key: a, meter: vcpu, per_unit: 2}]}",
         ""}, /* the first is as it was */
        {"{from: 2025-12-01, components: [{key: a, meter: vcpu, per_unit: 1, cap: 5}]}",
         "1:46: versions.from: the version from 2025-12-01 is new or changed and begins in the past: use since then is rated again, and closed "
         "periods get corrections\n"},
        {"{from: \"2026-01-01T00:00:00Z\", components: [{key: a, meter: vcpu, per_unit: 1}]}", ""},
        {"{from: \"2025-12-31T23:59:59Z\", components: [{key: a, meter: vcpu, per_unit: 1}]}",
         "1:46: versions.from: the version from 2025-12-31T23:59:59Z is new or changed and begins in the past: use since then is rated again, and "
         "closed periods get corrections\n"},
    };
    char text[1024], findings[1024];
    assert_ok(f, apply(f, BASE, false));
    assert_ok(
        f,
        apply_one(
            f, MTR_KIND_TARIFF, "fresh",
            "{currency: EUR, versions: [{from: 2020-01-01, components: [{key: a, meter: vcpu, per_unit: 1}]}]}"));
    assert_int_equal(f->findings.count, 0); /* a new tariff has nobody who was billed by it */
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        snprintf(text, sizeof(text), "{name: new, currency: EUR, versions: [%s]}", changes[i].versions);
        assert_int_equal(apply_one(f, MTR_KIND_TARIFF, "standard", text), MTR_OK);
        list_findings(f, findings, sizeof(findings));
        assert_string_equal(findings, changes[i].findings);
    }
}

/* Changes may begin at any instant, also in the second in which a billing period begins, or another change: each
 * is a phase. */
static void test_changes_of_one_second(void **state)
{
    struct fixture *f = *state;
    static const int64_t starts_us[] = {1769904000250000, 1769904000500000, 1769904000500001, 1772323200000001};
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f,
                       "subscriptions:\n  - key: s\n    service: compute\n    customer: c\n    tariff: standard\n    zone: UTC\n"
                       "    start: '2026-02-01T00:00:00.25Z'\n    changes:\n    - {from: '2026-02-01T00:00:00.5Z', customer: d}\n"
                       "    - {from: '2026-02-01T00:00:00.500001Z', customer: e}\n    - {from: '2026-03-01T00:00:00.000001Z', customer: g}\n",
                       false));
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    const struct mtr_subscription *subscription = mtr_catalog_find_subscription(catalog, MTR_STR("s"));
    assert_int_equal(mtr_subscription_phase_count(subscription), 4);
    for (uint32_t i = 0; i < 4; i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(subscription, i);
        assert_int_equal(phase->start_us, starts_us[i]);
        assert_int_equal(phase->end_us, i < 3 ? starts_us[i + 1] : INT64_MAX);
    }
    mtr_catalog_release(catalog);
}

/* It is applied: a customer's subscription may come later. Said of what is being applied, once for each tariff. */
static void test_unknown_customers(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *findings;
    } rows[] = {
        {"credits:\n  - {key: a, customer: globes, amount: 5, currency: EUR, from: 2026-01-01}\n"
         "  - {key: b, customer: globex, amount: 5, currency: EUR, from: 2026-01-01}\n"
         "  - {key: c, customer: initech, amount: 5, currency: EUR, from: 2026-01-01}\n",
         "2:24: customer: no subscription has the customer `globes`; did you mean `globex`?\n"
         "4:24: customer: no subscription has the customer `initech`\n"},
        {"tariffs:\n  - {key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, meter: vcpu, per_unit: 1}],\n"
         "     overrides: [{customer: globes, cap: 3}, {subscription: sub-1, cap: 3}]}, {from: 2026-02-01, components: [{key: a, meter: vcpu, per_unit: 1}],\n"
         "     overrides: [{customer: globes, cap: 4}, {customer: initrode, cap: 4}, {customer: globex, cap: 3}]}]}\n",
         "2:39: versions: no subscription has the customer `globes`; did you mean `globex`?\n"
         "2:39: versions: no subscription has the customer `initrode`\n"},
        {"subscriptions:\n  - {key: s, service: compute, customer: x, tariff: standard, start: 2026-02-01, changes: [{from: 2026-03-01, customer: initech}]}\n"
         "credits:\n  - {key: c, customer: initech, amount: 6, currency: EUR, from: 2026-01-01}\n"
         "  - {key: d, customer: x, amount: 6, currency: EUR, from: 2026-01-01}\n",
         ""},
    };
    char findings[1024];
    assert_ok(f, apply(f, BASE, false));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(apply(f, rows[i].text, false), MTR_OK);
        list_findings(f, findings, sizeof(findings));
        assert_string_equal(findings, rows[i].findings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_refusals),
        TEST(test_change_that_breaks_another),
        TEST(test_versions_in_the_past),
        TEST(test_changes_of_one_second),
        TEST(test_unknown_customers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
