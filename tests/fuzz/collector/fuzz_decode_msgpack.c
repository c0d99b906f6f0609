/*
 * Fuzzing of msgpack bodies: maps, lists of maps, compact rows.
 */
#include <stdint.h>

#include "tests/fuzz/collector/decode_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_decode((struct mtr_decode_input){.body = {(const char *)data, size},
                                           .content_type = MTR_STR("application/msgpack")});
    return 0;
}
