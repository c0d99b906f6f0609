/*
 * The manifest: which segments the log has, and the facts of those that no longer change. Private to
 * lib/store.
 *
 * One small file, <log>/manifest, with its own hash; replaced as a whole (temporary file, fsync, rename,
 * fsync of the directory), so it is the old one or the new one after any crash. Bytes: docs/formats.md.
 */
#ifndef METERD_LIB_STORE_LOG_LOG_MANIFEST_H
#define METERD_LIB_STORE_LOG_LOG_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/store/log.h"

/* Of 4,194,304 events each: 27 years at 10,000 a second. */
enum { MTR_LOG_SEGMENTS_MAX = 1 << 21 };

/* One segment. start_seq is the sequence of its first event, known before there is one. What stands below
 * `rolled` is zero in the file until the segment is rolled, what stands below `sealed` until it is sealed. */
struct mtr_segment_record {
    uint32_t number;
    uint64_t start_seq;
    bool rolled;
    uint64_t last_seq; /* start_seq - 1 when empty */
    int64_t first_received_us;
    int64_t last_received_us;
    uint64_t bytes;               /* of blocks */
    struct mtr_hash128 last_hash; /* of the last block; of the segment before when empty */
    bool sealed;
    uint64_t identity_count;
    struct mtr_hash128 identities_hash;
};

/* Where the retained log begins: the end of what retention removed, zero at first. */
struct mtr_log_base {
    uint64_t last_seq;
    int64_t last_received_us;
    struct mtr_hash128 last_hash;
};

struct mtr_manifest {
    struct mtr_log_base base;
    struct mtr_segment_record *records; /* ascending, without holes */
    uint32_t count;
};

void manifest_release(struct mtr_manifest *manifest);
/* MTR_ENOTFOUND: there is none. MTR_ECORRUPT, MTR_EVERSION: with a diagnostic (never NULL here). */
int manifest_read(const char *directory, struct mtr_manifest *out,
                  struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* Durable when MTR_OK; otherwise the old one stands (MTR_EIO: one of both). */
int manifest_write(const char *directory, const struct mtr_manifest *manifest) MTR_MUST_USE;

#endif
