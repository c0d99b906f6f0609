/*
 * From text to events; see meterd/collector/row_reader.h.
 */
#include "meterd/collector/row_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/rows/known_ids.h"
#include "meterd/collector/import_row.h"
#include "meterd/core/csv.h"
#include "meterd/core/document.h"
#include "meterd/source/row_path.h"

enum { PATHS_BYTES_MAX = 4 << 20, LINE_BYTES_MAX = 1 << 20, ROW_ARENA_BYTES_MAX = 4 << 20 };

struct mtr_row_reader {
    const struct mtr_import_map *map;
    enum mtr_import_format format;
    struct mtr_row_hooks hooks;
    struct mtr_row_counts counts;
    struct mtr_import_row row;
    struct mtr_arena path_arena;
    struct mtr_arena arena; /* of one row */
    struct known_ids ids;
    /* CSV */
    struct mtr_csv_reader csv;
    int64_t cell_of_column[MTR_IMPORT_COLUMNS_MAX];
    uint32_t header_cells;
    bool has_header; /* or knows that there is none */
    /* NDJSON */
    struct mtr_row_path *paths; /* of the columns */
    struct mtr_buffer line;
    uint64_t line_number;
    bool is_after_cr, is_passed_over, has_line;
};

static int tell(struct mtr_row_reader *reader, struct mtr_diagnostic *problem)
{
    reader->counts.problems++;
    return reader->hooks.on_problem(reader->hooks.context, problem);
}

static int tell_text(struct mtr_row_reader *reader, uint64_t line, enum mtr_finding_code code,
                     const char *text)
{
    struct mtr_diagnostic problem;
    mtr_diagnostic_set(&problem, code, (uint32_t)line, 0, NULL, "%s", text);
    return tell(reader, &problem);
}

/* ---- a row ---- */

/* Of a multiset the id of the n-th. Where more ids came than are known, rows are no longer compared. */
static int number_id(struct mtr_row_reader *reader, struct mtr_event *event, uint64_t line)
{
    uint32_t count;
    int rc = known_ids_add(&reader->ids, event->source, event->id, &count);
    if (rc == MTR_ELIMIT && !reader->map->id.multiset) return MTR_OK;
    if (rc || count == 1) return rc;
    if (!reader->map->id.multiset) {
        if (!reader->counts.repeated++) reader->counts.repeated_line = line;
        return MTR_OK;
    }
    const size_t room = event->id.size + sizeof("#4294967295");
    char *id = mtr_arena_alloc(&reader->arena, room);
    if (!id) return MTR_ENOMEM;
    const int size = snprintf(id, room, "%.*s#%" PRIu32, MTR_STR_ARGS(event->id), count);
    event->id = (struct mtr_str){id, (size_t)size};
    return MTR_OK;
}

/* reader->row is filled. */
static int take_row(struct mtr_row_reader *reader, uint64_t line)
{
    struct mtr_event event;
    struct mtr_diagnostic problem;
    bool skipped;
    mtr_arena_reset(&reader->arena);
    int rc = mtr_import_map_event(reader->map, &reader->row, &reader->arena, &event, &skipped, &problem);
    problem.line = (uint32_t)line;
    if (rc == MTR_EINVALID) return tell(reader, &problem);
    if (rc) return rc;
    reader->counts.skipped += skipped;
    if (skipped) return MTR_OK;
    rc = number_id(reader, &event, line);
    if (rc) return rc;
    reader->counts.events++;
    return reader->hooks.on_event(reader->hooks.context, &event, line);
}

/* ---- CSV ---- */

static struct mtr_str header_cell_at(const void *context, unsigned i)
{
    const struct mtr_csv_record *header = context;
    return i < header->cell_count ? header->cells[i] : (struct mtr_str){NULL, 0};
}

static int refuse_column(struct mtr_row_reader *reader, const struct mtr_csv_record *header,
                         struct mtr_str name, const char *fault, const char *meant)
{
    char text[200 + MTR_MEANT_BYTES];
    snprintf(text, sizeof(text), "the mapping's column '%.*s%s' %s%s", MTR_STR_QUOTED(name), fault, meant);
    int rc = tell_text(reader, header->line, MTR_FINDING_IMPORT_COLUMN, text);
    return rc ? rc : MTR_EINVALID;
}

/* By its name, which stands once in the header. */
static int find_column(struct mtr_row_reader *reader, const struct mtr_csv_record *header, uint32_t column)
{
    const struct mtr_str name = reader->map->columns[column];
    char meant[MTR_MEANT_BYTES];
    int64_t *cell = &reader->cell_of_column[column];
    *cell = -1;
    for (uint32_t i = 0; i < header->cell_count; i++) {
        if (!mtr_str_equal(header->cells[i], name)) continue;
        if (*cell >= 0)
            return refuse_column(reader, header, name, "stands in the header twice: number the columns", "");
        *cell = i;
    }
    return *cell >= 0 ? MTR_OK
                      : refuse_column(reader, header, name, "is not in the header",
                                      mtr_str_meant(name, header_cell_at, header, meant));
}

static bool holds(const struct mtr_csv_record *record, struct mtr_str name)
{
    for (uint32_t i = 0; i < record->cell_count; i++)
        if (mtr_str_equal(record->cells[i], name)) return true;
    return false;
}

static bool names_all(const struct mtr_csv_record *record, const struct mtr_import_map *map)
{
    for (uint32_t i = 0; i < map->column_count; i++)
        if (!holds(record, map->columns[i])) return false;
    return true;
}

static void number_columns(struct mtr_row_reader *reader)
{
    for (uint32_t i = 0; i < reader->map->column_count; i++) {
        uint64_t number;
        bool is_number = mtr_str_to_u64(reader->map->columns[i], &number);
        MTR_ASSERT(is_number && number > 0); /* as the mapping was read */
        reader->cell_of_column[i] = (int64_t)number - 1;
    }
}

/* What the first record is: *is_row where there is no header. */
static int take_header(struct mtr_row_reader *reader, const struct mtr_csv_record *record, bool *is_row)
{
    const struct mtr_import_map *map = reader->map;
    const bool is_named = names_all(record, map);
    *is_row = map->header == MTR_IMPORT_NO_HEADER ||
              (map->header == MTR_IMPORT_HEADER_GUESSED && map->columns_are_numbers && !is_named);
    reader->header_cells = record->cell_count;
    reader->has_header = true;
    if (*is_row || (map->columns_are_numbers && !is_named)) {
        number_columns(reader);
        return MTR_OK;
    }
    for (uint32_t i = 0; i < map->column_count; i++) {
        int rc = find_column(reader, record, i);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* A cell too many has shifted those behind it: which of them is what cannot be known. Empty ones at the end
 * have shifted none. */
static bool is_shifted(const struct mtr_row_reader *reader, const struct mtr_csv_record *record)
{
    for (uint32_t i = reader->header_cells; i < record->cell_count; i++)
        if (record->cells[i].size) return true;
    return false;
}

static int on_record(void *context, const struct mtr_csv_record *record)
{
    struct mtr_row_reader *reader = context;
    bool is_row = reader->has_header;
    if (!is_row) {
        int rc = take_header(reader, record, &is_row);
        if (rc || !is_row) return rc;
    }
    if (is_shifted(reader, record)) {
        char text[120];
        snprintf(text, sizeof(text),
                 "has %u cells, and the %s %u: a cell that holds the delimiter stands in quotes",
                 record->cell_count,
                 reader->map->columns_are_numbers ? "first row" : "header", reader->header_cells);
        return tell_text(reader, record->line, MTR_FINDING_IMPORT_CELLS, text);
    }
    for (uint32_t i = 0; i < reader->map->column_count; i++) {
        const int64_t cell = reader->cell_of_column[i];
        const bool is_there = cell < (int64_t)record->cell_count;
        reader->row.cells[i] = is_there ? record->cells[cell] : (struct mtr_str){NULL, 0};
    }
    return take_row(reader, record->line);
}

static int on_csv_problem(void *context, const struct mtr_diagnostic *diagnostic)
{
    struct mtr_row_reader *reader = context;
    struct mtr_diagnostic problem = *diagnostic;
    problem.column = 0;
    return tell(reader, &problem);
}

/* ---- NDJSON ---- */

/* NULL, or what is wrong with the line. */
static const char *fill_row(struct mtr_row_reader *reader, const struct mtr_node *root)
{
    if (root->kind != MTR_NODE_MAP) return "a line must be a map";
    for (uint32_t i = 0; i < reader->map->column_count; i++) {
        const struct mtr_node *node = mtr_row_path_find(&reader->paths[i], root);
        reader->row.cells[i] = (struct mtr_str){NULL, 0};
        if (!node || node->kind == MTR_NODE_NULL) continue;
        if (node->kind == MTR_NODE_LIST || node->kind == MTR_NODE_MAP)
            return "a mapped column holds a list or map, or goes through a list: name a path such as "
                   "a.b or a[0].b to one value";
        reader->row.cells[i] = node->text;
    }
    return NULL;
}

static int take_line(struct mtr_row_reader *reader)
{
    struct mtr_document *document;
    struct mtr_diagnostic problem;
    const struct mtr_str text = mtr_buffer_str(&reader->line);
    int rc = mtr_document_parse(text, &document, &problem);
    if (rc == MTR_ENOMEM) return rc;
    problem.line = (uint32_t)reader->line_number;
    problem.column = 0;
    if (rc) return tell(reader, &problem);
    const char *fault = fill_row(reader, mtr_document_root(document));
    rc = fault ? tell_text(reader, reader->line_number, MTR_FINDING_IMPORT_LINE, fault)
               : take_row(reader, reader->line_number);
    mtr_document_close(document);
    return rc;
}

static bool is_blank(struct mtr_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != ' ' && text.data[i] != '\t') return false;
    return true;
}

static int end_line(struct mtr_row_reader *reader)
{
    int rc = MTR_OK;
    const struct mtr_str mark = MTR_STR("\xEF\xBB\xBF");
    if (reader->line_number == 1 && mtr_str_starts_with(mtr_buffer_str(&reader->line), mark)) {
        reader->line.size -= 3;
        memmove(reader->line.data, reader->line.data + 3, reader->line.size);
    }
    if (!reader->is_passed_over && !is_blank(mtr_buffer_str(&reader->line))) {
        reader->has_line = true;
        rc = take_line(reader);
    }
    mtr_buffer_reset(&reader->line);
    reader->is_passed_over = false;
    reader->line_number++;
    return rc;
}

static int keep_part(struct mtr_row_reader *reader, struct mtr_str part)
{
    if (reader->is_passed_over || !part.size) return MTR_OK;
    int rc = mtr_buffer_append(&reader->line, part.data, part.size);
    if (rc != MTR_ELIMIT) return rc;
    reader->is_passed_over = reader->has_line = true;
    mtr_buffer_reset(&reader->line);
    return tell_text(reader, reader->line_number, MTR_FINDING_DOCUMENT_LIMIT,
                     "the line is longer than 1 MiB");
}

static int read_lines(struct mtr_row_reader *reader, struct mtr_str piece)
{
    const char *at = piece.data, *end = piece.data + piece.size;
    int rc = MTR_OK;
    if (piece.size && reader->is_after_cr && *at == '\n') at++;
    if (piece.size) reader->is_after_cr = false;
    while (!rc && at < end) {
        const char *stop = at;
        while (stop < end && *stop != '\n' && *stop != '\r') stop++;
        rc = keep_part(reader, (struct mtr_str){at, (size_t)(stop - at)});
        if (stop == end) break;
        if (!rc) rc = end_line(reader);
        at = stop + 1;
        if (*stop == '\r' && at < end && *at == '\n') at++;
        else reader->is_after_cr = *stop == '\r' && at == end;
    }
    return rc;
}

/* ---- all of it ---- */

static int parse_paths(struct mtr_row_reader *reader)
{
    const struct mtr_import_map *map = reader->map;
    reader->paths = mtr_arena_calloc(&reader->path_arena, (size_t)map->column_count + 1,
                                     sizeof(*reader->paths));
    int rc = reader->paths ? MTR_OK : MTR_ENOMEM;
    for (uint32_t i = 0; !rc && i < map->column_count; i++)
        rc = mtr_row_path_parse(map->columns[i], &reader->path_arena, &reader->paths[i]);
    return rc;
}

int mtr_row_reader_open(const struct mtr_import_map *map, enum mtr_import_format format,
                        const struct mtr_row_hooks *hooks, struct mtr_row_reader **out)
{
    MTR_ASSERT(format != MTR_IMPORT_BY_NAME);
    struct mtr_row_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) return MTR_ENOMEM;
    reader->map = map;
    reader->format = format;
    reader->hooks = *hooks;
    reader->line_number = 1;
    mtr_arena_init(&reader->arena, 16 << 10, ROW_ARENA_BYTES_MAX);
    mtr_buffer_init(&reader->line, LINE_BYTES_MAX);
    mtr_csv_reader_init(&reader->csv, map->delimiter, on_record, reader);
    reader->csv.on_problem = on_csv_problem;
    mtr_arena_init(&reader->path_arena, 16 << 10, PATHS_BYTES_MAX);
    int rc = format == MTR_IMPORT_NDJSON ? parse_paths(reader) : MTR_OK;
    if (rc) mtr_row_reader_close(reader);
    else *out = reader;
    return rc;
}

void mtr_row_reader_close(struct mtr_row_reader *reader)
{
    if (!reader) return;
    mtr_csv_reader_release(&reader->csv);
    mtr_buffer_release(&reader->line);
    mtr_arena_release(&reader->arena);
    mtr_arena_release(&reader->path_arena);
    known_ids_release(&reader->ids);
    free(reader);
}

int mtr_row_reader_read(struct mtr_row_reader *reader, struct mtr_str piece)
{
    struct mtr_diagnostic unused;
    return reader->format == MTR_IMPORT_CSV ? mtr_csv_read(&reader->csv, piece, &unused)
                                            : read_lines(reader, piece);
}

static int refuse_empty(struct mtr_row_reader *reader, const char *text)
{
    int rc = tell_text(reader, 1, MTR_FINDING_IMPORT_EMPTY, text);
    return rc ? rc : MTR_EINVALID;
}

int mtr_row_reader_end(struct mtr_row_reader *reader)
{
    struct mtr_diagnostic unused;
    int rc = reader->format == MTR_IMPORT_CSV ? mtr_csv_read_end(&reader->csv, &unused) : end_line(reader);
    const bool is_told = reader->counts.problems > 0;
    if (rc) return rc;
    if (reader->format == MTR_IMPORT_NDJSON && !reader->has_line)
        return refuse_empty(reader, "the file is empty: a line for each row is expected");
    if (reader->format == MTR_IMPORT_CSV && !reader->has_header)
        return is_told ? MTR_EINVALID
                       : refuse_empty(reader, "the file is empty: a header line is expected");
    return MTR_OK;
}

struct mtr_row_counts mtr_row_reader_counts(const struct mtr_row_reader *reader)
{
    return reader->counts;
}
