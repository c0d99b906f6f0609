/*
 * Pages: a short one has no file until it is closed, a long one is in its file as it comes, and both are read as they were written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/source/reading/pages.h"
#include "tests/support/directory.h"

enum { PIECE_BYTES = 1000, READING = 7, PAGE = 1 };

static char root[DIRECTORY_PATH_BYTES], directory[PAGES_PATH_BYTES];

static int make(void **state)
{
    (void)state;
    make_temporary_in_memory(root);
    return snprintf(directory, sizeof(directory), "%s/pages/abc", root) < 0;
}

static int drop(void **state)
{
    (void)state;
    remove_tree(root);
    return 0;
}

static bool has_file(void)
{
    char path[PAGES_PATH_BYTES + 32];
    struct stat status;
    snprintf(path, sizeof(path), "%s/%d-%d.zst", directory, READING, PAGE);
    return stat(path, &status) == 0;
}

/* A page of so many pieces, none like another. */
static struct page_writer *write_pieces(unsigned count)
{
    struct page_writer *writer;
    char piece[PIECE_BYTES + 1];
    assert_int_equal(page_write_open(directory, READING, PAGE, &writer), MTR_OK);
    for (unsigned i = 0; i < count; i++) {
        snprintf(piece, sizeof(piece), "%0*u", PIECE_BYTES, i);
        assert_int_equal(page_write(writer, (struct mtr_str){piece, PIECE_BYTES}), MTR_OK);
    }
    return writer;
}

static void expect_pieces(unsigned count)
{
    struct page_reader *reader;
    struct mtr_str text;
    uint64_t at = 0;
    char piece[PIECE_BYTES + 1];
    assert_int_equal(page_read_open(directory, READING, PAGE, &reader), MTR_OK);
    do {
        assert_int_equal(page_read(reader, &text), MTR_OK);
        for (size_t i = 0; i < text.size; i++, at++) {
            if (at % PIECE_BYTES == 0) snprintf(piece, sizeof(piece), "%0*u", PIECE_BYTES, (unsigned)(at / PIECE_BYTES));
            assert_int_equal(text.data[i], piece[at % PIECE_BYTES]);
        }
    } while (text.size);
    assert_int_equal(at, (uint64_t)count * PIECE_BYTES);
    page_read_close(reader);
}

static void test_a_short_page_has_no_file_until_it_is_closed(void **state)
{
    (void)state;
    for (unsigned count = 0; count <= 16; count++) {
        struct mtr_hash128 hash;
        struct page_writer *writer = write_pieces(count);
        assert_true(page_write_end(writer, &hash));
        assert_false(has_file());
        assert_int_equal(page_write_close(writer), MTR_OK);
        assert_true(has_file());
        expect_pieces(count);
        pages_remove(directory, READING, PAGE);
        assert_false(has_file());
    }
}

static void test_a_long_page_is_in_its_file(void **state)
{
    (void)state;
    for (unsigned count = 17; count <= 400; count += 127) {
        struct mtr_hash128 hash;
        struct page_writer *writer = write_pieces(count);
        assert_true(has_file());
        assert_false(page_write_end(writer, &hash));
        assert_int_equal(page_write_close(writer), MTR_OK);
        expect_pieces(count);
        pages_remove(directory, READING, PAGE);
    }
}

static void test_an_aborted_page_leaves_nothing(void **state)
{
    (void)state;
    page_write_abort(write_pieces(3));
    assert_false(has_file());
    page_write_abort(write_pieces(300));
    assert_false(has_file());
    page_write_abort(NULL);
}

static void test_the_hash_is_of_the_text(void **state)
{
    (void)state;
    struct mtr_hash128 a, b, c;
    struct page_writer *first = write_pieces(5), *second, *third = write_pieces(300);
    (void)page_write_end(first, &a);
    page_write_abort(first);
    second = write_pieces(5);
    (void)page_write_end(second, &b);
    page_write_abort(second);
    (void)page_write_end(third, &c);
    page_write_abort(third);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(a.high != c.high || a.low != c.low);
}

/* It is nobody's fault of memory: the page cannot be kept. */
static void test_a_directory_that_cannot_be_made(void **state)
{
    struct page_writer *writer;
    struct mtr_hash128 hash;
    (void)state;
    assert_int_equal(page_write_open("/proc/none/such", READING, PAGE, &writer), MTR_OK);
    assert_true(page_write_end(writer, &hash));
    assert_int_not_equal(page_write_close(writer), MTR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_short_page_has_no_file_until_it_is_closed),
                                       cmocka_unit_test(test_a_long_page_is_in_its_file),
                                       cmocka_unit_test(test_an_aborted_page_leaves_nothing),
                                       cmocka_unit_test(test_the_hash_is_of_the_text),
                                       cmocka_unit_test(test_a_directory_that_cannot_be_made)};
    return cmocka_run_group_tests(tests, make, drop);
}
