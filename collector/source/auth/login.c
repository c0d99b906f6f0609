/*
 * A request that answers a token, which further requests carry in a header: Keystone, and many vendors' own.
 *
 *   request ─▶ token, in a header or at a path of its JSON ─▶ header, until its end: an instant in the answer, or
 *              a length that the document says
 *
 * The request may go to another host than the base (Keystone mostly stands apart): the document says where,
 * and it alone.
 */
#include "collector/source/auth/driver.h"

#include <string.h>

#include "collector/source/auth/templated.h"
#include "collector/source/limits/retry_after.h"
#include "collector/source/request/request_build.h"
#include "meterd/core/time.h"

enum { ANSWER_ARENA_BYTES = 4096 };
#define TTL_US_USUAL (INT64_C(3600) * MTR_US_PER_SECOND)
#define TIMEOUT_US_USUAL (INT64_C(30) * MTR_US_PER_SECOND)
#define INSTANT_MS_MIN UINT64_C(100000000000)

static const struct mtr_auth_login *model(const struct auth_session *session)
{
    return session->source->auth.login;
}

/* The state is the header's template: the request's are parsed when it is sent, once in a token's life. */
static int open(struct auth_session *session)
{
    struct mtr_template *send = mtr_arena_calloc(&session->arena, 1, sizeof(*send));
    if (!send) return MTR_ENOMEM;
    session->state = send;
    return auth_parse_template(session, model(session)->send_value, MTR_TEMPLATE_IN_HEADER,
                               MTR_TEMPLATE_BIT(MTR_TEMPLATE_TOKEN), send);
}

static int ask(struct auth_session *session, struct auth_turn *turn)
{
    const struct mtr_auth_login *login = model(session);
    struct request_ask request = {
        .source = session->source, .request = &login->request, .now_us = turn->now_us, .is_login = true};
    struct mtr_buffer secret;
    const char *fault = "";
    mtr_buffer_init(&secret, AUTH_SECRET_BYTES_MAX + 1);
    int rc = login->secret_file.size ? auth_read_secret(session, login->secret_file, &secret) : MTR_OK;
    if (secret.size) request.secret = mtr_buffer_str(&secret);
    if (!rc) rc = request_build(&request, turn->arena, &turn->ask, &fault);
    if (rc == MTR_EMISSING || rc == MTR_EINVALID)
        rc = auth_fail(session, AUTH_ALARM_AUTH, "the login's request cannot be made: %s", fault);
    if (!turn->ask.timeout_us) turn->ask.timeout_us = TIMEOUT_US_USUAL;
    secret_wipe(&secret);
    return rc;
}

/* ---- what came ---- */

static struct mtr_str value_of(const struct mtr_http_answer *answer, const struct mtr_node *root,
                               const struct mtr_source_place *place, struct mtr_arena *arena)
{
    struct mtr_str value = {0};
    if (place->header.size) {
        const char *name = mtr_arena_strdup(arena, place->header);
        if (!name || !mtr_http_answer_header(answer, name, &value)) return (struct mtr_str){0};
    } else if (place->path.size) {
        value = auth_value_at(root, place->path, arena);
    }
    return value;
}

/* RFC 3339, a date of HTTP, or seconds or milliseconds since 1970. */
static bool read_instant(struct mtr_str text, int64_t *out_us)
{
    uint64_t number;
    if (!mtr_time_parse(text, out_us) || !mtr_time_parse_fine(text, out_us)) return true;
    if (http_date_parse(text, out_us)) return true;
    if (!mtr_str_to_u64(text, &number)) return false;
    if (number >= INSTANT_MS_MIN) number /= 1000;
    if (number >= INSTANT_MS_MIN) return false;
    *out_us = (int64_t)number * MTR_US_PER_SECOND;
    return true;
}

static int read_ttl(struct auth_session *session, struct mtr_str expires, int64_t now_us, int64_t *out_us)
{
    const struct mtr_auth_login *login = model(session);
    int64_t at_us;
    *out_us = login->ttl_us ? login->ttl_us : TTL_US_USUAL;
    if (!login->expires.header.size && !login->expires.path.size) return MTR_OK;
    if (!read_instant(expires, &at_us))
        return auth_fail(session, AUTH_ALARM_AUTH,
                         "the login's answer does not say when its token ends, where `expires` looks for an "
                         "instant");
    *out_us = at_us - now_us;
    if (*out_us > 0) return MTR_OK;
    return auth_fail(session, AUTH_ALARM_AUTH,
                     "the token that the login gives has ended already: check this machine's clock");
}

static int take(struct auth_session *session, const struct mtr_http_answer *answer,
                const struct mtr_node *root, int64_t now_us)
{
    const struct mtr_auth_login *login = model(session);
    struct mtr_arena arena;
    int64_t ttl_us;
    mtr_arena_init(&arena, ANSWER_ARENA_BYTES, 1 << 20);
    const struct mtr_str token = value_of(answer, root, &login->token, &arena);
    int rc = read_ttl(session, value_of(answer, root, &login->expires, &arena), now_us, &ttl_us);
    if (!rc) rc = auth_take_token(session, token, ttl_us, now_us);
    mtr_arena_release(&arena);
    return rc;
}

static int answer(struct auth_session *session, const struct mtr_http_answer *answer, int64_t now_us)
{
    static const struct mtr_node nothing = {.kind = MTR_NODE_NULL};
    const struct mtr_auth_login *login = model(session);
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    if (answer->status < 200 || answer->status >= 300)
        return auth_fail(session, AUTH_ALARM_AUTH,
                         "the login is refused with %u: check the secret's file, and what its request says",
                         answer->status);
    if (!login->token.path.size && !login->expires.path.size) return take(session, answer, &nothing, now_us);
    int rc = mtr_document_parse_answer(mtr_buffer_str(&answer->body), &document, &diagnostic);
    if (rc == MTR_ENOMEM) return rc;
    if (rc)
        return auth_fail(session, AUTH_ALARM_AUTH, "the login does not answer in JSON: check its request");
    rc = take(session, answer, mtr_document_root(document), now_us);
    mtr_document_close(document);
    return rc;
}

static int apply(struct auth_session *session, struct auth_turn *turn)
{
    struct mtr_template_values values = {.time_us = turn->now_us};
    values.texts[MTR_TEMPLATE_TOKEN] = mtr_buffer_str(&session->token);
    return auth_expand_header(session, turn, model(session)->send_header, session->state, &values);
}

const struct auth_driver auth_login = {
    .name = "login", .kind = MTR_AUTH_LOGIN, .open = open, .ask = ask, .answer = answer, .apply = apply};
