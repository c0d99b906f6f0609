/*
 * CSV: the first byte chooses delimiter, quote and whether problems end the reading. Whatever the pieces, the same
 * records and problems come out; a record that is written again is read as it was.
 */
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/core/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t hash, next;
    int rc;
    struct mtr_buffer *written; /* NULL: nothing is */
};

static void add(struct outcome *outcome, const void *data, size_t size)
{
    outcome->hash = XXH3_64bits_withSeed(size ? data : "", size, outcome->hash + size);
}

static int on_record(void *context, const struct mtr_csv_record *record)
{
    struct outcome *outcome = context;
    int rc = MTR_OK;
    MTR_ASSERT(record->cell_count > 0 && record->cell_count <= MTR_CSV_CELLS_MAX);
    MTR_ASSERT(record->offset >= outcome->next && record->line > 0);
    outcome->next = record->offset + record->size;
    add(outcome, &record->line, sizeof(record->line));
    add(outcome, &record->offset, sizeof(record->offset));
    add(outcome, &record->size, sizeof(record->size));
    for (uint32_t i = 0; i < record->cell_count; i++) add(outcome, record->cells[i].data, record->cells[i].size);
    const bool is_nothing = record->cell_count == 1 && !record->cells[0].size; /* as a line it would be none */
    for (uint32_t i = 0; outcome->written && !is_nothing && !rc && i < record->cell_count; i++) {
        rc = i ? mtr_buffer_append_char(outcome->written, ',') : MTR_OK;
        if (!rc) rc = mtr_csv_write_cell(outcome->written, record->cells[i]);
    }
    if (outcome->written && !is_nothing && !rc) rc = mtr_buffer_append_char(outcome->written, '\n');
    MTR_ASSERT(rc == MTR_OK);
    return MTR_OK;
}

static int on_problem(void *context, const struct mtr_diagnostic *diagnostic)
{
    struct outcome *outcome = context;
    MTR_ASSERT(diagnostic->text[0] && diagnostic->line > 0);
    add(outcome, diagnostic->text, strlen(diagnostic->text));
    add(outcome, &diagnostic->line, sizeof(diagnostic->line));
    return MTR_OK;
}

static struct outcome read_all(uint8_t how, struct mtr_str text, size_t piece, struct mtr_buffer *written)
{
    struct outcome outcome = {.written = written};
    struct mtr_csv_reader reader;
    struct mtr_diagnostic diagnostic = {.text = ""};
    mtr_csv_reader_init(&reader, ",;\t|"[how & 3], on_record, &outcome);
    if (how & 4) mtr_csv_reader_set_quote(&reader, '\'');
    if (how & 8) reader.on_problem = on_problem;
    for (size_t at = 0; !outcome.rc && at < text.size; at += piece)
        outcome.rc = mtr_csv_read(&reader, (struct mtr_str){text.data + at, text.size - at < piece ? text.size - at : piece}, &diagnostic);
    if (!outcome.rc) outcome.rc = mtr_csv_read_end(&reader, &diagnostic);
    MTR_ASSERT(outcome.rc == MTR_OK || (diagnostic.text[0] && !(how & 8)));
    add(&outcome, diagnostic.text, strlen(diagnostic.text));
    add(&outcome, &diagnostic.line, sizeof(diagnostic.line));
    mtr_csv_reader_release(&reader);
    return outcome;
}

/* ---- written again ---- */

struct cells {
    uint64_t hash;
    bool is_written; /* by us: an apostrophe before what a spreadsheet would run is no part of the value */
};

static int on_plain(void *context, const struct mtr_csv_record *record)
{
    struct cells *cells = context;
    if (record->cell_count == 1 && !record->cells[0].size) return MTR_OK;
    for (uint32_t i = 0; i < record->cell_count; i++) {
        struct mtr_buffer plain;
        mtr_buffer_init(&plain, MTR_CSV_RECORD_BYTES_MAX);
        const int rc = cells->is_written ? mtr_csv_unguard(&plain, record->cells[i]) : MTR_OK;
        const struct mtr_str cell = cells->is_written ? mtr_buffer_str(&plain) : record->cells[i];
        MTR_ASSERT(rc == MTR_OK);
        cells->hash = XXH3_64bits_withSeed(cell.size ? cell.data : "", cell.size, cells->hash + cell.size + 1);
        mtr_buffer_release(&plain);
    }
    cells->hash++;
    return MTR_OK;
}

static uint64_t hash_of_cells(uint8_t how, struct mtr_str text, bool is_written)
{
    struct cells cells = {.is_written = is_written};
    struct mtr_csv_reader reader;
    struct mtr_diagnostic diagnostic;
    mtr_csv_reader_init(&reader, ",;\t|"[how & 3], on_plain, &cells);
    if (how & 4) mtr_csv_reader_set_quote(&reader, '\'');
    int rc = mtr_csv_read(&reader, text, &diagnostic);
    if (!rc) rc = mtr_csv_read_end(&reader, &diagnostic);
    mtr_csv_reader_release(&reader);
    MTR_ASSERT(rc == MTR_OK);
    return cells.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_buffer written;
    if (!size) return 0;
    const struct mtr_str text = {(const char *)data + 1, size - 1};
    mtr_buffer_init(&written, 64 << 20);
    const struct outcome whole = read_all(data[0], text, size, &written), pieces = read_all(data[0], text, 1 + size % 7, NULL);
    MTR_ASSERT(whole.hash == pieces.hash && whole.rc == pieces.rc);
    const bool has_mark = mtr_str_starts_with(mtr_buffer_str(&written), MTR_STR("\xEF\xBB\xBF")); /* read as that of the file */
    if (!whole.rc && !has_mark && !(data[0] & 8))
        MTR_ASSERT(hash_of_cells(data[0], text, false) == hash_of_cells(0, mtr_buffer_str(&written), true));
    mtr_buffer_release(&written);
    return 0;
}
