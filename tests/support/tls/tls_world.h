/*
 * A server of HTTP by TLS on a thread of its own, identities for it and for those who ask, and questions put to it.
 */
#ifndef METERD_TESTS_SUPPORT_TLS_TLS_WORLD_H
#define METERD_TESTS_SUPPORT_TLS_TLS_WORLD_H

#include "tests/support/http_world.h"

#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "tests/support/tls/identities.h"
#include "tests/support/tls/tls_peer.h"

static char directory[DIRECTORY_PATH_BYTES];
static struct identity authority, server, renewed, client, stranger;

static inline int make_identities(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    make_temporary_in_memory(directory);
    make_identity(&authority, directory, (struct wish){"authority", NULL, NULL, true, -DAY_S, DAY_S});
    make_identity(&server, directory, (struct wish){"server", "IP:127.0.0.1", &authority, false, -DAY_S, DAY_S});
    make_identity(&renewed, directory, (struct wish){"renewed", "IP:127.0.0.1", &authority, false, -DAY_S, 2 * DAY_S});
    make_identity(&client, directory, (struct wish){"client", NULL, &authority, false, -DAY_S, DAY_S});
    make_identity(&stranger, directory, (struct wish){"stranger", NULL, NULL, true, -DAY_S, DAY_S});
    return 0;
}

static inline int forget_identities(void **state)
{
    (void)state;
    struct identity *all[] = {&authority, &server, &renewed, &client, &stranger};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) forget_identity(all[i]);
    remove_tree(directory);
    return 0;
}

static inline struct mtr_tls *open_tls(const struct identity *shows, const struct identity *of_clients)
{
    char texts[3][IDENTITY_TEXT_BYTES];
    struct mtr_tls *tls = NULL;
    struct mtr_diagnostic diagnostic;
    struct mtr_tls_texts given = {.certificate = text_of(shows->certificate_file, texts[0]), .key = text_of(shows->key_file, texts[1])};
    if (of_clients) given.client_ca = text_of(of_clients->certificate_file, texts[2]);
    if (mtr_tls_open(&given, &tls, &diagnostic)) fail_msg("%s", diagnostic.text);
    return tls;
}

/* ---- this side ---- */

struct world {
    struct fixture fixture; /* first: handlers of http_world.h take it */
    struct mtr_tls *next;   /* /swap */
    sem_t paused, goes_on;  /* /pause: the loop stands still from the one to the other */
    struct mtr_wakeup *turn;
    void (*on_turn)(struct world *world); /* each turn of the loop from /pause on */
    atomic_uint failures;
    char failure[128];      /* the last one, before its count */
};

static inline void on_tls_request(void *context, struct mtr_http_request *request)
{
    struct world *world = context;
    const struct mtr_str path = mtr_http_request_path(request);
    if (mtr_str_equal(path, MTR_STR("/who"))) {
        mtr_http_respond_text(request, 200, "text/plain", mtr_http_request_subject(request));
    } else if (mtr_str_equal(path, MTR_STR("/swap"))) {
        assert_int_equal(mtr_http_server_set_tls(world->fixture.server, world->next), MTR_OK);
        answer(request, "swapped");
    } else if (mtr_str_equal(path, MTR_STR("/pause"))) {
        sem_post(&world->paused);
        sem_wait(&world->goes_on);
        answer(request, "gone on");
        mtr_wakeup_send(world->turn);
    } else if (mtr_str_equal(path, MTR_STR("/counts"))) {
        char text[80];
        const struct mtr_http_server_stats stats = mtr_http_server_stats(world->fixture.server);
        snprintf(text, sizeof(text), "[%llu open, %llu held]", (unsigned long long)stats.connections, (unsigned long long)stats.answer_bytes);
        answer(request, text);
    } else on_request(&world->fixture, request);
}

static inline void on_tls_failure(void *context, const char *address, const char *why)
{
    struct world *world = context;
    assert_string_equal(address, "127.0.0.1");
    snprintf(world->failure, sizeof(world->failure), "%s", why);
    world->failures++;
}

static inline void on_turn(void *context)
{
    struct world *world = context;
    if (!world->on_turn) return;
    world->on_turn(world);
    mtr_wakeup_send(world->turn);
}

static inline void begin(struct world *world, struct mtr_http_server_options options, struct mtr_tls *tls)
{
    struct mtr_http_handler handler = {.on_headers = on_headers, .on_request = on_tls_request, .on_abort = on_abort,
                                       .on_tls_failure = on_tls_failure, .context = world};
    struct mtr_diagnostic diagnostic;
    *world = (struct world){.fixture = {.closes = true}};
    options.tls = tls;
    assert_int_equal(mtr_loop_open(&world->fixture.loop), MTR_OK);
    assert_int_equal(mtr_wakeup_open(world->fixture.loop, true, on_ask, &world->fixture, &world->fixture.ask), MTR_OK);
    assert_int_equal(mtr_wakeup_open(world->fixture.loop, false, on_turn, world, &world->turn), MTR_OK);
    sem_init(&world->paused, 0, 0);
    sem_init(&world->goes_on, 0, 0);
    assert_int_equal(mtr_http_server_open(world->fixture.loop, &options, &handler, &world->fixture.server, &diagnostic), MTR_OK);
    mtr_tls_release(tls); /* the server's now */
    assert_int_equal(pthread_create(&world->fixture.thread, NULL, run, &world->fixture), 0);
}

static inline SSL_CTX *trusting(int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_int_equal(SSL_CTX_load_verify_locations(context, authority.certificate_file, NULL), 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(context, version), 1);
    return context;
}

static inline void dial(struct tls_peer *peer, struct world *world, SSL_CTX *context, size_t piece)
{
    tls_peer_init(peer, context, connect_to(&world->fixture), piece);
}

static inline void meet(struct tls_peer *peer, struct world *world, SSL_CTX *context, size_t piece)
{
    dial(peer, world, context, piece);
    if (!tls_peer_shake(peer)) fail_msg("no handshake: %s", ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, peer->reason)));
}

/* One request on a connection of its own that ends with it; the answer up to its end, which the caller frees. */
static inline char *ask(struct world *world, SSL_CTX *context, size_t piece, const char *request)
{
    struct tls_peer peer;
    char *text = calloc(1, ANSWER_BYTES_MAX + 1);
    meet(&peer, world, context, piece);
    tls_peer_say(&peer, request, strlen(request));
    tls_peer_read(&peer, text, ANSWER_BYTES_MAX);
    assert_int_equal(peer.error, SSL_ERROR_ZERO_RETURN); /* it said that this was all */
    SSL_shutdown(peer.ssl); /* or its ticket would not be good */
    tls_peer_free(&peer);
    return text;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static inline void expect(struct world *world, SSL_CTX *context, const char *request, const char *wanted)
{
    char *text = ask(world, context, 0, request);
    if (!strstr(text, wanted)) fail_msg("wanted %s in: %s", wanted, text);
    free(text);
}

static inline void end(struct world *world)
{
    mtr_wakeup_send(world->fixture.ask);
    pthread_join(world->fixture.thread, NULL);
    mtr_wakeup_close(world->turn);
    mtr_wakeup_close(world->fixture.ask);
    mtr_loop_close(world->fixture.loop);
    sem_destroy(&world->paused);
    sem_destroy(&world->goes_on);
}

static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

#endif
