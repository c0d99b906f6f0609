/*
 * Whose work something is, wherever shares are to be fair: that of an API key; of an address, before a key is
 * known; of a vendor whose usage is fetched; or meterd's own.
 *
 * Names are told apart by 62 bits of a hash (XXH3): two that fall together share, and no more. Addresses of
 * the new kind are told apart by their /64, which is what one site is given at least (RFC 6177, 2).
 */
#ifndef METERD_SHARE_OWNER_H
#define METERD_SHARE_OWNER_H

#include <stdint.h>

#include "meterd/core/str.h"

typedef uint64_t mtr_owner;

enum { MTR_OWNER_SELF = 0 };

mtr_owner mtr_owner_of_key(uint32_t number);
mtr_owner mtr_owner_of_vendor(struct mtr_str key);

struct sockaddr;
/* AF_INET, AF_INET6; those of the old kind that are written in the new one are of the old one. All others are
 * one owner. */
mtr_owner mtr_owner_of_address(const struct sockaddr *address);

#endif
