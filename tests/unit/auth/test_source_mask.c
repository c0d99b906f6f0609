/*
 * Secrets out of what is shown: whatever a vendor makes of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "collector/source/mask/mask.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_secrets),
        cmocka_unit_test(masks_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
