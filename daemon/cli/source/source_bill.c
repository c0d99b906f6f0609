/*
 * Bills of dry runs, as the daemon answers them.
 */
#include "daemon/cli/source/source_bill.h"

#include <inttypes.h>

#include "daemon/cli/rows.h"

static const char *const of_period[] = {"customer", "subscription", "from", "to", "status",
                                        "before",   "after",        "difference", "currency"};
static const char *const of_sum[] = {"currency", "periods", "unpriced", "before", "after", "difference"};
enum {
    PERIOD_COLUMNS = sizeof(of_period) / sizeof(of_period[0]),
    SUM_COLUMNS = sizeof(of_sum) / sizeof(of_sum[0])
};

static struct mtr_table *open_table(bool of_windows)
{
    struct mtr_table *table = table_open(stdout);
    if (of_windows) table_column(table, "WINDOW", MTR_TABLE_LEFT);
    return table;
}

void source_bill_open(struct source_bill *bill, bool of_windows)
{
    static const char *const left[] = {"CUSTOMER", "SUBSCRIPTION", "PERIOD FROM", "TO", "STATUS"};
    static const char *const right[] = {"BEFORE", "AFTER", "DIFFERENCE"};
    static const char *const counts[] = {"PERIODS", "WITHOUT A PRICE"};
    *bill = (struct source_bill){
        .of_windows = of_windows, .periods = open_table(of_windows), .sums = open_table(of_windows)};
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        table_column(bill->periods, left[i], MTR_TABLE_LEFT);
    table_column(bill->sums, "CURRENCY", MTR_TABLE_LEFT);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        table_column(bill->sums, counts[i], MTR_TABLE_RIGHT);
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        table_column(bill->periods, right[i], MTR_TABLE_RIGHT);
        table_column(bill->sums, right[i], MTR_TABLE_RIGHT);
    }
    table_column(bill->periods, "CURRENCY", MTR_TABLE_LEFT);
    table_column(bill->periods, "PROBLEM", MTR_TABLE_LEFT);
}

static void add_cells(struct source_bill *bill, struct mtr_table *table, const struct mtr_node *row,
                      struct mtr_str window)
{
    const bool is_period = table == bill->periods;
    const char *const *names = is_period ? of_period : of_sum;
    table_row(table);
    if (bill->of_windows) table_cell(table, window);
    for (int i = 0; i < (is_period ? PERIOD_COLUMNS : SUM_COLUMNS); i++)
        table_cell(table, mtr_node_text(row, names[i]));
    if (is_period) table_cell(table, mtr_node_text(row, "problem"));
}

void source_bill_add(struct source_bill *bill, const struct mtr_node *answer, struct mtr_str window)
{
    const struct mtr_node *told = mtr_node_get(answer, "bill");
    if (!told) return;
    const struct mtr_node *periods = mtr_node_get(told, "periods"), *sums = mtr_node_get(told, "sums");
    const struct mtr_str problem = mtr_node_text(told, "problem");
    bill->count++;
    bill->looked_at += rows_number(told, "looked_at");
    bill->priced += rows_number(told, "priced");
    bill->further += rows_number(told, "further");
    bill->rows += periods ? periods->child_count : 0;
    for (uint32_t i = 0; periods && i < periods->child_count; i++)
        add_cells(bill, bill->periods, &periods->children[i], window);
    for (uint32_t i = 0; sums && i < sums->child_count; i++)
        add_cells(bill, bill->sums, &sums->children[i], window);
    if (!problem.size) return;
    fprintf(stderr, "what %s%.*s would bill cannot be told in full: %.*s\n",
            window.size ? "the window of " : "it", MTR_STR_ARGS(window), MTR_STR_ARGS(problem));
}

void source_bill_print(struct source_bill *bill)
{
    if (bill->rows) putchar('\n');
    table_print(bill->periods);
    if (bill->rows) putchar('\n');
    table_print(bill->sums);
    fflush(stdout);
    if (bill->count && !bill->rows) fprintf(stderr, "no bill would be another\n");
    if (bill->further)
        fprintf(stderr, "%" PRIu64 " further periods are in the sums\n", bill->further);
    if (bill->count)
        fprintf(stderr, "%" PRIu64 " billing period%s looked at, %" PRIu64 " priced\n", bill->looked_at,
                mtr_plural(bill->looked_at), bill->priced);
    if (bill->of_windows && bill->count > 1)
        fprintf(stderr, "each window is priced by itself: where tiers or minimums count, all may come to "
                        "another sum\n");
    table_close(bill->periods);
    table_close(bill->sums);
}
