/*
 * Signatures of AWS where no oracle is at hand: a few that botocore made, what is sent for what is signed, and
 * what is refused. test_sign_aws_oracle.py has the breadth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/time.h"
#include "meterd/net/sign_aws.h"

static struct mtr_aws_identity identity_of(const char *service, const char *token)
{
    return (struct mtr_aws_identity){.access_key = MTR_STR("AKIAEXAMPLE"),
                                     .secret = MTR_STR("wJalr/XUtn+FEMI=K7MDENG"),
                                     .session_token = mtr_str_from(token),
                                     .region = MTR_STR("us-east-1"),
                                     .service = mtr_str_from(service)};
}

static const struct mtr_http_header json[] = {{{"Content-Type", 12}, {"application/json", 16}}};

static void signs_as_botocore_does(void **state)
{
    (void)state;
    static const struct {
        const char *service, *token, *method, *path, *query, *body;
        uint32_t header_count;
        const char *sent_path, *sent_query, *names, *signature;
    } rows[] = {
        {"execute-api", "", "GET", "", "", "", 0, "/", "", "host;x-amz-date",
         "8c460f613897c33ae6ffab25179a0454595c5ea87416d82703d5487e303ee67c"},
        {"s3", "", "GET", "/bucket/a=b%20c", "prefix=2026/11&list-type=2", "", 0, "/bucket/a%3Db%20c", "list-type=2&prefix=2026%2F11",
         "host;x-amz-content-sha256;x-amz-date", "3b38c0d2631d8e174af33cd28f3d2555676dabf4171f4421f1fad856f9e71e73"},
        {"execute-api", "T0/+=", "POST", "/a//./b%20c", "", "{}", 1, "/a/b%20c", "",
         "content-type;host;x-amz-date;x-amz-security-token",
         "e6a4f8c43c0367629fe6c154a2e8765476512f77b0c5756b2cabb98618ab9b65"},
    };
    struct mtr_arena arena;
    mtr_arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_aws_identity identity = identity_of(rows[i].service, rows[i].token);
        struct mtr_aws_request request = {.method = mtr_str_from(rows[i].method),
                                          .host = MTR_STR("example.com"),
                                          .path = mtr_str_from(rows[i].path),
                                          .query = mtr_str_from(rows[i].query),
                                          .headers = json,
                                          .header_count = rows[i].header_count,
                                          .body = mtr_str_from(rows[i].body)};
        struct mtr_aws_signed out;
        char wanted[512];
        assert_int_equal(mtr_aws_sign(&identity, &request, INT64_C(1440938160) * MTR_US_PER_SECOND + 999999, &arena, &out), 0);
        snprintf(wanted, sizeof(wanted),
                 "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20150830/us-east-1/%s/aws4_request, SignedHeaders=%s, Signature=%s",
                 rows[i].service, rows[i].names, rows[i].signature);
        const struct mtr_http_header *last = &out.headers[out.header_count - 1];
        assert_true(mtr_str_equal(last->name, MTR_STR("Authorization")));
        if (!mtr_str_equal(last->value, mtr_str_from(wanted))) fail_msg("row %zu: %.*s, wanted %s", i, MTR_STR_ARGS(last->value), wanted);
        assert_true(mtr_str_equal(out.headers[0].name, MTR_STR("x-amz-date")));
        assert_true(mtr_str_equal(out.headers[0].value, MTR_STR("20150830T123600Z")));
        assert_true(mtr_str_equal(out.path, mtr_str_from(rows[i].sent_path)));
        assert_true(mtr_str_equal(out.query, mtr_str_from(rows[i].sent_query)));
    }
    mtr_arena_release(&arena);
}

static void refuses_what_cannot_be_signed(void **state)
{
    (void)state;
    struct mtr_arena arena;
    struct mtr_aws_signed out;
    struct mtr_aws_identity identity = identity_of("s3", "");
    struct mtr_http_header many[MTR_AWS_HEADERS_SIGNED_MAX];
    char long_secret[300];
    mtr_arena_init(&arena, 4096, 1 << 20);
    struct mtr_aws_request request = {.method = MTR_STR("GET"), .host = MTR_STR("h"), .path = MTR_STR("/%zz")};
    assert_int_equal(mtr_aws_sign(&identity, &request, 0, &arena, &out), MTR_EINVALID);
    request.path = MTR_STR("/%ff");
    assert_int_equal(mtr_aws_sign(&identity, &request, 0, &arena, &out), MTR_EINVALID);
    request.path = MTR_STR("/");
    request.query = MTR_STR("a=%");
    assert_int_equal(mtr_aws_sign(&identity, &request, 0, &arena, &out), MTR_EINVALID);
    request.query = MTR_STR("");
    for (int i = 0; i < MTR_AWS_HEADERS_SIGNED_MAX; i++) many[i] = json[0];
    request.headers = many;
    request.header_count = MTR_AWS_HEADERS_SIGNED_MAX;
    assert_int_equal(mtr_aws_sign(&identity, &request, 0, &arena, &out), MTR_ELIMIT);
    request.header_count = 0;
    memset(long_secret, 'x', sizeof(long_secret));
    identity.secret = (struct mtr_str){long_secret, sizeof(long_secret)};
    assert_int_equal(mtr_aws_sign(&identity, &request, 0, &arena, &out), MTR_ELIMIT);
    mtr_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_botocore_does),
        cmocka_unit_test(refuses_what_cannot_be_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
