/*
 * meterd source run: the daemon reads windows of a source in force now, and is waited for. With --dry-run
 * nothing is stored, and what would be is shown.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cli/client.h"
#include "daemon/cli/command/source_verb.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/source/interrupt.h"
#include "daemon/cli/source/source_bill.h"
#include "daemon/cli/source/source_counts.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/time.h"
#include "meterd/net/loop.h"

enum { PATH_BYTES = 4096, BODY_BYTES = 4096, LOOK_EVERY_MS = 250, LINE_EVERY_S = 5, INTERRUPTED = 130 };

/* ---- by the daemon ---- */

struct running {
    const struct cli_invocation *invocation;
    struct mtr_client *client;
    struct mtr_buffer path, body;
    bool has_terminal, json, is_dry;
    struct mtr_document *last; /* answer that was looked at */
    uint64_t windows, done, failed, left, rows_before, rows; /* windows 0: not known */
    uint64_t refused;    /* rows of windows that were taken, or would be */
    uint64_t called_off; /* requests of for_each, by somebody else */
    int64_t began_us, told_us;
    uint64_t told;
    char told_problem[512];
};

static void take_answer(struct running *running, const struct mtr_node *answer)
{
    running->failed = rows_number(answer, "failed");
    running->done = rows_number(answer, "taken") + running->failed;
    running->left = rows_number(answer, "left");
    running->rows = rows_number(answer, "rows");
    running->refused = rows_number(answer, "refused");
    running->called_off = rows_number(answer, "called_off");
}

static void print_progress(const struct running *running)
{
    const int64_t elapsed_s = (mtr_clock_monotonic_us() - running->began_us) / MTR_US_PER_SECOND + 1;
    const uint64_t rows = running->rows - running->rows_before;
    fprintf(stderr, "%" PRIu64, running->done);
    if (running->windows) fprintf(stderr, " of %" PRIu64, running->windows);
    fprintf(stderr, " windows");
    if (!running->is_dry)
        fprintf(stderr, ", %" PRIu64 " row%s, %" PRIu64 "/s", rows, mtr_plural(rows),
                rows / (uint64_t)elapsed_s);
    if (running->done && running->windows > running->done) {
        const uint64_t left_s = (uint64_t)elapsed_s * (running->windows - running->done) / running->done;
        fprintf(stderr, ", %" PRIu64 ":%02" PRIu64 " to go", left_s / 60, left_s % 60);
    }
}

/* On a terminal one line that is drawn again; else a line when something was done, not too often. */
static void tell(struct running *running)
{
    const int64_t now_us = mtr_clock_monotonic_us();
    if (running->has_terminal) {
        fputc('\r', stderr);
        print_progress(running);
        fputs("\x1b[K", stderr);
        return;
    }
    if (running->done == running->told || now_us < running->told_us + LINE_EVERY_S * MTR_US_PER_SECOND)
        return;
    running->told = running->done;
    running->told_us = now_us;
    print_progress(running);
    fputc('\n', stderr);
}

/* Why nothing is done now, once for each reason. */
static void tell_wait(struct running *running)
{
    const struct mtr_node *answer = mtr_document_root(running->last);
    const struct mtr_str problem = mtr_node_text(answer, "problem");
    if (!problem.size || mtr_str_equal(problem, mtr_str_from(running->told_problem))) return;
    snprintf(running->told_problem, sizeof(running->told_problem), "%.*s", MTR_STR_ARGS(problem));
    fprintf(stderr, "%swaits, and tries again at %.*s: %s\n", running->has_terminal ? "\r\x1b[K" : "",
            MTR_STR_ARGS(mtr_node_text(answer, "again_at")), running->told_problem);
}

static int write_order(struct running *running)
{
    const char *each = invocation_option(running->invocation, "each");
    const char *to = invocation_option(running->invocation, "to");
    struct mtr_json_writer json;
    mtr_json_begin(&json, &running->body);
    mtr_json_map(&json);
    mtr_json_named_cstr(&json, "from", invocation_option(running->invocation, "from"));
    if (to) mtr_json_named_cstr(&json, "to", to);
    if (each) mtr_json_named_cstr(&json, "each", each);
    if (running->is_dry) mtr_json_named_bool(&json, "dry_run", true);
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

static int write_path(struct running *running, bool asks)
{
    const char *each = invocation_option(running->invocation, "each");
    mtr_buffer_reset(&running->path);
    int rc = mtr_buffer_append_str(&running->path, MTR_STR("/v1/sources/"));
    if (!rc) rc = client_escape(&running->path, mtr_str_from(running->invocation->arguments[1]));
    if (!rc) rc = mtr_buffer_append_str(&running->path, MTR_STR("/reads"));
    if (!rc && asks && each) rc = mtr_buffer_append_str(&running->path, MTR_STR("?each="));
    if (!rc && asks && each) rc = client_escape(&running->path, mtr_str_from(each));
    return rc ? rc : mtr_buffer_append_char(&running->path, '\0');
}

static int order(struct running *running)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct mtr_document *answer = NULL;
    if (write_path(running, false) || write_order(running)) return MTR_EXIT_USAGE;
    int code = client_json(running->client, "POST", running->path.data, headers,
                           mtr_buffer_str(&running->body), &answer);
    if (!code) {
        take_answer(running, mtr_document_root(answer));
        running->windows = rows_number(mtr_document_root(answer), "windows");
        running->rows_before = running->rows;
    }
    mtr_document_close(answer);
    return code;
}

static int look(struct running *running)
{
    struct mtr_document *answer = NULL;
    if (write_path(running, true)) return MTR_EXIT_USAGE;
    int code =
        client_json(running->client, "GET", running->path.data, NULL, (struct mtr_str){NULL, 0}, &answer);
    if (code) return code;
    take_answer(running, mtr_document_root(answer));
    mtr_document_close(running->last);
    running->last = answer;
    return MTR_EXIT_OK;
}

/* The daemon goes on: what it has begun to read would only be read again. */
static int leave(const struct running *running)
{
    const char *key = running->invocation->arguments[1];
    fprintf(stderr,
            "%smeterd source: nobody waits any more, and the daemon goes on reading: `meterd source windows "
            "%s` shows what came, `meterd source run %s --cancel` calls off the rest\n",
            running->has_terminal ? "\r\x1b[K" : "", key, key);
    return INTERRUPTED;
}

static int wait_for_all(struct running *running)
{
    const atomic_bool *stops = interrupt_watch();
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000};
    int code = look(running);
    while (!code && running->left) {
        if (atomic_load(stops)) return leave(running);
        tell_wait(running);
        tell(running);
        nanosleep(&pause, NULL);
        code = look(running);
    }
    if (running->has_terminal) fputs("\r\x1b[K", stderr);
    return code;
}

static void print_result(const struct running *running)
{
    const uint64_t taken = running->done - running->failed;
    if (running->json) {
        printf("{\"source\":\"%s\",\"taken\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"refused\":%" PRIu64 "}\n",
               running->invocation->arguments[1], taken, running->failed, running->refused);
        return;
    }
    printf("%" PRIu64 " window%s taken", taken, mtr_plural(taken));
    if (running->failed)
        printf(", %" PRIu64 " not: `meterd source show %s` says why", running->failed,
               running->invocation->arguments[1]);
    putchar('\n');
}

static void add_tried(struct mtr_table *table, const struct mtr_node *tried)
{
    const struct mtr_str problem = mtr_node_text(tried, "problem");
    const char *word = rows_is_true(tried, "unchanged") ? "nothing new"
                       : rows_is_true(tried, "taken")   ? "taken"
                                                   : "not taken";
    char text[600];
    table_row(table);
    table_cell(table, mtr_node_text(tried, "each"));
    table_cell(table, mtr_node_text(tried, "start"));
    table_cell(table, mtr_node_text(tried, "end"));
    source_counts_cells(table, tried);
    table_cell(table, mtr_node_text(tried, "quantity"));
    table_cell(table, mtr_node_text(tried, "quantity_before"));
    snprintf(text, sizeof(text), "%s%s%.*s", word, problem.size ? ": " : "", MTR_STR_ARGS(problem));
    table_cell(table, mtr_str_from(text));
}

static void print_tried(const struct running *running)
{
    const struct mtr_node *tried = mtr_node_get(mtr_document_root(running->last), "tried");
    if (running->json) {
        rows_print_json(mtr_document_root(running->last));
        return;
    }
    struct mtr_table *table = table_open(stdout);
    table_column(table, "EACH", MTR_TABLE_LEFT);
    table_column(table, "START", MTR_TABLE_LEFT);
    table_column(table, "END", MTR_TABLE_LEFT);
    source_counts_columns(table);
    table_column(table, "QUANTITY", MTR_TABLE_RIGHT);
    table_column(table, "WAS", MTR_TABLE_RIGHT);
    table_column(table, "WOULD BE", MTR_TABLE_LEFT);
    for (uint32_t i = 0; tried && i < tried->child_count; i++) add_tried(table, &tried->children[i]);
    table_print(table);
    table_close(table);
    source_bill_print(mtr_document_root(running->last));
}

/* ---- called off ---- */

static int print_called_off(const struct running *running, const struct mtr_node *answer)
{
    const char *key = running->invocation->arguments[1];
    const uint64_t requests = rows_number(answer, "requests");
    if (running->json)
        rows_print_json(answer);
    else if (requests)
        printf("%s: called off; what is being read is read to its end\n", key);
    else
        printf("%s: nothing that was asked for is left to be read\n", key);
    return MTR_EXIT_OK;
}

static int call_off(struct running *running)
{
    static const char *const others[] = {"from", "to", "dry-run", NULL};
    struct mtr_document *answer = NULL;
    for (const char *const *name = others; *name; name++)
        if (invocation_flag(running->invocation, *name)) {
            fprintf(stderr, "meterd source: --cancel is of all that was asked for: leave --%s out\n", *name);
            return MTR_EXIT_USAGE;
        }
    if (write_path(running, true)) return MTR_EXIT_USAGE;
    int code = client_json(running->client, "DELETE", running->path.data, NULL, (struct mtr_str){NULL, 0},
                           &answer);
    if (!code) code = print_called_off(running, mtr_document_root(answer));
    mtr_document_close(answer);
    return code;
}

/* ---- the verb ---- */

static void tell_refused(const struct running *running)
{
    const char *key = running->invocation->arguments[1];
    fprintf(stderr, "meterd source: %" PRIu64 " row%s ", running->refused, mtr_plural(running->refused));
    if (running->is_dry)
        fprintf(stderr, "would be in quarantine: `meterd source test %s --from TIME` says why\n", key);
    else
        fprintf(stderr, "of what was taken %s in quarantine: GET /v1/quarantine?source=%s says why\n",
                running->refused == 1 ? "is" : "are", key);
}

static int order_and_wait(struct running *running)
{
    int code = order(running);
    if (!code) code = wait_for_all(running);
    if (!code && running->is_dry)
        print_tried(running);
    else if (!code)
        print_result(running);
    if (code) return code;
    fflush(stdout);
    if (running->refused) tell_refused(running);
    if (running->called_off) fprintf(stderr, "meterd source: the rest was called off (`--cancel`)\n");
    return running->failed || running->refused || running->called_off ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static int run(const struct cli_invocation *invocation)
{
    const bool is_cancel = invocation_flag(invocation, "cancel");
    if (!is_cancel && !invocation_flag(invocation, "from")) {
        fprintf(stderr, "meterd source: run which windows? say --from, and --to where it is more than one\n");
        return MTR_EXIT_USAGE;
    }
    struct running running = {.invocation = invocation,
                              .has_terminal = isatty(STDERR_FILENO) == 1,
                              .json = invocation_flag(invocation, "json"),
                              .is_dry = invocation_flag(invocation, "dry-run"),
                              .began_us = mtr_clock_monotonic_us()};
    int code = client_open(invocation, &running.client);
    if (code) return code;
    mtr_buffer_init(&running.path, PATH_BYTES);
    mtr_buffer_init(&running.body, BODY_BYTES);
    code = is_cancel ? call_off(&running) : order_and_wait(&running);
    mtr_document_close(running.last);
    mtr_buffer_release(&running.path);
    mtr_buffer_release(&running.body);
    client_close(running.client);
    return code;
}

static const char *const options[] = {"from", "to", "each", "dry-run", "cancel", "json", NULL};
const struct source_verb source_verb_run = {.name = "run",
                                            .arguments = "KEY",
                                            .arguments_min = 1,
                                            .arguments_max = 1,
                                            .options = options,
                                            .run = run};
