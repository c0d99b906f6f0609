/*
 * The formats, and what each is opened with; see meterd/collector/record_reader.h.
 */
#include "meterd/collector/record_reader.h"

#include <stdlib.h>

#include "collector/rows/record_format.h"

struct mtr_record_reader {
    struct record_out out;
    const struct record_format *driver;
    void *state;
};

static const struct record_format *driver_of(enum mtr_row_format_kind kind)
{
    switch (kind) {
    case MTR_ROWS_CSV: return &record_format_csv;
    case MTR_ROWS_NDJSON: return &record_format_ndjson;
    case MTR_ROWS_JSON: return &record_format_json;
    case MTR_ROWS_PROMETHEUS: return &record_format_prometheus;
    case MTR_ROWS_S3_LIST: return &record_format_s3_list;
    case MTR_ROWS_BY_NAME: break;
    }
    return NULL;
}

/* A want of a record is a column more, unless the caller has it. */
static void add_want(struct record_out *out, uint32_t i)
{
    const struct mtr_str name = out->wants[i].path;
    uint32_t column = 0;
    while (column < out->column_count && !mtr_str_equal(out->columns[column], name)) column++;
    if (column == out->column_count) out->columns[out->column_count++] = name;
    out->founds[i].column = column;
    out->has_record_wants = true;
}

static void init(struct record_out *out, const struct mtr_record_spec *spec,
                 const struct mtr_record_hooks *hooks)
{
    MTR_ASSERT(spec->want_count <= MTR_RECORD_WANTS_MAX);
    MTR_ASSERT(spec->column_count + spec->want_count <= MTR_RECORD_COLUMNS_MAX);
    out->format = *spec->format;
    out->hooks = *hooks;
    out->wants = spec->wants;
    out->want_count = spec->want_count;
    out->gather_bytes = spec->gather_bytes;
    out->may_be_empty = spec->may_be_empty;
    out->seen = spec->format->kind == MTR_ROWS_PROMETHEUS ? NULL : spec->seen; /* a series has what it has */
    for (uint32_t i = 0; i < spec->column_count; i++) out->columns[out->column_count++] = spec->columns[i];
    for (uint32_t i = 0; i < spec->want_count; i++) {
        mtr_buffer_init(&out->founds[i].text, MTR_FOUND_BYTES_MAX);
        if (spec->wants[i].of != MTR_WANT_OF_DOCUMENT) add_want(out, i);
    }
}

int mtr_record_reader_open(const struct mtr_record_spec *spec, const struct mtr_record_hooks *hooks,
                           struct mtr_record_reader **out, const char **fault)
{
    struct mtr_record_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) return MTR_ENOMEM;
    init(&reader->out, spec, hooks);
    reader->driver = driver_of(spec->format->kind);
    MTR_ASSERT(reader->driver != NULL);
    int rc = reader->driver->open(&reader->out, &reader->state, fault);
    if (rc) mtr_record_reader_close(reader);
    else *out = reader;
    return rc;
}

void mtr_record_reader_close(struct mtr_record_reader *reader)
{
    if (!reader) return;
    reader->driver->close(reader->state);
    for (uint32_t i = 0; i < reader->out.want_count; i++) mtr_buffer_release(&reader->out.founds[i].text);
    free(reader);
}

int mtr_record_reader_read(struct mtr_record_reader *reader, struct mtr_str piece)
{
    return piece.size ? reader->driver->read(reader->state, piece) : MTR_OK;
}

int mtr_record_reader_end(struct mtr_record_reader *reader)
{
    return reader->driver->end(reader->state);
}

struct mtr_found mtr_record_reader_found(const struct mtr_record_reader *reader, uint32_t i)
{
    const struct record_found *found = &reader->out.founds[i];
    MTR_ASSERT(i < reader->out.want_count);
    return (struct mtr_found){found->kind, found->is_cut, found->count, mtr_buffer_str(&found->text)};
}

uint64_t mtr_record_reader_count(const struct mtr_record_reader *reader)
{
    return reader->out.count;
}
