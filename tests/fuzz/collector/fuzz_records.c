/*
 * Any text as records of a format, which the first byte chooses: whatever the pieces that it comes in, the same
 * records, problems and values beside them come out, in order. fuzz_rows has mappings as well; here all of the
 * input is text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/collector/record_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t hash, next; /* next: behind the last record's bytes */
    int rc;
};

static void add(struct outcome *outcome, const void *data, size_t size)
{
    outcome->hash = XXH3_64bits_withSeed(size ? data : "", size, outcome->hash + size);
}

#define COLUMNS {"a", 1}, {"b.c", 3}, {"d[1]", 4}, {"[0]", 3}
static const struct {
    enum mtr_row_format_kind kind;
    struct mtr_str rows, columns[8];
    uint32_t column_count;
} formats[] = {
    {MTR_ROWS_JSON, {"[]", 2}, {COLUMNS}, 4},
    {MTR_ROWS_JSON, {"d[].i[]", 7}, {COLUMNS, {"^.k", 3}, {"^.m.n", 5}, {"^^.z", 4}}, 7},
    {MTR_ROWS_JSON, {"a.b", 3}, {COLUMNS, {"^.c", 3}}, 5},
    {MTR_ROWS_PROMETHEUS, {"", 0}, {{"instance", 8}, {"timestamp", 9}, {"value", 5}}, 3},
    {MTR_ROWS_S3_LIST, {"", 0}, {{"Key", 3}, {"Size", 4}, {"ETag", 4}, {"Owner.ID", 8}}, 4},
    {MTR_ROWS_NDJSON, {"", 0}, {COLUMNS}, 4},
    {MTR_ROWS_CSV, {"", 0}, {{"2", 1}, {"1", 1}}, 2},
};
enum { FORMATS = sizeof(formats) / sizeof(*formats) };

static const struct mtr_record_want wants[] = {
    {MTR_WANT_OF_DOCUMENT, {"n.m", 3}}, {MTR_WANT_OF_DOCUMENT, {"warnings", 8}}, {MTR_WANT_OF_DOCUMENT, {"NextContinuationToken", 21}},
    {MTR_WANT_OF_DOCUMENT, {"n", 1}},
};
enum { WANTS = sizeof(wants) / sizeof(*wants) };

static int on_record(void *context, const struct mtr_str *cells, const struct mtr_record_place *place)
{
    struct outcome *outcome = context;
    MTR_ASSERT(place->number > 0 && place->line > 0 && place->column > 0 && place->offset >= outcome->next);
    outcome->next = place->offset + place->size;
    add(outcome, place, sizeof(*place));
    for (int i = 0; i < 2; i++) add(outcome, cells[i].data, cells[i].data ? cells[i].size : 0);
    return MTR_OK;
}

static int on_problem(void *context, const struct mtr_diagnostic *problem, const struct mtr_record_place *place)
{
    struct outcome *outcome = context;
    MTR_ASSERT(problem->text[0] && problem->line == (uint32_t)place->line && place->line > 0);
    if (strncmp(problem->text, "is no XML", 9) == 0) return MTR_OK; /* expat's place and reason follow the pieces */
    add(outcome, problem->text, strlen(problem->text));
    add(outcome, place, sizeof(*place));
    return MTR_OK;
}

static struct outcome read_all(unsigned which, struct mtr_str text, size_t piece)
{
    struct outcome outcome = {.rc = MTR_OK};
    const struct mtr_record_hooks hooks = {on_record, on_problem, &outcome};
    struct mtr_row_format format = mtr_row_format_default();
    struct mtr_record_reader *reader;
    const char *fault;
    format.kind = formats[which].kind;
    format.rows = formats[which].rows;
    const struct mtr_record_spec spec = {&format, formats[which].columns, formats[which].column_count, wants, WANTS, (uint32_t)piece, true, NULL};
    int rc = mtr_record_reader_open(&spec, &hooks, &reader, &fault);
    MTR_ASSERT(rc == MTR_OK);
    for (size_t at = 0; !outcome.rc && at < text.size; at += piece)
        outcome.rc = mtr_record_reader_read(reader, (struct mtr_str){text.data + at, text.size - at < piece ? text.size - at : piece});
    if (!outcome.rc) outcome.rc = mtr_record_reader_end(reader);
    for (uint32_t i = 0; !outcome.rc && i < WANTS; i++) {
        const struct mtr_found found = mtr_record_reader_found(reader, i);
        add(&outcome, found.text.data, found.text.size);
        outcome.hash += found.kind + found.count;
    }
    mtr_record_reader_close(reader);
    MTR_ASSERT(outcome.rc == MTR_OK || outcome.rc == MTR_EINVALID);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    const struct mtr_str text = {(const char *)data + 1, size - 1};
    const unsigned which = data[0] % FORMATS;
    const struct outcome whole = read_all(which, text, size), pieces = read_all(which, text, 1 + size % 7);
    MTR_ASSERT(whole.hash == pieces.hash && whole.rc == pieces.rc);
    return 0;
}
