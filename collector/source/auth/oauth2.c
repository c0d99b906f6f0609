/*
 * OAuth 2.0 (RFC 6749): client_credentials, and refresh_token with rotation.
 *
 *   POST token_url, application/x-www-form-urlencoded, {"access_token": …, "expires_in": …, "refresh_token": …}
 *
 * Client id and secret stand in the body, or in Basic, where each is escaped as in a form first (2.3.1). What
 * the vendor says of an error is repeated without our secrets, which some vendors echo.
 */
#include "collector/source/auth/driver.h"

#include <string.h>

#include "collector/source/auth/basic.h"
#include "collector/source/auth/refresh.h"
#include "meterd/core/time.h"
#include "meterd/net/url.h"

enum { FORM_BYTES_MAX = 256 << 10, TOKEN_TIMEOUT_S = 30, ANSWER_ARENA_BYTES = 64 << 10 };
#define TTL_US_USUAL (INT64_C(3600) * MTR_US_PER_SECOND)

struct oauth2_state {
    struct auth_refresh refresh;
};

static const struct mtr_auth_oauth2 *model(const struct auth_session *session)
{
    return session->source->auth.oauth2;
}

static int open(struct auth_session *session)
{
    struct oauth2_state *state = mtr_arena_calloc(&session->arena, 1, sizeof(*state));
    if (!state) return MTR_ENOMEM;
    refresh_init(&state->refresh);
    session->state = state;
    return MTR_OK;
}

static void close(struct auth_session *session)
{
    struct oauth2_state *state = session->state;
    int rc = refresh_keep(session, &state->refresh, true); /* the last chance of one that no disk took */
    (void)rc;
    refresh_wipe(&state->refresh);
}

/* ---- what is asked ---- */

static int add_escaped(struct mtr_buffer *out, struct mtr_str text)
{
    int rc = MTR_OK;
    for (size_t i = 0; i < text.size && !rc; i++)
        rc = text.data[i] == ' ' ? mtr_buffer_append_char(out, '+')
                                 : mtr_percent_encode(out, (struct mtr_str){text.data + i, 1});
    return rc;
}

static int add_field(struct mtr_buffer *form, struct mtr_str name, struct mtr_str value)
{
    int rc = form->size ? mtr_buffer_append_char(form, '&') : MTR_OK;
    if (!rc) rc = add_escaped(form, name);
    if (!rc) rc = mtr_buffer_append_char(form, '=');
    return rc ? rc : add_escaped(form, value);
}

static int add_scopes(struct mtr_buffer *form, const struct mtr_auth_oauth2 *oauth2)
{
    int rc = oauth2->scope_count ? mtr_buffer_append_str(form, MTR_STR("&scope=")) : MTR_OK;
    for (uint32_t i = 0; i < oauth2->scope_count && !rc; i++) {
        if (i) rc = mtr_buffer_append_char(form, '+');
        if (!rc) rc = add_escaped(form, oauth2->scopes[i]);
    }
    return rc;
}

static int add_grant(struct auth_session *session, struct mtr_buffer *form)
{
    const struct mtr_auth_oauth2 *oauth2 = model(session);
    struct oauth2_state *state = session->state;
    struct mtr_str token;
    if (oauth2->grant == MTR_GRANT_CLIENT_CREDENTIALS)
        return add_field(form, MTR_STR("grant_type"), MTR_STR("client_credentials"));
    int rc = refresh_use(session, &state->refresh, oauth2->refresh_token_file, &token);
    if (!rc) rc = add_field(form, MTR_STR("grant_type"), MTR_STR("refresh_token"));
    return rc ? rc : add_field(form, MTR_STR("refresh_token"), token);
}

static int add_client_in_body(const struct mtr_auth_oauth2 *oauth2, struct mtr_str secret,
                              struct mtr_buffer *form)
{
    int rc = oauth2->client_id.size ? add_field(form, MTR_STR("client_id"), oauth2->client_id) : MTR_OK;
    if (!rc && secret.size) rc = add_field(form, MTR_STR("client_secret"), secret);
    return rc;
}

static int add_client_as_basic(struct auth_session *session, struct auth_turn *turn, struct mtr_str secret)
{
    struct mtr_buffer pair;
    mtr_buffer_init(&pair, FORM_BYTES_MAX);
    int rc = add_escaped(&pair, model(session)->client_id);
    if (!rc) rc = mtr_buffer_append_char(&pair, ':');
    if (!rc) rc = add_escaped(&pair, secret);
    if (!rc) rc = auth_add_basic(session, turn, &turn->ask, mtr_buffer_str(&pair));
    secret_wipe(&pair);
    return rc;
}

static int add_client(struct auth_session *session, struct auth_turn *turn, struct mtr_buffer *form)
{
    const struct mtr_auth_oauth2 *oauth2 = model(session);
    struct mtr_buffer secret;
    mtr_buffer_init(&secret, AUTH_SECRET_BYTES_MAX + 1);
    int rc = oauth2->secret_file.size ? auth_read_secret(session, oauth2->secret_file, &secret) : MTR_OK;
    if (!rc)
        rc = oauth2->send == MTR_OAUTH2_BASIC
                 ? add_client_as_basic(session, turn, mtr_buffer_str(&secret))
                 : add_client_in_body(oauth2, mtr_buffer_str(&secret), form);
    secret_wipe(&secret);
    return rc;
}

static int write_form(struct auth_session *session, struct auth_turn *turn, struct mtr_buffer *form)
{
    const struct mtr_auth_oauth2 *oauth2 = model(session);
    int rc = add_grant(session, form);
    if (!rc) rc = add_scopes(form, oauth2);
    for (uint32_t i = 0; i < oauth2->extra_count && !rc; i++)
        rc = add_field(form, oauth2->extra[i].name, oauth2->extra[i].value);
    return rc ? rc : add_client(session, turn, form);
}

static int ask(struct auth_session *session, struct auth_turn *turn)
{
    struct source_call *call = &turn->ask;
    struct mtr_buffer form;
    int rc = source_call_set_url(call, model(session)->token_url, turn->arena);
    if (rc == MTR_EINVALID)
        return auth_fail(session, AUTH_ALARM_AUTH, "token_url is no URL of http or https");
    if (rc) return rc;
    call->method = MTR_STR("POST");
    call->timeout_us = TOKEN_TIMEOUT_S * MTR_US_PER_SECOND;
    mtr_buffer_init(&form, FORM_BYTES_MAX);
    rc = source_call_add_header(call, MTR_STR("Content-Type"), MTR_STR("application/x-www-form-urlencoded"));
    if (!rc) rc = source_call_add_header(call, MTR_STR("Accept"), MTR_STR("application/json"));
    if (!rc) rc = write_form(session, turn, &form);
    if (!rc) rc = mtr_arena_copy(turn->arena, mtr_buffer_str(&form), &call->body);
    secret_wipe(&form);
    return rc;
}

/* ---- what came ---- */

/* Printable, without the secrets that we sent, and at most so much of that: a secret that is cut is none. */
static int clean(struct auth_session *session, struct mtr_str text, struct mtr_buffer *out)
{
    struct oauth2_state *state = session->state;
    struct source_mask *mask = NULL;
    struct mtr_buffer secret, masked;
    mtr_buffer_init(&secret, AUTH_SECRET_BYTES_MAX + 1);
    mtr_buffer_init(&masked, 4 * AUTH_ANSWER_BYTES_MAX);
    int rc = source_mask_open(&mask);
    if (!rc && model(session)->secret_file.size)
        rc = auth_known_secret(session, model(session)->secret_file, &secret);
    if (!rc) rc = source_mask_add(mask, mtr_buffer_str(&secret));
    if (!rc) rc = source_mask_add(mask, mtr_buffer_str(&state->refresh.newest));
    if (!rc) rc = source_mask_add(mask, mtr_buffer_str(&state->refresh.previous));
    if (!rc) rc = source_mask_text(mask, text, &masked);
    if (!rc) rc = mtr_buffer_append_str(out, mtr_str_quoted(mtr_buffer_str(&masked), 160));
    for (size_t i = 0; i < out->size; i++)
        if ((unsigned char)out->data[i] < ' ' || out->data[i] == 0x7f) out->data[i] = ' ';
    source_mask_close(mask);
    secret_wipe(&secret);
    mtr_buffer_release(&masked);
    return rc;
}

static int refuse(struct auth_session *session, const struct mtr_http_answer *answer,
                  const struct mtr_node *root)
{
    struct oauth2_state *state = session->state;
    const struct mtr_str error = mtr_node_text(root, "error");
    const bool is_grant = mtr_str_equal(error, MTR_STR("invalid_grant"));
    const bool is_refresh = model(session)->grant == MTR_GRANT_REFRESH_TOKEN;
    struct mtr_buffer words;
    mtr_buffer_init(&words, 1024);
    if (is_grant && is_refresh && refresh_refused(&state->refresh)) {
        auth_fail(session, AUTH_ALARM_NONE,
                  "the vendor refuses the newest refresh token: the one before is tried");
        return MTR_EAGAIN;
    }
    int rc = clean(session, error, &words);
    if (!rc && words.size) rc = mtr_buffer_append_str(&words, MTR_STR(": "));
    if (!rc) rc = clean(session, mtr_node_text(root, "error_description"), &words);
    if (rc) mtr_buffer_reset(&words);
    if (is_grant && is_refresh)
        rc = auth_fail(session, AUTH_ALARM_REAUTHORIZE,
                       "the vendor refuses the refresh token (%.*s): authorize anew, and write the new token "
                       "into refresh_token_file", MTR_STR_ARGS(mtr_buffer_str(&words)));
    else
        rc = auth_fail(session, AUTH_ALARM_AUTH,
                       "the token endpoint refuses with %u (%.*s): check client_id, the secret's file and "
                       "scopes", answer->status, MTR_STR_ARGS(mtr_buffer_str(&words)));
    mtr_buffer_release(&words);
    return rc;
}

/* Some write the number as text, or with a fraction. */
static int64_t ttl_of(const struct auth_session *session, const struct mtr_node *root)
{
    struct mtr_str text = mtr_node_text(root, "expires_in");
    const char *point = text.size ? memchr(text.data, '.', text.size) : NULL;
    uint64_t seconds;
    if (point) text.size = (size_t)(point - text.data);
    if (mtr_str_to_u64(text, &seconds))
        return (int64_t)(seconds < INT32_MAX ? seconds : INT32_MAX) * MTR_US_PER_SECOND;
    return model(session)->ttl_us ? model(session)->ttl_us : TTL_US_USUAL;
}

static int take(struct auth_session *session, const struct mtr_node *root, int64_t now_us)
{
    struct oauth2_state *state = session->state;
    const struct mtr_str type = mtr_node_text(root, "token_type");
    if (type.size && !mtr_str_equal_lower(type, MTR_STR("bearer")))
        return auth_fail(session, AUTH_ALARM_AUTH,
                         "the token endpoint gives a token that is no bearer token");
    int rc = model(session)->grant == MTR_GRANT_REFRESH_TOKEN
                 ? refresh_rotate(session, &state->refresh, mtr_node_text(root, "refresh_token"))
                 : MTR_OK;
    if (rc) return rc;
    return auth_take_token(session, mtr_node_text(root, "access_token"), ttl_of(session, root), now_us);
}

static int answer(struct auth_session *session, const struct mtr_http_answer *answer, int64_t now_us)
{
    static const struct mtr_node nothing = {.kind = MTR_NODE_NULL};
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    const bool is_fine = answer->status >= 200 && answer->status < 300;
    int rc = mtr_document_parse_answer(mtr_buffer_str(&answer->body), &document, &diagnostic);
    if (rc == MTR_ENOMEM) return rc;
    if (is_fine && rc)
        rc = auth_fail(session, AUTH_ALARM_AUTH,
                       "the token endpoint does not answer in JSON: check token_url");
    else if (is_fine) rc = take(session, mtr_document_root(document), now_us);
    else rc = refuse(session, answer, rc ? &nothing : mtr_document_root(document));
    mtr_document_close(document);
    return rc;
}

/* ---- use ---- */

static int settle(struct auth_session *session, bool may_try)
{
    struct oauth2_state *state = session->state;
    return refresh_keep(session, &state->refresh, may_try);
}

static int apply(struct auth_session *session, struct auth_turn *turn)
{
    struct mtr_buffer value;
    mtr_buffer_init(&value, AUTH_TOKEN_BYTES_MAX + 16);
    int rc = mtr_buffer_append_str(&value, MTR_STR("Bearer "));
    if (!rc) rc = mtr_buffer_append_str(&value, mtr_buffer_str(&session->token));
    if (!rc) rc = auth_add_header(turn, turn->call, MTR_STR("Authorization"), mtr_buffer_str(&value));
    secret_wipe(&value);
    return rc;
}

const struct auth_driver auth_oauth2 = {.name = "oauth2",
                                        .kind = MTR_AUTH_OAUTH2,
                                        .open = open,
                                        .close = close,
                                        .ask = ask,
                                        .answer = answer,
                                        .settle = settle,
                                        .apply = apply};
