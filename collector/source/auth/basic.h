/*
 * The header of Basic, for clients of token endpoints too. Private to auth/.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_BASIC_H
#define METERD_COLLECTOR_SOURCE_AUTH_BASIC_H

#include "collector/source/auth/session.h"

/* pair: user, a colon, password; a secret. */
int auth_add_basic(struct auth_session *session, struct auth_turn *turn, struct source_call *call,
                   struct mtr_str pair) MTR_MUST_USE;

#endif
