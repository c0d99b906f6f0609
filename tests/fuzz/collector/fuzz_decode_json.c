/*
 * Fuzzing of JSON, NDJSON and binary mode: the first byte chooses, the rest is the body.
 */
#include <stdint.h>

#include "tests/fuzz/collector/decode_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"application/json", "application/x-ndjson",
                                        "application/cloudevents-batch+json", ""};
    static const struct mtr_decode_header headers[] = {
        {{"specversion", 11}, {"1.0", 3}}, {{"id", 2}, {"e", 1}}, {{"type", 4}, {"t", 1}}, {{"subject", 7}, {"s", 1}}};
    if (size == 0) return 0;
    unsigned choice = data[0] % 4;
    struct mtr_decode_input input = {.body = {(const char *)data + 1, size - 1},
                                     .content_type = mtr_str_from(types[choice])};
    if (choice == 3) {
        input.headers = headers;
        input.header_count = sizeof(headers) / sizeof(*headers);
    }
    check_decode(input);
    return 0;
}
