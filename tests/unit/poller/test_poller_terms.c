/*
 * The law of for_each: subscription: of each subject all windows are read that a subscription of it has a part in, and as long
 * behind its end as windows are read again; no others are asked for; and where subscriptions change, what has come to belong
 * to one counts, whenever that was.
 */
#include "tests/support/source/poller_world.h"
#include "tests/support/random.h"

#include <inttypes.h>

enum { SUBJECTS = 3, TERMS = 3, DAYS = 120, PARTS = 4, END = DAYS * PARTS, MARGIN = 2 * PARTS };
#define FIRST "2026-02-01T00:00:00Z" /* window.start */
#define PART_US (MTR_US_PER_DAY / PARTS)

static const char SERVICE[] = "services: [{key: disk, vendor: acme}]\n"
                              "meters: [{key: held, service: disk, event_type: held, value: amount}]\n";
static const char SOURCE[] = "sources:\n"
                             "  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 6h}, auth: none,\n"
                             "     window: {length: day, start: 2026-02-01, rereads: [2d]}, for_each: {subscription: {service: disk}},\n"
                             "     request: {path: '/{each.subject}', query: {day: '{from:%Y-%m-%d}', key: '{each.key}'}}, format: {csv: {}},\n"
                             "     identity: {id: id}, map: {type: =held, subject: account, time: at, data: {amount: amount}}}\n";

/* Quarters of days since FIRST; the end is exclusive. */
struct model {
    struct random_source random;
    struct {
        int start, end; /* end END: none */
    } terms[SUBJECTS][TERMS];
    bool was_asked[SUBJECTS][DAYS], was_in[SUBJECTS][DAYS]; /* a term had some of it, now or before */
    int64_t first_us;
};

/* Is any of the quarters from..to of one of its terms? */
static bool is_of(const struct model *model, int subject, int from, int to, int margin)
{
    for (int i = 0; i < TERMS; i++) {
        const int end = model->terms[subject][i].end;
        if (model->terms[subject][i].start < to && from < (end == END ? END : end + margin)) return true;
    }
    return false;
}

static bool is_all_of(const struct model *model, int subject, int day)
{
    for (int part = day * PARTS; part < (day + 1) * PARTS; part++)
        if (!is_of(model, subject, part, part + 1, 0)) return false;
    return true;
}

/* A row each day at noon, whoever pays for it. */
static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct model *model = context;
    const char *at = strstr(url, "/s") + 2, *date = strstr(url, "day=") + 4, *key = strstr(url, "key=k") + 5;
    char text[32];
    snprintf(text, sizeof(text), "%.10sT00:00:00Z", date);
    const int subject = *at - '0', day = (int)((instant(text) - model->first_us) / MTR_US_PER_DAY);
    assert_true(subject >= 0 && subject < SUBJECTS && day >= 0 && day < DAYS);
    if (!is_of(model, subject, day * PARTS, (day + 1) * PARTS, MARGIN)) fail_msg("s%d was asked for day %d", subject, day);
    const int term = key[1] - '0', next = term + 1;
    assert_int_equal(key[0] - '0', subject);
    assert_true(!term || model->terms[subject][term].start < (day + 1) * PARTS); /* the last that has begun */
    assert_true(next == TERMS || model->terms[subject][next].start >= (day + 1) * PARTS);
    model->was_asked[subject][day] = true;
    assert_int_equal(mtr_buffer_printf(reply->body, "id,account,at,amount\n%d-%d,s%d,%.10sT12:00:00Z,1\n", subject, day, subject, date), 0);
}

static void apply_terms(struct model *model, struct poller_world *w)
{
    char text[4000] = "subscriptions:\n", start[MTR_TIME_TEXT_BYTES], end[MTR_TIME_TEXT_BYTES];
    size_t size = strlen(text);
    for (int s = 0; s < SUBJECTS; s++)
        for (int i = 0; i < TERMS; i++) {
            mtr_time_format(model->first_us + model->terms[s][i].start * PART_US, start);
            mtr_time_format(model->first_us + model->terms[s][i].end * PART_US, end);
            size += (size_t)snprintf(text + size, sizeof(text) - size,
                                     "- {key: k%d%d, subject: s%d, service: disk, customer: c, tariff: standard, start: '%s'", s, i, s, start);
            size += (size_t)(model->terms[s][i].end < END ? snprintf(text + size, sizeof(text) - size, ", end: '%s'}\n", end)
                                                          : snprintf(text + size, sizeof(text) - size, "}\n"));
        }
    apply(w->world, text);
    for (int s = 0; s < SUBJECTS; s++)
        for (int day = 0; day < DAYS; day++)
            model->was_in[s][day] = model->was_in[s][day] || is_of(model, s, day * PARTS, (day + 1) * PARTS, 0);
}

/* Terms of one subject that do not overlap. */
static void make_terms(struct model *model)
{
    for (int s = 0; s < SUBJECTS; s++)
        for (int i = 0, at = (int)random_below(&model->random, 30 * PARTS); i < TERMS; i++) {
            model->terms[s][i].start = at += (int)random_below(&model->random, 12 * PARTS) * (int)random_below(&model->random, 2);
            model->terms[s][i].end = at += 1 + (int)random_below(&model->random, 15 * PARTS);
        }
}

/* A start goes back or forth, an end does, as far as the neighbours let it; the last may lose its end. */
static void change_terms(struct model *model)
{
    const int s = (int)random_below(&model->random, SUBJECTS), i = (int)random_below(&model->random, TERMS);
    const int least = i ? model->terms[s][i - 1].end : 0, most = i + 1 < TERMS ? model->terms[s][i + 1].start : END;
    int *start = &model->terms[s][i].start, *end = &model->terms[s][i].end;
    if (random_below(&model->random, 2))
        *start = least + (int)random_below(&model->random, (uint64_t)(*end - least));
    else
        *end = *start + 1 + (int)random_below(&model->random, (uint64_t)(most - *start));
}

static void check_window(const struct model *model, struct mtr_ledger_txn *txn, int s, int day)
{
    struct mtr_ledger_window window;
    const char each[] = {'s', (char)('0' + s)};
    const struct mtr_strand strand = {MTR_STR("acme"), MTR_STR("usage"), {each, sizeof(each)}};
    const int rc = mtr_ledger_get_window(txn, &strand, model->first_us + day * MTR_US_PER_DAY, &window);
    const bool is_asked = is_of(model, s, day * PARTS, (day + 1) * PARTS, MARGIN), is_in = is_of(model, s, day * PARTS, (day + 1) * PARTS, 0);
    if (!model->was_asked[s][day]) assert_int_equal(rc, MTR_ENOTFOUND);
    if (!is_asked) return;
    if (rc) fail_msg("s%d, day %d: it was never read", s, day);
    assert_int_equal(window.rows, 1);
    if (!model->was_in[s][day]) assert_true(window.state == MTR_WINDOW_OPEN && window.refused == 1);
    if (is_all_of(model, s, day) && (window.state != MTR_WINDOW_SETTLED || window.refused))
        fail_msg("s%d, day %d: it is %s, %d refused", s, day, mtr_window_state_name(window.state), (int)window.refused);
    if (is_in) assert_true(window.state == MTR_WINDOW_COMPLETE || window.state == MTR_WINDOW_SETTLED); /* it was all of a term once */
}

static void check_windows(struct model *model, struct poller_world *w)
{
    static struct mtr_source_status status;
    struct mtr_ledger_txn *txn;
    const int days = (int)((w->world->now_us - model->first_us) / MTR_US_PER_DAY) - 4;
    assert_int_equal(mtr_ledger_begin(w->ledger, false, &txn), 0);
    for (int s = 0; s < SUBJECTS; s++)
        for (int day = 0; day < days; day++) check_window(model, txn, s, day);
    mtr_ledger_abort(txn);
    assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), MTR_STR("usage"), &status));
    for (uint32_t i = 0; i < status.alarm_count; i++)
        if (status.alarms[i].alarm != MTR_ALARM_AFTER_END) fail_msg("%s: %s", mtr_alarm_name(status.alarms[i].alarm), status.alarms[i].text);
}

static void live(uint64_t seed)
{
    struct model model = {.random = {seed}, .first_us = instant(FIRST)};
    struct poller_world *w = new_poller_world();
    printf("METERD_SEED=%" PRIu64 "\n", seed);
    w->answer = answer;
    w->context = &model;
    make_terms(&model);
    apply(w->world, SERVICE);
    apply_terms(&model, w);
    apply(w->world, SOURCE);
    for (int step = 0; step < 12; step++) {
        poller_world_at(w, w->world->now_us + (int64_t)random_below(&model.random, 5 * 24) * MTR_US_PER_HOUR);
        change_terms(&model);
        apply_terms(&model, w);
        if (random_below(&model.random, 3)) continue;
        poller_world_close(w); /* what has changed is seen by who starts, too */
        poller_world_open(w);
    }
    poller_world_at(w, w->world->now_us + 6 * MTR_US_PER_DAY);
    check_windows(&model, w);
    free_poller_world(w);
}

static void test_terms(void **state)
{
    (void)state;
    const char *seed = getenv("METERD_SEED"), *seeds = getenv("METERD_SEEDS");
    const uint64_t first = seed ? strtoull(seed, NULL, 10) : 1, count = seed ? 1 : seeds ? strtoull(seeds, NULL, 10) : 20;
    for (uint64_t i = 0; i < count; i++) live(first + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_terms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
