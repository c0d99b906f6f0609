/*
 * A poller's world whose log loses its beginning: what the vendor's days have, what retention takes, and what counts of
 * the whole log, also of what is gone. No void may name an event that is gone already.
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_CUT_WORLD_H
#define METERD_TESTS_SUPPORT_SOURCE_CUT_WORLD_H

#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {%s}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, query: {day: '{from:%%Y-%%m-%%d}'}}\n"
                             "    format: {csv: {delimiter: ';'}}\n"
                             "    identity: {id: Id}\n"
                             "    guard: {shrink: %s, jump: 0}\n"
                             "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n";
#define DAYS "length: day, start: 2026-03-09, rereads: [1d, 2d, 3d]"

enum { EVENTS_MAX = 4000, DAY_ROWS_MAX = 26 };

/* Of each day from the 9th on, what its rows are: a letter and a digit each, "a1b2"; one with a capital letter is the
 * same row on each of them. Who asks from the first on is
 * asking for March. */
struct vendor {
    const char *days[4];
    uint32_t asked;
};

static inline void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    const char *date = strstr(url, "day=") + strlen("day=");
    const int first = atoi(date + strlen("2026-03-")) - 9, last = first < 0 ? 3 : first;
    int rc = mtr_buffer_printf(reply->body, "Id;Account;At;Amount\n");
    vendor->asked++;
    for (int day = first < 0 ? 0 : first; day <= last && day < 4 && !strncmp(date, "2026-03", 7); day++)
        for (const char *row = vendor->days[day]; !rc && row && *row; row += 2)
            rc = mtr_buffer_printf(reply->body, "%c%02d;sub-1;2026-03-%02dT05:00:00Z;%c\n", row[0], row[0] < 'a' ? 0 : day + 9, day + 9, row[1]);
    assert_int_equal(rc, 0);
}

/* ---- the whole log, also what retention has removed ---- */

struct kept {
    uint64_t last_seq;
    uint32_t segments, removed;
    uint8_t is_voided[EVENTS_MAX];
    struct counted_row rows[EVENTS_MAX]; /* by sequence; an empty id: no row */
};

static inline void keep(struct poller_world *w, struct kept *kept)
{
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    uint64_t begin_seq = 1;
    assert_int_equal(mtr_log_reader_attach(w->world->log, &reader), 0);
    if (!mtr_log_read(reader, 1, &header, &events, &diagnostic)) begin_seq = header.first_seq;
    while (kept->last_seq < mtr_log_last_seq(w->world->log)) {
        assert_int_equal(mtr_log_read(reader, kept->last_seq + 1, &header, &events, &diagnostic), 0);
        for (uint32_t i = 0; i < header.count; i++) {
            const uint64_t seq = header.first_seq + i;
            assert_true(seq < EVENTS_MAX);
            if (events[i].disposition == MTR_DISPOSITION_VOID) {
                assert_false(kept->is_voided[events[i].target_seq]++);
                assert_true(events[i].target_seq >= begin_seq); /* nothing would come of it */
            }
            if (events[i].disposition != MTR_DISPOSITION_NORMAL || !mtr_str_equal(events[i].source, MTR_STR("meterd:usage"))) continue;
            snprintf(kept->rows[seq].id, sizeof(kept->rows[seq].id), "%.3s", events[i].id.data);
            mtr_decimal_format(events[i].properties[0].number, kept->rows[seq].number);
        }
        kept->last_seq = header.first_seq + header.count - 1;
    }
    mtr_log_reader_close(reader);
}

/* "a09=1 b09=2 " of what counts, by id. */
static inline void check(struct poller_world *w, struct kept *kept, const char *expected)
{
    static struct counted_row rows[EVENTS_MAX];
    char text[2000] = "";
    size_t count = 0;
    keep(w, kept);
    for (uint64_t seq = 1; seq <= kept->last_seq; seq++)
        if (kept->rows[seq].id[0] && !kept->is_voided[seq]) rows[count++] = kept->rows[seq];
    qsort(rows, count, sizeof(rows[0]), compare_counted);
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.20s=%.20s ", rows[i].id, rows[i].number);
    assert_string_equal(text, expected);
}

/* What the log has so far is in segments that retention may take. */
static inline void end_segment(struct poller_world *w, struct kept *kept)
{
    const struct mtr_log_identity none[1] = {{{0, 0}, 0, 0, 0}};
    assert_int_equal(mtr_log_roll(w->world->log, w->world->now_us), 0);
    assert_int_equal(mtr_log_seal(w->world->log, ++kept->segments, none, 0), 0);
}

/* Retention takes them. */
static inline void retain(struct poller_world *w, struct kept *kept)
{
    uint32_t removed;
    keep(w, kept);
    assert_int_equal(mtr_log_retain(w->world->log, w->world->now_us + 1, UINT64_MAX, &removed), 0);
    kept->removed += removed;
    assert_int_equal(kept->removed, kept->segments);
}

/* And the ledger is made anew. */
static inline void forget(struct poller_world *w, struct kept *kept)
{
    retain(w, kept);
    poller_world_crash(w, true);
}

static inline struct poller_world *new_world_of(struct vendor *vendor, const char *window, const char *shrink)
{
    char text[2000];
    struct poller_world *w = new_poller_world();
    vendor->asked = 0;
    w->answer = answer;
    w->context = vendor;
    snprintf(text, sizeof(text), SOURCE, window, shrink);
    apply(w->world, text);
    return w;
}

static inline void check_cut(struct poller_world *w, const char *start, enum mtr_window_state state, bool is_cut, uint64_t rows)
{
    const struct mtr_ledger_window window = window_of(w, "usage", "", start);
    if (window.state != state || window.is_cut != is_cut || window.rows != rows || window.refused)
        fail_msg("%s: state %d, %s, %d rows", start, (int)window.state, window.is_cut ? "cut" : "whole", (int)window.rows);
}

/* ---- files ---- */

static inline void note_done(struct mtr_given_file *file) { *(bool *)file->context = true; }

/* The file of the 9th's window; what came of it. */
static inline enum mtr_given_result give(struct poller_world *w, const char *csv, struct mtr_given_file *file)
{
    bool is_done = false;
    *file = (struct mtr_given_file){.vendor = MTR_STR("acme"), .source = MTR_STR("usage"), .each = MTR_STR(""), .bytes = mtr_str_from(csv),
                                    .window = {instant("2026-03-09T00:00:00Z"), instant("2026-03-10T00:00:00Z")},
                                    .is_accepted = true, .context = &is_done, .on_done = note_done};
    assert_true(mtr_poller_give(w->poller, file));
    poller_world_run(w);
    assert_true(is_done);
    return file->result;
}

#endif
