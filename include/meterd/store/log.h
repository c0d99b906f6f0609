/*
 * The log: what vendors said, appended and never edited. Segments of blocks, each an LMDB environment of its
 * own under <directory>/NNNNNN/, preallocated, hash-chained from the first block ever to the last.
 *
 * One writer (the collector's thread) owns a struct mtr_log. Any number of readers, in this process or
 * another, use struct mtr_log_reader. A reader holds no read transaction between calls.
 * 200 means: mtr_log_append returned 0.
 */
#ifndef METERD_STORE_LOG_H
#define METERD_STORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/event.h"
#include "meterd/store/block.h"

struct mtr_log;
struct mtr_log_reader;

/* So many segments of a log stay open in a process, besides those that are written to or read at this moment:
 * three files each, and never more than a quarter of the files that the process may open. */
enum { MTR_LOG_SEGMENTS_OPEN_MAX = 256, MTR_LOG_SEGMENT_FILES = 3 };

struct mtr_log_options {
    uint64_t segment_bytes; /* preallocated size of a segment; a block that does not fit starts the next */
    uint64_t segment_events_max; /* events of a segment, bounds the exact dedup table in memory */
    int64_t segment_age_us;      /* a segment older than this is sealed at the next append */
    bool verify_all; /* at open verify every block of every segment, not only the last segment's */
};

struct mtr_log_segment {
    uint32_t number;      /* NNNNNN */
    bool sealed;
    uint64_t first_seq;   /* 0 when empty */
    uint64_t last_seq;
    int64_t first_received_us;
    int64_t last_received_us;
    uint64_t bytes;       /* of blocks */
    struct mtr_hash128 last_hash;
};

/* Recovery and opening for writing: takes the directory's lock file, reads the manifest, verifies segments
 * (hash of each block, chain, sequence, sealed hashes) in a child process, so that damaged pages cannot
 * crash the caller. The directory is created when missing. Damage is MTR_ECORRUPT: nothing is truncated or
 * repaired, *diagnostic names segment, block and byte. A second writer is MTR_EEXISTS. Call before threads
 * are started (it forks). */
int mtr_log_open(const char *directory, const struct mtr_log_options *options, struct mtr_log **out,
                 struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_log_close(struct mtr_log *log);

uint64_t mtr_log_last_seq(const struct mtr_log *log);       /* 0 when empty; any thread */
int64_t mtr_log_last_received_us(const struct mtr_log *log); /* writer's thread */

/* Appends one block and makes it durable (fdatasync inside). Sets event dispositions and targets as given.
 * first_seq, the chain and the receive time (max(previous, now_us)) are the log's work; *first_seq is the
 * sequence of events[0]. MTR_EFULL: nothing was stored, the disk is full, the log is usable; MTR_EFILES: too
 * many files are open in the process or the system, likewise. MTR_EIO: outcome unknown, of the block or of a
 * roll's manifest; the log refuses further appends (MTR_ECLOSED) until it is opened again. */
int mtr_log_append(struct mtr_log *log, const struct mtr_event *events, uint32_t count, int64_t now_us,
                   uint64_t *first_seq) MTR_MUST_USE;

/* Would the next append of `count` events start a new segment at now_us? The dedup index asks before, and
 * rolls with it. */
bool mtr_log_would_roll(const struct mtr_log *log, uint32_t count, int64_t now_us);

/* Starts a new segment now. The old one stays unsealed until mtr_log_seal. An open segment without blocks
 * is not rolled: MTR_EAGAIN. Append rolls by itself when mtr_log_would_roll says so. */
int mtr_log_roll(struct mtr_log *log, int64_t now_us) MTR_MUST_USE;

/* Seals a rolled segment: stores the sorted identities (`records`, strictly ascending, else MTR_EINVALID)
 * beside the blocks, then marks it sealed in the manifest. May run on another thread than append's; one at
 * a time. After a crash in between it is simply done again: the segment is still unsealed. MTR_ENOTFOUND:
 * no such segment, or it is the open one; MTR_EEXISTS: sealed already, also by a call that failed only
 * when writing the manifest (the next manifest says it). */
struct mtr_log_identity {
    struct mtr_event_identity identity;
    uint64_t digest;
    uint32_t seq_offset; /* sequence - segment's first_seq */
    uint32_t flags;      /* bit 0: quarantine identity */
};
int mtr_log_seal(struct mtr_log *log, uint32_t segment_number, const struct mtr_log_identity *records,
                 uint64_t count) MTR_MUST_USE;

/* Exact lookup in a sealed segment's identities. MTR_ENOTFOUND when absent. Any thread. */
int mtr_log_find_identity(struct mtr_log *log, uint32_t segment_number, struct mtr_event_identity identity,
                          struct mtr_log_identity *out) MTR_MUST_USE;
/* Walks a sealed segment's identities in ascending order, a chunk at a time; MTR_OK from the hook goes on. */
typedef int (*mtr_log_on_identities)(void *context, const struct mtr_log_identity *records, uint64_t count);
int mtr_log_walk_identities(struct mtr_log *log, uint32_t segment_number, mtr_log_on_identities on_identities,
                            void *context) MTR_MUST_USE;

/* How far a check of all sealed identities has come; all zeros: at its begin. */
struct mtr_identities_place {
    uint32_t segment;
    struct mtr_event_identity next; /* chunks before it were read, */
    uint64_t count;                 /* with so many identities */
    struct mtr_hash128 folded;      /* and this hash */
};

/* A slice: chunks of one segment behind the place, until bytes_max were read; less than a chunk more.
 * MTR_ENOTFOUND: there are no more, and the place is at the begin again. MTR_ECORRUPT, with a diagnostic that
 * says where: the place is at the next segment. Any thread, but one at a time for a place. */
int mtr_log_scrub_identities(struct mtr_log *log, struct mtr_identities_place *place, uint64_t bytes_max,
                             uint64_t *bytes, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Events whose blocks are not there, or damaged; the others are whole, each for itself. last_seq 0: from the
 * first one on, nobody knows how far, since they stood at the log's end. Beside a writer, too. on_lost comes
 * in the order of the log. */
struct mtr_log_lost {
    uint32_t segment;
    uint64_t first_seq, last_seq;
};
int mtr_log_find_lost(const char *directory, void (*on_lost)(void *context, const struct mtr_log_lost *lost),
                      void *context, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Of a log that is not open, and whose blocks are whole: from the first segment on whose identities are not,
 * sealed ones count as rolled alone, so that the next mtr_dedup_open and seal_run make their identities
 * again of their blocks. *count: how many these are; a dry run changes nothing. MTR_ECORRUPT: there is other
 * damage, and nothing is changed. MTR_EEXISTS: it is open. */
int mtr_log_unseal_damaged(const char *directory, bool is_dry_run, uint32_t *count,
                           struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* The segments, oldest first. Fills at most count_max; returns how many there are. Writer's thread. */
uint32_t mtr_log_segments(struct mtr_log *log, struct mtr_log_segment *segments, uint32_t count_max);
/* The one in that place, counted from 0; false: there are not so many. Writer's thread. */
bool mtr_log_segment_at(struct mtr_log *log, uint32_t index, struct mtr_log_segment *out);

/* Closes the segments that nobody is inside: where somebody else needs their files. Any thread. */
void mtr_log_give_files(struct mtr_log *log);

/* Retention: unlinks sealed segments, oldest first, whose newest event was received before `before_us` and
 * whose last_seq <= `consumed_seq`; stops at one that somebody is reading right now. Writer's thread. */
int mtr_log_retain(struct mtr_log *log, int64_t before_us, uint64_t consumed_seq,
                   uint32_t *removed) MTR_MUST_USE;

/* Preallocates the next segment ahead of time, so that a roll costs a rename. Any thread, idempotent. */
int mtr_log_prepare_next(struct mtr_log *log) MTR_MUST_USE;

/* Readers. `directory` as above; works beside a live writer, in any process. One thread each. */
int mtr_log_reader_open(const char *directory, struct mtr_log_reader **out,
                        struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* A reader that shares the writer's environments: needed inside the writer's process (LMDB allows one open
 * per process). */
int mtr_log_reader_attach(struct mtr_log *log, struct mtr_log_reader **out) MTR_MUST_USE;
void mtr_log_reader_close(struct mtr_log_reader *reader);

/* Decodes the block that holds sequence `seq`, or the first one after it. Events are borrowed until the
 * next call on this reader. MTR_ENOTFOUND: nothing there yet. MTR_ECORRUPT with a diagnostic otherwise.
 * Segments dropped by retention are skipped. */
int mtr_log_read(struct mtr_log_reader *reader, uint64_t seq, struct mtr_block_header *header,
                 const struct mtr_event **events, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Of the blocks that it has read so far. */
uint64_t mtr_log_reader_bytes(const struct mtr_log_reader *reader);

/* Verifies hashes and chain of everything retained. *last_seq is the last sequence verified. */
int mtr_log_verify(struct mtr_log_reader *reader, uint64_t *last_seq,
                   struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
