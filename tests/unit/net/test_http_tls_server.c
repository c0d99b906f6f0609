/*
 * HTTP by TLS: which kinds are spoken, who is let in, what is said to those who are not, and what a new certificate changes.
 */
#include "tests/support/tls/tls_world.h"

static void refuses_what_is_old(void **state)
{
    (void)state;
    struct world world;
    struct tls_peer peer;
    begin(&world, patient_options(), open_tls(&server, NULL));
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
    dial(&peer, &world, context, 0);
    assert_false(tls_peer_shake(&peer));
    assert_int_equal(peer.reason, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    tls_peer_free(&peer);
    SSL_CTX_free(context);

    context = trusting(TLS1_2_VERSION); /* no forward secrecy, or none that is authenticated */
    SSL_CTX_set_cipher_list(context, "AES256-SHA:ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA");
    dial(&peer, &world, context, 0);
    assert_false(tls_peer_shake(&peer));
    assert_int_equal(peer.reason, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
    tls_peer_free(&peer);
    SSL_CTX_free(context);

    context = trusting(TLS1_3_VERSION); /* who wants HTTP/2 alone */
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2", 3);
    dial(&peer, &world, context, 0);
    assert_false(tls_peer_shake(&peer));
    assert_int_equal(peer.reason, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    tls_peer_free(&peer);
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    meet(&peer, &world, context, 0);
    const unsigned char *chosen;
    unsigned size;
    SSL_get0_alpn_selected(peer.ssl, &chosen, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(chosen, "http/1.1", 8);
    tls_peer_free(&peer);
    SSL_CTX_free(context);
    assert_int_equal(world.failures, 3);
    end(&world);
}

static void nothing_is_negotiated_again(void **state)
{
    (void)state;
    struct world world;
    struct tls_peer peer;
    SSL_CTX *context = trusting(TLS1_2_VERSION);
    begin(&world, patient_options(), open_tls(&server, NULL));
    meet(&peer, &world, context, 0);
    assert_int_equal(SSL_renegotiate(peer.ssl), 1);
    assert_false(tls_peer_shake(&peer));
    assert_int_equal(peer.reason, SSL_R_NO_RENEGOTIATION);
    tls_peer_free(&peer);
    SSL_CTX_free(context);
    end(&world);
}

static void lets_in_whom_it_knows(void **state)
{
    (void)state;
    struct world world;
    struct tls_peer peer;
    char byte;
    begin(&world, patient_options(), open_tls(&server, &authority));
    for (size_t v = 0; v < 2; v++) {
        SSL_CTX *context = trusting(versions[v]);
        const struct identity *shown[] = {NULL, &stranger};
        static const int reasons[2][2] = {{SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, SSL_R_TLSV1_ALERT_UNKNOWN_CA},
                                          {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, SSL_R_TLSV1_ALERT_UNKNOWN_CA}};
        for (size_t i = 0; i < 2; i++) {
            if (shown[i]) {
                SSL_CTX_use_certificate(context, shown[i]->certificate);
                SSL_CTX_use_PrivateKey(context, shown[i]->key);
            }
            const unsigned before = world.failures;
            dial(&peer, &world, context, 0);
            if (tls_peer_shake(&peer)) assert_int_equal(tls_peer_read(&peer, &byte, 1), 0); /* 1.3: it hears of it afterwards */
            assert_int_equal(peer.error, SSL_ERROR_SSL);
            assert_int_equal(peer.reason, reasons[v][i]);
            assert_int_equal(world.failures, before + 1);
            if (i) assert_non_null(strstr(world.failure, "the client's certificate: self"));
            tls_peer_free(&peer);
        }
        SSL_CTX_use_certificate(context, client.certificate);
        SSL_CTX_use_PrivateKey(context, client.key);
        expect(&world, context, GET("/who"), "\r\n\r\nCN=client");
        SSL_CTX_free(context);
    }
    end(&world);
}

static SSL_SESSION *ticket;
static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(ticket);
    ticket = session;
    return 1;
}

static void a_session_is_resumed_under_one_certificate(void **state)
{
    (void)state;
    struct world world;
    struct tls_peer peer;
    for (size_t v = 0; v < 2; v++) {
        SSL_CTX *context = trusting(versions[v]);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, on_ticket);
        SSL_CTX_use_certificate(context, client.certificate);
        SSL_CTX_use_PrivateKey(context, client.key);
        begin(&world, patient_options(), open_tls(&server, &authority));
        world.next = open_tls(&renewed, &authority);
        expect(&world, context, GET("/who"), "CN=client");
        assert_non_null(ticket);
        assert_in_range(SSL_SESSION_get_ticket_lifetime_hint(ticket), 1, 3600);
        dial(&peer, &world, context, 0);
        SSL_set_session(peer.ssl, ticket);
        assert_true(tls_peer_shake(&peer));
        assert_true(SSL_session_reused(peer.ssl));
        static const char request[] = GET("/who"); /* of whom it is the ticket */
        char text[512] = {0};
        tls_peer_say(&peer, request, sizeof(request) - 1);
        tls_peer_read(&peer, text, sizeof(text) - 1);
        assert_non_null(strstr(text, "CN=client"));
        tls_peer_free(&peer);
        expect(&world, context, GET("/swap"), "swapped");
        SSL_SESSION *old = ticket;
        SSL_SESSION_up_ref(old);
        dial(&peer, &world, context, 0);
        SSL_set_session(peer.ssl, old);
        assert_true(tls_peer_shake(&peer));
        assert_false(SSL_session_reused(peer.ssl));
        tls_peer_free(&peer);
        SSL_SESSION_free(old);
        SSL_SESSION_free(ticket);
        ticket = NULL;
        end(&world);
        mtr_tls_release(world.next);
        SSL_CTX_free(context);
    }
}

static void connections_outlive_their_certificate(void **state)
{
    (void)state;
    struct world world;
    struct tls_peer peer;
    char text[512];
    SSL_CTX *context = trusting(TLS1_3_VERSION);
    begin(&world, patient_options(), open_tls(&server, NULL));
    world.next = open_tls(&renewed, NULL);
    meet(&peer, &world, context, 0);
    expect(&world, context, GET("/swap"), "swapped");
    mtr_tls_release(world.next); /* the server's alone */
    tls_peer_say(&peer, GET("/who"), sizeof(GET("/who")) - 1);
    assert_true(tls_peer_read(&peer, text, sizeof(text)) > 0);
    tls_peer_free(&peer);
    meet(&peer, &world, context, 0);
    X509 *seen = SSL_get1_peer_certificate(peer.ssl);
    assert_int_equal(X509_cmp(seen, renewed.certificate), 0);
    X509_free(seen);
    tls_peer_free(&peer);
    SSL_CTX_free(context);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_old),
        cmocka_unit_test(nothing_is_negotiated_again),
        cmocka_unit_test(lets_in_whom_it_knows),
        cmocka_unit_test(a_session_is_resumed_under_one_certificate),
        cmocka_unit_test(connections_outlive_their_certificate),
    };
    return cmocka_run_group_tests(tests, make_identities, forget_identities);
}
