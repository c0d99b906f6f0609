/*
 * From records to events; see meterd/collector/row_reader.h.
 */
#include "meterd/collector/row_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "collector/rows/columns/columns.h"
#include "collector/rows/counter/counted_row.h"
#include "collector/rows/import_number.h"
#include "collector/rows/known_ids.h"

enum { ROW_ARENA_BYTES_MAX = 4 << 20, NO_COLUMN = -1 };

struct mtr_row_reader {
    const struct mtr_import_map *map;
    struct mtr_row_hooks hooks;
    struct mtr_row_counts counts;
    struct mtr_row_options options;
    struct mtr_str columns[MTR_RECORD_COLUMNS_MAX];
    struct mtr_record_reader *records;
    uint64_t records_before; /* of the texts before this one */
    struct mtr_arena arena; /* of one row */
    struct known_ids ids;
    struct counted_rows counted;
    bool has_hash;
    uint32_t column_count; /* the map's that rows have, and that of the sum behind them where it is none */
    struct mtr_str mapped[MTR_IMPORT_COLUMNS_MAX];     /* where there are constants: the map's cells */
    int32_t column_of[MTR_IMPORT_COLUMNS_MAX];         /* of a column of the map; NO_COLUMN: a constant */
    int32_t sum_column;
    struct mtr_import_value plain_sum; /* how a column that no property has is read */
    const struct mtr_import_value *sum;
    struct mtr_decimal row_sum; /* of the row at work */
};

/* ---- proofs ---- */

static void add_to_sum(struct mtr_row_reader *reader, struct mtr_str cell)
{
    struct mtr_decimal number;
    struct mtr_row_counts *counts = &reader->counts;
    if (!cell.data || import_number_read(reader->sum, cell, &number) ||
        mtr_decimal_add(counts->sum, number, &counts->sum))
        counts->not_summed++;
    else
        reader->row_sum = number;
}

/* Sums of hashes do not depend on the order, and count equal rows as often as they come. */
static void add_to_hash(struct mtr_row_reader *reader, const struct mtr_str *cells)
{
    XXH128_hash_t hash = {0, 0};
    for (uint32_t i = 0; i < reader->column_count; i++) {
        const uint64_t size = cells[i].data ? cells[i].size : UINT64_MAX;
        hash = XXH3_128bits_withSeed(cells[i].data ? cells[i].data : "", cells[i].size,
                                     hash.low64 + hash.high64 + size);
    }
    reader->counts.hash[0] += hash.low64;
    reader->counts.hash[1] += hash.high64;
}

/* ---- a row ---- */

static int tell(struct mtr_row_reader *reader, const struct mtr_diagnostic *problem,
                const struct mtr_record_place *place)
{
    reader->counts.problems++;
    return reader->hooks.on_problem(reader->hooks.context, problem, place);
}

/* Of a multiset the id of the n-th. Where more ids came than are known, rows are no longer compared. */
static int number_id(struct mtr_row_reader *reader, struct mtr_event *event, uint64_t line)
{
    uint32_t count;
    if (!reader->map->id.multiset && !reader->options.has_repeated) return MTR_OK;
    int rc = known_ids_add(&reader->ids, event->source, event->id, &count);
    if (rc == MTR_ELIMIT && !reader->map->id.multiset) return MTR_OK;
    if (rc || count == 1) return rc;
    if (!reader->map->id.multiset) {
        if (!reader->counts.repeated++) reader->counts.repeated_line = line;
        return MTR_OK;
    }
    const size_t room = event->id.size + sizeof("#4294967295");
    char *id = mtr_arena_alloc(&reader->arena, room);
    if (!id) return MTR_ENOMEM;
    const int size = snprintf(id, room, "%.*s#%" PRIu32, MTR_STR_ARGS(event->id), count);
    event->id = (struct mtr_str){id, (size_t)size};
    return MTR_OK;
}

/* The cells of the map's columns, constants among them. */
static const struct mtr_str *map_cells(struct mtr_row_reader *reader, const struct mtr_str *cells)
{
    if (!reader->options.constant_count) return cells;
    for (uint32_t i = 0; i < reader->map->column_count; i++)
        if (reader->column_of[i] != NO_COLUMN) reader->mapped[i] = cells[reader->column_of[i]];
    return reader->mapped;
}

/* A fault of one row leaves the others be, unless it ends the reading. */
static int tell_fault(struct mtr_row_reader *reader, struct mtr_diagnostic *problem,
                      const struct mtr_record_place *place, bool ends)
{
    problem->line = (uint32_t)place->line;
    problem->column = (uint32_t)place->column;
    problem->offset = place->offset;
    if (!ends) return tell(reader, problem, place);
    int rc = tell(reader, problem, NULL);
    return rc ? rc : MTR_EINVALID;
}

static int count_row(struct mtr_row_reader *reader, const struct mtr_str *cells, struct mtr_event *event,
                     const struct mtr_record_place *place, bool *skipped)
{
    struct mtr_diagnostic problem;
    bool ends;
    int rc = counted_row(&reader->counted, cells, event, skipped, &problem, &ends);
    if (!rc || rc == MTR_ENOMEM) return rc;
    *skipped = true;
    return tell_fault(reader, &problem, place, ends || rc == MTR_ELIMIT);
}

/* A row that nobody wants need not be mapped, unless others depend on it. */
static bool is_unwanted(const struct mtr_row_reader *reader, const struct mtr_str *mapped)
{
    const struct mtr_import_map *map = reader->map;
    if (!reader->options.is_wanted || map->counter_before_us || map->id.multiset) return false;
    return !mtr_import_map_skips(map, mapped) && !reader->options.is_wanted(reader->hooks.context);
}

/* Of a row that counts, or that is refused. */
static void note_values(const struct mtr_row_reader *reader, const struct mtr_str *mapped)
{
    const bool is_of_labels = reader->options.format->kind == MTR_ROWS_PROMETHEUS;
    if (reader->options.seen && !is_of_labels)
        column_values_note(&reader->options.seen->values, mapped, reader->map->column_count);
}

static int on_record(void *context, const struct mtr_str *cells, const struct mtr_record_place *place)
{
    struct mtr_row_reader *reader = context;
    struct mtr_event event;
    struct mtr_diagnostic problem;
    bool skipped;
    mtr_arena_reset(&reader->arena);
    reader->row_sum = (struct mtr_decimal){0};
    if (reader->has_hash) add_to_hash(reader, cells);
    if (reader->sum_column != NO_COLUMN) add_to_sum(reader, cells[reader->sum_column]);
    const struct mtr_str *mapped = map_cells(reader, cells);
    if (is_unwanted(reader, mapped)) return MTR_OK;
    int rc = mtr_import_map_event(reader->map, mapped, &reader->arena, &event, &skipped, &problem);
    if (rc == MTR_EINVALID || (!rc && !skipped)) note_values(reader, mapped);
    if (rc == MTR_EINVALID) return tell_fault(reader, &problem, place, false);
    const uint64_t problems = reader->counts.problems;
    if (!rc && !skipped && reader->map->counter_before_us)
        rc = count_row(reader, mapped, &event, place, &skipped);
    if (rc) return rc;
    reader->counts.skipped += skipped && problems == reader->counts.problems;
    if (skipped) return MTR_OK;
    rc = number_id(reader, &event, place->line);
    if (rc) return rc;
    reader->counts.events++;
    return reader->hooks.on_event(reader->hooks.context, &event, place);
}

static int on_problem(void *context, const struct mtr_diagnostic *problem,
                      const struct mtr_record_place *place)
{
    return tell(context, problem, place);
}

/* ---- opening ---- */

static const struct mtr_import_value *find_property(const struct mtr_import_map *map, struct mtr_str name)
{
    const size_t prefix = sizeof("data.") - 1;
    for (uint32_t i = 0; i < map->data_count; i++) {
        const struct mtr_str field = map->data[i].field;
        if (mtr_str_equal((struct mtr_str){field.data + prefix, field.size - prefix}, name))
            return &map->data[i];
    }
    return NULL;
}

/* A property of one column; else the name of one, which may be added to the columns. */
static int find_sum(struct mtr_row_reader *reader, struct mtr_str name, const char **fault)
{
    const struct mtr_import_value *property = find_property(reader->map, name);
    uint32_t column = 0;
    if (property) {
        reader->sum = property;
        const int32_t of_map = property->part_count == 1 ? property->parts[0].column : NO_COLUMN;
        reader->sum_column = of_map == NO_COLUMN ? NO_COLUMN : reader->column_of[of_map];
        *fault = "the sum is of a property that is no single column";
        return reader->sum_column == NO_COLUMN ? MTR_EINVALID : MTR_OK;
    }
    while (column < reader->column_count && !mtr_str_equal(reader->columns[column], name)) column++;
    if (column == reader->column_count) reader->columns[reader->column_count++] = name;
    reader->sum = &reader->plain_sum;
    reader->sum_column = (int32_t)column;
    return MTR_OK;
}

static const struct mtr_label *find_constant(const struct mtr_row_options *options, struct mtr_str column)
{
    for (uint32_t i = 0; i < options->constant_count; i++)
        if (mtr_str_equal(options->constants[i].name, column)) return &options->constants[i];
    return NULL;
}

static int find_columns(struct mtr_row_reader *reader, const char **fault)
{
    const struct mtr_import_map *map = reader->map;
    for (uint32_t i = 0; i < map->column_count; i++) {
        const struct mtr_label *constant = find_constant(&reader->options, map->columns[i]);
        reader->column_of[i] = constant ? NO_COLUMN : (int32_t)reader->column_count;
        if (constant) reader->mapped[i] = constant->value;
        else reader->columns[reader->column_count++] = map->columns[i];
    }
    return reader->options.sum_of.size ? find_sum(reader, reader->options.sum_of, fault) : MTR_OK;
}

static int open_records(struct mtr_row_reader *reader, const char **fault)
{
    const struct mtr_record_hooks hooks = {on_record, on_problem, reader};
    const struct mtr_row_options *options = &reader->options;
    const struct mtr_record_spec spec = {.format = options->format,
                                         .columns = reader->columns,
                                         .column_count = reader->column_count,
                                         .wants = options->wants,
                                         .want_count = options->want_count,
                                         .gather_bytes = options->gather_bytes,
                                         .may_be_empty = options->may_be_empty,
                                         .seen = options->seen};
    return mtr_record_reader_open(&spec, &hooks, &reader->records, fault);
}

int mtr_row_reader_open(const struct mtr_import_map *map, const struct mtr_row_options *options,
                        const struct mtr_row_hooks *hooks, struct mtr_row_reader **out, const char **fault)
{
    struct mtr_row_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) return MTR_ENOMEM;
    reader->map = map;
    reader->hooks = *hooks;
    reader->options = *options;
    reader->has_hash = options->has_hash;
    reader->counted.map = map;
    reader->counted.from_us = options->counted_from_us ? options->counted_from_us : INT64_MIN;
    reader->sum_column = NO_COLUMN;
    reader->plain_sum.decimal = '.';
    mtr_arena_init(&reader->arena, 16 << 10, ROW_ARENA_BYTES_MAX);
    int rc = find_columns(reader, fault);
    if (!rc) rc = open_records(reader, fault);
    if (rc) mtr_row_reader_close(reader);
    else *out = reader;
    return rc;
}

void mtr_row_reader_close(struct mtr_row_reader *reader)
{
    if (!reader) return;
    mtr_record_reader_close(reader->records);
    mtr_arena_release(&reader->arena);
    known_ids_release(&reader->ids);
    counted_rows_release(&reader->counted);
    free(reader);
}

int mtr_row_reader_read(struct mtr_row_reader *reader, struct mtr_str piece)
{
    return mtr_record_reader_read(reader->records, piece);
}

int mtr_row_reader_turn(struct mtr_row_reader *reader, const char **fault)
{
    reader->records_before += mtr_record_reader_count(reader->records);
    mtr_record_reader_close(reader->records);
    reader->records = NULL;
    return open_records(reader, fault);
}

int mtr_row_reader_end(struct mtr_row_reader *reader)
{
    return mtr_record_reader_end(reader->records);
}

struct mtr_row_counts mtr_row_reader_counts(const struct mtr_row_reader *reader)
{
    struct mtr_row_counts counts = reader->counts;
    counts.counters = reader->counted.counts;
    counts.rows = reader->records_before + (reader->records ? mtr_record_reader_count(reader->records) : 0);
    return counts;
}

struct mtr_decimal mtr_row_reader_row_sum(const struct mtr_row_reader *reader) { return reader->row_sum; }

struct mtr_found mtr_row_reader_found(const struct mtr_row_reader *reader, uint32_t i)
{
    return mtr_record_reader_found(reader->records, i);
}
