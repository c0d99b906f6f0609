/*
 * How the rows of a vendor's answer or file are written: the `format` of a mapping and of a source.
 *
 *   format: {csv: {delimiter: ";", quote: "'", header: true, encoding: windows-1251, entry: "usage-*.csv"}}
 *   format: {ndjson: {}}                       # a record a line
 *   format: {json: {rows: "data[].items[]"}}   # one document: where its rows stand (row_path.h)
 *   format: {prometheus: {}}                   # an answer of Prometheus' HTTP API: a row for each sample, its
 *                                              # columns are the labels, `timestamp` and `value`
 *   format: {s3_list: {}}                      # an answer of S3's ListObjectsV2: a row for each object, its
 *                                              # columns are Key, Size, LastModified, ETag, …
 *
 * `encoding`, `entry` (of a zip) and `compression` are of csv, ndjson and json. What packs the text is seen
 * by its first bytes; that it is said (gzip, zstd, zip, none) does no harm. Pure; the texts are the arena's.
 */
#ifndef METERD_SOURCE_ROW_FORMAT_H
#define METERD_SOURCE_ROW_FORMAT_H

#include "meterd/core/arena.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/document.h"

enum mtr_row_format_kind {
    MTR_ROWS_BY_NAME, /* not said: the file's name does */
    MTR_ROWS_CSV,
    MTR_ROWS_NDJSON,
    MTR_ROWS_JSON,
    MTR_ROWS_PROMETHEUS,
    MTR_ROWS_S3_LIST
};

enum mtr_rows_header { MTR_ROWS_HEADER_GUESSED, MTR_ROWS_HEADER_GIVEN, MTR_ROWS_NO_HEADER };

struct mtr_row_format {
    enum mtr_row_format_kind kind;
    struct mtr_str rows;          /* of json: the path */
    enum mtr_rows_header header;  /* of csv, as are the next two */
    char delimiter;               /* ',' unless said */
    char quote;                   /* '"' unless said */
    struct mtr_str encoding;      /* of iconv(3), terminated; empty: UTF-8 */
    struct mtr_str entry;         /* of a zip: a pattern of glob(7), terminated; empty: its one file */
};

/* Of a mapping that says nothing. */
struct mtr_row_format mtr_row_format_default(void);
/* Reads the value of `format` over *out, which is a default. MTR_EINVALID: *diagnostic has place and
 * sentence; MTR_ENOMEM. */
int mtr_row_format_parse(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_row_format *out,
                         struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Can the format have that column? Of json and ndjson: a path to one value, which climbs out of no document;
 * of a source no name in it is empty, where a mapping of files may mean a member of that whole name.
 * MTR_EINVALID: *fault (static) says why not; MTR_ENOMEM. */
int mtr_row_format_check_column(const struct mtr_row_format *format, struct mtr_str column, bool is_of_source,
                                struct mtr_arena *arena, const char **fault) MTR_MUST_USE;

#endif
