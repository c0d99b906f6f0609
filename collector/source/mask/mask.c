/*
 * The secrets that are known, and what is written in their places; where these are, search.c says.
 */
#include "collector/source/mask/mask.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "collector/source/mask/search.h"
#include "meterd/core/hash.h"
#include "meterd/source/secret_name.h"

struct secret {
    struct mtr_buffer text;
    struct mask_patterns patterns;
};

struct source_mask {
    struct secret secrets[SOURCE_MASK_SECRETS_MAX];
    unsigned count;
    unsigned next; /* the oldest once all are taken */
    struct mtr_hash128 *signatures; /* of links, in the order in which they came */
    uint32_t signature_count;
};

static void wipe(struct secret *secret)
{
    if (secret->text.data) explicit_bzero(secret->text.data, secret->text.capacity);
    mtr_buffer_release(&secret->text);
    mask_patterns_wipe(&secret->patterns);
}

static int make(struct secret *secret, struct mtr_str text)
{
    *secret = (struct secret){.patterns = {.count = 0}};
    mtr_buffer_init(&secret->text, SIZE_MAX);
    int rc = mtr_buffer_append_str(&secret->text, text);
    if (!rc) rc = mask_patterns_make(&secret->patterns, text);
    if (rc) wipe(secret);
    return rc;
}

int source_mask_open(struct source_mask **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? MTR_OK : MTR_ENOMEM;
}

void source_mask_close(struct source_mask *mask)
{
    if (!mask) return;
    for (unsigned i = 0; i < mask->count; i++) wipe(&mask->secrets[i]);
    free(mask->signatures);
    free(mask);
}

int source_mask_add(struct source_mask *mask, struct mtr_str text)
{
    struct secret made;
    if (!text.size) return MTR_OK;
    for (unsigned i = 0; i < mask->count; i++)
        if (mtr_str_equal(mtr_buffer_str(&mask->secrets[i].text), text)) return MTR_OK;
    int rc = make(&made, text);
    if (rc) return rc;
    const bool is_full = mask->count == SOURCE_MASK_SECRETS_MAX;
    const unsigned place = is_full ? mask->next : mask->count;
    if (is_full) wipe(&mask->secrets[place]);
    else mask->count++;
    mask->secrets[place] = made;
    mask->next = (place + 1) % SOURCE_MASK_SECRETS_MAX;
    return MTR_OK;
}

static int open_search(const struct source_mask *mask, struct mtr_str text, struct mask_search **out)
{
    const struct mask_patterns *secrets[SOURCE_MASK_SECRETS_MAX];
    for (unsigned i = 0; i < mask->count; i++) secrets[i] = &mask->secrets[i].patterns;
    return mask_search_open(secrets, mask->count, text, out);
}

int source_mask_text(const struct source_mask *mask, struct mtr_str text, struct mtr_buffer *out)
{
    struct mask_search *search;
    struct mask_span span;
    size_t at = 0;
    int rc = open_search(mask, text, &search);
    if (rc) return rc;
    while (!rc && mask_search_next(search, &span)) {
        rc = mtr_buffer_append(out, text.data + at, span.from - at);
        if (!rc) rc = mtr_buffer_append_str(out, MTR_STR("***"));
        at = span.to;
    }
    if (!rc && at < text.size) rc = mtr_buffer_append(out, text.data + at, text.size - at);
    mask_search_close(search);
    return rc;
}

/* ---- by name ---- */

int source_mask_header(const struct source_mask *mask, struct mtr_str name, struct mtr_str value,
                       struct mtr_buffer *out)
{
    static const struct mtr_str schemes[] = {{"bearer ", 7}, {"basic ", 6}, {"aws4-hmac-sha256 ", 17}};
    if (!mtr_secret_header(name)) return source_mask_text(mask, value, out);
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        const struct mtr_str head = {value.data, schemes[i].size};
        if (value.size < head.size || !mtr_str_equal_lower(head, schemes[i])) continue;
        int rc = mtr_buffer_append_str(out, head);
        return rc ? rc : mtr_buffer_append_str(out, MTR_STR("***"));
    }
    return mtr_buffer_append_str(out, MTR_STR("***"));
}

static int write_parameter(struct mtr_str piece, struct mtr_buffer *out)
{
    const char *equals = piece.size ? memchr(piece.data, '=', piece.size) : NULL;
    const struct mtr_str name = {piece.data, equals ? (size_t)(equals - piece.data) : piece.size};
    if (!equals || !mtr_secret_parameter(name)) return mtr_buffer_append_str(out, piece);
    int rc = mtr_buffer_append_str(out, name);
    return rc ? rc : mtr_buffer_append_str(out, MTR_STR("=***"));
}

/* What signs it, once it has no secret any more. */
static int mask_signatures(struct mtr_str url, struct mtr_buffer *out)
{
    const char *mark = url.size ? memchr(url.data, '?', url.size) : NULL;
    const size_t head = mark ? (size_t)(mark - url.data) + 1 : url.size;
    int rc = mtr_buffer_append(out, url.data, head);
    struct mtr_str left = {url.data + head, url.size - head};
    while (left.size && !rc) {
        const char *end = memchr(left.data, '&', left.size);
        const size_t size = end ? (size_t)(end - left.data) : left.size;
        rc = write_parameter((struct mtr_str){left.data, size}, out);
        if (!rc && end) rc = mtr_buffer_append_char(out, '&');
        const size_t step = size + (end != NULL);
        left = (struct mtr_str){left.data + step, left.size - step};
    }
    return rc;
}

/* Secrets first: one may have bytes in it that part a URL. */
int source_mask_url(const struct source_mask *mask, struct mtr_str url, struct mtr_buffer *out)
{
    struct mtr_buffer plain;
    mtr_buffer_init(&plain, SIZE_MAX); /* what is masked is no longer than three times the text */
    int rc = source_mask_text(mask, url, &plain);
    if (!rc && plain.size) rc = mask_signatures(mtr_buffer_str(&plain), out);
    mtr_buffer_release(&plain);
    return rc;
}

/* ---- links in a text ---- */

/* Bytes of what parts parameters at the begin of text: ?, &, and the latter as XML and JSON may write it. */
static size_t mark_at(struct mtr_str text)
{
    static const struct mtr_str marks[] = {{"?", 1}, {"&amp;", 5}, {"&", 1}, {"\\u0026", 6}};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (mtr_str_starts_with(text, marks[i])) return marks[i].size;
    return 0;
}

static size_t span_of(struct mtr_str text, const char *ends, size_t most)
{
    size_t size = 0;
    while (size < text.size && size < most && !strchr(ends, text.data[size])) size++;
    return size;
}

/* From 1, in the order in which values came. MTR_ENOMEM. */
static int number_of(struct source_mask *mask, struct mtr_str value, uint32_t *out)
{
    const XXH128_hash_t digest = XXH3_128bits(value.data, value.size);
    for (*out = 0; *out < mask->signature_count; ++*out) {
        const struct mtr_hash128 *known = &mask->signatures[*out];
        if (known->high == digest.high64 && known->low == digest.low64) return ++*out, MTR_OK;
    }
    if (mask->signature_count == SOURCE_MASK_SIGNATURES_MAX) return MTR_OK;
    /* At 0, and at powers of two. */
    const bool is_full = (mask->signature_count & (mask->signature_count - 1)) == 0;
    if (is_full) {
        const size_t capacity = mask->signature_count ? mask->signature_count * (size_t)2 : 1;
        struct mtr_hash128 *signatures = realloc(mask->signatures, capacity * sizeof(*signatures));
        if (!signatures) return MTR_ENOMEM;
        mask->signatures = signatures;
    }
    mask->signatures[mask->signature_count++] = (struct mtr_hash128){digest.high64, digest.low64};
    *out = mask->signature_count;
    return MTR_OK;
}

/* Bytes of "NAME=VALUE" of a parameter that signs, written as it is to be shown; 0: it is none. */
static size_t write_signature(struct source_mask *mask, struct mtr_str text, struct mtr_buffer *out, int *rc)
{
    enum { NAME_BYTES_MAX = 32 };
    uint32_t number = 0;
    const size_t name = span_of(text, "=&?\"'<> ", NAME_BYTES_MAX);
    if (name == text.size || text.data[name] != '=' ||
        !mtr_secret_parameter((struct mtr_str){text.data, name}))
        return 0;
    struct mtr_str value = {text.data + name + 1, text.size - name - 1};
    value.size = span_of(value, "&\"'<>\\ \r\n\t", value.size);
    if (!value.size) return 0;
    *rc = number_of(mask, value, &number);
    if (!*rc) *rc = mtr_buffer_append(out, text.data, name + 1);
    if (!*rc) *rc = mtr_buffer_printf(out, "***%u", (unsigned)number);
    return name + 1 + value.size;
}

/* What is there when no secret is: a mark that parts parameters, and the one behind it, or a byte. */
static size_t write_plain(struct source_mask *mask, struct mtr_str text, struct mtr_buffer *out, int *rc)
{
    const size_t mark = mark_at(text), step = mark ? mark : 1;
    *rc = mtr_buffer_append(out, text.data, step);
    if (*rc || !mark) return step;
    return step + write_signature(mask, (struct mtr_str){text.data + step, text.size - step}, out, rc);
}

int source_mask_links(struct source_mask *mask, struct mtr_str text, struct mtr_buffer *out)
{
    struct mask_search *search;
    struct mask_span span;
    size_t at = 0;
    int rc = open_search(mask, text, &search);
    if (rc) return rc;
    bool has_span = mask_search_next(search, &span);
    while (at < text.size && !rc) {
        if (has_span && at >= span.to) {
            has_span = mask_search_next(search, &span);
        } else if (has_span && at >= span.from) {
            rc = mtr_buffer_append_str(out, MTR_STR("***"));
            at = span.to;
        } else {
            at += write_plain(mask, (struct mtr_str){text.data + at, text.size - at}, out, &rc);
        }
    }
    mask_search_close(search);
    return rc;
}
