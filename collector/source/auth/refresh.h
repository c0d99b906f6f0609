/*
 * Refresh tokens that a vendor rotates: each use gives the next one, and burns the one before, at once or a
 * little later.
 *
 *   begin ──▶ the newest ─ used ─▶ refresh_rotate ─▶ kept (durable) ─▶ its access token may be used
 *               │ refused (invalid_grant)
 *               └▶ the one before ─ refused ─▶ the alarm `reauthorize`
 *
 * The first one stands in a file that an operator wrote; what is kept remembers, by its hash, which first one
 * it came from. Another one in the file (somebody has authorized anew) goes before all that is kept.
 *
 * A crash between the vendor's answer and the disk loses the newest one; no client can close that. The one
 * before is then tried, and many vendors take it for a while.
 *
 * Private to auth/.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_REFRESH_H
#define METERD_COLLECTOR_SOURCE_AUTH_REFRESH_H

#include "collector/source/auth/session.h"

struct auth_refresh {
    uint8_t origin[AUTH_KEY_BYTES]; /* hash of the first one */
    bool is_loaded;
    bool uses_previous;
    struct mtr_buffer newest, previous;
};

void refresh_init(struct auth_refresh *refresh);
void refresh_wipe(struct auth_refresh *refresh);

/* The token to be used now, borrowed until the next call. MTR_EDENIED after auth_fail. */
int refresh_use(struct auth_session *session, struct auth_refresh *refresh, struct mtr_str file,
                struct mtr_str *out) MTR_MUST_USE;
/* It worked, and `next` came with it (no data: it stays as it is). MTR_EDENIED: no token. */
int refresh_rotate(struct auth_session *session, struct auth_refresh *refresh,
                   struct mtr_str next) MTR_MUST_USE;
/* Makes what was rotated durable, if it may try. MTR_EAGAIN: it is not, and stays in memory: it is on its way
 * (is_waiting), or auth_fail has said why. */
int refresh_keep(struct auth_session *session, struct auth_refresh *refresh, bool may_try) MTR_MUST_USE;
/* The vendor refuses it. True: there is another to be tried. */
bool refresh_refused(struct auth_refresh *refresh);

#endif
