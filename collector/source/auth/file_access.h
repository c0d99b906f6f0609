/*
 * One access to a file: a secret or a certificate is read, or refresh tokens are loaded or kept. A file may
 * hang (a network mount that does not answer), so it is run apart (auth_hooks.run, meterd/net/blocking.h),
 * and has all with it that it takes.
 *
 *   file_access_begin ─▶ run ─▶ work, any thread ─▶ file_access_end, the session's thread
 *                                            └──▶ drop: all has ended before, and nobody waits
 *
 * Private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_FILE_ACCESS_H
#define METERD_COLLECTOR_SOURCE_AUTH_FILE_ACCESS_H

#include "collector/source/auth/auth.h"

enum file_access_kind { FILE_ACCESS_READ, FILE_ACCESS_CERTIFICATE, FILE_ACCESS_LOAD, FILE_ACCESS_KEEP };

struct file_access {
    struct mtr_blocking_job job; /* first */
    enum file_access_kind kind;
    struct auth_hooks hooks;
    /* On the session's thread, with what came; session NULL: nobody waits for it. */
    void (*take)(struct auth_session *session, struct file_access *access, int64_t now_us);
    struct auth_session *session;
    struct mtr_str file;          /* of READ, CERTIFICATE */
    uint8_t key[AUTH_KEY_BYTES];  /* of LOAD, KEEP: the session's */
    uint64_t number;              /* of KEEP: of the rotation */
    struct mtr_buffer text;       /* of KEEP what is written, else what was read; wiped */
    int rc;
    char fault[AUTH_FAULT_BYTES];
};

/* file: of READ and CERTIFICATE, copied. NULL: out of memory. */
struct file_access *file_access_new(enum file_access_kind kind, struct auth_session *session,
                                    struct mtr_str file);
/* Where the hooks run nothing, it has ended behind the call. */
void file_access_begin(struct file_access *access, int64_t now_us);
void file_access_end(struct file_access *access, int64_t now_us); /* tells the session, and frees it */
void file_access_free(struct file_access *access);                /* one that was not begun */

#endif
