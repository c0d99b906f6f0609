/*
 * A vendor that heeds whom it is asked for at some times, and at others gives the rows of all accounts to each request of `for_each`, whoever has
 * rows and whoever has none, and whether requests go on one after the other or beside one another. The law: no row counts twice at any time, and
 * when the vendor has heeded for a while each counts once, and no alarm stands.
 */
#include "tests/support/random.h"
#include "tests/support/source/poller_world.h"

enum { ACCOUNTS = 4, DAYS = 3, ROWS_MAX = 2, CROWD = 20, HOURS = 8 };

static const struct way {
    const char *each, *name;
} ways[] = {
    {"values: [s0, s1, s2, s3]", "value"},
    {"subscription: {service: compute}", "subject"},
    {"rows: {of: accounts, as: account}", "account"},
};

struct vendor {
    struct random_source random;
    bool heeds, has_crowd; /* the latter: accounts that nobody knows come first */
    int published[ACCOUNTS][DAYS];
};

static int write_rows(struct vendor *vendor, const char *url, int day, struct mtr_buffer *out)
{
    const int shift = (int)random_below(&vendor->random, ACCOUNTS);
    int rc = mtr_buffer_printf(out, "Id;Account;At;Amount\n");
    for (int i = 0; !rc && vendor->has_crowd && i < CROWD; i++) rc = mtr_buffer_printf(out, "c%d-%d;x%d;2026-03-%02dT05:00:00Z;1\n", day, i, i, day);
    for (int i = 0; i < ACCOUNTS; i++) {
        const int account = (i + shift) % ACCOUNTS;
        char own[20];
        snprintf(own, sizeof(own), "/u/s%d?", account);
        for (int n = 0; !rc && (!vendor->heeds || strstr(url, own)) && n < vendor->published[account][day - 7]; n++)
            rc = mtr_buffer_printf(out, "r%d-%d-%d;s%d;2026-03-%02dT%02d:00:00Z;1\n", account, day, n, account, day, n);
    }
    return rc;
}

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    const char *date = strstr(url, "day=2026-03-");
    const int day = date ? atoi(date + strlen("day=2026-03-")) : 0;
    int rc = date ? MTR_OK : mtr_buffer_printf(reply->body, "Id\n");
    for (int i = 0; !rc && !date && i < ACCOUNTS; i++) rc = mtr_buffer_printf(reply->body, "s%d\n", i);
    if (!rc && date) rc = day < 7 + DAYS ? write_rows(vendor, url, day, reply->body) : mtr_buffer_printf(reply->body, "Id;Account;At;Amount\n");
    assert_int_equal(rc, 0);
}

static struct poller_world *begin(struct vendor *vendor, const struct way *way, bool has_drafts)
{
    char text[3000] = "subscriptions:\n";
    struct poller_world *w = new_poller_world();
    w->answer = answer;
    w->context = vendor;
    for (int i = 0; i < ACCOUNTS; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "  - {key: s%d, service: compute, customer: c, tariff: standard, start: 2026-01-01}\n", i);
    apply(w->world, text);
    snprintf(text, sizeof(text),
             "sources:\n"
             "  - {key: accounts, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 1h}, window: {periods: [current]}, auth: none,\n"
             "     request: {path: /a}, format: {csv: {delimiter: ';'}}, identity: {id: Id}, map: {type: =meterd.item, subject: Id}}\n"
             "  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 1h}, auth: none, for_each: {%s},\n"
             "     window: {length: day, start: 2026-03-07, %s rereads: [6h, 1d]}, guard: {shrink: 100%%, jump: 0}, identity: {id: Id},\n"
             "     request: {path: '/u/{each.%s}', query: {day: '{from:%%Y-%%m-%%d}'}}, format: {csv: {delimiter: ';'}},\n"
             "     map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}}\n", way->each, has_drafts ? "open: 1h," : "", way->name);
    apply(w->world, text);
    return w;
}

/* What can be done is, before anything is committed. */
static void run_beside_one_another(struct poller_world *w)
{
    bool was_busy;
    do {
        assert_int_equal(mtr_poller_step(w->poller, w->world->catalog, w->world->now_us, &w->next_us), 0);
        was_busy = poller_world_is_busy(w);
        while (w->send_count) poller_world_do_sends(w);
        poller_world_do_works(w);
        if (!w->send_count && !w->work_count) poller_world_commit(w);
    } while (was_busy || poller_world_is_busy(w) || w->next_us <= w->world->now_us);
}

/* is_all: each counts; else those that do count once. */
static void check(struct poller_world *w, const struct vendor *vendor, bool is_all, uint64_t seed)
{
    static char rows[100000];
    counted_rows(w, "usage", rows, sizeof(rows));
    for (int at = 0; at < ACCOUNTS * DAYS * ROWS_MAX; at++) {
        const int account = at % ACCOUNTS, day = at / ACCOUNTS % DAYS, n = at / ACCOUNTS / DAYS;
        const bool is_published = n < vendor->published[account][day];
        char id[60];
        int count = 0;
        snprintf(id, sizeof(id), "r%d-%d-%d=", account, day + 7, n);
        for (const char *row = rows; (row = strstr(row, id)) != NULL; row++) count++;
        if (count > is_published || (is_all && count != is_published))
            fail_msg("seed %llu: %s counts %d times: %s", (unsigned long long)seed, id, count, w->told);
    }
}

static void try_one(uint64_t seed, const struct way *way)
{
    struct vendor vendor = {.random = {seed}};
    struct mtr_source_status status;
    vendor.has_crowd = random_below(&vendor.random, 2);
    vendor.heeds = random_below(&vendor.random, 2);
    for (int i = 0; i < ACCOUNTS * DAYS; i++)
        vendor.published[i % ACCOUNTS][i / ACCOUNTS] = random_below(&vendor.random, 2) ? 0 : 1 + (int)random_below(&vendor.random, ROWS_MAX);
    struct poller_world *w = begin(&vendor, way, random_below(&vendor.random, 2));
    for (int hour = 0; hour < 2 * HOURS; hour++) {
        if (hour >= HOURS || !random_below(&vendor.random, 3)) vendor.heeds = hour >= HOURS || !vendor.heeds;
        if (random_below(&vendor.random, 2)) run_beside_one_another(w);
        else poller_world_run(w);
        check(w, &vendor, false, seed);
        w->world->now_us += MTR_US_PER_HOUR;
    }
    check(w, &vendor, true, seed);
    if (alarm_of(w, "usage", MTR_ALARM_SUSPECT, &status)) fail_msg("seed %llu: %s", (unsigned long long)seed, w->told);
    free_poller_world(w);
}

static void test_each_row_counts_once(void **state)
{
    (void)state;
    const char *given = getenv("METERD_SEED"), *many = getenv("METERD_SEEDS");
    const uint64_t first = given ? strtoull(given, NULL, 10) : 1, seeds = given ? 1 : many ? strtoull(many, NULL, 10) : 8;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) try_one(seed, &ways[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_row_counts_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
