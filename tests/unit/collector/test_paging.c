/*
 * Paging as stories: what pages come, what is asked for them, and how it ends; for each kind, with the answers that
 * made others lose rows or never stop: short and empty pages, tokens that come again, capped pages, links to elsewhere.
 *
 * A page is `ROWS name=value …`, where names are paths of the document, `first.` and `last.` paths of a record; `hash=`
 * makes pages equal, `known` says that a row was known, `link=` is a header, `status=` one of a part, `part=` a line of
 * a list. Pages stand between bars. What is expected is each request in brackets, and the step behind it.
 */
#include "collector/source/paging/paging.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 40 };

struct told {
    char text[4096];
    char *words[WORDS_MAX];
    unsigned count;
};

static void cut_words(struct told *told, const char *begin, size_t size)
{
    char *rest = NULL;
    assert_true(size < sizeof(told->text));
    memcpy(told->text, begin, size);
    told->text[size] = '\0';
    told->count = 0;
    for (char *word = strtok_r(told->text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(told->count < WORDS_MAX);
        told->words[told->count++] = word;
    }
}

/* The value behind `name=`; NULL: it is not told. Underscores stand for spaces. */
static const char *value_of(const struct told *told, const char *name)
{
    const size_t size = strlen(name);
    for (unsigned i = 1; i < told->count; i++)
        if (strncmp(told->words[i], name, size) == 0 && told->words[i][size] == '=') return told->words[i] + size + 1;
    return NULL;
}

static struct mtr_found found_of(const char *value)
{
    struct mtr_found found = {.kind = MTR_FOUND_NOTHING};
    uint64_t number;
    if (!value) return found;
    found.text = mtr_str_from(value);
    if (strcmp(value, "null") == 0) found.kind = MTR_FOUND_NULL;
    else if (strcmp(value, "true") == 0) found.kind = MTR_FOUND_TRUE;
    else if (strcmp(value, "false") == 0) found.kind = MTR_FOUND_FALSE;
    else if (strcmp(value, "{}") == 0) found = (struct mtr_found){.kind = MTR_FOUND_MAP, .count = 1};
    else if (strcmp(value, "cut") == 0) found = (struct mtr_found){.kind = MTR_FOUND_TEXT, .is_cut = true, .text = MTR_STR("x")};
    else found.kind = mtr_str_to_u64(found.text, &number) ? MTR_FOUND_NUMBER : MTR_FOUND_TEXT;
    return found;
}

static void find_wants(const struct paging *paging, const struct told *told, struct mtr_found found[PAGING_WANTS_MAX])
{
    static const char *const prefixes[] = {"", "first.", "last."};
    uint32_t count;
    const struct mtr_record_want *wants = paging_wants(paging, &count);
    for (uint32_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s%.*s", prefixes[wants[i].of], MTR_STR_ARGS(wants[i].path));
        found[i] = found_of(value_of(told, name));
    }
}

static void write_request(const struct paging *paging, struct mtr_buffer *out)
{
    static const char *const places[] = {"", "query.", "header.", "body."};
    struct paging_request request;
    paging_request(paging, &request);
    const size_t begin = out->size;
    assert_int_equal(mtr_buffer_printf(out, " [%.*s", MTR_STR_ARGS(request.link)), MTR_OK);
    for (uint32_t i = 0; i < request.change_count; i++) {
        const struct paging_change *change = &request.changes[i];
        assert_int_equal(mtr_buffer_printf(out, "%s%s%.*s=%.*s", out->size > begin + 2 ? " " : "", places[change->send.place],
                                           MTR_STR_ARGS(change->send.name), MTR_STR_ARGS(change->value)), MTR_OK);
    }
    if (request.item.data) assert_int_equal(mtr_buffer_printf(out, "item=%.*s", MTR_STR_ARGS(request.item)), MTR_OK);
    assert_int_equal(mtr_buffer_append_char(out, ']'), MTR_OK);
}

static void add_parts(struct paging *paging, const struct told *told)
{
    for (unsigned i = 1; i < told->count; i++) {
        struct mtr_str cells[PAGING_COLUMNS_MAX] = {{NULL, 0}};
        unsigned count = 0;
        char *rest = NULL;
        if (strncmp(told->words[i], "part=", 5) != 0) continue;
        for (char *cell = strtok_r(told->words[i] + 5, ",", &rest); cell && count < PAGING_COLUMNS_MAX; cell = strtok_r(NULL, ",", &rest))
            cells[count++] = mtr_str_from(cell);
        (void)!paging_add_part(paging, cells);
    }
}

/* One page; false: the reading is over. */
static bool answer(struct paging *paging, const struct told *told, unsigned number, struct mtr_buffer *out)
{
    static const char *const steps[] = {"NEXT", "AGAIN", "END", "UNCHANGED", "RESTART", "FAILED"};
    static const char *const alarms[] = {"", "loop", "truncated", "limit", "link", "incomplete"};
    struct mtr_found found[PAGING_WANTS_MAX];
    struct source_call call = {.is_https = true, .host = MTR_STR("api.example"), .port = 443, .path = MTR_STR("/v2/items"), .query = MTR_STR("a=b")};
    const char *hash = value_of(told, "hash"), *link = value_of(told, "link"), *status = value_of(told, "status"), *bytes = value_of(told, "bytes");
    char headers[1024] = "";
    enum paging_step step;
    const char *fault;
    write_request(paging, out);
    if (status && paging_expired(paging, (unsigned)atoi(status))) {
        assert_int_equal(mtr_buffer_printf(out, " EXPIRED"), MTR_OK);
        return true;
    }
    if (link) snprintf(headers, sizeof(headers), "Date: x\r\nlink: %s\r\nX: y\r\n", link);
    for (char *c = headers; *c; c++) *c = *c == '_' ? ' ' : *c;
    find_wants(paging, told, found);
    if (paging_list(paging)) add_parts(paging, told);
    const struct paging_page page = {
        .call = &call, .headers = mtr_str_from(headers), .rows = strtoull(told->words[0], NULL, 10), .found = found,
        .hash = {0, hash ? strtoull(hash, NULL, 10) : 1000 + number}, .has_known = strstr(told->words[told->count - 1], "known") != NULL,
        .bytes = bytes ? strtoull(bytes, NULL, 10) : 0,
        .md5 = (const uint8_t *)"\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e"}; /* of nothing */
    assert_int_equal(paging_answered(paging, &page, &step), MTR_OK);
    const enum paging_alarm alarm = paging_alarm(paging, &fault);
    assert_int_equal(step == PAGING_FAILED, alarm != PAGING_FINE);
    if (alarm) assert_true(strlen(fault) > 10 && strlen(fault) < PAGING_FAULT_BYTES);
    assert_int_equal(mtr_buffer_printf(out, " %s%s%s", steps[step], alarm ? ":" : "", alarms[alarm]), MTR_OK);
    return step == PAGING_NEXT || step == PAGING_AGAIN;
}

struct story {
    const char *pages, *resume, *expected, *left; /* left: what paging_resume gives; NULL: nobody looks */
};

static void tell(const struct mtr_source *source, const struct story *story)
{
    struct paging *paging;
    struct mtr_buffer out;
    struct told told;
    unsigned number = 0;
    bool goes_on = true;
    mtr_buffer_init(&out, 1 << 20);
    assert_int_equal(paging_open(source, mtr_str_from(story->resume), &paging), MTR_OK);
    for (const char *at = story->pages; goes_on && *at; number++) {
        const char *bar = strchr(at, '|');
        const size_t size = bar ? (size_t)(bar - at) : strlen(at);
        cut_words(&told, at, size);
        goes_on = answer(paging, &told, number, &out);
        at += size + (bar != NULL);
    }
    if (!mtr_str_equal((struct mtr_str){out.data + 1, out.size - 1}, mtr_str_from(story->expected)))
        fail_msg("%s\n   gave %.*s\n    not  %s", story->pages, MTR_STR_ARGS(mtr_buffer_str(&out)), story->expected);
    if (story->left) assert_true(mtr_str_equal(paging_resume(paging), mtr_str_from(story->left)));
    paging_close(paging);
    mtr_buffer_release(&out);
}

static struct mtr_source source_of(enum mtr_paging_kind kind)
{
    static const struct mtr_str hosts[] = {{"files.example", 13}, {"other.example:8443", 18}, {"*.below.example", 15}};
    return (struct mtr_source){.base = {.is_https = true, .host = MTR_STR("api.example"), .port = 443},
                               .hosts = hosts,
                               .host_count = 3,
                               .paging = {.kind = kind}};
}

#define TELL(source, stories)                                                                                \
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) tell(&(source), &(stories)[i])

static void test_none(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_NONE);
    static const struct story stories[] = {{"5", "", "[] END", ""}, {"0", "", "[] END", ""}};
    static const struct story limited[] = {{"999", "", "[] END", NULL}, {"1000", "", "[] FAILED:truncated", NULL}, {"1001", "", "[] END", NULL}};
    TELL(source, stories);
    source.answer.rows_limit = 1000;
    TELL(source, limited);
}

static void test_page(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_PAGE);
    struct mtr_paging_count count = {.send = {MTR_SEND_QUERY, MTR_STR("page")}, .first = 1, .limit = {MTR_SEND_QUERY, MTR_STR("size")}, .limit_value = 50};
    static const struct story stories[] = {
        {"0", "", "[query.page=1 query.size=50] END", NULL},
        {"50|3|0", "", "[query.page=1 query.size=50] NEXT [query.page=2 query.size=50] NEXT [query.page=3 query.size=50] END", NULL},
        {"50 hash=7|50 hash=7", "", "[query.page=1 query.size=50] NEXT [query.page=2 query.size=50] FAILED:loop", NULL},
        {"50 hash=7|50|50 hash=7", "", "[query.page=1 query.size=50] NEXT [query.page=2 query.size=50] NEXT [query.page=3 query.size=50] FAILED:loop", NULL},
    };
    static const struct story short_ends[] = {
        {"50|3", "", "[query.page=1] NEXT [query.page=2] END", NULL},
        {"50|50|0", "", "[query.page=1] NEXT [query.page=2] NEXT [query.page=3] END", NULL},
    };
    static const struct story told_ends[] = {
        {"50 total=53|3 total=53", "", "[query.page=1] NEXT [query.page=2] END", NULL},
        {"50 total=53|0 total=53", "", "[query.page=1] NEXT [query.page=2] FAILED:truncated", NULL},
        {"50 total=50", "", "[query.page=1] END", NULL}, /* rows_limit is 50: the total says that this is all */
        {"50 more=true|50 more=false", "", "[query.page=1] NEXT [query.page=2] FAILED:truncated", NULL},
        {"50 more=1|49 more=0", "", "[query.page=1] NEXT [query.page=2] END", NULL},
        {"0 more=true|2 more=false", "", "[query.page=1] NEXT [query.page=2] END", NULL},
    };
    source.paging.count = &count;
    TELL(source, stories);
    count.limit.place = MTR_SEND_NOWHERE;
    count.short_page_ends = true;
    TELL(source, short_ends);
    count.short_page_ends = false;
    count.total = MTR_STR("total");
    count.has_more = MTR_STR("more");
    source.answer.rows_limit = 50;
    TELL(source, told_ends);
}

static void test_offset(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_OFFSET);
    const struct mtr_paging_count count = {.send = {MTR_SEND_BODY, MTR_STR("page.offset")}, .limit = {MTR_SEND_HEADER, MTR_STR("X-Limit")}, .limit_value = 500,
                                           .total = MTR_STR("n"), .has_more = MTR_STR("more")};
    static const struct story stories[] = {
        /* Capped at 100: the offset moves by what came. */
        {"100 n=250|100 n=250|50 n=250", "",
         "[body.page.offset=0 header.X-Limit=500] NEXT [body.page.offset=100 header.X-Limit=500] NEXT [body.page.offset=200 header.X-Limit=500] END", NULL},
        {"100|0", "", "[body.page.offset=0 header.X-Limit=500] NEXT [body.page.offset=100 header.X-Limit=500] END", NULL},
        {"0 more=true", "", "[body.page.offset=0 header.X-Limit=500] FAILED:truncated", NULL},
        {"10 more=false", "", "[body.page.offset=0 header.X-Limit=500] END", NULL},
    };
    source.paging.count = &count;
    TELL(source, stories);
}

static void test_cursor(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_CURSOR);
    struct mtr_paging_cursor cursor = {.path = MTR_STR("next"), .send = {MTR_SEND_QUERY, MTR_STR("after")}};
    static const struct story stories[] = {
        {"5 next=a|5 next=b|2 next=null", "", "[] NEXT [query.after=a] NEXT [query.after=b] END", ""},
        {"5 next=a|0 next=b|2 next=", "", "[] NEXT [query.after=a] NEXT [query.after=b] END", NULL}, /* an empty page ends nothing */
        {"5 next=a|2", "", "[] NEXT [query.after=a] END", NULL},
        {"5 next=17|2 next=false", "", "[] NEXT [query.after=17] END", NULL},
        {"5 next=a|5 next=a", "", "[] NEXT [query.after=a] FAILED:loop", NULL},
        {"5 next=a|5 next=b|5 next=a", "", "[] NEXT [query.after=a] NEXT [query.after=b] FAILED:loop", NULL}, /* A-B-A */
        {"0 next=a|0 next=a", "", "[] NEXT [query.after=a] FAILED:loop", NULL},
        {"5 next=a hash=7|5 next=b hash=7", "", "[] NEXT [query.after=a] FAILED:loop", NULL}, /* new tokens, old rows */
        {"5 next={}", "", "[] FAILED:incomplete", NULL},
        {"5 next=true", "", "[] FAILED:incomplete", NULL},
        {"5 next=cut", "", "[] FAILED:incomplete", NULL},
        /* A full page where the token is gone is asked for once more. */
        {"5 next=a|5|5", "", "[] NEXT [query.after=a] AGAIN [query.after=a] END", NULL},
        {"5 next=a|5 hash=7|5 next=b hash=7|1", "", "[] NEXT [query.after=a] AGAIN [query.after=a] NEXT [query.after=b] END", NULL},
        {"5 next=a|5 next=null", "", "[] NEXT [query.after=a] END", NULL},
    };
    static const struct story told_more[] = {
        {"5 next=a more=true|2 next=b more=false", "", "[] NEXT [query.after=a] END", ""},
        {"5 more=true", "", "[] FAILED:truncated", NULL},
        {"5 next=null more=true", "", "[] FAILED:truncated", NULL},
        {"5 next=a", "", "[] NEXT", NULL}, /* it is not said: the token is */
    };
    static const struct story feeds[] = {
        {"5 next=a more=true|2 next=b more=false", "", "[] NEXT [query.after=a] END", "b"},
        {"0 next=b more=false", "b", "[query.after=b] END", "b"},
        {"0 next=b", "b", "[query.after=b] END", "b"}, /* nothing new, said by the same token */
        {"3 next=b|3 next=b", "b", "[query.after=b] NEXT [query.after=b] FAILED:loop", NULL},
        {"0", "b", "[query.after=b] END", "b"},
        {"0 next=null more=false", "b", "[query.after=b] END", "b"},
        {"3 next=c|2", "b", "[query.after=b] NEXT [query.after=c] END", "c"},
    };
    source.paging.cursor = &cursor;
    TELL(source, stories);
    cursor.has_more = MTR_STR("more");
    TELL(source, told_more);
    source.window.length = MTR_LENGTH_CURSOR;
    TELL(source, feeds);
    source.window.length = MTR_LENGTH_DAY; /* what it is to go on from is of feeds */
    tell(&source, &(struct story){"1 next=null", "b", "[] END", ""});
}

static void test_next_url(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_NEXT_URL);
    static const struct story stories[] = {
        {"5 next=https://api.example/v2/items?p=2|1 next=null", "", "[] NEXT [https://api.example/v2/items?p=2] END", NULL},
        {"5 next=?p=2|1", "", "[] NEXT [https://api.example/v2/items?p=2] END", NULL},
        {"5 next=more?p=2|1", "", "[] NEXT [https://api.example/v2/more?p=2] END", NULL},
        {"5 next=/v3/x#top|1", "", "[] NEXT [https://api.example/v3/x] END", NULL},
        {"5 next=../../../x/./y|1", "", "[] NEXT [https://api.example/x/y] END", NULL},
        {"5 next=//files.example/x|1", "", "[] NEXT [https://files.example/x] END", NULL},
        {"5 next=https://FILES.example:443/x|1", "", "[] NEXT [https://FILES.example/x] END", NULL},
        {"5 next=https://other.example:8443/x|1", "", "[] NEXT [https://other.example:8443/x] END", NULL},
        {"5 next=http://api.example/v2/items", "", "[] FAILED:link", NULL},
        {"5 next=https://evil.example/", "", "[] FAILED:link", NULL},
        {"5 next=https://api.example.evil/", "", "[] FAILED:link", NULL},
        {"5 next=https://api.example@evil.example/", "", "[] FAILED:link", NULL},
        {"5 next=https://api.example:8443/", "", "[] FAILED:link", NULL},
        {"5 next=https://other.example/", "", "[] FAILED:link", NULL},
        {"5 next=//evil.example/x", "", "[] FAILED:link", NULL},
        {"5 next=file:///etc/passwd", "", "[] FAILED:link", NULL},
        {"5 next=https:evil", "", "[] FAILED:link", NULL},
        {"5 next=https:///x", "", "[] FAILED:link", NULL},
        {"5 next=?p=2|5 next=?p=2", "", "[] NEXT [https://api.example/v2/items?p=2] FAILED:loop", NULL},
        {"5 next={}", "", "[] FAILED:incomplete", NULL},
        {"5 next=?p=2|5|5", "", "[] NEXT [https://api.example/v2/items?p=2] AGAIN [https://api.example/v2/items?p=2] END", NULL},
    };
    source.paging.next_path = MTR_STR("next");
    TELL(source, stories);
    source.paging.next_has_more = MTR_STR("more");
    tell(&source, &(struct story){"5 more=true", "", "[] FAILED:truncated", NULL});
    tell(&source, &(struct story){"5 next=?p=2 more=false", "", "[] END", NULL});
}

static void test_link_header(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_LINK_HEADER);
    static const struct story stories[] = {
        {"5 link=<https://api.example/v2?page=2>;_rel=\"next\"|1", "", "[] NEXT [https://api.example/v2?page=2] END", NULL},
        {"5 link=</v2?page=9>;_rel=last,_</v2?page=2>_;_title=\"a,_b;_rel=x\";_REL=\"prev_Next\"|1", "", "[] NEXT [https://api.example/v2?page=2] END", NULL},
        {"5 link=<?a=1,2>;rel=next|1", "", "[] NEXT [https://api.example/v2/items?a=1,2] END", NULL},
        {"5 link=<?a=1>;rel=prev;rel=next", "", "[] END", NULL}, /* the first rel counts */
        {"5 link=</a>;rel=nextish,_</b>;rel=\"no\"", "", "[] END", NULL},
        {"5 link=<https://evil.example/>;rel=next", "", "[] FAILED:link", NULL},
        {"5 link=</a", "", "[] END", NULL},
        {"5 link=</a>;rel=\"next", "", "[] NEXT", NULL},
        {"5 link=junk,</a>;rel=next", "", "[] END", NULL},
        {"5", "", "[] END", NULL},
        {"5 link=</a>;rel=next|5|5", "", "[] NEXT [https://api.example/a] AGAIN [https://api.example/a] END", NULL},
    };
    source.paging.rel = MTR_STR("next");
    TELL(source, stories);
}

static void test_after_id(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_AFTER_ID);
    struct mtr_paging_after_id after_id = {.send = {MTR_SEND_QUERY, MTR_STR("starting_after")}, .id = MTR_STR("id"), .has_more = MTR_STR("more")};
    static const struct story stories[] = {
        {"2 last.id=b more=true|1 last.id=c more=false", "", "[] NEXT [query.starting_after=b] END", NULL},
        {"0 more=false", "", "[] END", NULL},
        {"2 last.id=b more=true|2 last.id=b more=true", "", "[] NEXT [query.starting_after=b] FAILED:loop", NULL},
        {"2 more=true", "", "[] FAILED:incomplete", NULL},
        {"0 more=true", "", "[] FAILED:truncated", NULL},
        {"2 last.id=b|0", "", "[] NEXT [query.starting_after=b] END", NULL}, /* no has_more: until an empty page */
    };
    static const struct story feeds[] = {
        {"2 first.id=a last.id=b more=true|1 first.id=c last.id=c more=false", "", "[] NEXT [query.starting_after=b] END", "1:c"},
        {"1 first.id=d last.id=d more=false", "1:c", "[query.starting_after=c] END", "1:d"},
        {"0 more=false", "1:c", "[query.starting_after=c] END", "1:c"},
        {"0 more=false", "rubbish", "[] END", ""},
        {"0 more=false", "9:c", "[] END", ""},
    };
    /* Newest first: the known id is far down, and the first page's first row is what the next reading knows. */
    static const struct story newest[] = {
        {"2 first.id=i last.id=h more=true|2 first.id=g last.id=f more=true|1 first.id=e last.id=e more=false", "",
         "[] NEXT [query.starting_after=h] NEXT [query.starting_after=f] END", "1:i"},
        {"2 first.id=k last.id=j more=true|2 first.id=i last.id=h more=true known", "1:i", "[] NEXT [query.starting_after=j] END", "1:k"},
        {"0 more=false", "1:i", "[] END", "1:i"},
    };
    static const struct story by_time[] = {
        {"1 first.id=a first.created=1700000000 last.id=a last.created=1700000000 more=false", "", "[] END", "1:a1700000000"},
        {"2 first.id=k first.created=1700000009 last.id=j last.created=1700000001 more=true|1 first.id=i last.id=i more=false known", "1:i1700000000",
         "[query.created[gte]=1700000000] NEXT [query.created[gte]=1700000000 query.starting_after=j] END", "1:k1700000009"},
    };
    source.paging.after_id = &after_id;
    TELL(source, stories);
    source.window.length = MTR_LENGTH_CURSOR;
    TELL(source, feeds);
    after_id.newest_first = true;
    TELL(source, newest);
    after_id.time = MTR_STR("created");
    after_id.since = (struct mtr_send){MTR_SEND_QUERY, MTR_STR("created[gte]")};
    TELL(source, by_time);
    after_id.newest_first = false;
    tell(&source, &(struct story){"1 last.id=b last.created=5 more=true|1 last.id=c last.created=6 more=false", "1:a5",
                                  "[query.created[gte]=5] NEXT [query.created[gte]=5 query.starting_after=b] END", "1:c6"});
}

static void test_manifest(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_PARTS);
    static const uint16_t expired[] = {403, 410};
    const struct mtr_paging_parts parts = {.list = MTR_STR("blobs[]"), .url = MTR_STR("url"), .size = MTR_STR("size"), .md5 = MTR_STR("md5"),
                                           .count = MTR_STR("n"), .etag = MTR_STR("etag"), .expired = expired, .expired_count = 2};
    static const struct story stories[] = {
        {"0 n=2 etag=e1 part=/a?s=1 part=https://files.example/b|5|6", "", "[] NEXT [https://api.example/a?s=1] NEXT [https://files.example/b] END", "e1"},
        {"0 n=0 etag=e1", "", "[] END", "e1"},
        {"0 n=1 etag=e1 part=/a", "e1", "[] UNCHANGED", "e1"},
        {"0 n=1 etag=e2 part=/a|5", "e1", "[] NEXT [https://api.example/a] END", "e2"},
        {"0 n=3 part=/a part=/b", "", "[] FAILED:incomplete", NULL},
        {"0 part=/a part=/b", "", "[] FAILED:incomplete", NULL}, /* it does not say how many */
        {"0 n=2 part=/a part=/a", "", "[] FAILED:loop", NULL},
        {"0 n=1 part=https://evil.example/a", "", "[] FAILED:link", NULL},
        {"0 n=1 part=/a,7|5 bytes=7", "", "[] NEXT [https://api.example/a] END", NULL},
        {"0 n=1 part=/a,7|5 bytes=6", "", "[] NEXT [https://api.example/a] FAILED:incomplete", NULL},
        {"0 n=1 part=/a,0,d41d8cd98f00b204e9800998ecf8427E|5", "", "[] NEXT [https://api.example/a] END", NULL},
        {"0 n=1 part=/a,0,1B2M2Y8AsgTpgAmY7PhCfg==|5", "", "[] NEXT [https://api.example/a] END", NULL},
        {"0 n=1 part=/a,0,\"d41d8cd98f00b204e9800998ecf8427e\"|5", "", "[] NEXT [https://api.example/a] END", NULL},
        {"0 n=1 part=/a,0,d41d8cd98f00b204e9800998ecf8427f|5", "", "[] NEXT [https://api.example/a] FAILED:incomplete", NULL},
        {"0 n=1 part=/a,0,1B2M2Y8AsgTpgAmY7PhCfh==|5", "", "[] NEXT [https://api.example/a] FAILED:incomplete", NULL},
        {"0 n=1 part=/a,0,xyz|5", "", "[] NEXT [https://api.example/a] FAILED:incomplete", NULL},
        /* Links go old: the manifest is asked anew, and the part that came stays. */
        {"0 n=2 etag=e1 part=/a?s=1 part=/b?s=1|5|0 status=403|0 n=2 etag=e1 part=/a?s=2 part=/b?s=2|6", "",
         "[] NEXT [https://api.example/a?s=1] NEXT [https://api.example/b?s=1] EXPIRED [] NEXT [https://api.example/b?s=2] END", "e1"},
        {"0 n=2 etag=e1 part=/a part=/b|5|0 status=410|0 n=2 etag=e2 part=/a part=/b", "",
         "[] NEXT [https://api.example/a] NEXT [https://api.example/b] EXPIRED [] RESTART", NULL},
        {"0 n=2 etag=e1 part=/a part=/b|5|0 status=410|0 n=2 etag=e1 part=/b part=/a", "",
         "[] NEXT [https://api.example/a] NEXT [https://api.example/b] EXPIRED [] RESTART", NULL},
        {"0 n=1 part=/a|0 status=404", "", "[] NEXT [https://api.example/a] END", NULL}, /* not one of those */
    };
    source.paging.parts = &parts;
    TELL(source, stories);
}

/* As Microsoft's: names, a root and a token that stand in the manifest. */
static void test_manifest_with_a_root(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_PARTS);
    const struct mtr_paging_parts parts = {.list = MTR_STR("blobs[]"), .url = MTR_STR("name"), .root = MTR_STR("root"),
                                           .token_query = MTR_STR("sas")};
    static const struct story stories[] = {
        {"0 root=https://files.example/run/7 sas=sv=1&sig=a%2Fb part=p0.gz part=x/p1.gz|5|6", "",
         "[] NEXT [https://files.example/run/7/p0.gz?sv=1&sig=a%2Fb] NEXT [https://files.example/run/7/x/p1.gz?sv=1&sig=a%2Fb] END", ""},
        {"0 root=https://a.b.below.example/ sas=?t part=p?v=2|5", "", "[] NEXT [https://a.b.below.example/p?v=2&t] END", ""},
        {"0 root=/files part=p|5", "", "[] NEXT [https://api.example/files/p] END", ""},
        {"0 part=p|5", "", "[] NEXT [https://api.example/v2/p] END", ""},
        {"0 root=https://evil.example part=p", "", "[] FAILED:link", NULL},
        {"0 root=https://below.example part=p", "", "[] FAILED:link", NULL}, /* *.below.example is below it */
        {"0 root=https://evilbelow.example part=p", "", "[] FAILED:link", NULL},
        {"0 root=https://files.example@evil.example part=p", "", "[] FAILED:link", NULL},
    };
    source.paging.parts = &parts;
    TELL(source, stories);
}

static void test_listing(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_PARTS);
    const struct mtr_paging_parts parts = {.is_s3_list = true, .token = MTR_STR("NextContinuationToken"),
                                           .send = {MTR_SEND_QUERY, MTR_STR("continuation-token")},
                                           .url = MTR_STR("/bucket/{item}"), .url_is_template = true};
    static const struct story stories[] = {
        {"0 NextContinuationToken=t part=a/x.csv,7|0 part=b/y.csv,8|1 bytes=7|1 bytes=8", "",
         "[] NEXT [query.continuation-token=t] NEXT [item=a/x.csv] NEXT [item=b/y.csv] END", ""},
        {"0 NextContinuationToken=t part=a,7|0 NextContinuationToken=t part=b,7", "", "[] NEXT [query.continuation-token=t] FAILED:loop", NULL},
        {"0 part=a,7|1 bytes=8", "", "[] NEXT [item=a] FAILED:incomplete", NULL},
        {"0", "", "[] END", NULL},
    };
    source.paging.parts = &parts;
    TELL(source, stories);
    struct paging *paging;
    assert_int_equal(paging_open(&source, MTR_STR(""), &paging), MTR_OK);
    const struct paging_list *list = paging_list(paging);
    assert_int_equal(list->format.kind, MTR_ROWS_S3_LIST);
    assert_int_equal(list->column_count, 2);
    assert_true(mtr_str_equal(list->columns[0], MTR_STR("Key")) && mtr_str_equal(list->columns[1], MTR_STR("Size")));
    paging_close(paging);
}

/* Tokens that never come again, and a loop that begins late: memory stays, and both end. */
static void answer_endlessly(uint64_t loop_from, uint64_t loop_size, uint64_t pages_max, enum paging_alarm alarm)
{
    struct mtr_source source = source_of(MTR_PAGING_CURSOR);
    const struct mtr_paging_cursor cursor = {.path = MTR_STR("next"), .send = {MTR_SEND_QUERY, MTR_STR("after")}};
    struct paging *paging;
    enum paging_step step = PAGING_NEXT;
    uint64_t pages = 0;
    const char *fault;
    source.paging.cursor = &cursor;
    assert_int_equal(paging_open(&source, MTR_STR(""), &paging), MTR_OK);
    while (step == PAGING_NEXT) {
        char token[32];
        const uint64_t number = pages < loop_from ? pages : loop_from + (pages - loop_from) % loop_size;
        snprintf(token, sizeof(token), "t%" PRIu64, number);
        const struct mtr_found found = {.kind = MTR_FOUND_TEXT, .text = mtr_str_from(token)};
        const struct paging_page page = {.rows = 1, .hash = {0, 2 + 2 * pages}, .found = &found};
        assert_int_equal(paging_answered(paging, &page, &step), MTR_OK);
        pages++;
    }
    assert_true(pages <= pages_max);
    assert_int_equal(paging_alarm(paging, &fault), alarm);
    paging_close(paging);
}

static void test_endless(void **state)
{
    (void)state;
    answer_endlessly(0, 1, 2, PAGING_LOOP);
    answer_endlessly(100, 50, 151, PAGING_LOOP);
    answer_endlessly(10000, 1, 40000, PAGING_LOOP);
    answer_endlessly(10000, 3000, 60000, PAGING_LOOP);
    answer_endlessly(1000000, 1, PAGING_PAGES_MAX, PAGING_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),     cmocka_unit_test(test_page),        cmocka_unit_test(test_offset),
        cmocka_unit_test(test_cursor),   cmocka_unit_test(test_next_url),    cmocka_unit_test(test_link_header),
        cmocka_unit_test(test_after_id), cmocka_unit_test(test_manifest), cmocka_unit_test(test_manifest_with_a_root),    cmocka_unit_test(test_listing),
        cmocka_unit_test(test_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
