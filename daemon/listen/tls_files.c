/*
 * What is judged is what is read: a file is opened first, and looked at by its descriptor. A name may be a
 * link, as those of a directory that is renewed are; what it leads to is a regular file. Keys are wiped from
 * our memory once OpenSSL has them.
 */
#include "daemon/listen/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/core/buffer.h"

enum { FILE_BYTES_MAX = 1 << 20, PATH_BYTES = 4096 };

/* A file to be read. */
struct wanted {
    const char *name, *group, *key; /* "listen.tls", "certificate" */
    bool is_secret;
    struct mtr_diagnostic *diagnostic;
};

static int refuse(const struct wanted *wanted, const char *what)
{
    mtr_diagnostic_set(wanted->diagnostic, MTR_FINDING_PROGRAM_LISTEN, 0, 0, wanted->key,
                       "%s.%s: the file `%.200s` %s", wanted->group, wanted->key, wanted->name, what);
    return MTR_EDENIED;
}

static int write_path(const struct wanted *wanted, char path[PATH_BYTES])
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (wanted->name[0] == '/') {
        snprintf(path, PATH_BYTES, "%s", wanted->name);
        return MTR_OK;
    }
    if (strchr(wanted->name, '/') || strcmp(wanted->name, "..") == 0)
        return refuse(wanted, "is neither an absolute path nor the name of a systemd credential");
    if (!credentials)
        return refuse(wanted, "is the name of a systemd credential, and there are none: name it in the unit "
                              "(LoadCredential=), or give an absolute path");
    const int size = snprintf(path, PATH_BYTES, "%s/%s", credentials, wanted->name);
    return size < PATH_BYTES ? MTR_OK : refuse(wanted, "has too long a name");
}

/* Its group may read a key that is somebody else's, who has given it to the group for that (ssl-cert); the
 * group bits of a credential are the mask of an access list. */
static bool is_open(const struct wanted *wanted, const struct stat *status)
{
    const bool is_credential = wanted->name[0] != '/';
    const mode_t of_others = is_credential ? 07 : status->st_uid == geteuid() ? 077 : 037;
    return wanted->is_secret && (status->st_mode & of_others);
}

static int read_all(int fd, const struct wanted *wanted, struct mtr_buffer *out)
{
    ssize_t got = 1;
    while (got > 0) {
        if (mtr_buffer_reserve(out, 4096)) return refuse(wanted, "is larger than 1 MiB");
        got = read(fd, out->data + out->size, out->capacity - out->size);
        if (got < 0 && errno == EINTR) got = 1;
        else if (got < 0) return refuse(wanted, "cannot be read");
        else out->size += (size_t)got;
    }
    return out->size ? MTR_OK : refuse(wanted, "is empty");
}

static int read_wanted(const struct wanted *wanted, struct mtr_buffer *out)
{
    char path[PATH_BYTES];
    struct stat status;
    int rc = write_path(wanted, path);
    if (rc) return rc;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return refuse(wanted, errno == ENOENT ? "does not exist"
                                              : "cannot be opened: let the daemon's user read it");
    if (fstat(fd, &status)) rc = refuse(wanted, "cannot be read");
    else if (!S_ISREG(status.st_mode)) rc = refuse(wanted, "is no file");
    else if (is_open(wanted, &status)) rc = refuse(wanted, "can be read by others: chmod 600");
    else rc = read_all(fd, wanted, out);
    close(fd);
    return rc;
}

static void copy_name(char out[TLS_FILE_NAME_BYTES], struct mtr_str name)
{
    snprintf(out, TLS_FILE_NAME_BYTES, "%.*s", MTR_STR_ARGS(name));
}

void tls_files_name(struct tls_file_names *names, const struct mtr_config_tls *config)
{
    copy_name(names->certificate, config->certificate);
    copy_name(names->key, config->key);
    copy_name(names->client_ca, config->client_ca);
}

/* What OpenSSL says of a text is of the file that it came from. */
static int open_texts(const struct wanted wanted[3], const struct mtr_buffer texts[3], struct mtr_tls **out)
{
    struct mtr_diagnostic found = {.text = ""};
    const struct mtr_tls_texts given = {mtr_buffer_str(&texts[0]), mtr_buffer_str(&texts[1]),
                                        mtr_buffer_str(&texts[2])};
    const int rc = mtr_tls_open(&given, out, &found);
    for (int i = 0; rc && i < 3; i++)
        if (strcmp(found.field, wanted[i].key) == 0)
            mtr_diagnostic_set(wanted->diagnostic, found.code, 0, 0, found.field, "%s.%s: `%.200s`: %s",
                               wanted[i].group, wanted[i].key, wanted[i].name, found.text);
    if (rc && !found.field[0]) *wanted->diagnostic = found;
    return rc;
}

int tls_files_read(const struct tls_file_names *names, const char *group, struct mtr_tls **out,
                   struct mtr_diagnostic *diagnostic)
{
    const struct wanted wanted[3] = {{names->certificate, group, "certificate", false, diagnostic},
                                     {names->key, group, "key", true, diagnostic},
                                     {names->client_ca, group, "client_ca", false, diagnostic}};
    struct mtr_buffer texts[3];
    int rc = MTR_OK;
    for (int i = 0; i < 3; i++) mtr_buffer_init(&texts[i], FILE_BYTES_MAX);
    for (int i = 0; !rc && i < 3; i++)
        if (i < 2 || names->client_ca[0]) rc = read_wanted(&wanted[i], &texts[i]);
    if (!rc) rc = open_texts(wanted, texts, out);
    for (int i = 0; i < 3; i++) {
        if (texts[i].data) explicit_bzero(texts[i].data, texts[i].capacity);
        mtr_buffer_release(&texts[i]);
    }
    return rc;
}
