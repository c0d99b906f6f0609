/*
 * The driver of a format: from pieces of text to records. A format is its own file and one row in
 * record_reader.c.
 *
 * A driver fills `cells` in the order of `columns`, which hold those of the wants behind the caller's own,
 * and gives them; what it tells of is the caller's at once. Texts that it hands over are copied where they
 * must outlive the call.
 */
#ifndef METERD_COLLECTOR_ROWS_RECORD_FORMAT_H
#define METERD_COLLECTOR_ROWS_RECORD_FORMAT_H

#include "collector/rows/columns/columns.h"
#include "meterd/collector/record_reader.h"
#include "meterd/core/buffer.h"

/* What a want has come to. */
struct record_found {
    enum mtr_found_kind kind;
    bool is_cut;
    uint32_t count;
    uint32_t column; /* of a want of a record: its cell */
    struct mtr_buffer text;
};

/* What a driver reads by, and gives to. */
struct record_out {
    struct mtr_row_format format;
    struct mtr_str columns[MTR_RECORD_COLUMNS_MAX];
    uint32_t column_count;
    const struct mtr_record_want *wants;
    uint32_t want_count;
    uint32_t gather_bytes;
    bool may_be_empty;
    struct columns *seen; /* NULL: nobody looks */
    struct mtr_record_hooks hooks;
    uint64_t count, problems;
    struct record_found founds[MTR_RECORD_WANTS_MAX];
    bool has_record_wants;
    struct mtr_str cells[MTR_RECORD_COLUMNS_MAX];
};

struct record_format {
    /* MTR_EINVALID: *fault; MTR_ENOMEM. */
    int (*open)(struct record_out *out, void **state, const char **fault);
    void (*close)(void *state);
    int (*read)(void *state, struct mtr_str piece);
    int (*end)(void *state);
};

/* A record; place->number is given to it. */
int record_give(struct record_out *out, const struct mtr_str *cells,
                struct mtr_record_place *place) MTR_MUST_USE;
/* What stands for a record and is none. */
int record_refuse(struct record_out *out, enum mtr_finding_code code, struct mtr_record_place *place,
                  const char *text) MTR_MUST_USE;
/* The whole of it cannot be read: MTR_EINVALID when the hook has taken it. */
int record_stop(struct record_out *out, enum mtr_finding_code code, struct mtr_record_place *place,
                const char *text) MTR_MUST_USE;
/* The value of a want of the document; the text is copied, and cut. */
int record_keep_found(struct record_out *out, uint32_t want, enum mtr_found_kind kind, struct mtr_str text,
                      uint32_t count) MTR_MUST_USE;

extern const struct record_format record_format_csv, record_format_ndjson, record_format_json,
    record_format_prometheus, record_format_s3_list;

#endif
