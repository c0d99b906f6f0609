/*
 * A price as a table of its lines, with what they are exchanged at, the total and the trace.
 */
#include "daemon/cli/price/table.h"

#include <stdio.h>
#include <string.h>

#include "daemon/cli/rows.h"
#include "daemon/cli/table.h"
#include "daemon/cli/trace_table.h"
#include "meterd/core/document.h"

static const struct mtr_str nothing = {NULL, 0};

static const struct {
    const char *title, *member;
    enum mtr_table_align align;
    bool of_cost;
} columns[] = {
    {"COMPONENT", "component", MTR_TABLE_LEFT, false},
    {"KIND", "kind", MTR_TABLE_LEFT, false},
    {"DIMENSIONS", "dimensions", MTR_TABLE_LEFT, false},
    {"QUANTITY", "quantity", MTR_TABLE_RIGHT, false},
    {"UNIT PRICE", "unit_price", MTR_TABLE_RIGHT, false},
    {"AMOUNT", "amount", MTR_TABLE_RIGHT, false},
    {"COST", "cost", MTR_TABLE_RIGHT, true},
    {"MARGIN", "margin", MTR_TABLE_RIGHT, true},
};
enum { COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]), DIMENSIONS_BYTES = 1024 };

static void add_columns(struct mtr_table *table, bool with_cost)
{
    for (size_t c = 0; c < COLUMN_COUNT; c++)
        if (with_cost || !columns[c].of_cost) table_column(table, columns[c].title, columns[c].align);
}

static void add_cells(struct mtr_table *table, const struct mtr_node *line, bool with_cost)
{
    char text[DIMENSIONS_BYTES];
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        if (columns[c].of_cost && !with_cost) continue;
        const bool is_map = strcmp(columns[c].member, "dimensions") == 0;
        table_cell(table, is_map ? rows_dimensions(mtr_node_get(line, "dimensions"), text, sizeof(text))
                                 : mtr_node_text(line, columns[c].member));
    }
}

/* Are they priced in a unit of the seller's own? All lines are, or none. */
static bool has_pricing(const struct mtr_node *lines)
{
    return lines && lines->child_count && mtr_node_get(&lines->children[0], "pricing");
}

static void print_lines(const struct mtr_node *lines, bool with_cost)
{
    const bool priced = has_pricing(lines);
    struct mtr_table *table = table_open(stdout);
    add_columns(table, with_cost);
    if (priced) table_column(table, "PRICED", MTR_TABLE_RIGHT);
    for (uint32_t i = 0; lines && i < lines->child_count; i++) {
        table_row(table);
        add_cells(table, &lines->children[i], with_cost);
        if (priced) table_cell(table, mtr_node_text(mtr_node_get(&lines->children[i], "pricing"), "amount"));
    }
    table_print(table);
    table_close(table);
}

static void print_sums(const struct mtr_node *sums)
{
    printf("total %.*s %.*s", MTR_STR_ARGS(mtr_node_text(sums, "total")),
           MTR_STR_ARGS(mtr_node_text(sums, "currency")));
    if (mtr_node_get(sums, "cost"))
        printf(", cost %.*s, margin %.*s", MTR_STR_ARGS(mtr_node_text(sums, "cost")),
               MTR_STR_ARGS(mtr_node_text(sums, "margin")));
    printf("\n");
}

/* Of several currencies a line each. */
static void print_total(const struct mtr_node *root)
{
    const struct mtr_node *totals = mtr_node_get(root, "totals");
    if (!totals) print_sums(root);
    for (uint32_t i = 0; totals && i < totals->child_count; i++) print_sums(&totals->children[i]);
}

/* Of the part that the line is of. */
static struct mtr_str currency_of(const struct mtr_node *root, const struct mtr_node *line)
{
    const struct mtr_node *periods = mtr_node_get(root, "periods");
    const struct mtr_str from = mtr_node_text(line, "from");
    for (uint32_t i = 0; i < periods->child_count; i++)
        if (mtr_str_equal(mtr_node_text(&periods->children[i], "from"), from))
            return mtr_node_text(&periods->children[i], "currency");
    return nothing;
}

/* Parts of a series: lines say when theirs begins, and at which rate it was exchanged (all lines are, or
 * none). */
static void print_parts(const struct mtr_node *root)
{
    const struct mtr_node *lines = mtr_node_get(root, "lines"), *trace = mtr_node_get(root, "trace");
    const bool exchanged = lines->child_count && mtr_node_get(&lines->children[0], "exchange");
    const bool priced = has_pricing(lines);
    struct mtr_table *table = table_open(stdout);
    const struct mtr_node *totals = mtr_node_get(root, "totals");
    const struct mtr_node *sums = totals ? &totals->children[0] : root;
    const bool with_cost = mtr_node_get(sums, "cost");
    table_column(table, "FROM", MTR_TABLE_LEFT);
    add_columns(table, with_cost);
    if (totals) table_column(table, "CURRENCY", MTR_TABLE_LEFT);
    if (priced) table_column(table, "PRICED", MTR_TABLE_RIGHT);
    if (exchanged) table_column(table, "RATE", MTR_TABLE_RIGHT);
    if (exchanged) table_column(table, "OF", MTR_TABLE_LEFT);
    for (uint32_t i = 0; i < lines->child_count; i++) {
        const struct mtr_node *exchange = mtr_node_get(&lines->children[i], "exchange"),
                              *pricing = mtr_node_get(&lines->children[i], "pricing");
        table_row(table);
        table_cell(table, trace_day(&lines->children[i]));
        add_cells(table, &lines->children[i], with_cost);
        if (totals) table_cell(table, currency_of(root, &lines->children[i]));
        if (priced) table_cell(table, mtr_node_text(pricing, "amount"));
        if (exchanged) table_cell(table, mtr_node_text(exchange, "rate"));
        if (exchanged) table_cell(table, mtr_node_text(exchange, "date"));
    }
    table_print(table);
    table_close(table);
    print_total(root);
    if (!trace || !trace->child_count) return;
    printf("\n");
    trace_table_print(root, nothing);
}

/* "1.0842 USD for 1 EUR (direct rate of ecb, 2026-11-20)". */
static void print_exchange(const struct mtr_node *root, const struct mtr_node *exchange)
{
    if (!exchange) return;
    printf("exchanged at %.*s %.*s for 1 %.*s (%.*s rate of %.*s, %.*s; %.*s)\n",
           MTR_STR_ARGS(mtr_node_text(exchange, "rate")), MTR_STR_ARGS(mtr_node_text(root, "currency")),
           MTR_STR_ARGS(mtr_node_text(exchange, "currency")),
           MTR_STR_ARGS(mtr_node_text(exchange, "derivation")),
           MTR_STR_ARGS(mtr_node_text(exchange, "source")), MTR_STR_ARGS(mtr_node_text(exchange, "date")),
           MTR_STR_ARGS(mtr_node_text(exchange, "rule")));
}

/* "priced in CREDITS, at 0.01 EUR each". */
static void print_pricing(const struct mtr_node *root, const struct mtr_node *line)
{
    const struct mtr_node *pricing = mtr_node_get(line, "pricing");
    const struct mtr_node *exchange = mtr_node_get(line, "exchange");
    if (!pricing) return;
    printf("priced in %.*s, at %.*s %.*s each\n", MTR_STR_ARGS(mtr_node_text(pricing, "currency")),
           MTR_STR_ARGS(mtr_node_text(pricing, "price")),
           MTR_STR_ARGS(mtr_node_text(exchange ? exchange : root, "currency")));
}

static void print_price(const struct mtr_node *root)
{
    const struct mtr_node *trace = mtr_node_get(root, "trace"), *lines = mtr_node_get(root, "lines");
    print_lines(lines, mtr_node_get(root, "cost"));
    print_total(root);
    if (lines && lines->child_count) print_pricing(root, &lines->children[0]);
    if (lines && lines->child_count) print_exchange(root, mtr_node_get(&lines->children[0], "exchange"));
    if (trace && trace->child_count) {
        printf("\n");
        trace_table_print(root, nothing);
    }
}

int price_print_answer(const struct cli_invocation *invocation, struct mtr_str answer)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    if (invocation_flag(invocation, "json")) {
        printf("%.*s\n", MTR_STR_ARGS(answer));
        return MTR_EXIT_OK;
    }
    if (mtr_document_parse(answer, &document, &diagnostic)) {
        fprintf(stderr, "meterd: the price cannot be printed: %s\n", diagnostic.text);
        return MTR_EXIT_FAILED;
    }
    const struct mtr_node *root = mtr_document_root(document);
    if (mtr_node_get(root, "periods")) print_parts(root);
    else print_price(root);
    mtr_document_close(document);
    return MTR_EXIT_OK;
}
