/*
 * Pages, with the answers that made others lose rows or never stop: short and empty pages, tokens that come again, capped
 * pages, links to elsewhere. How stories are told is in tests/support/source/paging_stories.h.
 */
#include "collector/source/paging/paging.h"

#include "tests/support/source/paging_stories.h"

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
        {"40 total=43|0 total=43", "", "[query.page=1] NEXT [query.page=2] FAILED:truncated", NULL}, /* by the total alone */
        {"50 total=50", "", "[query.page=1] END", NULL}, /* rows_limit is 50: the total says that this is all */
        {"50 more=true|50 more=false", "", "[query.page=1] NEXT [query.page=2] FAILED:truncated", NULL},
        {"50 more=1|49 more=0", "", "[query.page=1] NEXT [query.page=2] END", NULL},
        {"0 more=true|2 more=false", "", "[query.page=1] NEXT [query.page=2] END", NULL},
        {"40 total=53|0", "", "[query.page=1] NEXT [query.page=2] FAILED:truncated", NULL}, /* what was told holds */
        {"40 total=53|13|0", "", "[query.page=1] NEXT [query.page=2] NEXT [query.page=3] END", NULL},
        {"none", "", "[query.page=1] NONE", NULL},
        {"40|none", "", "[query.page=1] NEXT [query.page=2] NONE", NULL},
        {"40 total=53|none", "", "[query.page=1] NEXT [query.page=2] NONE:truncated", NULL},
        {"40 total=53|none rows=13", "", "[query.page=1] NEXT [query.page=2] NONE", NULL},
        {"40 more=true|none", "", "[query.page=1] NEXT [query.page=2] NONE:truncated", NULL},
        {"40 more=true|none rows=3", "", "[query.page=1] NEXT [query.page=2] NONE", NULL},
        {"50|none", "", "[query.page=1] NEXT [query.page=2] NONE:truncated", NULL}, /* rows_limit */
        {"none rows=50", "", "[query.page=1] NONE:truncated", NULL},
        {"49 total=50|1|none", "", "[query.page=1] NEXT [query.page=2] NEXT [query.page=3] NONE", NULL}, /* these are all */
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
        {"5 next=a rows_hash=7|5 next=b rows_hash=8|5 next=c rows_hash=7", "", "[] NEXT [query.after=a] NEXT [query.after=b] FAILED:loop", NULL},
        {"0 next=a hash=7|0 next=b hash=7|2 next=null", "", "[] NEXT [query.after=a] NEXT [query.after=b] END", NULL}, /* empty ones are alike */
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
        {"5 next=a|none", "", "[] NEXT [query.after=a] NONE", NULL},
        {"5 next=a more=true|none", "", "[] NEXT [query.after=a] NONE:truncated", NULL},
        {"5 next=a more=true|5 next=b|none", "", "[] NEXT [query.after=a] NEXT [query.after=b] NONE", NULL},
    };
    static const struct story feeds[] = {
        {"5 next=a more=true|2 next=b more=false", "", "[] NEXT [query.after=a] END", "b"},
        {"0 next=b more=false", "b", "[query.after=b] END", "b"},
        {"0 next=b", "b", "[query.after=b] END", "b"}, /* nothing new, said by the same token */
        {"3 next=b|3 next=b", "b", "[query.after=b] NEXT [query.after=b] FAILED:loop", NULL},
        {"0", "b", "[query.after=b] END", "b"},
        {"3 next=c more=true|none", "b", "[query.after=b] NEXT [query.after=c] NONE", "c"},
        {"0 next=null more=false", "b", "[query.after=b] END", "b"},
        {"3 next=c|2", "b", "[query.after=b] NEXT [query.after=c] END", "c"},
    };
    source.paging.cursor = &cursor;
    TELL(source, stories);
    source.answer.rows_limit = 10; /* a page that is asked for once more counts once */
    tell(&source, &(struct story){"5 next=a|5|5", "", "[] NEXT [query.after=a] AGAIN [query.after=a] FAILED:truncated", NULL});
    source.answer.rows_limit = 15;
    tell(&source, &(struct story){"5 next=a|5|5", "", "[] NEXT [query.after=a] AGAIN [query.after=a] END", NULL});
    source.answer.rows_limit = 0;
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
        {"5 next=http://api.example:443/v2/items", "", "[] FAILED:link", NULL},
        {"5 next=http://files.example/x", "", "[] FAILED:link", NULL},
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

/* Tokens that never come again, and a loop that begins late: memory stays, and both end. A page in so many has rows. */
static void answer_endlessly_with(uint64_t rows_every, uint64_t loop_from, uint64_t loop_size, uint64_t pages_max, enum paging_alarm alarm)
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
        const struct paging_page page = {.rows = pages % rows_every == 0, .hash = {0, 2 + 2 * pages}, .found = &found};
        assert_int_equal(paging_answered(paging, &page, &step), MTR_OK);
        pages++;
    }
    assert_true(pages <= pages_max);
    assert_int_equal(paging_alarm(paging, &fault), alarm);
    paging_close(paging);
}

static void answer_endlessly(uint64_t loop_from, uint64_t loop_size, uint64_t pages_max, enum paging_alarm alarm)
{
    answer_endlessly_with(1, loop_from, loop_size, pages_max, alarm);
}

/* Fresh tokens for nothing: a thousand empty pages are told from a filter that leaves some empty. */
static void test_endless_and_empty(void **state)
{
    (void)state;
    answer_endlessly_with(UINT64_MAX, PAGING_PAGES_MAX, 1, 1 + PAGING_EMPTY_MAX, PAGING_LOOP);
    answer_endlessly_with(PAGING_EMPTY_MAX, 1000000, 1, PAGING_PAGES_MAX, PAGING_LIMIT);
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
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_offset),
        cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_next_url),
        cmocka_unit_test(test_link_header),
        cmocka_unit_test(test_after_id),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_endless_and_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
