/*
 * What a meter takes from an event: a table of meters as documents say them, events, and what comes of it.
 */
#include "meterd/catalog/meter_take.h"
#include "meterd/core/document.h"
#include "tests/support/catalog_world.h"

static const struct {
    const char *meter; /* without key, service and type */
    const char *data;  /* of the event */
    const char *taken; /* quantity and dimensions; or a word and the property */
} rows[] = {
    /* filters: equal to one of a list, as ever */
    {"value: v, filter: {kind: api}", "{v: 2, kind: api}", "2"},
    {"value: v, filter: {kind: [api, 1.50]}", "{v: 2, kind: '1.5'}", "2"},
    {"value: v, filter: {kind: api}", "{v: 2, kind: web}", "filtered"},
    {"value: v, filter: {kind: api}", "{v: 2}", "filtered"},
    /* a filter comes before what is missing */
    {"value: v, filter: {kind: api}", "{kind: web}", "filtered"},
    {"value: v, filter: {kind: api}", "{kind: api}", "lacks v"},
    {"value: v, filter: {kind: api}, missing: invalid", "{kind: web}", "filtered"},
    {"value: v, filter: {kind: api}, missing: invalid", "{kind: api}", "missing v"},
    /* comparisons, exact at the border and behind any number of digits */
    {"value: s, filter: {s: {gt: 15}}", "{s: 15}", "filtered"},
    {"value: s, filter: {s: {gt: 15}}", "{s: 15.000000000001}", "15.000000000001"},
    {"value: s, filter: {s: {gte: 15}}", "{s: 15.0}", "15"},
    {"value: s, filter: {s: {gte: 15}}", "{s: 14.999999999999}", "filtered"},
    {"value: s, filter: {s: {lt: 15}}", "{s: 15}", "filtered"},
    {"value: s, filter: {s: {lt: 15}}", "{s: -15}", "-15"},
    {"value: s, filter: {s: {lte: '15'}}", "{s: 15}", "15"},
    {"value: s, filter: {s: {lte: 15}}", "{s: 15.1}", "filtered"},
    {"value: s, filter: {s: {gt: 15, lte: 60}}", "{s: 60}", "60"},
    {"value: s, filter: {s: {gt: 15, lte: 60}}", "{s: 60.5}", "filtered"},
    {"value: s, filter: {s: {gt: -1.5, lt: 0}}", "{s: -1.4}", "-1.4"},
    {"value: s, filter: {s: {gt: -1.5, lt: 0}}", "{s: -1.5}", "filtered"},
    {"aggregation: count, filter: {s: {lt: 1e-37}}", "{s: 1e-38}", "1"},
    {"aggregation: count, filter: {s: {lt: 1e-38}}", "{s: 1e-38}", "filtered"},
    {"aggregation: count, filter: {s: {gt: 9999999999999999999999999999999999999}}",
     "{s: 99999999999999999999999999999999999999}", "1"},
    /* a number may come as text; nothing else is above or below */
    {"aggregation: count, filter: {s: {gt: 15}}", "{s: '15.5'}", "1"},
    {"aggregation: count, filter: {s: {gt: 15}}", "{s: '2'}", "filtered"},
    {"aggregation: count, filter: {s: {gt: 15}}", "{s: many}", "filtered"},
    {"aggregation: count, filter: {s: {lt: 15}}", "{s: many}", "filtered"},
    {"aggregation: count, filter: {s: {lt: 15}}", "{s: true}", "filtered"},
    {"aggregation: count, filter: {s: {lt: 15}}", "{s: ''}", "filtered"},
    {"aggregation: count, filter: {s: {lt: 15}}", "{}", "filtered"},
    /* in and not */
    {"aggregation: count, filter: {kind: {in: [a, b]}}", "{kind: b}", "1"},
    {"aggregation: count, filter: {kind: {in: a}}", "{kind: b}", "filtered"},
    {"aggregation: count, filter: {region: {not: [eu, us]}}", "{region: ap}", "1"},
    {"aggregation: count, filter: {region: {not: eu}}", "{region: eu}", "filtered"},
    {"aggregation: count, filter: {region: {not: eu}}", "{}", "1"},
    {"aggregation: count, filter: {n: {not: 1.0}}", "{n: 1}", "filtered"},
    {"aggregation: count, filter: {n: {not: false}}", "{n: true}", "1"},
    {"aggregation: count, filter: {n: {gt: 0, not: [7, 13]}}", "{n: 13}", "filtered"},
    {"aggregation: count, filter: {n: {gt: 0, not: [7, 13]}}", "{n: 12}", "1"},
    {"aggregation: count, filter: {n: {gt: 0, not: [7, 13]}}", "{}", "filtered"},
    {"aggregation: count, filter: {n: {gt: 0, in: [1, 2, -3]}}", "{n: -3}", "filtered"},
    /* all must hold */
    {"value: s, filter: {s: {gt: 15}, kind: {in: [a, b]}, region: {not: [eu]}}", "{s: 16, kind: a, region: us}", "16"},
    {"value: s, filter: {s: {gt: 15}, kind: {in: [a, b]}, region: {not: [eu]}}", "{s: 16, kind: a, region: eu}", "filtered"},
    {"value: s, filter: {s: {gt: 15}, kind: {in: [a, b]}, region: {not: [eu]}}", "{s: 16, kind: c, region: us}", "filtered"},
    /* the event is of 2026-01-01T00:00:00Z; only what would be taken, or be a fault, comes too late */
    {"value: v, retired: '2026-01-01T00:00:01Z'", "{v: 1}", "1"},
    {"value: v, retired: 2026-01-01", "{v: 1}", "retired"},
    {"value: v, retired: 2025-06-01", "{v: x}", "retired"},
    {"value: v, retired: 2025-06-01, filter: {kind: api}", "{v: 1, kind: web}", "filtered"},
    {"value: v, retired: 2025-06-01", "{s: 1}", "lacks v"},
    {"value: v, retired: 2025-06-01, missing: invalid", "{s: 1}", "retired"},
    /* bounds are of the quantity; what is outside is a fault, whatever is done with what is missing */
    {"value: v, min: 0, max: 50", "{v: 0}", "0"},
    {"value: v, min: 0, max: 50", "{v: '50.0'}", "50"},
    {"value: v, min: 0, max: 50", "{v: -0.000000000001}", "below v"},
    {"value: v, min: 0, max: 50", "{v: 50.000000000001}", "above v"},
    {"value: v, max: 50, missing: skip", "{}", "lacks v"},
    {"value: v, max: 50, filter: {v: {lte: 50}}", "{v: 51}", "filtered"},
    {"value: v, aggregation: time_weighted, min: 1", "{v: 0.5}", "below v"},
    {"value: v, factor: 0.5, max: 50", "{v: 100}", "50"},
    {"value: v, factor: 0.5, max: 50", "{v: 101}", "above v"},
    /* a factor keeps everything, or refuses; the limit is that of the product */
    {"value: v, factor: 0.000000001", "{v: 123456789012345678901}", "123456789012.345678901"},
    {"value: v, factor: 0.000000001", "{v: '10000000000000000000000000'}", "10000000000000000"},
    {"value: v, factor: 0.000000001", "{v: '10000000000000000000000000.1'}", "too large v"},
    {"value: v, factor: 0.000000001", "{v: 10000000000000000000000001}", "too large v"},
    {"value: v, factor: 0.000000001", "{v: 0.001}", "0.000000000001"},
    {"value: v, factor: 0.000000001", "{v: 0.0001}", "product digits v"},
    {"value: v, factor: 1000", "{v: 0.000000000000001}", "0.000000000001"},
    {"value: v, factor: 1000", "{v: 10000000000000.001}", "too large v"},
    {"value: v, factor: 0.125", "{v: -8}", "-1"},
    {"value: v, factor: 2", "{v: many}", "no number v"},
    {"value: v, factor: 2", "{v: true}", "no number v"},
    {"value: v", "{v: 10000000000000000.1}", "too large v"},
    {"value: v", "{v: 0.0000000000001}", "digits v"},
    /* a length that is the quantity */
    {"spread_over: s", "{s: 90}", "90 over 90"},
    {"spread_over: s, value: s, unit: h", "{s: '90.5'}", "90.5 over 90.5"},
    {"spread_over: s, factor: 0.25", "{s: 90}", "22.5 over 90"},
    {"spread_over: s, max: 60", "{s: 90}", "above s"},
    {"spread_over: s", "{s: 0}", "0"},
    {"spread_over: s", "{s: -1}", "length s"},
    {"spread_over: s", "{}", "lacks s"},
    {"spread_over: s, value: v", "{v: 1}", "lacks s"},
    {"spread_over: s, value: v", "{v: 1, s: long}", "no number s"},
    /* dimensions, with their ends shown as | */
    {"value: v, group_by: [region, size]", "{v: 1, size: 2.50}", "1 |2.5|"},
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static uint32_t read_properties(const struct mtr_node *data, struct mtr_property *properties)
{
    for (uint32_t i = 0; i < data->child_count; i++) {
        const struct mtr_node *node = &data->children[i];
        struct mtr_property *property = &properties[i];
        *property = (struct mtr_property){.name = node->key, .text = node->text};
        if (node->kind == MTR_NODE_BOOL)
            property->kind = mtr_str_equal(node->text, MTR_STR("true")) ? MTR_PROPERTY_TRUE : MTR_PROPERTY_FALSE;
        if (node->kind != MTR_NODE_NUMBER) continue;
        property->kind = MTR_PROPERTY_NUMBER;
        assert_int_equal(mtr_decimal_parse(node->text, &property->number), 0);
    }
    return data->child_count;
}

static const char *const fault_words[] = {"missing", "time", "byte", "long", "no number", "digits",
                                          "too large", "product digits", "below", "above", "length", "beyond"};

static void describe(enum mtr_take take, const struct mtr_taken *taken, char *text, size_t size)
{
    char quantity[MTR_DECIMAL_TEXT_BYTES];
    switch (take) {
    case MTR_TAKE_IS_FILTERED: snprintf(text, size, "filtered"); return;
    case MTR_TAKE_LACKS: snprintf(text, size, "lacks %.*s", MTR_STR_ARGS(taken->property)); return;
    case MTR_TAKE_FAULT:
        snprintf(text, size, "%s %.*s", fault_words[taken->fault], MTR_STR_ARGS(taken->property));
        return;
    case MTR_TAKE_RETIRED: snprintf(text, size, "retired"); return;
    case MTR_TAKE_COUNTS: break;
    }
    mtr_quantity_format(taken->quantity, quantity);
    int used = snprintf(text, size, "%s", quantity);
    if (taken->length_s.e12) {
        mtr_quantity_format(taken->length_s, quantity);
        used += snprintf(text + used, size - (size_t)used, " over %s", quantity);
    }
    if (taken->dimensions.size)
        snprintf(text + used, size - (size_t)used, " %.*s", MTR_STR_ARGS(taken->dimensions));
    for (char *p = text; *p; p++)
        if (*p == MTR_DIMENSION_END) *p = '|';
}

static void test_rows(void **state)
{
    struct fixture *f = *state;
    char text[512];
    assert_ok(f, apply(f, BASE, false));
    for (uint32_t i = 0; i < ROWS; i++) {
        struct mtr_document *document = NULL;
        struct mtr_diagnostic diagnostic;
        struct mtr_property properties[8];
        struct mtr_taken taken;
        snprintf(text, sizeof(text), "meters: [{key: m%u, service: compute, event_type: x, %s}]", i, rows[i].meter);
        assert_ok(f, apply(f, text, false));
        struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
        snprintf(text, sizeof(text), "m%u", i);
        const struct mtr_meter *meter = mtr_catalog_find_meter(catalog, mtr_str_from(text));
        assert_non_null(meter);
        if (mtr_document_parse(mtr_str_from(rows[i].data), &document, &diagnostic)) fail_msg("%s", diagnostic.text);
        const struct mtr_event event = {.time_us = NOW_US,
                                        .properties = properties,
                                        .property_count = read_properties(mtr_document_root(document), properties)};
        describe(mtr_meter_take(meter, &event, &taken), &taken, text, sizeof(text));
        if (strcmp(text, rows[i].taken) != 0)
            fail_msg("%s of %s: %s, not %s", rows[i].meter, rows[i].data, text, rows[i].taken);
        mtr_document_close(document);
        mtr_catalog_release(catalog);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
