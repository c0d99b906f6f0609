/*
 * Signature Version 4, in its four steps:
 *
 *   canonical request   method, path, query, headers, names of headers, hash of the body
 *   string to sign      algorithm, time, scope (day/region/service/aws4_request), hash of the first
 *   signing key         HMAC chain over the parts of the scope, from "AWS4" + secret
 *   signature           HMAC of the second by the third
 */
#include "meterd/net/sign_aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/time.h"
#include "meterd/net/crypto.h"
#include "meterd/net/url.h"

enum { TIME_BYTES = 17, DAY_BYTES = 8, HEX_BYTES = 2 * MTR_SHA256_BYTES, SECRET_BYTES_MAX = 256 };

struct signing {
    const struct mtr_aws_identity *identity;
    const struct mtr_aws_request *request;
    struct mtr_arena *arena;
    struct mtr_aws_signed *out;
    char time[TIME_BYTES]; /* 20261129T180000Z */
    struct mtr_str body_hash;
    struct mtr_http_header headers[MTR_AWS_HEADERS_SIGNED_MAX]; /* in small letters, sorted by name */
    uint32_t header_count;
    struct mtr_buffer text;
};

static bool is_s3(const struct signing *signing)
{
    return mtr_str_equal(signing->identity->service, MTR_STR("s3"));
}

/* ---- path ---- */

static struct mtr_str cut_segment(struct mtr_str *path)
{
    const char *slash = path->size ? memchr(path->data, '/', path->size) : NULL;
    struct mtr_str segment = {path->data, slash ? (size_t)(slash - path->data) : path->size};
    size_t used = segment.size + (slash != NULL);
    *path = (struct mtr_str){path->data + used, path->size - used};
    return segment;
}

/* The last segment that was written goes, with its slash. */
static void drop_segment(struct mtr_buffer *text)
{
    while (text->size > 0 && text->data[text->size - 1] != '/') text->size--;
    if (text->size > 0) text->size--;
}

static int add_segment(struct signing *signing, struct mtr_str segment)
{
    struct mtr_str plain;
    int rc = mtr_percent_decode(segment, signing->arena, &plain);
    if (rc) return rc;
    if (!is_s3(signing)) {
        if (!plain.size || mtr_str_equal(plain, MTR_STR("."))) return MTR_OK;
        if (mtr_str_equal(plain, MTR_STR(".."))) {
            drop_segment(&signing->text);
            return MTR_OK;
        }
    }
    rc = mtr_buffer_append_char(&signing->text, '/');
    return rc ? rc : mtr_percent_encode(&signing->text, plain);
}

static int write_path(struct signing *signing)
{
    struct mtr_str left = signing->request->path;
    const bool ends_in_slash = left.size && left.data[left.size - 1] == '/';
    int rc = MTR_OK;
    if (left.size && left.data[0] == '/') left = (struct mtr_str){left.data + 1, left.size - 1};
    mtr_buffer_reset(&signing->text);
    while (left.size && !rc) rc = add_segment(signing, cut_segment(&left));
    if (!rc && (!signing->text.size || ends_in_slash)) rc = mtr_buffer_append_char(&signing->text, '/');
    return rc ? rc : mtr_arena_copy(signing->arena, mtr_buffer_str(&signing->text), &signing->out->path);
}

static int write_query(struct signing *signing)
{
    struct mtr_query query;
    mtr_buffer_reset(&signing->text);
    int rc = mtr_query_parse(signing->request->query, signing->arena, &query);
    if (!rc) rc = mtr_query_write_sorted(&signing->text, &query, signing->arena);
    return rc ? rc : mtr_arena_copy(signing->arena, mtr_buffer_str(&signing->text), &signing->out->query);
}

/* ---- headers ---- */

static bool is_changed_by_proxies(struct mtr_str name)
{
    return mtr_str_equal_lower(name, MTR_STR("expect")) ||
           mtr_str_equal_lower(name, MTR_STR("user-agent")) ||
           mtr_str_equal_lower(name, MTR_STR("x-amzn-trace-id"));
}

/* White space of a value: none at its ends, one space within. */
static int write_value(struct mtr_buffer *text, struct mtr_str value)
{
    bool is_first = true, is_apart = false;
    for (size_t i = 0; i < value.size; i++) {
        const bool is_space = value.data[i] == ' ' || (value.data[i] >= '\t' && value.data[i] <= '\r');
        is_apart = is_apart || is_space;
        if (is_space) continue;
        int rc = is_apart && !is_first ? mtr_buffer_append_char(text, ' ') : MTR_OK;
        if (!rc) rc = mtr_buffer_append_char(text, value.data[i]);
        if (rc) return rc;
        is_first = is_apart = false;
    }
    return MTR_OK;
}

/* Sorted in, behind those of the same name. */
static int add_header(struct signing *signing, struct mtr_str name, struct mtr_str value)
{
    struct mtr_http_header *rows = signing->headers;
    if (signing->header_count == MTR_AWS_HEADERS_SIGNED_MAX) return MTR_ELIMIT;
    char *lower = mtr_arena_strdup(signing->arena, name);
    if (!lower) return MTR_ENOMEM;
    for (size_t i = 0; i < name.size; i++)
        if (lower[i] >= 'A' && lower[i] <= 'Z') lower[i] = (char)(lower[i] | 0x20);
    uint32_t at = signing->header_count++;
    name.data = lower;
    for (; at > 0 && mtr_str_compare(rows[at - 1].name, name) > 0; at--) rows[at] = rows[at - 1];
    rows[at] = (struct mtr_http_header){name, value};
    return MTR_OK;
}

/* One that is sent, too. */
static int add_own(struct signing *signing, const char *name, struct mtr_str value)
{
    struct mtr_aws_signed *out = signing->out;
    MTR_ASSERT(out->header_count < MTR_AWS_HEADERS_MAX);
    out->headers[out->header_count++] = (struct mtr_http_header){mtr_str_from(name), value};
    return add_header(signing, mtr_str_from(name), value);
}

static int gather_headers(struct signing *signing)
{
    const struct mtr_aws_request *request = signing->request;
    struct mtr_str time, token = signing->identity->session_token;
    int rc = add_header(signing, MTR_STR("host"), request->host);
    for (uint32_t i = 0; i < request->header_count && !rc; i++)
        if (!is_changed_by_proxies(request->headers[i].name))
            rc = add_header(signing, request->headers[i].name, request->headers[i].value);
    if (!rc) rc = mtr_arena_copy(signing->arena, mtr_str_from(signing->time), &time);
    if (!rc) rc = add_own(signing, "x-amz-date", time);
    if (!rc && is_s3(signing)) rc = add_own(signing, "x-amz-content-sha256", signing->body_hash);
    if (!rc && token.size) rc = add_own(signing, "x-amz-security-token", token);
    return rc;
}

static bool is_repeated(const struct signing *signing, uint32_t i)
{
    return i > 0 && mtr_str_equal(signing->headers[i].name, signing->headers[i - 1].name);
}

static int write_names(const struct signing *signing, struct mtr_buffer *text)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; i < signing->header_count && !rc; i++) {
        if (is_repeated(signing, i)) continue;
        if (i) rc = mtr_buffer_append_char(text, ';');
        if (!rc) rc = mtr_buffer_append_str(text, signing->headers[i].name);
    }
    return rc;
}

static int write_headers(struct signing *signing)
{
    struct mtr_buffer *text = &signing->text;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < signing->header_count && !rc; i++) {
        if (is_repeated(signing, i)) {
            rc = mtr_buffer_append_char(text, ',');
        } else {
            if (i) rc = mtr_buffer_append_char(text, '\n');
            if (!rc) rc = mtr_buffer_append_str(text, signing->headers[i].name);
            if (!rc) rc = mtr_buffer_append_char(text, ':');
        }
        if (!rc) rc = write_value(text, signing->headers[i].value);
    }
    return rc ? rc : mtr_buffer_append_str(text, MTR_STR("\n\n"));
}

/* ---- the four steps ---- */

static int hash_hex(struct signing *signing, struct mtr_str data, struct mtr_str *out)
{
    uint8_t hash[MTR_SHA256_BYTES];
    int rc = mtr_digest_of(MTR_SHA256, data, hash);
    mtr_buffer_reset(&signing->text);
    if (!rc) rc = mtr_hex_encode(&signing->text, (struct mtr_str){(const char *)hash, sizeof(hash)});
    return rc ? rc : mtr_arena_copy(signing->arena, mtr_buffer_str(&signing->text), out);
}

static int write_request(struct signing *signing, struct mtr_str *hash)
{
    struct mtr_buffer *text = &signing->text;
    mtr_buffer_reset(text);
    int rc = mtr_buffer_printf(text, "%.*s\n", MTR_STR_ARGS(signing->request->method));
    for (size_t i = 0; i < signing->out->path.size && !rc; i++) {
        const char byte = signing->out->path.data[i];
        rc = byte == '%' && !is_s3(signing) ? mtr_buffer_append_str(text, MTR_STR("%25"))
                                            : mtr_buffer_append_char(text, byte);
    }
    if (!rc) rc = mtr_buffer_printf(text, "\n%.*s\n", MTR_STR_ARGS(signing->out->query));
    if (!rc) rc = write_headers(signing);
    if (!rc) rc = write_names(signing, text);
    if (!rc) rc = mtr_buffer_printf(text, "\n%.*s", MTR_STR_ARGS(signing->body_hash));
    return rc ? rc : hash_hex(signing, mtr_buffer_str(text), hash);
}

static int chain(struct mtr_str key, struct mtr_str data, uint8_t out[MTR_SHA256_BYTES])
{
    struct mtr_hmac *hmac = NULL;
    int rc = mtr_hmac_open(MTR_SHA256, key, &hmac);
    if (!rc) rc = mtr_hmac_sign(hmac, &data, 1, out);
    mtr_hmac_close(hmac);
    return rc;
}

static int sign(const struct signing *signing, struct mtr_str text, uint8_t out[MTR_SHA256_BYTES])
{
    const struct mtr_aws_identity *identity = signing->identity;
    const struct mtr_str parts[] = {{signing->time, DAY_BYTES}, identity->region, identity->service,
                                    MTR_STR("aws4_request"), text};
    char secret[SECRET_BYTES_MAX + 4] = "AWS4";
    if (identity->secret.size > SECRET_BYTES_MAX) return MTR_ELIMIT;
    if (identity->secret.size) memcpy(secret + 4, identity->secret.data, identity->secret.size);
    struct mtr_str key = {secret, identity->secret.size + 4};
    uint8_t macs[2][MTR_SHA256_BYTES];
    int rc = MTR_OK;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && !rc; i++) {
        rc = chain(key, parts[i], macs[i % 2]);
        key = (struct mtr_str){(const char *)macs[i % 2], MTR_SHA256_BYTES};
    }
    if (!rc) memcpy(out, key.data, MTR_SHA256_BYTES);
    explicit_bzero(secret, sizeof(secret));
    explicit_bzero(macs, sizeof(macs));
    return rc;
}

static int write_scope(const struct signing *signing, struct mtr_buffer *text)
{
    return mtr_buffer_printf(text, "%.*s/%.*s/%.*s/aws4_request", DAY_BYTES, signing->time,
                             MTR_STR_ARGS(signing->identity->region),
                             MTR_STR_ARGS(signing->identity->service));
}

static int write_authorization(struct signing *signing, struct mtr_str request_hash)
{
    struct mtr_buffer *text = &signing->text;
    struct mtr_str value;
    uint8_t mac[MTR_SHA256_BYTES];
    mtr_buffer_reset(text);
    int rc = mtr_buffer_printf(text, "AWS4-HMAC-SHA256\n%s\n", signing->time);
    if (!rc) rc = write_scope(signing, text);
    if (!rc) rc = mtr_buffer_printf(text, "\n%.*s", MTR_STR_ARGS(request_hash));
    if (!rc) rc = sign(signing, mtr_buffer_str(text), mac);
    mtr_buffer_reset(text);
    if (!rc)
        rc = mtr_buffer_printf(text, "AWS4-HMAC-SHA256 Credential=%.*s/",
                               MTR_STR_ARGS(signing->identity->access_key));
    if (!rc) rc = write_scope(signing, text);
    if (!rc) rc = mtr_buffer_append_str(text, MTR_STR(", SignedHeaders="));
    if (!rc) rc = write_names(signing, text);
    if (!rc) rc = mtr_buffer_append_str(text, MTR_STR(", Signature="));
    if (!rc) rc = mtr_hex_encode(text, (struct mtr_str){(const char *)mac, sizeof(mac)});
    if (!rc) rc = mtr_arena_copy(signing->arena, mtr_buffer_str(text), &value);
    if (rc) return rc;
    MTR_ASSERT(signing->out->header_count < MTR_AWS_HEADERS_MAX);
    signing->out->headers[signing->out->header_count++] =
        (struct mtr_http_header){MTR_STR("Authorization"), value};
    return MTR_OK;
}

static void write_time(int64_t now_us, char time[TIME_BYTES])
{
    const struct mtr_civil civil = mtr_civil_from_s(now_us / MTR_US_PER_SECOND);
    char text[64];
    snprintf(text, sizeof(text), "%04d%02u%02uT%02u%02u%02uZ", (int)civil.year, civil.month, civil.day,
             civil.hour, civil.minute, civil.second);
    memcpy(time, text, TIME_BYTES - 1);
    time[TIME_BYTES - 1] = '\0';
}

int mtr_aws_sign(const struct mtr_aws_identity *identity, const struct mtr_aws_request *request,
                 int64_t now_us, struct mtr_arena *arena, struct mtr_aws_signed *out)
{
    struct signing signing = {.identity = identity, .request = request, .arena = arena, .out = out};
    struct mtr_str request_hash = {0};
    *out = (struct mtr_aws_signed){0};
    mtr_buffer_init(&signing.text, SIZE_MAX);
    write_time(now_us, signing.time);
    int rc = hash_hex(&signing, request->body, &signing.body_hash);
    if (!rc) rc = write_path(&signing);
    if (!rc) rc = write_query(&signing);
    if (!rc) rc = gather_headers(&signing);
    if (!rc) rc = write_request(&signing, &request_hash);
    if (!rc) rc = write_authorization(&signing, request_hash);
    mtr_buffer_release(&signing.text);
    return rc;
}
