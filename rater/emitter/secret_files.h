/*
 * The secrets that a message is signed with, read from their files on a thread apart: a file may stand on a
 * mount that does not answer (meterd/net/blocking.h). Private to rater/emitter.
 *
 *   secret_files_of (any thread) ─▶ secret_files_read (the loop's) ─▶ on_read, with what was read, on the loop
 *
 * What is being read has all with it that it takes; on_read's owner frees it. Texts are wiped.
 */
#ifndef METERD_RATER_EMITTER_SECRET_FILES_H
#define METERD_RATER_EMITTER_SECRET_FILES_H

#include "meterd/catalog/destination.h"
#include "meterd/net/blocking.h"

enum { SECRET_FILES_MAX = 4, SECRET_FILE_BYTES_MAX = 512, SECRET_FAULT_BYTES = 400 };

/* Where the files are. A bare name is of the credentials; borrowed. */
struct secret_places {
    const char *directory;
    const char *credentials; /* $CREDENTIALS_DIRECTORY, or NULL */
};

struct secret_files {
    struct mtr_blocking_job job; /* first */
    uint32_t count;
    char *paths[SECRET_FILES_MAX];
    char texts[SECRET_FILES_MAX][SECRET_FILE_BYTES_MAX];
    size_t sizes[SECRET_FILES_MAX]; /* without the line's end; 0: it cannot be read, or is too long */
    struct secret_places places;
    char fault[SECRET_FAULT_BYTES]; /* a sentence about the first that cannot be read; else empty */
};

/* NULL: no memory. */
struct secret_files *secret_files_of(const struct mtr_destination *destination,
                                     const struct secret_places *places);
void secret_files_free(struct secret_files *files); /* NULL is allowed */

/* on_read gets `context`, and the job that is the files. */
void secret_files_read(struct secret_files *files, struct mtr_blocking *blocking,
                       void (*on_read)(struct mtr_blocking_job *job, void *context), void *context);

#endif
