/*
 * All sessions, found by the hash of what makes their auth equal: every word of it, and the base when the
 * kind asks there (login).
 */
#include "collector/source/auth/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/auth/driver.h"
#include "meterd/net/crypto.h"

enum { ARENA_CHUNK_BYTES = 4096, ARENA_BYTES_MAX = 1 << 20, KEY_BYTES_MAX = 1 << 20 };

int auth_keeper_open(const struct auth_hooks *hooks, struct auth_keeper **out)
{
    struct auth_keeper *keeper = calloc(1, sizeof(*keeper));
    if (!keeper) return MTR_ENOMEM;
    keeper->hooks = *hooks;
    *out = keeper;
    return MTR_OK;
}

void auth_keeper_close(struct auth_keeper *keeper)
{
    if (!keeper) return;
    for (size_t i = 0; i < AUTH_KEEPER_SLOTS; i++) MTR_ASSERT(!keeper->slots[i]);
    free(keeper);
}

void auth_keeper_finish(struct auth_keeper *keeper)
{
    if (keeper) keeper->hooks.run = NULL;
}

static struct auth_session **slot_of(struct auth_keeper *keeper, const uint8_t key[AUTH_KEY_BYTES])
{
    return &keeper->slots[(key[0] << 8 | key[1]) % AUTH_KEEPER_SLOTS];
}

/* ---- equal auth ---- */

static void word(struct mtr_buffer *out, int *rc, struct mtr_str text)
{
    if (!*rc) *rc = mtr_buffer_printf(out, "%zu:%.*s", text.size, MTR_STR_ARGS(text));
}

static void words(struct mtr_buffer *out, int *rc, const struct mtr_label *labels, uint32_t count)
{
    if (!*rc) *rc = mtr_buffer_printf(out, "%u;", count);
    for (uint32_t i = 0; i < count; i++) {
        word(out, rc, labels[i].name);
        word(out, rc, labels[i].value);
    }
}

static void number(struct mtr_buffer *out, int *rc, int64_t value)
{
    if (!*rc) *rc = mtr_buffer_printf(out, "%lld;", (long long)value);
}

static void describe_oauth2(struct mtr_buffer *out, int *rc, const struct mtr_auth_oauth2 *oauth2)
{
    number(out, rc, oauth2->grant);
    number(out, rc, oauth2->send);
    number(out, rc, oauth2->ttl_us);
    number(out, rc, oauth2->scope_count);
    const struct mtr_str texts[] = {oauth2->token_url, oauth2->client_id, oauth2->secret_file,
                                    oauth2->refresh_token_file};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) word(out, rc, texts[i]);
    for (uint32_t i = 0; i < oauth2->scope_count; i++) word(out, rc, oauth2->scopes[i]);
    words(out, rc, oauth2->extra, oauth2->extra_count);
}

static void describe_login(struct mtr_buffer *out, int *rc, const struct mtr_source *source)
{
    const struct mtr_auth_login *login = source->auth.login;
    const struct mtr_source_request *request = &login->request;
    const struct mtr_str texts[] = {
        source->base.url,   request->method,     request->path,        request->url,
        request->text,      login->secret_file,  login->token.header,  login->token.path,
        login->expires.header, login->expires.path, login->send_header, login->send_value,
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) word(out, rc, texts[i]);
    number(out, rc, request->body);
    number(out, rc, request->timeout_us);
    number(out, rc, login->ttl_us);
    words(out, rc, request->query, request->query_count);
    words(out, rc, request->headers, request->header_count);
    words(out, rc, request->form, request->form_count);
    if (request->json && !*rc) *rc = mtr_node_write_json(request->json, out);
}

static void describe_hmac(struct mtr_buffer *out, int *rc, const struct mtr_auth_hmac *hmac)
{
    number(out, rc, hmac->hash);
    number(out, rc, hmac->encoding);
    word(out, rc, hmac->secret_file);
    word(out, rc, hmac->sign);
    words(out, rc, hmac->headers, hmac->header_count);
}

static void describe(struct mtr_buffer *out, int *rc, const struct mtr_source *source)
{
    const struct mtr_source_auth *auth = &source->auth;
    number(out, rc, auth->kind);
    word(out, rc, auth->certificate_file);
    word(out, rc, auth->key_file);
    switch (auth->kind) {
    case MTR_AUTH_NONE:
    case MTR_AUTH_PRESIGNED: break;
    case MTR_AUTH_BASIC:
        word(out, rc, auth->basic->user);
        word(out, rc, auth->basic->user_secret_file);
        word(out, rc, auth->basic->secret_file);
        break;
    case MTR_AUTH_HEADER:
    case MTR_AUTH_QUERY:
        word(out, rc, auth->header->name);
        word(out, rc, auth->header->value);
        word(out, rc, auth->header->secret_file);
        break;
    case MTR_AUTH_OAUTH2: describe_oauth2(out, rc, auth->oauth2); break;
    case MTR_AUTH_LOGIN: describe_login(out, rc, source); break;
    case MTR_AUTH_AWS_SIGV4:
        word(out, rc, auth->sigv4->region);
        word(out, rc, auth->sigv4->service);
        word(out, rc, auth->sigv4->access_key);
        word(out, rc, auth->sigv4->secret_file);
        break;
    case MTR_AUTH_HMAC: describe_hmac(out, rc, auth->hmac); break;
    }
}

static int make_key(const struct mtr_source *source, uint8_t key[AUTH_KEY_BYTES])
{
    struct mtr_buffer text;
    int rc = MTR_OK;
    mtr_buffer_init(&text, KEY_BYTES_MAX);
    describe(&text, &rc, source);
    if (!rc) rc = mtr_digest_of(MTR_SHA256, mtr_buffer_str(&text), key);
    mtr_buffer_release(&text);
    return rc;
}

/* ---- sessions ---- */

static void free_session(struct auth_session *session)
{
    if (session->state && session->driver->close) session->driver->close(session);
    auth_release_files(session);
    secret_wipe(&session->token);
    mtr_arena_release(&session->arena);
    free(session);
}

static int make_session(struct auth_keeper *keeper, const struct mtr_source *source,
                        const uint8_t key[AUTH_KEY_BYTES], struct auth_session **out)
{
    struct auth_session *session = calloc(1, sizeof(*session));
    if (!session) return MTR_ENOMEM;
    session->keeper = keeper;
    session->hooks = &keeper->hooks;
    session->driver = auth_driver_of(source->auth.kind);
    session->source = source;
    memcpy(session->key, key, AUTH_KEY_BYTES);
    mtr_arena_init(&session->arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    mtr_buffer_init(&session->token, AUTH_TOKEN_BYTES_MAX);
    mtr_buffer_init(&session->kept.text, AUTH_SECRET_BYTES_MAX + 1);
    int rc = session->driver->open ? session->driver->open(session) : MTR_OK;
    if (rc) {
        free_session(session);
        return rc;
    }
    struct auth_session **slot = slot_of(keeper, key);
    session->next = *slot;
    *slot = session;
    *out = session;
    return MTR_OK;
}

int auth_open(struct auth_keeper *keeper, const struct mtr_source *source, struct auth_session **out)
{
    uint8_t key[AUTH_KEY_BYTES];
    int rc = make_key(source, key);
    if (rc) return rc;
    struct auth_session *session = *slot_of(keeper, key);
    while (session && memcmp(session->key, key, AUTH_KEY_BYTES) != 0) session = session->next;
    if (session) auth_borrow(session, source);
    else rc = make_session(keeper, source, key, &session);
    if (rc) return rc;
    session->opened++;
    *out = session;
    return MTR_OK;
}

void auth_hold(struct auth_session *session) { session->opened++; }

void auth_borrow(struct auth_session *session, const struct mtr_source *source) { session->source = source; }

void auth_close(struct auth_session *session)
{
    if (--session->opened > 0) return;
    struct auth_session **link = slot_of(session->keeper, session->key);
    while (*link != session) link = &(*link)->next;
    *link = session->next;
    free_session(session);
}
