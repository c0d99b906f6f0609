/*
 * A trail: lines of JSON that are only appended, each with the hash of the line before it. A line that is
 * changed, taken out, put in or moved later breaks the chain at that place, and a file beside it says which
 * line was the last, so that lines at the end are missed, too.
 *
 *   00000001.ndjson  {"sequence":1,"time":"2026-12-01T00:00:00Z","kind":"started",…,"previous":"0000…"}
 *   00000002.ndjson  {"sequence":2,…,"previous":"<hash of line 1>"}   the chain goes on from file to file
 *   head             sequence and hash of the last line that is known to the disk: a slot file
 *
 * What it proves. Hashes have no key: who may write these files can write another chain, and another head.
 * That is noticed by who has kept a head elsewhere (mtr_trail_head_format), as of all that stood before it.
 * Without one a whole trail says that nobody has changed it who did not make all of the rest anew.
 *
 * All files together stay within bytes_max: the oldest goes when a new one begins, and a line says which
 * lines went with it, and what the last of them was, so that what is left is still whole by itself. What a
 * crash leaves behind the head was never promised: it is cut off where it is not whole, a line says so, and
 * the chain goes on.
 *
 * One process writes, others read beside it. One thread at a time. Times are µs since 1970 UTC. Hashes are
 * BLAKE2b of 32 bytes (libsodium), of a line without its end. docs/formats.md has the bytes.
 */
#ifndef METERD_STORE_TRAIL_H
#define METERD_STORE_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

enum {
    MTR_TRAIL_HASH_BYTES = 32,
    MTR_TRAIL_HEAD_TEXT_BYTES = 20 + 1 + 2 * MTR_TRAIL_HASH_BYTES + 1, /* with NUL */
    MTR_TRAIL_MEMBERS_BYTES_MAX = 4096,
    MTR_TRAIL_BYTES_MIN = 1 << 20, /* of bytes_max */
};

struct mtr_trail_head {
    uint64_t sequence; /* 0: there is no line */
    uint8_t hash[MTR_TRAIL_HASH_BYTES];
};

/* "12:9f86d0…": what is kept elsewhere. */
void mtr_trail_head_format(const struct mtr_trail_head *head, char text[MTR_TRAIL_HEAD_TEXT_BYTES]);
bool mtr_trail_head_parse(struct mtr_str text, struct mtr_trail_head *out);

/* ---- writing ---- */

struct mtr_trail;

/* What the last process has left, or somebody since; lines of kind line_torn, lines_missing, line_changed and
 * head_missing tell it before the next one. */
struct mtr_trail_found {
    uint64_t torn_bytes;    /* of lines that were not synced, left by a crash; they are gone */
    uint64_t missing_lines; /* the head knew them */
    bool is_changed;        /* the last line is another one than the head knew */
    bool is_head_missing;   /* and lines may be, too */
};

/* Makes the directory where it is missing. Files that root makes are given to the owner of the directory
 * above. What is chained to a last line that is none is chained to its bytes. */
int mtr_trail_open(const char *directory, uint64_t bytes_max, struct mtr_trail **out,
                   struct mtr_trail_found *found, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_trail_close(struct mtr_trail *trail); /* NULL is allowed; it is not synced */

/* Appends a line. kind: a word; members: what stands between, `"key":"ops","count":2`, or nothing. After an
 * error (MTR_EFULL, MTR_EIO) there is nothing of it, and the same may be tried again. */
int mtr_trail_append(struct mtr_trail *trail, int64_t time_us, const char *kind,
                     struct mtr_str members) MTR_MUST_USE;
/* What was appended is on the disk, and then the head says so. */
int mtr_trail_sync(struct mtr_trail *trail) MTR_MUST_USE;
struct mtr_trail_head mtr_trail_get_head(const struct mtr_trail *trail); /* of what was appended */
uint32_t mtr_trail_file(const struct mtr_trail *trail); /* number of the last file; 0: there is none */

/* ---- reading ---- */

struct mtr_trail_line {
    uint64_t sequence;
    struct mtr_str time, kind; /* as they stand there */
    struct mtr_str text;       /* the line, without its end */
};

struct mtr_trail_walk {
    const struct mtr_trail_head *kept; /* from elsewhere; NULL: none */
    /* Both may be NULL; a line's result other than MTR_OK ends it, a fault is a sentence. */
    int (*on_line)(void *context, const struct mtr_trail_line *line);
    void (*on_fault)(void *context, const struct mtr_diagnostic *fault);
    void *context;
};

struct mtr_trail_walked {
    uint64_t lines, faults, removed; /* lines that went for lack of room: those before the first */
    uint64_t torn_bytes; /* behind the last line: it is being written, or a crash cut it */
    struct mtr_trail_head last;
};

/* All lines, oldest first, and all that is wrong with them: MTR_OK, also with faults. MTR_ENOTFOUND: there is
 * no trail; MTR_EAGAIN: its files changed too often meanwhile. */
int mtr_trail_read(const char *directory, const struct mtr_trail_walk *walk, struct mtr_trail_walked *out,
                   struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* ---- copying ---- */

/* All that is there, beside who writes it, into a directory that is not there yet. */
int mtr_trail_copy(const char *from, const char *to, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
