/*
 * Content-Encoding of a body: identity, gzip, zstd, into one run of bytes in an arena, never more than a
 * maximum.
 */
#ifndef METERD_COLLECTOR_DECODE_DECOMPRESS_H
#define METERD_COLLECTOR_DECODE_DECOMPRESS_H

#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/diagnostic.h"

/* Several gzip members or zstd frames one after another are one body; anything else after the end is
 * refused. An empty body stays empty. MTR_ENOTFOUND: unknown encoding. MTR_EINVALID: damaged or cut,
 * diagnostic->offset is the byte of `body` reached. MTR_ELIMIT: more than bytes_max. MTR_ENOMEM. */
int decode_decompress(struct mtr_str encoding, struct mtr_str body, uint64_t bytes_max, struct mtr_arena *arena,
                   char **text, size_t *size, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
