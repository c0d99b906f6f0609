/*
 * `auth`: a way a table. What is a secret is named by its file.
 */
#include "lib/source/document/fields.h"

#include <stdio.h>
#include <string.h>

static const struct mtr_field nothing[] = {{0}};

#define FILE_ROW(holder, member, text)                                                                       \
    {MTR_ROW(holder, member), .type = MTR_FIELD_TEXT, .max = SOURCE_FILE_BYTES_MAX, .doc = text}
#define SECRET_FILE(holder)                                                                                  \
    FILE_ROW(holder, secret_file, "file that holds the secret: mode 0600, or a credential of systemd")

struct basic_fields {
    struct mtr_str user, user_secret_file, secret_file, secret;
    bool has_secret;
};
static const struct mtr_field basic_rows[] = {
    {MTR_ROW(basic_fields, user), .type = MTR_FIELD_TEXT, .max = 256, .doc = "its name"},
    FILE_ROW(basic_fields, user_secret_file, "a key as the name: file that holds it"),
    SECRET_FILE(basic_fields),
    {MTR_ROW(basic_fields, secret), .type = MTR_FIELD_TEXT, MTR_ROW_GIVEN(basic_fields, has_secret),
     .doc = "\"\" alone: there is no password"},
    {0},
};

struct header_fields {
    struct mtr_str name, value, secret_file;
};
static const struct mtr_field header_rows[] = {
    {MTR_ROW(header_fields, name), .type = MTR_FIELD_TEXT, .min = 1, .max = MTR_KEY_BYTES_MAX,
     .default_text = "Authorization", .doc = "of the header"},
    {MTR_ROW(header_fields, value), .type = MTR_FIELD_TEXT, .max = MTR_SOURCE_TEXT_BYTES_MAX,
     .default_text = "Bearer {secret}", .doc = "template over {secret}"},
    SECRET_FILE(header_fields),
    {0},
};

static const struct mtr_field query_rows[] = {
    {MTR_ROW(header_fields, name), .type = MTR_FIELD_TEXT, SOURCE_NEEDED, .min = 1, .max = MTR_KEY_BYTES_MAX,
     .doc = "of the parameter, as api_key"},
    {MTR_ROW(header_fields, value), .type = MTR_FIELD_TEXT, .max = MTR_SOURCE_TEXT_BYTES_MAX,
     .default_text = "{secret}", .doc = "template over {secret}"},
    SECRET_FILE(header_fields),
    {0},
};

struct oauth2_fields {
    struct mtr_str token_url, client_id, secret_file, refresh_token_file;
    int grant, send;
    struct mtr_list scopes, extra;
    int64_t ttl_us;
};
static const char *const grants[] = {"client_credentials", "refresh_token", NULL};
static const char *const sends[] = {"body", "basic", NULL};
static const struct mtr_field oauth2_rows[] = {
    {MTR_ROW(oauth2_fields, token_url), .type = MTR_FIELD_TEXT, SOURCE_NEEDED,
     .max = MTR_SOURCE_TEXT_BYTES_MAX, .doc = "where tokens are asked for"},
    {MTR_ROW(oauth2_fields, grant), .type = MTR_FIELD_ENUM, .choices = grants,
     .default_text = "client_credentials", .doc = "of OAuth 2.0"},
    {MTR_ROW(oauth2_fields, client_id), .type = MTR_FIELD_TEXT, SOURCE_NEEDED, .min = 1, .max = 256,
     .doc = "the client's name"},
    SECRET_FILE(oauth2_fields),
    FILE_ROW(oauth2_fields, refresh_token_file,
             "of refresh_token: file that holds the first; rotated ones are kept by meterd"),
    {MTR_ROW(oauth2_fields, scopes), .type = MTR_FIELD_TEXTS, .single = true, .max = 64,
     .doc = "what is asked for"},
    {MTR_ROW(oauth2_fields, send), .type = MTR_FIELD_ENUM, .choices = sends, .default_text = "body",
     .doc = "where client_id and secret stand"},
    {MTR_ROW(oauth2_fields, extra), .type = MTR_FIELD_LABELS, .max = 16,
     .doc = "further fields of the request, as audience"},
    {.name = "ttl", MTR_ROW_AT(oauth2_fields, ttl_us), .type = MTR_FIELD_DURATION, .default_text = "1h",
     .min = 1000000, .max = UINT64_C(86400000000) * 366, .doc = "of a token whose answer does not say"},
    {0},
};

struct login_fields {
    struct source_request_fields request;
    struct mtr_str secret_file;
    struct source_place_fields token, expires;
    int64_t ttl_us;
    bool has_expires, has_ttl;
    struct {
        struct mtr_str header, value;
    } send;
};
static const struct mtr_field login_send_rows[] = {
    {.name = "header", MTR_ROW_AT(login_fields, send.header), .type = MTR_FIELD_TEXT, .min = 1,
     .max = MTR_KEY_BYTES_MAX, .default_text = "Authorization", .doc = "name of the header"},
    {.name = "value", MTR_ROW_AT(login_fields, send.value), .type = MTR_FIELD_TEXT,
     .max = MTR_SOURCE_TEXT_BYTES_MAX, .default_text = "Bearer {token}", .doc = "template over {token}"},
    {0},
};
static const struct mtr_field login_rows[] = {
    {MTR_ROW(login_fields, request), .type = MTR_FIELD_MAP, .fields = source_request_rows, SOURCE_NEEDED,
     .doc = "what is sent; templates know {secret}"},
    SECRET_FILE(login_fields),
    {MTR_ROW(login_fields, token), .type = MTR_FIELD_MAP, .fields = source_place_rows, SOURCE_NEEDED,
     .doc = "where the token stands in the answer"},
    {MTR_ROW(login_fields, expires), .type = MTR_FIELD_MAP, .fields = source_place_rows,
     MTR_ROW_GIVEN(login_fields, has_expires), .doc = "where its end stands, as an instant"},
    {.name = "ttl", MTR_ROW_AT(login_fields, ttl_us), .type = MTR_FIELD_DURATION, .default_text = "1h",
     .min = 1000000, .max = UINT64_C(86400000000) * 366, MTR_ROW_GIVEN(login_fields, has_ttl),
     .doc = "of a token whose answer does not say"},
    {.name = "send", .type = MTR_FIELD_MAP, .fields = login_send_rows, .doc = "how it is sent then"},
    {0},
};

static const struct mtr_field sigv4_rows[] = {
    {MTR_ROW(mtr_auth_sigv4, region), .type = MTR_FIELD_TEXT, SOURCE_NEEDED, .min = 1, .max = 64,
     .doc = "as eu-west-1"},
    {MTR_ROW(mtr_auth_sigv4, service), .type = MTR_FIELD_TEXT, .default_text = "s3", .min = 1, .max = 64,
     .doc = "as the signature names it"},
    {MTR_ROW(mtr_auth_sigv4, access_key), .type = MTR_FIELD_TEXT, SOURCE_NEEDED, .min = 1, .max = 128,
     .doc = "the key's id"},
    SECRET_FILE(mtr_auth_sigv4),
    {0},
};

struct hmac_fields {
    int algorithm, encode;
    struct mtr_str secret_file, sign;
    struct mtr_list headers;
};
static const char *const hashes[] = {"sha256", "sha512", NULL};
static const char *const encodings[] = {"hex", "base64", NULL};
static const struct mtr_field hmac_rows[] = {
    {MTR_ROW(hmac_fields, algorithm), .type = MTR_FIELD_ENUM, .choices = hashes, .default_text = "sha256",
     .doc = "the hash of the HMAC"},
    SECRET_FILE(hmac_fields),
    {MTR_ROW(hmac_fields, sign), .type = MTR_FIELD_TEXT, SOURCE_NEEDED, .min = 1,
     .max = MTR_SOURCE_TEXT_BYTES_MAX,
     .doc = "template of what is signed: {method} {path} {query} {body_hash} {time} {nonce}"},
    {MTR_ROW(hmac_fields, encode), .type = MTR_FIELD_ENUM, .choices = encodings, .default_text = "hex",
     .doc = "of the signature"},
    {MTR_ROW(hmac_fields, headers), .type = MTR_FIELD_LABELS, SOURCE_NEEDED, .min = 1, .max = 16,
     .doc = "names and templates of the above, and {signature}"},
    {0},
};

struct mtls_fields {
    struct mtr_str certificate_file, key_file;
};
static const struct mtr_field mtls_rows[] = {
    FILE_ROW(mtls_fields, certificate_file, "PEM, with what signs it"),
    FILE_ROW(mtls_fields, key_file, "PEM, mode 0600"),
    {0},
};

#define WAY(way, holder, text)                                                                               \
    static const struct mtr_field way##_row = {.name = #way,                                                 \
                                               .type = MTR_FIELD_MAP,                                        \
                                               .fields = way##_rows,                                         \
                                               .own_size = sizeof(holder),                                   \
                                               .doc = text}
static const struct mtr_field aws_sigv4_row = {.name = "aws_sigv4",
                                               .type = MTR_FIELD_MAP,
                                               .fields = sigv4_rows,
                                               .own_size = sizeof(struct mtr_auth_sigv4),
                                               .doc = "AWS Signature Version 4"};
WAY(basic, struct basic_fields, "name and password");
WAY(header, struct header_fields, "a header that holds a secret");
WAY(query, struct header_fields, "a parameter of the URL that holds a secret");
WAY(oauth2, struct oauth2_fields, "tokens of OAuth 2.0");
WAY(login, struct login_fields, "a request that answers a token, as Keystone's");
WAY(hmac, struct hmac_fields, "a signature of the request in a header");
WAY(mtls, struct mtls_fields, "a client's certificate; also beside another way");

const char *const source_auth_words[] = {"none", "presigned", NULL};
#define WAY_ROW(way)                                                                                         \
    {.name = #way, MTR_ROW_AT(source_auth_fields, way), .type = MTR_FIELD_ROW, .row = &way##_row}
const struct mtr_field source_auth_rows[] = {
    {.name = "none", MTR_ROW_AT(source_auth_fields, empty), .type = MTR_FIELD_MAP, .fields = nothing,
     MTR_ROW_GIVEN(source_auth_fields, has_none), .doc = "nothing is sent"},
    {.name = "presigned", MTR_ROW_AT(source_auth_fields, empty), .type = MTR_FIELD_MAP, .fields = nothing,
     MTR_ROW_GIVEN(source_auth_fields, has_presigned), .doc = "links bring theirs: nothing is sent"},
    WAY_ROW(basic),
    WAY_ROW(header),
    WAY_ROW(query),
    WAY_ROW(oauth2),
    WAY_ROW(login),
    WAY_ROW(aws_sigv4),
    WAY_ROW(hmac),
    WAY_ROW(mtls),
    {0},
};

static bool holds(struct mtr_str text, const char *part)
{
    return text.size && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static void *room(struct source_reading *reading, size_t size)
{
    void *out = mtr_arena_calloc(reading->arena, 1, size);
    if (!out) reading->error = MTR_ENOMEM;
    return out;
}

static void read_basic(struct source_reading *reading, const struct basic_fields *fields,
                       struct mtr_source_auth *out)
{
    static const char *const names[] = {"user", "user_secret_file", NULL};
    const bool given[] = {fields->user.size > 0, fields->user_secret_file.size > 0};
    struct mtr_auth_basic *basic = room(reading, sizeof(*basic));
    if (!basic) return;
    (void)source_one_of(reading, "auth.basic", names, given, "");
    if (fields->secret.size)
        source_fault(reading, MTR_FINDING_SOURCE_SECRET_WRITTEN, "auth.basic.secret",
                     "a secret does not stand in a document: write it to a file, and name that as "
                     "secret_file");
    else if (!fields->has_secret)
        source_check_file(reading, "auth.basic.secret_file", fields->secret_file,
                          "the password (`secret: \"\"` says that there is none)");
    *basic = (struct mtr_auth_basic){fields->user, fields->user_secret_file, fields->secret_file};
    out->kind = MTR_AUTH_BASIC;
    out->basic = basic;
}

static void read_secret_value(struct source_reading *reading, const char *path,
                              const struct header_fields *fields, const char *as,
                              struct mtr_source_auth *out)
{
    char at[MTR_FINDING_FIELD_BYTES];
    struct mtr_auth_header *header = room(reading, sizeof(*header));
    if (!header) return;
    source_check_file(reading, source_path_join(path, "secret_file", at), fields->secret_file, "the secret");
    if (!holds(fields->value, "{secret}"))
        source_fault(reading, MTR_FINDING_SOURCE_SECRET_WRITTEN, source_path_join(path, "value", at),
                     "the value does not use {secret}: a secret stands in secret_file, and is sent as \"%s\"",
                     as);
    *header = (struct mtr_auth_header){fields->name, fields->value, fields->secret_file};
    out->header = header;
}

static void read_header(struct source_reading *reading, const struct header_fields *fields,
                        struct mtr_source_auth *out)
{
    source_check_header(reading, "auth.header.value", fields->name, fields->value);
    read_secret_value(reading, "auth.header", fields, "Bearer {secret}", out);
    out->kind = MTR_AUTH_HEADER;
}

static void read_query(struct source_reading *reading, const struct header_fields *fields,
                       struct mtr_source_auth *out)
{
    read_secret_value(reading, "auth.query", fields, "{secret}", out);
    out->kind = MTR_AUTH_QUERY;
}

static void read_oauth2(struct source_reading *reading, const struct oauth2_fields *fields,
                        struct mtr_source_auth *out)
{
    struct mtr_auth_oauth2 *oauth2 = room(reading, sizeof(*oauth2));
    if (!oauth2) return;
    (void)source_check_url(reading, "auth.oauth2.token_url", fields->token_url);
    if (fields->grant == MTR_GRANT_REFRESH_TOKEN)
        source_check_file(reading, "auth.oauth2.refresh_token_file", fields->refresh_token_file,
                          "the first refresh token");
    else if (fields->refresh_token_file.size)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, "auth.oauth2.refresh_token_file",
                     "is of `grant: refresh_token`");
    if (fields->grant == MTR_GRANT_CLIENT_CREDENTIALS)
        source_check_file(reading, "auth.oauth2.secret_file", fields->secret_file, "the secret");
    *oauth2 = (struct mtr_auth_oauth2){
        .token_url = fields->token_url,
        .grant = (enum mtr_oauth2_grant)fields->grant,
        .client_id = fields->client_id,
        .secret_file = fields->secret_file,
        .refresh_token_file = fields->refresh_token_file,
        .scopes = fields->scopes.items,
        .scope_count = fields->scopes.count,
        .send = (enum mtr_oauth2_send)fields->send,
        .extra = fields->extra.items,
        .extra_count = fields->extra.count,
        .ttl_us = fields->ttl_us,
    };
    out->kind = MTR_AUTH_OAUTH2;
    out->oauth2 = oauth2;
}

static void read_login(struct source_reading *reading, const struct login_fields *fields,
                       struct mtr_source_auth *out)
{
    struct mtr_auth_login *login = room(reading, sizeof(*login));
    if (!login) return;
    source_read_request(reading, "auth.login.request", &fields->request, &login->request);
    source_check_file(reading, "auth.login.secret_file", fields->secret_file, "the secret");
    source_read_place(reading, "auth.login.token", &fields->token, &login->token);
    if (fields->has_expires)
        source_read_place(reading, "auth.login.expires", &fields->expires, &login->expires);
    if (fields->has_expires && fields->has_ttl)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_SEVERAL, "auth.login.ttl",
                     "write one of expires, ttl, not both");
    source_check_header(reading, "auth.login.send", fields->send.header, fields->send.value);
    if (!holds(fields->send.value, "{token}"))
        source_fault(reading, MTR_FINDING_SOURCE_SECRET_WRITTEN, "auth.login.send.value",
                     "the value does not use {token}");
    login->secret_file = fields->secret_file;
    login->ttl_us = fields->ttl_us;
    login->send_header = fields->send.header;
    login->send_value = fields->send.value;
    out->kind = MTR_AUTH_LOGIN;
    out->login = login;
}

static void read_sigv4(struct source_reading *reading, const struct mtr_auth_sigv4 *fields,
                       struct mtr_source_auth *out)
{
    source_check_file(reading, "auth.aws_sigv4.secret_file", fields->secret_file, "the secret");
    out->kind = MTR_AUTH_AWS_SIGV4;
    out->sigv4 = fields;
}

static void read_hmac(struct source_reading *reading, const struct hmac_fields *fields,
                      struct mtr_source_auth *out)
{
    struct mtr_auth_hmac *hmac = room(reading, sizeof(*hmac));
    const struct mtr_label *headers = fields->headers.items;
    bool is_sent = false;
    if (!hmac) return;
    source_check_file(reading, "auth.hmac.secret_file", fields->secret_file, "the secret");
    for (uint32_t i = 0; i < fields->headers.count; i++) {
        source_check_header(reading, "auth.hmac.headers", headers[i].name, headers[i].value);
        is_sent = is_sent || holds(headers[i].value, "{signature}");
    }
    if (!is_sent)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, "auth.hmac.headers",
                     "no header sends {signature}");
    *hmac = (struct mtr_auth_hmac){
        .hash = (enum mtr_hmac_hash)fields->algorithm,
        .encoding = (enum mtr_hmac_encoding)fields->encode,
        .secret_file = fields->secret_file,
        .sign = fields->sign,
        .headers = headers,
        .header_count = fields->headers.count,
    };
    out->kind = MTR_AUTH_HMAC;
    out->hmac = hmac;
}

static void read_mtls(struct source_reading *reading, const struct mtls_fields *fields,
                      struct mtr_source_auth *out)
{
    source_check_file(reading, "auth.mtls.certificate_file", fields->certificate_file,
                      "the certificate, PEM");
    source_check_file(reading, "auth.mtls.key_file", fields->key_file, "its private key, PEM");
    out->certificate_file = fields->certificate_file;
    out->key_file = fields->key_file;
}

void source_read_auth(struct source_reading *reading, const struct source_auth_fields *fields,
                      struct mtr_source_auth *out)
{
    static const char *const names[] = {"none",   "presigned", "basic",     "header", "query",
                                        "oauth2", "login",     "aws_sigv4", "hmac",   NULL};
    const bool given[] = {fields->has_none,       fields->has_presigned,
                          fields->basic != NULL,  fields->header != NULL,
                          fields->query != NULL,
                          fields->oauth2 != NULL, fields->login != NULL,
                          fields->aws_sigv4 != NULL, fields->hmac != NULL};
    const char *or_else = fields->mtls ? NULL : ", or mtls (`auth: none` for an API that is open to all)";
    *out = (struct mtr_source_auth){.kind = MTR_AUTH_NONE};
    if (fields->mtls) read_mtls(reading, fields->mtls, out);
    switch (source_one_of(reading, "auth", names, given, or_else)) {
    case MTR_AUTH_PRESIGNED: out->kind = MTR_AUTH_PRESIGNED; break;
    case MTR_AUTH_BASIC: read_basic(reading, fields->basic, out); break;
    case MTR_AUTH_HEADER: read_header(reading, fields->header, out); break;
    case MTR_AUTH_QUERY: read_query(reading, fields->query, out); break;
    case MTR_AUTH_OAUTH2: read_oauth2(reading, fields->oauth2, out); break;
    case MTR_AUTH_LOGIN: read_login(reading, fields->login, out); break;
    case MTR_AUTH_AWS_SIGV4: read_sigv4(reading, fields->aws_sigv4, out); break;
    case MTR_AUTH_HMAC: read_hmac(reading, fields->hmac, out); break;
    default: break;
    }
}
