/*
 * What secrets need: hashes, keyed hashes, base64, hex, random bytes, and on top of them the signatures of
 * Standard Webhooks.
 *
 *   SHA-256, 512  FIPS 180-4           of an API key: the catalog keeps the hash, never the key
 *   HMAC          RFC 2104             of either, with a key, of pieces one after the other
 *   base64, hex   RFC 4648 §4, §8      with padding; in small letters
 *   webhooks      standardwebhooks.com, version v1: what a receiver checks before it believes a charge
 *
 *   struct mtr_webhook *webhook;
 *   char signature[MTR_WEBHOOK_SIGNATURE_BYTES];
 *   int rc = mtr_webhook_open(MTR_STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &webhook);
 *   if (!rc) rc = mtr_webhook_sign(webhook, MTR_STR("msg_1"), 1764288000, body, signature);
 *   mtr_webhook_close(webhook);
 *
 * Time: everything here makes a secret's image, nothing compares one with a stranger's, so no function takes
 * pains to run in constant time. Who must compare a secret compares hashes of it.
 *
 * Memory: keys are copied when they are given, and wiped when what holds them is closed. Threads: functions
 * without a handle on any thread, a handle on one at a time. Sizes are bytes. MTR_ENOMEM also stands for a
 * library that cannot work.
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
    MTR_DIGEST_BYTES_MAX = 64,
    MTR_WEBHOOK_SIGNATURE_BYTES = 48,  /* "v1," + 44 characters + NUL */
    MTR_WEBHOOK_SECRET_BYTES_MIN = 24, /* of key material, by the specification */
    MTR_WEBHOOK_SECRET_BYTES_MAX = 64,
};

/* ---- hashes ---- */

enum mtr_digest { MTR_SHA256, MTR_SHA512 };
size_t mtr_digest_bytes(enum mtr_digest digest); /* 32, 64: of a hash, and of a MAC by it */

/* Writes mtr_digest_bytes to out. Errors: MTR_ENOMEM. */
int mtr_digest_of(enum mtr_digest digest, struct mtr_str data, uint8_t *out) MTR_MUST_USE;

/* Of bytes that come in pieces, as vendors name them beside files. MD5 (RFC 1321) tells a file that is torn
 * or another one; it proves nothing about who made it.
 *
 *   mtr_hasher_open ─▶ (mtr_hasher_begin ─▶ mtr_hasher_add … ─▶ mtr_hasher_end)* */
enum mtr_hasher_kind { MTR_HASHER_MD5, MTR_HASHER_SHA256 };
enum { MTR_HASHER_MD5_BYTES = 16, MTR_HASHER_BYTES_MAX = 32 };

struct mtr_hasher;

/* MTR_ENOMEM, also where the library cannot make that hash. */
int mtr_hasher_open(enum mtr_hasher_kind kind, struct mtr_hasher **out) MTR_MUST_USE;
void mtr_hasher_close(struct mtr_hasher *hasher); /* NULL is allowed */
/* Forgets what was added. */
int mtr_hasher_begin(struct mtr_hasher *hasher) MTR_MUST_USE;
int mtr_hasher_add(struct mtr_hasher *hasher, struct mtr_str piece) MTR_MUST_USE;
/* 16 bytes of MD5, 32 of SHA-256; begin follows. */
int mtr_hasher_end(struct mtr_hasher *hasher, uint8_t out[MTR_HASHER_BYTES_MAX]) MTR_MUST_USE;

/* A key that signs many messages: any bytes, also none. Its cost is in opening it. */
struct mtr_hmac;

int mtr_hmac_open(enum mtr_digest digest, struct mtr_str key, struct mtr_hmac **out) MTR_MUST_USE;
void mtr_hmac_close(struct mtr_hmac *hmac); /* wipes the key; NULL is allowed */
/* The MAC of the pieces one after the other: mtr_digest_bytes to out. */
int mtr_hmac_sign(struct mtr_hmac *hmac, const struct mtr_str *pieces, size_t piece_count,
                  uint8_t *out) MTR_MUST_USE;

/* ---- base64 and hex ---- */

int mtr_hex_encode(struct mtr_buffer *out, struct mtr_str data) MTR_MUST_USE; /* as the next */
/* Both append to out. Decoding is strict: no spaces, exact padding, unused bits zero; else MTR_EINVALID, and
 * out is as it was. Errors: MTR_ELIMIT (out is full), MTR_ENOMEM. */
int mtr_base64_encode(struct mtr_buffer *out, struct mtr_str data) MTR_MUST_USE;
int mtr_base64_decode(struct mtr_buffer *out, struct mtr_str text) MTR_MUST_USE;

/* ---- the beginning ---- */

/* Before anything else here, where a program would rather not begin than crash: OpenSSL does when it finds no
 * memory for what it makes at its first use. MTR_ENOMEM. */
int mtr_crypto_begin(void) MTR_MUST_USE;

/* ---- random bytes ---- */

/* Nobody can foresee them: for keys. No memory is allocated. MTR_EIO: the system has none. */
int mtr_random_bytes(void *out, size_t size) MTR_MUST_USE;

/* ---- signatures of webhooks ---- */

/* A destination's secret: "v1," + base64(HMAC-SHA256(secret, id "." timestamp "." body)). */
struct mtr_webhook;

/* secret is "whsec_" + base64 of 24…64 bytes; the prefix may be missing. MTR_EINVALID when it is not. */
int mtr_webhook_open(struct mtr_str secret, struct mtr_webhook **out) MTR_MUST_USE;
void mtr_webhook_close(struct mtr_webhook *webhook); /* wipes the key; NULL is allowed */
/* The NUL-terminated value of the header webhook-signature. timestamp_s: of webhook-timestamp, seconds since
 * 1970; id: of webhook-id, not empty and without '.' (MTR_EINVALID). */
int mtr_webhook_sign(struct mtr_webhook *webhook, struct mtr_str id, int64_t timestamp_s, struct mtr_str body,
                     char signature[MTR_WEBHOOK_SIGNATURE_BYTES]) MTR_MUST_USE;

#endif
