/*
 * Samples of counters through a map to differences, for test_counter_oracle.py: the first line is `FROM BEFORE`, in seconds (FROM 0: no window),
 * each further one a row of CSV `series;other;seconds;value`; out come `seconds series other difference`, and what was counted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/collector/row_reader.h"
#include "meterd/core/time.h"

static const char MAP[] = "id: {hash: [series, other, at]}\ntype: =bytes\nsubject: =s\ntime: {column: at, format: unix_s}\n"
                          "data: {n: {column: value, as: number, decimal: ','}, series: {column: series, as: text}, other: {column: other, as: text}}\n"
                          "format: {csv: {delimiter: ';'}}\n";

static int32_t column_of(const struct mtr_import_map *map, const char *name)
{
    for (uint32_t i = 0; i < map->column_count; i++)
        if (mtr_str_equal(map->columns[i], mtr_str_from(name))) return (int32_t)i;
    abort();
}

static int on_event(void *context, const struct mtr_event *event, const struct mtr_record_place *place)
{
    char text[MTR_DECIMAL_TEXT_BYTES] = "";
    struct mtr_str names[2] = {MTR_STR(""), MTR_STR("")};
    (void)context, (void)place;
    for (uint32_t i = 0; i < event->property_count; i++) {
        const struct mtr_property *property = &event->properties[i];
        if (mtr_str_equal(property->name, MTR_STR("n"))) mtr_decimal_format(property->number, text);
        else names[mtr_str_equal(property->name, MTR_STR("other"))] = property->text;
    }
    printf("%" PRId64 " %.*s %.*s %s\n", event->time_us / MTR_US_PER_SECOND, MTR_STR_ARGS(names[0]), MTR_STR_ARGS(names[1]), text);
    return MTR_OK;
}

static int on_problem(void *context, const struct mtr_diagnostic *problem, const struct mtr_record_place *place)
{
    (void)context;
    printf("%s %s\n", place ? "refused" : "ended", problem->text);
    return MTR_OK;
}

int main(void)
{
    static char line[4096];
    struct mtr_import_map map = {0};
    struct mtr_diagnostic diagnostic;
    struct mtr_row_reader *reader;
    const char *fault;
    long long from_s, before_s;
    if (!fgets(line, sizeof(line), stdin) || sscanf(line, "%lld %lld", &from_s, &before_s) != 2) return 2;
    if (mtr_import_map_parse(mtr_str_from(MAP), &map, &diagnostic)) return 2;
    const int32_t series[] = {column_of(&map, "series"), column_of(&map, "other")};
    struct mtr_import_value data[3];
    memcpy(data, map.data, sizeof(data));
    for (int i = 0; i < 3; i++)
        if (mtr_str_equal(data[i].field, MTR_STR("data.n"))) {
            data[i].is_counter = true;
            data[i].series = series;
            data[i].series_count = 2;
        }
    map.data = data;
    map.counter_before_us = before_s * MTR_US_PER_SECOND;
    const struct mtr_row_hooks hooks = {on_event, on_problem, NULL};
    const struct mtr_row_options options = {.format = &map.format, .counted_from_us = from_s * MTR_US_PER_SECOND};
    if (mtr_row_reader_open(&map, &options, &hooks, &reader, &fault)) return 2;
    int rc = mtr_row_reader_read(reader, MTR_STR("series;other;at;value\n"));
    while (!rc && fgets(line, sizeof(line), stdin)) rc = mtr_row_reader_read(reader, mtr_str_from(line));
    if (!rc) rc = mtr_row_reader_end(reader);
    const struct mtr_row_counts counts = mtr_row_reader_counts(reader);
    printf("%s opened %" PRIu64 " resets %" PRIu64 " holes %" PRIu64 " skipped %" PRIu64 "\n", rc ? "over" : "whole", counts.counters.opened,
           counts.counters.resets, counts.counters.holes, counts.skipped);
    mtr_row_reader_close(reader);
    mtr_import_map_release(&map);
    return 0;
}
