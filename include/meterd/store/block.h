/*
 * A block: the events of one group commit, as columns, with its own hash and the hash of the block before it.
 *
 * Layout, versions and the recipe to change them are in docs/formats.md. encode(decode(x)) == x, byte for
 * byte. The encoder and decoder keep their memory from block to block (steady state allocates nothing); one
 * thread each.
 */
#ifndef METERD_STORE_BLOCK_H
#define METERD_STORE_BLOCK_H

#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/event.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/hash.h"

struct mtr_block_header {
    uint64_t first_seq;               /* from 1; the events are first_seq … first_seq + count - 1 */
    uint32_t count;                   /* 1…MTR_BLOCK_EVENTS_MAX */
    int64_t received_us;              /* one receive time for the block; never before the previous block's */
    struct mtr_hash128 previous_hash; /* zero for the very first block */
    struct mtr_hash128 hash;          /* XXH3-128 over the whole block but this field */
};

struct mtr_block_encoder;
struct mtr_block_decoder;

int mtr_block_encoder_open(struct mtr_block_encoder **out) MTR_MUST_USE;
void mtr_block_encoder_close(struct mtr_block_encoder *encoder);

/* Encodes `count` events; header->hash is filled in. *block is borrowed until the next call or close.
 * Errors: MTR_ELIMIT (decoded size over MTR_BLOCK_BYTES_MAX), MTR_ENOMEM. */
int mtr_block_encode(struct mtr_block_encoder *encoder, const struct mtr_event *events,
                     struct mtr_block_header *header, struct mtr_str *block) MTR_MUST_USE;

int mtr_block_decoder_open(struct mtr_block_decoder **out) MTR_MUST_USE;
void mtr_block_decoder_close(struct mtr_block_decoder *decoder);

/* Reads and verifies only the header and the hash. Errors: MTR_ECORRUPT, MTR_EVERSION. */
int mtr_block_read_header(struct mtr_str block, struct mtr_block_header *header) MTR_MUST_USE;

/* Verifies and decodes. *events (header->count of them) and all their text are borrowed from the decoder
 * until the next decode or close; `block` itself may go right after the call. Hostile bytes give
 * MTR_ECORRUPT, never a crash; *diagnostic (may be NULL) says where. */
int mtr_block_decode(struct mtr_block_decoder *decoder, struct mtr_str block, struct mtr_block_header *header,
                     const struct mtr_event **events, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
