/*
 * meterd source list, windows, show: how the sources stand, and the ledger of their windows; pause, resume,
 * accept: what an operator tells one.
 */
#include <stdio.h>

#include "daemon/cli/client.h"
#include "daemon/cli/command/source_verb.h"
#include "daemon/cli/rows.h"
#include "meterd/core/json_writer.h"

enum { PATH_BYTES = 1024, BODY_BYTES = 2048 };

static void print_sources(const struct mtr_node *root)
{
    static const struct rows_column columns[] = {
        {"SOURCE", "source", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"VENDOR", "vendor", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"STATE", "state", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"FOR EACH", "requests", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"LAST READ", "read_at", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"NEXT", "next_at", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"READINGS", "readings", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"FAILED", "failures", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"ROWS", "rows", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"CERTIFICATE", "certificate", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"ALARM", "alarm", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"PROBLEM", "problem", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
    };
    const bool has_rows = rows_print(mtr_node_get(root, "sources"), ROWS_COLUMNS(columns));
    fflush(stdout);
    fprintf(stderr, has_rows ? "READINGS, FAILED and ROWS are since the daemon started\n"
                             : "no sources: `meterd apply` puts their documents in force\n");
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

/* Of a window that was asked for, and has none: why is in its problem. */
static void say_taken(const struct mtr_node *windows)
{
    bool has_none = false;
    for (uint32_t i = 0; windows && i < windows->child_count; i++)
        has_none = has_none || mtr_str_equal(mtr_node_text(&windows->children[i], "readings"), MTR_STR("0"));
    if (has_none) fprintf(stderr, "READINGS and LAST READ are of readings that were taken\n");
}

static void print_windows(const struct mtr_node *root)
{
    static const struct rows_column columns[] = {
        {"EACH", "each", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"START", "start", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"END", "end", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"STATE", "state", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"PROOF", "proof", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"READINGS", "readings", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"ROWS", "rows", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"REFUSED", "refused", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"REPEATED", "repeated", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"CHANGES", "changes", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"LAST READ", "last_read_at", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"PROBLEM", "problem", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
    };
    if (!rows_print(mtr_node_get(root, "windows"), ROWS_COLUMNS(columns)))
        fprintf(stderr, "no windows: none was read yet\n");
    say_taken(mtr_node_get(root, "windows"));
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

/* ---- one of them ---- */

static void line(const char *title, struct mtr_str text)
{
    if (text.size) printf("%-12s %.*s\n", title, MTR_STR_ARGS(text));
}

static void print_some(const struct mtr_node *list, const char *title)
{
    static const struct rows_column columns[] = {
        {"EACH", "each", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"START", "start", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"STATE", "state", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"READ", "noted_at", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"ROWS", "rows", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"REFUSED", "refused", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"PROBLEM", "problem", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
    };
    if (!list || !list->child_count) return;
    printf("\n%s\n", title);
    (void)rows_print(list, ROWS_COLUMNS(columns));
}

static void print_counts(const struct mtr_node *counts)
{
    printf("%-12s ", "windows");
    for (uint32_t i = 0; counts && i < counts->child_count; i++)
        printf("%s%.*s %.*s", i ? ", " : "", MTR_STR_ARGS(counts->children[i].text),
               MTR_STR_ARGS(counts->children[i].key));
    printf("\n");
}

static void print_alarms(const struct mtr_node *alarms)
{
    for (uint32_t i = 0; alarms && i < alarms->child_count; i++) {
        const struct mtr_node *alarm = &alarms->children[i];
        const struct mtr_str requests = mtr_node_text(alarm, "requests");
        printf("%-12s %.*s (%.*s request%s, since %.*s): %.*s\n", "alarm",
               MTR_STR_ARGS(mtr_node_text(alarm, "alarm")), MTR_STR_ARGS(requests),
               mtr_str_equal(requests, MTR_STR("1")) ? "" : "s", MTR_STR_ARGS(mtr_node_text(alarm, "since")),
               MTR_STR_ARGS(mtr_node_text(alarm, "problem")));
    }
}

static void print_certificate(const struct mtr_node *certificate)
{
    static const struct rows_column columns[] = {
        {"PROBE", "probe", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"RESULT", "result", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"WHAT WAS SEEN", "text", MTR_TABLE_LEFT, ROWS_SHOWN},
    };
    if (!certificate) {
        printf("%-12s none: `meterd source certify` makes one\n", "certificate");
        return;
    }
    const bool is_current = mtr_str_equal(mtr_node_text(certificate, "is_current"), MTR_STR("true"));
    const struct mtr_node *objections = mtr_node_get(certificate, "objections");
    printf("%-12s %.*s, made at %.*s of document %.16s%s\n", "certificate",
           MTR_STR_ARGS(mtr_node_text(certificate, "result")),
           MTR_STR_ARGS(mtr_node_text(certificate, "made_at")), mtr_node_text(certificate, "document").data,
           is_current ? "" : ", which is not the one in force");
    if (!objections || !objections->child_count) return;
    printf("\nwhat its probes object to\n");
    (void)rows_print(objections, ROWS_COLUMNS(columns));
}

static void print_source(const struct mtr_node *root)
{
    const struct mtr_node *now = mtr_node_get(root, "now");
    line("source", mtr_node_text(now, "source"));
    line("vendor", mtr_node_text(now, "vendor"));
    line("state", mtr_node_text(now, "state"));
    line("paused", mtr_node_text(root, "paused_at"));
    line("asks", mtr_node_text(root, "base_url"));
    line("auth", mtr_node_text(root, "auth"));
    line("tokens from", mtr_node_text(root, "token_url"));
    line("created", mtr_node_text(root, "created_at"));
    line("revision", mtr_node_text(root, "revision"));
    line("applied", mtr_node_text(root, "applied_at"));
    line("by", mtr_node_text(root, "applied_by"));
    line("sha256", mtr_node_text(root, "sha256"));
    line("requests", mtr_node_text(now, "requests"));
    line("last read", mtr_node_text(now, "read_at"));
    line("next", mtr_node_text(now, "next_at"));
    print_counts(mtr_node_get(root, "windows"));
    print_alarms(mtr_node_get(now, "alarms"));
    print_certificate(mtr_node_get(root, "certificate"));
    print_some(mtr_node_get(root, "latest"), "read last");
    print_some(mtr_node_get(root, "problems"), "not taken");
}

static int run_show(const struct cli_invocation *invocation)
{
    struct mtr_buffer path;
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_printf(&path, "/v1/sources/");
    if (!rc) rc = client_escape(&path, mtr_str_from(invocation->arguments[1]));
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    const struct rows_query query = {.path = path.data, .print = print_source};
    const int code = rc ? MTR_EXIT_USAGE : rows_query(invocation, &query);
    mtr_buffer_release(&path);
    return code;
}

static const char *const show_options[] = {"json", NULL};
const struct source_verb source_verb_show = {.name = "show",
                                             .arguments = "KEY",
                                             .arguments_min = 1,
                                             .arguments_max = 1,
                                             .options = show_options,
                                             .run = run_show};

/* ---- what it is told ---- */

static int write_body(const struct cli_invocation *invocation, struct mtr_buffer *body)
{
    const char *from = invocation_option(invocation, "from"), *each = invocation_option(invocation, "each");
    struct mtr_json_writer json;
    mtr_json_begin(&json, body);
    mtr_json_map(&json);
    mtr_json_named_cstr(&json, "action", invocation->arguments[0]);
    if (from) mtr_json_named_cstr(&json, "from", from);
    if (each) mtr_json_named_cstr(&json, "each", each);
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

static void print_told(const struct cli_invocation *invocation, const struct mtr_node *told)
{
    const char *key = invocation->arguments[1];
    const struct mtr_str action = mtr_node_text(told, "action"), windows = mtr_node_text(told, "windows");
    const struct mtr_node *by_hand = mtr_node_get(told, "by_hand");
    if (mtr_str_equal(action, MTR_STR("pause")))
        printf("%s: paused until `meterd source resume %s`\n", key, key);
    else if (mtr_str_equal(action, MTR_STR("resume")))
        printf("%s: resumed\n", key);
    else if (mtr_str_equal(windows, MTR_STR("0")))
        printf("%s: no window waits to be accepted\n", key);
    else if (by_hand && by_hand->truth)
        printf("%s: %.*s accepted; give the file again (`meterd import --source %s FILE`), and it is taken "
               "if it still says the same\n",
               key, MTR_STR_ARGS(windows), key);
    else
        printf("%s: %.*s accepted; they are read now, and taken if they still say the same\n", key,
               MTR_STR_ARGS(windows));
}

static int tell(const struct cli_invocation *invocation, const char *path, struct mtr_str body)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct mtr_client *client;
    struct mtr_document *answer = NULL;
    int code = client_open(invocation, &client);
    if (code) return code;
    code = client_json(client, "POST", path, headers, body, &answer);
    if (!code) print_told(invocation, mtr_document_root(answer));
    mtr_document_close(answer);
    client_close(client);
    return code;
}

static int run_order(const struct cli_invocation *invocation)
{
    struct mtr_buffer path, body;
    mtr_buffer_init(&path, PATH_BYTES);
    mtr_buffer_init(&body, BODY_BYTES);
    int rc = mtr_buffer_printf(&path, "/v1/sources/");
    if (!rc) rc = client_escape(&path, mtr_str_from(invocation->arguments[1]));
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    if (!rc) rc = write_body(invocation, &body);
    const int code = rc ? MTR_EXIT_USAGE : tell(invocation, path.data, mtr_buffer_str(&body));
    mtr_buffer_release(&body);
    mtr_buffer_release(&path);
    return code;
}

static const char *const no_options[] = {NULL};
#define REST(verb)                                                                                           \
    {                                                                                                        \
        .name = verb, .arguments = "KEY", .arguments_min = 1, .arguments_max = 1, .options = no_options,     \
        .run = run_order                                                                                     \
    }
const struct source_verb source_verb_pause = REST("pause");
const struct source_verb source_verb_resume = REST("resume");

static const char *const accept_options[] = {"from", "each", NULL};
const struct source_verb source_verb_accept = {.name = "accept",
                                               .arguments = "KEY",
                                               .arguments_min = 1,
                                               .arguments_max = 1,
                                               .options = accept_options,
                                               .run = run_order};
