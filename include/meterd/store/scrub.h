/*
 * Scrubbing: what lies in stores is read again and again, slowly, so that bytes that rot are known before
 * they are needed. In slices: how many bytes a second is the caller's. It changes nothing, and holds a read
 * transaction no longer than a slice takes.
 *
 * Of each page its place and bounds, and of each row its order and checksum; what needs all of a file at
 * once, as how many rows a table has, is looked at when a store is opened.
 */
#ifndef METERD_STORE_SCRUB_H
#define METERD_STORE_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"

struct mtr_scrub; /* how far it has come; one thread at a time */

int mtr_scrub_open(struct mtr_scrub **out) MTR_MUST_USE;
void mtr_scrub_close(struct mtr_scrub *scrub);

struct mtr_scrub_slice {
    uint64_t bytes; /* that were read */
    bool is_round;  /* with it all stores of this process have been read once more */
};

/* The next bytes_max bytes, or a little more, of the stores that this process has open for writing, one
 * after the other; fewer where one ends. MTR_ECORRUPT, with a diagnostic that says where: what is behind it
 * in that store is not looked at until the next round. It is noted as damage that was met
 * (meterd/store/damage.h). */
int mtr_scrub_step(struct mtr_scrub *scrub, uint64_t bytes_max, struct mtr_scrub_slice *out,
                   struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
