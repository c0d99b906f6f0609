/*
 * OpenSSL between two buffers. Its BIO reads what was given and writes to `out`; neither ever blocks, so that
 * a call of OpenSSL ends with what there is.
 */
#include "lib/net/tls/tls_session.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tls_session_open(struct mtr_tls *tls, struct tls_session **out)
{
    struct tls_session *session = calloc(1, sizeof(*session));
    if (!session) return MTR_ENOMEM;
    mtr_buffer_init(&session->kept, TLS_OUT_BYTES_MAX);
    mtr_buffer_init(&session->out, TLS_OUT_BYTES_MAX);
    mtr_buffer_init(&session->sending, TLS_OUT_BYTES_MAX);
    session->is_shaking = true;
    session->tls = mtr_tls_keep(tls);
    session->ssl = tls_new_ssl(tls);
    BIO *bio = session->ssl ? tls_new_bio(tls) : NULL;
    if (!bio) {
        tls_session_close(session);
        ERR_clear_error();
        return MTR_ENOMEM;
    }
    BIO_set_data(bio, session);
    SSL_set_bio(session->ssl, bio, bio);
    SSL_set_accept_state(session->ssl);
    *out = session;
    return MTR_OK;
}

void tls_session_close(struct tls_session *session)
{
    if (!session) return;
    SSL_free(session->ssl);
    mtr_tls_release(session->tls);
    mtr_buffer_release(&session->kept);
    mtr_buffer_release(&session->out);
    mtr_buffer_release(&session->sending);
    free(session);
}

int tls_session_give(struct tls_session *session, struct mtr_str bytes)
{
    if (!session->kept.size) {
        session->given = bytes;
        return MTR_OK;
    }
    const int rc = mtr_buffer_append(&session->kept, bytes.data, bytes.size);
    session->given = mtr_buffer_str(&session->kept);
    return rc;
}

int tls_session_keep(struct tls_session *session)
{
    int rc = MTR_OK;
    const struct mtr_str left = session->given;
    if (!left.size) mtr_buffer_release(&session->kept);
    else if (session->kept.size) { /* it is its end */
        memmove(session->kept.data, left.data, left.size);
        session->kept.size = left.size;
    } else rc = mtr_buffer_append(&session->kept, left.data, left.size);
    session->given = mtr_buffer_str(&session->kept);
    return rc;
}

bool tls_session_has_more(const struct tls_session *session)
{
    return session->given.size || SSL_has_pending(session->ssl);
}

void tls_session_fail(struct tls_session *session, const char *why)
{
    session->has_failed = true;
    session->given = (struct mtr_str){NULL, 0};
    snprintf(session->failure, sizeof(session->failure), "%s", why);
}

/* Once hands are shaken: who it is. */
static void note_subject(struct tls_session *session)
{
    const X509 *certificate = SSL_get0_peer_certificate(session->ssl);
    BIO *text = certificate ? BIO_new(BIO_s_mem()) : NULL;
    char *bytes = NULL;
    session->is_shaking = false;
    if (text && X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
        const long size = BIO_get_mem_data(text, &bytes);
        snprintf(session->subject, sizeof(session->subject), "%.*s", (int)size, bytes);
    }
    BIO_free(text);
}

static void note_failure(struct tls_session *session)
{
    char why[TLS_FAILURE_BYTES];
    const long verified = SSL_get_verify_result(session->ssl);
    tls_error_text(why, sizeof(why));
    if (verified != X509_V_OK && session->is_shaking)
        snprintf(why, sizeof(why), "the client's certificate: %s", X509_verify_cert_error_string(verified));
    tls_session_fail(session, why);
}

enum tls_took tls_session_take(struct tls_session *session, char *out, size_t capacity, size_t *size)
{
    ERR_clear_error();
    const int took = SSL_read_ex(session->ssl, out, capacity, size);
    const int error = took ? SSL_ERROR_NONE : SSL_get_error(session->ssl, took);
    if (session->is_shaking && SSL_is_init_finished(session->ssl)) note_subject(session);
    if (took) return TLS_DATA;
    if (error == SSL_ERROR_WANT_READ) return TLS_MORE;
    if (error == SSL_ERROR_ZERO_RETURN) return TLS_END;
    note_failure(session);
    return TLS_FAILED;
}

int tls_session_put(struct tls_session *session, struct mtr_str plain)
{
    size_t written = 0;
    ERR_clear_error();
    if (SSL_write_ex(session->ssl, plain.data, plain.size, &written) && written == plain.size) return MTR_OK;
    ERR_clear_error();
    return MTR_EIO;
}

void tls_session_end(struct tls_session *session)
{
    if (session->is_shaking || session->has_failed || session->is_ended) return;
    session->is_ended = true;
    ERR_clear_error();
    (void)!SSL_shutdown(session->ssl); /* its message is in `out`; nobody waits for the peer's */
    ERR_clear_error();
}
