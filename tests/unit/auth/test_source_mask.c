/*
 * Secrets out of what is shown: whatever a vendor makes of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/source/mask/mask.h"
#include "tests/support/random.h"

static void expect_masked(struct source_mask *mask, const char *kind, const char *name, const char *text, const char *wanted)
{
    struct mtr_buffer out;
    mtr_buffer_init(&out, 1 << 16);
    int rc = *kind == 'h'   ? source_mask_header(mask, mtr_str_from(name), mtr_str_from(text), &out)
             : *kind == 'u' ? source_mask_url(mask, mtr_str_from(text), &out)
             : *kind == 'l' ? source_mask_links(mask, mtr_str_from(text), &out)
                            : source_mask_text(mask, mtr_str_from(text), &out);
    assert_int_equal(rc, 0);
    if (!mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(wanted))) fail_msg("%s: %.*s", text, MTR_STR_ARGS(mtr_buffer_str(&out)));
    mtr_buffer_release(&out);
}

/* Links of a body that is kept: what signs them goes, and which are equal stays. */
static void masks_links(void **state)
{
    (void)state;
    struct source_mask *mask;
    assert_int_equal(source_mask_open(&mask), 0);
    assert_int_equal(source_mask_add(mask, MTR_STR("s3cret")), 0);
    expect_masked(mask, "links", "", "{\"a\": \"https://f/1?sig=AAA&se=5\", \"b\": \"https://f/2?se=5\\u0026sig=BBB\"}",
                  "{\"a\": \"https://f/1?sig=***1&se=5\", \"b\": \"https://f/2?se=5\\u0026sig=***2\"}");
    expect_masked(mask, "links", "", "<Url>https://f/1?x=1&amp;X-Amz-Signature=AAA</Url>", "<Url>https://f/1?x=1&amp;X-Amz-Signature=***1</Url>");
    expect_masked(mask, "links", "", "?token=CCC\n?token=AAA?sig=", "?token=***3\n?token=***4");
    expect_masked(mask, "links", "", "s3cret?sign=1&page=2&signature", "***?sign=1&page=2&signature");
    expect_masked(mask, "links", "", "?a=s3cret&sig=s3cret", "?a=***&sig=***5");
    expect_masked(mask, "links", "", "", "");
    assert_int_equal(source_mask_add(mask, MTR_STR("&pass?word")), 0); /* whatever it begins with */
    expect_masked(mask, "links", "", "no: &pass?word, ?a=b", "no: ***, ?a=b");
    source_mask_close(mask);
}

static void masks_secrets(void **state)
{
    (void)state;
    struct source_mask *mask;
    assert_int_equal(source_mask_open(&mask), 0);
    assert_int_equal(source_mask_add(mask, MTR_STR("s3c/ret+ \"x")), 0);
    assert_int_equal(source_mask_add(mask, MTR_STR("s3c/ret+ \"x")), 0);
    assert_int_equal(source_mask_add(mask, MTR_STR("")), 0);
    assert_int_equal(source_mask_add(mask, MTR_STR("abc")), 0);
    assert_int_equal(source_mask_add(mask, MTR_STR("abcdef")), 0);
    expect_masked(mask, "text", "", "a s3c/ret+ \"x b", "a *** b");
    expect_masked(mask, "text", "", "a=s3c%2Fret%2B%20%22x&b", "a=***&b");
    expect_masked(mask, "text", "", "a=s3c%2Fret%2B+%22x&b", "a=***&b");
    expect_masked(mask, "text", "", "{\"a\":\"s3c/ret+ \\\"x\"}", "{\"a\":\"***\"}");
    expect_masked(mask, "text", "", "czNjL3JldCsgIng=", "***");
    expect_masked(mask, "text", "", "abcdefabcabd", "******abd");
    expect_masked(mask, "text", "", "", "");
    expect_masked(mask, "header", "Authorization", "Bearer unknown", "Bearer ***");
    expect_masked(mask, "header", "authorization", "AWS4-HMAC-SHA256 Credential=x", "AWS4-HMAC-SHA256 ***");
    expect_masked(mask, "header", "X-Auth-Token", "unknown", "***");
    expect_masked(mask, "header", "Set-Cookie", "session=1", "***");
    expect_masked(mask, "header", "X-Key", "kabck", "k***k");
    expect_masked(mask, "header", "Accept", "text/csv", "text/csv");
    expect_masked(mask, "url", "", "https://a/abc/x?se=2026&sig=q%2Bw&X-Amz-Signature=1&b=abc", "https://a/***/x?se=2026&sig=***&X-Amz-Signature=***&b=***");
    expect_masked(mask, "url", "", "https://a/", "https://a/");
    expect_masked(mask, "url", "", "https://a/?sig&&x=1", "https://a/?sig&&x=1");
    assert_int_equal(source_mask_add(mask, MTR_STR("pass&word?x")), 0); /* whatever is in it */
    expect_masked(mask, "url", "", "https://a/?p=pass&word?x&sig=1", "https://a/?p=***&sig=***");
    expect_masked(mask, "url", "", "https://a/pass&word?x/?sig=1", "https://a/***/?sig=***");
    for (int i = 0; i < 3 * SOURCE_MASK_SECRETS_MAX; i++) { /* the newest ones stay */
        char text[32];
        snprintf(text, sizeof(text), "secret-%03d", i);
        assert_int_equal(source_mask_add(mask, mtr_str_from(text)), 0);
    }
    expect_masked(mask, "text", "", "secret-000 secret-127 secret-128 secret-191", "secret-000 secret-127 *** ***");
    source_mask_close(mask);
}

/* Of escapes any mix: a vendor's links and bodies have them as his own libraries write them. */
static void masks_what_others_escaped(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        /* secret, as it stands there, what is shown */
        {"k/e+y z", "a=k%2fe%2by%20z&b", "a=***&b"},
        {"k/e+y z", "a=k/e%2By+z&b", "a=***&b"},
        {"k/e+y z", "a=%6B%2Fe%2by%20%7a&b", "a=***&b"},
        {"k/e+y z", "{\"a\":\"k\\/e+y z\"}", "{\"a\":\"***\"}"},
        {"k/e+y z", "{\"a\":\"k\\u002fe\\u002By\\u0020z\"}", "{\"a\":\"***\"}"},
        {"k/e+y z", "{\"a\":\"https:\\/\\/v?key=k%2fe\\u00252by+z\"}", "{\"a\":\"https:\\/\\/v?key=***\"}"},
        {"k/e+y z", "next=https%3A%2F%2Fv%3Fkey%3Dk%252fe%252By%2Bz%26p=2", "next=https%3A%2F%2Fv%3Fkey%3D***%26p=2"},
        {"k/e+y z", "k%2", "k%2"},
        {"k/e+y z", "k%2fe+y%2", "k%2fe+y%2"},
        {"m\xc3\xb6we\"\\", "{\"a\":\"m\\u00f6we\\\"\\\\\"}", "{\"a\":\"***\"}"},
        {"m\xc3\xb6we\"\\", "{\"a\":\"m\\u00F6we\\u0022\\u005c\"}", "{\"a\":\"***\"}"},
        {"m\xc3\xb6we\"\\", "a=m%c3%B6we%22%5c\"", "a=***\""},
        {"\xf0\x9f\x94\x91!", "\"\\ud83d\\uDD11%21\"", "\"***\""},
        {"\xf0\x9f\x94\x91!", "\"\\ud83d\\u0041!\"", "\"\\ud83d\\u0041!\""},
        {"a<b>&'\"", "<k>a&lt;b&gt;&amp;&apos;&quot;</k>", "<k>***</k>"},
        {"a<b>&'\"", "<k>a&#60;b&#x3E;&#038;'&#x22;</k>", "<k>***</k>"},
        {"a<b>&'\"", "<k>a&lt;b&gt;&nbsp;'\"</k>", "<k>a&lt;b&gt;&nbsp;'\"</k>"},
        {"50%41/x", "50%41/x 50%2541%2fx 50%41%2Fx", "*** *** ***"}, /* it looks escaped itself */
        {"a\\nb/", "a\\nb/ a\\\\nb\\/ a\\nb%2f", "*** *** ***"},
        {"ke/y%4", "ke/y%41 ke%2fy%254", "***1 ***"}, /* what follows would end an escape */
        {"s3c?>~~", "czNjPz5+fg== czNjPz5-fg== czNjPz5-fg czNjPz5%2Bfg%3D%3d czNjPz5+fg=", "*** *** *** *** ***="},
        {"ab/ab", "ab/ab%2fab%2Fab", "***"}, /* of those that overlap, nothing stays */
        {"tab\there", "tab\\there tab\\u0009here tab%09here", "*** *** ***"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct source_mask *mask;
        assert_int_equal(source_mask_open(&mask), 0);
        assert_int_equal(source_mask_add(mask, mtr_str_from(rows[i][0])), 0);
        expect_masked(mask, "text", "", rows[i][1], rows[i][2]);
        expect_masked(mask, "header", "Link", rows[i][1], rows[i][2]);
        source_mask_close(mask);
    }
}

static void masks_links_that_others_escaped(void **state)
{
    (void)state;
    struct source_mask *mask;
    assert_int_equal(source_mask_open(&mask), 0);
    assert_int_equal(source_mask_add(mask, MTR_STR("k/e&y")), 0);
    expect_masked(mask, "links", "", "?key=k%2fe%26y&sig=A", "?key=***1&sig=***2");
    expect_masked(mask, "links", "", "{\"n\":\"https:\\/\\/v\\/k\\/e\\u0026y?p=1\\u0026sig=A\"}", "{\"n\":\"https:\\/\\/v\\/***?p=1\\u0026sig=***2\"}");
    expect_masked(mask, "links", "", "?sig=k/e&y&p=2", "?sig=***3***&p=2"); /* it ends where the value does not */
    expect_masked(mask, "url", "", "https://v/x?k=k%2fe%26y&p=2", "https://v/x?k=***&p=2");
    source_mask_close(mask);
}

/* ---- long ones ---- */

/* Wherever it stands in a text that is worked off in pieces. */
static void masks_in_long_texts(void **state)
{
    (void)state;
    enum { BYTES = 200 << 10, EDGE = 64 << 10 };
    static const char shape[] = "s%33c\\u0072et", secret[] = "s3cret";
    struct source_mask *mask;
    struct mtr_buffer out;
    char *text = malloc(BYTES);
    assert_int_equal(source_mask_open(&mask), 0);
    assert_int_equal(source_mask_add(mask, mtr_str_from(secret)), 0);
    mtr_buffer_init(&out, BYTES);
    for (int at = EDGE - 16; at <= EDGE + 2; at++) {
        memset(text, 'x', BYTES);
        memcpy(text + at, shape, sizeof(shape) - 1);
        memcpy(text + at + EDGE, shape, sizeof(shape) - 1);
        mtr_buffer_reset(&out);
        assert_int_equal(source_mask_text(mask, (struct mtr_str){text, BYTES}, &out), 0);
        const size_t shorter = sizeof(shape) - 1 - 3;
        assert_int_equal(out.size, BYTES - 2 * shorter);
        assert_memory_equal(out.data + at, "***x", 4);
        assert_memory_equal(out.data + at + EDGE - shorter, "***x", 4);
    }
    free(text);
    mtr_buffer_release(&out);
    source_mask_close(mask);
}

/* What begins at each place, and goes on until it nearly ends, costs as little as any other text: to try each anew would take for ever. */
static void takes_no_longer_for_hostile_texts(void **state)
{
    (void)state;
    enum { SECRET_BYTES = 16 << 10, BYTES = 1 << 20 };
    static const char *const pieces[] = {"a", "%61", "\\u0061", "&#x00000061;", "%2561", "%", "\\", "\\u", "&", "&#x", "a%61", "&#x25;61"};
    struct source_mask *mask;
    struct mtr_buffer text, out;
    char *secret = malloc(SECRET_BYTES);
    memset(secret, 'a', SECRET_BYTES);
    secret[0] = 'b';
    assert_int_equal(source_mask_open(&mask), 0);
    assert_int_equal(source_mask_add(mask, (struct mtr_str){secret, SECRET_BYTES}), 0);
    secret[0] = 'a', secret[SECRET_BYTES - 1] = 'b';
    assert_int_equal(source_mask_add(mask, (struct mtr_str){secret, SECRET_BYTES}), 0);
    mtr_buffer_init(&text, 2 * BYTES);
    mtr_buffer_init(&out, 2 * BYTES);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        mtr_buffer_reset(&text);
        mtr_buffer_reset(&out);
        while (text.size < BYTES) assert_int_equal(mtr_buffer_append_str(&text, mtr_str_from(pieces[i])), 0);
        assert_int_equal(source_mask_text(mask, mtr_buffer_str(&text), &out), 0);
        assert_true(mtr_str_equal(mtr_buffer_str(&text), mtr_buffer_str(&out)));
    }
    free(secret);
    mtr_buffer_release(&text);
    mtr_buffer_release(&out);
    source_mask_close(mask);
}

/* ---- at random ---- */

enum { TEXT_BYTES_MAX = 1 << 16 };

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *given = getenv(name);
    return given ? strtoull(given, NULL, 0) : otherwise;
}

/* What escapes begin with and have in them, and characters of more bytes; it ends with a letter that nothing else has. */
static void write_secret(struct random_source *random, struct mtr_buffer *out)
{
    static const char *const pieces[] = {"k",  "Q", "z", "7", "~", "/",  "+",    " ",        "%", "\\", "&", "\"", "<", "=",
                                         "%4", "n", "1", ";", "#", "\t", "\xc3\xb6", "\xf0\x9f\x94\x91", "?", "aa", "-", "\xe2\x82\xac"};
    mtr_buffer_reset(out);
    for (uint64_t left = 1 + random_below(random, 10); left; left--)
        assert_int_equal(mtr_buffer_append_str(out, mtr_str_from(pieces[random_below(random, sizeof(pieces) / sizeof(pieces[0]))])), 0);
    assert_int_equal(mtr_buffer_append_char(out, 'X'), 0);
}

static uint32_t code_of(struct mtr_str letter)
{
    const unsigned char *at = (const unsigned char *)letter.data;
    if (letter.size == 1) return at[0];
    uint32_t code = at[0] & (0xffu >> (letter.size + 1));
    for (size_t i = 1; i < letter.size; i++) code = code << 6 | (at[i] & 0x3f);
    return code;
}

static int write_unit(struct random_source *random, struct mtr_buffer *out, uint32_t code)
{
    return mtr_buffer_printf(out, random_below(random, 2) ? "\\u%04x" : "\\u%04X", (unsigned)code);
}

static int write_json(struct random_source *random, struct mtr_buffer *out, struct mtr_str letter)
{
    const char *from = "\"\\/\t", *to = "\"\\/t", *short_one = letter.size == 1 ? strchr(from, letter.data[0]) : NULL;
    const uint32_t code = code_of(letter);
    if (short_one && random_below(random, 2)) return mtr_buffer_printf(out, "\\%c", to[short_one - from]);
    if (code < 0x10000) return write_unit(random, out, code);
    int rc = write_unit(random, out, 0xd800 + ((code - 0x10000) >> 10));
    return rc ? rc : write_unit(random, out, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

static int write_percent(struct random_source *random, struct mtr_buffer *out, struct mtr_str letter)
{
    int rc = MTR_OK;
    for (size_t i = 0; i < letter.size && !rc; i++)
        rc = mtr_buffer_printf(out, random_below(random, 2) ? "%%%02x" : "%%%02X", (unsigned)(unsigned char)letter.data[i]);
    return rc;
}

static int write_xml(struct random_source *random, struct mtr_buffer *out, struct mtr_str letter)
{
    static const char *const named[] = {"&amp;", "<&lt;", "\"&quot;"};
    for (size_t i = 0; i < 3; i++)
        if (letter.data[0] == (i ? named[i][0] : '&') && random_below(random, 2)) return mtr_buffer_append_str(out, mtr_str_from(named[i] + (i > 0)));
    return mtr_buffer_printf(out, random_below(random, 2) ? "&#x%X;" : "&#%u;", (unsigned)code_of(letter));
}

/* Each letter as it is or escaped, one in `plain` as it is; those that begin an escape are. */
static void mix(struct random_source *random, struct mtr_str text, uint64_t plain, struct mtr_buffer *out)
{
    mtr_buffer_reset(out);
    for (size_t at = 0, step; at < text.size; at += step) {
        const struct mtr_str rest = {text.data + at, text.size - at};
        step = mtr_str_utf8_step(rest);
        const struct mtr_str letter = {rest.data, step};
        const bool is_plain = !random_below(random, plain) && !strchr("%\\&", letter.data[0]);
        const uint64_t way = random_below(random, 3);
        int rc = is_plain ? (letter.data[0] == ' ' && way ? mtr_buffer_append_char(out, '+') : mtr_buffer_append_str(out, letter))
                 : way == 0 ? write_json(random, out, letter)
                 : way == 1 ? write_percent(random, out, letter)
                            : write_xml(random, out, letter);
        assert_int_equal(rc, 0);
    }
}

/* Without the beginnings of escapes, or with them. */
static void append_noise(struct random_source *random, bool may_escape, struct mtr_buffer *out)
{
    static const char *const pieces[] = {"!", ".", "*", "(", "{}", "%", "%4", "\\", "\\u00", "&", "&#", "&am", "%25", "\\\\", "\\u005"};
    const uint64_t count = may_escape ? sizeof(pieces) / sizeof(pieces[0]) : 5;
    for (uint64_t left = random_below(random, 6); left; left--)
        assert_int_equal(mtr_buffer_append_str(out, mtr_str_from(pieces[random_below(random, count)])), 0);
}

/* "***" and what is around it; of what is before it an escape may take some that the secret ends. */
static bool is_masked(struct mtr_str text, size_t before, size_t behind, struct mtr_str out)
{
    const size_t rest = text.size - behind, head = out.size >= rest + 3 ? out.size - rest - 3 : SIZE_MAX;
    const bool is_cut = memchr(text.data, '%', before) || memchr(text.data, '\\', before) || memchr(text.data, '&', before);
    return (is_cut ? head <= before : head == before) && !memcmp(out.data, text.data, head) && !memcmp(out.data + head, "***", 3) &&
           !memcmp(out.data + head + 3, text.data + behind, rest);
}

/* Whatever stands before and behind it: of the secret no byte is shown, and all of what is around it. */
static void masks_any_mix(void **state)
{
    (void)state;
    struct random_source random = {number_of("METERD_SEED", (uint64_t)time(NULL))};
    printf("METERD_SEED=%llu\n", (unsigned long long)random.state);
    struct mtr_buffer secret, once, mixed, text, out;
    struct mtr_buffer *const buffers[] = {&secret, &once, &mixed, &text, &out};
    for (size_t i = 0; i < 5; i++) mtr_buffer_init(buffers[i], TEXT_BYTES_MAX);
    for (uint64_t left = number_of("METERD_CASES", 20000); left; left--) {
        struct source_mask *mask;
        write_secret(&random, &secret);
        mix(&random, mtr_buffer_str(&secret), 1 + random_below(&random, 4), &once);
        mix(&random, mtr_buffer_str(&once), 1 + random_below(&random, 3), &mixed);
        const struct mtr_buffer *shape = random_below(&random, 2) ? &once : &mixed;
        mtr_buffer_reset(&text);
        mtr_buffer_reset(&out);
        append_noise(&random, random_below(&random, 2), &text);
        const size_t before = text.size;
        assert_int_equal(mtr_buffer_append_str(&text, mtr_buffer_str(shape)), 0);
        const size_t behind = text.size;
        assert_int_equal(mtr_buffer_append_str(&text, MTR_STR("\n")), 0);
        append_noise(&random, true, &text);
        assert_int_equal(source_mask_open(&mask), 0);
        assert_int_equal(source_mask_add(mask, mtr_buffer_str(&secret)), 0);
        assert_int_equal(source_mask_text(mask, mtr_buffer_str(&text), &out), 0);
        if (!is_masked(mtr_buffer_str(&text), before, behind, mtr_buffer_str(&out)))
            fail_msg("`%.*s` in `%.*s` is shown as `%.*s`", MTR_STR_ARGS(mtr_buffer_str(&secret)), MTR_STR_ARGS(mtr_buffer_str(&text)),
                     MTR_STR_ARGS(mtr_buffer_str(&out)));
        source_mask_close(mask);
    }
    for (size_t i = 0; i < 5; i++) mtr_buffer_release(buffers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_secrets),
        cmocka_unit_test(masks_links),
        cmocka_unit_test(masks_what_others_escaped),
        cmocka_unit_test(masks_links_that_others_escaped),
        cmocka_unit_test(masks_in_long_texts),
        cmocka_unit_test(takes_no_longer_for_hostile_texts),
        cmocka_unit_test(masks_any_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
