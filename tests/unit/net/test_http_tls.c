/*
 * https with certificates that this test makes: whom the client trusts, what it shows of itself, and what its
 * sentences advise when either does not hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meterd/net/http_client.h"
#include "meterd/net/tls.h"
#include "tests/support/tls/identities.h"

static char directory[DIRECTORY_PATH_BYTES];
static struct identity authority, server, expired, nameless, client, stranger;

static int make_identities(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to who is gone; the daemon's loop ignores it, too */
    make_temporary_in_memory(directory);
    make_identity(&authority, directory, (struct wish){"authority", NULL, NULL, true, -DAY_S, DAY_S});
    make_identity(&server, directory, (struct wish){"server", "IP:127.0.0.1", &authority, false, -DAY_S, DAY_S});
    make_identity(&expired, directory, (struct wish){"expired", "IP:127.0.0.1", &authority, false, -2 * DAY_S, -DAY_S});
    make_identity(&nameless, directory, (struct wish){"nameless", "DNS:usage.example", &authority, false, -DAY_S, DAY_S});
    make_identity(&client, directory, (struct wish){"client", NULL, &authority, false, -DAY_S, DAY_S});
    make_identity(&stranger, directory, (struct wish){"stranger", NULL, NULL, true, -DAY_S, DAY_S});
    return 0;
}

static int forget_identities(void **state)
{
    (void)state;
    struct identity *all[] = {&authority, &server, &expired, &nameless, &client, &stranger};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) forget_identity(all[i]);
    remove_tree(directory);
    return 0;
}

/* ---- the peer ---- */

enum { CONNECTIONS_MAX = 16 };

struct connection {
    pthread_t thread;
    SSL *tls;
};

struct peer {
    SSL_CTX *context;
    int listener;
    unsigned port;
    pthread_t thread;
    struct connection connections[CONNECTIONS_MAX]; /* each on a thread: kept ones wait beside new ones */
    atomic_uint count;
};

/* Answers each request with the common name of whom it sees, "nobody" without a certificate. */
static void serve(SSL *tls)
{
    char request[2048], name[64] = "nobody", answer[256];
    X509 *seen = SSL_get1_peer_certificate(tls);
    if (seen) X509_NAME_get_text_by_NID(X509_get_subject_name(seen), NID_commonName, name, sizeof(name));
    X509_free(seen);
    while (SSL_read(tls, request, sizeof(request)) > 0) {
        snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(name), name);
        SSL_write(tls, answer, (int)strlen(answer));
    }
}

static void *run_connection(void *context)
{
    SSL *tls = context;
    const int fd = SSL_get_fd(tls);
    char byte;
    if (SSL_accept(tls) == 1) serve(tls);
    shutdown(fd, SHUT_WR);
    while (recv(fd, &byte, 1, 0) > 0) continue; /* so that our alert is not lost to a reset */
    close(fd);
    return NULL;
}

static void *run_peer(void *context)
{
    struct peer *peer = context;
    int fd;
    while ((fd = accept(peer->listener, NULL, NULL)) >= 0) {
        struct connection *connection = &peer->connections[peer->count++];
        assert_in_range(peer->count, 1, CONNECTIONS_MAX);
        connection->tls = SSL_new(peer->context);
        SSL_set_fd(connection->tls, fd);
        assert_int_equal(pthread_create(&connection->thread, NULL, run_connection, connection->tls), 0);
    }
    return NULL;
}

static void peer_start(struct peer *peer, const struct identity *shows, bool wants_client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    *peer = (struct peer){.context = SSL_CTX_new(TLS_server_method())};
    assert_int_equal(SSL_CTX_use_certificate_file(peer->context, shows->certificate_file, SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(peer->context, shows->key_file, SSL_FILETYPE_PEM), 1);
    SSL_CTX_load_verify_locations(peer->context, authority.certificate_file, NULL);
    if (wants_client) SSL_CTX_set_verify(peer->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    else SSL_CTX_set_verify(peer->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_id_context(peer->context, (const unsigned char *)"t", 1);
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(peer->listener, 8), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&peer->thread, NULL, run_peer, peer), 0);
}

/* After the client closed its connections. */
static void peer_stop(struct peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    for (unsigned i = 0; i < peer->count; i++) {
        pthread_join(peer->connections[i].thread, NULL);
        SSL_free(peer->connections[i].tls);
    }
    close(peer->listener);
    SSL_CTX_free(peer->context);
}

/* ---- this side ---- */

struct fixture {
    struct mtr_loop *loop;
    struct mtr_http_client *client;
    struct peer peer;
    int error;
    char body[64];
    char reason[MTR_HTTP_REASON_BYTES];
};

static void on_answer(void *context, struct mtr_http_answer *answer)
{
    struct fixture *fixture = context;
    fixture->error = answer->error;
    snprintf(fixture->body, sizeof(fixture->body), "%.*s", MTR_STR_ARGS(mtr_buffer_str(&answer->body)));
    snprintf(fixture->reason, sizeof(fixture->reason), "%s", answer->reason);
    mtr_loop_stop(fixture->loop);
}

static void setup(struct fixture *fixture, const struct identity *shows, bool wants_client)
{
    struct mtr_http_client_options options = {.transfers_max = 8};
    peer_start(&fixture->peer, shows, wants_client);
    assert_int_equal(mtr_loop_open(&fixture->loop), MTR_OK);
    assert_int_equal(mtr_http_client_open(fixture->loop, &options, &fixture->client), MTR_OK);
}

static void teardown(struct fixture *fixture)
{
    mtr_http_client_close(fixture->client);
    mtr_loop_close(fixture->loop);
    peer_stop(&fixture->peer);
}

static void ask(struct fixture *fixture, struct mtr_http_call call)
{
    char url[64];
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/", fixture->peer.port);
    call.url = url;
    call.allow_loopback = true;
    assert_int_equal(mtr_http_client_send(fixture->client, &call, on_answer, fixture, NULL), MTR_OK);
    mtr_loop_run(fixture->loop);
}

static void expect(struct fixture *fixture, int error, const char *words)
{
    const char *text = error ? fixture->reason : fixture->body;
    if (fixture->error != error || !strstr(text, words))
        fail_msg("%s: \"%s\", wanted %s: \"%s\"", mtr_error_name(fixture->error), text, mtr_error_name(error), words);
}

static void trusts_whom_it_is_told(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, &server, false);
    ask(&fixture, (struct mtr_http_call){.ca_file = authority.certificate_file});
    expect(&fixture, MTR_OK, "nobody");
    ask(&fixture, (struct mtr_http_call){0}); /* the kept connection does not help */
    expect(&fixture, MTR_EDENIED, "no authority that is trusted here has signed its certificate");
    ask(&fixture, (struct mtr_http_call){.ca_file = stranger.certificate_file});
    expect(&fixture, MTR_EDENIED, "no authority that is trusted here has signed its certificate");
    ask(&fixture, (struct mtr_http_call){.ca_file = "/nowhere/ca.pem"});
    expect(&fixture, MTR_EDENIED, "cannot read the file of authorities (ca_file)");
    teardown(&fixture);
}

/* A key that is known is trusted whoever has signed it, whatever its name, and however old; no other is. */
static void trusts_the_key_that_is_pinned(void **state)
{
    (void)state;
    struct fixture fixture;
    char text[IDENTITY_TEXT_BYTES], pin[MTR_TLS_PIN_BYTES];
    setup(&fixture, &expired, false);
    assert_int_equal(mtr_tls_pin(text_of(expired.certificate_file, text), pin), MTR_OK);
    ask(&fixture, (struct mtr_http_call){.pinned_key = pin});
    expect(&fixture, MTR_OK, "nobody");
    assert_int_equal(mtr_tls_pin(text_of(server.certificate_file, text), pin), MTR_OK);
    ask(&fixture, (struct mtr_http_call){.pinned_key = pin});
    expect(&fixture, MTR_EDENIED, "its key is not the one that is expected there");
    assert_int_equal(mtr_tls_pin(text_of(server.key_file, text), pin), MTR_EINVALID);
    teardown(&fixture);
}

static void says_what_is_wrong_with_the_peer(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, &expired, false);
    ask(&fixture, (struct mtr_http_call){.ca_file = authority.certificate_file});
    expect(&fixture, MTR_EDENIED, "its certificate has expired: its owner must renew it");
    teardown(&fixture);
    setup(&fixture, &nameless, false);
    ask(&fixture, (struct mtr_http_call){.ca_file = authority.certificate_file});
    expect(&fixture, MTR_EDENIED, "no alternative certificate subject name matches target host name '127.0.0.1'");
    teardown(&fixture);
    setup(&fixture, &stranger, false);
    ask(&fixture, (struct mtr_http_call){.ca_file = authority.certificate_file});
    expect(&fixture, MTR_EDENIED, "its certificate is signed by itself");
    teardown(&fixture);
}

static void show(struct mtr_http_call *call, const char *certificate, const char *key)
{
    static char texts[2][IDENTITY_TEXT_BYTES];
    call->certificate = text_of(certificate, texts[0]);
    call->key = key ? text_of(key, texts[1]) : (struct mtr_str){NULL, 0};
}

static void shows_its_certificate(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mtr_http_call call = {.ca_file = authority.certificate_file};
    setup(&fixture, &server, true);
    show(&call, client.certificate_file, client.key_file);
    ask(&fixture, call);
    expect(&fixture, MTR_OK, "client");
    ask(&fixture, call);
    expect(&fixture, MTR_OK, "client");
    assert_int_equal(fixture.peer.count, 1);
    ask(&fixture, (struct mtr_http_call){.ca_file = authority.certificate_file}); /* not over that connection */
    expect(&fixture, MTR_EDENIED, "it wants a client certificate");
    show(&call, stranger.certificate_file, stranger.key_file);
    ask(&fixture, call);
    expect(&fixture, MTR_EDENIED, "it does not know who signed the client certificate");
    show(&call, stranger.certificate_file, client.key_file);
    ask(&fixture, call);
    expect(&fixture, MTR_EDENIED, "cannot use the client certificate and its key");
    call.certificate = MTR_STR("no certificate");
    ask(&fixture, call);
    expect(&fixture, MTR_EDENIED, "cannot use the client certificate and its key");
    teardown(&fixture);
}

/* Certificate and key in one file, which need not be named twice. */
static void shows_a_certificate_with_its_key(void **state)
{
    (void)state;
    struct fixture fixture;
    char path[IDENTITY_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/both.pem", directory);
    FILE *file = fopen(path, "w");
    assert_int_equal(PEM_write_X509(file, client.certificate), 1);
    assert_int_equal(PEM_write_PrivateKey(file, client.key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    setup(&fixture, &server, true);
    struct mtr_http_call call = {.ca_file = authority.certificate_file};
    show(&call, path, NULL);
    ask(&fixture, call);
    expect(&fixture, MTR_OK, "client");
    teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trusts_whom_it_is_told),
        cmocka_unit_test(trusts_the_key_that_is_pinned),
        cmocka_unit_test(says_what_is_wrong_with_the_peer),
        cmocka_unit_test(shows_its_certificate),
        cmocka_unit_test(shows_a_certificate_with_its_key),
    };
    return cmocka_run_group_tests(tests, make_identities, forget_identities);
}
