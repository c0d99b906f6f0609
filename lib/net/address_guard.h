/*
 * Which addresses a configured URL may reach. Private to lib/net.
 */
#ifndef METERD_LIB_NET_ADDRESS_GUARD_H
#define METERD_LIB_NET_ADDRESS_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

/* Families other than IPv4 and IPv6 are never allowed. */
bool address_allowed(const struct sockaddr *address, bool allow_loopback, bool allow_private);
/* The same for an address in text; what is not an address is not allowed. */
bool address_text_allowed(const char *text, bool allow_loopback, bool allow_private);

#endif
