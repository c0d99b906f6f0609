/*
 * Requests to vendors before they are sent: URLs, the host that credentials are for, secrets in files.
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_urls),
        cmocka_unit_test(credentials_are_for_one_host),
        cmocka_unit_test(bounds_headers_and_urls),
        cmocka_unit_test(reads_secrets_that_are_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
