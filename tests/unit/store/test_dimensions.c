/*
 * The order of lines: that of their texts, whatever their values are. Who takes rows in the order of bytes and passes over those outside of a
 * range finds all lines of it, and looks at few others.
 */
#include "meterd/store/dimensions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/random.h"

enum { ROWS = 400, VALUES = 3, ROW_BYTES = 64, TEXT_BYTES = 192 };

struct row {
    char bytes[ROW_BYTES], text[TEXT_BYTES];
    struct mtr_str values;
};

/* Values that begin with others, before bytes below the comma and between it and a backslash. */
static size_t write_value(struct random_source *random, char *value)
{
    static const char *const begins[] = {"", "eu", "h", "h1", "h10", "ä"};
    static const char bytes[] = "\x01\t !+,-./09:=A[\\]az~\x7f";
    size_t size = 0;
    const char *begin = begins[random_below(random, 6)];
    memcpy(value, begin, strlen(begin));
    size += strlen(begin);
    for (uint64_t more = random_below(random, 4); more > 0; more--) value[size++] = bytes[random_below(random, sizeof(bytes) - 1)];
    return size;
}

/* As lines are told: name=value,name=value. */
static void make_row(struct random_source *random, unsigned values, struct row *row)
{
    size_t size = 0, text = 0;
    for (unsigned i = 0; i < values; i++) {
        char value[32];
        const size_t value_size = write_value(random, value);
        text += (size_t)snprintf(row->text + text, TEXT_BYTES - text, "%sname%u=", i ? "," : "", i);
        for (size_t j = 0; j < value_size; j++) {
            if (strchr(",=\\", value[j])) row->text[text++] = '\\';
            row->text[text++] = value[j];
        }
        memcpy(row->bytes + size, value, value_size);
        size += value_size;
        row->bytes[size++] = 0x1f;
    }
    row->text[text] = '\0';
    row->values = (struct mtr_str){row->bytes, size};
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void lines_are_in_the_order_of_their_texts(void **state)
{
    struct random_source random = {1};
    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        struct row a, b;
        const unsigned values = 1 + (unsigned)random_below(&random, VALUES);
        make_row(&random, values, &a);
        make_row(&random, values, &b);
        const int order = sign(mtr_str_compare(mtr_str_from(a.text), mtr_str_from(b.text)));
        if (sign(mtr_dimensions_compare(a.values, b.values)) != order) fail_msg("%s and %s", a.text, b.text);
    }
}

static int compare_bytes(const void *a, const void *b)
{
    return mtr_str_compare(((const struct row *)a)->values, ((const struct row *)b)->values);
}

/* Rows may have more values than are looked at. */
static struct mtr_str first_of(struct mtr_str values, uint32_t count)
{
    size_t size = 0;
    for (; count > 0; count--) size += strcspn(values.data + size, "\x1f") + 1;
    return (struct mtr_str){values.data, size};
}

struct walk {
    const struct row *rows;
    const struct mtr_dimensions_range *range;
    uint32_t count; /* values that are looked at */
    bool has_more;
    unsigned taken, jumps;
};

/* The first row from those bytes on. */
static unsigned seek(const struct walk *walk, struct mtr_str bytes)
{
    unsigned at = 0;
    while (at < ROWS && mtr_str_compare(walk->rows[at].values, bytes) < 0) at++;
    return at;
}

static void walk_range(struct walk *walk)
{
    char bytes[MTR_DIMENSIONS_NEXT_BYTES];
    unsigned at = seek(walk, mtr_dimensions_range_first(walk->range, walk->count, bytes));
    for (bool more = true; more && at < ROWS;) {
        const struct mtr_dimensions_values values = {first_of(walk->rows[at].values, walk->count), walk->has_more};
        struct mtr_str next;
        if (mtr_dimensions_range_compare(walk->range, &values) == 0) {
            walk->taken += mtr_dimensions_range_holds(walk->range, walk->has_more ? walk->rows[at].values : values.text);
            at++;
            continue;
        }
        more = mtr_dimensions_range_next(walk->range, &values, walk->count, bytes, &next);
        assert_true(!more || mtr_str_compare(next, values.text) > 0);
        assert_true(!more || !mtr_str_starts_with(next, values.text)); /* of a line outside nothing is read twice */
        if (more) at = seek(walk, next);
        walk->jumps++;
    }
}

static void ranges_are_found_in_the_order_of_bytes(void **state)
{
    static struct row rows[ROWS];
    struct random_source random = {2};
    uint64_t outside = 0, jumps = 0;
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        for (unsigned i = 0; i < ROWS; i++) make_row(&random, VALUES, &rows[i]);
        qsort(rows, ROWS, sizeof(*rows), compare_bytes);
        for (unsigned i = 0; i < ROWS; i++) rows[i].values.data = rows[i].bytes;
        for (unsigned i = 0; i < 20; i++) {
            struct row from, until;
            make_row(&random, (unsigned)random_below(&random, VALUES + 1), &from);
            make_row(&random, 1 + (unsigned)random_below(&random, VALUES), &until);
            const struct mtr_dimensions_range range = {from.values, random_below(&random, 5) > 0, until.values};
            struct walk walk = {.rows = rows, .range = &range, .count = 1 + (uint32_t)random_below(&random, VALUES)};
            unsigned wanted = 0;
            walk.has_more = walk.count < VALUES && random_below(&random, 2);
            for (unsigned j = 0; j < ROWS; j++)
                wanted += mtr_dimensions_range_holds(&range, walk.has_more ? rows[j].values : first_of(rows[j].values, walk.count));
            walk_range(&walk);
            if (walk.taken != wanted) fail_msg("%u of %u rows of the range", walk.taken, wanted);
            outside += ROWS - wanted;
            jumps += walk.jumps;
        }
    }
    assert_true(jumps * 10 < outside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_in_the_order_of_their_texts),
        cmocka_unit_test(ranges_are_found_in_the_order_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
