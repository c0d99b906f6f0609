/*
 * A 128-bit hash: XXH3-128 of some bytes, high half first where it is stored or shown.
 *
 * It tells bytes apart and detects damage; it is no secret and no signature. Zero stands for "none" where a
 * header says so.
 */
#ifndef METERD_CORE_HASH_H
#define METERD_CORE_HASH_H

#include <stdint.h>

struct mtr_hash128 {
    uint64_t high;
    uint64_t low;
};

#endif
