/*
 * The files of a trail, and its lines: what writing and reading share. Private to lib/store/trail.
 */
#ifndef METERD_LIB_STORE_TRAIL_TRAIL_FILES_H
#define METERD_LIB_STORE_TRAIL_TRAIL_FILES_H

#include <limits.h>

#include "meterd/core/buffer.h"
#include "meterd/store/trail.h"

enum {
    TRAIL_FILES_MAX = 1024,
    TRAIL_FILE_BYTES_MAX = 8 << 20,      /* of those that are written */
    TRAIL_FILE_READ_BYTES_MAX = 64 << 20 /* larger ones are not ours */
};

/* Numbers of the files, ascending. */
struct trail_files {
    uint32_t count;
    uint32_t numbers[TRAIL_FILES_MAX];
};

int trail_list(const char *directory, struct trail_files *out) MTR_MUST_USE;
int trail_path(const char *directory, uint32_t number, char path[PATH_MAX]) MTR_MUST_USE;
/* The rest of a file. MTR_ELIMIT: it is too large. */
int trail_read_all(int fd, struct mtr_buffer *out) MTR_MUST_USE;

/* MTR_ENOTFOUND: there is none. */
int trail_read_head(const char *directory, struct mtr_trail_head *out) MTR_MUST_USE;
int trail_write_head(const char *directory, const struct mtr_trail_head *head) MTR_MUST_USE;

/* What a line says of itself. */
struct trail_parts {
    struct mtr_trail_line line;
    uint8_t previous[MTR_TRAIL_HASH_BYTES];
    struct mtr_str members; /* behind kind, from their comma on */
};

/* False: it is no line of a trail. */
bool trail_parse(struct mtr_str text, struct trail_parts *out);
/* Is it the line behind that one? Behind sequence 0, which is not known, any line is. */
bool trail_follows(const struct mtr_trail_head *before, struct mtr_str text);
void trail_hash(struct mtr_str text, uint8_t hash[MTR_TRAIL_HASH_BYTES]);

#define TRAIL_KIND_TORN "line_torn"
#define TRAIL_KIND_MISSING "lines_missing"
#define TRAIL_KIND_CHANGED "line_changed"
#define TRAIL_KIND_HEAD_MISSING "head_missing"
/* "file":"00000001.ndjson","up_to":"12:9f86…": they were the oldest. */
#define TRAIL_KIND_REMOVED "lines_removed"
#define TRAIL_REMOVED_MEMBERS "\"file\":\"%08u.ndjson\",\"up_to\":\"%s\""

#endif
