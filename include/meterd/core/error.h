/*
 * Errors: one negative enum for the whole program.
 *
 * Every function that can fail returns 0 or one of these. Codes of other libraries (errno, LMDB, uv, curl)
 * are translated once, at the call, into one of these and never travel further. Broken code (a violated
 * contract) is not an error: it asserts with MTR_ASSERT, which stays on in release builds.
 */
#ifndef METERD_CORE_ERROR_H
#define METERD_CORE_ERROR_H

#define MTR_ERROR_MAP(X)                                                                                     \
    X(ENOMEM, -1, "out of memory")                                                                           \
    X(EINVALID, -2, "malformed or not allowed")                                                              \
    X(EOVERFLOW, -3, "number out of range")                                                                  \
    X(EPRECISION, -4, "more digits than can be kept exactly")                                                \
    X(ELIMIT, -5, "larger than the configured limit")                                                        \
    X(ENOTFOUND, -6, "not found")                                                                            \
    X(EEXISTS, -7, "already exists")                                                                         \
    X(EFULL, -8, "queue, map or disk is full")                                                               \
    X(EIO, -9, "input/output error: the outcome is unknown")                                                 \
    X(ECORRUPT, -10, "damaged data")                                                                         \
    X(EVERSION, -11, "unknown format version")                                                               \
    X(EDENIED, -12, "permission denied")                                                                     \
    X(ETIMEDOUT, -13, "timed out")                                                                           \
    X(ECLOSED, -14, "closed")                                                                                \
    X(EAGAIN, -15, "not now, try again")                                                                     \
    X(EUNREACHABLE, -16, "peer cannot be reached")                                                           \
    X(EMISSING, -17, "something that it needs is not there yet")                                             \
    X(EFILES, -18, "too many open files: raise LimitNOFILE (ulimit -n)")

enum mtr_error {
    MTR_OK = 0,
#define MTR_ERROR_ROW(name, value, text) MTR_##name = value,
    MTR_ERROR_MAP(MTR_ERROR_ROW)
#undef MTR_ERROR_ROW
};

#define MTR_MUST_USE __attribute__((warn_unused_result))
#define MTR_PRINTF(format_index, args_index) __attribute__((format(printf, format_index, args_index)))

/* "ENOMEM", which tests show where a code is not the one they want, and "out of memory", which people read;
 * "OK" and "ok" for 0. An unknown code asserts. */
const char *mtr_error_name(int error);
const char *mtr_error_text(int error);

/* The error for an errno value. ENOSPC and EDQUOT are MTR_EFULL, EACCES and EPERM are MTR_EDENIED, EMFILE and
 * ENFILE are MTR_EFILES; what has no row is MTR_EIO. */
int mtr_error_from_errno(int errno_value);

#ifdef __cplusplus
extern "C" [[noreturn]] void mtr_assert_failed(const char *expression, const char *file, int line);
#define MTR_ASSERT(expression)                                                                               \
    (static_cast<bool>(expression) ? (void)0 : mtr_assert_failed(#expression, __FILE__, __LINE__))
#else
_Noreturn void mtr_assert_failed(const char *expression, const char *file, int line);
#define MTR_ASSERT(expression) ((expression) ? (void)0 : mtr_assert_failed(#expression, __FILE__, __LINE__))
#endif

#endif
