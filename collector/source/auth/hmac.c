/*
 * A keyed hash over a text that the document spells, in headers that it names.
 *
 *   sign: "{method}\n{path}\n{query}\n{body_hash}\n{time}\n{nonce}"  ─ HMAC ─▶ {signature}
 *   headers: {X-Date: "{time}", X-Nonce: "{nonce}", X-Signature: "{signature}"}
 *
 * The query is signed sorted and in one spelling (url.h), and sent so. The body's hash is hexadecimal, by the
 * same function as the signature. {time} is one instant in all of them.
 */
#include "collector/source/auth/driver.h"
#include "collector/source/auth/templated.h"
#include "meterd/net/crypto.h"
#include "meterd/net/url.h"

enum { TEXT_BYTES_MAX = 1 << 20, SMALL_BYTES_MAX = 256 };

struct hmac_state {
    struct mtr_template sign;
    struct mtr_template *headers; /* as many as the document has */
};

/* What templates stand for, with the memory of those that are made here. */
struct signing {
    struct mtr_template_values values;
    struct mtr_buffer query, body_hash, nonce, signature, text;
};

static int open(struct auth_session *session)
{
    const struct mtr_auth_hmac *hmac = session->source->auth.hmac;
    struct hmac_state *state = mtr_arena_calloc(&session->arena, 1, sizeof(*state));
    if (!state) return MTR_ENOMEM;
    session->state = state;
    state->headers = mtr_arena_calloc(&session->arena, hmac->header_count, sizeof(*state->headers));
    if (!state->headers && hmac->header_count) return MTR_ENOMEM;
    int rc = auth_parse_template(session, hmac->sign, MTR_TEMPLATE_IN_TEXT, MTR_TEMPLATE_SIGNED,
                                 &state->sign);
    for (uint32_t i = 0; i < hmac->header_count && !rc; i++)
        rc = auth_parse_template(session, hmac->headers[i].value, MTR_TEMPLATE_IN_HEADER,
                                 MTR_TEMPLATE_SIGNED | MTR_TEMPLATE_BIT(MTR_TEMPLATE_SIGNATURE),
                                 &state->headers[i]);
    return rc;
}

static enum mtr_digest digest_of(const struct mtr_auth_hmac *hmac)
{
    return hmac->hash == MTR_HMAC_SHA512 ? MTR_SHA512 : MTR_SHA256;
}

static int sort_query(struct auth_session *session, struct auth_turn *turn, struct signing *signing)
{
    struct mtr_query query;
    int rc = mtr_query_parse(turn->call->query, turn->arena, &query);
    if (!rc) rc = mtr_query_write_sorted(&signing->query, &query, turn->arena);
    if (!rc) rc = mtr_arena_copy(turn->arena, mtr_buffer_str(&signing->query), &turn->call->query);
    if (rc == MTR_EINVALID)
        return auth_fail(session, AUTH_ALARM_AUTH,
                         "the request cannot be signed: its query is not UTF-8, escaped as %%XX");
    return rc;
}

static int fill(struct auth_session *session, struct auth_turn *turn, struct signing *signing)
{
    const enum mtr_digest digest = digest_of(session->source->auth.hmac);
    struct mtr_str *texts = signing->values.texts;
    uint8_t hash[MTR_DIGEST_BYTES_MAX];
    int rc = sort_query(session, turn, signing);
    if (!rc) rc = mtr_digest_of(digest, turn->call->body, hash);
    if (!rc)
        rc = mtr_hex_encode(&signing->body_hash,
                            (struct mtr_str){(const char *)hash, mtr_digest_bytes(digest)});
    if (!rc)
        rc = mtr_hex_encode(&signing->nonce, (struct mtr_str){(const char *)turn->nonce, AUTH_NONCE_BYTES});
    if (rc) return rc;
    signing->values.time_us = turn->now_us;
    texts[MTR_TEMPLATE_METHOD] = turn->call->method;
    texts[MTR_TEMPLATE_PATH] = turn->call->path;
    texts[MTR_TEMPLATE_QUERY] = turn->call->query.data ? turn->call->query : MTR_STR("");
    texts[MTR_TEMPLATE_BODY_HASH] = mtr_buffer_str(&signing->body_hash);
    texts[MTR_TEMPLATE_NONCE] = mtr_buffer_str(&signing->nonce);
    return MTR_OK;
}

static int make_mac(struct auth_session *session, struct mtr_str text, uint8_t mac[MTR_DIGEST_BYTES_MAX])
{
    const struct mtr_auth_hmac *auth = session->source->auth.hmac;
    struct mtr_buffer secret;
    struct mtr_hmac *hmac = NULL;
    mtr_buffer_init(&secret, AUTH_SECRET_BYTES_MAX + 1);
    int rc = auth_read_secret(session, auth->secret_file, &secret);
    if (!rc) rc = mtr_hmac_open(digest_of(auth), mtr_buffer_str(&secret), &hmac);
    if (!rc) rc = mtr_hmac_sign(hmac, &text, 1, mac);
    mtr_hmac_close(hmac);
    secret_wipe(&secret);
    return rc;
}

static int sign(struct auth_session *session, struct signing *signing)
{
    const struct mtr_auth_hmac *auth = session->source->auth.hmac;
    const struct hmac_state *state = session->state;
    uint8_t mac[MTR_DIGEST_BYTES_MAX];
    const struct mtr_str bytes = {(const char *)mac, mtr_digest_bytes(digest_of(auth))};
    int rc = auth_expand(session, &state->sign, &signing->values, &signing->text);
    if (!rc) rc = make_mac(session, mtr_buffer_str(&signing->text), mac);
    if (!rc)
        rc = auth->encoding == MTR_HMAC_HEX ? mtr_hex_encode(&signing->signature, bytes)
                                            : mtr_base64_encode(&signing->signature, bytes);
    if (!rc) signing->values.texts[MTR_TEMPLATE_SIGNATURE] = mtr_buffer_str(&signing->signature);
    return rc;
}

static int apply(struct auth_session *session, struct auth_turn *turn)
{
    const struct mtr_auth_hmac *hmac = session->source->auth.hmac;
    const struct hmac_state *state = session->state;
    struct signing signing = {0};
    struct mtr_buffer *small[] = {&signing.body_hash, &signing.nonce, &signing.signature};
    for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) mtr_buffer_init(small[i], SMALL_BYTES_MAX);
    mtr_buffer_init(&signing.query, TEXT_BYTES_MAX);
    mtr_buffer_init(&signing.text, TEXT_BYTES_MAX);
    int rc = fill(session, turn, &signing);
    if (!rc) rc = sign(session, &signing);
    for (uint32_t i = 0; i < hmac->header_count && !rc; i++)
        rc = auth_expand_header(session, turn, hmac->headers[i].name, &state->headers[i], &signing.values);
    for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) mtr_buffer_release(small[i]);
    mtr_buffer_release(&signing.query);
    mtr_buffer_release(&signing.text);
    return rc;
}

const struct auth_driver auth_hmac = {.name = "hmac", .kind = MTR_AUTH_HMAC, .open = open, .apply = apply};
