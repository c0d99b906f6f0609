/*
 * meterd import: rows of a vendor's files, through a column mapping, as events to the daemon. Ids
 * come from the rows, so a second run is all `duplicate` and an interrupted one is simply run again. The file
 * is read as it goes; memory is bounded by one request.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "meterd/collector/row_reader.h"
#include "meterd/collector/transcode.h"
#include "daemon/cli/import/source_file.h"
#include "daemon/cli/event_sender.h"
#include "meterd/core/json_writer.h"
#include "daemon/cli/inputs.h"
#include "daemon/cli/rows.h"

enum {
    REQUEST_BYTES_MAX = 32 << 20,
    FLUSH_BYTES = 8 << 20,
    BATCH_MAX = 100000,
    MAP_BYTES_MAX = 1 << 20,
    PIECE_BYTES = 256 << 10,
    DRY_RUN_EVENTS = 5,
};

struct import {
    struct event_sender sender;
    struct mtr_import_map map;
    struct mtr_row_reader *rows; /* of the file at work */
    struct mtr_transcode *transcode; /* NULL: it is UTF-8 */
    struct mtr_diagnostic diagnostic; /* of what cannot be read */
    const char *path, *file; /* file: the path, or one in it that is a zip */
    char entry[1024];
    uint32_t entry_count;
    struct mtr_row_format format; /* of the file */
    bool dry_run;
    bool is_local; /* the daemon is not asked */
    int code; /* what stopped the import, or 0 */
    struct mtr_buffer body;
    struct event_sender_place places[BATCH_MAX];
    uint32_t count;
    uint64_t batch_max;
    uint64_t bytes_done, events, skipped;
};

static int flush(struct import *import)
{
    const struct event_sender_batch batch = {mtr_buffer_str(&import->body), import->file, import->places,
                                             import->count};
    if (import->count == 0) return MTR_EXIT_OK;
    int code = event_sender_send(&import->sender, &batch);
    import->count = 0;
    mtr_buffer_reset(&import->body);
    progress_update(&import->sender.progress, import->bytes_done, import->events);
    return code;
}

static int write_event(const struct mtr_event *event, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    mtr_json_named_text(&json, "id", event->id);
    if (event->source.size) mtr_json_named_text(&json, "source", event->source);
    mtr_json_named_text(&json, "type", event->type);
    mtr_json_named_text(&json, "subject", event->subject);
    if (event->time_given) {
        mtr_json_named_time(&json, "time", event->time_us);
    }
    mtr_json_name(&json, "data");
    mtr_event_write_data(event, &json);
    mtr_json_map_end(&json);
    int rc = mtr_json_finish(&json);
    return rc ? rc : mtr_buffer_append_char(out, '\n');
}

static int stop(struct import *import, const char *what, int rc)
{
    progress_clear(&import->sender.progress);
    fprintf(stderr, "meterd: %s: %s: %s\n", import->file, what, mtr_error_text(rc));
    return MTR_EXIT_FAILED;
}

static struct mtr_str last_event(const struct import *import, size_t before)
{
    return (struct mtr_str){import->body.data + before, import->body.size - before};
}

static int keep_event(struct import *import, const struct mtr_event *event, struct event_sender_place place)
{
    const size_t before = import->body.size;
    int rc = write_event(event, &import->body);
    if (rc) return stop(import, "cannot write an event", rc);
    import->events++;
    if (import->dry_run && import->events <= DRY_RUN_EVENTS && !import->sender.json)
        rows_print_text(last_event(import, before));
    if (import->is_local) {
        mtr_buffer_reset(&import->body);
        return MTR_EXIT_OK;
    }
    import->places[import->count++] = place;
    return import->count == import->batch_max || import->body.size >= FLUSH_BYTES ? flush(import)
                                                                                  : MTR_EXIT_OK;
}

/* Where a row is a line, its number says enough. */
static struct event_sender_place place_of(const struct import *import, const struct mtr_record_place *place)
{
    const enum mtr_row_format_kind kind = import->format.kind;
    return (struct event_sender_place){
        place->line, kind == MTR_ROWS_CSV || kind == MTR_ROWS_NDJSON ? 0 : place->column};
}

static int on_event(void *context, const struct mtr_event *event, const struct mtr_record_place *place)
{
    struct import *import = context;
    import->code = keep_event(import, event, place_of(import, place));
    return import->code ? MTR_ECLOSED : MTR_OK;
}

static int on_problem(void *context, const struct mtr_diagnostic *problem,
                      const struct mtr_record_place *place)
{
    struct import *import = context;
    const struct event_sender_place here = place ? place_of(import, place)
                                                 : (struct event_sender_place){problem->line, 0};
    event_sender_problem(&import->sender, import->file, here, problem->code,
                         problem->field[0] ? problem->field : NULL, problem->text);
    return MTR_OK;
}

/* Equal ids in one file: said once for each file, for it is rarely meant. */
static void say_repeated(const struct import *import, const struct mtr_row_counts *counts)
{
    if (!counts->repeated) return;
    fprintf(stderr,
            "%s:%" PRIu64 ": %" PRIu64 " row%s the id of an earlier row of the file, from this one on, and "
            "count%s once with it: where equal rows are usage of their own, say `multiset: true` beside the "
            "mapping's hash [%s]\n",
            import->file, counts->repeated_line, counts->repeated, counts->repeated == 1 ? " has" : "s have",
            counts->repeated == 1 ? "s" : "", mtr_finding_kind(MTR_FINDING_IMPORT_REPEATED)->code);
}

/* What an answer of Prometheus warns of may be that samples are missing. */
static void say_warnings(struct import *import)
{
    char text[512];
    if (import->format.kind != MTR_ROWS_PROMETHEUS) return;
    const struct mtr_found warnings = mtr_row_reader_found(import->rows, 0);
    if (warnings.kind != MTR_FOUND_LIST || !warnings.count) return;
    snprintf(text, sizeof(text), "samples may be missing: %.*s", MTR_STR_ARGS(warnings.text));
    event_sender_problem(&import->sender, import->file, (struct event_sender_place){1, 0},
                         MTR_FINDING_IMPORT_ANSWER, "warnings", text);
}

static int on_utf8(void *context, struct mtr_str text)
{
    struct import *import = context;
    return mtr_row_reader_read(import->rows, text);
}

static int on_text(void *context, struct mtr_str text)
{
    struct import *import = context;
    return import->transcode ? mtr_transcode_read(import->transcode, text, &import->diagnostic)
                             : mtr_row_reader_read(import->rows, text);
}

static int begin_text(struct import *import)
{
    const struct mtr_str encoding = import->format.encoding;
    return encoding.size ? mtr_transcode_open(encoding.data, on_utf8, import, &import->transcode) : MTR_OK;
}

static int end_text(struct import *import)
{
    int rc = import->transcode ? mtr_transcode_end(import->transcode, &import->diagnostic) : MTR_OK;
    mtr_transcode_close(import->transcode);
    import->transcode = NULL;
    if (!rc) rc = mtr_row_reader_end(import->rows);
    if (!rc) say_warnings(import);
    return rc;
}

/* Each file of a zip is a text with a header of its own. */
static int on_entry(void *context, const char *name)
{
    struct import *import = context;
    const char *fault; /* of options that were taken before */
    int rc = MTR_OK;
    if (import->entry_count++) {
        rc = end_text(import);
        if (!rc) rc = mtr_row_reader_turn(import->rows, &fault);
        if (!rc) rc = begin_text(import);
    }
    snprintf(import->entry, sizeof(import->entry), "%s/%s", import->path, name);
    import->file = import->entry;
    return rc;
}

static struct mtr_unpack_to unpack_to(struct import *import)
{
    return (struct mtr_unpack_to){
        .on_text = on_text, .context = import, .has_encoding = import->transcode, .on_entry = on_entry};
}

/* A file that is read piece by piece, the first of which is there. */
struct pieces {
    FILE *file;
    char *bytes; /* PIECE_BYTES */
    size_t size; /* 0: at its end */
};

static struct mtr_str piece_of(const struct pieces *pieces)
{
    return (struct mtr_str){pieces->bytes, pieces->size};
}

static int next_piece(struct pieces *pieces)
{
    pieces->size = fread(pieces->bytes, 1, PIECE_BYTES, pieces->file);
    return pieces->size == 0 && ferror(pieces->file) ? mtr_error_from_errno(errno) : MTR_OK;
}

static int read_stream(struct import *import, struct pieces *pieces)
{
    const struct mtr_unpack_to to = unpack_to(import);
    struct mtr_unpack *unpack = NULL;
    int rc = mtr_unpack_open(&to, &unpack);
    while (!rc && pieces->size) {
        import->bytes_done += pieces->size;
        rc = mtr_unpack_read(unpack, piece_of(pieces), &import->diagnostic);
        if (!rc) rc = next_piece(pieces);
    }
    if (!rc) rc = mtr_unpack_end(unpack, &import->diagnostic);
    mtr_unpack_close(unpack);
    return rc;
}

/* A zip is read from its end: what comes on standard input stands in a file first. */
static int spool(struct pieces *pieces, FILE *copy)
{
    int rc = MTR_OK;
    while (!rc && pieces->size) {
        if (fwrite(pieces->bytes, 1, pieces->size, copy) < pieces->size) return mtr_error_from_errno(errno);
        rc = next_piece(pieces);
    }
    return !rc && fflush(copy) ? mtr_error_from_errno(errno) : rc;
}

static int read_zip(struct import *import, struct pieces *pieces)
{
    const struct mtr_unpack_to to = unpack_to(import);
    const char *entry = import->format.entry.size ? import->format.entry.data : NULL;
    FILE *copy = NULL;
    int rc = MTR_OK;
    if (fseek(pieces->file, 0, SEEK_SET)) {
        copy = tmpfile();
        rc = copy ? spool(pieces, copy) : mtr_error_from_errno(errno);
    }
    if (!rc) rc = mtr_unpack_zip(fileno(copy ? copy : pieces->file), entry, &to, &import->diagnostic);
    if (copy) fclose(copy);
    return rc;
}

static int read_packed(struct import *import, FILE *file)
{
    struct pieces pieces = {.file = file, .bytes = malloc(PIECE_BYTES)};
    int rc = pieces.bytes ? next_piece(&pieces) : MTR_ENOMEM;
    const bool is_zip = !rc && mtr_unpack_is_zip(piece_of(&pieces));
    if (!rc) rc = is_zip ? read_zip(import, &pieces) : read_stream(import, &pieces);
    free(pieces.bytes);
    return rc;
}

static int read_rows(struct import *import, FILE *file)
{
    int rc = begin_text(import);
    if (!rc) rc = read_packed(import, file);
    if (!rc) rc = end_text(import);
    mtr_transcode_close(import->transcode);
    import->transcode = NULL;
    if (rc == MTR_ECORRUPT) on_problem(import, &import->diagnostic, NULL);
    return rc;
}

static int conclude_file(struct import *import, int rc)
{
    const struct mtr_row_counts counts = mtr_row_reader_counts(import->rows);
    import->skipped += counts.skipped;
    progress_clear(&import->sender.progress);
    say_repeated(import, &counts);
    if (import->code) return import->code;
    int code = flush(import); /* what stands before what cannot be read is good */
    if (code || !rc) return code;
    if (rc == MTR_EINVALID || rc == MTR_ECORRUPT) return MTR_EXIT_FAILED; /* it was told */
    if (rc == MTR_ELIMIT) return stop(import, "has more rows than are known apart: split it", rc);
    return stop(import, "cannot be read", rc);
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t size = strlen(text), tail = strlen(suffix);
    return size >= tail && strcmp(text + size - tail, suffix) == 0;
}

static enum mtr_row_format_kind kind_by_name(const char *path)
{
    char name[256];
    const size_t size = strlen(path), left_out = size < sizeof(name) ? 0 : size + 1 - sizeof(name);
    snprintf(name, sizeof(name), "%s", path + left_out);
    static const char *const packings[] = {".gz", ".zst", ".zip"};
    for (size_t i = 0; i < 3; i++)
        if (has_suffix(name, packings[i])) name[strlen(name) - strlen(packings[i])] = '\0';
    return has_suffix(name, "json") || has_suffix(name, ".jsonl") ? MTR_ROWS_NDJSON : MTR_ROWS_CSV;
}

/* By what is said, or by the name of the file without that of its packing. */
static struct mtr_row_format format_of(const struct import *import, const char *path, const char *kind)
{
    struct mtr_row_format format = import->map.format;
    if (kind) format.kind = strcmp(kind, "csv") == 0 ? MTR_ROWS_CSV : MTR_ROWS_NDJSON;
    if (format.kind == MTR_ROWS_BY_NAME) format.kind = kind_by_name(path);
    return format;
}

static int import_file(struct import *import, const char *path, const char *format)
{
    const struct mtr_row_hooks hooks = {on_event, on_problem, import};
    const bool is_stdin = strcmp(path, "-") == 0;
    struct stat status;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (file && fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode)) {
        fclose(file);
        return cli_cannot_open(path, EISDIR);
    }
    if (!file) return cli_cannot_open(path, errno);
    import->path = import->file = is_stdin ? "standard input" : path;
    import->entry_count = 0;
    import->format = format_of(import, path, format);
    static const struct mtr_record_want warnings[] = {{MTR_WANT_OF_DOCUMENT, {"warnings", 8}}};
    const struct mtr_row_options options = {
        .format = &import->format,
        .wants = warnings,
        .want_count = import->format.kind == MTR_ROWS_PROMETHEUS,
        .has_repeated = true};
    const char *fault = "";
    int rc = mtr_row_reader_open(&import->map, &options, &hooks, &import->rows, &fault);
    if (!rc) rc = read_rows(import, file);
    if (rc == MTR_EINVALID && !import->rows) fprintf(stderr, "meterd: %s: %s\n", import->file, fault);
    const int code = import->rows         ? conclude_file(import, rc)
                     : rc == MTR_EINVALID ? MTR_EXIT_FAILED
                                          : stop(import, "cannot be read", rc);
    mtr_row_reader_close(import->rows);
    import->rows = NULL;
    if (!is_stdin) fclose(file);
    return code;
}

static uint64_t bytes_of_files(const struct cli_invocation *invocation)
{
    uint64_t total = 0;
    struct stat status;
    for (uint32_t i = 0; i < invocation->argument_count; i++)
        if (stat(invocation->arguments[i], &status) == 0 && S_ISREG(status.st_mode))
            total += (uint64_t)status.st_size;
    return total;
}

static int read_map(struct import *import, const char *path)
{
    struct mtr_buffer text;
    struct mtr_diagnostic diagnostic;
    int code = cli_load_file(path, MAP_BYTES_MAX, &text);
    if (code) return code;
    int rc = mtr_import_map_parse(mtr_buffer_str(&text), &import->map, &diagnostic);
    mtr_buffer_release(&text);
    if (!rc) return MTR_EXIT_OK;
    struct mtr_buffer sentence;
    mtr_buffer_init(&sentence, 4096);
    if (mtr_diagnostic_write(&sentence, path, &diagnostic) == MTR_OK)
        fprintf(stderr, "%.*s", MTR_STR_ARGS(mtr_buffer_str(&sentence)));
    mtr_buffer_release(&sentence);
    return MTR_EXIT_FAILED;
}

static int import_all(struct import *import, const struct cli_invocation *invocation, const char *format)
{
    int code = MTR_EXIT_OK;
    progress_init(&import->sender.progress, bytes_of_files(invocation));
    uint32_t taken = 0;
    for (; taken < invocation->argument_count && !code; taken++)
        code = import_file(import, invocation->arguments[taken], format);
    progress_clear(&import->sender.progress);
    cli_say_left_out(invocation, taken, "read");
    if (import->is_local) {
        fflush(stdout);
        fprintf(stderr,
                "meterd: %" PRIu64 " event%s, %" PRIu64 " row%s skipped, %" PRIu64
                " problem%s; nothing sent, and the daemon not asked (--key-file lets it judge them)\n",
                import->events, mtr_plural(import->events), import->skipped, mtr_plural(import->skipped),
                import->sender.problems, mtr_plural(import->sender.problems));
        return code ? code : import->sender.problems ? MTR_EXIT_FAILED : MTR_EXIT_OK;
    }
    code = event_sender_finish(&import->sender, code);
    if (import->skipped)
        fprintf(stderr, "meterd: %" PRIu64 " row%s skipped\n", import->skipped, mtr_plural(import->skipped));
    return code;
}

/* An option of the other way would be left aside in silence. NULL: there is none. */
static const char *idle_option(const struct cli_invocation *invocation, const char *const *names)
{
    while (*names && !invocation_option(invocation, *names) && !invocation_flag(invocation, *names)) names++;
    return *names;
}

static int run_source(const struct cli_invocation *invocation, const char *source)
{
    static const char *const of_map[] = {"map", "format", "batch", "errors", "attempts", NULL};
    const char *idle = idle_option(invocation, of_map);
    if (!idle) return import_source(invocation, source);
    fprintf(stderr, "meterd import: --%s means nothing beside --source, whose document says it\n", idle);
    return MTR_EXIT_USAGE;
}

static int run(const struct cli_invocation *invocation)
{
    static const char *const of_source[] = {"window", "accept", NULL};
    const char *source = invocation_option(invocation, "source");
    if (source && !source[0]) {
        fprintf(stderr, "meterd import: --source: the answer of which source? the name is empty\n");
        return MTR_EXIT_USAGE;
    }
    if (source) return run_source(invocation, source);
    const char *idle = idle_option(invocation, of_source);
    if (idle) {
        fprintf(stderr, "meterd import: --%s is of --source KEY\n", idle);
        return MTR_EXIT_USAGE;
    }
    const char *map = invocation_option(invocation, "map"), *format = invocation_option(invocation, "format");
    if (!map || (format && strcmp(format, "csv") != 0 && strcmp(format, "ndjson") != 0)) {
        fprintf(stderr, "meterd import: %s\n",
                map ? "--format is csv or ndjson"
                    : "--map FILE is needed: it says which columns make an event; or --source KEY");
        return MTR_EXIT_USAGE;
    }
    struct import *import = calloc(1, sizeof(*import));
    struct mtr_client *client = NULL;
    MTR_ASSERT(import != NULL);
    import->batch_max = 5000;
    import->dry_run = invocation_flag(invocation, "dry-run");
    import->is_local = import->dry_run && !invocation_option(invocation, "key-file") && !getenv("METERD_KEY");
    mtr_buffer_init(&import->body, REQUEST_BYTES_MAX);
    int code = invocation_u64(invocation, "batch", 1, BATCH_MAX, &import->batch_max) ? read_map(import, map)
                                                                                     : MTR_EXIT_USAGE;
    if (!code) import_say_restated(&import->map, map);
    if (!code && !import->is_local) code = client_open(invocation, &client);
    if (!code) code = event_sender_init(&import->sender, invocation, client, "application/x-ndjson", "zstd");
    if (!code) code = import_all(import, invocation, format);
    event_sender_release(&import->sender);
    client_close(client);
    mtr_import_map_release(&import->map);
    mtr_buffer_release(&import->body);
    free(import);
    return code;
}

static const struct cli_option options[] = {
    {"map", 'm', "FILE", "column mapping (YAML)"},
    {"source", 0, "KEY", "the file is this source's answer: its rows take the place of its window's"},
    {"window", 0, "WHEN", "of --source: its window, as 2026-10 or 2026-10-05 (default: that of its rows)"},
    {"accept", 0, NULL, "of --source: take it also where it would be suspect"},
    {"format", 0, "FORMAT", "csv or ndjson (default: as the mapping says, or by the file's name)"},
    {"batch", 0, "N", "events per request (default 5000)"},
    {"errors", 0, "N", "problems to print (default 10)"},
    {"attempts", 0, "N", "tries per request before giving up (default 8)"},
    {"dry-run", 0, NULL, "print the first events, store nothing; with a key the daemon judges all of them"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_import = {
    .name = "import",
    .arguments = "FILE…",
    .arguments_min = 1,
    .arguments_max = 64,
    .doc = "import CSV, NDJSON or JSON with a column mapping",
    .text = "config/import-focus.yaml is a mapping with every key commented. Ids come from the rows: "
            "importing a file again counts nothing twice.\n"
            "With --source the file is a reading of a window: rows that changed are billed as the "
            "difference, those that\nare gone are taken back; --dry-run says what would be.\n"
            "While another reading of the source is under way it waits, and says so; Ctrl-C calls the file "
            "off.\n"
            "gzip, zstd and zip are unpacked; `-` is standard input.\n",
    .exits = CLI_EXITS ", 130 Ctrl-C",
    .options = options,
    .run = run,
};
