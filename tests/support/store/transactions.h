/*
 * How many transactions were committed to a store, as its newest meta page says.
 */
#ifndef METERD_TESTS_SUPPORT_STORE_TRANSACTIONS_H
#define METERD_TESTS_SUPPORT_STORE_TRANSACTIONS_H

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "meterd/core/error.h"

static inline uint64_t count_transactions(const char *directory)
{
    enum { PAGE_BYTES = 4096, NUMBER_AT = 144 }; /* in a meta page of LMDB 0.9, in the machine's byte order */
    char path[PATH_MAX];
    uint64_t numbers[2];
    snprintf(path, sizeof(path), "%s/data.mdb", directory);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    MTR_ASSERT(file >= 0);
    for (int i = 0; i < 2; i++)
        MTR_ASSERT(pread(file, &numbers[i], sizeof(numbers[i]), i * PAGE_BYTES + NUMBER_AT) == sizeof(numbers[i]));
    close(file);
    return numbers[0] > numbers[1] ? numbers[0] : numbers[1];
}

#endif
