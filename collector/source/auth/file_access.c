/*
 * Accesses: what they carry, and their life. Secrets of one directory hang together, four of them at a time:
 * one file that hangs, as a link to elsewhere, keeps its neighbours from nothing. Tokens are kept and loaded
 * one after the other, so that whoever loads has what was kept before.
 */
#include "collector/source/auth/file_access.h"

#include <stdlib.h>
#include <string.h>

#include "collector/source/auth/session.h"

enum { SECRETS_AT_A_TIME = 4, TOKENS_AT_A_TIME = 1 };

static void work(struct mtr_blocking_job *job)
{
    struct file_access *access = (struct file_access *)job;
    const struct auth_hooks *hooks = &access->hooks;
    switch (access->kind) {
    case FILE_ACCESS_READ:
        access->rc = hooks->read_secret(hooks->context, access->file, &access->text, access->fault);
        break;
    case FILE_ACCESS_CERTIFICATE:
        access->rc = hooks->read_certificate(hooks->context, access->file, &access->text, access->fault);
        break;
    case FILE_ACCESS_LOAD: access->rc = hooks->load(hooks->context, access->key, &access->text); break;
    case FILE_ACCESS_KEEP:
        access->rc = hooks->keep(hooks->context, access->key, mtr_buffer_str(&access->text));
        break;
    }
}

static void drop(struct mtr_blocking_job *job) { file_access_free((struct file_access *)job); }

/* Credentials of systemd have names alone, and one directory. */
static struct mtr_str directory_of(struct mtr_str file)
{
    const char *end = file.size ? memrchr(file.data, '/', file.size) : NULL;
    return (struct mtr_str){file.data, end ? (size_t)(end - file.data) : 0};
}

struct file_access *file_access_new(enum file_access_kind kind, struct auth_session *session,
                                    struct mtr_str file)
{
    const bool is_given = kind == FILE_ACCESS_READ || kind == FILE_ACCESS_CERTIFICATE;
    struct file_access *access = calloc(1, sizeof(*access) + file.size);
    if (!access) return NULL;
    char *name = (char *)(access + 1);
    if (file.size) memcpy(name, file.data, file.size);
    access->kind = kind;
    access->hooks = *session->hooks;
    access->session = session;
    access->file = (struct mtr_str){name, file.size};
    access->job.lane = is_given ? directory_of(access->file) : MTR_STR("tokens");
    access->job.lane_jobs_max = is_given ? SECRETS_AT_A_TIME : TOKENS_AT_A_TIME;
    access->job.work = work;
    access->job.drop = drop;
    memcpy(access->key, session->key, AUTH_KEY_BYTES);
    mtr_buffer_init(&access->text, AUTH_SECRET_BYTES_MAX + 1);
    if (access->hooks.hold) access->hooks.hold(access->hooks.context);
    return access;
}

void file_access_free(struct file_access *access)
{
    if (access->hooks.release) access->hooks.release(access->hooks.context);
    secret_wipe(&access->text);
    free(access);
}

void file_access_end(struct file_access *access, int64_t now_us)
{
    if (access->session) access->take(access->session, access, now_us);
    file_access_free(access);
}

void file_access_begin(struct file_access *access, int64_t now_us)
{
    if (access->hooks.run) {
        access->hooks.run(access->hooks.run_context, &access->job);
        return;
    }
    work(&access->job);
    file_access_end(access, now_us);
}
