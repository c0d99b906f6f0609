/*
 * The manifest file: fixed little-endian records between a header and a hash.
 */
#include "lib/store/log/log_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "lib/store/log/block_format.h"
#include "meterd/store/durable.h"

enum { VERSION = 1, HEADER_BYTES = 48, RECORD_BYTES = 88, HASH_BYTES = 16, FLAG_ROLLED = 1, FLAG_SEALED = 2 };

static const uint8_t magic[4] = {'M', 'T', 'R', 'M'};

void manifest_release(struct mtr_manifest *manifest)
{
    free(manifest->records);
    *manifest = (struct mtr_manifest){0};
}

static void put_hash(uint8_t *p, struct mtr_hash128 hash)
{
    le_put(p, hash.low, 8);
    le_put(p + 8, hash.high, 8);
}

static struct mtr_hash128 get_hash(const uint8_t *p)
{
    return (struct mtr_hash128){.low = le_get(p, 8), .high = le_get(p + 8, 8)};
}

static struct mtr_hash128 hash_of(const uint8_t *p, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(p, size);
    return (struct mtr_hash128){.high = hash.high64, .low = hash.low64};
}

static void put_record(uint8_t *p, const struct mtr_segment_record *record)
{
    memset(p, 0, RECORD_BYTES);
    le_put(p, record->number, 4);
    le_put(p + 4, (record->rolled ? FLAG_ROLLED : 0u) | (record->sealed ? FLAG_SEALED : 0u), 4);
    le_put(p + 8, record->start_seq, 8);
    if (record->rolled) {
        le_put(p + 16, record->last_seq, 8);
        le_put(p + 24, (uint64_t)record->first_received_us, 8);
        le_put(p + 32, (uint64_t)record->last_received_us, 8);
        le_put(p + 40, record->bytes, 8);
        put_hash(p + 48, record->last_hash);
    }
    if (record->sealed) {
        le_put(p + 64, record->identity_count, 8);
        put_hash(p + 72, record->identities_hash);
    }
}

/* What is not yet known of a segment is zero here, whatever stands in its place. */
static void get_record(const uint8_t *p, struct mtr_segment_record *out)
{
    uint32_t flags = (uint32_t)le_get(p + 4, 4);
    *out = (struct mtr_segment_record){
        .number = (uint32_t)le_get(p, 4),
        .start_seq = le_get(p + 8, 8),
        .rolled = flags & FLAG_ROLLED,
        .sealed = flags & FLAG_SEALED,
    };
    if (out->rolled) {
        out->last_seq = le_get(p + 16, 8);
        out->first_received_us = (int64_t)le_get(p + 24, 8);
        out->last_received_us = (int64_t)le_get(p + 32, 8);
        out->bytes = le_get(p + 40, 8);
        out->last_hash = get_hash(p + 48);
    }
    if (out->sealed) {
        out->identity_count = le_get(p + 64, 8);
        out->identities_hash = get_hash(p + 72);
    }
}

/* Numbers rise by one, sequences join, only the last segment is open. */
static bool records_join(const struct mtr_manifest *manifest)
{
    uint64_t next_seq = manifest->base.last_seq + 1;
    for (uint32_t i = 0; i < manifest->count; i++) {
        const struct mtr_segment_record *record = &manifest->records[i];
        bool last = i + 1 == manifest->count;
        if (record->number == 0 || (i && record->number != manifest->records[i - 1].number + 1)) return false;
        if (record->start_seq != next_seq || record->rolled == last || (record->sealed && !record->rolled))
            return false;
        if (record->rolled && record->last_seq < record->start_seq) return false;
        next_seq = record->last_seq + 1;
    }
    return true;
}

static int read_file(const char *path, uint8_t **out, size_t *out_size)
{
    const size_t size_max = HEADER_BYTES + (size_t)MTR_LOG_SEGMENTS_MAX * RECORD_BYTES + HASH_BYTES;
    struct stat status;
    uint8_t *bytes = NULL;
    int rc = MTR_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return mtr_error_from_errno(errno);
    if (fstat(fd, &status)) rc = mtr_error_from_errno(errno);
    if (!rc && (status.st_size < HEADER_BYTES + HASH_BYTES || (size_t)status.st_size > size_max))
        rc = MTR_ECORRUPT;
    if (rc) goto out;
    size_t size = (size_t)status.st_size;
    bytes = malloc(size);
    rc = bytes ? MTR_OK : MTR_ENOMEM;
    for (size_t done = 0; done < size && !rc;) {
        ssize_t n = pread(fd, bytes + done, size - done, (off_t)done);
        if (n < 0 && errno != EINTR) rc = mtr_error_from_errno(errno);
        if (n == 0) rc = MTR_ECORRUPT;
        if (n > 0) done += (size_t)n;
    }
out:
    close(fd);
    if (rc) {
        free(bytes);
        return rc;
    }
    *out = bytes;
    *out_size = size;
    return MTR_OK;
}

static int parse(const uint8_t *bytes, size_t size, struct mtr_manifest *out)
{
    struct mtr_hash128 actual = hash_of(bytes, size - HASH_BYTES),
                       stored = get_hash(bytes + size - HASH_BYTES);
    if (memcmp(bytes, magic, sizeof(magic)) != 0 || actual.low != stored.low || actual.high != stored.high)
        return MTR_ECORRUPT;
    if (le_get(bytes + 4, 4) != VERSION) return MTR_EVERSION;
    uint32_t count = (uint32_t)le_get(bytes + 8, 4);
    if (size != HEADER_BYTES + (uint64_t)count * RECORD_BYTES + HASH_BYTES) return MTR_ECORRUPT;
    struct mtr_manifest manifest = {
        .base = {.last_seq = le_get(bytes + 16, 8),
                 .last_received_us = (int64_t)le_get(bytes + 24, 8),
                 .last_hash = get_hash(bytes + 32)},
        .records = malloc((size_t)count * sizeof(struct mtr_segment_record) + 1),
        .count = count,
    };
    if (!manifest.records) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        get_record(bytes + HEADER_BYTES + (size_t)i * RECORD_BYTES, &manifest.records[i]);
    if (!records_join(&manifest)) {
        manifest_release(&manifest);
        return MTR_ECORRUPT;
    }
    *out = manifest;
    return MTR_OK;
}

int manifest_read(const char *directory, struct mtr_manifest *out, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_MAX];
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (snprintf(path, sizeof(path), "%s/manifest", directory) >= (int)sizeof(path)) return MTR_EINVALID;
    int rc = read_file(path, &bytes, &size);
    if (!rc) rc = parse(bytes, size, out);
    free(bytes);
    if (rc && rc != MTR_ENOTFOUND)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL, "the manifest %.180s: %s",
                           path, mtr_error_text(rc));
    return rc;
}

int manifest_write(const char *directory, const struct mtr_manifest *manifest)
{
    char path[PATH_MAX];
    MTR_ASSERT(manifest->count <= MTR_LOG_SEGMENTS_MAX && records_join(manifest));
    if (snprintf(path, sizeof(path), "%s/manifest", directory) >= (int)sizeof(path)) return MTR_EINVALID;
    size_t size = HEADER_BYTES + (size_t)manifest->count * RECORD_BYTES + HASH_BYTES;
    uint8_t *bytes = calloc(1, size);
    if (!bytes) return MTR_ENOMEM;
    memcpy(bytes, magic, sizeof(magic));
    le_put(bytes + 4, VERSION, 4);
    le_put(bytes + 8, manifest->count, 4);
    le_put(bytes + 16, manifest->base.last_seq, 8);
    le_put(bytes + 24, (uint64_t)manifest->base.last_received_us, 8);
    put_hash(bytes + 32, manifest->base.last_hash);
    for (uint32_t i = 0; i < manifest->count; i++)
        put_record(bytes + HEADER_BYTES + (size_t)i * RECORD_BYTES, &manifest->records[i]);
    put_hash(bytes + size - HASH_BYTES, hash_of(bytes, size - HASH_BYTES));
    const int rc = mtr_durable_replace(path, (struct mtr_str){(const char *)bytes, size});
    free(bytes);
    return rc;
}
