/*
 * Records of a vendor's answer or file as cells, whatever it is written in, and what it says beside them.
 *
 *   pieces of text ──▶ CSV, NDJSON, JSON, … ──▶ cells, in the order of `columns` ──▶ on_record
 *                        ├──────── what is wrong ─────────────────▶ on_problem
 *                        └──────── wanted values ─────────────────▶ mtr_record_reader_found, after the end
 *
 * One bad record is one problem, and the rest is read. Numbers stay the text that was written. A byte order
 * mark is skipped; lines end with LF, CRLF or CR. A document (JSON, XML) that breaks its grammar, a bare NaN
 * included, has what is asked for twice in one map, or another value where its records are to stand, ends the
 * reading: what stood before the fault was given.
 *
 * A column of CSV is a name of the header, or a number from 1 on; of NDJSON and JSON a path (row_path.h),
 * which in JSON may climb out of the record by ^; of Prometheus a label, `timestamp` or `value`; of an S3
 * list an element of Contents (Key, Size, LastModified, ETag, …).
 *
 * Owns its memory, whose bounds do not depend on the size of the text: a record of up to
 * MTR_RECORD_BYTES_MAX, and records that wait for a column with ^ which stands behind them, up to
 * MTR_RECORDS_HELD_BYTES_MAX. Borrows the spec's texts until it is closed. One thread.
 */
#ifndef METERD_COLLECTOR_RECORD_READER_H
#define METERD_COLLECTOR_RECORD_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/str.h"
#include "meterd/source/row_format.h"

enum {
    MTR_RECORD_BYTES_MAX = 1 << 20,
    MTR_RECORDS_HELD_BYTES_MAX = 64 << 20,
    MTR_RECORD_COLUMNS_MAX = 320,
    MTR_RECORD_WANTS_MAX = 32,
    MTR_FOUND_BYTES_MAX = 64 << 10
};

/* Where a record stands. */
struct mtr_record_place {
    uint64_t number; /* of all records, from 1; of a problem 0: it is of the whole, which is not read on */
    uint64_t line, column; /* where it begins, from 1; of its bytes in the line */
    uint64_t offset, size; /* its bytes in the text that was read. size 0: it is no record, and where its line
                            * ends was not known yet */
};

/* Another result than MTR_OK ends the reading and is returned by it. cells: borrowed meanwhile; one that is
 * not there has data == NULL. A problem has line and column, and no field. */
struct mtr_record_hooks {
    int (*on_record)(void *context, const struct mtr_str *cells, const struct mtr_record_place *place);
    int (*on_problem)(void *context, const struct mtr_diagnostic *problem,
                      const struct mtr_record_place *place);
    void *context;
};

/* A value that the caller asks for beside the columns: what paging, proofs and warnings are made of. */
enum mtr_record_want_of {
    MTR_WANT_OF_DOCUMENT,     /* a path from the document's root, without [] and ^: meta.next. Of an S3 list
                               * an element of the root: NextContinuationToken */
    MTR_WANT_OF_FIRST_RECORD, /* a column of the first record, of the last one */
    MTR_WANT_OF_LAST_RECORD
};

struct mtr_record_want {
    enum mtr_record_want_of of;
    struct mtr_str path;
};

enum mtr_found_kind {
    MTR_FOUND_NOTHING, /* there is no such member */
    MTR_FOUND_NULL,
    MTR_FOUND_TRUE,
    MTR_FOUND_FALSE,
    MTR_FOUND_NUMBER, /* text: as it was written */
    MTR_FOUND_TEXT,   /* text, unescaped; cells of a record are text whatever they were */
    MTR_FOUND_REFUSED, /* a text with a broken escape, or of more than 1 MiB: something is there */
    MTR_FOUND_LIST,   /* text: its JSON */
    MTR_FOUND_MAP
};

struct mtr_found {
    enum mtr_found_kind kind;
    bool is_cut; /* the text is the beginning of more than MTR_FOUND_BYTES_MAX */
    uint32_t count;      /* of LIST and MAP: 0 when it is empty, else 1 or more */
    struct mtr_str text; /* the reader's, until it is closed */
};

struct columns;

struct mtr_record_spec {
    const struct mtr_row_format *format; /* not BY_NAME */
    const struct mtr_str *columns;
    uint32_t column_count;
    const struct mtr_record_want *wants;
    uint32_t want_count;
    uint32_t gather_bytes; /* so much text is gathered before JSON is read; 0: as much as is fast */
    bool may_be_empty;     /* NDJSON without a line has no records, and is no mistake */
    struct columns *seen;  /* is told of the names that records have (rows/columns); NULL: nobody looks */
};

struct mtr_record_reader;

/* MTR_EINVALID: a path that is none, as *fault says; MTR_ENOMEM. */
int mtr_record_reader_open(const struct mtr_record_spec *spec, const struct mtr_record_hooks *hooks,
                           struct mtr_record_reader **out, const char **fault) MTR_MUST_USE;
void mtr_record_reader_close(struct mtr_record_reader *reader);
/* MTR_EINVALID: the whole of it cannot be read (a column that the header lacks, no JSON, nothing in it), and
 * on_problem knows; MTR_ELIMIT: too much waits for a column with ^, and on_problem knows; MTR_ENOMEM. */
int mtr_record_reader_read(struct mtr_record_reader *reader, struct mtr_str piece) MTR_MUST_USE;
int mtr_record_reader_end(struct mtr_record_reader *reader) MTR_MUST_USE;
/* What the i-th of the wants has come to, after the end. */
struct mtr_found mtr_record_reader_found(const struct mtr_record_reader *reader, uint32_t i);
/* How many records there were, those that are a problem of their own included. */
uint64_t mtr_record_reader_count(const struct mtr_record_reader *reader);

#endif
