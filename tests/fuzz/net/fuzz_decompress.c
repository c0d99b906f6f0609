/*
 * Fuzzing of gzip and zstd bodies: the first byte chooses the encoding. The output never passes its cap, and
 * its last byte may be read.
 */
#include <stdint.h>

#include "meterd/net/coding.h"
#include "tests/fuzz/collector/decode_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_arena arena;
    struct mtr_diagnostic diagnostic;
    struct mtr_decoded plain;
    if (size == 0) return 0;
    enum mtr_coding coding = data[0] % 2 ? MTR_CODING_GZIP : MTR_CODING_ZSTD;
    mtr_arena_init(&arena, 4096, 4 << 20);
    int rc = mtr_coding_decode(coding, (struct mtr_str){(const char *)data + 1, size - 1}, LAW_BODY_MAX,
                               &arena, &plain, &diagnostic);
    MTR_ASSERT(rc != MTR_OK || plain.size <= LAW_BODY_MAX);
    if (rc == MTR_OK && plain.size) {
        volatile char last = plain.text[plain.size - 1];
        (void)last;
    }
    if (rc == MTR_EINVALID) MTR_ASSERT(diagnostic.offset <= size - 1);
    mtr_arena_release(&arena);
    return 0;
}
