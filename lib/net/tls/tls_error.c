/*
 * What OpenSSL says went wrong.
 */
#include "lib/net/tls/tls_session.h"

#include <openssl/err.h>
#include <stdio.h>

void tls_error_text(char *out, size_t capacity)
{
    const unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    snprintf(out, capacity, "%s", reason ? reason : "it broke off");
    ERR_clear_error();
}
