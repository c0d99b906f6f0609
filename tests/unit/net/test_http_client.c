/*
 * The HTTP clients against our own server: answers, bounds, timeouts, cancelling, the guard, and what the
 * sentences say.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/net/address_guard.h"
#include "meterd/net/http_client.h"
#include "meterd/net/http_server.h"
#include "tests/support/raw_peer.h"

enum { HELD_MAX = 16 };

struct fixture {
    struct mtr_loop *loop;
    struct mtr_http_server *server;
    struct mtr_http_client *client;
    struct mtr_http_request *held[HELD_MAX];
    unsigned held_count;
    char url[64];
    unsigned waited; /* answers still to come */
    int error;
    unsigned status;
    bool was_sent;
    char body[256];
    char reason[MTR_HTTP_REASON_BYTES];
    struct mtr_http_transfer *other;
};

static void echo(struct mtr_http_request *request)
{
    struct mtr_buffer text;
    struct mtr_buffer body;
    struct mtr_str expect, type = {0};
    mtr_buffer_init(&text, 4096);
    mtr_http_request_take_body(request, &body);
    assert_false(mtr_http_request_header(request, "expect", &expect));
    if (!mtr_http_request_header(request, "content-type", &type)) type = MTR_STR("none");
    assert_int_equal(
        mtr_buffer_printf(&text, "%s %.*s %.*s %zu", mtr_http_method_name(mtr_http_request_method(request)),
                          MTR_STR_ARGS(mtr_http_request_path(request)), MTR_STR_ARGS(type), body.size),
        0);
    struct mtr_http_header header = {MTR_STR("X-Test"), MTR_STR("yes")};
    mtr_http_respond(request, 200, &header, 1, &text);
    mtr_buffer_release(&body);
    mtr_buffer_release(&text);
}

static void on_request(void *context, struct mtr_http_request *request)
{
    struct fixture *fixture = context;
    struct mtr_str path = mtr_http_request_path(request);
    struct mtr_http_header location = {MTR_STR("Location"), MTR_STR("/elsewhere")};
    if (mtr_str_equal(path, MTR_STR("/hold"))) fixture->held[fixture->held_count++] = request;
    else if (mtr_str_equal(path, MTR_STR("/redirect"))) mtr_http_respond(request, 302, &location, 1, NULL);
    else echo(request);
}

static void on_answer(void *context, struct mtr_http_answer *answer)
{
    struct fixture *fixture = context;
    fixture->error = answer->error;
    fixture->status = answer->status;
    fixture->was_sent = answer->was_sent;
    snprintf(fixture->body, sizeof(fixture->body), "%.*s", MTR_STR_ARGS(mtr_buffer_str(&answer->body)));
    snprintf(fixture->reason, sizeof(fixture->reason), "%s", answer->reason);
    struct mtr_str value;
    if (!answer->error && answer->status == 200) {
        assert_true(mtr_http_answer_header(answer, "x-TEST", &value));
        assert_true(mtr_str_equal(value, MTR_STR("yes")));
        assert_false(mtr_http_answer_header(answer, "x-tes", &value));
    }
    if (--fixture->waited == 0) mtr_loop_stop(fixture->loop);
}

static void setup(struct fixture *fixture)
{
    struct mtr_http_server_options options = mtr_http_server_defaults();
    struct mtr_http_client_options client_options = {.transfers_max = 8};
    struct mtr_http_handler handler = {.on_request = on_request, .context = fixture};
    struct mtr_diagnostic diagnostic;
    *fixture = (struct fixture){0};
    assert_int_equal(mtr_loop_open(&fixture->loop), MTR_OK);
    assert_int_equal(mtr_http_server_open(fixture->loop, &options, &handler, &fixture->server, &diagnostic),
                     MTR_OK);
    assert_int_equal(mtr_http_client_open(fixture->loop, &client_options, &fixture->client), MTR_OK);
    snprintf(fixture->url, sizeof(fixture->url), "http://127.0.0.1:%u",
             mtr_http_server_port(fixture->server));
}

static void teardown(struct fixture *fixture)
{
    while (fixture->held_count > 0) echo(fixture->held[--fixture->held_count]);
    mtr_http_client_close(fixture->client);
    mtr_http_server_close(fixture->server);
    mtr_loop_close(fixture->loop);
}

static int send_call(struct fixture *fixture, const char *path, struct mtr_http_call call,
                     struct mtr_http_transfer **out)
{
    char url[512];
    snprintf(url, sizeof(url), "%s%s", strstr(path, "://") ? "" : fixture->url, path);
    call.url = url;
    int rc = mtr_http_client_send(fixture->client, &call, on_answer, fixture, out);
    if (rc == MTR_OK) fixture->waited++;
    return rc;
}

static void ask(struct fixture *fixture, const char *path, struct mtr_http_call call)
{
    assert_int_equal(send_call(fixture, path, call, NULL), MTR_OK);
    while (fixture->waited > 0) mtr_loop_run(fixture->loop);
}

static void asks_and_is_answered(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture);
    ask(&fixture, "/a", (struct mtr_http_call){.allow_loopback = true});
    assert_int_equal(fixture.error, MTR_OK);
    assert_string_equal(fixture.body, "GET /a none 0");
    struct mtr_http_header type = {MTR_STR("Content-Type"), MTR_STR("text/csv")};
    char *large = calloc(1, 3 << 20);
    struct mtr_http_call call = {
        .allow_loopback = true, .body = {large, 3 << 20}, .headers = &type, .header_count = 1};
    ask(&fixture, "/b", call);
    assert_string_equal(fixture.body, "POST /b text/csv 3145728");
    call.method = "PUT";
    call.header_count = 0;
    ask(&fixture, "/c", call);
    assert_string_equal(fixture.body, "PUT /c none 3145728");
    ask(&fixture, "/d", (struct mtr_http_call){.allow_loopback = true, .method = "POST"});
    assert_string_equal(fixture.body, "POST /d none 0");
    ask(&fixture, "/e", (struct mtr_http_call){.allow_loopback = true, .method = "DELETE"});
    assert_string_equal(fixture.body, "DELETE /e none 0");
    ask(&fixture, "/f", (struct mtr_http_call){.allow_loopback = true, .method = "HEAD"});
    assert_int_equal(fixture.status, 200);
    ask(&fixture, "/redirect", (struct mtr_http_call){.allow_loopback = true});
    assert_int_equal(fixture.status, 302);
    free(large);
    teardown(&fixture);
}

static void bounds_what_runs_and_comes(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture);
    struct mtr_http_transfer *transfers[8];
    for (int round = 0; round < 2; round++) { /* what was cancelled leaves all of its room */
        for (int i = 0; i < 8; i++)
            assert_int_equal(
                send_call(&fixture, "/hold", (struct mtr_http_call){.allow_loopback = true}, &transfers[i]), 0);
        assert_int_equal(send_call(&fixture, "/a", (struct mtr_http_call){.allow_loopback = true}, NULL),
                         MTR_EAGAIN);
        for (int i = 0; i < 8; i++) mtr_http_transfer_cancel(transfers[i]);
        assert_int_equal(fixture.error, MTR_ECLOSED);
    }
    ask(&fixture, "/a", (struct mtr_http_call){.allow_loopback = true, .answer_bytes_max = 5});
    assert_int_equal(fixture.error, MTR_ELIMIT);
    assert_int_equal(fixture.status, 200);
    uint32_t timeout_ms = 50;
    do { /* on a machine that is busy elsewhere its time may be over before it was sent */
        ask(&fixture, "/hold", (struct mtr_http_call){.allow_loopback = true, .timeout_ms = timeout_ms});
        assert_int_equal(fixture.error, MTR_ETIMEDOUT);
    } while (!fixture.was_sent && (timeout_ms *= 4) <= 50 << 8);
    assert_true(fixture.was_sent);
    teardown(&fixture);
}

static void guards_addresses(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture);
    ask(&fixture, "/a", (struct mtr_http_call){.allow_private = true});
    assert_int_equal(fixture.error, MTR_EDENIED);
    assert_false(fixture.was_sent);
    assert_non_null(strstr(fixture.reason, "is not a public address, which is not allowed here"));
    ask(&fixture, "/a", (struct mtr_http_call){.allow_private = true, .allowed_by = "poller"});
    assert_non_null(strstr(fixture.reason, "is not a public address: `poller.allow_loopback` says whether"));
    /* A connection that is kept from a call that was allowed does not help one that is not. */
    ask(&fixture, "/a", (struct mtr_http_call){.allow_loopback = true});
    assert_int_equal(fixture.error, MTR_OK);
    ask(&fixture, "/a", (struct mtr_http_call){.allow_private = true});
    assert_int_equal(fixture.error, MTR_EDENIED);
    assert_false(fixture.was_sent);
    assert_int_equal(
        send_call(&fixture, "file:///etc/hostname", (struct mtr_http_call){.allow_loopback = true}, NULL),
        MTR_EINVALID);
    ask(&fixture, "ftp://127.0.0.1/", (struct mtr_http_call){.allow_loopback = true, .allow_private = true});
    assert_int_equal(fixture.error, MTR_EINVALID);
    assert_int_equal(send_call(&fixture, "://", (struct mtr_http_call){0}, NULL), MTR_EINVALID);
    struct mtr_http_header split = {MTR_STR("X"), MTR_STR("a\r\nY: b")};
    assert_int_equal(
        send_call(&fixture, "/", (struct mtr_http_call){.headers = &split, .header_count = 1}, NULL),
        MTR_EINVALID);
    teardown(&fixture);
}

static void classifies_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool is_public, with_loopback, with_private;
    } rows[] = {
        {"8.8.8.8", true, true, true},           {"1.1.1.1", true, true, true},          {"127.0.0.1", false, true, false},
        {"127.255.255.255", false, true, false}, {"0.0.0.0", false, false, true},        {"10.1.2.3", false, false, true},
        {"100.64.0.1", false, false, true},      {"100.128.0.1", true, true, true},      {"169.254.169.254", false, false, true},
        {"172.15.0.1", true, true, true},        {"172.16.0.1", false, false, true},     {"172.31.255.255", false, false, true},
        {"172.32.0.1", true, true, true},        {"192.168.0.1", false, false, true},    {"224.0.0.1", false, false, true},
        {"255.255.255.255", false, false, true}, {"::1", false, true, false},            {"::", false, false, true},
        {"fe80::1", false, false, true},         {"fd00::1", false, false, true},        {"ff02::1", false, false, true},
        {"::ffff:127.0.0.1", false, true, false}, {"::ffff:10.0.0.1", false, false, true}, {"::ffff:8.8.8.8", true, true, true},
        {"64:ff9b::a00:1", false, false, true},  {"64:ff9b::808:808", true, true, true}, {"2002:7f00:1::", false, false, true},
        {"2001:db8::1", false, false, true},     {"2001::1", false, false, true},        {"2606:4700::1111", true, true, true},
        {"::127.0.0.1", false, false, true},     {"nonsense", false, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(address_text_allowed(rows[i].address, false, false), rows[i].is_public);
        assert_int_equal(address_text_allowed(rows[i].address, true, false), rows[i].with_loopback);
        assert_int_equal(address_text_allowed(rows[i].address, false, true), rows[i].with_private);
    }
}

/* A port that nobody listens at, and nobody takes until *out is closed. */
static unsigned closed_port(int *out)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *out = fd;
    return ntohs(address.sin_port);
}

static void says_who_is_not_there(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture);
    char url[64], wanted[96];
    int held;
    unsigned port = closed_port(&held);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    snprintf(wanted, sizeof(wanted), "cannot connect to 127.0.0.1:%u: connection refused", port);
    ask(&fixture, url, (struct mtr_http_call){.allow_loopback = true});
    assert_int_equal(fixture.error, MTR_EUNREACHABLE);
    assert_false(fixture.was_sent);
    assert_string_equal(fixture.reason, wanted);
    struct mtr_http_session *session;
    struct mtr_http_answer answer;
    mtr_http_answer_init(&answer);
    assert_int_equal(mtr_http_session_open(&session), MTR_OK);
    assert_int_equal(mtr_http_session_call(session, &(struct mtr_http_call){.url = url}, &answer),
                     MTR_EUNREACHABLE);
    assert_string_equal(answer.reason, wanted);
    mtr_http_session_close(session);
    mtr_http_answer_release(&answer);
    close(held);
    teardown(&fixture);
}

static void cancel_other(void *context, struct mtr_http_answer *answer)
{
    struct fixture *fixture = context;
    assert_int_equal(answer->error, MTR_OK);
    mtr_http_transfer_cancel(fixture->other);
    mtr_http_client_close(fixture->client);
    fixture->client = NULL;
    mtr_loop_stop(fixture->loop);
}

static void may_cancel_and_close_from_an_answer(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture);
    char url[128];
    assert_int_equal(
        send_call(&fixture, "/hold", (struct mtr_http_call){.allow_loopback = true}, &fixture.other), MTR_OK);
    assert_int_equal(send_call(&fixture, "/hold", (struct mtr_http_call){.allow_loopback = true}, NULL),
                     MTR_OK);
    snprintf(url, sizeof(url), "%s/a", fixture.url);
    struct mtr_http_call call = {.url = url, .allow_loopback = true};
    assert_int_equal(mtr_http_client_send(fixture.client, &call, cancel_other, &fixture, NULL), MTR_OK);
    mtr_loop_run(fixture.loop);
    assert_int_equal(fixture.waited, 0);
    assert_int_equal(fixture.error, MTR_ECLOSED);
    teardown(&fixture);
}

static void *run_session(void *context)
{
    struct fixture *fixture = context;
    struct mtr_http_session *session;
    struct mtr_http_answer answer;
    char url[128];
    mtr_http_answer_init(&answer);
    assert_int_equal(mtr_http_session_open(&session), MTR_OK);
    for (int i = 0; i < 3; i++) {
        snprintf(url, sizeof(url), "%s/%d", fixture->url, i);
        struct mtr_http_call call = {.url = url, .body = MTR_STR("hello")};
        assert_int_equal(mtr_http_session_call(session, &call, &answer), MTR_OK);
        snprintf(fixture->body, sizeof(fixture->body), "%.*s", MTR_STR_ARGS(mtr_buffer_str(&answer.body)));
    }
    mtr_http_session_close(session);
    mtr_http_answer_release(&answer);
    mtr_loop_stop(fixture->loop);
    return NULL;
}

static void blocks_for_commands(void **state)
{
    (void)state;
    struct fixture fixture;
    pthread_t thread;
    setup(&fixture);
    assert_int_equal(pthread_create(&thread, NULL, run_session, &fixture), 0);
    mtr_loop_run(fixture.loop);
    pthread_join(thread, NULL);
    assert_string_equal(fixture.body, "POST /2 none 5");
    assert_int_equal(mtr_http_server_stats(fixture.server).connections_total, 1);
    teardown(&fixture);
}

/* An answer whose first header goes on one that is not there is broken, whatever came in the answer before. */
static void calls_of_a_session_are_apart(void **state)
{
    (void)state;
    struct peer whole = {.listener = -1}, folded = {.listener = -1};
    struct mtr_http_session *session;
    struct mtr_http_answer answer;
    char urls[2][64];
    peer_start(&whole, MTR_STR("HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 2\r\n\r\nok"));
    peer_start(&folded, MTR_STR("HTTP/1.1 200 OK\r\n Y: 1\r\nContent-Length: 2\r\n\r\nok"));
    snprintf(urls[0], sizeof(urls[0]), "http://127.0.0.1:%u/", whole.port);
    snprintf(urls[1], sizeof(urls[1]), "http://127.0.0.1:%u/", folded.port);
    mtr_http_answer_init(&answer);
    assert_int_equal(mtr_http_session_open(&session), MTR_OK);
    for (int i = 0; i < 4; i++) {
        const int rc = mtr_http_session_call(session, &(struct mtr_http_call){.url = urls[i % 2]}, &answer);
        assert_int_equal(rc, i % 2 ? MTR_EIO : MTR_OK);
    }
    mtr_http_session_close(session);
    mtr_http_answer_release(&answer);
    assert_int_equal(whole.connections, 1);
    peer_stop(&whole);
    peer_stop(&folded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_and_is_answered),  cmocka_unit_test(bounds_what_runs_and_comes),
        cmocka_unit_test(guards_addresses),      cmocka_unit_test(classifies_addresses),
        cmocka_unit_test(says_who_is_not_there), cmocka_unit_test(may_cancel_and_close_from_an_answer),
        cmocka_unit_test(blocks_for_commands),   cmocka_unit_test(calls_of_a_session_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
