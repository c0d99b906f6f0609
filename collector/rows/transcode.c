/*
 * What iconv leaves of a piece, the beginning of a character, is kept for the next one.
 */
#include "meterd/collector/transcode.h"

#include <errno.h>
#include <iconv.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 32 << 10, CHARACTER_BYTES_MAX = 16 };

struct mtr_transcode {
    iconv_t converter;
    mtr_on_text on_text;
    void *context;
    const char *encoding;
    char begun[CHARACTER_BYTES_MAX]; /* of a character */
    size_t begun_bytes;
    uint64_t done_bytes;
    char text[TEXT_BYTES];
};

#define NO_CONVERTER ((iconv_t)-1)

int mtr_transcode_open(const char *encoding, mtr_on_text on_text, void *context, struct mtr_transcode **out)
{
    struct mtr_transcode *transcode = calloc(1, sizeof(*transcode));
    if (!transcode) return MTR_ENOMEM;
    transcode->converter = iconv_open("UTF-8", encoding);
    transcode->encoding = encoding;
    transcode->on_text = on_text;
    transcode->context = context;
    if (transcode->converter == NO_CONVERTER) {
        free(transcode);
        return MTR_ENOMEM; /* the encoding is known */
    }
    *out = transcode;
    return MTR_OK;
}

void mtr_transcode_close(struct mtr_transcode *transcode)
{
    if (!transcode) return;
    (void)iconv_close(transcode->converter);
    free(transcode);
}

static int fail(const struct mtr_transcode *transcode, struct mtr_diagnostic *diagnostic, const char *what)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_IMPORT_BYTES, 1, 0, NULL, "%s %s, at byte %" PRIu64, what,
                       transcode->encoding, transcode->done_bytes + 1);
    return MTR_ECORRUPT;
}

/* As much of it as there are whole characters: *left bytes are of one that has begun. */
static int convert(struct mtr_transcode *transcode, struct mtr_str piece, size_t *left,
                   struct mtr_diagnostic *diagnostic)
{
    union {
        const char *borrowed;
        char *data;
    } in = {.borrowed = piece.data}; /* iconv takes char ** but does not write there */
    *left = piece.size;
    for (int error = E2BIG; error == E2BIG;) {
        char *text = transcode->text;
        size_t room = TEXT_BYTES;
        const size_t before = *left;
        error = iconv(transcode->converter, &in.data, left, &text, &room) == (size_t)-1 ? errno : 0;
        transcode->done_bytes += before - *left;
        const struct mtr_str done = {transcode->text, TEXT_BYTES - room};
        int rc = done.size ? transcode->on_text(transcode->context, done) : MTR_OK;
        if (rc) return rc;
        if (error && error != E2BIG && error != EINVAL)
            return fail(transcode, diagnostic, "is not the mapping's encoding");
    }
    return MTR_OK;
}

/* The character that the piece before has begun, with the bytes of this one that end it. */
static int end_begun(struct mtr_transcode *transcode, struct mtr_str *piece,
                     struct mtr_diagnostic *diagnostic)
{
    while (transcode->begun_bytes && piece->size) {
        size_t left;
        transcode->begun[transcode->begun_bytes++] = *piece->data++;
        piece->size--;
        const struct mtr_str begun = {transcode->begun, transcode->begun_bytes};
        int rc = convert(transcode, begun, &left, diagnostic);
        if (rc) return rc;
        /* Of a shift and a character behind it the shift may be done. */
        memmove(transcode->begun, transcode->begun + transcode->begun_bytes - left, left);
        transcode->begun_bytes = left;
        if (left == CHARACTER_BYTES_MAX) return fail(transcode, diagnostic, "is not the mapping's encoding");
    }
    return MTR_OK;
}

int mtr_transcode_read(struct mtr_transcode *transcode, struct mtr_str piece,
                       struct mtr_diagnostic *diagnostic)
{
    size_t left = 0;
    int rc = end_begun(transcode, &piece, diagnostic);
    if (!rc && piece.size) rc = convert(transcode, piece, &left, diagnostic);
    if (rc || !left) return rc;
    if (left >= CHARACTER_BYTES_MAX)
        return fail(transcode, diagnostic, "is not the mapping's encoding");
    memcpy(transcode->begun, piece.data + piece.size - left, left);
    transcode->begun_bytes = left;
    return MTR_OK;
}

/* Where a letter and its accent are two characters, iconv holds the letter back until it sees the next. */
int mtr_transcode_end(struct mtr_transcode *transcode, struct mtr_diagnostic *diagnostic)
{
    char *text = transcode->text;
    size_t room = TEXT_BYTES;
    if (transcode->begun_bytes) return fail(transcode, diagnostic, "ends inside of a character of");
    if (iconv(transcode->converter, NULL, NULL, &text, &room) == (size_t)-1)
        return fail(transcode, diagnostic, "is not the mapping's encoding");
    const struct mtr_str rest = {transcode->text, TEXT_BYTES - room};
    return rest.size ? transcode->on_text(transcode->context, rest) : MTR_OK;
}
