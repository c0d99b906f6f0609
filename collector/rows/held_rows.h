/*
 * Records of a document that wait for a value which stands behind them: {"items": […], "account": "a"}.
 *
 * A column with ^ has one value for all records inside of one map, its anchor. As long as that map is open
 * and the value has not come, its records are held, as cells, with a reference to the value; when all
 * values that are waited for have come, or their maps have ended without them, the records are given in
 * their order.
 *
 * Bounded by MTR_RECORDS_HELD_BYTES_MAX. One thread.
 */
#ifndef METERD_COLLECTOR_ROWS_HELD_ROWS_H
#define METERD_COLLECTOR_ROWS_HELD_ROWS_H

#include "collector/rows/record_format.h"

/* The value of a column with ^, in the map that is open. */
struct held_value {
    uint32_t column;
    bool is_set; /* else it has not come yet */
    bool is_there;
    struct mtr_buffer text;
    int64_t entry; /* what records that are held refer to; -1: none is */
};

struct held_rows {
    struct record_out *out;
    struct held_value *values; /* of the columns with ^; owned */
    uint32_t value_count;
    struct mtr_buffer rows, entries, texts;
    uint64_t count;
    uint64_t open_entries;
};

/* columns: those with ^. MTR_ENOMEM. */
int held_rows_init(struct held_rows *held, struct record_out *out, const uint32_t *columns,
                   uint32_t column_count) MTR_MUST_USE;
void held_rows_release(struct held_rows *held);
/* The map of the i-th value begins, it has come, the map ends. MTR_ENOMEM; MTR_ELIMIT; the hook's. */
void held_rows_begin(struct held_rows *held, uint32_t i);
int held_rows_set(struct held_rows *held, uint32_t i, struct mtr_str text) MTR_MUST_USE;
int held_rows_finish(struct held_rows *held, uint32_t i) MTR_MUST_USE;
/* A record, whose own cells stand in out->cells: it is given, or held. Errors as above. */
int held_rows_give(struct held_rows *held, struct mtr_record_place *place) MTR_MUST_USE;

#endif
