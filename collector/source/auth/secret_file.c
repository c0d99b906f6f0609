/*
 * Reading of secrets. The file is opened first and judged by its descriptor, so that what is judged is what
 * is read.
 */
#include "collector/source/auth/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

void secret_wipe(struct mtr_buffer *buffer)
{
    if (buffer->data) explicit_bzero(buffer->data, buffer->capacity);
    mtr_buffer_release(buffer);
}

static int refuse(char *fault, struct mtr_str file, const char *what)
{
    snprintf(fault, SECRET_FILE_FAULT_BYTES, "the secret file `%.*s%s` %s", MTR_STR_QUOTED(file), what);
    return MTR_EDENIED;
}

static int write_path(const char *credentials, struct mtr_str file, char path[PATH_BYTES], char *fault)
{
    int size;
    if (!file.size || memchr(file.data, '\0', file.size)) return refuse(fault, file, "has no name");
    if (file.data[0] == '/') {
        size = snprintf(path, PATH_BYTES, "%.*s", MTR_STR_ARGS(file));
    } else if (memchr(file.data, '/', file.size) || mtr_str_equal(file, MTR_STR(".."))) {
        return refuse(fault, file, "is neither an absolute path nor the name of a systemd credential");
    } else if (!credentials) {
        return refuse(fault, file,
                      "is the name of a systemd credential, and there are none: name it in the unit "
                      "(LoadCredential=), or give an absolute path");
    } else {
        size = snprintf(path, PATH_BYTES, "%s/%.*s", credentials, MTR_STR_ARGS(file));
    }
    return size < PATH_BYTES ? MTR_OK : refuse(fault, file, "has too long a name");
}

static int judge(int fd, struct mtr_str file, size_t *size, char *fault)
{
    struct stat status;
    if (fstat(fd, &status)) return refuse(fault, file, "cannot be read");
    if (!S_ISREG(status.st_mode)) return refuse(fault, file, "is no file");
    const bool is_credential = file.data[0] != '/'; /* its group bits are the mask of an access list */
    if (status.st_mode & (is_credential ? 07 : 077))
        return refuse(fault, file, "can be read by others: chmod 600");
    if (status.st_size > SECRET_FILE_BYTES_MAX) return refuse(fault, file, "is larger than 64 KiB");
    *size = (size_t)status.st_size;
    return MTR_OK;
}

static int read_all(int fd, size_t size, struct mtr_str file, struct mtr_buffer *out, char *fault)
{
    const size_t before = out->size;
    int rc = mtr_buffer_reserve(out, size + 1);
    if (rc) return rc;
    while (out->size - before < size) {
        const ssize_t got = read(fd, out->data + out->size, size - (out->size - before));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return refuse(fault, file, "cannot be read");
        if (got == 0) break; /* it was cut meanwhile: then it is what it is */
        out->size += (size_t)got;
    }
    while (out->size > before && (out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r'))
        out->size--;
    if (out->size == before) return refuse(fault, file, "is empty");
    return memchr(out->data + before, '\0', out->size - before) ? refuse(fault, file, "holds a NUL byte")
                                                                : MTR_OK;
}

int secret_file_read(const char *credentials, struct mtr_str file, struct mtr_buffer *out,
                     char fault[SECRET_FILE_FAULT_BYTES])
{
    char path[PATH_BYTES];
    size_t size = 0;
    const size_t before = out->size;
    int rc = write_path(credentials, file, path, fault);
    if (rc) return rc;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        const bool is_absent = errno == ENOENT || errno == ENOTDIR;
        return refuse(fault, file,
                      is_absent ? "does not exist" : "cannot be opened: let the daemon's user own it");
    }
    rc = judge(fd, file, &size, fault);
    if (!rc) rc = read_all(fd, size, file, out, fault);
    close(fd);
    if (rc) out->size = before;
    return rc;
}
