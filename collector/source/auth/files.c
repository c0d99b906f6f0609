/*
 * Secrets and sealed tokens in files.
 */
#include "collector/source/auth/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/source/auth/secret_file.h"
#include "meterd/net/crypto.h"
#include "meterd/net/seal.h"
#include "meterd/store/durable.h"

enum { PATH_BYTES = 4096, SEALED_BYTES_MAX = 256 << 10 };
static const char key_name[] = "seal.key", credential_name[] = "meterd-seal-key";

struct auth_files {
    atomic_uint holders; /* one is who opened it, the others are jobs */
    char *directory;
    char *credentials;
    uint8_t key[MTR_SEAL_KEY_BYTES];
};

/* ---- bytes ---- */

static int last_error(void)
{
    return mtr_error_from_errno(errno ? errno : EIO);
}

static int write_path(const struct auth_files *files, char path[PATH_BYTES], const char *name)
{
    return snprintf(path, PATH_BYTES, "%s/%s", files->directory, name) < PATH_BYTES ? MTR_OK : MTR_ELIMIT;
}

static int keep_file(const struct auth_files *files, const char *name, struct mtr_str data)
{
    char path[PATH_BYTES];
    const int rc = write_path(files, path, name);
    return rc ? rc : mtr_durable_replace(path, data);
}

static int read_file(const char *path, struct mtr_buffer *out)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return errno == ENOENT ? MTR_ENOTFOUND : last_error();
    int rc = mtr_buffer_reserve(out, SEALED_BYTES_MAX);
    ssize_t got = 1;
    while (!rc && got > 0 && out->size < SEALED_BYTES_MAX) {
        got = read(fd, out->data + out->size, SEALED_BYTES_MAX - out->size);
        if (got < 0 && errno == EINTR) got = 1;
        else if (got < 0) rc = last_error();
        else out->size += (size_t)got;
    }
    close(fd);
    return rc;
}

/* ---- the key ---- */

static int make_key(struct auth_files *files)
{
    int rc = mtr_random_bytes(files->key, sizeof(files->key));
    return rc ? rc : keep_file(files, key_name, (struct mtr_str){(char *)files->key, sizeof(files->key)});
}

static int read_own_key(struct auth_files *files)
{
    char path[PATH_BYTES];
    struct mtr_buffer key;
    int rc = write_path(files, path, key_name);
    if (rc) return rc;
    mtr_buffer_init(&key, SEALED_BYTES_MAX);
    rc = read_file(path, &key);
    if (rc == MTR_ENOTFOUND) rc = make_key(files);
    else if (!rc && key.size != sizeof(files->key)) rc = MTR_ECORRUPT;
    else if (!rc) memcpy(files->key, key.data, sizeof(files->key));
    secret_wipe(&key);
    return rc;
}

/* Any text will do: its hash is the key. */
static int read_key(struct auth_files *files)
{
    struct mtr_buffer text;
    char fault[SECRET_FILE_FAULT_BYTES];
    if (!files->credentials) return read_own_key(files);
    mtr_buffer_init(&text, AUTH_SECRET_BYTES_MAX + 1);
    int rc = secret_file_read(files->credentials, mtr_str_from(credential_name), &text, fault);
    if (!rc) rc = mtr_digest_of(MTR_SHA256, mtr_buffer_str(&text), files->key);
    secret_wipe(&text);
    return rc == MTR_EDENIED ? read_own_key(files) : rc;
}

static int open_directory(struct auth_files *files)
{
    const int rc = mtr_durable_directory(files->directory);
    return rc ? rc : mtr_durable_sync(files->directory); /* the last process may have been killed before */
}

int auth_files_open(const char *directory, const char *credentials, struct auth_files **out,
                    struct mtr_diagnostic *diagnostic)
{
    struct auth_files *files = calloc(1, sizeof(*files));
    if (!files) return MTR_ENOMEM;
    atomic_init(&files->holders, 1);
    files->directory = strdup(directory);
    files->credentials = credentials ? strdup(credentials) : NULL;
    const bool has_memory = files->directory && (files->credentials || !credentials);
    int rc = has_memory ? open_directory(files) : MTR_ENOMEM;
    if (!rc) rc = read_key(files);
    if (!rc) {
        *out = files;
        return MTR_OK;
    }
    if (rc == MTR_ECORRUPT)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL,
                           "%s/%s is no key: bring back the right one, or remove it and let sources that "
                           "have refresh tokens be authorized anew", directory, key_name);
    else
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL,
                           "cannot keep refresh tokens in %s: %s", directory, mtr_error_text(rc));
    auth_files_close(files);
    return rc;
}

void auth_files_close(struct auth_files *files)
{
    if (!files || atomic_fetch_sub(&files->holders, 1) > 1) return;
    explicit_bzero(files->key, sizeof(files->key));
    free(files->directory);
    free(files->credentials);
    free(files);
}

/* ---- hooks ---- */

static void write_name(const uint8_t key[AUTH_KEY_BYTES], char name[80])
{
    for (int i = 0; i < AUTH_KEY_BYTES; i++) snprintf(name + 2 * i, 3, "%02x", key[i]);
    snprintf(name + 2 * AUTH_KEY_BYTES, 80 - 2 * AUTH_KEY_BYTES, ".sealed");
}

static int on_read(void *context, struct mtr_str file, struct mtr_buffer *out,
                   char fault[AUTH_FAULT_BYTES])
{
    const struct auth_files *files = context;
    _Static_assert((int)AUTH_FAULT_BYTES >= (int)SECRET_FILE_FAULT_BYTES, "a sentence is never cut");
    return secret_file_read(files->credentials, file, out, fault);
}

static int on_read_certificate(void *context, struct mtr_str file, struct mtr_buffer *out,
                               char fault[AUTH_FAULT_BYTES])
{
    const struct auth_files *files = context;
    return certificate_file_read(files->credentials, file, out, fault);
}

static int on_load(void *context, const uint8_t key[AUTH_KEY_BYTES], struct mtr_buffer *out)
{
    const struct auth_files *files = context;
    char name[80], path[PATH_BYTES];
    struct mtr_buffer sealed;
    write_name(key, name);
    int rc = write_path(files, path, name);
    if (rc) return rc;
    mtr_buffer_init(&sealed, SEALED_BYTES_MAX);
    rc = read_file(path, &sealed);
    if (!rc) rc = mtr_unseal(files->key, mtr_buffer_str(&sealed), out);
    mtr_buffer_release(&sealed);
    return rc;
}

static int on_keep(void *context, const uint8_t key[AUTH_KEY_BYTES], struct mtr_str text)
{
    const struct auth_files *files = context;
    char name[80];
    struct mtr_buffer sealed;
    write_name(key, name);
    mtr_buffer_init(&sealed, SEALED_BYTES_MAX);
    int rc = mtr_seal(files->key, text, &sealed);
    if (!rc) rc = keep_file(files, name, mtr_buffer_str(&sealed));
    mtr_buffer_release(&sealed);
    return rc;
}

static void on_hold(void *context)
{
    struct auth_files *files = context;
    atomic_fetch_add(&files->holders, 1);
}

static void on_release(void *context) { auth_files_close(context); }

struct auth_hooks auth_files_hooks(struct auth_files *files)
{
    return (struct auth_hooks){.context = files,
                               .read_secret = on_read,
                               .read_certificate = on_read_certificate,
                               .load = on_load,
                               .keep = on_keep,
                               .hold = on_hold,
                               .release = on_release};
}
