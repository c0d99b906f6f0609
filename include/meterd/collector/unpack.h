/*
 * The text of a file, whatever it is packed with: gzip and zstd are unpacked as they come, a zip from the
 * file that it is in. What is no text at all is refused by its name.
 *
 *   bytes ──▶ their first ones say what they are ──▶ gzip, zstd or plain ──▶ UTF-8? ──▶ on_text
 *
 * Text goes out in pieces of bounded size, so that what is packed tightly costs time and no memory. One
 * thread.
 */
#ifndef METERD_COLLECTOR_UNPACK_H
#define METERD_COLLECTOR_UNPACK_H

#include <stdbool.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

/* Another result than MTR_OK ends the unpacking and is returned by it. */
typedef int (*mtr_on_text)(void *context, struct mtr_str text);

struct mtr_unpack_to {
    mtr_on_text on_text;
    void *context;
    bool has_encoding; /* UTF-16 and UTF-32 are text as well: somebody transcodes it */
    /* A file of a zip begins, whose text follows. NULL: those of all of them are one text, in which each
     * ends its last line. */
    int (*on_entry)(void *context, const char *name);
};

struct mtr_unpack;

/* MTR_ENOMEM. */
int mtr_unpack_open(const struct mtr_unpack_to *to, struct mtr_unpack **out) MTR_MUST_USE;
void mtr_unpack_close(struct mtr_unpack *unpack);
/* MTR_ECORRUPT: *diagnostic says what the bytes are, or that they are damaged; MTR_ENOMEM. */
int mtr_unpack_read(struct mtr_unpack *unpack, struct mtr_str piece,
                    struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
int mtr_unpack_end(struct mtr_unpack *unpack, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Do these first bytes of a file (4 are looked at) begin a zip? */
bool mtr_unpack_is_zip(struct mtr_str first);
/* The one entry of the zip in that file, or all that match the pattern (glob(7); entries are never paths of
 * this system), in their order. fd: seekable, borrowed. Errors as above. */
int mtr_unpack_zip(int fd, const char *entry, const struct mtr_unpack_to *to,
                   struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
