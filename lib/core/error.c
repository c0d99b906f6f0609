/*
 * Errors: names and texts from the one map; translation of errno; the assertion that stays on.
 */
#include "meterd/core/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *mtr_error_name(int error)
{
    switch (error) {
    case MTR_OK: return "OK";
#define MTR_ERROR_ROW(name, value, text) \
    case MTR_##name: return #name;
        MTR_ERROR_MAP(MTR_ERROR_ROW)
#undef MTR_ERROR_ROW
    default: MTR_ASSERT(!"known error code"); return NULL;
    }
}

const char *mtr_error_text(int error)
{
    switch (error) {
    case MTR_OK: return "ok";
#define MTR_ERROR_ROW(name, value, text) \
    case MTR_##name: return text;
        MTR_ERROR_MAP(MTR_ERROR_ROW)
#undef MTR_ERROR_ROW
    default: MTR_ASSERT(!"known error code"); return NULL;
    }
}

int mtr_error_from_errno(int errno_value)
{
    switch (errno_value) {
    case 0: return MTR_OK;
    case ENOMEM: return MTR_ENOMEM;
    case EINVAL:
    case ENOTDIR:
    case EISDIR: return MTR_EINVALID;
    case ENOENT: return MTR_ENOTFOUND;
    case EEXIST: return MTR_EEXISTS;
    case ENOSPC:
    case EDQUOT: return MTR_EFULL;
    case EACCES:
    case EPERM:
    case EROFS: return MTR_EDENIED;
    case EMFILE:
    case ENFILE: return MTR_EFILES;
    case EAGAIN:
    case EBUSY:
    case EINTR: return MTR_EAGAIN;
    case ETIMEDOUT: return MTR_ETIMEDOUT;
    default: return MTR_EIO;
    }
}

_Noreturn void mtr_assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "meterd: broken invariant: %s (%s:%d)\n", expression, file, line);
    fflush(stderr);
    abort();
}
