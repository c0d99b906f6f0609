/*
 * The decimal sign of a number in a cell; see import_number.h.
 */
#include "collector/rows/import_number.h"

#include <string.h>

enum { NUMBER_BYTES_MAX = 128 }; /* of one with another decimal sign */

int import_number_read(const struct mtr_import_value *value, struct mtr_str text, struct mtr_decimal *out)
{
    char point[NUMBER_BYTES_MAX];
    if (value->decimal != '.') {
        if (text.size > sizeof(point) || memchr(text.data, '.', text.size)) return MTR_EINVALID;
        for (size_t i = 0; i < text.size; i++)
            point[i] = text.data[i] == value->decimal ? '.' : text.data[i];
        text.data = point;
    }
    return mtr_decimal_parse(text, out);
}
