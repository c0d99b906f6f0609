/*
 * The segments that a process has to do with, shared by the writer and the readers attached to it; a reader
 * of its own has one of its own. Private to lib/store.
 *
 * LMDB allows one open environment per directory and process: the set opens each once, when it is used, and
 * counts who is inside. At most MTR_LOG_SEGMENTS_OPEN_MAX stay open: the one that nobody has used for
 * longest is closed for the next. Those that are written to are not among them. Entries never move in memory;
 * an entry in use is not removed. One mutex guards the list; it is held for a lookup, and while a segment is
 * opened for reading.
 */
#ifndef METERD_LIB_STORE_LOG_LOG_SET_H
#define METERD_LIB_STORE_LOG_LOG_SET_H

#include <lmdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/store/log/log_manifest.h"
#include "meterd/store/log.h"

struct mtr_log_entry {
    struct mtr_segment_record record; /* of the open segment: as of now, in the writer's set only */
    MDB_env *env;                     /* NULL while it is closed */
    bool is_written;                  /* env is for writing, and is not closed before it is sealed */
    bool is_reopened;                 /* for writing: nobody gets in meanwhile */
    uint32_t uses;
    struct mtr_log_entry *before, *after; /* among those that are open and that nobody is inside */
};

struct mtr_log_set {
    char directory[2048];
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* somebody has left, or an entry was opened for writing */
    struct mtr_log_entry **entries; /* ascending */
    uint32_t count;
    uint32_t count_allocated;
    struct mtr_log_base base;
    uint64_t changes; /* of the list: segments added or removed */
    uint32_t open_count, open_max;
    /* Open, not written to, nobody inside; longest unused first. */
    struct mtr_log_entry *idle_first, *idle_last;
};

int log_set_init(struct mtr_log_set *set, const char *directory) MTR_MUST_USE;
void log_set_release(struct mtr_log_set *set); /* closes the environments; nobody may be inside */

/* An entry that is nobody's yet (put it, or free it), and room for it, so that putting cannot fail; env,
 * where it is not NULL, is open for writing. */
int log_set_make_entry(struct mtr_log_set *set, const struct mtr_segment_record *record, MDB_env *env,
                       struct mtr_log_entry **out) MTR_MUST_USE;
/* Puts the entry behind the last, which is rolled by that, at once for everybody who looks. The entry and
 * its environment are the set's. */
void log_set_put_entry(struct mtr_log_set *set, struct mtr_log_entry *entry);

/* What acquire found besides the entry. */
struct mtr_log_found {
    struct mtr_log_entry *entry;
    struct mtr_segment_record record; /* a copy: the entry's own changes under the mutex */
    bool last;                        /* no segment follows */
    uint64_t changes;
};

/* The segment where `seq` is or will be, or the first retained one; opened, and counted until release.
 * MTR_ENOTFOUND: no segment. */
int log_set_acquire_seq(struct mtr_log_set *set, uint64_t seq, struct mtr_log_found *out,
                        struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
int log_set_acquire_number(struct mtr_log_set *set, uint32_t number, struct mtr_log_found *out,
                           struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void log_set_release_entry(struct mtr_log_set *set, struct mtr_log_entry *entry);

/* Opens an entry for writing that was open for reading; it was acquired. Waits for others who are inside: a
 * block's time. Whatever fails, it stays readable. */
int log_set_open_for_writing(struct mtr_log_set *set, struct mtr_log_entry *entry,
                             uint64_t segment_bytes) MTR_MUST_USE;
/* Gives the files of all segments back that nobody is inside. False: there are none. */
bool log_set_close_idle(struct mtr_log_set *set);

/* A manifest of what the set holds now. Release it. */
int log_set_manifest(struct mtr_log_set *set, struct mtr_manifest *out) MTR_MUST_USE;
/* Brings a reader's set to what the manifest says. */
int log_set_refresh(struct mtr_log_set *set, const struct mtr_manifest *manifest) MTR_MUST_USE;
/* Removes the first `count` entries, which nobody may be inside, and closes them. The caller holds the
 * mutex. */
void log_set_remove_first(struct mtr_log_set *set, uint32_t count);

#endif
