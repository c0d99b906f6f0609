/*
 * HMAC-SHA256, base64, and the signatures of Standard Webhooks.
 */
#ifndef METERD_NET_CRYPTO_H
#define METERD_NET_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meterd/core/buffer.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

enum {
    MTR_SHA256_BYTES = 32,
    MTR_WEBHOOK_SIGNATURE_BYTES = 48, /* "v1," + 44 characters + NUL */
    MTR_WEBHOOK_SECRET_BYTES_MIN = 24, /* of key material, by the specification */
    MTR_WEBHOOK_SECRET_BYTES_MAX = 64,
};

/* A key that signs many messages; one thread at a time. */
struct mtr_hmac;

int mtr_hmac_open(struct mtr_str key, struct mtr_hmac **out) MTR_MUST_USE;
void mtr_hmac_close(struct mtr_hmac *hmac); /* wipes the key; NULL is allowed */
/* The MAC of the pieces one after the other. */
int mtr_hmac_sign(struct mtr_hmac *hmac, const struct mtr_str *pieces, size_t piece_count,
                  uint8_t out[MTR_SHA256_BYTES]) MTR_MUST_USE;

int mtr_sha256(struct mtr_str data, uint8_t out[MTR_SHA256_BYTES]) MTR_MUST_USE;

/* RFC 4648 §4, padded. Decoding is strict: no spaces, exact padding, unused bits zero; else MTR_EINVALID.
 * Both append. */
int mtr_base64_encode(struct mtr_buffer *out, struct mtr_str data) MTR_MUST_USE;
int mtr_base64_decode(struct mtr_buffer *out, struct mtr_str text) MTR_MUST_USE;

/* Cryptographically random bytes. */
int mtr_random_bytes(void *out, size_t size) MTR_MUST_USE;

/* Standard Webhooks: "v1," + base64(HMAC-SHA256(secret, id "." timestamp "." body)). */
struct mtr_webhook;

/* secret is "whsec_" + base64 of 24…64 bytes; the prefix may be missing. MTR_EINVALID when it is not. */
int mtr_webhook_open(struct mtr_str secret, struct mtr_webhook **out) MTR_MUST_USE;
void mtr_webhook_close(struct mtr_webhook *webhook);
/* The NUL-terminated webhook-signature of a message. The id holds no '.' (MTR_EINVALID). */
int mtr_webhook_sign(struct mtr_webhook *webhook, struct mtr_str id, int64_t timestamp_s, struct mtr_str body,
                     char signature[MTR_WEBHOOK_SIGNATURE_BYTES]) MTR_MUST_USE;

#endif
