/*
 * Cells and lists some of whose values lie in a range: all of them are handed out, once and in order, whatever stands before and behind these
 * values.
 */
#include "tests/support/rollups_world.h"

#include "tests/support/random.h"

enum { CELLS_MAX = 2000, VALUES = 3 };

static const int64_t hour_us = INT64_C(3600) * 1000000;

struct walked {
    struct mtr_cells_within within;
    char last[MTR_DIMENSIONS_BYTES_MAX];
    size_t last_size;
    int64_t last_us;
    unsigned wanted, all;
};

/* The `count` values behind `skip` others. */
static struct mtr_str values_of(struct mtr_str dimensions, uint32_t skip, uint32_t count)
{
    const char *from = dimensions.data, *end;
    for (uint32_t i = 0; i < skip; i++) from = strchr(from, 0x1f) + 1;
    end = from;
    for (uint32_t i = 0; i < count; i++) end = strchr(end, 0x1f) + 1;
    return (struct mtr_str){from, (size_t)(end - from)};
}

/* A range of whole values: with fewer in its ends than in the cell, and with more. A line has all values that are not skipped, or so many. */
static bool is_wanted(const struct mtr_cells_within *within, struct mtr_str dimensions)
{
    const struct mtr_str values = values_of(dimensions, within->skip, within->has_more ? VALUES - within->skip : within->count);
    return mtr_dimensions_range_holds(within->range, values);
}

static int on_walked_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct walked *walked = context;
    struct mtr_str last = {walked->last, walked->last_size};
    assert_true(key->start_us > walked->last_us || (key->start_us == walked->last_us && mtr_str_compare(key->dimensions, last) > 0));
    assert_int_equal(cell->count, 1);
    memcpy(walked->last, key->dimensions.data, key->dimensions.size);
    last.size = walked->last_size = key->dimensions.size;
    walked->last_us = key->start_us;
    walked->wanted += is_wanted(&walked->within, last);
    walked->all++;
    return 0;
}

static size_t make_dimensions(struct random_source *random, unsigned values, char *text)
{
    static const char *const words[] = {"", "a", "b", "ab", "a b", "b\x7f", "longer than others", "a,", "a=b", "\\", "b\x01", "-"};
    size_t size = 0;
    for (unsigned i = 0; i < values; i++) {
        const char *word = words[random_below(random, 12)];
        memcpy(text + size, word, strlen(word));
        size += strlen(word);
        if (random_below(random, 2)) text[size++] = (char)('0' + random_below(random, 10));
        text[size++] = 0x1f;
    }
    return size;
}

struct cells {
    char dimensions[CELLS_MAX][128];
    struct mtr_cell_key keys[CELLS_MAX];
    struct mtr_str lists[CELLS_MAX]; /* of the first meter */
    unsigned count, list_count;
};

/* Lists over all hours. */
static void put_list(struct fixture *f, struct cells *cells, struct mtr_str dimensions)
{
    const struct mtr_cell_key list = {3, 1, MTR_CELL_ALL_HOURS, dimensions};
    const struct mtr_point point = {.seq = 1, .quantity = MTR_QUANTITY(1)};
    char member[MTR_POINT_BYTES];
    uint64_t count;
    mtr_point_encode(&point, member);
    assert_int_equal(mtr_rollups_add_member(f->txn, &list, (struct mtr_str){member, sizeof(member)}, 1, &count), MTR_OK);
    if (count == 1) cells->lists[cells->list_count++] = dimensions;
}

static void put_cells(struct fixture *f, struct random_source *random, struct cells *cells)
{
    for (cells->count = cells->list_count = 0; cells->count < CELLS_MAX;) {
        char *dimensions = cells->dimensions[cells->count];
        const struct mtr_cell_key key = {3, 1 + (uint32_t)random_below(random, 2), (int64_t)random_below(random, 12) * hour_us,
                                         {dimensions, make_dimensions(random, VALUES, dimensions)}};
        struct mtr_cell cell = {.value = MTR_QUANTITY(1), .count = 1, .seq_first = 1, .seq_last = 1};
        if (mtr_rollups_get_cell(f->txn, &key, &cell) == MTR_OK) continue;
        assert_int_equal(mtr_rollups_put_cell(f->txn, &key, &cell), MTR_OK);
        cells->keys[cells->count++] = key;
        put_list(f, cells, key.dimensions);
    }
}

static void check_range(struct fixture *f, struct random_source *random, const struct cells *cells, uint64_t *passed_over)
{
    char from[128], until[128];
    struct mtr_dimensions_range range = {.from = {from, make_dimensions(random, (unsigned)random_below(random, VALUES + 1), from)}};
    struct walked walked = {.within = {.range = &range}, .last_us = -1};
    const struct mtr_cell_range hours = {3, 1, (int64_t)random_below(random, 4) * hour_us, (int64_t)(6 + random_below(random, 8)) * hour_us};
    unsigned wanted = 0, all = 0;
    range.has_until = random_below(random, 5);
    range.until = (struct mtr_str){until, make_dimensions(random, 1 + (unsigned)random_below(random, VALUES), until)};
    walked.within.skip = (uint32_t)random_below(random, VALUES);
    walked.within.count = 1 + (uint32_t)random_below(random, VALUES - walked.within.skip);
    walked.within.has_more = walked.within.skip + walked.within.count < VALUES && random_below(random, 2);
    for (unsigned i = 0; i < cells->count; i++) {
        if (cells->keys[i].meter != 1 || cells->keys[i].start_us < hours.from_us || cells->keys[i].start_us >= hours.to_us) continue;
        wanted += is_wanted(&walked.within, cells->keys[i].dimensions);
        all++;
    }
    assert_int_equal(mtr_rollups_walk_cells_within(f->txn, &hours, &walked.within, on_walked_cell, &walked), MTR_OK);
    if (walked.wanted != wanted) fail_msg("%u of %u cells of the range", walked.wanted, wanted);
    *passed_over += all - walked.all;
}

/* Lists, by the length of their dimensions. */
static void check_lists(struct fixture *f, struct random_source *random, const struct cells *cells, uint64_t *passed_over)
{
    char from[128], until[128], last[128];
    struct mtr_dimensions_range range = {.from = {from, make_dimensions(random, (unsigned)random_below(random, VALUES + 1), from)},
                                         .has_until = random_below(random, 5)};
    const struct mtr_cell_key of = {3, 1, MTR_CELL_ALL_HOURS, MTR_STR("")};
    struct mtr_cells_within within = {.range = &range, .skip = (uint32_t)random_below(random, VALUES)};
    struct mtr_str dimensions, after = {last, 0};
    unsigned wanted = 0, given = 0;
    int rc;
    range.until = (struct mtr_str){until, make_dimensions(random, 1 + (unsigned)random_below(random, VALUES), until)};
    within.count = 1 + (uint32_t)random_below(random, VALUES - within.skip);
    within.has_more = within.skip + within.count < VALUES && random_below(random, 2);
    for (unsigned i = 0; i < cells->list_count; i++) wanted += is_wanted(&within, cells->lists[i]);
    while (!(rc = mtr_rollups_next_list_within(f->txn, &of, &within, after.size ? &after : NULL, &dimensions))) {
        assert_true(dimensions.size > after.size || (dimensions.size == after.size && mtr_str_compare(dimensions, after) > 0));
        memcpy(last, dimensions.data, dimensions.size);
        after.size = dimensions.size;
        given += is_wanted(&within, after);
        *passed_over -= 1;
    }
    assert_int_equal(rc, MTR_ENOTFOUND);
    if (given != wanted) fail_msg("%u of %u lists of the range", given, wanted);
    *passed_over += cells->list_count;
}

static void all_cells_within_are_handed_out(void **state)
{
    static struct cells cells;
    struct random_source random = {1};
    uint64_t passed_over = 0;
    put_cells(*state, &random, &cells);
    for (unsigned i = 0; i < 3000; i++) check_range(*state, &random, &cells, &passed_over);
    assert_true(passed_over > 100000);
}

static void all_lists_within_are_handed_out(void **state)
{
    static struct cells cells;
    struct random_source random = {2};
    uint64_t passed_over = 0;
    put_cells(*state, &random, &cells);
    for (unsigned i = 0; i < 3000; i++) check_lists(*state, &random, &cells, &passed_over);
    assert_true(passed_over > 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_cells_within_are_handed_out),
        CASE(all_lists_within_are_handed_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
