/*
 * meterd send: pushes events that are in one of the formats of POST /v1/events already. NDJSON is cut into
 * requests of --batch lines; a JSON or msgpack file is one request, sent as it is. Lines of standard input
 * are sent when they fill a request, and at its end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/event_sender.h"
#include "daemon/cli/inputs.h"

enum { REQUEST_BYTES_MAX = 8 << 20, FILE_BYTES_MAX = 1 << 30, BATCH_MAX = 100000 };

struct sending {
    struct event_sender sender;
    uint64_t batch_max;
    struct mtr_buffer body;
    struct event_sender_place places[BATCH_MAX];
    uint32_t count;
    uint64_t bytes_done;
    uint64_t events_done;
};

static int flush(struct sending *sending, const char *file)
{
    struct event_sender_batch batch = {mtr_buffer_str(&sending->body), file, sending->places,
                                       sending->count};
    if (sending->count == 0) return MTR_EXIT_OK;
    int code = event_sender_send(&sending->sender, &batch);
    sending->events_done += sending->count;
    sending->count = 0;
    mtr_buffer_reset(&sending->body);
    progress_update(&sending->sender.progress, sending->bytes_done, sending->events_done);
    return code;
}

static bool is_blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r' && line[i] != '\n') return false;
    return true;
}

static int add_line(struct sending *sending, const char *file, const char *line, size_t size, uint64_t number)
{
    if (is_blank(line, size)) return MTR_EXIT_OK;
    if (size >= REQUEST_BYTES_MAX) {
        event_sender_problem(&sending->sender, file, (struct event_sender_place){number, 0},
                             MTR_FINDING_DOCUMENT_LIMIT, NULL, "the line is longer than 8 MiB");
        return MTR_EXIT_OK;
    }
    if (sending->body.size + size + 1 > REQUEST_BYTES_MAX || sending->count == sending->batch_max) {
        int code = flush(sending, file);
        if (code) return code;
    }
    int rc = mtr_buffer_append(&sending->body, line, size);
    if (!rc && line[size - 1] != '\n') rc = mtr_buffer_append_char(&sending->body, '\n');
    if (rc) {
        fprintf(stderr, "meterd: %s\n", mtr_error_text(rc));
        return MTR_EXIT_FAILED;
    }
    sending->places[sending->count++] = (struct event_sender_place){number, 0};
    return MTR_EXIT_OK;
}

static int send_lines(struct sending *sending, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    const char *name = is_stdin ? "stdin" : path;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int code = MTR_EXIT_OK;
    if (!file) return cli_cannot_open(path, errno);
    for (uint64_t number = 1; !code && (size = getline(&line, &capacity, file)) > 0; number++) {
        sending->bytes_done += (uint64_t)size;
        code = add_line(sending, name, line, (size_t)size, number);
    }
    if (!code) code = flush(sending, name);
    if (!code && ferror(file)) {
        fprintf(stderr, "meterd: cannot read %s: %s\n", path, strerror(errno));
        code = MTR_EXIT_FAILED;
    }
    free(line);
    if (!is_stdin) fclose(file);
    return code;
}

static int send_whole(struct sending *sending, const char *path)
{
    struct mtr_buffer body;
    mtr_buffer_init(&body, FILE_BYTES_MAX);
    int code = cli_load_file(path, FILE_BYTES_MAX, &body);
    if (!code) {
        struct event_sender_batch batch = {.body = mtr_buffer_str(&body),
                                           .file = strcmp(path, "-") == 0 ? "stdin" : path};
        code = event_sender_send(&sending->sender, &batch);
    }
    mtr_buffer_release(&body);
    return code;
}

static const char *content_type(const char *format)
{
    if (strcmp(format, "ndjson") == 0) return "application/x-ndjson";
    if (strcmp(format, "json") == 0) return "application/json";
    if (strcmp(format, "msgpack") == 0) return "application/msgpack";
    fprintf(stderr, "meterd send: --format is ndjson, json or msgpack, not '%s'\n", format);
    return NULL;
}

static bool is_coding(const char *compress)
{
    if (strcmp(compress, "zstd") == 0 || strcmp(compress, "gzip") == 0 || strcmp(compress, "none") == 0)
        return true;
    fprintf(stderr, "meterd send: --compress is zstd, gzip or none, not '%s'\n", compress);
    return false;
}

static int send_all(struct sending *sending, const struct cli_invocation *invocation, bool by_line)
{
    int code = MTR_EXIT_OK;
    uint32_t taken = 0;
    if (invocation->argument_count == 0) return by_line ? send_lines(sending, "-") : send_whole(sending, "-");
    for (; taken < invocation->argument_count && !code; taken++)
        code = by_line ? send_lines(sending, invocation->arguments[taken])
                       : send_whole(sending, invocation->arguments[taken]);
    cli_say_left_out(invocation, taken, "sent");
    return code;
}

static int run(const struct cli_invocation *invocation)
{
    const char *format = invocation_option(invocation, "format"),
               *compress = invocation_option(invocation, "compress");
    if (!format) format = "ndjson";
    if (!compress) compress = "none";
    const char *type = content_type(format);
    if (!type || !is_coding(compress)) return MTR_EXIT_USAGE;
    struct sending *sending = calloc(1, sizeof(*sending));
    struct mtr_client *client = NULL;
    MTR_ASSERT(sending != NULL);
    sending->batch_max = 1000;
    mtr_buffer_init(&sending->body, REQUEST_BYTES_MAX);
    int code =
        invocation_u64(invocation, "batch", 1, BATCH_MAX, &sending->batch_max) ? MTR_EXIT_OK : MTR_EXIT_USAGE;
    if (!code) code = client_open(invocation, &client);
    if (!code) {
        code = event_sender_init(&sending->sender, invocation, client, type, compress);
        if (!code)
            code = event_sender_finish(&sending->sender,
                                       send_all(sending, invocation, strcmp(format, "ndjson") == 0));
        event_sender_release(&sending->sender);
    }
    client_close(client);
    mtr_buffer_release(&sending->body);
    free(sending);
    return code;
}

static const struct cli_option options[] = {
    {"format", 0, "FORMAT", "ndjson (default), json or msgpack: what the file holds, sent as it is"},
    {"batch", 0, "N", "events per request (default 1000)"},
    {"compress", 0, "CODING", "zstd, gzip or none (default)"},
    {"errors", 0, "N", "problems to print (default 10)"},
    {"attempts", 0, "N", "tries per request before giving up (default 8)"},
    {"dry-run", 0, NULL, "the daemon says what it would do with each request, and stores nothing"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_send = {
    .name = "send",
    .arguments = "[FILE…]",
    .arguments_max = 64,
    .doc = "push events from files or standard input",
    .text = "The events are those of docs/guide-vendors.md. A request that fails for a passing reason is "
            "sent again as it was; sending a file\n"
            "twice counts it once.\n",
    .exits = "0 ok, 1 an event needs fixing, 64 wrong usage, 75 the daemon could not be reached, 78 bad "
             "configuration",
    .options = options,
    .run = run,
};
