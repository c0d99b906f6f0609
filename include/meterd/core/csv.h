/*
 * CSV (RFC 4180): a streaming reader and a writer of cells.
 *
 * The reader takes pieces of text as they come and hands out whole records; a record's cells are borrowed
 * during the hook. Quoted cells may hold delimiters, quotes ("") and line ends; a UTF-8 byte order mark is
 * skipped; line ends are LF, CRLF or CR; an empty line is no record. Records and cells are bounded. One
 * thread.
 *
 * A record that is written wrongly ends the reading, or is passed over where the owner takes problems: it
 * goes on with the next line. A quote that is never closed, or is followed by text, has swallowed the lines
 * behind its own: the problem is of the line in which it opens, and they are read again without it.
 */
#ifndef METERD_CORE_CSV_H
#define METERD_CORE_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/buffer.h"
#include "meterd/core/diagnostic.h"

enum { MTR_CSV_CELLS_MAX = 1024, MTR_CSV_RECORD_BYTES_MAX = 1 << 20 };

struct mtr_csv_record {
    const struct mtr_str *cells;
    uint32_t cell_count;
    uint64_t line;         /* in which it begins, from 1 */
    uint64_t offset, size; /* its bytes in the text, without the line end behind it */
};

/* Result other than 0 stops the feed and is returned by it. */
typedef int (*mtr_csv_on_record)(void *context, const struct mtr_csv_record *record);
/* A record that is passed over, at the line that *diagnostic names. Result as above. */
typedef int (*mtr_csv_on_problem)(void *context, const struct mtr_diagnostic *diagnostic);

struct mtr_csv_reader {
    char delimiter, quote;
    uint8_t stops[256]; /* of each byte: the states in which it does not just go on with a cell */
    mtr_csv_on_record on_record;
    mtr_csv_on_problem on_problem; /* NULL: the first problem ends the reading */
    void *context;
    int state;
    bool cell_was_quoted;
    bool is_after_cr;
    uint64_t quote_line;      /* in which the quoted cell began */
    struct mtr_buffer behind; /* of a quoted cell of several lines: what stands behind the first of them */
    uint32_t mark_bytes;              /* of the byte order mark seen */
    uint64_t line;                    /* being read */
    uint64_t offset;                  /* behind the byte at work */
    uint64_t record_line, record_offset, record_end; /* of the record at work; its end once it is reached */
    struct mtr_buffer text;           /* of the record */
    uint32_t ends[MTR_CSV_CELLS_MAX]; /* of its cells in text */
    uint32_t cell_count;
};

void mtr_csv_reader_init(struct mtr_csv_reader *reader, char delimiter, mtr_csv_on_record on_record,
                         void *context);
/* Another quote than ", before anything is read. */
void mtr_csv_reader_set_quote(struct mtr_csv_reader *reader, char quote);
void mtr_csv_reader_release(struct mtr_csv_reader *reader);
/* Without on_problem MTR_EINVALID (a stray quote, text behind a closing quote) and MTR_ELIMIT: *diagnostic
 * has the line. MTR_ENOMEM. */
int mtr_csv_read(struct mtr_csv_reader *reader, struct mtr_str piece,
                 struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* The end of the text: the last record may lack its line end; an open quote is MTR_EINVALID. */
int mtr_csv_read_end(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* One cell, quoted where it must be. What a spreadsheet would run as a formula gets an apostrophe in front,
 * as OWASP's "CSV Injection" advises: what vendors sent is opened by people. One begins with = + - @, these
 * of full width, TAB or CR, where the cell begins or behind its ; TAB CR or LF, which end cells in
 * spreadsheets of other places; blanks and apostrophes may stand before it. A number is none. */
int mtr_csv_write_cell(struct mtr_buffer *out, struct mtr_str text) MTR_MUST_USE;
/* The text of which a cell was written. */
int mtr_csv_unguard(struct mtr_buffer *out, struct mtr_str cell) MTR_MUST_USE;

#endif
