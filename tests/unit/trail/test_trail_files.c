/*
 * The files of a trail: their bound, a disk without room, files that go while they are written, and strange
 * ones.
 */
#include "tests/support/store/trail_world.h"

static void fill(struct fixture *f, int lines)
{
    char members[512];
    memset(members, 'x', sizeof(members));
    memcpy(members, "\"detail\":\"", 10);
    memcpy(members + sizeof(members) - 2, "\"", 2);
    for (int i = 0; i < lines; i++) append(f, "admin_act", members);
}

/* Three times what there is room for; then once more, with files of another process. */
static void test_bound(void **state)
{
    struct fixture *f = *state;
    unsigned files;
    for (int round = 0; round < 2; round++) {
        start(f);
        for (int piece = 0; piece < 50; piece++) {
            fill(f, 100);
            const uint64_t bytes = bytes_of_all(f, &files);
            if (bytes > BYTES_MAX) fail_msg("%llu bytes", (unsigned long long)bytes);
        }
        sync_and_close(f);
        assert_true(bytes_of_all(f, &files) > BYTES_MAX / 2);
        assert_true(files > 4);
        assert_whole(f);
        assert_true(f->walked.removed > 0 && f->walked.lines > 500);
    }
    /* One more goes, and no line says so. */
    char path[160], name[32];
    for (unsigned number = 1; number < 1000; number++) {
        snprintf(name, sizeof(name), "%08u.ndjson", number);
        if (!unlink(path_of(f, name, path))) break;
    }
    assert_fault(f, "are gone, and no line says that they went for lack of room");
}

/* What was removed while it is open: the chain goes on in another file, and what is missing is missed. */
static void test_a_file_goes_while_it_is_written(void **state)
{
    struct fixture *f = *state;
    char path[160];
    start(f);
    append(f, "admin_act", "");
    assert_int_equal(mtr_trail_sync(f->trail), MTR_OK);
    assert_int_equal(unlink(path_of(f, first, path)), 0);
    append(f, "admin_act", "");
    append(f, "admin_act", "");
    sync_and_close(f);
    assert_fault(f, "lines 1 to 1 are gone");
    assert_string_equal(f->kinds, "2 admin_act, 3 admin_act");
    start(f);
    remove_tree(f->directory);
    append(f, "admin_act", "");
    sync_and_close(f);
    assert_fault(f, "lines 1 to 3 are gone");
}

/* No room for all of a line: nothing of it stays, and it may be tried again. */
static void test_no_room(void **state)
{
    struct fixture *f = *state;
    char text[TEXT_BYTES];
    write_lines(f, 2);
    const size_t before = load(f, first, text);
    start(f);
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit tight = {before + 50, was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 0; i < 2; i++) assert_int_not_equal(mtr_trail_append(f->trail, NOW_US, "admin_act", mtr_str_from("\"key\":\"no room\"")), MTR_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(load(f, first, text), before);
    append(f, "admin_act", "");
    sync_and_close(f);
    assert_whole(f);
    assert_string_equal(f->kinds, "1 admin_act, 2 admin_act, 3 admin_act");
}

/* A copy is whole by itself, goes on by itself, and has what was synced before it began. */
static void test_copy(void **state)
{
    struct fixture *f = *state;
    struct mtr_diagnostic diagnostic = {0};
    char copy[DIRECTORY_PATH_BYTES + 16], original[DIRECTORY_PATH_BYTES + 16];
    memcpy(original, f->directory, sizeof(original));
    snprintf(copy, sizeof(copy), "%s/copy", f->root);
    start(f);
    fill(f, 3000); /* the oldest are gone */
    assert_int_equal(mtr_trail_sync(f->trail), MTR_OK);
    append(f, "admin_act", "");
    if (mtr_trail_copy(f->directory, copy, &diagnostic)) fail_msg("%s", diagnostic.text);
    sync_and_close(f);
    assert_whole(f);
    const uint64_t lines = f->walked.lines;
    memcpy(f->directory, copy, sizeof(copy));
    assert_whole(f);
    assert_int_equal(f->walked.lines, lines);
    start(f);
    append(f, "started", "");
    sync_and_close(f);
    assert_whole(f);
    assert_int_equal(f->walked.lines, lines + 1);
    assert_int_equal(mtr_trail_copy(original, copy, &diagnostic), MTR_EEXISTS);
}

static void test_strange_files(void **state)
{
    struct fixture *f = *state;
    struct mtr_diagnostic diagnostic;
    const struct mtr_trail_walk walk = {.kept = NULL};
    assert_int_equal(mtr_trail_read(f->directory, &walk, &f->walked, &diagnostic), MTR_ENOTFOUND);
    write_lines(f, 2);
    store(f, "00000001.ndjson.bak", "x", 1);
    store(f, "1.ndjson", "x\n", 2);
    assert_whole(f);
    /* Behind what was synced a crash may leave anything; before it, it is a fault. */
    store(f, "00000002.ndjson", "hello\n\n{\"sequence\":3}\n", 22);
    assert_whole(f);
    assert_int_equal(f->walked.torn_bytes, 22);
    store(f, "00000003.ndjson", "", 0);
    assert_fault(f, "row 1 of 00000002.ndjson is no line of a trail");
    start(f); /* and the chain goes on all the same */
    append(f, "started", "");
    sync_and_close(f);
    assert_fault(f, "row 3 of 00000002.ndjson");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_goes_while_it_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strange_files, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
