/*
 * The HTTP server as a peer sees it: order and wholeness of answers, waiting connections, peers that leave,
 * draining.
 */
#include "tests/support/http_world.h"

static void keeps_the_order_of_answers(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    int fd = connect_to(&fixture);
    send_text(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\nGET /hold HTTP/1.1\r\n" HOST
                  "\r\nGET /stream HTTP/1.1\r\n" HOST "\r\n"
                  "GET /release HTTP/1.1\r\n" HOST "\r\n" NEXT);
    char *text;
    read_all(fd, &text);
    close(fd);
    char *first = strstr(text, "held"), *second = first ? strstr(first + 1, "held") : NULL;
    assert_non_null(second);
    char *stream = strstr(second, "Transfer-Encoding: chunked");
    assert_non_null(stream);
    free(text);
    stop(&fixture);
}

static void sends_what_is_large_whole(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    int fd = connect_to(&fixture);
    send_text(fd, "GET /large HTTP/1.1\r\n" HOST "\r\nHEAD /large HTTP/1.1\r\n" HOST
                  "\r\nGET /stream HTTP/1.0\r\n\r\n");
    char *text;
    size_t size = read_all(fd, &text);
    close(fd);
    char *body = strstr(text, "\r\n\r\n") + 4;
    assert_int_equal(strspn(body, "x"), LARGE_BYTES);
    char *head = body + LARGE_BYTES;
    assert_memory_equal(head, "HTTP/1.1 200", 12);
    assert_non_null(strstr(head, "Content-Length: 8388608"));
    char *last = strstr(head, "\r\n\r\n") + 4;
    assert_memory_equal(last, "HTTP/1.1 200", 12); /* no body for HEAD */
    char *streamed = strstr(last, "\r\n\r\n") + 4;
    assert_int_equal(size - (size_t)(streamed - text), STREAM_PIECES * STREAM_PIECE_BYTES);
    free(text);
    stop(&fixture);
}

/* How often a text stands before another. */
static unsigned count_before(const char *text, const char *end, const char *wanted)
{
    unsigned count = 0;
    while ((text = strstr(text, wanted)) && text < end) count++, text++;
    return count;
}

static void adds_headers_to_whatever_answer(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    int fd = connect_to(&fixture);
    send_text(fd, "GET /added HTTP/1.1\r\n" HOST "\r\nGET /added/limited HTTP/1.1\r\n" HOST "\r\n"
                  "GET /plain HTTP/1.1\r\n" HOST "\r\nGET /added/again HTTP/1.1\r\n" HOST "\r\n" NEXT);
    char *text;
    read_all(fd, &text);
    close(fd);
    const char *limited = strstr(text, "HTTP/1.1 429"), *plain = strstr(limited, "HTTP/1.1 200");
    const char *again = strstr(plain + 1, "HTTP/1.1 200"), *end = text + strlen(text);
    assert_int_equal(count_before(text, limited, "First: 1\r\nSecond: two\r\n"), 1);
    assert_int_equal(count_before(limited, plain, "First: 1\r\nSecond: two\r\n"), 1);
    assert_int_equal(count_before(limited, plain, "Retry-After: 4294967295\r\n"), 1);
    assert_int_equal(count_before(limited, plain, "\"code\":\"request.limited\""), 1);
    assert_int_equal(count_before(plain, again, "First"), 0); /* they were that request's */
    assert_int_equal(count_before(again, end, "First: 1\r\n"), 1);
    assert_int_equal(count_before(again, end, "Second"), 0);
    free(text);
    stop(&fixture);
}

static void shows_that_an_answer_broke_off(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    int fd = connect_to(&fixture);
    send_text(fd, "GET /broken HTTP/1.1\r\n" HOST "\r\n" NEXT);
    char *text;
    read_all(fd, &text);
    close(fd);
    assert_non_null(strstr(text, "4\r\nhalf\r\n"));
    assert_null(strstr(text, "\r\n0\r\n"));
    free(text);
    stop(&fixture);
}

static void says_continue_at_once(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    int fd = connect_to(&fixture);
    char text[1024];
    send_text(fd, "POST /take HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n");
    read_until(fd, "HTTP/1.1 100 Continue\r\n\r\n", text, sizeof(text));
    send_text(fd, "hello");
    read_until(fd, "\r\n\r\nhello", text, sizeof(text));
    close(fd);
    stop(&fixture);
}

/* What comes of them when every timeout is that long. */
static void statuses_of(const char *bytes, uint32_t timeout_ms, char *out, size_t capacity)
{
    struct fixture fixture;
    struct mtr_http_server_options options = patient_options();
    options.header_timeout_ms = options.body_timeout_ms = options.idle_timeout_ms = options.request_timeout_ms = timeout_ms;
    start(&fixture, options);
    char *text;
    int fd = connect_to(&fixture);
    send_text(fd, bytes);
    read_all(fd, &text); /* the server ends it */
    statuses(text, out, capacity);
    free(text);
    close(fd);
    stop(&fixture);
}

static void waits_for_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *what, *bytes, *statuses;
    } rows[] = {
        {"no request", "", ""},
        {"half a head", "GET / HTTP/1.1\r\nHo", "408"},
        {"half a body", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nab", "408"},
        {"half a chunk", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nab", "408"},
        {"idle after an answer", "GET / HTTP/1.1\r\n" HOST "\r\n", "200"},
        {"a slow handler", "GET /hold HTTP/1.1\r\n" HOST "\r\n", "504"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char found[64];
        uint32_t timeout_ms = 40;
        statuses_of(rows[i].bytes, timeout_ms, found, sizeof(found));
        /* on a machine that is busy elsewhere the bytes may come when it was over already: nobody had sent anything */
        while (rows[i].bytes[0] && !found[0] && (timeout_ms *= 4) <= 40 << 8)
            statuses_of(rows[i].bytes, timeout_ms, found, sizeof(found));
        if (strcmp(found, rows[i].statuses) != 0) fail_msg("%s: \"%s\"", rows[i].what, found);
    }
}

/* Asks until so many have left. */
static void await_left(struct fixture *fixture, const char *wanted)
{
    char text[1024];
    do {
        int fd = connect_to(fixture);
        send_text(fd, "GET /left HTTP/1.1\r\n" HOST "\r\n");
        read_until(fd, "]", text, sizeof(text));
        close(fd);
    } while (!strstr(text, wanted));
}

static int hold(struct fixture *fixture)
{
    int fd = connect_to(fixture);
    send_text(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    return fd;
}

static void release(struct fixture *fixture)
{
    char text[1024];
    int fd = connect_to(fixture);
    send_text(fd, "GET /release HTTP/1.1\r\n" HOST "\r\n");
    read_until(fd, "released", text, sizeof(text));
    close(fd);
}

static void break_connection(int fd)
{
    const struct linger now = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(fd);
}

static void tells_that_a_peer_has_gone(void **state)
{
    (void)state;
    for (int answers_left = 0; answers_left < 2; answers_left++) {
        struct fixture fixture;
        start_with(&fixture, patient_options(), answers_left);
        break_connection(hold(&fixture));
        await_left(&fixture, "[1]");
        close(hold(&fixture));
        await_left(&fixture, "[2]");
        int fd = connect_to(&fixture); /* all that it has asked */
        send_text(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\nGET /hold HTTP/1.1\r\n" HOST "\r\n");
        break_connection(fd);
        await_left(&fixture, "[4]");
        if (!answers_left) release(&fixture);
        stop(&fixture);
        assert_int_equal(fixture.left, 4);
        assert_int_equal(fixture.held_count, 0);
    }
}

static void tells_once_that_its_time_is_over(void **state)
{
    (void)state;
    for (int answers_left = 0; answers_left < 2; answers_left++) {
        struct fixture fixture;
        struct mtr_http_server_options options = patient_options();
        char text[1024];
        options.request_timeout_ms = 40;
        start_with(&fixture, options, answers_left);
        int fd = hold(&fixture);
        read_until(fd, "request.timeout", text, sizeof(text));
        assert_memory_equal(text, "HTTP/1.1 504", 12);
        await_left(&fixture, "[1]");
        break_connection(fd);
        if (!answers_left) release(&fixture);
        stop(&fixture);
        assert_int_equal(fixture.left, 1);
    }
}

static void who_closes_one_side_may_still_be_answered(void **state)
{
    (void)state;
    for (int answers_left = 0; answers_left < 2; answers_left++) {
        struct fixture fixture;
        char text[1024];
        start_with(&fixture, patient_options(), answers_left);
        int fd = hold(&fixture);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        await_left(&fixture, "[1]");
        if (!answers_left) release(&fixture);
        read_until(fd, answers_left ? "called off" : "held", text, sizeof(text));
        close(fd);
        stop(&fixture);
        assert_int_equal(fixture.left, 1);
    }
}

static void an_answer_that_has_begun_is_not_called_off(void **state)
{
    (void)state;
    struct fixture fixture;
    char text[1024];
    start(&fixture, patient_options());
    int fd = connect_to(&fixture);
    send_text(fd, "GET /endless HTTP/1.1\r\n" HOST "\r\n");
    read_until(fd, "chunked", text, sizeof(text));
    break_connection(fd);
    break_connection(hold(&fixture));
    await_left(&fixture, "[1]");
    release(&fixture);
    stop(&fixture);
    assert_int_equal(fixture.left, 1);
}

static void keeps_busy_connections(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mtr_http_server_options options = patient_options();
    /* a sweep of deadlines every 5 ms, between any two steps of the requests below */
    options.header_timeout_ms = 40;
    start(&fixture, options);
    int fd = connect_to(&fixture);
    char text[1024];
    for (int i = 0; i < 3000; i++) {
        send_text(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n!");
        read_until(fd, "\r\n\r\n!", text, sizeof(text));
    }
    close(fd);
    stop(&fixture);
}

static void survives_peers_that_leave(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    int gone = connect_to(&fixture);
    send_text(gone,
              "GET /hold HTTP/1.1\r\n" HOST "\r\nPOST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhalf");
    struct linger at_once = {.l_onoff = 1};
    setsockopt(gone, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    int fd = connect_to(&fixture);
    char text[1024];
    send_text(fd, "GET / HTTP/1.1\r\n" HOST "\r\n");
    read_until(fd, "\r\n\r\n", text, sizeof(text));
    close(gone); /* a reset */
    /* Half-close: the answer still comes. */
    send_text(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    shutdown(fd, SHUT_WR);
    int other = connect_to(&fixture);
    char *answers;
    for (;;) {
        send_text(other, "GET /release HTTP/1.1\r\n" HOST "\r\n");
        read_until(other, "released", text, sizeof(text));
        ssize_t got = recv(fd, text, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got > 0) break;
    }
    read_all(fd, &answers);
    assert_non_null(strstr(answers, "held"));
    free(answers);
    close(fd);
    close(other);
    stop(&fixture);
    assert_int_equal(fixture.aborts, 1);
}

static void drains(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    fixture.closes = false;
    int idle = connect_to(&fixture), busy = connect_to(&fixture), releaser = connect_to(&fixture);
    char text[1024], *rest;
    send_text(idle, "GET / HTTP/1.1\r\n" HOST "\r\n");
    read_until(idle, "\r\n\r\n", text, sizeof(text));
    send_text(releaser, "GET /hold HTTP/1.1\r\n" HOST "\r\nPOST /release HTTP/1.1\r\n" HOST
                        "Content-Length: 1\r\n\r\n");
    send_text(busy, "GET /hold HTTP/1.1\r\n" HOST "\r\nGET /hold HTTP/1.1\r\n" HOST "\r\nPOST");
    send_text(idle, "GET / HTTP/1.1\r\n" HOST "\r\n"); /* answered behind what came before it */
    read_until(idle, "\r\n\r\n", text, sizeof(text));
    mtr_wakeup_send(fixture.ask);
    read_all(idle, &rest);
    assert_string_equal(rest, "");
    free(rest);
    send_text(releaser, "x");
    read_all(busy, &rest);
    assert_non_null(strstr(rest, "Connection: close"));
    free(rest);
    read_all(releaser, &rest);
    free(rest);
    close(idle);
    close(busy);
    close(releaser);
    join(&fixture);
}

static void refuses_bad_addresses(void **state)
{
    (void)state;
    struct mtr_loop *loop;
    struct mtr_http_server *server = NULL, *second = NULL;
    struct mtr_diagnostic diagnostic;
    struct mtr_http_handler handler = {.on_request = on_request};
    struct mtr_http_server_options options = mtr_http_server_defaults();
    assert_int_equal(mtr_loop_open(&loop), MTR_OK);
    options.address = "localhost";
    assert_int_equal(mtr_http_server_open(loop, &options, &handler, &server, &diagnostic), MTR_EINVALID);
    options.address = "127.0.0.1";
    assert_int_equal(mtr_http_server_open(loop, &options, &handler, &server, &diagnostic), MTR_OK);
    options.port = mtr_http_server_port(server);
    assert_int_equal(mtr_http_server_open(loop, &options, &handler, &second, &diagnostic), MTR_EEXISTS);
    assert_non_null(strstr(diagnostic.text, "address already in use"));
    mtr_http_server_close(server);
    mtr_loop_close(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order_of_answers),
        cmocka_unit_test(sends_what_is_large_whole),
        cmocka_unit_test(adds_headers_to_whatever_answer),
        cmocka_unit_test(shows_that_an_answer_broke_off),
        cmocka_unit_test(says_continue_at_once),
        cmocka_unit_test(waits_for_nobody),
        cmocka_unit_test(tells_that_a_peer_has_gone),
        cmocka_unit_test(tells_once_that_its_time_is_over),
        cmocka_unit_test(who_closes_one_side_may_still_be_answered),
        cmocka_unit_test(an_answer_that_has_begun_is_not_called_off),
        cmocka_unit_test(keeps_busy_connections),
        cmocka_unit_test(survives_peers_that_leave),
        cmocka_unit_test(drains),
        cmocka_unit_test(refuses_bad_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
