/*
 * What stands in files beside the blocks of the log and the stores: the manifest, chunks of identities, the mark of the
 * stores, the record of trusted time, and the list of a backup's files. The first byte chooses. The input gets a right
 * hash, so that the fuzzer comes behind it: it is refused as damage, or what is read and written again is read as the
 * same; of a backup, too, a list that verifies is the one that would be written.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lib/store/log/log_chunk.h"
#include "lib/store/log/log_manifest.h"
#include "meterd/store/backup_list.h"
#include "meterd/store/clock_record.h"
#include "meterd/store/mark.h"
#include "tests/support/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MANIFEST, CHUNK, MARK, CLOCK, BACKUP, KINDS, HASH_BYTES = 16, SLOT_BYTES = 512, SLOT_HEAD_BYTES = 16 };

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
static void write_slots(const char *name, const char magic[8], size_t payload_bytes, const uint8_t *bytes, size_t size)
{
    const size_t hash_at = SLOT_HEAD_BYTES + payload_bytes;
    uint8_t slots[2 * SLOT_BYTES] = {0};
    if (size > sizeof(slots)) size = sizeof(slots);
    memcpy(slots, bytes, size);
    for (int i = 0; i < 2; i++) {
        uint8_t *slot = slots + i * SLOT_BYTES;
        slot[8] = 0; /* of the count: nobody has written so often that it ends */
        const uint64_t hash = (memcpy(slot, magic, 8), XXH3_64bits(slot, hash_at));
        for (size_t k = 0; k < 8; k++) slot[hash_at + k] = (uint8_t)(hash >> (56 - 8 * k)); /* big-endian */
        slot[hash_at] ^= slot[SLOT_BYTES - 1]; /* 0: whole */
    }
    write_file(name, slots, sizeof(slots));
}

static void check_mark(const uint8_t *bytes, size_t size)
{
    struct mtr_mark mark, again;
    struct mtr_diagnostic diagnostic = {.text = ""};
    write_slots("mark", "MTRMARK1", 5 * sizeof(uint64_t), bytes, size);
    int rc = mtr_mark_read(directory, &mark, &diagnostic);
    MTR_ASSERT(rc == MTR_OK || (rc == MTR_ECORRUPT && diagnostic.text[0]));
    if (rc) return;
    mark.log_seq++;
    rc = mtr_mark_write(directory, &mark);
    if (!rc) rc = mtr_mark_read(directory, &again, &diagnostic);
    MTR_ASSERT(rc == MTR_OK && again.log_seq == mark.log_seq && again.catalog_version == mark.catalog_version);
    MTR_ASSERT(again.charge_number == mark.charge_number && same_hash(again.charge_id, mark.charge_id));
}

/* One that is damaged is made anew. */
static void check_clock(const uint8_t *bytes, size_t size)
{
    struct mtr_trusted_record record, again;
    write_slots("clock", "MTRCLOC1", 8 * sizeof(uint64_t) + MTR_BOOT_BYTES, bytes, size);
    int rc = mtr_clock_record_read(directory, &record);
    MTR_ASSERT(rc == MTR_OK || (rc == MTR_ECORRUPT && !record.now_us && !record.accepted_us));
    record.now_us ^= 1;
    rc = mtr_clock_record_write(directory, &record);
    if (!rc) rc = mtr_clock_record_read(directory, &again);
    MTR_ASSERT(rc == MTR_OK && again.now_us == record.now_us && again.seen_us == record.seen_us && again.anchor_us == record.anchor_us);
    MTR_ASSERT(again.low_us == record.low_us && again.high_us == record.high_us && again.was_unseen == record.was_unseen);
    MTR_ASSERT(again.accepted_us == record.accepted_us && again.before_us == record.before_us && !memcmp(again.boot, record.boot, MTR_BOOT_BYTES));
}

static bool same_facts(const struct mtr_backup_facts *a, const struct mtr_backup_facts *b)
{
    return a->made_us == b->made_us && a->folded_seq == b->folded_seq && a->catalog_version == b->catalog_version && a->charge_number == b->charge_number;
}

static size_t read_list(char *out, size_t size)
{
    char path[DIRECTORY_PATH_BYTES + 16];
    snprintf(path, sizeof(path), "%s/%s", directory, MTR_BACKUP_LIST);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, out, size);
    MTR_ASSERT(got >= 0);
    close(fd);
    return (size_t)got;
}

/* Of two files that are always the same. */
static void check_backup(const uint8_t *bytes, size_t size)
{
    enum { LIST_BYTES = 16 << 10 };
    static char given[LIST_BYTES], written[LIST_BYTES];
    struct mtr_backup_facts facts, again, verified;
    struct mtr_backup_sizes sizes;
    struct mtr_diagnostic diagnostic = {.text = ""};
    if (size > sizeof(given) / 2) return;
    const XXH128_hash_t hash = XXH3_128bits(bytes, size);
    memcpy(given, bytes, size);
    const int end = snprintf(given + size, sizeof(given) - size, "end %016llx%016llx\n", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    write_file("a", (const uint8_t *)"first", 5);
    write_file("b c", (const uint8_t *)"", 0);
    write_file(MTR_BACKUP_LIST, (const uint8_t *)given, size += (size_t)end);
    int rc = mtr_backup_list_read(directory, &facts, &diagnostic);
    MTR_ASSERT(rc == MTR_OK || ((rc == MTR_ECORRUPT || rc == MTR_EVERSION) && diagnostic.text[0]));
    const int verdict = mtr_backup_list_verify(directory, &verified, &sizes, &diagnostic);
    MTR_ASSERT(rc ? verdict == rc : (!verdict || verdict == MTR_ECORRUPT) && same_facts(&facts, &verified));
    if (rc) return;
    rc = mtr_backup_list_write(directory, NULL, &facts, &diagnostic);
    const size_t written_size = read_list(written, sizeof(written));
    MTR_ASSERT(rc == MTR_OK && (verdict == MTR_OK) == (written_size == size && !memcmp(given, written, size)));
    rc = mtr_backup_list_verify(directory, &again, &sizes, &diagnostic);
    MTR_ASSERT(rc == MTR_OK && same_facts(&facts, &again) && sizes.files == 2 && sizes.bytes == 5);
}

/* Nothing of the others. */
static void empty(void)
{
    static const char *const names[] = {"manifest", "mark", "clock", "a", "b c", MTR_BACKUP_LIST};
    char path[DIRECTORY_PATH_BYTES + 16];
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
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
    empty();
    switch (data[0] % KINDS) {
    case MANIFEST: check_manifest(bytes, size - 1); break;
    case CHUNK: check_chunk(bytes, size - 1, data[0] & 0x80); break;
    case MARK: check_mark(bytes, size - 1); break;
    case CLOCK: check_clock(bytes, size - 1); break;
    default: check_backup(bytes, size - 1); break;
    }
    free(bytes);
    return 0;
}
