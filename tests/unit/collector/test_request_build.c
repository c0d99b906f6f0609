/*
 * Requests as they are built of documents: each row is a document's request, what paging has for it, and the method, URL,
 * headers and body that come out; and what cannot be asked.
 */
#include "collector/source/request/request_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/document.h"
#include "meterd/core/time.h"
#include "meterd/source/source_read.h"

struct world {
    struct mtr_arena arena;
    struct mtr_document *document;
    struct mtr_diagnostics findings;
    struct mtr_zone *zones[8];
    unsigned zone_count;
    struct mtr_source source;
};

static int get_zone(void *context, struct mtr_str name, struct mtr_zone **out)
{
    struct world *world = context;
    int rc = mtr_zone_open(name, out);
    if (!rc) world->zones[world->zone_count++] = *out;
    return rc;
}

/* A source of which the rows say what is of interest; keys of theirs go before. */
static void open_world(struct world *world, const char *rows)
{
    char text[4096];
    struct mtr_diagnostic fault;
    *world = (struct world){0};
    const bool has_window = strstr(rows, "window:") != NULL;
    snprintf(text, sizeof(text), "{key: acme-usage, vendor: acme, base_url: 'https://api.example/v2', auth: none,"
             " format: {json: {rows: 'data[]'}}, identity: {id: id}, map: {type: =t, subject: s, time: ts, data: {q: n}}%s, %s}",
             has_window ? "" : ", window: {length: day, start: 2026-01-01}", rows);
    mtr_arena_init(&world->arena, 16 << 10, 16 << 20);
    mtr_diagnostics_init(&world->findings, 16);
    const struct mtr_source_zones zones = {get_zone, world};
    if (mtr_document_parse(mtr_str_from(text), &world->document, &fault)) fail_msg("%s: %s", rows, fault.text);
    int rc = mtr_source_read(mtr_document_root(world->document), &zones, &world->arena, &world->source, &world->findings);
    if (rc) fail_msg("%s: %s %s: %s", rows, mtr_error_name(rc), world->findings.items[0].field, world->findings.items[0].text);
}

static void close_world(struct world *world)
{
    while (world->zone_count) mtr_zone_close(world->zones[--world->zone_count]);
    mtr_diagnostics_release(&world->findings);
    mtr_document_close(world->document);
    mtr_arena_release(&world->arena);
}

static int64_t instant(const char *text)
{
    int64_t time_us;
    assert_int_equal(mtr_time_parse_date(mtr_str_from(text), &time_us), MTR_OK);
    return time_us;
}

/* "query.page=2" or "body.a.b=#5", a number, with spaces between (one in a value is ^); "link=URL", "part=URL", "item=NAME". */
static void read_paging(const char *told, char text[512], struct paging_request *out)
{
    char *rest = NULL;
    *out = (struct paging_request){.change_count = 0};
    snprintf(text, 512, "%s", told);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        assert_non_null(value);
        *value++ = '\0';
        for (char *c = value; *c; c++) *c = *c == '^' ? ' ' : *c;
        const bool is_number = *value == '#';
        if (strcmp(word, "link") == 0) out->link = mtr_str_from(value);
        else if (strcmp(word, "part") == 0) *out = (struct paging_request){.link = mtr_str_from(value), .is_part = true};
        else if (strcmp(word, "item") == 0) *out = (struct paging_request){.item = mtr_str_from(value), .is_part = true};
        else if (strcmp(word, "cursor") == 0) out->cursor = mtr_str_from(value);
        else if (strcmp(word, "page") == 0) out->page = mtr_str_from(value);
        else {
            char *name = strchr(word, '.');
            const enum mtr_send_place place = word[0] == 'q' ? MTR_SEND_QUERY : word[0] == 'h' ? MTR_SEND_HEADER : MTR_SEND_BODY;
            out->changes[out->change_count++] = (struct paging_change){{place, mtr_str_from(name + 1)}, mtr_str_from(value + is_number), is_number};
        }
    }
}

static void write_call(const struct source_call *call, struct mtr_buffer *out)
{
    assert_int_equal(mtr_buffer_printf(out, "%.*s ", MTR_STR_ARGS(call->method)), MTR_OK);
    assert_int_equal(source_call_write_url(call, out), MTR_OK);
    for (uint32_t i = 0; i < call->header_count; i++)
        assert_int_equal(mtr_buffer_printf(out, "\n%.*s: %.*s", MTR_STR_ARGS(call->headers[i].name), MTR_STR_ARGS(call->headers[i].value)), MTR_OK);
    if (call->body.size) assert_int_equal(mtr_buffer_printf(out, "\n\n%.*s", MTR_STR_ARGS(call->body)), MTR_OK);
}

#define JSON "\nContent-Type: application/json\n\n"
#define FORM "\nContent-Type: application/x-www-form-urlencoded\n\n"
static const struct {
    const char *document, *paging, *expected;
} rows[] = {
    {"request: {path: /usage, query: {from: '{from:%Y-%m-%d}', to: '{last:%d.%m.%Y|zone=Europe/Moscow}', size: '500'}, unit: 1d}", "",
     "GET https://api.example/v2/usage?from=2026-03-08&to=08.03.2026&size=500"},
    {"request: {path: /usage, query: {from: '{from}', q: 'a&b=c d'}}", "",
     "GET https://api.example/v2/usage?from=2026-03-08T00%3A00%3A00Z&q=a%26b%3Dc%20d"},
    {"request: {path: '/u/{from:month}'}", "", "GET https://api.example/v2/u/2026-03"},
    {"for_each: {values: [eu, 'a/b c']}, request: {path: '/{each}/usage', query: {from: '{from:%F}', region: '{each.value}'}}", "",
     "GET https://api.example/v2/a%2Fb%20c/usage?from=2026-03-08&region=a%2Fb%20c"},
    {"request: {path: /usage, query: {from: '{from:%F}'}, headers: {Accept: text/csv, X-Until: '{to:unix_ms}'}}", "",
     "GET https://api.example/v2/usage?from=2026-03-08\nAccept: text/csv\nX-Until: 1773014400000"},
    /* What paging sends. */
    {"request: {path: /usage, query: {from: '{from:%F}', page: '1'}}, paging: {page: {send: query.page}}", "query.page=#2",
     "GET https://api.example/v2/usage?from=2026-03-08&page=2"},
    {"request: {path: /usage, query: {from: '{from:%F}'}}", "query.created[gte]=5 query.after=a&b",
     "GET https://api.example/v2/usage?from=2026-03-08&created%5Bgte%5D=5&after=a%26b"},
    {"request: {path: /usage, query: {from: '{from:%F}'}, headers: {x-page: '1'}}", "header.X-Page=2",
     "GET https://api.example/v2/usage?from=2026-03-08\nX-Page: 2"},
    {"request: {path: /usage, query: {from: '{from:%F}', cursor: '{cursor}', p: '{page}'}, headers: {X-C: 'c {cursor}'}}", "",
     "GET https://api.example/v2/usage?from=2026-03-08"},
    {"request: {path: /usage, query: {cursor: '{cursor}', from: '{from:%F}'}, headers: {X-C: 'c {cursor}'}}", "cursor=t=1",
     "GET https://api.example/v2/usage?cursor=t%3D1&from=2026-03-08\nX-C: c t=1"},
    {"request: {path: /usage, query: {from: '{from:%F}'}, headers: {Accept: text/csv}}", "link=https://files.example/p?sig=1%2F2",
     "GET https://files.example/p?sig=1%2F2\nAccept: text/csv"},
    {"request: {method: POST, path: /usage, body: {json: {from: '{from:%F}'}}}", "link=https://files.example/next",
     "POST https://files.example/next" JSON "{\"from\":\"2026-03-08\"}"},
    /* Parts are fetched as they stand. */
    {"request: {method: POST, path: /usage, headers: {Accept: text/csv}, body: {json: {from: '{from:%F}'}}}", "part=https://files.example/a",
     "GET https://files.example/a"},
    {"request: {path: /, query: {prefix: 'x/{from:%F}'}}, paging: {parts: {s3_list: true, url: '/bucket/{item}'}}", "item=a/b^c=1.csv",
     "GET https://api.example/v2/bucket/a/b%20c%3D1.csv"},
    /* Bodies. */
    {"request: {method: POST, path: /q, body: {json: {metric: [cpu, 'a\"{from:%F}'], n: 5, big: 12345678901234567890.50, yes: true, "
      "none: null, deep: {to: '{to:%F}'}}}}", "",
     "POST https://api.example/v2/q" JSON
     "{\"metric\":[\"cpu\",\"a\\\"2026-03-08\"],\"n\":5,\"big\":12345678901234567890.50,\"yes\":true,\"none\":null,\"deep\":{\"to\":\"2026-03-09\"}}"},
    {"request: {method: POST, path: /q, body: {json: {from: '{from:%F}', page: {size: 10, no: 1}}}}",
     "body.page.no=#3 body.page.token=a\"b body.x.y=z",
     "POST https://api.example/v2/q" JSON "{\"from\":\"2026-03-08\",\"page\":{\"size\":10,\"no\":3,\"token\":\"a\\\"b\"},\"x\":{\"y\":\"z\"}}"},
    {"request: {method: POST, path: /q, body: {json: {from: '{from:%F}', page: text}}}", "body.page.no=#3",
     "POST https://api.example/v2/q" JSON "{\"from\":\"2026-03-08\",\"page\":{\"no\":3}}"},
    {"request: {method: POST, path: /q, body: {json: {from: '{from:%F}', cursor: '{cursor}', all: ['{cursor}']}}}", "",
     "POST https://api.example/v2/q" JSON "{\"from\":\"2026-03-08\",\"all\":[null]}"},
    {"request: {method: POST, path: /q, query: {from: '{from:%F}'}}", "body.a=b body.a=c",
     "POST https://api.example/v2/q?from=2026-03-08" JSON "{\"a\":\"b\"}"},
    {"request: {method: POST, path: /q, body: {form: {from: '{from:%F}', 'a b': 'c d&e', cursor: '{cursor}'}}}", "",
     "POST https://api.example/v2/q" FORM "from=2026-03-08&a%20b=c+d%26e"},
    {"request: {method: POST, path: /q, body: {form: {cursor: x, from: '{from:%F}'}}}", "body.cursor=t/1 body.size=#5",
     "POST https://api.example/v2/q" FORM "cursor=t%2F1&from=2026-03-08&size=5"},
    {"request: {method: POST, path: /q, headers: {content-type: text/xml}, body: {text: '<from>{from:%F}</from>'}}", "",
     "POST https://api.example/v2/q\ncontent-type: text/xml\n\n<from>2026-03-08</from>"},
    {"request: {method: POST, path: /q, headers: {content-type: application/vnd.x+json}, body: {json: {from: '{from:%F}'}}}", "",
     "POST https://api.example/v2/q\ncontent-type: application/vnd.x+json\n\n{\"from\":\"2026-03-08\"}"},
    /* Of a feed, and of named periods. */
    {"window: {length: cursor, start: 2026-02-01}, request: {path: /feed, query: {since: '{from:%F}', until: '{to:%F}'}}, paging: "
      "{cursor: {path: next, send: query.c}}", "",
     "GET https://api.example/v2/feed?since=2026-02-01&until=2026-03-20"},
    {"window: {periods: [current, last]}, request: {path: '/bill', query: {period: '{period}'}}", "",
     "GET https://api.example/v2/bill?period=current"},
};

static int build(struct world *world, const char *told, struct source_call *call, const char **fault)
{
    char text[512];
    struct paging_request paging;
    const struct mtr_strand strand = {MTR_STR("acme"), MTR_STR("acme-usage"), MTR_STR("a/b c")};
    struct request_ask ask = {.source = &world->source, .strand = &strand, .paging = &paging, .now_us = instant("2026-03-20")};
    if (world->source.window.length != MTR_LENGTH_CURSOR) ask.window = mtr_window_at(&world->source.window, instant("2026-03-08T12:00:00Z"));
    read_paging(told, text, &paging);
    return request_build(&ask, &world->arena, call, fault);
}

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world;
        struct source_call call;
        struct mtr_buffer out;
        const char *fault;
        open_world(&world, rows[i].document);
        int rc = build(&world, rows[i].paging, &call, &fault);
        if (rc) fail_msg("%s: %s: %s", rows[i].document, mtr_error_name(rc), fault);
        mtr_buffer_init(&out, 64 << 10);
        write_call(&call, &out);
        if (!mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(rows[i].expected)))
            fail_msg("%s\n%.*s\nnot\n%s", rows[i].document, MTR_STR_ARGS(mtr_buffer_str(&out)), rows[i].expected);
        mtr_buffer_release(&out);
        close_world(&world);
    }
}

static const struct {
    const char *document, *paging;
    int error;
    const char *fault;
} refused[] = {
    {"request: {path: '/u/{from:%F}/{cursor}'}", "", MTR_EMISSING, "the path has a value that is not there"},
    {"request: {path: '/u/{cursor}', query: {from: '{from:%F}'}}", "cursor=..", MTR_EINVALID, "a segment `.` or `..`"},
    {"request: {path: /u, query: {from: '{from:%F}'}, headers: {X: '{cursor}'}}", "cursor=a\nb", MTR_EINVALID, "a control character"},
    {"request: {path: /u, query: {from: '{from:%F}'}}", "header.X=a\rb", MTR_EINVALID, "control character"},
    {"request: {method: POST, path: /u, body: {text: '{from:%F}'}}", "body.page=#1", MTR_EINVALID, "cannot go into a body that is text"},
    {"request: {method: POST, path: /u, body: {json: {f: '{from:%F}'}}}",
     "body.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=#1", MTR_EINVALID, "more than 16 names"},
};

static void test_what_cannot_be_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct world world;
        struct source_call call;
        const char *fault;
        open_world(&world, refused[i].document);
        int rc = build(&world, refused[i].paging, &call, &fault);
        if (rc != refused[i].error || !strstr(fault, refused[i].fault)) fail_msg("%s: %s: %s", refused[i].document, mtr_error_name(rc), fault);
        close_world(&world);
    }
}

/* A job's id may be a whole URL, and leads where links may lead. */
static void test_jobs(void **state)
{
    (void)state;
    static const struct {
        const char *url, *id, *expected; /* NULL: refused */
    } jobs[] = {
        {"{job.id}", "https://api.example/operations/7?v=1", "GET https://api.example/operations/7?v=1"},
        {"{job.id}", "/operations/7", "GET https://api.example/v2/operations/7"},
        {"/reports/{job.id}?full=1", "a b", "GET https://api.example/v2/reports/a%20b?full=1"},
        {"{job.id}", "https://evil.example/operations/7", NULL},
        {"{job.id}", "http://api.example/operations/7", NULL},
        {"{job.id}", "//evil.example/x", NULL},
    };
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        struct world world;
        struct source_call call;
        struct mtr_buffer out;
        const char *fault;
        open_world(&world, "request: {path: /u, query: {from: '{from:%F}'}}");
        const struct mtr_source_request poll = {.method = MTR_STR("GET"), .url = mtr_str_from(jobs[i].url)};
        const struct request_ask ask = {.source = &world.source, .request = &poll, .job_id = mtr_str_from(jobs[i].id), .now_us = instant("2026-03-20")};
        int rc = request_build(&ask, &world.arena, &call, &fault);
        mtr_buffer_init(&out, 4096);
        if (!rc) write_call(&call, &out);
        if (!jobs[i].expected ? rc != MTR_EINVALID : !mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(jobs[i].expected)))
            fail_msg("%s of %s: %s %s %.*s", jobs[i].url, jobs[i].id, mtr_error_name(rc), fault, MTR_STR_ARGS(mtr_buffer_str(&out)));
        mtr_buffer_release(&out);
        close_world(&world);
    }
}

/* A feed by time goes on where it was, and a little before. */
static void test_feeds(void **state)
{
    (void)state;
    static const struct {
        const char *since, *expected;
    } feeds[] = {
        {NULL, "GET https://api.example/v2/f?since=2026-02-01T00%3A00%3A00Z"},
        {"2026-03-10T12:00:00Z", "GET https://api.example/v2/f?since=2026-03-10T11%3A45%3A00Z"},
        {"2026-02-01T00:10:00Z", "GET https://api.example/v2/f?since=2026-02-01T00%3A00%3A00Z"}, /* never before the start */
    };
    for (size_t i = 0; i < sizeof(feeds) / sizeof(feeds[0]); i++) {
        struct world world;
        struct source_call call;
        struct mtr_buffer out;
        const char *fault;
        open_world(&world, "window: {length: cursor, start: 2026-02-01, overlap: 15m}, request: {path: /f, query: {since: '{from}'}}");
        const struct request_ask ask = {.source = &world.source, .since_us = feeds[i].since ? instant(feeds[i].since) : 0, .now_us = instant("2026-03-20")};
        mtr_buffer_init(&out, 4096);
        assert_int_equal(request_build(&ask, &world.arena, &call, &fault), MTR_OK);
        write_call(&call, &out);
        if (!mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(feeds[i].expected)))
            fail_msg("%.*s, not %s", MTR_STR_ARGS(mtr_buffer_str(&out)), feeds[i].expected);
        mtr_buffer_release(&out);
        close_world(&world);
    }
}

static void test_subscriptions(void **state)
{
    (void)state;
    struct world world;
    struct source_call call;
    const char *fault;
    struct mtr_buffer out;
    const struct mtr_subscription subscription = {.subject = MTR_STR("s/1"), .key = MTR_STR("k-1"), .customer = MTR_STR("c-1")};
    open_world(&world, "for_each: {subscription: {service: compute}},"
                       " request: {path: '/{each.subject}', query: {k: '{each.key}', c: '{each.customer}', f: '{from:%F}'}}");
    struct request_ask ask = {.source = &world.source, .subscription = &subscription, .now_us = instant("2026-03-20")};
    ask.window = mtr_window_at(&world.source.window, instant("2026-03-08"));
    mtr_buffer_init(&out, 4096);
    assert_int_equal(request_build(&ask, &world.arena, &call, &fault), MTR_OK);
    write_call(&call, &out);
    assert_true(mtr_str_equal(mtr_buffer_str(&out), MTR_STR("GET https://api.example/v2/s%2F1?k=k-1&c=c-1&f=2026-03-08")));
    ask.subscription = NULL;
    assert_int_equal(request_build(&ask, &world.arena, &call, &fault), MTR_EMISSING);
    mtr_buffer_release(&out);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_what_cannot_be_asked),
        cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_subscriptions),
        cmocka_unit_test(test_feeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
