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

static int refuse_text(struct mtr_str certificate, struct mtr_str key, struct mtr_str client_ca, struct mtr_diagnostic *diagnostic)
{
    struct mtr_tls *tls = NULL;
    const struct mtr_tls_texts texts = {certificate, key, client_ca};
    const int rc = mtr_tls_open(&texts, &tls, diagnostic);
    assert_true((rc == MTR_OK) == (tls != NULL));
    mtr_tls_release(tls);
    return rc;
}

/* A certificate of a key of 1024 bits, which the level of security of OpenSSL does not take. */
static void weak_texts(char certificate[IDENTITY_TEXT_BYTES], char key[IDENTITY_TEXT_BYTES])
{
    struct identity weak;
    make_identity(&weak, directory, (struct wish){"weak", NULL, NULL, false, -DAY_S, DAY_S});
    EVP_PKEY *small = EVP_RSA_gen(1024);
    X509_set_pubkey(weak.certificate, small);
    assert_true(X509_sign(weak.certificate, small, EVP_sha256()) > 0);
    EVP_PKEY_free(weak.key);
    weak.key = small;
    save_identity(&weak, directory, "weak");
    const struct mtr_str texts[] = {text_of(weak.certificate_file, certificate), text_of(weak.key_file, key)};
    certificate[texts[0].size] = key[texts[1].size] = '\0';
    forget_identity(&weak);
}

static void what_cannot_be_used_is_told(void **state)
{
    (void)state;
    char texts[4][IDENTITY_TEXT_BYTES], weak[2][IDENTITY_TEXT_BYTES], damaged[IDENTITY_TEXT_BYTES], chain[2 * IDENTITY_TEXT_BYTES];
    struct mtr_diagnostic diagnostic;
    const struct mtr_str none = {"", 0}, certificate = text_of(server.certificate_file, texts[0]), key = text_of(server.key_file, texts[1]),
                         other = text_of(client.key_file, texts[2]), later = text_of(renewed.certificate_file, texts[3]);
    weak_texts(weak[0], weak[1]);
    memcpy(damaged, certificate.data, certificate.size);
    memset(damaged + 100, '*', 20);
    const struct mtr_str broken = {damaged, certificate.size};
    const struct {
        struct mtr_str certificate, key, client_ca;
        const char *field, *sentence;
    } cases[] = {
        {none, key, none, "certificate", "there is no certificate in it: PEM is wanted"},
        {key, key, none, "certificate", "there is no certificate in it: PEM is wanted"},
        {MTR_STR("no PEM\n"), key, none, "certificate", "there is no certificate in it: PEM is wanted"},
        {broken, key, none, "certificate", "the certificate is damaged: "},
        {certificate, none, none, "key", "there is no private key in it: PEM is wanted"},
        {certificate, certificate, none, "key", "there is no private key in it: PEM is wanted"},
        {certificate, other, none, "key", "the key is not that of the certificate"},
        {mtr_str_from(weak[0]), mtr_str_from(weak[1]), none, "certificate", "the certificate cannot be used: ee key too small"},
        {certificate, key, key, "client_ca", "there is no certificate in it: PEM is wanted"},
        {certificate, key, broken, "client_ca", "the authority of clients is damaged: "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        diagnostic = (struct mtr_diagnostic){.text = ""};
        assert_int_equal(refuse_text(cases[i].certificate, cases[i].key, cases[i].client_ca, &diagnostic), MTR_EINVALID);
        if (strcmp(diagnostic.field, cases[i].field) != 0 || strncmp(diagnostic.text, cases[i].sentence, strlen(cases[i].sentence)) != 0)
            fail_msg("case %zu: %s: %s", i, diagnostic.field, diagnostic.text);
    }
    /* What is shown holds as long as all of it does, and as of when all of it does. */
    struct mtr_tls *tls = open_tls(&renewed, NULL);
    const int64_t alone_s = mtr_tls_expires_s(tls);
    mtr_tls_release(tls);
    const int size = snprintf(chain, sizeof(chain), "%.*s%.*s", MTR_STR_ARGS(later), MTR_STR_ARGS(certificate));
    const struct mtr_tls_texts shown = {{chain, (size_t)size}, text_of(renewed.key_file, texts[2]), none};
    assert_int_equal(mtr_tls_open(&shown, &tls, &diagnostic), MTR_OK);
    assert_in_range(alone_s - mtr_tls_expires_s(tls), DAY_S - 60, DAY_S + 60);
    assert_in_range(alone_s - mtr_tls_begins_s(tls), 3 * DAY_S - 60, 3 * DAY_S + 60);
    mtr_tls_release(tls);
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
        cmocka_unit_test(what_cannot_be_used_is_told),
        cmocka_unit_test(lets_in_whom_it_knows),
        cmocka_unit_test(a_session_is_resumed_under_one_certificate),
        cmocka_unit_test(connections_outlive_their_certificate),
    };
    return cmocka_run_group_tests(tests, make_identities, forget_identities);
}
