/*
 * Any bytes in one of the encodings, which the first byte chooses: whatever the pieces that they come in, the same
 * text comes out, which is UTF-8 and what iconv makes of all of it at once; or the same refusal.
 */
#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/collector/transcode.h"
#include "meterd/core/buffer.h"
#include "meterd/source/encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 8192, TEXT_BYTES_MAX = 1 << 20 };

/* Of one byte a character, of several, with a shift state, and such as hold a character back until the next one. */
static const char *const encodings[] = {
    "windows-1251", "ISO-8859-15", "UTF-16",      "UTF-16LE",      "UTF-32",       "SHIFT_JIS", "GB18030",     "BIG5-HKSCS",
    "EUC-JISX0213", "CP1258",      "TCVN5712-1",  "UTF-7",         "ISO-2022-JP",  "EUC-KR",    "ISO-2022-KR", "UTF-8",
    "ISO-2022-CN",  "IBM037",      "SHIFT_JISX0213", "ISO-2022-JP-3", "EUC-TW",    "JOHAB",     "HZ",          "ISO-10646/UCS2",
};
enum { ENCODINGS = sizeof(encodings) / sizeof(*encodings) };

static int on_text(void *context, struct mtr_str piece)
{
    MTR_ASSERT(piece.size > 0);
    return mtr_buffer_append(context, piece.data, piece.size);
}

static int read_all(const char *encoding, struct mtr_str text, size_t piece, struct mtr_buffer *out, struct mtr_diagnostic *diagnostic)
{
    struct mtr_transcode *transcode;
    mtr_buffer_init(out, TEXT_BYTES_MAX);
    int rc = mtr_transcode_open(encoding, on_text, out, &transcode);
    MTR_ASSERT(rc == MTR_OK);
    for (size_t at = 0; !rc && at < text.size; at += piece)
        rc = mtr_transcode_read(transcode, (struct mtr_str){text.data + at, text.size - at < piece ? text.size - at : piece}, diagnostic);
    if (!rc) rc = mtr_transcode_end(transcode, diagnostic);
    mtr_transcode_close(transcode);
    MTR_ASSERT(rc == MTR_OK || (rc == MTR_ECORRUPT && diagnostic->text[0]));
    return rc;
}

/* The whole by iconv(3): true where it takes all of it. */
static bool convert(const char *encoding, struct mtr_str text, char *out, size_t *out_size)
{
    static char in[INPUT_BYTES_MAX];
    char *from = in, *to = out;
    size_t left = text.size, room = TEXT_BYTES_MAX;
    const iconv_t converter = iconv_open("UTF-8", encoding);
    MTR_ASSERT(converter != (iconv_t)-1); /* NOLINT: the value of an error */
    if (text.size) memcpy(in, text.data, text.size);
    const bool is_whole = iconv(converter, &from, &left, &to, &room) != (size_t)-1 && iconv(converter, NULL, NULL, &to, &room) != (size_t)-1;
    (void)iconv_close(converter);
    *out_size = TEXT_BYTES_MAX - room;
    return is_whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char expected[TEXT_BYTES_MAX];
    struct mtr_buffer whole, pieces;
    struct mtr_diagnostic first = {.text = ""}, second = {.text = ""};
    size_t expected_size;
    if (!size || size > INPUT_BYTES_MAX) return 0;
    const char *encoding = encodings[data[0] % ENCODINGS];
    if (!mtr_encoding_is_known(encoding)) return 0; /* this machine has no such module */
    const struct mtr_str text = {(const char *)data + 1, size - 1};
    const int rc = read_all(encoding, text, size, &whole, &first), again = read_all(encoding, text, 1 + size % 5, &pieces, &second);
    MTR_ASSERT(rc == again && strcmp(first.text, second.text) == 0);
    MTR_ASSERT(mtr_str_equal(mtr_buffer_str(&whole), mtr_buffer_str(&pieces)));
    if (strcmp(encoding, "UTF-8") != 0) MTR_ASSERT(mtr_str_is_utf8(mtr_buffer_str(&whole))); /* that one iconv passes on, whatever it is */
    const bool is_whole = convert(encoding, text, expected, &expected_size);
    MTR_ASSERT(is_whole == !rc);
    MTR_ASSERT(rc || mtr_str_equal(mtr_buffer_str(&whole), (struct mtr_str){expected, expected_size}));
    mtr_buffer_release(&whole);
    mtr_buffer_release(&pieces);
    return 0;
}
