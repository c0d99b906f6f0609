/*
 * CSV: a state machine over bytes.
 *
 *   START ──"──▶ QUOTED ──"──▶ QUOTE_IN_QUOTED ──"──▶ QUOTED
 *     │                              └─ delimiter or line end: cell ends
 *     └─ else ─▶ PLAIN ── delimiter or line end: cell ends
 */
#include "meterd/core/csv.h"

#include <string.h>

#include "meterd/core/decimal.h"

enum { START, PLAIN, QUOTED, QUOTE_IN_QUOTED };

void mtr_csv_reader_init(struct mtr_csv_reader *reader, char delimiter, mtr_csv_on_record on_record,
                         void *context)
{
    *reader = (struct mtr_csv_reader){
        .delimiter = delimiter, .on_record = on_record, .context = context, .line = 1, .record_line = 1};
    mtr_buffer_init(&reader->text, MTR_CSV_RECORD_BYTES_MAX);
}

void mtr_csv_reader_release(struct mtr_csv_reader *reader)
{
    mtr_buffer_release(&reader->text);
}

static int fail(const struct mtr_csv_reader *reader, enum mtr_finding_code code, int rc, const char *sentence,
                struct mtr_diagnostic *diagnostic)
{
    mtr_diagnostic_set(diagnostic, code, (uint32_t)reader->line, 1, NULL, "%s", sentence);
    return rc;
}

static int end_cell(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    if (reader->cell_count == MTR_CSV_CELLS_MAX)
        return fail(reader, MTR_FINDING_CSV_LIMIT, MTR_ELIMIT, "too many cells in one record", diagnostic);
    reader->ends[reader->cell_count++] = (uint32_t)reader->text.size;
    reader->state = START;
    reader->cell_was_quoted = false;
    return MTR_OK;
}

static int end_record(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    struct mtr_str cells[MTR_CSV_CELLS_MAX];
    bool empty_line = reader->cell_count == 0 && reader->text.size == 0 && !reader->cell_was_quoted &&
                      reader->state == START;
    int rc = MTR_OK;
    if (!empty_line) rc = end_cell(reader, diagnostic);
    if (!rc && !empty_line) {
        for (uint32_t i = 0, from = 0; i < reader->cell_count; from = reader->ends[i++])
            cells[i] = (struct mtr_str){reader->text.data + from, reader->ends[i] - from};
        struct mtr_csv_record record = {cells, reader->cell_count, reader->record_line};
        rc = reader->on_record(reader->context, &record);
    }
    mtr_buffer_reset(&reader->text);
    reader->cell_count = 0;
    reader->state = START;
    return rc;
}

static int keep(struct mtr_csv_reader *reader, char byte, struct mtr_diagnostic *diagnostic)
{
    int rc = mtr_buffer_append_char(&reader->text, byte);
    if (rc == MTR_ELIMIT)
        return fail(reader, MTR_FINDING_CSV_LIMIT, rc,
                    "the record is longer than 1 MiB; is a closing quote missing?", diagnostic);
    return rc ? fail(reader, MTR_FINDING_PROGRAM_MEMORY, rc, "out of memory", diagnostic) : MTR_OK;
}

static int end_line(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    int rc = end_record(reader, diagnostic);
    reader->line++;
    reader->record_line = reader->line;
    return rc;
}

static int take_unquoted(struct mtr_csv_reader *reader, char byte, struct mtr_diagnostic *diagnostic)
{
    if (byte == reader->delimiter) return end_cell(reader, diagnostic);
    if (byte == '\n') {
        bool carriage_return =
            reader->state == PLAIN && reader->text.size && reader->text.data[reader->text.size - 1] == '\r';
        if (carriage_return) {
            reader->text.size--;
            uint32_t cell_from = reader->cell_count ? reader->ends[reader->cell_count - 1] : 0;
            if (reader->text.size == cell_from) reader->state = START; /* only "\r" stood there */
        }
        return end_line(reader, diagnostic);
    }
    if (byte == '"' && reader->state == START) {
        reader->state = QUOTED;
        reader->cell_was_quoted = true;
        return MTR_OK;
    }
    if (byte == '"')
        return fail(reader, MTR_FINDING_CSV_QUOTE, MTR_EINVALID, "a quote in the middle of an unquoted cell",
                    diagnostic);
    reader->state = PLAIN;
    return keep(reader, byte, diagnostic);
}

static int take_after_quote(struct mtr_csv_reader *reader, char byte, struct mtr_diagnostic *diagnostic)
{
    if (byte == '"') {
        reader->state = QUOTED;
        return keep(reader, byte, diagnostic);
    }
    if (byte == reader->delimiter) return end_cell(reader, diagnostic);
    if (byte == '\n') return end_line(reader, diagnostic);
    if (byte == '\r') return MTR_OK; /* of CRLF */
    return fail(reader, MTR_FINDING_CSV_QUOTE, MTR_EINVALID, "text behind a closing quote", diagnostic);
}

int mtr_csv_read(struct mtr_csv_reader *reader, struct mtr_str piece, struct mtr_diagnostic *diagnostic)
{
    static const char mark[] = "\xEF\xBB\xBF";
    for (size_t i = 0; i < piece.size; i++) {
        char byte = piece.data[i];
        int rc;
        if (reader->mark_bytes < 3 && reader->line == 1 && reader->text.size == 0 &&
            reader->cell_count == 0 && byte == mark[reader->mark_bytes]) {
            reader->mark_bytes++;
            continue;
        }
        if (reader->state == QUOTED && byte == '"') {
            reader->state = QUOTE_IN_QUOTED;
            continue;
        }
        if (reader->state == QUOTED) {
            if (byte == '\n') reader->line++;
            rc = keep(reader, byte, diagnostic);
        } else if (reader->state == QUOTE_IN_QUOTED) {
            rc = take_after_quote(reader, byte, diagnostic);
        } else {
            rc = take_unquoted(reader, byte, diagnostic);
        }
        if (rc) return rc;
    }
    return MTR_OK;
}

int mtr_csv_read_end(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    if (reader->state == QUOTED)
        return fail(reader, MTR_FINDING_CSV_QUOTE, MTR_EINVALID, "the text ends inside a quoted cell",
                    diagnostic);
    return end_record(reader, diagnostic);
}

static bool is_formula(struct mtr_str text)
{
    struct mtr_decimal number;
    return text.size && memchr("=+-@\t\r", text.data[0], 6) != NULL &&
           mtr_decimal_parse(text, &number) != MTR_OK;
}

int mtr_csv_write_cell(struct mtr_buffer *out, struct mtr_str text)
{
    bool formula = is_formula(text), quote = formula;
    for (size_t i = 0; i < text.size && !quote; i++) quote = memchr(",\"\r\n", text.data[i], 4) != NULL;
    int rc = MTR_OK;
    if (quote) rc = mtr_buffer_append_char(out, '"');
    if (!rc && formula) rc = mtr_buffer_append_char(out, '\'');
    for (size_t i = 0; !rc && i < text.size; i++) {
        if (text.data[i] == '"') rc = mtr_buffer_append_char(out, '"');
        if (!rc) rc = mtr_buffer_append_char(out, text.data[i]);
    }
    return !rc && quote ? mtr_buffer_append_char(out, '"') : rc;
}
