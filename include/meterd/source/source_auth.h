/*
 * How a source says who it is: `auth` of its document. Secrets stand in files (mode 0600, or a credential of
 * systemd), never in the document.
 *
 *   auth: none | presigned
 *   auth: {basic: {user: meterd, secret_file: F}}           # or user_secret_file: F, secret: ""
 *   auth: {header: {name: Authorization, value: "Bearer {secret}", secret_file: F}}
 *   auth: {query: {name: api_key, value: "{secret}", secret_file: F}}
 *   auth: {oauth2: {token_url: U, grant: client_credentials, client_id: C, secret_file: F, scopes: [usage]}}
 *   auth: {login: {request: {…}, secret_file: F, token: {header: X-Subject-Token}, expires: {path: P},
 *                  send: {header: X-Auth-Token, value: "{token}"}}}
 *   auth: {aws_sigv4: {region: eu-west-1, service: s3, access_key: A, secret_file: F}}
 *   auth: {hmac: {algorithm: sha256, secret_file: F, sign: "{method}\n{path}…", encode: base64, headers: {…}}}
 *   auth: {mtls: {certificate_file: F, key_file: F}}        # alone, or beside one of the others
 */
#ifndef METERD_SOURCE_SOURCE_AUTH_H
#define METERD_SOURCE_SOURCE_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/schema.h"
#include "meterd/core/str.h"
#include "meterd/source/source_request.h"

enum mtr_auth_kind {
    MTR_AUTH_NONE,
    MTR_AUTH_PRESIGNED, /* links bring theirs: none is sent */
    MTR_AUTH_BASIC,
    MTR_AUTH_HEADER,
    MTR_AUTH_QUERY, /* a parameter of each request: its members are those of a header */
    MTR_AUTH_OAUTH2,
    MTR_AUTH_LOGIN,
    MTR_AUTH_AWS_SIGV4,
    MTR_AUTH_HMAC
};

struct mtr_auth_basic {
    struct mtr_str user;             /* one of both */
    struct mtr_str user_secret_file; /* a key as the user's name */
    struct mtr_str secret_file;      /* empty: the password is */
};

struct mtr_auth_header {
    struct mtr_str name;  /* of a header Authorization unless given */
    struct mtr_str value; /* template over {secret} */
    struct mtr_str secret_file;
};

enum mtr_oauth2_grant { MTR_GRANT_CLIENT_CREDENTIALS, MTR_GRANT_REFRESH_TOKEN };
enum mtr_oauth2_send { MTR_OAUTH2_IN_BODY, MTR_OAUTH2_BASIC }; /* where client id and secret stand */

struct mtr_auth_oauth2 {
    struct mtr_str token_url; /* http(s) */
    enum mtr_oauth2_grant grant;
    struct mtr_str client_id;
    struct mtr_str secret_file;
    struct mtr_str refresh_token_file; /* of REFRESH_TOKEN: the first one; a rotated one is kept elsewhere */
    const struct mtr_str *scopes;
    uint32_t scope_count;
    enum mtr_oauth2_send send;
    const struct mtr_label *extra; /* further fields of the request: audience, resource */
    uint32_t extra_count;
    int64_t ttl_us; /* of a token whose answer does not say; 0: an hour */
};

struct mtr_auth_login {
    struct mtr_source_request request; /* templates know {secret}, too */
    struct mtr_str secret_file;
    struct mtr_source_place token;
    struct mtr_source_place expires; /* of its answer: RFC 3339, or seconds since 1970; both empty: ttl_us */
    int64_t ttl_us;
    struct mtr_str send_header;
    struct mtr_str send_value; /* template over {token} */
};

struct mtr_auth_sigv4 {
    struct mtr_str region, service, access_key, secret_file;
};

enum mtr_hmac_hash { MTR_HMAC_SHA256, MTR_HMAC_SHA512 };
enum mtr_hmac_encoding { MTR_HMAC_HEX, MTR_HMAC_BASE64 };

struct mtr_auth_hmac {
    enum mtr_hmac_hash hash;
    enum mtr_hmac_encoding encoding;
    struct mtr_str secret_file;
    struct mtr_str sign; /* template: {method} {path} {query} {body_hash} {time} {nonce} */
    const struct mtr_label *headers; /* names and templates of the above, and {signature} */
    uint32_t header_count;
};

struct mtr_source_auth {
    enum mtr_auth_kind kind;
    union {
        const struct mtr_auth_basic *basic;
        const struct mtr_auth_header *header, *query;
        const struct mtr_auth_oauth2 *oauth2;
        const struct mtr_auth_login *login;
        const struct mtr_auth_sigv4 *sigv4;
        const struct mtr_auth_hmac *hmac;
    };
    struct mtr_str certificate_file, key_file; /* of mtls, beside any kind; empty: none */
};

#endif
