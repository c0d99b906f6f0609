/*
 * Text of other encodings as UTF-8, whatever the pieces that it comes in; bytes that an encoding does not
 * have say where they stand.
 */
#include "meterd/collector/transcode.h"
#include "meterd/source/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/buffer.h"

static struct mtr_buffer out;

static int on_text(void *context, struct mtr_str piece)
{
    (void)context;
    return mtr_buffer_append(&out, piece.data, piece.size);
}

static int read_all(const char *encoding, struct mtr_str text, size_t piece_bytes, struct mtr_diagnostic *diagnostic)
{
    struct mtr_transcode *transcode;
    mtr_buffer_init(&out, 1 << 20);
    assert_int_equal(mtr_transcode_open(encoding, on_text, NULL, &transcode), MTR_OK);
    int rc = MTR_OK;
    for (size_t at = 0; !rc && at < text.size; at += piece_bytes) {
        const size_t left = text.size - at;
        rc = mtr_transcode_read(transcode, (struct mtr_str){text.data + at, left < piece_bytes ? left : piece_bytes}, diagnostic);
    }
    if (!rc) rc = mtr_transcode_end(transcode, diagnostic);
    mtr_transcode_close(transcode);
    assert_int_equal(mtr_buffer_append_char(&out, '\0'), 0);
    return rc;
}

static void test_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *encoding;
        struct mtr_str text;
        const char *expected; /* or what the refusal says */
        int rc;
    } rows[] = {
        {"windows-1251", {"\xd7\xe0\xf1;1", 5}, "Час;1", MTR_OK},
        {"ISO-8859-15", {"5 \xa4", 3}, "5 €", MTR_OK},
        {"UTF-16", {"\xff\xfe" "I\0d\0\xac\x20", 8}, "Id€", MTR_OK},
        {"UTF-16BE", {"\0I\xd8\x3d\xde\x00", 6}, "I😀", MTR_OK},
        {"SHIFT_JIS", {"\x8e\x9e\x8a\xd4,1", 6}, "時間,1", MTR_OK},
        {"GB18030", {"\xca\xb1\xbc\xe4\x81\x30\x81\x30", 8}, "时间\xc2\x80", MTR_OK},
        {"windows-1251", {"", 0}, "", MTR_OK},
        {"CP1258", {"Ti\xea\xecng", 6}, "Tiếng", MTR_OK}, /* a letter waits for its accent, also the last one */
        {"BIG5-HKSCS", {"\x88\x66", 2}, "Ê", MTR_OK},
        {"ISO-2022-JP-3", {"a\x1b\x1b)C", 5}, "a\x1b\x1b)C", MTR_OK}, /* one that is no shift, and what may be one */
        {"SHIFT_JIS", {"a\x8e\x20", 3}, "is not the mapping's encoding SHIFT_JIS, at byte 2", MTR_ECORRUPT},
        {"SHIFT_JIS", {"ab\x8e", 3}, "ends inside of a character of SHIFT_JIS, at byte 3", MTR_ECORRUPT},
        {"UTF-8", {"ok\xff", 3}, "is not the mapping's encoding UTF-8, at byte 3", MTR_ECORRUPT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t piece_bytes = 1; piece_bytes <= 9; piece_bytes++) {
            struct mtr_diagnostic diagnostic;
            assert_int_equal(read_all(rows[i].encoding, rows[i].text, piece_bytes, &diagnostic), rows[i].rc);
            assert_string_equal(rows[i].rc ? diagnostic.text : out.data, rows[i].expected);
            mtr_buffer_release(&out);
        }
}

/* Text that is longer than what is converted at a time. */
static void test_long_text(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    static char text[COUNT];
    struct mtr_diagnostic diagnostic;
    memset(text, 0xd7, sizeof(text));
    assert_int_equal(read_all("windows-1251", (struct mtr_str){text, COUNT}, COUNT, &diagnostic), MTR_OK);
    assert_int_equal(out.size, 2 * COUNT + 1);
    for (size_t i = 0; i < COUNT; i++) assert_memory_equal(out.data + 2 * i, "Ч", 2);
    mtr_buffer_release(&out);
    assert_true(mtr_encoding_is_known("KOI8-R"));
    assert_false(mtr_encoding_is_known("windows-12510"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces), cmocka_unit_test(test_long_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
