/*
 * Escapes and query strings: what is decoded is UTF-8 without NUL and comes back out of its own encoding; any text's
 * encoding is of few characters and decodes to it; a query in the spelling of signatures stays as it is.
 */
#include <stdint.h>
#include <string.h>

#include "meterd/net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES_MAX = 16 << 20 };

static bool is_key(struct mtr_str text)
{
    return mtr_str_is_utf8(text) && (!text.size || !memchr(text.data, '\0', text.size));
}

static void check_decoded(struct mtr_str text, struct mtr_arena *arena)
{
    struct mtr_buffer encoded;
    struct mtr_str again;
    MTR_ASSERT(is_key(text));
    mtr_buffer_init(&encoded, ARENA_BYTES_MAX);
    int rc = mtr_percent_encode(&encoded, text);
    MTR_ASSERT(rc == MTR_OK);
    for (size_t i = 0; i < encoded.size; i++)
        MTR_ASSERT(encoded.data[i] > ' ' && encoded.data[i] < 0x7f && !strchr("/?#&=+\"<>", encoded.data[i]));
    rc = mtr_percent_decode(mtr_buffer_str(&encoded), arena, &again);
    MTR_ASSERT(rc == MTR_OK && mtr_str_equal(text, again));
    mtr_buffer_release(&encoded);
}

static void check_query(const struct mtr_query *query, struct mtr_arena *arena)
{
    struct mtr_buffer sorted, again;
    struct mtr_query parsed;
    mtr_buffer_init(&sorted, ARENA_BYTES_MAX);
    mtr_buffer_init(&again, ARENA_BYTES_MAX);
    for (uint32_t i = 0; i < query->count; i++) MTR_ASSERT(is_key(query->parameters[i].name) && is_key(query->parameters[i].value));
    int rc = mtr_query_write_sorted(&sorted, query, arena);
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_query_parse(mtr_buffer_str(&sorted), arena, &parsed);
    MTR_ASSERT(rc == MTR_OK && parsed.count == query->count);
    rc = mtr_query_write_sorted(&again, &parsed, arena);
    MTR_ASSERT(rc == MTR_OK && mtr_str_equal(mtr_buffer_str(&sorted), mtr_buffer_str(&again)));
    mtr_buffer_release(&sorted);
    mtr_buffer_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mtr_str text = {(const char *)data, size};
    struct mtr_str decoded;
    struct mtr_query query;
    struct mtr_arena arena;
    mtr_arena_init(&arena, 4096, ARENA_BYTES_MAX);
    if (is_key(text)) check_decoded(text, &arena);
    int rc = mtr_percent_decode(text, &arena, &decoded);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_EINVALID);
    if (!rc) check_decoded(decoded, &arena);
    rc = mtr_query_parse(text, &arena, &query);
    MTR_ASSERT((rc == MTR_OK && query.count <= MTR_QUERY_PARAMETERS_MAX) || rc == MTR_EINVALID || rc == MTR_ELIMIT);
    if (!rc) check_query(&query, &arena);
    mtr_arena_release(&arena);
    return 0;
}
