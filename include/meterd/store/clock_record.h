/*
 * What is kept of trusted time (meterd/core/trusted_time.h) from one process to the next: <data>/clock.
 *
 * It is kept now and then: within one boot the monotonic clock goes on where the record stands, however old
 * it is. Without it the next start believes the wall clock. Each function is one call on one file: threads
 * that write it take turns by a lock of their own.
 */
#ifndef METERD_STORE_CLOCK_RECORD_H
#define METERD_STORE_CLOCK_RECORD_H

#include "meterd/core/error.h"
#include "meterd/core/trusted_time.h"

/* MTR_ENOTFOUND: there is none; MTR_ECORRUPT: it is damaged. *out has no time then. */
int mtr_clock_record_read(const char *data_directory, struct mtr_trusted_record *out) MTR_MUST_USE;

/* Replaces it, durably: after a crash it is the former or this one. One that is damaged is made anew. */
int mtr_clock_record_write(const char *data_directory, const struct mtr_trusted_record *record) MTR_MUST_USE;

#endif
