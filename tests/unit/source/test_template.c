/*
 * Templates: a table of what they say and what comes out, of values that cannot stand where they would, and of texts
 * that are none, with the column and the name that was meant.
 */
#include "meterd/source/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/time.h"

#define ALL UINT32_MAX
enum { ZONES = 8 };

struct world {
    struct mtr_arena arena;
    struct mtr_zone *zones[ZONES];
    unsigned zone_count;
};

static int find_zone(void *context, struct mtr_str name, const struct mtr_zone **out)
{
    struct world *world = context;
    struct mtr_zone *zone;
    int rc = mtr_zone_open(name, &zone);
    if (rc) return rc;
    assert_true(world->zone_count < ZONES);
    *out = world->zones[world->zone_count++] = zone;
    return MTR_OK;
}

static void begin(struct world *world)
{
    *world = (struct world){0};
    mtr_arena_init(&world->arena, 1024, 1 << 20);
}

static void end(struct world *world)
{
    for (unsigned i = 0; i < world->zone_count; i++) mtr_zone_close(world->zones[i]);
    mtr_arena_release(&world->arena);
}

static struct mtr_str each(const void *context, struct mtr_str member)
{
    if (!member.size) return mtr_str_from(context);
    if (mtr_str_equal(member, MTR_STR("subject"))) return MTR_STR("a/b c");
    return mtr_str_equal(member, MTR_STR("empty")) ? MTR_STR("") : (struct mtr_str){NULL, 0};
}

/* The day of 2026-03-29 in Kathmandu, which begins at a quarter past. */
static struct mtr_template_values values_of(const char *value)
{
    struct mtr_template_values values = {.each = each, .each_context = value};
    assert_int_equal(mtr_time_parse(MTR_STR("2026-03-28T18:15:00Z"), &values.from_us), MTR_OK);
    values.to_us = values.from_us + MTR_US_PER_DAY;
    values.last_us = values.from_us;
    values.time_us = values.to_us + 1500000;
    values.texts[MTR_TEMPLATE_CURSOR] = values.texts[MTR_TEMPLATE_ITEM] = values.texts[MTR_TEMPLATE_JOB_ID] = mtr_str_from(value);
    values.texts[MTR_TEMPLATE_PAGE] = MTR_STR("7");
    values.texts[MTR_TEMPLATE_PERIOD] = MTR_STR("current");
    values.texts[MTR_TEMPLATE_SECRET] = MTR_STR("s3cr3t");
    return values;
}

enum { PATH, URL, QUERY, FORM, HEADER, JSON, TEXT };
static const struct {
    int place;
    const char *text, *value, *expected; /* NULL: refused */
} rows[] = {
    {TEXT, "", "", ""},
    {TEXT, "plain", "", "plain"},
    {TEXT, "{from}|{to}", "", "2026-03-28T18:15:00Z|2026-03-29T18:15:00Z"},
    {TEXT, "{from:%Y-%m-%d}", "", "2026-03-28"},
    {TEXT, "{from:%Y-%m-%d|zone=Asia/Kathmandu}", "", "2026-03-29"},
    {TEXT, "{from|zone=Asia/Kathmandu}", "", "2026-03-29T00:00:00+05:45"},
    {TEXT, "{from:rfc3339|zone=UTC}", "", "2026-03-28T18:15:00Z"},
    {TEXT, "{last:%d.%m.%Y|zone=Europe/Moscow}", "", "28.03.2026"},
    {TEXT, "{to:unix} {to:unix_ms} {to:month}", "", "1774808100 1774808100000 2026-03"},
    {TEXT, "{time:%T.%f}", "", "18:15:01.500000"},
    {TEXT, "{from:%a %A %b %B %e %j %I:%M %p %y %D %R %H%S %s %z%%}", "",
     "Sat Saturday Mar March 28 087 06:15 PM 26 03/28/26 18:15 1800 1774721700 +0000%"},
    {TEXT, "{from:%z %F|zone=America/St_Johns}", "", "-0230 2026-03-28"},
    {TEXT, "{from:month|zone=Asia/Kathmandu} {period} {page} {secret}", "", "2026-03 current 7 s3cr3t"},
    {TEXT, "{{from}} {{{each}}", "v", "{from}} {v}"},
    {TEXT, "a}b{{", "", "a}b{"},
    {TEXT, "{cursor}", "any\r\n\"thing\"", "any\r\n\"thing\""},
    {PATH, "/v1/accounts/{each.subject}/usage", "", "/v1/accounts/a%2Fb%20c/usage"},
    {PATH, "/a b/ü/%20/x:y@z;p=1", "", "/a%20b/%C3%BC/%20/x:y@z;p=1"},
    {PATH, "/{each}", "?a=b&c#d", "/%3Fa%3Db%26c%23d"},
    {PATH, "/{each}", "%2e%2e", "/%252e%252e"},
    {PATH, "/{each}/x", "..", NULL},
    {PATH, "/x/{each}", ".", NULL},
    {PATH, "/.{each}", ".", NULL},
    {PATH, "/x/...{each}", ".", "/x/...."},
    {PATH, "/{each.empty}/usage", "", NULL},
    {PATH, "/bucket/{item}", "a/b c/d=1.csv", "/bucket/a/b%20c/d%3D1.csv"},
    {PATH, "/bucket/{item}", "a/../../etc", NULL},
    {PATH, "/{from:%Y/%m}", "", "/2026%2F03"},
    {URL, "{job.id}", "https://x.example/jobs/1?a=b", "https://x.example/jobs/1?a=b"},
    {URL, "{job.id}", "https://x.example/\r\nX: y", NULL},
    {URL, "/jobs/{job.id}?api=1", "a/b", "/jobs/a%2Fb?api=1"},
    {QUERY, "{each} & =", "a&b=c+d ü", "a%26b%3Dc%2Bd%20%C3%BC%20%26%20%3D"},
    {QUERY, "{from}", "", "2026-03-28T18%3A15%3A00Z"},
    {FORM, "{each} & =", "a&b=c+d ü", "a%26b%3Dc%2Bd+%C3%BC+%26+%3D"},
    {HEADER, "Bearer {cursor}", "a b\tc", "Bearer a b\tc"},
    {HEADER, "{cursor}", "a\r\nSet-Cookie: b", NULL},
    {HEADER, "{cursor}", "a\nb", NULL},
    {HEADER, "{cursor}", "a\x7f", NULL},
    {JSON, "x\"{cursor}\"", "a\"b\\c\nd\x01", "x\\\"a\\\"b\\\\c\\nd\\u0001\\\""},
    {JSON, "{cursor}", "\xff", NULL},
};

static void test_what_comes_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world;
        begin(&world);
        const struct mtr_template_rules rules = {.place = (enum mtr_template_place)rows[i].place, .allowed = ALL, .find_zone = find_zone,
                                                 .zone_context = &world, .line = 1, .column = 1};
        const struct mtr_template_values values = values_of(rows[i].value);
        struct mtr_template template;
        struct mtr_diagnostic found;
        struct mtr_buffer out;
        const char *fault = NULL;
        mtr_buffer_init(&out, 4096);
        assert_int_equal(mtr_buffer_append_char(&out, '!'), MTR_OK);
        int rc = mtr_template_parse(mtr_str_from(rows[i].text), &rules, &world.arena, &template, &found);
        if (rc) fail_msg("%s: %s", rows[i].text, found.text);
        rc = mtr_template_expand(&template, &values, &out, &fault);
        if (!rows[i].expected) {
            assert_int_equal(rc, MTR_EINVALID);
            assert_non_null(fault);
            assert_int_equal(out.size, 1);
        } else if (rc || !mtr_str_equal((struct mtr_str){out.data + 1, out.size - 1}, mtr_str_from(rows[i].expected))) {
            fail_msg("%s: %s: `%.*s`, not `%s`", rows[i].text, mtr_error_name(rc), MTR_STR_ARGS(mtr_buffer_str(&out)), rows[i].expected);
        }
        mtr_buffer_release(&out);
        end(&world);
    }
}

#define WINDOW (MTR_TEMPLATE_WINDOW)
static const struct {
    int place;
    uint32_t allowed;
    const char *text;
    unsigned column;
    const char *sentence;
} bad[] = {
    {TEXT, ALL, "ab{from", 3, "is not closed: write `{{`"},
    {TEXT, ALL, "{", 1, "is not closed"},
    {TEXT, ALL, "{}", 2, "`{}` is no name; these are: from, to, last"},
    {TEXT, WINDOW, "x {form}", 4, "did you mean `from`?"},
    {TEXT, WINDOW, "{form:%Y}", 2, "did you mean `from`?"},
    {TEXT, WINDOW, "{secret}", 2, "`{secret}` has no value here; these have: from, to, last, period"},
    {TEXT, WINDOW, "{each.subject}", 2, "`{each.subject}` is no name"},
    {TEXT, ALL, "{each.}", 2, "did you mean `each`?"},
    {TEXT, ALL, "{from:rfc339}", 7, "did you mean `rfc3339`?"},
    {TEXT, ALL, "{from:iso}", 7, "is no format of a time: rfc3339, unix, unix_ms, month or a pattern"},
    {TEXT, ALL, "{from:}", 6, "a format is expected behind `:`"},
    {TEXT, ALL, "{from:%Y-%q}", 7, "`%q` is no directive"},
    {TEXT, ALL, "{from:%Y%}", 7, "`%` is no directive"},
    {TEXT, ALL, "{from:%Z}", 7, "`%Z` is no directive"},
    {TEXT, ALL, "{from|zone=Moscow}", 7, "there is no time zone `Moscow`; did you mean `Europe/Moscow`?"},
    {TEXT, ALL, "{from:%F|zone=../etc}", 10, "there is no time zone"},
    {TEXT, ALL, "{from:%F|Europe/Moscow}", 10, "behind `|` a zone is expected"},
    {TEXT, ALL, "{page:%Y}", 6, "`{page}` is no time"},
    {TEXT, ALL, "{each|zone=UTC}", 6, "`{each}` is no time"},
    {PATH, ALL, "/usage?from={from}", 1, "write parameters under `query`"},
    {PATH, ALL, "/usage#x", 1, "no part of a path"},
    {PATH, ALL, "/{each}/100%", 8, "`%` in a path begins an escape"},
    {PATH, ALL, "/a/../b", 1, "no segments"},
    {HEADER, ALL, "a\nb", 1, "a control character"},
};

static void test_what_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct world world;
        begin(&world);
        const struct mtr_template_rules rules = {.place = (enum mtr_template_place)bad[i].place, .allowed = bad[i].allowed,
                                                 .find_zone = find_zone, .zone_context = &world, .line = 4, .column = 11};
        struct mtr_template template;
        struct mtr_diagnostic found = {.text = ""};
        int rc = mtr_template_parse(mtr_str_from(bad[i].text), &rules, &world.arena, &template, &found);
        if (rc != MTR_EINVALID || !strstr(found.text, bad[i].sentence) || found.column != 10 + bad[i].column || found.line != 4)
            fail_msg("%s: %s, column %u: %s", bad[i].text, mtr_error_name(rc), found.column - 10, found.text);
        assert_int_equal(found.offset, bad[i].column - 1);
        end(&world);
    }
}

/* A window of 1970 may begin before all times that there are. */
static void test_a_time_out_of_range(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    const struct mtr_template_rules rules = {.place = MTR_TEMPLATE_IN_TEXT, .allowed = ALL};
    const struct mtr_template_values values = {.from_us = -1};
    struct mtr_template template;
    struct mtr_diagnostic found;
    struct mtr_buffer out;
    const char *fault = NULL;
    mtr_buffer_init(&out, 64);
    assert_int_equal(mtr_template_parse(MTR_STR("{from}"), &rules, &world.arena, &template, &found), MTR_OK);
    assert_int_equal(mtr_template_expand(&template, &values, &out, &fault), MTR_EINVALID);
    assert_string_equal(fault, "a time is outside of 1970 to 2199");
    mtr_buffer_release(&out);
    end(&world);
}

static void test_a_value_that_is_not_there(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    const struct mtr_template_rules rules = {.place = MTR_TEMPLATE_IN_TEXT, .allowed = ALL};
    const struct mtr_template_values values = {.from_us = 0};
    struct mtr_template template;
    struct mtr_diagnostic found;
    struct mtr_buffer out;
    const char *fault = NULL;
    mtr_buffer_init(&out, 8);
    assert_int_equal(mtr_template_parse(MTR_STR("a{job.id}"), &rules, &world.arena, &template, &found), MTR_OK);
    assert_int_equal(template.uses, MTR_TEMPLATE_BIT(MTR_TEMPLATE_JOB_ID));
    assert_int_equal(mtr_template_expand(&template, &values, &out, &fault), MTR_EMISSING);
    assert_string_equal(fault, "`{job.id}` has no value here");
    assert_int_equal(out.size, 0);
    assert_int_equal(mtr_template_parse(MTR_STR("123456789"), &rules, &world.arena, &template, &found), MTR_OK);
    assert_int_equal(mtr_template_expand(&template, &values, &out, &fault), MTR_ELIMIT);
    mtr_buffer_release(&out);
    end(&world);
}

/* Texts and uses have a bound. */
static void test_bounds(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    const struct mtr_template_rules rules = {.place = MTR_TEMPLATE_IN_TEXT, .allowed = ALL};
    static char long_text[MTR_TEMPLATE_BYTES_MAX + 1], uses[7 * MTR_TEMPLATE_PIECES_MAX];
    struct mtr_template template;
    struct mtr_diagnostic found;
    memset(long_text, 'a', sizeof(long_text));
    assert_int_equal(mtr_template_parse((struct mtr_str){long_text, sizeof(long_text)}, &rules, &world.arena, &template, &found), MTR_EINVALID);
    assert_non_null(strstr(found.text, "at most 65536 bytes"));
    for (size_t i = 0; i < MTR_TEMPLATE_PIECES_MAX; i++) memcpy(uses + 7 * i, "{page}-", 7);
    assert_int_equal(mtr_template_parse((struct mtr_str){uses, sizeof(uses)}, &rules, &world.arena, &template, &found), MTR_EINVALID);
    assert_non_null(strstr(found.text, "at most 128 uses"));
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_out),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_a_time_out_of_range),
        cmocka_unit_test(test_a_value_that_is_not_there),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
