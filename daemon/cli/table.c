/*
 * Tables for people, by libsmartcols. LC_CTYPE decides how wide a character is; LC_NUMERIC is never set.
 */
#include "daemon/cli/table.h"

#include <libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meterd/core/error.h"
#include "meterd/core/line.h"

struct mtr_table {
    FILE *out;
    struct libscols_table *table;
    struct libscols_line *line;
    size_t cell;
};

struct mtr_table *table_open(FILE *out)
{
    struct mtr_table *table = calloc(1, sizeof(*table));
    MTR_ASSERT(table != NULL);
    setlocale(LC_CTYPE, "");
    table->out = out;
    table->table = scols_new_table();
    MTR_ASSERT(table->table != NULL);
    bool is_terminal = isatty(fileno(out)) == 1;
    scols_table_set_stream(table->table, out);
    scols_table_enable_colors(table->table, is_terminal && !getenv("NO_COLOR"));
    if (!is_terminal) scols_table_enable_nowrap(table->table, 1);
    return table;
}

void table_column(struct mtr_table *table, const char *title, enum mtr_table_align align)
{
    int flags = align == MTR_TABLE_RIGHT ? SCOLS_FL_RIGHT : SCOLS_FL_WRAP;
    MTR_ASSERT(scols_table_new_column(table->table, title, 0, flags) != NULL);
}

void table_row(struct mtr_table *table)
{
    table->line = scols_table_new_line(table->table, NULL);
    MTR_ASSERT(table->line != NULL);
    table->cell = 0;
}

void table_cell(struct mtr_table *table, struct mtr_str text)
{
    char *copy = mtr_str_copy(text);
    MTR_ASSERT(copy != NULL);
    mtr_line_make(copy); /* what vendors sent gives no orders to a terminal */
    MTR_ASSERT(scols_line_refer_data(table->line, table->cell, copy) == 0); /* the line owns the copy now */
    table->cell++;
}

void table_print(struct mtr_table *table)
{
    if (scols_table_get_nlines(table->table) > 0) scols_print_table(table->table);
}

void table_close(struct mtr_table *table)
{
    if (!table) return;
    scols_unref_table(table->table);
    free(table);
}
