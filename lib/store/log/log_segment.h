/*
 * One segment of the log on disk: a directory with an LMDB environment, preallocated. Private to lib/store.
 *
 *   <log>/spare.new --(zero-filled, fsync, rename)--> <log>/spare --(rename at a roll)--> <log>/000007
 *
 * Keys of its one database: a block under its first sequence number (8 bytes, big-endian); after sealing, the
 * chunks of identities under 0xFF and the first identity of the chunk (17 bytes). So both are appended in
 * order.
 */
#ifndef METERD_LIB_STORE_LOG_LOG_SEGMENT_H
#define METERD_LIB_STORE_LOG_LOG_SEGMENT_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/store/log/log_manifest.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/store/log.h"

enum { MTR_SEGMENT_BLOCK_KEY_BYTES = 8, MTR_SEGMENT_CHUNK_KEY_BYTES = 17, MTR_SEGMENT_CHUNK_MARK = 0xFF };
enum { MTR_SEGMENT_DBI = 1 }; /* the unnamed database of every environment */

/* Says what is wrong with a segment, at block sequence `seq` when that is not 0, and returns MTR_ECORRUPT.
 * `diagnostic` may be NULL. */
int segment_corrupt(struct mtr_diagnostic *diagnostic, uint32_t number, uint64_t seq, const char *format, ...)
    MTR_PRINTF(4, 5);

/* Makes <log>/spare of segment_bytes, unless there is one of that size. Removes what it began when it
 * fails. */
int segment_prepare_spare(const char *directory, uint64_t segment_bytes) MTR_MUST_USE;
/* Gives the spare its number; durable. */
int segment_use_spare(const char *directory, uint32_t number) MTR_MUST_USE;
/* Takes the number back from a segment that nothing was written to; where that fails it is removed. */
void segment_return_spare(const char *directory, uint32_t number);
/* Removes a segment's files. What a crash leaves is removed by the next recovery. */
int segment_remove(const char *directory, uint32_t number) MTR_MUST_USE;
/* Removes a spare that was not finished. */
void segment_remove_unfinished(const char *directory);

/* Is the file there, and as long as its pages say? With `strict` (nobody writes) both meta pages must also
 * be neighbours in time: a flipped bit there would bring back an older state. *entries gets the number of
 * keys. */
int segment_check_file(const char *directory, uint32_t number, bool strict, uint64_t *entries,
                       struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Readers do not see what a writer committed that was killed before it told them, where somebody else has the
 * segment open: from now on they do. The writer's own call, before it reads. */
int segment_tell_last_commit(const char *directory, uint32_t number,
                             struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* segment_bytes 0 opens read-only. Damage is MTR_ECORRUPT with a diagnostic (may be NULL). */
int segment_open(const char *directory, uint32_t number, uint64_t segment_bytes, MDB_env **out,
                 struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
uint64_t segment_used_bytes(MDB_env *env); /* up to the last page in use */

#endif
