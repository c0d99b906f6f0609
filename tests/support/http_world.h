/*
 * An HTTP server on a thread of its own, and blocking clients on raw sockets: bytes in, statuses out.
 *
 * Timeouts of the server are a few milliseconds where a test waits for one, and every read waits for its
 * event, not for time.
 */
#ifndef METERD_TESTS_SUPPORT_HTTP_WORLD_H
#define METERD_TESTS_SUPPORT_HTTP_WORLD_H

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

enum {
    STREAM_PIECES = 4000,
    STREAM_PIECE_BYTES = 1000,
    LARGE_BYTES = 8 << 20,
    HELD_MAX = 8,
    ANSWER_BYTES_MAX = 16 << 20
};

struct fixture {
    struct mtr_loop *loop;
    struct mtr_http_server *server;
    struct mtr_wakeup *ask;
    pthread_t thread;
    struct mtr_http_request *held[HELD_MAX];
    unsigned held_count;
    unsigned pieces_left;
    unsigned aborts;
    unsigned left;      /* requests that on_leave was called for */
    bool answers_left;  /* there, the held ones */
    bool closes; /* what the wakeup does: close the server, or drain it */
};

static inline void answer(struct mtr_http_request *request, const char *text)
{
    mtr_http_respond_text(request, 200, "text/plain", mtr_str_from(text));
}

static inline void stream_more(void *context, struct mtr_http_request *request)
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

static inline void on_headers(void *context, struct mtr_http_request *request)
{
    (void)context;
    struct mtr_str path = mtr_http_request_path(request);
    const struct mtr_http_header added[] = {{MTR_STR("First"), MTR_STR("1")}, {MTR_STR("Second"), MTR_STR("two")}};
    if (mtr_str_starts_with(path, MTR_STR("/added"))) mtr_http_request_add_headers(request, added, 2);
    if (mtr_str_equal(path, MTR_STR("/added/limited"))) mtr_http_problem_after(request, 429, MTR_FINDING_REQUEST_LIMITED, MTR_STR("later"), 4294967295u);
    else if (mtr_str_equal(path, MTR_STR("/added/again"))) mtr_http_request_add_headers(request, added, 1);
    else if (mtr_str_equal(path, MTR_STR("/deny"))) mtr_http_problem(request, 401, MTR_FINDING_REQUEST_UNAUTHORIZED, MTR_STR("no key"));
    else if (mtr_str_equal(path, MTR_STR("/small"))) mtr_http_request_limit_body(request, 10);
}

static inline void answer_large(struct mtr_http_request *request)
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

static inline void on_request(void *context, struct mtr_http_request *request)
{
    struct fixture *fixture = context;
    struct mtr_str path = mtr_http_request_path(request);
    struct mtr_buffer body;
    mtr_http_request_take_body(request, &body);
    for (int i = 0; i < MTR_HTTP_BODY_PADDING_BYTES && body.size; i++)
        assert_int_equal(body.data[body.size + (size_t)i], 0);
    if (mtr_str_equal(path, MTR_STR("/hold")) && fixture->held_count < HELD_MAX) {
        fixture->held[fixture->held_count++] = request;
    } else if (mtr_str_equal(path, MTR_STR("/release"))) {
        answer(request, "released");
        /* the last first */
        while (fixture->held_count > 0) answer(fixture->held[--fixture->held_count], "held");
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
        snprintf(text, sizeof(text), "[%llu]",
                 (unsigned long long)mtr_http_server_stats(fixture->server).answer_bytes);
        answer(request, text);
    } else if (mtr_str_equal(path, MTR_STR("/left"))) {
        char text[40];
        snprintf(text, sizeof(text), "[%u]", fixture->left);
        answer(request, text);
    } else if (mtr_str_equal(path, MTR_STR("/large"))) {
        answer_large(request);
    } else {
        mtr_http_respond_text(request, 200, "text/plain", mtr_buffer_str(&body));
    }
    mtr_buffer_release(&body);
}

static inline void on_abort(void *context, struct mtr_http_request *request)
{
    (void)request;
    ((struct fixture *)context)->aborts++;
}

static inline void on_leave(void *context, struct mtr_http_request *request)
{
    struct fixture *fixture = context;
    fixture->left++;
    if (!fixture->answers_left) return;
    for (unsigned i = 0; i < fixture->held_count; i++)
        if (fixture->held[i] == request) fixture->held[i] = fixture->held[--fixture->held_count];
    answer(request, "called off");
}

static inline void on_drained(void *context)
{
    struct fixture *fixture = context;
    mtr_http_server_close(fixture->server);
    fixture->server = NULL;
    mtr_loop_stop(fixture->loop);
}

static inline void on_ask(void *context)
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

static inline void *run(void *context)
{
    mtr_loop_run(((struct fixture *)context)->loop);
    return NULL;
}

static inline struct mtr_http_server_options patient_options(void)
{
    struct mtr_http_server_options options = mtr_http_server_defaults();
    options.url_bytes_max = 200;
    options.header_bytes_max = 1000;
    options.body_bytes_max = 1 << 20;
    options.body_bytes_total_max = 4 << 20;
    options.header_timeout_ms = options.body_timeout_ms = options.idle_timeout_ms = options.send_timeout_ms =
        60000;
    return options;
}

static inline void start_with(struct fixture *fixture, struct mtr_http_server_options options,
                              bool answers_left)
{
    struct mtr_http_handler handler = {
        .on_headers = on_headers, .on_request = on_request, .on_abort = on_abort, .on_leave = on_leave,
        .context = fixture};
    struct mtr_diagnostic diagnostic;
    *fixture = (struct fixture){.closes = true, .answers_left = answers_left};
    assert_int_equal(mtr_loop_open(&fixture->loop), MTR_OK);
    assert_int_equal(mtr_wakeup_open(fixture->loop, true, on_ask, fixture, &fixture->ask), MTR_OK);
    assert_int_equal(mtr_http_server_open(fixture->loop, &options, &handler, &fixture->server, &diagnostic),
                     MTR_OK);
    assert_int_equal(pthread_create(&fixture->thread, NULL, run, fixture), 0);
}

static inline void start(struct fixture *fixture, struct mtr_http_server_options options)
{
    start_with(fixture, options, false);
}

static inline void join(struct fixture *fixture)
{
    pthread_join(fixture->thread, NULL);
    mtr_wakeup_close(fixture->ask);
    mtr_loop_close(fixture->loop);
}

static inline void stop(struct fixture *fixture)
{
    mtr_wakeup_send(fixture->ask);
    join(fixture);
}

static inline int connect_to(struct fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(mtr_http_server_port(fixture->server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval patience = {.tv_sec = 120};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void send_bytes(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0) return; /* refused half-way: the answer tells */
        data += sent;
        size -= (size_t)sent;
    }
}

static inline void send_text(int fd, const char *text)
{
    send_bytes(fd, text, strlen(text));
}

/* All until the peer closes. The caller frees *out. */
static inline size_t read_all(int fd, char **out)
{
    char *data = malloc(ANSWER_BYTES_MAX + 1);
    size_t size = 0;
    ssize_t got;
    assert_non_null(data);
    while (size < ANSWER_BYTES_MAX && (got = recv(fd, data + size, ANSWER_BYTES_MAX - size, 0)) > 0)
        size += (size_t)got;
    data[size] = '\0';
    *out = data;
    return size;
}

/* Up to and with `mark`. */
static inline void read_until(int fd, const char *mark, char *out, size_t capacity)
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
static inline void statuses(const char *text, char *out, size_t capacity)
{
    size_t used = 0;
    out[0] = '\0';
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 ")); at += 9)
        used += (size_t)snprintf(out + used, capacity - used, "%s%.3s", used ? " " : "", at + 9);
}

#define HOST "Host: a\r\n"
#define NEXT "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

#endif
