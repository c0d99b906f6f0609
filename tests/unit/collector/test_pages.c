/*
 * Pages: a short one has no file until it is closed, a long one is in its file as it comes, and both are read as they were written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
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

/* A replay that was killed has linked pages under a number that the next reading takes. */
static void test_a_page_that_is_linked_is_not_written_over(void **state)
{
    (void)state;
    assert_int_equal(page_write_close(write_pieces(300)), MTR_OK);
    assert_int_equal(page_link(directory, READING, READING + 1, PAGE), MTR_OK);
    struct page_writer *writer;
    assert_int_equal(page_write_open(directory, READING + 1, PAGE, &writer), MTR_OK);
    assert_int_equal(page_write(writer, MTR_STR("another")), MTR_OK);
    assert_int_equal(page_write_close(writer), MTR_OK);
    expect_pieces(300);
    pages_remove(directory, READING, PAGE);
    pages_remove(directory, READING + 1, PAGE);
}

/* True: it was read as it was written, or not to its end. */
static bool is_told(const char *text, size_t size)
{
    struct page_reader *reader;
    struct mtr_str piece;
    size_t at = 0;
    bool is_same = true;
    int rc = page_read_open(directory, READING, PAGE, &reader);
    assert_int_equal(rc, MTR_OK);
    do {
        rc = page_read(reader, &piece);
        if (rc) break;
        is_same = is_same && piece.size <= size - at && !memcmp(text + at, piece.data, piece.size);
        at += is_same ? piece.size : 0;
    } while (piece.size);
    page_read_close(reader);
    return rc == MTR_ECORRUPT || (!rc && is_same && at == size);
}

static void test_a_flipped_bit_is_told(void **state)
{
    static const char text[] = "{\"id\":\"a\",\"amount\":1074}";
    struct page_writer *writer;
    char path[PAGES_PATH_BYTES + 32], byte;
    struct stat status;
    (void)state;
    assert_int_equal(page_write_open(directory, READING, PAGE, &writer), MTR_OK);
    assert_int_equal(page_write(writer, mtr_str_from(text)), MTR_OK);
    assert_int_equal(page_write_close(writer), MTR_OK);
    snprintf(path, sizeof(path), "%s/%d-%d.zst", directory, READING, PAGE);
    assert_int_equal(stat(path, &status), 0);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    for (long bit = 0; bit < 8 * status.st_size; bit++) {
        for (int times = 0; times < 2; times++) {
            assert_int_equal(fseek(file, bit / 8, SEEK_SET), 0);
            assert_int_equal(fread(&byte, 1, 1, file), 1);
            byte = (char)(byte ^ 1 << bit % 8);
            assert_int_equal(fseek(file, bit / 8, SEEK_SET), 0);
            assert_int_equal(fwrite(&byte, 1, 1, file), 1);
            assert_int_equal(fflush(file), 0);
            if (!times && !is_told(text, sizeof(text) - 1)) fail_msg("bit %ld", bit);
        }
    }
    fclose(file);
    assert_true(is_told(text, sizeof(text) - 1));
    pages_remove(directory, READING, PAGE);
}

/* Pages lie about for months: those of before are found where they are, and read as they were written. */
static void test_the_format_stays(void **state)
{
    static const unsigned char bytes[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x48, 0x49, 0x00, 0x00, 'i', 'd', ',',
                                          'n', '\n', 'a', ',', '1', '\n', 0xba, 0x7e, 0x16, 0xbd};
    const struct mtr_strand strand = {MTR_STR("acme"), MTR_STR("usage"), MTR_STR("one of for_each")};
    char path[PAGES_PATH_BYTES + 32];
    struct page_writer *writer;
    (void)state;
    pages_directory("pages", &strand, path);
    assert_string_equal(path, "pages/964b391bc395e2330cd79594e2615b54");
    assert_int_equal(page_write_open(directory, READING, PAGE, &writer), MTR_OK);
    assert_int_equal(page_write_close(writer), MTR_OK);
    snprintf(path, sizeof(path), "%s/%d-%d.zst", directory, READING, PAGE);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
    fclose(file);
    assert_true(is_told("id,n\na,1\n", 9));
    pages_remove(directory, READING, PAGE);
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
                                       cmocka_unit_test(test_a_page_that_is_linked_is_not_written_over),
                                       cmocka_unit_test(test_a_flipped_bit_is_told),
                                       cmocka_unit_test(test_the_format_stays),
                                       cmocka_unit_test(test_a_directory_that_cannot_be_made)};
    return cmocka_run_group_tests(tests, make, drop);
}
