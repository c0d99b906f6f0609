/*
 * From where each API key was used, so that the first use from another network is told. Of the last few
 * thousand pairs, since the start: it is not kept, the lines of the security log are. The loop's thread.
 */
#ifndef METERD_DAEMON_SECURITY_ADDRESSES_H
#define METERD_DAEMON_SECURITY_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"

struct security_addresses;

int security_addresses_open(struct security_addresses **out) MTR_MUST_USE;
void security_addresses_close(struct security_addresses *addresses); /* NULL is allowed */
/* Is it used from that network for the first time? From then on it is known. */
bool security_addresses_is_new(struct security_addresses *addresses, uint32_t api_key, const char *address);

#endif
