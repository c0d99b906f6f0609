/*
 * Names instead of line numbers: a step says "vcpu region=eu" where the JSON says line 0.
 */
#include "daemon/cli/trace_table.h"

#include <stdio.h>

#include "daemon/cli/rows.h"
#include "daemon/cli/table.h"

enum { NAME_BYTES = 1024 };

struct mtr_str trace_day(const struct mtr_node *node)
{
    enum { DATE_BYTES = 10 };
    const struct mtr_str from = mtr_node_text(node, "from");
    return (struct mtr_str){from.data, from.size < DATE_BYTES ? from.size : DATE_BYTES};
}

/* The line of a step; NULL for a step of the total. */
static const struct mtr_node *line_of(const struct mtr_node *lines, const struct mtr_node *step)
{
    uint64_t index;
    if (!lines || !mtr_str_to_u64(mtr_node_text(step, "line"), &index) || index >= lines->child_count)
        return NULL;
    return &lines->children[index];
}

static struct mtr_str name_of(const struct mtr_node *line, char out[NAME_BYTES])
{
    char text[NAME_BYTES];
    const struct mtr_str component = mtr_node_text(line, "component");
    if (!line) return MTR_STR("total");
    const struct mtr_str dimensions = rows_dimensions(mtr_node_get(line, "dimensions"), text, sizeof(text));
    snprintf(out, NAME_BYTES, "%.*s%s%.*s", MTR_STR_ARGS(component), dimensions.size ? " " : "",
             MTR_STR_ARGS(dimensions));
    for (char *c = out; *c; c++)
        if (*c == 0x1F) *c = ' ';
    return mtr_str_from(out);
}

void trace_table_print(const struct mtr_node *price, struct mtr_str component)
{
    const struct mtr_node *lines = mtr_node_get(price, "lines"), *trace = mtr_node_get(price, "trace");
    struct mtr_table *table = table_open(stdout);
    char name[NAME_BYTES];
    uint32_t left_out = 0;
    const bool of_parts = trace && trace->child_count && mtr_node_get(&trace->children[0], "from");
    if (of_parts) table_column(table, "FROM", MTR_TABLE_LEFT);
    table_column(table, "COMPONENT", MTR_TABLE_LEFT);
    table_column(table, "STEP", MTR_TABLE_LEFT);
    table_column(table, "INPUT", MTR_TABLE_RIGHT);
    table_column(table, "OUTPUT", MTR_TABLE_RIGHT);
    for (uint32_t i = 0; trace && i < trace->child_count; i++) {
        const struct mtr_node *step = &trace->children[i], *line = line_of(lines, step);
        if (component.size && line && !mtr_str_equal(mtr_node_text(line, "component"), component)) {
            left_out++;
            continue;
        }
        table_row(table);
        if (of_parts) table_cell(table, trace_day(step));
        table_cell(table, name_of(line, name));
        table_cell(table, mtr_node_text(step, "part"));
        table_cell(table, mtr_node_text(step, "input"));
        table_cell(table, mtr_node_text(step, "output"));
    }
    table_print(table);
    table_close(table);
    if (left_out) printf("(%u steps of other components: --json shows them)\n", left_out);
}
