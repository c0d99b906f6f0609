/*
 * What drivers share: the token and its times, faults. Their files are in session_files.c.
 */
#include "collector/source/auth/session.h"

#include <stdio.h>
#include <string.h>

#include "collector/source/limits/backoff.h"
#include "meterd/core/time.h"
#include "meterd/source/row_path.h"

#define SPARE_US (INT64_C(60) * MTR_US_PER_SECOND)
#define AGAIN_FIRST_US (INT64_C(5) * MTR_US_PER_SECOND)
#define AGAIN_MOST_US (INT64_C(600) * MTR_US_PER_SECOND)

int auth_fail(struct auth_session *session, enum auth_alarm alarm, const char *format, ...)
{
    va_list args;
    session->alarm = alarm;
    va_start(args, format);
    vsnprintf(session->fault, sizeof(session->fault), format, args);
    va_end(args);
    return MTR_EDENIED;
}

void auth_wait_longer(struct auth_session *session, int64_t wait_us, int64_t now_us)
{
    uint64_t seed;
    memcpy(&seed, session->key, sizeof(seed));
    session->failures++;
    const int64_t own_us = backoff_us(seed, session->failures, AGAIN_FIRST_US, AGAIN_MOST_US);
    session->again_us = now_us + mtr_time_later(own_us, wait_us);
}

int auth_mask(struct auth_session *session, struct source_mask *mask)
{
    int rc = source_mask_add(mask, mtr_buffer_str(&session->token));
    for (uint32_t i = 0; i < session->seen_count && !rc; i++)
        rc = source_mask_add(mask, mtr_buffer_str(&session->seen[i].file.text));
    return rc;
}

/* ---- tokens ---- */

static bool is_token(struct mtr_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~') return false;
    return text.size > 0 && text.size <= AUTH_TOKEN_BYTES_MAX;
}

int auth_take_token(struct auth_session *session, struct mtr_str token, int64_t ttl_us, int64_t now_us)
{
    if (!is_token(token))
        return auth_fail(session, AUTH_ALARM_AUTH,
                         "the vendor's answer holds no token where one was expected, or one that no header "
                         "can carry");
    int rc = session->hooks->mask ? source_mask_add(session->hooks->mask, token) : MTR_OK;
    if (rc) return rc;
    secret_wipe(&session->token);
    mtr_buffer_init(&session->token, AUTH_TOKEN_BYTES_MAX);
    rc = mtr_buffer_append_str(&session->token, token);
    if (rc) return rc;
    if (ttl_us < 0) ttl_us = 0;
    session->number++;
    session->ends_us = now_us + ttl_us;
    session->renew_us = now_us + mtr_time_sooner(ttl_us / 5 * 4, ttl_us - SPARE_US);
    session->renew_us = mtr_time_later(session->renew_us, now_us + ttl_us / 2);
    return MTR_OK;
}

int auth_add_header(struct auth_turn *turn, struct source_call *call, struct mtr_str name,
                    struct mtr_str value)
{
    struct mtr_str copy;
    int rc = mtr_arena_copy(turn->arena, value, &copy);
    return rc ? rc : source_call_add_header(call, name, copy);
}

/* ---- answers ---- */

static const struct mtr_node *child_of(const struct mtr_node *node, const struct mtr_row_path_step *step)
{
    if (step->kind == MTR_ROW_STEP_PLACE)
        return node->kind == MTR_NODE_LIST && step->place < node->child_count ? &node->children[step->place]
                                                                              : NULL;
    for (uint32_t i = 0; node->kind == MTR_NODE_MAP && i < node->child_count; i++)
        if (mtr_str_equal(node->children[i].key, step->name)) return &node->children[i];
    return NULL;
}

struct mtr_str auth_value_at(const struct mtr_node *root, struct mtr_str path, struct mtr_arena *arena)
{
    const struct mtr_str none = {0};
    struct mtr_row_path steps;
    if (mtr_row_path_parse(path, arena, &steps) || steps.climbs || steps.has_each) return none;
    const struct mtr_row_path_step whole = {.kind = MTR_ROW_STEP_NAME, .name = path};
    const struct mtr_node *node = root;
    for (uint32_t i = 0; node && i < steps.step_count; i++) node = child_of(node, &steps.steps[i]);
    if (!steps.step_count) node = child_of(root, &whole);
    const bool is_scalar = node && (node->kind == MTR_NODE_STRING || node->kind == MTR_NODE_NUMBER);
    return is_scalar ? node->text : none;
}
