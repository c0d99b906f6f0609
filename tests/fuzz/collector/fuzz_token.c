/*
 * What a vendor's login or token endpoint answers: a token that a header can carry, or a sentence that is text, says
 * nothing of our secrets, and has an alarm or a time to try again. A refresh token that came is kept, and is used by
 * the next process. The first byte chooses who asks, the next two the status; up to a NUL stand headers, then the body.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "collector/source/auth/auth.h"
#include "meterd/net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_US (INT64_C(1784112000) * 1000000)
#define SECRET "p4ssw0rd-of-ours"
#define FIRST_TOKEN "refresh-token-of-ours"

enum { OAUTH2, OAUTH2_REFRESH, LOGIN_HEADER, LOGIN_PATH, KINDS, KEPT_BYTES_MAX = 64 << 10 };

static char kept[KEPT_BYTES_MAX];
static size_t kept_size;

static int read_secret(void *context, struct mtr_str file, struct mtr_buffer *out, char fault[AUTH_FAULT_BYTES])
{
    (void)context;
    (void)fault;
    return mtr_buffer_append_str(out, mtr_str_equal(file, MTR_STR("/first")) ? MTR_STR(FIRST_TOKEN) : MTR_STR(SECRET));
}

static int load(void *context, const uint8_t key[AUTH_KEY_BYTES], struct mtr_buffer *out)
{
    (void)context;
    (void)key;
    return kept_size ? mtr_buffer_append(out, kept, kept_size) : MTR_ENOTFOUND;
}

static int keep(void *context, const uint8_t key[AUTH_KEY_BYTES], struct mtr_str text)
{
    (void)context;
    (void)key;
    MTR_ASSERT(text.size && text.size <= sizeof(kept));
    memcpy(kept, text.data, kept_size = text.size);
    return MTR_OK;
}

struct world {
    struct auth_keeper *keeper;
    struct auth_session *session;
    struct mtr_source source;
    struct mtr_auth_oauth2 oauth2;
    struct mtr_auth_login login;
    struct mtr_arena arena;
    struct source_call call;
};

static void describe(struct world *world, unsigned kind)
{
    world->source = (struct mtr_source){.base = {.is_https = true, .host = {"api.example", 11}, .port = 443}};
    world->oauth2 = (struct mtr_auth_oauth2){.token_url = MTR_STR("https://login.example/token"), .client_id = MTR_STR("id"), .secret_file = MTR_STR("/s")};
    if (kind == OAUTH2_REFRESH) world->oauth2.grant = MTR_GRANT_REFRESH_TOKEN, world->oauth2.refresh_token_file = MTR_STR("/first");
    world->login = (struct mtr_auth_login){.request = {.method = MTR_STR("GET"), .url = MTR_STR("https://login.example/")},
                                           .ttl_us = kind == LOGIN_HEADER ? NOW_US : 0,
                                           .send_header = MTR_STR("X-Token"),
                                           .send_value = MTR_STR("{token}")};
    if (kind == LOGIN_HEADER) world->login.token.header = MTR_STR("X-Subject-Token");
    else world->login.token.path = MTR_STR("t[0].k");
    if (kind == LOGIN_PATH) world->login.expires.path = MTR_STR("e");
    world->source.auth.kind = kind <= OAUTH2_REFRESH ? MTR_AUTH_OAUTH2 : MTR_AUTH_LOGIN;
    if (kind <= OAUTH2_REFRESH) world->source.auth.oauth2 = &world->oauth2;
    else world->source.auth.login = &world->login;
}

static void open_world(struct world *world, unsigned kind)
{
    const struct auth_hooks hooks = {.read_secret = read_secret, .load = load, .keep = keep};
    describe(world, kind);
    mtr_arena_init(&world->arena, 4096, 16 << 20);
    int rc = auth_keeper_open(&hooks, &world->keeper);
    if (!rc) rc = auth_open(world->keeper, &world->source, &world->session);
    MTR_ASSERT(rc == MTR_OK);
}

static void close_world(struct world *world)
{
    auth_close(world->session);
    auth_keeper_close(world->keeper);
    mtr_arena_release(&world->arena);
}

static enum auth_step prepare(struct world *world, struct auth_turn *turn)
{
    enum auth_step step;
    world->call = (struct source_call){.method = MTR_STR("GET")};
    int rc = source_call_set_url(&world->call, MTR_STR("https://api.example/usage"), &world->arena);
    *turn = (struct auth_turn){.base = &world->source.base, .now_us = NOW_US, .arena = &world->arena, .call = &world->call};
    if (!rc) rc = auth_prepare(world->session, turn, &step);
    MTR_ASSERT(rc == MTR_OK);
    return step;
}

static void check_ready(const struct source_call *call)
{
    MTR_ASSERT(call->header_count == 1 && call->headers[0].value.size);
    for (size_t i = 0; i < call->headers[0].value.size; i++)
        MTR_ASSERT(call->headers[0].value.data[i] >= ' ' && call->headers[0].value.data[i] <= '~');
}

/* No eight bytes of it in a row. */
static bool shows(const char *text, const char *secret)
{
    for (size_t i = 0; i + 8 <= strlen(secret); i++)
        if (memmem(text, strlen(text), secret + i, 8)) return true;
    return false;
}

/* A vendor that repeats a part of it is beyond help. */
static bool has_torn(struct mtr_str body, const char *secret)
{
    for (size_t i = 0; i < body.size;) {
        const struct mtr_str rest = {body.data + i, body.size - i};
        const bool is_whole = mtr_str_starts_with(rest, mtr_str_from(secret));
        for (size_t k = 0; !is_whole && k + 8 <= strlen(secret); k++)
            if (mtr_str_starts_with(rest, (struct mtr_str){secret + k, 8})) return true;
        i += is_whole ? strlen(secret) : 1;
    }
    return false;
}

static void check_fault(const struct auth_turn *turn, enum auth_step step, bool is_torn)
{
    MTR_ASSERT(turn->again_us > NOW_US && turn->fault[0] && mtr_str_is_utf8(mtr_str_from(turn->fault)));
    MTR_ASSERT((step == AUTH_FAILED) == (turn->alarm != AUTH_ALARM_NONE));
    for (const char *p = turn->fault; *p; p++) MTR_ASSERT((unsigned char)*p >= ' ' && *p != 0x7f);
    if (!is_torn) MTR_ASSERT(!shows(turn->fault, SECRET) && !shows(turn->fault, FIRST_TOKEN));
}

static void answer(struct world *world, unsigned status, struct mtr_str headers, struct mtr_str body)
{
    struct mtr_http_answer answer;
    mtr_http_answer_init(&answer);
    answer.status = status;
    int rc = mtr_buffer_append_str(&answer.headers, headers);
    if (!rc) rc = mtr_buffer_append_str(&answer.body, body);
    MTR_ASSERT(rc == MTR_OK);
    auth_answered(world->session, &answer, NOW_US);
    mtr_http_answer_release(&answer);
}

/* A process after this one asks with what was kept. */
static void check_kept(void)
{
    struct world world;
    struct auth_turn turn;
    struct mtr_buffer field;
    const char *newest = memchr(kept, '\n', kept_size), *end = newest ? memchr(newest + 1, '\n', kept_size - (size_t)(newest + 1 - kept)) : NULL;
    MTR_ASSERT(end && kept[kept_size - 1] == '\n' && end < kept + kept_size - 1);
    open_world(&world, OAUTH2_REFRESH);
    const enum auth_step step = prepare(&world, &turn);
    MTR_ASSERT(step == AUTH_ASK);
    mtr_buffer_init(&field, KEPT_BYTES_MAX * 4);
    int rc = mtr_buffer_append_str(&field, MTR_STR("refresh_token="));
    for (const char *p = newest + 1; !rc && p < end; p++)
        rc = *p == ' ' ? mtr_buffer_append_char(&field, '+') : mtr_percent_encode(&field, (struct mtr_str){p, 1});
    MTR_ASSERT(rc == MTR_OK && memmem(turn.ask.body.data, turn.ask.body.size, field.data, field.size));
    mtr_buffer_release(&field);
    auth_not_sent(world.session);
    close_world(&world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world;
    struct auth_turn turn;
    if (size < 3 || size > 32768) return 0;
    const unsigned kind = data[0] % KINDS, status = 100 + (data[1] % 8) * 100u % 500 + data[2] % 32;
    const char *text = (const char *)data + 3, *nul = size > 3 ? memchr(text, '\0', size - 3) : NULL;
    const struct mtr_str headers = {text, nul ? (size_t)(nul - text) : 0};
    const struct mtr_str body = nul ? (struct mtr_str){nul + 1, size - 4 - headers.size} : (struct mtr_str){text, size - 3};
    kept_size = 0;
    open_world(&world, kind);
    enum auth_step step = prepare(&world, &turn);
    MTR_ASSERT(step == AUTH_ASK && turn.ask.host.size);
    answer(&world, status, headers, body);
    step = prepare(&world, &turn);
    if (step == AUTH_READY) check_ready(turn.call);
    else if (step != AUTH_ASK) check_fault(&turn, step, has_torn(body, SECRET) || has_torn(body, FIRST_TOKEN));
    else auth_not_sent(world.session);
    close_world(&world);
    if (kept_size) check_kept();
    kept_size = 0;
    return 0;
}
