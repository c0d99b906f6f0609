/*
 * Tables for people: aligned columns on a terminal, the same without colour or cutting anywhere else.
 *
 * Numbers are right-aligned. Colour only on a terminal and when NO_COLOR is unset. A table owns copies of its
 * cells.
 */
#ifndef METERD_DAEMON_CLI_TABLE_H
#define METERD_DAEMON_CLI_TABLE_H

#include <stdio.h>

#include "meterd/core/str.h"

struct mtr_table;

enum mtr_table_align { MTR_TABLE_LEFT, MTR_TABLE_RIGHT };

struct mtr_table *table_open(FILE *out); /* never NULL: aborts without memory, as command lines may */
void table_column(struct mtr_table *table, const char *title, enum mtr_table_align align);
/* Cells of a row from left to right; the row begins with table_row. */
void table_row(struct mtr_table *table);
void table_cell(struct mtr_table *table, struct mtr_str text);
/* Nothing when there is no row: the caller says so, on stderr. */
void table_print(struct mtr_table *table);
void table_close(struct mtr_table *table);

#endif
