/*
 * Two slots, written in turn.
 */
#include "lib/store/slot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/store/lmdb_env.h"
#include "meterd/store/durable.h"

enum { SLOT_BYTES = 512, SLOTS = 2, MAGIC_BYTES = 8, HEAD_BYTES = MAGIC_BYTES + 8 };

struct slot {
    uint64_t count; /* of writes; 0: the slot holds none */
    unsigned char payload[SLOT_PAYLOAD_BYTES_MAX];
};

static int make_path(const char *directory, const char *name, const char *suffix, char path[PATH_MAX])
{
    const int size = snprintf(path, PATH_MAX, "%s/%s%s", directory, name, suffix);
    return size > 0 && size < PATH_MAX ? MTR_OK : MTR_EINVALID;
}

static void encode(const struct slot_format *format, const struct slot *slot, unsigned char bytes[SLOT_BYTES])
{
    const size_t hashed = HEAD_BYTES + format->payload_bytes;
    MTR_ASSERT(format->payload_bytes <= SLOT_PAYLOAD_BYTES_MAX);
    memset(bytes, 0, SLOT_BYTES);
    memcpy(bytes, format->magic, MAGIC_BYTES);
    lmdb_put_u64(bytes + MAGIC_BYTES, slot->count);
    memcpy(bytes + HEAD_BYTES, slot->payload, format->payload_bytes);
    lmdb_put_u64(bytes + hashed, XXH3_64bits(bytes, hashed));
}

static void decode(const struct slot_format *format, const unsigned char *bytes, struct slot *out)
{
    const size_t hashed = HEAD_BYTES + format->payload_bytes;
    *out = (struct slot){.count = 0};
    if (memcmp(bytes, format->magic, MAGIC_BYTES) != 0) return;
    if (lmdb_get_u64(bytes + hashed) != XXH3_64bits(bytes, hashed)) return;
    out->count = lmdb_get_u64(bytes + MAGIC_BYTES);
    memcpy(out->payload, bytes + HEAD_BYTES, format->payload_bytes);
}

/* The newest of both slots. MTR_ECORRUPT: none is good. */
static int read_slots(const struct slot_format *format, int fd, struct slot *newest)
{
    unsigned char bytes[SLOTS * SLOT_BYTES];
    const ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
    if (size < 0) return mtr_error_from_errno(errno);
    *newest = (struct slot){.count = 0};
    for (ssize_t at = 0; at + SLOT_BYTES <= size; at += SLOT_BYTES) {
        struct slot slot;
        decode(format, bytes + at, &slot);
        if (slot.count > newest->count) *newest = slot;
    }
    return newest->count ? MTR_OK : MTR_ECORRUPT;
}

int slot_file_read(const struct slot_format *format, const char *directory, unsigned char *payload)
{
    char path[PATH_MAX];
    struct slot newest = {.count = 0};
    int rc = make_path(directory, format->name, "", path);
    const int fd = rc ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (!rc && fd < 0) rc = mtr_error_from_errno(errno);
    if (!rc) rc = read_slots(format, fd, &newest);
    if (fd >= 0) close(fd);
    if (!rc) memcpy(payload, newest.payload, format->payload_bytes);
    return rc;
}

static int write_slot(const struct slot_format *format, int fd, const struct slot *slot)
{
    unsigned char bytes[SLOT_BYTES];
    encode(format, slot, bytes);
    errno = 0;
    if (pwrite(fd, bytes, sizeof(bytes), (off_t)(slot->count % SLOTS * SLOT_BYTES)) != sizeof(bytes) ||
        fdatasync(fd))
        return mtr_error_from_errno(errno ? errno : EIO);
    return MTR_OK;
}

static int create(const struct slot_format *format, const char *directory, const char *path,
                  struct slot *slot)
{
    char fresh[PATH_MAX];
    int rc = make_path(directory, format->name, ".new", fresh);
    if (rc) return rc;
    int fd;
    rc = mtr_durable_create(fresh, &fd);
    if (rc) return rc;
    /* Both slots are there from the start, so that no later write needs room on the disk. */
    for (slot->count = 1; !rc && slot->count <= SLOTS; slot->count++) rc = write_slot(format, fd, slot);
    if (close(fd) && !rc) rc = mtr_error_from_errno(errno);
    if (!rc && rename(fresh, path)) rc = mtr_error_from_errno(errno);
    if (rc) unlink(fresh);
    return rc ? rc : mtr_durable_sync(directory);
}

int slot_file_replace(const struct slot_format *format, const char *directory, const unsigned char *payload)
{
    char path[PATH_MAX];
    struct slot slot = {.count = 0};
    const int rc = make_path(directory, format->name, "", path);
    if (rc) return rc;
    memcpy(slot.payload, payload, format->payload_bytes);
    return create(format, directory, path, &slot);
}

int slot_file_write(const struct slot_format *format, const char *directory, const unsigned char *payload)
{
    char path[PATH_MAX];
    struct slot slot = {.count = 0};
    int rc = make_path(directory, format->name, "", path);
    if (rc) return rc;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT) return mtr_error_from_errno(errno);
    if (fd >= 0) rc = read_slots(format, fd, &slot);
    memcpy(slot.payload, payload, format->payload_bytes);
    if (fd < 0) return create(format, directory, path, &slot);
    slot.count++;
    if (!rc) rc = write_slot(format, fd, &slot);
    if (close(fd) && !rc) rc = mtr_error_from_errno(errno);
    return rc;
}
