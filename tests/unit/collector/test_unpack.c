/*
 * Text out of gzip, zstd and zip, in pieces of any size; what is damaged or cut short says so wherever it is;
 * what is no text is refused by its name.
 */
#include "meterd/collector/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "meterd/core/buffer.h"
#include "tests/support/directory.h"

enum { TEXT_SIZE = 200000, PACKED_MAX = 250000 };
static char text[TEXT_SIZE];
static struct mtr_buffer out;

static void make_text(void)
{
    for (size_t i = 0; i < TEXT_SIZE; i++) text[i] = (char)(i % 61 ? 'a' + i * i % 23 : '\n');
}

static int on_text(void *context, struct mtr_str piece)
{
    (void)context;
    return mtr_buffer_append(&out, piece.data, piece.size);
}

static int unpack(struct mtr_str bytes, size_t piece_bytes, struct mtr_diagnostic *diagnostic)
{
    struct mtr_unpack *unpack;
    mtr_buffer_init(&out, 1 << 22);
    const struct mtr_unpack_to to = {.on_text = on_text};
    assert_int_equal(mtr_unpack_open(&to, &unpack), MTR_OK);
    int rc = MTR_OK;
    for (size_t at = 0; !rc && at < bytes.size; at += piece_bytes) {
        const size_t left = bytes.size - at;
        rc = mtr_unpack_read(unpack, (struct mtr_str){bytes.data + at, left < piece_bytes ? left : piece_bytes}, diagnostic);
    }
    if (!rc) rc = mtr_unpack_end(unpack, diagnostic);
    mtr_unpack_close(unpack);
    return rc;
}

static size_t gzip(const char *from, size_t size, char *packed, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)from;
    z.avail_in = (uInt)size;
    z.next_out = (Bytef *)packed;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&z);
    return z.total_out;
}

static void check_text(size_t times)
{
    assert_int_equal(out.size, TEXT_SIZE * times);
    for (size_t i = 0; i < times; i++) assert_memory_equal(out.data + i * TEXT_SIZE, text, TEXT_SIZE);
    mtr_buffer_release(&out);
}

static void test_streams(void **state)
{
    (void)state;
    struct mtr_diagnostic diagnostic;
    static char packed[2 * PACKED_MAX];
    static const size_t pieces[] = {1, 7, 4096, PACKED_MAX};
    make_text();
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(unpack((struct mtr_str){text, TEXT_SIZE}, pieces[i], &diagnostic), MTR_OK);
        check_text(1);
        size_t size = gzip(text, TEXT_SIZE, packed, PACKED_MAX);
        assert_int_equal(unpack((struct mtr_str){packed, size}, pieces[i], &diagnostic), MTR_OK);
        check_text(1);
        size += gzip(text, TEXT_SIZE, packed + size, PACKED_MAX); /* one member behind another */
        memset(packed + size, 0, 100);                             /* and padding */
        assert_int_equal(unpack((struct mtr_str){packed, size + 100}, pieces[i], &diagnostic), MTR_OK);
        check_text(2);
        size = ZSTD_compress(packed, PACKED_MAX, text, TEXT_SIZE, 3);
        size += ZSTD_compress(packed + size, PACKED_MAX, text, TEXT_SIZE, 1);
        assert_int_equal(unpack((struct mtr_str){packed, size}, pieces[i], &diagnostic), MTR_OK);
        check_text(2);
    }
    for (size_t size = 0; size < 8; size++) { /* shorter than any mark */
        assert_int_equal(unpack((struct mtr_str){"a,b\nc,d", size}, 3, &diagnostic), MTR_OK);
        assert_int_equal(out.size, size);
        mtr_buffer_release(&out);
    }
}

/* Wherever it ends, or a byte is another. */
static void test_damage(void **state)
{
    (void)state;
    struct mtr_diagnostic diagnostic;
    static char packed[PACKED_MAX], damaged[PACKED_MAX];
    for (int is_zstd = 0; is_zstd < 2; is_zstd++) {
        size_t size = gzip("a,b\n1,2\n1,2\n", 12, packed, PACKED_MAX);
        if (is_zstd) {
            ZSTD_CCtx *context = ZSTD_createCCtx();
            assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)));
            size = ZSTD_compress2(context, packed, PACKED_MAX, "a,b\n1,2\n1,2\n", 12);
            (void)ZSTD_freeCCtx(context);
        }
        for (size_t cut = 6; cut < size; cut++) {
            assert_int_equal(unpack((struct mtr_str){packed, cut}, 5, &diagnostic), MTR_ECORRUPT);
            assert_non_null(strstr(diagnostic.text, "not whole"));
            mtr_buffer_release(&out);
        }
        for (size_t at = is_zstd ? 4 : 10; at < size; at++) {
            memcpy(damaged, packed, size);
            damaged[at] = (char)(damaged[at] ^ 0x41);
            assert_int_equal(unpack((struct mtr_str){damaged, size}, 5, &diagnostic), MTR_ECORRUPT);
            mtr_buffer_release(&out);
        }
    }
}

static void test_what_is_no_text(void **state)
{
    (void)state;
    static const struct {
        struct mtr_str bytes;
        const char *says;
    } kinds[] = {
        {{"\xff\xfeI\0d\0", 6}, "UTF-16"},      {{"\xfe\xff\0I\0d", 6}, "UTF-16"}, {{"I\0d\0,\0", 6}, "UTF-16"},
        {{"\xff\xfe\0\0I\0", 6}, "UTF-32"},     {{"BZh91AY", 7}, "bzip2"},         {{"\xfd" "7zXZ\0", 6}, "xz"},
        {{"PAR1\x15\x04", 6}, "Parquet"},        {{"%PDF-1.7", 8}, "PDF"},          {{"\xd0\xcf\x11\xe0\xa1\xb1", 6}, "Office"},
        {{"7z\xbc\xaf\x27\x1c", 6}, "7z"},
    };
    struct mtr_diagnostic diagnostic;
    char packed[200];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_int_equal(unpack(kinds[i].bytes, 3, &diagnostic), MTR_ECORRUPT);
        assert_non_null(strstr(diagnostic.text, kinds[i].says));
        mtr_buffer_release(&out);
        for (int is_zstd = 0; is_zstd < 2; is_zstd++) { /* also inside */
            const size_t size = is_zstd ? ZSTD_compress(packed, sizeof(packed), kinds[i].bytes.data, kinds[i].bytes.size, 1)
                                        : gzip(kinds[i].bytes.data, kinds[i].bytes.size, packed, sizeof(packed));
            assert_int_equal(unpack((struct mtr_str){packed, size}, 200, &diagnostic), MTR_ECORRUPT);
            assert_non_null(strstr(diagnostic.text, kinds[i].says));
            mtr_buffer_release(&out);
        }
    }
}

/* Only its beginning says what a text is: a later member may begin as it likes. */
static void test_text_that_goes_on_like_something_else(void **state)
{
    (void)state;
    struct mtr_diagnostic diagnostic;
    char packed[400];
    size_t size = gzip("", 0, packed, 200);
    size += gzip("a,b\n", 4, packed + size, 200);
    size += gzip("PAR1,%PDF\n", 10, packed + size, sizeof(packed) - size);
    for (size_t piece_bytes = 1; piece_bytes < 100; piece_bytes++) {
        assert_int_equal(unpack((struct mtr_str){packed, size}, piece_bytes, &diagnostic), MTR_OK);
        assert_int_equal(out.size, 14);
        assert_memory_equal(out.data, "a,b\nPAR1,%PDF\n", 14);
        mtr_buffer_release(&out);
    }
}

struct entry {
    const char *name;
    struct mtr_str bytes;
};

static int unzip(const struct entry *entries, size_t count, const char *wanted, struct mtr_diagnostic *diagnostic)
{
    char directory[DIRECTORY_PATH_BYTES], path[DIRECTORY_PATH_BYTES + 8];
    int error;
    make_temporary(directory);
    snprintf(path, sizeof(path), "%s/a.zip", directory);
    zip_t *zip = zip_open(path, ZIP_CREATE, &error);
    assert_non_null(zip);
    for (size_t i = 0; i < count; i++) {
        zip_source_t *source = zip_source_buffer(zip, entries[i].bytes.data, entries[i].bytes.size, 0);
        if (entries[i].bytes.data) assert_true(zip_file_add(zip, entries[i].name, source, 0) >= 0);
        else assert_true(zip_dir_add(zip, entries[i].name, 0) >= 0);
    }
    assert_int_equal(zip_close(zip), 0);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    mtr_buffer_init(&out, 1 << 16);
    const struct mtr_unpack_to to = {.on_text = on_text};
    int rc = mtr_unpack_zip(fileno(file), wanted, &to, diagnostic);
    fclose(file);
    remove_tree(directory);
    return rc;
}

static void test_zips(void **state)
{
    (void)state;
    char packed[200];
    const size_t size = gzip("c\n", 2, packed, sizeof(packed));
    const struct entry entries[] = {{"in/a.csv", {"a\n", 2}}, {"in/b.csv", {"b\n", 2}}, {"readme", {"x\n", 2}}, {"c.gz", {packed, size}}};
    const struct entry office = {"[Content_Types].xml", {"<x/>", 4}};
    static const struct {
        size_t from, count;
        const char *wanted, *expected; /* or what the refusal says */
        int rc;
    } cases[] = {
        {0, 1, NULL, "a\n", MTR_OK},        {0, 4, "*.csv", "a\nb\n", MTR_OK},    {0, 4, "in/b.csv", "b\n", MTR_OK},
        {3, 1, NULL, "c\n", MTR_OK},        {0, 4, NULL, "several files", MTR_ECORRUPT}, {0, 4, "*.tsv", "matches", MTR_ECORRUPT},
    };
    struct mtr_diagnostic diagnostic;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(unzip(entries + cases[i].from, cases[i].count, cases[i].wanted, &diagnostic), cases[i].rc);
        assert_int_equal(mtr_buffer_append_char(&out, '\0'), 0);
        if (cases[i].rc) assert_non_null(strstr(diagnostic.text, cases[i].expected));
        else assert_string_equal(out.data, cases[i].expected);
        mtr_buffer_release(&out);
    }
    assert_int_equal(unzip(&office, 1, NULL, &diagnostic), MTR_ECORRUPT);
    assert_non_null(strstr(diagnostic.text, "Office"));
    mtr_buffer_release(&out);
    assert_true(mtr_unpack_is_zip((struct mtr_str){"PK\3\4x", 5}));
    assert_false(mtr_unpack_is_zip((struct mtr_str){"PK", 2}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_streams), cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_what_is_no_text),
                                       cmocka_unit_test(test_text_that_goes_on_like_something_else), cmocka_unit_test(test_zips)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
