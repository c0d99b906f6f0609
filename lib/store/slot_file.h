/*
 * A small file of two slots, written in turn, each with a count and a hash of its own. A write that breaks
 * off leaves the other slot as it was; of two good ones the higher count is in force. The file is made whole
 * under another name first, so that one without a good slot is damage. Private to lib/store.
 *
 *   slot of 512 bytes: magic 8 │ count of writes u64 │ payload │ XXH3 of what stands before it u64 │ zeros
 */
#ifndef METERD_LIB_STORE_SLOT_FILE_H
#define METERD_LIB_STORE_SLOT_FILE_H

#include <stddef.h>

#include "meterd/core/error.h"

struct slot_format {
    const char *name;    /* of the file in its directory */
    char magic[8];       /* of this format and version; another one is no good slot */
    size_t payload_bytes;
};
enum { SLOT_PAYLOAD_BYTES_MAX = 256 };

/* MTR_ENOTFOUND: no such file. MTR_ECORRUPT: none of its slots is good. */
int slot_file_read(const struct slot_format *format, const char *directory,
                   unsigned char *payload) MTR_MUST_USE;
/* Durable: after a crash it is the former payload or this one. The directory exists. */
int slot_file_write(const struct slot_format *format, const char *directory,
                    const unsigned char *payload) MTR_MUST_USE;

/* The same over one of which no slot is good, which is there until the new one is. */
int slot_file_replace(const struct slot_format *format, const char *directory,
                      const unsigned char *payload) MTR_MUST_USE;

#endif
