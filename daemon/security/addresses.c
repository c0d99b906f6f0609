/*
 * See addresses.h. Sets of a few ways: a pair takes the place of the one that its set has had longest, and is
 * told once more if that comes again. A pair is its hash: one in 2^64 is taken for another.
 */
#include "daemon/security/addresses.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "daemon/api/security.h"

enum { SETS = 1024, WAYS = 4 };

struct security_addresses {
    uint64_t pairs[SETS][WAYS]; /* hashes; 0: none */
    uint8_t next[SETS];         /* to be taken */
};

int security_addresses_open(struct security_addresses **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? MTR_OK : MTR_ENOMEM;
}

void security_addresses_close(struct security_addresses *addresses)
{
    free(addresses);
}

bool security_addresses_is_new(struct security_addresses *addresses, uint32_t api_key, const char *address)
{
    char network[API_SECURITY_ADDRESS_BYTES];
    api_security_network(address, network);
    const uint64_t hash = XXH3_64bits_withSeed(network, strlen(network), api_key) | 1;
    uint64_t *set = addresses->pairs[hash / 2 % SETS];
    for (int i = 0; i < WAYS; i++)
        if (set[i] == hash) return false;
    uint8_t *next = &addresses->next[hash / 2 % SETS];
    set[*next] = hash;
    *next = (uint8_t)((*next + 1) % WAYS);
    return true;
}
