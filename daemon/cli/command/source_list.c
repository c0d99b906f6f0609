/*
 * meterd source list, windows: how the sources stand, and the ledger of their windows.
 */
#include <stdio.h>

#include "daemon/cli/client.h"
#include "daemon/cli/command/source_verb.h"
#include "daemon/cli/rows.h"

enum { PATH_BYTES = 1024 };

static void print_sources(const struct mtr_node *root)
{
    static const struct rows_column columns[] = {
        {"SOURCE", "source", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"VENDOR", "vendor", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"STATE", "state", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"REQUESTS", "requests", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"LAST READ", "read_at", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"NEXT", "next_at", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"READINGS", "readings", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"FAILED", "failures", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"ROWS", "rows", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"CERTIFICATE", "certificate", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"ALARM", "alarm", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"PROBLEM", "problem", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
    };
    if (!rows_print(mtr_node_get(root, "sources"), ROWS_COLUMNS(columns)))
        fprintf(stderr, "no sources: `meterd apply` puts their documents in force\n");
    rows_say_more(root, "sources");
}

static void say_more_windows(const struct mtr_node *root)
{
    const struct mtr_node *more = mtr_node_get(root, "has_more"), *windows = mtr_node_get(root, "windows");
    if (!more || !more->truth || !windows || !windows->child_count) return;
    const struct mtr_node *last = &windows->children[windows->child_count - 1];
    const struct mtr_str start = mtr_node_text(last, "start"), each = mtr_node_text(last, "each");
    fprintf(stderr, "more windows follow: --after %.*s%s%.*s%s, or a greater --limit\n", MTR_STR_ARGS(start),
            each.size ? " --after-each '" : "", MTR_STR_ARGS(each), each.size ? "'" : "");
}

static void print_windows(const struct mtr_node *root)
{
    static const struct rows_column columns[] = {
        {"EACH", "each", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"START", "start", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"END", "end", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"STATE", "state", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"READINGS", "readings", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"ROWS", "rows", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"REFUSED", "refused", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"CHANGES", "changes", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"LAST READ", "last_read_at", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"PROBLEM", "problem", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
    };
    if (!rows_print(mtr_node_get(root, "windows"), ROWS_COLUMNS(columns)))
        fprintf(stderr, "no windows: none was read yet\n");
    say_more_windows(root);
}

static int run_windows(const struct cli_invocation *invocation)
{
    static const char *const parameters[] = {"from", "after", "after-each", "limit", NULL};
    struct mtr_buffer path;
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_printf(&path, "/v1/sources/windows?source=");
    if (!rc) rc = client_escape(&path, mtr_str_from(invocation->arguments[1]));
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    const struct rows_query query = {.path = path.data, .options = parameters, .print = print_windows};
    int code = rc ? MTR_EXIT_USAGE : rows_query(invocation, &query);
    mtr_buffer_release(&path);
    return code;
}

static int run_list(const struct cli_invocation *invocation)
{
    static const char *const parameters[] = {"after", "limit", NULL};
    const struct rows_query sources = {.path = "/v1/sources", .options = parameters, .print = print_sources};
    return rows_query(invocation, &sources);
}

static const char *const list_options[] = {"after", "limit", "json", NULL};
const struct source_verb source_verb_list = {
    .name = "list", .arguments = "", .options = list_options, .run = run_list};

static const char *const windows_options[] = {"from", "after", "after-each", "limit", "json", NULL};
const struct source_verb source_verb_windows = {.name = "windows",
                                                .arguments = "KEY",
                                                .arguments_min = 1,
                                                .arguments_max = 1,
                                                .options = windows_options,
                                                .run = run_windows};
