/*
 * More sealed segments in the window than a narrow table of tags tells apart: everything is still found, before
 * and after opening again, and forgotten with its segment.
 */
#include "lib/store/dedup/dedup_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meterd/core/time.h"
#include "support/log_directory.h"

enum { SEGMENTS = MTR_TAG_NARROW_SEGMENTS + 200 };
#define START_US (INT64_C(1700000000) * MTR_US_PER_SECOND)
#define WINDOW_US (INT64_C(100000) * MTR_US_PER_SECOND)

static const uint8_t KEY[MTR_EVENT_KEY_BYTES] = "sixteen bytes!!";

struct many {
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_log *log;
    struct mtr_dedup *dedup;
};

/* A segment a second. */
static int64_t time_of(uint64_t seq)
{
    return START_US + (int64_t)seq * MTR_US_PER_SECOND;
}

static void open_many(struct many *many, int64_t now_us)
{
    struct mtr_log_options options = small_options();
    struct mtr_diagnostic diagnostic = {0};
    options.segment_bytes = 1 << 16;
    int rc = mtr_log_open(many->directory, &options, &many->log, &diagnostic);
    if (!rc) rc = mtr_dedup_open(many->log, KEY, WINDOW_US, now_us, &many->dedup, &diagnostic);
    if (rc) fail_msg("%s: %s", mtr_error_name(rc), diagnostic.text);
}

static void close_many(struct many *many)
{
    mtr_dedup_close(many->dedup);
    mtr_log_close(many->log);
}

static struct mtr_dedup_key key_of(uint64_t seq)
{
    struct mtr_arena arena;
    mtr_arena_init(&arena, 1 << 12, 1 << 20);
    const struct mtr_event *event = numbered_events(&arena, seq, 1);
    const struct mtr_dedup_key key = {mtr_event_identity(event, KEY), mtr_event_digest(event)};
    mtr_arena_release(&arena);
    return key;
}

static enum mtr_dedup_found find(struct many *many, struct mtr_dedup_key key, uint64_t *seq)
{
    struct mtr_dedup_match match;
    assert_int_equal(mtr_dedup_find(many->dedup, &key, 1, &match), 0);
    *seq = match.seq;
    return match.found;
}

/* From `first` on, once as they are and once as others, each `step` of them; and none that is not there. */
static void check(struct many *many, uint64_t first, uint64_t step)
{
    const uint64_t last = mtr_log_last_seq(many->log);
    for (uint64_t seq = 1; seq <= last; seq += seq % 500 < 20 || seq + 20 > last ? 1 : step) {
        struct mtr_dedup_key key = key_of(seq);
        uint64_t found_seq;
        assert_int_equal(find(many, key, &found_seq), seq < first ? MTR_DEDUP_NEW : MTR_DEDUP_DUPLICATE);
        if (seq >= first) assert_int_equal(found_seq, seq);
        key.digest++;
        assert_int_equal(find(many, key, &found_seq), seq < first ? MTR_DEDUP_NEW : MTR_DEDUP_CONFLICT);
        assert_int_equal(find(many, key_of(last + seq), &found_seq), MTR_DEDUP_NEW);
    }
    assert_int_equal(mtr_dedup_count(many->dedup), last - first + 1);
}

/* A segment of one event, sealed. */
static void add_segment(struct many *many)
{
    struct mtr_log_segment rolled;
    uint64_t seq = 0;
    bool done = false;
    assert_int_equal(mtr_dedup_reserve(many->dedup, 1), 0);
    const int64_t now_us = time_of(mtr_log_last_seq(many->log) + 1);
    assert_int_equal(append_numbered(many->log, 1, now_us, &seq), 0);
    mtr_dedup_add(many->dedup, key_of(seq), 0, seq);
    assert_int_equal(mtr_dedup_reserve(many->dedup, 1), 0);
    assert_int_equal(mtr_log_roll(many->log, now_us), 0);
    assert_true(mtr_log_segment_at(many->log, (uint32_t)seq - 1, &rolled) && rolled.first_seq == seq);
    mtr_dedup_roll(many->dedup, &rolled);
    assert_int_equal(mtr_dedup_seal_run(many->dedup), 0);
    assert_int_equal(mtr_dedup_seal_finish(many->dedup, UINT64_MAX, &done), 0);
    assert_true(done);
}

static void more_segments_than_twelve_bits(void **state)
{
    struct many many;
    (void)state;
    make_temporary_in_memory(many.directory);
    open_many(&many, START_US);
    while (mtr_log_last_seq(many.log) < MTR_TAG_NARROW_SEGMENTS) add_segment(&many);
    assert_false(many.dedup->tags.is_wide);
    check(&many, 1, 17);
    while (mtr_log_last_seq(many.log) < SEGMENTS) add_segment(&many);
    assert_true(many.dedup->tags.is_wide);
    check(&many, 1, 1);
    mtr_dedup_expire(many.dedup, time_of(101) + WINDOW_US);
    check(&many, 101, 17);
    close_many(&many);
    open_many(&many, time_of(101) + WINDOW_US); /* wide from the start on */
    check(&many, 101, 17);
    assert_true(many.dedup->tags.is_wide);
    add_segment(&many);
    close_many(&many);
    open_many(&many, time_of(1000) + WINDOW_US); /* and narrow again */
    assert_false(many.dedup->tags.is_wide);
    check(&many, 1000, 17);
    add_segment(&many);
    check(&many, 1000, 17);
    close_many(&many);
    remove_tree(many.directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(more_segments_than_twelve_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
