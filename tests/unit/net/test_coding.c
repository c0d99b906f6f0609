/*
 * Content codings: what Accept-Encoding chooses, and that a body written in any pieces is read back as it
 * was, also by readers that stop at the end of the first gzip member.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "meterd/net/coding.h"

enum { NONE = -1, TEXT_BYTES = 300000, CODED_BYTES_MAX = 1 << 20 };

static void choice(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int coding;
    } rows[] = {
        {"", MTR_CODING_IDENTITY},
        {"gzip", MTR_CODING_GZIP},
        {"x-gzip", MTR_CODING_GZIP},
        {"GZIP , br", MTR_CODING_GZIP},
        {"zstd", MTR_CODING_ZSTD},
        {"gzip, zstd", MTR_CODING_ZSTD},
        {"gzip, deflate, br, zstd", MTR_CODING_ZSTD},
        {"gzip;q=0.9, zstd;q=0.8", MTR_CODING_GZIP},
        {"gzip ; q=0.5,\tzstd;q=0.001", MTR_CODING_GZIP},
        {"gzip;q=0", MTR_CODING_IDENTITY},
        {"gzip;q=0.000", MTR_CODING_IDENTITY},
        {"*", MTR_CODING_ZSTD},
        {"*, zstd;q=0", MTR_CODING_GZIP},
        {"*;q=0", NONE},
        {"*;q=0, gzip", MTR_CODING_GZIP},
        {"*;q=0, identity", MTR_CODING_IDENTITY},
        {"identity;q=0", NONE},
        {"identity;q=0, br", NONE},
        {"identity;q=0, br, gzip;q=0.1", MTR_CODING_GZIP},
        {"identity, gzip;q=0.5", MTR_CODING_IDENTITY},
        {"identity;q=0.2, gzip;q=0.5", MTR_CODING_GZIP},
        {"deflate, br", MTR_CODING_IDENTITY},
        {"gzip;q=2", MTR_CODING_IDENTITY},
        {"gzip;q=1.0001", MTR_CODING_IDENTITY},
        {"gzip;q=1.001", MTR_CODING_IDENTITY},
        {"gzip;q=1.000", MTR_CODING_GZIP},
        {"gzip;level=9", MTR_CODING_IDENTITY},
        {",,gzip,,", MTR_CODING_GZIP},
        {";q=1", MTR_CODING_IDENTITY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum mtr_coding coding;
        const bool is_chosen = mtr_coding_choose(mtr_str_from(rows[i].header), &coding);
        if ((is_chosen ? (int)coding : NONE) != rows[i].coding)
            fail_msg("\"%s\": %d, not %d", rows[i].header, is_chosen ? (int)coding : NONE, rows[i].coding);
    }
}

/* Text that compresses, with stretches that do not. */
static void fill_text(char *text, size_t size)
{
    uint32_t random = 12345;
    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        text[i] = i / 5000 % 3 == 1 ? (char)(random >> 24) : "{\"quantity\":\"12.5\"},"[i % 20];
    }
}

/* One member from the first byte to the last, and its text. */
static void check_one_member(const struct mtr_buffer *coded, const char *text, size_t size)
{
    z_stream stream = {0};
    char *plain = malloc(size + 1);
    assert_non_null(plain);
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = (Bytef *)coded->data;
    stream.avail_in = (uInt)coded->size;
    stream.next_out = (Bytef *)plain;
    stream.avail_out = (uInt)(size + 1);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.total_out, size);
    assert_memory_equal(plain, text, size);
    inflateEnd(&stream);
    free(plain);
}

static void check_pieces(enum mtr_coding coding, const char *text, size_t size, size_t piece_bytes)
{
    struct mtr_coding_writer writer = {.coding = coding};
    struct mtr_buffer coded;
    struct mtr_arena arena;
    struct mtr_decoded plain;
    struct mtr_diagnostic diagnostic;
    mtr_buffer_init(&coded, CODED_BYTES_MAX);
    mtr_arena_init(&arena, 4096, 32 << 20);
    for (size_t at = 0; at < size; at += piece_bytes) {
        const size_t left = size - at;
        assert_int_equal(
            mtr_coding_write(&writer, (struct mtr_str){text + at, left < piece_bytes ? left : piece_bytes},
                             false, &coded),
            MTR_OK);
    }
    assert_int_equal(mtr_coding_write(&writer, (struct mtr_str){NULL, 0}, true, &coded), MTR_OK);
    assert_int_equal(mtr_coding_decode(coding, mtr_buffer_str(&coded), size, &arena, &plain, &diagnostic),
                     MTR_OK);
    assert_int_equal(plain.size, size);
    if (size) assert_memory_equal(plain.text, text, size);
    if (size) /* a byte more than may be */
        assert_int_equal(mtr_coding_decode(coding, mtr_buffer_str(&coded), size - 1, &arena, &plain, &diagnostic), MTR_ELIMIT);
    if (coding == MTR_CODING_GZIP) check_one_member(&coded, text, size);
    if (coding != MTR_CODING_IDENTITY && size == TEXT_BYTES && piece_bytes >= 1000)
        assert_true(coded.size < size / 2);
    mtr_arena_release(&arena);
    mtr_buffer_release(&coded);
}

static void pieces(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 999, 65536, TEXT_BYTES},
                        piece_bytes[] = {1, 7, 1000, 65536, TEXT_BYTES};
    char *text = malloc(TEXT_BYTES);
    assert_non_null(text);
    fill_text(text, TEXT_BYTES);
    for (int coding = MTR_CODING_IDENTITY; coding <= MTR_CODING_ZSTD; coding++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            for (size_t j = 0; j < sizeof(piece_bytes) / sizeof(piece_bytes[0]); j++)
                if (sizes[i] / piece_bytes[j] <= 1000)
                    check_pieces((enum mtr_coding)coding, text, sizes[i], piece_bytes[j]);
    free(text);
}

/* A full buffer is an error, not a body that is cut. */
static void full(void **state)
{
    (void)state;
    char text[5000];
    fill_text(text, sizeof(text));
    for (int coding = MTR_CODING_IDENTITY; coding <= MTR_CODING_ZSTD; coding++) {
        struct mtr_coding_writer writer = {.coding = (enum mtr_coding)coding};
        struct mtr_buffer out;
        mtr_buffer_init(&out, 100);
        assert_int_equal(mtr_coding_write(&writer, (struct mtr_str){text, sizeof(text)}, true, &out),
                         MTR_ELIMIT);
        mtr_buffer_release(&out);
    }
}

/* Who unpacks needs as much memory as the window that a frame asks for, whatever is in it. */
static void window_of(int log, int wanted)
{
    static char packed[4096];
    const char text[] = "{}";
    struct mtr_arena arena;
    struct mtr_decoded plain;
    struct mtr_diagnostic diagnostic;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_outBuffer to = {packed, sizeof(packed), 0};
    ZSTD_inBuffer from = {text, 1, 0}, rest = {text + 1, 1, 0};
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, log)));
    assert_false(ZSTD_isError(ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush))); /* how much comes is not said */
    assert_int_equal(ZSTD_compressStream2(context, &to, &rest, ZSTD_e_end), 0);
    ZSTD_freeCCtx(context);
    mtr_arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(mtr_coding_decode(MTR_CODING_ZSTD, (struct mtr_str){packed, to.pos}, 100, &arena, &plain, &diagnostic), wanted);
    mtr_arena_release(&arena);
}

static void windows(void **state)
{
    (void)state;
    window_of(23, MTR_OK);
    window_of(24, MTR_EINVALID);
}

static void names(void **state)
{
    (void)state;
    enum mtr_coding coding;
    assert_true(mtr_coding_from_name(MTR_STR(""), &coding) && coding == MTR_CODING_IDENTITY);
    assert_true(mtr_coding_from_name(MTR_STR("ZStd"), &coding) && coding == MTR_CODING_ZSTD);
    assert_true(mtr_coding_from_name(MTR_STR("X-GZIP"), &coding) && coding == MTR_CODING_GZIP);
    assert_false(mtr_coding_from_name(MTR_STR("br"), &coding));
    assert_false(mtr_coding_from_name(MTR_STR("gzip "), &coding));
    assert_true(mtr_str_equal(mtr_coding_name(MTR_CODING_GZIP), MTR_STR("gzip")));
    assert_true(mtr_str_equal(mtr_coding_name(MTR_CODING_ZSTD), MTR_STR("zstd")));
    assert_true(mtr_str_equal(mtr_coding_name(MTR_CODING_IDENTITY), MTR_STR("identity")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choice),
        cmocka_unit_test(pieces),
        cmocka_unit_test(full),
        cmocka_unit_test(windows),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
