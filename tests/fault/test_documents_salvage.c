/*
 * Damage of a store of documents, and what is made of what is left: the store as it was, or nothing. Flipped
 * bits, pages that are zeroed, swapped, copied over others or filled with noise, files that are cut; one at a
 * time and two. METERD_SEED repeats a run, METERD_CASES asks for more.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <xxhash.h>

#include <cmocka.h>

#include "meterd/store/documents_salvage.h"
#include "tests/support/directory.h"
#include "tests/support/random.h"

enum { PAGE_BYTES = 4096, COMMITS = 12, KINDS = 3, KEYS = 40, LONG_BYTES = 9000 };
enum { WORLD_CASES = 64, MOST_CASES = 40 * WORLD_CASES };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CASES = 120 };
#else
enum { CASES = 600 };
#endif

/* ---- a store ---- */

static void make_key(uint32_t i, char key[16]) { snprintf(key, 16, "key-%u", i); }

/* A document says its key first. */
static void put(struct mtr_documents *documents, struct random_source *random, int64_t now_us, uint8_t kind, uint32_t i)
{
    static char json[LONG_BYTES];
    char key[16];
    uint32_t number;
    make_key(i, key);
    const size_t size = random_below(random, 20) ? 20 + random_below(random, 200) : sizeof(json);
    memset(json, 'a' + (int)random_below(random, 26), sizeof(json));
    memcpy(json, key, strlen(key));
    json[strlen(key)] = ' ';
    const struct mtr_stored_document document = {
        .kind = kind, .key = mtr_str_from(key), .applied_us = now_us, .json = {json, size}, .who = MTR_STR("me")};
    assert_int_equal(mtr_documents_put(documents, &document, &number), 0);
}

/* Commits of a few puts and deletions, each at one time. */
static void fill(const char *directory, struct random_source *random, int64_t begin, int64_t end)
{
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic;
    uint64_t version;
    assert_int_equal(mtr_documents_open(directory, false, &documents, &diagnostic), 0);
    for (int64_t i = begin; i < end; i++) {
        assert_int_equal(mtr_documents_begin(documents, &version), 0);
        for (uint32_t j = 0; j < 30; j++) {
            const uint8_t kind = (uint8_t)random_below(random, KINDS);
            const uint32_t k = (uint32_t)random_below(random, KEYS);
            char key[16];
            make_key(k, key);
            const struct mtr_stored_document deleted = {.kind = kind, .key = mtr_str_from(key), .applied_us = i, .who = MTR_STR("me")};
            if (random_below(random, 4) || mtr_documents_delete(documents, &deleted)) put(documents, random, i, kind, k);
        }
        assert_int_equal(mtr_documents_commit(documents, &version), 0);
    }
    mtr_documents_close(documents);
}

static int add(void *context, const struct mtr_stored_document *document)
{
    uint64_t *sum = context;
    const uint64_t numbers[] = {document->kind, document->number, document->revision, (uint64_t)document->applied_us};
    *sum = XXH3_64bits_withSeed(numbers, sizeof(numbers), *sum);
    *sum = XXH3_64bits_withSeed(document->key.data, document->key.size, *sum);
    *sum = XXH3_64bits_withSeed(document->json.data, document->json.size, *sum);
    return 0;
}

/* All that there is: revisions of all keys, what is in force, counts and version. */
static uint64_t sum_of(const char *directory)
{
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic;
    uint64_t sum = 0, version = 0;
    if (mtr_documents_open(directory, true, &documents, &diagnostic)) fail_msg("%s", diagnostic.text);
    for (uint8_t kind = 0; kind < KINDS; kind++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < KEYS; i++) {
            char key[16];
            make_key(i, key);
            const int rc = mtr_documents_walk_revisions(documents, kind, mtr_str_from(key), 0, add, &sum);
            assert_true(!rc || rc == MTR_ENOTFOUND);
        }
        assert_int_equal(mtr_documents_walk(documents, kind, (struct mtr_str){NULL, 0}, add, &sum), 0);
        assert_int_equal(mtr_documents_count(documents, kind, &count), 0);
        sum += count;
    }
    assert_int_equal(mtr_documents_version(documents, &version), 0);
    mtr_documents_close(documents);
    return sum + version;
}

/* ---- damage ---- */

struct file {
    unsigned char *bytes;
    size_t size;
};

static struct file read_file(const char *path)
{
    struct stat status;
    const int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && !fstat(fd, &status));
    const struct file file = {malloc((size_t)status.st_size), (size_t)status.st_size};
    assert_non_null(file.bytes);
    assert_int_equal(read(fd, file.bytes, file.size), (ssize_t)file.size);
    close(fd);
    return file;
}

static void write_file(const char *path, const unsigned char *bytes, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

enum damage { FLIP, ZEROS, SWAP, COPY, NOISE, CUT, DAMAGES };
static const char *const damage_names[DAMAGES] = {"a bit flipped", "a page of zeros", "two pages swapped", "a page over another", "noise", "cut"};

static size_t damage(struct random_source *random, enum damage how, unsigned char *bytes, size_t size)
{
    unsigned char page[PAGE_BYTES];
    const size_t pages = size / PAGE_BYTES;
    unsigned char *a = bytes + random_below(random, pages) * PAGE_BYTES, *b = bytes + random_below(random, pages) * PAGE_BYTES;
    const size_t at = random_below(random, size - 64), length = 1 + random_below(random, 64);
    switch (how) {
    case FLIP: bytes[at] ^= (unsigned char)(1U << random_below(random, 8)); break;
    case ZEROS: memset(a, 0, PAGE_BYTES); break;
    case SWAP:
        memcpy(page, a, PAGE_BYTES);
        memcpy(a, b, PAGE_BYTES);
        memcpy(b, page, PAGE_BYTES);
        break;
    case COPY: memmove(a, b, PAGE_BYTES); break;
    case NOISE:
        for (size_t i = 0; i < length; i++) bytes[at + i] = (unsigned char)random_u64(random);
        break;
    default: return PAGE_BYTES * 2 + random_below(random, size - PAGE_BYTES * 2);
    }
    return size;
}

/* ---- what is made of it ---- */

static int name(void *context, const struct mtr_stored_document *first, struct mtr_arena *arena, struct mtr_str *key)
{
    (void)context;
    const char *end = memchr(first->json.data, ' ', first->json.size);
    return end ? mtr_arena_copy(arena, (struct mtr_str){first->json.data, (size_t)(end - first->json.data)}, key) : MTR_ECORRUPT;
}

static void lost(void *context, const struct mtr_documents_loss *loss)
{
    assert_true(loss->kind < KINDS && loss->number > 0);
    ++*(unsigned *)context;
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

struct world {
    char directory[DIRECTORY_PATH_BYTES], damaged[96], data[120], made[96];
    struct file whole;
    uint64_t sum;
};

/* A change that was killed before its meta page: what it wrote lies in the file. */
static void lose_commit(const char *store, const char *path, struct random_source *random)
{
    const struct file before = read_file(path);
    fill(store, random, COMMITS, COMMITS + 1);
    const struct file after = read_file(path);
    memcpy(after.bytes, before.bytes, 2 * (size_t)PAGE_BYTES);
    write_file(path, after.bytes, after.size);
    free(before.bytes);
    free(after.bytes);
}

/* Each second one has a change that was killed: of such a store hardly anything is made. */
static void open_world(struct world *world, uint64_t number)
{
    struct random_source random = {number};
    char store[96], path[120];
    make_temporary_in_memory(world->directory);
    snprintf(store, sizeof(store), "%s/store", world->directory);
    snprintf(path, sizeof(path), "%s/data.mdb", store);
    snprintf(world->damaged, sizeof(world->damaged), "%s/damaged", world->directory);
    snprintf(world->data, sizeof(world->data), "%s/data.mdb", world->damaged);
    snprintf(world->made, sizeof(world->made), "%s/made", world->directory);
    assert_int_equal(mkdir(world->damaged, 0700), 0);
    const uint64_t kills = number % 2 ? 1 + random_below(&random, 2) : 0;
    fill(store, &random, 0, COMMITS - 1);
    if (kills == 2) lose_commit(store, path, &random);
    fill(store, &random, COMMITS - 1, COMMITS);
    if (kills == 1) lose_commit(store, path, &random);
    world->sum = sum_of(store);
    world->whole = read_file(path);
}

static void close_world(struct world *world)
{
    free(world->whole.bytes);
    remove_tree(world->directory);
}

/* The store is made as it was, or it is said why not. */
static bool salvage(struct world *world, uint64_t seed)
{
    struct mtr_diagnostic diagnostic = {0};
    unsigned losses = 0;
    uint64_t version = 0;
    const struct mtr_documents_salvage task = {
        .from = world->damaged, .to = world->made, .version_known = COMMITS, .name = name, .lost = lost, .context = &losses};
    remove_tree(world->made);
    const int rc = mtr_documents_salvage(&task, &version, &diagnostic);
    if (rc && !losses && !diagnostic.text[0]) fail_msg("nothing is said (METERD_SEED=%llu)", (unsigned long long)seed);
    if (!rc && (version != COMMITS || sum_of(world->made) != world->sum))
        fail_msg("another store is made (METERD_SEED=%llu METERD_CASES=1)", (unsigned long long)seed);
    return !rc;
}

static void what_is_made_is_what_was_there(void **state)
{
    const uint64_t seed = number_of("METERD_SEED", (uint64_t)time(NULL)), cases = number_of("METERD_CASES", CASES);
    unsigned made[DAMAGES] = {0}, refused[DAMAGES] = {0}, made_at_all = 0, refused_at_all = 0;
    struct world world;
    (void)state;
    /* Of a store without a killed change a sixth to a half of the cases are made again: it is drawn until one was, and one was refused. */
    for (uint64_t i = 0; i < cases || (cases >= CASES && i < MOST_CASES && !(made_at_all && refused_at_all)); i++) {
        struct random_source random = {seed + i};
        if (i == 0 || (seed + i) % WORLD_CASES == 0) {
            if (i) close_world(&world);
            open_world(&world, (seed + i) / WORLD_CASES);
        }
        unsigned char *bytes = malloc(world.whole.size);
        assert_non_null(bytes);
        memcpy(bytes, world.whole.bytes, world.whole.size);
        const enum damage how = (enum damage)random_below(&random, DAMAGES);
        size_t size = damage(&random, how, bytes, world.whole.size);
        if (random_below(&random, 3) == 0) size = damage(&random, (enum damage)random_below(&random, CUT), bytes, size);
        write_file(world.data, bytes, size);
        free(bytes);
        const bool is_made = salvage(&world, seed + i);
        made[how] += is_made;
        refused[how] += !is_made;
        made_at_all += is_made;
        refused_at_all += !is_made;
    }
    close_world(&world);
    for (int i = 0; i < DAMAGES; i++) printf("%s: %u made, %u refused\n", damage_names[i], made[i], refused[i]);
    if (cases >= CASES) assert_true(made_at_all > 0 && refused_at_all > 0);
}

/* ---- what points out of its page ---- */

static uint64_t number_at(const unsigned char *bytes)
{
    uint64_t number;
    memcpy(&number, bytes, sizeof(number));
    return number;
}

/* The page of tables of the newest commit: of both meta pages one has the greater transaction. */
static unsigned char *tables_page(const struct file *file)
{
    enum { META_MAIN_ROOT = 16 + 24 + 48 + 40, META_TRANSACTION = 16 + 24 + 96 + 8 };
    const unsigned char *first = file->bytes, *second = file->bytes + PAGE_BYTES;
    const bool is_second = number_at(second + META_TRANSACTION) > number_at(first + META_TRANSACTION);
    return file->bytes + number_at((is_second ? second : first) + META_MAIN_ROOT) * PAGE_BYTES;
}

/* The row of `revisions` says that its value has pages of its own, whose number ends where the page does. */
static void a_table_whose_root_is_not_in_its_page(void **state)
{
    enum { NAME_BYTES = sizeof("revisions") - 1, AT = PAGE_BYTES - 8 - NAME_BYTES - 1 - 8, OVERFLOW_OF_TABLE = 3, ROOT_BYTES = 48 };
    struct world world;
    (void)state;
    open_world(&world, 0);
    unsigned char *page = tables_page(&world.whole);
    const uint16_t node[] = {ROOT_BYTES, 0, OVERFLOW_OF_TABLE, NAME_BYTES}, at = AT;
    uint16_t lower;
    memcpy(&lower, page + 12, sizeof(lower));
    assert_int_equal(lower, 16 + 3 * 2); /* heads, meta, revisions */
    memcpy(page + 16 + 2 * 2, &at, sizeof(at));
    memcpy(page + AT, node, sizeof(node));
    memcpy(page + AT + sizeof(node), "revisions", NAME_BYTES);
    write_file(world.data, world.whole.bytes, world.whole.size);
    assert_true(salvage(&world, 1)); /* by what else was written */
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_made_is_what_was_there), cmocka_unit_test(a_table_whose_root_is_not_in_its_page)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
