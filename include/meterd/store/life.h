/*
 * Whether the stores of a data directory are those that went on here, or were put back from a copy: what was
 * handed out since the copy is known to others then, and not to them.
 *
 *   <data>/life    of which file the charges are (inode, and when it was made), or that they are a copy
 *
 * A copy of the directory has charges in another file, however it was made; a backup says that it is one.
 * What is not told is a file system that was put back as a whole, and a copy that was written into the very
 * file.
 */
#ifndef METERD_STORE_LIFE_H
#define METERD_STORE_LIFE_H

#include "meterd/core/error.h"

enum mtr_life {
    MTR_LIFE_NEW,     /* nothing is known yet: of a directory of before, or of a first start */
    MTR_LIFE_GOES_ON, /* the charges are in the file in which they were */
    MTR_LIFE_COPIED,
};

/* Once there are charges. A file that is damaged proves nothing: copied. */
int mtr_life_read(const char *data_directory, enum mtr_life *out) MTR_MUST_USE;
/* From now on it is the charges' file; durable. */
int mtr_life_begin(const char *data_directory) MTR_MUST_USE;
/* Of a directory that is a copy: whoever starts on it is told so. */
int mtr_life_mark_copy(const char *data_directory) MTR_MUST_USE;

#endif
