/*
 * Answers that break off: whatever came of them, only one that is complete counts as an answer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meterd/net/http_client.h"

struct said {
    const char *answer;
    unsigned status; /* 0: it is none */
};

static const struct said table[] = {
    {"", 0},
    {"HTTP/1.1 20", 0},
    {"HTTP/1.1 200 OK", 0},
    {"HTTP/1.1 200 OK\r\n", 0},
    {"HTTP/1.1 200\r\ncontent-len", 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n", 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc", 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", 0},
    {"HTTP/1.1 100 Continue\r\n\r\n", 0},
    {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200", 0},
    {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n", 0},
    {"HTTP/1.1 409", 0},
    {"hello", 0},
    {"HTTP/1.1 204 No Content\r\n\r\n", 204},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 200},
    {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", 409},
    {"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200},
};

static void *serve(void *context)
{
    const int listener = *(const int *)context;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        char request[4096];
        size_t size = 0;
        const int fd = accept(listener, NULL, NULL);
        while (size < sizeof(request) - 1) {
            const ssize_t got = recv(fd, request + size, sizeof(request) - 1 - size, 0);
            if (got <= 0) break;
            size += (size_t)got;
            request[size] = '\0';
            if (strstr(request, "\r\n\r\n")) break;
        }
        (void)!send(fd, table[i].answer, strlen(table[i].answer), MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        while (recv(fd, request, sizeof(request), 0) > 0) {
        }
        close(fd);
    }
    return NULL;
}

static int listen_somewhere(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

struct asking {
    struct mtr_loop *loop;
    int error;
    unsigned status;
    char reason[MTR_HTTP_REASON_BYTES];
};

static void on_answer(void *context, struct mtr_http_answer *answer)
{
    struct asking *asking = context;
    asking->error = answer->error;
    asking->status = answer->status;
    snprintf(asking->reason, sizeof(asking->reason), "%s", answer->reason);
    mtr_loop_stop(asking->loop);
}

static void only_what_is_complete_is_an_answer(void **state)
{
    char url[64];
    uint16_t port;
    pthread_t thread;
    struct asking asking;
    struct mtr_http_client *client;
    const struct mtr_http_client_options options = {.transfers_max = 1};
    int listener = listen_somewhere(&port);
    (void)state;
    assert_int_equal(mtr_loop_open(&asking.loop), MTR_OK);
    assert_int_equal(mtr_http_client_open(asking.loop, &options, &client), MTR_OK);
    assert_int_equal(pthread_create(&thread, NULL, serve, &listener), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        const struct mtr_http_call call = {.url = url, .allow_loopback = true};
        assert_int_equal(mtr_http_client_send(client, &call, on_answer, &asking, NULL), MTR_OK);
        mtr_loop_run(asking.loop);
        const unsigned status = asking.error ? 0 : asking.status;
        if (status != table[i].status) fail_msg("%s: %u, %s", table[i].answer, status, asking.reason);
        if (asking.error) assert_true(asking.reason[0]);
    }
    pthread_join(thread, NULL);
    close(listener);
    mtr_http_client_close(client);
    mtr_loop_close(asking.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_what_is_complete_is_an_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
