/*
 * What a vendor sends that is no usage: when to come again, where to go on, and what is signed and shown of it.
 * The first byte chooses.
 *
 *   0  Retry-After: a wait is within its bounds, and a date's own instant gives the same wait; among headers the longest
 *   1  URLs: what is cut is written back to the same parts, for the same host
 *   2  path and query of a signature: the spelling that is signed is signed the same again
 *   3  masking of a text: nothing that is secret is left; 4 of a URL, 5 of links in a text, 6 of a header
 */
#include <string.h>

#include "collector/source/mask/mask.h"
#include "collector/source/call.h"
#include "collector/source/limits/retry_after.h"
#include "meterd/net/sign_aws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_US (INT64_C(1784112000) * 1000000)

static void come_again(struct mtr_str text)
{
    int64_t wait_us, at_us;
    const bool is_known = retry_after_parse(text, NOW_US, &wait_us), is_date = http_date_parse(text, &at_us);
    MTR_ASSERT(!is_known || (wait_us >= 0 && wait_us <= RETRY_AFTER_US_MAX));
    MTR_ASSERT(!is_date || (is_known && at_us >= 0 && at_us % 1000000 == 0));
    if (is_date && at_us > NOW_US && at_us - NOW_US <= RETRY_AFTER_US_MAX) MTR_ASSERT(wait_us == at_us - NOW_US);
}

static void come_again_of(struct mtr_str text)
{
    static const struct mtr_str names[] = {{"retry-after", 11}, {"x-reset", 7}};
    struct mtr_http_answer answer;
    mtr_http_answer_init(&answer);
    int rc = mtr_buffer_append_str(&answer.headers, MTR_STR("X-Reset: 7\r\n"));
    if (!rc) rc = mtr_buffer_append_str(&answer.headers, text);
    MTR_ASSERT(rc == MTR_OK);
    const int64_t usual_us = retry_after_of(&answer, NULL, 0, NOW_US), both_us = retry_after_of(&answer, names, 2, NOW_US);
    MTR_ASSERT(usual_us >= 0 && usual_us <= both_us && both_us >= 7 * INT64_C(1000000) && both_us <= RETRY_AFTER_US_MAX);
    mtr_http_answer_release(&answer);
}

static bool is_same(struct mtr_str a, struct mtr_str b)
{
    return mtr_str_equal(a, b);
}

static void go_on(struct mtr_str text, struct mtr_arena *arena)
{
    struct source_call call = {0}, again = {0};
    struct mtr_buffer url;
    if (source_call_set_url(&call, text, arena)) return;
    mtr_buffer_init(&url, 1 << 20);
    MTR_ASSERT(call.host.size && call.port && call.path.size && call.path.data[0] == '/');
    MTR_ASSERT(!memchr(call.host.data, '@', call.host.size) && !memchr(call.host.data, '/', call.host.size));
    int rc = source_call_write_url(&call, &url);
    if (!rc) rc = source_call_set_url(&again, mtr_buffer_str(&url), arena);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ELIMIT);
    if (!rc)
        MTR_ASSERT(call.is_https == again.is_https && call.port == again.port && is_same(call.host, again.host) &&
                   is_same(call.path, again.path) && is_same(call.query, again.query));
    mtr_buffer_release(&url);
}

static void sign(struct mtr_str text, struct mtr_arena *arena)
{
    const char *mark = text.size ? memchr(text.data, '?', text.size) : NULL;
    const size_t path_size = mark ? (size_t)(mark - text.data) : text.size;
    const char *const services[] = {"s3", "execute-api"};
    for (int i = 0; i < 2; i++) {
        struct mtr_aws_identity identity = {.access_key = MTR_STR("a"), .secret = MTR_STR("b"), .region = MTR_STR("c"), .service = mtr_str_from(services[i])};
        struct mtr_aws_request request = {.method = MTR_STR("GET"), .host = MTR_STR("h"), .path = {text.data, path_size}};
        struct mtr_aws_signed first, second;
        if (mark) request.query = (struct mtr_str){mark + 1, text.size - path_size - 1};
        if (mtr_aws_sign(&identity, &request, NOW_US, arena, &first)) continue;
        request.path = first.path;
        request.query = first.query;
        int rc = mtr_aws_sign(&identity, &request, NOW_US, arena, &second);
        MTR_ASSERT(rc == MTR_OK && first.path.size && first.path.data[0] == '/');
        MTR_ASSERT(is_same(first.path, second.path) && is_same(first.query, second.query));
        MTR_ASSERT(is_same(first.headers[first.header_count - 1].value, second.headers[second.header_count - 1].value));
    }
}

/* What a mask writes of its own, and names that it leaves, is found again: a secret has nothing of them. */
static bool is_told_apart(struct mtr_str secret)
{
    for (size_t i = 0; i < secret.size; i++)
        if (secret.data[i] == '*' || (secret.data[i] >= '0' && secret.data[i] <= '9')) return false;
    return true;
}

static int mask_as(int kind, struct source_mask *mask, struct mtr_str text, struct mtr_buffer *out)
{
    const char *colon = text.size ? memchr(text.data, ':', text.size) : NULL;
    const struct mtr_str name = {text.data, colon ? (size_t)(colon - text.data) : 0};
    switch (kind) {
    case 3: return source_mask_text(mask, text, out);
    case 4: return source_mask_url(mask, text, out);
    case 5: return source_mask_links(mask, text, out);
    default: return source_mask_header(mask, name, (struct mtr_str){text.data + name.size, text.size - name.size}, out);
    }
}

/* The secret is the text's beginning, up to a NUL; of what has names of its own it is longer than these. */
static void show(int kind, struct mtr_str text)
{
    enum { NAMES_BYTES_MAX = 24 };
    const char *end = text.size ? memchr(text.data, '\0', text.size) : NULL;
    struct source_mask *mask;
    struct mtr_buffer out;
    if (!end || end == text.data) return;
    const struct mtr_str secret = {text.data, (size_t)(end - text.data)};
    if (!is_told_apart(secret)) return;
    mtr_buffer_init(&out, 16 << 20);
    int rc = source_mask_open(&mask);
    if (!rc) rc = source_mask_add(mask, secret);
    if (!rc) rc = mask_as(kind, mask, (struct mtr_str){end + 1, text.size - secret.size - 1}, &out);
    MTR_ASSERT(rc == MTR_OK);
    if (kind == 3 || secret.size > NAMES_BYTES_MAX) MTR_ASSERT(!memmem(out.data ? out.data : "", out.size, secret.data, secret.size));
    source_mask_close(mask);
    mtr_buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_arena arena;
    if (!size || size > 4096) return 0;
    const struct mtr_str text = {(const char *)data + 1, size - 1};
    mtr_arena_init(&arena, 4096, 16 << 20);
    const int kind = data[0] % 7;
    switch (kind) {
    case 0: come_again(text), come_again_of(text); break;
    case 1: go_on(text, &arena); break;
    case 2: sign(text, &arena); break;
    default: show(kind, text); break;
    }
    mtr_arena_release(&arena);
    return 0;
}
