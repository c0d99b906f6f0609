/*
 * Notes of reports that vendors make: what is written is what is read, whatever is in it; and what nobody has written is
 * damage.
 */
#include "collector/source/job/job_note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/limits.h"

static struct mtr_request *make(const struct job_note *note)
{
    struct mtr_request *request;
    assert_int_equal(job_note_make(note, &request), 0);
    assert_true(request->is_reading);
    assert_int_equal(request->count, 1);
    assert_true(job_note_is(&request->events[0]));
    return request;
}

static void release(struct mtr_request *request)
{
    mtr_request_release(request);
    free(request);
}

static void test_there_and_back(void **state)
{
    (void)state;
    static char id[MTR_LEDGER_JOB_ID_BYTES_MAX], known[MTR_LEDGER_JOB_KNOWN_BYTES_MAX];
    memset(id, 'x', sizeof(id));
    memset(known, 'a', sizeof(known));
    static const struct mtr_strand plain = {{"acme", 4}, {"usage", 5}, {NULL, 0}}, each = {{"acme", 4}, {"usage", 5}, {"east", 4}};
    static const size_t sizes[] = {0, 1, MTR_PROPERTY_TEXT_BYTES_MAX - 1, MTR_PROPERTY_TEXT_BYTES_MAX, MTR_PROPERTY_TEXT_BYTES_MAX + 1,
                                   MTR_LEDGER_JOB_ID_BYTES_MAX};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (int feed = 0; feed < 2; feed++) {
            const struct job_note note = {.strand = feed ? each : plain,
                                          .has_ended = i == 3,
                                          .job = {.start_us = feed ? 0 : 86400000000, .end_us = feed ? 0 : 2 * INT64_C(86400000000),
                                                  .began_us = 5000000, .reading = 12 + i,
                                                  .state = sizes[i] ? MTR_JOB_SUBMITTED : MTR_JOB_SUBMITTING,
                                                  .id = {id, sizes[i]}, .known = {known, sizes[i] ? 0 : sizeof(known)}},
                                          .problem = {"it is gone", i == 3 ? 10 : 0}};
            struct mtr_arena arena;
            struct job_note read;
            struct mtr_request *request = make(&note);
            mtr_arena_init(&arena, 1 << 10, 1 << 20);
            assert_int_equal(job_note_read(&request->events[0], &arena, &read), 0);
            assert_true(mtr_str_equal(read.strand.vendor, note.strand.vendor) && mtr_str_equal(read.strand.source, note.strand.source));
            assert_true(mtr_str_equal(read.strand.each, note.strand.each) && mtr_str_equal(read.problem, note.problem));
            assert_true(mtr_str_equal(read.job.id, note.job.id) && mtr_str_equal(read.job.known, note.job.known));
            assert_true(read.has_ended == note.has_ended && (note.has_ended || read.job.state == note.job.state));
            assert_true(read.job.start_us == note.job.start_us && read.job.end_us == note.job.end_us);
            assert_true(read.job.began_us == note.job.began_us && read.job.reading == note.job.reading);
            mtr_arena_release(&arena);
            release(request);
        }
}

static void test_damage(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } rows[] = {{"state", "asked"}, {"state", ""}, {"window_start", "yesterday"}, {"window_end", "1970-01-01T00:00:00Z"}};
    const struct job_note note = {.strand = {{"acme", 4}, {"usage", 5}, {NULL, 0}},
                                  .job = {.start_us = 86400000000, .end_us = 2 * INT64_C(86400000000), .reading = 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_request *request = make(&note);
        struct mtr_arena arena;
        struct job_note read;
        mtr_arena_init(&arena, 1 << 10, 1 << 20);
        struct mtr_property *properties = mtr_arena_calloc(&arena, request->events[0].property_count, sizeof(*properties));
        memcpy(properties, request->events[0].properties, request->events[0].property_count * sizeof(*properties));
        request->events[0].properties = properties;
        for (uint32_t k = 0; k < request->events[0].property_count; k++)
            if (mtr_str_equal(properties[k].name, mtr_str_from(rows[i].name))) properties[k].text = mtr_str_from(rows[i].text);
        assert_int_equal(job_note_read(&request->events[0], &arena, &read), MTR_ECORRUPT);
        mtr_arena_release(&arena);
        release(request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
