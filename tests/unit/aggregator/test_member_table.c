/*
 * Members that gather in memory: whenever they are written, in one go or in several, the store and the
 * cells that count them are as if each had been put at once.
 */
#include "aggregator/member_table.h"
#include "tests/support/random.h"
#include "tests/support/rollups_world.h"

enum { CELLS = 5, MEMBERS = 24, STEPS = 400, WORLDS = 40 };

static const struct mtr_meter unique = {.number = 1, .aggregation = MTR_UNIQUE};

struct world {
    struct fixture *f;
    struct mtr_cell_table cells;
    struct mtr_arena arena;
    struct member_table members;
    int64_t counts[CELLS][MEMBERS]; /* as they must be */
};

static struct mtr_str member_of(uint32_t member, char bytes[2])
{
    bytes[0] = (char)('a' + member % 5); /* some begin like others, and are shorter */
    bytes[1] = (char)('a' + member / 5);
    return (struct mtr_str){bytes, member < 5 ? 1 : 2};
}

static struct mtr_cell_key key_of(uint32_t cell)
{
    static const char *const regions[] = {"", "a\x1f", "a\x1f", "ab\x1f", "b\x1f"};
    return (struct mtr_cell_key){1 + cell / 4, 1, cell == 2 ? 3600 : 0, mtr_str_from(regions[cell])};
}

static void begin(struct world *world, struct fixture *f)
{
    *world = (struct world){.f = f};
    cell_table_init(&world->cells);
    mtr_arena_init(&world->arena, 1 << 10, 1 << 24);
    world->members.arena = &world->arena;
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        const struct mtr_cell_key key = key_of(cell);
        struct mtr_cell_change *change;
        assert_int_equal(cell_table_find(&world->cells, &key, &unique, &change), MTR_OK);
    }
}

static void end(struct world *world)
{
    cell_table_release(&world->cells);
    mtr_arena_release(&world->arena);
}

static void add(struct world *world, uint32_t cell, uint32_t member, int sign)
{
    char bytes[2];
    const struct mtr_str text = member_of(member, bytes);
    assert_int_equal(member_table_add(&world->members, cell, text, sign), MTR_OK);
    memset(bytes, '?', sizeof(bytes)); /* it was copied */
    world->counts[cell][member] += sign;
}

static void write_all(struct world *world)
{
    assert_int_equal(member_table_write(&world->members, &world->cells, world->f->txn), MTR_OK);
    assert_int_equal(world->members.count, 0);
}

static int count_members(void *context, const struct mtr_member *member)
{
    assert_true(member->count > 0);
    ++*(uint32_t *)context;
    return MTR_OK;
}

static void check(struct world *world)
{
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        const struct mtr_cell_key key = key_of(cell);
        uint32_t expected = 0, found = 0;
        for (uint32_t member = 0; member < MEMBERS; member++) {
            char bytes[2];
            const struct mtr_key row = rollups_member_key(&key, member_of(member, bytes));
            struct mtr_str value;
            const int64_t count = world->counts[cell][member];
            int rc = rollups_get(world->f->txn, MTR_TABLE_MEMBERS, rollups_key_str(&row), &value);
            assert_int_equal(rc, count ? MTR_OK : MTR_ENOTFOUND);
            if (count) assert_int_equal(lmdb_get_u64((const unsigned char *)value.data), count);
            expected += count > 0;
        }
        assert_int_equal(mtr_rollups_walk_members(world->f->txn, &key, count_members, &found), MTR_OK);
        assert_int_equal(found, expected);
        assert_true(world->cells.changes[cell].value_e12 == MTR_QUANTITY(expected).e12);
    }
}

/* What is taken back was there, or is put within the same batch. */
static void any_batches_are_the_same(void **state)
{
    const char *given = getenv("METERD_SEED");
    const uint64_t first = given ? strtoull(given, NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + (given ? 1 : WORLDS); seed++) {
        struct random_source random = {seed};
        struct world world;
        print_message("seed %llu\n", (unsigned long long)seed);
        assert_int_equal(setup(state), 0);
        begin(&world, *state);
        for (int i = 0; i < STEPS; i++) {
            const uint32_t cell = (uint32_t)random_below(&random, CELLS),
                           member = (uint32_t)random_below(&random, MEMBERS);
            const bool back = random_below(&random, 2) && world.counts[cell][member] > 0;
            add(&world, cell, member, back ? -1 : 1);
            if (!random_below(&random, 20)) write_all(&world);
        }
        write_all(&world);
        check(&world);
        end(&world);
        assert_int_equal(teardown(state), 0);
    }
}

static void what_never_came_is_not_taken_back(void **state)
{
    struct world world;
    assert_int_equal(setup(state), 0);
    begin(&world, *state);
    add(&world, 0, 0, -1);
    add(&world, 0, 0, 1); /* in any order within a batch */
    write_all(&world);
    add(&world, 1, 3, 1);
    add(&world, 0, 3, -1); /* of another cell */
    assert_int_equal(member_table_write(&world.members, &world.cells, world.f->txn), MTR_ECORRUPT);
    end(&world);
    assert_int_equal(teardown(state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_batches_are_the_same),
        cmocka_unit_test(what_never_came_is_not_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
