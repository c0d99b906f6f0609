/*
 * A vendor that answers for the past with nothing, because it is ill or because there was nothing: while nobody can know, no window that has rows
 * is taken as empty, and none is passed over in silence. When the vendor is well, the log has what it publishes; what is empty in
 * truth gets through by itself, whatever crashed meanwhile.
 */
#include "tests/support/random.h"
#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {length: day, start: '%.10s'%s}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, query: {from: '{from:unix}'}}\n"
                             "    format: {csv: {delimiter: ';'}}\n"
                             "    identity: {id: Id}\n"
                             "    guard: {every: 10m, agree: 2}\n"
                             "    map: {type: =cpu, subject: Account, time: {path: At, format: unix_s}, data: {seconds: Amount}}\n";

enum { DAYS_MAX = 60 };

struct vendor {
    int64_t first_us, last_us; /* days that have rows begin then, and the newest of all */
    bool is_ill;               /* of days before the newest it has nothing */
};

static bool has_rows(const struct vendor *vendor, int64_t start_us) { return start_us >= vendor->first_us; }

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const struct vendor *vendor = context;
    const int64_t start_us = strtoll(strstr(url, "from=") + 5, NULL, 10) * MTR_US_PER_SECOND;
    const bool is_there = has_rows(vendor, start_us) && (!vendor->is_ill || start_us >= vendor->last_us);
    assert_int_equal(mtr_buffer_printf(reply->body, "Id;Account;At;Amount\n"), 0);
    for (int i = 0; is_there && i < 2; i++)
        assert_int_equal(mtr_buffer_printf(reply->body, "%lld-%d;sub-1;%lld;1\n", (long long)start_us, i, (long long)(start_us / MTR_US_PER_SECOND)), 0);
}

/* Windows without a row that are taken, though there are rows; those that are not decided; all rows. */
struct told {
    int false_zeros, undecided;
    uint64_t rows;
};

static struct told look(struct poller_world *w, const struct vendor *vendor, int64_t start_us)
{
    struct told told = {0};
    struct mtr_ledger_txn *txn;
    static const struct mtr_strand strand = {{"acme", 4}, {"usage", 5}, {NULL, 0}};
    assert_int_equal(mtr_ledger_begin(w->ledger, false, &txn), 0);
    for (; start_us <= vendor->last_us; start_us += MTR_US_PER_DAY) {
        struct mtr_ledger_window window;
        int rc = mtr_ledger_get_window(txn, &strand, start_us, &window);
        const bool is_taken = !rc && (window.state == MTR_WINDOW_COMPLETE || window.state == MTR_WINDOW_SETTLED);
        assert_true(!rc || rc == MTR_ENOTFOUND);
        told.undecided += !is_taken;
        if (!is_taken) continue;
        told.rows += window.rows;
        told.false_zeros += has_rows(vendor, start_us) && !window.rows;
    }
    mtr_ledger_abort(txn);
    return told;
}

static void play(uint64_t seed)
{
    struct random_source random = {seed};
    struct poller_world *w = new_poller_world();
    char text[1000], date[MTR_TIME_TEXT_BYTES];
    const int64_t now_us = w->world->now_us, newest_us = now_us - now_us % MTR_US_PER_DAY - MTR_US_PER_DAY;
    const int days = 2 + (int)random_below(&random, DAYS_MAX - 1), empty = (int)random_below(&random, (uint64_t)days);
    const int64_t start_us = newest_us - (days - 1) * MTR_US_PER_DAY;
    struct vendor vendor = {.first_us = start_us + empty * MTR_US_PER_DAY, .last_us = newest_us, .is_ill = random_below(&random, 4) > 0};
    w->answer = answer;
    w->context = &vendor;
    mtr_time_format(start_us, date);
    snprintf(text, sizeof(text), SOURCE, date, random_below(&random, 2) ? ", rereads: [6h, 1d]" : "");
    apply(w->world, text);
    for (int minute = 0; minute < 50; minute += 10) { /* a tick has not been */
        poller_world_at(w, now_us + minute * 60 * MTR_US_PER_SECOND);
        if (random_below(&random, 3) == 0) poller_world_crash(w, random_below(&random, 2));
        poller_world_run(w);
        const struct told told = look(w, &vendor, start_us);
        if (told.false_zeros) fail_msg("seed %llu, minute %d: %d of %d windows are taken as empty", (unsigned long long)seed, minute, told.false_zeros, days);
        assert_int_equal(told.undecided, vendor.is_ill ? days - 1 : empty);
    }
    vendor.is_ill = false;
    poller_world_at(w, now_us + 3 * MTR_US_PER_HOUR);
    const struct told told = look(w, &vendor, start_us);
    if (told.undecided || told.false_zeros || told.rows != 2 * (uint64_t)(days - empty))
        fail_msg("seed %llu: of %d windows %d are not decided, %d are taken as empty, %llu rows", (unsigned long long)seed, days, told.undecided,
                 told.false_zeros, (unsigned long long)told.rows);
    free_poller_world(w);
}

static void test_the_past_is_not_empty_because_nobody_answers(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++) play(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_past_is_not_empty_because_nobody_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
