/*
 * What drivers share: secrets that were read, the token and its times, faults.
 */
#include "collector/source/auth/session.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/time.h"
#include "meterd/net/crypto.h"
#include "meterd/source/row_path.h"

#define SPARE_US (INT64_C(60) * MTR_US_PER_SECOND)

int auth_fail(struct auth_session *session, enum auth_alarm alarm, const char *format, ...)
{
    va_list args;
    session->alarm = alarm;
    va_start(args, format);
    vsnprintf(session->fault, sizeof(session->fault), format, args);
    va_end(args);
    return MTR_EDENIED;
}

/* ---- secrets ---- */

/* NULL: out of memory. */
static struct auth_seen *seen_of(struct auth_session *session, struct mtr_str file)
{
    for (uint32_t i = 0; i < session->seen_count; i++)
        if (mtr_str_equal(session->seen[i].file, file)) return &session->seen[i];
    MTR_ASSERT(session->seen_count < AUTH_FILES_MAX);
    struct auth_seen *seen = &session->seen[session->seen_count];
    *seen = (struct auth_seen){0};
    if (mtr_arena_copy(&session->arena, file, &seen->file)) return NULL;
    session->seen_count++;
    return seen;
}

static int read_file(struct auth_session *session, struct mtr_str file, struct mtr_buffer *out,
                     char fault[AUTH_FAULT_BYTES])
{
    const size_t before = out->size;
    int rc = session->hooks->read_secret(session->hooks->context, file, out, fault);
    if (!rc && session->hooks->mask)
        rc = source_mask_add(session->hooks->mask,
                             (struct mtr_str){out->data + before, out->size - before});
    return rc;
}

int auth_read_secret(struct auth_session *session, struct mtr_str file, struct mtr_buffer *out)
{
    struct auth_seen *seen = seen_of(session, file);
    char fault[AUTH_FAULT_BYTES] = "";
    uint8_t digest[AUTH_KEY_BYTES];
    const size_t before = out->size;
    if (!seen) return MTR_ENOMEM;
    int rc = read_file(session, file, out, fault);
    if (!rc)
        rc = mtr_digest_of(MTR_SHA256, (struct mtr_str){out->data + before, out->size - before}, digest);
    if (rc == MTR_EDENIED) {
        seen->is_read = false;
        return auth_fail(session, AUTH_ALARM_AUTH, "%s", fault);
    }
    if (rc) return rc;
    if (!seen->is_read || memcmp(seen->digest, digest, sizeof(digest)) != 0) session->number++;
    seen->is_read = true;
    memcpy(seen->digest, digest, sizeof(digest));
    return MTR_OK;
}

bool auth_secrets_changed(struct auth_session *session)
{
    bool is_changed = false;
    for (uint32_t i = 0; i < session->seen_count && !is_changed; i++) {
        struct mtr_buffer text;
        char fault[AUTH_FAULT_BYTES];
        uint8_t digest[AUTH_KEY_BYTES];
        mtr_buffer_init(&text, AUTH_SECRET_BYTES_MAX + 1);
        if (!read_file(session, session->seen[i].file, &text, fault) &&
            !mtr_digest_of(MTR_SHA256, mtr_buffer_str(&text), digest))
            is_changed =
                !session->seen[i].is_read || memcmp(session->seen[i].digest, digest, sizeof(digest)) != 0;
        secret_wipe(&text);
    }
    return is_changed;
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
