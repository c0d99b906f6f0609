/*
 * Rows and their seals: what was put comes back; a value that was changed, or stands under another key or in
 * another table, is damaged; that a row is not there is proved; rows of before there were seals get them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/store/sealed_table.h"
#include "meterd/store/damage.h"
#include "tests/support/directory.h"

static const struct sealed_store store = {"samples", "look at them", "format", 4};

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    MDB_env *env;
    MDB_txn *txn;
    struct sealed_table table, other;
};

static int set_up(void **state)
{
    const struct mtr_lmdb_options options = {.map_bytes = 1 << 26, .databases_max = 4};
    struct fixture *f = calloc(1, sizeof(*f));
    struct mtr_diagnostic diagnostic = {0};
    make_temporary(f->directory);
    assert_int_equal(lmdb_open(f->directory, &options, &f->env, &diagnostic), 0);
    assert_int_equal(mdb_txn_begin(f->env, NULL, 0, &f->txn), 0);
    assert_int_equal(sealed_table_open(f->txn, &store, "rows", true, &f->table), 0);
    assert_int_equal(sealed_table_open(f->txn, &store, "others", true, &f->other), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    mdb_txn_abort(f->txn);
    lmdb_close(f->env);
    remove_tree(f->directory);
    free(f);
    return 0;
}

static MDB_val val(const char *text) { return lmdb_val(text, strlen(text)); }

static int put(struct fixture *f, const char *key, const char *value, unsigned flags)
{
    MDB_val v = val(value);
    return sealed_put(f->txn, &f->table, val(key), &v, flags);
}

static void assert_value(struct fixture *f, const char *key, const char *value)
{
    MDB_val v;
    assert_int_equal(sealed_get(f->txn, &f->table, val(key), &v), 0);
    assert_int_equal(v.mv_size, strlen(value));
    assert_memory_equal(v.mv_data, value, v.mv_size);
}

static void what_was_put_comes_back(void **state)
{
    struct fixture *f = *state;
    MDB_val v = val("new");
    assert_int_equal(put(f, "a", "", 0), 0);
    assert_int_equal(put(f, "b", "value", 0), 0);
    assert_value(f, "a", "");
    assert_value(f, "b", "value");
    assert_int_equal(put(f, "b", "longer value", 0), 0);
    assert_value(f, "b", "longer value");
    assert_int_equal(sealed_put(f->txn, &f->table, val("b"), &v, MDB_NOOVERWRITE), MTR_EEXISTS);
    assert_int_equal(v.mv_size, 12); /* what stands there */
    assert_memory_equal(v.mv_data, "longer value", 12);
    assert_int_equal(sealed_get(f->txn, &f->table, val("c"), &v), MTR_ENOTFOUND);
}

/* The bytes as they stand. */
static MDB_val stored(struct fixture *f, const char *key, unsigned char copy[64])
{
    MDB_val k = val(key), v;
    assert_int_equal(mdb_get(f->txn, f->table.dbi, &k, &v), 0);
    assert_true(v.mv_size <= 64);
    memcpy(copy, v.mv_data, v.mv_size);
    v.mv_data = copy;
    return v;
}

static void each_bit_counts(void **state)
{
    struct fixture *f = *state;
    unsigned char bytes[64];
    struct mtr_damage damage;
    assert_int_equal(put(f, "k", "12.50 EUR", 0), 0);
    MDB_val v = stored(f, "k", bytes), k = val("k"), got;
    for (size_t bit = 0; bit < 8 * v.mv_size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_int_equal(mdb_put(f->txn, f->table.dbi, &k, &v, 0), 0);
        assert_int_equal(sealed_get(f->txn, &f->table, k, &got), MTR_ECORRUPT);
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    assert_int_equal(mdb_put(f->txn, f->table.dbi, &k, &v, 0), 0);
    assert_value(f, "k", "12.50 EUR");
    for (v.mv_size = 0; v.mv_size < 17; v.mv_size++) { /* cut short */
        assert_int_equal(mdb_put(f->txn, f->table.dbi, &k, &v, 0), 0);
        assert_int_equal(sealed_get(f->txn, &f->table, k, &got), MTR_ECORRUPT);
    }
    mtr_store_damage(&damage);
    assert_true(damage.count >= 8 * 17 + 17);
    assert_string_equal(damage.text, "the samples are damaged: row 6b of the table rows does not match its "
                                     "checksum: look at them");
}

static void a_value_is_of_its_key_and_table(void **state)
{
    struct fixture *f = *state;
    unsigned char bytes[64];
    assert_int_equal(put(f, "k", "value", 0), 0);
    MDB_val v = stored(f, "k", bytes), k = val("l"), got;
    assert_int_equal(mdb_put(f->txn, f->table.dbi, &k, &v, 0), 0);
    assert_int_equal(sealed_get(f->txn, &f->table, k, &got), MTR_ECORRUPT);
    k = val("k");
    assert_int_equal(mdb_put(f->txn, f->other.dbi, &k, &v, 0), 0);
    assert_int_equal(sealed_get(f->txn, &f->other, k, &got), MTR_ECORRUPT);
    assert_value(f, "k", "value");
}

/* Of a row whose key was changed its neighbours' look-ups tell. */
static void that_there_is_none_is_proved(void **state)
{
    struct fixture *f = *state;
    unsigned char bytes[64];
    MDB_cursor *cursor;
    static const char *const keys[] = {"b", "d", "f"};
    assert_int_equal(sealed_prove_absence(f->txn, &f->table, val("a")), 0); /* of an empty table */
    for (int i = 0; i < 3; i++) assert_int_equal(put(f, keys[i], "value", 0), 0);
    for (const char *key = "aceg"; *key; key++)
        assert_int_equal(sealed_prove_absence(f->txn, &f->table, lmdb_val(key, 1)), 0);
    assert_int_equal(sealed_prove_absence(f->txn, &f->table, val("d")), MTR_ECORRUPT); /* it is there */
    MDB_val v = stored(f, "d", bytes), k = val("d"), moved = val("e"), got;
    assert_int_equal(mdb_del(f->txn, f->table.dbi, &k, NULL), 0);
    assert_int_equal(mdb_put(f->txn, f->table.dbi, &moved, &v, 0), 0);
    assert_int_equal(sealed_prove_absence(f->txn, &f->table, val("d")), MTR_ECORRUPT);
    assert_int_equal(sealed_prove_absence(f->txn, &f->table, val("ee")), MTR_ECORRUPT);
    assert_int_equal(sealed_prove_absence(f->txn, &f->table, val("a")), 0);
    assert_int_equal(sealed_prove_absence(f->txn, &f->table, val("g")), 0);
    assert_int_equal(mdb_cursor_open(f->txn, f->table.dbi, &cursor), 0);
    k = val("f");
    assert_int_equal(sealed_cursor_get(cursor, &f->table, &k, &got, MDB_SET_RANGE), 0); /* f itself is there */
    k = val("ef");
    assert_int_equal(sealed_cursor_get(cursor, &f->table, &k, &got, MDB_SET_RANGE), MTR_ECORRUPT);
    k = val("a");
    assert_int_equal(sealed_cursor_get(cursor, &f->table, &k, &got, MDB_SET_RANGE), 0);
    assert_int_equal(sealed_cursor_get(cursor, &f->table, &k, &got, MDB_NEXT), MTR_ECORRUPT);
    mdb_cursor_close(cursor);
}

/* A place between two rows does not move the cursor: what follows is the next row. */
static void a_walk_goes_on_from_where_it_began(void **state)
{
    struct fixture *f = *state;
    MDB_cursor *cursor;
    MDB_val k, v;
    char key[16];
    for (int i = 0; i < 1000; i += 2) {
        snprintf(key, sizeof(key), "%04d", i);
        assert_int_equal(put(f, key, key, 0), 0);
    }
    assert_int_equal(mdb_cursor_open(f->txn, f->table.dbi, &cursor), 0);
    for (int from = -1; from < 1000; from++) {
        if (from < 0) snprintf(key, sizeof(key), "0");
        else snprintf(key, sizeof(key), "%04d", from);
        k = val(key);
        int rc = sealed_cursor_get(cursor, &f->table, &k, &v, MDB_SET_RANGE);
        const int first = from < 0 ? 0 : from + from % 2;
        for (int i = first; i < first + 4 && i < 1000; i += 2) {
            assert_int_equal(rc, 0);
            snprintf(key, sizeof(key), "%04d", i);
            assert_int_equal(v.mv_size, 4);
            assert_memory_equal(v.mv_data, key, 4);
            rc = sealed_cursor_get(cursor, &f->table, &k, &v, MDB_NEXT);
        }
        if (first >= 1000) assert_int_equal(rc, MTR_ENOTFOUND);
    }
    mdb_cursor_close(cursor);
}

static void rows_of_before_get_their_seals(void **state)
{
    struct fixture *f = *state;
    char text[16];
    MDB_val got;
    for (int i = 0; i < 3000; i++) { /* of several pages */
        snprintf(text, sizeof(text), "%06d", i);
        MDB_val k = val(text), v = val(text);
        assert_int_equal(mdb_put(f->txn, f->table.dbi, &k, &v, 0), 0);
    }
    struct sealed_table bare = f->table;
    bare.is_bare = true;
    assert_int_equal(sealed_get(f->txn, &bare, val("000007"), &got), 0);
    assert_int_equal(got.mv_size, 6);
    assert_int_equal(sealed_get(f->txn, &f->table, val("000007"), &got), MTR_ECORRUPT);
    assert_int_equal(sealed_upgrade(f->txn, &f->table, 1), 0);
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "%06d", i);
        assert_value(f, text, text);
    }
    MDB_stat stat;
    assert_int_equal(mdb_stat(f->txn, f->table.dbi, &stat), 0);
    assert_int_equal(stat.ms_entries, 3000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_bit_counts), /* first: it sees the damage that is met first */
        CASE(what_was_put_comes_back),
        CASE(a_value_is_of_its_key_and_table),
        CASE(that_there_is_none_is_proved),
        CASE(a_walk_goes_on_from_where_it_began),
        CASE(rows_of_before_get_their_seals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
