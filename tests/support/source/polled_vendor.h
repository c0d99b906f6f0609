/*
 * The vendor of the polled pipeline. He restates, takes away and brings back rows, and tells the same as each source asks for it; and he tells what is false,
 * each time of a kind that the law of alarms (polled_alarms.h) knows.
 *
 *   /a          windows, in pages behind a cursor; too many rows are an error
 *   /b/ACCOUNT  windows, each item of the list of /accounts
 *   /submit …   windows, as reports that are made while one waits
 *   /manifest   windows, as files that a manifest names
 *   /f          a feed, whose rows only come
 *   /c          windows, samples of counters
 *
 * What a client reads page by page, or file by file, is one copy of the rows.
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_POLLED_VENDOR_H
#define METERD_TESTS_SUPPORT_SOURCE_POLLED_VENDOR_H

#include "support/source/poller_world.h"
#include "support/random.h"

enum { ROWS = 160, DAYS = 14, PAGE = 5, CAP = 14, ACCOUNTS = 2, FEED_ROWS = 400, COPIES = 64, REPORTS = 16, HOURS = DAYS * 24 };
enum table { OF_PAGES, OF_EACH, OF_REPORTS, OF_FILES, TABLES }; /* sources a, b, j, p */

/* What an answer is to, and what is false of it. */
enum place { AT_ACCOUNTS, AT_PAGES, AT_EACH, AT_SUBMIT, AT_POLL, AT_REMOVE, AT_REPORTS, AT_MANIFEST, AT_FILE, AT_FEED, AT_COUNTER, PLACES };
enum fault { NONE, ERROR_500, SLOW_429, TORN, NOT_THERE, SKEWED, EMPTY, MISCOUNTED, LOOPING, FAILED, OLD_LINK, HOLE, CHANGED, FAULTS };

struct published {
    bool is_there;
    int account;
    int64_t at_s, amount;
};

struct copy {
    uint32_t number;
    int ids[ROWS], count;
    struct published rows[ROWS];
};

struct report {
    uint32_t number; /* 0: there is none */
    int64_t from_s, to_s;
    int polls;
};

struct vendor {
    struct published tables[TABLES][ROWS];
    struct published feed[FEED_ROWS]; /* in the order of publishing */
    int feed_count;
    int64_t grown[ACCOUNTS][HOURS]; /* of the counters, in the hour up to the sample */
    bool begins_again[ACCOUNTS][HOURS];
    int64_t moved_s[TABLES][DAYS];  /* when rows of a day were last taken away or changed */
    int first_day; /* with rows */
    struct copy copies[COPIES];
    uint32_t copy_count;
    struct report reports[REPORTS];
    uint32_t report_count;
};

static inline int64_t day_start_s(int day) { return instant("2026-03-05T00:00:00Z") / MTR_US_PER_SECOND + day * INT64_C(86400); }

/* ---- how the truth goes on ---- */

/* A row of a day that will be read again for a while. */
static inline void restate_row(struct vendor *vendor, struct random_source *random, enum table table, int64_t now_s)
{
    const int number = (int)random_below(random, ROWS), day = number % DAYS; /* a row stays in its day */
    struct published *row = &vendor->tables[table][number];
    const int64_t begin_s = day_start_s(day), end_s = begin_s + 86400;
    if (day < vendor->first_day || now_s < begin_s || now_s > end_s + 2 * 86400) return;
    if (row->is_there) vendor->moved_s[table][day] = now_s;
    row->is_there = random_below(random, 4) != 0;
    row->account = number % ACCOUNTS;
    row->at_s = begin_s + (int64_t)random_below(random, 24) * 3600; /* often on the border of two pieces */
    row->amount = 1 + (int64_t)random_below(random, 3);
    if (row->at_s > now_s) row->is_there = false;
}

static inline void publish_row(struct vendor *vendor, struct random_source *random, int64_t now_s)
{
    const int64_t at_s = now_s / 3600 * 3600 - (int64_t)random_below(random, 12) * 3600;
    if (vendor->feed_count == FEED_ROWS || at_s < day_start_s(vendor->first_day)) return;
    vendor->feed[vendor->feed_count++] =
        (struct published){true, (int)random_below(random, ACCOUNTS), at_s, 1 + (int64_t)random_below(random, 3)};
}

/* An hour of the last two days. */
static inline void count_anew(struct vendor *vendor, struct random_source *random, int64_t now_s)
{
    const int64_t hour = (now_s - day_start_s(0)) / 3600 - (int64_t)random_below(random, 48), first = vendor->first_day * 24;
    if (hour < first || hour >= HOURS) return;
    const uint64_t account = random_below(random, ACCOUNTS);
    vendor->grown[account][hour] = (int64_t)random_below(random, 4);
    vendor->begins_again[account][hour] = random_below(random, 8) == 0;
}

/* What a counter of an account shows at each hour. */
static inline void count_up(const struct vendor *vendor, int account, int64_t shown[HOURS])
{
    int64_t total = 1000 * (1 + account);
    for (int hour = vendor->first_day * 24; hour < HOURS; hour++) {
        if (vendor->begins_again[account][hour] && total > 10) total = 0; /* it is seen to be less */
        total += vendor->grown[account][hour];
        shown[hour] = total;
    }
}

/* ---- copies ---- */

/* Of an account; -1: of all. */
static inline bool has_rows(const struct vendor *vendor, enum table table, int account, int64_t from_s, int64_t to_s)
{
    for (int i = 0; i < ROWS; i++) {
        const struct published *row = &vendor->tables[table][i];
        if (row->is_there && row->at_s >= from_s && row->at_s < to_s && (account < 0 || row->account == account)) return true;
    }
    return false;
}

static inline struct copy *take_copy(struct vendor *vendor, enum table table, int account, int64_t from_s, int64_t to_s)
{
    struct copy *copy = &vendor->copies[++vendor->copy_count % COPIES];
    *copy = (struct copy){.number = vendor->copy_count};
    for (int i = 0; i < ROWS; i++) {
        const struct published *row = &vendor->tables[table][i];
        if (!row->is_there || row->at_s < from_s || row->at_s >= to_s || (account >= 0 && row->account != account)) continue;
        copy->ids[copy->count] = i;
        copy->rows[copy->count++] = *row;
    }
    return copy;
}

static inline struct copy *find_copy(struct vendor *vendor, uint32_t number)
{
    struct copy *copy = &vendor->copies[number % COPIES];
    assert_int_equal(copy->number, number); /* nobody reads for so long */
    return copy;
}

/* ---- answers ---- */

static inline void say(struct vendor_reply *reply, const char *format, ...) MTR_PRINTF(2, 3);
static inline void say(struct vendor_reply *reply, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert_true(size >= 0 && (size_t)size < sizeof(text));
    assert_int_equal(mtr_buffer_append(reply->body, text, (size_t)size), 0);
}

static inline int64_t parameter(const char *url, const char *name)
{
    const char *at = strstr(url, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

static inline void say_row(struct vendor_reply *reply, char letter, int id, const struct published *row)
{
    say(reply, "{\"id\":\"%c%d\",\"account\":\"acc-%d\",\"at\":%lld,\"amount\":%lld}", letter, id, row->account, (long long)row->at_s, (long long)row->amount);
}

static inline void say_rows(struct vendor_reply *reply, const struct copy *copy, int from, int to)
{
    for (int i = from; i < to; i++) {
        if (i > from) say(reply, ",");
        say_row(reply, 'r', copy->ids[i], &copy->rows[i]);
    }
}

static inline void say_page(struct vendor *vendor, const char *url, enum fault fault, struct vendor_reply *reply)
{
    const char *cursor = strstr(url, "cursor=");
    unsigned number = 0;
    int at = 0;
    if (cursor) assert_int_equal(sscanf(cursor, "cursor=%u-%d", &number, &at), 2);
    struct copy *copy = cursor ? find_copy(vendor, number) : take_copy(vendor, OF_PAGES, -1, parameter(url, "from="), parameter(url, "to="));
    const int count = fault == EMPTY ? 0 : copy->count, end = at + PAGE < count ? at + PAGE : count;
    if (count > CAP) {
        reply->status = 400;
        say(reply, "{\"error\":\"too much\"}");
        return;
    }
    say(reply, "{\"data\":[");
    say_rows(reply, copy, at, end);
    say(reply, "],\"total\":%d", count + (fault == MISCOUNTED));
    if (fault == LOOPING || end < count) say(reply, ",\"next\":\"%u-%d\"", (unsigned)copy->number, fault == LOOPING ? at : end);
    say(reply, "}");
}

static inline void say_item(struct vendor *vendor, const char *url, enum fault fault, struct vendor_reply *reply)
{
    const int account = (int)parameter(url, "/b/acc-");
    const struct copy *copy = take_copy(vendor, OF_EACH, account, parameter(url, "from="), parameter(url, "to="));
    const int count = fault == EMPTY ? 0 : copy->count;
    say(reply, "{\"data\":[");
    say_rows(reply, copy, 0, count);
    say(reply, "],\"total\":%d}", count + (fault == MISCOUNTED));
}

/* ---- reports ---- */

static inline struct report *find_report(struct vendor *vendor, const char *url)
{
    const char *at = strstr(url, "/t");
    const uint32_t number = at ? (uint32_t)strtoul(at + 2, NULL, 10) : 0;
    struct report *report = &vendor->reports[number % REPORTS];
    return number && report->number == number ? report : NULL;
}

static inline void begin_report(struct vendor *vendor, const char *url, struct vendor_reply *reply)
{
    const uint32_t number = ++vendor->report_count;
    vendor->reports[number % REPORTS] =
        (struct report){.number = number, .from_s = parameter(url, "from="), .to_s = parameter(url, "to="), .polls = 2};
    say(reply, "{\"id\":\"t%u\"}", (unsigned)number);
}

static inline void say_report(struct vendor *vendor, const char *url, enum fault fault, struct vendor_reply *reply)
{
    struct report *report = find_report(vendor, url);
    if (report && fault == NOT_THERE) report->number = 0; /* for good */
    if (!report || fault == NOT_THERE) {
        reply->status = 404;
        say(reply, "{}");
    } else if (fault == FAILED) {
        say(reply, "{\"status\":\"failed\"}");
    } else if (fault != EMPTY && --report->polls > 0) {
        say(reply, "{\"status\":\"running\"}");
    } else {
        const struct copy *copy = take_copy(vendor, OF_REPORTS, -1, report->from_s, report->to_s);
        say(reply, "{\"status\":\"done\",\"data\":[");
        say_rows(reply, copy, 0, fault == EMPTY ? 0 : copy->count);
        say(reply, "]}");
    }
}

static inline void remove_report(struct vendor *vendor, const char *url, struct vendor_reply *reply)
{
    struct report *report = find_report(vendor, url);
    reply->status = report ? 204 : 404;
    if (report) report->number = 0;
}

static inline void list_reports(const struct vendor *vendor, struct vendor_reply *reply)
{
    const char *comma = "";
    say(reply, "{\"reports\":[");
    for (int i = 0; i < REPORTS; i++) {
        const struct report *report = &vendor->reports[i];
        if (!report->number) continue;
        say(reply, "%s{\"id\":\"t%u\",\"from\":\"%lld\",\"to\":\"%lld\"}", comma, (unsigned)report->number, (long long)report->from_s,
            (long long)report->to_s);
        comma = ",";
    }
    say(reply, "]}");
}

/* ---- files ---- */

static inline size_t file_bytes(const struct copy *copy, int file, struct vendor_reply *reply)
{
    const size_t before = reply->body->size;
    for (int i = file * PAGE; i < (file + 1) * PAGE && i < copy->count; i++) {
        say_row(reply, 'r', copy->ids[i], &copy->rows[i]);
        say(reply, "\n");
    }
    return reply->body->size - before;
}

static inline void say_manifest(struct vendor *vendor, const char *url, enum fault fault, struct vendor_reply *reply)
{
    const struct copy *copy = take_copy(vendor, OF_FILES, -1, parameter(url, "from="), parameter(url, "to="));
    const int files = fault == EMPTY ? 0 : (copy->count + PAGE - 1) / PAGE;
    struct mtr_buffer scratch;
    struct vendor_reply file = {.body = &scratch};
    uint64_t etag = 1;
    mtr_buffer_init(&scratch, 1 << 20);
    say(reply, "{\"parts\":[");
    for (int i = 0; i < files; i++) {
        say(reply, "%s{\"url\":\"http://127.0.0.1:1/file/%u/%d\",\"size\":%zu}", i ? "," : "", (unsigned)copy->number, i, file_bytes(copy, i, &file));
    }
    for (size_t i = 0; i < scratch.size; i++) etag = (etag ^ (uint8_t)scratch.data[i]) * UINT64_C(1099511628211);
    say(reply, "],\"count\":%d,\"etag\":\"%llx\"}", files + (fault == MISCOUNTED), (unsigned long long)etag);
    mtr_buffer_release(&scratch);
}

static inline void say_file(struct vendor *vendor, const char *url, enum fault fault, struct vendor_reply *reply)
{
    unsigned number = 0;
    int file = 0;
    assert_int_equal(sscanf(strstr(url, "/file/"), "/file/%u/%d", &number, &file), 2);
    if (fault == OLD_LINK) reply->status = 403;
    else (void)file_bytes(find_copy(vendor, number), file, reply);
}

/* ---- a feed, counters ---- */

static inline void say_feed(struct vendor *vendor, const char *url, enum fault fault, struct vendor_reply *reply)
{
    const int at = (int)parameter(url, "cursor="), end = at + PAGE < vendor->feed_count ? at + PAGE : vendor->feed_count;
    say(reply, "{\"data\":[");
    for (int i = at; i < end; i++) {
        if (i > at) say(reply, ",");
        say_row(reply, 'f', i, &vendor->feed[i]);
    }
    if (fault == CHANGED) {
        struct published other = vendor->feed[at - 1];
        other.amount += 100;
        if (end > at) say(reply, ",");
        say_row(reply, 'f', at - 1, &other);
    }
    say(reply, "],\"next\":\"%d\",\"more\":%s}", fault == LOOPING ? at : end, fault == LOOPING || end < vendor->feed_count ? "true" : "false");
}

static inline bool is_in_hole(int64_t at_s) { return at_s % 86400 >= 8 * 3600 && at_s % 86400 < 11 * 3600; }

static inline void say_samples(struct vendor *vendor, const char *url, enum fault fault, int64_t now_s, struct vendor_reply *reply)
{
    const int64_t from_s = parameter(url, "from="), to_s = parameter(url, "to=");
    const char *comma = "";
    say(reply, "{\"data\":[");
    for (int account = 0; account < ACCOUNTS && fault != EMPTY; account++) {
        int64_t shown[HOURS];
        count_up(vendor, account, shown);
        for (int hour = vendor->first_day * 24; hour < HOURS; hour++) {
            const int64_t at_s = day_start_s(0) + hour * INT64_C(3600);
            if (at_s < from_s || at_s >= to_s || at_s > now_s || (fault == HOLE && is_in_hole(at_s))) continue;
            say(reply, "%s{\"account\":\"acc-%d\",\"at\":%lld,\"total\":%lld}", comma, account, (long long)at_s, (long long)shown[hour]);
            comma = ",";
        }
    }
    say(reply, "]}");
}

/* ---- all of it ---- */

static inline enum place place_of(const char *url)
{
    static const char *const paths[PLACES] = {"/accounts", "/a?", "/b/", "/submit", "/poll/", "/remove/", "/reports", "/manifest", "/file/", "/f", "/c?"};
    for (int i = 0; i < PLACES; i++)
        if (strstr(url, paths[i])) return (enum place)i;
    fail_msg("%s", url);
    return PLACES;
}

static inline void say_answer(struct vendor *vendor, const char *url, enum fault fault, int64_t now_s, struct vendor_reply *reply)
{
    switch (place_of(url)) {
    case AT_ACCOUNTS:
        say(reply, "{\"data\":[{\"id\":\"acc-0\"},{\"id\":\"acc-1\"}],\"total\":%d}", fault == MISCOUNTED ? 3 : 2);
        break;
    case AT_PAGES: say_page(vendor, url, fault, reply); break;
    case AT_EACH: say_item(vendor, url, fault, reply); break;
    case AT_SUBMIT: begin_report(vendor, url, reply); break;
    case AT_POLL: say_report(vendor, url, fault, reply); break;
    case AT_REMOVE: remove_report(vendor, url, reply); break;
    case AT_REPORTS: list_reports(vendor, reply); break;
    case AT_MANIFEST: say_manifest(vendor, url, fault, reply); break;
    case AT_FILE: say_file(vendor, url, fault, reply); break;
    case AT_FEED: say_feed(vendor, url, fault, reply); break;
    case AT_COUNTER: say_samples(vendor, url, fault, now_s, reply); break;
    case PLACES: break;
    }
    switch (fault) {
    case ERROR_500: reply->status = 500; break;
    case SLOW_429:
        reply->status = 429;
        assert_int_equal(mtr_buffer_printf(reply->headers, "Retry-After: 60\r\n"), 0);
        break;
    case TORN: reply->body->size /= 2; break;
    case NOT_THERE: reply->status = 404; break;
    case SKEWED: reply->skew_us = 5 * 3600 * MTR_US_PER_SECOND; break;
    default: break;
    }
}

#endif
