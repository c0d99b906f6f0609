/*
 * A directory for the files of one test, in memory where it does not matter what a disk would do.
 */
#ifndef METERD_TESTS_SUPPORT_DIRECTORY_H
#define METERD_TESTS_SUPPORT_DIRECTORY_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "meterd/core/error.h"

enum { DIRECTORY_PATH_BYTES = 64 };

static inline void make_temporary(char path[DIRECTORY_PATH_BYTES])
{
    snprintf(path, DIRECTORY_PATH_BYTES, "/tmp/meterd-test-XXXXXX");
    MTR_ASSERT(mkdtemp(path));
}

/* For hundreds of commits, where there is such a place: no power will fail in a test. */
static inline void make_temporary_in_memory(char path[DIRECTORY_PATH_BYTES])
{
    const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, DIRECTORY_PATH_BYTES, "%s/meterd-test-XXXXXX", root);
    MTR_ASSERT(mkdtemp(path));
}

static inline int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline void remove_tree(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
