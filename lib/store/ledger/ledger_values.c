/*
 * Values of an item: NAME, NUL, text, NUL, one behind the other, as far as there is room.
 */
#include <string.h>

#include "meterd/store/ledger.h"

static size_t put_text(char *out, size_t at, struct mtr_str text)
{
    if (text.size) memcpy(out + at, text.data, text.size);
    out[at + text.size] = '\0';
    return at + text.size + 1;
}

static struct mtr_str text_of(const struct mtr_property *property, char number[MTR_DECIMAL_TEXT_BYTES])
{
    switch (property->kind) {
    case MTR_PROPERTY_STRING: return property->text;
    case MTR_PROPERTY_NUMBER: mtr_decimal_format(property->number, number); return mtr_str_from(number);
    case MTR_PROPERTY_TRUE: return MTR_STR("true");
    case MTR_PROPERTY_FALSE: return MTR_STR("false");
    }
    return (struct mtr_str){NULL, 0};
}

struct mtr_str mtr_ledger_pack_values(const struct mtr_event *event,
                                      char out[static MTR_LEDGER_VALUES_BYTES_MAX])
{
    size_t size = 0;
    for (uint32_t i = 0; i < event->property_count; i++) {
        const struct mtr_property *property = &event->properties[i];
        char number[MTR_DECIMAL_TEXT_BYTES];
        const struct mtr_str text = text_of(property, number);
        if (size + property->name.size + text.size + 2 > MTR_LEDGER_VALUES_BYTES_MAX) continue;
        size = put_text(out, size, property->name);
        size = put_text(out, size, text);
    }
    return (struct mtr_str){out, size};
}

struct mtr_str mtr_ledger_item_take(const struct mtr_ledger_item *item, struct mtr_str take)
{
    const struct mtr_str prefix = MTR_STR("data.");
    struct mtr_str left = item->values;
    if (!mtr_str_starts_with(take, prefix)) return item->subject;
    const struct mtr_str name = {take.data + prefix.size, take.size - prefix.size};
    while (left.size) {
        const struct mtr_str found = {left.data, strnlen(left.data, left.size)};
        if (found.size + 1 >= left.size) break; /* a name without a text: nobody has packed this */
        const char *text = found.data + found.size + 1;
        const size_t size = strnlen(text, left.size - found.size - 1);
        if (mtr_str_equal(found, name)) return (struct mtr_str){text, size};
        const size_t step = found.size + 1 + size + 1;
        left = (struct mtr_str){left.data + step, left.size - step};
    }
    return (struct mtr_str){NULL, 0};
}
