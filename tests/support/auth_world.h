/*
 * Sessions with a clock, secrets and a store of refresh tokens in memory, and a vendor's answers by hand.
 */
#ifndef METERD_TESTS_SUPPORT_AUTH_WORLD_H
#define METERD_TESTS_SUPPORT_AUTH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/source/auth/auth.h"

#define AUTH_WORLD_S INT64_C(1000000)
#define AUTH_WORLD_NOW (INT64_C(1784112000) * AUTH_WORLD_S) /* 2026-07-15T10:40:00Z */

enum { AUTH_WORLD_FILES = 8, AUTH_WORLD_TEXT_BYTES = 256 };

struct auth_world {
    struct auth_keeper *keeper;
    struct source_mask *mask;
    struct mtr_arena arena;
    struct source_call call;
    int64_t now_us;
    char files[AUTH_WORLD_FILES][2][AUTH_WORLD_TEXT_BYTES]; /* name and text */
    /* What is durable, of one session. */
    char kept[AUTH_WORLD_TEXT_BYTES];
    int keep_rc;
    unsigned keeps;
};

static inline int world_read(void *context, struct mtr_str file, struct mtr_buffer *out, char fault[AUTH_FAULT_BYTES])
{
    struct auth_world *world = context;
    for (int i = 0; i < AUTH_WORLD_FILES; i++)
        if (world->files[i][0][0] && mtr_str_equal(file, mtr_str_from(world->files[i][0])))
            return mtr_buffer_append_str(out, mtr_str_from(world->files[i][1]));
    snprintf(fault, AUTH_FAULT_BYTES, "the secret file `%.*s` does not exist", MTR_STR_ARGS(file));
    return MTR_EDENIED;
}

static inline int world_load(void *context, const uint8_t key[AUTH_KEY_BYTES], struct mtr_buffer *out)
{
    struct auth_world *world = context;
    (void)key;
    return world->kept[0] ? mtr_buffer_append_str(out, mtr_str_from(world->kept)) : MTR_ENOTFOUND;
}

static inline int world_keep(void *context, const uint8_t key[AUTH_KEY_BYTES], struct mtr_str text)
{
    struct auth_world *world = context;
    (void)key;
    world->keeps++;
    if (world->keep_rc) return world->keep_rc;
    assert_true(text.size < AUTH_WORLD_TEXT_BYTES);
    snprintf(world->kept, sizeof(world->kept), "%.*s", MTR_STR_ARGS(text));
    return MTR_OK;
}

/* A process begins: sessions are gone, files and what is durable stay. */
static inline void world_start(struct auth_world *world)
{
    const struct auth_hooks hooks = {.context = world, .read_secret = world_read, .read_certificate = world_read,
                                     .load = world_load, .keep = world_keep, .mask = world->mask};
    assert_int_equal(auth_keeper_open(&hooks, &world->keeper), MTR_OK);
}

static inline void world_init(struct auth_world *world)
{
    *world = (struct auth_world){.now_us = AUTH_WORLD_NOW};
    assert_int_equal(source_mask_open(&world->mask), MTR_OK);
    mtr_arena_init(&world->arena, 4096, 16 << 20);
    world_start(world);
}

static inline void world_release(struct auth_world *world)
{
    auth_keeper_close(world->keeper);
    source_mask_close(world->mask);
    mtr_arena_release(&world->arena);
}

static inline void world_secret(struct auth_world *world, const char *file, const char *text)
{
    int place = 0;
    while (world->files[place][0][0] && strcmp(world->files[place][0], file) != 0) place++;
    assert_true(place < AUTH_WORLD_FILES);
    snprintf(world->files[place][0], AUTH_WORLD_TEXT_BYTES, "%s", file);
    snprintf(world->files[place][1], AUTH_WORLD_TEXT_BYTES, "%s", text);
}

static inline struct mtr_source world_source(const char *base)
{
    struct mtr_source source = {.key = MTR_STR("acme")};
    source.base.is_https = true;
    source.base.port = 443;
    source.base.url = mtr_str_from(base);
    source.base.host = mtr_str_from(base + 8);
    const char *slash = memchr(source.base.host.data, '/', source.base.host.size);
    if (slash) {
        source.base.path = (struct mtr_str){slash, source.base.host.size - (size_t)(slash - source.base.host.data)};
        source.base.host.size -= source.base.path.size;
    }
    return source;
}

/* A GET of url, prepared now. */
static inline enum auth_step world_prepare(struct auth_world *world, struct auth_session *session, const struct mtr_source *source, const char *url,
                                           struct auth_turn *turn)
{
    enum auth_step step;
    world->call = (struct source_call){.method = MTR_STR("GET")};
    assert_int_equal(source_call_set_url(&world->call, mtr_str_from(url), &world->arena), MTR_OK);
    *turn = (struct auth_turn){.base = &source->base, .now_us = world->now_us, .arena = &world->arena, .call = &world->call};
    for (int i = 0; i < AUTH_NONCE_BYTES; i++) turn->nonce[i] = (uint8_t)i;
    assert_int_equal(auth_prepare(session, turn, &step), MTR_OK);
    return step;
}

/* body NULL: the ASK was cancelled. */
static inline void world_answer(struct auth_world *world, struct auth_session *session, unsigned status, const char *headers, const char *body)
{
    struct mtr_http_answer answer;
    mtr_http_answer_init(&answer);
    answer.error = body ? MTR_OK : MTR_ECLOSED;
    answer.status = status;
    assert_int_equal(mtr_buffer_append_str(&answer.headers, mtr_str_from(headers)), MTR_OK);
    assert_int_equal(mtr_buffer_append_str(&answer.body, mtr_str_from(body)), MTR_OK);
    auth_answered(session, &answer, world->now_us);
    mtr_http_answer_release(&answer);
}

/* An ASK and its answer, with an hour to live. */
static inline void world_get_token(struct auth_world *world, struct auth_session *session, const struct mtr_source *source, const char *token)
{
    struct auth_turn turn;
    char url[256], body[256];
    snprintf(url, sizeof(url), "https://%.*s/", MTR_STR_ARGS(source->base.host));
    snprintf(body, sizeof(body), "{\"access_token\":\"%s\",\"expires_in\":3600}", token);
    assert_int_equal(world_prepare(world, session, source, url, &turn), AUTH_ASK);
    world_answer(world, session, 200, "", body);
}

static inline void expect_header(const struct source_call *call, const char *name, const char *value)
{
    for (uint32_t i = 0; i < call->header_count; i++) {
        if (!mtr_str_equal(call->headers[i].name, mtr_str_from(name))) continue;
        if (!mtr_str_equal(call->headers[i].value, mtr_str_from(value)))
            fail_msg("%s: %.*s, not %s", name, MTR_STR_ARGS(call->headers[i].value), value);
        return;
    }
    fail_msg("no header %s", name);
}

#endif
