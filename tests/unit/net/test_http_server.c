/*
 * The HTTP server against raw sockets: bytes in, status out. The server runs on its own thread; the tests are blocking clients.
 *
 * Timeouts of the server are a few milliseconds where a test waits for one, and every read waits for its event, not for time.
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
#include <sys/socket.h>
#include <unistd.h>

#include "meterd/net/http_server.h"
#include "meterd/net/loop.h"

enum { STREAM_PIECES = 4000, STREAM_PIECE_BYTES = 1000, LARGE_BYTES = 8 << 20, HELD_MAX = 8, ANSWER_BYTES_MAX = 16 << 20 };

struct fixture {
    struct mtr_loop *loop;
    struct mtr_http_server *server;
    struct mtr_wakeup *ask;
    pthread_t thread;
    struct mtr_http_request *held[HELD_MAX];
    unsigned held_count;
    unsigned pieces_left;
    unsigned aborts;
    bool closes; /* what the wakeup does: close the server, or drain it */
};

static void answer(struct mtr_http_request *request, const char *text)
{
    mtr_http_respond_text(request, 200, "text/plain", mtr_str_from(text));
}

static void stream_more(void *context, struct mtr_http_request *request)
{
    struct fixture *fixture = context;
    static const char piece[STREAM_PIECE_BYTES];
    while (fixture->pieces_left > 0) {
        fixture->pieces_left--;
        int rc = mtr_http_respond_chunk(request, (struct mtr_str){piece, sizeof(piece)});
        if (rc == MTR_EAGAIN) return;
        if (rc) break;
    }
    mtr_http_respond_end(request);
}

static void on_headers(void *context, struct mtr_http_request *request)
{
    (void)context;
    struct mtr_str path = mtr_http_request_path(request);
    if (mtr_str_equal(path, MTR_STR("/deny"))) mtr_http_problem(request, 401, NULL, MTR_STR("no key"));
    else if (mtr_str_equal(path, MTR_STR("/small"))) mtr_http_request_limit_body(request, 10);
}

static void answer_large(struct mtr_http_request *request)
{
    struct mtr_buffer body;
    mtr_buffer_init(&body, LARGE_BYTES);
    assert_int_equal(mtr_buffer_reserve(&body, LARGE_BYTES), MTR_OK);
    memset(body.data, 'x', LARGE_BYTES);
    body.size = LARGE_BYTES;
    mtr_http_respond(request, 200, NULL, 0, &body);
    assert_int_equal(body.size, 0);
    mtr_buffer_release(&body);
}

static void on_request(void *context, struct mtr_http_request *request)
{
    struct fixture *fixture = context;
    struct mtr_str path = mtr_http_request_path(request), body = mtr_http_request_body(request);
    for (int i = 0; i < MTR_HTTP_BODY_PADDING_BYTES; i++) assert_int_equal(body.data[body.size + (size_t)i], 0);
    if (mtr_str_equal(path, MTR_STR("/hold")) && fixture->held_count < HELD_MAX) {
        fixture->held[fixture->held_count++] = request;
    } else if (mtr_str_equal(path, MTR_STR("/release"))) {
        answer(request, "released");
        while (fixture->held_count > 0) answer(fixture->held[--fixture->held_count], "held"); /* the last first */
    } else if (mtr_str_equal(path, MTR_STR("/stream")) || mtr_str_equal(path, MTR_STR("/endless"))) {
        fixture->pieces_left = path.size == 7 ? STREAM_PIECES : 1000000000;
        mtr_http_respond_begin(request, 200, NULL, 0, stream_more, fixture);
        stream_more(fixture, request);
    } else if (mtr_str_equal(path, MTR_STR("/broken"))) {
        mtr_http_respond_begin(request, 200, NULL, 0, NULL, NULL);
        assert_int_equal(mtr_http_respond_chunk(request, MTR_STR("half")), MTR_OK);
        mtr_http_respond_abort(request);
    } else if (mtr_str_equal(path, MTR_STR("/memory"))) {
        char text[40];
        snprintf(text, sizeof(text), "[%llu]", (unsigned long long)mtr_http_server_stats(fixture->server).answer_bytes);
        answer(request, text);
    } else if (mtr_str_equal(path, MTR_STR("/large"))) {
        answer_large(request);
    } else if (mtr_str_equal(path, MTR_STR("/take"))) {
        struct mtr_buffer taken;
        mtr_http_request_take_body(request, &taken);
        mtr_http_respond_text(request, 200, "text/plain", mtr_buffer_str(&taken));
        mtr_buffer_release(&taken);
    } else {
        mtr_http_respond_text(request, 200, "text/plain", body);
    }
}

static void on_abort(void *context, struct mtr_http_request *request)
{
    (void)request;
    ((struct fixture *)context)->aborts++;
}

static void on_drained(void *context)
{
    struct fixture *fixture = context;
    mtr_http_server_close(fixture->server);
    fixture->server = NULL;
    mtr_loop_stop(fixture->loop);
}

static void on_ask(void *context)
{
    struct fixture *fixture = context;
    if (fixture->closes) {
        mtr_http_server_close(fixture->server);
        fixture->server = NULL;
        while (fixture->held_count > 0) answer(fixture->held[--fixture->held_count], "to nobody");
        mtr_loop_stop(fixture->loop);
    } else {
        mtr_http_server_drain(fixture->server, 60000, on_drained, fixture);
    }
}

static void *run(void *context)
{
    mtr_loop_run(((struct fixture *)context)->loop);
    return NULL;
}

static struct mtr_http_server_options patient_options(void)
{
    struct mtr_http_server_options options = mtr_http_server_defaults();
    options.url_bytes_max = 200;
    options.header_bytes_max = 1000;
    options.body_bytes_max = 1 << 20;
    options.body_bytes_total_max = 4 << 20;
    options.header_timeout_ms = options.body_timeout_ms = options.idle_timeout_ms = options.send_timeout_ms = 60000;
    return options;
}

static void start(struct fixture *fixture, struct mtr_http_server_options options)
{
    struct mtr_http_handler handler = {on_headers, on_request, on_abort, fixture};
    struct mtr_diagnostic diagnostic;
    *fixture = (struct fixture){.closes = true};
    assert_int_equal(mtr_loop_open(&fixture->loop), MTR_OK);
    assert_int_equal(mtr_wakeup_open(fixture->loop, true, on_ask, fixture, &fixture->ask), MTR_OK);
    assert_int_equal(mtr_http_server_open(fixture->loop, &options, &handler, &fixture->server, &diagnostic), MTR_OK);
    assert_int_equal(pthread_create(&fixture->thread, NULL, run, fixture), 0);
}

static void join(struct fixture *fixture)
{
    pthread_join(fixture->thread, NULL);
    mtr_wakeup_close(fixture->ask);
    mtr_loop_close(fixture->loop);
}

static void stop(struct fixture *fixture)
{
    mtr_wakeup_send(fixture->ask);
    join(fixture);
}

static int connect_to(struct fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(mtr_http_server_port(fixture->server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval patience = {.tv_sec = 20};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_bytes(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0) return; /* refused half-way: the answer tells */
        data += sent;
        size -= (size_t)sent;
    }
}

static void send_text(int fd, const char *text)
{
    send_bytes(fd, text, strlen(text));
}

/* All until the peer closes. The caller frees *out. */
static size_t read_all(int fd, char **out)
{
    char *data = malloc(ANSWER_BYTES_MAX + 1);
    size_t size = 0;
    ssize_t got;
    assert_non_null(data);
    while (size < ANSWER_BYTES_MAX && (got = recv(fd, data + size, ANSWER_BYTES_MAX - size, 0)) > 0) size += (size_t)got;
    data[size] = '\0';
    *out = data;
    return size;
}

/* Up to and with `mark`. */
static void read_until(int fd, const char *mark, char *out, size_t capacity)
{
    size_t size = 0;
    out[0] = '\0';
    while (size + 1 < capacity && !strstr(out, mark)) {
        ssize_t got = recv(fd, out + size, 1, 0);
        assert_true(got > 0);
        out[++size] = '\0';
    }
    assert_non_null(strstr(out, mark));
}

/* "200 200 400": the statuses of all answers in the text. */
static void statuses(const char *text, char *out, size_t capacity)
{
    size_t used = 0;
    out[0] = '\0';
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 ")); at += 9)
        used += (size_t)snprintf(out + used, capacity - used, "%s%.3s", used ? " " : "", at + 9);
}

#define HOST "Host: a\r\n"
#define NEXT "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static const struct {
    const char *what;
    const char *bytes;
    const char *statuses;
} table[] = {
    {"plain", NEXT, "200"},
    {"two, pipelined", "GET /a HTTP/1.1\r\n" HOST "\r\n" NEXT, "200 200"},
    {"empty lines before", "\r\n\r\n" NEXT, "200"},
    {"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n" NEXT, "200"},
    {"HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" NEXT, "200 200"},
    {"nothing read behind close", NEXT NEXT, "200"},
    {"body by length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" NEXT, "200 200"},
    {"body in chunks", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" NEXT, "200 200"},
    {"chunk extension", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n" NEXT, "200 200"},
    {"trailer", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n" NEXT, "200 200"},
    {"upgrade is ignored", "GET / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" NEXT, "200 200"},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n" NEXT, "200 200"},
    {"empty Host", "GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", "200"},
    {"early refusal without body goes on", "GET /deny HTTP/1.1\r\n" HOST "\r\n" NEXT, "401 200"},
    {"early refusal with body closes", "POST /deny HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" NEXT, "401"},
    {"own limit kept", "POST /small HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n0123456789" NEXT, "200 200"},
    {"own limit by length", "POST /small HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n", "413"},
    {"own limit by chunks", "POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n", "413"},
    {"too large", "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\n", "413"},
    {"unknown expectation", "POST / HTTP/1.1\r\n" HOST "Expect: tea\r\nContent-Length: 1\r\n\r\na", "417"},
    {"expectation with the body behind it", "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na" NEXT, "200 200|100 200 200"},
    {"missing Host", "GET / HTTP/1.1\r\n\r\n", "400"},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"},
    {"malformed Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"},
    {"folded header", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", "400"},
    {"folded with a tab", "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", "400"},
    {"blank before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400"},
    {"bare LF", "GET / HTTP/1.1\nHost: a\n\n", "400"},
    {"one bare LF", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "400"},
    {"bare CR in a header", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "400"},
    {"blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
    {"header without colon", "GET / HTTP/1.1\r\n" HOST "nonsense\r\n\r\n", "400"},
    {"two equal lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "400"},
    {"two lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", "400"},
    {"list of lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\na", "400"},
    {"length and chunks", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
    {"chunks and length", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "400"},
    {"signed length", "POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\na", "400"},
    {"negative length", "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\na", "400"},
    {"hexadecimal length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\na", "400"},
    {"empty length", "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", "400"},
    {"endless length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", "400"},
    {"two codings", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
    {"chunked twice", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
    {"chunked not last", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400|501"},
    {"identity coding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", "400|501"},
    {"almost chunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400|501"},
    {"chunked by vertical tab", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n", "400|501"},
    {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
    {"bad chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nx\r\n", "400"},
    {"signed chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", "400"},
    {"prefixed chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", "400"},
    {"huge chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na", "400"},
    {"chunk longer than its size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "400"},
    {"bare LF behind a chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", "400"},
    {"NUL in a header", NULL, "400"},
    {"unknown method", "BREW / HTTP/1.1\r\n" HOST "\r\n", "501"},
    {"CONNECT", "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", "501"},
    {"absolute target", "GET http://a/ HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"target without slash", "GET a HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"fragment", "GET /#a HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "501|505|400"},
    {"HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", "505"},
    {"HTTP/0.9", "GET /\r\n\r\n", "400|505"},
    {"no HTTP", "hello\r\n\r\n", "400|501"},
    {"two authorizations", "GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: b\r\n\r\n", "400"},
};

static void assert_statuses(const char *what, const char *bytes, size_t size, size_t piece, const char *wanted, struct fixture *fixture)
{
    char found[128], *text;
    int fd = connect_to(fixture);
    for (size_t at = 0; at < size; at += piece) send_bytes(fd, bytes + at, size - at < piece ? size - at : piece);
    read_all(fd, &text);
    close(fd);
    statuses(text, found, sizeof(found));
    const char *match = strstr(wanted, found);
    if (!found[0] || !match || (!strchr(wanted, '|') && strcmp(found, wanted) != 0)) {
        printf("%s (pieces of %zu): wanted %s, got \"%s\" from:\n%s\n", what, piece, wanted, found, text);
        fail();
    }
    free(text);
}

static void answers_hostile_bytes(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    static const char nul[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *bytes = table[i].bytes ? table[i].bytes : nul;
        size_t size = table[i].bytes ? strlen(bytes) : sizeof(nul) - 1;
        assert_statuses(table[i].what, bytes, size, size, table[i].statuses, &fixture);
        assert_statuses(table[i].what, bytes, size, 1, table[i].statuses, &fixture);
    }
    stop(&fixture);
}

static void bounds_what_it_reads(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    struct mtr_buffer bytes;
    mtr_buffer_init(&bytes, 1 << 20);
    char *many = malloc(4001);
    memset(many, 'a', 4000);
    many[4000] = '\0';
    assert_int_equal(mtr_buffer_printf(&bytes, "GET /%.201s HTTP/1.1\r\n" HOST "\r\n", many), 0);
    assert_statuses("long URL", bytes.data, bytes.size, bytes.size, "414", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(mtr_buffer_printf(&bytes, "GET /%s", many), 0);
    assert_statuses("endless URL", bytes.data, bytes.size, bytes.size, "414", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(mtr_buffer_printf(&bytes, "GET / HTTP/1.1\r\n" HOST "X: %s", many), 0);
    assert_statuses("endless header", bytes.data, bytes.size, bytes.size, "431", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(mtr_buffer_printf(&bytes, "GET / HTTP/1.1\r\n" HOST), 0);
    for (int i = 0; i < MTR_HTTP_HEADERS_MAX; i++) assert_int_equal(mtr_buffer_printf(&bytes, "a:b\r\n"), 0);
    assert_int_equal(mtr_buffer_printf(&bytes, "\r\n"), 0);
    assert_statuses("too many headers", bytes.data, bytes.size, bytes.size, "431", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(mtr_buffer_printf(&bytes, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;%s", many), 0);
    assert_statuses("endless chunk extension", bytes.data, bytes.size, bytes.size, "400", &fixture);
    mtr_buffer_reset(&bytes);
    memset(many, '0', 4000);
    assert_int_equal(mtr_buffer_printf(&bytes, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%s", many), 0);
    assert_statuses("endless chunk size", bytes.data, bytes.size, bytes.size, "400", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(mtr_buffer_printf(&bytes, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: %s", many), 0);
    assert_statuses("endless trailer", bytes.data, bytes.size, bytes.size, "400", &fixture);
    free(many);
    mtr_buffer_release(&bytes);
    stop(&fixture);
}

static void keeps_the_order_of_answers(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    int fd = connect_to(&fixture);
    send_text(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\nGET /hold HTTP/1.1\r\n" HOST "\r\nGET /stream HTTP/1.1\r\n" HOST "\r\n"
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
    send_text(fd, "GET /large HTTP/1.1\r\n" HOST "\r\nHEAD /large HTTP/1.1\r\n" HOST "\r\nGET /stream HTTP/1.0\r\n\r\n");
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

static void waits_for_nobody(void **state)
{
    (void)state;
    struct fixture fixture;
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
        struct mtr_http_server_options options = patient_options();
        options.header_timeout_ms = options.body_timeout_ms = options.idle_timeout_ms = options.request_timeout_ms = 40;
        start(&fixture, options);
        char found[64], *text;
        int fd = connect_to(&fixture);
        send_text(fd, rows[i].bytes);
        read_all(fd, &text); /* the server ends it */
        statuses(text, found, sizeof(found));
        if (strcmp(found, rows[i].statuses) != 0) printf("%s: %s\n", rows[i].what, text);
        assert_string_equal(found, rows[i].statuses);
        free(text);
        close(fd);
        stop(&fixture);
    }
}

static void keeps_busy_connections(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mtr_http_server_options options = patient_options();
    options.header_timeout_ms = 40; /* a sweep of deadlines every 5 ms, between any two steps of the requests below */
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

static void drops_readers_that_do_not_read(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mtr_http_server_options options = patient_options();
    options.send_timeout_ms = 40;
    start(&fixture, options);
    int fd = connect_to(&fixture);
    send_text(fd, "GET /endless HTTP/1.1\r\n" HOST "\r\n");
    /* The server gives up when nothing leaves; then sending fails. */
    char byte = 'x';
    while (send(fd, &byte, 1, MSG_NOSIGNAL) == 1) {
        char seen;
        if (recv(fd, &seen, 1, MSG_PEEK | MSG_DONTWAIT) == 0) break;
    }
    close(fd);
    stop(&fixture);
    assert_int_equal(fixture.held_count, 0);
}

/* What answers hold now, asked over a connection of its own. */
static uint64_t answer_memory(int fd)
{
    char text[1024];
    send_text(fd, "GET /memory HTTP/1.1\r\n" HOST "\r\n");
    read_until(fd, "]", text, sizeof(text));
    return strtoull(strchr(text, '[') + 1, NULL, 10);
}

static int connect_with_small_window(struct fixture *fixture)
{
    const int bytes = 4096;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(mtr_http_server_port(fixture->server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void counts_the_memory_of_answers(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    int fd = connect_with_small_window(&fixture), probe = connect_to(&fixture);
    assert_int_equal(answer_memory(probe), 0);
    send_text(fd, "GET /large HTTP/1.1\r\n" HOST "\r\n");
    while (answer_memory(probe) < LARGE_BYTES) continue; /* until the whole of it waits */
    close(fd);
    while (answer_memory(probe) > 0) continue; /* until the server has seen that nobody reads it */
    fd = connect_with_small_window(&fixture);
    send_text(fd, "GET /endless HTTP/1.1\r\n" HOST "\r\n");
    while (answer_memory(probe) == 0) continue;
    for (int i = 0; i < 1000; i++) assert_true(answer_memory(probe) <= 256 << 10); /* pieces, however long the answer */
    close(fd);
    while (answer_memory(probe) > 0) continue;
    close(probe);
    stop(&fixture);
}

static void holds_memory_of_answers_up_to_a_bound(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mtr_http_server_options options = patient_options();
    options.answer_bytes_total_max = 1000;
    start(&fixture, options);
    int probe = connect_to(&fixture);
    assert_true(mtr_http_answers_hold(fixture.server, 600));
    assert_false(mtr_http_answers_hold(fixture.server, 401));
    assert_true(mtr_http_answers_hold(fixture.server, 400));
    assert_false(mtr_http_answers_hold(fixture.server, 1));
    assert_int_equal(answer_memory(probe), 1000);
    mtr_http_answers_let_go(fixture.server, 1000);
    assert_false(mtr_http_answers_hold(fixture.server, 1001));
    assert_int_equal(answer_memory(probe), 0);
    close(probe);
    stop(&fixture);
}

/* It reads all the time, a byte after each answer that another connection gets: progress, but too little of it. */
static void drops_readers_that_are_too_slow(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mtr_http_server_options options = patient_options();
    options.send_timeout_ms = 100;
    options.send_rate_min = 64 << 20;
    start(&fixture, options);
    int fd = connect_with_small_window(&fixture), probe = connect_to(&fixture);
    char byte;
    send_text(fd, "GET /large HTTP/1.1\r\n" HOST "\r\n");
    while (answer_memory(probe) == 0) continue;
    size_t taken = 0;
    while (answer_memory(probe) > 0) taken += recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
    assert_true(taken < LARGE_BYTES / 2);
    close(fd);
    close(probe);
    stop(&fixture);
}

static void bounds_connections(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mtr_http_server_options options = patient_options();
    options.connections_max = 2;
    start(&fixture, options);
    int first = connect_to(&fixture), second = connect_to(&fixture);
    char text[1024], *refused;
    send_text(first, "GET / HTTP/1.1\r\n" HOST "\r\n");
    read_until(first, "\r\n\r\n", text, sizeof(text));
    send_text(second, "GET / HTTP/1.1\r\n" HOST "\r\n");
    read_until(second, "\r\n\r\n", text, sizeof(text));
    int third = connect_to(&fixture);
    read_all(third, &refused);
    assert_non_null(strstr(refused, "503"));
    char *body = strstr(refused, "\r\n\r\n") + 4;
    char length[40];
    snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body));
    assert_non_null(strstr(refused, length));
    free(refused);
    close(third);
    close(first);
    close(second);
    stop(&fixture);
}

static void bounds_the_memory_of_bodies(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mtr_http_server_options options = patient_options();
    options.body_bytes_total_max = 100000;
    start(&fixture, options);
    char *filler = calloc(1, 90000), *text;
    int first = connect_to(&fixture), second = connect_to(&fixture);
    send_text(first, "POST /hold HTTP/1.1\r\n" HOST "Content-Length: 80000\r\n\r\n");
    send_bytes(first, filler, 80000);
    char head[512];
    int probe = connect_to(&fixture); /* once this is answered with 503, the first one's memory is counted */
    for (;;) {
        send_text(probe, "POST / HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n");
        send_bytes(probe, filler, 60000);
        read_until(probe, "\r\n\r\n", head, sizeof(head));
        if (strstr(head, " 503 ")) break;
        char *rest = malloc(60000);
        assert_int_equal(recv(probe, rest, 60000, MSG_WAITALL), 60000);
        free(rest);
    }
    assert_non_null(strstr(head, "Retry-After: 1\r\n"));
    close(probe);
    send_text(second, "GET /release HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    read_all(second, &text);
    free(text);
    close(second);
    read_until(first, "held", head, sizeof(head));
    int last = connect_to(&fixture);
    send_text(last, "POST / HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Length: 80000\r\n\r\n");
    send_bytes(last, filler, 80000);
    read_all(last, &text);
    assert_memory_equal(text, "HTTP/1.1 200", 12);
    free(text);
    free(filler);
    close(first);
    close(last);
    stop(&fixture);
}

static void survives_peers_that_leave(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    int gone = connect_to(&fixture);
    send_text(gone, "GET /hold HTTP/1.1\r\n" HOST "\r\nPOST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhalf");
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
    send_text(releaser, "GET /hold HTTP/1.1\r\n" HOST "\r\nPOST /release HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n");
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
        cmocka_unit_test(answers_hostile_bytes),     cmocka_unit_test(bounds_what_it_reads),
        cmocka_unit_test(keeps_the_order_of_answers), cmocka_unit_test(sends_what_is_large_whole),
        cmocka_unit_test(shows_that_an_answer_broke_off), cmocka_unit_test(says_continue_at_once),
        cmocka_unit_test(waits_for_nobody),          cmocka_unit_test(keeps_busy_connections),
        cmocka_unit_test(drops_readers_that_do_not_read), cmocka_unit_test(drops_readers_that_are_too_slow),
        cmocka_unit_test(counts_the_memory_of_answers), cmocka_unit_test(holds_memory_of_answers_up_to_a_bound),
        cmocka_unit_test(bounds_connections),        cmocka_unit_test(bounds_the_memory_of_bodies),
        cmocka_unit_test(survives_peers_that_leave), cmocka_unit_test(drains),
        cmocka_unit_test(refuses_bad_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
