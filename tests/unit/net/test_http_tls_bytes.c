/*
 * HTTP by TLS: the same however the bytes are cut, how large they are and how slowly they are read; hostile ones; and how it ends.
 */
#include "tests/support/tls/tls_world.h"

#include <poll.h>

#include "tests/support/random.h"

enum { BODY_BYTES = 3 << 20, STRANGERS = 1000 };

static struct random_source seeded(void)
{
    const char *given = getenv("METERD_SEED");
    const uint64_t seed = given ? strtoull(given, NULL, 10) : 11;
    printf("METERD_SEED=%llu\n", (unsigned long long)seed);
    return (struct random_source){seed};
}

static void answers_however_the_bytes_are_cut(void **state)
{
    (void)state;
    static const size_t pieces[] = {0, 1, 2, 5, 6, 7, 100, 1000};
    struct world world;
    begin(&world, patient_options(), open_tls(&server, NULL));
    for (size_t v = 0; v < 2; v++) {
        SSL_CTX *context = trusting(versions[v]);
        for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
            char found[64], *text;
            text = ask(&world, context, pieces[i],
                       "POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"
                       "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" NEXT);
            statuses(text, found, sizeof(found));
            assert_string_equal(found, "200 200 200");
            assert_non_null(strstr(text, "hello"));
            free(text);
        }
        SSL_CTX_free(context);
    }
    assert_int_equal(world.failures, 0);
    end(&world);
}

/* Records as small as one byte of plain text, each answered for what it is. */
static void takes_the_smallest_records(void **state)
{
    (void)state;
    static const char request[] = GET("/who");
    struct world world;
    struct tls_peer peer;
    char text[1024] = {0};
    SSL_CTX *context = trusting(TLS1_3_VERSION);
    begin(&world, patient_options(), open_tls(&server, NULL));
    meet(&peer, &world, context, 0);
    for (size_t i = 0; i < sizeof(request) - 1; i++) tls_peer_say(&peer, request + i, 1);
    tls_peer_read(&peer, text, sizeof(text) - 1);
    assert_non_null(strstr(text, "HTTP/1.1 200 OK"));
    tls_peer_free(&peer);
    SSL_CTX_free(context);
    end(&world);
}

/* A ticket that the first request brought is good for one more handshake, until certificate or signers are others. */
static void large_bodies_go_both_ways(void **state)
{
    (void)state;
    struct world world;
    struct tls_peer peer;
    struct mtr_http_server_options options = patient_options();
    char head[128], *body = malloc(BODY_BYTES), *text = malloc(BODY_BYTES + 1024);
    SSL_CTX *context = trusting(TLS1_3_VERSION);
    options.body_bytes_max = BODY_BYTES;
    options.body_bytes_total_max = 2 * BODY_BYTES;
    begin(&world, options, open_tls(&server, NULL));
    for (size_t i = 0; i < BODY_BYTES; i++) body[i] = (char)(i * 2654435761u >> 24);
    meet(&peer, &world, context, 0);
    snprintf(head, sizeof(head), "POST / HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Length: %d\r\n\r\n", BODY_BYTES);
    tls_peer_say(&peer, head, strlen(head));
    tls_peer_say(&peer, body, BODY_BYTES);
    const size_t size = tls_peer_read(&peer, text, BODY_BYTES + 1024);
    assert_int_equal(peer.error, SSL_ERROR_ZERO_RETURN);
    assert_true(size > BODY_BYTES);
    assert_memory_equal(text + size - BODY_BYTES, body, BODY_BYTES);
    tls_peer_free(&peer);
    free(body);
    free(text);
    SSL_CTX_free(context);
    end(&world);
}

/* A stream and a large answer, read in small pieces: each byte comes, and a long one is not held as ciphertext. */
static void slow_readers_get_all_of_it(void **state)
{
    (void)state;
    struct world world;
    struct tls_peer peer;
    char *text = malloc(ANSWER_BYTES_MAX);
    SSL_CTX *context = trusting(TLS1_3_VERSION);
    begin(&world, patient_options(), open_tls(&server, NULL));
    static const char *const requests[] = {GET("/large"), GET("/stream")};
    for (size_t i = 0; i < 2; i++) {
        meet(&peer, &world, context, 0);
        peer.read_bytes = 700;
        tls_peer_say(&peer, requests[i], strlen(requests[i]));
        const size_t size = tls_peer_read(&peer, text, ANSWER_BYTES_MAX);
        assert_int_equal(peer.error, SSL_ERROR_ZERO_RETURN);
        assert_true(size > (i ? (size_t)STREAM_PIECES * STREAM_PIECE_BYTES : (size_t)LARGE_BYTES));
        if (i) assert_memory_equal(text + size - 5, "0\r\n\r\n", 5);
        tls_peer_free(&peer);
    }
    meet(&peer, &world, context, 0); /* who does not read at all: one piece of ciphertext beside what was made */
    tls_peer_say(&peer, GET("/large"), sizeof(GET("/large")) - 1);
    unsigned long long open = 0, held = 0;
    for (int looks = 0; looks < 1000 && held < LARGE_BYTES; looks++) {
        char *counts = ask(&world, context, 0, GET("/counts"));
        assert_int_equal(sscanf(strchr(counts, '['), "[%llu open, %llu held]", &open, &held), 2);
        free(counts);
    }
    assert_in_range(held, LARGE_BYTES, LARGE_BYTES + (512 << 10));
    tls_peer_free(&peer);
    free(text);
    SSL_CTX_free(context);
    end(&world);
}

/* More requests than the queue takes, in few records: what waits is kept as ciphertext, and its turn comes. */
static void a_full_queue_waits(void **state)
{
    (void)state;
    enum { REQUESTS = 400 };
    struct world world;
    struct mtr_http_server_options options = patient_options();
    struct mtr_buffer requests;
    char found[REQUESTS * 4 + 8];
    SSL_CTX *context = trusting(TLS1_3_VERSION);
    options.pipeline_max = 2;
    begin(&world, options, open_tls(&server, NULL));
    mtr_buffer_init(&requests, 1 << 20);
    for (int i = 0; i < REQUESTS; i++)
        assert_int_equal(mtr_buffer_printf(&requests, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1200\r\n%s\r\n%*d",
                                           i == REQUESTS - 1 ? "Connection: close\r\n" : "", 1200, i), MTR_OK);
    assert_int_equal(mtr_buffer_append_char(&requests, '\0'), MTR_OK);
    for (size_t piece = 0; piece <= 1000; piece += 1000) {
        char *text = ask(&world, context, piece, requests.data);
        statuses(text, found, sizeof(found));
        assert_int_equal(strlen(found), REQUESTS * 4 - 1);
        for (int i = 0; i < REQUESTS; i++) assert_memory_equal(found + 4 * i, "200", 3);
        const char *last = text + strlen(text) - 5;
        assert_string_equal(last, "  399");
        free(text);
    }
    mtr_buffer_release(&requests);
    SSL_CTX_free(context);
    end(&world);
}

static void ends_are_told_apart(void **state)
{
    (void)state;
    struct world world;
    struct tls_peer peer;
    char text[512] = {0};
    SSL_CTX *context = trusting(TLS1_3_VERSION);
    begin(&world, patient_options(), open_tls(&server, NULL));
    meet(&peer, &world, context, 0); /* it has said all, and wants to hear the rest */
    tls_peer_say(&peer, "GET /hold HTTP/1.1\r\n" HOST "\r\n", 20 + sizeof(HOST) + 1);
    SSL_shutdown(peer.ssl);
    tls_peer_flush(&peer);
    expect(&world, context, GET("/release"), "released");
    tls_peer_read(&peer, text, sizeof(text) - 1);
    assert_non_null(strstr(text, "held"));
    tls_peer_free(&peer);
    meet(&peer, &world, context, 0); /* an answer that breaks off, and would end with its connection */
    tls_peer_say(&peer, "GET /broken HTTP/1.0\r\n\r\n", 24);
    tls_peer_read(&peer, text, sizeof(text) - 1);
    assert_int_not_equal(peer.error, SSL_ERROR_ZERO_RETURN);
    tls_peer_free(&peer);
    SSL_CTX_free(context);
    end(&world);
}

static void http_in_the_clear_is_told_so(void **state)
{
    (void)state;
    struct world world;
    char *text;
    begin(&world, patient_options(), open_tls(&server, NULL));
    for (size_t piece = 1; piece < 100; piece += 98) {
        static const char request[] = NEXT;
        int fd = connect_to(&world.fixture);
        for (size_t at = 0; at < sizeof(request) - 1; at += piece)
            send_bytes(fd, request + at, sizeof(request) - 1 - at < piece ? sizeof(request) - 1 - at : piece);
        const size_t size = read_all(fd, &text);
        close(fd);
        const char *body = strstr(text, "\r\n\r\n");
        assert_non_null(strstr(text, "HTTP/1.1 400 Bad Request\r\n"));
        assert_non_null(strstr(text, "this port speaks TLS"));
        assert_non_null(strstr(text, "Content-Length: 138\r\n"));
        assert_int_equal(text + size - (body + 4), 138);
        free(text);
    }
    assert_int_equal(world.failures, 2);
    assert_string_equal(world.failure, "it speaks HTTP in the clear");
    end(&world);
}

/* Bytes at random, in the place of a handshake and behind one: an alert or silence, then the end; others are answered. */
static void garbage_ends_its_connection(void **state)
{
    (void)state;
    struct world world;
    struct tls_peer peer;
    char bytes[600], *text;
    struct random_source random = seeded();
    SSL_CTX *context = trusting(TLS1_3_VERSION);
    begin(&world, patient_options(), open_tls(&server, NULL));
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (char)random_below(&random, 256);
        if (round % 2) memcpy(bytes, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11); /* as a first message begins */
        if (round % 4 == 0) bytes[0] = 'a';
        if (round % 3 == 0) {
            meet(&peer, &world, context, 0);
            send_bytes(peer.fd, bytes, sizeof(bytes));
            shutdown(peer.fd, SHUT_WR);
            read_all(peer.fd, &text);
            tls_peer_free(&peer);
        } else {
            int fd = connect_to(&world.fixture);
            send_bytes(fd, bytes, sizeof(bytes));
            shutdown(fd, SHUT_WR);
            read_all(fd, &text);
            close(fd);
        }
        free(text);
    }
    expect(&world, context, GET("/who"), "HTTP/1.1 200 OK");
    assert_true(world.failures > 100);
    SSL_CTX_free(context);
    end(&world);
}

/* Handshakes that stop at every place, and leave, by a reset or not: nothing of them stays. */
static void strangers_leave_nothing(void **state)
{
    (void)state;
    struct world world;
    struct random_source random = seeded();
    SSL_CTX *context = trusting(TLS1_3_VERSION);
    begin(&world, patient_options(), open_tls(&server, NULL));
    for (int i = 0; i < STRANGERS; i++) {
        struct tls_peer peer;
        const struct linger reset = {.l_onoff = 1, .l_linger = 0};
        dial(&peer, &world, context, 1 + random_below(&random, 300));
        char *hello;
        SSL_do_handshake(peer.ssl);
        const size_t size = (size_t)BIO_get_mem_data(peer.out, &hello);
        switch (i % 4) {
        case 0: send_bytes(peer.fd, hello, random_below(&random, size)); break;
        case 1: tls_peer_flush(&peer); break; /* and does not listen */
        case 2: tls_peer_flush(&peer); tls_peer_hear(&peer); break;
        default: assert_true(tls_peer_shake(&peer)); break;
        }
        if (random_below(&random, 2)) setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        tls_peer_free(&peer);
    }
    unsigned long long open = 2, held = 0;
    while (open > 1 || held > 1024) { /* its last ends are heard of in their time */
        char *text = ask(&world, context, 0, GET("/counts"));
        assert_int_equal(sscanf(strchr(text, '['), "[%llu open, %llu held]", &open, &held), 2);
        free(text);
    }
    SSL_CTX_free(context);
    end(&world);
}

enum { CROWD = 60 };

static struct tls_peer crowd[CROWD];
static unsigned answered, most_in_a_turn;

static void count_answered(struct world *world)
{
    unsigned count = 0;
    for (int i = 0; i < CROWD; i++) {
        struct pollfd one = {.fd = crowd[i].fd, .events = POLLIN};
        count += poll(&one, 1, 0) == 1;
    }
    if (count - answered > most_in_a_turn) most_in_a_turn = count - answered;
    answered = count;
    if (count < CROWD) return;
    world->on_turn = NULL;
    sem_post(&world->paused);
}

/* Who comes at once is answered a few at a time, so that others are, too. */
static void a_crowd_waits_for_its_turn(void **state)
{
    (void)state;
    struct world world;
    struct tls_peer first;
    char text[256] = {0};
    SSL_CTX *context = trusting(TLS1_3_VERSION);
    begin(&world, patient_options(), open_tls(&server, NULL));
    world.on_turn = count_answered;
    meet(&first, &world, context, 0);
    tls_peer_say(&first, GET("/pause"), sizeof(GET("/pause")) - 1);
    sem_wait(&world.paused);
    for (int i = 0; i < CROWD; i++) {
        dial(&crowd[i], &world, context, 0);
        SSL_do_handshake(crowd[i].ssl);
        tls_peer_flush(&crowd[i]);
    }
    answered = most_in_a_turn = 0;
    sem_post(&world.goes_on);
    sem_wait(&world.paused);
    assert_in_range(most_in_a_turn, 1, 2);
    tls_peer_read(&first, text, sizeof(text) - 1);
    assert_non_null(strstr(text, "gone on"));
    for (int i = 0; i < CROWD; i++) {
        assert_true(tls_peer_shake(&crowd[i]));
        tls_peer_free(&crowd[i]);
    }
    tls_peer_free(&first);
    SSL_CTX_free(context);
    end(&world);
}

/* Whose handshake does not end is closed at its time, though it says a byte now and then; who has shaken hands may be idle for longer. */
static void a_handshake_has_its_time(void **state)
{
    (void)state;
    struct world world;
    struct mtr_http_server_options options = patient_options();
    struct tls_peer peer, patient;
    SSL_CTX *context = trusting(TLS1_3_VERSION);
    options.header_timeout_ms = 300;
    begin(&world, options, open_tls(&server, NULL));
    meet(&patient, &world, context, 0);
    dial(&peer, &world, context, 0);
    SSL_do_handshake(peer.ssl);
    char *hello, byte;
    const long size = BIO_get_mem_data(peer.out, &hello);
    int silent = connect_to(&world.fixture);
    for (long at = 0;; at++) {
        struct pollfd end_of_it = {.fd = peer.fd, .events = POLLIN};
        if (poll(&end_of_it, 1, 20) == 1) break;
        if (at < size - 1) send_bytes(peer.fd, hello + at, 1); /* never its last one */
    }
    assert_true(recv(peer.fd, &byte, 1, 0) <= 0);
    assert_true(recv(silent, &byte, 1, 0) <= 0);
    assert_int_equal(world.failures, 2);
    assert_string_equal(world.failure, "its handshake took too long");
    close(silent);
    tls_peer_free(&peer);
    char text[256] = {0};
    tls_peer_say(&patient, GET("/who"), sizeof(GET("/who")) - 1);
    tls_peer_read(&patient, text, sizeof(text) - 1);
    assert_non_null(strstr(text, "200 OK"));
    tls_peer_free(&patient);
    SSL_CTX_free(context);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_however_the_bytes_are_cut),
        cmocka_unit_test(takes_the_smallest_records),
        cmocka_unit_test(large_bodies_go_both_ways),
        cmocka_unit_test(slow_readers_get_all_of_it),
        cmocka_unit_test(a_full_queue_waits),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(http_in_the_clear_is_told_so),
        cmocka_unit_test(garbage_ends_its_connection),
        cmocka_unit_test(strangers_leave_nothing),
        cmocka_unit_test(a_crowd_waits_for_its_turn),
        cmocka_unit_test(a_handshake_has_its_time),
    };
    return cmocka_run_group_tests(tests, make_identities, forget_identities);
}
