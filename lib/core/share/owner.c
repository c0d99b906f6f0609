/*
 * Two bits say the kind.
 */
#include "meterd/share/owner.h"

#include <netinet/in.h>
#include <xxhash.h>

enum { KIND_SHIFT = 62, OF_KEY = 1, OF_VENDOR = 2, OF_ADDRESS = 3 };
enum { SITE_BYTES = 8 };

static mtr_owner make(unsigned kind, uint64_t value)
{
    return (mtr_owner)kind << KIND_SHIFT | value >> (64 - KIND_SHIFT);
}

mtr_owner mtr_owner_of_key(uint32_t number)
{
    return make(OF_KEY, (uint64_t)number << (64 - KIND_SHIFT));
}

mtr_owner mtr_owner_of_vendor(struct mtr_str key)
{
    return make(OF_VENDOR, XXH3_64bits(key.data, key.size));
}

mtr_owner mtr_owner_of_address(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct in_addr *old = &((const struct sockaddr_in *)address)->sin_addr;
        return make(OF_ADDRESS, XXH3_64bits(old, sizeof(*old)));
    }
    if (address->sa_family != AF_INET6) return make(OF_ADDRESS, 0);
    const struct in6_addr *new = &((const struct sockaddr_in6 *)address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(new))
        return make(OF_ADDRESS, XXH3_64bits(&new->s6_addr[12], sizeof(struct in_addr)));
    return make(OF_ADDRESS, XXH3_64bits(new->s6_addr, SITE_BYTES));
}
