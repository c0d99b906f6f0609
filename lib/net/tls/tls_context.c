/*
 * What is said of all connections of a server: certificate and key, whom clients must be signed by, and which
 * kinds of TLS are spoken. Errors of OpenSSL become sentences here.
 */
#include "meterd/net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/tls/tls_session.h"
#include "meterd/core/buffer.h"
#include "meterd/net/crypto.h"

enum {
    TICKET_LIFE_S = 3600,
    CLIENT_CHAIN_BYTES_MAX = 32 << 10,
    CLIENT_CHAIN_DEPTH = 6,
    DAY_S = 86400
};

struct mtr_tls {
    SSL_CTX *context;
    BIO_METHOD *method;
    int64_t begins_s, expires_s;
    atomic_uint holders;
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *out, int size)
{
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!session->given.size) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const size_t taken = (size_t)size < session->given.size ? (size_t)size : session->given.size;
    memcpy(out, session->given.data, taken);
    session->given.data += taken;
    session->given.size -= taken;
    return (int)taken;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    return mtr_buffer_append(&session->out, bytes, (size_t)size) ? -1 : size;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "connection");
    if (method && BIO_meth_set_read(method, bio_read) && BIO_meth_set_write(method, bio_write) &&
        BIO_meth_set_ctrl(method, bio_control))
        return method;
    BIO_meth_free(method);
    return NULL;
}

BIO *tls_new_bio(struct mtr_tls *tls)
{
    BIO *bio = BIO_new(tls->method);
    if (bio) BIO_set_init(bio, 1);
    return bio;
}

SSL *tls_new_ssl(struct mtr_tls *tls)
{
    return SSL_new(tls->context);
}

/* ---- certificates and keys ---- */

static int refuse(struct mtr_diagnostic *diagnostic, const char *field, const char *what)
{
    char why[TLS_FAILURE_BYTES];
    tls_error_text(why, sizeof(why));
    mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_LISTEN, 0, 0, field, "%s%s%s", what,
                       what[strlen(what) - 1] == ':' ? " " : "", what[strlen(what) - 1] == ':' ? why : "");
    return MTR_EINVALID;
}

/* The service has nobody to ask. */
static int no_passphrase(char *out, int capacity, int is_written, void *context)
{
    (void)out;
    (void)capacity;
    (void)is_written;
    (void)context;
    return -1;
}

static BIO *open_text(struct mtr_str text)
{
    return text.size > INT32_MAX ? NULL : BIO_new_mem_buf(text.data, (int)text.size);
}

static X509 *next_certificate(BIO *text)
{
    return PEM_read_bio_X509(text, NULL, no_passphrase, NULL);
}

/* Behind the last one OpenSSL says that there is no further beginning: all else is damage. */
static bool is_at_end(void)
{
    const unsigned long code = ERR_peek_last_error();
    const bool is_end =
        ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    if (is_end) ERR_clear_error();
    return is_end;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    int days = 0, seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    if (!epoch || !ASN1_TIME_diff(&days, &seconds, epoch, time)) ERR_clear_error();
    ASN1_TIME_free(epoch);
    return (int64_t)days * DAY_S + seconds;
}

static void note_life(struct mtr_tls *tls, const X509 *certificate)
{
    const int64_t from_s = seconds_of(X509_get0_notBefore(certificate)),
                  to_s = seconds_of(X509_get0_notAfter(certificate));
    if (from_s > tls->begins_s) tls->begins_s = from_s;
    if (to_s < tls->expires_s) tls->expires_s = to_s;
}

static int take_certificates(struct mtr_tls *tls, struct mtr_str text, struct mtr_diagnostic *diagnostic)
{
    BIO *bio = open_text(text);
    if (!bio) return MTR_ENOMEM;
    int rc = MTR_OK, count = 0;
    for (X509 *one; !rc && (one = next_certificate(bio)) != NULL; count++) {
        note_life(tls, one);
        const int is_taken = count ? SSL_CTX_add1_chain_cert(tls->context, one)
                                   : SSL_CTX_use_certificate(tls->context, one);
        if (!is_taken) rc = refuse(diagnostic, "certificate", "the certificate cannot be used:");
        X509_free(one);
    }
    BIO_free(bio);
    if (rc) return rc;
    if (!is_at_end()) return refuse(diagnostic, "certificate", "the certificate is damaged:");
    return count ? MTR_OK : refuse(diagnostic, "certificate", "there is no certificate in it: PEM is wanted");
}

static int take_key(struct mtr_tls *tls, struct mtr_str text, struct mtr_diagnostic *diagnostic)
{
    BIO *bio = open_text(text);
    if (!bio) return MTR_ENOMEM;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    const bool has_passphrase = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_BAD_PASSWORD_READ ||
                                ERR_GET_REASON(ERR_peek_error()) == PEM_R_BAD_PASSWORD_READ;
    int rc = MTR_OK;
    if (!key && has_passphrase)
        rc = refuse(diagnostic, "key", "the key has a passphrase: nobody is there to type it");
    else if (!key) rc = refuse(diagnostic, "key", "there is no private key in it: PEM is wanted");
    else if (!SSL_CTX_use_PrivateKey(tls->context, key) || !SSL_CTX_check_private_key(tls->context))
        rc = refuse(diagnostic, "key", "the key is not that of the certificate");
    EVP_PKEY_free(key);
    return rc;
}

static int take_client_ca(struct mtr_tls *tls, struct mtr_str text, struct mtr_diagnostic *diagnostic)
{
    BIO *bio = open_text(text);
    X509_STORE *store = SSL_CTX_get_cert_store(tls->context);
    if (!bio) return MTR_ENOMEM;
    int rc = MTR_OK, count = 0;
    for (X509 *one; !rc && (one = next_certificate(bio)) != NULL; count++) {
        if (!X509_STORE_add_cert(store, one) || !SSL_CTX_add_client_CA(tls->context, one))
            rc = refuse(diagnostic, "client_ca", "the authority of clients cannot be used:");
        X509_free(one);
    }
    BIO_free(bio);
    if (rc) return rc;
    if (!is_at_end()) return refuse(diagnostic, "client_ca", "the authority of clients is damaged:");
    if (!count) return refuse(diagnostic, "client_ca", "there is no certificate in it: PEM is wanted");
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(tls->context, CLIENT_CHAIN_DEPTH);
    SSL_CTX_set_max_cert_list(tls->context, CLIENT_CHAIN_BYTES_MAX);
    return MTR_OK;
}

/* ---- the whole ---- */

/* Who offers protocols and not ours is refused; who offers none means it. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *offered, unsigned offered_size, void *context)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)context;
    if (SSL_select_next_proto(&chosen, out_size, ours, sizeof(ours) - 1, offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_up(SSL_CTX *context)
{
    static const unsigned char name[] = "meterd";
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); /* an idle connection has none */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets are the clients' memory */
    SSL_CTX_set_timeout(context, TICKET_LIFE_S);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") && SSL_CTX_set_num_tickets(context, 1) &&
           SSL_CTX_set_session_id_context(context, name, sizeof(name) - 1);
}

int mtr_tls_open(const struct mtr_tls_texts *texts, struct mtr_tls **out, struct mtr_diagnostic *diagnostic)
{
    struct mtr_tls *tls = calloc(1, sizeof(*tls));
    ERR_clear_error();
    if (!tls) return MTR_ENOMEM;
    tls->holders = 1;
    tls->begins_s = INT64_MIN;
    tls->expires_s = INT64_MAX;
    tls->method = make_method();
    tls->context = SSL_CTX_new(TLS_server_method());
    int rc = tls->method && tls->context && set_up(tls->context) ? MTR_OK : MTR_ENOMEM;
    if (!rc) rc = take_certificates(tls, texts->certificate, diagnostic);
    if (!rc) rc = take_key(tls, texts->key, diagnostic);
    if (!rc && texts->client_ca.size) rc = take_client_ca(tls, texts->client_ca, diagnostic);
    if (rc == MTR_ENOMEM)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_MEMORY, 0, 0, NULL, "out of memory");
    ERR_clear_error();
    if (rc) mtr_tls_release(tls);
    else *out = tls;
    return rc;
}

struct mtr_tls *mtr_tls_keep(struct mtr_tls *tls)
{
    atomic_fetch_add(&tls->holders, 1);
    return tls;
}

void mtr_tls_release(struct mtr_tls *tls)
{
    if (!tls || atomic_fetch_sub(&tls->holders, 1) != 1) return;
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    free(tls);
}

int64_t mtr_tls_begins_s(const struct mtr_tls *tls)
{
    return tls->begins_s;
}

int64_t mtr_tls_expires_s(const struct mtr_tls *tls)
{
    return tls->expires_s;
}

int mtr_tls_pin(struct mtr_str certificate, char pin[MTR_TLS_PIN_BYTES])
{
    uint8_t digest[MTR_SHA256_BYTES];
    unsigned char *key = NULL;
    struct mtr_buffer text;
    BIO *bio = open_text(certificate);
    X509 *one = bio ? next_certificate(bio) : NULL;
    const int size = one ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(one), &key) : -1;
    int rc = size > 0 ? MTR_OK : MTR_EINVALID;
    mtr_buffer_init(&text, MTR_TLS_PIN_BYTES);
    if (!rc) rc = mtr_digest_of(MTR_SHA256, (struct mtr_str){(const char *)key, (size_t)size}, digest);
    if (!rc) rc = mtr_base64_encode(&text, (struct mtr_str){(const char *)digest, sizeof(digest)});
    if (!rc) snprintf(pin, MTR_TLS_PIN_BYTES, "sha256//%.*s", MTR_STR_ARGS(mtr_buffer_str(&text)));
    mtr_buffer_release(&text);
    OPENSSL_free(key);
    X509_free(one);
    BIO_free(bio);
    ERR_clear_error();
    return rc;
}
