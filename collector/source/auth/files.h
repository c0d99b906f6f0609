/*
 * The hooks of sessions over real files: secrets (secret_file.h), and refresh tokens that a vendor rotated.
 *
 *   DIRECTORY/seal.key          32 bytes at random, mode 0600, made once; instead of it the credential
 *                               meterd-seal-key of systemd, when there is one
 *   DIRECTORY/<hash>.sealed     the tokens of one session, sealed with it (meterd/net/seal.h)
 *
 * keep writes a new file, syncs it, renames it over the old one and syncs the directory: what was there
 * before is there until the new one is durable. A file that cannot be unsealed is as none, and stays:
 * whoever lost the key may find it again.
 *
 * A backup has no use for them: a token that was rotated since is burned.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_FILES_H
#define METERD_COLLECTOR_SOURCE_AUTH_FILES_H

#include "collector/source/auth/auth.h"
#include "meterd/core/diagnostic.h"

struct auth_files;

/* directory: made when it is missing, mode 0700. credentials: $CREDENTIALS_DIRECTORY, or NULL. Both are
 * copied. On failure a diagnostic: MTR_EDENIED, MTR_EFULL, MTR_EIO, MTR_ENOMEM. */
int auth_files_open(const char *directory, const char *credentials, struct auth_files **out,
                    struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* Wipes the key, as soon as no job uses it; NULL is allowed. */
void auth_files_close(struct auth_files *files);

struct auth_hooks auth_files_hooks(struct auth_files *files);

#endif
