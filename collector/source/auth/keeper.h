/*
 * The keeper's own struct. Private to auth/.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_KEEPER_H
#define METERD_COLLECTOR_SOURCE_AUTH_KEEPER_H

#include "collector/source/auth/auth.h"

enum { AUTH_KEEPER_SLOTS = 4096 };

struct auth_keeper {
    struct auth_hooks hooks;
    struct auth_session *slots[AUTH_KEEPER_SLOTS]; /* chains by the beginning of their keys */
};

#endif
