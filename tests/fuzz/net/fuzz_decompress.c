/*
 * Fuzzing of gzip and zstd bodies: the first byte chooses the encoding. The output never passes its cap, and
 * its last byte may be read. What comes out, and what went in, is coded again in pieces and decodes to the same.
 */
#include <stdint.h>
#include <string.h>

#include "meterd/net/coding.h"
#include "tests/fuzz/collector/decode_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(enum mtr_coding coding, struct mtr_str text, size_t piece, struct mtr_arena *arena)
{
    struct mtr_coding_writer writer = {.coding = coding};
    struct mtr_buffer coded;
    struct mtr_decoded again;
    struct mtr_diagnostic diagnostic;
    int rc = MTR_OK;
    bool is_last = false;
    mtr_buffer_init(&coded, 4 << 20);
    for (size_t at = 0; !rc && !is_last; at += piece) {
        const size_t left = text.size - at;
        is_last = left <= piece;
        rc = mtr_coding_write(&writer, (struct mtr_str){text.data + at, is_last ? left : piece}, is_last, &coded);
    }
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_coding_decode(coding, mtr_buffer_str(&coded), LAW_BODY_MAX, arena, &again, &diagnostic);
    MTR_ASSERT(rc == MTR_OK && mtr_str_equal(text, (struct mtr_str){again.text, again.size}));
    mtr_buffer_release(&coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_arena arena;
    struct mtr_diagnostic diagnostic;
    struct mtr_decoded plain;
    if (size == 0) return 0;
    const struct mtr_str body = {(const char *)data + 1, size - 1};
    enum mtr_coding coding = data[0] % 2 ? MTR_CODING_GZIP : MTR_CODING_ZSTD;
    mtr_arena_init(&arena, 4096, 4 << 20);
    int rc = mtr_coding_decode(coding, body, LAW_BODY_MAX, &arena, &plain, &diagnostic);
    MTR_ASSERT(rc != MTR_OK || plain.size <= LAW_BODY_MAX);
    if (rc == MTR_OK && plain.size) {
        volatile char last = plain.text[plain.size - 1];
        (void)last;
        check_written(coding, (struct mtr_str){plain.text, plain.size}, 1 + plain.size / 3, &arena);
    }
    if (rc == MTR_EINVALID) MTR_ASSERT(diagnostic.offset <= size - 1);
    check_written(coding, body, 1 + data[0] % 8 + body.size / 16, &arena);
    mtr_arena_release(&arena);
    return 0;
}
