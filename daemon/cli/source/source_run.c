/*
 * meterd source run: windows of a source in force are read now. With --dry-run they are read by this process,
 * held against the ledger, and nothing comes of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cli/client.h"
#include "daemon/cli/source/interrupt.h"
#include "daemon/cli/source/source_chosen.h"
#include "daemon/cli/command/source_verb.h"
#include "daemon/cli/table.h"
#include "daemon/trying.h"
#include "meterd/core/json_writer.h"
#include "meterd/net/loop.h"

enum { PATH_BYTES = 4096, BODY_BYTES = 4096, LOOK_EVERY_MS = 250, LINE_EVERY_S = 5, PATIENCE_S = 30 };

/* ---- by the daemon ---- */

struct running {
    const struct cli_invocation *invocation;
    struct mtr_client *client;
    struct mtr_buffer path, body;
    bool has_terminal, json;
    uint64_t windows, done, failed, left, rows_before, rows; /* windows 0: not known */
    int64_t began_us, told_us;
    uint64_t told;
};

static uint64_t number_of(const struct mtr_node *node, const char *name)
{
    uint64_t value = 0;
    (void)!mtr_str_to_u64(mtr_node_text(node, name), &value);
    return value;
}

static void take_answer(struct running *running, const struct mtr_node *answer)
{
    running->failed = number_of(answer, "failed");
    running->done = number_of(answer, "taken") + running->failed;
    running->left = number_of(answer, "left");
    running->rows = number_of(answer, "rows");
}

static void print_progress(const struct running *running)
{
    const int64_t elapsed_s = (mtr_clock_monotonic_us() - running->began_us) / MTR_US_PER_SECOND + 1;
    const uint64_t rows = running->rows - running->rows_before;
    fprintf(stderr, "%" PRIu64, running->done);
    if (running->windows) fprintf(stderr, " of %" PRIu64, running->windows);
    fprintf(stderr, " windows, %" PRIu64 " row%s, %" PRIu64 "/s", rows, mtr_plural(rows),
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

static int write_order(struct running *running)
{
    const char *each = invocation_option(running->invocation, "each");
    struct mtr_json_writer json;
    mtr_json_begin(&json, &running->body);
    mtr_json_map(&json);
    mtr_json_named_cstr(&json, "from", invocation_option(running->invocation, "from"));
    mtr_json_named_cstr(&json, "to", invocation_option(running->invocation, "to"));
    if (each) mtr_json_named_cstr(&json, "each", each);
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
        running->windows = number_of(mtr_document_root(answer), "windows");
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
    if (!code) take_answer(running, mtr_document_root(answer));
    mtr_document_close(answer);
    return code;
}

static int wait_for_all(struct running *running)
{
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000};
    int code = look(running);
    while (!code && running->left) {
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
        printf("{\"source\":\"%s\",\"taken\":%" PRIu64 ",\"failed\":%" PRIu64 "}\n",
               running->invocation->arguments[1], taken, running->failed);
        return;
    }
    printf("%" PRIu64 " window%s taken", taken, mtr_plural(taken));
    if (running->failed)
        printf(", %" PRIu64 " not: `meterd source windows %s` says why", running->failed,
               running->invocation->arguments[1]);
    putchar('\n');
}

static int run_by_daemon(const struct cli_invocation *invocation)
{
    struct running running = {.invocation = invocation,
                              .has_terminal = isatty(STDERR_FILENO) == 1,
                              .json = invocation_flag(invocation, "json"),
                              .began_us = mtr_clock_monotonic_us()};
    int code = client_open(invocation, &running.client);
    if (code) return code;
    mtr_buffer_init(&running.path, PATH_BYTES);
    mtr_buffer_init(&running.body, BODY_BYTES);
    code = order(&running);
    if (!code) code = wait_for_all(&running);
    if (!code) print_result(&running);
    mtr_buffer_release(&running.path);
    mtr_buffer_release(&running.body);
    client_close(running.client);
    return code ? code : running.failed ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

/* ---- dry ---- */

struct comparing {
    struct source_chosen chosen;
    struct source_readings readings;
    struct mtr_ledger *ledger;
    struct trying *trying;
    const atomic_bool *stops;
    uint8_t event_key[MTR_EVENT_KEY_BYTES];
    uint32_t failed;
};

static int read_key(struct comparing *comparing)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%.*s/event.key", MTR_STR_ARGS(comparing->chosen.config.data.directory));
    FILE *file = fopen(path, "re");
    const size_t size = file ? fread(comparing->event_key, 1, MTR_EVENT_KEY_BYTES, file) : 0;
    if (file) fclose(file);
    if (size == MTR_EVENT_KEY_BYTES) return MTR_EXIT_OK;
    fprintf(stderr,
            "meterd source: a dry run holds rows against the ledger, and cannot read %s: run it as the "
            "daemon's user, beside its data\n",
            path);
    return MTR_EXIT_FAILED;
}

static int open_ledger(struct comparing *comparing)
{
    struct mtr_diagnostic diagnostic = {0};
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%.*s/intake", MTR_STR_ARGS(comparing->chosen.config.data.directory));
    int rc = mtr_ledger_open(path, true, &comparing->ledger, &diagnostic);
    if (!rc) return MTR_EXIT_OK;
    fprintf(stderr, "meterd source: %s: %s\n", path,
            diagnostic.text[0] ? diagnostic.text : mtr_error_text(rc));
    return MTR_EXIT_FAILED;
}

static int open_trying(struct comparing *comparing)
{
    static const struct trying_hooks no_hooks;
    struct mtr_diagnostic diagnostic;
    const struct trying_options options = {.config = &comparing->chosen.config,
                                           .source = comparing->chosen.source,
                                           .catalog = comparing->chosen.judged_by,
                                           .hooks = &no_hooks,
                                           .ledger = comparing->ledger,
                                           .event_key = comparing->event_key,
                                           .patience_us = PATIENCE_S * MTR_US_PER_SECOND,
                                           .stops = comparing->stops};
    if (!trying_open(&options, &comparing->trying, &diagnostic)) return MTR_EXIT_OK;
    fprintf(stderr, "meterd source: %s\n", diagnostic.text);
    return MTR_EXIT_FAILED;
}

static void add_number(struct mtr_table *table, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    table_cell(table, mtr_str_from(text));
}

static void add_time(struct mtr_table *table, int64_t time_us)
{
    char text[MTR_TIME_TEXT_BYTES];
    mtr_time_format(time_us, text);
    table_cell(table, mtr_str_from(text));
}

static void add_row(struct mtr_table *table, const struct mtr_trial_ask *ask,
                    const struct mtr_trial_report *report)
{
    static const char *const words[] = {"taken", "read again", "not taken", "failed", "nothing new"};
    char result[MTR_TRIAL_TEXT_BYTES + 40];
    table_row(table);
    table_cell(table, ask->each);
    add_time(table, ask->window.from_us);
    add_time(table, ask->window.to_us);
    add_number(table, report->rows);
    add_number(table, report->same);
    add_number(table, report->added);
    add_number(table, report->changed);
    add_number(table, report->gone);
    snprintf(result, sizeof(result), "%s%s%s", words[report->result], report->text[0] ? ": " : "",
             report->text);
    table_cell(table, mtr_str_from(result));
}

static struct mtr_table *open_table(void)
{
    static const char *const numbers[] = {"ROWS", "SAME", "NEW", "CHANGED", "GONE"};
    struct mtr_table *table = table_open(stdout);
    table_column(table, "EACH", MTR_TABLE_LEFT);
    table_column(table, "START", MTR_TABLE_LEFT);
    table_column(table, "END", MTR_TABLE_LEFT);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        table_column(table, numbers[i], MTR_TABLE_RIGHT);
    table_column(table, "WOULD BE", MTR_TABLE_LEFT);
    return table;
}

static void write_row(struct mtr_json_writer *json, const struct mtr_trial_ask *ask,
                      const struct mtr_trial_report *report)
{
    static const char *const words[] = {"taken", "again", "not_taken", "failed", "unchanged"};
    mtr_json_map(json);
    if (ask->each.size) mtr_json_named_text(json, "each", ask->each);
    mtr_json_named_time(json, "from", ask->window.from_us);
    mtr_json_named_time(json, "to", ask->window.to_us);
    mtr_json_named_u64(json, "rows", report->rows);
    mtr_json_named_u64(json, "same", report->same);
    mtr_json_named_u64(json, "new", report->added);
    mtr_json_named_u64(json, "changed", report->changed);
    mtr_json_named_u64(json, "gone", report->gone);
    mtr_json_named_cstr(json, "result", words[report->result]);
    if (report->text[0]) mtr_json_named_cstr(json, "problem", report->text);
    mtr_json_map_end(json);
}

static int compare_all(struct comparing *comparing, bool is_json)
{
    struct mtr_trial_report report;
    struct mtr_json_writer json;
    struct mtr_buffer out;
    struct mtr_table *table = open_table();
    mtr_buffer_init(&out, SIZE_MAX);
    mtr_json_begin(&json, &out);
    mtr_json_list(&json);
    for (uint32_t i = 0; i < comparing->readings.count && !atomic_load(comparing->stops); i++) {
        const struct mtr_trial_ask *ask = &comparing->readings.asks[i];
        (void)!trying_read(comparing->trying, ask, &report); /* the report says it, too */
        comparing->failed += report.result == MTR_TRIAL_FAILED || report.result == MTR_TRIAL_NOT_TAKEN;
        add_row(table, ask, &report);
        write_row(&json, ask, &report);
    }
    mtr_json_list_end(&json);
    int rc = mtr_json_finish(&json);
    if (is_json && !rc) printf("{\"windows\":%.*s}\n", MTR_STR_ARGS(mtr_buffer_str(&out)));
    if (!is_json) table_print(table);
    table_close(table);
    mtr_buffer_release(&out);
    return rc || comparing->failed ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static int run_dry(const struct cli_invocation *invocation)
{
    struct comparing comparing = {.stops = interrupt_watch()};
    int code = source_choose(invocation, 1, 2, &comparing.chosen);
    if (!code && !comparing.chosen.is_in_force) {
        fprintf(stderr, "meterd source: `run` is of a source in force: `test` tries a FILE\n");
        code = MTR_EXIT_USAGE;
    }
    if (!code) code = source_check_tokens(&comparing.chosen);
    if (!code)
        code = source_choose_readings(invocation, &comparing.chosen, mtr_clock_wall_us(), true,
                                      &comparing.readings);
    if (!code) code = read_key(&comparing);
    if (!code) code = open_ledger(&comparing);
    if (!code) code = open_trying(&comparing);
    if (!code) code = compare_all(&comparing, invocation_flag(invocation, "json"));
    trying_close(comparing.trying);
    mtr_ledger_close(comparing.ledger);
    source_readings_release(&comparing.readings);
    source_chosen_release(&comparing.chosen);
    return code;
}

/* ---- both ---- */

static int run(const struct cli_invocation *invocation)
{
    if (!invocation_flag(invocation, "from") || !invocation_flag(invocation, "to")) {
        fprintf(stderr, "meterd source: run which windows? say --from and --to\n");
        return MTR_EXIT_USAGE;
    }
    return invocation_flag(invocation, "dry-run") ? run_dry(invocation) : run_by_daemon(invocation);
}

static const char *const options[] = {"from", "to", "each", "dry-run", "json", NULL};
const struct source_verb source_verb_run = {.name = "run",
                                            .arguments = "KEY",
                                            .arguments_min = 1,
                                            .arguments_max = 1,
                                            .options = options,
                                            .run = run};
