/*
 * Bills of dry runs, as the daemon answers them.
 */
#include "daemon/cli/source/source_bill.h"

#include <inttypes.h>

#include "daemon/cli/rows.h"
#include "daemon/cli/table.h"

struct column {
    const char *title, *member;
    enum mtr_table_align align;
};
static const struct column of_periods[] = {
    {"CUSTOMER", "customer", MTR_TABLE_LEFT},     {"SUBSCRIPTION", "subscription", MTR_TABLE_LEFT},
    {"PERIOD FROM", "from", MTR_TABLE_LEFT},      {"TO", "to", MTR_TABLE_LEFT},
    {"STATUS", "status", MTR_TABLE_LEFT},         {"BEFORE", "before", MTR_TABLE_RIGHT},
    {"AFTER", "after", MTR_TABLE_RIGHT},          {"DIFFERENCE", "difference", MTR_TABLE_RIGHT},
    {"CURRENCY", "currency", MTR_TABLE_LEFT},     {"PROBLEM", "problem", MTR_TABLE_LEFT},
    {NULL, NULL, MTR_TABLE_LEFT},
};
static const struct column of_sums[] = {
    {"CURRENCY", "currency", MTR_TABLE_LEFT}, {"PERIODS", "periods", MTR_TABLE_RIGHT},
    {"WITHOUT A PRICE", "unpriced", MTR_TABLE_RIGHT}, {"BEFORE", "before", MTR_TABLE_RIGHT},
    {"AFTER", "after", MTR_TABLE_RIGHT}, {"DIFFERENCE", "difference", MTR_TABLE_RIGHT},
    {NULL, NULL, MTR_TABLE_LEFT},
};

static void print_rows(const struct mtr_node *rows, const struct column *columns)
{
    struct mtr_table *table = table_open(stdout);
    for (const struct column *column = columns; column->title; column++)
        table_column(table, column->title, column->align);
    for (uint32_t i = 0; rows && i < rows->child_count; i++) {
        table_row(table);
        for (const struct column *column = columns; column->title; column++)
            table_cell(table, mtr_node_text(&rows->children[i], column->member));
    }
    if (rows && rows->child_count) putchar('\n');
    table_print(table);
    table_close(table);
}

void source_bill_print(const struct mtr_node *answer)
{
    const struct mtr_node *bill = mtr_node_get(answer, "bill");
    if (!bill) return;
    const struct mtr_node *sums = mtr_node_get(bill, "sums");
    const struct mtr_str problem = mtr_node_text(bill, "problem");
    const uint64_t looked_at = rows_number(bill, "looked_at"), further = rows_number(bill, "further");
    print_rows(mtr_node_get(bill, "periods"), of_periods);
    print_rows(sums, of_sums);
    fflush(stdout);
    if (problem.size)
        fprintf(stderr, "what it would bill cannot be told in full: %.*s\n", MTR_STR_ARGS(problem));
    else if (!sums || !sums->child_count)
        fprintf(stderr, "no bill would be another\n");
    if (further) fprintf(stderr, "%" PRIu64 " further periods are in the sums\n", further);
    fprintf(stderr, "%" PRIu64 " billing period%s looked at, %" PRIu64 " priced\n", looked_at,
            mtr_plural(looked_at), rows_number(bill, "priced"));
}
