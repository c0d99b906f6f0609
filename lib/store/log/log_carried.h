/*
 * The store of carried events (meterd/store/log_carried.h): one LMDB environment of sealed rows, made when
 * something is carried for the first time. Private to lib/store.
 *
 *   carried    first sequence u64, events u32   a block of these events
 *   unwanted   the same                         i64: since when nobody waits for any of them
 *   meta       format u32; events u64: how many there are copies of
 */
#ifndef METERD_LIB_STORE_LOG_LOG_CARRIED_H
#define METERD_LIB_STORE_LOG_LOG_CARRIED_H

#include <lmdb.h>

#include "meterd/store/log_carried.h"

struct log_carried;

/* Of the log's directory. MTR_ENOTFOUND: there is none, and none is to be made. */
int log_carried_open(const char *log_directory, bool read_only, bool create, struct log_carried **out,
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void log_carried_close(struct log_carried *carried);

/* The run that holds seq, or the first one behind it, if it begins before end_seq. MTR_ENOTFOUND: none, and
 * nothing was decoded. */
struct log_carried_wanted {
    uint64_t seq, end_seq;
    struct mtr_block_decoder *decoder;
    struct mtr_block_header *header;
    const struct mtr_event **events;
};
int log_carried_read(struct log_carried *carried, const struct log_carried_wanted *wanted,
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* One transaction of copies, ended by lmdb_commit or an abort: is that event carried; and a run of events as
 * a block. */
enum { LOG_CARRIED_RUN_EVENTS_MAX = 1024 };
int log_carried_begin(struct log_carried *carried, MDB_txn **out) MTR_MUST_USE;
int log_carried_has(const struct log_carried *carried, MDB_txn *txn, uint64_t seq, bool *out) MTR_MUST_USE;
int log_carried_put(const struct log_carried *carried, MDB_txn *txn, const struct mtr_block_header *header,
                    struct mtr_str block) MTR_MUST_USE;

/* Copies of events behind the log's end are of a log that went on elsewhere. */
int log_carried_cut(struct log_carried *carried, uint64_t last_seq) MTR_MUST_USE;

/* Decodes all of it. */
int log_carried_verify(const char *log_directory, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Of the writer; made when it is missing, if it is to be. NULL: there is none. Any thread. */
int log_carried_of(struct mtr_log *log, bool create, struct log_carried **out,
                   struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
