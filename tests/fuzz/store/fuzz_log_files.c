/*
 * What stands in files beside the blocks of the log: the manifest, chunks of identities, and the mark of the stores.
 * The first byte chooses. The input gets a right hash, so that the fuzzer comes behind it: it is refused as damage, or
 * what is read and written again is read as the same.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lib/store/log/log_chunk.h"
#include "lib/store/log/log_manifest.h"
#include "meterd/store/mark.h"
#include "tests/support/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MANIFEST, CHUNK, MARK, KINDS, HASH_BYTES = 16, SLOT_BYTES = 512, SLOT_HASH_AT = 56 };

static char directory[DIRECTORY_PATH_BYTES];

static void clean_up(void)
{
    remove_tree(directory);
}

static void put(uint8_t *p, uint64_t value)
{
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(value >> 8 * i);
}

static void write_file(const char *name, const uint8_t *bytes, size_t size)
{
    char path[DIRECTORY_PATH_BYTES + 16];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MTR_ASSERT(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

static void sign(uint8_t *bytes, size_t size)
{
    const XXH128_hash_t hash = XXH3_128bits(bytes, size);
    put(bytes + size, hash.low64);
    put(bytes + size + 8, hash.high64);
}

static bool same_hash(struct mtr_hash128 a, struct mtr_hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

static void check_manifest(uint8_t *bytes, size_t size)
{
    struct mtr_manifest first, second;
    struct mtr_diagnostic diagnostic = {.text = ""};
    sign(bytes, size);
    write_file("manifest", bytes, size + HASH_BYTES);
    int rc = manifest_read(directory, &first, &diagnostic);
    MTR_ASSERT(rc == MTR_OK || ((rc == MTR_ECORRUPT || rc == MTR_EVERSION) && diagnostic.text[0]));
    if (rc) return;
    rc = manifest_write(directory, &first);
    if (!rc) rc = manifest_read(directory, &second, &diagnostic);
    MTR_ASSERT(rc == MTR_OK && first.count == second.count && first.base.last_seq == second.base.last_seq);
    MTR_ASSERT(first.base.last_received_us == second.base.last_received_us && same_hash(first.base.last_hash, second.base.last_hash));
    for (uint32_t i = 0; i < first.count; i++) {
        const struct mtr_segment_record *a = &first.records[i], *b = &second.records[i];
        MTR_ASSERT(a->number == b->number && a->start_seq == b->start_seq && a->rolled == b->rolled && a->sealed == b->sealed);
        MTR_ASSERT(a->last_seq == b->last_seq && a->bytes == b->bytes && same_hash(a->last_hash, b->last_hash));
        MTR_ASSERT(a->first_received_us == b->first_received_us && a->last_received_us == b->last_received_us);
        MTR_ASSERT(a->identity_count == b->identity_count && same_hash(a->identities_hash, b->identities_hash));
    }
    manifest_release(&first);
    manifest_release(&second);
}

/* The key is that of the first record, or what the input begins with. */
static void check_chunk(uint8_t *bytes, size_t size, bool has_right_key)
{
    struct mtr_log_identity records[MTR_CHUNK_RECORDS_MAX];
    unsigned char key[MTR_SEGMENT_CHUNK_KEY_BYTES] = {0};
    uint8_t again[MTR_CHUNK_BYTES_MAX];
    struct mtr_hash128 hash, written;
    uint32_t count;
    struct mtr_event_identity first = {0, 0};
    for (int i = 7; i >= 0 && size >= HASH_BYTES; i--) {
        first.high = first.high << 8 | bytes[i];
        first.low = first.low << 8 | bytes[8 + i];
    }
    if (has_right_key) chunk_put_key(key, first);
    else memcpy(key, bytes, size < sizeof(key) ? size : sizeof(key));
    sign(bytes, size);
    const struct mtr_str value = {(const char *)bytes, size + HASH_BYTES};
    int rc = chunk_read((struct mtr_str){(const char *)key, sizeof(key)}, value, records, &count, &hash);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT);
    if (rc) return;
    MTR_ASSERT(count >= 1 && count <= MTR_CHUNK_RECORDS_MAX);
    const size_t again_size = chunk_write(again, records, count, &written);
    MTR_ASSERT(same_hash(hash, written) && again_size == value.size && memcmp(again, bytes, again_size) == 0);
}

/* Two slots: the newer one that is whole counts, and a write changes the other. */
static void check_mark(uint8_t *bytes, size_t size)
{
    static const char magic[8] = {'M', 'T', 'R', 'M', 'A', 'R', 'K', '1'};
    uint8_t slots[2 * SLOT_BYTES] = {0};
    struct mtr_mark mark, again;
    struct mtr_diagnostic diagnostic = {.text = ""};
    if (size > sizeof(slots)) size = sizeof(slots);
    memcpy(slots, bytes, size);
    for (int i = 0; i < 2; i++) {
        uint8_t *slot = slots + i * SLOT_BYTES;
        slot[8] = 0; /* of the count: nobody has written so often that it ends */
        const uint64_t hash = (memcpy(slot, magic, sizeof(magic)), XXH3_64bits(slot, SLOT_HASH_AT));
        for (int k = 0; k < 8; k++) slot[SLOT_HASH_AT + k] = (uint8_t)(hash >> (56 - 8 * k)); /* big-endian */
        slot[SLOT_HASH_AT] ^= slot[SLOT_BYTES - 1]; /* 0: whole */
    }
    write_file("mark", slots, sizeof(slots));
    int rc = mtr_mark_read(directory, &mark, &diagnostic);
    MTR_ASSERT(rc == MTR_OK || (rc == MTR_ECORRUPT && diagnostic.text[0]));
    if (rc) return;
    mark.log_seq++;
    rc = mtr_mark_write(directory, &mark);
    if (!rc) rc = mtr_mark_read(directory, &again, &diagnostic);
    MTR_ASSERT(rc == MTR_OK && again.log_seq == mark.log_seq && again.catalog_version == mark.catalog_version);
    MTR_ASSERT(again.charge_number == mark.charge_number && same_hash(again.charge_id, mark.charge_id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    if (!directory[0]) {
        make_temporary_in_memory(directory);
        atexit(clean_up);
    }
    uint8_t *bytes = malloc(size - 1 + HASH_BYTES);
    MTR_ASSERT(bytes);
    memcpy(bytes, data + 1, size - 1);
    switch (data[0] % KINDS) {
    case MANIFEST: check_manifest(bytes, size - 1); break;
    case CHUNK: check_chunk(bytes, size - 1, data[0] & 0x80); break;
    default: check_mark(bytes, size - 1); break;
    }
    free(bytes);
    return 0;
}
