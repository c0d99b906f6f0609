/*
 * What the commands that ask for rows share: the query from their options, the answer as it comes, or as a
 * table. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_ROWS_H
#define METERD_DAEMON_CLI_ROWS_H

#include "daemon/cli/command.h"
#include "daemon/cli/table.h"
#include "meterd/core/buffer.h"
#include "meterd/core/document.h"

/* One column of a table of JSON rows. */
struct rows_column {
    const char *title;
    const char *member; /* of the row; "dimensions" is written out, "amount" has its currency beside it */
    enum mtr_table_align align;
    enum {
        ROWS_SHOWN,
        ROWS_SHOWN_WHEN_USED, /* left out when no row uses it */
        ROWS_TIME,            /* the part of the times that tells rows apart */
        ROWS_SECOND           /* to the second: when something happened */
    } kind;
};

/* A query: its path, and the options that become parameters of it. */
struct rows_query {
    const char *path;           /* "/v1/usage", or "/v1/margins?losses=true" */
    const char *const *options; /* names, ending with NULL; '-' becomes '_' in the parameter */
    bool csv;                   /* print CSV */
    void (*print)(const struct mtr_node *root); /* of the answer, without --json */
};

/* Runs it with GET and prints the answer; returns the exit code. */
int rows_query(const struct cli_invocation *invocation, const struct rows_query *query);

/* JSON of a daemon, on a line: nothing in it gives orders to a terminal. */
void rows_print_text(struct mtr_str json);
/* A member of a row; 0, false: it is not there. */
uint64_t rows_number(const struct mtr_node *row, const char *member);
bool rows_is_true(const struct mtr_node *row, const char *member);

/* Its path with the parameters that its options become, ending with NUL. */
int rows_path(const struct cli_invocation *invocation, const struct rows_query *query,
              struct mtr_buffer *path) MTR_MUST_USE;

/* False when there is no row; the caller says what that means. */
bool rows_print(const struct mtr_node *rows, const struct rows_column *columns, size_t column_count);
#define ROWS_COLUMNS(array) array, sizeof(array) / sizeof((array)[0])
/* That there is none; or none among those that one answer looked at, and where to go on. */
void rows_say_none(const struct mtr_node *root, const char *what);
/* A table that ends before the rows do says so. */
void rows_say_more(const struct mtr_node *root, const char *what);
/* "name=value, …" of a map without empty values, or a list's or scalar's text. */
struct mtr_str rows_dimensions(const struct mtr_node *map, char *out, size_t room);
/* One line. */
void rows_print_json(const struct mtr_node *node);

#endif
