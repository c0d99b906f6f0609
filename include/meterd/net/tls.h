/*
 * TLS of a server: the certificate that it shows, its private key, and by whom clients must be signed.
 *
 *   mtr_tls_open(texts) ─▶ struct mtr_tls ─▶ mtr_http_server_options.tls, mtr_http_server_set_tls
 *
 * TLS 1.3 and 1.2, with forward secrecy and authenticated encryption alone; HTTP/1.1 by ALPN; nothing is
 * renegotiated, compressed, or sent before the handshake is over. A session is resumed by a ticket for an
 * hour, under the same struct mtr_tls alone: another certificate, or other signers, begin anew.
 *
 * A struct mtr_tls never changes. Any thread; counted, and freed when the last holder lets go.
 */
#ifndef METERD_NET_TLS_H
#define METERD_NET_TLS_H

#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

struct mtr_tls;

/* PEM. Borrowed by the call. */
struct mtr_tls_texts {
    struct mtr_str certificate; /* the server's, and behind it those that it was signed by */
    struct mtr_str key;         /* without a passphrase */
    struct mtr_str client_ca;   /* clients must show a certificate of one of these; empty: they show none */
};

/* MTR_EINVALID with a sentence: what cannot be read, is too weak, or does not belong together. MTR_ENOMEM. */
int mtr_tls_open(const struct mtr_tls_texts *texts, struct mtr_tls **out,
                 struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
struct mtr_tls *mtr_tls_keep(struct mtr_tls *tls); /* one more holder */
void mtr_tls_release(struct mtr_tls *tls);         /* NULL is allowed */

/* From when to when all certificates that are shown hold, in seconds since 1970. */
int64_t mtr_tls_begins_s(const struct mtr_tls *tls);
int64_t mtr_tls_expires_s(const struct mtr_tls *tls);

/* "sha256//…", as mtr_http_call.pinned_key: of the first certificate. MTR_EINVALID: there is none. */
enum { MTR_TLS_PIN_BYTES = 64 };
int mtr_tls_pin(struct mtr_str certificate, char pin[MTR_TLS_PIN_BYTES]) MTR_MUST_USE;

#endif
