/*
 * Memory that is refused, in a test of one thread: the program's malloc, calloc and realloc are these. With a
 * sanitizer, which has its own, nothing is refused (MEMORY_CAN_BE_REFUSED is 0).
 */
#ifndef METERD_TESTS_SUPPORT_MEMORY_REFUSED_MEMORY_H
#define METERD_TESTS_SUPPORT_MEMORY_REFUSED_MEMORY_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_CAN_BE_REFUSED 0
#else
#define MEMORY_CAN_BE_REFUSED 1
#endif

static uint64_t memory_asked, memory_refused; /* of these the one that is refused; 0: none */

/* The allocation of that number from now on, from 1. */
static inline void memory_refuse(uint64_t number)
{
    memory_asked = 0;
    memory_refused = number;
}

/* Ends it; true: it came to that. */
static inline bool memory_allow(void)
{
    const bool was_refused = memory_refused && memory_asked >= memory_refused;
    memory_refused = 0;
    return was_refused;
}

#if MEMORY_CAN_BE_REFUSED

/* Of glibc, under the names that stay when the others are ours. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static bool memory_is_refused(void)
{
    if (++memory_asked != memory_refused) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return memory_is_refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return memory_is_refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return memory_is_refused() ? NULL : __libc_realloc(memory, size);
}

#endif
#endif
