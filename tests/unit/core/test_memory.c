/*
 * The core's memory: arenas, buffers, borrowed text and sets of bytes keep what they were given, and never
 * pass their maximum.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "meterd/core/arena.h"
#include "meterd/core/buffer.h"
#include "meterd/core/byte_set.h"
#include "meterd/core/str.h"

static void an_arena_stays_below_its_maximum(void **state)
{
    enum { BYTES_MAX = 10000, PIECES_MAX = 1000 };
    struct mtr_arena arena;
    unsigned char *pieces[PIECES_MAX];
    (void)state;
    mtr_arena_init(&arena, 64, BYTES_MAX);
    for (int round = 0; round < 3; round++) {
        int count = 0;
        while (count < PIECES_MAX && (pieces[count] = mtr_arena_alloc(&arena, 1 + (size_t)count % 100))) {
            assert_int_equal((uintptr_t)pieces[count] % 16, 0);
            memset(pieces[count], count, 1 + (size_t)count % 100);
            count++;
        }
        assert_in_range(count, 50, PIECES_MAX - 1);
        assert_true(arena.bytes_total <= BYTES_MAX);
        for (int i = 0; i < count; i++) /* no piece lies in another */
            for (int k = 0; k < 1 + i % 100; k++) assert_int_equal(pieces[i][k], (unsigned char)i);
        mtr_arena_reset(&arena);
    }
    mtr_arena_release(&arena);
}

/* Two that grow beside one another, from little to large: each keeps what it has, in no more than it needs. */
static void large_arrays_leave_nothing_behind(void **state)
{
    enum { ITEMS = 300000, BYTES_MAX = 6 << 20 };
    struct mtr_arena arena;
    uint32_t *numbers = NULL, capacities[2] = {0};
    uint64_t *squares = NULL;
    (void)state;
    mtr_arena_init(&arena, 4096, BYTES_MAX + (6 << 20)); /* ITEMS of both, and what small ones leave */
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < ITEMS; i++) {
            assert_int_equal(mtr_arena_make_room(&arena, (void **)&numbers, (uint32_t)i, &capacities[0], sizeof(*numbers)), 0);
            assert_int_equal(mtr_arena_make_room(&arena, (void **)&squares, (uint32_t)i, &capacities[1], sizeof(*squares)), 0);
            assert_true(numbers[i] == 0 && squares[i] == 0);
            numbers[i] = (uint32_t)i;
            squares[i] = i * i;
        }
        for (uint64_t i = 0; i < ITEMS; i++) assert_true(numbers[i] == i && squares[i] == i * i);
        assert_true(arena.bytes_total <= arena.bytes_max);
        mtr_arena_reset(&arena);
        assert_true(arena.bytes_total < 4 << 20); /* the arrays are gone */
        numbers = NULL;
        squares = NULL;
        capacities[0] = capacities[1] = 0;
    }
    arena.bytes_max = arena.bytes_total + (2 << 20);
    uint32_t count = 0, capacity = 0;
    int rc = MTR_OK;
    for (; !rc; count++) rc = mtr_arena_make_room(&arena, (void **)&squares, count, &capacity, sizeof(*squares));
    assert_int_equal(rc, MTR_ENOMEM);
    assert_int_equal(--count, capacity); /* as it was */
    squares[count - 1] = 7;
    mtr_arena_release(&arena);
}

/* What was there stays, and what came behind it is given back: small pieces, new chunks and large arrays. */
static void an_arena_goes_back_to_a_mark(void **state)
{
    enum { PIECES = 300, ITEMS = 200000, BYTES_MAX = 8 << 20 };
    struct mtr_arena arena;
    uint32_t kept_capacity = 0;
    uint64_t *kept = NULL;
    (void)state;
    mtr_arena_init(&arena, 256, BYTES_MAX);
    for (int round = 0; round < 2; round++) { /* of an empty arena; with a chunk and a large array */
        const struct mtr_arena_mark mark = mtr_arena_mark(&arena);
        const size_t before = arena.bytes_total;
        const size_t used = mark.used;
        for (int again = 0; again < 20; again++) {
            uint32_t capacity = 0;
            uint64_t *items = NULL;
            for (int i = 0; i < PIECES; i++) memset(mtr_arena_alloc(&arena, 100), again, 100);
            for (uint32_t i = 0; i < ITEMS; i++) {
                assert_int_equal(mtr_arena_make_room(&arena, (void **)&items, i, &capacity, sizeof(*items)), 0);
                items[i] = i;
            }
            assert_true(arena.bytes_total > before + ITEMS * sizeof(*items));
            mtr_arena_rewind(&arena, mark);
            assert_int_equal(arena.bytes_total, before);
            assert_int_equal(mtr_arena_mark(&arena).used, used);
        }
        for (uint32_t i = 0; round == 0 && i < ITEMS; i++) {
            assert_int_equal(mtr_arena_make_room(&arena, (void **)&kept, i, &kept_capacity, sizeof(*kept)), 0);
            kept[i] = i + 1;
        }
    }
    for (uint64_t i = 0; i < ITEMS; i++) assert_true(kept[i] == i + 1);
    mtr_arena_release(&arena);
}

static void an_arena_refuses_what_cannot_be(void **state)
{
    struct mtr_arena arena;
    struct mtr_str text = {"x", 1};
    (void)state;
    mtr_arena_init(&arena, 64, 4096);
    assert_null(mtr_arena_alloc(&arena, 4097));
    assert_null(mtr_arena_alloc(&arena, SIZE_MAX));
    assert_null(mtr_arena_calloc(&arena, SIZE_MAX / 2, 3)); /* the product does not fit */
    assert_int_equal(mtr_arena_copy(&arena, (struct mtr_str){"", SIZE_MAX - 16}, &text), MTR_ENOMEM);
    assert_int_equal(text.size, 1); /* as it was */
    assert_non_null(mtr_arena_alloc(&arena, 4096));
    assert_null(mtr_arena_alloc(&arena, 1));
    mtr_arena_reset(&arena);
    assert_int_equal(arena.bytes_total, 4096); /* the largest chunk is kept */
    const char *zeros = mtr_arena_calloc(&arena, 8, 8);
    for (int i = 0; i < 64; i++) assert_int_equal(zeros[i], 0);
    assert_string_equal(mtr_arena_strdup(&arena, (struct mtr_str){"abcdef", 3}), "abc");
    assert_string_equal(mtr_arena_strdup(&arena, (struct mtr_str){NULL, 0}), "");
    mtr_arena_release(&arena);
    assert_int_equal(arena.bytes_total, 0);
}

static void a_buffer_stops_at_its_maximum(void **state)
{
    static const size_t maxima[] = {0, 1, 255, 256, 257, 1000};
    (void)state;
    for (size_t i = 0; i < sizeof(maxima) / sizeof(*maxima); i++) {
        struct mtr_buffer buffer;
        mtr_buffer_init(&buffer, maxima[i]);
        for (size_t k = 0; k < maxima[i]; k++)
            assert_int_equal(mtr_buffer_append_char(&buffer, (char)k), MTR_OK);
        assert_int_equal(mtr_buffer_append_char(&buffer, 'x'), MTR_ELIMIT);
        assert_int_equal(mtr_buffer_reserve(&buffer, SIZE_MAX), MTR_ELIMIT);
        assert_int_equal(buffer.size, maxima[i]); /* as it was */
        assert_true(buffer.capacity <= maxima[i]);
        for (size_t k = 0; k < maxima[i]; k++) assert_int_equal(buffer.data[k], (char)k);
        mtr_buffer_reset(&buffer);
        assert_int_equal(mtr_buffer_append_str(&buffer, (struct mtr_str){NULL, 0}), MTR_OK);
        assert_int_equal(mtr_buffer_str(&buffer).size, 0);
        mtr_buffer_release(&buffer);
    }
}

static void a_buffer_prints(void **state)
{
    struct mtr_buffer buffer;
    (void)state;
    mtr_buffer_init(&buffer, 301); /* the NUL of printf wants room too */
    for (int i = 0; i < 50; i++) assert_int_equal(mtr_buffer_printf(&buffer, "%05d|", i), MTR_OK);
    assert_int_equal(mtr_buffer_printf(&buffer, "%s", "more"), MTR_ELIMIT); /* 300 bytes are in it */
    assert_int_equal(buffer.size, 300);
    assert_memory_equal(buffer.data + 294, "00049|", 6);
    mtr_buffer_release(&buffer);
}

static void text_is_compared_by_bytes(void **state)
{
    const struct mtr_str none = {NULL, 0};
    uint64_t number = 7;
    (void)state;
    assert_true(mtr_str_equal(none, MTR_STR("")));
    assert_true(mtr_str_compare(none, MTR_STR("a")) < 0);
    assert_true(mtr_str_compare(MTR_STR("a"), MTR_STR("ab")) < 0);
    assert_true(mtr_str_compare(MTR_STR("\xff"), MTR_STR("a")) > 0);
    assert_true(mtr_str_starts_with(MTR_STR("abc"), none));
    assert_false(mtr_str_starts_with(MTR_STR("a"), MTR_STR("ab")));
    assert_true(mtr_str_to_u64(MTR_STR("18446744073709551615"), &number) && number == UINT64_MAX);
    static const char *const refused[] = {
        "", "18446744073709551616", "99999999999999999999999", "-1", "+1", " 1", "1 ", "1.0", "0x1"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        assert_false(mtr_str_to_u64(mtr_str_from(refused[i]), &number));
    assert_true(number == UINT64_MAX);
    assert_int_equal(mtr_str_distance(MTR_STR("vcpus"), MTR_STR("vcpu")), 1);
    assert_int_equal(mtr_str_distance(MTR_STR("form"), MTR_STR("from")), 1);
    assert_int_equal(mtr_str_distance(none, MTR_STR("abc")), 3);
    assert_int_equal(mtr_str_distance(MTR_STR("utc"), MTR_STR("UTC")), 0);
    assert_int_equal(mtr_str_distance(MTR_STR("Fro"), MTR_STR("fOr")), 1);
}

static struct mtr_str word_at(const void *context, unsigned i)
{
    const char *const *words = context;
    return mtr_str_from(words[i]);
}

static void the_nearest_name_is_meant(void **state)
{
    static const char *const words[] = {"region", "", "zone", "a", NULL};
    static const struct {
        const char *word, *meant;
    } rows[] = {
        {"reigon", "; did you mean `region`?"}, {"zones", "; did you mean `zone`?"}, {"Region", "; did you mean `region`?"},
        {"customer", ""}, {"b", "; did you mean `a`?"}, {"", "; did you mean `a`?"},
        {"a word that is longer than the sixty-four bytes that are compared with others", ""},
    };
    (void)state;
    char meant[MTR_MEANT_BYTES], longest[201];
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_string_equal(mtr_str_meant(mtr_str_from(rows[i].word), word_at, words, meant), rows[i].meant);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    const char *const others[] = {longest + 1, NULL}; /* a third of it is more than what two words can differ by */
    assert_string_equal(mtr_str_meant(mtr_str_from(longest), word_at, others, meant), "");
}

static void utf8_is_well_formed_or_not(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC2",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xE2\x82",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "a\xF0\x9F\x98"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(mtr_str_is_utf8(mtr_str_from(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(mtr_str_is_utf8(mtr_str_from(bad[i])));
}

static void a_set_numbers_keys_in_the_order_of_adding(void **state)
{
    enum { COUNT = 5000 };
    struct mtr_arena arena;
    (void)state;
    mtr_arena_init(&arena, 1 << 12, 1 << 24);
    struct mtr_byte_set set = {.arena = &arena};
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            char key[16];
            uint32_t number = UINT32_MAX;
            bool is_new = round > 0;
            int size = i ? snprintf(key, sizeof(key), "%u", i) : 0; /* the empty key is one too */
            assert_int_equal(mtr_byte_set_add(&set, (struct mtr_str){key, (size_t)size}, &number, &is_new),
                             MTR_OK);
            assert_int_equal(number, i);
            assert_int_equal(is_new, round == 0);
        }
    }
    assert_int_equal(set.count, COUNT);
    mtr_arena_release(&arena);
}

static void a_set_ends_with_its_arena(void **state)
{
    struct mtr_arena arena;
    uint32_t number, count = 0;
    bool is_new;
    int rc = MTR_OK;
    (void)state;
    mtr_arena_init(&arena, 1 << 10, 1 << 16);
    struct mtr_byte_set set = {.arena = &arena};
    while (!rc) {
        count = set.count;
        rc = mtr_byte_set_add(&set, (struct mtr_str){(const char *)&count, sizeof(count)}, &number, &is_new);
    }
    assert_int_equal(rc, MTR_ENOMEM);
    assert_int_equal(set.count, count); /* what is in it stays in it */
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(
            mtr_byte_set_add(&set, (struct mtr_str){(const char *)&i, sizeof(i)}, &number, &is_new), MTR_OK);
        assert_true(number == i && !is_new);
    }
    mtr_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_stays_below_its_maximum),
        cmocka_unit_test(an_arena_goes_back_to_a_mark),
        cmocka_unit_test(an_arena_refuses_what_cannot_be),
        cmocka_unit_test(large_arrays_leave_nothing_behind),
        cmocka_unit_test(a_buffer_stops_at_its_maximum),
        cmocka_unit_test(a_buffer_prints),
        cmocka_unit_test(text_is_compared_by_bytes),
        cmocka_unit_test(the_nearest_name_is_meant), cmocka_unit_test(utf8_is_well_formed_or_not),
        cmocka_unit_test(a_set_numbers_keys_in_the_order_of_adding),
        cmocka_unit_test(a_set_ends_with_its_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
