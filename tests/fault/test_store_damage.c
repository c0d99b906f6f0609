/*
 * Damage of the files of charges, rollups and documents: flipped bits, pages that are zeroed, swapped or copied
 * over others, files that are cut. A store gives what was put, or is refused with a sentence: never other rows,
 * and never the end of the process. METERD_SEED repeats a run, METERD_CASES asks for more.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <xxhash.h>

#include <cmocka.h>

#include "lib/store/charges/charges_txn.h"
#include "lib/store/rollups/rollups_txn.h"
#include "meterd/store/documents.h"
#include "tests/support/directory.h"
#include "tests/support/random.h"

enum { PAGE_BYTES = 4096, COMMITS = 6, ROWS = 150, BODY_BYTES = 9000, CHILD_SECONDS = 60 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CASES = 60, MOST_CASES = 600 };
#else
enum { CASES = 500, MOST_CASES = 5000 };
#endif
enum { AS_IT_WAS, REFUSED, OTHER_ROWS, NO_SENTENCE };

/* ---- what stores hold ---- */

static int add_row(void *context, struct mtr_str key, struct mtr_str value)
{
    uint64_t *sum = context;
    *sum = XXH3_64bits_withSeed(value.data, value.size, XXH3_64bits_withSeed(key.data, key.size, *sum + 1));
    return 0;
}

static void fill_charges(const char *directory)
{
    static char body[BODY_BYTES];
    struct mtr_charges *charges;
    struct mtr_diagnostic diagnostic;
    uint64_t number = 0;
    memset(body, 'x', sizeof(body));
    assert_int_equal(mtr_charges_open(directory, false, &charges, &diagnostic), 0);
    for (int i = 0; i < COMMITS; i++) {
        struct mtr_charges_txn *txn;
        assert_int_equal(mtr_charges_begin(charges, true, &txn), 0);
        for (int j = 0; j < ROWS; j++) {
            number++;
            struct mtr_charge charge = {.number = number, .id = {number, 7}, .subscription = 1 + (uint32_t)j};
            charge.amount.e18 = (mtr_int128)number * 1000000007;
            charge.body = (struct mtr_str){body, 200 + (number * 37) % 900};
            assert_int_equal(mtr_charges_append(txn, &charge), 0);
            struct mtr_charge_line line = {.subscription = charge.subscription, .currency = MTR_STR("EUR")};
            line.component = line.kind = MTR_STR("usage");
            const int rc = mtr_charges_get_line(txn, &line);
            assert_true(!rc || rc == MTR_ENOTFOUND);
            line.emitted.e18 = charge.amount.e18;
            assert_int_equal(mtr_charges_put_line(txn, &line), 0);
        }
        char key[8];
        lmdb_put_u64((unsigned char *)key, (uint64_t)i);
        assert_int_equal(charges_put(txn, TABLE_BODIES, key, sizeof(key), (struct mtr_str){body, sizeof(body)}, 0), 0);
        assert_int_equal(mtr_charges_commit(txn), 0);
    }
    mtr_charges_close(charges);
}

static int sum_charges(const char *directory, uint64_t *sum, struct mtr_diagnostic *diagnostic)
{
    struct mtr_charges *charges;
    struct mtr_charges_txn *txn = NULL;
    int rc = mtr_charges_open(directory, false, &charges, diagnostic);
    if (rc) return rc;
    rc = mtr_charges_begin(charges, false, &txn);
    for (int i = 0; !rc && i < TABLE_COUNT; i++) {
        const struct charges_range range = {.table = (enum charges_table)i};
        rc = charges_walk(txn, &range, add_row, sum);
    }
    mtr_charges_abort(txn);
    mtr_charges_close(charges);
    return rc;
}

static void fill_rollups(const char *directory)
{
    struct mtr_rollups *rollups;
    struct mtr_diagnostic diagnostic;
    assert_int_equal(mtr_rollups_open(directory, false, &rollups, &diagnostic), 0);
    for (int i = 0; i < COMMITS; i++) {
        struct mtr_rollups_txn *txn;
        assert_int_equal(mtr_rollups_begin(rollups, true, &txn), 0);
        for (int j = 0; j < 10 * ROWS; j++) {
            const struct mtr_cell_key key = {1 + (uint32_t)j % 97, 1 + (uint32_t)i, j * INT64_C(3600000000), MTR_STR("eu\x1f")};
            const struct mtr_cell cell = {.value = {j}, .count = (uint64_t)i + 1, .seq_first = 1, .seq_last = 9, .change = 1};
            uint64_t count;
            assert_int_equal(mtr_rollups_put_cell(txn, &key, &cell), 0);
            assert_int_equal(mtr_rollups_add_member(txn, &key, MTR_STR("member"), 1, &count), 0);
        }
        assert_int_equal(mtr_rollups_put_cursor(txn, (uint64_t)i + 1, i, (uint64_t)i), 0);
        assert_int_equal(mtr_rollups_commit(txn), 0);
    }
    mtr_rollups_close(rollups);
}

static int sum_rollups(const char *directory, uint64_t *sum, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_str all = {NULL, 0};
    struct mtr_rollups *rollups;
    struct mtr_rollups_txn *txn = NULL;
    int rc = mtr_rollups_open(directory, false, &rollups, diagnostic);
    if (rc) return rc;
    rc = mtr_rollups_begin(rollups, false, &txn);
    for (int i = 0; !rc && i < MTR_TABLE_COUNT; i++)
        rc = rollups_scan(txn, (enum mtr_rollups_table)i, all, all, add_row, sum);
    mtr_rollups_abort(txn);
    mtr_rollups_close(rollups);
    return rc;
}

static void fill_documents(const char *directory)
{
    static char json[BODY_BYTES];
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic;
    uint64_t version;
    uint32_t number;
    memset(json, '1', sizeof(json));
    assert_int_equal(mtr_documents_open(directory, false, &documents, &diagnostic), 0);
    for (int i = 0; i < COMMITS; i++) {
        assert_int_equal(mtr_documents_begin(documents, &version), 0);
        for (int j = 0; j < ROWS; j++) {
            char key[16];
            snprintf(key, sizeof(key), "key-%d", j);
            const size_t size = (size_t)(j % 50 ? 100 + j : BODY_BYTES);
            const struct mtr_stored_document document = {.kind = (uint8_t)(j % 5), .key = mtr_str_from(key),
                                                         .applied_us = i, .who = MTR_STR("me"), .json = {json, size}};
            assert_int_equal(mtr_documents_put(documents, &document, &number), 0);
        }
        assert_int_equal(mtr_documents_commit(documents, &version), 0);
    }
    mtr_documents_close(documents);
}

struct summing {
    struct mtr_documents *documents;
    uint64_t *sum;
};

static int on_revision(void *context, const struct mtr_stored_document *document)
{
    const struct summing *summing = context;
    *summing->sum += document->number * 31 + document->revision + (uint64_t)document->applied_us;
    return add_row(summing->sum, document->who, document->json);
}

static int on_newest(void *context, const struct mtr_stored_document *document)
{
    const struct summing *summing = context;
    add_row(summing->sum, document->key, document->key);
    return mtr_documents_walk_revisions(summing->documents, document->kind, document->key, 0, on_revision, context);
}

static int sum_documents(const char *directory, uint64_t *sum, struct mtr_diagnostic *diagnostic)
{
    struct summing summing = {.sum = sum};
    uint64_t version = 0;
    int rc = mtr_documents_open(directory, false, &summing.documents, diagnostic);
    if (rc) return rc;
    for (uint8_t kind = 0; !rc && kind < 5; kind++) {
        uint32_t count = 0;
        rc = mtr_documents_count(summing.documents, kind, &count);
        *sum += count;
        if (!rc) rc = mtr_documents_walk(summing.documents, kind, (struct mtr_str){NULL, 0}, on_newest, &summing);
    }
    if (!rc) rc = mtr_documents_version(summing.documents, &version);
    *sum += version;
    mtr_documents_close(summing.documents);
    return rc;
}

static const struct kind {
    const char *name;
    void (*fill)(const char *directory);
    int (*sum)(const char *directory, uint64_t *sum, struct mtr_diagnostic *diagnostic);
} kinds[] = {{"charges", fill_charges, sum_charges},
             {"rollups", fill_rollups, sum_rollups},
             {"documents", fill_documents, sum_documents}};

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
    struct file file = {malloc((size_t)status.st_size), (size_t)status.st_size};
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
static const char *const damage_names[DAMAGES] = {"a bit flipped", "a page of zeros", "two pages swapped",
                                                  "a page over another", "noise", "cut"};

/* Returns the size that the file has then. */
static size_t damage(struct random_source *random, enum damage how, unsigned char *bytes, size_t size)
{
    unsigned char page[PAGE_BYTES];
    const size_t pages = size / PAGE_BYTES;
    unsigned char *a = bytes + random_below(random, pages) * PAGE_BYTES,
                  *b = bytes + random_below(random, pages) * PAGE_BYTES;
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
    case CUT: return 1 + random_below(random, size - 1);
    default: break;
    }
    return size;
}

/* In a process of its own. */
static int look(const struct kind *kind, const char *directory, uint64_t expected)
{
    const pid_t pid = fork();
    int status;
    if (!pid) {
        struct mtr_diagnostic diagnostic = {0};
        uint64_t sum = 0;
        alarm(CHILD_SECONDS);
        const int rc = kind->sum(directory, &sum, &diagnostic);
        _exit(rc ? diagnostic.text[0] ? REFUSED : NO_SENTENCE : sum == expected ? AS_IT_WAS : OTHER_ROWS);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static bool each_was_refused(unsigned (*outcomes)[2])
{
    for (int i = 0; i < DAMAGES; i++)
        if (!outcomes[i][REFUSED]) return false;
    return true;
}

static void check_kind(const struct kind *kind)
{
    char directory[DIRECTORY_PATH_BYTES], data[96], lock[96];
    uint64_t expected = 0;
    struct mtr_diagnostic diagnostic = {0};
    const uint64_t seed = number_of("METERD_SEED", (uint64_t)time(NULL)), cases = number_of("METERD_CASES", CASES);
    unsigned outcomes[DAMAGES][2] = {{0}};
    make_temporary_in_memory(directory);
    snprintf(data, sizeof(data), "%s/data.mdb", directory);
    snprintf(lock, sizeof(lock), "%s/lock.mdb", directory);
    kind->fill(directory);
    assert_int_equal(kind->sum(directory, &expected, &diagnostic), 0);
    const struct file whole = read_file(data);
    unsigned char *bytes = malloc(whole.size);
    assert_non_null(bytes);
    /* Damage may hit where no row stands; each kind of it is drawn until it was refused once. */
    for (uint64_t i = 0; i < cases || (cases >= CASES && i < MOST_CASES && !each_was_refused(outcomes)); i++) {
        struct random_source random = {seed + i};
        const enum damage how = (enum damage)(i % DAMAGES);
        memcpy(bytes, whole.bytes, whole.size);
        const size_t size = damage(&random, how, bytes, whole.size);
        unlink(lock);
        write_file(data, bytes, size);
        const int outcome = look(kind, directory, expected);
        if (outcome != AS_IT_WAS && outcome != REFUSED)
            fail_msg("%s, %s: outcome %d (METERD_SEED=%llu METERD_CASES=%llu)", kind->name, damage_names[how], outcome,
                     (unsigned long long)(seed + i - i % DAMAGES), (unsigned long long)(i % DAMAGES + 1));
        outcomes[how][outcome]++;
    }
    for (int i = 0; i < DAMAGES; i++)
        printf("%s, %s: %u refused, %u where no row stands\n", kind->name, damage_names[i], outcomes[i][REFUSED],
               outcomes[i][AS_IT_WAS]);
    assert_true(cases < CASES || each_was_refused(outcomes));
    free(bytes);
    free(whole.bytes);
    remove_tree(directory);
}

static void charges_are_as_they_were_or_refused(void **state)
{
    (void)state;
    check_kind(&kinds[0]);
}

static void rollups_are_as_they_were_or_refused(void **state)
{
    (void)state;
    check_kind(&kinds[1]);
}

static void documents_are_as_they_were_or_refused(void **state)
{
    (void)state;
    check_kind(&kinds[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charges_are_as_they_were_or_refused),
        cmocka_unit_test(rollups_are_as_they_were_or_refused),
        cmocka_unit_test(documents_are_as_they_were_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
