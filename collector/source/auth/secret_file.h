/*
 * Secrets in files: `secret_file` of a source's document, read when it is needed.
 *
 *   /etc/meterd/acme.token     an absolute path: a file of mode 0600 or stricter
 *   acme.token                 a bare name: a credential of systemd (LoadCredential=), in its own directory
 *
 * Line ends at the file's end do not count. A file that others can read, that is empty, too large, a
 * directory or holds a NUL is refused. Private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_SECRET_FILE_H
#define METERD_COLLECTOR_SOURCE_AUTH_SECRET_FILE_H

#include "meterd/core/buffer.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

enum { SECRET_FILE_BYTES_MAX = 64 << 10, SECRET_FILE_FAULT_BYTES = 400 };

/* credentials: what $CREDENTIALS_DIRECTORY says, NULL without. Appends to out, whose memory is wiped by
 * secret_wipe. MTR_EDENIED with a sentence in fault; MTR_ENOMEM, MTR_ELIMIT. */
int secret_file_read(const char *credentials, struct mtr_str file, struct mtr_buffer *out,
                     char fault[SECRET_FILE_FAULT_BYTES]) MTR_MUST_USE;
/* The same of a certificate, which others may read. */
int certificate_file_read(const char *credentials, struct mtr_str file, struct mtr_buffer *out,
                          char fault[SECRET_FILE_FAULT_BYTES]) MTR_MUST_USE;

void secret_wipe(struct mtr_buffer *buffer); /* and releases it */

#endif
