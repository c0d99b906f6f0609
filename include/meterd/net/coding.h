/*
 * Content codings of HTTP (RFC 9110, 8.4): gzip (RFC 1952), zstd (RFC 8878) and identity, both ways.
 *
 *   body of a request  ─ mtr_coding_decode ─▶ one run of bytes in an arena, never more than a maximum
 *   pieces of an answer ─ mtr_coding_write ─▶ one coded body, byte for byte what the peer's decoder expects
 *
 * A coded body that is written in pieces keeps nothing between them but a few numbers: each piece is
 * compressed on its own. In zstd it is a frame, and frames that follow one another are one body. In gzip it
 * is a run of whole blocks that looks back at nothing before it, between one header and one trailer, since
 * many readers stop at the end of the first gzip member. So a thousand slow readers hold no compressor.
 *
 * Pure functions and values: any thread, one at a time per value.
 */
#ifndef METERD_NET_CODING_H
#define METERD_NET_CODING_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/buffer.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

enum mtr_coding { MTR_CODING_IDENTITY, MTR_CODING_GZIP, MTR_CODING_ZSTD };

/* "identity", "gzip" (or "x-gzip"), "zstd", in any case; an empty name is identity. False: another. */
bool mtr_coding_from_name(struct mtr_str name, enum mtr_coding *out);
struct mtr_str mtr_coding_name(enum mtr_coding coding);

/* What an Accept-Encoding header asks for: the coding of the greatest weight; of equal ones zstd, then gzip.
 * Identity is last unless it is named. False: nothing we have is acceptable ("identity;q=0" alone). */
bool mtr_coding_choose(struct mtr_str accept_encoding, enum mtr_coding *out);

/* The plain bytes, the caller's to write to; they live in the arena. */
struct mtr_decoded {
    char *text; /* never NULL */
    size_t size;
};

/* Several gzip members or zstd frames one after another are one body; anything else after the end is
 * refused. An empty body stays empty. The memory a sender can make us take is bytes_max, twice that while it
 * grows, whatever its body claims; zstd windows are capped at 8 MiB. MTR_EINVALID: damaged or cut,
 * diagnostic->offset is the byte of `body` reached. MTR_ELIMIT: more than bytes_max. MTR_ENOMEM. */
int mtr_coding_decode(enum mtr_coding coding, struct mtr_str body, uint64_t bytes_max,
                      struct mtr_arena *arena, struct mtr_decoded *out,
                      struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* A body that is being written: {.coding = …}, the rest zero. Nothing to release. */
struct mtr_coding_writer {
    enum mtr_coding coding;
    bool is_begun;
    uint32_t checksum;    /* of what was written, and how much of it modulo 2^32: gzip's trailer */
    uint32_t plain_bytes;
};

/* Appends the next piece of the body to out, coded; after is_last nothing may follow. Pieces of some 64 KiB
 * compress well. Errors: MTR_ELIMIT (out is full, or a piece of 2 GiB and more), MTR_ENOMEM. */
int mtr_coding_write(struct mtr_coding_writer *writer, struct mtr_str piece, bool is_last,
                     struct mtr_buffer *out) MTR_MUST_USE;

#endif
