/*
 * Counters that are polled: what the log comes to is what each series grew by, to the digit, whatever was
 * restated, restarted or asked for in pieces; and samples that are missing are an alarm until newer ones come
 * without a hole.
 */
#include "tests/support/source/poller_world.h"

#include "tests/support/random.h"

#define SOURCE(more)                                                                                                                  \
    "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1/v1', auth: none, schedule: {every: 10m},\n"               \
    "     window: {length: 6h, start: 2026-03-09, rereads: [12h]" more "}, request: {path: /u, query: {from: '{from:unix}', to: '{to:unix}'}},\n" \
    "     format: {json: {rows: 'data[]'}}, identity: {hash: [vm, at]}, guard: {shrink: 100%}, answer: {rows_limit: 90},\n"           \
    "     map: {type: =cpu, subject: =sub-1, time: {path: at, format: unix_s},\n"                                                     \
    "           data: {seconds: {path: total, counter: {series: [vm], before: 30m}}}}}\n"

enum { SERIES = 3, EVERY_S = 600, SAMPLES = 4 * 24 * 6, ROWS_LIMIT = 90 };

/* Samples each ten minutes from the 8th on; an answer has at most ROWS_LIMIT. */
struct vendor {
    uint64_t totals[SERIES][SAMPLES];
    bool is_missing[SERIES][SAMPLES];
};

static int64_t first_s(void) { return instant("2026-03-08T00:00:00Z") / MTR_US_PER_SECOND; }

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const struct vendor *vendor = context;
    const int64_t from_s = strtoll(strstr(url, "from=") + 5, NULL, 10), to_s = strtoll(strstr(url, "to=") + 3, NULL, 10);
    int rc = mtr_buffer_printf(reply->body, "{\"data\":[");
    const char *comma = "";
    int rows = 0;
    for (int s = 0; s < SERIES; s++)
        for (int i = 0; i < SAMPLES; i++) {
            const int64_t at_s = first_s() + i * EVERY_S;
            if (at_s < from_s || at_s >= to_s || vendor->is_missing[s][i] || rows++ >= ROWS_LIMIT) continue;
            if (!rc)
                rc = mtr_buffer_printf(reply->body, "%s{\"vm\":\"vm-%d\",\"at\":%lld,\"total\":%llu.25}", comma, s, (long long)at_s,
                                       (unsigned long long)vendor->totals[s][i]);
            comma = ",";
        }
    assert_int_equal(rc ? rc : mtr_buffer_printf(reply->body, "]}"), 0);
}

static void fill(struct vendor *vendor, struct random_source *random)
{
    for (int s = 0; s < SERIES; s++) {
        uint64_t total = random_below(random, 1000000);
        for (int i = 0; i < SAMPLES; i++) {
            vendor->totals[s][i] = total;
            total = random_below(random, 40) ? total + random_below(random, 500) : random_below(random, 9);
        }
    }
}

/* What was used from the 9th on, up to that sample, by the table. */
static uint64_t expected(const struct vendor *vendor, int64_t end_s)
{
    uint64_t sum = 0;
    for (int s = 0; s < SERIES; s++) {
        int before = -1;
        for (int i = 0; i < SAMPLES && first_s() + i * EVERY_S < end_s; i++) {
            if (vendor->is_missing[s][i]) continue;
            const uint64_t now = vendor->totals[s][i], was = before < 0 ? 0 : vendor->totals[s][before];
            /* A number of .25 that began again is itself, with its fraction: told apart by the caller. */
            if (before >= 0 && i >= 24 * 6) sum += now < was ? now * 4 + 1 : (now - was) * 4;
            before = i;
        }
    }
    return sum; /* in quarters */
}

static uint64_t quarters(struct poller_world *w)
{
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    uint64_t seq = 1, sum = 0;
    static uint64_t values[1 << 16];
    memset(values, 0, sizeof(values));
    assert_int_equal(mtr_log_reader_attach(w->world->log, &reader), 0);
    while (!mtr_log_read(reader, seq, &header, &events, &diagnostic)) {
        for (uint32_t i = 0; i < header.count; i++) {
            const struct mtr_event *event = &events[i];
            const struct mtr_property *seconds = mtr_event_property(event, MTR_STR("seconds"));
            struct mtr_decimal four;
            if (event->disposition == MTR_DISPOSITION_VOID) values[event->target_seq] = 0;
            if (event->disposition != MTR_DISPOSITION_NORMAL) continue;
            assert_non_null(seconds);
            assert_int_equal(mtr_decimal_multiply(seconds->number, (struct mtr_decimal){.mantissa = 4}, &four), 0);
            assert_int_equal(four.scale, 0);
            assert_true(header.first_seq + i < 1 << 16);
            values[header.first_seq + i] = (uint64_t)four.mantissa;
        }
        seq = header.first_seq + header.count;
    }
    mtr_log_reader_close(reader);
    for (uint64_t i = 0; i < seq; i++) sum += values[i];
    return sum;
}

static struct poller_world *begin(struct vendor *vendor, const char *source, uint64_t seed)
{
    struct random_source random = {seed};
    struct poller_world *w = new_poller_world();
    apply(w->world, source);
    fill(vendor, &random);
    w->answer = answer;
    w->context = vendor;
    return w;
}

static void test_windows_add_up(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 7; seed++) {
        struct vendor *vendor = calloc(1, sizeof(*vendor));
        struct random_source random = {seed * 31};
        struct poller_world *w = begin(vendor, seed % 2 ? SOURCE("") : SOURCE(", split: 1h"), seed);
        print_message("METERD_SEED=%llu\n", (unsigned long long)seed);
        poller_world_until(w, "2026-03-10T12:10:00Z");
        if (seed % 2) /* 36 samples of three series an answer, and three before each */
            assert_int_equal(quarters(w), 0);
        else
            assert_int_equal(quarters(w), expected(vendor, instant("2026-03-10T12:00:00Z") / MTR_US_PER_SECOND));
        if (!(seed % 2)) {
            for (int i = 0; i < 5; i++) vendor->totals[random_below(&random, SERIES)][24 * 6 + 30 + random_below(&random, 150)] += 7;
            poller_world_until(w, "2026-03-11T00:10:00Z");
            assert_int_equal(quarters(w), expected(vendor, instant("2026-03-11T00:00:00Z") / MTR_US_PER_SECOND));
        }
        free_poller_world(w);
        free(vendor);
    }
}

static bool has_gap(struct poller_world *w, const char *sentence)
{
    struct mtr_source_status status;
    const struct mtr_source_alarm *found = alarm_of(w, "usage", MTR_ALARM_GAP, &status);
    if (found && !strstr(found->text, sentence)) fail_msg("%s", found->text);
    return found != NULL;
}

static void test_missing_samples_are_told(void **state)
{
    (void)state;
    struct vendor *vendor = calloc(1, sizeof(*vendor));
    const int noon = 2 * 24 * 6 + 72; /* of the 10th */
    for (int i = noon + 6; i < noon + 12; i++) vendor->is_missing[1][i] = true; /* 13:00 to 13:50: from 12:50 to 14:00 */
    struct poller_world *w = begin(vendor, SOURCE(", split: 1h"), 3);
    poller_world_until(w, "2026-03-10T17:50:00Z");
    assert_false(has_gap(w, ""));
    poller_world_until(w, "2026-03-10T18:10:00Z");
    assert_true(has_gap(w, "no sample from 2026-03-10T12:50:00Z to 2026-03-10T14:00:00Z"));
    assert_int_equal(quarters(w), expected(vendor, instant("2026-03-10T18:00:00Z") / MTR_US_PER_SECOND));
    poller_world_until(w, "2026-03-11T00:10:00Z");
    assert_false(has_gap(w, ""));
    free_poller_world(w);
    free(vendor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_add_up),
        cmocka_unit_test(test_missing_samples_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
