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
#include "meterd/emitter/http_sender.h"

enum { NAMES_BYTES = 1024 };

/* What takes effect at once: values that are read where they are used, and hold no text. */
static const struct {
    const char *section, *key; /* key NULL: all of the section */
} live[] = {
    {"logline", NULL},
    {"query", NULL},
    {"outbox", "allow_loopback"},
    {"outbox", "allow_private"},
    {"poller", "allow_loopback"},
    {"poller", "allow_private"},
};

static bool is_live(const char *section, const char *key)
{
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
        if (strcmp(live[i].section, section) == 0 && (!live[i].key || strcmp(live[i].key, key) == 0))
            return true;
    return false;
}

struct mtr_kept_config {
    struct mtr_config config; /* its text is the first one's */
    struct mtr_kept_config *before;
};

struct changes {
    char now[NAMES_BYTES], later[NAMES_BYTES];
};

static void on_key(void *context, const char *section, const char *key)
{
    struct changes *changes = context;
    char *names = is_live(section, key) ? changes->now : changes->later;
    size_t used = strlen(names);
    snprintf(names + used, NAMES_BYTES - used, "%s%s.%s", used ? ", " : "", section, key);
}

void daemon_take_config(struct mtr_daemon *daemon, const struct mtr_config *fresh)
{
    struct changes changes = {{0}, {0}};
    const struct mtr_config *before = daemon->config;
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
    after->logline = fresh->logline;
    after->query = fresh->query;
    after->outbox.allow_loopback = fresh->outbox.allow_loopback;
    after->outbox.allow_private = fresh->outbox.allow_private;
    after->poller.allow_loopback = fresh->poller.allow_loopback;
    after->poller.allow_private = fresh->poller.allow_private;
    daemon->config = after;
    mtr_http_sender_allow(daemon->sender, after->outbox.allow_loopback, after->outbox.allow_private);
    polling_allow(daemon->polling, after->poller.allow_loopback, after->poller.allow_private);
    mtr_logline_set_level((enum mtr_logline_level)fresh->logline.level);
    mtr_logline_set_format((enum mtr_logline_format)fresh->logline.format);
    const char *nothing = changes.later[0] ? "nothing takes effect now" : "nothing changed";
    mtr_logline(MTR_LEVEL_INFO, "daemon", "reloaded the configuration: %s",
                changes.now[0] ? changes.now : nothing);
    if (changes.later[0])
        mtr_logline(MTR_LEVEL_WARNING, "daemon", "at the next start only: %s", changes.later);
}

void daemon_drop_configs(struct mtr_daemon *daemon)
{
    while (daemon->kept_configs) {
        struct mtr_kept_config *kept = daemon->kept_configs;
        daemon->kept_configs = kept->before;
        free(kept);
    }
}
