/*
 * Any bytes as a mapping, up to a zero, and rows behind it: whatever the pieces that they come in, the same
 * events and problems come out, in order, and every row is one of them or was skipped.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/collector/row_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t hash;
    uint64_t next; /* behind the last event's bytes: they ascend */
    int rc;
    struct mtr_row_counts counts;
};

static void hash_text(struct outcome *outcome, struct mtr_str text)
{
    outcome->hash = XXH3_64bits_withSeed(text.size ? text.data : "", text.size, outcome->hash + text.size);
}

static int on_event(void *context, const struct mtr_event *event, const struct mtr_record_place *place)
{
    struct outcome *outcome = context;
    MTR_ASSERT(place->offset >= outcome->next && place->line > 0 && place->column > 0);
    MTR_ASSERT(event->id.size && event->id.size <= MTR_EVENT_ID_BYTES_MAX + sizeof("#4294967295"));
    MTR_ASSERT(!event->time_given || (event->time_us >= 0 && event->time_us < MTR_TIME_US_MAX));
    outcome->next = place->offset + place->size;
    hash_text(outcome, event->id);
    hash_text(outcome, event->subject);
    for (uint32_t i = 0; i < event->property_count; i++) hash_text(outcome, event->properties[i].name);
    outcome->hash += place->line + place->offset + place->size + (uint64_t)event->time_us;
    return MTR_OK;
}

static int on_problem(void *context, const struct mtr_diagnostic *problem, const struct mtr_record_place *place)
{
    struct outcome *outcome = context;
    MTR_ASSERT(problem->line > 0 && problem->line == (uint32_t)place->line && problem->text[0]);
    hash_text(outcome, mtr_str_from(problem->text));
    outcome->hash += problem->line;
    return MTR_OK;
}

static struct outcome read_all(const struct mtr_import_map *map, enum mtr_row_format_kind format, struct mtr_str text, size_t piece)
{
    struct outcome outcome = {0};
    const struct mtr_row_hooks hooks = {on_event, on_problem, &outcome};
    struct mtr_row_format how = map->format;
    const struct mtr_row_options options = {.format = &how, .has_hash = true, .has_repeated = true, .gather_bytes = (uint32_t)piece};
    struct mtr_row_reader *reader;
    const char *fault;
    how.kind = format;
    if (!how.rows.size) how.rows = MTR_STR("data[].items[]");
    outcome.rc = mtr_row_reader_open(map, &options, &hooks, &reader, &fault);
    MTR_ASSERT(outcome.rc == MTR_OK || (outcome.rc == MTR_EINVALID && fault[0]));
    outcome.counts.problems = outcome.rc != MTR_OK;
    if (outcome.rc) return outcome;
    for (size_t at = 0; !outcome.rc && at < text.size; at += piece)
        outcome.rc = mtr_row_reader_read(reader, (struct mtr_str){text.data + at, text.size - at < piece ? text.size - at : piece});
    if (!outcome.rc) outcome.rc = mtr_row_reader_end(reader);
    outcome.counts = mtr_row_reader_counts(reader);
    mtr_row_reader_close(reader);
    MTR_ASSERT(outcome.rc == MTR_OK || outcome.rc == MTR_EINVALID);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_diagnostic broken = {0};
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    struct mtr_import_map *map = malloc(sizeof(*map));
    MTR_ASSERT(map && (!end || end < data + size));
    const struct mtr_str text = end ? (struct mtr_str){(const char *)end + 1, (size_t)(data + size - end - 1)} : MTR_STR("");
    int rc = mtr_import_map_parse((struct mtr_str){(const char *)data, end ? (size_t)(end - data) : size}, map, &broken);
    MTR_ASSERT(rc == MTR_OK || broken.text[0]);
    for (int format = MTR_ROWS_CSV; !rc && format <= MTR_ROWS_S3_LIST; format++) {
        const struct outcome whole = read_all(map, (enum mtr_row_format_kind)format, text, size + 1),
                             pieces = read_all(map, (enum mtr_row_format_kind)format, text, 1 + size % 7);
        MTR_ASSERT(whole.hash == pieces.hash && whole.rc == pieces.rc);
        MTR_ASSERT(whole.counts.events == pieces.counts.events && whole.counts.problems == pieces.counts.problems);
        MTR_ASSERT(whole.rc == MTR_OK || whole.counts.problems);
    }
    mtr_import_map_release(map);
    free(map);
    return 0;
}
