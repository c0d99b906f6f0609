/*
 * Basic (RFC 7617): user and password, either of which may be the secret, or both.
 */
#include "collector/source/auth/basic.h"

#include <string.h>

#include "collector/source/auth/driver.h"
#include "meterd/net/crypto.h"

enum { VALUE_BYTES_MAX = 256 << 10 };

int auth_add_basic(struct auth_session *session, struct auth_turn *turn, struct source_call *call,
                   struct mtr_str pair)
{
    struct mtr_buffer value;
    mtr_buffer_init(&value, VALUE_BYTES_MAX);
    int rc = mtr_buffer_append_str(&value, MTR_STR("Basic "));
    if (!rc) rc = mtr_base64_encode(&value, pair);
    if (!rc && session->hooks->mask)
        rc = source_mask_add(session->hooks->mask, (struct mtr_str){value.data + 6, value.size - 6});
    if (!rc) rc = auth_add_header(turn, call, MTR_STR("Authorization"), mtr_buffer_str(&value));
    secret_wipe(&value);
    return rc;
}

static int write_pair(struct auth_session *session, struct mtr_buffer *pair)
{
    const struct mtr_auth_basic *basic = session->source->auth.basic;
    int rc = basic->user_secret_file.size ? auth_read_secret(session, basic->user_secret_file, pair)
                                          : mtr_buffer_append_str(pair, basic->user);
    if (!rc && pair->size && memchr(pair->data, ':', pair->size))
        rc = auth_fail(session, AUTH_ALARM_AUTH, "a user's name for Basic cannot hold a colon");
    if (!rc) rc = mtr_buffer_append_char(pair, ':');
    if (!rc && basic->secret_file.size) rc = auth_read_secret(session, basic->secret_file, pair);
    return rc;
}

static int apply(struct auth_session *session, struct auth_turn *turn)
{
    struct mtr_buffer pair;
    mtr_buffer_init(&pair, VALUE_BYTES_MAX);
    int rc = write_pair(session, &pair);
    if (!rc) rc = auth_add_basic(session, turn, turn->call, mtr_buffer_str(&pair));
    secret_wipe(&pair);
    return rc;
}

const struct auth_driver auth_basic = {.name = "basic", .kind = MTR_AUTH_BASIC, .apply = apply};
