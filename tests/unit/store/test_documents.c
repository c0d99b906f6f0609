/*
 * The store of documents: numbers and revisions, changes that are all or nothing, order of walks, reopening.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/store/documents.h"
#include "tests/support/store/bare_rows.h"
#include "tests/support/directory.h"

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_documents *documents;
};

static void reopen(struct fixture *f, bool read_only)
{
    struct mtr_diagnostic diagnostic;
    mtr_documents_close(f->documents);
    f->documents = NULL;
    if (mtr_documents_open(f->directory, read_only, &f->documents, &diagnostic))
        fail_msg("%s", diagnostic.text);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    make_temporary(f->directory);
    reopen(f, false);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mtr_documents_close(f->documents);
    remove_tree(f->directory);
    free(f);
    return 0;
}

static uint32_t put(struct fixture *f, uint8_t kind, const char *key, const char *json)
{
    uint32_t number = 0;
    const struct mtr_stored_document document = {.kind = kind,
                                                 .key = mtr_str_from(key),
                                                 .who = MTR_STR("me"),
                                                 .applied_us = 42,
                                                 .json = mtr_str_from(json)};
    assert_int_equal(mtr_documents_put(f->documents, &document, &number), MTR_OK);
    return number;
}

static uint64_t begin(struct fixture *f)
{
    uint64_t version = 0;
    assert_int_equal(mtr_documents_begin(f->documents, &version), MTR_OK);
    return version;
}

static uint64_t commit(struct fixture *f)
{
    uint64_t version = 0;
    assert_int_equal(mtr_documents_commit(f->documents, &version), MTR_OK);
    return version;
}

struct seen {
    char text[512];
    size_t used;
};

static int see(void *context, const struct mtr_stored_document *d)
{
    struct seen *seen = context;
    assert_true(mtr_str_equal(d->who, MTR_STR("me")) && d->applied_us == 42);
    seen->used +=
        (size_t)snprintf(seen->text + seen->used, sizeof(seen->text) - seen->used, "%u/%.*s #%u r%u %.*s\n",
                         d->kind, MTR_STR_ARGS(d->key), d->number, d->revision, MTR_STR_ARGS(d->json));
    return MTR_OK;
}

static void test_numbers_and_revisions(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {.used = 0};
    uint64_t version = 9;
    assert_int_equal(mtr_documents_version(f->documents, &version), MTR_OK);
    assert_int_equal(version, 0);
    assert_int_equal(begin(f), 0);
    assert_int_equal(put(f, 1, "b", "{}"), 1);
    assert_int_equal(put(f, 1, "a", "[1]"), 2);
    assert_int_equal(put(f, 2, "b", "0"), 1);
    assert_int_equal(put(f, 1, "b", "[2]"), 1);
    assert_int_equal(commit(f), 1);
    reopen(f, true);
    assert_int_equal(mtr_documents_walk(f->documents, 1, (struct mtr_str){0}, see, &seen), MTR_OK);
    assert_int_equal(mtr_documents_walk(f->documents, 2, (struct mtr_str){0}, see, &seen), MTR_OK);
    assert_int_equal(mtr_documents_walk(f->documents, 0, (struct mtr_str){0}, see, &seen), MTR_OK);
    assert_int_equal(mtr_documents_walk_revisions(f->documents, 1, MTR_STR("b"), 0, see, &seen), MTR_OK);
    assert_int_equal(mtr_documents_walk(f->documents, 1, MTR_STR("a"), see, &seen), MTR_OK); /* behind a key */
    assert_int_equal(mtr_documents_walk(f->documents, 1, MTR_STR("aa"), see, &seen), MTR_OK); /* that is not there */
    assert_int_equal(mtr_documents_walk(f->documents, 1, MTR_STR("b"), see, &seen), MTR_OK);
    assert_int_equal(mtr_documents_walk_revisions(f->documents, 1, MTR_STR("b"), 1, see, &seen), MTR_OK);
    assert_int_equal(mtr_documents_get(f->documents, 1, MTR_STR("b"), 1, see, &seen), MTR_OK);
    assert_int_equal(mtr_documents_get(f->documents, 1, MTR_STR("b"), 3, see, &seen), MTR_ENOTFOUND);
    assert_int_equal(mtr_documents_get(f->documents, 1, MTR_STR(""), 0, see, &seen), MTR_ENOTFOUND);
    assert_int_equal(mtr_documents_walk_revisions(f->documents, 3, MTR_STR("b"), 0, see, &seen), MTR_ENOTFOUND);
    assert_string_equal(seen.text, "1/a #2 r1 [1]\n1/b #1 r2 [2]\n"
                                   "2/b #1 r1 0\n"
                                   "1/b #1 r1 {}\n1/b #1 r2 [2]\n"
                                   "1/b #1 r2 [2]\n1/b #1 r2 [2]\n"
                                   "1/b #1 r2 [2]\n"
                                   "1/b #1 r1 {}\n");
}

static int delete(struct fixture *f, uint8_t kind, const char *key)
{
    const struct mtr_stored_document document = {
        .kind = kind, .key = mtr_str_from(key), .who = MTR_STR("me"), .applied_us = 42};
    return mtr_documents_delete(f->documents, &document);
}

/* A deleted key is there for its history only; when it comes again it has another number, and goes on in its
 * revisions. */
static void test_deletions(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {.used = 0};
    uint32_t count = 0;
    begin(f);
    assert_int_equal(put(f, 1, "a", "{}"), 1);
    assert_int_equal(put(f, 1, "b", "{}"), 2);
    assert_int_equal(delete(f, 1, "c"), MTR_ENOTFOUND);
    assert_int_equal(delete(f, 1, "a"), MTR_OK);
    assert_int_equal(delete(f, 1, "a"), MTR_ENOTFOUND);
    commit(f);
    reopen(f, false);
    assert_int_equal(mtr_documents_get(f->documents, 1, MTR_STR("a"), 0, see, &seen), MTR_ENOTFOUND);
    assert_int_equal(mtr_documents_walk(f->documents, 1, (struct mtr_str){0}, see, &seen), MTR_OK);
    begin(f);
    assert_int_equal(put(f, 1, "a", "[3]"), 3);
    assert_int_equal(put(f, 1, "a", "[4]"), 3);
    assert_int_equal(delete(f, 1, "a"), MTR_OK);
    assert_int_equal(put(f, 1, "a", "[6]"), 4);
    commit(f);
    assert_int_equal(mtr_documents_count(f->documents, 1, &count), MTR_OK);
    assert_int_equal(count, 4);
    assert_int_equal(mtr_documents_walk(f->documents, 1, (struct mtr_str){0}, see, &seen), MTR_OK);
    assert_int_equal(mtr_documents_walk_revisions(f->documents, 1, MTR_STR("a"), 0, see, &seen), MTR_OK);
    assert_int_equal(mtr_documents_get(f->documents, 1, MTR_STR("a"), 4, see, &seen), MTR_OK);
    assert_string_equal(seen.text, "1/b #2 r1 {}\n"
                                   "1/a #4 r6 [6]\n1/b #2 r1 {}\n"
                                   "1/a #1 r1 {}\n1/a #1 r2 \n1/a #3 r3 [3]\n1/a #3 r4 [4]\n1/a #3 r5 \n1/a #4 r6 [6]\n"
                                   "1/a #3 r4 [4]\n");
}

static void test_abort_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {.used = 0};
    uint64_t version = 9;
    begin(f);
    put(f, 1, "a", "{}");
    mtr_documents_abort(f->documents);
    assert_int_equal(mtr_documents_version(f->documents, &version), MTR_OK);
    assert_int_equal(version, 0);
    assert_int_equal(mtr_documents_walk(f->documents, 1, (struct mtr_str){0}, see, &seen), MTR_OK);
    assert_int_equal(seen.used, 0);
    begin(f);
    assert_int_equal(put(f, 1, "b", "{}"), 1); /* the number was not used up */
    assert_int_equal(commit(f), 1);
    assert_int_equal(begin(f), 1);
    mtr_documents_abort(f->documents);
}

struct golden_row {
    const char *bytes;
    size_t size;
};

static const struct golden_row rows_of_format_3[] = {
    {"\4s-1\0\0\0\1\0\0\0\2", 12},                                           /* heads */
    {"\4\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\52\0\2me{}", 23},                     /* revisions */
    {"\4\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\52\0\2me[]", 23},
    {"format\0\0\0\0\0\0\0\3", 14},
    {"version\0\0\0\0\0\0\0\1", 15},
    {"count\4\0\0\0\0\0\0\0\1", 14},
};

static const struct golden_row rows_with_a_deletion[] = {
    {"\4s-1\0\0\0\2\0\0\0\4", 12},
    {"\4\0\0\0\1\0\0\0\3\0\0\0\0\0\0\0\52\0\2me", 21}, /* the deletion */
    {"\4\0\0\0\2\0\0\0\0\0\0\0\1", 13},                   /* from number 2 to number 1 */
    {"\4\0\0\0\2\0\0\0\4\0\0\0\0\0\0\0\52\0\2me{}", 23},
};

static void check_bytes(struct fixture *f, const struct golden_row *rows, size_t count)
{
    mtr_documents_close(f->documents);
    f->documents = NULL;
    char path[96];
    static char bytes[1 << 16];
    snprintf(path, sizeof(path), "%s/data.mdb", f->directory);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    for (size_t i = 0; i < count; i++)
        if (!memmem(bytes, size, rows[i].bytes, rows[i].size))
            fail_msg("row %zu of the golden table is not in the file", i);
}

/* docs/formats.md, byte by byte. */
static void test_golden_bytes(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put(f, 4, "s-1", "{}");
    put(f, 4, "s-1", "[]");
    commit(f);
    check_bytes(f, rows_of_format_3, sizeof(rows_of_format_3) / sizeof(*rows_of_format_3));
    reopen(f, false);
    begin(f);
    assert_int_equal(delete(f, 4, "s-1"), MTR_OK);
    put(f, 4, "s-1", "{}");
    commit(f);
    check_bytes(f, rows_with_a_deletion, sizeof(rows_with_a_deletion) / sizeof(*rows_with_a_deletion));
}

/* Of before rows were sealed: read as they are, and sealed when they are opened for writing. */
static void test_older_stores(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put(f, 4, "s-1", "{}");
    put(f, 4, "s-2", "[]");
    commit(f);
    for (char format = 1; format <= 2; format++) {
        const char bytes[8] = {0, 0, 0, 0, 0, 0, 0, format};
        mtr_documents_close(f->documents);
        f->documents = NULL;
        make_bare(f->directory, "format", bytes);
        for (int i = 0; i < 4; i++) {
            struct seen seen = {0};
            reopen(f, i != 2);
            assert_int_equal(mtr_documents_walk(f->documents, 4, (struct mtr_str){0}, see, &seen), MTR_OK);
            assert_string_equal(seen.text, "4/s-1 #1 r1 {}\n4/s-2 #2 r1 []\n");
        }
    }
}

static int stop(void *context, const struct mtr_stored_document *d)
{
    (void)d;
    (*(int *)context)++;
    return MTR_EDENIED;
}

static void test_hook_stops_the_walk(void **state)
{
    struct fixture *f = *state;
    int calls = 0;
    begin(f);
    put(f, 1, "a", "{}");
    put(f, 1, "b", "{}");
    commit(f);
    assert_int_equal(mtr_documents_walk(f->documents, 1, (struct mtr_str){0}, stop, &calls), MTR_EDENIED);
    assert_int_equal(calls, 1);
}

static void assert_use(struct fixture *f, uint32_t number, enum mtr_document_use expected)
{
    enum mtr_document_use use;
    assert_int_equal(mtr_documents_get_use(f->documents, 5, number, &use), MTR_OK);
    assert_int_equal(use, expected);
}

/* Documents from before uses were noted may have been used; a note stays, and is no change. */
static void test_uses(void **state)
{
    static const struct golden_row rows[] = {{"noted\5\0\0\0\0\0\0\0\2", 14}, {"used\5\0\0\0\3\0\0\0\0\0\0\0\1", 17}};
    struct fixture *f = *state;
    uint64_t before, after;
    begin(f);
    put(f, 5, "a", "{}");
    put(f, 5, "b", "{}");
    commit(f);
    assert_use(f, 1, MTR_DOCUMENT_MAY_BE_USED);
    assert_int_equal(mtr_documents_note_uses(f->documents, 5), MTR_OK);
    begin(f);
    assert_int_equal(put(f, 5, "c", "{}"), 3);
    put(f, 5, "d", "{}");
    commit(f);
    assert_int_equal(mtr_documents_note_uses(f->documents, 5), MTR_OK);
    assert_int_equal(mtr_documents_version(f->documents, &before), MTR_OK);
    assert_use(f, 3, MTR_DOCUMENT_UNUSED);
    for (int i = 0; i < 2; i++) assert_int_equal(mtr_documents_note_use(f->documents, 5, 3), MTR_OK);
    assert_int_equal(mtr_documents_note_use(f->documents, 5, 1), MTR_OK);
    check_bytes(f, rows, 2);
    reopen(f, true);
    assert_use(f, 1, MTR_DOCUMENT_USED);
    assert_use(f, 2, MTR_DOCUMENT_MAY_BE_USED);
    assert_use(f, 3, MTR_DOCUMENT_USED);
    assert_use(f, 4, MTR_DOCUMENT_UNUSED);
    assert_int_equal(mtr_documents_version(f->documents, &after), MTR_OK);
    assert_int_equal(before, after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_numbers_and_revisions), TEST(test_deletions), TEST(test_abort_leaves_nothing),
                                       TEST(test_golden_bytes), TEST(test_older_stores), TEST(test_uses), TEST(test_hook_stops_the_walk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
