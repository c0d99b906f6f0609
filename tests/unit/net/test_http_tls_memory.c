/*
 * HTTP by TLS when OpenSSL gets no memory: allocations for a connection are refused, one each time. That connection ends, or is answered; the next one is.
 */
#include "tests/support/tls/tls_world.h"

#include <openssl/crypto.h>

enum { ALLOCATIONS_MAX = 20000 };

static atomic_int left; /* of the server's thread, until one is refused; 0: none is */
static atomic_bool is_armed;
static pthread_t served_by;

static bool is_refused(void)
{
    return is_armed && pthread_equal(pthread_self(), served_by) && --left == 0;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return is_refused() ? NULL : malloc(size);
}

static void *grow(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return is_refused() ? NULL : realloc(memory, size);
}

static void release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

/* True: it was refused one. */
static bool try_with_refusal(struct world *world, SSL_CTX *context, int at)
{
    struct tls_peer peer;
    char text[512] = {0};
    dial(&peer, world, context, 0);
    left = at;
    is_armed = true;
    if (tls_peer_shake(&peer)) {
        tls_peer_say(&peer, GET("/who"), sizeof(GET("/who")) - 1);
        tls_peer_read(&peer, text, sizeof(text) - 1);
    }
    is_armed = false;
    tls_peer_free(&peer);
    return left <= 0;
}

static void refused_memory_ends_one_connection(void **state)
{
    (void)state;
    struct world world;
    struct mtr_http_server_options options = patient_options();
    options.header_timeout_ms = 2000; /* should one neither end nor go on: its time ends it */
    begin(&world, options, open_tls(&server, &authority));
    served_by = world.fixture.thread;
    static const int versions_tried[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    for (size_t v = 0; v < 2; v++) {
        SSL_CTX *context = trusting(versions_tried[v]);
        SSL_CTX_use_certificate(context, client.certificate);
        SSL_CTX_use_PrivateKey(context, client.key);
        int at = 1, tried = 0;
        while (at < ALLOCATIONS_MAX && try_with_refusal(&world, context, at)) {
            if (++tried % 50 == 0) expect(&world, context, GET("/who"), "CN=client");
            at += getenv("METERD_CASES") ? 1 : 1 + at / 100; /* the first hundred each, later ones here and there */
        }
        printf("%d of the first %d\n", tried, at);
        assert_in_range(at, 100, ALLOCATIONS_MAX - 1); /* of a handshake there are hundreds */
        expect(&world, context, GET("/who"), "CN=client");
        SSL_CTX_free(context);
    }
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_memory_ends_one_connection),
    };
    if (!CRYPTO_set_mem_functions(allocate, grow, release)) return 1; /* before OpenSSL has any */
    return cmocka_run_group_tests(tests, make_identities, forget_identities);
}
