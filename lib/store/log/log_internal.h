/*
 * The writer's side of the log, shared by the files log*.c. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_LOG_LOG_INTERNAL_H
#define METERD_LIB_STORE_LOG_LOG_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "lib/store/log/log_manifest.h"
#include "lib/store/log/log_set.h"
#include "meterd/store/log.h"

struct log_carried;

struct mtr_log {
    struct mtr_log_set set;
    struct mtr_log_options options;
    int lock_fd;
    pthread_mutex_t spare_mutex;    /* one prepares or uses the spare at a time */
    pthread_mutex_t manifest_mutex; /* one writes the manifest at a time; taken before the set's */
    struct mtr_block_encoder *encoder;
    _Atomic uint64_t last_seq;
    int64_t last_received_us;
    struct mtr_hash128 last_hash;
    struct mtr_log_entry *open; /* the segment that is appended to */
    uint64_t used_bytes;        /* of the open segment, in pages */
    uint64_t largest_block_bytes;
    bool failed; /* the outcome of an append is unknown */
    struct log_carried *_Atomic carried; /* NULL: nothing was carried yet */
};

/* Only one writes; closing *out lets go. MTR_EEXISTS with a diagnostic: somebody else does. */
int log_take_lock(const char *directory, int *out, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Writes the manifest of what the set holds. */
int log_write_manifest(struct mtr_log *log) MTR_MUST_USE;

/* Recovery. Reads the manifest, removes what a crash left behind, verifies in a child process. *out has
 * the facts of all segments, the open one included; it is empty for a new log. */
int log_recover(const char *directory, bool verify_all, struct mtr_manifest *out,
                struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Verifies the segments of `manifest` in a child process: with `all` each block of each, else of those not
 * sealed. Fills in the facts of segments that are not rolled. `strict`: nobody is writing. */
int log_verify_manifest(const char *directory, struct mtr_manifest *manifest, bool all, bool strict,
                        struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
