/*
 * A count for each column; see column_values.h.
 */
#include "collector/rows/columns/column_values.h"

#include "meterd/core/error.h"

void column_values_note(struct column_values *values, const struct mtr_str *cells, uint32_t count)
{
    values->rows++;
    values->count = count;
    for (uint32_t i = 0; i < count; i++) values->valued[i] += cells[i].size > 0;
}

int column_values_write(const struct column_values *values, struct mtr_buffer *out)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && values->rows && i < values->count; i++)
        rc = mtr_buffer_append_char(out, !values->valued[i]                  ? '-'
                                         : values->valued[i] == values->rows ? '+'
                                                                             : '?');
    return rc;
}

int32_t column_values_gone(struct mtr_str before, struct mtr_str now)
{
    if (before.size != now.size) return -1;
    for (size_t i = 0; i < now.size; i++)
        if (before.data[i] == '+' && now.data[i] == '-') return (int32_t)i;
    return -1;
}

int column_values_merge(struct mtr_str before, struct mtr_str now, struct mtr_buffer *out)
{
    int rc = MTR_OK;
    if (before.size != now.size) return mtr_buffer_append(out, now.size ? now.data : before.data,
                                                          now.size ? now.size : before.size);
    for (size_t i = 0; !rc && i < now.size; i++) {
        const bool is_expected = before.data[i] == '+' && now.data[i] != '?';
        const bool is_empty = before.data[i] == '-' && now.data[i] == '-';
        rc = mtr_buffer_append_char(out, is_expected ? '+' : is_empty ? '-' : '?');
    }
    return rc;
}
