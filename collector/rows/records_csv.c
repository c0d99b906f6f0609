/*
 * CSV: a header says which cell is which column, or their numbers do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/rows/record_format.h"
#include "meterd/core/csv.h"

enum { GUESS_BYTES = 160 };

struct csv {
    struct record_out *out;
    struct mtr_csv_reader reader;
    int64_t cell_of_column[MTR_RECORD_COLUMNS_MAX];
    uint32_t header_cells;
    bool columns_are_numbers, has_header; /* or knows that there is none */
};

static struct mtr_record_place place_of(const struct mtr_csv_record *record)
{
    return (struct mtr_record_place){
        .line = record->line, .column = 1, .offset = record->offset, .size = record->size};
}

/* ---- columns ---- */

static struct mtr_str header_cell_at(const void *context, unsigned i)
{
    const struct mtr_csv_record *header = context;
    return i < header->cell_count ? header->cells[i] : (struct mtr_str){NULL, 0};
}

static int refuse_column(struct csv *csv, const struct mtr_csv_record *header, struct mtr_str name,
                         const char *fault, const char *meant)
{
    char text[200 + MTR_MEANT_BYTES + GUESS_BYTES];
    struct mtr_record_place place = place_of(header);
    snprintf(text, sizeof(text), "the mapping's column '%.*s%s' %s%s", MTR_STR_QUOTED(name), fault, meant);
    return record_stop(csv->out, MTR_FINDING_IMPORT_COLUMN, &place, text);
}

/* What a header without the column may be: of another delimiter, or no header. */
static const char *guess(const struct csv *csv, const struct mtr_csv_record *header, char out[GUESS_BYTES])
{
    static const char delimiters[] = ";\t|,";
    const struct mtr_str first = header->cell_count ? header->cells[0] : MTR_STR("");
    for (const char *c = delimiters; *c && header->cell_count == 1 && first.size; c++) {
        if (*c == csv->out->format.delimiter || !memchr(first.data, *c, first.size)) continue;
        snprintf(out, GUESS_BYTES, ": where cells end with `%s`, say so: `delimiter: \"%s\"`",
                 *c == '\t' ? "\\t" : (char[]){*c, '\0'}, *c == '\t' ? "\\t" : (char[]){*c, '\0'});
        return out;
    }
    snprintf(out, GUESS_BYTES, ", which begins with `%.*s%s`", MTR_STR_QUOTED(first));
    return out;
}

/* By its name, which stands once in the header. */
static int find_column(struct csv *csv, const struct mtr_csv_record *header, uint32_t column)
{
    const struct mtr_str name = csv->out->columns[column];
    char meant[MTR_MEANT_BYTES], guessed[GUESS_BYTES];
    int64_t *cell = &csv->cell_of_column[column];
    *cell = -1;
    for (uint32_t i = 0; i < header->cell_count; i++) {
        if (!mtr_str_equal(header->cells[i], name)) continue;
        if (*cell >= 0)
            return refuse_column(csv, header, name, "stands in the header twice: number the columns", "");
        *cell = i;
    }
    if (*cell >= 0) return MTR_OK;
    const char *near = mtr_str_meant(name, header_cell_at, header, meant);
    return refuse_column(csv, header, name, "is not in the header",
                         *near ? near : guess(csv, header, guessed));
}

static bool holds(const struct mtr_csv_record *record, struct mtr_str name)
{
    for (uint32_t i = 0; i < record->cell_count; i++)
        if (mtr_str_equal(record->cells[i], name)) return true;
    return false;
}

static bool names_all(const struct csv *csv, const struct mtr_csv_record *record)
{
    for (uint32_t i = 0; i < csv->out->column_count; i++)
        if (!holds(record, csv->out->columns[i])) return false;
    return true;
}

static bool are_numbers(const struct record_out *out)
{
    uint64_t number;
    for (uint32_t i = 0; i < out->column_count; i++)
        if (!mtr_str_to_u64(out->columns[i], &number) || !number || number > MTR_CSV_CELLS_MAX) return false;
    return out->column_count > 0;
}

static void number_columns(struct csv *csv)
{
    for (uint32_t i = 0; i < csv->out->column_count; i++) {
        uint64_t number;
        bool is_number = mtr_str_to_u64(csv->out->columns[i], &number);
        MTR_ASSERT(is_number && number > 0); /* as it was opened */
        csv->cell_of_column[i] = (int64_t)number - 1;
    }
}

/* What the first record is: *is_row where there is no header. */
static int take_header(struct csv *csv, const struct mtr_csv_record *record, bool *is_row)
{
    const enum mtr_rows_header header = csv->out->format.header;
    const bool is_named = names_all(csv, record);
    *is_row = header == MTR_ROWS_NO_HEADER ||
              (header == MTR_ROWS_HEADER_GUESSED && csv->columns_are_numbers && !is_named);
    csv->header_cells = record->cell_count;
    csv->has_header = true;
    if (*is_row || (csv->columns_are_numbers && !is_named)) {
        number_columns(csv);
        return MTR_OK;
    }
    columns_begin_row(csv->out->seen);
    for (uint32_t i = 0; i < record->cell_count; i++) columns_note(csv->out->seen, record->cells[i]);
    for (uint32_t i = 0; i < csv->out->column_count; i++) {
        int rc = find_column(csv, record, i);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* ---- records ---- */

/* A cell too many has shifted those behind it: which of them is what cannot be known. Empty ones at the end
 * have shifted none. */
static bool is_shifted(const struct csv *csv, const struct mtr_csv_record *record)
{
    for (uint32_t i = csv->header_cells; i < record->cell_count; i++)
        if (record->cells[i].size) return true;
    return false;
}

static bool is_blank(struct mtr_str cell)
{
    for (size_t i = 0; i < cell.size; i++)
        if (cell.data[i] != ' ' && cell.data[i] != '\t') return false;
    return true;
}

/* A line of spaces, or of delimiters alone, as spreadsheets leave them: it says nothing. */
static bool is_empty(const struct mtr_csv_record *record)
{
    for (uint32_t i = 0; i < record->cell_count; i++)
        if (!is_blank(record->cells[i])) return false;
    return true;
}

/* The header once more, as where exports were put one behind the other: it has a column's name where that
 * column is, and all of them. */
static bool is_header(const struct csv *csv, const struct mtr_csv_record *record)
{
    const int64_t first = csv->cell_of_column[0];
    bool is_name = false;
    if (csv->columns_are_numbers || first >= (int64_t)record->cell_count) return false;
    for (uint32_t i = 0; i < csv->out->column_count && !is_name; i++)
        is_name = mtr_str_equal(record->cells[first], csv->out->columns[i]);
    return is_name && names_all(csv, record);
}

/* The line by which Excel tells the delimiter to itself. */
static bool is_excel_line(const struct mtr_csv_record *record)
{
    return record->cell_count == 2 && mtr_str_equal(record->cells[0], MTR_STR("sep=")) &&
           !record->cells[1].size;
}

static int refuse_cells(struct csv *csv, const struct mtr_csv_record *record, struct mtr_record_place *place)
{
    char text[120];
    snprintf(text, sizeof(text),
             "has %u cells, and the %s %u: a cell that holds the delimiter stands in quotes",
             record->cell_count, csv->columns_are_numbers ? "first row" : "header", csv->header_cells);
    return record_refuse(csv->out, MTR_FINDING_IMPORT_CELLS, place, text);
}

static int on_record(void *context, const struct mtr_csv_record *record)
{
    struct csv *csv = context;
    struct record_out *out = csv->out;
    struct mtr_record_place place = place_of(record);
    bool is_row = csv->has_header;
    if (is_empty(record) || (!is_row && is_excel_line(record))) return MTR_OK;
    if (!is_row || is_header(csv, record)) {
        int rc = take_header(csv, record, &is_row);
        if (rc || !is_row) return rc;
    }
    if (is_shifted(csv, record)) return refuse_cells(csv, record, &place);
    for (uint32_t i = 0; i < out->column_count; i++) {
        const int64_t cell = csv->cell_of_column[i];
        const bool is_there = cell < (int64_t)record->cell_count;
        out->cells[i] = is_there ? record->cells[cell] : (struct mtr_str){NULL, 0};
    }
    return record_give(out, out->cells, &place);
}

static int on_problem(void *context, const struct mtr_diagnostic *diagnostic)
{
    struct csv *csv = context;
    struct mtr_record_place place = {.line = diagnostic->line, .column = 1, .offset = diagnostic->offset};
    return record_refuse(csv->out, diagnostic->code, &place, diagnostic->text);
}

/* ---- the driver ---- */

static int csv_open(struct record_out *out, void **state, const char **fault)
{
    struct csv *csv = calloc(1, sizeof(*csv));
    (void)fault;
    if (!csv) return MTR_ENOMEM;
    csv->out = out;
    csv->columns_are_numbers = are_numbers(out);
    mtr_csv_reader_init(&csv->reader, out->format.delimiter, on_record, csv);
    mtr_csv_reader_set_quote(&csv->reader, out->format.quote);
    csv->reader.on_problem = on_problem;
    *state = csv;
    return MTR_OK;
}

static void csv_close(void *state)
{
    struct csv *csv = state;
    if (!csv) return;
    mtr_csv_reader_release(&csv->reader);
    free(csv);
}

static int csv_read(void *state, struct mtr_str piece)
{
    struct csv *csv = state;
    struct mtr_diagnostic unused;
    return mtr_csv_read(&csv->reader, piece, &unused);
}

static int csv_end(void *state)
{
    struct csv *csv = state;
    struct mtr_diagnostic unused;
    struct mtr_record_place place = {.line = 1, .column = 1};
    int rc = mtr_csv_read_end(&csv->reader, &unused);
    if (rc || csv->has_header) return rc;
    return csv->out->problems ? MTR_EINVALID
                              : record_stop(csv->out, MTR_FINDING_IMPORT_EMPTY, &place,
                                            "the file is empty: a header line is expected");
}

const struct record_format record_format_csv = {csv_open, csv_close, csv_read, csv_end};
