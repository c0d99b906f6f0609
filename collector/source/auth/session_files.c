/*
 * Files of a session: secrets that are read, refresh tokens that are loaded and kept. Each has one access
 * under way at most, and whoever needs what it gives waits, at most AUTH_FILE_US_MAX without a word.
 */
#include <stdio.h>
#include <string.h>

#include "collector/source/auth/file_access.h"
#include "collector/source/auth/session.h"
#include "meterd/core/time.h"
#include "meterd/net/crypto.h"

#define FRESH_US MTR_US_PER_SECOND

static const char is_late_text[] =
    "it takes longer than 10 seconds: is the disk or the mount there on which it stands?";

static void take_access(struct auth_session *session, struct file_access *access, int64_t now_us);

/* NULL: out of memory. */
static struct file_access *new_access(enum file_access_kind kind, struct auth_session *session,
                                      struct mtr_str name)
{
    struct file_access *access = file_access_new(kind, session, name);
    if (access) access->take = take_access;
    return access;
}

/* ---- what came of a file ---- */

/* Where nothing is run apart it costs nothing to look again. */
static bool is_fresh(const struct auth_session *session, const struct auth_file *file)
{
    const int64_t age_us = session->now_us - file->came_us;
    return session->hooks->run && file->came_us && age_us >= 0 && age_us < FRESH_US;
}

/* MTR_OK: something has come. MTR_EAGAIN: it is on its way (is_waiting). MTR_ETIMEDOUT: for too long. */
static int fetch(struct auth_session *session, struct auth_file *file, enum file_access_kind kind,
                 struct mtr_str name)
{
    if (!file->access && !is_fresh(session, file)) {
        file->access = new_access(kind, session, name);
        if (!file->access) return MTR_ENOMEM;
        file->asked_us = session->now_us;
        file_access_begin(file->access, session->now_us);
    }
    if (!file->access) return MTR_OK;
    if (session->now_us - file->asked_us >= AUTH_FILE_US_MAX) return MTR_ETIMEDOUT;
    session->is_waiting = true;
    return MTR_EAGAIN;
}

static void take(struct auth_file *file, const struct file_access *access, int64_t now_us)
{
    file->access = NULL;
    file->came_us = now_us;
    file->rc = access->rc;
    if (file->text.data) explicit_bzero(file->text.data, file->text.capacity);
    mtr_buffer_reset(&file->text);
    if (!file->rc) file->rc = mtr_buffer_append_str(&file->text, mtr_buffer_str(&access->text));
    snprintf(file->fault, sizeof(file->fault), "%s", access->fault);
}

/* ---- secrets ---- */

/* seen_count: there is none. */
static uint32_t find_seen(const struct auth_session *session, struct mtr_str name)
{
    uint32_t i = 0;
    while (i < session->seen_count && !mtr_str_equal(session->seen[i].name, name)) i++;
    return i;
}

/* NULL: out of memory. */
static struct auth_seen *seen_of(struct auth_session *session, struct mtr_str name, bool is_certificate)
{
    const uint32_t place = find_seen(session, name);
    if (place < session->seen_count) return &session->seen[place];
    MTR_ASSERT(session->seen_count < AUTH_FILES_MAX);
    struct auth_seen *seen = &session->seen[place];
    *seen = (struct auth_seen){.is_certificate = is_certificate};
    mtr_buffer_init(&seen->file.text, AUTH_SECRET_BYTES_MAX + 1);
    if (mtr_arena_copy(&session->arena, name, &seen->name)) return NULL;
    session->seen_count++;
    return seen;
}

static int use(struct auth_session *session, struct auth_seen *seen, struct mtr_buffer *out)
{
    const struct mtr_str text = mtr_buffer_str(&seen->file.text);
    uint8_t digest[AUTH_KEY_BYTES];
    const bool is_masked = session->hooks->mask && !seen->is_certificate;
    int rc = is_masked ? source_mask_add(session->hooks->mask, text) : MTR_OK;
    if (!rc) rc = mtr_digest_of(MTR_SHA256, text, digest);
    if (!rc) rc = mtr_buffer_append_str(out, text);
    if (rc) return rc;
    if (!seen->is_read || memcmp(seen->digest, digest, sizeof(digest)) != 0) session->number++;
    seen->is_read = true;
    memcpy(seen->digest, digest, sizeof(digest));
    return MTR_OK;
}

static int fetch_seen(struct auth_session *session, struct auth_seen *seen)
{
    const enum file_access_kind kind = seen->is_certificate ? FILE_ACCESS_CERTIFICATE : FILE_ACCESS_READ;
    return fetch(session, &seen->file, kind, seen->name);
}

static int read_seen(struct auth_session *session, struct auth_seen *seen, struct mtr_buffer *out)
{
    if (!seen) return MTR_ENOMEM;
    int rc = fetch_seen(session, seen);
    if (rc == MTR_ETIMEDOUT) {
        seen->is_read = false;
        return auth_fail(session, AUTH_ALARM_AUTH, "the %s file `%.*s%s` cannot be read: %s",
                         seen->is_certificate ? "certificate" : "secret", MTR_STR_QUOTED(seen->name),
                         is_late_text);
    }
    if (rc) return rc;
    if (seen->file.rc != MTR_EDENIED) return seen->file.rc ? seen->file.rc : use(session, seen, out);
    seen->is_read = false;
    return auth_fail(session, AUTH_ALARM_AUTH, "%s", seen->file.fault);
}

int auth_read_secret(struct auth_session *session, struct mtr_str file, struct mtr_buffer *out)
{
    return read_seen(session, seen_of(session, file, false), out);
}

int auth_read_certificate(struct auth_session *session, struct mtr_str file, struct mtr_buffer *out)
{
    return read_seen(session, seen_of(session, file, true), out);
}

int auth_known_secret(const struct auth_session *session, struct mtr_str file, struct mtr_buffer *out)
{
    const uint32_t place = find_seen(session, file);
    const bool is_known = place < session->seen_count && !session->seen[place].file.rc;
    return is_known ? mtr_buffer_append_str(out, mtr_buffer_str(&session->seen[place].file.text)) : MTR_OK;
}

static bool is_another(const struct auth_seen *seen)
{
    uint8_t digest[AUTH_KEY_BYTES];
    if (seen->file.rc || mtr_digest_of(MTR_SHA256, mtr_buffer_str(&seen->file.text), digest)) return false;
    return !seen->is_read || memcmp(seen->digest, digest, sizeof(digest)) != 0;
}

enum auth_change auth_secrets_changed(struct auth_session *session)
{
    bool is_changed = false, is_coming = false;
    for (uint32_t i = 0; i < session->seen_count && !is_changed; i++) {
        struct auth_seen *seen = &session->seen[i];
        const int rc = fetch_seen(session, seen);
        is_coming = is_coming || rc == MTR_EAGAIN;
        is_changed = !rc && is_another(seen);
    }
    return is_changed ? AUTH_CHANGED : is_coming ? AUTH_COMING : AUTH_SAME;
}

void auth_forget_secrets(struct auth_session *session)
{
    for (uint32_t i = 0; i < session->seen_count; i++) session->seen[i].file.came_us = 0;
}

/* ---- refresh tokens ---- */

int auth_load_kept(struct auth_session *session, struct mtr_buffer *out)
{
    int rc = fetch(session, &session->kept, FILE_ACCESS_LOAD, (struct mtr_str){NULL, 0});
    if (rc == MTR_ETIMEDOUT) {
        auth_fail(session, AUTH_ALARM_NONE, "the refresh tokens that were kept cannot be read: %s",
                  is_late_text);
        return MTR_EAGAIN;
    }
    if (!rc) rc = session->kept.rc;
    return rc ? rc : mtr_buffer_append_str(out, mtr_buffer_str(&session->kept.text));
}

static int fail_to_keep(struct auth_session *session, const char *why)
{
    auth_fail(session, AUTH_ALARM_NONE,
              "the refresh token that the vendor has just given cannot be kept (%s); its access token waits "
              "for that", why);
    return MTR_EAGAIN;
}

static int wait_for_keep(struct auth_session *session)
{
    if (session->now_us - session->keep_asked_us >= AUTH_FILE_US_MAX)
        return fail_to_keep(session, is_late_text);
    session->is_waiting = true;
    return MTR_EAGAIN;
}

int auth_keep(struct auth_session *session, struct mtr_str text)
{
    if (session->keep) return wait_for_keep(session);
    struct file_access *access = new_access(FILE_ACCESS_KEEP, session, (struct mtr_str){NULL, 0});
    int rc = access ? mtr_buffer_append_str(&access->text, text) : MTR_ENOMEM;
    if (rc) {
        if (access) file_access_free(access);
        return fail_to_keep(session, mtr_error_text(rc));
    }
    access->number = session->rotations;
    session->keep = access;
    session->keep_asked_us = session->now_us;
    file_access_begin(access, session->now_us);
    if (session->keep) return wait_for_keep(session);
    return session->keep_rc ? fail_to_keep(session, mtr_error_text(session->keep_rc)) : MTR_OK;
}

/* Of one that was run apart somebody must be told. */
static void take_keep(struct auth_session *session, const struct file_access *access, int64_t now_us)
{
    session->keep = NULL;
    session->keep_rc = access->rc;
    session->kept.came_us = 0;
    if (!access->rc && access->number == session->rotations) session->kept_rotations = session->rotations;
    if (!access->rc || !session->hooks->run) return;
    (void)fail_to_keep(session, mtr_error_text(access->rc));
    auth_wait_longer(session, 0, now_us);
}

/* ---- ends ---- */

static void take_access(struct auth_session *session, struct file_access *access, int64_t now_us)
{
    if (access == session->keep) take_keep(session, access, now_us);
    else if (access == session->kept.access) take(&session->kept, access, now_us);
    for (uint32_t i = 0; i < session->seen_count; i++)
        if (access == session->seen[i].file.access) take(&session->seen[i].file, access, now_us);
}

static void release(struct auth_file *file)
{
    if (file->access) file->access->session = NULL;
    secret_wipe(&file->text);
}

void auth_release_files(struct auth_session *session)
{
    if (session->keep) session->keep->session = NULL;
    release(&session->kept);
    for (uint32_t i = 0; i < session->seen_count; i++) release(&session->seen[i].file);
}
