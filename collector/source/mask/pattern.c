/*
 * Patterns are folded as the texts are in which they are looked for.
 */
#include "collector/source/mask/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/net/crypto.h"

/* ---- steps ---- */

char mask_folded(char byte, int times) { return times && byte == '+' ? ' ' : byte; }

int32_t mask_pattern_step(const struct mask_pattern *pattern, int32_t matched, char byte)
{
    const int32_t size = (int32_t)pattern->reversed.size;
    while (matched >= 0 && (matched == size || pattern->reversed.data[matched] != byte))
        matched = pattern->shorter[matched];
    return matched + 1;
}

/* What is shorter ends otherwise than what was tried, or it would fail, too: of m bytes log m are tried. */
static int find_shorter(struct mask_pattern *pattern)
{
    const int32_t size = (int32_t)pattern->reversed.size;
    const char *text = pattern->reversed.data;
    int32_t *shorter = malloc(((size_t)size + 1) * sizeof(*shorter)), border = -1;
    pattern->shorter = shorter;
    if (!shorter) return MTR_ENOMEM;
    for (int32_t i = 0; i < size; i++) {
        shorter[i] = border >= 0 && text[border] == text[i] ? shorter[border] : border;
        while (border >= 0 && text[border] != text[i]) border = shorter[border];
        border++;
    }
    shorter[size] = border;
    return MTR_OK;
}

/* ---- what is looked for ---- */

static void wipe(struct mask_pattern *pattern)
{
    struct mtr_buffer *text = &pattern->reversed;
    if (text->data) explicit_bzero(text->data, text->capacity);
    mtr_buffer_release(text);
    free(pattern->shorter);
}

void mask_patterns_wipe(struct mask_patterns *patterns)
{
    for (uint32_t i = 0; i < patterns->count; i++) wipe(&patterns->rows[i]);
    patterns->count = 0;
}

/* In texts that were unescaped at least so often, or in those that were not at all. */
static int add(struct mask_patterns *patterns, struct mtr_str text, int times)
{
    struct mask_pattern *pattern = &patterns->rows[patterns->count];
    MTR_ASSERT(patterns->count < MASK_PATTERNS_MAX && text.size <= INT32_MAX);
    *pattern = (struct mask_pattern){.shorter = NULL};
    mtr_buffer_init(&pattern->reversed, SIZE_MAX);
    int rc = mtr_buffer_reserve(&pattern->reversed, text.size);
    for (size_t i = text.size; i > 0 && !rc; i--)
        rc = mtr_buffer_append_char(&pattern->reversed, mask_folded(text.data[i - 1], times));
    if (!rc) rc = find_shorter(pattern);
    for (int i = times; i <= (times ? UNESCAPE_TIMES_MAX : 0); i++) pattern->is_in[i] = true;
    if (rc) wipe(pattern);
    else patterns->count++;
    return rc;
}

static int unescape(struct mtr_str text, int times, struct mtr_buffer *out)
{
    struct unescaped read;
    int rc = mtr_buffer_reserve(out, text.size); /* at once: nothing of it is left behind as it grows */
    for (size_t at = 0; at < text.size && !rc; at += read.step) {
        read = unescape_at(text, at, times);
        rc = mtr_buffer_append(out, read.bytes, read.size);
    }
    return rc;
}

/* What has no escape in it is the same however often one is taken away. */
static int add_plain(struct mask_patterns *patterns, struct mtr_str secret)
{
    struct mtr_buffer left;
    int rc = add(patterns, secret, 1);
    bool may_differ = false;
    for (size_t i = 0; i < secret.size; i++) may_differ = may_differ || unescape_begins(secret.data[i]);
    if (!rc && may_differ) rc = add(patterns, secret, 0);
    mtr_buffer_init(&left, SIZE_MAX);
    for (int times = 1; times <= UNESCAPE_TIMES_MAX && may_differ && !rc; times++) {
        mtr_buffer_reset(&left);
        rc = unescape(secret, times, &left);
        if (!rc) rc = add(patterns, mtr_buffer_str(&left), 1);
    }
    if (left.data) explicit_bzero(left.data, left.capacity);
    mtr_buffer_release(&left);
    return rc;
}

static int add_with_padding(struct mask_patterns *patterns, struct mtr_str text)
{
    const char *padding = memchr(text.data, '=', text.size);
    int rc = add(patterns, text, 1);
    return rc || !padding ? rc : add(patterns, (struct mtr_str){text.data, (size_t)(padding - text.data)}, 1);
}

static int add_base64(struct mask_patterns *patterns, struct mtr_str secret)
{
    struct mtr_buffer text;
    bool differs = false;
    mtr_buffer_init(&text, SIZE_MAX);
    int rc = mtr_base64_encode(&text, secret);
    if (!rc) rc = add_with_padding(patterns, mtr_buffer_str(&text));
    for (size_t i = 0; i < text.size && !rc; i++) {
        char *byte = &text.data[i];
        differs = differs || *byte == '+' || *byte == '/';
        *byte = *byte == '+' ? '-' : *byte == '/' ? '_' : *byte;
    }
    if (!rc && differs) rc = add_with_padding(patterns, mtr_buffer_str(&text));
    if (text.data) explicit_bzero(text.data, text.capacity);
    mtr_buffer_release(&text);
    return rc;
}

int mask_patterns_make(struct mask_patterns *patterns, struct mtr_str secret)
{
    patterns->count = 0;
    int rc = add_plain(patterns, secret);
    if (!rc) rc = add_base64(patterns, secret);
    if (rc) mask_patterns_wipe(patterns);
    return rc;
}
