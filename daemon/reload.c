/*
 * SIGHUP: what of a new configuration takes effect at once, and what waits for the next start. The loop's
 * thread.
 *
 * Handlers on other threads read the configuration through an atomic pointer; one that was replaced stays
 * allocated until everything is closed, since somebody may still be reading it. Reloads come from an
 * operator, so these are few.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "meterd/core/logline.h"
#include "meterd/net/workers.h"
#include "meterd/emitter/http_sender.h"

enum { NAMES_BYTES = 1024, KEY_BYTES = 128, ARENA_CHUNK_BYTES = 1024, ARENA_BYTES_MAX = 16 << 10 };

/* ---- what differs ---- */

static size_t member_bytes(enum mtr_field_type type)
{
    switch (type) {
    case MTR_FIELD_BOOL: return sizeof(bool);
    case MTR_FIELD_ENUM: return sizeof(int);
    case MTR_FIELD_TEXT: return 0; /* compared as text */
    default: return sizeof(uint64_t); /* U64, BYTES, DURATION: all that the rows above use */
    }
}

static bool is_equal(const struct mtr_field *row, const char *before, const char *after)
{
    struct mtr_str a, b;
    if (row->type != MTR_FIELD_TEXT)
        return memcmp(before + row->offset, after + row->offset, member_bytes(row->type)) == 0;
    memcpy(&a, before + row->offset, sizeof(a));
    memcpy(&b, after + row->offset, sizeof(b));
    return mtr_str_equal(a, b);
}

struct comparison {
    void (*on_key)(void *context, const char *section, const char *key);
    void *context;
    const char *section;
};

/* Of one section, or of a group in it. */
static void compare_rows(const struct comparison *comparison, const char *group,
                         const struct mtr_field *row, const char *before, const char *after)
{
    char key[KEY_BYTES];
    for (; row->name; row++) {
        if (row->type == MTR_FIELD_MAP) {
            compare_rows(comparison, row->name, row->fields, before + row->offset, after + row->offset);
            continue;
        }
        if (is_equal(row, before, after)) continue;
        snprintf(key, sizeof(key), "%s%s%s", group ? group : "", group ? "." : "", row->name);
        comparison->on_key(comparison->context, comparison->section, key);
    }
}

void config_compare(const struct mtr_config *before, const struct mtr_config *after,
                    void (*on_key)(void *context, const char *section, const char *key), void *context)
{
    for (const struct mtr_field *section = mtr_config_fields; section->name; section++) {
        const struct comparison comparison = {on_key, context, section->name};
        compare_rows(&comparison, NULL, section->fields, (const char *)before + section->offset,
                     (const char *)after + section->offset);
    }
}

/* ---- what is taken ---- */

/* What takes effect at once: values that are read where they are used, and hold no text. */
static const struct {
    const char *section, *key; /* key NULL: all of the section */
} live[] = {
    {"logline", NULL},
    {"limits", NULL},
    {"query", "rows_max"},
    {"query", "calls_max"},
    {"query", "cpu_max"},
    {"query", "memory_max"},
    {"outbox", "allow_loopback"},
    {"outbox", "allow_private"},
    {"poller", "allow_loopback"},
    {"poller", "allow_private"},
    {"listen", "tls.certificate"},
    {"listen", "tls.key"},
    {"listen", "tls.client_ca"},
    {"admin", "tls.certificate"},
    {"admin", "tls.key"},
    {"admin", "tls.client_ca"},
};

/* Does the listener of that section go on to speak TLS, or not to speak it? Turning it on or off is for the
 * next start: a line that is gone by mistake should not open a port in the clear. */
static bool keeps_tls(const struct mtr_config_tls *before, const struct mtr_config_tls *fresh)
{
    return (before->certificate.size > 0) == (fresh->certificate.size > 0);
}

static bool is_live(const char *section, const char *key)
{
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
        if (strcmp(live[i].section, section) == 0 && (!live[i].key || strcmp(live[i].key, key) == 0))
            return true;
    return false;
}

struct mtr_kept_config {
    struct mtr_config config; /* its text is the first one's, but for names of certificates */
    struct mtr_kept_config *before;
};

struct changes {
    char now[NAMES_BYTES], later[NAMES_BYTES];
    bool keeps_listen, keeps_admin; /* as keeps_tls says */
};

static void on_key(void *context, const char *section, const char *key)
{
    struct changes *changes = context;
    const bool is_of_tls = strncmp(key, "tls.", 4) == 0;
    const bool waits = is_of_tls && !(strcmp(section, "admin") == 0 ? changes->keeps_admin
                                                                    : changes->keeps_listen);
    char *names = is_live(section, key) && !waits ? changes->now : changes->later;
    size_t used = strlen(names);
    snprintf(names + used, NAMES_BYTES - used, "%s%s.%s", used ? ", " : "", section, key);
}

/* Names of files: the fresh ones where they are taken, which live as long as the arena. */
static int take_tls(struct mtr_arena *arena, struct mtr_config_tls *tls, const struct mtr_config_tls *fresh)
{
    struct mtr_config_tls copy;
    if (!keeps_tls(tls, fresh)) return MTR_OK;
    int rc = mtr_arena_copy(arena, fresh->certificate, &copy.certificate);
    if (!rc) rc = mtr_arena_copy(arena, fresh->key, &copy.key);
    if (!rc) rc = mtr_arena_copy(arena, fresh->client_ca, &copy.client_ca);
    if (!rc) *tls = copy;
    return rc;
}

/* Whatever their names: the files may be others. */
static void read_tls_again(struct mtr_daemon *daemon, const struct mtr_config *fresh)
{
    listener_tls_reload(daemon->tls[LISTENER_API], &fresh->listen.tls);
    listener_tls_reload(daemon->tls[LISTENER_ADMIN], &fresh->admin.tls);
}

void daemon_take_config(struct mtr_daemon *daemon, const struct mtr_config *fresh)
{
    const struct mtr_config *before = daemon->config;
    struct changes changes = {.keeps_listen = keeps_tls(&before->listen.tls, &fresh->listen.tls),
                              .keeps_admin = keeps_tls(&before->admin.tls, &fresh->admin.tls)};
    config_compare(before, fresh, on_key, &changes);
    struct mtr_kept_config *kept = malloc(sizeof(*kept));
    if (!kept) {
        mtr_logline(MTR_LEVEL_ERROR, "daemon", "the configuration was not reloaded: out of memory");
        return;
    }
    kept->before = daemon->kept_configs;
    daemon->kept_configs = kept;
    struct mtr_config *after = &kept->config;
    *after = *before;
    mtr_arena_init(&after->arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    if (take_tls(&after->arena, &after->listen.tls, &fresh->listen.tls) ||
        take_tls(&after->arena, &after->admin.tls, &fresh->admin.tls))
        mtr_logline(MTR_LEVEL_ERROR, "daemon", "names of certificates were not reloaded: out of memory");
    after->logline = fresh->logline;
    after->limits = fresh->limits;
    after->query.rows_max = fresh->query.rows_max;
    after->query.calls_max = fresh->query.calls_max;
    after->query.cpu_max = fresh->query.cpu_max;
    after->query.memory_max = fresh->query.memory_max;
    after->outbox.allow_loopback = fresh->outbox.allow_loopback;
    after->outbox.allow_private = fresh->outbox.allow_private;
    after->poller.allow_loopback = fresh->poller.allow_loopback;
    after->poller.allow_private = fresh->poller.allow_private;
    daemon->config = after;
    mtr_workers_limit(daemon->queries, (uint32_t)after->query.calls_max);
    mtr_http_sender_allow(daemon->sender, after->outbox.allow_loopback, after->outbox.allow_private);
    polling_allow(daemon->polling, after->poller.allow_loopback, after->poller.allow_private);
    mtr_logline_set_level((enum mtr_logline_level)fresh->logline.level);
    mtr_logline_set_format((enum mtr_logline_format)fresh->logline.format);
    const char *nothing = changes.later[0] ? "nothing takes effect now" : "nothing changed";
    mtr_logline(MTR_LEVEL_INFO, "daemon", "reloaded the configuration: %s",
                changes.now[0] ? changes.now : nothing);
    if (changes.later[0])
        mtr_logline(MTR_LEVEL_WARNING, "daemon", "at the next start only: %s", changes.later);
    read_tls_again(daemon, fresh);
}

void daemon_drop_configs(struct mtr_daemon *daemon)
{
    while (daemon->kept_configs) {
        struct mtr_kept_config *kept = daemon->kept_configs;
        daemon->kept_configs = kept->before;
        config_release(&kept->config);
        free(kept);
    }
}
