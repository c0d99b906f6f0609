/*
 * The registry of kinds.
 */
#include "collector/source/auth/driver.h"

static const struct auth_driver *const drivers[] = {
    &auth_none,   &auth_presigned, &auth_basic,     &auth_header, &auth_query,
    &auth_oauth2, &auth_login,     &auth_aws_sigv4, &auth_hmac,
};

const struct auth_driver *auth_driver_of(enum mtr_auth_kind kind)
{
    size_t i = 0;
    while (drivers[i]->kind != kind) {
        i++;
        MTR_ASSERT(i < sizeof(drivers) / sizeof(drivers[0]));
    }
    return drivers[i];
}
