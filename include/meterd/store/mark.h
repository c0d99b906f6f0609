/*
 * Marks: how far all stores of a data directory had come, in a small file beside each of them. A store that
 * is put back from an older copy alone has an older position than the marks beside the others say.
 *
 *   <data>/{log,rollups,charges,catalog}/mark
 *
 * A mark never says more than is durable in the stores, so after a crash it is at them or behind them. It is
 * written before what it says is relied on outside: no charge is handed out that the marks do not know.
 * A backup has marks of its own, which say how far its copies had come.
 *
 * Each function is one call on one file: threads that write the same one take turns by a lock of their own.
 */
#ifndef METERD_STORE_MARK_H
#define METERD_STORE_MARK_H

#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/hash.h"

struct mtr_mark {
    uint64_t log_seq;         /* everything up to it was folded; 0: nothing */
    uint64_t catalog_version; /* was in force */
    uint64_t charge_number;   /* charges up to it may have been handed out; 0: none */
    struct mtr_hash128 charge_id; /* of that one */
};

/* The stores that have one, by the names of their directories. */
enum { MTR_MARKED_STORES = 4 };
extern const char *const mtr_marked_stores[MTR_MARKED_STORES];

/* The mark beside the store in that directory. MTR_ENOTFOUND: there is none; MTR_ECORRUPT with a sentence. */
int mtr_mark_read(const char *directory, struct mtr_mark *out,
                  struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Replaces it, durably: after a crash it is the former or this one. The directory exists. */
int mtr_mark_write(const char *directory, const struct mtr_mark *mark) MTR_MUST_USE;
/* The same over a damaged one. */
int mtr_mark_replace(const char *directory, const struct mtr_mark *mark) MTR_MUST_USE;

#endif
