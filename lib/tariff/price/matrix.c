/*
 * Matrices: the first row that matches the line's dimensions has the curve.
 *
 * Values are compared as they are written in the line's dimensions, where a ',', '=' or '\' in a value has a
 * '\' before it.
 */
#include "lib/tariff/price/parts.h"

#include <stdio.h>
#include <string.h>

/* What stands behind "name=" in the dimensions, up to the ',' that ends it; false when the line does not
 * have the dimension. */
static bool find_dimension(struct mtr_str dimensions, struct mtr_str name, struct mtr_str *out)
{
    const char *at = dimensions.data, *end = at + dimensions.size;
    while (at < end) {
        const char *equals = memchr(at, '=', (size_t)(end - at));
        if (!equals) return false;
        const char *stop = equals + 1;
        while (stop < end && *stop != ',') stop += *stop == '\\' && stop + 1 < end ? 2 : 1;
        *out = (struct mtr_str){equals + 1, (size_t)(stop - equals - 1)};
        if (mtr_str_equal((struct mtr_str){at, (size_t)(equals - at)}, name)) return true;
        at = stop + 1;
    }
    return false;
}

static bool is_value(struct mtr_str escaped, struct mtr_str value)
{
    size_t at = 0;
    for (size_t i = 0; i < value.size; i++, at++) {
        if (at + 1 < escaped.size && escaped.data[at] == '\\') at++;
        if (at >= escaped.size || escaped.data[at] != value.data[i]) return false;
    }
    return at == escaped.size;
}

static bool matches_one(const struct mtr_match *match, struct mtr_str dimensions)
{
    struct mtr_str escaped;
    if (!find_dimension(dimensions, match->dimension, &escaped)) return false;
    for (uint32_t i = 0; i < match->value_count; i++)
        if (is_value(escaped, match->values[i])) return true;
    return false;
}

static bool matches(const struct mtr_matrix_row *row, struct mtr_str dimensions)
{
    for (uint32_t i = 0; i < row->match_count; i++)
        if (!matches_one(&row->matches[i], dimensions)) return false;
    return true;
}

static int trace_row(struct mtr_pricer *pricer, const struct mtr_component *component, uint32_t row,
                     struct mtr_str dimensions)
{
    enum { SHOWN_MAX = 256 };
    char name[64], input[SHOWN_MAX + 1];
    snprintf(name, sizeof(name), "matrix, row %u of %u", row + 1, component->matrix_count);
    snprintf(input, sizeof(input), "%.*s", (int)(dimensions.size < SHOWN_MAX ? dimensions.size : SHOWN_MAX),
             dimensions.data ? dimensions.data : "");
    return price_trace(pricer, price_next_line(pricer), name, input,
                           mtr_curve_kind_name(component->matrix[row].component.curve));
}

/* Index of the first row that matches. */
static uint32_t find_row(const struct mtr_component *component, struct mtr_str dimensions)
{
    uint32_t row = 0;
    while (!matches(&component->matrix[row], dimensions)) {
        row++;
        MTR_ASSERT(row < component->matrix_count); /* the last row matches everything */
    }
    return row;
}

const struct mtr_component *mtr_price_select(const struct mtr_component *component, struct mtr_str dimensions)
{
    if (component->curve != MTR_CURVE_MATRIX) return component;
    return &component->matrix[find_row(component, dimensions)].component;
}

int price_matrix(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->component;
    work->curve = component;
    if (component->curve != MTR_CURVE_MATRIX) return MTR_OK;
    const uint32_t row = find_row(component, work->line.dimensions);
    work->curve = &component->matrix[row].component;
    return pricer->with_trace ? trace_row(pricer, component, row, work->line.dimensions) : MTR_OK;
}
