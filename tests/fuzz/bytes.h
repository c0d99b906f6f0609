/*
 * Fields out of a fuzz target's input, one behind the other: short input is zeros and empty texts.
 */
#ifndef METERD_TESTS_FUZZ_BYTES_H
#define METERD_TESTS_FUZZ_BYTES_H

#include <stdint.h>

#include "meterd/core/str.h"

struct bytes {
    const uint8_t *at, *end;
};

static inline uint8_t take_u8(struct bytes *bytes)
{
    return bytes->at < bytes->end ? *bytes->at++ : 0;
}

static inline uint64_t take_number(struct bytes *bytes, unsigned size)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < size; i++) number = number << 8 | take_u8(bytes);
    return number;
}

/* Of the size that a byte says. */
static inline struct mtr_str take_text(struct bytes *bytes)
{
    size_t size = take_u8(bytes);
    if (size > (size_t)(bytes->end - bytes->at)) size = (size_t)(bytes->end - bytes->at);
    const struct mtr_str text = {(const char *)bytes->at, size};
    bytes->at += size;
    return text;
}

static inline struct mtr_str take_rest(struct bytes *bytes)
{
    const struct mtr_str text = {(const char *)bytes->at, (size_t)(bytes->end - bytes->at)};
    bytes->at = bytes->end;
    return text;
}

#endif
