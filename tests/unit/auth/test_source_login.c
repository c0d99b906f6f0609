/*
 * Logins: a request that answers a token, in the ways of Keystone and of others.
 */
#include "tests/support/auth_world.h"

#include "meterd/core/document.h"

#define S AUTH_WORLD_S
#define NOW AUTH_WORLD_NOW

struct keystone {
    struct mtr_document *body;
    struct mtr_auth_login login;
    struct mtr_source source;
};

static const struct mtr_label login_headers[] = {{{"Accept", 6}, {"application/json", 16}}};
static const struct mtr_label login_query[] = {{{"nocatalog", 9}, {"", 0}}};

static void keystone_init(struct keystone *keystone)
{
    struct mtr_diagnostic diagnostic;
    const struct mtr_str body = MTR_STR("{auth: {identity: {methods: [password], n: 1, on: true, none: null, "
                                        "password: {user: {password: \"{secret}\"}}}}}");
    *keystone = (struct keystone){.source = world_source("https://api.acme.example/v2")};
    assert_int_equal(mtr_document_parse(body, &keystone->body, &diagnostic), 0);
    struct mtr_source_request request = {.method = MTR_STR("POST"), .url = MTR_STR("https://keystone.example:5000/v3/auth/tokens"),
                                         .query = login_query, .query_count = 1, .headers = login_headers, .header_count = 1,
                                         .body = MTR_BODY_JSON, .json = mtr_document_root(keystone->body)};
    keystone->login = (struct mtr_auth_login){.request = request, .secret_file = MTR_STR("/s"), .token.header = MTR_STR("X-Subject-Token"),
                                              .expires.path = MTR_STR("token.expires_at"),
                                              .send_header = MTR_STR("X-Auth-Token"), .send_value = MTR_STR("{token}")};
    keystone->source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_LOGIN, .login = &keystone->login};
}

static void logs_in_as_keystone_wants(void **state)
{
    (void)state;
    struct auth_world world;
    struct keystone keystone;
    struct auth_session *session;
    struct auth_turn turn;
    world_init(&world);
    world_secret(&world, "/s", "p\"w\\");
    keystone_init(&keystone);
    assert_int_equal(auth_open(world.keeper, &keystone.source, &session), MTR_OK);
    assert_int_equal(world_prepare(&world, session, &keystone.source, "https://api.acme.example/v2/x", &turn), AUTH_ASK);
    assert_true(mtr_str_equal(turn.ask.host, MTR_STR("keystone.example")) && turn.ask.port == 5000);
    assert_true(mtr_str_equal(turn.ask.path, MTR_STR("/v3/auth/tokens")) && mtr_str_equal(turn.ask.query, MTR_STR("nocatalog=")));
    expect_header(&turn.ask, "Content-Type", "application/json");
    expect_header(&turn.ask, "Accept", "application/json");
    assert_true(mtr_str_equal(turn.ask.body, MTR_STR("{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"n\":1,\"on\":true,\"none\":null,"
                                                     "\"password\":{\"user\":{\"password\":\"p\\\"w\\\\\"}}}}}")));
    world_answer(&world, session, 201, "x-subject-token: gAAAA_-1\r\n", "{\"token\":{\"expires_at\":\"2026-07-15T11:40:00.000000Z\"}}");
    assert_int_equal(world_prepare(&world, session, &keystone.source, "https://api.acme.example/v2/x", &turn), AUTH_READY);
    expect_header(turn.call, "X-Auth-Token", "gAAAA_-1");
    world.now_us += 2880 * S - 1;
    assert_int_equal(world_prepare(&world, session, &keystone.source, "https://api.acme.example/v2/x", &turn), AUTH_READY);
    world.now_us += 1;
    assert_int_equal(world_prepare(&world, session, &keystone.source, "https://api.acme.example/v2/x", &turn), AUTH_ASK);
    world_answer(&world, session, 0, "", NULL);
    auth_close(session);
    mtr_document_close(keystone.body);
    world_release(&world);
}

static void reads_logins_as_documents_say(void **state)
{
    (void)state;
    static const struct mtr_label form[] = {{{"user", 4}, {"me & you", 8}}, {{"password", 8}, {"{secret}", 8}}};
    static const struct {
        const char *token, *expires; /* paths */
        unsigned status;
        const char *body;
        const char *value; /* of the header; NULL: FAILED with words */
        const char *words;
        int64_t ends_s;
    } rows[] = {
        {"data[0].jwt", "", 200, "{\"data\":[{\"jwt\":\"a.b.c\"}]}", "Bearer a.b.c", NULL, 1800},
        {"t", "e", 200, "{\"t\":\"x\",\"e\":1784112600}", "Bearer x", NULL, 600},
        {"t", "e", 200, "{\"t\":\"x\",\"e\":\"1784112600999\"}", "Bearer x", NULL, 600},
        {"t", "e", 200, "{\"t\":\"x\",\"e\":\"Wed, 15 Jul 2026 10:50:00 GMT\"}", "Bearer x", NULL, 600},
        {"t", "e", 200, "{\"t\":\"x\",\"e\":\"2026-07-15T13:50:00+03:00\"}", "Bearer x", NULL, 600},
        {"t", "e", 200, "{\"t\":\"x\",\"e\":\"2026-07-15T10:40:00Z\"}", NULL, "has ended already: check this machine's clock", 0},
        {"t", "e", 200, "{\"t\":\"x\",\"e\":\"soon\"}", NULL, "does not say when its token ends", 0},
        {"t", "e", 200, "{\"t\":\"x\"}", NULL, "does not say when its token ends", 0},
        {"t", "", 200, "{\"u\":\"x\"}", NULL, "holds no token", 0},
        {"t", "", 200, "<html>", NULL, "does not answer in JSON", 0},
        {"t", "", 200, "{", NULL, "does not answer in JSON", 0},
        {"t", "", 401, "{}", NULL, "the login is refused with 401: check the secret's file", 0},
        {"t", "", 403, "", NULL, "the login is refused with 403", 0},
        {"t", "", 404, "", NULL, "the login is refused with 404", 0},
    };
    struct auth_world world;
    struct auth_turn turn;
    world_init(&world);
    world_secret(&world, "/s", "p w&=");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_source source = world_source("https://api.acme.example/v2");
        struct mtr_source_request request = {.method = MTR_STR("POST"), .path = MTR_STR("/login"), .body = MTR_BODY_FORM, .form = form, .form_count = 2};
        struct mtr_auth_login login = {.request = request, .secret_file = MTR_STR("/s"), .token.path = mtr_str_from(rows[i].token),
                                       .expires.path = mtr_str_from(rows[i].expires), .ttl_us = 1800 * S, .send_header = MTR_STR("Authorization"),
                                       .send_value = MTR_STR("Bearer {token}")};
        struct auth_session *session;
        source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_LOGIN, .login = &login};
        assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/v2/x", &turn), AUTH_ASK);
        assert_true(mtr_str_equal(turn.ask.path, MTR_STR("/v2/login")));
        assert_true(mtr_str_equal(turn.ask.body, MTR_STR("user=me+%26+you&password=p+w%26%3D")));
        world_answer(&world, session, rows[i].status, "", rows[i].body);
        const enum auth_step step = world_prepare(&world, session, &source, "https://api.acme.example/v2/x", &turn);
        if (rows[i].value) {
            if (step != AUTH_READY) fail_msg("row %zu: %s", i, turn.fault);
            expect_header(turn.call, "Authorization", rows[i].value);
            world.now_us += rows[i].ends_s * S - 1;
            (void)world_prepare(&world, session, &source, "https://api.acme.example/v2/x", &turn);
            assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/v2/x", &turn), AUTH_READY);
            world.now_us++;
            assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/v2/x", &turn), AUTH_WAIT);
            world.now_us = NOW;
        } else if (step != AUTH_FAILED || turn.alarm != AUTH_ALARM_AUTH || !strstr(turn.fault, rows[i].words)) {
            fail_msg("row %zu: %d %s", i, (int)step, turn.fault);
        }
        auth_close(session);
    }
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_in_as_keystone_wants),
        cmocka_unit_test(reads_logins_as_documents_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
