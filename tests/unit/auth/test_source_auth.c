/*
 * Credentials of requests to vendors: what each kind puts on a call and for whom, and the step machine of
 * tokens.
 */
#include "tests/support/auth_world.h"

#define S AUTH_WORLD_S
#define NOW AUTH_WORLD_NOW
#define FIFTY "01234567890123456789012345678901234567890123456789"

/* The source's auth alone, on a call to `url`: a header's value, or the sentence of FAILED. */
static void expect_static(struct auth_world *world, struct mtr_source *source, const char *url, const char *name, const char *value)
{
    struct auth_session *session;
    struct auth_turn turn;
    assert_int_equal(auth_open(world->keeper, source, &session), MTR_OK);
    const enum auth_step step = world_prepare(world, session, source, url, &turn);
    if (name) {
        if (step != AUTH_READY) fail_msg("%s", turn.fault);
        expect_header(turn.call, name, value);
    } else {
        assert_int_equal(step, AUTH_FAILED);
        assert_int_equal(turn.alarm, AUTH_ALARM_AUTH);
        if (!strstr(turn.fault, value)) fail_msg("\"%s\", not \"%s\"", turn.fault, value);
    }
    auth_close(session);
}

static void static_kinds(void **state)
{
    (void)state;
    struct auth_world world;
    struct mtr_source source = world_source("https://api.acme.example/v2");
    world_init(&world);
    world_secret(&world, "/s", "open sesame");
    world_secret(&world, "/u", "Aladdin");
    struct mtr_auth_basic basic = {.user = MTR_STR("Aladdin"), .secret_file = MTR_STR("/s")};
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_BASIC, .basic = &basic};
    expect_static(&world, &source, "https://api.acme.example/x", "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    basic = (struct mtr_auth_basic){.user_secret_file = MTR_STR("/u")};
    expect_static(&world, &source, "https://api.acme.example/x", "Authorization", "Basic QWxhZGRpbjo=");
    basic = (struct mtr_auth_basic){.user = MTR_STR("a:b"), .secret_file = MTR_STR("/s")};
    expect_static(&world, &source, "https://api.acme.example/x", NULL, "cannot hold a colon");
    basic = (struct mtr_auth_basic){.user = MTR_STR("a"), .secret_file = MTR_STR("/none")};
    expect_static(&world, &source, "https://api.acme.example/x", NULL, "the secret file `/none` does not exist");
    struct mtr_auth_header header = {.name = MTR_STR("X-Key"), .value = MTR_STR("Key {secret}!"), .secret_file = MTR_STR("/s")};
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_HEADER, .header = &header};
    expect_static(&world, &source, "https://api.acme.example/x", "X-Key", "Key open sesame!");
    world_secret(&world, "/s", "two\nlines");
    expect_static(&world, &source, "https://api.acme.example/x", NULL, "cannot be written into the request");
    world_release(&world);
}

static void a_key_in_the_url(void **state)
{
    (void)state;
    static const struct {
        const char *url, *query;
    } calls[] = {
        {"https://api.acme.example/x", "api_key=a%26b%20c"},
        {"https://api.acme.example/x?page=2", "page=2&api_key=a%26b%20c"},
        {"https://api.acme.example/x?api_key=old&page=2&api_key", "page=2&api_key=a%26b%20c"}, /* a link that has it */
        {"https://api.acme.example/x?api_key2=1", "api_key2=1&api_key=a%26b%20c"},
        {"https://files.acme.example/x?page=2", "page=2"}, /* of another host */
    };
    struct auth_world world;
    struct auth_session *session;
    struct auth_turn turn;
    struct mtr_source source = world_source("https://api.acme.example/v2");
    struct mtr_auth_header query = {.name = MTR_STR("api_key"), .value = MTR_STR("{secret}"), .secret_file = MTR_STR("/s")};
    world_init(&world);
    world_secret(&world, "/s", "a&b c");
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_QUERY, .query = &query};
    assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        assert_int_equal(world_prepare(&world, session, &source, calls[i].url, &turn), AUTH_READY);
        if (!mtr_str_equal(turn.call->query, mtr_str_from(calls[i].query))) fail_msg("%.*s", MTR_STR_ARGS(turn.call->query));
        assert_int_equal(turn.call->header_count, 0);
    }
    auth_close(session);
    query.secret_file = MTR_STR("/none");
    expect_static(&world, &source, "https://api.acme.example/x", NULL, "the secret file `/none` does not exist");
    world_release(&world);
}

static void credentials_go_to_the_base_alone(void **state)
{
    (void)state;
    static const char *const others[] = {"https://files.acme.example/x", "http://api.acme.example/x", "https://api.acme.example:8443/x",
                                         "https://api.acme.example.evil.example/x"};
    struct auth_world world;
    struct mtr_source source = world_source("https://api.acme.example/v2");
    struct mtr_auth_header header = {.name = MTR_STR("X-Key"), .value = MTR_STR("{secret}"), .secret_file = MTR_STR("/s")};
    struct auth_session *session;
    struct auth_turn turn;
    world_init(&world);
    world_secret(&world, "/s", "secret");
    world_secret(&world, "/c.pem", "a certificate");
    world_secret(&world, "/k.pem", "a key");
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_HEADER, .header = &header, .certificate_file = MTR_STR("/c.pem"), .key_file = MTR_STR("/k.pem")};
    assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(world_prepare(&world, session, &source, others[i], &turn), AUTH_READY);
        assert_int_equal(turn.call->header_count, 0);
        assert_true(!turn.call->certificate.size && !turn.call->key.size);
        assert_false(auth_refused(session, turn.call, NOW)); /* a 401 of theirs says nothing of our token */
    }
    assert_int_equal(world_prepare(&world, session, &source, "https://API.acme.example/x", &turn), AUTH_READY);
    assert_int_equal(turn.call->header_count, 1);
    assert_true(mtr_str_equal(turn.call->certificate, MTR_STR("a certificate")));
    assert_true(mtr_str_equal(turn.call->key, MTR_STR("a key")));
    auth_close(session);
    world_release(&world);
}

static void signs_for_aws(void **state)
{
    (void)state;
    struct auth_world world;
    struct mtr_source source = world_source("https://example.com");
    struct mtr_auth_sigv4 sigv4 = {MTR_STR("us-east-1"), MTR_STR("s3"), MTR_STR("AKIAEXAMPLE"), MTR_STR("/s")};
    struct auth_session *session;
    struct auth_turn turn;
    world_init(&world);
    world_secret(&world, "/s", "wJalr/XUtn+FEMI=K7MDENG");
    world.now_us = INT64_C(1440938160) * S;
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_AWS_SIGV4, .sigv4 = &sigv4};
    assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
    assert_int_equal(world_prepare(&world, session, &source, "https://example.com/bucket/a=b%20c?prefix=2026/11&list-type=2", &turn), AUTH_READY);
    expect_header(turn.call, "Authorization",
                  "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20150830/us-east-1/s3/aws4_request, "
                  "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=3b38c0d2631d8e174af33cd28f3d2555676dabf4171f4421f1fad856f9e71e73");
    assert_true(mtr_str_equal(turn.call->query, MTR_STR("list-type=2&prefix=2026%2F11")));
    assert_true(mtr_str_equal(turn.call->path, MTR_STR("/bucket/a%3Db%20c")));
    world_secret(&world, "/s", "wJalr/XUtn+FEMI=K7MDENG\nT0/+=");
    assert_int_equal(world_prepare(&world, session, &source, "https://example.com/", &turn), AUTH_READY);
    expect_header(turn.call, "x-amz-security-token", "T0/+=");
    auth_close(session);
    world_release(&world);
}

/* The signatures are those of Python's hmac over the text that `sign` spells. */
static void signs_by_a_template(void **state)
{
    (void)state;
    static const struct mtr_label headers[] = {{{"X-Date", 6}, {"{time}", 6}}, {{"X-Nonce", 7}, {"{nonce}", 7}},
                                               {{"X-Signature", 11}, {"v1={signature}", 14}}};
    static const struct {
        enum mtr_hmac_hash hash;
        enum mtr_hmac_encoding encoding;
        const char *signature;
    } rows[] = {
        {MTR_HMAC_SHA256, MTR_HMAC_HEX, "v1=3087c2c76d9906ceee2297736dc7ba416028b77b86fb0b87402478ff383e53c0"},
        {MTR_HMAC_SHA256, MTR_HMAC_BASE64, "v1=MIfCx22ZBs7uIpdzbce6QWAot3uG+wuHQCR4/zg+U8A="},
        {MTR_HMAC_SHA512, MTR_HMAC_BASE64, "v1=bjA37aFM06QBO1A/DVVcgbE5gy9pSopEnqlnvTd1q/0t21IbCTgisJdoj92ijc0xUfuclN3D+MU5ZdYLUkWrYA=="},
    };
    struct auth_world world;
    struct mtr_source source = world_source("https://a.example");
    world_init(&world);
    world_secret(&world, "/s", "key");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct auth_session *session;
        struct auth_turn turn;
        struct mtr_auth_hmac hmac = {.hash = rows[i].hash, .encoding = rows[i].encoding, .secret_file = MTR_STR("/s"),
                                     .sign = MTR_STR("{method}\n{path}\n{query}\n{body_hash}\n{time:unix}\n{nonce}"), .headers = headers, .header_count = 3};
        source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_HMAC, .hmac = &hmac};
        assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
        assert_int_equal(world_prepare(&world, session, &source, "https://a.example/v1/x?b=2&a=%7e+", &turn), AUTH_READY);
        expect_header(turn.call, "X-Signature", rows[i].signature);
        expect_header(turn.call, "X-Date", "2026-07-15T10:40:00Z");
        expect_header(turn.call, "X-Nonce", "000102030405060708090a0b0c0d0e0f");
        assert_true(mtr_str_equal(turn.call->query, MTR_STR("a=~%20&b=2")));
        auth_close(session);
    }
    world_release(&world);
}

/* ---- tokens ---- */

static struct mtr_auth_oauth2 client_credentials(void)
{
    static const struct mtr_str scopes[] = {{"usage.read", 10}, {"a b", 3}};
    static const struct mtr_label extra[] = {{{"audience", 8}, {"https://api/", 12}}};
    return (struct mtr_auth_oauth2){.token_url = MTR_STR("https://login.example/token?v=2"), .client_id = MTR_STR("me&you"),
                                    .secret_file = MTR_STR("/s"), .scopes = scopes, .scope_count = 2, .extra = extra, .extra_count = 1};
}

static void asks_for_a_token(void **state)
{
    (void)state;
    struct auth_world world;
    struct mtr_source source = world_source("https://api.acme.example");
    struct mtr_auth_oauth2 oauth2 = client_credentials();
    struct auth_session *session;
    struct auth_turn turn;
    world_init(&world);
    world_secret(&world, "/s", "s=c r");
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_OAUTH2, .oauth2 = &oauth2};
    for (int basic = 0; basic < 2; basic++) {
        oauth2.send = basic ? MTR_OAUTH2_BASIC : MTR_OAUTH2_IN_BODY;
        assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
        assert_true(mtr_str_equal(turn.ask.host, MTR_STR("login.example")));
        assert_true(mtr_str_equal(turn.ask.path, MTR_STR("/token")) && mtr_str_equal(turn.ask.query, MTR_STR("v=2")));
        assert_true(mtr_str_equal(turn.ask.method, MTR_STR("POST")));
        expect_header(&turn.ask, "Content-Type", "application/x-www-form-urlencoded");
        const char *form = "grant_type=client_credentials&scope=usage.read+a+b&audience=https%3A%2F%2Fapi%2F";
        char wanted[256];
        snprintf(wanted, sizeof(wanted), "%s%s", form, basic ? "" : "&client_id=me%26you&client_secret=s%3Dc+r");
        assert_true(mtr_str_equal(turn.ask.body, mtr_str_from(wanted)));
        if (basic) expect_header(&turn.ask, "Authorization", "Basic bWUlMjZ5b3U6cyUzRGMrcg==");
        world_answer(&world, session, 200, "", "{\"access_token\":\"T1\",\"token_type\":\"Bearer\",\"expires_in\":\"3600\"}");
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
        expect_header(turn.call, "Authorization", "Bearer T1");
        auth_close(session);
    }
    world_release(&world);
}

/* Two sources of equal auth: one ASK, one token; a source whose auth differs in a word has its own. */
static void sources_share_a_token(void **state)
{
    (void)state;
    struct auth_world world;
    struct mtr_source a = world_source("https://api.acme.example"), b = a, c = a;
    struct mtr_auth_oauth2 oauth2 = client_credentials(), same = oauth2, other = oauth2;
    struct auth_session *sessions[3];
    struct auth_turn turn;
    world_init(&world);
    world_secret(&world, "/s", "secret");
    other.client_id = MTR_STR("me&you2");
    a.auth = (struct mtr_source_auth){.kind = MTR_AUTH_OAUTH2, .oauth2 = &oauth2};
    b.auth = (struct mtr_source_auth){.kind = MTR_AUTH_OAUTH2, .oauth2 = &same};
    c.auth = (struct mtr_source_auth){.kind = MTR_AUTH_OAUTH2, .oauth2 = &other};
    assert_int_equal(auth_open(world.keeper, &a, &sessions[0]), MTR_OK);
    assert_int_equal(auth_open(world.keeper, &b, &sessions[1]), MTR_OK);
    assert_int_equal(auth_open(world.keeper, &c, &sessions[2]), MTR_OK);
    assert_ptr_equal(sessions[0], sessions[1]);
    assert_ptr_not_equal(sessions[0], sessions[2]);
    assert_int_equal(world_prepare(&world, sessions[0], &a, "https://api.acme.example/x", &turn), AUTH_ASK);
    assert_int_equal(world_prepare(&world, sessions[1], &b, "https://api.acme.example/x", &turn), AUTH_WAIT);
    assert_string_equal(turn.fault, "");
    assert_int_equal(turn.again_us, world.now_us + S);
    world.now_us += AUTH_ASK_US_MAX; /* who was to answer never did */
    assert_int_equal(world_prepare(&world, sessions[1], &b, "https://api.acme.example/x", &turn), AUTH_ASK);
    assert_int_equal(world_prepare(&world, sessions[2], &c, "https://api.acme.example/x", &turn), AUTH_ASK);
    world_answer(&world, sessions[0], 200, "", "{\"access_token\":\"T1\"}");
    auth_close(sessions[0]);
    assert_int_equal(world_prepare(&world, sessions[1], &b, "https://api.acme.example/x", &turn), AUTH_READY);
    world_answer(&world, sessions[2], 0, "", NULL); /* cancelled: asked again at once */
    assert_int_equal(world_prepare(&world, sessions[2], &c, "https://api.acme.example/x", &turn), AUTH_ASK);
    world_answer(&world, sessions[2], 200, "", "{\"access_token\":\"T2\"}");
    auth_close(sessions[1]);
    auth_close(sessions[2]);
    world_release(&world);
}

/* 80 % of its life, a minute before its end, half of a short one; meanwhile the old one is used. */
static void renews_in_time(void **state)
{
    (void)state;
    static const struct {
        int64_t ttl_s, renew_s;
    } rows[] = {{3600, 2880}, {300, 240}, {200, 140}, {100, 50}, {60, 30}, {1, 0}, {86400, 69120}};
    struct auth_world world;
    struct mtr_source source = world_source("https://api.acme.example");
    struct mtr_auth_oauth2 oauth2 = client_credentials();
    struct auth_session *session;
    struct auth_turn turn;
    world_init(&world);
    world_secret(&world, "/s", "secret");
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_OAUTH2, .oauth2 = &oauth2};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char body[128];
        const int64_t begin_us = world.now_us = NOW;
        snprintf(body, sizeof(body), "{\"access_token\":\"T\",\"expires_in\":%lld.5}", (long long)rows[i].ttl_s);
        assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
        world_answer(&world, session, 200, "", body);
        const int64_t renew_us = begin_us + (rows[i].ttl_s == 1 ? S / 2 : rows[i].renew_s * S);
        world.now_us = renew_us - 1;
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
        world.now_us = renew_us;
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
        world_answer(&world, session, 503, "", "");
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
        world.now_us = begin_us + rows[i].ttl_s * S; /* its end, and no new one */
        const enum auth_step step = world_prepare(&world, session, &source, "https://api.acme.example/x", &turn);
        assert_true(step == AUTH_ASK || step == AUTH_WAIT);
        if (step == AUTH_ASK) world_answer(&world, session, 0, "", NULL);
        auth_close(session);
    }
    world_release(&world);
}

static void a_401_renews_once(void **state)
{
    (void)state;
    struct auth_world world;
    struct mtr_source source = world_source("https://api.acme.example");
    struct mtr_auth_oauth2 oauth2 = client_credentials();
    struct auth_session *session;
    struct auth_turn turn, late;
    world_init(&world);
    world_secret(&world, "/s", "secret");
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_OAUTH2, .oauth2 = &oauth2};
    assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
    world_get_token(&world, session, &source, "T1");
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
    late = turn;
    struct source_call late_call = *turn.call;
    assert_true(auth_refused(session, turn.call, world.now_us));
    assert_true(auth_refused(session, &late_call, world.now_us)); /* two were under way with the same one */
    world_get_token(&world, session, &source, "T2");
    assert_true(auth_refused(session, &late_call, world.now_us)); /* a late one is no word about the new token */
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
    expect_header(turn.call, "Authorization", "Bearer T2");
    auth_accepted(session, turn.call);
    assert_true(auth_refused(session, turn.call, world.now_us)); /* it had worked: renewed once more */
    world_get_token(&world, session, &source, "T3");
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
    assert_false(auth_refused(session, turn.call, world.now_us)); /* and this one never did */
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_FAILED);
    assert_int_equal(turn.alarm, AUTH_ALARM_AUTH);
    assert_non_null(strstr(turn.fault, "refuses a token that it has just given"));
    assert_true(turn.again_us > world.now_us && turn.again_us <= world.now_us + 600 * S);
    world_secret(&world, "/s", "another"); /* a person has replaced the secret */
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
    world_answer(&world, session, 0, "", NULL);
    (void)late;
    auth_close(session);
    world_release(&world);
}

static void a_401_reads_the_secret_again(void **state)
{
    (void)state;
    struct auth_world world;
    struct mtr_source source = world_source("https://api.acme.example");
    struct mtr_auth_header header = {.name = MTR_STR("X-Key"), .value = MTR_STR("{secret}"), .secret_file = MTR_STR("/s")};
    struct auth_session *session;
    struct auth_turn turn;
    world_init(&world);
    world_secret(&world, "/s", "old");
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_HEADER, .header = &header};
    assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
    world_secret(&world, "/s", "new");
    assert_true(auth_refused(session, turn.call, world.now_us));
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
    expect_header(turn.call, "X-Key", "new");
    assert_false(auth_refused(session, turn.call, world.now_us));
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_FAILED);
    assert_non_null(strstr(turn.fault, "does not take the credentials (401)"));
    world_secret(&world, "/s", "newer");
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
    auth_close(session);
    world_release(&world);
}

static void says_why_there_is_no_token(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *headers, *body;
        enum auth_alarm alarm;
        const char *words;
    } rows[] = {
        {500, "", "", AUTH_ALARM_NONE, "cannot get a token: the vendor answers 500"},
        {429, "Retry-After: 1234\r\n", "", AUTH_ALARM_NONE, "429"},
        {302, "Location: https://b.example/\r\n", "", AUTH_ALARM_AUTH, "a redirect to https://b.example/"},
        {401, "", "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7: secret\\nsecret=s3cret!\"}", AUTH_ALARM_AUTH,
         "refuses with 401 (invalid_client: AADSTS7: secret secret=***)"},
        {400, "", "{\"error\":\"" FIFTY FIFTY FIFTY "12345678s3cret!\"}", AUTH_ALARM_AUTH, "12345678**: )"},
        {400, "", "<html>", AUTH_ALARM_AUTH, "refuses with 400 ()"},
        {400, "", "{\"error\":\"invalid_grant\"}", AUTH_ALARM_AUTH, "refuses with 400 (invalid_grant: )"},
        {200, "", "<html>", AUTH_ALARM_AUTH, "does not answer in JSON"},
        {200, "", "{}", AUTH_ALARM_AUTH, "holds no token"},
        {200, "", "{\"access_token\":\"a b\"}", AUTH_ALARM_AUTH, "holds no token"},
        {200, "", "{\"access_token\":\"a\\r\\nb\"}", AUTH_ALARM_AUTH, "holds no token"},
        {200, "", "{\"access_token\":{}}", AUTH_ALARM_AUTH, "holds no token"},
        {200, "", "{\"access_token\":\"T\",\"token_type\":\"mac\"}", AUTH_ALARM_AUTH, "is no bearer token"},
    };
    struct auth_world world;
    struct mtr_source source = world_source("https://api.acme.example");
    struct mtr_auth_oauth2 oauth2 = client_credentials();
    struct auth_turn turn;
    world_init(&world);
    world_secret(&world, "/s", "s3cret!");
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_OAUTH2, .oauth2 = &oauth2};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct auth_session *session;
        assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
        world_answer(&world, session, rows[i].status, rows[i].headers, rows[i].body);
        const enum auth_step step = world_prepare(&world, session, &source, "https://api.acme.example/x", &turn);
        if (step != (rows[i].alarm ? AUTH_FAILED : AUTH_WAIT) || turn.alarm != rows[i].alarm || !strstr(turn.fault, rows[i].words) ||
            strstr(turn.fault, "s3cret"))
            fail_msg("row %zu: %d %d \"%s\"", i, (int)step, (int)turn.alarm, turn.fault);
        if (rows[i].status == 429) assert_int_equal(turn.again_us, world.now_us + 1234 * S);
        else assert_in_range(turn.again_us - world.now_us, 1, 600 * S);
        auth_close(session);
    }
    world_release(&world);
}

static void a_mask_learns_the_secrets(void **state)
{
    (void)state;
    struct auth_world world;
    struct mtr_source source = world_source("https://api.acme.example");
    struct mtr_auth_oauth2 oauth2 = client_credentials();
    struct auth_session *session;
    struct mtr_buffer out;
    world_init(&world);
    world_secret(&world, "/s", "s3cret!");
    mtr_buffer_init(&out, 1024);
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_OAUTH2, .oauth2 = &oauth2};
    assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
    world_get_token(&world, session, &source, "T0ken");
    assert_int_equal(source_mask_text(world.mask, MTR_STR("s3cret! s3cret%21 T0ken"), &out), 0);
    assert_true(mtr_str_equal(mtr_buffer_str(&out), MTR_STR("*** *** ***")));
    mtr_buffer_release(&out);
    auth_close(session);
    world_release(&world);
}

/* Of a file with two secrets each is one. */
static void a_mask_learns_each_line(void **state)
{
    (void)state;
    struct auth_world world;
    struct mtr_source source = world_source("https://api.acme.example");
    struct mtr_auth_sigv4 sigv4 = {MTR_STR("us-east-1"), MTR_STR("s3"), MTR_STR("AKIAEXAMPLE"), MTR_STR("/s")};
    struct auth_session *session;
    struct auth_turn turn;
    struct mtr_buffer out;
    world_init(&world);
    world_secret(&world, "/s", "s3cret!\nT0ken/+");
    mtr_buffer_init(&out, 1024);
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_AWS_SIGV4, .sigv4 = &sigv4};
    assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
    assert_int_equal(source_mask_text(world.mask, MTR_STR("s3cret! T0ken%2f%2B"), &out), 0);
    assert_true(mtr_str_equal(mtr_buffer_str(&out), MTR_STR("*** ***")));
    mtr_buffer_release(&out);
    auth_close(session);
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_kinds),
        cmocka_unit_test(a_key_in_the_url),
        cmocka_unit_test(credentials_go_to_the_base_alone),
        cmocka_unit_test(signs_for_aws),
        cmocka_unit_test(signs_by_a_template),
        cmocka_unit_test(asks_for_a_token),
        cmocka_unit_test(sources_share_a_token),
        cmocka_unit_test(renews_in_time),
        cmocka_unit_test(a_401_renews_once),
        cmocka_unit_test(a_401_reads_the_secret_again),
        cmocka_unit_test(says_why_there_is_no_token),
        cmocka_unit_test(a_mask_learns_the_secrets),
        cmocka_unit_test(a_mask_learns_each_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
