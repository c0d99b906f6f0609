/*
 * Chunks of a sealed segment's identities: their bytes, their keys and their hashes. Pure: nothing here knows
 * a segment. Private to lib/store/log.
 *
 * A chunk is up to 255 records of 32 bytes and a hash: at most 8,176 bytes, which with LMDB's page header are
 * exactly two pages. Its key is MTR_SEGMENT_CHUNK_MARK and the identity of its first record, so one descent
 * of the tree finds the chunk of any identity. docs/formats.md has the layout.
 */
#ifndef METERD_LIB_STORE_LOG_LOG_CHUNK_H
#define METERD_LIB_STORE_LOG_LOG_CHUNK_H

#include <stddef.h>

#include "lib/store/log/log_segment.h"
#include "meterd/core/str.h"
#include "meterd/store/log.h"

enum { MTR_CHUNK_RECORDS_MAX = 255, MTR_CHUNK_RECORD_BYTES = 32, MTR_CHUNK_HASH_BYTES = 16 };
enum { MTR_CHUNK_BYTES_MAX = MTR_CHUNK_RECORDS_MAX * MTR_CHUNK_RECORD_BYTES + MTR_CHUNK_HASH_BYTES };

/* The key of the chunk that begins with this identity; keys are in the order of identities. */
void chunk_put_key(unsigned char key[MTR_SEGMENT_CHUNK_KEY_BYTES], struct mtr_event_identity first);

/* Writes 1 to MTR_CHUNK_RECORDS_MAX records, ascending; returns the bytes written, *hash gets their hash. */
size_t chunk_write(uint8_t bytes[MTR_CHUNK_BYTES_MAX], const struct mtr_log_identity *records, uint32_t count,
                   struct mtr_hash128 *hash);

/* Checks key, hash and order of a chunk and unpacks it: *count is 1 to MTR_CHUNK_RECORDS_MAX. *hash (may be
 * NULL) gets its hash. MTR_ECORRUPT otherwise. */
int chunk_read(struct mtr_str key, struct mtr_str value,
               struct mtr_log_identity records[MTR_CHUNK_RECORDS_MAX], uint32_t *count,
               struct mtr_hash128 *hash) MTR_MUST_USE;

/* The hash of a segment's identities: folded over its chunks, from zero. */
struct mtr_hash128 chunk_fold(struct mtr_hash128 so_far, struct mtr_hash128 chunk);

/* <0, 0, >0 */
static inline int identity_compare(struct mtr_event_identity a, struct mtr_event_identity b)
{
    if (a.high != b.high) return a.high < b.high ? -1 : 1;
    return a.low < b.low ? -1 : a.low > b.low;
}

#endif
