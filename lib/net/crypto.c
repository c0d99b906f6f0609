/*
 * Signatures with OpenSSL's EVP_MAC, base64, random bytes (the kernel's: OpenSSL's take memory).
 *
 * An EVP_MAC_CTX is fetched and keyed once and re-initialized per message with its key kept: fetching is what
 * costs. Key material in our own memory is wiped. Base64 is our own: OpenSSL's decoder accepts white space
 * and cannot tell padding from data.
 */
#include "meterd/net/crypto.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct mtr_hmac {
    enum mtr_digest digest;
    EVP_MAC *mac;
    EVP_MAC_CTX *keyed;
};

struct mtr_webhook {
    struct mtr_hmac *hmac;
};

int mtr_crypto_begin(void)
{
    if (!OSSL_LIB_CTX_get0_global_default()) return MTR_ENOMEM;
    EVP_MD *digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MAC *mac = digest ? EVP_MAC_fetch(NULL, "HMAC", NULL) : NULL;
    const bool has_all = mac != NULL;
    EVP_MAC_free(mac);
    EVP_MD_free(digest);
    return has_all ? MTR_OK : MTR_ENOMEM;
}

size_t mtr_digest_bytes(enum mtr_digest digest)
{
    return digest == MTR_SHA256 ? MTR_SHA256_BYTES : MTR_DIGEST_BYTES_MAX;
}

int mtr_hmac_open(enum mtr_digest digest, struct mtr_str key, struct mtr_hmac **out)
{
    char names[][8] = {"SHA256", "SHA512"};
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, names[digest], 0),
                           OSSL_PARAM_construct_end()};
    static const unsigned char no_key[1];
    const unsigned char *bytes =
        key.size ? (const unsigned char *)key.data : no_key; /* NULL would mean "the key from before" */
    struct mtr_hmac *hmac = calloc(1, sizeof(*hmac));
    if (!hmac) return MTR_ENOMEM;
    hmac->digest = digest;
    hmac->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    hmac->keyed = hmac->mac ? EVP_MAC_CTX_new(hmac->mac) : NULL;
    if (!hmac->keyed || EVP_MAC_init(hmac->keyed, bytes, key.size, params) != 1) {
        mtr_hmac_close(hmac);
        return MTR_ENOMEM;
    }
    *out = hmac;
    return MTR_OK;
}

void mtr_hmac_close(struct mtr_hmac *hmac)
{
    if (!hmac) return;
    EVP_MAC_CTX_free(hmac->keyed);
    EVP_MAC_free(hmac->mac);
    free(hmac);
}

int mtr_hmac_sign(struct mtr_hmac *hmac, const struct mtr_str *pieces, size_t piece_count, uint8_t *out)
{
    const size_t wanted = mtr_digest_bytes(hmac->digest);
    size_t size = 0;
    if (EVP_MAC_init(hmac->keyed, NULL, 0, NULL) != 1) return MTR_ENOMEM;
    for (size_t i = 0; i < piece_count; i++)
        if (pieces[i].size &&
            EVP_MAC_update(hmac->keyed, (const unsigned char *)pieces[i].data, pieces[i].size) != 1)
            return MTR_ENOMEM;
    if (EVP_MAC_final(hmac->keyed, out, &size, wanted) != 1) return MTR_ENOMEM;
    MTR_ASSERT(size == wanted);
    return MTR_OK;
}

int mtr_digest_of(enum mtr_digest digest, struct mtr_str data, uint8_t *out)
{
    const EVP_MD *kind = digest == MTR_SHA256 ? EVP_sha256() : EVP_sha512();
    unsigned size = 0;
    if (EVP_Digest(data.data ? data.data : "", data.size, out, &size, kind, NULL) != 1) return MTR_ENOMEM;
    MTR_ASSERT(size == mtr_digest_bytes(digest));
    return MTR_OK;
}

/* ---- hashes in pieces ---- */

struct mtr_hasher {
    const EVP_MD *kind;
    EVP_MD_CTX *context;
};

int mtr_hasher_open(enum mtr_hasher_kind kind, struct mtr_hasher **out)
{
    struct mtr_hasher *hasher = calloc(1, sizeof(*hasher));
    if (!hasher) return MTR_ENOMEM;
    hasher->kind = kind == MTR_HASHER_MD5 ? EVP_md5() : EVP_sha256();
    hasher->context = EVP_MD_CTX_new();
    int rc = hasher->context ? mtr_hasher_begin(hasher) : MTR_ENOMEM;
    if (rc)
        mtr_hasher_close(hasher);
    else
        *out = hasher;
    return rc;
}

void mtr_hasher_close(struct mtr_hasher *hasher)
{
    if (!hasher) return;
    EVP_MD_CTX_free(hasher->context);
    free(hasher);
}

int mtr_hasher_begin(struct mtr_hasher *hasher)
{
    return EVP_DigestInit_ex(hasher->context, hasher->kind, NULL) == 1 ? MTR_OK : MTR_ENOMEM;
}

int mtr_hasher_add(struct mtr_hasher *hasher, struct mtr_str piece)
{
    if (!piece.size) return MTR_OK;
    return EVP_DigestUpdate(hasher->context, piece.data, piece.size) == 1 ? MTR_OK : MTR_ENOMEM;
}

int mtr_hasher_end(struct mtr_hasher *hasher, uint8_t out[MTR_HASHER_BYTES_MAX])
{
    unsigned size = 0;
    if (EVP_DigestFinal_ex(hasher->context, out, &size) != 1) return MTR_ENOMEM;
    MTR_ASSERT(size <= MTR_HASHER_BYTES_MAX);
    return MTR_OK;
}

int mtr_hex_encode(struct mtr_buffer *out, struct mtr_str data)
{
    static const char digits[] = "0123456789abcdef";
    int rc = mtr_buffer_reserve(out, 2 * data.size);
    for (size_t i = 0; i < data.size && !rc; i++) {
        const unsigned char byte = (unsigned char)data.data[i];
        out->data[out->size++] = digits[byte >> 4];
        out->data[out->size++] = digits[byte & 15];
    }
    return rc;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int mtr_base64_encode(struct mtr_buffer *out, struct mtr_str data)
{
    const unsigned char *bytes = (const unsigned char *)data.data;
    int rc = mtr_buffer_reserve(out, (data.size + 2) / 3 * 4);
    if (rc) return rc;
    for (size_t i = 0; i < data.size; i += 3) {
        size_t left = data.size - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        char *text = out->data + out->size;
        text[0] = base64_digits[group >> 18];
        text[1] = base64_digits[group >> 12 & 63];
        text[2] = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        text[3] = left > 2 ? base64_digits[group & 63] : '=';
        out->size += 4;
    }
    return MTR_OK;
}

static int base64_value(char character)
{
    if (character >= 'A' && character <= 'Z') return character - 'A';
    if (character >= 'a' && character <= 'z') return character - 'a' + 26;
    if (character >= '0' && character <= '9') return character - '0' + 52;
    if (character == '+') return 62;
    if (character == '/') return 63;
    return -1;
}

int mtr_base64_decode(struct mtr_buffer *out, struct mtr_str text)
{
    if (text.size % 4 != 0) return MTR_EINVALID;
    int rc = mtr_buffer_reserve(out, text.size / 4 * 3);
    if (rc) return rc;
    size_t size = out->size;
    for (size_t i = 0; i < text.size; i += 4) {
        bool last = i + 4 == text.size;
        unsigned padding =
            last ? (unsigned)(text.data[i + 3] == '=') + (text.data[i + 3] == '=' && text.data[i + 2] == '=')
                 : 0;
        uint32_t group = 0;
        for (unsigned j = 0; j < 4; j++) {
            int value = j < 4 - padding ? base64_value(text.data[i + j]) : 0;
            if (value < 0) return MTR_EINVALID;
            group = group << 6 | (uint32_t)value;
        }
        if (group & ((1u << 8 * padding) - 1))
            return MTR_EINVALID; /* bits that the padding says are unused */
        for (unsigned j = 0; j < 3 - padding; j++) out->data[size++] = (char)(group >> (16 - 8 * j) & 255);
    }
    out->size = size;
    return MTR_OK;
}

int mtr_random_bytes(void *out, size_t size)
{
    char *at = out;
    while (size > 0) {
        const ssize_t count = getrandom(at, size, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return MTR_EIO;
        at += count;
        size -= (size_t)count;
    }
    return MTR_OK;
}

int mtr_webhook_open(struct mtr_str secret, struct mtr_webhook **out)
{
    struct mtr_str prefix = MTR_STR("whsec_");
    if (mtr_str_starts_with(secret, prefix))
        secret = (struct mtr_str){secret.data + prefix.size, secret.size - prefix.size};
    struct mtr_webhook *webhook = NULL;
    struct mtr_buffer key;
    mtr_buffer_init(&key, 2 * MTR_WEBHOOK_SECRET_BYTES_MAX);
    int rc = mtr_base64_decode(&key, secret);
    bool fits = key.size >= MTR_WEBHOOK_SECRET_BYTES_MIN && key.size <= MTR_WEBHOOK_SECRET_BYTES_MAX;
    if (rc == MTR_ELIMIT || (!rc && !fits)) rc = MTR_EINVALID;
    if (rc) goto out;
    webhook = calloc(1, sizeof(*webhook));
    rc = webhook ? mtr_hmac_open(MTR_SHA256, mtr_buffer_str(&key), &webhook->hmac) : MTR_ENOMEM;
    if (!rc) *out = webhook;
out:
    if (key.data) OPENSSL_cleanse(key.data, key.capacity);
    mtr_buffer_release(&key);
    if (rc) free(webhook);
    return rc;
}

void mtr_webhook_close(struct mtr_webhook *webhook)
{
    if (!webhook) return;
    mtr_hmac_close(webhook->hmac);
    free(webhook);
}

static int sign_text(struct mtr_webhook *webhook, struct mtr_str id, struct mtr_str timestamp,
                     struct mtr_str body, char signature[MTR_WEBHOOK_SIGNATURE_BYTES])
{
    uint8_t mac[MTR_SHA256_BYTES];
    struct mtr_str pieces[] = {id, MTR_STR("."), timestamp, MTR_STR("."), body};
    if (id.size == 0 || memchr(id.data, '.', id.size)) return MTR_EINVALID;
    int rc = mtr_hmac_sign(webhook->hmac, pieces, sizeof(pieces) / sizeof(pieces[0]), mac);
    if (rc) return rc;
    struct mtr_buffer text;
    mtr_buffer_init(&text, MTR_WEBHOOK_SIGNATURE_BYTES);
    rc = mtr_base64_encode(&text, (struct mtr_str){(const char *)mac, sizeof(mac)});
    if (!rc) snprintf(signature, MTR_WEBHOOK_SIGNATURE_BYTES, "v1,%.*s", MTR_STR_ARGS(mtr_buffer_str(&text)));
    mtr_buffer_release(&text);
    return rc;
}

int mtr_webhook_sign(struct mtr_webhook *webhook, struct mtr_str id, int64_t timestamp_s, struct mtr_str body,
                     char signature[MTR_WEBHOOK_SIGNATURE_BYTES])
{
    char timestamp[24];
    snprintf(timestamp, sizeof(timestamp), "%" PRId64, timestamp_s);
    return sign_text(webhook, id, mtr_str_from(timestamp), body, signature);
}
