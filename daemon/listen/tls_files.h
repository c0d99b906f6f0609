/*
 * Certificates and keys of the listeners, out of their files. Any thread: it may wait for a disk.
 */
#ifndef METERD_DAEMON_LISTEN_TLS_FILES_H
#define METERD_DAEMON_LISTEN_TLS_FILES_H

#include "daemon/config.h"
#include "meterd/net/tls.h"

enum { TLS_FILE_NAME_BYTES = 1025 }; /* as long as the configuration takes, and its NUL */

struct tls_file_names {
    char certificate[TLS_FILE_NAME_BYTES], key[TLS_FILE_NAME_BYTES], client_ca[TLS_FILE_NAME_BYTES];
};

void tls_files_name(struct tls_file_names *names, const struct mtr_config_tls *config);
/* group: "listen.tls", for sentences. MTR_EDENIED, MTR_EINVALID, MTR_ENOMEM. */
int tls_files_read(const struct tls_file_names *names, const char *group, struct mtr_tls **out,
                   struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
