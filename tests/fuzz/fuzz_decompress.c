/*
 * Fuzzing of gzip and zstd bodies: the first byte chooses the encoding. The output never passes its cap, and its last byte may be read.
 */
#include <stdint.h>

#include "collector/decode/decompress.h"
#include "tests/fuzz/decode_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_arena arena;
    struct mtr_diagnostic diagnostic;
    char *text;
    size_t text_bytes;
    if (size == 0) return 0;
    struct mtr_str encoding = data[0] % 2 ? MTR_STR("gzip") : MTR_STR("zstd");
    mtr_arena_init(&arena, 4096, 4 << 20);
    int rc = decode_decompress(encoding, (struct mtr_str){(const char *)data + 1, size - 1}, LAW_BODY_MAX, &arena, &text, &text_bytes,
                            &diagnostic);
    MTR_ASSERT(rc != MTR_OK || text_bytes <= LAW_BODY_MAX);
    if (rc == MTR_OK && text_bytes) {
        volatile char last = text[text_bytes - 1];
        (void)last;
    }
    if (rc == MTR_EINVALID) MTR_ASSERT(diagnostic.offset <= size - 1);
    mtr_arena_release(&arena);
    return 0;
}
