/*
 * The mark's file: two slots, written in turn, each with a count and a hash of its own. A write that breaks
 * off leaves the other slot as it was; of two good ones the higher count is in force. The file is made whole
 * under another name first, so that one without a good slot is damage.
 */
#include "meterd/store/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/store/lmdb_env.h"

enum { SLOT_BYTES = 512, SLOTS = 2, FIELDS_BYTES = 56, MARK_BYTES = FIELDS_BYTES + 8 };
static const char magic[8] = {'M', 'T', 'R', 'M', 'A', 'R', 'K', '1'};

struct slot {
    uint64_t count; /* of writes; 0: the slot holds none */
    struct mtr_mark mark;
};

static int make_path(const char *directory, const char *name, char path[PATH_MAX])
{
    int size = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return size > 0 && size < PATH_MAX ? MTR_OK : MTR_EINVALID;
}

static void encode(const struct slot *slot, unsigned char bytes[SLOT_BYTES])
{
    const struct mtr_mark *mark = &slot->mark;
    memset(bytes, 0, SLOT_BYTES);
    memcpy(bytes, magic, sizeof(magic));
    lmdb_put_u64(bytes + 8, slot->count);
    lmdb_put_u64(bytes + 16, mark->log_seq);
    lmdb_put_u64(bytes + 24, mark->catalog_version);
    lmdb_put_u64(bytes + 32, mark->charge_number);
    lmdb_put_u64(bytes + 40, mark->charge_id.high);
    lmdb_put_u64(bytes + 48, mark->charge_id.low);
    lmdb_put_u64(bytes + FIELDS_BYTES, XXH3_64bits(bytes, FIELDS_BYTES));
}

static void decode(const unsigned char *bytes, struct slot *out)
{
    *out = (struct slot){.count = 0};
    if (memcmp(bytes, magic, sizeof(magic)) != 0) return;
    if (lmdb_get_u64(bytes + FIELDS_BYTES) != XXH3_64bits(bytes, FIELDS_BYTES)) return;
    out->count = lmdb_get_u64(bytes + 8);
    out->mark = (struct mtr_mark){.log_seq = lmdb_get_u64(bytes + 16),
                                  .catalog_version = lmdb_get_u64(bytes + 24),
                                  .charge_number = lmdb_get_u64(bytes + 32),
                                  .charge_id = {lmdb_get_u64(bytes + 40), lmdb_get_u64(bytes + 48)}};
}

/* The newest of both slots. MTR_ECORRUPT: none is good. */
static int read_slots(int fd, struct slot *newest)
{
    unsigned char bytes[SLOTS * SLOT_BYTES];
    const ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
    if (size < 0) return mtr_error_from_errno(errno);
    *newest = (struct slot){.count = 0};
    for (ssize_t at = 0; at + SLOT_BYTES <= size; at += SLOT_BYTES) {
        struct slot slot;
        decode(bytes + at, &slot);
        if (slot.count > newest->count) *newest = slot;
    }
    return newest->count ? MTR_OK : MTR_ECORRUPT;
}

int mtr_mark_read(const char *directory, struct mtr_mark *out, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_MAX];
    struct slot newest = {.count = 0};
    int rc = make_path(directory, "mark", path);
    const int fd = rc ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (!rc && fd < 0) rc = mtr_error_from_errno(errno);
    if (!rc) rc = read_slots(fd, &newest);
    if (fd >= 0) close(fd);
    if (rc == MTR_ECORRUPT)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                           "%s is damaged: restore all stores from one backup", path);
    else if (rc && rc != MTR_ENOTFOUND)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL, "%s cannot be read: %s",
                           path, mtr_error_text(rc));
    if (!rc) *out = newest.mark;
    return rc;
}

static int write_slot(int fd, const struct slot *slot)
{
    unsigned char bytes[SLOT_BYTES];
    encode(slot, bytes);
    errno = 0;
    if (pwrite(fd, bytes, sizeof(bytes), (off_t)(slot->count % SLOTS * SLOT_BYTES)) != sizeof(bytes) ||
        fdatasync(fd))
        return mtr_error_from_errno(errno ? errno : EIO);
    return MTR_OK;
}

static int create(const char *directory, const char *path, const struct mtr_mark *mark)
{
    char fresh[PATH_MAX];
    int rc = make_path(directory, "mark.new", fresh);
    if (rc) return rc;
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return mtr_error_from_errno(errno);
    /* Both slots are there from the start, so that no later write needs room on the disk. */
    for (uint64_t count = 1; !rc && count <= SLOTS; count++) {
        const struct slot slot = {count, *mark};
        rc = write_slot(fd, &slot);
    }
    if (close(fd) && !rc) rc = mtr_error_from_errno(errno);
    if (!rc && rename(fresh, path)) rc = mtr_error_from_errno(errno);
    if (rc) unlink(fresh);
    return rc ? rc : directory_sync(directory);
}

int mtr_mark_write(const char *directory, const struct mtr_mark *mark)
{
    char path[PATH_MAX];
    struct slot slot;
    int rc = make_path(directory, "mark", path);
    if (rc) return rc;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? create(directory, path, mark) : mtr_error_from_errno(errno);
    rc = read_slots(fd, &slot);
    if (!rc) {
        slot.count++;
        slot.mark = *mark;
        rc = write_slot(fd, &slot);
    }
    if (close(fd) && !rc) rc = mtr_error_from_errno(errno);
    return rc;
}
