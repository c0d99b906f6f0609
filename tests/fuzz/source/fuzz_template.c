/*
 * Fuzz target: a template of hostile bytes is a finding or expands; what comes out has, for its place, no byte that
 * would say more than a value.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "meterd/source/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_any(struct mtr_str text, const char *bytes)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] && strchr(bytes, text.data[i])) return true;
    return false;
}

static void check(enum mtr_template_place place, struct mtr_str text)
{
    switch (place) {
    case MTR_TEMPLATE_IN_PATH: MTR_ASSERT(!has_any(text, "?#\r\n \"")); break;
    case MTR_TEMPLATE_IN_QUERY:
    case MTR_TEMPLATE_IN_FORM: MTR_ASSERT(!has_any(text, "&=?#/\r\n \"")); break;
    case MTR_TEMPLATE_IN_URL:
    case MTR_TEMPLATE_IN_HEADER: MTR_ASSERT(!has_any(text, "\r\n")); break;
    case MTR_TEMPLATE_IN_JSON: MTR_ASSERT(!has_any(text, "\r\n\t")); break;
    case MTR_TEMPLATE_IN_TEXT: break;
    }
}

/* The first byte is the place, up to a NUL stands the template, behind it the value of all names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    const enum mtr_template_place place = (enum mtr_template_place)(data[0] % (MTR_TEMPLATE_IN_TEXT + 1));
    const char *text = (const char *)data + 1, *nul = size > 1 ? memchr(text, 0, size - 1) : NULL;
    const size_t text_size = nul ? (size_t)(nul - text) : size - 1;
    const struct mtr_str value = nul ? (struct mtr_str){nul + 1, size - 2 - text_size} : MTR_STR("v");
    const struct mtr_template_rules rules = {.place = place, .allowed = UINT32_MAX, .line = 1, .column = 1};
    struct mtr_template_values values = {.from_us = 1774721700000000, .to_us = 1774808100000000};
    for (unsigned i = 0; i < MTR_TEMPLATE_NAME_COUNT; i++) values.texts[i] = value;
    struct mtr_arena arena;
    struct mtr_template template;
    struct mtr_diagnostic found;
    struct mtr_buffer out;
    mtr_arena_init(&arena, 1024, 1 << 20);
    mtr_buffer_init(&out, 1 << 20);
    int rc = mtr_template_parse((struct mtr_str){text, text_size}, &rules, &arena, &template, &found);
    if (rc == MTR_EINVALID) MTR_ASSERT(found.offset <= text_size && found.text[0]);
    if (!rc && mtr_template_expand(&template, &values, &out, NULL) == MTR_OK) check(place, mtr_buffer_str(&out));
    mtr_buffer_release(&out);
    mtr_arena_release(&arena);
    return 0;
}
