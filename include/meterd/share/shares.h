/*
 * Bytes of memory that owners hold of one bound, none of them all of it: whoever is to hold more takes it
 * first, and does without where that is more than his share.
 *
 *   take ─▶ true: hold it, then give it back          take ─▶ false: nothing was taken; later, or not at all
 *
 * An owner may hold three times what is free: alone three quarters, and the next one three quarters of what
 * is left (A. Choudhury and E. Hahne, "Dynamic queue length thresholds", IEEE/ACM Transactions on
 * Networking 6, 1998). So there is room for whoever comes, and what is idle can be used.
 *
 * It counts what its users say, and allocates nothing. Owners are told apart by MTR_SHARES_PLACES places of
 * a hash that is another in each process: two that fall together have one share. Any thread; it outlives
 * all who took of it.
 */
#ifndef METERD_SHARE_SHARES_H
#define METERD_SHARE_SHARES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "meterd/share/owner.h"

enum { MTR_SHARES_PLACES = 4096, MTR_SHARES_TIMES_FREE = 3 };

struct mtr_shares {
    uint64_t bytes_max;
    uint64_t seed;
    atomic_uint_fast64_t used;
    atomic_uint_fast64_t of_owners[MTR_SHARES_PLACES];
};

void mtr_shares_init(struct mtr_shares *shares, uint64_t bytes_max, uint64_t seed);

/* All of it, or false. */
bool mtr_shares_take(struct mtr_shares *shares, mtr_owner owner, uint64_t bytes);
/* What is held already, and only counted: it may pass the bound. */
void mtr_shares_note(struct mtr_shares *shares, mtr_owner owner, uint64_t bytes);
/* Asserts that so much was taken, or noted. */
void mtr_shares_give(struct mtr_shares *shares, mtr_owner owner, uint64_t bytes);

uint64_t mtr_shares_used(struct mtr_shares *shares);
uint64_t mtr_shares_of(struct mtr_shares *shares, mtr_owner owner);

#endif
