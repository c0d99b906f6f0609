/*
 * The file of a data directory's life: a slot file.
 */
#include "meterd/store/life.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/slot_file.h"

enum { LIFE_BYTES = 32 };

static const struct slot_format format = {
    .name = "life", .magic = {'M', 'T', 'R', 'L', 'I', 'F', 'E', '1'}, .payload_bytes = LIFE_BYTES};

enum kind { COPY = 1, OF_FILE = 2 };

/* When a file was made is 0 where the file system does not say it. */
static int find_file(const char *data_directory, unsigned char payload[LIFE_BYTES])
{
    char path[PATH_MAX];
    struct statx status;
    const int size = snprintf(path, sizeof(path), "%s/charges/data.mdb", data_directory);
    if (size < 0 || size >= PATH_MAX) return MTR_EINVALID;
    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &status)) return mtr_error_from_errno(errno);
    const bool is_told = (status.stx_mask & STATX_BTIME) != 0;
    lmdb_put_u64(payload, OF_FILE);
    lmdb_put_u64(payload + 8, status.stx_ino);
    lmdb_put_u64(payload + 16, is_told ? (uint64_t)status.stx_btime.tv_sec : 0);
    lmdb_put_u64(payload + 24, is_told ? status.stx_btime.tv_nsec : 0);
    return MTR_OK;
}

int mtr_life_read(const char *data_directory, enum mtr_life *out)
{
    unsigned char known[LIFE_BYTES], found[LIFE_BYTES];
    int rc = slot_file_read(&format, data_directory, known);
    *out = rc == MTR_ENOTFOUND ? MTR_LIFE_NEW : MTR_LIFE_COPIED;
    if (rc) return rc == MTR_ENOTFOUND || rc == MTR_ECORRUPT ? MTR_OK : rc;
    rc = find_file(data_directory, found);
    if (!rc && memcmp(known, found, sizeof(known)) == 0) *out = MTR_LIFE_GOES_ON;
    return rc;
}

static int write_life(const char *data_directory, const unsigned char payload[LIFE_BYTES])
{
    const int rc = slot_file_write(&format, data_directory, payload);
    return rc != MTR_ECORRUPT ? rc : slot_file_replace(&format, data_directory, payload);
}

int mtr_life_begin(const char *data_directory)
{
    unsigned char payload[LIFE_BYTES];
    const int rc = find_file(data_directory, payload);
    return rc ? rc : write_life(data_directory, payload);
}

int mtr_life_mark_copy(const char *data_directory)
{
    unsigned char payload[LIFE_BYTES] = {0};
    lmdb_put_u64(payload, COPY);
    return write_life(data_directory, payload);
}
