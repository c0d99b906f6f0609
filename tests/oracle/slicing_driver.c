/*
 * Reads one JSON object a line, {"zone": "UTC", "scope": "hour", "meter": {a meter's document}, "from": s,
 * "own": s, "until": s, "whole": [s, s], "uses": [{"group": "a", "placed": s, "time_us": us, "seq": n,
 * "quantity": "1"}], "changes": [{"group": "a", "time_us": us, "change": "1"}]}, and writes the rows that
 * slicing makes of it, [{"group","time_us","until_us","quantity","earlier"}], or the name of the error. The C
 * half of test_slicing_oracle.py and test_price_vectors.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/catalog/meter.h"
#include "meterd/core/document.h"
#include "meterd/core/json_writer.h"
#include "meterd/rater/slicing.h"

enum { LINE_BYTES_MAX = 1 << 20, ARENA_BYTES_MAX = 64 << 20, OUT_BYTES_MAX = 1 << 24 };

static int64_t number(const struct mtr_node *node, const char *key)
{
    const struct mtr_node *child = mtr_node_get(node, key);
    MTR_ASSERT(child);
    return strtoll(child->text.data, NULL, 10);
}

static int64_t instant(const struct mtr_node *node, const char *key)
{
    return number(node, key) * MTR_US_PER_SECOND;
}

static struct mtr_str text(const struct mtr_node *node, const char *key)
{
    const struct mtr_node *child = mtr_node_get(node, key);
    MTR_ASSERT(child);
    return child->text;
}

static struct mtr_quantity quantity(const struct mtr_node *node, const char *key)
{
    struct mtr_quantity value = {0};
    int rc = mtr_quantity_parse(text(node, key), &value);
    MTR_ASSERT(rc == MTR_OK);
    return value;
}

static enum mtr_curve_scope scope_of(struct mtr_str name)
{
    enum mtr_curve_scope scope = MTR_CURVE_SCOPE_PERIOD;
    while (!mtr_str_equal(name, mtr_str_from(mtr_curve_scope_name(scope)))) scope++;
    return scope;
}

static int add_all(struct mtr_slicing *slicing, const struct mtr_node *node)
{
    const struct mtr_node *uses = mtr_node_get(node, "uses"), *changes = mtr_node_get(node, "changes");
    uint32_t group;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && uses && i < uses->child_count; i++) {
        const struct mtr_node *row = &uses->children[i];
        const struct mtr_use use = {instant(row, "placed"), number(row, "time_us"),
                                    (uint64_t)number(row, "seq"), quantity(row, "quantity")};
        rc = mtr_slicing_group(slicing, text(row, "group"), &group);
        if (!rc) rc = mtr_slicing_add(slicing, group, &use);
    }
    for (uint32_t i = 0; !rc && changes && i < changes->child_count; i++) {
        const struct mtr_node *row = &changes->children[i];
        rc = mtr_slicing_group(slicing, text(row, "group"), &group);
        if (!rc) rc = mtr_slicing_add_change(slicing, group, number(row, "time_us"), quantity(row, "change"));
    }
    return rc;
}

static void print_rows(const struct mtr_usage_row *rows, uint32_t count)
{
    struct mtr_buffer out;
    struct mtr_json_writer json;
    mtr_buffer_init(&out, OUT_BYTES_MAX);
    mtr_json_begin(&json, &out);
    mtr_json_list(&json);
    for (uint32_t i = 0; i < count; i++) {
        mtr_json_map(&json);
        mtr_json_name(&json, "group");
        mtr_json_text(&json, rows[i].dimensions);
        mtr_json_name(&json, "time_us");
        mtr_json_u64(&json, (uint64_t)rows[i].time_us);
        mtr_json_name(&json, "until_us");
        mtr_json_u64(&json, (uint64_t)rows[i].until_us);
        mtr_json_name(&json, "quantity");
        mtr_json_quantity(&json, rows[i].quantity);
        mtr_json_name(&json, "earlier");
        mtr_json_bool(&json, rows[i].earlier);
        mtr_json_map_end(&json);
    }
    mtr_json_list_end(&json);
    int rc = mtr_json_finish(&json);
    MTR_ASSERT(rc == MTR_OK);
    printf("%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&out)));
    mtr_buffer_release(&out);
}

static void run_line(const struct mtr_node *node)
{
    struct mtr_component component = {.scope = scope_of(text(node, "scope"))};
    const struct mtr_node *whole = mtr_node_get(node, "whole");
    struct mtr_diagnostics findings;
    struct mtr_slicing *slicing;
    struct mtr_zone *zone = NULL;
    struct mtr_meter meter;
    struct mtr_arena arena;
    const struct mtr_usage_row *rows = NULL;
    uint32_t count = 0;
    mtr_arena_init(&arena, 1 << 16, ARENA_BYTES_MAX);
    mtr_diagnostics_init(&findings, 8);
    int rc = mtr_meter_read(mtr_node_get(node, "meter"), &arena, &meter, &findings);
    if (!rc) rc = mtr_zone_open(text(node, "zone"), &zone);
    if (!rc) {
        const struct mtr_slicing_rule rule = {
            .component = &component,
            .meter = &meter,
            .zone = zone,
            .whole = {strtoll(whole->children[0].text.data, NULL, 10) * MTR_US_PER_SECOND,
                      strtoll(whole->children[1].text.data, NULL, 10) * MTR_US_PER_SECOND},
            .from_us = instant(node, "from"),
            .own_us = instant(node, "own"),
            .until_us = instant(node, "until"),
        };
        rc = mtr_slicing_begin(&rule, &arena, &slicing);
        if (!rc) rc = add_all(slicing, node);
        if (!rc) rc = mtr_slicing_finish(slicing, &rows, &count);
    }
    if (rc) printf("%s %s\n", mtr_error_name(rc), findings.count ? findings.items[0].text : "");
    else print_rows(rows, count);
    mtr_zone_close(zone);
    mtr_diagnostics_release(&findings);
    mtr_arena_release(&arena);
}

int main(void)
{
    static char line[LINE_BYTES_MAX];
    setvbuf(stdout, NULL, _IOLBF, 0); /* the other side waits for each answer */
    while (fgets(line, sizeof(line), stdin)) {
        struct mtr_document *document;
        struct mtr_diagnostic diagnostic;
        int rc = mtr_document_parse(mtr_str_from(line), &document, &diagnostic);
        MTR_ASSERT(rc == MTR_OK);
        run_line(mtr_document_root(document));
        mtr_document_close(document);
    }
    return 0;
}
