/*
 * Address ranges that are not the public internet (IANA special-purpose registries), as prefixes. IPv6
 * addresses that carry an IPv4 address (mapped, NAT64) are judged by that; the other tunnels (6to4, Teredo,
 * compatible) are private, because they could carry anything.
 */
#include "lib/net/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum address_class { PUBLIC, LOOPBACK, PRIVATE, CARRIES_IPV4 };

struct prefix {
    uint8_t bytes[16];
    unsigned bits;
    enum address_class class;
};

static const struct prefix ipv4_prefixes[] = {
    {{127}, 8, LOOPBACK},         {{0}, 8, PRIVATE},          {{10}, 8, PRIVATE},
    {{100, 64}, 10, PRIVATE},     {{169, 254}, 16, PRIVATE},  {{172, 16}, 12, PRIVATE},
    {{192, 0, 0}, 24, PRIVATE},   {{192, 0, 2}, 24, PRIVATE}, {{192, 88, 99}, 24, PRIVATE},
    {{192, 168}, 16, PRIVATE},    {{198, 18}, 15, PRIVATE},   {{198, 51, 100}, 24, PRIVATE},
    {{203, 0, 113}, 24, PRIVATE}, {{224}, 3, PRIVATE},
};

static const struct prefix ipv6_prefixes[] = {
    {{[15] = 1}, 128, LOOPBACK},
    {{[10] = 0xff, [11] = 0xff}, 96, CARRIES_IPV4},
    {{0x00, 0x64, 0xff, 0x9b}, 96, CARRIES_IPV4},
    {{0x20, 0x00}, 3, PUBLIC}, /* 2000::/3, less what follows; all else is not public */
};

static const struct prefix ipv6_exceptions[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23, PRIVATE}, /* protocol assignments with Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, PRIVATE},
    {{0x20, 0x02}, 16, PRIVATE}, /* 6to4 */
    {{0x3f, 0xff}, 20, PRIVATE},
};

static bool has_prefix(const uint8_t *address, const struct prefix *prefix)
{
    unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;
    if (memcmp(address, prefix->bytes, whole) != 0) return false;
    return rest == 0 || ((address[whole] ^ prefix->bytes[whole]) >> (8 - rest)) == 0;
}

static enum address_class find(const uint8_t *address, const struct prefix *rows, size_t count,
                               enum address_class otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (has_prefix(address, &rows[i])) return rows[i].class;
    return otherwise;
}

#define ROWS(table) table, sizeof(table) / sizeof(table[0])

static enum address_class ipv4_class(const uint8_t *address)
{
    return find(address, ROWS(ipv4_prefixes), PUBLIC);
}

static enum address_class ipv6_class(const uint8_t *address)
{
    enum address_class class = find(address, ROWS(ipv6_prefixes), PRIVATE);
    if (class == CARRIES_IPV4) return ipv4_class(address + 12);
    return class == PUBLIC ? find(address, ROWS(ipv6_exceptions), PUBLIC) : class;
}

static bool class_allowed(enum address_class class, bool allow_loopback, bool allow_private)
{
    return class == PUBLIC || (class == LOOPBACK && allow_loopback) || (class == PRIVATE && allow_private);
}

bool address_allowed(const struct sockaddr *address, bool allow_loopback, bool allow_private)
{
    uint8_t bytes[16];
    if (address->sa_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, address, sizeof(ipv4));
        memcpy(bytes, &ipv4.sin_addr, 4);
        return class_allowed(ipv4_class(bytes), allow_loopback, allow_private);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, address, sizeof(ipv6));
        memcpy(bytes, &ipv6.sin6_addr, 16);
        return class_allowed(ipv6_class(bytes), allow_loopback, allow_private);
    }
    return false;
}

bool address_text_allowed(const char *text, bool allow_loopback, bool allow_private)
{
    uint8_t bytes[16];
    if (inet_pton(AF_INET, text, bytes) == 1)
        return class_allowed(ipv4_class(bytes), allow_loopback, allow_private);
    if (inet_pton(AF_INET6, text, bytes) == 1)
        return class_allowed(ipv6_class(bytes), allow_loopback, allow_private);
    return false;
}
