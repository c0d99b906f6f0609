/*
 * Scrubbing of all stores that are written here: each comes, round after round; damage is told with its place
 * and keeps nothing from being read; a store that is closed is waited for and missed by nobody.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/store/damage.h"
#include "meterd/store/documents.h"
#include "meterd/store/rollups.h"
#include "meterd/store/scrub.h"
#include "tests/support/directory.h"

enum { CELLS = 5000, DOCUMENTS = 400, SLICE_BYTES = 16384, STEPS_MAX = 10000 };

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    char rollups_path[96], documents_path[96];
    struct mtr_rollups *rollups;
    struct mtr_documents *documents;
    struct mtr_scrub *scrub;
    struct mtr_diagnostic diagnostic;
};

static void fill_rollups(struct fixture *f)
{
    struct mtr_rollups_txn *txn;
    assert_int_equal(mtr_rollups_open(f->rollups_path, false, &f->rollups, &f->diagnostic), 0);
    assert_int_equal(mtr_rollups_begin(f->rollups, true, &txn), 0);
    for (int64_t i = 0; i < CELLS; i++) {
        const struct mtr_cell_key key = {1, 1, i * INT64_C(3600000000), MTR_STR("eu\x1f")};
        const struct mtr_cell cell = {.count = 1, .value = {i}, .seq_first = 1, .seq_last = 1};
        assert_int_equal(mtr_rollups_put_cell(txn, &key, &cell), 0);
    }
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

static void fill_documents(struct fixture *f)
{
    uint64_t version;
    uint32_t number;
    assert_int_equal(mtr_documents_open(f->documents_path, false, &f->documents, &f->diagnostic), 0);
    assert_int_equal(mtr_documents_begin(f->documents, &version), 0);
    for (int i = 0; i < DOCUMENTS; i++) {
        char key[16], json[64];
        snprintf(key, sizeof(key), "key-%d", i);
        snprintf(json, sizeof(json), "{\"price\":\"%d.25\"}", i);
        const struct mtr_stored_document document = {.kind = 3, .key = mtr_str_from(key), .who = MTR_STR("me"), .json = mtr_str_from(json)};
        assert_int_equal(mtr_documents_put(f->documents, &document, &number), 0);
    }
    assert_int_equal(mtr_documents_commit(f->documents, &version), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    make_temporary_in_memory(f->directory);
    snprintf(f->rollups_path, sizeof(f->rollups_path), "%s/rollups", f->directory);
    snprintf(f->documents_path, sizeof(f->documents_path), "%s/catalog", f->directory);
    fill_rollups(f);
    fill_documents(f);
    assert_int_equal(mtr_scrub_open(&f->scrub), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    mtr_scrub_close(f->scrub);
    mtr_rollups_close(f->rollups);
    mtr_documents_close(f->documents);
    remove_tree(f->directory);
    free(f);
    return 0;
}

/* Until a round has ended: what was read, and how many steps found damage. */
static uint64_t scrub_round(struct fixture *f, int *damaged)
{
    uint64_t bytes = 0;
    *damaged = 0;
    for (int i = 0; i < STEPS_MAX; i++) {
        struct mtr_scrub_slice slice;
        const int rc = mtr_scrub_step(f->scrub, SLICE_BYTES, &slice, &f->diagnostic);
        assert_true(!rc || rc == MTR_ECORRUPT);
        *damaged += rc == MTR_ECORRUPT;
        bytes += slice.bytes;
        if (slice.is_round) return bytes;
    }
    fail_msg("no end of a round");
    return 0;
}

static void damage(const char *directory, const char *text)
{
    char path[128];
    static char bytes[1 << 22];
    snprintf(path, sizeof(path), "%s/data.mdb", directory);
    const int fd = open(path, O_RDWR);
    const ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
    const char *at = memmem(bytes, (size_t)size, text, strlen(text));
    assert_non_null(at);
    const char wrong = (char)(*at ^ 1);
    assert_int_equal(pwrite(fd, &wrong, 1, at - bytes), 1);
    close(fd);
}

static void all_stores_are_read_round_after_round(void **state)
{
    struct fixture *f = *state;
    int damaged;
    const uint64_t bytes = scrub_round(f, &damaged);
    assert_true(bytes > (CELLS + DOCUMENTS) * 80);
    assert_int_equal(damaged, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scrub_round(f, &damaged), bytes);
        assert_int_equal(damaged, 0);
    }
}

static void damage_is_told_and_the_other_store_read(void **state)
{
    struct fixture *f = *state;
    struct mtr_damage met;
    int damaged;
    const uint64_t bytes = scrub_round(f, &damaged);
    damage(f->documents_path, "{\"price\":\"7.25\"}");
    mtr_store_damage(&met);
    assert_int_equal(met.count, 0);
    assert_true(scrub_round(f, &damaged) < bytes);
    assert_int_equal(damaged, 1);
    mtr_store_damage(&met);
    assert_int_equal(met.count, 1);
    assert_non_null(strstr(met.text, "the documents of the catalog are damaged: row 030000000800000001 of the table revisions"));
    assert_true(scrub_round(f, &damaged) > CELLS * 80); /* the rollups are read as before */
    assert_int_equal(damaged, 1);
}

/* Whatever the place was, what is left is read, and the store that comes again is read from its begin. */
static void stores_may_be_closed_between_slices(void **state)
{
    struct fixture *f = *state;
    struct mtr_scrub_slice slice;
    int damaged;
    const uint64_t both = scrub_round(f, &damaged);
    for (int i = 0; i < 3; i++) assert_int_equal(mtr_scrub_step(f->scrub, SLICE_BYTES, &slice, &f->diagnostic), 0);
    mtr_rollups_close(f->rollups);
    f->rollups = NULL;
    assert_true(scrub_round(f, &damaged) < both);
    mtr_documents_close(f->documents);
    f->documents = NULL;
    assert_int_equal(mtr_scrub_step(f->scrub, SLICE_BYTES, &slice, &f->diagnostic), 0);
    assert_false(slice.is_round || slice.bytes); /* there is none */
    assert_int_equal(mtr_documents_open(f->documents_path, false, &f->documents, &f->diagnostic), 0);
    assert_int_equal(mtr_rollups_open(f->rollups_path, false, &f->rollups, &f->diagnostic), 0);
    assert_int_equal(scrub_round(f, &damaged), both);
    assert_int_equal(damaged, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_stores_are_read_round_after_round),
        CASE(stores_may_be_closed_between_slices),
        CASE(damage_is_told_and_the_other_store_read), /* last: damage is counted for the process */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
