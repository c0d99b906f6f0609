/*
 * CSV: a state machine over bytes, and over runs of them that only go on with a cell.
 *
 *   START ──"──▶ QUOTED ──"──▶ QUOTE_IN_QUOTED ──"──▶ QUOTED
 *     │                              ├─ delimiter or line end: cell ends
 *     │                              └─ else: a problem
 *     ├─ else ─▶ PLAIN ── delimiter or line end: cell ends
 *     └─ a problem ─▶ PASSED_OVER ── line end: START
 */
#include "meterd/core/csv.h"

#include <string.h>

#include "meterd/core/decimal.h"

enum { START, PLAIN, QUOTED, QUOTE_IN_QUOTED, PASSED_OVER };
enum { STOPS_PLAIN = 1, STOPS_QUOTED = 2 };
enum { BEHIND_BYTES_MAX = 2 * MTR_CSV_RECORD_BYTES_MAX + 16 }; /* a quote in a quoted cell is two */

void mtr_csv_reader_set_quote(struct mtr_csv_reader *reader, char quote)
{
    reader->quote = quote;
    memset(reader->stops, 0, sizeof(reader->stops));
    reader->stops[(unsigned char)reader->delimiter] |= STOPS_PLAIN;
    reader->stops[(unsigned char)quote] |= STOPS_PLAIN | STOPS_QUOTED;
    reader->stops['\r'] |= STOPS_PLAIN | STOPS_QUOTED;
    reader->stops['\n'] |= STOPS_PLAIN | STOPS_QUOTED;
}

void mtr_csv_reader_init(struct mtr_csv_reader *reader, char delimiter, mtr_csv_on_record on_record,
                         void *context)
{
    *reader = (struct mtr_csv_reader){
        .delimiter = delimiter, .on_record = on_record, .context = context, .line = 1, .record_line = 1};
    mtr_csv_reader_set_quote(reader, '"');
    mtr_buffer_init(&reader->text, MTR_CSV_RECORD_BYTES_MAX);
    mtr_buffer_init(&reader->behind, BEHIND_BYTES_MAX);
}

void mtr_csv_reader_release(struct mtr_csv_reader *reader)
{
    mtr_buffer_release(&reader->text);
    mtr_buffer_release(&reader->behind);
}

static int feed(struct mtr_csv_reader *reader, struct mtr_str piece, struct mtr_diagnostic *diagnostic);

static void forget_record(struct mtr_csv_reader *reader)
{
    mtr_buffer_reset(&reader->text);
    mtr_buffer_reset(&reader->behind);
    reader->cell_count = 0;
    reader->cell_was_quoted = false;
}

static bool is_quoted(const struct mtr_csv_reader *reader)
{
    return reader->state == QUOTED || reader->state == QUOTE_IN_QUOTED;
}

/* Goes on with the next line; of a quoted cell that has swallowed lines, with the first of them. These hold
 * quotes in pairs, but for one at the end: so they are read again once. */
static int pass_over(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    const bool has_lines = is_quoted(reader) && reader->line > reader->quote_line;
    reader->state = PASSED_OVER;
    if (!has_lines) return MTR_OK;
    struct mtr_buffer again = reader->behind;
    mtr_buffer_init(&reader->behind, BEHIND_BYTES_MAX);
    forget_record(reader);
    reader->state = START;
    reader->is_after_cr = false;
    reader->line = reader->record_line = reader->quote_line + 1;
    reader->offset -= again.size;
    reader->record_offset = reader->offset;
    int rc = feed(reader, mtr_buffer_str(&again), diagnostic);
    mtr_buffer_release(&again);
    return rc;
}

/* The record is written wrongly, at that line. */
static int fail(struct mtr_csv_reader *reader, uint64_t line, enum mtr_finding_code code,
                const char *sentence, struct mtr_diagnostic *diagnostic)
{
    mtr_diagnostic_set(diagnostic, code, (uint32_t)line, 1, NULL, "%s", sentence);
    diagnostic->offset = reader->record_offset;
    if (!reader->on_problem) return code == MTR_FINDING_CSV_LIMIT ? MTR_ELIMIT : MTR_EINVALID;
    int rc = reader->on_problem(reader->context, diagnostic);
    return rc ? rc : pass_over(reader, diagnostic);
}

static int fail_memory(const struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_MEMORY, (uint32_t)reader->line, 1, NULL,
                       "out of memory");
    return MTR_ENOMEM;
}

_Static_assert(MTR_CSV_CELLS_MAX == 1024, "as the sentence says");
#define TOO_MANY_CELLS "the record has more than 1024 cells: send fewer columns"

static int end_cell(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    reader->state = START;
    reader->cell_was_quoted = false;
    if (reader->cell_count == MTR_CSV_CELLS_MAX)
        return fail(reader, reader->record_line, MTR_FINDING_CSV_LIMIT, TOO_MANY_CELLS, diagnostic);
    reader->ends[reader->cell_count++] = (uint32_t)reader->text.size;
    return MTR_OK;
}

static int end_record(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    struct mtr_str cells[MTR_CSV_CELLS_MAX];
    const bool is_empty = reader->cell_count == 0 && reader->text.size == 0 && !reader->cell_was_quoted &&
                          reader->state == START;
    int rc = is_empty ? MTR_OK : end_cell(reader, diagnostic);
    if (!rc && reader->cell_count && reader->state != PASSED_OVER) {
        for (uint32_t i = 0, from = 0; i < reader->cell_count; from = reader->ends[i++])
            cells[i] = (struct mtr_str){reader->text.data + from, reader->ends[i] - from};
        const struct mtr_csv_record record = {cells, reader->cell_count, reader->record_line,
                                              reader->record_offset,
                                              reader->record_end - reader->record_offset};
        rc = reader->on_record(reader->context, &record);
    }
    forget_record(reader);
    reader->state = START;
    return rc;
}

static int fail_length(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    const bool is_open = reader->state == QUOTED;
    return fail(reader, is_open ? reader->quote_line : reader->record_line, MTR_FINDING_CSV_LIMIT,
                is_open ? "the record is longer than 1 MiB: the quote that opens here is not closed"
                        : "the record is longer than 1 MiB",
                diagnostic);
}

static int keep(struct mtr_csv_reader *reader, struct mtr_str run, struct mtr_diagnostic *diagnostic)
{
    int rc = mtr_buffer_append(&reader->text, run.data, run.size);
    if (rc == MTR_ELIMIT) return fail_length(reader, diagnostic);
    return rc ? fail_memory(reader, diagnostic) : MTR_OK;
}

static int end_line(struct mtr_csv_reader *reader, char byte, struct mtr_diagnostic *diagnostic)
{
    int rc = MTR_OK;
    reader->record_end = reader->offset - 1;
    if (reader->state == PASSED_OVER) forget_record(reader);
    else rc = end_record(reader, diagnostic);
    reader->state = START;
    reader->is_after_cr = byte == '\r';
    reader->line++;
    reader->record_line = reader->line;
    reader->record_offset = reader->offset;
    return rc;
}

static int take_unquoted(struct mtr_csv_reader *reader, char byte, struct mtr_diagnostic *diagnostic)
{
    if (byte == reader->delimiter) return end_cell(reader, diagnostic);
    if (byte == reader->quote && reader->state == START) {
        reader->state = QUOTED;
        reader->cell_was_quoted = true;
        reader->quote_line = reader->line;
        mtr_buffer_reset(&reader->behind);
        return MTR_OK;
    }
    if (byte == reader->quote)
        return fail(reader, reader->line, MTR_FINDING_CSV_QUOTE, "a quote in the middle of an unquoted cell",
                    diagnostic);
    reader->state = PLAIN;
    return keep(reader, (struct mtr_str){&byte, 1}, diagnostic);
}

static int take_after_quote(struct mtr_csv_reader *reader, char byte, struct mtr_diagnostic *diagnostic)
{
    if (byte == reader->quote) {
        reader->state = QUOTED;
        return keep(reader, (struct mtr_str){&byte, 1}, diagnostic);
    }
    if (byte == reader->delimiter) return end_cell(reader, diagnostic);
    const bool is_here = reader->quote_line == reader->line;
    return fail(reader, reader->quote_line, MTR_FINDING_CSV_QUOTE,
                is_here ? "text behind a closing quote"
                        : "the quote that opens here is closed in a later line, with text behind it",
                diagnostic);
}

static int take_quoted(struct mtr_csv_reader *reader, char byte, struct mtr_diagnostic *diagnostic)
{
    const bool ends_line = byte == '\r' || (byte == '\n' && !reader->is_after_cr);
    reader->is_after_cr = byte == '\r';
    if (byte == reader->quote) {
        reader->state = QUOTE_IN_QUOTED;
        return MTR_OK;
    }
    if (ends_line) reader->line++;
    return keep(reader, (struct mtr_str){&byte, 1}, diagnostic);
}

static const char mark[] = "\xEF\xBB\xBF";
enum { MARK_BYTES = sizeof(mark) - 1 };

/* The first bytes of the text may be a byte order mark. */
static bool is_mark(struct mtr_csv_reader *reader, char byte)
{
    if (reader->mark_bytes == MARK_BYTES || reader->line > 1 || reader->text.size || reader->cell_count ||
        reader->state != START || byte != mark[reader->mark_bytes])
        return false;
    reader->mark_bytes++;
    if (reader->mark_bytes == MARK_BYTES) reader->record_offset = reader->offset;
    return true;
}

/* What has begun as a mark does and goes on otherwise is of the first cell: a letter, mostly. */
static int give_mark_back(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    const size_t size = reader->mark_bytes;
    reader->mark_bytes = MARK_BYTES;
    reader->state = PLAIN;
    return keep(reader, (struct mtr_str){mark, size}, diagnostic);
}

static bool has_begun_mark(const struct mtr_csv_reader *reader)
{
    return reader->mark_bytes > 0 && reader->mark_bytes < MARK_BYTES;
}

static int take(struct mtr_csv_reader *reader, char byte, struct mtr_diagnostic *diagnostic)
{
    const bool is_second_of_crlf = byte == '\n' && reader->is_after_cr;
    const bool is_behind = is_quoted(reader) && reader->line > reader->quote_line;
    if (has_begun_mark(reader) && byte != mark[reader->mark_bytes]) {
        int rc = give_mark_back(reader, diagnostic);
        if (rc) return rc;
    }
    if (is_behind && (reader->behind.size || !is_second_of_crlf)) {
        if (mtr_buffer_append_char(&reader->behind, byte)) return fail_memory(reader, diagnostic);
    }
    if (reader->state == QUOTED) return take_quoted(reader, byte, diagnostic);
    reader->is_after_cr = false;
    if (is_second_of_crlf) {
        reader->record_offset = reader->offset;
        return MTR_OK;
    }
    if (byte == '\n' || byte == '\r') return end_line(reader, byte, diagnostic);
    if (reader->state == PASSED_OVER || is_mark(reader, byte)) return MTR_OK;
    return reader->state == QUOTE_IN_QUOTED ? take_after_quote(reader, byte, diagnostic)
                                            : take_unquoted(reader, byte, diagnostic);
}

/* How many bytes from here on only go on with the cell. No more than one above what a record may have: what
 * stands behind them is not needed to refuse it. */
static size_t run_of(const struct mtr_csv_reader *reader, struct mtr_str rest)
{
    const bool is_first = reader->state == START && (reader->line > 1 || reader->offset >= 3);
    const uint8_t stop = reader->state == QUOTED                 ? STOPS_QUOTED
                         : reader->state == PLAIN || is_first ? STOPS_PLAIN
                                                                 : 0;
    const size_t room = MTR_CSV_RECORD_BYTES_MAX + 1 - reader->text.size,
                 most = rest.size < room ? rest.size : room;
    size_t size = 0;
    if (!stop) return 0;
    while (size < most && !(reader->stops[(unsigned char)rest.data[size]] & stop)) size++;
    return size;
}

static int take_run(struct mtr_csv_reader *reader, struct mtr_str run, struct mtr_diagnostic *diagnostic)
{
    const bool is_behind = reader->state == QUOTED && reader->line > reader->quote_line;
    reader->offset += run.size;
    reader->is_after_cr = false;
    if (is_behind && mtr_buffer_append(&reader->behind, run.data, run.size))
        return fail_memory(reader, diagnostic);
    if (reader->state == START) reader->state = PLAIN;
    return keep(reader, run, diagnostic);
}

static int feed(struct mtr_csv_reader *reader, struct mtr_str piece, struct mtr_diagnostic *diagnostic)
{
    int rc = MTR_OK;
    while (!rc && piece.size) {
        const size_t run = run_of(reader, piece), taken = run ? run : 1;
        if (run) {
            rc = take_run(reader, (struct mtr_str){piece.data, run}, diagnostic);
        } else {
            reader->offset++;
            rc = take(reader, *piece.data, diagnostic);
        }
        piece.data += taken;
        piece.size -= taken;
    }
    return rc;
}

int mtr_csv_read(struct mtr_csv_reader *reader, struct mtr_str piece, struct mtr_diagnostic *diagnostic)
{
    return feed(reader, piece, diagnostic);
}

int mtr_csv_read_end(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic)
{
    int rc = has_begun_mark(reader) ? give_mark_back(reader, diagnostic) : MTR_OK;
    if (!rc && reader->state == QUOTED)
        rc = fail(reader, reader->quote_line, MTR_FINDING_CSV_QUOTE,
                  "the quote that opens here is not closed", diagnostic);
    reader->record_end = reader->offset;
    return rc || reader->state == PASSED_OVER ? rc : end_record(reader, diagnostic);
}

/* ---- writing ---- */

static const char apart[] = ";\t\r\n"; /* where a spreadsheet of another place begins a cell, too */

/* One of = + - @, also of full width, TAB and CR. */
static bool is_sign(struct mtr_str text, size_t at)
{
    static const char wide[] = "\x9d\x8b\x8d\xa0";
    if (at >= text.size) return false;
    const bool is_wide = text.size - at >= 3 && memcmp(text.data + at, "\xef\xbc", 2) == 0 &&
                         memchr(wide, text.data[at + 2], sizeof(wide) - 1);
    return is_wide || memchr("=+-@\t\r", text.data[at], 6);
}

/* Behind the blanks from there on: is there a formula, or one with apostrophes before it? */
static bool is_formula(struct mtr_str text, size_t *at)
{
    while (*at < text.size && text.data[*at] == ' ') ++*at;
    size_t sign = *at;
    while (sign < text.size && text.data[sign] == '\'') sign++;
    return is_sign(text, sign);
}

static bool is_number(struct mtr_str text)
{
    struct mtr_decimal number;
    return mtr_decimal_parse(text, &number) == MTR_OK;
}

static bool begins_cell(struct mtr_str text, size_t at)
{
    return at == 0 || memchr(apart, text.data[at - 1], sizeof(apart) - 1) != NULL;
}

/* Quoted, with an apostrophe before each formula. */
static int write_quoted(struct mtr_buffer *out, struct mtr_str text)
{
    size_t guarded = text.size;
    int rc = mtr_buffer_append_char(out, '"');
    for (size_t i = 0; !rc && i < text.size; i++) {
        size_t at = i;
        if (begins_cell(text, i) && is_formula(text, &at)) guarded = at;
        if (i == guarded) rc = mtr_buffer_append_char(out, '\'');
        if (!rc && text.data[i] == '"') rc = mtr_buffer_append_char(out, '"');
        if (!rc) rc = mtr_buffer_append_char(out, text.data[i]);
    }
    return rc ? rc : mtr_buffer_append_char(out, '"');
}

int mtr_csv_write_cell(struct mtr_buffer *out, struct mtr_str text)
{
    size_t first = 0;
    bool quote = is_formula(text, &first) && !is_number(text);
    for (size_t i = 0; i < text.size && !quote; i++) quote = memchr(",;\"\t\r\n", text.data[i], 6) != NULL;
    return quote ? write_quoted(out, text) : mtr_buffer_append(out, text.data, text.size);
}

/* Is there an apostrophe that was put before a formula? */
static bool is_guard(struct mtr_str text, size_t at)
{
    size_t sign = at;
    while (sign < text.size && text.data[sign] == '\'') sign++;
    return sign > at && is_sign(text, sign);
}

int mtr_csv_unguard(struct mtr_buffer *out, struct mtr_str cell)
{
    bool is_first = true; /* but for blanks */
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < cell.size; i++) {
        const bool is_left_out = is_first && is_guard(cell, i);
        const char byte = cell.data[i];
        is_first = memchr(apart, byte, sizeof(apart) - 1) || (is_first && byte == ' ');
        if (!is_left_out) rc = mtr_buffer_append_char(out, byte);
    }
    return rc;
}
