/*
 * What the rows of a reading came to. No state; main's thread.
 */
#include "daemon/cli/source/source_counts.h"

#include <inttypes.h>

#include "daemon/cli/rows.h"

struct counted {
    const char *title, *member;
};
static const struct counted of_rows[] = {
    {"ROWS", "rows"},  {"REPEATED", "repeated"}, {"SAME", "same"},
    {"NEW", "added"},  {"CHANGED", "changed"},   {"GONE", "gone"},
};
enum { OF_ROWS = sizeof(of_rows) / sizeof(of_rows[0]), COLUMNS = OF_ROWS + 2 };

void source_counts_columns(struct mtr_table *table)
{
    for (size_t i = 0; i < OF_ROWS; i++) table_column(table, of_rows[i].title, MTR_TABLE_RIGHT);
    table_column(table, "QUARANTINE", MTR_TABLE_RIGHT);
    table_column(table, "HELD", MTR_TABLE_RIGHT);
}

static void add_number(struct mtr_table *table, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    table_cell(table, mtr_str_from(text));
}

void source_counts_cells(struct mtr_table *table, const struct mtr_node *answer)
{
    for (size_t i = 0; i < OF_ROWS; i++) add_number(table, rows_number(answer, of_rows[i].member));
    add_number(table, source_in_quarantine(answer));
    add_number(table, rows_number(answer, "held"));
}

void source_counts_no_cells(struct mtr_table *table)
{
    for (size_t i = 0; i < COLUMNS; i++) table_cell(table, MTR_STR(""));
}

uint64_t source_in_quarantine(const struct mtr_node *answer)
{
    return rows_number(answer, "problems") + rows_number(answer, "refused") +
           rows_number(answer, "not_active");
}

const char *source_accept_hint(const struct mtr_node *answer)
{
    return rows_is_true(answer, "acceptable") ? " (--accept takes it as it is)" : "";
}
