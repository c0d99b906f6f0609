/*
 * Sealed boxes by libsodium. Its one-time initialization only chooses an implementation, and may be called
 * again from any thread.
 */
#include "meterd/net/seal.h"

#include <sodium.h>

#include "meterd/net/crypto.h"

enum { FORMAT = 1, NONCE_BYTES = crypto_secretbox_NONCEBYTES, MAC_BYTES = crypto_secretbox_MACBYTES };

_Static_assert(MTR_SEAL_KEY_BYTES == crypto_secretbox_KEYBYTES, "the header says so");
_Static_assert(MTR_SEAL_MORE_BYTES == 1 + NONCE_BYTES + MAC_BYTES, "the header says so");

int mtr_seal(const uint8_t key[MTR_SEAL_KEY_BYTES], struct mtr_str plain, struct mtr_buffer *out)
{
    if (sodium_init() < 0) return MTR_ENOMEM;
    int rc = mtr_buffer_reserve(out, plain.size + MTR_SEAL_MORE_BYTES);
    unsigned char *to = (unsigned char *)out->data + out->size;
    if (!rc) rc = mtr_random_bytes(to + 1, NONCE_BYTES);
    if (rc) return rc;
    to[0] = FORMAT;
    crypto_secretbox_easy(to + 1 + NONCE_BYTES, (const unsigned char *)(plain.data ? plain.data : ""),
                          plain.size, to + 1, key);
    out->size += plain.size + MTR_SEAL_MORE_BYTES;
    return MTR_OK;
}

int mtr_unseal(const uint8_t key[MTR_SEAL_KEY_BYTES], struct mtr_str sealed, struct mtr_buffer *out)
{
    const unsigned char *from = (const unsigned char *)sealed.data;
    if (sodium_init() < 0) return MTR_ENOMEM;
    if (sealed.size < MTR_SEAL_MORE_BYTES || from[0] != FORMAT) return MTR_ECORRUPT;
    const size_t size = sealed.size - MTR_SEAL_MORE_BYTES;
    int rc = mtr_buffer_reserve(out, size + 1); /* a place, also for none */
    if (rc) return rc;
    if (crypto_secretbox_open_easy((unsigned char *)out->data + out->size, from + 1 + NONCE_BYTES,
                                   size + MAC_BYTES, from + 1, key))
        return MTR_ECORRUPT;
    out->size += size;
    return MTR_OK;
}
