/*
 * Dimensions of lines; see meterd/tariff/line_dimensions.h.
 */
#include "meterd/tariff/line_dimensions.h"

#include <string.h>

bool mtr_line_dimensions_next(struct mtr_str *rest, struct mtr_str *name, char *value, size_t *value_size)
{
    const char *equals = rest->size ? memchr(rest->data, '=', rest->size) : NULL;
    if (!equals) return false;
    *name = (struct mtr_str){rest->data, (size_t)(equals - rest->data)};
    const char *at = equals + 1;
    const char *end = rest->data + rest->size;
    size_t size = 0;
    for (; at < end && *at != ','; at++) {
        if (*at == '\\' && at + 1 < end) at++;
        value[size++] = *at;
    }
    *value_size = size;
    if (at < end) at++;
    *rest = (struct mtr_str){at, (size_t)(end - at)};
    return true;
}

void mtr_line_dimensions_write(struct mtr_json_writer *json, struct mtr_str dimensions)
{
    char value[MTR_LINE_DIMENSIONS_TEXT_BYTES_MAX];
    struct mtr_str rest = dimensions, name;
    size_t size = 0;
    MTR_ASSERT(dimensions.size <= sizeof(value)); /* so each value fits */
    mtr_json_map(json);
    while (mtr_line_dimensions_next(&rest, &name, value, &size)) {
        mtr_json_name_text(json, name);
        mtr_json_text(json, (struct mtr_str){value, size});
    }
    mtr_json_map_end(json);
}
