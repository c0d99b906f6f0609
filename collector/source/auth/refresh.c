/*
 * What is kept: three lines, the hash of the first token in hexadecimal digits, the newest, the one before.
 */
#include "collector/source/auth/refresh.h"

#include <string.h>

#include "meterd/net/crypto.h"

enum { KEPT_BYTES_MAX = 2 * AUTH_TOKEN_BYTES_MAX + 256, HASH_TEXT_BYTES = 2 * AUTH_KEY_BYTES };

void refresh_init(struct auth_refresh *refresh)
{
    *refresh = (struct auth_refresh){0};
    mtr_buffer_init(&refresh->newest, AUTH_SECRET_BYTES_MAX + 1);
    mtr_buffer_init(&refresh->previous, AUTH_SECRET_BYTES_MAX + 1);
}

void refresh_wipe(struct auth_refresh *refresh)
{
    secret_wipe(&refresh->newest);
    secret_wipe(&refresh->previous);
}

static int replace(struct auth_session *session, struct mtr_buffer *buffer, struct mtr_str text)
{
    if (buffer->data) explicit_bzero(buffer->data, buffer->capacity);
    mtr_buffer_reset(buffer);
    int rc = text.size && session->hooks->mask ? source_mask_add(session->hooks->mask, text) : MTR_OK;
    return rc ? rc : mtr_buffer_append_str(buffer, text);
}

static struct mtr_str cut_line(struct mtr_str *text)
{
    const char *end = text->size ? memchr(text->data, '\n', text->size) : NULL;
    const struct mtr_str line = {text->data, end ? (size_t)(end - text->data) : text->size};
    const size_t step = line.size + (end != NULL);
    *text = (struct mtr_str){text->data + step, text->size - step};
    return line;
}

static int write_origin(const struct auth_refresh *refresh, struct mtr_buffer *out)
{
    return mtr_hex_encode(out, (struct mtr_str){(const char *)refresh->origin, AUTH_KEY_BYTES});
}

/* What was kept of the same first token, or of any when there is no file. *found: it is taken. */
static int take_kept(struct auth_session *session, struct auth_refresh *refresh, bool has_file, bool *found)
{
    struct mtr_buffer kept, origin;
    *found = false;
    if (!session->hooks->load) return MTR_OK;
    mtr_buffer_init(&kept, KEPT_BYTES_MAX);
    mtr_buffer_init(&origin, HASH_TEXT_BYTES);
    int rc = auth_load_kept(session, &kept);
    if (rc == MTR_ENOTFOUND || rc == MTR_ECORRUPT) {
        rc = MTR_OK; /* the first one is tried then */
        goto out;
    }
    if (!rc) rc = write_origin(refresh, &origin);
    if (rc) goto out;
    struct mtr_str text = mtr_buffer_str(&kept);
    const struct mtr_str hash = cut_line(&text), newest = cut_line(&text), previous = cut_line(&text);
    if (!newest.size || (has_file && !mtr_str_equal(hash, mtr_buffer_str(&origin)))) goto out;
    *found = true;
    rc = replace(session, &refresh->newest, newest);
    if (!rc) rc = replace(session, &refresh->previous, previous);
out:
    secret_wipe(&kept);
    mtr_buffer_release(&origin);
    return rc;
}

static int load(struct auth_session *session, struct auth_refresh *refresh, struct mtr_str first)
{
    bool found = false;
    int rc = take_kept(session, refresh, first.size > 0, &found);
    if (!rc && !found && !first.size) return MTR_EDENIED; /* auth_fail has said that there is no file */
    if (!rc && !found) rc = replace(session, &refresh->newest, first);
    if (!rc && !found) rc = replace(session, &refresh->previous, (struct mtr_str){0});
    if (rc) return rc;
    refresh->is_loaded = true;
    refresh->uses_previous = false;
    session->kept_rotations = session->rotations;
    return MTR_OK;
}

int refresh_use(struct auth_session *session, struct auth_refresh *refresh, struct mtr_str file,
                struct mtr_str *out)
{
    struct mtr_buffer first;
    uint8_t origin[AUTH_KEY_BYTES];
    mtr_buffer_init(&first, AUTH_SECRET_BYTES_MAX + 1);
    int rc = auth_read_secret(session, file, &first);
    if (!rc) rc = mtr_digest_of(MTR_SHA256, mtr_buffer_str(&first), origin);
    if (!rc && (!refresh->is_loaded || memcmp(origin, refresh->origin, sizeof(origin)) != 0)) {
        memcpy(refresh->origin, origin, sizeof(origin));
        refresh->is_loaded = false;
        rc = load(session, refresh, mtr_buffer_str(&first));
    } else if (rc == MTR_EDENIED) { /* the file may be gone once something is kept */
        rc = refresh->is_loaded ? MTR_OK : load(session, refresh, (struct mtr_str){0});
    }
    secret_wipe(&first);
    *out = mtr_buffer_str(refresh->uses_previous ? &refresh->previous : &refresh->newest);
    return rc;
}

static bool is_line(struct mtr_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < ' ') return false;
    return text.size <= AUTH_TOKEN_BYTES_MAX;
}

int refresh_rotate(struct auth_session *session, struct auth_refresh *refresh, struct mtr_str next)
{
    struct mtr_buffer *used = refresh->uses_previous ? &refresh->previous : &refresh->newest;
    if (!is_line(next))
        return auth_fail(session, AUTH_ALARM_AUTH, "the vendor's refresh token is no line of text");
    if (!next.size || mtr_str_equal(next, mtr_buffer_str(used))) return MTR_OK;
    int rc = refresh->uses_previous ? MTR_OK : replace(session, &refresh->previous, mtr_buffer_str(used));
    if (!rc) rc = replace(session, &refresh->newest, next);
    if (rc) return rc;
    refresh->uses_previous = false;
    session->rotations++; /* it is not durable */
    return MTR_OK;
}

int refresh_keep(struct auth_session *session, struct auth_refresh *refresh, bool may_try)
{
    struct mtr_buffer text;
    if (session->kept_rotations == session->rotations) return MTR_OK;
    if (!may_try) return MTR_EAGAIN;
    if (!session->hooks->keep) {
        auth_fail(session, AUTH_ALARM_NONE,
                  "the vendor rotates refresh tokens, and there is nowhere to keep them");
        return MTR_EAGAIN;
    }
    mtr_buffer_init(&text, KEPT_BYTES_MAX);
    int rc = write_origin(refresh, &text);
    if (!rc) rc = mtr_buffer_printf(&text, "\n%.*s\n%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&refresh->newest)),
                                    MTR_STR_ARGS(mtr_buffer_str(&refresh->previous)));
    if (!rc) rc = auth_keep(session, mtr_buffer_str(&text));
    secret_wipe(&text);
    return rc;
}

bool refresh_refused(struct auth_refresh *refresh)
{
    refresh->uses_previous = !refresh->uses_previous && refresh->previous.size > 0;
    return refresh->uses_previous;
}
