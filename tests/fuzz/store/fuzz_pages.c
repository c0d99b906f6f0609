/*
 * Pages of a store, read before LMDB walks in them, and rows salvaged of them. The input is damage of a whole file: the
 * first byte says whether pieces of the file's end are cut off, and whether a new store is made of what is left; behind
 * it stand changes of one to four bytes, each with its page, its place and how many bytes it has.
 *
 * A damaged file is refused with a sentence, by the check and by the salvage, or it is told as it was: as of its last
 * commit, or of the one before, which is there as long as nothing shows that the last one was made. What is salvaged is
 * the last commit. A check in slices finds nothing that the whole one does not find.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "lib/store/documents_state.h"
#include "lib/store/page_check.h"
#include "meterd/store/documents_salvage.h"
#include "tests/fuzz/bytes.h"
#include "tests/support/directory.h"
#include "tests/support/random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGE_BYTES = 4096, COMMITS = 5, KINDS = 2, KEYS = 24, PUTS = 16, LONG_BYTES = 5000, CHANGES_MAX = 16, SLICE_BYTES = 12000, SLICES_MAX = 1000 };
enum { IS_CUT = 1, IS_SALVAGED = 2 };

/* ---- the store that is damaged ---- */

static char base[DIRECTORY_PATH_BYTES], made[DIRECTORY_PATH_BYTES];
static uint8_t *whole;
static size_t whole_size;
static int file;
static uint64_t sums[2], versions[2]; /* of the last commit, and of the one before */

static void make_key(uint32_t i, char key[16])
{
    snprintf(key, 16, "key-%u", i);
}

static void put(struct mtr_documents *documents, struct random_source *random, int64_t now_us)
{
    static char json[LONG_BYTES];
    const uint32_t i = (uint32_t)random_below(random, KEYS);
    const uint8_t kind = (uint8_t)random_below(random, KINDS);
    char key[16];
    uint32_t number;
    make_key(i, key);
    struct mtr_stored_document document = {.kind = kind, .key = mtr_str_from(key), .applied_us = now_us, .who = MTR_STR("me")};
    if (!random_below(random, 4) && !mtr_documents_delete(documents, &document)) return;
    memset(json, 'a' + (int)random_below(random, 26), sizeof(json));
    memcpy(json, key, strlen(key));
    json[strlen(key)] = ' ';
    document.json = (struct mtr_str){json, random_below(random, 16) ? 20 + random_below(random, 200) : sizeof(json)};
    const int rc = mtr_documents_put(documents, &document, &number);
    MTR_ASSERT(rc == MTR_OK);
}

static void commit(struct random_source *random, int64_t now_us)
{
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic;
    uint64_t version;
    int rc = mtr_documents_open(base, false, &documents, &diagnostic);
    if (!rc) rc = mtr_documents_begin(documents, &version);
    MTR_ASSERT(rc == MTR_OK);
    for (int i = 0; i < PUTS; i++) put(documents, random, now_us);
    rc = mtr_documents_commit(documents, &version);
    MTR_ASSERT(rc == MTR_OK);
    mtr_documents_close(documents);
}

static int add(void *context, const struct mtr_stored_document *document)
{
    uint64_t *sum = context;
    const uint64_t numbers[] = {document->kind, document->number, document->revision, (uint64_t)document->applied_us};
    *sum = XXH3_64bits_withSeed(numbers, sizeof(numbers), *sum);
    *sum = XXH3_64bits_withSeed(document->key.data, document->key.size, *sum);
    *sum = XXH3_64bits_withSeed(document->json.data, document->json.size, *sum);
    return MTR_OK;
}

/* All that there is; MTR_ECORRUPT: something of it is damaged. */
static int sum_of(struct mtr_documents *documents, uint64_t *sum, uint64_t *version)
{
    *sum = 0;
    int rc = mtr_documents_version(documents, version);
    for (uint8_t kind = 0; !rc && kind < KINDS; kind++) {
        uint32_t count = 0;
        for (uint32_t i = 0; !rc && i < KEYS; i++) {
            char key[16];
            make_key(i, key);
            rc = mtr_documents_walk_revisions(documents, kind, mtr_str_from(key), 0, add, sum);
            if (rc == MTR_ENOTFOUND) rc = MTR_OK;
        }
        if (!rc) rc = mtr_documents_walk(documents, kind, (struct mtr_str){NULL, 0}, add, sum);
        if (!rc) rc = mtr_documents_count(documents, kind, &count);
        *sum += count;
    }
    return rc;
}

static void take_sum(int which)
{
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic;
    int rc = mtr_documents_open(base, true, &documents, &diagnostic);
    if (!rc) rc = sum_of(documents, &sums[which], &versions[which]);
    MTR_ASSERT(rc == MTR_OK);
    mtr_documents_close(documents);
}

static void clean_up(void)
{
    remove_tree(base);
    remove_tree(made);
}

static void begin(void)
{
    char path[DIRECTORY_PATH_BYTES + 16];
    struct random_source random = {.state = 7};
    struct stat status;
    make_temporary_in_memory(base);
    make_temporary_in_memory(made);
    atexit(clean_up);
    for (int64_t i = 1; i <= COMMITS; i++) {
        commit(&random, i);
        if (i + 1 >= COMMITS) take_sum(i < COMMITS);
    }
    snprintf(path, sizeof(path), "%s/data.mdb", base);
    file = open(path, O_RDWR | O_CLOEXEC);
    MTR_ASSERT(file >= 0 && fstat(file, &status) == 0);
    whole_size = (size_t)status.st_size;
    whole = malloc(whole_size);
    MTR_ASSERT(whole && pread(file, whole, whole_size, 0) == (ssize_t)whole_size);
}

/* ---- damage ---- */

static void write_at(size_t at, const uint8_t *bytes, size_t size)
{
    MTR_ASSERT(pwrite(file, bytes, size, (off_t)at) == (ssize_t)size);
}

/* Of at most four bytes: seals of eight are not for guessing. False: there is none left. */
static bool change(struct bytes *input, size_t *at, size_t *size)
{
    uint8_t bytes[4];
    if (input->at == input->end) return false;
    const size_t page = take_u8(input) % (whole_size / PAGE_BYTES), place = take_number(input, 2) % PAGE_BYTES;
    *at = page * PAGE_BYTES + place;
    *size = 1 + take_u8(input) % sizeof(bytes);
    if (*size > whole_size - *at) *size = whole_size - *at;
    for (size_t i = 0; i < *size; i++) bytes[i] = take_u8(input);
    write_at(*at, bytes, *size);
    return true;
}

/* ---- laws ---- */

static bool is_of_a_commit(uint64_t sum, uint64_t version)
{
    return (sum == sums[0] && version == versions[0]) || (sum == sums[1] && version == versions[1]);
}

static void check_slices(struct mtr_documents *documents)
{
    struct page_check_counts all, slice;
    struct page_place place = {.is_begun = false};
    struct mtr_diagnostic diagnostic;
    uint64_t rows = 0;
    int rc = page_check(documents->env, &documents_store, &all, &diagnostic);
    MTR_ASSERT(rc == MTR_OK); /* it was opened */
    for (int i = 0; !i || place.is_begun; i++) {
        rc = page_scrub(documents->env, &documents_store, SLICE_BYTES, &place, &slice, &diagnostic);
        MTR_ASSERT(rc == MTR_OK && i < SLICES_MAX && slice.bytes <= all.bytes);
        rows += slice.rows;
    }
    MTR_ASSERT(rows >= all.rows);
}

static void check_store(void)
{
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic = {.text = ""};
    uint64_t sum, version;
    int rc = mtr_documents_open(base, true, &documents, &diagnostic);
    MTR_ASSERT(rc == MTR_OK || ((rc == MTR_ECORRUPT || rc == MTR_EVERSION) && diagnostic.text[0]));
    if (rc) return;
    check_slices(documents);
    rc = sum_of(documents, &sum, &version);
    MTR_ASSERT(rc == MTR_OK && is_of_a_commit(sum, version));
    mtr_documents_close(documents);
}

static int name(void *context, const struct mtr_stored_document *first, struct mtr_arena *arena, struct mtr_str *key)
{
    const char *end = first->json.size ? memchr(first->json.data, ' ', first->json.size) : NULL;
    (void)context;
    return end ? mtr_arena_copy(arena, (struct mtr_str){first->json.data, (size_t)(end - first->json.data)}, key) : MTR_EINVALID;
}

static void lost(void *context, const struct mtr_documents_loss *loss)
{
    uint32_t *losses = context;
    MTR_ASSERT(loss->kind < MTR_DOCUMENTS_KINDS_MAX);
    ++*losses;
}

static void empty(const char *directory)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char path[DIRECTORY_PATH_BYTES + 16];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
}

static void check_salvage(bool is_made)
{
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic = {.text = ""};
    uint32_t losses = 0;
    uint64_t version, sum, told;
    const struct mtr_documents_salvage task = {
        .from = base, .to = is_made ? made : NULL, .version_known = versions[0], .name = name, .lost = lost, .context = &losses};
    int rc = mtr_documents_salvage(&task, &version, &diagnostic);
    MTR_ASSERT(rc == MTR_OK ? !losses : (rc == MTR_ECORRUPT || rc == MTR_EVERSION) && (losses || diagnostic.text[0]));
    if (!rc && is_made) {
        rc = mtr_documents_open(made, true, &documents, &diagnostic);
        if (!rc) rc = sum_of(documents, &sum, &told);
        MTR_ASSERT(rc == MTR_OK && told == version && sum == sums[0] && version == versions[0]);
        mtr_documents_close(documents);
    }
    if (is_made) empty(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, data + size};
    size_t at[CHANGES_MAX], sizes[CHANGES_MAX], count = 0;
    if (!size) return 0;
    if (!whole) begin();
    const uint8_t how = take_u8(&input);
    if (how & IS_CUT && ftruncate(file, (off_t)((1 + take_number(&input, 2) % (whole_size / 512)) * 512))) abort();
    while (count < CHANGES_MAX && change(&input, &at[count], &sizes[count])) count++;
    check_store();
    check_salvage(how & IS_SALVAGED);
    for (size_t i = 0; i < count; i++) write_at(at[i], whole + at[i], sizes[i]);
    if (how & IS_CUT) write_at(0, whole, whole_size);
    return 0;
}
