/*
 * The tables of curves and of parts: what their loops rely on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/tariff/curve/curve.h"
#include "lib/tariff/part/part.h"

static void assert_row(const struct mtr_field *row, const char *key)
{
    assert_string_equal(row->name, key);
    assert_true(row->own_size > row->offset);
    assert_true(row->doc && row->type != MTR_FIELD_ROW);
}

/* A curve is written under the key of its row, and either prices use, or is a fee, or is made of curves. */
static void test_curves(void **state)
{
    static const char *const keys[] = {
#define KEY(key) #key,
        TARIFF_CURVES(KEY)
#undef KEY
    };
    (void)state;
    for (uint32_t i = 0; i < TARIFF_CURVE_COUNT; i++) {
        const struct tariff_curve *curve = tariff_curves[i];
        assert_row(&curve->row, keys[i]);
        assert_string_equal(mtr_curve_name_at(i), keys[i]);
        assert_int_equal(!!curve->price + !!curve->price_fee + !!curve->select, 1);
        assert_true(!curve->price_fee == !curve->without_use);
        assert_true(!curve->select == !curve->row_at && !curve->select == !curve->read_rows);
        assert_true(!curve->takes_tier_by || !curve->names_meters);
        if (i < TARIFF_CURVE_OF_LINES_COUNT) assert_true(curve->price && !curve->names_meters);
    }
    assert_null(mtr_curve_name_at(TARIFF_CURVE_COUNT));
}

/* A part is written under the key of the table, and does something in each order that it stands in. */
static void test_parts(void **state)
{
    static const char *const keys[] = {
#define KEY(part, key) key,
        TARIFF_COMPONENT_KEYS(KEY, TARIFF_PART_NOTHING)
#undef KEY
    };
    (void)state;
    for (uint32_t i = 0; i < TARIFF_PART_COUNT; i++) assert_row(&tariff_keyed_parts[i]->row, keys[i]);
    for (uint32_t i = 0; tariff_slice_parts[i]; i++) assert_non_null(tariff_slice_parts[i]->apply_to_slice);
    for (uint32_t i = 0; tariff_line_parts[i]; i++) assert_non_null(tariff_line_parts[i]->apply_to_line);
    for (uint32_t i = 0; tariff_component_parts[i]; i++)
        assert_true(tariff_component_parts[i]->apply_to_component || tariff_component_parts[i]->row.name);
    for (uint32_t i = 0; tariff_whole_parts[i]; i++) assert_non_null(tariff_whole_parts[i]->apply_to_tariff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_curves), cmocka_unit_test(test_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
