/*
 * JSON text, written piece by piece into a buffer. Commas, colons and escapes are the writer's work.
 *
 * The first error sticks: later calls do nothing, and mtr_json_finish returns it. Money and quantities go out
 * as strings (architecture: "on the wire money and quantities are strings"); counts and sequence numbers as
 * numbers.
 */
#ifndef METERD_CORE_JSON_WRITER_H
#define METERD_CORE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/buffer.h"
#include "meterd/core/decimal.h"

enum { MTR_JSON_DEPTH_MAX = 32 };

struct mtr_json_writer {
    struct mtr_buffer *out; /* borrowed until finish */
    int error;
    unsigned depth;
    bool has_item[MTR_JSON_DEPTH_MAX];
    bool is_map[MTR_JSON_DEPTH_MAX]; /* of the open map or list at each depth: misuse asserts */
    bool after_name;
    /* Set by mtr_json_hand_over. */
    size_t piece_bytes;
    int (*on_piece)(void *context);
    void *piece_context;
};

void mtr_json_begin(struct mtr_json_writer *writer, struct mtr_buffer *out);
/* Asserts that every map and list was closed, unless an error stuck. */
int mtr_json_finish(struct mtr_json_writer *writer) MTR_MUST_USE;

/* For text that is not to stand in memory as a whole: between two items, once the buffer holds piece_bytes,
 * on_piece takes what it holds and empties it. Its error is the writer's. */
void mtr_json_hand_over(struct mtr_json_writer *writer, size_t piece_bytes, int (*on_piece)(void *context),
                        void *context);

void mtr_json_map(struct mtr_json_writer *writer);
void mtr_json_map_end(struct mtr_json_writer *writer);
void mtr_json_list(struct mtr_json_writer *writer);
void mtr_json_list_end(struct mtr_json_writer *writer);
void mtr_json_name(struct mtr_json_writer *writer, const char *name);
/* A stranger's name: any bytes, as of mtr_json_text. */
void mtr_json_name_text(struct mtr_json_writer *writer, struct mtr_str name);

void mtr_json_text(struct mtr_json_writer *writer, struct mtr_str text); /* invalid UTF-8 becomes U+FFFD */
void mtr_json_cstr(struct mtr_json_writer *writer, const char *text);
void mtr_json_u64(struct mtr_json_writer *writer, uint64_t value);
void mtr_json_bool(struct mtr_json_writer *writer, bool value);
void mtr_json_null(struct mtr_json_writer *writer);
void mtr_json_quantity(struct mtr_json_writer *writer, struct mtr_quantity value); /* string */
void mtr_json_money(struct mtr_json_writer *writer, struct mtr_money value, unsigned digits_min); /* string */
void mtr_json_time(struct mtr_json_writer *writer, int64_t time_us);               /* RFC 3339 string, UTC */
void mtr_json_raw(struct mtr_json_writer *writer, struct mtr_str json); /* one value that is JSON already */

/* A member of the open map: its name, then its value as above. */
void mtr_json_named_text(struct mtr_json_writer *writer, const char *name, struct mtr_str text);
void mtr_json_named_cstr(struct mtr_json_writer *writer, const char *name, const char *text);
void mtr_json_named_u64(struct mtr_json_writer *writer, const char *name, uint64_t value);
void mtr_json_named_bool(struct mtr_json_writer *writer, const char *name, bool value);
void mtr_json_named_money(struct mtr_json_writer *writer, const char *name, struct mtr_money value,
                          unsigned digits_min);
void mtr_json_named_time(struct mtr_json_writer *writer, const char *name, int64_t time_us);

#endif
