/*
 * Two lists.
 */
#include "meterd/source/secret_name.h"

#include <stddef.h>

static const char *const headers[] = {
    "authorization", "proxy-authorization", "cookie",
    "set-cookie",    "x-auth-token",        "x-subject-token",
    "x-api-key",     "api-key",             "x-amz-security-token",
    "x-ms-authorization-auxiliary",         NULL,
};

static const char *const parameters[] = {
    "sig",          "signature",    "x-amz-signature", "x-amz-security-token",
    "token",        "access_token", "api_key",         "x-goog-signature",
    "apikey",       "key",          "secret",          "client_secret",
    "password",     NULL,
};

static bool is_one_of(struct mtr_str name, const char *const *names)
{
    for (; *names; names++)
        if (mtr_str_equal_lower(name, mtr_str_from(*names))) return true;
    return false;
}

bool mtr_secret_header(struct mtr_str name) { return is_one_of(name, headers); }

bool mtr_secret_parameter(struct mtr_str name) { return is_one_of(name, parameters); }
