/*
 * Requests to vendors before they are sent: URLs, the host that credentials are for, secrets in files, and
 * secrets out of what is shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/source/auth/mask.h"
#include "collector/source/auth/secret_file.h"
#include "collector/source/call.h"
#include "tests/support/directory.h"

static void cuts_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *wanted; /* scheme host port path query; NULL: none */
        const char *back;         /* as it is written; NULL: the same */
    } rows[] = {
        {"https://api.acme.example/v2/x?a=1&b=%20", "https api.acme.example 443 /v2/x a=1&b=%20", NULL},
        {"http://a", "http a 80 / ", "http://a/"},
        {"HTTPS://A.example:443?q", "https A.example 443 / q", "https://A.example/?q"},
        {"http://a:443/", "http a 443 / ", NULL},
        {"https://[2001:db8::1]:8443/x#part", "https 2001:db8::1 8443 /x ", "https://[2001:db8::1]:8443/x"},
        {"https://[::1]", "https ::1 443 / ", "https://[::1]/"},
        {"https://a/x?y?z#?", "https a 443 /x y?z", "https://a/x?y?z"},
        {"https://a/#x?y", "https a 443 / ", "https://a/"},
        {"https://a/{b}|c", "https a 443 /{b}|c ", NULL},
        {"https://user@a/", NULL, NULL},
        {"https://user:word@a/", NULL, NULL},
        {"https://good.example\\@evil.example/", NULL, NULL},
        {"https://good.example\\.evil.example/", NULL, NULL},
        {"https://a:/", NULL, NULL},
        {"https://a:0/", NULL, NULL},
        {"https://a:65536/", NULL, NULL},
        {"https://a:8x/", NULL, NULL},
        {"https://[::1/", NULL, NULL},
        {"https://[::1]x/", NULL, NULL},
        {"https://[]/", NULL, NULL},
        {"https://[evil]/", NULL, NULL},
        {"https:///x", NULL, NULL},
        {"https://", NULL, NULL},
        {"//a/x", NULL, NULL},
        {"ftp://a/", NULL, NULL},
        {"file:///etc/passwd", NULL, NULL},
        {"https://a/x y", NULL, NULL},
        {"https://a/x\r\nHost: b", NULL, NULL},
        {"", NULL, NULL},
    };
    struct mtr_arena arena;
    mtr_arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct source_call call = {0};
        char text[256] = "";
        int rc = source_call_set_url(&call, mtr_str_from(rows[i].url), &arena);
        if (!rc)
            snprintf(text, sizeof(text), "%s %.*s %u %.*s %.*s", call.is_https ? "https" : "http", MTR_STR_ARGS(call.host), call.port,
                     MTR_STR_ARGS(call.path), MTR_STR_ARGS(call.query));
        if ((rc == 0) != (rows[i].wanted != NULL) || (rc && rc != MTR_EINVALID) || (!rc && strcmp(text, rows[i].wanted) != 0))
            fail_msg("%s: %s %s", rows[i].url, mtr_error_name(rc), text);
        if (rc) continue;
        struct mtr_buffer back;
        mtr_buffer_init(&back, 512);
        assert_int_equal(source_call_write_url(&call, &back), 0);
        assert_true(mtr_str_equal(mtr_buffer_str(&back), mtr_str_from(rows[i].back ? rows[i].back : rows[i].url)));
        mtr_buffer_release(&back);
    }
    mtr_arena_release(&arena);
}

static void credentials_are_for_one_host(void **state)
{
    (void)state;
    const struct mtr_source_base base = {.is_https = true, .host = MTR_STR("api.acme.example"), .port = 443};
    static const struct {
        const char *url;
        bool goes;
    } rows[] = {
        {"https://api.acme.example/x", true},          {"https://API.acme.example:443/", true},
        {"http://api.acme.example:443/", false},       {"http://api.acme.example/", false},
        {"https://api.acme.example:8443/", false},     {"https://api.acme.example.evil.example/", false},
        {"https://acme.example/", false},              {"https://xapi.acme.example/", false},
        {"https://api.acme.example./", false},
    };
    struct mtr_arena arena;
    mtr_arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct source_call call = {0};
        assert_int_equal(source_call_set_url(&call, mtr_str_from(rows[i].url), &arena), 0);
        if (source_call_goes_to(&call, &base) != rows[i].goes) fail_msg("%s", rows[i].url);
    }
    mtr_arena_release(&arena);
}

static void bounds_headers_and_urls(void **state)
{
    (void)state;
    struct mtr_arena arena;
    struct source_call call = {0};
    char *url = malloc(SOURCE_CALL_URL_BYTES_MAX + 1);
    mtr_arena_init(&arena, 4096, 1 << 20);
    for (int i = 0; i < SOURCE_CALL_HEADERS_MAX; i++) assert_int_equal(source_call_add_header(&call, MTR_STR("a"), MTR_STR("b")), 0);
    assert_int_equal(source_call_add_header(&call, MTR_STR("a"), MTR_STR("b")), MTR_ELIMIT);
    memset(url, 'a', SOURCE_CALL_URL_BYTES_MAX + 1);
    memcpy(url, "https://", 8);
    assert_int_equal(source_call_set_url(&call, (struct mtr_str){url, SOURCE_CALL_URL_BYTES_MAX}, &arena), 0);
    assert_int_equal(source_call_set_url(&call, (struct mtr_str){url, SOURCE_CALL_URL_BYTES_MAX + 1}, &arena), MTR_ELIMIT);
    free(url);
    mtr_arena_release(&arena);
}

/* ---- secrets ---- */

static char directory[DIRECTORY_PATH_BYTES];

static void write_file(const char *name, struct mtr_str text, mode_t mode, char path[256])
{
    snprintf(path, 256, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_int_equal(fwrite(text.data ? text.data : "", 1, text.size, file), text.size);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void expect_secret(const char *credentials, const char *file, const char *secret, const char *words)
{
    struct mtr_buffer out;
    char fault[SECRET_FILE_FAULT_BYTES] = "";
    mtr_buffer_init(&out, 1 << 20);
    assert_int_equal(mtr_buffer_append_char(&out, '>'), 0);
    int rc = secret_file_read(credentials, mtr_str_from(file), &out, fault);
    if (rc != (secret ? MTR_OK : MTR_EDENIED) || !strstr(fault, words) ||
        !mtr_str_equal((struct mtr_str){out.data + 1, out.size - 1}, mtr_str_from(secret)))
        fail_msg("%s: %s \"%s\"", file, mtr_error_name(rc), fault);
    secret_wipe(&out);
}

static void reads_secrets_that_are_secret(void **state)
{
    (void)state;
    char path[256];
    char *large = calloc(1, SECRET_FILE_BYTES_MAX + 1);
    make_temporary_in_memory(directory);
    write_file("a", MTR_STR("s3cret\n"), 0600, path);
    expect_secret(NULL, path, "s3cret", "");
    expect_secret(directory, "a", "s3cret", "");
    expect_secret(NULL, "a", NULL, "LoadCredential=");
    expect_secret(directory, "../a", NULL, "neither an absolute path nor the name of a systemd credential");
    expect_secret(directory, "..", NULL, "neither an absolute path");
    expect_secret(directory, "", NULL, "has no name");
    expect_secret(directory, "b", NULL, "does not exist");
    write_file("b", MTR_STR(" two\nlines \r\n\n"), 0400, path);
    expect_secret(NULL, path, " two\nlines ", "");
    write_file("c", MTR_STR("s3cret"), 0640, path);
    expect_secret(NULL, path, NULL, "can be read by others: chmod 600");
    expect_secret(directory, "c", "s3cret", ""); /* systemd gives its credentials an access list */
    assert_int_equal(chmod(path, 0604), 0);
    expect_secret(directory, "c", NULL, "can be read by others");
    write_file("d", MTR_STR("\n"), 0600, path);
    expect_secret(NULL, path, NULL, "is empty");
    write_file("e", MTR_STR("a\0b"), 0600, path);
    expect_secret(NULL, path, NULL, "holds a NUL byte");
    memset(large, 'x', SECRET_FILE_BYTES_MAX + 1);
    write_file("f", (struct mtr_str){large, SECRET_FILE_BYTES_MAX + 1}, 0600, path);
    expect_secret(NULL, path, NULL, "is larger than 64 KiB");
    snprintf(path, sizeof(path), "%s/g", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_secret(NULL, path, NULL, "is no file");
    expect_secret(NULL, directory, NULL, "is no file");
    free(large);
    remove_tree(directory);
}

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
        cmocka_unit_test(cuts_urls),
        cmocka_unit_test(credentials_are_for_one_host),
        cmocka_unit_test(bounds_headers_and_urls),
        cmocka_unit_test(reads_secrets_that_are_secret),
        cmocka_unit_test(masks_secrets),
        cmocka_unit_test(masks_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
