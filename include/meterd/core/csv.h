/*
 * CSV (RFC 4180): a streaming reader and a writer of cells.
 *
 * The reader takes pieces of text as they come and hands out whole records; a record's cells are borrowed
 * during the hook. Quoted cells may hold delimiters, quotes ("") and line ends; a UTF-8 byte order mark is
 * skipped; line ends are LF or CRLF; an empty line is no record. Records and cells are bounded. One thread.
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
    uint64_t line; /* in which it begins, from 1 */
};

/* Result other than 0 stops the feed and is returned by it. */
typedef int (*mtr_csv_on_record)(void *context, const struct mtr_csv_record *record);

struct mtr_csv_reader {
    char delimiter;
    mtr_csv_on_record on_record;
    void *context;
    int state;
    bool cell_was_quoted;
    uint32_t mark_bytes;              /* of the byte order mark seen */
    uint64_t line;                    /* being read */
    uint64_t record_line;             /* where the record began */
    struct mtr_buffer text;           /* of the record */
    uint32_t ends[MTR_CSV_CELLS_MAX]; /* of its cells in text */
    uint32_t cell_count;
};

void mtr_csv_reader_init(struct mtr_csv_reader *reader, char delimiter, mtr_csv_on_record on_record,
                         void *context);
void mtr_csv_reader_release(struct mtr_csv_reader *reader);
/* MTR_EINVALID (a stray quote, text behind a closing quote), MTR_ELIMIT, MTR_ENOMEM: *diagnostic has the
 * line. */
int mtr_csv_read(struct mtr_csv_reader *reader, struct mtr_str piece,
                 struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* The end of the text: the last record may lack its line end; an open quote is MTR_EINVALID. */
int mtr_csv_read_end(struct mtr_csv_reader *reader, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* One cell, quoted where it must be. Text that a spreadsheet would run as a formula (it begins with = + -
 * @ TAB or CR, and is no number) gets an apostrophe in front, as OWASP's "CSV Injection" advises: what
 * vendors sent is opened by people. */
int mtr_csv_write_cell(struct mtr_buffer *out, struct mtr_str text) MTR_MUST_USE;

#endif
