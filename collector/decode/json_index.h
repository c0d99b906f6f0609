/*
 * Where the tokens of a JSON text are: simdjson's first stage behind a C header.
 *
 * The index lists the byte offset of every bracket, colon, comma and scalar outside of strings, in order; the
 * text's size stands after the last. A closing quote is not listed: it is the last byte before the next token
 * that is no white space. Grammar is the reader's business (json_cursor.h), so that one bad event need not
 * take its batch along.
 */
#ifndef METERD_COLLECTOR_DECODE_JSON_INDEX_H
#define METERD_COLLECTOR_DECODE_JSON_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mtr_json_index {
    /* Count of them, then the text's size; borrowed until the next build of this thread. */
    const uint32_t *offsets;
    uint32_t count;
    bool utf8_ok; /* false: tokens are right, some byte of the text is not UTF-8 */
};

/* The scratch memory is one per thread and kept between calls up to a bound; it carries nothing from call
 * to call. MTR_EINVALID: a string without an end, a raw control character in a string, or not UTF-8 beyond
 * repair. MTR_ELIMIT: 4 GiB and more. MTR_ENOMEM. */
int json_index_build(struct mtr_str text, struct mtr_json_index *out) MTR_MUST_USE;

#ifdef __cplusplus
}
#endif

#endif
