/*
 * meterd import: rows of a vendor's CSV or NDJSON, through a column mapping, as events to the daemon. Ids
 * come from the rows, so a second run is all `duplicate` and an interrupted one is simply run again. The file
 * is read as it goes; memory is bounded by one request.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "meterd/collector/import_map.h"
#include "daemon/cli/event_sender.h"
#include "meterd/core/csv.h"
#include "meterd/core/json_writer.h"
#include "daemon/cli/inputs.h"

enum {
    REQUEST_BYTES_MAX = 32 << 20,
    FLUSH_BYTES = 8 << 20,
    BATCH_MAX = 100000,
    MAP_BYTES_MAX = 1 << 20,
    PIECE_BYTES = 256 << 10,
    LINE_BYTES_MAX = 1 << 20,
    ROW_ARENA_BYTES_MAX = 4 << 20,
    DRY_RUN_EVENTS = 5,
    PATH_SEGMENT_BYTES = 128,
};

struct import {
    struct event_sender sender;
    struct mtr_import_map map;
    struct mtr_import_row row;
    struct mtr_csv_reader csv;
    const char *file;
    int64_t cell_of_column[MTR_IMPORT_COLUMNS_MAX]; /* of a CSV record; from its header */
    uint32_t header_cells;
    bool has_header;
    bool dry_run;
    int code;               /* what stopped the import, or 0 */
    struct mtr_arena arena; /* of one row */
    struct mtr_buffer body;
    uint64_t lines[BATCH_MAX];
    uint32_t count;
    uint64_t batch_max;
    uint64_t bytes_done, events, skipped;
};

static int flush(struct import *import)
{
    const struct event_sender_batch batch = {mtr_buffer_str(&import->body), import->file, import->lines,
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

static int keep_event(struct import *import, const struct mtr_event *event, uint64_t line)
{
    int rc = write_event(event, &import->body);
    if (rc) return stop(import, "cannot write an event", rc);
    import->events++;
    if (import->dry_run) {
        if (import->events <= DRY_RUN_EVENTS) printf("%.*s", MTR_STR_ARGS(mtr_buffer_str(&import->body)));
        mtr_buffer_reset(&import->body);
        return MTR_EXIT_OK;
    }
    import->lines[import->count++] = line;
    return import->count == import->batch_max || import->body.size >= FLUSH_BYTES ? flush(import)
                                                                                  : MTR_EXIT_OK;
}

/* import->row is filled. */
static int take_row(struct import *import, uint64_t line)
{
    struct mtr_event event;
    struct mtr_diagnostic diagnostic;
    bool skipped;
    mtr_arena_reset(&import->arena);
    int rc = mtr_import_map_event(&import->map, &import->row, &import->arena, &event, &skipped, &diagnostic);
    if (rc == MTR_EINVALID) {
        event_sender_problem(&import->sender, import->file, line, diagnostic.code, diagnostic.field,
                             diagnostic.text);
        return MTR_EXIT_OK;
    }
    if (rc) return stop(import, "cannot keep a row", rc);
    import->skipped += skipped;
    return skipped ? MTR_EXIT_OK : keep_event(import, &event, line);
}

static struct mtr_str header_cell_at(const void *context, unsigned i)
{
    const struct mtr_csv_record *header = context;
    return i < header->cell_count ? header->cells[i] : (struct mtr_str){NULL, 0};
}

static int missing_column(struct import *import, const struct mtr_csv_record *header, struct mtr_str name)
{
    char text[160 + MTR_MEANT_BYTES], meant[MTR_MEANT_BYTES];
    snprintf(text, sizeof(text), "the mapping's column '%.*s%s' is not in the header%s", MTR_STR_QUOTED(name),
             mtr_str_meant(name, header_cell_at, header, meant));
    event_sender_problem(&import->sender, import->file, header->line, MTR_FINDING_IMPORT_COLUMN, NULL,
                         text);
    return MTR_EXIT_FAILED;
}

static int take_header(struct import *import, const struct mtr_csv_record *record)
{
    for (uint32_t i = 0; i < import->map.column_count; i++) {
        import->cell_of_column[i] = -1;
        for (uint32_t j = 0; j < record->cell_count && import->cell_of_column[i] < 0; j++)
            if (mtr_str_equal(record->cells[j], import->map.columns[i])) import->cell_of_column[i] = j;
        if (import->cell_of_column[i] >= 0) continue;
        return missing_column(import, record, import->map.columns[i]);
    }
    import->header_cells = record->cell_count;
    import->has_header = true;
    return MTR_EXIT_OK;
}

/* A cell too many has shifted those behind it: which of them is what cannot be known. Empty ones at the end
 * have shifted none. */
static bool is_shifted(const struct import *import, const struct mtr_csv_record *record)
{
    for (uint32_t i = import->header_cells; i < record->cell_count; i++)
        if (record->cells[i].size) return true;
    return false;
}

static int on_record(void *context, const struct mtr_csv_record *record)
{
    struct import *import = context;
    if (!import->has_header) {
        import->code = take_header(import, record);
    } else if (is_shifted(import, record)) {
        char text[120];
        snprintf(text, sizeof(text),
                 "has %u cells, and the header %u: a cell that holds the delimiter stands in quotes",
                 record->cell_count, import->header_cells);
        event_sender_problem(&import->sender, import->file, record->line, MTR_FINDING_IMPORT_CELLS, NULL,
                             text);
    } else {
        for (uint32_t i = 0; i < import->map.column_count; i++) {
            int64_t cell = import->cell_of_column[i];
            import->row.cells[i] = cell < (int64_t)record->cell_count ? record->cells[cell]
                : (struct mtr_str){NULL, 0};
        }
        import->code = take_row(import, record->line);
    }
    return import->code ? MTR_ECLOSED : MTR_OK;
}

static int empty_file(struct import *import, const char *text)
{
    event_sender_problem(&import->sender, import->file, 1, MTR_FINDING_IMPORT_EMPTY, NULL, text);
    return MTR_EXIT_FAILED;
}

static int import_csv(struct import *import, FILE *file)
{
    struct mtr_diagnostic diagnostic;
    char *piece = malloc(PIECE_BYTES);
    size_t size;
    int rc = piece ? MTR_OK : MTR_ENOMEM;
    import->has_header = false;
    mtr_csv_reader_init(&import->csv, import->map.delimiter, on_record, import);
    mtr_diagnostic_set(&diagnostic, MTR_FINDING_PROGRAM_MEMORY, 0, 0, "", "%s", mtr_error_text(MTR_ENOMEM));
    while (!rc && (size = fread(piece, 1, PIECE_BYTES, file)) > 0) {
        import->bytes_done += size;
        rc = mtr_csv_read(&import->csv, (struct mtr_str){piece, size}, &diagnostic);
    }
    if (!rc) rc = mtr_csv_read_end(&import->csv, &diagnostic);
    mtr_csv_reader_release(&import->csv);
    free(piece);
    if (!rc && !import->has_header) return empty_file(import, "the file is empty: a header line is expected");
    if (!rc || import->code) return import->code;
    int code = flush(import); /* what stands before the broken record is good */
    event_sender_problem(&import->sender, import->file, diagnostic.line, diagnostic.code, NULL,
                         diagnostic.text);
    return code ? code : MTR_EXIT_FAILED;
}

/* The member of that name, or along a path of names with dots; the list that such a path goes through, which
 * has no one value. NULL when there is none. */
static const struct mtr_node *find_member(const struct mtr_node *node, const char *name)
{
    const struct mtr_node *member = mtr_node_get(node, name);
    char segment[PATH_SEGMENT_BYTES];
    while (!member && node) {
        size_t size = strcspn(name, ".");
        if (size >= sizeof(segment)) return NULL;
        memcpy(segment, name, size);
        segment[size] = '\0';
        node = mtr_node_get(node, segment);
        if (name[size] == '\0' || (node && node->kind == MTR_NODE_LIST)) return node;
        name += size + 1;
    }
    return member;
}

/* NULL, or what is wrong with the line. */
static const char *fill_row(struct import *import, const struct mtr_node *root)
{
    if (root->kind != MTR_NODE_MAP) return "a line must be a map";
    for (uint32_t i = 0; i < import->map.column_count; i++) {
        const struct mtr_node *node = find_member(root, import->map.columns[i].data);
        import->row.cells[i] = (struct mtr_str){NULL, 0};
        if (!node || node->kind == MTR_NODE_NULL) continue;
        if (node->kind == MTR_NODE_LIST || node->kind == MTR_NODE_MAP)
            return "a mapped column holds a list or map, or goes through a list: name a path such as "
                   "a.b to one value";
        import->row.cells[i] = node->text;
    }
    return NULL;
}

static int take_line(struct import *import, struct mtr_str text, uint64_t line)
{
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    if (text.size > LINE_BYTES_MAX) {
        event_sender_problem(&import->sender, import->file, line, MTR_FINDING_DOCUMENT_LIMIT, NULL,
                             "the line is longer than 1 MiB");
        return MTR_EXIT_OK;
    }
    if (mtr_document_parse(text, &document, &diagnostic)) {
        event_sender_problem(&import->sender, import->file, line, diagnostic.code, NULL, diagnostic.text);
        return MTR_EXIT_OK;
    }
    const char *reason = fill_row(import, mtr_document_root(document));
    if (reason)
        event_sender_problem(&import->sender, import->file, line, MTR_FINDING_IMPORT_LINE, NULL, reason);
    int code = reason ? MTR_EXIT_OK : take_row(import, line);
    mtr_document_close(document);
    return code;
}

static int import_ndjson(struct import *import, FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int code = MTR_EXIT_OK;
    bool is_empty = true;
    for (uint64_t number = 1; !code && (size = getline(&line, &capacity, file)) > 0; number++) {
        import->bytes_done += (uint64_t)size;
        size_t used = (size_t)size;
        while (used && (line[used - 1] == '\n' || line[used - 1] == '\r' || line[used - 1] == ' ')) used--;
        if (!used) continue;
        is_empty = false;
        code = take_line(import, (struct mtr_str){line, used}, number);
    }
    free(line);
    return is_empty ? empty_file(import, "the file is empty: a line for each row is expected") : code;
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t size = strlen(text), tail = strlen(suffix);
    return size >= tail && strcmp(text + size - tail, suffix) == 0;
}

static int import_file(struct import *import, const char *path, const char *format)
{
    FILE *file = fopen(path, "re");
    if (!format) format = has_suffix(path, "json") || has_suffix(path, ".jsonl") ? "ndjson" : "csv";
    if (!file) return cli_cannot_open(path, errno);
    import->file = path;
    int code = strcmp(format, "csv") == 0 ? import_csv(import, file) : import_ndjson(import, file);
    if (!code) code = flush(import);
    if (!code && ferror(file)) code = stop(import, "cannot be read", MTR_EIO);
    fclose(file);
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
    if (import->dry_run) {
        fflush(stdout);
        fprintf(stderr,
                "meterd: %" PRIu64 " event%s, %" PRIu64 " row%s skipped, %" PRIu64
                " problem%s; nothing sent\n",
                import->events, mtr_plural(import->events), import->skipped, mtr_plural(import->skipped),
                import->sender.problems, mtr_plural(import->sender.problems));
        return code ? code : import->sender.problems ? MTR_EXIT_FAILED : MTR_EXIT_OK;
    }
    code = event_sender_finish(&import->sender, code);
    if (import->skipped)
        fprintf(stderr, "meterd: %" PRIu64 " row%s skipped\n", import->skipped, mtr_plural(import->skipped));
    return code;
}

static int run(const struct cli_invocation *invocation)
{
    const char *map = invocation_option(invocation, "map"), *format = invocation_option(invocation, "format");
    if (!map || (format && strcmp(format, "csv") != 0 && strcmp(format, "ndjson") != 0)) {
        fprintf(stderr, "meterd import: %s\n",
                map ? "--format is csv or ndjson"
                    : "--map FILE is needed: it says which columns make an event");
        return MTR_EXIT_USAGE;
    }
    struct import *import = calloc(1, sizeof(*import));
    struct mtr_client *client = NULL;
    MTR_ASSERT(import != NULL);
    import->batch_max = 5000;
    import->dry_run = invocation_flag(invocation, "dry-run");
    mtr_arena_init(&import->arena, 16 << 10, ROW_ARENA_BYTES_MAX);
    mtr_buffer_init(&import->body, REQUEST_BYTES_MAX);
    int code = invocation_u64(invocation, "batch", 1, BATCH_MAX, &import->batch_max) ? read_map(import, map)
                                                                                     : MTR_EXIT_USAGE;
    if (!code && !import->dry_run) code = client_open(invocation, &client);
    if (!code) code = event_sender_init(&import->sender, invocation, client, "application/x-ndjson", "zstd");
    if (!code) code = import_all(import, invocation, format);
    event_sender_release(&import->sender);
    client_close(client);
    mtr_import_map_release(&import->map);
    mtr_arena_release(&import->arena);
    mtr_buffer_release(&import->body);
    free(import);
    return code;
}

static const struct cli_option options[] = {
    {"map", 'm', "FILE", "column mapping (YAML)"},
    {"format", 0, "FORMAT", "csv or ndjson (default: by the file's name)"},
    {"batch", 0, "N", "events per request (default 5000)"},
    {"errors", 0, "N", "problems to print (default 10)"},
    {"attempts", 0, "N", "tries per request before giving up (default 8)"},
    {"dry-run", 0, NULL, "print the first events instead of sending"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_import = {
    .name = "import",
    .arguments = "FILE…",
    .arguments_min = 1,
    .arguments_max = 64,
    .doc = "import CSV or NDJSON with a column mapping",
    .text = "config/import-focus.yaml is a mapping with every key commented. Ids come from the rows: "
            "importing a file again counts nothing twice.\n",
    .options = options,
    .run = run,
};
