/*
 * Reading of secrets. The file is opened first and judged by its descriptor, so that what is judged is what
 * is read.
 */
#include "collector/source/auth/secret_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/net/secret_open.h"

enum { PATH_BYTES = 4096 };

void secret_wipe(struct mtr_buffer *buffer)
{
    if (buffer->data) explicit_bzero(buffer->data, buffer->capacity);
    mtr_buffer_release(buffer);
}

/* A file to be read. */
struct wanted {
    struct mtr_str name;
    bool is_certificate;
    char *fault;
};

static int refuse(const struct wanted *file, const char *what)
{
    snprintf(file->fault, SECRET_FILE_FAULT_BYTES, "the %s file `%.*s%s` %s",
             file->is_certificate ? "certificate" : "secret", MTR_STR_QUOTED(file->name), what);
    return MTR_EDENIED;
}

static int write_path(const char *credentials, const struct wanted *wanted, char path[PATH_BYTES])
{
    const struct mtr_str file = wanted->name;
    int size;
    if (!file.size || memchr(file.data, '\0', file.size)) return refuse(wanted, "has no name");
    if (file.data[0] == '/') {
        size = snprintf(path, PATH_BYTES, "%.*s", MTR_STR_ARGS(file));
    } else if (memchr(file.data, '/', file.size) || mtr_str_equal(file, MTR_STR(".."))) {
        return refuse(wanted, "is neither an absolute path nor the name of a systemd credential");
    } else if (!credentials) {
        return refuse(wanted,
                      "is the name of a systemd credential, and there are none: name it in the unit "
                      "(LoadCredential=), or give an absolute path");
    } else {
        size = snprintf(path, PATH_BYTES, "%s/%.*s", credentials, MTR_STR_ARGS(file));
    }
    return size < PATH_BYTES ? MTR_OK : refuse(wanted, "has too long a name");
}

static int judge(int fd, const struct wanted *file, size_t *size)
{
    struct stat status;
    if (fstat(fd, &status)) return refuse(file, "cannot be read");
    const bool is_credential = file->name.data[0] != '/'; /* its group bits are the mask of an access list */
    if (!file->is_certificate && status.st_mode & (is_credential ? 07 : 077))
        return refuse(file, "can be read by others: chmod 600");
    if (status.st_size > SECRET_FILE_BYTES_MAX) return refuse(file, "is larger than 64 KiB");
    *size = (size_t)status.st_size;
    return MTR_OK;
}

static int read_all(int fd, size_t size, const struct wanted *file, struct mtr_buffer *out)
{
    const size_t before = out->size;
    int rc = mtr_buffer_reserve(out, size + 1);
    if (rc) return rc;
    while (out->size - before < size) {
        const ssize_t got = read(fd, out->data + out->size, size - (out->size - before));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return refuse(file, "cannot be read");
        if (got == 0) break; /* it was cut meanwhile: then it is what it is */
        out->size += (size_t)got;
    }
    while (out->size > before && (out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r'))
        out->size--;
    if (out->size == before) return refuse(file, "is empty");
    return memchr(out->data + before, '\0', out->size - before) ? refuse(file, "holds a NUL byte")
                                                                : MTR_OK;
}

static int read_wanted(const char *credentials, const struct wanted *file, struct mtr_buffer *out)
{
    char path[PATH_BYTES];
    size_t size = 0;
    const size_t before = out->size;
    int rc = write_path(credentials, file, path);
    if (rc) return rc;
    int fd;
    switch (mtr_secret_open(path, NULL, &fd)) {
    case MTR_SECRET_FINE: break;
    case MTR_SECRET_ABSENT: return refuse(file, "does not exist");
    case MTR_SECRET_NO_FILE: return refuse(file, "is no file");
    case MTR_SECRET_OURS: return refuse(file, "is in meterd's own directory: have secrets elsewhere");
    case MTR_SECRET_OUTSIDE:
    case MTR_SECRET_CLOSED: return refuse(file, "cannot be opened: let the daemon's user own it");
    }
    rc = judge(fd, file, &size);
    if (!rc) rc = read_all(fd, size, file, out);
    close(fd);
    if (rc) out->size = before;
    return rc;
}

int secret_file_read(const char *credentials, struct mtr_str file, struct mtr_buffer *out,
                     char fault[SECRET_FILE_FAULT_BYTES])
{
    return read_wanted(credentials, &(struct wanted){file, false, fault}, out);
}

int certificate_file_read(const char *credentials, struct mtr_str file, struct mtr_buffer *out,
                          char fault[SECRET_FILE_FAULT_BYTES])
{
    return read_wanted(credentials, &(struct wanted){file, true, fault}, out);
}
