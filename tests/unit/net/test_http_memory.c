/*
 * Bounds of the HTTP server: readers that do not read, memory of answers and of bodies, connections.
 */
#include <poll.h>

#include "tests/support/http_world.h"

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
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(mtr_http_server_port(fixture->server))};
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
    /* pieces, however long the answer */
    for (int i = 0; i < 1000; i++) assert_true(answer_memory(probe) <= 256 << 10);
    close(fd);
    while (answer_memory(probe) > 0) continue;
    close(probe);
    stop(&fixture);
}

enum { ONE = 1, TWO = 2 };

static void holds_memory_of_answers_up_to_a_bound(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mtr_http_server_options options = patient_options();
    options.answer_bytes_total_max = 1000;
    start(&fixture, options);
    int probe = connect_to(&fixture);
    assert_true(mtr_http_answers_hold(fixture.server, ONE, 600));
    assert_false(mtr_http_answers_hold(fixture.server, ONE, 151)); /* three quarters, alone */
    assert_true(mtr_http_answers_hold(fixture.server, ONE, 150));
    assert_true(mtr_http_answers_hold(fixture.server, TWO, 100));
    assert_false(mtr_http_answers_hold(fixture.server, TWO, 100));
    assert_int_equal(answer_memory(probe), 850);
    mtr_http_answers_let_go(fixture.server, ONE, 750);
    mtr_http_answers_let_go(fixture.server, TWO, 100);
    assert_false(mtr_http_answers_hold(fixture.server, ONE, 1001));
    assert_int_equal(answer_memory(probe), 0);
    close(probe);
    stop(&fixture);
}

/* The server reset it: between two questions of this thread there may be more time than a reader has. */
static bool is_dropped(int fd)
{
    struct pollfd peer = {.fd = fd};
    return poll(&peer, 1, 0) == 1 && peer.revents & (POLLHUP | POLLERR);
}

/* It reads all the time, a byte after each answer that another connection gets: progress, but too little
 * of it. */
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
    while (answer_memory(probe) == 0 && !is_dropped(fd)) continue;
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
    options.body_bytes_total_max = 120000;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drops_readers_that_do_not_read),
        cmocka_unit_test(counts_the_memory_of_answers),
        cmocka_unit_test(holds_memory_of_answers_up_to_a_bound),
        cmocka_unit_test(drops_readers_that_are_too_slow),
        cmocka_unit_test(bounds_connections),
        cmocka_unit_test(bounds_the_memory_of_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
