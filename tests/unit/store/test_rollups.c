/*
 * The rollups store: what is put is found again, in order; a table never shows rows of another name; the hash
 * sees what a rebuild must reproduce and nothing else; another format is refused.
 */
#include "tests/support/rollups_world.h"

static void cursor_starts_at_one_and_is_kept(void **state)
{
    struct fixture *f = *state;
    uint64_t next_seq, change;
    int64_t watermark_us;
    assert_int_equal(mtr_rollups_get_cursor(f->txn, &next_seq, &watermark_us, &change), MTR_OK);
    assert_true(next_seq == 1 && watermark_us == 0 && change == 0);
    assert_int_equal(mtr_rollups_put_cursor(f->txn, 77, 1234567, 5), MTR_OK);
    reopen(f);
    assert_int_equal(mtr_rollups_get_cursor(f->txn, &next_seq, &watermark_us, &change), MTR_OK);
    assert_true(next_seq == 77 && watermark_us == 1234567 && change == 5);
}

static void cells_come_by_hour_and_dimensions(void **state)
{
    struct fixture *f = *state;
    put_cell(f, 1, 2, 7200, "b\x1f", 1);
    put_cell(f, 1, 2, 7200, "a\x1f", 2);
    put_cell(f, 1, 2, -3600, "", 3);
    put_cell(f, 1, 2, 0, "", 4);
    put_cell(f, 1, 3, 0, "", 5);
    put_cell(f, 2, 1, 0, "", 6);
    put_cell(f, 256, 1, 0, "", 7);
    reopen(f);
    struct seen seen = {0};
    assert_int_equal(
        mtr_rollups_walk_cells(f->txn, &(struct mtr_cell_range){1, 2, -3600, 7201}, on_cell, &seen), MTR_OK);
    assert_string_equal(seen.text, "1/2/-3600/=3 1/2/0/=4 1/2/7200/a\x1f=2 1/2/7200/b\x1f=1 ");
    seen = (struct seen){0};
    assert_int_equal(
        mtr_rollups_walk_cells(f->txn, &(struct mtr_cell_range){1, 2, -3599, 7200}, on_cell, &seen), MTR_OK);
    assert_string_equal(seen.text, "1/2/0/=4 ");
    seen = (struct seen){.stop_after = 2};
    assert_int_equal(walk_all_cells(f->txn, on_cell, &seen), MTR_ECLOSED);
    assert_int_equal(seen.rows, 2);
    seen = (struct seen){0};
    assert_int_equal(walk_all_cells(f->txn, on_cell, &seen), MTR_OK);
    assert_int_equal(seen.rows, 7);
}

static void a_cell_is_read_as_it_was_put(void **state)
{
    struct fixture *f = *state;
    struct mtr_cell_key key = {1, 1, 3600, MTR_STR("eu\x1f\x1f")};
    mtr_int128 most = (mtr_int128)(~(mtr_uint128)0 >> 1);
    const mtr_int128 values[] = {0, 1, -1, most, -most - 1, (mtr_int128)1 << 64};
    struct mtr_cell got;
    assert_int_equal(mtr_rollups_get_cell(f->txn, &key, &got), MTR_ENOTFOUND);
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        struct mtr_cell cell = {{values[i]}, UINT64_MAX, 1, UINT64_MAX, 12};
        assert_int_equal(mtr_rollups_put_cell(f->txn, &key, &cell), MTR_OK);
        assert_int_equal(mtr_rollups_get_cell(f->txn, &key, &got), MTR_OK);
        assert_true(got.value.e12 == values[i] && got.count == UINT64_MAX && got.seq_first == 1);
        assert_true(got.seq_last == UINT64_MAX && got.change == 12);
    }
}

static uint64_t add_member(struct fixture *f, const struct mtr_cell_key *key, const char *member,
                           int64_t delta)
{
    uint64_t count = 99;
    assert_int_equal(mtr_rollups_add_member(f->txn, key, mtr_str_from(member), delta, &count), MTR_OK);
    return count;
}

static void members_are_counted_and_ordered(void **state)
{
    struct fixture *f = *state;
    struct mtr_cell_key key = {1, 1, 0, {NULL, 0}}, longer = {1, 1, 0, MTR_STR("m")},
                        later = {1, 1, 3600, {NULL, 0}};
    struct mtr_member member;
    uint64_t count;
    assert_int_equal(mtr_rollups_last_member(f->txn, &key, &member), MTR_ENOTFOUND);
    assert_int_equal(add_member(f, &longer, "x", 1), 1);
    assert_int_equal(mtr_rollups_first_member(f->txn, &key, &member), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_last_member(f->txn, &key, &member), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_last_member(f->txn, &later, &member), MTR_ENOTFOUND);
    assert_int_equal(add_member(f, &key, "mb", 1), 1);
    assert_int_equal(add_member(f, &key, "\xff\xff", 1), 1);
    assert_int_equal(add_member(f, &key, "ma", 2), 2);
    assert_int_equal(add_member(f, &later, "a", 1), 1);
    reopen(f);
    assert_int_equal(mtr_rollups_first_member(f->txn, &key, &member), MTR_OK);
    assert_true(mtr_str_equal(member.member, MTR_STR("ma")) && member.count == 2);
    assert_int_equal(mtr_rollups_last_member(f->txn, &key, &member), MTR_OK);
    assert_true(mtr_str_equal(member.member, MTR_STR("\xff\xff")) && member.count == 1);
    assert_int_equal(mtr_rollups_last_member(f->txn, &longer, &member), MTR_OK);
    assert_true(mtr_str_equal(member.member, MTR_STR("x")));
    assert_int_equal(add_member(f, &key, "ma", -1), 1);
    assert_int_equal(mtr_rollups_add_member(f->txn, &key, MTR_STR("ma"), -2, &count), MTR_EINVALID);
    assert_int_equal(mtr_rollups_add_member(f->txn, &key, MTR_STR("none"), -1, &count), MTR_EINVALID);
    assert_int_equal(add_member(f, &key, "ma", -1), 0);
    assert_int_equal(mtr_rollups_first_member(f->txn, &key, &member), MTR_OK);
    assert_true(mtr_str_equal(member.member, MTR_STR("mb")));
}

static int on_held(void *context, const struct mtr_held_event *held)
{
    char text[128];
    snprintf(text, sizeof(text), "%d/%.*s/%.*s/%llu%s ", (int)held->reason, MTR_STR_ARGS(held->vendor),
             MTR_STR_ARGS(held->name), (unsigned long long)held->seq, held->voided ? "!" : "");
    return note(context, text);
}

static void put_held(struct fixture *f, enum mtr_held_reason reason, const char *vendor, const char *name,
                     uint64_t seq, bool voided)
{
    struct mtr_held_event held = {reason, mtr_str_from(vendor), mtr_str_from(name), seq, voided};
    assert_int_equal(mtr_rollups_put_held(f->txn, &held), MTR_OK);
}

static void held_events_come_by_name_in_sequence(void **state)
{
    struct fixture *f = *state;
    put_held(f, MTR_HELD_SUBSCRIPTION, "acme", "s", 300, false);
    put_held(f, MTR_HELD_SUBSCRIPTION, "acme", "s", 2, true);
    put_held(f, MTR_HELD_SUBSCRIPTION, "acme", "s1", 5, false);
    put_held(f, MTR_HELD_SUBSCRIPTION, "acm", "es", 6, false);
    put_held(f, MTR_HELD_METER, "acme", "s", 7, false);
    struct seen seen = {0};
    struct mtr_held_event after = {
        .reason = MTR_HELD_SUBSCRIPTION, .vendor = MTR_STR("acme"), .name = MTR_STR("s")};
    assert_int_equal(mtr_rollups_walk_held(f->txn, &after, on_held, &seen), MTR_OK);
    assert_string_equal(seen.text, "0/acme/s/2! 0/acme/s/300 ");
    seen = (struct seen){0};
    after.seq = 2;
    assert_int_equal(mtr_rollups_walk_held(f->txn, &after, on_held, &seen), MTR_OK);
    assert_string_equal(seen.text, "0/acme/s/300 ");
    seen = (struct seen){0};
    assert_int_equal(mtr_rollups_walk_held(f->txn, &(struct mtr_held_event){.reason = MTR_HELD_SUBSCRIPTION},
                                           on_held, &seen),
                     MTR_OK);
    assert_int_equal(seen.rows, 4);
    struct mtr_held_event held = {
        .reason = MTR_HELD_METER, .vendor = MTR_STR("acme"), .name = MTR_STR("s"), .seq = 7, .voided = true};
    assert_int_equal(mtr_rollups_get_held(f->txn, &held), MTR_OK);
    assert_false(held.voided);
    assert_int_equal(mtr_rollups_delete_held(f->txn, &held), MTR_OK);
    assert_int_equal(mtr_rollups_delete_held(f->txn, &held), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_get_held(f->txn, &held), MTR_ENOTFOUND);
}

static void a_sequence_is_voided_once(void **state)
{
    struct fixture *f = *state;
    uint64_t seq = 1, by;
    assert_int_equal(mtr_rollups_next_voided(f->txn, &seq, &by), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_put_voided(f->txn, 10, 20), MTR_OK);
    assert_int_equal(mtr_rollups_put_voided(f->txn, 10, 21), MTR_EEXISTS);
    assert_int_equal(mtr_rollups_get_voided(f->txn, 10, &by), MTR_OK);
    assert_int_equal(by, 20);
    assert_int_equal(mtr_rollups_get_voided(f->txn, 11, &by), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_next_voided(f->txn, &seq, &by), MTR_OK);
    assert_true(seq == 10 && by == 20);
    seq = 11;
    assert_int_equal(mtr_rollups_next_voided(f->txn, &seq, &by), MTR_ENOTFOUND);
}

static int on_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    char text[128];
    snprintf(text, sizeof(text), "%llu.%u %.*s: %.*s; ", (unsigned long long)event->seq, event->meter,
             MTR_STR_ARGS(event->reason), MTR_STR_ARGS(event->text));
    return note(context, text);
}

static void quarantine_is_kept_by_sequence_and_meter(void **state)
{
    struct fixture *f = *state;
    const struct mtr_quarantined_event events[] = {
        {9, 2, MTR_STR("invalid"), MTR_STR("no number")},
        {9, 1, MTR_STR("invalid"), MTR_STR("missing")},
        {4, 0, MTR_STR("future"), MTR_STR("")},
    };
    for (int i = 0; i < 3; i++) assert_int_equal(mtr_rollups_put_quarantined(f->txn, &events[i]), MTR_OK);
    struct seen seen = {0};
    assert_int_equal(mtr_rollups_walk_quarantined(f->txn, 0, on_quarantined, &seen), MTR_OK);
    assert_string_equal(seen.text, "4.0 future: ; 9.1 invalid: missing; 9.2 invalid: no number; ");
    seen = (struct seen){0};
    assert_int_equal(mtr_rollups_walk_quarantined(f->txn, 9, on_quarantined, &seen), MTR_OK);
    assert_int_equal(seen.rows, 0);
}

static int on_fact(void *context, struct mtr_str name, struct mtr_str value)
{
    char text[128];
    snprintf(text, sizeof(text), "%.*s=%.*s ", MTR_STR_ARGS(name), MTR_STR_ARGS(value));
    return note(context, text);
}

static void facts_are_found_by_prefix(void **state)
{
    struct fixture *f = *state;
    struct mtr_str value;
    struct seen seen = {0};
    assert_int_equal(mtr_rollups_put_fact(f->txn, MTR_STR("type/b"), MTR_STR("2")), MTR_OK);
    assert_int_equal(mtr_rollups_put_fact(f->txn, MTR_STR("type/a"), MTR_STR("1")), MTR_OK);
    assert_int_equal(mtr_rollups_put_fact(f->txn, MTR_STR("typo"), MTR_STR("3")), MTR_OK);
    assert_int_equal(mtr_rollups_get_fact(f->txn, MTR_STR("type/a"), &value), MTR_OK);
    assert_true(mtr_str_equal(value, MTR_STR("1")));
    assert_int_equal(mtr_rollups_walk_facts(f->txn, MTR_STR("type/"), on_fact, &seen), MTR_OK);
    assert_string_equal(seen.text, "type/a=1 type/b=2 ");
    assert_int_equal(mtr_rollups_delete_fact(f->txn, MTR_STR("type/a")), MTR_OK);
    assert_int_equal(mtr_rollups_get_fact(f->txn, MTR_STR("type/a"), &value), MTR_ENOTFOUND);
}

static int on_feed(void *context, const struct mtr_feed_row *row)
{
    char text[64];
    snprintf(text, sizeof(text), "%llu:%u/%u ", (unsigned long long)row->change, row->subscription, row->day);
    return note(context, text);
}

static void the_newest_change_of_a_day_wins(void **state)
{
    struct fixture *f = *state;
    const struct mtr_feed_row rows[] = {{1, 7, 100}, {1, 8, 100}, {2, 7, 100},
                                        {2, 7, 101}, {2, 7, 101}, {3, 9, 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(mtr_rollups_put_feed(f->txn, &rows[i]), MTR_OK);
    struct seen seen = {0};
    assert_int_equal(mtr_rollups_walk_feed(f->txn, 0, on_feed, &seen), MTR_OK);
    assert_string_equal(seen.text, "1:8/100 2:7/100 2:7/101 3:9/1 ");
    seen = (struct seen){0};
    assert_int_equal(mtr_rollups_walk_feed(f->txn, 2, on_feed, &seen), MTR_OK);
    assert_string_equal(seen.text, "3:9/1 ");
}

static struct mtr_hash128 hash_of(struct fixture *f)
{
    struct mtr_hash128 hash;
    assert_int_equal(mtr_rollups_hash(f->txn, &hash), MTR_OK);
    return hash;
}

static bool same(struct mtr_hash128 a, struct mtr_hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

static void the_hash_covers_all_but_when(void **state)
{
    struct fixture *f = *state;
    uint64_t count;
    struct mtr_cell_key key = {1, 2, 0, {NULL, 0}};
    struct mtr_cell cell;
    put_cell(f, 1, 2, 0, "", 4);
    assert_int_equal(mtr_rollups_put_cursor(f->txn, 10, 5, 1), MTR_OK);
    struct mtr_hash128 before = hash_of(f);
    /* When the fold ran does not count. */
    struct mtr_feed_row row = {1, 1, 1};
    assert_int_equal(mtr_rollups_get_cell(f->txn, &key, &cell), MTR_OK);
    cell.change++;
    assert_int_equal(mtr_rollups_put_cell(f->txn, &key, &cell), MTR_OK);
    assert_int_equal(mtr_rollups_put_cursor(f->txn, 10, 99, 7), MTR_OK);
    assert_int_equal(mtr_rollups_put_feed(f->txn, &row), MTR_OK);
    assert_true(same(before, hash_of(f)));
    /* What it made does, table by table. */
    struct mtr_hash128 hashes[9];
    assert_int_equal(mtr_rollups_put_cursor(f->txn, 11, 99, 7), MTR_OK);
    hashes[0] = hash_of(f);
    cell.count++;
    assert_int_equal(mtr_rollups_put_cell(f->txn, &key, &cell), MTR_OK);
    hashes[1] = hash_of(f);
    assert_int_equal(mtr_rollups_add_member(f->txn, &key, MTR_STR("m"), 1, &count), MTR_OK);
    hashes[2] = hash_of(f);
    put_held(f, MTR_HELD_METER, "v", "t", 3, false);
    hashes[3] = hash_of(f);
    assert_int_equal(mtr_rollups_put_voided(f->txn, 1, 2), MTR_OK);
    hashes[4] = hash_of(f);
    struct mtr_quarantined_event event = {5, 0, MTR_STR("future"), MTR_STR("")};
    assert_int_equal(mtr_rollups_put_quarantined(f->txn, &event), MTR_OK);
    hashes[5] = hash_of(f);
    assert_int_equal(mtr_rollups_put_fact(f->txn, MTR_STR("a"), MTR_STR("b")), MTR_OK);
    hashes[6] = hash_of(f);
    const struct mtr_values_of of = {1, 2};
    assert_int_equal(mtr_rollups_admit_values(f->txn, &of, MTR_STR("eu\x1f")), MTR_OK);
    hashes[7] = hash_of(f);
    assert_int_equal(mtr_rollups_put_beyond(f->txn, &of, 9), MTR_OK);
    hashes[8] = hash_of(f);
    for (int i = 0; i < 9; i++) {
        assert_false(same(before, hashes[i]));
        for (int j = 0; j < i; j++) assert_false(same(hashes[i], hashes[j]));
    }
}

/* The bytes of format 4: when this fails, the format has changed and needs a new version
 * (docs/formats.md). */
static void the_layout_is_format_4(void **state)
{
    struct fixture *f = *state;
    struct mtr_cell_key key = {1, 2, -3600, MTR_STR("eu\x1f")};
    struct mtr_str value;
    uint64_t count;
    struct mtr_key cell = {.size = 0};
    put_cell(f, 1, 2, -3600, "eu\x1f", -4);
    rollups_key_bytes(&cell, (struct mtr_str){"\0\0\0\1\0\0\0\2\x7f\xff\xff\xff\xff\xff\xf1\xf0"
                                         "eu\x1f",
                                         19});
    assert_int_equal(rollups_get(f->txn, MTR_TABLE_CELLS, rollups_key_str(&cell), &value), MTR_OK);
    static const char bytes[] =
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfc\0\0\0\0\0\0\0\1"
        "\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\4";
    assert_int_equal(value.size, sizeof(bytes) - 1);
    assert_memory_equal(value.data, bytes, value.size);
    const unsigned char *seal = (const unsigned char *)value.data + value.size; /* stands behind it */
    assert_int_equal(lmdb_get_u64(seal), UINT64_C(0xb38e7fb7ded6b8e6));
    struct mtr_quarantined_event event = {5, 7, MTR_STR("future"), MTR_STR("too far ahead")};
    assert_int_equal(mtr_rollups_add_member(f->txn, &key, MTR_STR("m"), 1, &count), MTR_OK);
    put_held(f, MTR_HELD_METER, "acme", "cpu", 3, true);
    assert_int_equal(mtr_rollups_put_voided(f->txn, 1, 2), MTR_OK);
    assert_int_equal(mtr_rollups_put_quarantined(f->txn, &event), MTR_OK);
    assert_int_equal(mtr_rollups_put_fact(f->txn, MTR_STR("catalog"), MTR_STR("12345678")), MTR_OK);
    const struct mtr_values_of of = {1, 2};
    assert_int_equal(mtr_rollups_admit_values(f->txn, &of, MTR_STR("eu\x1f")), MTR_OK);
    assert_int_equal(mtr_rollups_put_beyond(f->txn, &of, 9), MTR_OK);
    assert_int_equal(mtr_rollups_put_cursor(f->txn, 10, 5, 1), MTR_OK);
    struct mtr_hash128 hash = hash_of(f);
    assert_int_equal(hash.high, UINT64_C(0x6fefd18f639661c));
    assert_int_equal(hash.low, UINT64_C(0x9d015b178bf8af56));
}

static void an_aborted_transaction_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct mtr_cell_key key = {1, 2, 0, {NULL, 0}};
    struct mtr_cell cell;
    put_cell(f, 1, 2, 0, "", 4);
    mtr_rollups_abort(f->txn);
    assert_int_equal(mtr_rollups_begin(f->rollups, true, &f->txn), MTR_OK);
    assert_int_equal(mtr_rollups_get_cell(f->txn, &key, &cell), MTR_ENOTFOUND);
}

static void another_format_is_refused(void **state)
{
    struct fixture *f = *state;
    struct mtr_diagnostic diagnostic;
    assert_int_equal(
        rollups_put(f->txn, MTR_TABLE_META, MTR_STR("format"), (struct mtr_str){"\0\0\0\x09", 4}), MTR_OK);
    assert_int_equal(mtr_rollups_commit(f->txn), MTR_OK);
    mtr_rollups_close(f->rollups);
    f->txn = NULL;
    f->rollups = NULL;
    assert_int_equal(mtr_rollups_open(f->directory, false, &f->rollups, &diagnostic), MTR_EVERSION);
    assert_non_null(strstr(diagnostic.text, "format 9"));
    assert_int_equal(mtr_rollups_open(f->directory, true, &f->rollups, &diagnostic), MTR_EVERSION);
}

static void a_reader_opens_what_is_there_only(void **state)
{
    struct fixture *f = *state;
    struct mtr_diagnostic diagnostic;
    struct mtr_rollups *reader = NULL;
    assert_int_equal(mtr_rollups_open("/tmp/meterd-no-such-directory", true, &reader, &diagnostic),
                     MTR_ENOTFOUND);
    put_cell(f, 1, 2, 0, "", 4);
    assert_int_equal(mtr_rollups_commit(f->txn), MTR_OK);
    mtr_rollups_close(f->rollups);
    assert_int_equal(mtr_rollups_open(f->directory, true, &f->rollups, &diagnostic), MTR_OK);
    assert_int_equal(mtr_rollups_begin(f->rollups, false, &f->txn), MTR_OK);
    struct seen seen = {0};
    assert_int_equal(walk_all_cells(f->txn, on_cell, &seen), MTR_OK);
    assert_string_equal(seen.text, "1/2/0/=4 ");
}

/* Rows that no put can have left are reported, whatever they say; nothing aborts. */
static void damage_is_an_error(void **state)
{
    struct fixture *f = *state;
    static const char zeros[48], count[8] = {'\xFF', '\xFF', '\xFF', '\xFF', '\xFF', '\xFF', '\xFF', '\xFF'};
    const struct mtr_cell_key key = {1, 2, 0, MTR_STR("")};
    struct mtr_cell cell;
    struct mtr_key bytes = {.size = 0}, three = {.size = 0}, two = {.size = 0};
    uint64_t after, void_seq, target_seq = 1;
    put_cell(f, 1, 2, 0, "", 5);
    rollups_key_u32(&bytes, 1);
    rollups_key_u32(&bytes, 2);
    rollups_key_u64(&bytes, UINT64_C(1) << 63);
    assert_int_equal(rollups_put(f->txn, MTR_TABLE_CELLS, rollups_key_str(&bytes), (struct mtr_str){zeros, sizeof(zeros)}), MTR_OK);
    assert_int_equal(mtr_rollups_get_cell(f->txn, &key, &cell), MTR_ECORRUPT);

    struct mtr_str dimensions;
    for (unsigned i = 0; i < MTR_DIMENSIONS_BYTES_MAX + 1; i++) rollups_key_bytes(&bytes, MTR_STR("d"));
    static const char one[48] = {[23] = 1, [31] = 1, [39] = 1}; /* of one event */
    assert_int_equal(rollups_put(f->txn, MTR_TABLE_CELLS, rollups_key_str(&bytes), (struct mtr_str){one, sizeof(one)}), MTR_OK);
    const struct mtr_cell_range range = {1, 2, 1, 2};
    struct mtr_key next = {.size = 0}, list = {.size = 0};
    memcpy(next.data, bytes.data, next.size = bytes.size);
    next.data[15] = 1; /* the start: µs 1 */
    assert_int_equal(rollups_put(f->txn, MTR_TABLE_CELLS, rollups_key_str(&next), (struct mtr_str){one, sizeof(one)}), MTR_OK);
    struct seen unseen = {0};
    assert_int_equal(mtr_rollups_walk_cells(f->txn, &range, on_cell, &unseen), MTR_ECORRUPT);

    const struct mtr_cell_key lists = {1, 2, MTR_CELL_ALL_HOURS, MTR_STR("")};
    list = rollups_member_key(&lists, MTR_STR(""));
    list.size -= 2;
    rollups_key_u16(&list, MTR_DIMENSIONS_BYTES_MAX + 1);
    for (unsigned i = 0; i < MTR_DIMENSIONS_BYTES_MAX + 1; i++) rollups_key_bytes(&list, MTR_STR("d"));
    assert_int_equal(rollups_put(f->txn, MTR_TABLE_MEMBERS, rollups_key_str(&list), (struct mtr_str){count, sizeof(count)}), MTR_OK);
    assert_int_equal(mtr_rollups_next_list(f->txn, 1, 2, MTR_CELL_ALL_HOURS, NULL, &dimensions), MTR_ECORRUPT);

    const struct mtr_key member = rollups_member_key(&key, MTR_STR("m"));
    assert_int_equal(rollups_put(f->txn, MTR_TABLE_MEMBERS, rollups_key_str(&member), (struct mtr_str){count, sizeof(count)}), MTR_OK);
    assert_int_equal(mtr_rollups_add_member(f->txn, &key, MTR_STR("m"), 1, &after), MTR_ECORRUPT);

    rollups_key_u64(&three, 3);
    rollups_key_u64(&two, 2); /* taken back before it came */
    assert_int_equal(rollups_put(f->txn, MTR_TABLE_VOIDED, rollups_key_str(&three), rollups_key_str(&two)), MTR_OK);
    assert_int_equal(mtr_rollups_get_voided(f->txn, 3, &void_seq), MTR_ECORRUPT);
    assert_int_equal(mtr_rollups_next_voided(f->txn, &target_seq, &void_seq), MTR_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(cursor_starts_at_one_and_is_kept),
        CASE(cells_come_by_hour_and_dimensions),
        CASE(a_cell_is_read_as_it_was_put),
        CASE(members_are_counted_and_ordered),
        CASE(held_events_come_by_name_in_sequence),
        CASE(a_sequence_is_voided_once),
        CASE(quarantine_is_kept_by_sequence_and_meter),
        CASE(facts_are_found_by_prefix),
        CASE(the_newest_change_of_a_day_wins),
        CASE(the_hash_covers_all_but_when),
        CASE(the_layout_is_format_4),
        CASE(an_aborted_transaction_leaves_nothing),
        CASE(another_format_is_refused),
        CASE(a_reader_opens_what_is_there_only),
        CASE(damage_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
