/*
 * Sealed boxes: secrets that must be kept on a disk, such as a refresh token that a vendor gave, so that a
 * copy of the disk without its key tells nothing, and a changed byte is noticed.
 *
 *   uint8_t key[MTR_SEAL_KEY_BYTES];               from a file of mode 0600, or a credential of systemd
 *   rc = mtr_seal(key, token, &sealed);            to the disk
 *   rc = mtr_unseal(key, sealed, &token);          MTR_ECORRUPT: another key, or another box
 *
 * libsodium's secretbox (XSalsa20-Poly1305) behind a nonce at random: a byte for the format, 24 of nonce,
 * then the box, which is 16 bytes longer than what is in it. Any thread.
 */
#ifndef METERD_NET_SEAL_H
#define METERD_NET_SEAL_H

#include <stdint.h>

#include "meterd/core/buffer.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

enum { MTR_SEAL_KEY_BYTES = 32, MTR_SEAL_MORE_BYTES = 1 + 24 + 16 };

/* Both append to out, which is as it was after an error: MTR_ELIMIT, MTR_ENOMEM, MTR_EIO (no random bytes).
 * What is unsealed is a secret: wipe the buffer before it is released. */
int mtr_seal(const uint8_t key[MTR_SEAL_KEY_BYTES], struct mtr_str plain,
             struct mtr_buffer *out) MTR_MUST_USE;
int mtr_unseal(const uint8_t key[MTR_SEAL_KEY_BYTES], struct mtr_str sealed,
               struct mtr_buffer *out) MTR_MUST_USE;

#endif
