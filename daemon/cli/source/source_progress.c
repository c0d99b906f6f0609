/*
 * meterd source progress: how far a source is with the windows that are over, as of a backfill.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cli/client.h"
#include "daemon/cli/command/source_verb.h"
#include "daemon/cli/rows.h"
#include "meterd/core/time.h"
#include "meterd/net/loop.h"

enum { PATH_BYTES = 1024, LOOK_EVERY_MS = 500, LINE_EVERY_S = 5 };

struct watching {
    const struct cli_invocation *invocation;
    struct mtr_client *client;
    struct mtr_buffer path;
    bool has_terminal, has_begun;
    uint64_t windows, read, complete, rows;
    uint64_t read_before, rows_before, told; /* when it began; at the last line */
    int64_t began_us, told_us;
};

static int look(struct watching *watching)
{
    struct mtr_document *answer = NULL;
    int code =
        client_json(watching->client, "GET", watching->path.data, NULL, (struct mtr_str){NULL, 0}, &answer);
    if (!code) {
        const struct mtr_node *root = mtr_document_root(answer);
        watching->windows = rows_number(root, "windows");
        watching->read = rows_number(root, "read");
        watching->complete = rows_number(root, "complete");
        watching->rows = rows_number(root, "rows");
        if (invocation_flag(watching->invocation, "json")) rows_print_json(root);
    }
    mtr_document_close(answer);
    if (!code && !watching->has_begun) {
        watching->read_before = watching->read;
        watching->rows_before = watching->rows;
        watching->began_us = mtr_clock_monotonic_us();
        watching->has_begun = true;
    }
    return code;
}

static void print_line(const struct watching *watching, FILE *out)
{
    const int64_t elapsed_us = mtr_clock_monotonic_us() - watching->began_us;
    const uint64_t elapsed_s = (uint64_t)(elapsed_us / MTR_US_PER_SECOND) + 1;
    const uint64_t read = watching->read - watching->read_before;
    fprintf(out, "%" PRIu64 " of %" PRIu64 " windows, %" PRIu64 " complete, %" PRIu64 " rows", watching->read,
            watching->windows, watching->complete, watching->rows);
    if (!read || watching->read >= watching->windows) return;
    const uint64_t left_s = elapsed_s * (watching->windows - watching->read) / read;
    fprintf(out, ", %" PRIu64 " rows/s, %" PRIu64 ":%02" PRIu64 " to go",
            (watching->rows - watching->rows_before) / elapsed_s, left_s / 60, left_s % 60);
}

/* On a terminal one line that is drawn again; else a line when something was read, not too often. */
static void tell(struct watching *watching)
{
    const int64_t now_us = mtr_clock_monotonic_us();
    if (watching->has_terminal) {
        fputc('\r', stderr);
        print_line(watching, stderr);
        fputs("\x1b[K", stderr);
        return;
    }
    if (watching->read == watching->told || now_us < watching->told_us + LINE_EVERY_S * MTR_US_PER_SECOND)
        return;
    watching->told = watching->read;
    watching->told_us = now_us;
    print_line(watching, stderr);
    fputc('\n', stderr);
}

static int watch(struct watching *watching)
{
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000};
    const bool is_one =
        invocation_flag(watching->invocation, "once") || invocation_flag(watching->invocation, "json");
    int code = look(watching);
    while (!code && !is_one && watching->read < watching->windows) {
        tell(watching);
        nanosleep(&pause, NULL);
        code = look(watching);
    }
    if (watching->has_terminal && !is_one) fputs("\r\x1b[K", stderr);
    if (code || invocation_flag(watching->invocation, "json")) return code;
    print_line(watching, stdout);
    putchar('\n');
    return MTR_EXIT_OK;
}

static int run(const struct cli_invocation *invocation)
{
    struct watching watching = {.invocation = invocation, .has_terminal = isatty(STDERR_FILENO) == 1};
    int code = client_open(invocation, &watching.client);
    if (code) return code;
    mtr_buffer_init(&watching.path, PATH_BYTES);
    int rc = mtr_buffer_append_str(&watching.path, MTR_STR("/v1/sources/"));
    if (!rc) rc = client_escape(&watching.path, mtr_str_from(invocation->arguments[1]));
    if (!rc) rc = mtr_buffer_append(&watching.path, "/progress", sizeof("/progress"));
    code = rc ? MTR_EXIT_USAGE : watch(&watching);
    mtr_buffer_release(&watching.path);
    client_close(watching.client);
    return code;
}

static const char *const options[] = {"once", "json", NULL};
const struct source_verb source_verb_progress = {.name = "progress",
                                                 .arguments = "KEY",
                                                 .arguments_min = 1,
                                                 .arguments_max = 1,
                                                 .options = options,
                                                 .run = run};
