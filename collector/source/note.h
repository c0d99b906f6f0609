/*
 * The daemon's own events in the log (disposition NOTE): receipts of readings, what is known of reports
 * that vendors make, and what operators tell sources. Names of the data are part of the log's format
 * (docs/formats.md).
 *
 * Pure; private to job/, reading/ and control/.
 */
#ifndef METERD_COLLECTOR_SOURCE_NOTE_H
#define METERD_COLLECTOR_SOURCE_NOTE_H

#include "meterd/core/arena.h"
#include "meterd/core/event.h"
#include "meterd/core/hash.h"

enum { NOTE_PROPERTIES_MAX = 40, NOTE_HASH_BYTES = 33 };

/* ---- writing: texts are copied into the arena, names are static ---- */

struct note_writing {
    struct mtr_arena *arena;
    struct mtr_property *properties;
    uint32_t count;
    int rc; /* MTR_ENOMEM, when something could not be copied */
};

int note_begin(struct note_writing *writing) MTR_MUST_USE; /* arena is given */
struct mtr_property *note_add(struct note_writing *writing, const char *name, enum mtr_property_kind kind);
void note_add_text(struct note_writing *writing, const char *name, struct mtr_str text); /* unless empty */
void note_add_number(struct note_writing *writing, const char *name, uint64_t number);
void note_add_flag(struct note_writing *writing, const char *name, bool flag); /* unless false */
void note_add_time(struct note_writing *writing, const char *name, int64_t time_us);
void note_add_hash(struct note_writing *writing, const char *name, struct mtr_hash128 hash);
void note_add_window(struct note_writing *writing, int64_t start_us, int64_t end_us); /* unless a feed's */

struct note_head {
    struct mtr_str vendor, key; /* of the source; the vendor is borrowed by the event */
    const char *type, *id;      /* type: a literal */
    int64_t time_us;
};

/* The event with all that was added. MTR_ENOMEM. */
int note_end(const struct note_writing *writing, const struct note_head *head,
             struct mtr_event *out) MTR_MUST_USE;
/* "meterd:" and the key: the attribute `source` of all notes and rows of that source. */
int note_source(struct mtr_str key, struct mtr_arena *arena, struct mtr_str *out) MTR_MUST_USE;

/* 32 hexadecimal digits. */
void note_write_hash(struct mtr_hash128 hash, char text[NOTE_HASH_BYTES]);

/* ---- reading ---- */

struct mtr_str note_text_of(const struct mtr_event *event, const char *name); /* no data: there is none */
/* 0 where there is none; false: it is no whole number. */
bool note_number_of(const struct mtr_event *event, const char *name, uint64_t *out);
bool note_flag_of(const struct mtr_event *event, const char *name);
/* Both stay as they are where there is none; false: it is none. */
bool note_read_window(const struct mtr_event *event, int64_t *start_us, int64_t *end_us);

#endif
