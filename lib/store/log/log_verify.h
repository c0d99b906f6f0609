/*
 * Verification of one segment's content: hashes, chain, sequence, counts, sealed identities. Private to
 * lib/store.
 */
#ifndef METERD_LIB_STORE_LOG_LOG_VERIFY_H
#define METERD_LIB_STORE_LOG_LOG_VERIFY_H

#include <stdbool.h>

#include "lib/store/log/log_manifest.h"

/* Where the chain stands before a segment: updated to its end. */
struct mtr_chain {
    uint64_t last_seq;
    int64_t last_received_us;
    struct mtr_hash128 last_hash;
};

/* Verifies the segment of `record`; with `whole` each block and chunk, else the first and last block (a
 * sealed segment's facts are in the manifest). Fills in the facts of a segment that is not rolled. Damaged
 * pages may crash: call it in a child. */
int segment_verify(const char *directory, struct mtr_segment_record *record, bool whole, bool strict,
                   struct mtr_chain *chain, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
